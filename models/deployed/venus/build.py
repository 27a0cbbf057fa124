"""How a pool starts: its markets as PoolRegistry.addMarket leaves them, each with its first supply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from poolproof.models.deployed.word import mul_div_down
from poolproof.spec.action import Action
from poolproof.spec.arithmetic import WAD
from poolproof.spec.state import Account, Journal, Ledger, Table

from .governance import GOVERNANCE_ACTIONS
from .liquidation import LIQUIDATION_ACTIONS
from .market import SHARE_RESERVE, VToken
from .pool import POOL_ACTIONS, SHORTFALL, Comptroller
from .rates import RateModel
from .users import USER_ACTIONS

FIRST_SUPPLIER: Account = "seed"
"""Who receives the vTokens of a market's first supply."""

Pool = TypeVar("Pool", bound=Comptroller)

ACTIONS: tuple[Action, ...] = (*USER_ACTIONS, *POOL_ACTIONS, *LIQUIDATION_ACTIONS, *GOVERNANCE_ACTIONS)
"""Everything that can happen to a pool."""


@dataclass(frozen=True, slots=True)
class MarketStart:
    """A market as it is added; units as in `VToken`, ``wallets`` are token balances by account."""

    name: str
    price: int
    initial_exchange_rate: int
    rate_model: RateModel
    collateral_factor: int
    liquidation_threshold: int
    reserve_factor: int
    protocol_seize_share: int
    sweep_interval: int
    initial_supply: int
    supply_cap: int
    borrow_cap: int
    wallets: dict[Account, int]


@dataclass(frozen=True, slots=True)
class PoolStart:
    """A pool as it is deployed; units as in `Comptroller`."""

    now: int
    users: tuple[Account, ...]
    close_factor: int
    liquidation_incentive: int
    min_liquidatable_collateral: int
    max_borrow_rate: int
    counts_donations: bool
    markets: tuple[MarketStart, ...]


def build(start: PoolStart) -> Comptroller:
    """The state after deployment: nobody has entered a market, and no market was ever swept."""
    journal = Journal()
    pool = without_markets(Comptroller(), start, journal)
    pool.markets = Table(journal, {market.name: _added(start, market, journal) for market in start.markets})
    return pool


def without_markets(pool: Pool, start: PoolStart, journal: Journal) -> Pool:
    """A pool to which no market was added yet, in a record made for it."""
    pool.now = start.now
    pool.close_factor = start.close_factor
    pool.liquidation_incentive = start.liquidation_incentive
    pool.min_liquidatable_collateral = start.min_liquidatable_collateral
    pool.users = start.users
    pool.entered = Ledger(journal)
    pool.delegates = Ledger(journal)
    pool.events = []
    pool.journal = journal
    pool.stamp_ = -1
    pool.markets = Table(journal, {})
    pool.distributors = Table(journal, {})
    return pool


def vtoken(start: PoolStart, of: MarketStart, journal: Journal, underlying: Ledger) -> VToken:
    """A market as it is deployed, before it is added to its pool.  Models: VToken.initialize."""
    market = VToken()
    market.name = of.name
    market.counts_donations = start.counts_donations
    market.initial_exchange_rate = of.initial_exchange_rate
    market.max_borrow_rate = start.max_borrow_rate
    market.internal_cash = market.total_borrows = market.total_reserves = market.bad_debt = market.total_supply = 0
    market.swept_at = market.paused = market.collateral_factor = market.liquidation_threshold = 0
    market.supply_cap = market.borrow_cap = 0
    market.borrow_index = WAD
    market.accrued_at = start.now
    market.sweep_interval = of.sweep_interval
    market.reserve_factor = of.reserve_factor
    market.protocol_seize_share = of.protocol_seize_share
    market.rate_model = of.rate_model
    market.price = of.price
    market.listed = market.forced_liquidation = False
    market.tokens = Ledger(journal, dict.fromkeys(start.users, 0))
    market.principal = Ledger(journal, dict.fromkeys(start.users, 0))
    market.interest_index = Ledger(journal, dict.fromkeys(start.users, 0))
    market.underlying = underlying
    return market


def _added(start: PoolStart, of: MarketStart, journal: Journal) -> VToken:
    """A market with its first supply, at the initial exchange rate, rounded down."""
    fixed = {of.name: of.initial_supply, SHARE_RESERVE: 0, FIRST_SUPPLIER: 0, SHORTFALL: 0}
    market = vtoken(start, of, journal, Ledger(journal, fixed | of.wallets))
    market.listed = True
    market.collateral_factor = of.collateral_factor
    market.liquidation_threshold = of.liquidation_threshold
    market.supply_cap = of.supply_cap
    market.borrow_cap = of.borrow_cap
    market.internal_cash = 0 if start.counts_donations else of.initial_supply
    market.total_supply = mul_div_down(of.initial_supply, WAD, of.initial_exchange_rate)
    market.tokens.restore_(FIRST_SUPPLIER, market.total_supply)
    return market

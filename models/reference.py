"""The reference system as the engines see it: how it starts, and for which parameters it is claimed to be sound."""

from __future__ import annotations

from typing import Any

from poolproof.spec.arithmetic import WAD
from poolproof.spec.logic import Condition
from poolproof.spec.model import Model
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol, RateModelConfig
from poolproof.spec.state import Journal, Ledger, Table

from .isolated_pool import ACTIONS, AMOUNT_LIMIT, VALUE_LIMIT, Pool
from .market import Market, accrue
from .oracle import Feed
from .rates import JumpRate, RateModel, WhitePaperRate

SCOPE = (
    "re-entrancy and callbacks of tokens are left out: an action is atomic",
    "tokens that take a fee on transfer, rebase or can be frozen are left out",
    "upgrades, access control of governance and the governance process are left out",
    "the oracle is an input: any price inside its bounds, at any time",
    "gas, block limits and ordering by miners are left out",
)
"""What the model leaves out."""


def rate_model(config: RateModelConfig) -> RateModel:
    """The per-slot rate model of yearly parameters, each divided once, rounding down."""
    year = config.slots_per_year
    base, multiplier = config.base_rate_per_year // year, config.multiplier_per_year // year
    if config.kind == "white-paper":
        return WhitePaperRate(base, multiplier)
    return JumpRate(base, multiplier, config.jump_multiplier_per_year // year, config.kink)


def initial_market(config: MarketConfig, pool_id: str, users: tuple[str, ...], journal: Journal, feed: Feed) -> Market:
    """A market as it is listed: empty, at index 1, with the users' wallets filled."""
    market = Market()
    for name in ("cash", "donated", "reserves", "bad_debt", "supply", "debt_shares", "accrued_at"):
        setattr(market, name, 0)
    market.index = WAD
    for name in ("ltv", "liquidation_threshold", "reserve_factor", "supply_cap", "borrow_cap"):
        setattr(market, name, getattr(config, name))
    for name in ("asset", "virtual_shares", "share_limit", "index_ceiling", "max_rate"):
        setattr(market, name, getattr(config, name))
    market.amount_limit = max(config.supply_cap, config.borrow_cap, len(users) * config.wallet)
    market.rates = rate_model(config.rate_model)
    market.vault = f"{pool_id}:{config.asset}"
    market.shares = Ledger(journal, dict.fromkeys(users, 0))
    market.debts = Ledger(journal, dict.fromkeys(users, 0))
    market.entered = Ledger(journal, dict.fromkeys(users, False))
    market.tokens = Ledger(journal, {**dict.fromkeys(users, config.wallet), market.vault: 0})
    market.feed = feed
    return market


def initial_pool(config: PoolConfig, users: tuple[str, ...]) -> Pool:
    """A pool as it is created: its markets listed and empty, its prices those of the file."""
    journal = Journal()
    pool = Pool()
    pool.id, pool.journal, pool.now = config.id, journal, 0
    pool.close_factor, pool.liquidation_incentive = config.close_factor, config.liquidation_incentive
    pool.dust_value = config.dust_value * WAD
    feeds = {m.asset: Feed(m.asset, m.price, 0, m.max_price_age, m.price_bound) for m in config.markets}
    markets = {m.asset: initial_market(m, config.id, users, journal, feeds[m.asset]) for m in config.markets}
    pool.feeds, pool.markets = Table(journal, feeds), Table(journal, markets)
    return pool


def build(protocol: Protocol) -> Pool:
    """The initial state of a protocol of one isolated pool."""
    return initial_pool(protocol.pools[0], protocol.users)


def admissible(pool: Any) -> list[tuple[str, Condition]]:
    """The region of parameters, prices and time for which the catalogue is claimed, condition by condition."""
    region: list[tuple[str, Condition]] = [
        ("0 < close factor <= 1", (pool.close_factor > 0) & (pool.close_factor <= WAD)),
        (
            "1 <= liquidation incentive <= 2",
            (pool.liquidation_incentive >= WAD) & (pool.liquidation_incentive <= 2 * WAD),
        ),
    ]
    for market in pool.markets.values():
        region += admissible_market(pool, market)
    return region


def admissible_market(pool: Any, market: Any) -> list[tuple[str, Condition]]:
    """The region of one market's parameters and price."""
    feed = market.feed
    return [
        (
            "0 <= loan-to-value <= liquidation threshold",
            (market.ltv >= 0) & (market.ltv <= market.liquidation_threshold),
        ),
        (
            "liquidation threshold x incentive <= 1",
            market.liquidation_threshold * pool.liquidation_incentive <= WAD * WAD,
        ),
        ("liquidation threshold <= 1", market.liquidation_threshold <= WAD),
        ("0 <= reserve factor <= 1", (market.reserve_factor >= 0) & (market.reserve_factor <= WAD)),
        (
            "0 <= supply cap <= amount limit",
            (market.supply_cap >= 0) & (market.supply_cap <= market.amount_limit),
        ),
        (
            "0 <= borrow cap <= amount limit",
            (market.borrow_cap >= 0) & (market.borrow_cap <= market.amount_limit),
        ),
        ("amount limit < 2^112", market.amount_limit < AMOUNT_LIMIT),
        ("1 <= virtual shares <= 2^64", (market.virtual_shares >= 1) & (market.virtual_shares <= 2**64)),
        ("0 <= share limit <= 2^190", (market.share_limit >= 0) & (market.share_limit <= 2**190)),
        ("1 <= index ceiling <= 2^20", (market.index_ceiling >= WAD) & (market.index_ceiling <= WAD * 2**20)),
        ("0 <= maximum rate <= 1e15 per slot", (market.max_rate >= 0) & (market.max_rate <= 10**15)),
        ("0 <= price <= 2^128", (feed.price >= 0) & (feed.price <= 2**128)),
        ("price bound, price age >= 0", (feed.bound >= 0) & (feed.max_age >= 0)),
        ("amount limit x price <= 2^160", market.amount_limit * feed.price <= VALUE_LIMIT),
    ]


REFERENCE = Model("reference", build, ACTIONS, accrue, admissible, SCOPE)

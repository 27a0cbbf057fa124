"""The reference system as the engines see it: how it starts, and for which parameters it is claimed to be sound."""

from __future__ import annotations

from typing import Any

from poolproof.spec.arithmetic import WAD
from poolproof.spec.logic import Condition
from poolproof.spec.model import Model, Part
from poolproof.spec.protocol import LineConfig, MarketConfig, PoolConfig, Protocol, RateModelConfig
from poolproof.spec.state import Account, Journal, Ledger, Table

from .core_pool import FLOWS, CoreMarket
from .credit_line import LINE_ACTIONS, LinedMarket
from .isolated_pool import ACTIONS, AMOUNT_LIMIT, VALUE_LIMIT, Pool
from .market import Market, accrue
from .oracle import Feed
from .rates import JumpRate, NoRate, RateModel, WhitePaperRate
from .registry import REGISTRY_ACTIONS, open_registry
from .rewards import BORROWERS, REWARD_ACTIONS, SUPPLIERS, Programme, programme, vault_of_rewards
from .router import ROUTER_ACTIONS, CollateralMarket
from .system import SEPARATOR, SYSTEM_ACTIONS, Route, System

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


class Wallets:
    """What pools share at the start: the token balances of each asset, and the price feeds, each made once."""

    def __init__(self, protocol: Protocol, journal: Journal) -> None:
        self.users = protocol.users
        self.journal = journal
        markets = [(pool, market) for pool in protocol.pools for market in pool.markets]
        self.tokens: dict[str, Ledger] = {}
        self.limits: dict[str, int] = {}
        self.feeds: dict[str, Feed] = {}
        for pool, market in markets:
            if market.rewards is not None:
                paid_in = self.tokens.setdefault(market.rewards.token, Ledger(journal, dict.fromkeys(self.users, 0)))
                paid_in.restore_(vault_of_rewards(name_of(pool, market)), market.rewards.vault)
        for pool, market in markets:
            held = self.tokens.setdefault(market.asset, Ledger(journal, dict.fromkeys(self.users, 0)))
            for user in self.users:
                held.restore_(user, max(held[user], market.wallet))
            held.restore_(vault_of(pool, market), 0)
            if market.line is not None:
                held.restore_(first_loss_vault_of(pool, market), market.line.first_loss)
            caps = max(market.supply_cap, market.borrow_cap)
            self.limits[market.asset] = max(self.limits.get(market.asset, 0), caps, held.total())
            oracle = market.oracle or market.asset
            if oracle not in self.feeds:
                self.feeds[oracle] = Feed(oracle, market.price, 0, market.max_price_age, market.price_bound)

    def feed_of(self, market: MarketConfig) -> Feed:
        """The feed that a market reads."""
        return self.feeds[market.oracle or market.asset]


def name_of(pool: PoolConfig, market: MarketConfig) -> str:
    """The name of a system's market."""
    return f"{pool.id}{SEPARATOR}{market.asset}"


def vault_of(pool: PoolConfig, market: MarketConfig) -> Account:
    """The account that holds a market's tokens."""
    return f"{pool.id}:{market.asset}"


def first_loss_vault_of(pool: PoolConfig, market: MarketConfig) -> Account:
    """The account that holds the first-loss reserve of a market's line."""
    return f"{pool.id}:{market.asset}:first loss"


def fill_market(market: Market, config: MarketConfig, pool: PoolConfig, wallets: Wallets) -> None:
    """Set a market as it is listed: empty, at index 1."""
    journal, users = wallets.journal, wallets.users
    for name in ("cash", "donated", "reserves", "bad_debt", "supply", "debt_shares", "accrued_at"):
        setattr(market, name, 0)
    market.index = WAD
    for name in ("ltv", "liquidation_threshold", "reserve_factor", "supply_cap", "borrow_cap"):
        setattr(market, name, getattr(config, name))
    for name in ("asset", "virtual_shares", "share_limit", "index_ceiling", "max_rate"):
        setattr(market, name, getattr(config, name))
    market.amount_limit = wallets.limits[config.asset]
    market.rates = rate_model(config.rate_model) if config.listed else NoRate()
    market.vault = vault_of(pool, config)
    market.shares = Ledger(journal, dict.fromkeys(users, 0))
    market.debts = Ledger(journal, dict.fromkeys(users, 0))
    market.entered = Ledger(journal, dict.fromkeys(users, False))
    market.tokens = wallets.tokens[config.asset]
    market.feed = wallets.feed_of(config)


def core_market(config: MarketConfig, pool: PoolConfig, wallets: Wallets) -> CoreMarket:
    """A market of the core pool, with nothing lent."""
    market = CoreMarket()
    fill_market(market, config, pool, wallets)
    for name in ("lent", "unreleased", "rate_sum", "collected", "released", "kept"):
        setattr(market, name, 0)
    market.release_period, market.journal = pool.release_period, wallets.journal
    market.drawn, market.indebted = Ledger(wallets.journal), Ledger(wallets.journal)
    return market


def lined_market(
    config: MarketConfig, line: LineConfig, pool: PoolConfig, wallets: Wallets, core: CoreMarket
) -> LinedMarket:
    """A market with a credit line, of which nothing is drawn."""
    market = LinedMarket()
    fill_market(market, config, pool, wallets)
    for name in ("principal", "due", "rate_sum_seen", "limit_at_draw", "taken", "lost", "paid", "charged", "cancelled"):
        setattr(market, name, 0)
    market.limit, market.debt_ceiling, market.first_loss = line.limit, line.debt_ceiling, line.first_loss
    market.premium = line.premium_per_year // config.rate_model.slots_per_year
    market.failed = False
    market.core, market.line, market.first_loss_vault = core, pool.id, first_loss_vault_of(pool, config)
    core.drawn.restore_(pool.id, 0)
    core.indebted.restore_(pool.id, False)
    return market


def initial_pool(
    config: PoolConfig, wallets: Wallets, core: Table[CoreMarket] | None, plain: type[Market] = Market
) -> Pool:
    """A pool as it is created: its markets listed and empty, its prices those of the file."""
    pool = Pool()
    pool.id, pool.journal, pool.now = config.id, wallets.journal, 0
    pool.close_factor, pool.liquidation_incentive = config.close_factor, config.liquidation_incentive
    pool.dust_value = config.dust_value * WAD
    markets: dict[str, Market] = {}
    for market in config.markets:
        if config.kind == "core":
            markets[market.asset] = core_market(market, config, wallets)
        elif market.line is not None and core is not None:
            lender = dict.__getitem__(core, market.asset)
            markets[market.asset] = lined_market(market, market.line, config, wallets, lender)
        else:
            pledged = config.kind == "satellite" and market.asset == config.collateral
            markets[market.asset] = CollateralMarket() if pledged else plain()
            fill_market(markets[market.asset], market, config, wallets)
    pool.feeds = Table(wallets.journal, {market.asset: wallets.feed_of(market) for market in config.markets})
    pool.markets = Table(wallets.journal, markets)
    return pool


def initial_system(protocol: Protocol) -> System:
    """The pools of a protocol, the core pool first."""
    system = System()
    system.journal, system.now = Journal(), 0
    wallets = Wallets(protocol, system.journal)
    pools: dict[str, Pool] = {}
    core: Any = None
    for config in sorted(protocol.pools, key=lambda pool: pool.kind != "core"):
        pools[config.id] = initial_pool(config, wallets, core)
        if config.kind == "core":
            core = pools[config.id].markets
    system.pools = Table(system.journal, pools)
    markets = {
        f"{name}{SEPARATOR}{asset}": market for name, pool in pools.items() for asset, market in pool.markets.items()
    }
    system.markets = Table(system.journal, markets)
    system.feeds = Table(system.journal, wallets.feeds)
    system.routes = {
        pool.id: Route(pool.id, pool.main, pool.collateral, pool.bridge)
        for pool in protocol.pools
        if pool.main is not None
    }
    listed = {
        pool.id: tuple(market.asset for market in pool.markets if market.listed)
        for pool in protocol.pools
        if pool.registered
    }
    system.registry = open_registry(system.journal, tuple(pools), listed, tuple(markets))
    system.rewards = Table(system.journal, initial_rewards(protocol, wallets))
    return system


def initial_rewards(protocol: Protocol, wallets: Wallets) -> dict[str, Programme]:
    """The rewards that a protocol's markets give, from the first slot on."""
    made: dict[str, Programme] = {}
    for pool in protocol.pools:
        for market in pool.markets:
            given, name = market.rewards, name_of(pool, market)
            if given is not None:
                tokens = wallets.tokens[given.token]
                for to, emission in ((SUPPLIERS, given.supplier_emission), (BORROWERS, given.borrower_emission)):
                    made[f"{name}{SEPARATOR}{to}"] = programme(name, to, given.token, emission, tokens, protocol.users)
    return made


def build(protocol: Protocol, market: type[Market] = Market) -> Pool:
    """The initial state of a protocol of one isolated pool, whose markets are of a class."""
    return initial_pool(protocol.pools[0], Wallets(protocol, Journal()), None, market)


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
        *admissible_line(market),
    ]


def admissible_line(market: Any) -> list[tuple[str, Condition]]:
    """The region of the parameters of a credit line, on either side of it."""
    if isinstance(market, CoreMarket):
        period = market.release_period
        return [("1 <= release period <= 2^40", (period >= 1) & (period <= 2**40))]
    if isinstance(market, LinedMarket):
        return [
            ("0 <= line limit < 2^112", (market.limit >= 0) & (market.limit < AMOUNT_LIMIT)),
            ("0 <= debt ceiling < 2^112", (market.debt_ceiling >= 0) & (market.debt_ceiling < AMOUNT_LIMIT)),
            ("0 <= premium <= 1e15 per slot", (market.premium >= 0) & (market.premium <= 10**15)),
        ]
    return []


def admissible_system(state: Any) -> list[tuple[str, Condition]]:
    """The region of a system, which is that of each of its pools."""
    pools = state.pools.values() if isinstance(state, System) else (state,)
    return [condition for pool in pools for condition in admissible(pool)]


PARTS = (
    Part("isolated pool", ("plain", "lined"), (*ACTIONS, *LINE_ACTIONS)),
    Part("core pool", ("core",), (*ACTIONS, *FLOWS)),
)
"""What the pools of a system are."""
SYSTEM = Model(
    "reference",
    initial_system,
    (*SYSTEM_ACTIONS, *ROUTER_ACTIONS, *REGISTRY_ACTIONS, *REWARD_ACTIONS),
    accrue,
    admissible_system,
    SCOPE,
    PARTS,
    example="every-channel",
)
REFERENCE = Model("reference", build, ACTIONS, accrue, admissible, SCOPE, several=SYSTEM)

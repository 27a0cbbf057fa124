"""What a proposal has to keep: the region of the theorems, and what a change by itself may not do.

The theorems are proved for every protocol whose parameters are in the admissible region of its model; so a gate
evaluates the region's conditions, market by market, and needs no solver.  What no single protocol can say, because it
is about the change, are rules of the two protocols together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from poolproof.proofs import registry
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol, VTokenConfig

FALLS = "the liquidation threshold does not fall"
BOUND = "the price bound does not fall"
FEED = "the price feed is the same"
STAYS = "no market with positions disappears"
LINE_STAYS = "the line stays"
LIMIT = "the line's limit is within the core market's supply cap"
REPAIRS = "liquidation threshold x incentive <= 1"
DECIMALS = "the decimals are the same"
SETTABLE = "the supply cap can be set"
PAID = "protocol seize share <= incentive - 1"
CEILING = "the index ceiling does not fall"
SET_ONCE = "what is set once stays"

ALLOWED_BY = {
    FALLS: "liquidation_threshold",
    BOUND: "price_bound",
    FEED: "oracle",
    LINE_STAYS: "line",
    STAYS: "markets",
}
"""The rules that a policy in force can lift, by the parameter that its rule of change names."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A condition and where it is asked: of a pool, or of one of its markets."""

    label: str
    pool: str
    asset: str = ""

    @property
    def where(self) -> str:
        """The pool, or the market."""
        return f"{self.pool}/{self.asset}" if self.asset else self.pool


Held: TypeAlias = dict[Place, bool]


class _Part:
    """A pool with some of its markets: what a model's region is asked of."""

    def __init__(self, pool: Any, markets: Mapping[str, Any]) -> None:
        self._pool, self.markets = pool, markets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def held(base: Protocol, head: Protocol) -> Held:
    """Every condition of a proposal, with whether it holds."""
    return dict([*region(head), *rules(base, head)])


def region(protocol: Protocol) -> Iterator[tuple[Place, bool]]:
    """The conditions of the admissible region, pool by pool and market by market."""
    of_one_pool = _model(protocol.model)
    state = of_one_pool.of(protocol).build(protocol)
    pools = state.pools if hasattr(state, "pools") else {protocol.pools[0].id: state}
    for name, pool in pools.items():
        own = list(of_one_pool.admissible(_Part(pool, {})))
        for label, holds in own:
            yield Place(label, name), bool(holds)
        for market_name, market in pool.markets.items():
            asset = market_name.removeprefix(f"{name}/")
            for label, holds in list(of_one_pool.admissible(_Part(pool, {market_name: market})))[len(own) :]:
                yield Place(label, name, asset), bool(holds)


def rules(base: Protocol, head: Protocol) -> Iterator[tuple[Place, bool]]:
    """The conditions on the change itself, and those that a deployed model's own bounds do not ask for."""
    after = {(pool.id, market.asset): (pool, market) for pool, market in markets_of(head)}
    before = {(pool.id, market.asset): (pool, market) for pool, market in markets_of(base)}
    bounded = head.model != "venus"
    for pool, market in before.values():
        place = pool.id, market.asset
        in_use = pool.registered and market.listed
        if place not in after:
            yield Place(STAYS, *place), not in_use
            continue
        around, now = after[place]
        yield Place(FALLS, *place), now.liquidation_threshold >= market.liquidation_threshold
        yield Place(FEED, *place), (now.oracle or now.asset) == (market.oracle or market.asset)
        yield Place(DECIMALS, *place), now.decimals == market.decimals
        yield Place(STAYS, *place), (around.registered and now.listed) or not in_use
        rewarded = market.rewards is None or (now.rewards is not None and now.rewards.token == market.rewards.token)
        yield Place(SET_ONCE, *place), rewarded and _set_once(pool, market) == _set_once(around, now)
        if bounded:
            yield Place(CEILING, *place), now.index_ceiling >= market.index_ceiling
            yield Place(BOUND, *place), not now.price_bound or now.price_bound >= market.price_bound > 0
            yield Place(LINE_STAYS, *place), market.line is None or now.line is not None
            yield Place(SETTABLE, *place), now.supply_cap > 0 or market.supply_cap == 0
    core = {market.asset: market for pool, market in after.values() if pool.kind == "core"}
    for place, (pool, market) in after.items():
        if not bounded:
            product = market.liquidation_threshold * pool.liquidation_incentive
            yield Place(REPAIRS, *place), product <= WAD * WAD
            seized = (market.venus or VTokenConfig()).protocol_seize_share
            yield Place(PAID, *place), seized + WAD <= pool.liquidation_incentive
        if market.line is not None and market.asset in core:
            yield Place(LIMIT, *place), market.line.limit <= core[market.asset].supply_cap


def _set_once(pool: PoolConfig, market: MarketConfig) -> tuple[object, ...]:
    """What no vote of a model changes, and positions lean on."""
    return pool.kind, pool.main, market.virtual_shares, pool.venus is not None and pool.venus.counts_donations


def markets_of(protocol: Protocol) -> Iterator[tuple[PoolConfig, MarketConfig]]:
    """Every market with its pool."""
    return ((pool, market) for pool in protocol.pools for market in pool.markets)


def failing(conditions: Held) -> frozenset[Place]:
    """The conditions that do not hold."""
    return frozenset(place for place, holds in conditions.items() if not holds)


Judge: TypeAlias = Callable[[Protocol], frozenset[Place]]
"""The conditions that fail of a protocol which is to take the place of the one in force."""


def judge_against(base: Protocol) -> Judge:
    """What fails of each protocol that is to take a protocol's place."""
    return lambda head: failing(held(base, head))


@cache
def _model(name: str) -> Model:
    """A model by its name; packages are searched once."""
    return registry.find(name)[0]

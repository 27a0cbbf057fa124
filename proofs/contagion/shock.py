"""A price move, applied: to a state, by running the model; to a protocol file, by what its parameters admit.

On a state everybody who can be liquidated is, by somebody with funds, as long as there is anything to seize; then what
is left is recorded as bad debt, and all of it again, because a recorded loss can leave others without cover.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any, TypeAlias

from poolproof.models.deployed.venus.market import VToken
from poolproof.proofs import registry
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError, shown_text
from poolproof.spec.protocol import Protocol

from .exposure import Exposure, exposures, market_of, pools_of, present
from .graph import OVER_A_LINE, caps_theorem
from .network import Loss
from .unwinding import Unwinding, unwinding_of

SHOCK = "shock"
"""The source of what a price move does."""
ONE_MOVE = "one price move"
"""For how long the bounds of a shock hold."""
MOST_STEPS = 100_000
"""Most liquidations of one shock."""
HIGHEST_PRICE = 2**128
CHANGE = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,18})?")

Shocks: TypeAlias = Mapping[str, Fraction]
"""Relative price moves by asset."""
Watch: TypeAlias = Callable[[str, int], None]
"""Told what is being done, and how often it was."""


@dataclass(slots=True)
class Outcome:
    """What a price move did to a state.

    ``prices``: old and new, by feed.  Accounts are named "pool/account": ``unhealthy_before`` could be liquidated at
    the old prices, ``unhealthy`` at the new ones, ``left`` still can at the end; each has those that no price tells of.
    ``lost``: what suppliers and reserves have less; ``seen``: what they had [smallest unit], by market.
    """

    prices: dict[str, tuple[int, int]]
    unhealthy_before: list[str] = field(default_factory=list)
    unhealthy: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    liquidations: int = 0
    recorded: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    complete: bool = True


def read_shocks(texts: Sequence[str], protocol: Protocol) -> dict[str, Fraction]:
    """Price moves from words like "ETH=-0.4".

    Refuses: what is not ASSET=CHANGE, an asset that no market has, one that is named twice, a fall by all of it.
    """
    assets = {market.asset for pool in protocol.pools for market in pool.markets}
    shocks: dict[str, Fraction] = {}
    for text in texts:
        asset, given, change = text.rpartition("=")
        where = f"--shock {shown_text(text)}"
        if not given or CHANGE.fullmatch(change) is None:
            raise UsageError("this is not ASSET=CHANGE", where, "write a relative price move, like ETH=-0.4")
        if asset not in assets:
            raise UsageError("no market has this asset", where, f"name one of {', '.join(sorted(assets))}")
        if asset in shocks:
            raise UsageError("this asset is named twice", where, "keep one price move for each asset")
        if Fraction(change) <= -1:
            raise UsageError("this leaves no price, and a missing price is no price move", where, "write more than -1")
        shocks[asset] = Fraction(change)
    return shocks


def moves_of_feeds(protocol: Protocol, shocks: Shocks) -> dict[str, Fraction]:
    """The move of each feed that a shocked asset reads.

    Refuses: two moves of one feed that differ.
    """
    moves: dict[str, Fraction] = {}
    for pool in protocol.pools:
        for market in pool.markets:
            if market.asset in shocks:
                oracle = market.oracle or market.asset
                if moves.setdefault(oracle, shocks[market.asset]) != shocks[market.asset]:
                    cure = "give the assets of one feed the same move"
                    raise UsageError(f"two moves of the feed {shown_text(oracle)} differ", "--shock", cure)
    return moves


# --- on a state ---------------------------------------------------------------------------------------------------


def run_shock(protocol: Protocol, state: Any, shocks: Shocks, watch: Watch, unnoticed: int = 0) -> Outcome:
    """Move prices, liquidate what can be, write off what is left, and measure; the state itself stays as it is.

    ``unnoticed``: the time after the move in which nobody does anything [slots]; what is lost is measured against what
    suppliers and reserves had at its end, interest on debt that nobody will pay included.
    """
    moved = present(protocol, state)
    pools = pools_of(moved, protocol)
    unhealthy = _unhealthy(_runs(pools))
    prices = _move_prices(protocol, pools, moves_of_feeds(protocol, shocks))
    if unnoticed:
        moved = _later(protocol, moved, unnoticed)
        pools = pools_of(moved, protocol)
    before = {each.name: each for each in exposures(protocol, moved).values()}
    runs = _runs(pools)
    outcome = Outcome(prices, unhealthy, _unhealthy(runs))
    changed = True
    while changed and outcome.complete:
        changed = False
        for name, run in runs.items():
            for account in run.debtors():
                for kind in run.unwind(account):
                    outcome.liquidations += kind == "liquidation"
                    outcome.recorded += kind == "record"
                    changed = True
                    watch(f"liquidations in {name}", outcome.liquidations)
                    if outcome.liquidations >= MOST_STEPS:
                        outcome.complete = False
                        break
    outcome.left = _unhealthy(runs)
    for market, each in exposures(protocol, moved).items():
        outcome.seen[market] = before[market].supplied
        outcome.lost[market] = _recorded(each, before[market], pools)
    return outcome


def _runs(pools: Mapping[str, Any]) -> dict[str, Unwinding]:
    return {name: unwinding_of(pool) for name, pool in pools.items()}


def _later(protocol: Protocol, state: Any, slots: int) -> Any:
    """A state after a time in which nobody did anything, and every oracle still answers its price."""
    model, _ = registry.of(protocol)
    refusal = perform(state, model.action("pass_time"), (slots,))
    if refusal is not None:
        raise refusal
    for pool in pools_of(state, protocol).values():
        for market in pool.markets.values():
            if not isinstance(market, VToken):
                market.feed.updated_at = pool.now
    return present(protocol, state)


def _unhealthy(runs: Mapping[str, Unwinding]) -> list[str]:
    """The accounts that can be liquidated, and those of which no price tells."""
    return [
        f"{name}/{account}"
        for name, run in runs.items()
        for account in run.debtors()
        if run.is_unhealthy(account) is not False
    ]


def _recorded(after: Exposure, before: Exposure, pools: Mapping[str, Any]) -> int:
    """What a market lost: bad debt that Venus records; elsewhere what suppliers and reserves have less.

    Venus pays a part of each seizure out of the market, which is no loss.
    """
    market = market_of(pools[after.pool], after.pool, after.asset)
    if isinstance(market, VToken):
        return market.bad_debt - before.bad_debt
    return before.supplied - after.supplied


def _move_prices(
    protocol: Protocol, pools: Mapping[str, Any], moves: Mapping[str, Fraction]
) -> dict[str, tuple[int, int]]:
    """Give each moved feed its new price, rounded down, at least 1.  Refuses: a price beyond the declared bounds."""
    prices: dict[str, tuple[int, int]] = {}
    for config in protocol.pools:
        for of in config.markets:
            oracle = of.oracle or of.asset
            if oracle not in moves:
                continue
            pool = pools[config.id]
            market = market_of(pool, config.id, of.asset)
            feed: Any = market if isinstance(market, VToken) else market.feed
            if oracle not in prices:
                prices[oracle] = feed.price, max(1, int(feed.price * (1 + moves[oracle]))) if feed.price else 0
                if prices[oracle][1] > HIGHEST_PRICE:
                    rule = f"the price of {shown_text(oracle)} leaves the declared bounds"
                    raise UsageError(rule, "--shock", "write a smaller move")
            feed.price = prices[oracle][1]
            if not isinstance(market, VToken):
                feed.updated_at = pool.now
    return prices


# --- on what a file admits ----------------------------------------------------------------------------------------

ASSUMING = (
    "every account healthy before, liquidated as far as its collateral goes at the new prices; what one unit of rounding "
    "and the dust of a write-off add to each account is not counted"
)


def losses_of_shock(protocol: Protocol, shocks: Shocks, state: Any = None) -> list[Loss]:
    """The most that a price move makes each market lose, whoever holds what, up to what is at stake in it.

    An account with debt D and threshold x collateral >= D before is short of at most D' - C' / incentive after.  In
    all W, which is recorded as bad debt, lowers at most as much collateral of others, where lent shares are collateral:
    W <= (incentive x the shortage + what came over credit lines) / (incentive - 1).
    """
    moves = {oracle: 1 + move for oracle, move in moves_of_feeds(protocol, shocks).items()}
    found = exposures(protocol, state)
    lost: dict[str, int] = {}
    cores = {each.credit.lender for each in found.values() if each.credit is not None}
    for pool in sorted({each.pool for each in found.values()}, key=lambda name: name in cores):
        markets = [each for each in found.values() if each.pool == pool]
        lost |= _losses_in_pool(markets, moves, _over_lines(found, lost, pool))
    rows = []
    for name, market in found.items():
        lines = _over_lines(found, lost, market.pool).get(market.asset, 0)
        theorem = (*caps_theorem(protocol), "SOLV-5") if protocol.model != "venus" else ("CAP-1-w", "SOLV-5-w")
        reason = ASSUMING + (f"; {lines} of it over credit lines" if lines else "")
        upper = min(lost[name], market.losable) + lines
        theorem += OVER_A_LINE if lines else ()
        rows.append(
            Loss(SHOCK, market.pool, market.asset, "principal", upper, reason, theorem=theorem, horizon=ONE_MOVE)
        )
    return rows


def _over_lines(found: Mapping[str, Exposure], lost: Mapping[str, int], core: str) -> dict[str, int]:
    """What a core pool loses over its lines, by asset, when so much is lost in the pools that draw."""
    carried: dict[str, int] = {}
    for name, each in found.items():
        if each.credit is not None and each.credit.lender == core and name in lost:
            carried[each.asset] = carried.get(each.asset, 0) + min(lost[name], each.credit.at_risk)
    return carried


def _losses_in_pool(
    markets: Sequence[Exposure], moves: Mapping[str, Fraction], over_lines: Mapping[str, int]
) -> dict[str, int]:
    """The most bad debt of each market of a pool [smallest unit]."""
    pledged = [each for each in markets if each.threshold > 0]
    prices = {each.name: each.price * moves.get(each.oracle, Fraction(1)) for each in markets}
    incentive = Fraction(markets[0].incentive, WAD)
    short = Fraction(0)
    for debt in markets:
        moved = moves.get(debt.oracle, Fraction(1))
        kept = [moves.get(each.oracle, Fraction(1)) * WAD / (each.threshold * incentive * moved) for each in pledged]
        short += debt.owed * prices[debt.name] * max(Fraction(0), 1 - min(kept, default=Fraction(1)))
    fed_back = sum(over_lines.get(each.asset, 0) * prices[each.name] for each in pledged)
    value = short
    if fed_back or any(each.owed > 0 for each in pledged):
        value = _with_rounds(incentive * short + fed_back, incentive, markets, prices)
    bound = {}
    for each in markets:
        price = prices[each.name]
        bound[each.name] = min(each.owed, ceil(value / price)) if price else each.owed
    return bound


def _with_rounds(
    start: Fraction, incentive: Fraction, markets: Sequence[Exposure], prices: Mapping[str, Fraction]
) -> Fraction:
    """A shortage, weighed at the incentive, with all rounds that follow; every debt where nothing ends them."""
    if incentive > 1:
        return start / (incentive - 1)
    return sum((each.owed * prices[each.name] for each in markets), Fraction(0)) if start else start

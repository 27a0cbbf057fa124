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

from .exposure import Exposure, exposures, has_lines, lends_at_all, market_of, oracle_of, pools_of, present
from .graph import OVER_A_LINE, caps_theorem
from .network import Loss
from .unwinding import Unwinding, unwinding_of

SHOCK = "shock"
"""The source of what a price move does."""
ONE_MOVE = "one price move, from the prices of the start"
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
                oracle = oracle_of(protocol, market)
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
            oracle = oracle_of(protocol, of)
            if oracle not in moves:
                continue
            pool = pools[config.id]
            market = market_of(pool, config.id, of.asset)
            feed: Any = market if isinstance(market, VToken) else market.feed
            if oracle not in prices:
                prices[oracle] = feed.price, moved_price(feed.price, moves[oracle])
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
BUFFER = ("SOLV-5", "LIQ-3")
"""What bounds the shortage of an account: it was healthy before, and a liquidation takes at most the incentive."""
BY_SHARES = ("SOLV-2", "SOLV-3", "SOLV-4", "LIQ-6")
"""What bounds the losses that follow where what is lost lowers the price of shares that are collateral."""


def moved_price(price: int, move: Fraction) -> int:
    """A price after a relative move, rounded down and at least 1; a missing price stays missing."""
    return max(1, int(price * (1 + move))) if price else 0


def losses_of_shock(protocol: Protocol, shocks: Shocks, state: Any = None) -> list[Loss]:
    """The most that a price move makes each market lose, whoever holds what, up to what is at stake in it.

    Weigh collateral by any w from its threshold to 1 / incentive.  After the move all accounts together are short of at
    most what `most_short` says, because they were healthy before (SOLV-5), and no liquidation adds to that (LIQ-3).  What
    is left of an account that has nothing more to seize is recorded: a loss of its market, whose shares lose as much.
    Of what an account's collateral loses by that, at most w is added to what it is short of.  So the sum of (1 - w) x bad
    debts is at most the shortage after the move and w x losses over lines.  On deployed pools no share loses by bad debt.
    """
    moves = moves_of_feeds(protocol, shocks)
    found = exposures(protocol, state)
    pools = {pool.id: _Pool(protocol, pool.id, found, moves) for pool in protocol.pools}
    cores = {each.credit.lender for each in found.values() if each.credit is not None}
    lines: dict[str, dict[str, int]] = {}
    rows = {}
    for name in sorted(pools, key=lambda name: name in cores):
        pool = pools[name]
        over = {asset: sum(carried.values()) for asset, carried in lines.items()} if name in cores else {}
        for each in pool.markets:
            rows[each.name] = _row(protocol, pool, each, over, from_file=state is None)
            if each.credit is not None:
                carried = min(pool.lost(each, {}, each.credit.reach), each.credit.at_risk)
                lines.setdefault(each.asset, {})[name] = carried
    return [rows[name] for name in found]


def _row(protocol: Protocol, pool: _Pool, market: Exposure, over: Mapping[str, int], *, from_file: bool) -> Loss:
    """A market's loss, by its own borrowers and over lines, with what it follows from."""
    lines = over.get(market.asset, 0)
    own = min(pool.lost(market, over), market.losable)
    upper = min(own + lines, max(market.supplied, lines))
    caps, suffix = caps_theorem(protocol), "" if has_lines(protocol) else "-w"
    config = next(each for each in protocol.pools if each.id == market.pool)
    theorem: tuple[str, ...] = (*caps, *(f"{each}{suffix}" for each in BUFFER))
    reason = ASSUMING
    if upper == 0:
        reason, theorem = "what is pledged still pays its debts with the incentive", (f"SOLV-5{suffix}",)
        if from_file and not lends_at_all(protocol, config):
            reason, theorem = "nothing in the pool can be pledged for a debt", ("SOLV-9",)
        elif market.losable == 0:
            reason, theorem = "nothing is lent", caps
    elif own and pool.returns:
        theorem += BY_SHARES
    if lines:
        reason, theorem = f"{reason}; {lines} of it over credit lines", (*theorem, *OVER_A_LINE)
    return Loss(SHOCK, market.pool, market.asset, "principal", upper, reason, theorem=theorem, horizon=ONE_MOVE)


class _Pool:
    """A pool's markets under a price move: how short its accounts are at most, and what a loss brings about."""

    def __init__(
        self, protocol: Protocol, name: str, found: Mapping[str, Exposure], moves: Mapping[str, Fraction]
    ) -> None:
        self.markets = [each for each in found.values() if each.pool == name]
        lenders = {f"{each.credit.lender}/{each.asset}" for each in found.values() if each.credit is not None}
        self.incentive = Fraction(self.markets[0].incentive, WAD)
        self.prices = {
            each.name: moved_price(each.price, moves[each.oracle]) if each.oracle in moves else each.price
            for each in self.markets
        }
        self.moved = {
            each.name: Fraction(self.prices[each.name], each.price) if each.price else Fraction(1)
            for each in self.markets
        }
        self.top = max((self.moved[each.name] for each in self.markets if each.owed), default=Fraction(1))
        self.returns = has_lines(protocol) and any(
            each.threshold > 0 and (each.owed > 0 or each.name in lenders) for each in self.markets
        )

    def lost(self, market: Exposure, over: Mapping[str, int], most: int | None = None) -> int:
        """The most bad debt of a market [smallest unit], if losses over lines come to it; ``most`` of it can be owed."""
        owed = self.owed(market) if most is None else min(most, market.owed)
        weights = {each.name: self.weight(each) for each in self.markets if each.threshold > 0}
        lighter = {**weights, market.name: Fraction(market.threshold, WAD)} if market.threshold > 0 else weights
        return min(self.lost_at(market, owed, over, each) for each in (weights, lighter))

    def lost_at(self, market: Exposure, owed: int, over: Mapping[str, int], weights: Mapping[str, Fraction]) -> int:
        """The most bad debt of a market, where collateral weighs so much against debts.

        Where its own debt moves to less than what collateral pays, more must be missing elsewhere than it loses.
        """
        price = self.prices[market.name]
        short = self.most_short({market.name: owed}, weights)
        least = min((paid for paid, _ in self.held(weights)), default=Fraction(0))
        part = max(Fraction(1), least / self.moved[market.name])
        if self.returns:
            back = {each.name: weights.get(each.name, Fraction(0)) for each in self.markets}
            short += sum(over.get(each.asset, 0) * self.prices[each.name] * back[each.name] for each in self.markets)
            part -= back[market.name]
        left = price * part
        return min(owed, ceil(short / left)) if left else owed if short or not price else 0

    @staticmethod
    def owed(market: Exposure) -> int:
        """The most that can be owed in a market: what suppliers have, and what its line brings."""
        return min(market.owed, market.supplied + (market.credit.reach if market.credit is not None else 0))

    def most_short(self, owed: Mapping[str, int], weights: Mapping[str, Fraction]) -> Fraction:
        """The most by which debts exceed weighed collateral, of all accounts together, at the new prices [value].

        A value x of debt that moves by m, against x / threshold of collateral that moves by c, exceeds it by
        x (m - c x weight / threshold).  That is most where the debts that move up most stand against the collateral
        that pays least, as far as there is of both.
        """
        debts = [(self.moved[e.name], Fraction(owed.get(e.name, self.owed(e)) * e.price)) for e in self.markets]
        held = self.held(weights)
        debts.sort(key=lambda each: -each[0])
        held.sort()
        short = Fraction(0)
        while debts and held and debts[0][0] > held[0][0]:
            (moved, debt), (paid, collateral) = debts[0], held[0]
            amount = min(debt, collateral)
            short += amount * (moved - paid)
            debts[0], held[0] = (moved, debt - amount), (paid, collateral - amount)
            debts, held = [each for each in debts if each[1]], [each for each in held if each[1]]
        return short

    def held(self, weights: Mapping[str, Fraction]) -> list[tuple[Fraction, Fraction]]:
        """What each collateral pays of a debt that it just covered, and the most that it covers [value]."""
        return [
            (
                self.moved[each.name] * weights[each.name] * WAD / each.threshold,
                Fraction(each.supplied * each.price * each.threshold, WAD),
            )
            for each in self.markets
            if each.threshold > 0
        ]

    def weight(self, market: Exposure) -> Fraction:
        """What collateral pays of a debt, 1 / incentive; or less, as much as still covers all debts after the move.

        At least the threshold, at which debts are made after the move.
        """
        moved = self.top / self.moved[market.name] if self.moved[market.name] else Fraction(1)
        return min(1 / self.incentive, Fraction(market.threshold, WAD) * max(Fraction(1), moved))

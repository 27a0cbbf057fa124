"""Two runs of a system that differ in one pool: its own state, its own prices, and what is done in it.

Everything outside that pool must stay the same in both, after every step: fields, valuations, refusals.  Two things
are made equal between the runs, because a pool is allowed to move them: the wallets of the users, before each action
that both runs carry out; and what the pool's credit lines move in the core pool, which is carried over from the first
run to the second as steps of the core pool.  So for a pool without a line all outside is equal; with one, the core and
each sister are functions of their own actions and of what flowed over the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, TypeAlias

from poolproof.models.core_pool import FLOWS, CoreMarket
from poolproof.models.credit_line import LinedMarket
from poolproof.models.liquidation import margin_to_borrow, margin_to_liquidation
from poolproof.models.system import SEPARATOR, System, on_system
from poolproof.spec.action import perform
from poolproof.spec.errors import UsageError, shown
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .draw import PROFILES
from .moves import canonical, renamed, simple_below
from .parts import OWN, PoolStep, Steps, pool_named
from .snapshots import copy_state, set_state
from .system_tactics import SystemTactics
from .traces import Call, Trace, TracedStep, Violated, calls_of

CLAIMS = ("ISO-2", "ISO-5")
"""The invariants that two runs decide."""
Side: TypeAlias = Literal["first", "second", "both"]
"""In which of the two runs an action is carried out."""
Event: TypeAlias = tuple[Side, Call]
SIDES: tuple[Side, Side] = ("first", "second")
VARY = "pools."
"""Before the varied pool's name in what a trace says that its runs differ in."""
AGREE = "two_runs_agree_outside_the_pool_that_varies"
"""The claim in words, as of a clause."""
COST = 4
"""What a step of two runs costs of a hunt's budget: two systems move, and are compared as a whole."""
LONGEST = 150
"""Longest episode [steps]."""
MOST_TRIALS = 3_000
"""Most candidates of the shrinker; a count, so that the result does not depend on the machine."""
DONE = "completed"
"""The answer to an action that completed."""
LIFTED = {flow.name: on_system(flow) for flow in FLOWS}
"""What a line moves in the core pool, as actions of the system."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A value outside the varied pool that is not the same in both runs."""

    path: str
    first: str
    second: str

    @property
    def message(self) -> str:
        """The difference in words."""
        return f"{self.path} is {self.first} in the first run, {self.second} in the second"


@dataclass(slots=True)
class TwoRunReport:
    """What two runs did, by where it was done, and the first difference."""

    varied: str
    steps: dict[Side, int] = field(default_factory=lambda: {"first": 0, "second": 0, "both": 0})
    flows: int = 0
    difference: Difference | None = None
    trace: Trace | None = None


# --- the two systems --------------------------------------------------------------------------------------


class Outside:
    """What a system is outside one of its pools: the wallets of users aside, which the pool may move."""

    def __init__(self, system: System, varied: str, users: tuple[Account, ...]) -> None:
        self.users, self.varied = users, varied
        self.pools = {name: pool for name, pool in system.pools.items() if name != varied}
        self.feeds = {feed.asset: feed for pool in self.pools.values() for feed in pool.feeds.values()}
        self.markets = {
            f"{name}{SEPARATOR}{asset}": market
            for name, pool in self.pools.items()
            for asset, market in pool.markets.items()
        }

    def values(self) -> Iterator[tuple[str, Any]]:
        """Every value by its place, always in the same order."""
        for kind, records in (("pools", self.pools), ("feeds", self.feeds), ("markets", self.markets)):
            for name, record in records.items():
                yield from ((f"{kind}.{name}.{each}", getattr(record, each)) for each in record.scalars)
        for name, market in self.markets.items():
            for ledger in market.ledgers:
                yield f"markets.{name}.{ledger}", self._entries(market, ledger)
        for name, pool in self.pools.items():
            for user in self.users:
                for term in (margin_to_liquidation, margin_to_borrow):
                    yield f"pools.{name}, the {term.__name__.replace('_', ' ')} of {user}", margin(pool, user, term)

    def _entries(self, market: Any, ledger: str) -> dict[Account, Any]:
        """The entries of a ledger that are not empty: of balances those of the market's own vault."""
        entries = getattr(market, ledger)
        if ledger == "tokens":
            vaults = (market.vault, market.first_loss_vault) if isinstance(market, LinedMarket) else (market.vault,)
            return {vault: entries[vault] for vault in vaults}
        noted = ledger == "indebted" and isinstance(market, CoreMarket)
        return {
            account: value for account, value in entries.items() if value and not (noted and account == self.varied)
        }


def margin(pool: Any, user: Account, term: Any) -> int | str:
    """An account's margin in a pool, or why there is none."""
    try:
        return int(pool.markets.sum_over(user, term, pool.now))
    except Refusal as refusal:
        return str(refusal)


class Pair:
    """Two systems side by side; ``varied`` is the pool in which they may differ.

    ``answers`` is how the last action ended in each, None where it was not carried out.
    """

    def __init__(self, initial: System, varied: str, users: tuple[Account, ...]) -> None:
        self.varied, self.users = varied, users
        self.systems: tuple[System, System] = (copy_state(initial), copy_state(initial))
        self.steps = (Steps(self.systems[0]), Steps(self.systems[1]))
        self.outside = tuple(Outside(system, varied, users) for system in self.systems)
        self.answers: list[str | None] = [None, None]
        self.flows = 0

    def is_common(self, call: Call) -> bool:
        """Whether an action is one that both runs carry out: elsewhere, everywhere, or to a price that others read."""
        action, arguments = call
        pool = pool_named(action, arguments)
        if pool != self.varied or action.name != "set_price":
            return pool != self.varied
        feed = dict.__getitem__(self.systems[0].markets, arguments[0]).feed
        return feed.asset in self.outside[0].feeds

    def do(self, event: Event) -> Difference | None:
        """Carry an action out in one run or both; what differs outside the varied pool then.

        In the second run an action of the varied pool that would move something over a line is not carried out.
        """
        side, call = event
        self.answers = [None, None]
        if side == "both":
            self._share_wallets()
            first, second = self.answers = [_tried(system, call) for system in self.systems]
            if first != second:
                return Difference(f"the answer to {call[0].name}", str(first), str(second))
        elif side == "first":
            self.answers[0] = _tried(self.systems[0], call)
            for flow in self._flows(0, call):
                self.flows += 1
                self._carry_over(flow)
        else:
            self.answers[1] = _tried(self.systems[1], call)
            if self._flows(1, call):
                self.systems[1].journal.undo()
                self.answers[1] = None
        return self.difference()

    def difference(self) -> Difference | None:
        """The first value that differs outside the varied pool."""
        for (path, first), (_, second) in zip(self.outside[0].values(), self.outside[1].values(), strict=True):
            if first != second:
                return Difference(path, str(first), str(second))
        return None

    def _flows(self, position: int, call: Call) -> list[PoolStep]:
        """What the action that was just carried out moved over lines, as steps of the core pool."""
        if self.answers[position] != DONE:
            return []
        return [step for step in self.steps[position].of(*call) if step.action in FLOWS]

    def _carry_over(self, flow: PoolStep) -> None:
        """Let a line of the varied pool move in the second run what it moved in the first."""
        line, other, asset, *amounts = flow.arguments
        name = f"{flow.pool}{SEPARATOR}{asset}"
        tokens = dict.__getitem__(self.systems[1].markets, name).tokens
        tokens.restore_(other, tokens[other] + sum(amounts))
        action = LIFTED[flow.action.name if flow.action else ""]
        self.answers[1] = _tried(self.systems[1], (action, (line, other, name, *amounts)))

    def _share_wallets(self) -> None:
        """Give the users of the second run what those of the first have."""
        for first, second in zip(self.systems[0].markets.values(), self.systems[1].markets.values(), strict=True):
            for user in self.users:
                second.tokens.restore_(user, first.tokens[user])


def may_differ_in(state: Any, pool: str) -> bool:
    """Whether two runs from a state can differ in a pool: an isolated one of a system."""
    if not isinstance(state, System) or pool not in state.pools:
        return False
    return not any(isinstance(market, CoreMarket) for market in dict.__getitem__(state.pools, pool).markets.values())


def _tried(system: System, call: Call) -> str:
    """Carry an action out whole or not at all; how it ended."""
    try:
        refusal = perform(system, *call)
    except ZeroDivisionError:
        system.journal.undo()
        return "division by zero"
    return DONE if refusal is None else f"{refusal.name}: {refusal}"


# --- random campaigns -------------------------------------------------------------------------------------


def two_runs(
    model: Model,
    protocol: Protocol,
    varied: str,
    *,
    steps: int,
    seed: int = 0,
    start: dict[str, Any] | None = None,
    claim: str = CLAIMS[0],
) -> TwoRunReport:
    """Run two systems side by side for a number of steps, in random episodes, until something outside a pool differs.

    The difference is shrunk into a trace of the invariant ``claim``.  Refuses: a pool that is not an isolated pool of a
    system.
    """
    initial = model.build(protocol)
    if not may_differ_in(initial, varied):
        known = ", ".join(pool.id for pool in protocol.pools if may_differ_in(initial, pool.id))
        cure = f"name one of {known}" if known else "load a protocol of several pools"
        raise UsageError(f"{shown(varied)} is not a pool in which two runs can differ", "pool", cure)
    if start is not None:
        set_state(initial, start, "start")
    report, random, done = TwoRunReport(varied), Random(seed), 0
    while done < steps and report.difference is None:
        done += _episode(model, protocol, initial, random, report, start, claim)
    return report


def _episode(
    model: Model,
    protocol: Protocol,
    initial: System,
    random: Random,
    report: TwoRunReport,
    start: dict[str, Any] | None,
    claim: str,
) -> int:
    """One episode; how many steps it had."""
    pair = Pair(initial, report.varied, protocol.users)
    drawn = _Drawn(model, protocol, pair, random)
    events: list[Event] = []
    length = 10 + int(random.random() * LONGEST)
    for event in drawn:
        difference = pair.do(event)
        report.steps[event[0]] += 1
        events.append(event)
        if difference is not None:
            shrinker = _Shrinker(initial, report.varied, protocol.users, events)
            report.difference = shrinker.difference or difference
            report.trace = shrinker.trace(protocol, start, claim)
            break
        if len(events) >= length:
            break
    report.flows += pair.flows
    return len(events)


class _Drawn:
    """Random events: steps of the first run in the varied pool, then some of the second, then one of both."""

    def __init__(self, model: Model, protocol: Protocol, pair: Pair, random: Random) -> None:
        self.pair, self.random = pair, random
        profile = PROFILES[random.getrandbits(4) % len(PROFILES)]
        self.tactics = [SystemTactics(model, protocol, random, only=OWN) for _ in pair.systems]
        for tactics, system in zip(self.tactics, pair.systems, strict=True):
            tactics.begin(system, profile, also=pair.varied)

    def __iter__(self) -> Iterator[Event]:
        bits, pair = self.random.getrandbits, self.pair
        first, second = self.tactics
        for _ in range(bits(4)):  # the pool is not the same in the two runs to begin with
            yield from self._apart("second", second.next_in(pair.varied))
        while True:
            call = first.next()
            while not pair.is_common(call):
                yield "first", call
                call = first.next()
            for _ in range(bits(1) * bits(2)):
                yield from self._apart("second", second.next_in(pair.varied))
            yield "both", call

    def _apart(self, side: Side, call: Call) -> Iterator[Event]:
        """An action of one run, unless it is one of both."""
        if not self.pair.is_common(call):
            yield side, call


def hunt_two_runs(
    model: Model, protocol: Protocol, claim: str, *, steps: int, seed: int, start: dict[str, Any] | None = None
) -> Trace | None:
    """Let two runs differ in each isolated pool of a system in turn; the first trace, or None."""
    initial = model.build(protocol)
    isolated = [pool.id for pool in protocol.pools if may_differ_in(initial, pool.id)]
    for pool in isolated:
        share = max(steps // (COST * len(isolated)), 1)
        report = two_runs(model, protocol, pool, steps=share, seed=seed, start=start, claim=claim)
        if report.trace is not None:
            return report.trace
    return None


# --- what is left of a difference -------------------------------------------------------------------------


class _Shrinker:
    """Removes events, and lowers numbers, while the two runs still differ at the end."""

    def __init__(self, initial: System, varied: str, users: tuple[Account, ...], events: Iterable[Event]) -> None:
        self.initial, self.varied, self.users = initial, varied, users
        self.trials = MOST_TRIALS
        self.best, self.difference = self.run(list(events))
        moved = self.difference is not None
        while moved and self.trials > 0:
            moved = self.remove()
            moved |= self.lower()
        self.rename()

    def run(self, events: list[Event]) -> tuple[list[Event], Difference | None]:
        """The events that were carried out up to the first difference, and the difference."""
        pair = Pair(self.initial, self.varied, self.users)
        done: list[Event] = []
        for event in events:
            difference = pair.do(event)
            if DONE in pair.answers or difference is not None:
                done.append(event)
            if difference is not None:
                return done, difference
        return done, None

    def accept(self, events: list[Event]) -> bool:
        """Take a candidate if it still ends in a difference."""
        if self.trials <= 0:
            return False
        self.trials -= 1
        done, difference = self.run(events)
        if difference is None:
            return False
        self.best, self.difference = done, difference
        return True

    def remove(self) -> bool:
        """Leave out runs of events, the long ones first."""
        moved, size = False, max(len(self.best) // 2, 1)
        while size:
            position = len(self.best) - size
            while position >= 0:
                moved |= self.accept(self.best[:position] + self.best[position + size :])
                position = min(position, len(self.best)) - size
            size //= 2
        return moved

    def lower(self) -> bool:
        """Lower each number: to a simple one, else by half."""
        moved = False
        for position in range(len(self.best) - 1, -1, -1):
            if position >= len(self.best):
                continue
            side, (action, arguments) = self.best[position]
            for slot, value in enumerate(arguments):
                if isinstance(value, str) or position >= len(self.best) or self.best[position][1][0] is not action:
                    continue
                for lower in (*simple_below(value), value >> 1, value - 1):
                    present = self.best[position][1][1]
                    changed = (*present[:slot], lower, *present[slot + 1 :])
                    candidate = [*self.best[:position], (side, (action, changed)), *self.best[position + 1 :]]
                    if 0 <= lower < value and self.accept(candidate):
                        moved = True
                        break
        return moved

    def rename(self) -> None:
        """Use the protocol's first users, in the order in which they appear."""
        named = (value for _, (_, arguments) in self.best for value in arguments if value in self.users)
        names = canonical(list(dict.fromkeys(named)), list(self.users))
        self.accept([(side, call) for side, each in self.best for call in renamed((each,), names)])

    def trace(self, protocol: Protocol, start: dict[str, Any] | None, claim: str) -> Trace | None:
        """The best candidate as a trace of two runs; None if the difference does not recur."""
        if self.difference is None:
            return None
        runs = _traced_runs(Pair(self.initial, self.varied, self.users), self.best)
        last = 0 if self.best[-1][0] == "first" else 1
        values = {"first": self.difference.first, "second": self.difference.second, "path": self.difference.path}
        violation = Violated(last, len(runs[last]) - 1, self.difference.message, {"clause": AGREE, **values})
        config = protocol.canonical_json()
        return Trace(protocol.name, config, claim, list(runs), violation, start, [f"{VARY}{self.varied}"])


def _traced_runs(pair: Pair, events: Iterable[Event]) -> tuple[list[TracedStep], list[TracedStep]]:
    """Both runs as steps of a trace, with how each ended."""
    runs: tuple[list[TracedStep], list[TracedStep]] = ([], [])
    for side, call in events:
        pair.do((side, call))
        for run, named, answer in zip(runs, SIDES, pair.answers, strict=True):
            if side in ("both", named):
                run.append(_traced_step(call, answer))
    return runs


def _traced_step(call: Call, answer: str | None) -> TracedStep:
    """A step as it ended."""
    action, arguments = call
    refusal = None if answer in (DONE, None) else str(answer).partition(":")[0]
    return TracedStep(action.name, dict(zip(action.domains, arguments, strict=True)), refusal is None, refusal)


def events_of(trace: Trace, model: Model, pair: Pair) -> list[Event]:
    """The events of a trace of two runs: between two steps of both, those of the first come first."""
    first, second = calls_of(trace, model, 0), calls_of(trace, model, 1)
    events: list[Event] = []
    while first or second:
        while first and not pair.is_common(first[0]):
            events.append(("first", first.pop(0)))
        while second and not pair.is_common(second[0]):
            events.append(("second", second.pop(0)))
        if first and second and first[0] == second[0]:
            second.pop(0)
            events.append(("both", first.pop(0)))
        elif first or second:
            break
    return events

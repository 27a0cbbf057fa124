"""The gate's judgement of a proposal: what each change leaves or enters, how far it could go, and what closes the gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from poolproof.proofs.contagion.bounds import Worst, worst_of
from poolproof.proofs.gate.breaches import breach, broken_by
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.errors import UsageError

from .accounts import Account, accounts_of
from .conditions import Judge, Place, judge_against
from .files import OF_AN_ASSET, Change, Proposal
from .policy import Ruling, allowed, rulings
from .ranges import WELL_FORMED, Range, Span, responsible
from .theorems import Theorems

MOST_RUNS = 8
"""For so many places where one condition is broken a run is looked for."""
Watch = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""


@dataclass(slots=True)
class Closing:
    """A condition that the proposal breaks: which changes do, what goes with it, and a run in which somebody loses.

    ``lifted`` says that the policy in force allows it; ``by_itself`` that one change does it alone.
    """

    place: Place
    changes: tuple[Change, ...]
    invariants: tuple[str, ...]
    message: str
    trace: dict[str, Any] | None = None
    lifted: bool = False

    @property
    def closes(self) -> bool:
        """Whether the gate closes on it."""
        return not self.lifted

    @property
    def by_itself(self) -> bool:
        """Whether one change breaks it alone."""
        return len(self.changes) == 1


@dataclass(slots=True)
class ChangeReport:
    """One change: how far it could go, what it leans on, and what is said of it.

    ``leaves`` and ``enters`` are the conditions that it, with the others, breaks or repairs.
    """

    change: Change
    safe: Range | None
    leaves: list[Place] = field(default_factory=list)
    enters: list[Place] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    closed: bool = False
    lower: str | None = None
    """What a run shows one unit below what is safe; None where no run is known."""
    higher: str | None = None
    """The same, one unit above."""

    @property
    def verdict(self) -> Literal["OPEN", "CLOSED"]:
        """Whether the gate closes on this change."""
        return "CLOSED" if self.closed else "OPEN"


@dataclass(slots=True)
class GateReport:
    """What the gate found.

    ``already`` are conditions that failed before and that no change moves; ``open_before`` ids that are refuted, and
    accepted neither before nor now; ``accounts`` who of a given state becomes liquidatable, None without a state.
    """

    proposal: Proposal
    changes: list[ChangeReport] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    already: list[Place] = field(default_factory=list)
    rulings: list[Ruling] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    worst: dict[tuple[str, str], tuple[Worst | None, Worst | None]] = field(default_factory=dict)
    open_before: set[str] = field(default_factory=set)
    accounts: list[Account] | None = None
    notes: list[str] = field(default_factory=list)
    scope: tuple[str, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False
    _parts: dict[tuple[str | None, str | None], Proposal] = field(default_factory=dict)

    def near(self, pool: str | None, asset: str | None) -> Proposal:
        """The part of the proposal that can matter to a pool or market; without one, all of it."""
        if (pool, asset) not in self._parts:
            self._parts[pool, asset] = self.proposal.near(pool, asset) if pool is not None else self.proposal
        return self._parts[pool, asset]

    @property
    def closed(self) -> bool:
        """Whether something is known that speaks against the proposal: a condition, a rule, or a theorem."""
        broken = any(closing.closes for closing in self.closings) or any(each.closed for each in self.changes)
        return broken or bool(self.refuted) or any(not ruling.ok for ruling in self.rulings)

    @property
    def open(self) -> bool:
        """Whether the proposal may be put in force: everything was judged, and nothing speaks against it."""
        return self.exit_code == 0

    @property
    def refuted(self) -> list[Decision]:
        """What is refuted and not accepted, and was not so before."""
        return [
            each
            for each in self.decisions
            if each.verdict is Verdict.REFUTED and not each.accepted and each.invariant not in self.open_before
        ]

    @property
    def undecided(self) -> list[Decision]:
        """What is neither proved nor refuted nor accepted."""
        good = (Verdict.PROVED, Verdict.REFUTED)
        return [each for each in self.decisions if each.verdict not in good and not each.accepted]

    @property
    def verdict(self) -> Literal["OPEN", "CLOSED", "UNDECIDED"]:
        """The answer in a word."""
        return "CLOSED" if self.closed else "UNDECIDED" if self.undecided or self.interrupted else "OPEN"

    @property
    def exit_code(self) -> int:
        """0: open; 1: closed; 2: a theorem is not decided; 130: interrupted."""
        return 130 if self.interrupted else {"OPEN": 0, "CLOSED": 1, "UNDECIDED": 2}[self.verdict]


def judge(
    proposal: Proposal,
    theorems: Theorems,
    watch: Watch = lambda _stage, _done, _all: None,
    state: Mapping[str, Any] | None = None,
) -> GateReport:
    """Judge a proposal; with a state of the protocol in force, say whom of it the proposal makes liquidatable.

    Refuses: what a model refuses to build, and as ``Theorems`` and ``accounts_of``.
    """
    began = time.monotonic()
    report = GateReport(proposal)
    fails = judge_against(proposal.base)
    before, after = fails(proposal.base), fails(proposal.head)
    judged = [change for change in proposal.changes if not change.is_context]
    spans: list[Span] = []
    try:
        for done, change in enumerate(proposal.changes):
            watch(f"how far {change.path} could go", done, len(proposal.changes))
            near = report.near(change.pool, change.asset if change.parameter in OF_AN_ASSET else None)
            span = Span(near, change, judge_against(near.base))
            spans.append(span)
            report.changes.append(_reach(span))
            _look_beyond(report.changes[-1], near)
        for done, place in enumerate(sorted(after - before)):
            watch(f"who breaks: {place.label}", done, len(after - before))
            _close(report, place)
        _weigh_old(report, sorted(after & before), spans)
        _enter(report, sorted(before - after), judged)
        _alone(report, before, after, judged, fails)
        _comment(report)
        report.rulings = rulings(proposal)
        for ruling in report.rulings:
            for each in report.changes:
                if not ruling.ok and ruling.path == each.change.path:
                    each.closed = True
        report.worst = _worst(proposal)
        if state is not None:
            report.accounts = list(accounts_of(proposal, state))
        watch("theorems", 0, 0)
        theorems.decide(report)
    except KeyboardInterrupt:
        report.interrupted = True
    report.seconds = time.monotonic() - began
    return report


def _reach(span: Span) -> ChangeReport:
    """How far a change could go; what only says where runs begin can go anywhere."""
    if span.change.is_context:
        return ChangeReport(span.change, None)
    moving = span.moving()
    safe = span.range(moving)
    found = ChangeReport(span.change, safe)
    if safe is None and moving:
        found.notes.append(f"with the others as proposed no value of it is safe: {_labels(moving)}")
    return found


def _look_beyond(found: ChangeReport, near: Proposal) -> None:
    """Look for runs with the first values that are not safe."""
    if found.safe is not None:
        found.lower = _shown_at(near, found.change, found.safe.low - 1, found.safe.below)
        found.higher = _shown_at(near, found.change, found.safe.high + 1, found.safe.above)


def _shown_at(near: Proposal, change: Change, value: int, places: frozenset[Place]) -> str | None:
    """What a run shows with a value at which conditions fail."""
    for place in sorted(places):
        if place == WELL_FORMED:
            continue
        trace = breach(place.label, near.base, near.with_value(change, value), place.pool, place.asset or None)
        if trace is not None and trace.violation is not None:
            return trace.violation.message
    return None


def _close(report: GateReport, place: Place) -> None:
    """Say of a condition that is newly broken which changes do it, and show a run."""
    parts = (report.near(place.pool, asset) for asset in dict.fromkeys((None, place.asset or None)))
    named = (responsible(near, place, judge_against(near.base), near.changes) for near in parts)
    changes = next(filter(None, named), ())
    closing = _closing(report, place, changes)
    closing.lifted = allowed(report.proposal, place)
    report.closings.append(closing)
    for each in report.changes:
        if each.change in changes:
            each.leaves.append(place)
            each.closed |= closing.closes
            if closing.lifted:
                each.notes.append(f"allowed by the policy in force: {place.label}")
            if len(changes) > 1:
                others = ", ".join(other.path for other in changes if other is not each.change)
                each.notes.append(f"not together with {others}: {place.label}")


def _closing(report: GateReport, place: Place, changes: tuple[Change, ...]) -> Closing:
    """A condition that is broken, with a run if one is known; of many like it with the first few."""
    proposal, ids = report.proposal, ids_of(report, place)
    if sum(other.place.label == place.label for other in report.closings) >= MOST_RUNS:
        return Closing(place, changes, ids, f"no run was looked for: {MOST_RUNS} others are shown")
    trace = breach(place.label, proposal.base, proposal.head, place.pool, place.asset or None)
    message = trace.violation.message if trace is not None and trace.violation is not None else ""
    return Closing(place, changes, ids, message, trace.to_json() if trace else None)


def _weigh_old(report: GateReport, broken: Sequence[Place], spans: Sequence[Span]) -> None:
    """Close on what was broken before only where a change moves further away from where it would hold."""
    worse: set[Place] = set()
    for each, span in zip(report.changes, spans, strict=True):
        change = each.change
        for place in span.moving().intersection(broken):
            safe = span.range(frozenset((WELL_FORMED, place)))
            if safe is None or not safe.distance(change.new):
                continue
            each.leaves.append(place)
            if safe.distance(change.new) < safe.distance(change.old):
                each.notes.append(f"still outside, as before, but nearer: {place.label}")
                continue
            each.closed = True
            worse.add(place)
            report.closings.append(_closing(report, place, (change,)))
    report.already = [place for place in broken if place not in worse]


def _enter(report: GateReport, repaired: Sequence[Place], judged: list[Change]) -> None:
    """Note what the proposal repairs, with the changes at its place."""
    for place in repaired:
        at = [c for c in judged if c.pool == place.pool and (not place.asset or c.asset in (None, place.asset))]
        for each in report.changes:
            if each.change in at and each.safe is not None and place in each.safe.below | each.safe.above:
                each.enters.append(place)
                each.notes.append(f"repairs: {place.label}")


def _alone(
    report: GateReport, before: frozenset[Place], after: frozenset[Place], judged: list[Change], fails: Judge
) -> None:
    """Note the changes that need others of the proposal."""
    if len(judged) < 2:
        return
    for each in report.changes:
        if each.change not in judged:
            continue
        try:
            alone = fails(report.proposal.with_changes([each.change])) - before - after
        except UsageError as wrong:
            each.notes.append(f"not by itself: {wrong.what}")
            continue
        if alone:
            each.notes.append(f"only with the rest of the proposal; by itself it breaks: {_labels(alone)}")


def _comment(report: GateReport) -> None:
    """Say what numbers and words are easily misread."""
    for each in report.changes:
        change = each.change
        if change.is_context and not each.leaves:
            each.notes.append("moves only where runs begin, or words; no theorem leans on it")
        elif change.keys[-1] in ("supply_cap", "borrow_cap") and change.new == 0:
            use = "supplied" if change.keys[-1] == "supply_cap" else "borrowed"
            each.notes.append(f'0 means that nothing more can be {use}; no cap is written "{2**112 - 1}"')
        elif change.keys[0] == "accepted":
            each.notes.append("an acceptance changes what the gate lets pass, not what is true")
        elif change.keys[0] == "policy":
            each.notes.append("the policy in force binds this proposal, and the proposed one as well")
        elif change.keys[-1] == "model":
            each.notes.append("another model has other theorems")


def ids_of(report: GateReport, place: Place) -> tuple[str, ...]:
    """The invariants that go where a condition fails."""
    return broken_by(place.label, report.proposal.head.model)


def _worst(proposal: Proposal) -> dict[tuple[str, str], tuple[Worst | None, Worst | None]]:
    """The most that each market can lose, before and after, where it changes."""
    old, new = ({(w.pool, w.asset): w for w in worst_of(each)} for each in (proposal.base, proposal.head))
    keys = dict.fromkeys((*old, *new))
    return {key: (old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)}


def _labels(places: frozenset[Place]) -> str:
    return "; ".join(sorted({f"{place.label} ({place.where})" for place in places}))

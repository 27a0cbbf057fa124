"""Accepted findings: what the owners of a protocol live with, and what still has to hold.

An acceptance covers a verdict other than ``PROVED`` only while its condition holds: the weaker claim stays
``PROVED``, or the invariant holds up to a depth.  A violation that breaks that too is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.protocol import Accepted


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one acceptance: whether it covers the finding, and what a reader should know."""

    invariant: str
    covers: bool
    note: str


def judge(accepted: Sequence[Accepted], decisions: Sequence[Decision], today: date) -> list[Judgement]:
    """Weigh each acceptance whose invariant was decided, and mark the decisions that are covered."""
    by_id = {decision.invariant: decision for decision in decisions}
    judgements = []
    for entry in accepted:
        if entry.invariant in by_id:
            decision = by_id[entry.invariant]
            judgement = _weigh(entry, decision, by_id, today)
            decision.accepted = judgement.covers
            judgements.append(judgement)
    return judgements


def exit_code(decisions: Sequence[Decision]) -> int:
    """0: all proved or accepted; 1: something refuted; else 2, something undecided or vacuous."""
    open_findings = {decision.verdict for decision in decisions if not decision.accepted}
    if Verdict.REFUTED in open_findings:
        return 1
    return 2 if open_findings - {Verdict.PROVED} else 0


def _weigh(entry: Accepted, decision: Decision, by_id: Mapping[str, Decision], today: date) -> Judgement:
    """Decide on one acceptance."""
    name = entry.invariant
    if decision.verdict is Verdict.PROVED:
        return Judgement(name, False, f"{name} is proved; its acceptance is no longer needed, remove it")
    if entry.expires is not None and today >= entry.expires:
        return Judgement(name, False, f"the acceptance of {name} ended on {entry.expires}; settle it or extend it")
    if entry.weakened is not None:
        missing = _missing_weaker(entry.weakened, by_id)
    else:
        missing = _missing_depth(entry.depth or 0, decision)
    if missing:
        return Judgement(name, False, f"the acceptance of {name} does not cover this: {missing}")
    owner = f" ({entry.owner})" if entry.owner else ""
    until = f", until {entry.expires}" if entry.expires else ""
    return Judgement(name, True, f"{name} is accepted{until}: {entry.reason}{owner}")


def _missing_weaker(weaker: str, by_id: Mapping[str, Decision]) -> str | None:
    """Why the weaker claim does not carry the acceptance, if it does not."""
    decision = by_id.get(weaker)
    if decision is None:
        return f"the weaker claim {weaker} was not decided"
    if decision.verdict is Verdict.PROVED:
        return None
    return f"the weaker claim {weaker} is {decision.verdict}, and it has to be PROVED"


def _missing_depth(depth: int, decision: Decision) -> str | None:
    """Why the depth is not reached, if it is not.

    Assumes: the depth of a refuted decision is the number of actions up to which a search found nothing.
    """
    if decision.verdict is Verdict.REFUTED:
        length = actions_of(decision.trace)
        if length is not None and length <= depth:
            return f"it has to hold up to {depth} actions, and is broken after {length}"
    if decision.depth is None or decision.depth < depth:
        shown = "no depth" if decision.depth is None else f"depth {decision.depth}"
        return f"it has to hold up to {depth} actions, and was shown to {shown}"
    return None


def actions_of(trace: Mapping[str, Any] | None) -> int | None:
    """The number of actions of the longest run of a trace."""
    if not trace:
        return None
    return max((len(run) for run in trace["runs"]), default=0)

"""What is known of the proposed protocol: theorems that carry over, and what has to be decided anew.

A theorem is proved for every protocol of its model's region; so inside the region the shipped evidence answers, and no
solver is called.  What a model is known to violate anyway is judged by the acceptances of the two files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from poolproof.acceptance import judge as weigh
from poolproof.cache import Cache
from poolproof.checking import check, open_cache
from poolproof.evidence import Evidence, Options
from poolproof.proofs import registry
from poolproof.proofs.progress import Listener
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.invariant import Catalogue, Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .conditions import Place, region

if TYPE_CHECKING:
    from .judging import Closing, GateReport

KNOWN_FALSE = "known to be violated on this model; `poolproof check` shows the run with these parameters"


@dataclass(slots=True)
class Theorems:
    """Finds the verdicts on a proposed protocol; ``jobs`` are the workers, where something has to be proved."""

    jobs: int | None = None
    use_cache: bool = True
    on_event: Listener | None = None

    def decide(self, report: GateReport) -> None:
        """Add the decisions to a report."""
        head = report.proposal.head
        whole = registry.of(head)
        parts = [head] if len(whole[1]) else list(_pools_apart(report))
        for part in parts:
            model, catalogue = registry.of(part)
            report.scope = report.scope or model.scope
            outside = sorted({place for place, holds in region(part) if not holds})
            if outside:
                self._outside(report, outside, catalogue)
            elif not report.decisions:
                report.decisions += self._inside(report, part, model, catalogue)

    def _inside(self, report: GateReport, part: Protocol, model: Model, catalogue: Catalogue) -> list[Decision]:
        """The verdicts inside the region: evidence, what is known to be false, and what has to be decided.

        An acceptance counts if both files have it.  What the protocol in force neither kept nor accepted is noted.
        """
        base = report.proposal.base
        by_depth = {entry.invariant for entry in (*base.accepted, *part.accepted) if entry.depth is not None}
        found: dict[str, Decision] = {}
        with self._cache() as store:
            evidence = Evidence(store, model, catalogue, part, Options())
            for invariant in catalogue:
                decision = evidence.decision(invariant.id, whole=False)
                if decision is not None:
                    decision.seconds = 0.0  # it was decided at another time
                if decision is None and invariant.counterexamples and invariant.id not in by_depth:
                    decision = _known_false(invariant)
                if decision is not None:
                    found[invariant.id] = decision
        computed = self._check(report, part, [each.id for each in catalogue if each.id not in found])
        found |= computed
        decisions = [found[invariant.id] for invariant in catalogue if invariant.id in found]
        today = datetime.now(UTC).date()
        weigh(base.accepted, decisions, today)
        before = {each.invariant for each in decisions if each.accepted}
        for each in decisions:
            each.accepted = False
        report.notes += [each.note for each in weigh(part.accepted, decisions, today) if not each.covers]
        for each in decisions:
            each.accepted &= each.invariant in before
        refuted = {each.invariant for each in decisions if each.verdict is Verdict.REFUTED} - before
        asked = self._check(report, _in_force(base, part), sorted(refuted & computed.keys()))
        news = {name for name, each in asked.items() if each.verdict is not Verdict.REFUTED}
        report.open_before |= refuted - news
        return decisions

    def _check(self, report: GateReport, protocol: Protocol, asked: Sequence[str]) -> dict[str, Decision]:
        """What a check decides, by id."""
        if not asked or report.interrupted:
            return {}
        done = check(protocol, only=tuple(asked), jobs=self.jobs, cache=self._cache(), on_event=self.on_event)
        report.interrupted |= done.interrupted
        return {decision.invariant: decision for decision in done.decisions}

    def _outside(self, report: GateReport, outside: Sequence[Place], catalogue: Catalogue) -> None:
        """Say what the runs refute of a part outside the region, and that no theorem speaks of it otherwise."""
        names = ", ".join(sorted({place.pool for place in outside}))
        conditions = "; ".join(sorted({place.label for place in outside}))
        report.notes.append(f"outside the region of the theorems: {names}, because not: {conditions}")
        shown = {decision.invariant for decision in report.decisions}
        for closing in report.closings:
            if closing.trace is not None and closing.closes:
                for invariant in (each for each in catalogue if each.id in closing.invariants[:1]):
                    if invariant.id not in shown:
                        shown.add(invariant.id)
                        report.decisions.append(_refuted(invariant, closing))

    def _cache(self) -> Cache:
        return open_cache(use=self.use_cache)


def _pools_apart(report: GateReport) -> Iterable[Protocol]:
    """One protocol for each pool that changes, where nothing is claimed of several side by side; at least one."""
    head = report.proposal.head
    changed = {change.pool for change in report.proposal.changes}
    chosen = [pool for pool in head.pools if pool.id in changed] or list(head.pools[:1])
    return (head.model_copy(update={"pools": (pool,)}) for pool in chosen)


def _in_force(base: Protocol, part: Protocol) -> Protocol:
    """The protocol in force, or of several pools side by side the one that a part of the proposal is about."""
    if len(registry.of(base)[1]):
        return base
    names = {pool.id for pool in part.pools}
    pools = tuple(pool for pool in base.pools if pool.id in names) or base.pools[:1]
    return base.model_copy(update={"pools": pools})


def _known_false(invariant: Invariant) -> Decision:
    return Decision(
        invariant.id, invariant.claim, invariant.kind, Verdict.REFUTED, "search",
        assumes=invariant.assuming, reason=KNOWN_FALSE,
    )  # fmt: skip


def _refuted(invariant: Invariant, closing: Closing) -> Decision:
    return Decision(
        invariant.id, invariant.claim, invariant.kind, Verdict.REFUTED, "search",
        assumes=invariant.assuming, trace=closing.trace, reason=closing.message,
    )  # fmt: skip

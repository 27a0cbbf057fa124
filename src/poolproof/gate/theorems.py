"""What is known of the proposed protocol: theorems that carry over, and what has to be decided anew.

A theorem is proved for every protocol of its model's region; so inside the region the shipped evidence answers, and no
solver is called.  What a model is known to violate anyway is judged by the acceptances of the two files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
AS_BEFORE = "so it was before, and not accepted there either"
FEW_STEPS = 20_000
"""Actions of a random search for a run where none is known."""


@dataclass(slots=True)
class Theorems:
    """Finds the verdicts on a proposed protocol; ``jobs`` are the workers, where something has to be proved."""

    jobs: int | None = None
    use_cache: bool = True
    on_event: Listener | None = None

    def decide(self, report: GateReport, broken: frozenset[Place]) -> None:
        """Add the decisions to a report; ``broken`` are the conditions that fail of the proposed protocol."""
        head = report.proposal.head
        whole = registry.of(head)
        parts = [head] if len(whole[1]) else list(_pools_apart(report))
        for part in parts:
            model, catalogue = registry.of(part)
            report.scope = report.scope or model.scope
            outside = sorted({place for place, holds in region(part) if not holds})
            if outside:
                self._outside(report, part, catalogue, broken)
            elif not report.decisions:
                report.decisions += self._inside(report, part, model, catalogue)

    def _inside(self, report: GateReport, part: Protocol, model: Model, catalogue: Catalogue) -> list[Decision]:
        """The verdicts inside the region: evidence, what is known to be false, and what has to be decided."""
        accepted_before = {entry.invariant for entry in report.proposal.base.accepted}
        accepted_now = {entry.invariant for entry in part.accepted}
        found: dict[str, Decision] = {}
        with self._cache() as store:
            evidence = Evidence(store, model, catalogue, part, Options())
            for invariant in catalogue:
                decision = evidence.decision(invariant.id)
                if decision is None and invariant.counterexamples and invariant.id in accepted_now:
                    decision = _known_false(invariant)
                elif decision is None and invariant.counterexamples and invariant.id not in accepted_before:
                    decision = replace(_known_false(invariant), reason=f"{KNOWN_FALSE}; {AS_BEFORE}")
                    report.open_before.add(invariant.id)
                if decision is not None:
                    found[invariant.id] = decision
        missing = tuple(invariant.id for invariant in catalogue if invariant.id not in found)
        if missing:
            more = check(part, only=missing, jobs=self.jobs, cache=self._cache(), on_event=self.on_event)
            found |= {decision.invariant: decision for decision in more.decisions}
            report.interrupted |= more.interrupted
        decisions = [found[invariant.id] for invariant in catalogue if invariant.id in found]
        for judgement in weigh(part.accepted, decisions, datetime.now(UTC).date()):
            if not judgement.covers:
                report.notes.append(judgement.note)
        return decisions

    def _outside(self, report: GateReport, part: Protocol, catalogue: Catalogue, broken: frozenset[Place]) -> None:
        """Say what the runs refute of a part outside the region, and that no theorem speaks of it otherwise."""
        pools = {pool.id for pool in part.pools}
        conditions = sorted({place.label for place in broken if place.pool in pools})
        names = ", ".join(sorted({place.pool for place in broken if place.pool in pools}))
        report.notes.append(f"outside the region of the theorems: {names}, because not: {'; '.join(conditions)}")
        shown = {decision.invariant for decision in report.decisions}
        for closing in report.closings:
            if closing.trace is not None and closing.closes:
                for invariant in (each for each in catalogue if each.id in closing.invariants[:1]):
                    if invariant.id not in shown:
                        shown.add(invariant.id)
                        report.decisions.append(_refuted(invariant, closing))

    def look_for_runs(self, report: GateReport) -> None:
        """Look, at random, for a run where a condition is broken and no run is known."""
        head = report.proposal.head
        _, catalogue = registry.of(head)
        for closing in report.closings:
            ids = tuple(
                name for name in closing.invariants if name in catalogue and not catalogue[name].counterexamples
            )
            if closing.trace is not None or not closing.closes or not ids:
                continue
            found = check(
                head, only=ids, options=Options(engines=("fuzz",)), cache=self._cache(), on_event=self.on_event
            )
            trace = next((decision.trace for decision in found.decisions if decision.trace is not None), None)
            if trace is not None:
                closing.trace, closing.message = trace, str(trace["violation"]["message"])

    def _cache(self) -> Cache:
        return open_cache(use=self.use_cache)


def _pools_apart(report: GateReport) -> Iterable[Protocol]:
    """One protocol for each pool that changes, where nothing is claimed of several side by side; at least one."""
    head = report.proposal.head
    changed = {change.pool for change in report.proposal.changes}
    chosen = [pool for pool in head.pools if pool.id in changed] or list(head.pools[:1])
    return (head.model_copy(update={"pools": (pool,)}) for pool in chosen)


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

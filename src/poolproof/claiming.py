"""What protocols say of themselves, decided: theorems, computations and edges put together into one verdict a claim.

Nothing is taken from a claim file but what to ask.  A claim is **proved** where all its theorems are and its
computation agrees; **conditional** where besides each of its edges was found, those that the computation shows among
them, the condition holding on one side and the claim failing on the other; **refuted** where a theorem is, or the
computation disagrees; and else **undecided**.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from poolproof.proofs import registry
from poolproof.proofs.boundary import Found, find_edge
from poolproof.proofs.conditions_of_venus import CONDITIONS, OUTCOMES
from poolproof.proofs.limits import Limit
from poolproof.proofs.progress import Listener
from poolproof.proofs.quantities import Figures
from poolproof.proofs.structure_of_venus import COMPUTATIONS
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.claim import Claim, ClaimFile, Statement, shipped_claims
from poolproof.spec.errors import UsageError, shown_text
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

from .checking import INTERRUPTED, check, open_cache
from .documents import document


class ClaimVerdict(StrEnum):
    """What is known of a protocol's own claim."""

    PROVED = "proved"
    CONDITIONAL = "conditional"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Asked:
    """One claim as it is made of one protocol."""

    file: ClaimFile
    claim: Claim
    statement: Statement
    protocol: Protocol

    @property
    def rows(self) -> Protocol:
        """The protocol whose theorems carry the claim."""
        return self.protocol if self.statement.rows_of is None else load_protocol(self.statement.rows_of)


@dataclass(slots=True)
class Judged:
    """A claim with all that its verdict rests on; ``decisions`` are None for theorems that the catalogue lacks."""

    asked: Asked
    decisions: dict[str, Decision | None]
    figures: Figures | None = None
    edges: list[Found] = field(default_factory=list)

    @property
    def conditions(self) -> list[Found | Limit]:
        """The edges of all conditions: those of traces, and those that the computation shows in words."""
        return [*self.edges, *(self.figures.limits if self.figures is not None else ())]

    @property
    def refuted(self) -> list[Decision]:
        """The theorems that are refuted."""
        return [each for each in self.decisions.values() if each is not None and each.verdict is Verdict.REFUTED]

    @property
    def reasons(self) -> list[str]:
        """What stands between the claim and a proof."""
        found = []
        for name, decision in self.decisions.items():
            if decision is None:
                found.append(f"{name} is not in the catalogue of this protocol")
            elif decision.verdict is not Verdict.PROVED:
                found.append(f"{name} is {decision.verdict}" + (f": {decision.reason}" if decision.reason else ""))
        found += self.figures.disagreements if self.figures is not None else []
        return found + [f"{each.condition}: {each.problem}" for each in self.conditions if each.problem is not None]

    @property
    def verdict(self) -> ClaimVerdict:
        """The verdict that follows."""
        if self.refuted or (self.figures is not None and self.figures.disagreements):
            return ClaimVerdict.REFUTED
        if self.reasons:
            return ClaimVerdict.UNDECIDED
        return ClaimVerdict.CONDITIONAL if self.conditions else ClaimVerdict.PROVED

    @property
    def traces(self) -> list[dict[str, Any]]:
        """The traces that go with the verdict: of refuted theorems, and just outside each condition."""
        broken = [each.trace for each in self.refuted if each.trace is not None]
        return broken + [each.trace.to_json() for each in self.edges if each.trace is not None]

    def to_json(self) -> dict[str, Any]:
        """The claim as `claims --json` writes it."""
        return {
            "id": self.asked.claim.id,
            "claim": self.asked.claim.claim,
            "model": self.asked.statement.model,
            "verdict": self.verdict.value,
            "condition": "; ".join(each.condition for each in self.conditions) or None,
            "theorems": list(self.decisions),
            "trace": next(iter(self.traces), None),
            "protocol": self.asked.protocol.name,
            "source": self.asked.file.source,
            "decisions": {name: each.verdict.value if each else None for name, each in self.decisions.items()},
            "figures": self.figures.lines if self.figures is not None else [],
            "reasons": self.reasons,
            "edges": [
                {
                    "condition": each.condition,
                    "inside": each.inside,
                    "outside": each.outside,
                    "exact": each.exact,
                    "message": each.message,
                    "trace": each.trace.to_json() if each.trace is not None else None,
                    "run": list(each.run) if isinstance(each, Limit) else [],
                }
                for each in self.conditions
            ],
        }


@dataclass(slots=True)
class ClaimsReport:
    """The claims that were asked about, as far as an interrupt allows."""

    judged: list[Judged] = field(default_factory=list)
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """1 for a claim that is refuted, 2 for one that is undecided."""
        verdicts = {each.verdict for each in self.judged}
        if self.interrupted:
            return INTERRUPTED
        if ClaimVerdict.REFUTED in verdicts:
            return 1
        return 2 if ClaimVerdict.UNDECIDED in verdicts else 0

    def to_json(self) -> dict[str, Any]:
        """The report as `claims --json` writes it."""
        claims = [each.to_json() for each in self.judged]
        return document("claims", {"claims": claims, "interrupted": self.interrupted})


def asked_of(which: str | None) -> list[Asked]:
    """The claims made of a model, or of a protocol by its name or path; without a name, all.

    Refuses: a name of neither, what ``load_protocol`` refuses, and a protocol of which nothing is claimed.
    """
    every = [(file, claim, statement) for file in shipped_claims() for claim in file.claims for statement in claim.on]
    models = {statement.model for _, _, statement in every}
    if which is None or which in models:
        return [
            Asked(file, claim, statement, load_protocol(statement.protocol))
            for file, claim, statement in every
            if which in (None, statement.model)
        ]
    protocol = load_protocol(which)
    found = [Asked(*each, protocol) for each in every if each[2].protocol == protocol.name]
    if not found:
        known = [*sorted(models), *dict.fromkeys(statement.protocol for _, _, statement in every)]
        rule = f"nothing is claimed of a protocol by the name {shown_text(protocol.name)}"
        raise UsageError(rule, which, f"write one of {', '.join(known)}, or the path of a file with that name")
    return found


def judge_claims(
    asked: Sequence[Asked], *, jobs: int | None = None, use_cache: bool = True, on_event: Listener | None = None
) -> ClaimsReport:
    """Decide claims: their theorems protocol by protocol, then what is computed."""
    report = ClaimsReport()
    decided: dict[str, dict[str, Decision]] = {}
    for protocol in {each.rows.name: each.rows for each in asked}.values():
        wanted = {name for each in asked if each.rows == protocol for name in each.statement.theorems}
        decisions, report.interrupted = _decide(protocol, wanted, jobs, use_cache=use_cache, on_event=on_event)
        decided[protocol.name] = decisions
        if report.interrupted:
            break
    for each in asked:
        if each.rows.name in decided:
            report.judged.append(_judge(each, decided[each.rows.name]))
    return report


def _decide(
    protocol: Protocol, wanted: Iterable[str], jobs: int | None, *, use_cache: bool, on_event: Listener | None
) -> tuple[dict[str, Decision], bool]:
    """The decisions on theorems, those aside that the protocol's catalogue does not have."""
    _, catalogue = registry.of(protocol)
    only = [name for name in wanted if name in catalogue]
    if not only:
        return {}, False
    report = check(protocol, only=only, jobs=jobs, cache=open_cache(use=use_cache), on_event=on_event)
    return {each.invariant: each for each in report.decisions}, report.interrupted


def _judge(asked: Asked, decisions: dict[str, Decision]) -> Judged:
    """One claim, from the decisions on its theorems, its computation and its edges."""
    statement = asked.statement
    judged = Judged(asked, {name: decisions.get(name) for name in statement.theorems})
    if statement.computation is not None:
        judged.figures = COMPUTATIONS[statement.computation](asked.protocol)
    for name in statement.edges:
        edge = asked.file.edge(name)
        protocol = asked.protocol if edge.protocol is None else load_protocol(edge.protocol)
        judged.edges.append(find_edge(edge, asked.claim.id, protocol, CONDITIONS, OUTCOMES))
    return judged

"""A check as a document: what the terminal shows of it, for CI, for a pull request and for a browser."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from poolproof import __version__
from poolproof.models.system import SEPARATOR
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.invariant import Catalogue, Invariant

from .checking import Report
from .formal_text import formal_text, said_of
from .protocol_text import ProtocolText
from .report import MOST_REASONS, assumptions_of, closing_line, lemmas_of
from .reports.document import Document, Finding, Level, Trace, Where, shown_file
from .reports.traces import place_of_violation, trace_of

LEVELS: dict[Verdict, Level] = {
    Verdict.PROVED: "none",
    Verdict.REFUTED: "error",
    Verdict.HOLDS_TO_DEPTH: "warning",
    Verdict.UNKNOWN: "warning",
    Verdict.VACUOUS: "warning",
}

VERDICTS = {0: "passed", 1: "refuted", 2: "undecided"}
"""How a check ended, in a word, by its exit code."""


def document_of(report: Report, catalogue: Catalogue, text: ProtocolText, words: Sequence[str]) -> Document:
    """The report of a check; ``words`` are those of the command that repeats it."""
    file = shown_file(text.path, Path.cwd())
    by_id = {invariant.id: invariant for invariant in catalogue}
    reasons = {entry.invariant: entry.reason for entry in report.protocol.accepted}
    findings = tuple(
        _finding(decision, by_id.get(decision.invariant), reasons, report.kept, text, file)
        for decision in report.decisions
    )
    left = len(report.asked) - len(report.decisions)
    return Document(
        title=f"poolproof check {report.protocol.name}",
        command="check",
        line=shlex.join(words),
        subject=report.protocol.name,
        subject_title=report.protocol.title,
        version=__version__,
        ok=report.exit_code == 0,
        exit_code=report.exit_code,
        verdict=VERDICTS.get(report.exit_code, "interrupted"),
        headline=headline(report),
        seconds=report.seconds,
        findings=findings,
        assumptions=tuple(assumptions_of(report.decisions)),
        lemmas=tuple(lemmas_of(report.decisions)),
        scope=tuple(report.model.scope),
        accepted=tuple(judgement.note for judgement in report.judgements),
        notes=tuple(report.notes),
        unfinished=f"interrupted: {left} of {len(report.asked)} claims are not decided" if report.interrupted else "",
    )


def headline(report: Report) -> str:
    """How it stands, in a line without the time that it took."""
    return closing_line(report, timed=False).plain


def _finding(
    decision: Decision,
    invariant: Invariant | None,
    reasons: dict[str, str],
    kept: set[str],
    text: ProtocolText,
    file: str,
) -> Finding:
    def locate(pool: str, asset: str) -> Where | None:
        outer, _, inner = asset.rpartition(SEPARATOR)
        line = text.line_of_market(outer or pool, inner)
        return Where(file, line) if line is not None else None

    where = Where(file)
    trace: Trace | None = None
    if decision.trace is not None:
        where = place_of_violation(decision.trace, locate) or where
        trace = trace_of(decision.trace, locate)
    accepted = reasons.get(decision.invariant) if decision.accepted else None
    if accepted is not None:
        where = Where(file, text.line_of_acceptance(decision.invariant) or 1)
    depth = f"({decision.depth})" if decision.verdict is Verdict.HOLDS_TO_DEPTH else ""
    return Finding(
        id=decision.invariant,
        claim=decision.claim,
        verdict=f"{decision.verdict}{depth}",
        level=LEVELS[decision.verdict],
        message=decision.reason or (trace.ending if trace is not None else ""),
        accepted=accepted,
        where=where,
        trace=trace,
        seconds=None if decision.invariant in kept else decision.seconds,
        engine=decision.engine,
        details=tuple(_details(decision)),
        why=invariant.why if invariant is not None else "",
        formal=_formal(invariant) if invariant is not None else "",
    )


def _details(decision: Decision) -> list[str]:
    """What was proved with which lemmas, or which obligations stay open and why."""
    if decision.verdict is Verdict.PROVED:
        count = len(decision.obligations)
        told = [f"{count} obligation{'' if count == 1 else 's'}"] if count else []
        return told + ([f"uses {', '.join(decision.lemmas)}"] if decision.lemmas else [])
    open_ones = [outcome for outcome in decision.obligations if outcome.verdict is not Verdict.PROVED]
    told = [f"{each.action} {each.verdict}{f': {each.reason}' if each.reason else ''}" for each in open_ones]
    more = len(told) - MOST_REASONS
    return told[:MOST_REASONS] + ([f"and {more} more obligations"] if more > 0 else [])


def _formal(invariant: Invariant) -> str:
    """The clauses of an invariant, each below what it quantifies over."""
    parts = (f"# {clause.name}: {said_of(clause)}\n{formal_text(clause)}" for clause in invariant.clauses)
    return "\n\n".join(parts)

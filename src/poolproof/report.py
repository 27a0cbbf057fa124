"""Reports for people: one line for each invariant, then whatever needs an explanation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from poolproof.proofs.verdicts import Decision, Verdict

from .checking import Report

STYLES = {
    Verdict.PROVED: "green",
    Verdict.HOLDS_TO_DEPTH: "yellow",
    Verdict.REFUTED: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.VACUOUS: "magenta",
}

NARROW = 72
"""Below this width a table keeps only what a reader cannot do without [characters]."""
MEDIUM = 100
GAP = 2
"""Between columns [characters]."""
MOST_REASONS = 5
"""Most obligations of one invariant whose reasons are listed."""

ShowTrace = Callable[[Console, dict[str, Any]], None]
"""Prints a trace in JSON as a timeline."""


def print_report(console: Console, report: Report, show_trace: ShowTrace) -> None:
    """The whole report: verdicts, findings, what the proofs rest on, scope, summary."""
    console.print(Text(f"{report.protocol.name}: {report.protocol.title}", style="bold"))
    console.print(verdict_table(report.decisions, report.kept, console.width))
    for decision in report.decisions:
        print_finding(console, decision, show_trace)
    print_ground(console, report.decisions)
    print_list(console, "Not in the model", report.model.scope)
    print_list(console, "Accepted findings", [judgement.note for judgement in report.judgements])
    console.print()
    console.print(closing_line(report))


def verdict_table(decisions: Sequence[Decision], kept: set[str], width: int) -> Table:
    """One line for each invariant; a narrow terminal gets fewer columns, never more lines."""
    columns: dict[str, list[Text]] = {
        "invariant": [Text(each.invariant) for each in decisions],
        "verdict": [verdict_text(each) for each in decisions],
        "claim": [Text(each.claim) for each in decisions],
    }
    if width >= MEDIUM:
        columns["engine"] = [Text(each.engine) for each in decisions]
        columns["obligations"] = [Text(str(len(each.obligations) or "")) for each in decisions]
    if width >= NARROW:
        columns["seconds"] = [Text("kept" if each.invariant in kept else f"{each.seconds:.2f}") for each in decisions]
    widths = {name: max(len(name), *(cell.cell_len for cell in cells), 0) for name, cells in columns.items()}
    room = width - sum(widths.values()) - GAP * (len(widths) - 1) + widths["claim"]
    for claim in columns["claim"]:
        claim.truncate(max(room, len("claim")), overflow="ellipsis")
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in ("obligations", "seconds") else "left"
        table.add_column(name, no_wrap=True, justify=justify)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def verdict_text(decision: Decision) -> Text:
    """A verdict in its colour, with its depth, and whether its owners accept it."""
    depth = f"({decision.depth})" if decision.verdict is Verdict.HOLDS_TO_DEPTH else ""
    text = Text(f"{decision.verdict}{depth}", style=STYLES[decision.verdict])
    if decision.accepted:
        text.append(" accepted", style="dim")
    return text


def print_finding(console: Console, decision: Decision, show_trace: ShowTrace) -> None:
    """What a verdict other than a proof has to say for itself."""
    if decision.verdict is Verdict.PROVED:
        return
    console.print()
    heading = Text(f"{decision.invariant} ", style="bold")
    console.print(heading + verdict_text(decision) + Text(f": {decision.claim}"))
    if decision.reason:
        console.print(Padding(Text(decision.reason), (0, 0, 0, 2)))
    open_ones = [outcome for outcome in decision.obligations if outcome.verdict is not Verdict.PROVED]
    for outcome in open_ones[:MOST_REASONS]:
        reason = f": {outcome.reason}" if outcome.reason else ""
        line = Text(f"{outcome.action} {outcome.verdict}{reason}")
        console.print(Padding(line, (0, 0, 0, 2)))
    if len(open_ones) > MOST_REASONS:
        console.print(Padding(Text(f"and {len(open_ones) - MOST_REASONS} more obligations"), (0, 0, 0, 2)))
    if decision.trace is not None:
        show_trace(console, decision.trace)


def print_ground(console: Console, decisions: Sequence[Decision]) -> None:
    """What the proofs assume, and the lemmas that they use, each with the claims that rest on it."""
    print_list(console, "The proofs assume", assumptions_of(decisions))
    lemmas = ", ".join(lemmas_of(decisions))
    print_list(console, "Lemmas that the proofs use, each with a verdict of its own", [lemmas] if lemmas else [])


def assumptions_of(decisions: Iterable[Decision]) -> list[str]:
    """What the proofs assume, each with the claims that rest on it; the conditions of the region in one text."""
    proved = [decision for decision in decisions if decision.verdict is Verdict.PROVED]
    assumptions: dict[str, list[str]] = defaultdict(list)
    region: dict[str, None] = {}
    for decision in proved:
        for assumption in decision.assumes:
            kind, _, condition = assumption.partition(": ")
            if kind == "region" and condition:
                region[condition] = None
            else:
                assumptions[assumption].append(decision.invariant)
    lines = [f"{text} ({_listed(ids, len(proved))})" for text, ids in assumptions.items()]
    return [*lines, f"of the admissible region: {'; '.join(region)}"] if region else lines


def lemmas_of(decisions: Iterable[Decision]) -> list[str]:
    """The lemmas that the proofs use, each with the number of claims that rest on it."""
    proved = (decision for decision in decisions if decision.verdict is Verdict.PROVED)
    lemmas = Counter(lemma for decision in proved for lemma in decision.lemmas)
    return [f"{name} (in {count})" for name, count in sorted(lemmas.items())]


def print_list(console: Console, heading: str, lines: Sequence[str]) -> None:
    """A heading with one line for each entry; nothing where there is no entry."""
    if not lines:
        return
    console.print()
    console.print(Text(heading, style="bold"))
    for line in lines:
        row = Table.grid(padding=(0, 1))
        row.add_row("-", Text(line))
        console.print(Padding(row, (0, 0, 0, 1)))


def closing_line(report: Report, *, timed: bool = True) -> Text:
    """How many ended in each verdict, in how many seconds; and what an interrupt left undone."""
    counts = Counter(decision.verdict for decision in report.decisions)
    count = len(report.decisions)
    time = f" in {report.seconds:.1f} s" if timed else ""
    line = Text(f"{count} invariant{'' if count == 1 else 's'}{time}: ")
    parts = [Text(f"{counts[each]} {each}", style=STYLES[each]) for each in Verdict if counts[each]]
    line.append_text(Text(", ").join(parts) if parts else Text("nothing was decided"))
    accepted = sum(decision.accepted for decision in report.decisions)
    if accepted:
        line.append(f", {accepted} accepted")
    if report.interrupted:
        line.append(f"; interrupted, {len(report.asked) - len(report.decisions)} not decided", style="bold")
        line.append(f"; {report.answers} new answers to obligations are kept" if report.answers else "")
    return line


def _listed(ids: Sequence[str], everyone: int) -> str:
    """A few ids, or how many they are."""
    if len(ids) == everyone and everyone > 1:
        return "all"
    if len(ids) <= 4:
        return ", ".join(ids)
    return f"{', '.join(ids[:3])} and {len(ids) - 3} more"

"""The command that decides what protocols say of themselves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from poolproof.proofs.limits import Limit

from .claiming import ClaimVerdict, Judged, asked_of, judge_claims
from .console import Output
from .trace_files import write_traces

STYLES = {
    ClaimVerdict.PROVED: "green",
    ClaimVerdict.CONDITIONAL: "cyan",
    ClaimVerdict.REFUTED: "bold red",
    ClaimVerdict.UNDECIDED: "yellow",
}


def run_claims(output: Output, which: str | None, *, jobs: int | None, use_cache: bool, traces: Path | None) -> int:
    """Decide the claims made of a model or protocol, and say by the exit code how they stand."""
    asked = asked_of(which)
    with output.progress() as listener:
        report = judge_claims(asked, jobs=jobs, use_cache=use_cache, on_event=listener)
    output.write_json(report.to_json())
    for judged in report.judged:
        print_claim(output.out, judged)
    counts = Counter(each.verdict for each in report.judged)
    parts = [Text(f"{counts[each]} {each}", style=STYLES[each]) for each in ClaimVerdict if counts[each]]
    line = Text(f"{len(report.judged)} claims: ")
    line.append_text(Text(", ").join(parts) if parts else Text("nothing was decided"))
    if report.interrupted:
        line.append(f"; interrupted, {len(asked) - len(report.judged)} not decided", style="bold")
    output.out.print(line)
    write_traces(output, traces, [trace for judged in report.judged for trace in judged.traces])
    return report.exit_code


def print_claim(console: Console, judged: Judged) -> None:
    """One claim: its verdict and words, what carries it, its conditions with what happens just outside, its figures."""
    asked, verdict = judged.asked, judged.verdict
    heading = Text(f"{asked.claim.id} ", style="bold") + Text(verdict, style=STYLES[verdict])
    console.print(heading + Text(f" ({asked.statement.model}, {asked.protocol.name}): {asked.claim.claim}"))
    carried = [f"{name} ({each.verdict})" if each else name for name, each in judged.decisions.items()]
    computed = [asked.statement.computation.replace("_", " ")] if asked.statement.computation else []
    lines = [Text(f"by {', '.join(carried + computed)}", style="dim")]
    for found in judged.conditions:
        lines.append(Text(f"{'unless' if verdict is ClaimVerdict.REFUTED else 'if'} {found.condition}"))
        if found.message is not None and found.problem is None:
            exactly = "just outside" if found.exact else "outside"
            lines.append(
                Text(f"  {exactly}, with {found.outside} where {found.inside} holds: {found.message}", style="dim")
            )
            run = found.run if isinstance(found, Limit) else ()
            lines += [Text(f"  run: {'; '.join(run)}", style="dim")] if run else []
    lines += [Text(line, style="dim") for line in (judged.figures.lines if judged.figures is not None else [])]
    lines += [Text(f"but {reason}", style="yellow") for reason in judged.reasons]
    for line in lines:
        console.print(Padding(line, (0, 0, 0, 2)))
    console.print()

"""The command that replays recorded traces of deployed contracts against their model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from poolproof.proofs.conform import SHOWN_DIFFERENCES, ConformReport, conform, formats, lines_of, trace_files
from poolproof.proofs.venus_import import trace_of_recording
from poolproof.spec.errors import UsageError

from .checking import INTERRUPTED
from .console import Output
from .documents import document
from .naming import known_name
from .trace_files import write_traces


def run_conform(output: Output, model: str, paths: Sequence[str], traces: Path | None = None) -> int:
    """Replay traces; 0 if nothing differs.  What was replayed by an interrupt is reported.

    Into the folder ``traces`` each recording is written as a trace for `replay`, as far as that goes.
    """
    report = ConformReport(known_name(model, formats(), "a model with recorded traces", "conform"))
    interrupted = False
    with output.progress() as listener:
        try:
            conform(report.protocol, paths, listener, report)
        except KeyboardInterrupt:
            interrupted = True
    output.write_json(document("conform", report.to_json() | {"interrupted": interrupted}))
    print_report(output, report)
    if interrupted:
        output.out.print("interrupted: this is what was done by then", style="bold")
        return INTERRUPTED
    if traces is not None:
        write_traces(output, traces, _traces_of(output, trace_files(paths)), named_by="protocol")
    return 1 if report.mismatches else 0


def _traces_of(output: Output, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Each recording as a trace; where it is cut, or why there is none, is said."""
    for file in files:
        name = file.name.partition(".")[0]
        lines = [line for _, line in lines_of(file)]
        if "cases" in lines[0]:
            continue
        try:
            imported = trace_of_recording(name, iter(lines))
        except UsageError as told:
            output.out.print(Text(f"{name}: no trace: {told.what}", style="yellow"), soft_wrap=True)
            continue
        if imported.cut is not None:
            output.out.print(Text(f"{name}: cut before {imported.cut}", style="yellow"), soft_wrap=True)
        yield imported.trace.to_json()


def print_report(output: Output, report: ConformReport) -> None:
    """What was replayed, and where it differs."""
    if report.first_differences:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("file", "step", "field", "recorded", "model"):
            table.add_column(column, overflow="fold")
        for each in report.first_differences:
            step = "start" if each.step is None else str(each.step)
            table.add_row(*map(Text, (each.file, step, each.field, each.recorded, each.model)))
        output.out.print(table)
        if len(report.first_differences) == SHOWN_DIFFERENCES:
            output.out.print(f"these are the first {SHOWN_DIFFERENCES} differences", style="dim")
    done = report.actions + report.cases
    traces = "1 trace" if report.traces == 1 else f"{report.traces:,} traces"
    rate = f", {done / report.seconds:,.0f} a second" if report.seconds else ""
    output.out.print(
        f"{report.actions:,} actions ({report.refusals:,} refused) of {traces} and {report.cases:,} cases "
        f"in {report.seconds:.1f} s{rate}"
    )
    style = "bold red" if report.mismatches else "green"
    output.out.print(Text(f"mismatches: {report.mismatches:,}", style=style))

"""The commands that run the model on integers: fuzz, explore, replay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table
from rich.text import Text

from poolproof.proofs import registry
from poolproof.proofs.explore import ExploreReport, explore
from poolproof.proofs.fuzz import FuzzReport, fuzz
from poolproof.proofs.progress import Event
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import Trace, read_trace

from .checking import INTERRUPTED
from .console import Output
from .documents import document
from .inputs import open_protocol, read_state
from .timeline import timeline
from .trace_files import model_of, show_trace, write_traces

if TYPE_CHECKING:
    from poolproof.evm.confirm import Confirmation

SECONDS = 10.0
"""How long a campaign runs when nobody says."""


def run_fuzz(
    output: Output,
    name_or_path: str,
    *,
    state: str | None,
    seconds: float | None,
    steps: int | None,
    seed: int,
    jobs: int | None,
    checks: Literal["all", "none"],
    traces: Path | None,
) -> int:
    """Run random sequences; what was done by an interrupt is reported."""
    protocol, model, catalogue = open_protocol(name_or_path)
    start = read_state(state, model, protocol) if state is not None else None
    if seconds is None and steps is None:
        seconds = SECONDS
    latest = FuzzReport(protocol.name)
    interrupted = False
    with output.progress() as listener:

        def tell(report: FuzzReport) -> None:
            nonlocal latest
            latest = report
            stage = f"fuzz: {len(report.violations)} violations, {report.actions_per_second:,.0f} actions/s"
            listener(Event(stage, report.actions, steps or 0))

        try:
            latest = fuzz(
                model,
                protocol,
                catalogue,
                steps=steps,
                seconds=seconds,
                seed=seed,
                checks=checks,
                start=start,
                on_progress=tell,
                jobs=jobs or 1,
            )
        except KeyboardInterrupt:
            interrupted = True
    _print_fuzz(output, latest)
    return _finish(output, "fuzz", latest.to_json(), latest.violations, traces, interrupted=interrupted)


def run_explore(output: Output, name_or_path: str, *, depth: int, traces: Path | None) -> int:
    """Visit every state of a small world; what was visited by an interrupt is reported."""
    protocol, model, catalogue = open_protocol(name_or_path)
    latest = ExploreReport(protocol.name, depth)
    interrupted = False
    with output.progress() as listener:

        def tell(report: ExploreReport) -> None:
            nonlocal latest
            latest = report
            rate = report.generated / report.seconds if report.seconds else 0.0
            listener(Event(f"explore: {report.distinct:,} states, {rate:,.0f} generated/s"))

        try:
            latest = explore(model, protocol, catalogue, depth=depth, on_progress=tell)
        except KeyboardInterrupt:
            interrupted = True
    _print_explore(output, latest)
    return _finish(output, "explore", latest.to_json(), latest.violations, traces, interrupted=interrupted)


def run_replay(output: Output, path: str, *, on_evm: bool = False) -> int:
    """Run a trace and show what each step did; 0 if everything ended, and broke, as recorded.

    With ``on_evm`` the contracts run it too, and have to agree in everything that can be observed.
    """
    trace = read_trace(path, model_of)
    confirmation = _confirm(trace) if on_evm else None
    report = replay(trace, registry.find)
    output.out.print(timeline(report))
    for difference in report.differences:
        output.out.print(Text(f"difference: {difference}", style="bold red"))
    if report.as_recorded:
        broken = "is violated as recorded" if report.violation else "ended as recorded, without a violation"
        output.out.print(Text(f"{trace.invariant} {broken}", style="green"))
    if confirmation is not None:
        _print_confirmation(output, confirmation)
    violation = report.violation
    content: dict[str, Any] = {
        "protocol": trace.protocol,
        "invariant": trace.invariant,
        "claim": report.claim,
        "as_recorded": report.as_recorded,
        "violated": violation is not None,
        "message": violation.message if violation else None,
        "differences": report.differences,
    }
    if confirmation is not None:
        content["evm"] = confirmation.to_json()
    output.write_json(document("replay", content))
    return 0 if report.as_recorded and (confirmation is None or confirmation.confirmed) else 1


def _confirm(trace: Trace) -> Confirmation:
    """Run a trace on the contracts; the import needs nothing that is not installed, the run does."""
    from poolproof.evm.confirm import confirm

    return confirm(trace)


def _print_confirmation(output: Output, confirmation: Confirmation) -> None:
    """What the contracts did, step by step, and whether it is what the model does."""
    output.out.print()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("on the contracts", "ended", "values"):
        table.add_column(column, overflow="fold", justify="right" if column == "values" else "left")
    for step in confirmation.steps:
        table.add_row(Text(step.place), Text(step.refusal or "completed"), f"{step.compared:,}")
    output.out.print(table)
    if confirmation.left_out is not None:
        output.out.print(Text(f"left out: {confirmation.left_out}", style="yellow"))
    report = confirmation.report
    if report.differences:
        output.out.print(Text(f"the contracts differ: {report.differences[0]}", style="bold red"))
    else:
        told = f"confirmed: {len(confirmation.steps):,} steps, {report.compared:,} values equal"
        output.out.print(Text(told, style="green"))


def _print_fuzz(output: Output, report: FuzzReport) -> None:
    """What a campaign did, action by action."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("action", no_wrap=True)
    for column in ("completed", "refused", "share"):
        table.add_column(column, no_wrap=True, justify="right")
    for name, counts in report.by_action.items():
        done = counts["ok"] + counts["refused"]
        share = f"{done / report.actions:.1%}" if report.actions else ""
        table.add_row(Text(name), f"{counts['ok']:,}", f"{counts['refused']:,}", share)
    output.out.print(table)
    succeeded = f" ({report.succeeded / report.actions:.0%} completed)" if report.actions else ""
    output.out.print(
        f"{report.actions:,} actions{succeeded} in {report.seconds:.1f} s, "
        f"{report.actions_per_second:,.0f} a second; violations: {len(report.violations)}"
    )


def _print_explore(output: Output, report: ExploreReport) -> None:
    """What was visited."""
    facts = Table.grid(padding=(0, 2))
    rows = {
        "depth": f"{report.depth} actions, {'complete' if report.complete else 'not complete'}",
        "generated": f"{report.generated:,} states",
        "distinct": f"{report.distinct:,} states",
        "seconds": f"{report.seconds:.1f}",
        "violations": str(len(report.violations)),
    }
    for name, value in rows.items():
        facts.add_row(Text(name, style="dim"), Text(value))
    output.out.print(facts)


def _finish(
    output: Output,
    command: str,
    content: dict[str, Any],
    violations: Sequence[Trace],
    traces: Path | None,
    *,
    interrupted: bool,
) -> int:
    """Show the violations, write the files, and give the exit code."""
    found = [trace.to_json() for trace in violations]
    output.write_json(document(command, content | {"interrupted": interrupted}))
    for trace in found:
        output.out.print()
        show_trace(output.out, trace)
    write_traces(output, traces, found)
    if interrupted:
        output.out.print("interrupted: this is what was done by then", style="bold")
    if interrupted:
        return INTERRUPTED
    return 1 if found else 0

"""The main job: a verdict for each invariant that applies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from .checking import check, open_cache
from .console import Output
from .evidence import Options
from .inputs import open_protocol, read_state
from .naming import known_name
from .report import print_report
from .trace_files import show_trace, write_traces

ENGINES = ("prove", "search", "explore", "fuzz", "crosshair")
"""What `--engine` may name."""


def run_check(
    output: Output,
    name_or_path: str,
    *,
    state: str | None,
    only: Sequence[str],
    engines: Sequence[str],
    budget: int | None,
    jobs: int | None,
    use_cache: bool,
    second_opinion: bool,
    seed: int,
    traces: Path | None,
) -> int:
    """Check a protocol, print the report, and say by the exit code how it stands."""
    protocol, model, _ = open_protocol(name_or_path)
    chosen = tuple(known_name(engine, ENGINES, "an engine", "--engine") for engine in engines)
    start = read_state(state, model, protocol) if state is not None else None
    options = Options(chosen, budget, seed, second_opinion, start)
    with output.progress() as listener:
        report = check(
            protocol,
            only=only,
            options=options,
            jobs=jobs,
            cache=open_cache(use=use_cache),
            on_event=listener,
        )
    output.write_json(report.to_json())
    for note in report.notes:
        output.err.print(Text(f"note: {note}"))
    print_report(output.out, report, show_trace)
    write_traces(output, traces, [each.trace for each in report.decisions if each.trace is not None])
    return report.exit_code

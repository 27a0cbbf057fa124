"""The main job: a verdict for each invariant that applies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from .checking import check, open_cache
from .console import Output
from .document_of_check import document_of
from .evidence import Options
from .inputs import open_protocol, read_state
from .naming import known_name
from .protocol_text import ProtocolText
from .report import print_report
from .reports.writing import reports_asked, write_reports
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
    protocol, model, catalogue = open_protocol(name_or_path)
    text = ProtocolText.of(name_or_path) if reports_asked(output) else None
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
    if text is not None:
        words = _words(name_or_path, state, only, chosen, budget, use_cache, second_opinion, seed)
        write_reports(output, document_of(report, catalogue, text, words))
    for note in report.notes:
        output.err.print(Text(f"note: {note}"))
    print_report(output.out, report, show_trace)
    write_traces(output, traces, [each.trace for each in report.decisions if each.trace is not None])
    return report.exit_code


def _words(
    name_or_path: str,
    state: str | None,
    only: Sequence[str],
    engines: Sequence[str],
    budget: int | None,
    use_cache: bool,
    second_opinion: bool,
    seed: int,
) -> list[str]:
    """The command that decides the same: all that can change a verdict, and nothing of where it is written."""
    words = ["poolproof", "check", name_or_path]
    words += ["--state", state] if state is not None else []
    words += [word for name in only for word in ("--only", name)]
    words += [word for name in engines for word in ("--engine", name)]
    words += ["--budget", str(budget)] if budget is not None else []
    words += ["--no-cache"] if not use_cache else []
    words += ["--second-opinion"] if second_opinion else []
    return words + (["--seed", str(seed)] if seed else [])

"""A trace as lines of text: for formats that show nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from poolproof.reports.document import Change, Trace


def lines_of_trace(trace: Trace) -> Iterator[str]:
    """From where the runs start, their steps with what each changed, what broke, and its numbers."""
    yield f"from {trace.start}"
    for number, run in enumerate(trace.runs, start=1):
        if len(trace.runs) > 1:
            yield f"run {number} of {len(trace.runs)}"
        if not run:
            yield "no action is needed"
        for position, step in enumerate(run, start=1):
            yield f"{position:>3}  {step.text}"
            if step.note:
                yield f"     {step.note}"
            yield from (f"     {line_of_change(each)}" for each in step.changes)
    yield f"broken: {trace.ending}"
    yield from (f"     {line_of_change(each)}" for each in trace.figures)


def line_of_change(change: Change) -> str:
    """A value that changed, or one to be looked at, which has no old value."""
    name = " ".join(filter(None, (change.place, change.field)))
    return f"{name}: {change.old} -> {change.new}" if change.old else f"{name}: {change.new}"

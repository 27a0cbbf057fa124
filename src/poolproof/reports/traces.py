"""The trace of an engine as a report shows it: each step in words, with what it changed and where it is in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from poolproof.proofs import registry
from poolproof.proofs.replay import ReplayedStep, ReplayReport, replay
from poolproof.proofs.traces import trace_from_json
from poolproof.reports.document import Change, Step, Trace, Where
from poolproof.spec.errors import UsageError
from poolproof.timeline import Units, figures, in_words, scenario, sentence, start_of

Locate = Callable[[str, str], Where | None]
"""The place of a market by its pool, empty where there is one, and its asset."""


def trace_of(data: Mapping[str, Any], locate: Locate) -> Trace:
    """Replay a trace in JSON, and tell it.

    Raises: RuntimeError where an engine wrote data that is not a trace.
    """
    try:
        read = trace_from_json(dict(data), str(data.get("invariant", "trace")), lambda name: registry.find(name)[0])
    except UsageError as error:
        message = f"an engine wrote a trace that cannot be read: {error}"
        raise RuntimeError(message) from error  # ours, not the caller's
    report = replay(read, registry.find)
    units = Units.of(read.parsed_protocol())
    runs = tuple(tuple(_step(units, step, locate) for step in run) for run in report.runs)
    return Trace(start_of(read), runs, _ending(report), _figures(units, report))


def place_of_violation(data: Mapping[str, Any], locate: Locate) -> Where | None:
    """The market that a violation names, else the last one that an action of the trace names."""
    values = (data.get("violation") or {}).get("values", {})
    places = [values, *(step["args"] for run in data["runs"] for step in reversed(run))]
    found = (located(place, locate) for place in places)
    return next((where for where in found if where is not None), None)


def located(names: Mapping[str, Any], locate: Locate) -> Where | None:
    """The place of the market that arguments of an action, or values of a violation, name."""
    asset = names.get("market", names.get("asset"))
    return locate(str(names.get("pool", "")), str(asset)) if asset is not None else None


def _step(units: Units, step: ReplayedStep, locate: Locate) -> Step:
    notes = []
    if step.refusal is not None:
        notes.append(f"refused, {step.refusal}: {step.message}")
    if not step.as_recorded:
        notes.append(f"recorded: {step.recorded.refusal or 'completed'}")
    changes = tuple(Change(*words) for words in in_words(units, step.changes))
    return Step(sentence(units, step), changes, "; ".join(notes), located(step.recorded.args, locate))


def _ending(report: ReplayReport) -> str:
    """What broke, and what was tried to show it."""
    if report.violation is None:
        return "; ".join(report.differences) or "nothing broke"
    return " ".join(filter(None, (report.violation.message, scenario(report.violation))))


def _figures(units: Units, report: ReplayReport) -> tuple[Change, ...]:
    """The numbers that the broken claim is about."""
    if report.violation is None:
        return ()
    return tuple(Change("", name, old or "", new) for name, old, new in figures(units, report.violation))

"""Recorded traces of deployed contracts, replayed against their models: what is read, compared and counted.

A format brings the reading of its lines and the comparison of one step; files, counting and progress are here.
"""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from poolproof.spec.errors import UsageError, shown_path, shown_text

from .progress import Event, Listener

SHOWN_DIFFERENCES = 20
"""How many differences a report keeps."""
SUFFIXES = (".jsonl", ".jsonl.gz")
"""How the names of trace files end."""
STEPS_BETWEEN_EVENTS = 200

Line: TypeAlias = tuple[int, dict[str, Any]]
"""A line's number, from 1, and its content."""


class Malformed(Exception):
    """A line is not what the format has in its place."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(number, what)
        self.number = number
        self.what = what


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that the model computes otherwise; ``step`` None before the first action."""

    field: str
    recorded: str
    model: str
    file: str = ""
    step: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As the JSON of `conform` has it."""
        return {
            "file": self.file,
            "step": self.step,
            "field": self.field,
            "recorded": self.recorded,
            "model": self.model,
        }


@dataclass(slots=True)
class ConformReport:
    """What was replayed; ``mismatches`` counts actions and cases that differ, whatever the number of their fields."""

    protocol: str
    files: int = 0
    traces: int = 0
    actions: int = 0
    cases: int = 0
    refusals: int = 0
    mismatches: int = 0
    seconds: float = 0.0
    first_differences: list[Difference] = field(default_factory=list)
    file: str = ""

    def note(self, step: int | None, found: Sequence[Difference]) -> None:
        """Count a step, a case or a start that differs."""
        self.mismatches += bool(found)
        for each in found[: SHOWN_DIFFERENCES - len(self.first_differences)]:
            placed = Difference(each.field, each.recorded, each.model, self.file, step)
            self.first_differences.append(placed)

    def to_json(self) -> dict[str, Any]:
        """As the JSON of `conform` has it."""
        return {
            "protocol": self.protocol,
            "files": self.files,
            "traces": self.traces,
            "actions": self.actions,
            "cases": self.cases,
            "refusals": self.refusals,
            "mismatches": self.mismatches,
            "seconds": round(self.seconds, 3),
            "first_differences": [each.to_json() for each in self.first_differences],
        }


Format: TypeAlias = Callable[[Iterator[Line], ConformReport], None]
"""Replays the lines of one file into a report.  Raises: Malformed."""


def formats() -> Mapping[str, Format]:
    """The formats of recorded traces, by model."""
    from .venus_recordings import replay_lines

    return {"venus": replay_lines}


def conform(model: str, paths: Iterable[str], listener: Listener, report: ConformReport | None = None) -> ConformReport:
    """Replay files and folders against a model; a report that is given is filled as far as an interrupt lets it.

    Raises: UsageError for a path that does not exist or holds no trace, or a file that is none.
    """
    replay, found = formats()[model], trace_files(paths)
    report = report if report is not None else ConformReport(model)
    began = time.perf_counter()
    for path in found:
        report.file = path.name
        lines = _announced(lines_of(path), report, listener, len(found))
        try:
            replay(lines, report)
        except Malformed as wrong:
            where = f"{shown_path(str(path))}, line {wrong.number}"
            raise UsageError(f"not a trace of {model}: {wrong.what}", where, "give a whole recorded trace") from None
        finally:
            report.seconds = time.perf_counter() - began
        report.files += 1
    return report


def trace_files(paths: Iterable[str]) -> list[Path]:
    """The files of paths, those of a folder by name.  Raises: UsageError."""
    found: dict[Path, None] = {}
    for text in paths:
        path = Path(text)
        try:
            inside = (
                sorted(each for each in path.iterdir() if each.name.endswith(SUFFIXES)) if path.is_dir() else [path]
            )
        except OSError as error:
            raise _unreadable(path, error) from None
        if not inside:
            cure = f"name a folder with files that end in {' or '.join(SUFFIXES)}"
            raise UsageError("no trace is in this folder", shown_path(text), cure)
        found |= dict.fromkeys(inside)
    return list(found)


def compare(where: str, recorded: Any, model: Any) -> Iterator[Difference]:
    """Every place in which two JSON values differ."""
    if isinstance(recorded, dict) and isinstance(model, dict):
        for key in recorded | model:
            yield from compare(f"{where}.{key}", recorded.get(key, "(absent)"), model.get(key, "(absent)"))
    elif isinstance(recorded, list) and isinstance(model, list) and len(recorded) == len(model):
        for position, (one, other) in enumerate(zip(recorded, model, strict=True)):
            yield from compare(f"{where}[{position}]", one, other)
    elif recorded != model or type(recorded) is not type(model):
        yield Difference(where, json.dumps(recorded), json.dumps(model))


def _announced(lines: Iterator[Line], report: ConformReport, listener: Listener, files: int) -> Iterator[Line]:
    """Lines, with an event now and then."""
    for number, line in lines:
        if number % STEPS_BETWEEN_EVENTS == 1:
            stage = f"conform: {report.file}, {report.actions:,} actions, {report.mismatches} differ"
            listener(Event(stage, report.files, files))
        yield number, line


def lines_of(path: Path) -> Iterator[Line]:
    """The lines of a file, each a JSON object.  Raises: Malformed, and UsageError where the file cannot be read."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                yield number, _object(number, text)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None


def _object(number: int, text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        end = "" if text.endswith(b"\n") else ", it ends in the middle"
        start = shown_text(text[:40].decode("utf-8", "replace"))
        raise Malformed(number, f"the line is no JSON{end}: {start}") from None
    if not isinstance(content, dict):
        raise Malformed(number, "the line is no JSON object")
    return content


def _unreadable(path: Path, error: Exception) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(f"the file cannot be read ({reason.lower()})", shown_path(str(path)), "name a trace or a folder")

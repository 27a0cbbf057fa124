"""Recorded steps, repeated on the contracts: what they refused and what the pool is after each, compared."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .venus import VenusOnEvm


@dataclass(frozen=True)
class Ran:
    """One step on the contracts: the action, what it was refused with (None: it succeeded), the state after it."""

    number: int
    action: str
    refusal: tuple[str, tuple[str, ...]] | None
    state: Mapping[str, Any]


@dataclass
class Report:
    """What the contracts did, and where that is not what was recorded."""

    start: Mapping[str, Any] = field(default_factory=dict)
    steps: list[Ran] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    compared: int = 0
    """Values and refusals that were compared."""
    expected: str = "recorded"
    """Of what is compared: that it was recorded, or who says it."""
    seconds: float = 0.0

    @property
    def confirmed(self) -> bool:
        """The contracts did what was recorded, and something was."""
        return self.compared > 0 and not self.differences

    def compare(self, place: str, recorded: Any, found: Any) -> None:
        """Compare what is recorded: a table by its own keys, a list whole, anything else as text."""
        if isinstance(recorded, Mapping) and isinstance(found, Mapping):
            for key, value in recorded.items():
                self.compare(f"{place}.{key}", value, found.get(key, "nothing"))
        elif isinstance(recorded, list | tuple) and isinstance(found, list | tuple) and len(recorded) == len(found):
            for number, (one, other) in enumerate(zip(recorded, found, strict=True)):
                self.compare(f"{place}[{number}]", one, other)
        else:
            self.compared += 1
            if str(recorded) != str(found):
                self.differences.append(f"{place}: {self.expected} {recorded}, the contracts say {found}")


def replay_on_evm(
    config: Mapping[str, Any], steps: Iterable[Mapping[str, Any]], start: Mapping[str, Any] | None = None
) -> Report:
    """Run steps on the contracts, and compare each with what it records.

    A step has ``bn`` and ``ts``, the action ``a`` and its ``args``; what it may record is ``ok`` (whether it
    succeeded), ``err`` (``name``, ``args``), ``ev`` (its events) and ``st``, of which only the keys that are there
    are compared.
    ``start`` is a recorded state before the first step.

    Refuses: what ``VenusOnEvm`` refuses.
    """
    began = time.perf_counter()
    report = Report()
    pool = VenusOnEvm(config, int(config["startBlock"]), int(config["startTimestamp"]))
    report.start = state = pool.state()
    if start is not None:
        report.compare("start", start, state)
    for number, step in enumerate(steps):
        refusal = pool.do(step["a"], step["args"], int(step["bn"]), int(step["ts"]))
        events = [] if refusal is not None else pool.events()
        before, state = state, pool.state()
        report.steps.append(Ran(number, step["a"], refusal, state))
        place = f"step {number}, {step['a']}"
        recorded = step.get("err")
        if recorded is not None or "ok" in step:
            report.compare(f"{place}: succeeded", bool(step.get("ok")), refusal is None)
        if recorded is not None and refusal is not None:
            error = {"name": refusal[0], "args": refusal[1]}
            report.compare(f"{place}: error", {key: recorded[key] for key in error if key in recorded}, error)
        if "ev" in step and refusal is None:
            report.compare(f"{place}: events", *map(_comparable, (step["ev"], events)))
        if step.get("st") is not None:
            report.compare(place, step["st"], state)
        elif refusal is not None:
            report.compare(f"{place}: refused", before, state)
    report.seconds = time.perf_counter() - began
    return report


def _comparable(events: Iterable[Sequence[Any]]) -> list[list[str]]:
    """Events as text; an address without a name, as of a new rate model, is another one in every deployment."""
    return [["an address" if str(each).startswith("0x") else str(each) for each in event] for event in events]


def replay_recorded(path: Path) -> Report:
    """Repeat a recorded trace: a compressed file of lines, the configuration first, then the start, then the steps."""
    lines = _lines(path)
    config = next(lines)["config"]
    start = next(lines)["st"]
    return replay_on_evm(config, lines, start)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a compressed file, each one JSON object."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)

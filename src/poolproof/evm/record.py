"""Recordings of one's own: what the contracts did, state, error and events of each action, as `conform` reads them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .artifacts import PACKAGE, VERSION
from .venus import VenusOnEvm

SECONDS_PER_BLOCK = 3
"""How far the other clock goes for each block [s]."""


class Recorder:
    """A pool on its contracts, and the lines of its recording so far.

    ``config`` is a deployment as a recording describes it.
    Refuses: what `VenusOnEvm` refuses.
    """

    def __init__(self, name: str, config: Mapping[str, Any], doc: str = "") -> None:
        self.block, self.timestamp = int(config["startBlock"]), int(config["startTimestamp"])
        self._seconds = bool(config["timeBased"])
        self.pool = VenusOnEvm(config, self.block, self.timestamp)
        first = {"type": "config", "trace": name, "package": f"{PACKAGE}@{VERSION}", "config": dict(config)}
        start = {"type": "init", "bn": self.block, "ts": self.timestamp, "st": self.pool.state()}
        self.lines: list[dict[str, Any]] = [first | ({"doc": doc} if doc else {}), start]

    def do(self, slots: int, action: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Act a number of slots after the action before; the line."""
        self.block += slots // SECONDS_PER_BLOCK if self._seconds else slots
        self.timestamp += slots if self._seconds else slots * SECONDS_PER_BLOCK
        line: dict[str, Any] = {
            "type": "act",
            "k": len(self.lines) - 2,
            "bn": self.block,
            "ts": self.timestamp,
            "a": action,
            "args": dict(arguments),
        }
        refusal = self.pool.do(action, arguments, self.block, self.timestamp)
        if refusal is None:
            events = self.pool.events()
            line |= {"ok": True, "st": self.pool.state()} | ({"ev": events} if events else {})
        else:
            line |= {"ok": False, "st": None, "err": {"name": refusal[0], "args": list(refusal[1])}}
        self.lines.append(line)
        return line


def record(
    name: str, config: Mapping[str, Any], actions: Iterable[tuple[int, str, Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """The recording of actions, each with the slots since the one before."""
    recorder = Recorder(name, config)
    for slots, action, arguments in actions:
        recorder.do(slots, action, arguments)
    return recorder.lines


def write_recording(lines: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write a recording, compressed; the same lines give the same bytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.writelines(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
    path.write_bytes(packed.getvalue())

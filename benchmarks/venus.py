"""Actions a second of the exact Venus model, on recorded actions: the model alone, then with the full comparison.

    python benchmarks/venus.py [folder]

The first figure carries out the recorded actions, with undo of what is refused and without looking at the state; the
second is what `poolproof conform venus` does.  Targets, one process: 60,000 and 5,000.
"""
# ruff: noqa: INP001 - a script that stands alone

from __future__ import annotations

import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any

from poolproof.proofs.conform import conform
from poolproof.proofs.venus_recordings import Replay
from poolproof.spec.action import Action, perform

ROUNDS = 3
FOLDER = Path(__file__).parents[1] / "tests" / "conformance" / "venus"

Prepared = list[tuple[int, Action, tuple[Any, ...]]]


def recorded(path: Path) -> list[dict[str, Any]]:
    """The lines of a trace."""
    with gzip.open(path, "rb") as file:
        return [json.loads(line) for line in file]


def main(folder: Path) -> None:
    """Measure, and print a line for each way."""
    traces = [recorded(path) for path in sorted(folder.glob("*.jsonl.gz")) if path.name != "rates.jsonl.gz"]
    best = 0.0
    for _ in range(ROUNDS):
        prepared: list[tuple[Replay, Prepared]] = []
        for first, _start, *steps in traces:
            replay = Replay(first["config"])
            prepared.append((replay, [replay.action(step) for step in steps]))
        began = time.perf_counter()
        for replay, actions in prepared:
            pool = replay.pool
            for now, action, arguments in actions:
                pool.now = now
                perform(pool, action, arguments)
        seconds = time.perf_counter() - began
        best = max(best, sum(len(actions) for _, actions in prepared) / seconds)
    print(f"the model alone: {best:,.0f} actions a second")  # noqa: T201 - it prints its result
    report = conform("venus", [str(folder)], lambda _event: None)
    print(f"with full comparison: {report.actions / report.seconds:,.0f} actions a second")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)

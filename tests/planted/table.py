"""Check every planted bug, the whole catalogue on each, and write docs/planted-bugs.md.

    python tests/planted/table.py RESULTS.jsonl

RESULTS.jsonl gets a line for each row; what it has is not checked again.  A full run takes hours on two cores.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path
from typing import Any

planting: Any = importlib.import_module("planting")
TARGET = planting.ROOT / "docs" / "planted-bugs.md"
TABLES = {"bug": "One bug for each invariant", "flip": "Every rounding, flipped", "other": "Classic bugs"}
HEAD = """# Planted bugs

A suite that proves everything has to show that it can also say no. Each row is the reference system with one
expression changed, in a copy of the package; `poolproof check minimal` is asked about the changed copy, with nothing
known beforehand. The rows are those of [`bugs.toml`](../tests/planted/bugs.toml); the first invariant of a row is
asked by `tests/planted/test_planted.py` on every run of the tests, which also replays its trace. This page is written
by `python tests/planted/table.py`, which asks for the whole catalogue.

*Steps* is the length of the shortest trace from the initial state that was found for the first invariant. *Refuted
too* are the other invariants that end `REFUTED` by a trace of their own; what merely rests on a claim that is no longer
proved ends `UNKNOWN` and is counted only.
"""


def main(results: Path) -> None:
    """Check what is missing, then write the page."""
    known = {tuple(row["key"]): row for row in read(results)}
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        rows[table] = []
        for bug in planting.bugs(table):
            key = (bug.invariant, bug.file, bug.old, bug.new)
            if key not in known:
                known[key] = {"key": key, **measured(bug)}
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(known[key]) + "\n")
                print(bug.invariant, bug.what, known[key]["refuted"], known[key]["seconds"], flush=True)  # noqa: T201
            rows[table].append({"bug": bug, **known[key]})
    TARGET.write_text(HEAD + "".join(section(TABLES[table], rows[table]) for table in TABLES), encoding="utf-8")


def read(results: Path) -> Iterator[dict[str, Any]]:
    """The rows of an earlier run."""
    if results.exists():
        for line in results.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def measured(bug: Any) -> dict[str, Any]:
    """Check the whole catalogue on a planted bug."""
    with tempfile.TemporaryDirectory() as folder:
        checked = planting.check(planting.plant(bug, Path(folder)), bug)
    verdicts = checked.verdicts
    found = verdicts[bug.invariant]
    return {
        "refuted": checked.refuted,
        "steps": checked.steps(bug.invariant) if bug.invariant in checked.refuted else None,
        "verdict": found["verdict"],
        "engine": found["engine"],
        "found": found["seconds"],
        "open": [name for name in verdicts if verdicts[name]["verdict"] not in ("PROVED", "REFUTED")],
        "seconds": round(checked.seconds, 1),
    }


def section(title: str, rows: list[dict[str, Any]]) -> str:
    """One table."""
    lines = [f"\n## {title}\n", "| invariant | bug | change | found by | steps | refuted too | undecided | s |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in rows:
        bug = row["bug"]
        too = ", ".join(name for name in row["refuted"] if name != bug.invariant) or "none"
        by = f"{row['engine']}, {row['found']:.1f} s" if row["verdict"] == "REFUTED" else row["verdict"]
        change = f"`{bug.file}`: {changed(bug)}"
        cells = (bug.invariant, bug.what, change, by, row["steps"], too, len(row["open"]), row["seconds"])
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def changed(bug: Any) -> str:
    """The lines that a bug removes and adds, as code."""
    lines = list(ndiff(bug.old.splitlines(), bug.new.splitlines()))
    old = " ".join(line[2:].strip() for line in lines if line.startswith("- "))
    new = " ".join(line[2:].strip() for line in lines if line.startswith("+ "))
    return " becomes ".join(code(text) if text else "nothing" for text in (old, new))


def code(text: str) -> str:
    """Code in a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

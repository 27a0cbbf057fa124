"""Check every planted bug, and write docs/planted-bugs.md.

    python tests/planted/table.py RESULTS.jsonl

RESULTS.jsonl gets a line for each row; what it has is not checked again.  A full run takes about a quarter of an hour.
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
STEPS = 12_000
"""Random actions of the campaign that looks for what else a bug breaks."""
HEAD = f"""# Planted bugs

A suite that proves everything has to show that it can also say no. Each row is the reference system with one
expression changed, in a copy of the package, and nothing known beforehand. The rows are those of
[`bugs.toml`](../tests/planted/bugs.toml). This page is written by `python tests/planted/table.py`, which does two
things with each copy:

- `poolproof check PROTOCOL --only ID` for the first column's invariant: *found by* is the engine whose trace refutes
  it, *steps* the length of that trace from the initial state, a scenario's own actions not counted. The tests replay
  it.
- `poolproof fuzz PROTOCOL --steps {STEPS}`, which watches the whole catalogue: *refuted too* are the other invariants
  that this one campaign refutes, each by a trace of its own. It is a glimpse, not a verdict on the rest.

The protocol is `minimal`, for some bugs of oracles
[`watched-feeds.toml`](../tests/planted/watched-feeds.toml).
`tests/planted/test_planted.py` asks about the first table, the flips that are not in it, and one of the others for
each invariant, on every run of the tests.
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
                print(bug.invariant, bug.what, known[key]["verdict"], known[key]["too"], flush=True)  # noqa: T201
            rows[table].append({"bug": bug, **known[key]})
    TARGET.write_text(HEAD + "".join(section(TABLES[table], rows[table]) for table in TABLES), encoding="utf-8")


def read(results: Path) -> Iterator[dict[str, Any]]:
    """The rows of an earlier run."""
    if results.exists():
        for line in results.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def measured(bug: Any) -> dict[str, Any]:
    """Check the invariant of a planted bug, and look what else breaks."""
    with tempfile.TemporaryDirectory() as folder:
        home = planting.plant(bug, Path(folder))
        checked = planting.check(home, bug, "--only", bug.invariant)
        also = planting.fuzzed(home, bug, STEPS)
    found = checked.verdicts[bug.invariant]
    return {
        "verdict": found["verdict"],
        "engine": found["engine"],
        "steps": checked.steps(bug.invariant) if bug.invariant in checked.refuted else None,
        "too": [each.invariant for each in planting.bugs("bug") if each.invariant in also - {bug.invariant}],
    }


def section(title: str, rows: list[dict[str, Any]]) -> str:
    """One table."""
    lines = [
        f"\n## {title}\n",
        "| invariant | bug | change | found by | steps | refuted too |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        bug = row["bug"]
        by = row["engine"] if row["verdict"] == "REFUTED" else row["verdict"]
        change = f"`{bug.file}`: {changed(bug)}"
        cells = (bug.invariant, bug.what, change, by, row["steps"], ", ".join(row["too"]) or "none")
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

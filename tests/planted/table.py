"""Check every planted bug, and write docs/planted-bugs.md; or attack every switch, and write docs/switches.md.

    python tests/planted/table.py RESULTS.jsonl
    python tests/planted/table.py RESULTS.jsonl switches

RESULTS.jsonl gets a line for each row; what it has is not checked again.  A full run of either takes about a quarter of
an hour.
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
SWITCHES = planting.ROOT / "docs" / "switches.md"
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


HEAD_OF_SWITCHES = """# Switches

Each safety of the reference system, switched off in turn: what breaks then, and how soon? Each row is a copy of the
package with one passage of `models/` replaced, as [`switches.toml`](../tests/planted/switches.toml) has it. This page is
written by `python tests/planted/table.py RESULTS.jsonl switches`, which asks of each copy:

- which is the *first* invariant, in the order of the catalogue, that the concrete engines break? Random runs watch the
  whole catalogue; after each violation only what comes before it is watched on, and what is left of that is then hunted
  on its own, by two runs side by side where it speaks of two. The budget is bounded: that nothing earlier was found is
  no proof that nothing earlier breaks.
- what is its shortest trace, from the initial state of the protocol named? That trace is then replayed: the copy breaks
  as recorded, and the reference system, with the switch on, breaks nothing.

Amounts are in smallest units. Where a trace ends in a scenario, its steps are those before it. Where it is of two runs,
they differ in one pool, and the steps of both are counted.
"""


def main(results: Path, switches: str = "") -> None:
    """Check what is missing, then write the page."""
    known = {tuple(row["key"]): row for row in read(results)}
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in ("switch",) if switches else TABLES:
        rows[table] = []
        for bug in planting.bugs(table):
            key = (bug.protocol if switches else bug.invariant, bug.file, bug.old, bug.new)
            if key not in known:
                known[key] = {"key": key, **(attacked(bug) if switches else measured(bug))}
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(known[key]) + "\n")
                print(bug.invariant, bug.what, *list(known[key].values())[1:], flush=True)  # noqa: T201
            rows[table].append({"bug": bug, **known[key]})
    if switches:
        SWITCHES.write_text(HEAD_OF_SWITCHES + page(rows["switch"]), encoding="utf-8")
    else:
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


def attacked(bug: Any) -> dict[str, Any]:
    """Look for the first invariant that a switch breaks."""
    with tempfile.TemporaryDirectory() as folder:
        trace = planting.attack(planting.plant(bug, Path(folder)), bug)
    return {"first": trace["invariant"], "trace": told(trace), "steps": sum(len(run) for run in trace["runs"])}


def told(trace: dict[str, Any]) -> list[str]:
    """A trace as lines of code: each run, and the scenario that it ends in."""
    runs = ["; ".join(call(step["action"], step["args"]) for step in run) for run in trace["runs"]]
    scenario = dict(trace["violation"]["values"].get("scenario", {}))
    return [*runs, call(scenario.pop("clause"), scenario)] if scenario else runs


def call(name: str, arguments: dict[str, str]) -> str:
    """An action with its arguments."""
    return " ".join((name, *arguments.values()))


def page(rows: list[dict[str, Any]]) -> str:
    """The table of switches."""
    lines = [
        "",
        "| switch | replaced | protocol | first broken | shortest trace | steps |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        bug, (first, *rest) = row["bug"], row["trace"]
        trace = "<br>".join([code(first or "at the start"), *(f"then {code(each)}" for each in rest)])
        cells = (bug.what, change_of(bug), bug.protocol, row["first"], trace, row["steps"])
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def change_of(bug: Any) -> str:
    """The file of a switch, and the lines that it takes out and puts in there, each as code."""
    lines = [line for line in ndiff(bug.old.splitlines(), bug.new.splitlines()) if line[2:].strip()]
    old, new = ("<br>".join(code(line[2:].strip()) for line in lines if line[0] == mark) for mark in "-+")
    return f"`{bug.file}`: " + (f"{old} becomes {new}" if old and new else f"without {old}" if old else f"with {new}")


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
    main(Path(sys.argv[1]), *sys.argv[2:])

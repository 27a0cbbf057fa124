"""The suite can say no: each invariant has a bug, one changed expression, that `check` refutes under its id.

So has each rounding, and each of the bugs that are known from elsewhere.  `table.py` asks about all of them; a run of
the tests, about each invariant's own bug, the flips that are no such bug, and of each invariant's others the first.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from poolproof.invariants import CATALOGUE

planting: Any = importlib.import_module("planting")
BUGS, FLIPS, OTHERS = (planting.bugs(table) for table in ("bug", "flip", "other"))
CHANGES = {(bug.file, bug.old, bug.new) for bug in BUGS}
SAMPLE = [
    *BUGS,
    *(bug for bug in FLIPS if (bug.file, bug.old, bug.new) not in CHANGES),
    *{bug.invariant: bug for bug in reversed(OTHERS)}.values(),
]
ROUNDING = re.compile(r"\b(?:mul_)?div_\w+\(|//")

SLACK = 2
"""Steps by which a trace may exceed the table: which minimum the shrinker ends in depends on the run it starts from."""


def named(bug: Any) -> str:
    """A bug in a test's name."""
    return f"{bug.invariant}: {bug.what}"[:80]


@pytest.mark.parametrize("bug", SAMPLE, ids=named)
def test_check_refutes_the_invariant(bug: Any, tmp_path: Path) -> None:
    """`check` ends with 1, REFUTED under that id, with a short trace that `replay` confirms."""
    home = planting.plant(bug, tmp_path)
    checked = planting.check(home, bug, "--only", bug.invariant)
    assert checked.exit_code == 1, checked.printed
    assert checked.refuted == [bug.invariant]
    assert checked.steps(bug.invariant) <= bug.steps + SLACK
    replayed = planting.replay(home, bug.invariant)
    assert replayed.returncode == 0, replayed.stdout


def test_each_invariant_has_its_bug() -> None:
    """One bug for each id of the catalogue, in its order."""
    assert [bug.invariant for bug in BUGS] == [invariant.id for invariant in CATALOGUE]


@pytest.mark.parametrize("bug", [*BUGS, *FLIPS, *OTHERS], ids=named)
def test_the_bug_still_fits_the_models(bug: Any) -> None:
    """The text that a bug replaces is there, once, and the result is Python."""
    text = (planting.ROOT / bug.file).read_text(encoding="utf-8")
    compile(bug.applied_to(text), bug.file, "exec")


def test_each_rounding_is_flipped_once() -> None:
    """Each rounding of an isolated pool is in one flip."""
    for name in ("isolated_pool", "liquidation", "market", "oracle", "rates"):
        path = planting.ROOT / "models" / f"{name}.py"
        text, file = path.read_text(encoding="utf-8"), f"models/{path.name}"
        spans = [(text.index(bug.old), text.index(bug.old) + len(bug.old)) for bug in FLIPS if bug.file == file]
        found = [[match.start() for match in ROUNDING.finditer(text, *span)] for span in spans]
        assert sorted(found) == [[match.start()] for match in ROUNDING.finditer(text)], file


def test_no_bug_is_planted_twice() -> None:
    """Each row of a table is another change, and those of ``other`` are in neither of the others."""
    bugs, flips, others = ({(bug.file, bug.old, bug.new) for bug in rows} for rows in (BUGS, FLIPS, OTHERS))
    assert (len(bugs), len(flips), len(others)) == (len(BUGS), len(FLIPS), len(OTHERS))
    assert not others & (bugs | flips)

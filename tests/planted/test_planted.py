"""The suite can say no: each invariant has a bug, one changed expression, that `check` refutes under its id."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from poolproof.invariants import CATALOGUE

planting: Any = importlib.import_module("planting")
BUGS = planting.bugs("bug")
OTHERS: list[Any] = []

SLACK = 2
"""Steps by which a trace may exceed the table: which minimum the shrinker ends in depends on the run it starts from."""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.invariant)
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


@pytest.mark.parametrize("bug", [*BUGS, *OTHERS], ids=lambda bug: f"{bug.invariant}: {bug.what}"[:80])
def test_the_bug_still_fits_the_models(bug: Any) -> None:
    """The text that a bug replaces is there, once, and the result is Python."""
    text = (planting.ROOT / bug.file).read_text(encoding="utf-8")
    compile(bug.applied_to(text), bug.file, "exec")


def test_no_bug_is_planted_twice() -> None:
    """Each row of each table is another change."""
    changes = [(bug.file, bug.old, bug.new) for bug in OTHERS]
    assert len(set(changes)) == len(changes)

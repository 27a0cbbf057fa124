"""Each safety of the reference system matters: switched off, it breaks an invariant, and docs/switches.md says which.

``table.py`` attacks all of them; a run of the tests, those that break in a step.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from poolproof.proofs import registry
from poolproof.spec.loading import load_protocol

planting: Any = importlib.import_module("planting")
table: Any = importlib.import_module("table")
SWITCHES = planting.bugs("switch")
FEW = 1
"""Up to this length of its trace [steps] a switch is in the sample."""
SAMPLE = [switch for switch in SWITCHES if switch.steps <= FEW]
COLUMNS = 6


def named(switch: Any) -> str:
    """A switch in a test's name."""
    return f"{switch.invariant}: {switch.what}"[:80]


def rows() -> list[list[str]]:
    """The cells of each row of the page."""
    text = table.SWITCHES.read_text(encoding="utf-8").replace("\\|", "/")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("switch", SAMPLE, ids=named)
def test_a_switch_is_refuted(switch: Any, tmp_path: Path) -> None:
    """`check` refutes the invariant with a trace that replays where the safety is off, and not where it is on."""
    home = planting.plant(switch, tmp_path)
    checked = planting.check(home, switch, "--only", switch.invariant, "--engine", "fuzz")
    assert checked.refuted == [switch.invariant], checked.printed
    assert checked.steps(switch.invariant) <= switch.steps
    trace = str(home / "traces" / f"{switch.invariant}.json")
    assert planting.poolproof(home, "replay", trace).returncode == 0
    assert planting.poolproof(planting.ROOT, "replay", trace).returncode == 1


def test_the_page_has_every_switch() -> None:
    """One row for each switch of the file, in its order: what is replaced, what breaks, in how many steps."""
    found = [(what, change, protocol, first, int(steps)) for what, change, protocol, first, _, steps in rows()]
    assert found == [
        (each.what, table.change_of(each).replace("\\|", "/"), each.protocol, each.invariant, each.steps)
        for each in SWITCHES
    ]


def test_no_cell_of_the_page_is_empty() -> None:
    """Each row says everything."""
    assert all(len(row) == COLUMNS and all(row) for row in rows())


@pytest.mark.parametrize("switch", SWITCHES, ids=named)
def test_the_switch_still_fits_the_models(switch: Any) -> None:
    """The text that is replaced is there, once, the result is Python, and the invariant is one of the protocol's."""
    text = (planting.ROOT / switch.file).read_text(encoding="utf-8")
    compile(switch.applied_to(text), switch.file, "exec")
    _, catalogue = registry.of(load_protocol(switch.protocol))
    assert switch.invariant in catalogue

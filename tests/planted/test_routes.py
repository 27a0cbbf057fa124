"""CROSS can say no: each bug of the router is refuted by proof, and broken by a few steps from the start."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from poolproof.invariants.cross_pool import CROSS

planting: Any = importlib.import_module("planting")
HERE = Path(__file__).parent
BUGS: list[dict[str, Any]] = tomllib.loads((HERE / "bugs_of_routes.toml").read_text(encoding="utf-8"))["bug"]


def planted(bug: dict[str, Any]) -> Any:
    """The bug as a change of one file."""
    return planting.Bug(bug["invariant"], bug["what"], bug["file"], bug["old"], bug["new"], len(bug["steps"]))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug['invariant']}: {bug['what']}")
def test_a_bug_of_the_router_is_refuted(bug: dict[str, Any], tmp_path: Path) -> None:
    """The solver finds a state in which the clause fails, and the steps of the table break the invariant."""
    home = planting.plant(planted(bug), tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(home / "src")}
    command = [sys.executable, str(HERE / "attack_routes.py"), json.dumps({"given": {}, **bug})]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["run"] is not None
    assert "is refused:" not in found["run"]
    assert found["proof"] is not None


def test_each_invariant_has_a_bug() -> None:
    """At least one for each id."""
    assert {bug["invariant"] for bug in BUGS} == {invariant.id for invariant in CROSS}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug['invariant']}: {bug['what']}")
def test_the_bug_still_fits_the_models(bug: dict[str, Any]) -> None:
    """The text that a bug replaces is there, once, and the result is Python."""
    text = (planting.ROOT / bug["file"]).read_text(encoding="utf-8")
    compile(planted(bug).applied_to(text), bug["file"], "exec")

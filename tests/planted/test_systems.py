"""REG and REW can say no: each bug of the registry or of the rewards is refuted by proof and by random runs."""

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

from poolproof.invariants.registry import REGISTRY
from poolproof.invariants.rewards import REWARDS

planting: Any = importlib.import_module("planting")
HERE = Path(__file__).parent
BUGS: list[dict[str, Any]] = tomllib.loads((HERE / "bugs_of_systems.toml").read_text(encoding="utf-8"))["bug"]


def planted(bug: dict[str, Any]) -> Any:
    """The bug as a change of one file."""
    return planting.Bug(bug["invariant"], bug["what"], bug["file"], bug["old"], bug["new"], 0)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug['invariant']}: {bug['what']}"[:80])
def test_a_bug_of_the_system_is_refuted(bug: dict[str, Any], tmp_path: Path) -> None:
    """The solver finds a state in which a clause fails, and a run of random actions breaks the invariant."""
    home = planting.plant(planted(bug), tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(home / "src")}
    command = [sys.executable, str(HERE / "attack_system.py"), json.dumps(bug)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["proof"] is not None
    assert found["run"] is not None or not bug.get("runs", True)


def test_each_invariant_has_a_bug() -> None:
    """At least one for each id, one that chance finds among them."""
    found_by_runs = {bug["invariant"] for bug in BUGS if bug.get("runs", True)}
    assert found_by_runs == {invariant.id for catalogue in (REGISTRY, REWARDS) for invariant in catalogue}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug['invariant']}: {bug['what']}"[:80])
def test_the_bug_still_fits_the_models(bug: dict[str, Any]) -> None:
    """The text that a bug replaces is there, once, and the result is Python."""
    text = (planting.ROOT / bug["file"]).read_text(encoding="utf-8")
    compile(planted(bug).applied_to(text), bug["file"], "exec")

"""The proofs about the deployed Venus pools can fail: each row is shown of an action, and not with a bug in it."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

planting: Any = importlib.import_module("planting")
HERE = Path(__file__).parent
BUGS = tomllib.loads((HERE / "bugs_of_venus.toml").read_text(encoding="utf-8"))["bug"]


@pytest.mark.parametrize("row", BUGS, ids=[row["invariant"] for row in BUGS])
def test_the_proof_fails_where_the_bug_is(row: dict[str, str], tmp_path: Path) -> None:
    """The obligations of the row and the action are all shown, and with the bug one is not."""
    wanted = str(HERE / "prove_step.py"), row["invariant"], row["action"]
    changed = {name: row[name] for name in ("invariant", "what", "file", "old", "new")}
    home = planting.plant(planting.Bug(**changed, steps=0), tmp_path)
    planted, sound = planting.run(home, *wanted), planting.run(planting.ROOT, *wanted)
    assert (planted.returncode, planted.stderr) == (1, ""), row["what"]
    assert (sound.returncode, sound.stdout) == (0, ""), sound.stderr

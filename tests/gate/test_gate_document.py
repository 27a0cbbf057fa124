"""What docs/gate.md shows is what the gate does."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from poolproof import commands_gate
from poolproof.cli import main
from poolproof.gate import conditions

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
TEXT = (Path(__file__).parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL))


def test_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Line by line, on a terminal of 80 columns; what binds may be known by other ids by and by."""
    monkeypatch.setattr(commands_gate, "Theorems", gates.NoTheorems)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    base = gates.shipped("minimal")
    Path("base.toml").write_text(base, encoding="utf-8")
    edit = ("main/ETH", "liquidation_threshold", "840000000000000000")
    Path("head.toml").write_text(gates.edited(base, (edit,)), encoding="utf-8")
    command, *lines = BLOCKS[""].rstrip().splitlines()
    assert main(command.removeprefix("$ poolproof ").split()) == 1
    shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert shown[: len(lines)] == lines


def test_the_policy(tmp_path: Path) -> None:
    """It is well formed, and its rules are those that are described."""
    policy = BLOCKS["toml"]
    fall = ("main/ETH", "liquidation_threshold", "845000000000000000")
    later = policy.replace("2027-01-01", "2027-01-09")
    base = gates.shipped("minimal")
    for edit, verdict in (
        (fall, "OPEN"),
        (("main/ETH", "supply_cap", "11000000000000000000000"), "OPEN"),
        (("main/ETH", "supply_cap", "11000000000000000000001"), "CLOSED"),
        (("main/USDC", "supply_cap", "30000000000000"), "OPEN"),
        (("main/USDC", "supply_cap", "30000000000001"), "CLOSED"),
        (("main/ETH", "ltv", "810000000000000000"), "CLOSED"),
    ):
        report = gates.judged(tmp_path, base + policy, gates.edited(base, (edit,)) + later)
        assert report.verdict == verdict, edit


@pytest.mark.parametrize(
    "name", ["FALLS", "FEED", "STAYS", "LINE_STAYS", "LIMIT", "SETTABLE", "CEILING", "DECIMALS", "SET_ONCE"]
)
def test_every_rule_is_listed(name: str) -> None:
    """By the words that the report uses."""
    assert getattr(conditions, name) in TEXT

"""Each golden trace of what is false of the Venus pools is confirmed by the contracts' bytecode, as its document says."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof.cli import main
from poolproof.evm import confirm as confirming
from poolproof.evm.confirm import confirm

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
tool: Any = importlib.import_module("venus_findings")

REFUTED = [invariant.id for invariant in tool.refuted()]
TOLD = json.loads(tool.CONFIRMED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", REFUTED)
def test_the_bytecode_does_what_the_golden_trace_says(contracts: None, name: str) -> None:
    """Every step and every action of the scenario, with all that can be observed: the figures that are committed."""
    confirmation = confirm(tool.read_golden(name))
    assert confirmation.report.differences == []
    assert confirmation.left_out is None
    assert confirmation.to_json() == TOLD[name]


def test_the_command_confirms_a_compressed_trace(contracts: None, capsys: pytest.CaptureFixture[str]) -> None:
    """As the document says to type it."""
    assert main(["replay", str(tool.golden("SOLV-6")), "--evm"]) == 0
    assert "confirmed: 4 steps" in capsys.readouterr().out


def test_rewards_are_compared(contracts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit of rewards more on the model's side is told."""
    shown = confirming._rewards_of

    def one_more(distributor: Any) -> dict[str, dict[str, str]]:
        found = shown(distributor)
        return {name: {**of, "paid": str(int(of["paid"]) + (name == "seed"))} for name, of in found.items()}

    monkeypatch.setattr(confirming, "_rewards_of", one_more)
    differences = confirm(tool.read_golden("REW-1")).report.differences
    assert differences
    assert all("rewards.seed.paid" in each for each in differences)


def test_a_list_that_is_written_by_hand_reaches_the_contracts(contracts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """REG-1 takes a market off the list without a vote."""
    monkeypatch.setattr(confirming._TrialOnBoth, "_write_listed", lambda *_: None)
    (told,) = confirm(tool.read_golden("REG-1")).report.differences
    assert "listed: the model says False, the contracts say True" in told

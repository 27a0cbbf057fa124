"""Accounts of a given state: whom a proposal makes liquidatable, by how much, and from which value on it would not."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from poolproof import commands_gate
from poolproof.cli import main
from poolproof.proofs import registry
from poolproof.proofs.snapshots import state_to_json
from poolproof.proofs.traces import calls_of, trace_from_json
from poolproof.spec.action import perform
from poolproof.spec.loading import read_protocol
from poolproof.trace_files import model_of

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
FALL = ("main/ETH", "liquidation_threshold", "840000000000000000")
OTHER = ("Stablecoins/USDT", "liquidation_threshold", "840000000000000000")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No theorem is looked up."""
    monkeypatch.setattr(commands_gate, "Theorems", gates.NoTheorems)
    monkeypatch.chdir(tmp_path)


def before_the_vote(base: str, head: str, folder: Path) -> dict[str, Any]:
    """The state of a closed gate's run before its last step, the vote."""
    (closing,) = gates.judged(folder, base, head).closings
    trace = trace_from_json(closing.trace, "trace", model_of)
    protocol = read_protocol(trace.config, "trace")
    model, _ = registry.of(protocol)
    state: Any = model.build(protocol)
    for action, arguments in calls_of(trace, model)[:-1]:
        assert perform(state, action, arguments) is None
    found: dict[str, Any] = state_to_json(state)
    return found


@pytest.mark.parametrize(("name", "edit"), [("minimal", FALL), ("venus-bsc-stablecoins", OTHER)])
def test_the_borrower_of_the_run_is_named(name: str, edit: Any, tmp_path: Path) -> None:
    """At the edge of health before the vote: no lower threshold is enough, but for what rounding leaves."""
    base = gates.shipped(name)
    head = gates.edited(base, (edit,))
    Path("state.json").write_text(json.dumps(before_the_vote(base, head, tmp_path)), encoding="utf-8")
    assert main(["gate", "base.toml", "head.toml", "--state", "state.json", "--json", "r.json"]) == 1
    found = json.loads(Path("r.json").read_text())
    (account,) = found["accounts"]
    assert account["account"] == "alice"
    assert float(account["missing_usd"]) > 0
    assert f"{account['missing_usd'].rstrip('0')} USD are missing" in found["closed_by"][0]["message"]
    (value,) = [each["value"] for each in account["values"]]
    (change,) = found["changes"]
    assert int(change["new"]) < int(value) <= int(change["old"])
    assert int(change["old"]) - int(value) < 10**10


def test_nobody_is_named_where_nothing_falls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list, which says so; without a state there is none."""
    base = gates.shipped("minimal")
    state = before_the_vote(base, gates.edited(base, (FALL,)), tmp_path)
    Path("state.json").write_text(json.dumps(state), encoding="utf-8")
    Path("head.toml").write_text(gates.edited(base, ((*FALL[:2], "860000000000000000"),)), encoding="utf-8")
    assert main(["gate", "base.toml", "head.toml", "--state", "state.json", "--json", "r.json"]) == 0
    assert json.loads(Path("r.json").read_text())["accounts"] == []
    assert "Accounts that become liquidatable\nnone" in capsys.readouterr().out
    assert main(["gate", "base.toml", "head.toml", "--json", "r.json"]) == 0
    assert json.loads(Path("r.json").read_text())["accounts"] is None


@pytest.mark.parametrize("text", ["{}", "[", '{"now": 1}', "null"])
def test_a_state_that_does_not_fit(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """3, with one message."""
    Path("state.json").write_text(text, encoding="utf-8")
    assert main(["gate", "minimal", "minimal", "--state", "state.json"]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err

"""Traces of the Venus model run on the contracts' bytecode beside it, and recordings are made there that it reproduces."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof.cli import main
from poolproof.evm import artifacts
from poolproof.evm import confirm as confirming
from poolproof.evm.confirm import confirm
from poolproof.evm.record import record, write_recording
from poolproof.models.deployed.venus import market, refusals, users
from poolproof.proofs import registry
from poolproof.proofs.conform import conform
from poolproof.proofs.traces import Trace, read_trace

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
findings: Any = importlib.import_module("venus_findings")
recorder: Any = importlib.import_module("record_venus")


def refuted(name: str) -> Trace:
    """The golden trace of a claim that is false of the contracts."""
    trace: Trace = findings.read_golden(name)
    return trace


def documented() -> list[Any]:
    """The JSON that the page on traces shows: a trace, and actions to record."""
    text = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


# --- traces on the contracts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SOLV-2", "LIVE-1", "REG-2"])
def test_each_step_and_each_action_of_the_scenario_is_compared(contracts: None, name: str) -> None:
    """With everything that can be observed after it; tests/conformance/test_evm_findings.py has all traces."""
    trace = refuted(name)
    confirmation = confirm(trace)
    assert confirmation.confirmed
    assert all(step.compared > 100 for step in confirmation.steps)
    assert ("scenario" in trace.violation.values if trace.violation else False) == (
        len(confirmation.steps) > len(trace.runs[0])
    )


def test_a_wrong_number_is_told_with_both_values(contracts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run stops at the first step that differs."""
    monkeypatch.setattr(users, "mul_div_down", lambda a, b, c: -(-a * b // c))
    trace = refuted("SOLV-3")
    confirmation = confirm(trace)
    assert not confirmation.confirmed
    assert len(confirmation.steps) == 1 < len(trace.runs[0])
    supply = next(each for each in confirmation.report.differences if "markets.ankrBNB.totalSupply" in each)
    assert supply == "step 1, mint.markets.ankrBNB.totalSupply: the model says 4000000001, the contracts say 4000000000"


def test_a_wrong_error_is_told_with_both_names(contracts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the steps and in the scenario; ORC-1's borrow is refused for the price that is missing."""
    monkeypatch.setattr(users, "RedeemAmountIsZero", refusals.OnlyShortfall)
    (told,) = confirm(refuted("ORC-1")).report.differences[:1]
    assert told.startswith("scenario, action 1, redeem_underlying: refused with: the model says Error(only shortfall")
    assert told.endswith("the contracts say Error(redeemAmount is zero)")


def test_what_a_scenario_writes_by_hand_reaches_the_contracts(contracts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """LIQ-5 gives the liquidator tokens; without them the contracts would hold less than the model."""
    assert confirm(refuted("LIQ-5")).confirmed
    monkeypatch.setattr(confirming._TrialOnBoth, "_gifts", lambda *_: [])
    assert not confirm(refuted("LIQ-5")).confirmed


def test_each_copy_of_a_scenario_is_a_copy_of_the_contracts(contracts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """RND-6 does the same on one copy at once and on another in two parts; one history for both differs."""
    assert confirm(refuted("RND-6")).confirmed
    monkeypatch.setattr(confirming._TrialOnBoth, "_history", lambda *_: [])
    assert not confirm(refuted("RND-6")).confirmed


def test_a_scenario_without_an_action_is_left_out(contracts: None) -> None:
    """A claim about a formula alone is not one that the contracts can run."""
    trace = refuted("SOLV-3")
    assert trace.violation is not None
    trace.violation.values["scenario"] = {"clause": "the_rate_never_falls"} | dict.fromkeys(
        ("base", "multiplier", "jump", "kink", "low", "high"), "0"
    )
    trace.invariant = "RATE-2"
    confirmation = confirm(trace)
    assert confirmation.left_out == "the scenario performs no action"


def test_the_command_says_by_its_exit_code_whether_the_contracts_agree(
    contracts: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 and how much was compared; 1 and the first difference; the JSON has both."""
    file = tmp_path / "documented.json"
    file.write_text(json.dumps(documented()[0]), encoding="utf-8")
    out = tmp_path / "out.json"
    assert main(["replay", str(file), "--evm", "--json", str(out)]) == 0
    told = json.loads(out.read_text(encoding="utf-8"))["evm"]
    assert (told["confirmed"], told["steps"], told["left_out"], told["differences"]) == (True, 2, None, [])
    assert f"confirmed: 2 steps, {told['values']:,} values equal" in capsys.readouterr().out
    monkeypatch.setattr(market, "mul_wad_down", lambda a, b: -(-a * b // 10**18))
    monkeypatch.setattr(users, "mul_div_down", lambda a, b, c: -(-a * b // c))
    assert main(["replay", str(file), "--evm"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "the contracts differ: step 2, mint" in said
    assert "the model says 100000001, the contracts say 100000000" in said


def test_missing_packages_end_with_how_to_install_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 3, before anything is printed."""
    file = tmp_path / "documented.json"
    file.write_text(json.dumps(documented()[0]), encoding="utf-8")
    monkeypatch.setenv(artifacts.FOLDER, str(tmp_path))
    for module in ("pyrevm", "eth_abi", "Crypto.Hash.keccak"):
        monkeypatch.setitem(sys.modules, module, None)
    assert main(["replay", str(file), "--evm"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "pip install 'poolproof[evm]'" in printed.err
    assert "npm ci" in printed.err


# --- recordings of one's own ---------------------------------------------------------------------------------------


def test_the_documented_actions_are_recorded_and_reproduced(contracts: None, tmp_path: Path) -> None:
    """The example of docs/traces.md: the last action is refused, and the model does the same."""
    given = documented()[1]
    lines = record("mine", given["config"], [tuple(each) for each in given["actions"]])
    assert [line["ok"] for line in lines[2:]] == [True, True, True, True, False]
    assert lines[-1]["err"] == {"name": "InsufficientLiquidity", "args": []}
    target = tmp_path / "mine.jsonl.gz"
    write_recording(lines, target)
    report = conform("venus", [str(target)], lambda _: None)
    assert (report.actions, report.refusals, report.first_differences) == (5, 1, [])


@pytest.mark.parametrize("seed", [5, 101])
def test_random_actions_are_recorded_and_reproduced(contracts: None, tmp_path: Path, seed: int) -> None:
    """Every kind of action, governance and refusals included, to the last event; the same seed, the same recording."""
    lines = recorder.at_random("random", 120, seed)
    target = tmp_path / "random.jsonl.gz"
    write_recording(lines, target)
    report = conform("venus", [str(target)], lambda _: None)
    assert report.first_differences == []
    assert report.actions == len(lines) - 2 >= 120
    assert 0 < report.refusals < report.actions
    assert recorder.at_random("random", 120, seed) == lines


def test_the_recorder_chooses_every_action(contracts: None) -> None:
    """No action of the contracts is left out."""
    chosen = {line["a"] for seed in (5, 101, 116) for line in recorder.at_random("x", 250, seed)[2:]}
    assert chosen == set(recorder.BY_CONTRACT_NAME) - set(recorder.NOT_CHOSEN)


def test_the_tool_writes_what_conform_reads(
    contracts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a file of actions, and exit 3 where the contracts refuse the deployment."""
    given = documented()[1]
    source, target = tmp_path / "actions.json", tmp_path / "mine.jsonl.gz"
    source.write_text(json.dumps(given), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["record_venus.py", str(source), str(target)])
    assert recorder.main() == 0
    assert capsys.readouterr().out == "5 actions, 1 of them refused\n"
    assert main(["conform", "venus", str(target)]) == 0
    given["config"]["markets"][0]["collateralFactor"] = "960000000000000000"
    source.write_text(json.dumps(given), encoding="utf-8")
    assert recorder.main() == 3
    assert "InvalidCollateralFactor" in capsys.readouterr().err


def test_a_read_trace_is_confirmed_too(contracts: None, tmp_path: Path) -> None:
    """What a file holds is what runs."""
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(refuted("LIVE-1").to_json()), encoding="utf-8")
    assert confirm(read_trace(file, lambda name: registry.find(name)[0])).confirmed

"""The command: its JSON, its tables, its exit codes, and what it says of bad input."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poolproof import commands_contagion
from poolproof.cli import main
from poolproof.proofs.contagion.network import Contagion, Loss
from poolproof.proofs.snapshots import state_to_json

sys.path.insert(0, str(Path(__file__).parent))
positions: Any = importlib.import_module("positions")
sys.path.pop(0)

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in this process: its code and its two streams."""
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> Ran:
        capsys.readouterr()
        code = main(["contagion", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def crashing(tmp_path: Path) -> str:
    """The file of a state in which two lines are drawn."""
    _, state = positions.reached("every-channel", positions.LINED)
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state_to_json(state)), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    "name", ["astera-docs", "elara-docs", "venus-docs", "venus-bsc", "venus-bsc-liquid-staked-bnb", "every-channel"]
)
def test_the_json_has_what_other_programs_read(run: Run, name: str) -> None:
    """Nodes, edges, paths and losses with their keys; every amount is a decimal string or nothing; each gap is told."""
    code, out, _ = run(name, "--json", "-")
    data = json.loads(out)
    assert code == 0
    assert (data["schema"], data["protocol"]) == ("poolproof.contagion/1", name)
    assert data["scope"]
    ids = {node["id"] for node in data["nodes"]}
    for edge in data["edges"]:
        assert {edge["from"], edge["to"]} <= ids
        assert edge["capacity"] is None or edge["capacity"].isdigit()
        assert isinstance(edge["theorem"], list)
    for path in data["paths"]:
        assert path["via"][0]["from"] == path["from"]
        assert path["bound"] is None or path["bound"].isdigit()
    keys = {"source", "pool", "asset", "upper", "upper_reason", "lower", "witness", "kind", "theorem", "horizon", "gap"}
    for loss in data["losses"]:
        assert set(loss) == keys | {"direct"}
        assert int(loss["lower"]) <= int(loss["upper"])
        assert (loss["witness"] is not None) == (int(loss["lower"]) > 0)
        assert loss["kind"] in data["kinds"]
        assert loss["horizon"]
        assert (loss["gap"] is not None) == (100 * (int(loss["upper"]) - int(loss["lower"])) > int(loss["upper"]))


def test_the_tables_say_what_a_loss_is(run: Run) -> None:
    """The kinds are defined, and the theorem stands beside the bound."""
    code, out, _ = run("astera-docs")
    assert code == 0
    assert "principal: what was lent and does not come back" in out
    assert "ISO-3" in out
    assert "nothing is lost in" in out


def test_a_shock_of_a_state_is_run(run: Run, crashing: str) -> None:
    """What the model loses stands in the JSON as the lower bound, under the upper one."""
    code, out, _ = run("every-channel", "--state", crashing, "--shock", "X=-0.9", "--json", "-")
    data = json.loads(out)
    assert code == 0
    assert data["shock"]["unhealthy"] == ["mini/alice"]
    (row,) = [each for each in data["losses"] if each["source"] == "shock" and each["lower"] != "0"]
    assert (row["pool"], row["asset"], row["lower"]) == ("core", "USD", data["shock"]["lost"]["core/USD"])
    assert int(row["lower"]) <= int(row["upper"])


def test_a_shock_without_a_state_is_bounded(run: Run) -> None:
    """From the file alone there are bounds and no run."""
    code, out, _ = run("astera-docs", "--shock", "X=-0.4", "--json", "-")
    data = json.loads(out)
    assert code == 0
    assert data["shock"] is None
    assert any(each["source"] == "shock" and each["upper"] != "0" for each in data["losses"])


def test_an_account_that_was_unhealthy_before_puts_all_at_stake(run: Run, tmp_path: Path) -> None:
    """The bound of a shock assumes health; where it is missing, the bound is all that can be lost."""
    _, state = positions.reached("every-channel", (*positions.LINED, ("set_price", "mini/X", 2 * 10**16)))
    file = tmp_path / "unhealthy.json"
    file.write_text(json.dumps(state_to_json(state)), encoding="utf-8")
    _, out, _ = run("every-channel", "--state", str(file), "--shock", "Y=-0.1", "--json", "-")
    data = json.loads(out)
    assert data["shock"]["unhealthy_before"] == ["mini/alice"]
    (row,) = [each for each in data["losses"] if each["source"] == "shock" and each["upper"] != "0"]
    assert (row["pool"], row["asset"], row["upper"]) == ("core", "USD", "4950")


def test_limits_that_are_enough_are_named(run: Run) -> None:
    """And the command ends well."""
    code, out, _ = run("astera-docs", "--keep-under", "core/ETH=4000000000000000000000000")
    assert code == 0
    assert "the limit of mini-b/ETH from 3,000,000 ETH to 2,000,000 ETH" in out


def test_limits_that_are_not_enough_close_the_gate(run: Run, crashing: str) -> None:
    """What is drawn is drawn: exit code 1."""
    code, out, _ = run("every-channel", "--state", crashing, "--keep-under", "core/USD=4500")
    assert code == 1
    assert "not enough: 5,000 USD is drawn already" in out


def test_a_run_beyond_its_bound_is_a_refutation(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A witness that loses more than a theorem allows ends with 1."""

    def broken(_protocol: object, analysis: Contagion, _watch: object) -> None:
        analysis.losses.append(Loss("mini-a", "core", "ETH", "principal", 1, "wrong", lower=2))

    monkeypatch.setattr(commands_contagion, "show_losses", broken)
    code, out, _ = run("astera-docs")
    assert code == 1
    assert "a run loses 2 where 1 is the bound" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), "nowhere"),
        (("astera-docs", "--state", "missing.json"), "there is no such file"),
        (("astera-docs", "--shock", "X"), "this is not ASSET=CHANGE"),
        (("astera-docs", "--shock", "Q=-0.4"), "no market has this asset"),
        (("astera-docs", "--keep-under", "core=1"), "this is not POOL/ASSET=AMOUNT"),
        (("astera-docs", "--keep-under", "core/Q=1"), "is no market"),
        (("astera-docs", "--json", "nowhere/a.json"), "the folder of this file does not exist"),
    ],
)
def test_bad_input_says_what_and_how_to_mend_it(run: Run, words: tuple[str, ...], told: str) -> None:
    """Exit code 3, one line, no traceback."""
    code, out, err = run(*words)
    assert code == 3
    assert out == ""
    assert told in err
    assert "Traceback" not in err


@pytest.mark.parametrize("kind", ["svg", "html"])
def test_a_picture_is_written_or_its_absence_is_told_early(
    run: Run, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no pictures are installed, the command says so before any work."""
    monkeypatch.setattr(commands_contagion, "find_spec", lambda _name: None)
    code, out, err = run("minimal", f"--{kind}", f"picture.{kind}")
    assert (code, out) == (3, "")
    assert "pictures are not a part of this installation" in err
    assert not Path(f"picture.{kind}").exists()

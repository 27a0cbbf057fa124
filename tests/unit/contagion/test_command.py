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
from poolproof import spec as proto_spec
from poolproof.cli import main
from poolproof.proofs.contagion import analysis as analysis_module
from poolproof.proofs.contagion.analysis import NO_RUN_BEYOND, NO_RUN_YET
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


def test_a_state_of_another_protocol_is_refused(run: Run, crashing: str) -> None:
    """The first key that does not fit is named."""
    code, out, err = run("astera-docs", "--state", crashing)
    assert (code, out) == (3, "")
    assert "this key is unknown" in err


def test_an_interruption_keeps_the_bounds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130; what no run was looked for says so, and the JSON says that it is not complete."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands_contagion, "show_losses", interrupted)
    code, out, err = run("astera-docs", "--json", "-")
    data = json.loads(out)
    assert (code, data["interrupted"]) == (130, True)
    assert "interrupted: the bounds are complete, the runs are not" in err
    assert {loss["gap"] for loss in data["losses"] if loss["upper"] != "0"} == {NO_RUN_YET}


def test_of_many_losses_the_worst_are_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Principal first, by its value; the others say that no run was looked for, and the tables say so too."""
    monkeypatch.setattr(analysis_module, "MOST_RUNS", 3)
    code, out, _ = run("astera-docs", "--json", "few.json")
    losses = json.loads(Path("few.json").read_text(encoding="utf-8"))["losses"]
    assert code == 0
    shown = [loss for loss in losses if loss["lower"] != "0"]
    assert [(loss["pool"], loss["asset"], loss["kind"]) for loss in shown] == [("core", "ETH", "principal")] * 3
    rest = [loss for loss in losses if loss["upper"] != "0" and loss["lower"] == "0"]
    assert {loss["gap"] for loss in rest} == {NO_RUN_BEYOND}
    assert f"left out: runs of {len(rest)} losses beyond the 3 worst" in out


def test_time_is_in_the_json_and_in_a_table(run: Run) -> None:
    """The second round of mini-a's failure grows as the JSON says, what goes over a line does not grow."""
    code, out, _ = run("astera-docs", "--json", "time.json")
    assert code == 0
    rows = json.loads(Path("time.json").read_text(encoding="utf-8"))["over_time"]
    of = {(row["source"], row["pool"], row["asset"], row["kind"], row["direct"]): row for row in rows}
    assert of["mini-a", "core", "ETH", "principal", True]["points"][-1] == {
        "after": "1 year",
        "slots": 31_536_000,
        "loss": str(2 * 10**24),
    }
    second = of["mini-a", "core", "USDC", "principal", False]["points"]
    first, later = (int(point["loss"]) for point in (second[0], second[-1]))
    table = [each for each in out.splitlines() if each.startswith("mini-a") and " USDC " in each and "%" in each]
    (line,) = [each for each in table if f" {first // 10**6:,}." in each]
    assert line.split()[-2:] == [f"+{100 * (later - first) / first:.1f}", "%"]
    assert of["mini-a", "core", "USDC", "principal", False]["counted"].startswith("interest on debt")


def test_a_state_has_its_losses_over_time(run: Run, tmp_path: Path) -> None:
    """Of deployed pools too: the bad debt that nobody has recorded goes on bearing interest."""
    name = "venus-bsc-liquid-staked-bnb"
    file = tmp_path / "venus.json"
    file.write_text(json.dumps(state_to_json(positions.reached(name, positions.VENUS)[1])), encoding="utf-8")
    code, out, _ = run(name, "--state", str(file), "--shock", "ankrBNB=-0.9", "--json", "-")
    (row,) = json.loads(out)["over_time"]
    assert (code, row["source"], row["asset"]) == (0, "shock", "WBNB")
    losses = [int(point["loss"]) for point in row["points"]]
    assert losses == sorted(set(losses))


def test_all_pools_fail_together_unless_some_are_named(run: Run) -> None:
    """Both mini pools have drawn on the core's ETH: 5,000,000 together, 2,000,000 of mini-a alone."""
    _, out, _ = run("astera-docs", "--json", "-")
    data = json.loads(out)
    lost = {row["node"]: row for row in data["together"]["losses"]}
    assert data["together"]["failing"] == ["core", "mini-a", "mini-b"]
    assert (lost["core/ETH"]["upper"], lost["core/ETH"]["fails"]) == (str(5 * 10**24), True)
    for worst in data["worst"]:
        row = lost.get(f"{worst['pool']}/{worst['asset']}")
        assert worst["lines"] == (row["upper"] if row is not None else "0")
    _, out, _ = run("astera-docs", "--failing", "mini-a", "--json", "-")
    (row,) = [row for row in json.loads(out)["together"]["losses"] if row["node"] == "core/ETH"]
    assert (row["upper"], row["lent"], row["distress"]) == (str(2 * 10**24), str(5 * 10**24), 0.4)


def test_pools_are_ranked_by_what_their_failure_does(run: Run) -> None:
    """mini-b may owe the core 3,000,000 ETH, mini-a 2,000,000 and some asUSD, and the core owes nobody."""
    _, out, _ = run("astera-docs", "--json", "-")
    ranking = json.loads(out)["ranking"]
    assert [row["pool"] for row in ranking] == ["mini-b", "mini-a", "core"]
    assert ranking[-1]["debtrank"] == 0 < ranking[1]["debtrank"] < ranking[0]["debtrank"] < 1


def test_a_gap_is_told_once_with_the_rows_that_it_is_of(run: Run) -> None:
    """In a note below the losses, by the names of the refusals; what paths leave out is told too."""
    _, out, _ = run("astera-docs")
    text = " ".join(out.split())
    note = "no run comes within 1 % of the bound: drawing more is refused: the collateral at its loan-to-value; "
    assert text.count(note) == 1
    rows = text.partition(note)[2].partition("(")[2].partition(")")[0]
    assert {"mini-a to core/USDC", "mini-b to core/ETH"} <= set(rows.split(", "))
    assert "left out: paths of more than 8 channels are not listed: oracle:X, oracle:Y" in text


def test_what_follows_in_the_core_is_shown_with_its_bounds(run: Run) -> None:
    """The core's rate, its cash and its share price, in the table and in the JSON."""
    code, out, _ = run("astera-docs", "--json", "edges.json")
    edges = json.loads(Path("edges.json").read_text(encoding="utf-8"))["edges"]
    assert code == 0
    for kind in ("core rate", "core cash", "core share price"):
        found = [edge for edge in edges if edge["channel"] == kind]
        assert found
        assert all(int(edge["capacity"]) > 0 and edge["theorem"] and edge["reason"] for edge in found)
        assert any(line.startswith(kind) and " ETH " in line for line in out.splitlines())


def test_one_pool_alone_has_losses_and_no_channels(run: Run) -> None:
    """Nobody else can lose; what it loses itself is shown by runs."""
    code, out, _ = run("minimal")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.endswith("CAP-1") and "principal" in line and "ETH" in line]
    assert line.count("8,000 ETH") == 2
    for title in ("channels between pools", "paths to other pools", "failing together", "DebtRank"):
        assert title not in out


@pytest.mark.parametrize("name", ["treasury", "router", "A" * 64, "."])
def test_a_pool_may_have_any_name(run: Run, name: str) -> None:
    """What pools share stays apart from a pool that is called like it, and a long name fits into the pictures."""
    text = (Path(proto_spec.__file__).parent / "protocols" / "astera-docs.toml").read_text(encoding="utf-8")
    Path("named.toml").write_text(text.replace('"mini-a"', f'"{name}"'), encoding="utf-8")
    code, out, _ = run("named.toml", "--svg", "a.svg", "--html", "a.html", "--json", "-")
    data = json.loads(out)
    assert code == 0
    ids = [node["id"] for node in data["nodes"]]
    assert len(ids) == len(set(ids))
    (treasury,) = [node["id"] for node in data["nodes"] if node["kind"] == "treasury"]
    assert {edge["to"] for edge in data["edges"] if edge["channel"] == "shared reserve"} == {treasury}
    (row,) = [row for row in data["ranking"] if row["pool"] == name]
    assert row["debtrank"] > 0


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
        (("astera-docs", "--shock", "ETH=1e3"), "this is not ASSET=CHANGE"),
        (("astera-docs", "--shock", "ETH=nan"), "this is not ASSET=CHANGE"),
        (("astera-docs", "--shock", "ETH=-1.5"), "this leaves no price"),
        (("astera-docs", "--svg", "nowhere/a.svg"), "this is no file in a folder that exists"),
        (("astera-docs", "--html", "nowhere/a.html"), "this is no file in a folder that exists"),
        (("astera-docs", "--svg", "a", "--html", "./a"), "one file cannot be both"),
        (("astera-docs", "--failing", "nobody"), "name one of core, mini-a, mini-b, core/ETH"),
        (("astera-docs", "--failing", "oracle:ETH"), "what a feed does is asked with --shock"),
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

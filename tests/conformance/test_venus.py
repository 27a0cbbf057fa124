"""The Venus model does to the last unit what the contracts' bytecode did, and a difference does not stay unseen."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poolproof.cli import main
from poolproof.models.deployed.venus import liquidation, market, users
from poolproof.models.deployed.word import mul_div_down, mul_wad_down
from poolproof.proofs.conform import ConformReport, conform

TRACES = Path(__file__).parent / "venus"
DONATION = TRACES / "s_donation.jsonl.gz"
HEAL = TRACES / "s_heal_bad_debt_and_recover.jsonl.gz"
GUARDS = TRACES / "s_guard_order.jsonl.gz"

Lines = list[dict[str, Any]]


def replay(*paths: Path) -> ConformReport:
    """Recordings, compared with the model."""
    return conform("venus", map(str, paths), lambda _event: None)


def lines_of(path: Path) -> Lines:
    """The lines of a recording."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def written(lines: Lines, to: Path) -> Path:
    """A recording, written out."""
    path = to / "changed.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def step_of(lines: Lines, condition: Callable[[dict[str, Any]], bool]) -> int:
    """The position of the first action of a kind that is followed by another one."""
    return next(at for at, line in enumerate(lines[:-1]) if line["type"] == "act" and condition(line))


def test_every_recorded_action_and_case_is_reproduced() -> None:
    """States, views, errors with arguments, and events of all recordings."""
    report = replay(TRACES)
    assert report.first_differences == []
    assert (report.mismatches, report.files, report.traces) == (0, 54, 53)
    assert (report.actions, report.refusals, report.cases) == (10_471, 1_106, 66 * 14)


def up(a: int, b: int, c: int = 10**18) -> int:
    """A quotient rounded up instead of down."""
    return -(-a * b // c)


@pytest.mark.parametrize(
    ("module", "name", "path"),
    [
        (market, "mul_div_down", DONATION),
        (market, "mul_wad_down", HEAL),
        (users, "mul_div_down", TRACES / "r00_normal.jsonl.gz"),
        (users, "mul_wad_down", TRACES / "s_redeem_underlying_roundup.jsonl.gz"),
        (liquidation, "mul_div_down", TRACES / "r22_heal.jsonl.gz"),
        (liquidation, "mul_wad_down", HEAL),
    ],
)
def test_a_flipped_rounding_differs(module: Any, name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that rounds the other way is not the contract's."""
    assert getattr(module, name) in (mul_div_down, mul_wad_down)
    monkeypatch.setattr(module, name, up)
    assert replay(path).mismatches > 0


def test_a_guard_in_another_place_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that asks for the pause last gives another error."""
    monkeypatch.setattr(users, "require_open", lambda *_: None)
    report = replay(TRACES / "s_price_zero_and_pause.jsonl.gz")
    assert any(each.field == "err" for each in report.first_differences)


PLANTED: dict[str, tuple[Path, Callable[[dict[str, Any]], bool], Callable[[dict[str, Any]], None], str]] = {
    "a scalar": (
        DONATION,
        lambda x: x["ok"],
        lambda x: x["st"]["m"][1].update(totalReserves="7"),
        "st.m[1].totalReserves",
    ),
    "a balance": (DONATION, lambda x: x["ok"], lambda x: x["st"]["u"]["u2"]["t"].__setitem__(0, "1"), "st.u.u2.t[0]"),
    "the share reserve": (DONATION, lambda x: x["ok"], lambda x: x["st"]["psr"].__setitem__(2, "1"), "st.psr[2]"),
    "a market entered": (DONATION, lambda x: x["ok"], lambda x: x["st"]["u"]["u3"].update({"in": [2]}), "st.u.u3.in"),
    "a view": (DONATION, lambda x: x["ok"], lambda x: x["st"]["m"][0].update(supplyRate=None), "st.m[0].supplyRate"),
    "liquidity": (DONATION, lambda x: x["ok"], lambda x: x["st"]["u"]["u0"].update(lq=None), "st.u.u0.lq"),
    "an event": (HEAL, lambda x: "ev" in x, lambda x: x["ev"][-1].append("0"), "ev[0]"),
    "the order of events": (HEAL, lambda x: len(x.get("ev", [])) > 2, lambda x: x["ev"].reverse(), "ev[0]"),
    "no events": (HEAL, lambda x: "ev" in x, lambda x: x.pop("ev"), "ev"),
    "an error": (GUARDS, lambda x: not x["ok"], lambda x: x["err"].update(name="Unknown"), "err"),
    "an argument of an error": (GUARDS, lambda x: not x["ok"], lambda x: x["err"].update(args=["m9"]), "err"),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_changed_recording_differs_where_it_was_changed(planted: Any, tmp_path: Path) -> None:
    """Every kind of recorded value is compared, and the replay goes on from the recorded state."""
    path, condition, change, field = planted
    lines = lines_of(path)
    at = step_of(lines, condition)
    change(lines[at])
    report = replay(written(lines, tmp_path))
    assert report.actions == len(lines) - 2
    first = report.first_differences[0]
    assert (first.step, first.field.startswith(field)) == (lines[at]["k"], True), first
    assert 1 <= report.mismatches <= len(lines) - at


def test_after_a_difference_the_recorded_state_is_the_models(tmp_path: Path) -> None:
    """One wrong balance is two differences, when it comes and when it goes, and nothing after them."""
    lines = lines_of(DONATION)
    lines[5]["st"]["psr"][1] = "12345"
    assert lines[6]["ok"]
    report = replay(written(lines, tmp_path))
    assert [each.step for each in report.first_differences] == [lines[5]["k"], lines[6]["k"]]


def test_a_changed_case_is_counted_once(tmp_path: Path) -> None:
    """A rate case that differs in two values is one mismatch."""
    lines = lines_of(TRACES / "rates.jsonl.gz")
    lines[0]["cases"][3][5:7] = ["1", None]
    report = replay(written(lines, tmp_path))
    assert (report.mismatches, len(report.first_differences), report.cases) == (1, 2, 924)


def test_a_changed_start_differs(tmp_path: Path) -> None:
    """The state after deployment is compared too."""
    lines = lines_of(DONATION)
    lines[1]["st"]["m"][0]["totalSupply"] = "1"
    report = replay(written(lines, tmp_path))
    assert report.first_differences[0].step is None
    assert report.mismatches >= 1


def test_the_command_says_by_its_exit_code_whether_something_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 when nothing differs, 1 when something does; the JSON stands alone on standard output."""
    assert main(["conform", "venus", str(DONATION), str(TRACES / "rates.jsonl.gz"), "--json", "-"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["schema"] == "poolproof.conform/1"
    assert (content["files"], content["traces"], content["cases"], content["mismatches"]) == (2, 1, 924, 0)
    lines = lines_of(DONATION)
    lines[4]["st"]["m"][0]["cash"] = "1"
    out = tmp_path / "out.json"
    assert main(["conform", "venus", str(written(lines, tmp_path)), "--json", str(out)]) == 1
    difference = json.loads(out.read_text(encoding="utf-8"))["first_differences"][0]
    assert (difference["file"], difference["step"]) == ("changed.jsonl", lines[4]["k"])
    assert (difference["field"], difference["recorded"]) == ("st.m[0].cash", '"1"')
    assert "changed.jsonl" in capsys.readouterr().out


def cut(path: Path) -> None:
    """A file that ends in the middle of a line."""
    path.write_bytes(gzip.decompress(DONATION.read_bytes())[:-100])


BAD: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no such path": ("gone.jsonl", lambda _: None),
    "a folder without traces": ("folder", lambda path: path.mkdir()),
    "an empty file": ("x.jsonl", lambda path: path.write_text("")),
    "text": ("x.jsonl", lambda path: path.write_text("hello\n")),
    "bytes": ("x.jsonl", lambda path: path.write_bytes(b"\xff\xfe\x00\n")),
    "a list": ("x.jsonl", lambda path: path.write_text("[1]\n")),
    "nested too deep": ("x.jsonl", lambda path: path.write_text("[" * 100_000 + "\n")),
    "other JSON": ("x.jsonl", lambda path: path.write_text('{"a": 1}\n')),
    "a start without its state": ("x.jsonl", lambda path: path.write_text(json.dumps(lines_of(DONATION)[0]) + "\n")),
    "no gzip": ("x.jsonl.gz", lambda path: path.write_text("hello\n")),
    "a broken gzip": ("x.jsonl.gz", lambda path: path.write_bytes(DONATION.read_bytes()[:-300])),
    "a damaged gzip": ("x.jsonl.gz", lambda path: path.write_bytes(DONATION.read_bytes()[:500] + b"\0" * 500)),
    "a truncated line": ("x.jsonl", cut),
}


@pytest.mark.parametrize(("name", "make"), BAD.values(), ids=BAD)
def test_what_is_no_trace_ends_with_one_message(
    name: str, make: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, and one line that names the file."""
    path = tmp_path / name
    make(path)
    assert main(["conform", "venus", str(path)]) == 3
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith("error: ")
    assert name in message


ILL_FORMED: dict[str, Callable[[Lines], object]] = {
    "an unknown action": lambda lines: lines[2].update(a="flashLoan"),
    "a market that is not there": lambda lines: lines[2]["args"].update(m=7),
    "an amount that is no number": lambda lines: lines[2]["args"].update(amount="many"),
    "an argument missing": lambda lines: lines[2]["args"].clear(),
    "no error where it was refused": lambda lines: lines[2].update(ok=False),
    "a slot missing": lambda lines: lines[2].pop("bn"),
    "a parameter missing": lambda lines: lines[0]["config"].pop("pool"),
    "an unknown rate model": lambda lines: lines[0]["config"]["markets"][0]["rateModel"].update(model="Flat"),
    "a state that is none": lambda lines: lines[2].update(st=[]),
    "a state with a value missing": lambda lines: lines[2]["st"]["m"][0].pop("bal"),
    "a line of another type": lambda lines: lines[2].update(type="note"),
}


@pytest.mark.parametrize("damage", ILL_FORMED.values(), ids=ILL_FORMED)
def test_an_ill_formed_trace_is_refused_with_its_line(
    damage: Callable[[Lines], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3; the message names file and line."""
    lines = lines_of(DONATION)
    assert lines[2]["ok"]
    damage(lines)
    assert main(["conform", "venus", str(written(lines, tmp_path))]) == 3
    (message,) = capsys.readouterr().err.splitlines()
    assert "changed.jsonl, line " in message


def test_an_unknown_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, with the models that there are."""
    assert main(["conform", "venuss", str(DONATION)]) == 3
    assert "did you mean venus" in capsys.readouterr().err

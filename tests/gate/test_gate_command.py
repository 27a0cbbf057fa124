"""`poolproof gate`: its exit codes, its JSON, its files, and one message for whatever is wrong with what it is given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from jsonschema.validators import validator_for  # type: ignore[import-untyped]  # ships no types

from poolproof import commands_gate
from poolproof.cli import main
from poolproof.gate import judging
from poolproof.proofs.replay import replay
from poolproof.proofs.verdicts import Decision, Verdict

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
CAP = ("main/ETH", "supply_cap", "11000000000000000000000")
FALL = ("main/ETH", "liquidation_threshold", "840000000000000000")
FILES = gates.history()


@pytest.fixture(autouse=True)
def _no_theorems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing has to be proved, and files are written where nobody else reads."""
    monkeypatch.setattr(commands_gate, "Theorems", gates.NoTheorems)
    monkeypatch.chdir(tmp_path)


def gate(*edits: tuple[str, ...], name: str = "minimal", options: tuple[str, ...] = ()) -> int:
    """Run the command on edits of a shipped protocol."""
    Path("base.toml").write_text(gates.shipped(name), encoding="utf-8")
    Path("head.toml").write_text(gates.edited(gates.shipped(name), edits), encoding="utf-8")
    return main(["gate", "base.toml", "head.toml", *options])


def refused(capsys: pytest.CaptureFixture[str], code: int) -> str:
    """The one message of wrong input."""
    told = capsys.readouterr()
    assert code == 3
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    return told.err


# --- how it ends -------------------------------------------------------------------------------------------------


def test_an_open_gate(capsys: pytest.CaptureFixture[str]) -> None:
    """0, and the verdict in the first line and in the last."""
    assert gate(CAP) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("OPEN minimal: 1 change")
    assert lines[-1].startswith("OPEN in ")


def test_a_closed_gate(capsys: pytest.CaptureFixture[str]) -> None:
    """1, with the change, its safe range, and the run."""
    assert gate(FALL) == 1
    told = capsys.readouterr().out
    assert told.startswith("CLOSED minimal: 1 of 1 change not as proposed; breaks GOV-1\n")
    for words in ("0.85", "0.84", "0.90909090909090909*", "main/ETH liquidation_threshold :28", "alice"):
        assert words in told, words


def test_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """The same file, the same in other words, and what is said of it."""
    assert main(["gate", "minimal", "minimal"]) == 0
    assert gate() == 0
    Path("head.toml").write_text("# said otherwise\n" + gates.shipped("minimal"), encoding="utf-8")
    assert main(["gate", "base.toml", "head.toml"]) == 0
    told = capsys.readouterr().out
    assert told.count("OPEN minimal: the two files say the same") == 3
    assert "Changes" not in told


def test_only_where_runs_begin_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """A title, a wallet, a price: open, without a range."""
    edits = (("", "title", "Other words"), ("main/ETH", "wallet", "7"), ("main/ETH", "price", "1" + "0" * 21))
    assert gate(*edits, options=("--json", "found.json")) == 0
    assert "OPEN minimal: nothing that a theorem leans on changes" in capsys.readouterr().out
    found = json.loads(Path("found.json").read_text())
    assert [each["safe_range"] for each in found["changes"]] == [None] * 3


def test_a_price_outside_the_region_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Where runs begin matters where no theorem speaks of it any more."""
    assert gate(("main/ETH", "price", str(2**127))) == 1
    told = capsys.readouterr().out
    assert "main/ETH price" in told
    assert "amount limit x price <= 2^160" in told


def decided(verdict: Verdict) -> type:
    """Theorems of which one is not proved."""

    class Theorems(gates.NoTheorems):  # type: ignore[misc]
        def decide(self, report: judging.GateReport) -> None:
            """Say of one theorem what is wanted."""
            report.decisions.append(Decision("SOLV-1", "a claim", "state", verdict, "prove", reason="a reason"))

    return Theorems


@pytest.mark.parametrize(
    ("verdict", "code", "word"),
    [(Verdict.PROVED, 0, "OPEN"), (Verdict.UNKNOWN, 2, "UNDECIDED"), (Verdict.REFUTED, 1, "CLOSED")],
)
def test_a_theorem_decides_too(
    verdict: Verdict, code: int, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not decided is no open gate, for programs neither; and what is closed stays closed."""
    monkeypatch.setattr(commands_gate, "Theorems", decided(verdict))
    assert gate(CAP, options=("--json", "found.json")) == code
    assert capsys.readouterr().out.startswith(f"{word} minimal: ")
    found = json.loads(Path("found.json").read_text())
    assert found["open"] == (code == 0)
    assert found["verdicts"][-1]["verdict"] == verdict
    assert gate(FALL) == 1


# --- wrong input -------------------------------------------------------------------------------------------------

WRONG = {
    "an exponent": (("main/ETH", "supply_cap", "1e22"), "write"),
    "a sign": (("main/ETH", "supply_cap", "+5"), "write"),
    "a minus": (("main/ETH", "supply_cap", "-5"), "write"),
    "a separator": (("main/ETH", "supply_cap", "1_000"), "write"),
    "code": (("", "model", "os:system"), "is not a name"),
    "a module": (("", "model", "os.system"), "is not the name of a model"),
    "a path": (("", "model", "../../evil.py"), "is not a name"),
    "an unknown key": (("main/ETH", "import", "os"), "unknown"),
    "another protocol": (("", "name", "other"), 'its name is "other", that of base.toml is "minimal"'),
    "another model": (("", "model", "venus"), 'its model is "venus", that of base.toml is "reference"'),
    "a model that is not installed": (("", "model", "fixed-term-2"), "is not the name of a model"),
}


@pytest.mark.parametrize("kind", sorted(WRONG))
def test_wrong_values(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """3, and one message with the file, the rule and the cure."""
    edit, says = WRONG[kind]
    if kind.startswith("a mod") and "another" not in kind:
        Path("base.toml").write_text(gates.edited(gates.shipped("minimal"), (edit,)), encoding="utf-8")
        code = main(["gate", "base.toml", "base.toml"])
    else:
        code = gate(edit)
    told = refused(capsys, code)
    assert says in told
    assert "; " in told


def test_two_pools_of_one_id(capsys: pytest.CaptureFixture[str]) -> None:
    """Told with the line of the second; and so are two markets of one asset."""
    base = gates.shipped("minimal")
    pool = base[base.index("[[pools]]") :]
    for more, says in (
        (pool, "is the id of an earlier pool"),
        (pool[pool.index("[[pools.markets]]") :], "an earlier market"),
    ):
        Path("head.toml").write_text(base + "\n" + more, encoding="utf-8")
        told = refused(capsys, main(["gate", "minimal", "head.toml"]))
        assert says in told
        assert "head.toml:" in told


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x = " + b"[" * 100_000, "deep"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\x00", "not TOML"),
        (b"", "this key is missing"),
        (b"[[pools]\n", "not TOML"),
        (b"x = " + b"9" * 10_000 + b"\n", "digits"),
        (b"\xef\xbb\xbfname = 'x'\n", "byte order mark"),
    ],
)
def test_wrong_files(side: int, content: bytes, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On either side."""
    Path("odd.toml").write_bytes(content)
    sides = ["minimal", "minimal"]
    sides[side] = "odd.toml"
    assert says in refused(capsys, main(["gate", *sides]))


def test_a_file_of_100_megabytes_is_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Its size is enough."""
    with Path("large.toml").open("wb") as file:
        file.truncate(100 * 2**20)
    assert "larger than" in refused(capsys, main(["gate", "minimal", "large.toml"]))


def test_what_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder, a pipe, a device, nothing, a name that is misspelt, a file of another kind."""
    Path("folder.toml").mkdir()
    os.mkfifo("pipe.toml")
    Path("python.py").write_text("raise SystemExit(0)\n", encoding="utf-8")
    for path in ("folder.toml", "pipe.toml", "/dev/zero", "nothing.toml", "minimol", "./python.py", "a" * 5000):
        refused(capsys, main(["gate", "minimal", path]))
        refused(capsys, main(["gate", path, "minimal"]))


@pytest.mark.parametrize(
    "arguments", [[], ["minimal"], ["minimal", "minimal", "minimal"], ["minimal", "minimal", "--x"]]
)
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As for every command."""
    refused(capsys, main(["gate", *arguments]))


def test_what_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Told before anything is judged."""
    for options in (("--json", "nowhere/x.json"), ("--html", "."), ("--json", "x", "--sarif", "x")):
        refused(capsys, gate(CAP, options=options))
    Path("taken").write_text("", encoding="utf-8")
    told = refused_late(capsys, gate(FALL, options=("--traces", "taken/x")))
    assert "--traces" in told


def refused_late(capsys: pytest.CaptureFixture[str], code: int) -> str:
    """The message of a folder that could not be written, after the report."""
    told = capsys.readouterr()
    assert code == 3
    assert "Traceback" not in told.err
    return told.err


# --- what it writes ----------------------------------------------------------------------------------------------


def test_the_json() -> None:
    """What other programs read; amounts are decimal strings."""
    assert gate(FALL, CAP, options=("--json", "found.json")) == 1
    found = json.loads(Path("found.json").read_text())
    assert found["schema"] == "poolproof.gate/1"
    assert (found["protocol"], found["model"], found["open"], found["interrupted"]) == (
        "minimal",
        "reference",
        False,
        False,
    )
    by_path = {each["path"]: each for each in found["changes"]}
    fall = by_path["pools[main].markets[ETH].liquidation_threshold"]
    assert (fall["old"], fall["new"]) == ("850000000000000000", "840000000000000000")
    assert fall["safe_range"] == ["850000000000000000", "909090909090909090"]
    assert {"GOV-1", "LIQ-2"} <= set(fall["binding"])
    assert fall["verdict"] == "CLOSED"
    assert fall["exact"] == {"low": True, "high": True}
    assert [each["condition"] for each in fall["binding_low"]] == ["the liquidation threshold does not fall"]
    cap = by_path["pools[main].markets[ETH].supply_cap"]
    assert cap["verdict"] == "OPEN"
    (closing,) = found["closed_by"]
    assert closing["paths"] == [fall["path"]]
    assert found["joint"] == found["allowed"] == found["before"] == []
    (verdict,) = found["verdicts"]
    assert (verdict["invariant"], verdict["verdict"]) == ("GOV-1", "REFUTED")
    assert verdict["trace"] == closing["trace"]


def test_traces_that_replay(capsys: pytest.CaptureFixture[str]) -> None:
    """Each on its own, with the proposed parameters."""
    for side in ("base", "head"):
        Path(f"{side}.toml").write_text(FILES[f"vip-142-bscmainnet/{side}.toml"], encoding="utf-8")
    assert main(["gate", "base.toml", "head.toml", "--traces", "runs", "--json", "found.json"]) == 1
    files = sorted(Path("runs").iterdir())
    assert len(files) == len(json.loads(Path("found.json").read_text())["closed_by"]) == 4
    told = capsys.readouterr().out
    for file in files:
        assert f"poolproof replay {file}" in told
        assert main(["replay", str(file)]) == 0


def test_every_format() -> None:
    """With the verdict and the change that closes the gate."""
    options = ("--sarif", "r.sarif", "--junit", "r.xml", "--markdown", "r.md", "--html", "r.html", "--json", "r.json")
    assert gate(FALL, name="minimal", options=options) == 1
    sarif = json.loads(Path("r.sarif").read_text())
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text())
    validator_for(schema)(schema).validate(sarif)
    xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd")).validate("r.xml")
    (run,) = sarif["runs"]
    (result,) = [each for each in run["results"] if each["level"] == "error"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("head.toml")
    line = place["region"]["startLine"]
    assert gates.written(Path("head.toml").read_text(), line).startswith("liquidation_threshold")
    suite = ET.parse("r.xml").getroot()  # noqa: S314 - written just now
    assert suite.get("failures") == "1"
    lines = Path("r.md").read_text().splitlines()
    assert lines[0].startswith("❌ **Gate: minimal: CLOSED**; 1 of 1 change not as proposed")
    page = Path("r.html").read_text()
    assert "CLOSED" in page
    assert "data:image/svg+xml" not in page.split("<main")[1]


def test_a_page_of_several_pools_has_their_picture() -> None:
    """Of the proposed protocol."""
    assert gate(("mini/USD", "line.limit", "5001"), name="every-channel", options=("--html", "r.html")) == 0
    page = Path("r.html").read_text()
    assert "The pools of the proposed protocol, and what connects them" in page
    assert "data:image/svg+xml" in page.split("<main")[1]


@pytest.mark.parametrize("option", ["--json", "--markdown", "--sarif", "--junit", "--html"])
def test_standard_output_has_one_file(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And the report goes to standard error."""
    assert gate(FALL, options=(option, "-")) == 1
    told = capsys.readouterr()
    assert told.err.startswith("CLOSED minimal")
    start = {"--json": "{", "--sarif": "{", "--junit": "<?xml", "--markdown": "❌", "--html": "<!doctype"}[option]
    assert told.out.lower().startswith(start)


@pytest.mark.parametrize(
    ("width", "name"), [(80, "vip-142-bscmainnet"), *((width, "vip-424-bscmainnet") for width in (80, 100, 120))]
)
def test_a_terminal_of_any_width(
    width: int, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is wider, no name is torn, and each change that closes the gate stands above those that do not."""
    for side in ("base", "head"):
        Path(f"{side}.toml").write_text(FILES[f"{name}/{side}.toml"], encoding="utf-8")
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["gate", "base.toml", "head.toml"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("CLOSED ")
    rows = [line for line in lines[: lines.index("Worst losses")] if line.startswith(("CLOSED", "OPEN"))]
    assert len([line for line in rows if "liquidation_threshold :" in line]) >= 1
    words = [line.split()[0] for line in rows[1:]]
    assert words == sorted(words)


# --- interrupted -------------------------------------------------------------------------------------------------


def test_an_interrupt_while_ranges_are_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """130: what was found is printed and written, and nothing is said to be open."""
    found = judging._reach
    calls: list[int] = []

    def reach(span: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return found(span)

    monkeypatch.setattr(judging, "_reach", reach)
    assert gate(CAP, FALL, options=("--json", "r.json", "--html", "r.html", "--markdown", "r.md")) == 130
    told = capsys.readouterr().out
    assert told.startswith("UNDECIDED minimal: ")
    assert "interrupted" in told
    report = json.loads(Path("r.json").read_text())
    assert (report["open"], report["interrupted"], len(report["changes"])) == (False, True, 1)
    assert "partial" in Path("r.md").read_text()


def test_a_request_to_terminate() -> None:
    """The process ends with 130, whenever it comes, without a traceback."""
    for side in ("base", "head"):
        Path(f"{side}.toml").write_text(FILES[f"vip-142-bscmainnet/{side}.toml"], encoding="utf-8")
    code = "import sys; from poolproof.cli import main; print('up', flush=True); sys.exit(main(sys.argv[1:]))"
    with subprocess.Popen(
        [sys.executable, "-c", code, "gate", "base.toml", "head.toml"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_run_is_replayed_from_the_file_alone() -> None:
    """As `poolproof replay` does it."""
    assert gate(FALL, options=("--traces", "runs")) == 1
    (file,) = Path("runs").iterdir()
    trace = json.loads(file.read_text())
    assert trace["invariant"] == "GOV-1"
    assert gates.replayed(trace)
    assert replay.__module__ == "poolproof.proofs.replay"

"""The reports of `check`: what was decided, where it stands in the file, and what goes where."""

import importlib
import json
import os
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poolproof import checking
from poolproof.cli import main
from poolproof.protocol_text import ProtocolText
from poolproof.spec.loading import load_protocol, shipped_protocols

sys.path.append(str(Path(__file__).parent))
checks: Any = importlib.import_module("checks")

FORMATS = {"--sarif": "r.sarif", "--junit": "r.xml", "--markdown": "r.md", "--html": "r.html", "--json": "r.json"}
ALL = tuple(word for pair in FORMATS.items() for word in pair)


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and a working folder of the test's own."""
    monkeypatch.setenv("POOLPROOF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


Check = Callable[..., int]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Check:
    """Check the pool in `pool.toml`, which accepts SOLV-1 and not SOLV-3, both refuted; SOLV-7 is not decided."""
    Path("pool.toml").write_text(checks.accepting("SOLV-1"), encoding="utf-8")

    def run(*words: str, until: int | None = None, path: str = "pool.toml") -> int:
        decide = checks.deciding({"SOLV-1", "SOLV-3"}, {"SOLV-7"}, until)
        monkeypatch.setattr(checking, "_decide", decide)
        return main(["check", path, "--no-cache", "--only", "SOLV-1", "--only", "SOLV-3", "--only", "SOLV-7", *words])

    return run


def results() -> list[dict[str, Any]]:
    """The results of the SARIF file that was written."""
    found: list[dict[str, Any]] = json.loads(Path("r.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    return found


def line_of(text: str, after: str = "") -> int:
    """The number of the first line of the file with a text, below another."""
    content = Path("pool.toml").read_text(encoding="utf-8")
    return content.count("\n", 0, content.index(text, content.index(after))) + 1


def test_every_format_is_written(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the report for people, with the same exit code."""
    assert check() == 1
    plain = capsys.readouterr().out
    assert check(*ALL) == 1
    assert capsys.readouterr().out.splitlines()[:8] == plain.splitlines()[:8]
    assert all(Path(file).stat().st_size for file in FORMATS.values())
    assert [result["ruleId"] for result in results()] == ["SOLV-1", "SOLV-3", "SOLV-7"]
    suite = ET.parse("r.xml").getroot()[0]  # noqa: S314 - our own file
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "1", "1", "1"]
    first = Path("r.md").read_text(encoding="utf-8").splitlines()[0]
    assert "refuted" in first
    assert "1 accepted" in first
    assert "alice supplies" in Path("r.html").read_text(encoding="utf-8")


def test_a_finding_is_placed_where_something_can_be_done(check: Check) -> None:
    """At the entry that accepts it; else at the market that it is about; else at the top of the file."""
    check("--sarif", "r.sarif")
    places = [result["locations"][0]["physicalLocation"] for result in results()]
    assert {place["artifactLocation"]["uri"] for place in places} == {"pool.toml"}
    lines = [place["region"]["startLine"] for place in places]
    market = Path("pool.toml").read_text(encoding="utf-8").splitlines()[lines[1] :][0]
    assert lines == [line_of("[[accepted]]"), lines[1], 1]
    assert market.startswith('asset = "ankrBNB"')
    steps = results()[1]["codeFlows"][0]["threadFlows"][0]["locations"]
    assert steps[0]["location"]["physicalLocation"]["region"]["startLine"] == lines[1]


def test_an_accepted_finding_carries_its_reason(check: Check) -> None:
    """In every format, and is nobody's open work."""
    check(*ALL)
    accepted, opened, _ = results()
    reason = "What is recorded as bad still stands in the exchange rate."
    assert accepted["suppressions"][0]["justification"] == reason
    assert "suppressions" not in opened
    for file in FORMATS.values():
        assert reason in Path(file).read_text(encoding="utf-8")


def test_the_same_check_gives_the_same_reports(check: Check) -> None:
    """Formats without seconds are the same to the byte."""
    check(*ALL)
    before = [Path(file).read_bytes() for file in ("r.sarif", "r.md")]
    check(*ALL)
    assert [Path(file).read_bytes() for file in ("r.sarif", "r.md")] == before


def test_the_command_that_repeats_it_is_told(check: Check) -> None:
    """With all that can change a verdict, quoted for a shell, and without the files."""
    Path("a b.toml").write_text(checks.accepting("SOLV-1"), encoding="utf-8")
    check("--sarif", "r.sarif", "--seed", "3", "--engine", "fuzz", "--budget", "9", path="a b.toml")
    run = json.loads(Path("r.sarif").read_text(encoding="utf-8"))["runs"][0]
    assert run["invocations"][0]["commandLine"] == (
        "poolproof check 'a b.toml' --only SOLV-1 --only SOLV-3 --only SOLV-7 "
        "--engine fuzz --budget 9 --no-cache --seed 3"
    )
    assert results()[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.toml"


@pytest.mark.parametrize("option", FORMATS)
def test_a_report_goes_to_standard_output(check: Check, capsys: pytest.CaptureFixture[str], option: str) -> None:
    """Alone: what people read goes to standard error."""
    file = FORMATS[option]
    check(option, file)
    capsys.readouterr()
    assert check(option, "-") == 1
    captured = capsys.readouterr()
    assert captured.out[:20] == Path(file).read_text(encoding="utf-8")[:20]
    assert "SOLV-3 REFUTED" in captured.err
    assert "SOLV-3 REFUTED" not in captured.out.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--html", "-", "--json", "-"), "--html -: --json and --html name the same file; name another file"),
        (("--junit", "x", "--sarif", "./x"), "--junit x: --sarif and --junit name the same file"),
        (("--sarif", "nowhere/x"), "--sarif nowhere/x: the folder of this file does not exist"),
        (("--markdown", "."), "--markdown .: this is a directory"),
        (("--html", "a\0b"), '--html "a\\u0000b": the file cannot be written'),
        (("--junit", "x" * 300), "the file cannot be written (file name too long)"),
    ],
)
def test_a_bad_target_is_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    """With one message that names the option, and exit code 3."""

    def never(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.setattr("poolproof.commands_check.check", never)
    assert main(["check", "minimal", *words]) == 3
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert message in told


def test_a_folder_that_takes_no_files_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after an hour of work."""
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed" and real(path, mode))
    Path("closed").mkdir()
    assert main(["check", "minimal", "--html", "closed/x.html"]) == 3
    assert "cannot be written (permission denied)" in capsys.readouterr().err


def test_an_interrupted_check_leaves_partial_reports(check: Check) -> None:
    """Each says so, and none of them looks finished."""
    assert check(*ALL, until=1) == 130
    told = "interrupted: 3 of 4 claims are not decided"
    run = json.loads(Path("r.sarif").read_text(encoding="utf-8"))["runs"][0]
    assert not run["invocations"][0]["executionSuccessful"]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == told
    assert ET.parse("r.xml").getroot().get("errors") == "1"  # noqa: S314 - our own file
    for file in ("r.xml", "r.md", "r.html"):
        assert told in Path(file).read_text(encoding="utf-8")


def test_a_hostile_path_and_title_are_text(check: Check) -> None:
    """A file's name and the words in it appear in every format, and mean nothing there."""
    title = "<script>document.title=1</script> | @all ]]> {0}"
    folder = Path("a|b <i> `c`\n@me é")
    folder.mkdir()
    text = checks.accepting("SOLV-1").replace('title = "', f'title = "{title} ', 1)
    (folder / "pool.toml").write_text(text, encoding="utf-8")
    assert check(*ALL, path=f"{folder}/pool.toml") == 1
    page = Path("r.html").read_text(encoding="utf-8")
    assert "<script>document.title" not in page
    assert "&lt;script&gt;document.title" in page
    uri = results()[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%7Cb%20%3Ci%3E%20%60c%60%0A%40me%20%C3%A9/pool.toml"
    ET.parse("r.xml")  # noqa: S314 - our own file


def test_a_file_outside_of_the_working_folder_has_a_whole_address(check: Check, tmp_path: Path) -> None:
    """What is not below the folder is not made relative to it."""
    inside = tmp_path / "inside"
    inside.mkdir()
    os.chdir(inside)
    check("--sarif", "r.sarif", path="../pool.toml")
    uri = results()[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == (tmp_path / "pool.toml").as_uri()


@pytest.mark.parametrize("name", shipped_protocols())
def test_every_market_and_acceptance_has_a_line(name: str) -> None:
    """In the file that comes with the package."""
    protocol = load_protocol(name)
    text = ProtocolText.of(name)
    written = text.path.read_text(encoding="utf-8").splitlines()
    for pool in protocol.pools:
        for market in pool.markets:
            line = text.line_of_market(pool.id, market.asset)
            assert line is not None
            assert written[line - 1].startswith("[[pools.markets]]")
            ltv = text.line("pools", pool.id, "markets", market.asset, "ltv")
            assert written[ltv - 1].split("=")[0].strip() == "ltv"
            assert not any(row.startswith("[[") for row in written[line:ltv])
    for entry in protocol.accepted:
        line = text.line_of_acceptance(entry.invariant)
        assert line is not None
        assert entry.invariant in written[line]
    assert text.line_of_market("", "no such asset") is None
    assert text.line_of_acceptance("NO-1") is None
    assert text.line("no", "such", "key") == 1

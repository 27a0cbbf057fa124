"""Where a command's words go."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from poolproof.console import Output, Stream, write_whole
from poolproof.proofs.progress import Event
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.errors import UsageError


def test_json_on_standard_output_has_it_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables go to standard error then."""
    output = Output("-")
    output.out.print("a table")
    output.write_json({"a": 1})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"a": 1}
    assert captured.err == "a table\n"


def test_json_in_a_file_leaves_the_table_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both, each in its place."""
    target = tmp_path / "out.json"
    output = Output(str(target))
    output.out.print("a table")
    output.write_json({"a": 1})
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("a table\n", "")
    assert json.loads(target.read_bytes()) == {"a": 1}


def test_without_json_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Unless asked for."""
    Output(None).write_json({"a": 1})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("no/such/out.json", "the folder of this file does not exist"),
        (".", "this is a directory"),
        ("out\0.json", "the file cannot be written"),
        ("x" * 5000, "the file cannot be written"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, rule: str
) -> None:
    """Not after an hour."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as refused:
        Output(target).write_json({})
    assert rule in refused.value.what
    assert refused.value.where.startswith("--json ")


def test_a_file_is_written_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    """No temporary file is left, and a link stays a link."""
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old", encoding="utf-8")
    link.symlink_to(real)
    write_whole(link, "new")
    assert real.read_text(encoding="utf-8") == "new"
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "real.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of this platform")
def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    """A temporary file is private; a result is not."""
    write_whole(tmp_path / "whole.json", "new")
    (tmp_path / "plain.json").write_text("new", encoding="utf-8")
    assert (tmp_path / "whole.json").stat().st_mode == (tmp_path / "plain.json").stat().st_mode


@pytest.mark.skipif(sys.platform == "win32", reason="devices of this platform")
def test_a_device_is_written_to_not_replaced() -> None:
    """`--json /dev/null` leaves the device in its place."""
    output = Output(os.devnull)
    output.write_json({"a": 1})
    assert not Path(os.devnull).is_file()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It does."""
        return True


EVENT = Event("prove", 1, 4, Decision("SOLV-3", "claim", "state", Verdict.PROVED, "prove"))


def test_progress_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage, the count, and the last decision."""
    monkeypatch.delenv("CI", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Output(None).progress() as listener:
        listener(EVENT)
    assert "prove  SOLV-3 PROVED" in terminal.getvalue()
    assert "1/4" in terminal.getvalue()


def test_progress_is_quiet_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log is no terminal, even where it looks like one."""
    monkeypatch.setenv("CI", "true")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Output(None).progress() as listener:
        listener(EVENT)
    assert terminal.getvalue() == ""


def test_progress_is_quiet_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a pipe."""
    monkeypatch.delenv("CI", raising=False)
    with Output(None).progress() as listener:
        listener(EVENT)
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_is_no_verdict() -> None:
    """The console's own way out would exit with 1."""
    with pytest.raises(BrokenPipeError):
        Stream(file=io.StringIO()).on_broken_pipe()

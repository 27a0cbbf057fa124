"""Traces: what is written is read back, and what a stranger sends is refused with a cure."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poolproof.models.reference import REFERENCE
from poolproof.proofs import traces
from poolproof.proofs.snapshots import state_to_json
from poolproof.proofs.traces import (
    Trace,
    TracedStep,
    Violated,
    calls_of,
    parse_trace,
    read_trace,
    start_state,
    trace_from_json,
    traced,
    write_trace,
)
from poolproof.spec.errors import UsageError
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol


def find(name: str) -> Model:
    """The one model there is here."""
    assert name == "reference"
    return REFERENCE


@pytest.fixture
def trace(minimal: Protocol) -> Trace:
    """A deposit and a refused redemption."""
    steps = [
        traced(REFERENCE.action("deposit"), ("alice", "ETH", 2**100)),
        TracedStep("redeem", {"user": "bob", "asset": "ETH", "shares": 1}, ok=False, refusal="InsufficientShares"),
    ]
    violation = Violated(0, 0, "it broke", {"clause": "c", "old": {"cash": "0"}})
    return Trace(minimal.name, minimal.canonical_json(), "SOLV-3", [steps], violation)


def test_a_trace_is_read_back_as_it_was_written(trace: Trace, tmp_path: Path) -> None:
    """A file holds everything: the protocol, the numbers as text, the violation."""
    file = tmp_path / "trace.json"
    write_trace(trace, file)
    data = json.loads(file.read_text())
    assert data["schema"] == "poolproof.trace/1"
    assert data["runs"][0][0]["args"]["amount"] == str(2**100)
    assert read_trace(file, find) == trace


def test_a_compressed_trace_is_read(trace: Trace, tmp_path: Path) -> None:
    """By what the file holds, whatever it is called."""
    file = tmp_path / "trace"
    file.write_bytes(gzip.compress(json.dumps(trace.to_json()).encode()))
    assert read_trace(file, find) == trace


def test_a_compressed_file_that_is_no_trace_is_refused(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was cut, one that is damaged, and a small file with too much text."""
    file = tmp_path / "trace.json.gz"
    packed = gzip.compress(json.dumps(trace.to_json()).encode())
    for content, message in (
        (packed[:-20], "the compressed file is cut"),
        (packed[:2] + b"\0" + packed[3:], "the compressed file is damaged"),
        (gzip.compress(b" " * 100_000), "the text is larger than 99999 bytes"),
    ):
        monkeypatch.setattr(traces, "LARGEST_TRACE", 99_999)
        file.write_bytes(content)
        with pytest.raises(UsageError, match=message):
            read_trace(file, find)


def test_the_calls_of_a_trace_run(trace: Trace) -> None:
    """Names become actions, texts become numbers."""
    (deposit, arguments), _ = calls_of(trace, REFERENCE)
    assert deposit is REFERENCE.action("deposit")
    assert arguments == ("alice", "ETH", 2**100)


def test_a_start_state_is_where_the_run_begins(trace: Trace, minimal: Protocol) -> None:
    """A state in JSON sets every number, ledgers and rate models too."""
    state = REFERENCE.build(minimal)
    state.now = 7
    state.markets["ETH"].shares["alice"] = 9
    trace.start = state_to_json(state)
    read = trace_from_json(trace.to_json(), "t", find)
    started = start_state(read, REFERENCE)
    assert started.now == 7
    assert started.markets["ETH"].shares["alice"] == 9
    assert state_to_json(started) == trace.start


CHANGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "another format": (lambda d: d.update(schema="x"), 'name a file with "schema"'),
    "no runs": (lambda d: d.update(runs=[]), "one or two runs"),
    "a key too many": (lambda d: d.update(extra=1), "unknown"),
    "a key missing": (lambda d: d.pop("invariant"), "missing"),
    "an unknown action": (lambda d: d["runs"][0][0].update(action="steal"), "not an action of this model"),
    "an unknown account": (
        lambda d: d["runs"][0][0]["args"].update(user="eve"),
        "not a user of the protocol",
    ),
    "an unknown asset": (lambda d: d["runs"][0][0]["args"].update(asset="BTC"), "not an asset"),
    "an argument missing": (lambda d: d["runs"][0][0]["args"].pop("amount"), "missing"),
    "a JSON number": (lambda d: d["runs"][0][0]["args"].update(amount=5), "not text"),
    "a separator": (lambda d: d["runs"][0][0]["args"].update(amount="1_000"), "not a plain decimal"),
    "a sign": (lambda d: d["runs"][0][0]["args"].update(amount="-5"), "not a plain decimal"),
    "a leading zero": (lambda d: d["runs"][0][0]["args"].update(amount="05"), "not a plain decimal"),
    "another script": (lambda d: d["runs"][0][0]["args"].update(amount="५"), "not a plain decimal"),
    "an amount beyond the word": (lambda d: d["runs"][0][0]["args"].update(amount=str(2**113)), "between"),
    "an endless number": (
        lambda d: d["runs"][0][0]["args"].update(amount="9" * 5000),
        "more than 160 digits",
    ),
    "ok and refused": (lambda d: d["runs"][0][1].update(ok=True), "ok exactly when"),
    "a step that is text": (lambda d: d["runs"][0].append("deposit"), "not a table"),
    "a step outside the run": (lambda d: d["violation"].update(step=2), "not an integer from -1 to 1"),
    "a step that is true": (lambda d: d["violation"].update(step=True), "not an integer"),
    "a message with escapes": (lambda d: d["violation"].update(message="\x1b[2J"), "not a line of text"),
    "an ill-formed protocol": (lambda d: d["config"].update(horizon=0), "horizon"),
    "a start with a key too many": (lambda d: d.update(start={"x": "1"}), "unknown"),
    "a start that is text": (lambda d: d.update(start="here"), "not a table"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_wrong_is_named(trace: Trace, name: str) -> None:
    """Each error says what is wrong and where."""
    change, message = CHANGES[name]
    data = json.loads(json.dumps(trace.to_json()))
    change(data)
    with pytest.raises(UsageError, match=message) as caught:
        trace_from_json(data, "t.json", find)
    assert caught.value.where.startswith("t.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"schema": "poolproof.tr', "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "nests too deeply"),
        (b"9" * 10_000, "thousands of digits"),
        (b"[]", "not a table"),
    ],
)
def test_what_is_no_trace_is_refused(content: bytes, message: str) -> None:
    """A cut or foreign file ends in a message, not in a traceback."""
    with pytest.raises(UsageError, match=message):
        parse_trace(content, "t.json", find)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such file, a folder, a file above the limit."""
    with pytest.raises(UsageError, match="no such file"):
        read_trace(tmp_path / "none.json", find)
    with pytest.raises(UsageError, match="not a regular file"):
        read_trace(tmp_path, find)
    monkeypatch.setattr(traces, "LARGEST_TRACE", 3)
    (tmp_path / "large.json").write_text("[1, 2]")
    with pytest.raises(UsageError, match="larger than 3 bytes"):
        read_trace(tmp_path / "large.json", find)


def test_a_run_that_is_too_long_is_refused(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of steps is bounded before any is looked at."""
    monkeypatch.setattr(traces, "MOST_STEPS", 1)
    with pytest.raises(UsageError, match="more than 1 actions"):
        trace_from_json(trace.to_json(), "t.json", find)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("now",), "x", "not a plain decimal"),
        (("markets", "ETH", "entered", "alice"), "1", "not true or false"),
        (("markets", "ETH", "rates"), {"kind": "Path"}, "not a kind of"),
        (("markets", "ETH", "rates"), {"kind": "WhitePaperRate", "base": "1"}, "missing"),
        (("markets", "ETH", "shares"), [], "not a table"),
        (("markets", "BTC"), {}, "unknown"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(
    trace: Trace, minimal: Protocol, path: tuple[str, ...], value: Any, message: str
) -> None:
    """A start has exactly the protocol's records, and values of their kinds."""
    start: Any = state_to_json(REFERENCE.build(minimal))
    inner = start
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    trace.start = start
    with pytest.raises(UsageError, match=message) as caught:
        trace_from_json(trace.to_json(), "t.json", find)
    assert "start" in caught.value.where

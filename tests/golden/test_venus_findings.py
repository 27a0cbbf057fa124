"""The golden traces of the Venus pools still break as recorded, and the document says what they show."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof.proofs import registry
from poolproof.proofs.replay import replay

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
tool: Any = importlib.import_module("venus_findings")

REFUTED = [invariant.id for invariant in tool.refuted()]


@pytest.mark.parametrize("name", REFUTED)
def test_a_golden_trace_breaks_as_recorded(name: str) -> None:
    """On the model, with the violation at the recorded place and nothing else different."""
    trace = tool.read_golden(name)
    report = replay(trace, registry.find)
    assert trace.invariant == name
    assert trace.parsed_protocol() == tool.pool_of(tool.PROTOCOL)
    assert report.violation is not None
    assert report.differences == []


def test_the_golden_traces_are_those_of_the_false_claims() -> None:
    """One each, and what the bytecode said of it."""
    assert sorted(path.name.partition(".")[0] for path in tool.GOLDEN.glob("*.json.gz")) == sorted(REFUTED)
    assert sorted(each.invariant.id for each in tool.findings()) == sorted(REFUTED)


def test_the_document_is_what_the_traces_give() -> None:
    """The file in docs is the one that the tool writes."""
    assert tool.DOCUMENT.read_text(encoding="utf-8") == tool.document()


def test_a_false_claim_needs_a_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A row that is missing in the table of texts is told by its id."""
    head, _, tail = tool.TEXTS.read_text(encoding="utf-8").partition("[LIQ-5]")
    cut = tmp_path / "texts.toml"
    cut.write_text(head + tail[tail.index("\n[") :], encoding="utf-8")
    monkeypatch.setattr(tool, "TEXTS", cut)
    with pytest.raises(SystemExit, match="differ in LIQ-5"):
        tool.findings()


def test_a_trace_that_no_longer_breaks_is_not_written_about() -> None:
    """The tool stops rather than describe it."""
    trace = tool.read_golden("SOLV-1")
    trace.runs[0].pop(3)
    with pytest.raises(SystemExit, match="SOLV-1 does not replay"):
        tool.replayed(trace)


def test_a_claim_that_holds_in_a_pool_is_not_said_to_fail_there() -> None:
    """Where the tokens of a pool have few decimals, every deposit credits something."""
    data = tool.pool_of(tool.PROTOCOL).canonical_json()
    for market in data["pools"][0]["markets"]:
        market["decimals"] = 6
    protocol = type(tool.pool_of(tool.PROTOCOL)).model_validate(data)
    false = next(each for each in tool.refuted() if each.id == "RND-3")
    assert not tool.shown_false(false, protocol)
    assert tool.shown_false(false, tool.pool_of(tool.PROTOCOL))


def test_what_the_scenario_does_is_told_with_its_ends() -> None:
    """A refusal by its name, a number of copies by their numbers."""
    (first, *rest) = tool.figures(tool.read_golden("LIVE-1"), "matters")
    assert first == "What then happens:"
    assert len(rest) == 1
    assert "refused, Overflow" in rest[0]
    assert any("on copy 5" in line for line in tool.figures(tool.read_golden("ORC-1"), "by design"))

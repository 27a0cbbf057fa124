"""What the document says of the gate and the history of Venus is what the gate says, and each of its runs replays."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poolproof.checking import open_cache
from poolproof.evidence import Evidence, Options
from poolproof.gate.theorems import Theorems
from poolproof.proofs import registry
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import read_trace
from poolproof.spec.loading import load_protocol

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
tool: Any = importlib.import_module("gate_history")
pairs: Any = importlib.import_module("gate_pairs")

DOCUMENT = ROOT / "docs" / "findings" / "venus-governance.md"
GOLDEN = ROOT / "tests" / "golden" / "governance"
LOWERED = ("DeFi/USDT", "GameFi/USDT", "Stablecoins/USDT", "Tron/USDT", "DeFi/PLANET")
TRACES = sorted(path.name for path in GOLDEN.glob("*.json"))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The pairs as files."""
    with pairs.folder_of(tool.HISTORY) as found:
        yield found


@pytest.fixture(scope="module")
def history(folder: Path) -> list[Any]:
    """All pairs, judged without asking which theorems there are: their conditions, runs and policies."""
    return [pairs.judged(pair, pairs.NoTheorems()) for pair in pairs.pairs_of(folder)]


def part(name: str) -> str:
    """A generated part of the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return text.partition(f"<!-- {name}:begin -->\n")[2].partition(f"<!-- {name}:end -->")[0]


def test_the_document_is_what_the_tool_writes(history: list[Any], folder: Path) -> None:
    """All tables but that of the times, which another machine would change."""
    assert part("gate") == tool.findings(history, folder)


def test_the_times_are_of_the_same_history(history: list[Any]) -> None:
    """A row per proposal with its number of changes, all theorems from evidence, and no call of a solver."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in part("gate-time").splitlines()[2:]]
    assert [row[:2] for row in rows[:-1]] == [[each.name, str(len(each.report.changes))] for each in history]
    assert all(int(row[2]) == int(row[3]) > 0 for row in rows[:-1])
    assert {row[4] for row in rows} == {"0"}


def test_the_gate_closes_on_what_lowers_a_threshold_and_on_nothing_else(history: list[Any], folder: Path) -> None:
    """Five of 212 changes, as the summary of the pairs lists them."""
    summary = json.loads((folder / "proposals.json").read_text(encoding="utf-8"))
    closed = {
        each.name: [closing.place.where for closing in each.report.closings if closing.closes] for each in history
    }
    assert closed == {each["name"]: sorted(each["lowered_thresholds"]) for each in summary}
    assert sorted(place for places in closed.values() for place in places) == sorted(LOWERED)
    assert sum(each.closed for each in history) == len(LOWERED)
    assert sum(len(each.report.changes) for each in history) == 212


def test_the_golden_traces_are_those_of_the_gate(history: list[Any]) -> None:
    """Five files, to the byte."""
    assert {name: (GOLDEN / name).read_text(encoding="utf-8") for name in TRACES} == tool.traces_of(history)
    assert len(TRACES) == len(LOWERED)


@pytest.mark.parametrize("name", TRACES)
def test_a_golden_trace_replays(name: str) -> None:
    """In every step and with its violation, and not without the fall of the threshold."""
    trace = read_trace(GOLDEN / name, lambda model: registry.find(model)[0])
    report = replay(trace, registry.find)
    assert report.differences == []
    assert report.violation is not None
    assert trace.violation is not None
    assert report.violation.message == trace.violation.message
    last = trace.runs[0][-1]
    assert last.action == "set_collateral_factor"
    (pool,) = trace.parsed_protocol().pools
    (market,) = (each for each in pool.markets if each.asset == last.args["asset"])
    assert int(last.args["lt"]) < market.liquidation_threshold
    last.args["lt"] = market.liquidation_threshold
    assert replay(trace, registry.find).violation is None


def test_each_fall_hits_from_its_first_unit_on(history: list[Any]) -> None:
    """The end below is the value in force, and one unit less hits somebody."""
    for one in history:
        for each in one.report.changes:
            if each.closed:
                found = {place.label: (value, message) for place, value, message in pairs.just_beyond(one.report, each)}
                value, message = found["the liquidation threshold does not fall"]
                assert value == each.change.old - 1
                assert message is not None


def test_the_policy_under_which_a_proposal_opens_is_the_least(history: list[Any], folder: Path) -> None:
    """The document says that they open; with one unit less the smaller of the two stays closed."""
    for one in (each for each in history if not each.report.open):
        assert f"{one.name}, with this in both files: OPEN, {one.closed} allowed" in part("gate")
    (one,) = (each for each in history if each.name == "vip-424-bscmainnet")
    policy = pairs.policy_for(one.report)
    less = policy.replace(str(15 * 10**16), str(15 * 10**16 - 1))
    assert less != policy
    assert not pairs.judged_under(less, folder / one.name).report.open


def test_twelve_changes_are_valid_only_with_another(history: list[Any], folder: Path) -> None:
    """As a comparison of the files says: a factor above the old threshold, or a threshold below the old factor."""
    expected = []
    for one in history:
        base, head = (load_protocol(folder / one.name / f"{side}.toml") for side in ("base", "head"))
        for before, after in zip(base.pools, head.pools, strict=True):
            for old, new in zip(before.markets, after.markets, strict=True):
                if new.ltv > old.liquidation_threshold and new.ltv != old.ltv:
                    expected.append((f"{before.id}/{old.asset} ltv", f"{before.id}/{old.asset} liquidation_threshold"))
                if old.ltv > new.liquidation_threshold and new.liquidation_threshold != old.liquidation_threshold:
                    expected.append((f"{before.id}/{old.asset} liquidation_threshold", f"{before.id}/{old.asset} ltv"))
    found = [
        (tool.named(each), ", ".join(map(tool.named, others)))
        for one in history
        for each, _, others in pairs.needed(one.report)
    ]
    assert sorted(found) == sorted(expected)
    assert len(found) == 12


def test_the_shipped_evidence_answers_a_real_proposal(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an empty cache: every theorem that applies, and no call of a solver."""
    monkeypatch.setenv("POOLPROOF_CACHE", str(tmp_path))
    pair = folder / "vip-147-bscmainnet"
    protocol = load_protocol(pair / "head.toml")
    with open_cache() as cache:
        known = Evidence(cache, *registry.of(protocol), protocol, Options()).decision("GOV-1-w")
    assert known is not None, "the shipped evidence is of other sources"
    judged = pairs.judged(pair, Theorems(jobs=1))
    assert judged.verdict == "OPEN"
    assert judged.theorems == judged.from_evidence > 0
    assert judged.solver_calls == 0


# --- any history ----------------------------------------------------------------------------------------------------


def test_a_folder_of_pairs_is_judged(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line per pair in the order of their numbers; a closed gate is an answer too, with its trace."""
    for name in ("vip-424-bscmainnet", "vip-147-bscmainnet"):
        shutil.copytree(folder / name, tmp_path / "pairs" / name)
    monkeypatch.setattr(tool, "Theorems", pairs.NoTheorems)
    monkeypatch.setattr(sys, "argv", ["gate_history", str(tmp_path / "pairs"), "--traces", str(tmp_path / "traces")])
    assert tool.main() == 0
    rows = [line.split()[:4] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [["vip-147-bscmainnet", "OPEN", "1", "0"], ["vip-424-bscmainnet", "CLOSED", "5", "1"]]
    assert [path.name for path in (tmp_path / "traces").iterdir()] == ["vip-424-bscmainnet-defi-planet.json"]


def test_a_folder_without_pairs_is_told(tmp_path: Path) -> None:
    """Nothing judged is no success."""
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "base.toml").touch()
    with pytest.raises(SystemExit, match=r"has no folder with base\.toml and head\.toml"):
        pairs.pairs_of(tmp_path)

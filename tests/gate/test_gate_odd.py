"""Odd proposals: pools and lines that come and go, satellites, models of one's own, files of many pools."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from poolproof.gate.conditions import CEILING, SET_ONCE, STAYS
from poolproof.gate.conditions import _model as model_named
from poolproof.gate.report import in_words
from poolproof.proofs import registry
from poolproof.proofs.gate.benches import kin_of
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import trace_from_json

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "fixed-term-pool"
Data = dict[str, Any]


def tried(folder: Path, name: str, edit: Callable[[Data], Any]) -> Any:
    """What the gate says of a shipped protocol after an edit of its tables."""
    data = gates.data_of(gates.shipped(name))
    base = gates.toml_of(data)
    edit(data)
    return gates.judged(folder, base, gates.toml_of(data))


def pool(data: Data, name: str) -> Data:
    """A pool of a file."""
    found: Data = next(each for each in data["pools"] if each["id"] == name)
    return found


def market(data: Data, at: str, asset: str) -> Data:
    """A market of a file."""
    found: Data = next(each for each in pool(data, at)["markets"] if each["asset"] == asset)
    return found


def second_pool(data: Data) -> None:
    """A pool like the first, under another name."""
    data["pools"].append(data["pools"][0] | {"id": "second"})


@pytest.mark.parametrize("name", ["minimal", "venus-bsc-stablecoins"])
def test_a_pool_that_is_added(name: str, tmp_path: Path) -> None:
    """Open: the model of several pools takes over; and closed where it is outside the region itself."""
    report = tried(tmp_path, name, second_pool)
    assert [each.change.path for each in report.changes] == ["pools[second]"]
    assert report.open

    def unsafe(data: Data) -> None:
        second_pool(data)
        data["pools"][1] = data["pools"][1] | {"close_factor": "0"}

    report = tried(tmp_path, name, unsafe)
    assert [where for _, where in gates.broken(report)] == ["second"]
    assert report.changes[0].closed


@pytest.mark.parametrize("name", ["every-channel", "venus-bsc"])
def test_a_pool_that_is_removed(name: str, tmp_path: Path) -> None:
    """Closes for each of its markets, down to one pool as well."""
    count = len(gates.data_of(gates.shipped(name))["pools"][-1]["markets"])
    report = tried(tmp_path, name, lambda data: data["pools"].pop())
    assert [label for label, _ in gates.broken(report)] == [STAYS] * count
    assert [each.closed for each in report.changes] == [True]
    assert tried(tmp_path, "venus-bsc", lambda data: data.update(pools=data["pools"][:1])).verdict == "CLOSED"


def test_every_pool_is_exchanged(tmp_path: Path) -> None:
    """Nothing is left of the protocol in force."""

    def other(data: Data) -> None:
        data["pools"][0]["id"] = "other"

    report = tried(tmp_path, "minimal", other)
    assert sorted(gates.broken(report)) == [(STAYS, "main/ETH"), (STAYS, "main/USDC")]
    assert gates.change(report, "pools[main]").closed


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: market(data, "mini", "USD").update(listed=False),
        lambda data: pool(data, "mini").update(registered=False),
    ],
)
def test_a_market_that_is_listed_no_more(edit: Any, tmp_path: Path) -> None:
    """Is as good as gone; also where its pool is registered no more."""
    report = tried(tmp_path, "every-channel", edit)
    assert (STAYS, "mini/USD") in gates.broken(report)


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (lambda data: market(data, "main", "ETH").update(virtual_shares="2"), "main/ETH"),
        (lambda data: pool(data, "staked").pop("main"), "staked/weETH"),
        (lambda data: pool(data, "staked").update(kind="isolated", main=None), "staked/weETH"),
        (lambda data: market(data, "mini", "USD").pop("rewards", None), None),
    ],
)
def test_what_is_set_once(edit: Any, where: str | None, tmp_path: Path) -> None:
    """No vote of the model changes it, so that no theorem speaks of the change."""

    def changed(data: Data) -> None:
        edit(data)
        for each in data["pools"]:
            if each.get("main", "") is None:
                del each["main"]

    report = tried(tmp_path, "every-channel", changed)
    assert ((SET_ONCE, where) in gates.broken(report)) == (where is not None)


def test_an_index_ceiling_that_falls(tmp_path: Path) -> None:
    """Below an index it would cut debts off; it may rise."""
    report = tried(tmp_path, "minimal", lambda data: market(data, "main", "ETH").update(index_ceiling="2" + "0" * 18))
    assert gates.broken(report) == [(CEILING, "main/ETH")]
    assert report.changes[0].safe.low == 2**20 * gates.WAD


def test_two_sided_conditions_are_found_from_outside(tmp_path: Path) -> None:
    """An incentive that was above 2 and goes further: the range is still the one inside."""

    def above(data: Data) -> None:
        for each in data["pools"][0]["markets"]:
            each.update(ltv="0", liquidation_threshold="0", borrow_cap="0")
        data["pools"][0]["liquidation_incentive"] = str(3 * gates.WAD)

    data = gates.data_of(gates.shipped("minimal"))
    above(data)
    base = gates.toml_of(data)
    for incentive, verdict in ((4, "CLOSED"), (3, "OPEN"), (2, "OPEN")):
        data["pools"][0]["liquidation_incentive"] = str(incentive * gates.WAD)
        report = gates.judged(tmp_path, base, gates.toml_of(data))
        assert report.verdict == verdict, incentive
        for each in report.changes:
            assert (each.safe.low, each.safe.high) == (gates.WAD, 2 * gates.WAD)


def test_a_price_bound(tmp_path: Path) -> None:
    """It may rise or end, not fall, and not begin."""
    edits = {
        str(price): market
        for price, market in ((10**22, "OPEN"), (9 * 10**21, "CLOSED"), (11 * 10**21, "OPEN"), (0, "OPEN"))
    }
    data = gates.data_of(gates.shipped("minimal"))
    market(data, "main", "ETH")["price_bound"] = str(10**22)
    base = gates.toml_of(data)
    for bound, verdict in edits.items():
        market(data, "main", "ETH")["price_bound"] = bound
        report = gates.judged(tmp_path, base, gates.toml_of(data))
        assert report.verdict == verdict
        for each in report.changes:
            assert (each.safe is None) == (bound == "0")
            assert each.safe is None or each.safe.low == 10**22
    assert gates.judged(tmp_path, gates.shipped("minimal"), base).verdict == "CLOSED"


def test_many_pools(tmp_path: Path) -> None:
    """Of 120 pools the one that changes is looked at."""
    data = gates.data_of(gates.shipped("minimal"))
    first = data["pools"][0]
    data["pools"] = [first | {"id": f"p{number}"} for number in range(120)]
    base = gates.toml_of(data)
    data["pools"][77] = first | {"id": "p77", "close_factor": "0"}
    report = gates.judged(tmp_path, base, gates.toml_of(data))
    assert [where for _, where in gates.broken(report)] == ["p77"]


def test_a_model_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its region closes the gate as the reference's does, with the same runs, in which its own actions are taken."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]

    def found(group: str, name: str | None = None) -> list[EntryPoint]:
        named = points.get(group, {}).items()
        return [EntryPoint(key, value, group) for key, value in named if name in (None, key)]

    monkeypatch.setattr(registry, "entry_points", found)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    model_named.cache_clear()
    base = gates.edited(gates.shipped("minimal"), (("", "model", "fixed-term"),))
    for key, value, verdict in (
        ("supply_cap", "5000000000000000000000", "OPEN"),
        ("liquidation_threshold", "860000000000000000", "OPEN"),
        ("liquidation_threshold", "840000000000000000", "CLOSED"),
    ):
        report = gates.judged(tmp_path, base, gates.edited(base, (("main/ETH", key, value),)))
        assert report.verdict == verdict
        assert all(closing.trace is not None for closing in report.closings)
    assert report.changes[0].safe.low == 85 * gates.WAD // 100
    assert report.changes[0].lower is not None
    trace = trace_from_json(report.closings[0].trace, "gate", lambda name: registry.find(name)[0])
    assert replay(trace, registry.find).as_recorded
    for known in (model_named, kin_of):
        known.cache_clear()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (gates.NO_CAP, "no cap"),
        (0, "0"),
        (1, "1 unit"),
        (999_999, "999999 units"),
        (10**18, "1"),
        (123456789012345678901234567890123, "123,456,789,012,345.678901234567890123"),
    ],
)
def test_amounts_are_shown_without_rounding(value: int, shown: str, tmp_path: Path) -> None:
    """In whole tokens, or in units where there are few; a number of any length is shown as it is."""
    report = tried(tmp_path, "minimal", lambda data: market(data, "main", "ETH").update(supply_cap=str(value)))
    assert in_words(report, report.changes[0].change, value) == shown

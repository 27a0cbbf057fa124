"""Paths from what fails to other pools, their bounds, and the limits to lower."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof.proofs.contagion import paths as paths_module
from poolproof.proofs.contagion.graph import network_of
from poolproof.proofs.contagion.network import Channel, Network, Node
from poolproof.proofs.contagion.network import Path as Way
from poolproof.proofs.contagion.paths import (
    LONGEST,
    MOST_OF_SOURCE,
    _from,
    graph_of,
    heaviest,
    keep_under,
    paths_of,
    shortest_of,
)
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import load_protocol, shipped_protocols

sys.path.insert(0, str(Path(__file__).parent))
positions: Any = importlib.import_module("positions")
sys.path.pop(0)

ETH = 10**18


def paths(name: str) -> list[Way]:
    """The paths of a shipped protocol, from the worst that its file allows."""
    protocol = load_protocol(name)
    return paths_of(protocol, network_of(protocol))[0]


def through(path: Way) -> list[str]:
    """The nodes after the first."""
    return [each.target for each in path.via]


@pytest.mark.parametrize("name", shipped_protocols())
def test_a_path_is_connected_simple_and_bounded(name: str) -> None:
    """Each channel begins where the last one ended, no node comes twice, and lengths and numbers have an end."""
    counts: dict[str, int] = {}
    for path in paths(name):
        counts[path.source] = counts.get(path.source, 0) + 1
        assert 1 <= len(path.via) <= LONGEST
        nodes = [path.source, *through(path)]
        assert len(nodes) == len(set(nodes))
        assert all(one.target == next_one.source for one, next_one in zip(path.via, path.via[1:], strict=False))
        assert all(each.capacity != 0 for each in path.via)
    most = max(counts.values(), default=0)
    assert most <= MOST_OF_SOURCE


def all_to_all(pools: int) -> Network:
    """Markets that each owe every other one, and a pool that contains the first."""
    names = [f"{number}/x" for number in range(pools)]
    nodes = (Node("0", "pool", "0"), *(Node(name, "market", name[0]) for name in names))
    owed = [Channel(one, other, "line", "USD", 1, (), "") for one in names for other in names if one != other]
    return Network("all", nodes, (Channel("0", "0/x", "contains", "USD", None, (), ""), *owed), "by hand")


def enumerated(pools: int) -> tuple[int, list[str]]:
    """How many paths are found from the one pool, and what is left out."""
    ways, told = _from(graph_of(all_to_all(pools)), "0")
    return len(ways), told


def test_what_is_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: from one of 4 markets there are 3 + 3 x 2 + 3 x 2 x 1 = 15 ways to the others.

    With 9 there are 8 + 8 x 7 + 8 x 7 x 6 = 400 of up to 4 channels, more than 200.  At most 3 channels are 3 + 3 x 2 =
    9 of the 15.  3 beginnings are the pool, its market and one of the others: 3 ways and then 2.
    """
    assert enumerated(4) == (15, [])
    assert enumerated(9) == (MOST_OF_SOURCE, [f"only the shortest {MOST_OF_SOURCE} paths from one source are listed"])
    monkeypatch.setattr(paths_module, "LONGEST", 3)
    assert enumerated(4) == (9, ["paths of more than 3 channels are not listed"])
    assert enumerated(3) == (4, [])
    monkeypatch.setattr(paths_module, "LONGEST", 4)
    monkeypatch.setattr(paths_module, "MOST_STEPS", 3)
    assert enumerated(4) == (5, ["only 3 beginnings of paths from one source are followed"])


def test_a_crash_of_collateral_reaches_the_core_over_the_line() -> None:
    """The whole way, and what it carries: the asUSD line's ceiling, although the collateral is worth far more."""
    (path,) = [
        each
        for each in paths("astera-docs")
        if each.source == "oracle:X" and through(each)[-1] == "core/asUSD" and len(each.via) == 5
    ]
    assert through(path) == ["mini-a/X", "mini-a", "mini-a/asUSD", "line:mini-a/asUSD", "core/asUSD"]
    assert path.bound == 5_000_000 * ETH


def test_a_second_hop_goes_through_the_core() -> None:
    """From one mini pool to the other there is only the core: its rate, and its cash."""
    found = [each for each in paths("astera-docs") if each.source == "mini-a" and each.target == "mini-b"]
    assert found
    assert all("core/ETH" in through(each) for each in found)
    assert {each.via[-1].kind for each in found} == {"core rate", "core cash"}


@pytest.mark.parametrize("name", ["elara-docs", "venus-docs", "venus-bsc", "venus-bsc-liquid-staked-bnb"])
def test_without_lines_only_shared_feeds_lead_elsewhere(name: str) -> None:
    """No failure of a pool leads to another one."""
    assert all(each.source.startswith("oracle:") and len(each.via) == 1 for each in paths(name))


def test_the_shortest_is_one_for_each_two_ends() -> None:
    """Among all paths of the two, none is shorter."""
    every = paths("astera-docs")
    for best in shortest_of(every):
        ends = (best.source, best.target)
        assert len(best.via) == min(len(each.via) for each in every if (each.source, each.target) == ends)


def test_principal_comes_first_among_the_heaviest() -> None:
    """The 3,000,000 ETH line carries the most that does not come back."""
    protocol = load_protocol("astera-docs")
    first, value = heaviest(protocol, network_of(protocol))[0]
    assert first.source in {"mini-b/ETH", "line:mini-b/ETH"}
    assert value == 3_000_000 * ETH * 2_000 * ETH


def test_the_largest_line_is_lowered_first() -> None:
    """5,000,000 ETH over two lines become 4,000,000 by one change."""
    cut = keep_under(load_protocol("astera-docs"), "core", "ETH", 4_000_000 * ETH)
    assert [(each.market, each.old, each.new) for each in cut.lowered] == [
        ("mini-b/ETH", 3_000_000 * ETH, 2_000_000 * ETH)
    ]
    assert (cut.before, cut.after, cut.reached) == (5_000_000 * ETH, 4_000_000 * ETH, True)


def test_the_lowered_limits_keep_the_loss_under_the_amount() -> None:
    """With the new limits in the file, the worst over the lines is the amount."""
    protocol = load_protocol("astera-docs")
    cut = keep_under(protocol, "core", "ETH", 1_500_000 * ETH)
    data = protocol.canonical_json()
    new = {each.market: str(each.new) for each in cut.lowered}
    for pool in data["pools"]:
        for market in pool["markets"]:
            if (name := f"{pool['id']}/{market['asset']}") in new:
                market["line"]["limit"] = new[name]
    again = keep_under(type(protocol).model_validate(data), "core", "ETH", 1_500_000 * ETH)
    assert again.before == 1_500_000 * ETH
    assert not again.lowered


def test_a_limit_undoes_no_draw() -> None:
    """5,000 are drawn: no limit brings the worst below."""
    protocol, state = positions.reached("every-channel", positions.LINED)
    cut = keep_under(protocol, "core", "USD", 4_500, state)
    assert (cut.before, cut.after, cut.reached) == (10_000, 5_000, False)


def test_a_market_that_is_not_there_is_refused() -> None:
    """With the names of those that are."""
    with pytest.raises(UsageError, match="is no market"):
        keep_under(load_protocol("every-channel"), "core", "Q", 1)

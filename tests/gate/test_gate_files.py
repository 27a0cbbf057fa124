"""The two files of a proposal: what differs, where it stands, and the protocols in between."""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from poolproof.gate.conditions import judge_against
from poolproof.gate.files import OF_AN_ASSET, differences, protocol_of, read_proposal, tree_of
from poolproof.gate.ranges import WELL_FORMED, Span
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import load_protocol, parse_protocol, shipped_protocols

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
SMALL = ("minimal", "every-channel", "venus-bsc-stablecoins", "venus-bsc-liquid-staked-bnb")
PARSED = {name: gates.data_of(gates.shipped(name)) for name in SMALL}
NUMBERS = ("ltv", "liquidation_threshold", "reserve_factor", "supply_cap", "borrow_cap", "price_bound", "max_rate")


def some_edit(data: dict[str, Any], draw: Any) -> None:
    """Change, add or remove something; the result may be ill formed."""
    pool = data["pools"][draw(st.integers(0, len(data["pools"]) - 1))]
    assume(pool["markets"])
    market = pool["markets"][draw(st.integers(0, len(pool["markets"]) - 1))]
    what = draw(st.sampled_from(("number", "number", "rates", "pool", "drop", "leave out", "feed", "copy", "line")))
    if what == "number":
        market[draw(st.sampled_from(NUMBERS))] = str(draw(st.integers(0, 10**18)))
    elif what == "rates":
        market["rate_model"]["base_rate_per_year"] = str(draw(st.integers(0, 10**18)))
    elif what == "pool":
        pool[draw(st.sampled_from(("close_factor", "liquidation_incentive")))] = str(draw(st.integers(0, 10**19)))
    elif what == "drop":
        pool["markets"].remove(market)
    elif what == "leave out":
        market.pop(draw(st.sampled_from(("max_rate", "price_bound", "wallet", "line", "rewards", "venus"))), None)
    elif what == "feed":
        market["oracle"] = draw(st.sampled_from(("X", "Y")))
    elif what == "copy":
        pool["markets"].append(market | {"asset": "NEW", "oracle": "NEW"})
    else:
        market["line"] = {"limit": str(draw(st.integers(0, 10**9)))}


def copied(value: Any) -> Any:
    """Tables and lists of their own."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value


def well_formed(text: str) -> bool:
    """Whether a text is a protocol."""
    try:
        parse_protocol(text, "x.toml")
    except UsageError:
        return False
    return True


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
def test_the_changes_lead_from_one_file_to_the_other(data: Any) -> None:
    """All of them make the proposed protocol, none the one in force; each is where the file has its key."""
    start = PARSED[data.draw(st.sampled_from(SMALL))]
    texts = []
    for _ in range(2):
        edited = copied(start)
        for _ in range(data.draw(st.integers(0, 4))):
            some_edit(edited, data.draw)
        texts.append(gates.toml_of(edited))
    assume(all(map(well_formed, texts)))
    with tempfile.TemporaryDirectory() as folder:
        proposal = gates.proposal(Path(folder), *texts)
    assert tree_of(proposal.with_changes(proposal.changes)) == proposal.head_tree
    assert tree_of(proposal.with_changes(())) == proposal.base_tree
    assert bool(proposal.changes) == (proposal.base_tree != proposal.head_tree)
    for change in proposal.changes:
        text = texts[0] if change.kind == "removed" else texts[1]
        line = gates.written(text, change.line)
        assert gates.names(change.keys[-1]).match(line) or line.startswith("["), (change, line)
        assert change.old != change.new


@pytest.mark.parametrize("name", shipped_protocols())
def test_a_tree_is_the_protocol(name: str) -> None:
    """There and back; and with itself a protocol has no difference."""
    protocol = load_protocol(name)
    tree = tree_of(protocol)
    assert protocol_of(tree, name) == protocol
    assert differences(tree, tree_of(protocol)) == []
    assert read_proposal(name, name).changes == ()


@pytest.mark.parametrize("name", SMALL)
def test_the_same_in_other_words_does_not_differ(name: str, tmp_path: Path) -> None:
    """Comments, the order of keys, of pools, markets and acceptances, and defaults that are written out."""
    data = copied(PARSED[name])
    data = dict(sorted(data.items(), reverse=True))
    data["pools"] = [dict(sorted(pool.items())) | {"markets": pool["markets"][::-1]} for pool in data["pools"][::-1]]
    data["accepted"] = data.get("accepted", [])[::-1]
    for pool in data["pools"]:
        for market in pool["markets"]:
            market.setdefault("max_rate", "5000000000000")
            market.setdefault("listed", True)
    head = "# another comment\n" + gates.toml_of(data)
    assert gates.proposal(tmp_path, gates.shipped(name), head).changes == ()


def test_a_wallet_that_follows_a_cap_is_no_change(tmp_path: Path) -> None:
    """One that is written is."""
    cap = ("main/ETH", "supply_cap", "1000000000000000000000")
    wallet = ("main/ETH", "wallet", "5")
    for edits, paths in (((cap,), ["supply_cap"]), ((cap, wallet), ["wallet", "supply_cap"]), ((wallet,), ["wallet"])):
        head = gates.edited(gates.shipped("minimal"), edits)
        proposal = gates.proposal(tmp_path, gates.shipped("minimal"), head)
        assert sorted(change.parameter for change in proposal.changes) == sorted(paths)
        assert proposal.with_changes(proposal.changes) == proposal.head
        assert proposal.with_changes(()) == proposal.base


def test_a_market_by_another_name_is_a_removal_and_an_addition(tmp_path: Path) -> None:
    """And so is a pool; no error."""
    head = gates.edited(gates.shipped("minimal"), (("main/ETH", "asset", "WETH"),))
    proposal = gates.proposal(tmp_path, gates.shipped("minimal"), head)
    assert [(each.path, each.kind) for each in proposal.changes] == [
        ("pools[main].markets[WETH]", "added"),
        ("pools[main].markets[ETH]", "removed"),
    ]
    head = gates.edited(gates.shipped("minimal"), (("main", "id", "second"),))
    proposal = gates.proposal(tmp_path, gates.shipped("minimal"), head)
    assert [(each.path, each.kind, each.parameter) for each in proposal.changes] == [
        ("pools[second]", "added", "pools"),
        ("pools[main]", "removed", "pools"),
    ]


def test_a_value_of_a_feed_moves_in_all_its_markets(tmp_path: Path) -> None:
    """A file in which they differ would be ill formed, so that no other value could be tried."""
    base = gates.shipped("every-channel")
    data = gates.data_of(base)
    feeds = [market.get("oracle", market["asset"]) for pool in data["pools"] for market in pool["markets"]]
    shared = max(feeds, key=feeds.count)
    assert feeds.count(shared) > 1
    for pool in data["pools"]:
        for market in pool["markets"]:
            if market.get("oracle", market["asset"]) == shared:
                market["max_price_age"] = 500
    proposal = gates.proposal(tmp_path, base, gates.toml_of(data))
    aged = [change for change in proposal.changes if change.parameter == "max_price_age"]
    assert len(aged) == feeds.count(shared)
    trial = proposal.with_value(aged[0], 7)
    ages = [market.max_price_age for pool in trial.pools for market in pool.markets]
    assert ages.count(7) == feeds.count(shared)


def test_a_part_has_what_can_matter(tmp_path: Path) -> None:
    """Of several Venus pools one; of a system the core and the pools with a common asset or feed."""
    files = gates.history()
    proposal = gates.proposal(tmp_path, files["vip-142-bscmainnet/base.toml"], files["vip-142-bscmainnet/head.toml"])
    assert len(proposal.head.pools) > 1
    near = proposal.near("Stablecoins", None)
    assert [pool.id for pool in near.head.pools] == ["Stablecoins"]
    assert {change.pool for change in near.changes} == {"Stablecoins"}
    channel = gates.shipped("every-channel")
    proposal = gates.proposal(tmp_path, channel, gates.edited(channel, (("core", "close_factor", "1"),)))
    pools = {pool.id: {market.asset for market in pool.markets} for pool in proposal.head.pools}
    for asset, wanted in ((None, {"core"}), ("USD", {name for name, assets in pools.items() if "USD" in assets})):
        assert {pool.id for pool in proposal.near("core", asset).head.pools} == wanted
    assert {pool.id for pool in proposal.near("mini", "X").head.pools} == {"core", "mini"}
    assert {pool.id for pool in proposal.near("staked", None).head.pools} == {"core", "main", "staked"}


@pytest.mark.parametrize("name", ["every-channel", "astera-docs", "minimal"])
@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
def test_what_is_left_out_of_a_part_does_not_matter(name: str, data: Any) -> None:
    """A value that is tried breaks in the part what it breaks in the whole, as far as the change can matter to it."""
    start = gates.data_of(gates.shipped(name))
    edited = copied(start)
    for _ in range(data.draw(st.integers(1, 3))):
        pool = edited["pools"][data.draw(st.integers(0, len(edited["pools"]) - 1))]
        market = pool["markets"][data.draw(st.integers(0, len(pool["markets"]) - 1))]
        table, key = data.draw(st.sampled_from([(market, each) for each in NUMBERS] + [(pool, "close_factor")]))
        table[key] = str(data.draw(st.integers(1, 10**24)))
    texts = gates.toml_of(start), gates.toml_of(edited)
    assume(all(map(well_formed, texts)))
    with tempfile.TemporaryDirectory() as folder:
        proposal = gates.proposal(Path(folder), *texts)
    for change in proposal.changes:
        part = proposal.near(change.pool, change.asset if change.parameter in OF_AN_ASSET else None)
        moved = []
        for each in (proposal, part):
            span = Span(each, change, judge_against(each.base))
            values = [change.old, change.new, *(span.bounds or ())]
            seen = [span.failing_at(value) for value in values]
            assert not any(WELL_FORMED in places for places in seen) or each is part
            constant = seen[0].intersection(*seen)
            moved.append([places - constant for places in seen])
        assert moved[0] == moved[1]

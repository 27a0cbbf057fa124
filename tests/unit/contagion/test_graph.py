"""The network of a protocol: what is in it, what its channels carry, and what bounds them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof.proofs import registry
from poolproof.proofs.contagion.bounds import losses_of
from poolproof.proofs.contagion.graph import network_of
from poolproof.proofs.contagion.network import Channel, Network
from poolproof.spec.loading import load_protocol, shipped_protocols

sys.path.insert(0, str(Path(__file__).parent))
positions: Any = importlib.import_module("positions")
sys.path.pop(0)


def channel(network: Network, source: str, target: str, kind: str) -> Channel:
    """The one channel of a kind between two nodes."""
    (found,) = [each for each in network.channels if (each.source, each.target, each.kind) == (source, target, kind)]
    return found


@pytest.mark.parametrize("name", shipped_protocols())
def test_every_bound_names_invariants_that_exist(name: str) -> None:
    """What bounds a channel or a loss is in the catalogue of the protocol's model."""
    protocol = load_protocol(name)
    known = {each.id for each in registry.find(protocol.model)[1]} | {each.id for each in registry.of(protocol)[1]}
    network = network_of(protocol)
    for each in network.channels:
        assert each.kind == "contains" or each.theorem, each
        assert set(each.theorem) <= known, each
    for loss in losses_of(protocol):
        assert loss.theorem, loss
        assert set(loss.theorem) <= known, loss


@pytest.mark.parametrize("name", shipped_protocols())
def test_channels_join_nodes_that_are_there(name: str) -> None:
    """Every end of a channel is a node, every id is unique, and only what contains has no capacity."""
    network = network_of(load_protocol(name))
    ids = [node.id for node in network.nodes]
    assert len(ids) == len(set(ids))
    for each in network.channels:
        assert {each.source, each.target} <= set(ids)
        assert (each.capacity is None) == (each.kind == "contains")


def test_a_line_carries_its_limit_or_its_ceiling() -> None:
    """Without a state the least of limit, debt ceiling and borrow cap is the most that can be drawn."""
    network = network_of(load_protocol("astera-docs"))
    drawn = {each.source: each.capacity for each in network.channels if each.kind == "line" and "line:" in each.source}
    assert drawn == {
        "line:mini-a/asUSD": 5_000_000 * 10**18,  # the ceiling; the limit is 6,000,000
        "line:mini-a/ETH": 2_000_000 * 10**18,
        "line:mini-b/ETH": 3_000_000 * 10**18,
    }


def test_from_a_state_a_line_carries_what_is_drawn() -> None:
    """What is drawn, less the first-loss reserve that is pledged: 50 in one pool, nothing in the other."""
    protocol, state = positions.reached("every-channel", positions.LINED)
    network = network_of(protocol, state)
    assert channel(network, "mini/USD", "line:mini/USD", "line").capacity == 4_000
    assert channel(network, "line:mini/USD", "core/USD", "line").capacity == 3_950
    assert channel(network, "line:sister/USD", "core/USD", "line").capacity == 1_000
    assert channel(network, "core/USD", "core", "core share price").capacity == 4_950


def test_a_network_leaves_the_state_as_it_was() -> None:
    """Interest is charged on a copy."""
    protocol, state = positions.reached("every-channel", (*positions.LINED, ("pass_time", 1_000_000)))
    index = state.markets["mini/USD"].index
    network_of(protocol, state)
    assert state.markets["mini/USD"].index == index


def test_a_route_carries_nothing() -> None:
    """A route from a satellite to the main pool is there, with the claims that say that it carries no loss."""
    network = network_of(load_protocol("elara-docs"))
    for satellite in ("weETH", "wstETH"):
        route = channel(network, satellite, "router", "router")
        assert route.capacity == 0
        assert "CROSS-3" in route.theorem


def test_deployed_pools_share_feeds_and_nothing_that_carries() -> None:
    """Between the pools of a deployed protocol there is no channel but prices, and reserves that only go out."""
    network = network_of(load_protocol("venus-bsc"))
    pools = {node.id: node.pool for node in network.nodes}
    for each in network.channels:
        if pools[each.source] != pools[each.target]:
            assert each.kind == "price feed" or each.capacity == 0, each

"""Witnesses: runs in which a pool really loses, and the random runs that ask a network for every effect."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any, get_args

import pytest

from poolproof.proofs import registry
from poolproof.proofs.contagion.choices import Case
from poolproof.proofs.contagion.crosscheck import CrossReport, crosscheck
from poolproof.proofs.contagion.losses import loss_between
from poolproof.proofs.contagion.network import Channel, ChannelKind, LossKind, Network, Node
from poolproof.proofs.contagion.witness import gap_of, largest, witness
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import Trace, calls_of, start_state, trace_from_json
from poolproof.spec.action import perform
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

TOKEN = 10**18
MILLION = 10**6 * TOKEN
OVER_LINES = (
    ("astera-docs", "mini-a", "asUSD", 5 * MILLION),
    ("astera-docs", "mini-a", "ETH", 2 * MILLION),
    ("astera-docs", "mini-b", "ETH", 3 * MILLION),
    ("astera-liquidity", "shared-a", "ETH", 2 * MILLION),
    ("astera-liquidity", "shared-b", "ETH", 3 * MILLION),
    ("every-channel", "mini", "USD", 5000 - 50),
    ("every-channel", "sister", "USD", 5000),
)
"""Lines, and the most that the core pool loses over each: the limit or the ceiling, less the first-loss reserve."""
OTHERS: tuple[tuple[str, str, str, str, LossKind], ...] = (
    ("astera-docs", "mini-a", "core", "USDC", "principal"),
    ("astera-docs", "mini-a", "mini-b", "ETH", "frozen"),
    ("every-channel", "core", "sister", "USD", "frozen"),
    ("every-channel", "oracle:B", "plain", "USD", "principal"),
    ("elara-docs", "oracle:WETH", "weETH", "WETH", "value"),
    ("elara-docs", "oracle:WETH", "weETH", "WETH", "principal"),
    ("venus-docs", "oracle:BNBx", "LiquidStakedBNB", "USDT", "principal"),
    ("venus-bsc", "oracle:ankrBNB", "LiquidStakedBNB", "USDT", "principal"),
    ("venus-bsc", "oracle:USDT", "GameFi", "USDT", "value"),
)
"""Losses over the other channels."""


def opened(name: str) -> tuple[Model, Protocol]:
    """A shipped protocol with its model."""
    protocol = load_protocol(name)
    return registry.of(protocol)[0], protocol


def replayed(trace: Trace, model: Model) -> tuple[Any, Any]:
    """The states before and after a trace that was written and read again, and that ends as recorded."""
    again = trace_from_json(trace.to_json(), "witness", lambda name: registry.find(name)[0])
    assert replay(again, registry.find).as_recorded
    before, after = start_state(again, model), start_state(again, model)
    assert all(perform(after, *call) is None for call in calls_of(again, model))
    return before, after


@pytest.mark.parametrize(("name", "source", "asset", "bound"), OVER_LINES)
def test_a_line_s_loss_reaches_its_bound(name: str, source: str, asset: str, bound: int) -> None:
    """The failure costs the core what its line may draw; replayed, the states show the same loss."""
    model, protocol = opened(name)
    best = largest(model, protocol, Case(source, "core", asset, "principal"), bound)
    assert best is not None
    assert best.loss >= bound
    loss, trace = witness(model, protocol, source, "core", asset, "principal", bound)
    assert trace is not None
    before, after = replayed(trace, model)
    assert loss == best.loss == loss_between(before, after, "core", asset, "principal")
    assert gap_of("principal", bound, best) is None


@pytest.mark.parametrize(("name", "source", "pool", "asset", "kind"), OTHERS)
def test_a_witness_replays(name: str, source: str, pool: str, asset: str, kind: LossKind) -> None:
    """Over feeds, cash and share prices: the trace replays, and its states show the loss."""
    model, protocol = opened(name)
    case = Case(source, pool, asset, kind)
    best = largest(model, protocol, case)
    loss, trace = witness(model, protocol, source, pool, asset, kind, None)
    assert best is not None
    assert trace is not None
    assert loss == best.loss > 0
    _, after = replayed(trace, model)
    assert loss == loss_between(best.before, after, pool, asset, kind)


@pytest.mark.parametrize(
    ("name", "source", "pool", "asset"),
    [
        ("astera-docs", "mini-a", "mini-b", "ETH"),
        ("elara-docs", "weETH", "main", "WETH"),
        ("venus-bsc", "DeFi", "GameFi", "USDT"),
    ],
)
def test_a_sister_loses_nothing(name: str, source: str, pool: str, asset: str) -> None:
    """No run in which a pool fails by its own collateral costs principal where no line leads."""
    assert witness(*opened(name), source, pool, asset, "principal", 0) == (0, None)


def test_a_run_that_refutes_a_bound_is_not_passed_over() -> None:
    """asUSD is lent over a line, and against shares of the core's ETH, which another line of the same pool ruins."""
    bound = 5 * MILLION
    loss, trace = witness(*opened("astera-docs"), "mini-a", "core", "asUSD", "principal", bound)
    assert loss == 100 * MILLION - 1
    assert trace is not None


def test_a_gap_names_the_limit_that_ended_the_run() -> None:
    """Below the bound the reason is the refusal of one unit more; without a run it is that of its kind."""
    model, protocol = opened("astera-docs")
    best = largest(model, protocol, Case("mini-a", "core", "ETH", "principal"))
    assert best is not None
    assert "the line's limit" in (gap_of("principal", best.loss * 2, best) or "")
    assert gap_of("frozen", 1, None)


# --- the cross-check ----------------------------------------------------------------------------------------------


def everything_connected(protocol: Protocol) -> Network:
    """A network that has every channel between any two pools."""
    pools = [pool.id for pool in protocol.pools]
    assets = {market.asset for pool in protocol.pools for market in pool.markets}
    channels = [
        Channel(source, target, kind, asset, None, (), "everything")
        for source, target in permutations(pools, 2)
        for kind in get_args(ChannelKind)
        for asset in sorted(assets)
    ]
    return Network(protocol.name, tuple(Node(pool, "pool", pool) for pool in pools), tuple(channels), "everything")


def checked(network: Network) -> CrossReport:
    """A short campaign on the system with every channel."""
    model, protocol = opened("every-channel")
    return crosscheck(model, protocol, network, steps=6_000, seed=3)


def without(network: Network, kinds: tuple[ChannelKind, ...], source: str, target: str) -> Network:
    """A network without some kinds of channel from a pool to another."""
    kept = [c for c in network.channels if (c.source, c.target) != (source, target) or c.kind not in kinds]
    return replace(network, channels=tuple(kept))


def test_a_complete_network_lacks_nothing() -> None:
    """Flows, losses, prices and routes are all seen, and each has its channel."""
    report = checked(everything_connected(load_protocol("every-channel")))
    assert report.missing == {}
    assert {"a flow over a line", "a loss of USD", "a price", "a route", "a difference"} <= {
        effect.what for effect in report.effects
    }
    assert report.differing > 0


def test_a_missing_line_is_reported() -> None:
    """Without the channels of a line, its flows and losses are in nobody's account."""
    lines: tuple[ChannelKind, ...] = ("line", "core cash", "core rate", "core share price")
    report = checked(without(everything_connected(load_protocol("every-channel")), lines, "sister", "core"))
    found = {(effect.source, effect.target, effect.what) for effect in report.missing}
    assert found == {("sister", "core", "a flow over a line"), ("sister", "core", "a loss of USD")}
    assert all("is in no channel of the network" in text for text in report.missing.values())


def test_a_bound_that_is_too_low_is_reported() -> None:
    """A line that is said to carry one token less than what was lost over it."""
    network = everything_connected(load_protocol("every-channel"))
    lowered = [
        replace(c, capacity=0) if (c.source, c.target, c.kind) == ("sister", "core", "line") else c
        for c in network.channels
    ]
    report = checked(replace(network, channels=tuple(lowered)))
    assert {effect.what for effect in report.missing} == {"a loss of USD"}


def test_a_missing_feed_is_reported() -> None:
    """Two pools that read one price need a channel for it."""
    network = everything_connected(load_protocol("every-channel"))
    for source, target in permutations(("plain", "later"), 2):
        network = without(network, ("price feed", "contains", "shared cash", "shared reserve"), source, target)
    report = checked(network)
    assert {(effect.source, effect.target, effect.what) for effect in report.missing} == {
        ("plain", "later", "a price"),
        ("later", "plain", "a price"),
    }


def test_a_pool_without_any_path_is_reported() -> None:
    """Where nothing leads from a pool, its part in two runs that differ is missing too."""
    network = everything_connected(load_protocol("every-channel"))
    alone = tuple(c for c in network.channels if "sister" not in (c.source, c.target))
    report = checked(replace(network, channels=alone))
    assert "a difference" in {effect.what for effect in report.missing if effect.source == "sister"}


def test_deployed_pools_are_watched_too() -> None:
    """On Venus one pool reaches another over the oracle, and over nothing else."""
    model, protocol = opened("venus-bsc")
    report = crosscheck(model, protocol, Network(protocol.name, (), (), "nothing"), steps=3_000, seed=1)
    assert {effect.what for effect in report.missing} == {"a price", "a difference"}

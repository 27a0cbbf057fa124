"""The network of a protocol: its pools, markets, feeds and credit lines, and every channel between them.

The channels are those that ISO-9 declares; what a file does not have is not in the graph.  A channel that exists and
carries no loss is there with capacity 0 and the invariant that says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from poolproof.spec.arithmetic import WAD, div_up
from poolproof.spec.protocol import Protocol

from .exposure import DEPLOYED, Exposure, exposures, has_lines
from .network import Channel, Network, Node

FROM_FILE = "the worst that the protocol file allows: every cap and limit reached, interest since then not counted"
FROM_STATE = "the given state, interest up to its instant counted"
ROUTER = "router"
TREASURY = "treasury"
OVER_A_LINE = ("ISO-3", "ISO-4", "LINE-1", "LINE-3", "CAP-3")
"""What bounds the principal that a core pool loses over a line."""


def network_of(protocol: Protocol, state: Any = None) -> Network:
    """The nodes and channels of a protocol, with what they carry from a state or at the worst."""
    found = exposures(protocol, state)
    nodes: dict[str, Node] = {}
    for node in _nodes(protocol, found.values()):
        nodes.setdefault(node.id, node)
    channels = (*_inside(protocol, found.values()), *_feeds(protocol, found.values()))
    if has_lines(protocol):
        channels += (*_lines(protocol, found), *_routes(protocol))
    channels += tuple(_treasury(protocol))
    return Network(protocol.name, tuple(nodes.values()), channels, FROM_FILE if state is None else FROM_STATE)


def oracle_node(oracle: str) -> str:
    """The id of a price feed's node."""
    return f"oracle:{oracle}"


def shared_node(protocol: Protocol, name: str) -> str:
    """The id of the node of something that pools share: its name, told from a pool of the same name."""
    return f"{name}:" if any(pool.id == name for pool in protocol.pools) else name


def line_node(market: str) -> str:
    """The id of the node of a market's credit line."""
    return f"line:{market}"


def caps_theorem(protocol: Protocol) -> tuple[str, ...]:
    """The invariant by which supply and borrow caps hold."""
    return ("CAP-1-w",) if protocol.model in DEPLOYED else ("CAP-1",)


def _nodes(protocol: Protocol, found: Iterable[Exposure]) -> Iterator[Node]:
    for pool in protocol.pools:
        yield Node(pool.id, "pool", pool.id)
    for each in found:
        yield Node(each.name, "market", each.pool)
        yield Node(oracle_node(each.oracle), "oracle")
        if each.credit is not None:
            yield Node(line_node(each.name), "line", each.pool)
    if has_lines(protocol) and any(pool.main is not None for pool in protocol.pools):
        yield Node(shared_node(protocol, ROUTER), "router")
    if len(protocol.pools) > 1:
        yield Node(shared_node(protocol, TREASURY), "treasury")


def _inside(protocol: Protocol, found: Iterable[Exposure]) -> Iterator[Channel]:
    """Inside a pool: a market whose shares are collateral can fail the pool, and the pool's failure reaches its markets."""
    caps = caps_theorem(protocol)
    for each in found:
        reason = "a market belongs to its pool; what it loses is bounded by its own borrowers and suppliers"
        yield Channel(each.pool, each.name, "contains", each.asset, None, (), reason)
        if each.threshold > 0:
            reason = "its shares are collateral in its pool, which can lose what they lose in value"
            yield Channel(each.name, each.pool, "collateral", each.asset, each.supplied, caps, reason, "value")


def _feeds(protocol: Protocol, found: Iterable[Exposure]) -> Iterator[Channel]:
    caps = caps_theorem(protocol)
    for each in found:
        reason = "all that is supplied is valued at this price, which may fall to nothing"
        yield Channel(
            oracle_node(each.oracle), each.name, "price feed", each.asset, each.supplied, caps, reason, "value"
        )


def _lines(protocol: Protocol, found: dict[str, Exposure]) -> Iterator[Channel]:
    """What a credit line carries to the core pool, and what the core market that lends carries to sister pools."""
    drawing: dict[str, list[Exposure]] = defaultdict(list)
    for each in found.values():
        if each.credit is None:
            continue
        lender = f"{each.credit.lender}/{each.asset}"
        drawing[lender].append(each)
        carried, out = each.credit.at_risk, max(each.credit.drawn, each.credit.at_risk)
        reason = "the line bears what exceeds the pool's reserve and own suppliers, at most its principal"
        yield Channel(each.name, line_node(each.name), "line", each.asset, out, ("LINE-1", "LINE-8"), reason)
        reason = "the core loses at most the principal that the line owes, the pledged first-loss reserve pays first"
        yield Channel(line_node(each.name), lender, "line", each.asset, carried, OVER_A_LINE, reason)
    for lender, sisters in drawing.items():
        core = found[lender]
        if core.threshold > 0:
            fall = sum(each.credit.at_risk for each in sisters if each.credit is not None)
            reason = "a loss lowers the share price, and the shares are collateral in the core pool alone"
            theorem = ("ISO-3", "SOLV-4", "ISO-7")
            yield Channel(lender, core.pool, "core share price", core.asset, fall, theorem, reason, "value")
        for each in sisters:
            yield from _back(protocol, core, each)


def _back(protocol: Protocol, core: Exposure, sister: Exposure) -> Iterator[Channel]:
    """From a core market to a market that draws on it: the rate that it charges, and the cash that it may lack."""
    assert sister.credit is not None  # noqa: S101 - for the type checker
    most = max(sister.credit.drawn, sister.credit.at_risk)
    charged = div_up(most * core.max_rate * protocol.horizon, WAD)
    reason = f"what the line is charged in {protocol.horizon} slots at the core's highest rate; its borrowers pay it"
    yield Channel(core.name, sister.name, "core rate", sister.asset, charged, ("ISO-5", "RATE-2"), reason, "value")
    undrawn = max(0, sister.credit.limit - sister.credit.drawn)
    reason = (
        "credit that the core cannot pay out while its cash is lent elsewhere; nothing that the pool has is touched"
    )
    yield Channel(core.name, sister.name, "core cash", sister.asset, undrawn, ("ISO-5", "ISO-6"), reason, "frozen")


def _routes(protocol: Protocol) -> Iterator[Channel]:
    for pool in protocol.pools:
        if pool.main is None:
            continue
        reason = "a route crosses whole or not at all, and each leg stands alone after it"
        theorem = ("CROSS-1", "CROSS-3", "CROSS-4", "CROSS-5")
        yield Channel(pool.id, shared_node(protocol, ROUTER), "router", pool.bridge, 0, theorem, reason)
        yield Channel(shared_node(protocol, ROUTER), pool.main, "router", pool.bridge, 0, theorem, reason)


def _treasury(protocol: Protocol) -> Iterator[Channel]:
    """Reserves, and the protocol's part of seizures, go to one account of all pools, from which nothing comes back."""
    for pool in protocol.pools if len(protocol.pools) > 1 else ():
        reason = "reserves and forfeited shares go there; no rule pays anything from there to a pool"
        yield Channel(pool.id, shared_node(protocol, TREASURY), "shared reserve", None, 0, ("ISO-9",), reason)

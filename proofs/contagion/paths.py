"""Ways of a loss from what fails to other pools, what they carry, and which limits to lower so that they carry less.

Where there are too many ways to list them all, the shortest are listed, and each source says what is left out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import networkx as nx

from poolproof.spec.arithmetic import div_up
from poolproof.spec.errors import UsageError, shown_text
from poolproof.spec.protocol import Protocol

from .bounds import worst_of
from .exposure import Exposure, exposures
from .network import Channel, Limit, LossKind, Network, Path

LONGEST = 8
"""Most channels of a path."""
MOST_OF_SOURCE = 200
"""Most paths from one source; the shortest are found first."""
MOST_STEPS = 20_000
"""Most beginnings of paths that are looked at for one source."""
WORST_FIRST: tuple[LossKind, ...] = ("principal", "frozen", "value")


@dataclass(frozen=True, slots=True)
class Lowered:
    """A line limit that is lowered [smallest unit]."""

    market: str
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The cheapest set of line limits to lower so that a market's worst loss over its lines stays under an amount.

    ``before`` and ``after``: the worst loss over all lines together [smallest unit].  ``reached``: whether ``after`` is
    within the amount; what is drawn already is not undone by a limit.
    """

    pool: str
    asset: str
    amount: int
    own: int
    before: int
    after: int
    lowered: tuple[Lowered, ...]

    @property
    def reached(self) -> bool:
        """Whether lowering limits is enough."""
        return self.after <= self.amount


def graph_of(network: Network) -> Any:
    """The network as a graph of networkx, without the channels that carry nothing."""
    graph = nx.MultiDiGraph()
    graph.add_nodes_from((node.id, {"node": node}) for node in network.nodes)
    for channel in network.channels:
        if channel.capacity != 0:
            graph.add_edge(channel.source, channel.target, channel=channel)
    return graph


def paths_of(protocol: Protocol, network: Network, state: Any = None) -> tuple[list[Path], list[Limit]]:
    """The paths from each pool and each feed to the markets of other pools, the shortest first, and what is left out."""
    graph = graph_of(network)
    found = exposures(protocol, state)
    starts = [node.id for node in network.nodes if node.kind in {"pool", "oracle"}]
    paths: list[Path] = []
    limits: list[Limit] = []
    for start in starts:
        ways, told = _from(graph, start)
        paths += [_path(via, found) for via in ways]
        limits += [Limit(start, each) for each in told]
    return paths, limits


def shortest_of(paths: list[Path]) -> list[Path]:
    """Of the paths between the same two ends, one of the shortest."""
    best: dict[tuple[str, str], Path] = {}
    for path in paths:
        ends = (path.source, path.target)
        if ends not in best or len(path.via) < len(best[ends].via):
            best[ends] = path
    return list(best.values())


def heaviest(protocol: Protocol, network: Network, state: Any = None) -> list[tuple[Channel, int]]:
    """The channels that carry anything, with their capacity as a value at the start's prices.

    What carries principal comes first, then what freezes, then what only reprices; of each the heaviest first.
    """
    prices = {each.asset: each.price for each in exposures(protocol, state).values()}
    valued = [
        (each, each.capacity * prices.get(each.asset or "", 0))
        for each in network.channels
        if each.capacity is not None
    ]
    return sorted(
        ((each, value) for each, value in valued if value > 0),
        key=lambda pair: (WORST_FIRST.index(pair[0].carries), -pair[1]),
    )


def _from(graph: Any, start: str) -> tuple[list[tuple[Channel, ...]], list[str]]:
    """Breadth first: the simple paths from a node to a market of another pool than it touched first; what ended it."""
    pending: deque[tuple[tuple[Channel, ...], tuple[str, ...]]] = deque([((), (start,))])
    found: list[tuple[Channel, ...]] = []
    steps, longest = 0, False
    shared = len({graph.nodes[each]["node"].pool for each in graph.successors(start)}) > 1
    while pending and steps < MOST_STEPS and len(found) < MOST_OF_SOURCE:
        via, visited = pending.popleft()
        steps += 1
        home = next((graph.nodes[each]["node"].pool for each in visited if graph.nodes[each]["node"].pool), None)
        for _, target, channel in graph.out_edges(visited[-1], data="channel"):
            if target in visited:
                continue
            node, longer = graph.nodes[target]["node"], (*via, channel)
            crosses = node.pool != home if home is not None else shared
            if node.kind == "market" and crosses:
                found.append(longer)
            if len(longer) < LONGEST:
                pending.append((longer, (*visited, target)))
            else:
                longest = longest or any(each not in visited for each in graph.successors(target))
    told = []
    if len(found) > MOST_OF_SOURCE or (pending and len(found) == MOST_OF_SOURCE):
        told.append(f"only the shortest {MOST_OF_SOURCE} paths from one source are listed")
    elif pending:
        told.append(f"only {MOST_STEPS:,} beginnings of paths from one source are followed")
    if longest:
        told.append(f"paths of more than {LONGEST} channels are not listed")
    return found[:MOST_OF_SOURCE], told


def _path(via: tuple[Channel, ...], found: dict[str, Exposure]) -> Path:
    """A path with its bound: the least capacity; a rate takes time and is not bounded by what was lost before it."""
    target = found[via[-1].target]
    prices = {each.asset: each.price for each in found.values()}
    since = max((place for place, each in enumerate(via) if each.kind == "core rate"), default=0)
    bounds = [bound for each in via[since:] if (bound := _converted(each, target, prices)) is not None]
    return Path(via[0].source, target.pool, via, target.asset, min(bounds) if bounds else None)


def _converted(channel: Channel, target: Exposure, prices: dict[str, int]) -> int | None:
    """A channel's capacity in the target's asset, at the start's prices, rounded up."""
    if channel.capacity is None or channel.asset is None:
        return None
    if channel.asset == target.asset:
        return channel.capacity
    if not (prices[channel.asset] and target.price):
        return None
    bound: int = div_up(channel.capacity * prices[channel.asset], target.price)
    return bound


# --- cuts ---------------------------------------------------------------------------------------------------------


def keep_under(protocol: Protocol, pool: str, asset: str, amount: int, state: Any = None) -> Cut:
    """Lower the fewest line limits by the least in all, so that a market loses at most an amount over its lines.

    Any way to lower them costs the same credit in all; the largest line first means the fewest changes.
    Refuses: a market that is not there.
    """
    found = exposures(protocol, state)
    worst = next((each for each in worst_of(protocol, state) if (each.pool, each.asset) == (pool, asset)), None)
    if worst is None:
        known = ", ".join(sorted(found))
        raise UsageError(f"{shown_text(f'{pool}/{asset}')} is no market", "--keep-under", f"name one of {known}")
    lines = [(each, each.credit) for each in found.values() if each.credit is not None]
    lines = [(each, credit) for each, credit in lines if credit.lender == pool and each.asset == asset]
    before = after = sum(credit.reach for _, credit in lines)
    lowered = []
    for each, credit in sorted(lines, key=lambda line: -(line[1].reach - line[1].drawn)):
        less = min(after - amount, credit.reach - credit.drawn)
        if less <= 0:
            continue
        after -= less
        lowered.append(Lowered(each.name, credit.limit, credit.reach - less))
    return Cut(pool, asset, amount, worst.own, before, after, tuple(lowered))

"""How far a set of failures reaches over channels: in how many steps, and how much the widest way carries.

A network of thousands of pools has more ways than can be listed.  What matters of all of them together takes one pass:
the fewest channels to each node, the widest of all ways to it (the most that a single way carries), and what all the
channels into it from nodes that are reached carry together, which bounds its loss.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from poolproof.spec.errors import UsageError

Capacity: TypeAlias = int | None
"""What a channel carries; None where nothing bounds it."""
Links: TypeAlias = list[list[tuple[int, float]]]
"""For each node, the (target, capacity) of its channels, the capacity negative: widest first is least first."""


@dataclass(frozen=True)
class Reach:
    """By node that is reached: ``steps``, the ``widest`` way, and what ``all_ways`` carry, None without a bound.

    Nodes that fail are reached in 0 steps, and their widths are None.
    """

    steps: Mapping[int, int]
    widest: Mapping[int, Capacity]
    all_ways: Mapping[int, Capacity]


def reach(size: int, channels: Mapping[tuple[int, int], Capacity], failing: Iterable[int]) -> Reach:
    """What the failing nodes reach over channels of (source, target) -> capacity; a channel of capacity 0 carries none."""
    sources = sorted(set(failing))
    for node in (*sources, *(end for ends in channels for end in ends)):
        if not 0 <= node < size:
            raise UsageError(f"node {node}, of {size} nodes", cure="name nodes that there are")
    following: Links = [[] for _ in range(size)]
    for (source, target), capacity in channels.items():
        if capacity is None or capacity > 0:
            following[source].append((target, -float("inf") if capacity is None else -capacity))
    steps = _steps(following, sources)
    widths = _widths(following, sources)
    carried: dict[int, Capacity] = dict.fromkeys(sources)
    for (source, target), capacity in channels.items():
        if source in steps and steps.get(target, 0) > 0:
            before = carried.get(target, 0)
            carried[target] = None if capacity is None or before is None else before + capacity
    widest = {node: None if width == float("inf") else int(width) for node, width in widths.items()}
    return Reach(steps, widest, carried)


def _steps(following: Links, sources: list[int]) -> dict[int, int]:
    """Breadth first."""
    steps = dict.fromkeys(sources, 0)
    waiting = deque(sources)
    while waiting:
        node = waiting.popleft()
        for target, _ in following[node]:
            if target not in steps:
                steps[target] = steps[node] + 1
                waiting.append(target)
    return steps


def _widths(following: Links, sources: list[int]) -> dict[int, float]:
    """Widest first, as Dijkstra's nearest first."""
    widths: dict[int, float] = {}
    waiting = [(-float("inf"), node) for node in sources]
    while waiting:
        narrowness, node = heapq.heappop(waiting)
        if node in widths:
            continue
        widths[node] = -narrowness
        for target, capacity in following[node]:
            if target not in widths:
                heapq.heappush(waiting, (max(narrowness, capacity), target))
    return widths

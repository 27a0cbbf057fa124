"""Synthetic systems of pools: the same seed gives the same system.

Ends of channels are drawn by weight.  ``random``: all weigh the same.  ``scale-free``: weights fall as a power of the
rank, so that a few pools have most channels.  ``core-periphery``: one pool in twenty is of the core, weighs twenty
times a pool of the periphery, and two pools of the periphery have no channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from poolproof.spec.errors import UsageError

from .cascade import Pools
from .clearing import Obligations
from .debtrank import Exposures
from .linear import Vector
from .network import Channel, Network, Node

Shape: TypeAlias = Literal["random", "scale-free", "core-periphery"]
SHAPES: tuple[Shape, ...] = ("random", "scale-free", "core-periphery")
PERIPHERY = 20
"""Pools of the core: one in so many."""
ASSETS = 40
POSITIONS = 3
"""Assets that a pool holds as collateral, and assets that it lends, at most."""
PRICE = 100


@dataclass(frozen=True)
class Synthetic:
    """A system: ``lines`` (borrower, lender) -> amount; ``pools``: what they hold; ``equity``: what each can lose."""

    shape: Shape
    lines: dict[tuple[int, int], int]
    equity: tuple[int, ...]
    pools: Pools

    def obligations(self, failing: frozenset[int]) -> Obligations:
        """Every line is called in: who fails has nothing of its own; a third of each line is senior."""
        received = [0] * len(self.equity)
        owed = [0] * len(self.equity)
        for (borrower, lender), amount in self.lines.items():
            received[lender] += amount
            owed[borrower] += amount
        assets = [
            0 if node in failing else max(0, due - claims) + equity
            for node, (due, claims, equity) in enumerate(zip(owed, received, self.equity, strict=True))
        ]
        senior = {ends: amount // 3 for ends, amount in self.lines.items()}
        return Obligations(assets, [senior, {ends: amount - senior[ends] for ends, amount in self.lines.items()}])

    def exposures(self) -> Exposures:
        """Each lender can lose what it has lent."""
        return Exposures(self.equity, self.lines)

    def network(self) -> Network:
        """The graph: pools, and a channel for each line from the borrower to the lender."""
        names = [f"pool-{number}" for number in range(len(self.equity))]
        channels = tuple(
            Channel(names[borrower], names[lender], "line", "usd", amount, (), "synthetic")
            for (borrower, lender), amount in self.lines.items()
        )
        return Network(f"{self.shape} of {len(names)}", tuple(Node(name, "pool", name) for name in names), channels, "")


def synthetic(shape: Shape, pools: int, channels: int, seed: int) -> Synthetic:
    """A system of so many pools and channels.

    Refuses: more channels than half of all that the shape allows, which would take too many draws.
    """
    if shape not in SHAPES:
        raise UsageError(f"no shape {shape!r}", cure=f"give one of {', '.join(SHAPES)}")
    core = max(1, pools // PERIPHERY) if shape == "core-periphery" else pools
    possible = pools * (pools - 1) - (pools - core) * (pools - core - 1)
    if pools < 1 or not 0 <= channels <= possible // 2:
        raise UsageError(f"{channels} channels for {pools} pools", cure=f"give at most {max(0, possible // 2)}")
    chance = np.random.default_rng(seed)
    ends = _ends(chance, _weights(shape, pools, core), core, channels)
    amounts = (1 + 1_000 * chance.lognormal(sigma=1.0, size=channels)).astype(np.int64).tolist()
    lines = dict(zip(ends, amounts, strict=True))
    lent = np.zeros(pools)
    np.add.at(lent, [lender for _, lender in ends], amounts)
    equity = np.maximum(1_000, lent * chance.uniform(0.05, 0.3, pools)).astype(np.int64).tolist()
    return Synthetic(shape, lines, tuple(equity), _positions(chance, pools, equity, lines))


def _weights(shape: Shape, pools: int, core: int) -> Vector:
    """How likely each pool is to be an end of a channel."""
    ranks = np.arange(1, pools + 1, dtype=float)
    if shape == "scale-free":
        weights = ranks ** (-2 / 3)  # degrees with a tail of exponent 2.5
    else:
        weights = np.where(ranks <= core, PERIPHERY if shape == "core-periphery" else 1, 1.0)
    shares: Vector = weights / weights.sum()
    return shares


def _ends(chance: np.random.Generator, weights: Vector, core: int, channels: int) -> list[tuple[int, int]]:
    """So many different pairs, in the order in which they are first drawn."""

    def drawn() -> Iterator[tuple[int, int]]:
        while True:
            pairs = chance.choice(len(weights), size=(2 * channels, 2), p=weights)
            wanted = (pairs[:, 0] != pairs[:, 1]) & (pairs.min(axis=1) < core)
            yield from zip(*pairs[wanted].T.tolist(), strict=True)

    ends: dict[tuple[int, int], None] = {}
    draws = drawn()
    while len(ends) < channels:
        ends[next(draws)] = None
    return list(ends)


def _positions(chance: np.random.Generator, pools: int, equity: list[int], lines: dict[tuple[int, int], int]) -> Pools:
    """What the pools hold: before a shock all are healthy, by more or less."""
    collateral: dict[tuple[int, int], int] = {}
    debt: dict[tuple[int, int], int] = {}
    held = chance.integers(ASSETS, size=(pools, POSITIONS)).tolist()
    owed = chance.integers(ASSETS, size=(pools, POSITIONS)).tolist()
    sizes = (1 + 1_000 * chance.lognormal(sigma=1.0, size=(pools, POSITIONS))).astype(np.int64)
    use = chance.uniform(0.4, 0.75, pools)
    debts = (sizes.sum(axis=1) * use / POSITIONS).astype(np.int64).tolist()
    for pool, parts in enumerate(sizes.tolist()):
        for asset, units in zip(held[pool], parts, strict=True):
            collateral[pool, asset] = collateral.get((pool, asset), 0) + units
        for asset in owed[pool]:
            debt[pool, asset] = debt.get((pool, asset), 0) + debts[pool]
    total = [0] * ASSETS
    for (_, asset), units in collateral.items():
        total[asset] += units
    return Pools(
        prices=[PRICE] * ASSETS,
        collateral=collateral,
        debt=debt,
        thresholds=dict.fromkeys(collateral, 0.8),
        cushions=equity,
        lines=lines,
        depths=[3 * units or None for units in total],
    )

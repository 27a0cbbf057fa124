"""Cascades: what a fall of prices does to pools that hold the same assets and lend to each other, round by round.

A pool is its totals: collateral and debt of each asset, and what they count at its thresholds.  In each round, pools
whose weighted collateral no longer covers the debt sell what the debt takes; sales lower prices; what collateral does
not cover is a loss.  A pool's loss falls on its cushion (its reserves and own suppliers) first, and then on who lends
to it over lines, in proportion to what is lent.  Losses and sales only ever grow and are bounded, and the same input
gives the same rounds.

Limits: floats; a pool's accounts count as one, so collateral of one account covers another's debt, and a fall that
ruins a few accounts alone is not seen.  Debts keep the price of the shock while sales lower that of collateral, which
overstates losses where an asset is both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from poolproof.spec.errors import UsageError

from .linear import (
    SPARSE,
    Entries,
    Number,
    Vector,
    check_entries,
    check_length,
    check_numbers,
)

SLACK = 1e-12
"""Changes up to this, relative to what changes, are taken for rounding."""
ROUNDS = 10_000


@dataclass(frozen=True)
class Pools:
    """Pools by number, assets by number.

    ``prices`` [value per unit].  ``collateral``, ``debt``: (pool, asset) -> units; ``thresholds``: (pool, asset) -> the
    share of the collateral's value that counts, 0 where missing.  ``cushions``: of each pool [value].  ``lines``:
    (borrower, lender) -> what is lent [value].  ``depths``: of each asset, the units whose sale takes its price to 0;
    None where no sale moves it.
    """

    prices: Sequence[Number]
    collateral: Entries
    debt: Entries
    thresholds: Entries
    cushions: Sequence[Number]
    lines: Entries
    depths: Sequence[Number | None] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount, no share, no pool or no asset."""
        check_numbers("price", self.prices)
        check_numbers("cushion", self.cushions)
        check_entries("line", len(self.cushions), self.lines)
        for what, entries in (("collateral", self.collateral), ("debt", self.debt), ("threshold", self.thresholds)):
            check_numbers(what, entries.values(), 1 if what == "threshold" else None)
            for pool, asset in entries:
                if not (0 <= pool < len(self.cushions) and 0 <= asset < len(self.prices)):
                    raise UsageError(
                        f"{what} of pool {pool} in asset {asset}, of {len(self.cushions)} pools and "
                        f"{len(self.prices)} assets",
                        cure="name a pool and an asset that there are",
                    )
        if self.depths is not None:
            check_length("depths", [0] * len(self.depths), len(self.prices))
            check_numbers("depth", [depth for depth in self.depths if depth is not None])
            if 0 in self.depths:
                raise UsageError(f"asset {self.depths.index(0)} has no depth", cure="give a positive one, or None")


@dataclass(frozen=True)
class Round:
    """What there is after a round: all losses [value], lines' included, and how many pools have sold or lost."""

    losses: float
    sellers: int
    losers: int


@dataclass(frozen=True)
class Cascade:
    """A cascade in the end, each sequence by pool unless it says otherwise.

    ``bad_debt``: what collateral does not cover; ``from_lines``: what is lent to others and lost; ``borne``: what of
    both the pool's own cushion takes; ``passed_on``: what falls on who lends to it; ``uncovered``: what is left over.
    ``prices``: by asset.  ``sold``: the share of its collateral.  ``settled``: False if the rounds were used up first.
    """

    rounds: tuple[Round, ...]
    prices: Sequence[float]
    sold: Sequence[float]
    bad_debt: Sequence[float]
    from_lines: Sequence[float]
    borne: Sequence[float]
    passed_on: Sequence[float]
    uncovered: Sequence[float]
    settled: bool


def cascade(pools: Pools, shock: Mapping[int, Number], most: int = ROUNDS) -> Cascade:
    """What follows from a shock: (asset -> relative change of its price), -0.4 for minus 40 %."""
    return next(iter(cascades(pools, [shock], most)))


def cascades(pools: Pools, shocks: Iterable[Mapping[int, Number]], most: int = ROUNDS) -> list[Cascade]:
    """What follows from each of these shocks, alone."""
    tables = _Tables(pools)
    return [_follow(tables, _shocked(tables.prices, shock), most) for shock in shocks]


def worst(found: Sequence[Cascade]) -> list[tuple[float, int]]:
    """For each pool, the most that it loses in any of these cascades, and in which: the first such."""
    losses = np.array([np.add(each.bad_debt, each.from_lines) for each in found])
    return list(zip(losses.max(axis=0).tolist(), losses.argmax(axis=0).tolist(), strict=True))


class _Tables:
    """The pools as sparse matrices."""

    def __init__(self, pools: Pools) -> None:
        shape = (len(pools.cushions), len(pools.prices))
        self.prices = SPARSE.vector(pools.prices)
        self.collateral = _table(shape, pools.collateral)
        self.debt = _table(shape, pools.debt)
        self.weighted = self.collateral.multiply(_table(shape, pools.thresholds)).tocsr()
        self.cushions = SPARSE.vector(pools.cushions)
        depths = pools.depths or [None] * shape[1]
        self.depths = np.array([np.inf if depth is None else float(depth) for depth in depths])
        lent = SPARSE.matrix(shape[0], {(to, by): amount for (by, to), amount in pools.lines.items()})
        self.owed = lent.sum(axis=0)
        self.shares = SPARSE.columns(lent, 1 / np.where(self.owed > 0, self.owed, 1))


def _table(shape: tuple[int, int], entries: Entries) -> Any:
    """A matrix of pools and assets."""
    places = np.array(list(entries), dtype=np.int64).reshape(-1, 2)
    return sparse.csr_array((SPARSE.vector(entries.values()), (places[:, 0], places[:, 1])), shape=shape)


def _shocked(prices: Vector, shock: Mapping[int, Number]) -> Vector:
    """The prices after the shock."""
    after = prices.copy()
    for asset, change in shock.items():
        if not 0 <= asset < len(prices):
            raise UsageError(f"shock to asset {asset}, of {len(prices)} assets", cure="name an asset that there is")
        check_numbers("price after a shock, relative,", [1 + change])
        after[asset] *= 1 + float(change)
    return after


def _follow(tables: _Tables, shocked: Vector, most: int) -> Cascade:
    """Round after round, until nothing changes."""
    debt = tables.debt @ shocked
    sold = bad = from_lines = np.zeros(len(debt))
    prices, settled = shocked, False
    rounds: list[Round] = []
    while not settled and len(rounds) < most:
        worth = tables.collateral @ prices
        selling = debt - tables.weighted @ prices > SLACK * debt
        needed = np.minimum(1, np.divide(debt, worth, out=np.ones_like(debt), where=worth > 0))
        now_sold = np.maximum(sold, np.where(selling, needed, 0))
        now_bad = np.maximum(bad, debt - worth)
        beyond = np.maximum(now_bad + from_lines - tables.cushions, 0)
        now_from_lines = tables.shares @ np.minimum(beyond, tables.owed)
        settled = all(
            (after - before <= SLACK * after).all()
            for before, after in ((sold, now_sold), (bad, now_bad), (from_lines, now_from_lines))
        )
        sold, bad, from_lines = now_sold, now_bad, now_from_lines
        prices = shocked * np.maximum(0, 1 - (tables.collateral.T @ sold) / tables.depths)
        losses = bad + from_lines
        rounds.append(Round(float(losses.sum()), int((sold > 0).sum()), int((losses > 0).sum())))
    losses = bad + from_lines
    beyond = np.maximum(losses - tables.cushions, 0)
    passed_on = np.minimum(beyond, tables.owed)
    return Cascade(
        tuple(rounds),
        prices.tolist(),
        sold.tolist(),
        bad.tolist(),
        from_lines.tolist(),
        (losses - beyond).tolist(),
        passed_on.tolist(),
        (beyond - passed_on).tolist(),
        settled,
    )

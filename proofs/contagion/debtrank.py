"""DebtRank: how much of a network's value a distress reaches, before anybody fails.

A node's distress is the share of its equity that it has lost.  In the original (Battiston and others, 2012) a node
passes its distress on once, in the round after it is first reached, and each impact is at most 1.  In the differential
variant (Bardoscia and others, 2015) it passes on every further loss; where that ends is computed, not approached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poolproof.spec.errors import UsageError

from .linear import (
    Arithmetic,
    Entries,
    Number,
    Vector,
    arithmetic,
    check_entries,
    check_length,
    check_numbers,
    downstream,
    settle,
)


@dataclass(frozen=True)
class Exposures:
    """Who loses what when another fails.

    ``equity``: of each node, positive.  ``exposures``: (debtor, creditor) -> what the creditor loses if the debtor pays
    nothing.  ``values``: what each node counts in the rank; by default what it is exposed to, as in the original.
    """

    equity: Sequence[Number]
    exposures: Entries
    values: Sequence[Number] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount or no node."""
        check_numbers("equity", self.equity)
        if 0 in self.equity:
            raise UsageError(
                f"node {self.equity.index(0)} has no equity to lose", cure="leave it out, or shock it in full"
            )
        check_entries("exposure", len(self.equity), self.exposures)
        if self.values is not None:
            check_length("values", self.values, len(self.equity))
            check_numbers("value", self.values)


@dataclass(frozen=True)
class Rank:
    """The distress of each node in the end, and the share of all value that it takes beyond the shock itself."""

    distress: Sequence[Number]
    rank: Number
    rounds: int | None
    """None where the end is solved for at once."""


def debtrank(
    given: Exposures, shock: Mapping[int, Number], *, differential: bool = False, exact: bool | None = None
) -> Rank:
    """The rank of a shock: the share of its equity that each named node loses at first, the others nothing.

    Exact up to `EXACT_NODES` nodes unless told otherwise.
    """
    size = len(given.equity)
    if outside := [node for node in shock if not 0 <= node < size]:
        raise UsageError(f"shock to node {outside[0]}, of {size} nodes", cure="name nodes that there are")
    check_numbers("shock", shock.values(), most=1)
    numbers = arithmetic(size, exact)
    equity = numbers.vector(given.equity)
    lent = numbers.matrix(size, {(to, by): amount for (by, to), amount in given.exposures.items()})
    first = numbers.vector(shock.get(node, 0) for node in range(size))
    values = lent @ (0 * equity + 1) if given.values is None else numbers.vector(given.values)
    impact = numbers.columns(lent.T, 1 / equity).T
    distress, rounds = (_in_full if differential else _once)(numbers, impact, first)
    total = values.sum() if size else 0
    rank = (values * (distress - first)).sum() / total if total else 0 * numbers.slack
    return Rank(distress.tolist(), rank, rounds)


def _once(numbers: Arithmetic, impact: Vector, first: Vector) -> tuple[Vector, int | None]:
    """Each node passes its distress on in the round after it is first reached, and never again."""
    capped = numbers.capped(impact)
    distress, fresh, spent, rounds = first, first > 0, first < 0, 0
    while fresh.any():
        distress = np.minimum(distress + capped @ np.where(fresh, distress, 0 * distress), 0 * distress + 1)
        spent = spent | fresh
        fresh = (distress > 0) & ~spent
        rounds += 1
    return distress, rounds


def _in_full(numbers: Arithmetic, impact: Vector, first: Vector) -> tuple[Vector, int | None]:
    """The least distress that covers the shock and all that follows from it, nowhere above 1."""
    reached = downstream(impact, first > 0, first >= 0)
    ones = 0 * first + 1
    return settle(numbers, lambda point: first + impact @ point, impact, first, ones, reached & (first < 1), ones), None

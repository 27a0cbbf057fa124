"""The pools in the order of what their failure does to the others: DebtRank over the principal that lines carry.

Every amount counts at the start's prices.  What a pool can lose is what its suppliers and reserves have; what it has
lent to another pool is what the line between them puts at risk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poolproof.spec.protocol import Protocol

from .debtrank import Exposures, debtrank
from .exposure import exposures


@dataclass(frozen=True, slots=True)
class Ranked:
    """A pool: ``rank`` is the share of what all other pools have that its failure takes, differential DebtRank.

    ``distress``: what of what it has itself is gone when every other pool fails.
    """

    pool: str
    rank: float
    distress: float


def ranking(protocol: Protocol, state: Any = None) -> list[Ranked]:
    """Every pool, the one whose failure takes most of the others first."""
    found = exposures(protocol, state)
    places = {pool.id: place for place, pool in enumerate(protocol.pools)}
    had = [0] * len(places)
    lent: dict[tuple[int, int], int] = defaultdict(int)
    for each in found.values():
        had[places[each.pool]] += each.supplied * each.price
        if each.credit is not None:
            ends = places[each.pool], places[each.credit.lender]
            lent[ends] += each.credit.at_risk * found[f"{each.credit.lender}/{each.asset}"].price
    equity = [max(1, value) for value in had]

    debtors = {debtor for debtor, _ in lent}
    rows = []
    for pool, place in places.items():
        claims = sum(amount for (_, lender), amount in lent.items() if lender == place)
        rank = _rank(equity, lent, had, place) if place in debtors else 0.0
        rows.append(Ranked(pool, rank, min(1.0, claims / equity[place])))
    return sorted(rows, key=lambda each: (-each.rank, -each.distress))


def _rank(equity: Sequence[int], lent: Mapping[tuple[int, int], int], had: Sequence[int], place: int) -> float:
    """The share of what all others have that one failure takes."""
    of_others = [0 if each == place else value for each, value in enumerate(had)]
    return float(debtrank(Exposures(equity, lent, of_others), {place: 1}, differential=True).rank)

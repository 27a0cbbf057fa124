"""How far a parameter could go, with the others as proposed.

Each condition holds for an interval of each parameter by itself: it compares sums and products of parameters that are
never negative.  So the ends of what is safe are found by bisection on the conditions themselves, evaluated exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from poolproof.spec.errors import UsageError
from poolproof.spec.fields import Count, DecimalString
from poolproof.spec.protocol import LineConfig, MarketConfig, PoolConfig, RateModelConfig, RewardsConfig, VTokenConfig

from .conditions import Judge, Place
from .files import Change, Proposal

TABLES = {"rate_model": RateModelConfig, "line": LineConfig, "rewards": RewardsConfig, "venus": VTokenConfig}
WELL_FORMED = "the file is well formed"
ILL_FORMED = frozenset((Place(WELL_FORMED, ""),))


@dataclass(frozen=True, slots=True)
class Range:
    """The values that a parameter may have, and what fails one unit beyond each end; nothing where the format ends.

    Limits: conditions that fail whatever this parameter is are left out.
    """

    low: int
    high: int
    below: frozenset[Place] = frozenset()
    above: frozenset[Place] = frozenset()

    def distance(self, value: int) -> int:
        """How far a value is outside."""
        return max(self.low - value, value - self.high, 0)


def bounds_of(change: Change) -> tuple[int, int] | None:
    """The least and the largest value that a file can give to a parameter; None for what is no number."""
    if not change.is_number or change.pool is None:
        return None
    *table, key = change.parameter.split(".")
    fields: Any = TABLES[table[0]] if table else MarketConfig if change.asset is not None else PoolConfig
    found = fields.model_fields.get(key)
    kinds = (each for each in (found.metadata if found is not None else ()) if isinstance(each, DecimalString | Count))
    kind = next(kinds, None)
    return None if kind is None else (kind.minimum, kind.maximum)


def safe_range(proposal: Proposal, change: Change, fails: Judge) -> Range | None:
    """The values around the proposed one, or else around the old one, with which no condition fails that could hold.

    None where the parameter is no number, or where no value was found that is safe.
    """
    bounds = bounds_of(change)
    if bounds is None:
        return None
    known: dict[int, frozenset[Place]] = {}

    def failing_at(value: int) -> frozenset[Place]:
        if value not in known:
            try:
                known[value] = fails(proposal.with_value(change, value))
            except UsageError:
                known[value] = ILL_FORMED
        return known[value]

    tried = [failing_at(value) for value in (*bounds, change.old, change.new)]
    hopeless = frozenset[Place]().union(*tried).intersection(*(each for each in tried if each != ILL_FORMED))

    def broken(value: int) -> frozenset[Place]:
        return failing_at(value) - hopeless

    anchor = next((value for value in (change.new, change.old, *bounds) if not broken(value)), None)
    if anchor is None:
        return None
    low, high = (_end(lambda value: not broken(value), anchor, bound) for bound in bounds)
    return Range(
        low,
        high,
        broken(low - 1) if low > bounds[0] else frozenset(),
        broken(high + 1) if high < bounds[1] else frozenset(),
    )


def _end(holds: Callable[[int], bool], good: int, bound: int) -> int:
    """The last value from a good one towards a bound that is good."""
    if holds(bound):
        return bound
    bad = bound
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good


def responsible(proposal: Proposal, place: Place, fails: Judge, changes: Iterable[Change]) -> tuple[Change, ...] | None:
    """A smallest set of changes, none of which can be left out, with which a condition fails.

    None where it fails without any change.
    """
    chosen = sorted(changes, key=lambda change: _far(change, place))
    if place in _fails(proposal, (), fails):
        return None
    for change in list(reversed(chosen)):
        rest = [each for each in chosen if each is not change]
        if place in _fails(proposal, rest, fails):
            chosen = rest
    return tuple(chosen)


def _fails(proposal: Proposal, changes: Iterable[Change], fails: Judge) -> frozenset[Place]:
    try:
        return fails(proposal.with_changes(changes))
    except UsageError:
        return frozenset()


def _far(change: Change, place: Place) -> tuple[bool, bool, bool, str]:
    """Order changes so that those at a condition's own place come first."""
    named = re.sub(r"[^a-z]+", " ", place.label).replace("collateral factor", "ltv").replace("loan to value", "ltv")
    words = change.parameter.rpartition(".")[2].replace("_", " ")
    return change.pool != place.pool, change.asset != (place.asset or None), words not in named, change.path

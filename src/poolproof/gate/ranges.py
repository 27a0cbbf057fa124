"""How far a parameter could go, with the others as proposed.

Each condition holds for an interval of each parameter by itself: it compares sums and products of parameters that are
never negative.  So the ends of what is safe are found by bisection on the conditions themselves, evaluated exactly, one
condition after the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError
from poolproof.spec.fields import Count, DecimalString
from poolproof.spec.protocol import LineConfig, MarketConfig, PoolConfig, RateModelConfig, RewardsConfig, VTokenConfig

from .conditions import Judge, Place
from .files import Change, Proposal

TABLES = {"rate_model": RateModelConfig, "line": LineConfig, "rewards": RewardsConfig, "venus": VTokenConfig}
WELL_FORMED = Place("the file is well formed", "")
NATURAL = (1, WAD)
"""Values that are tried besides the ends of what a file can say: every two-sided condition holds at one of them."""
NONE_AT_ZERO = ("price_bound",)
"""Keys whose 0 says that there is none; it lies on no scale with the others."""


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
    if kind is None or (key in NONE_AT_ZERO and change.new == 0):
        return None
    return max(kind.minimum, 1) if key in NONE_AT_ZERO else kind.minimum, kind.maximum


class Span:
    """The values of one parameter, with the others as proposed, and what fails at each."""

    def __init__(self, proposal: Proposal, change: Change, fails: Judge) -> None:
        self.proposal, self.change, self.fails = proposal, change, fails
        self.bounds = bounds_of(change)
        self.known: dict[int, frozenset[Place]] = {}

    def failing_at(self, value: int) -> frozenset[Place]:
        """The conditions that fail at a value; of a file that is ill formed nothing else is known."""
        if value not in self.known:
            try:
                self.known[value] = self.fails(self.proposal.with_value(self.change, value))
            except UsageError:
                self.known[value] = frozenset((WELL_FORMED,))
        return self.known[value]

    def moving(self) -> frozenset[Place]:
        """The conditions that hold at some value and fail at another."""
        if self.bounds is None:
            return frozenset()
        low, high = self.bounds
        tried = (low, high, self.change.old, self.change.new, *NATURAL)
        seen = [self.failing_at(value) for value in tried if low <= value <= high]
        failing = frozenset[Place]().union(*seen)
        return failing - failing.intersection(*(each for each in seen if WELL_FORMED not in each))

    def range(self, places: frozenset[Place]) -> Range | None:
        """The values at which all of some conditions hold; None where no value was found, or it is no number."""
        if self.bounds is None:
            return None
        low, high = self.bounds
        for place in sorted(places, key=lambda each: (each != WELL_FORMED, each)):

            def holds(value: int, place: Place = place) -> bool:
                return place not in self.failing_at(value)

            if holds(low) and holds(high):
                continue
            good = next((value for value in sorted(self.known) if low <= value <= high and holds(value)), None)
            if good is None:
                return None
            low, high = _end(holds, good, low), _end(holds, good, high)
        least, most = self.bounds
        return Range(
            low,
            high,
            self.failing_at(low - 1) & places if low > least else frozenset(),
            self.failing_at(high + 1) & places if high < most else frozenset(),
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


def responsible(proposal: Proposal, place: Place, fails: Judge, changes: Sequence[Change]) -> tuple[Change, ...] | None:
    """A smallest set of changes, none of which can be left out, with which a condition fails.

    Those at the condition's own place are preferred.  None where it fails without any change, or holds with all.
    """

    def enough(chosen: Iterable[Change]) -> bool:
        return place in _fails(proposal, chosen, fails)

    if enough(()) or not enough(changes):
        return None
    needed: list[Change] = []
    rest = sorted(changes, key=lambda change: _far(change, place))
    while rest and not enough(needed):
        low, high = 1, len(rest)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if enough((*needed, *rest[:middle])) else (middle + 1, high)
        needed.append(rest[high - 1])
        rest = rest[: high - 1]
    for change in list(needed):
        others = [each for each in needed if each is not change]
        if enough(others):
            needed = others
    return tuple(needed)


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

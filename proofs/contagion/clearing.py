"""Clearing of simultaneous failures: who is paid what when several nodes cannot pay all that they owe.

The model is that of Eisenberg and Noe (2001), with two additions.  Default costs, after Rogers and Veraart (2013): of a
node that defaults, only the share ``kept_assets`` of its own assets and the share ``kept_claims`` of what others pay it
is left to pay with.  Seniority: a node pays its classes of creditors in order, each in full before the next gets
anything, and within a class in proportion to what it owes.

With default costs, or with circular debts that nobody has assets for, several clearings are consistent.  The greatest
pays everybody most and has the fewest defaults; the least is the worst that can be said to happen.
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
    check_numbers,
    downstream,
    settle,
)


@dataclass(frozen=True)
class Obligations:
    """Who owes whom, and what there is to pay with.

    ``assets``: of each node, from outside the network.  ``liabilities``: one mapping for each class of creditors, the
    most senior first, from (debtor, creditor) to the amount.  ``kept_assets`` and ``kept_claims``: what a default
    leaves [share, 1 without default costs].
    """

    assets: Sequence[Number]
    liabilities: Sequence[Entries]
    kept_assets: Number = 1
    kept_claims: Number = 1

    def __post_init__(self) -> None:
        """Refuse what is no amount, no share or no node."""
        check_numbers("asset", self.assets)
        if not self.liabilities:
            raise UsageError("liabilities without a class", cure="give at least one class, which may be empty")
        for owed in self.liabilities:
            check_entries("liability", len(self.assets), owed)
        check_numbers("kept share", (self.kept_assets, self.kept_claims), most=1)


@dataclass(frozen=True)
class Clearing:
    """A clearing: numbers of nodes by position, exact fractions or floats.

    ``paid``: what a node pays in all; ``by_class``: to each class.  ``received``: what it is paid.  ``losses``: what
    it is owed and not paid.  ``costs``: what its default consumes.  ``left``: what it keeps.
    """

    obligations: Obligations
    defaults: frozenset[int]
    owed: Sequence[Number]
    paid: Sequence[Number]
    by_class: tuple[Sequence[Number], ...]
    received: Sequence[Number]
    losses: Sequence[Number]
    costs: Sequence[Number]
    left: Sequence[Number]

    def payments(self) -> tuple[Mapping[tuple[int, int], Number], ...]:
        """(debtor, creditor) -> what is paid, for each class."""
        answers = []
        for owed, paid in zip(self.obligations.liabilities, self.by_class, strict=True):
            totals: dict[int, Number] = {}
            for (debtor, _), amount in owed.items():
                totals[debtor] = totals.get(debtor, 0) + amount
            answers.append(
                {
                    (debtor, creditor): paid[debtor] * amount / totals[debtor]
                    for (debtor, creditor), amount in owed.items()
                    if amount
                }
            )
        return tuple(answers)


class _Equations:
    """What the nodes can pay, given what all pay."""

    def __init__(self, given: Obligations, numbers: Arithmetic) -> None:
        self.size = len(given.assets)
        self.numbers = numbers
        self.assets = numbers.vector(given.assets)
        self.kept_assets, self.kept_claims = numbers.vector((given.kept_assets, given.kept_claims))
        self.nodes = np.arange(self.size)
        zeros = numbers.vector([0] * self.size)
        bounds, self.shares, claims = [zeros], [], zeros
        for owed in given.liabilities:
            matrix = numbers.matrix(self.size, {(to, by): amount for (by, to), amount in owed.items()})
            ones = zeros + 1
            totals = matrix.T @ ones if owed else zeros
            claims = claims + (matrix @ ones if owed else zeros)
            self.shares.append(numbers.columns(matrix, 1 / np.where(totals > 0, totals, ones)))
            bounds.append(bounds[-1] + totals)
        self.bounds = np.array(bounds)
        """Row k: what a node owes to the first k classes."""
        self.owed = self.bounds[-1]
        self.claims = claims

    def by_class(self, paid: Vector) -> list[Vector]:
        """What of a total goes to each class."""
        return [
            np.minimum(np.maximum(paid - low, 0 * low), high - low)
            for low, high in zip(self.bounds[:-1], self.bounds[1:], strict=True)
        ]

    def received(self, paid: Vector) -> Vector:
        """What each node is paid."""
        parts: list[Vector] = [share @ part for share, part in zip(self.shares, self.by_class(paid), strict=True)]
        return sum(parts[1:], parts[0])

    def defaulting(self, received: Vector) -> Vector:
        """Whether a node's assets and income do not cover what it owes."""
        short: Vector = self.owed - (self.assets + received) > self.numbers.slack * self.owed
        return short

    def able(self, received: Vector) -> Vector:
        """What a node that defaults has to pay with."""
        kept: Vector = self.kept_assets * self.assets + self.kept_claims * received
        return kept

    def marginal(self, level: Vector) -> object:
        """How what a node receives grows with what each other node pays, which pays to this class."""
        parts = [
            self.numbers.columns(share, np.where(level == number, self.kept_claims, 0 * self.kept_claims))
            for number, share in enumerate(self.shares)
        ]
        return sum(parts[1:], parts[0])


def clear(given: Obligations, *, greatest: bool = True, exact: bool | None = None) -> Clearing:
    """The greatest clearing, or the least; exact up to `EXACT_NODES` nodes unless told otherwise.

    Fictitious defaults: at first everybody pays all (for the least clearing: nobody pays anything).  Whoever cannot
    pay what was assumed defaults; what those pay is solved for, as long as each goes on paying in the class that it
    pays in; this brings others to default, or to another class, until nothing changes.
    """
    numbers = arithmetic(len(given.assets), exact)
    system = _Equations(given, numbers)
    paid = system.owed if greatest else 0 * system.owed
    # A round moves a node to another class or out of, or into, default, always in the same direction.
    for _ in range((len(system.shares) + 2) * (system.size + 1)):
        following = _round(system, paid, greatest=greatest)
        if following is None:
            return _clearing(given, system, paid)
        paid = following
    raise ArithmeticError("clearing does not come to rest: amounts too far apart for floats")


def _round(system: _Equations, paid: Vector, *, greatest: bool) -> Vector | None:
    """The next assumption of what all pay, or None if this one clears."""
    defaulting = system.defaulting(system.received(paid))
    start = np.where(defaulting, paid, system.owed)
    able = system.able(system.received(start))
    gap = start - able if greatest else able - start
    strained = defaulting & (gap > system.numbers.slack * system.owed)
    if not strained.any():
        return None if (start == paid).all() else start
    inner = system.bounds[1:-1]
    level = (inner < start).sum(axis=0) if greatest else (inner <= start).sum(axis=0)
    slope = system.marginal(level)
    return settle(
        system.numbers,
        lambda point: system.able(system.received(point)),
        slope,
        start,
        system.bounds[level if greatest else level + 1, system.nodes],
        downstream(slope, strained, defaulting),
        system.owed,
    )


def _clearing(given: Obligations, system: _Equations, paid: Vector) -> Clearing:
    """The answer, in plain numbers."""
    received = system.received(paid)
    defaulting = system.defaulting(received)
    had = system.assets + received
    costs = np.where(defaulting, had - system.able(received), 0 * had)
    return Clearing(
        given,
        frozenset(np.flatnonzero(defaulting).tolist()),
        system.owed.tolist(),
        paid.tolist(),
        tuple(part.tolist() for part in system.by_class(paid)),
        received.tolist(),
        (system.claims - received).tolist(),
        costs.tolist(),
        (had - costs - paid).tolist(),
    )

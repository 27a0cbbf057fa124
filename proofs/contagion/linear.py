"""Numbers of a contagion analysis: exact fractions on dense matrices, or floats on sparse ones, behind one interface.

Both are numpy vectors, so that one text of an algorithm reads the same in both.  `settle` solves what clearing and
DebtRank have in common: a map that is linear between two bounds and held at one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Any, Protocol, TypeAlias

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import bicgstab, spsolve

from poolproof.spec.errors import UsageError

Number: TypeAlias = int | Fraction | float
Vector: TypeAlias = np.ndarray[Any, Any]
Entries: TypeAlias = Mapping[tuple[int, int], Number]
"""(row, column) -> number; what is missing is zero."""

EXACT_NODES = 60
"""Up to so many nodes, an analysis is exact unless told otherwise."""


DIRECT_EQUATIONS = 300
REFINEMENTS = 20


class Arithmetic(Protocol):
    """What the algorithms need of a kind of number."""

    slack: Any
    """Differences up to this, relative to the size of what is compared, are taken for rounding."""

    def vector(self, values: Iterable[Number]) -> Vector:
        """A vector of these numbers."""
        ...

    def matrix(self, size: int, entries: Entries) -> Any:
        """A square matrix."""
        ...

    def columns(self, matrix: Any, factors: Vector) -> Any:
        """The matrix, each column times its factor."""
        ...

    def capped(self, matrix: Any) -> Any:
        """The matrix, no entry above 1."""
        ...

    def solve(self, slope: Any, constant: Vector, scale: Vector) -> Vector:
        """The x with x = constant + slope x, as exact as rounding allows beside this scale."""
        ...


@dataclass(frozen=True)
class _Exact(Arithmetic):
    """Fractions in dense matrices: nothing is rounded."""

    slack: Fraction = Fraction(0)

    def vector(self, values: Iterable[Number]) -> Vector:
        """A vector of fractions; a float stands for the fraction that it is."""
        numbers = [Fraction(value) for value in values]
        vector = np.empty(len(numbers), dtype=object)
        vector[:] = numbers
        return vector

    def matrix(self, size: int, entries: Entries) -> Vector:
        """A dense matrix of fractions."""
        matrix = np.full((size, size), Fraction(0), dtype=object)
        for place, value in entries.items():
            matrix[place] = Fraction(value)
        return matrix

    def columns(self, matrix: Vector, factors: Vector) -> Vector:
        """The matrix, each column times its factor."""
        return matrix * factors

    def capped(self, matrix: Vector) -> Vector:
        """The matrix, no entry above 1."""
        return np.minimum(matrix, 1)

    def solve(self, slope: Vector, constant: Vector, scale: Vector) -> Vector:
        """Bareiss's elimination on integers; raises ZeroDivisionError where there is no single solution.

        Each column is multiplied by its denominators, which the unknowns then carry.
        """
        size = len(constant)
        left = -slope
        left[np.arange(size), np.arange(size)] += 1
        table = np.column_stack([left, constant])
        scales = [math.lcm(*(value.denominator for value in column)) for column in table.T]
        for column, lcm in enumerate(scales):
            table[:, column] = [value.numerator * (lcm // value.denominator) for value in table[:, column]]
        before = 1
        for column in range(size):
            pivot = next((row for row in range(column, size) if table[row, column]), None)
            if pivot is None:
                raise ZeroDivisionError("the equations have no single solution")
            table[[column, pivot]] = table[[pivot, column]]
            now, below = table[column, column], slice(column + 1, None)
            changed = now * table[below, column:] - np.outer(table[below, column], table[column, column:])
            table[below, column:] = changed // before
            before = now
        unknowns = table[:, size]  # in the end times the determinant, which makes them whole
        for row in reversed(range(size)):
            known = table[row, row + 1 : size] @ unknowns[row + 1 :] if row + 1 < size else 0
            unknowns[row] = (before * unknowns[row] - known) // table[row, row]
        return self.vector(
            Fraction(unknown * lcm, before * scales[-1]) for unknown, lcm in zip(unknowns, scales[:-1], strict=True)
        )


@dataclass(frozen=True)
class _Sparse(Arithmetic):
    """Floats in sparse matrices."""

    slack: float = 1e-10

    def vector(self, values: Iterable[Number]) -> Vector:
        """A vector of floats."""
        return np.array([float(value) for value in values], dtype=float)

    def matrix(self, size: int, entries: Entries) -> Any:
        """A matrix in compressed rows."""
        places = np.array(list(entries), dtype=np.int64).reshape(-1, 2)
        return sparse.csr_array((self.vector(entries.values()), (places[:, 0], places[:, 1])), shape=(size, size))

    def columns(self, matrix: Any, factors: Vector) -> Any:
        """The matrix, each column times its factor."""
        return matrix @ sparse.diags_array(factors.astype(float), format="csr")

    def capped(self, matrix: Any) -> Any:
        """The matrix, no entry above 1."""
        answer = matrix.copy()
        np.minimum(answer.data, 1, out=answer.data)
        return answer

    def solve(self, slope: Any, constant: Vector, scale: Vector) -> Vector:
        """Stabilised biconjugate gradients, refined; sparse LU for few equations, and where gradients do not get there.

        LU of a network without locality fills in, and takes the cube of its nodes.
        """
        left = sparse.eye_array(len(constant), format="csc") - slope.tocsc()
        if len(constant) > DIRECT_EQUATIONS:
            unknowns = constant
            for _ in range(REFINEMENTS):
                rest = constant - left @ unknowns
                if (np.abs(rest) <= self.slack / 1_000 * scale).all():
                    return unknowns
                unknowns = unknowns + bicgstab(left, rest, rtol=1e-8, maxiter=200)[0]
        solution: Any = spsolve(left, constant)
        return np.atleast_1d(solution)


EXACT = _Exact()
SPARSE = _Sparse()


def arithmetic(size: int, exact: bool | None) -> Arithmetic:
    """What is asked for; if nothing is, exact up to `EXACT_NODES`."""
    return EXACT if (size <= EXACT_NODES if exact is None else exact) else SPARSE


def settle(
    numbers: Arithmetic,
    value: Callable[[Vector], Vector],
    slope: Any,
    start: Vector,
    bound: Vector,
    free: Vector,
    scale: Vector,
) -> Vector:
    """Where the free parts come to rest between a bound and where they start; the others stay.

    A free part is where `value` puts it, or at its bound if `value` would put it beyond.  `value` is monotone, and
    linear in the free parts with `slope` between `bound` and `start`.  From the bound, parts are let go as soon as
    `value` pulls them towards the start; what is once let go never comes back to the bound, so there are at most as
    many rounds as free parts.
    """
    point = np.where(free, bound, start)
    towards = np.where(bound <= start, 1, -1)
    loose = np.zeros(len(point), dtype=bool)
    while True:
        pulled = free & ~loose & ((value(point) - point) * towards > numbers.slack * scale)
        if not pulled.any():
            return point
        loose |= pulled
        chosen = np.flatnonzero(loose)
        inner = slope[chosen][:, chosen]
        point[chosen] = numbers.solve(inner, value(point)[chosen] - inner @ point[chosen], scale[chosen])


def downstream(slope: Any, source: Vector, among: Vector) -> Vector:
    """What the source reaches along non-zero entries of the slope (from column to row), itself included."""
    pattern = slope != 0
    reached = source & among
    while True:
        wider = reached | (among & ((pattern @ reached.astype(int)) > 0))
        if (wider == reached).all():
            return reached
        reached = wider


def check_numbers(what: str, values: Iterable[Number], most: Number | None = None) -> None:
    """Every value is a finite number that is not negative, and at most `most`.

    Refuses: anything else, with a `UsageError` that says which.
    """
    for place, value in enumerate(values):
        number = isinstance(value, (Rational, float, np.floating)) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise UsageError(f"{what} number {place} is {value!r}", cure="give a finite number")
        if value < 0:
            raise UsageError(f"{what} number {place} is {value}, negative", cure="give a number that is not negative")
        if most is not None and value > most:
            raise UsageError(f"{what} number {place} is {value}, above {most}", cure=f"give at most {most}")


def check_entries(what: str, size: int, entries: Entries) -> None:
    """Every entry joins two different nodes of the network, and holds an amount.

    Refuses: anything else, with a `UsageError` that says which.
    """
    for source, target in entries:
        if not (0 <= source < size and 0 <= target < size):
            raise UsageError(f"{what} between {source} and {target}, of {size} nodes", cure="name nodes that there are")
        if source == target:
            raise UsageError(f"{what} of node {source} with itself", cure="leave it out")
    check_numbers(what, entries.values())


def check_length(what: str, values: Sequence[Number], size: int) -> None:
    """There is one value for each node.

    Refuses: another number of values, with a `UsageError`.
    """
    if len(values) != size:
        raise UsageError(f"{len(values)} {what} for {size} nodes", cure="give one for each node")

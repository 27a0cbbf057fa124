"""Values of terms: integers for the atoms that are free, and what follows from the definitions for all others.

A run of the model on integers gives every free atom of the symbolic reading a value.  Whatever a space has recorded
must then be true: a fact that is not would let a proof speak of states that do not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .terms import Fact, Formula, Key, Monomial, Node, Space, Term


class Undetermined(Exception):
    """The facts about an atom leave it no value, or more than one."""


class Valuation:
    """The values of a space's atoms.  ``given(name)`` is asked for atoms that no fact defines; None: not known."""

    def __init__(self, space: Space, given: Callable[[str], Any]) -> None:
        self.space = space
        self.given = given
        self.values: dict[int, int] = {}
        self._definitions: dict[int, list[Node]] = {}
        self._read = 0

    def assign(self, term: Term, value: int) -> None:
        """Give the atom of a variable its value."""
        ((monomial, _),) = term.poly.items()
        (atom,) = monomial
        self.values[atom] = value

    def come_back(self) -> None:
        """Follow a space that was reset to a mark: what it records from now on is read."""
        self._read = min(self._read, len(self.space.facts))

    # --- reading -----------------------------------------------------------------------------------------------

    def number(self, term: Any) -> int:
        """The value of a number."""
        return self._sum(tuple(term.poly.items())) if isinstance(term, Term) else int(term)

    def truth(self, condition: Any) -> bool:
        """The truth of a condition."""
        return self.holds(condition.node) if isinstance(condition, Formula) else bool(condition)

    def holds(self, node: Node) -> bool:
        """Whether a formula is true."""
        kind = node[0]
        if kind == "ge":
            return self._sum(node[1]) >= 0
        if kind == "eq":
            return self._sum(node[1]) == 0
        if kind == "ne":
            return self._sum(node[1]) != 0
        if kind == "var":
            return bool(self.atom(node[1])) is node[2]
        if kind == "and":
            return all(self.holds(part) for part in node[1])
        return any(self.holds(part) for part in node[1])

    def atom(self, atom: int) -> int:
        """The value of an atom: one that was given, or the only one that its definition leaves."""
        value = self.values.get(atom)
        if value is None:
            value = self.values[atom] = self._determined(atom)
        return value

    def false_facts(self, start: int = 0) -> list[Fact]:
        """The facts of the space, from one on, that are not true."""
        return [fact for fact in self.space.facts[start:] if not self.holds(fact.node)]

    def misjudged_signs(self, start: int = 0) -> list[str]:
        """The names of the atoms, from one on, whose value is not of the sign that the space takes for granted."""
        wrong = []
        for number, atom in enumerate(self.space.atoms[start:], start=start):
            if atom.sign != "any" and self.atom(number) < (atom.sign == "positive"):
                wrong.append(atom.name)
        return wrong

    # --- working out -------------------------------------------------------------------------------------------

    def _sum(self, poly: Key) -> int:
        total = 0
        for monomial, coefficient in poly:
            total += coefficient * self._product(monomial)
        return total

    def _product(self, monomial: Monomial) -> int:
        product = 1
        for atom in monomial:
            product *= self.atom(atom)
        return product

    def _definition(self, atom: int) -> list[Node]:
        facts = self.space.facts
        for fact in facts[self._read :]:
            if fact.of is not None:
                self._definitions.setdefault(fact.of, []).append(fact.node)
        self._read = len(facts)
        return self._definitions.get(atom, [])

    def _determined(self, atom: int) -> int:
        name = self.space.atoms[atom].name
        found = self.given(name)
        if found is not None:
            return int(found)
        nodes = self._definition(atom)
        proposed = {value for node in nodes for value in self._proposed(node, atom)} or self._between(nodes, atom)
        fitting = []
        for value in proposed:
            self.values[atom] = value
            if all(self.holds(node) for node in nodes):
                fitting.append(value)
            del self.values[atom]
        if len(fitting) != 1:
            raise Undetermined(f'"{name}" can be {fitting or "no number"}; its definition must leave one value')
        return fitting[0]

    def _proposed(self, node: Node, atom: int) -> set[int]:
        """The values for which an equation, or one among alternatives, holds."""
        if node[0] in ("and", "or"):
            return {value for part in node[1] for value in self._proposed(part, atom)}
        if node[0] != "eq" or all(atom not in monomial for monomial, _ in node[1]):
            return set()
        slope, rest = self._linear(node[1], atom)
        return {-rest // slope} if slope and rest % slope == 0 else set()

    def _between(self, nodes: list[Node], atom: int) -> set[int]:
        """The value that lower and upper bounds enclose, if they do."""
        low: int | None = None
        high: int | None = None
        for node in nodes:
            if node[0] != "ge":
                continue
            slope, rest = self._linear(node[1], atom)
            if slope > 0:
                bound = -(rest // slope)
                low = bound if low is None or bound > low else low
            elif slope < 0:
                bound = rest // -slope
                high = bound if high is None or bound < high else high
        return {low, high} if low is not None and high is not None and low == high else set()

    def _linear(self, poly: Key, atom: int) -> tuple[int, int]:
        """A polynomial as slope x atom + rest."""
        slope = rest = 0
        for monomial, coefficient in poly:
            if monomial.count(atom) > 1:
                raise Undetermined(f'"{self.space.atoms[atom].name}" is defined by a power of itself')
            others = tuple(other for other in monomial if other != atom)
            value = coefficient * self._product(others)
            if len(others) == len(monomial):
                rest += value
            else:
                slope += value
        return slope, rest

"""Shapes: symbolic states under names that do not depend on the order in which their parts arose.

Two runs that do independent things in another order end in the same shape, and so do two that differ in the names of
users alone; an action that changes nothing keeps the shape.  Equal shapes stand for equal sets of states.  States that
are equal for a deeper reason may have different shapes: that costs time, never truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from itertools import permutations
from typing import Any, TypeAlias

from poolproof.spec.state import Account, Ledger, Record, Table

from .paths import Path
from .sequences import Done, variables
from .snapshots import slots_of
from .terms import Node, Term, node_atoms

ITSELF = -1
"""What stands for an atom in its own definition."""

Conditions: TypeAlias = frozenset[int]


class Shapes:
    """The shapes that a search has seen, each with a number, and what is known of them."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._seen: dict[int, list[tuple[int, Conditions]]] = {}

    def number(self, shape: Any) -> int:
        """The number of a shape, the same through a whole search."""
        return self._numbers.setdefault(shape, len(self._numbers))

    def is_new(self, path: Path, state: Any, done: Done, users: tuple[Account, ...], depth: int) -> bool:
        """Whether no state with this shape was kept, at the same depth or before, under at most these conditions."""
        named = variables(done)
        self.shape = min((Shape(self, path, named, order, state) for order in _orders(users)), key=_number)
        return not any(
            known_depth <= depth and conditions <= self.shape.live_conditions
            for known_depth, conditions in self._seen.get(self.shape.number, ())
        )

    def keep(self, depth: int) -> None:
        """Keep the state that was looked at last."""
        self._seen.setdefault(self.shape.number, []).append((depth, self.shape.conditions))


def _orders(users: tuple[Account, ...]) -> Iterable[dict[Account, Account]]:
    return (dict(zip(users, order, strict=True)) for order in permutations(users))


class Shape:
    """The shape of what one path has reached, with some users renamed."""

    def __init__(
        self,
        shapes: Shapes,
        path: Path,
        variables: dict[int, tuple[Any, ...]],
        renamed: dict[Account, Account],
        state: Any,
    ) -> None:
        self._shapes, self._path, self._renamed = shapes, path, renamed
        self._known = {
            atom: shapes.number(tuple(renamed.get(part, part) for part in name)) for atom, name in variables.items()
        }
        self._definitions: dict[int, list[Node]] = {}
        for fact in path.space.facts:
            if fact.of is not None:
                self._definitions.setdefault(fact.of, []).append(fact.node)
        self._read: set[int] = set()
        self.number = shapes.number(self._value(state))

    @property
    def conditions(self) -> Conditions:
        """What the path has assumed and decided."""
        return frozenset(self._shapes.number(self._node(fact.node)) for fact in self._path.conditions)

    @property
    def live_conditions(self) -> Conditions:
        """What of it bears on the state."""
        free: dict[int, frozenset[int]] = {}
        live = frozenset().union(*(self._variables(atom, free) for atom in self._read))
        return frozenset(
            self._shapes.number(self._node(fact.node))
            for fact in self._path.conditions
            if any(not live.isdisjoint(self._variables(atom, free)) for atom in fact.atoms)
        )

    # --- states ---------------------------------------------------------------------------------------------------

    def _value(self, value: Any) -> Any:
        if value is None or isinstance(value, int | str):
            return value
        if isinstance(value, Term):
            for monomial in value.poly:
                self._read.update(monomial)
            constant = value.constant
            return self._poly(value.poly.items()) if constant is None else constant
        if isinstance(value, Ledger):
            entries = ((self._renamed.get(account, account), self._value(entry)) for account, entry in value.items())
            return frozenset(entry for entry in entries if entry[1] != 0)
        if isinstance(value, Table):
            return tuple(self._value(record) for record in value.values())
        if isinstance(value, Record):
            return tuple(self._value(getattr(value, name)) for name in written(value))
        if is_dataclass(value) and not isinstance(value, type):
            return (type(value).__name__, *(self._value(getattr(value, field.name)) for field in fields(value)))
        raise TypeError(f"a state holds {type(value).__name__}, which has no shape")

    # --- formulas and atoms ---------------------------------------------------------------------------------------

    def _node(self, node: Node) -> Any:
        if node[0] in ("ge", "eq", "ne"):
            return (node[0], self._poly(node[1]))
        if node[0] == "var":
            return ("var", self._atom(node[1]), node[2])
        return (node[0], frozenset(self._node(part) for part in node[1]))

    def _poly(self, items: Iterable[tuple[tuple[int, ...], int]]) -> Any:
        return tuple(sorted((tuple(sorted(self._atom(atom) for atom in monomial)), c) for monomial, c in items))

    def _atom(self, atom: int) -> int:
        """The number of a variable's name, or of a definition."""
        number = self._known.get(atom)
        if number is None:
            self._known[atom] = ITSELF
            definition = frozenset(self._node(node) for node in self._definitions.get(atom, ()))
            shape = definition or self._path.space.atoms[atom].name
            number = self._known[atom] = self._shapes.number(shape)
        return number

    def _variables(self, atom: int, free: dict[int, frozenset[int]]) -> frozenset[int]:
        """The variables on which an atom depends."""
        if atom not in free:
            parts = {part for node in self._definitions.get(atom, ()) for part in node_atoms(node)} - {atom}
            free[atom] = frozenset().union(*(self._variables(part, free) for part in parts)) or frozenset((atom,))
        return free[atom]


def _number(shape: Shape) -> int:
    return shape.number


_written: dict[type, tuple[str, ...]] = {}


def written(record: Record) -> tuple[str, ...]:
    """The names of what actions can change in a record: its scalars and ledgers, and the tables and records below it."""
    names = _written.get(type(record))
    if names is None:
        below = (name for name in slots_of(type(record)) if isinstance(getattr(record, name), Table | Record))
        names = (*record.scalars, *record.ledgers, *(name for name in below if name != "feed"))
        _written[type(record)] = names
    return names

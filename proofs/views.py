"""States to look at: records that are made once for each value of a part, put together without copying.

While only a part is shown, a gate keeps the tables shut: a question that looks into one is put again later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poolproof.spec.state import Account, Journal, Ledger, Table

from .components import Components, Numbers, Sums, write
from .snapshots import slots_of


class ReadsMore(Exception):
    """A table was looked at while only a part of the state was shown: ask again where all of it is."""


class Gate:
    """Whether the tables of views may be looked at: when every part is shown."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open = False


class ViewTable(Table[Any]):
    """A table of twins.  The terms of a sum over an account's records are worked out once for each twin."""

    __slots__ = ("gate", "known", "sums")

    def __init__(self, gate: Gate) -> None:
        super().__init__(Journal(), {})
        self.gate = gate
        self.sums: dict[str, Sums] = {}
        self.known: Sums = {}
        """The sums of the state that is shown."""

    def __getitem__(self, name: str) -> Any:
        if not self.gate.open:
            raise ReadsMore
        return dict.__getitem__(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """The record of a name."""
        if not self.gate.open:
            raise ReadsMore
        return dict.get(self, name, default)

    def values(self) -> Any:
        """All records."""
        if not self.gate.open:
            raise ReadsMore
        return dict.values(self)

    def items(self) -> Any:
        """All records with their names."""
        if not self.gate.open:
            raise ReadsMore
        return dict.items(self)

    def sum_over(self, account: Account, term: Callable[..., Any], *arguments: Any) -> Any:
        """The sum of ``term(record, account, *arguments)`` over the records that count for an account."""
        if not self.gate.open:
            raise ReadsMore
        key = (term, account, arguments)
        total = self.known.get(key)
        if total is not None:
            return total
        if getattr(term, "__closure__", term):  # what a closure holds may change between two calls
            return super().sum_over(account, term, *arguments)
        total = 0
        for name, sums in self.sums.items():
            value = sums.get(key)
            if value is None:
                record = dict.__getitem__(self, name)
                value = sums[key] = term(record, account, *arguments) if record.entered[account] else 0
            total += value
        self.known[key] = total
        return total

    def put(self, name: str, twin: Any, sums: Sums) -> None:
        """Put a twin in its place, with what is known of it."""
        dict.__setitem__(self, name, twin)
        self.sums[name] = sums
        self.known = {}


class View:
    """A state to look at: twins in the place of its records, behind a gate."""

    def __init__(self, components: Components, gate: Gate) -> None:
        live = components.state
        self.components = components
        self.state = object.__new__(type(live))
        self.state.stamp_ = -1
        self.tables: dict[str, ViewTable] = {}
        for name in slots_of(type(live)):
            value = getattr(live, name)
            if isinstance(value, Table):
                value = self.tables[name] = ViewTable(gate)
            elif isinstance(value, Ledger):
                value = Ledger(Journal(), value)
            setattr(self.state, name, value)
        self.own = [(self.state, [getattr(self.state, name) for name in live.ledgers])]
        self.loaded = [-1] * len(components.parts)

    def load(self, numbers: Numbers) -> None:
        """Show a state."""
        loaded = self.loaded
        for part, number in enumerate(numbers):
            if loaded[part] != number:
                self.show(part, number)
        self.tables["markets"].known = self.components.sums_of_state(numbers)

    def show_part(self, own: int, part: int, number: int) -> None:
        """Show the state's own fields and one part; the other parts show what they showed before."""
        if self.loaded[0] != own:
            self.show(0, own)
        if self.loaded[part] != number:
            self.show(part, number)

    def show(self, part: int, number: int) -> None:
        """Show one part with a value."""
        self.loaded[part] = number
        if part == 0:
            write(self.own, self.components.parts[0].values[number])
            return
        for (table, name), twin in self.components.twins(part, number).items():
            self.put(table, name, twin)

    def put(self, table: str, name: str, twin: Any) -> None:
        """Show a twin in a place."""
        self.tables[table].put(name, twin, self.components.sums_of(twin))

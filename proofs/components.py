"""A state as a few numbers: each part of it is stored once, and a state says which value each part has.

Part 0 is the state's own fields; every other part is a record of the state's tables with all records that it
leads to, such as a market with its price.  An action rarely touches more than one part, so values of parts
repeat far more often than states do: a state is a small tuple, and what depends on one part alone is found
out once for each value.  What is read is watched, not assumed: only what was not read is left out of a key.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any, TypeAlias

from poolproof.spec.state import Account, Journal, Ledger, Record, Table

from .snapshots import slots_of

Numbers: TypeAlias = tuple[int, ...]
"""A state: the number of the value of each part."""
Value: TypeAlias = tuple[tuple[Any, ...], ...]
"""A part's content: for each record its scalars, then each of its ledgers in the order of the accounts."""


Sums: TypeAlias = dict[Any, Any]
"""Sums over an account's records, or their terms, that were worked out before."""
MOST_STATES_WITH_SUMS = 20_000
"""Most states whose sums are kept; they are then forgotten together."""


class UnknownAccount(Exception):
    """An action wrote the ledger entry of an account that nobody had named: start again, and name it."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.account = account


class QuickJournal(Journal):
    """A journal of plain numbers: what an action only read is not written again."""

    __slots__ = ()

    def undo(self) -> None:
        """Put back everything that the current action changed."""
        for thing, key, old in reversed(self.entries):
            if key is not None:
                dict.__setitem__(thing, key, old)
            elif thing.saved_ != old:
                thing.restore_(None, old)
        self.begin()


class Watch:
    """What an action read: ``parts`` has a bit for each part, ``everything`` has all of them."""

    __slots__ = ("everything", "parts")

    def __init__(self) -> None:
        self.parts = 0
        self.everything = 0


class WatchedTable(Table[Any]):
    """A table that notes which of its records are read; anything but looking up one counts as reading all."""

    __slots__ = ("bits", "watch")

    def __init__(self, journal: Journal, records: dict[str, Any], watch: Watch, bits: dict[str, int]) -> None:
        super().__init__(journal, records)
        self.watch, self.bits = watch, bits

    def __getitem__(self, name: str) -> Any:
        self.watch.parts |= self.bits[name]
        return Table.__getitem__(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """The record of a name."""
        self.watch.parts = self.watch.everything
        return dict.get(self, name, default)

    def values(self) -> Any:
        """All records."""
        self.watch.parts = self.watch.everything
        return dict.values(self)

    def items(self) -> Any:
        """All records with their names."""
        self.watch.parts = self.watch.everything
        return dict.items(self)


class Part:
    """Records that are stored together, and every value that they have had."""

    def __init__(self, number: int, places: list[tuple[str, str, Any]], users: tuple[Account, ...]) -> None:
        self.position = number
        self.places = places
        """Table, name in it, and live record."""
        self.records = [(record, [getattr(record, name) for name in record.ledgers]) for *_, record in places]
        self.numbers: dict[Value, int] = {}
        self.values: list[Value] = []
        self.images: list[Numbers] = []
        """For each value: what it becomes under each permutation of the users, the identity first."""
        self.twins: list[dict[tuple[str, str], Any] | None] = []
        self.present: list[frozenset[Account]] = []
        """For each value: the accounts that have something in one of its ledgers."""
        self.times: list[tuple[int, ...]] = []
        """For each value: when each of its markets was last accrued."""
        self._orders = self._source_orders(users)
        self._when = self._accrual_times()

    def _source_orders(self, users: tuple[Account, ...]) -> list[list[Numbers | None]]:
        """For each permutation of the users, where each ledger's entries come from; None for scalars."""
        orders: list[list[Numbers | None]] = []
        for permuted in permutations(users):
            came_from = dict(zip(users, permuted, strict=True))  # the first user gets what permuted[0] had
            order: list[Numbers | None] = []
            for _, ledgers in self.records:
                order.append(None)
                for ledger in ledgers:
                    places = {account: place for place, account in enumerate(ledger)}
                    order.append(tuple(places[came_from.get(account, account)] for account in ledger))
            orders.append(order)
        return orders

    def _accrual_times(self) -> list[tuple[int, int]]:
        """Where in a value, and where among its scalars, each record says when it was last accrued."""
        found, position = [], 0
        for record, ledgers in self.records:
            if "accrued_at" in record.scalars:
                found.append((position, record.scalars.index("accrued_at")))
            position += 1 + len(ledgers)
        return found

    def read(self) -> int:
        """The number of the live value."""
        value: list[tuple[Any, ...]] = []
        for record, ledgers in self.records:
            value.append(record.saved_ if record.scalars else ())
            value += [tuple(ledger.values()) for ledger in ledgers]
        return self.number(tuple(value))

    def number(self, value: Value) -> int:
        """The number of a value; a new one is stored with its images."""
        known = self.numbers.get(value)
        return self._store(value) if known is None else known

    def _store(self, value: Value) -> int:
        if any(len(entries) != len(order) for entries, order in zip(value, self._orders[0], strict=True) if order):
            raise UnknownAccount(self._unknown_account())
        members = list(dict.fromkeys(self._permuted(value, order) for order in self._orders))
        for member in members:
            self.numbers[member] = len(self.values)
            self.values.append(member)
            self.twins.append(None)
            self.present.append(self._present(member))
            self.times.append(tuple(member[place][scalar] for place, scalar in self._when))
        self.images += [tuple(self.numbers[self._permuted(m, order)] for order in self._orders) for m in members]
        return self.numbers[value]

    def _present(self, value: Value) -> frozenset[Account]:
        """The accounts that have something in one of the ledgers."""
        content = iter(value)
        present: set[Account] = set()
        for _, ledgers in self.records:
            next(content)
            for ledger in ledgers:
                present.update(a for a, entry in zip(ledger, next(content), strict=True) if entry)
        return frozenset(present)

    @staticmethod
    def _permuted(value: Value, order: list[Numbers | None]) -> Value:
        return tuple(
            entries if places is None else tuple([entries[place] for place in places])
            for entries, places in zip(value, order, strict=True)
        )

    def _unknown_account(self) -> Account:
        """The account that a ledger has and the others do not."""
        ledgers = [ledger for _, ledgers in self.records for ledger in ledgers]
        longest: Ledger = max(ledgers, key=len)
        return list(longest)[-1]

    def load(self, number: int) -> None:
        """Give the live records a value."""
        write(self.records, self.values[number])


def write(records: list[tuple[Any, list[Ledger]]], value: Value) -> None:
    """Give records the content of a value, and log it nowhere."""
    content = iter(value)
    for record, ledgers in records:
        scalars = next(content)
        if scalars:
            record.restore_(None, scalars)
        for ledger in ledgers:
            dict.update(ledger, zip(ledger, next(content), strict=True))


class Components:
    """The parts of one live state: read it as numbers, set it to numbers."""

    def __init__(self, state: Any, users: tuple[Account, ...], strangers: tuple[Account, ...]) -> None:
        self.state = state
        self.watch = Watch()
        state.journal = QuickJournal()
        tables = {
            name: getattr(state, name) for name in slots_of(type(state)) if isinstance(getattr(state, name), Table)
        }
        groups = _groups(tables)
        self._name_accounts([state, *(r for group in groups for *_, r in group)], users + strangers)
        self.parts = [Part(0, [("", "", state)], users)]
        self.parts += [Part(number, group, users) for number, group in enumerate(groups, start=1)]
        self.watch.everything = (2 << len(groups)) - 2
        for table_name, table in tables.items():
            bits = {
                name: 1 << part.position for part in self.parts for place, name, _ in part.places if place == table_name
            }
            setattr(state, table_name, WatchedTable(state.journal, dict(table), self.watch, bits))
        self.part_of = {id(r): part.position for part in self.parts for r, _ in part.records}
        self.part_of |= {
            id(ledger): part.position for part in self.parts for _, ledgers in part.records for ledger in ledgers
        }
        self.loaded = [part.read() for part in self.parts]
        self._sums_of_states: dict[Numbers, Sums] = {}
        self._sums: dict[int, tuple[Any, Sums]] = {}

    @staticmethod
    def _name_accounts(records: list[Any], accounts: tuple[Account, ...]) -> None:
        """Give every ledger the state's journal, and an entry for every account, always in one order."""
        for record in records:
            for name in record.ledgers:
                ledger = getattr(record, name)
                ledger.journal = records[0].journal
                nothing = False if isinstance(next(iter(ledger.values()), 0), bool) else 0
                for account in accounts:
                    dict.setdefault(ledger, account, nothing)

    def load(self, numbers: Numbers) -> None:
        """Set the live state."""
        loaded = self.loaded
        for part, number in enumerate(numbers):
            if loaded[part] != number:
                self.parts[part].load(number)
                loaded[part] = number

    def read(self) -> Numbers:
        """The live state."""
        self.loaded = [part.read() for part in self.parts]
        return tuple(self.loaded)

    def after(self, olds: Numbers) -> tuple[set[int], Numbers]:
        """What the last action on a state touched, and the state that it led to; then undo it."""
        touched, changed = {0}, set()
        part_of, journal = self.part_of, self.state.journal
        for thing, key, old in journal.entries:
            part = part_of[id(thing)]
            touched.add(part)
            if part not in changed and (thing.saved_ if key is None else thing[key]) != old:
                changed.add(part)
        news = list(olds)
        for part in changed:
            news[part] = self.parts[part].read()
        journal.undo()
        return touched, tuple(news)

    def renamed(self, numbers: Numbers) -> list[Numbers]:
        """The states that differ from a state only in the users' names: one for each permutation."""
        images = [part.images[number] for part, number in zip(self.parts, numbers, strict=True)]
        return list(zip(*images, strict=True))

    def times(self, part: int, number: int) -> tuple[int, ...]:
        """When each market of a part was last accrued."""
        return self.parts[part].times[number]

    # --- twins --------------------------------------------------------------------------------------------

    def sums_of_state(self, numbers: Numbers) -> Sums:
        """What is kept of sums for a state."""
        if len(self._sums_of_states) > MOST_STATES_WITH_SUMS:
            self._sums_of_states.clear()
        return self._sums_of_states.setdefault(numbers, {})

    def sums_of(self, twin: Any) -> Sums:
        """What is kept of sums for a twin; the twin is kept with it, so that its identity stays its own."""
        kept: tuple[Any, Sums] = self._sums.setdefault(id(twin), (twin, {}))
        return kept[1]

    def twins(self, position: int, number: int) -> dict[tuple[str, str], Any]:
        """The records of a part with a value, by table and name; made once, and never written."""
        part = self.parts[position]
        made = part.twins[number]
        if made is None:
            made = part.twins[number] = self.new_twins(position, number)
        return made

    def new_twins(self, position: int, number: int) -> dict[tuple[str, str], Any]:
        """Records of a part with a value, that may be written."""
        part, journal = self.parts[position], Journal()
        copies: dict[int, Any] = {}
        for record, _ in part.records:
            twin = copies[id(record)] = object.__new__(type(record))
            twin.stamp_ = -1
            for name in slots_of(type(record)):
                setattr(twin, name, getattr(record, name))
            for name in record.ledgers:
                setattr(twin, name, Ledger(journal, getattr(record, name)))
        for twin in copies.values():
            for name in slots_of(type(twin)):
                if isinstance(getattr(twin, name), Record):
                    setattr(twin, name, copies[id(getattr(twin, name))])
        write([(t, [getattr(t, name) for name in t.ledgers]) for t in copies.values()], part.values[number])
        return {(table, name): copies[id(record)] for table, name, record in part.places}


def _groups(tables: dict[str, Table[Any]]) -> list[list[tuple[str, str, Any]]]:
    """The records of tables, each together with those that it leads to."""
    places = [(table, name, record) for table, records in tables.items() for name, record in records.items()]
    group_of = {id(record): {id(record)} for *_, record in places}
    for *_, record in places:
        for linked in _linked(record):
            merged = group_of[id(record)] | group_of[id(linked)]
            for member in merged:
                group_of[member] = merged
    groups: dict[int, list[tuple[str, str, Any]]] = {}
    for place in places:
        groups.setdefault(min(group_of[id(place[2])]), []).append(place)
    return list(groups.values())


def _linked(record: Any) -> list[Any]:
    """The records that a record's own slots lead to."""
    slots = [getattr(record, name) for name in slots_of(type(record))]
    through_tables = [entry for slot in slots if isinstance(slot, Table) for entry in slot.values()]
    return [slot for slot in slots if isinstance(slot, Record)] + through_tables

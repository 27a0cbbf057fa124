"""State: records, ledgers and tables of records, with an undo journal.

An action either completes or leaves the state as it was.  Whatever an action reads through a ``Table`` is
saved before it can be written, and every write to a ``Ledger`` is logged, so rolling back costs what the
action touched and no write can be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, ClassVar, Generic, Self, TypeVar

from .arithmetic import Number

Account = str
"""The name of an account: a user, a market's vault, a treasury."""


class Journal:
    """What the current action touched, in order, with what was there before."""

    __slots__ = ("entries", "stamp")

    def __init__(self) -> None:
        self.entries: list[tuple[Any, Any, Any]] = []
        self.stamp = 0

    def begin(self) -> None:
        """Start an action: forget the last one."""
        self.entries.clear()
        self.stamp += 1

    def save(self, record: Record) -> None:
        """Keep what a record holds, before it is written in the current action."""
        if record.stamp_ != self.stamp:
            record.stamp_ = self.stamp
            self.entries.append((record, None, record.saved_))

    def undo(self) -> None:
        """Put back everything that the current action touched."""
        for thing, key, old in reversed(self.entries):
            thing.restore_(key, old)
        self.entries.clear()
        self.stamp += 1


class Record:
    """A bundle of named values.  ``scalars`` are what actions change; ``ledgers`` hold a value per account.

    ``wallets`` are the ledgers in which an entry alone is no stake in a market.
    """

    __slots__ = ("stamp_",)
    scalars: ClassVar[tuple[str, ...]] = ()
    ledgers: ClassVar[tuple[str, ...]] = ()
    wallets: ClassVar[tuple[str, ...]] = ("tokens",)
    saved_: ClassVar[Any]
    stamp_: int

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if len(cls.scalars) > 1:
            cls.saved_ = property(attrgetter(*cls.scalars))
        elif cls.scalars:
            only = cls.scalars[0]
            cls.saved_ = property(lambda self: (getattr(self, only),))

    def restore_(self, _key: None, saved: tuple[Any, ...]) -> None:
        """Put saved scalars back."""
        for name, value in zip(self.scalars, saved, strict=True):
            setattr(self, name, value)

    def copy(self) -> Self:
        """A copy that shares nothing that an action writes."""
        twin = object.__new__(type(self))
        for klass in type(self).__mro__:
            for name in getattr(klass, "__slots__", ()):
                setattr(twin, name, getattr(self, name))
        for name in self.ledgers:
            setattr(twin, name, getattr(self, name).copy())
        return twin


class Ledger(dict[Account, Any]):
    """A value for each of any number of accounts; an account that was never written has 0."""

    __slots__ = ("journal",)

    def __init__(self, journal: Journal, entries: dict[Account, Any] | None = None) -> None:
        super().__init__(entries or {})
        self.journal = journal

    def __missing__(self, account: Account) -> int:
        return 0

    def __setitem__(self, account: Account, value: Number) -> None:
        self.journal.entries.append((self, account, self[account]))
        dict.__setitem__(self, account, value)

    def restore_(self, account: Account, value: Number) -> None:
        """Put one entry back."""
        dict.__setitem__(self, account, value)

    def total(self) -> Number:
        """The sum over all accounts, taken over the accounts."""
        return sum(self.values())

    def weighted(self, weights: Ledger) -> Number:
        """The sum of entry x weight over all accounts, the weights being another ledger's entries."""
        return sum(value * weights[account] for account, value in self.items())

    def copy(self) -> Ledger:
        """A copy on the same journal."""
        return Ledger(self.journal, dict(self))


R = TypeVar("R", bound=Record)


class Table(dict[str, R], Generic[R]):
    """Records by name.  Reading one for the first time in an action saves it for the undo journal."""

    __slots__ = ("journal",)

    def __init__(self, journal: Journal, records: dict[str, R]) -> None:
        super().__init__(records)
        self.journal = journal
        for record in records.values():
            record.stamp_ = -1

    def __getitem__(self, name: str) -> R:
        record = dict.__getitem__(self, name)
        journal = self.journal
        if record.stamp_ != journal.stamp:
            record.stamp_ = journal.stamp
            journal.entries.append((record, None, record.saved_))
        return record

    def entered_by(self, account: Account) -> Iterator[R]:
        """The markets that count for an account, ready to be written."""
        for name in self:
            if dict.__getitem__(self, name).entered[account]:  # type: ignore[attr-defined]  # markets only
                yield self[name]  # this way it is saved before it is written

    def sum_over(self, account: Account, term: Any, *arguments: Any) -> Number:
        """The sum of ``term(market, account, *arguments)`` over the markets that count for an account."""
        total = 0
        for record in self.values():
            if record.entered.get(account):  # type: ignore[attr-defined]
                total += term(record, account, *arguments)
        return total

    def any_pair(self, old: dict[str, R], condition: Any) -> Any:
        """Whether ``condition(old_record, new_record)`` holds of some record that differs."""
        return any(condition(old[name], record) for name, record in self.items() if old[name] is not record)

    def all_pairs(self, old: dict[str, R], condition: Any) -> Any:
        """Whether ``condition(old_record, new_record)`` holds of every record that differs."""
        return all(condition(old[name], record) for name, record in self.items() if old[name] is not record)

    def priced_for(self, account: Account, has_price: Any) -> Any:
        """Whether ``has_price(record)`` holds of every record that counts for an account."""
        return all(has_price(record) for record in self.values() if record.entered[account])  # type: ignore[attr-defined]

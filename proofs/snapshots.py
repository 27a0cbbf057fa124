"""Copies of a state: one that shares nothing an action writes, and one in JSON.

Both follow the declarations of ``Record`` (``scalars``, ``ledgers``, and the tables and records among its
slots), so that a new kind of pool is copied and written without a line here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Protocol, TypeVar

from poolproof.spec.errors import UsageError, shown, shown_plain
from poolproof.spec.state import Journal, Ledger, Record, Table

MOST_STATE_DIGITS = 160
"""Longest number of a state in JSON: two machine words, and a sign."""


class Built(Protocol):
    """What ``Model.build`` gives: a record with a journal."""

    journal: Journal


S = TypeVar("S")
_slots_of: dict[type, tuple[str, ...]] = {}


def slots_of(kind: type) -> tuple[str, ...]:
    """Every slot of a class and its bases, the undo journal's own mark aside."""
    found = _slots_of.get(kind)
    if found is None:
        found = tuple(name for base in kind.__mro__ for name in getattr(base, "__slots__", ()) if name != "stamp_")
        _slots_of[kind] = found
    return found


# --- copies -----------------------------------------------------------------------------------------------


def copy_state(state: S) -> S:
    """An independent copy of a state, on a journal of its own."""
    copied: S = _copy_record(state, Journal(), {})
    return copied


def copy_before(state: S) -> S:
    """A copy of a state as it was before the action that just completed: what the action touched is put back."""
    copies: dict[int, Any] = {}
    copied: S = _copy_record(state, Journal(), copies)
    entries: list[tuple[Any, Any, Any]] = getattr(state, "journal").entries  # noqa: B009 - a state has a journal
    for thing, key, old in reversed(entries):
        copies[id(thing)].restore_(key, old)
    return copied


def _copy_record(record: Any, journal: Journal, copies: dict[int, Any]) -> Any:
    """Copy a record with everything below it; what stands in two places, like a shared feed or wallet, stays one."""
    twin = copies.get(id(record))
    if twin is not None:
        return twin
    kind = type(record)
    copies[id(record)] = twin = object.__new__(kind)
    twin.stamp_ = -1
    for name in slots_of(kind):
        value = getattr(record, name)
        kind_of_value = type(value)
        if kind_of_value is Ledger:
            ledger = copies.get(id(value))
            if ledger is None:
                ledger = copies[id(value)] = Ledger(journal, value)
            value = ledger
        elif kind_of_value is Table:
            value = Table(journal, {key: _copy_record(entry, journal, copies) for key, entry in value.items()})
        elif kind_of_value is Journal:
            value = journal
        elif kind_of_value is list:
            value = list(value)
        elif isinstance(value, Record):
            value = _copy_record(value, journal, copies)
        setattr(twin, name, value)
    return twin


# --- JSON -------------------------------------------------------------------------------------------------


def state_to_json(state: Any) -> dict[str, Any]:
    """A state as JSON data: scalars, ledgers and tables; what a file's parameters fix is left out.

    What stands in several places (a market's feed, a wallet that pools share) is written in the first of them.
    """
    return _record_to_json(state, {id(state)})


def _record_to_json(record: Any, seen: set[int]) -> dict[str, Any]:
    data: dict[str, Any] = {name: _value_to_json(getattr(record, name)) for name in record.scalars}
    for name, part in _parts_of(record, seen).items():
        if isinstance(part, Ledger):
            data[name] = {key: _value_to_json(entry) for key, entry in part.items()}
        elif isinstance(part, Record):
            data[name] = _record_to_json(part, seen)
        else:
            data[name] = {key: _record_to_json(entry, seen) for key, entry in part.items()}
    return data


def _parts_of(record: Any, seen: set[int]) -> dict[str, Any]:
    """The ledgers, tables and records of a record by name, those aside that were seen before."""
    parts: dict[str, Any] = {}
    for name in (*record.ledgers, *slots_of(type(record))):
        value = getattr(record, name)
        if isinstance(value, Table):
            entries = {key: entry for key, entry in value.items() if _is_new(entry, seen)}
            if entries:
                parts[name] = entries
        elif isinstance(value, Ledger | Record) and _is_new(value, seen):
            parts[name] = value
    return parts


def _is_new(thing: Any, seen: set[int]) -> bool:
    """Whether a thing was not seen before; now it is."""
    new = id(thing) not in seen
    seen.add(id(thing))
    return new


def _value_to_json(value: Any) -> Any:
    """A number as a decimal string, a rate model as its kind and numbers, several names as a list."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple | frozenset):
        return [*value] if isinstance(value, tuple) else sorted(value)
    if is_dataclass(value) and not isinstance(value, type):
        numbers = {field.name: _value_to_json(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__} | numbers
    raise TypeError(f"a state holds {type(value).__name__}, which has no form in JSON")


def set_state(state: Any, data: Any, where: str) -> None:
    """Set a state that was just built to the values of JSON data.

    Refuses: an unknown or missing key, a table of other records than the protocol's, a number that is not a
    plain decimal string.
    """
    _set_record(state, data, where, {id(state)})


def _set_record(record: Any, data: Any, where: str, seen: set[int]) -> None:
    parts = _parts_of(record, seen)
    require_keys(data, (*record.scalars, *parts), where)
    for name in record.scalars:
        setattr(record, name, _value_from_json(data[name], getattr(record, name), f"{where}.{name}"))
    for name, part in parts.items():
        place = f"{where}.{name}"
        if isinstance(part, Ledger):
            _set_ledger(part, data[name], place)
        elif isinstance(part, Record):
            _set_record(part, data[name], place, seen)
        else:
            require_keys(data[name], tuple(part), place)
            for key, entry in part.items():
                _set_record(entry, data[name][key], f"{place}.{key}", seen)


def _set_ledger(ledger: Ledger, data: Any, where: str) -> None:
    require_table(data, where)
    sample = next(iter(ledger.values()), 0)
    for account in list(ledger):
        ledger.restore_(account, type(sample)())
    for account, value in data.items():
        ledger.restore_(account, _value_from_json(value, sample, f"{where}.{shown_plain(account)}"))


def _value_from_json(value: Any, sample: Any, where: str) -> Any:
    """Read a value of the kind of a sample of it."""
    if isinstance(sample, bool):
        if not isinstance(value, bool):
            raise UsageError(f"{shown(value)} is not true or false", where, "write true or false")
        return value
    if isinstance(sample, int):
        return read_integer(value, where)
    if isinstance(sample, str):
        if not isinstance(value, str):
            raise UsageError(f"{shown(value)} is not text", where, "write a string")
        return value
    if isinstance(sample, tuple | frozenset):
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise UsageError(f"{shown(value)} is not a list of names", where, "write names in brackets")
        return type(sample)(value)
    return _read_parameters(value, sample, where)


def _read_parameters(value: Any, sample: Any, where: str) -> Any:
    """Read a rate model: one of the frozen classes that stand beside the present one."""
    require_table(value, where)
    module = vars(sys.modules[type(sample).__module__])
    kinds = {name: each for name, each in module.items() if isinstance(each, type) and is_dataclass(each)}
    chosen = value.get("kind")
    if not isinstance(chosen, str) or chosen not in kinds:
        raise UsageError(f"{shown(chosen)} is not a kind of {where}", where, f"write one of {', '.join(kinds)}")
    names = tuple(field.name for field in fields(kinds[chosen]))
    require_keys(value, ("kind", *names), where)
    samples = {name: getattr(sample, name, 0) for name in names}
    return kinds[chosen](**{n: _value_from_json(value[n], samples[n], f"{where}.{n}") for n in names})


# --- what reading JSON shares -----------------------------------------------------------------------------


def require_table(data: Any, where: str) -> None:
    """Refuse anything but a JSON object."""
    if not isinstance(data, Mapping):
        raise UsageError(f"{shown(data)} is not a table", where, "write an object in braces")


def require_keys(data: Any, keys: tuple[str, ...], where: str, optional: tuple[str, ...] = ()) -> None:
    """Refuse a table with another set of keys."""
    require_table(data, where)
    for key in data:
        if key not in keys and key not in optional:
            cure = f"remove it; the keys here are {', '.join((*keys, *optional))}"
            raise UsageError("this key is unknown", f"{where}.{shown_plain(str(key))}", cure)
    for key in keys:
        if key not in data:
            raise UsageError("this key is missing", f"{where}.{key}", "add it, or record the trace again")


def read_integer(value: Any, where: str, *, signed: bool = True) -> int:
    """A number from its decimal string.

    Refuses: anything but plain digits, with a leading minus where ``signed``.
    """
    digits = value[1:] if signed and isinstance(value, str) and value.startswith("-") else value
    if not isinstance(digits, str):
        raise UsageError(f"{shown(value)} is not text", where, 'write a decimal string, like "1000"')
    if len(digits) > MOST_STATE_DIGITS:
        raise UsageError(f"this number has more than {MOST_STATE_DIGITS} digits", where, "check the number")
    if not (digits.isascii() and digits.isdigit()) or (digits[0] == "0" and value != "0"):
        cure = 'write the digits only, without sign, separators or leading zeros, like "1000"'
        raise UsageError(f"{shown(value)} is not a plain decimal integer", where, cure)
    return int(value)

"""From the text of a protocol file to a `Protocol`, or to an error that says what to change.

A protocol file is data from strangers. Loading one runs no code, reads one regular file of bounded
size, and ends in a `Protocol` or in a `UsageError` that names the file, the line, the key, the
value, the rule and the cure.
"""

import difflib
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .errors import SHOWN_CHARACTERS, UsageError, shown, shown_path, shown_text
from .fields import FROM_FILE
from .policy import ChangeRule, LossRule, Policy
from .protocol import (
    SCHEMA,
    Accepted,
    ComptrollerConfig,
    LineConfig,
    MarketConfig,
    PoolConfig,
    Protocol,
    RateModelConfig,
    RewardsConfig,
    VTokenConfig,
)
from .toml_lines import KeyPath, line_at, lines_of
from .toml_text import refuse_deep_nesting

LARGEST_FILE = 2**20
"""Largest protocol file [bytes]."""

MOST_ERRORS = 10
"""Most errors of one file that are listed."""

_SUFFIX = ".toml"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")

_TABLES: dict[tuple[str, ...], type[BaseModel]] = {
    (): Protocol,
    ("pools",): PoolConfig,
    ("pools", "markets"): MarketConfig,
    ("pools", "markets", "rate_model"): RateModelConfig,
    ("pools", "markets", "line"): LineConfig,
    ("pools", "markets", "rewards"): RewardsConfig,
    ("pools", "markets", "venus"): VTokenConfig,
    ("pools", "venus"): ComptrollerConfig,
    ("accepted",): Accepted,
    ("policy",): Policy,
    ("policy", "changes"): ChangeRule,
    ("policy", "losses"): LossRule,
}
"""The tables of a file by the keys that lead to them, list positions aside."""


def shipped_protocols() -> tuple[str, ...]:
    """Name the protocol files that come with the package, in alphabetical order."""
    return tuple(sorted(_shipped()))


def load_protocol(name_or_path: str | Path) -> Protocol:
    """Load a shipped protocol by its name, or a file by its path.

    Text that ends in `.toml` or has a path separator is a path, other text is a name.

    Refuses: an unknown name, a path that cannot be read, is not a regular file, does not end in
    `.toml` or is larger than `LARGEST_FILE`; then everything that `parse_protocol` refuses.
    """
    if isinstance(name_or_path, str) and not _looks_like_path(name_or_path):
        resource = _shipped().get(name_or_path)
        if resource is None:
            raise _unknown_name(name_or_path)
        return _parse_bytes(resource.read_bytes(), f"{name_or_path}{_SUFFIX}")
    where = _shown_path(str(name_or_path))
    return _parse_bytes(_read_file(Path(name_or_path), where), where)


def parse_protocol(text: str, where: str) -> Protocol:
    """Parse the text of a protocol file; `where` names the file in messages.

    Refuses: text that is too large or nests too deeply, is not TOML, or is not a well-formed
    protocol: all errors are in one `UsageError`, up to `MOST_ERRORS`, an unknown key first.
    """
    if len(text) > LARGEST_FILE:
        raise _too_large(where)
    if text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"):
        raise UsageError("the file starts with a byte order mark", where, "save it without one")
    refuse_deep_nesting(text, where)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(str(error), where) from None
    except ValueError:  # Python's own limit on the digits of an integer
        cure = "write amounts as strings of at most 80 digits"
        raise UsageError("the file has a number of thousands of digits", where, cure) from None
    return _validate(data, where, text)


def read_protocol(data: object, where: str) -> Protocol:
    """Read a protocol from parsed JSON, as a trace embeds it; `where` names its source.

    Refuses: what `parse_protocol` refuses of a parsed file, amounts that are JSON numbers included.
    """
    if not isinstance(data, dict):
        rule = f"{shown(data)} is not a protocol"
        raise UsageError(rule, where, "write an object with the keys of a protocol file")
    return _validate(data, where, "")


def _shipped() -> dict[str, Traversable]:
    """Find the shipped files, by name."""
    folder = files("poolproof.spec").joinpath("protocols")
    return {entry.name.removesuffix(_SUFFIX): entry for entry in folder.iterdir() if entry.name.endswith(_SUFFIX)}


def _looks_like_path(text: str) -> bool:
    """Tell a path from a name."""
    return text.endswith(_SUFFIX) or "/" in text or "\\" in text


def _unknown_name(name: str) -> UsageError:
    """List the shipped names, the nearest first."""
    known = shipped_protocols()
    near = difflib.get_close_matches(name[:SHOWN_CHARACTERS].lower(), known, n=1)
    guess = f'write "{near[0]}", or another of' if near else "write one of"
    cure = f"{guess} {', '.join(known)}, or the path of a file that ends in {_SUFFIX}"
    return UsageError(f"{shown_text(name)} is not the name of a shipped protocol", "", cure)


def _shown_path(path: str) -> str:
    """Show a path whole where it is short, else its end, which tells files apart."""
    if len(path) > SHOWN_CHARACTERS:
        path = f"...{path[3 - SHOWN_CHARACTERS :]}"
    return shown_path(path)


def _read_file(path: Path, where: str) -> bytes:
    """Read a regular file of bounded size; nothing is opened before its kind and size are known."""
    try:
        status = path.stat()
    except FileNotFoundError:
        names = ", ".join(shipped_protocols())
        cure = f"check the path, or write a shipped protocol's name ({names})"
        raise UsageError("there is no such file", where, cure) from None
    except (OSError, ValueError) as error:
        raise _unreadable(error, where) from None
    if stat.S_ISDIR(status.st_mode):
        raise UsageError("this is a directory", where, f"name a {_SUFFIX} file in it")
    if not stat.S_ISREG(status.st_mode):
        cure = "save the protocol to a file, and name that"
        raise UsageError("this is a device, a pipe or a socket, not a file", where, cure)
    if path.suffix != _SUFFIX:
        cure = f"name a protocol file, which ends in {_SUFFIX}"
        raise UsageError(f"the file's name does not end in {_SUFFIX}", where, cure)
    if status.st_size > LARGEST_FILE:
        raise _too_large(where)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)  # it may have grown since
    except OSError as error:
        raise _unreadable(error, where) from None
    if len(content) > LARGEST_FILE:
        raise _too_large(where)
    return content


def _too_large(where: str) -> UsageError:
    """Refuse a file above the limit."""
    cure = "split the protocol, or remove what is not part of it"
    return UsageError(f"the file is larger than {LARGEST_FILE} bytes", where, cure)


def _unreadable(error: OSError | ValueError, where: str) -> UsageError:
    """Say why the system would not give the file."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    rule = f"the file cannot be read ({reason.lower()})"
    return UsageError(rule, where, "check the path and its permissions")


def _parse_bytes(content: bytes, where: str) -> Protocol:
    """Decode and parse the content of a file."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        rule = f"the byte 0x{content[error.start]:02x} is not UTF-8 text"
        raise UsageError(rule, f"{where}:{line}", "save the file as UTF-8") from None
    return parse_protocol(text, where)


def _not_toml(message: str, where: str) -> UsageError:
    """Word the parser's message, which ends in its place: the place first, then the rule."""
    rule, _, place = message.rpartition(" (at ")
    rule = rule[:1].lower() + rule[1:]
    if len(rule) > SHOWN_CHARACTERS or not rule.isprintable():
        rule = shown_text(rule)
    cure = 'amounts are text in quotes, like "1000"; names are text too; comments start with #'
    return UsageError(f"{place.removesuffix(')')}: this is not TOML: {rule}", where, cure)


def _validate(data: dict[str, Any], where: str, text: str) -> Protocol:
    """Validate parsed data, and word every error; `text` is where the lines of keys are found."""
    declared = data.get("schema")
    if isinstance(declared, str) and declared != SCHEMA:
        place = _place(where, ("schema",), lines_of(text))
        rule = f"{shown(declared)} is not a format that this version reads"
        raise UsageError(rule, place, f'write "{SCHEMA}"')
    try:
        return Protocol.model_validate(data, context={FROM_FILE: True})
    except ValidationError as error:
        details = error.errors(include_url=False)
    lines = lines_of(text)
    reported = _reported(details)
    errors = [_worded(each, near, where, lines) for each, near in reported[:MOST_ERRORS]]
    others = tuple(each.headline for each in errors[1:])
    if len(reported) > MOST_ERRORS:
        others += (f"and {len(reported) - MOST_ERRORS} more",)
    raise UsageError(errors[0].what, errors[0].where, errors[0].cure, others)


def _reported(details: list[ErrorDetails]) -> list[tuple[ErrorDetails, str | None]]:
    """Order the errors, unknown keys first, each of those with the key that was probably meant.

    A key that is missing only because it is misspelt is reported once, as unknown. A default that
    could not be derived from a wrong value is not reported: the wrong value is.
    """
    absent = {each["loc"] for each in details if each["type"] == "missing"}
    reported: list[tuple[ErrorDetails, str | None]] = []
    for each in details:
        if each["type"] == "extra_forbidden":
            path = each["loc"]
            near = _nearest_key(path, absent) if len(reported) < MOST_ERRORS else None
            absent.discard((*path[:-1], near or ""))
            reported.append((each, near))
    for each in details:
        silent = each["type"] in {"extra_forbidden", "default_factory_not_called"}
        if not silent and (each["type"] != "missing" or each["loc"] in absent):
            reported.append((each, None))
    return reported


def _worded(error: ErrorDetails, near: str | None, where: str, lines: Mapping[KeyPath, int]) -> UsageError:
    """Word one error."""
    path: KeyPath = error["loc"]
    value = error["input"]
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            what, cure = "this key is unknown here", _cure_for_unknown(path, near)
        case "ill_formed":
            path = (*path, *context.get("at", ()))
            subject = "this key" if context.get("absent") else shown(context.get("value", value))
            what, cure = f"{subject} {context['rule']}", context["cure"]
        case "missing":
            what = "this key is missing"
            cure = f"add it: {_description(path)}"
        case "literal_error":
            what = f"{shown(value)} is not one of the values of this key"
            cure = "write " + context["expected"].replace("'", '"')
        case _:  # model_type: the only kind that is left; a new kind still gets its own words
            what = f"{shown(value)} is not a table"
            cure = f"write a table {_header(_names(path))}"
    return UsageError(what, _place(where, path, lines), cure)


def _place(where: str, path: KeyPath, lines: Mapping[KeyPath, int]) -> str:
    """Name file, line and key: `liquid.toml:41: pools[0].markets[2].supply_cap`."""
    line = line_at(lines, path)
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) else shown_text(part)
            text += f".{key}" if text else key
    file = f"{where}:{line}" if line else where
    return f"{file}: {text}" if text else file


def _names(path: Iterable[str | int]) -> tuple[str, ...]:
    """Drop the positions in lists from a path."""
    return tuple(part for part in path if isinstance(part, str))


def _keys_at(path: KeyPath) -> list[str]:
    """Name the keys of the table at a path, as a file writes them."""
    fields = _TABLES[_names(path)].model_fields
    return [field.alias or name for name, field in fields.items()]


def _nearest_key(path: KeyPath, absent: set[tuple[int | str, ...]]) -> str | None:
    """Guess the key that was meant: one that is missing there, else any that belongs there.

    A key that belongs in another table is in the wrong place, not misspelt.
    """
    table, key = path[:-1], str(path[-1])[:SHOWN_CHARACTERS]
    keys = _keys_at(table)
    if any(path[-1] in _keys_at(names) for names in _TABLES):
        return None
    missing = [each for each in keys if (*table, each) in absent]
    for candidates in (missing, keys):
        if near := difflib.get_close_matches(key.lower(), candidates, n=1):
            return near[0]
    return None


def _cure_for_unknown(path: KeyPath, near: str | None) -> str:
    """Name the key that was meant, the table in which this key belongs, or the keys that there are."""
    if near:
        return f"write {near}"
    for names in _TABLES:
        if path[-1] in _keys_at(names):
            return f"move it to {_header(names)}"
    return f"remove it; the keys here are {', '.join(_keys_at(path[:-1]))}"


def _header(names: tuple[str, ...]) -> str:
    """Write the header of a table; all but the tables that a market has once are entries of a list."""
    text = ".".join(names)
    if not names:
        return "the top of the file, above every table"
    return f"[{text}]" if names[-1] in ("rate_model", "line", "rewards", "venus", "policy") else f"[[{text}]]"


def _description(path: KeyPath) -> str:
    """Give the description of the field at a path."""
    fields = _TABLES[_names(path[:-1])].model_fields
    return next(field.description or "" for name, field in fields.items() if path[-1] in (name, field.alias))

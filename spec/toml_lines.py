"""Where the keys of a protocol file stand: the line of each key, each table and each entry of a list.

The parser does not keep positions.  This reads a text that the parser has accepted, and follows its structure
alone: headers, dotted and quoted keys, inline tables, lists and strings of every kind.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

KeyPath = tuple[str | int, ...]
"""Keys from the top of the file, with the position where the way leads into a list."""

NAMES = ("id", "asset", "name", "invariant")
"""The keys by which a table in a list is known, the first that it has."""

_SPACE = re.compile(r"(?:[ \t\r\n]|\#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\[^\n])*"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^,\]}\#\n]*")


def lines_of(text: str) -> dict[KeyPath, int]:
    """The line of each key, table and entry of a list; a table that several headers open has the first.

    Assumes: ``tomllib`` reads the text, so that only its structure is left to follow.
    """
    return _Reader(text).read()


def line_at(lines: Mapping[KeyPath, int], path: Sequence[str | int]) -> int | None:
    """The line of a path, else of the nearest table or list around it; None at the top of the file."""
    return next((lines[tuple(path[:end])] for end in range(len(path), 0, -1) if tuple(path[:end]) in lines), None)


def position_of(data: Mapping[str, Any], path: Sequence[str]) -> KeyPath:
    """A path that goes by names, as `pools`, `main`, `markets`, `ETH`, by the positions in the parsed data.

    Refuses: by KeyError, a name that no entry of a list has, and any name below a value.
    """
    found: list[str | int] = []
    here: Any = data
    for part in path:
        if isinstance(here, Mapping):
            found.append(part)
            here = here.get(part)
            continue
        entries = here if isinstance(here, list) else ()
        position = next((number for number, entry in enumerate(entries) if _name(entry) == part), None)
        if position is None:
            raise KeyError(part)
        found.append(position)
        here = here[position]
    return tuple(found)


def _name(entry: Any) -> Any:
    """What a table in a list is called."""
    if not isinstance(entry, Mapping):
        return None
    return next((entry[key] for key in NAMES if key in entry), None)


class _Reader:
    """Walks through the text once; ``here`` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.here = 0
        self.lines: dict[KeyPath, int] = {}
        self._counted = (0, 1)

    def read(self) -> dict[KeyPath, int]:
        """Headers and keys to the end of the text."""
        table: KeyPath = ()
        entries: dict[KeyPath, int] = {}
        self._skip(_SPACE)
        while self.here < len(self.text):
            if self.text[self.here] == "[":
                table = self._header(entries)
            else:
                self._pair(table)
            self._skip(_SPACE)
        return self.lines

    def _header(self, entries: dict[KeyPath, int]) -> KeyPath:
        """A header, as the path of its table; ``entries`` counts those of each list."""
        line = self._line()
        opens_entry = self.text.startswith("[[", self.here)
        self.here += 1 + opens_entry
        names = self._key()
        self.here += 1 + opens_entry
        path: KeyPath = ()
        for number, name in enumerate(names, start=1):
            path = (*path, name)
            self.lines.setdefault(path, line)
            if opens_entry and number == len(names):
                entries[path] = entries.get(path, -1) + 1
            if path in entries:
                path = (*path, entries[path])
                self.lines.setdefault(path, line)
        return path

    def _pair(self, table: KeyPath) -> None:
        """A key with its value."""
        line = self._line()
        path = table
        for name in self._key():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.here += 1  # =
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> list[str]:
        """The parts of a key, and the blanks around them."""
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            if self.text[self.here] in "\"'":
                parts.append(tomllib.loads(f"x = {self._skip(_STRING)}")["x"])
            else:
                parts.append(self._skip(_BARE))
            self._skip(_BLANK)
            if self.text[self.here] != ".":
                return parts
            self.here += 1

    def _value(self, path: KeyPath) -> None:
        """A value, with the keys and entries that it holds."""
        match self.text[self.here]:
            case "{" | "[" as bracket:
                self._several(path, listed=bracket == "[")
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_SCALAR)

    def _several(self, path: KeyPath, *, listed: bool) -> None:
        """What stands in brackets: entries by their positions, or keys."""
        self.here += 1
        self._skip(_SPACE)
        position = 0
        while self.text[self.here] not in "]}":
            if listed:
                self.lines[*path, position] = self._line()
                self._value((*path, position))
                position += 1
            else:
                self._pair(path)
            self._skip(_SPACE)
            if self.text[self.here] == ",":
                self.here += 1
                self._skip(_SPACE)
        self.here += 1

    def _skip(self, pattern: re.Pattern[str]) -> str:
        """Go past what matches here, and give it."""
        found = pattern.match(self.text, self.here)
        assert found is not None  # noqa: S101 - the parser has read the same text
        self.here = found.end()
        return found[0]

    def _line(self) -> int:
        """The number of the line on which it stands, counted from where it last was."""
        before, number = self._counted
        self._counted = (self.here, number + self.text.count("\n", before, self.here))
        return self._counted[1]

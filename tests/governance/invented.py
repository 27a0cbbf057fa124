"""Invented proposals, unsafe or misleading, as pairs of protocol files: `invented.toml`, applied to shipped protocols."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

TABLE = Path(__file__).with_suffix(".toml")

_HEADER = re.compile(r"^\[+([a-z_.]+)\]+")
_PIECE = re.compile(r"^(?=\[)", re.MULTILINE)


@dataclass(frozen=True)
class Invented:
    """One proposal; what its words mean is said at the top of the table."""

    name: str
    protocol: str
    edits: tuple[tuple[str, ...], ...]
    gate: Literal["open", "closed", "refused"]
    says: str
    adds: str = ""
    loader: str = ""
    region: tuple[str, ...] = ()
    alone: bool = False

    @property
    def base(self) -> str:
        """The shipped protocol as it is."""
        return (files("poolproof.spec") / "protocols" / f"{self.protocol}.toml").read_text(encoding="utf-8")

    @property
    def head(self) -> str:
        """The protocol with all edits."""
        return edited(self.base, self.edits) + self.adds


def invented() -> list[Invented]:
    """All of the table."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["proposal"]
    return [Invented(**_frozen(row)) for row in rows]


def edited(text: str, edits: tuple[tuple[str, ...], ...]) -> str:
    """A protocol file with values changed, or pools and markets removed; all else stays, to the byte.

    Raises: ValueError for a place that is not in the file once.
    """
    pieces = _pieces(text)
    for place, *change in edits:
        if not change:
            kept = [piece for piece in pieces if not f"{piece[0]}/".startswith(f"{place}/")]
            _require_found(place, len(pieces) > len(kept))
            pieces = kept
            continue
        key, value = change
        *tables, name = key.split("/")
        at = "/".join((place, *tables))
        positions = [position for position, piece in enumerate(pieces) if piece[0] == at]
        _require_found(at, len(positions) == 1)
        pieces[positions[0]] = at, _with_value(pieces[positions[0]][1], name, value)
    return "".join(piece for _, piece in pieces)


def _pieces(text: str) -> list[tuple[str, str]]:
    """The tables of a file in their order, each with its place: "" at the top, then the pool, the asset, the table."""
    found: list[tuple[str, str]] = []
    pool = market = ""
    for piece in _PIECE.split(text):
        header = _HEADER.match(piece)
        path = header[1] if header else ""
        if path == "pools":
            pool = place = _value(piece, "id")
        elif path == "pools.markets":
            market = place = f"{pool}/{_value(piece, 'asset')}"
        elif path.startswith("pools.markets."):
            place = f"{market}/{path.removeprefix('pools.markets.')}"
        else:
            place = path
        found.append((place, piece))
    return found


def _value(piece: str, key: str) -> str:
    """The text of a key of a table."""
    found = re.search(rf'^{key} = "([^"]*)"', piece, re.MULTILINE)
    _require_found(key, found is not None)
    return found[1] if found else ""


def _with_value(piece: str, key: str, value: str) -> str:
    """A table with a key changed, or added below its header."""
    line = f'{key} = "{value}"'
    changed, count = re.subn(rf"^{re.escape(key)} = [^\n#]*[^\n# ]", line, piece, count=1, flags=re.MULTILINE)
    if count:
        return changed
    header, rest = piece.split("\n", 1)
    return f"{header}\n{line}\n{rest}"


def _require_found(place: str, found: bool) -> None:
    """Refuse an edit of what is not there."""
    if not found:
        message = f"{place} is not in the file once"
        raise ValueError(message)


def _frozen(value: Any) -> Any:
    """Parsed TOML with tuples for its lists."""
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value

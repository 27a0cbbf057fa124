"""The text of a protocol file, to say on which line something stands: a market, a parameter, an acceptance."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from poolproof.spec.toml_lines import KeyPath, line_at, lines_of, position_of


@dataclass(frozen=True, slots=True)
class ProtocolText:
    """Where a protocol file is, and what is on which of its lines."""

    path: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int]

    @classmethod
    def of(cls, name_or_path: str) -> Self:
        """Read the text of a protocol that was loaded by that name or path.

        Refuses: by OSError or ValueError, a file that has changed since into one that cannot be read.
        """
        path = path_of(name_or_path)
        text = path.read_text(encoding="utf-8")
        return cls(path, tomllib.loads(text), lines_of(text))

    def line(self, *path: str) -> int:
        """The line of a key, by names: `pools`, `main`, `markets`, `ETH`, `ltv`; of what is around it where it is not.

        The first line where nothing of the path is in the file.
        """
        for end in range(len(path), 0, -1):
            try:
                found = line_at(self.lines, position_of(self.data, path[:end]))
            except KeyError:
                continue
            if found is not None:
                return found
        return 1

    def line_of_market(self, pool: str, asset: str) -> int | None:
        """The line of a market; without a pool, of the first market of that asset."""
        for each in self.data.get("pools", ()):
            if pool in ("", each["id"]) and any(market["asset"] == asset for market in each["markets"]):
                return self.line("pools", each["id"], "markets", asset)
        return None

    def line_of_acceptance(self, invariant: str) -> int | None:
        """The line of the entry that accepts a violation of an invariant."""
        entries = self.data.get("accepted", ())
        accepted = any(entry["invariant"] == invariant for entry in entries)
        return self.line("accepted", invariant) if accepted else None


def path_of(name_or_path: str) -> Path:
    """The file of a protocol: what a path names, or the one that comes with the package under a name."""
    if name_or_path.endswith(".toml") or "/" in name_or_path or "\\" in name_or_path:
        return Path(name_or_path)
    return Path(str(files("poolproof.spec").joinpath("protocols", f"{name_or_path}.toml")))

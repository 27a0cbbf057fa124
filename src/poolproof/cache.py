"""The evidence cache: what was decided before, in one SQLite file of the user, above what the wheel ships.

It only ever saves work.  A file that is damaged is put aside, a folder that cannot be written is done
without, and either is said in ``notes``; no trouble with the cache ends a run.  Several processes may use it
at once.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import sys
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

Kind = Literal["decision", "obligations", "outcome"]
"""The verdict on an invariant; what was proved for it, one by one; the answer to one obligation."""
KINDS: tuple[Kind, ...] = ("decision", "obligations", "outcome")

SCHEMA = "poolproof.evidence/1"
"""What `schema` says in a shipped file."""

FILE = "evidence-1.sqlite3"
"""The file's name; its number is that of the table's format."""

LARGEST = 2**28
"""Size above which the least recently used half is dropped [bytes]."""

LOCK_WAIT = 10.0
"""Longest wait for another process that writes [s]."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLE = """
CREATE TABLE IF NOT EXISTS evidence (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, day INTEGER NOT NULL, UNIQUE (kind, key)
)
"""


def default_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of the cache: `POOLPROOF_CACHE`, else the platform's cache folder; None without a home."""
    if named := environment.get("POOLPROOF_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        if local := environment.get("LOCALAPPDATA"):
            return Path(local) / "poolproof" / "cache"
    elif (xdg := environment.get("XDG_CACHE_HOME")) and Path(xdg).is_absolute():
        return Path(xdg) / "poolproof"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "poolproof"


@dataclass(frozen=True, slots=True)
class Stats:
    """What the cache holds: its file, the file's size [bytes], and entries by kind, our own and shipped."""

    path: Path | None
    size: int
    entries: dict[Kind, int]
    shipped: dict[Kind, int]


class Shipped:
    """Evidence that comes with the package: a folder with a `.json.gz` for each kind, read late."""

    def __init__(self, folder: Traversable) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._entries: dict[Kind, dict[str, Any]] = {}

    def entries(self, kind: Kind) -> dict[str, Any]:
        """The entries of a kind by key; none, and a note, where the file cannot be read."""
        if kind not in self._entries:
            self._entries[kind] = self._read(kind)
        return self._entries[kind]

    def _read(self, kind: Kind) -> dict[str, Any]:
        file = self.folder.joinpath(f"{kind}.json.gz")
        if not file.is_file():
            return {}
        try:
            data = json.loads(gzip.decompress(file.read_bytes()))
            entries = data["entries"] if data["schema"] == SCHEMA else None
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
            entries = None
        if isinstance(entries, dict):
            return entries
        self.notes.append(f"the shipped evidence {file.name} cannot be read and is left out; reinstall poolproof")
        return {}


def write_shipped(folder: Path, kind: Kind, entries: Mapping[str, Any]) -> None:
    """Write entries as the package ships them: sorted, one a line, compressed; the same entries are the same bytes."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(entries[key], sort_keys=True, separators=(',', ':'))}"
        for key in sorted(entries)
    ]
    body = ",\n".join(lines)
    text = f'{{"schema": "{SCHEMA}", "entries": {{\n{body}\n}}}}\n'
    (folder / f"{kind}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


class Cache:
    """JSON values by kind and key.

    ``folder`` None is a cache without a file of its own.  ``notes`` gather what a user should know.
    """

    def __init__(self, folder: Path | None, shipped: Shipped | None = None) -> None:
        self.notes: list[str] = []
        self.path = folder / FILE if folder is not None else None
        self.shipped = shipped
        self._today = int(time.time()) // 86_400
        self._used: list[tuple[Kind, str]] = []
        self._inode: int | None = None
        self._connection: sqlite3.Connection | None = None
        self._open()

    def get(self, kind: Kind, key: str) -> Any | None:
        """The value kept under a key, or the one that is shipped, or None."""
        rows = self._execute("SELECT value, day FROM evidence WHERE kind = ? AND key = ?", (kind, key))
        for text, day in rows:
            try:
                value = json.loads(text)
            except (ValueError, TypeError):
                self._execute("DELETE FROM evidence WHERE kind = ? AND key = ?", (kind, key))
                continue
            if day != self._today:
                self._used.append((kind, key))
            return value
        if self.shipped is None:
            return None
        return self.shipped.entries(kind).get(key)

    def put(self, kind: Kind, key: str, value: Any) -> bool:
        """Keep a value, at once and for good; whether there is a file to keep it in."""
        text = json.dumps(value, separators=(",", ":"))
        self._execute("INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?)", (kind, key, text, self._today))
        return self._connection is not None

    def entries(self, kind: Kind) -> dict[str, Any]:
        """Everything of a kind that is in the file, by key, as ``write_shipped`` takes it."""
        rows = self._execute("SELECT key, value FROM evidence WHERE kind = ?", (kind,))
        return {key: json.loads(value) for key, value in rows}

    def prune(self, days: int) -> int:
        """Remove what was not used for so many days (0: everything), and give the space back."""
        before = self._count()
        self._execute("DELETE FROM evidence WHERE day <= ?", (self._today - days,))
        self._execute("VACUUM")
        return before - self._count()

    def stats(self) -> Stats:
        """What is there."""
        entries: dict[Kind, int] = {}
        shipped: dict[Kind, int] = {}
        for kind in KINDS:
            entries[kind] = self._count(kind)
            shipped[kind] = len(self.shipped.entries(kind)) if self.shipped else 0
        return Stats(self.path if self._connection else None, self._size(), entries, shipped)

    def close(self) -> None:
        """Note what was used, keep the file below its limit, and let go of it."""
        for kind, key in self._used:
            self._execute("UPDATE evidence SET day = ? WHERE kind = ? AND key = ?", (self._today, kind, key))
        self._used.clear()
        if self._size() > LARGEST:
            half = "SELECT rowid FROM evidence ORDER BY day, rowid LIMIT (SELECT count(*) / 2 + 1 FROM evidence)"
            self._execute(f"DELETE FROM evidence WHERE rowid IN ({half})")  # noqa: S608 - no outside text
            self._execute("VACUUM")
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        """Open or create the file; without one, say so and go on."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            self._give_up(error.strerror or str(error))
            return
        for attempt in (1, 2):
            try:
                self._connect(self.path)
            except sqlite3.Error as error:
                if attempt == 1 and _is_damage(error):
                    self._put_aside()
                else:
                    self._give_up(str(error))
                    return
            else:
                return

    def _connect(self, path: Path) -> None:
        """Open the file and see that it can be written."""
        self._connection = sqlite3.connect(path, timeout=LOCK_WAIT, isolation_level=None)
        self._begin_log(self._connection)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_TABLE)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("COMMIT")
        self._inode = path.stat().st_ino

    @staticmethod
    def _begin_log(connection: sqlite3.Connection) -> None:
        """Turn the write-ahead log on; SQLite waits for no other process here, so the wait is ours."""
        deadline = time.monotonic() + LOCK_WAIT
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def _execute(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; nothing where there is no file, or no longer one."""
        if self._connection is None:
            return []
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            if _is_damage(error):
                self._put_aside()
                self._open()
            else:
                self._give_up(str(error))
            return []

    def _put_aside(self) -> None:
        """Rename a damaged file, unless another process has already put a new one in its place."""
        self._disconnect()
        path = self.path
        if path is None:
            return
        try:
            if self._inode is not None and path.stat().st_ino != self._inode:
                return
            aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
            path.rename(aside)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        except OSError:
            return  # opening it again will tell
        self.notes.append(f"the evidence cache was damaged; it is now {aside}, and a new one was begun")

    def _give_up(self, reason: str) -> None:
        """Go on without a file."""
        self._disconnect()
        folder = self.path.parent if self.path else ""
        self.notes.append(
            f"working without the evidence cache in {folder} ({reason.lower()}); "
            "set POOLPROOF_CACHE to a folder that can be written"
        )

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _count(self, kind: Kind | None = None) -> int:
        """The number of entries, of a kind, or of decisions (their obligations belong to them) and answers."""
        every = "SELECT count(*) FROM evidence WHERE kind = ? OR (? IS NULL AND kind <> 'obligations')"
        rows = self._execute(every, (kind, kind))
        return int(rows[0][0]) if rows else 0

    def _size(self) -> int:
        """The size of the file with its log [bytes]."""
        if self.path is None or self._connection is None:
            return 0
        files = (self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())


def _is_damage(error: sqlite3.Error) -> bool:
    """Tell a damaged file from one that is locked, full or not ours to write."""
    return _code(error) in _DAMAGED


def _code(error: sqlite3.Error) -> int:
    """The primary result code of an error of SQLite."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF

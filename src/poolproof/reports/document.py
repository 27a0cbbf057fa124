"""What a report says, whatever command found it and whatever format it is written in.

A command makes a `Document`; a writer knows nothing of the command.  All texts may come from strangers' files: what
cannot be printed is replaced here, once, and each writer escapes what its format gives a meaning to.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, TypeAlias

from poolproof.pictures.text import printable

Level: TypeAlias = Literal["error", "warning", "note", "none"]
"""How much a finding matters: something is wrong, is not decided, is worth a look, or is as it should be."""
State: TypeAlias = Literal["good", "bad", "neutral"]
Align: TypeAlias = Literal["left", "right"]


class _Plain:
    """Texts, and tuples of texts, of which every character can be printed; line ends stay."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]  # the subclasses are dataclasses
            value = getattr(self, each.name)
            if isinstance(value, str):
                object.__setattr__(self, each.name, plain(value))
            elif isinstance(value, tuple) and any(isinstance(one, str) for one in value):
                object.__setattr__(self, each.name, tuple(plain(one) for one in value))


def plain(text: str) -> str:
    """A text of lines in which every character can be printed."""
    if text.isprintable():
        return text
    return "\n".join(printable(line.expandtabs(4)) for line in text.splitlines())


@dataclass(frozen=True, slots=True)
class Where(_Plain):
    """A place in a file: the path as the reader has it, and a line, counted from 1."""

    file: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Change(_Plain):
    """One value that a step changed: in which market or record, which field, from what to what."""

    place: str
    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Step(_Plain):
    """One step of a trace in words; ``note`` says that it was refused, or did not end as recorded."""

    text: str
    changes: tuple[Change, ...] = ()
    note: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Trace(_Plain):
    """A run that breaks a claim, or several side by side: from where it starts, its steps, what broke.

    ``figures`` are the numbers that the broken claim is about: name, before, after.
    """

    start: str
    runs: tuple[tuple[Step, ...], ...]
    ending: str
    figures: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding(_Plain):
    """A verdict on one claim.

    ``about`` tells findings with one id apart: the path of a change, a market; empty where there is one.
    ``accepted`` is why the owners live with it; None where they do not.  ``seconds`` is None where nothing had to
    be computed.  ``why`` and ``formal`` explain the claim itself.
    """

    id: str
    claim: str
    verdict: str
    level: Level
    message: str = ""
    about: str = ""
    accepted: str | None = None
    where: Where | None = None
    trace: Trace | None = None
    seconds: float | None = None
    engine: str = ""
    details: tuple[str, ...] = ()
    why: str = ""
    formal: str = ""

    @property
    def is_open(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.accepted is None and self.level in ("error", "warning")

    @property
    def state(self) -> State:
        """How it looks beside others."""
        return "good" if self.level == "none" else "bad" if self.is_open else "neutral"


@dataclass(frozen=True, slots=True)
class Column(_Plain):
    """A column of a table."""

    name: str
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Row(_Plain):
    """A row: one text for each column."""

    cells: tuple[str, ...]
    state: State = "neutral"


@dataclass(frozen=True, slots=True)
class Table(_Plain):
    """A table; ``anchor`` is the name by which a page links to it, ``note`` what a reader should know first."""

    heading: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    anchor: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        _Plain.__post_init__(self)
        if any(len(row.cells) != len(self.columns) for row in self.rows):
            message = f"a row of the table {self.heading!r} has not one text for each column"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Document(_Plain):
    """A report.

    ``title`` names it, ``command`` is the word (`check`), ``line`` the whole command line that repeats it, ``subject``
    what it is about and ``subject_title`` that in full.  ``ok`` and ``exit_code`` say how it ended, ``verdict`` in a
    word, ``headline`` in one line.  ``unfinished`` says what an interrupt left undone.  Whatever makes a document not
    ok is a finding or ``unfinished``: the formats for machines show no tables.
    """

    title: str
    command: str
    line: str
    subject: str
    ok: bool
    exit_code: int
    verdict: str
    headline: str
    subject_title: str = ""
    version: str = ""
    seconds: float | None = None
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    assumptions: tuple[str, ...] = ()
    lemmas: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    picture_svg: str | None = None
    picture_title: str = ""
    unfinished: str = ""


def shown_file(path: Path, folder: Path) -> str:
    """A file as a reader in a folder has it: relative to that where it is below it, with slashes."""
    whole = path.resolve()
    below = folder.resolve()
    return whole.relative_to(below).as_posix() if whole.is_relative_to(below) else whole.as_posix()

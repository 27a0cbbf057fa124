"""What is said to a caller who is wrong: the value, the rule and the cure.

A refusal by a modelled protocol is something else and lives elsewhere: it is expected, and part of
the specification. A `UsageError` is raised about files, names and options, and ends a command with
exit code 3. Text that comes from a stranger's file is shown escaped and cut, so that a message can
neither flood nor steer a terminal.
"""

import json
from datetime import date

SHOWN_CHARACTERS = 80
SHOWN_PATH_CHARACTERS = 255
"""Longest excerpt of a stranger's text in a message [characters]."""

_SHOWN_BITS = 264
"""Whole numbers wider than this are described, not printed: converting one costs quadratic time."""


class UsageError(Exception):
    """The caller is wrong: what is wrong, where, and what to do about it.

    The parts are kept as fields for programs; `str` joins them into one lower-case message without
    a full stop. Where one file has several errors, the first is this one and the rest stand in
    `others`, already worded, each on a line of its own.
    """

    def __init__(self, what: str, where: str = "", cure: str = "", others: tuple[str, ...] = ()) -> None:
        """Keep the parts; all four are arguments of the exception, so that it can be pickled."""
        super().__init__(what, where, cure, others)
        self.what = what
        self.where = where
        self.cure = cure
        self.others = others

    @property
    def headline(self) -> str:
        """The first error alone, on one line."""
        place = f"{self.where}: " if self.where else ""
        cure = f"; {self.cure}" if self.cure else ""
        return f"{place}{self.what}{cure}"

    def __str__(self) -> str:
        """Give the headline, and below it one line for each other error."""
        return "\n".join((self.headline, *self.others))


def shown(value: object) -> str:
    """Write a value as a protocol file would, escaped, and cut after `SHOWN_CHARACTERS`."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if value.bit_length() <= _SHOWN_BITS else "a number of 80 digits or more"
        case str():
            return shown_text(value)
        case dict():
            return "a table"
        case list() | tuple():
            return f"a list of {len(value)}"
        case date():
            return value.isoformat()
        case _:
            return shown_plain(repr(value))


def shown_text(text: str) -> str:
    """Quote text: printable characters as they are, all others escaped."""
    excerpt = text[:SHOWN_CHARACTERS]
    quoted = json.dumps(excerpt, ensure_ascii=not excerpt.isprintable())
    return quoted if len(text) <= SHOWN_CHARACTERS else f"{quoted} (cut)"


def shown_path(path: str) -> str:
    """Leave a printable path unquoted; of a longer or stranger one, quote the end, where the file's name is."""
    if path and path.isprintable() and len(path) <= SHOWN_PATH_CHARACTERS:
        return path
    excerpt = path[-SHOWN_CHARACTERS:]
    quoted = json.dumps(excerpt, ensure_ascii=not excerpt.isprintable())
    return quoted if len(path) <= SHOWN_CHARACTERS else f"(cut) {quoted}"


def shown_plain(text: str) -> str:
    """Leave short printable text unquoted, for file names and keys; quote and cut any other."""
    if text and text.isprintable() and len(text) <= SHOWN_CHARACTERS:
        return text
    return shown_text(text)

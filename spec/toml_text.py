"""What a TOML text says about itself before it is parsed: how deep it nests, and on which lines.

`tomllib` recurses into nested brackets, and spends time that grows with the square of the length of
a dotted key; so both are bounded by a flat scan first. The same scan finds the line of each key,
which the parsed data no longer knows.
"""

import re
from dataclasses import dataclass, field

from .errors import UsageError

DEEPEST_BRACKETS = 32
DEEPEST_KEY = 16
"""Most parts of a dotted key; a protocol file needs three."""

_TOKEN = re.compile(
    r"""
    (?P<long>"{3}(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}|'{3}[\s\S]*?'{3}'{0,2})
    |(?P<short>(?!"{3}|'{3})(?:"(?:[^"\\\n]|\\[^\n])*"|'[^'\n]*'))
    |(?P<comment>\#[^\n]*)
    |(?P<broken>["'])
    |(?P<open>[\[{])
    |(?P<close>[\]}])
    |(?P<dot>\.)
    |(?P<end>[\n=,])
    """,
    re.VERBOSE,
)
_HEADER = re.compile(r"\s*(\[{1,2})\s*([A-Za-z0-9_\-. \t]+?)\s*\]{1,2}\s*")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")

KeyPath = tuple[str | int, ...]


def refuse_deep_nesting(text: str, where: str) -> None:
    """Bound the nesting of brackets and the parts of dotted keys, outside strings and comments.

    A string that is not closed ends the scan: the parser stops there too, and says so.
    """
    brackets = dots = 0
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "open":
                brackets, dots = brackets + 1, 0
            case "close":
                brackets, dots = max(brackets - 1, 0), 0
            case "dot":
                dots += 1
            case "end":
                dots = 0
            case "broken":
                return
            case _:
                continue
        if brackets > DEEPEST_BRACKETS:
            rule = f"brackets are nested more than {DEEPEST_BRACKETS} deep"
            place = f"{where}:{_line_at(text, token.start())}"
            raise UsageError(rule, place, "a protocol file needs no more than three levels")
        if dots >= DEEPEST_KEY:
            rule = f"a dotted key has more than {DEEPEST_KEY} parts"
            place = f"{where}:{_line_at(text, token.start())}"
            raise UsageError(rule, place, "a protocol file needs no more than three parts")


@dataclass
class KeyLines:
    """On which line each key and each table stands, as far as the text shows it plainly.

    Limits: bare keys on lines of their own, below plain headers. A key inside an inline table, a
    quoted key or a dotted key is given the line of the table or list that holds it.
    """

    lines: dict[KeyPath, int] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> "KeyLines":
        """Read the headers and keys of a text that has been parsed without error."""
        found = cls()
        table: KeyPath = ()
        entries: dict[KeyPath, int] = {}
        brackets = 0
        for number, line in enumerate(_without_content(text).split("\n"), start=1):
            if brackets == 0 and (header := _HEADER.fullmatch(line)):
                names = tuple(part.strip() for part in header[2].split("."))
                table = _resolve(names, entries, opens_entry=header[1] == "[[")
                found.lines.setdefault(table, number)
                continue
            if brackets == 0 and (key := _KEY.match(line)):
                found.lines.setdefault((*table, key[1]), number)
            brackets += sum(line.count(each) for each in "[{") - sum(line.count(each) for each in "]}")
        return found

    def of_path(self, path: KeyPath) -> int | None:
        """Give the line of a key, else of the nearest table or list around it."""
        for length in range(len(path), 0, -1):
            if line := self.lines.get(path[:length]):
                return line
        return None


def _resolve(names: tuple[str, ...], entries: dict[KeyPath, int], *, opens_entry: bool) -> KeyPath:
    """Give the path of a header, with the position of the current entry of each list on its way."""
    path: KeyPath = ()
    for position, name in enumerate(names):
        path = (*path, name)
        if opens_entry and position == len(names) - 1:
            entries[path] = entries.get(path, -1) + 1
        if path in entries:
            path = (*path, entries[path])
    return path


def _without_content(text: str) -> str:
    """Empty all strings and comments, keeping the line breaks, so that only structure is left."""

    def emptied(token: re.Match[str]) -> str:
        match token.lastgroup:
            case "long" | "short":
                return '""' + "\n" * token[0].count("\n")
            case "comment":
                return ""
            case _:
                return token[0]

    return _TOKEN.sub(emptied, text)


def _line_at(text: str, offset: int) -> int:
    """Give the number of the line that holds an offset."""
    return text.count("\n", 0, offset) + 1

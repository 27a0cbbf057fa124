"""What a TOML text says about itself before it is parsed: how deep it nests.

`tomllib` recurses into nested brackets, and spends time that grows with the square of the length of
a dotted key; so both are bounded by a flat scan first.
"""

import re

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


def _line_at(text: str, offset: int) -> int:
    """Give the number of the line that holds an offset."""
    return text.count("\n", 0, offset) + 1

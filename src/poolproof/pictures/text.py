"""Text in a picture: names without what cannot be printed, widths, lines, and amounts rounded to the safe side."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Literal

Rounding = Literal["up", "down"]

_NARROW = frozenset("iljtfrI.,:;'|!()[]{}/ ")
_WIDE = frozenset("mwMW@%&—…")
_ODD = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")  # control, direction marks, no character at all, line ends
_PLACES = 4
_LONG = 15


def printable(text: str) -> str:
    """The text with a replacement character for each one that XML forbids or that would turn the line around."""
    return "".join("\ufffd" if unicodedata.category(character) in _ODD else character for character in text)


def width_of(text: str, size: float) -> float:
    """An upper estimate of how wide the text is in a sans-serif font of that size."""
    return size * sum(map(_ems, text))


def _ems(character: str) -> float:
    if character in _NARROW:
        return 0.4
    if character in _WIDE:
        return 1.0
    if ord(character) > 0x2E7F:
        return 1.1
    return 0.76 if character.isupper() else 0.64


def shortened(text: str, size: float, room: float) -> str:
    """The text, or as much of its beginning as there is room for."""
    if width_of(text, size) <= room:
        return text
    kept = text
    while kept and width_of(f"{kept}…", size) > room:
        kept = kept[:-1]
    return f"{kept}…"


def lines_of(text: str, size: float, room: float) -> Iterator[str]:
    """The text in lines that fit; a word that is longer than a line is shortened."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and width_of(longer, size) > room:
            yield line
            longer = word
        line = shortened(longer, size, room)
    if line:
        yield line


def amount(value: int, decimals: int | None, rounding: Rounding) -> str:
    """An amount in tokens of that many decimals, or in smallest units where the decimals are not known.

    At most four decimals are shown and 15 digits before them: an upper bound is rounded up, a lower bound down.
    """
    direction = ROUND_CEILING if rounding == "up" else ROUND_FLOOR
    exact = Decimal(value).scaleb(-(decimals or 0), Context(prec=1000))
    if abs(exact) >= 10**_LONG:
        return f"{Context(prec=5, rounding=direction).plus(exact):e}".replace("e+", "e")
    shown = exact.quantize(Decimal(1).scaleb(-_PLACES), rounding=direction, context=Context(prec=1000))
    text = f"{shown:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount_of(value: int, asset: str | None, decimals: int | None, rounding: Rounding = "up") -> str:
    """An amount with its unit: tokens, or the smallest unit where the decimals are not known."""
    name = printable(asset or "")
    unit = name if decimals is not None else f"units of {name}" if name else "units"
    return f"{amount(value, decimals, rounding)} {unit}".rstrip()

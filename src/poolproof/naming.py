"""Names that a user types: known, or answered with the one that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from poolproof.spec.errors import SHOWN_CHARACTERS, UsageError, shown_text

MOST_LISTED = 12
"""Most names that a message lists."""


def known_name(name: str, known: Collection[str], what: str, where: str = "", more: str = "") -> str:
    """The name as it is known, whatever its case was.

    Refuses: any other name, with the nearest known one, or a list; ``more`` says where all of them are.
    """
    if name in known:
        return name
    by_case = {each.casefold(): each for each in known}
    excerpt = name[:SHOWN_CHARACTERS].casefold()
    if excerpt in by_case and len(name) == len(excerpt):
        return by_case[excerpt]
    nearest = [by_case[each] for each in difflib.get_close_matches(excerpt, by_case, n=3, cutoff=0.6)]
    if nearest:
        cure = f"did you mean {_listed(nearest)}"
    elif known:
        cure = f"known: {_listed(list(known)[:MOST_LISTED])}" + (", ..." if len(known) > MOST_LISTED else "")
    else:
        cure = "there is none"
    raise UsageError(f"{shown_text(name)} is not {what}", where, "; ".join(filter(None, (cure, more))))


def _listed(names: list[str]) -> str:
    """Names as a phrase: a, b or c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"

"""Write the table of invariants into the README, between its marks.

python tools/invariant_table.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from poolproof.proofs import registry
from poolproof.spec.loading import load_protocol

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- invariants:begin -->", "<!-- invariants:end -->"


def table() -> str:
    """The invariants of one pool and of a system, one a row."""
    _, catalogue = registry.of(load_protocol("every-channel"))
    rows = [f"| {invariant.id} | {invariant.claim} | {invariant.kind} |" for invariant in catalogue]
    return "\n".join(["| id | claim | kind |", "|---|---|---|", *rows])


def with_table(text: str) -> str:
    """The README's text with the present table."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def main() -> int:
    """Rewrite the README."""
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

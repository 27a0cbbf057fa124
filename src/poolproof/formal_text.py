"""The formal text of an invariant: what each of its clauses quantifies over, and the function itself."""

from __future__ import annotations

from textwrap import dedent

from poolproof.spec.invariant import Clause

FORMS = {
    "state": "of every state",
    "step": "of every step",
    "scenario": "of what can be tried from every state",
}
QUANTIFIED = {
    "pool": "",
    "market": ", for each market",
    "account": ", for each account",
    "position": ", for each market and account",
}


def said_of(clause: Clause) -> str:
    """What a clause quantifies over, in words."""
    actions = f" by {', '.join(clause.of)}" if clause.of else ""
    instant = ", both accrued to the same time" if clause.instant and clause.form == "step" else ""
    lemma = "; other proofs rest on it" if clause.lemma else ""
    return FORMS[clause.form] + actions + QUANTIFIED[clause.over] + instant + lemma


def formal_text(clause: Clause) -> str:
    """The function itself, without the decorator that files it."""
    lines = dedent(clause.source).rstrip().splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("def "))
    return "\n".join(lines[start:])

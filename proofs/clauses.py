"""Clauses where they are claimed: at which markets and accounts, with which intermediate claims before them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from poolproof.spec.invariant import Cancelled, Clause, Cut, Distributed, Invariant, Scaled, Step
from poolproof.spec.refusal import Refusal

from .paths import Path
from .terms import DivisionByZero
from .world import core_markets

CUT = "cut"
"""The tag of an intermediate claim that is proved before it is used."""


def by_cuts(clauses: list[tuple[Invariant, Clause]]) -> list[tuple[Any, list[tuple[Invariant, Clause]]]]:
    """The clauses of a step, those that share their cuts together."""
    groups: dict[Any, list[tuple[Invariant, Clause]]] = {}
    for invariant, clause in clauses:
        groups.setdefault(clause.cuts if clause.form == "step" else clause.step_cuts, []).append((invariant, clause))
    return list(groups.items())


def claim_cuts(path: Path, cuts: Any, step: Any, name: str) -> None:
    """Claim cuts one after another, each usable once claimed, as far as no price is missing and no divisor is zero."""
    with suppress(Refusal, DivisionByZero, ZeroDivisionError):
        for number, cut in enumerate(cuts(step), start=1):
            premises, conclusion = reading(cut)
            for premise in premises:
                path.claim(premise, f"{name} {number}", cut=True)
            path.space.fact(conclusion, CUT)


def reading(cut: Cut) -> tuple[list[Any], Any]:
    """What a cut has to show, and what it gives: the laws of products hold of all integers."""
    if isinstance(cut, Scaled):
        premises = [cut.unless | (cut.lower <= cut.upper), cut.unless | (cut.factor >= 0)]
        return premises, cut.unless | (cut.lower * cut.factor <= cut.upper * cut.factor)
    if isinstance(cut, Cancelled):
        premises = [
            cut.unless | (cut.lower * cut.factor <= cut.upper * cut.factor),
            cut.unless | (cut.factor > 0),
        ]
        return premises, cut.unless | (cut.lower <= cut.upper)
    if isinstance(cut, Distributed):
        first, second = cut.parts
        return [cut.whole == first + second], cut.factor * cut.whole == cut.factor * first + cut.factor * second
    return [cut], cut


def claim_clause(path: Path, clause: Clause, arguments: tuple[Any, ...], name: str) -> None:
    """Claim what a clause says at one place; where it asks for a price that is missing, it says nothing."""
    try:
        condition = clause.check(*arguments)
        cuts = clause.cuts
        if clause.form == "state" and cuts is not None and condition is not True:
            claim_cuts(path, lambda _: cuts(*arguments), None, f"{name} {cuts.__name__}")
        path.claim(condition, name)
    except Refusal:
        return
    except (DivisionByZero, ZeroDivisionError):
        path.claim(condition=False, name=f"{name}: division by zero in the claim")


def places(
    clause: Clause, where: Any, accounts: tuple[str, ...], only: str | None = None
) -> list[tuple[str, tuple[Any, ...]]]:
    """The arguments of a clause's function at each explicit market and account of a state or a step."""
    if clause.form == "step":
        pairs: list[tuple[str, tuple[Any, ...]]] = [
            (asset, (where, where.old.markets[asset], new)) for asset, new in where.new.markets.items()
        ]
    else:
        pool = where.new if isinstance(where, Step) else where
        pairs = [(asset, (pool, market)) for asset, market in pool.markets.items()]
        where = pool
    if only is not None:
        pairs = [pair for pair in pairs if pair[0] == only]
    if clause.over == "pool":
        return [("", (where,))]
    if clause.over == "account":
        return [(f"({account})", (where, account)) for account in accounts]
    if clause.over == "market":
        return [(f"({asset})", arguments) for asset, arguments in pairs]
    return [(f"({asset}, {account})", (*arguments, account)) for asset, arguments in pairs for account in accounts]


def places_in_core(clause: Clause, where: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """The arguments of a clause about a market at each core market that the explicit markets draw on.

    What is said of particular actions, or within an instant, is shown of the core pool's own steps instead.
    """
    if clause.over != "market" or clause.of or clause.instant:
        return []
    if clause.form == "step":
        old, new = core_markets(where.old), core_markets(where.new)
        return [(f"(core of {asset})", (where, old[asset], core)) for asset, core in new.items()]
    pool = where.new if isinstance(where, Step) else where
    return [(f"(core of {asset})", (pool, core)) for asset, core in core_markets(pool).items()]

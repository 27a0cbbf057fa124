"""Prove a row of the deployed Venus pools of one action's steps; ends with 1 at the first obligation that is not shown.

python tests/planted/prove_step.py ROW ACTION
"""

from __future__ import annotations

import sys
from functools import partial

from poolproof.invariants.deployed.venus import VENUS as CATALOGUE
from poolproof.models.deployed.venus.model import VENUS
from poolproof.proofs.deciding import LADDER
from poolproof.proofs.induction import Obligation
from poolproof.proofs.smt import text_of
from poolproof.proofs.solver import decide_text
from poolproof.proofs.world_of_venus import VenusInduction

BUDGET = 400_000
RUNGS = [rung for rung in LADDER if rung.strategy == "z3-light"]
KNOWN: dict[str, bool] = {}
"""What was found of a text: many paths have the same."""


def shown(obligation: Obligation) -> bool:
    """Whether a slice of the obligation's text has no model."""
    if isinstance(obligation.goal.node, bool) and obligation.goal.node:
        return True
    for rung in RUNGS:
        text, _ = text_of(obligation.goal, rung.rounds, linear=rung.linear)
        if text not in KNOWN:
            KNOWN[text] = decide_text(text, BUDGET, (rung.strategy,))["status"] == "unsat"
        if KNOWN[text]:
            return True
    return False


def main(row: str, action: str) -> int:
    """How the proof ends."""
    for unit in VenusInduction(VENUS, CATALOGUE).units(lambda invariant: invariant.id == row):
        if isinstance(unit, partial) and getattr(unit.args[0], "name", "") == action:
            for obligation in unit():
                if obligation.invariant == row and not shown(obligation):
                    print(obligation.clause, obligation.case)  # noqa: T201
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Obligations: an invariant has the same ones alone and among others."""

from __future__ import annotations

from collections import Counter

from poolproof.invariants import CATALOGUE
from poolproof.models.reference import REFERENCE
from poolproof.proofs.induction import Induction


def steps_of(wanted: str, among: set[str]) -> Counter[tuple[str, str, str]]:
    """How many obligations an invariant has at each action and clause, where some invariants are asked for."""
    found: Counter[tuple[str, str, str]] = Counter()
    for obligation in Induction(REFERENCE, CATALOGUE).obligations(lambda invariant: invariant.id in among):
        if obligation.invariant == wanted and obligation.action != "scenario":
            found[obligation.action, obligation.case, obligation.clause] += 1
    return found


def test_no_obligation_is_lost_beside_another_invariant() -> None:
    """The cuts of LIQ-6 meet a divisor that may be zero; what AUTH-1 claims after them is claimed all the same."""
    alone = steps_of("AUTH-1", {"AUTH-1"})
    assert {"borrow", "redeem", "withdraw", "transfer"} <= {action for action, _, _ in alone}
    assert steps_of("AUTH-1", {"AUTH-1", "LIQ-6"}) == alone

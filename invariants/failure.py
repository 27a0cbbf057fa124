"""What a credit line may no longer do once it has failed: two clauses, one of ISO-4 and one of LINE-1.

A line has failed when its loss has reached the core, until nothing is owed on it.
"""

from __future__ import annotations

from poolproof.models.credit_line import LinedMarket
from poolproof.models.market import Market
from poolproof.spec.invariant import Step
from poolproof.spec.logic import Condition, negation

from .credit_lines import LINE_1
from .isolation import ISO_4


@ISO_4.step()
def a_failed_line_earns_nothing(step: Step, old: Market, new: Market) -> Condition:
    """No interest is charged over it: what is still owed after a failure does not grow while nobody looks."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    return negation(old.failed) | (new.charged == old.charged)


@LINE_1.step()
def a_failed_line_is_not_drawn(step: Step, old: Market, new: Market) -> Condition:
    """No principal goes out over it: its limit is nothing."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    return negation(old.failed) | (new.principal <= old.principal)

"""The failure of a credit line: what stays ready for it, and what the line no longer does after it.

One clause each of LINE-8, ISO-4 and LINE-1.  A line has failed when its loss has reached the core, until nothing is
owed on it.
"""

from __future__ import annotations

from poolproof.models.credit_line import LinedMarket
from poolproof.models.market import Market
from poolproof.spec.invariant import Step
from poolproof.spec.logic import Condition, negation

from .credit_lines import LINE_1, LINE_8, something_owed
from .isolation import ISO_4


@LINE_8.step()
def the_first_loss_reserve_stays_while_something_is_owed(step: Step, old: Market, new: Market) -> Condition:
    """It pays what is lost and nothing else, until principal and interest are paid."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    return (old.first_loss - new.first_loss <= new.lost - old.lost) | negation(something_owed(new))


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

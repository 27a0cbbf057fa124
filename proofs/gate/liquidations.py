"""Liquidations that go wrong: who has just borrowed is liquidated, or is left worse off, or nobody can or would repay."""

from __future__ import annotations

from collections.abc import Iterator

from poolproof.models.isolated_pool import VALUE_LIMIT
from poolproof.spec.arithmetic import WAD

from .bench import Bench, Ended, least, rounded
from .positions import (
    Case,
    Choice,
    collaterals,
    edges,
    healthy_from,
    lendable,
    opened,
    pairs,
    pledge,
    pledgeable,
    supply_for,
    unhealthy_after,
)

# --- more can be borrowed than the threshold allows ----------------------------------------------------------


def loans(bench: Bench, case: Case) -> Iterator[Choice]:
    """Each pair of markets, from the listed prices on."""
    return (choice for choice in edges(bench, case) if choice.edge in ("price", "at once"))


def at_once(bench: Bench, _: Case, choice: Choice) -> None:
    """Somebody borrows all that the loan-to-value allows, and is liquidated in the same instant."""
    borrower, collateral, debt = bench.borrower, choice.collateral, choice.debt
    loan = opened(bench, choice)
    if choice.edge == "at once":
        loan = bench.most("borrow", borrower, debt, at_most=bench.loans(debt))
    else:
        price = least(
            lambda price: bench.after(
                lambda: bench.accepts("borrow", borrower, debt, loan), "set_price", collateral, price
            ),
            1,
            choice.price,
        )
        bench.move_price(collateral, price)
    bench.do("borrow", borrower, debt, loan)
    bench.do("liquidate", bench.liquidator, borrower, debt, collateral, bench.closable(debt))


# --- liquidations take more than they repair -----------------------------------------------------------------


def spirals(bench: Bench, case: Case) -> Iterator[Choice]:
    """Listed prices first; then prices at which no division of a liquidation has a remainder."""
    for collateral, debt in pairs(bench, collaterals(bench, case)):
        if bench.feed(collateral) == bench.feed(debt):
            yield Choice(collateral, debt, bench.price(collateral), "time")
            continue
        yield Choice(collateral, debt, bench.price(collateral), "price")
        for price, unit in bench.even_prices(collateral, debt):
            yield Choice(collateral, debt, price, "at once", unit)


def spiral(bench: Bench, _: Case, choice: Choice) -> None:
    """A borrower falls just below the threshold and is liquidated in part."""
    borrower, collateral, debt = bench.borrower, choice.collateral, choice.debt
    short(bench, choice)
    most = min(bench.closable(debt), bench.owed(debt, borrower) // 2, bench.wallet(debt, bench.liquidator))
    amount = without_remainder(bench.incentive, most)
    bench.do("liquidate", bench.liquidator, borrower, debt, collateral, amount)


def exact_position(bench: Bench, choice: Choice) -> None:
    """A borrower just below the threshold, at prices for which nothing is rounded."""
    borrower, collateral, debt, unit = bench.borrower, choice.collateral, choice.debt, choice.unit
    threshold, ltv = bench.threshold(collateral), bench.ltv(collateral)
    if threshold == 0 or ltv == 0:
        raise Ended
    most = min(pledgeable(bench, collateral), VALUE_LIMIT * ltv * 3 // (choice.price * threshold * 4))
    loan = rounded(min(lendable(bench, debt), most * choice.price * threshold // (unit * WAD)))
    pledged = rounded((loan * unit * WAD - 1) // (choice.price * threshold), 3)
    supply_for(bench, debt)
    pledge(bench, collateral, pledged)
    bench.move_price(debt, unit)
    before = -(-loan * unit * WAD // (pledged * ltv))
    before = rounded(before + before // 8 + 1, 2)
    if pledged * before > VALUE_LIMIT or before > bench.highest_collateral_price(collateral):
        raise Ended
    bench.move_price(collateral, before)
    bench.do("borrow", borrower, debt, loan)
    bench.move_price(collateral, choice.price)


def without_remainder(ratio: int, most: int) -> int:
    """An amount, at most as large as is allowed, whose product with a ratio [wad] exceeds an integer least, for its size.

    It is found as the convergents of a continued fraction are: from an amount whose product lies above an integer and
    one whose product lies below, each brings the other nearer.
    """
    if most < 1:
        raise Ended
    amount, excess = 1, ratio % WAD
    other, lack = 0, WAD
    while excess:
        steps = (lack - 1) // excess
        other, lack = other + steps * amount, lack - steps * excess
        steps = min(excess // lack, (most - amount) // other)
        if steps == 0:
            break
        amount, excess = amount + steps * other, excess - steps * lack
    return most // amount * amount


# --- liquidations that do not happen, or burn too much -------------------------------------------------------


def falls(bench: Bench, case: Case) -> Iterator[Choice]:
    """Each pair of markets, at the listed prices."""
    return (choice for choice in spirals(bench, case) if choice.edge != "at once")


def short(bench: Bench, choice: Choice) -> None:
    """A borrower just below the threshold, because the price fell or interest grew."""
    borrower, collateral, debt = bench.borrower, choice.collateral, choice.debt
    if choice.edge == "at once":
        exact_position(bench, choice)
        return
    loan = opened(bench, choice)
    loan = loan if choice.edge == "price" else bench.most("borrow", borrower, debt, at_most=bench.loans(debt))
    bench.do("borrow", borrower, debt, loan)
    if choice.edge == "price":
        bench.move_price(collateral, healthy_from(bench, collateral) - 1)
    else:
        bench.do("pass_time", unhealthy_after(bench))


def smallest(bench: Bench, _: Case, choice: Choice) -> None:
    """Somebody wants to liquidate a borrower who is short, as far as that is allowed, and be it by one unit."""
    short(bench, choice)
    amount = min(bench.closable(choice.debt), bench.wallet(choice.debt, bench.liquidator)) or 1
    bench.attempt("liquidate", bench.liquidator, bench.borrower, choice.debt, choice.collateral, amount)


def beyond(bench: Bench, _: Case, choice: Choice) -> None:
    """Somebody liquidates a borrower who is short with more than is owed."""
    short(bench, choice)
    amount = min(2 * bench.owed(choice.debt, bench.borrower), bench.wallet(choice.debt, bench.liquidator))
    bench.do("liquidate", bench.liquidator, bench.borrower, choice.debt, choice.collateral, amount)

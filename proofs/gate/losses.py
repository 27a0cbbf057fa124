"""Losses without a liquidation: markets that freeze, interest that suppliers pay, an emptied core, stranded deposits."""

from __future__ import annotations

from collections.abc import Iterator

from poolproof.spec.arithmetic import WAD

from .bench import Bench, Ended, rounded
from .positions import (
    LONGEST,
    Case,
    Choice,
    pledge,
    pledgeable,
    supplied_for,
)

# --- everything is borrowed ----------------------------------------------------------------------------------


def backed(bench: Bench, case: Case) -> Iterator[Choice]:
    """The market that is asked about, borrowed from on each other collateral; or not borrowed from at all."""
    debt = bench.market(case.asset)
    others = [name for name in bench.markets if bench.feed(name) != bench.feed(debt) and bench.ltv(name)]
    others.sort(key=lambda name: -pledgeable(bench, name) * bench.price(name) * bench.ltv(name))
    yield from (Choice(name, debt, bench.price(name), "at once") for name in others if bench.price(name))
    yield Choice(debt, debt, bench.price(debt), "time")


def all_borrowed(bench: Bench, choice: Choice) -> None:
    """Somebody borrows everything that a market has, or, on the market's own shares, all that they allow."""
    collateral, debt = choice.collateral, choice.debt
    if collateral == debt:
        pledge(bench, debt, rounded(pledgeable(bench, debt)))
        bench.do("borrow", bench.borrower, debt, bench.most("borrow", bench.borrower, debt, at_most=bench.loans(debt)))
        return
    if bench.cash(debt) > bench.loans(debt):
        redeem_all(bench, debt)
    supply = min(supplied_for(bench, debt), bench.loans(debt) - bench.cash(debt))
    if supply > 0:
        bench.do("deposit", bench.lender, bench.lent_from(debt), rounded(supply))
    borrow_on(bench, choice, min(bench.cash(debt), bench.loans(debt)))


def borrow_on(bench: Bench, choice: Choice, loan: int) -> None:
    """Somebody borrows on as much of a collateral, at a price as high, and of the debt as low, as that takes."""
    collateral, debt = choice.collateral, choice.debt
    pledged, most = rounded(pledgeable(bench, collateral)), bench.highest_collateral_price(collateral)
    worth = pledged * bench.ltv(collateral)
    if loan == 0 or worth == 0:
        raise Ended
    needed = -(-loan * bench.price(debt) * WAD // worth)
    if needed + needed // 4 >= most:
        bench.move_price(debt, max(1, bench.price(debt) * most // (2 * needed)))
        needed = -(-loan * bench.price(debt) * WAD // worth)
    pledge(bench, collateral, pledged)
    bench.move_price(collateral, min(most, max(choice.price, rounded(needed + needed // 4 + 1, 2))))
    bench.do("borrow", bench.borrower, debt, loan)


def redeem_all(bench: Bench, name: str) -> None:
    """Let everybody leave a market."""
    for user in bench.protocol.users:
        if bench.shares(name, user):
            bench.do("redeem", user, name, bench.shares(name, user))


# --- rates beyond their maximum, and reserves beyond the interest --------------------------------------------


def frozen(bench: Bench, _: Case, choice: Choice) -> None:
    """Everything is borrowed, a slot passes, and the borrower wants to repay; or a supplier comes, and wants to leave."""
    lender, debt = bench.lender, choice.debt
    if choice.edge == "time":
        bench.do("deposit", lender, debt, rounded(supplied_for(bench, debt)))
        bench.do("pass_time", 1)
        bench.attempt("redeem", lender, debt, bench.shares(debt, lender))
        return
    all_borrowed(bench, choice)
    bench.do("pass_time", 1)
    bench.attempt(*bench.repayment(debt, bench.owed(debt, bench.borrower)))


def charged(bench: Bench, _: Case, choice: Choice) -> None:
    """Much is borrowed, as much time passes as a market may be left alone, and interest is charged."""
    all_borrowed(bench, choice)
    bench.do("pass_time", min(LONGEST, bench.protocol.horizon))
    bench.do("accrue_interest", choice.debt)


# --- markets and lines that go -------------------------------------------------------------------------------


def here(bench: Bench, case: Case) -> Iterator[Choice]:
    """The market that is asked about."""
    name = bench.market(case.asset)
    yield Choice(name, name, bench.price(name), "at once")


def stranded(bench: Bench, _: Case, choice: Choice) -> None:
    """Somebody supplies, or has supplied already, to a market that is to go."""
    amount = min(bench.wallet(choice.debt, bench.borrower), bench.room(choice.debt))
    if amount > 0:
        bench.do("deposit", bench.borrower, choice.debt, rounded(amount))
    else:
        bench.do("accrue_interest", choice.debt)


def drawn(bench: Bench, _: Case, choice: Choice) -> None:
    """The core's suppliers come, and somebody draws on it over a line that is to go."""
    core = bench.core_of(choice.debt)
    supply = rounded(min(bench.wallet(choice.debt, bench.lender), bench.room(core)))
    bench.do("deposit", bench.lender, core, supply)
    borrow_on(bench, choice, rounded(min(supply, bench.line_of(choice.debt), bench.loans(choice.debt))))


# --- lines beyond the core -----------------------------------------------------------------------------------


def written_off(bench: Bench, _: Case, choice: Choice) -> None:
    """All that the core has is drawn over the line, the collateral becomes worthless, and the debt is written off.

    The core has what suppliers may bring, and reserves that make it one unit more than their cap.
    """
    borrower, collateral, debt, core = bench.borrower, choice.collateral, choice.debt, bench.core_of(choice.debt)
    others = [user for user in bench.protocol.users if user != borrower]
    for user in others:
        amount = min(bench.wallet(debt, user), bench.room(core))
        if amount:
            bench.do("deposit", user, core, amount)
    missing = bench.supply_cap(core) + 1 - bench.cash(core)
    giver = next((user for user in others if bench.wallet(debt, user) >= missing), borrower)
    bench.do("add_reserves", giver, core, missing)
    borrow_on(bench, choice, min(bench.cash(core), bench.line_of(debt)))
    bench.move_price(collateral, 1)
    if not bench.accepts("write_off", bench.lender, borrower):
        bench.do("liquidate", bench.liquidator, borrower, debt, collateral, bench.wallet(debt, bench.liquidator))
    bench.do("write_off", bench.lender, borrower)

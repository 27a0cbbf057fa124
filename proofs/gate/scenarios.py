"""Scenarios: what is done on a bench so that somebody loses, written once for every model."""

from __future__ import annotations

from collections.abc import Iterator

from poolproof.models.isolated_pool import VALUE_LIMIT
from poolproof.spec.arithmetic import WAD
from poolproof.spec.protocol import VTokenConfig

from .bench import Bench, Ended, least, rounded
from .positions import (
    LONGEST,
    Case,
    Choice,
    at_the_edge,
    collaterals,
    edges,
    healthy_from,
    lendable,
    opened,
    pairs,
    pledge,
    pledgeable,
    supplied_for,
    supply_for,
    unhealthy_after,
)

# --- the liquidation threshold falls ----------------------------------------------------------------------


def lowered(bench: Bench, case: Case, choice: Choice) -> None:
    """A borrower at the edge of health; then governance puts the proposed factors in force."""
    proposed = case.market()
    at_the_edge(bench, choice)
    bench.do("set_factors", choice.collateral, proposed.ltv, proposed.liquidation_threshold)


# --- more can be borrowed than the threshold allows -------------------------------------------------------


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


# --- liquidations take more than they repair --------------------------------------------------------------


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
    """An amount, at most as large as is allowed, whose product with a ratio [wad] is an integer, or least above one.

    It is a multiple of a denominator of the ratio's continued fraction, of those whose fractions lie below the ratio.
    """
    rest, divisor = ratio, WAD
    older, newer, below, best = 0, 1, True, 1
    while newer <= most:
        rest, divisor = divisor, rest % divisor
        if below or divisor == 0:
            best = newer
        if divisor == 0:
            break
        older, newer, below = newer, older + newer * (rest // divisor), not below
    if most < best:
        raise Ended
    return most // best * best


# --- rates beyond their maximum ---------------------------------------------------------------------------


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


# --- liquidations that do not happen, cost who repays, or burn too much ------------------------------------


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


# --- interest ---------------------------------------------------------------------------------------------


def charged(bench: Bench, _: Case, choice: Choice) -> None:
    """Much is borrowed, as much time passes as a market may be left alone, and interest is charged."""
    all_borrowed(bench, choice)
    bench.do("pass_time", min(LONGEST, bench.protocol.horizon))
    bench.do("accrue_interest", choice.debt)


# --- prices -----------------------------------------------------------------------------------------------


def answers(bench: Bench, case: Case) -> Iterator[Choice]:
    """What a new source may answer: the proposed price, or else one that halves a collateral or doubles a debt."""
    name = bench.market(case.asset)
    listed, proposed = bench.price(name), case.market().price
    for collateral, debt in pairs(bench, [name]):
        if bench.feed(collateral) != bench.feed(debt):
            yield from (Choice(name, debt, listed, "at once", new) for new in (proposed, listed // 2, 1) if new)
    for collateral in bench.markets:
        if bench.feed(collateral) != bench.feed(name) and bench.ltv(collateral):
            price = bench.price(collateral)
            yield from (Choice(collateral, name, price, "at once", new) for new in (proposed, listed * 2))


def answered(bench: Bench, case: Case, choice: Choice) -> None:
    """Somebody borrows at the prices in force; then the new source answers."""
    bench.do("borrow", bench.borrower, choice.debt, opened(bench, choice))
    bench.do("set_price", bench.market(case.asset), choice.unit)


def bounds(bench: Bench, case: Case) -> Iterator[Choice]:
    """Prices above the proposed bound at which collateral counts in full now."""
    name = bench.market(case.asset)
    bound = case.market().price_bound
    for collateral, debt in pairs(bench, [name]):
        if bench.feed(collateral) != bench.feed(debt) and bound:
            above = bound * max(2, 2 * bench.threshold(name) // max(bench.ltv(name), 1))
            for price in (bench.price(name), above):
                yield Choice(name, debt, min(price, bench.highest_collateral_price(name)), "price", bound)
            yield Choice(name, debt, bench.highest_collateral_price(name), "time", bound)


def bounded(bench: Bench, _: Case, choice: Choice) -> None:
    """A borrower at the edge of health; then the price counts up to the proposed bound alone."""
    at_the_edge(bench, choice)
    bench.do("set_price", choice.collateral, choice.unit)


# --- markets and lines that go ----------------------------------------------------------------------------


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


def over_the_line(bench: Bench, choice: Choice, *, whole: bool) -> None:
    """The core's suppliers bring what they may, and somebody draws on it over the line, on a collateral priced for it.

    ``whole``: all that the core has, which its reserves have made more than its suppliers may bring.
    """
    debt, core = choice.debt, bench.core_of(choice.debt)
    for user in (user for user in bench.protocol.users if user != bench.borrower):
        amount = min(bench.wallet(debt, user), bench.room(core))
        if amount:
            bench.do("deposit", user, core, amount)
    if whole:
        giver = next((user for user in bench.protocol.users if bench.wallet(debt, user)), bench.borrower)
        bench.do("add_reserves", giver, core, 1)
    loan = min(bench.cash(core), bench.line_of(debt))
    borrow_on(bench, choice, loan if whole else rounded(min(loan, bench.loans(debt))))


def drawn(bench: Bench, _: Case, choice: Choice) -> None:
    """Something is owed over a line that is to go."""
    over_the_line(bench, choice, whole=False)


def written_off(bench: Bench, _: Case, choice: Choice) -> None:
    """All that the core has is drawn over the line, the collateral becomes worthless, and the debt is written off."""
    over_the_line(bench, choice, whole=True)
    bench.move_price(choice.collateral, 1)
    if not bench.accepts("write_off", bench.lender, bench.borrower):
        most = bench.wallet(choice.debt, bench.liquidator)
        bench.do("liquidate", bench.liquidator, bench.borrower, choice.debt, choice.collateral, most)
    bench.do("write_off", bench.lender, bench.borrower)


# --- changes that the contracts refuse --------------------------------------------------------------------


def anywhere(_: Bench, case: Case) -> Iterator[Choice]:
    """Nothing is left open."""
    yield Choice(case.asset or "", "", 0, "at once")


def factors_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed factors of a market in force."""
    market = case.market()
    bench.attempt("set_factors", bench.market(case.asset), market.ltv, market.liquidation_threshold)


def close_factor_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed close factor in force."""
    bench.attempt("set_close_factor", case.proposed().close_factor)


def incentive_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed incentive in force."""
    bench.attempt("set_liquidation_incentive", case.proposed().liquidation_incentive)


def reserve_factor_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed reserve factor in force."""
    bench.attempt("set_reserve_factor", bench.market(case.asset), case.market().reserve_factor)


def seize_share_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed protocol's part of seizures in force."""
    share = (case.market().venus or VTokenConfig()).protocol_seize_share
    bench.attempt("set_protocol_seize_share", bench.market(case.asset), share)

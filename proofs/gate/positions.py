"""Positions at the edge of health: which markets they are in, how much is pledged and borrowed, and how they get there.

What is left open is tried in turn, what looks most natural first.  Amounts are round; the one number that is not is the
price, or the repayment, that brings an account to the edge exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from poolproof.models.isolated_pool import VALUE_LIMIT
from poolproof.spec.arithmetic import WAD
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol

from .bench import Bench, Ended, least, rounded

Edge = Literal["price", "repayment", "at once", "time", "factors"]
"""How a borrower gets to the edge: by a price that falls, by repaying a part, by borrowing all, by interest, or by
borrowing all at a loan-to-value that governance raised to the threshold."""
MOST_MARKETS = 2
"""How many markets are tried as the one that is borrowed from."""
SCALES = (1, 10**3, 10**6, 10**10)
"""By how much the collateral's price is raised where the listed one is too coarse [times]."""
LONGEST = 2**30
"""The longest time that passes in one step [slots]."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked: the protocol in force, the proposed one, and where."""

    base: Protocol
    head: Protocol
    pool: str
    asset: str | None

    def proposed(self) -> PoolConfig:
        """The pool as it is proposed."""
        found = next((pool for pool in self.head.pools if pool.id == self.pool), None)
        if found is None:
            raise Ended
        return found

    def market(self) -> MarketConfig:
        """The market as it is proposed."""
        found = next((market for market in self.proposed().markets if market.asset == self.asset), None)
        if found is None:
            raise Ended
        return found


@dataclass(frozen=True, slots=True)
class Choice:
    """What a scenario leaves open: the collateral, what is borrowed, the collateral's price, and how the edge comes.

    ``unit`` is the price of what is borrowed, 0 for the listed one.
    """

    collateral: str
    debt: str
    price: int
    edge: Edge
    unit: int = 0


# --- which markets ----------------------------------------------------------------------------------------


def lendable(bench: Bench, name: str) -> int:
    """What can be borrowed in a market, once everything that can be supplied is [tokens]."""
    return min(supplied_for(bench, name) + bench.cash(name), bench.loans(name))


def supplied_for(bench: Bench, name: str) -> int:
    """What the lender can supply for loans in a market, half of what he has left to him; round, or 0 [tokens]."""
    most = min(bench.wallet(name, bench.lender) // 2, bench.room(bench.lent_from(name)))
    return rounded(most) if most > 0 else 0


def pledgeable(bench: Bench, name: str) -> int:
    """What the borrower can pledge: of his own, or, where no more can be supplied, what others hold [tokens]."""
    own = min(bench.wallet(name, bench.borrower), bench.room(name))
    return own or max(bench.held(name, user) for user in bench.protocol.users)


def pledge(bench: Bench, name: str, amount: int) -> None:
    """Let the borrower supply collateral, or receive it from who has it."""
    if min(bench.wallet(name, bench.borrower), bench.room(name)) > 0:
        bench.do("deposit", bench.borrower, name, amount)
    else:
        holder = max(bench.protocol.users, key=lambda user: bench.held(name, user))
        part = bench.shares(name, holder) * amount // bench.held(name, holder)
        bench.do("transfer", *bench.sent(name, holder, part))
    bench.do("enter", bench.borrower, name)


def pairs(bench: Bench, names: list[str]) -> Iterator[tuple[str, str]]:
    """Collaterals with what can be borrowed on them: what has another price first, the largest loans first."""
    for collateral in names:
        others = [name for name in bench.markets if lendable(bench, name) > 0 and bench.price(name) > 0]
        others.sort(key=lambda name: -lendable(bench, name))
        apart = [name for name in others if bench.feed(name) != bench.feed(collateral)]
        yield from ((collateral, name) for name in apart[:MOST_MARKETS])
    for collateral in names:
        alike = [name for name in bench.markets if bench.feed(name) == bench.feed(collateral)]
        yield from ((collateral, name) for name in alike if bench.loans(name) > 0)


def collaterals(bench: Bench, case: Case) -> list[str]:
    """The market that is asked about, or of a pool all of them."""
    return list(bench.markets) if case.asset is None else [bench.market(case.asset)]


def edges(bench: Bench, case: Case) -> Iterator[Choice]:
    """Each way to the edge of health, from the listed prices on."""
    for collateral, debt in pairs(bench, collaterals(bench, case)):
        listed, most = bench.price(collateral), bench.highest_collateral_price(collateral)
        if bench.feed(collateral) == bench.feed(debt):
            yield from (Choice(collateral, debt, listed, edge) for edge in ("at once", "time", "factors"))
            continue
        for price in dict.fromkeys(min(listed * scale, most) for scale in SCALES):
            yield from (Choice(collateral, debt, price, edge) for edge in ("price", "repayment"))


# --- how much ---------------------------------------------------------------------------------------------


def opened(bench: Bench, choice: Choice) -> int:
    """Let the lender supply and the borrower pledge as much as a round loan needs; the loan [tokens]."""
    collateral, debt = choice.collateral, choice.debt
    most = min(pledgeable(bench, collateral), VALUE_LIMIT // max(choice.price, 1))
    if collateral == debt:
        pledge(bench, collateral, rounded(most))
        return 0
    unit = bench.price(debt) * WAD
    value = choice.price * (bench.ltv(collateral) or bench.threshold(collateral))
    if unit == 0 or value == 0:
        raise Ended
    loan = rounded(min(lendable(bench, debt) * 7 // 8, most * value // unit))
    needed = -(-loan * unit // value)
    supply_for(bench, debt)
    pledge(bench, collateral, min(most, max(needed, rounded(needed + needed // 8, 2))))
    bench.move_price(collateral, choice.price)
    return loan


def supply_for(bench: Bench, name: str) -> None:
    """Let the lender supply all that is to be lent in a market."""
    amount = supplied_for(bench, name)
    if amount:
        bench.do("deposit", bench.lender, bench.lent_from(name), amount)


def raise_factors(bench: Bench, choice: Choice) -> None:
    """Let governance raise the collateral's loan-to-value to the threshold."""
    threshold = bench.threshold(choice.collateral)
    bench.do("set_factors", choice.collateral, threshold, threshold)


def at_the_edge(bench: Bench, choice: Choice) -> None:
    """Bring the borrower to where one unit more of debt, or one less of a price, would be too much."""
    borrower, collateral, debt = bench.borrower, choice.collateral, choice.debt
    loan = opened(bench, choice)
    if choice.edge == "factors" or not bench.ltv(collateral):
        raise_factors(bench, choice)
    if choice.edge in ("at once", "factors") or not loan:
        loan = bench.most("borrow", borrower, debt, at_most=bench.loans(debt))
    bench.do("borrow", borrower, debt, loan)
    if choice.edge in ("price", "repayment"):
        edge = healthy_from(bench, collateral)
        if choice.edge == "price":
            bench.move_price(collateral, edge)
            return
        bench.move_price(collateral, max(edge - 1, 1))
    if choice.edge == "time":
        bench.do("pass_time", unhealthy_after(bench))
    if choice.edge in ("repayment", "time"):
        repay(bench, debt)


def healthy_from(bench: Bench, collateral: str) -> int:
    """The least price of a collateral at which the borrower is healthy."""

    def healthy(price: int) -> bool:
        return bench.after(lambda: bench.is_healthy(bench.borrower), "set_price", collateral, price)

    return least(healthy, 1, bench.price(collateral))


def unhealthy_after(bench: Bench) -> int:
    """How long it takes until the borrower can be liquidated [slots]."""

    def unhealthy(elapsed: int) -> bool:
        return not bench.after(lambda: bench.is_healthy(bench.borrower), "pass_time", elapsed)

    return least(unhealthy, 1, min(LONGEST, bench.protocol.horizon))


def repay(bench: Bench, debt: str) -> None:
    """Let the borrower repay the least amount that makes the account healthy."""

    def healthy(amount: int) -> bool:
        return bench.after(lambda: bench.is_healthy(bench.borrower), *bench.repayment(debt, amount))

    if not bench.is_healthy(bench.borrower):
        amount = least(healthy, 1, bench.wallet(debt, bench.borrower))
        bench.do(*bench.repayment(debt, amount))

"""Contracts of the arithmetic and of the small conversions, checked by CrossHair on the plain Python text.

An independent tool on the same functions: CrossHair runs them on symbolic integers of its own and never sees
the terms, the paths or the tactics of the prover.  Each contract is a function with conditions on its
arguments (``pre``) and on what it returns (``post``); numbers are bounded by the words that hold them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from poolproof.models.liquidation import close_limit
from poolproof.models.market import (
    Market,
    debt_shares_for_borrow,
    debt_shares_for_repayment,
    shares_for_deposit,
    shares_for_withdrawal,
    tokens_for_debt,
    tokens_for_shares,
    unit_value,
)
from poolproof.models.oracle import Feed, collateral_price
from poolproof.models.rates import JumpRate, WhitePaperRate, utilisation
from poolproof.spec.arithmetic import (
    WAD,
    div_down,
    div_half_up,
    div_toward_zero,
    div_up,
    mul_div_down,
    mul_div_half_up,
    mul_div_up,
)
from poolproof.spec.state import Journal, Ledger

from .verdicts import Outcome, Verdict, worst

Contract: TypeAlias = Callable[..., Any]
"""A function whose docstring states its conditions, as PEP 316 has them."""

SECONDS = 20.0
"""How long one condition may take; the ones below take less than one [s]."""


# --- arithmetic -------------------------------------------------------------------------------------------


def div_down_is_the_floor(numerator: int, denominator: int) -> int:
    """The last multiple of the denominator that does not exceed the numerator.

    pre: 0 <= numerator < 2**256
    pre: 0 < denominator < 2**256
    post: __return__ * denominator <= numerator < (__return__ + 1) * denominator
    """
    quotient: int = div_down(numerator, denominator)
    return quotient


def div_up_is_the_ceiling(numerator: int, denominator: int) -> int:
    """The first multiple of the denominator that is not below the numerator.

    pre: 0 <= numerator < 2**256
    pre: 0 < denominator < 2**256
    post: (__return__ - 1) * denominator < numerator <= __return__ * denominator
    """
    quotient: int = div_up(numerator, denominator)
    return quotient


def div_half_up_is_the_nearest(numerator: int, denominator: int) -> int:
    """At most half a unit from exact; exactly half a unit is rounded up.

    pre: 0 <= numerator < 2**256
    pre: 0 < denominator < 2**256
    post: -denominator < 2 * (numerator - __return__ * denominator) + 1 <= denominator
    """
    quotient: int = div_half_up(numerator, denominator)
    return quotient


def mul_div_roundings_differ_by_at_most_one(factor: int, other: int, denominator: int) -> int:
    """Rounded up and rounded down are the same or neighbours.

    pre: 0 <= factor < 2**256
    pre: 0 <= other < 2**256
    pre: 0 < denominator < 2**256
    post: 0 <= __return__ <= 1
    """
    gap: int = mul_div_up(factor, other, denominator) - mul_div_down(factor, other, denominator)
    return gap


def mul_div_half_up_lies_between(factor: int, other: int, denominator: int) -> int:
    """Rounded to the nearest is rounded down or rounded up.

    pre: 0 <= factor < 2**256
    pre: 0 <= other < 2**256
    pre: 0 < denominator < 2**256
    post: mul_div_down(factor, other, denominator) <= __return__ <= mul_div_up(factor, other, denominator)
    """
    quotient: int = mul_div_half_up(factor, other, denominator)
    return quotient


def div_toward_zero_truncates(numerator: int, denominator: int) -> int:
    """The quotient's magnitude is the floor of the magnitudes' quotient, its sign the product of the signs.

    pre: -(2**255) <= numerator < 2**255
    pre: -(2**255) <= denominator < 2**255
    pre: denominator != 0
    post: abs(__return__) * abs(denominator) <= abs(numerator) < (abs(__return__) + 1) * abs(denominator)
    post: __return__ == 0 or (__return__ > 0) == ((numerator > 0) == (denominator > 0))
    """
    quotient: int = div_toward_zero(numerator, denominator)
    return quotient


# --- rates and prices -------------------------------------------------------------------------------------


def utilisation_is_a_fraction(cash: int, debt: int) -> int:
    """Utilisation stays within [0, 1], and is 0 without debt.

    pre: 0 <= cash < 2**172
    pre: 0 <= debt < 2**192
    post: 0 <= __return__ <= WAD
    post: debt > 0 or __return__ == 0
    """
    used: int = utilisation(cash, debt)
    return used


def jump_rate_never_falls(used: int, base: int, multiplier: int, jump: int, kink: int) -> int:
    """The rate does not fall from one utilisation to the next, hence never; at none it is the base rate.

    pre: 0 <= used < WAD
    pre: 0 <= kink <= WAD
    pre: 0 <= base <= 10**15 and 0 <= multiplier <= 10**15 and 0 <= jump <= 10**15
    post: __return__ >= 0
    """
    rates = JumpRate(base, multiplier, jump, kink)
    rise: int = rates.borrow_rate(used + 1) - rates.borrow_rate(used)
    return rise if rates.borrow_rate(0) == base else -1


def white_paper_rate_never_falls(used: int, base: int, multiplier: int) -> int:
    """The same for the model without a kink.

    pre: 0 <= used < WAD
    pre: 0 <= base <= 10**15 and 0 <= multiplier <= 10**15
    post: __return__ >= 0
    """
    rates = WhitePaperRate(base, multiplier)
    rise: int = rates.borrow_rate(used + 1) - rates.borrow_rate(used)
    return rise if rates.borrow_rate(0) == base else -1


def collateral_counts_at_most_at_the_bound(price: int, bound: int, age: int, max_age: int) -> int:
    """The price of collateral is at most the fair price and at most the bound; a stale price is none.

    pre: 0 <= price <= 2**128 and 0 <= bound <= 2**128
    pre: 0 <= age <= 2**30 and 0 <= max_age <= 2**30
    post: 0 <= __return__ <= price
    post: bound == 0 or __return__ <= bound
    post: max_age == 0 or age <= max_age or __return__ == 0
    """
    feed = Feed("asset", price, 0, max_age, bound)
    counted: int = collateral_price(feed, age)
    return counted


# --- conversions ------------------------------------------------------------------------------------------


def _market(cash: int, debt_shares: int, index: int, supply: int, virtual_shares: int) -> Market:
    """A market without reserves; what the conversions read."""
    market = Market()
    market.cash, market.reserves = cash, 0
    market.debt_shares, market.index = debt_shares, index
    market.supply, market.virtual_shares = supply, virtual_shares
    return market


def depositing_and_redeeming_gives_no_more(amount: int, cash: int, supply: int, virtual_shares: int) -> int:
    """What a deposit's shares are worth, at the price at which they were credited, is at most the deposit.

    pre: 0 <= amount < 2**112 and 0 <= cash < 2**112
    pre: 0 <= supply <= 2**190 and 1 <= virtual_shares <= 2**64
    post: 0 <= __return__ <= amount
    """
    market = _market(cash, 0, WAD, supply, virtual_shares)
    paid: int = tokens_for_shares(market, shares_for_deposit(market, amount))
    return paid


def a_withdrawal_burns_what_it_is_worth(amount: int, cash: int, supply: int, virtual_shares: int) -> int:
    """The shares burned for an amount are worth the amount, and one share less would not be.

    pre: 0 < amount < 2**112 and 0 <= cash < 2**112
    pre: 0 <= supply <= 2**190 and 1 <= virtual_shares <= 2**64
    post: __return__ * (cash * WAD + 1) >= amount * WAD * (supply + virtual_shares)
    post: (__return__ - 1) * (cash * WAD + 1) < amount * WAD * (supply + virtual_shares)
    """
    burned: int = shares_for_withdrawal(_market(cash, 0, WAD, supply, virtual_shares), amount)
    return burned


def borrowing_and_repaying_costs_no_less(amount: int, index: int) -> int:
    """A debt is at least what was borrowed, and exceeds it by less than one debt share and one unit.

    pre: 0 <= amount < 2**112
    pre: WAD <= index <= WAD * 2**20
    post: __return__ >= amount
    post: (__return__ - amount - 1) * WAD < index
    """
    market = _market(0, 0, index, 0, 1)
    owed: int = tokens_for_debt(market, debt_shares_for_borrow(market, amount))
    return owed


def a_repayment_takes_at_most_the_offer(amount: int, index: int) -> int:
    """What the debt shares of an offer are worth, rounded up, is at most the offer.

    pre: 0 <= amount < 2**112
    pre: WAD <= index <= WAD * 2**20
    post: 0 <= __return__ <= amount
    """
    market = _market(0, 0, index, 0, 1)
    taken: int = tokens_for_debt(market, debt_shares_for_repayment(market, amount))
    return taken


def a_unit_value_is_at_most_exact(cash: int, supply: int, virtual_shares: int, cap: int, price: int) -> int:
    """The unit value of a share, at full weight, is at most its assets x price, and at most the cap's part.

    pre: 0 <= cash < 2**112 and 0 <= cap < 2**112 and 0 <= price <= 2**48
    pre: 0 <= supply <= 2**190 and 1 <= virtual_shares <= 2**64
    post: __return__ * (supply + virtual_shares) <= (cash * WAD + 1) * price
    post: __return__ * (supply + virtual_shares) <= cap * WAD * price
    """
    market = _market(cash, 0, WAD, supply, virtual_shares)
    market.supply_cap, market.feed = cap, Feed("asset", price, 0, 0, 0)
    value: int = unit_value(market, WAD, 0)
    return value


def the_last_debt_share_can_be_liquidated(debt_shares: int, close_factor: int) -> int:
    """A close factor above 0 lets a liquidation burn at least one of the debt shares, and at most all.

    pre: 0 <= debt_shares < 2**112
    pre: 0 < close_factor <= WAD
    post: __return__ <= debt_shares
    post: debt_shares == 0 or __return__ >= 1
    """
    market = _market(0, debt_shares, WAD, 0, 1)
    market.debts = Ledger(Journal(), {"borrower": debt_shares})
    most: int = close_limit(market, "borrower", close_factor)
    return most


CONTRACTS: dict[str, tuple[Contract, ...]] = {
    "RND-1": (
        div_down_is_the_floor,
        div_up_is_the_ceiling,
        div_half_up_is_the_nearest,
        mul_div_roundings_differ_by_at_most_one,
        mul_div_half_up_lies_between,
        div_toward_zero_truncates,
        a_withdrawal_burns_what_it_is_worth,
        borrowing_and_repaying_costs_no_less,
    ),
    "RND-4": (a_repayment_takes_at_most_the_offer,),
    "RND-6": (depositing_and_redeeming_gives_no_more,),
    "RATE-1": (utilisation_is_a_fraction,),
    "RATE-2": (jump_rate_never_falls, white_paper_rate_never_falls),
    "CAP-2": (a_unit_value_is_at_most_exact,),
    "ORC-2": (collateral_counts_at_most_at_the_bound,),
    "LIQ-5": (the_last_debt_share_can_be_liquidated,),
}
"""The contracts by the invariant whose arithmetic they are about: none of them is the whole invariant."""


# --- the engine -------------------------------------------------------------------------------------------


def crosshair_check(targets: Iterable[Contract], per_condition_timeout: float = SECONDS) -> list[Outcome]:
    """Check contracts, each condition for at most so many seconds.

    PROVED only where CrossHair went through every path; REFUTED with the arguments that break a condition;
    VACUOUS where no arguments satisfy the conditions on them; all else, a contract without a condition too,
    is UNKNOWN.
    """
    from crosshair.core_and_libs import analyze_function, run_checkables
    from crosshair.options import AnalysisKind, AnalysisOptionSet

    options = AnalysisOptionSet(
        analysis_kind=[AnalysisKind.PEP316],
        per_condition_timeout=per_condition_timeout,
        per_path_timeout=per_condition_timeout / 2,
        report_all=True,
    )
    outcomes = []
    for target in targets:
        began = time.perf_counter()
        messages = run_checkables(analyze_function(target, options))
        answers = [(_VERDICTS.get(each.state.name, Verdict.UNKNOWN), each.message) for each in messages]
        outcomes.append(_outcome(target.__name__, answers, time.perf_counter() - began))
    return outcomes


_VERDICTS = {
    "CONFIRMED": Verdict.PROVED,
    "POST_FAIL": Verdict.REFUTED,
    "POST_ERR": Verdict.REFUTED,
    "EXEC_ERR": Verdict.REFUTED,
    "PRE_UNSAT": Verdict.VACUOUS,
}
"""What CrossHair's answers mean; what is not here is not known."""


def _outcome(name: str, answers: list[tuple[Verdict, str]], seconds: float) -> Outcome:
    """The outcome of one contract: as good as its worst condition."""
    if not answers:
        answers = [(Verdict.UNKNOWN, "the contract states no condition")]
    verdict = worst([each for each, _ in answers])
    reason = None if verdict is Verdict.PROVED else next(text for each, text in answers if each is verdict)
    return Outcome(name, verdict, "crosshair", seconds, reason=reason)

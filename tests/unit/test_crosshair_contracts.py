"""CrossHair confirms the contracts of the arithmetic, and refutes each of them where a function is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from poolproof.models import market as markets
from poolproof.models.rates import JumpRate, WhitePaperRate
from poolproof.proofs import crosshair_contracts as contracts
from poolproof.proofs.crosshair_contracts import CONTRACTS, crosshair_check
from poolproof.proofs.verdicts import Verdict
from poolproof.spec.arithmetic import WAD, div_up

EVERY = [contract for group in CONTRACTS.values() for contract in group]


@pytest.mark.parametrize("contract", EVERY, ids=lambda contract: str(contract.__name__))
def test_a_contract_is_confirmed(contract: Callable[..., Any]) -> None:
    """Every path of the function, for all numbers of its words, keeps its conditions."""
    (outcome,) = crosshair_check([contract])
    assert (outcome.verdict, outcome.reason) == (Verdict.PROVED, None)
    assert outcome.solver == "crosshair"


def falling(rates: JumpRate | WhitePaperRate, used: int) -> int:
    """A rate that falls as more is used."""
    return rates.base + rates.multiplier - used


WRONG: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
    ("div_down", div_up, contracts.div_down_is_the_floor),
    ("div_up", lambda n, d: n // d + 1, contracts.div_up_is_the_ceiling),
    ("div_half_up", lambda n, d: n // d, contracts.div_half_up_is_the_nearest),
    ("mul_div_up", lambda a, b, d: a * b // d + 2, contracts.mul_div_roundings_differ_by_at_most_one),
    ("mul_div_half_up", lambda a, b, d: (a * b + d) // d, contracts.mul_div_half_up_lies_between),
    ("div_toward_zero", lambda n, d: n // d, contracts.div_toward_zero_truncates),
    ("utilisation", lambda cash, debt: debt * WAD // max(cash, 1), contracts.utilisation_is_a_fraction),
    ("collateral_price", lambda feed, _: feed.price, contracts.collateral_counts_at_most_at_the_bound),
    ("shares_for_deposit", markets.shares_for_withdrawal, contracts.depositing_and_redeeming_gives_no_more),
    ("shares_for_withdrawal", markets.shares_for_deposit, contracts.a_withdrawal_burns_what_it_is_worth),
    (
        "debt_shares_for_borrow",
        markets.debt_shares_for_repayment,
        contracts.borrowing_and_repaying_costs_no_less,
    ),
    (
        "debt_shares_for_repayment",
        markets.debt_shares_for_borrow,
        contracts.a_repayment_takes_at_most_the_offer,
    ),
    (
        "unit_value",
        lambda market, weight, now: markets.unit_value(market, weight, now) + 1,
        contracts.a_unit_value_is_at_most_exact,
    ),
    (
        "close_limit",
        lambda market, borrower, factor: market.debts[borrower] * factor // WAD,
        contracts.the_last_debt_share_can_be_liquidated,
    ),
]


@pytest.mark.parametrize(("name", "wrong", "contract"), WRONG, ids=[name for name, _, _ in WRONG])
def test_a_wrong_function_is_refuted(
    name: str, wrong: Callable[..., Any], contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each contract says something: with a planted mistake there are arguments that break it."""
    monkeypatch.setattr(contracts, name, wrong)
    (outcome,) = crosshair_check([contract])
    assert outcome.verdict is Verdict.REFUTED
    assert outcome.reason is not None
    assert contract.__name__ in outcome.reason


@pytest.mark.parametrize("contract", [contracts.jump_rate_never_falls, contracts.white_paper_rate_never_falls])
def test_a_falling_rate_is_refuted(contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate model whose rate falls somewhere breaks its contract."""
    monkeypatch.setattr("poolproof.models.rates.JumpRate.borrow_rate", falling)
    monkeypatch.setattr("poolproof.models.rates.WhitePaperRate.borrow_rate", falling)
    (outcome,) = crosshair_check([contract])
    assert outcome.verdict is Verdict.REFUTED


def test_every_contract_has_a_planted_mistake() -> None:
    """A contract that nothing breaks would be no check."""
    rates = {contracts.jump_rate_never_falls, contracts.white_paper_rate_never_falls}
    assert {contract for _, _, contract in WRONG} | rates == set(EVERY)


def test_a_contract_without_arguments_is_vacuous() -> None:
    """Conditions that no arguments satisfy prove nothing."""

    def impossible(amount: int) -> int:
        """Nothing is below 0 and above 1.

        pre: amount < 0
        pre: amount > 1
        post: __return__ == 7
        """
        return amount

    (outcome,) = crosshair_check([impossible])
    assert outcome.verdict is Verdict.VACUOUS


def test_a_function_without_conditions_is_not_decided() -> None:
    """Nothing was asked, so nothing is known."""

    def silent(amount: int) -> int:
        """Say nothing."""
        return amount

    (outcome,) = crosshair_check([silent])
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.reason == "the contract states no condition"


def test_what_takes_too_long_is_not_decided() -> None:
    """A product of two large primes is not found in a second, and that is no pass."""

    def no_factors(one: int, other: int) -> int:
        """Two factors of a number of 40 digits.

        pre: 1 < one < 2**67
        pre: 1 < other < 2**67
        post: __return__ != (2**61 - 1) * (2**61 + 15)
        """
        return one * other

    (outcome,) = crosshair_check([no_factors], per_condition_timeout=1.0)
    assert outcome.verdict is Verdict.UNKNOWN

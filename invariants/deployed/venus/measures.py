"""What the claims about a Venus pool measure, exactly: no division, or a fraction where a sum needs one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from poolproof.invariants import CATALOGUE, OF_SYSTEMS
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.refusals import PriceError
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Catalogue, Invariant
from poolproof.spec.refusal import require
from poolproof.spec.state import Account

VENUS = Catalogue()
"""The claims about a Venus pool, filled by the modules of this folder."""


def claimed(name: str) -> Invariant:
    """Declare an invariant with the words that the reference's catalogue has for it."""
    of = next(catalogue[name] for catalogue in (CATALOGUE, *OF_SYSTEMS) if name in catalogue)
    return VENUS.declare(of.id, of.claim, of.kind, why=of.why)


def assets(market: VToken) -> int:
    """cash + debt, bad debt included - reserves [tokens]: what the exchange rate counts."""
    return good_assets(market) + market.bad_debt


def good_assets(market: VToken) -> int:
    """cash + debt not recorded as bad - reserves [tokens]."""
    return market.cash + market.total_borrows - market.total_reserves


def exact_debt(market: VToken, account: Account) -> Fraction:
    """principal x index / index at the last change [tokens]."""
    principal = market.principal[account]
    return Fraction(principal * market.borrow_index, market.interest_index[account]) if principal else Fraction(0)


def exact_debts(market: VToken) -> Fraction:
    """The exact debts of all accounts together [tokens]."""
    return sum((exact_debt(market, account) for account in market.principal), Fraction(0))


def exact_price(market: VToken) -> Fraction:
    """assets / supply [tokens per vToken], the initial rate at no supply."""
    if market.total_supply == 0:
        return Fraction(market.initial_exchange_rate, WAD)
    return Fraction(assets(market), market.total_supply)


def exact_margin(pool: Comptroller, account: Account, *, at_threshold: bool) -> Fraction:
    """Weighted collateral - debt over the markets that an account entered, nothing rounded [value x 1e36].

    Refuses: PriceError.
    """
    margin = Fraction(0)
    for name in pool.markets_of(account):
        market = pool.seen(name)
        require(market.price != 0, PriceError, name)
        weight = market.liquidation_threshold if at_threshold else market.collateral_factor
        margin += market.price * (
            market.tokens[account] * exact_price(market) * weight - exact_debt(market, account) * WAD
        )
    return margin


def changed(old: Any, new: Any, account: Account, ledger: str) -> bool:
    """Whether an account's entry in a ledger of a market changed."""
    return bool(getattr(old, ledger)[account] != getattr(new, ledger)[account])

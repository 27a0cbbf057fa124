"""What the claims about a Venus pool measure, exactly: no division, or a sum of fractions that is compared without one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from poolproof.invariants import CATALOGUE, OF_SYSTEMS
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.refusals import PriceError
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Catalogue, Invariant
from poolproof.spec.logic import Condition, all_of, negation
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


class Exact:
    """A sum of fractions, each with a divisor above 0, in the numbers of a model: compared without a division."""

    __slots__ = ("parts",)

    def __init__(self, *parts: tuple[Any, Any]) -> None:
        self.parts = tuple((above, below) for above, below in parts if not plainly(above, 0))

    def __add__(self, other: Any) -> Exact:
        parts = list(self.parts)
        for above, below in other.parts if isinstance(other, Exact) else ((other, 1),):
            known = next((n for n, (_, divisor) in enumerate(parts) if plainly(divisor, below)), None)
            if known is None:
                parts.append((above, below))
            else:
                parts[known] = (parts[known][0] + above, below)
        return Exact(*parts)

    __radd__ = __add__

    def __neg__(self) -> Exact:
        return Exact(*((-above, below) for above, below in self.parts))

    def __sub__(self, other: Any) -> Exact:
        negative: Any = -other
        return self.__add__(negative)

    def __rsub__(self, other: Any) -> Exact:
        return self.__neg__().__add__(other)

    def __mul__(self, factor: Any) -> Exact:
        return Exact(*((above * factor, below) for above, below in self.parts))

    __rmul__ = __mul__

    @property
    def numerator(self) -> Any:
        """The sum times all divisors."""
        total: Any = 0
        for position, (above, _) in enumerate(self.parts):
            product = above
            for other, (_, below) in enumerate(self.parts):
                product = product * below if other != position else product
            total = product + total
        return total

    def __ge__(self, other: Any) -> Condition:
        return (self - other).numerator >= 0

    def __le__(self, other: Any) -> Condition:
        return (self - other).numerator <= 0

    def __gt__(self, other: Any) -> Condition:
        return (self - other).numerator > 0

    def __lt__(self, other: Any) -> Condition:
        return (self - other).numerator < 0

    def __eq__(self, other: object) -> Any:
        return (self - other).numerator == 0

    __hash__ = None  # type: ignore[assignment]  # equality may be a condition


def plainly(one: Any, other: Any) -> bool:
    """Whether two numbers are the same, whatever their terms stand for."""
    return (one == other) is True


def exact_debt(market: VToken, account: Account) -> Exact:
    """principal x index / index at the last change [tokens]."""
    principal = market.principal[account]
    if principal == 0:
        return Exact()
    return Exact((principal * market.borrow_index, market.interest_index[account]))


def exact_debts(market: VToken) -> Exact:
    """The exact debts of all accounts together [tokens]."""
    return sum((exact_debt(market, account) for account in market.principal), Exact())


def exact_debts_added(old: VToken, new: VToken, among: Iterable[Account] | None = None) -> Exact:
    """What an action within an instant added to the exact debts of some accounts, or of all whose entry it changed."""
    added = Exact()
    for account in new.principal if among is None else among:
        same_debt = plainly(old.principal[account], new.principal[account])
        if not (same_debt and plainly(old.interest_index[account], new.interest_index[account])):
            added = added + exact_debt(new, account) - exact_debt(old, account)
    return added


def exact_price(market: VToken) -> Exact:
    """assets / supply [tokens per vToken], the initial rate at no supply."""
    if market.total_supply == 0:
        return Exact((market.initial_exchange_rate, WAD))
    return Exact((assets(market), market.total_supply))


def exact_margin(pool: Comptroller, account: Account, *, at_threshold: bool) -> Exact:
    """Weighted collateral - debt over the markets that an account entered, nothing rounded [value x 1e36].

    Refuses: PriceError.
    """
    margin = Exact()
    for name in pool.markets_of(account):
        market = pool.seen(name)
        require(market.price != 0, PriceError, name)
        weight = market.liquidation_threshold if at_threshold else market.collateral_factor
        worth = market.tokens[account] * weight * exact_price(market) - exact_debt(market, account) * WAD
        margin = margin + market.price * worth
    return margin


def changed(old: Any, new: Any, account: Account, ledger: str) -> Condition:
    """Whether an account's entry in a ledger of a market changed."""
    return negation(getattr(old, ledger)[account] == getattr(new, ledger)[account])


def is_present_for(pool: Comptroller, account: Account) -> Condition:
    """Whether every market that counts for an account was accrued in this slot."""
    return all_of(market.accrued_at == pool.now for market in pool.counted_for(account))


def rate_shown(market: VToken) -> int:
    """The exchange rate without the bounds of a word: the same number, and nothing refuses [wad tokens per vToken]."""
    if market.total_supply == 0:
        return market.initial_exchange_rate
    shown: int = assets(market) * WAD // market.total_supply
    return shown

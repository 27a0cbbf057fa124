"""WORDS, ACCRUAL: what every stored number is, and what an accrual may do; the proofs of all other rows rest on them."""

from __future__ import annotations

from poolproof.models.deployed.venus.market import SHARE_RESERVE, VToken
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.users import accrue_interest
from poolproof.spec.invariant import Step
from poolproof.spec.logic import Condition, all_of, implies, negation
from poolproof.spec.state import Account

from .measures import VENUS

NUMBERS = (
    "internal_cash",
    "total_borrows",
    "total_reserves",
    "bad_debt",
    "total_supply",
    "borrow_index",
    "accrued_at",
    "swept_at",
)
"""The numbers of a market that actions compute."""
ACCRUED = ("borrow_index", "total_borrows", "total_reserves", "swept_at")
"""Those that an accrual may change, besides the time and the cash."""

WORDS = VENUS.declare(
    "WORDS",
    "no stored number is below zero",
    "state",
    why="the contracts store words without a sign; that the model's numbers never leave them is a lemma of all proofs",
)


@WORDS.state(lemma=True)
def no_number_is_below_zero(pool: Comptroller, market: VToken) -> Condition:
    """Of the market, its own tokens and those of the share reserve included."""
    held = market.underlying[market.name], market.underlying[SHARE_RESERVE]
    return all_of(number >= 0 for number in (*(getattr(market, name) for name in NUMBERS), *held))


@WORDS.state("position", lemma=True)
def no_entry_is_below_zero(pool: Comptroller, market: VToken, account: Account) -> Condition:
    """Of each ledger."""
    return all_of(getattr(market, ledger)[account] >= 0 for ledger in market.ledgers)


ACCRUAL = VENUS.declare(
    "ACCRUAL",
    "an accrual raises the index, debt and reserves, pays reserves to the share reserve, and changes nothing else",
    "step",
    why="every action accrues first: what this row says of an accrual is all that the proofs about actions use",
)


@ACCRUAL.step(of=(accrue_interest,))
def an_accrual_keeps_to_its_contract(step: Step, old: VToken, new: VToken) -> Condition:
    """The time is the present, the rest as `what_an_accrual_does` says."""
    return (new.accrued_at == step.new.now) & what_an_accrual_does(old, new)


@ACCRUAL.step(of=(accrue_interest,))
def an_accrual_leaves_the_rest(step: Step, old: VToken, new: VToken) -> Condition:
    """What the contract does not speak of is as it was."""
    changing = ("internal_cash", "accrued_at", *ACCRUED)
    fixed = [name for name in VToken.scalars if name not in changing]
    return all_of(unchanged(getattr(old, name), getattr(new, name)) for name in fixed)


@ACCRUAL.step("position", of=(accrue_interest,))
def an_accrual_leaves_every_account(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """Its vTokens, its debt as stored, its own tokens."""
    return all_of(getattr(old, ledger)[account] == getattr(new, ledger)[account] for ledger in VToken.ledgers)


def unchanged(old: object, new: object) -> Condition:
    """Whether a value is the same; numbers may be terms."""
    return True if old is new else old == new


def what_an_accrual_does(old: VToken, new: VToken) -> Condition:
    """How a market's numbers before and after an accrual relate."""
    interest = new.total_borrows - old.total_borrows
    swept = old.underlying[old.name] - new.underlying[old.name]
    reserved = new.total_reserves + swept - old.total_reserves
    nothing = all_of(getattr(old, name) == getattr(new, name) for name in ACCRUED) & (swept == 0)
    counted = new.internal_cash == (old.internal_cash if old.counts_donations else old.internal_cash - swept)
    return (
        (new.borrow_index >= old.borrow_index)
        & (interest >= 0)
        & (reserved >= 0)
        & (reserved <= interest)
        & (swept >= 0)
        & (swept <= old.cash)
        & (new.underlying[SHARE_RESERVE] - old.underlying[SHARE_RESERVE] == swept)
        & (new.swept_at <= new.accrued_at)
        & counted
        & implies(old.accrued_at == new.accrued_at, nothing)
    )

"""WORDS, ACCRUAL: what every stored number is, and what an accrual may do; the proofs of all other rows rest on them."""

from __future__ import annotations

from collections.abc import Iterable

from poolproof.models.deployed.venus.governance import sync_cash
from poolproof.models.deployed.venus.market import SHARE_RESERVE, VToken, exchange_rate
from poolproof.models.deployed.venus.model import ACTIONS, SETTERS, update_jump_rate
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.users import accrue_interest, donate
from poolproof.models.deployed.word import mul_wad_down
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Cut, Scaled, Step
from poolproof.spec.logic import Condition, all_of, implies
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

CLOSING = [action for action in (*ACTIONS, *SETTERS) if action not in (donate, sync_cash, update_jump_rate)]
"""What accrues a market before it changes what interest depends on."""

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
        & implies(old.total_borrows == 0, interest == 0)
        & (reserved >= 0)
        & (reserved <= interest)
        & (swept >= 0)
        & (swept <= old.cash)
        & (new.underlying[SHARE_RESERVE] - old.underlying[SHARE_RESERVE] == swept)
        & (new.swept_at <= new.accrued_at)
        & counted
        & implies(old.accrued_at == new.accrued_at, nothing)
    )


PORTFOLIO = VENUS.declare(
    "PORTFOLIO",
    "what an account has in a market is worth at least as much at the thresholds as at the weights for borrowing, "
    "which is at most its unweighted worth",
    "state",
    why="what holds in each market holds of the sums over all of an account's markets, which proofs read as one",
)


def weights_in_order(pool: Comptroller, market: VToken, account: Account) -> Iterable[Cut]:
    """The weighted prices of a vToken are in the order of the weights, and so is what an account's are worth."""
    price, held = mul_wad_down(exchange_rate(market), market.price), market.tokens[account]
    to_borrow, to_liquidation = market.collateral_factor, market.liquidation_threshold
    lower, higher = mul_wad_down(to_borrow, price), mul_wad_down(to_liquidation, price)
    yield Scaled(to_borrow, to_liquidation, price)
    yield lower <= higher
    yield Scaled(lower, higher, held)
    yield Scaled(to_liquidation, WAD, price)
    yield higher <= price
    yield Scaled(higher, price, held)


@PORTFOLIO.state("position", cuts=weights_in_order)
def a_position_is_worth_more_at_the_thresholds(pool: Comptroller, market: VToken, account: Account) -> Condition:
    """0 <= collateral weighted for borrowing <= weighted at the threshold <= unweighted; the same debt >= 0."""
    _, to_borrow, collateral, owed = market.valued(account, at_threshold=False)
    _, to_liquidation, unweighted, debt = market.valued(account, at_threshold=True)
    return values_in_order(to_borrow, to_liquidation, collateral, owed) & (collateral == unweighted) & (owed == debt)


def values_in_order(to_borrow: int, to_liquidation: int, collateral: int, owed: int) -> Condition:
    """How the values of what an account has and owes relate, in one market or in many."""
    return (to_borrow >= 0) & (to_borrow <= to_liquidation) & (to_liquidation <= collateral) & (owed >= 0)

"""LIVE, RATE: who can leave, and what time does to an index however it is cut."""

from __future__ import annotations

from poolproof.models.deployed.venus.governance import (
    pass_time,
    set_actions_paused,
    set_market_borrow_caps,
    set_market_supply_caps,
    set_price,
)
from poolproof.models.deployed.venus.market import borrow_balance, borrow_rate, exchange_rate
from poolproof.models.deployed.venus.pool import Comptroller, Pausable, snapshot
from poolproof.models.deployed.venus.registry import REGISTRY, support_market_again
from poolproof.models.deployed.venus.users import (
    accrue_interest,
    borrow,
    mint,
    redeem,
    repay_borrow,
    repay_borrow_behalf,
)
from poolproof.models.deployed.word import MAX_UINT256
from poolproof.spec.action import asset, factor, slots, tokens, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Trial
from poolproof.spec.state import Account

from .accounts import may
from .measures import VENUS, claimed
from .periphery import EVERY_PAUSE, unlisted

# --- RATE ----------------------------------------------------------------------------------------------------------

RATE_6 = claimed("RATE-6")


@RATE_6.scenario(asset=asset(), grown=tokens(), charged=factor(WAD), accruals=tokens(), elapsed=slots())
def one_accrual_more(
    trial: Trial, pool: Comptroller, asset: str, grown: int, charged: int, accruals: int, elapsed: int
) -> None:
    """Induction over the accruals: bounds that hold after n of them hold after n + 1.

    I0 is the index less what it has ``grown``, ``charged`` the sum of rate x time so far [wad], ``accruals`` is n.
    """
    market = pool.seen(asset)
    start, before = market.borrow_index - grown, market.borrow_index
    trial.assume(start >= WAD)
    trial.assume(before * WAD >= start * (WAD + charged) - accruals * WAD)
    trial.assume(before * (WAD - charged) <= start * WAD)
    added = borrow_rate(market) * (pool.now + elapsed - market.accrued_at)
    total = charged + added
    trial.assume(total < WAD)
    trial.assume(trial.do(pool, pass_time, elapsed) is None)
    trial.assume(trial.do(pool, accrue_interest, asset) is None)
    index, left = market.borrow_index, WAD - total
    trial.claim(start * added <= before * added, "the index had fallen")
    low = index * WAD >= start * (WAD + total) - (accruals + 1) * WAD
    trial.claim(low, "the index is below the sum of the rates")
    trial.claim(index * WAD <= before * (WAD + added), "the index grows by more than rate x time")
    trial.claim(index * left * WAD <= before * ((WAD + added) * left), "and so does a part of it")
    trial.claim((WAD + added) * left <= WAD * (WAD - charged), "what is left of 1 is not below the product")
    trial.claim(before * ((WAD + added) * left) <= before * (WAD - charged) * WAD, "nor its part of the index")
    trial.claim(index * left <= start * WAD, "the index is above the compound bound")


# --- LIVE ----------------------------------------------------------------------------------------------------------

LIVE_2 = claimed("LIVE-2")


@LIVE_2.scenario(instant=True, user=user(), asset=asset())
def everyone_can_leave_an_idle_market(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """Without debt in the market and without own debts, redeeming all vTokens is not refused."""
    market = pool.seen(asset)
    trial.assume(market.total_borrows == 0)
    trial.assume(market.tokens[user] > 0)
    trial.assume(not any(each.principal[user] for each in pool.markets.values()))
    refusal = trial.do(pool, redeem, user, asset, market.tokens[user])
    trial.claim(refusal is None, f"the redemption is refused: {refusal}")


LIVE_2_W = VENUS.declare(
    "LIVE-2-w",
    "when a market has neither debt nor bad debt nor reserves beyond its cash, and redeeming is not paused, every supplier "
    "who owes nothing of value, and whose markets have prices, can redeem all that is worth a unit",
    "refusal",
    why="bad debt counts as an asset, and is no cash; an account that entered a market needs its price",
)


@LIVE_2_W.scenario(instant=True, user=user(), asset=asset())
def a_supplier_can_leave_a_sound_market(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """Redeeming all vTokens is not refused, and none are left."""
    market = pool.seen(asset)
    trial.assume(market.listed)
    trial.assume(may(market, Pausable.REDEEM))
    trial.assume((market.total_borrows == 0) & (market.bad_debt == 0) & (market.total_reserves <= market.cash))
    trial.assume(exchange_rate(market) * market.tokens[user] >= WAD)
    trial.assume(snapshot(pool, user, at_threshold=False).borrows == 0)
    refusal = trial.do(pool, redeem, user, asset, market.tokens[user])
    trial.claim(refusal is None, f"the redemption is refused: {refusal}")
    trial.claim(pool.seen(asset).tokens[user] == 0, "vTokens are left")


LIVE_4 = claimed("LIVE-4")


@LIVE_4.scenario(instant=True, user=user(), asset=asset())
def a_supplier_leaves_after_every_vote(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """After a vote on a market's list, with parameters restored and all done to list it again, a redemption is accepted."""
    market = pool.seen(asset)
    trial.assume(exchange_rate(market) * market.tokens[user] >= WAD)
    trial.assume((market.cash - market.total_reserves) * WAD >= exchange_rate(market) * market.tokens[user])
    trial.assume(snapshot(pool, user, at_threshold=False).borrows == 0)
    trial.assume(unlisted(trial, pool, asset) is None)
    trial.attempt(pool, set_actions_paused.run, asset, EVERY_PAUSE, False)
    for what in (set_market_supply_caps, set_market_borrow_caps):
        trial.do(pool, what, asset, MAX_UINT256)
    trial.attempt(pool, support_market_again.run, asset, REGISTRY)
    refusal = trial.do(pool, redeem, user, asset, market.tokens[user])
    trial.claim(refusal is None, f"the redemption is refused: {refusal}")


@LIVE_4.scenario(instant=True, user=user(), borrower=user(), asset=asset())
def a_funded_stranger_can_end_every_debt(
    trial: Trial, pool: Comptroller, user: Account, borrower: Account, asset: str
) -> None:
    """Up to the books at once; for a rest beyond them the stranger supplies and borrows, at a price of next to nothing."""
    market = pool.seen(asset)
    owed = borrow_balance(market, borrower)
    trial.assume((user != borrower) & (owed > 0))
    trial.assume(not pool.markets_of(user))
    market.underlying[user] += 3 * (owed + market.total_reserves + WAD)
    booked = min(owed, market.total_borrows)
    for what, arguments in (
        (repay_borrow_behalf, (user, borrower, asset, booked)),
        (set_price, (asset, 1)),
        (set_market_supply_caps, (asset, MAX_UINT256)),
        (set_market_borrow_caps, (asset, MAX_UINT256)),
        (mint, (user, asset, owed + market.total_reserves + WAD)),
        (borrow, (user, asset, owed - booked)),
        (repay_borrow_behalf, (user, borrower, asset, owed)),
    ):
        if market.principal[borrower]:
            refusal = trial.do(pool, what, *arguments)
            trial.claim(refusal is None, f"{what.name} is refused: {refusal}")
    trial.claim(market.principal[borrower] == 0, "a debt is left")


LIVE_4_W = VENUS.declare(
    "LIVE-4-w",
    "an accrual is never refused but because a number does not fit its word: no rate divides by zero, none is beyond its "
    "maximum, and reserves are paid from cash that is there",
    "refusal",
    why="everything accrues first: what an accrual refuses is locked",
)
TOKENS = 2**128
"""A number of tokens, an index and a rate over a time that leave room in a word for their products."""


@LIVE_4_W.scenario(asset=asset(), elapsed=slots())
def accrual_is_refused_for_words_alone(trial: Trial, pool: Comptroller, asset: str, elapsed: int) -> None:
    """Where tokens and the index are below 2^128, and rate x time is at most 2^64, interest accrues."""
    market = pool.seen(asset)
    trial.assume(market.cash + market.total_borrows + market.bad_debt < TOKENS)
    trial.assume(market.borrow_index < TOKENS)
    trial.assume(trial.do(pool, pass_time, elapsed) is None)
    refusal = trial.attempt(pool, rate_is_read, asset)
    trial.claim(refusal is None, f"the rate is refused: {refusal}")
    factor = borrow_rate(market) * (pool.now - market.accrued_at)
    trial.assume(factor <= 2**64)
    for number in (market.total_borrows, market.borrow_index):
        trial.claim(factor * number <= 2**64 * number, "a product is beyond its bound")
    refusal = trial.do(pool, accrue_interest, asset)
    trial.claim(refusal is None, f"the accrual is refused: {refusal}")


def rate_is_read(pool: Comptroller, asset: str) -> None:
    """Read a market's borrow rate.  Refuses: as `borrow_rate`."""
    borrow_rate(pool.seen(asset))


LIVE_5 = claimed("LIVE-5")


@LIVE_5.scenario(instant=True, user=user(), asset=asset())
def a_repayment_ends_one_debt(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """One action ends a debt and touches no vTokens of the user."""
    market = pool.seen(asset)
    owed, held = borrow_balance(market, user), market.tokens[user]
    trial.assume(0 < owed <= market.underlying[user])
    refusal = trial.do(pool, repay_borrow, user, asset, owed)
    trial.claim(refusal is None, f"the repayment is refused: {refusal}")
    trial.claim((market.principal[user] == 0) & (market.tokens[user] == held), "the debt is left, or vTokens are not")


@LIVE_5.scenario(instant=True, user=user(), asset=asset())
def a_redemption_ends_one_collateral(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """Without debts, one action redeems all vTokens of a market that has the cash."""
    market = pool.seen(asset)
    held = market.tokens[user]
    trial.assume(held > 0)
    trial.assume(not any(each.principal[user] for each in pool.markets.values()))
    trial.assume(exchange_rate(market) * held <= WAD * market.cash)
    refusal = trial.do(pool, redeem, user, asset, held)
    trial.claim(refusal is None, f"the redemption is refused: {refusal}")


LIVE_5_W = VENUS.declare(
    "LIVE-5-w",
    "where it is not paused, a user who has the tokens, and whose markets have prices, ends each debt that the market's "
    "books hold in one action, and then each collateral that is worth a unit and covered by cash less reserves",
    "refusal",
    why="leaving takes one action for each position; what stops it is a rounding, a price, or cash that is reserved",
)


@LIVE_5_W.scenario(instant=True, user=user(), asset=asset())
def a_repayment_ends_a_debt_in_the_books(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """A debt that is at most the market's ends by one repayment, and vTokens stay."""
    market = pool.seen(asset)
    owed, held = borrow_balance(market, user), market.tokens[user]
    trial.assume(market.listed)
    trial.assume(may(market, Pausable.REPAY))
    trial.assume((owed > 0) & (owed <= market.underlying[user]) & (owed <= market.total_borrows))
    refusal = trial.do(pool, repay_borrow, user, asset, owed)
    trial.claim(refusal is None, f"the repayment is refused: {refusal}")
    trial.claim((market.principal[user] == 0) & (market.tokens[user] == held), "the debt is left, or vTokens are not")


@LIVE_5_W.scenario(instant=True, user=user(), asset=asset())
def a_redemption_ends_a_covered_collateral(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """Without debts of value, one action redeems all vTokens that are worth a unit and covered."""
    market = pool.seen(asset)
    value = exchange_rate(market) * market.tokens[user]
    trial.assume(market.listed)
    trial.assume(may(market, Pausable.REDEEM))
    trial.assume((value >= WAD) & (value <= WAD * (market.cash - market.total_reserves)))
    trial.assume(snapshot(pool, user, at_threshold=False).borrows == 0)
    refusal = trial.do(pool, redeem, user, asset, market.tokens[user])
    trial.claim(refusal is None, f"the redemption is refused: {refusal}")
    trial.claim(pool.seen(asset).tokens[user] == 0, "vTokens are left")

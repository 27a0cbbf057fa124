"""SOLV, CONS, RND: what a market holds, owes and is owed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from poolproof.models.deployed.venus.governance import pass_time, set_price, sync_cash
from poolproof.models.deployed.venus.market import (
    SHARE_RESERVE,
    VToken,
    borrow_balance,
    borrow_rate,
    exchange_rate,
)
from poolproof.models.deployed.venus.model import ACTIONS, enter_market, update_jump_rate
from poolproof.models.deployed.venus.pool import Comptroller, exit_market, snapshot
from poolproof.models.deployed.venus.users import (
    accrue_interest,
    borrow,
    donate,
    mint,
    mint_behalf,
    redeem,
    redeem_underlying,
    repay_borrow,
    repay_borrow_behalf,
    transfer,
)
from poolproof.models.deployed.word import Panic
from poolproof.spec.action import asset, shares, tokens, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Cut, Scaled, Step, Trial
from poolproof.spec.logic import Condition, implies
from poolproof.spec.state import Account

from .accruals import CLOSING
from .measures import (
    VENUS,
    assets,
    claimed,
    exact_debt,
    exact_debts,
    exact_debts_added,
    good_assets,
    is_present_for,
    rate_shown,
)

REDEMPTIONS = (redeem, redeem_underlying)
ACCRUING = tuple(action for action in ACTIONS if action not in (donate, sync_cash))
"""What leaves cash alone, or accrues the market before it moves cash."""
UNACCRUED = (
    accrue_interest,
    update_jump_rate,
    donate,
    sync_cash,
    transfer,
    enter_market,
    exit_market,
    set_price,
    pass_time,
)
"""What only accrues a market, or does not."""


def rates_as_stored(step: Step) -> Iterable[Cut]:
    """The exchange rate before the action times the supply is at most the assets."""
    for old in step.old.markets.values():
        yield implies(old.total_supply > 0, rate_shown(old) * old.total_supply <= assets(old) * WAD)


def rounded_redemption(step: Step) -> Iterable[Cut]:
    """The roundings of the exchange rate and of what is paid, one in the measure of the other."""
    for name, new in step.new.markets.items():
        old = step.old.markets[name]
        paid, burned, supply = old.cash - new.cash, old.total_supply - new.total_supply, old.total_supply
        rate, none = rate_shown(old), supply == 0
        yield (paid * WAD <= rate * burned) & (rate * burned < paid * WAD + WAD)
        yield Scaled(paid * WAD, rate * burned, supply)
        yield Scaled(rate * burned, paid * WAD + WAD - 1, supply)
        yield Scaled(rate * supply, assets(old) * WAD, burned, unless=none)
        yield Scaled(assets(old) * WAD, rate * supply + supply - 1, burned, unless=none)


# --- SOLV ----------------------------------------------------------------------------------------------------------

SOLV_1 = claimed("SOLV-1")


@SOLV_1.state()
def good_assets_cover_what_suppliers_are_shown(pool: Comptroller, market: VToken) -> Condition:
    """cash + debt not recorded as bad - reserves >= the exchange rate x all vTokens."""
    return good_assets(market) * WAD >= exchange_rate(market) * market.total_supply


SOLV_1_W = VENUS.declare(
    "SOLV-1-w",
    "cash and debt, bad debt counted in full, cover suppliers' claims and reserves",
    "state",
    why="what the share price promises is on the books, collectable or not",
)


@SOLV_1_W.state()
def all_assets_cover_what_suppliers_are_shown(pool: Comptroller, market: VToken) -> Condition:
    """cash + debt + bad debt - reserves >= the exchange rate x all vTokens."""
    return assets(market) * WAD >= exchange_rate(market) * market.total_supply


SOLV_2 = claimed("SOLV-2")


@SOLV_2.step(of=REDEMPTIONS, instant=True)
def a_redemption_pays_no_bad_debt(step: Step, old: VToken, new: VToken) -> Condition:
    """What is paid / vTokens burned <= (cash + debt not recorded as bad - reserves) / supply, before it."""
    paid, burned = old.cash - new.cash, old.total_supply - new.total_supply
    return paid * old.total_supply <= burned * good_assets(old)


SOLV_2_W = VENUS.declare(
    "SOLV-2-w",
    "a redemption pays at most its vTokens at the exact share price, which counts bad debt in full",
    "step",
    why="nobody leaves with more than the books promise, collectable or not",
)


@SOLV_2_W.step(of=REDEMPTIONS, instant=True, cuts=rounded_redemption)
def a_redemption_pays_what_the_books_promise(step: Step, old: VToken, new: VToken) -> Condition:
    """What is paid / vTokens burned <= (cash + debt + bad debt - reserves) / supply, before it."""
    paid, burned = old.cash - new.cash, old.total_supply - new.total_supply
    return paid * old.total_supply <= burned * assets(old)


SOLV_3 = claimed("SOLV-3")


@SOLV_3.step()
def the_share_price_never_falls(step: Step, old: VToken, new: VToken) -> Condition:
    """The exchange rate, as stored, is at least what it was; without vTokens too."""
    return exchange_rate(new) >= exchange_rate(old)


SOLV_3_W = VENUS.declare(
    "SOLV-3-w",
    "the exchange rate never falls while there are vTokens",
    "step",
    why="whoever holds vTokens keeps what they are worth, as far as bad debt is counted",
)


def kept_rates(step: Step) -> Iterable[Cut]:
    """The old rate times the new supply is at most the new assets."""
    for name, new in step.new.markets.items():
        old = step.old.markets[name]
        supplied = (old.total_supply > 0) & (new.total_supply > 0)
        yield implies(supplied, rate_shown(old) * new.total_supply <= assets(new) * WAD)


@SOLV_3_W.step(of=UNACCRUED)
def no_accrual_lowers_the_share_price(step: Step, old: VToken, new: VToken) -> Condition:
    """The exchange rate is at least what it was, where nothing else happens, or what happens accrues nothing."""
    return share_price_is_kept(old, new)


@SOLV_3_W.step(of=CLOSING, instant=True, cuts=kept_rates)
def no_action_lowers_the_share_price(step: Step, old: VToken, new: VToken) -> Condition:
    """The exchange rate is at least what it was once the market was accrued."""
    return share_price_is_kept(old, new)


def share_price_is_kept(old: VToken, new: VToken) -> Condition:
    """The exchange rate is at least what it was, where the supply is positive before and after."""
    if (old.total_supply == 0) | (new.total_supply == 0):
        return True
    return exchange_rate(new) >= exchange_rate(old)


SOLV_6 = claimed("SOLV-6")


@SOLV_6.scenario(user=user(), asset=asset(), amount=tokens())
def nothing_panics(trial: Trial, pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """An accrual, and a deposit and a repayment of tokens that the user has, end without a panic."""
    trial.assume(amount <= pool.seen(asset).underlying[user])
    for action, arguments in (
        (accrue_interest, (asset,)),
        (mint, (user, asset, amount)),
        (repay_borrow, (user, asset, amount)),
    ):
        refusal = trial.do(trial.copy(pool), action, *arguments)
        trial.claim(not isinstance(refusal, Panic), f"{action.name} panics: {refusal}")


@SOLV_6.scenario(user=user(), asset=asset(), tokens=shares())
def a_redemption_never_panics(trial: Trial, pool: Comptroller, user: Account, asset: str, tokens: int) -> None:
    """A redemption of vTokens that the user has ends without a panic."""
    trial.assume(0 < tokens <= pool.seen(asset).tokens[user])
    refusal = trial.do(pool, redeem, user, asset, tokens)
    trial.claim(not isinstance(refusal, Panic), f"redeem panics: {refusal}")


SOLV_7 = claimed("SOLV-7")


@SOLV_7.state()
def reserves_are_backed(pool: Comptroller, market: VToken) -> Condition:
    """reserves <= cash + debt not recorded as bad."""
    return market.total_reserves <= market.cash + market.total_borrows


SOLV_7_W = VENUS.declare(
    "SOLV-7-w",
    "reserves never exceed the assets that back them, bad debt counted in full",
    "state",
    why="the share price stays above zero as far as the books go",
)


@SOLV_7_W.state(lemma=True)
def reserves_are_backed_by_the_books(pool: Comptroller, market: VToken) -> Condition:
    """reserves <= cash + debt + bad debt, and less where anything is lent: no rate divides by zero."""
    return (assets(market) > 0) | ((assets(market) == 0) & (market.total_borrows + market.bad_debt == 0))


SOLV_9 = claimed("SOLV-9")


@SOLV_9.step("account", of=(borrow,), instant=True)
def nothing_is_lent_on_nothing(step: Step, account: Account) -> Condition:
    """Who has no collateral at the collateral factors borrows nothing."""
    if step.actor != account or step.arguments["amount"] == 0:
        return True
    worth = sum(
        market.tokens[account] * market.collateral_factor * market.price
        for market in map(step.new.seen, step.new.markets_of(account))
    )
    return worth > 0


SOLV_9_W = VENUS.declare(
    "SOLV-9-w",
    "after a borrow by an account whose markets were all accrued in the same slot, what it owes exceeds its collateral at "
    "the weights for borrowing by at most one unit of value (1e-18 of a dollar), as the contracts value both",
    "step",
    why="markets other than the one borrowed are valued as last accrued, and each value rounds down",
)


@SOLV_9_W.step("account", of=(borrow,))
def a_borrow_leaves_at_most_one_unit_short(step: Step, account: Account) -> Condition:
    """The borrower's shortfall in the contracts' own snapshot is at most 1."""
    if account != step.actor or not is_present_for(step.old, account):
        return True
    return snapshot(step.new, account, at_threshold=False).shortfall <= 1


# --- CONS ----------------------------------------------------------------------------------------------------------

CONS_1 = claimed("CONS-1")


@CONS_1.step()
def tokens_are_conserved(step: Step, old: VToken, new: VToken) -> Condition:
    """The sum of all balances is what it was."""
    return new.underlying.total() == old.underlying.total()


CONS_2 = claimed("CONS-2")


@CONS_2.state(lemma=True)
def vtokens_sum_to_the_supply(pool: Comptroller, market: VToken) -> Condition:
    """The sum of all accounts' vTokens is the supply."""
    return market.tokens.total() == market.total_supply


CONS_3 = claimed("CONS-3")


@CONS_3.state()
def exact_debts_sum_to_the_markets_debt(pool: Comptroller, market: VToken) -> Condition:
    """The sum of principal x index / index at the last change is the market's debt."""
    return exact_debts(market) == market.total_borrows


CONS_3_W = VENUS.declare(
    "CONS-3-w",
    "an action lowers exact debts less the market's debt by less than one unit, and never raises them; an accrual "
    "adds to the market's debt what the index adds to it, within one unit of debt and one of the index",
    "step",
    why="between accruals the books drift above the debts by less than a unit for each touched account",
)


@CONS_3_W.step(of=ACCRUING, instant=True)
def the_books_of_debts_drift_by_less_than_a_unit(step: Step, old: VToken, new: VToken) -> Condition:
    """0 <= the fall of (exact debts - the market's debt) < 1."""
    fall = new.total_borrows - old.total_borrows - exact_debts_added(old, new)
    return (fall >= 0) & (fall < 1)


def both_roundings(step: Step) -> Iterable[Cut]:
    """The roundings of the interest and of the index, each in the measure of the other."""
    for name, new in step.new.markets.items():
        old = step.old.markets[name]
        factor = borrow_rate(old) * (step.new.now - old.accrued_at)
        interest, growth = new.total_borrows - old.total_borrows, new.borrow_index - old.borrow_index
        yield Scaled(interest * WAD, factor * old.total_borrows, old.borrow_index)
        yield Scaled(factor * old.total_borrows, interest * WAD + WAD - 1, old.borrow_index)
        yield Scaled(growth * WAD, factor * old.borrow_index, old.total_borrows)
        yield Scaled(factor * old.borrow_index, growth * WAD + WAD - 1, old.total_borrows)


@CONS_3_W.step(of=(accrue_interest,), cuts=both_roundings)
def an_accrual_adds_to_the_books_what_the_index_adds(step: Step, old: VToken, new: VToken) -> Condition:
    """- index < interest x index - growth of the index x debt <= debt."""
    interest, growth = new.total_borrows - old.total_borrows, new.borrow_index - old.borrow_index
    drift = interest * old.borrow_index - growth * old.total_borrows
    return (-old.borrow_index < drift) & (drift <= old.total_borrows)


CONS_4 = claimed("CONS-4")


@CONS_4.step(of=ACCRUING)
def cash_moves_with_tokens(step: Step, old: VToken, new: VToken) -> Condition:
    """What the market holds beyond its cash, donations, stays what it was."""
    return new.underlying[new.name] - new.cash == old.underlying[old.name] - old.cash


@CONS_4.state(lemma=True)
def cash_is_there(pool: Comptroller, market: VToken) -> Condition:
    """The cash that is counted is held."""
    return market.cash <= market.underlying[market.name]


CONS_5 = claimed("CONS-5")


@CONS_5.step(of=(accrue_interest,))
def interest_charged_is_interest_credited(step: Step, old: VToken, new: VToken) -> Condition:
    """What an accrual adds to all debts, exactly, it adds to suppliers' assets, reserves and the share reserve."""
    return exact_debts(new) - exact_debts(old) == credited(old, new)


def credited(old: VToken, new: VToken) -> int:
    """What an accrual adds to suppliers' assets, reserves and the share reserve [tokens]."""
    swept: int = new.underlying[SHARE_RESERVE] - old.underlying[SHARE_RESERVE]
    return assets(new) - assets(old) + new.total_reserves - old.total_reserves + swept


CONS_5_W = VENUS.declare(
    "CONS-5-w",
    "what an accrual adds to the market's debt equals what it adds to suppliers' assets, reserves and treasuries",
    "step",
    why="in the market's own books interest is neither lost nor made up",
)


@CONS_5_W.step(of=(accrue_interest,))
def the_markets_interest_is_credited(step: Step, old: VToken, new: VToken) -> Condition:
    """What an accrual adds to the market's debt, it adds to suppliers' assets, reserves and the share reserve."""
    return new.total_borrows - old.total_borrows == credited(old, new)


# --- RND -----------------------------------------------------------------------------------------------------------

RND_1 = claimed("RND-1")


@RND_1.state("position")
def a_debt_rounds_up(pool: Comptroller, market: VToken, account: Account) -> Condition:
    """What an account is shown to owe is at least its exact debt."""
    return borrow_balance(market, account) >= exact_debt(market, account)


RND_1_W = VENUS.declare(
    "RND-1-w",
    "minted and burned vTokens and what is paid for them round for the pool, by less than one vToken's value and one "
    "unit for each 1e18 vTokens; a debt rounds down by less than one unit",
    "step",
    why="the one rounding that is against the pool is a unit of a debt at a time",
)


@RND_1_W.state("position")
def a_debt_rounds_by_less_than_a_unit(pool: Comptroller, market: VToken, account: Account) -> Condition:
    """0 <= exact debt - what an account is shown to owe < 1."""
    rounded = exact_debt(market, account) - borrow_balance(market, account)
    return (rounded >= 0) & (rounded < 1)


@RND_1_W.step(of=(mint, mint_behalf), instant=True)
def a_deposit_rounds_for_the_pool(step: Step, old: VToken, new: VToken) -> Condition:
    """0 <= value of the tokens given - value of the vTokens minted, at the exchange rate, < that of one vToken."""
    minted, given = new.total_supply - old.total_supply, step.arguments["amount"]
    rate = exchange_rate(old)
    return implies(
        step.arguments["asset"] == new.name, (minted * rate <= given * WAD) & (given * WAD < (minted + 1) * rate)
    )


@RND_1_W.step(of=REDEMPTIONS, instant=True, cuts=rounded_redemption)
def a_redemption_rounds_for_the_pool(step: Step, old: VToken, new: VToken) -> Condition:
    """0 <= exact value of the vTokens burned - what is paid < 1 + vTokens / 1e18."""
    paid, burned, supply = old.cash - new.cash, old.total_supply - new.total_supply, old.total_supply
    value = burned * assets(old) - paid * supply
    return implies(supply > 0, (value >= 0) & (value * WAD < (WAD + burned) * supply))


RND_3 = claimed("RND-3")


@RND_3.step(of=(mint, mint_behalf))
def a_deposit_credits_something(step: Step, old: VToken, new: VToken) -> Condition:
    """Tokens that are taken give at least one vToken."""
    return new.total_supply > old.total_supply or new.cash == old.cash


RND_3_W = VENUS.declare(
    "RND-3-w",
    "a deposit that credits nothing takes less than one share is worth",
    "step",
    why="what the depositor of dust can lose is bounded by the share price",
)


@RND_3_W.step(of=(mint, mint_behalf), instant=True, cuts=rates_as_stored)
def what_credits_nothing_is_less_than_a_vtoken(step: Step, old: VToken, new: VToken) -> Condition:
    """Tokens that give no vToken are worth less than one at the exact share price."""
    nothing = (new.total_supply == old.total_supply) & (step.arguments["asset"] == new.name)
    given, supply = step.arguments["amount"], old.total_supply
    return implies(nothing & (supply > 0), given * supply < assets(old)) & implies(
        nothing & (supply == 0), given * WAD < old.initial_exchange_rate
    )


RND_4 = claimed("RND-4")


@RND_4.step(of=(redeem_underlying,), instant=True)
def a_redemption_pays_what_was_asked_at_most(step: Step, old: VToken, new: VToken) -> Condition:
    """What is paid is at most the amount asked for."""
    return old.cash - new.cash <= step.arguments["amount"]


@RND_4.step(of=(repay_borrow, repay_borrow_behalf), instant=True)
def a_repayment_takes_what_was_offered_at_most(step: Step, old: VToken, new: VToken) -> Condition:
    """What is taken is at most the amount offered."""
    return new.cash - old.cash <= step.arguments["amount"]


RND_4_W = VENUS.declare(
    "RND-4-w",
    "a redemption pays at most the value of what it burns, and less than one share more than was asked for; a "
    "repayment takes at most what was offered",
    "step",
    why="what exceeds the amount asked for is the redeemer's own",
)


@RND_4_W.step(of=REDEMPTIONS, instant=True, cuts=rounded_redemption)
def a_redemption_pays_the_value_burned_at_most(step: Step, old: VToken, new: VToken) -> Condition:
    """What is paid is at most the exact value of the vTokens burned."""
    paid, burned = old.cash - new.cash, old.total_supply - new.total_supply
    return paid * old.total_supply <= burned * assets(old)


@RND_4_W.step(of=(redeem_underlying,), instant=True, cuts=rates_as_stored)
def a_redemption_pays_less_than_a_vtoken_more(step: Step, old: VToken, new: VToken) -> Condition:
    """What is paid exceeds the amount asked for by less than one vToken's value."""
    more = old.cash - new.cash - step.arguments["amount"]
    return implies(old.total_supply > 0, more * old.total_supply < assets(old))


@RND_4_W.step(of=(repay_borrow, repay_borrow_behalf), instant=True)
def a_repayment_takes_no_more(step: Step, old: VToken, new: VToken) -> Condition:
    """What is taken is at most the amount offered."""
    return new.cash - old.cash <= step.arguments["amount"]


RND_6 = claimed("RND-6")


def split(trial: Trial, pool: Comptroller, what: Any, user: Account, asset: str, parts: tuple[int, int]) -> Any:
    """The market after an action at once, and after the same in two parts; goes on only where all complete."""
    whole = trial.copy(pool)
    trial.assume(trial.do(whole, what, user, asset, parts[0] + parts[1]) is None)
    for part in parts:
        trial.assume(trial.do(pool, what, user, asset, part) is None)
    return whole.seen(asset), pool.seen(asset)


@RND_6.scenario(user=user(), asset=asset(), first=tokens(), second=tokens())
def two_deposits_credit_no_more(
    trial: Trial, pool: Comptroller, user: Account, asset: str, first: int, second: int
) -> None:
    """Two deposits give at most the vTokens of one."""
    whole, parts = split(trial, pool, mint, user, asset, (first, second))
    trial.claim(parts.tokens[user] <= whole.tokens[user], "two deposits give more vTokens than one")


@RND_6.scenario(user=user(), asset=asset(), first=shares(), second=shares())
def two_redemptions_pay_no_more(
    trial: Trial, pool: Comptroller, user: Account, asset: str, first: int, second: int
) -> None:
    """Two redemptions pay at most what one pays."""
    trial.assume(first > 0)
    trial.assume(second > 0)
    whole, parts = split(trial, pool, redeem, user, asset, (first, second))
    trial.claim(parts.underlying[user] <= whole.underlying[user], "two redemptions pay more than one")


@RND_6.scenario(user=user(), asset=asset(), first=tokens(), second=tokens())
def two_borrows_owe_no_less(
    trial: Trial, pool: Comptroller, user: Account, asset: str, first: int, second: int
) -> None:
    """Two borrows leave at least the debt of one."""
    whole, parts = split(trial, pool, borrow, user, asset, (first, second))
    trial.claim(exact_debt(parts, user) >= exact_debt(whole, user), "two borrows owe less than one")


@RND_6.scenario(user=user(), asset=asset(), first=tokens(), second=tokens())
def two_repayments_owe_no_less(
    trial: Trial, pool: Comptroller, user: Account, asset: str, first: int, second: int
) -> None:
    """Two repayments leave at least the debt of one that takes as much."""
    whole, parts = split(trial, pool, repay_borrow, user, asset, (first, second))
    taken = parts.underlying[user] - whole.underlying[user]
    trial.claim(exact_debt(parts, user) - taken >= exact_debt(whole, user), "two repayments owe less than one")


RND_6_W = VENUS.declare(
    "RND-6-w",
    "depositing, borrowing and repaying in two parts, in one instant, never gives more and never owes less than at once",
    "profit",
    why="a redemption in two parts can pay a unit more: the first part leaves its fraction to those who stay",
)


@RND_6_W.scenario(instant=True, user=user(), asset=asset(), first=tokens(), second=tokens())
def two_deposits_give_no_more(
    trial: Trial, pool: Comptroller, user: Account, asset: str, first: int, second: int
) -> None:
    """Two deposits give at most the vTokens of one."""
    rate, whole = exchange_rate(pool.seen(asset)), trial.copy(pool)
    trial.assume(trial.do(whole, mint, user, asset, first + second) is None)
    trial.assume(trial.do(pool, mint, user, asset, first) is None)
    market = pool.seen(asset)
    halfway, later = market.total_supply, exchange_rate(market)
    trial.claim(implies(halfway > 0, rate * halfway <= assets(market) * WAD), "the first part is credited too much")
    trial.claim(rate <= later, "the first part lowers the exchange rate")
    trial.assume(trial.do(pool, mint, user, asset, second) is None)
    credited = pool.seen(asset).total_supply - halfway
    trial.claim(credited * rate <= credited * later, "and with it the value of what the second part gives")
    trial.claim(credited * later <= second * WAD, "the second part is credited too much")
    trial.claim(pool.seen(asset).tokens[user] <= whole.seen(asset).tokens[user], "two deposits give more than one")


@RND_6_W.scenario(instant=True, user=user(), asset=asset(), first=tokens(), second=tokens())
def two_loans_owe_no_less(trial: Trial, pool: Comptroller, user: Account, asset: str, first: int, second: int) -> None:
    """Two borrows leave at least the debt of one."""
    whole, parts = split(trial, pool, borrow, user, asset, (first, second))
    trial.claim(parts.principal[user] >= whole.principal[user], "two borrows owe less than one")
    trial.claim(parts.interest_index[user] == whole.interest_index[user], "two borrows owe at another index")


@RND_6_W.scenario(instant=True, user=user(), asset=asset(), first=tokens(), second=tokens())
def two_payments_owe_no_less(
    trial: Trial, pool: Comptroller, user: Account, asset: str, first: int, second: int
) -> None:
    """Two repayments leave at least the debt of one that takes as much."""
    whole, parts = split(trial, pool, repay_borrow, user, asset, (first, second))
    taken = parts.underlying[user] - whole.underlying[user]
    trial.claim(parts.principal[user] - taken >= whole.principal[user], "two repayments owe less than one")

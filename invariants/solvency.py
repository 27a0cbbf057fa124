"""SOLV: the market can pay what it owes, and nobody's claim shrinks without a recorded loss."""

from __future__ import annotations

from typing import Any

from poolproof.models.core_pool import CoreMarket
from poolproof.models.credit_line import LinedMarket
from poolproof.models.isolated_pool import (
    accrue_interest,
    borrow,
    deposit,
    enter,
    liquidate,
    pass_time,
    redeem,
    repay,
    transfer,
    withdraw,
    write_off,
)
from poolproof.models.isolated_pool import (
    exit as exit_market,
)
from poolproof.models.liquidation import debt_value
from poolproof.models.market import (
    Market,
    countable_assets,
    debt_shares_for_borrow,
    debt_shares_for_repayment,
    priced_shares,
    tokens_for_debt,
    tokens_for_shares,
    unit_value,
)
from poolproof.spec.action import asset, shares, slots, tokens, user
from poolproof.spec.arithmetic import WAD, WORD_LIMIT, Number
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, all_of, implies
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, HORIZON, PRICES, REGION
from .cuts import of_backing, of_health, of_liquidation, of_share_price
from .measures import (
    any_loss_exceeds_reserves,
    assets,
    collateral_shares_of,
    debt,
    debts_of,
    is_healthy,
    loss_exceeds_reserves,
    owned,
    price_bottom,
    price_top,
    valid_price,
    value_owed,
    weighted_collateral,
    worth_to_borrow,
)

SOLV_1 = CATALOGUE.declare(
    "SOLV-1",
    "cash and debt not recorded as bad cover suppliers' claims and reserves",
    "state",
    why="what suppliers can redeem, together with the reserves, is never more than what the market has and is owed",
    assuming=(REGION,),
)


@SOLV_1.state()
def assets_cover_claims(pool: Any, market: Market) -> Condition:
    """cash x WAD + debt + lines >= what all shares redeem for x WAD + reserves."""
    return owned(market) >= tokens_for_shares(market, market.supply) * WAD + market.reserves


SOLV_2 = CATALOGUE.declare(
    "SOLV-2",
    "a redemption pays at most its shares at the share price, which counts cash + debt not recorded as bad - reserves "
    "and nothing else, and anyone can record the bad debt of an account that has no collateral, in one action",
    "step",
    why="a share price that counts what is not there pays the first who leave with the money of the last",
    assuming=(REGION,),
)


@SOLV_2.step(of=(redeem, withdraw), instant=True)
def redemption_pays_at_most_the_share_price(step: Step, old: Market, new: Market) -> Condition:
    """paid x WAD x shares <= burned x assets."""
    user = step.actor
    paid = new.tokens[user] - old.tokens[user]
    burned = old.shares[user] - new.shares[user]
    return paid * WAD * price_bottom(old) <= burned * price_top(old)


@SOLV_2.scenario(user=user(), account=user())
def bad_debt_without_collateral_can_be_recorded(trial: Trial, pool: Any, user: Account, account: Account) -> None:
    """Whoever owes and has no collateral left is written off by anyone, in one action."""
    trial.assume(collateral_shares_of(pool, account) == 0)
    trial.assume(debts_of(pool, account) > 0)
    refusal = trial.do(pool, write_off, user, account)
    trial.claim(refusal is None, "the write-off is not refused")


SOLV_3 = CATALOGUE.declare(
    "SOLV-3",
    "the share price never falls, except when recorded bad debt exceeds the reserves; at zero supply too",
    "step",
    why="a share price that can fall without a recorded loss is a way to take from those who stay",
    assuming=(REGION, HORIZON),
)


@SOLV_3.step(cuts=of_share_price)
def share_price_never_falls(step: Step, old: Market, new: Market) -> Condition:
    """assets' / shares' >= assets / shares, cross-multiplied, unless the reserves were exhausted by a loss."""
    risen = price_top(new) * price_bottom(old) >= price_top(old) * price_bottom(new)
    return risen | loss_exceeds_reserves(old, new)


@SOLV_3.step()
def recorded_bad_debt_is_a_loss_that_happened(step: Step, old: Market, new: Market) -> Condition:
    """Bad debt grows by at most the debt that was taken out, less what the reserves paid."""
    paid = old.reserves - new.reserves
    return (new.bad_debt == old.bad_debt) | (new.bad_debt - old.bad_debt <= debt_taken_out(old, new) - paid)


def debt_taken_out(old: Market, new: Market) -> Number:
    """Debt shares that vanished, at the new index, and principal that was lost [tokens x WAD]."""
    principal = old.lent - new.lent
    return (old.debt_shares - new.debt_shares) * new.index + principal * WAD


SOLV_4 = CATALOGUE.declare(
    "SOLV-4",
    "within an instant, at constant prices, no user action leaves unhealthy an account that was healthy, the actor's own "
    "included, except recording bad debt beyond the reserves",
    "step",
    why="otherwise one user can push another, or a position of its own, into liquidation",
    assuming=(REGION, PRICES),
)


@SOLV_4.step(
    over="account",
    of=(
        deposit,
        redeem,
        withdraw,
        transfer,
        enter,
        exit_market,
        borrow,
        repay,
        liquidate,
        write_off,
        accrue_interest,
    ),
    new_by=("user",),
    instant=True,
    cuts=of_health,
)
def healthy_accounts_stay_healthy(step: Step, account: Account) -> Condition:
    """Healthy before implies healthy after."""
    kept = implies(is_healthy(step.old, account), is_healthy(step.new, account))
    return kept | any_loss_exceeds_reserves(step)


SOLV_5 = CATALOGUE.declare(
    "SOLV-5",
    "an account that was healthy keeps collateral >= incentive x debt, at unchanged parameters, until prices, interest "
    "and recorded losses together have moved its collateral-to-debt ratio by more than 1 - threshold x incentive, and "
    "liquidation preserves it",
    "step",
    why="the buffer between the threshold and insolvency is what pays the liquidator",
    assuming=(REGION, PRICES),
)


@SOLV_5.state("position")
def threshold_weighs_at_most_its_share(pool: Any, market: Market, account: Account) -> Condition:
    """shares x unit value at the threshold <= threshold x (shares x exact share price x price)."""
    from poolproof.models.liquidation import counted_to_liquidation  # noqa: PLC0415 - the one use

    counted = counted_to_liquidation(market, account, pool.now)
    exact_top = market.shares[account] * price_top(market) * market.feed.price
    return counted * price_bottom(market) * WAD <= exact_top * market.liquidation_threshold


@SOLV_5.scenario(collateral=tokens(), debt=tokens(), later_collateral=tokens(), later_debt=tokens(), asset=asset())
def the_buffer_lasts(
    trial: Trial,
    pool: Any,
    collateral: Number,
    debt: Number,
    later_collateral: Number,
    later_debt: Number,
    asset: str,
) -> None:
    """threshold x C >= D and C'/D' >= (threshold x incentive) C/D imply C' >= incentive x D'."""
    threshold = pool.markets[asset].liquidation_threshold
    incentive = pool.liquidation_incentive
    trial.assume(debt > 0)
    trial.assume(threshold * collateral >= debt * WAD)
    trial.assume(later_collateral * debt * (WAD * WAD) >= collateral * later_debt * (threshold * incentive))
    trial.claim(later_collateral * WAD >= later_debt * incentive, "collateral covers debt x incentive")


@SOLV_5.step(over="account", of=(liquidate,), instant=True, cuts=of_liquidation)
def liquidation_keeps_the_buffer(step: Step, account: Account) -> Condition:
    """Weighted collateral falls by at most incentive x threshold x what the debt falls by."""
    if account != step.arguments["borrower"]:
        return True
    incentive = step.old.liquidation_incentive
    threshold = step.old.markets[step.arguments["collateral_asset"]].liquidation_threshold
    lost = weighted_collateral(step.old, account) - weighted_collateral(step.new, account)
    cancelled = value_owed(step.old, account) - value_owed(step.new, account)
    return lost * (WAD * WAD) <= cancelled * (incentive * threshold)


SOLV_6 = CATALOGUE.declare(
    "SOLV-6",
    "inside the declared bounds no action divides by zero, underflows, or needs a stored value or result beyond 256 bits",
    "state",
    why="a revert for arithmetic reasons freezes funds; a wrapped number steals them",
    assuming=(REGION, PRICES, HORIZON),
)


@SOLV_6.state(lemma=True, step_cuts=of_backing)
def nothing_stored_is_negative(pool: Any, market: Market) -> Condition:
    """No underflow: every stored amount of a market is at least 0, its index at least 1."""
    return (
        (market.cash >= 0)
        & (market.donated >= 0)
        & (market.reserves >= 0)
        & (market.bad_debt >= 0)
        & (market.supply >= 0)
        & (market.debt_shares >= 0)
        & (market.index >= WAD)
    )


@SOLV_6.state(lemma=True, step_cuts=of_backing)
def nothing_stored_over_lines_is_negative(pool: Any, market: Market) -> Condition:
    """No underflow: every stored amount of a line is at least 0, interest due above a credit of one unit."""
    amounts: tuple[Number, ...]
    if isinstance(market, CoreMarket):
        amounts = (market.lent, market.unreleased, market.rate_sum, market.collected, market.released, market.kept)
        return all_of(amount >= 0 for amount in amounts)
    if isinstance(market, LinedMarket):
        amounts = (
            market.limit, market.debt_ceiling, market.premium, market.principal, market.rate_sum_seen,
            market.first_loss, market.limit_at_draw, market.lost, market.paid, market.charged, market.cancelled,
        )  # fmt: skip
        return all_of(amount >= 0 for amount in amounts) & (market.due > -WAD)
    return True


@SOLV_6.state(lemma=True)
def nothing_stored_besides_is_negative(pool: Any, market: Market) -> Condition:
    """No underflow: the numbers that a model's own class of markets adds are at least 0, or as its signs say."""
    if isinstance(market, CoreMarket | LinedMarket):
        return True
    known = (*Market.scalars, *Market.constants)
    added = [name for name in (*market.scalars, *market.constants) if name not in known]
    least_of = {name: {"nonneg": 0, "positive": 1}.get(market.signs.get(name, "nonneg")) for name in added}
    return all_of(getattr(market, name) >= number for name, number in least_of.items() if number is not None)


@SOLV_6.state("position", lemma=True)
def no_ledger_entry_is_negative(pool: Any, market: Market, account: Account) -> Condition:
    """No underflow: every ledger entry is at least 0."""
    return (market.shares[account] >= 0) & (market.debts[account] >= 0) & (market.tokens[account] >= 0)


@SOLV_6.state(lemma=True)
def stored_values_stay_in_bounds(pool: Any, market: Market) -> Condition:
    """The index stays below its ceiling, shares below their limit, debt shares and principal below the amount limit."""
    return (
        (market.index <= market.index_ceiling)
        & (market.supply <= market.share_limit)
        & (market.debt_shares <= market.amount_limit)
        & (market.lent <= market.amount_limit)
    )


@SOLV_6.state(lemma=True)
def clocks_do_not_run_ahead(pool: Any, market: Market) -> Condition:
    """A market was accrued, and its price answered, at the latest now: elapsed times are not negative."""
    return (market.accrued_at <= pool.now) & (market.feed.updated_at <= pool.now)


@SOLV_6.state()
def stored_values_fit_a_word(pool: Any, market: Market) -> Condition:
    """Everything stored is below 2^256; recorded bad debt and donations are records, not stored words."""
    return (
        (market.cash < WORD_LIMIT)
        & (market.reserves < WORD_LIMIT)
        & (market.supply < WORD_LIMIT)
        & (market.debt_shares < WORD_LIMIT)
        & (market.index < WORD_LIMIT)
        & (debt(market) < WORD_LIMIT)
        & (assets(market) < WORD_LIMIT)
    )


@SOLV_6.scenario(asset=asset(), amount=tokens(), shares=shares(), debt_shares=tokens(), account=user())
def results_fit_a_word(
    trial: Trial, pool: Any, asset: str, amount: Number, shares: Number, debt_shares: Number, account: Account
) -> None:
    """Every result of a conversion and every value is below 2^256; products inside a conversion are of full width.

    A deposit's shares are bounded by its own refusal: beyond the share limit it does not complete.
    """
    market, now = pool.markets[asset], pool.now
    price = valid_price(market.feed, now)
    trial.assume((shares <= market.supply) & (debt_shares <= market.debt_shares))
    trial.claim(market.amount_limit * market.index * price < 2**241, "the value of all debt")
    trial.claim(price_top(market) < 2**194, "the assets of all suppliers")
    trial.claim(tokens_for_shares(market, shares) * WAD <= price_top(market), "tokens for shares")
    trial.claim(debt_shares_for_borrow(market, amount) <= amount, "debt shares for a borrow")
    trial.claim(debt_shares_for_repayment(market, amount) <= amount, "debt shares for a repayment")
    trial.claim(tokens_for_debt(market, debt_shares) * WAD < debt_shares * market.index + WAD, "tokens for a debt")
    trial.claim(market.debts[account] * market.index <= market.amount_limit * market.index, "one debt")
    trial.claim(debt_value(market, account, now) <= market.amount_limit * market.index * price, "the value of a debt")
    trial.claim(countable_assets(market) * price <= market.amount_limit * price * WAD, "the value that counts")
    for weight in (market.ltv, market.liquidation_threshold):
        value = unit_value(market, weight, now)
        trial.claim(value * priced_shares(market) <= countable_assets(market) * price, "the value of all shares")
        trial.claim(value * market.shares[account] <= value * priced_shares(market), "the value of a position")
        bound = market.amount_limit * price * WAD
        trial.claim(value * market.shares[account] <= bound, "the value of a position is bounded")
        trial.claim(value * market.shares[account] < WORD_LIMIT, "the value of a position fits a word")
        trial.claim(value < WORD_LIMIT, "the value of a share fits a word")


SOLV_7 = CATALOGUE.declare(
    "SOLV-7",
    "reserves never exceed the assets that back them",
    "state",
    why="reserves are the first to pay a loss; reserves without assets would be a promise on suppliers' money",
    assuming=(REGION, HORIZON),
)


@SOLV_7.state(lemma=True, step_cuts=of_backing)
def reserves_are_backed(pool: Any, market: Market) -> Condition:
    """reserves <= cash x WAD + debt + lines."""
    return market.reserves <= owned(market)


SOLV_8 = CATALOGUE.declare(
    "SOLV-8",
    "solvency survives time: SOLV-1 holds after accrual over any interval inside the horizon",
    "step",
    why="interest moves every claim at once; the sums have to keep up without anyone acting",
    assuming=(REGION, HORIZON),
)


@SOLV_8.scenario(asset=asset(), elapsed=slots())
def solvent_after_any_interval(trial: Trial, pool: Any, asset: str, elapsed: Number) -> None:
    """After time and accrual, cash x WAD + debt >= what all shares redeem for x WAD + reserves."""
    trial.do(pool, pass_time, elapsed)
    refusal = trial.do(pool, accrue_interest, asset)
    trial.claim(refusal is None, "accrual is not refused")
    market = pool.markets[asset]
    claims = tokens_for_shares(market, market.supply) * WAD + market.reserves
    trial.claim(owned(market) >= claims, "assets cover claims")


SOLV_9 = CATALOGUE.declare(
    "SOLV-9",
    "an account whose collateral is worth nothing, at the weights for borrowing, cannot borrow anything",
    "refusal",
    why="a loan without collateral is a gift",
    assuming=(REGION, PRICES),
)


@SOLV_9.scenario(user=user(), asset=asset(), amount=tokens(), instant=True)
def nothing_is_lent_against_nothing(trial: Trial, pool: Any, user: Account, asset: str, amount: Number) -> None:
    """Where shares x price x loan-to-value is 0 in every market of the account, and in this one, a borrow is refused."""
    trial.assume(worth_to_borrow(pool.markets[asset], user) == 0)
    trial.assume(pool.markets.sum_over(user, worth_to_borrow) == 0)
    refusal = trial.do(pool, borrow, user, asset, amount)
    trial.claim(refusal is not None, "the borrow is refused")

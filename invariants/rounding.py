"""RND: roundings favour the pool, by less than one unit, and no sequence of them pays anybody."""

from __future__ import annotations

from typing import Any

from poolproof.models.core_pool import CoreMarket
from poolproof.models.credit_line import LinedMarket
from poolproof.models.isolated_pool import (
    accrue_interest,
    add_reserves,
    borrow,
    deposit,
    donate,
    enter,
    liquidate,
    redeem,
    repay,
    transfer,
    withdraw,
    write_off,
)
from poolproof.models.isolated_pool import (
    exit as exit_market,
)
from poolproof.models.market import (
    Market,
    borrow_rate,
    debt_shares_for_borrow,
    debt_shares_for_repayment,
    shares_for_deposit,
    shares_for_withdrawal,
    tokens_for_debt,
    tokens_for_shares,
)
from poolproof.spec.action import asset, shares, tokens, user
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, counts_if, least, positive_part
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, REGION
from .cuts import cancelled_value, of_health, of_seizure, of_wealth
from .measures import (
    assets,
    debt,
    forgiven,
    is_healthy,
    price_bottom,
    price_top,
    rate_over_line,
    released,
    taken_out,
    valid_price,
)

OWN_ACTIONS = (deposit, redeem, withdraw, transfer, enter, exit_market, borrow, repay, donate, add_reserves)

RND_1 = CATALOGUE.declare(
    "RND-1",
    "each conversion rounds for the pool, and is within one smallest unit of exact",
    "state",
    why="the direction keeps the pool whole, the distance keeps its users from being overcharged",
    assuming=(REGION,),
)


@RND_1.scenario(asset=asset(), amount=tokens(), shares=shares())
def conversions_round_for_the_pool(trial: Trial, pool: Any, asset: str, amount: Number, shares: Number) -> None:
    """Each of the six conversions, against the exact quotient, on both sides."""
    market = pool.markets[asset]
    top, bottom, index = price_top(market), price_bottom(market), market.index

    def claim(result: Number, exact_top: Number, exact_bottom: Number, name: str, *, up: bool) -> None:
        product = result * exact_bottom
        if up:
            trial.claim((product >= exact_top) & (product < exact_top + exact_bottom), f"{name} rounds up")
        else:
            trial.claim((product <= exact_top) & (product > exact_top - exact_bottom), f"{name} rounds down")

    claim(shares_for_deposit(market, amount), amount * WAD * bottom, top, "shares for a deposit", up=False)
    claim(shares_for_withdrawal(market, amount), amount * WAD * bottom, top, "shares for a withdrawal", up=True)
    claim(tokens_for_shares(market, shares), shares * top, bottom * WAD, "tokens for shares", up=False)
    claim(debt_shares_for_borrow(market, amount), amount * WAD, index, "debt shares for a borrow", up=True)
    claim(
        debt_shares_for_repayment(market, amount),
        amount * WAD,
        index,
        "debt shares for a repayment",
        up=False,
    )
    claim(tokens_for_debt(market, amount), amount * index, WAD, "tokens for debt shares", up=True)


@RND_1.step(of=(accrue_interest,))
def interest_is_within_a_unit(step: Step, old: Market, new: Market) -> Condition:
    """The index grows by rate x time, and the reserves get their factor of the interest, each short by less than a unit."""
    growth, elapsed = new.index - old.index, new.accrued_at - old.accrued_at
    exact = old.index * (borrow_rate(old) * elapsed + rate_over_line(old, new))
    charged = ((growth + 1) * WAD > exact) | (new.index == new.index_ceiling)
    interest, credited = growth * old.debt_shares, new.reserves - old.reserves
    if isinstance(new, LinedMarket):
        return charged
    if isinstance(new, CoreMarket) and isinstance(old, CoreMarket):
        credited -= new.kept - old.kept
    kept = (credited * WAD <= interest * old.reserve_factor) & (credited * WAD + WAD > interest * old.reserve_factor)
    return kept & charged


@RND_1.step(of=(accrue_interest,))
def suppliers_of_a_lined_market_earn_on_what_they_fund(step: Step, old: Market, new: Market) -> Condition:
    """earned = interest less the reserves' part x debt funded / debt, short by less than a unit, or all that is left."""
    if not isinstance(old, LinedMarket) or not isinstance(new, LinedMarket):
        return True
    interest, owing = debt(new) - debt(old), debt(old)
    earned, line = assets(new) - assets(old), new.charged - old.charged
    funded = positive_part(owing - old.principal * WAD)
    rest = interest * (WAD - old.reserve_factor)
    below = earned * owing * WAD <= (rest + WAD) * funded
    above = (earned + 1) * owing * WAD > rest * funded
    return (owing == 0) | (below & (above | (earned == interest - line)))


@RND_1.step(of=(accrue_interest,))
def release_is_within_a_unit(step: Step, old: Market, new: Market) -> Condition:
    """Line interest is released in proportion to time, short by less than a unit, and the reserves get their factor."""
    if not isinstance(old, CoreMarket) or not isinstance(new, CoreMarket):
        return True
    gone, kept = released(old, new), new.kept - old.kept
    share = old.unreleased * least(new.accrued_at - old.accrued_at, old.release_period)
    shared = (gone * old.release_period <= share) & ((gone + 1) * old.release_period > share)
    return shared & (kept * WAD <= gone * old.reserve_factor) & (kept * WAD + WAD > gone * old.reserve_factor)


@RND_1.step("pool", of=(liquidate,), instant=True, cuts=of_seizure)
def a_seizure_is_within_a_share(step: Step) -> Condition:
    """All collateral in the market is seized, or (seized + 1 share) and 1/WAD of a unit are worth repaid x incentive."""
    borrower, now = step.arguments["borrower"], step.new.now
    collateral = step.old.markets[step.arguments["collateral_asset"]]
    left = step.new.markets[collateral.asset].shares[borrower]
    seized = collateral.shares[borrower] - left
    unit = valid_price(collateral.feed, now) * WAD
    exact = cancelled_value(step) * step.old.liquidation_incentive * price_bottom(collateral)
    reached = (seized + 1) * price_top(collateral) * unit + price_bottom(collateral) * unit > exact
    if step.arguments["liquidator"] == borrower:
        return True
    return (left == 0) | reached


RND_2 = CATALOGUE.declare(
    "RND-2",
    "within an instant, at constant prices, a user whose accounts are all healthy at the start, who liquidates nobody "
    "else, never ends with more wealth, by any sequence, with any number of own accounts, donations and flash capital",
    "profit",
    why="wealth at the exact rational share price is a potential: no action of the user raises it, so no sequence does",
    assuming=(REGION,),
)


@RND_2.step(of=(*OWN_ACTIONS, liquidate), new_by=("user",), instant=True, cuts=of_wealth)
def net_worth_never_rises(step: Step, old: Market, new: Market) -> Condition:
    """tokens + shares x exact share price - exact debt of the user's accounts together does not rise, in any market.

    The user's accounts are the ones that the action names, with or without everybody else's shares besides: the gain
    is linear in what the user holds besides, so the two extremes bound all cases.  A liquidation is between two
    accounts of the user.
    """
    own = dict.fromkeys(v for k, v in step.arguments.items() if step.action.domains[k].kind == "user")
    return all_of(wealth_does_not_rise(old, new, tuple(own), everyone=flag) for flag in (False, True))


def all_of(conditions: Any) -> Condition:
    """Every condition holds."""
    result: Condition = True
    for condition in conditions:
        result = result & condition
    return result


def wealth_does_not_rise(old: Market, new: Market, own: tuple[Account, ...], *, everyone: bool) -> Condition:
    """The change of wealth x the two share supplies, in tokens x WAD, is not positive."""
    before = sum((old.shares[a] for a in own), start=0)
    after = sum((new.shares[a] for a in own), start=0)
    if everyone:
        before, after = old.supply, after + old.supply - before
    bottom, new_bottom = price_bottom(old), price_bottom(new)
    change = after * price_top(new) * bottom - before * price_top(old) * new_bottom
    return change <= -taken_out(old, new, own) * bottom * new_bottom


@RND_2.step(over="account", of=(*OWN_ACTIONS, liquidate), new_by=("user",), instant=True, cuts=of_health)
def what_stays_unhealthy_only_improved(step: Step, account: Account) -> Condition:
    """An account is healthy after its owner's action, or the action took nothing from it and lent it nothing.

    With the buffer of SOLV-5 this is what keeps a default on a debt made unhealthy by somebody else's recorded loss
    from paying: max(C - D, C x (1 - 1 / incentive)), C collateral and D debt, is a potential of each account.
    """
    if account != step.actor or step.action == liquidate:
        return True
    improved = step.new.markets.all_pairs(
        step.old.markets,
        lambda old, new: (new.shares[account] >= old.shares[account]) & (new.debts[account] <= old.debts[account]),
    )
    return improved | is_healthy(step.new, account)


@RND_2.scenario(collateral=tokens(), debt=tokens(), gained=tokens(), lost=tokens(), repaid=tokens(), asset=asset())
def defaulting_is_no_profit(
    trial: Trial,
    pool: Any,
    collateral: Number,
    debt: Number,
    gained: Number,
    lost: Number,
    repaid: Number,
    asset: str,
) -> None:
    """max(C - D, C (1 - 1/incentive)) falls by what leaves an account, in a repayment, a gain, a seizure."""
    incentive = pool.liquidation_incentive

    def potential(c: Number, d: Number) -> Number:
        solvent = (c - d) * incentive
        abandoned = c * (incentive - WAD)
        return abandoned + counts_if(solvent > abandoned, solvent - abandoned)

    trial.assume((repaid <= debt) & (lost <= collateral))
    before = potential(collateral, debt)
    trial.claim(potential(collateral + gained, debt - repaid) <= before + (gained + repaid) * incentive, "improving")
    trial.assume(lost * WAD <= repaid * incentive)
    seized = potential(collateral - lost, debt - repaid)
    trial.claim(seized <= before + (repaid - lost) * incentive, "seizing")
    trial.claim(before >= 0, "abandoning")


RND_3 = CATALOGUE.declare(
    "RND-3",
    "a deposit that is accepted credits something",
    "step",
    why="a deposit that credits nothing is a donation by accident",
)


@RND_3.step("pool", of=(deposit,))
def a_deposit_credits_shares(step: Step) -> Condition:
    """The depositor has more shares than before."""
    asset = step.arguments["asset"]
    return step.new.markets[asset].shares[step.actor] > step.old.markets[asset].shares[step.actor]


RND_4 = CATALOGUE.declare(
    "RND-4",
    "a redemption pays at most what was asked for and at most the value of what it burns; a repayment takes at most what "
    "was offered",
    "step",
    why="who names an amount is not charged or paid another",
)


@RND_4.step(of=(withdraw, repay, liquidate))
def at_most_the_amount_named_moves(step: Step, old: Market, new: Market) -> Condition:
    """Tokens paid out by a withdrawal, or taken by a repayment, are at most the amount named."""
    amount = step.arguments["amount"]
    actor = step.actor
    moved = new.tokens[actor] - old.tokens[actor]
    return moved <= amount if step.action == withdraw else -moved <= amount


@RND_4.step(of=(redeem, withdraw), instant=True)
def at_most_the_value_burned_is_paid(step: Step, old: Market, new: Market) -> Condition:
    """paid x WAD x shares <= burned x assets; a redemption burns at most the shares named."""
    user = step.actor
    paid = new.tokens[user] - old.tokens[user]
    burned = old.shares[user] - new.shares[user]
    named = burned <= step.arguments["shares"] if step.action == redeem else True
    return (paid * WAD * price_bottom(old) <= burned * price_top(old)) & named


RND_5 = CATALOGUE.declare(
    "RND-5",
    "moving the share price costs the mover at least what all others gain, and no later deposit loses more than one "
    "share's value to it (first depositor and inflation attacks)",
    "profit",
    why="the first depositor's attack pays only if a donation moves the price and a later deposit rounds to nothing",
    assuming=(REGION,),
)


@RND_5.step(of=(*OWN_ACTIONS, liquidate, write_off), new_by=("user",), instant=True)
def moving_the_price_costs_the_mover(step: Step, old: Market, new: Market) -> Condition:
    """What suppliers' assets gain is at most what the actor paid in, the debt taken on, and what a line forgave."""
    actor = step.actor
    paid_in = (old.tokens[actor] - new.tokens[actor]) * WAD
    given = paid_in + old.reserves - new.reserves + forgiven(old, new)
    return assets(new) - assets(old) <= given + debt(new) - debt(old)


@RND_5.step(of=(deposit,), instant=True)
def a_deposit_loses_less_than_a_share(step: Step, old: Market, new: Market) -> Condition:
    """(credited + 1) shares are worth more than the deposit, at the price before it."""
    user = step.actor
    credited = new.shares[user] - old.shares[user]
    paid = old.tokens[user] - new.tokens[user]
    return (credited + 1) * price_top(old) > paid * WAD * price_bottom(old)


RND_6 = CATALOGUE.declare(
    "RND-6",
    "doing in two parts, in one instant, what could be done at once (deposit, redeem, borrow, repay) never gives more and "
    "never owes less",
    "two-run",
    why="if splitting paid, everybody would have to split",
    assuming=(REGION,),
)


@RND_6.scenario(user=user(), asset=asset(), first=tokens(), second=tokens(), instant=True)
def two_deposits_credit_no_more(
    trial: Trial, pool: Any, user: Account, asset: str, first: Number, second: Number
) -> None:
    """deposit a, deposit b credits at most what deposit a + b credits."""
    once = trial.copy(pool)
    for state, amount in ((pool, first), (pool, second), (once, first + second)):
        trial.assume(trial.do(state, deposit, user, asset, amount) is None)
    credited, at_once = pool.markets[asset].shares[user], once.markets[asset].shares[user]
    trial.claim(credited <= at_once, "two deposits credit no more than one")


@RND_6.scenario(user=user(), asset=asset(), first=shares(), second=shares(), instant=True)
def two_redemptions_pay_no_more(
    trial: Trial, pool: Any, user: Account, asset: str, first: Number, second: Number
) -> None:
    """Redeem a, redeem b pays at most what redeem a + b pays."""
    once = trial.copy(pool)
    for state, burned in ((pool, first), (pool, second), (once, first + second)):
        trial.assume(trial.do(state, redeem, user, asset, burned) is None)
    paid, at_once = pool.markets[asset].tokens[user], once.markets[asset].tokens[user]
    trial.claim(paid <= at_once, "two redemptions pay no more than one")


@RND_6.scenario(user=user(), asset=asset(), first=tokens(), second=tokens(), instant=True)
def two_borrows_owe_no_less(trial: Trial, pool: Any, user: Account, asset: str, first: Number, second: Number) -> None:
    """Borrow a, borrow b owes at least what borrow a + b owes."""
    once = trial.copy(pool)
    for state, amount in ((pool, first), (pool, second), (once, first + second)):
        trial.assume(trial.do(state, borrow, user, asset, amount) is None)
    owing, at_once = pool.markets[asset].debts[user], once.markets[asset].debts[user]
    trial.claim(owing >= at_once, "two borrows owe no less than one")


@RND_6.scenario(user=user(), asset=asset(), first=tokens(), second=tokens(), instant=True)
def two_repayments_owe_no_less(
    trial: Trial, pool: Any, user: Account, asset: str, first: Number, second: Number
) -> None:
    """Repay a, repay b leaves at least the debt that repay a + b leaves."""
    once = trial.copy(pool)
    for state, amount in ((pool, first), (pool, second), (once, first + second)):
        trial.assume(trial.do(state, repay, user, user, asset, amount) is None)
    owing, at_once = pool.markets[asset].debts[user], once.markets[asset].debts[user]
    trial.claim(owing >= at_once, "two repayments owe no less than one")

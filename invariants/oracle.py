"""ORC: what a price can and cannot stop."""

from __future__ import annotations

from typing import Any

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
    set_price,
    transfer,
    withdraw,
    write_off,
)
from poolproof.models.isolated_pool import (
    exit as exit_market,
)
from poolproof.models.liquidation import counted_to_borrow, counted_to_liquidation
from poolproof.models.market import Market
from poolproof.spec.action import asset, price, shares, tokens, user
from poolproof.spec.arithmetic import Number
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, implies
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, PRICES
from .measures import collateral_shares_of, debts_of, price_bottom, price_top, same, valid_price

ORC_1 = CATALOGUE.declare(
    "ORC-1",
    "a missing or zero price refuses what depends on it and nothing else",
    "two-run",
    why="a silent oracle must stop borrowing against what it prices, and must not stop anyone from paying back",
    assuming=(PRICES,),
)


@ORC_1.step(of=(borrow, redeem, withdraw, transfer, exit_market), instant=True)
def no_check_passes_without_a_price(step: Step, old: Market, new: Market) -> Condition:
    """After an action that reads the actor's health, each position of an actor in debt has a price."""
    actor = step.actor
    position = new.entered[actor] & ((new.shares[actor] > 0) | (new.debts[actor] > 0))
    return implies(position & (debts_of(step.new, actor) > 0), valid_price(new.feed, step.new.now) > 0)


@ORC_1.step("pool", of=(liquidate,), instant=True)
def no_liquidation_without_a_price(step: Step) -> Condition:
    """Both markets of a liquidation have a price."""
    debt, collateral = (step.new.markets[step.arguments[k]] for k in ("debt_asset", "collateral_asset"))
    return (valid_price(debt.feed, step.new.now) > 0) & (valid_price(collateral.feed, step.new.now) > 0)


def _agree(trial: Trial, one: Any, other: Any, asset: str, accounts: tuple[Account, ...]) -> None:
    """Claim that two runs left the market with the same values."""
    a, b = one.markets[asset], other.markets[asset]
    trial.claim((a.cash == b.cash) & (a.supply == b.supply) & (a.debt_shares == b.debt_shares), "the totals agree")
    trial.claim((a.index == b.index) & (a.reserves == b.reserves) & (a.donated == b.donated), "the rest agrees")
    for account in accounts:
        trial.claim(
            (a.shares[account] == b.shares[account])
            & (a.debts[account] == b.debts[account])
            & (a.tokens[account] == b.tokens[account])
            & same(a.entered[account], b.entered[account]),
            "the positions agree",
        )


@ORC_1.scenario(user=user(), other=user(), asset=asset(), amount=tokens(), shares=shares(), price=price())
def paying_in_and_back_needs_no_price(
    trial: Trial,
    pool: Any,
    user: Account,
    other: Account,
    asset: str,
    amount: Number,
    shares: Number,
    price: Number,
) -> None:
    """Two runs that differ in the price agree on deposit, repay, enter, donate, add_reserves and accrual."""
    for what, arguments in (
        (deposit, (user, asset, amount)),
        (repay, (user, other, asset, amount)),
        (enter, (user, asset)),
        (donate, (user, asset, amount)),
        (add_reserves, (user, asset, amount)),
        (accrue_interest, (asset,)),
    ):
        one, two = trial.copy(pool), trial.copy(pool)
        trial.do(two, set_price, asset, price)
        first, second = trial.do(one, what, *arguments), trial.do(two, what, *arguments)
        trial.claim(type(first) is type(second), f"{what.name} is refused in both runs or in neither")
        _agree(trial, one, two, asset, (user, other))


@ORC_1.scenario(user=user(), other=user(), asset=asset(), amount=tokens(), shares=shares(), price=price())
def leaving_without_debt_needs_no_price(
    trial: Trial,
    pool: Any,
    user: Account,
    other: Account,
    asset: str,
    amount: Number,
    shares: Number,
    price: Number,
) -> None:
    """Two runs that differ in the price agree on redeem, withdraw, transfer and exit of an account without debt."""
    trial.assume(debts_of(pool, user) == 0)
    for what, arguments in (
        (redeem, (user, asset, shares)),
        (withdraw, (user, asset, amount)),
        (transfer, (user, other, asset, shares)),
        (exit_market, (user, asset)),
    ):
        one, two = trial.copy(pool), trial.copy(pool)
        trial.do(two, set_price, asset, price)
        first, second = trial.do(one, what, *arguments), trial.do(two, what, *arguments)
        trial.claim(type(first) is type(second), f"{what.name} is refused in both runs or in neither")
        _agree(trial, one, two, asset, (user, other))


@ORC_1.scenario(user=user(), account=user(), asset=asset(), price=price())
def recording_bad_debt_without_collateral_needs_no_price(
    trial: Trial, pool: Any, user: Account, account: Account, asset: str, price: Number
) -> None:
    """A write-off of an account without collateral is not refused at any price, or without one."""
    trial.assume((collateral_shares_of(pool, account) == 0) & (debts_of(pool, account) > 0))
    trial.do(pool, set_price, asset, price)
    trial.claim(trial.do(pool, write_off, user, account) is None, "the write-off is not refused")


ORC_2 = CATALOGUE.declare(
    "ORC-2",
    "a bounded price never values collateral above the bound",
    "state",
    why="a bound is the most that a manipulated or mistaken price may lend against",
    assuming=(PRICES,),
)


@ORC_2.state("position")
def collateral_counts_at_most_at_the_bound(pool: Any, market: Market, account: Account) -> Condition:
    """What counts for borrowing and for liquidation is at most shares x exact share price x bound."""
    feed, now = market.feed, pool.now
    exact = market.shares[account] * price_top(market) * feed.bound
    borrowing = counted_to_borrow(market, account, now) * price_bottom(market)
    liquidation = counted_to_liquidation(market, account, now) * price_bottom(market)
    return (feed.bound == 0) | ((borrowing <= exact) & (liquidation <= exact))

"""PORTFOLIO: what holds of an account's position in each market holds of the sums over its markets.

Proofs keep the markets that an action does not touch as one remainder.  What they use of it are the relations below:
each holds in one market, is kept by adding two numbers, and therefore holds of any sum of markets.
"""

from __future__ import annotations

from typing import Any

from poolproof.models.isolated_pool import TREASURY, write_off
from poolproof.models.liquidation import (
    collateral_value_up,
    counted_to_borrow,
    counted_to_liquidation,
    debt_value,
)
from poolproof.models.market import Market
from poolproof.spec.arithmetic import Number
from poolproof.spec.invariant import Step
from poolproof.spec.logic import Condition, implies
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, PRICES, REGION
from .cuts import of_health, of_position
from .measures import loss_exceeds_reserves, price_bottom, price_top, valid_price, worth_to_borrow

PORTFOLIO = CATALOGUE.declare(
    "PORTFOLIO",
    "in each market the collateral of an account counts at most at its value, for borrowing at most as for liquidation, "
    "and nothing where there is none; its debt counts in full",
    "state",
    why="a lemma: it lets a proof speak of any number of markets through the ones that an action touches",
    assuming=(REGION, PRICES),
)


def relations(
    shares: Number,
    debts: Number,
    collateral: Number,
    debt: Number,
    to_borrow: Number,
    to_liquidation: Number,
    worth: Number,
) -> list[Condition]:
    """What holds between the terms of an account's position in one market, and of their sums over markets."""
    return [
        to_borrow <= to_liquidation,
        to_liquidation <= collateral,
        implies(debts == 0, debt == 0),
        implies(shares == 0, collateral == 0),
        implies(worth == 0, to_borrow == 0),
    ]


@PORTFOLIO.state("position", cuts=of_position)
def a_position_counts_at_most_its_value(pool: Any, market: Market, account: Account) -> Condition:
    """counted to borrow <= counted to liquidation <= value rounded up; no debt shares, no debt; no shares, no value."""
    result: Condition = True
    for relation in relations(
        market.shares[account],
        market.debts[account],
        collateral_value_up(market, account, pool.now),
        debt_value(market, account, pool.now),
        counted_to_borrow(market, account, pool.now),
        counted_to_liquidation(market, account, pool.now),
        worth_to_borrow(market, account),
    ):
        result = result & relation
    return result


@PORTFOLIO.state("position")
def a_write_off_never_underrates(pool: Any, market: Market, account: Account) -> Condition:
    """What a write-off counts as an account's collateral is at least its exact value, whatever is capped or bounded."""
    counted = collateral_value_up(market, account, pool.now) * price_bottom(market)
    return counted >= market.shares[account] * price_top(market) * valid_price(market.feed, pool.now)


@PORTFOLIO.state("position")
def a_debt_counts_in_full(pool: Any, market: Market, account: Account) -> Condition:
    """The value of a debt is debt shares x index x price, exactly: where there is a price, at least one a debt share."""
    price, counted = valid_price(market.feed, pool.now), debt_value(market, account, pool.now)
    in_full = counted == market.debts[account] * market.index * price
    return in_full & ((price == 0) | (market.debts[account] <= counted))


@PORTFOLIO.state("position", lemma=True)
def debts_are_in_entered_markets(pool: Any, market: Market, account: Account) -> Condition:
    """A market in which an account owes counts for the account."""
    return (market.debts[account] == 0) | market.entered[account]


@PORTFOLIO.step("position", of=(write_off,), instant=True, cuts=of_health)
def recording_spares_other_positions(step: Step, old: Market, new: Market, account: Account) -> Condition:
    """A write-off takes nothing from other accounts but the price of their shares, and that only beyond the reserves."""
    if account == step.arguments["account"]:
        return True
    now = step.new.now
    more = new.shares[account] >= old.shares[account]
    same = more if account == TREASURY else new.shares[account] == old.shares[account]
    kept = same & (new.debts[account] == old.debts[account])
    counts = counted_to_liquidation(new, account, now) >= counted_to_liquidation(old, account, now)
    return kept & (counts | loss_exceeds_reserves(old, new))

"""LIQ: who can be liquidated, by how much, at what price, and what is left."""

from __future__ import annotations

from typing import Any

from poolproof.models.isolated_pool import borrow, liquidate, redeem, transfer, withdraw, write_off
from poolproof.models.isolated_pool import exit as exit_market
from poolproof.models.market import Market
from poolproof.spec.action import asset, user
from poolproof.spec.arithmetic import WAD, div_up
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, implies
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, PRICES, REGION
from .cuts import of_health, of_health_ratio, of_liquidation, of_wealth
from .measures import (
    collateral_shares_of,
    debts_of,
    health,
    is_healthy,
    price_bottom,
    price_top,
    unchanged_position,
    valid_price,
    value_owed,
    weighted_collateral,
)
from .rounding import wealth_does_not_rise

LIQ_1 = CATALOGUE.declare(
    "LIQ-1",
    "only an unhealthy account can be liquidated",
    "step",
    why="collateral of a sound position is nobody else's business",
    assuming=(REGION, PRICES),
)


@LIQ_1.step("pool", of=(liquidate,), instant=True)
def only_the_unhealthy_are_liquidated(step: Step) -> Condition:
    """Before a liquidation the borrower's collateral at the threshold is below its debt."""
    return health(step.old, step.arguments["borrower"]) < 0


LIQ_2 = CATALOGUE.declare(
    "LIQ-2",
    "a liquidation never raises the account's shortfall, and lowers it where incentive x threshold < 1 and value is "
    "cancelled; its health ratio improves where it exceeds threshold x incentive",
    "step",
    why="a liquidation that worsens what it should repair is a spiral",
    assuming=(REGION, PRICES),
)


@LIQ_2.step("pool", of=(liquidate,), instant=True, cuts=of_liquidation)
def the_shortfall_never_rises(step: Step) -> Condition:
    """The margin after is at least the margin before, and more where incentive x threshold < 1 and debt was cancelled."""
    borrower = step.arguments["borrower"]
    collateral = step.old.markets[step.arguments["collateral_asset"]]
    before, after = health(step.old, borrower), health(step.new, borrower)
    cancelled = value_owed(step.old, borrower) - value_owed(step.new, borrower)
    strict = (collateral.liquidation_threshold * step.old.liquidation_incentive < WAD * WAD) & (cancelled > 0)
    return (after >= before) & implies(strict, after > before)


@LIQ_2.step("pool", of=(liquidate,), instant=True, cuts=of_health_ratio)
def the_health_ratio_improves(step: Step) -> Condition:
    """Where weighted collateral / debt exceeds threshold x incentive, it does not fall."""
    borrower = step.arguments["borrower"]
    threshold = step.old.markets[step.arguments["collateral_asset"]].liquidation_threshold
    incentive = step.old.liquidation_incentive
    collateral, debt = weighted_collateral(step.old, borrower), value_owed(step.old, borrower)
    collateral_after, debt_after = weighted_collateral(step.new, borrower), value_owed(step.new, borrower)
    exceeds = collateral * (WAD * WAD) >= debt * (threshold * incentive)
    return implies(exceeds, collateral_after * debt >= collateral * debt_after)


LIQ_3 = CATALOGUE.declare(
    "LIQ-3",
    "a liquidator receives at most the repaid value times the incentive, and burns at most the close factor of the debt, "
    "rounded up to the next debt share",
    "step",
    why="what a liquidator may take is bounded by what the liquidator pays",
    assuming=(REGION, PRICES),
)


@LIQ_3.step("pool", of=(liquidate,), instant=True)
def seized_at_most_repaid_times_incentive(step: Step) -> Condition:
    """seized x share price x price <= burned x index x price x incentive, by exact prices."""
    borrower = step.arguments["borrower"]
    debt, collateral = (step.old.markets[step.arguments[k]] for k in ("debt_asset", "collateral_asset"))
    debt_after, collateral_after = (step.new.markets[step.arguments[k]] for k in ("debt_asset", "collateral_asset"))
    burned = debt.debts[borrower] - debt_after.debts[borrower]
    seized = collateral.shares[borrower] - collateral_after.shares[borrower]
    repaid = burned * debt.index * valid_price(debt.feed, step.old.now) * step.old.liquidation_incentive
    taken = seized * price_top(collateral) * (valid_price(collateral.feed, step.old.now) * WAD)
    return taken <= repaid * price_bottom(collateral)


@LIQ_3.step("pool", of=(liquidate,), instant=True)
def burned_at_most_the_close_factor(step: Step) -> Condition:
    """burned < debt x close factor + one debt share."""
    borrower = step.arguments["borrower"]
    debt, after = (s.markets[step.arguments["debt_asset"]] for s in (step.old, step.new))
    burned = debt.debts[borrower] - after.debts[borrower]
    return burned * WAD < debt.debts[borrower] * step.old.close_factor + WAD


LIQ_4 = CATALOGUE.declare(
    "LIQ-4",
    "liquidating oneself through a second account never raises wealth while the collateral covers debt x incentive",
    "profit",
    why="otherwise the incentive is paid by the other suppliers",
    assuming=(REGION,),
)


@LIQ_4.step(of=(liquidate,), instant=True, cuts=of_wealth)
def self_liquidation_is_no_profit(step: Step, old: Market, new: Market) -> Condition:
    """The wealth of liquidator and borrower together does not rise, in any market."""
    own = (step.arguments["liquidator"], step.arguments["borrower"])
    alone = wealth_does_not_rise(old, new, own, everyone=False)
    return alone & wealth_does_not_rise(old, new, own, everyone=True)


LIQ_5 = CATALOGUE.declare(
    "LIQ-5",
    "an unhealthy account with priced collateral can be liquidated, at least in the smallest step, by anyone who has the "
    "funds",
    "refusal",
    why="a position that nobody may liquidate becomes bad debt",
    assuming=(REGION, PRICES),
)


@LIQ_5.scenario(liquidator=user(), borrower=user(), debt_asset=asset(), collateral_asset=asset(), instant=True)
def the_unhealthy_can_be_liquidated(
    trial: Trial, pool: Any, liquidator: Account, borrower: Account, debt_asset: str, collateral_asset: str
) -> None:
    """A liquidation that offers one debt share's value is not refused."""
    debt, collateral = pool.markets[debt_asset], pool.markets[collateral_asset]
    amount = div_up(debt.index, WAD)
    trial.assume(liquidator != borrower)
    trial.assume((debt.debts[borrower] > 0) & (collateral.shares[borrower] > 0))
    trial.assume(collateral.entered[borrower])
    trial.assume((valid_price(debt.feed, pool.now) > 0) & (valid_price(collateral.feed, pool.now) > 0))
    trial.assume(priced_everywhere(pool, borrower))
    trial.assume(health(pool, borrower) < 0)
    trial.assume(debt.tokens[liquidator] >= amount)
    refusal = trial.do(pool, liquidate, liquidator, borrower, debt_asset, collateral_asset, amount)
    trial.claim(refusal is None, "the liquidation is not refused")


def priced_everywhere(pool: Any, account: Account) -> Condition:
    """Every position of the account has a price."""
    return pool.markets.priced_for(account, lambda market: valid_price(market.feed, pool.now) > 0)


LIQ_6 = CATALOGUE.declare(
    "LIQ-6",
    "an account that has just borrowed or redeemed is not liquidatable in the same instant, at constant prices, recorded "
    "bad debt aside",
    "step",
    why="whoever passes the check for borrowing has a buffer to the threshold",
    assuming=(REGION, PRICES),
)


@LIQ_6.step("pool", of=(borrow, redeem, withdraw, transfer, exit_market), instant=True, cuts=of_health)
def healthy_after_borrowing_or_redeeming(step: Step) -> Condition:
    """The actor is healthy at the threshold; SOLV-4 keeps it so for the rest of the instant."""
    return is_healthy(step.new, step.actor)


LIQ_7 = CATALOGUE.declare(
    "LIQ-7",
    "a liquidation changes no ledger entry of a third account and nothing in another pool",
    "step",
    why="a liquidation is between two accounts and the markets that they name",
)


@LIQ_7.step("position", of=(liquidate,), instant=True)
def third_accounts_are_untouched(step: Step, old: Market, new: Market, account: Account) -> Condition:
    """Who is neither liquidator nor borrower has the same shares, debts, tokens and memberships."""
    if account in (step.arguments["liquidator"], step.arguments["borrower"], new.vault):
        return True
    return unchanged_position(old, new, account)


LIQ_8 = CATALOGUE.declare(
    "LIQ-8",
    "an account that owes and has no collateral left can be recorded as bad debt by anyone, in one action",
    "refusal",
    why="a loss that nobody can record keeps being lent against",
)


@LIQ_8.scenario(user=user(), account=user())
def bad_debt_is_recorded_in_one_action(trial: Trial, pool: Any, user: Account, account: Account) -> None:
    """The write-off is not refused and leaves no debt, prices or no prices."""
    trial.assume(collateral_shares_of(pool, account) == 0)
    trial.assume(debts_of(pool, account) > 0)
    refusal = trial.do(pool, write_off, user, account)
    trial.claim(refusal is None, "the write-off is not refused")
    for market in pool.markets.values():
        trial.claim(market.debts[account] == 0, "no debt is left")

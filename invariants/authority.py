"""AUTH and GOV: who may lower whose wealth, and what a parameter change may do."""

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
    set_borrow_cap,
    set_close_factor,
    set_liquidation_incentive,
    set_rate_model,
    set_reserve_factor,
    set_risk_factors,
    set_supply_cap,
    take_reserves,
    transfer,
    withdraw,
    write_off,
)
from poolproof.models.isolated_pool import (
    exit as exit_market,
)
from poolproof.models.market import Market, accrue
from poolproof.spec.action import asset, factor, rate
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, implies
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, HORIZON, PRICES, REGION
from .cuts import of_health_under_governance
from .measures import is_healthy, loss_exceeds_reserves, price_bottom, price_top, same, valid_price

AUTH_1 = CATALOGUE.declare(
    "AUTH-1",
    "nobody but its owner, a delegate of the owner's, or a liquidator of an unhealthy account lowers an account's wealth "
    "within an instant, except by recording bad debt that exists",
    "step",
    why="a position is its owner's; the exceptions are the two that the protocol announces",
    assuming=(REGION,),
)


@AUTH_1.step(
    "position",
    of=(
        deposit, redeem, withdraw, transfer, enter, exit_market, borrow, repay, liquidate, write_off,
        accrue_interest, add_reserves, donate, take_reserves,
    ),
    new_by=("user", "environment", "governance"),
    instant=True,
)  # fmt: skip
def nobody_else_lowers_wealth(step: Step, old: Market, new: Market, account: Account) -> Condition:
    """No fewer tokens or shares, no more debt, no membership changed, and shares worth at least as much.

    Of every account that does not act and is not the one liquidated or written off.
    """
    taken = {liquidate: ("borrower",), write_off: ("account",)}.get(step.action, ())
    if account in (step.actor, new.vault, *(step.arguments[name] for name in taken)):
        return True
    kept = (
        (new.tokens[account] >= old.tokens[account])
        & (new.shares[account] >= old.shares[account])
        & (new.debts[account] <= old.debts[account])
        & same(new.entered[account], old.entered[account])
    )
    worth = price_top(new) * price_bottom(old) >= price_top(old) * price_bottom(new)
    return kept & (worth | loss_exceeds_reserves(old, new))


@AUTH_1.step("position", of=(write_off,), instant=True)
def only_dust_is_forfeited(step: Step, old: Market, new: Market, account: Account) -> Condition:
    """What a write-off takes in a market is worth at most the dust value, at the exact share price."""
    if account != step.arguments["account"]:
        return True
    taken = old.shares[account] - new.shares[account]
    value = taken * price_top(old) * valid_price(old.feed, step.new.now)
    return value <= step.old.dust_value * price_bottom(old)


@AUTH_1.step("pool", of=(liquidate, write_off), instant=True)
def only_the_unhealthy_are_taken_from(step: Step) -> Condition:
    """Who is liquidated or written off owes, and is not healthy."""
    account = step.arguments["borrower" if step.action == liquidate else "account"]
    return negation_of_health(step.old, account)


@AUTH_1.step("position", of=(liquidate,), instant=True)
def a_liquidation_takes_only_collateral(step: Step, old: Market, new: Market, account: Account) -> Condition:
    """The borrower keeps its tokens and memberships, owes no more, and loses shares of the market named, if it entered."""
    if account != step.arguments["borrower"] or account == step.actor:
        return True
    kept = (
        (new.tokens[account] == old.tokens[account])
        & (new.debts[account] <= old.debts[account])
        & same(new.entered[account], old.entered[account])
    )
    if new.asset == step.arguments["collateral_asset"]:
        return kept & ((new.shares[account] == old.shares[account]) | old.entered[account])
    return kept & (new.shares[account] == old.shares[account])


def negation_of_health(pool: Any, account: Account) -> Condition:
    """The account owes something and its collateral at the threshold does not cover it."""
    from .measures import collateral_shares_of, debts_of, health  # noqa: PLC0415 - the one use

    without_collateral = (collateral_shares_of(pool, account) == 0) & (debts_of(pool, account) > 0)
    if without_collateral:
        return True
    return (debts_of(pool, account) > 0) & (health(pool, account) < 0)


GOV_1 = CATALOGUE.declare(
    "GOV-1",
    "no parameter change but lowering a threshold (or a price bound or source) makes a healthy account liquidatable; for "
    "those the gate says whose, by how much, and from which value on",
    "step",
    why="a vote must not liquidate people by accident",
    assuming=(REGION, PRICES),
)


@GOV_1.step(
    "account",
    of=(
        set_risk_factors, set_supply_cap, set_borrow_cap, set_reserve_factor, set_rate_model, set_close_factor,
        set_liquidation_incentive, take_reserves,
    ),
    new_by=("governance",),
    instant=True,
    cuts=of_health_under_governance,
)  # fmt: skip
def only_a_lower_threshold_liquidates(step: Step, account: Account) -> Condition:
    """Healthy before implies healthy after, unless the change lowers a liquidation threshold."""
    kept = implies(is_healthy(step.old, account), is_healthy(step.new, account))
    lowered = step.new.markets.any_pair(
        step.old.markets, lambda old, new: new.liquidation_threshold < old.liquidation_threshold
    )
    return kept | lowered if step.action == set_risk_factors else kept


@GOV_1.scenario(
    asset=asset(), ltv=factor(WAD), threshold=factor(WAD), close_factor=factor(WAD), incentive=factor(2 * WAD)
)
def no_change_leaves_the_region(
    trial: Trial, pool: Any, asset: str, ltv: Number, threshold: Number, close_factor: Number, incentive: Number
) -> None:
    """Factors that are admissible before a change are admissible after it, whatever is asked for."""
    trial.assume(admissible_factors(pool, asset))
    for what, arguments in (
        (set_risk_factors, (asset, ltv, threshold)),
        (set_close_factor, (close_factor,)),
        (set_liquidation_incentive, (incentive,)),
    ):
        changed = trial.copy(pool)
        trial.do(changed, what, *arguments)
        trial.claim(admissible_factors(changed, asset), f"{what.name} stays inside the region")


def admissible_factors(pool: Any, asset: str) -> Condition:
    """close factor > 0, incentive >= 1, loan-to-value <= threshold, threshold x incentive <= 1."""
    market, incentive = pool.markets[asset], pool.liquidation_incentive
    weights = (market.ltv <= market.liquidation_threshold) & (market.liquidation_threshold * incentive <= WAD * WAD)
    return (pool.close_factor > 0) & (incentive >= WAD) & weights


GOV_2 = CATALOGUE.declare(
    "GOV-2",
    "a change of a rate, a reserve factor or a price source applies only from its own instant on",
    "two-run",
    why="interest is owed at the rate that was in force",
    assuming=(HORIZON,),
)


@GOV_2.scenario(
    asset=asset(),
    reserve_factor=factor(WAD),
    base=rate(),
    multiplier=rate(),
    jump=rate(),
    kink=factor(WAD),
)
def a_change_applies_from_its_own_instant(
    trial: Trial,
    pool: Any,
    asset: str,
    reserve_factor: Number,
    base: Number,
    multiplier: Number,
    jump: Number,
    kink: Number,
) -> None:
    """Up to the change, interest and reserves are those of a run in which nothing was changed."""
    for what, arguments in (
        (set_reserve_factor, (asset, reserve_factor)),
        (set_rate_model, (asset, base, multiplier, jump, kink)),
    ):
        still, changed = trial.copy(pool), trial.copy(pool)
        accrue(still.markets[asset], still.now)
        refusal = trial.do(changed, what, *arguments)
        if refusal is None:
            a, b = still.markets[asset], changed.markets[asset]
            trial.claim((a.index == b.index) & (a.reserves == b.reserves), f"{what.name}: nothing in the past moved")
            trial.claim(b.accrued_at == changed.now, f"{what.name}: the past is closed")

"""LIVE: what must always be possible."""

from __future__ import annotations

from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.isolated_pool import (
    accrue_interest,
    add_reserves,
    deposit,
    donate,
    enter,
    liquidate,
    pass_time,
    redeem,
    repay,
    set_borrow_cap,
    set_close_factor,
    set_liquidation_incentive,
    set_price,
    set_rate_model,
    set_reserve_factor,
    set_risk_factors,
    set_supply_cap,
    take_reserves,
    transfer,
)
from poolproof.models.isolated_pool import (
    exit as exit_market,
)
from poolproof.models.market import accrue, owed, shares_for_deposit, tokens_for_shares
from poolproof.spec.action import asset, price, slots, tokens, user
from poolproof.spec.arithmetic import WAD, Number, div_up
from poolproof.spec.invariant import Trial
from poolproof.spec.logic import least
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, HORIZON, PRICES, REGION
from .liquidation import priced_everywhere
from .measures import assets, debts_of, valid_price, weighted_collateral

LIVE_1 = CATALOGUE.declare(
    "LIVE-1",
    "a borrower who has the tokens can always repay in full and leave no debt, the last borrower too",
    "refusal",
    why="who wants to repay and cannot is charged for the protocol's fault",
    assuming=(REGION,),
)


@LIVE_1.scenario(borrower=user(), asset=asset(), instant=True)
def repaying_in_full_leaves_no_debt(trial: Trial, pool: Any, borrower: Account, asset: str) -> None:
    """Offering what is owed is not refused and leaves no debt share."""
    market = pool.markets[asset]
    amount = owed(market, borrower)
    trial.assume(market.tokens[borrower] >= amount)
    refusal = trial.do(pool, repay, borrower, borrower, asset, amount)
    trial.claim(refusal is None, "the repayment is not refused")
    trial.claim(pool.markets[asset].debts[borrower] == 0, "no debt is left")


LIVE_2 = CATALOGUE.declare(
    "LIVE-2",
    "when a market has no debt, every supplier without debts elsewhere can redeem all, in any order, the last too",
    "refusal",
    why="a share that cannot be redeemed is not worth its price",
    assuming=(REGION,),
)


@LIVE_2.scenario(user=user(), asset=asset(), instant=True)
def everyone_can_leave_an_idle_market(trial: Trial, pool: Any, user: Account, asset: str) -> None:
    """Without debt in the market and without own debts, redeeming all shares is not refused, and no debt appears."""
    market = pool.markets[asset]
    trial.assume((market.debt_shares == 0) & (market.lent == 0))
    trial.assume(debts_of(pool, user) == 0)
    refusal = trial.do(pool, redeem, user, asset, market.shares[user])
    trial.claim(refusal is None, "the redemption is not refused")
    trial.claim(pool.markets[asset].shares[user] == 0, "no share is left")
    trial.claim(pool.markets[asset].debt_shares == 0, "the market is still idle for the next one")


LIVE_3 = CATALOGUE.declare(
    "LIVE-3",
    "repaying and entering a market are never refused because of prices, caps, rates or other accounts; a deposit only "
    "because of the supply cap or the declared share limit",
    "refusal",
    why="adding collateral and paying back are how a position is saved",
    assuming=(REGION, HORIZON),
)


@LIVE_3.scenario(payer=user(), borrower=user(), asset=asset(), amount=tokens())
def repaying_needs_only_tokens(
    trial: Trial, pool: Any, payer: Account, borrower: Account, asset: str, amount: Number
) -> None:
    """Whoever has the amount that is offered is not refused."""
    trial.assume(pool.markets[asset].tokens[payer] >= amount)
    refusal = trial.do(pool, repay, payer, borrower, asset, amount)
    trial.claim(refusal is None, "the repayment is not refused")


@LIVE_3.scenario(user=user(), asset=asset())
def entering_is_never_refused(trial: Trial, pool: Any, user: Account, asset: str) -> None:
    """Entering a market is never refused."""
    trial.claim(trial.do(pool, enter, user, asset) is None, "entering is not refused")


@LIVE_3.scenario(user=user(), asset=asset(), amount=tokens())
def depositing_needs_cap_and_share_limit(trial: Trial, pool: Any, user: Account, asset: str, amount: Number) -> None:
    """With the tokens, within the supply cap and the share limits (at least one share), a deposit is not refused."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    trial.assume((amount > 0) & (market.tokens[user] >= amount))
    trial.assume(assets(market) + amount * WAD < market.supply_cap * WAD)
    minted = shares_for_deposit(market, amount)
    trial.assume((minted >= 1) & (market.supply + minted <= market.share_limit))
    refusal = trial.do(pool, deposit, user, asset, amount)
    trial.claim(refusal is None, "the deposit is not refused")


LIVE_4 = CATALOGUE.declare(
    "LIVE-4",
    "accrual never refuses inside the admissible region, and from each reachable state each action succeeds for someone "
    "after finitely many steps of holders, funded strangers, time, price moves and restored parameters",
    "refusal",
    why="a market that a state can jam is lost, whatever its solvency",
    assuming=(REGION, HORIZON, PRICES, "a stranger's deposit stays inside the declared amount limit"),
)


@LIVE_4.scenario(asset=asset(), elapsed=slots())
def accrual_is_never_refused(trial: Trial, pool: Any, asset: str, elapsed: Number) -> None:
    """Time passes and interest accrues, whatever the state."""
    trial.claim(trial.do(pool, pass_time, elapsed) is None, "time passes")
    trial.claim(trial.do(pool, accrue_interest, asset) is None, "interest accrues")


@LIVE_4.scenario(stranger=user(), borrower=user(), asset=asset(), instant=True)
def strangers_can_end_every_debt(trial: Trial, pool: Any, stranger: Account, borrower: Account, asset: str) -> None:
    """A funded stranger repays a debt in full: after one step for each debt the market is idle (then LIVE-2 empties it)."""
    amount = owed(pool.markets[asset], borrower)
    trial.assume(pool.markets[asset].tokens[stranger] >= amount)
    trial.claim(trial.do(pool, repay, stranger, borrower, asset, amount) is None, "the repayment is not refused")
    trial.claim(pool.markets[asset].debts[borrower] == 0, "no debt is left")


@LIVE_4.scenario(stranger=user(), other=user(), asset=asset(), amount=tokens(), instant=True)
def an_emptied_market_can_be_supplied(
    trial: Trial, pool: Any, stranger: Account, other: Account, asset: str, amount: Number
) -> None:
    """From a market without shares and debts: deposit, transfer, enter, exit, withdraw and redeem succeed.

    The state is where the two steps above lead; what is left in the market belongs to nobody.
    """
    market = pool.markets[asset]
    trial.assume((market.supply == 0) & (market.debt_shares == 0) & (debts_of(pool, stranger) == 0))
    trial.assume((debts_of(pool, other) == 0) & (stranger != other))
    trial.assume((amount > 0) & (amount * WAD > assets(market)) & (market.tokens[stranger] >= amount))
    trial.assume(assets(market) + amount * WAD < market.supply_cap * WAD)
    trial.assume(amount * WAD * market.virtual_shares <= market.share_limit)
    trial.claim(trial.do(pool, deposit, stranger, asset, amount) is None, "a deposit succeeds")
    minted = pool.markets[asset].shares[stranger]
    trial.claim(minted > 0, "it credits shares")
    trial.claim(trial.do(pool, enter, stranger, asset) is None, "entering succeeds")
    trial.claim(trial.do(pool, exit_market, stranger, asset) is None, "exiting succeeds")
    trial.claim(trial.do(pool, transfer, stranger, other, asset, minted) is None, "a transfer succeeds")
    trial.claim(trial.do(pool, transfer, other, stranger, asset, minted) is None, "and back")
    trial.claim(trial.do(pool, redeem, stranger, asset, minted) is None, "a redemption succeeds")


@LIVE_4.scenario(user=user(), asset=asset(), amount=tokens(), price=price())
def payments_parameters_and_prices_are_not_jammed(
    trial: Trial, pool: Any, user: Account, asset: str, amount: Number, price: Number
) -> None:
    """Donating, adding and taking reserves succeed with the tokens, and parameters and prices can be restored."""
    market = pool.markets[asset]
    trial.assume(market.tokens[user] >= amount)
    accrue(market, pool.now)
    trial.claim(trial.do(pool, add_reserves, user, asset, amount) is None, "add_reserves is not refused")
    there = least(amount, market.cash)  # a line that is owed something takes what comes in
    if not isinstance(market, LinedMarket):
        trial.claim(there == amount, "what was added is there")
    for what, arguments in (
        (take_reserves, (asset, there)),
        (set_price, (asset, price)),
        (set_risk_factors, (asset, 0, 0)),
        (set_supply_cap, (asset, market.supply_cap)),
        (set_borrow_cap, (asset, market.amount_limit)),
        (set_reserve_factor, (asset, 0)),
        (set_rate_model, (asset, 0, 0, 0, WAD)),
        (set_close_factor, (WAD,)),
        (set_liquidation_incentive, (WAD,)),
    ):
        trial.claim(trial.do(pool, what, *arguments) is None, f"{what.name} is not refused")
        if what is set_price:
            trial.claim(valid_price(pool.markets[asset].feed, pool.now) == price, "a new price counts at once")
    other = trial.copy(pool)
    if other.markets[asset].tokens[user] >= 1:
        trial.claim(trial.do(other, donate, user, asset, 1) is None, "a donation is not refused")


@LIVE_4.scenario(liquidator=user(), borrower=user(), asset=asset(), instant=True)
def a_lowered_threshold_opens_liquidation(
    trial: Trial, pool: Any, liquidator: Account, borrower: Account, asset: str
) -> None:
    """With prices, and thresholds set to 0 by governance, a borrower with collateral can be liquidated."""
    market = pool.markets[asset]
    trial.assume((liquidator != borrower) & market.entered[borrower])
    trial.assume((market.debts[borrower] > 0) & (market.shares[borrower] > 0))
    trial.assume(priced_everywhere(pool, borrower) & (valid_price(market.feed, pool.now) > 0))
    trial.claim(trial.do(pool, set_risk_factors, asset, 0, 0) is None, "the threshold is lowered")
    trial.assume(weighted_collateral(pool, borrower) == 0)
    amount = div_up(market.index, WAD)
    trial.assume(market.tokens[liquidator] >= amount)
    refusal = trial.do(pool, liquidate, liquidator, borrower, asset, asset, amount)
    trial.claim(refusal is None, "the liquidation is not refused")


LIVE_5 = CATALOGUE.declare(
    "LIVE-5",
    "a user who has the tokens unwinds in (debts + collaterals) steps when the cash is there",
    "refusal",
    why="leaving takes one action for each position and nobody's permission",
    assuming=(REGION,),
)


@LIVE_5.scenario(user=user(), asset=asset(), instant=True)
def a_repayment_ends_one_debt(trial: Trial, pool: Any, user: Account, asset: str) -> None:
    """One action ends a debt and touches no other position of the user: after one for each debt nothing is owed."""
    market = pool.markets[asset]
    amount = owed(market, user)
    trial.assume(market.tokens[user] >= amount)
    shares = market.shares[user]
    refusal = trial.do(pool, repay, user, user, asset, amount)
    trial.claim(refusal is None, "the repayment is not refused")
    after = pool.markets[asset]
    trial.claim((after.debts[user] == 0) & (after.shares[user] == shares), "the debt is gone, the shares are not")


@LIVE_5.scenario(user=user(), asset=asset(), instant=True)
def a_redemption_ends_one_collateral(trial: Trial, pool: Any, user: Account, asset: str) -> None:
    """Without debts, one action redeems all shares of a market whose cash is there."""
    market = pool.markets[asset]
    shares = market.shares[user]
    trial.assume(debts_of(pool, user) == 0)
    trial.assume(tokens_for_shares(market, shares) <= market.cash)
    refusal = trial.do(pool, redeem, user, asset, shares)
    trial.claim(refusal is None, "the redemption is not refused")
    trial.claim(pool.markets[asset].shares[user] == 0, "no share is left")

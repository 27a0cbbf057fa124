"""SOLV, LIQ: what keeps an account healthy, and what a liquidation does to its health."""

from __future__ import annotations

from poolproof.models.deployed.venus.governance import pass_time
from poolproof.models.deployed.venus.liquidation import heal_account, liquidate_borrow
from poolproof.models.deployed.venus.market import VToken, exchange_rate
from poolproof.models.deployed.venus.model import ACTIONS, liquidate_small_account
from poolproof.models.deployed.venus.pool import Comptroller, exit_market, snapshot
from poolproof.models.deployed.venus.users import (
    accrue_interest,
    borrow,
    donate,
    redeem,
    redeem_underlying,
    transfer,
)
from poolproof.spec.action import asset, slots
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, all_of, implies
from poolproof.spec.state import Account

from .measures import VENUS, assets, claimed, exact_debt, exact_margin, exact_price, good_assets

ORDERED = (liquidate_borrow, liquidate_small_account)
OF_USERS = (*(action for action in ACTIONS if action.by == "user"), accrue_interest)
"""What users do, and what anybody may."""
LIMITED = (borrow, redeem, redeem_underlying, transfer, exit_market)
"""What an account does only while it is not short at the collateral factors."""


def shortfall(pool: Comptroller, account: Account) -> int:
    """The shortfall of an account at the thresholds, as the contracts see it [value x 1e18].  Refuses: PriceError."""
    return snapshot(pool, account, at_threshold=True).shortfall


# --- SOLV ----------------------------------------------------------------------------------------------------------

SOLV_4 = claimed("SOLV-4")


@SOLV_4.step("account", of=OF_USERS, instant=True)
def healthy_accounts_stay_healthy(step: Step, account: Account) -> Condition:
    """Every market accrued and nothing rounded: healthy before, healthy after."""
    healthy = exact_margin(step.old, account, at_threshold=True) >= 0
    return implies(healthy, exact_margin(step.new, account, at_threshold=True) >= 0)


SOLV_4_W = VENUS.declare(
    "SOLV-4-w",
    "within an instant, at constant prices, no user action but a donation leaves short, by the contracts' own snapshot, "
    "an account of somebody else who was not short and is not liquidated; it leaves the actor's own short by at most 1e-18 "
    "of a dollar, where every market that the actor entered was accrued before",
    "step",
    why="borrowing and redeeming look at markets as they were last accrued, and round; nobody else is moved",
)


@SOLV_4_W.step("account", of=[action for action in OF_USERS if action != donate], instant=True)
def nobody_else_turns_short(step: Step, account: Account) -> Condition:
    """Who neither acts nor is liquidated, and was not short, is not short."""
    if account in (step.actor, step.arguments.get("borrower")):
        return True
    return (shortfall(step.old, account) > 0) | (shortfall(step.new, account) == 0)


@SOLV_4_W.step("account", of=LIMITED)
def who_acts_on_accrued_markets_is_not_short(step: Step, account: Account) -> Condition:
    """Who was not short, and acts while all its markets are accrued, is short by at most one unit of value."""
    if account != step.actor:
        return True
    entered = [step.old.seen(name) for name in step.new.markets_of(account)]
    present = all_of(market.accrued_at == step.new.now for market in entered)
    return implies(present & (shortfall(step.old, account) == 0), shortfall(step.new, account) <= 1)


SOLV_5 = claimed("SOLV-5")


@SOLV_5.state("account")
def the_healthy_cover_their_debt_with_the_incentive(pool: Comptroller, account: Account) -> Condition:
    """Healthy at the thresholds, nothing rounded: collateral >= incentive x debt."""
    entered = [pool.seen(name) for name in pool.markets_of(account)]
    collateral = sum(market.tokens[account] * exact_price(market) * market.price for market in entered)
    debt = sum(exact_debt(market, account) * market.price for market in entered)
    healthy = exact_margin(pool, account, at_threshold=True) >= 0
    return implies(healthy, collateral * WAD >= debt * pool.liquidation_incentive)


SOLV_5_W = VENUS.declare(
    "SOLV-5-w",
    "where threshold x incentive <= 1 in every market that an account entered, an account that is not short by the "
    "contracts' own snapshot keeps collateral >= incentive x debt, less 1e-18 of a dollar for each market; and a "
    "liquidation lowers collateral - incentive x debt by at most 1e-18 of a dollar x (1 + incentive)",
    "step",
    why="the contracts bound neither the threshold nor the incentive by the other",
)


@SOLV_5_W.state("account")
def who_is_not_short_covers_its_debt_with_the_incentive(pool: Comptroller, account: Account) -> Condition:
    """No shortfall: incentive x debt <= collateral + one unit for each market."""
    incentive = pool.liquidation_incentive
    names = pool.markets_of(account)
    moderate = all_of(pool.seen(name).liquidation_threshold * incentive <= WAD * WAD for name in names)
    seen = snapshot(pool, account, at_threshold=True)
    covered = incentive * seen.borrows <= WAD * (seen.collateral + len(names))
    return implies(moderate & (seen.shortfall == 0), covered)


@SOLV_5_W.step("pool", of=ORDERED, instant=True)
def a_liquidation_keeps_the_buffer(step: Step) -> Condition:
    """incentive x debt - collateral rises by at most one unit x (1 + incentive)."""
    borrower, incentive = step.arguments["borrower"], step.new.liquidation_incentive
    old, new = (snapshot(pool, borrower, at_threshold=True) for pool in (step.old, step.new))
    lacked, lacks = (incentive * seen.borrows - WAD * seen.collateral for seen in (old, new))
    return lacks <= lacked + WAD + incentive


SOLV_8 = claimed("SOLV-8")


@SOLV_8.scenario(asset=asset(), elapsed=slots())
def solvent_after_any_interval(trial: Trial, pool: Comptroller, asset: str, elapsed: int) -> None:
    """After time and accrual, cash + debt not recorded as bad - reserves >= the exchange rate x all vTokens."""
    market = accrued_later(trial, pool, asset, elapsed)
    covered = good_assets(market) * WAD >= exchange_rate(market) * market.total_supply
    trial.claim(covered, "suppliers are shown more than there is")


SOLV_8_W = VENUS.declare(
    "SOLV-8-w",
    "what suppliers are shown after accrual over any interval exceeds cash and good debt less reserves by at most the bad "
    "debt recorded before it",
    "step",
    why="bad debt is counted as an asset, and time adds nothing to it",
)


@SOLV_8_W.scenario(asset=asset(), elapsed=slots())
def only_bad_debt_is_not_covered(trial: Trial, pool: Comptroller, asset: str, elapsed: int) -> None:
    """After time and accrual, good assets + the bad debt of before >= the exchange rate x all vTokens."""
    bad_debt = pool.seen(asset).bad_debt
    market = accrued_later(trial, pool, asset, elapsed)
    covered = (good_assets(market) + bad_debt) * WAD >= exchange_rate(market) * market.total_supply
    trial.claim(covered, "suppliers are shown more than there is and was lost")
    trial.claim(assets(market) == good_assets(market) + bad_debt, "time makes bad debt")


def accrued_later(trial: Trial, pool: Comptroller, asset: str, elapsed: int) -> VToken:
    """A market after some time and an accrual."""
    trial.assume(trial.do(pool, pass_time, elapsed) is None)
    trial.assume(trial.do(pool, accrue_interest, asset) is None)
    return pool.seen(asset)


# --- LIQ -----------------------------------------------------------------------------------------------------------

LIQ_2 = claimed("LIQ-2")


@LIQ_2.step("pool", of=(*ORDERED, heal_account), instant=True)
def the_shortfall_never_rises(step: Step) -> Condition:
    """Every market accrued and nothing rounded, what the borrower lacks is not more than before."""
    borrower = step.arguments["borrower"]
    old, new = (exact_margin(pool, borrower, at_threshold=True) for pool in (step.old, step.new))
    return (new >= old) | (new >= 0)


LIQ_2_W = VENUS.declare(
    "LIQ-2-w",
    "where threshold x incentive <= 1 in the market of the collateral, a liquidation raises the account's shortfall, by "
    "the contracts' own snapshot, by at most 2e-18 of a dollar; healing leaves none",
    "step",
    why="above it, what is seized weighs more than what is repaid",
)


@LIQ_2_W.step("pool", of=ORDERED, instant=True)
def the_shortfall_rises_by_roundings_at_most(step: Step) -> Condition:
    """shortfall after <= shortfall before + 2."""
    borrower, pledged = step.arguments["borrower"], step.old.seen(step.arguments["collateral"])
    moderate = pledged.liquidation_threshold * step.old.liquidation_incentive <= WAD * WAD
    return implies(moderate, shortfall(step.new, borrower) <= shortfall(step.old, borrower) + 2)


@LIQ_2_W.step("pool", of=(heal_account,), instant=True)
def healing_leaves_no_shortfall(step: Step) -> Condition:
    """The account owes nothing."""
    return shortfall(step.new, step.arguments["borrower"]) == 0

"""SOLV, LIQ: what keeps an account healthy, and what a liquidation does to its health."""

from __future__ import annotations

from collections.abc import Iterable

from poolproof.models.deployed.venus.governance import pass_time
from poolproof.models.deployed.venus.liquidation import heal_account, liquidate_borrow
from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.model import ACTIONS, liquidate_small_account
from poolproof.models.deployed.venus.pool import Comptroller, snapshot
from poolproof.models.deployed.venus.users import accrue_interest, donate
from poolproof.spec.action import asset, slots
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Cut, Scaled, Step, Trial
from poolproof.spec.logic import Condition, all_of, implies, negation
from poolproof.spec.state import Account

from .books import kept_rates, share_price_is_kept
from .measures import VENUS, assets, claimed, exact_debt, exact_margin, exact_price, good_assets, rate_shown

ORDERED = (liquidate_borrow, liquidate_small_account)
LIQUIDATIONS = (*ORDERED, heal_account)
WEIGHTS = ("price", "collateral_factor", "liquidation_threshold")
OF_USERS = (*(action for action in ACTIONS if action.by == "user"), accrue_interest)
"""What users do, and what anybody may."""


def shortfall(pool: Comptroller, account: Account) -> int:
    """The shortfall of an account at the thresholds, as the contracts see it [value x 1e18].  Refuses: PriceError."""
    return snapshot(pool, account, at_threshold=True).shortfall


def liquidated(step: Step) -> tuple[VToken, VToken, int, int]:
    """The markets of the debt and of the collateral before a liquidation, what it repays and what it seizes."""
    arguments = step.arguments
    debt, pledged = (step.old.seen(arguments[name]) for name in ("asset", "collateral"))
    left, kept = (step.new.seen(arguments[name]) for name in ("asset", "collateral"))
    user, borrower = arguments["user"], arguments["borrower"]
    repaid = debt.underlying[user] - left.underlying[user]
    return debt, pledged, repaid, pledged.tokens[borrower] - kept.tokens[borrower]


def prices(market: VToken) -> tuple[int, int]:
    """What a vToken is worth as the contracts have it, unweighted and at the threshold [value x 1e18]."""
    price = market.price * rate_shown(market) // WAD
    return price, market.liquidation_threshold * price // WAD


def weighed_seizure(step: Step) -> Iterable[Cut]:
    """The roundings of what is seized, against the debt that is repaid, and at the threshold."""
    debt, pledged, repaid, seized = liquidated(step)
    incentive, threshold = step.old.liquidation_incentive, pledged.liquidation_threshold
    price, weighted = prices(pledged)
    value = incentive * debt.price // WAD
    ratio = value * WAD // price
    yield Scaled(seized * WAD, ratio * repaid, price)
    yield Scaled(ratio * price, value * WAD, repaid)
    yield Scaled(value * WAD, incentive * debt.price, repaid)
    yield price * seized * WAD <= incentive * debt.price * repaid
    steep = negation(threshold * incentive <= WAD * WAD)
    yield Scaled(weighted * WAD, threshold * price, seized)
    yield Scaled(price * seized * WAD, incentive * debt.price * repaid, threshold)
    yield Scaled(threshold * incentive, WAD * WAD, debt.price * repaid, unless=steep)


# --- SOLV ----------------------------------------------------------------------------------------------------------

SOLV_4 = claimed("SOLV-4")


@SOLV_4.step("account", of=OF_USERS, instant=True)
def healthy_accounts_stay_healthy(step: Step, account: Account) -> Condition:
    """Every market accrued and nothing rounded: healthy before, healthy after."""
    healthy = exact_margin(step.old, account, at_threshold=True) >= 0
    return implies(healthy, exact_margin(step.new, account, at_threshold=True) >= 0)


SOLV_4_W = VENUS.declare(
    "SOLV-4-w",
    "within an instant, at constant prices, no user action but a donation lowers what counts for an account of somebody "
    "else who is not liquidated, or raises what it owes, by the contracts' own values; so it leaves nobody else short",
    "step",
    why="the values grow with the vTokens and the exchange rate, and fall with the debt; by how much the actor itself may "
    "end short is LIQ-6-w",
)


@SOLV_4_W.step("position", of=[action for action in OF_USERS if action != donate], instant=True, cuts=kept_rates)
def what_counts_for_others_is_kept(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """Who neither acts nor is liquidated has no fewer vTokens, at no lower rate and the same weight, and owes no more."""
    if account == step.actor or (step.action in LIQUIDATIONS and account == step.arguments["borrower"]):
        return True
    kept = (old.tokens[account] == 0) | share_price_is_kept(old, new)
    weights = all_of(getattr(new, name) == getattr(old, name) for name in WEIGHTS)
    counted = step.new.has_entered(account, new.name) == step.old.has_entered(account, new.name)
    owes_no_more = borrow_balance(new, account) <= borrow_balance(old, account)
    return kept & (new.tokens[account] >= old.tokens[account]) & weights & counted & owes_no_more


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
    "contracts' own values keeps collateral >= incentive x debt, less 1e-18 of a dollar for each market; and a "
    "liquidation takes collateral worth at most incentive x what it repays",
    "step",
    why="in each market the incentive x what counts at the threshold is at most the collateral but for a unit; the "
    "contracts bound neither the threshold nor the incentive by the other",
)


def moderate_weights(pool: Comptroller, market: VToken, account: Account) -> Iterable[Cut]:
    """The incentive times the weighted price is at most the price, and so times what an account holds."""
    incentive, threshold, held = pool.liquidation_incentive, market.liquidation_threshold, market.tokens[account]
    steep = negation(threshold * incentive <= WAD * WAD)
    price, weighted = prices(market)
    yield Scaled(weighted * WAD, threshold * price, incentive)
    yield Scaled(threshold * incentive, WAD * WAD, price, unless=steep)
    yield steep | (incentive * weighted <= price * WAD)
    yield Scaled(incentive * weighted, price * WAD, held, unless=steep)
    yield Scaled(weighted * held // WAD * WAD, weighted * held, incentive)


@SOLV_5_W.state("position", cuts=moderate_weights)
def what_counts_bears_the_incentive(pool: Comptroller, market: VToken, account: Account) -> Condition:
    """threshold x incentive <= 1: incentive x what counts at the threshold < collateral + one unit."""
    moderate = market.liquidation_threshold * pool.liquidation_incentive <= WAD * WAD
    _, weighted, collateral, _ = market.valued(account, at_threshold=True)
    return implies(moderate, pool.liquidation_incentive * weighted < WAD * (collateral + 1))


@SOLV_5_W.step("pool", of=ORDERED, instant=True, cuts=weighed_seizure)
def a_liquidation_keeps_the_buffer(step: Step) -> Condition:
    """Seized vTokens x their price <= repaid x price of the debt x incentive, as the contracts have the prices."""
    debt, pledged, repaid, seized = liquidated(step)
    price, _ = prices(pledged)
    return price * seized * WAD <= step.old.liquidation_incentive * debt.price * repaid


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
    "where threshold x incentive <= 1 in the market of the collateral, what a liquidation takes from the account weighs at "
    "most what it repays, at the contracts' prices; so the shortfall rises by roundings at most; healing leaves no debt",
    "step",
    why="above it, what is seized weighs more than what is repaid",
)


@LIQ_2_W.step("pool", of=ORDERED, instant=True, cuts=weighed_seizure)
def what_is_seized_weighs_no_more_than_what_is_repaid(step: Step) -> Condition:
    """Seized vTokens x their price at the threshold <= repaid x price of the debt."""
    debt, pledged, repaid, seized = liquidated(step)
    moderate = pledged.liquidation_threshold * step.old.liquidation_incentive <= WAD * WAD
    return implies(moderate, prices(pledged)[1] * seized <= debt.price * repaid)


@LIQ_2_W.step("pool", of=ORDERED, instant=True)
def what_is_repaid_is_taken_off_the_debt(step: Step) -> Condition:
    """The debt as shown falls by what is repaid."""
    name, borrower = step.arguments["asset"], step.arguments["borrower"]
    repaid = liquidated(step)[2]
    return step.new.seen(name).principal[borrower] == borrow_balance(step.old.seen(name), borrower) - repaid


@LIQ_2_W.step("position", of=(heal_account,), instant=True)
def healing_leaves_no_debt(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """The account owes nothing in any listed market that it entered."""
    if account != step.arguments["borrower"]:
        return True
    return implies(step.old.has_entered(account, new.name) & new.listed, new.principal[account] == 0)

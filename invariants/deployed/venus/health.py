"""SOLV, LIQ: what keeps an account healthy, and what a liquidation does to its health."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from poolproof.models.deployed.venus.governance import pass_time
from poolproof.models.deployed.venus.liquidation import heal_account
from poolproof.models.deployed.venus.market import VToken, exchange_rate
from poolproof.models.deployed.venus.model import ACTIONS
from poolproof.models.deployed.venus.pool import Comptroller, snapshot
from poolproof.models.deployed.venus.users import accrue_interest, donate
from poolproof.models.deployed.word import mul_wad_down
from poolproof.spec.action import asset, slots
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Cut, Scaled, Step, Trial
from poolproof.spec.logic import Condition, implies, negation
from poolproof.spec.state import Account

from .cuts import ORDERED, kept_by_others, liquidated, liquidation, prices
from .measures import VENUS, assets, claimed, exact_debt, exact_margin, exact_price, good_assets

OF_USERS = (*(action for action in ACTIONS if action.by == "user"), accrue_interest)
"""What users do, and what anybody may."""


def shortfall(pool: Comptroller, account: Account) -> int:
    """The shortfall of an account at the thresholds, as the contracts see it [value x 1e18].  Refuses: PriceError."""
    return snapshot(pool, account, at_threshold=True).shortfall


class Worth(NamedTuple):
    """What an account has at the thresholds and unweighted, and owes [value x 1e18]."""

    weighted: int
    collateral: int
    owed: int


def worth(pool: Comptroller, account: Account) -> Worth:
    """The sums over the markets that count for an account, as the contracts value each.  Refuses: PriceError."""
    weighted = collateral = owed = 0
    for market in pool.counted_for(account):
        _, *values = market.valued(account, at_threshold=True)
        weighted, collateral, owed = weighted + values[0], collateral + values[1], owed + values[2]
    return Worth(weighted, collateral, owed)


# --- SOLV ----------------------------------------------------------------------------------------------------------

SOLV_4 = claimed("SOLV-4")


@SOLV_4.step("account", of=OF_USERS, instant=True)
def healthy_accounts_stay_healthy(step: Step, account: Account) -> Condition:
    """Every market accrued and nothing rounded: healthy before, healthy after."""
    healthy = exact_margin(step.old, account, at_threshold=True) >= 0
    return implies(healthy, exact_margin(step.new, account, at_threshold=True) >= 0)


SOLV_4_W = VENUS.declare(
    "SOLV-4-w",
    "within an instant, at constant prices, no user action but a donation leaves short, by the contracts' own values, an "
    "account of somebody else who was not short and is not liquidated",
    "step",
    why="in each market what counts for them is worth no less than before, and what they owe no more; by how much the "
    "actor itself may end short is LIQ-6-w",
)


@SOLV_4_W.step("position", of=[action for action in OF_USERS if action != donate], instant=True, cuts=kept_by_others)
def nothing_turns_others_short(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """Who neither acts nor is liquidated has as much at the threshold, owes as much at most, and counts it as before."""
    if account in (step.actor, liquidated(step)):
        return True
    (_, before, _, owed), (_, now, _, owes) = (each.valued(account, at_threshold=True) for each in (old, new))
    counted = step.new.has_entered(account, new.name) == step.old.has_entered(account, new.name)
    return (now >= before) & (owes <= owed) & counted


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
    "liquidation lowers collateral - incentive x debt by at most 1e-18 of a dollar x (1 + incentive)",
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
    yield Scaled(mul_wad_down(weighted, held) * WAD, weighted * held, incentive)


@SOLV_5_W.state("position", cuts=moderate_weights)
def what_counts_bears_the_incentive(pool: Comptroller, market: VToken, account: Account) -> Condition:
    """threshold x incentive <= 1: incentive x what counts at the threshold < collateral + one unit."""
    moderate = market.liquidation_threshold * pool.liquidation_incentive <= WAD * WAD
    _, weighted, collateral, _ = market.valued(account, at_threshold=True)
    return implies(moderate, pool.liquidation_incentive * weighted < WAD * (collateral + 1))


@SOLV_5_W.step("pool", of=ORDERED, instant=True, cuts=liquidation)
def a_liquidation_keeps_the_buffer(step: Step) -> Condition:
    """incentive x debt - collateral rises by at most one unit x (1 + incentive)."""
    borrower, incentive = step.arguments["borrower"], step.old.liquidation_incentive
    old, new = worth(step.old, borrower), worth(step.new, borrower)
    return incentive * (new.owed - old.owed) - WAD * (new.collateral - old.collateral) <= WAD + incentive


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
    "the contracts' own values, by at most 1e-18 of a dollar; healing leaves no debt that counts",
    "step",
    why="above it, what is seized weighs more than what is repaid",
)


@LIQ_2_W.step("pool", of=ORDERED, instant=True, cuts=liquidation)
def the_shortfall_rises_by_a_rounding_at_most(step: Step) -> Condition:
    """debt - weighted collateral after <= before + 1."""
    borrower, pledged = step.arguments["borrower"], step.old.seen(step.arguments["collateral"])
    moderate = pledged.liquidation_threshold * step.old.liquidation_incentive <= WAD * WAD
    old, new = worth(step.old, borrower), worth(step.new, borrower)
    return implies(moderate, new.owed - new.weighted <= old.owed - old.weighted + 1)


@LIQ_2_W.step("position", of=(heal_account,), instant=True)
def healing_leaves_no_debt(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """The account owes nothing in any listed market."""
    return (account != step.arguments["borrower"]) | negation(new.listed) | (new.principal[account] == 0)

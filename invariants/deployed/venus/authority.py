"""AUTH, GOV: who may take from an account, and what a vote changes."""

from __future__ import annotations

from collections.abc import Iterable

from poolproof.models.deployed.venus.governance import set_collateral_factor, set_forced_liquidation, set_reserve_factor
from poolproof.models.deployed.venus.liquidation import liquidate_borrow
from poolproof.models.deployed.venus.market import VToken, accrue, borrow_balance
from poolproof.models.deployed.venus.model import (
    SETTERS,
    set_jump_rate,
    slope,
    update_jump_rate,
)
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.users import donate
from poolproof.spec.action import Action, asset, factor, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Cut, Scaled, Step, Trial
from poolproof.spec.logic import Condition, all_of, implies
from poolproof.spec.state import Account

from .health import LIQUIDATIONS, OF_USERS, prices, shortfall
from .measures import VENUS, assets, claimed, exact_debt, exact_margin

ACCRUING_SETTERS = [action for action in SETTERS if action != update_jump_rate]
"""What changes nothing before its own instant."""
LEDGERS = ("tokens", "principal", "interest_index", "underlying")
BALANCES = ("internal_cash", "total_borrows", "total_reserves", "bad_debt", "total_supply", "borrow_index")

# --- AUTH ----------------------------------------------------------------------------------------------------------

AUTH_1 = claimed("AUTH-1")


@AUTH_1.step("position", of=[action for action in OF_USERS if action != donate], instant=True)
def nobody_else_lowers_wealth(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """Who neither acts nor is liquidated has no fewer tokens or vTokens, worth no less, and owes no more."""
    worth = assets(new) * old.total_supply >= assets(old) * new.total_supply
    return keeps_wealth(step, old, new, account, worth)


@AUTH_1.step("pool", of=LIQUIDATIONS, instant=True)
def only_the_unhealthy_are_taken_from(step: Step) -> Condition:
    """Every market accrued and nothing rounded, who is liquidated or healed lacked collateral."""
    return exact_margin(step.old, step.arguments["borrower"], at_threshold=True) < 0


def keeps_wealth(step: Step, old: VToken, new: VToken, account: Account, worth: Condition) -> Condition:
    """No fewer tokens or vTokens, no more debt, no membership changed; where there are vTokens, what they are ``worth``."""
    taken = step.arguments.get("borrower") if step.action in LIQUIDATIONS else None
    if account in (step.actor, taken):
        return True
    kept = (new.underlying[account] >= old.underlying[account]) & (new.tokens[account] >= old.tokens[account])
    owes_no_more = exact_debt(new, account) <= exact_debt(old, account)
    return kept & owes_no_more & same_entry(step, new, account) & ((old.tokens[account] == 0) | worth)


def same_entry(step: Step, market: VToken, account: Account) -> Condition:
    """An account has entered a market after an action where it had before."""
    return step.new.has_entered(account, market.name) == step.old.has_entered(account, market.name)


AUTH_1_W = VENUS.declare(
    "AUTH-1-w",
    "nobody but its owner or who liquidates it lowers an account's wealth within an instant, unless by a donation, or by "
    "less than one unit for each 1e18 vTokens; a liquidation takes vTokens of the market named, or heals, no tokens",
    "step",
    why="whether an account may be liquidated is asked of rounded values, of markets as last accrued (LIQ-1-w)",
)


@AUTH_1_W.step("position", of=[action for action in OF_USERS if action != donate], instant=True)
def nobody_but_liquidators_lowers_wealth(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """As for AUTH-1, of who neither acts nor is liquidated; 1e18 vTokens are worth less by less than one unit."""
    supplies = old.total_supply * new.total_supply
    worth = (assets(new) * old.total_supply - assets(old) * new.total_supply) * WAD > -supplies
    return keeps_wealth(step, old, new, account, worth)


@AUTH_1_W.step("position", of=LIQUIDATIONS, instant=True)
def a_liquidation_takes_only_collateral(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """The borrower keeps its tokens and memberships, owes no more, and loses vTokens of the market named, if entered."""
    if account != step.arguments["borrower"] or account == step.actor:
        return True
    kept = (new.underlying[account] == old.underlying[account]) & same_entry(step, new, account)
    seized = step.old.has_entered(account, new.name) & (new.name == step.arguments.get("collateral", new.name))
    less = borrow_balance(new, account) <= borrow_balance(old, account)
    return kept & less & (seized | (new.tokens[account] == old.tokens[account]))


AUTH_2 = claimed("AUTH-2")


@AUTH_2.step(of=SETTERS, instant=True)
def a_parameter_moves_no_balance(step: Step, old: VToken, new: VToken) -> Condition:
    """Within the instant of the change no cash, debt, reserve, supply or index is another than before."""
    return all_of(getattr(new, name) == getattr(old, name) for name in BALANCES)


AUTH_2_W = VENUS.declare(
    "AUTH-2-w",
    "no parameter change but that of a rate model in place moves a balance or a position within its instant, or leaves "
    "short an account that was not, unless it lowers a threshold",
    "step",
    why="a rate model that is changed in place charges the time before the change too",
)


@AUTH_2_W.step(of=ACCRUING_SETTERS, instant=True)
def a_parameter_leaves_balances(step: Step, old: VToken, new: VToken) -> Condition:
    """Within the instant of the change no cash, debt, reserve, supply or index is another than before."""
    return all_of(getattr(new, name) == getattr(old, name) for name in BALANCES)


@AUTH_2_W.step("position", of=ACCRUING_SETTERS, instant=True)
def a_parameter_leaves_positions(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """Nobody's vTokens, debts or tokens are others than before."""
    return all_of(getattr(old, name)[account] == getattr(new, name)[account] for name in LEDGERS)


def raised_threshold(step: Step) -> Iterable[Cut]:
    """Unless the threshold is lowered, a vToken counts for as much as before, and so does what an account holds."""
    for name, new in step.new.markets.items():
        old = step.old.seen(name)
        lowered = new.liquidation_threshold < old.liquidation_threshold
        (price, weighted), (_, weighted_now) = prices(old), prices(new)
        yield Scaled(old.liquidation_threshold, new.liquidation_threshold, price, unless=lowered)
        yield lowered | (weighted <= weighted_now)
        for account in new.tokens:
            yield Scaled(weighted, weighted_now, new.tokens[account], unless=lowered)


@AUTH_2_W.step("account", of=ACCRUING_SETTERS, instant=True, cuts=raised_threshold)
def a_parameter_makes_nobody_short(step: Step, account: Account) -> Condition:
    """Who was not short is not, unless the threshold was lowered."""
    return kept_from_shortfall(step, account)


def kept_from_shortfall(step: Step, account: Account) -> Condition:
    """Who was not short is not, unless the action lowers a threshold."""
    kept = implies(shortfall(step.old, account) == 0, shortfall(step.new, account) == 0)
    if step.action != set_collateral_factor:
        return kept
    asset = step.arguments["asset"]
    return kept | (step.new.seen(asset).liquidation_threshold < step.old.seen(asset).liquidation_threshold)


# --- GOV -----------------------------------------------------------------------------------------------------------

GOV_1 = claimed("GOV-1")


@GOV_1.step("account", of=SETTERS, instant=True)
def only_a_lower_threshold_makes_liquidatable(step: Step, account: Account) -> Condition:
    """Who was not short is not, unless the change lowers a threshold."""
    return kept_from_shortfall(step, account)


@GOV_1.scenario(instant=True, user=user(), borrower=user(), asset=asset(), collateral=asset())
def forced_liquidation_spares_the_healthy(
    trial: Trial, pool: Comptroller, user: Account, borrower: Account, asset: str, collateral: str
) -> None:
    """Where liquidations of a market are forced, who is not short still cannot be liquidated."""
    market = pool.seen(asset)
    trial.assume((user != borrower) & (borrow_balance(market, borrower) > 0))
    trial.assume(shortfall(pool, borrower) == 0)
    market.underlying[user] += market.total_borrows
    trial.assume(trial.attempt(pool, set_forced_liquidation.run, asset, True) is None)
    refusal = trial.do(pool, liquidate_borrow, user, borrower, asset, collateral, 1)
    trial.claim(refusal is not None, "an account that is not short is liquidated")


GOV_1_W = VENUS.declare(
    "GOV-1-w",
    "no parameter change but lowering a threshold, a rate model's change in place, or forcing liquidations leaves short, "
    "by the contracts' own snapshot, an account that was not; and raising a threshold never does",
    "step",
    why="the exceptions are what a vote has to look at",
)


@GOV_1_W.step("account", of=ACCRUING_SETTERS, instant=True, cuts=raised_threshold)
def no_other_parameter_makes_liquidatable(step: Step, account: Account) -> Condition:
    """Who was not short is not, unless the change lowers a threshold."""
    return kept_from_shortfall(step, account)


GOV_2 = claimed("GOV-2")


@GOV_2.scenario(asset=asset(), base=slope(), multiplier=slope(), jump=slope(), kink=factor(WAD))
def a_new_rate_applies_from_its_own_instant(
    trial: Trial, pool: Comptroller, asset: str, base: int, multiplier: int, jump: int, kink: int
) -> None:
    """Up to the change, interest and reserves are those of a run in which nothing was changed, in place too."""
    for what in (set_jump_rate, update_jump_rate):
        nothing_past_moves(trial, pool, what, asset, base, multiplier, jump, kink)


def nothing_past_moves(trial: Trial, pool: Comptroller, what: Action, asset: str, *arguments: int) -> None:
    """An accrual in the instant of a change gives what it gives without the change."""
    still, moved = trial.copy(pool), trial.copy(pool)
    trial.assume(trial.do(moved, what, asset, *arguments) is None)
    for each in (still, moved):
        accrue(each.seen(asset), each.now, [])
    same = all_of(getattr(still.seen(asset), name) == getattr(moved.seen(asset), name) for name in BALANCES)
    trial.claim(same, "the change applies to the time before it")


GOV_2_W = VENUS.declare(
    "GOV-2-w",
    "a change of the reserve factor, and of the rate model for another, applies only from its own instant on",
    "two-run",
    why="what accrues the market first closes the past; a rate model's change in place does not",
)


@GOV_2_W.scenario(asset=asset(), base=slope(), multiplier=slope(), jump=slope(), kink=factor(WAD))
def another_rate_model_applies_from_its_own_instant(
    trial: Trial, pool: Comptroller, asset: str, base: int, multiplier: int, jump: int, kink: int
) -> None:
    """Up to the change, interest and reserves are those of a run in which nothing was changed."""
    nothing_past_moves(trial, pool, set_jump_rate, asset, base, multiplier, jump, kink)


@GOV_2_W.scenario(asset=asset(), value=factor(WAD))
def a_reserve_factor_applies_from_its_own_instant(trial: Trial, pool: Comptroller, asset: str, value: int) -> None:
    """Up to the change, interest and reserves are those of a run in which nothing was changed."""
    nothing_past_moves(trial, pool, set_reserve_factor, asset, value)

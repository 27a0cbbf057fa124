"""LIQ, LIVE, ORC: what happens to accounts, and what they can always do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from poolproof.models.deployed.venus.liquidation import (
    before_liquidation,
    heal_account,
    liquidate_account,
    liquidate_borrow,
)
from poolproof.models.deployed.venus.market import SHARE_RESERVE, VToken, borrow_balance
from poolproof.models.deployed.venus.model import enter_market, liquidate_small_account
from poolproof.models.deployed.venus.pool import Comptroller, Pausable, exit_market, snapshot
from poolproof.models.deployed.venus.refusals import (
    CollateralExceedsThreshold,
    InsufficientShortfall,
    MinimalCollateralViolated,
    PriceError,
    SupplyCapExceeded,
    TooMuchRepay,
)
from poolproof.models.deployed.venus.users import borrow, mint, redeem, redeem_underlying, repay_borrow, transfer
from poolproof.models.deployed.word import DivisionByZero, mul_wad_down
from poolproof.spec.action import Action, asset, tokens, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Cancelled, Cut, Distributed, Scaled, Step, Trial
from poolproof.spec.logic import Condition, all_of, least, negation
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .accruals import unchanged
from .measures import VENUS, assets, claimed, exact_debt, exact_margin, exact_price, is_present_for, rate_shown

OF_HEALTH = (CollateralExceedsThreshold, InsufficientShortfall, MinimalCollateralViolated, TooMuchRepay)
"""How a liquidation is refused for the health of the account."""
LEAVING = (borrow, redeem, redeem_underlying, transfer, exit_market)
"""What needs the actor's health."""
ORDERED = (liquidate_borrow, liquidate_small_account)
LIQUIDATIONS = (*ORDERED, heal_account)

# --- LIQ -----------------------------------------------------------------------------------------------------------

LIQ_1 = claimed("LIQ-1")


@LIQ_1.step("pool", of=LIQUIDATIONS, instant=True)
def only_the_unhealthy_are_liquidated(step: Step) -> Condition:
    """Every market accrued and nothing rounded, the account's debt exceeded its collateral at the thresholds."""
    return exact_margin(step.old, step.arguments["borrower"], at_threshold=True) < 0


LIQ_1_W = VENUS.declare(
    "LIQ-1-w",
    "only an account that is unhealthy at the values stored when it is looked at is liquidated",
    "step",
    why="the contracts look before markets other than the two concerned are accrued, and round down",
)


@LIQ_1_W.step("pool", of=(liquidate_small_account,))
def the_small_are_unhealthy_as_stored(step: Step) -> Condition:
    """The contract's own snapshot, before anything accrues, has a shortfall."""
    return snapshot(step.old, step.arguments["borrower"], at_threshold=True).shortfall > 0


@LIQ_1_W.step("pool", of=(heal_account,), instant=True)
def the_healed_are_unhealthy(step: Step) -> Condition:
    """The contract's own snapshot, every market accrued, has a shortfall."""
    return snapshot(step.old, step.arguments["borrower"], at_threshold=True).shortfall > 0


LIQ_3 = claimed("LIQ-3")


@LIQ_3.step("pool", of=ORDERED, instant=True)
def a_liquidator_receives_the_incentive_at_most(step: Step) -> Condition:
    """Value of the vTokens received <= value repaid x incentive, prices and exchange rate exact."""
    return received_within_the_incentive(step)


@LIQ_3.step("pool", of=ORDERED, instant=True)
def the_close_factor_bounds_what_is_repaid(step: Step) -> Condition:
    """What is repaid is at most the close factor of the exact debt, rounded up to a unit."""
    return repaid_within_the_close_factor(step)


def received_within_the_incentive(step: Step) -> bool:
    """Value of the vTokens received <= value repaid x incentive."""
    arguments, old, new = step.arguments, step.old, step.new
    who, market, pledged = step.actor, old.seen(arguments["asset"]), old.seen(arguments["collateral"])
    received = new.seen(pledged.name).tokens[who] - pledged.tokens[who]
    repaid = min(arguments["repay"], borrow_balance(market, arguments["borrower"]))
    value = received * exact_price(pledged) * pledged.price * WAD
    return bool(value <= repaid * market.price * new.liquidation_incentive)


def repaid_within_the_close_factor(step: Step) -> bool:
    """Repaid <= the close factor of the exact debt, rounded up to a unit."""
    market = step.old.seen(step.arguments["asset"])
    closed = exact_debt(market, step.arguments["borrower"]) * step.old.close_factor
    return bool((step.arguments["repay"] - 1) * WAD < closed)


LIQ_3_W = VENUS.declare(
    "LIQ-3-w",
    "the vTokens that a liquidator receives are worth at most the repaid value times the incentive, at the contracts' "
    "price of a vToken, and an ordinary liquidation repays at most the close factor of the debt",
    "step",
    why="the price of a vToken rounds down by less than a unit of 1e-18; small accounts are closed whole, and so are "
    "debts whose liquidation governance forces",
)


def rounded_seizure(step: Step) -> Iterable[Cut]:
    """The roundings of what is seized for a unit, and for all that is repaid."""
    arguments, old, new = step.arguments, step.old, step.new
    debt, pledged = old.seen(arguments["asset"]), old.seen(arguments["collateral"])
    price, value = token_price(new.seen(pledged.name)), debt_value(old, debt)
    ratio = value * WAD // price
    yield ratio * price <= value * WAD
    yield Scaled(ratio * price, value * WAD, arguments["repay"])
    yield Scaled(ratio * arguments["repay"] // WAD * WAD, ratio * arguments["repay"], price)


def token_price(market: VToken) -> int:
    """The value of a vToken as the contracts have it [value x 1e18]."""
    return market.price * rate_shown(market) // WAD


def debt_value(pool: Comptroller, market: VToken) -> int:
    """What a liquidator gets for a repaid token as the contracts have it [value x 1e18]."""
    return pool.liquidation_incentive * market.price // WAD


@LIQ_3_W.step(of=ORDERED, instant=True, cuts=rounded_seizure)
def a_liquidator_receives_no_more_than_the_incentive(step: Step, old: VToken, new: VToken) -> Condition:
    """Value of the vTokens received <= value repaid x incentive, both prices as the contracts have them."""
    arguments = step.arguments
    if old.name != arguments["collateral"]:
        return True
    received = new.tokens[arguments["user"]] - old.tokens[arguments["user"]]
    return received * token_price(old) <= arguments["repay"] * debt_value(step.old, step.old.seen(arguments["asset"]))


@LIQ_3_W.step("pool", of=(liquidate_borrow,), instant=True)
def the_close_factor_bounds_an_ordinary_liquidation(step: Step) -> Condition:
    """What is repaid is at most the close factor of the debt as shown, unless governance forces liquidations."""
    market = step.old.seen(step.arguments["asset"])
    most = step.old.close_factor * borrow_balance(market, step.arguments["borrower"])
    return market.forced_liquidation | (step.arguments["repay"] * WAD <= most)


LIQ_5 = claimed("LIQ-5")


@LIQ_5.scenario(instant=True, user=user(), borrower=user())
def an_unhealthy_account_can_be_liquidated(trial: Trial, pool: Comptroller, user: Account, borrower: Account) -> None:
    """With the tokens for it, somebody can liquidate a part, the whole of a small account, or heal it."""
    trial.assume(user != borrower)
    trial.assume(exact_margin(pool, borrower, at_threshold=True) < 0)
    trial.assume(any(pool.seen(name).tokens[borrower] for name in pool.markets_of(borrower)))
    for market in pool.markets.values():
        market.underlying[user] += market.total_borrows
    answers = list(answers_to_liquidations(trial, pool, user, borrower))
    reasons = ", ".join(dict.fromkeys(answer.name for answer in answers if answer is not None))
    trial.claim(None in answers, f"no liquidation of the account is accepted: {reasons}")


LIQ_5_W = VENUS.declare(
    "LIQ-5-w",
    "an account that is short by the contracts' own snapshot passes what a liquidation asks of its health, up to the close "
    "factor, or, where its collateral is at most the pool's minimum, what a healing or a liquidation whole asks",
    "refusal",
    why="what can stop it then is no matter of health: a pause, a missing price, too little collateral or cash",
)


@LIQ_5_W.scenario(instant=True, borrower=user(), asset=asset(), collateral=asset(), repay=tokens())
def a_short_account_passes_an_ordinary_liquidation(
    trial: Trial, pool: Comptroller, borrower: Account, asset: str, collateral: str, repay: int
) -> None:
    """Above the pool's minimum a liquidation up to the close factor is not refused for the account's health."""
    seen = snapshot(pool, borrower, at_threshold=True)
    trial.assume(seen.shortfall > 0)
    trial.assume(seen.collateral > pool.min_liquidatable_collateral)
    trial.assume(repay <= mul_wad_down(pool.close_factor, borrow_balance(pool.seen(asset), borrower)))
    refusal = trial.attempt(pool, health_is_asked, borrower, asset, collateral, repay)
    trial.claim(not isinstance(refusal, OF_HEALTH), f"the liquidation is refused: {refusal}")


def health_is_asked(pool: Comptroller, borrower: Account, asset: str, collateral: str, repay: int) -> None:
    """What an ordinary liquidation has to pass before anything is paid.  Refuses: as `before_liquidation`."""
    before_liquidation(pool, pool.seen(asset), pool.seen(collateral), borrower, repay, skip_health=False)


@LIQ_5_W.scenario(instant=True, user=user(), borrower=user())
def a_small_short_account_passes_a_healing(trial: Trial, pool: Comptroller, user: Account, borrower: Account) -> None:
    """At most at the pool's minimum, a healing is refused for its health only if a liquidation whole pays more."""
    seen = snapshot(pool, borrower, at_threshold=True)
    trial.assume(seen.shortfall > 0)
    trial.assume(seen.collateral <= pool.min_liquidatable_collateral)
    trial.assume(seen.collateral <= mul_wad_down(seen.borrows, pool.liquidation_incentive))
    refusal = trial.do(pool, heal_account, user, borrower)
    trial.claim(not isinstance(refusal, (*OF_HEALTH, DivisionByZero)), f"the healing is refused: {refusal}")


def answers_to_liquidations(trial: Trial, pool: Comptroller, user: Account, borrower: Account) -> Any:
    """How liquidations in each pair of markets end, by one unit and up to the close factor, whole, and by healing."""
    owing = [name for name in pool.markets_of(borrower) if borrow_balance(pool.seen(name), borrower)]
    holding = [name for name in pool.markets_of(borrower) if pool.seen(name).tokens[borrower]]
    for debt in owing:
        owed = borrow_balance(pool.seen(debt), borrower)
        for pledged in holding:
            for repay in (1, max(mul_wad_down(pool.close_factor, owed), 1)):
                yield trial.do(trial.copy(pool), liquidate_borrow, user, borrower, debt, pledged, repay)
    for pledged in holding:
        orders = tuple((pledged, debt, borrow_balance(pool.seen(debt), borrower)) for debt in owing)
        yield trial.attempt(trial.copy(pool), liquidate_account.run, user, borrower, orders)
    yield trial.do(trial.copy(pool), heal_account, user, borrower)


LIQ_6 = claimed("LIQ-6")


@LIQ_6.step("account", of=(borrow, redeem, redeem_underlying, transfer, exit_market), instant=True)
def who_just_acted_is_healthy(step: Step, account: Account) -> Condition:
    """Every market accrued and nothing rounded, the actor's collateral covers its debts at the thresholds."""
    if account != step.actor or (step.action == borrow and step.arguments["amount"] == 0):
        return True
    return exact_margin(step.new, account, at_threshold=True) >= 0


LIQ_6_W = VENUS.declare(
    "LIQ-6-w",
    "an account whose markets were all accrued in the same slot, and that has just borrowed, or has redeemed or "
    "transferred in a market that it entered, or left it, is short by at most one unit of value (1e-18 of a dollar) at "
    "the thresholds, as the contracts value it",
    "step",
    why="the values of a debt and of what is added to it, or of collateral and of what is taken, each round down; what "
    "is in a market that an account has not entered does not count, and is redeemed unasked",
)


def kept_worth(step: Step) -> Iterable[Cut]:
    """What the actor keeps in a market is worth as much as before, at the thresholds more than for borrowing."""
    if not is_present_for(step.old, step.actor):
        return
    for name, new in step.new.markets.items():
        old, held, now = step.old.markets[name], new.tokens[step.actor], rate_shown(new)
        price_now = now * new.price // WAD
        to_borrow, to_liquidation = new.collateral_factor, new.liquidation_threshold
        yield Scaled(to_borrow, to_liquidation, price_now)
        to_borrow_now, weighted_now = to_borrow * price_now // WAD, to_liquidation * price_now // WAD
        yield to_borrow_now <= weighted_now
        yield Scaled(to_borrow_now, weighted_now, held)
        if step.action == borrow:
            stored, amount = new.principal[step.actor], step.arguments["amount"]
            shown = borrow_balance(new, step.actor)
            yield Cancelled(shown, stored, new.borrow_index)
            yield Scaled(shown, stored, new.price)
            yield Distributed(stored, (stored - amount, amount), new.price)
        rate, none = rate_shown(old), (old.total_supply == 0) | (new.total_supply == 0)
        yield none | (rate * new.total_supply <= assets(new) * WAD)
        yield none | (rate <= now)
        yield Scaled(rate, now, new.price, unless=none)
        price = rate * old.price // WAD
        yield none | (price <= price_now)
        yield Scaled(price, price_now, to_borrow, unless=none)
        weighted = to_borrow * price // WAD
        yield none | (weighted <= weighted_now)
        before = old.tokens[step.actor]
        yield Distributed(before, (held, before - held), weighted)
        yield Scaled(weighted, weighted_now, held, unless=none)
        yield none | (weighted * held // WAD <= weighted_now * held // WAD)


@LIQ_6_W.step("account", of=LEAVING, cuts=kept_worth)
def who_just_acted_is_at_most_one_unit_short(step: Step, account: Account) -> Condition:
    """The actor's shortfall in the contracts' own snapshot at the thresholds is at most 1."""
    if account != step.actor or not is_present_for(step.old, account):
        return True
    if not (step.action == borrow or step.old.has_entered(account, step.arguments["asset"])):
        return True
    return snapshot(step.new, account, at_threshold=True).shortfall <= 1


LIQ_7 = claimed("LIQ-7")


@LIQ_7.step("position", of=LIQUIDATIONS, instant=True)
def a_third_account_keeps_its_entries(step: Step, old: VToken, new: VToken, account: Account) -> Condition:
    """Who is neither the liquidator nor the borrower keeps vTokens, debt and tokens."""
    if account in (step.actor, step.arguments["borrower"], SHARE_RESERVE):
        return True
    return all_of(getattr(old, name)[account] == getattr(new, name)[account] for name in VToken.ledgers)


LIQ_8 = claimed("LIQ-8")


@LIQ_8.scenario(user=user(), borrower=user())
def debt_without_collateral_is_recorded(trial: Trial, pool: Comptroller, user: Account, borrower: Account) -> None:
    """Who owes and holds no vTokens in the markets entered can be healed by anybody else, who pays nothing."""
    trial.assume(user != borrower)
    names = pool.markets_of(borrower)
    trial.assume(any(borrow_balance(pool.seen(name), borrower) for name in names))
    trial.assume(not any(pool.seen(name).tokens[borrower] for name in names))
    refusal = trial.do(pool, heal_account, user, borrower)
    trial.claim(refusal is None, f"the bad debt cannot be recorded: {refusal}")


LIQ_8_W = VENUS.declare(
    "LIQ-8-w",
    "an account whose collateral is worth nothing and whose debt is worth a unit, by the contracts' own snapshot, is not "
    "refused for its health when anybody else heals it",
    "refusal",
    why="dust that is worth less than a unit of value is not seen, and a pause or a missing price stops a healing",
)


@LIQ_8_W.scenario(instant=True, user=user(), borrower=user())
def a_debt_without_collateral_passes_a_healing(
    trial: Trial, pool: Comptroller, user: Account, borrower: Account
) -> None:
    """No collateral, a debt of a unit of value: neither the collateral nor the shortfall nor a division refuses."""
    seen = snapshot(pool, borrower, at_threshold=True)
    trial.assume(seen.collateral == 0)
    trial.assume(seen.borrows > 0)
    refusal = trial.do(pool, heal_account, user, borrower)
    trial.claim(not isinstance(refusal, (*OF_HEALTH, DivisionByZero)), f"the bad debt cannot be recorded: {refusal}")


# --- LIVE ----------------------------------------------------------------------------------------------------------

LIVE_1 = claimed("LIVE-1")


@LIVE_1.scenario(instant=True, user=user(), asset=asset())
def a_debt_can_be_repaid_whole(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """Who holds what is owed can repay it, and then owes nothing."""
    market = pool.seen(asset)
    owed = borrow_balance(market, user)
    trial.assume(0 < owed <= market.underlying[user])
    refusal = trial.do(pool, repay_borrow, user, asset, owed)
    trial.claim(refusal is None, f"repaying all {owed} is refused: {refusal}")
    trial.claim(market.principal[user] == 0, "a debt is left")


LIVE_1_W = VENUS.declare(
    "LIVE-1-w",
    "where repaying is not paused, a borrower who has the tokens can repay the debt, up to what the market counts as "
    "borrowed by all",
    "refusal",
    why="what the roundings of the last borrower's debt leave is what nobody can repay",
)


@LIVE_1_W.scenario(instant=True, user=user(), asset=asset())
def a_debt_can_be_repaid_up_to_the_books(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """Who holds it can repay the smaller of the debt and of what the market counts as borrowed."""
    market = pool.seen(asset)
    trial.assume(market.listed)
    trial.assume(may(market, Pausable.REPAY))
    amount = least(borrow_balance(market, user), market.total_borrows)
    trial.assume((amount > 0) & (amount <= market.underlying[user]))
    refusal = trial.do(pool, repay_borrow, user, asset, amount)
    trial.claim(refusal is None, f"repaying is refused: {refusal}")


def may(market: VToken, what: Pausable) -> Condition:
    """Whether an action is not paused."""
    return negation(market.paused >> what & 1)


LIVE_3 = claimed("LIVE-3")


@LIVE_3.scenario(user=user(), asset=asset(), amount=tokens())
def a_deposit_is_refused_for_the_cap_alone(
    trial: Trial, pool: Comptroller, user: Account, asset: str, amount: int
) -> None:
    """A deposit of tokens that the user has is refused because of the supply cap or not at all."""
    trial.assume(amount <= pool.seen(asset).underlying[user])
    refusal = trial.do(pool, mint, user, asset, amount)
    trial.claim(refusal is None or isinstance(refusal, SupplyCapExceeded), f"the deposit is refused: {refusal}")


@LIVE_3.scenario(user=user(), asset=asset())
def entering_is_not_refused(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """A listed market can be entered."""
    refusal = trial.do(pool, enter_market, user, asset)
    trial.claim(refusal is None, f"entering is refused: {refusal}")


@LIVE_3.scenario(user=user(), asset=asset(), amount=tokens())
def a_repayment_is_not_refused(trial: Trial, pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """A repayment of tokens that the user has is not refused."""
    trial.assume(amount <= pool.seen(asset).underlying[user])
    refusal = trial.do(pool, repay_borrow, user, asset, amount)
    trial.claim(refusal is None, f"the repayment is refused: {refusal}")


LIVE_3_W = VENUS.declare(
    "LIVE-3-w",
    "where they are not paused, entering a market is never refused, and a repayment by who has the tokens is not while "
    "the market counts at least the debt as borrowed",
    "refusal",
    why="neither prices nor caps nor rates keep anybody from repaying once the market is accrued",
)


@LIVE_3_W.scenario(user=user(), asset=asset())
def an_open_market_can_be_entered(trial: Trial, pool: Comptroller, user: Account, asset: str) -> None:
    """A listed market in which entering is not paused can be entered."""
    trial.assume(pool.seen(asset).listed)
    trial.assume(may(pool.seen(asset), Pausable.ENTER_MARKET))
    refusal = trial.do(pool, enter_market, user, asset)
    trial.claim(refusal is None, f"entering is refused: {refusal}")


@LIVE_3_W.scenario(instant=True, user=user(), asset=asset(), amount=tokens())
def a_repayment_within_the_books_is_not_refused(
    trial: Trial, pool: Comptroller, user: Account, asset: str, amount: int
) -> None:
    """A repayment of any amount of tokens that the user has, of a debt that the market counts."""
    market = pool.seen(asset)
    trial.assume(market.listed)
    trial.assume(may(market, Pausable.REPAY))
    trial.assume(amount <= market.underlying[user])
    trial.assume(borrow_balance(market, user) <= market.total_borrows)
    refusal = trial.do(pool, repay_borrow, user, asset, amount)
    trial.claim(refusal is None, f"the repayment is refused: {refusal}")


# --- ORC -----------------------------------------------------------------------------------------------------------

ORC_1 = claimed("ORC-1")


@ORC_1.scenario(user=user(), asset=asset(), missing=asset(), amount=tokens())
def a_missing_price_stops_only_what_needs_it(
    trial: Trial, pool: Comptroller, user: Account, asset: str, missing: str, amount: int
) -> None:
    """Where the user has no vTokens and no debt, a missing price refuses no redemption and no borrow elsewhere."""
    other = pool.seen(missing)
    trial.assume(asset != missing)
    trial.assume(other.price == 0)
    trial.assume(other.tokens[user] == 0 and other.principal[user] == 0)
    for action in (redeem_underlying, borrow):
        priced = trial.copy(pool)
        priced.seen(missing).price = WAD
        would = trial.do(priced, action, user, asset, amount)
        refusal: Refusal | None = trial.do(trial.copy(pool), action, user, asset, amount)
        trial.claim(would is not None or not isinstance(refusal, PriceError), f"{action.name} is refused: {refusal}")


ORC_1_W = VENUS.declare(
    "ORC-1-w",
    "a missing price changes what happens only to accounts that entered its market, or where its market is named",
    "two-run",
    why="a feed that stops freezes the accounts that entered its market, whether they hold anything there or not",
)


@ORC_1_W.scenario(instant=True, user=user(), asset=asset(), missing=asset(), amount=tokens())
def a_missing_price_stops_no_borrow_of_others(
    trial: Trial, pool: Comptroller, user: Account, asset: str, missing: str, amount: int
) -> None:
    """Whoever has not entered a market without a price borrows elsewhere as with one."""
    claim_alike(trial, pool, borrow, user, asset, missing, amount)


@ORC_1_W.scenario(instant=True, user=user(), asset=asset(), missing=asset(), amount=tokens())
def a_missing_price_stops_no_redemption_of_others(
    trial: Trial, pool: Comptroller, user: Account, asset: str, missing: str, amount: int
) -> None:
    """Whoever has not entered a market without a price redeems elsewhere as with one."""
    claim_alike(trial, pool, redeem_underlying, user, asset, missing, amount)


def claim_alike(
    trial: Trial, pool: Comptroller, action: Action, user: Account, asset: str, missing: str, amount: int
) -> None:
    """Claim that an action ends alike with and without a price in a market that its user has not entered."""
    trial.assume(asset != missing)
    trial.assume(negation(pool.has_entered(user, missing)))
    trial.assume(pool.seen(missing).price == 0)
    priced, unpriced = trial.copy(pool), trial.copy(pool)
    priced.seen(missing).price = WAD
    would = trial.do(priced, action, user, asset, amount)
    refusal = trial.do(unpriced, action, user, asset, amount)
    trial.claim(type(would) is type(refusal), f"{action.name}: {refusal}, with a price {would}")
    one, other = priced.seen(asset), unpriced.seen(asset)
    trial.claim(all_of(unchanged(getattr(one, n), getattr(other, n)) for n in VToken.scalars), "the numbers differ")

"""RATE, CAP: interest, and what may be supplied and borrowed."""

from __future__ import annotations

from poolproof.models.deployed.venus.market import VToken, borrow_rate, exchange_rate
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.rates import utilisation
from poolproof.models.deployed.venus.users import accrue_interest, borrow, mint, mint_behalf
from poolproof.models.deployed.word import MAX_UINT256
from poolproof.spec.action import asset, factor
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition

from .measures import VENUS, assets, claimed, exact_debts

# --- RATE ----------------------------------------------------------------------------------------------------------

RATE_1 = claimed("RATE-1")


@RATE_1.state()
def lent_is_at_most_what_there_is(pool: Comptroller, market: VToken) -> Condition:
    """debt + bad debt <= cash + debt + bad debt - reserves, as the rate has it before it is cut off at 1."""
    lent = market.total_borrows + market.bad_debt
    return lent == 0 or lent <= assets(market)


RATE_1_W = VENUS.declare(
    "RATE-1-w",
    "the utilisation that a rate is read at stays within [0, 1]",
    "state",
    why="above 1 it is cut off",
)


@RATE_1_W.state()
def utilisation_is_a_fraction(pool: Comptroller, market: VToken) -> Condition:
    """0 <= utilisation <= 1, where there is one."""
    used = utilisation(market.cash, market.total_borrows, market.total_reserves, market.bad_debt)
    return 0 <= used <= WAD


RATE_2 = claimed("RATE-2")


@RATE_2.scenario(asset=asset(), low=factor(WAD), high=factor(WAD))
def the_rate_never_falls(trial: Trial, pool: Comptroller, asset: str, low: int, high: int) -> None:
    """rate(low) <= rate(high) <= the maximum, for low <= high."""
    trial.assume(low <= high)
    market = pool.seen(asset)
    curve = market.rate_model.curve
    rates = curve.borrow_rate(low), curve.borrow_rate(high)
    trial.claim(rates[0] <= rates[1], "the rate falls as utilisation rises")
    trial.claim(rates[1] <= market.max_borrow_rate, "the rate exceeds its maximum")


RATE_3 = claimed("RATE-3")


@RATE_3.step()
def the_index_grows_by_at_most_rate_x_time(step: Step, old: VToken, new: VToken) -> Condition:
    """index <= new index <= index x (1 + rate x time)."""
    if new.borrow_index == old.borrow_index:
        return True
    most = old.borrow_index * (WAD + borrow_rate(old) * (step.new.now - old.accrued_at))
    return old.borrow_index < new.borrow_index and new.borrow_index * WAD <= most


RATE_4 = claimed("RATE-4")


@RATE_4.step(of=(accrue_interest,))
def suppliers_get_at_most_what_borrowers_are_charged(step: Step, old: VToken, new: VToken) -> Condition:
    """What an accrual adds to suppliers' assets is at most what it adds to all debts, exactly."""
    return assets(new) - assets(old) <= exact_debts(new) - exact_debts(old)


RATE_7 = claimed("RATE-7")


@RATE_7.scenario(asset=asset())
def a_second_accrual_changes_nothing(trial: Trial, pool: Comptroller, asset: str) -> None:
    """After an accrual, another one in the same slot leaves every number and balance."""
    trial.assume(trial.do(pool, accrue_interest, asset) is None)
    once, market = trial.copy(pool).seen(asset), pool.seen(asset)
    trial.claim(trial.do(pool, accrue_interest, asset) is None, "the second accrual is refused")
    same = once.saved_ == market.saved_ and all(getattr(once, name) == getattr(market, name) for name in once.ledgers)
    trial.claim(same, "the second accrual changes something")


# --- CAP -----------------------------------------------------------------------------------------------------------

CAP_1 = claimed("CAP-1")


@CAP_1.step(of=(mint, mint_behalf))
def the_supply_cap_holds_after_a_deposit(step: Step, old: VToken, new: VToken) -> Condition:
    """cash + debt + bad debt - reserves <= supply cap, in the market that took tokens."""
    return step.arguments["asset"] != new.name or assets(new) <= new.supply_cap


@CAP_1.step(of=(borrow,))
def the_borrow_cap_holds_after_a_borrow(step: Step, old: VToken, new: VToken) -> Condition:
    """debt + bad debt <= borrow cap, in the market that lent."""
    return step.arguments["asset"] != new.name or new.total_borrows + new.bad_debt <= new.borrow_cap


CAP_1_W = VENUS.declare(
    "CAP-1-w",
    "after a deposit to a market that has shares, the supply exceeds its cap by less than one unit and one for each "
    "1e18 vTokens; after a borrow the borrow cap holds",
    "step",
    why="what is supplied is read off the exchange rate, which rounds down",
)


@CAP_1_W.step(of=(mint, mint_behalf))
def the_supply_cap_holds_but_for_roundings(step: Step, old: VToken, new: VToken) -> Condition:
    """assets < supply cap + 1 + vTokens before / 1e18, in the market that took tokens."""
    if step.arguments["asset"] != new.name or new.supply_cap == MAX_UINT256 or old.total_supply == 0:
        return True
    return (assets(new) - new.supply_cap - 1) * WAD < old.total_supply or new.cash == old.cash


@CAP_1_W.step(of=(borrow,))
def the_borrow_cap_holds(step: Step, old: VToken, new: VToken) -> Condition:
    """debt + bad debt <= borrow cap, in the market that lent."""
    return step.arguments["asset"] != new.name or new.total_borrows + new.bad_debt <= new.borrow_cap


CAP_2 = claimed("CAP-2")


@CAP_2.state()
def collateral_is_within_the_supply_cap(pool: Comptroller, market: VToken) -> Condition:
    """The vTokens of accounts that entered the market, at the exchange rate, are worth at most the supply cap."""
    counted = sum(held for account, held in market.tokens.items() if pool.has_entered(account, market.name))
    return counted * exchange_rate(market) <= market.supply_cap * WAD

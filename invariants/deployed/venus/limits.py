"""RATE, CAP: interest, and what may be supplied and borrowed."""

from __future__ import annotations

from poolproof.models.deployed.venus.market import VToken, borrow_rate, exchange_rate
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.rates import utilisation
from poolproof.models.deployed.venus.users import accrue_interest, borrow, mint, mint_behalf
from poolproof.models.deployed.word import MAX_UINT256
from poolproof.models.rates import JumpRate, WhitePaperRate
from poolproof.spec.action import asset, factor, rate
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, all_of, implies
from poolproof.spec.state import Account

from .accruals import CLOSING, unchanged
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
    return (used >= 0) & (used <= WAD)


RATE_2 = claimed("RATE-2")


@RATE_2.scenario(base=rate(), multiplier=rate(), jump=rate(), kink=factor(WAD), low=factor(WAD), high=factor(WAD))
def the_rate_never_falls(
    trial: Trial, pool: Comptroller, base: int, multiplier: int, jump: int, kink: int, low: int, high: int
) -> None:
    """low <= high implies rate(low) <= rate(high) <= rate(1), for rate models with one kink or none."""
    trial.assume(low <= high)
    for curve in (JumpRate(base, multiplier, jump, kink), WhitePaperRate(base, multiplier)):
        for less, more in ((low, high), (high, WAD)):
            for slope, parts in ((multiplier, (less, more)), (jump, (less - kink, more - kink))):
                trial.claim(parts[0] * slope <= parts[1] * slope, "a slope times utilisation falls")
                trial.claim(parts[0] * slope // WAD <= parts[1] * slope // WAD, "and rounded it falls")
            trial.claim(curve.borrow_rate(less) <= curve.borrow_rate(more), "the rate falls as utilisation rises")


@RATE_2.state()
def the_rate_at_full_utilisation_is_accepted(pool: Comptroller, market: VToken) -> Condition:
    """The highest rate of the market's model does not exceed the one at which accruals begin to fail."""
    return market.rate_model.curve.borrow_rate(WAD) <= market.max_borrow_rate


RATE_3 = claimed("RATE-3")


@RATE_3.state(lemma=True)
def an_index_is_never_below_one(pool: Comptroller, market: VToken) -> Condition:
    """index >= 1; the market's clocks are not ahead of the pool's."""
    clocks = (market.swept_at <= market.accrued_at) & (market.accrued_at <= pool.now)
    return (market.borrow_index >= WAD) & clocks


@RATE_3.state("position", lemma=True)
def an_account_is_never_ahead(pool: Comptroller, market: VToken, account: Account) -> Condition:
    """An account's index is at most the market's, and at least 1 where it owes."""
    index = market.interest_index[account]
    return (index <= market.borrow_index) & ((market.principal[account] == 0) | (index >= WAD))


@RATE_3.step()
def the_index_never_falls(step: Step, old: VToken, new: VToken) -> Condition:
    """index <= new index."""
    return old.borrow_index <= new.borrow_index


@RATE_3.step(of=CLOSING, instant=True)
def only_an_accrual_moves_the_index(step: Step, old: VToken, new: VToken) -> Condition:
    """Where there is nothing to accrue, the index stays; a donation or a rate changed in place moves the next accrual."""
    return old.borrow_index == new.borrow_index


@RATE_3.step(of=(accrue_interest,))
def the_index_grows_by_at_most_rate_x_time(step: Step, old: VToken, new: VToken) -> Condition:
    """new index <= index x (1 + rate x time), for the rate at the values before."""
    if new.borrow_index == old.borrow_index:
        return True
    most = old.borrow_index * (WAD + borrow_rate(old) * (step.new.now - old.accrued_at))
    return new.borrow_index * WAD <= most


RATE_4 = claimed("RATE-4")


@RATE_4.step(of=(accrue_interest,))
def suppliers_get_at_most_what_borrowers_are_charged(step: Step, old: VToken, new: VToken) -> Condition:
    """What an accrual adds to suppliers' assets is at most what it adds to all debts, exactly."""
    return assets(new) - assets(old) <= exact_debts(new) - exact_debts(old)


RATE_4_W = VENUS.declare(
    "RATE-4-w",
    "an accrual never credits suppliers with more than it adds to the market's debt",
    "step",
    why="what suppliers gain is on the books as debt",
)


@RATE_4_W.step(of=(accrue_interest,))
def suppliers_get_at_most_what_is_booked(step: Step, old: VToken, new: VToken) -> Condition:
    """What an accrual adds to suppliers' assets is at most what it adds to the market's debt."""
    return assets(new) - assets(old) <= new.total_borrows - old.total_borrows


RATE_7 = claimed("RATE-7")


@RATE_7.scenario(instant=True, asset=asset())
def a_second_accrual_changes_nothing(trial: Trial, pool: Comptroller, asset: str) -> None:
    """After an accrual, another one in the same slot leaves every number and balance."""
    once = trial.copy(pool).seen(asset)
    trial.claim(trial.do(pool, accrue_interest, asset) is None, "the second accrual is refused")
    market = pool.seen(asset)
    trial.claim(all_of(unchanged(getattr(once, n), getattr(market, n)) for n in VToken.scalars), "a number changes")
    for ledger in VToken.ledgers:
        before, after = getattr(once, ledger), getattr(market, ledger)
        trial.claim(all_of(before[account] == after[account] for account in after), f"an entry of {ledger} changes")


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


@CAP_1_W.step(of=(mint, mint_behalf), instant=True)
def the_supply_cap_holds_but_for_roundings(step: Step, old: VToken, new: VToken) -> Condition:
    """assets < supply cap + 1 + vTokens before / 1e18, in the market that took tokens."""
    asked = (step.arguments["asset"] == new.name) & (new.supply_cap != MAX_UINT256) & (old.total_supply > 0)
    return implies(asked, (assets(new) - new.supply_cap - 1) * WAD < old.total_supply)


@CAP_1_W.step(of=(borrow,))
def the_borrow_cap_holds(step: Step, old: VToken, new: VToken) -> Condition:
    """debt + bad debt <= borrow cap, in the market that lent."""
    asked = (step.arguments["asset"] == new.name) & (new.borrow_cap != MAX_UINT256)
    return implies(asked, new.total_borrows + new.bad_debt <= new.borrow_cap)


CAP_2 = claimed("CAP-2")


@CAP_2.state()
def collateral_is_within_the_supply_cap(pool: Comptroller, market: VToken) -> Condition:
    """The vTokens of accounts that entered the market, at the exchange rate, are worth at most the supply cap."""
    counted = sum(held for account, held in market.tokens.items() if pool.has_entered(account, market.name))
    return counted * exchange_rate(market) <= market.supply_cap * WAD


CAP_2_W = VENUS.declare(
    "CAP-2-w",
    "right after a deposit to a market that has vTokens, all of them together are worth less than the supply cap and one "
    "unit, and one for each 1e18 vTokens",
    "step",
    why="what exceeds the cap came as interest, or as a donation that was counted",
)


@CAP_2_W.step(of=(mint, mint_behalf), instant=True)
def all_vtokens_are_within_the_supply_cap(step: Step, old: VToken, new: VToken) -> Condition:
    """exchange rate x vTokens < supply cap + 1 + vTokens before / 1e18, in the market that took tokens."""
    asked = (step.arguments["asset"] == new.name) & (new.supply_cap != MAX_UINT256) & (old.total_supply > 0)
    shown = exchange_rate(new) * new.total_supply
    return implies(asked, shown < (new.supply_cap + 1) * WAD + old.total_supply)

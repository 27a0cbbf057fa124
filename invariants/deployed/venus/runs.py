"""Runs that violate what is false of a Venus pool as deployed; each computes its amounts from the pool at hand."""

from __future__ import annotations

from collections.abc import Callable

from poolproof.models.deployed.venus.governance import (
    pass_time,
    set_collateral_factor,
    set_liquidation_incentive,
    set_price,
    sync_cash,
)
from poolproof.models.deployed.venus.liquidation import heal_account, liquidate_borrow
from poolproof.models.deployed.venus.market import VToken, borrow_balance, borrow_rate, exchange_rate
from poolproof.models.deployed.venus.model import enter_market, liquidate_small_account, update_jump_rate
from poolproof.models.deployed.venus.pool import snapshot
from poolproof.models.deployed.venus.users import (
    accrue_interest,
    borrow,
    donate,
    mint,
    redeem,
    redeem_underlying,
    repay_borrow,
)
from poolproof.models.deployed.word import MAX_UINT256, mul_wad_down
from poolproof.spec.arithmetic import WAD, div_up
from poolproof.spec.invariant import Run
from poolproof.spec.state import Account

from . import accounts, authority, books, health, limits, liveness, periphery, profit
from .measures import assets

LONGEST = 2**30
"""The longest time that passes at once [slots]."""
FEW = 10 * WAD
"""Ten dollars: a small account [value x 1e18]."""

HUNDRED = 100
"""What makes whole numbers of per cents."""

# --- what runs are made of -----------------------------------------------------------------------------------------


def vtoken(market: VToken) -> int:
    """What one vToken is worth, rounded up [tokens]."""
    value: int = div_up(exchange_rate(market), WAD)
    return value


def room(market: VToken) -> int:
    """What can still be supplied [tokens]."""
    shown = mul_wad_down(exchange_rate(market), market.total_supply)
    return max(market.supply_cap - shown, 0)


def pledgeable(run: Run) -> list[VToken]:
    """The markets that count as collateral and take deposits."""
    return [market for market in run.state.markets.values() if market.collateral_factor and room(market)]


def lending(run: Run) -> list[VToken]:
    """The markets that lend."""
    return [market for market in run.state.markets.values() if market.borrow_cap and market.cash]


def other(run: Run, among: Callable[[Run], list[VToken]], *taken: VToken) -> VToken:
    """One of several markets, beside those taken."""
    return run.choose([market for market in among(run) if market not in taken])


def pledge(run: Run, user: Account, market: VToken, value: int | None = None) -> None:
    """Supply what is worth a value, or all that is possible, and let it count."""
    most = min(market.underlying[user], room(market))
    run.do(mint, user, market.name, most if value is None else min(most, div_up(value * WAD, market.price)))
    run.do(enter_market, user, market.name)


def most_to_borrow(run: Run, user: Account, market: VToken) -> int:
    """What an account can borrow, as stored [tokens]."""
    limit = snapshot(run.state, user, at_threshold=False).liquidity * WAD // market.price
    cap = market.borrow_cap - market.total_borrows - market.bad_debt
    return min(limit, max(market.cash - market.total_reserves, 0), cap)


def borrow_most(run: Run, user: Account, market: VToken) -> int:
    """Borrow what is possible."""
    amount = most_to_borrow(run, user, market)
    run.do(borrow, user, market.name, amount)
    return amount


def own_debt(run: Run, market: VToken, amount: int) -> Account:
    """Borrow against vTokens of the same market, or of another one: who holds some, or else supplies some."""
    pledged = run.choose([market, *(each for each in run.state.markets.values() if each is not market)])
    user = run.choose(sorted(run.users, key=lambda each: not pledged.tokens[each]))
    if not pledged.tokens[user]:
        run.do(mint, user, pledged.name, min(pledged.underlying[user], room(pledged)))
    if pledged is not market:
        run.do(enter_market, user, pledged.name)
    run.do(borrow, user, market.name, amount)
    return user


def in_one_slot(run: Run) -> VToken:
    """A debt, and the interest of one slot."""
    market = run.choose(lending(run))
    own_debt(run, market, run.choose((1, market.cash >> 4, market.cash >> 6)))
    run.do(pass_time, 1)
    run.do(accrue_interest, market.name)
    return market


def bad_debt(run: Run) -> VToken:
    """A debt whose collateral has lost its price is recorded as bad."""
    borrower, healer = run.users[:2]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    pledge(run, borrower, pledged, FEW)
    borrow_most(run, borrower, market)
    run.do(set_price, pledged.name, 1)
    run.do(heal_account, healer, borrower)
    return market


def drained(run: Run) -> tuple[VToken, VToken]:
    """All cash is lent, and the interest of a long time makes reserves that nothing backs but debt."""
    user = run.users[0]
    market = run.choose(sorted((each for each in lending(run) if each.reserve_factor), key=cash_value))
    pledged = other(run, pledgeable, market)
    pledge(run, user, pledged)
    borrow_most(run, user, market)
    run.do(pass_time, LONGEST)
    run.do(accrue_interest, market.name)
    return market, pledged


def cash_value(market: VToken) -> int:
    """What a market's cash is worth."""
    return market.cash * market.price


def nothing_pledged(run: Run) -> Account:
    """A debt too small to have a value, without any collateral."""
    market = run.choose(lending(run))
    run.do(set_price, market.name, 1)
    run.do(borrow, run.users[0], market.name, 1)
    return run.users[0]


def sole_holder(run: Run, market: VToken) -> Account:
    """Who holds all vTokens of a market."""
    return run.choose(user for user in run.users if market.tokens[user] == market.total_supply > 0)


def rounded_up_against_the_books(run: Run) -> tuple[Account, VToken]:
    """A debt whose interest over two slots has a unit more than over each of them."""
    market = run.choose(lending(run))
    rate = borrow_rate(market)
    debts = [9 * WAD // (10 * rate)] if rate else [min(market.cash, WAD) >> part for part in range(3, 11)]
    user = own_debt(run, market, run.choose(debts))
    run.do(pass_time, 1)
    run.do(accrue_interest, market.name)
    run.do(pass_time, 1)
    return user, market


def just_short(run: Run, value: int) -> tuple[Account, VToken, VToken]:
    """An account whose collateral has lost as much of its price as turns it unhealthy."""
    borrower = run.users[0]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    pledge(run, borrower, pledged, value)
    borrow_most(run, borrower, market)
    seen = snapshot(run.state, borrower, at_threshold=True)
    run.do(set_price, pledged.name, pledged.price * seen.borrows // (seen.borrows + seen.liquidity) * 999 // 1000)
    return borrower, market, pledged


# --- SOLV ----------------------------------------------------------------------------------------------------------


@books.SOLV_1.counterexample
def bad_debt_counts_as_an_asset(run: Run) -> None:
    """What is recorded as bad still stands in the exchange rate."""
    bad_debt(run)


@books.SOLV_2.counterexample
def bad_debt_is_paid_out(run: Run) -> None:
    """Who redeems after bad debt was recorded is paid as if it was not."""
    market, user = bad_debt(run), run.users[1]
    run.do(mint, user, market.name, min(room(market), market.underlying[user]) // 2)
    run.do(redeem, user, market.name, market.tokens[user])


@books.SOLV_3.counterexample
def the_rate_starts_again(run: Run) -> None:
    """Without vTokens the exchange rate is the initial one, below what it had become."""
    market = run.choose(run.state.markets.values())
    user = sole_holder(run, market)
    run.do(mint, user, market.name, 1)
    run.do(redeem, user, market.name, market.tokens[user])


@health.SOLV_4.counterexample
def who_borrows_on_a_stale_debt_turns_unhealthy(run: Run) -> None:
    """A borrow looks at the account's other debts as they were last accrued."""
    user = run.users[0]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    second = other(run, lending, market, pledged)
    pledge(run, user, pledged, FEW)
    run.do(borrow, user, market.name, most_to_borrow(run, user, market) // 2)
    run.do(pass_time, 7 * WAD // (10 * max(borrow_rate(market), 1)))
    borrow_most(run, user, second)


@health.SOLV_4.counterexample
def who_borrows_without_value_turns_unhealthy(run: Run) -> None:
    """A debt without a value needs no collateral, and is a debt."""
    nothing_pledged(run)


@health.SOLV_5.counterexample
def a_threshold_leaves_no_room_for_the_incentive(run: Run) -> None:
    """The contracts allow a factor and a threshold above 1 / incentive."""
    user = run.users[0]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    run.do(set_collateral_factor, pledged.name, 95 * WAD // HUNDRED, WAD)
    if run.state.liquidation_incentive * 95 <= WAD * HUNDRED:
        run.do(set_liquidation_incentive, 2 * WAD)
    pledge(run, user, pledged, FEW)
    borrow_most(run, user, market)


@health.SOLV_8.counterexample
def bad_debt_stays_an_asset(run: Run) -> None:
    """What is recorded as bad stands in the exchange rate, now and later."""
    run.scenario(health.solvent_after_any_interval, bad_debt(run).name, 0)


@books.SOLV_6.counterexample
def reserves_beyond_the_cash_underflow(run: Run) -> None:
    """A redemption subtracts the reserves from the cash."""
    market, _ = drained(run)
    holder = run.choose(user for user in run.users if market.tokens[user])
    run.scenario(books.a_redemption_never_panics, holder, market.name, 1)


@books.SOLV_6.counterexample
def reserves_beyond_the_cash_underflow_for_new_holders(run: Run) -> None:
    """As before, of who supplies a part before all is lent."""
    market = run.choose(lending(run))
    run.do(mint, run.users[1], market.name, 2 * vtoken(market))
    pledged = other(run, pledgeable, market)
    pledge(run, run.users[0], pledged)
    borrow_most(run, run.users[0], market)
    run.do(pass_time, LONGEST)
    run.do(accrue_interest, market.name)
    run.scenario(books.a_redemption_never_panics, run.users[1], market.name, 1)


@books.SOLV_7.counterexample
def reserves_stay_when_debts_are_lost(run: Run) -> None:
    """The reserves of interest on a debt stay when the debt is recorded as bad."""
    _, pledged = drained(run)
    run.do(set_price, pledged.name, 1)
    run.do(heal_account, run.users[1], run.users[0])


@books.SOLV_9.counterexample
def what_has_no_value_is_lent(run: Run) -> None:
    """An amount whose value rounds to nothing needs no collateral."""
    nothing_pledged(run)


# --- CONS, RND -----------------------------------------------------------------------------------------------------


@books.CONS_3.counterexample
@books.CONS_5.counterexample
@books.RND_1.counterexample
def interest_rounds_down(run: Run) -> None:
    """A debt and the market's debt each round down, on their own."""
    in_one_slot(run)


@profit.CONS_6.counterexample
def what_is_given_is_everybodys(run: Run) -> None:
    """A donation is the suppliers' once it is counted."""
    market = run.choose(run.state.markets.values())
    run.do(donate, run.users[0], market.name, vtoken(market))
    run.do(sync_cash, market.name)


@profit.RND_2.counterexample
def touching_a_debt_loses_its_fraction(run: Run) -> None:
    """A borrow of nothing stores the debt anew, rounded down."""
    market = run.choose(lending(run))
    user = own_debt(run, market, run.choose((1, market.cash >> 4, market.cash >> 6)))
    run.do(pass_time, 1)
    run.do(borrow, user, market.name, 0)


@books.RND_3.counterexample
def dust_credits_nothing(run: Run) -> None:
    """Less than one vToken's value gives none."""
    run.do(mint, run.users[0], run.choose(run.state.markets), 1)


@books.RND_4.counterexample
def a_part_of_a_vtoken_is_paid_whole(run: Run) -> None:
    """An amount between two vTokens is rounded up to a vToken, and paid."""
    market = run.choose(run.state.markets.values())
    user = run.choose(sorted(run.users, key=lambda each: not market.tokens[each]))
    if not market.tokens[user]:
        run.do(mint, user, market.name, 3 * vtoken(market))
    run.do(redeem_underlying, user, market.name, vtoken(market) + 1)


@books.RND_6.counterexample
def the_last_vtoken_is_paid_what_the_others_left(run: Run) -> None:
    """The rate rounds down; what that leaves belongs to who redeems last."""
    market = run.choose(run.state.markets.values())
    user = sole_holder(run, market)
    run.do(mint, user, market.name, run.choose((1, 2, 3, 7)))
    run.scenario(books.two_redemptions_pay_no_more, user, market.name, market.tokens[user] - 1, 1)


# --- LIQ -----------------------------------------------------------------------------------------------------------


@authority.AUTH_1.counterexample
@accounts.LIQ_1.counterexample
def the_healthy_are_liquidated_over_a_rounding(run: Run) -> None:
    """Collateral covers a debt exactly, by prices that divide, and the exchange rate, rounded down, tells otherwise."""
    borrower, liquidator = run.users[:2]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    for amount in (FEW * WAD // pledged.price, run.choose((1, 3, 7)) * vtoken(pledged) + 1):
        run.do(mint, borrower, pledged.name, amount)
    run.do(enter_market, borrower, pledged.name)
    debt = 10 ** run.choose((15, 12, 9, 6, 3))
    run.do(borrow, borrower, market.name, debt)
    run.do(set_price, pledged.name, pledged.total_supply * WAD * HUNDRED)
    covered = pledged.tokens[borrower] * assets(pledged) * pledged.liquidation_threshold * HUNDRED
    run.do(set_price, market.name, covered // debt)
    run.do(liquidate_borrow, liquidator, borrower, market.name, pledged.name, debt // 4)


@health.LIQ_2.counterexample
def a_large_incentive_weighs_more_than_what_is_repaid(run: Run) -> None:
    """With threshold x incentive above 1, what is seized weighs more than the debt that it ends."""
    borrower = run.users[0]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    run.do(set_collateral_factor, pledged.name, pledged.collateral_factor, WAD)
    pledge(run, borrower, pledged, 200 * FEW)
    borrow_most(run, borrower, market)
    seen = snapshot(run.state, borrower, at_threshold=True)
    run.do(set_price, pledged.name, pledged.price * seen.borrows // seen.collateral * 999 // 1000)
    owed = borrow_balance(market, borrower)
    run.do(liquidate_borrow, run.users[1], borrower, market.name, pledged.name, owed // 4)


@profit.LIQ_4.counterexample
def who_liquidates_oneself_keeps_a_fraction(run: Run) -> None:
    """One unit is repaid, nothing is seized for it, and the debt that is touched loses its fraction."""
    borrower = run.users[0]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    pledge(run, borrower, pledged, 200 * FEW)
    run.do(borrow, borrower, market.name, run.choose((10 * vtoken(market), most_to_borrow(run, borrower, market))))
    run.do(pass_time, 1)
    run.do(set_collateral_factor, pledged.name, 0, 0)
    run.do(liquidate_borrow, run.users[1], borrower, market.name, pledged.name, 1)


@accounts.LIQ_3.counterexample
def a_small_account_is_closed_whole(run: Run) -> None:
    """The close factor does not bound how much of a small account is repaid."""
    borrower, market, pledged = just_short(run, FEW)
    owed = borrow_balance(market, borrower)
    run.do(liquidate_small_account, run.users[1], borrower, market.name, pledged.name, owed)


@accounts.LIQ_5.counterexample
def without_cash_nobody_is_liquidated(run: Run) -> None:
    """The protocol's part of a seizure is paid in cash, which is all lent."""
    borrower, lender, liquidator = run.users[:3]
    pledged = run.choose([market for market in pledgeable(run) if market in lending(run)])
    market = other(run, lending, pledged)
    most = other(run, pledgeable, pledged, market)
    pledge(run, borrower, pledged, FEW)
    borrow_most(run, borrower, market)
    pledge(run, lender, most)
    borrow_most(run, lender, pledged)
    run.do(set_price, pledged.name, pledged.price * 3 // 4)
    run.scenario(accounts.an_unhealthy_account_can_be_liquidated, liquidator, borrower)


@accounts.LIQ_5.counterexample
def what_has_no_value_is_not_liquidated(run: Run) -> None:
    """A debt whose value rounds to nothing is no shortfall, whatever collateral is worth."""
    market = run.choose(lending(run))
    run.do(mint, run.users[0], market.name, vtoken(market))
    run.do(set_price, market.name, 1)
    run.do(borrow, run.users[0], market.name, min(WAD - 1, market.cash))
    run.scenario(accounts.an_unhealthy_account_can_be_liquidated, run.users[1], run.users[0])


@accounts.LIQ_6.counterexample
def who_borrowed_without_value_is_unhealthy(run: Run) -> None:
    """A debt without a value needs no collateral, and is a debt."""
    nothing_pledged(run)


@accounts.LIQ_8.counterexample
def a_debt_without_value_is_not_recorded(run: Run) -> None:
    """A debt without a value is no shortfall."""
    run.scenario(accounts.debt_without_collateral_is_recorded, run.users[1], nothing_pledged(run))


# --- RATE, CAP -----------------------------------------------------------------------------------------------------


@limits.RATE_1.counterexample
def reserves_count_against_what_is_lent(run: Run) -> None:
    """With less cash than reserves, more is lent than there is."""
    drained(run)


@limits.RATE_4.counterexample
def interest_on_what_nobody_owes(run: Run) -> None:
    """When all is repaid, the market's own count of debts keeps a rest, which goes on to earn."""
    user = run.users[0]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    pledge(run, user, pledged)
    borrow_most(run, user, market)
    first = run.choose((1, 7, 1004, 100_003))
    for elapsed in (first, first + 6):
        run.do(pass_time, elapsed)
        run.do(accrue_interest, market.name)
    run.do(repay_borrow, user, market.name, borrow_balance(market, user))
    run.do(pass_time, LONGEST)
    run.do(accrue_interest, market.name)


@limits.RATE_4.counterexample
def interest_on_what_was_recorded_as_bad(run: Run) -> None:
    """As before, when two debts are recorded as bad, each rounded down, which keeps the rate up."""
    borrowers, healer = run.users[:2], run.users[2]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    for user, value in zip(borrowers, (FEW, None), strict=True):
        pledge(run, user, pledged, value)
        borrow_most(run, user, market)
    run.do(pass_time, run.choose((1, 2, 3, 5, 7, 11, 1004, 100_003)))
    run.do(set_price, pledged.name, 1)
    for user in borrowers:
        run.do(heal_account, healer, user)
    run.do(pass_time, LONGEST)
    run.do(accrue_interest, market.name)


@limits.CAP_1.counterexample
def the_cap_is_asked_of_a_rounded_supply(run: Run) -> None:
    """What is supplied is read off the rounded exchange rate, below what it is."""
    user = run.users[0]
    market = run.choose([each for each in run.state.markets.values() if each.supply_cap != MAX_UINT256])
    run.do(mint, user, market.name, run.choose((1, 3, 7)) * vtoken(market) + 1)
    run.do(mint, user, market.name, room(market))


@limits.CAP_2.counterexample
def what_is_given_counts_as_collateral(run: Run) -> None:
    """A donation that is counted raises what vTokens are worth, whatever the cap."""
    market = run.choose([each for each in run.state.markets.values() if each.supply_cap != MAX_UINT256])
    user = run.choose(sorted(run.users, key=lambda each: -market.tokens[each]))
    if not market.tokens[user]:
        run.do(mint, user, market.name, min(market.underlying[user], room(market)))
    run.do(enter_market, user, market.name)
    needed = div_up((market.supply_cap + 1) * market.total_supply, market.tokens[user]) - assets(market)
    giver = run.choose(each for each in run.users if market.underlying[each] >= needed)
    run.do(donate, giver, market.name, needed + 1)
    run.do(sync_cash, market.name)


# --- LIVE, ORC -----------------------------------------------------------------------------------------------------


@accounts.LIVE_1.counterexample
def the_last_debt_exceeds_the_books(run: Run) -> None:
    """The market's debt lost more to roundings than the one debt that it consists of."""
    user, market = rounded_up_against_the_books(run)
    run.scenario(accounts.a_debt_can_be_repaid_whole, user, market.name)


@accounts.LIVE_3.counterexample
def the_last_repayment_is_refused(run: Run) -> None:
    """As for LIVE-1, of a repayment that offers more than is owed."""
    user, market = rounded_up_against_the_books(run)
    run.scenario(accounts.a_repayment_is_not_refused, user, market.name, 2 * borrow_balance(market, user))


@liveness.LIVE_2.counterexample
def bad_debt_is_no_cash(run: Run) -> None:
    """Without debt, what was recorded as bad is missing when the last supplier leaves."""
    market = bad_debt(run)
    run.scenario(liveness.everyone_can_leave_an_idle_market, sole_holder(run, market), market.name)


@liveness.LIVE_2.counterexample
def a_supplier_without_debts_needs_a_price(run: Run) -> None:
    """Who let a market count cannot leave it while it has no price."""
    market = run.choose(pledgeable(run))
    pledge(run, run.users[0], market, FEW)
    run.do(set_price, market.name, 0)
    run.scenario(liveness.everyone_can_leave_an_idle_market, run.users[0], market.name)


@liveness.LIVE_4.counterexample
def a_vote_locks_suppliers_in(run: Run) -> None:
    """A market that a vote unlisted cannot be listed again, and pays nobody."""
    market = run.choose([each for each in run.state.markets.values() if each.total_supply])
    run.scenario(liveness.a_supplier_leaves_after_every_vote, sole_holder(run, market), market.name)


@liveness.LIVE_5.counterexample
def the_last_debt_does_not_end(run: Run) -> None:
    """As for LIVE-1: what is owed exceeds the books."""
    user, market = rounded_up_against_the_books(run)
    run.scenario(liveness.a_repayment_ends_one_debt, user, market.name)


@accounts.ORC_1.counterexample
def a_market_without_a_position_needs_its_price(run: Run) -> None:
    """Every market that an account entered needs a price, with a position in it or without."""
    user = run.users[0]
    missing = run.choose(run.state.markets)
    asset = run.choose(name for name in run.state.markets if name != missing)
    run.do(enter_market, user, missing)
    run.do(set_price, missing, 0)
    run.scenario(accounts.a_missing_price_stops_only_what_needs_it, user, asset, missing, 0)


# --- AUTH, GOV -----------------------------------------------------------------------------------------------------


@authority.AUTH_2.counterexample
@authority.GOV_1.counterexample
def a_rate_is_changed_for_the_past(run: Run) -> None:
    """A rate model is changed in place, and the time before is charged by it."""
    user = run.users[0]
    market = run.choose(lending(run))
    pledged = other(run, pledgeable, market)
    pledge(run, user, pledged, FEW)
    borrow_most(run, user, market)
    run.do(pass_time, 10**6)
    run.do(update_jump_rate, market.name, 10**12, 0, 0, WAD)


@authority.GOV_1.counterexample
def a_forced_liquidation_takes_from_the_healthy(run: Run) -> None:
    """Where liquidations are forced, nobody asks for a shortfall."""
    market = run.choose(lending(run))
    user = own_debt(run, market, vtoken(market))
    others = [each for each in run.users if each != user]
    pledged = run.choose(run.state.markets_of(user))
    run.scenario(authority.forced_liquidation_spares_the_healthy, others[0], user, market.name, pledged)


@authority.GOV_2.counterexample
def a_rate_applies_to_the_past(run: Run) -> None:
    """A rate model's change in place applies since the last accrual."""
    market = run.choose(lending(run))
    run.do(pass_time, 1)
    run.scenario(authority.a_new_rate_applies_from_its_own_instant, market.name, 0, 0, 0, 0)
    own_debt(run, market, vtoken(market))
    run.do(pass_time, 10**6)
    run.scenario(authority.a_new_rate_applies_from_its_own_instant, market.name, 10**12, 0, 0, 0)


# --- REG, REW ------------------------------------------------------------------------------------------------------


@periphery.REG_1.counterexample
def an_unlisted_market_takes_reserves(run: Run) -> None:
    """Anybody adds reserves to a market that was taken off the list."""
    market = run.choose(run.state.markets.values())
    run.scenario("add_reserves_needs_a_listed_market", run.users[0], market.name, 0)


@periphery.REG_2.counterexample
def a_vote_unlists_a_market_in_use(run: Run) -> None:
    """One vote pauses a market, takes its caps and its factor to 0, and unlists it."""
    market = run.choose([each for each in run.state.markets.values() if each.total_supply])
    run.scenario(periphery.a_market_in_use_cannot_be_unlisted, market.name)


@periphery.REG_3.counterexample
def the_first_supply_leaves(run: Run) -> None:
    """Who received the first supply redeems it, and a first deposit of one unit gets no vTokens."""
    market = run.choose([each for each in run.state.markets.values() if room(each)])
    first = run.choose([user for user in run.users if market.tokens[user] == market.total_supply])
    run.do(redeem, first, market.name, market.total_supply)
    run.scenario(periphery.a_first_deposit_gets_vtokens, run.users[0], market.name, 1)


@periphery.REW_1.counterexample
def borrowers_claim_more_than_is_emitted(run: Run) -> None:
    """A market's debt falls behind its borrowers' by roundings, and its rewards are shared out by the former."""
    market = run.choose(lending(run))
    own_debt(run, market, run.choose((2_000_000, *(market.cash >> bits for bits in (6, 10, 14, 18)))))
    for _ in range(2):
        run.do(pass_time, 1000)
        run.do(accrue_interest, market.name)
    run.scenario("borrowers_get_at_most_what_is_emitted", market.name, WAD, 1)


@periphery.REW_2.counterexample
def a_healing_gives_its_rewards_to_others(run: Run) -> None:
    """Of two borrowers without collateral one is healed for nothing, and the other gets the rewards of both."""
    market = run.choose(lending(run))
    price, (healed, healer, staying) = market.price, run.users[:3]
    run.do(set_price, market.name, 1)
    for user in (healed, staying):
        run.do(borrow, user, market.name, market.cash >> 10)
    run.do(set_price, market.name, price)
    run.scenario(periphery.a_healing_leaves_others_their_rewards, healer, healed, staying, market.name, WAD, 1)


@periphery.REW_3.counterexample
def a_speed_stops_deposits(run: Run) -> None:
    """With the largest speed, what rewards have to settle overflows, and with it a deposit."""
    market = run.choose(pledgeable(run))
    run.scenario("mint_is_unchanged_by_rewards", run.users[0], market.name, 1, MAX_UINT256, 2)

"""The promises that a change of parameters can break in the reference system, filed with those of the claims."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from poolproof.models.credit_line import LinedMarket, owed_on_line
from poolproof.models.liquidation import margin_to_liquidation
from poolproof.models.market import (
    priced_assets,
    priced_shares,
    suppliers_assets,
    tokens_for_debt,
    tokens_for_shares,
)
from poolproof.models.oracle import fair_price
from poolproof.spec.action import perform

from .boundary import Run
from .conditions import brought_up, promise, units


def dollars(value: int, scale: int) -> str:
    """A value in US dollars, to the last digit."""
    return f"{Decimal(value).scaleb(-scale).normalize():f} USD"


def largest_liquidation(run: Run, borrower: str) -> tuple[str, str, int, int] | None:
    """What one liquidation of an account can do now: the debt's market, the collateral's, what is paid and received."""
    state, liquidate = run.after, run.model.action("liquidate")
    for debt, market in list(state.markets.items()):
        for held, collateral in list(state.markets.items()):
            if not (market.debts[borrower] and collateral.shares[borrower]):
                continue
            for user in run.protocol.users:
                tokens, shares = market.tokens[user], collateral.shares[user]
                if perform(state, liquidate, (user, borrower, debt, held, tokens)) is None:
                    paid = tokens - market.tokens[user]
                    received = tokens_for_shares(collateral, collateral.shares[user] - shares)
                    state.journal.undo()
                    return debt, held, paid, received
    return None


@promise
def nobody_healthy_becomes_liquidatable(run: Run) -> str | None:
    """The last step leaves no account liquidatable that was not."""
    before, after = brought_up(run.before), brought_up(run.after)
    for name, now in pools_of(after):
        for user in run.protocol.users:
            margin = now.markets.sum_over(user, margin_to_liquidation, now.now)
            if margin >= 0 or dict(pools_of(before))[name].markets.sum_over(user, margin_to_liquidation, now.now) < 0:
                continue
            short = f"{user} can be liquidated: {dollars(-margin, 54)} are missing"
            taken = largest_liquidation(run, user)
            answer = "; a new source may answer anything" if run.last.action == "set_price" else ""
            if taken is None:
                return short + answer
            debt, held, paid, received = taken
            return f"{short}, and {units(received, held)} can be taken at once for {units(paid, debt)}{answer}"
    return None


def pools_of(state: Any) -> list[tuple[str, Any]]:
    """The pools of a state, by name; the one pool of a protocol of one has its own."""
    return list(state.pools.items()) if hasattr(state, "pools") else [(state.id, state)]


def parties(run: Run) -> tuple[str, str, str, str]:
    """Of a liquidation: who repays, for whom, the market of the debt, the market of the collateral."""
    arguments = run.last.args
    return arguments["liquidator"], arguments["borrower"], arguments["debt_asset"], arguments["collateral_asset"]


def exchanged(run: Run) -> tuple[int, int]:
    """What the last step, a liquidation, takes from the liquidator and from the borrower [tokens, rounded down]."""
    who, borrower, debt, held = parties(run)
    paid = run.before.markets[debt].tokens[who] - run.after.markets[debt].tokens[who]
    collateral = run.after.markets[held]
    return paid, tokens_for_shares(collateral, run.before.markets[held].shares[borrower] - collateral.shares[borrower])


@promise
def who_just_borrowed_is_not_liquidated(run: Run) -> str | None:
    """The last step liquidates nobody who borrowed in the step before it."""
    _, borrower, debt, held = parties(run)
    loan = run.steps[-2]
    if run.last.refusal or loan.refusal or loan.action != "borrow" or loan.args["user"] != borrower:
        return None
    paid, taken = exchanged(run)
    return f"{borrower} has just borrowed, and loses {units(taken, held)} for {units(paid, debt)} of the debt"


def margin_of_borrower(run: Run, state: Any) -> int:
    """What the collateral of the borrower whom the last step names exceeds the debt by, at the threshold [value x WAD]."""
    _, borrower, debt, _ = parties(run)
    pool = next(
        pool for _, pool in pools_of(state) if any(each is state.markets[debt] for each in pool.markets.values())
    )
    return int(pool.markets.sum_over(borrower, margin_to_liquidation, pool.now))


@promise
def a_liquidation_raises_no_shortfall(run: Run) -> str | None:
    """The last step, a liquidation, leaves the account no further below its threshold than it was."""
    before, after = (margin_of_borrower(run, brought_up(state)) for state in (run.before, run.after))
    if after >= before:
        return None
    _, borrower, debt, held = parties(run)
    paid, taken = exchanged(run)
    return (
        f"{units(taken, held)} are taken for {units(paid, debt)}, and {borrower} lacks {dollars(before - after, 54)} more "
        f"than before{ruin(run)}"
    )


MOST_LIQUIDATIONS = 128


def ruin(run: Run) -> str:
    """How repeating the last step ends, in words: in a debt without collateral, where it gets there."""
    state, arguments = run.after, dict(run.last.args)
    action = run.model.action(run.last.action)
    _, borrower, debt, held = parties(run)
    for count in range(1, MOST_LIQUIDATIONS):
        arguments["amount"] = state.markets[debt].tokens[arguments["liquidator"]]
        if perform(state, action, tuple(arguments.values())) is not None:
            return ""
        left = tokens_for_debt(state.markets[debt], state.markets[debt].debts[borrower])
        if state.markets[held].shares[borrower] == 0 and left:
            return f"; {count} more and {units(left, debt)} are owed on no collateral"
    return ""


@promise
def a_liquidation_costs_nobody_who_repays(run: Run) -> str | None:
    """The last step, a liquidation, gives what it repays, but for what is rounded: two units and one share."""
    who, borrower, debt, held = parties(run)
    old, collateral, now = run.before.markets[debt], run.after.markets[held], run.after.now
    burned = old.debts[borrower] - run.after.markets[debt].debts[borrower]
    taken = run.before.markets[held].shares[borrower] - collateral.shares[borrower]
    price = fair_price(collateral.feed, now)
    share = -(-priced_assets(collateral) // priced_shares(collateral))
    given = burned * run.after.markets[debt].index * fair_price(old.feed, now)
    lost = given - (taken * priced_assets(collateral) // priced_shares(collateral) + 2 + share) * price
    if burned == 0 or lost <= 0:
        return None
    paid, received = exchanged(run)
    return f"{who} repays {units(paid, debt)} and receives {units(received, held)}: {dollars(lost, 54)} less"


@promise
def an_account_can_be_liquidated(run: Run) -> str | None:
    """The last step, a liquidation of an account that is short, is accepted."""
    if run.last.refusal is None or (lacking := -margin_of_borrower(run, brought_up(run.after))) <= 0:
        return None
    _, borrower, debt, _ = parties(run)
    market = run.after.markets[debt]
    owes = units(tokens_for_debt(market, market.debts[borrower]), debt)
    return f"{borrower} owes {owes} and lacks {dollars(lacking, 54)}, and nobody can liquidate: {run.last.refusal}"


@promise
def nobody_owes_less_than_nothing(run: Run) -> str | None:
    """The last step leaves no debt below zero."""
    for name, market in run.after.markets.items():
        for user in run.protocol.users:
            if market.debts[user] < 0:
                return f"{user} owes {units(-tokens_for_debt(market, -market.debts[user]), name)}"
    return None


@promise
def an_accrual_takes_nothing_from_suppliers(run: Run) -> str | None:
    """The last step leaves the suppliers of no market with less, interest included."""
    for name, old in run.before.markets.items():
        lost = suppliers_assets(old) - suppliers_assets(run.after.markets[name])
        if lost > 0:
            return f"the suppliers lose {Decimal(lost).scaleb(-18).normalize():f} units of {name} to the reserves"
    return None


@promise
def the_market_is_empty(run: Run) -> str | None:
    """After the last step nobody has shares or debts in the market that it names."""
    name = run.last.args["asset"]
    market = run.after.markets[name]
    for user in run.protocol.users:
        if market.shares[user]:
            return f"{units(tokens_for_shares(market, market.shares[user]), name)} of {user}'s have no place any more"
        if market.debts[user]:
            return f"{user} owes {units(tokens_for_debt(market, market.debts[user]), name)} in a market that is gone"
    return None


@promise
def nothing_is_owed_over_the_line(run: Run) -> str | None:
    """After the last step the market that it names owes nothing to the core."""
    name = run.last.args["asset"]
    market = run.after.markets[name]
    owed = owed_on_line(market) if isinstance(market, LinedMarket) else 0
    return f"{units(owed, name)} are owed to the core over a line that is gone" if owed else None


@promise
def a_line_loses_no_more_than_suppliers_may_bring(run: Run) -> str | None:
    """The last step loses no more principal over a line than the supply cap of the core's market."""
    for name, market in run.after.markets.items():
        if isinstance(market, LinedMarket):
            lost = market.lost - run.before.markets[name].lost
            if lost > market.core.supply_cap:
                of = market.core.asset
                return f"the core loses {units(lost, of)} over {name}, and its suppliers can bring {market.core.supply_cap}"
    return None

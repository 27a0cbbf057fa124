"""The conditions and promises of claims about the deployed Venus pools, filed with those about the reference."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from poolproof.models.deployed.venus.market import VToken, accrue, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.pool import Comptroller, liquidity, snapshot
from poolproof.models.deployed.venus.pools import place_of
from poolproof.models.deployed.word import mul_wad_down
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD

from .boundary import Run
from .conditions import CONDITIONS, OUTCOMES, condition, promise, units
from .promises_of_changes import dollars

__all__ = ["CONDITIONS", "OUTCOMES"]


def at_present(state: Any) -> Any:
    """A state with every market accrued to its present."""
    for market in state.markets.values():
        accrue(market, state.now, [])
    return state


def asked_market(run: Run, state: Any) -> VToken:
    """The market that the last step names."""
    market: VToken = state.markets[run.last.args["asset"]]
    return market


def other_pools(run: Run) -> Iterator[tuple[str, Comptroller, Comptroller]]:
    """The pools that the last step does not name, before and after it."""
    here, _ = place_of(run.last.args["asset"])
    for name, pool in run.after.pools.items():
        if name != here:
            yield name, run.before.pools[name], pool


# --- several pools ----------------------------------------------------------------------------------------


@condition
def only_this_pool_uses_the_rate_model(run: Run) -> bool:
    """No market of another pool reads its rate from the contract that the last step changes."""
    address = asked_market(run, run.before).rate_model.address
    return not any(
        market.rate_model.address == address for _, pool, _ in other_pools(run) for market in pool.markets.values()
    )


CONFIGURED = (
    "rate_model", "collateral_factor", "liquidation_threshold", "reserve_factor", "protocol_seize_share",
    "supply_cap", "borrow_cap", "paused", "listed", "forced_liquidation", "sweep_interval",
)  # fmt: skip
"""What a market is configured with."""


@promise
def other_pools_keep_their_configuration(run: Run) -> str | None:
    """The last step changes no parameter of another pool."""
    changed = [
        f"{key} of {market}"
        for _, before, after in other_pools(run)
        for market, old in before.markets.items()
        for key in CONFIGURED
        if getattr(old, key) != getattr(after.seen(market), key)
    ]
    return f"the step changes {', '.join(changed)}" if changed else None


@condition
def no_other_pool_lists_the_asset(run: Run) -> bool:
    """The asset whose price the last step sets is listed in one pool alone."""
    of = place_of(run.last.args["asset"])[1]
    return not any(place_of(market)[1] == of for _, pool, _ in other_pools(run) for market in pool.markets)


@promise
def accounts_of_other_pools_stay_healthy(run: Run) -> str | None:
    """No account of another pool has a shortfall after the last step."""
    at_present(run.after)
    for name, _, pool in other_pools(run):
        for user in run.protocol.users:
            if snapshot(pool, user, at_threshold=True).shortfall:
                return f"{user} can be liquidated in pool {name}"
    return None


# --- suppliers --------------------------------------------------------------------------------------------


@condition
def the_deposit_is_worth_a_vtoken(run: Run) -> bool:
    """amount >= exchange rate."""
    market = asked_market(run, at_present(run.before))
    return bool(run.last.args["amount"] * WAD >= exchange_rate(market))


@promise
def the_deposit_gives_vtokens(run: Run) -> str | None:
    """The depositor has more vTokens after the last step, which takes tokens."""
    who, name = run.last.args["user"], run.last.args["asset"]
    old, new = run.before.markets[name], run.after.markets[name]
    if new.tokens[who] > old.tokens[who]:
        return None
    return f"{units(old.underlying[who] - new.underlying[who], name)} are taken for no vToken"


@condition
def no_bad_debt_is_recorded(run: Run) -> bool:
    """No market has bad debt after the last step."""
    return all(market.bad_debt == 0 for market in run.after.markets.values())


@promise
def all_vtokens_are_backed(run: Run) -> str | None:
    """Cash and debts that are not bad cover what all vTokens are worth at the exchange rate, and the reserves."""
    for name, market in run.after.markets.items():
        worth = mul_wad_down(exchange_rate(market), market.total_supply)
        missing = worth - (market.cash + market.total_borrows - market.total_reserves)
        if missing > 0:
            return f"{units(missing, name)} of what the exchange rate promises are neither cash nor collectable debt"
    return None


@condition
def the_market_has_the_cash(run: Run) -> bool:
    """Cash less reserves covers what the last step redeems."""
    market = asked_market(run, at_present(run.before))
    worth = Fraction(exchange_rate(market) * run.last.args["tokens"], WAD)
    return bool(market.cash - market.total_reserves >= worth)


@promise
def a_redemption_pays_the_exchange_rate(run: Run) -> str | None:
    """The last step pays vTokens x exchange rate, rounded down to a unit."""
    who, name, tokens = (run.last.args[key] for key in ("user", "asset", "tokens"))
    if run.last.refusal is not None:
        return f"the redemption is refused: {run.last.refusal}"
    promised = mul_wad_down(exchange_rate(at_present(run.before).markets[name]), tokens)
    paid = run.after.markets[name].underlying[who] - run.before.markets[name].underlying[who]
    return None if paid == promised else f"{units(paid, name)} are paid for {promised}"


# --- borrowers --------------------------------------------------------------------------------------------


@condition
def the_loan_is_worth_a_unit_of_value(run: Run) -> bool:
    """amount x price >= 1 [value x 1e18]: one 10^18th of a dollar."""
    return bool(run.last.args["amount"] * asked_market(run, run.before).price >= WAD)


@promise
def nothing_is_lent_on_no_collateral(run: Run) -> str | None:
    """The last step refuses a loan to an account that has no collateral."""
    who = run.last.args["user"]
    held = any(run.before.seen(name).tokens[who] for name in run.before.markets_of(who))
    if held or run.last.refusal is not None:
        return None
    return f"{who} borrows {units(run.last.args['amount'], run.last.args['asset'])} and has no collateral"


@condition
def the_debt_needs_the_vtokens(run: Run) -> bool:
    """Without the vTokens that the last step redeems, the contracts' own snapshot at the factors has a shortfall."""
    arguments = run.last.args
    pool = at_present(run.before)
    seen = snapshot(
        pool, arguments["user"], at_threshold=False, modified=arguments["asset"], redeemed=arguments["tokens"]
    )
    return seen.shortfall > 0


@promise
def the_vtokens_stay(run: Run) -> str | None:
    """The last step is refused."""
    arguments = run.last.args
    return None if run.last.refusal else f"{arguments['tokens']} vTokens leave while {arguments['user']} owes"


@condition
def the_books_cover_the_debt(run: Run) -> bool:
    """What the borrower is shown to owe is at most what the market counts as borrowed by all."""
    market = asked_market(run, at_present(run.before))
    return borrow_balance(market, run.last.args["user"]) <= market.total_borrows


@promise
def the_debt_is_repaid_whole(run: Run) -> str | None:
    """The last step is accepted, and leaves no debt."""
    who, name = run.last.args["user"], run.last.args["asset"]
    if run.last.refusal is not None:
        owed = borrow_balance(asked_market(run, at_present(run.before)), who)
        return f"repaying all {units(owed, name)} is refused: {run.last.refusal}"
    left = run.after.markets[name].principal[who]
    return f"{units(left, name)} are still owed" if left else None


# --- changes of parameters --------------------------------------------------------------------------------


def pools_of(state: Any) -> list[tuple[str, Comptroller]]:
    """The pools of a state, by name; one pool by itself needs none."""
    return list(state.pools.items()) if hasattr(state, "pools") else [("", state)]


def pool_with(state: Any, market: str) -> Comptroller:
    """The pool that has a market."""
    return next(pool for _, pool in pools_of(state) if market in pool.markets)


def shortfall_of(pool: Comptroller, user: str) -> int:
    """By how much an account is short at the thresholds; 0 where that cannot be told [value x 1e18]."""
    seen = liquidity(pool, user, at_threshold=True)
    return 0 if seen is None else seen[1]


def worth(market: VToken, vtokens: int) -> int:
    """What vTokens are worth in tokens, rounded down."""
    return mul_wad_down(exchange_rate(market), vtokens)


def largest_liquidation(run: Run, pool: Comptroller, borrower: str) -> tuple[str, str, int, int] | None:
    """What one liquidation of an account can do now: the debt's market, the collateral's, what is paid and received."""
    state, action = run.after, run.model.action("liquidate_borrow")
    names = pool.markets_of(borrower)
    for debt in names:
        for held in names:
            for user in run.protocol.users:
                market, collateral = state.markets[debt], state.markets[held]
                if not collateral.tokens[borrower]:
                    continue
                amount = min(market.underlying[user], mul_wad_down(pool.close_factor, borrow_balance(market, borrower)))
                vtokens = collateral.tokens[user]
                if perform(state, action, (user, borrower, debt, held, amount)) is None:
                    received = worth(collateral, collateral.tokens[user] - vtokens)
                    state.journal.undo()
                    return debt, held, amount, received
    return None


@promise
def nobody_solvent_becomes_short(run: Run) -> str | None:
    """The last step leaves no account short at the thresholds that was not."""
    before, after = dict(pools_of(at_present(run.before))), pools_of(at_present(run.after))
    for name, pool in after:
        for user in run.protocol.users:
            missing = shortfall_of(pool, user)
            if not missing or shortfall_of(before[name], user):
                continue
            short = f"{user} can be liquidated: {dollars(missing, 18)} are missing"
            answer = "; a new source may answer anything" if run.last.action == "set_price" else ""
            taken = largest_liquidation(run, pool, user)
            if taken is None:
                return short + answer
            debt, held, paid, received = taken
            return f"{short}, and {units(received, held)} can be taken at once for {units(paid, debt)}{answer}"
    return None


def seized(run: Run) -> tuple[str, str]:
    """What the last step, a liquidation, takes from the borrower, and what it repays, in words."""
    borrower, debt, held = (run.last.args[key] for key in ("borrower", "asset", "collateral"))
    collateral = run.after.markets[held]
    taken = worth(collateral, run.before.markets[held].tokens[borrower] - collateral.tokens[borrower])
    return units(taken, held), units(run.last.args["repay"], debt)


@promise
def who_just_borrowed_keeps_the_vtokens(run: Run) -> str | None:
    """The last step liquidates nobody who borrowed in the step before it."""
    loan, borrower = run.steps[-2], run.last.args["borrower"]
    if run.last.refusal or loan.refusal or loan.action != "borrow" or loan.args["user"] != borrower:
        return None
    taken, repaid = seized(run)
    return f"{borrower} has just borrowed, and loses {taken} for {repaid} of the debt"


@promise
def a_liquidation_adds_no_shortfall(run: Run) -> str | None:
    """The last step, a liquidation, leaves the account short by no more than it was."""
    borrower, debt = run.last.args["borrower"], run.last.args["asset"]
    before, after = (shortfall_of(pool_with(at_present(each), debt), borrower) for each in (run.before, run.after))
    if run.last.refusal or after <= before:
        return None
    taken, repaid = seized(run)
    return f"{taken} are taken for {repaid}, and {borrower} lacks {dollars(after - before, 18)} more than before"


@promise
def the_market_is_not_frozen(run: Run) -> str | None:
    """The last step, a repayment or a redemption, is accepted."""
    name, refusal = run.last.args["asset"], run.last.refusal
    if refusal is None:
        return None

    def is_refused(action: str, *arguments: Any) -> bool:
        return perform(run.after, run.model.action(action), arguments) is not None

    market, users = run.after.markets[name], run.protocol.users
    debts = {user: borrow_balance(market, user) for user in users}
    held = {user: market.tokens[user] for user in users}
    stuck = [
        f"{user} cannot repay {units(owed, name)}"
        for user, owed in debts.items()
        if owed and is_refused("repay_borrow", user, name, owed)
    ]
    stuck += [
        f"{user} cannot redeem {units(worth(market, tokens), name)}"
        for user, tokens in held.items()
        if tokens and is_refused("redeem", user, name, tokens)
    ]
    stuck += ["interest cannot be charged"] * is_refused("accrue_interest", name)
    return f"{refusal}: {', '.join(stuck)}"


@promise
def a_liquidation_pays_who_repays(run: Run) -> str | None:
    """The last step, a liquidation, gives what it repays, but for what the divisions of the seizure round away."""
    who, repaid, debt, held = (run.last.args[key] for key in ("user", "repay", "asset", "collateral"))
    collateral, old = run.after.markets[held], run.before.markets[held]
    rate = exchange_rate(collateral)
    rounded = repaid // WAD + repaid // max(mul_wad_down(collateral.price, rate), 1) + 4
    received = collateral.tokens[who] - old.tokens[who]
    given = repaid * run.after.markets[debt].price
    lost = given - Fraction((received + rounded) * rate * collateral.price, WAD)
    if run.last.refusal is not None or lost <= 0:
        return None
    gets = units(worth(collateral, received), held)
    return f"{who} repays {units(repaid, debt)} and receives {gets}: {dollars(int(lost), 36)} less"


@promise
def who_is_short_can_be_liquidated(run: Run) -> str | None:
    """The last step, a liquidation of an account that is short, is accepted."""
    borrower, debt = run.last.args["borrower"], run.last.args["asset"]
    missing = shortfall_of(pool_with(at_present(run.after), debt), borrower)
    if run.last.refusal is None or not missing:
        return None
    owes = units(borrow_balance(run.after.markets[debt], borrower), debt)
    return f"{borrower} owes {owes} and lacks {dollars(missing, 18)}, and nobody can liquidate: {run.last.refusal}"


@promise
def an_accrual_lowers_no_exchange_rate(run: Run) -> str | None:
    """The last step leaves the vTokens of no market worth less, interest included."""
    for name, old in run.before.markets.items():
        new = run.after.markets[name]
        beyond = new.total_reserves - (new.cash + new.total_borrows + new.bad_debt)
        if beyond > 0:
            return (
                f"the reserves are {units(beyond, name)} more than all that the market has, and nothing can be redeemed"
            )
        lost = (exchange_rate(old) - exchange_rate(new)) * new.total_supply
        if lost > 0:
            return f"the suppliers lose {units(-(-lost // WAD), name)} to the reserves"
    return None


@promise
def the_market_has_no_positions(run: Run) -> str | None:
    """After the last step nobody has vTokens or debts in the market that it names."""
    name = run.last.args["asset"]
    market = run.after.markets[name]
    for user in run.protocol.users:
        if market.tokens[user]:
            return f"{units(worth(market, market.tokens[user]), name)} of {user}'s have no place any more"
        if market.principal[user]:
            return f"{user} owes {units(borrow_balance(market, user), name)} in a market that is gone"
    return None


@promise
def the_change_can_be_made(run: Run) -> str | None:
    """The last step, a change of parameters, is accepted."""
    return None if run.last.refusal is None else f"the proposal reverts: {run.last.refusal}"

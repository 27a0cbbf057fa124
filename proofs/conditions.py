"""The conditions under which claims are made, and the promises that claims consist of, read off a run by their names.

A condition is computed from parameters and from the state before the last step; a promise is judged by what the last
step did, in balances, prices and values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

from poolproof.models.core_pool import CoreMarket
from poolproof.models.credit_line import LinedMarket, owed_on_line
from poolproof.models.liquidation import margin_to_borrow, margin_to_liquidation
from poolproof.models.market import (
    accrue,
    borrow_rate,
    priced_assets,
    priced_shares,
    suppliers_assets,
    tokens_for_shares,
    unit_value,
    used_share,
)
from poolproof.models.oracle import collateral_price, fair_price
from poolproof.models.system import place_of
from poolproof.spec.arithmetic import WAD
from poolproof.spec.logic import positive_part

from .boundary import Condition, Outcome, Run

CONDITIONS: dict[str, Condition] = {}
OUTCOMES: dict[str, Outcome] = {}
Named = TypeVar("Named", bound=Callable[..., Any])


def condition(function: Named) -> Named:
    """File a condition under its name."""
    CONDITIONS[function.__name__] = function
    return function


def promise(function: Named) -> Named:
    """File a promise under its name."""
    OUTCOMES[function.__name__] = function
    return function


# --- reading a run ----------------------------------------------------------------------------------------


def brought_up(state: Any) -> Any:
    """A state with every market accrued to its present."""
    for market in state.markets.values():
        accrue(market, state.now)
    return state


def units(amount: int, asset: str) -> str:
    """A number of smallest units, in words."""
    return f"{amount} unit{'s' * (amount != 1)} of {asset}"


def of_kind(state: Any, kind: type) -> Iterator[Any]:
    """The markets of a kind."""
    return (market for market in state.markets.values() if isinstance(market, kind))


def written_off(run: Run) -> Iterator[tuple[Any, int]]:
    """The markets that the last step's write-off touches, with the exact debt in each [tokens x WAD]."""
    account = run.last.args["account"]
    for market in run.before.pools[run.last.args["pool"]].markets.values():
        yield market, market.debts[account] * market.index


def everything_lent_from(core: CoreMarket) -> int:
    """What a core market has, lent out or not, before anybody's share of it [tokens x WAD]."""
    owned: int = (core.cash + core.lent) * WAD + core.debt_shares * core.index
    return owned


# --- credit lines -----------------------------------------------------------------------------------------


@condition
def the_loss_is_covered(run: Run) -> bool:
    """Bad debt is at most the pool's reserve, its own suppliers' assets, the interest due and the first-loss reserve."""
    brought_up(run.before)
    return all(
        positive_part(debt - market.reserves)
        <= suppliers_assets(market) + positive_part(market.due) + market.first_loss * WAD
        for market, debt in written_off(run)
        if isinstance(market, LinedMarket)
    )


@condition
def the_first_loss_covers_the_limit(run: Run) -> bool:
    """Each line's first-loss reserve is at least the limit in force at its last draw."""
    return all(market.first_loss >= market.limit_at_draw for market in of_kind(run.before, LinedMarket))


@condition
def there_is_no_line(run: Run) -> bool:
    """The pool whose debt is written off may not draw on the core, and owes it nothing."""
    pool = run.before.pools[run.last.args["pool"]]
    return all(market.limit == 0 and owed_on_line(market) == 0 for market in of_kind(pool, LinedMarket))


@promise
def the_core_loses_nothing(run: Run) -> str | None:
    """The last step takes nothing from what the core pool has, lines included."""
    brought_up(run.before)
    for name, core in run.before.markets.items():
        if isinstance(core, CoreMarket):
            lost = everything_lent_from(core) - everything_lent_from(run.after.markets[name])
            if lost > 0:
                return f"the core pool loses {units(-(-lost // WAD), core.asset)}"
    return None


@condition
def nobody_supplies_the_pool_itself(run: Run) -> bool:
    """The market that is borrowed from holds no cash of its own."""
    return bool(run.before.markets[run.last.args["asset"]].cash == 0)


@promise
def every_unit_comes_from_the_core(run: Run) -> str | None:
    """What is borrowed in the last step leaves the core pool's cash, to the last unit."""
    name, amount = run.last.args["asset"], run.last.args["amount"]
    core = run.before.markets[name].core
    after = run.after.markets[name].core
    missing = amount - (core.cash - after.cash)
    return f"{units(missing, name)} of the {amount} that are borrowed come from elsewhere" if missing else None


@condition
def the_line_can_be_drawn(run: Run) -> bool:
    """What the pool lacks is within the limit, what is owed included, and within the core's cash."""
    market = brought_up(run.before).markets[run.last.args["asset"]]
    lack = positive_part(run.last.args["amount"] - market.cash)
    return bool(owed_on_line(market) + lack <= market.limit and lack <= market.core.cash)


@condition
def the_debt_is_as_it_was_borrowed(run: Run) -> bool:
    """No time has passed since the last borrow."""
    return all(market.accrued_at == run.after.now for market in of_kind(run.before, LinedMarket) if market.debt_shares)


@promise
def the_debt_is_within_the_ceiling(run: Run) -> str | None:
    """What all borrowers owe over a line is at most the debt ceiling."""
    for market in of_kind(brought_up(run.after), LinedMarket):
        excess = market.debt_shares * market.index - market.debt_ceiling * WAD
        if excess > 0:
            return f"the debt is {units(-(-excess // WAD), market.asset)} above its ceiling"
    return None


# --- isolation --------------------------------------------------------------------------------------------


@condition
def only_this_pool_reads_the_price(run: Run) -> bool:
    """The feed that the last step sets is that of one pool's market alone."""
    feed = run.before.markets[run.last.args["asset"]].feed
    return sum(market.feed is feed for market in run.before.markets.values()) == 1


@promise
def other_pools_stay_healthy(run: Run) -> str | None:
    """No account of another pool can be liquidated after the last step."""
    here, _ = place_of(run.last.args["asset"])
    for pool in brought_up(run.after).pools.values():
        for user in run.protocol.users:
            if pool.id != here and pool.markets.sum_over(user, margin_to_liquidation, pool.now) < 0:
                return f"{user} can be liquidated in pool {pool.id}"
    return None


# --- liquidation, collateral, suppliers -------------------------------------------------------------------


@condition
def the_move_is_within_the_margin(run: Run) -> bool:
    """threshold <= (1 - relative move of the collateral's price) / incentive."""
    name = run.last.args["collateral_asset"]
    market, pool = run.before.markets[name], run.before.pools[place_of(name)[0]]
    listed = run.model.build(run.protocol).markets[name].feed.price
    return bool(market.liquidation_threshold * pool.liquidation_incentive * listed <= WAD * WAD * market.feed.price)


@promise
def the_liquidator_is_paid(run: Run) -> str | None:
    """The last step's liquidator receives the repaid value times the incentive, roundings aside."""
    arguments = run.last.args
    debt_name, name, who = arguments["debt_asset"], arguments["collateral_asset"], arguments["liquidator"]
    debt, collateral = run.after.markets[debt_name], run.after.markets[name]
    repaid = run.before.markets[debt_name].tokens[who] - debt.tokens[who]
    seized = collateral.shares[who] - run.before.markets[name].shares[who]
    incentive = run.after.pools[place_of(name)[0]].liquidation_incentive
    promised = (
        repaid * fair_price(debt.feed, run.after.now) * incentive // (fair_price(collateral.feed, run.after.now) * WAD)
    )
    received = tokens_for_shares(collateral, seized)
    if received + 1 >= promised:
        return None
    return f"a liquidation of the whole debt pays {received} units for {promised}: the last part of it pays nobody"


@condition
def the_reserves_cover_the_loss(run: Run) -> bool:
    """Bad debt is at most the reserves of its market."""
    brought_up(run.before)
    return all(debt <= market.reserves for market, debt in written_off(run))


@promise
def no_share_loses_value(run: Run) -> str | None:
    """No market's share price falls in the last step."""
    brought_up(run.before)
    for name, old in run.before.markets.items():
        new = run.after.markets[name]
        if priced_assets(new) * priced_shares(old) < priced_assets(old) * priced_shares(new):
            lost = -(
                -(priced_assets(old) * priced_shares(new) - priced_assets(new) * priced_shares(old))
                // (priced_shares(old) * WAD)
            )
            return f"the suppliers lose {units(lost, name)}"
    return None


@condition
def the_debt_needs_the_collateral(run: Run) -> bool:
    """Without the shares that the last step redeems, the account's collateral would not cover its debt."""
    arguments, now = run.last.args, run.before.now
    pool_id, asset = place_of(arguments["asset"])
    pool = brought_up(run.before).pools[pool_id]
    margin = pool.markets.sum_over(arguments["user"], margin_to_borrow, now)
    market = pool.markets[asset]
    return bool(margin < arguments["shares"] * unit_value(market, market.ltv, now))


@promise
def the_collateral_stays(run: Run) -> str | None:
    """The last step is refused."""
    return None if run.last.refusal else f"{run.last.args['shares']} shares leave while {run.last.args['user']} owes"


@condition
def the_factors_are_admissible(run: Run) -> bool:
    """loan-to-value <= threshold <= 1 / incentive."""
    arguments = run.last.args
    incentive = run.before.pools[place_of(arguments["asset"])[0]].liquidation_incentive
    return bool(arguments["ltv"] <= arguments["threshold"] and arguments["threshold"] * incentive <= WAD * WAD)


@promise
def it_is_accepted(run: Run) -> str | None:
    """The last step completes."""
    return None if run.last.refusal is None else f"{run.last.action} is refused: {run.last.refusal}"


# --- across pools -----------------------------------------------------------------------------------------


def legs(run: Run) -> tuple[Any, Any, Any]:
    """Of a crossing: the collateral's market, the bridge's in the satellite, the bridge's in the main pool."""
    arguments = run.last.args
    satellite, main = place_of(arguments["collateral"])[0], place_of(arguments["loan"])[0]
    bridge = run.before.routes[satellite].bridge
    markets = run.before.markets
    return markets[arguments["collateral"]], markets[f"{satellite}/{bridge}"], markets[f"{main}/{bridge}"]


@condition
def there_is_no_other_position(run: Run) -> bool:
    """The user who crosses has no shares and no debts in either pool."""
    arguments = run.last.args
    pools = (place_of(arguments["collateral"])[0], place_of(arguments["loan"])[0])
    return not any(
        market.shares[arguments["user"]] or market.debts[arguments["user"]]
        for pool in pools
        for market in run.before.pools[pool].markets.values()
    )


@condition
def the_bridge_is_worth_no_more_in_main(run: Run) -> bool:
    """The bridge asset's collateral price in the main pool is at most its debt price in the satellite."""
    _, borrowed, pledged = legs(run)
    now = run.before.now
    return bool(collateral_price(pledged.feed, now) <= fair_price(borrowed.feed, now))


@promise
def the_loan_is_within_both_factors(run: Run) -> str | None:
    """What is borrowed is worth at most the collateral times the product of the two factors."""
    if run.last.refusal is not None:
        return None
    arguments, now = run.last.args, run.after.now
    collateral, _, pledged = legs(run)
    bound = arguments["deposited"] * collateral_price(collateral.feed, now) * collateral.ltv * pledged.ltv
    loan = run.after.markets[arguments["loan"]]
    excess = arguments["borrowed"] * fair_price(loan.feed, now) * WAD * WAD - bound
    return f"the loan is worth {Decimal(excess).scaleb(-72).normalize():f} USD too much" if excess > 0 else None


# --- shared against fragmented ----------------------------------------------------------------------------


SHARED, ALONE = ("core", "shared-a", "shared-b"), ("alone-0", "alone-a", "alone-b")
"""The pools of the two layouts, in the same order."""


def eth_of(run: Run, *pools: str) -> list[Any]:
    """The markets of ETH after the last step."""
    return [run.after.markets[f"{pool}/ETH"] for pool in pools]


@condition
def the_demand_exceeds_its_part(run: Run) -> bool:
    """More is asked of the first separate pool than it has, and the core can serve all that is asked of it."""
    asked = sum(run.borrowed(name) for name in ("core/ETH", "shared-a/ETH", "shared-b/ETH"))
    parts = [suppliers_assets(brought_up(run.before).markets[name]) for name in ("alone-0/ETH", "core/ETH")]
    return bool(run.borrowed("alone-0/ETH") * WAD > parts[0] and asked * WAD <= parts[1])


@promise
def the_core_serves_more(run: Run) -> str | None:
    """The debt of the shared layout is larger than that of the separate pools."""
    shared, alone = (sum(market.debt_shares for market in eth_of(run, *side)) for side in (SHARED, ALONE))
    return None if shared > alone else f"the core and its lines serve {shared} units, the separate pools {alone}"


@condition
def the_rate_gets_no_flatter(run: Run) -> bool:
    """Above the kink the rate rises at least as fast as below it, so that interest is convex in utilisation."""
    return all(market.rates.jump >= market.rates.multiplier for market in eth_of(run, *SHARED[:1], *ALONE))


@promise
def borrowers_together_pay_no_more(run: Run) -> str | None:
    """At the same loans, the interest of all borrowers is no higher in the shared layout."""
    core = eth_of(run, "core")[0]
    loans = [sum(market.debt_shares for market in eth_of(run, *side)) for side in (SHARED, ALONE)]
    shared = loans[0] * borrow_rate(core)
    alone = sum(market.debt_shares * borrow_rate(market) for market in eth_of(run, *ALONE))
    if loans[0] != loans[1]:
        return f"the loans differ: {loans[0]} and {loans[1]} units"
    return None if shared <= alone else f"borrowers pay {(shared - alone) // WAD} units more per slot when they share"


@condition
def the_separate_pool_is_busier(run: Run) -> bool:
    """A separate pool's utilisation is at least that of the core."""
    return bool(used_share(run.after.markets["alone-a/ETH"]) >= used_share(run.after.markets["core/ETH"]))


@promise
def the_line_is_no_dearer(run: Run) -> str | None:
    """Borrowing over the line costs no more than borrowing from the separate pool."""
    line, alone = (borrow_rate(run.after.markets[name]) for name in ("core/ETH", "alone-a/ETH"))
    return None if line <= alone else f"{line} [1e-18 per slot] over the line, {alone} from the separate pool"

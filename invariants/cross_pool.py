"""CROSS: borrowing across pools, in one action that leaves nothing behind and lends nothing twice.

These claims are about a system: a satellite, the main pool of its route, and the router between them.  Debts are backed
where they are owed, pool by pool; what joins the two is the bridge asset, which the satellite lends and the main pool
takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poolproof.models.core_pool import CoreMarket
from poolproof.models.isolated_pool import Pool
from poolproof.models.liquidation import counted_to_borrow, counted_to_liquidation
from poolproof.models.market import Market, owed, tokens_for_shares, unit_value
from poolproof.models.oracle import collateral_price, fair_price
from poolproof.models.router import CollateralMarket, cross_borrow, cross_unwind, markets_of
from poolproof.models.system import SYSTEM_ACTIONS, Route, place_of
from poolproof.spec.action import asset, tokens, user
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Cancelled, Catalogue, Cut, Scaled, Step, Trial
from poolproof.spec.logic import Condition, all_of, implies, negation, positive_part
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .catalogue import PRICES, REGION
from .cuts import loan_to_value_weighs_less
from .measures import collateral_shares_of, debts_of, is_healthy, price_bottom, price_top, unchanged_position

CROSS = Catalogue(about="route")
"""What is claimed of a system with routes between pools."""

STEPS = {action.name: action for action in SYSTEM_ACTIONS}
"""What the router is made of."""

BRIDGE = "the bridge asset's collateral price in the main pool is at most its debt price in the satellite"


# --- what the claims speak of ----------------------------------------------------------------------------------


def route_of(system: Any, collateral: str, loan: str) -> Route | None:
    """The route from a collateral to a loan, where there is one."""
    satellite, pledged = place_of(collateral)
    route: Route | None = system.routes.get(satellite)
    if route is None or (pledged, place_of(loan)[0]) != (route.collateral, route.main):
        return None
    return route


def same_numbers(one: Market, other: Market) -> Condition:
    """Two states of a market agree in every number that is not an account's."""
    return all_of(getattr(one, name) == getattr(other, name) for name in one.scalars)


def same_state(one: Any, other: Any, account: Account) -> Condition:
    """Two systems agree in every number, in an account's entries and in the vaults'."""
    return all_of(
        same_numbers(market, other.markets[name])
        & unchanged_position(market, other.markets[name], account)
        & (market.tokens[market.vault] == other.markets[name].tokens[market.vault])
        for name, market in one.markets.items()
    )


# --- CROSS-1 ---------------------------------------------------------------------------------------------------

CROSS_1 = CROSS.declare(
    "CROSS-1",
    "a cross-pool borrow or unwind happens whole or not at all",
    "two-run",
    why="half of a position is a debt without what it was taken for",
    assuming=(REGION,),
)


def step_by_step(trial: Trial, system: Any, steps: Iterator[tuple[str, tuple[Any, ...]]]) -> Refusal | None:
    """Carry actions out one by one, up to the first refusal."""
    for name, arguments in steps:
        refusal = trial.do(system, STEPS[name], *arguments)
        if refusal is not None:
            return refusal
    return None


def whole_or_not_at_all(
    trial: Trial, system: Any, action: Any, arguments: tuple[Any, ...], steps: Any, account: Account
) -> None:
    """The action completes exactly where each of its steps does, and to the same end; else nothing has changed."""
    before, apart = trial.copy(system), trial.copy(system)
    refused = step_by_step(trial, apart, steps(apart)) is not None
    refusal = trial.do(system, action, *arguments)
    trial.claim((refusal is not None) == refused, "it is refused exactly where one of its steps is")
    trial.claim(same_state(system, before if refused else apart, account), "all of it has happened, or nothing")


@CROSS_1.scenario(
    user=user(),
    collateral=asset(),
    deposited=tokens("collateral"),
    bridged=tokens("collateral"),
    loan=asset(),
    borrowed=tokens("loan"),
    account=user(),
)
def a_cross_borrow_is_its_steps(
    trial: Trial,
    system: Any,
    user: Account,
    collateral: str,
    deposited: Number,
    bridged: Number,
    loan: str,
    borrowed: Number,
    account: Account,
) -> None:
    """It is: deposit, enter and borrow in the satellite; deposit, enter and borrow in the main pool; or nothing."""
    route = route_of(system, collateral, loan)
    trial.assume(route is not None)
    assert route is not None  # noqa: S101 - for the type checker
    _, near, far, _ = markets_of(route, loan)

    def steps(_: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
        yield "deposit", (user, collateral, deposited)
        yield "enter", (user, collateral)
        yield "borrow", (user, near, bridged)
        yield "deposit", (user, far, bridged)
        yield "enter", (user, far)
        yield "borrow", (user, loan, borrowed)

    arguments = (user, collateral, deposited, bridged, loan, borrowed)
    whole_or_not_at_all(trial, system, cross_borrow, arguments, steps, account)


@CROSS_1.scenario(user=user(), collateral=asset(), loan=asset(), account=user(), instant=True)
def a_cross_unwind_is_its_steps(
    trial: Trial, system: Any, user: Account, collateral: str, loan: str, account: Account
) -> None:
    """It is: repay and redeem all in the main pool; repay and redeem all in the satellite; or nothing.

    Where all four markets are listed: in one that is not, there is nothing to repay or to redeem, and no step for it.
    """
    route = route_of(system, collateral, loan)
    trial.assume(route is not None)
    assert route is not None  # noqa: S101 - for the type checker
    _, near, far, _ = markets_of(route, loan)
    trial.assume(all_of(system.registry.lists(market) for market in markets_of(route, loan)))

    def steps(apart: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
        yield "repay", (user, user, loan, owed(apart.markets[loan], user))
        yield "redeem", (user, far, apart.markets[far].shares[user])
        yield "repay", (user, user, near, owed(apart.markets[near], user))
        yield "redeem", (user, collateral, apart.markets[collateral].shares[user])

    whole_or_not_at_all(trial, system, cross_unwind, (user, collateral, loan), steps, account)


# --- CROSS-2 ---------------------------------------------------------------------------------------------------

CROSS_2 = CROSS.declare(
    "CROSS-2",
    "both legs are healthy after it; for a user without other positions in the two pools, and a bridge asset whose "
    "collateral price in main is at most its debt price in the satellite, the value borrowed is at most collateral value "
    "x the product of the two factors",
    "step",
    why="two loans in a row lend less than either alone, unless the asset between them is worth more on one side",
    assuming=(REGION, PRICES, BRIDGE),
)


class Legs:
    """The two legs of a cross-pool borrow that has completed: where it led, and what was moved."""

    def __init__(self, step: Step) -> None:
        given = step.arguments
        route = step.new.routes[place_of(given["collateral"])[0]]
        self.now, self.user = step.new.now, given["user"]
        self.deposited, self.bridged, self.borrowed = given["deposited"], given["bridged"], given["borrowed"]
        self.satellite, self.main = step.new.pools[route.satellite], step.new.pools[route.main]
        self.collateral, self.lent = self.satellite.markets[route.collateral], self.satellite.markets[route.bridge]
        self.bridge, self.loan = self.main.markets[route.bridge], self.main.markets[place_of(given["loan"])[1]]
        before = step.old.pools[route.satellite].markets, step.old.pools[route.main].markets
        self.new_position = (
            (before[0][route.collateral].shares[self.user] == 0)
            & (before[0][route.bridge].debts[self.user] == 0)
            & (before[1][route.bridge].shares[self.user] == 0)
            & (before[1][self.loan.asset].debts[self.user] == 0)
        )

    @property
    def alone(self) -> Condition:
        """Whether nothing counts for the user in the two pools but what these legs put there."""
        user = self.user
        return (
            self.new_position
            & (collateral_shares_of(self.satellite, user) == self.collateral.shares[user])
            & (debts_of(self.satellite, user) == self.lent.debts[user])
            & (collateral_shares_of(self.main, user) == self.bridge.shares[user])
            & (debts_of(self.main, user) == self.loan.debts[user])
        )

    @property
    def bridge_prices_agree(self) -> Condition:
        """Whether the bridge asset counts as collateral in the main pool at most at its debt price in the satellite."""
        return collateral_price(self.bridge.feed, self.now) <= fair_price(self.lent.feed, self.now)


def of_thresholds(step: Step, *_: Any) -> Iterator[Cut]:
    """What carries health over from the loan-to-value to the liquidation threshold."""
    legs = Legs(step)
    for market in (*legs.satellite.markets.values(), *legs.main.markets.values()):
        yield from loan_to_value_weighs_less(market, legs.now)


def of_legs(step: Step, *_: Any) -> Iterator[Cut]:
    """What carries the bound: each leg lends at most what was put into it, weighed; then one leg after the other."""
    legs = Legs(step)
    now, other = legs.now, negation(legs.alone)
    yield from of_leg(legs.collateral, legs.deposited, legs.lent, legs.bridged, legs.user, now, other)
    yield from of_leg(legs.bridge, legs.bridged, legs.loan, legs.borrowed, legs.user, now, other)
    counts, owes = collateral_price(legs.bridge.feed, now), fair_price(legs.lent.feed, now)
    yield Scaled(counts, owes, legs.bridged * legs.bridge.ltv, unless=negation(legs.bridge_prices_agree))
    weight = collateral_price(legs.collateral.feed, now) * legs.collateral.ltv
    yield Scaled(legs.bridged * owes * WAD, legs.deposited * weight, legs.bridge.ltv, unless=other)


def of_leg(
    collateral: Market, put: Number, debt: Market, lent: Number, user: Account, now: Number, other: Condition
) -> Iterator[Cut]:
    """Of one leg: lent x price <= put x price x loan-to-value.

    Where both are one market, what the debt's rounding adds counts on both sides.
    """
    held, top, bottom = collateral.shares[user], price_top(collateral), price_bottom(collateral)
    rounded = debt.debts[user] * debt.index - lent * WAD
    worth = put * WAD + (rounded if debt is collateral else 0)
    price, weight = fair_price(debt.feed, now), collateral_price(collateral.feed, now) * collateral.ltv
    value = unit_value(collateral, collateral.ltv, now)
    yield other | (held * top <= worth * bottom)
    yield value * bottom * WAD <= top * weight
    yield Scaled(value * bottom * WAD, top * weight, held)
    yield Scaled(held * top, worth * bottom, weight, unless=other)
    yield Cancelled(held * value * WAD, worth * weight, bottom, unless=other)
    yield other | (debt.debts[user] * debt.index * price <= held * value)
    yield Scaled(weight if debt is collateral else 0, price * WAD, rounded, unless=other)
    yield other | (lent * price * WAD <= put * weight)


@CROSS_2.step("pool", of=(cross_borrow,), instant=True, cuts=of_thresholds)
def both_legs_are_healthy(step: Step) -> Condition:
    """The user is healthy in the satellite and in the main pool, each by what it has there."""
    legs = Legs(step)
    return is_healthy(legs.satellite, legs.user) & is_healthy(legs.main, legs.user)


@CROSS_2.step("pool", of=(cross_borrow,), instant=True, cuts=of_legs)
def the_loan_is_within_the_product_of_the_factors(step: Step) -> Condition:
    """borrowed x price <= deposited x collateral price x loan-to-value x loan-to-value."""
    legs = Legs(step)
    lent = legs.borrowed * fair_price(legs.loan.feed, legs.now) * (WAD * WAD)
    worth = legs.deposited * collateral_price(legs.collateral.feed, legs.now)
    product = legs.collateral.ltv * legs.bridge.ltv
    return implies(legs.alone & legs.bridge_prices_agree, lent <= worth * product)


# --- CROSS-3 ---------------------------------------------------------------------------------------------------

CROSS_3 = CROSS.declare(
    "CROSS-3",
    "liquidating one leg changes no account's position in the other leg's pool",
    "step",
    why="a liquidation that reaches into another pool takes collateral there without asking for its health",
)


@CROSS_3.step("account", of=(STEPS["liquidate"],))
def the_other_pools_stand_still(step: Step, account: Account) -> Condition:
    """In every other pool each number, what a line repays aside, and each account's shares and debts, are as before."""
    pool, _ = place_of(step.arguments["debt_asset"])
    return all_of(
        ((isinstance(new, CoreMarket) and pool in new.drawn) or same_numbers(new, step.old.markets[name]))
        & (new.shares[account] == step.old.markets[name].shares[account])
        & (new.debts[account] == step.old.markets[name].debts[account])
        & (new.entered[account] == step.old.markets[name].entered[account])
        for name, new in step.new.markets.items()
        if place_of(name)[0] != pool
    )


# --- CROSS-4 ---------------------------------------------------------------------------------------------------

CROSS_4 = CROSS.declare(
    "CROSS-4",
    "the router holds no funds, shares or debts after any call",
    "step",
    why="what a router holds between two calls belongs to whoever calls next",
)


@CROSS_4.step("account", of=(cross_borrow, cross_unwind))
def a_call_moves_only_what_is_the_users(step: Step, account: Account) -> Condition:
    """No ledger entry of an account but the user's differs, a router's own included; the vaults hold markets' cash."""
    if account == step.actor:
        return True
    return all_of(unchanged_position(step.old.markets[name], new, account) for name, new in step.new.markets.items())


@CROSS_4.step("pool", of=(cross_borrow, cross_unwind))
def what_a_call_makes_is_all_the_users(step: Step) -> Condition:
    """Shares and debts made or ended are the user's; tokens went from the user to the vaults, or back, and nowhere else."""
    user = step.actor
    return all_of(
        (new.shares.total() - old.shares.total() == new.shares[user] - old.shares[user])
        & (new.debts.total() - old.debts.total() == new.debts[user] - old.debts[user])
        & (new.tokens.total() == old.tokens.total())
        & (in_vaults(step.new, new) + new.tokens[user] == in_vaults(step.old, old) + old.tokens[user])
        for new, old in ((new, step.old.markets[name]) for name, new in step.new.markets.items())
    )


def in_vaults(system: Any, market: Market) -> Number:
    """What all markets of an asset hold of it [tokens]."""
    vaults = [other.vault for other in system.markets.values() if other.asset == market.asset]
    return sum((market.tokens[vault] for vault in vaults), start=0)


# --- CROSS-5 ---------------------------------------------------------------------------------------------------

CROSS_5 = CROSS.declare(
    "CROSS-5",
    "satellite shares and satellite collateral never count as main-pool collateral",
    "two-run",
    why="collateral that counts in two pools backs two debts and pays one",
)


def _lends_nothing_in_the_main_pool(step: str, *, other_market: bool) -> None:
    """Add the clause that a step in a satellite's collateral market, or its other one, adds nothing in the main pool."""

    def check(
        trial: Trial, system: Any, user: Account, collateral: str, loan: str, amount: Number, borrowed: Number
    ) -> None:
        route = route_of(system, collateral, loan)
        trial.assume(route is not None)
        assert route is not None  # noqa: S101 - for the type checker
        twin = trial.copy(system)
        market = markets_of(route, loan)[1] if other_market else collateral
        trial.assume(
            trial.do(twin, STEPS[step], *((user, market, amount) if step == "deposit" else (user, market))) is None
        )
        for weighed in (counted_to_borrow, counted_to_liquidation):
            counts = counted(system.pools[route.main], user, weighed) == counted(twin.pools[route.main], user, weighed)
            trial.claim(counts, "the collateral in the main pool counts as before")
        refusal = trial.do(system, STEPS["borrow"], user, loan, borrowed)
        again = trial.do(twin, STEPS["borrow"], user, loan, borrowed)
        trial.claim((refusal is None) == (again is None), "the main pool lends as before")

    done = f"{step}_in_the_satellite" + ("s_other_market" if other_market else "")
    check.__name__ = f"{done}_lends_nothing_in_the_main_pool"
    check.__doc__ = f"After {step} or without, a user's collateral in the main pool, and what it lends, are the same."
    CROSS_5.scenario(
        user=user(),
        collateral=asset(),
        loan=asset(),
        amount=tokens("collateral"),
        borrowed=tokens("loan"),
        instant=True,
    )(check)


for _step in ("deposit", "enter"):
    for _other in (False, True):
        _lends_nothing_in_the_main_pool(_step, other_market=_other)


def counted(pool: Pool, account: Account, weighed: Any) -> Number:
    """An account's collateral in a pool, -1 where a price is missing [value x WAD]."""
    try:
        return pool.markets.sum_over(account, weighed, pool.now)
    except Refusal:
        return -1


# --- CROSS-6 ---------------------------------------------------------------------------------------------------

CROSS_6 = CROSS.declare(
    "CROSS-6",
    "a user who has repaid the final loan gets all the collateral back on paying max(0, satellite debt - bridge asset "
    "held), when the main pool has the cash",
    "refusal",
    why="the way out of two pools is as sure as the way out of one",
    assuming=(REGION,),
)


@CROSS_6.state("market", lemma=True)
def collateral_is_never_lent(pool: Any, market: Market) -> Condition:
    """Nobody owes in the market of a satellite's collateral."""
    return not isinstance(market, CollateralMarket) or market.debt_shares == 0


@CROSS_6.scenario(user=user(), collateral=asset(), loan=asset(), instant=True)
def the_collateral_comes_back(trial: Trial, system: Any, user: Account, collateral: str, loan: str) -> None:
    """Without debts in the main pool the unwind is not refused, and gives all the collateral for debt - held.

    Conditions: the main pool has the cash for the user's shares of the bridge asset (held), and the user has
    max(0, debt - held) of it.
    """
    route = route_of(system, collateral, loan)
    trial.assume(route is not None)
    assert route is not None  # noqa: S101 - for the type checker
    lent, bridge = (system.markets[name] for name in markets_of(route, loan)[1:3])
    pledged = system.markets[collateral]
    debt, held = owed(lent, user), tokens_for_shares(bridge, bridge.shares[user])
    worth, wallet, own = tokens_for_shares(pledged, pledged.shares[user]), lent.tokens[user], pledged.tokens[user]
    trial.assume(debts_of(system.pools[route.main], user) == 0)
    trial.assume((bridge.cash >= held) & (wallet >= positive_part(debt - held)))
    refusal = trial.do(system, cross_unwind, user, collateral, loan)
    trial.claim(refusal is None, "the unwind is not refused")
    lent, bridge = (system.markets[name] for name in markets_of(route, loan)[1:3])
    pledged = system.markets[collateral]
    trial.claim((lent.debts[user] == 0) & (bridge.shares[user] == 0), "no debt and no bridge asset are left")
    trial.claim((pledged.shares[user] == 0) & (pledged.tokens[user] == own + worth), "all the collateral is back")
    trial.claim(wallet - lent.tokens[user] == debt - held, "it took the debt less what the bridge asset was worth")

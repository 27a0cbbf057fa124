"""Borrowing across pools: what a satellite lends becomes collateral in the main pool, in one action.

A satellite is an isolated pool with one collateral, which it never lends, and one loan asset, the bridge.  The router
is a sequence of the pools' own actions, each carried out by the user on the user's own positions: it has no account,
so there is nothing that it could hold, and whatever is proved of those actions holds of it.  Each pool liquidates and
records bad debt on its own; neither knows that a route leads through it.
"""

from __future__ import annotations

from poolproof.spec.action import Action, action, asset, tokens, user
from poolproof.spec.arithmetic import Number
from poolproof.spec.refusal import require
from poolproof.spec.state import Account

from .isolated_pool import Pool, borrow, deposit, enter, redeem, repay
from .market import Market, accrue, owed
from .refusals import NoRoute, NotLent
from .system import SEPARATOR, Route, System, place_of


class CollateralMarket(Market):
    """The market of a satellite's collateral: it lends nothing, whatever its borrow cap becomes."""

    __slots__ = ()

    def draw(self, amount: Number, now: Number) -> None:
        """Lend nothing.  Refuses: NotLent."""
        raise NotLent(self.asset)


def route_between(system: System, collateral: str, loan: str) -> tuple[Route, str]:
    """The route from a collateral to a loan, and the loan's asset.  Refuses: NoRoute."""
    satellite, pledged = place_of(collateral)
    main, wanted = place_of(loan)
    route = system.routes.get(satellite)
    if route is None:
        raise NoRoute(collateral, loan)
    require((pledged, main) == (route.collateral, route.main), NoRoute, collateral, loan)
    return route, wanted


def markets_of(route: Route, loan: str) -> tuple[str, ...]:
    """The four markets that a route leads through, by their names in the system."""
    near, far = f"{route.satellite}{SEPARATOR}", f"{route.main}{SEPARATOR}"
    return f"{near}{route.collateral}", f"{near}{route.bridge}", f"{far}{route.bridge}", loan


def pledge(pool: Pool, user: Account, asset: str, amount: Number) -> None:
    """Supply tokens as collateral."""
    deposit.run(pool, user, asset, amount)
    enter.run(pool, user, asset)


def repay_all(pool: Pool, user: Account, asset: str) -> None:
    """Repay all that a user owes in a market."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    repay.run(pool, user, user, asset, owed(market, user))


def redeem_all(pool: Pool, user: Account, asset: str) -> None:
    """Redeem all shares of a user in a market."""
    redeem.run(pool, user, asset, pool.markets[asset].shares[user])


@action(
    user=user(),
    collateral=asset(),
    deposited=tokens("collateral"),
    bridged=tokens("collateral"),
    loan=asset(),
    borrowed=tokens("loan"),
)
def cross_borrow(
    system: System, user: Account, collateral: str, deposited: Number, bridged: Number, loan: str, borrowed: Number
) -> None:
    """Deposit in a satellite, borrow the bridge asset there, deposit it in the main pool, borrow there.

    Refuses: NoRoute, NotListed, and whatever one of the steps refuses.
    """
    route, wanted = route_between(system, collateral, loan)
    markets = markets_of(route, loan)
    system.require_listed(markets)
    system.checkpoint(markets, (user,))
    satellite, main = system.pools[route.satellite], system.pools[route.main]
    pledge(satellite, user, route.collateral, deposited)
    borrow.run(satellite, user, route.bridge, bridged)
    pledge(main, user, route.bridge, bridged)
    borrow.run(main, user, wanted, borrowed)


@action(user=user(), collateral=asset(), loan=asset())
def cross_unwind(system: System, user: Account, collateral: str, loan: str) -> None:
    """Repay the loan, take the bridge asset back, repay the satellite with it, take the collateral back.

    Everything, to the last unit; what the bridge asset does not cover comes out of the user's wallet, what it leaves
    over stays there.  The registry is not asked: in a market that is not listed nobody has anything to take back.
    Refuses: NoRoute, and whatever one of the steps refuses.
    """
    route, wanted = route_between(system, collateral, loan)
    system.checkpoint(markets_of(route, loan), (user,))
    satellite, main = system.pools[route.satellite], system.pools[route.main]
    repay_all(main, user, wanted)
    redeem_all(main, user, route.bridge)
    repay_all(satellite, user, route.bridge)
    redeem_all(satellite, user, route.collateral)


ROUTER_ACTIONS: tuple[Action, ...] = (cross_borrow, cross_unwind)
"""What the router does."""

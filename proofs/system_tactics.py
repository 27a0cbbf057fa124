"""What a fuzzer does next on a system: it goes from pool to pool, and does there what it would do in one pool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, TypeAlias

from poolproof.models.credit_line import LINE_ACTIONS, LinedMarket
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.isolated_pool import ACTIONS
from poolproof.models.market import Market
from poolproof.models.rates import NoRate
from poolproof.models.registry import REGISTRY_ACTIONS
from poolproof.models.system import SEPARATOR, Route, System, place_of
from poolproof.spec.action import Domain
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import PoolConfig, Protocol

from .draw import REAL, Draw, Profile
from .parts import OWN, is_system, lifted_arguments
from .situation import Arguments, Tactic
from .tactics import PLANNED, Tactics, asked
from .traces import Call
from .venus_tactics import VenusTactics

AnyTactics: TypeAlias = "Tactics | SystemTactics | VenusTactics"
"""What chooses the next action on a state."""
MOST_ISOLATED = 3
"""Most isolated pools in which an episode happens."""


def tactics_for(
    model: Model,
    protocol: Protocol,
    random: Random,
    weights: dict[str, float] | None = None,
    only: Iterable[str] | None = None,
) -> AnyTactics:
    """The tactics for the states of a model."""
    if issubclass(model.market or Market, VToken):
        return VenusTactics(model, protocol, random, weights, only)
    return (SystemTactics if is_system(model) else Tactics)(model, protocol, random, weights, only)


class SystemTactics:
    """Chooses the next action on a system; used like ``Tactics``, of which it has one for each pool."""

    def __init__(
        self,
        model: Model,
        protocol: Protocol,
        random: Random,
        weights: dict[str, float] | None = None,
        only: Iterable[str] | None = None,
    ) -> None:
        allowed = {action.name for action in model.actions} if only is None else set(only)
        self.protocol, self.random = protocol, random
        self.actions = {action.name: action for action in model.actions}
        self.routed = [name for name in ("cross_borrow", "cross_unwind") if name in allowed]
        self.between = [a for n, a in self.actions.items() if n in allowed and n not in OWN and n not in self.routed]
        self.kinds = {pool.id: pool.kind for pool in protocol.pools}
        self.plans = allowed >= PLANNED
        self.lists = {"set_rate_model", *(action.name for action in REGISTRY_ACTIONS)} <= allowed
        self.of: dict[str, Tactics] = {}
        for pool in protocol.pools:
            actions = tuple(action for action in actions_in(pool) if action.name in allowed)
            if actions:
                alone = protocol.model_copy(update={"pools": (pool,)})
                self.of[pool.id] = Tactics(replace(model, actions=actions, parts=()), alone, random, weights)

    def begin(self, state: System, profile: Profile = REAL, also: str | None = None) -> None:
        """Start an episode on a system: in some of its pools, those that routes connect and the core among them.

        ``also`` is a pool in which it happens in any case.
        """
        self.state, self.draw = state, Draw(self.random, profile)
        self.bits = self.random.getrandbits
        isolated = [pool for pool in self.of if self.kinds[pool] != "core"]
        self.random.shuffle(isolated)
        chosen = isolated[: 1 + self.draw.below(MOST_ISOLATED)]
        chosen += [also] if also is not None and also not in chosen else []
        self.routes = [route for route in state.routes.values() if route.satellite in chosen]
        chosen += [route.main for route in self.routes if route.main not in chosen and route.main in self.of]
        core = [pool for pool in self.of if self.kinds[pool] == "core"]
        self.core = next(iter(core), "")
        self.pools = [*core, *chosen] if self.bits(3) or not chosen else chosen
        for pool in self.pools:
            self.of[pool].begin(dict.__getitem__(state.pools, pool), profile)
        self.unlisted = [
            name
            for name in state.markets
            if self.lists and place_of(name)[0] in self.pools and not state.registry.lists(name)
        ]
        self.here = self.pools[0]
        self.queue: list[tuple[str, str, Tactic]] = []
        self.lined = [
            (pool, market)
            for pool in self.pools
            for market in dict.__getitem__(state.pools, pool).markets.values()
            if self.plans and isinstance(market, LinedMarket) and self.core in self.pools
        ]
        if self.lined and self.bits(1):
            self._plan_draw()

    def next(self) -> Call:
        """The next action with its arguments; what is planned in a pool is mostly done before it is left."""
        if self.routes and self.routed and not self.bits(4):
            call = self._across()
            if call is not None:
                return call
        if self.lined and not self.bits(5):
            self._plan_draw()
        if self.unlisted and not self.bits(5):
            return self._towards_a_listing()
        if self.between and not self.bits(5):
            action = self.between[self.draw.below(len(self.between))]
            return action, self.arguments_of(action.domains)
        while self.queue and self.bits(3):
            pool, name, tactic = self.queue.pop(0)
            arguments = asked(tactic)
            if arguments is not None:
                return self._in(pool, name, arguments)
        if not self.of[self.here].queue or not self.bits(3):
            planned = [pool for pool in self.pools if self.of[pool].queue]
            among = planned if planned and self.bits(2) else self.pools
            self.here = among[self.draw.below(len(among))]
        return self.next_in(self.here)

    def next_in(self, pool: str) -> Call:
        """The next action in one of the pools."""
        action, arguments = self.of[pool].next()
        return self._in(pool, action.name, arguments)

    def _in(self, pool: str, name: str, arguments: tuple[Any, ...]) -> Call:
        """A pool's action, as one of the system."""
        if name != "pass_time":
            arguments = lifted_arguments(self.of[pool].known[name].domains, arguments, pool)
        return self.actions[name], arguments

    def _plan_draw(self) -> None:
        """Let the core have cash, and a user borrow over a line; often let that user default, one of two at times.

        The other one asks for more after that, or supplied to the pool before and asks for it back.
        """
        pool, market = self.lined[self.draw.below(len(self.lined))]
        here, core = self.of[pool], self.core
        pledged = [each for each in here.every if each.ltv > 0 and each is not market]
        if not pledged:
            return
        collateral = pledged[self.draw.below(len(pledged))]
        users = list(self.protocol.users)
        self.random.shuffle(users)
        other = users[1 % len(users)]
        supplies = self.bits(1)
        self.queue.append((core, "deposit", partial(self.of[core].deposit_into, market.core)))
        if supplies:
            self.queue.append((pool, "deposit", partial(here.supply_of, other, market)))
        for user in users[: 1 + self.bits(1)]:
            self.queue += [
                (pool, "deposit", partial(here.pledge_by, user, collateral)),
                (pool, "enter", partial(tuple, (user, collateral.asset))),
                (pool, "borrow", partial(here.draw_by, user, market)),
            ]
        if supplies:
            self.queue.append((pool, "redeem", partial(here.leave, other, market)))
        for name in ("fund_first_loss", "pass_time", "take_first_loss"):
            if self.bits(1) and name in here.known:
                self.queue.append((pool, name, getattr(here, f"to_{name}")))
        if self.bits(1):
            return
        price = collateral.feed.price
        self.queue.append((pool, "set_price", partial(here.price_of, collateral.asset, 1 + self.bits(1))))
        self.queue.append((pool, "write_off", partial(here.write_off_of, users[0])))
        if self.bits(1):
            self.queue += [
                (pool, "set_price", partial(here.price_of, collateral.asset, price)),
                (pool, "deposit", partial(here.pledge_by, other, collateral)),
                (pool, "borrow", partial(here.draw_by, other, market)),
            ]

    def arguments_of(self, domains: dict[str, Domain]) -> tuple[Any, ...]:
        """Draw arguments of domains, in one of the pools; or along a route, where they name its two ends."""
        if {"collateral", "loan"} <= domains.keys() and self.routes:
            return self._along_a_route(domains)
        pool = self.pools[self.draw.below(len(self.pools))]
        plain = {name: domain for name, domain in domains.items() if domain.kind != "pool"}
        return lifted_arguments(plain, self.of[pool].arguments_of(plain), pool)

    def _towards_a_listing(self) -> Call:
        """The next step on the way of a market to the list: a rate model, its pool, an approval, the listing."""
        name = self.unlisted[self.draw.below(len(self.unlisted))]
        registry, (pool, asset) = self.state.registry, place_of(name)
        if isinstance(dict.__getitem__(self.state.markets, name).rates, NoRate):
            domains = self.of[pool].known["set_rate_model"].domains
            _, *numbers = self.of[pool].arguments_of(domains)
            return self._in(pool, "set_rate_model", (asset, *numbers))
        if registry.number[pool] == 0:
            return self.actions["create_pool"], (pool,)
        approved = registry.approved[name] == registry.number[pool]
        return self.actions["add_market" if approved else "approve_market"], (name,)

    def _across(self) -> Call | None:
        """A user borrows across pools, or unwinds."""
        route = self.routes[self.draw.below(len(self.routes))]
        name = self.routed[self.draw.below(len(self.routed))]
        arguments = self._borrowed(route) if name == "cross_borrow" else self._unwound(route)
        return None if arguments is None else (self.actions[name], arguments)

    def _ends(self, route: Route) -> tuple[str, str]:
        """The markets at the ends of a route: its collateral, and a loan of the main pool."""
        loans = list(dict.__getitem__(self.state.pools, route.main).markets)
        loan = loans[self.draw.below(len(loans))]
        return f"{route.satellite}{SEPARATOR}{route.collateral}", f"{route.main}{SEPARATOR}{loan}"

    def _borrowed(self, route: Route) -> Arguments:
        """Arguments of a borrow across pools, each amount around what the one before allows."""
        collateral, loan = self._ends(route)
        markets = self.state.markets
        first, last = dict.__getitem__(markets, collateral), dict.__getitem__(markets, loan)
        bridge = dict.__getitem__(markets, f"{route.satellite}{SEPARATOR}{route.bridge}")
        again = dict.__getitem__(markets, f"{route.main}{SEPARATOR}{route.bridge}")
        user = self.protocol.users[self.draw.below(len(self.protocol.users))]
        if not first.tokens[user] or not bridge.feed.price or not last.feed.price:
            return None
        deposited = self.draw.amount(first.tokens[user])
        bridged = min(deposited * first.feed.price * first.ltv // (bridge.feed.price * WAD), bridge.cash)
        if bridged <= 0:
            return None
        bridged = self.draw.amount(bridged)
        borrowed = min(bridged * again.feed.price * again.ltv // (last.feed.price * WAD), last.cash)
        return (user, collateral, deposited, bridged, loan, self.draw.amount(borrowed)) if borrowed > 0 else None

    def _along_a_route(self, domains: dict[str, Domain]) -> tuple[Any, ...]:
        """Draw the arguments of a scenario about a route: its ends, and what a borrow across it could ask for."""
        route = self.routes[self.draw.below(len(self.routes))]
        collateral, loan = self._ends(route)
        known: dict[str, Any] = {"collateral": collateral, "loan": loan}
        across = self._borrowed(route)
        amounts = dict(zip(self.actions["cross_borrow"].domains, across, strict=True)) if across else {}
        users = self.protocol.users

        def drawn(name: str, domain: Domain) -> Any:
            if domain.kind == "user":
                return users[self.draw.below(len(users))]
            return known.get(name) or amounts.get(name) or self.draw.amount(WAD)

        return tuple(drawn(name, domain) for name, domain in domains.items())

    def _unwound(self, route: Route) -> Arguments:
        """Arguments of an unwinding, mostly of a user who owes in the satellite."""
        bridge = dict.__getitem__(self.state.markets, f"{route.satellite}{SEPARATOR}{route.bridge}")
        users = [user for user in self.protocol.users if bridge.debts[user]]
        if not users:
            return None
        return (users[self.draw.below(len(users))], *self._ends(route))


def actions_in(pool: PoolConfig) -> tuple[Any, ...]:
    """What can happen to a pool."""
    return (*ACTIONS, *LINE_ACTIONS) if any(market.line is not None for market in pool.markets) else ACTIONS

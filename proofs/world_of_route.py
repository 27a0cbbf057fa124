"""A symbolic route: a satellite and a main pool that share the ledgers of their assets, and the router between them.

The satellite has its two markets and no other; of the main pool the bridge asset's market is explicit, with those that
an action names, and the others are one remainder.  An asset of the main pool can be the bridge asset, the satellite's
collateral or another one; prices are each pool's own, which covers a feed that both read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import product
from typing import Any

from poolproof.models.isolated_pool import TREASURY, Pool
from poolproof.models.router import ROUTER_ACTIONS, CollateralMarket
from poolproof.models.system import SEPARATOR, SYSTEM_ACTIONS, Route, System
from poolproof.spec.action import Action, Domain
from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .clauses import by_cuts, claim_clause, claim_cuts, places
from .induction import (
    Case,
    Induction,
    Obligation,
    Only,
    SymbolicTrial,
    Unit,
    World,
    goals_of,
    owned,
    partitions,
)
from .paths import Path
from .terms import Space
from .world import (
    ANYONE,
    Elsewhere,
    NoJournal,
    SymbolicMarkets,
    accrue_to,
    copy_pool,
    symbolic_feed,
    symbolic_market,
)

ROUTER: Account = "router"
"""The account that a router could have: one more arbitrary account."""
SATELLITE, MAIN = "satellite", "main"
COLLATERAL, BRIDGE, LOAN = "collateral", "bridge", "loan"
ASSETS = {SATELLITE: (COLLATERAL, BRIDGE), MAIN: (BRIDGE, COLLATERAL, LOAN)}
"""What an asset that an action names can be, by pool."""
NAMES = tuple(f"{pool}{SEPARATOR}{asset}" for pool, listed in ASSETS.items() for asset in listed)
ROUTED = ("collateral", "loan")
"""The arguments that name the two ends of a route."""


class NothingElsewhere(Elsewhere):
    """What accounts have in the other markets of a pool that has no others."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        self.accounts = accounts

    def remainder(self, account: Account, term: str) -> Any:
        """Nothing."""
        return 0


class AnyRegistry:
    """A registry of which nothing is known: it lists a market, or does not."""

    def __init__(self, space: Space) -> None:
        self._flags = {name: space.flag(f"listed[{name}]") for name in NAMES}

    def lists(self, market: str) -> Any:
        """Whether a market is listed."""
        return self._flags[market]


# --- the two pools ---------------------------------------------------------------------------------------------


def symbolic_system(space: Space, assets: Iterable[str], accounts: tuple[Account, ...], *, instant: bool) -> Any:
    """An arbitrary satellite and main pool; of the main pool these assets are explicit, and the bridge asset."""
    system: Any = System()
    system.journal, system.now = NoJournal(), space.number("now", "nonneg")
    listed = {SATELLITE: ASSETS[SATELLITE], MAIN: tuple(dict.fromkeys((BRIDGE, *assets)))}
    elsewhere = {SATELLITE: NothingElsewhere(accounts), MAIN: Elsewhere(space, accounts)}
    first: dict[str, Any] = {}
    system.pools, system.feeds = {}, {}
    for name, assets_here in listed.items():
        pool: Any = Pool()
        pool.id, pool.journal = name, system.journal
        for scalar in Pool.scalars:
            setattr(pool, scalar, system.now if scalar == "now" else space.number(f"{name}.{scalar}", "nonneg"))
        markets: dict[str, Any] = {}
        for asset in assets_here:
            other = MAIN if name == SATELLITE and asset in listed[MAIN] else None
            markets[asset] = market = market_of(space, name, asset, accounts, other)
            owner = first.setdefault(asset, market)
            market.tokens, market.amount_limit = owner.tokens, owner.amount_limit
            if instant:
                accrue_to(market, system.now)
        pool.feeds = {asset: market.feed for asset, market in markets.items()}
        pool.markets = SymbolicMarkets(markets, elsewhere[name])
        system.pools[name] = pool
    system.routes = {SATELLITE: Route(SATELLITE, MAIN, COLLATERAL, BRIDGE)}
    system.registry, system.rewards = AnyRegistry(space), {}
    list_markets(system)
    return system


def market_of(space: Space, pool: str, asset: str, accounts: tuple[Account, ...], other: str | None) -> Any:
    """An arbitrary market of a pool; ``other`` is another pool that lists the asset later and has a vault for it."""
    name = f"{pool}{SEPARATOR}{asset}"
    vaults = (f"pool:{other}{SEPARATOR}{asset}",) if other else ()
    market = symbolic_market(space, name, accounts, symbolic_feed(space, name), vaults=vaults)
    market.asset = asset
    if (pool, asset) == (SATELLITE, COLLATERAL):
        market.__class__ = CollateralMarket  # the same record, with its one rule
    return market


def list_markets(system: Any) -> None:
    """The table of a system's markets."""
    system.markets = {
        f"{name}{SEPARATOR}{asset}": market
        for name, pool in system.pools.items()
        for asset, market in pool.markets.items()
    }


def copy_system(system: Any) -> Any:
    """A copy of a symbolic system that a run on the original does not change; what is shared stays shared."""
    twin: Any = System()
    for name in ("now", "feeds", "routes", "registry", "rewards", "journal"):
        setattr(twin, name, getattr(system, name))
    twin.pools = {name: copy_pool(pool) for name, pool in system.pools.items()}
    shared: dict[int, Any] = {}
    for name, pool in system.pools.items():
        for asset, market in pool.markets.items():
            copied = twin.pools[name].markets[asset]
            copied.tokens = shared.setdefault(id(market.tokens), copied.tokens)
    list_markets(twin)
    return twin


class RouteTrial(SymbolicTrial):
    """A scenario's hand on a symbolic path of a system."""

    def do(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out; a refusal leaves the state as it was."""
        before = copy_system(state)
        try:
            action.run(state, *arguments)
        except Refusal as refusal:
            state.now, state.pools, state.markets = before.now, before.pools, before.markets
            return refusal
        return None

    def copy(self, state: Any) -> Any:
        """An independent copy of a state."""
        return copy_system(state)


# --- obligations -----------------------------------------------------------------------------------------------


def cases_of(domains: dict[str, Domain]) -> Iterator[Case]:
    """The cases of an action's or a scenario's arguments: who they name, in which pool, and which assets."""
    users = [name for name, domain in domains.items() if domain.kind == "user"]
    assets = [name for name, domain in domains.items() if domain.kind == "asset"]
    pools = [name for name, domain in domains.items() if domain.kind == "pool"]
    places_of: list[dict[str, str]] = []
    if tuple(assets) == ROUTED:
        for loan in ASSETS[MAIN]:
            ends = (f"{SATELLITE}{SEPARATOR}{COLLATERAL}", f"{MAIN}{SEPARATOR}{loan}")
            places_of.append(dict(zip(ROUTED, ends, strict=True)))
    else:
        for pool, listed in ASSETS.items():
            for chosen in product(listed, repeat=len(assets)):
                markets = [f"{pool}{SEPARATOR}{asset}" for asset in chosen]
                places_of.append({**dict.fromkeys(pools, pool), **dict(zip(assets, markets, strict=True))})
    for accounts in partitions(users):
        for named in places_of:
            yield Case(accounts, named)


class RouteInduction(World):
    """The obligations of invariants that speak of a route, in the style of ``Induction``, whose lemmas they use."""

    def __init__(self, induction: Induction, catalogue: Iterable[Invariant]) -> None:
        self.induction = induction
        self.invariants = list(catalogue)
        self.lemmas = [(i, c) for i in self.invariants for c in i.clauses if c.form == "state" and c.lemma]

    def world(self, space: Space, domains: dict[str, Domain], case: Case, *, instant: bool) -> tuple[Any, list[Any]]:
        """An arbitrary system of which both pools satisfy the lemmas, and arbitrary arguments inside their domains."""
        accounts = tuple(dict.fromkeys((*case.accounts.values(), ANYONE, TREASURY, ROUTER)))
        assets = [name.partition(SEPARATOR)[2] for name in case.assets.values() if name.startswith(MAIN + SEPARATOR)]
        system = symbolic_system(space, assets, accounts, instant=instant)
        for pool in system.pools.values():
            self.induction.assume_environment(space, pool)
            for invariant, clause in (*self.induction.lemmas, *self.lemmas):
                for _, place in places(clause, pool, accounts):
                    space.fact(clause.check(*place), invariant.id)
        return system, [self.argument(space, name, domain, case) for name, domain in domains.items()]

    def argument(self, space: Space, name: str, domain: Domain, case: Case) -> Any:
        """An arbitrary argument of a domain."""
        return case.assets[name] if domain.kind == "pool" else self.induction.argument(space, name, domain, case)

    def units(self, only: Only = lambda _: True) -> Iterator[Unit]:
        """The obligations of the invariants selected, lemmas included, in parts that are found one by one."""
        chosen = [(i, c) for i in self.invariants for c in i.clauses if only(i)]
        for action in (*SYSTEM_ACTIONS, *ROUTER_ACTIONS):
            for instant in (False, True):
                here = [
                    (i, c)
                    for i, c in chosen
                    if (c.form == "step" and c.instant == instant and action.name in c.of)
                    or (c.form == "state" and c.lemma and not instant)
                ]
                if here:
                    for case in cases_of(action.domains):
                        yield partial(self._of_case, action, here, case, instant=instant)
        for invariant, clause in chosen:
            if clause.form == "scenario":
                for case in cases_of(clause.domains):
                    yield partial(self._of_scenario, invariant, clause, case)

    def _of_case(
        self, action: Action, clauses: list[tuple[Invariant, Clause]], case: Case, *, instant: bool
    ) -> Iterator[Obligation]:
        accounts = tuple(dict.fromkeys((*case.accounts.values(), ANYONE, TREASURY, ROUTER)))

        def setup(space: Space) -> tuple[Any, list[Any]]:
            return self.world(space, action.domains, case, instant=instant)

        def run(path: Path, start: tuple[Any, list[Any]]) -> None:
            old, arguments = start
            new = copy_system(old)
            action.run(new, *arguments)
            step = Step(action, dict(zip(action.domains, arguments, strict=True)), old, new)
            for cuts, group in by_cuts(clauses):
                path.scoped(partial(self._claim_group, path, cuts, group, step, accounts))

        for path in self.induction.explore(setup, run):
            for goal in goals_of(path):
                yield owned(goal, action.name, case.name)

    def _claim_group(
        self, path: Path, cuts: Any, group: list[tuple[Invariant, Clause]], step: Step, accounts: tuple[Account, ...]
    ) -> None:
        """Claim the cuts that several clauses share, then each clause at each place, on a scope of its own."""
        if cuts is not None:
            owners = "+".join(dict.fromkeys(invariant.id for invariant, _ in group))
            claim_cuts(path, cuts, step, f"{owners}/{cuts.__name__}")
        for invariant, clause in group:
            for name, arguments in self._places(clause, step, accounts):
                label = f"{invariant.id}/{clause.name}{name}"
                path.scoped(partial(claim_clause, path, clause, arguments, label))

    def _places(self, clause: Clause, step: Step, accounts: tuple[Account, ...]) -> list[tuple[str, tuple[Any, ...]]]:
        """Of a step clause the system and the accounts, of a lemma each pool's markets and the accounts."""
        if clause.form == "step":
            return places(clause, step, accounts)
        return [
            (f"({name}: {place})", arguments)
            for name, pool in step.new.pools.items()
            for place, arguments in places(clause, pool, accounts)
        ]

    def _of_scenario(self, invariant: Invariant, clause: Clause, case: Case) -> Iterator[Obligation]:
        def setup(space: Space) -> tuple[Any, list[Any]]:
            return self.world(space, clause.domains, case, instant=clause.instant)

        def run(path: Path, start: tuple[Any, list[Any]]) -> None:
            system, arguments = start
            clause.check(RouteTrial(path, invariant.id, self.induction.model), copy_system(system), *arguments)

        for path in self.induction.explore(setup, run):
            for goal in goals_of(path):
                if not goal.name.startswith("SOLV-6/division"):
                    goal.name = f"{invariant.id}/{clause.name}: {goal.name}"
                yield owned(goal, "scenario", case.name)

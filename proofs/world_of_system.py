"""A symbolic system around a symbolic pool: an arbitrary registry, and arbitrary rewards of its explicit markets.

The pool is the one of ``Induction``, with its lemmas; the registry knows it, the core pool of its credit lines, and
another pool.  Rewards have any number of holders: explicit are the accounts that an action names and an arbitrary one,
the others are a total of each ledger, and one of seen index x shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.isolated_pool import TREASURY
from poolproof.models.rates import NoRate
from poolproof.models.registry import REGISTRY_ACTIONS, Registry
from poolproof.models.rewards import BORROWERS, REWARD_ACTIONS, SUPPLIERS, Programme, vault_of_rewards
from poolproof.models.system import SEPARATOR, SYSTEM_ACTIONS, System
from poolproof.spec.action import Action, Domain
from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.model import Model
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .clauses import claim_clause
from .induction import (
    OTHER,
    Case,
    Induction,
    Obligation,
    Only,
    SymbolicTrial,
    Unit,
    World,
    cases_of,
    goals_of,
    owned,
)
from .paths import Path
from .terms import Formula, Space
from .world import ANYONE, NoJournal, SymbolicLedger, copy_pool

POOL, CORE, ANOTHER = "pool", "core", "another pool"
"""The pools that the registry knows: the explicit one, the one that its lines draw on, and one more."""


class Entries(SymbolicLedger):
    """A ledger whose explicit entries can be listed."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Account]:
        return iter(self._entries)

    def weighted(self, weights: SymbolicLedger) -> Any:
        """The sum of entry x weight: a ghost for the accounts that are not explicit, which no action writes."""
        rest = self._space.once(("weighted", self.name, weights.name), f"{self.name} x {weights.name}, elsewhere")
        return sum((entry * weights[account] for account, entry in self._entries.items()), start=rest)

    def copy(self) -> Entries:
        """A copy that reads the same entries."""
        twin = super().copy()
        twin.__class__ = Entries
        assert isinstance(twin, Entries)  # noqa: S101 - for the type checker
        return twin


@dataclass(frozen=True, slots=True)
class Place:
    """A case of an action's arguments in a system.

    ``pool`` is where its markets are; ``rated`` whether they have rate models; ``own_token`` whether rewards are paid
    in the market's own asset.
    """

    case: Case
    pool: str = POOL
    rated: bool = True
    own_token: bool = False

    @property
    def name(self) -> str:
        """The case, in words."""
        said = {
            "in the core pool": self.pool == CORE,
            "without a rate model": not self.rated,
            "rewarded in its own asset": self.own_token,
        }
        return ", ".join(
            [part for part in (self.case.name,) if part] + [words for words, holds in said.items() if holds]
        )


# --- the state -------------------------------------------------------------------------------------------------


def symbolic_system(space: Space, pool: Any, accounts: tuple[Account, ...], place: Place) -> Any:
    """An arbitrary registry, and arbitrary rewards of every market, around a pool."""
    system: Any = System()
    system.now, system.journal, system.routes, system.feeds = pool.now, NoJournal(), {}, {}
    system.pools = {POOL: pool}
    list_markets(system)
    if not place.rated:
        for market in system.markets.values():
            market.rates = NoRate()
    registry: Any = Registry()
    system.registry = registry
    registry.stamp_, registry.journal = 0, system.journal
    registry.count = space.number("registry.count", "nonneg")
    for name in registry.ledgers:
        ledger = Entries(space, f"registry.{name}")
        ledger.declare((POOL, CORE, ANOTHER) if name == "number" else tuple(system.markets))
        setattr(registry, name, ledger)
    system.rewards = {}
    for name, market in system.markets.items():
        if name.startswith(CORE):
            for ledger in (market.shares, market.debts, market.entered):
                ledger.declare(accounts)
        tokens, vault = Entries(space, f"{name}.rewards"), vault_of_rewards(name)
        tokens.declare((*accounts, vault))
        if place.own_token:
            market.tokens.declare((vault,))
            tokens = market.tokens
        for to in (SUPPLIERS, BORROWERS):
            system.rewards[f"{name}{SEPARATOR}{to}"] = symbolic_programme(space, name, to, accounts, tokens)
    return system


def symbolic_programme(
    space: Space, market: str, to: str, holders: tuple[Account, ...], tokens: SymbolicLedger
) -> Programme:
    """Arbitrary rewards of a market's suppliers or borrowers."""
    programme: Any = Programme()
    programme.stamp_ = 0
    programme.market, programme.to, programme.token = market, to, "reward token"
    programme.tokens, programme.vault = tokens, vault_of_rewards(market)
    for name in programme.scalars:
        setattr(programme, name, space.number(f"{market}.{to}.{name}", "nonneg"))
    for name in ("seen", "earned"):
        ledger = Entries(space, f"{market}.{to}.{name}")
        ledger.declare(holders)
        setattr(programme, name, ledger)
    return programme  # type: ignore[no-any-return]  # filled above


def list_markets(system: Any) -> None:
    """The table of a system's markets: the explicit ones, and the core markets that they draw on."""
    markets = system.pools[POOL].markets
    system.markets = {f"{POOL}{SEPARATOR}{asset}": market for asset, market in markets.items()}
    lenders = {asset: market.core for asset, market in markets.items() if isinstance(market, LinedMarket)}
    system.markets |= {f"{CORE}{SEPARATOR}{asset}": core for asset, core in lenders.items()}


def copy_system(system: Any) -> Any:
    """A copy of a symbolic system that a run on the original does not change; what is shared stays shared."""
    twin: Any = System()
    for name in ("now", "feeds", "routes", "journal"):
        setattr(twin, name, getattr(system, name))
    twin.pools = {POOL: copy_pool(system.pools[POOL])}
    list_markets(twin)
    twin.registry, twin.rewards = system.registry.copy(), {}
    wallets = {id(market.tokens): twin.markets[name].tokens for name, market in system.markets.items()}
    for name, programme in system.rewards.items():
        twin.rewards[name] = copied = programme.copy()
        copied.tokens = wallets.setdefault(id(programme.tokens), copied.tokens)
    return twin


class SecondRun(Path):
    """A path as a copy of a state knows it: by what was known when it was copied, and by its own runs since.

    So a run on the copy makes the same terms as the same run on the original.  What the other run has decided is decided
    alike; what neither has forks the path of both.
    """

    __slots__ = ("first",)

    def __init__(self, first: Path) -> None:
        super().__init__(first.space)
        self.first = first
        self._nodes, self._bounds = set(first._nodes), dict(first._bounds)  # noqa: SLF001 - a path of the same kind

    def decide(self, condition: Formula) -> bool:
        """Which branch the path takes at a condition."""
        known = self.known(condition)
        if known is None:
            known = self.first.decide(condition)
            self.learn(condition if known else ~condition, "path")
        return known


class SystemTrial(SymbolicTrial):
    """A scenario's hand on a symbolic path of a system."""

    def __init__(self, path: Path, owner: str, model: Model) -> None:
        super().__init__(path, owner, model)
        self._copies: list[tuple[Any, SecondRun]] = []

    def do(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out; a refusal leaves the state as it was."""
        before, space = copy_system(state), self._path.space
        space.path = next((path for copied, path in self._copies if copied is state), self._path)
        try:
            action.run(state, *arguments)
        except Refusal as refusal:
            for name in ("now", "pools", "markets", "registry", "rewards"):
                setattr(state, name, getattr(before, name))
            return refusal
        finally:
            space.path = self._path
        return None

    def copy(self, state: Any) -> Any:
        """An independent copy of a state."""
        twin = copy_system(state)
        self._copies.append((twin, SecondRun(self._path)))
        return twin


# --- obligations -----------------------------------------------------------------------------------------------


class SystemInduction(World):
    """The obligations of invariants that speak of a registry or of rewards, in the style of ``Induction``.

    Each clause is about the whole system.  ``induction`` is that of one kind of pool: its lemmas are hypotheses, and
    the markets are of its kinds.
    """

    def __init__(self, induction: Induction, catalogue: Iterable[Invariant]) -> None:
        self.induction = induction
        self.invariants = list(catalogue)
        self.lemmas = [(i, c) for i in self.invariants for c in i.clauses if c.form == "state" and c.lemma]
        self.actions = (*SYSTEM_ACTIONS, *REGISTRY_ACTIONS, *REWARD_ACTIONS)

    def world(self, space: Space, domains: dict[str, Domain], place: Place, *, instant: bool) -> tuple[Any, list[Any]]:
        """An arbitrary system that satisfies the lemmas, and arbitrary arguments inside their domains."""
        plain = {name: domain for name, domain in domains.items() if domain.kind != "pool"}
        pool, values = self.induction.world(space, plain, place.case, instant=instant)
        accounts = tuple(dict.fromkeys((*place.case.accounts.values(), ANYONE, TREASURY)))
        system = symbolic_system(space, pool, accounts, place)
        for invariant, clause in self.lemmas:
            space.fact(clause.check(system), invariant.id)
        given = dict(zip(plain, values, strict=True))
        return system, [self._argument(given, name, domain, place) for name, domain in domains.items()]

    def _argument(self, given: dict[str, Any], name: str, domain: Domain, place: Place) -> Any:
        if domain.kind == "pool":
            return place.pool
        return f"{place.pool}{SEPARATOR}{given[name]}" if domain.kind == "asset" else given[name]

    def places(self, domains: dict[str, Domain], action: Action | None = None) -> Iterator[Place]:
        """The cases of an action or a scenario; an action that names a market has another one beside it."""
        kinds = self.induction.part.kinds
        for case in cases_of(domains, kinds):
            if action is None or not case.assets:
                yield Place(case)
                continue
            for kind in kinds:
                yield Place(case.beside(OTHER, kind))
            if action in REGISTRY_ACTIONS:
                yield Place(case, rated=False)
                if set(case.kinds.values()) == {"lined"}:
                    yield Place(case, pool=CORE)
            if action in REWARD_ACTIONS:
                yield Place(case, own_token=True)
        if any(domain.kind == "pool" for domain in domains.values()) and action in REGISTRY_ACTIONS:
            yield Place(next(iter(cases_of(domains, kinds))), pool=ANOTHER)

    def units(self, only: Only = lambda _: True) -> Iterator[Unit]:
        """The obligations of the invariants selected, lemmas included, in parts that are found one by one."""
        chosen = [(i, c) for i in self.invariants for c in i.clauses if only(i)]
        states = [(i, c) for i, c in chosen if c.form == "state" and not c.lemma]
        for place in self.places({}) if states else ():
            yield partial(self._of_states, states, place)
        stepwise = [(i, c) for i, c in chosen if c.form == "step" or (c.form == "state" and c.lemma)]
        for action in self.actions:
            here = [(i, c) for i, c in stepwise if not c.of or action.name in c.of]
            for place in self.places(action.domains, action) if here else ():
                yield partial(self._of_action, action, here, place)
        for invariant, clause in chosen:
            if clause.form == "scenario":
                for place in self.places(clause.domains):
                    yield partial(self._of_scenario, invariant, clause, place)

    def _of_states(self, clauses: list[tuple[Invariant, Clause]], place: Place) -> Iterator[Obligation]:
        def setup(space: Space) -> Any:
            return self.world(space, {}, place, instant=False)[0]

        def run(path: Path, system: Any) -> None:
            for invariant, clause in clauses:
                claim_clause(path, clause, (copy_system(system),), f"{invariant.id}/{clause.name}")

        for path in self.induction.explore(setup, run):
            for goal in goals_of(path):
                yield owned(goal, "any state", place.name)

    def _of_action(self, action: Action, clauses: list[tuple[Invariant, Clause]], place: Place) -> Iterator[Obligation]:
        def setup(space: Space) -> tuple[Any, list[Any]]:
            return self.world(space, action.domains, place, instant=False)

        def run(path: Path, start: tuple[Any, list[Any]]) -> None:
            old, arguments = start
            new = copy_system(old)
            action.run(new, *arguments)
            if action.by != "user":
                for name, condition in self.induction.region(new.pools[POOL]):
                    path.assume(condition, f"region: {name}")
            step = Step(action, dict(zip(action.domains, arguments, strict=True)), old, new)
            for invariant, clause in clauses:
                about = step if clause.form == "step" else new
                label = f"{invariant.id}/{clause.name}"
                path.scoped(partial(claim_clause, path, clause, (about,), label))

        for path in self.induction.explore(setup, run):
            for goal in goals_of(path):
                yield owned(goal, action.name, place.name)

    def _of_scenario(self, invariant: Invariant, clause: Clause, place: Place) -> Iterator[Obligation]:
        def setup(space: Space) -> tuple[Any, list[Any]]:
            return self.world(space, clause.domains, place, instant=clause.instant)

        def run(path: Path, start: tuple[Any, list[Any]]) -> None:
            system, arguments = start
            clause.check(SystemTrial(path, invariant.id, self.induction.model), copy_system(system), *arguments)

        for path in self.induction.explore(setup, run):
            for goal in goals_of(path):
                if not goal.name.startswith("SOLV-6/division"):
                    goal.name = f"{invariant.id}/{clause.name}: {goal.name}"
                yield owned(goal, "scenario", place.name)

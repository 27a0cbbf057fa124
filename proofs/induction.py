"""Induction: every clause, from an arbitrary state that satisfies the lemmas, over every action.

For each action, each way in which its accounts or markets can coincide, and each path through it, the clauses are
evaluated on the states before and after; what is not plain becomes an obligation.  The hypotheses are the lemmas
(state clauses proved the same way), the admissible region, bounds on amounts and time, and nothing else; each is
tagged, so that a verdict can list what it rests on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

from poolproof.invariants.measures import same
from poolproof.models.core_pool import FLOWS, rate_sum_at
from poolproof.models.credit_line import LINE_ACTIONS, LinedMarket
from poolproof.models.isolated_pool import ACTIONS, TREASURY, pass_time, write_off
from poolproof.models.reference import admissible_market
from poolproof.spec.action import Action, Domain
from poolproof.spec.invariant import Catalogue, Clause, Invariant, Step
from poolproof.spec.logic import all_of, negation
from poolproof.spec.model import Kind, Model, Part
from poolproof.spec.refusal import Refusal

from .clauses import by_cuts, claim_clause, claim_cuts, places, places_in_core
from .confined import confined
from .paths import Goal, Path, explore_paths
from .terms import Space, negated
from .world import ANYONE, ElsewhereWrittenOff, copy_pool, core_markets, midway, moved_core, symbolic_pool

AMOUNT_LIMIT = 2**112
HORIZON = 2**30
"""The longest time since the last accrual [slots]."""


ARGUMENTS = "arguments: inside their declared domains"
MARKET = "market"
"""The arbitrary market of an action that names none."""
OTHER = "other"
"""The arbitrary market that an action does not name, but may accrue because it counts for an account."""
REACH_TREASURY = ("take_reserves", "write_off")
"""The actions that write the treasury's entries; for other built-in ones it is one more arbitrary account."""
FRAME = "PORTFOLIO"
"""The invariant to which it belongs that an action changes only the markets that it names."""


def _nothing(pool: Any) -> None:
    """The step of a pool while others move: nothing of its own."""


CORE_MOVES = Action("core_moves", _nothing, {}, "environment", None, "The core pool and other pools act.")
"""Between two steps of a pool with lines, others move the core pool: every lemma has to survive that."""
BUILT_IN = (*ACTIONS, *LINE_ACTIONS, *FLOWS, CORE_MOVES)
"""The actions of which it is known what they leave alone; for those of other models it is an obligation."""


@dataclass(slots=True)
class Obligation:
    """Something to be shown: the goal on one path of one case of an action."""

    invariant: str
    clause: str
    action: str
    case: str
    goal: Goal

    @property
    def cut(self) -> bool:
        """Whether it is an intermediate claim of a proof."""
        return self.goal.cut


Unit = Callable[[], Iterator[Obligation]]
"""The obligations of one case of an action or a scenario, found when they are asked for."""
Only = Callable[[Invariant], bool]
"""Which invariants are to be shown."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which the arguments of an action can coincide."""

    accounts: dict[str, str]
    assets: dict[str, str]
    kinds: dict[str, Kind] = field(default_factory=dict, compare=False)
    """What each market is that the assets name, "plain" where it is not said."""
    lines: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The coincidences, in words."""
        pairs = [f"{k}={v}" for k, v in (*self.accounts.items(), *self.assets.items())]
        return ", ".join([*pairs, *(f"{asset} is {kind}" for asset, kind in self.kinds.items() if kind != "plain")])

    def beside(self, name: str, kind: Kind) -> Case:
        """The case with one more market."""
        return Case(self.accounts, {**self.assets, name: name}, {**self.kinds, name: kind}, self.lines)


def partitions(names: list[str]) -> Iterator[dict[str, str]]:
    """Every way in which the named things can be the same: a representative for each name."""
    if not names:
        yield {}
        return
    *rest, last = names
    for partition in partitions(rest):
        for representative in dict.fromkeys(partition.values()):
            yield {**partition, last: representative}
        yield {**partition, last: last}


def cases_of(domains: dict[str, Domain], kinds: tuple[Kind, ...] = ("plain",)) -> Iterator[Case]:
    """The cases of an action's or a scenario's arguments, with each market of each of the kinds."""
    users = [name for name, domain in domains.items() if domain.kind == "user"]
    assets = [name for name, domain in domains.items() if domain.kind == "asset"]
    lines = tuple(name for name, domain in domains.items() if domain.kind == "line")
    for accounts in partitions(users):
        for markets in partitions(assets):
            explicit = tuple(dict.fromkeys(markets.values())) or (MARKET,)
            for chosen in product(kinds, repeat=len(explicit)):
                yield Case(accounts, markets, dict(zip(explicit, chosen, strict=True)), lines)


class World(ABC):
    """A kind of arbitrary state, and the obligations of the invariants that speak of it."""

    @abstractmethod
    def units(self, only: Only = lambda _: True) -> Iterator[Unit]:
        """The obligations of the invariants selected, lemmas included, in parts that are found one by one."""

    def obligations(self, only: Only = lambda _: True) -> Iterator[Obligation]:
        """Every obligation of the invariants selected; lemmas included."""
        for unit in self.units(only):
            yield from unit()


class Induction(World):
    """The obligations of a model's catalogue.

    ``dropped`` names conditions of the admissible region that a protocol does not meet: what is proved without them
    holds of it all the same.
    """

    def __init__(
        self,
        model: Model,
        catalogue: Catalogue | Iterable[Invariant],
        *,
        dropped: Iterable[str] = (),
        part: Part | None = None,
    ) -> None:
        self.model = model
        self.part = part or Part("pool", ("plain",), model.actions)
        self.dropped = frozenset(dropped)
        self.explore: Callable[..., Iterator[Path]] = explore_paths
        self.invariants = [invariant for invariant in catalogue if invariant.about == "pool"]
        self.lemmas = [(i, c) for i in self.invariants for c in i.clauses if c.form == "state" and c.lemma]

    # --- worlds ------------------------------------------------------------------------------------------------

    def world(self, space: Space, domains: dict[str, Domain], case: Case, *, instant: bool) -> tuple[Any, list[Any]]:
        """An arbitrary state that satisfies the lemmas, and arbitrary arguments inside their domains."""
        assets = tuple(dict.fromkeys(case.assets.values())) or (MARKET,)
        accounts = tuple(dict.fromkeys((*case.accounts.values(), ANYONE, TREASURY)))
        pool = symbolic_pool(
            space, assets, accounts, instant=instant, kinds=case.kinds, lines=case.lines, plain=self.model.market
        )
        self.assume_environment(space, pool)
        for invariant, clause in self.lemmas:
            for _, place in (*places(clause, pool, accounts), *places_in_core(clause, pool)):
                space.fact(clause.check(*place), invariant.id)
        arguments = [self.argument(space, name, domain, case) for name, domain in domains.items()]
        return pool, arguments

    def argument(self, space: Space, name: str, domain: Domain, case: Case) -> Any:
        """An arbitrary argument of a domain."""
        if domain.kind == "user":
            return case.accounts[name]
        if domain.kind == "asset":
            return case.assets[name]
        if domain.kind == "line":
            return name
        number = space.number(name, "positive" if domain.low > 0 else "nonneg")
        high = domain.high if domain.high is not None else AMOUNT_LIMIT - 1
        space.fact(number <= high, ARGUMENTS)
        if domain.low > 1:
            space.fact(number >= domain.low, ARGUMENTS)
        return number

    def assume_environment(self, space: Space, pool: Any) -> None:
        """What is assumed of parameters, prices, token supplies and time."""
        for name, condition in self.region(pool):
            space.fact(condition, f"region: {name}")
        for market in pool.markets.values():
            supply = market.tokens.total()
            space.fact(supply <= market.amount_limit, "environment: token supply <= amount limit")
        for market in (*pool.markets.values(), *core_markets(pool).values()):
            elapsed = pool.now - market.accrued_at
            space.fact(elapsed <= HORIZON, "horizon: at most 2^30 slots since the last accrual")

    def region(self, pool: Any) -> list[tuple[str, Any]]:
        """The conditions on parameters and prices, less those that are not to be relied on."""
        conditions = self.model.admissible(pool)
        for core in core_markets(pool).values():
            conditions += [each for each in admissible_market(pool, core) if "incentive" not in each[0]]
        return [(name, condition) for name, condition in conditions if name not in self.dropped]

    def move_cores(self, space: Space, pool: Any) -> None:
        """Let the core pool's own actions and other pools move the core markets that a pool draws on, in any number.

        What they leave as it was is shown of the core pool's steps, by the clauses named here.
        """
        for market in pool.markets.values():
            if not isinstance(market, LinedMarket):
                continue
            core = market.core
            moved = moved_core(space, market)
            space.fact(moved.drawn[market.line] == core.drawn[market.line], "LINE-2")
            space.fact(same(moved.indebted[market.line], core.indebted[market.line]), "LINE-5")
            seen, seen_then = rate_sum_at(core, pool.now), rate_sum_at(moved, pool.now)
            space.fact(seen_then == seen, "LINE-2")
            space.identify(seen_then, seen)
            market.core = moved
        for invariant, clause in self.lemmas:
            if clause.over == "market":
                for _, place in places_in_core(clause, pool):
                    space.fact(clause.check(*place), invariant.id)

    # --- obligations -------------------------------------------------------------------------------------------

    def units(self, only: Only = lambda _: True) -> Iterator[Unit]:
        """The obligations of the invariants selected, lemmas included, in parts that are found one by one."""
        chosen = [(i, c) for i in self.invariants for c in i.clauses if only(i)]
        yield partial(self._of_states, [(i, c) for i, c in chosen if c.form == "state" and not c.lemma])
        for instant in (False, True):
            stepwise = [
                (i, c)
                for i, c in chosen
                if (c.form == "step" and c.instant == instant) or (c.form == "state" and c.lemma and not instant)
            ]
            for action in (*self.part.actions, *((CORE_MOVES,) if "lined" in self.part.kinds else ())):
                here = [(i, c) for i, c in stepwise if not c.of or action.name in c.of]
                if action is CORE_MOVES:
                    here = [(i, c) for i, c in here if c.form == "state"]
                if here:
                    yield from self._of_action(action, here, instant=instant)
        for invariant, clause in chosen:
            if clause.form == "scenario":
                for case in self.cases(clause.domains):
                    yield partial(self._of_scenario, invariant, clause, case)

    def cases(self, domains: dict[str, Domain]) -> Iterator[Case]:
        """The cases of an action's or a scenario's arguments."""
        return cases_of(domains, self.part.kinds)

    def _of_states(self, clauses: list[tuple[Invariant, Clause]]) -> Iterator[Obligation]:
        for invariant, clause in clauses:
            for case in self.cases({}):

                def setup(space: Space, case: Case = case) -> Any:
                    return self.world(space, {}, case, instant=False)[0]

                def run(path: Path, pool: Any, invariant: Invariant = invariant, clause: Clause = clause) -> None:
                    for name, place in places(clause, copy_pool(pool), (ANYONE,)):
                        claim_clause(path, clause, place, f"{invariant.id}/{clause.name}{name}")

                for path in self.explore(setup, run):
                    for goal in goals_of(path):
                        yield owned(goal, "any state", case.name)

    def _of_action(self, action: Action, clauses: list[tuple[Invariant, Clause]], *, instant: bool) -> Iterator[Unit]:
        """The obligations of a step: at the markets that the action names, and at another one that it may accrue.

        Within an instant every market is accrued, and another one does not change.
        """
        local = [(invariant, clause) for invariant, clause in clauses if clause.over in ("market", "position")]
        names_a_market = any(domain.kind == "asset" for domain in action.domains.values())
        for case in self.cases(action.domains):
            yield partial(self._of_case, action, clauses, case, instant=instant)
            if local and not instant and action.by == "user" and names_a_market:
                for kind in self.part.kinds:
                    yield partial(self._of_case, action, local, case, instant=False, beside=kind)

    def _of_case(
        self,
        action: Action,
        clauses: list[tuple[Invariant, Clause]],
        case: Case,
        *,
        instant: bool,
        beside: Kind | None = None,
    ) -> Iterator[Obligation]:
        accounts = tuple(dict.fromkeys((*case.accounts.values(), ANYONE)))
        foreign = not any(action is each for each in BUILT_IN)
        if action.name in REACH_TREASURY or foreign:
            accounts = (*accounts, TREASURY)
        world = case.beside(OTHER, beside) if beside else case

        def setup(space: Space) -> tuple[Any, list[Any]]:
            return self.world(space, action.domains, world, instant=instant)

        def run(path: Path, start: tuple[Any, list[Any]]) -> None:
            old, arguments = start
            pool = copy_pool(old)
            if action is CORE_MOVES:
                self.move_cores(path.space, pool)
            action.run(pool, *arguments)
            if action.name == "write_off":
                markets: Any = pool.markets
                markets.elsewhere = ElsewhereWrittenOff(markets.elsewhere, arguments[1])
            if action.by != "user":
                for name, condition in self.region(pool):
                    path.assume(condition, f"region: {name}")
            step = Step(action, dict(zip(action.domains, arguments, strict=True)), old, pool)
            only = OTHER if beside else None
            if foreign and not instant:
                self._claim_frame(path, step)
            for cuts, group in by_cuts(clauses):
                self._claim_group(path, cuts, group, step, accounts, only)

        for path in self.explore(setup, run):
            for goal in goals_of(path):
                yield owned(goal, action.name, f"{world.name}, in another market" if beside else case.name)

    def _claim_frame(self, path: Path, step: Step) -> None:
        """Claim that an action leaves what it does not name as it was, but for its accrual.

        Without that, sums over an account's other markets would say nothing of the state after it.  A write-off
        touches every market of an account, and leaves nothing of the account's there.
        """
        old, new, named = step.old, step.new, tuple(step.arguments.values())
        label = f"{FRAME}/what_is_not_named_is_only_accrued"
        if step.action != pass_time:
            path.claim(new.now == old.now, f"{label}: the time")
        for asset, market in new.markets.items():
            before = old.markets[asset]
            if step.action == write_off:
                account = step.arguments["account"]
                gone = (market.shares[account] == 0) & (market.debts[account] == 0)
                path.claim(negation(before.entered[account]) | gone, f"{label}({asset})")
            elif asset not in named:
                accrued = before.copy()
                self.model.accrue(accrued, old.now)
                unchanged = unchanged_market(before, market) | unchanged_market(accrued, market)
                path.claim(unchanged & unchanged_scalars(before.feed, market.feed), f"{label}({asset})")

    def _claim_group(
        self,
        path: Path,
        cuts: Any,
        group: list[tuple[Invariant, Clause]],
        step: Step,
        accounts: tuple[str, ...],
        only: str | None,
    ) -> None:
        """Claim the cuts that several clauses share, then each clause at each place, on a scope of its own."""

        def evaluate() -> None:
            if cuts is not None:
                owners = "+".join(dict.fromkeys(invariant.id for invariant, _ in group))
                claim_cuts(path, cuts, step, f"{owners}/{cuts.__name__}")
            for invariant, clause in group:
                in_core = () if only else places_in_core(clause, step)
                for name, arguments in (*places(clause, step, accounts, only), *in_core):
                    label = f"{invariant.id}/{clause.name}{name}"
                    path.scoped(partial(claim_clause, path, clause, arguments, label))

        path.scoped(evaluate)

    def trial(self, path: Path, owner: str, pool: Any) -> tuple[SymbolicTrial, Any]:
        """A scenario's hand on a path, and the copy of a pool that it may change."""
        return SymbolicTrial(path, owner, self.model, self.move_cores), copy_pool(pool)

    def _of_scenario(self, invariant: Invariant, clause: Clause, case: Case) -> Iterator[Obligation]:
        def setup(space: Space) -> tuple[Any, list[Any]]:
            return self.world(space, clause.domains, case, instant=clause.instant)

        def run(path: Path, start: tuple[Any, list[Any]]) -> None:
            pool, arguments = start
            clause.check(*self.trial(path, invariant.id, pool), *arguments)

        for path in self.explore(setup, run):
            for goal in goals_of(path):
                if not goal.name.startswith("SOLV-6/division"):
                    goal.name = f"{invariant.id}/{clause.name}: {goal.name}"
                yield owned(goal, "scenario", case.name)


class SymbolicTrial:
    """A scenario's hand on a symbolic path."""

    def __init__(
        self,
        path: Path,
        owner: str,
        model: Model,
        move_cores: Callable[[Space, Any], None] = lambda _space, _pool: None,
    ) -> None:
        self._path = path
        self._owner = owner
        self._model = model
        self._move_cores = move_cores

    def do(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out; a refusal leaves the state as it was."""
        return self.attempt(state, self._model.own(action).run, *arguments)

    def attempt(self, state: Any, part: Callable[..., None], *arguments: Any) -> Refusal | None:
        """Carry a part of an action out on a state; a refusal leaves the state as it was."""
        before = copy_pool(state)
        try:
            part(state, *arguments)
        except Refusal as refusal:
            restore(state, before)
            return refusal
        return None

    def confined(
        self,
        state: Any,
        action: Action,
        arguments: tuple[Any, ...],
        *,
        hidden: tuple[str, ...],
        within: tuple[str, ...],
    ) -> bool:
        """Whether an action, on a copy, reads the hidden fields of markets with lines only within methods named."""
        copied = copy_pool(state)
        return confined(partial(self._model.own(action).run, copied, *arguments), copied, hidden, within)

    def midway(self, state: Any) -> Any:
        """A copy in which the numbers of markets with lines, and of the accounts that they pay from, are any."""
        return midway(self._path.space, copy_pool(state))

    def copy(self, state: Any) -> Any:
        """An independent copy of a state."""
        return copy_pool(state)

    def elsewhere(self, state: Any) -> Any:
        """A copy in which others moved the core markets."""
        moved = copy_pool(state)
        self._move_cores(self._path.space, moved)
        return moved

    def assume(self, condition: Any) -> None:
        """Go on only where the condition holds."""
        self._path.assume(condition)

    def claim(self, condition: Any, message: str) -> None:
        """What the scenario must show; what is claimed later may use it."""
        self._path.claim(condition, message)
        self._path.space.fact(condition, self._owner)


def restore(state: Any, before: Any) -> None:
    """Put a symbolic pool back to a copy taken before."""
    for name in type(state).scalars:
        setattr(state, name, getattr(before, name))
    state.feeds, state.markets = before.feeds, before.markets


def unchanged_scalars(old: Any, new: Any) -> Any:
    """Whether two readings of a record hold the same numbers; rate models are the same where they are one object."""
    return all_of(
        getattr(old, name) is getattr(new, name) if name == "rates" else getattr(old, name) == getattr(new, name)
        for name in new.scalars
    )


def unchanged_market(old: Any, new: Any) -> Any:
    """Whether two readings of a market hold the same numbers, and the same for every account that a run can name."""
    result = unchanged_scalars(old, new)
    for name in new.ledgers:
        before, after = getattr(old, name), getattr(new, name)
        if after.boolean:
            result = result & all_of(same(before[account], after[account]) for account in after)
        else:
            result = result & all_of(before[account] == after[account] for account in after)
            result = result & (before.total() == after.total())
    return result


def owned(goal: Goal, action: str, case: str) -> Obligation:
    """An obligation of the invariant that the goal's name begins with."""
    owner, _, clause = goal.name.partition("/")
    return Obligation(owner, clause, action, case, goal)


def goals_of(path: Path) -> Iterator[Goal]:
    """The goals of a path, and the defect in which it ends: that one must be impossible."""
    yield from path.goals
    if path.defect is not None:
        name, facts, conditions = f"SOLV-6/{path.defect}", tuple(path.space.facts), tuple(path.conditions)
        if path.excluded_by is not None and conditions and conditions[-1].node == negated(path.excluded_by.node):
            yield Goal(path.excluded_by.node, name, facts, conditions[:-1], path.space.atoms)
        else:
            yield Goal(False, name, facts, conditions, path.space.atoms)

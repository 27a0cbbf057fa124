"""Exploration: every state that a small world reaches in a number of actions, breadth first.

Each state invariant is evaluated on every distinct state, each step invariant on every step.  States that
differ only in the users' names are one.  What is found is the shortest way there, shrunk into a trace.

Limits: a world of few users, small amounts and a handful of prices; invariants whose clauses are scenarios
(they run actions of their own) are not evaluated here.
"""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, permutations
from random import Random
from typing import Any, TypeAlias

from poolproof.spec.action import perform
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .checks_by_part import ChecksByPart, Questions
from .components import Components, Numbers, UnknownAccount
from .monitor import DIVISION, TREASURY
from .parts import require_one_pool
from .shrink import Finding, shrink
from .small_world import USERS, Template, openings, small_world, templates
from .traces import Call, Trace, Violated, traced

TOLD_EVERY = 0.2
"""Shortest time between two reports of progress [s]."""


@dataclass(slots=True)
class ExploreReport:
    """What was visited and what was found.

    ``generated`` counts the states that completed actions lead to, ``distinct`` the different ones among them
    and the openings.  ``complete``: all states up to ``depth`` actions from an opening were visited.
    """

    protocol: str
    depth: int
    complete: bool = False
    generated: int = 0
    distinct: int = 0
    seconds: float = 0.0
    violations: list[Trace] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The report as `explore --json` writes it."""
        return {
            "protocol": self.protocol,
            "depth": self.depth,
            "complete": self.complete,
            "generated": self.generated,
            "distinct": self.distinct,
            "seconds": round(self.seconds, 3),
            "violations": [trace.to_json() for trace in self.violations],
        }


Progress: TypeAlias = Callable[[ExploreReport], None]


def explore(
    model: Model,
    protocol: Protocol,
    invariants: Iterable[Invariant],
    *,
    depth: int,
    max_states: int | None = None,
    users: int = USERS,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> ExploreReport:
    """Visit every state of a protocol's small world up to a depth, or until there are ``max_states`` of them.

    Of each invariant that fails the shallowest violation is shrunk: on the protocol itself, where it recurs
    there after a few parameter and price changes, else on the small world.  ``seed`` chooses which states
    are left out where ``max_states`` ends the exploration.

    Refuses: a depth below 0, a number of users that the protocol does not have, a system of pools.
    """
    if depth < 0:
        raise UsageError(f"a depth of {depth} is below 0", "depth", "write a number of actions, like 3")
    require_one_pool(model, protocol, "explore")
    world = small_world(protocol, min(users, len(protocol.users)))
    chosen = tuple(invariants)
    strangers: tuple[Account, ...] = (TREASURY,)
    while True:
        try:
            exploration = _Exploration(model, world, chosen, strangers, ExploreReport(protocol.name, depth))
            with _no_collection():
                exploration.run(depth, max_states, Random(seed), on_progress)
            break
        except UnknownAccount as unknown:
            strangers += (unknown.account,)
    known = {invariant.id: invariant for invariant in chosen}
    for claim, calls in exploration.findings.items():
        trace = _traced(model, protocol, world, Finding(claim, known.get(claim), calls))
        exploration.report.violations.append(trace)
    return exploration.report


@contextmanager
def _no_collection() -> Iterator[None]:
    """Leave out the search for cyclic garbage: there is none, and it would look at every state again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _traced(model: Model, protocol: Protocol, world: Protocol, finding: Finding) -> Trace:
    """The trace of a finding: on the protocol itself where it recurs, else on its small world.

    A clause about one market that reads another one can be broken by a step at which nobody asks it but an
    exploration: such a trace is the path as it was found.
    """
    lifted = Finding(finding.id, finding.invariant, _to_small_scale(model, world) + finding.calls)
    trace = shrink(model, protocol, lifted) or shrink(model, world, finding)
    if trace is not None:
        return trace
    claim = finding.invariant.claim if finding.invariant else "no action divides by zero"
    steps = [traced(what, arguments) for what, arguments in finding.calls]
    violated = Violated(0, len(steps) - 1, f"after this step it does not hold that {claim}")
    return Trace(world.name, world.canonical_json(), finding.id, [steps], violated)


def _to_small_scale(model: Model, world: Protocol) -> list[Call]:
    """Actions that give the markets of a protocol the prices, caps and rates of its small world."""
    known = {action.name: action for action in model.actions}
    calls: list[Call] = []
    for market in world.pools[0].markets:
        rates = market.rate_model
        for name, arguments in (
            ("set_price", (market.price,)),
            ("set_supply_cap", (market.supply_cap,)),
            ("set_borrow_cap", (market.borrow_cap,)),
            ("set_rate_model", (0, rates.multiplier_per_year, rates.jump_multiplier_per_year, rates.kink)),
        ):
            action = known.get(name)
            if action is not None and len(action.domains) == 1 + len(arguments):
                calls.append((action, (market.asset, *arguments)))
    return calls


@dataclass(slots=True)
class _Plan:
    """What can be done in every state in which a part has a value.

    ``moves`` of actions that read nothing else: call, new number of the state's own fields and of the part,
    and what is left to check (None: ask every part).  ``elsewhere``: calls that read more, to be carried
    out in each state.
    """

    moves: list[tuple[int, int, int, Questions | None]] = field(default_factory=list)
    elsewhere: list[int] = field(default_factory=list)


class _Exploration:
    """One breadth-first run."""

    def __init__(
        self,
        model: Model,
        world: Protocol,
        invariants: tuple[Invariant, ...],
        strangers: tuple[Account, ...],
        report: ExploreReport,
    ) -> None:
        self.report = report
        self.state = model.build(world)
        assets = tuple(self.state.markets)
        self.components = Components(self.state, world.users, strangers)
        self.parts = self.components.parts
        self.calls: list[Call] = []
        self.call_numbers: dict[Any, int] = {}
        self.checks = ChecksByPart(model, invariants, world.users, strangers, self.components, self.calls)
        self.findings: dict[str, list[Call]] = {}
        self.plans: list[dict[tuple[int, int], _Plan]] = [{} for _ in self.parts]
        self.at_home: list[list[int]] = [[] for _ in self.parts]
        self.by_holding: list[list[Template]] = [[] for _ in self.parts]
        self.everywhere: list[int] = []
        self.everywhere_by_holding: list[Template] = []
        self._sort(templates(model, world.users, assets))
        self.seen: set[Numbers] = set()
        self.states: list[Numbers] = []
        self.users = world.users
        self.parents, self.made_by, self.renamings = array("l"), array("l"), array("l")
        self.opened: dict[int, list[Call]] = {}
        initial = self.components.read()
        for calls in openings(model, world.users, assets):
            self._open(initial, calls)

    def _sort(self, every: Iterable[Template]) -> None:
        """Find out which part each action reads, by trying it: one is its home, else it is tried anywhere."""
        part_of = {name: part.position for part in self.parts for table, name, _ in part.places if table == "markets"}
        for template in every:
            if len(template.assets) > 1:
                self.everywhere_by_holding.append(template)
                continue
            if template.assets:
                self.by_holding[part_of[template.assets.pop()]].append(template)
                continue
            call = self._number((template.action, template.arguments))
            self._perform(call)
            self.state.journal.undo()
            read = self.components.watch.parts
            if read & (read - 1):
                self.everywhere.append(call)
            else:
                self.at_home[read.bit_length() - 1 if read else 0].append(call)
        self.checks.broken.clear()  # each of these calls is carried out again where it counts

    def _number(self, call: Call) -> int:
        """The number of an action with its arguments."""
        key = (call[0].name, call[1])
        number = self.call_numbers.get(key)
        if number is None:
            number = self.call_numbers[key] = len(self.calls)
            self.calls.append(call)
        return number

    # --- one action ---------------------------------------------------------------------------------------

    def _perform(self, call: int) -> bool:
        """Carry a call out on the live state; whether it completed.  Division by zero is noted and undone."""
        self.components.watch.parts = 0
        action, arguments = self.calls[call]
        try:
            return perform(self.state, action, arguments) is None
        except ZeroDivisionError:
            self.state.journal.undo()
            self.checks.broken.append(DIVISION)
            return False

    # --- openings -----------------------------------------------------------------------------------------

    def _open(self, initial: Numbers, calls: list[Call]) -> None:
        """Add the state that an opening leads to; its steps are checked like any other."""
        numbers = initial
        done: list[Call] = []
        for each in calls:
            self.components.load(numbers)
            call = self._number(each)
            if not self._perform(call):
                self._found(done + [each])
                continue
            done.append(each)
            touched, news = self.components.after(numbers)
            self.checks.check_step(call, touched, numbers, news)
            self.checks.check_state(news)
            self._found(done)
            numbers = news
        self.opened[len(self.states)] = done
        self._add(numbers, -1, -1)
        self._found(done)

    def _add(self, numbers: Numbers, parent: int, call: int) -> None:
        """Add a state, if none that differs only in the users' names is there; kept is the least of those."""
        renamed = self.components.renamed(numbers)
        least = min(renamed)
        if least not in self.seen:
            self.seen.add(least)
            self.states.append(least)
            self.parents.append(parent)
            self.made_by.append(call)
            self.renamings.append(renamed.index(least))
            self.checks.check_state(least)

    def _path(self, index: int, last: int) -> list[Call]:
        """The actions that lead from the initial state to a state, and one more.

        Each was noted with the users' names of the state before it, which is the least of its renamings.
        """
        indexes = [index]
        while (parent := self.parents[indexes[-1]]) >= 0:
            indexes.append(parent)
        path = list(self.opened[indexes[-1]])
        named = {user: user for user in self.users}
        calls = [self.made_by[each] for each in reversed(indexes[:-1])] + [last]
        for each, call in zip(reversed(indexes), calls, strict=True):
            had = next(islice(permutations(self.users), self.renamings[each], None))
            named = {user: named[before] for user, before in zip(self.users, had, strict=True)}
            action, arguments = self.calls[call]
            path.append((action, tuple(named.get(argument, argument) for argument in arguments)))
        return path

    def _found(self, path: list[Call]) -> None:
        """Keep the path to what is broken, once an invariant."""
        for claim in self.checks.broken:
            self.findings.setdefault(claim, list(path))
        self.checks.broken.clear()

    # --- the search ---------------------------------------------------------------------------------------

    def run(self, depth: int, max_states: int | None, random: Random, on_progress: Progress | None) -> None:
        """Visit level after level."""
        began = told = time.perf_counter()
        report = self.report
        level, complete = list(range(len(self.states))), True
        for _ in range(depth):
            if max_states is not None:
                random.shuffle(level)
            first = len(self.states)
            for index in level:
                if max_states is not None and len(self.states) >= max_states:
                    complete = False
                    break
                self._expand(index)
                if on_progress is not None and time.perf_counter() - told > TOLD_EVERY:
                    told = time.perf_counter()
                    report.distinct, report.seconds = len(self.states), told - began
                    on_progress(report)
            level = list(range(first, len(self.states)))
            if not complete:
                break
        report.complete = complete
        report.distinct, report.seconds = len(self.states), time.perf_counter() - began

    def _expand(self, index: int) -> None:
        """Visit everything that one action leads to."""
        checks, numbers = self.checks, self.states[index]
        own = numbers[0]
        calls = self.everywhere
        for part, number in enumerate(numbers):
            plan = self.plans[part].get((own, number)) or self._plan(index, part)
            calls = calls + plan.elsewhere
            before, behind = numbers[1:part], numbers[part + 1 :]
            for call, new_own, new_number, known in plan.moves:
                news = (new_own, *before, new_number, *behind) if part else (new_own, *behind)
                left = checks.left_of_step(call, (), numbers, news) if known is None else known
                self._arrive(index, call, numbers, news, left)
        self.components.load(numbers)
        for template in self.everywhere_by_holding:
            calls = calls + [self._number(call) for call in template.calls(self.state)]
        for call in calls:
            if self._perform(call):
                touched, news = self.components.after(numbers)
                left = checks.left_of_step(call, touched, numbers, news)
                self._arrive(index, call, numbers, news, left)
            elif self.checks.broken:
                self._found(self._path(index, call))

    def _plan(self, index: int, part: int) -> _Plan:
        """What can be done wherever a part, and the state's own fields, are as in a state."""
        numbers = self.states[index]
        plan = self.plans[part][numbers[0], numbers[part]] = _Plan()
        self.components.load(numbers)
        calls = list(self.at_home[part])
        for template in self.by_holding[part]:
            calls += [self._number(call) for call in template.calls(self.state)]
        beyond = ~(1 << part) if part else ~0
        for call in calls:
            completed = self._perform(call)
            if self.components.watch.parts & beyond:
                self.state.journal.undo()
                self.checks.broken.clear()
                plan.elsewhere.append(call)
            elif completed:
                touched, news = self.components.after(numbers)
                same = news[0] == numbers[0]
                left = self.checks.left_of_step(call, touched, numbers, news) if same else None
                plan.moves.append((call, news[0], news[part], left))
            if self.checks.broken:
                self._found(self._path(index, call))
        return plan

    def _arrive(self, index: int, call: int, numbers: Numbers, news: Numbers, left: Questions) -> None:
        """Check what is left of one step, and add the state that it leads to, if it is new."""
        self.report.generated += 1
        checks = self.checks
        if left:
            checks.check_whole_step(call, numbers, news, left)
        if news != numbers:
            self._add(news, index, call)
        if checks.broken:
            self._found(self._path(index, call))

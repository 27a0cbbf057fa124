"""Search: is there a short trace?  Sequences of actions from the initial state, their amounts symbolic.

The model itself runs, on the state that a protocol builds, with terms in the place of the numbers that actions take.
A path through a sequence stands for all amounts that take it.  After its last action the solver is asked for amounts
that break a claim; what it answers is tried on integers, and only what recurs there is a violation.

Limits: what the protocol file fixes (wallets, parameters and prices at the start) is as in the file; users are those
of the file.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.logic import Condition
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

from .claims import Claims, touched_markets
from .parts import require_one_pool
from .paths import Path
from .questions import HOLDS, Claim, OutOfBudget, Questions, Values
from .sequences import Alphabet, Done, OpenCall, Sequence, amounts, arguments, concrete, pins, with_numbers
from .shapes import Shapes
from .shrink import Finding, shrink
from .snapshots import copy_state
from .terms import DivisionByZero, Space
from .traces import Trace

DEPTH = 4
BUDGET = 20_000_000
"""Resources of a search: a minute or two."""
A_PATH = 200
"""Resources that one path counts, through the last action of a sequence or through a scenario."""
TOLD_EVERY = 0.2
"""Shortest time between two reports of progress [s]."""


@dataclass(slots=True)
class SearchReport:
    """What was searched and what was found.

    ``depth``: every sequence of at most so many actions was tried and decided (-1: not even the initial state was).
    ``complete``: that is the depth that was asked for, so the invariant holds to it.  ``sequences`` counts those that
    were tried, ``questions`` what the solver was asked, ``undecided`` the claims that it left open.  ``reason``: why
    the search is not complete.
    """

    protocol: str
    invariant: str
    trace: Trace | None = None
    depth: int = -1
    complete: bool = False
    sequences: int = 0
    questions: int = 0
    undecided: int = 0
    seconds: float = 0.0
    reason: str | None = None


def search(
    model: Model,
    protocol: Protocol,
    invariant: Invariant,
    *,
    depth: int = DEPTH,
    budget: int = BUDGET,
    seed: int = 0,
    actions_hint: Iterable[str] = (),
    on_progress: Callable[[SearchReport], None] | None = None,
) -> SearchReport:
    """Look for a violation of an invariant in sequences of up to ``depth`` actions, the likeliest first.

    ``actions_hint`` are tried at once wherever the search gets; names that are no action are passed over.  ``seed``
    chooses the order among equally likely calls, and so what a budget leaves out.

    Refuses: a depth below 0, a system of pools.
    """
    if depth < 0:
        raise UsageError(f"a depth of {depth} is below 0", "depth", "write a number of actions, like 3")
    require_one_pool(model, protocol, "search")
    engine = _Search(model, protocol, invariant, depth, budget, seed, actions_hint, on_progress)
    engine.run()
    return engine.report


class _Violated(Exception):
    """A violation was found, and recurs on integers."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace)
        self.trace = trace


class _Search:
    """One search."""

    def __init__(
        self,
        model: Model,
        protocol: Protocol,
        invariant: Invariant,
        depth: int,
        budget: int,
        seed: int,
        hint: Iterable[str],
        on_progress: Callable[[SearchReport], None] | None,
    ) -> None:
        self.model, self.protocol, self.invariant, self.depth = model, protocol, invariant, depth
        self.report = SearchReport(protocol.name, invariant.id)
        self.claims = Claims(model, invariant)
        self.alphabet = Alphabet(protocol, self.claims.likely(hint))
        self.questions = Questions(budget)
        self.shapes = Shapes()
        self.random = Random(seed) if seed else None
        self.initial = model.build(protocol)
        self.region = [bool(holds) for _, holds in model.admissible(self.initial)]
        self.queue: list[tuple[int, int, int, Any]] = []
        self.count = 0
        self.open_levels = Counter({0: 1})
        self.open_claims: dict[Claim, None] = {}
        self.on_progress = on_progress
        self.began = self.told = time.perf_counter()

    # --- what is done when ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Try sequences until all are tried, one breaks a claim, or the budget ends."""
        report = self.report
        try:
            self._check_state(new_path(()), Sequence(), (), self.initial)
            self._push(Sequence())
            self.open_levels[0] -= 1
            while self.queue:
                *_, (act, arguments) = heapq.heappop(self.queue)
                act(*arguments)
        except _Violated as violated:
            report.trace = violated.trace
        except OutOfBudget:
            report.reason = f"the budget ended after {report.sequences} sequences"
        self._measure()
        if report.trace is None and report.reason is None and self.open_claims:
            first = min(self.open_claims, key=lambda claim: claim.length)
            report.reason = f"{report.undecided} claims were not decided, the first after {first.after}"

    def _put(self, rank: int, length: int, act: Callable[..., None], *arguments: Any) -> None:
        """Put something to do behind what is likelier; of what is as likely, longer sequences come first."""
        self.count += 1
        heapq.heappush(self.queue, (rank, -length, self.count, (act, arguments)))

    def _push(self, sequence: Sequence) -> None:
        """Put the extensions of a sequence to what is to be done."""
        length = len(sequence.calls) + 1
        if length > self.depth:
            return
        actions = self.claims.last_actions if length == self.depth else self.model.actions
        for rank, calls in self.alphabet.extensions(sequence, actions).items():
            if self.random is not None:
                self.random.shuffle(calls)
            self.open_levels[length] += 1
            self._put(rank, length, self._extend, sequence, calls)

    def _settle(self, claim: Claim, turn: int) -> None:
        """Ask whether a claim holds; what is not decided is put off, and then looked at longer."""
        if self.questions.holds(claim, turn):
            self.open_claims.pop(claim, None)
            return
        self.open_claims.setdefault(claim)
        if turn + 1 < len(HOLDS):
            self._put(claim.cost + turn, 0, self._settle, claim, turn + 1)

    def _measure(self) -> None:
        report = self.report
        report.seconds, report.questions = time.perf_counter() - self.began, self.questions.asked
        report.undecided = len(self.open_claims)
        tried = min((level - 1 for level, count in self.open_levels.items() if count), default=self.depth)
        report.depth = min([tried, *(claim.length - 1 for claim in self.open_claims)])
        report.complete = report.trace is None and report.depth == self.depth

    # --- one sequence ---------------------------------------------------------------------------------------------

    def _extend(self, sequence: Sequence, calls: list[OpenCall]) -> None:
        """Try a sequence with one call more, for each of some calls."""
        path, state = new_path(sequence.decisions), copy_state(self.initial)
        done: Done = ()
        for call in sequence.calls:
            done = (*done, (call, arguments(path.space, call.action.domains, call.given)))
            self._carry_out(path, state, *done[-1])
        if tuple(path.decisions) != sequence.decisions:
            raise AssertionError("a path that is taken again takes other decisions")
        old = copy_state(state)
        for call in calls:
            self.report.sequences += 1
            path.scoped(partial(self._try, path, sequence, done, call, old, state))
            if self.on_progress is not None and time.perf_counter() - self.told > TOLD_EVERY:
                self.told = time.perf_counter()
                self._measure()
                self.on_progress(self.report)
        self.open_levels[len(sequence.calls) + 1] -= 1

    def _carry_out(self, path: Path, state: Any, call: OpenCall, values: tuple[Any, ...]) -> None:
        """Carry a call out on a state, inside the region and the horizon."""
        state.begin()
        call.action.run(state, *values)
        if call.action.by != "user":
            for (_, condition), held in zip(self.model.admissible(state), self.region, strict=True):
                if held:
                    path.assume(condition, "region")
            path.assume(state.now <= self.protocol.horizon, "horizon")

    def _try(self, path: Path, sequence: Sequence, done: Done, call: OpenCall, old: Any, state: Any) -> None:
        """Take one path through one call more; the state is as before afterwards."""
        self.questions.spend(A_PATH)
        done = (*done, (call, arguments(path.space, call.action.domains, call.given)))
        try:
            self._carry_out(path, state, *done[-1])
            longer = self.alphabet.extended(sequence, call, tuple(path.decisions))
            self._look(path, longer, done, old, state)
        except Refusal:
            return
        except (DivisionByZero, ZeroDivisionError) as division:
            self.claims.divided(path, division, self._shower(self.alphabet.extended(sequence, call), done))
        finally:
            state.journal.undo()

    def _look(self, path: Path, sequence: Sequence, done: Done, old: Any, new: Any) -> None:
        """Check what the last action did, and keep the state if it is another one than those before."""
        length = len(sequence.calls)
        call, values = done[-1]
        step = Step(call.action, dict(zip(call.action.domains, values, strict=True)), old, new)
        touched = touched_markets(old, new)
        self.claims.of_step(path, step, touched, self.alphabet.accounts(sequence), self._shower(sequence, done))
        if length == self.depth and not self.claims.states_matter:
            return
        users = self.alphabet.users[: sequence.users]
        if not self.shapes.is_new(path, new, done, users, length):
            return
        if length < self.depth or self.claims.scenarios:
            path.claim(condition=False, name="this path is taken")
            numbers = self.questions.witness(path.goals.pop())
            if numbers is None:
                return
            sequence = replace(sequence, witness=with_numbers(done, numbers) if numbers else ())
        self.shapes.keep(length)
        self._check_state(path, sequence, done, new)
        self._push(sequence)

    def _check_state(self, path: Path, sequence: Sequence, done: Done, state: Any) -> None:
        """Evaluate the state and scenario clauses on a state."""
        self.claims.of_state(path, state, self.alphabet.accounts(sequence), self._shower(sequence, done))
        for clause in self.claims.scenarios:
            for given in self.alphabet.given(clause.domains, sequence.users, zero=False):

                def run(clause: Clause = clause, given: Any = given) -> None:
                    self.questions.spend(A_PATH)
                    values = arguments(path.space, clause.domains, given, zero=False)
                    self.claims.of_scenario(path, clause, state, values, self._shower(sequence, done, clause, values))

                path.scoped(run)

    # --- one claim ------------------------------------------------------------------------------------------------

    def _shower(
        self, sequence: Sequence, done: Done, scenario: Clause | None = None, values: tuple[Any, ...] = ()
    ) -> Callable[[Path, Condition], None]:
        """What shows a claim after a sequence, or in a scenario after it."""

        def show(path: Path, condition: Condition) -> None:
            path.claim(condition, "claim")
            goal = path.goals.pop()
            if goal.node is True:
                return

            def broken_by(numbers: Values) -> None:
                actions = (call.action for call, _ in done)
                calls = list(zip(actions, with_numbers(done, numbers), strict=True))
                finding = Finding(self.invariant.id, self.invariant, calls, scenario, concrete(values, numbers))
                trace = shrink(self.model, self.protocol, finding)
                if trace is not None:
                    raise _Violated(trace)

            small = [name for call, each in done for name in amounts(call.action.domains, each)]
            small += amounts(scenario.domains, values) if scenario else []
            known = pins(done, sequence.witness)
            length, cost = len(sequence.calls), sequence.cost
            self._settle(Claim(goal, tuple(small), known, broken_by, str(sequence), length, cost), 0)

        return show


def new_path(prefix: tuple[bool, ...]) -> Path:
    """A path through a new run that takes given decisions first."""
    space = Space(None)
    space.path = path = Path(space, prefix)
    return path

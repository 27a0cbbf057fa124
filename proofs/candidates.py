"""A run that may become a trace: does it violate the invariant, and is it smaller than the best so far?"""

from __future__ import annotations

from typing import Any, TypeAlias

from poolproof.spec.action import Action, perform
from poolproof.spec.invariant import Clause
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .hunting import Finding
from .monitor import DIVISION, Violation, division_by_zero, run_scenario
from .snapshots import copy_state
from .system_monitor import monitor_of
from .traces import Call, Trace, Violated, traced

Calls: TypeAlias = tuple[Call, ...]
Key: TypeAlias = tuple[int, int, int, int, tuple[Any, ...]]
"""The size of a run: steps, names, how late the protocol has the names, the sum of the numbers, the order."""


def scenario_action(clause: Clause) -> Action:
    """A scenario as a last step, so that its arguments shrink as those of an action do."""

    def run(*_: Any) -> None:
        raise TypeError

    return Action(f"scenario {clause.name}", run, clause.domains, "environment", None, clause.name)


class Candidates:
    """Runs candidates for the trace of one finding, and keeps the smallest that violates its invariant.

    ``trials`` is how many more may run; ``tried`` what did.
    """

    def __init__(self, model: Model, protocol: Protocol, finding: Finding, initial: Any) -> None:
        self.model, self.protocol, self.finding, self.initial = model, protocol, finding, initial
        self.monitor = monitor_of(model, [finding.invariant] if finding.invariant else [], protocol.users)
        self.scenario = scenario_action(finding.scenario) if finding.scenario else None
        self.rank = {action.name: rank for rank, action in enumerate(model.actions)}
        self.users = {user: rank for rank, user in enumerate(protocol.users)}
        self.assets = {asset: rank for rank, asset in enumerate(self.initial.markets)}
        self.pools = {pool: rank for rank, pool in enumerate(getattr(self.initial, "pools", ()))}
        self.ranks = self.pools | self.assets | self.users
        self.trials = 0
        self.tried: set[Any] = set()
        self.best: Calls = ()
        self.best_key: Key = (0, 0, 0, 0, ())

    def run(self, calls: Calls) -> tuple[Calls, Violation | None]:
        """The completed actions up to the first violation, and the violation."""
        state = copy_state(self.initial)
        self.monitor.bind(state)
        done: list[Call] = []
        if self.scenario is None:
            found = self._wanted(self.monitor.check_state())
            if found is not None:
                return (), found
        for call in calls:
            if call[0] is self.scenario:
                return (*done, call), self.run_scenario(state, call[1])
            completed, found = self.step(state, call, watched=self.scenario is None)
            if completed:
                done.append(call)
            if found is not None:
                return tuple(done), found
        return tuple(done), None

    def breaks_at_the_end(self, calls: Calls) -> Calls | None:
        """The completed actions, if the last one is the violation: what a candidate has to show."""
        if not calls:
            return calls if self.run(calls)[1] is not None else None
        last = calls[-1]
        if self.scenario is not None and last[0] is not self.scenario:
            return None
        state = copy_state(self.initial)
        done = [call for call in calls[:-1] if self.step(state, call, watched=False)[0]]
        if last[0] is self.scenario:
            return (*done, last) if self.run_scenario(state, last[1]) is not None else None
        self.monitor.bind(state)
        completed, found = self.step(state, last, watched=True)
        return (*done, last) if completed and found is not None else None

    def step(self, state: Any, call: Call, *, watched: bool) -> tuple[bool, Violation | None]:
        """Whether an action completed (or divided by zero, where that is wanted), and what it violated."""
        action, arguments = call
        try:
            if perform(state, action, arguments) is not None:
                return False, None
        except ZeroDivisionError:
            state.journal.undo()
            if self.finding.id != DIVISION:
                return False, None
            return True, division_by_zero(action.name)
        return True, self._wanted(self.monitor.check(action, arguments)) if watched else None

    def _wanted(self, violations: list[Violation]) -> Violation | None:
        """The violation of the finding's invariant among several."""
        return next((found for found in violations if found.invariant == self.finding.id), None)

    def _own(self, clause: Clause) -> bool:
        """Whether a scenario is one of the finding's invariant: a division by zero may be in any."""
        owner = self.finding.invariant
        return owner is not None and any(each.name == clause.name for each in owner.clauses)

    def run_scenario(self, state: Any, arguments: tuple[Any, ...]) -> Violation | None:
        """The scenario from a state: what it violates."""
        clause = self.finding.scenario
        if clause is None:
            raise TypeError
        try:
            message = run_scenario(self.model, clause, state, arguments)
        except ZeroDivisionError:
            return division_by_zero(clause.name) if self.finding.id == DIVISION else None
        if message is None or (self.finding.id == DIVISION and not self._own(clause)):
            return None
        return Violation(self.finding.id, clause.name, message, {"clause": clause.name})

    def key(self, calls: Calls) -> Key:
        """The size of a candidate; every move makes it smaller."""
        names: set[str] = set()
        distance = total = 0
        order: list[tuple[int, ...]] = []
        for action, arguments in calls:
            ranks = [self.rank.get(action.name, len(self.rank))]
            for value in arguments:
                if isinstance(value, str):
                    names.add(value)
                    ranks.append(self.ranks.get(value, -1))
                    distance += ranks[-1]
                else:
                    total += value
            order.append(tuple(ranks))
        return len(calls), len(names), distance, total, tuple(order)

    def accept(self, calls: Calls) -> bool:
        """Take a candidate as the best so far, if it violates the invariant and is smaller."""
        text = tuple((action.name, arguments) for action, arguments in calls)
        if text in self.tried or not self.trials or self.key(calls) >= self.best_key:
            return False
        self.tried.add(text)
        self.trials -= 1
        done = self.breaks_at_the_end(calls)
        if done is None:
            return False
        self.best, self.best_key = done, self.key(done)
        return True

    def written(self, start: dict[str, Any] | None) -> Trace:
        """Write the best candidate as a trace."""
        calls, violation = self.run(self.best)
        if violation is None:
            raise AssertionError("a shrunk trace that no longer violates its invariant")
        values = dict(violation.values)
        if self.scenario is not None:
            _, arguments = calls[-1]
            calls = calls[:-1]
            values["scenario"] = {
                "clause": self.finding.scenario.name if self.finding.scenario else "",
                **{name: str(value) for name, value in zip(self.scenario.domains, arguments, strict=True)},
            }
        return Trace(
            protocol=self.protocol.name,
            config=self.protocol.canonical_json(),
            invariant=self.finding.id,
            runs=[[traced(action, arguments) for action, arguments in calls]],
            violation=Violated(0, len(calls) - 1, violation.message, values),
            start=start,
        )

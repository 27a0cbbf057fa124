"""Aimed fuzzing: run after run that violates one invariant, in short episodes of every style."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from poolproof.spec.action import perform
from poolproof.spec.invariant import Clause, Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .draw import CRASH, DUST, EDGE, REAL, SMALL_EDGE
from .monitor import DIVISION, run_scenario
from .parts import scenarios_of
from .snapshots import copy_state
from .system_monitor import monitor_of
from .system_tactics import tactics_for
from .tactics import WEIGHTS
from .traces import Call

MOST_SCENARIOS = 6
"""Most scenarios that are run from one state."""
STYLES = (REAL, DUST, EDGE, CRASH, DUST, SMALL_EDGE)
"""The styles of the episodes, in turn."""


@dataclass(slots=True)
class Finding:
    """A violation as an engine found it: the actions from the start, and a scenario clause's arguments.

    ``invariant`` is None for a division by zero where the catalogue has no invariant of that id.
    """

    id: str
    invariant: Invariant | None
    calls: list[Call]
    scenario: Clause | None = None
    arguments: tuple[Any, ...] = ()


def weights_for(hinted: Iterable[str], factor: float = 5.0) -> dict[str, float]:
    """The usual weights, those of the hinted actions raised."""
    raised = {name: factor * WEIGHTS.get(name, 2.0) for name in hinted}
    return WEIGHTS | raised


class Hunter:
    """Looks for violations of one invariant from one state; of scenario clauses, for those that are hinted, if any are."""

    def __init__(
        self,
        model: Model,
        protocol: Protocol,
        id: str,  # noqa: A002 - an invariant's id
        invariant: Invariant | None,
        initial: Any,
        *,
        seed: int,
        weights: dict[str, float],
        hinted: Iterable[str] = (),
    ) -> None:
        self.model, self.id, self.invariant, self.initial = model, id, invariant, initial
        self.random = Random(seed)
        self.tactics = tactics_for(model, protocol, self.random, weights)
        self.monitor = monitor_of(model, [invariant] if invariant else [], protocol.users)
        scenarios = scenarios_of(model, invariant)
        self.scenarios = [clause for clause in scenarios if clause.name in hinted] or scenarios

    def findings(self, budget_steps: int, longest: int) -> Iterator[Finding]:
        """Each violation that random runs of at most so many actions meet; a scenario counts as two steps."""
        initial = copy_state(self.initial)
        self.monitor.bind(initial)
        if self._violated(self.monitor.check_state()):
            yield self._finding([])
            return
        done, episode = 0, 0
        while done < budget_steps:
            state = copy_state(self.initial)
            self.tactics.begin(state, STYLES[episode % len(STYLES)])
            self.monitor.bind(state)
            episode += 1
            calls: list[Call] = []
            if episode & 7 == 1:
                found = self._scenario(state, calls)
                if found is not None:
                    yield found
            for _ in range(3 + int(self.random.random() * longest)):
                done += 1
                found = self._step(state, calls)
                if found is None and self.scenarios and self.random.getrandbits(1):
                    done += 2
                    found = self._scenario(state, calls)
                if found is not None:
                    yield found
                    break

    def _finding(self, calls: list[Call], scenario: Clause | None = None, arguments: Any = ()) -> Finding:
        return Finding(self.id, self.invariant, list(calls), scenario, arguments)

    def _violated(self, violations: list[Any]) -> bool:
        return any(violation.invariant == self.id for violation in violations)

    def _step(self, state: Any, calls: list[Call]) -> Finding | None:
        """One action; a finding if it violates the invariant."""
        action, arguments = call = self.tactics.next()
        try:
            if perform(state, action, arguments) is not None:
                return None
        except ZeroDivisionError:
            state.journal.undo()
            return self._finding([*calls, call]) if self.id == DIVISION else None
        calls.append(call)
        return self._finding(calls) if self._violated(self.monitor.check(action, arguments)) else None

    def _scenario(self, state: Any, calls: list[Call]) -> Finding | None:
        """The scenario clauses, some where there are many, from a visited state, with arguments drawn there."""
        many = len(self.scenarios) > MOST_SCENARIOS
        for clause in self.random.sample(self.scenarios, MOST_SCENARIOS) if many else self.scenarios:
            arguments = self.tactics.arguments_of(clause.domains)
            try:
                broken = run_scenario(self.model, clause, state, arguments) is not None
            except ZeroDivisionError:
                broken = self.id == DIVISION
            if broken:
                return self._finding(calls, clause, arguments)
        return None

"""Counterexamples that a catalogue brings: runs that violated a claim elsewhere, tried on the protocol at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from poolproof.spec.action import Action, perform
from poolproof.spec.invariant import Clause, Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .campaign import initial_state
from .candidates import scenario_action
from .draw import highest
from .hunting import Finding
from .monitor import run_scenario
from .parts import scenarios_of
from .shrink import shrink
from .snapshots import copy_state
from .system_monitor import monitor_of
from .traces import Call, Trace, names_of

MOST_CHOICES = 2_000
"""Most runs of one counterexample: by what is chosen on the way."""
FEWEST_USERS = 3
T = TypeVar("T")


class _Ended(Exception):
    """A run cannot go on."""


class _Violated(Exception):
    """The claim is violated; the scenario and its arguments, if it is a scenario's."""

    def __init__(self, scenario: Clause | None = None, arguments: tuple[Any, ...] = ()) -> None:
        super().__init__()
        self.scenario, self.arguments = scenario, arguments


class Tried:
    """One run of a counterexample, with the choices of a path and then the first of each; see ``spec.invariant.Run``."""

    def __init__(self, model: Model, protocol: Protocol, invariant: Invariant, initial: Any, path: list[int]) -> None:
        self.model, self.protocol, self.invariant = model, protocol, invariant
        self.state = copy_state(initial)
        self.names = names_of(protocol, self.state)
        self.monitor = monitor_of(model, [invariant], protocol.users)
        self.monitor.bind(self.state)
        self.calls: list[Call] = []
        self.path, self.taken, self.open = path, list[int](), list[int]()

    @property
    def users(self) -> tuple[Account, ...]:
        """The users, at least three."""
        if len(self.protocol.users) < FEWEST_USERS:
            raise _Ended
        return self.protocol.users

    def choose(self, options: Iterable[T]) -> T:
        """One of several, as the path has it."""
        found = tuple(options)
        if not found:
            raise _Ended
        place = len(self.taken)
        self.taken.append(self.path[place] if place < len(self.path) else 0)
        self.open.append(len(found) - 1 - self.taken[-1])
        return found[self.taken[-1]]

    def do(self, action: Action, *arguments: Any) -> None:
        """Carry an action out, which has to complete; where it violates the claim, the run ends."""
        own = self.model.own(action)
        self._require_drawn(own, arguments)
        if perform(self.state, own, arguments) is not None:
            raise _Ended
        self.calls.append((own, arguments))
        if any(found.invariant == self.invariant.id for found in self.monitor.check(own, arguments)):
            raise _Violated

    def scenario(self, clause: Callable[..., Any] | str, *arguments: Any) -> None:
        """Run a scenario clause of the claim; where that is broken, the run ends."""
        known = next(
            each
            for each in scenarios_of(self.model, self.invariant)
            if each.name == getattr(clause, "__name__", clause)
        )
        self._require_drawn(scenario_action(known), arguments)
        if run_scenario(self.model, known, self.state, arguments) is not None:
            raise _Violated(known, arguments)

    def _require_drawn(self, action: Action, arguments: tuple[Any, ...]) -> None:
        """End where an argument is not in its domain: no trace could say it."""
        for value, domain in zip(arguments, action.domains.values(), strict=True):
            inside = domain.low <= value <= highest(domain) if domain.is_number else value in self.names[domain.kind]
            if not inside:
                raise _Ended

    def next_path(self) -> list[int] | None:
        """The choices to try after these; None after the last."""
        while self.open and not self.open[-1]:
            self.open.pop()
        kept = self.taken[: len(self.open)]
        return [*kept[:-1], kept[-1] + 1] if kept else None


def tried(
    model: Model, protocol: Protocol, invariant: Invariant, *, start: dict[str, Any] | None = None
) -> Trace | None:
    """The trace of the first run, of those that come with an invariant, that violates it here, made smaller."""
    if not invariant.counterexamples:
        return None
    finding = counterexample(model, protocol, invariant, initial_state(model, protocol, start))
    return None if finding is None else shrink(model, protocol, finding, start=start, searches=0)


def counterexample(model: Model, protocol: Protocol, invariant: Invariant, initial: Any) -> Finding | None:
    """The first run, of those that come with an invariant, that violates it from a state."""
    for attempt in invariant.counterexamples:
        path: list[int] | None = []
        for _ in range(MOST_CHOICES):
            if path is None:
                break
            run = Tried(model, protocol, invariant, initial, path)
            try:
                with suppress(_Ended, Refusal):  # an amount that is read off the state can refuse too
                    attempt(run)
            except _Violated as violated:
                return Finding(invariant.id, invariant, run.calls, violated.scenario, violated.arguments)
            path = run.next_path()
    return None

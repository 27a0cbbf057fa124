"""Episodes of random actions from one source of chance, checked after each action; what breaks is shrunk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from poolproof.spec.action import perform
from poolproof.spec.invariant import Clause, Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .draw import PROFILES
from .hunting import Finding
from .monitor import Violation, division_by_zero, run_scenario
from .parts import scenarios_of
from .shrink import shrink
from .snapshots import copy_state, set_state
from .system_monitor import Watch, monitor_of
from .system_tactics import tactics_for
from .traces import Call, Trace


@dataclass(slots=True)
class FuzzReport:
    """What a campaign did and found; ``by_action`` counts completed and refused actions by name."""

    protocol: str
    actions: int = 0
    succeeded: int = 0
    refused: int = 0
    seconds: float = 0.0
    by_action: dict[str, dict[str, int]] = field(default_factory=dict)
    violations: list[Trace] = field(default_factory=list)

    @property
    def actions_per_second(self) -> float:
        """Actions a second, refused ones included."""
        return self.actions / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """The report as `fuzz --json` writes it."""
        return {
            "protocol": self.protocol,
            "actions": self.actions,
            "succeeded": self.succeeded,
            "refused": self.refused,
            "seconds": round(self.seconds, 3),
            "actions_per_second": round(self.actions_per_second),
            "by_action": self.by_action,
            "violations": [trace.to_json() for trace in self.violations],
        }

    def add(self, other: FuzzReport) -> None:
        """Add what another process did; of each invariant the first trace stays."""
        self.actions += other.actions
        self.succeeded += other.succeeded
        self.refused += other.refused
        self.seconds = max(self.seconds, other.seconds)
        for name, counts in other.by_action.items():
            mine = self.by_action.setdefault(name, {"ok": 0, "refused": 0})
            mine["ok"] += counts["ok"]
            mine["refused"] += counts["refused"]
        known = {trace.invariant for trace in self.violations}
        self.violations += [trace for trace in other.violations if trace.invariant not in known]


def initial_state(model: Model, protocol: Protocol, start: dict[str, Any] | None = None) -> Any:
    """The state in which episodes begin: the protocol's initial one, or one from JSON data."""
    state = model.build(protocol)
    if start is not None:
        set_state(state, start, "start")
    return state


class Campaign:
    """Episodes on one protocol with one source of chance."""

    def __init__(
        self,
        model: Model,
        protocol: Protocol,
        invariants: tuple[Invariant, ...],
        seed: int,
        start: dict[str, Any] | None,
        weights: dict[str, float] | None,
        only_actions: Iterable[str] | None,
    ) -> None:
        self.model, self.protocol, self.start = model, protocol, start
        self.random = Random(seed)
        self.tactics = tactics_for(model, protocol, self.random, weights, only_actions)
        self.initial = initial_state(model, protocol, start)
        self.report = FuzzReport(protocol.name, by_action={a.name: {"ok": 0, "refused": 0} for a in model.actions})
        self.active = list(invariants)
        self.everything = {invariant.id: invariant for invariant in invariants}
        self._watch()

    def _watch(self) -> None:
        """Build the monitor of the invariants that have not failed yet."""
        self.monitor = monitor_of(self.model, self.active, self.protocol.users) if self.active else None
        self.scenarios = [
            (invariant, clause) for invariant in self.active for clause in scenarios_of(self.model, invariant)
        ]
        if self.monitor is not None:
            self.monitor.bind(copy_state(self.initial))
            for violation in self.monitor.check_state():
                self._found(violation, [], None, ())

    def episode(self, most: int | None) -> None:
        """One episode: from the initial state until its length or the first violation."""
        random = self.random
        profile = PROFILES[(0, 0, 0, 1, 1, 2, 2, 3)[random.getrandbits(3)]]
        length = profile.shortest + int(random.random() ** 2 * (profile.longest - profile.shortest))
        if most is not None and length > most:
            length = most
        state = copy_state(self.initial)
        self.tactics.begin(state, profile)
        calls: list[Call] = []
        if self.monitor is None:
            self._unchecked(state, length, calls)
        else:
            self._checked(self.monitor, state, length, calls)

    def _unchecked(self, state: Any, length: int, calls: list[Call]) -> None:
        following, counts = self.tactics.next, self.report.by_action
        refused = 0
        try:
            for _ in range(length):
                action, arguments = call = following()
                calls.append(call)
                if perform(state, action, arguments) is None:
                    counts[action.name]["ok"] += 1
                else:
                    counts[action.name]["refused"] += 1
                    refused += 1
        except ZeroDivisionError:
            counts[calls[-1][0].name]["refused"] += 1
            refused += 1
            state.journal.undo()
            self._found(division_by_zero(calls[-1][0].name), calls, None, ())
        self.report.actions += len(calls)
        self.report.refused += refused
        self.report.succeeded += len(calls) - refused

    def _checked(self, monitor: Watch, state: Any, length: int, calls: list[Call]) -> None:
        monitor.bind(state)
        following, counts, check = self.tactics.next, self.report.by_action, monitor.check
        scenarios, bits = self.scenarios, self.random.getrandbits
        refused = 0
        for _ in range(length):
            action, arguments = call = following()
            calls.append(call)
            try:
                refusal = perform(state, action, arguments)
            except ZeroDivisionError:
                state.journal.undo()
                refused += 1
                counts[action.name]["refused"] += 1
                self._found(division_by_zero(action.name), calls, None, ())
                break
            if refusal is not None:
                counts[action.name]["refused"] += 1
                refused += 1
                continue
            counts[action.name]["ok"] += 1
            violations = check(action, arguments)
            if violations:
                for violation in violations:
                    self._found(violation, calls, None, ())
                break
            if scenarios and not bits(2) and self._scenario(state, calls):
                break
        self.report.actions += len(calls)
        self.report.refused += refused
        self.report.succeeded += len(calls) - refused

    def _scenario(self, state: Any, calls: list[Call]) -> bool:
        """Run one scenario clause from a visited state; whether it found something."""
        invariant, clause = self.scenarios[self.random.getrandbits(16) % len(self.scenarios)]
        arguments = self.tactics.arguments_of(clause.domains)
        try:
            message = run_scenario(self.model, clause, state, arguments)
        except ZeroDivisionError:
            self._found(division_by_zero(clause.name), calls, clause, arguments)
            return True
        if message is None:
            return False
        self._found(Violation(invariant.id, clause.name, message), calls, clause, arguments)
        return True

    def _found(
        self, violation: Violation, calls: list[Call], scenario: Clause | None, arguments: tuple[Any, ...]
    ) -> None:
        """Shrink a violation into a trace, once an invariant."""
        if any(trace.invariant == violation.invariant for trace in self.report.violations):
            return
        invariant = self.everything.get(violation.invariant)
        finding = Finding(violation.invariant, invariant, list(calls), scenario, arguments)
        trace = shrink(self.model, self.protocol, finding, start=self.start)
        if trace is not None:
            self.report.violations.append(trace)
        if invariant in self.active:
            self.active.remove(invariant)
            self._watch()

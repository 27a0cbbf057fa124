"""The invariants on a running system: each pool that an action moved is checked, with the step that it saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from poolproof.models.core_pool import FLOWS
from poolproof.models.system import SEPARATOR
from poolproof.spec.action import Action
from poolproof.spec.invariant import Invariant
from poolproof.spec.model import Model
from poolproof.spec.state import Account

from .monitor import Entry as Evaluated
from .monitor import Monitor, Place, Violation
from .parts import NOTED, OWN, PoolStep, Steps, is_system
from .past import PoolPast
from .whole_monitor import WholeMonitor

Watch: TypeAlias = "Monitor | SystemMonitor"
"""What evaluates the invariants on a state."""
ISOLATION = "ISO-1"
"""The invariant that a move of another pool violates, unless it is one that the system declares."""


def monitor_of(model: Model, invariants: Iterable[Invariant], users: Iterable[Account]) -> Watch:
    """The monitor for the states of a model."""
    kind = SystemMonitor if is_system(model) else Monitor
    return kind(model, invariants, users)


class PoolMonitor(Monitor):
    """The monitor of one pool of a system."""

    past_of = PoolPast

    def _violation(self, entry: Evaluated, view: int | None, place: Place) -> Violation:
        """The clause and where it fails, with the pool's name before that of each market."""
        found = super()._violation(entry, view, place)
        pool, market = self.state.id, place[1]
        values = {"pool": pool} | found.values
        message = f'{found.message} in pool "{pool}"'
        if market is not None:
            values["market"] = f"{pool}{SEPARATOR}{market}"
            message = found.message.replace(f'market "{market}"', f'market "{values["market"]}"')
        else:
            for side in {"old", "new"} & set(values):
                values[side] = {
                    f"{pool}{SEPARATOR}{name}" if "." in name else name: value for name, value in values[side].items()
                }
        return Violation(found.invariant, found.clause, message, values)


class SystemMonitor:
    """Evaluates state and step clauses on a system after each action that completed; used like a ``Monitor``.

    It owns a monitor for each pool, which follows only the actions that move its pool.
    """

    def __init__(self, model: Model, invariants: Iterable[Invariant], users: Iterable[Account]) -> None:
        invariants, self.users = list(invariants), tuple(users)
        self.invariants = [invariant for invariant in invariants if invariant.about == "pool"]
        self.whole = WholeMonitor(model, invariants, self.users)
        self.of_one_pool = replace(model, actions=(*OWN.values(), *FLOWS, NOTED), parts=())
        self.isolated = any(invariant.id == ISOLATION for invariant in self.invariants)
        self.monitors: dict[str, PoolMonitor] = {}

    def bind(self, state: Any) -> None:
        """Watch a state: the actions whose steps are checked next are performed on this one."""
        self.state = state
        self.steps = Steps(state)
        self.bound: set[str] = set()
        self.whole.bind(state)

    def _monitor(self, pool: str) -> PoolMonitor:
        """The monitor of a pool, which begins to follow it now."""
        if pool not in self.monitors:
            self.monitors[pool] = PoolMonitor(self.of_one_pool, self.invariants, self.users)
        monitor = self.monitors[pool]
        if pool not in self.bound:
            self.bound.add(pool)
            monitor.bind(self.steps.pools[pool])
        return monitor

    def check_state(self) -> list[Violation]:
        """The state clauses on all pools and on the whole, as before the first action."""
        found = [violation for pool in self.steps.pools for violation in self._monitor(pool).check_state()]
        return [*found, *self.whole.check_state()]

    def check(self, action: Action, arguments: tuple[Any, ...]) -> list[Violation]:
        """The clauses that the action that just completed calls for, in each pool that it moved: all violations."""
        found = self.whole.check(action, arguments)
        for step in self.steps.of(action, arguments):
            found += self._check_in(step, action)
        self._follow_wallets()
        return found

    def _check_in(self, step: PoolStep, action: Action) -> list[Violation]:
        """The clauses that a pool's step calls for."""
        monitor = self._monitor(step.pool)
        if step.action is not None:
            monitor.past.journal.entries[:] = step.entries
            return monitor.check(step.action, step.arguments)
        monitor.overlooked = True
        found = monitor.check_state()
        if self.isolated and not step.declared:
            message = f'"an action changes no state of another pool" does not hold in pool "{step.pool}"'
            values = {"clause": action.name, "pool": step.pool}
            found.append(Violation(ISOLATION, "an_action_changes_no_state_of_another_pool", message, values))
        return found

    def _follow_wallets(self) -> None:
        """A wallet that pools share was written: what their monitors accrued is out of date."""
        for thing, account, _ in self.state.journal.entries:
            for pool in self.steps.owners.get(id(thing), ()) if account is not None else ():
                if pool in self.bound:
                    monitor = self.monitors[pool]
                    monitor.instant.stale.add(monitor.past.place_of[id(thing)][0])

"""The claims about routes on a running system, which are about several pools at once.

A step is compared with the state that its undo journal brings back, on copies; only the actions that the claims name
cost anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from poolproof.models.isolated_pool import TREASURY
from poolproof.models.system import System
from poolproof.spec.action import Action
from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.model import Model
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .monitor import Violation
from .snapshots import copy_before, copy_state
from .trial import run_scenario


class RouteMonitor:
    """Evaluates step clauses about a whole system after each action that completed; used like a ``Monitor``."""

    def __init__(self, model: Model, invariants: Iterable[Invariant], users: Iterable[Account]) -> None:
        self.model, self.accounts = model, (*users, TREASURY)
        self.clauses = [(i, c) for i in invariants for c in i.clauses if c.form != "state"]

    def bind(self, state: System) -> None:
        """Watch a system: the actions whose steps are checked next are performed on this one."""
        self.state = state

    def check(self, action: Action, arguments: tuple[Any, ...]) -> list[Violation]:
        """The clauses that the action that just completed calls for: all violations."""
        found: list[Violation] = []
        for instant in (False, True):
            here = [(i, c) for i, c in self.clauses if action.name in c.of and c.instant == instant]
            if here:
                step = self._step(action, arguments, instant=instant)
                found += [v for invariant, clause in here for v in self._violations(invariant, clause, step)]
        return found

    def check_scenarios(self, arguments: dict[str, Any]) -> list[Violation]:
        """The scenarios of which all arguments are given: all violations."""
        found: list[Violation] = []
        for invariant, clause in self.clauses:
            if clause.form == "scenario" and clause.domains.keys() <= arguments.keys():
                drawn = tuple(arguments[name] for name in clause.domains)
                broken = run_scenario(self.model, clause, self.state, drawn)
                if broken is not None:
                    found.append(Violation(invariant.id, clause.name, broken, {"clause": clause.name}))
        return found

    def _step(self, action: Action, arguments: tuple[Any, ...], *, instant: bool) -> Step:
        """The step, on copies; within an instant both are accrued to the same time."""
        old, new = copy_before(self.state), copy_state(self.state)
        if instant:
            for system in (old, new):
                system.now = new.now
                for pool in dict.values(system.pools):
                    pool.now = new.now
                for market in dict.values(system.markets):
                    self.model.accrue(market, new.now)
        return Step(action, dict(zip(action.domains, arguments, strict=True)), old, new)

    def _violations(self, invariant: Invariant, clause: Clause, step: Step) -> list[Violation]:
        """Where a clause does not hold of a step; for want of a price it says nothing."""
        places: list[tuple[Any, ...]] = [(step,)]
        if clause.over == "account":
            places = [(step, account) for account in self.accounts]
        broken: list[Violation] = []
        for place in places:
            try:
                holds = bool(clause.check(*place))
            except Refusal:
                continue
            if not holds:
                where = "".join(f' for account "{account}"' for account in place[1:])
                message = f'"{clause.name.replace("_", " ")}" does not hold{where}'
                broken.append(Violation(invariant.id, clause.name, message, {"clause": clause.name}))
        return broken

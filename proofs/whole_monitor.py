"""The claims about whole systems, on a running one: about its registry and rewards, and about the pools of a route.

A step is compared with the state that the undo journal brings back, on a copy; only the actions that a claim names cost
anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from poolproof.models.isolated_pool import TREASURY
from poolproof.models.system import System
from poolproof.spec.action import Action
from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.model import Model
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .monitor import UNDEFINED, Violation
from .snapshots import copy_before, copy_state


class WholeMonitor:
    """Evaluates the clauses that are given a whole system, after each action that completed; used like a ``Monitor``."""

    def __init__(self, model: Model, invariants: Iterable[Invariant], users: Iterable[Account]) -> None:
        self.model, self.accounts = model, (*users, TREASURY)
        whole = [(i, c) for i in invariants if i.about != "pool" for c in i.clauses]
        self.states = [(i, c) for i, c in whole if c.form == "state"]
        self.steps = [(i, c) for i, c in whole if c.form == "step"]

    def bind(self, state: System) -> None:
        """Watch a system: the actions whose steps are checked next are performed on this one."""
        self.state = state

    def check_state(self) -> list[Violation]:
        """The state clauses: all violations."""
        return [violation for each in self.states for violation in self._violations(*each, self.state)]

    def check(self, action: Action, arguments: tuple[Any, ...]) -> list[Violation]:
        """The clauses that the action that just completed calls for: all violations."""
        found = self.check_state()
        for instant in (False, True):
            here = [(i, c) for i, c in self.steps if c.instant == instant and (not c.of or action.name in c.of)]
            if here:
                step = self._step(action, arguments, instant=instant)
                found += [violation for each in here for violation in self._violations(*each, step)]
        return found

    def _step(self, action: Action, arguments: tuple[Any, ...], *, instant: bool) -> Step:
        """The step; within an instant on copies, both accrued to the same time."""
        old, new = copy_before(self.state), copy_state(self.state) if instant else self.state
        if instant:
            for system in (old, new):
                system.now = new.now
                for pool in dict.values(system.pools):
                    pool.now = new.now
                for market in dict.values(system.markets):
                    self.model.accrue(market, new.now)
        return Step(action, dict(zip(action.domains, arguments, strict=True)), old, new)

    def _places(self, clause: Clause, about: Any) -> Iterator[tuple[Any, ...]]:
        """The arguments of a clause's function: the system or the step, with an account; or a pool with a market."""
        if clause.over == "market":
            for pool in dict.values(about.pools):
                yield from ((pool, market) for market in dict.values(pool.markets))
        elif clause.over == "account":
            yield from ((about, account) for account in self.accounts)
        else:
            yield (about,)

    def _violations(self, invariant: Invariant, clause: Clause, about: Any) -> Iterator[Violation]:
        """Where a clause does not hold; for want of a price it says nothing."""
        for place in self._places(clause, about):
            try:
                holds = bool(clause.check(*place))
            except Refusal:
                continue
            except ZeroDivisionError:
                yield Violation(invariant.id, clause.name, UNDEFINED, {"clause": clause.name})
                continue
            if not holds:
                values = {"clause": clause.name}
                if clause.over == "account":
                    values["account"] = place[1]
                where = f' for account "{place[1]}"' if clause.over == "account" else ""
                message = f'"{clause.name.replace("_", " ")}" does not hold{where}'
                yield Violation(invariant.id, clause.name, message, values)

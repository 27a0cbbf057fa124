"""The claims of one invariant on symbolic states: what has to be shown at the end of a path.

A clause is evaluated where the monitor evaluates it on integers, so what is shown false here is seen there too: a
market that an action touched, every market after a change of the pool's own numbers, the accounts that were named and
one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from poolproof.spec.action import Action, perform
from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.logic import Condition
from poolproof.spec.model import Model
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .monitor import DIVISION
from .paths import Path
from .snapshots import copy_state
from .terms import DivisionByZero, Term

Show = Callable[[Path, Condition], None]
"""Takes what has to be shown on a path."""


class Claims:
    """Evaluates the clauses of an invariant."""

    def __init__(self, model: Model, invariant: Invariant) -> None:
        self.model, self.invariant = model, invariant
        self.states = [clause for clause in invariant.clauses if clause.form == "state"]
        self.scenarios = [clause for clause in invariant.clauses if clause.form == "scenario"]
        self.steps = {
            action.name: [c for c in invariant.clauses if c.form == "step" and (not c.of or action.name in c.of)]
            for action in model.actions
        }

    @property
    def states_matter(self) -> bool:
        """Whether something is claimed of states, not of steps alone."""
        return bool(self.states or self.scenarios)

    @property
    def last_actions(self) -> tuple[Action, ...]:
        """The actions after which something is claimed."""
        if self.states_matter:
            return self.model.actions
        return tuple(action for action in self.model.actions if self.steps[action.name])

    def likely(self, hint: Iterable[str]) -> set[str]:
        """The actions to try wherever a search gets: those hinted, else those that the invariant names."""
        named = {action.name for action in self.model.actions}.intersection(hint)
        if not named and len(self.last_actions) < len(self.model.actions):
            named = {action.name for action in self.last_actions}
        return named

    def of_step(self, path: Path, step: Step, touched: list[str], accounts: tuple[Account, ...], show: Show) -> None:
        """Evaluate the step clauses on a step that touched some markets."""
        clauses = self.steps[step.action.name]
        for clause in clauses:
            if not clause.instant:
                self._everywhere(path, clause, step, touched, accounts, show)
        within = [clause for clause in clauses if clause.instant]
        if not within:
            return

        def accrued() -> None:
            try:
                old, new = self._accrued(step.old, step.new.now), self._accrued(step.new, step.new.now)
            except (DivisionByZero, ZeroDivisionError) as division:
                self.divided(path, division, show)
                return
            for clause in within:
                self._everywhere(path, clause, Step(step.action, step.arguments, old, new), touched, accounts, show)

        path.scoped(accrued)

    def of_state(self, path: Path, state: Any, accounts: tuple[Account, ...], show: Show) -> None:
        """Evaluate the state clauses."""
        for clause in self.states:
            self._everywhere(path, clause, state, list(state.markets), accounts, show)

    def of_scenario(self, path: Path, clause: Clause, state: Any, arguments: tuple[Any, ...], show: Show) -> None:
        """Run a scenario from a state, on a copy."""
        try:
            copied = self._accrued(state, state.now) if clause.instant else copy_state(state)
            clause.check(SearchTrial(self.model, path, show), copied, *arguments)
        except Refusal:
            return
        except (DivisionByZero, ZeroDivisionError) as division:
            self.divided(path, division, show)

    def divided(self, path: Path, division: ArithmeticError, show: Show) -> None:
        """Something divides by what is not positive: show that it cannot happen.

        What a plain zero does to an action is known, and concerns one invariant alone; a term that is not known to be
        positive may be negative too, and then the action would go on.
        """
        if self.invariant.id == DIVISION or isinstance(division, DivisionByZero):
            show(path, False)

    def _accrued(self, state: Any, now: Any) -> Any:
        """A copy of a state, all markets accrued to a time."""
        copied = copy_state(state)
        copied.now = now
        for market in copied.markets.values():
            self.model.accrue(market, now)
        return copied

    def _everywhere(
        self, path: Path, clause: Clause, where: Any, markets: list[str], accounts: tuple[Account, ...], show: Show
    ) -> None:
        """Evaluate a clause at each place that it quantifies over, its forks apart from those of others."""
        for place in places(clause, where, markets, accounts):
            path.scoped(partial(self._claim, path, clause, place, show))

    def _claim(self, path: Path, clause: Clause, place: tuple[Any, ...], show: Show) -> None:
        try:
            condition = clause.check(*place)
        except Refusal:
            return
        except (DivisionByZero, ZeroDivisionError) as division:
            self.divided(path, division, show)
            return
        show(path, condition)


def places(clause: Clause, where: Any, markets: list[str], accounts: tuple[Account, ...]) -> list[tuple[Any, ...]]:
    """The arguments of a clause's function at some markets and accounts of a state or a step."""
    if clause.over == "pool":
        return [(where,)]
    if clause.over == "account":
        return [(where, account) for account in accounts]
    if clause.form == "step":
        at_markets: list[tuple[Any, ...]] = [
            (where, where.old.markets[asset], where.new.markets[asset]) for asset in markets
        ]
    else:
        at_markets = [(where, where.markets[asset]) for asset in markets]
    if clause.over == "market":
        return at_markets
    return [(*place, account) for place in at_markets for account in accounts]


def touched_markets(old: Any, new: Any) -> list[str]:
    """The markets that the action which led to a state read or wrote, or all where the pool's own numbers moved."""
    if not all(same(a, b) for a, b in zip(old.saved_, new.saved_, strict=True)):
        return list(new.markets)
    read = {id(thing) for thing, _, _ in new.journal.entries}
    return [name for name, market in new.markets.items() if id(market) in read or id(market.feed) in read]


def same(a: Any, b: Any) -> bool:
    """Whether two numbers are plainly equal."""
    if isinstance(a, Term) and isinstance(b, Term):
        return a.poly == b.poly
    return not isinstance(a, Term) and not isinstance(b, Term) and bool(a == b)


class SearchTrial:
    """A scenario's hand on a symbolic path over concrete records."""

    def __init__(self, model: Model, path: Path, show: Show) -> None:
        self._model, self._path, self._show = model, path, show

    def do(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out; the refusal if it refuses."""
        return perform(state, self._model.own(action), arguments)

    def copy(self, state: Any) -> Any:
        """An independent copy of a state."""
        return copy_state(state)

    def assume(self, condition: Condition) -> None:
        """Go on only where the condition holds."""
        self._path.assume(condition)

    def claim(self, condition: Condition, message: str) -> None:
        """What the scenario must show."""
        self._show(self._path, condition)

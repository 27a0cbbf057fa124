"""Scenario clauses on integers: they run on copies of a state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.isolated_pool import TREASURY
from poolproof.models.market import accrue
from poolproof.spec.action import Action, perform
from poolproof.spec.invariant import Clause
from poolproof.spec.logic import Condition
from poolproof.spec.model import Model
from poolproof.spec.refusal import Refusal

from .confined import confined
from .snapshots import copy_state


class _Skip(Exception):
    """An assumption of a scenario does not hold here."""


class _Broken(Exception):
    """A claim of a scenario does not hold."""


class ConcreteTrial:
    """Runs a scenario on copies of a state; the actions that it names are the model's own."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def do(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out; the refusal if it refuses."""
        return perform(state, self.model.own(action), arguments)

    def attempt(self, state: Any, part: Callable[..., None], *arguments: Any) -> Refusal | None:
        """Carry a part of an action out on the state; the refusal if it refuses."""
        state.begin()
        try:
            part(state, *arguments)
        except Refusal as refusal:
            state.journal.undo()
            return refusal
        return None

    def confined(
        self,
        state: Any,
        action: Action,
        arguments: tuple[Any, ...],
        *,
        hidden: tuple[str, ...],
        within: tuple[str, ...],
    ) -> bool:
        """Whether an action, on a copy, reads the hidden fields of markets with lines only within methods named."""
        copied = copy_state(state)
        return confined(partial(self.do, copied, action, *arguments), copied, hidden, within)

    def midway(self, state: Any) -> Any:
        """The state itself: the middle of an action that did nothing yet."""
        return state

    def accrue(self, state: Any) -> None:
        """Bring every market of a state to the present."""
        for market in state.markets.values():
            self.model.accrue(market, state.now)

    def copy(self, state: Any) -> Any:
        """An independent copy of a state."""
        return copy_state(state)

    def sister(self, state: Any, _named: Callable[[str], str], alike: Callable[[Any, Any], Any], /) -> Any:
        """A copy of a state, made its sister."""
        return alike(state, self.copy(state))

    def elsewhere(self, state: Any) -> Any:
        """A copy in which somebody supplied every core market that the state draws on."""
        moved = copy_state(state)
        for market in moved.markets.values():
            if isinstance(market, LinedMarket):
                accrue(market.core, moved.now)
                given = market.core.supply // 3 + 1
                for ledger, account in ((market.core.shares, TREASURY), (market.core.tokens, market.core.vault)):
                    ledger[account] += given
                market.core.supply += given
                market.core.cash += given
        return moved

    def assume(self, condition: Condition) -> None:
        """Go on only where the condition holds."""
        if not condition:
            raise _Skip

    def claim(self, condition: Condition, message: str) -> None:
        """What the scenario must show."""
        if not condition:
            raise _Broken(message)


def run_scenario(
    model: Model, clause: Clause, state: Any, arguments: tuple[Any, ...], trial: ConcreteTrial | None = None
) -> str | None:
    """Run a scenario clause from a state, on a copy: what it finds broken, or None.

    None also where its assumptions do not hold.  Within an instant, the copy is accrued to the present first.
    Raises ZeroDivisionError where the scenario divides by zero.
    """
    trial = trial or ConcreteTrial(model)
    copied = trial.copy(state)
    if clause.instant:
        trial.accrue(copied)
    try:
        clause.check(trial, copied, *arguments)
    except _Skip:
        return None
    except _Broken as broken:
        return str(broken)
    except Refusal:
        return None
    return None

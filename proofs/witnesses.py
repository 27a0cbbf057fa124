"""Witnesses against vacuity: concrete runs in which an action completes, a scenario reaches its claim.

A theorem about a redemption that can never happen proves nothing.  For each action a run must complete it in a state
that satisfies the lemmas (every reachable state does); for each scenario a run must pass its assumptions.
"""

from __future__ import annotations

from random import Random
from typing import Any

from poolproof.spec.action import perform
from poolproof.spec.invariant import Clause, Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

from .draw import CRASH, DUST, REAL
from .monitor import ConcreteTrial
from .parts import scenarios_of
from .snapshots import copy_state
from .system_tactics import tactics_for
from .tactics import WEIGHTS

MOST_STEPS = 60_000
"""Steps after which a witness that was not found counts as missing."""
EPISODE = 60


class _Reached(Exception):
    """A scenario's assumptions held, and a claim was made."""


class _Missed(Exception):
    """A scenario's assumption does not hold."""


class _Probe(ConcreteTrial):
    """Runs a scenario up to its first claim."""

    def assume(self, condition: Any) -> None:
        """Stop where an assumption does not hold."""
        if not condition:
            raise _Missed

    def claim(self, condition: Any, message: str) -> None:
        """A claim is reached."""
        raise _Reached


class Witnesses:
    """Looks for the runs that the invariants speak of; one campaign for all of them."""

    def __init__(self, model: Model, protocol: Protocol, invariants: list[Invariant], seed: int) -> None:
        self.model, self.protocol = model, protocol
        self.actions: set[str] = {action.name for action in model.actions}
        self.scenarios = {
            (invariant.id, clause.name): clause for invariant in invariants for clause in scenarios_of(model, invariant)
        }
        self._search(Random(seed))

    def _search(self, random: Random) -> None:
        initial = self.model.build(self.protocol)
        tactics = tactics_for(self.model, self.protocol, random, WEIGHTS)
        profiles = (REAL, DUST, CRASH)
        state = copy_state(initial)
        for step in range(MOST_STEPS):
            if not self.actions and not self.scenarios:
                return
            if step % EPISODE == 0:
                state = copy_state(initial)
                tactics.begin(state, profiles[step // EPISODE % len(profiles)])
            action, arguments = tactics.next()
            try:
                if perform(state, action, arguments) is None:
                    self.actions.discard(action.name)
            except ZeroDivisionError:
                state.journal.undo()
            for key, clause in list(self.scenarios.items()):
                drawn = tactics.arguments_of(clause.domains)
                small = tuple(0 if d.is_number else a for d, a in zip(clause.domains.values(), drawn, strict=True))
                if any(reaches_a_claim(self.model, clause, state, a) for a in (drawn, small)):
                    del self.scenarios[key]

    def missing(self, invariant: Invariant) -> tuple[str, ...]:
        """What the invariant speaks of and no run showed: scenarios, and steps of actions that never complete."""
        missing = [name for owner, name in self.scenarios if owner == invariant.id]
        missing += [
            f"{clause.name} ({', '.join(clause.of)} never completes)"
            for clause in invariant.clauses
            if clause.form == "step" and clause.of and set(clause.of) <= self.actions
        ]
        return tuple(missing)


def reaches_a_claim(model: Model, clause: Clause, state: Any, arguments: tuple[Any, ...]) -> bool:
    """Whether a scenario, run on a copy of the state, makes a claim."""
    copied = copy_state(state)
    try:
        if clause.instant:
            for market in copied.markets.values():
                model.accrue(market, copied.now)
        clause.check(_Probe(model), copied, *arguments)
    except _Reached:
        return True
    except (_Missed, Refusal, ZeroDivisionError):
        return False
    return False

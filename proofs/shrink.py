"""The shrinker: whatever engine found a violation, its trace ends in the same few actions and small amounts.

A candidate is kept when it still violates the same invariant and is smaller in one fixed order: fewer
steps, then fewer accounts and assets, then those that the protocol names first, then smaller numbers, then
the model's order of actions.  So shrinking ends, and where it ends no single step can be removed and no
number lowered by the moves below.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from random import Random
from typing import Any, TypeAlias

from poolproof.spec.action import Action
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .candidates import Calls
from .draw import Draw, highest
from .hunting import Finding, Hunter, weights_for
from .moves import AMOUNTS, Moves
from .situation import hints_of
from .snapshots import copy_state, set_state
from .traces import Call, Trace

__all__ = ["Finding", "shrink"]

MOST_REDUCTIONS = 1_500
MOST_TRIALS = 8_000
"""Most candidate runs; counts, so that the result does not depend on the machine."""

SHORT = 2
"""Up to this length [steps] no other runs are looked for."""
LONG = 8
"""From this length on they are looked for more often."""
SEARCHES = 3
MOST_SEARCHES = 12
SEARCHED_STEPS = 3_000
MOST_OTHERS = 12
FOCUS = 12.0
"""How often (the last time among all actions), how long, for how many runs, and with how much more of a trace's
actions they are looked for."""
MOST_RESAMPLED = 1_500
"""Most runs with numbers drawn anew."""
Move: TypeAlias = Callable[[], bool]


def shrink(
    model: Model,
    protocol: Protocol,
    finding: Finding,
    *,
    start: dict[str, Any] | None = None,
    searches: int = MOST_SEARCHES,
) -> Trace | None:
    """The minimal trace of a finding, from the initial state or ``start``; None if it does not recur.

    Where a trace stays long, shorter runs with its actions are looked for, so often, and the smallest result counts;
    without a search, the run itself is made smaller, and no chance takes part.
    """
    initial = model.build(protocol)
    if start is not None:
        set_state(initial, start, "start")
    best = _Shrinker(model, protocol, finding, initial)
    if not best.reduce():
        return None
    for seed in range(searches):
        length = len(best.best)
        if length <= SHORT or (length < LONG and seed >= SEARCHES):
            break
        names = () if seed == SEARCHES - 1 else {action.name for action, _ in best.best}
        hunter = Hunter(
            model,
            protocol,
            finding.id,
            finding.invariant,
            initial,
            seed=seed,
            weights=weights_for(names, FOCUS),
        )
        for found in islice(hunter.findings(SEARCHED_STEPS, min(length, 2 * LONG)), MOST_OTHERS):
            other = _Shrinker(model, protocol, found, initial)
            if other.reduce() and other.best_key < best.best_key:
                best = other
    if searches:
        best.resample()
    best.polish(MOST_TRIALS if searches else MOST_REDUCTIONS)
    return best.written(start)


class _Shrinker(Moves):
    """Shrinks one finding."""

    def reduce(self) -> bool:
        """Remove steps, accounts and assets as far as it goes; whether the invariant is violated at all."""
        calls = tuple(self.finding.calls)
        if self.scenario is not None:
            calls += ((self.scenario, self.finding.arguments),)
        self.best, violation = self.run(calls)
        if violation is None:
            return False
        self.best_key = self.key(self.best)
        self.trials = MOST_REDUCTIONS
        self._repeat(self.structure)
        return True

    def polish(self, trials: int) -> None:
        """Give the actions, names and numbers their simplest form, until nothing moves or so many runs were tried."""
        self.trials = trials
        self.tried.clear()  # what was not tried when the reductions ran out
        numbers = (self.scale_together, self.lower_numbers, self.lower_pairs)
        self._repeat((*self.structure, self.simplify_steps, self.reorder, self.rename, *numbers))
        self.trials = MOST_REDUCTIONS
        self._repeat((self.remove_each, *numbers))

    def resample(self) -> None:
        """Leave steps out and draw numbers anew, at random, where a trace is long: a way out of dead ends."""
        random = Random(0)
        draw = Draw(random)
        tried = 0
        while tried < MOST_RESAMPLED and len(self.best) > SHORT + 1:
            tried += 1
            gone = 1 + random.getrandbits(2) % (len(self.best) - 1)
            left = {int(random.random() * (len(self.best) - 1)) for _ in range(gone)}
            calls = self._redrawn(tuple(c for p, c in enumerate(self.best) if p not in left), draw)
            if calls is not None and self.key(calls) < self.best_key:
                self.best, self.best_key = calls, self.key(calls)
                self.trials = MOST_REDUCTIONS
                self._repeat(self.structure)

    def _redrawn(self, calls: Calls, draw: Draw) -> Calls | None:
        """Run a candidate, some of its numbers drawn anew; what completed, if it breaks the invariant."""
        state = copy_state(self.initial)
        self.monitor.bind(state)
        done: list[Call] = []
        for action, old in calls:
            arguments = self._drawn(state, draw, action, old) if draw.bits(1) else old
            if action is self.scenario:
                broken = self.run_scenario(state, arguments) is not None
                return (*done, (action, arguments)) if broken else None
            completed, found = self.step(state, (action, arguments), watched=self.scenario is None)
            if completed:
                done.append((action, arguments))
            if found is not None:
                return tuple(done)
        return None

    def _drawn(self, state: Any, draw: Draw, action: Action, old: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arguments in place of others: the names, and numbers beside the state's or beside the old ones."""
        named = {n: v for n, v in zip(action.domains, old, strict=True) if isinstance(v, str)}
        drawn: list[Any] = []
        for domain, value in zip(action.domains.values(), old, strict=True):
            if isinstance(value, str) or draw.bits(1):
                drawn.append(value)
                continue
            hints = hints_of(state, tuple(self.users), named, domain) if domain.kind in AMOUNTS else ()
            number = draw.number(domain, hints) if hints and draw.bits(1) else draw.scattered(2 * value + 1)
            drawn.append(max(domain.low, min(number, highest(domain))))
        return tuple(drawn)

    @property
    def structure(self) -> tuple[Move, ...]:
        """The moves that leave less to read."""
        return self.remove_chunks, self.remove_each, self.merge_steps, self.remove_pairs, self.merge_names

    def _repeat(self, moves: tuple[Move, ...]) -> None:
        moved = True
        while moved:
            moved = False
            for move in moves:
                moved |= move()

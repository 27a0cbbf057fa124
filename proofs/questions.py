"""Questions of a search to the solver: can a path be taken, and do any amounts break a claim on it?

A question is put in several readings: products as variables, then what bears on the claim, then everything.  What a
small reading excludes is excluded; only the whole one gives numbers.  Work is counted, not timed, so that a search
ends at the same place on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .paths import Goal
from .smt import text_of
from .solver import decide_text

AN_ANSWER = 3000
"""Resources that a question counts which the solver answers; without an answer it counts what was allotted."""

Values = dict[str, int]
Bounds = Sequence[tuple[str, str, int]]
_NAME = re.compile(r"\|[^|]+\|")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to put a question: which slice, read how, to which strategy, with how many of its resources.

    ``pinned`` fixes the numbers of all actions but the last, ``cap`` bounds the amounts [smallest unit, slots]: what
    they exclude is not excluded.
    """

    rounds: int | None
    strategy: str
    budget: int
    linear: bool = False
    pinned: bool = False
    cap: int | None = None


POSSIBLE = (
    Reading(None, "z3-simple", 10_000, linear=True),
    Reading(None, "z3-simple", 10_000),
    Reading(None, "z3-nla", 100_000),
)
"""Whether a path can be taken."""
HOLDS = (
    (
        Reading(1, "z3-simple", 10_000, linear=True),
        Reading(1, "z3-simple", 20_000),
        Reading(None, "z3-simple", 10_000, pinned=True),
        Reading(None, "z3-nla", 100_000),
    ),
    (
        Reading(None, "z3-nla", 100_000, cap=10),
        Reading(None, "z3-nla", 300_000),
    ),
    (
        Reading(None, "z3-nla", 100_000, cap=1000),
        Reading(1, "z3-simple", 300_000),
        Reading(None, "z3-nla", 1_000_000),
    ),
)
"""Whether a claim holds, in turns: the first is enough for most claims, the others take longer."""


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What has to be shown after a sequence of some length and cost.

    ``amounts`` are the names of the variables that a cap bounds, ``pins`` numbers for those that can be fixed;
    ``broken_by`` takes numbers that break the claim.
    """

    goal: Goal
    amounts: tuple[str, ...]
    pins: Values
    broken_by: Callable[[Values], None]
    after: str
    length: int
    cost: int


class OutOfBudget(Exception):
    """The resources of a search are used up."""


class Questions:
    """Asks the solver, counts what that costs, and remembers the answers."""

    def __init__(self, budget: int) -> None:
        self.left = budget
        self.asked = 0
        self._answers: dict[tuple[Reading, str], tuple[str, Values]] = {}

    def spend(self, resources: int) -> None:
        """Count work."""
        self.left -= resources
        if self.left < 0:
            raise OutOfBudget

    def witness(self, goal: Goal) -> Values | None:
        """Numbers that lead to a goal which nothing fulfils; none where none are found, None where it is excluded."""
        for reading in POSSIBLE:
            status, values = self._ask(goal, reading)
            if status == "unsat":
                return None
            if status == "sat" and not reading.linear:
                return values
        return {}

    def holds(self, claim: Claim, turn: int) -> bool:
        """Whether the readings of a turn show that a claim holds; numbers that break it are handed over."""
        for reading in HOLDS[turn]:
            bounds: Bounds = []
            if reading.pinned:
                bounds = [(name, "=", value) for name, value in claim.pins.items()]
            elif reading.cap is not None:
                bounds = [(name, "<=", reading.cap) for name in claim.amounts]
            if not bounds and (reading.pinned or reading.cap is not None):
                continue
            status, values = self._ask(claim.goal, reading, bounds)
            if status == "unsat" and not bounds:
                return True
            if status == "sat" and reading.rounds is None:
                claim.broken_by(values)
        return False

    def _ask(self, goal: Goal, reading: Reading, bounds: Bounds = ()) -> tuple[str, Values]:
        """The solver's answer to a reading of a question, under names that do not matter."""
        text, _ = text_of(goal, reading.rounds, linear=reading.linear)
        short: dict[str, str] = {}
        text = _NAME.sub(lambda name: short.setdefault(name[0], f"|{len(short)}|"), text)
        known = ((short[f"|{name}|"], sign, value) for name, sign, value in bounds if f"|{name}|" in short)
        asserted = "".join(f"(assert ({sign} {name} {value}))\n" for name, sign, value in known)
        text = text.replace("(check-sat)", f"{asserted}(check-sat)")
        answer = self._answers.get((reading, text))
        if answer is None:
            given = decide_text(text, reading.budget, (reading.strategy,))
            self.asked += 1
            self.spend(reading.budget if given["status"] == "unknown" else AN_ANSWER)
            answer = self._answers[reading, text] = (given["status"], given["model"] or {})
        status, values = answer
        return status, {name[1:-1]: values[key[1:-1]] for name, key in short.items() if key[1:-1] in values}

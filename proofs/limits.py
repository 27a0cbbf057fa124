"""The edge of a condition that a computation shows: runs of actions that no model of a protocol file has, in words.

As `boundary` does with traces: the claim has to hold where the condition does, and to fail outside; between two numbers
the edge is found to the last unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from poolproof.spec.action import Action, perform
from poolproof.spec.refusal import Refusal

from .boundary import bisected


@dataclass(slots=True)
class Told:
    """A run, step by step in words: whether the condition held, and what was done against the claim."""

    within: bool = False
    failure: str | None = None
    steps: list[str] = field(default_factory=list)

    def attempt(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out, and tell it; the refusal if it refuses."""
        refusal = perform(state, action, arguments)
        words = ", ".join(str(each) for each in arguments)
        self.steps.append(f"{action.name}({words})" + (f": refused, {refusal.name}" if refusal is not None else ""))
        return refusal

    def do(self, state: Any, action: Action, *arguments: Any) -> None:
        """Carry an action out that has to complete."""
        refusal = self.attempt(state, action, *arguments)
        if refusal is not None:
            message = f"{self.steps[-1]}: {refusal}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Limit:
    """A condition with the values on both sides of its edge, and the run outside; ``problem`` says why it is no edge."""

    condition: str
    inside: str
    outside: str
    exact: bool = False
    message: str | None = None
    run: tuple[str, ...] = ()
    problem: str | None = None
    trace: None = None


Attempt: TypeAlias = Callable[[Any], Told]


def limit_of(condition: str, attempt: Attempt, inside: int | str, outside: int | str) -> Limit:
    """Look for the edge of a condition between a value with which a claim holds and one with which it fails."""
    tried: dict[int | str, Told] = {}

    def holds(value: int | str) -> bool:
        tried[value] = attempt(value)
        return tried[value].failure is None

    if not holds(inside) or not tried[inside].within:
        unmet = f"with {inside} it should hold: {tried[inside].failure or 'outside'}"
        return Limit(condition, str(inside), str(outside), problem=unmet)
    if holds(outside):
        return Limit(condition, str(inside), str(outside), problem=f"with {outside} nothing fails")
    if isinstance(inside, int) and isinstance(outside, int):
        inside, outside = bisected(holds, inside, outside)
    broken = next((value for value, each in tried.items() if each.within and each.failure is not None), None)
    problem = None if broken is None else f"with {broken} it fails inside the condition"
    shown = outside if broken is None else broken
    exact = broken is None and tried[inside].within
    last = tried[shown]
    return Limit(condition, str(inside), str(shown), exact, last.failure, tuple(last.steps), problem)

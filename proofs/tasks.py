"""Obligations as tasks: a text for a solver, and what came of it.

An engine writes tasks and hands them to a ``Submit``; who runs them, on which processes and with which
evidence at hand, is not its concern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["unsat", "sat", "unknown"]


@dataclass(frozen=True, slots=True)
class Task:
    """One question to a solver: is the SMT-LIB text satisfiable?

    ``key`` is the digest of the text; ``budget`` counts the solver's own resource units; the first of
    ``solvers`` that answers decides.
    """

    key: str
    text: str
    budget: int
    solvers: tuple[str, ...]

    @classmethod
    def of(cls, text: str, budget: int, solvers: tuple[str, ...]) -> Task:
        """A task with the key that belongs to its text."""
        return cls(sha256(text.encode()).hexdigest(), text, budget, solvers)

    @property
    def name(self) -> tuple[str, int, tuple[str, ...]]:
        """What tells tasks apart, without the text."""
        return self.key, self.budget, self.solvers


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a task.

    ``model`` holds the numbers of a satisfying assignment.  ``evidence`` is false where the answer tells of
    this run's circumstances (a lost worker, no memory), not of the text: it is never kept for a later run.
    """

    key: str
    status: Status
    solver: str | None = None
    seconds: float = 0.0
    reason: str | None = None
    model: dict[str, int] | None = None
    cached: bool = False
    evidence: bool = True

    @classmethod
    def lost(cls, task: Task, reason: str) -> Result:
        """What is reported of a task whose worker was lost."""
        return cls(task.key, "unknown", reason=reason, evidence=False)


Submit: TypeAlias = Callable[[Iterable[Task]], list[Result]]
"""Answers tasks, in their order; it takes the next one when it can be worked on."""

"""Progress: what an engine tells while it works, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .verdicts import Decision, Verdict


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a stage: ``done`` of ``total`` are finished (``total`` 0: not known).

    A ``decision`` is announced here as soon as it stands: an interrupted run keeps what was announced.
    """

    stage: str
    done: int = 0
    total: int = 0
    decision: Decision | None = None

    @property
    def invariant(self) -> str | None:
        """The invariant that was decided, if one was."""
        return self.decision.invariant if self.decision else None

    @property
    def verdict(self) -> Verdict | None:
        """Its verdict."""
        return self.decision.verdict if self.decision else None


Listener: TypeAlias = Callable[[Event], None]

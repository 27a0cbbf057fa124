"""Verdicts: one lattice for every engine, and what a verdict carries.

``PROVED`` lists what it assumes; ``REFUTED`` carries a trace from the initial state that replays; everything that
was not finished is ``UNKNOWN`` with its reason, never a pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What is known of a claim."""

    PROVED = "PROVED"
    HOLDS_TO_DEPTH = "HOLDS_TO_DEPTH"
    REFUTED = "REFUTED"
    UNKNOWN = "UNKNOWN"
    VACUOUS = "VACUOUS"


_WEIGHT = {
    Verdict.PROVED: 0,
    Verdict.HOLDS_TO_DEPTH: 1,
    Verdict.VACUOUS: 2,
    Verdict.UNKNOWN: 3,
    Verdict.REFUTED: 4,
}


def worst(verdicts: list[Verdict]) -> Verdict:
    """The weakest of several verdicts: a claim is as good as its worst part."""
    return max(verdicts, key=_WEIGHT.__getitem__, default=Verdict.VACUOUS)


@dataclass(slots=True)
class Outcome:
    """What became of one obligation.

    ``uses`` are the ids of the lemmas that stood in the text that was decided; ``cached`` says that the verdict
    came from evidence.  ``pre_state`` is the state of a failed induction, as text.
    """

    action: str
    verdict: Verdict
    solver: str | None = None
    seconds: float = 0.0
    cached: bool = False
    reason: str | None = None
    uses: tuple[str, ...] = ()
    pre_state: dict[str, Any] | None = None
    digest: str | None = None


@dataclass(slots=True)
class Decision:
    """The verdict on one invariant, as ``check`` reports it."""

    invariant: str
    claim: str
    kind: str
    verdict: Verdict
    engine: str
    depth: int | None = None
    accepted: bool = False
    assumes: tuple[str, ...] = ()
    lemmas: tuple[str, ...] = ()
    seconds: float = 0.0
    obligations: list[Outcome] = field(default_factory=list)
    trace: dict[str, Any] | None = None
    reason: str | None = None

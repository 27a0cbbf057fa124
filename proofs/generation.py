"""The obligations of a protocol's proof in parts, so that several processes can find them side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeAlias

from poolproof.spec.protocol import Protocol

from . import registry
from .induction import Obligation, Unit
from .inductions import Inductions
from .paths import TooManyPaths


@dataclass(frozen=True, slots=True)
class Part:
    """One unit of the obligations of the invariants ``wanted`` of a protocol's model, by its position among them.

    ``dropped`` names the conditions of the region that the protocol does not meet.
    """

    protocol: Protocol
    wanted: frozenset[str]
    dropped: tuple[str, ...]
    position: int


@dataclass(slots=True)
class Found:
    """The obligations of a part that need a solver, the claims that are plain, and why it is not finished, if so."""

    obligations: list[Obligation] = field(default_factory=list)
    plain: set[tuple[str, str]] = field(default_factory=set)
    problem: str | None = None


Generate: TypeAlias = Callable[[Sequence[Part]], Iterable[Found]]
"""Finds the obligations of parts, in any order."""


def found_in(unit: Unit) -> Found:
    """The obligations of a unit."""
    found = Found()
    try:
        for obligation in unit():
            if obligation.goal.node is not True:
                found.obligations.append(obligation)
            elif not obligation.cut:
                found.plain.add((obligation.invariant, obligation.action))
    except TooManyPaths as problem:
        found.problem = f"the symbolic reading was not finished: {problem}"
    return found


def find_part(part: Part) -> Found:
    """The obligations of a part: what a worker does, which looks the model up by its name."""
    return found_in(_units_beside(replace(part, position=0))[part.position])


@lru_cache(maxsize=1)
def _units_beside(part: Part) -> list[Unit]:
    """All units of the obligations of the invariants wanted, that of a part among them."""
    model, catalogue = registry.of(part.protocol)
    inductions = Inductions(model, catalogue, dropped=part.dropped)
    return list(inductions.units(lambda invariant: invariant.id in part.wanted))

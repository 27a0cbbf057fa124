"""What a model is to the engines: how to build its initial state, what can happen to it, what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .action import Action
from .protocol import Protocol

Kind = Literal["plain", "lined", "core"]
"""What a market is: on its own, drawing on a credit line, or lending over lines."""


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of pool in a model, for proofs: what its markets can be, and what can happen to it."""

    name: str
    kinds: tuple[Kind, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of protocol.

    ``build(protocol)`` is the initial state.  ``accrue(market, now)`` brings one market to the present, for
    clauses that compare states within an instant.  ``admissible(state)`` lists the conditions on parameters under
    which the catalogue is claimed, each with whether it holds there.
    """

    name: str
    build: Callable[[Protocol], Any]
    actions: tuple[Action, ...]
    accrue: Callable[[Any, Any], None]
    admissible: Callable[[Any], list[tuple[str, Any]]]
    scope: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    several: Model | None = None
    """The model of a protocol of several pools, where that is another one."""

    def action(self, name: str) -> Action:
        """The action of a name."""
        return next(a for a in self.actions if a.name == name)

    def of(self, protocol: Protocol) -> Model:
        """The model of a protocol: this one for a pool that stands alone, else the one for several."""
        single = len(protocol.pools) == 1 and protocol.pools[0].stands_alone
        return self if single or self.several is None else self.several

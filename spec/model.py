"""What a model is to the engines: how to build its initial state, what can happen to it, what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Literal

from .action import Action
from .errors import UsageError
from .protocol import Protocol
from .refusal import Refusal

Kind = Literal["plain", "lined", "core", "by balance"]
"""What a market is: on its own, drawing on a credit line, lending over lines, or counting its balance as its cash."""


class NoSuchAction(Refusal):
    """A model does not have the action that was asked for."""

    fields = ("action", "model")
    text = 'the model "{model}" has no action "{action}"'


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
    which the catalogue is claimed, each with whether it holds there.  ``market`` is the class of its markets, where
    it brings one of its own.
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
    market: type[Any] | None = None
    runs_only: bool = False
    """Whether runs from its start have integers alone: no search with amounts as terms, no scaled-down world."""
    example: str | None = None
    """The shipped protocol in which all can happen that the catalogue speaks of, where one protocol may lack some."""

    def action(self, name: str) -> Action:
        """The action of a name."""
        return next(a for a in self.actions if a.name == name)

    def own(self, action: Action) -> Action:
        """What an action that a clause runs is here: itself, or the one of its name; one that is missing refuses."""
        of_pools = [each for part in self.parts for each in part.actions]
        for each in chain(self.actions, of_pools):
            if each is action:
                return action
        missing = replace(action, run=partial(_refuse, action.name, self.name))
        return next((each for each in of_pools or self.actions if each == action), missing)

    def variant(self, name: str, *actions: Action, **changes: Any) -> Model:
        """A model of one pool, like this one but for what changes.

        An action of a known name takes that one's place, wherever clauses run it or speak of its steps; others are
        added.  Refuses: an action in the place of one that takes other arguments, a user's action without a user.
        """
        for action in actions:
            known = next((each for each in self.actions if each == action), action)
            if list(known.domains.items()) != list(action.domains.items()):
                cure = f"declare ({', '.join(known.domains)}), with their domains, or take another name"
                raise UsageError("this action takes other arguments than the one that it replaces", action.name, cure)
            if action.by == "user" and action.actor is None:
                raise UsageError("nobody acts in this action of a user", action.name, "declare who, by user()")
        chosen = tuple(next((each for each in actions if each == old), old) for old in self.actions)
        added = tuple(each for each in actions if each not in self.actions)
        return replace(self, **{"parts": (), "several": None} | changes | {"name": name, "actions": chosen + added})

    def of(self, protocol: Protocol) -> Model:
        """The model of a protocol: this one for a pool that stands alone, else the one for several."""
        single = len(protocol.pools) == 1 and protocol.pools[0].stands_alone
        return self if single or self.several is None else self.several


def _refuse(action: str, model: str, *_: Any) -> None:
    raise NoSuchAction(action, model)

"""Invariants: claims in the present tense with a stable id, read by every engine.

An invariant is one or more clauses.  A clause is a plain function in one of three forms:

* a **state** clause says something of every state;
* a **step** clause relates the state before an action to the state after it;
* a **scenario** clause runs actions of its own from an arbitrary state (two runs that must agree, a call that
  may not be refused, a sequence that must not pay).

What a clause quantifies over is declared, so that the concrete engines can enumerate it and the symbolic reading
can pick one arbitrary representative.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from .action import Action, Actor, Domain
from .arithmetic import Number
from .errors import UsageError
from .logic import Condition
from .refusal import Refusal
from .state import Account

T = TypeVar("T")
Form = Literal["state", "step", "scenario"]
About = Literal["pool", "system", "route"]
"""What a clause is given: one pool, a system of pools with its registry, or the pools of a route."""
Kind = Literal["state", "step", "two-run", "refusal", "profit"]
Cuts = Callable[..., "Iterable[Cut]"] | None
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Over = Literal["pool", "market", "account", "position"]
"""Once; for each market; for each account; for each market and account."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """A cut: lower <= upper and factor >= 0, unless a condition holds; hence lower x factor <= upper x factor."""

    lower: Number
    upper: Number
    factor: Number
    unless: Condition = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cut: lower x factor <= upper x factor and factor > 0, unless a condition holds; hence lower <= upper."""

    lower: Number
    upper: Number
    factor: Number
    unless: Condition = False


@dataclass(frozen=True, slots=True)
class Distributed:
    """A cut: a number is the sum of two parts; hence so is its product with a factor."""

    whole: Number
    parts: tuple[Number, Number]
    factor: Number


Cut = Condition | Scaled | Cancelled | Distributed
"""An intermediate claim of a proof."""


@dataclass(slots=True)
class Step:
    """An action that has completed.  ``old`` and ``new`` are pools; ``arguments`` by name.

    For a clause within an instant, ``old`` is accrued to the same time as ``new``.
    """

    action: Action
    arguments: dict[str, Any]
    old: Any
    new: Any

    @property
    def actor(self) -> Any:
        """The user who acts, None where none does."""
        return self.arguments[self.action.actor] if self.action.actor else None


class Trial(Protocol):
    """What a scenario clause may do; concretely it runs, symbolically it forks."""

    def do(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out; the refusal if it refuses."""

    def attempt(self, state: Any, part: Callable[..., None], *arguments: Any) -> Refusal | None:
        """Carry a part of an action, a function of the state and arguments, out on it; the refusal if it refuses."""

    def confined(
        self,
        state: Any,
        action: Action,
        arguments: tuple[Any, ...],
        *,
        hidden: tuple[str, ...],
        within: tuple[str, ...],
    ) -> Condition:
        """Whether an action, on a copy, reads the hidden fields of markets with lines only within methods named."""

    def midway(self, state: Any) -> Any:
        """A copy in which the numbers of markets with lines are any: a state in the middle of an action."""

    def copy(self, state: Any) -> Any:
        """An independent copy of a state."""

    def sister(self, state: Any, named: Callable[[str], str], alike: Callable[[Any, Any], Any], /) -> Any:
        """A state beside another, of the same kind, that shares only wallets with it: a copy made ``alike``, or any.

        ``named`` gives the name of its market for each of the other's.
        """

    def elsewhere(self, state: Any) -> Any:
        """A copy in which others acted on what the state shares with them, and on nothing else."""

    def assume(self, condition: Condition) -> None:
        """Go on only where the condition holds."""

    def claim(self, condition: Condition, message: str) -> None:
        """What the scenario must show."""


class Run(Protocol):
    """What a counterexample may do: a run from where the engines start, its amounts computed from the state on the way.

    A run that cannot go on (an action refuses, an amount is in no domain, nothing is left to choose from) shows nothing,
    and the next choice is tried.
    """

    state: Any

    @property
    def users(self) -> tuple[Account, ...]:
        """The users, at least three."""
        ...

    def choose(self, options: Iterable[T]) -> T:
        """One of several; each is tried in turn, the rest of the run with it."""
        ...

    def do(self, action: Action, *arguments: Any) -> None:
        """Carry an action out, which has to complete; where it violates the claim, the run ends."""

    def scenario(self, clause: Callable[..., Any] | str, *arguments: Any) -> None:
        """Run a scenario clause of the claim; where that is broken, the run ends."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One function of an invariant.

    ``check`` is called with, by form and ``over``:
    state: (pool), (pool, market), (pool, account), (pool, market, account);
    step: (step), (step, old_market, new_market), (step, account), (step, old_market, new_market, account);
    scenario: (trial, pool, *arguments drawn from ``domains``).

    ``of`` limits a step clause to the actions named, and to those by ``new_by`` that a model adds to the ones for
    which the catalogue was written.  ``instant`` compares states that are accrued to the same time.
    ``lemma`` marks a state clause that is proved action by action and then serves every proof as a hypothesis; a
    state clause that is not a lemma is proved from the lemmas alone.  ``cuts``, called like ``check``, lists
    intermediate claims: each is proved in turn and may then be used, with the definitions behind it forgotten.
    ``step_cuts``, called with the step, serve where a lemma is shown to survive an action.
    """

    form: Form
    check: Callable[..., Condition]
    over: Over = "market"
    of: tuple[str, ...] = ()
    new_by: tuple[Actor, ...] = ()
    instant: bool = False
    lemma: bool = False
    domains: dict[str, Domain] = field(default_factory=dict)
    cuts: Cuts = None
    step_cuts: Cuts = None

    @property
    def name(self) -> str:
        """The claim in words, from the function's name."""
        return self.check.__name__

    @property
    def source(self) -> str:
        """The formal text: the function itself."""
        source = textwrap.dedent(inspect.getsource(self.check))
        return source.replace(f"def {self.check.__code__.co_name}(", f"def {self.name}(", 1)


@dataclass(slots=True)
class Invariant:
    """A claim with its clauses.

    ``assuming`` lists conditions on parameters, prices, time and the environment, never on the state; ``about`` says
    what its clauses are given in place of a pool.  ``counterexamples`` are runs that violated it somewhere: they are
    tried on each protocol, and judged there like any other run; nothing tries to prove what comes with one.
    """

    id: str
    claim: str
    kind: Kind
    why: str = ""
    assuming: tuple[str, ...] = ()
    clauses: list[Clause] = field(default_factory=list)
    about: About = "pool"
    counterexamples: list[Callable[[Run], None]] = field(default_factory=list)

    def state(
        self, over: Over = "market", *, lemma: bool = False, cuts: Cuts = None, step_cuts: Cuts = None
    ) -> Decorator:
        """Add a clause about every state."""
        return self._add("state", over, lemma=lemma, cuts=cuts, step_cuts=step_cuts)

    def step(
        self,
        over: Over = "market",
        of: Iterable[Action] = (),
        *,
        new_by: tuple[Actor, ...] = (),
        instant: bool = False,
        cuts: Cuts = None,
    ) -> Decorator:
        """Add a clause about the step of each action, or of those named and of the new ones of some actors."""
        return self._add("step", over, of=tuple(a.name for a in of), new_by=new_by, instant=instant, cuts=cuts)

    def scenario(self, *, instant: bool = False, **domains: Domain) -> Decorator:
        """Add a clause that runs actions of its own from an arbitrary state."""
        return self._add("scenario", "pool", instant=instant, domains=domains)

    def counterexample(self, run: Callable[[Run], None]) -> Callable[[Run], None]:
        """Add a run that is known to violate the claim."""
        self.counterexamples.append(run)
        return run

    def _add(self, form: Form, over: Over, **options: Any) -> Decorator:
        def keep(check: Callable[..., Any]) -> Callable[..., Any]:
            self.clauses.append(Clause(form, check, over, **options))
            return check

        return keep


class Catalogue:
    """The invariants of a kind of protocol, by id, in the order in which they were declared."""

    def __init__(self, about: About = "pool") -> None:
        self.about: About = about
        self._by_id: dict[str, Invariant] = {}

    def declare(
        self,
        id: str,  # noqa: A002
        claim: str,
        kind: Kind,
        *,
        why: str = "",
        assuming: tuple[str, ...] = (),
    ) -> Invariant:
        """Declare an invariant; its clauses are added by its decorators."""
        if id in self._by_id:
            message = f'invariant id "{id}" is declared twice; ids are unique'
            raise UsageError(message)
        self._by_id[id] = Invariant(id, claim, kind, why, assuming, about=self.about)
        return self._by_id[id]

    def add(self, other: Catalogue) -> None:
        """Take over the invariants of another catalogue.  Refuses: an id that is here already."""
        for each in other:
            declared = self.declare(each.id, each.claim, each.kind, why=each.why, assuming=each.assuming)
            declared.about = each.about
            declared.clauses.extend(each.clauses)
            declared.counterexamples.extend(each.counterexamples)

    def arrange(self, families: Iterable[str]) -> None:
        """Put the families (the part of an id before the dash) in an order; what is not named comes last."""
        rank = {family: position for position, family in enumerate(families)}
        ordered = sorted(self._by_id.items(), key=lambda item: rank.get(item[0].partition("-")[0], len(rank)))
        self._by_id = dict(ordered)

    def __iter__(self) -> Any:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, name: object) -> bool:
        return name in self._by_id

    def __getitem__(self, name: str) -> Invariant:
        return self._by_id[name]

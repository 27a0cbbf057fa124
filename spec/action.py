"""Actions: what can happen to a protocol, each declared once with the domains of its arguments.

The one declaration drives the fuzzer (what to draw), the symbolic reading (which variables, which coincidences
of accounts and markets), the trace format (how an argument is written) and the documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .refusal import Refusal

Kind = Literal[
    "user",
    "line",
    "pool",
    "asset",
    "tokens",
    "shares",
    "debt_shares",
    "price",
    "slots",
    "factor",
    "cap",
    "rate",
    "flag",
    "assets",
    "orders",
    "pausables",
    "rate_model",
    "name",
]
"""What an argument is: an account, a credit line, a pool, a market, an amount in tokens, shares or debt shares of the
market named by ``of``, a price, a number of slots, a factor or a rate [wad], a cap in tokens.

Of deployed contracts alone: yes or no, a list of markets, of liquidation orders or of what can be paused, a rate model,
a contract or a text by what it is called."""

NOT_NUMBERS: frozenset[Kind] = frozenset(
    ("user", "line", "pool", "asset", "flag", "assets", "orders", "pausables", "rate_model", "name")
)

Actor = Literal["user", "environment", "governance", "line"]


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that an argument may take.

    ``of`` names the argument that holds the asset of an amount; ``low`` and ``high`` are the bounds of a
    number (``high`` None: the word size of amounts, 2^112).
    """

    kind: Kind
    of: str | None = None
    low: int = 0
    high: int | None = None

    @property
    def is_number(self) -> bool:
        """Whether the argument is written as a decimal string in a trace."""
        return self.kind not in NOT_NUMBERS


def user() -> Domain:
    """An account without a privilege."""
    return Domain("user")


def line() -> Domain:
    """A credit line, by the name under which the core pool knows it."""
    return Domain("line")


def asset() -> Domain:
    """A listed market, by its asset."""
    return Domain("asset")


def tokens(of: str = "asset") -> Domain:
    """An amount in the smallest unit of the asset."""
    return Domain("tokens", of)


def shares(of: str = "asset") -> Domain:
    """A number of a market's shares."""
    return Domain("shares", of, high=2**190)


def price() -> Domain:
    """A price, 0 for a missing one [value per smallest unit]."""
    return Domain("price", high=2**128)


def slots() -> Domain:
    """An interval of time [slots]."""
    return Domain("slots", high=2**30)


def factor(high: int) -> Domain:
    """A fraction from 0 to ``high`` [wad]."""
    return Domain("factor", high=high)


def cap() -> Domain:
    """A limit in the smallest unit of the asset."""
    return Domain("cap")


def rate() -> Domain:
    """A part of a rate model, per slot [wad]."""
    return Domain("rate", high=10**15)


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One kind of thing that can happen.

    ``run(state, *arguments)`` changes the state or raises a ``Refusal``.  ``actor`` is the argument that acts,
    for a user's action.  Two actions of one name are equal: a model's own ``borrow`` is the one that clauses name.
    """

    name: str
    run: Callable[..., None]
    domains: dict[str, Domain]
    by: Actor
    actor: str | None
    meaning: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Action) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __call__(self, state: Any, *arguments: Any) -> None:
        """Carry the action out on a state."""
        self.run(state, *arguments)


def action(by: Actor = "user", **domains: Domain) -> Callable[[Callable[..., None]], Action]:
    """Declare a function as an action; the first user argument is the one who acts."""

    def declare(function: Callable[..., None]) -> Action:
        first_user = next((name for name, domain in domains.items() if domain.kind == "user"), None)
        lines = (function.__doc__ or "").strip().splitlines()
        return Action(
            name=function.__name__,
            run=function,
            domains=domains,
            by=by,
            actor=first_user if by == "user" else None,
            meaning=lines[0] if lines else function.__name__,
        )

    return declare


def perform(state: Any, what: Action, arguments: tuple[Any, ...]) -> Refusal | None:
    """Carry an action out whole, or leave the state as it was and return the refusal."""
    state.begin()
    try:
        what.run(state, *arguments)
    except Refusal as refusal:
        state.journal.undo()
        return refusal
    return None

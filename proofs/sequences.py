"""Sequences of a search: which calls can come next, up to the names of users, and which are tried first.

A call names accounts and assets and leaves its numbers open.  Users start alike, so the first use of a new user takes
the next name.  Every call has a cost, and sequences are tried in the order of the sum of their costs: what enables
other actions before parameter changes, two users before three, the first pair of assets before others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

from poolproof.spec.action import Action, Domain
from poolproof.spec.protocol import PoolConfig, Protocol
from poolproof.spec.state import Account

from .monitor import TREASURY
from .terms import Space, Term

ENABLING = ("deposit", "enter", "borrow", "pass_time", "set_price")
"""The actions without which most others have nothing to work on."""
COUNTED = ("tokens", "shares", "debt_shares", "slots", "price")
"""Numbers of which 0 is a case of its own, so that an open one is positive."""
SMALL = ("tokens", "debt_shares", "slots")
"""Numbers that can be small without being out of proportion to the others."""
USERS = 2
"""Users that a sequence names at no extra cost."""
AMOUNT_LIMIT = 2**112

Given: TypeAlias = tuple[str | int | None, ...]
"""The arguments of a call as far as they are fixed: accounts, assets, 0 for no amount, None for an open number."""
Done: TypeAlias = "tuple[tuple[OpenCall, tuple[Any, ...]], ...]"
"""The calls of a sequence with their arguments."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """An action with its accounts and assets, its numbers open."""

    action: Action
    given: Given

    def named(self, kind: str) -> list[str]:
        """The accounts, or the assets, that it names."""
        pairs = zip(self.action.domains.values(), self.given, strict=True)
        return [str(name) for domain, name in pairs if domain.kind == kind]

    def __str__(self) -> str:
        return f"{self.action.name}({', '.join('...' if name is None else str(name) for name in self.given)})"


@dataclass(frozen=True, slots=True)
class Sequence:
    """Open calls from the initial state, the decisions of one path through them, and what they name.

    ``witness`` are arguments with which the path is taken, where some are known.
    """

    calls: tuple[OpenCall, ...] = ()
    decisions: tuple[bool, ...] = ()
    witness: tuple[tuple[Any, ...], ...] = ()
    users: int = 0
    assets: frozenset[str] = frozenset()
    cost: int = 0

    def __str__(self) -> str:
        return "; ".join(map(str, self.calls)) or "the initial state"


class Alphabet:
    """The calls that can extend a sequence."""

    def __init__(self, protocol: Protocol, hinted: Iterable[str]) -> None:
        pool = protocol.pools[0]
        self.users = protocol.users
        self.first = first_assets(pool)
        self.assets = (*self.first, *(m.asset for m in pool.markets if m.asset not in self.first))
        self.hinted = frozenset(hinted)

    def extensions(self, sequence: Sequence, actions: Iterable[Action]) -> dict[int, list[OpenCall]]:
        """The calls that can come next, by their rank: the hinted ones first, then by the cost of the sequence."""
        ranked: dict[int, list[OpenCall]] = {}
        for action in actions:
            for given in self.given(action.domains, sequence.users):
                call = OpenCall(action, given)
                cost = self.extended(sequence, call).cost
                ranked.setdefault(cost - 1 if action.name in self.hinted else cost, []).append(call)
        return ranked

    def extended(self, sequence: Sequence, call: OpenCall, decisions: tuple[bool, ...] = ()) -> Sequence:
        """The sequence with one call more, on one path through it."""
        ranks = [self.users.index(name) + 1 for name in call.named("user")]
        users = max([sequence.users, *ranks])
        assets = sequence.assets.union(call.named("asset"))
        cost = 1 if call.action.name in self.hinted or call.action.name in ENABLING else 2
        cost += max(0, users - max(USERS, sequence.users)) + len((assets - sequence.assets).difference(self.first))
        return Sequence((*sequence.calls, call), decisions, sequence.witness, users, assets, sequence.cost + cost)

    def accounts(self, sequence: Sequence) -> tuple[Account, ...]:
        """The users that a sequence names, one that it does not name, and the treasury."""
        return (*self.users[: sequence.users + 1], TREASURY)

    def given(self, domains: dict[str, Domain], users: int, *, zero: bool = True) -> Iterator[Given]:
        """The accounts and assets of arguments, where so many users have been named before.

        ``zero``: no amount at all is a case of its own.
        """
        places = [position for position, domain in enumerate(domains.values()) if domain.kind == "user"]
        others = [self._options(domain, zero=zero) for domain in domains.values() if domain.kind != "user"]
        for accounts in self._accounts(len(places), users):
            for rest in product(*others):
                given: list[str | int | None] = list(rest)
                for place, account in zip(places, accounts, strict=True):
                    given.insert(place, account)
                yield tuple(given)

    def _options(self, domain: Domain, *, zero: bool) -> Given:
        if domain.kind == "asset":
            return self.assets
        return (None, 0) if zero and domain.kind in COUNTED and domain.low == 0 else (None,)

    def _accounts(self, count: int, known: int) -> Iterator[tuple[Account, ...]]:
        """Users for a number of places: known ones, and new ones in the order of their names."""
        if count == 0:
            yield ()
            return
        for rank in range(min(known + 1, len(self.users))):
            for rest in self._accounts(count - 1, max(known, rank + 1)):
                yield (self.users[rank], *rest)


def first_assets(pool: PoolConfig) -> tuple[str, ...]:
    """The first asset that is collateral, and the first other one that can be borrowed."""
    collateral = next((m for m in pool.markets if m.ltv and m.supply_cap), pool.markets[0])
    borrowed = next((m for m in pool.markets if m.borrow_cap and m is not collateral), collateral)
    return tuple(dict.fromkeys((collateral.asset, borrowed.asset)))


# --- numbers ------------------------------------------------------------------------------------------------------


def arguments(space: Space, domains: dict[str, Domain], given: Given, *, zero: bool = True) -> tuple[Any, ...]:
    """The arguments of a call or a scenario: what is given, and a variable of its domain for each open number.

    ``zero``: no amount at all is a case of its own, so what is open is positive.
    """
    return tuple(
        _variable(space, name, domain, positive=zero and domain.kind in COUNTED) if value is None else value
        for (name, domain), value in zip(domains.items(), given, strict=True)
    )


def _variable(space: Space, name: str, domain: Domain, *, positive: bool) -> Term:
    low = max(domain.low, int(positive))
    high = AMOUNT_LIMIT - 1 if domain.high is None else domain.high
    number = space.number(name, "positive" if low > 0 else "nonneg")
    if low > 0:
        space.path.assume(number >= low, "arguments")  # what the path knows decides conditions without a fork
    space.path.assume(number <= high, "arguments")
    return number


def variables(done: Done) -> dict[int, tuple[Any, ...]]:
    """A name for the atom of each open number: its call, how often that occurred before, its place."""
    names: dict[int, tuple[Any, ...]] = {}
    for position, (call, values) in enumerate(done):
        before = sum(other == call for other, _ in done[:position])
        for place, value in enumerate(values):
            if isinstance(value, Term):
                names[atom_of(value)] = (call.action.name, *call.given, before, place)
    return names


def atom_of(variable: Term) -> int:
    """The atom of a variable."""
    ((atom,),) = variable.poly
    return atom


def name_of(variable: Term) -> str:
    """The name of a variable in the solver's answers."""
    return variable.space.atoms[atom_of(variable)].name


def amounts(domains: dict[str, Domain], values: tuple[Any, ...]) -> list[str]:
    """The names of the variables among arguments that are worth keeping small."""
    pairs = zip(domains.values(), values, strict=True)
    return [name_of(value) for domain, value in pairs if isinstance(value, Term) and domain.kind in SMALL]


def with_numbers(done: Done, numbers: dict[str, int]) -> tuple[tuple[Any, ...], ...]:
    """The arguments of calls with the solver's numbers in the place of the variables."""
    return tuple(concrete(values, numbers) for _, values in done)


def concrete(values: tuple[Any, ...], numbers: dict[str, int]) -> tuple[Any, ...]:
    """Arguments with the solver's numbers in the place of the variables."""
    return tuple(numbers.get(name_of(value), 0) if isinstance(value, Term) else value for value in values)


def pins(done: Done, witness: tuple[tuple[Any, ...], ...]) -> dict[str, int]:
    """The numbers of a witness under the names of the variables that they stand for."""
    return {
        name_of(value): number
        for (_, values), numbers in zip(done, witness, strict=False)
        for value, number in zip(values, numbers, strict=True)
        if isinstance(value, Term)
    }

"""The accounts of a given state that a proposal makes liquidatable: by how much, and from which value on it would not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from poolproof.inputs import read_state
from poolproof.models.deployed.venus.pool import snapshot
from poolproof.models.liquidation import margin_to_liquidation
from poolproof.proofs import registry
from poolproof.proofs.gate.benches import kin_of
from poolproof.proofs.snapshots import set_state
from poolproof.spec.errors import UsageError
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

from .files import Change, Proposal

HEALTH = ("liquidation_threshold", "price_bound")
"""The parameters by which a vote makes accounts liquidatable; no other does (GOV-1)."""
DIGITS = {"reference": 54, "venus": 18}
"""The decimal places of an account's margin in US dollars, by the models that are known here."""
EXACT = Context(prec=200)
"""Numbers of any length, without rounding."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account that becomes liquidatable.

    ``missing`` is by how much [US dollars].  ``values`` are, for each change that matters to it, the least value with
    which it would not be, with the others as proposed; None where none up to the one in force is enough.
    """

    pool: str
    name: str
    missing: Decimal
    values: tuple[tuple[Change, int | None], ...]


class Books:
    """A state of the protocol in force, brought to the present, in which thresholds and price bounds can be moved."""

    def __init__(self, protocol: Protocol, state: Mapping[str, Any]) -> None:
        self.kin = kin_of(protocol.model)
        if self.kin not in DIGITS:
            rule = f'how the accounts of the model "{protocol.model}" are valued is not known'
            raise UsageError(rule, "--state", "leave it out")
        model, _ = registry.of(protocol)
        self.is_venus = self.kin == "venus"
        self.state: Any = model.build(protocol)
        set_state(self.state, state, "--state")
        self.state.begin()
        for market in self.state.markets.values():
            with suppress(Refusal):  # a market whose interest cannot be charged is valued as it stands
                model.accrue(market, self.state.now)

    def put(self, change: Change, value: int) -> None:
        """Give a parameter of a market a value."""
        name = f"{change.pool}/{change.asset}" if hasattr(self.state, "pools") else str(change.asset)
        market = self.state.markets[name]
        if change.parameter == "liquidation_threshold":
            market.liquidation_threshold = value
        elif not self.is_venus:
            market.feed.bound = value

    def margin(self, pool: str, user: str) -> int | None:
        """Collateral at the thresholds less debts, negative for who can be liquidated; None where there is no price."""
        at = self.state.pools[pool] if hasattr(self.state, "pools") else self.state
        try:
            if self.is_venus:
                seen = snapshot(at, user, at_threshold=True)
                return int(seen.liquidity - seen.shortfall)
            return int(at.markets.sum_over(user, margin_to_liquidation, at.now))
        except Refusal:
            return None


def state_of(path: str, protocol: Protocol) -> dict[str, Any]:
    """The state of a protocol in a file.  Refuses: as ``read_state``."""
    return read_state(path, registry.of(protocol)[0], protocol)


def accounts_of(proposal: Proposal, state: Mapping[str, Any]) -> Iterator[Account]:
    """The accounts of a state of the protocol in force that are healthy there, and not with the proposed parameters.

    Refuses: a model of which it is not known how it values accounts, and a state that does not fit.
    """
    books = Books(proposal.base, state)
    changes = [change for change in proposal.changes if change.parameter in HEALTH and change.is_number]
    accounts = [(change.pool, user) for change in changes if change.pool for user in proposal.base.users]
    before = {account: books.margin(*account) for account in dict.fromkeys(accounts)}
    for change in changes:
        books.put(change, change.new)
    for (pool, user), margin in before.items():
        after = books.margin(pool, user)
        if margin is None or after is None or margin < 0 or after >= 0:
            continue
        values = []
        for change in changes:
            books.put(change, change.old)
            if books.margin(pool, user) != after:
                values.append((change, _least(books, change, pool, user)))
            books.put(change, change.new)
        yield Account(pool, user, Decimal(-after).scaleb(-DIGITS[books.kin], EXACT), tuple(values))


def _least(books: Books, change: Change, pool: str, user: str) -> int | None:
    """The least value of a change up to the one in force with which an account is healthy."""

    def healthy(value: int) -> bool:
        books.put(change, value)
        margin = books.margin(pool, user)
        return margin is not None and margin >= 0

    if change.old < change.new or not healthy(change.old):
        return None
    low, high = change.new, change.old
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if healthy(middle) else (middle, high)
    return int(high)

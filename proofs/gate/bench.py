"""A bench on which runs are constructed: what can be done in a pool and read off it, alike for every model.

An action is carried out, and kept for the trace, or the run ends.  What is tried is undone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from poolproof.models.system import SEPARATOR
from poolproof.proofs import registry
from poolproof.proofs.boundary import Run, run_of
from poolproof.proofs.traces import LARGEST_AMOUNT, Call
from poolproof.spec.action import perform
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

LARGEST_PRICE = 2**128
SCALES = (1, 10**3, 10**6, 10**9, 10**12)
"""How many times the smallest price that fits is tried."""
FEWEST_USERS = 2
Read = TypeVar("Read")


class Ended(Exception):
    """A run cannot go on."""


def least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least number in a range from which on something holds; the run ends where it does not at the range's end."""
    if low > high or not holds(high):
        raise Ended
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return high


def rounded(amount: int, digits: int = 1) -> int:
    """An amount that is easy to read: its first digits, followed by zeros; the run ends where there is none."""
    if amount <= 0:
        raise Ended
    power: int = 10 ** max(len(str(amount)) - digits, 0)
    return amount // power * power


class Bench(ABC):
    """A run in one pool, from the protocol's start.

    The run ends where the protocol has fewer users than a lender and a borrower, or no such pool.
    """

    names: dict[str, str]
    """What the model calls an action, where it calls it otherwise."""

    def __init__(self, protocol: Protocol, pool: str) -> None:
        if len(protocol.users) < FEWEST_USERS or all(each.id != pool for each in protocol.pools):
            raise Ended
        self.protocol, self.place = protocol, pool
        self.model, _ = registry.of(protocol)
        self.state: Any = self.model.build(protocol)
        self.actions = {action.name: action for action in self.model.actions}
        self.several = hasattr(self.state, "pools")
        self.pool: Any = dict.__getitem__(self.state.pools, pool) if self.several else self.state
        self.markets: dict[str, Any] = {
            self.name(each.asset): dict.__getitem__(self.state.markets, self.name(each.asset))
            for config in protocol.pools
            if config.id == pool
            for each in config.markets
        }
        self.borrower, self.lender = protocol.users[:FEWEST_USERS]
        self.liquidator = next((user for user in protocol.users[FEWEST_USERS:] if user != "seed"), self.lender)
        self.calls: list[Call] = []

    def name(self, asset: str) -> str:
        """The name of a market of the pool."""
        return f"{self.place}{SEPARATOR}{asset}" if self.several else asset

    def market(self, asset: str | None) -> str:
        """The name of a market of the pool, which the run ends without."""
        if asset is None or self.name(asset) not in self.markets:
            raise Ended
        return self.name(asset)

    # --- what is done -------------------------------------------------------------------------------------

    def call(self, name: str, *arguments: Any) -> Call:
        """An action of the model with its arguments; of several pools, this one is named where no market is."""
        action = self.actions[self.names.get(name, name)]
        return action, (self.place, *arguments) if next(iter(action.domains)) == "pool" else arguments

    def attempt(self, name: str, *arguments: Any) -> str | None:
        """Carry an action out and keep it, refused or not; the refusal."""
        action, given = self.call(name, *arguments)
        if any(
            domain.is_number and not domain.low <= value <= (LARGEST_AMOUNT if domain.high is None else domain.high)
            for domain, value in zip(action.domains.values(), given, strict=True)
        ):
            raise Ended
        refusal = perform(self.state, action, given)
        self.calls.append((action, given))
        return None if refusal is None else refusal.name

    def do(self, name: str, *arguments: Any) -> None:
        """Carry an action out, which has to complete."""
        if self.attempt(name, *arguments) is not None:
            raise Ended

    def accepts(self, name: str, *arguments: Any) -> bool:
        """Whether an action would complete now."""
        accepted = perform(self.state, *self.call(name, *arguments)) is None
        if accepted:
            self.state.journal.undo()
        return accepted

    def after(self, read: Callable[[], Read], name: str, *arguments: Any) -> Read:
        """What would be read after an action, which has to complete."""
        if perform(self.state, *self.call(name, *arguments)) is not None:
            raise Ended
        journal, entries = self.state.journal, list(self.state.journal.entries)
        seen = read()
        journal.entries[:] = entries
        journal.undo()
        return seen

    def most(self, name: str, *arguments: Any, at_most: int) -> int:
        """The largest amount that an action accepts, where it accepts every smaller one."""
        refused = least(lambda amount: amount > at_most or not self.accepts(name, *arguments, amount), 1, at_most + 1)
        if refused == 1:
            raise Ended
        return refused - 1

    def run(self) -> Run:
        """The run, with the states before and after its last action."""
        return run_of(self.protocol, self.model, self.calls)

    def move_price(self, name: str, price: int) -> None:
        """Set a price, if it is another one."""
        if price != self.price(name):
            self.do("set_price", name, price)

    # --- what is read -------------------------------------------------------------------------------------

    def present(self, read: Callable[[], Read]) -> Read:
        """What is read with every market of the pool at the present."""
        self.state.begin()
        try:
            for name in self.markets:
                self.accrue(self.state.markets[name])
            return read()
        except Refusal:
            raise Ended from None
        finally:
            self.state.journal.undo()

    def is_healthy(self, user: Account) -> bool:
        """Whether an account's collateral at the thresholds covers its debts."""
        return self.present(lambda: self.margin(user)) >= 0

    def highest_collateral_price(self, name: str) -> int:
        """The highest price inside the region that counts in full as collateral."""
        return self.highest_price(name)

    def highest_price(self, name: str) -> int:
        """The highest price inside the region."""
        return LARGEST_PRICE

    def lent_from(self, name: str) -> str:
        """The market whose suppliers lend what is borrowed in a market: itself, or the one that its line draws on."""
        return name

    @abstractmethod
    def accrue(self, market: Any) -> None:
        """Bring a market to the present."""

    @abstractmethod
    def margin(self, user: Account) -> int:
        """Collateral at the thresholds less debts, negative for who can be liquidated."""

    @abstractmethod
    def feed(self, name: str) -> str:
        """The price that a market reads, by a name."""

    @abstractmethod
    def price(self, name: str) -> int:
        """A market's price."""

    @abstractmethod
    def shares(self, name: str, user: Account) -> int:
        """What a user has supplied to a market [shares]."""

    def core_of(self, name: str) -> str:
        """The core's market on which a market's line draws; the run ends without one."""
        raise Ended

    def line_of(self, name: str) -> int:
        """The limit of a market's line [tokens]."""
        return 0

    @abstractmethod
    def supply_cap(self, name: str) -> int:
        """The most that can be supplied to a market [tokens]."""

    @abstractmethod
    def held(self, name: str, user: Account) -> int:
        """What a user's shares of a market are worth [tokens]."""

    @abstractmethod
    def sent(self, name: str, holder: Account, shares: int) -> tuple[Any, ...]:
        """The arguments of a transfer of shares to the borrower."""

    @abstractmethod
    def wallet(self, name: str, user: Account) -> int:
        """What a user has of a market's asset [tokens]."""

    @abstractmethod
    def room(self, name: str) -> int:
        """What can be supplied below the cap [tokens]."""

    @abstractmethod
    def loans(self, name: str) -> int:
        """What can be borrowed below the cap [tokens]."""

    @abstractmethod
    def cash(self, name: str) -> int:
        """What can be borrowed before anybody supplies more [tokens]."""

    @abstractmethod
    def repayment(self, name: str, amount: int) -> tuple[Any, ...]:
        """The borrower's repayment, as an action with its arguments."""

    @abstractmethod
    def closable(self, name: str) -> int:
        """The most that one liquidation may repay of the borrower's debt, or more [tokens]."""

    @property
    def incentive(self) -> int:
        """The pool's liquidation incentive [wad]."""
        return int(self.pool.liquidation_incentive)

    @abstractmethod
    def even_prices(self, collateral: str, debt: str) -> Iterator[tuple[int, int]]:
        """Prices of a collateral and a debt at which no factor and no seizure is rounded, unless its amount is."""

    @abstractmethod
    def owed(self, name: str, user: Account) -> int:
        """What a user owes in a market, rounded up [tokens]."""

    @abstractmethod
    def ltv(self, name: str) -> int:
        """What can be borrowed on a market's shares [wad]."""

    @abstractmethod
    def threshold(self, name: str) -> int:
        """The liquidation threshold of a market [wad]."""

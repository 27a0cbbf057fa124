"""A bench on which runs are constructed: what can be done in a pool and read off it, alike for every model.

An action is carried out, and kept for the trace, or the run ends.  What is tried is undone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from poolproof.models.credit_line import LinedMarket
from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.market import accrue as accrue_vtoken
from poolproof.models.deployed.venus.pool import snapshot
from poolproof.models.deployed.word import MAX_UINT256
from poolproof.models.isolated_pool import VALUE_LIMIT
from poolproof.models.liquidation import margin_to_liquidation
from poolproof.models.market import Market, accrue, owed, priced_assets, tokens_for_shares
from poolproof.models.system import SEPARATOR
from poolproof.proofs import registry
from poolproof.proofs.boundary import Run, run_of
from poolproof.proofs.traces import LARGEST_AMOUNT, Call
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
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


class ReferenceBench(Bench):
    """A bench with the reference model."""

    names = {"set_factors": "set_risk_factors"}  # noqa: RUF012 - read only

    def repayment(self, name: str, amount: int) -> tuple[Any, ...]:
        """The borrower's repayment, as an action with its arguments."""
        return "repay", self.borrower, self.borrower, name, amount

    def cash(self, name: str) -> int:
        """The market's cash."""
        return int(self.market_of(self.lent_from(name)).cash)

    def closable(self, name: str) -> int:
        """What is owed: a liquidation takes no more than it may."""
        return self.owed(name, self.borrower)

    def highest_collateral_price(self, name: str) -> int:
        """The highest price inside the region, at most the feed's bound."""
        bound, most = int(self.markets[name].feed.bound), self.highest_price(name)
        return min(bound, most) if bound else most

    def even_prices(self, collateral: str, debt: str) -> Iterator[tuple[int, int]]:
        """Both the same multiple of 1e18 x virtual shares."""
        most = min(self.highest_collateral_price(collateral), self.highest_price(debt))
        grain = int(self.markets[collateral].virtual_shares) * WAD
        return ((grain * scale, grain * scale) for scale in SCALES if grain * scale <= most)

    def accrue(self, market: Market) -> None:
        """Bring a market to the present."""
        accrue(market, self.pool.now)

    def margin(self, user: Account) -> int:
        """Collateral at the thresholds less debts [value x WAD]."""
        return int(self.pool.markets.sum_over(user, margin_to_liquidation, self.pool.now))

    def feed(self, name: str) -> str:
        """The feed of a market."""
        market = dict.__getitem__(self.state.markets, name)
        return str(market.feed.asset)

    def price(self, name: str) -> int:
        """The feed's last answer."""
        return int(self.markets[name].feed.price)

    def highest_price(self, name: str) -> int:
        """The highest price with which all tokens of the market's asset have a value inside the region."""
        feeds = [market for market in dict.values(self.state.markets) if market.feed is self.markets[name].feed]
        return min(LARGEST_PRICE, VALUE_LIMIT // max(1, *(int(market.amount_limit) for market in feeds)))

    def held(self, name: str, user: Account) -> int:
        """Shares at their price, rounded down."""
        return int(tokens_for_shares(self.markets[name], self.markets[name].shares[user]))

    def sent(self, name: str, holder: Account, shares: int) -> tuple[Any, ...]:
        """Sender, receiver, market, shares."""
        return holder, self.borrower, name, shares

    def shares(self, name: str, user: Account) -> int:
        """A user's shares."""
        return int(self.markets[name].shares[user])

    def wallet(self, name: str, user: Account) -> int:
        """A user's balance."""
        return int(self.markets[name].tokens[user])

    def room(self, name: str) -> int:
        """The supply cap less what is supplied."""
        market = self.market_of(name)
        return max(0, int((market.supply_cap * WAD - priced_assets(market)) // WAD))

    def loans(self, name: str) -> int:
        """The borrow cap less what is owed; with a line not more than its limit."""
        market = self.markets[name]
        most = market.borrow_cap + (-market.debt_shares * market.index // WAD)
        drawn = self.lent_from(name) != name
        return max(0, int(min(most, market.limit, market.debt_ceiling) if drawn else most))

    def market_of(self, name: str) -> Market:
        """A market of any pool."""
        market: Market = dict.__getitem__(self.state.markets, name)
        return market

    def lent_from(self, name: str) -> str:
        """A market that takes no deposits itself draws on its line, if it has one."""
        market = self.market_of(name)
        return self.core_of(name) if isinstance(market, LinedMarket) and market.supply_cap == 0 else name

    def core_of(self, name: str) -> str:
        """The core's market, as the market itself knows it."""
        core, markets = getattr(self.markets[name], "core", None), dict.items(self.state.markets)
        found: str | None = next((each for each, other in markets if other is core), None)
        if found is None:
            raise Ended
        return found

    def line_of(self, name: str) -> int:
        """What may be owed over the line."""
        return int(self.markets[name].limit)

    def owed(self, name: str, user: Account) -> int:
        """What a user owes, rounded up."""
        return int(owed(self.markets[name], user))

    def ltv(self, name: str) -> int:
        """The loan-to-value."""
        return int(self.markets[name].ltv)

    def threshold(self, name: str) -> int:
        """The liquidation threshold."""
        return int(self.markets[name].liquidation_threshold)


class VenusBench(Bench):
    """A bench with the model of the deployed Venus pools."""

    names = {  # noqa: RUF012 - read only
        "deposit": "mint",
        "enter": "enter_market",
        "liquidate": "liquidate_borrow",
        "set_factors": "set_collateral_factor",
    }

    def repayment(self, name: str, amount: int) -> tuple[Any, ...]:
        """The borrower's repayment, as an action with its arguments."""
        return "repay_borrow", self.borrower, name, amount

    def cash(self, name: str) -> int:
        """The cash that is not reserves."""
        return max(0, int(self.markets[name].cash - self.markets[name].total_reserves))

    def closable(self, name: str) -> int:
        """The close factor's part of what is owed."""
        return int(self.pool.close_factor) * self.owed(name, self.borrower) // WAD

    def even_prices(self, collateral: str, debt: str) -> Iterator[tuple[int, int]]:
        """A token of the debt is worth as much as a vToken of the collateral, and a multiple of 1e18."""
        rate = exchange_rate(self.markets[collateral])
        for scale in SCALES:
            price, unit = (WAD * scale, rate * scale) if rate >= WAD else (WAD * WAD * scale // rate, WAD * scale)
            if max(price, unit) <= LARGEST_PRICE:
                yield price, unit

    def accrue(self, market: VToken) -> None:
        """Bring a market to the present."""
        accrue_vtoken(market, self.pool.now, [])

    def margin(self, user: Account) -> int:
        """Liquidity, or less the shortfall [value x 1e18]."""
        seen = snapshot(self.pool, user, at_threshold=True)
        return seen.liquidity - seen.shortfall

    def feed(self, name: str) -> str:
        """The asset of a market: all pools read one oracle."""
        return str(name.rpartition(SEPARATOR)[2])

    def price(self, name: str) -> int:
        """The oracle's last answer."""
        return int(self.markets[name].price)

    def held(self, name: str, user: Account) -> int:
        """vTokens at the exchange rate, rounded down."""
        return int(exchange_rate(self.markets[name]) * self.markets[name].tokens[user] // WAD)

    def sent(self, name: str, holder: Account, shares: int) -> tuple[Any, ...]:
        """Sender, receiver, market, vTokens."""
        return holder, self.borrower, name, shares

    def shares(self, name: str, user: Account) -> int:
        """A user's vTokens."""
        return int(self.markets[name].tokens[user])

    def wallet(self, name: str, user: Account) -> int:
        """A user's balance."""
        return int(self.markets[name].underlying[user])

    def room(self, name: str) -> int:
        """The supply cap less all that is supplied."""
        market = self.markets[name]
        supplied = market.cash + market.total_borrows + market.bad_debt - market.total_reserves
        return LARGEST_AMOUNT if market.supply_cap == MAX_UINT256 else max(0, market.supply_cap - supplied - 1)

    def loans(self, name: str) -> int:
        """The borrow cap less what is owed."""
        market = self.markets[name]
        owed_now = market.total_borrows + market.bad_debt
        return LARGEST_AMOUNT if market.borrow_cap == MAX_UINT256 else max(0, market.borrow_cap - owed_now)

    def owed(self, name: str, user: Account) -> int:
        """What a user owes, as the contracts say it."""
        return borrow_balance(self.markets[name], user)

    def ltv(self, name: str) -> int:
        """The collateral factor."""
        return int(self.markets[name].collateral_factor)

    def threshold(self, name: str) -> int:
        """The liquidation threshold."""
        return int(self.markets[name].liquidation_threshold)


BENCHES: dict[str, type[Bench]] = {"reference": ReferenceBench, "venus": VenusBench}


def bench_on(protocol: Protocol, pool: str) -> Bench:
    """A bench with the model of a protocol, which a run ends without."""
    if protocol.model not in BENCHES:
        raise Ended
    return BENCHES[protocol.model](protocol, pool)

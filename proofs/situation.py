"""What a tactic sees: the state, the users and markets of the episode, chance, and the plans in hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, TypeAlias

from poolproof.models.credit_line import LinedMarket, owed_on_line
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.liquidation import margin_to_borrow, margin_to_liquidation
from poolproof.models.market import unit_value
from poolproof.spec.action import Action, Domain
from poolproof.spec.arithmetic import WAD
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .draw import REAL, Draw, Profile
from .venus_numbers import numbers_beside

Arguments: TypeAlias = tuple[Any, ...] | None
"""The arguments of an action, or None where it has no chance now."""
TABLE_BITS = 10
"""The table of actions has two to this power places."""
Tactic: TypeAlias = Callable[[], Arguments]


class Situation:
    """Looks at a state.

    ``users`` and ``markets`` are those that take part in the episode, ``every`` all markets; ``queue``
    holds what is planned next; ``bold`` says that the next action ignores the limits that it knows;
    ``plans`` whether the actions that plans are made of are there.
    """

    def __init__(self, protocol: Protocol, random: Random, actions: tuple[Action, ...]) -> None:
        self.protocol, self.random = protocol, random
        self.known = {action.name: action for action in actions}
        self.usual = {m.asset: m.price for pool in protocol.pools for m in pool.markets}
        self.table: list[tuple[Action, Tactic]] = []
        self.plans = False

    def look_at(self, state: Any, profile: Profile = REAL) -> None:
        """Turn to a state, and to the style of an episode."""
        self.state, self.profile = state, profile
        self.draw = Draw(self.random, profile)
        self.bits, self.real = self.draw.bits, self.draw.real
        self.queue: list[tuple[Action, Tactic]] = []
        self.bold = False
        self.users: tuple[Account, ...] = self.protocol.users
        self.every: tuple[Any, ...] = tuple(state.markets.values())
        self.markets = self.every

    def anything(self) -> tuple[Action, Tactic]:
        """An action by chance, with its tactic; the table has 2^10 places."""
        return self.table[self.bits(TABLE_BITS)]

    def plan(self, name: str, tactic: Tactic) -> None:
        """Let an action follow; a tactic that then gives None is left out."""
        self.queue.append((self.known[name], tactic))

    def a_market(self) -> Any:
        """A market of the episode."""
        return self.markets[int(self.real() * len(self.markets))]

    def a_user(self) -> Account:
        """A user of the episode."""
        return self.users[int(self.real() * len(self.users))]

    def another(self, user: Account) -> Account:
        """Another user, where there is one."""
        other = self.users[int(self.real() * len(self.users))]
        if other == user:
            everyone = self.protocol.users
            other = everyone[int(self.real() * len(everyone))]
        return other

    def a_holder(self) -> tuple[Account, Any] | None:
        """A user with shares in a market."""
        for _ in range(4):
            market, user = self.a_market(), self.a_user()
            if market.shares[user]:
                return user, market
        return None

    def a_debtor(self) -> tuple[Account, Any] | None:
        """A user with a debt in a market."""
        for _ in range(4):
            market = self.a_market()
            if market.debt_shares:
                user = self.a_user()
                if market.debts[user]:
                    return user, market
        return None

    def owes(self, user: Account) -> bool:
        """Whether a user has a debt."""
        return any(market.debts[user] for market in self.every)

    def margin_of(self, user: Account, term: Any) -> int | None:
        """An account's margin as of its last accruals; None without a price."""
        now, total = self.state.now, 0
        try:
            for market in self.every:
                if market.entered[user]:
                    total += term(market, user, now)
        except Refusal:
            return None
        return total


def within_reach(market: Any) -> int:
    """About the most that a market could lend now: its cash, and what is there to draw over a line, failed or not."""
    cash: int = market.cash
    if isinstance(market, LinedMarket):
        cash += max(0, min(market.limit - owed_on_line(market), market.core.cash + market.core.donated))
    return cash


def margins_of(state: Any, users: list[Account]) -> list[int]:
    """The margins of accounts, to borrow and to liquidation, where they can be told: with them a health turns."""
    margins: list[int] = []
    for user in users:
        entered = [market for market in state.markets.values() if market.entered[user]]
        with suppress(Refusal, ZeroDivisionError):
            terms = (margin_to_borrow, margin_to_liquidation)
            margins += [sum(term(market, user, state.now) for market in entered) for term in terms]
    return margins


def hints_of(state: Any, everyone: tuple[Account, ...], named: dict[str, Any], domain: Domain) -> tuple[int, ...]:
    """The positive numbers of an argument's market and users beside which the argument may lie."""
    asset = named.get(domain.of or "asset")
    if asset is None:
        return ()
    market = dict.__getitem__(state.markets, asset)
    users = [value for value in named.values() if value in everyone]
    if isinstance(market, VToken):
        return tuple(number for number in numbers_beside(state, market, users, domain) if number > 0)
    match domain.kind:
        case "price":
            found = [market.feed.price]
        case "shares":
            found = [market.shares[user] for user in users] + [market.supply]
            with suppress(ZeroDivisionError):  # of a broken model
                value = unit_value(market, market.ltv, state.now)
                found += [abs(margin) // value for margin in margins_of(state, users) if value]
        case "debt_shares":
            found = [market.debts[user] for user in users] + [market.debt_shares]
        case "tokens":
            found = [market.tokens[user] for user in users] + [market.cash]
            found += [market.debts[user] * market.index // WAD for user in users]
            if isinstance(market, LinedMarket):
                owed = owed_on_line(market)
                found += [within_reach(market), market.limit - owed, market.core.cash, owed, market.first_loss]
            found += [
                abs(margin) // (market.feed.price * WAD) for margin in margins_of(state, users) if market.feed.price
            ]
        case "cap":
            debt = market.debt_shares * market.index // WAD
            found = [market.supply_cap, market.borrow_cap, debt, market.cash + debt - market.reserves // WAD]
            if isinstance(market, LinedMarket):
                found += [market.limit, owed_on_line(market)]
        case _:
            found = []
    return tuple(number for number in found if number > 0)

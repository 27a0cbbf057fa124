"""Runs that compute their amounts: each action completes, with the largest amount that the model accepts."""

from __future__ import annotations

from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.isolated_pool import AMOUNT_LIMIT, VALUE_LIMIT
from poolproof.models.system import place_of
from poolproof.proofs.traces import LARGEST_AMOUNT, Call
from poolproof.spec.action import perform
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .losses import market_of

COLLAPSED = 1
"""A price of next to nothing: the smallest that an oracle can answer [value per smallest unit]."""
SURGE = 10**9
"""How far a price rises, if it can [times]."""
MOST_LIQUIDATIONS = 128
FEWEST_USERS = 3
DEPOSIT, ENTER, BORROW, RECORD, LIQUIDATE = "deposit", "enter", "borrow", "write_off", "liquidate"
ON_VENUS = {DEPOSIT: "mint", ENTER: "enter_market", RECORD: "heal_account", LIQUIDATE: "liquidate_borrow"}
"""What the deployed model calls what the reference calls otherwise."""


class Ended(Exception):
    """A run cannot go on."""


class Script:
    """A run from the protocol's start, in which every action completes."""

    def __init__(self, model: Model, protocol: Protocol) -> None:
        self.actions = {action.name: action for action in model.actions}
        self.names = ON_VENUS if issubclass(model.market or object, VToken) else {}
        self.state = model.build(protocol)
        self.before: Any = None
        self.calls: list[Call] = []
        self.limits: list[str] = []
        self.collapse = 0
        self.users = protocol.users
        self.lender, self.borrower, self.defaulter = protocol.users[:FEWEST_USERS]

    def attempt(self, name: str, *arguments: Any) -> str | None:
        """Carry an action out; why not, if it is refused."""
        action = self.actions[self.names.get(name, name)]
        refusal = perform(self.state, action, arguments)
        if refusal is not None:
            return f"{refusal.name}: {refusal}"
        self.calls.append((action, arguments))
        return None

    def do(self, name: str, *arguments: Any) -> None:
        """Carry an action out, which has to complete."""
        if self.attempt(name, *arguments) is not None:
            raise Ended

    def most(self, name: str, *arguments: Any, at_most: int) -> int:
        """Carry an action out with the largest amount that is accepted, and note what limits it; the amount."""
        action = self.actions[self.names.get(name, name)]
        accepted, refused, amount = 0, at_most + 1, at_most
        limit = ""
        while refused - accepted > 1:
            refusal = perform(self.state, action, (*arguments, amount))
            if refusal is None:
                self.state.journal.undo()
                accepted = amount
            else:
                refused, limit = amount, f"{self.names.get(name, name)} {refusal.name}: {refusal}"
            amount = (accepted + refused) // 2
        if accepted:
            self.do(name, *arguments, accepted)
        if limit and name == BORROW:
            self.limits.append(limit)
        return accepted

    def supply(self, user: Account, market: str, amount: int | None = None) -> int:
        """Supply what a user has, up to the caps, or up to an amount."""
        wallet = wallet_of(market_of(self.state, market), user)
        return self.most(DEPOSIT, user, market, at_most=wallet if amount is None else min(wallet, amount))

    def pledge(self, user: Account, market: str, amount: int | None = None) -> None:
        """Supply collateral."""
        if self.supply(user, market, amount):
            self.do(ENTER, user, market)

    def take(self, user: Account, market: str) -> int:
        """Borrow all that can be borrowed."""
        return self.most(BORROW, user, market, at_most=LARGEST_AMOUNT - 1)

    def highest_price(self, name: str, price: int) -> int:
        """A price, or the highest for which the catalogue is claimed if that is less."""
        markets = [
            market
            for each, market in dict.items(self.state.markets)
            if feed_of(self.state, each) == feed_of(self.state, name)
        ]
        tokens = max((int(getattr(market, "amount_limit", AMOUNT_LIMIT)) for market in markets), default=AMOUNT_LIMIT)
        return min(price, VALUE_LIMIT // max(tokens, 1))

    def record(self, pool: str, account: Account) -> None:
        """Record an account's bad debt, after liquidations where its collateral is more than dust."""
        others = [user for user in self.users if user != account]
        for _ in range(MOST_LIQUIDATIONS):
            if any(self.attempt(RECORD, pool, user, account) is None for user in others):
                return
            if not any(
                self.liquidate(user, account, debt, held)
                for debt, market in markets_in(self.state, pool)
                if owes(market, account)
                for held, collateral in markets_in(self.state, pool)
                if holds(collateral, account)
                for user in others
            ):
                raise Ended
        raise Ended

    def liquidate(self, user: Account, account: Account, debt: str, held: str) -> bool:
        """Repay the power of two that already seizes all of a collateral, else as much as is accepted."""
        action = self.actions[self.names.get(LIQUIDATE, LIQUIDATE)]
        wallet = wallet_of(market_of(self.state, debt), user)
        for amount in (1 << power for power in range(wallet.bit_length())):
            if perform(self.state, action, (user, account, debt, held, amount)) is None:
                if not holds(market_of(self.state, held), account):
                    self.calls.append((action, (user, account, debt, held, amount)))
                    return True
                self.state.journal.undo()
        return self.most(LIQUIDATE, user, account, debt, held, at_most=wallet) > 0


# --- what a script reads ----------------------------------------------------------------------------------------


def wallet_of(market: Any, user: Account) -> int:
    """What a user has of a market's asset [tokens]."""
    return int((market.underlying if isinstance(market, VToken) else market.tokens)[user])


def owes(market: Any, user: Account) -> bool:
    """Whether an account owes anything in a market."""
    return bool((market.principal if isinstance(market, VToken) else market.debts)[user] > 0)


def holds(market: Any, user: Account) -> bool:
    """Whether an account has shares of a market."""
    return bool((market.tokens if isinstance(market, VToken) else market.shares)[user] > 0)


def markets_in(state: Any, pool: str) -> list[tuple[str, Any]]:
    """The markets of a pool by "pool/asset"."""
    return [(name, market) for name, market in dict.items(state.markets) if place_of(name)[0] == pool]


def feed_of(state: Any, name: str) -> str:
    """The price that a market reads: its feed, or on Venus its asset."""
    market = market_of(state, name)
    return place_of(name)[1] if isinstance(market, VToken) else str(market.feed.asset)


def is_collateral(market: Any) -> bool:
    """Whether something can be borrowed against shares of a market."""
    return bool((market.collateral_factor if isinstance(market, VToken) else market.ltv) > 0)


def lenders_of(state: Any, pool: str) -> dict[str, str]:
    """The core markets on which a pool's lines draw, each with the pool's market that draws."""
    names = {id(market): name for name, market in dict.items(state.markets)}
    return {names[id(each.core)]: name for name, each in markets_in(state, pool) if isinstance(each, LinedMarket)}

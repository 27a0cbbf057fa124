"""Runs that compute their amounts: each action completes, with the largest amount that the model accepts."""

from __future__ import annotations

from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.isolated_pool import VALUE_LIMIT
from poolproof.models.rates import NoRate
from poolproof.models.system import SEPARATOR, place_of
from poolproof.proofs.traces import Call
from poolproof.spec.action import Action, perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .losses import price_of

COLLAPSED = 1
"""A price of next to nothing: the smallest that an oracle can answer [value per smallest unit]."""
HIGHEST = 2**128
"""The highest price for which the catalogue is claimed [value per smallest unit]."""
MOST_LIQUIDATIONS = 128
LITTLE = 10_000
"""A debt that is to be repaid last counts for one in so many."""
DEPOSIT, ENTER, BORROW, RECORD, LIQUIDATE = "deposit", "enter", "borrow", "write_off", "liquidate"
WITHDRAW = "withdraw"
ON_VENUS = {
    DEPOSIT: "mint",
    ENTER: "enter_market",
    RECORD: "heal_account",
    LIQUIDATE: "liquidate_borrow",
    WITHDRAW: "redeem_underlying",
}
"""What the deployed model calls what the reference calls otherwise."""


class Ended(Exception):
    """A run cannot go on."""


class Script:
    """A run from the protocol's start, in which every action completes.

    Markets are named "pool/asset"; in a model of one pool the actions get the asset alone.  ``last``: an asset; then
    accounts are liquidated as far as that goes before they are recorded, and their debt in that asset last.
    """

    def __init__(self, model: Model, protocol: Protocol) -> None:
        self.model, self.protocol = model, protocol
        self.actions = {action.name: action for action in model.actions}
        self.names = ON_VENUS if issubclass(model.market or object, VToken) else {}
        self.state = model.build(protocol)
        self.alone = not hasattr(self.state, "pools")
        self.markets = {name: market for pool in protocol.pools for name, market in markets_in(self.state, pool.id)}
        self.prices = {feed_of(name, market): price_of(market, 0) for name, market in self.markets.items()}
        self.configs = {f"{pool.id}{SEPARATOR}{each.asset}": each for pool in protocol.pools for each in pool.markets}
        self.dust = {pool.id: pool.dust_value for pool in protocol.pools}
        self.before: Any = None
        self.last: str | None = None
        self.calls: list[Call] = []
        self.limits: list[str] = []
        self.start = self.collapse = 0
        self.users = protocol.users
        self.lender, self.defaulter = self.users[0], self.users[min(2, len(self.users) - 1)]
        self.borrower = self.users[min(1, len(self.users) - 2)]

    def again(self) -> Script:
        """Another run from the same start."""
        return Script(self.model, self.protocol)

    def call_of(self, name: str, arguments: tuple[Any, ...]) -> Call:
        """An action of the model with its arguments."""
        action = self.actions[self.names.get(name, name)]
        if not self.alone:
            return action, arguments
        given = arguments[1:] if name == RECORD else arguments
        domains = action.domains.values()
        return action, tuple(place_of(x)[1] if of.kind == "asset" else x for of, x in zip(domains, given, strict=True))

    def attempt(self, name: str, *arguments: Any) -> str | None:
        """Carry an action out; the name of its refusal, if it is refused."""
        action, given = self.call_of(name, arguments)
        refusal = perform(self.state, action, given)
        if refusal is not None:
            return refusal.name
        self.calls.append((action, given))
        return None

    def repeat(self, action: Action, arguments: tuple[Any, ...]) -> None:
        """Carry out what another run of this protocol did."""
        if perform(self.state, action, arguments) is not None:
            raise Ended
        self.calls.append((action, arguments))

    def do(self, name: str, *arguments: Any) -> None:
        """Carry an action out, which has to complete."""
        if self.attempt(name, *arguments) is not None:
            raise Ended

    def most(self, name: str, *arguments: Any, at_most: int) -> int:
        """Carry an action out with the largest amount that is accepted, and note what limits it; the amount."""
        accepted, refused, amount = 0, at_most + 1, at_most
        limit = "" if at_most else "InsufficientCash"
        while refused - accepted > 1:
            action, given = self.call_of(name, (*arguments, amount))
            refusal = perform(self.state, action, given)
            if refusal is None:
                self.state.journal.undo()
                accepted = amount
            else:
                refused, limit = amount, refusal.name
            amount = (accepted + refused) // 2
        if accepted:
            self.do(name, *arguments, accepted)
        if limit and name == BORROW:
            self.limits.append(limit)
        return accepted

    def open(self, name: str) -> None:
        """List a market that the registry does not list yet, and before it the core market that it draws on."""
        registry = getattr(self.state, "registry", None)
        if registry is None or registry.lists(name):
            return
        pool, market = place_of(name)[0], self.markets[name]
        if isinstance(market, LinedMarket):
            self.open(next(each for each, other in self.markets.items() if other is market.core))
        if registry.number[pool] == 0:
            self.do("create_pool", pool)
        if isinstance(market.rates, NoRate):
            rates = self.configs[name].rate_model
            yearly = (rates.base_rate_per_year, rates.multiplier_per_year, rates.jump_multiplier_per_year)
            kink = WAD if rates.kind == "white-paper" else rates.kink
            self.do("set_rate_model", name, *(each // rates.slots_per_year for each in yearly), kink)
        self.do("approve_market", name)
        self.do("add_market", name)

    def supply(self, user: Account, market: str, amount: int | None = None) -> int:
        """Supply what a user has, up to the caps, or up to an amount."""
        self.open(market)
        wallet = wallet_of(self.markets[market], user)
        return self.most(DEPOSIT, user, market, at_most=wallet if amount is None else min(wallet, amount))

    def fund(self, market: str, amount: int | None = None) -> None:
        """Let a market be supplied up to its cap, or with an amount, by as many others than the defaulter as it takes."""
        others = [user for user in self.users if user not in {self.defaulter, self.borrower}]
        left = amount
        for user in others or [self.lender]:
            supplied = self.supply(user, market, left)
            left = None if left is None else left - supplied
            if left == 0 or wallet_of(self.markets[market], user):
                return

    def pledge(self, user: Account, market: str, amount: int | None = None) -> None:
        """Supply collateral."""
        if self.supply(user, market, amount):
            self.do(ENTER, user, market)

    def take(self, user: Account, market: str) -> int:
        """Borrow all that can be borrowed."""
        self.open(market)
        return self.most(BORROW, user, market, at_most=cash_of(self.markets[market]))

    def dust_of(self, name: str) -> int:
        """As much of a collateral as is dust in its pool, at least one unit [tokens]."""
        price = self.prices[feed_of(name, self.markets[name])]
        return max(self.dust[place_of(name)[0]] // (2 * max(price, 1)), 1)

    def answer(self, feed: str, price: int) -> None:
        """Let a feed answer a price, unless it does so already."""
        name, market = next((name, each) for name, each in self.markets.items() if feed_of(name, each) == feed)
        if price_of(market, self.state.now) != price:
            self.do("set_price", name, price)

    def highest_price(self, feed: str) -> int:
        """The highest price of a feed for which the catalogue is claimed."""
        read = [market for name, market in self.markets.items() if feed_of(name, market) == feed]
        return min(HIGHEST, VALUE_LIMIT // max(1, *(tokens_of(market) for market in read)))

    def record(self, pool: str, account: Account) -> None:
        """Record an account's bad debt, after liquidations where its collateral is more than dust."""
        markets = [(name, market) for name, market in self.markets.items() if place_of(name)[0] == pool]
        debts = sorted(markets, key=lambda each: -self._weight(each[0], each[1], account))
        for _ in range(MOST_LIQUIDATIONS):
            if self.last is None and self._recorded(pool, account):
                return
            if self.last is not None:
                debts.sort(key=lambda each: -self._weight(each[0], each[1], account))
            if not any(
                self.liquidate(user, account, debt, held)
                for debt, market in debts
                if owes(market, account)
                for held, collateral in markets
                if holds(collateral, account)
                for user in self._others(account)
            ):
                break
        if not self._recorded(pool, account):
            raise Ended

    def _weight(self, name: str, market: Any, account: Account) -> int:
        """What an account owes in a market, which counts for little where it is to be repaid last [value]."""
        value = value_owed(market, account, self.state.now)
        return value // LITTLE if place_of(name)[1] == self.last else value

    def _recorded(self, pool: str, account: Account) -> bool:
        """Whether somebody else could record an account's bad debt."""
        return any(self.attempt(RECORD, pool, user, account) is None for user in self._others(account))

    def _others(self, account: Account) -> list[Account]:
        """Everybody else, if there is anybody."""
        return [user for user in self.users if user != account] or [account]

    def liquidate(self, user: Account, account: Account, debt: str, held: str) -> bool:
        """Repay what already seizes all of a collateral, else as much as is accepted.

        That is a power of two, or the least amount where an asset's debts are repaid last.
        """
        wallet = wallet_of(self.markets[debt], user)
        whole = self._seizes_all(user, account, debt, held, wallet)
        if not whole and self.attempt(LIQUIDATE, user, account, debt, held, wallet) is None:
            return True
        powers = [1 << power for power in range(wallet.bit_length())] if self.last is None else [wallet]
        most = next((amount for amount in powers if self._seizes_all(user, account, debt, held, amount)), None)
        if most is None:
            return self.most(LIQUIDATE, user, account, debt, held, at_most=wallet) > 0
        least = 0 if self.last is not None else most - 1
        while most - least > 1:
            middle = (least + most) // 2
            if self._seizes_all(user, account, debt, held, middle):
                most = middle
            else:
                least = middle
        self.do(LIQUIDATE, user, account, debt, held, most)
        return True

    def _seizes_all(self, user: Account, account: Account, debt: str, held: str, amount: int) -> bool:
        """Whether a liquidation is accepted and leaves nothing of the collateral; it is taken back."""
        action, given = self.call_of(LIQUIDATE, (user, account, debt, held, amount))
        if perform(self.state, action, given) is not None:
            return False
        nothing = not holds(self.markets[held], account)
        self.state.journal.undo()
        return nothing


# --- what a script reads ----------------------------------------------------------------------------------------


def wallet_of(market: Any, user: Account) -> int:
    """What a user has of a market's asset [tokens]."""
    return int((market.underlying if isinstance(market, VToken) else market.tokens)[user])


def tokens_of(market: Any) -> int:
    """The most that there is of a market's asset [tokens]."""
    return int(market.underlying.total() if isinstance(market, VToken) else market.amount_limit)


def cash_of(market: Any) -> int:
    """What a market can lend, over its credit line too, as far as the core has it [tokens]."""
    return int(market.cash) + (int(market.core.cash) if isinstance(market, LinedMarket) else 0)


def value_owed(market: Any, account: Account, now: int) -> int:
    """What an account owes in a market, at its price [value]."""
    owed = market.principal[account] if isinstance(market, VToken) else market.debts[account] * market.index // WAD
    return int(owed) * price_of(market, now)


def owes(market: Any, user: Account) -> bool:
    """Whether an account owes anything in a market."""
    return bool((market.principal if isinstance(market, VToken) else market.debts)[user] > 0)


def holds(market: Any, user: Account) -> bool:
    """Whether an account has shares of a market."""
    return bool((market.tokens if isinstance(market, VToken) else market.shares)[user] > 0)


def markets_in(state: Any, pool: str) -> list[tuple[str, Any]]:
    """The markets of a pool by "pool/asset"; a model of one pool knows them by their assets."""
    if not hasattr(state, "pools"):
        return [(f"{pool}{SEPARATOR}{asset}", market) for asset, market in dict.items(state.markets)]
    return [(name, market) for name, market in dict.items(state.markets) if place_of(name)[0] == pool]


def feed_of(name: str, market: Any) -> str:
    """The price that a market reads: its feed, or on Venus its asset."""
    return place_of(name)[1] if isinstance(market, VToken) else str(market.feed.asset)


def is_collateral(market: Any) -> bool:
    """Whether something can be borrowed against shares of a market."""
    return bool((market.collateral_factor if isinstance(market, VToken) else market.ltv) > 0)


def lends(market: Any) -> bool:
    """Whether something can be borrowed in a market."""
    return bool(market.borrow_cap > 0)

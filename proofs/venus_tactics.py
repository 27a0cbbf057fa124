"""What a fuzzer does next on a Venus pool: positions, crashes, dust, crowded markets, and what then follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any, TypeAlias

from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.model import SETTERS
from poolproof.models.deployed.venus.pool import Comptroller, snapshot
from poolproof.spec.action import Action, Domain
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .draw import AMOUNT_LIMIT, CRASH, DUST, EDGE, REAL, Draw, Profile, highest
from .traces import Call
from .venus_numbers import largest_repayment, numbers_beside, room_to_borrow

WEIGHTS: dict[str, float] = {
    "mint": 12,
    "redeem": 6,
    "redeem_underlying": 6,
    "enter_market": 5,
    "borrow": 14,
    "repay_borrow": 8,
    "liquidate_borrow": 8,
    "liquidate_small_account": 4,
    "heal_account": 6,
    "accrue_interest": 6,
    "donate": 3,
    "set_price": 7,
    "pass_time": 10,
} | {action.name: 0.2 for action in SETTERS}
"""How often each action is chosen; those not named here: 2."""
LIQUIDATIONS = ("liquidate_borrow", "liquidate_small_account", "heal_account")
Plan: TypeAlias = Callable[[], Call | None]
DUST_VTOKENS = 64
"""In an episode of dust, amounts are up to so many vTokens' value."""


class VenusTactics:
    """Chooses the next action on a Venus pool; used like ``Tactics``."""

    def __init__(
        self,
        model: Model,
        protocol: Protocol,
        random: Random,
        weights: dict[str, float] | None = None,
        only: Iterable[str] | None = None,
    ) -> None:
        allowed = None if only is None else set(only)
        self.actions = [action for action in model.actions if allowed is None or action.name in allowed]
        self.known = {action.name: action for action in self.actions}
        chances = {name: chance for name, chance in (weights or {}).items() if name in self.known}
        self.chances = [WEIGHTS.get(a.name, 2.0) * (5 if chances.get(a.name, 0) > 20 else 1) for a in self.actions]
        self.everyone, self.random = protocol.users, random
        self.usual = {market.asset: market.price for market in protocol.pools[0].markets}

    def begin(self, state: Comptroller, profile: Profile = REAL) -> None:
        """Start an episode: two or three users in two or three markets, mostly with a supply, collateral and a debt."""
        self.state, self.profile = state, profile
        self.draw = Draw(self.random, profile if profile is CRASH else REAL)
        count = 2 + self.draw.bits(1)
        self.users = self.random.sample(self.everyone, min(count, len(self.everyone)))
        names = [name for name in self.state.markets if state.seen(name).borrow_cap]
        others = [name for name in self.state.markets if state.seen(name).collateral_factor]
        first = self.random.choice(names)
        self.markets = list(
            dict.fromkeys((first, *self.random.sample(others, min(1 + self.draw.bits(1), len(others)))))
        )
        self.queue: list[Plan] = []
        if self.draw.bits(2) and {"mint", "enter_market", "borrow"} <= self.known.keys():
            self._plan_positions()

    def _plan_positions(self) -> None:
        """Let a lender supply, a borrower borrow against collateral, and then something happen to them."""
        lender, borrower = self.users[0], self.users[-1]
        debt, pledged = self.markets[0], self.markets[-1]
        small = self.profile in (DUST, EDGE)
        self.queue = [
            partial(self._mint, borrower, pledged, small=small),
            partial(self._named, "enter_market", (borrower, pledged)),
            partial(self._borrow, borrower, debt),
        ]
        if self.draw.bits(1):
            self.queue.insert(0, partial(self._mint, lender, debt, small=False))
        if self.draw.bits(1) and len(self.markets) > 2:
            self.queue.append(partial(self._borrow, borrower, self.markets[1]))
        fall = partial(self._price_falls, borrower, pledged)
        liquidation = partial(self._liquidate, lender, borrower, debt, pledged)
        long = partial(self._named, "pass_time", (1 << 12 + self.draw.bits(4),))
        match self.draw.bits(3):
            case 0 | 1:
                self.queue += [fall, liquidation, liquidation]
            case 2:
                self.queue += [fall, long, liquidation]
            case 3:
                self.queue += [long, partial(self._named, "accrue_interest", (debt,)), fall, liquidation]
            case 4:
                short = partial(self._named, "pass_time", (1 << self.draw.bits(4),))
                self.queue += [short, partial(self._named, "accrue_interest", (debt,))] * (1 + self.draw.bits(2))
            case 5:
                other = self.random.choice(tuple(self.state.markets))
                self.queue += [
                    partial(self._named, "enter_market", (borrower, other)),
                    partial(self._named, "set_price", (other, 0)),
                ]
                self.markets = list(dict.fromkeys((*self.markets, other)))
            case _:
                self.queue += [long, partial(self._borrow, borrower, self.random.choice(self.markets))]

    def _named(self, name: str, arguments: tuple[Any, ...]) -> Call | None:
        action = self.known.get(name)
        return None if action is None else (action, arguments)

    def _mint(self, user: Account, name: str, *, small: bool) -> Call:
        market = self.state.seen(name)
        limit = max(1, min(market.underlying[user], market.supply_cap, AMOUNT_LIMIT - 1))
        if small:  # up to twice what a small account has
            limit = max(1, min(limit, 2 * self.state.min_liquidatable_collateral * WAD // max(market.price, 1)))
        return self.known["mint"], (user, name, self.draw.amount(limit))

    def _borrow(self, user: Account, name: str) -> Call | None:
        market = self.state.seen(name)
        room = min(room_to_borrow(self.state, market, user), max(market.cash - market.total_reserves, 0))
        amount = room if self.draw.bits(1) else self.draw.amount(max(room, 1))
        return (self.known["borrow"], (user, name, amount)) if room else None

    def _price_falls(self, user: Account, name: str) -> Call | None:
        """A price at or below the one at which an account turns unhealthy, or next to none."""
        market = self.state.seen(name)
        factor = (0, 1, 70, 97, 100, 100, 100, 100)[self.draw.bits(3)]
        try:
            seen = snapshot(self.state, user, at_threshold=True)
        except Refusal:
            return None
        weighted = seen.borrows + seen.liquidity - seen.shortfall
        edge = market.price * seen.borrows // weighted if weighted and factor > 1 else market.price
        return self._named("set_price", (name, max(1, edge * factor // 100 + self.draw.bits(1))))

    def _liquidate(self, user: Account, borrower: Account, debt: str, pledged: str) -> Call | None:
        market = self.state.seen(debt)
        amount = largest_repayment(self.state, market, borrower)
        try:
            seen = snapshot(self.state, borrower, at_threshold=True)
        except Refusal:
            return None
        if seen.collateral <= self.state.min_liquidatable_collateral:
            if seen.collateral * WAD <= seen.borrows * self.state.liquidation_incentive:
                return self._named("heal_account", (user, borrower))
            return self._named(
                "liquidate_small_account", (user, borrower, debt, pledged, borrow_balance(market, borrower))
            )
        return self._named("liquidate_borrow", (user, borrower, debt, pledged, max(amount, 1)))

    def next(self) -> Call:
        """The next action with its arguments."""
        while self.queue:
            call = self.queue.pop(0)()
            if call is not None:
                return call
        action = self.random.choices(self.actions, self.chances)[0]
        return self._aimed(action) or (action, self.arguments_of(action.domains))

    def _aimed(self, action: Action) -> Call | None:
        """A price that makes a debtor unhealthy, or the liquidation that its account calls for."""
        debtor = self._debtor()
        if debtor is None or not self.draw.bits(1):
            return None
        borrower, debt = debtor
        held = [name for name in self.state.markets_of(borrower) if self.state.seen(name).tokens[borrower]]
        if action.name == "set_price" and held:
            return self._price_falls(borrower, self.random.choice(held))
        if action.name in LIQUIDATIONS:
            return self._liquidate(self.random.choice(self.everyone), borrower, debt, (*held, debt)[0])
        return None

    def arguments_of(self, domains: dict[str, Domain]) -> tuple[Any, ...]:
        """Arguments of domains: of an action or of a scenario, amounts around the numbers of their market and users."""
        named: dict[str, Any] = {}
        debtor = self._debtor()
        for name, domain in domains.items():
            if domain.kind == "user":
                named[name] = self.random.choice(self.users)
                if debtor and (name == "borrower" or not self.draw.bits(2)):
                    named[name] = debtor[0]
            elif domain.kind == "asset":
                named[name] = self.random.choice(self.markets)
                if debtor and name == "asset" and self.draw.bits(1):
                    named[name] = debtor[1]
        if "borrower" in named and named["borrower"] == named.get("user"):
            named["user"] = self.random.choice(self.everyone)
        if "collateral" in named:
            held = [name for name in self.state.markets if self.state.seen(name).tokens[named["borrower"]]]
            named["collateral"] = self.random.choice(held or self.markets)
        if "missing" in named:
            unpriced = [name for name in self.markets if not self.state.seen(name).price]
            named["missing"] = self.random.choice(unpriced or self.markets)
        if not self.draw.bits(3):
            named |= {name: max(domain.low, self.draw.bits(1)) for name, domain in domains.items() if domain.is_number}
            return tuple(named[name] for name in domains)
        for name, domain in domains.items():
            if domain.is_number:
                named[name] = self._number(name, domain, named)
        return tuple(named[name] for name in domains)

    def _debtor(self) -> tuple[Account, str] | None:
        """A user with a debt, and where."""
        found = [(u, m) for u in self.users for m in self.markets if self.state.seen(m).principal[u]]
        return self.random.choice(found) if found else None

    def _number(self, name: str, domain: Domain, named: dict[str, Any]) -> int:
        asset = named.get(domain.of or "asset", named.get("asset"))
        if asset is None:
            return self.draw.number(domain)
        market = self.state.seen(asset)
        high = highest(domain)
        if domain.kind == "price":
            return self.draw.price(market.price, self.usual[asset], high)
        if name == "repay":
            owed = borrow_balance(market, named["borrower"])
            return self.draw.amount(
                max(1, owed if self.draw.bits(1) else largest_repayment(self.state, market, named["borrower"]))
            )
        users = [value for value in named.values() if value in self.everyone]
        hints = tuple(number for number in numbers_beside(self.state, market, users, domain) if number > 0)
        drawn = self.draw.number(domain, hints)
        if self.profile is DUST and self.draw.bits(1):
            drawn = min(drawn, self._dust(market, domain))
        return min(drawn, high)

    def _dust(self, market: VToken, domain: Domain) -> int:
        """A few vTokens, or what they are worth."""
        count = 1 + self.draw.below(DUST_VTOKENS)
        if domain.kind == "shares":
            return count
        try:
            value = count * exchange_rate(market) // WAD
        except Refusal:
            return count
        return max(1, value + self.draw.bits(2) - 1)

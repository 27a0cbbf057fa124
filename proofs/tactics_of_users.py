"""What users do: supply, borrow and repay, around the limits of their positions."""

from __future__ import annotations

from functools import partial
from typing import Any

from poolproof.models.liquidation import margin_to_borrow
from poolproof.models.market import priced_assets, unit_value
from poolproof.spec.action import shares
from poolproof.spec.arithmetic import WAD
from poolproof.spec.state import Account

from .draw import highest
from .situation import Arguments, Situation, within_reach

MOST_SHARES = highest(shares())
"""A broken model may credit more shares than an argument can name."""


class UserTactics(Situation):
    """Tactics of suppliers and borrowers of the reference system."""

    def to_deposit(self) -> Arguments:
        """A user supplies."""
        return self.deposit_into(self.a_market())

    def deposit_into(self, market: Any) -> Arguments:
        """A user supplies to this market."""
        return self.supply_of(self.a_user(), market)

    def supply_of(self, user: Account, market: Any) -> Arguments:
        """This user supplies to this market."""
        held = market.tokens[user]
        assets = market.cash - (market.reserves - market.debt_shares * market.index - market.across_lines) // WAD
        room = market.supply_cap - assets - 1
        limit = held if held < room or self.bold else room
        if limit <= 0:
            return None
        return user, market.asset, self.draw.amount(limit)

    def redeemable(self, user: Account, market: Any) -> int:
        """About the most shares that a user can take out of a market."""
        held: int = market.shares[user]
        if self.bold:
            return held
        priced = market.supply + market.virtual_shares
        assets = priced_assets(market)
        if market.cash * WAD < assets:
            held = min(held, market.cash * WAD * priced // assets)
        if market.entered[user] and self.owes(user):
            margin = self.margin_of(user, margin_to_borrow)
            if margin is None or margin <= 0:
                return 0
            value = unit_value(market, market.ltv, self.state.now)
            if value:
                held = min(held, margin // value)
        return held

    def to_redeem(self) -> Arguments:
        """A user burns shares."""
        found = self.a_holder()
        if found is None:
            return None
        user, market = found
        limit = self.redeemable(user, market)
        if limit <= 0:
            return None
        return user, market.asset, self.some_shares(limit)

    def some_shares(self, limit: int) -> int:
        """A number of shares around a limit; shares are not limited to a profile's small amounts."""
        most, self.draw.most = self.draw.most, MOST_SHARES
        drawn = self.draw.amount(limit)
        self.draw.most = most
        return min(drawn, MOST_SHARES)

    def to_withdraw(self) -> Arguments:
        """A user takes tokens."""
        found = self.a_holder()
        if found is None:
            return None
        user, market = found
        shares = self.redeemable(user, market)
        assets = priced_assets(market)
        limit = shares * assets // ((market.supply + market.virtual_shares) * WAD)
        if limit > market.cash:
            limit = market.cash + market.donated if self.bold else market.cash
        if limit <= 0:
            return None
        return user, market.asset, self.draw.amount(limit)

    def to_transfer(self) -> Arguments:
        """A user sends shares."""
        found = self.a_holder()
        if found is None:
            return None
        sender, market = found
        receiver = self.another(sender)
        limit = market.shares[sender]
        if market.entered[sender]:
            limit = self.redeemable(sender, market)
            if limit <= 0:
                return None
        return sender, receiver, market.asset, self.some_shares(limit)

    def to_enter(self) -> Arguments:
        """A user lets a market count."""
        return self.enter_for(self.a_user())

    def enter_for(self, user: Account) -> Arguments:
        """This user lets a market count, mostly one with shares of its own."""
        market = self.a_market()
        for _ in range(2):
            if market.shares[user] and not market.entered[user]:
                return user, market.asset
            market = self.a_market()
        return (user, market.asset) if self.bits(1) else None

    def to_exit(self) -> Arguments:
        """A user lets a market no longer count."""
        for _ in range(4):
            market, user = self.a_market(), self.a_user()
            if market.entered[user]:
                free = not market.debts[user] and (self.bits(2) == 0 or not self.owes(user))
                if free or self.bold:
                    return user, market.asset
        return None

    def to_borrow(self) -> Arguments:
        """A user borrows."""
        return self.borrow_for(self.a_user())

    def borrow_for(self, user: Account) -> Arguments:
        """This user borrows, often as much as its collateral allows."""
        for _ in range(3):
            market = self.a_market()
            price = market.feed.price
            room = market.borrow_cap - market.debt_shares * market.index // WAD - 1
            cash = within_reach(market)
            if self.bold:
                cash += market.donated
                if self.bits(1) and cash:
                    return user, market.asset, self.draw.amount(cash)
            limit = cash if cash < room else room
            if limit <= 0 or not price:
                continue
            margin = self.margin_of(user, margin_to_borrow)
            if margin is None or margin <= 0:
                return None
            affordable = margin // (price * WAD)
            if affordable < limit:
                limit = affordable
            if limit > 0:
                return user, market.asset, self.draw.amount(limit)
        return None

    def borrow_all_for(self, user: Account) -> Arguments:
        """This user borrows all the cash of a market, where the collateral allows it."""
        margin = self.margin_of(user, margin_to_borrow)
        for market in self.markets:
            cash = within_reach(market)
            if margin and cash and 0 < cash * market.feed.price * WAD <= margin:
                return user, market.asset, cash
        return None

    def to_repay(self) -> Arguments:
        """A user repays, often everything."""
        found = self.a_debtor()
        if found is None:
            return None
        borrower, market = found
        payer = borrower if self.bits(2) else self.a_user()
        owed = -(-market.debts[borrower] * market.index // WAD)
        held = market.tokens[payer]
        if held <= 0:
            return None
        if held > owed:
            return payer, borrower, market.asset, self.draw.amount(owed + self.bits(1))
        return payer, borrower, market.asset, self.draw.amount(held)

    def to_give(self) -> Arguments:
        """A user gives tokens away: to the reserves, or to nobody."""
        user, market = self.a_user(), self.a_market()
        held = market.tokens[user]
        if held <= 0:
            return None
        return user, market.asset, self.draw.amount(held if self.bold else (held >> self.bits(6)) or held)

    to_add_reserves = to_give
    to_donate = to_give

    def plan_departure(self) -> None:
        """Let everybody repay and leave, so that a market is empty again."""
        market = self.a_market()
        for user in self.protocol.users:
            if market.debts[user]:
                owed = -(-market.debts[user] * market.index // WAD)
                self.plan("repay", partial(tuple, (user, user, market.asset, owed + WAD)))
        for user in self.protocol.users:
            if market.shares[user]:
                self.plan("redeem", partial(self.everything_of, user, market))

    def everything_of(self, user: Account, market: Any) -> Arguments:
        """Redeem all shares of a user."""
        return user, market.asset, min(market.shares[user], MOST_SHARES)

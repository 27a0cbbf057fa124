"""What happens to credit lines themselves: their first-loss reserve, and what governance sets."""

from __future__ import annotations

from typing import Any

from poolproof.models.credit_line import LinedMarket, owed_on_line
from poolproof.models.liquidation import margin_to_borrow
from poolproof.spec.arithmetic import WAD
from poolproof.spec.state import Account

from .situation import Arguments, Situation, within_reach


class LineTactics(Situation):
    """Tactics of those who stand behind a line, and of its governance."""

    def a_line(self) -> LinedMarket | None:
        """A market of the pool that draws on a line, if there is one."""
        lined = [market for market in self.every if isinstance(market, LinedMarket)]
        return lined[int(self.real() * len(lined))] if lined else None

    def pledge_by(self, user: Account, market: Any) -> Arguments:
        """This user supplies collateral, mostly all of it."""
        room = market.supply_cap - market.cash - market.debt_shares * market.index // WAD - 1
        limit = min(market.tokens[user], room)
        return (user, market.asset, self.draw.amount(limit)) if limit > 0 else None

    def draw_by(self, user: Account, market: LinedMarket) -> Arguments:
        """This user borrows more than the market's own cash, as far as collateral, line and caps allow."""
        margin = self.margin_of(user, margin_to_borrow)
        if margin is None or margin <= 0 or not market.feed.price:
            return None
        owed = market.debt_shares * market.index // WAD + 1
        affordable = min(margin // (market.feed.price * WAD), market.borrow_cap - owed, market.debt_ceiling - owed)
        over = min(within_reach(market), affordable) - market.cash
        return (user, market.asset, market.cash + self.draw.amount(over)) if over > 0 else None

    def leave(self, user: Account, market: LinedMarket) -> Arguments:
        """This user redeems all there, whether or not there is cash."""
        held = market.shares[user]
        return (user, market.asset, held) if held > 0 else None

    def to_fund_first_loss(self) -> Arguments:
        """A user stands behind a line, mostly with a part of what it may lose."""
        market, user = self.a_line(), self.a_user()
        if market is None or market.tokens[user] <= 0:
            return None
        held = market.tokens[user]
        usual = min(held, market.principal or market.limit)
        return user, market.asset, self.draw.amount(held if self.bold or not usual else usual)

    def to_take_first_loss(self) -> Arguments:
        """Governance takes the first-loss reserve, mostly while nothing is owed."""
        market = self.a_line()
        if market is None or not market.first_loss or (owed_on_line(market) and self.bits(2)):
            return None
        return market.asset, self.draw.amount(market.first_loss)

    def to_set_line_limit(self) -> Arguments:
        """A limit around what is owed, or what the core has."""
        market = self.a_line()
        if market is None:
            return None
        low = owed_on_line(market) if self.bits(1) else 0
        high = max(low, market.limit, market.core.cash + low)
        return market.asset, self.draw.cap(low, high, market.limit)

    def to_set_debt_ceiling(self) -> Arguments:
        """Any ceiling."""
        market = self.a_line()
        if market is None:
            return None
        present = min(market.debt_ceiling, market.amount_limit)
        return market.asset, self.draw.cap(0, market.amount_limit, present)

    def to_set_line_premium(self) -> Arguments:
        """Premiums of every order of magnitude."""
        market = self.a_line()
        return None if market is None else (market.asset, self.bits(40) >> self.bits(5))

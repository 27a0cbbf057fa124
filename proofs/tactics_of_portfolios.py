"""Portfolios: an account with positions in several markets, not accrued for a while, at the edge of its health.

Some bugs show in no other state: a market that an action forgets to accrue, a price that it forgets to ask for, a
position that it forgets to count.  Single actions hardly ever lead there, so the whole way is planned.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from poolproof.models.liquidation import debt_value, margin_to_borrow, margin_to_liquidation
from poolproof.models.market import accrue, unit_value
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .situation import Arguments
from .snapshots import copy_state
from .tactics_of_liquidators import LiquidatorTactics

MOST_MARKETS = 3
"""A portfolio has positions in at most so many markets: what two actions name, and one that they do not."""
RUINED, AT_EDGE = 3, 7
"""Of eight portfolios three come to ruin, four to an edge."""


class PortfolioTactics(LiquidatorTactics):
    """Plans that lead to portfolios of every shape."""

    def plan_portfolio(self) -> None:
        """Supply and borrow in some markets, let time pass, and come to an edge, to ruin, or to a missing price."""
        user = self.a_user()
        other = self.another(user)
        chosen = self.random.sample(self.markets, min(MOST_MARKETS, len(self.markets)))
        held = [market for market in chosen if self.bits(1)] or chosen[:1]
        owing = [market for market in chosen if self.bits(1)] or chosen[-1:]
        end = self.bits(3)
        if end < RUINED:  # prices that fall with the collateral would take the debt along
            cut = 1 + self.draw.below(max(1, len(chosen) - 1))
            held, owing = chosen[:cut], chosen[cut:] or chosen
        for market in chosen:
            self.plan("deposit", partial(self.supply_of, other, market))
        for market in held:
            self.plan("deposit", partial(self.supply_of, user, market))
            self.plan("enter", partial(tuple, (user, market.asset)))
        if self.bits(1):  # what the account supplies is lent, so that time raises its collateral too
            for market in chosen:
                self.plan("enter", partial(tuple, (other, market.asset)))
            for market in held:
                self.plan("borrow", partial(self.borrow_from, other, market))
        for market in owing:
            self.plan("borrow", partial(self.borrow_from, user, market))
        if self.bits(2):
            self.plan("pass_time", self.to_pass_time)
            for market in chosen:
                if not self.bits(2):
                    self.plan("accrue_interest", partial(tuple, (market.asset,)))
        if end < RUINED:
            self.plan_ruin(user, held)
        elif end < AT_EDGE:
            self.plan("set_price", partial(self.price_at_edge, user))
        if not self.bits(2):
            self.plan("set_price", partial(self.price_of, chosen[self.draw.below(len(chosen))].asset, 0))

    def plan_ruin(self, user: Account, held: list[Any]) -> None:
        """Let collateral become worth a small part of the debt and be liquidated, so that debt is left without any."""
        for market in held:
            self.plan("set_price", partial(self.price_of_ruin, user, market))
        for market in held:
            self.plan("liquidate", partial(self.seizure_of, user, market))

    def price_of_ruin(self, user: Account, market: Any) -> Arguments:
        """A price at which what a user holds in a market is worth at most 1/16 of all that it owes."""
        debt = sum(m.debts[user] * m.index * m.feed.price for m in self.every)
        worth = market.shares[user] * unit_value(market, WAD, self.state.now)
        price = market.feed.price
        return self.price_of(market.asset, max(1, min(price, price * debt // (16 * worth)))) if worth else None

    def seizure_of(self, user: Account, market: Any) -> Arguments:
        """Liquidate as much as the close factor allows of what the user owes most of, for shares of this market."""
        now = self.state.now
        debt = max(self.every, key=lambda each: debt_value(each, user, now))
        if not debt.debts[user] or not market.shares[user]:
            return None
        payer = max(self.protocol.users, key=lambda each: (each != user, debt.tokens[each]))
        most = -(-debt.debts[user] * debt.index // WAD) * self.state.close_factor // WAD + 1
        return payer, user, debt.asset, market.asset, min(debt.tokens[payer], most)

    def borrow_from(self, user: Account, market: Any) -> Arguments:
        """This user borrows from this market, as far as its collateral allows it."""
        margin, price = self.margin_of(user, margin_to_borrow), market.feed.price
        if margin is None or not price:
            return None
        room = market.borrow_cap - market.debt_shares * market.index // WAD - 1
        limit = min(market.cash, room, margin // (price * WAD))
        return (user, market.asset, self.draw.amount(limit)) if limit > 0 else None

    def to_set_price(self) -> Arguments:
        """A price moves; where there are portfolios, at times to an edge of one."""
        found = self.a_debtor() if self.profile.portfolio and not self.bits(2) else None
        return (found and self.price_at_edge(found[0])) or super().to_set_price()

    def price_at_edge(self, user: Account) -> Arguments:
        """A price at which the account's health turns: with its markets as they are, accrued to now, or between."""
        places = [m for m in self.every if m.entered[user] and m.feed.price and (m.shares[user] or m.debts[user])]
        if not places:
            return None
        market = places[self.draw.below(len(places))]
        asset, high = market.asset, self.highest_price(market)
        term = margin_to_borrow if self.bits(1) else margin_to_liquidation
        states = copy_state(self.state), accrued(self.state)
        edges = sorted(edge(state, user, asset, term, high) for state in states)
        if edges[0] <= 0:
            return None
        within = edges[0] + self.draw.below(edges[1] - edges[0] + 1)
        return self.price_of(
            asset, (edges[0], edges[1], within, within, edges[0] - 1, edges[1] + 1)[self.draw.below(6)]
        )


def edge(state: Any, user: Account, asset: str, term: Any, high: int) -> int:
    """The price of an asset, up to a limit, at which the sign of an account's margin turns; 0 where there is none.

    It is exact, so that a margin of nothing at all is met where there is one.  The state's price is used up.
    """
    market, now = state.markets[asset], state.now
    market.feed.updated_at = now
    try:
        rest = sum(term(m, user, now) for m in state.markets.values() if m.entered[user] and m is not market)
    except Refusal:
        return 0

    def covered(price: int) -> bool:
        market.feed.price = price
        return bool(rest + term(market, user, now) >= 0)

    low, above = 1, covered(high)
    if covered(low) == above:
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        if covered(middle) == above:
            high = middle
        else:
            low = middle
    return high


def accrued(state: Any) -> Any:
    """A copy of a state, all markets accrued to now."""
    copied = copy_state(state)
    for market in copied.markets.values():
        accrue(market, copied.now)
    return copied

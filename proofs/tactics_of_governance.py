"""What the environment and governance do: prices, time, and parameters inside the admissible region."""

from __future__ import annotations

from functools import partial
from typing import Any

from poolproof.models.isolated_pool import VALUE_LIMIT
from poolproof.spec.arithmetic import WAD

from .situation import Arguments, Situation


class EnvironmentTactics(Situation):
    """Tactics of the oracle, of time and of governance of the reference system."""

    def to_accrue_interest(self) -> Arguments:
        """Interest is charged somewhere."""
        return (self.a_market().asset,)

    def to_take_reserves(self) -> Arguments:
        """Governance takes reserves."""
        for _ in range(3):
            market = self.a_market()
            limit = market.tokens[market.vault] if self.bits(2) == 0 else market.cash
            limit = limit if self.bold else min(market.reserves // WAD, limit)
            if limit > 0:
                return market.asset, self.draw.amount(limit)
        return None

    def to_set_price(self) -> Arguments:
        """A price moves; one that is missing comes back soon."""
        market = self.a_market()
        asset, feed = market.asset, market.feed
        price = self.draw.price(feed.price, self.usual[asset], self.highest_price(market))
        if price == 0 and self.plans:
            back = feed.price
            self.queue += [self.anything() for _ in range(1 + self.bits(2))]
            self.plan("set_price", partial(self.price_of, asset, back))
        return asset, price

    def price_of(self, asset: str, price: int) -> Arguments:
        """Set a price that was planned earlier, inside the admissible region of now."""
        return asset, min(price, self.highest_price(dict.__getitem__(self.state.markets, asset)))

    def highest_price(self, market: Any) -> int:
        """The highest price inside the admissible region."""
        return int(min(2**128, VALUE_LIMIT // max(market.amount_limit, 1)))

    def to_pass_time(self) -> Arguments:
        """Time passes, within the horizon altogether."""
        return (self.draw.elapsed(self.protocol.horizon - self.state.now),)

    def to_set_risk_factors(self) -> Arguments:
        """Factors inside the admissible region."""
        market = self.a_market()
        high = WAD if self.bold else WAD * WAD // self.state.liquidation_incentive
        threshold = self.draw.factor(0, high, market.liquidation_threshold)
        ltv = self.draw.factor(0, WAD if self.bold else threshold, market.ltv)
        return market.asset, ltv, threshold

    def to_set_supply_cap(self) -> Arguments:
        """A cap that is not below what counts."""
        market = self.a_market()
        assets = -((market.reserves - market.debt_shares * market.index - market.across_lines - 1) // WAD) + market.cash
        low = 0 if self.bold else min(max(assets, 0), market.supply_cap)
        return market.asset, self.draw.cap(low, market.amount_limit, market.supply_cap)

    def to_set_borrow_cap(self) -> Arguments:
        """Any cap."""
        market = self.a_market()
        low = market.debt_shares * market.index // WAD if self.bits(1) else 0
        return market.asset, self.draw.cap(low, market.amount_limit, market.borrow_cap)

    def to_set_reserve_factor(self) -> Arguments:
        """Any factor."""
        market = self.a_market()
        return market.asset, self.draw.factor(0, WAD, market.reserve_factor)

    def to_set_rate_model(self) -> Arguments:
        """Rates of every order of magnitude."""
        rates, bits = self.a_market(), self.bits
        if self.bold:
            return self.highest_rate_of(rates.asset)
        return (
            rates.asset,
            bits(40) >> bits(5),
            bits(40) >> bits(5),
            bits(44) >> bits(5),
            self.draw.factor(0, WAD, WAD - WAD // 5),
        )

    def highest_rate_of(self, asset: str) -> Arguments:
        """The highest rate that can be declared, at any utilisation."""
        return asset, self.known["set_rate_model"].domains["base"].high, 0, 0, 0

    def plan_saturation(self) -> None:
        """Let a market's debt grow at the highest rate, for so long that its index meets the ceiling."""
        owing = [market.asset for market in self.markets if market.debt_shares]
        left = self.protocol.horizon - self.state.now
        if not owing or left < 8:
            return
        asset = owing[self.draw.below(len(owing))]
        self.plan("set_rate_model", partial(self.highest_rate_of, asset))
        for _ in range(2 + self.bits(2)):
            self.plan("pass_time", lambda: (left // 8,))
            self.plan("accrue_interest", lambda: (asset,))

    def to_set_close_factor(self) -> Arguments:
        """Any factor but 0."""
        return (self.draw.factor(0 if self.bold else 1, WAD, self.state.close_factor),)

    def to_set_liquidation_incentive(self) -> Arguments:
        """An incentive inside the admissible region."""
        highest = max(market.liquidation_threshold for market in self.every)
        high = 2 * WAD if self.bold else min(2 * WAD, WAD * WAD // max(highest, 1))
        if high < WAD:
            return None
        low = WAD >> 1 if self.bold else WAD
        return (self.draw.factor(low, high, self.state.liquidation_incentive),)

    def plan_small_prices(self) -> None:
        """Give all markets of the episode prices of a few units."""
        scale = (1, 1, 10, WAD)[self.bits(2)]
        for market in self.markets:
            price = (1 + self.bits(2)) * scale
            self.plan("set_price", partial(self.price_of, market.asset, price))

"""The benches: what the model of a pool is asked for, the reference's and that of the deployed Venus pools."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.market import accrue as accrue_vtoken
from poolproof.models.deployed.venus.pool import snapshot
from poolproof.models.deployed.word import MAX_UINT256
from poolproof.models.isolated_pool import VALUE_LIMIT
from poolproof.models.liquidation import margin_to_liquidation
from poolproof.models.market import Market, accrue, owed, priced_assets, tokens_for_shares
from poolproof.models.reference import REFERENCE
from poolproof.models.system import SEPARATOR
from poolproof.proofs import registry
from poolproof.proofs.traces import LARGEST_AMOUNT
from poolproof.spec.arithmetic import WAD
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .bench import LARGEST_PRICE, SCALES, Bench, Ended


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
        """The borrow cap less what is owed; with a line at most its debt ceiling, and its limit where no more is there."""
        market = self.markets[name]
        most = market.borrow_cap + (-market.debt_shares * market.index // WAD)
        if isinstance(market, LinedMarket):
            most = min(most, market.debt_ceiling, market.limit if market.supply_cap == 0 else most)
        return max(0, int(most))

    def supply_cap(self, name: str) -> int:
        """The supply cap, of a market of any pool."""
        return int(self.market_of(name).supply_cap)

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

    def supply_cap(self, name: str) -> int:
        """The supply cap."""
        return int(self.markets[name].supply_cap)

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


@cache
def kin_of(name: str) -> str:
    """The model whose runs a model can take: its own name, or the reference's where it has all of that one's actions."""
    if name in BENCHES:
        return name
    model, _ = registry.find(name)
    return (
        REFERENCE.name if {each.name for each in REFERENCE.actions} <= {each.name for each in model.actions} else name
    )


def bench_on(protocol: Protocol, pool: str) -> Bench:
    """A bench with the model of a protocol, which a run ends without."""
    kin = kin_of(protocol.model)
    if kin not in BENCHES:
        raise Ended
    return BENCHES[kin](protocol, pool)

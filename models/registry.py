"""The registry: the directory of pools and of the markets that each of them lists.

A pool is created once and gets a number.  The controller of a pool approves a market; the market is then added, if it
has a rate model and a price, and is in a state in which nobody can be robbed by being first.  It is unlisted when
nobody has anything in it.  A user can do nothing in a market that is not listed, but send it tokens, as to any account.
"""

from __future__ import annotations

from poolproof.spec.action import Action, Domain, action, asset
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.logic import Condition, negation
from poolproof.spec.refusal import require
from poolproof.spec.state import Journal, Ledger, Record

from .core_pool import CoreMarket
from .credit_line import LinedMarket, owed_on_line
from .market import Market, priced_assets, priced_shares, require_price
from .rates import NoRate
from .refusals import (
    AlreadyCreated,
    AlreadyListed,
    MarketInUse,
    NoRateModel,
    NotApproved,
    NotCreated,
    NotListed,
)
from .system import SEPARATOR, System, place_of

DUST = 2
"""What a share of a market that is added or unlisted may be worth at most: what the last redemption left [tokens]."""


class Registry(Record):
    """The state of the registry.

    ``count`` is the number of pools created so far.  Ledgers: ``number`` by pool, in the order of creation, 0 before it;
    ``approved`` by market, the number of the pool whose controller approved it; ``home`` by market, the number of the
    pool that lists it, 0 for none.
    """

    scalars = ("count",)
    ledgers = ("number", "approved", "home")
    __slots__ = (*scalars, *ledgers, "journal")

    count: Number
    number: Ledger
    approved: Ledger
    home: Ledger
    journal: Journal

    def lists(self, market: str) -> Condition:
        """Whether a market is listed."""
        return self.home[market] > 0

    # --- what the directory answers --------------------------------------------------------------------------

    def pools(self) -> tuple[str, ...]:
        """The pools that were created, in order."""
        return tuple(sorted((pool for pool in self.number if self.number[pool] > 0), key=self.number.__getitem__))

    def markets_of(self, pool: str) -> tuple[str, ...]:
        """The markets that a pool lists."""
        number = self.number[pool]
        return tuple(market for market in self.home if self.lists(market) and self.home[market] == number)

    def pool_of(self, market: str) -> str | None:
        """The pool that lists a market, None for one that is not listed."""
        return next((pool for pool in self.pools() if self.number[pool] == self.home[market]), None)

    def pools_with(self, asset: str) -> tuple[str, ...]:
        """The pools that list a market of an asset."""
        return tuple(pool for pool in self.pools() if self.lists(f"{pool}{SEPARATOR}{asset}"))


def is_unused(market: Market) -> Condition:
    """Whether nobody has shares, debts or a drawn line in a market, and what is left in it is dust.

    Then a deposit gets shares that are worth at most ``DUST`` tokens each, so that rounding takes less than that.
    """
    nobody = (market.supply == 0) & (market.debt_shares == 0) & (market.lent == 0)
    if isinstance(market, LinedMarket):
        nobody = nobody & (owed_on_line(market) == 0)
    if isinstance(market, CoreMarket):
        nobody = nobody & (market.unreleased == 0)
    dust = (market.reserves < WAD) & (priced_assets(market) <= DUST * WAD * priced_shares(market))
    return nobody & dust


def open_registry(
    journal: Journal, pools: tuple[str, ...], listed_in: dict[str, tuple[str, ...]], markets: tuple[str, ...]
) -> Registry:
    """A registry of pools and markets in which some pools were created and list some of their assets."""
    registry = Registry()
    registry.journal, registry.stamp_, registry.count = journal, -1, len(listed_in)
    numbers = {pool: number for number, pool in enumerate(listed_in, start=1)}
    registry.number = Ledger(journal, dict.fromkeys(pools, 0) | numbers)
    listed = {f"{pool}{SEPARATOR}{asset}": number for pool, number in numbers.items() for asset in listed_in[pool]}
    registry.approved = Ledger(journal, dict.fromkeys(markets, 0) | listed)
    registry.home = Ledger(journal, dict.fromkeys(markets, 0) | listed)
    return registry


# --- actions ---------------------------------------------------------------------------------------------------


@action(by="governance", pool=Domain("pool"))
def create_pool(system: System, pool: str) -> None:
    """Create a pool: it gets the next number.  Refuses: AlreadyCreated."""
    registry = system.registry
    require(registry.number[pool] == 0, AlreadyCreated, pool)
    registry.journal.save(registry)
    registry.count += 1
    registry.number[pool] = registry.count


@action(by="governance", asset=asset())
def approve_market(system: System, asset: str) -> None:
    """The controller of a market's pool approves the market.  Refuses: NotCreated."""
    registry, (pool, _) = system.registry, place_of(asset)
    require(registry.number[pool] > 0, NotCreated, pool)
    registry.approved[asset] = registry.number[pool]


@action(by="governance", asset=asset())
def add_market(system: System, asset: str) -> None:
    """List a market in its pool; one with a credit line, where the core market is listed that it draws on.

    Refuses: NotCreated, AlreadyListed, NotApproved, NoRateModel, NotListed, PriceMissing, MarketInUse.
    """
    registry, market, (pool, _) = system.registry, system.markets[asset], place_of(asset)
    number = registry.number[pool]
    require(number > 0, NotCreated, pool)
    require(registry.home[asset] == 0, AlreadyListed, asset)
    require(registry.approved[asset] == number, NotApproved, asset)
    require(not isinstance(market.rates, NoRate), NoRateModel, asset)
    if isinstance(market, LinedMarket):
        system.require_listed(name for name, other in system.markets.items() if other is market.core)
    require_price(market, system.now)
    require(is_unused(market), MarketInUse, asset)
    registry.home[asset] = number


@action(by="governance", asset=asset())
def unlist_market(system: System, asset: str) -> None:
    """Take a market from the list; to be added again, it needs a new approval.

    A core market goes after the markets that draw on it.  Refuses: NotListed, MarketInUse.
    """
    registry, market = system.registry, system.markets[asset]
    require(registry.lists(asset), NotListed, asset)
    require(is_unused(market), MarketInUse, asset)
    for name, other in system.markets.items():
        if isinstance(other, LinedMarket) and other.core is market:
            require(negation(registry.lists(name)), MarketInUse, asset)
    registry.home[asset] = 0
    registry.approved[asset] = 0


REGISTRY_ACTIONS: tuple[Action, ...] = (create_pool, approve_market, add_market, unlist_market)
"""What the registry does."""

"""The PoolRegistry: the directory of pools, and how a pool and its markets come into it.

Access control is left out: whoever calls may.  Models: PoolRegistry.sol, Comptroller.supportMarket; the descriptive
metadata of pools is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from poolproof.models.deployed.word import Reason, Revert
from poolproof.spec.action import Action, Domain, action, asset, slots, tokens, user
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Journal, Ledger, Record, Table

from .build import MarketStart, PoolStart, vtoken, without_markets
from .governance import (
    fraction,
    limit,
    set_close_factor,
    set_collateral_factor,
    set_liquidation_incentive,
    set_market_borrow_caps,
    set_market_supply_caps,
    set_min_liquidatable_collateral,
)
from .market import Event, VToken, move_underlying
from .pool import COMPTROLLER, Comptroller
from .rewards import MaxLoopsLimitExceeded, initialize_market
from .users import mint_fresh

REGISTRY: Account = "registry"
NOBODY: Account = ""
"""The zero address."""
MAX_POOL_NAME_LENGTH = 100
"""The longest name of a pool [bytes]."""

# --- why it reverts ------------------------------------------------------------------------------------------------


class ZeroAddressNotAllowed(Revert):
    """A contract or an account is missing."""

    text = "the zero address is not allowed"


class UnexpectedSender(Revert):
    """Somebody else than the registry adds a market to a Comptroller."""

    fields = ("expected_sender", "actual_sender")
    text = '"{actual_sender}" is not "{expected_sender}"'


class MarketAlreadyListed(Revert):
    """A market is listed, or was."""

    fields = ("market",)
    text = 'market "{market}" was added before'


class PoolExists(Reason):
    """The pool is in the directory."""

    reason = "PoolRegistry: Pool already exists in the directory."


class PoolNameTooLong(Reason):
    """A name has more than 100 bytes."""

    reason = "Pool's name is too large"


class InitialSupplyIsZero(Reason):
    """A market would begin empty."""

    reason = "PoolRegistry: initialSupply is zero"


class PoolNotRegistered(Reason):
    """The pool is not in the directory."""

    reason = "PoolRegistry: Pool not registered"


class MarketExistsForAsset(Reason):
    """The pool has a market for the asset, or had one."""

    reason = "PoolRegistry: Market already added for asset comptroller combination"


# --- the state -----------------------------------------------------------------------------------------------------


class RegisteredPool(Comptroller):
    """A pool with what only its registry sees of it.

    ``added``: the markets ever added, in order; ``max_loops``: the most of them; ``has_oracle``.  Its ``markets`` are
    all that are deployed for it, added or not.
    """

    scalars = (*Comptroller.scalars, "added", "max_loops", "has_oracle")
    __slots__ = ("added", "has_oracle", "max_loops")

    added: tuple[str, ...]
    max_loops: int
    has_oracle: bool

    def every_market(self) -> tuple[str, ...]:
        """The markets that were ever added, those taken off the list too.  Models: Comptroller.getAllMarkets."""
        return self.added


class VenusPool(NamedTuple):
    """What the directory says of a pool; nothing of one that is not in it."""

    name: str = ""
    creator: Account = NOBODY
    comptroller: str = NOBODY
    block_posted: int = 0
    timestamp_posted: int = 0


class PoolRegistry(Record):
    """The state of the registry and of the pools that it may hold.

    Units: ``block`` [blocks], ``timestamp`` [seconds].  ``order``: the Comptrollers of the pools, by their numbers.
    Ledgers: ``directory``, a `VenusPool` by Comptroller; ``vtokens``, a market by Comptroller and asset, as
    `pair` has them; ``supported``, the Comptrollers by asset.
    Constants: ``assets``, the asset of each market; ``time_based``: slots are seconds.
    """

    scalars = ("block", "timestamp", "order")
    ledgers = ("directory", "vtokens", "supported")
    wallets = ()
    __slots__ = (*scalars, *ledgers, "assets", "comptrollers", "events", "journal", "time_based")

    block: int
    timestamp: int
    order: tuple[str, ...]
    directory: Ledger
    vtokens: Ledger
    supported: Ledger
    comptrollers: Table[RegisteredPool]
    assets: dict[str, str]
    time_based: bool
    events: list[Event]
    journal: Journal

    def begin(self) -> None:
        """Start an action: what the last one touched and emitted is forgotten, what this one touches will be saved."""
        self.journal.begin()
        self.journal.entries.append((self, None, self.saved_))
        self.events.clear()

    @property
    def slot(self) -> int:
        """The present [slot]."""
        return self.timestamp if self.time_based else self.block


def pair(comptroller: str, asset: str) -> str:
    """A Comptroller and an asset, as a ledger has them."""
    return f"{comptroller}/{asset}"


@dataclass(frozen=True, slots=True)
class RegistryStart:
    """What is deployed before anything is added: pools by Comptroller, the asset of each market, balances by asset.

    Markets and Comptrollers have names of their own across pools.  What the registry sets, of a `MarketStart` and of a
    `PoolStart`, is unused, and the present is that of the registry: ``block`` or ``timestamp`` [slots].
    """

    block: int
    timestamp: int
    pools: dict[str, PoolStart]
    assets: dict[str, str]
    balances: dict[str, dict[Account, int]]
    time_based: bool = False
    max_loops: int = 100


def build(start: RegistryStart) -> PoolRegistry:
    """An empty directory beside pools without parameters and markets that no pool has added."""
    journal, events = Journal(), list[Event]()
    wallets = {asset: Ledger(journal, balances) for asset, balances in start.balances.items()}
    pools = {}
    for name, each in start.pools.items():
        of = replace(each, now=start.timestamp if start.time_based else start.block)
        pools[name] = pool = without_markets(RegisteredPool(), of, journal)
        pool.close_factor = pool.liquidation_incentive = pool.min_liquidatable_collateral = 0
        pool.added, pool.max_loops, pool.has_oracle, pool.events = (), start.max_loops, True, events
        deployed = {market.name: _deployed(start, of, market, journal, wallets) for market in of.markets}
        pool.markets = Table(journal, deployed)
    registry = PoolRegistry()
    registry.block, registry.timestamp = start.block, start.timestamp
    registry.order = ()
    registry.directory, registry.vtokens, registry.supported = Ledger(journal), Ledger(journal), Ledger(journal)
    registry.comptrollers = Table(journal, pools)
    registry.assets = start.assets
    registry.time_based = start.time_based
    registry.events, registry.journal = events, journal
    registry.stamp_ = -1
    return registry


def _deployed(
    start: RegistryStart, pool: PoolStart, of: MarketStart, journal: Journal, wallets: dict[str, Ledger]
) -> VToken:
    """A market on the one ledger of its asset."""
    return vtoken(pool, of, journal, wallets[start.assets[of.name]])


# --- the directory -------------------------------------------------------------------------------------------------


def require_nonzero(account: str) -> None:
    """Refuse the zero address.  Refuses: ZeroAddressNotAllowed.  Models: ensureNonzeroAddress."""
    require(account != NOBODY, ZeroAddressNotAllowed)


def require_name(name: str) -> None:
    """Refuse a name of more than 100 bytes.  Refuses: PoolNameTooLong.  Models: PoolRegistry._ensureValidName."""
    require(len(name.encode()) <= MAX_POOL_NAME_LENGTH, PoolNameTooLong)


def pool_by_comptroller(registry: PoolRegistry, comptroller: str) -> VenusPool:
    """What the directory says of a pool.  Models: PoolRegistry.getPoolByComptroller."""
    return registry.directory[comptroller] or VenusPool()


def all_pools(registry: PoolRegistry) -> tuple[VenusPool, ...]:
    """The directory, in the order of the pools' numbers.  Models: PoolRegistry.getAllPools."""
    return tuple(pool_by_comptroller(registry, each) for each in registry.order)


def vtoken_for_asset(registry: PoolRegistry, comptroller: str, asset: str) -> str:
    """A pool's market for an asset, off the list too; the zero address for none.  Models: getVTokenForAsset."""
    return registry.vtokens[pair(comptroller, asset)] or NOBODY


def pools_supported_by_asset(registry: PoolRegistry, asset: str) -> tuple[str, ...]:
    """The pools that ever added a market for an asset.  Models: PoolRegistry.getPoolsSupportedByAsset."""
    return registry.supported[asset] or ()


# --- actions -------------------------------------------------------------------------------------------------------


@action(
    user=user(),
    name=Domain("name"),
    comptroller=Domain("name"),
    close_factor=fraction(),
    incentive=fraction(),
    minimum=Domain("cap"),
)
def add_pool(
    registry: PoolRegistry,
    user: Account,
    name: str,
    comptroller: str,
    close_factor: int,
    incentive: int,
    minimum: int,
) -> None:
    """Take a pool into the directory and set its parameters.

    Refuses: ZeroAddressNotAllowed without a Comptroller or its oracle, PoolExists, PoolNameTooLong,
    CloseFactorTooLarge, CloseFactorTooSmall, LiquidationIncentiveTooSmall.  Models: PoolRegistry.addPool.
    """
    require_nonzero(comptroller)
    pool = registry.comptrollers[comptroller]
    require(pool.has_oracle, ZeroAddressNotAllowed)
    require(pool_by_comptroller(registry, comptroller).creator == NOBODY, PoolExists)
    require_name(name)
    registry.order = (*registry.order, comptroller)
    entry = VenusPool(name, user, comptroller, registry.block, registry.timestamp)
    registry.directory[comptroller] = entry
    registry.events.append((REGISTRY, "PoolRegistered", comptroller, *entry))
    set_close_factor.run(pool, close_factor)
    set_liquidation_incentive.run(pool, incentive)
    set_min_liquidatable_collateral.run(pool, minimum)


def support_market(pool: RegisteredPool, sender: Account, name: str) -> None:
    """List a market that was never added.

    Refuses: UnexpectedSender, MarketAlreadyListed, MaxLoopsLimitExceeded, BlockNumberTooLarge.
    Models: Comptroller.supportMarket.
    """
    require(sender == REGISTRY, UnexpectedSender, REGISTRY, sender)
    market = pool.markets[name]
    require(not market.listed and name not in pool.added, MarketAlreadyListed, name)
    market.listed = True
    market.collateral_factor = market.liquidation_threshold = 0
    pool.added = (*pool.added, name)
    require(len(pool.added) <= pool.max_loops, MaxLoopsLimitExceeded, pool.max_loops, len(pool.added))
    for each in pool.distributors:
        distributor = pool.distributors[each]
        if distributor.added:
            initialize_market(distributor, name, pool.now, pool.events)
    pool.events.append((COMPTROLLER, "MarketSupported", name))


@action(
    user=user(),
    vtoken=Domain("name"),
    cf=fraction(),
    lt=fraction(),
    initial_supply=tokens("vtoken"),
    receiver=user(),
    supply_cap=limit(),
    borrow_cap=limit(),
)
def add_market(
    registry: PoolRegistry,
    user: Account,
    vtoken: str,
    cf: int,
    lt: int,
    initial_supply: int,
    receiver: Account,
    supply_cap: int,
    borrow_cap: int,
) -> None:
    """Add a market to its pool, and supply the caller's tokens to it for the receiver.

    Refuses: ZeroAddressNotAllowed, InitialSupplyIsZero, PoolNotRegistered, MarketExistsForAsset; as `support_market`,
    `set_collateral_factor`; TransferExceedsBalance; as `mint_fresh`.  Models: PoolRegistry.addMarket.
    """
    require_nonzero(vtoken)
    require_nonzero(receiver)
    require(initial_supply > 0, InitialSupplyIsZero)
    comptroller, asset = home_of(registry, vtoken), registry.assets[vtoken]
    require(pool_by_comptroller(registry, comptroller).creator != NOBODY, PoolNotRegistered)
    require(vtoken_for_asset(registry, comptroller, asset) == NOBODY, MarketExistsForAsset)
    pool = registry.comptrollers[comptroller]
    support_market(pool, REGISTRY, vtoken)
    set_collateral_factor.run(pool, vtoken, cf, lt)
    set_market_supply_caps.run(pool, vtoken, supply_cap)
    set_market_borrow_caps.run(pool, vtoken, borrow_cap)
    registry.vtokens[pair(comptroller, asset)] = vtoken
    registry.supported[asset] = (*pools_supported_by_asset(registry, asset), comptroller)
    market = pool.markets[vtoken]
    move_underlying(market, user, REGISTRY, initial_supply)
    mint_fresh(pool, pool.accrued(vtoken), REGISTRY, receiver, initial_supply)
    registry.events.append((REGISTRY, "MarketAdded", comptroller, vtoken))


def home_of(registry: PoolRegistry, vtoken: str) -> str:
    """The Comptroller that a market was deployed for, which never changes.  Models: VToken.comptroller."""
    return next(name for name, pool in registry.comptrollers.items() if vtoken in pool.markets)


@action(user=user(), comptroller=Domain("name"), vtoken=asset())
def support_market_directly(registry: PoolRegistry, user: Account, comptroller: str, vtoken: str) -> None:
    """List a market past the registry, which only the registry may.  Refuses: as `support_market`."""
    support_market(registry.comptrollers[comptroller], user, vtoken)


@action(by="governance", asset=asset(), sender=Domain("name"))
def support_market_again(pool: Comptroller, asset: str, sender: Account) -> None:
    """List a market of a pool that stands alone, which was added when it was deployed.  Refuses: as `support_market`."""
    registered = RegisteredPool()
    for name in Comptroller.__slots__:
        setattr(registered, name, getattr(pool, name))
    registered.added, registered.max_loops = pool.every_market(), len(pool.every_market())
    support_market(registered, sender, asset)


@action(by="governance", comptroller=Domain("name"), name=Domain("name"))
def set_pool_name(registry: PoolRegistry, comptroller: str, name: str) -> None:
    """Rename a pool, in the directory or not.  Refuses: PoolNameTooLong.  Models: PoolRegistry.setPoolName."""
    require_name(name)
    old = pool_by_comptroller(registry, comptroller)
    registry.directory[comptroller] = old._replace(name=name)
    registry.events.append((REGISTRY, "PoolNameSet", comptroller, old.name, name))


@action(by="environment", blocks=slots(), seconds=slots())
def pass_time(registry: PoolRegistry, blocks: int, seconds: int) -> None:
    """Let blocks and seconds pass, for every pool."""
    registry.block += blocks
    registry.timestamp += seconds
    for name in registry.comptrollers:
        registry.comptrollers[name].now += seconds if registry.time_based else blocks


REGISTRY_ACTIONS: tuple[Action, ...] = (
    add_pool,
    add_market,
    support_market_directly,
    set_pool_name,
    pass_time,
)
"""What happens to the directory."""

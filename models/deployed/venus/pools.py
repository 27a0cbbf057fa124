"""Several Comptrollers side by side, and all that they share: users' wallets, the oracle, rate models, the share reserve.

A market is named "pool/asset", in its pool too.  One asset has one ledger of balances in all pools, and one price.
Markets whose rate models have the same kind and parameters use one contract, as they are deployed.
Models: what PoolRegistry lists, and deploy/009-deploy-vtokens.ts, which deploys a rate model once for its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from poolproof.models.rates import JumpRate
from poolproof.spec.action import Action, Domain, action, asset, factor, price, rate, slots
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import require
from poolproof.spec.state import Journal, Ledger, Record, Table

from . import model as one
from .market import VToken, accrue
from .pool import Comptroller
from .rates import RateModel
from .refusals import MarketNotListed

SEPARATOR = "/"
ENVIRONMENT = ("pass_time", "set_price")
"""What happens to all pools at once."""


class Deployment(Record):
    """The state of several pools.  Units: ``now`` [slot], the same in all.  ``markets`` are those of all pools."""

    scalars = ("now",)
    __slots__ = (*scalars, "journal", "pools", "markets")

    now: int
    journal: Journal
    pools: Table[Comptroller]
    markets: Table[VToken]

    def begin(self) -> None:
        """Start an action: what the last one touched and emitted is forgotten, what this one touches will be saved."""
        self.journal.begin()
        self.journal.entries.append((self, None, self.saved_))
        for pool in self.pools.values():
            pool.events.clear()


def place_of(market: str) -> tuple[str, str]:
    """The pool and the asset of a market's name."""
    pool, _, name = market.partition(SEPARATOR)
    return pool, name


# --- how they start ------------------------------------------------------------------------------------------------


def build(protocol: Protocol) -> Deployment:
    """The freshly deployed pools of a protocol file; a user's wallet is the largest that a pool's market names."""
    deployment = Deployment()
    deployment.now = 0
    deployment.journal = journal = Journal()
    pools: dict[str, Comptroller] = {}
    for config in protocol.pools:
        named = [each.model_copy(update={"asset": f"{config.id}{SEPARATOR}{each.asset}"}) for each in config.markets]
        alone = config.model_copy(update={"markets": tuple(named)})
        pools[config.id] = one.build(protocol.model_copy(update={"pools": (alone,)}))
    deployment.pools = Table(journal, pools)
    for pool in pools.values():
        _join(pool, journal)
    markets = {name: market for pool in pools.values() for name, market in pool.markets.items()}
    deployment.markets = Table(journal, markets)
    _share(markets.values(), journal)
    return deployment


def below(thing: Any) -> Iterator[Any]:
    """A record and everything below it that can be written, each once."""
    seen: set[int] = set()
    pending = [thing]
    while pending:
        each = pending.pop()
        if id(each) in seen or not isinstance(each, Record | Table | Ledger | Journal | list):
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, Record):
            names = [name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())]
            pending += [getattr(each, name, None) for name in names]
        elif isinstance(each, Table):
            pending += each.values()


def _join(pool: Comptroller, journal: Journal) -> None:
    """Let a pool write to the journal of all."""
    for each in list(below(pool)):
        if isinstance(each, Table | Ledger | Comptroller):
            each.journal = journal


def _share(markets: Iterable[VToken], journal: Journal) -> None:
    """Give the markets of an asset one ledger of balances, and those of equal parameters one rate model."""
    wallets: dict[str, Ledger] = {}
    for market in markets:
        shared = wallets.setdefault(place_of(market.name)[1], Ledger(journal))
        for account, held in market.underlying.items():
            shared.restore_(account, max(held, shared[account]))
        market.underlying = shared
        market.rate_model = RateModel(f"rates of {market.rate_model.curve}", market.rate_model.curve)


def accrue_alone(market: VToken, now: int) -> None:
    """Bring one market to the present, its events aside."""
    accrue(market, now, [])


# --- what happens --------------------------------------------------------------------------------------------------


def in_pool(of: Action) -> Action:
    """An action of one pool: its markets say which, or the pool is named first.

    Refuses: MarketNotListed for a market of another pool, besides what the action refuses.
    """
    markets = [position for position, domain in enumerate(of.domains.values()) if domain.kind == "asset"]

    def run(deployment: Deployment, *arguments: Any) -> None:
        first, *others = (arguments[position] for position in markets)
        pool = deployment.pools[place_of(first)[0]]
        for name in others:
            require(name in pool.markets, MarketNotListed, name)
        of.run(pool, *arguments)

    def run_named(deployment: Deployment, pool: str, *arguments: Any) -> None:
        of.run(deployment.pools[pool], *arguments)

    if markets:
        return replace(of, run=run)
    return replace(of, run=run_named, domains={"pool": Domain("pool"), **of.domains})


@action(by="environment", asset=asset(), price=price())
def set_price(deployment: Deployment, asset: str, price: int) -> None:
    """Move the price of a market's asset, which every pool that lists it reads; 0 is a missing one.

    Models: the oracle's getUnderlyingPrice; one ResilientOracle serves all pools.
    """
    of = place_of(asset)[1]
    for pool in list(deployment.pools):
        for name in deployment.pools[pool].markets:
            if place_of(name)[1] == of:
                deployment.pools[pool].markets[name].price = price


@action(by="environment", elapsed=slots())
def pass_time(deployment: Deployment, elapsed: int) -> None:
    """Let time pass, in all pools."""
    deployment.now += elapsed
    for pool in list(deployment.pools):
        deployment.pools[pool].now += elapsed


@action(by="governance", asset=asset(), base=rate(), multiplier=rate(), jump=rate(), kink=factor(WAD))
def update_jump_rate_model(
    deployment: Deployment, asset: str, base: int, multiplier: int, jump: int, kink: int
) -> None:
    """Change a market's rate model in place, for every market that uses the contract.

    Models: JumpRateModelV2.updateJumpRateModel.
    """
    address = deployment.markets[asset].rate_model.address
    changed = RateModel(address, JumpRate(base, multiplier, jump, kink))
    for pool in list(deployment.pools):
        for name, market in deployment.pools[pool].markets.items():
            if market.rate_model.address == address:
                deployment.pools[pool].markets[name].rate_model = changed


ACTIONS: tuple[Action, ...] = (
    *(in_pool(of) for of in one.ACTIONS if of.name not in ENVIRONMENT),
    set_price,
    pass_time,
    update_jump_rate_model,
)
"""Everything that can happen to several pools."""


def admissible(deployment: Any) -> list[tuple[str, Any]]:
    """What the setters of each pool ensure."""
    return [each for pool in deployment.pools.values() for each in one.admissible(pool)]


SCOPE = (*one.SCOPE, "the registry, the shortfall auctions and the risk fund, which all pools share, are left out")
"""What runs of several pools leave out."""

SEVERAL = Model("venus", build, ACTIONS, accrue_alone, admissible, SCOPE, runs_only=True, market=VToken)
VENUS = replace(one.VENUS, several=SEVERAL)
"""The deployed pools: one by itself, or several side by side."""

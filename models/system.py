"""A system of pools: isolated pools, a core pool that lends to some of them over credit lines, and shared feeds.

Every action of a pool is an action of the system, with its market named "pool/asset"; one that names no market names
its pool.  Pools share the wallets of their users, the price feeds that the protocol file gives to several of them,
the credit lines, and nothing else.

Before an action of a user moves anything, the registry is asked for the markets that it names, and the rewards of the
accounts that it names are brought to the present.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poolproof.spec.action import Action, Domain, action, slots
from poolproof.spec.arithmetic import Number
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Journal, Record, Table

from .credit_line import LINE_ACTIONS
from .isolated_pool import ACTIONS as POOL_ACTIONS
from .isolated_pool import TREASURY, Pool
from .market import Market
from .oracle import Feed
from .refusals import DifferentPools, NotListed

if TYPE_CHECKING:
    from .registry import Registry
    from .rewards import Programme

SEPARATOR = "/"
"""Between the pool and the asset in the name of a system's market."""
ANYWHERE = ("donate",)
"""What users can do in a market that is not listed: tokens can be sent to any account."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way across pools: the bridge, borrowed against the collateral in the satellite, is collateral in the main pool."""

    satellite: str
    main: str
    collateral: str
    bridge: str


class System(Record):
    """The state of a system.

    Units: ``now`` [slot]; ``pools`` by id; ``markets`` by "pool/asset"; ``feeds`` by oracle; ``routes`` by satellite;
    ``rewards`` by "pool/asset/whom".
    """

    scalars = ("now",)
    __slots__ = (*scalars, "feeds", "journal", "markets", "pools", "registry", "rewards", "routes")

    now: Number
    pools: Table[Pool]
    markets: Table[Market]
    feeds: Table[Feed]
    routes: dict[str, Route]
    registry: Registry
    rewards: Table[Programme]
    journal: Journal

    def begin(self) -> None:
        """Start an action: what the last one touched is forgotten, what this one touches will be saved."""
        self.journal.begin()
        self.journal.entries.append((self, None, self.saved_))

    def require_listed(self, markets: Iterable[str]) -> None:
        """Refuse unless the registry lists each of the markets.  Refuses: NotListed."""
        for market in markets:
            require(self.registry.lists(market), NotListed, market)

    def checkpoint(self, markets: Iterable[str], accounts: Iterable[Account]) -> None:
        """Bring the rewards of accounts in markets to the present, before what they hold there moves."""
        for each in self.programmes(markets):
            market = self.markets[each.market]
            each.update(market, self.now)
            for account in dict.fromkeys(accounts):
                each.checkpoint(market, account)

    def programmes(self, markets: Iterable[str]) -> list[Programme]:
        """The rewards of markets, ready to be written."""
        return [self.rewards[name] for name, each in self.rewards.items() if each.market in markets]


def place_of(market: str) -> tuple[str, str]:
    """The pool and the asset of a market's name."""
    pool, _, asset = market.partition(SEPARATOR)
    return pool, asset


def on_system(of: Action) -> Action:
    """An action of a pool as an action of the system: it names "pool/asset" for a market, or the pool first."""
    kinds = [domain.kind for domain in of.domains.values()]
    markets = [position for position, kind in enumerate(kinds) if kind == "asset"]
    users = [position for position, kind in enumerate(kinds) if kind == "user"]
    guarded = of.by == "user" and of.name not in ANYWHERE
    if not markets:

        def run_in(system: System, pool: str, *arguments: Any) -> None:
            if users and system.rewards:
                everywhere = [f"{pool}{SEPARATOR}{asset}" for asset in system.pools[pool].markets]
                system.checkpoint(everywhere, [*(arguments[position] for position in users), TREASURY])
            of.run(system.pools[pool], *arguments)

        return Action(of.name, run_in, {"pool": Domain("pool"), **of.domains}, of.by, of.actor, of.meaning)

    def run(system: System, *arguments: Any) -> None:
        plain = list(arguments)
        pool, plain[markets[0]] = place_of(arguments[markets[0]])
        for position in markets[1:]:
            other, plain[position] = place_of(arguments[position])
            require(other == pool, DifferentPools, arguments[markets[0]], arguments[position])
        named = [arguments[position] for position in markets]
        if guarded:
            system.require_listed(named)
        if users and system.rewards:
            system.checkpoint(named, [arguments[position] for position in users])
        of.run(system.pools[pool], *plain)

    return Action(of.name, run, of.domains, of.by, of.actor, of.meaning)


@action(by="environment", elapsed=slots())
def pass_time(system: System, elapsed: Number) -> None:
    """Let time pass, in all pools."""
    system.now += elapsed
    for pool in list(system.pools):
        system.pools[pool].now += elapsed


SYSTEM_ACTIONS: tuple[Action, ...] = tuple(
    pass_time if of.name == "pass_time" else on_system(of) for of in (*POOL_ACTIONS, *LINE_ACTIONS)
)
"""Everything that can happen to a system."""

"""Does the network show every way in which one pool acts on another?  Random runs, watched for what it leaves out.

Two looks.  After each action, whatever it wrote that belongs to another pool needs a channel between the two, of a
kind that carries such a write, and a bound that is not below the loss.  And two runs are compared that differ in one
pool alone: the second leaves out whatever is done there.  Where another pool ends up different there has to be a path.
A missing channel is an error of the protocol file or of the graph (ISO-9).

Users' wallets are made equal between the runs: what somebody does with his own money is no channel between pools.
Governance does nothing in these runs, because the bounds are of the parameters that the file has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from typing import Any

from poolproof.models.core_pool import CoreMarket
from poolproof.models.credit_line import LinedMarket
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.deployed.venus.pool import Comptroller, snapshot
from poolproof.models.liquidation import margin_to_liquidation
from poolproof.models.oracle import Feed
from poolproof.models.system import place_of
from poolproof.proofs.draw import PROFILES
from poolproof.proofs.parts import is_system, pool_named
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.system_tactics import SystemTactics
from poolproof.proofs.tactics import PLANNED
from poolproof.proofs.traces import Call
from poolproof.proofs.two_runs import margin
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account, Ledger, Record

from .in_turn import InTurn
from .network import ChannelKind, Network

LONGEST = 300
"""Longest episode [actions]."""
OVER_A_LINE: frozenset[ChannelKind] = frozenset(("line", "core cash", "core rate", "core share price"))
OVER_A_FEED: frozenset[ChannelKind] = frozenset(("price feed",))
OVER_A_ROUTE: frozenset[ChannelKind] = frozenset(("router",))
BOTH_WAYS: frozenset[ChannelKind] = frozenset(("contains", "price feed", "shared cash", "shared reserve"))
"""What can be walked either way: it says that two nodes have something in common."""
ANY: frozenset[ChannelKind] = frozenset()
ROUTER = ("cross_borrow", "cross_unwind")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a pool did to another one, as far as the network has to show it."""

    source: str
    target: str
    what: str


@dataclass(slots=True)
class CrossReport:
    """What a campaign did and saw: effects by how often, and for each that the network does not show, the first time.

    ``compared`` counts pairs of runs, ``differing`` those in which another pool ended up different.
    """

    protocol: str
    actions: int = 0
    completed: int = 0
    compared: int = 0
    differing: int = 0
    seconds: float = 0.0
    effects: Counter[Effect] = field(default_factory=Counter)
    missing: dict[Effect, str] = field(default_factory=dict)


class Reach:
    """The channels of a network, to be walked from pool to pool."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.pool = {node.id: node.pool or (node.id if node.kind == "pool" else None) for node in network.nodes}
        self.next: defaultdict[str, list[tuple[str, ChannelKind]]] = defaultdict(list)
        for channel in network.channels:
            self.next[channel.source].append((channel.target, channel.kind))
            if channel.kind in BOTH_WAYS:
                self.next[channel.target].append((channel.source, channel.kind))
        self.known: dict[tuple[str, str, frozenset[ChannelKind], bool], bool] = {}

    def leads(self, source: str, target: str, kinds: frozenset[ChannelKind] = ANY, *, straight: bool = False) -> bool:
        """Whether a path leads from a pool to another, over a channel of these kinds; straight: through no third pool."""
        asked = (source, target, kinds, straight)
        if asked not in self.known:
            self.known[asked] = self._walk(source, target, kinds, straight=straight)
        return self.known[asked]

    def _walk(self, source: str, target: str, kinds: frozenset[ChannelKind], *, straight: bool) -> bool:
        pending = [(node, not kinds) for node, pool in self.pool.items() if pool == source]
        seen = set(pending)
        while pending:
            node, crossed = pending.pop()
            if self.pool.get(node) == target and (crossed or straight):
                if crossed:
                    return True
                continue  # to leave the target again, and come back another way, would not be straight
            for other, kind in self.next[node]:
                if straight and self.pool.get(other) not in (source, target, None):
                    continue
                step = (other, crossed or kind in kinds)
                if step not in seen:
                    seen.add(step)
                    pending.append(step)
        return False

    def bears(self, source: str, target: str, asset: str, loss: int) -> bool:
        """Whether the lines between two pools are said to carry a loss of principal of an asset."""
        capacities = [
            channel.capacity
            for channel in self.network.channels
            if self.pool.get(channel.source) == source and self.pool.get(channel.target) == target
            if channel.kind == "line" and channel.carries == "principal" and _names(channel.asset, asset)
        ]
        return None in capacities or sum(each or 0 for each in capacities) >= loss


def _names(said: str | None, asset: str) -> bool:
    """Whether a channel speaks of an asset, by itself or as "pool/asset"."""
    return said is not None and asset in (said, place_of(said)[1])


class Watched:
    """A state, and whose everything is that an action can write: records, ledgers, and vaults by their wallets."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.owners: dict[int, tuple[str, ...]] = {}
        self.vaults: dict[tuple[int, Account], str] = {}
        feeds: defaultdict[int, set[str]] = defaultdict(set)
        for name, pool in dict.items(state.pools):
            self.owners[id(pool)] = (name,)
        for name, market in dict.items(state.markets):
            pool = place_of(name)[0]
            self.owners[id(market)] = (pool,)
            for ledger in market.ledgers:
                if ledger not in market.wallets:
                    self.owners[id(getattr(market, ledger))] = (pool,)
            if isinstance(market, VToken):
                self.vaults[id(market.underlying), market.name] = pool
                continue
            feeds[id(market.feed)].add(pool)
            self.vaults[id(market.tokens), market.vault] = pool
            if isinstance(market, LinedMarket):
                self.vaults[id(market.tokens), market.first_loss_vault] = pool
        self.owners |= {feed: tuple(pools) for feed, pools in feeds.items()}

    def written(self) -> Iterator[tuple[Any, tuple[str, ...], Any]]:
        """What the last action changed that belongs to pools, whose it is, and what it was."""
        for thing, key, old in self.state.journal.entries:
            if isinstance(thing, Record):
                if thing.saved_ != old:
                    yield thing, self.owners.get(id(thing), ()), old
            elif thing.get(key) != old:
                vault = self.vaults.get((id(thing), key))
                yield thing, self.owners.get(id(thing), () if vault is None else (vault,)), old


class CrossCheck:
    """A campaign on one protocol against one network."""

    def __init__(self, model: Model, protocol: Protocol, network: Network, seed: int) -> None:
        self.model, self.protocol, self.reach = model, protocol, Reach(network)
        self.random, self.report = Random(seed), CrossReport(protocol.name)
        self.ours = {action.name for action in model.actions if action.by != "governance"}
        self.initial = model.build(protocol)
        self.tactics = (
            SystemTactics(model, protocol, self.random, only=self.ours | PLANNED)
            if is_system(model)
            else InTurn(model, protocol, self.random)
        )

    def episode(self, most: int) -> None:
        """One episode of at most so many actions, in which one pool is left out of the second run."""
        bits, state = self.random.getrandbits, copy_state(self.initial)
        left_out = self.protocol.pools[bits(16) % len(self.protocol.pools)].id
        profile = PROFILES[bits(4) % len(PROFILES)]
        self.tactics.begin(state, profile, also=left_out)
        watched = Watched(state)
        twin = copy_state(state)
        length = min(10 + int(self.random.random() * LONGEST), most)
        for _ in range(length):
            call = self._drawn()
            if pool_named(*call) != left_out:
                share_wallets(state, twin, self.protocol.users)
                _tried(twin, call)
            self.report.actions += 1
            if _tried(state, call):
                self.report.completed += 1
                self._look(watched, call)
        self._compare(state, twin, left_out)

    def _drawn(self) -> Call:
        """The next action that is not governance's."""
        while True:
            call = self.tactics.next()
            if call[0].name in self.ours:
                return call

    def _look(self, watched: Watched, call: Call) -> None:
        """Ask the network for a channel for whatever an action changed in another pool."""
        action, arguments = call
        source = pool_named(action, arguments)
        if source is None:
            return
        for thing, pools, old in watched.written():
            for target in pools:
                if target != source:
                    what, kinds = _carrier(thing, action.name)
                    self._note(
                        Effect(source, target, what),
                        f"{action.name}{arguments} writes there",
                        shown=self.reach.leads(source, target, kinds, straight=True),
                    )
                    if isinstance(thing, CoreMarket):
                        grown = thing.bad_debt - old[thing.scalars.index("bad_debt")]
                        if grown > 0:
                            lost = -(-grown // WAD)
                            self._note(
                                Effect(source, target, f"a loss of {thing.asset}"),
                                f"{action.name}{arguments} loses {lost} there",
                                shown=self.reach.bears(source, target, thing.asset, lost),
                            )

    def _compare(self, state: Any, twin: Any, left_out: str) -> None:
        """Ask the network for a path to each pool that is different where nothing was done in one of them."""
        self.report.compared += 1
        differ = [
            pool
            for pool in state.pools
            if pool != left_out
            and seen_of(state, pool, self.protocol.users) != seen_of(twin, pool, self.protocol.users)
        ]
        self.report.differing += bool(differ)
        for pool in differ:
            shown = self.reach.leads(left_out, pool)
            self._note(Effect(left_out, pool, "a difference"), "two runs differ there", shown=shown)

    def _note(self, effect: Effect, seen: str, *, shown: bool) -> None:
        self.report.effects[effect] += 1
        if not shown and effect not in self.report.missing:
            self.report.missing[effect] = (
                f"{effect.what} from {effect.source} to {effect.target} is in no channel of the network: {seen}"
            )


def _carrier(thing: Any, action: str) -> tuple[str, frozenset[ChannelKind]]:
    """In words what a write over pools is, and the kinds of channel that carry it."""
    if isinstance(thing, Feed) or (action == "set_price" and isinstance(thing, VToken)):
        return "a price", OVER_A_FEED
    if action in ROUTER:
        return "a route", OVER_A_ROUTE
    return "a flow over a line", OVER_A_LINE


def _tried(state: Any, call: Call) -> bool:
    """Carry an action out whole or not at all; whether it completed."""
    try:
        return perform(state, *call) is None
    except ZeroDivisionError:
        state.journal.undo()
        return False


def share_wallets(first: Any, second: Any, users: Iterable[Account]) -> None:
    """Give the users of the second run what those of the first have."""
    ledgers = {
        id(wallets_of(twin)): (wallets_of(dict.__getitem__(first.markets, name)), wallets_of(twin))
        for name, twin in dict.items(second.markets)
    }
    for mine, other in ledgers.values():
        for user in users:
            other.restore_(user, mine[user])


def wallets_of(market: Any) -> Ledger:
    """What accounts have of a market's asset outside it."""
    held: Ledger = market.underlying if isinstance(market, VToken) else market.tokens
    return held


def seen_of(state: Any, pool: str, users: Iterable[Account]) -> list[Any]:
    """What can be seen of a pool: its numbers, its ledgers, its prices and the margins of its accounts."""
    of = dict.__getitem__(state.pools, pool)
    seen: list[Any] = [of.saved_]
    for market in dict.values(of.markets):
        seen += [market.saved_, None if isinstance(market, VToken) else market.feed.saved_]
        seen += [dict(getattr(market, name)) for name in market.ledgers if name not in market.wallets]
    if isinstance(of, Comptroller):
        return [*seen, *(snapshot(of, user, at_threshold=True) for user in users if priced(of, user))]
    return [*seen, *(margin(of, user, margin_to_liquidation) for user in users)]


def priced(pool: Comptroller, user: Account) -> bool:
    """Whether every market that an account entered has a price; without one the contracts give no snapshot."""
    return all(pool.seen(asset).price > 0 for asset in pool.entered[user])


def crosscheck(model: Model, protocol: Protocol, network: Network, *, steps: int, seed: int = 0) -> CrossReport:
    """Run a number of random actions; everything that one pool did to another, and what of it the network lacks."""
    check, began = CrossCheck(model, protocol, network, seed), perf_counter()
    while check.report.actions < steps:
        check.episode(steps - check.report.actions)
    check.report.seconds = perf_counter() - began
    return check.report

"""Several pools fail at once: what every other node loses, by clearing the principal that channels carry.

A principal channel's target has lent to its source at most what the channel carries.  At worst, a failing pool repays
nothing, and every other node passes each loss on to those that it owes, until nothing is left that it could repay
less, unless a buffer is given.  What several failures do together is less than the sum of what each does, where the
same channel would carry both.

Assumes: every channel is used to its capacity, and a node shares a loss among those that it owes in proportion; with
other channels unused, one creditor alone can bear more, up to the bound of the ways to it.  A node that loses one asset
repays its other assets all the same, since amounts of different assets do not add up without prices; a node whose loss
nothing bounds repays nothing in any asset.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from poolproof.spec.errors import UsageError

from .clearing import Obligations, clear
from .debtrank import Exposures, debtrank
from .linear import Number
from .network import Network

ROUNDING = 1e-9
"""Where clearing is not exact, bounds are higher by this share of the claims, which is more than floats round away."""


@dataclass(frozen=True)
class Principal:
    """The principal that is lent in one asset: (debtor, creditor) -> the most that is lent, and where nothing bounds it.

    Nodes by their place in the network.
    """

    asset: str | None
    lent: Mapping[tuple[int, int], int]
    unbounded: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class NodeLoss:
    """What a node loses at most of what it has lent [smallest unit of ``asset``]; None: nothing bounds it.

    ``fails``: whether it fails itself; what it loses by its own borrowers is not in it.  ``claims``: what it has lent
    over bounded channels; ``distress``: its differential DebtRank, the share of its claims that is gone if every
    debtor's loss takes the same share of what it owes.
    """

    node: str
    pool: str | None
    asset: str | None
    claims: int
    upper: int | None
    distress: float
    fails: bool = False


@dataclass(frozen=True)
class Simultaneous:
    """What follows when these nodes fail together: a row for each node that loses, and DebtRank by asset."""

    failing: tuple[str, ...]
    losses: tuple[NodeLoss, ...]
    ranks: Mapping[str | None, float]


def from_network(network: Network) -> tuple[Principal, ...]:
    """What the principal channels of a network lend, by asset in the order in which assets first occur."""
    places = {node.id: place for place, node in enumerate(network.nodes)}
    lent: dict[str | None, dict[tuple[int, int], int]] = {}
    unbounded: dict[str | None, set[tuple[int, int]]] = {}
    for channel in network.channels:
        if channel.carries != "principal" or channel.kind == "contains" or channel.source == channel.target:
            continue
        ends = places[channel.source], places[channel.target]
        amounts = lent.setdefault(channel.asset, {})
        if channel.capacity is None:
            unbounded.setdefault(channel.asset, set()).add(ends)
        else:
            amounts[ends] = amounts.get(ends, 0) + channel.capacity
    return tuple(Principal(asset, amounts, frozenset(unbounded.get(asset, ()))) for asset, amounts in lent.items())


def simultaneous(
    network: Network, failing: Iterable[str], buffers: Mapping[str, int] | None = None, *, exact: bool | None = None
) -> Simultaneous:
    """What everybody loses over channels when these pools, or single nodes, fail together.

    ``buffers``: what a node can lose, of each asset, before it repays less, by its id.

    Refuses: a name that is neither a pool nor a node.
    """
    failing, buffers = frozenset(failing), buffers or {}
    ids = {node.id: place for place, node in enumerate(network.nodes)}
    pools = {node.pool for node in network.nodes}
    for name in sorted({*failing, *buffers}):
        if name not in ids and (name not in pools or name in buffers):
            raise UsageError(f"no pool or node {name!r} in the network", cure=f"give one of {', '.join(sorted(ids))}")
    spare = [buffers.get(node.id, 0) for node in network.nodes]
    first = {place for place, node in enumerate(network.nodes) if node.id in failing or node.pool in failing}
    principals = from_network(network)
    fails = set(first)
    while True:
        losses = [_losses(principal, fails, spare, exact) for principal in principals]
        hit = {
            creditor
            for principal, lost in zip(principals, losses, strict=True)
            for debtor, creditor in principal.unbounded
            if debtor in fails or lost[debtor] > spare[debtor]
        }
        if hit <= fails:
            break
        fails |= hit
    rows: list[NodeLoss] = []
    ranks: dict[str | None, float] = {}
    for principal, lost in zip(principals, losses, strict=True):
        claims = _sums(principal.lent, 1, len(ids))
        shock = dict.fromkeys(fails, 1)
        rank = debtrank(Exposures([max(1, claim) for claim in claims], principal.lent), shock, differential=True)
        ranks[principal.asset] = float(rank.rank)
        boundless = {
            creditor for debtor, creditor in principal.unbounded if debtor in fails or lost[debtor] > spare[debtor]
        }
        rows += [
            NodeLoss(
                node.id,
                node.pool,
                principal.asset,
                claims[place],
                None if place in boundless else lost[place],
                _distress(principal, rank.distress, claims[place], place),
                place in first,
            )
            for place, node in enumerate(network.nodes)
            if lost[place] or place in boundless
        ]
    return Simultaneous(tuple(network.nodes[place].id for place in sorted(first)), tuple(rows), ranks)


def _distress(principal: Principal, distress: Sequence[Number], claims: int, place: int) -> float:
    """The share of a node's claims that is gone; of a node that fails itself, by its debtors' distress alone."""
    shares = (amount * distress[by] for (by, to), amount in principal.lent.items() if to == place)
    return float(min(1, sum(shares) / claims)) if claims else float(distress[place])


def _sums(lent: Mapping[tuple[int, int], int], end: int, size: int) -> list[int]:
    """What each node is owed (end 1) or owes (end 0)."""
    sums = [0] * size
    for ends, amount in lent.items():
        sums[ends[end]] += amount
    return sums


def _losses(principal: Principal, fails: Collection[int], spare: list[int], exact: bool | None) -> list[int]:
    """What each node loses at most in one asset.

    What a failing node is still paid goes to somebody outside first, and so does what another is owed beyond what it
    owes, which would else be a buffer: they owe that to one more node, with seniority.
    """
    size = len(spare)
    owed, claims = _sums(principal.lent, 0, size), _sums(principal.lent, 1, size)
    assets = [0 if node in fails else max(0, owed[node] - claims[node]) + spare[node] for node in range(size)]
    elsewhere = {
        (node, size): claims[node] if node in fails else max(0, claims[node] - owed[node]) for node in range(size)
    }
    cleared = clear(Obligations([*assets, 0], [elsewhere, principal.lent]), exact=exact)
    hurt = {creditor for debtor, creditor in principal.lent if debtor in cleared.defaults}
    return [_upper(cleared.losses[node], claims[node]) if node in hurt else 0 for node in range(size)]


def _upper(loss: Number, claim: int) -> int:
    """A loss in whole units, rounded up, and never more than the claim."""
    return min(claim, math.ceil(loss + claim * ROUNDING if isinstance(loss, float) else loss))

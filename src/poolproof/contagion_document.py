"""A contagion analysis as data for other programs; every amount is a decimal string in its asset's smallest unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from poolproof.proofs.contagion.analysis import Together
from poolproof.proofs.contagion.bounds import ANY_PRICE, Worst
from poolproof.proofs.contagion.network import Channel, Contagion, Loss, LossKind, OverTime
from poolproof.proofs.contagion.network import Path as Way
from poolproof.proofs.contagion.paths import Cut
from poolproof.proofs.contagion.shock import ONE_MOVE, Outcome
from poolproof.proofs.contagion.simultaneous import NodeLoss

KINDS: dict[LossKind, str] = {
    "principal": "what was lent and does not come back",
    "value": "what is still there at another price",
    "frozen": "what is there and cannot be taken out yet",
}
"""What a loss of each kind is."""


@dataclass(slots=True)
class Found:
    """All that the command found: the analysis, what fails together, and what was asked for beyond that."""

    analysis: Contagion
    together: Together
    worst: Sequence[Worst]
    cuts: Sequence[Cut] = ()
    outcome: Outcome | None = None
    scope: Sequence[str] = field(default_factory=tuple)
    interrupted: bool = False


def to_json(found: Found) -> dict[str, Any]:
    """The content of the command's JSON."""
    analysis, network = found.analysis, found.analysis.network
    return {
        "protocol": network.protocol,
        "start": network.start,
        "kinds": dict(KINDS),
        "scope": list(found.scope),
        "interrupted": found.interrupted,
        "nodes": [{"id": node.id, "kind": node.kind, "pool": node.pool} for node in network.nodes],
        "edges": [_edge(each) for each in network.channels],
        "paths": [_path(each) for each in analysis.paths],
        "limits": [{"from": each.source, "limit": each.told} for each in analysis.limits],
        "losses": [_loss(each) for each in analysis.losses],
        "over_time": [_over_time(each) for each in analysis.over_time],
        "worst": [_worst(each) for each in found.worst],
        "together": _together(found.together),
        "ranking": [
            {"pool": each.pool, "debtrank": each.rank, "distress": each.distress} for each in found.together.ranking
        ],
        "cuts": [_cut(each) for each in found.cuts],
        "shock": _shock(found.outcome) if found.outcome is not None else None,
    }


def _amount(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _edge(channel: Channel) -> dict[str, Any]:
    return {
        "from": channel.source,
        "to": channel.target,
        "channel": channel.kind,
        "asset": channel.asset,
        "capacity": _amount(channel.capacity),
        "carries": channel.carries,
        "theorem": list(channel.theorem),
        "reason": channel.reason,
    }


def _path(path: Way) -> dict[str, Any]:
    via = [{"from": each.source, "to": each.target, "channel": each.kind} for each in path.via]
    return {
        "from": path.source,
        "to": path.target,
        "via": via,
        "asset": path.asset,
        "bound": _amount(path.bound),
        "carries": path.via[-1].carries,
    }


def _loss(loss: Loss) -> dict[str, Any]:
    return {
        "source": loss.source,
        "pool": loss.pool,
        "asset": loss.asset,
        "kind": loss.kind,
        "upper": _amount(loss.upper),
        "upper_reason": loss.upper_reason,
        "theorem": list(loss.theorem),
        "horizon": loss.horizon,
        "direct": loss.direct,
        "lower": str(loss.lower),
        "witness": loss.witness,
        "gap": loss.gap,
    }


def _over_time(loss: OverTime) -> dict[str, Any]:
    return {
        "source": loss.source,
        "pool": loss.pool,
        "asset": loss.asset,
        "kind": loss.kind,
        "direct": loss.direct,
        "counted": loss.counted,
        "points": [{"after": each.after, "slots": each.slots, "loss": _amount(each.loss)} for each in loss.points],
    }


def _worst(worst: Worst) -> dict[str, Any]:
    return {
        "pool": worst.pool,
        "asset": worst.asset,
        "kind": "principal",
        "horizon": ANY_PRICE,
        "own": str(worst.own),
        "lines": str(worst.lines),
    }


def _together(together: Together) -> dict[str, Any]:
    return {
        "failing": list(together.failing),
        "kind": "principal",
        "horizon": ANY_PRICE,
        "losses": [_node_loss(each) for each in together.found.losses],
        "debtrank": [{"asset": asset, "debtrank": rank} for asset, rank in together.found.ranks.items()],
    }


def _node_loss(loss: NodeLoss) -> dict[str, Any]:
    return {
        "node": loss.node,
        "pool": loss.pool,
        "asset": loss.asset,
        "lent": str(loss.claims),
        "upper": _amount(loss.upper),
        "distress": loss.distress,
        "fails": loss.fails,
    }


def _cut(cut: Cut) -> dict[str, Any]:
    return {
        "pool": cut.pool,
        "asset": cut.asset,
        "kind": "principal",
        "amount": str(cut.amount),
        "own": str(cut.own),
        "before": str(cut.before),
        "after": str(cut.after),
        "reached": cut.reached,
        "lowered": [{"market": each.market, "old": str(each.old), "new": str(each.new)} for each in cut.lowered],
    }


def _shock(outcome: Outcome) -> dict[str, Any]:
    return {
        "prices": {oracle: {"old": str(old), "new": str(new)} for oracle, (old, new) in outcome.prices.items()},
        "kind": "principal",
        "horizon": ONE_MOVE,
        "unhealthy_before": outcome.unhealthy_before,
        "unhealthy": outcome.unhealthy,
        "left": outcome.left,
        "liquidations": outcome.liquidations,
        "recorded": outcome.recorded,
        "complete": outcome.complete,
        "lost": {market: str(lost) for market, lost in outcome.lost.items()},
    }

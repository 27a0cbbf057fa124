"""What a contagion analysis is about: nodes, channels with their capacities, and losses.

A loss is said of one pool and one asset, in the asset's smallest unit.  ``principal`` counts what was lent and does not
come back; ``value`` counts what is still there at another price; ``frozen`` what is there and cannot be taken out yet.
The start is the state that is given, or the worst that the protocol file allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

NodeKind: TypeAlias = Literal["pool", "market", "asset", "oracle", "line", "router", "funder", "treasury"]
ChannelKind: TypeAlias = Literal[
    "line",
    "collateral",
    "receipt token",
    "price feed",
    "core rate",
    "core cash",
    "core share price",
    "shared cash",
    "shared reserve",
    "router",
    "funder",
    "contains",
]
"""How one node can act on another; "contains" only says that a market belongs to a pool, and carries no loss."""
LossKind: TypeAlias = Literal["principal", "value", "frozen"]


@dataclass(frozen=True, slots=True)
class Node:
    """Something that can fail or lose: ``id`` is unique, ``pool`` names the pool that it belongs to, if any."""

    id: str
    kind: NodeKind
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A way in which a failure of ``source`` reaches ``target``.

    ``capacity``: the most that it carries [smallest unit of ``asset``]; None where nothing bounds it.  ``theorem``: the
    ids of the invariants that bound it, and in words how.  ``carries``: what kind of loss it carries.
    """

    source: str
    target: str
    kind: ChannelKind
    asset: str | None
    capacity: int | None
    theorem: tuple[str, ...]
    reason: str
    carries: LossKind = "principal"


@dataclass(frozen=True, slots=True)
class Network:
    """The graph of a protocol, from a state or from the worst that its file allows."""

    protocol: str
    nodes: tuple[Node, ...]
    channels: tuple[Channel, ...]
    start: str


@dataclass(frozen=True, slots=True)
class Path:
    """A way from a failing node to a pool, and the most that it carries [smallest unit of ``asset``]."""

    source: str
    target: str
    via: tuple[Channel, ...]
    asset: str | None
    bound: int | None


@dataclass(slots=True)
class Loss:
    """What a pool loses at most when a source fails, and what it really loses in a run.

    ``upper`` None: nothing bounds it; ``lower`` is what the ``witness`` (a trace, as JSON) shows, 0 without one.
    """

    source: str
    pool: str
    asset: str
    kind: LossKind
    upper: int | None
    upper_reason: str
    lower: int = 0
    witness: dict[str, Any] | None = None
    gap: str | None = None
    """Why ``upper`` and ``lower`` differ by more than 1 %, if they do."""
    theorem: tuple[str, ...] = ()
    """The ids of the invariants that ``upper`` rests on."""
    horizon: str = ""
    """For how long ``upper`` holds: within one action, or until what."""
    direct: bool = False
    """Whether it is what goes over a line alone; what follows from that in the core pool then has a row of its own."""


@dataclass(frozen=True, slots=True)
class Point:
    """A loss that is recorded after a time [slots]; None where the model refuses to record it then."""

    after: str
    slots: int
    loss: int | None


@dataclass(frozen=True, slots=True)
class OverTime:
    """A loss in runs that differ only in when the failure is recorded: at once first, then later and later.

    ``counted``: what of the time in between is in it.
    """

    source: str
    pool: str
    asset: str
    kind: LossKind
    points: tuple[Point, ...]
    counted: str
    direct: bool = False

    @property
    def grows(self) -> bool:
        """Whether a later recording loses something else."""
        return len({each.loss for each in self.points}) > 1


@dataclass(frozen=True, slots=True)
class Limit:
    """What an analysis left out because there is too much of it, in words, and from which node."""

    source: str | None
    told: str


@dataclass(slots=True)
class Contagion:
    """The whole analysis, as the command shows it."""

    network: Network
    paths: list[Path] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    over_time: list[OverTime] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)

"""Where everything stands in the picture of a network: one card for each pool, the core's in the middle.

A card lists what belongs to its pool, one line each; what several pools use stands on cards next to the core.  The
cards fill the cells of a brickwork from the middle outwards, so that no two of them and no two names can overlap,
however many pools there are.  The same network always gives the same picture.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, hypot

from poolproof.pictures.text import printable, shortened, width_of
from poolproof.proofs.contagion.network import Channel, Network, Node

LINE_HEIGHT = 19.0
HEAD_HEIGHT = 28.0
PADDING = 9.0
NAME_SIZE = 11.5
HEAD_SIZE = 13.5
SYMBOL = 20.0
LONGEST_NAME = 132.0
LINES = 6
FEW = 12
"""Up to so many cards, there is room to draw channels far apart."""

_OF_THE_CORE = ("line", "core rate", "core cash", "core share price")


@dataclass(frozen=True, slots=True)
class Place:
    """One node in its card: the middle of its symbol, its name as far as there is room, where channels dock."""

    node: Node
    name: str
    x: float
    y: float
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Card:
    """A pool and what belongs to it, or nodes that several pools use; ``title`` is the name of the latter."""

    key: str
    title: str
    head: Node | None
    nodes: tuple[Node, ...]

    @property
    def columns(self) -> int:
        """In how many columns the nodes stand."""
        return (
            max(1, ceil(len(self.nodes) / LINES)) if len(self.nodes) <= 4 * LINES else ceil(len(self.nodes) ** 0.5 / 2)
        )

    @property
    def lines(self) -> int:
        """How many lines a column has."""
        return ceil(len(self.nodes) / self.columns)

    @property
    def column_width(self) -> float:
        """The width of one column: a symbol and the longest name."""
        names = (width_of(name_in_card(node, self.key), NAME_SIZE) for node in self.nodes)
        return SYMBOL + PADDING + max(names, default=0.0)

    @property
    def width(self) -> float:
        """The width of the card."""
        head = width_of(self.head_name, HEAD_SIZE) * 1.08 + SYMBOL + 2 * PADDING
        return max(head, self.columns * self.column_width + 2 * PADDING)

    @property
    def height(self) -> float:
        """The height of the card."""
        return HEAD_HEIGHT + self.lines * LINE_HEIGHT + (PADDING if self.nodes else 4.0)

    @property
    def head_name(self) -> str:
        """What stands at the top: the pool's name, or the title."""
        return shortened(printable(short_name(self.head)), HEAD_SIZE, LONGEST_NAME) if self.head else self.title


@dataclass(frozen=True, slots=True)
class PlacedCard:
    """A card and its upper left corner."""

    card: Card
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """All cards and all nodes, inside ``width`` times ``height``."""

    cards: tuple[PlacedCard, ...]
    places: Mapping[str, Place]
    card_of: Mapping[str, str]
    width: float
    height: float


def short_name(node: Node) -> str:
    """A node's id without its own kind in front."""
    return re.sub(rf"^{node.kind}[:/. ]", "", node.id) or node.id


def name_in_card(node: Node, key: str) -> str:
    """A node's name on a card that already says the pool."""
    name = short_name(node)
    for owner in {key, node.pool or key}:
        bare = re.sub(r"^pool[:/. ]", "", owner)
        name = re.sub(rf"^{re.escape(bare)}[:/. ]", "", name) or name
    return shortened(printable(name), NAME_SIZE, LONGEST_NAME)


def in_order(name: str) -> tuple[tuple[bool, int, str], ...]:
    """A key that sorts pool-2 before pool-10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((part[0] in "0123456789", int(part) if part[0] in "0123456789" else 0, part) for part in parts)


def layout_of(network: Network) -> Layout:
    """The cards of a network in their cells, and every node on its card."""
    known = {node.id for node in network.nodes}
    for channel in network.channels:
        if missing := {channel.source, channel.target} - known:
            raise ValueError(f"a channel names {sorted(missing)}, which the network does not have as nodes")
    core, cards = _cards_of(network)
    placed = tuple(_in_cells(core, cards))
    left = min((card.x for card in placed), default=0.0)
    top = min((card.y for card in placed), default=0.0)
    placed = tuple(PlacedCard(card.card, card.x - left, card.y - top) for card in placed)
    places = {place.node.id: place for card in placed for place in _places_of(card)}
    return Layout(
        placed,
        places,
        {
            node.id: one.card.key
            for one in placed
            for node in (*([one.card.head] if one.card.head else []), *one.card.nodes)
        },
        max((card.x + card.card.width + _around_card(card.card) for card in placed), default=0.0),
        max((card.y + card.card.height for card in placed), default=0.0),
    )


def _around_card(card: Card) -> float:
    """How far a channel from one line of a card to another goes beyond the card."""
    return 12 + card.height / 4


def core_of(network: Network) -> str | None:
    """The card of the pool that most lines and channels of a core end at; None where there is no such channel."""
    owner = {node.id: _owner(node) for node in network.nodes}
    ends: Counter[str] = Counter()
    for channel in network.channels:
        if channel.kind in _OF_THE_CORE:
            ends.update({found for end in (channel.source, channel.target) if (found := owner[end]) is not None})
    return min(ends, key=lambda key: (-ends[key], key), default=None)


def _owner(node: Node) -> str | None:
    """The key of the card that a node asks for."""
    return node.pool or (node.id if node.kind == "pool" else None)


def _cards_of(network: Network) -> tuple[Card | None, list[Card]]:
    """The core's card and all others: those of shared nodes first, then those of pools."""
    core = core_of(network)
    heads = {key: node for node in network.nodes if node.kind == "pool" and (key := _owner(node)) is not None}
    users = _users(network, heads)
    belonging: dict[str, list[Node]] = {key: [] for key in heads}
    shared: list[Node] = []
    for node in sorted(network.nodes, key=lambda node: (node.kind, in_order(node.id))):
        owner = _owner(node)
        if owner is not None and heads.get(owner) is node:
            continue
        near = users[node.id] - {core} if node.kind == "line" else {owner} if owner in heads else users[node.id]
        if len(near) == 1:
            belonging[next(iter(near))].append(node)
        elif owner in heads:
            belonging[owner].append(node)
        else:
            shared.append(node)
    cards = list(_shared_cards(shared, few=len(heads) + len(shared) / LINES <= FEW))
    order = sorted(heads, key=lambda key: in_order(short_name(heads[key])))
    pools = {key: Card(key, "", heads[key], tuple(belonging[key])) for key in order}
    middle = pools.pop(core) if core in pools else None
    return middle, [*cards, *pools.values()]


def _shared_cards(nodes: Sequence[Node], *, few: bool) -> Iterator[Card]:
    """Cards of what several pools use, by name, so that an asset and its oracle are neighbours."""
    lines = LINES if few else LINES - 2
    ordered = sorted(nodes, key=lambda node: (in_order(short_name(node)), node.kind))
    for start in range(0, len(ordered), lines):
        yield Card(f"\0{start}", "shared", None, tuple(ordered[start : start + lines]))


def _users(network: Network, heads: Mapping[str, Node]) -> dict[str, set[str]]:
    """The cards that each node is next to, over a channel or over a node that is on no card."""
    owner = {node.id: _owner(node) for node in network.nodes}
    near: dict[str, set[str]] = {node.id: set() for node in network.nodes}
    beside: dict[str, set[str]] = {node.id: set() for node in network.nodes}
    for channel in network.channels:
        for here, there in ((channel.source, channel.target), (channel.target, channel.source)):
            pool = owner[there]
            if pool is not None and pool in heads:
                near[here].add(pool)
            else:
                beside[here].add(there)
    return {here: near[here] or set().union(*(near[there] for there in beside[here])) for here in near}


def _in_cells(core: Card | None, cards: Sequence[Card]) -> Iterator[PlacedCard]:
    """The core in the middle, each other card in the free cell next to it; the cells are those of a brickwork."""
    few = len(cards) <= FEW
    width = max((card.width for card in cards), default=0.0) + (150.0 if few else 46.0)
    height = max((card.height for card in cards), default=0.0) + (60.0 if few else 30.0)
    half_width = half_height = 0.0
    if core is not None:
        yield PlacedCard(core, -core.width / 2, -core.height / 2)
        half_width = (core.width + width) / 2 + (30.0 if few else 0.0)
        half_height = (core.height + height) / 2 + (20.0 if few else 0.0)
    reach = ceil(len(cards) ** 0.5) + ceil(half_width / width) + ceil(half_height / height) + 2
    cells = [
        ((column + (row % 2) / 2) * width, row * height)
        for row in range(-reach, reach + 1)
        for column in range(-reach, reach + 1)
    ]
    free = [(x, y) for x, y in cells if abs(x) >= half_width or abs(y) >= half_height]
    free.sort(key=lambda cell: (round(hypot(cell[0], (1.5 if few else 2.1) * cell[1]), 3), cell[1], cell[0]))
    for card, (x, y) in zip(cards, free, strict=False):
        yield PlacedCard(card, x - card.width / 2, y - card.height / 2)


def _places_of(placed: PlacedCard) -> Iterator[Place]:
    """Every node of a card: the pool at the top, the others in columns below."""
    card, left, right = placed.card, placed.x, placed.x + placed.card.width
    if card.head is not None:
        yield Place(card.head, card.head_name, left + PADDING + 8, placed.y + HEAD_HEIGHT / 2, left, right)
    for number, node in zip(count(), card.nodes, strict=False):
        column, line = divmod(number, card.lines)
        yield Place(
            node,
            name_in_card(node, card.key),
            left + PADDING + 8 + column * card.column_width,
            placed.y + HEAD_HEIGHT + (line + 0.5) * LINE_HEIGHT,
            left,
            right,
        )


def curve_of(channel: Channel, layout: Layout) -> str:
    """The path of a channel: from the edge of one card to the edge of another, or around its own card."""
    source, target = layout.places[channel.source], layout.places[channel.target]
    if layout.card_of[channel.source] == layout.card_of[channel.target]:
        out = source.right + 12 + abs(source.y - target.y) / 4
        points = (source.right, source.y, out, source.y, out, target.y, target.right + 1, target.y)
    else:
        start, end = min(
            ((a, b) for a in (source.left, source.right) for b in (target.left, target.right)),
            key=lambda ends: (
                _around(source, ends[0], ends[1]) + _around(target, ends[1], ends[0]),
                abs(ends[0] - ends[1]),
            ),
        )
        bend = max(24.0, min(120.0, abs(start - end) / 2, hypot(start - end, source.y - target.y) / 3))
        away = bend if start == source.right else -bend
        back = bend if end == target.right else -bend
        points = (start, source.y, start + away, source.y, end + back, target.y, end, target.y)
    return "M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}".format(*points)


def _around(place: Place, start: float, end: float) -> bool:
    """Whether a curve that leaves a card on that side has to turn around to its other end."""
    return (end < start) if start == place.right else (end > start)

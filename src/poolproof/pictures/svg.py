"""The picture of a contagion analysis as one SVG: to look at, to print, to put into a document.

Kinds differ in shape and in colour, losses in dashes and in colour, so that neither needs the colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from math import sqrt
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from poolproof.pictures.layout import (
    HEAD_HEIGHT,
    HEAD_SIZE,
    NAME_SIZE,
    Layout,
    Place,
    PlacedCard,
    core_of,
    curve_of,
    layout_of,
)
from poolproof.pictures.text import amount_of, lines_of, printable, width_of
from poolproof.proofs.contagion.network import Channel, Contagion, Network, Node

NAMESPACE = "http://www.w3.org/2000/svg"
LOSS = (
    "A loss is said of one pool and one asset. Principal: what was lent and does not come back. Value: what is still "
    "there at another price. Frozen: what is there and cannot be taken out yet."
)
MARGIN = 28.0
NARROWEST = 760.0
CROWD = 40

SHAPES = {
    "pool": "M-6.5-6.5H6.5V6.5H-6.5Z",
    "market": "M-5.5 0A5.5 5.5 0 1 1 5.5 0A5.5 5.5 0 1 1-5.5 0Z",
    "asset": "M0-7L7 0L0 7L-7 0Z",
    "oracle": "M0-6.5L6.8 5.5H-6.8Z",
    "line": "M-7 0L-3.5-6H3.5L7 0L3.5 6H-3.5Z",
    "router": "M-2.2-6.5H2.2V-2.2H6.5V2.2H2.2V6.5H-2.2V2.2H-6.5V-2.2H-2.2Z",
    "funder": "M0 6.5L6.8-5.5H-6.8Z",
    "treasury": "M-7-4H7V4H-7Z",
}
CARRIES = {
    "principal": "principal is lost",
    "value": "value is lost",
    "frozen": "access is lost for a time",
}


def svg_of(analysis: Contagion, decimals: Mapping[str, int] | None = None) -> str:
    """The picture as text; ``decimals`` of an asset turn capacities into tokens."""
    network = analysis.network
    layout = layout_of(network)
    width = max(layout.width + 2 * MARGIN, NARROWEST)
    key, key_height = legend(network, width - 2 * MARGIN)
    top = MARGIN + 56
    height = top + layout.height + 36 + key_height + MARGIN
    root = Element(
        "svg", _numbers(xmlns=NAMESPACE, width=width, height=height, viewBox=f"0 0 {width:.1f} {height:.1f}")
    )
    root.set("role", "img")
    title = heading(network)
    SubElement(root, "title").text = title
    SubElement(root, "desc").text = f"{_start(network)} {LOSS}"
    SubElement(root, "style").text = style()
    SubElement(root, "rect", {"class": "ground", "width": "100%", "height": "100%"})
    _write(root, title, MARGIN, MARGIN + 16, 20, "strong")
    _write(root, _start(network), MARGIN, MARGIN + 38, 13, "quiet")
    world = drawing(network, layout, decimals or {}, titles=True)
    world.set("transform", f"translate({(width - layout.width) / 2:.1f} {top:.1f})")
    root.append(world)
    key.set("transform", f"translate({MARGIN} {top + layout.height + 36:.1f})")
    root.append(key)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def heading(network: Network) -> str:
    """The title of the picture."""
    return f"{printable(network.protocol)}: how a failure spreads"


def _start(network: Network) -> str:
    return f"Start: {printable(network.start)}."


def style() -> str:
    """The colours, for light and dark screens and for paper."""
    return (files("poolproof.pictures") / "picture.css").read_text(encoding="utf-8")


def drawing(network: Network, layout: Layout, decimals: Mapping[str, int], *, titles: bool) -> Element:
    """Channels, cards and nodes; ``titles`` gives each the words that a viewer shows when a pointer rests on it."""
    crowd = "crowd" if crowded(layout) else ""
    world = Element("g", {"class": f"world {crowd}".rstrip()})
    arrows(world)
    below = SubElement(world, "g", {"class": "channels"})
    cards = SubElement(world, "g", {"class": "cards"})
    inside = SubElement(world, "g", {"class": "channels"})
    nodes = SubElement(world, "g", {"class": "nodes"})
    core = core_of(network)
    for card in layout.cards:
        _draw_card(cards, card, is_core=card.card.key == core)
    largest: dict[str | None, int] = {}
    for channel in network.channels:
        largest[channel.asset] = max(largest.get(channel.asset, 0), channel.capacity or 0)
    for number, channel in enumerate(network.channels):
        branch = _branch_of(channel, layout)
        group = SubElement(inside if branch else below, "g", {"class": f"channel {class_of(channel)}"})
        group.set("data-channel", str(number))
        if titles:
            SubElement(group, "title").text = words_of(channel, decimals)
        _draw_channel(group, channel, branch or curve_of(channel, layout), largest[channel.asset])
    for number, node in enumerate(network.nodes):
        _draw_node(nodes, number, layout, node, titles=titles)
    return world


def crowded(layout: Layout) -> bool:
    """Whether there are so many cards that only their titles can be read when all are seen."""
    return len(layout.cards) > CROWD


def class_of(channel: Channel) -> str:
    """The class of a channel in the picture: what it carries, or that it only says what belongs to what."""
    return "contains" if channel.kind == "contains" else channel.carries


def words_of(channel: Channel, decimals: Mapping[str, int]) -> str:
    """A channel in words: its ends, its kind, its capacity and why."""
    words = [f"{channel.source} → {channel.target}: {channel.kind}"]
    if channel.kind != "contains":
        words += [capacity_of(channel, decimals), f"carries {channel.carries}"]
    if channel.theorem:
        words.append(f"by {', '.join(channel.theorem)}")
    return printable("; ".join([*words, *([channel.reason] if channel.reason else [])]))


def capacity_of(channel: Channel, decimals: Mapping[str, int]) -> str:
    """The capacity of a channel in words."""
    if channel.capacity is None:
        return "nothing bounds it"
    known = decimals.get(channel.asset) if channel.asset is not None else None
    return f"at most {amount_of(channel.capacity, channel.asset, known)}"


def arrows(parent: Element) -> None:
    """The arrow heads, one for each kind of loss."""
    places = SubElement(parent, "defs")
    for carried in CARRIES:
        marker = SubElement(
            places, "marker", {"id": f"arrow-{carried}", "viewBox": "0 0 10 10", "refX": "9", "refY": "5"}
        )
        marker.attrib |= {"markerWidth": "9", "markerHeight": "9", "markerUnits": "userSpaceOnUse", "orient": "auto"}
        SubElement(marker, "path", {"class": f"arrow {carried}", "d": "M0 1L10 5L0 9Z"})


def _draw_card(parent: Element, placed: PlacedCard, *, is_core: bool) -> None:
    group = SubElement(parent, "g", {"class": "core" if is_core else "of-pool" if placed.card.head else "shared"})
    box = _numbers(x=placed.x, y=placed.y, width=placed.card.width, height=placed.card.height, rx=6)
    SubElement(group, "rect", {"class": "card"} | box)
    if placed.card.head is None:
        _write(group, placed.card.title, placed.x + 9, placed.y + HEAD_HEIGHT / 2 + 4, HEAD_SIZE - 1.5, "quiet")


def _branch_of(channel: Channel, layout: Layout) -> str | None:
    """The branch from a pool to what it contains, on its own card."""
    source, target = layout.places[channel.source], layout.places[channel.target]
    same = layout.card_of[channel.source] == layout.card_of[channel.target]
    if channel.kind != "contains" or not same or source.node.kind != "pool":
        return None
    edge = target.x - 11.5
    return f"M{source.x:.1f} {source.y + 6:.1f}V{source.y + 11:.1f}H{edge:.1f}V{target.y:.1f}H{target.x:.1f}"


def _draw_channel(group: Element, channel: Channel, path: str, largest: int) -> None:
    """A line as wide as its share of the largest capacity in its asset; two lines where nothing bounds it."""
    if channel.kind == "contains":
        SubElement(group, "path", {"class": "stroke", "d": path, "stroke-width": "1"})
        return
    share = 1.0 if channel.capacity is None else sqrt(channel.capacity / largest) if largest else 0.0
    width = 1.2 + 3.3 * share
    arrow = f"url(#arrow-{class_of(channel)})"
    SubElement(group, "path", {"class": "stroke", "d": path, "stroke-width": f"{width:.2f}", "marker-end": arrow})
    if channel.capacity is None:
        SubElement(group, "path", {"class": "inside", "d": path, "stroke-width": f"{width - 3:.2f}"})


def _draw_node(parent: Element, number: int, layout: Layout, node: Node, *, titles: bool) -> None:
    place = layout.places[node.id]
    group = SubElement(parent, "g", {"class": f"node {node.kind}", "data-node": str(number)})
    if titles:
        SubElement(group, "title").text = printable(f"{node.id} ({node.kind})")
    head = node.kind == "pool"
    size = HEAD_SIZE if head else NAME_SIZE
    _draw_area(group, place, size)
    _draw_symbol(group, node.kind, place.x, place.y)
    _write(group, place.name, place.x + 12, place.y + size * 0.36, size, "strong name" if head else "name")


def _draw_area(group: Element, place: Place, size: float) -> None:
    """What reacts to a pointer around a symbol and its name."""
    width = width_of(place.name, size) + 24
    box = _numbers(x=place.x - 10, y=place.y - 9, width=min(width, place.right - place.x + 9), height=18, rx=4)
    SubElement(group, "rect", {"class": "area"} | box)


def _draw_symbol(group: Element, kind: str, x: float, y: float) -> None:
    SubElement(group, "path", {"class": "symbol", "d": SHAPES[kind], "transform": f"translate({x:.1f} {y:.1f})"})


def legend(network: Network, room: float) -> tuple[Element, float]:
    """What the shapes, the lines and a loss mean, in that width, and how high that is."""
    group = Element("g", {"class": "legend"})
    x, y, size, step = 0.0, 8.0, 12.0, 24.0
    for sample, width, text in samples(network):
        need = width + 8 + width_of(text, size) + 14
        if x and x + need > room:
            x, y = 0.0, y + step
        sample.set("transform", f"translate({x:.1f} {y:.1f})")
        group.append(sample)
        _write(group, text, x + width + (8 if width else 0), y + 4, size, "")
        x += need
    y += step
    for line in lines_of(LOSS, size, room):
        _write(group, line, 0, y + 4, size, "quiet")
        y += 17
    return group, y


def samples(network: Network) -> Iterator[tuple[Element, float, str]]:
    """A sample of each shape and each line in the picture, around y = 0, with its width and its meaning."""
    kinds = {node.kind for node in network.nodes}
    for kind in (kind for kind in SHAPES if kind in kinds):
        part = Element("g", {"class": kind})
        _draw_symbol(part, kind, 7.5, 0)
        yield part, 15.0, kind
    carrying = [channel for channel in network.channels if channel.kind != "contains"]
    found = {channel.carries for channel in carrying}
    for carried in (carried for carried in CARRIES if carried in found):
        yield _sample(carried, 3.0), 38.0, CARRIES[carried]
    unbounded = {channel.carries for channel in carrying if channel.capacity is None}
    for carried in [carried for carried in CARRIES if carried in unbounded][:1]:
        part = _sample(carried, 4.5)
        SubElement(part, "path", {"class": "inside", "d": "M0 0H38", "stroke-width": "1.5"})
        yield part, 38.0, "nothing bounds it"
    if carrying:
        yield Element("g"), 0.0, "width: capacity, against the largest in the same asset"


def _sample(carried: str, width: float) -> Element:
    part = Element("g", {"class": f"channel {carried}"})
    look = {"class": "stroke", "d": "M0 0H38", "stroke-width": f"{width}", "marker-end": f"url(#arrow-{carried})"}
    SubElement(part, "path", look)
    return part


def _write(parent: Element, text: str, x: float, y: float, size: float, classes: str) -> None:
    element = SubElement(parent, "text", _numbers(x=x, y=y) | {"font-size": f"{size:g}"})
    if classes:
        element.set("class", classes)
    element.text = text


def _numbers(**values: float | str) -> dict[str, str]:
    """Attributes, with numbers to a tenth."""
    return {name: value if isinstance(value, str) else f"{value:.1f}" for name, value in values.items()}

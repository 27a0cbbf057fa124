"""The picture of a contagion analysis as one page to explore: zoom, pan, choose what fails, see who loses.

The page needs nothing but itself: it may run the one script and use the one style sheet whose digests it states, and
may fetch nothing.  Names from the protocol file are text wherever they appear: in the markup they are escaped, in the
data no `<` is left, and the script writes them as text alone.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from decimal import Context, Decimal
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from poolproof.pictures.layout import Layout, PlacedCard, layout_of
from poolproof.pictures.svg import LOSS, capacity_of, crowded, drawing, heading, samples, style
from poolproof.pictures.tables import NOTHING_BOUNDS, over_time_table, ranking_table, together_table
from poolproof.pictures.text import amount, amount_of, printable, width_of
from poolproof.proofs.contagion.analysis import Together
from poolproof.proofs.contagion.network import Channel, Contagion, Loss, Path

LARGEST_HEAD = 34.0
SHORT = 7

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>Start: {start}. {loss}</p>
</header>
<main class="{arrangement}">
<section class="picture" aria-label="Network">
<div class="tools">
<label>What fails <select id="source"><option value="">nothing chosen</option></select></label>
<span class="zoom">
<button type="button" id="closer" aria-label="Zoom in">+</button>
<button type="button" id="farther" aria-label="Zoom out">−</button>
<button type="button" id="whole">Whole picture</button>
</span>
</div>
<div class="frame">{drawing}<div id="hint" role="status" hidden></div></div>
{legend}
<p class="help">Drag to move, turn the wheel or pinch to zoom. Click a name, or go to it with the arrow keys and press
Enter, to see what its failure does; Escape goes back.</p>
</section>
<section class="losses" aria-label="Losses">
<h2 id="heading">All losses</h2>
<p id="counted" aria-live="polite"></p>
<details id="ways" hidden><summary></summary><ol></ol></details>
<table>
<thead><tr>{columns}</tr></thead>
<tbody></tbody>
</table>
<button type="button" id="more" hidden>Show more</button>
<noscript><p>The table needs the script of this page.</p></noscript>
</section>
{over_time}
{together}
{ranking}
</main>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""

COLUMNS = {
    "source": "fails",
    "pool": "pool",
    "asset": "asset",
    "kind": "kind",
    "upper": "at most",
    "lower": "a run shows",
}
"""The keys of the loss table's data, and what the columns are called."""


def html_of(analysis: Contagion, decimals: Mapping[str, int] | None = None, together: Together | None = None) -> str:
    """The page as text; ``decimals`` of an asset turn its amounts into tokens."""
    known = decimals or {}
    layout = layout_of(analysis.network)
    sheet = "\n" + style() + _resource("page.css")
    script = "\n" + _resource("page.js")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(sheet)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=escape(policy),
        title=escape(heading(analysis.network)),
        start=escape(printable(analysis.network.start)),
        loss=escape(LOSS),
        arrangement="above" if crowded(layout) else "beside",
        style=sheet,
        drawing=tostring(_picture(analysis, layout, known), encoding="unicode"),
        legend=tostring(_legend(analysis), encoding="unicode"),
        columns="".join(
            f'<th scope="col" aria-sort="none" data-key="{key}"><button type="button">{name}</button></th>'
            for key, name in COLUMNS.items()
        ),
        over_time=over_time_table(analysis, known),
        together=together_table(analysis, together, known) if together is not None else "",
        ranking=ranking_table(together) if together is not None else "",
        data=embedded(_data(analysis, layout, known)),
        script=script,
    )


def embedded(data: Any) -> str:
    """JSON that stays inside its script element, whatever the names in it are."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _resource(name: str) -> str:
    return (files("poolproof.pictures") / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style sheet."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _picture(analysis: Contagion, layout: Layout, decimals: Mapping[str, int]) -> Element:
    """The drawing, with larger names of pools for when it is seen from afar."""
    root = Element("svg", {"id": "picture", "tabindex": "0", "role": "group", "aria-label": "Network"})
    root.set("viewBox", f"0 0 {layout.width:.1f} {layout.height:.1f}")
    world = drawing(analysis.network, layout, decimals, titles=False)
    root.append(world)
    for group in world.iter("g"):
        number = group.get("data-node")
        if number is not None:
            _make_a_button(group, analysis.network.nodes[int(number)].id, analysis.network.nodes[int(number)].kind)
    afar = SubElement(world, "g", {"class": "afar", "aria-hidden": "true"})
    for placed in layout.cards:
        _write_large(afar, placed)
    below_cards = next(place for place, part in enumerate(world) if part.get("class") == "cards")
    world.insert(below_cards, Element("g", {"id": "lit"}))
    SubElement(world, "g", {"id": "bounds"})
    return root


def _write_large(parent: Element, placed: PlacedCard) -> None:
    """A card's title in up to two lines, as large as the card and half of the gap around it allow."""
    card = placed.card
    lines = _halves(card.head_name)
    widest = max(width_of(line, 1.0) for line in lines)
    size = min(LARGEST_HEAD, card.height / (1.15 * len(lines) + 0.2), (card.width + 20) / widest)
    text = SubElement(parent, "text", {"class": "strong" if card.head else "quiet", "font-size": f"{size:.1f}"})
    text.set("text-anchor", "middle")
    for number, line in enumerate(lines):
        below = (number - (len(lines) - 1) / 2) * 1.1 + 0.36
        middle = {"x": f"{placed.x + card.width / 2:.1f}", "y": f"{placed.y + card.height / 2 + below * size:.1f}"}
        SubElement(text, "tspan", middle).text = line


def _halves(name: str) -> tuple[str, ...]:
    """A name, broken after the mark that is next to its middle."""
    breaks = [place for place in range(1, len(name)) if name[place - 1] in "-_ ./:"]
    if not breaks or len(name) < SHORT:
        return (name,)
    place = min(breaks, key=lambda place: abs(place - len(name) / 2))
    return (name[:place], name[place:])


def _make_a_button(group: Element, name: str, kind: str) -> None:
    group.attrib |= {"role": "button", "tabindex": "-1", "aria-pressed": "false"}
    group.set("aria-label", printable(f"{name} ({kind})"))


def _legend(analysis: Contagion) -> Element:
    """The samples of the legend in a list, which wraps where the page is narrow."""
    key = Element("ul", {"class": "key"})
    for sample, width, text in samples(analysis.network):
        item = SubElement(key, "li")
        if width:
            size = {"width": f"{width:.0f}", "height": "16", "viewBox": f"0 -8 {width:.0f} 16", "aria-hidden": "true"}
            SubElement(item, "svg", size).append(sample)
        SubElement(item, "span").text = text
    return key


def _data(analysis: Contagion, layout: Layout, decimals: Mapping[str, int]) -> dict[str, Any]:
    """What the script needs: nodes, channels, cards, paths and losses, each amount as it is shown."""
    network = analysis.network
    numbers = {node.id: number for number, node in enumerate(network.nodes)}
    channels = {channel: number for number, channel in enumerate(network.channels)}
    cards = {placed.card.key: number for number, placed in enumerate(layout.cards)}
    return {
        "nodes": [
            {
                "id": printable(node.id),
                "kind": node.kind,
                "pool": printable(node.pool or ""),
                "card": cards[layout.card_of[node.id]],
            }
            for node in network.nodes
        ],
        "cards": [[round(one.x, 1), round(one.y, 1), round(one.card.width, 1)] for one in layout.cards],
        "channels": [_channel(channel, numbers, decimals) for channel in network.channels],
        "paths": [_path(path, numbers, channels, decimals) for path in analysis.paths],
        "limits": [{"from": numbers.get(each.source or ""), "told": printable(each.told)} for each in analysis.limits],
        "losses": [_loss(loss, numbers, decimals) for loss in analysis.losses],
    }


def _channel(channel: Channel, numbers: Mapping[str, int], decimals: Mapping[str, int]) -> dict[str, Any]:
    carries = channel.kind != "contains"
    return {
        "from": numbers[channel.source],
        "to": numbers[channel.target],
        "kind": channel.kind,
        "carries": channel.carries if carries else "",
        "capacity": capacity_of(channel, decimals) if carries else "",
        "theorem": list(channel.theorem),
        "reason": printable(channel.reason),
    }


def _path(
    path: Path, numbers: Mapping[str, int], channels: Mapping[Channel, int], decimals: Mapping[str, int]
) -> dict[str, Any]:
    known = decimals.get(path.asset) if path.asset is not None else None
    bound = "unbounded" if path.bound is None else f"≤ {amount_of(path.bound, path.asset, known)}"
    return {
        "from": numbers[path.source],
        "to": numbers[path.target],
        "via": [channels[channel] for channel in path.via],
        "bound": bound,
    }


def _loss(loss: Loss, numbers: Mapping[str, int], decimals: Mapping[str, int]) -> dict[str, Any]:
    """A row of the table: what each column shows, what it is sorted by, and the exact amounts."""
    known = decimals.get(loss.asset)

    def tokens(value: int) -> float:
        """For sorting; beyond what a float holds, the largest that it does."""
        return min(float(Decimal(value).scaleb(-(known or 0), Context(prec=1000))), 1e300) if value < 10**300 else 1e300

    unit = " units" if known is None else ""
    return {
        "from": numbers.get(loss.source),
        "source": printable(loss.source),
        "pool": printable(loss.pool),
        "asset": printable(loss.asset),
        "kind": loss.kind,
        "upper": NOTHING_BOUNDS if loss.upper is None else amount(loss.upper, known, "up") + unit,
        "reason": printable(loss.upper_reason),
        "horizon": printable(loss.horizon),
        "theorem": printable(", ".join(loss.theorem)),
        "direct": loss.direct,
        "lower": amount(loss.lower, known, "down") + unit,
        "gap": printable(loss.gap or ""),
        "run": None if loss.witness is None else {key: value for key, value in loss.witness.items() if key != "config"},
        "exact": [None if loss.upper is None else str(loss.upper), str(loss.lower)],
        "order": [None if loss.upper is None else tokens(loss.upper), tokens(loss.lower)],
    }

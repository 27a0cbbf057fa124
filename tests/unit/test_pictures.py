"""The pictures of a contagion analysis: complete, well-formed, the same each time, and safe whatever the names."""

from __future__ import annotations

import importlib
import json
import re
import sys
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from poolproof.pictures.html import embedded, html_of
from poolproof.pictures.layout import core_of, layout_of
from poolproof.pictures.svg import svg_of
from poolproof.pictures.text import amount, amount_of, lines_of, printable, shortened, width_of
from poolproof.proofs.contagion.analysis import Together
from poolproof.proofs.contagion.network import Channel, Contagion, Limit, Loss, Network, Node, OverTime, Point
from poolproof.proofs.contagion.network import Path as Way
from poolproof.proofs.contagion.ranking import Ranked
from poolproof.proofs.contagion.simultaneous import NodeLoss, Simultaneous

sys.path.append(str(Path(__file__).parent))
contagions: Any = importlib.import_module("contagions")

EXAMPLE = Path(__file__).parents[2] / "docs" / "img" / "contagion.svg"
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</script></style><script>alert(1)</script><!--\"'&]]>\x00\x1b\u202e\ud800"


class Tags(HTMLParser):
    """Every start tag of a page, and the text of each script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        """A script ends where the first end tag says so."""
        self._inside = self._inside and tag != "script"

    def handle_data(self, data: str) -> None:
        """Keep what stands in a script."""
        if self._inside:
            self.scripts[-1] += data


def hostile() -> Contagion:
    """An analysis in which every text tries to get out of where it stands."""
    nodes = (Node(HOSTILE, "pool"), Node(f"{HOSTILE}2", "pool"), Node(f"{HOSTILE}3", "market", HOSTILE))
    channel = Channel(HOSTILE, f"{HOSTILE}2", "line", HOSTILE, 5, (HOSTILE,), HOSTILE)
    loss = Loss(HOSTILE, f"{HOSTILE}2", HOSTILE, "principal", 5, HOSTILE, 1, {HOSTILE: HOSTILE}, HOSTILE)
    way = Way(HOSTILE, f"{HOSTILE}2", (channel,), HOSTILE, 5)
    points = (Point(HOSTILE, 0, 1), Point(f"{HOSTILE}2", 1, 2))
    later = OverTime(HOSTILE, HOSTILE, HOSTILE, "principal", points, HOSTILE)
    network = Network(HOSTILE, nodes, (channel,), HOSTILE)
    return Contagion(network, [way], [loss], [later], [Limit(HOSTILE, HOSTILE)])


def hostile_page() -> str:
    """The page of it, its tables included."""
    rows = (NodeLoss(f"{HOSTILE}3", HOSTILE, HOSTILE, 2, 1, 0.5),)
    failing = (HOSTILE,)
    together = Together(failing, Simultaneous(failing, rows, {HOSTILE: 0.5}), (Ranked(HOSTILE, 0.5, 0.5),))
    return html_of(hostile(), None, together)


@pytest.fixture(params=[2, 5, 37, 200])
def analysis(request: pytest.FixtureRequest) -> Contagion:
    """Made-up analyses, from two pools to 200."""
    found: Contagion = contagions.made_up(request.param)
    return found


def parsed(text: str) -> ET.Element:
    """The root of an SVG; raises where it is not well-formed."""
    return ET.fromstring(text)  # noqa: S314  # the project's own output


def data_of(page: str) -> dict[str, Any]:
    """What the page embeds for its script."""
    found: dict[str, Any] = json.loads(Tags(page).scripts[0])
    return found


def test_the_svg_shows_every_node_and_every_channel(analysis: Contagion) -> None:
    """Each has one group, which says its whole name."""
    root = parsed(svg_of(analysis, contagions.DECIMALS))
    assert root.tag == f"{SVG}svg"
    for what, wanted in (("node", analysis.network.nodes), ("channel", analysis.network.channels)):
        numbers = [int(group.attrib[f"data-{what}"]) for group in root.iter() if f"data-{what}" in group.attrib]
        assert sorted(numbers) == list(range(len(wanted)))
    said = [group.findtext(f"{SVG}title") or "" for group in root.iter() if "data-node" in group.attrib]
    assert said == [f"{node.id} ({node.kind})" for node in analysis.network.nodes]


def test_the_page_shows_every_node_and_every_channel(analysis: Contagion) -> None:
    """In the picture and in the data."""
    page = html_of(analysis, contagions.DECIMALS)
    tags = Tags(page).tags
    data = data_of(page)
    assert sum("data-node" in attributes for _, attributes in tags) == len(analysis.network.nodes)
    assert sum("data-channel" in attributes for _, attributes in tags) == len(analysis.network.channels)
    assert [node["id"] for node in data["nodes"]] == [node.id for node in analysis.network.nodes]
    assert len(data["paths"]) == len(analysis.paths)
    assert [(loss["source"], loss["pool"], loss["asset"]) for loss in data["losses"]] == [
        (loss.source, loss.pool, loss.asset) for loss in analysis.losses
    ]


def test_the_same_analysis_gives_the_same_pictures(analysis: Contagion) -> None:
    """Nothing depends on a seed, a clock or the order of a set."""
    again = contagions.made_up(sum(node.kind == "pool" for node in analysis.network.nodes))
    assert svg_of(analysis) == svg_of(again)
    assert html_of(analysis) == html_of(again)


def test_no_cards_and_no_names_overlap(analysis: Contagion) -> None:
    """Cards keep apart, and each name ends before its card does."""
    layout = layout_of(analysis.network)
    for one, other in combinations(layout.cards, 2):
        apart_x = one.x + one.card.width <= other.x or other.x + other.card.width <= one.x
        apart_y = one.y + one.card.height <= other.y or other.y + other.card.height <= one.y
        assert apart_x or apart_y, (one, other)
    for place in layout.places.values():
        assert place.left < place.x < place.x + 12 + width_of(place.name, 11.5) <= place.right, place
    spots = [(place.x, place.y) for place in layout.places.values()]
    assert len(set(spots)) == len(analysis.network.nodes)


def test_the_core_is_in_the_middle() -> None:
    """It is found by the lines that end at it."""
    network = contagions.made_up(200).network
    layout = layout_of(network)
    assert core_of(network) == "core"
    place = layout.places["core"]
    assert abs((place.left + place.right) / 2 - layout.width / 2) < layout.width / 20
    assert abs(place.y - layout.height / 2) < layout.height / 10


def test_names_cannot_leave_the_svg() -> None:
    """Whatever the names are, the elements are those of harmless names."""
    text = svg_of(hostile())
    root = parsed(text)
    assert not [element.tag for element in root.iter() if element.tag == f"{SVG}script"]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", text)


def test_names_cannot_leave_the_page() -> None:
    """There are the page's own two scripts, and the data come back as they were, what cannot be printed replaced."""
    page = hostile_page()
    found = Tags(page)
    for title in ("Losses over time", "Failing together", "Ranking"):
        assert f"<h2>{title}</h2>" in page
    scripts = [attributes for tag, attributes in found.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    assert "<" not in found.scripts[0]
    data = data_of(page)
    assert data["losses"][0]["reason"] == printable(HOSTILE)
    assert data["losses"][0]["run"] == {HOSTILE: HOSTILE}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", page)
    assert page.encode()
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]


def test_the_pictures_refer_to_nothing_outside(analysis: Contagion) -> None:
    """No address but the SVG namespace, nothing to fetch, and a policy that forbids it."""
    page = html_of(analysis)
    for text in (svg_of(analysis), page):
        assert set(re.findall(r"https?:[^\s\"']*", text)) <= {"http://www.w3.org/2000/svg"}
        assert not re.search(r"@import|url\((?!#)", text)
    tags = Tags(page).tags
    assert not [attributes for _, attributes in tags if "src" in attributes or "style" in attributes]
    assert [attributes["href"] for _, attributes in tags if "href" in attributes] == ["data:,"]
    (policy,) = [attributes["content"] for _, attributes in tags if "http-equiv" in attributes]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_the_example_in_the_documents_is_what_is_drawn_now() -> None:
    """docs/img/contagion.svg; to renew it, write what this test computes."""
    wanted = svg_of(contagions.made_up(5), contagions.DECIMALS)
    assert EXAMPLE.read_text(encoding="utf-8") == wanted


def test_a_channel_that_ends_nowhere_is_refused() -> None:
    """It says which node is missing."""
    network = Network("p", (Node("a", "pool"),), (Channel("a", "b", "line", None, None, (), ""),), "s")
    with pytest.raises(ValueError, match="'b'"):
        svg_of(Contagion(network))


def test_a_network_without_anything_is_a_picture() -> None:
    """An empty analysis has a title and no node."""
    nothing = Contagion(Network("p", (), (), "s"))
    assert parsed(svg_of(nothing)).tag == f"{SVG}svg"
    assert data_of(html_of(nothing))["nodes"] == []


def test_what_several_pools_use_stands_apart_from_their_cards() -> None:
    """An oracle of one pool is on its card; an asset of two is not."""
    nodes = (Node("a", "pool"), Node("b", "pool"), Node("shared", "asset"), Node("own", "oracle"))
    links = [("shared", "a"), ("shared", "b"), ("own", "a")]
    channels = tuple(Channel(source, to, "price feed", None, None, (), "") for source, to in links)
    card_of = layout_of(Network("p", nodes, channels, "s")).card_of
    assert card_of["own"] == "a"
    assert card_of["shared"] not in {"a", "b"}


def test_a_run_on_the_page_is_without_its_protocol() -> None:
    """The JSON has the whole trace, to be replayed; the page has its steps."""
    trace = {"config": {"pools": []}, "runs": [[]], "protocol": "p"}
    network = Network("p", (Node("a", "pool", "a"),), (), "s")
    analysis = Contagion(network, [], [Loss("a", "a", "x", "principal", 5, "r", 1, trace)])
    assert data_of(html_of(analysis))["losses"][0]["run"] == {"runs": [[]], "protocol": "p"}
    assert "config" in trace


@pytest.mark.parametrize(
    ("value", "decimals", "rounding", "text"),
    [
        (0, 18, "up", "0"),
        (1, 18, "up", "0.0001"),
        (1, 18, "down", "0"),
        (1_234_567_891_234, 6, "up", "1,234,567.8913"),
        (1_234_567_891_234, 6, "down", "1,234,567.8912"),
        (1_500_000, 6, "up", "1.5"),
        (1_234_567, None, "up", "1,234,567"),
        (100, 0, "up", "100"),
        (10**15 + 1, 0, "up", "1.0001e15"),
        (10**15 + 1, 0, "down", "1.0000e15"),
        (2**256, None, "down", "1.1579e77"),
    ],
)
def test_an_amount_is_rounded_to_the_safe_side(value: int, decimals: int | None, rounding: Any, text: str) -> None:
    """Upper bounds up, lower bounds down."""
    assert amount(value, decimals, rounding) == text


def test_an_amount_says_its_unit() -> None:
    """Tokens where the decimals are known, smallest units elsewhere."""
    assert amount_of(1_500_000, "usdc", 6) == "1.5 usdc"
    assert amount_of(1_500_000, "usdc", None) == "1,500,000 units of usdc"
    assert amount_of(7, None, None) == "7 units"


def test_a_text_is_cut_to_its_room() -> None:
    """With an ellipsis, inside the room, in lines that fit."""
    assert shortened("short", 12, 200) == "short"
    cut = shortened("a very long name of a pool", 12, 80)
    assert cut.endswith("…")
    assert width_of(cut, 12) <= 80
    lines = list(lines_of("one two three " + "w" * 90, 12, 90))
    assert all(width_of(line, 12) <= 90 for line in lines)
    assert lines[0].startswith("one")


def test_embedded_data_come_back() -> None:
    """Escaped, and the same."""
    text = embedded({"<a>": ["&", "</script>", "\u2028"]})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"<a>": ["&", "</script>", "\u2028"]}

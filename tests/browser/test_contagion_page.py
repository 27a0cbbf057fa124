"""The page of a contagion analysis in a real browser: a click, the keyboard, two fingers, and no word to anybody."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof.pictures.html import html_of
from poolproof.proofs.contagion.network import Channel, Contagion, Loss, Network, Node, OverTime, Point
from poolproof.proofs.contagion.network import Path as Way

sys.path.extend([str(Path(__file__).parent), str(Path(__file__).parents[1] / "unit")])
contagions: Any = importlib.import_module("contagions")

WIDE = (1400, 900)
NARROW = (390, 844)
HOSTILE = '<img src=x onerror="document.title=1"></script><script>document.title=1</script>'

pytestmark = pytest.mark.browser


def shown(browser: Any, folder: Path, analysis: Contagion, size: tuple[int, int], *, phone: bool = False) -> str:
    """Open the page of an analysis; its address."""
    place = folder / "page.html"
    place.write_text(html_of(analysis, contagions.DECIMALS), encoding="utf-8")
    browser.open(place.as_uri(), *size, phone=phone)
    return place.as_uri()


def number(analysis: Contagion, name: str) -> int:
    """The number of a node."""
    return [node.id for node in analysis.network.nodes].index(name)


def column(browser: Any, name: str) -> list[str]:
    """What one column of the table shows, a text for each row."""
    found: list[str] = browser.value(
        f"[...document.querySelectorAll('td[data-key={name}]')].map((cell) => cell.firstChild.textContent)"
    )
    return found


def quiet(browser: Any, address: str) -> None:
    """Nothing was logged, nothing was refused, and nothing but the page itself was asked for."""
    assert browser.complaints() == []
    assert browser.requests() == [address]


@pytest.mark.parametrize("pools", [5, 200])
def test_a_click_on_a_node_is_its_failure(browser: Any, tmp_path: Path, pools: int) -> None:
    """Its paths are lit with their bounds, and the table shows the losses that it causes; Escape goes back."""
    analysis = contagions.made_up(pools)
    address = shown(browser, tmp_path, analysis, WIDE)
    assert len(column(browser, "source")) == min(200, len(analysis.losses))
    browser.click(f"[data-node='{number(analysis, 'core')}']")
    losses = [loss for loss in analysis.losses if loss.source == "core"]
    assert column(browser, "source") == ["core"] * len(losses)
    assert column(browser, "pool") == [loss.pool for loss in losses]
    assert browser.value("document.getElementById('heading').textContent") == "If core fails"
    channels = {
        analysis.network.channels.index(channel)
        for path in analysis.paths
        if path.source == "core"
        for channel in path.via
    }
    on = "[...document.querySelectorAll('[data-channel].on')].map((group) => Number(group.dataset.channel))"
    assert set(browser.value(on)) == channels
    assert browser.value("document.querySelectorAll('#lit .channel').length") == len(channels)
    bounds = browser.value("[...document.querySelectorAll('.bound')].map((text) => text.textContent)")
    assert len(bounds) == pools - 1
    assert all(bound.startswith("≤ ") for bound in bounds)
    browser.press("Escape")
    assert browser.value("document.querySelectorAll('.on, #lit .channel, .bound').length") == 0
    assert len(column(browser, "source")) == min(200, len(analysis.losses))
    quiet(browser, address)


def test_the_keyboard_reaches_what_the_mouse_reaches(browser: Any, tmp_path: Path) -> None:
    """Arrows go from name to name, and Enter lets what they stand on fail."""
    analysis = contagions.made_up(5)
    address = shown(browser, tmp_path, analysis, WIDE)
    browser.value("document.querySelector('[data-node][tabindex=\"0\"]').focus()")
    seen = set()
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowRight"):
        browser.press(key)
        seen.add(browser.value("document.activeElement.dataset.node"))
    assert len(seen) > 2
    browser.press("Enter")
    here = int(browser.value("document.activeElement.dataset.node"))
    assert browser.value("document.getElementById('source').value") == str(here)
    assert browser.value("document.querySelectorAll('[data-node][tabindex=\"0\"]').length") == 1
    assert browser.value("document.activeElement.getAttribute('aria-pressed')") == "true"
    quiet(browser, address)


def scale(browser: Any) -> float:
    """How large the picture is."""
    found: float = browser.value("document.querySelector('.world').transform.baseVal.consolidate().matrix.a")
    return found


def test_the_wheel_and_the_buttons_zoom(browser: Any, tmp_path: Path) -> None:
    """Names of what is in a pool appear when they can be read; the button brings the whole back."""
    address = shown(browser, tmp_path, contagions.made_up(200), WIDE)
    far = "document.getElementById('picture').classList.contains('far')"
    assert browser.value(far)
    before = scale(browser)
    browser.mouse("mouseWheel", **browser.place("#picture"), deltaX=0, deltaY=-800)
    browser.settle()
    assert scale(browser) > 2 * before
    assert not browser.value(far)
    browser.click("#whole")
    assert scale(browser) == pytest.approx(before)
    browser.click("#closer")
    assert scale(browser) == pytest.approx(1.4 * before)
    quiet(browser, address)


def test_a_drag_moves_the_picture_and_chooses_nothing(browser: Any, tmp_path: Path) -> None:
    """What is under the hand stays under the hand."""
    address = shown(browser, tmp_path, contagions.made_up(5), WIDE)
    before = browser.place("[data-node='0']")
    browser.mouse("mousePressed", **before, button="left", clickCount=1)
    for part in (1, 2, 3):
        browser.mouse("mouseMoved", before["x"] + 20 * part, before["y"] + 10 * part, button="left", buttons=1)
    browser.mouse("mouseReleased", before["x"] + 60, before["y"] + 30, button="left", clickCount=1)
    after = browser.place("[data-node='0']")
    assert after["x"] == pytest.approx(before["x"] + 60, abs=1)
    assert after["y"] == pytest.approx(before["y"] + 30, abs=1)
    assert browser.value("document.querySelectorAll('.failed').length") == 0
    quiet(browser, address)


def test_a_pointer_that_rests_is_told_the_details(browser: Any, tmp_path: Path) -> None:
    """Of a node, its name, its kind and its pool."""
    analysis = contagions.made_up(5)
    address = shown(browser, tmp_path, analysis, WIDE)
    browser.mouse("mouseMoved", **browser.place(f"[data-node='{number(analysis, 'core/usdc')}']"))
    told = browser.value("document.getElementById('hint').innerText")
    assert told.splitlines()[:2] == ["core/usdc", "market of core"]
    quiet(browser, address)


def test_two_fingers_zoom_on_a_phone(browser: Any, tmp_path: Path) -> None:
    """And the table stands below the picture, no wider than the screen."""
    address = shown(browser, tmp_path, contagions.made_up(5), NARROW, phone=True)
    before = scale(browser)
    place = browser.place("#picture")

    def fingers(kind: str, apart: float) -> None:
        points = [{"x": place["x"] + side * apart, "y": place["y"], "id": side} for side in (-1, 1)]
        browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=[] if kind == "touchEnd" else points)

    fingers("touchStart", 30)
    for apart in (40, 50, 60):
        fingers("touchMove", apart)
    fingers("touchEnd", 60)
    assert scale(browser) == pytest.approx(2 * before, rel=0.1)
    assert browser.value("document.documentElement.scrollWidth") <= NARROW[0]
    tops = "['.picture', '.losses'].map((part) => document.querySelector(part).getBoundingClientRect().top)"
    picture, losses = browser.value(tops)
    assert picture < losses
    quiet(browser, address)


def test_a_column_sorts_the_table(browser: Any, tmp_path: Path) -> None:
    """By amount, not by digits; what nothing bounds is the largest."""
    address = shown(browser, tmp_path, contagions.made_up(5), WIDE)
    browser.click("th:nth-child(5) button")
    upper = column(browser, "upper")
    numbers = [float(text.replace(",", "")) for text in upper if text != "unbounded"]
    assert numbers == sorted(numbers)
    assert upper[len(numbers) :] == ["unbounded"] * (len(upper) - len(numbers))
    browser.click("th:nth-child(5) button")
    assert column(browser, "upper")[0] == "unbounded"
    quiet(browser, address)


def test_losses_over_time_are_those_of_what_fails(browser: Any, tmp_path: Path) -> None:
    """All at first; after a click those of the node alone; a long name is cut where it would cross the picture."""
    analysis = contagions.made_up(5)
    points = (Point("at once", 0, 100), Point("1 year", 31_536_000, 106))
    for source in ("core", "satellite-1"):
        analysis.over_time.append(OverTime(source, "core", "usdc", "principal", points, "interest"))
    address = shown(browser, tmp_path, analysis, WIDE)
    rows = "[...document.querySelectorAll('tr[data-from]')].filter((row) => !row.hidden).map((row) => row.innerText)"
    told = [text.split("\t") for text in browser.value(rows)]
    assert told == [[source, "core", "principal", "0.0001 usdc", "+6.0 %"] for source in ("satellite-1", "core")]
    browser.click(f"[data-node='{number(analysis, 'core')}']")
    assert [text.split("\t")[0] for text in browser.value(rows)] == ["core"]
    browser.press("Escape")
    assert len(browser.value(rows)) == 2
    quiet(browser, address)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_nothing_is_wider_than_the_page(browser: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    """Names of the greatest length wrap or are cut, in the table and in the picture."""
    long = "Q" * 64
    nodes = (Node(long, "pool", long), Node("core", "pool", "core"), Node("core/x", "market", "core"))
    channel = Channel(long, "core/x", "line", long, 5, (long,), "lent")
    loss = Loss(long, "core", long, "principal", 5, "lent", 1, {"steps": []}, "a limit", horizon="at once")
    analysis = Contagion(Network(long, nodes, (channel,), "by hand"), [Way(long, "core", (channel,), long, 5)], [loss])
    address = shown(browser, tmp_path, analysis, size, phone=size == NARROW)
    browser.value("document.querySelector('[data-node]').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    assert browser.value("document.documentElement.scrollWidth") <= size[0]
    table = "document.querySelector('.losses')"
    assert browser.value(f"{table}.scrollWidth <= {table}.clientWidth")
    notes = browser.value("[...document.querySelectorAll('.note div')].map((part) => part.textContent)")
    assert notes == ["at most: lent", "for: at once", "no run comes closer: a limit"]
    quiet(browser, address)


def test_hostile_names_are_text(browser: Any, tmp_path: Path) -> None:
    """On the page, in the hint, in the list and in the table: no element comes from a name."""
    nodes = (Node(HOSTILE, "pool"), Node(f"{HOSTILE}2", "pool"))
    channel = Channel(HOSTILE, f"{HOSTILE}2", "line", HOSTILE, 5, (HOSTILE,), HOSTILE)
    loss = Loss(HOSTILE, f"{HOSTILE}2", HOSTILE, "principal", 5, HOSTILE, 1, {HOSTILE: HOSTILE}, HOSTILE)
    way = Way(HOSTILE, f"{HOSTILE}2", (channel,), HOSTILE, 5)
    analysis = Contagion(Network(HOSTILE, nodes, (channel,), HOSTILE), [way], [loss])
    address = shown(browser, tmp_path, analysis, WIDE)
    browser.click("[data-node='0']")
    browser.click("td details summary")
    browser.settle()
    browser.mouse("mouseMoved", **browser.place("[data-node='1']"))
    assert browser.value("document.title").startswith("<img")
    assert browser.value("document.querySelectorAll('img').length") == 0
    assert browser.value("document.scripts.length") == 2
    assert column(browser, "source") == [HOSTILE]
    assert HOSTILE in browser.value("document.querySelector('td pre').textContent.replaceAll('\\\\\"', '\"')")
    quiet(browser, address)


def test_the_policy_forbids_what_the_page_does_not_do(browser: Any, tmp_path: Path) -> None:
    """A script that is not the page's own does not run, and the browser says so: the checks above can fail."""
    shown(browser, tmp_path, contagions.made_up(5), WIDE)
    browser.value(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title = 1'}))"
    )
    browser.value("fetch('data:,x').then(() => 1, () => 0)")
    assert browser.value("document.title") != "1"
    assert len(browser.complaints()) >= 2

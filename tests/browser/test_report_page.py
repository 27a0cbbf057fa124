"""The page of a report in a real browser: filters, traces, the keyboard, paper and phones, and no word to anybody."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof import checking
from poolproof.cli import main
from poolproof.reports.html import html_of

TESTS = Path(__file__).parents[1]
sys.path.extend([str(Path(__file__).parent), str(TESTS / "reports")])
checks: Any = importlib.import_module("checks")
examples: Any = importlib.import_module("example_documents")

WIDE = (1300, 900)
NARROW = (390, 844)
REFUTED = ("SOLV-1", "SOLV-2", "SOLV-3", "LIQ-1")
ACCEPTED = ("SOLV-1", "SOLV-2")

pytestmark = pytest.mark.browser


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the report of a check that refuted four claims, of which two are accepted."""
    monkeypatch.setattr(checking, "_decide", checks.deciding(REFUTED))
    monkeypatch.chdir(tmp_path)
    Path("pool.toml").write_text(checks.accepting(*ACCEPTED), encoding="utf-8")
    assert main(["check", "pool.toml", "--no-cache", "--html", "page.html"]) == 1
    return (tmp_path / "page.html").as_uri()


def shown(browser: Any) -> list[str]:
    """The claims that the table shows."""
    found: list[str] = browser.value(
        "[...document.querySelectorAll('.finding:not([hidden]) > tr > th')].map((cell) => cell.innerText)"
    )
    return found


def quiet(browser: Any, address: str) -> None:
    """Nothing was logged, nothing was refused, and nothing but the page itself was asked for."""
    assert browser.complaints() == []
    assert [request for request in browser.requests() if not request.startswith("data:image/svg+xml")] == [address]


def test_filters_and_search_narrow_the_table(browser: Any, page: str) -> None:
    """By verdict, by several, by words; Escape goes back."""
    browser.open(page, *WIDE)
    everything = shown(browser)
    assert len(everything) > 50
    browser.click("button[data-kind='REFUTED']")
    assert shown(browser) == ["SOLV-3", "LIQ-1"]
    browser.click("button[data-kind='REFUTED accepted']")
    assert set(shown(browser)) == set(REFUTED)
    browser.click("#search")
    for key in "unhealthy":
        browser.press(key)
    assert shown(browser) == ["LIQ-1"]
    assert browser.value("document.getElementById('counted').textContent") == f"1 of {len(everything)} shown"
    browser.press("Escape")
    assert set(shown(browser)) == set(REFUTED)
    browser.click("button[data-kind='REFUTED']")
    browser.click("button[data-kind='REFUTED accepted']")
    assert shown(browser) == everything
    quiet(browser, page)


def test_the_keyboard_filters_and_unfolds(browser: Any, page: str) -> None:
    """Whoever has no mouse gets as far."""
    browser.open(page, *WIDE)
    browser.value("document.querySelector(\"button[data-kind='REFUTED']\").focus()")
    browser.press("Enter")
    assert shown(browser) == ["SOLV-3", "LIQ-1"]
    browser.value("document.querySelector('#SOLV-3 .trace summary').focus()")
    browser.press("Enter")
    assert browser.value("document.querySelector('#SOLV-3 .trace').open")
    quiet(browser, page)


def test_a_trace_unfolds_into_its_steps(browser: Any, page: str) -> None:
    """With what each changed, and what broke."""
    browser.open(page, *WIDE)
    steps = "document.querySelector('#SOLV-3 .steps')"
    assert browser.value(f"{steps}.checkVisibility()") is False
    browser.click("#SOLV-3 .trace > summary")
    assert browser.value(f"{steps}.checkVisibility()") is True
    lines = browser.value(f"[...{steps}.querySelectorAll('li > p:first-child')].map((line) => line.innerText)")
    assert lines == ["seed supplies 1 unit of ankrBNB", "seed redeems 40 vankrBNB"]
    changed = browser.value(f"{steps}.querySelector('li:nth-child(2) tr').innerText")
    assert changed.split() == ["ankrBNB", "internal", "cash", "40.000000000000000001", "ankrBNB", "→", "0", "ankrBNB"]
    assert "does not hold" in browser.value("document.querySelector('#SOLV-3 .broken').innerText")
    quiet(browser, page)


def test_a_link_leads_to_a_finding(browser: Any, page: str) -> None:
    """Its trace is unfolded, also where a filter had hidden it."""
    browser.open(f"{page}#SOLV-3", *WIDE)
    assert browser.value("document.querySelector('#SOLV-3 .trace').open")
    browser.click("button[data-kind='PROVED']")
    assert "LIQ-1" not in shown(browser)
    browser.value("location.hash = '#LIQ-1'")
    browser.settle()
    assert "LIQ-1" in shown(browser)
    assert browser.value("document.querySelector('#LIQ-1 .trace').open")


def test_paper_has_what_is_folded(browser: Any, page: str) -> None:
    """All traces are unfolded while the page is printed, and folded again."""
    browser.open(page, *WIDE)
    unfolded = "document.querySelectorAll('details[open]').length"
    assert browser.value(unfolded) == 0
    browser.value("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.value(unfolded) == browser.value("document.querySelectorAll('details').length")
    browser.value("window.dispatchEvent(new Event('afterprint'))")
    assert browser.value(unfolded) == 0
    quiet(browser, page)


@pytest.mark.parametrize("hostile", [False, True])
def test_a_phone_shows_all_of_it(browser: Any, tmp_path: Path, *, hostile: bool) -> None:
    """No wider than the screen, with every table, and every fold open."""
    place = tmp_path / "page.html"
    place.write_text(html_of(examples.hostile() if hostile else examples.GATE), encoding="utf-8")
    browser.open(place.as_uri(), *NARROW, phone=True)
    browser.value("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert browser.value("document.documentElement.scrollWidth") <= NARROW[0]
    quiet(browser, place.as_uri())


def test_hostile_texts_do_nothing(browser: Any, tmp_path: Path) -> None:
    """They are read on the page: no element comes from them, and no script runs."""
    place = tmp_path / "page.html"
    place.write_text(html_of(examples.hostile()), encoding="utf-8")
    browser.open(place.as_uri(), *WIDE)
    browser.settle()
    assert browser.value("document.title").startswith("a|b")
    assert browser.value("document.scripts.length") == 1
    assert browser.value("document.images.length") == 1
    assert browser.value("document.images[0].naturalWidth") == 60
    quiet(browser, place.as_uri())

"""The page of a gate in a real browser: the verdict, what closes it, its run, the picture, on a desk and on a phone."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof import commands_gate
from poolproof.cli import main

TESTS = Path(__file__).parents[1]
sys.path.extend([str(Path(__file__).parent), str(TESTS / "gate")])
gates: Any = importlib.import_module("gates")

WIDE = (1400, 900)
NARROW = (390, 844)
FILES = gates.history()

pytestmark = pytest.mark.browser


def page(folder: Path, base: str, head: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """The address of the gate's page about two texts, and the exit code."""
    monkeypatch.setattr(commands_gate, "Theorems", gates.NoTheorems)
    monkeypatch.chdir(folder)
    Path("base.toml").write_text(base, encoding="utf-8")
    Path("head.toml").write_text(head, encoding="utf-8")
    code = main(["gate", "base.toml", "head.toml", "--html", "page.html"])
    return (folder / "page.html").as_uri(), code


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page of a real proposal, which closes the gate in four places."""
    name = "vip-142-bscmainnet"
    address, code = page(tmp_path, FILES[f"{name}/base.toml"], FILES[f"{name}/head.toml"], monkeypatch)
    assert code == 1
    return address


def quiet(browser: Any, address: str) -> None:
    """Nothing was logged, nothing was refused, and nothing but the page itself was asked for."""
    assert browser.complaints() == []
    assert [request for request in browser.requests() if not request.startswith("data:image/svg+xml")] == [address]


def visible(browser: Any, selector: str) -> bool:
    """Whether an element is on the first screen."""
    found: bool = browser.value(
        f"((part) => part.checkVisibility() && part.getBoundingClientRect().bottom <= innerHeight)"
        f"(document.querySelector('{selector}'))"
    )
    return found


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_first_screen(browser: Any, closed: str, size: tuple[int, int]) -> None:
    """The verdict, and the first change that closes the gate, with its range; nothing is wider than the screen."""
    browser.open(closed, *size, phone=size is NARROW)
    assert visible(browser, ".verdict")
    assert browser.value("document.querySelector('.verdict').innerText").startswith("CLOSED")
    assert visible(browser, "#changes ~ .wide tbody tr")
    row = browser.value("document.querySelector('#changes ~ .wide tbody tr').innerText")
    for words in ("CLOSED", "liquidation_threshold", "0.88*", "GOV-1"):
        assert words in row
    assert browser.value("document.documentElement.scrollWidth") <= size[0]
    quiet(browser, closed)


def test_no_word_of_the_gate_is_torn(browser: Any, closed: str) -> None:
    """Each cell of the first column is one line high."""
    browser.open(closed, *WIDE)
    lines = browser.value(
        "[...document.querySelectorAll('#changes ~ .wide tbody td:first-child')].map((cell) => {"
        " const words = document.createRange(); words.selectNodeContents(cell); return words.getClientRects().length; })"
    )
    assert set(lines) == {1}


def test_a_run_unfolds(browser: Any, closed: str) -> None:
    """What closes the gate can be filtered for, and each has its own run."""
    browser.open(closed, *WIDE)
    browser.click("button[data-kind='CLOSED']")
    shown = browser.value("document.querySelectorAll('.finding:not([hidden])').length")
    assert shown == 4
    steps = "document.querySelector('.finding:not([hidden]) .steps')"
    assert browser.value(f"{steps}.checkVisibility()") is False
    browser.click(".finding:not([hidden]) .trace > summary")
    assert browser.value(f"{steps}.checkVisibility()") is True
    last = browser.value(f"[...{steps}.querySelectorAll('li > p:first-child')].at(-1).innerText")
    assert last.startswith("governance sets USDT to collateral factor 75 %, liquidation threshold 80 %")
    quiet(browser, closed)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_picture_of_several_pools(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    """Below the tables, no wider than the screen."""
    base = gates.shipped("every-channel")
    address, code = page(tmp_path, base, gates.edited(base, (("mini/USD", "line.limit", "6000"),)), monkeypatch)
    assert code == 0
    browser.open(address, *size, phone=size is NARROW)
    assert browser.value("document.querySelector('.verdict').innerText").startswith("OPEN")
    assert browser.value("document.querySelector('figure img').naturalWidth") > 0
    assert browser.value("document.querySelector('figure img').getBoundingClientRect().width") <= size[0]
    above = "document.querySelector('#changes').compareDocumentPosition(document.querySelector('figure'))"
    assert browser.value(above) & 4
    quiet(browser, address)

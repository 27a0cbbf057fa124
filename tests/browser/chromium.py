"""A headless Chromium, driven over the pipe of its own debugging protocol: no driver, no network port."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0


def executable() -> str | None:
    """The path of the browser; None where none is installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One page of one browser; what it logs and fetches is kept in ``events``."""

    def __init__(self, program: str, profile: Path) -> None:
        near_end, self._write = os.pipe()
        self._read, far_end = os.pipe()
        # The protocol is spoken on the descriptors 3 and 4, where a shell puts copies that are out of their way.
        to_browser, from_browser = (fcntl(end, F_DUPFD, 10) for end in (near_end, far_end))
        self._process = subprocess.Popen(
            [
                *("sh", "-c", f'exec "$0" "$@" 3</dev/fd/{to_browser} 4>/dev/fd/{from_browser}', program),
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
                *("--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"),
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (near_end, far_end, to_browser, from_browser):
            os.close(end)
        self.events: list[dict[str, Any]] = []
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The browser ends when nobody speaks to it any more."""
        os.close(self._write)
        os.close(self._read)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        """What the browser answers to one command."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._read, 1 << 16) if ready else b""
            if not part:
                raise RuntimeError(f"the browser said nothing for {PATIENCE:.0f} s, or has ended")
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, address: str, width: int, height: int, *, phone: bool = False) -> None:
        """Show a page in a window of that size, and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone, maxTouchPoints=2)
        self.events.clear()
        self.call("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def value(self, expression: str) -> Any:
        """What an expression is worth on the page; raises when it throws."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """One event of the mouse at a point of the window."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of the first element that matches."""
        place = self.place(selector)
        self.mouse("mouseMoved", **place)
        self.mouse("mousePressed", **place, button="left", clickCount=1)
        self.mouse("mouseReleased", **place, button="left", clickCount=1)

    def place(self, selector: str) -> Mapping[str, float]:
        """The middle of the first element that matches, scrolled into view if it is not."""
        found: Mapping[str, float] = self.value(
            f"((part) => {{ part.scrollIntoView({{block: 'nearest'}}); const at = part.getBoundingClientRect();"
            " return {x: at.x + at.width / 2, y: at.y + at.height / 2}; })"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        return found

    def settle(self) -> None:
        """Wait until the page has drawn what was asked of it."""
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, key: str) -> None:
        """Press and release a key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        more = {"text": text} if text else {}
        codes = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=codes.get(key, 0), **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=codes.get(key, 0))

    def complaints(self) -> list[dict[str, Any]]:
        """Exceptions, console messages and log entries, refusals of the Content-Security-Policy among them."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event for event in self.events if event.get("method") in kinds]

    def requests(self) -> list[str]:
        """The addresses that the page asked for."""
        sent = (event for event in self.events if event.get("method") == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]

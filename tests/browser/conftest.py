"""What all tests of pages share: a browser, or a reason to skip."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
chromium: Any = importlib.import_module("chromium")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser for all tests of a file."""
    program = chromium.executable()
    if program is None:
        pytest.skip(f"none of {', '.join(chromium.NAMES)} is installed")
    with chromium.Chromium(program, tmp_path_factory.mktemp("profile")) as found:
        yield found

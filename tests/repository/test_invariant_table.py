"""The README's table of invariants is the catalogue."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("invariant_table", ROOT / "tools" / "invariant_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_lists_every_invariant_with_its_claim() -> None:
    """The table between the marks is what the tool writes today."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert _tool().with_table(text) == text, "run: python tools/invariant_table.py"

"""ARCHITECTURE.md has one line for each module, no line without one, and the modules say the same."""

import ast
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^- `([^`]+\.py)`: (\S.*)$")


def modules() -> set[str]:
    """Path from the root of each module of the package, at its real place."""
    found = set()
    for top in ("spec", "models", "invariants", "proofs", "src/poolproof"):
        for place, folders, names in os.walk(ROOT / top):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found |= {Path(place, name).relative_to(ROOT).as_posix() for name in names if name.endswith(".py")}
    return found


def lines() -> list[tuple[str, str]]:
    """(path, what it is) of each line of the file list, in reading order."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    return [(found[1], found[2]) for line in text.splitlines() if (found := LINE.match(line))]


def suggestion(path: str) -> str:
    """The line to add for a module, from its own docstring."""
    docstring = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or "say what it is."
    first = docstring.splitlines()[0].rstrip(".")
    return f"- `{path}`: {first[:1].lower()}{first[1:]}"


def test_every_module_has_a_line() -> None:
    """A reader finds each file in the reading order."""
    missing = sorted(modules() - {path for path, _ in lines()})
    told = "\n".join(suggestion(path) for path in missing)
    assert not missing, f"add to ARCHITECTURE.md, each where it is best read:\n{told}"


def test_every_line_has_a_module() -> None:
    """A file that was removed or renamed does not stay in the list, and none is in it twice."""
    listed = [path for path, _ in lines()]
    gone = sorted(set(listed) - modules())
    twice = sorted({path for path in listed if listed.count(path) > 1})
    assert not gone, f"remove from ARCHITECTURE.md: {gone}"
    assert not twice, f"listed twice in ARCHITECTURE.md: {twice}"


def test_the_list_follows_the_layers() -> None:
    """The folders are read from left to right: spec, models, invariants, proofs, src."""
    order = ["spec", "models", "invariants", "proofs", "src"]
    places = [order.index(path.split("/")[0]) for path, _ in lines()]
    assert places == sorted(places)

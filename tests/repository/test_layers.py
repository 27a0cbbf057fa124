"""The import contract knows every module of the door."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOOR = ROOT / "src" / "poolproof"
FOLDERS = ["proofs", "invariants", "models", "spec"]


def layers() -> list[str]:
    """The layers of the one contract of that kind, from right to left."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = [one for one in settings["contracts"] if one["type"] == "layers"]
    assert contract["exhaustive"]
    found: list[str] = contract["layers"]
    return found


def names_of(layer: str) -> set[str]:
    """The modules of one layer, those in parentheses included."""
    return {name.strip(" ()") for name in re.split(r"[|:]", layer)}


def door_on_disk() -> set[str]:
    """Each module and package of src/poolproof/ that is not one of the four linked folders."""
    modules = {path.stem for path in DOOR.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in DOOR.glob("*/__init__.py")} - set(FOLDERS)
    return modules | packages


def test_the_folders_follow_the_door_in_order() -> None:
    """An import points left: spec <- models <- invariants <- proofs <- the door."""
    assert layers()[-len(FOLDERS) :] == FOLDERS


def test_every_module_of_the_door_is_in_the_contract() -> None:
    """A module outside the contract could be imported from anywhere without anyone being told."""
    contract: set[str] = set().union(*(names_of(layer) for layer in layers()[: -len(FOLDERS)]))
    missing = sorted(door_on_disk() - contract)
    assert not missing, (
        "add to the first layer of the contract 'spec <- models <- ...' in pyproject.toml "
        f"([[tool.importlinter.contracts]]): {' : '.join(missing)}"
    )


def test_z3_has_one_door() -> None:
    """A second contract keeps the solver behind its seam."""
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = [one for one in contracts if one.get("forbidden_modules") == ["z3"]]
    assert contract["source_modules"] == ["poolproof"]
    assert contract["ignore_imports"] == ["poolproof.proofs.solver -> z3"]

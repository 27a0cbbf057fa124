"""Run with a package that has a bug: what of the registry and the rewards is refuted, by proof and by random runs."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from poolproof.invariants import CATALOGUE
from poolproof.invariants.registry import REGISTRY
from poolproof.invariants.rewards import REWARDS
from poolproof.models.reference import PARTS, REFERENCE
from poolproof.proofs.induction import Induction
from poolproof.proofs.smt import text_of
from poolproof.proofs.solver import decide_text
from poolproof.proofs.world_of_system import SystemInduction

systems: Any = import_module("systems")
BUDGET = 1_000_000
RUNS = 40


def refuted(catalogue: Any, invariant: str, actions: list[str]) -> str | None:
    """The first obligation of an invariant, in steps of the actions named or in scenarios, that the solver refutes."""
    import_module("poolproof.invariants.credit_lines")
    lines = import_module("poolproof.invariants.catalogue").SYSTEM
    for part in (None, PARTS[0]):
        system = SystemInduction(Induction(REFERENCE, [*CATALOGUE, *lines], part=part), catalogue)
        system.actions = tuple(action for action in system.actions if action.name in actions)
        for each in system.obligations(lambda one: one.id == invariant):
            if each.goal.node is not True:
                text, _ = text_of(each.goal, None)
                if decide_text(text, BUDGET, ("z3",))["status"] == "sat":
                    return f"{each.clause} in {each.action} [{each.case}]"
    return None


def broken(catalogue: Any, invariant: str) -> int | None:
    """The first random run that breaks an invariant."""
    for seed in range(RUNS):
        protocol = systems.small_protocol(**systems.BEGINNINGS[seed % len(systems.BEGINNINGS)])
        if invariant in systems.broken([catalogue], protocol, seed, 400):
            return seed
    return None


def main() -> None:
    """Print both as JSON."""
    bug = json.loads(sys.argv[1])
    invariant = bug["invariant"]
    catalogue = REGISTRY if invariant.startswith("REG") else REWARDS
    run = broken(catalogue, invariant) if bug.get("runs", True) else None
    sys.stdout.write(json.dumps({"proof": refuted(catalogue, invariant, bug["actions"]), "run": run}) + "\n")


if __name__ == "__main__":
    main()

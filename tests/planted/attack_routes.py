"""Run with a package that has a bug of the router: what of CROSS is refuted, by proof and by the bug's own steps."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from poolproof.invariants import CATALOGUE
from poolproof.invariants.cross_pool import CROSS
from poolproof.models.reference import REFERENCE, SYSTEM
from poolproof.proofs.deciding import without
from poolproof.proofs.induction import Induction
from poolproof.proofs.smt import text_of
from poolproof.proofs.solver import decide_text
from poolproof.proofs.trial import run_scenario
from poolproof.proofs.whole_monitor import WholeMonitor
from poolproof.proofs.world_of_route import RouteInduction
from poolproof.spec.action import perform
from poolproof.spec.loading import load_protocol

DUAL_POOL = Path(__file__).parents[1] / "unit" / "dual_pool.toml"
BUDGET = 2_000_000
GIVEN = {"user": "alice", "account": "bob", "collateral": "staked/weETH", "loan": "main/USDC"}
"""The arguments of scenarios that no bug changes."""


def refuted(invariant: str, clause: str) -> str | None:
    """The first obligation of a clause that the solver refutes, from the whole of what is known."""
    routes = RouteInduction(Induction(REFERENCE, CATALOGUE), CROSS)
    for each in routes.obligations(lambda one: one.id == invariant):
        if each.goal.node is not True and not each.cut and each.clause.startswith(clause):
            text, _ = text_of(without(each.goal), None)
            if decide_text(text, BUDGET, ("z3", "z3-simple"))["status"] == "sat":
                return f"{each.clause} in {each.action} [{each.case}]"
    return None


def broken(invariant: str, steps: list[list[str]], given: dict[str, str]) -> str | None:
    """What of an invariant the steps break, or a scenario after the last one; all of them must complete."""
    protocol = load_protocol(str(DUAL_POOL))
    state = SYSTEM.build(protocol)
    monitor = WholeMonitor(SYSTEM, [CROSS[invariant]], protocol.users)
    monitor.bind(state)
    for name, *written in steps:
        action = SYSTEM.action(name)
        pairs = zip(action.domains.values(), written, strict=True)
        arguments = tuple(int(value) if domain.is_number else value for domain, value in pairs)
        refusal = perform(state, action, arguments)
        if refusal is not None:
            return f"a step is refused: {name}: {refusal}"
        found = monitor.check(action, arguments)
        if found:
            return found[0].message
    known: dict[str, Any] = GIVEN | {name: int(value) for name, value in given.items()}
    for clause in CROSS[invariant].clauses:
        if clause.form == "scenario" and clause.domains.keys() <= known.keys():
            message = run_scenario(SYSTEM, clause, state, tuple(known[name] for name in clause.domains))
            if message is not None:
                return message
    return None


if __name__ == "__main__":
    bug = json.loads(sys.argv[1])
    name = bug["invariant"]
    ran = broken(name, bug["steps"], bug["given"])
    print(json.dumps({"run": ran, "proof": refuted(name, bug["clause"])}))  # noqa: T201 - what the test reads

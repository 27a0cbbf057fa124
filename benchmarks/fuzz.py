"""Actions a second of the fuzzer: without checks, and with every state and step clause after each action.

    python benchmarks/fuzz.py [seconds]

Targets, one process: 60,000 without checks on liquid-staked-bnb (9 markets), drawing included; with about
30 state and step clauses, 15,000 on minimal and 3,000 on liquid-staked-bnb.
"""
# ruff: noqa: INP001 - a script that stands alone

from __future__ import annotations

import sys

from poolproof.invariants import CATALOGUE
from poolproof.models.reference import REFERENCE
from poolproof.proofs.fuzz import fuzz
from poolproof.spec.invariant import Invariant
from poolproof.spec.loading import load_protocol


def without_scenarios(invariant: Invariant, most: int) -> Invariant:
    """The state and step clauses of an invariant, at most so many."""
    clauses = [clause for clause in invariant.clauses if clause.form != "scenario"]
    return Invariant(invariant.id, invariant.claim, invariant.kind, clauses=clauses[:most])


def catalogue(most: int) -> list[Invariant]:
    """The first state and step clauses of the catalogue."""
    chosen: list[Invariant] = []
    for invariant in CATALOGUE:
        left = most - sum(len(each.clauses) for each in chosen)
        chosen.append(without_scenarios(invariant, left))
    return [invariant for invariant in chosen if invariant.clauses]


def main(seconds: float) -> None:
    """Measure, and print a line for each case."""
    everything = catalogue(10_000)
    for name in ("minimal", "liquid-staked-bnb"):
        protocol = load_protocol(name)
        for label, invariants in (
            ("no checks", []),
            ("30 clauses", catalogue(30)),
            (f"{sum(len(i.clauses) for i in everything)} clauses", everything),
            ("all, scenarios too", list(CATALOGUE)),
        ):
            report = fuzz(REFERENCE, protocol, invariants, seconds=seconds, seed=1)
            rate = round(report.actions_per_second)
            share = 100 * report.succeeded / report.actions
            print(f"{name:20} {label:20} {rate:>9,} actions/s  {share:.0f} % succeed")  # noqa: T201 - a script


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3)

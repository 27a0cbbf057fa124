"""States a second of the exploration: without checks, and with every state and step clause.

    python benchmarks/explore.py [depth]

Target, one process, minimal, about 30 state and step clauses: 30,000 generated states a second.  The rate is
given by the clock and by processor time, which other work on the machine disturbs less.
"""
# ruff: noqa: INP001 - a script that stands alone

from __future__ import annotations

import sys
import time

from poolproof.invariants import CATALOGUE
from poolproof.models.reference import REFERENCE
from poolproof.proofs.explore import explore
from poolproof.spec.invariant import Invariant
from poolproof.spec.loading import load_protocol


def catalogue(most: int) -> list[Invariant]:
    """The first state and step clauses of the catalogue."""
    chosen: list[Invariant] = []
    for invariant in CATALOGUE:
        left = most - sum(len(each.clauses) for each in chosen)
        clauses = [clause for clause in invariant.clauses if clause.form != "scenario"]
        chosen.append(Invariant(invariant.id, invariant.claim, invariant.kind, clauses=clauses[:left]))
    return [invariant for invariant in chosen if invariant.clauses]


def main(depth: int) -> None:
    """Measure, and print a line for each case."""
    everything = catalogue(10_000)
    protocol = load_protocol("minimal")
    for label, invariants in (
        ("no checks", []),
        ("30 clauses", catalogue(30)),
        (f"{sum(len(each.clauses) for each in everything)} clauses", everything),
    ):
        began = time.process_time()
        report = explore(REFERENCE, protocol, invariants, depth=depth)
        worked = time.process_time() - began
        print(  # noqa: T201 - a script
            f"{label:12} depth {depth}: {report.generated:>9,} generated, {report.distinct:>8,} distinct, "
            f"{round(report.generated / report.seconds):>7,}/s by the clock, "
            f"{round(report.generated / worked):>7,}/s of processor time"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

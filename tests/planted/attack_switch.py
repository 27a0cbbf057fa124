"""Run with a package in which a safety is switched off: the first invariant that breaks, and the shortest trace found.

The catalogue is asked whole, in its order: random runs watch all of it, and after each violation only what comes before;
then each invariant that is still before the first broken one is hunted on its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from poolproof.proofs import registry
from poolproof.proofs.campaign import Campaign
from poolproof.proofs.fuzz import hunt
from poolproof.proofs.hunting import Finding
from poolproof.proofs.monitor import Violation
from poolproof.proofs.shrink import shrink
from poolproof.proofs.traces import Call, Trace
from poolproof.proofs.two_runs import CLAIMS
from poolproof.spec.invariant import Clause, Invariant
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

CAMPAIGN_STEPS = 12_000
"""Random actions that watch the catalogue."""
HUNT_STEPS = 2_000
"""Random actions that watch one invariant."""
TWO_RUN_STEPS = 12_000
"""The same of two runs, of which each step counts several times."""
SEEDS = range(2)
"""Sources of chance with which a shorter trace is looked for."""


class Scout(Campaign):
    """Random runs that only ask which invariant of a list is the first to break."""

    first: Finding | None = None

    def _found(
        self, violation: Violation, calls: list[Call], scenario: Clause | None, arguments: tuple[Any, ...]
    ) -> None:
        """Note a violation, and watch only what comes before its invariant from now on."""
        ids = [invariant.id for invariant in self.active]
        if violation.invariant in ids:
            rank = ids.index(violation.invariant)
            self.first = Finding(violation.invariant, self.active[rank], list(calls), scenario, arguments)
            self.active = self.active[:rank]
            self._watch()

    def run(self, steps: int) -> Finding | None:
        """Episode after episode, until so many actions are done or nothing is left to watch."""
        while self.active and self.report.actions < steps:
            self.episode(None)
        return self.first


def first_broken(model: Model, protocol: Protocol, invariants: tuple[Invariant, ...]) -> Trace | None:
    """A trace of the first invariant that the engines break."""
    scout = Scout(model, protocol, invariants, 0, None, None, None)
    finding = scout.run(CAMPAIGN_STEPS)
    for invariant in scout.active:
        steps = TWO_RUN_STEPS if invariant.id in CLAIMS else HUNT_STEPS
        trace = hunt(model, protocol, invariant, budget_steps=steps)
        if trace is not None:
            return trace
    if finding is None or finding.invariant is None:
        return None
    trace = shrink(model, protocol, finding)
    return trace or hunt(model, protocol, finding.invariant, budget_steps=HUNT_STEPS)


def others(model: Model, protocol: Protocol, invariant: Invariant) -> Iterator[Trace]:
    """Traces of an invariant from other runs."""
    for seed in SEEDS:
        trace = hunt(model, protocol, invariant, budget_steps=TWO_RUN_STEPS, seed=seed)
        if trace is not None:
            yield trace


def length(trace: Trace) -> tuple[int, int]:
    """How many steps a trace has, in both runs, and how large its numbers are."""
    steps = [step for run in trace.runs for step in run]
    return len(steps), sum(value for step in steps for value in step.args.values() if isinstance(value, int))


def main(name: str, target: Path) -> None:
    """Write the shortest trace of the first invariant that breaks."""
    protocol = load_protocol(name)
    model, catalogue = registry.of(protocol)
    trace = first_broken(model, protocol, tuple(catalogue))
    if trace is not None:
        trace = min((trace, *others(model, protocol, catalogue[trace.invariant])), key=length)
        target.write_text(json.dumps(trace.to_json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

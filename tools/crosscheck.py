"""Ask the networks of shipped protocols for every effect that random runs see of one pool on another.

    python tools/crosscheck.py [--steps 1000000] [--seed 0] [PROTOCOL ...]

Ends with 1 where a network lacks a channel.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter

from poolproof.proofs import registry
from poolproof.proofs.contagion.crosscheck import CrossReport, crosscheck
from poolproof.proofs.contagion.graph import network_of
from poolproof.spec.loading import load_protocol, shipped_protocols


def shown(report: CrossReport) -> list[str]:
    """A report in lines: the figures, the effects by what they are, and what is missing."""
    seen: Counter[str] = Counter()
    for effect, count in report.effects.items():
        seen[effect.what] += count
    pairs = len({(effect.source, effect.target) for effect in report.effects})
    return [
        (
            f"{report.protocol}: {report.actions:,} actions, {report.completed:,} completed, in {report.seconds:.0f} s; "
            f"{report.compared:,} pairs of runs, {report.differing:,} with a difference elsewhere; {pairs} pairs of pools"
        ),
        *(f"  {what}: {count:,}" for what, count in seen.most_common()),
        *(f"  MISSING: {text}" for text in report.missing.values()),
    ]


def main() -> int:
    """Run a campaign for each protocol, and print what it saw."""
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("protocols", nargs="*", default=None, help="shipped protocols of several pools; default: all")
    parser.add_argument("--steps", type=int, default=1_000_000, help="actions of each campaign")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    missing = 0
    for protocol in map(load_protocol, given.protocols or shipped_protocols()):
        if len(protocol.pools) > 1:
            report = crosscheck(
                registry.of(protocol)[0], protocol, network_of(protocol), steps=given.steps, seed=given.seed
            )
            sys.stdout.write("\n".join(shown(report)) + "\n")
            missing += len(report.missing)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

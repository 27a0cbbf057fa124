"""How the contagion analysis grows: reach, clearing, cascade and DebtRank on synthetic systems.

    python benchmarks/contagion.py [shape]

One pool in ten fails, a default halves what is left, and two assets lose half.  Target: 10,000 pools and 100,000
channels in 10 s and 2 GiB on two cores.  Memory is the largest of the process so far, with everything that Python and
the packages take.
"""
# ruff: noqa: INP001, T201 - a script that stands alone and prints

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from poolproof.proofs.contagion.cascade import cascade
from poolproof.proofs.contagion.clearing import clear
from poolproof.proofs.contagion.debtrank import debtrank
from poolproof.proofs.contagion.reach import reach
from poolproof.proofs.contagion.synthetic import SHAPES, Shape, synthetic

SIZES = (100, 300, 1_000, 3_000, 10_000)
CHANNELS_PER_POOL = 10


def seconds(work: Callable[[], object]) -> float:
    """How long it takes by the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(shape: Shape, pools: int) -> None:
    """Print a row."""
    system = synthetic(shape, pools, min(CHANNELS_PER_POOL * pools, pools * pools // 25), seed=1)
    failing = frozenset(range(0, pools, 10))
    shock = dict.fromkeys(failing, 1)
    due = replace(system.obligations(failing), kept_assets=0.5, kept_claims=0.5)
    exposures = system.exposures()
    parts = (
        seconds(lambda: reach(pools, system.lines, failing)),
        seconds(lambda: clear(due, exact=False)),
        seconds(lambda: clear(due, greatest=False, exact=False)),
        seconds(lambda: cascade(system.pools, {0: -0.5, 1: -0.5})),
        seconds(lambda: debtrank(exposures, shock, exact=False)),
        seconds(lambda: debtrank(exposures, shock, differential=True, exact=False)),
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    defaults = len(clear(due, exact=False).defaults)
    cells = " | ".join(f"{part:.2f}" for part in (*parts, sum(parts)))
    print(f"| {shape} | {pools:,} | {len(system.lines):,} | {defaults:,} | {cells} | {memory} |")


def main(shapes: tuple[Shape, ...]) -> None:
    """Print the table."""
    titles = ("shape", "pools", "channels", "defaults", "reach", "greatest clearing", "least clearing", "cascade")
    titles += ("DebtRank", "differential DebtRank", "all [s]", "memory [MiB]")
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for shape in shapes:
        for pools in SIZES:
            measure(shape, pools)


if __name__ == "__main__":
    main(tuple(shape for shape in SHAPES if shape in sys.argv[1:]) or SHAPES)

"""How long `poolproof gate` takes, from the start of its process to its exit: a small change, a large one, a closed one.

    python benchmarks/gate.py [runs]

Every run begins with an empty cache of its own, above the evidence of the package, as in a fresh checkout.  The median
is given of the time by the clock and of the processors' time, which other work on the machine disturbs less, with the
longest.  Where evidence is older than the sources, theorems are decided anew, which the last column counts: such times
are those of proving.  Target: an ordinary change in 5 s.
"""
# ruff: noqa: INP001, T201 - a script that stands alone, and prints its result

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median
from time import perf_counter

from poolproof.cache import Cache

RUNS = 5
PAIRS = Path(__file__).parents[1] / "tests" / "governance" / "venus.tar.xz"
SHIPPED = files("poolproof.spec") / "protocols"
OPEN, CLOSED = 0, 1


@dataclass(frozen=True)
class Case:
    """Two files to compare, and the answer."""

    name: str
    pair: str
    answer: int
    traces: bool = False


CASES = (
    Case("one change, Venus: VIP-147, a supply cap", "vip-147-bscmainnet", OPEN),
    Case("one change, reference pool: liquid-staked-bnb, a borrow cap", "liquid-staked-bnb", OPEN),
    Case("one change, several pools: astera-docs, a supply cap", "astera-docs", OPEN),
    Case("the largest proposal, closed: VIP-142, 95 changes", "vip-142-bscmainnet", CLOSED),
    Case("closed, its trace written: VIP-424, 5 changes", "vip-424-bscmainnet", CLOSED, traces=True),
)
EDITS = {"liquid-staked-bnb": "borrow_cap", "astera-docs": "supply_cap"}
"""Shipped protocols of which the first value of a key is lowered by one unit."""


def write_pairs(folder: Path) -> None:
    """Write all pairs: those of governance, and shipped protocols with one value changed."""
    with tarfile.open(PAIRS) as archive:
        archive.extractall(folder, filter="data")
    for name, key in EDITS.items():
        lines = (SHIPPED / f"{name}.toml").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / name).mkdir()
        (folder / name / "base.toml").write_text("".join(lines), encoding="utf-8")
        at = next(number for number, line in enumerate(lines) if line.startswith(f'{key} = "') and '"0"' not in line)
        value = lines[at].split('"')[1]
        lines[at] = lines[at].replace(f'"{value}"', f'"{int(value) - 1}"')
        (folder / name / "head.toml").write_text("".join(lines), encoding="utf-8")


@dataclass(frozen=True)
class Time:
    """Of one run: by the clock and of the processors [s], and how many theorems were decided anew."""

    clock: float
    processors: float
    anew: int


def timed(case: Case, folder: Path) -> Time:
    """One run.  Raises: RuntimeError for another answer than that of the case."""
    pair = folder / case.pair
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "poolproof", "gate", str(pair / "base.toml"), str(pair / "head.toml")]
        command += ["--traces", f"{place}/traces"] if case.traces else []
        environment = os.environ | {"POOLPROOF_CACHE": f"{place}/cache"}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        clock, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != case.answer or (case.traces and not list(Path(place, "traces").iterdir())):
            message = f"{case.name}: exit code {done.returncode}, not {case.answer}\n{done.stdout}{done.stderr}"
            raise RuntimeError(message)
        with Cache(Path(place, "cache")) as cache:
            anew = cache.stats().entries["decision"]
    return Time(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, anew)


def main(runs: int) -> None:
    """Measure, and print a row for each case as soon as it is known."""
    print("| proposal | clock, median [s] | longest [s] | processors, median [s] | theorems decided anew |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder))
        for case in CASES:
            times = [timed(case, Path(folder)) for _ in range(runs)]
            clock, processors = median(each.clock for each in times), median(each.processors for each in times)
            longest, anew = max(each.clock for each in times), max(each.anew for each in times)
            print(f"| {case.name} | {clock:.1f} | {longest:.1f} | {processors:.1f} | {anew} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)

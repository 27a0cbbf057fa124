"""Flip the rounding of each division of the Venus model, one at a time, and say whether the recordings notice.

What no recording shows, rewards and auctions, is asked of the unit tests instead.

    python tools/venus_rounding.py [folder of traces]

Each flip is made in a copy of the packages, and `conform` runs on it in a process of its own.  A division that no
recording or test notices is listed with what it computes: there the model rests on reading the contract alone.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRACES = ROOT / "tests" / "conformance" / "venus"
FLIPPED = {
    "mul_div_down": "mul_div_up",
    "mul_wad_down": "mul_wad_up",
    "div_down": "div_up",
    "div_toward_zero": "div_away_from_zero",
}
HELPERS = """

def _ceiling(a, b):
    from poolproof.models.deployed.word import DivisionByZero
    if b == 0:
        raise DivisionByZero
    return -(-a // b)


def _word(a):
    from poolproof.models.deployed.word import MAX_UINT256, Overflow
    if a > MAX_UINT256:
        raise Overflow
    return a


def mul_div_up(a, b, c):
    return _ceiling(_word(a * b), c)


def mul_wad_up(a, b):
    return _ceiling(_word(a * b), 10**18)


def div_up(a, b):
    return _ceiling(a, b)


def div_away_from_zero(a, b):
    return _ceiling(a, b) if a >= 0 else -_ceiling(-a, b)
"""
MODULES = (
    "models/rates.py",
    "models/deployed/venus/rates.py",
    "models/deployed/venus/market.py",
    "models/deployed/venus/pool.py",
    "models/deployed/venus/users.py",
    "models/deployed/venus/liquidation.py",
    "models/deployed/venus/build.py",
)
TESTED = {
    "models/deployed/venus/rewards.py": "tests/unit/test_venus_rewards.py",
    "models/deployed/venus/shortfall.py": "tests/unit/test_venus_shortfall.py",
}
"""Modules without recordings, by the tests that work their numbers out by hand."""
NOT_OF_VENUS = ("utilisation in models/rates.py",)
"""A division of a shared module that Venus does not use."""

Site = tuple[int, str, str, str]
"""Line, function, expression, and the whole text with the division flipped."""


def sites(module: str) -> Iterator[Site]:
    """Every division of a module."""
    text = (ROOT / module).read_text(encoding="utf-8")
    told = set()
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef) or f"{function.name} in {module}" in NOT_OF_VENUS:
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FLIPPED:
                new = f"{FLIPPED[node.func.id]}({', '.join(map(ast.unparse, node.args))})"
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
                new = f"_ceiling({ast.unparse(node.left)}, {ast.unparse(node.right)})"
            else:
                continue
            if (node.lineno, node.col_offset) in told:
                continue  # of a function inside a function
            told.add((node.lineno, node.col_offset))
            old = ast.get_source_segment(text, node) or ""
            lines = text.splitlines(keepends=True)
            start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
            yield node.lineno, function.name, ast.unparse(node), text[:start] + new + text[start + len(old) :] + HELPERS


def mismatches(package: Path, traces: Path) -> tuple[int, str]:
    """What `conform` finds with a copy of the packages: how many steps differ, and where the first does."""
    command = [sys.executable, "-c", "import sys; from poolproof.cli import main; sys.exit(main())"]
    done = subprocess.run(  # noqa: S603 - the project's own command
        [*command, "conform", "venus", str(traces), "--json", "-"],
        env=os.environ | {"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        return -1, done.stderr.strip().splitlines()[-1]
    report = json.loads(done.stdout)
    first = report["first_differences"][0] if report["mismatches"] else {}
    return report["mismatches"], f"{first['file']} {first['step']} {first['field']}" if first else ""


def failures(package: Path, tests: str) -> tuple[int, str]:
    """What unit tests find with a copy of the packages: how many fail, and the first that does."""
    done = subprocess.run(  # noqa: S603 - the project's own tests
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", "-rf", str(ROOT / tests)],
        env=os.environ | {"PYTHONPATH": str(package)},
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        return -1, done.stdout.strip().splitlines()[-1]
    failed = [line.partition("::")[2] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return len(failed), failed[0].partition(" - ")[0] if failed else ""


def main(traces: Path) -> int:
    """Print a line for each division; the exit code says whether all are noticed."""
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder)
        shutil.copytree(ROOT / "src" / "poolproof", package / "poolproof", ignore=shutil.ignore_patterns("__pycache__"))
        for module in (*MODULES, *TESTED):
            target = package / "poolproof" / module
            whole = target.read_text(encoding="utf-8")
            for line, function, expression, flipped in sites(module):
                target.write_text(flipped, encoding="utf-8")
                tests = TESTED.get(module)
                found, first = failures(package, tests) if tests else mismatches(package, traces)
                survivors += not found
                told = f"{found:6,} differ, first {first}" if found else "NOT NOTICED"
                print(f"{module}:{line} {function}: {expression}\n    {told}", flush=True)
            target.write_text(whole, encoding="utf-8")
    print(f"not noticed: {survivors}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TRACES))

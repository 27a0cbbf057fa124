"""Planted bugs: a copy of the package with one expression changed, and what `poolproof check` says of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ("spec", "models", "invariants", "proofs", "src")
"""The folders that the package is made of; src/poolproof links to the other four."""
TABLE = Path(__file__).with_name("bugs.toml")
SWITCHES = TABLE.with_name("switches.toml")


@dataclass(frozen=True)
class Bug:
    """One changed expression.

    ``invariant`` is the one that breaks; ``steps`` bounds the length of its trace; ``protocol`` is where it
    shows, a shipped one or a file beside this one.
    """

    invariant: str
    what: str
    file: str
    old: str
    new: str
    steps: int
    protocol: str = "minimal"

    def applied_to(self, text: str) -> str:
        """The text with the bug in it; what it replaces must be there once."""
        found = text.count(self.old)
        if found != 1:
            message = f"{self.file}: the text of the bug of {self.invariant} occurs {found} times: {self.old!r}"
            raise ValueError(message)
        return text.replace(self.old, self.new)


def bugs(table: str) -> list[Bug]:
    """The bugs of one of the tables.

    ``bug`` has one for each invariant, ``flip`` and ``other`` have more; ``switch`` has the safeties of a system.
    """
    file = SWITCHES if table == "switch" else TABLE
    return [Bug(**row) for row in tomllib.loads(file.read_text(encoding="utf-8"))[table]]


def plant(bug: Bug, home: Path) -> Path:
    """Copy the package to a folder, and put the bug in."""
    for name in PACKAGE:
        shutil.copytree(ROOT / name, home / name, symlinks=True)
    file = home / bug.file
    file.write_text(bug.applied_to(file.read_text(encoding="utf-8")), encoding="utf-8")
    return home


def poolproof(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command of a copy of the package, with evidence of its own."""
    return run(home, "-m", "poolproof", *arguments)


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with a copy of the package, and with evidence of its own."""
    environment = {**os.environ, "PYTHONPATH": str(home / "src"), "POOLPROOF_CACHE": str(home / "cache")}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Checked:
    """What `check` said: its exit code, the verdict on each invariant by id, and all that it printed."""

    exit_code: int
    verdicts: dict[str, dict[str, Any]]
    seconds: float
    printed: str

    @property
    def refuted(self) -> list[str]:
        """The ids that ended REFUTED."""
        return [name for name, verdict in self.verdicts.items() if verdict["verdict"] == "REFUTED"]

    def steps(self, invariant: str) -> int:
        """The length of the trace of an invariant that is refuted."""
        return len(self.verdicts[invariant]["trace"]["runs"][0])


def protocol_of(bug: Bug) -> str:
    """Where a bug shows, as the commands name it."""
    beside = TABLE.with_name(bug.protocol)
    return str(beside) if beside.exists() else bug.protocol


def check(home: Path, bug: Bug, *options: str) -> Checked:
    """Check the protocol of a bug with the package that it was planted in; traces go to ``home``/traces."""
    document = home / "check.json"
    done = poolproof(
        home, "check", protocol_of(bug), "--json", str(document), "--traces", str(home / "traces"), *options
    )
    printed = f"{done.stdout}\n{done.stderr}"
    if not document.exists():
        raise RuntimeError(printed)
    data = json.loads(document.read_text(encoding="utf-8"))
    verdicts = {verdict["invariant"]: verdict for verdict in data["verdicts"]}
    return Checked(done.returncode, verdicts, data["seconds"], printed)


def replay(home: Path, invariant: str) -> subprocess.CompletedProcess[str]:
    """Replay the trace of an invariant on the package that the bug was planted in."""
    return poolproof(home, "replay", str(home / "traces" / f"{invariant}.json"))


def attack(home: Path, bug: Bug) -> dict[str, Any]:
    """The shortest trace of the first invariant that the package with the bug breaks.

    Refuses: no trace; one that does not replay there, or that replays without the bug.
    """
    trace = home / "trace.json"
    run(home, str(Path(__file__).with_name("attack_switch.py")), protocol_of(bug), str(trace))
    if not trace.exists():
        message = f"nothing breaks: {bug.what}"
        raise RuntimeError(message)
    planted, sound = (poolproof(at, "replay", str(trace)) for at in (home, ROOT))
    if planted.returncode != 0 or sound.returncode != 1:
        raise RuntimeError(planted.stdout + planted.stderr + sound.stdout + sound.stderr)
    found: dict[str, Any] = json.loads(trace.read_text(encoding="utf-8"))
    return found


def fuzzed(home: Path, bug: Bug, steps: int) -> set[str]:
    """The invariants that one campaign of random runs refutes, the whole catalogue watched."""
    document = home / "fuzz.json"
    done = poolproof(home, "fuzz", protocol_of(bug), "--steps", str(steps), "--json", str(document))
    if not document.exists():
        raise RuntimeError(f"{done.stdout}\n{done.stderr}")
    data = json.loads(document.read_text(encoding="utf-8"))
    return {trace["invariant"] for trace in data["violations"]}

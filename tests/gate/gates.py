"""Proposals to judge: pairs of protocol files, and a gate that looks up no theorem."""

from __future__ import annotations

import json
import re
import sys
import tarfile
import tomllib
from datetime import date
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from poolproof.gate.files import Proposal, read_proposal
from poolproof.gate.judging import ChangeReport, Closing, GateReport, judge
from poolproof.proofs import registry
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import trace_from_json
from poolproof.trace_files import model_of

GOVERNANCE = Path(__file__).parents[1] / "governance"
sys.path.append(str(GOVERNANCE))
invented: Any = import_module("invented")
edited = invented.edited
WAD = 10**18
NO_CAP = 2**112 - 1


class NoTheorems:
    """Nothing is known of any theorem."""

    def __init__(self, *_: Any) -> None: ...

    def decide(self, report: GateReport) -> None:
        """Say nothing."""


def shipped(name: str) -> str:
    """The text of a shipped protocol."""
    return (files("poolproof.spec") / "protocols" / f"{name}.toml").read_text(encoding="utf-8")


def history() -> dict[str, str]:
    """The files of the real proposals, by name."""
    with tarfile.open(GOVERNANCE / "venus.tar.xz") as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: file.read().decode() for name, file in found.items() if file is not None}


def toml_of(data: dict[str, Any]) -> str:
    """A protocol as a file writes it."""
    lines: list[str] = []

    def table(header: str, content: dict[str, Any]) -> None:
        if header:
            lines.extend(("", header))
        later = []
        for key, value in content.items():
            if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
                later.append((key, value))
            else:
                lines.append(f"{key} = {value if isinstance(value, date) else json.dumps(value)}")
        name = header.strip("[]")
        for key, value in later:
            path = f"{name}.{key}".strip(".")
            for each in value if isinstance(value, list) else ():
                table(f"[[{path}]]", each)
            if isinstance(value, dict):
                table(f"[{path}]", value)

    table("", data)
    return "\n".join(lines) + "\n"


def data_of(text: str) -> dict[str, Any]:
    """A file as nested tables and lists."""
    return tomllib.loads(text)


def proposal(folder: Path, base: str, head: str) -> Proposal:
    """Two texts as a proposal."""
    (folder / "base.toml").write_text(base, encoding="utf-8")
    (folder / "head.toml").write_text(head, encoding="utf-8")
    return read_proposal(str(folder / "base.toml"), str(folder / "head.toml"))


def judged(folder: Path, base: str, head: str) -> GateReport:
    """What the gate says of two texts, theorems aside."""
    return judge(proposal(folder, base, head), NoTheorems())  # type: ignore[arg-type]


def after(folder: Path, name: str, *edits: tuple[str, ...], before: tuple[tuple[str, ...], ...] = (), more: str = "",
          much: str = "") -> GateReport:  # fmt: skip
    """What the gate says of edits of a shipped protocol.

    ``before`` are edits of both files, ``more`` is text at the end of both, ``much`` at the end of the proposed one.
    """
    base = edited(shipped(name), before)
    return judged(folder, base + more, edited(base, edits) + more + much)


def change(report: GateReport, path: str) -> ChangeReport:
    """The change of a path."""
    (found,) = [each for each in report.changes if each.change.path == path]
    return found


def broken(report: GateReport) -> list[tuple[str, str]]:
    """The conditions on which the gate closes, with their places."""
    return [(closing.place.label, closing.place.where) for closing in report.closings if closing.closes]


def replays(closing: Closing) -> bool:
    """Whether the run of a closing breaks what it is said to break when it is carried out anew."""
    return closing.trace is not None and replayed(closing.trace)


def replayed(trace: dict[str, Any]) -> bool:
    """Whether a run breaks as it is recorded."""
    return replay(trace_from_json(trace, "trace", model_of), registry.find).as_recorded


def written(text: str, line: int) -> str:
    """A line of a file."""
    return text.split("\n")[line - 1]


def names(key: str) -> re.Pattern[str]:
    """A line that sets a key."""
    return re.compile(rf"^{re.escape(key)} = ")

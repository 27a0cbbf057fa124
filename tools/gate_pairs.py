"""Pairs of protocol files, judged by the gate: as they are, under a policy, and just beyond what is safe."""

from __future__ import annotations

import re
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import perf_counter

from poolproof.gate.conditions import FALLS, REPAIRS, Place, judge_against
from poolproof.gate.files import Change, Proposal, read_proposal
from poolproof.gate.judging import ChangeReport, GateReport, judge
from poolproof.gate.theorems import Theorems
from poolproof.proofs.gate.breaches import EXACT, breach
from poolproof.proofs.traces import Trace
from poolproof.proofs.verdicts import Verdict

_NUMBER = re.compile(r"[0-9]+")


class NoTheorems(Theorems):
    """Leaves theorems aside: what conditions, runs and policies say stays the same."""

    def decide(self, report: GateReport) -> None:
        """Decide nothing, and look for no more than the runs that are constructed."""


@dataclass(frozen=True)
class Judged:
    """A proposal and what the gate said of it, in how many seconds."""

    name: str
    report: GateReport
    seconds: float

    @property
    def verdict(self) -> str:
        """As the gate's exit code says it."""
        return {0: "OPEN", 1: "CLOSED", 2: "UNDECIDED"}.get(self.report.exit_code, "INTERRUPTED")

    @property
    def proposal(self) -> Proposal:
        """The two files."""
        return self.report.proposal

    @property
    def closed(self) -> int:
        """How many changes the gate closes on."""
        return sum(each.closed for each in self.report.changes)

    @property
    def theorems(self) -> int:
        """How many theorems still apply."""
        return sum(each.verdict is Verdict.PROVED for each in self.report.decisions)

    @property
    def from_evidence(self) -> int:
        """How many of them no solver was asked for."""
        proved = (each for each in self.report.decisions if each.verdict is Verdict.PROVED)
        return sum(all(outcome.cached for outcome in each.obligations) for each in proved)

    @property
    def solver_calls(self) -> int:
        """How many obligations a solver answered."""
        outcomes = (outcome for each in self.report.decisions for outcome in each.obligations)
        return sum(outcome.solver is not None and not outcome.cached for outcome in outcomes)


# --- judging -------------------------------------------------------------------------------------------------------


@contextmanager
def folder_of(history: Path) -> Iterator[Path]:
    """The folder of a history: itself, or what an archive has."""
    if history.is_dir():
        yield history
        return
    with tempfile.TemporaryDirectory() as folder, tarfile.open(history) as archive:
        for name in archive.getnames():
            content = archive.extractfile(name)
            parts = PurePosixPath(name).parts
            if content is not None and len(parts) <= 2 and not {"..", "/"} & set(parts):
                target = Path(folder, *parts)
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(content.read())
        yield Path(folder)


def pairs_of(folder: Path) -> list[Path]:
    """The folders of the pairs, by the numbers in their names.

    Refuses: a folder without one.
    """
    found = [path.parent for path in folder.glob("*/base.toml") if path.with_name("head.toml").is_file()]
    if not found:
        message = f"{folder} has no folder with base.toml and head.toml; name a folder or archive of such pairs"
        raise SystemExit(message)
    return sorted(found, key=lambda path: ([int(number) for number in _NUMBER.findall(path.name)], path.name))


def judged(pair: Path, theorems: Theorems) -> Judged:
    """Read a pair, and let the gate judge it."""
    began = perf_counter()
    report = judge(read_proposal(str(pair / "base.toml"), str(pair / "head.toml")), theorems)
    return Judged(pair.name, report, perf_counter() - began)


def judged_under(policy: str, pair: Path) -> Judged:
    """The same with a policy in force, which the proposal keeps."""
    with tempfile.TemporaryDirectory() as folder:
        for side in ("base.toml", "head.toml"):
            text = (pair / side).read_text(encoding="utf-8")
            Path(folder, side).write_text(f"{text}\n{policy}", encoding="utf-8")
        return judged(Path(folder), NoTheorems())


def policy_for(report: GateReport) -> str:
    """The least policy that allows the falls of thresholds on which the gate closes."""
    rules = [
        "[[policy.changes]]\n"
        f'parameter = "{change.parameter}"\npool = "{change.pool}"\nasset = "{change.asset}"\n'
        f'most_fall = "{change.old - change.new}"\n'
        for closing in report.closings
        if closing.place.label == FALLS
        for change in closing.changes
    ]
    return "\n".join(["[policy]\n", *rules])


def just_beyond(report: GateReport, each: ChangeReport) -> Iterator[tuple[Place, int, str | None]]:
    """The first values outside what is safe of a change, with what fails there and what a run shows; None without one.

    Only of conditions that are said to end where the runs begin.
    """
    if each.safe is None:
        return
    for value, places in ((each.safe.low - 1, each.safe.below), (each.safe.high + 1, each.safe.above)):
        for place in sorted(places):
            if (report.proposal.head.model, place.label) in EXACT:
                near = report.near(place.pool, None)
                head = near.with_value(each.change, value)
                yield place, value, shown(breach(place.label, near.base, head, place.pool, place.asset or None))


def shown(trace: Trace | None) -> str | None:
    """What a run shows."""
    return None if trace is None or trace.violation is None else trace.violation.message


def spirals(proposal: Proposal, place: Place, threshold: int) -> str:
    """What a run shows in which a liquidation takes more than it repairs, with another threshold in force before."""
    keys = ("pools", place.pool, "markets", place.asset, "liquidation_threshold")
    head = proposal.with_changes([Change(keys, "changed", None, threshold)])
    return shown(breach(REPAIRS, proposal.base, head, place.pool, place.asset)) or "none was found"


def needed(report: GateReport) -> Iterator[tuple[Change, list[Place], list[Change]]]:
    """The changes that break by themselves what the proposal does not, each with a change that it needs with it."""
    proposal = report.proposal
    fails = judge_against(proposal.base)
    before, after = fails(proposal.base), fails(proposal.head)
    for each in report.changes:
        alone = fails(proposal.with_changes([each.change])) - before - after
        if alone:
            near = (other.change for other in report.changes if other.change.keys[:-1] == each.change.keys[:-1])
            cures = [
                other
                for other in near
                if other is not each.change and not alone & fails(proposal.with_changes([each.change, other]))
            ]
            yield each.change, sorted(alone), cures

"""Theorems at a gate: what carries over, what is known to be false, and whose acceptance counts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from poolproof.gate import theorems as module
from poolproof.gate.judging import GateReport, judge
from poolproof.gate.theorems import Theorems
from poolproof.proofs import registry
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.protocol import Protocol

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
NAME = "venus-bsc-stablecoins"
CAP = ("Stablecoins/USDT", "supply_cap", "5")
ENTRY = '[[accepted]]\ninvariant = "SOLV-3"\n'
BASE: str = gates.shipped(NAME)
WITHOUT = "\n\n".join(piece for piece in BASE.split("\n\n") if ENTRY not in f"{piece}\n")
"""The file without its acceptance of SOLV-3."""


def expiring(day: str) -> str:
    """The file with an acceptance of SOLV-3 that ends."""
    return BASE.replace(ENTRY, f"{ENTRY}expires = {day}\n")


class World:
    """What evidence has, what a check would find in each file, and what was asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.missing: set[str] = set()
        self.not_proved: dict[str, Verdict] = {}
        self.checks: Mapping[str, Mapping[str, Verdict]] = {}
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.interrupted = False
        monkeypatch.setattr(module, "Evidence", lambda *_: SimpleNamespace(decision=self.decision))
        monkeypatch.setattr(module, "check", self.check)

    def decision(self, name: str, **_: bool) -> Decision | None:
        """A theorem, unless it is missing, or known to be false of the contracts."""
        invariant = registry.find("venus")[1][name]
        if name in self.missing or (invariant.counterexamples and name not in self.not_proved):
            return None
        return Decision(name, invariant.claim, invariant.kind, self.not_proved.get(name, Verdict.PROVED), "prove")

    def check(self, protocol: Protocol, *, only: Sequence[str], **_: Any) -> SimpleNamespace:
        """What a check of a file says."""
        side = "base" if "one in force" in protocol.title else "head"
        self.asked.append((side, tuple(only)))
        decisions = [
            Decision(n, "a claim", "state", self.checks.get(side, {}).get(n, Verdict.PROVED), "prove") for n in only
        ]
        return SimpleNamespace(decisions=decisions, interrupted=self.interrupted)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which all is proved that is not known to be false."""
    return World(monkeypatch)


def judged(folder: Path, base: str, head: str, *edits: tuple[str, ...]) -> GateReport:
    """What the gate says, theorems included."""
    base = gates.edited(base, (("", "title", "one in force"),))
    head = gates.edited(head, (("", "title", "one proposed"), *edits))
    return judge(gates.proposal(folder, base, head), Theorems(use_cache=False))


def test_inside_the_region_theorems_carry_over(world: World, tmp_path: Path) -> None:
    """Nothing is checked; what both files accept stays accepted."""
    report = judged(tmp_path, BASE, BASE, CAP)
    assert report.verdict == "OPEN"
    assert world.asked == []
    refuted = [each for each in report.decisions if each.verdict is Verdict.REFUTED]
    assert refuted
    assert all(each.accepted for each in refuted if each.invariant not in report.open_before)


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        (BASE, BASE, "OPEN"),
        (BASE, WITHOUT, "CLOSED"),  # what was accepted is not accepted any more
        (WITHOUT, BASE, "OPEN"),  # it was refuted before: the acceptance lifts nothing, and is shown
        (WITHOUT, WITHOUT, "OPEN"),
        (expiring("2026-01-01"), expiring("2026-01-01"), "OPEN"),  # it had ended before
        (BASE, expiring("2026-01-01"), "CLOSED"),
        (expiring("2026-01-01"), BASE, "OPEN"),
        (BASE, expiring("2999-01-01"), "OPEN"),
    ],
)
def test_an_acceptance_counts_if_both_files_have_it(
    base: str, head: str, verdict: str, world: World, tmp_path: Path
) -> None:
    """Of the protocol in force it is as it was before; of the proposed one it is what the owners say from now on."""
    assert WITHOUT != BASE
    report = judged(tmp_path, base, head, CAP)
    assert report.verdict == verdict
    assert ("SOLV-3" in {each.invariant for each in report.refuted}) == (verdict == "CLOSED")
    accepted = next(each.accepted for each in report.decisions if each.invariant == "SOLV-3")
    before = base == BASE
    assert accepted == (before and verdict == "OPEN")
    assert ("SOLV-3" in report.open_before) == (not before)


def test_an_acceptance_whose_weaker_claim_is_lost(world: World, tmp_path: Path) -> None:
    """Covers nothing, before and now; the weaker claim is refuted besides, which closes the gate if it is news."""
    world.not_proved["SOLV-3-w"] = Verdict.UNKNOWN
    report = judged(tmp_path, BASE, BASE, CAP)
    assert "SOLV-3" in report.open_before
    assert report.verdict == "UNDECIDED"
    assert report.exit_code == 2


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        (Verdict.PROVED, Verdict.PROVED, "OPEN"),
        (Verdict.PROVED, Verdict.REFUTED, "CLOSED"),
        (Verdict.REFUTED, Verdict.REFUTED, "OPEN"),
        (Verdict.PROVED, Verdict.UNKNOWN, "UNDECIDED"),
    ],
)
def test_what_no_evidence_answers_is_checked(
    base: Verdict, head: Verdict, verdict: str, world: World, tmp_path: Path
) -> None:
    """And what is refuted is asked of the protocol in force too: only what is new closes the gate."""
    world.missing = {"CONS-2"}
    world.checks = {"base": {"CONS-2": base}, "head": {"CONS-2": head}}
    report = judged(tmp_path, BASE, BASE, CAP)
    assert report.verdict == verdict
    asked = [("head", ("CONS-2",))]
    assert world.asked == asked + ([("base", ("CONS-2",))] if head is Verdict.REFUTED else [])


def test_an_interrupted_check(world: World, tmp_path: Path) -> None:
    """Is an interrupted gate: nothing more is asked."""
    world.missing, world.interrupted = {"CONS-2"}, True
    world.checks = {"head": {"CONS-2": Verdict.REFUTED}}
    assert judged(tmp_path, BASE, BASE, CAP).exit_code == 130
    assert world.asked == [("head", ("CONS-2",))]


def test_outside_the_region_no_theorem_speaks(world: World, tmp_path: Path) -> None:
    """What was outside before does not close the gate: it is said, and nothing is called a theorem."""
    base = gates.edited(BASE, (("Stablecoins", "close_factor", "950000000000000000"),))
    report = judged(tmp_path, base, base, CAP)
    assert report.verdict == "OPEN"
    assert report.decisions == []
    assert [place.label for place in report.already] == ["close factor <= 90 %"]
    assert report.notes == ["outside the region of the theorems: Stablecoins, because not: close factor <= 90 %"]


def test_of_several_pools_each_that_changes_is_looked_at(world: World, tmp_path: Path) -> None:
    """By itself: nothing is claimed of several Venus pools side by side."""
    base = gates.edited(gates.shipped("venus-bsc"), (("Tron", "close_factor", "950000000000000000"),))
    report = judged(tmp_path, base, base, CAP)
    assert report.verdict == "OPEN"
    assert len([each for each in report.decisions if each.verdict is Verdict.PROVED]) > 50
    report = judged(tmp_path, base, base, CAP, ("Tron/TRX", "supply_cap", "5"))
    assert report.verdict == "OPEN"
    assert any(note.startswith("outside the region of the theorems: Tron") for note in report.notes)


@pytest.mark.parametrize(
    ("share", "closed", "says"),
    [
        ("40000000000000000", True, ""),
        ("30000000000000000", False, "still outside, as before, but nearer: protocol seize share <= incentive - 1"),
        ("60000000000000000", True, ""),
        ("0", False, "repairs: protocol seize share <= incentive - 1"),
    ],
)
def test_what_was_outside_may_only_come_nearer(
    share: str, closed: bool, says: str, world: World, tmp_path: Path
) -> None:
    """The share in force is beyond what the incentive leaves; the same distance is further out than none."""
    base = gates.shipped("venus-bsc-btc")
    edit = ("BTC/BTCB", "venus/protocol_seize_share", share)
    start = gates.edited(base, ((*edit[:2], "40000000000000000"), ("BTC", "liquidation_incentive", str(102 * 10**16))))
    if share == "40000000000000000":
        edit = ("BTC", "liquidation_incentive", str(101 * 10**16))
    report = judged(tmp_path, start, start, edit)
    (each,) = [each for each in report.changes if not each.change.is_context]
    assert each.closed == closed == (report.verdict == "CLOSED")
    assert (says in each.notes) == bool(says)

"""Invented proposals get the answer that their table says, with what closes the gate and a run that shows it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from poolproof.spec.errors import UsageError

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
PROPOSALS = gates.invented.invented()
NAMED = {each.name: each for each in PROPOSALS}


@pytest.mark.parametrize("proposal", PROPOSALS, ids=lambda each: each.name)
def test_the_gate_answers_as_the_table_says(proposal: Any, tmp_path: Path) -> None:
    """What closes it is said with the changes that do it, and a run, where there is one, is carried out anew."""
    if proposal.gate == "refused":
        with pytest.raises(UsageError, match=r"head\.toml"):
            gates.proposal(tmp_path, proposal.base, proposal.head)
        return
    report = gates.judged(tmp_path, proposal.base, proposal.head)
    assert report.open == (proposal.gate == "open")
    assert report.verdict == proposal.gate.upper()
    assert bool(gates.broken(report)) == (proposal.gate == "closed")
    assert {label for label, _ in gates.broken(report)} >= set(proposal.region)
    for closing in report.closings:
        assert closing.changes
        assert all(gates.change(report, each.path).closed for each in closing.changes)
        assert closing.trace is None or gates.replays(closing)


@pytest.mark.parametrize("proposal", [each for each in PROPOSALS if each.alone], ids=lambda each: each.name)
def test_two_changes_that_are_fine_alone(proposal: Any, tmp_path: Path) -> None:
    """Both are named, and each alone is let through, unless it lowers a threshold."""
    report = gates.judged(tmp_path, proposal.base, proposal.head)
    (joint,) = [closing for closing in report.closings if not closing.by_itself]
    assert len(joint.changes) == 2
    assert joint.trace is not None
    for each in joint.changes:
        other = next(one.path for one in joint.changes if one is not each)
        assert f"not together with {other}: {joint.place.label}" in gates.change(report, each.path).notes
    for number, edit in enumerate(proposal.edits):
        alone = gates.judged(tmp_path, proposal.base, gates.edited(proposal.base, (edit,)))
        falls = edit[1] == "liquidation_threshold" and "crossing" in proposal.name
        assert alone.open == (not falls), number


@pytest.mark.parametrize("of", ["venus", "reference"])
def test_the_safe_range_of_a_threshold(of: str, tmp_path: Path) -> None:
    """From the one in force up to 1 / incentive, whatever is proposed."""
    for name in (f"threshold-below-factor-{of}", f"threshold-times-incentive-{of}"):
        proposal = NAMED[name]
        (each,) = gates.judged(tmp_path, proposal.base, proposal.head).changes
        assert (each.safe.low, each.safe.high) == (each.change.old, 10**36 // (11 * 10**17))
        assert {place.label for place in each.safe.below} == {"the liquidation threshold does not fall"}
        assert {place.label for place in each.safe.above} == {"liquidation threshold x incentive <= 1"}


def test_a_cap_of_0_is_explained(tmp_path: Path) -> None:
    """It is easily taken for no cap."""
    proposal = NAMED["cap-zero-venus"]
    (each,) = gates.judged(tmp_path, proposal.base, proposal.head).changes
    assert each.notes == [f'0 means that nothing more can be supplied; no cap is written "{gates.NO_CAP}"']


def test_an_acceptance_of_ones_own_is_shown(tmp_path: Path) -> None:
    """And lifts nothing."""
    proposal = NAMED["own-damage-accepted-reference"]
    report = gates.judged(tmp_path, proposal.base, proposal.head)
    assert "an acceptance changes what the gate lets pass, not what is true" in (
        gates.change(report, "accepted[LIQ-6]").notes
    )
    assert not report.open

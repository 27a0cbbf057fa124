"""The evidence that the package ships: it is verified, what changed is proved again, and a sample besides."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from poolproof.cache import Cache
from poolproof.checking import check, shipped_evidence
from poolproof.invariants import CATALOGUE
from poolproof.models.reference import REFERENCE
from poolproof.proofs import registry
from poolproof.proofs.deciding import DEFAULT_BUDGET, LADDER
from poolproof.proofs.induction import Induction
from poolproof.proofs.smt import text_of
from poolproof.proofs.solver import decide_text
from poolproof.proofs.verdicts import Verdict
from poolproof.spec.loading import load_protocol

SAMPLE = 40


@pytest.mark.parametrize("name", ["liquid-staked-bnb", "astera-docs", "elara-docs", "venus-docs"])
def test_every_invariant_is_proved_from_the_shipped_evidence_and_what_changed(name: str, tmp_path: Path) -> None:
    """Answers to texts that are still asked are taken over; every other obligation is solved here."""
    protocol = load_protocol(name)
    report = check(protocol, cache=Cache(tmp_path, shipped_evidence()))
    open_ones = {d.invariant: d.reason for d in report.decisions if d.verdict is not Verdict.PROVED}
    assert open_ones == {}
    assert len(report.decisions) == len(registry.of(protocol)[1])
    assert report.exit_code == 0


def test_a_sample_of_the_obligations_is_proved_again() -> None:
    """Another sample whenever the evidence changes: each of its obligations is decided here, without evidence."""
    answers = shipped_evidence().folder.joinpath("outcome.json.gz").read_bytes()
    choose = Random(sha256(answers).hexdigest())
    goals = [o.goal for o in Induction(REFERENCE, CATALOGUE).obligations() if o.goal.node is not True]
    for goal in choose.sample(goals, SAMPLE):
        statuses = (
            decide_text(
                text_of(goal, rung.rounds, linear=rung.linear)[0],
                int(DEFAULT_BUDGET * rung.share),
                (rung.strategy,),
            )["status"]
            for rung in LADDER
        )
        assert "unsat" in statuses, goal.name

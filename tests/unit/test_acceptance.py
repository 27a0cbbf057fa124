"""Accepted findings: covered only while what has to hold still holds."""

from datetime import date
from typing import Any

import pytest

from poolproof.acceptance import Judgement, exit_code, judge
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.protocol import Accepted

TODAY = date(2026, 6, 1)


def decided(invariant: str, verdict: Verdict, **more: Any) -> Decision:
    """A decision with nothing but what an acceptance looks at."""
    return Decision(invariant, f"claim of {invariant}", "state", verdict, "prove", **more)


def trace_of(*lengths: int) -> dict[str, Any]:
    """A trace with runs of so many actions."""
    return {"runs": [[{"action": "deposit"}] * length for length in lengths]}


def weakened(**more: Any) -> Accepted:
    """SOLV-3 accepted while SOLV-3-w is proved."""
    return Accepted(invariant="SOLV-3", reason="dust", weakened="SOLV-3-w", **more)


def one(entry: Accepted, *decisions: Decision) -> Judgement:
    """The judgement of one acceptance."""
    (judgement,) = judge([entry], decisions, TODAY)
    return judgement


@pytest.mark.parametrize("verdict", [Verdict.REFUTED, Verdict.UNKNOWN, Verdict.VACUOUS])
def test_a_finding_is_accepted_while_the_weaker_claim_is_proved(verdict: Verdict) -> None:
    """Then it does not fail the check."""
    decisions = [decided("SOLV-3", verdict), decided("SOLV-3-w", Verdict.PROVED)]
    judgement = one(weakened(owner="risk team"), *decisions)
    assert judgement == Judgement("SOLV-3", True, "SOLV-3 is accepted: dust (risk team)")
    assert [decision.accepted for decision in decisions] == [True, False]
    assert exit_code(decisions) == 0


@pytest.mark.parametrize("verdict", [Verdict.REFUTED, Verdict.UNKNOWN, Verdict.VACUOUS, Verdict.HOLDS_TO_DEPTH])
def test_a_violation_of_the_weaker_claim_is_new(verdict: Verdict) -> None:
    """Both count again, and the note says why."""
    decisions = [decided("SOLV-3", Verdict.REFUTED), decided("SOLV-3-w", verdict)]
    judgement = one(weakened(), *decisions)
    assert not judgement.covers
    assert f"the weaker claim SOLV-3-w is {verdict}" in judgement.note
    assert not decisions[0].accepted
    assert exit_code(decisions) == 1


def test_a_weaker_claim_that_was_not_decided_carries_nothing() -> None:
    """Silence is not a proof."""
    judgement = one(weakened(), decided("SOLV-3", Verdict.REFUTED))
    assert not judgement.covers
    assert "SOLV-3-w was not decided" in judgement.note


def test_an_acceptance_that_is_no_longer_needed_is_reported() -> None:
    """It would hide the next violation."""
    decisions = [decided("SOLV-3", Verdict.PROVED), decided("SOLV-3-w", Verdict.PROVED)]
    judgement = one(weakened(), *decisions)
    assert judgement == Judgement("SOLV-3", False, "SOLV-3 is proved; its acceptance is no longer needed, remove it")
    assert exit_code(decisions) == 0


@pytest.mark.parametrize(("expires", "covers"), [(TODAY, False), (date(2026, 6, 2), True)])
def test_an_acceptance_ends_on_its_day(expires: date, *, covers: bool) -> None:
    """The day named is the first on which it no longer counts."""
    decisions = [decided("SOLV-3", Verdict.REFUTED), decided("SOLV-3-w", Verdict.PROVED)]
    judgement = one(weakened(expires=expires), *decisions)
    assert judgement.covers is covers
    assert str(expires) in judgement.note
    assert exit_code(decisions) == (0 if covers else 1)


@pytest.mark.parametrize(
    ("decision", "covers"),
    [
        (decided("SOLV-3", Verdict.HOLDS_TO_DEPTH, depth=6), True),
        (decided("SOLV-3", Verdict.HOLDS_TO_DEPTH, depth=5), True),
        (decided("SOLV-3", Verdict.HOLDS_TO_DEPTH, depth=4), False),
        (decided("SOLV-3", Verdict.REFUTED, depth=5, trace=trace_of(6)), True),
        (decided("SOLV-3", Verdict.REFUTED, depth=5, trace=trace_of(2, 6)), True),
        (decided("SOLV-3", Verdict.REFUTED, depth=4, trace=trace_of(6)), False),
        (decided("SOLV-3", Verdict.REFUTED, depth=None, trace=trace_of(6)), False),
        (decided("SOLV-3", Verdict.REFUTED, depth=5, trace=trace_of(5)), False),
        (decided("SOLV-3", Verdict.REFUTED, depth=5, trace=trace_of(0)), False),
        (decided("SOLV-3", Verdict.UNKNOWN), False),
        (decided("SOLV-3", Verdict.VACUOUS), False),
    ],
)
def test_a_depth_has_to_be_reached(decision: Decision, *, covers: bool) -> None:
    """A shorter trace is new; so is a depth that nobody has searched."""
    judgement = one(Accepted(invariant="SOLV-3", reason="rare", depth=5), decision)
    assert judgement.covers is covers
    assert exit_code([decision]) == (0 if covers else 1 if decision.verdict is Verdict.REFUTED else 2)


def test_an_acceptance_of_what_was_not_checked_says_nothing() -> None:
    """A check of one invariant is no occasion to speak of another."""
    assert judge([weakened()], [decided("CONS-1", Verdict.PROVED)], TODAY) == []


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        ([Verdict.PROVED], 0),
        ([Verdict.PROVED, Verdict.UNKNOWN], 2),
        ([Verdict.HOLDS_TO_DEPTH], 2),
        ([Verdict.VACUOUS], 2),
        ([Verdict.UNKNOWN, Verdict.REFUTED, Verdict.PROVED], 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst_finding(verdicts: list[Verdict], code: int) -> None:
    """Refuted wins over undecided."""
    assert exit_code([decided(f"X-{n}", verdict) for n, verdict in enumerate(verdicts)]) == code

"""The concrete model as a state machine of Hypothesis."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.models import isolated_pool, market
from poolproof.models.reference import REFERENCE
from poolproof.proofs.stateful import machine, search_with_hypothesis
from poolproof.spec.arithmetic import WAD, div_up
from poolproof.spec.loading import load_protocol

MINIMAL = load_protocol("minimal")


def test_the_catalogue_holds_on_the_reference_model() -> None:
    """A hundred sequences of up to forty actions violate nothing."""
    found = search_with_hypothesis(REFERENCE, MINIMAL, CATALOGUE, examples=100, steps=40)
    assert found is None, found.to_json() if found else ""


def test_every_action_is_a_rule() -> None:
    """The machine is built from the declarations: none is left out."""
    rules = {rule.function.__name__ for rule in machine(REFERENCE, MINIMAL, ())().rules}
    assert rules == {f"do_{action.name}" for action in REFERENCE.actions}


def test_a_planted_rounding_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redemption that pays the ceiling lowers the share price; two actions are enough."""

    def ceiling(where: Any, shares: int) -> int:
        paid: int = div_up(shares * market.priced_assets(where), market.priced_shares(where) * WAD)
        return paid

    monkeypatch.setattr(isolated_pool, "tokens_for_shares", ceiling)
    trace = search_with_hypothesis(REFERENCE, MINIMAL, [CATALOGUE["SOLV-3"]], examples=200, only=("deposit", "redeem"))
    assert trace is not None
    assert [step.action for step in trace.runs[0]] == ["deposit", "redeem"]
    assert [step.args["user"] for step in trace.runs[0]] == ["alice", "alice"]

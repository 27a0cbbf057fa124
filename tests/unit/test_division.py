"""A model that divides by zero is a finding, wherever an engine meets it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from poolproof.models import market
from poolproof.models.reference import REFERENCE
from poolproof.proofs.fuzz import fuzz
from poolproof.proofs.replay import replay
from poolproof.proofs.tactics import Tactics
from poolproof.proofs.witnesses import Witnesses
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Catalogue, Step
from poolproof.spec.protocol import Protocol


@pytest.fixture
def empty_markets_divide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: the utilisation of an empty market is 0 / 0."""
    monkeypatch.setattr(market, "utilisation", lambda cash, debt: debt * WAD // (cash + debt))


@pytest.fixture
def watchful() -> Catalogue:
    """A claim within an instant, for which both sides of each step are accrued, and the claim of no division."""
    catalogue = Catalogue()
    catalogue.declare("SOLV-6", "nothing divides by zero", "state")
    instant = catalogue.declare("X-1", "supply is no negative number", "step")

    @instant.step(instant=True)
    def supply_is_not_negative(step: Step, old: Any, new: Any) -> bool:
        return bool(new.supply >= 0)

    return catalogue


def test_a_division_in_an_accrual_is_reported(
    empty_markets_divide: None, minimal: Protocol, watchful: Catalogue
) -> None:
    """Of the action that accrues, not of the one after which the watcher would have to."""
    report = fuzz(REFERENCE, minimal, watchful, steps=2_000, seed=1)
    (trace,) = report.violations
    assert trace.invariant == "SOLV-6"
    first, second = trace.runs[0]
    assert first.action == "pass_time"
    assert second.action != "set_price"


def test_a_division_in_a_tactic_only_skips_it(minimal: Protocol) -> None:
    """A tactic that looks at the state through the model's formulas proposes nothing where they fail."""
    state = REFERENCE.build(minimal)
    for each in state.markets.values():
        each.virtual_shares, each.shares["alice"], each.supply = 0, 5, 0
    tactics = Tactics(REFERENCE, minimal, Random(3))
    tactics.begin(state)
    calls = [tactics.next() for _ in range(2_000)]
    assert len(calls) == 2_000


def test_a_division_is_no_witness(empty_markets_divide: None, minimal: Protocol, watchful: Catalogue) -> None:
    """The search for runs that a claim speaks of goes on."""
    found = Witnesses(REFERENCE, minimal, list(watchful), seed=1)
    assert found.missing(watchful["X-1"]) == ()


def test_a_division_in_another_invariants_scenario_replays(minimal: Protocol, watchful: Catalogue) -> None:
    """The trace names SOLV-6, and the scenario that divided by its clause."""
    owner = watchful.declare("X-2", "something can be divided", "step")

    @owner.scenario()
    def divide(trial: Any, pool: Any) -> None:
        trial.claim(1 // (pool.now * 0) == 0, "a number")

    (trace,) = fuzz(REFERENCE, minimal, watchful, steps=200, seed=1).violations
    assert trace.invariant == "SOLV-6"
    assert replay(trace, lambda _: (REFERENCE, watchful)).as_recorded

"""The shrinker ends in one form, from wherever it starts."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from poolproof.models import isolated_pool
from poolproof.models.reference import REFERENCE
from poolproof.proofs.candidates import Candidates
from poolproof.proofs.hunting import Finding
from poolproof.proofs.monitor import Monitor
from poolproof.proofs.replay import replay
from poolproof.proofs.shrink import shrink
from poolproof.proofs.tactics import Tactics
from poolproof.proofs.traces import Call, Trace
from poolproof.spec.action import perform, tokens
from poolproof.spec.invariant import Catalogue, Invariant, Step, Trial
from poolproof.spec.protocol import Protocol


def found_by_chance(protocol: Protocol, invariant: Invariant, seed: int) -> list[Call]:
    """A run of random actions up to the first violation."""
    tactics, monitor = (
        Tactics(REFERENCE, protocol, Random(seed)),
        Monitor(REFERENCE, [invariant], protocol.users),
    )
    while True:
        state = REFERENCE.build(protocol)
        tactics.begin(state)
        monitor.bind(state)
        calls: list[Call] = []
        for _ in range(200):
            calls.append(tactics.next())
            if perform(state, *calls[-1]) is None and monitor.check(*calls[-1]):
                return calls


def said(trace: Trace | None) -> list[tuple[Any, ...]]:
    """The actions of a trace with their arguments."""
    assert trace is not None
    return [(step.action, *step.args.values()) for step in trace.runs[0]]


@pytest.mark.parametrize("seed", range(8))
def test_every_start_ends_in_the_same_trace(
    generous: None, minimal: Protocol, small_catalogue: Catalogue, seed: int
) -> None:
    """Whatever the run was, the ceiling bug is a deposit of one unit and a redemption of one share."""
    invariant = small_catalogue["SOLV-3"]
    calls = found_by_chance(minimal, invariant, seed)
    trace = shrink(REFERENCE, minimal, Finding("SOLV-3", invariant, calls))
    assert said(trace) == [("deposit", "alice", "ETH", 1), ("redeem", "alice", "ETH", 1)]


def test_a_run_without_a_violation_is_no_trace(minimal: Protocol, small_catalogue: Catalogue) -> None:
    """Nothing is reported that does not happen again."""
    calls: list[Call] = [(REFERENCE.action("deposit"), ("bob", "USDC", 5))]
    assert shrink(REFERENCE, minimal, Finding("SOLV-3", small_catalogue["SOLV-3"], calls)) is None


@pytest.fixture
def indebted() -> Invariant:
    """A false claim: nobody's debt reaches a thousand units."""
    invariant = Catalogue().declare("X-1", "nobody owes a thousand", "step")

    @invariant.step("position")
    def nobody_owes_a_thousand(step: Step, old: Any, new: Any, account: str) -> bool:
        return bool(new.debts[account] < 1000)

    return invariant


@pytest.mark.parametrize("seed", range(5))
def test_no_step_can_be_removed_and_no_number_lowered(minimal: Protocol, indebted: Invariant, seed: int) -> None:
    """Each step and each unit of the shrunk trace is needed."""
    calls = found_by_chance(minimal, indebted, seed)
    trace = shrink(REFERENCE, minimal, Finding("X-1", indebted, calls))
    steps = said(trace)
    assert steps[-1][0] == "borrow"
    assert steps[-1][-1] == 1000

    def breaks(run: list[tuple[Any, ...]]) -> bool:
        state = REFERENCE.build(minimal)
        monitor = Monitor(REFERENCE, [indebted], minimal.users)
        monitor.bind(state)
        for name, *arguments in run:
            action = REFERENCE.action(name)
            if perform(state, action, tuple(arguments)) is None and monitor.check(action, tuple(arguments)):
                return True
        return False

    assert breaks(steps)
    for position, step in enumerate(steps):
        assert not breaks(steps[:position] + steps[position + 1 :])
        for slot, value in enumerate(step):
            if isinstance(value, int) and value > 0:
                for lower in {value - 1, value // 2, 0}:
                    smaller = (*step[:slot], lower, *step[slot + 1 :])
                    assert not breaks([*steps[:position], smaller, *steps[position + 1 :]])


def test_traces_of_one_claim_agree(minimal: Protocol, indebted: Invariant) -> None:
    """Different runs shrink to the same actions."""
    traces = {
        tuple(said(shrink(REFERENCE, minimal, Finding("X-1", indebted, found_by_chance(minimal, indebted, seed)))))
        for seed in range(10, 16)
    }
    assert len(traces) == 1


def test_long_runs_end_in_the_same_trace(minimal: Protocol) -> None:
    """Six actions lead to bad debt, whatever run it came from: removing steps alone would stop at different ones."""
    invariant = Catalogue().declare("X-3", "no debt is ever recorded as bad, but for interest", "state")
    invariant.state()(lambda pool, market: market.bad_debt == 0 or pool.now > 0)
    for seed in range(8):
        calls = found_by_chance(minimal, invariant, seed)
        steps = said(shrink(REFERENCE, minimal, Finding("X-3", invariant, calls)))
        assert [name for name, *_ in steps] == ["deposit", "deposit", "enter", "borrow", "set_price", "write_off"]
        assert steps[1:] == [
            ("deposit", "bob", "USDC", 1),
            ("enter", "alice", "ETH"),
            ("borrow", "alice", "USDC", 1),
            ("set_price", "ETH", 1),
            ("write_off", "alice", "alice"),
        ]


def test_a_division_by_zero_is_shrunk(minimal: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as a violation of SOLV-6, and a scenario's as well."""

    def divides(_market: Any, amount: int) -> int:
        return amount // (amount - 7)

    monkeypatch.setattr(isolated_pool, "shares_for_deposit", divides)
    deposit = REFERENCE.action("deposit")
    calls: list[Call] = [(deposit, ("bob", "USDC", 9)), (deposit, ("carol", "USDC", 7))]
    trace = shrink(REFERENCE, minimal, Finding("SOLV-6", None, calls))
    assert said(trace) == [("deposit", "alice", "ETH", 7)]
    assert trace is not None
    assert replay(trace, lambda _: (REFERENCE, Catalogue())).as_recorded

    scenario = Catalogue().declare("SOLV-6", "nothing divides by zero", "state")

    @scenario.scenario(amount=tokens())
    def seven(trial: Trial, pool: Any, amount: int) -> None:
        trial.claim(amount // (amount - 7) is not None, "divided")

    finding = Finding("SOLV-6", scenario, [(deposit, ("bob", "USDC", 9))], scenario.clauses[0], (7,))
    found = shrink(REFERENCE, minimal, finding)
    assert said(found) == []
    assert found is not None
    assert found.violation is not None
    assert found.violation.values["scenario"] == {"clause": "seven", "amount": "7"}
    catalogue = Catalogue()
    catalogue._by_id["SOLV-6"] = scenario
    assert replay(found, lambda _: (REFERENCE, catalogue)).as_recorded


def test_two_steps_become_one(minimal: Protocol, small_catalogue: Catalogue) -> None:
    """Deposits that only together reach an amount are one deposit."""
    invariant = Catalogue().declare("X-2", "cash stays below nine", "state")
    invariant.state()(lambda _, market: market.cash < 9)
    deposit = REFERENCE.action("deposit")
    calls: list[Call] = [
        (deposit, ("bob", "USDC", 5)),
        (REFERENCE.action("pass_time"), (7,)),
        (deposit, ("carol", "USDC", 5)),
    ]
    trace = shrink(REFERENCE, minimal, Finding("X-2", invariant, calls))
    assert said(trace) == [("deposit", "alice", "ETH", 9)]


def test_a_scenarios_arguments_are_shrunk(generous: None, minimal: Protocol, small_catalogue: Catalogue) -> None:
    """The scenario is the last step: its accounts, assets and numbers take the simplest form too."""
    invariant = small_catalogue["RND-4"]
    clause = invariant.clauses[0]
    calls: list[Call] = [(REFERENCE.action("deposit"), ("carol", "USDC", 10**6))]
    trace = shrink(REFERENCE, minimal, Finding("RND-4", invariant, calls, clause, ("carol", "USDC", 777)))
    assert said(trace) == []
    assert trace is not None
    assert trace.violation is not None
    assert trace.violation.values["scenario"] == {
        "clause": "in_and_out_pays_nothing",
        "user": "alice",
        "asset": "ETH",
        "amount": "1",
    }


def test_an_account_in_two_roles_is_renamed_once(minimal: Protocol) -> None:
    """An action that names one account twice ends with the protocol's first account, twice."""
    invariant = Catalogue().declare("X-3", "nobody repays", "step")
    invariant.step(of=(REFERENCE.action("repay"),))(lambda *_: False)
    calls: list[Call] = [(REFERENCE.action("repay"), ("dave", "dave", "USDC", 7))]
    trace = shrink(REFERENCE, minimal, Finding("X-3", invariant, calls))
    assert said(trace) == [("repay", "alice", "alice", "ETH", 0)]


def test_a_scenario_stays_the_last_step(generous: None, minimal: Protocol, small_catalogue: Catalogue) -> None:
    """A candidate in which something follows the scenario, or in which it is gone, shows nothing."""
    invariant = small_catalogue["RND-4"]
    finding = Finding("RND-4", invariant, [], invariant.clauses[0], ("alice", "ETH", 1))
    candidates = Candidates(REFERENCE, minimal, finding, REFERENCE.build(minimal))
    assert candidates.scenario is not None
    scenario: Call = (candidates.scenario, ("alice", "ETH", 1))
    deposit: Call = (REFERENCE.action("deposit"), ("alice", "ETH", 1))
    assert candidates.breaks_at_the_end((deposit, scenario)) is not None
    assert candidates.breaks_at_the_end((scenario, deposit)) is None
    assert candidates.breaks_at_the_end((deposit,)) is None

"""The claims about the Venus pools as deployed: what is false has a short trace that replays, the rest holds in runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from poolproof.invariants.deployed.venus import VENUS as CATALOGUE
from poolproof.models.deployed.venus.model import VENUS
from poolproof.proofs import registry
from poolproof.proofs.attack import Attack
from poolproof.proofs.counterexamples import counterexample, tried
from poolproof.proofs.fuzz import fuzz
from poolproof.proofs.replay import replay
from poolproof.proofs.snapshots import set_state, state_to_json
from poolproof.proofs.traces import trace_from_json
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

NAME = "venus-bsc-liquid-staked-bnb"
REFUTED = tuple(invariant.id for invariant in CATALOGUE if invariant.counterexamples)
"""What is false of the pool as deployed: the claims that come with a run."""


@pytest.fixture(name="protocol", scope="module")
def shipped() -> Protocol:
    """The shipped pool."""
    return load_protocol(NAME)


@pytest.mark.parametrize("name", REFUTED)
def test_what_is_false_has_a_trace_that_replays(name: str, protocol: Protocol) -> None:
    """The run that comes with a claim violates it here, and stays a trace of a few steps that replays from its text."""
    found = tried(VENUS, protocol, CATALOGUE[name])
    assert found is not None
    report = replay(trace_from_json(found.to_json(), "a trace", lambda _: VENUS), registry.find)
    assert report.differences == []
    assert report.violation is not None
    assert len(found.runs[0]) <= 8


def test_every_run_of_a_claim_violates_it_in_this_pool(protocol: Protocol) -> None:
    """No run that comes with a claim is left that shows nothing here."""
    initial = VENUS.build(protocol)
    for invariant in CATALOGUE:
        for run in invariant.counterexamples:
            alone = replace(invariant, counterexamples=[run])
            assert counterexample(VENUS, protocol, alone, initial) is not None, run.__name__


def test_where_a_claim_holds_its_run_shows_nothing(protocol: Protocol) -> None:
    """The monitor judges, not the run: where a deposit credits something however small it is, nothing is found."""
    data = protocol.canonical_json()
    for market in data["pools"][0]["markets"]:
        market["decimals"] = 6
    assert tried(VENUS, Protocol.model_validate(data), CATALOGUE["RND-3"]) is None


def test_a_run_that_cannot_be_made_shows_nothing(protocol: Protocol) -> None:
    """Without three users, and where nothing is lent, runs end, and none of them counts."""
    data = protocol.canonical_json() | {"users": ["alice"]}
    assert tried(VENUS, Protocol.model_validate(data), CATALOGUE["SOLV-1"]) is None
    data = protocol.canonical_json()
    for market in data["pools"][0]["markets"]:
        market["borrow_cap"] = "0"
    assert tried(VENUS, Protocol.model_validate(data), CATALOGUE["SOLV-1"]) is None


def test_a_check_tries_the_runs_first(protocol: Protocol) -> None:
    """A check refutes by the runs, without chance, and by nothing else where the fuzzer is not asked."""
    attack = Attack(VENUS, protocol, (), 0, None, lambda _: None)
    found = {invariant.id: result for invariant, result in attack.at_first([CATALOGUE["RND-3"], CATALOGUE["SOLV-1"]])}
    assert {name: len(result.trace.runs[0]) for name, result in found.items() if result.trace} == {
        "RND-3": 1,
        "SOLV-1": 5,
    }
    assert not list(Attack(VENUS, protocol, ("explore",), 0, None, lambda _: None).at_first([CATALOGUE["RND-3"]]))


@pytest.mark.parametrize("counts_donations", [False, True])
def test_what_is_not_refuted_holds_in_random_runs(protocol: Protocol, *, counts_donations: bool) -> None:
    """Weaker claims and those that no trace refutes hold over thousands of steps, in both ways to count cash."""
    chosen = [invariant for invariant in CATALOGUE if invariant.id not in REFUTED]
    report = fuzz(VENUS, with_cash(protocol, counts_donations=counts_donations), chosen, steps=20_000, seed=7)
    assert [trace.invariant for trace in report.violations] == []
    reached = ("mint", "redeem", "borrow", "repay_borrow", "heal_account", "liquidate_borrow", "donate")
    assert [name for name in reached if not report.by_action[name]["ok"]] == []


def with_cash(protocol: Protocol, *, counts_donations: bool) -> Protocol:
    """The pool whose cash is its token balance, or is counted."""
    data = protocol.canonical_json()
    data["pools"][0]["venus"] = {"counts_donations": counts_donations}
    return Protocol.model_validate(data)


def test_a_donation_alone_exceeds_the_cap_where_the_balance_is_cash(protocol: Protocol) -> None:
    """Before 4.4.0 what is given to a market is collateral at once."""
    found = tried(VENUS, with_cash(protocol, counts_donations=True), CATALOGUE["CAP-2"])
    assert found is not None
    assert [step.action for step in found.runs[0]] == ["enter_market", "donate"]


def test_a_state_survives_json(protocol: Protocol) -> None:
    """Markets entered, delegates and rate models are written and read back."""
    pool = VENUS.build(protocol)
    pool.entered.restore_("alice", ("USDT", "WBNB"))
    pool.delegates.restore_("bob", frozenset({"alice"}))
    written = state_to_json(pool)
    again = VENUS.build(protocol)
    set_state(again, written, "state")
    assert state_to_json(again) == written
    assert again.entered["alice"] == ("USDT", "WBNB")
    assert again.seen("USDT").rate_model == pool.seen("USDT").rate_model

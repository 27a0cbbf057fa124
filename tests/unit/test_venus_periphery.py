"""What is false of the registry's and the rewards' claims in more ways than one; the weaker ones are not vacuous."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.invariants.deployed.venus import VENUS as CATALOGUE
from poolproof.invariants.deployed.venus.periphery import unlisted
from poolproof.models.deployed.venus.governance import unlist_market
from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.deployed.venus.refusals import ActionPaused, InsufficientLiquidity
from poolproof.proofs import registry
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import Trace, TracedStep, Violated, trace_from_json, traced
from poolproof.proofs.trial import ConcreteTrial, run_scenario
from poolproof.spec.action import perform
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

NAME = "venus-bsc-liquid-staked-bnb"
VTOKEN = 10**10
"""One vToken's value at the start [smallest unit]."""
TOKEN = 10**18
Step = tuple[Any, ...]
"""The name of an action, its arguments."""

TWO_ACCRUALS: tuple[Step, ...] = (
    ("borrow", "seed", "ankrBNB", 2_000_000),
    ("pass_time", 1000),
    ("accrue_interest", "ankrBNB"),
    ("pass_time", 1000),
    ("accrue_interest", "ankrBNB"),
)


def trace_of(name: str, steps: tuple[Step, ...], scenario: Step, protocol: Protocol) -> Trace:
    """A run, with the scenario at its end, as a trace file has it."""
    run: list[TracedStep] = [traced(VENUS.action(action), arguments) for action, *arguments in steps]
    clause = next(clause for clause in CATALOGUE[name].clauses if clause.name == scenario[0])
    arguments = dict(zip(clause.domains, map(str, scenario[1:]), strict=True))
    values = {"scenario": {"clause": clause.name, **arguments}}
    trace = Trace(NAME, protocol.canonical_json(), name, [run], Violated(0, len(run) - 1, "false", values))
    return trace_from_json(trace.to_json(), "a trace", lambda _: VENUS)


@pytest.fixture(name="protocol", scope="module")
def shipped() -> Protocol:
    """The shipped pool."""
    return load_protocol(NAME)


def with_cash(protocol: Protocol, *, counts_donations: bool) -> Protocol:
    """The pool whose cash is its token balance, or is counted."""
    data = protocol.canonical_json()
    data["pools"][0]["venus"] = {"counts_donations": counts_donations}
    return Protocol.model_validate(data)


OTHERWISE: dict[str, tuple[tuple[Step, ...], Step]] = {
    "REG-1": ((("set_price", "WBNB", 0),), ("nobody_supplies_without_a_price", "alice", "WBNB", 1)),
    "REW-3": (
        (*[("pass_time", 2**30)] * 3, ("pass_time", 2**30 - 1)),
        ("repay_borrow_is_unchanged_by_rewards", "alice", "ankrBNB", 0, 0, 1),
    ),
}
"""Other ways in which a claim is false."""


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_is_false_in_another_way_has_a_trace_too(name: str, protocol: Protocol) -> None:
    """The price that a market need not have, and the blocks that no longer fit their 32 bits."""
    assert replay(trace_of(name, *OTHERWISE[name], protocol), registry.find).violation is not None


def test_an_unlisted_debt_lets_its_collateral_go(protocol: Protocol) -> None:
    """Once the market of a debt is unlisted, the borrower redeems all of its collateral, and nobody can repay."""
    pool = VENUS.build(protocol)
    steps = (
        ("mint", "alice", "WBNB", 100 * TOKEN),
        ("enter_market", "alice", "WBNB"),
        ("borrow", "alice", "ankrBNB", TOKEN),
    )
    for name, *arguments in steps:
        assert perform(pool, VENUS.action(name), tuple(arguments)) is None
    held = pool.seen("WBNB").tokens["alice"]
    everything = ("alice", "WBNB", held)
    assert isinstance(perform(pool, VENUS.action("redeem"), everything), InsufficientLiquidity)
    assert unlisted(ConcreteTrial(VENUS), pool, "ankrBNB") is None
    assert perform(pool, VENUS.action("redeem"), everything) is None
    assert pool.seen("ankrBNB").principal["alice"] == TOKEN
    assert isinstance(perform(pool, VENUS.action("repay_borrow"), ("alice", "ankrBNB", TOKEN)), ActionPaused)


@pytest.mark.parametrize("number", ["paused", "supply_cap", "borrow_cap", "collateral_factor"])
def test_unlisting_asks_for_every_parameter(protocol: Protocol, number: str) -> None:
    """REG-2-w runs where all but one of them allow it, and holds; where all do, its assumption fails."""
    clause = next(each for each in CATALOGUE["REG-2-w"].clauses if each.name == "what_is_open_cannot_be_unlisted")
    pool = VENUS.build(protocol)
    market = pool.seen("WBNB")
    market.paused, market.supply_cap, market.borrow_cap, market.collateral_factor = 511, 0, 0, 0
    setattr(market, number, 255)
    assert run_scenario(VENUS, clause, pool, ("WBNB",)) is None
    assert perform(pool, unlist_market, ("WBNB",)) is not None


def test_a_donation_robs_the_second_deposit_where_the_balance_is_cash(protocol: Protocol) -> None:
    """REG-3-w without its condition: one vToken is left, 1000 tokens are sent after it, and 90 more get nothing."""
    pool = VENUS.build(with_cash(protocol, counts_donations=True))
    steps: tuple[Step, ...] = (
        ("redeem", "seed", "ankrBNB", 4 * 10**9 - 1),
        ("donate", "alice", "ankrBNB", 1000 * TOKEN),
        ("mint", "bob", "ankrBNB", 90 * TOKEN),
    )
    for name, *arguments in steps:
        assert perform(pool, VENUS.action(name), tuple(arguments)) is None, name
    assert pool.seen("ankrBNB").tokens["bob"] == 0


EMPTY: tuple[Step, ...] = (("redeem", "seed", "ankrBNB", 4 * 10**9),)
ENTERED: tuple[Step, ...] = (
    ("mint", "alice", "WBNB", TOKEN),
    ("enter_market", "alice", "WBNB"),
    ("borrow", "alice", "WBNB", TOKEN // 10),
)
REACHED: dict[str, tuple[tuple[Step, ...], Step]] = {
    "REG-2-w": (ENTERED, ("a_market_counts_where_the_account_is_in_it", "alice", "WBNB")),
    "REG-3-w": (
        EMPTY,
        ("a_deposit_after_a_donation_cannot_be_robbed", "alice", "bob", "ankrBNB", TOKEN, 9 * VTOKEN - 1),
    ),
    "REW-1-w": (TWO_ACCRUALS, ("a_borrower_gets_its_part_at_most", "seed", "ankrBNB", TOKEN, 1)),
    "REW-2-w": (
        ENTERED[:1],
        ("splitting_vtokens_earns_nothing_more", "alice", "bob", "WBNB", 33_333_333, TOKEN + 1, 7),
    ),
    "REW-3-w": (ENTERED, ("settling_a_borrower_is_never_refused", "alice", "WBNB", TOKEN, 0)),
}
"""A state and arguments in which a weaker claim is put to the test, and holds."""


class Counting(ConcreteTrial):
    """Counts the claims that it comes to."""

    claims = 0

    def claim(self, condition: Any, message: str) -> None:
        """Count, then claim."""
        self.claims += 1
        super().claim(condition, message)


@pytest.mark.parametrize("name", REACHED)
def test_a_weaker_claim_is_not_vacuous(name: str, protocol: Protocol) -> None:
    """Its assumptions hold somewhere, and so do its claims."""
    steps, (clause_name, *arguments) = REACHED[name]
    pool = VENUS.build(protocol)
    for action, *values in steps:
        assert perform(pool, VENUS.action(action), tuple(values)) is None, action
    clause = next(each for each in CATALOGUE[name].clauses if each.name == clause_name)
    trial = Counting(VENUS)
    clause.check(trial, pool, *arguments)
    assert trial.claims

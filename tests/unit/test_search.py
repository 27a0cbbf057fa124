"""The search finds planted bugs from the initial state, and says how far it has looked where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.models import isolated_pool, liquidation, market
from poolproof.models.reference import REFERENCE
from poolproof.proofs import questions
from poolproof.proofs import search as module
from poolproof.proofs.fuzz import hunt
from poolproof.proofs.search import SearchReport, search
from poolproof.proofs.traces import Trace
from poolproof.spec.action import asset, perform, tokens, user
from poolproof.spec.arithmetic import WAD, div_down
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Catalogue, Invariant, Step, Trial
from poolproof.spec.loading import load_protocol
from poolproof.spec.logic import negation
from poolproof.spec.protocol import Protocol

DEPOSIT, BORROW = ("deposit", "alice", "ETH"), ("borrow", "alice", "ETH")


def said(trace: Trace | None) -> list[tuple[Any, ...]]:
    """The actions of a trace with their arguments."""
    assert trace is not None
    return [(step.action, *step.args.values()) for step in trace.runs[0]]


def never(action: str) -> Invariant:
    """A false claim: an action changes nothing in any market and no account's position there."""
    invariant = Catalogue().declare("X-1", f"{action} changes nothing", "step")

    @invariant.step("market", of=(REFERENCE.action(action),))
    def nothing_changes(step: Step, old: Any, new: Any) -> Any:
        same = (new.feed.price == old.feed.price) & (new.feed.updated_at == old.feed.updated_at)
        for name in new.scalars:
            if name != "rates":
                same = same & (getattr(new, name) == getattr(old, name))
        for name in new.ledgers:
            for account in getattr(new, name):
                same = same & (getattr(new, name)[account] == getattr(old, name)[account])
        return same & (new.rates is old.rates)

    return invariant


@pytest.fixture
def reckless(monkeypatch: pytest.MonkeyPatch) -> Invariant:
    """A planted bug: liquidation does not look at health.  The claim that it breaks."""
    sound = liquidation.margin_to_liquidation
    monkeypatch.setattr(isolated_pool, "margin_to_liquidation", lambda *_: -1)
    invariant = Catalogue().declare("LIQ-1", "only an unhealthy account can be liquidated", "step")

    @invariant.step("pool", of=(REFERENCE.action("liquidate"),), instant=True)
    def only_the_unhealthy(step: Step) -> Any:
        return step.old.markets.sum_over(step.arguments["borrower"], sound, step.old.now) < 0

    return invariant


# --- planted bugs -------------------------------------------------------------------------------------------------


def test_a_generous_redemption_is_found(generous: None, minimal: Protocol, small_catalogue: Catalogue) -> None:
    """The ceiling of the shares' value is too much: two actions, the same as those that the fuzzer ends with."""
    report = search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=3)
    assert said(report.trace) == [(*DEPOSIT, 1), ("redeem", "alice", "ETH", 1)]
    assert not report.complete
    hunted = hunt(REFERENCE, minimal, small_catalogue["SOLV-3"], budget_steps=5000, seed=1)
    assert said(hunted) == said(report.trace)


def test_a_repayment_that_collects_the_floor_is_found(
    monkeypatch: pytest.MonkeyPatch, minimal: Protocol, small_catalogue: Catalogue
) -> None:
    """It takes a debt, and interest that makes the index odd: four actions."""

    def floor(where: Any, debt_shares: Any) -> Any:
        return div_down(debt_shares * where.index, WAD)

    monkeypatch.setattr(isolated_pool, "tokens_for_debt", floor)
    report = search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=4, actions_hint=("repay",))
    repaid = ("repay", "alice", "alice", "ETH", 2)
    assert said(report.trace) == [(*DEPOSIT, 2), (*BORROW, 1), ("pass_time", 1), repaid]


def test_a_borrow_that_owes_the_floor_is_found(
    monkeypatch: pytest.MonkeyPatch, minimal: Protocol, small_catalogue: Catalogue
) -> None:
    """A second borrow, after some time, owes less than it takes."""

    def floor(where: Any, amount: Any) -> Any:
        return div_down(amount * WAD, where.index)

    monkeypatch.setattr(isolated_pool, "debt_shares_for_borrow", floor)
    report = search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=4, actions_hint=("borrow",))
    assert said(report.trace) == [(*DEPOSIT, 3), (*BORROW, 1), ("pass_time", 1), (*BORROW, 1)]


def test_a_liquidation_of_the_healthy_is_found(reckless: Invariant, minimal: Protocol) -> None:
    """Without a hint: the action that the clause names is tried wherever the search gets."""
    report = search(REFERENCE, minimal, reckless, depth=4)
    assert said(report.trace) == [(*DEPOSIT, 2), (*BORROW, 1), ("liquidate", "bob", "alice", "ETH", "ETH", 1)]


def test_a_scenario_is_searched_from_each_state(generous: None, minimal: Protocol, small_catalogue: Catalogue) -> None:
    """In and out at once pays, from the initial state already; the scenario's arguments stand in the trace."""
    report = search(REFERENCE, minimal, small_catalogue["RND-4"], depth=2)
    assert said(report.trace) == []
    assert report.trace is not None
    assert report.trace.violation is not None
    assert report.trace.violation.values["scenario"]["amount"] == "1"


def test_a_scenario_is_searched_after_actions(minimal: Protocol) -> None:
    """A claim that fails only where somebody else has supplied before."""
    invariant = Catalogue().declare("X-2", "nobody borrows without supplying", "refusal")

    @invariant.scenario(user=user(), asset=asset(), amount=tokens())
    def nobody_supplies_to_others(trial: Trial, pool: Any, user: str, asset: str, amount: Any) -> None:
        supplied = pool.markets[asset].cash
        trial.assume(pool.markets[asset].shares[user] == 0)
        trial.assume(trial.do(pool, REFERENCE.action("deposit"), user, asset, amount) is None)
        trial.claim((supplied == 0) | (amount < 5), "the first to supply")

    report = search(REFERENCE, minimal, invariant, depth=1)
    assert said(report.trace) == [(*DEPOSIT, 1)]
    assert report.trace is not None
    assert report.trace.violation is not None
    assert report.trace.violation.values["scenario"]["user"] == "bob"
    assert report.trace.violation.values["scenario"]["amount"] == "5"


def test_what_fails_at_the_start_needs_no_action(minimal: Protocol) -> None:
    """Depth 0 is the initial state."""
    invariant = Catalogue().declare("X-3", "there is cash", "state")
    invariant.state()(lambda _, market: market.cash > 0)
    assert said(search(REFERENCE, minimal, invariant, depth=0).trace) == []


def test_the_first_assets_come_first_in_a_large_pool(generous: None, small_catalogue: Catalogue) -> None:
    """Nine markets do not hide what two show."""
    report = search(REFERENCE, load_protocol("liquid-staked-bnb"), small_catalogue["SOLV-3"], depth=2)
    assert [step[0] for step in said(report.trace)] == ["deposit", "redeem"]
    assert report.sequences < 500


@pytest.mark.parametrize(
    ("action", "length"),
    [
        ("deposit", 1), ("redeem", 2), ("withdraw", 2), ("transfer", 2), ("enter", 1), ("exit", 2), ("borrow", 2),
        ("repay", 2), ("accrue_interest", 2), ("add_reserves", 1), ("take_reserves", 2), ("donate", 1),
        ("set_price", 1), ("set_risk_factors", 1), ("set_supply_cap", 1), ("set_borrow_cap", 1),
        ("set_reserve_factor", 1), ("set_rate_model", 1),
    ],
)  # fmt: skip
def test_each_action_is_searched_for(minimal: Protocol, action: str, length: int) -> None:
    """A run in which the action changes a market is found, and none is shorter."""
    assert len(said(search(REFERENCE, minimal, never(action), depth=3).trace)) == length
    assert search(REFERENCE, minimal, never(action), depth=length - 1).complete


def test_a_liquidation_can_be_reached(minimal: Protocol) -> None:
    """Four actions, the price among them: nobody is born unhealthy."""
    steps = said(search(REFERENCE, minimal, never("liquidate"), depth=4).trace)
    assert [step[0] for step in steps] == ["deposit", "borrow", "set_price", "liquidate"]


RUNS: list[list[tuple[Any, ...]]] = [
    [(*DEPOSIT, 7), (*BORROW, 3), ("pass_time", 86_400)],
    [("deposit", "alice", "USDC", 50), ("transfer", "alice", "bob", "USDC", 10**18), ("enter", "bob", "USDC")],
    [("set_price", "ETH", 5), ("pass_time", 9), ("deposit", "bob", "ETH", 3)],
    [("donate", "carol", "ETH", 4), ("set_risk_factors", "USDC", 1, 2), (*DEPOSIT, 10**18)],
    [("add_reserves", "bob", "ETH", 8), ("pass_time", 3), ("take_reserves", "ETH", 5)],
]


@pytest.mark.parametrize("run", RUNS)
def test_what_a_run_reaches_is_reached(minimal: Protocol, run: list[tuple[Any, ...]]) -> None:
    """Nothing is pruned away: the claim that the end of a run cannot be reached is broken."""
    end = REFERENCE.build(minimal)
    for name, *values in run:
        assert perform(end, REFERENCE.action(name), tuple(values)) is None
    invariant = Catalogue().declare("X-8", "this state is not reached", "state")

    @invariant.state("pool")
    def elsewhere(pool: Any) -> Any:
        there = pool.now == end.now
        for name, reached in end.markets.items():
            there = there & (pool.markets[name].feed.price == reached.feed.price)
            for scalar in reached.scalars:
                if scalar != "rates":
                    there = there & (getattr(pool.markets[name], scalar) == getattr(reached, scalar))
        return negation(there)

    report = search(REFERENCE, minimal, invariant, depth=3, actions_hint={call[0] for call in run})
    assert 1 <= len(said(report.trace)) <= 3


# --- what holds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["SOLV-3", "CONS-2"])
def test_a_sound_model_holds_to_the_depth(
    minimal: Protocol,
    small_catalogue: Catalogue,
    id: str,  # noqa: A002 - an invariant's id
) -> None:
    """Nothing is found, everything was tried, and the report says so."""
    report = search(REFERENCE, minimal, small_catalogue[id], depth=2)
    assert report.trace is None
    assert report.complete
    assert (report.depth, report.undecided, report.reason) == (2, 0, None)
    assert report.sequences > 2000
    assert report.questions > 20


def test_time_and_parameters_stay_inside_the_region(minimal: Protocol) -> None:
    """The claims are made for the admissible region, and for the horizon that the file declares."""
    inside = Catalogue().declare("X-4", "the region is not left", "state")

    @inside.state("pool")
    def inside_the_region(pool: Any) -> Any:
        held = pool.now <= minimal.horizon
        for _, condition in REFERENCE.admissible(pool):
            held = held & condition
        return held

    assert search(REFERENCE, minimal, inside, depth=2).complete
    edge = Catalogue().declare("X-5", "the horizon is not reached", "state")
    edge.state("pool")(lambda pool: pool.now < minimal.horizon)
    assert said(search(REFERENCE, minimal, edge, depth=2).trace) == [("pass_time", minimal.horizon)]


# --- what is not finished says so ---------------------------------------------------------------------------------


def test_a_budget_ends_a_search_at_the_same_place(minimal: Protocol, small_catalogue: Catalogue) -> None:
    """Work is counted, not timed: two runs stop after the same sequences, and neither is complete."""
    first, again = (search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=3, budget=300_000) for _ in range(2))
    assert (first.sequences, first.questions, first.depth) == (again.sequences, again.questions, again.depth)
    assert not first.complete
    assert 0 <= first.depth < 3
    assert first.reason == f"the budget ended after {first.sequences} sequences"


def test_a_claim_that_the_solver_leaves_open_is_not_a_pass(
    monkeypatch: pytest.MonkeyPatch, minimal: Protocol, small_catalogue: Catalogue
) -> None:
    """With a solver that never answers nothing is pruned, nothing is found and nothing is decided."""
    answer = {"status": "unknown", "solver": None, "seconds": 0.0, "model": None, "reason": "tired"}
    monkeypatch.setattr(questions, "decide_text", lambda *_: answer)
    report = search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=2, budget=10**9)
    assert report.trace is None
    assert not report.complete
    assert report.depth == 1
    assert report.undecided > 0
    assert report.reason is not None
    assert report.reason.startswith(f"{report.undecided} claims were not decided, the first after deposit(alice, ")


def test_what_does_not_recur_on_integers_is_no_violation(
    monkeypatch: pytest.MonkeyPatch, generous: None, minimal: Protocol, small_catalogue: Catalogue
) -> None:
    """The solver's word is not enough; but the claim is not decided either."""
    monkeypatch.setattr(module, "shrink", lambda *_: None)
    report = search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=2)
    assert report.trace is None
    assert report.depth == 1
    assert report.undecided > 0


def test_a_division_by_zero_is_a_violation_of_its_own_invariant(
    monkeypatch: pytest.MonkeyPatch, minimal: Protocol
) -> None:
    """It is searched for under SOLV-6; under another invariant what comes after such a path is not decided."""

    def by_cash(where: Any, shares: Any) -> Any:
        return shares // where.cash

    monkeypatch.setattr(isolated_pool, "tokens_for_shares", by_cash)
    catalogue = Catalogue()
    no_division = catalogue.declare("SOLV-6", "no action divides by zero", "state")
    no_division.state()(lambda _, market: market.cash >= 0)
    assert said(search(REFERENCE, minimal, no_division, depth=2).trace) == [("redeem", "alice", "ETH", 0)]
    other = search(REFERENCE, minimal, never("enter"), depth=2)
    assert said(other.trace) == [("enter", "alice", "ETH")]
    sound = catalogue.declare("X-6", "there are no debts", "state")
    sound.state()(lambda _, market: market.debts.total() == 0)
    report = search(REFERENCE, minimal, sound, depth=1)
    assert (report.trace, report.complete, report.depth) == (None, False, 0)
    assert report.reason == "2 claims were not decided, the first after redeem(alice, ETH, ...)"


def test_a_divisor_that_may_be_negative_is_not_passed_over(monkeypatch: pytest.MonkeyPatch, minimal: Protocol) -> None:
    """Integers divide by a negative number where terms do not: what comes after such a division is not decided."""

    def by_difference(where: Any, shares: Any) -> Any:
        return 0 * (shares // (shares - 5))

    monkeypatch.setattr(isolated_pool, "tokens_for_shares", by_difference)
    invariant = Catalogue().declare("X-7", "no cash is lost", "state")
    invariant.state()(lambda _, market: market.cash >= 0)
    report = search(REFERENCE, minimal, invariant, depth=2)
    assert report.trace is None
    assert not report.complete


# --- the interface ------------------------------------------------------------------------------------------------


def test_a_search_tells_its_progress(
    monkeypatch: pytest.MonkeyPatch, minimal: Protocol, small_catalogue: Catalogue
) -> None:
    """The report grows while it is watched."""
    monkeypatch.setattr(module, "TOLD_EVERY", 0.0)
    told: list[tuple[int, int]] = []

    def listen(report: SearchReport) -> None:
        told.append((report.depth, report.sequences))

    report = search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=1, on_progress=listen)
    assert told == sorted(told)
    assert told[-1] == (0, report.sequences)


def test_a_seed_changes_the_order_alone(generous: None, minimal: Protocol, small_catalogue: Catalogue) -> None:
    """What is complete is complete in any order, and the trace is the same."""
    orders = [search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=2, seed=seed) for seed in (0, 5)]
    assert said(orders[0].trace) == said(orders[1].trace)
    assert orders[0].sequences != orders[1].sequences


def test_hints_that_are_no_actions_are_passed_over(reckless: Invariant, minimal: Protocol) -> None:
    """The induction's words for its cases (any state, a scenario) may stand among the hints."""
    report = search(REFERENCE, minimal, reckless, depth=3, actions_hint=("scenario", "any state"))
    assert len(said(report.trace)) == 3


def test_a_depth_below_nothing_is_refused(minimal: Protocol, small_catalogue: Catalogue) -> None:
    """With what to write instead."""
    with pytest.raises(UsageError, match="a depth of -1 is below 0; write a number of actions"):
        search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=-1)


def test_the_model_is_left_as_it_was(minimal: Protocol, small_catalogue: Catalogue) -> None:
    """A search leaves no term behind: the next run is on integers."""
    search(REFERENCE, minimal, small_catalogue["SOLV-3"], depth=1)
    pool = REFERENCE.build(minimal)
    REFERENCE.action("deposit")(pool, "alice", "ETH", 5)
    assert pool.markets["ETH"].cash == 5
    assert market.priced_assets(pool.markets["ETH"]) == 5 * WAD + 1

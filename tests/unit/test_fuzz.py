"""The fuzzer: what it does is repeatable, balanced and lively; what it finds is shrunk."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.models import isolated_pool
from poolproof.models.reference import REFERENCE
from poolproof.proofs.draw import DUST, PROFILES, Draw
from poolproof.proofs.fuzz import fuzz, hunt
from poolproof.proofs.snapshots import copy_state, state_to_json
from poolproof.proofs.tactics import Tactics
from poolproof.spec.action import Action, asset, perform, shares, tokens, user
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal


@pytest.mark.parametrize("name", ["minimal", "liquid-staked-bnb"])
def test_actions_mostly_succeed_and_every_kind_happens(name: str) -> None:
    """At least 70 % succeed, no kind is below 0.5 % of all, and each kind succeeds sometimes."""
    report = fuzz(REFERENCE, load_protocol(name), [], steps=60_000, seed=1, checks="none")
    assert report.actions == 60_000
    assert report.succeeded + report.refused == report.actions
    assert report.succeeded >= 0.7 * report.actions
    for action, counts in report.by_action.items():
        assert counts["ok"] + counts["refused"] >= 0.005 * report.actions, action
        assert counts["ok"] >= 0.001 * report.actions, action


def test_rare_states_occur() -> None:
    """Unhealthy accounts, bad debt with and without reserves, empty and illiquid markets, missing prices."""
    protocol = load_protocol("minimal")
    random = Random(2)
    tactics = Tactics(REFERENCE, protocol, random)
    initial = REFERENCE.build(protocol)
    seen: dict[str, int] = {}
    for episode in range(150):
        state = copy_state(initial)
        tactics.begin(state, PROFILES[episode % 3])
        for _ in range(100):
            action, arguments = tactics.next()
            reserves = [market.reserves for market in state.markets.values()]
            refusal = perform(state, action, arguments)
            if refusal is not None:
                seen[refusal.name] = seen.get(refusal.name, 0) + 1
            markets = list(state.markets.values())
            for label, holds in (
                ("write-off", action.name == "write_off" and refusal is None),
                ("write-off on reserves", action.name == "write_off" and refusal is None and any(reserves)),
                ("bad debt", any(m.bad_debt for m in markets)),
                ("emptied", any(m.supply == 0 and m.index > 10**18 for m in markets)),
                ("illiquid", any(m.cash == 0 and m.debt_shares for m in markets)),
                ("no price", any(m.feed.price == 0 for m in markets)),
                ("donation", any(m.donated for m in markets)),
                ("dust", any(0 < m.supply < 20 * 10**24 for m in markets)),
            ):
                seen[label] = seen.get(label, 0) + bool(holds)
    rare = {name: count for name, count in seen.items() if count == 0}
    assert not rare
    for refusal_name in (
        "AccountHealthy",
        "InsufficientCollateral",
        "Collectable",
        "PriceMissing",
        "SelfLiquidation",
    ):
        assert seen.get(refusal_name), refusal_name


def test_the_same_seed_is_the_same_run(minimal: Protocol) -> None:
    """Counts repeat exactly with a seed, and differ with another."""
    first, again, other = (fuzz(REFERENCE, minimal, [], steps=3000, seed=seed) for seed in (4, 4, 5))
    assert first.by_action == again.by_action
    assert first.by_action != other.by_action


@pytest.mark.parametrize("profile", PROFILES)
def test_a_drawn_run_stays_in_the_admissible_region(profile: Any) -> None:
    """The claims are made for the admissible region, so the fuzzer never leaves it."""
    protocol = load_protocol("liquid-staked-bnb")
    tactics = Tactics(REFERENCE, protocol, Random(7))
    for _ in range(25):
        state = REFERENCE.build(protocol)
        tactics.begin(state, profile)
        for _ in range(120):
            perform(state, *tactics.next())
            assert not [name for name, holds in REFERENCE.admissible(state) if not holds]
        assert state.now <= protocol.horizon


def test_a_planted_bug_is_found_and_shrunk(generous: None, minimal: Protocol, small_catalogue: Catalogue) -> None:
    """One trace for each invariant that the bug breaks, state, step and scenario alike."""
    report = fuzz(REFERENCE, minimal, small_catalogue, steps=6000, seed=3)
    found = {trace.invariant: trace for trace in report.violations}
    assert set(found) == {"SOLV-3", "RND-4"}
    steps = [(step.action, *step.args.values()) for step in found["SOLV-3"].runs[0]]
    assert steps == [("deposit", "alice", "ETH", 1), ("redeem", "alice", "ETH", 1)]
    assert found["RND-4"].runs == [[]]
    assert report.to_json()["violations"][0]["schema"] == "poolproof.trace/1"


def test_jobs_are_added_up(minimal: Protocol) -> None:
    """Two processes do the steps together, each with a seed of its own, and tell how far they are."""
    told: list[int] = []
    chosen = [CATALOGUE["CONS-2"], CATALOGUE["SOLV-7"]]
    report = fuzz(
        REFERENCE,
        minimal,
        chosen,
        steps=4000,
        seed=3,
        jobs=2,
        on_progress=lambda each: told.append(each.actions),
    )
    assert report.actions == 4000
    assert report.violations == []
    assert told[-1] == 4000
    again = fuzz(REFERENCE, minimal, chosen, steps=4000, seed=3, jobs=2)
    assert again.by_action == report.by_action


def test_what_two_jobs_find_is_reported_once(generous: None, minimal: Protocol, small_catalogue: Catalogue) -> None:
    """Reports are added up, and of each invariant the first trace stays."""
    one, other = (fuzz(REFERENCE, minimal, small_catalogue, steps=3000, seed=seed) for seed in (1, 2))
    first = {trace.invariant: trace for trace in one.violations}
    actions = one.actions
    one.add(other)
    assert one.actions == actions + other.actions
    assert {trace.invariant: trace for trace in one.violations} == first
    assert one.by_action["deposit"]["ok"] > other.by_action["deposit"]["ok"]


def test_what_no_other_process_knows_is_not_shared_out(
    generous: None, minimal: Protocol, small_catalogue: Catalogue
) -> None:
    """Invariants of one's own run here, whatever the number of jobs."""
    report = fuzz(REFERENCE, minimal, small_catalogue, steps=3000, seed=3, jobs=2)
    assert "SOLV-3" in {trace.invariant for trace in report.violations}


def test_a_division_by_zero_never_ends_the_fuzzer(minimal: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a violation of SOLV-6, whether an invariant of that id is checked or not."""

    def divides(_market: Any, _amount: int) -> int:
        return 1 // 0

    monkeypatch.setattr(isolated_pool, "shares_for_deposit", divides)
    for checks in ("all", "none"):
        report = fuzz(REFERENCE, minimal, [], steps=500, seed=1, checks=checks)
        assert report.actions == 500
        (trace,) = report.violations
        assert trace.invariant == "SOLV-6"
        assert [step.action for step in trace.runs[0]] == ["deposit"]
        assert trace.violation is not None
        assert trace.violation.message == "division by zero"


def test_a_campaign_can_be_limited(minimal: Protocol) -> None:
    """Only the actions named are drawn; a time limit ends it."""
    report = fuzz(REFERENCE, minimal, [], seconds=0.05, seed=1, only_actions=("deposit", "redeem"))
    assert report.actions > 0
    done = {name for name, counts in report.by_action.items() if counts["ok"]}
    assert done == {"deposit", "redeem"}


def test_a_campaign_starts_where_it_is_told(minimal: Protocol, small_catalogue: Catalogue) -> None:
    """A start in which an invariant fails already is reported without a step."""
    state = REFERENCE.build(minimal)
    state.markets["ETH"].supply = 5
    start = state_to_json(state)
    report = fuzz(REFERENCE, minimal, [small_catalogue["CONS-2"]], steps=200, seed=1, start=start)
    assert [trace.invariant for trace in report.violations] == ["CONS-2"]
    assert report.violations[0].runs == [[]]
    assert report.violations[0].start == start


@pytest.mark.parametrize("id", ["SOLV-3", "RND-4"])
def test_a_hunt_finds_the_planted_bug(
    generous: None,
    minimal: Protocol,
    small_catalogue: Catalogue,
    id: str,  # noqa: A002
) -> None:
    """Step and scenario clauses alike; without the bug there is nothing to find."""
    trace = hunt(REFERENCE, minimal, small_catalogue[id], budget_steps=5000, seed=9)
    assert trace is not None
    assert trace.invariant == id
    assert len(trace.runs[0]) <= 2


def test_a_hunt_ends_with_its_budget(minimal: Protocol, small_catalogue: Catalogue) -> None:
    """Nothing is found in a sound model."""
    assert hunt(REFERENCE, minimal, small_catalogue["SOLV-3"], budget_steps=3000, seed=1) is None


def test_an_action_without_a_tactic_is_drawn_from_its_domains(minimal: Protocol) -> None:
    """A designer's action is fuzzed as declared, with amounts beside those that the state holds."""
    seen: list[tuple[Any, ...]] = []

    def run(pool: Any, *arguments: Any) -> None:
        seen.append(arguments)
        raise Refusal

    domains = {"who": user(), "asset": asset(), "amount": tokens(), "shares": shares()}
    sweep = Action("sweep", run, domains, "user", "who", "sweep")
    model = Model("designed", REFERENCE.build, (sweep,), REFERENCE.accrue, REFERENCE.admissible)
    report = fuzz(model, minimal, [], steps=400, seed=1)
    assert report.refused == 400
    assert {who for who, *_ in seen} <= set(minimal.users)
    assert {asset for _, asset, *_ in seen} == {"ETH", "USDC"}
    wallet = {"ETH": 10_000 * 10**18, "USDC": 20_000_000 * 10**6}
    assert any(amount == wallet[asset] for _, asset, amount, _ in seen)


def test_amounts_are_drawn_around_their_limit() -> None:
    """All of it, one less, one more, half, one unit, and every order of magnitude between."""
    draw = Draw(Random(1))
    drawn = {draw.amount(10**6) for _ in range(4000)}
    assert {10**6, 10**6 - 1, 10**6 + 1, 5 * 10**5, 0, 1} <= drawn
    assert max(drawn) == 10**6 + 1
    assert {len(str(number)) for number in drawn} == {1, 2, 3, 4, 5, 6, 7}
    assert max(Draw(Random(1), DUST).amount(10**6) for _ in range(1000)) <= 13

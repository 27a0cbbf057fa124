"""The monitor sees what an action did, and nothing that it did not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from poolproof.models.market import accrue, require_price
from poolproof.models.reference import REFERENCE
from poolproof.proofs.monitor import UNDEFINED, Monitor, Violation, run_scenario
from poolproof.proofs.replay import differences
from poolproof.proofs.snapshots import copy_state, state_to_json
from poolproof.proofs.tactics import Tactics
from poolproof.spec.action import asset, perform, user
from poolproof.spec.invariant import Catalogue, Invariant, Step, Trial
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol


def an_invariant(add: Callable[[Invariant], Any]) -> list[Invariant]:
    """An invariant with one clause."""
    invariant = Catalogue().declare("X-1", "a claim", "step")
    add(invariant)
    return [invariant]


def act(state: Any, monitor: Monitor, name: str, *arguments: Any) -> list[Violation]:
    """Carry an action out that has to complete, and check it."""
    action = REFERENCE.action(name)
    assert perform(state, action, arguments) is None
    return monitor.check(action, arguments)


def accrued(state: Any, now: int) -> Any:
    """A state in JSON, brought to a time."""
    state.now = now
    for market in state.markets.values():
        accrue(market, now)
    return state_to_json(state)


@pytest.mark.parametrize("name", ["minimal", "liquid-staked-bnb"])
def test_the_past_is_the_state_before(name: str) -> None:
    """Along a random run, `old` equals a copy that was taken before each action, `new` the state after it.

    Within an instant, both equal copies of which every market was accrued.
    """
    protocol = load_protocol(name)
    state = REFERENCE.build(protocol)
    seen: list[tuple[Any, Any]] = []
    within: list[tuple[Any, Any]] = []

    def look(step: Step) -> bool:
        seen.append((state_to_json(step.old), state_to_json(step.new)))
        return True

    def look_within(step: Step) -> bool:
        within.append((state_to_json(step.old), state_to_json(step.new)))
        return True

    invariants = an_invariant(lambda i: (i.step("pool")(look), i.step("pool", instant=True)(look_within)))
    monitor = Monitor(REFERENCE, invariants, protocol.users)
    monitor.bind(state)
    tactics = Tactics(REFERENCE, protocol, Random(11))
    tactics.begin(state)
    compared = 0
    for _ in range(400):
        action, arguments = tactics.next()
        before, copied = state_to_json(state), copy_state(state)
        if perform(state, action, arguments) is None:
            monitor.check(action, arguments)
            old, new = seen.pop()
            assert not list(differences(old, before))
            assert not list(differences(new, state_to_json(state)))
            old, new = within.pop()
            assert not list(differences(old, accrued(copied, state.now)))
            assert not list(differences(new, accrued(copy_state(state), state.now)))
            compared += 1
    assert compared > 200


def test_within_an_instant_the_past_is_accrued(minimal: Protocol) -> None:
    """The interest of the time before the action is in `old` already, and so is the time."""
    state = REFERENCE.build(minimal)
    seen: list[Any] = []

    def look(step: Step, old: Any, new: Any) -> bool:
        seen.append((old.asset, old.index, old.reserves, new.index, step.old.now))
        return True

    monitor = Monitor(REFERENCE, an_invariant(lambda i: i.step(instant=True)(look)), minimal.users)
    monitor.bind(state)
    act(state, monitor, "deposit", "alice", "ETH", 1000)
    act(state, monitor, "borrow", "alice", "ETH", 500)
    act(state, monitor, "pass_time", 86_400)
    expected = copy_state(state)
    accrue(expected.markets["ETH"], expected.now)
    seen.clear()
    act(state, monitor, "deposit", "bob", "ETH", 1)
    index, reserves = expected.markets["ETH"].index, expected.markets["ETH"].reserves
    assert seen == [("ETH", index, reserves, index, 86_400)]
    assert index > 10**18


@pytest.mark.parametrize(
    ("over", "places"),
    [
        ("pool", [()]),
        ("market", [("ETH",)]),
        ("account", [("alice",)]),
        ("position", [("ETH", "alice")]),
    ],
)
def test_a_state_clause_is_evaluated_where_the_action_was(
    minimal: Protocol, over: Any, places: list[tuple[str, ...]]
) -> None:
    """A deposit concerns its market and its user; time concerns every market and whoever has a stake."""
    state = REFERENCE.build(minimal)
    seen: list[tuple[str, ...]] = []

    def look(_pool: Any, *place: Any) -> bool:
        seen.append(tuple(p if isinstance(p, str) else p.asset for p in place))
        return True

    monitor = Monitor(REFERENCE, an_invariant(lambda i: i.state(over)(look)), minimal.users)
    monitor.bind(state)
    act(state, monitor, "deposit", "alice", "ETH", 1000)
    assert seen == places
    seen.clear()
    act(state, monitor, "pass_time", 5)
    everywhere = {"market": [("ETH",), ("USDC",)]}
    assert seen == everywhere.get(over, places)


def test_a_changed_price_concerns_its_market(minimal: Protocol) -> None:
    """A price is part of a market, though it stands in a table of its own."""
    state = REFERENCE.build(minimal)
    seen: list[Any] = []

    def look(step: Step, old: Any, new: Any) -> bool:
        seen.append((new.asset, old.feed.price, new.feed.price, step.old.feeds["USDC"].price))
        return True

    monitor = Monitor(REFERENCE, an_invariant(lambda i: i.step()(look)), minimal.users)
    monitor.bind(state)
    before = state.feeds["USDC"].price
    act(state, monitor, "set_price", "USDC", 7)
    assert seen == [("USDC", before, 7, before)]


def test_a_violation_shows_where_and_the_numbers(minimal: Protocol) -> None:
    """The clause in words, the market, the account, what differs and what is."""
    state = REFERENCE.build(minimal)

    def nobody_has_shares(step: Step, old: Any, new: Any, account: str) -> bool:
        return bool(new.shares[account] == 0)

    monitor = Monitor(REFERENCE, an_invariant(lambda i: i.step("position")(nobody_has_shares)), minimal.users)
    monitor.bind(state)
    (found,) = act(state, monitor, "deposit", "bob", "USDC", 3)
    assert found.invariant == "X-1"
    assert found.message == '"nobody has shares" does not hold in market "USDC" for account "bob"'
    assert found.values["market"] == "USDC"
    assert found.values["account"] == "bob"
    assert found.values["old"]["cash"] == "0"
    assert found.values["new"]["cash"] == "3"
    assert found.values["new"]["shares[bob]"] == str(state.markets["USDC"].shares["bob"])


def test_a_violation_shows_numbers_of_any_length(minimal: Protocol) -> None:
    """A broken model can make numbers of more digits than Python writes out; the violation is reported all the same."""
    nothing = Catalogue()
    claim = nothing.declare("NO-1", "the cash is none", "state", why="never")

    @claim.state()
    def the_cash_is_none(pool: Any, market: Any) -> bool:
        return bool(market.cash == 0)

    pool = REFERENCE.build(minimal)
    pool.markets["ETH"].cash = -(10**5000)
    monitor = Monitor(REFERENCE, nothing, minimal.users)
    monitor.bind(pool)
    (found,) = monitor.check_state()
    assert found.values["new"]["cash"] == "about -2^16610"


def test_a_clause_without_a_price_does_not_apply(minimal: Protocol) -> None:
    """A refusal inside a clause is no violation."""
    state = REFERENCE.build(minimal)
    evaluated: list[str] = []

    def needs_a_price(pool: Any, market: Any) -> bool:
        require_price(market, pool.now)
        evaluated.append(market.asset)
        return False

    monitor = Monitor(REFERENCE, an_invariant(lambda i: i.state()(needs_a_price)), minimal.users)
    monitor.bind(state)
    assert act(state, monitor, "set_price", "ETH", 0) == []
    assert evaluated == []
    assert len(act(state, monitor, "set_price", "ETH", 5)) == 1


@pytest.mark.parametrize("over", ["pool", "market", "account", "position"])
def test_a_division_by_zero_in_a_clause_is_reported(minimal: Protocol, over: Any) -> None:
    """The clause does not hold where it cannot be evaluated."""
    state = REFERENCE.build(minimal)
    invariants = an_invariant(lambda i: i.step(over)(lambda *_: 1 // 0))
    monitor = Monitor(REFERENCE, invariants, minimal.users)
    monitor.bind(state)
    (found,) = act(state, monitor, "deposit", "bob", "USDC", 3)
    assert (found.invariant, found.message) == (next(iter(invariants)).id, UNDEFINED)


def test_the_initial_state_is_checked(minimal: Protocol) -> None:
    """A state clause that fails before any action fails at once, in each place."""
    monitor = Monitor(REFERENCE, an_invariant(lambda i: i.state()(lambda *_: False)), minimal.users)
    monitor.bind(REFERENCE.build(minimal))
    assert [v.values["market"] for v in monitor.check_state()] == ["ETH", "USDC"]


def a_scenario(check: Callable[..., None], *, instant: bool = False) -> Any:
    """A scenario clause over a user and an asset."""
    (invariant,) = an_invariant(lambda i: i.scenario(instant=instant, user=user(), asset=asset())(check))
    return invariant.clauses[0]


def test_a_scenario_runs_on_a_copy(minimal: Protocol) -> None:
    """What it does stays with it; what it claims and does not hold is its message."""
    state = REFERENCE.build(minimal)

    def deposits_are_free(trial: Trial, pool: Any, user: str, asset: str) -> None:
        assert trial.do(pool, REFERENCE.action("deposit"), user, asset, 0) is not None
        other = trial.copy(pool)
        assert trial.do(pool, REFERENCE.action("deposit"), user, asset, 5) is None
        trial.claim(other.markets[asset].cash == 0, "a copy stays")
        trial.claim(pool.markets[asset].cash == 0, "cash stays")

    before = state_to_json(state)
    assert run_scenario(REFERENCE, a_scenario(deposits_are_free), state, ("alice", "ETH")) == "cash stays"
    assert state_to_json(state) == before


def test_a_scenario_without_its_premise_says_nothing(minimal: Protocol) -> None:
    """An assumption that does not hold ends it."""

    def never(trial: Trial, pool: Any, user: str, asset: str) -> None:
        trial.assume(condition=False)
        trial.claim(condition=False, message="unreachable")

    assert run_scenario(REFERENCE, a_scenario(never), REFERENCE.build(minimal), ("alice", "ETH")) is None


def test_a_scenario_within_an_instant_starts_accrued(minimal: Protocol) -> None:
    """All markets are brought to the present first."""
    state = REFERENCE.build(minimal)
    state.now = 9

    def accrued(trial: Trial, pool: Any, user: str, asset: str) -> None:
        trial.claim(all(m.accrued_at == 9 for m in pool.markets.values()), "accrued")

    assert run_scenario(REFERENCE, a_scenario(accrued, instant=True), state, ("alice", "ETH")) is None
    assert run_scenario(REFERENCE, a_scenario(accrued), state, ("alice", "ETH")) == "accrued"

"""Exploration visits every state of a small world once, checks every step, and finds what is planted."""

from __future__ import annotations

import dataclasses
import functools
from itertools import permutations
from typing import Any

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.models.isolated_pool import ACTIONS, Pool, donate
from poolproof.models.market import Market, pay, priced_assets, priced_shares
from poolproof.models.reference import REFERENCE
from poolproof.proofs.explore import ExploreReport, explore
from poolproof.proofs.monitor import Monitor
from poolproof.proofs.replay import replay
from poolproof.proofs.small_world import openings, small_world, templates
from poolproof.proofs.snapshots import copy_state, state_to_json
from poolproof.proofs.traces import Trace
from poolproof.spec.action import Action, action, asset, perform, tokens, user
from poolproof.spec.arithmetic import WAD, div_down
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Catalogue, Invariant, Step
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

INVARIANTS = tuple(CATALOGUE)


@functools.cache
def minimal() -> Protocol:
    """The protocol that is explored."""
    return load_protocol("minimal")


# --- the small world --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["minimal", "liquid-staked-bnb"])
def test_a_small_world_is_admissible(name: str) -> None:
    """A small world leaves the region for which the catalogue is claimed only where its protocol does."""
    protocol = load_protocol(name)
    world = small_world(protocol)
    inside = {condition: holds for condition, holds in REFERENCE.admissible(REFERENCE.build(protocol)) if not holds}
    assert {condition for condition, holds in REFERENCE.admissible(REFERENCE.build(world)) if not holds} <= set(inside)


def test_a_small_world_has_one_collateral_and_one_loan() -> None:
    """Of many markets two are kept: one that is collateral and one that can be borrowed."""
    world = small_world(load_protocol("liquid-staked-bnb"))
    (pool,) = world.pools
    assert len(pool.markets) == 2
    assert any(market.ltv for market in pool.markets)
    assert any(market.borrow_cap for market in pool.markets)
    assert world.name == "liquid-staked-bnb-small"
    assert len({market.price for market in pool.markets}) == 1


def test_a_small_world_without_users_is_refused() -> None:
    """A world needs an account, and not more than the protocol has."""
    with pytest.raises(UsageError, match="0 is not a number of users"):
        small_world(minimal(), 0)


def test_interest_shows_on_one_unit() -> None:
    """After the long step of time one unit of debt owes more than one unit."""
    world = small_world(minimal())
    state = REFERENCE.build(world)
    lent = openings(REFERENCE, world.users, tuple(state.markets))[-1]
    for what, arguments in lent:
        assert perform(state, what, arguments) is None
    perform(state, REFERENCE.action("pass_time"), (500,))
    perform(state, REFERENCE.action("accrue_interest"), ("USDC",))
    assert state.markets["USDC"].index > WAD * 11 // 10


# --- what is visited --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "generated", "distinct"), [(0, 0, 3), (1, 244, 117), (2, 9251, 2735)])
def test_the_counts_stay(depth: int, generated: int, distinct: int) -> None:
    """The same world has the same states: a difference is a change of the model or a lost state."""
    report = explore(REFERENCE, minimal(), INVARIANTS, depth=depth)
    assert (report.generated, report.distinct) == (generated, distinct)
    assert report.complete
    assert report.violations == []


def plainly(model: Model, depth: int, invariants: tuple[Invariant, ...]) -> tuple[int, int, set[str]]:
    """Explore without any of the ideas: copies of whole states, and the monitor after each action."""
    world = small_world(minimal())
    start = model.build(world)
    every = list(templates(model, world.users, tuple(start.markets)))
    monitor = Monitor(model, invariants, world.users)
    generated, broken = 0, set()
    level: list[Any] = []
    for calls in openings(model, world.users, tuple(start.markets)):
        state = copy_state(start)
        for what, arguments in calls:
            perform(state, what, arguments)
        level.append(state)
    seen = {least_renaming(state, world.users) for state in level}
    for _ in range(depth):
        following = []
        for old in level:
            for call in (call for template in every for call in template.calls(old)):
                state = copy_state(old)
                monitor.bind(state)
                if perform(state, *call) is not None:
                    continue
                generated += 1
                broken |= {violation.invariant for violation in monitor.check(*call)}
                name = least_renaming(state, world.users)
                if name not in seen:
                    seen.add(name)
                    following.append(state)
        level = following
    return generated, len(seen), broken


def least_renaming(state: Any, users: tuple[str, ...]) -> str:
    """A text that is the same for states that differ only in the users' names."""
    return min(
        repr(renamed(state_to_json(state), dict(zip(users, names, strict=True)))) for names in permutations(users)
    )


def renamed(data: Any, names: dict[str, str]) -> Any:
    """JSON data with other names, in a fixed order, without entries of nothing."""
    if not isinstance(data, dict):
        return data
    entries = ((names.get(key, key), renamed(value, names)) for key, value in data.items())
    return sorted((key, value) for key, value in entries if value not in ("0", False))


def test_a_plain_exploration_sees_the_same() -> None:
    """Numbers for parts, kept answers and renamed users lose no state and add none."""
    report = explore(REFERENCE, minimal(), (), depth=1)
    assert plainly(REFERENCE, 1, ()) == (report.generated, report.distinct, set())


def test_two_users_that_change_places_are_one_state() -> None:
    """Without symmetric states there are fewer than without merging them."""
    alone = explore(REFERENCE, minimal(), (), depth=1, users=1)
    together = explore(REFERENCE, minimal(), (), depth=1, users=3)
    assert alone.distinct < together.distinct < 3 * alone.distinct


def test_most_states_ends_the_exploration() -> None:
    """What was not finished says so, and the same seed leaves out the same states."""
    first = explore(REFERENCE, minimal(), (), depth=2, max_states=500, seed=7)
    again = explore(REFERENCE, minimal(), (), depth=2, max_states=500, seed=7)
    other = explore(REFERENCE, minimal(), (), depth=2, max_states=500, seed=8)
    assert not first.complete
    assert 500 <= first.distinct < 2735
    assert (first.generated, first.distinct) == (again.generated, again.distinct)
    assert (first.generated, first.distinct) != (other.generated, other.distinct)


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches is told how far it is."""
    monkeypatch.setattr("poolproof.proofs.explore.TOLD_EVERY", 0.0)
    told: list[int] = []
    explore(REFERENCE, minimal(), (), depth=1, on_progress=lambda report: told.append(report.distinct))
    assert told == sorted(told)
    assert told


def test_a_depth_below_nothing_is_refused() -> None:
    """A depth is a number of actions."""
    with pytest.raises(UsageError, match="-1 is below 0"):
        explore(REFERENCE, minimal(), (), depth=-1)


def test_the_report_is_json() -> None:
    """The report has the documented fields."""
    data = ExploreReport("minimal", 3, violations=[]).to_json()
    assert set(data) == {"protocol", "depth", "complete", "generated", "distinct", "seconds", "violations"}


# --- what is found ----------------------------------------------------------------------------------------


def with_action(changed: Action) -> Model:
    """The reference model with one action in another form, or one more."""
    actions = tuple(changed if each.name == changed.name else each for each in ACTIONS)
    return dataclasses.replace(REFERENCE, actions=actions if changed in actions else (*actions, changed))


def found(model: Model, catalogue: Catalogue, depth: int = 2) -> Trace:
    """The one violation, which replays as recorded."""
    report = explore(model, minimal(), catalogue, depth=depth)
    (trace,) = report.violations
    assert replay(trace, lambda _: (model, catalogue)).as_recorded
    return trace


def share_price() -> Catalogue:
    """A catalogue of one claim."""
    catalogue = Catalogue()
    claim = catalogue.declare("PRICE", "the share price never falls", "step")

    @claim.step()
    def share_price_never_falls(step: Step, old: Market, new: Market) -> bool:
        before = priced_assets(old) * priced_shares(new)
        risen: bool = priced_assets(new) * priced_shares(old) >= before
        return risen or new.bad_debt > old.bad_debt

    return catalogue


def test_a_withdrawal_that_rounds_for_the_user_is_found() -> None:
    """A planted rounding flip ends in a trace on the protocol itself, of a few actions."""

    @action(user=user(), asset=asset(), amount=tokens())
    def withdraw(pool: Pool, user: str, asset: str, amount: int) -> None:
        """Take an amount of tokens for its shares, rounded down."""
        market = pool.markets[asset]
        burned = div_down(amount * WAD * priced_shares(market), priced_assets(market))
        burned = min(burned, market.shares[user])
        pay(market, market.vault, user, amount)
        market.cash -= amount
        market.shares[user] -= burned
        market.supply -= burned

    trace = found(with_action(withdraw), share_price())
    assert trace.protocol == "minimal"
    assert trace.parsed_protocol() == minimal()
    assert len(trace.runs[0]) <= 3
    assert trace.runs[0][-1].action == "withdraw"


def test_a_division_by_zero_is_found() -> None:
    """An action that divides by what can be zero breaks SOLV-6, whether or not the catalogue has it."""

    @action(asset=asset())
    def share_out(pool: Pool, asset: str) -> None:
        """Divide by the supply."""
        market = pool.markets[asset]
        market.donated += 1 // market.supply

    report = explore(with_action(share_out), minimal(), (), depth=1)
    assert [trace.invariant for trace in report.violations] == ["SOLV-6"]


def test_a_clause_that_reads_another_market_is_asked_again() -> None:
    """A claim about one market that reads the other one is not kept for longer than both stay."""
    catalogue = Catalogue()
    claim = catalogue.declare("ELSEWHERE", "nothing is given to the other market", "state")

    @claim.state()
    def nothing_is_given_elsewhere(pool: Any, market: Market) -> bool:
        others = [other.donated for name, other in pool.markets.items() if name != market.asset]
        return market.asset != "ETH" or others == [0]

    (trace,) = explore(REFERENCE, minimal(), catalogue, depth=2).violations
    assert [(step.action, step.args["asset"]) for step in trace.runs[0]] == [("donate", "USDC")]


def test_a_step_clause_that_reads_an_account_elsewhere_is_asked_again() -> None:
    """The same for steps: whether somebody gives too much depends on the debt in the other market."""
    catalogue = Catalogue()
    claim = catalogue.declare("DEBTOR", "nobody who owes gives tokens away", "step")

    @claim.step(of=(donate,))
    def givers_owe_nothing(step: Step, old: Market, new: Market) -> bool:
        return all(market.debts[step.actor] == 0 for market in step.old.markets.values())

    trace = found(REFERENCE, catalogue)
    actions = [step.action for step in trace.runs[0]]
    assert "borrow" in actions
    assert actions[-1] == "donate"


def test_an_account_that_nobody_named_is_taken_in() -> None:
    """An action may write to an account that the world did not know; its states are told apart."""

    @action(user=user(), asset=asset())
    def tip(pool: Pool, user: str, asset: str) -> None:
        """Give a token to an account of its own."""
        market = pool.markets[asset]
        market.tokens[user] -= 1
        market.tokens["jar"] += 1

    report = explore(with_action(tip), minimal(), (), depth=1)
    assert report.distinct > explore(REFERENCE, minimal(), (), depth=1).distinct


def test_what_breaks_for_one_user_is_told_with_the_right_names() -> None:
    """States are kept under other names; the actions that lead there are not."""
    catalogue = Catalogue()
    claim = catalogue.declare("ORDER", "no borrower's lender gives tokens away", "step")

    @claim.step(of=(donate,))
    def lenders_keep_their_tokens(step: Step, old: Market, new: Market) -> bool:
        owes = sum(market.debts[step.actor] for market in step.old.markets.values())
        others = sum(market.debt_shares for market in step.old.markets.values()) - owes
        reserves = sum(market.reserves for market in step.old.markets.values())
        return bool(owes > 0 or others == 0 or reserves == 0)

    trace = found(REFERENCE, catalogue, depth=2)
    by = {step.action: step.args["user"] for step in trace.runs[0] if "user" in step.args}
    assert by["donate"] != by["borrow"]


def test_the_monitor_agrees_on_a_broken_model() -> None:
    """With a planted bug the plain exploration and this one break the same invariants."""

    @action(user=user(), asset=asset(), amount=tokens())
    def deposit(pool: Pool, user: str, asset: str, amount: int) -> None:
        """Credit shares for tokens that are not taken."""
        market = pool.markets[asset]
        market.cash += amount
        market.supply += amount * WAD
        market.shares[user] += amount * WAD

    model = with_action(deposit)
    chosen = ("CONS-2", "CONS-4", "CONS-6", "SOLV-4", "RND-5")
    claims = tuple(claim for claim in INVARIANTS if claim.id in chosen)
    _, _, broken = plainly(model, 1, claims)
    report = explore(model, minimal(), claims, depth=1)
    assert {trace.invariant for trace in report.violations} == broken
    assert broken

"""Borrowing across pools: what the router does and refuses, and what CROSS says of it on integers."""

from __future__ import annotations

import tomllib
from pathlib import Path
from random import Random
from typing import Any

import pytest

from poolproof.invariants.cross_pool import CROSS, Legs
from poolproof.models.market import owed, tokens_for_shares
from poolproof.models.reference import SYSTEM
from poolproof.models.refusals import InsufficientCollateral, NoRoute, NotLent, NotListed
from poolproof.models.registry import unlist_market
from poolproof.models.router import cross_borrow, cross_unwind
from poolproof.models.system import System
from poolproof.proofs.snapshots import copy_state, state_to_json
from poolproof.proofs.system_tactics import SystemTactics
from poolproof.proofs.trial import run_scenario
from poolproof.proofs.whole_monitor import WholeMonitor
from poolproof.proofs.witnesses import reaches_a_claim
from poolproof.spec.action import perform
from poolproof.spec.invariant import Invariant, Step
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

ETHER, DOLLAR, YEAR = 10**18, 10**6, 31_536_000
FILE = Path(__file__).with_name("dual_pool.toml")
USERS = ("alice", "bob", "carol")
STEPS = 4000
SCENARIOS = [clause for invariant in CROSS for clause in invariant.clauses if clause.form == "scenario"]


def protocol(**of_the_bridge: str) -> Protocol:
    """The dual pool; the main pool's market of the bridge asset with other values where given."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    data["pools"][0]["markets"][0] |= of_the_bridge
    return Protocol.model_validate(data)


def do(system: System, name: str, *arguments: Any) -> Refusal | None:
    """Carry an action out."""
    return perform(system, SYSTEM.action(name), arguments)


def funded(**of_the_bridge: str) -> System:
    """A system in which bob has supplied what alice can borrow."""
    system: System = SYSTEM.build(protocol(**of_the_bridge))
    assert do(system, "deposit", "bob", "staked/ETH", 1000 * ETHER) is None
    assert do(system, "deposit", "bob", "main/USDC", 10**6 * DOLLAR) is None
    return system


def crossing(system: System, bridged: int, borrowed: int) -> Refusal | None:
    """Alice borrows across pools, against 100 weETH."""
    return perform(system, cross_borrow, ("alice", "staked/weETH", 100 * ETHER, bridged, "main/USDC", borrowed))


def wallet(system: System) -> dict[str, int]:
    """What alice holds."""
    return {name: market.tokens["alice"] for name, market in system.markets.items()}


def monitor_of(system: System, invariants: Any = CROSS) -> WholeMonitor:
    """What watches a system."""
    monitor = WholeMonitor(SYSTEM, invariants, USERS)
    monitor.bind(system)
    return monitor


# --- the router ------------------------------------------------------------------------------------------------


def test_one_step_borrows_from_the_main_pool_against_a_staked_token() -> None:
    """weETH goes into the satellite, ETH from there into the main pool, USDC out of it; all positions are alice's."""
    system = funded()
    before = wallet(system)
    assert crossing(system, 90 * ETHER, 100_000 * DOLLAR) is None
    after = wallet(system)
    assert before["staked/weETH"] - after["staked/weETH"] == 100 * ETHER
    assert before["staked/ETH"] == after["staked/ETH"] == after["main/ETH"]
    assert after["main/USDC"] - before["main/USDC"] == 100_000 * DOLLAR
    assert owed(system.markets["staked/ETH"], "alice") == 90 * ETHER
    assert tokens_for_shares(system.markets["main/ETH"], system.markets["main/ETH"].shares["alice"]) == 90 * ETHER
    assert owed(system.markets["main/USDC"], "alice") == 100_000 * DOLLAR


def test_the_two_legs_lend_up_to_the_product_of_their_factors() -> None:
    """100 weETH x 2100 x 0.9 x 0.65 = 122,850 USDC, to the cent."""
    bridged = 100 * ETHER * 2100 * 9 // (2000 * 10)
    most = 122_850 * DOLLAR
    system = funded()
    assert isinstance(crossing(system, bridged + 1, most), InsufficientCollateral)
    assert isinstance(crossing(system, bridged, most + 1), InsufficientCollateral)
    assert crossing(system, bridged, most) is None


def test_an_unwind_takes_everything_back() -> None:
    """After a year the debts have grown; one step ends the position, and the wallet pays what the bridge does not."""
    system = funded()
    before = wallet(system)
    assert crossing(system, 90 * ETHER, 100_000 * DOLLAR) is None
    assert do(system, "pass_time", YEAR) is None
    assert perform(system, cross_unwind, ("alice", "staked/weETH", "main/USDC")) is None
    after = wallet(system)
    assert after["staked/weETH"] == before["staked/weETH"]
    assert after["main/USDC"] < before["main/USDC"]
    assert after["main/ETH"] < before["main/ETH"]
    assert all(market.shares["alice"] == market.debts["alice"] == 0 for market in system.markets.values())


def test_a_refusal_of_the_last_step_undoes_the_first() -> None:
    """The state is what it was, to the last entry."""
    system = funded()
    before = state_to_json(system)
    assert isinstance(crossing(system, 90 * ETHER, 200_000 * DOLLAR), InsufficientCollateral)
    assert state_to_json(system) == before


@pytest.mark.parametrize(
    ("collateral", "loan"),
    [("staked/ETH", "main/USDC"), ("main/ETH", "main/USDC"), ("staked/weETH", "staked/ETH")],
)
def test_without_a_route_nothing_is_lent(collateral: str, loan: str) -> None:
    """A route leads from the collateral of a satellite to a market of its main pool."""
    arguments = ("alice", collateral, ETHER, ETHER, loan, 1)
    assert isinstance(perform(funded(), cross_borrow, arguments), NoRoute)
    assert isinstance(perform(funded(), cross_unwind, ("alice", collateral, loan)), NoRoute)


def test_a_satellite_does_not_lend_its_collateral() -> None:
    """Not even with a borrow cap."""
    system = funded()
    assert do(system, "deposit", "bob", "staked/weETH", ETHER) is None
    assert do(system, "enter", "bob", "staked/weETH") is None
    assert do(system, "set_borrow_cap", "staked/weETH", ETHER) is None
    assert isinstance(do(system, "borrow", "bob", "staked/weETH", 1), NotLent)


def test_the_registry_guards_the_way_in_and_not_the_way_out() -> None:
    """Where the market of the loan was unlisted after its repayment, the collateral still comes back."""
    system = funded()
    assert crossing(system, 90 * ETHER, 1) is None
    assert do(system, "repay", "alice", "alice", "main/USDC", 1) is None
    assert do(system, "withdraw", "bob", "main/USDC", 10**6 * DOLLAR) is None
    assert perform(system, unlist_market, ("main/USDC",)) is None
    assert isinstance(crossing(system, ETHER, 1), NotListed)
    assert perform(system, cross_unwind, ("alice", "staked/weETH", "main/USDC")) is None
    assert system.markets["staked/weETH"].shares["alice"] == 0


# --- CROSS-2 and its condition ---------------------------------------------------------------------------------


def legs_of(system: System, bridged: int, borrowed: int) -> tuple[list[str], Legs]:
    """What a crossing of alice's breaks, and its two legs."""
    monitor, before = monitor_of(system), copy_state(system)
    assert crossing(system, bridged, borrowed) is None
    arguments = ("alice", "staked/weETH", 100 * ETHER, bridged, "main/USDC", borrowed)
    step = Step(cross_borrow, dict(zip(cross_borrow.domains, arguments, strict=True)), before, system)
    return [violation.invariant for violation in monitor.check(cross_borrow, arguments)], Legs(step)


def test_the_bound_speaks_of_the_largest_loan() -> None:
    """Of a user with nothing else, and one price of the bridge asset, the hypotheses hold where the bound is reached."""
    broken, legs = legs_of(funded(), 945 * ETHER // 10, 122_850 * DOLLAR)
    assert not broken
    assert legs.alone
    assert legs.bridge_prices_agree


def test_where_the_bridge_is_dearer_in_the_main_pool_more_is_lent_than_the_product() -> None:
    """With 2000.02 as collateral against 2000 as debt, a cent more is lent: outside the condition, and not claimed."""
    dearer = {"oracle": "another", "price": "2000020000000000000000"}
    system = funded(**dearer)
    broken, legs = legs_of(system, 945 * ETHER // 10, 122_851 * DOLLAR)
    assert not broken
    assert legs.alone
    assert not legs.bridge_prices_agree
    value = legs.borrowed * legs.loan.feed.price * ETHER * ETHER
    assert value > legs.deposited * legs.collateral.feed.price * legs.collateral.ltv * legs.bridge.ltv


# --- CROSS on runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_random_runs_break_nothing(seed: int) -> None:
    """Every action that the claims name completes, and neither their steps nor their scenarios are broken."""
    random, dual = Random(seed), protocol()
    tactics, completed = SystemTactics(SYSTEM, dual, random), set()
    monitor, state = monitor_of(SYSTEM.build(dual)), SYSTEM.build(dual)
    for step in range(STEPS):
        if step % 80 == 0:
            state = SYSTEM.build(dual)
            tactics.begin(state)
            monitor.bind(state)
        action, arguments = tactics.next()
        if perform(state, action, arguments) is None:
            completed.add(action.name)
            assert monitor.check(action, arguments) == []
        if step % 8 == 0:
            known = given(random)
            for clause in SCENARIOS:
                assert run_scenario(SYSTEM, clause, state, tuple(known[name] for name in clause.domains)) is None
    assert {"cross_borrow", "cross_unwind", "liquidate"} <= completed


def given(random: Random) -> dict[str, Any]:
    """Arguments for every scenario."""
    amounts = {name: random.choice((1, 10**9, ETHER, 90 * ETHER)) for name in ("deposited", "bridged", "amount")}
    accounts = {"user": random.choice(USERS), "account": random.choice(USERS)}
    loan = random.choice(("main/USDC", "main/ETH"))
    return {**accounts, **amounts, "collateral": "staked/weETH", "loan": loan, "borrowed": random.choice((1, DOLLAR))}


@pytest.mark.parametrize("invariant", CROSS, ids=lambda invariant: invariant.id)
def test_a_scenario_reaches_its_claim(invariant: Invariant) -> None:
    """It is about something: its assumptions hold of a position across pools whose loan was repaid."""
    system = funded()
    assert crossing(system, 90 * ETHER, 1) is None
    assert do(system, "repay", "alice", "alice", "main/USDC", 1) is None
    numbers = {"deposited": ETHER, "bridged": ETHER, "amount": 1, "borrowed": 1}
    names = {"user": "alice", "account": "bob", "collateral": "staked/weETH", "loan": "main/USDC"}
    for clause in invariant.clauses:
        if clause.form == "scenario":
            arguments = tuple((numbers | names)[name] for name in clause.domains)
            assert reaches_a_claim(SYSTEM, clause, system, arguments)

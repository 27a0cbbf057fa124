"""Rewards: exact, by holding and time, paid as far as there are tokens, and in nobody's way."""

from __future__ import annotations

import importlib
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolproof.invariants.registry import REGISTRY
from poolproof.invariants.rewards import REWARDS, rewards_of
from poolproof.models import refusals
from poolproof.models.reference import SYSTEM
from poolproof.models.rewards import BORROWERS, SCALE, SUPPLIERS, Programme
from poolproof.models.system import System
from poolproof.proofs.snapshots import copy_state, set_state, state_to_json
from poolproof.spec.action import perform
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

sys.path.append(str(Path(__file__).parent))
systems: Any = importlib.import_module("systems")

ETH, USDC = "plain/ETH", "plain/USDC"
EMITTED = 7
"""What a slot gives the suppliers of each market [tokens]."""


@pytest.fixture
def system() -> System:
    """A system in which ETH is rewarded in a token of its own, USDC in itself."""
    state: System = SYSTEM.build(systems.small_protocol())
    return state


def do(state: System, name: str, *arguments: Any) -> Refusal | None:
    """Carry out an action by its name."""
    return perform(state, SYSTEM.action(name), arguments)


def done(state: System, *calls: tuple[Any, ...]) -> None:
    """Carry out actions none of which is refused."""
    for call in calls:
        assert do(state, *call) is None, call


def of_suppliers(state: System, market: str = ETH) -> Programme:
    """The rewards of a market's suppliers."""
    return state.rewards[f"{market}/{SUPPLIERS}"]


def exact(state: System, account: str, market: str = ETH) -> Fraction:
    """The exact rewards of a supplier [tokens]."""
    return Fraction(rewards_of(of_suppliers(state, market), state.markets[market], account), SCALE)


def test_a_lone_supplier_is_paid_what_is_emitted(system: System) -> None:
    """All but what falls to the virtual share."""
    done(system, ("deposit", "alice", ETH, 100), ("pass_time", 10), ("claim_rewards", "alice", ETH))
    paid = of_suppliers(system).tokens["alice"]
    assert paid == 10 * EMITTED - 1  # the virtual share has less than a unit, and rounding takes it
    assert 0 < 1 - exact(system, "alice") < Fraction(1, 10**15)


def test_what_is_emitted_while_nobody_is_there_is_nobodys(system: System) -> None:
    """A supplier who comes late has nothing of it."""
    done(system, ("pass_time", 10**6), ("deposit", "alice", ETH, 100))
    assert exact(system, "alice") == 0
    done(system, ("pass_time", 1), ("update_rewards", ETH))
    assert exact(system, "alice") <= EMITTED


def test_suppliers_share_by_what_they_hold(system: System) -> None:
    """Three quarters of the shares have three times the rewards of one quarter."""
    done(system, ("deposit", "alice", ETH, 300), ("deposit", "bob", ETH, 100))
    done(system, ("pass_time", 10), ("update_rewards", ETH))
    assert exact(system, "alice") == 3 * exact(system, "bob") > 0


def test_borrowers_are_rewarded_by_their_debt(system: System) -> None:
    """A borrower earns what is emitted to borrowers, and nothing after repaying."""
    done(system, ("deposit", "bob", ETH, 1000), ("deposit", "alice", USDC, 10**6), ("enter", "alice", USDC))
    done(system, ("borrow", "alice", ETH, 100), ("pass_time", 10), ("repay", "bob", "alice", ETH, 10**6))
    programme = system.rewards[f"{ETH}/{BORROWERS}"]
    earned = rewards_of(programme, system.markets[ETH], "alice")
    assert 29 * SCALE < earned < 30 * SCALE
    done(system, ("pass_time", 10), ("update_rewards", ETH))
    assert rewards_of(programme, system.markets[ETH], "alice") == earned


def test_a_vault_pays_what_it_has(system: System) -> None:
    """The rest can be claimed when somebody has filled it."""
    programme = of_suppliers(system, USDC)
    programme.tokens[programme.vault] = 5
    done(system, ("deposit", "alice", USDC, 100), ("pass_time", 10), ("claim_rewards", "alice", USDC))
    assert programme.claimed == 5
    done(system, ("fund_rewards", "bob", USDC, 1000), ("claim_rewards", "alice", USDC))
    assert programme.claimed == 10 * EMITTED - 1
    assert programme.tokens[programme.vault] == 1005 - programme.claimed


def test_a_market_without_rewards_says_so(system: System) -> None:
    """Claiming, funding and updating are refused."""
    del system.rewards[f"{ETH}/{SUPPLIERS}"], system.rewards[f"{ETH}/{BORROWERS}"]
    for name, *arguments in (("claim_rewards", "bob", ETH), ("fund_rewards", "bob", ETH, 0), ("update_rewards", ETH)):
        assert isinstance(do(system, str(name), *arguments), refusals.NoRewards)
    done(system, ("deposit", "alice", ETH, 100))


def test_funding_needs_the_tokens(system: System) -> None:
    """Nobody holds the reward token at the start."""
    assert isinstance(do(system, "fund_rewards", "alice", ETH, 1), refusals.InsufficientTokens)


def test_a_new_emission_counts_from_now_on(system: System) -> None:
    """What was emitted before keeps its rate."""
    done(system, ("deposit", "alice", ETH, 100), ("pass_time", 10), ("set_emissions", ETH, 1000, 0))
    assert of_suppliers(system).emitted == 10 * EMITTED
    done(system, ("claim_rewards", "alice", ETH))
    assert of_suppliers(system).claimed == 10 * EMITTED - 1


def test_a_refusal_leaves_the_rewards_as_they_were(system: System) -> None:
    """What was counted before an action that is refused is undone with it."""
    done(system, ("deposit", "alice", ETH, 100), ("pass_time", 10))
    before = state_to_json(system)
    assert do(system, "redeem", "alice", ETH, 10**30) is not None
    assert state_to_json(system) == before


def test_rewards_are_kept_in_a_snapshot(system: System) -> None:
    """A state that is written and read again goes on alike."""
    done(system, ("deposit", "alice", ETH, 100), ("pass_time", 10), ("unlist_market", USDC))
    twin: System = SYSTEM.build(systems.small_protocol())
    set_state(twin, state_to_json(system), "start")
    for state in (system, twin, copied := copy_state(system)):
        done(state, ("claim_rewards", "alice", ETH))
        assert do(state, "deposit", "alice", USDC, 1) is not None
    assert state_to_json(twin) == state_to_json(system) == state_to_json(copied)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    deposited=st.integers(1, 10**6),
    moved=st.fractions(0, 1),
    slots=st.lists(st.integers(0, 1000), min_size=1, max_size=4),
    touched=st.integers(0, 15),
)
def test_a_split_account_earns_exactly_the_same(
    deposited: int, moved: Fraction, slots: list[int], touched: int
) -> None:
    """However its shares are split, whenever the parts are touched, and in fractions of a unit."""
    whole: System = SYSTEM.build(systems.small_protocol())
    done(whole, ("deposit", "carol", ETH, 777), ("deposit", "alice", ETH, deposited))
    split = copy_state(whole)
    shares = int(moved * split.markets[ETH].shares["alice"])
    done(split, ("transfer", "alice", "bob", ETH, shares))
    for number, elapsed in enumerate(slots):
        for state in (whole, split):
            done(state, ("pass_time", elapsed))
        if touched >> number & 1:
            done(split, ("transfer", "alice", "bob", ETH, 0))
    for state in (whole, split):
        done(state, ("update_rewards", ETH))
    assert exact(split, "alice") + exact(split, "bob") == exact(whole, "alice")
    for state in (whole, split):
        done(state, ("claim_rewards", "alice", ETH), ("claim_rewards", "bob", ETH))
    assert of_suppliers(split).claimed <= of_suppliers(whole).claimed


def test_borrowing_across_pools_keeps_the_rewards_right() -> None:
    """Every clause of REG and REW holds after each step of a route there and back, with rewards on all its markets."""
    dual = load_protocol(str(Path(__file__).with_name("dual_pool.toml"))).canonical_json()
    for pool in dual["pools"]:
        for market in pool["markets"]:
            market["rewards"] = {"token": "REWARD", "supplier_emission": "7", "borrower_emission": "3", "vault": "1000"}
    state: System = SYSTEM.build(Protocol.model_validate_json(systems.json.dumps(dual)))
    (route,) = state.routes.values()
    bridge, loan = f"{route.satellite}/{route.bridge}", f"{route.main}/USDC"
    ends = f"{route.satellite}/{route.collateral}", loan
    calls: tuple[tuple[Any, ...], ...] = (
        ("deposit", "bob", bridge, 10**21),
        ("deposit", "bob", loan, 10**12),
        ("cross_borrow", "alice", ends[0], 10**20, 10**19, loan, 10**9),
        ("pass_time", 100),
        ("claim_rewards", "alice", f"{route.main}/{route.bridge}"),
        ("cross_unwind", "alice", *ends),
        ("pass_time", 100),
        ("claim_rewards", "alice", loan),
    )
    for name, *arguments in calls:
        before = copy_state(state)
        done(state, (name, *arguments))
        assert systems.broken_by([*REGISTRY, *REWARDS], before, state, SYSTEM.action(name), tuple(arguments)) == set()
    supplied = state.rewards[f"{route.main}/{route.bridge}/{SUPPLIERS}"]
    borrowed = state.rewards[f"{loan}/{BORROWERS}"]
    assert (supplied.claimed, borrowed.claimed) == (7 * 100 - 1, 3 * 100 - 1)


BEGINNINGS = range(len(systems.BEGINNINGS))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_random_runs_break_nothing(beginning: int, seed: int) -> None:
    """Every clause of REG and REW holds on random runs, whatever is listed when they begin."""
    protocol: Protocol = systems.small_protocol(**systems.BEGINNINGS[beginning])
    assert systems.broken([REGISTRY, REWARDS], protocol, seed, 300) == set()

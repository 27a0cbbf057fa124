"""The registry: what it refuses, what it answers, and what can be done in a market that it does not list."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof.models import refusals
from poolproof.models.market import accrue
from poolproof.models.reference import REFERENCE, SYSTEM
from poolproof.models.system import System
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

sys.path.append(str(Path(__file__).parent))
systems: Any = importlib.import_module("systems")

ETH = "plain/ETH"


@pytest.fixture
def system() -> System:
    """A system in which everything is listed."""
    state: System = SYSTEM.build(systems.small_protocol())
    return state


@pytest.fixture
def bare() -> System:
    """A system of pools that were not created."""
    state: System = SYSTEM.build(systems.small_protocol(registered=False, listed=False))
    return state


def do(state: System, name: str, *arguments: Any) -> Refusal | None:
    """Carry out an action by its name."""
    return perform(state, SYSTEM.action(name), arguments)


def done(state: System, *calls: tuple[Any, ...]) -> None:
    """Carry out actions none of which is refused."""
    for call in calls:
        assert do(state, *call) is None


def listing(market: str) -> tuple[tuple[Any, ...], ...]:
    """The steps by which a market of a pool that was created is listed."""
    return (("approve_market", market), ("set_rate_model", market, 1, 1, 1, WAD), ("add_market", market))


def test_a_market_is_listed_step_by_step(bare: System) -> None:
    """A pool is created, a market approved and given a rate model, added, and used."""
    done(bare, ("create_pool", "plain"), *listing(ETH))
    done(bare, ("deposit", "alice", ETH, 10))
    assert bare.registry.pools() == ("plain",)
    assert bare.registry.markets_of("plain") == (ETH,)


def test_the_directory_answers_what_it_contains(system: System) -> None:
    """Pools in order, their markets, a market's pool, and the pools with an asset."""
    registry = system.registry
    assert registry.pools() == ("core", "lined", "plain")
    assert registry.markets_of("plain") == (ETH, "plain/USDC")
    assert registry.pool_of(ETH) == "plain"
    assert registry.pools_with("USDC") == ("core", "lined", "plain")
    done(system, ("unlist_market", ETH))
    assert registry.pool_of(ETH) is None
    assert registry.markets_of("plain") == ("plain/USDC",)
    assert registry.pools_with("ETH") == ("core", "lined")
    assert registry.markets_of("nowhere") == ()


def test_a_pool_is_created_once(system: System) -> None:
    """A second creation is refused."""
    assert isinstance(do(system, "create_pool", "plain"), refusals.AlreadyCreated)


def test_a_market_of_an_unknown_pool_is_refused(bare: System) -> None:
    """Its pool cannot approve it, and the registry does not add it."""
    assert isinstance(do(bare, "approve_market", ETH), refusals.NotCreated)
    assert isinstance(do(bare, "add_market", ETH), refusals.NotCreated)


def test_a_market_is_added_once(system: System) -> None:
    """A second addition is refused."""
    assert isinstance(do(system, "add_market", ETH), refusals.AlreadyListed)


def test_a_market_needs_approval(bare: System) -> None:
    """Without it, it is not added."""
    done(bare, ("create_pool", "plain"))
    assert isinstance(do(bare, "add_market", ETH), refusals.NotApproved)


def test_a_market_needs_a_rate_model(bare: System) -> None:
    """Without one, it is not added, and charges nothing."""
    done(bare, ("create_pool", "plain"), ("approve_market", ETH))
    assert isinstance(do(bare, "add_market", ETH), refusals.NoRateModel)
    accrue(bare.markets[ETH], 10)
    assert bare.markets[ETH].index == WAD


def test_a_market_needs_a_price(bare: System) -> None:
    """Without one, it is not added."""
    done(bare, ("create_pool", "plain"), *listing(ETH)[:2], ("set_price", ETH, 0))
    assert isinstance(do(bare, "add_market", ETH), refusals.PriceMissing)


def test_a_line_needs_a_listed_lender(bare: System) -> None:
    """A market with a credit line comes after the core market that it draws on, and leaves before it."""
    done(bare, ("create_pool", "lined"), ("create_pool", "core"), *listing("lined/ETH")[:2])
    assert isinstance(do(bare, "add_market", "lined/ETH"), refusals.NotListed)
    done(bare, *listing("core/ETH"), ("add_market", "lined/ETH"))
    assert isinstance(do(bare, "unlist_market", "core/ETH"), refusals.MarketInUse)
    done(bare, ("unlist_market", "lined/ETH"), ("unlist_market", "core/ETH"))


def test_a_market_in_use_stays_listed(system: System) -> None:
    """With a supplier it cannot be unlisted; when the last one has left, it can, and needs a new approval."""
    done(system, ("deposit", "alice", ETH, 10))
    assert isinstance(do(system, "unlist_market", ETH), refusals.MarketInUse)
    done(system, ("redeem", "alice", ETH, system.markets[ETH].shares["alice"]), ("unlist_market", ETH))
    assert isinstance(do(system, "add_market", ETH), refusals.NotApproved)
    done(system, ("approve_market", ETH), ("add_market", ETH))


def test_a_market_with_reserves_stays_listed(system: System) -> None:
    """Whole units of reserves are taken first."""
    done(system, ("add_reserves", "alice", ETH, 1))
    assert isinstance(do(system, "unlist_market", ETH), refusals.MarketInUse)
    done(system, ("take_reserves", ETH, 1), ("unlist_market", ETH))


def test_a_market_that_is_not_listed_is_closed_to_users(system: System) -> None:
    """They can do nothing in it, but send tokens to it, which count for nobody."""
    done(system, ("unlist_market", ETH))
    for name, *arguments in (
        ("deposit", "alice", ETH, 1),
        ("enter", "alice", ETH),
        ("borrow", "alice", ETH, 1),
        ("add_reserves", "alice", ETH, 1),
        ("liquidate", "alice", "bob", "plain/USDC", ETH, 1),
    ):
        assert isinstance(do(system, name, *arguments), refusals.NotListed)
    done(system, ("donate", "alice", ETH, 1))
    assert system.markets[ETH].cash == 0


def test_having_entered_a_market_that_is_unlisted_does_no_harm(system: System) -> None:
    """An account that is still in it borrows elsewhere, also when its price is missing."""
    usdc = "plain/USDC"
    done(system, ("enter", "alice", ETH), ("unlist_market", ETH), ("set_price", ETH, 0))
    done(system, ("deposit", "alice", usdc, 1000), ("enter", "alice", usdc), ("borrow", "alice", usdc, 100))


def test_a_refused_step_leaves_the_registry_as_it_was(bare: System) -> None:
    """The number of a pool that was created in an action that is undone is given again."""
    registry = bare.registry
    bare.begin()
    SYSTEM.action("create_pool").run(bare, "plain")
    bare.journal.undo()
    assert (registry.count, registry.number["plain"]) == (0, 0)


def test_a_route_needs_listed_markets() -> None:
    """Borrowing across pools is refused where one of the markets is not listed."""
    state: System = SYSTEM.build(load_protocol(str(Path(__file__).with_name("dual_pool.toml"))))
    route = next(iter(state.routes.values()))
    markets = f"{route.satellite}/{route.collateral}", f"{route.main}/USDC"
    call = ("cross_borrow", "alice", markets[0], 10**18, 10**9, markets[1], 1)
    done(state, ("unlist_market", f"{route.main}/{route.bridge}"))
    assert isinstance(do(state, *call), refusals.NotListed)


@pytest.mark.parametrize(
    "change",
    [
        {"registered": False},
        {"listed": False},
        {"rewards": {"token": "REWARD"}},
    ],
)
def test_a_pool_with_a_registry_or_rewards_is_a_system(change: dict[str, Any]) -> None:
    """One pool alone has neither."""
    base = load_protocol("minimal").canonical_json()
    assert REFERENCE.of(Protocol.model_validate_json(systems.json.dumps(base))) is REFERENCE
    place = base["pools"][0] if "registered" in change else base["pools"][0]["markets"][0]
    place |= change
    assert REFERENCE.of(Protocol.model_validate_json(systems.json.dumps(base))) is SYSTEM

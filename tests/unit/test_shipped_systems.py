"""The shipped protocols of several pools: inside the region of the theorems, and alive on integers."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from poolproof.models.credit_line import LinedMarket, owed_on_line
from poolproof.models.market import suppliers_assets
from poolproof.models.reference import admissible_market, initial_system
from poolproof.models.system import SYSTEM_ACTIONS, System, place_of
from poolproof.spec.action import Action, Domain, perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.loading import load_protocol, shipped_protocols

SHIPPED = map(load_protocol, shipped_protocols())
NAMES = [each.name for each in SHIPPED if each.model == "reference" and len(each.pools) > 1]
ACTIONS = {action.name: action for action in SYSTEM_ACTIONS}
STEPS = 3000


def outside(system: System) -> list[str]:
    """The conditions of the region that a system does not meet."""
    return [
        f"{name}: {condition}"
        for name, market in system.markets.items()
        for condition, holds in admissible_market(system.pools[place_of(name)[0]], market)
        if not holds
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_system_is_inside_the_region(name: str) -> None:
    """Every theorem speaks of it: threshold x incentive at most 1, caps and prices inside the bounds."""
    assert outside(initial_system(load_protocol(name))) == []


def test_the_largest_factor_of_a_satellite_is_five_sixths() -> None:
    """With the public incentive of 20 %, a factor above 83.3 % is outside the region."""
    protocol = load_protocol("elara-docs").canonical_json()
    market = protocol["pools"][1]["markets"][0]
    for factor, expected in ((WAD * 5 // 6, 0), (WAD * 5 // 6 + 1, 1)):
        market["ltv"] = market["liquidation_threshold"] = str(factor)
        found = outside(initial_system(type(load_protocol("elara-docs")).model_validate(protocol)))
        assert found == ["weETH/weETH: liquidation threshold x incentive <= 1"] * expected


def drawn(domain: Domain, chance: Random, system: System, users: tuple[str, ...], market: str) -> Any:
    """An argument that has some chance of being accepted; all markets of a call are of one pool."""
    pool, _ = place_of(market)
    match domain.kind:
        case "user":
            return chance.choice(users)
        case "pool":
            return pool
        case "asset":
            return f"{pool}/{chance.choice(list(system.pools[pool].markets))}"
        case "price":
            return system.markets[market].feed.price * chance.randrange(1, 21) // 10
        case "slots":
            return chance.randrange(1, 86_400)
        case _:
            return chance.randrange(1, 10 ** chance.randrange(1, 25))


def smoke(system: System, users: tuple[str, ...], chance: Random) -> dict[str, int]:
    """Run random actions of users and of the environment; how often each one completed."""
    completed = dict.fromkeys(ACTIONS, 0)
    actions: list[Action] = [action for action in SYSTEM_ACTIONS if action.by != "governance"]
    for _ in range(STEPS):
        action = chance.choice(actions)
        market = chance.choice(list(system.markets))
        arguments = [drawn(domain, chance, system, users, market) for domain in action.domains.values()]
        completed[action.name] += perform(system, action, tuple(arguments)) is None
    return completed


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_system_runs(name: str) -> None:
    """Random actions complete, and what every market owns covers what it owes at the end."""
    protocol = load_protocol(name)
    system = initial_system(protocol)
    completed = smoke(system, protocol.users, Random(7))
    assert min(completed[each] for each in ("deposit", "enter", "set_price", "pass_time")) > 0
    for market in system.markets.values():
        assert suppliers_assets(market) >= 0
        assert market.tokens[market.vault] == market.cash + market.donated
        if isinstance(market, LinedMarket):
            assert market.core.drawn[market.line] == market.principal
            assert owed_on_line(market) == 0 or market.cash == 0


def test_a_line_of_the_shipped_core_serves_a_pool_without_cash() -> None:
    """Two million ETH are drawn, and not one unit more."""
    system = initial_system(load_protocol("astera-docs"))
    ether = 10**18
    for action, *arguments in (
        ("deposit", "alice", "core/ETH", 15_000_000 * ether),
        ("deposit", "bob", "mini-a/X", 90_000_000 * ether),
        ("enter", "bob", "mini-a/X"),
        ("borrow", "bob", "mini-a/ETH", 2_000_000 * ether),
    ):
        assert perform(system, ACTIONS[action], tuple(arguments)) is None
    refusal = perform(system, ACTIONS["borrow"], ("bob", "mini-a/ETH", 1))
    assert refusal is not None
    assert refusal.name == "LineLimitExceeded"
    assert system.markets["core/ETH"].lent == 2_000_000 * ether

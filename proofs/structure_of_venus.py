"""How the deployed Venus pools are put together: what two of them share, and what a market needs to be used; computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Any

from poolproof.models.deployed.venus.build import FIRST_SUPPLIER
from poolproof.models.deployed.venus.governance import (
    set_actions_paused,
    set_close_factor,
    set_collateral_factor,
    set_interest_rate_model,
    set_liquidation_incentive,
    set_market_borrow_caps,
    set_market_supply_caps,
    set_min_liquidatable_collateral,
    set_protocol_seize_share,
    set_reserve_factor,
)
from poolproof.models.deployed.venus.market import SHARE_RESERVE, exchange_rate
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.pools import SEVERAL, Deployment, below, place_of
from poolproof.models.deployed.venus.rates import RateModel, TwoKinksRate
from poolproof.models.rates import JumpRate, WhitePaperRate
from poolproof.spec.action import Action, perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Journal, Ledger

from .periphery_of_venus import (
    auctions_share_one_fund,
    every_market_has_its_own_rewards,
    guards_of_an_addition,
    the_directory_answers_what_pools_contain,
)
from .quantities import COMPUTATIONS, Figures

__all__ = ["COMPUTATIONS"]

STEPS = 4_000
"""Length of the random run."""
TOGETHER = ("set_price", "pass_time", "update_jump_rate_model")
"""What is declared to concern several pools: the oracle, time, and a rate model's own contract."""


# --- V1, V2: what pools share -----------------------------------------------------------------------------


def pools_share_what_is_declared(protocol: Protocol) -> Figures:
    """Find everything that two pools can both reach, then watch what actions of one pool write."""
    figures = Figures()
    deployment: Deployment = SEVERAL.build(protocol)
    parts = {name: {id(each): each for each in below(pool)} for name, pool in deployment.pools.items()}
    shared = 0
    balances = _wallets(deployment)
    for one, other in combinations(parts, 2):
        common = {key: parts[one][key] for key in parts[one].keys() & parts[other].keys()}
        common = {key: each for key, each in common.items() if not isinstance(each, Journal)}
        wallets = {name for name, each in balances.items() if common.pop(id(each), None) is not None}
        listed = [{place_of(name)[1] for name in deployment.pools[pool].markets} for pool in (one, other)]
        figures.check(wallets == listed[0] & listed[1], f"{one} and {other} share balances of {', '.join(wallets)}")
        figures.check(
            not common, f"{one} and {other} share {', '.join(type(each).__name__ for each in common.values())}"
        )
        shared += len(wallets)
    pairs = len(parts) * (len(parts) - 1) // 2
    figures.lines.append(
        f"{len(parts)} pools, {pairs} pairs: two pools reach nothing in common that an action can write, the balances "
        f"of the assets that both list aside ({shared} in all pairs)"
    )
    _watch(deployment, protocol, figures)
    _configure(SEVERAL.build(protocol), figures)
    return figures


def a_failure_stays_in_its_pool(protocol: Protocol) -> Figures:
    """What pools share, and what their auctions of bad debt do."""
    figures = pools_share_what_is_declared(protocol)
    auctions_share_one_fund(protocol, figures)
    return figures


def _wallets(deployment: Deployment) -> dict[str, Ledger]:
    """The ledger of balances of each asset."""
    return {place_of(name)[1]: market.underlying for name, market in deployment.markets.items()}


def _watch(deployment: Deployment, protocol: Protocol, figures: Figures) -> None:
    """Run random actions; of what each writes, nothing is another pool's, nor a balance of another pool's market."""
    chance = Random(1)
    owner = {id(each): name for name, pool in deployment.pools.items() for each in below(pool)}
    wallets = {id(each) for each in _wallets(deployment).values()}
    done: Counter[str] = Counter()
    for _ in range(STEPS):
        pool = chance.choice(list(deployment.pools))
        action = chance.choice(SEVERAL.actions)
        arguments = _drawn(chance, deployment, protocol, pool, action)
        if perform(deployment, action, arguments) is not None or action.name in TOGETHER:
            continue
        done[action.name] += 1
        mine = {*protocol.users, SHARE_RESERVE, *deployment.pools[pool].markets}
        for thing, key, _ in deployment.journal.entries:
            at = f"{action.name}{arguments}"
            if id(thing) in wallets:
                figures.check(key in mine, f"{at} writes the balance of {key}")
            elif not isinstance(thing, Deployment):
                figures.check(owner[id(thing)] == pool, f"{at} writes to {owner[id(thing)]}")
    figures.lines.append(
        f"{sum(done.values())} random actions of {len(done)} kinds in one pool or another each wrote to that pool and "
        "to balances of users, of its own markets and of the share reserve alone"
    )


def _drawn(
    chance: Random, deployment: Deployment, protocol: Protocol, pool: str, action: Action
) -> tuple[str | int, ...]:
    """Arguments for an action in a pool."""
    markets = deployment.pools[pool].markets
    names = {"user": protocol.users, "asset": tuple(markets), "pool": (pool,)}
    arguments: list[str | int] = []
    for domain in action.domains.values():
        if not domain.is_number:
            arguments.append(chance.choice(names[domain.kind]))
        elif domain.kind == "price":
            arguments.append(chance.choice(list(markets.values())).price * chance.randrange(50, 151) // 100)
        elif domain.kind == "slots":
            arguments.append(chance.randrange(10**5))
        else:
            arguments.append(chance.randrange(1, 10) * 10 ** chance.randrange(22))
    return tuple(arguments)


def _configure(deployment: Deployment, figures: Figures) -> None:
    """Set every parameter in each pool in turn: its own number moves, and no other pool's."""
    changes = 0
    for pool in deployment.pools:
        for action, arguments in _settings(deployment.pools[pool]):
            before = {name: _numbers(each) for name, each in deployment.pools.items()}
            deployment.begin()
            action.run(deployment.pools[pool], *arguments)
            moved = [name for name, each in deployment.pools.items() if _numbers(each) != before[name]]
            figures.check(moved == [pool], f"{action.name} in {pool} moves {', '.join(moved) or 'nothing'}")
            changes += 1
    figures.lines.append(
        f"{changes} changes of a parameter in one pool each moved a number of that pool and of no other"
    )


def _settings(pool: Comptroller) -> Iterator[tuple[Action, tuple[Any, ...]]]:
    """A change of each parameter of a pool, and of its first market."""
    name, market = next(iter(pool.markets.items()))
    curve = RateModel("another", JumpRate(1, 2, 3, WAD))
    yield set_close_factor, (pool.close_factor + 1,)
    yield set_liquidation_incentive, (pool.liquidation_incentive + WAD // 10,)
    yield set_min_liquidatable_collateral, (pool.min_liquidatable_collateral + 1,)
    yield set_collateral_factor, (name, market.collateral_factor // 2, market.liquidation_threshold + 1)
    yield set_market_supply_caps, (name, market.supply_cap + 1)
    yield set_market_borrow_caps, (name, market.borrow_cap + 1)
    yield set_reserve_factor, (name, market.reserve_factor + 1)
    yield set_protocol_seize_share, (name, market.protocol_seize_share + 1)
    yield set_interest_rate_model, (name, curve)
    yield set_actions_paused, (name, (2,), True)


def _numbers(pool: Comptroller) -> tuple[Any, ...]:
    """What a pool and its markets are configured with, and their state."""
    return (pool.saved_, *(market.saved_ for market in pool.markets.values()))


# --- V5: what a market needs ------------------------------------------------------------------------------

OPEN = (
    "accrue_interest",
    "donate",
    "add_reserves",
    "reduce_reserves",
    "sync_cash",
    "set_price",
    "update_jump_rate_model",
)
"""What can happen to a market that its pool does not list: interest, gifts, the sweep of its reserves, parameters."""
SMALL = "liquidate_small_account"
"""Looks at the account before it looks at the market."""


def a_market_is_used_with_its_pools_approval(protocol: Protocol) -> Figures:
    """Look at every market as it was added, then take the pool's approval away and try everything that users do."""
    figures = Figures()
    deployment: Deployment = SEVERAL.build(protocol)
    kinds: Counter[str] = Counter()
    refused = 0
    for name, market in deployment.markets.items():
        pool = place_of(name)[0]
        others = [each for each, there in deployment.pools.items() if each != pool and name in there.markets]
        figures.check(not others, f"{name} is listed in {', '.join(others)} too")
        curve = market.rate_model.curve
        figures.check(isinstance(curve, JumpRate | WhitePaperRate), f"{name} has another rate model: {curve}")
        kinds[type(curve).__name__] += 1
        first = market.tokens[FIRST_SUPPLIER]
        worth = first * exchange_rate(market)
        figures.check(0 < worth <= market.cash * WAD, f"{name} begins with {first} vTokens for {market.cash}")
        market.listed = False
        for action in SEVERAL.actions:
            if action.name in (*OPEN, SMALL) or "asset" not in action.domains:
                continue
            refusal = perform(deployment, action, tuple(_wanted(action, name)))
            figures.check(
                refusal is not None and refusal.name == "MarketNotListed",
                f"{action.name} in {name}, which its pool does not list: {refusal or 'accepted'}",
            )
            refused += 1
        market.listed = True
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    figures.lines += [
        f"{kinds.total()} markets, each in one pool, with a rate model ({told}) and vTokens for its first supply",
        f"without the pool's listing, {refused} attempts of users to use one of them are all refused",
        f"a rate model of a third kind, with two kinks, is {_third_kind(deployment)} by governance's setter",
    ]
    guards_of_an_addition(protocol, figures)
    return figures


def _third_kind(deployment: Deployment) -> str:
    """Give the first market a rate model with two kinks; how that ends."""
    market = next(iter(deployment.markets.values()))
    another = RateModel("two kinks", TwoKinksRate(0, 1, WAD // 2, 2, 0, WAD, 3))
    pool = deployment.pools[place_of(market.name)[0]]
    refusal = perform(pool, set_interest_rate_model, (market.name, another))
    return "accepted" if refusal is None and market.rate_model == another else f"refused ({refusal})"


def _wanted(action: Action, market: str) -> Iterator[str | int]:
    """Arguments that the first supplier could use an action with, were the market listed."""
    for key, domain in action.domains.items():
        if domain.kind == "asset":
            yield market
        elif domain.kind == "user":
            yield FIRST_SUPPLIER if key == action.actor else "alice"
        else:
            yield 10**12


for _computation in (
    pools_share_what_is_declared,
    a_failure_stays_in_its_pool,
    every_market_has_its_own_rewards,
    the_directory_answers_what_pools_contain,
    a_market_is_used_with_its_pools_approval,
):
    COMPUTATIONS[_computation.__name__] = _computation

"""The directory of Venus pools: what comes into it, in which order it is refused, and that a pool starts as it says."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest

from poolproof.models.deployed.venus import build as deployment
from poolproof.models.deployed.venus import registry as module
from poolproof.models.deployed.venus.build import FIRST_SUPPLIER, MarketStart, PoolStart
from poolproof.models.deployed.venus.governance import set_actions_paused, set_price, unlist_market
from poolproof.models.deployed.venus.governance import set_market_borrow_caps as set_borrow_cap
from poolproof.models.deployed.venus.governance import set_market_supply_caps as set_supply_cap
from poolproof.models.deployed.venus.pool import Comptroller, Pausable
from poolproof.models.deployed.venus.rates import RateModel
from poolproof.models.deployed.venus.registry import (
    NOBODY,
    REGISTRY,
    REGISTRY_ACTIONS,
    PoolRegistry,
    RegistryStart,
    VenusPool,
    all_pools,
    build,
    pool_by_comptroller,
    pools_supported_by_asset,
    vtoken_for_asset,
)
from poolproof.models.deployed.venus.rewards import add_rewards_distributor, deploy_distributor
from poolproof.models.deployed.word import MAX_UINT256, Reason, Revert
from poolproof.models.rates import JumpRate
from poolproof.proofs.snapshots import copy_state, state_to_json
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD

BY_NAME = {action.name: action for action in REGISTRY_ACTIONS}
TOKEN = 10**18
RATE = 10**28


def market(name: str, price: int = WAD, wallets: dict[str, int] | None = None) -> MarketStart:
    """A market of 18 decimals."""
    return MarketStart(
        name=name,
        price=price,
        initial_exchange_rate=RATE,
        rate_model=RateModel(f"rates of {name}", JumpRate(10**9, 10**10, 10**11, WAD // 2)),
        collateral_factor=70 * WAD // 100,
        liquidation_threshold=80 * WAD // 100,
        reserve_factor=WAD // 4,
        protocol_seize_share=5 * WAD // 100,
        sweep_interval=50,
        initial_supply=100 * TOKEN + 7,
        supply_cap=10**30,
        borrow_cap=MAX_UINT256,
        wallets=wallets or {},
    )


def pool_of(*markets: MarketStart) -> PoolStart:
    """A pool at slot 100."""
    return PoolStart(
        now=100,
        users=("u0", "u1"),
        close_factor=WAD // 2,
        liquidation_incentive=110 * WAD // 100,
        min_liquidatable_collateral=10 * WAD,
        max_borrow_rate=5 * 10**12,
        counts_donations=False,
        markets=markets,
    )


def start(**changes: Any) -> PoolRegistry:
    """Two pools, core with vA and vB and the second with vA2 on the asset of vA; u0 has 1000 tokens of each asset."""
    usual = RegistryStart(
        block=100,
        timestamp=5000,
        pools={"core": pool_of(market("vA"), market("vB"), market("vA3")), "defi": pool_of(market("vA2"))},
        assets={"vA": "A", "vB": "B", "vA3": "A", "vA2": "A"},
        balances={"A": {"u0": 1000 * TOKEN}, "B": {"u0": 1000 * TOKEN}},
    )
    return build(replace(usual, **changes))


POOL = ("u0", "Core", "core", WAD // 2, 110 * WAD // 100, 10 * WAD)
MARKET = ("u0", "vA", 70 * WAD // 100, 80 * WAD // 100, 100 * TOKEN + 7, FIRST_SUPPLIER, 10**30, MAX_UINT256)


def do(registry: PoolRegistry, name: str, *arguments: Any) -> tuple[str, tuple[str, ...]] | None:
    """Carry an action out; the error if it is refused, which leaves everything as it was."""
    before = state_to_json(registry)
    refusal = perform(registry, BY_NAME[name], arguments)
    if refusal is None:
        return None
    assert isinstance(refusal, Revert), name
    assert nonzero(state_to_json(registry)) == nonzero(before)
    return refusal.error


def nonzero(data: Any) -> Any:
    """A state without the entries that were read and are 0."""
    if not isinstance(data, dict):
        return data
    return {key: nonzero(value) for key, value in data.items() if value not in ("0", 0)}


def done(registry: PoolRegistry, *steps: tuple[Any, ...]) -> PoolRegistry:
    """Carry actions out that all complete."""
    for name, *arguments in steps:
        assert do(registry, name, *arguments) is None, name
    return registry


def with_pool() -> PoolRegistry:
    """The core pool is in the directory."""
    return done(start(), ("add_pool", *POOL))


def with_market() -> PoolRegistry:
    """And has vA."""
    return done(with_pool(), ("add_market", *MARKET))


def changed(arguments: tuple[Any, ...], **places: Any) -> tuple[Any, ...]:
    """Arguments of which some, by position, are others."""
    new = list(arguments)
    for place, value in places.items():
        new[int(place[1:])] = value
    return tuple(new)


def unlisted() -> PoolRegistry:
    """And vA was taken off the list again."""
    registry = with_market()
    core = registry.comptrollers["core"]
    set_actions_paused.run(core, "vA", tuple(map(int, Pausable)), paused=True)
    set_supply_cap.run(core, "vA", 0)
    set_borrow_cap.run(core, "vA", 0)
    core.markets["vA"].collateral_factor = 0
    unlist_market.run(core, "vA")
    return registry


def without(what: str) -> PoolRegistry:
    """Pools that lack an oracle or room for markets, or a distributor whose blocks no longer fit."""
    registry = with_pool()
    core = registry.comptrollers["core"]
    if what == "room":
        core.max_loops = 0
    elif what == "price":
        set_price.run(core, "vA", 0)
    else:
        deploy_distributor(core, "XVS", {})
        add_rewards_distributor.run(core, "XVS")
        core.now = 2**32
    return registry


def oracleless() -> PoolRegistry:
    """A pool without an oracle."""
    registry = start()
    registry.comptrollers["core"].has_oracle = False
    return registry


EXISTS = "PoolRegistry: Market already added for asset comptroller combination"
CASES: dict[str, tuple[Any, tuple[Any, ...], tuple[str, tuple[str, ...]]]] = {
    "a pool without a Comptroller": (start, ("add_pool", *changed(POOL, _2=NOBODY)), ("ZeroAddressNotAllowed", ())),
    "a pool without an oracle": (oracleless, ("add_pool", *POOL), ("ZeroAddressNotAllowed", ())),
    "a pool twice, before its name is looked at": (
        with_pool,
        ("add_pool", *changed(POOL, _1="x" * 101)),
        ("Error", ("PoolRegistry: Pool already exists in the directory.",)),
    ),
    "a name of 101 bytes, before the parameters": (
        start,
        ("add_pool", *changed(POOL, _1="é" * 50 + "x", _3=0)),
        ("Error", ("Pool's name is too large",)),
    ),
    "a close factor above 0.9": (
        start,
        ("add_pool", *changed(POOL, _3=9 * WAD // 10 + 1)),
        ("Error", ("Close factor greater than maximum close factor",)),
    ),
    "a close factor below 0.05, before the incentive": (
        start,
        ("add_pool", *changed(POOL, _3=5 * WAD // 100 - 1, _4=0)),
        ("Error", ("Close factor smaller than minimum close factor",)),
    ),
    "an incentive below 1": (
        start,
        ("add_pool", *changed(POOL, _4=WAD - 1)),
        ("Error", ("liquidation incentive should be greater than 1e18",)),
    ),
    "no market": (start, ("add_market", *changed(MARKET, _1=NOBODY)), ("ZeroAddressNotAllowed", ())),
    "no receiver": (start, ("add_market", *changed(MARKET, _5=NOBODY, _4=0)), ("ZeroAddressNotAllowed", ())),
    "no first supply, before the pool": (
        start,
        ("add_market", *changed(MARKET, _4=0)),
        ("Error", ("PoolRegistry: initialSupply is zero",)),
    ),
    "a pool that is not in the directory": (
        start,
        ("add_market", *MARKET),
        ("Error", ("PoolRegistry: Pool not registered",)),
    ),
    "a market twice": (with_market, ("add_market", *MARKET), ("Error", (EXISTS,))),
    "another market for the asset": (with_market, ("add_market", *changed(MARKET, _1="vA3")), ("Error", (EXISTS,))),
    "a market that was taken off the list": (unlisted, ("add_market", *MARKET), ("Error", (EXISTS,))),
    "more markets than loops": (
        lambda: without("room"),
        ("add_market", *MARKET),
        ("MaxLoopsLimitExceeded", ("0", "1")),
    ),
    "rewards past 32 bits": (
        lambda: without("blocks"),
        ("add_market", *MARKET),
        ("Error", ("block number exceeds 32 bits",)),
    ),
    "a collateral factor above 0.95, before the threshold": (
        with_pool,
        ("add_market", *changed(MARKET, _2=95 * WAD // 100 + 1, _3=0)),
        ("InvalidCollateralFactor", ()),
    ),
    "a threshold below the factor": (
        with_pool,
        ("add_market", *changed(MARKET, _3=70 * WAD // 100 - 1)),
        ("InvalidLiquidationThreshold", ()),
    ),
    "a factor without a price": (lambda: without("price"), ("add_market", *MARKET), ("PriceError", ("vA",))),
    "a supply above its cap, once the tokens were taken": (
        with_pool,
        ("add_market", *changed(MARKET, _6=100 * TOKEN + 6)),
        ("SupplyCapExceeded", ("vA", str(100 * TOKEN + 6))),
    ),
    "more than the caller has": (
        with_pool,
        ("add_market", *changed(MARKET, _4=1000 * TOKEN + 1)),
        ("Error", ("ERC20: transfer amount exceeds balance",)),
    ),
    "a market past the registry": (
        with_pool,
        ("support_market_directly", "u0", "core", "vA"),
        ("UnexpectedSender", (REGISTRY, "u0")),
    ),
    "a listed market, by the registry": (
        with_market,
        ("support_market_directly", REGISTRY, "core", "vA"),
        ("MarketAlreadyListed", ("vA",)),
    ),
    "a market that was listed, by the registry": (
        unlisted,
        ("support_market_directly", REGISTRY, "core", "vA"),
        ("MarketAlreadyListed", ("vA",)),
    ),
    "a new name of 101 bytes": (
        with_pool,
        ("set_pool_name", "core", "x" * 101),
        ("Error", ("Pool's name is too large",)),
    ),
}


@pytest.mark.parametrize(("make", "step", "expected"), CASES.values(), ids=CASES)
def test_an_error_comes_where_the_contract_has_it(
    make: Any, step: tuple[Any, ...], expected: tuple[str, tuple[str, ...]]
) -> None:
    """Each guard in its place; what is refused leaves nothing behind, the market that it listed first neither."""
    assert do(make(), *step) == expected


def test_every_refusal_is_reached() -> None:
    """No refusal of the module is without a case."""
    occurring = {arguments[0] if name == "Error" else name for *_, (name, arguments) in CASES.values()}
    classes = [each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__]
    refusals = [each for each in classes if issubclass(each, Revert)]
    assert len(refusals) == 8
    assert {each.reason if issubclass(each, Reason) else each.__name__ for each in refusals} <= occurring


@pytest.mark.parametrize("limits", [(9 * WAD // 10, WAD), (5 * WAD // 100, WAD)])
def test_the_bounds_of_a_pool_are_allowed(limits: tuple[int, int]) -> None:
    """A close factor of 0.9 and of 0.05, an incentive of 1, a name of 100 bytes."""
    registry = done(start(), ("add_pool", *changed(POOL, _1="x" * 100, _3=limits[0], _4=limits[1])))
    core = registry.comptrollers["core"]
    assert (core.close_factor, core.liquidation_incentive, core.min_liquidatable_collateral) == (*limits, 10 * WAD)


def test_the_first_supply_rounds_down() -> None:
    """100e18 + 7 tokens at 1e10 tokens a vToken are 1e10 vTokens and 7 tokens that buy none: not 1e10 + 1.

    u0 had 1000e18, and has 899 999 999 999 999 999 993; the registry keeps nothing.
    """
    registry = with_market()
    vtoken = registry.comptrollers["core"].markets["vA"]
    assert (vtoken.total_supply, vtoken.tokens[FIRST_SUPPLIER]) == (10_000_000_000, 10_000_000_000)
    assert vtoken.internal_cash == vtoken.underlying["vA"] == 100_000_000_000_000_000_007
    assert (vtoken.underlying["u0"], vtoken.underlying[REGISTRY]) == (899_999_999_999_999_999_993, 0)


def test_a_pool_that_is_added_is_the_pool_that_is_built() -> None:
    """Markets that the registry adds one by one are those of `build`, in every number and balance."""
    wallets = {"u0": 1000 * TOKEN}
    built = deployment.build(pool_of(market("vA", wallets=wallets), market("vB", wallets=wallets)))
    paid = {"u0": 1100 * TOKEN + 7}
    registry = start(balances={"A": dict(paid), "B": dict(paid)})
    done(registry, ("add_pool", *POOL), ("add_market", *MARKET), ("add_market", *changed(MARKET, _1="vB")))
    core = registry.comptrollers["core"]
    assert core.saved_[: len(Comptroller.scalars)] == built.saved_
    for name, expected in built.markets.items():
        found = core.markets[name]
        assert found.saved_ == expected.saved_
        for ledger in expected.ledgers:
            entries = [
                {key: value for key, value in getattr(each, ledger).items() if value} for each in (found, expected)
            ]
            assert entries[0] == entries[1], ledger


def test_the_directory_answers_in_order() -> None:
    """Two pools with a market each on one asset; what is not there is the zero address or nothing."""
    registry = done(
        start(),
        ("pass_time", 5, 15),
        ("add_pool", *changed(POOL, _1="DeFi", _2="defi")),
        ("pass_time", 1, 3),
        ("add_pool", *POOL),
        ("add_market", *MARKET),
        ("add_market", *changed(MARKET, _1="vA2")),
        ("set_pool_name", "defi", "DeFi 2"),
    )
    defi, core = VenusPool("DeFi 2", "u0", "defi", 105, 5015), VenusPool("Core", "u0", "core", 106, 5018)
    assert all_pools(registry) == (defi, core)
    assert pool_by_comptroller(registry, "core") == core
    assert [vtoken_for_asset(registry, pool, asset) for pool in ("core", "defi") for asset in ("A", "B")] == [
        "vA",
        NOBODY,
        "vA2",
        NOBODY,
    ]
    assert pools_supported_by_asset(registry, "A") == ("core", "defi")
    assert pools_supported_by_asset(registry, "B") == ()


def test_what_is_off_the_list_stays_in_the_directory() -> None:
    """A market that was unlisted is still the pool's market for its asset."""
    registry = unlisted()
    assert vtoken_for_asset(registry, "core", "A") == "vA"
    assert pools_supported_by_asset(registry, "A") == ("core",)
    assert registry.comptrollers["core"].every_market() == ("vA",)


def test_a_pool_can_be_named_before_it_is_added() -> None:
    """The name of a pool that is not in the directory is stored, and replaced when the pool is added."""
    registry = done(start(), ("set_pool_name", "core", "early"))
    assert pool_by_comptroller(registry, "core") == VenusPool(name="early")
    assert all_pools(registry) == ()
    done(registry, ("add_pool", *POOL))
    assert pool_by_comptroller(registry, "core").name == "Core"


def test_a_market_without_collateral_is_added_without_a_price() -> None:
    """A collateral factor of 0 asks for no price, whatever the threshold."""
    registry = without("price")
    assert do(registry, "add_market", *changed(MARKET, _2=0)) is None
    assert registry.comptrollers["core"].markets["vA"].listed


def test_a_distributor_begins_with_a_new_market() -> None:
    """A market that is added after a distributor begins at the initial index and the present slot, on both sides."""
    registry = with_pool()
    core = registry.comptrollers["core"]
    deploy_distributor(core, "XVS", {})
    add_rewards_distributor.run(core, "XVS")
    done(registry, ("pass_time", 7, 21), ("add_market", *MARKET))
    of = core.distributors["XVS"]
    assert [(side["vA"].index, side["vA"].slot) for side in (of.suppliers, of.borrowers)] == [(10**36, 107)] * 2
    assert [(side["vB"].index, side["vB"].slot) for side in (of.suppliers, of.borrowers)] == [(0, 0)] * 2


@pytest.mark.parametrize(("time_based", "now"), [(False, 103), (True, 5009)])
def test_time_passes_in_blocks_or_seconds(*, time_based: bool, now: int) -> None:
    """3 blocks of 3 seconds: a pool's slot is 103, or 5009 where slots are seconds."""
    registry = done(start(time_based=time_based), ("pass_time", 3, 9))
    assert (registry.comptrollers["core"].now, registry.block, registry.timestamp) == (now, 103, 5009)


def test_a_copy_is_independent() -> None:
    """A copy of the registry is written without the original, wallets that pools share staying one."""
    registry = with_market()
    twin = copy_state(registry)
    done(twin, ("add_pool", *changed(POOL, _2="defi")), ("add_market", *changed(MARKET, _1="vA2")))
    assert pools_supported_by_asset(registry, "A") == ("core",)
    core, defi = (twin.comptrollers[name].markets[of] for name, of in (("core", "vA"), ("defi", "vA2")))
    assert core.underlying is defi.underlying
    assert registry.comptrollers["core"].markets["vA"].underlying["u0"] == 900 * TOKEN - 7

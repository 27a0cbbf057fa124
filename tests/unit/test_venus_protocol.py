"""The shipped Venus protocols are what their generator writes."""

import gzip
import importlib.util
import json
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from poolproof.invariants.deployed.venus import VENUS as CATALOGUE
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.deployed.word import DivisionByZero
from poolproof.models.rates import JumpRate
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.loading import load_protocol, parse_protocol
from poolproof.spec.protocol import Protocol

SCRIPT = Path(__file__).parents[2] / "tools" / "venus_protocol.py"
POOLS = {
    "Stablecoins": "venus-bsc-stablecoins",
    "DeFi": "venus-bsc-defi",
    "GameFi": "venus-bsc-gamefi",
    "LiquidStakedBNB": "venus-bsc-liquid-staked-bnb",
    "Tron": "venus-bsc-tron",
    "Meme": "venus-bsc-meme",
    "LiquidStakedETH": "venus-bsc-liquid-staked-eth",
    "BTC": "venus-bsc-btc",
}
"""The pools, each with its file in the model of the contracts."""
NAMES = ("liquid-staked-bnb", "venus-docs", *POOLS.values())


def shipped(name: str) -> str:
    """The text of a shipped protocol file."""
    return (files("poolproof.spec") / "protocols" / f"{name}.toml").read_text(encoding="utf-8")


@pytest.fixture(name="tool")
def loaded_tool() -> ModuleType:
    """The generator as a module; it lies outside the package, and an installed wheel has none."""
    if not SCRIPT.exists():
        pytest.skip("the tools are not part of what is installed")
    spec = importlib.util.spec_from_file_location("venus_protocol", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def venus_configuration() -> dict[str, Any]:
    """The deployment values of BNB Chain, whole, as the generator reads them."""
    packed = Path(__file__).with_name("venus-bsc.json.gz").read_bytes()
    configuration: dict[str, Any] = json.loads(gzip.decompress(packed))
    return configuration


@pytest.fixture(name="liquid_staked_bnb")
def one_pool_of_the_configuration() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The configuration, and the markets of the one pool that also has a file of its own."""
    configuration = venus_configuration()
    pools = configuration["networks"]["bscmainnet"]["pools"]
    return configuration, next(pool["markets"] for pool in pools if pool["id"] == "LiquidStakedBNB")


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_file_is_what_the_generator_writes(
    name: str,
    tool: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody edits a generated file by hand, and the generator still writes it, to the byte."""
    configuration = tmp_path / "venus.json"
    configuration.write_text(json.dumps(venus_configuration()), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["venus_protocol.py", str(configuration), name])
    tool.main()
    assert capsys.readouterr().out == shipped(name)


@pytest.mark.parametrize("name", ["liquid-staked-bnb", "venus-bsc-liquid-staked-bnb", "venus-docs"])
def test_a_rate_model_that_is_not_modelled_stops_the_generator(
    name: str, tool: ModuleType, liquid_staked_bnb: tuple[dict[str, Any], list[dict[str, Any]]]
) -> None:
    """A market is never written with another curve than its own."""
    configuration, markets = liquid_staked_bnb
    markets[0]["rateModel"]["model"] = "TwoKinks"
    with pytest.raises(KeyError, match="TwoKinks"):
        tool.protocol_text(configuration, name)


def test_an_asset_without_a_round_price_stops_the_generator(
    tool: ModuleType, liquid_staked_bnb: tuple[dict[str, Any], list[dict[str, Any]]]
) -> None:
    """A price is never guessed."""
    configuration, markets = liquid_staked_bnb
    markets[0]["underlying"] = "NEW"
    with pytest.raises(KeyError, match="NEW"):
        tool.protocol_text(configuration, "venus-docs")


def test_parameters_are_copied_digit_for_digit(
    tool: ModuleType, liquid_staked_bnb: tuple[dict[str, Any], list[dict[str, Any]]]
) -> None:
    """Prices are scaled with the decimals of the asset."""
    configuration, markets = liquid_staked_bnb
    assert markets[4]["underlying"] == "USDT"
    markets[4].update(underlyingDecimals="6", supplyCap="18600000000001")
    protocol = parse_protocol(tool.protocol_text(configuration, "liquid-staked-bnb"), "generated.toml")
    assert protocol.pools[0].markets[4].supply_cap == 18_600_000_000_001
    assert protocol.pools[0].markets[4].price == 10**30


def test_the_shipped_pool_is_the_real_one() -> None:
    """Spot checks against the published configuration."""
    protocol = load_protocol("liquid-staked-bnb")
    pool = protocol.pools[0]
    assert protocol.horizon == 10 * 70_080_000
    assert [market.asset for market in pool.markets] == [
        "ankrBNB", "BNBx", "stkBNB", "WBNB", "USDT", "USDD", "slisBNB", "PT-clisBNB-24APR2025", "asBNB",
    ]  # fmt: skip
    wbnb = pool.markets[3]
    assert (wbnb.ltv, wbnb.liquidation_threshold) == (450_000_000_000_000_000, 500_000_000_000_000_000)
    assert (wbnb.supply_cap, wbnb.borrow_cap) == (80_000 * 10**18, 56_000 * 10**18)
    assert (wbnb.rate_model.multiplier_per_year, wbnb.rate_model.kink) == (9 * 10**15, 9 * 10**17)
    assert {market.rate_model.slots_per_year for market in pool.markets} == {42_048_000}


def test_the_registry_has_all_pools() -> None:
    """Eight pools and 38 markets; an asset that several pools list has one price and one feed."""
    protocol = load_protocol("venus-docs")
    assert [(pool.id, len(pool.markets)) for pool in protocol.pools] == [
        ("Stablecoins", 4), ("DeFi", 8), ("GameFi", 4), ("LiquidStakedBNB", 9),
        ("Tron", 6), ("Meme", 2), ("LiquidStakedETH", 3), ("BTC", 2),
    ]  # fmt: skip
    one = load_protocol("liquid-staked-bnb").pools[0]
    same = next(pool for pool in protocol.pools if pool.id == one.id)
    assert [market.model_copy(update={"rewards": None}) for market in same.markets] == list(one.markets)


def test_speeds_of_one_token_are_added(tool: ModuleType) -> None:
    """A market may have several distributors; one of another token stops the generator."""
    once = {"asset": "SD", "markets": ["BNBx"], "supplySpeeds": ["3"], "borrowSpeeds": ["4"]}
    twice = [once, once | {"supplySpeeds": ["10"]}]
    assert tool.emissions({"id": "P", "rewards": twice}) == {"BNBx": ("SD", 13, 8)}
    with pytest.raises(ValueError, match="BNBx is given both SD and XVS"):
        tool.emissions({"id": "P", "rewards": [*twice, once | {"asset": "XVS"}]})


def test_rewards_that_cannot_be_declared_are_left_out_loudly() -> None:
    """Two speeds on BNB Chain are above 2^64 smallest units a block: the file names them."""
    assert "cannot be declared: Tron/BTT, Tron/WIN." in shipped("venus-docs")
    given = {
        f"{pool.id}/{market.asset}": market.rewards.token
        for pool in load_protocol("venus-docs").pools
        for market in pool.markets
        if market.rewards is not None
    }
    assert len(given) == 14
    assert given["DeFi/PLANET"] == "USDT"
    assert not {"Tron/BTT", "Tron/WIN"} & set(given)


# --- the pools as deployed --------------------------------------------------------------------------------


def as_configured(market: VToken, slots: int) -> dict[str, Any]:
    """The numbers of a market that has just been added, in the words of the configuration."""
    curve = market.rate_model.curve
    assert isinstance(curve, JumpRate)
    return {
        "underlying": market.name,
        "collateralFactor": str(market.collateral_factor),
        "liquidationThreshold": str(market.liquidation_threshold),
        "reserveFactor": str(market.reserve_factor),
        "initialSupply": str(market.cash),
        "supplyCap": str(market.supply_cap),
        "borrowCap": str(market.borrow_cap),
        "reduceReservesBlockDelta": str(market.sweep_interval),
        "kink": str(curve.kink),
        "perSlot": [curve.base, curve.multiplier, curve.jump],
        "slots": slots,
    }


def expected(market: dict[str, Any], slots: int) -> dict[str, Any]:
    """The same from the configuration: yearly rates are divided by the slots of a year once."""
    same = ("underlying", "collateralFactor", "liquidationThreshold", "reserveFactor", "initialSupply", "supplyCap")
    rates = market["rateModel"]
    assert rates["model"] == "JumpRateModelV2"
    yearly = (rates["baseRatePerYear"], rates["multiplierPerYear"], rates["jumpMultiplierPerYear"])
    return {key: market[key] for key in (*same, "borrowCap", "reduceReservesBlockDelta")} | {
        "kink": rates["kink"],
        "perSlot": [int(figure) // slots for figure in yearly],
        "slots": slots,
    }


@pytest.mark.parametrize(("pool", "name"), POOLS.items())
def test_a_deployed_pool_starts_with_the_configured_numbers(pool: str, name: str) -> None:
    """The model that is built from a file has the deployment values, digit for digit, markets in their order."""
    configuration = venus_configuration()
    network = configuration["networks"]["bscmainnet"]
    slots = int(network["blocksPerYear"])
    config = next(each for each in network["pools"] if each["id"] == pool)
    protocol = load_protocol(name)
    built = VENUS.build(protocol)
    assert str(built.close_factor) == config["closeFactor"]
    assert str(built.liquidation_incentive) == config["liquidationIncentive"]
    assert str(built.min_liquidatable_collateral) == config["minLiquidatableCollateral"]
    markets = list(built.markets.values())
    assert [as_configured(market, slots) for market in markets] == [expected(each, slots) for each in config["markets"]]
    about = configuration["_about"]
    for market, each, written in zip(markets, config["markets"], protocol.pools[0].markets, strict=True):
        decimals = int(each["underlyingDecimals"])
        assert written.decimals == decimals
        assert str(market.protocol_seize_share) == about["protocolSeizeShareMantissa_default"]
        assert str(market.max_borrow_rate) == about["maxBorrowRateMantissa_perBlock"]
        assert market.initial_exchange_rate == 10 ** (decimals + 18 - int(about["vTokenDecimals"]))
        assert market.total_supply == int(each["initialSupply"]) * 10**18 // market.initial_exchange_rate
        assert market.tokens["seed"] == market.total_supply


def test_the_deployed_pools_are_all_of_the_network() -> None:
    """No pool of the configuration is missing among the files."""
    pools = venus_configuration()["networks"]["bscmainnet"]["pools"]
    assert [pool["id"] for pool in pools] == list(POOLS)


def test_values_that_do_not_fit_together_are_said_to_be_so() -> None:
    """Two pools begin with a seize share above what their setter allows, one market with more than its supply cap."""
    above = [name for name in POOLS.values() if "to which its setter would limit it" in shipped(name)]
    assert above == ["venus-bsc-liquid-staked-eth", "venus-bsc-btc"]
    beyond = [name for name in POOLS.values() if "NFT is above its supply cap" in shipped(name)]
    assert beyond == ["venus-bsc-tron"]


def test_every_deployed_market_is_in_the_region_of_the_theorems() -> None:
    """The contracts' default of the seize share, above what its setter allows in two pools, is inside as well."""
    for name in POOLS.values():
        assert [rule for rule, holds in VENUS.admissible(VENUS.build(load_protocol(name))) if not holds] == []


@pytest.mark.parametrize("below", [1, 0])
def test_a_seize_share_of_the_whole_incentive_can_leave_a_debt_without_assets(below: int) -> None:
    """Below it the borrower's vTokens never all go to the protocol; at it the only supplier's do, with all the cash."""
    data = load_protocol("venus-bsc-liquid-staked-bnb").canonical_json()
    incentive = int(data["pools"][0]["liquidation_incentive"])
    market = next(market for market in data["pools"][0]["markets"] if market["asset"] == "WBNB")
    market["reserve_factor"] = str(WAD)
    market["venus"] |= {"protocol_seize_share": str(incentive - below), "sweep_interval": 10**9}
    pool = VENUS.build(Protocol.model_validate(data))
    wbnb = pool.markets["WBNB"]
    steps: list[tuple[Any, ...]] = [
        ("redeem", "seed", "WBNB", wbnb.total_supply),
        ("mint", "alice", "WBNB", WAD // 10),
        ("enter_market", "alice", "WBNB"),
        ("borrow", "alice", "USDT", 20 * WAD),
        ("mint", "bob", "USDT", 1000 * WAD),
        ("enter_market", "bob", "USDT"),
        ("borrow", "bob", "WBNB", WAD // 100),
        ("pass_time", 10**6),
        ("repay_borrow", "bob", "WBNB", WAD // 100),
        ("set_price", "WBNB", 220 * WAD),
        ("heal_account", "carol", "alice"),
    ]
    for name, *arguments in steps:
        assert perform(pool, VENUS.action(name), tuple(arguments)) is None, name
    assert wbnb.total_borrows == wbnb.total_reserves > 0
    assert (wbnb.cash, wbnb.total_supply) == (below * 10**10, below)
    broken = [rule for rule, holds in VENUS.admissible(pool) if not holds]
    assert broken == ([] if below else ["protocol seize share < incentive"])
    (backed,) = CATALOGUE["SOLV-7-w"].clauses
    assert backed.check(pool, wbnb) is bool(below)
    pool.now += 1
    refusal = perform(pool, VENUS.action("repay_borrow"), ("bob", "WBNB", WAD))
    assert refusal is None if below else isinstance(refusal, DivisionByZero)

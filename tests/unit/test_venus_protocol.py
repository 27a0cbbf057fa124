"""The shipped Venus protocols are what their generator writes."""

import importlib.util
import json
import re
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from poolproof.spec.loading import load_protocol, parse_protocol
from poolproof.spec.protocol import MarketConfig, PoolConfig

SCRIPT = Path(__file__).parents[2] / "tools" / "venus_protocol.py"
NAMES = ("liquid-staked-bnb", "venus-docs")


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


def venus_market(market: MarketConfig, address: str) -> dict[str, Any]:
    """A market as the deployment configuration has it."""
    return {
        "underlying": market.asset,
        "underlyingAddress": address,
        "underlyingDecimals": str(market.decimals),
        "collateralFactor": str(market.ltv),
        "liquidationThreshold": str(market.liquidation_threshold),
        "reserveFactor": str(market.reserve_factor),
        "supplyCap": str(market.supply_cap),
        "borrowCap": str(market.borrow_cap),
        "rateModel": {
            "model": "JumpRateModelV2",
            "baseRatePerYear": str(market.rate_model.base_rate_per_year),
            "multiplierPerYear": str(market.rate_model.multiplier_per_year),
            "jumpMultiplierPerYear": str(market.rate_model.jump_multiplier_per_year),
            "kink": str(market.rate_model.kink),
        },
    }


def venus_rewards(pool: PoolConfig, left_out: list[str]) -> list[dict[str, Any]]:
    """The distributors of a pool, one for each market that has rewards; what was left out was too large."""
    given = [
        (market.rewards.token, market.asset, market.rewards.supplier_emission, market.rewards.borrower_emission)
        for market in pool.markets
        if market.rewards is not None
    ]
    given += [
        ("BIG", name.removeprefix(f"{pool.id}/"), 0, 2**64) for name in left_out if name.startswith(f"{pool.id}/")
    ]
    return [
        {"asset": token, "markets": [asset], "supplySpeeds": [str(suppliers)], "borrowSpeeds": [str(borrowers)]}
        for token, asset, suppliers, borrowers in given
    ]


def venus_configuration() -> dict[str, Any]:
    """The configuration that would lead to the shipped files, read back from the one that has all pools."""
    protocol = load_protocol("venus-docs")
    left_out = re.search(r"cannot be declared: (.*)\.$", shipped("venus-docs"), re.MULTILINE)
    assert left_out is not None
    addresses = iter(re.findall(r"# (0x[0-9a-fA-F]{40})$", shipped("venus-docs"), re.MULTILINE))
    return {
        "_about": {"source": protocol.source.split(";")[0] + "; evaluated, not hand-copied"},
        "networks": {
            "bscmainnet": {
                "blocksPerYear": str(protocol.pools[0].markets[0].rate_model.slots_per_year),
                "pools": [
                    {
                        "id": pool.id,
                        "closeFactor": str(pool.close_factor),
                        "liquidationIncentive": str(pool.liquidation_incentive),
                        "markets": [venus_market(market, next(addresses)) for market in pool.markets],
                        "rewards": venus_rewards(pool, left_out[1].split(", ")),
                    }
                    for pool in protocol.pools
                ],
            }
        },
    }


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


@pytest.mark.parametrize("name", NAMES)
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

"""The shipped Venus pool is what its generator writes."""

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
from poolproof.spec.protocol import MarketConfig

SCRIPT = Path(__file__).parents[2] / "tools" / "venus_protocol.py"
SHIPPED = (files("poolproof.spec") / "protocols" / "liquid-staked-bnb.toml").read_text(encoding="utf-8")


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


def venus_configuration() -> dict[str, Any]:
    """The configuration that would lead to the shipped file, read back from it."""
    protocol = load_protocol("liquid-staked-bnb")
    pool = protocol.pools[0]
    addresses = re.findall(r"# (0x[0-9a-fA-F]{40})$", SHIPPED, re.MULTILINE)
    return {
        "_about": {"source": protocol.source.split(";")[0] + "; evaluated, not hand-copied"},
        "networks": {
            "bscmainnet": {
                "blocksPerYear": str(pool.markets[0].rate_model.slots_per_year),
                "pools": [
                    {"id": "Another", "markets": []},
                    {
                        "id": pool.id,
                        "closeFactor": str(pool.close_factor),
                        "liquidationIncentive": str(pool.liquidation_incentive),
                        "markets": [
                            venus_market(market, address)
                            for market, address in zip(pool.markets, addresses, strict=True)
                        ],
                    },
                ],
            }
        },
    }


def test_the_shipped_file_is_what_the_generator_writes(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody edits the generated file by hand, and the generator still writes it, to the byte."""
    configuration = tmp_path / "venus.json"
    configuration.write_text(json.dumps(venus_configuration()), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["venus_protocol.py", str(configuration)])
    tool.main()
    assert capsys.readouterr().out == SHIPPED


def test_a_rate_model_that_is_not_modelled_stops_the_generator(tool: ModuleType) -> None:
    """A market is never written with another curve than its own."""
    configuration = venus_configuration()
    configuration["networks"]["bscmainnet"]["pools"][1]["markets"][0]["rateModel"]["model"] = "TwoKinks"
    with pytest.raises(KeyError, match="TwoKinks"):
        tool.protocol_text(configuration)


def test_parameters_are_copied_digit_for_digit(tool: ModuleType) -> None:
    """Prices are scaled with the decimals of the asset."""
    configuration = venus_configuration()
    market = configuration["networks"]["bscmainnet"]["pools"][1]["markets"][4]
    assert market["underlying"] == "USDT"
    market.update(underlyingDecimals="6", supplyCap="18600000000001")
    protocol = parse_protocol(tool.protocol_text(configuration), "generated.toml")
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

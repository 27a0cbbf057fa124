"""Write a protocol file from the deployment values of the Venus isolated pools on BNB Chain.

Usage: python tools/venus_protocol.py venus.json NAME > spec/protocols/NAME.toml

NAME is `liquid-staked-bnb` (one pool) or `venus-docs` (all pools of the registry), or in the model of the contracts
themselves `venus-bsc-POOL` (one pool, for each of them) or `venus-bsc` (all). `venus.json` holds the deployment
configuration of the Venus isolated pools, evaluated from `helpers/deploymentConfig.ts` of VenusProtocol/isolated-pools
at the commit that its `_about` names. Parameters are copied digit for digit; prices, which the source does not have,
are the round figures below.
"""

import argparse
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from poolproof.invariants.deployed.venus import VENUS

NETWORK = "bscmainnet"
PRICE_EXPONENT = 36
"""A price is US dollars per whole token x 10^(36 - decimals)."""

DOLLARS = (
    {"BTCB": "60000", "PT-SolvBTC.BBN-27MAR2025": "60000"}
    | dict.fromkeys(("WBNB", "ankrBNB", "BNBx", "stkBNB", "slisBNB", "asBNB", "PT-clisBNB-24APR2025"), "600")
    | dict.fromkeys(("ETH", "wstETH", "weETH"), "2000")
    | dict.fromkeys(("USDT", "USDD", "lisUSD", "EURA", "TWT"), "1")
    | dict.fromkeys(("BSW", "ALPACA", "TRX"), "0.1")
    | {"ANKR": "0.01", "PLANET": "0.00001", "RACA": "0.0001", "FLOKI": "0.0001", "WIN": "0.0001"}
    | {"BTT": "0.000001", "NFT": "0.0000001", "BabyDoge": "0.000000001"}
    | dict.fromkeys(("WBTC", "cbBTC", "eBTC", "LBTC", "tBTC"), "60000")
    | dict.fromkeys(("WETH", "weETHs", "rsETH", "sfrxETH", "ezETH", "pufETH", "zkETH", "wsuperOETHb"), "2000")
    | dict.fromkeys(("PT-weETH-26DEC2024", "yvWETH-1"), "2000")
    | dict.fromkeys(("USDC", "crvUSD", "DAI", "TUSD", "FRAX", "sFRAX", "sUSDe", "FDUSD", "wUSDM"), "1")
    | dict.fromkeys(("yvUSDC-1", "yvUSDT-1", "yvUSDS-1", "PT-USDe-27MAR2025", "PT-sUSDE-27MAR2025"), "1")
    | dict.fromkeys(("EIGEN", "BAL", "CRV", "ARB", "OP"), "1")
    | {"UNI": "10", "ZK": "0.1"}
)
"""Round prices, right to the order of magnitude [US dollars per whole token]."""

HORIZON = 10 * 70_080_000
"""Ten years of blocks at 0.45 s, the fastest block time of the chain so far [slots]."""

LARGEST_EMISSION = 2**64 - 1
"""Rewards above this are outside what a protocol file can say, and are left out [smallest unit per slot]."""

KINDS = {"JumpRateModelV2": "jump", "WhitePaperInterestRateModel": "white-paper"}

FILES: dict[str, dict[str, Any]] = {
    "liquid-staked-bnb": {
        "pools": ("LiquidStakedBNB",),
        "about": 'The pool "Liquid Staked BNB" of the Venus isolated pools on BNB Chain, in the reference model:',
        "prices": "BNB and the tokens that stand for staked BNB are set to 600 USD,\n"
        "#   USDT and USDD to 1 USD. Only concrete runs begin there; proofs hold for any price.",
        "title": "Venus isolated pool Liquid Staked BNB on BNB Chain, reference model",
        "rewards": False,
    },
    "venus-docs": {
        "pools": None,
        "about": "All Venus isolated pools on BNB Chain, as their registry lists them, in the reference model:",
        "prices": "Each asset has a round figure, the same in all pools,\n"
        "#   right to the order of magnitude. Only concrete runs begin there; proofs hold for any price.",
        "title": "Venus isolated pools on BNB Chain, reference model",
        "rewards": True,
    },
}
"""What differs between the files; no pools named: all that the network has."""

BNB_PRICES = "BNB and the tokens that stand for staked BNB are set to 600 USD,\n#   USDT and USDD to 1 USD."
ALL_PRICES = "Each asset has a round figure, the same in all pools,\n#   right to the order of magnitude."
DEPLOYED_POOLS = {
    "Stablecoins": ("Stablecoins", ALL_PRICES),
    "DeFi": ("DeFi", ALL_PRICES),
    "GameFi": ("GameFi", ALL_PRICES),
    "LiquidStakedBNB": ("Liquid Staked BNB", BNB_PRICES),
    "Tron": ("Tron", ALL_PRICES),
    "Meme": ("Meme", ALL_PRICES),
    "LiquidStakedETH": ("Liquid Staked ETH", ALL_PRICES),
    "BTC": ("BTC", ALL_PRICES),
}
"""The pools that have a file in the model of the contracts: its name in full, and what is said of its prices."""

FILES |= {
    f"venus-bsc-{title.lower().replace(' ', '-')}": {
        "pools": (pool,),
        "about": f'The pool "{title}" of the Venus isolated pools on BNB Chain, in the model of its contracts:',
        "prices": f"{prices} Only runs begin there; the oracle then moves as it likes.",
        "title": f"Venus isolated pool {title} on BNB Chain, as deployed",
        "rewards": False,
        "deployed": True,
    }
    for pool, (title, prices) in DEPLOYED_POOLS.items()
}
FILES["venus-bsc"] = {
    "pools": None,
    "about": "All Venus isolated pools on BNB Chain, side by side, in the model of their contracts:",
    "prices": f"{ALL_PRICES} Only runs begin there; the oracle then moves as it likes.",
    "title": "Venus isolated pools on BNB Chain, as deployed",
    "rewards": False,
    "deployed": True,
}

REWARDS_NOTES = """\
# * rewards: where a market has several distributors of one token, their speeds are added; the vault holds what a year
#   emits. Left out, because more than 2^64 smallest units a slot cannot be declared: {left_out}.
"""

DEPLOYED_NOTES = """\
# * dust_value is minLiquidatableCollateral; the account "seed" received the first supply of each market, and can
#   redeem it. protocol_seize_share is the contracts' default{above}."""

ABOVE_INCENTIVE = """, with which a market begins
#   unasked: it is above liquidation_incentive - 1{where}, to which its setter would limit it"""

ABOVE_CAP = """
# * the first supply of {assets} is above its supply cap{said}."""

HEAD = """\
# {about}
# real parameters, {size}.
#
# Generated by tools/venus_protocol.py; change that, not this file.
#
# Source: {source}.
# These are the values with which the markets were configured for deployment. Live values drift
# afterwards by governance proposals.
#
# Not from the source, and chosen here:
# * price: the source has none. {prices}
{dust}
# * horizon: ten years of blocks at 0.45 s, the fastest block time of the chain so far. The
#   yearly rates are divided by slots_per_year = {slots}, the figure of the deployment (0.75 s).
{notes}
schema = "poolproof.protocol/1"
name = "{name}"
title = "{title}"
source = "{source}; prices are round figures"
model = "{model}"
horizon = {horizon}
{users}"""

POOL = """
[[pools]]
id = "{pool}"
close_factor = "{close_factor}"
liquidation_incentive = "{liquidation_incentive}"
dust_value = "{dust_value}"
"""

MARKET = """
[[pools.markets]]
asset = "{asset}"  # {address}
decimals = {decimals}
price = "{price}"  # {dollars} USD, a round figure
ltv = "{ltv}"
liquidation_threshold = "{threshold}"
reserve_factor = "{reserve_factor}"
supply_cap = "{supply_cap}"
borrow_cap = "{borrow_cap}"
{max_rate}
[pools.markets.rate_model]
kind = "{kind}"
base_rate_per_year = "{base}"
multiplier_per_year = "{multiplier}"
jump_multiplier_per_year = "{jump}"
kink = "{kink}"
slots_per_year = {slots}
"""

DEPLOYED = """
[pools.markets.venus]
initial_supply = "{initial_supply}"
protocol_seize_share = "{protocol_seize_share}"
sweep_interval = {sweep_interval}
"""

ACCEPTED = """
[[accepted]]
invariant = "{invariant}"
reason = "{reason}"
weakened = "{weakened}"
"""
INSTEAD = {"SOLV-6": "LIVE-4-w"}
"""What has to stay proved where no weaker claim has the invariant's own name."""

REWARDS = """
[pools.markets.rewards]
token = "{token}"
supplier_emission = "{suppliers}"
borrower_emission = "{borrowers}"
vault = "{vault}"
"""


def emissions(pool: dict[str, Any]) -> dict[str, tuple[str, int, int]]:
    """Add the speeds of a pool's distributors up, by market: the token, to suppliers, to borrowers.

    Raises: ValueError for a market that is given two tokens.
    """
    found: dict[str, tuple[str, int, int]] = {}
    for given in pool["rewards"]:
        speeds = zip(given["markets"], given["supplySpeeds"], given["borrowSpeeds"], strict=True)
        for market, suppliers, borrowers in speeds:
            token, to_suppliers, to_borrowers = found.get(market, (given["asset"], 0, 0))
            if token != given["asset"]:
                message = f"{pool['id']}: {market} is given both {token} and {given['asset']}"
                raise ValueError(message)
            found[market] = (token, to_suppliers + int(suppliers), to_borrowers + int(borrowers))
    return found


def can_be_declared(given: tuple[str, int, int]) -> bool:
    """Whether rewards are small enough for a protocol file."""
    return max(given[1:]) <= LARGEST_EMISSION


def rewards_text(given: tuple[str, int, int], slots: str) -> str:
    """Write the rewards of one market."""
    token, suppliers, borrowers = given
    vault = (suppliers + borrowers) * int(slots)
    return REWARDS.format(token=token, suppliers=suppliers, borrowers=borrowers, vault=vault)


def market_text(market: dict[str, Any], slots: str) -> str:
    """Write the tables of one market."""
    rates = market["rateModel"]
    decimals = int(market["underlyingDecimals"])
    dollars = DOLLARS[market["underlying"]]
    return MARKET.format(
        asset=market["underlying"],
        address=market["underlyingAddress"],
        decimals=decimals,
        price=int(Decimal(dollars) * 10 ** (PRICE_EXPONENT - decimals)),
        dollars=dollars,
        ltv=market["collateralFactor"],
        threshold=market["liquidationThreshold"],
        reserve_factor=market["reserveFactor"],
        supply_cap=market["supplyCap"],
        borrow_cap=market["borrowCap"],
        max_rate=f'max_rate = "{market["maxRate"]}"\n' if "maxRate" in market else "",
        kind=KINDS[rates["model"]],
        base=rates["baseRatePerYear"],
        multiplier=rates["multiplierPerYear"],
        jump=rates["jumpMultiplierPerYear"],
        kink=rates["kink"],
        slots=slots,
    )


def deployed_text(market: dict[str, Any], seize_share: str) -> str:
    """Write what the model of the contracts needs besides."""
    return DEPLOYED.format(
        initial_supply=market["initialSupply"],
        protocol_seize_share=seize_share,
        sweep_interval=market["reduceReservesBlockDelta"],
    )


def pool_text(pool: dict[str, Any], slots: str, *, with_rewards: bool, seize_share: str | None = None) -> str:
    """Write the tables of one pool; with a seize share, as the model of the contracts needs them."""
    head = POOL.format(
        pool=pool["id"],
        close_factor=pool["closeFactor"],
        liquidation_incentive=pool["liquidationIncentive"],
        dust_value=10**PRICE_EXPONENT if seize_share is None else int(pool["minLiquidatableCollateral"]) * 10**18,
    )
    given = emissions(pool) if with_rewards else {}
    text = head
    for market in pool["markets"]:
        text += market_text(market, slots)
        if seize_share is not None:
            text += deployed_text(market, seize_share)
        rewards = given.get(market["underlying"])
        if rewards is not None and can_be_declared(rewards):
            text += rewards_text(rewards, slots)
    return text


def deployed_notes(pools: list[dict[str, Any]], seize_share: str, said: str = ", as in the source") -> str:
    """Say what was chosen for a file of the contracts' model, and where its values do not fit together."""
    above = [pool["id"] for pool in pools if int(seize_share) + 10**18 > int(pool["liquidationIncentive"])]
    where = f" in {', '.join(above)}" if len(pools) > 1 else ""
    text = DEPLOYED_NOTES.format(above=ABOVE_INCENTIVE.format(where=where) if above else "")
    markets = [market for pool in pools for market in pool["markets"]]
    beyond = [each["underlying"] for each in markets if int(each["initialSupply"]) > int(each["supplyCap"])]
    return text + (ABOVE_CAP.format(assets=", ".join(beyond), said=said) if beyond else "")


def protocol_text(venus: dict[str, Any], name: str) -> str:
    """Write a whole file."""
    file, network = FILES[name], venus["networks"][NETWORK]
    deployed: bool = file.get("deployed", False)
    share = venus["_about"]["protocolSeizeShareMantissa_default"] if deployed else None
    pools = [pool for pool in network["pools"] if file["pools"] is None or pool["id"] in file["pools"]]
    slots = network["blocksPerYear"]
    markets = f"{sum(len(pool['markets']) for pool in pools)} markets"
    left_out = [
        f"{pool['id']}/{market}"
        for pool in pools
        for market, given in (emissions(pool) if file["rewards"] else {}).items()
        if not can_be_declared(given)
    ]
    head = HEAD.format(
        name=name,
        about=file["about"],
        prices=file["prices"],
        title=file["title"],
        source=venus["_about"]["source"].split(";")[0],
        size=markets if len(pools) == 1 else f"{len(pools)} pools and {markets}",
        slots=slots,
        horizon=HORIZON,
        dust=deployed_notes(pools, share) if share is not None else "# * dust_value: 1 USD.",
        model="venus" if deployed else "reference",
        users='users = ["alice", "bob", "carol", "seed"]\n' if deployed else "",
        notes=REWARDS_NOTES.format(left_out=", ".join(left_out) or "none") if file["rewards"] else "",
    )
    texts = (pool_text(pool, slots, with_rewards=file["rewards"], seize_share=share) for pool in pools)
    return head + "".join(texts) + (accepted_text() if deployed else "")


def accepted_text() -> str:
    """Write what is known to be false of the contracts, each with the weaker claim that has to stay proved."""
    texts = []
    for invariant in VENUS:
        if invariant.counterexamples:
            weaker = f"{invariant.id}-w"
            said = (invariant.counterexamples[0].__doc__ or "").partition("\n")[0]
            kept = weaker if weaker in VENUS else INSTEAD[invariant.id]
            texts.append(ACCEPTED.format(invariant=invariant.id, reason=said, weakened=kept))
    return "".join(texts)


def main() -> None:
    """Read the configuration that is named as the argument, write the protocol file."""
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("venus", type=Path, help="the deployment values, venus.json")
    parser.add_argument("name", choices=FILES, help="the protocol to write")
    arguments = parser.parse_args()
    venus = json.loads(arguments.venus.read_text(encoding="utf-8"))
    sys.stdout.write(protocol_text(venus, arguments.name))


if __name__ == "__main__":
    main()

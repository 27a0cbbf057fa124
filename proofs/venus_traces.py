"""Between traces of the model "venus" and recordings of its contracts: deployments, actions, and what can be observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from poolproof.models.deployed.venus.model import market_start
from poolproof.models.deployed.venus.pool import SHORTFALL, Comptroller, Pausable
from poolproof.spec.action import Action
from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError
from poolproof.spec.protocol import MarketConfig, Protocol, RateModelConfig

from .venus_recordings import BY_CONTRACT_NAME, SHORT_NAMES, state_of

CONTRACT_NAMES = {action.name: name for name, action in BY_CONTRACT_NAME.items()} | {
    "add_rewards_distributor": "addRewardsDistributor",
    "set_reward_token_speeds": "setRewardTokenSpeeds",
    "claim_reward_token": "claimRewardToken",
    "support_market_again": "supportMarket",
}
"""The function of the contracts, by the action's name."""
RATE_MODELS = {"jump": "JumpRateModelV2", "white-paper": "WhitePaperInterestRateModel"}
"""The contract of a kind of rate model in a protocol file."""
YEARLY = {"baseRatePerYear": "base", "multiplierPerYear": "multiplier", "jumpMultiplierPerYear": "jump"}
"""The yearly rates of a rate model, and the rate per slot that each comes from."""

RecordedCall = tuple[str, dict[str, Any]]
"""The name of an action and its arguments, as a recording writes them."""


# --- from a trace to a recording -----------------------------------------------------------------------------------


def deployment_of(protocol: Protocol) -> dict[str, Any]:
    """The deployment of a protocol file, as a recording describes one: all in slot 0, where the model starts.

    Refuses: a pool whose cash is its token balance.
    """
    pool = protocol.pools[0]
    if pool.venus is not None and pool.venus.counts_donations:
        rule = "the pool takes its token balance for its cash, as contracts before 4.4.0 did"
        raise UsageError(rule, "counts_donations", "only pools that count their cash run on the bytecode")
    return {
        "startBlock": "0",
        "startTimestamp": "0",
        "timeBased": False,
        "blocksPerYear": str(pool.markets[0].rate_model.slots_per_year),
        "maxBorrowRate": str(pool.markets[0].max_rate),
        "cashMode": "internalCash",
        "users": list(protocol.users),
        "pool": {
            "closeFactor": str(pool.close_factor),
            "liquidationIncentive": str(pool.liquidation_incentive),
            "minLiquidatableCollateral": str(pool.dust_value // WAD),
        },
        "markets": [_deployed(market, protocol.users) for market in pool.markets],
    }


def _deployed(config: MarketConfig, users: Sequence[str]) -> dict[str, Any]:
    """A market of a protocol file, as a recording describes one."""
    start = market_start(config, tuple(users))
    return {
        "symbol": config.asset,
        "decimals": config.decimals,
        "price": str(start.price),
        "initialExchangeRate": str(start.initial_exchange_rate),
        "rateModel": _described(config.rate_model),
        "collateralFactor": str(start.collateral_factor),
        "liquidationThreshold": str(start.liquidation_threshold),
        "reserveFactor": str(start.reserve_factor),
        "protocolSeizeShare": str(start.protocol_seize_share),
        "reduceReservesBlockDelta": str(start.sweep_interval),
        "initialSupply": str(start.initial_supply),
        "supplyCap": str(start.supply_cap),
        "borrowCap": str(start.borrow_cap),
        "userBalances": [str(start.wallets[user]) for user in users],
        "shortfallBalance": "0",
    }


def _described(config: RateModelConfig) -> dict[str, str]:
    """A rate model of a protocol file, as a recording describes one."""
    yearly = {"baseRatePerYear": config.base_rate_per_year, "multiplierPerYear": config.multiplier_per_year}
    if config.kind == "jump":
        yearly |= {"jumpMultiplierPerYear": config.jump_multiplier_per_year, "kink": config.kink}
    written = {name: str(value) for name, value in yearly.items()}
    return {"model": RATE_MODELS[config.kind], "blocksPerYear": str(config.slots_per_year)} | written


def recorded_call(
    action: Action, arguments: Iterable[Any], names: Sequence[str], slots_per_year: Sequence[int] = ()
) -> RecordedCall | None:
    """An action as a recording writes it; ``names`` are the markets in order.  None where time passes.

    ``slots_per_year``, of each market, makes yearly rates of an action's rates per slot.
    """
    given = dict(zip(action.domains, arguments, strict=True))
    match action.name:
        case "pass_time":
            return None
        case "set_jump_rate" | "update_jump_rate":
            market = names.index(given["asset"])
            year = slots_per_year[market]
            yearly = {name: str(given[part] * year) for name, part in YEARLY.items()} | {"kink": str(given["kink"])}
            if action.name == "update_jump_rate":
                return "updateJumpRateModel", {"m": market, "rateModel": yearly}
            model = {"model": RATE_MODELS["jump"], "blocksPerYear": str(year)} | yearly
            return "setInterestRateModel", {"m": market, "rateModel": model}
        case "enter_market":
            return "enterMarkets", {"user": given["user"], "ms": [names.index(given["asset"])]}
        case "liquidate_small_account":
            order = {"mc": names.index(given["collateral"]), "mb": names.index(given["asset"])}
            orders = [order | {"repay": str(given["repay"])}]
            return "liquidateAccount", {"user": given["user"], "borrower": given["borrower"], "orders": orders}
    written: dict[str, Any] = {}
    for name, domain in action.domains.items():
        value, key = given[name], "mc" if name == "collateral" else SHORT_NAMES.get(name, name)
        match domain.kind:
            case "user" | "flag":
                written[key] = value
            case "asset":
                written[key] = names.index(value)
            case "assets":
                written[key] = [names.index(each) for each in value]
            case "orders":
                written[key] = [
                    {"mc": names.index(pledged), "mb": names.index(debt), "repay": str(repay)}
                    for pledged, debt, repay in value
                ]
            case "pausables":
                written[key] = [int(each) for each in value]
            case "rate_model":
                raise UsageError("a rate model has no yearly parameters any more", name, "record the action itself")
            case _:
                written[key] = str(value)
    return CONTRACT_NAMES[action.name], written


# --- what can be observed ------------------------------------------------------------------------------------------


def parameters_of(pool: Comptroller) -> dict[str, Any]:
    """What a recording leaves out of a state: the parameters, the prices, and what `short` holds."""
    markets = [pool.seen(name) for name in pool.markets]
    return {
        "pool": {
            "closeFactor": str(pool.close_factor),
            "liquidationIncentive": str(pool.liquidation_incentive),
            "minLiquidatableCollateral": str(pool.min_liquidatable_collateral),
        },
        "m": [
            {
                "price": str(market.price),
                "listed": market.listed,
                "collateralFactor": str(market.collateral_factor),
                "liquidationThreshold": str(market.liquidation_threshold),
                "reserveFactor": str(market.reserve_factor),
                "protocolSeizeShare": str(market.protocol_seize_share),
                "reduceReservesBlockDelta": str(market.sweep_interval),
                "supplyCap": str(market.supply_cap),
                "borrowCap": str(market.borrow_cap),
                "forcedLiquidation": market.forced_liquidation,
                "paused": [int(what) for what in Pausable if market.paused >> what & 1],
                "shortfallBalance": str(market.underlying[SHORTFALL]),
            }
            for market in markets
        ],
        "delegates": {user: sorted(pool.delegates[user] or ()) for user in pool.users},
    }


def observed(state: Mapping[str, Any], parameters: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A recorded state and its parameters under the names of the markets, as a person looks for them."""
    markets = zip(names, state["m"], parameters["m"], state["psr"], strict=True)
    return {
        "pool": parameters["pool"],
        "markets": {name: {**market, **more, "psr": psr} for name, market, more, psr in markets},
        "accounts": {
            account: _account(holds, parameters["delegates"].get(account), names)
            for account, holds in state["u"].items()
        },
    }


_LEDGERS = {"v": "vTokens", "t": "underlying", "p": "principal", "i": "interestIndex"}


def _account(holds: Mapping[str, Any], delegates: Sequence[str] | None, names: Sequence[str]) -> dict[str, Any]:
    """What is observed of an account."""
    found: dict[str, Any] = {
        _LEDGERS[key]: dict(zip(names, value, strict=True)) for key, value in holds.items() if key in _LEDGERS
    }
    if delegates is not None:
        found |= {"entered": [names[position] for position in holds["in"]], "liquidity": holds["lq"]}
        found["delegates"] = list(delegates)
    return found


def observed_of(pool: Comptroller) -> dict[str, Any]:
    """What is observed of the model's state."""
    return observed(state_of(pool), parameters_of(pool), tuple(pool.markets))

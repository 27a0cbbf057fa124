"""The Venus pool as the engines see it: how it starts from a protocol file, and what happens to it in their runs."""

from __future__ import annotations

from typing import Any

from poolproof.models.deployed.word import MAX_UINT256
from poolproof.models.rates import JumpRate, WhitePaperRate
from poolproof.spec.action import Action, Domain, action, asset, factor, tokens, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.logic import Condition
from poolproof.spec.model import Model
from poolproof.spec.protocol import ComptrollerConfig, MarketConfig, Protocol, RateModelConfig, VTokenConfig
from poolproof.spec.state import Account

from . import build as deployment
from . import liquidation, users
from .build import MarketStart, PoolStart
from .governance import (
    pass_time,
    set_close_factor,
    set_collateral_factor,
    set_interest_rate_model,
    set_liquidation_incentive,
    set_market_borrow_caps,
    set_market_supply_caps,
    set_min_liquidatable_collateral,
    set_price,
    set_protocol_seize_share,
    set_reserve_factor,
    sync_cash,
    update_jump_rate_model,
)
from .market import VToken, accrue
from .pool import Comptroller, add_to_market, exit_market
from .rates import RateModel

NO_CAP = 2**112 - 1
"""A cap in a protocol file that means none."""
VTOKEN_DIGITS = 10
"""18 less the 8 decimals of a vToken: a market starts with 10^decimals tokens for 10^8 vTokens."""
SCOPE = (
    "re-entrancy and callbacks of tokens are left out: an action is atomic",
    "tokens that take a fee on transfer, rebase or can be frozen are left out",
    "pauses, delegates, forced liquidation and unlisting are left out, but for claims that are about them",
    "rewards, Prime, and the auctions of bad debt are left out",
    "governance sets parameters and rates within the contracts' bounds; the oracle is an input: any price, at any time",
    "a small account is liquidated by one order at a time",
)
"""What runs of the model leave out."""


def curve_of(config: RateModelConfig) -> JumpRate | WhitePaperRate:
    """The per-slot curve of yearly parameters, each divided once, rounding down."""
    year = config.slots_per_year
    base, multiplier = config.base_rate_per_year // year, config.multiplier_per_year // year
    if config.kind == "white-paper":
        return WhitePaperRate(base, multiplier)
    return JumpRate(base, multiplier, config.jump_multiplier_per_year // year, config.kink)


def market_start(config: MarketConfig, everyone: tuple[Account, ...]) -> MarketStart:
    """A market of a protocol file as it is added."""
    of = config.venus or VTokenConfig()
    return MarketStart(
        name=config.asset,
        price=config.price,
        initial_exchange_rate=10 ** (config.decimals + VTOKEN_DIGITS),
        rate_model=RateModel(f"rates of {config.asset}", curve_of(config.rate_model)),
        collateral_factor=config.ltv,
        liquidation_threshold=config.liquidation_threshold,
        reserve_factor=config.reserve_factor,
        protocol_seize_share=of.protocol_seize_share,
        sweep_interval=of.sweep_interval,
        initial_supply=of.initial_supply,
        supply_cap=MAX_UINT256 if config.supply_cap == NO_CAP else config.supply_cap,
        borrow_cap=MAX_UINT256 if config.borrow_cap == NO_CAP else config.borrow_cap,
        wallets=dict.fromkeys(everyone, config.wallet),
    )


def build(protocol: Protocol) -> Comptroller:
    """The freshly deployed pool of a protocol file, at slot 0; its dust value is where accounts are small."""
    config, everyone = protocol.pools[0], protocol.users
    pool = deployment.build(
        PoolStart(
            now=0,
            users=everyone,
            close_factor=config.close_factor,
            liquidation_incentive=config.liquidation_incentive,
            min_liquidatable_collateral=config.dust_value // WAD,
            max_borrow_rate=config.markets[0].max_rate,
            counts_donations=(config.venus or ComptrollerConfig()).counts_donations,
            markets=tuple(market_start(market, everyone) for market in config.markets),
        )
    )
    for account in everyone:
        pool.entered.restore_(account, ())
        pool.delegates.restore_(account, frozenset())
    return pool


def accrue_alone(market: VToken, now: int) -> None:
    """Bring one market to the present, its events aside."""
    accrue(market, now, [])


def highest_rate(market: Any) -> Any:
    """The borrow rate where all is lent [wad per slot]."""
    return market.rate_model.curve.borrow_rate(WAD)


def admissible(pool: Any) -> list[tuple[str, Condition]]:
    """What the setters of the contracts and of their deployment ensure.

    A protocol seize share is set to at most the incentive - 1, but neither the one that a market begins with nor a later
    incentive is checked, and two deployed pools exceed it.  At the incentive itself a seizure can pay out all assets of
    a market that still has debt, which then divides by zero; below it, never.
    """
    region: list[tuple[str, Condition]] = [
        ("5 % <= close factor", 100 * pool.close_factor >= 5 * WAD),
        ("close factor <= 90 %", 100 * pool.close_factor <= 90 * WAD),
        ("liquidation incentive >= 1", pool.liquidation_incentive >= WAD),
    ]
    for market in pool.markets.values():
        factor, threshold = market.collateral_factor, market.liquidation_threshold
        region += [
            ("collateral factor <= 95 %", 100 * factor <= 95 * WAD),
            ("collateral factor <= liquidation threshold", factor <= threshold),
            ("liquidation threshold <= 1", threshold <= WAD),
            ("reserve factor <= 1", market.reserve_factor <= WAD),
            ("protocol seize share < incentive", market.protocol_seize_share < pool.liquidation_incentive),
            ("borrow rate at full utilisation <= its maximum", highest_rate(market) <= market.max_borrow_rate),
        ]
    return region


# --- actions in the form that engines draw and traces write ----------------------------------------------------------


@action(user=user(), asset=asset())
def enter_market(pool: Comptroller, user: Account, asset: str) -> None:
    """Let a market count for the caller.  Models: Comptroller.enterMarkets, of one market."""
    add_to_market(pool, pool.seen(asset), user)


@action(user=user(), borrower=user(), asset=asset(), collateral=asset(), repay=tokens())
def liquidate_small_account(
    pool: Comptroller, user: Account, borrower: Account, asset: str, collateral: str, repay: int
) -> None:
    """Liquidate a small account that owes in one market.  Models: Comptroller.liquidateAccount, with one order."""
    liquidation.liquidate_account.run(pool, user, borrower, ((collateral, asset, repay),))


def slope() -> Domain:
    """A part of a rate per slot, so that no sum of them exceeds the usual maximum [wad]."""
    return Domain("rate", high=10**12)


def drawn_model(asset: str, base: int, multiplier: int, jump: int, kink: int) -> RateModel:
    """A rate model with a jump."""
    return RateModel(f"rates of {asset}", JumpRate(base, multiplier, jump, kink))


@action(by="governance", asset=asset(), base=slope(), multiplier=slope(), jump=slope(), kink=factor(WAD))
def set_jump_rate(pool: Comptroller, asset: str, base: int, multiplier: int, jump: int, kink: int) -> None:
    """Accrue, then replace the rate model by one with a jump.  Models: VToken.setInterestRateModel."""
    set_interest_rate_model.run(pool, asset, drawn_model(asset, base, multiplier, jump, kink))


@action(by="governance", asset=asset(), base=slope(), multiplier=slope(), jump=slope(), kink=factor(WAD))
def update_jump_rate(pool: Comptroller, asset: str, base: int, multiplier: int, jump: int, kink: int) -> None:
    """Change the rate model in place, with a jump, no market accrued.  Models: JumpRateModelV2.updateJumpRateModel."""
    update_jump_rate_model.run(pool, asset, drawn_model(asset, base, multiplier, jump, kink))


SETTERS: tuple[Action, ...] = (
    set_collateral_factor,
    set_close_factor,
    set_liquidation_incentive,
    set_min_liquidatable_collateral,
    set_market_supply_caps,
    set_market_borrow_caps,
    set_reserve_factor,
    set_protocol_seize_share,
    set_jump_rate,
    update_jump_rate,
)
"""How governance sets parameters in the engines' runs."""

ACTIONS: tuple[Action, ...] = (
    users.mint,
    users.mint_behalf,
    users.redeem,
    users.redeem_underlying,
    enter_market,
    exit_market,
    users.borrow,
    users.repay_borrow,
    users.repay_borrow_behalf,
    users.transfer,
    liquidation.liquidate_borrow,
    liquidate_small_account,
    liquidation.heal_account,
    users.accrue_interest,
    users.donate,
    users.add_reserves,
    users.reduce_reserves,
    sync_cash,
    set_price,
    pass_time,
)
"""What users, liquidators and the environment do in the engines' runs."""

VENUS = Model("venus", build, (*ACTIONS, *SETTERS), accrue_alone, admissible, SCOPE, runs_only=True, market=VToken)

"""What governance and the environment do: parameters, pauses, prices, the counted cash, and time.

Access control is left out: whoever calls may.  Models: the setters of VToken.sol and Comptroller.sol.
"""

from __future__ import annotations

from typing import Any

from poolproof.models.deployed.word import MAX_UINT256, Revert, add
from poolproof.models.rates import JumpRate
from poolproof.spec.action import Action, Domain, action, asset, price, slots
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import require

from .pool import COMPTROLLER, Comptroller, Pausable, require_listed
from .rates import RateModel
from .refusals import (
    BorrowActionNotPaused,
    BorrowCapIsNotZero,
    CannotPauseUnlisted,
    CloseFactorTooLarge,
    CloseFactorTooSmall,
    CollateralFactorIsNotZero,
    EnterMarketActionNotPaused,
    ExitMarketActionNotPaused,
    InvalidCollateralFactor,
    InvalidInput,
    InvalidLiquidationThreshold,
    LiquidateActionNotPaused,
    LiquidationIncentiveTooSmall,
    MintActionNotPaused,
    NoSuchFunction,
    PriceError,
    ProtocolSeizeShareTooBig,
    RedeemActionNotPaused,
    RepayActionNotPaused,
    SeizeActionNotPaused,
    SetReserveFactorBoundsCheck,
    SupplyCapIsNotZero,
    TransferActionNotPaused,
)

LARGEST_COLLATERAL_FACTOR = 95 * WAD // 100
LARGEST_CLOSE_FACTOR = 90 * WAD // 100
SMALLEST_CLOSE_FACTOR = 5 * WAD // 100


def limit() -> Domain:
    """A cap, up to the largest word, which means none [tokens]."""
    return Domain("cap", high=MAX_UINT256)


def fraction() -> Domain:
    """A factor, above its limits too [wad]."""
    return Domain("factor", high=2 * WAD)


# --- the pool ------------------------------------------------------------------------------------------------------


@action(by="governance", asset=asset(), cf=fraction(), lt=fraction())
def set_collateral_factor(pool: Comptroller, asset: str, cf: int, lt: int) -> None:
    """Change a market's collateral factor and liquidation threshold.

    Refuses: MarketNotListed, InvalidCollateralFactor, InvalidLiquidationThreshold, PriceError.
    Models: Comptroller.setCollateralFactor.
    """
    market = pool.markets[asset]
    require_listed(market)
    require(cf <= LARGEST_COLLATERAL_FACTOR, InvalidCollateralFactor)
    require(cf <= lt <= WAD, InvalidLiquidationThreshold)
    require(cf == 0 or market.price != 0, PriceError, asset)
    if cf != market.collateral_factor:
        pool.events.append((COMPTROLLER, "NewCollateralFactor", asset, market.collateral_factor, cf))
        market.collateral_factor = cf
    if lt != market.liquidation_threshold:
        pool.events.append((COMPTROLLER, "NewLiquidationThreshold", asset, market.liquidation_threshold, lt))
        market.liquidation_threshold = lt


@action(by="governance", value=fraction())
def set_close_factor(pool: Comptroller, value: int) -> None:
    """Change the part of a debt that one liquidation may close.

    Refuses: CloseFactorTooLarge, CloseFactorTooSmall.  Models: Comptroller.setCloseFactor.
    """
    require(value <= LARGEST_CLOSE_FACTOR, CloseFactorTooLarge)
    require(value >= SMALLEST_CLOSE_FACTOR, CloseFactorTooSmall)
    pool.events.append((COMPTROLLER, "NewCloseFactor", pool.close_factor, value))
    pool.close_factor = value


@action(by="governance", value=fraction())
def set_liquidation_incentive(pool: Comptroller, value: int) -> None:
    """Change what a liquidator receives for what it repays; the protocol's shares are not checked again.

    Refuses: LiquidationIncentiveTooSmall.  Models: Comptroller.setLiquidationIncentive.
    """
    require(value >= WAD, LiquidationIncentiveTooSmall)
    pool.events.append((COMPTROLLER, "NewLiquidationIncentive", pool.liquidation_incentive, value))
    pool.liquidation_incentive = value


@action(by="governance", value=Domain("cap"))
def set_min_liquidatable_collateral(pool: Comptroller, value: int) -> None:
    """Change where accounts are liquidated whole.  Models: Comptroller.setMinLiquidatableCollateral."""
    old = pool.min_liquidatable_collateral
    pool.events.append((COMPTROLLER, "NewMinLiquidatableCollateral", old, value))
    pool.min_liquidatable_collateral = value


@action(by="governance", asset=asset(), cap=limit())
def set_market_supply_caps(pool: Comptroller, asset: str, cap: int) -> None:
    """Change a market's supply cap.  Models: Comptroller.setMarketSupplyCaps, for one market."""
    pool.markets[asset].supply_cap = cap
    pool.events.append((COMPTROLLER, "NewSupplyCap", asset, cap))


@action(by="governance", asset=asset(), cap=limit())
def set_market_borrow_caps(pool: Comptroller, asset: str, cap: int) -> None:
    """Change a market's borrow cap.  Models: Comptroller.setMarketBorrowCaps, for one market."""
    pool.markets[asset].borrow_cap = cap
    pool.events.append((COMPTROLLER, "NewBorrowCap", asset, cap))


@action(by="governance", asset=asset(), actions=Domain("pausables"), paused=Domain("flag"))
def set_actions_paused(pool: Comptroller, asset: str, actions: tuple[int, ...], paused: bool) -> None:
    """Pause actions in a market, or resume them.

    Refuses: CannotPauseUnlisted.  Models: Comptroller.setActionsPaused, for one market.
    """
    market = pool.markets[asset]
    for each in actions:
        require(market.listed, CannotPauseUnlisted)
        market.paused = market.paused | 1 << each if paused else market.paused & ~(1 << each)
        pool.events.append((COMPTROLLER, "ActionPausedMarket", asset, each, paused))


@action(by="governance", asset=asset(), enable=Domain("flag"))
def set_forced_liquidation(pool: Comptroller, asset: str, enable: bool) -> None:
    """Let the debts of a market be liquidated whatever the accounts' health, or no longer.

    Refuses: MarketNotListed.  Models: Comptroller.setForcedLiquidation.
    """
    market = pool.markets[asset]
    require_listed(market)
    market.forced_liquidation = enable
    pool.events.append((COMPTROLLER, "IsForcedLiquidationEnabledUpdated", asset, enable))


UNLISTING: tuple[tuple[Pausable, type[Revert]], ...] = (
    (Pausable.BORROW, BorrowActionNotPaused),
    (Pausable.MINT, MintActionNotPaused),
    (Pausable.REDEEM, RedeemActionNotPaused),
    (Pausable.REPAY, RepayActionNotPaused),
    (Pausable.SEIZE, SeizeActionNotPaused),
    (Pausable.ENTER_MARKET, EnterMarketActionNotPaused),
    (Pausable.LIQUIDATE, LiquidateActionNotPaused),
    (Pausable.TRANSFER, TransferActionNotPaused),
    (Pausable.EXIT_MARKET, ExitMarketActionNotPaused),
)
"""What has to be paused before a market is taken off the list, in the order in which it is asked."""


@action(by="governance", asset=asset())
def unlist_market(pool: Comptroller, asset: str) -> None:
    """Take a market off the list; accounts keep it among those that they entered, and it no longer counts.

    Refuses: MarketNotListed; where an action is not paused; BorrowCapIsNotZero, SupplyCapIsNotZero,
    CollateralFactorIsNotZero.  Models: Comptroller.unlistMarket.
    """
    market = pool.markets[asset]
    require_listed(market)
    for what, refusal in UNLISTING:
        require(market.paused >> what & 1, refusal)
    require(market.borrow_cap == 0, BorrowCapIsNotZero)
    require(market.supply_cap == 0, SupplyCapIsNotZero)
    require(market.collateral_factor == 0, CollateralFactorIsNotZero)
    market.listed = False
    pool.events.append((COMPTROLLER, "MarketUnlisted", asset))


# --- a market ------------------------------------------------------------------------------------------------------


@action(by="governance", asset=asset(), value=fraction())
def set_reserve_factor(pool: Comptroller, asset: str, value: int) -> None:
    """Accrue, then change the reserves' part of the interest.

    Refuses: as `accrue`; SetReserveFactorBoundsCheck.  Models: VToken.setReserveFactor.
    """
    market = pool.accrued(asset)
    require(value <= WAD, SetReserveFactorBoundsCheck)
    pool.events.append((asset, "NewReserveFactor", market.reserve_factor, value))
    market.reserve_factor = value


@action(by="governance", asset=asset(), value=fraction())
def set_protocol_seize_share(pool: Comptroller, asset: str, value: int) -> None:
    """Change the protocol's part of what is seized.

    Refuses: ProtocolSeizeShareTooBig, Overflow.  Models: VToken.setProtocolSeizeShare.
    """
    market = pool.markets[asset]
    require(add(value, WAD) <= pool.liquidation_incentive, ProtocolSeizeShareTooBig)
    pool.events.append((asset, "NewProtocolSeizeShare", market.protocol_seize_share, value))
    market.protocol_seize_share = value


@action(by="governance", asset=asset(), value=slots())
def set_reduce_reserves_block_delta(pool: Comptroller, asset: str, value: int) -> None:
    """Change the least number of slots between two sweeps.

    Refuses: InvalidInput.  Models: VToken.setReduceReservesBlockDelta.
    """
    market = pool.markets[asset]
    require(value > 0, InvalidInput)
    pool.events.append((asset, "NewReduceReservesBlockDelta", market.sweep_interval, value))
    market.sweep_interval = value


@action(by="governance", asset=asset(), rate_model=Domain("rate_model"))
def set_interest_rate_model(pool: Comptroller, asset: str, rate_model: RateModel) -> None:
    """Accrue, then replace the rate model.  Refuses: as `accrue`.  Models: VToken.setInterestRateModel."""
    market = pool.accrued(asset)
    old = market.rate_model.address
    pool.events.append((asset, "NewMarketInterestRateModel", old, rate_model.address))
    market.rate_model = rate_model


@action(by="governance", asset=asset(), rate_model=Domain("rate_model"))
def update_jump_rate_model(pool: Comptroller, asset: str, rate_model: RateModel) -> None:
    """Change a rate model's parameters in place, for the time since the last accrual too.

    Refuses: NoSuchFunction where the rate model is of another kind.
    Models: JumpRateModelV2.updateJumpRateModel; its own event, of the rate model's contract, is left out.
    """
    market = pool.markets[asset]
    require(isinstance(market.rate_model.curve, JumpRate), NoSuchFunction)
    market.rate_model = RateModel(market.rate_model.address, rate_model.curve)


@action(by="governance", asset=asset())
def sync_cash(pool: Comptroller, asset: str) -> None:
    """Count the market's token balance as its cash.  Models: VToken.syncCash."""
    market = pool.markets[asset]
    held: Any = market.underlying[asset]
    pool.events.append((asset, "CashSynced", market.cash, held))
    if not market.counts_donations:
        market.internal_cash = held


# --- the environment -----------------------------------------------------------------------------------------------


@action(by="environment", asset=asset(), price=price())
def set_price(pool: Comptroller, asset: str, price: int) -> None:
    """Move a price; 0 is a missing one.  Models: the oracle's getUnderlyingPrice."""
    pool.markets[asset].price = price


@action(by="environment", elapsed=slots())
def pass_time(pool: Comptroller, elapsed: int) -> None:
    """Let time pass."""
    pool.now += elapsed


GOVERNANCE_ACTIONS: tuple[Action, ...] = (
    set_collateral_factor,
    set_close_factor,
    set_liquidation_incentive,
    set_min_liquidatable_collateral,
    set_market_supply_caps,
    set_market_borrow_caps,
    set_actions_paused,
    set_forced_liquidation,
    unlist_market,
    set_reserve_factor,
    set_protocol_seize_share,
    set_reduce_reserves_block_delta,
    set_interest_rate_model,
    update_jump_rate_model,
    sync_cash,
    set_price,
    pass_time,
)
"""What governance and the environment do."""

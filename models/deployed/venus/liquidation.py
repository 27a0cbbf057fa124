"""Liquidations: by parts, all at once, and the healing of an account whose collateral does not pay its debts.

Models: the liquidations of VToken.sol and Comptroller.sol.
"""

from __future__ import annotations

from poolproof.models.deployed.word import MAX_UINT256, add, mul_div_down, mul_wad_down, sub
from poolproof.spec.action import Action, Domain, action, asset, shares, tokens, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import require
from poolproof.spec.state import Account

from .market import SHARE_RESERVE, VToken, borrow_balance, exchange_rate, pay_out, take_in
from .pool import Comptroller, Pausable, before_repay, require_listed, require_open, snapshot
from .refusals import (
    CollateralExceedsThreshold,
    HealBorrowUnauthorized,
    InsufficientCollateral,
    InsufficientShortfall,
    LiquidateCloseAmountIsUintMax,
    LiquidateCloseAmountIsZero,
    LiquidateLiquidatorIsBorrower,
    LiquidateSeizeLiquidatorIsBorrower,
    MarketNotCollateral,
    MarketNotListed,
    MinimalCollateralViolated,
    NonzeroBalanceAfterLiquidation,
    PriceError,
    SeizeTooMuch,
    TooMuchRepay,
)
from .rewards import settle_borrower, settle_suppliers
from .users import repay_fresh, set_debt

Order = tuple[str, str, int]
"""The market of the collateral, the market of the debt, the tokens to repay."""

# --- one liquidation -----------------------------------------------------------------------------------------------


def before_liquidation(
    pool: Comptroller, market: VToken, collateral: VToken, borrower: Account, repaid: int, *, skip_health: bool
) -> None:
    """What a liquidation has to pass; the health of the account only where neither the caller nor governance skips it.

    Refuses: ActionPaused, MarketNotListed, TooMuchRepay, PriceError, MinimalCollateralViolated,
    InsufficientShortfall.  Models: Comptroller.preLiquidateHook.
    """
    require_open(market, Pausable.LIQUIDATE)
    require_listed(market)
    require_listed(collateral)
    debt = borrow_balance(market, borrower)
    if skip_health or market.forced_liquidation:
        require(repaid <= debt, TooMuchRepay)
        return
    seen = snapshot(pool, borrower, at_threshold=True)
    least = pool.min_liquidatable_collateral
    require(seen.collateral > least, MinimalCollateralViolated, least, seen.collateral)
    require(seen.shortfall != 0, InsufficientShortfall)
    require(repaid <= mul_wad_down(pool.close_factor, debt), TooMuchRepay)


def tokens_to_seize(pool: Comptroller, market: VToken, collateral: VToken, repaid: int) -> int:
    """repaid x incentive x price of the debt / (price of the collateral x its exchange rate) [vTokens].

    Numerator, denominator, their ratio and the product are each rounded down.
    Refuses: PriceError, Overflow, DivisionByZero.  Models: Comptroller.liquidateCalculateSeizeTokens.
    """
    require(market.price != 0, PriceError, market.name)
    require(collateral.price != 0, PriceError, collateral.name)
    rate = exchange_rate(collateral)
    numerator = mul_wad_down(pool.liquidation_incentive, market.price)
    denominator = mul_wad_down(collateral.price, rate)
    ratio = mul_div_down(numerator, WAD, denominator)
    return mul_wad_down(ratio, repaid)


def liquidate_one(
    pool: Comptroller,
    liquidator: Account,
    borrower: Account,
    debt: str,
    collateral: str,
    amount: int,
    *,
    skip_health: bool,
) -> None:
    """Repay a part of a debt and seize collateral for it.

    Refuses: as `before_liquidation`; LiquidateLiquidatorIsBorrower, LiquidateCloseAmountIsZero,
    LiquidateCloseAmountIsUintMax; as `repay_fresh`, `tokens_to_seize`; SeizeTooMuch; as `seize_tokens`.
    Models: VToken._liquidateBorrow, _liquidateBorrowFresh.
    """
    market, pledged = pool.accrued(debt), pool.accrued(collateral)
    before_liquidation(pool, market, pledged, borrower, amount, skip_health=skip_health)
    require(borrower != liquidator, LiquidateLiquidatorIsBorrower)
    require(amount != 0, LiquidateCloseAmountIsZero)
    require(amount != MAX_UINT256, LiquidateCloseAmountIsUintMax)
    repaid = repay_fresh(pool, market, liquidator, borrower, amount)
    seized = tokens_to_seize(pool, market, pledged, repaid)
    require(pledged.tokens[borrower] >= seized, SeizeTooMuch)
    seize_tokens(pool, pledged, liquidator, borrower, seized)
    pool.events.append((debt, "LiquidateBorrow", liquidator, borrower, repaid, collateral, seized))


def before_seizure(pool: Comptroller, market: VToken, borrower: Account) -> None:
    """What a seizure by a market or the Comptroller has to pass.

    Refuses: ActionPaused, MarketNotListed, MarketNotCollateral.  Models: Comptroller.preSeizeHook.
    """
    require_open(market, Pausable.SEIZE)
    require_listed(market)
    require(pool.has_entered(borrower, market.name), MarketNotCollateral, market.name, borrower)


def seize_tokens(pool: Comptroller, market: VToken, liquidator: Account, borrower: Account, seized: int) -> None:
    """Give a borrower's vTokens to the liquidator, less the protocol's part, which is redeemed for the share reserve.

    The protocol's part: floor(floor(seized x share) / incentive), paid at the exchange rate, rounded down.
    Refuses: as `before_seizure`; LiquidateSeizeLiquidatorIsBorrower, TransferExceedsBalance, Overflow.
    Models: VToken._seize.
    """
    before_seizure(pool, market, borrower)
    settle_suppliers(pool, market, borrower, liquidator)
    require(borrower != liquidator, LiquidateSeizeLiquidatorIsBorrower)
    share = mul_wad_down(seized, market.protocol_seize_share)
    for_protocol = mul_div_down(share, WAD, pool.liquidation_incentive)
    for_liquidator = sub(seized, for_protocol)
    paid = mul_wad_down(exchange_rate(market), for_protocol)
    market.total_supply = sub(market.total_supply, for_protocol)
    market.tokens[borrower] = sub(market.tokens[borrower], seized)
    market.tokens[liquidator] = add(market.tokens[liquidator], for_liquidator)
    pay_out(market, SHARE_RESERVE, paid)
    pool.events.append((market.name, "ProtocolSeize", borrower, SHARE_RESERVE, paid))


@action(user=user(), borrower=user(), asset=asset(), collateral=asset(), repay=tokens())
def liquidate_borrow(
    pool: Comptroller, user: Account, borrower: Account, asset: str, collateral: str, repay: int
) -> None:
    """Repay a part of an unhealthy account's debt for collateral at a discount.  Models: VToken.liquidateBorrow."""
    liquidate_one(pool, user, borrower, asset, collateral, repay, skip_health=False)


# --- a small account, whole ----------------------------------------------------------------------------------------


@action(user=user(), borrower=user(), orders=Domain("orders"))
def liquidate_account(pool: Comptroller, user: Account, borrower: Account, orders: tuple[Order, ...]) -> None:
    """Liquidate a small account whose collateral exceeds its debts with the incentive, leaving no debt.

    The account is looked at before anything accrues.
    Refuses: PriceError, CollateralExceedsThreshold, InsufficientCollateral, InsufficientShortfall, MarketNotListed;
    as `liquidate_one`; NonzeroBalanceAfterLiquidation.
    Limits: the contract's limit on the number of orders is left out.
    Models: Comptroller.liquidateAccount.
    """
    seen = snapshot(pool, borrower, at_threshold=True)
    most = pool.min_liquidatable_collateral
    require(seen.collateral <= most, CollateralExceedsThreshold, most, seen.collateral)
    to_seize = mul_wad_down(pool.liquidation_incentive, seen.borrows)
    require(to_seize < seen.collateral, InsufficientCollateral, to_seize, seen.collateral)
    require(seen.shortfall != 0, InsufficientShortfall)
    for collateral, debt, amount in orders:
        require_listed(pool.seen(debt))
        require_listed(pool.seen(collateral))
        liquidate_one(pool, user, borrower, debt, collateral, amount, skip_health=True)
    for name in pool.markets_of(borrower):
        market = pool.seen(name)
        left = borrow_balance(market, borrower)
        exchange_rate(market)  # a part of the account's snapshot, which reverts with it
        require(left == 0, NonzeroBalanceAfterLiquidation)


# --- an account that cannot pay ------------------------------------------------------------------------------------


@action(user=user(), borrower=user())
def heal_account(pool: Comptroller, user: Account, borrower: Account) -> None:
    """Take all collateral of a small account, pay the part of its debts that it is worth, and record the rest as bad.

    The part is collateral / (debts x incentive), each division rounded down, as is each payment.
    Refuses: PriceError, CollateralExceedsThreshold, InsufficientShortfall; as `seize_tokens` and `heal_debt`.
    Models: Comptroller.healAccount.
    """
    names = pool.markets_of(borrower)
    for name in names:
        pool.accrued(name)
    seen = snapshot(pool, borrower, at_threshold=True)
    most = pool.min_liquidatable_collateral
    require(seen.collateral <= most, CollateralExceedsThreshold, most, seen.collateral)
    require(seen.shortfall != 0, InsufficientShortfall)
    scaled = mul_wad_down(seen.borrows, pool.liquidation_incentive)
    part = mul_div_down(seen.collateral, WAD, scaled)
    require(part <= WAD, CollateralExceedsThreshold, scaled, seen.collateral)
    for name in names:
        market = pool.markets[name]
        held, debt = market.tokens[borrower], borrow_balance(market, borrower)
        exchange_rate(market)  # a part of the account's snapshot, which reverts with it
        payment = mul_wad_down(part, debt)
        if held != 0:
            seize_tokens(pool, market, user, borrower, held)
        if debt != 0:
            heal_debt(pool, market, user, borrower, payment)


def heal_debt(pool: Comptroller, market: VToken, payer: Account, borrower: Account, payment: int) -> None:
    """Pay a part of a debt and record the rest as bad debt.

    Refuses: where there is a payment, as `before_repay` and TransferExceedsBalance; Overflow where the debts of all
    are less than this one.  Models: VToken.healBorrow.
    """
    if payment != 0:
        before_repay(market)
        settle_borrower(pool, market, borrower)
    debt = borrow_balance(market, borrower)
    total = market.total_borrows
    name, events = market.name, pool.events
    if payment != 0:
        take_in(market, payer, payment)
        total = sub(total, payment)
        events.append((name, "RepayBorrow", payer, borrower, payment, sub(debt, payment), total))
    lost = sub(debt, payment)
    if lost != 0:
        old = market.bad_debt
        market.bad_debt = add(old, lost)
        total = sub(total, lost)
        events.append((name, "RepayBorrow", name, borrower, lost, 0, total))
        events.append((name, "BadDebtIncreased", borrower, lost, old, market.bad_debt))
    set_debt(market, borrower, 0, total)
    events.append((name, "HealBorrow", payer, borrower, payment))


# --- what only contracts may call ----------------------------------------------------------------------------------


@action(user=user(), liquidator=user(), borrower=user(), asset=asset(), tokens=shares())
def seize(pool: Comptroller, user: Account, liquidator: Account, borrower: Account, asset: str, tokens: int) -> None:
    """Seize without a liquidation, which only a market or the Comptroller may.

    Refuses: ActionPaused, MarketNotListed.  Models: VToken.seize, called by an account.
    """
    market = pool.seen(asset)
    require_open(market, Pausable.SEIZE)
    require_listed(market)
    raise MarketNotListed(user)


@action(user=user(), borrower=user(), asset=asset(), amount=tokens())
def heal_borrow(pool: Comptroller, user: Account, borrower: Account, asset: str, amount: int) -> None:
    """Heal a debt without the Comptroller, which only it may.

    Refuses: with an amount as `before_repay`; HealBorrowUnauthorized.  Models: VToken.healBorrow, called by an account.
    """
    if amount != 0:
        before_repay(pool.seen(asset))
    raise HealBorrowUnauthorized


LIQUIDATION_ACTIONS: tuple[Action, ...] = (
    liquidate_borrow,
    liquidate_account,
    heal_account,
    seize,
    heal_borrow,
)
"""How accounts are liquidated."""

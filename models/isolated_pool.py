"""An isolated pool: markets that back each other's debts, and nothing outside.

Each action has one order: accrue, refuse what can be refused, convert, update, check the account's health.
An action either completes or refuses, and a refusal leaves the state exactly as it was.
"""

from __future__ import annotations

from poolproof.spec.action import Action, action, asset, cap, factor, price, rate, shares, slots, tokens, user
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.logic import least
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Journal, Record, Table

from .liquidation import (
    close_limit,
    collateral_value_up,
    debt_shares_of,
    debt_value,
    forfeit,
    margin_to_borrow,
    margin_to_liquidation,
    record_bad_debt,
    seized_shares,
    shares_of,
)
from .market import (
    Market,
    accrue,
    countable_assets,
    debt_shares_for_borrow,
    debt_shares_for_repayment,
    pay,
    priced_assets,
    require_price,
    shares_for_deposit,
    shares_for_withdrawal,
    tokens_for_debt,
    tokens_for_shares,
)
from .oracle import Feed
from .rates import JumpRate
from .refusals import (
    AccountHealthy,
    BorrowCapExceeded,
    CapBelowCounted,
    Collectable,
    DebtOutstanding,
    InsufficientCash,
    InsufficientCollateral,
    InsufficientReserves,
    InsufficientShares,
    NoDebt,
    NotCollateral,
    NothingRepaid,
    OutsideRegion,
    SelfLiquidation,
    ShareLimitExceeded,
    SupplyCapExceeded,
    ZeroAmount,
)

TREASURY: Account = "treasury"
"""Where reserves that are taken go."""
AMOUNT_LIMIT = 2**112
"""Token amounts and caps stay below this."""
VALUE_LIMIT = 2**160
"""A cap or a token supply x its price stays at or below this."""


class Pool(Record):
    """The state of an isolated pool.

    Units: ``now`` [slot]; ``close_factor``, ``liquidation_incentive`` [wad]; ``dust_value`` [value x WAD];
    ``markets`` and ``feeds`` by asset.
    """

    scalars = ("now", "close_factor", "liquidation_incentive", "dust_value")
    __slots__ = (*scalars, "feeds", "id", "journal", "markets")

    now: Number
    close_factor: Number
    liquidation_incentive: Number
    dust_value: Number
    id: str
    markets: Table[Market]
    feeds: Table[Feed]
    journal: Journal

    def begin(self) -> None:
        """Start an action: what the last one touched is forgotten, what this one touches will be saved."""
        self.journal.begin()
        self.journal.entries.append((self, None, self.saved_))


# --- what actions share ----------------------------------------------------------------------------------------


def accrue_all(pool: Pool, account: Account) -> None:
    """Accrue every market that counts for an account, before its health is read."""
    for market in pool.markets.entered_by(account):
        accrue(market, pool.now)


def require_covered(pool: Pool, account: Account) -> None:
    """Refuse unless the account owes nothing or its collateral at the loan-to-value covers its debt.

    Refuses: PriceMissing, InsufficientCollateral.
    """
    if pool.markets.sum_over(account, debt_shares_of) == 0:
        return
    margin = pool.markets.sum_over(account, margin_to_borrow, pool.now)
    require(margin >= 0, InsufficientCollateral, account, -margin)


# --- suppliers -------------------------------------------------------------------------------------------------


@action(user=user(), asset=asset(), amount=tokens())
def deposit(pool: Pool, user: Account, asset: str, amount: Number) -> None:
    """Supply tokens for shares.

    Refuses: ZeroAmount, SupplyCapExceeded, ShareLimitExceeded, InsufficientTokens.
    """
    market = pool.markets[asset]
    accrue(market, pool.now)
    require(amount > 0, ZeroAmount, asset)
    within_cap = priced_assets(market) + amount * WAD <= market.supply_cap * WAD
    require(within_cap, SupplyCapExceeded, amount, market.supply_cap, asset)
    minted = shares_for_deposit(market, amount)
    within_limit = (minted > 0) & (market.supply + minted <= market.share_limit)
    require(within_limit, ShareLimitExceeded, minted, market.share_limit, asset)
    pay(market, user, market.vault, amount)
    market.cash += amount
    market.supply += minted
    market.shares[user] += minted
    market.settle(pool.now)


def _burn_for_tokens(pool: Pool, market: Market, user: Account, burned: Number, amount: Number) -> None:
    """Burn a user's shares and pay tokens out.

    Refuses: InsufficientShares, InsufficientCash, InsufficientTokens, PriceMissing, InsufficientCollateral.
    """
    held = market.shares[user]
    require(burned <= held, InsufficientShares, burned, held, market.asset)
    require(amount <= market.cash, InsufficientCash, amount, market.cash, market.asset)
    market.shares[user] = held - burned
    market.supply -= burned
    market.cash -= amount
    pay(market, market.vault, user, amount)
    require_covered(pool, user)


@action(user=user(), asset=asset(), shares=shares())
def redeem(pool: Pool, user: Account, asset: str, shares: Number) -> None:
    """Burn a number of shares for what they are worth, rounded down.

    Refuses: InsufficientShares, InsufficientCash, InsufficientTokens, PriceMissing, InsufficientCollateral.
    """
    market = pool.markets[asset]
    accrue_all(pool, user)
    accrue(market, pool.now)
    _burn_for_tokens(pool, market, user, shares, tokens_for_shares(market, shares))


@action(user=user(), asset=asset(), amount=tokens())
def withdraw(pool: Pool, user: Account, asset: str, amount: Number) -> None:
    """Take an amount of tokens for the shares that it is worth, rounded up.

    Refuses: InsufficientShares, InsufficientCash, InsufficientTokens, PriceMissing, InsufficientCollateral.
    """
    market = pool.markets[asset]
    accrue_all(pool, user)
    accrue(market, pool.now)
    _burn_for_tokens(pool, market, user, shares_for_withdrawal(market, amount), amount)


@action(sender=user(), receiver=user(), asset=asset(), shares=shares())
def transfer(pool: Pool, sender: Account, receiver: Account, asset: str, shares: Number) -> None:
    """Send shares to another account.

    Refuses: InsufficientShares, PriceMissing, InsufficientCollateral.
    """
    market = pool.markets[asset]
    accrue_all(pool, sender)
    accrue(market, pool.now)
    held = market.shares[sender]
    require(shares <= held, InsufficientShares, shares, held, asset)
    market.shares[sender] = held - shares
    market.shares[receiver] += shares
    require_covered(pool, sender)


@action(user=user(), asset=asset())
def enter(pool: Pool, user: Account, asset: str) -> None:
    """Let a market count for the account: its shares there become collateral."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    market.entered[user] = True


@action(user=user(), asset=asset())
def exit(pool: Pool, user: Account, asset: str) -> None:
    """Let a market no longer count for the account.

    Refuses: DebtOutstanding, PriceMissing, InsufficientCollateral.
    """
    market = pool.markets[asset]
    accrue_all(pool, user)
    accrue(market, pool.now)
    require(market.debts[user] == 0, DebtOutstanding, user, asset)
    market.entered[user] = False
    require_covered(pool, user)


# --- borrowers -------------------------------------------------------------------------------------------------


@action(user=user(), asset=asset(), amount=tokens())
def borrow(pool: Pool, user: Account, asset: str, amount: Number) -> None:
    """Borrow tokens against the collateral in all markets that count; enters the market.

    The market's own cash goes out first; what it lacks is drawn over its credit line, where it has one.
    Refuses: ZeroAmount, InsufficientCash, BorrowCapExceeded, InsufficientTokens, PriceMissing,
    InsufficientCollateral.
    """
    market = pool.markets[asset]
    accrue_all(pool, user)
    accrue(market, pool.now)
    require(amount > 0, ZeroAmount, asset)
    market.draw(amount, pool.now)
    require(amount <= market.cash, InsufficientCash, amount, market.cash, asset)
    debt_shares = debt_shares_for_borrow(market, amount)
    debt = (market.debt_shares + debt_shares) * market.index
    require(debt <= market.borrow_cap * WAD, BorrowCapExceeded, amount, market.borrow_cap, asset)
    market.require_ceiling(debt)
    market.entered[user] = True
    market.debts[user] += debt_shares
    market.debt_shares += debt_shares
    market.cash -= amount
    pay(market, market.vault, user, amount)
    require_covered(pool, user)


def _burn_debt(market: Market, payer: Account, borrower: Account, burned: Number, now: Number) -> None:
    """Collect the value of debt shares, rounded up, and burn them.  Refuses: InsufficientTokens."""
    paid = tokens_for_debt(market, burned)
    pay(market, payer, market.vault, paid)
    market.cash += paid
    market.debts[borrower] -= burned
    market.debt_shares -= burned
    market.settle(now)


@action(payer=user(), borrower=user(), asset=asset(), amount=tokens())
def repay(pool: Pool, payer: Account, borrower: Account, asset: str, amount: Number) -> None:
    """Repay a debt, one's own or another's, with at most an amount; takes what the burned debt shares are worth.

    Refuses: InsufficientTokens.
    """
    market = pool.markets[asset]
    accrue(market, pool.now)
    burned = least(debt_shares_for_repayment(market, amount), market.debts[borrower])
    _burn_debt(market, payer, borrower, burned, pool.now)


@action(
    liquidator=user(),
    borrower=user(),
    debt_asset=asset(),
    collateral_asset=asset(),
    amount=tokens("debt_asset"),
)
def liquidate(
    pool: Pool, liquidator: Account, borrower: Account, debt_asset: str, collateral_asset: str, amount: Number
) -> None:
    """Repay part of an unhealthy account's debt with at most an amount, for collateral worth it x incentive.

    Refuses: SelfLiquidation, NotCollateral, PriceMissing, AccountHealthy, NothingRepaid, InsufficientTokens.
    """
    debt, collateral = pool.markets[debt_asset], pool.markets[collateral_asset]
    require(liquidator != borrower, SelfLiquidation, borrower)
    accrue_all(pool, borrower)
    accrue(debt, pool.now)
    accrue(collateral, pool.now)
    require(collateral.entered[borrower], NotCollateral, borrower, collateral_asset)
    margin = pool.markets.sum_over(borrower, margin_to_liquidation, pool.now)
    require(margin < 0, AccountHealthy, borrower, margin)
    require_price(debt, pool.now)
    require_price(collateral, pool.now)
    offered = debt_shares_for_repayment(debt, amount)
    burned = least(offered, close_limit(debt, borrower, pool.close_factor))
    require(burned > 0, NothingRepaid, amount, debt_asset)
    seized = seized_shares(debt, collateral, borrower, burned, pool.liquidation_incentive, pool.now)
    _burn_debt(debt, liquidator, borrower, burned, pool.now)
    collateral.shares[borrower] -= seized
    collateral.shares[liquidator] += seized


@action(user=user(), account=user())
def write_off(pool: Pool, user: Account, account: Account) -> None:
    """Record all debts of an account as bad, when its collateral is gone or dust that is worth less than its debt.

    Reserves pay first.  Dust that is left is forfeited to the treasury, as shares.
    Refuses: NoDebt, PriceMissing, Collectable.
    """
    accrue_all(pool, account)
    require(pool.markets.sum_over(account, debt_shares_of) > 0, NoDebt, account)
    if pool.markets.sum_over(account, shares_of) > 0:
        collateral = pool.markets.sum_over(account, collateral_value_up, pool.now)
        debt = pool.markets.sum_over(account, debt_value, pool.now)
        gone = (collateral < debt) & (collateral <= pool.dust_value)
        require(gone, Collectable, account, collateral, debt)
    for market in pool.markets.entered_by(account):
        forfeit(market, account, TREASURY)
        record_bad_debt(market, account, pool.now)


# --- anyone, the environment, governance -----------------------------------------------------------------------


@action(by="environment", asset=asset())
def accrue_interest(pool: Pool, asset: str) -> None:
    """Charge interest up to now."""
    accrue(pool.markets[asset], pool.now)


@action(user=user(), asset=asset(), amount=tokens())
def add_reserves(pool: Pool, user: Account, asset: str, amount: Number) -> None:
    """Give tokens to a market's reserves.  Refuses: InsufficientTokens."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    pay(market, user, market.vault, amount)
    market.cash += amount
    market.reserves += amount * WAD
    market.settle(pool.now)


@action(by="governance", asset=asset(), amount=tokens())
def take_reserves(pool: Pool, asset: str, amount: Number) -> None:
    """Pay reserves to the treasury.  Refuses: InsufficientReserves, InsufficientCash, InsufficientTokens."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    require(amount * WAD <= market.reserves, InsufficientReserves, amount, market.reserves, asset)
    require(amount <= market.cash, InsufficientCash, amount, market.cash, asset)
    market.cash -= amount
    market.reserves -= amount * WAD
    pay(market, market.vault, TREASURY, amount)


@action(user=user(), asset=asset(), amount=tokens())
def donate(pool: Pool, user: Account, asset: str, amount: Number) -> None:
    """Send tokens straight to a market's vault; they count for nobody.  Refuses: InsufficientTokens."""
    market = pool.markets[asset]
    pay(market, user, market.vault, amount)
    market.donated += amount


@action(by="environment", asset=asset(), price=price())
def set_price(pool: Pool, asset: str, price: Number) -> None:
    """The oracle answers; 0 for no price."""
    feed = pool.feeds[asset]
    feed.price = price
    feed.updated_at = pool.now


@action(by="environment", elapsed=slots())
def pass_time(pool: Pool, elapsed: Number) -> None:
    """Let time pass."""
    pool.now += elapsed


@action(by="governance", asset=asset(), ltv=factor(WAD), threshold=factor(WAD))
def set_risk_factors(pool: Pool, asset: str, ltv: Number, threshold: Number) -> None:
    """Change the loan-to-value and the liquidation threshold.  Refuses: OutsideRegion."""
    market = pool.markets[asset]
    require(ltv <= threshold, OutsideRegion, "loan-to-value", ltv, asset)
    admissible = threshold * pool.liquidation_incentive <= WAD * WAD
    require(admissible, OutsideRegion, "liquidation threshold", threshold, asset)
    market.ltv = ltv
    market.liquidation_threshold = threshold


@action(by="governance", asset=asset(), supply_cap=cap())
def set_supply_cap(pool: Pool, asset: str, supply_cap: Number) -> None:
    """Change the supply cap; not below what already counts as collateral.  Refuses: CapBelowCounted."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    require(supply_cap * WAD >= countable_assets(market), CapBelowCounted, supply_cap, asset)
    market.supply_cap = supply_cap


@action(by="governance", asset=asset(), borrow_cap=cap())
def set_borrow_cap(pool: Pool, asset: str, borrow_cap: Number) -> None:
    """Change the borrow cap."""
    market = pool.markets[asset]
    market.borrow_cap = borrow_cap


@action(by="governance", asset=asset(), reserve_factor=factor(WAD))
def set_reserve_factor(pool: Pool, asset: str, reserve_factor: Number) -> None:
    """Change the part of the interest that goes to the reserves, from now on."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    market.reserve_factor = reserve_factor


@action(by="governance", asset=asset(), base=rate(), multiplier=rate(), jump=rate(), kink=factor(WAD))
def set_rate_model(pool: Pool, asset: str, base: Number, multiplier: Number, jump: Number, kink: Number) -> None:
    """Change the rate model, from now on."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    market.rates = JumpRate(base, multiplier, jump, kink)


@action(by="governance", close_factor=factor(WAD))
def set_close_factor(pool: Pool, close_factor: Number) -> None:
    """Change the part of a debt that one liquidation may burn."""
    require(close_factor > 0, OutsideRegion, "close factor", close_factor, "*")
    pool.close_factor = close_factor


@action(by="governance", incentive=factor(2 * WAD))
def set_liquidation_incentive(pool: Pool, incentive: Number) -> None:
    """Change the liquidation incentive.  Refuses: OutsideRegion."""
    require(incentive >= WAD, OutsideRegion, "liquidation incentive", incentive, "*")
    for market in pool.markets.values():
        admissible = market.liquidation_threshold * incentive <= WAD * WAD
        require(admissible, OutsideRegion, "liquidation incentive", incentive, market.asset)
    pool.liquidation_incentive = incentive


ACTIONS: tuple[Action, ...] = (
    deposit,
    redeem,
    withdraw,
    transfer,
    enter,
    exit,
    borrow,
    repay,
    liquidate,
    write_off,
    accrue_interest,
    add_reserves,
    take_reserves,
    donate,
    set_price,
    pass_time,
    set_risk_factors,
    set_supply_cap,
    set_borrow_cap,
    set_reserve_factor,
    set_rate_model,
    set_close_factor,
    set_liquidation_incentive,
)
"""Everything that can happen to an isolated pool."""

"""Health, liquidation amounts and bad debt of an account.

Health is linear: shares x unit value - debt shares x index x price, summed over the markets that count for the
account.  The loan-to-value weighs what an account may start, the liquidation threshold when it may be liquidated.
"""

from __future__ import annotations

from poolproof.spec.arithmetic import WAD, Number, div_down, div_up, mul_div_down, mul_div_up
from poolproof.spec.logic import least
from poolproof.spec.refusal import require
from poolproof.spec.state import Account

from .market import Market, priced_assets, priced_shares, unit_value, unit_value_up
from .oracle import fair_price
from .refusals import PriceMissing


def debt_value(market: Market, account: Account, now: Number) -> Number:
    """Exact value of an account's debt in one market [value x WAD]."""
    return market.debts[account] * market.index * fair_price(market.feed, now)


def counted_to_borrow(market: Market, account: Account, now: Number) -> Number:
    """An account's collateral in one market, weighed at the loan-to-value [value x WAD].  Refuses: PriceMissing."""
    require_price_of_position(market, account, now)
    return market.shares[account] * unit_value(market, market.ltv, now)


def counted_to_liquidation(market: Market, account: Account, now: Number) -> Number:
    """An account's collateral in one market, weighed at the threshold [value x WAD].  Refuses: PriceMissing."""
    require_price_of_position(market, account, now)
    return market.shares[account] * unit_value(market, market.liquidation_threshold, now)


def margin_to_borrow(market: Market, account: Account, now: Number) -> Number:
    """Collateral at the loan-to-value less debt, in one market [value x WAD].  Refuses: PriceMissing."""
    return counted_to_borrow(market, account, now) - debt_value(market, account, now)


def margin_to_liquidation(market: Market, account: Account, now: Number) -> Number:
    """Collateral at the liquidation threshold less debt, in one market [value x WAD].  Refuses: PriceMissing."""
    return counted_to_liquidation(market, account, now) - debt_value(market, account, now)


def collateral_value_up(market: Market, account: Account, now: Number) -> Number:
    """Value of an account's collateral in one market, rounded up [value x WAD].  Refuses: PriceMissing."""
    require_price_of_position(market, account, now)
    return market.shares[account] * unit_value_up(market, now)


def require_price_of_position(market: Market, account: Account, now: Number) -> None:
    """Refuse to value a position without a price; an empty position needs none.  Refuses: PriceMissing."""
    empty = (market.shares[account] == 0) & (market.debts[account] == 0)
    require(empty | (fair_price(market.feed, now) > 0), PriceMissing, market.asset)


def debt_shares_of(market: Market, account: Account) -> Number:
    """An account's debt shares in one market."""
    return market.debts[account]


def shares_of(market: Market, account: Account) -> Number:
    """An account's shares in one market."""
    return market.shares[account]


def close_limit(market: Market, borrower: Account, close_factor: Number) -> Number:
    """The most debt shares that one liquidation burns: ceil(debt x close factor), so the last share can go."""
    return div_up(market.debts[borrower] * close_factor, WAD)


def seized_shares(
    debt: Market, collateral: Market, borrower: Account, burned: Number, incentive: Number, now: Number
) -> Number:
    """Shares worth the burned debt x incentive, rounded down twice, at most what the borrower has [shares].

    Limiting the assets first keeps the number of shares inside a word when the share price has collapsed.
    """
    value = burned * debt.index * fair_price(debt.feed, now)
    assets = div_down(value * incentive, fair_price(collateral.feed, now) * WAD)
    held = collateral.shares[borrower]
    available = mul_div_up(held, priced_assets(collateral), priced_shares(collateral))
    return least(mul_div_down(least(assets, available), priced_shares(collateral), priced_assets(collateral)), held)


def forfeit(market: Market, account: Account, heir: Account) -> None:
    """Hand an account's shares over; as shares, so that nothing is rounded."""
    shares = market.shares[account]
    market.shares[account] = 0
    market.shares[heir] += shares


def record_bad_debt(market: Market, account: Account, now: Number) -> None:
    """Take an account's debt out of the collectable debt; reserves pay first, suppliers bear the rest, exactly.

    What exceeds the suppliers' assets falls on the credit line, where there is one.
    """
    debt_shares = market.debts[account]
    loss = debt_shares * market.index
    market.bad_debt += market.absorb(loss)
    market.debt_shares -= debt_shares
    market.debts[account] = 0
    market.pass_on_loss(now)

"""Cuts: the intermediate claims that carry the harder proofs.

A cut is proved like any other claim and then stands for the definitions behind it.  Health is linear in the value of
one share, so almost every claim about health follows from: the value of a share does not fall, and weighs less at
the loan-to-value than at the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.market import (
    Market,
    accrue,
    countable_assets,
    index_at,
    priced_shares,
    unit_value,
    unit_value_up,
)
from poolproof.models.oracle import collateral_price, fair_price
from poolproof.spec.arithmetic import WAD, Number, div_down, mul_div_down, mul_div_up
from poolproof.spec.invariant import Cancelled, Cut, Scaled, Step
from poolproof.spec.logic import least, positive_part
from poolproof.spec.state import Account

from .measures import loss_exceeds_reserves, owned, price_bottom, price_top, taken_out, value_owed, weighted_collateral


def of_wealth(step: Step, *_: Any) -> Iterator[Cut]:
    """What accounts take out the suppliers' assets lose, and the others' shares only gain; so wealth does not rise."""
    own = tuple(named_accounts(step))
    for asset, new in step.new.markets.items():
        old = step.old.markets[asset]
        top, bottom, new_top, new_bottom = price_top(old), price_bottom(old), price_top(new), price_bottom(new)
        yield Scaled(new_top - top, -taken_out(old, new, own), bottom * new_bottom)
        yield top * new_bottom <= new_top * bottom
        for others in (bottom - sum((old.shares[account] for account in own), start=0), bottom - old.supply):
            yield Scaled(top * new_bottom, new_top * bottom, others)


def of_interest(step: Step, *_: Any) -> Iterator[Cut]:
    """Over an accrual of a market with a line, interest is not negative, and neither is any part that is handed out."""
    for asset, new in step.new.markets.items():
        old = step.old.markets[asset]
        if not isinstance(old, LinedMarket) or new.accrued_at is old.accrued_at:
            continue
        index = index_at(old, step.new.now)
        yield index >= old.index
        yield Scaled(old.index, index, old.debt_shares)
        interest = old.debt_shares * (index - old.index)
        kept = div_down(interest * old.reserve_factor, WAD)
        yield Scaled(old.reserve_factor, WAD, interest)
        yield (kept >= 0) & (kept <= interest)
        funded = positive_part(old.debt_shares * old.index - old.principal * WAD)
        yield Scaled(kept, interest, funded)
        charged, earned = old.shares_of_interest(interest, step.new.now)
        yield (charged >= 0) & (earned >= 0) & (charged + earned <= interest)


def of_backing(step: Step, *_: Any) -> Iterator[Cut]:
    """As ``of_interest``; and what a core market owns backs its reserves once it is accrued, before it bears a loss."""
    yield from of_interest(step)
    for asset, new in step.new.markets.items():
        old = step.old.markets[asset]
        if isinstance(old, LinedMarket) and isinstance(new, LinedMarket):
            if new.core.accrued_at is old.core.accrued_at:
                continue
            core = old.core.copy()
            accrue(core, step.new.now)
            yield (core.reserves >= 0) & (core.unreleased >= 0)
            yield core.reserves <= owned(core)
            yield new.lost - old.lost <= old.principal
            yield (new.core.lent >= 0) & (core.debt_shares * core.index >= 0)


def of_share_price(step: Step, *_: Any) -> Iterator[Cut]:
    """The share price rises over an accrual, and then over the rest of the action."""
    yield from of_interest(step)
    for asset, new in step.new.markets.items():
        old = step.old.markets[asset]
        if new.accrued_at is old.accrued_at:
            continue
        accrued = old.copy()
        accrue(accrued, step.new.now)
        loss = loss_exceeds_reserves(old, new)
        yield Scaled(price_top(old), price_top(accrued), price_bottom(new))
        yield loss | (price_top(accrued) * price_bottom(new) <= price_top(new) * price_bottom(old))


def share_value_rises(old: Market, new: Market, weight: Number, now: Number) -> Iterator[Cut]:
    """The value of a share at a weight does not fall, unless a loss exceeded the reserves."""
    loss = loss_exceeds_reserves(old, new)
    yield loss | (price_top(old) * price_bottom(new) <= price_top(new) * price_bottom(old))
    before, after = countable_assets(old) * priced_shares(new), countable_assets(new) * priced_shares(old)
    cap = old.supply_cap * WAD
    yield before <= price_top(old) * priced_shares(new)
    yield before <= cap * priced_shares(new)
    yield (price_top(new) <= new.supply_cap * WAD) | (cap * priced_shares(new) <= cap * priced_shares(old))
    yield loss | (before <= after)
    priced = collateral_price(old.feed, now) * weight
    yield Scaled(before, after, priced, unless=loss)
    yield loss | (unit_value(old, weight, now) <= unit_value(new, weight, now))


def loan_to_value_weighs_less(market: Market, now: Number) -> Iterator[Cut]:
    """The value of a share at the loan-to-value is at most its value at the threshold."""
    counted, price = countable_assets(market), collateral_price(market.feed, now)
    yield Scaled(price * market.ltv, price * market.liquidation_threshold, counted)
    yield unit_value(market, market.ltv, now) <= unit_value(market, market.liquidation_threshold, now)


def of_health(step: Step, *_: Any) -> Iterator[Cut]:
    """What carries claims about health over a step, market by market."""
    now = step.new.now
    for asset, new in step.new.markets.items():
        old = step.old.markets[asset]
        threshold = old.liquidation_threshold
        yield from share_value_rises(old, new, threshold, now)
        yield from loan_to_value_weighs_less(new, now)
        before, after = unit_value(old, threshold, now), unit_value(new, threshold, now)
        for account in named_accounts(step):
            yield Scaled(before, after, old.shares[account], unless=loss_exceeds_reserves(old, new))
            fewer = new.shares[account] < old.shares[account]
            yield Scaled(old.shares[account], new.shares[account], after, unless=fewer)


def named_accounts(step: Step) -> list[Account]:
    """The accounts that an action names, each once."""
    domains = step.action.domains
    return list(dict.fromkeys(value for name, value in step.arguments.items() if domains[name].kind == "user"))


def of_seizure(step: Step, *_: Any) -> Iterator[Cut]:
    """What carries the claim that a seizure gives what was announced."""
    borrower, now = step.arguments["borrower"], step.new.now
    collateral = step.old.markets[step.arguments["collateral_asset"]]
    held = collateral.shares[borrower]
    left = step.new.markets[collateral.asset].shares[borrower]
    top, bottom = price_top(collateral), price_bottom(collateral)
    unit = fair_price(collateral.feed, now) * WAD
    assets = div_down(cancelled_value(step) * step.old.liquidation_incentive, unit)
    available = mul_div_up(held, top, bottom)
    worth = mul_div_down(least(assets, available), bottom, top)
    yield Cancelled(held, worth, top, unless=available > assets)
    yield (left == 0) | ((worth + 1) * top > assets * bottom)
    yield Scaled(assets * bottom, (worth + 1) * top, unit, unless=left == 0)
    yield Scaled(cancelled_value(step) * step.old.liquidation_incentive, (assets + 1) * unit, bottom)


def cancelled_value(step: Step) -> Number:
    """The value of the debt that a liquidation burned [value x WAD]."""
    borrower, debt = step.arguments["borrower"], step.old.markets[step.arguments["debt_asset"]]
    burned = debt.debts[borrower] - step.new.markets[debt.asset].debts[borrower]
    return burned * debt.index * fair_price(debt.feed, step.new.now)


def of_liquidation(step: Step, *_: Any) -> Iterator[Cut]:
    """What carries claims about a liquidation: what is seized counts for at most incentive x threshold of the repaid."""
    yield from of_health(step)
    borrower, now = step.arguments["borrower"], step.new.now
    collateral = step.old.markets[step.arguments["collateral_asset"]]
    seized = collateral.shares[borrower] - step.new.markets[collateral.asset].shares[borrower]
    cancelled = cancelled_value(step)
    top, bottom, price = price_top(collateral), price_bottom(collateral), fair_price(collateral.feed, now)
    threshold, incentive = collateral.liquidation_threshold, step.old.liquidation_incentive
    value = unit_value(collateral, threshold, now)
    assets = div_down(cancelled * incentive, price * WAD)
    yield seized * top <= assets * bottom
    yield Scaled(seized * top, assets * bottom, price * WAD)
    yield Scaled(assets * (price * WAD), cancelled * incentive, bottom)
    counted, counted_price = countable_assets(collateral), collateral_price(collateral.feed, now)
    yield value * bottom * WAD <= counted * (counted_price * threshold)
    yield Scaled(counted, top, counted_price * threshold)
    yield Scaled(counted_price * threshold, price * threshold, top)
    yield Scaled(value * bottom * WAD, top * (price * threshold), seized)
    yield Scaled(seized * top * (price * WAD), cancelled * incentive * bottom, threshold)
    yield Cancelled(seized * value * (WAD * WAD), cancelled * (incentive * threshold), bottom)
    yield seized * value <= cancelled
    unit = WAD * WAD
    yield Scaled(incentive * threshold + 1, unit, cancelled, unless=incentive * threshold >= unit)
    yield (incentive * threshold >= unit) | (cancelled <= 0) | (seized * value < cancelled)
    before, after = weighted_collateral(step.old, borrower), weighted_collateral(step.new, borrower)
    yield after >= before - seized * value
    owing, owing_after = value_owed(step.old, borrower), value_owed(step.new, borrower)
    yield owing_after == owing - cancelled
    yield Scaled(seized * value * (WAD * WAD), cancelled * (incentive * threshold), owing)


def of_health_ratio(step: Step, *_: Any) -> Iterator[Cut]:
    """What carries the claim about the ratio of weighted collateral to debt."""
    yield from of_liquidation(step)
    borrower, now = step.arguments["borrower"], step.new.now
    collateral = step.old.markets[step.arguments["collateral_asset"]]
    weight = collateral.liquidation_threshold * step.old.liquidation_incentive
    seized = collateral.shares[borrower] - step.new.markets[collateral.asset].shares[borrower]
    lost = seized * unit_value(collateral, collateral.liquidation_threshold, now)
    before, after = weighted_collateral(step.old, borrower), weighted_collateral(step.new, borrower)
    owing, cancelled = value_owed(step.old, borrower), cancelled_value(step)
    below = before * (WAD * WAD) < owing * weight
    yield Scaled(owing * weight, before * (WAD * WAD), cancelled, unless=below)
    yield below | (lost * owing <= cancelled * before)
    yield Scaled(before - lost, after, owing)


def of_position(pool: Any, market: Market, account: Account) -> Iterator[Cut]:
    """What carries claims about what a position counts."""
    yield from loan_to_value_weighs_less(market, pool.now)
    counted, top = countable_assets(market), price_top(market)
    price, weight = collateral_price(market.feed, pool.now), market.liquidation_threshold
    yield counted * (price * weight) <= top * fair_price(market.feed, pool.now) * WAD
    yield unit_value(market, weight, pool.now) <= unit_value_up(market, pool.now)


def of_health_under_governance(step: Step, *_: Any) -> Iterator[Cut]:
    """As ``of_health``, for a threshold that is not lowered."""
    for asset, new in step.new.markets.items():
        old = step.old.markets[asset]
        lowered = new.liquidation_threshold < old.liquidation_threshold
        now = step.new.now
        before, after = countable_assets(old) * priced_shares(new), countable_assets(new) * priced_shares(old)
        yield before <= after
        weights = old.liquidation_threshold, new.liquidation_threshold
        price = collateral_price(old.feed, now)
        yield lowered | (before * (price * weights[0]) <= after * (price * weights[1]))
        yield lowered | (unit_value(old, weights[0], now) <= unit_value(new, weights[1], now))

"""Quantities that several claims speak of, written from the stored fields alone.

They are independent of the formulas in ``models/`` on purpose: a claim that measured with the ruler of the model
would not see the ruler bend.
"""

from __future__ import annotations

from typing import Any

from poolproof.models.core_pool import CoreMarket
from poolproof.models.credit_line import LinedMarket
from poolproof.models.liquidation import (
    counted_to_liquidation,
    debt_shares_of,
    debt_value,
    margin_to_liquidation,
    shares_of,
)
from poolproof.models.market import Market
from poolproof.models.oracle import Feed
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Step
from poolproof.spec.logic import Condition, counts_if, implies
from poolproof.spec.state import Account

USER_ACTIONS = ("deposit", "redeem", "withdraw", "transfer", "enter", "exit", "borrow", "repay", "liquidate")
"""What users do, without recording bad debt."""


def debt(market: Market) -> Number:
    """All exact debt of a market [tokens x WAD]."""
    return market.debt_shares * market.index


def over_lines(market: Market) -> Number:
    """Principal lent less line interest not yet released, or less what is owed on a line [tokens x WAD]."""
    if isinstance(market, CoreMarket):
        return market.lent * WAD - market.unreleased
    if isinstance(market, LinedMarket):
        return -(market.principal * WAD + market.due)
    return 0


def owned(market: Market) -> Number:
    """What backs suppliers' claims and reserves: cash, debt not recorded as bad, credit lines [tokens x WAD]."""
    return market.cash * WAD + market.debt_shares * market.index + over_lines(market)


def assets(market: Market) -> Number:
    """What suppliers own: cash + debt not recorded as bad - reserves, and nothing else [tokens x WAD].

    The debt of a core market includes principal that is out on lines; its reserves include interest not yet released,
    those of a market with a line what is owed on it.
    """
    return owned(market) - market.reserves


def released(old: Market, new: Market) -> Number:
    """Line interest that a core market released over an action [tokens x WAD]."""
    if isinstance(old, CoreMarket) and isinstance(new, CoreMarket):
        return (new.released - old.released) + (new.kept - old.kept)
    return 0


def line_interest(old: Market, new: Market) -> Number:
    """Interest that a line charged over an action [tokens x WAD]."""
    if isinstance(old, LinedMarket) and isinstance(new, LinedMarket):
        return new.charged - old.charged
    return 0


def forgiven(old: Market, new: Market) -> Number:
    """What lines took over of a loss within an instant [tokens x WAD].

    At the end that draws, interest cancelled and principal lost; at the end that lends, interest that waited.
    """
    if isinstance(old, LinedMarket) and isinstance(new, LinedMarket):
        return (new.cancelled - old.cancelled) + (new.lost - old.lost) * WAD
    if isinstance(old, CoreMarket) and isinstance(new, CoreMarket):
        return old.unreleased - new.unreleased
    return 0


def rate_over_line(old: Market, new: Market) -> Number:
    """What a line added to the growth of the index over an accrual [wad]."""
    if isinstance(old, LinedMarket) and isinstance(new, LinedMarket):
        return new.rate_sum_seen - old.rate_sum_seen + old.premium * (new.accrued_at - old.accrued_at)
    return 0


def price_top(market: Market) -> Number:
    """The share price's numerator: assets and one virtual 1/WAD of a unit [tokens x WAD]."""
    return owned(market) - market.reserves + 1


def price_bottom(market: Market) -> Number:
    """The share price's denominator: all shares and the virtual ones [shares]."""
    return market.supply + market.virtual_shares


def health(pool: Any, account: Account) -> Number:
    """Collateral at the liquidation threshold less debt; healthy where not negative [value x WAD]."""
    return pool.markets.sum_over(account, margin_to_liquidation, pool.now)


def valid_price(feed: Feed, now: Number) -> Number:
    """The feed's price, 0 where it is missing or older than its maximum age [value per smallest unit]."""
    fresh = (feed.max_age == 0) | (now - feed.updated_at <= feed.max_age)
    return counts_if(fresh, feed.price)


def worth_to_borrow(market: Market, account: Account) -> Number:
    """Zero exactly where an account's shares are worth nothing at the weights for borrowing, whatever is rounded."""
    return market.shares[account] * market.feed.price * market.ltv


def is_healthy(pool: Any, account: Account) -> Condition:
    """Whether collateral weighted at the liquidation threshold covers the debt; without debt always."""
    return (debts_of(pool, account) == 0) | (health(pool, account) >= 0)


def debts_of(pool: Any, account: Account) -> Number:
    """The number of debt shares of an account, 0 exactly when it owes nothing."""
    return pool.markets.sum_over(account, debt_shares_of)


def collateral_shares_of(pool: Any, account: Account) -> Number:
    """The number of shares of an account in markets that it entered."""
    return pool.markets.sum_over(account, shares_of)


def weighted_collateral(pool: Any, account: Account) -> Number:
    """Collateral at the liquidation threshold [value x WAD]."""
    return pool.markets.sum_over(account, counted_to_liquidation, pool.now)


def value_owed(pool: Any, account: Account) -> Number:
    """Exact value of an account's debts [value x WAD]."""
    return pool.markets.sum_over(account, debt_value, pool.now)


def loss_exceeds_reserves(old: Market, new: Market) -> Condition:
    """A loss was recorded that exhausted the market's reserves: of debt, or of principal on a line."""
    fewer, nothing_left = new.debt_shares < old.debt_shares, new.reserves == 0
    if isinstance(new, CoreMarket):
        fewer, nothing_left = fewer | (new.lent < old.lent), nothing_left & (new.unreleased == 0)
    return fewer & nothing_left & (new.bad_debt > old.bad_debt)


def any_loss_exceeds_reserves(step: Step) -> Condition:
    """In some market a loss was recorded that exhausted the reserves."""
    return step.new.markets.any_pair(step.old.markets, loss_exceeds_reserves)


def tokens_in(step: Step, old: Market, new: Market) -> Number:
    """What the actor paid in, negative for what was paid out [tokens x WAD]."""
    actor = step.actor
    return (old.tokens[actor] - new.tokens[actor]) * WAD


def taken_out(old: Market, new: Market, own: tuple[Account, ...]) -> Number:
    """What accounts took out of a market together: tokens got less debt taken on [tokens x WAD]."""
    got = sum((new.tokens[a] - old.tokens[a] for a in own), start=0) * WAD
    owed_more = sum((new.debts[a] * new.index - old.debts[a] * old.index for a in own), start=0)
    return got - owed_more


def unchanged_position(old: Market, new: Market, account: Account) -> Condition:
    """No ledger entry of the account differs."""
    return (
        (new.shares[account] == old.shares[account])
        & (new.debts[account] == old.debts[account])
        & (new.tokens[account] == old.tokens[account])
        & (new.entered[account] == old.entered[account])
    )


def same(a: Condition, b: Condition) -> Condition:
    """Two conditions agree."""
    return implies(a, b) & implies(b, a)

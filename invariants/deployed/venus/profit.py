"""CONS, RND, LIQ: who gains by what is done, and who pays for it."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TypeAlias

from poolproof.models.deployed.venus.governance import sync_cash
from poolproof.models.deployed.venus.liquidation import heal_account
from poolproof.models.deployed.venus.market import SHARE_RESERVE, VToken
from poolproof.models.deployed.venus.model import ACTIONS
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.users import donate, mint, mint_behalf, redeem, redeem_underlying
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Cut, Distributed, Scaled, Step
from poolproof.spec.logic import Condition, positive_part
from poolproof.spec.state import Account

from .health import OF_USERS, ORDERED
from .measures import VENUS, Exact, assets, claimed, exact_debt, exact_debts_added, exact_price, rate_shown

OWN = [action for action in OF_USERS if action not in (*ORDERED, heal_account)]
"""What users do to themselves."""
Quotient: TypeAlias = tuple[int, int]
"""A numerator and a positive denominator."""


def added(parts: Iterable[Quotient]) -> Quotient:
    """The sum of quotients, nothing divided."""
    top, bottom = 0, 1
    for numerator, denominator in parts:
        top, bottom = top * denominator + numerator * bottom, bottom * denominator
    return top, bottom


def own_accounts(step: Step) -> tuple[Account, ...]:
    """The accounts that an action names, as those of one user."""
    domains = step.action.domains
    return tuple(dict.fromkeys(value for name, value in step.arguments.items() if domains[name].kind == "user"))


def worth(market: VToken, account: Account) -> Iterable[Quotient]:
    """Tokens, vTokens at the exact exchange rate, less the exact debt [tokens]."""
    yield market.underlying[account], 1
    if market.tokens[account]:
        yield market.tokens[account] * assets(market), market.total_supply
    if market.principal[account]:
        yield -market.principal[account] * market.borrow_index, market.interest_index[account]


def gain(old: VToken, new: VToken, accounts: tuple[Account, ...]) -> Quotient:
    """What accounts together have more than before, in one market [tokens]."""
    after = [part for account in accounts for part in worth(new, account)]
    before = [(-top, bottom) for account in accounts for top, bottom in worth(old, account)]
    return added((*after, *before))


# --- CONS ----------------------------------------------------------------------------------------------------------

CONS_6 = claimed("CONS-6")


@CONS_6.step(instant=True, of=ACTIONS)
def the_others_gain_only_dust(step: Step, old: VToken, new: VToken) -> Condition:
    """(rate' - rate) x vTokens < the largest of one unit and one vToken's value, cross-multiplied."""
    rise = assets(new) * old.total_supply - assets(old) * new.total_supply
    return (rise < old.total_supply) | (rise < assets(old)) | (old.total_supply == 0) | (new.total_supply == 0)


CONS_6_W = VENUS.declare(
    "CONS-6-w",
    "beyond interest accrued, an action that is no donation and counts none raises the value of the others' vTokens by "
    "less than the larger of one vToken's value and one unit with one for each 1e18 vTokens burned, and the "
    "actor pays for it",
    "step",
    why="what was given is the suppliers' once it is counted: at once, or by syncCash",
)


@CONS_6_W.step(of=[action for action in ACTIONS if action not in (donate, sync_cash)], instant=True)
def the_others_gain_a_vtoken_at_most(step: Step, old: VToken, new: VToken) -> Condition:
    """(rate' - rate) x vTokens < max(one vToken's value, 1 + burned / 1e18), cross-multiplied."""
    rise = assets(new) * old.total_supply - assets(old) * new.total_supply
    burned = positive_part(old.total_supply - new.total_supply)
    small = (rise < assets(old)) | (rise * WAD < old.total_supply * (WAD + burned))
    return small | (old.total_supply == 0) | (new.total_supply == 0)


@CONS_6_W.step(of=[action for action in OF_USERS if action.actor], instant=True)
def the_actor_pays_for_it(step: Step, old: VToken, new: VToken) -> Condition:
    """What suppliers gain together is at most what the actor paid in, the debt taken on, and what the reserves lost."""
    return paid_for(step, old, new)


def paid_for(step: Step, old: VToken, new: VToken) -> Condition:
    """assets' - assets <= paid in by the actor + new debt, bad debt included + what reserves and share reserve lost."""
    paid_in = old.underlying[step.actor] - new.underlying[step.actor]
    lent = new.total_borrows + new.bad_debt - old.total_borrows - old.bad_debt
    kept, keeps = (market.total_reserves + market.underlying[SHARE_RESERVE] for market in (old, new))
    return assets(new) - assets(old) <= paid_in + lent + kept - keeps


# --- RND -----------------------------------------------------------------------------------------------------------

RND_2 = claimed("RND-2")


@RND_2.step(of=OWN, instant=True)
def wealth_never_rises(step: Step, old: VToken, new: VToken) -> Condition:
    """tokens + vTokens x exact rate - exact debt of the accounts named, in every market, is at most what it was."""
    return step.actor is None or gain(old, new, own_accounts(step))[0] <= 0


RND_2_W = VENUS.declare(
    "RND-2-w",
    "within an instant an action that is neither a liquidation nor a donation gives the user less than one unit in a "
    "market that has vTokens, and one for each 1e18 vTokens minted",
    "profit",
    why="whoever touches a debt loses its fraction of a unit, vTokens are minted at the rate rounded down, what is left in "
    "a market without vTokens is the next supplier's, and a donation that counts lowers interest since the last accrual",
)


SUPPLIED = (mint, mint_behalf)
REDEEMED = (redeem, redeem_underlying)
UNSUPPLIED = [action for action in OWN if action.actor and action not in (donate, *SUPPLIED, *REDEEMED)]
"""What users do to themselves that leaves a market's assets and supply."""


def supplied(market: VToken, account: Account) -> Exact:
    """Tokens, and vTokens at the exact exchange rate [tokens]."""
    own = Exact((market.underlying[account], 1))
    return own if market.total_supply == 0 else own + exact_price(market) * market.tokens[account]


def gained(step: Step, old: VToken, new: VToken) -> Exact:
    """What the accounts that an action names have more than before, in one market, exact debts deducted [tokens]."""
    more = sum((supplied(new, each) - supplied(old, each) for each in own_accounts(step)), Exact())
    return more - exact_debts_added(old, new, own_accounts(step))


def shared_rounding(step: Step) -> Iterable[Cut]:
    """What a deposit or a redemption costs the suppliers is a rounding, of which the others bear their part."""
    for name, new in step.new.markets.items():
        old = step.old.markets[name]
        supply, minted, rate = old.total_supply, new.total_supply - old.total_supply, rate_shown(old)
        paid, none = new.cash - old.cash, supply == 0
        others = supply - sum(old.tokens[account] for account in own_accounts(step))
        lost = minted * assets(old) - paid * supply
        if step.action in SUPPLIED:
            yield Scaled(minted * rate, paid * WAD, supply)
            yield Distributed(rate * supply + supply, (rate * supply, supply), minted)
            yield Scaled(assets(old) * WAD, rate * supply + supply, minted, unless=none)
            yield none | (lost * WAD <= minted * supply)
            yield Scaled(lost * WAD, minted * supply, others, unless=none)
            yield Scaled(others, supply, minted * supply)
            yield Scaled(supply, new.total_supply, minted * supply)
            yield none | (gained(step, old, new).numerator == lost * others)
            yield none | (supply * new.total_supply > 0)
            yield Distributed(-WAD - minted, (-WAD, -minted), new.total_supply * supply)
        else:
            burned = -minted
            yield Scaled(-paid * WAD, rate * burned, supply)
            yield Scaled(rate * supply, assets(old) * WAD, burned, unless=none)
            yield none | (lost <= 0)
            yield Scaled(lost, 0, others, unless=none)


@RND_2_W.step(of=(*SUPPLIED, *REDEEMED), instant=True, cuts=shared_rounding)
def who_supplies_or_redeems_gains_roundings_at_most(step: Step, old: VToken, new: VToken) -> Condition:
    """The gain of the accounts named < 1 + minted / 1e18."""
    if old.total_supply == 0:
        return True
    minted = positive_part(new.total_supply - old.total_supply)
    return gained(step, old, new) < Exact((WAD + minted, WAD))


@RND_2_W.step(of=UNSUPPLIED, instant=True)
def wealth_rises_by_less_than_a_unit(step: Step, old: VToken, new: VToken) -> Condition:
    """The gain of the accounts named < 1."""
    return (old.total_supply == 0) | (gained(step, old, new) < 1)


RND_5 = claimed("RND-5")


@RND_5.step(of=[action for action in OF_USERS if action.actor], instant=True)
def moving_the_price_costs_the_mover(step: Step, old: VToken, new: VToken) -> Condition:
    """What suppliers gain together is at most what the actor paid in, the debt taken on, and what the reserves lost."""
    return paid_for(step, old, new)


@RND_5.step(of=(mint, mint_behalf), instant=True)
def a_deposit_loses_less_than_a_vtoken(step: Step, old: VToken, new: VToken) -> Condition:
    """(minted + 1) vTokens are worth more than the deposit, at the exact rate before it."""
    minted, paid = new.total_supply - old.total_supply, new.cash - old.cash
    at_start = (minted + 1) * old.initial_exchange_rate > paid * WAD
    later = (minted + 1) * assets(old) > paid * old.total_supply
    return at_start if old.total_supply == 0 else later | (paid == 0)


# --- LIQ -----------------------------------------------------------------------------------------------------------

LIQ_4 = claimed("LIQ-4")


@LIQ_4.step("pool", of=ORDERED, instant=True)
def liquidating_oneself_is_no_profit(step: Step) -> Condition:
    """While collateral covers debt x incentive, liquidator and borrower together have no more, at the prices."""
    pool: Comptroller = step.old
    entered = [pool.seen(name) for name in pool.markets_of(step.arguments["borrower"])]
    borrower = step.arguments["borrower"]
    collateral = sum(market.tokens[borrower] * exact_price(market) * market.price for market in entered)
    debt = sum(exact_debt(market, borrower) * market.price for market in entered)
    if collateral * WAD < debt * pool.liquidation_incentive:
        return True
    own, total = own_accounts(step), Fraction(0)
    for name in dict.fromkeys((step.arguments["asset"], step.arguments["collateral"])):
        old, new = step.old.seen(name), step.new.seen(name)
        total += Fraction(*gain(old, new, own)) * old.price
    return total <= 0


LIQ_4_W = VENUS.declare(
    "LIQ-4-w",
    "liquidating oneself gives less than one unit in the market of the debt, and nothing in that of the collateral",
    "profit",
    why="the debt that is touched loses its fraction of a unit; what is seized is one's own but for the protocol's part",
)


def own_part(step: Step) -> Iterable[Cut]:
    """What liquidator and borrower hold together is at most all vTokens; their part of the assets for them is no more."""
    for name, new in step.new.markets.items():
        old = step.old.seen(name)
        held, holds = (sum(market.tokens[each] for each in own_accounts(step)) for market in (old, new))
        burned = old.total_supply - new.total_supply
        yield Scaled(held, old.total_supply, assets(old) * burned)
        yield Scaled(assets(new), assets(old), holds * old.total_supply)


@LIQ_4_W.step(of=ORDERED, instant=True, cuts=own_part)
def ones_own_vtokens_are_worth_no_more(step: Step, old: VToken, new: VToken) -> Condition:
    """All vTokens of liquidator and borrower x assets / supply: at most what it was, cross-multiplied."""
    held, holds = (sum(market.tokens[each] for each in own_accounts(step)) for market in (old, new))
    return holds * assets(new) * old.total_supply <= held * assets(old) * new.total_supply


@LIQ_4_W.step(of=ORDERED, instant=True)
def ones_own_tokens_pay_the_debt_but_for_a_fraction(step: Step, old: VToken, new: VToken) -> Condition:
    """The exact debts fall by less than one unit more than the tokens paid, and in other markets not at all."""
    own = own_accounts(step)
    paid = sum(old.underlying[each] - new.underlying[each] for each in own)
    freed = sum((exact_debt(old, each) - exact_debt(new, each) for each in own), Exact())
    return freed < paid + 1 if new.name == step.arguments["asset"] else freed <= paid

"""What several proofs about a Venus pool pass through: prices that are kept, the roundings of a liquidation."""

from __future__ import annotations

from collections.abc import Iterable

from poolproof.models.deployed.venus.liquidation import heal_account, liquidate_borrow
from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.model import liquidate_small_account
from poolproof.models.deployed.word import div_down, mul_wad_down
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Cut, Distributed, Scaled, Step
from poolproof.spec.logic import Condition, negation

from .measures import assets

ORDERED = (liquidate_borrow, liquidate_small_account)
LIQUIDATIONS = (*ORDERED, heal_account)


def without_vtokens(old: VToken, new: VToken) -> Condition:
    """There are no vTokens before or after."""
    return (old.total_supply == 0) | (new.total_supply == 0)


def prices(market: VToken) -> tuple[int, int]:
    """What a vToken is worth as the contracts have it, unweighted and at the threshold."""
    price = mul_wad_down(exchange_rate(market), market.price)
    return price, mul_wad_down(market.liquidation_threshold, price)


def kept_prices(old: VToken, new: VToken) -> Iterable[Cut]:
    """A vToken is worth as much as before, at the threshold too."""
    none = without_vtokens(old, new)
    rate, now = exchange_rate(old), exchange_rate(new)
    yield none | (rate * new.total_supply <= assets(new) * WAD)
    yield none | (rate <= now)
    yield Scaled(rate, now, new.price, unless=none)
    (price, weighted), (price_now, weighted_now) = prices(old), prices(new)
    yield none | (price <= price_now)
    yield Scaled(price, price_now, new.liquidation_threshold, unless=none)
    yield none | (weighted <= weighted_now)


def kept_by_others(step: Step) -> Iterable[Cut]:
    """What is held by who neither acts nor is liquidated is worth as much as before, and what it owes is no more."""
    taken = liquidated(step)
    for name, new in step.new.markets.items():
        old = step.old.markets[name]
        none = without_vtokens(old, new)
        yield from kept_prices(old, new)
        weighted, weighted_now = prices(old)[1], prices(new)[1]
        for account in new.tokens:
            if account not in (step.actor, taken):
                before, held = old.tokens[account], new.tokens[account]
                yield Scaled(weighted, weighted_now, before, unless=none)
                yield Scaled(before, held, weighted_now)
                yield Scaled(borrow_balance(new, account), borrow_balance(old, account), new.price)


def liquidated(step: Step) -> str | None:
    """Who is liquidated or healed in a step, None where nobody is."""
    return step.arguments["borrower"] if step.action in LIQUIDATIONS else None


def liquidation(step: Step) -> Iterable[Cut]:
    """What a liquidation takes from the borrower's collateral, in the measure of what it takes from the debt."""
    arguments, incentive = step.arguments, step.old.liquidation_incentive
    debt, pledged = step.old.markets[arguments["asset"]], step.old.markets[arguments["collateral"]]
    left, kept = step.new.markets[arguments["asset"]], step.new.markets[arguments["collateral"]]
    borrower, liquidator = arguments["borrower"], arguments["user"]
    repaid = debt.underlying[liquidator] - left.underlying[liquidator]
    owed, owes = borrow_balance(debt, borrower), borrow_balance(left, borrower)
    yield owes == owed - repaid
    yield Distributed(owed, (owes, repaid), debt.price)
    value = mul_wad_down(debt.price, repaid)
    fall = mul_wad_down(debt.price, owed) - mul_wad_down(debt.price, owes)
    yield value <= fall
    yield Scaled(value, fall, incentive)
    yield Scaled(debt.price * repaid - value * WAD, WAD - 1, incentive)
    held, holds = pledged.tokens[borrower], kept.tokens[borrower]
    seized = held - holds
    (price, weighted), (price_now, weighted_now) = prices(pledged), prices(kept)
    raised = mul_wad_down(incentive, debt.price)
    ratio = div_down(raised * WAD, price)
    yield seized * WAD <= ratio * repaid
    yield Scaled(seized * WAD, ratio * repaid, price)
    yield Scaled(ratio * price, raised * WAD, repaid)
    yield price * seized <= raised * repaid
    yield Scaled(raised * WAD, incentive * debt.price, repaid)
    yield price * seized * WAD <= incentive * debt.price * repaid
    threshold = pledged.liquidation_threshold
    steep = negation(threshold * incentive <= WAD * WAD)
    yield Scaled(weighted * WAD, threshold * price, seized)
    yield Scaled(price * seized * WAD, incentive * debt.price * repaid, threshold)
    yield Scaled(threshold * incentive, WAD * WAD, debt.price * repaid, unless=steep)
    yield steep | (weighted * seized <= debt.price * repaid)
    yield from kept_prices(pledged, kept)
    none = without_vtokens(pledged, kept)
    for before, now in ((price, price_now), (weighted, weighted_now)):
        yield Distributed(held, (holds, seized), before)
        yield Scaled(before, now, holds, unless=none)
        rise = mul_wad_down(now, holds) - mul_wad_down(before, held)
        yield -rise * WAD <= before * seized + WAD - 1

"""Changes that governance makes, or wants to make: thresholds, prices and bounds, and setters that refuse."""

from __future__ import annotations

from collections.abc import Iterator

from poolproof.spec.protocol import VTokenConfig

from .bench import Bench
from .positions import (
    Case,
    Choice,
    at_the_edge,
    opened,
    pairs,
)

# --- the liquidation threshold falls -------------------------------------------------------------------------


def lowered(bench: Bench, case: Case, choice: Choice) -> None:
    """A borrower at the edge of health; then governance puts the proposed factors in force."""
    proposed = case.market()
    at_the_edge(bench, choice)
    bench.do("set_factors", choice.collateral, proposed.ltv, proposed.liquidation_threshold)


# --- prices --------------------------------------------------------------------------------------------------


def answers(bench: Bench, case: Case) -> Iterator[Choice]:
    """What a new source may answer: the proposed price, or else one that halves a collateral or doubles a debt."""
    name = bench.market(case.asset)
    listed, proposed = bench.price(name), case.market().price
    for collateral, debt in pairs(bench, [name]):
        if bench.feed(collateral) != bench.feed(debt):
            yield from (Choice(name, debt, listed, "at once", new) for new in (proposed, listed // 2, 1) if new)
    for collateral in bench.markets:
        if bench.feed(collateral) != bench.feed(name) and bench.ltv(collateral):
            price = bench.price(collateral)
            yield from (Choice(collateral, name, price, "at once", new) for new in (proposed, listed * 2))


def answered(bench: Bench, case: Case, choice: Choice) -> None:
    """Somebody borrows at the prices in force; then the new source answers."""
    bench.do("borrow", bench.borrower, choice.debt, opened(bench, choice))
    bench.do("set_price", bench.market(case.asset), choice.unit)


def bounds(bench: Bench, case: Case) -> Iterator[Choice]:
    """Prices above the proposed bound at which collateral counts in full now."""
    name = bench.market(case.asset)
    bound = case.market().price_bound
    for collateral, debt in pairs(bench, [name]):
        if bench.feed(collateral) != bench.feed(debt) and bound:
            above = bound * max(2, 2 * bench.threshold(name) // max(bench.ltv(name), 1))
            for price in (bench.price(name), above):
                yield Choice(name, debt, min(price, bench.highest_collateral_price(name)), "price", bound)
            yield Choice(name, debt, bench.highest_collateral_price(name), "time", bound)


def bounded(bench: Bench, _: Case, choice: Choice) -> None:
    """A borrower at the edge of health; then the price counts up to the proposed bound alone."""
    at_the_edge(bench, choice)
    bench.do("set_price", choice.collateral, choice.unit)


# --- changes that the contracts refuse -----------------------------------------------------------------------


def anywhere(_: Bench, case: Case) -> Iterator[Choice]:
    """Nothing is left open."""
    yield Choice(case.asset or "", "", 0, "at once")


def factors_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed factors of a market in force."""
    market = case.market()
    bench.attempt("set_factors", bench.market(case.asset), market.ltv, market.liquidation_threshold)


def close_factor_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed close factor in force."""
    bench.attempt("set_close_factor", case.proposed().close_factor)


def incentive_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed incentive in force."""
    bench.attempt("set_liquidation_incentive", case.proposed().liquidation_incentive)


def reserve_factor_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed reserve factor in force."""
    bench.attempt("set_reserve_factor", bench.market(case.asset), case.market().reserve_factor)


def seize_share_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed protocol's part of seizures in force."""
    share = (case.market().venus or VTokenConfig()).protocol_seize_share
    bench.attempt("set_protocol_seize_share", bench.market(case.asset), share)


def supply_cap_set(bench: Bench, case: Case, _: Choice) -> None:
    """Governance puts the proposed supply cap in force."""
    bench.attempt("set_supply_cap", bench.market(case.asset), case.market().supply_cap)

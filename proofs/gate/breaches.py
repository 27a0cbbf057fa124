"""Breaches: for each condition under which theorems hold, a run that shows who loses where it fails.

A scenario leaves open in which markets it is played and how; what can be chosen is tried in turn.  A run counts if the
promise that it should break is broken when it is carried out anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from poolproof.proofs.conditions_of_venus import OUTCOMES
from poolproof.proofs.traces import Trace, Violated, traced
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

from .bench import Bench, Ended
from .benches import bench_on, kin_of
from .changes import (
    answered,
    answers,
    anywhere,
    bounded,
    bounds,
    close_factor_set,
    factors_set,
    incentive_set,
    lowered,
    reserve_factor_set,
    seize_share_set,
    supply_cap_set,
)
from .liquidations import at_once, beyond, falls, loans, smallest, spiral, spirals
from .losses import backed, charged, drawn, frozen, here, stranded, written_off
from .positions import Case, Choice, edges

REFERENCE, VENUS = "reference", "venus"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run to construct: whose parameters it begins with, what is left open, what is done, and what it breaks.

    ``alone``: the pool is looked at by itself, because the model of several pools has no such change of parameters.
    """

    begins: Literal["base", "head"]
    invariant: str
    promise: str
    choices: Callable[[Bench, Case], Iterator[Choice]]
    play: Callable[[Bench, Case, Choice], None]
    alone: bool = False

    def protocol(self, case: Case) -> Protocol:
        """Where the run begins."""
        protocol = case.base if self.begins == "base" else case.head
        if not self.alone:
            return protocol
        return protocol.model_copy(update={"pools": tuple(pool for pool in protocol.pools if pool.id == case.pool)})


THRESHOLD_FALLS = "the liquidation threshold does not fall"
RUNS_AWAY = "liquidation threshold x incentive <= 1"
BELOW_ONE = "liquidation threshold <= 1"
NEW_FEED, LOWER_BOUND = "the price feed is the same", "the price bound does not fall"
DISAPPEARS = "no market with positions disappears"
LINE_STAYS, LINE_BEYOND_THE_CORE = "the line stays", "the line's limit is within the core market's supply cap"
NO_CAP_OF_ZERO = "the supply cap can be set"
REFUSED = "the_change_can_be_made"

SPIRAL = Scenario("head", "LIQ-2", "a_liquidation_raises_no_shortfall", spirals, spiral)
SPIRAL_ON_VENUS = Scenario("head", "LIQ-2-w", "a_liquidation_adds_no_shortfall", spirals, spiral)
FACTORS_REFUSED = Scenario("base", "GOV-1-w", REFUSED, anywhere, factors_set, alone=True)
UNPAID = Scenario("head", "LIQ-5-w", "a_liquidation_pays_who_repays", spirals, spiral)

SCENARIOS: dict[tuple[str, str], tuple[Scenario, ...]] = {
    (REFERENCE, THRESHOLD_FALLS): (
        Scenario("base", "GOV-1", "nobody_healthy_becomes_liquidatable", edges, lowered),
        Scenario("base", "GOV-1", REFUSED, anywhere, factors_set),
    ),
    (REFERENCE, LOWER_BOUND): (Scenario("base", "GOV-1", "nobody_healthy_becomes_liquidatable", bounds, bounded),),
    (REFERENCE, NEW_FEED): (Scenario("base", "GOV-1", "nobody_healthy_becomes_liquidatable", answers, answered),),
    (REFERENCE, "0 <= loan-to-value <= liquidation threshold"): (
        Scenario("head", "LIQ-6", "who_just_borrowed_is_not_liquidated", loans, at_once),
    ),
    (REFERENCE, RUNS_AWAY): (SPIRAL,),
    (REFERENCE, BELOW_ONE): (SPIRAL,),
    (REFERENCE, "0 < close factor <= 1"): (
        Scenario("head", "LIQ-5", "an_account_can_be_liquidated", falls, smallest),
        Scenario("head", "SOLV-6", "nobody_owes_less_than_nothing", falls, beyond),
    ),
    (REFERENCE, "1 <= liquidation incentive <= 2"): (
        Scenario("head", "LIQ-5", "a_liquidation_costs_nobody_who_repays", spirals, spiral),
    ),
    (REFERENCE, "0 <= reserve factor <= 1"): (
        Scenario("head", "SOLV-3", "an_accrual_takes_nothing_from_suppliers", backed, charged),
    ),
    (REFERENCE, LINE_BEYOND_THE_CORE): (
        Scenario("head", "ISO-3", "a_line_loses_no_more_than_suppliers_may_bring", backed, written_off),
    ),
    (REFERENCE, LINE_STAYS): (Scenario("base", "LINE-2", "nothing_is_owed_over_the_line", backed, drawn),),
    (REFERENCE, DISAPPEARS): (Scenario("base", "REG-2", "the_market_is_empty", here, stranded),),
    (REFERENCE, NO_CAP_OF_ZERO): (Scenario("base", "CAP-2", REFUSED, anywhere, supply_cap_set),),
    (VENUS, THRESHOLD_FALLS): (
        Scenario("base", "GOV-1-w", "nobody_solvent_becomes_short", edges, lowered, alone=True),
        FACTORS_REFUSED,
    ),
    (VENUS, NEW_FEED): (Scenario("base", "GOV-1-w", "nobody_solvent_becomes_short", answers, answered),),
    (VENUS, "collateral factor <= liquidation threshold"): (
        Scenario("head", "LIQ-6-w", "who_just_borrowed_keeps_the_vtokens", loans, at_once),
        FACTORS_REFUSED,
    ),
    (VENUS, RUNS_AWAY): (SPIRAL_ON_VENUS,),
    (VENUS, BELOW_ONE): (SPIRAL_ON_VENUS, FACTORS_REFUSED),
    (VENUS, "collateral factor <= 95 %"): (FACTORS_REFUSED,),
    (VENUS, "borrow rate at full utilisation <= its maximum"): (
        Scenario("head", "LIVE-4-w", "the_market_is_not_frozen", backed, frozen),
    ),
    (VENUS, "protocol seize share <= incentive - 1"): (
        UNPAID,
        Scenario("base", "LIQ-5-w", REFUSED, anywhere, seize_share_set, alone=True),
    ),
    (VENUS, "liquidation incentive >= 1"): (
        UNPAID,
        Scenario("base", "LIQ-5-w", REFUSED, anywhere, incentive_set, alone=True),
    ),
    (VENUS, "5 % <= close factor"): (
        Scenario("head", "LIQ-5-w", "who_is_short_can_be_liquidated", falls, smallest),
        Scenario("base", "LIQ-5-w", REFUSED, anywhere, close_factor_set, alone=True),
    ),
    (VENUS, "close factor <= 90 %"): (Scenario("base", "LIQ-3-w", REFUSED, anywhere, close_factor_set, alone=True),),
    (VENUS, "reserve factor <= 1"): (
        Scenario("head", "SOLV-3-w", "an_accrual_lowers_no_exchange_rate", backed, charged),
        Scenario("base", "SOLV-3-w", REFUSED, anywhere, reserve_factor_set, alone=True),
    ),
    (VENUS, DISAPPEARS): (Scenario("base", "REG-2-w", "the_market_has_no_positions", here, stranded),),
}
"""What is tried for a condition of a model, in this order."""

BREAKS: dict[tuple[str, str], tuple[str, ...]] = {
    (REFERENCE, THRESHOLD_FALLS): ("GOV-1",),
    (REFERENCE, LOWER_BOUND): ("GOV-1",),
    (REFERENCE, NEW_FEED): ("GOV-1",),
    (REFERENCE, "0 <= loan-to-value <= liquidation threshold"): ("LIQ-6", "SOLV-4", "RND-2"),
    (REFERENCE, RUNS_AWAY): ("LIQ-2", "SOLV-5"),
    (REFERENCE, BELOW_ONE): ("LIQ-2", "SOLV-5"),
    (REFERENCE, "0 < close factor <= 1"): ("LIQ-5", "SOLV-6", "RATE-1"),
    (REFERENCE, "1 <= liquidation incentive <= 2"): ("LIQ-5", "SOLV-6"),
    (REFERENCE, "0 <= reserve factor <= 1"): ("SOLV-3", "SOLV-7"),
    (REFERENCE, "0 <= supply cap <= amount limit"): ("SOLV-6", "CAP-2"),
    (REFERENCE, "0 <= borrow cap <= amount limit"): ("SOLV-6", "CAP-1"),
    (REFERENCE, "amount limit < 2^112"): ("SOLV-6",),
    (REFERENCE, "1 <= virtual shares <= 2^64"): ("SOLV-6", "RND-5"),
    (REFERENCE, "0 <= share limit <= 2^190"): ("SOLV-6",),
    (REFERENCE, "1 <= index ceiling <= 2^20"): ("SOLV-6", "RATE-3"),
    (REFERENCE, "0 <= maximum rate <= 1e15 per slot"): ("SOLV-6", "RATE-2"),
    (REFERENCE, "0 <= price <= 2^128"): ("SOLV-6",),
    (REFERENCE, "price bound, price age >= 0"): ("ORC-2",),
    (REFERENCE, "amount limit x price <= 2^160"): ("SOLV-6",),
    (REFERENCE, "1 <= release period <= 2^40"): ("SOLV-6", "LINE-9"),
    (REFERENCE, "0 <= line limit < 2^112"): ("SOLV-6", "LINE-1"),
    (REFERENCE, "0 <= debt ceiling < 2^112"): ("SOLV-6", "CAP-3"),
    (REFERENCE, "0 <= premium <= 1e15 per slot"): ("SOLV-6", "LINE-10"),
    (REFERENCE, LINE_BEYOND_THE_CORE): ("ISO-3",),
    (REFERENCE, LINE_STAYS): ("LINE-2",),
    (REFERENCE, DISAPPEARS): ("REG-2",),
    (REFERENCE, NO_CAP_OF_ZERO): ("CAP-2", "GOV-1"),
    (VENUS, THRESHOLD_FALLS): ("GOV-1-w",),
    (VENUS, NEW_FEED): ("GOV-1-w",),
    (VENUS, "collateral factor <= liquidation threshold"): ("LIQ-6-w", "SOLV-4-w"),
    (VENUS, RUNS_AWAY): ("LIQ-2-w", "SOLV-5-w"),
    (VENUS, BELOW_ONE): ("LIQ-2-w", "SOLV-5-w"),
    (VENUS, "collateral factor <= 95 %"): ("GOV-1-w",),
    (VENUS, "borrow rate at full utilisation <= its maximum"): ("LIVE-4-w", "RATE-2"),
    (VENUS, "protocol seize share <= incentive - 1"): ("LIQ-3-w", "LIQ-5-w"),
    (VENUS, "protocol seize share < incentive"): ("SOLV-7-w", "SOLV-6", "LIVE-1-w"),
    (VENUS, "liquidation incentive >= 1"): ("LIQ-5-w",),
    (VENUS, "5 % <= close factor"): ("LIQ-5-w",),
    (VENUS, "close factor <= 90 %"): ("LIQ-3-w",),
    (VENUS, "reserve factor <= 1"): ("SOLV-3-w", "SOLV-7-w"),
    (VENUS, DISAPPEARS): ("REG-2-w",),
}
"""The invariants that go where a condition of a model fails, or that need it most where no run is known."""

EXACT: frozenset[tuple[str, str]] = frozenset(SCENARIOS) - {
    (REFERENCE, LOWER_BOUND),  # one unit of a bound is less than what a share's value is rounded by
    (REFERENCE, NEW_FEED),  # which answers differ is not known
    (REFERENCE, "1 <= liquidation incentive <= 2"),  # above 2 nobody loses: numbers are no longer sure to fit a word
    (VENUS, NEW_FEED),
    (VENUS, RUNS_AWAY),  # vTokens have 8 decimals: one unit shows from 1e10 tokens on, where no first supply is odd
    (VENUS, "protocol seize share <= incentive - 1"),  # as above; and an incentive that falls is not refused
}
"""Conditions that end where runs begin: one unit beyond there is one, where the market's amounts are large enough."""


def broken_by(label: str, model: str) -> tuple[str, ...]:
    """The invariants that go where a condition fails: each claim, and the weaker one that a model keeps instead."""
    named = BREAKS.get((kin_of(model), label), ())
    return tuple(dict.fromkeys(each for name in named for each in (name.removesuffix("-w"), name)))


def breach(label: str, base: Protocol, head: Protocol, pool: str, asset: str | None) -> Trace | None:
    """A run on integers that shows what goes wrong where a condition fails; None where none is known or found."""
    case = Case(base, head, pool, asset)
    for scenario in SCENARIOS.get((kin_of(head.model), label), ()):
        protocol = scenario.protocol(case)
        choices: list[Choice] = []
        with suppress(Ended, Refusal, ZeroDivisionError):
            choices += scenario.choices(bench_on(protocol, pool), case)
        for choice in choices:
            with suppress(Ended, Refusal, ZeroDivisionError):  # the last two: numbers for which a model has no answer
                bench = bench_on(protocol, pool)
                scenario.play(bench, case, choice)
                trace = judged(scenario, bench)
                if trace is not None:
                    return trace
    return None


def judged(scenario: Scenario, bench: Bench) -> Trace | None:
    """The run on a bench as a trace, if it breaks its scenario's promise."""
    run = bench.run()
    message = OUTCOMES[scenario.promise](run)
    if message is None:
        return None
    steps = [traced(*call, step.refusal) for call, step in zip(bench.calls, run.steps, strict=True)]
    violation = Violated(0, len(steps) - 1, message, {"promise": scenario.promise})
    config = bench.protocol.canonical_json()
    return Trace(bench.protocol.name, config, scenario.invariant, [steps], violation)

"""Safe ranges: inside nothing new fails, one unit outside the named condition does, and somebody loses by it."""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from poolproof.gate.conditions import failing, held, judge_against
from poolproof.gate.files import Proposal
from poolproof.gate.ranges import WELL_FORMED, Range, Span
from poolproof.proofs.gate.breaches import EXACT, breach
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import parse_protocol

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
WAD = gates.WAD

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
MARKET = ("ltv", "liquidation_threshold", "reserve_factor", "supply_cap", "borrow_cap", "price_bound", "max_rate",
          "virtual_shares", "share_limit", "index_ceiling")  # fmt: skip
RATES = ("base_rate_per_year", "multiplier_per_year", "jump_multiplier_per_year", "kink")
POOL = ("close_factor", "liquidation_incentive")

shares = st.one_of(st.integers(0, WAD), st.integers(0, 20).map(lambda part: part * WAD // 20), st.integers(0, 2 * WAD))
amounts = st.one_of(st.integers(0, 10**27), st.just(0), st.just(2**112 - 1))
VALUES = {
    "close_factor": st.one_of(st.integers(0, WAD), st.integers(0, 2 * WAD)),
    "liquidation_incentive": st.one_of(st.integers(WAD, 13 * WAD // 10), st.integers(0, 3 * WAD)),
    "supply_cap": amounts,
    "borrow_cap": amounts,
    "price_bound": st.one_of(st.just(0), st.integers(1, 2**100)),
    "max_rate": st.integers(0, 10**16),
    "virtual_shares": st.integers(1, 2**66),
    "share_limit": st.integers(1, 2**191),
    "index_ceiling": st.integers(WAD, 2**20 * WAD),
    "limit": amounts,
    "base_rate_per_year": st.integers(0, WAD),
    "multiplier_per_year": st.integers(0, 4 * WAD),
    "jump_multiplier_per_year": st.integers(0, 900 * WAD),
}


@st.composite
def protocols(draw: Any, model: str) -> dict[str, Any]:
    """A protocol of one pool, or of a core and a pool that draws on it."""
    lined = model == "reference" and draw(st.booleans())
    names = ("core", "side") if lined else ("one",)
    return {
        "schema": "poolproof.protocol/1", "name": "drawn", "title": "drawn", "source": "drawn", "model": model,
        "horizon": 10_000,
        "pools": [
            {
                "id": name,
                **({"kind": "core"} if name == "core" else {}),
                **{key: str(draw(VALUES[key])) for key in POOL},
                "dust_value": "0",
                "markets": [drawn_market(draw, model, asset, lined=name == "side") for asset in ("A", "B")],
            }
            for name in names
        ],
    }  # fmt: skip


def drawn_market(draw: Any, model: str, asset: str, *, lined: bool) -> dict[str, Any]:
    """A market with drawn parameters, mostly inside the region."""
    threshold = draw(st.integers(WAD // 5, 95 * WAD // 100))
    market: dict[str, Any] = {
        "asset": asset, "decimals": 18, "price": str(WAD), "ltv": str(threshold * draw(st.integers(0, 20)) // 20),
        "liquidation_threshold": str(threshold), "reserve_factor": str(draw(st.integers(0, WAD))),
        "supply_cap": str(draw(st.integers(10**20, 10**27))), "borrow_cap": str(draw(amounts)), "wallet": str(10**24),
        "rate_model": {
            "kind": "jump", "base_rate_per_year": "0", "multiplier_per_year": str(draw(st.integers(0, WAD))),
            "jump_multiplier_per_year": str(draw(st.integers(0, 9 * WAD))), "kink": str(draw(st.integers(0, WAD))),
            "slots_per_year": 10_512_000,
        },
    }  # fmt: skip
    if lined and draw(st.booleans()):
        market["line"] = {"limit": str(draw(st.integers(0, 10**27)))}
    if model == "venus":
        market["venus"] = {"protocol_seize_share": str(draw(st.integers(0, WAD // 10)))}
    return market


def drawn_edit(data: dict[str, Any], draw: Any) -> None:
    """Give one number another value."""
    pool = data["pools"][draw(st.integers(0, len(data["pools"]) - 1))]
    market = pool["markets"][draw(st.integers(0, 1))]
    places = [(pool, key) for key in POOL] + [(market, key) for key in MARKET]
    places += [(market["rate_model"], key) for key in RATES]
    places += [(market["line"], "limit")] * 3 if "line" in market else []
    places += [(market["venus"], "protocol_seize_share")] if "venus" in market else []
    table, key = places[draw(st.integers(0, len(places) - 1))]
    table[key] = str(draw(VALUES.get(key, shares)))


def drawn_proposal(data: Any, model: str, most: int) -> Proposal:
    """A protocol and the same with a few numbers changed."""
    table = data.draw(protocols(model))
    base = gates.toml_of(table)
    for _ in range(data.draw(st.integers(1, most))):
        drawn_edit(table, data.draw)
    head = gates.toml_of(table)
    try:
        parse_protocol(base, "x")
        parse_protocol(head, "x")
    except UsageError:
        assume(False)
    with tempfile.TemporaryDirectory() as folder:
        found: Proposal = gates.proposal(Path(folder), base, head)
    assume(found.changes)
    return found


def spans(proposal: Proposal) -> list[Span]:
    """The span of each change that is a number."""
    every = [Span(proposal, change, judge_against(proposal.base)) for change in proposal.changes]
    return [span for span in every if span.bounds is not None]


def at(span: Span, value: int) -> frozenset[Any]:
    """What fails at a value, computed from the protocol alone; of a file that is ill formed, that."""
    try:
        trial = span.proposal.with_value(span.change, value)
    except UsageError:
        return frozenset((WELL_FORMED,))
    return failing(held(span.proposal.base, trial))


@pytest.mark.parametrize("model", ["reference", "venus"])
@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_the_ends_of_a_range(model: str, data: Any) -> None:
    """No condition fails there that the parameter could keep; one unit beyond, the named ones do."""
    for span in spans(drawn_proposal(data, model, 3)):
        moving = span.moving()
        safe = span.range(moving)
        if safe is None:
            assert moving
            continue
        low, high = span.bounds or (0, 0)
        middle = data.draw(st.integers(safe.low, safe.high))
        for value in (safe.low, middle, safe.high):
            assert not at(span, value) & moving
        assert bool(safe.below) == (safe.low > low)
        assert bool(safe.above) == (safe.high < high)
        if safe.below:
            assert safe.below == at(span, safe.low - 1) & moving
        if safe.above:
            assert safe.above == at(span, safe.high + 1) & moving
        if not at(span, span.change.new) & moving:
            assert safe.distance(span.change.new) == 0


@pytest.mark.parametrize("model", ["reference", "venus"])
@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_each_condition_holds_on_one_interval(model: str, data: Any) -> None:
    """As bisection takes it: of each parameter by itself, with the others as they are."""
    for span in spans(drawn_proposal(data, model, 2)):
        low, high = span.bounds or (0, 0)
        drawn = data.draw(st.lists(VALUES.get(span.change.keys[-1], shares), min_size=8, max_size=16))
        values = sorted({low, high, span.change.old, span.change.new, WAD, 1, *drawn})
        values = [value for value in values if low <= value <= high]
        seen = [at(span, value) for value in values]
        for place in frozenset[Any]().union(*seen):
            where = [value for value, fails in zip(values, seen, strict=True) if place not in fails]
            between = [value for value in values if where and where[0] <= value <= where[-1]]
            assert where == between, (place, span.change.path)


@pytest.mark.parametrize("model", ["reference", "venus"])
@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_no_change_is_named_that_is_not_needed(model: str, data: Any) -> None:
    """A condition fails with the changes that are named, and with no fewer."""
    from poolproof.gate.ranges import responsible

    proposal = drawn_proposal(data, model, 4)
    fails = judge_against(proposal.base)
    for place in fails(proposal.head) - fails(proposal.base):
        named = responsible(proposal, place, fails, proposal.changes)
        assert named
        assert place in fails(proposal.with_changes(named))
        for left_out in named:
            rest = [change for change in named if change is not left_out]
            assert place not in fails(proposal.with_changes(rest))


LARGE = {
    # Amounts so large that a factor's last digit is worth a token: 10^9 tokens of 18 decimals at a dollar.
    "supply_cap": str(10**27), "borrow_cap": str(10**27), "wallet": str(10**27), "price": str(WAD),
}  # fmt: skip
EXACT_BY_A_NUMBER = {
    # condition: the change that meets its end
    "the liquidation threshold does not fall": ("main/A", "liquidation_threshold", "700000000000000000"),
    "0 <= loan-to-value <= liquidation threshold": ("main/A", "ltv", "900000000000000000"),
    "collateral factor <= liquidation threshold": ("main/A", "ltv", "900000000000000000"),
    "liquidation threshold x incentive <= 1": ("main/A", "liquidation_threshold", "950000000000000000"),
    "borrow rate at full utilisation <= its maximum": ("main/A", "rate_model/base_rate_per_year", str(900 * WAD)),
}
"""A change by which a range meets an exact condition, where this file can have it."""


def large(model: str) -> str:
    """One pool with large amounts."""
    market = {
        "decimals": 18, "ltv": str(7 * WAD // 10), "liquidation_threshold": str(8 * WAD // 10), "reserve_factor": "0",
        **LARGE,
        "rate_model": {
            "kind": "jump", "base_rate_per_year": "0", "multiplier_per_year": str(WAD // 10),
            "jump_multiplier_per_year": str(WAD), "kink": str(8 * WAD // 10), "slots_per_year": 10_512_000,
        },
    }  # fmt: skip
    pool = {
        "id": "main", "close_factor": str(WAD // 2), "liquidation_incentive": str(11 * WAD // 10), "dust_value": "0",
        "markets": [{"asset": asset, **market} for asset in ("A", "B", "C")],
    }  # fmt: skip
    text: str = gates.toml_of(
        {"schema": "poolproof.protocol/1", "name": "large", "title": "large", "source": "none", "model": model,
         "horizon": 10_000_000, "pools": [pool]}
    )  # fmt: skip
    return text


@pytest.mark.parametrize(("model", "label"), sorted(key for key in EXACT if key[1] in EXACT_BY_A_NUMBER))
def test_one_unit_beyond_an_exact_end_somebody_loses(model: str, label: str, tmp_path: Path) -> None:
    """And at the end itself nobody does by this condition: a run is found one unit beyond, and replays."""
    base = large(model)
    edit = EXACT_BY_A_NUMBER[label]
    proposal = gates.proposal(tmp_path, base, gates.edited(base, (edit,)))
    (span,) = spans(proposal)
    safe = span.range(span.moving())
    assert isinstance(safe, Range)
    ends = ((safe.low - 1, safe.low, safe.below), (safe.high + 1, safe.high, safe.above))
    beyond, end = next((out, last) for out, last, places in ends if label in {place.label for place in places})
    outside = span.proposal.with_value(span.change, beyond)
    trace = breach(label, proposal.base, outside, "main", "A")
    assert trace is not None
    assert gates.replayed(trace.to_json())
    assert breach(label, proposal.base, span.proposal.with_value(span.change, end), "main", "A") is None

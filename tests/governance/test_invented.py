"""What the loader takes of invented proposals, and which conditions of the admissible region see them."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from poolproof.cli import main
from poolproof.models.deployed.venus.market import accrue
from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.deployed.venus.refusals import BorrowRateTooHigh
from poolproof.models.isolated_pool import set_supply_cap
from poolproof.models.market import borrow_rate
from poolproof.models.reference import REFERENCE
from poolproof.models.refusals import CapBelowCounted
from poolproof.proofs import registry
from poolproof.spec.loading import load_protocol, parse_protocol
from poolproof.spec.protocol import Protocol

sys.path.append(str(Path(__file__).parent))
builder: Any = importlib.import_module("invented")
PROPOSALS = builder.invented()
TAKEN = [each for each in PROPOSALS if not each.loader]


def broken(protocol: Protocol) -> Counter[str]:
    """The conditions of the admissible region of a protocol's own model that its values do not meet."""
    model, _ = registry.of(protocol)
    return Counter(rule for rule, holds in model.admissible(model.build(protocol)) if not holds)


def outside(base: Protocol, head: Protocol) -> tuple[str, ...]:
    """What is broken in the head and not in the base; the regions of two models have nothing in common."""
    if base.model != head.model:
        return ()
    return tuple((broken(head) - broken(base)).keys())


@pytest.mark.parametrize("proposal", PROPOSALS, ids=lambda each: each.name)
def test_the_loader_answers_as_the_table_says(
    proposal: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is well formed is taken, however unsafe, with exit 0; the rest is told with rule and cure, with exit 3."""
    for side in ("base", "head"):
        (tmp_path / f"{side}.toml").write_text(getattr(proposal, side), encoding="utf-8")
    assert main(["invariants", str(tmp_path / "base.toml")]) == 0
    assert main(["invariants", str(tmp_path / "head.toml")]) == (3 if proposal.loader else 0)
    assert proposal.loader in capsys.readouterr().err
    another_model = any(edit[:2] == ("", "model") for edit in proposal.edits)
    assert (bool(proposal.loader) or another_model) == (proposal.gate == "refused")


@pytest.mark.parametrize("proposal", TAKEN, ids=lambda each: each.name)
def test_the_region_sees_what_the_table_says(proposal: Any) -> None:
    """Some of the unsafe ones break no condition: a gate that asks for nothing else would be open."""
    base, head = parse_protocol(proposal.base, "base.toml"), parse_protocol(proposal.head, "head.toml")
    assert base != head
    assert outside(base, head) == proposal.region


@pytest.mark.parametrize("proposal", [each for each in TAKEN if each.alone], ids=lambda each: each.name)
def test_changes_that_are_fine_alone(proposal: Any) -> None:
    """Each edit by itself stays inside the region and below threshold x incentive = 1; together they do not."""
    base = parse_protocol(proposal.base, "base.toml")
    alone = [parse_protocol(builder.edited(proposal.base, (edit,)), "one.toml") for edit in proposal.edits]
    assert len(alone) == 2
    assert [outside(base, each) for each in alone] == [(), ()]
    assert not any(steep(each) for each in (base, *alone))
    head = parse_protocol(proposal.head, "head.toml")
    assert outside(base, head) or steep(head)


def steep(protocol: Protocol) -> bool:
    """Whether a market's threshold x incentive is above 1."""
    products = [
        market.liquidation_threshold * pool.liquidation_incentive for pool in protocol.pools for market in pool.markets
    ]
    return max(products) > 10**36


def named(name: str) -> Protocol:
    """The head of one proposal."""
    return parse_protocol(next(each.head for each in PROPOSALS if each.name == name), name)


def test_no_vote_of_the_reference_leads_to_a_cap_of_0() -> None:
    """Not even in an empty market; a cap of one unit is taken there."""
    pool = REFERENCE.build(load_protocol("minimal"))
    with pytest.raises(CapBelowCounted):
        set_supply_cap.run(pool, "ETH", 0)
    set_supply_cap.run(pool, "ETH", 1)
    assert named("cap-zero-reference").pools[0].markets[0].supply_cap == 0


def test_a_rate_freezes_venus_above_a_utilisation_and_the_reference_never() -> None:
    """The same jump multiplier: one model refuses to accrue, the other cuts the rate off."""
    market = VENUS.build(named("frozen-by-its-rate-venus")).markets["lisUSD"]
    rates = [market.rate_model.curve.borrow_rate(percent * 10**16) for percent in (70, 75, 100)]
    assert [rate <= market.max_borrow_rate for rate in rates] == [True, False, False]
    market.total_borrows, market.internal_cash = 3, 1
    with pytest.raises(BorrowRateTooHigh):
        accrue(market, 1, [])
    cut_off = REFERENCE.build(named("cut-off-rate-reference")).markets["ETH"]
    assert cut_off.rates.borrow_rate(10**18) > cut_off.max_rate
    cut_off.debt_shares = 10**18
    assert borrow_rate(cut_off) == cut_off.max_rate


def test_both_models_and_all_answers_are_there() -> None:
    """Names are unique, each protocol is of a known model, and none of the three answers is missing."""
    assert len({each.name for each in PROPOSALS}) == len(PROPOSALS)
    assert {each.gate for each in PROPOSALS} == {"open", "closed", "refused"}
    assert {parse_protocol(each.base, each.name).model for each in PROPOSALS} == {"venus", "reference"}


@pytest.mark.parametrize(
    "edit", [("Nowhere/USDT", "ltv", "0"), ("Stablecoins/DAI",), ("Stablecoins/USDT", "x/ltv", "0")]
)
def test_an_edit_of_what_is_not_there_stops_the_builder(edit: tuple[str, ...]) -> None:
    """A pair whose sides are the same by mistake is never made."""
    with pytest.raises(ValueError, match="is not in the file once"):
        builder.edited(PROPOSALS[0].base, (edit,))


def test_an_edit_changes_its_line_alone() -> None:
    """Comments and all other lines stay as they are."""
    base = next(each for each in PROPOSALS if each.protocol == "minimal").base
    head = builder.edited(base, (("main/USDC", "ltv", "1"),))
    pairs = [pair for pair in zip(base.split("\n"), head.split("\n"), strict=True) if pair[0] != pair[1]]
    (pair,) = pairs
    assert pair[0].startswith('ltv = "850000000000000000"    ')
    assert pair[1] == pair[0].replace("850000000000000000", "1")

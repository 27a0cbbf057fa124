"""Real proposals of Venus governance: two of fourteen lower liquidation thresholds, and close the gate."""

from __future__ import annotations

import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from poolproof.gate.conditions import FALLS
from poolproof.proofs.gate.breaches import BREAKS

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
FILES = gates.history()
NAMES = sorted({name.partition("/")[0] for name in FILES if "/" in name})
LOWERED = {
    "vip-142-bscmainnet": ["DeFi/USDT", "GameFi/USDT", "Stablecoins/USDT", "Tron/USDT"],
    "vip-424-bscmainnet": ["DeFi/PLANET"],
}


@cache
def judged(name: str) -> Any:
    """What the gate says of a real proposal."""
    with tempfile.TemporaryDirectory() as folder:
        return gates.judged(Path(folder), FILES[f"{name}/base.toml"], FILES[f"{name}/head.toml"])


@pytest.mark.parametrize("name", NAMES)
def test_a_proposal_closes_where_it_lowers_a_threshold(name: str) -> None:
    """And nowhere else; each has a run that breaks the promise when it is carried out anew."""
    report = judged(name)
    assert sorted(gates.broken(report)) == [(FALLS, where) for where in LOWERED.get(name, [])]
    assert report.verdict == ("CLOSED" if name in LOWERED else "OPEN")
    assert report.exit_code == (1 if name in LOWERED else 0)
    assert len(report.changes) == len(report.proposal.changes)
    for closing in report.closings:
        (change,) = closing.changes
        assert (f"{change.pool}/{change.asset}", change.parameter) == (closing.place.where, "liquidation_threshold")
        assert closing.invariants[0] in {each.removesuffix("-w") for each in BREAKS["venus", FALLS]}
        assert gates.replays(closing)
        assert closing.message


def test_what_was_outside_and_is_repaired_is_said() -> None:
    """VIP-375 finds a factor of 75 % above its threshold, and leaves it inside."""
    report = judged("vip-375-bscmainnet")
    repaired = {place.label for each in report.changes for place in each.enters}
    assert repaired == {"collateral factor <= liquidation threshold"}
    assert report.already == []


def test_ranges_that_were_checked_by_hand() -> None:
    """USDT's threshold falls from 0.88 to 0.8, at an incentive of 1.1; lisUSD's rises from 0.7 to 0.8."""
    report = judged("vip-142-bscmainnet")
    safe = gates.change(report, "pools[Stablecoins].markets[USDT].liquidation_threshold").safe
    assert (safe.low, safe.high) == (880_000_000_000_000_000, 909_090_909_090_909_090)
    safe = gates.change(report, "pools[Stablecoins].markets[USDT].ltv").safe
    assert (safe.low, safe.high, safe.below) == (0, 800_000_000_000_000_000, frozenset())
    safe = gates.change(report, "pools[Stablecoins].markets[lisUSD].liquidation_threshold").safe
    assert (safe.low, safe.high) == (750_000_000_000_000_000, 909_090_909_090_909_090)
    safe = gates.change(report, "pools[Stablecoins].markets[lisUSD].reserve_factor").safe
    assert (safe.low, safe.high) == (0, gates.WAD)
    # 5e12 a block is the most that the contracts accept; above a kink of 0.5 the rest of the rate is half the jump:
    # (5e12 + 1 - (base + multiplier / 2) per block) x 2 x blocks, rounded as the contracts do it
    market = next(
        market
        for pool in report.proposal.head.pools
        if pool.id == "Stablecoins"
        for market in pool.markets
        if market.asset == "lisUSD"
    )
    rates = market.rate_model
    safe = gates.change(report, "pools[Stablecoins].markets[lisUSD].rate_model.jump_multiplier_per_year").safe
    base, slope = (each // rates.slots_per_year for each in (rates.base_rate_per_year, rates.multiplier_per_year))
    normal = slope * rates.kink // gates.WAD + base
    for value, within in ((safe.high, True), (safe.high + 1, False)):
        jump = value // rates.slots_per_year
        highest = jump * (gates.WAD - rates.kink) // gates.WAD + normal
        assert (highest <= market.max_rate) == within
    safe = gates.change(report, "pools[Stablecoins].markets[USDT].borrow_cap").safe
    assert (safe.low, safe.high) == (0, gates.NO_CAP)

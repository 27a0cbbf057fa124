"""The ranking of pools by what their failure does to the others."""

from __future__ import annotations

import pytest

from poolproof.proofs.contagion.ranking import ranking
from poolproof.spec.loading import load_protocol


def test_the_ranking_by_hand() -> None:
    """astera-docs at its caps, in billions of dollars.

    The core has 20 million ETH at 2,000, 500,000 WBTC at 60,000, twice 20 of stablecoins and 0.1 of asUSD: 110.1 in
    all.  mini-a has 10 of X, 2 of ETH and 0.001 of asUSD, mini-b 20 of Y and 2 of ETH.  mini-b can owe the core
    3 million ETH, which is 6: of the 110.1 + 12.001 that the two others have.  mini-a can owe 2 million ETH and 5
    million asUSD, which is 4.005: of 110.1 + 22.  The core owes nobody; when both fail it loses 10.005 of its 110.1.
    """
    first, second, core = ranking(load_protocol("astera-docs"))
    assert (first.pool, second.pool, core.pool) == ("mini-b", "mini-a", "core")
    assert first.rank == pytest.approx(6 / 122.101, rel=1e-12)
    assert second.rank == pytest.approx(4.005 / 132.1, rel=1e-12)
    assert core.distress == pytest.approx(10.005 / 110.1, rel=1e-12)
    assert (core.rank, first.distress, second.distress) == (0, 0, 0)


@pytest.mark.parametrize("name", ["minimal", "venus-bsc", "elara-docs"])
def test_without_lines_nobody_takes_anything_from_others(name: str) -> None:
    """Each pool stands in the ranking all the same."""
    protocol = load_protocol(name)
    found = ranking(protocol)
    assert [each.pool for each in found] == [pool.id for pool in protocol.pools]
    assert {(each.rank, each.distress) for each in found} == {(0, 0)}

"""DebtRank: chains and cycles by hand, and every small network by simulation."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolproof.proofs.contagion.debtrank import Exposures, debtrank
from poolproof.spec.errors import UsageError

HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)


def test_a_chain_by_hand() -> None:
    """1 has lent half of its equity to 0, and 2 half of its to 1: distress 1, then 1/2, then 1/4.

    Values are what is lent, 2 and 4: the rank is (2 x 1/2 + 4 x 1/4) / 6 = 1/3.
    """
    chain = Exposures([1, 4, 8], {(0, 1): 2, (1, 2): 4})
    for differential in (False, True):
        found = debtrank(chain, {0: 1}, differential=differential)
        assert found.distress == [1, HALF, QUARTER]
        assert found.rank == Fraction(1, 3)
    assert debtrank(chain, {0: 1}).rounds == 3


def test_a_cycle_is_gone_through_once_or_to_the_end() -> None:
    """0 and 1 have each lent half of their equity to the other, and 0 loses a quarter.

    Once: 1 loses 1/8 and 0 another 1/16, then both have passed on what they do.  To the end: h0 = 1/4 + h1 / 2 and
    h1 = h0 / 2, so h0 = 1/3 and h1 = 1/6.
    """
    cycle = Exposures([2, 2], {(0, 1): 1, (1, 0): 1})
    assert debtrank(cycle, {0: QUARTER}).distress == [Fraction(5, 16), Fraction(1, 8)]
    assert debtrank(cycle, {0: QUARTER}, differential=True).distress == [Fraction(1, 3), Fraction(1, 6)]


def test_a_cycle_that_amplifies_ends_at_one() -> None:
    """Both have lent twice their equity: any shock takes all; no shock takes nothing."""
    cycle = Exposures([1, 1], {(0, 1): 2, (1, 0): 2})
    assert debtrank(cycle, {0: Fraction(1, 100)}, differential=True).distress == [1, 1]
    assert debtrank(cycle, {}, differential=True).distress == [0, 0]
    assert debtrank(cycle, {0: Fraction(1, 100)}).distress == [Fraction(2, 100), Fraction(1, 100)]


def test_an_impact_counts_at_most_once_in_the_original_alone() -> None:
    """1 has lent four times its equity to 0, which loses a quarter: 1/4 in the original, all in the variant."""
    exposed = Exposures([1, 1], {(0, 1): 4})
    assert debtrank(exposed, {0: QUARTER}).distress == [QUARTER, QUARTER]
    assert debtrank(exposed, {0: QUARTER}, differential=True).distress == [QUARTER, 1]


def test_values_weigh_the_rank() -> None:
    """Only what is valued counts, beyond the shock itself."""
    found = debtrank(Exposures([1, 2], {(0, 1): 1}, values=[3, 1]), {0: 1})
    assert found.rank == Fraction(1, 8)
    assert debtrank(Exposures([1, 2], {}), {0: 1}).rank == 0


def simulated(size: int, impact: dict[tuple[int, int], Fraction], first: list[Fraction]) -> list[Fraction]:
    """The original, node by node, from the article's definition: undistressed, distressed, inactive."""
    distress, state = list(first), ["D" if h else "U" for h in first]
    while "D" in state:
        before, were = list(distress), list(state)
        for node in range(size):
            pushed = sum(impact.get((by, node), Fraction(0)) * before[by] for by in range(size) if were[by] == "D")
            distress[node] = min(Fraction(1), before[node] + pushed)
        for node in range(size):
            if were[node] == "D":
                state[node] = "I"
            elif distress[node] and were[node] == "U":
                state[node] = "D"
    return distress


def test_every_network_of_three_nodes() -> None:
    """All exposures of 0, a half and twice the equity: the simulation, and the least fixed point of the variant."""
    edges = [(i, j) for i in range(3) for j in range(3) if i != j]
    for weights in itertools.product((0, 1, 4), repeat=6):
        lent = {edge: amount for edge, amount in zip(edges, weights, strict=True) if amount}
        first = {0: Fraction(1, 5), 1: Fraction(1, 10)}
        given_ = Exposures([2, 2, 2], lent)
        shock = [first.get(node, Fraction(0)) for node in range(3)]
        capped = {edge: min(Fraction(1), Fraction(amount, 2)) for edge, amount in lent.items()}
        assert debtrank(given_, first).distress == simulated(3, capped, shock)
        end = debtrank(given_, first, differential=True).distress
        again = [
            min(Fraction(1), shock[j] + sum(Fraction(lent.get((i, j), 0), 2) * end[i] for i in range(3)))
            for j in range(3)
        ]
        assert end == again
        below = [float(h) for h in shock]
        for _ in range(200):
            below = [
                min(1.0, float(shock[j]) + sum(lent.get((i, j), 0) / 2 * below[i] for i in range(3))) for j in range(3)
            ]
        assert [float(h) for h in end] == pytest.approx(below, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.booleans())
def test_exact_and_sparse_agree(data: st.DataObject, differential: bool) -> None:
    """Fractions on dense matrices and floats on sparse ones come to the same."""
    size = data.draw(st.integers(2, 7))
    edges = [(i, j) for i in range(size) for j in range(size) if i != j]
    given_ = Exposures(
        data.draw(st.lists(st.integers(1, 20), min_size=size, max_size=size)),
        data.draw(st.dictionaries(st.sampled_from(edges), st.integers(0, 7), max_size=12)),
    )
    shock = data.draw(st.dictionaries(st.integers(0, size - 1), st.sampled_from([Fraction(0), QUARTER, Fraction(1)])))
    one = debtrank(given_, shock, differential=differential, exact=True)
    other = debtrank(given_, shock, differential=differential, exact=False)
    assert other.distress == pytest.approx([float(h) for h in one.distress], abs=1e-7)
    assert other.rank == pytest.approx(float(one.rank), abs=1e-7)


def test_bad_input_is_refused() -> None:
    """Each refusal says which value is wrong."""
    with pytest.raises(UsageError, match="node 1 has no equity"):
        Exposures([1, 0], {})
    with pytest.raises(UsageError, match="1 values for 2 nodes"):
        Exposures([1, 1], {}, values=[1])
    with pytest.raises(UsageError, match="exposure number 0 is nan"):
        Exposures([1, 1], {(0, 1): float("nan")})
    with pytest.raises(UsageError, match="shock to node 2, of 2 nodes"):
        debtrank(Exposures([1, 1], {}), {2: 1})
    with pytest.raises(UsageError, match="shock number 0 is 2, above 1"):
        debtrank(Exposures([1, 1], {}), {0: 2})

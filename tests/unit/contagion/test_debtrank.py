"""DebtRank: chains and cycles by hand, and every small network by simulation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
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


def test_a_fan_in_by_hand_round_by_round() -> None:
    """0 owes 1 and 2; both owe 3; 3 owes 0, and everybody has an equity of 4; 0 loses half.

    Lent: 0 to 1: 2, 0 to 2: 4, 1 to 3: 2, 2 to 3: 1, 3 to 0: 2; impacts are 1/2, 1, 1/2, 1/4, 1/2.
    The original.  Round 1: h1 = 1/2 x 1/2 = 1/4, h2 = 1 x 1/2 = 1/2; 0 is spent.  Round 2: h3 = 1/2 x 1/4 + 1/4 x 1/2
    = 1/4.  Round 3: h0 = 1/2 + 1/2 x 1/4 = 5/8; 0 passes nothing on again.  Round 4 finds nobody fresh.
    The variant, to the end: h0 = 1/2 + h3 / 2, h1 = h0 / 2, h2 = h0, h3 = h1 / 2 + h2 / 4 = h0 / 2, so
    h0 = 1/2 + h0 / 4 = 2/3, h1 = 1/3, h2 = 2/3, h3 = 1/3.
    Values are what is lent: 2, 2, 4 and 3, 11 in all.  Beyond the shock the original takes 2 x 1/8 + 2 x 1/4 +
    4 x 1/2 + 3 x 1/4 = 7/2 of them, the variant 2 x 1/6 + 2 x 1/3 + 4 x 2/3 + 3 x 1/3 = 14/3.
    """
    fan = Exposures([4, 4, 4, 4], {(0, 1): 2, (0, 2): 4, (1, 3): 2, (2, 3): 1, (3, 0): 2})
    once = debtrank(fan, {0: HALF})
    assert once.distress == [Fraction(5, 8), QUARTER, HALF, QUARTER]
    assert (once.rank, once.rounds) == (Fraction(7, 22), 3)
    end = debtrank(fan, {0: HALF}, differential=True)
    assert end.distress == [Fraction(2, 3), Fraction(1, 3), Fraction(2, 3), Fraction(1, 3)]
    assert end.rank == Fraction(14, 33)


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


def check_by_force(size: int, lent: dict[tuple[int, int], int], first: dict[int, Fraction]) -> None:
    """Where each equity is 2: the simulation, and the least fixed point of the variant, approached from below."""
    given_ = Exposures([2] * size, lent)
    shock = [first.get(node, Fraction(0)) for node in range(size)]
    capped = {edge: min(Fraction(1), Fraction(amount, 2)) for edge, amount in lent.items()}
    assert debtrank(given_, first).distress == simulated(size, capped, shock)
    end = debtrank(given_, first, differential=True).distress
    owed = [[(i, amount) for (i, to), amount in lent.items() if to == j] for j in range(size)]
    again = [
        min(Fraction(1), shock[j] + sum(Fraction(amount, 2) * end[i] for i, amount in owed[j])) for j in range(size)
    ]
    assert end == again
    below, change = [float(h) for h in shock], 1.0
    while change > 1e-10:
        above = [min(1.0, float(shock[j]) + sum(amount / 2 * below[i] for i, amount in owed[j])) for j in range(size)]
        below, change = above, max(new - old for new, old in zip(above, below, strict=True))
    assert [float(h) for h in end] == pytest.approx(below, abs=1e-6)


def networks(size: int, amounts: tuple[int, ...]) -> Iterator[dict[tuple[int, int], int]]:
    """Every network of so many nodes with these amounts on each edge."""
    edges = [(i, j) for i in range(size) for j in range(size) if i != j]
    for weights in itertools.product(amounts, repeat=len(edges)):
        yield {edge: amount for edge, amount in zip(edges, weights, strict=True) if amount}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_network_of_up_to_three_nodes(size: int) -> None:
    """All exposures of 0, a half and twice the equity, with a shock to one node and to two."""
    for lent in networks(size, (0, 1, 4)):
        check_by_force(size, lent, {0: Fraction(1, 5)})
        if size > 1:
            check_by_force(size, lent, {0: Fraction(1, 5), 1: Fraction(1, 10)})


def test_every_network_of_four_nodes() -> None:
    """All networks of four nodes up to names, every exposure half of the equity, with a shock to each node."""
    seen = set()
    for lent in networks(4, (0, 1)):
        name = min(tuple(sorted((order[i], order[j]) for i, j in lent)) for order in itertools.permutations(range(4)))
        if name not in seen:
            seen.add(name)
            for node in range(4):
                check_by_force(4, lent, {node: Fraction(1, 5)})
    assert len(seen) == 218  # directed graphs of four nodes, up to names


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

"""Cascades: by hand, against the definition on random pools, and what can never happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolproof.proofs.contagion.cascade import Pools, cascade, cascades, worst
from poolproof.spec.errors import UsageError

CHAIN = Pools(
    prices=[10, 1],
    collateral={(0, 0): 10, (1, 0): 1},
    debt={(0, 1): 60, (1, 1): 1},
    thresholds={(0, 0): 0.8, (1, 0): 0.8},
    cushions=[5, 4, 100],
    lines={(0, 1): 12, (1, 2): 6},
)
"""0 owes 60 against collateral of 100, 1 next to nothing; 1 has lent 12 to 0, and 2 six to 1."""


def test_a_chain_of_lines_by_hand() -> None:
    """Minus 60 %: 0 has 40 for 60, its cushion takes 5, its line 12, and 3 stay uncovered.

    1 loses 12, takes 4, and passes 6 of the other 8 on to 2, whose cushion takes them; 2 stay uncovered.
    """
    found = cascade(CHAIN, {0: -0.6})
    assert found.bad_debt == pytest.approx([20, 0, 0])
    assert found.from_lines == pytest.approx([0, 12, 6])
    assert found.borne == pytest.approx([5, 4, 6])
    assert found.passed_on == pytest.approx([12, 6, 0])
    assert found.uncovered == pytest.approx([3, 2, 0])
    assert found.settled
    assert [(each.sellers, each.losers) for each in found.rounds] == [(1, 2), (1, 3), (1, 3)]


def test_a_small_fall_changes_nothing() -> None:
    """Minus 20 %: 80 x 0.8 = 64 still covers 60."""
    found = cascade(CHAIN, {0: -0.2})
    assert sum(found.bad_debt) + sum(found.from_lines) + sum(found.sold) == 0
    assert len(found.rounds) == 1


def test_sales_bring_down_who_was_healthy() -> None:
    """Two pools with ten of one asset each; 0 sells, and the price that falls makes 1 sell too.

    At 9 the weighted value is 72: 0 owes 81 and sells 9/10 of its ten, which lowers the price by 9/45, to 7.2.  1
    owes 66 against 57.6 now and sells 66/72 of its ten; 0 has 72 for 81 and sells all.
    """
    pools = Pools(
        prices=[10, 1],
        collateral={(0, 0): 10, (1, 0): 10},
        debt={(0, 1): 81, (1, 1): 66},
        thresholds={(0, 0): 0.8, (1, 0): 0.8},
        cushions=[0, 0],
        lines={},
        depths=[45, None],
    )
    found = cascade(pools, {0: -0.1})
    assert [each.sellers for each in found.rounds][:2] == [1, 2]
    assert found.sold == pytest.approx([1, 1])
    assert found.prices == pytest.approx([9 * (1 - 20 / 45), 1])
    assert found.bad_debt == pytest.approx([81 - 50, 66 - 50])
    calm = cascade(replace(pools, depths=None), {0: -0.1})
    assert calm.bad_debt == [0, 0]
    assert calm.sold == pytest.approx([0.9, 0])


def test_the_worst_of_several_shocks() -> None:
    """Each shock is followed alone; the worst for a pool may be another one than for its neighbour."""
    shocks: list[Mapping[int, float]] = [{0: -0.6}, {0: -0.9}, {1: 0.1}]
    found = cascades(CHAIN, shocks)
    assert [each.bad_debt for each in found] == [cascade(CHAIN, shock).bad_debt for shock in shocks]
    assert [place for _, place in worst(found)] == [1, 0, 0]
    assert worst(found)[0][0] == pytest.approx(50)


def by_definition(pools: Pools, shock: Mapping[int, Fraction], rounds: int) -> list[Fraction]:
    """Losses after so many rounds, in fractions, pool by pool."""
    count = len(pools.cushions)
    shocked = [Fraction(price) * (1 + shock.get(asset, Fraction(0))) for asset, price in enumerate(pools.prices)]
    sold, bad, lent = ([Fraction(0)] * count for _ in range(3))
    for _ in range(rounds):
        prices = list(shocked)
        for asset in range(len(prices)):
            depth = None if pools.depths is None else pools.depths[asset]
            if depth is not None:
                units = sum(
                    (sold[p] * Fraction(u) for (p, a), u in pools.collateral.items() if a == asset), Fraction(0)
                )
                prices[asset] *= max(Fraction(0), 1 - units / Fraction(depth))
        lost = [Fraction(0)] * count
        for pool in range(count):
            held = {a: Fraction(u) * prices[a] for (p, a), u in pools.collateral.items() if p == pool}
            weighted = sum(value * Fraction(pools.thresholds.get((pool, a), 0)) for a, value in held.items())
            owed = sum((Fraction(u) * shocked[a] for (p, a), u in pools.debt.items() if p == pool), Fraction(0))
            worth = sum(held.values(), Fraction(0))
            if weighted < owed:
                sold[pool] = max(sold[pool], min(Fraction(1), owed / worth) if worth else Fraction(1))
            bad[pool] = max(bad[pool], owed - worth)
        for borrower in range(count):
            lines = {to: Fraction(x) for (by, to), x in pools.lines.items() if by == borrower and x}
            total = sum(lines.values(), Fraction(0))
            falls = min(total, max(Fraction(0), bad[borrower] + lent[borrower] - Fraction(pools.cushions[borrower])))
            for to, amount in lines.items():
                lost[to] += falls * amount / total
        lent = lost
    return [a + b for a, b in zip(bad, lent, strict=True)]


@st.composite
def systems(draw: st.DrawFn) -> Pools:
    """Small pools, two assets, thresholds that floats hold exactly, lines without and with cycles."""
    count = draw(st.integers(1, 4))
    places = [(pool, asset) for pool in range(count) for asset in range(2)]
    units = st.dictionaries(st.sampled_from(places), st.integers(0, 20))
    collateral = draw(units)
    edges = [(i, j) for i in range(count) for j in range(count) if i != j]
    return Pools(
        prices=[4, 8],
        collateral=collateral,
        debt=draw(units),
        thresholds=dict.fromkeys(collateral, draw(st.sampled_from([0.5, 0.75]))),
        cushions=draw(st.lists(st.integers(0, 20), min_size=count, max_size=count)),
        lines=draw(st.dictionaries(st.sampled_from(edges), st.integers(0, 20))) if edges else {},
        depths=draw(st.sampled_from([None, [64, None], [128, 256]])),
    )


@settings(max_examples=40, deadline=None)
@given(systems(), st.sampled_from([Fraction(0), Fraction(-1, 4), Fraction(-1, 2), Fraction(1, 2)]))
def test_rounds_follow_the_definition(pools: Pools, change: Fraction) -> None:
    """Sparse floats and fractions say the same after three rounds."""
    found = cascade(pools, {0: change}, most=3)
    rounds = len(found.rounds)
    expected = [float(loss) for loss in by_definition(pools, {0: change}, rounds)]
    losses = [a + b for a, b in zip(found.bad_debt, found.from_lines, strict=True)]
    assert losses == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(systems())
def test_every_loss_is_borne_once(pools: Pools) -> None:
    """Bad debt is borne by cushions or uncovered; rounds only add; the same input gives the same answer."""
    found = cascade(pools, {0: -0.5, 1: -0.25})
    assert found.settled
    assert sum(found.from_lines) == pytest.approx(sum(found.passed_on), abs=1e-6)
    assert sum(found.bad_debt) == pytest.approx(sum(found.borne) + sum(found.uncovered), abs=1e-6)
    totals = [each.losses for each in found.rounds]
    assert totals == sorted(totals)
    assert found == cascade(pools, {0: -0.5, 1: -0.25})


def test_rounds_that_are_used_up_are_said() -> None:
    """One round is not enough for the chain."""
    assert not cascade(CHAIN, {0: -0.6}, most=1).settled


def test_bad_input_is_refused() -> None:
    """Each refusal says which value is wrong."""
    with pytest.raises(UsageError, match="price number 0 is nan"):
        replace(CHAIN, prices=[float("nan"), 1])
    with pytest.raises(UsageError, match="collateral of pool 3 in asset 0, of 3 pools and 2 assets"):
        replace(CHAIN, collateral={(3, 0): 1})
    with pytest.raises(UsageError, match=r"threshold number 0 is 1\.5, above 1"):
        replace(CHAIN, thresholds={(0, 0): 1.5})
    with pytest.raises(UsageError, match="line number 0 is -1, negative"):
        replace(CHAIN, lines={(0, 1): -1})
    with pytest.raises(UsageError, match="asset 1 has no depth"):
        replace(CHAIN, depths=[None, 0])
    with pytest.raises(UsageError, match="1 depths for 2 nodes"):
        replace(CHAIN, depths=[None])
    with pytest.raises(UsageError, match="shock to asset 2, of 2 assets"):
        cascade(CHAIN, {2: -0.1})
    with pytest.raises(UsageError, match="negative"):
        cascade(CHAIN, {0: -1.1})

"""Clearing: worked examples by hand, every small network by brute force, and exact against sparse."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolproof.proofs.contagion.clearing import Clearing, Obligations, clear
from poolproof.proofs.contagion.linear import EXACT, SPARSE, Number
from poolproof.spec.errors import UsageError

Owed = dict[tuple[int, int], int]
HALF = Fraction(1, 2)


def one_class(assets: Sequence[int], owed: Owed) -> Obligations:
    """Eisenberg and Noe's own setting."""
    return Obligations(assets, [owed])


def test_a_chain_by_hand() -> None:
    """0 owes 1 ten, 1 owes 2 eight; 0 has four: it pays 4, 1 has 4 + 1 = 5 of the 8 that it owes and pays 5."""
    cleared = clear(one_class([4, 1, 0], {(0, 1): 10, (1, 2): 8}))
    assert cleared.defaults == {0, 1}
    assert cleared.owed == [10, 8, 0]
    assert cleared.paid == [4, 5, 0]
    assert cleared.received == [0, 4, 5]
    assert cleared.losses == [0, 6, 3]
    assert cleared.left == [0, 0, 5]
    assert cleared.costs == [0, 0, 0]
    assert cleared.payments() == ({(0, 1): 4, (1, 2): 5},)


def test_defaults_follow_from_a_default() -> None:
    """Defaults by rounds, by hand, with a cycle between the defaulters.

    0 owes 1 and 2 six each and has 3; 1 owes 0 four and 2 four and has 1; 2 owes nothing.
    Round 1, all paid: 0 has 3 + 4 = 7 < 12 and defaults; 1 has 1 + 6 = 7 < 8 and defaults too.
    Round 2: p0 = 3 + p1 / 2 and p1 = 1 + p0 / 2, so p0 = 3 + 1/2 + p0 / 4, p0 = 14/3 and p1 = 10/3.
    """
    cleared = clear(one_class([3, 1, 0], {(0, 1): 6, (0, 2): 6, (1, 0): 4, (1, 2): 4}))
    assert cleared.defaults == {0, 1}
    assert cleared.paid == [Fraction(14, 3), Fraction(10, 3), 0]
    assert cleared.received == [Fraction(5, 3), Fraction(7, 3), Fraction(7, 3) + Fraction(5, 3)]
    assert sum(cleared.left) == 4  # without default costs nothing is lost: what was there is still there


def test_seniority_by_hand() -> None:
    """0 has 7, owes 1 five first, then 2 six and 3 two: 1 gets 5, and the 2 that are left are divided 6 to 2."""
    cleared = clear(Obligations([7, 0, 0, 0], [{(0, 1): 5}, {(0, 2): 6, (0, 3): 2}]))
    assert cleared.by_class == ([5, 0, 0, 0], [2, 0, 0, 0])
    assert cleared.received == [0, 5, Fraction(3, 2), HALF]
    assert cleared.losses == [0, 0, Fraction(9, 2), Fraction(3, 2)]


def test_default_costs_by_hand() -> None:
    """A default leaves half of the assets and a quarter of the claims.

    0 owes 1 ten and has 8: it defaults and pays 4.  1 owes 2 nine, has 6 and is paid 4: 10 covers 9, no default.
    With 4 of its own instead, 1 has 8 < 9: it defaults, and pays 4 / 2 + 4 / 4 = 3; 5 are lost.
    """
    costs = (HALF, Fraction(1, 4))
    kept = clear(Obligations([8, 6, 0], [{(0, 1): 10, (1, 2): 9}], *costs))
    assert [set(kept.defaults), kept.paid, kept.left] == [{0}, [4, 9, 0], [0, 1, 9]]
    lost = clear(Obligations([8, 4, 0], [{(0, 1): 10, (1, 2): 9}], *costs))
    assert [set(lost.defaults), lost.paid, lost.costs] == [{0, 1}, [4, 3, 0], [4, 5, 0]]


def test_seniority_and_default_costs_in_a_cycle_by_hand() -> None:
    """0 and 1 owe each other as junior creditors, and 2 as the senior one; a default leaves half of the claims.

    Each owes 2 four and then the other eight; 0 has 5, 1 has 2.
    All paid: 0 has 13 of 12, 1 has 10 of 12 and defaults with 2 + 8 / 2 = 6: 4 to 2, and 2 to 0.
    0 then has 5 + 2 = 7 < 12 and defaults; both in the junior class: p0 = 5 + (p1 - 4) / 2, p1 = 2 + (p0 - 4) / 2.
    So p0 = 3 + p1 / 2 and p1 = p0 / 2, p0 = 4 and p1 = 2.  But 2 is below 1's senior class: it pays 0 nothing.
    With 1 in its senior class: p0 = 5, 1 to 1 as a junior creditor; p1 = 2 + 1 / 2 = 5/2, all of it to 2.
    """
    given_ = Obligations([5, 2, 0], [{(0, 2): 4, (1, 2): 4}, {(0, 1): 8, (1, 0): 8}], 1, HALF)
    cleared = clear(given_)
    assert cleared.defaults == {0, 1}
    assert cleared.paid == [5, Fraction(5, 2), 0]
    assert cleared.by_class == ([4, Fraction(5, 2), 0], [1, 0, 0])
    assert cleared.costs == [0, HALF, 0]


def test_the_least_clearing_may_pay_nobody() -> None:
    """A circle of debts without assets: if all pay all are paid, if nobody pays nobody can."""
    circle = one_class([0, 0], {(0, 1): 3, (1, 0): 3})
    assert clear(circle).paid == [3, 3]
    assert clear(circle).defaults == frozenset()
    assert clear(circle, greatest=False).paid == [0, 0]
    assert clear(circle, greatest=False).defaults == {0, 1}


def test_a_circle_of_senior_debts_survives_a_junior_default() -> None:
    """Both owe each other ten first, and then ten to 2; without assets the circle still pays itself, and 2 nothing."""
    given_ = Obligations([0, 0, 0], [{(0, 1): 10, (1, 0): 10}, {(0, 2): 10, (1, 2): 10}])
    assert clear(given_).paid == [10, 10, 0]
    assert clear(given_, greatest=False).paid == [0, 0, 0]


def test_default_costs_part_the_greatest_from_the_least() -> None:
    """0 and 1 owe each other four and have 2 each; a default destroys all: everybody pays, or nobody."""
    given_ = Obligations([2, 2], [{(0, 1): 4, (1, 0): 4}], 0, 0)
    assert clear(given_).paid == [4, 4]
    assert clear(given_, greatest=False).paid == [0, 0]


def test_nobody_owes_anything() -> None:
    """Without debts everybody keeps what it has; without nodes there is nothing."""
    assert clear(one_class([1, 2], {})).left == [1, 2]
    assert clear(one_class([], {})).paid == []
    assert clear(one_class([1, 2], {}), exact=False).left == [1, 2]


# --- brute force


def payments(given_: Obligations, paid: Sequence[Number]) -> list[list[Fraction]]:
    """What each node pays each other one, class after class, from the definition."""
    size = len(given_.assets)
    table = [[Fraction(0)] * size for _ in range(size)]
    for debtor in range(size):
        left = Fraction(paid[debtor])
        for owed in given_.liabilities:
            total = Fraction(sum(amount for (by, _), amount in owed.items() if by == debtor))
            part = min(left, total)
            left -= part
            for (by, to), amount in owed.items():
                if by == debtor and total:
                    table[debtor][to] += part * Fraction(amount) / total
    return table


def consequence(given_: Obligations, paid: Sequence[Number]) -> list[Fraction]:
    """What all pay if all pay this, from the definition."""
    table, answer = payments(given_, paid), []
    for node, own in enumerate(given_.assets):
        received = sum(row[node] for row in table)
        owed = sum(
            amount for liabilities in given_.liabilities for (by, _), amount in liabilities.items() if by == node
        )
        able = Fraction(given_.kept_assets) * Fraction(own) + Fraction(given_.kept_claims) * received
        answer.append(Fraction(owed) if own + received >= owed else able)
    return answer


def solved(rows: list[list[Fraction]]) -> list[Fraction] | None:
    """The solution of linear equations, the last column on the right; None where it is not single."""
    size = len(rows)
    for column in range(size):
        pivot = next((row for row in range(column, size) if rows[row][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(size):
            if row != column:
                rows[row] = [a - rows[row][column] * b for a, b in zip(rows[row], rows[column], strict=True)]
    return [row[-1] for row in rows]


def candidates(given_: Obligations) -> Iterator[list[Fraction]]:
    """Every clearing that assumes for each node that it pays all, or in which class its money ends, or exactly there.

    With each node's assumption the payments are linear; where they are the solution of those equations, and the
    solution is a fixed point, it is a clearing.  "Exactly between two classes" is there for circles that pay
    themselves, whose equations have more than one solution: the greatest then lies at such a point.
    """
    size = len(given_.assets)
    bounds = []
    for node in range(size):
        sums = [Fraction(0)]
        for owed in given_.liabilities:
            sums.append(sums[-1] + Fraction(sum(amount for (by, _), amount in owed.items() if by == node)))
        bounds.append(sums)
    choices = [
        [
            *(("at", sums.index(bound)) for bound in sorted(set(sums))),
            *(("in", k) for k in range(len(sums) - 1) if sums[k] < sums[k + 1]),
        ]
        for sums in bounds
    ]
    for assumed in itertools.product(*choices):
        # p = constant + slope p: slope from the payments of nodes "in" a class
        rows = [[Fraction(int(i == j)) for j in range(size)] + [Fraction(0)] for i in range(size)]
        floor = [bounds[node][k] for node, (_, k) in enumerate(assumed)]
        base = payments(given_, floor)
        for node, (how, k) in enumerate(assumed):
            if how == "at":
                rows[node][-1] = bounds[node][k]
                continue
            rows[node][-1] = Fraction(given_.kept_assets) * Fraction(given_.assets[node])
            for debtor, (their, where) in enumerate(assumed):
                rows[node][-1] += Fraction(given_.kept_claims) * base[debtor][node]
                width = bounds[debtor][where + 1] - bounds[debtor][where] if their == "in" else Fraction(0)
                if width:
                    share = Fraction(given_.liabilities[where].get((debtor, node), 0)) / width
                    rows[node][debtor] -= Fraction(given_.kept_claims) * share
                    rows[node][-1] -= Fraction(given_.kept_claims) * share * floor[debtor]
        found = solved(rows)
        inside = found is not None and all(0 <= p <= b[-1] for p, b in zip(found, bounds, strict=True))
        if found is not None and inside and consequence(given_, found) == found:
            yield found


def check_by_force(given_: Obligations) -> None:
    """The clearing is a fixed point, and the greatest (the least) of all that there are."""
    found = list(candidates(given_))
    for greatest, pick in ((True, max), (False, min)):
        cleared = clear(given_, greatest=greatest)
        assert consequence(given_, cleared.paid) == list(cleared.paid)
        assert list(cleared.paid) == [pick(values) for values in zip(*found, strict=True)], (given_, greatest)
        table = payments(given_, cleared.paid)
        assert list(cleared.received) == [sum(row[node] for row in table) for node in range(len(cleared.paid))]


def networks(size: int, amounts: Sequence[int]) -> Iterator[Owed]:
    """Every network of so many nodes with these amounts on each edge."""
    edges = [(i, j) for i in range(size) for j in range(size) if i != j]
    for weights in itertools.product(amounts, repeat=len(edges)):
        yield {edge: amount for edge, amount in zip(edges, weights, strict=True) if amount}


def test_every_network_of_two_and_three_nodes() -> None:
    """All debts of 0 to 2 between two nodes and of 0 or 2 between three, all assets of 0 or 1, with and without costs."""
    for size, amounts in ((2, (0, 1, 2)), (3, (0, 2))):
        for owed in networks(size, amounts):
            for assets in itertools.product((0, 1), repeat=size):
                check_by_force(one_class(assets, owed))
                check_by_force(Obligations(assets, [owed], HALF, HALF))


def test_every_network_of_four_nodes() -> None:
    """All networks of four nodes with debts of 0 or 2, with assets that differ; each up to names where it is cheap."""
    seen = set()
    for owed in networks(4, (0, 2)):
        name = min(tuple(sorted((order[i], order[j]) for i, j in owed)) for order in itertools.permutations(range(4)))
        if name not in seen:
            seen.add(name)
            check_by_force(one_class((0, 1, 0, 3), owed))
            check_by_force(Obligations((1, 2, 0, 1), [owed], HALF, 1))
    assert len(seen) == 218  # directed graphs of four nodes, up to names


def test_every_pair_with_two_classes() -> None:
    """All debts of 0 to 2 in two classes among two nodes, with a third that is only owed, by force."""
    edges = [(0, 1), (1, 0), (0, 2), (1, 2)]
    for weights in itertools.product((0, 1), repeat=8):
        classes = [
            {edge: amount for edge, amount in zip(edges, part, strict=True) if amount}
            for part in (weights[:4], weights[4:])
        ]
        for assets in ((0, 0, 0), (1, 0, 0)):
            check_by_force(Obligations(assets, classes))
            check_by_force(Obligations(assets, classes, HALF, HALF))


# --- random networks


@st.composite
def obligations(draw: st.DrawFn, largest: int = 7) -> Obligations:
    """Small random obligations, with classes and default costs."""
    size = draw(st.integers(1, largest))
    edges = [(i, j) for i in range(size) for j in range(size) if i != j]
    owed = st.dictionaries(st.sampled_from(edges), st.integers(0, 20), max_size=12) if edges else st.just({})
    share = st.sampled_from([Fraction(0), HALF, Fraction(9, 10), Fraction(1)])
    return Obligations(
        draw(st.lists(st.integers(0, 20), min_size=size, max_size=size)),
        draw(st.lists(owed, min_size=1, max_size=3)),
        draw(share),
        draw(share),
    )


def check_equal(one: Clearing, other: Clearing) -> None:
    """The same, up to the rounding of floats."""
    assert one.defaults == other.defaults
    for field in ("owed", "paid", "received", "losses", "costs", "left"):
        exactly = [float(value) for value in getattr(one, field)]
        assert getattr(other, field) == pytest.approx(exactly, rel=1e-7, abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(obligations(), st.booleans())
def test_exact_and_sparse_agree(given_: Obligations, greatest: bool) -> None:
    """Fractions on dense matrices and floats on sparse ones come to the same."""
    exact = clear(given_, greatest=greatest, exact=True)
    check_equal(exact, clear(given_, greatest=greatest, exact=False))
    assert consequence(given_, exact.paid) == list(exact.paid)


def test_exact_and_sparse_agree_on_a_larger_system() -> None:
    """The same on 40 pools with 200 channels, many of them in distress, where the equations are solved iteratively."""
    from poolproof.proofs.contagion import linear
    from poolproof.proofs.contagion.synthetic import synthetic

    given_ = synthetic("random", 40, 200, seed=3).obligations(frozenset(range(0, 40, 2)))
    exact = clear(given_, exact=True)
    assert len(exact.defaults) > 15
    check_equal(exact, clear(given_, exact=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "DIRECT_EQUATIONS", 0)
        check_equal(exact, clear(given_, exact=False))


@settings(max_examples=60, deadline=None)
@given(obligations(), st.data())
def test_more_assets_never_pay_less(given_: Obligations, data: st.DataObject) -> None:
    """Raising one node's assets lowers no payment, in the greatest clearing and in the least."""
    node = data.draw(st.integers(0, len(given_.assets) - 1))
    assets = list(given_.assets)
    assets[node] += data.draw(st.integers(1, 10))
    richer = Obligations(assets, given_.liabilities, given_.kept_assets, given_.kept_claims)
    for greatest in (True, False):
        before, after = clear(given_, greatest=greatest), clear(richer, greatest=greatest)
        assert all(a <= b for a, b in zip(before.paid, after.paid, strict=True))
        assert after.defaults <= before.defaults


@settings(max_examples=60, deadline=None)
@given(obligations())
def test_nothing_appears_or_vanishes(given_: Obligations) -> None:
    """What is left and what defaults consume are the assets; the least clearing pays nobody more than the greatest."""
    greatest, least = clear(given_), clear(given_, greatest=False)
    for cleared in (greatest, least):
        assert sum(cleared.left) + sum(cleared.costs) == sum(given_.assets)
        assert min(cleared.left) >= 0
        assert sum(cleared.losses) == sum(cleared.owed) - sum(cleared.paid)
        paid = [sum(part.get(e, 0) for part in cleared.payments()) for e in {e for p in cleared.payments() for e in p}]
        assert sum(paid) == sum(cleared.paid)
    assert all(low <= high for low, high in zip(least.paid, greatest.paid, strict=True))


def test_integers_decide_which_arithmetic() -> None:
    """Up to 60 nodes the answer is exact, beyond that it is not, unless asked."""
    assert isinstance(clear(one_class([1] * 60, {(0, 1): 2})).paid[0], Fraction)
    assert isinstance(clear(one_class([1] * 61, {(0, 1): 2})).paid[0], float)
    assert isinstance(clear(one_class([1] * 61, {(0, 1): 2}), exact=True).paid[0], Fraction)


def test_equations_without_a_single_solution_are_refused() -> None:
    """The exact solver does not make up a solution."""
    ones = EXACT.vector([1, 1])
    with pytest.raises(ZeroDivisionError, match="no single solution"):
        EXACT.solve(EXACT.matrix(2, {(0, 1): 1, (1, 0): 1}), ones, ones)


def test_both_solvers_solve() -> None:
    """x = 1 + y / 2, y = 3 + x / 3: x = 3 and y = 4, in both arithmetics."""
    for numbers in (EXACT, SPARSE):
        slope = numbers.matrix(2, {(0, 1): HALF, (1, 0): Fraction(1, 3)})
        solution = numbers.solve(slope, numbers.vector([1, 3]), numbers.vector([1, 1]))
        assert [float(value) for value in solution] == pytest.approx([3, 4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([-1, 0], [{}]), "asset number 0 is -1, negative"),
        (([0, float("nan")], [{}]), "asset number 1 is nan"),
        (([0, float("inf")], [{}]), "asset number 1 is inf"),
        (([0, "x"], [{}]), "asset number 1 is 'x'"),
        (([0, 0], []), "without a class"),
        (([0, 0], [{(0, 2): 1}]), "between 0 and 2, of 2 nodes"),
        (([0, 0], [{(-1, 0): 1}]), "between -1 and 0, of 2 nodes"),
        (([0, 0], [{(1, 1): 1}]), "node 1 with itself"),
        (([0, 0], [{(0, 1): -1}]), "liability number 0 is -1"),
        (([0, 0], [{}], 2), "kept share number 0 is 2, above 1"),
        (([0, 0], [{}], 1, float("nan")), "kept share number 1 is nan"),
    ],
)
def test_bad_input_is_refused(arguments: tuple[object, ...], message: str) -> None:
    """Each refusal says which value is wrong."""
    with pytest.raises(UsageError, match=message):
        Obligations(*arguments)  # type: ignore[arg-type]  # on purpose

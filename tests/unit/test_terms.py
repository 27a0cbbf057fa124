"""Terms: polynomials are a ring, sums that become factors are named once, equal quotients are one atom."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolproof.proofs.paths import Path
from poolproof.proofs.terms import (
    DivisionByZero,
    Formula,
    Monomial,
    Poly,
    Space,
    Term,
    combine,
    formula_eq,
    formula_ge,
    frozen,
    negated,
    node_atoms,
    plus,
    times,
)
from poolproof.proofs.valuation import Valuation

ATOMS = 4


@pytest.fixture
def space() -> Space:
    """A space with a path that takes every branch."""
    space = Space(None)
    space.path = Path(space)
    return space


def monomials() -> st.SearchStrategy[Monomial]:
    """Products of up to three atoms, sorted."""
    return st.lists(st.integers(0, ATOMS - 1), max_size=3).map(lambda atoms: tuple(sorted(atoms)))


def polynomials() -> st.SearchStrategy[Poly]:
    """Polynomials without zero coefficients."""
    coefficients = st.one_of(st.integers(-9, -1), st.integers(1, 9), st.sampled_from((10**18, -(10**18))))
    return st.dictionaries(monomials(), coefficients, max_size=6)


def value(poly: Poly, numbers: tuple[int, ...]) -> int:
    """The value of a polynomial."""
    total = 0
    for monomial, coefficient in poly.items():
        for atom in monomial:
            coefficient *= numbers[atom]  # noqa: PLW2901 - the product so far
        total += coefficient
    return total


NUMBERS = st.tuples(*[st.integers(-(2**80), 2**80)] * ATOMS)


@settings(derandomize=True)
@given(polynomials(), polynomials(), st.integers(-3, 3), NUMBERS)
def test_sums_and_products_are_those_of_integers(p: Poly, q: Poly, scale: int, numbers: tuple[int, ...]) -> None:
    """``plus`` and ``times`` have the values of + and x, and leave no zero behind."""
    before = dict(p), dict(q)
    total, product = plus(p, q, scale), times(p, q)
    assert value(total, numbers) == value(p, numbers) + scale * value(q, numbers)
    assert value(product, numbers) == value(p, numbers) * value(q, numbers)
    assert all(product.values())
    assert scale == 0 or all(total.values())
    assert (p, q) == before


@settings(derandomize=True)
@given(polynomials(), polynomials(), polynomials())
def test_equal_polynomials_have_one_form(p: Poly, q: Poly, r: Poly) -> None:
    """The ring laws hold of the polynomials themselves: whatever order they are put together in."""
    assert frozen(plus(p, q)) == frozen(plus(q, p))
    assert frozen(times(p, q)) == frozen(times(q, p))
    assert frozen(times(times(p, q), r)) == frozen(times(p, times(q, r)))
    assert frozen(times(p, plus(q, r))) == frozen(plus(times(p, q), times(p, r)))
    assert plus(p, p, -1) == {}


@settings(derandomize=True)
@given(polynomials(), NUMBERS)
def test_normal_forms_keep_the_truth(p: Poly, numbers: tuple[int, ...]) -> None:
    """p >= 0 and p == 0, divided by what is common, are true where they were; so are their negations."""
    space = Space(None)
    space.path = Path(space)
    atoms = [space.number(f"x{n}") for n in range(ATOMS)]
    valuation = Valuation(space, {f"x{n}": number for n, number in enumerate(numbers)}.get)
    assert [len(atom.poly) for atom in atoms] == [1] * ATOMS
    for made, truth in ((formula_ge(space, p), value(p, numbers) >= 0), (formula_eq(space, p), value(p, numbers) == 0)):
        assert valuation.truth(made) is truth
        if isinstance(made, Formula):
            assert valuation.holds(negated(made.node)) is not truth
            assert negated(negated(made.node)) == made.node
            assert node_atoms(negated(made.node)) == node_atoms(made.node)


def test_a_condition_is_divided_by_what_is_common(space: Space) -> None:
    """2x >= 3 is x >= 2, and 2x == 3 is never true."""
    x = space.number("x")
    assert (2 * x >= 3).node == (x >= 2).node
    assert (2 * x == 3) is False
    assert (4 * x == 8).node == (x == 2).node


def test_signs_settle_conditions(space: Space) -> None:
    """What is plain from the signs needs no solver."""
    a, b = space.number("a", "nonneg"), space.number("b", "positive")
    assert (a + b >= 0) is True
    assert (a * b >= 0) is True
    assert (-a - 1 >= 0) is False
    assert (a + b == 0) is False
    assert (a + b != 0) is True
    assert isinstance(a - b >= 0, Formula)
    assert [fact.tag for fact in space.facts] == ["SOLV-6", "SOLV-6"]


def test_a_sum_that_becomes_a_factor_is_named_once(space: Space) -> None:
    """Two products with the same sum share its name, in whatever order it was added up."""
    a, b, c = (space.number(name, "nonneg") for name in "abc")
    first, second = (a + b + c) * a, (c + a + b) * b
    assert [len(first.poly), len(second.poly)] == [1, 1]
    assert [atom.name for atom in space.atoms] == ["a", "b", "c", "sum"]
    (definition,) = [fact for fact in space.facts if fact.tag == "definition"]
    assert definition.of == 3
    assert definition.node == (space.lift(0) + Term(space, {(3,): 1}) == a + b + c).node


def test_a_name_has_the_sign_of_its_sum(space: Space) -> None:
    """Positive with one positive part, not negative with none, unknown with a part that may be."""
    a, b, c = space.number("a", "nonneg"), space.number("b", "positive"), space.number("c")
    for poly in ((a + b + a * b).poly, (a + 2 * a * b + 3 * a * a).poly, (c + 5 * a + 7 * b * b).poly):
        assert len(space.factor(poly)) == 1
    assert [atom.sign for atom in space.atoms if atom.name.startswith("sum")] == ["positive", "nonneg", "any"]


def test_a_sum_is_written_relative_to_one_that_has_a_name(space: Space) -> None:
    """The new share price is the old one and a difference; a multiple is a multiple of the name."""
    a, b, c = (space.number(name, "nonneg") for name in "abc")
    assert len(((a + b + c) * a).poly) == 1
    assert space.factor((a + b + c + 5).poly) == {(3,): 1, (): 5}
    assert space.factor((2 * a + 2 * b + 2 * c).poly) == {(3,): 2}
    assert len(space.atoms) == 4


def test_equal_quotients_are_one_atom(space: Space) -> None:
    """Floors and ceilings of the same fraction are told apart, repetitions are not."""
    a, b = space.number("a", "nonneg"), space.number("b", "positive")
    down, again, up = a // b, a // b, -(-a // b)
    assert down.poly == again.poly
    assert down.poly != up.poly
    assert [atom.name for atom in space.atoms] == ["a", "b", "down", "up"]


def test_what_divides_is_taken_out_of_a_quotient(space: Space) -> None:
    """(6a + b) // 3 is 2a + b // 3, and 6a // 3 needs no atom."""
    a, b = space.number("a", "nonneg"), space.number("b", "nonneg")
    assert ((6 * a) // 3).poly == (2 * a).poly
    assert ((6 * a + b) // 3).poly == (2 * a + b // 3).poly
    assert (space.lift(7) // 2).constant is None or (space.lift(7) // 2).constant == 3


def test_a_divisor_that_may_be_zero_is_a_path(space: Space) -> None:
    """It is never assumed to be positive; one that is plainly not ends the run."""
    a, b = space.number("a", "nonneg"), space.number("b", "nonneg")
    assert (a // b).poly
    assert [fact.node for fact in space.path.conditions] == [(b >= 1).node]
    space.path = Path(space, (False,))
    with pytest.raises(DivisionByZero):
        _ = a // b
    with pytest.raises(DivisionByZero):
        _ = a // space.lift(0)
    with pytest.raises(DivisionByZero):
        _ = 5 // (a - a)


def test_conditions_are_put_together_flat(space: Space) -> None:
    """Constants vanish, repetitions are dropped, and a condition with its own negation is plain."""
    x, y = space.number("x"), space.number("y")
    p, q = x >= 0, y >= 0
    assert ((p & q) & p).node == (p & q).node
    assert (p & True) is not True
    assert (p | True) is True
    assert (p & ~p) is False
    assert (p | ~p) is True
    assert combine(space, "and", ()) is True
    assert combine(space, "or", ()) is False
    assert (~(p & q)).node == (~p | ~q).node


def test_a_space_comes_back_to_a_mark(space: Space) -> None:
    """What was learned and named since is forgotten; after a rewind the atoms and their names too."""
    a, b = space.number("a", "nonneg"), space.number("b", "positive")
    start, mark = space.start(), space.mark()
    kept = a // b
    space.reset(mark)
    assert [fact.tag for fact in space.facts] == ["SOLV-6", "SOLV-6"]
    other = a // b
    assert other.poly != kept.poly
    assert [atom.name for atom in space.atoms] == ["a", "b", "down", "down~1"]
    space.rewind(start)
    assert (a // b).poly == kept.poly
    assert [atom.name for atom in space.atoms] == ["a", "b", "down"]


def test_a_number_once_asked_for_stays_the_same(space: Space) -> None:
    """The same key is the same number, another key another one."""
    one, same, other = (space.once(key, "rate") for key in ("low", "low", "high"))
    assert one.poly == same.poly != other.poly


@pytest.mark.parametrize("bad", ["1", 1.5, None])
def test_a_term_takes_integers_only(space: Space, bad: Any) -> None:
    """Anything else is an error at once, not a strange proof later."""
    x = space.number("x")
    with pytest.raises(TypeError):
        _ = x + bad
    with pytest.raises(TypeError):
        _ = x * bad

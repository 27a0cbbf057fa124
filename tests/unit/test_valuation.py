"""Values of terms: what is free is given, what is defined follows, and a definition leaves one value."""

from __future__ import annotations

import pytest

from poolproof.proofs.paths import Path
from poolproof.proofs.terms import Space, Term
from poolproof.proofs.valuation import Undetermined, Valuation
from poolproof.spec.logic import choose, greatest, least


@pytest.fixture
def space() -> Space:
    """An empty space."""
    space = Space(None)
    space.path = Path(space)
    return space


def nothing(_name: str) -> None:
    """No atom is given."""


@pytest.mark.parametrize(("n", "d"), [(0, 1), (7, 2), (8, 2), (10**40, 10**18 - 1)])
def test_a_quotient_has_the_value_of_the_division(space: Space, n: int, d: int) -> None:
    """Floor and ceiling, from the bounds in their definitions alone."""
    x, y = space.number("x", "nonneg"), space.number("y", "positive")
    valuation = Valuation(space, {"x": n, "y": d}.get)
    assert valuation.number(x // y) == n // d
    assert valuation.number(-(-x // y)) == -(-n // d)
    assert valuation.false_facts() == []
    assert valuation.misjudged_signs() == []


def test_a_quotient_below_zero_is_a_floor(space: Space) -> None:
    """As Python's."""
    x = space.number("x")
    assert Valuation(space, {"x": -7}.get).number((x + 0) // 2) == -4


def test_choices_follow_from_what_they_choose_between(space: Space) -> None:
    """Least, greatest and a choice are one of their two numbers."""
    x, y = space.number("x", "nonneg"), space.number("y", "nonneg")
    valuation = Valuation(space, {"x": 3, "y": 8}.get)
    assert valuation.number(least(x, y)) == 3
    assert valuation.number(greatest(x, y)) == 8
    assert valuation.number(choose(x >= y, x + 1, y + 2)) == 10
    assert valuation.number(12) == 12


def test_conditions_have_a_truth(space: Space) -> None:
    """Plain ones, comparisons, truth values, and what they combine to."""
    x, flag = space.number("x"), space.flag("flag")
    valuation = Valuation(space, {"x": 3, "flag": True}.get)
    assert valuation.truth(flag & (x >= 3))
    assert valuation.truth(~flag | (x != 4))
    assert not valuation.truth((x == 4) | ~flag)
    assert valuation.truth(condition=True)
    assert not valuation.truth(condition=False)


def test_a_false_fact_and_a_wrong_sign_are_named(space: Space) -> None:
    """A space that takes too much for granted is found out."""
    x = space.number("x", "positive")
    space.fact(x <= 4, "SOLV-1")
    space.fact(x <= 9, "SOLV-2")
    valuation = Valuation(space, {"x": 5}.get)
    assert [fact.tag for fact in valuation.false_facts()] == ["SOLV-1"]
    assert valuation.false_facts(2) == []
    assert valuation.misjudged_signs() == []
    assert Valuation(space, {"x": 0}.get).misjudged_signs() == ["x"]


def test_a_number_that_nothing_defines_has_to_be_given(space: Space) -> None:
    """A sign is no definition."""
    x = space.number("x", "nonneg")
    with pytest.raises(Undetermined, match='"x" can be no number; its definition must leave one value'):
        Valuation(space, nothing).number(x)


def test_a_definition_that_leaves_two_values_is_none(space: Space) -> None:
    """An alternative of two equations does not say which."""
    atom = space.atom("loose")
    loose = Term(space, {(atom,): 1})
    space.fact((loose == 3) | (loose == 5), "choice", of=atom)
    with pytest.raises(Undetermined, match=r'"loose" can be \[3, 5\]'):
        Valuation(space, nothing).number(loose)


def test_a_power_does_not_define(space: Space) -> None:
    """An equation has to be linear in what it defines."""
    atom = space.atom("root")
    root = Term(space, {(atom,): 1})
    space.fact(Term(space, {(atom, atom): 1}) == 9, "definition", of=atom)
    with pytest.raises(Undetermined, match='"root" is defined by a power of itself'):
        Valuation(space, nothing).number(root)


def test_an_assigned_value_counts(space: Space) -> None:
    """What a run has worked out by itself is taken as it is."""
    x = space.number("x")
    valuation = Valuation(space, {"x": 1}.get)
    valuation.assign(x, 7)
    assert valuation.number(2 * x) == 14


def test_a_space_that_came_back_defines_anew(space: Space) -> None:
    """Definitions that were forgotten count for what was asked before, later ones for what is asked later."""
    x = space.number("x", "nonneg")
    valuation = Valuation(space, {"x": 9}.get)
    mark = space.mark()
    first = x // 2
    assert valuation.number(first) == 4
    space.reset(mark)
    valuation.come_back()
    second = x // 4
    assert valuation.number(second) == 2
    assert valuation.number(first) == 4

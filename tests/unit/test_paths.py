"""Paths: every way in which conditions can fall, each once, and what follows from what has been decided."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.proofs import paths
from poolproof.proofs.paths import Path, TooManyPaths, Unreachable, explore_paths
from poolproof.proofs.terms import DivisionByZero, Space, Term
from poolproof.spec.logic import least
from poolproof.spec.refusal import Refusal, require


class Small(Refusal):
    """The number is too small."""

    fields = ("number",)
    text = "{number} is too small"


def three_numbers(space: Space) -> list[Term]:
    """What the runs below start from."""
    return [space.number(name) for name in "xyz"]


def explored(run: Any) -> list[tuple[tuple[bool, ...], str | None]]:
    """The decisions of each path of a run on three numbers, and what it ends in."""
    return [
        (tuple(path.decisions), path.defect or (path.refusal.name if path.refusal else None))
        for path in explore_paths(three_numbers, run)
    ]


# --- what is known --------------------------------------------------------------------------------------------


@pytest.fixture
def numbers() -> list[Term]:
    """Three numbers on an empty path."""
    space = Space(None)
    space.path = Path(space)
    return three_numbers(space)


def test_a_stronger_bound_settles_a_weaker_one(numbers: list[Term]) -> None:
    """x >= 5 settles x >= 3 and x < 5, also for a difference and a multiple; it does not settle x >= 6."""
    x, y, _ = numbers
    path = x.space.path
    path.learn(x - y >= 5, "test")
    assert path.known(x - y >= 3) is True
    assert path.known(x - y < 5) is False
    assert path.known(2 * x - 2 * y >= 9) is True
    assert path.known(x - y >= 6) is None
    assert path.known(y - x >= -7) is None
    path.learn(x - y >= 8, "test")
    path.learn(x - y >= 6, "test")
    assert path.known(x - y >= 7) is True
    assert path.known(x - y >= 9) is None


def test_combinations_follow_from_their_parts(numbers: list[Term]) -> None:
    """A conjunction is false with one part, a disjunction true with one; both else need them all."""
    x, y, z = numbers
    path = x.space.path
    path.learn((x >= 1) & (y == 2), "test")
    assert path.known((x >= 0) & (y == 2)) is True
    assert path.known((x >= 1) & (z >= 0)) is None
    assert path.known((x < 1) & (z >= 0)) is False
    assert path.known((x >= 1) | (z >= 0)) is True
    assert path.known((x < 1) | (z >= 0)) is None
    assert path.known((x < 1) | (y != 2)) is False
    path.learn((x >= 9) | (z >= 9), "test")
    assert path.known((x >= 9) | (z >= 9)) is True
    assert path.known(x >= 9) is None


def test_what_is_known_chooses_without_an_atom(numbers: list[Term]) -> None:
    """The smaller of two numbers whose order was decided is one of them."""
    x, y, z = numbers
    path = x.space.path
    path.learn(x < y, "test")
    assert least(x, y) is x
    assert least(y, x) is x
    assert len(x.space.atoms) == 3
    assert least(x, z) is not x
    assert [atom.name for atom in x.space.atoms] == ["x", "y", "z", "least"]


def test_an_assumption_that_is_plainly_false_ends_the_path(numbers: list[Term]) -> None:
    """Also one that contradicts what was decided; one that is plainly true adds nothing."""
    x = numbers[0]
    path = x.space.path
    path.assume(x >= 3)
    path.assume(x >= 2)
    path.assume(condition=True)
    assert [fact.tag for fact in path.conditions] == ["assume"]
    with pytest.raises(Unreachable):
        path.assume(x < 1)
    with pytest.raises(Unreachable):
        path.assume(condition=False)


# --- exploration ----------------------------------------------------------------------------------------------


def test_every_combination_of_branches_is_a_path() -> None:
    """The true branch comes first; a condition that is settled does not fork again."""

    def run(_: Path, given: list[Term]) -> None:
        x, y, _z = given
        for condition in (x >= 0, y >= 0, x >= -1):
            if condition:
                continue

    both: list[Any] = [((True, second), None) for second in (True, False)]
    three: list[Any] = [((False, second, third), None) for second in (True, False) for third in (True, False)]
    assert explored(run)[0] == both[0]
    assert sorted(explored(run), key=str) == sorted(both + three, key=str)


def test_long_paths_are_explored_to_their_end() -> None:
    """The last of many conditions falls both ways too."""

    def run(_: Path, given: list[Term]) -> None:
        for bound in range(9, 0, -1):
            if given[0] >= bound:
                return

    assert [len(decisions) for decisions, _ in explored(run)] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 9]


def test_a_path_ends_in_a_refusal_or_a_defect() -> None:
    """Both are kept; what is assumed away is not."""

    def run(path: Path, given: list[Term]) -> None:
        x, y, z = given
        require(x >= 0, Small, x)
        path.assume(z >= 0)
        if z < 0:
            raise AssertionError
        if x // y >= 0:
            return

    assert sorted(explored(run), key=str) == sorted(
        [
            ((False,), "Small"),
            ((True, False), "division by zero"),
            ((True, True, True), None),
            ((True, True, False), None),
        ],
        key=str,
    )


def test_unreachable_paths_are_not_given() -> None:
    """An assumption that contradicts a branch removes this branch alone."""

    def run(path: Path, given: list[Term]) -> None:
        x = given[0]
        if x >= 5:
            path.assume(x < 3)

    assert explored(run) == [((False,), None)]


def test_each_path_starts_from_the_same_point() -> None:
    """Atoms and names of one path are not those of another."""
    names = []

    def run(path: Path, given: list[Term]) -> None:
        x, y, _ = given
        least(x, y)
        if x >= 3:
            least(x, 7 * y)
        names.append([atom.name for atom in path.space.atoms])

    assert len(explored(run)) == 2
    assert names == [["x", "y", "z", "least", "least~1"], ["x", "y", "z", "least"]]


def test_a_setup_does_not_fork() -> None:
    """A fork before the run would be lost."""

    def setup(space: Space) -> Any:
        return bool(space.number("x") >= 0)

    with pytest.raises(AssertionError, match="a setup must not fork"):
        list(explore_paths(setup, lambda *_: None))


def test_too_many_paths_are_refused_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exploration that does not finish says so."""
    monkeypatch.setattr(paths, "MOST_PATHS", 7)

    def run(_: Path, given: list[Term]) -> None:
        for number in given:
            if number >= 0:
                continue

    with pytest.raises(TooManyPaths, match="more than 7 paths"):
        explored(run)


# --- scopes and claims ----------------------------------------------------------------------------------------


def test_a_scope_is_explored_on_its_own() -> None:
    """Its forks, facts and conditions are forgotten; its claims are kept, one for each branch."""
    goals: list[str] = []

    def run(path: Path, given: list[Term]) -> None:
        x, y, _ = given
        if x >= 0:
            return

        def evaluate() -> None:
            path.claim(least(x, y) <= y, "one")
            if y >= 0:
                path.claim(x < y, "two")

        before = len(path.space.facts), list(path.conditions)
        path.scoped(evaluate)
        assert (len(path.space.facts), list(path.conditions)) == before
        path.claim(y >= 0, "three")
        goals.extend(goal.name for goal in path.goals)
        assert len(path.goals[-1].facts) == before[0]
        assert len(path.goals[0].facts) == before[0] + 3
        assert [len(goal.conditions) for goal in path.goals] == [1, 2, 1, 1]

    assert explored(run) == [((True,), None), ((False,), None)]
    assert goals == ["one", "two", "one", "three"]


@pytest.mark.parametrize("problem", [Small(1), DivisionByZero()], ids=["refusal", "division"])
def test_a_scope_lets_no_claim_be_lost(numbers: list[Term], problem: Exception) -> None:
    """A refusal or a division by zero that would leave a scope is an error: it would end the path unnoticed."""

    def evaluate() -> None:
        raise problem

    with pytest.raises(AssertionError, match="loses claims"):
        numbers[0].space.path.scoped(evaluate)


def test_a_plain_claim_needs_no_facts(numbers: list[Term]) -> None:
    """It is noted as shown; one that is plainly false is a goal with everything that is known."""
    x = numbers[0]
    path = x.space.path
    path.learn(x >= 1, "test")
    path.claim(condition=True, name="plain")
    path.claim(condition=False, name="never")
    plain, never = path.goals
    assert (plain.node, plain.conditions) == (True, ())
    assert (never.node, len(never.conditions)) == (False, 1)

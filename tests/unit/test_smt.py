"""Texts for solvers: a smaller slice or a weaker reading never says more than the whole."""

from __future__ import annotations

import pytest

from poolproof.proofs.paths import Goal, Path
from poolproof.proofs.smt import FROM_CUTS, slice_of, text_of
from poolproof.proofs.solver import decide_text
from poolproof.proofs.terms import Space, Term
from poolproof.spec.logic import least

SLICES = (0, FROM_CUTS, 1, 2, None)


class Example:
    """A path with facts of every kind, and a goal."""

    def __init__(self) -> None:
        space = self.space = Space(None)
        self.path = space.path = Path(space)
        self.a, self.b, self.far = (space.number(name, "nonneg") for name in ("a", "b", "far"))
        self.price = space.number("price", "positive")
        self.flag = space.flag("entered")
        self.quotient = (self.a * self.b) // self.price
        space.fact(self.a <= self.far, "SOLV-1")
        space.fact(self.far <= 9, "region: far <= 9")
        space.fact(self.quotient <= 40, "cut")
        space.fact(self.flag | (self.b == 0), "CONS-2")
        self.path.learn(self.flag, "path")

    def goal(self, condition: object) -> Goal:
        """The goal that a condition holds."""
        self.path.claim(condition, "SOLV-1/example")
        return self.path.goals[-1]


@pytest.fixture
def example() -> Example:
    """The example, fresh."""
    return Example()


def asserted(text: str) -> set[str]:
    """The assertions of a text."""
    return {line for line in text.splitlines() if line.startswith("(assert")}


def test_the_text_of_a_small_goal() -> None:
    """What is known, then the negation of what is to be shown, over declared names."""
    space = Space(None)
    path = space.path = Path(space)
    x, y = space.number("x", "positive"), space.number("market.y")
    path.learn((x >= 3) | (y != 2), "path")
    path.claim(2 * x * y <= 7 + y, "SOLV-1/small")
    text, tags = text_of(path.goals[0], None)
    assert text == (
        "(declare-const |x| Int)\n"
        "(declare-const |market.y| Int)\n"
        "(assert (>= |x| 1))\n"
        "(assert (or (>= |x| 3) (not (= |market.y| 2))))\n"
        "(assert (>= (* 2 |x| |market.y|) (+ 8 |market.y|)))\n"
        "(check-sat)\n"
    )
    assert tags == ("SOLV-6", "path")


def test_the_linear_text_reads_a_product_as_one_number() -> None:
    """Of a product of numbers that are not negative the sign is known, of another one nothing."""
    space = Space(None)
    path = space.path = Path(space)
    x, y, z = space.number("x", "nonneg"), space.number("y", "positive"), space.number("z")
    path.claim(x * y >= x * z, "SOLV-1/products")
    text, _ = text_of(path.goals[0], None, linear=True)
    assert "(declare-const |x * y| Int)\n(declare-const |x * z| Int)\n" in text
    assert "(assert (>= |x * y| 0))\n" in text
    assert "(assert (>= |x * z| 0))\n" not in text
    assert "(* |x|" not in text


def test_a_goal_that_is_false_asks_whether_the_path_is_possible(example: Example) -> None:
    """There is nothing to negate: the conditions alone have to contradict each other."""
    goal = example.goal(condition=False)
    text, _ = text_of(goal, None)
    assert asserted(text) == asserted(text_of(example.goal(example.a >= 10), None)[0]) - {"(assert (>= 9 |a|))"}
    assert decide_text(text, 100_000)["status"] == "sat"


def test_a_slice_leaves_out_what_is_far(example: Example) -> None:
    """Round by round what shares an atom comes in; definitions of what is there always do."""
    goal = example.goal(example.a <= 9)
    tags = {rounds: {fact.tag for fact in slice_of(goal, rounds)} for rounds in SLICES}
    assert tags[0] == {"SOLV-6"}
    assert tags[1] == {"SOLV-6", "SOLV-1", "region: far <= 9"}
    assert tags[None] == {"SOLV-6", "SOLV-1", "region: far <= 9", "cut", "CONS-2", "path", "quotient"}
    about_quotient = example.goal(example.quotient <= 50)
    assert "quotient" in {fact.tag for fact in slice_of(about_quotient, 0)}
    assert "quotient" not in {fact.tag for fact in slice_of(about_quotient, FROM_CUTS)}
    assert "cut" in {fact.tag for fact in slice_of(about_quotient, FROM_CUTS)}


@pytest.mark.parametrize("linear", [False, True])
def test_a_slice_says_a_part_of_the_whole(example: Example, *, linear: bool) -> None:
    """Each assertion of a slice stands in the whole text, each slice of fewer rounds in one of more."""
    for condition in (example.a <= 9, example.quotient <= 50, example.quotient * example.price >= example.b):
        goal = example.goal(condition)
        texts = {rounds: asserted(text_of(goal, rounds, linear=linear)[0]) for rounds in SLICES}
        assert all(text <= texts[None] for text in texts.values())
        assert texts[0] <= texts[1] <= texts[2]
        negation = text_of(goal, 0, linear=linear)[0].splitlines()[-2]
        assert all(negation in text for text in texts.values())


def values_of(example: Example, a: int, b: int, price: int) -> dict[str, int]:
    """A run: what the example's names stand for, products included."""
    values = {"a": a, "b": b, "far": 9, "price": price, "down": a * b // price}
    names = sorted(values, key=[atom.name for atom in example.space.atoms].index)
    pairs = {f"{m} * {n}": values[m] * values[n] for i, m in enumerate(names) for n in names[i:]}
    return values | pairs


@pytest.mark.parametrize("rounds", SLICES)
@pytest.mark.parametrize(("a", "b", "price"), [(0, 0, 1), (7, 3, 2), (9, 40, 11), (5, 8, 1)])
def test_the_linear_reading_allows_whatever_the_full_one_does(
    example: Example, rounds: int | None, a: int, b: int, price: int
) -> None:
    """A run that contradicts the goal satisfies both texts, so neither can be shown contradictory."""
    for condition in (example.a + example.b >= 100, example.quotient * example.price > example.a * example.b):
        goal = example.goal(condition)
        for linear in (False, True):
            text = text_of(goal, rounds, linear=linear)[0]
            pins = [
                f"(assert (= |{name}| {value}))"
                for name, value in values_of(example, a, b, price).items()
                if f"(declare-const |{name}| Int)" in text
            ]
            pinned = text.replace("(check-sat)", "\n".join([*pins, "(check-sat)"]))
            assert len(pins) >= 2
            assert decide_text(pinned, 1_000_000)["status"] == "sat"


def test_what_follows_linearly_follows(example: Example) -> None:
    """The linear text is found contradictory only where the full one is."""
    found = set()
    smaller = least(example.a, example.b)
    for condition in (
        smaller <= example.a,
        example.quotient <= 50,
        example.quotient * example.price <= example.a * example.b,
    ):
        goal = example.goal(condition)
        for rounds in SLICES:
            linear = decide_text(text_of(goal, rounds, linear=True)[0], 1_000_000)["status"]
            full = decide_text(text_of(goal, rounds)[0], 1_000_000)["status"]
            assert (linear, full) in {("unsat", "unsat"), ("sat", "unsat"), ("sat", "sat")}
            found.add(linear)
    assert found == {"sat", "unsat"}


def test_the_same_goal_has_the_same_text() -> None:
    """Its digest is the key of its evidence: nothing of a text depends on the run that makes it."""
    texts = set()
    for _ in range(2):
        example = Example()
        texts.add(text_of(example.goal(example.quotient * example.a >= 0), None))
        texts.add(text_of(example.goal(Term(example.space, dict((example.a - 7).poly)) <= 2), None))
    assert len(texts) == 2

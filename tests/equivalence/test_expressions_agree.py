"""Random expressions mean the same on integers and on terms, and each of their runs is one of the paths explored.

An expression is a nested tuple; ``evaluate`` carries it out on whatever its variables are.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from poolproof.proofs.agreement import DIVISION, GivenPath, ending
from poolproof.proofs.paths import Path, explore_paths
from poolproof.proofs.terms import DivisionByZero, Formula, Sign, Space, Term
from poolproof.proofs.valuation import Valuation
from poolproof.spec.logic import choose, counts_if, greatest, implies, least, negation, positive_part

Expression: TypeAlias = tuple[Any, ...]

VARIABLES: dict[str, Sign] = {"a": "nonneg", "b": "positive", "c": "any", "d": "nonneg"}
"""Variables, and what is known of their signs."""

NUMBERS = ("+", "-", "*", "//", "// above 0", "least", "greatest", "part", "counts", "choose", "if")
CONDITIONS = (">=", "<=", ">", "<", "==", "!=", "&", "|", "implies", "not")
PARTS = {"part": "n", "counts": "cn", "choose": "cnn", "if": "cnn", "&": "cc", "|": "cc", "implies": "cc", "not": "c"}
"""What an operation is applied to, where it is not two numbers: n a number, c a condition."""


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int = 4) -> Expression:
    """Numbers and conditions, built from variables and constants."""
    if kind == "n" and (depth <= 0 or draw(st.integers(0, 3)) == 0):
        if draw(st.booleans()):
            return "variable", draw(st.sampled_from(sorted(VARIABLES)))
        return "constant", draw(st.one_of(st.integers(-6, 12), st.sampled_from((10**4, 10**18))))
    operation = draw(st.sampled_from(NUMBERS if kind == "n" else CONDITIONS[: None if depth > 1 else 6]))
    return operation, *(draw(expressions(part, depth - 1)) for part in PARTS.get(operation, "nn"))


def values() -> st.SearchStrategy[dict[str, int]]:
    """Values of the variables, of the signs that are known."""
    size = st.one_of(st.just(0), st.integers(0, 9), st.integers(0, 2**112))
    return st.fixed_dictionaries(
        {"a": size, "b": size.map(lambda n: n + 1), "c": st.one_of(size, size.map(lambda n: -n)), "d": size}
    )


def variables(space: Space) -> dict[str, Term]:
    """The variables as terms."""
    return {name: space.number(name, sign) for name, sign in VARIABLES.items()}


def evaluate(expression: Expression, where: dict[str, Any]) -> Any:
    """Carry an expression out; a divisor that is not above 0 ends it, in both readings."""
    kind, *parts = expression
    if kind == "variable":
        return where[parts[0]]
    if kind == "constant":
        return parts[0]
    if kind == "if":
        return evaluate(parts[1] if evaluate(parts[0], where) else parts[2], where)
    return OPERATIONS[kind](*(evaluate(part, where) for part in parts))


def divided(numerator: Any, divisor: Any) -> Any:
    """numerator // divisor, where the divisor is above 0."""
    if isinstance(divisor, int) and divisor <= 0:
        raise DivisionByZero
    return numerator // divisor


def both(one: Any, other: Any) -> Any:
    """Conjunction."""
    return one & other


def either(one: Any, other: Any) -> Any:
    """Disjunction."""
    return one | other


OPERATIONS: dict[str, Any] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "//": divided,
    "// above 0": lambda x, y: x // greatest(y, 1),
    "least": least,
    "greatest": greatest,
    "part": positive_part,
    "counts": counts_if,
    "choose": choose,
    ">=": lambda x, y: x >= y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    "<": lambda x, y: x < y,
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "&": both,
    "|": either,
    "implies": implies,
    "not": negation,
}


# --- the tests -------------------------------------------------------------------------------------------------


@settings(max_examples=600, deadline=None, derandomize=True)
@given(expressions("n"), values())
def test_an_expression_has_one_value(expression: Expression, known: dict[str, int]) -> None:
    """The same number, or a division by zero in both; and all that was recorded on the way is true."""
    space = Space(None)
    valuation = Valuation(space, known.get)
    path = space.path = GivenPath(space, valuation)
    terms = variables(space)
    results: list[Any] = []
    concrete = ending(lambda: results.append(evaluate(expression, known)))
    symbolic = ending(lambda: results.append(evaluate(expression, terms)))
    path.look()
    assert path.wrong == []
    assert symbolic == concrete
    if concrete is None:
        number, term = results
        assert valuation.number(term) == number
        assert not space.plainly_nonneg(space.lift(term).poly) or number >= 0
        assert not space.plainly_positive(space.lift(term).poly) or number > 0


@settings(max_examples=300, deadline=None, derandomize=True)
@given(expressions("c"), values())
def test_a_condition_has_one_truth(condition: Expression, known: dict[str, int]) -> None:
    """Also its negation, and what a path takes it to be once it has been decided."""
    space = Space(None)
    valuation = Valuation(space, known.get)
    path = space.path = GivenPath(space, valuation)
    terms = variables(space)
    found: list[Any] = []
    if ending(lambda: found.append(evaluate(condition, known))) == DIVISION:
        assert ending(lambda: evaluate(condition, terms)) == DIVISION
        return
    formula = evaluate(condition, terms)
    assert valuation.truth(formula) == found[0]
    assert valuation.truth(negation(formula)) is not found[0]
    assert bool(formula) is found[0]
    assert path.wrong == []


@settings(max_examples=200, deadline=None, derandomize=True)
@given(expressions("n"), values())
def test_each_run_is_one_of_the_paths(expression: Expression, known: dict[str, int]) -> None:
    """Of the paths that are explored exactly one has conditions that hold, and it ends as the run does."""
    results: list[Any] = []
    concrete = ending(lambda: results.append(evaluate(expression, known)))

    def run(_: Path, terms: dict[str, Term]) -> None:
        results.append(evaluate(expression, terms))

    taken = []
    for path in explore_paths(variables, run):
        valuation = Valuation(path.space, known.get)
        if all(valuation.holds(fact.node) for fact in path.conditions):
            taken.append((path.defect, path.defect or valuation.number(results[-1])))
    assert taken == [(concrete, concrete or results[0])]


NEIGHBOURS = st.recursive(
    st.tuples(st.sampled_from(("ge", "lt", "eq")), st.sampled_from(("ac", "ad", "c")), st.integers(-2, 2)),
    lambda inner: st.tuples(st.sampled_from(("and", "or", "not")), inner, inner),
    max_leaves=3,
)
"""Conditions that bear on one another: bounds of a few sums, and what they combine to."""


def neighbour(condition: Expression, where: dict[str, Any]) -> Any:
    """A condition on the difference, or the value, of small variables."""
    kind, one, other = condition
    if kind in ("and", "or"):
        left, right = neighbour(one, where), neighbour(other, where)
        return left & right if kind == "and" else left | right
    if kind == "not":
        return negation(neighbour(one, where))
    names = [where[name] for name in one]
    number = names[0] - names[1] if len(names) > 1 else 2 * names[0]
    return number >= other if kind == "ge" else number < other if kind == "lt" else number == other


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.lists(NEIGHBOURS, max_size=12), st.tuples(*[st.integers(0, 4)] * 3))
def test_what_is_known_is_true(conditions: list[Expression], numbers: tuple[int, ...]) -> None:
    """However many conditions a path has decided, what it takes to follow from them does; and it settles repetitions."""
    known = dict(zip("acd", numbers, strict=True))
    space = Space(None)
    path = space.path = GivenPath(space, Valuation(space, known.get))
    terms = {name: space.number(name) for name in known}
    for condition in conditions:
        formula = neighbour(condition, terms)
        assert bool(formula) is bool(neighbour(condition, known))
        if isinstance(formula, Formula):
            assert path.known(formula) is not None
            assert path.known(~formula) is not None
    assert path.wrong == []


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(expressions("c", 2), min_size=2, max_size=4), expressions("n", 2), expressions("n", 2), values())
def test_what_is_kept_is_kept_for_its_own_question(
    conditions: list[Expression], one: Expression, other: Expression, known: dict[str, int]
) -> None:
    """Choices between the same two numbers, and quotients of the same number, are told apart."""
    asked: list[Expression] = [("choose", condition, one, other) for condition in conditions]
    asked += [("// above 0", one, divisor) for divisor in (other, ("*", other, other), ("constant", 7))]
    expression = asked[0]
    for each in asked[1:]:
        expression = ("+", expression, each)
    space = Space(None)
    valuation = Valuation(space, known.get)
    space.path = GivenPath(space, valuation)
    terms = variables(space)
    results: list[Any] = []
    concrete = ending(lambda: results.append(evaluate(expression, known)))
    assert ending(lambda: results.append(evaluate(expression, terms))) == concrete
    assert concrete is not None or valuation.number(results[1]) == results[0]

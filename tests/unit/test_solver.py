"""The seam to the solvers: every strategy gives the same verdict, a model where there is one, or its reason."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import cache

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.models.reference import REFERENCE
from poolproof.proofs.induction import Induction, Obligation
from poolproof.proofs.smt import text_of
from poolproof.proofs.solver import STRATEGIES, decide_text, solve_task, versions
from poolproof.proofs.tasks import Task

BUDGET = 2_000_000
NO_CVC5 = importlib.util.find_spec("cvc5") is None
REASON = "cvc5 is not installed; pip install 'poolproof[cvc5]' brings the second opinion"

UNSAT = """(declare-const |x| Int)
(declare-const |y| Int)
(assert (>= |x| 2))
(assert (>= |y| |x|))
(assert (not (>= (* |x| |y|) 4)))
(check-sat)
"""
SAT = """(declare-const |market.index| Int)
(declare-const |q| Int)
(declare-const |entered| Bool)
(declare-const |left| Bool)
(assert (= (* |q| |q|) 144))
(assert (>= (* (- 1) |q|) 3))
(assert (= |market.index| (+ (* 2 |q|) 100)))
(assert (and |entered| (not |left|)))
(check-sat)
"""
HARD = """(declare-const |x| Int)
(declare-const |y| Int)
(declare-const |z| Int)
(assert (= (+ (* |x| |x| |x|) (* |y| |y| |y|) (* |z| |z| |z|)) 42))
(check-sat)
"""


@pytest.mark.parametrize(
    "strategy", [*STRATEGIES, pytest.param("cvc5", marks=pytest.mark.skipif(NO_CVC5, reason=REASON))]
)
def test_each_strategy_decides(strategy: str) -> None:
    """A contradiction is one to all, and so is a text that has a model."""
    contradiction = decide_text(UNSAT, BUDGET, (strategy,))
    assert (contradiction["status"], contradiction["solver"], contradiction["model"]) == ("unsat", strategy, None)
    assert decide_text(SAT, BUDGET, (strategy,))["status"] == "sat"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_model_gives_every_name_its_number(strategy: str) -> None:
    """Truth values are 0 and 1; negative numbers are negative."""
    answer = decide_text(SAT, BUDGET, (strategy,))
    assert answer["model"] == {"market.index": 76, "q": -12, "entered": 1, "left": 0}
    assert answer["reason"] is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_budget_ends_in_a_reason(strategy: str) -> None:
    """What a strategy cannot decide with its resources is unknown, and it says who gave up."""
    answer = decide_text(HARD, 2_000, (strategy,))
    assert (answer["status"], answer["solver"], answer["model"]) == ("unknown", None, None)
    assert answer["reason"].startswith(f"{strategy}: ")


def test_strategies_are_tried_until_one_decides() -> None:
    """The first answer counts, and is said whose it is; without a strategy nothing is decided."""
    assert decide_text(UNSAT, BUDGET)["solver"] == STRATEGIES[0]
    assert decide_text(UNSAT, BUDGET, STRATEGIES[1:])["solver"] == STRATEGIES[1]
    assert decide_text(UNSAT, BUDGET, ())["reason"] == "no strategy"


def test_a_budget_counts_resources_not_seconds() -> None:
    """The same budget ends at the same place each time."""
    outcomes = {decide_text(UNSAT, budget, ("z3-simple",))["status"] for budget in (10, 10, 10)}
    assert outcomes == {"unknown"}
    assert {decide_text(UNSAT, BUDGET, ("z3-simple",))["status"] for _ in range(3)} == {"unsat"}


def test_a_task_is_answered_under_its_key() -> None:
    """What a worker hands back belongs to the text that it was given."""
    result = solve_task(Task.of(UNSAT, BUDGET, ("z3",)))
    assert (result.key, result.status, result.solver) == (Task.of(UNSAT, BUDGET, ()).key, "unsat", "z3")
    assert result.evidence
    assert not result.cached


def test_the_solvers_have_versions() -> None:
    """Evidence names the solver that gave it."""
    assert set(versions()) == ({"z3"} if NO_CVC5 else {"z3", "cvc5"})
    assert all(version[0].isdigit() for version in versions().values())


@cache
def obligations() -> tuple[Obligation, ...]:
    """The goals of a few invariants that need a solver."""
    chosen = {"CONS-5", "RND-1", "SOLV-7", "RATE-1", "CAP-1", "LIQ-3"}

    def some() -> Iterator[Obligation]:
        for obligation in Induction(REFERENCE, CATALOGUE).obligations(lambda invariant: invariant.id in chosen):
            if not isinstance(obligation.goal.node, bool):
                yield obligation

    return tuple(some())


def test_obligations_are_decided_alike_by_all_strategies() -> None:
    """On goals of the catalogue no strategy contradicts another."""
    decided = 0
    for obligation in obligations()[::7]:
        text, _ = text_of(obligation.goal, 1)
        answers = {decide_text(text, BUDGET // 10, (strategy,))["status"] for strategy in STRATEGIES}
        assert len(answers - {"unknown"}) <= 1, obligation.clause
        decided += "unsat" in answers
    assert decided >= 5


@pytest.mark.skipif(NO_CVC5, reason=REASON)
def test_a_second_solver_confirms_proofs() -> None:
    """What z3 proves, cvc5 proves or leaves open; it never finds a model."""
    proved, confirmed = 0, 0
    for obligation in obligations()[::5]:
        text, _ = text_of(obligation.goal, 0)
        if decide_text(text, BUDGET // 10)["status"] == "unsat":
            answer = decide_text(text, BUDGET // 10, ("cvc5",))["status"]
            assert answer != "sat", obligation.clause
            proved, confirmed = proved + 1, confirmed + (answer == "unsat")
    assert proved >= 5
    assert confirmed >= proved // 2

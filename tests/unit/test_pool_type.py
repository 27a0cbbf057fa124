"""A pool type from outside: a class of markets and actions of its own, found by name and held to the catalogue."""

import tomllib
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from poolproof.invariants.fitting import fitted
from poolproof.models import isolated_pool
from poolproof.models.market import accrue, pay
from poolproof.models.reference import REFERENCE
from poolproof.proofs import registry
from poolproof.proofs.fuzz import fuzz
from poolproof.proofs.induction import Induction
from poolproof.proofs.replay import replay
from poolproof.proofs.smt import text_of
from poolproof.proofs.solver import solve_task
from poolproof.proofs.tasks import Task
from poolproof.proofs.traces import trace_from_json
from poolproof.proofs.trial import ConcreteTrial
from poolproof.spec.action import Action, action, asset, tokens, user
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model, NoSuchAction
from poolproof.spec.protocol import Protocol

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "fixed-term-pool"
DECLARED = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example, as if it was installed: its entry points are those of its own pyproject.toml."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    points = [EntryPoint(name, value, group) for group, named in DECLARED.items() for name, value in named.items()]

    def found(group: str, name: str | None = None) -> list[EntryPoint]:
        return [each for each in points if each.group == group and name in (None, each.name)]

    monkeypatch.setattr(registry, "entry_points", found)


@pytest.fixture
def fixed_term() -> tuple[Model, Catalogue]:
    """The model of the example, and what is claimed of it."""
    return registry.find("fixed-term")


def protocol(name: str) -> Protocol:
    """A protocol file of the example."""
    return load_protocol(str(EXAMPLE / f"{name}.toml"))


def unproved(model: Model, catalogue: Catalogue, name: str, *actions: Action) -> set[str]:
    """The clauses of an invariant that do not follow for the steps of some actions, or of all, from the lemmas."""
    found: set[str] = set()
    limited = Catalogue()
    limited.add(catalogue)
    induction = Induction(model, limited)
    induction.part = replace(induction.part, actions=actions or model.actions)
    for obligation in induction.obligations(lambda invariant: invariant.id == name):
        if obligation.invariant == name and obligation.goal.node is not True:
            text, _ = text_of(obligation.goal, None, linear=False)
            if solve_task(Task.of(text, 300_000, ("z3-simple",))).status != "unsat":
                found.add(obligation.clause)
    return found


@action(user=user(), asset=asset(), amount=tokens())
def skim(pool: Any, user: str, asset: str, amount: int) -> None:
    """Take cash that is nobody's to take."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    pay(market, market.vault, user, amount)
    market.cash -= amount


@action(user=user(), asset=asset())
def cancel_all(pool: Any, user: str, asset: str) -> None:
    """Forgive the user's debts, also in markets that are not named."""
    for market in pool.markets.entered_by(user):
        accrue(market, pool.now)
        market.debt_shares -= market.debts[user]
        market.debts[user] = 0


@action(user=user(), asset=asset())
def shorten(pool: Any, user: str, asset: str) -> None:
    """Let a maturity fall below zero."""
    pool.markets[asset].maturity -= 1


def test_the_example_is_held_to_the_whole_catalogue_and_to_its_own_claims(fixed_term: tuple[Model, Catalogue]) -> None:
    """Nothing of the built-in catalogue is left out."""
    model, catalogue = fixed_term
    ids = [invariant.id for invariant in catalogue]
    assert ids[-3:] == ["TERM-1", "TERM-2", "TERM-3"]
    assert ids[:-3] == [invariant.id for invariant in registry.find("reference")[1]]
    assert [action.name for action in model.actions] == [*(a.name for a in REFERENCE.actions), "roll_over"]
    assert type(model.build(protocol("fixed-term")).markets["ETH"]).__name__ == "TermMarket"


@pytest.mark.parametrize("name", ["CONS-2", "TERM-1", "TERM-2", "TERM-3"])
def test_its_claims_are_proved(fixed_term: tuple[Model, Catalogue], name: str) -> None:
    """By induction over all its actions, from the lemmas, which have proofs of their own."""
    model, catalogue = fixed_term
    assert unproved(model, catalogue, name) == set()


def test_the_exit_fee_is_refuted_with_a_trace_that_replays() -> None:
    """A fee that is left to those who stay is no dust: the built-in catalogue says so."""
    model, catalogue = registry.find("exit-fee")
    report = fuzz(model, protocol("exit-fee"), [catalogue["CONS-6"]], steps=2_000)
    (found,) = report.violations
    trace = trace_from_json(found.to_json(), "here", lambda name: registry.find(name)[0])
    assert [step.action for step in trace.runs[0]] == ["deposit", "redeem"]
    assert replay(trace, registry.find).as_recorded


def test_a_forgotten_maturity_check_is_refuted(fixed_term: tuple[Model, Catalogue]) -> None:
    """A clause of the model's own borrow speaks of whichever action has that name, here the built-in one."""
    model, catalogue = fixed_term
    forgotten = model.variant("forgotten", isolated_pool.borrow)
    assert unproved(forgotten, catalogue, "TERM-1", isolated_pool.borrow) == {"lending_ends_at_maturity(asset)"}
    report = fuzz(forgotten, protocol("fixed-term"), [catalogue["TERM-1"]], steps=6_000, seed=1)
    assert [trace.invariant for trace in report.violations] == ["TERM-1"]
    assert {step.action for step in report.violations[0].runs[0]} >= {"pass_time", "borrow"}


def test_a_scenario_runs_the_models_own_action(fixed_term: tuple[Model, Catalogue]) -> None:
    """Concretely by its name; an action that the model does not have is refused."""
    model, _ = fixed_term
    trial, pool = ConcreteTrial(model), model.build(protocol("fixed-term"))
    pool.markets["ETH"].maturity = 0
    refusal = trial.do(pool, isolated_pool.borrow, "alice", "ETH", 1)
    assert refusal is not None
    assert refusal.name == "TermOver"
    assert isinstance(trial.do(pool, skim, "alice", "ETH", 1), NoSuchAction)


@pytest.mark.parametrize(
    ("added", "invariant", "clause"),
    [
        (skim, "RND-2", "of_wealth 2"),
        (cancel_all, "PORTFOLIO", "what_is_not_named_is_only_accrued(other)"),
        (shorten, "SOLV-6", "nothing_stored_besides_is_negative(asset)"),
    ],
)
def test_a_new_action_is_held_to_what_is_said_of_all(
    fixed_term: tuple[Model, Catalogue], added: Action, invariant: str, clause: str
) -> None:
    """To claims about a user's actions, to leaving alone what it does not name, and to the signs of what it stores."""
    base, _ = fixed_term
    model = base.variant("worse", added)
    catalogue = import_module("fixed_term.claims").CLAIMS
    assert clause in unproved(model, fitted(catalogue, model), invariant, added)


def test_a_replacement_takes_the_same_arguments() -> None:
    """What clauses give to a borrow has to fit."""

    @action(user=user(), asset=asset())
    def borrow(pool: Any, user: str, asset: str) -> None:
        """Borrow everything."""

    with pytest.raises(UsageError, match="other arguments"):
        REFERENCE.variant("other", borrow)


def test_a_file_of_several_pools_needs_a_model_of_several(fixed_term: tuple[Model, Catalogue]) -> None:
    """The second pool would not be looked at."""
    single = protocol("fixed-term")
    second = single.pools[0].model_copy(update={"id": "second"})
    with pytest.raises(UsageError, match="is a model of one pool"):
        registry.of(single.model_copy(update={"pools": (*single.pools, second)}))

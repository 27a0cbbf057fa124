"""Evidence: kept for what it was found for, and for nothing else."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from poolproof import evidence
from poolproof.cache import Cache
from poolproof.documents import decision_from_json, decision_to_json, document, summary
from poolproof.evidence import Evidence, Options, answer_key, sources_digest
from poolproof.models.reference import REFERENCE
from poolproof.proofs.tasks import Result, Task
from poolproof.proofs.verdicts import Decision, Outcome, Verdict
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model

TRACE = {"schema": "poolproof.trace/1", "runs": [[{"action": "deposit"}]]}


def decided(verdict: Verdict = Verdict.PROVED, engine: str = "prove", **more: Any) -> Decision:
    """A decision on SOLV-3."""
    obligations = [Outcome("mint", verdict, "z3-simple", 0.25, uses=("SOLV-1",), digest="ab")]
    return Decision("SOLV-3", "claim", "step", verdict, engine, obligations=obligations, **more)


Make = Callable[..., Evidence]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make the evidence of a check that uses one and the same cache."""
    with Cache(tmp_path) as cache:

        def evidence_of(
            protocol: str = "minimal",
            model: Model = REFERENCE,
            catalogue: Catalogue | None = None,
            changes: dict[str, Any] | None = None,
            **options: Any,
        ) -> Evidence:
            loaded = load_protocol(protocol)
            if changes:
                pool = loaded.pools[0].model_copy(update=changes)
                loaded = loaded.model_copy(update={"pools": (pool,)})
            return Evidence(cache, model, catalogue or Catalogue(), loaded, Options(**options))

        yield evidence_of


def test_a_decision_is_found_again_with_everything_that_it_says(make: Make) -> None:
    """Its obligations are marked as evidence, and an acceptance is weighed anew."""
    decision = decided(Verdict.REFUTED, "search", trace=TRACE, assumes=("a",), lemmas=("SOLV-1",), depth=3)
    decision.accepted = True
    make().keep(decision)
    found = make().decision("SOLV-3")
    assert found == replace(decision, accepted=False, obligations=[replace(decision.obligations[0], cached=True)])


def test_a_theorem_serves_every_protocol_of_the_region_with_any_option(make: Make) -> None:
    """Induction covers the whole region, so neither file, seed nor budget matters."""
    make("minimal").keep(decided())
    assert make("liquid-staked-bnb").decision("SOLV-3") is not None
    assert make(seed=7, budget=5, engines=("prove", "fuzz")).decision("SOLV-3") is not None
    assert make().decision("SOLV-1") is None


@pytest.mark.parametrize(
    "other",
    [
        {"changes": {"liquidation_incentive": 3 * 10**18}},  # outside the region
        {"state": {"now": "1"}},
        {"engines": ("fuzz",)},
        {"second_opinion": True},
        {"model": replace(REFERENCE, name="other")},
    ],
)
def test_a_theorem_says_nothing_elsewhere(make: Make, other: dict[str, Any]) -> None:
    """Outside the region, from another state, without the prover, or for another model."""
    make().keep(decided())
    assert make(**other).decision("SOLV-3") is None


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": "liquid-staked-bnb"},
        {"seed": 1},
        {"budget": 5},
        {"engines": ("search",)},
        {"state": {"now": "1"}},
        {"changes": {"id": "renamed"}},
    ],
)
def test_a_refutation_is_about_its_own_case(make: Make, other: dict[str, Any]) -> None:
    """A trace is one of this protocol, found with these options."""
    make().keep(decided(Verdict.REFUTED, "search", trace=TRACE))
    assert make().decision("SOLV-3") is not None
    assert make(**other).decision("SOLV-3") is None


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.VACUOUS])
def test_what_was_not_decided_is_not_kept(make: Make, verdict: Verdict) -> None:
    """The next run tries again."""
    make().keep(decided(verdict))
    assert make().decision("SOLV-3") is None


def test_a_kept_decision_of_another_shape_is_decided_again(make: Make) -> None:
    """A file that somebody edited is no evidence."""
    asked = make()
    asked.keep(decided())
    asked.cache._execute('UPDATE evidence SET value = \'{"verdict": "PROVED"}\'')
    assert asked.decision("SOLV-3") is None


def test_a_changed_source_is_other_ground(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One character in a designer's own model, and everything about it is decided again."""
    folder = tmp_path / "designer"
    (folder / "parts").mkdir(parents=True)
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "model.py").write_text("def build(protocol): return None\n", encoding="utf-8")
    part = folder / "parts" / "rates.py"
    part.write_text("RATE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib

    model = replace(REFERENCE, build=importlib.import_module("designer.model").build)
    first = sources_digest(model, Catalogue())
    assert first is not None
    assert first != sources_digest(REFERENCE, Catalogue())
    assert sources_digest(model, Catalogue()) == first
    part.write_text("RATE = 2\n", encoding="utf-8")
    changed = sources_digest(model, Catalogue())
    assert changed != first
    part.write_bytes(b"RATE = 2\r\n")
    assert sources_digest(model, Catalogue()) == changed
    for name in ("designer.model", "designer"):
        sys.modules.pop(name)


def test_every_folder_of_the_engine_is_ground(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change in any of the four folders is seen."""
    seen = set()
    sources = evidence._sources

    def watched(module: str, *, recursive: bool) -> Iterator[tuple[str, bytes]]:
        for name, content in sources(module, recursive=recursive):
            seen.add(f"{module}/{name}")
            yield name, content

    monkeypatch.setattr(evidence, "_sources", watched)
    assert sources_digest(REFERENCE, Catalogue()) is not None
    assert {
        "poolproof.spec/arithmetic.py",
        "poolproof.models/market.py",
        "poolproof.invariants/__init__.py",
        "poolproof.proofs/tasks.py",
    } <= seen


def test_without_readable_sources_nothing_is_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model typed at a prompt, for example: no digest, no evidence."""

    def unreadable(_module: str, *, recursive: bool) -> Iterator[tuple[str, bytes]]:
        raise OSError

    monkeypatch.setattr(evidence, "_sources", unreadable)
    asked = make()
    asked.keep(decided())
    assert asked.decision("SOLV-3") is None
    assert asked.cache.stats().entries["decision"] == 0


TASK = Task.of("(check-sat)", 1000, ("z3-simple", "z3"))


@pytest.mark.parametrize(
    "result",
    [
        Result(TASK.key, "unsat", "z3-simple", 0.5),
        Result(TASK.key, "sat", "z3", 0.5, model={"x": 2**200}),
        Result(TASK.key, "unknown", None, 0.5, reason="budget used up"),
    ],
)
def test_an_answer_is_found_again(make: Make, result: Result) -> None:
    """With its model or its reason, marked as evidence."""
    make().keep_answer(TASK, result)
    assert make("liquid-staked-bnb").answer(TASK) == replace(result, cached=True)


def test_a_lost_worker_leaves_no_evidence(make: Make) -> None:
    """The next run asks again."""
    make().keep_answer(TASK, Result.lost(TASK, "the worker was lost"))
    assert make().answer(TASK) is None


def test_an_answer_belongs_to_its_text_budget_solvers_and_their_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any of them changed, and the obligation is solved again."""
    keys = {
        answer_key(TASK),
        answer_key(Task.of("(check-sat) ", 1000, TASK.solvers)),
        answer_key(replace(TASK, budget=1001)),
        answer_key(replace(TASK, solvers=("z3-simple", "z3", "cvc5"))),
    }
    assert len(keys) == 4
    monkeypatch.setattr(evidence, "solver_version", lambda _solver: "9.9")
    assert answer_key(TASK) not in keys


def test_decisions_survive_json() -> None:
    """What `check` writes is what is read back."""
    decision = decided(Verdict.HOLDS_TO_DEPTH, "explore", depth=4, reason="the world was exhausted")
    decision.obligations[0].cached = True
    assert decision_from_json(decision_to_json(decision)) == decision


def test_a_document_names_its_schema_and_version() -> None:
    """And the summary counts every verdict, also those that did not occur."""
    from poolproof import __version__

    assert document("check", {"a": 1}) == {"schema": "poolproof.check/1", "version": __version__, "a": 1}
    assert summary([decided(), decided(Verdict.REFUTED)]) == {
        "PROVED": 1,
        "HOLDS_TO_DEPTH": 0,
        "REFUTED": 1,
        "UNKNOWN": 0,
        "VACUOUS": 0,
    }

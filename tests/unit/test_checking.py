"""A check: evidence first, then the engines; nothing that was asked for goes missing."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from poolproof.cache import Cache
from poolproof.checking import check, lost, submit_to
from poolproof.evidence import Evidence, Options
from poolproof.models.reference import REFERENCE
from poolproof.proofs.progress import Event, Listener
from poolproof.proofs.tasks import Result, Task
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Accepted, Protocol

MINIMAL = load_protocol("minimal")


def find(_name: str) -> tuple[Model, Catalogue]:
    """A catalogue of three claims."""
    catalogue = Catalogue()
    for name in ("SOLV-1", "SOLV-3", "SOLV-3-w"):
        catalogue.declare(name, f"claim of {name}", "state")
    return REFERENCE, catalogue


def decided(name: str, verdict: Verdict = Verdict.PROVED, engine: str = "prove") -> Decision:
    """A decision without obligations."""
    return Decision(name, f"claim of {name}", "state", verdict, engine)


class Engine:
    """Stands in for the prover: decides as told, and remembers what it was asked."""

    def __init__(self, verdicts: dict[str, Verdict] | None = None, interrupt_after: int | None = None) -> None:
        self.verdicts = verdicts or {}
        self.interrupt_after = interrupt_after
        self.asked: list[tuple[str, ...]] = []
        self.options: dict[str, Any] = {}

    def __call__(
        self, _protocol: Protocol, *, only: tuple[str, ...], on_event: Listener, **options: Any
    ) -> list[Decision]:
        """Decide the claims named, one event each."""
        self.asked.append(only)
        self.options = options
        decisions = []
        for number, name in enumerate(only):
            if number == self.interrupt_after:
                raise KeyboardInterrupt
            decisions.append(decided(name, self.verdicts.get(name, Verdict.PROVED)))
            on_event(Event("prove", number + 1, len(only), decisions[-1]))
        return decisions


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLPROOF_CACHE", str(tmp_path / "cache"))


def test_everything_is_decided_in_the_catalogues_order() -> None:
    """And the options reach the engines."""
    engine = Engine()
    options = Options(("prove",), 77, 5, second_opinion=True)
    events: list[Event] = []
    report = check(MINIMAL, find=find, decide=engine, options=options, on_event=events.append)
    assert [each.invariant for each in report.decisions] == ["SOLV-1", "SOLV-3", "SOLV-3-w"]
    assert report.exit_code == 0
    assert engine.options.pop("submit") is not None
    assert engine.options.pop("generate") is not None
    assert engine.options == {
        "engines": ("prove",),
        "budget": 77,
        "seed": 5,
        "state": None,
        "second_opinion": True,
    }
    assert [event.invariant for event in events] == ["SOLV-1", "SOLV-3", "SOLV-3-w"]


def test_only_the_named_are_decided() -> None:
    """Whatever their case."""
    engine = Engine()
    report = check(MINIMAL, find=find, decide=engine, only=["solv-3", "SOLV-3"])
    assert engine.asked == [("SOLV-3",)]
    assert [each.invariant for each in report.decisions] == ["SOLV-3"]


def test_a_second_check_asks_no_engine() -> None:
    """Whole decisions come from evidence, and are announced."""
    check(MINIMAL, find=find, decide=Engine())
    engine, events = Engine(), list[Event]()
    report = check(MINIMAL, find=find, decide=engine, on_event=events.append)
    assert engine.asked == []
    assert report.kept == {"SOLV-1", "SOLV-3", "SOLV-3-w"}
    assert [event.stage for event in events] == ["evidence"] * 3
    assert report.exit_code == 0


def test_without_the_cache_everything_is_decided_again(tmp_path: Path) -> None:
    """And nothing is written."""
    engine = Engine()
    check(MINIMAL, find=find, decide=engine, cache=Cache(None))
    report = check(MINIMAL, find=find, decide=engine, cache=Cache(None))
    assert len(engine.asked) == 2
    assert report.kept == set()
    assert not (tmp_path / "cache").exists()


def test_an_interrupted_check_reports_and_keeps_what_was_decided() -> None:
    """The next run goes on from there."""
    report = check(MINIMAL, find=find, decide=Engine(interrupt_after=2))
    assert [each.invariant for each in report.decisions] == ["SOLV-1", "SOLV-3"]
    assert report.interrupted
    assert report.exit_code == 130
    engine = Engine()
    report = check(MINIMAL, find=find, decide=engine)
    assert engine.asked == [("SOLV-3-w",)]
    assert report.exit_code == 0


def test_what_no_engine_speaks_of_is_unknown() -> None:
    """Silence is never a pass."""

    def silent(_protocol: Protocol, **_options: Any) -> list[Decision]:
        return [decided("SOLV-1")]

    report = check(MINIMAL, find=find, decide=silent, cache=Cache(None))
    assert [each.verdict for each in report.decisions] == [Verdict.PROVED, Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert report.decisions[1].reason == "none of the chosen engines decides it"
    assert report.exit_code == 2


def accepting(**more: Any) -> Protocol:
    """A protocol whose owners accept SOLV-3."""
    entry = Accepted(invariant="SOLV-3", reason="dust", **more)
    return MINIMAL.model_copy(update={"accepted": (entry,)})


def test_a_weaker_claim_is_decided_along_with_what_it_excuses() -> None:
    """Otherwise an acceptance could not be weighed."""
    engine = Engine({"SOLV-3": Verdict.REFUTED})
    report = check(accepting(weakened="SOLV-3-w"), find=find, decide=engine, only=["SOLV-3"])
    assert engine.asked == [("SOLV-3", "SOLV-3-w")]
    assert report.exit_code == 0
    assert report.to_json()["accepted"] == ["SOLV-3 is accepted: dust"]


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (lambda: check(MINIMAL, find=find, decide=Engine(), only=["SOLV-9"]), "--only"),
        (
            lambda: check(accepting(weakened="SOLV-9"), find=find, decide=Engine()),
            "minimal: accepted[0].weakened",
        ),
    ],
)
def test_an_unknown_id_is_refused_with_the_nearest(call: Callable[[], Any], place: str) -> None:
    """On the command line and in an acceptance."""
    with pytest.raises(UsageError, match='"SOLV-9" is not an invariant; did you mean') as refused:
        call()
    assert refused.value.where == place


def test_the_json_has_the_documented_shape() -> None:
    """Key by key."""
    data = check(MINIMAL, find=find, decide=Engine({"SOLV-1": Verdict.UNKNOWN})).to_json()
    assert list(data)[:8] == [
        "schema",
        "version",
        "protocol",
        "model",
        "seconds",
        "scope",
        "verdicts",
        "summary",
    ]
    assert data["schema"] == "poolproof.check/1"
    assert (data["protocol"], data["model"]) == ("minimal", "reference")
    assert data["summary"] == {"PROVED": 2, "HOLDS_TO_DEPTH": 0, "REFUTED": 0, "UNKNOWN": 1, "VACUOUS": 0}
    assert data["scope"] == list(REFERENCE.scope)
    assert data["verdicts"][0] == {
        "invariant": "SOLV-1",
        "claim": "claim of SOLV-1",
        "kind": "state",
        "verdict": "UNKNOWN",
        "engine": "prove",
        "depth": None,
        "accepted": False,
        "assumes": [],
        "lemmas": [],
        "seconds": 0.0,
        "obligations": [],
        "trace": None,
        "reason": None,
    }


class Workers:
    """Stands in for the runner: answers "unsat", and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Task] = []

    def run(self, tasks: Iterable[Task], on_done: Callable[[Task, Result], None]) -> list[Result]:
        """Answer in reverse order, as workers may."""
        taken = list(tasks)
        self.asked += taken
        for task in reversed(taken):
            on_done(task, Result(task.key, "unsat", "z3-simple"))
        return []


def test_equal_obligations_are_solved_once_and_then_kept(tmp_path: Path) -> None:
    """Answers come in the order of the tasks, whoever gave them."""
    one, two = Task.of("one", 10, ("z3",)), Task.of("two", 10, ("z3",))
    with Cache(tmp_path) as cache:
        evidence = Evidence(cache, *find("reference"), MINIMAL, Options())
        workers: Any = Workers()
        results = submit_to(workers, evidence)([one, two, one])
        assert workers.asked == [one, two]
        assert [(result.key, result.cached) for result in results] == [
            (one.key, False),
            (two.key, False),
            (one.key, False),
        ]
        assert evidence.new_answers == 2
        later: Any = Workers()
        results = submit_to(later, evidence)([two, one])
        assert later.asked == []
        assert [(result.key, result.cached) for result in results] == [(two.key, True), (one.key, True)]


def test_a_solver_out_of_memory_is_named() -> None:
    """z3 ends its process with a code of its own."""
    task = Task.of("one", 10, ("z3",))
    reason = "the worker process was lost twice, the second time with exit code 101"
    assert lost(task, reason).reason == f"{reason}, by which z3 says that it is out of memory"
    assert lost(task, "by SIGKILL") == Result.lost(task, "by SIGKILL")


def test_a_proof_by_the_real_engines_is_kept_whole() -> None:
    """From the model to the workers, the solver and the evidence, and back."""
    first = check(MINIMAL, only=["CAP-1"])
    assert first.exit_code == 0
    assert first.answers > 0
    (decision,) = first.decisions
    assert decision.verdict is Verdict.PROVED
    assert decision.obligations
    second = check(MINIMAL, only=["CAP-1"])
    assert second.kept == {"CAP-1"}
    assert second.answers == 0
    assert all(outcome.cached for outcome in second.decisions[0].obligations)
    assert second.seconds < first.seconds

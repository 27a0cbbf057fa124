"""Check a protocol: the engines, the workers, the evidence and the accepted findings, put together.

This is what the command does; another program can call it too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from poolproof.proofs.progress import Event, Listener
from poolproof.proofs.tasks import Result, Submit, Task
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.invariant import Catalogue, Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .acceptance import Judgement, exit_code, judge
from .cache import Cache, Shipped, default_folder
from .documents import decision_to_json, document, summary
from .evidence import Evidence, Options
from .naming import known_name
from .runner import Runner

if TYPE_CHECKING:
    from poolproof.proofs.generation import Found, Part

Decide = Callable[..., list[Decision]]
"""``poolproof.proofs.deciding.decide``, or a stand-in."""

FEW_PARTS = 300
"""So many parts of a proof's obligations are found in less time than workers need to start."""
PARTS_AT_ONCE = 100
"""After so many, progress is told."""

INTERRUPTED = 130
"""The exit code of an interrupted command."""


@dataclass(slots=True)
class Report:
    """What a check found.

    ``asked`` are the ids to decide, ``kept`` those whose decision came whole from evidence; ``answers``
    counts the new answers to obligations that later runs will find; ``notes`` are about the cache.
    """

    protocol: Protocol
    model: Model
    asked: tuple[str, ...]
    decisions: list[Decision] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    judgements: list[Judgement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    answers: int = 0

    @property
    def exit_code(self) -> int:
        """What the command exits with."""
        return INTERRUPTED if self.interrupted else exit_code(self.decisions)

    def to_json(self) -> dict[str, Any]:
        """The report as `check --json` writes it."""
        return document(
            "check",
            {
                "protocol": self.protocol.name,
                "model": self.model.name,
                "seconds": round(self.seconds, 3),
                "scope": list(self.model.scope),
                "verdicts": [decision_to_json(decision) for decision in self.decisions],
                "summary": summary(self.decisions),
                "accepted": [judgement.note for judgement in self.judgements],
                "interrupted": self.interrupted,
            },
        )


def check(
    protocol: Protocol,
    *,
    only: Sequence[str] = (),
    options: Options | None = None,
    jobs: int | None = None,
    cache: Cache | None = None,
    on_event: Listener | None = None,
    find: Callable[[str], tuple[Model, Catalogue]] | None = None,
    decide: Decide | None = None,
) -> Report:
    """Decide the invariants that apply to a protocol, or those named, as far as an interrupt allows.

    A weaker claim on which an acceptance rests is decided along with it.  ``cache`` is the user's, if none is
    given; it is closed at the end.

    Refuses: an id that the catalogue does not have, in ``only`` or in an acceptance.
    """
    began = time.monotonic()
    options = options or Options()
    model, catalogue = _find(protocol, find)
    asked = ids_to_decide(protocol, catalogue, only)
    report = Report(protocol, model, asked)
    found: dict[str, Decision] = {}
    with cache if cache is not None else open_cache() as store:
        evidence = Evidence(store, model, catalogue, protocol, options)

        def listen(event: Event) -> None:
            if event.decision is not None and event.decision.invariant not in found:
                found[event.decision.invariant] = event.decision
                evidence.keep(event.decision)
            if on_event is not None:
                on_event(event)

        try:
            for name in asked:
                if (known := evidence.decision(name)) is not None:
                    found[name] = known
                    report.kept.add(name)
                    if on_event is not None:
                        on_event(Event("evidence", len(found), len(asked), known))
            rest = tuple(name for name in asked if name not in found)
            if rest:
                with Runner(answer, lost, jobs=jobs) as runner:
                    decided = (decide or _decide)(
                        protocol,
                        only=rest,
                        engines=options.engines,
                        budget=options.budget,
                        seed=options.seed,
                        submit=submit_to(runner, evidence),
                        generate=partial(generate, jobs),
                        on_event=listen,
                        state=options.state,
                        second_opinion=options.second_opinion,
                    )
                for decision in decided:
                    if decision.invariant not in found:
                        evidence.keep(decision)
                    found[decision.invariant] = decision
                for name in rest:
                    found.setdefault(name, _unanswered(catalogue[name]))
        except KeyboardInterrupt:
            report.interrupted = True
        finally:
            report.answers = evidence.new_answers
            report.notes = [*store.notes, *(store.shipped.notes if store.shipped else ())]
    order = {invariant.id: position for position, invariant in enumerate(catalogue)}
    report.decisions = sorted(found.values(), key=lambda each: order.get(each.invariant, len(order)))
    report.judgements = judge(protocol.accepted, report.decisions, datetime.now(UTC).date())
    report.seconds = time.monotonic() - began
    return report


def _unanswered(invariant: Invariant) -> Decision:
    """What is reported of an invariant of which no engine said anything."""
    reason = "none of the chosen engines decides it"
    return Decision(
        invariant.id,
        invariant.claim,
        invariant.kind,
        Verdict.UNKNOWN,
        "none",
        assumes=invariant.assuming,
        reason=reason,
    )


def submit_to(runner: Runner[Task, Result], evidence: Evidence) -> Submit:
    """Answer tasks from the evidence, else on the runner's workers; equal tasks once."""

    def submit(tasks: Iterable[Task]) -> list[Result]:
        names: list[tuple[str, int, tuple[str, ...]]] = []
        answers: dict[tuple[str, int, tuple[str, ...]], Result | None] = {}

        def open_ones() -> Iterator[Task]:
            for task in tasks:
                names.append(task.name)
                if task.name not in answers:
                    answers[task.name] = evidence.answer(task)
                    if answers[task.name] is None:
                        yield task

        def keep(task: Task, result: Result) -> None:
            answers[task.name] = result
            evidence.keep_answer(task, result)

        runner.run(open_ones(), keep)
        return [result for name in names if (result := answers[name]) is not None]

    return submit


def generate(jobs: int | None, parts: Sequence[Part]) -> Iterator[Found]:
    """Find obligations, on workers where there are many to find."""
    from poolproof.proofs.generation import find_part

    if len(parts) < FEW_PARTS:
        yield from map(find_part, parts)
        return
    with Runner(find_part, _not_found, jobs=jobs) as runner:
        for start in range(0, len(parts), PARTS_AT_ONCE):
            yield from runner.run(parts[start : start + PARTS_AT_ONCE])


def _not_found(_part: Part, reason: str) -> Found:
    """What is reported of obligations whose worker was lost."""
    from poolproof.proofs.generation import Found

    return Found(problem=reason)


def answer(task: Task) -> Result:
    """What a worker does; the solver is imported there, not here."""
    from poolproof.proofs.solver import solve_task

    return solve_task(task)


def lost(task: Task, reason: str) -> Result:
    """What is reported of an obligation whose worker was lost."""
    if reason.endswith("exit code 101"):
        reason += ", by which z3 says that it is out of memory"
    return Result.lost(task, reason)


def ids_to_decide(protocol: Protocol, catalogue: Catalogue, only: Iterable[str]) -> tuple[str, ...]:
    """The ids to decide, in the catalogue's order: those named, or all, and the weaker claims of acceptances.

    Refuses: an id that the catalogue does not have, in ``only`` or in an acceptance.
    """
    ids = [invariant.id for invariant in catalogue]
    for position, entry in enumerate(protocol.accepted):
        place = f"{protocol.name}: accepted[{position}]"
        known_name(entry.invariant, ids, "an invariant", f"{place}.invariant")
        if entry.weakened is not None:
            known_name(entry.weakened, ids, "an invariant", f"{place}.weakened")
    wanted = {known_name(name, ids, "an invariant", "--only") for name in only} or set(ids)
    for entry in protocol.accepted:
        if entry.invariant in wanted and entry.weakened is not None:
            wanted.add(entry.weakened)
    return tuple(name for name in ids if name in wanted)


def shipped_evidence() -> Shipped:
    """The evidence that comes with the package."""
    return Shipped(files("poolproof.proofs").joinpath("evidence"))


def open_cache(*, use: bool = True) -> Cache:
    """The user's cache above what is shipped, or one that holds nothing."""
    return Cache(default_folder(), shipped_evidence()) if use else Cache(None)


def _find(protocol: Protocol, named: Callable[[str], tuple[Model, Catalogue]] | None) -> tuple[Model, Catalogue]:
    from poolproof.proofs import registry

    return registry.of(protocol, named)


def _decide(*arguments: Any, **options: Any) -> list[Decision]:
    from poolproof.proofs.deciding import decide

    return decide(*arguments, **options)

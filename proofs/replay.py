"""Replay: a trace, run step by step, with what each step changed and whether it breaks as recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from poolproof.spec.action import Action, Domain, perform
from poolproof.spec.invariant import Catalogue, Clause, Invariant
from poolproof.spec.model import Model

from . import registry
from .boundary import run_of
from .conditions_of_venus import OUTCOMES
from .monitor import DIVISION, Violation, division_by_zero, run_scenario
from .parts import scenarios_of
from .snapshots import state_to_json
from .system_monitor import Watch, monitor_of
from .traces import Trace, TracedStep, Violated, calls_of, names_of, read_argument, start_state
from .two_runs import AGREE, DONE, SIDES, VARY, Pair, events_of, may_differ_in


@dataclass(frozen=True, slots=True)
class Change:
    """One value of the state that a step changed; ``path`` as `markets.ETH.shares.alice`, values as text."""

    path: tuple[str, ...]
    old: str
    new: str


@dataclass(slots=True)
class ReplayedStep:
    """One step: what was recorded, what happened, what changed, and what broke."""

    recorded: TracedStep
    domains: dict[str, Domain]
    refusal: str | None
    message: str | None
    changes: list[Change] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    @property
    def as_recorded(self) -> bool:
        """Whether the step ended as the trace says."""
        return self.refusal == self.recorded.refusal


@dataclass(slots=True)
class ReplayReport:
    """A replayed trace.  ``violation`` is the one of the recorded invariant, at the recorded step."""

    trace: Trace
    claim: str
    runs: list[list[ReplayedStep]]
    violation: Violation | None = None
    differences: list[str] = field(default_factory=list)

    @property
    def as_recorded(self) -> bool:
        """Whether every step ended, and the invariant broke, as the trace says."""
        return not self.differences


def replay(trace: Trace, find: Callable[[str], tuple[Model, Catalogue]]) -> ReplayReport:
    """Run a trace; ``find`` gives the model and the catalogue of a model's name."""
    protocol = trace.parsed_protocol()
    model, catalogue = registry.of(protocol, find)
    invariant = next((each for each in catalogue if each.id == trace.invariant), None)
    claim = invariant.claim if invariant else "no action divides by zero"
    report = ReplayReport(trace, claim, [])
    promise = trace.violation.values.get("promise") if trace.violation is not None else None
    if invariant is None and trace.invariant != DIVISION and promise is None:
        report.differences.append(f'the invariant "{trace.invariant}" is not in the catalogue of "{model.name}"')
    if len(trace.runs) > 1:
        return _replay_two_runs(report, trace, model)
    last_state: Any = None
    for number, run in enumerate(trace.runs):
        last_state = start_state(trace, model)
        monitor = monitor_of(model, [invariant] if invariant else [], protocol.users)
        monitor.bind(last_state)
        if number == 0:
            _note(report, trace, 0, -1, monitor.check_state())
        steps: list[ReplayedStep] = []
        for position, step in enumerate(run):
            replayed = _replay_step(model, monitor, last_state, step)
            steps.append(replayed)
            _note(report, trace, number, position, replayed.violations)
            if not replayed.as_recorded:
                happened = replayed.refusal or "completed"
                expected = step.refusal or "completed"
                report.differences.append(f"run {number}, step {position}: {happened}, recorded as {expected}")
        report.runs.append(steps)
    if trace.violation is None:
        return report
    if promise is not None:
        _replay_promise(report, trace.violation, model)
    if "scenario" in trace.violation.values:
        owners = list(catalogue) if trace.invariant == DIVISION else [invariant]  # whichever divides
        _replay_scenario(report, trace.violation, model, owners, last_state)
    if report.violation is None:
        place = f"run {trace.violation.run}, step {trace.violation.step}"
        report.differences.append(f"{trace.invariant} is not violated at {place}")
    return report


def _note(report: ReplayReport, trace: Trace, run: int, step: int, violations: list[Violation]) -> None:
    """Keep the violation that the trace records, where it happens."""
    recorded = trace.violation
    if recorded is None or (recorded.run, recorded.step) != (run, step) or report.violation is not None:
        return
    report.violation = next((v for v in violations if v.invariant == trace.invariant), None)


def _replay_step(model: Model, monitor: Watch, state: Any, step: TracedStep) -> ReplayedStep:
    """Run one step, with the state before and after it side by side."""
    action = model.action(step.action)
    arguments = tuple(step.args[name] for name in action.domains)
    before = state_to_json(state)
    try:
        refusal = perform(state, action, arguments)
    except ZeroDivisionError:
        state.journal.undo()
        broken = division_by_zero(action.name)
        return ReplayedStep(step, action.domains, None, broken.message, [], [broken])
    if refusal is not None:
        return ReplayedStep(step, action.domains, refusal.name, str(refusal))
    violations = monitor.check(action, arguments)
    changes = list(differences(before, state_to_json(state)))
    return ReplayedStep(step, action.domains, None, None, changes, violations)


def _replay_two_runs(report: ReplayReport, trace: Trace, model: Model) -> ReplayReport:
    """Run both runs of a trace side by side; the violation is what differs outside the varied pool at the end."""
    varied = "".join(trace.vary).removeprefix(VARY)
    state = start_state(trace, model)
    report.runs = [[] for _ in trace.runs]
    if not may_differ_in(state, varied):
        report.differences.append(f'two runs cannot differ in "{varied}", which is no isolated pool of a system')
        return report
    pair = Pair(state, varied, trace.parsed_protocol().users)
    difference = None
    for side, call in events_of(trace, model, pair):
        before = [state_to_json(system) for system in pair.systems]
        difference = pair.do((side, call))
        for position, system in enumerate(pair.systems):
            if side in ("both", SIDES[position]):
                _note_answer(
                    report,
                    position,
                    call[0],
                    pair.answers[position],
                    differences(before[position], state_to_json(system)),
                )
    if any(len(steps) < len(run) for steps, run in zip(report.runs, trace.runs, strict=True)):
        report.differences.append("the runs differ in actions outside the pool that varies")
    if trace.violation is None:
        return report
    if difference is None:
        report.differences.append(f"{trace.invariant} is not violated: nothing differs outside the pool that varies")
    else:
        report.violation = Violation(trace.invariant, AGREE, difference.message, dict(trace.violation.values))
    return report


def _note_answer(
    report: ReplayReport, number: int, action: Action, answer: str | None, changes: Iterable[Change]
) -> None:
    """Keep how a step of two runs ended."""
    position = len(report.runs[number])
    step = report.trace.runs[number][position]
    refusal, _, message = (None, "", None) if answer == DONE else str(answer).partition(": ")
    replayed = ReplayedStep(step, action.domains, refusal, message, list(changes))
    report.runs[number].append(replayed)
    if not replayed.as_recorded:
        expected = step.refusal or DONE
        report.differences.append(f"run {number}, step {position}: {refusal or DONE}, recorded as {expected}")


def _replay_promise(report: ReplayReport, recorded: Violated, model: Model) -> None:
    """Judge the run of a protocol's own claim, which is no invariant, by what the claim promises."""
    name, trace = recorded.values["promise"], report.trace
    promise = OUTCOMES.get(name) if isinstance(name, str) else None
    if promise is None:
        report.differences.append(f'no claim promises "{name}"')
        return
    report.claim = " ".join((promise.__doc__ or name).split()).rstrip(".")
    try:
        message = promise(run_of(trace.parsed_protocol(), model, calls_of(trace, model)))
    except (AttributeError, LookupError):  # another last step, or markets that the promise does not speak of
        report.differences.append(f'"{name}" says nothing of a run like this')
        return
    if message is not None:
        report.violation = Violation(trace.invariant, name, message, dict(recorded.values))


def _replay_scenario(
    report: ReplayReport, recorded: Violated, model: Model, owners: Sequence[Invariant | None], state: Any
) -> None:
    """Run the recorded scenario from the state in which the recorded run ends."""
    trace, name = report.trace, recorded.values["scenario"].get("clause", "")
    found = recorded_scenario(trace, recorded, model, owners, state)
    if found is None:
        report.differences.append(f'{trace.invariant} has no scenario "{name}" with these arguments')
        return
    clause, arguments = found
    try:
        message = run_scenario(model, clause, state, arguments)
    except ZeroDivisionError:
        message = division_by_zero(name).message if trace.invariant == DIVISION else None
    if message is not None:
        report.violation = Violation(trace.invariant, name, message, dict(recorded.values))


def recorded_scenario(
    trace: Trace, recorded: Violated, model: Model, owners: Sequence[Invariant | None], state: Any
) -> tuple[Clause, tuple[Any, ...]] | None:
    """The scenario in which a trace shows its violation, with its arguments; None where no owner has it."""
    texts = dict(recorded.values["scenario"])
    clause = _scenario(model, owners, texts.pop("clause", ""))
    if clause is None or set(texts) != set(clause.domains):
        return None
    names = names_of(trace.parsed_protocol(), state)
    return clause, tuple(
        read_argument(texts[argument], domain, names, f"violation.values.scenario.{argument}")
        for argument, domain in clause.domains.items()
    )


def _scenario(model: Model, owners: Sequence[Invariant | None], name: str) -> Clause | None:
    """The scenario clause of a name."""
    scenarios = (clause for invariant in owners for clause in scenarios_of(model, invariant))
    return next((clause for clause in scenarios if clause.name == name), None)


def differences(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Change]:
    """Each value that differs between two states in JSON."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from differences(old.get(key, "0"), new.get(key, "0"), (*path, key))
    elif old != new:
        yield Change(path, _text(old), _text(new))


def _text(value: Any) -> str:
    """A value of a state in JSON as one text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)

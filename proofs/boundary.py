"""The edge of a condition: a run just inside it, where a claim holds, and one just outside, where it fails.

Both are carried out on integers when a claim is decided.  Between two numbers the edge is found by bisection, on what
the run did, not on what the condition says; at every number that is tried, the claim has to hold where the condition
does.  An edge is exact where the condition ends at the very number at which the claim does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from poolproof.spec.action import Action, perform
from poolproof.spec.claim import VARIED, Edge
from poolproof.spec.errors import UsageError, shown
from poolproof.spec.loading import read_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from . import registry
from .traces import Call, Trace, TracedStep, Violated, traced


@dataclass(slots=True)
class Run:
    """A run on integers: the states before and after its last step, and how that step ended.

    Both states are the reader's own: they may be accrued.
    """

    protocol: Protocol
    model: Model
    steps: list[TracedStep]
    before: Any
    after: Any

    @property
    def last(self) -> TracedStep:
        """The last step."""
        return self.steps[-1]

    def borrowed(self, market: str) -> int:
        """What was asked for in a market, over all steps [tokens]."""
        return sum(
            step.args["amount"] for step in self.steps if step.action == "borrow" and step.args["asset"] == market
        )


Condition: TypeAlias = Callable[[Run], bool]
Outcome: TypeAlias = Callable[[Run], str | None]
"""What a run did against a claim, in words; None where it did nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """An edge that was looked for: the arguments on both sides, and the run outside as a trace.

    ``problem`` says why it is no edge.
    """

    edge: Edge
    inside: str
    outside: str
    exact: bool = False
    message: str | None = None
    trace: Trace | None = None
    problem: str | None = None

    @property
    def condition(self) -> str:
        """The condition in words."""
        return self.edge.condition


@dataclass(frozen=True, slots=True)
class _Tried:
    """A run of an edge with one argument: whether the condition held, and what was done against the claim."""

    run: Run
    within: bool
    failure: str | None


def find_edge(
    edge: Edge, claim: str, protocol: Protocol, conditions: dict[str, Condition], outcomes: dict[str, Outcome]
) -> Found:
    """Look for the edge of a condition on a protocol."""
    changed = changed_protocol(protocol, edge)
    within, failure = conditions[edge.within], outcomes[edge.spares]

    def attempt(value: str) -> _Tried:
        run = rehearse(changed, edge, value)
        return _Tried(run, within(run), failure(run))

    tried = {value: attempt(value) for value in (edge.inside, edge.outside)}
    inside, outside = edge.inside, edge.outside
    if not tried[inside].within or tried[inside].failure is not None:
        return Found(
            edge, inside, outside, problem=f"with {inside} it should hold: {tried[inside].failure or 'outside'}"
        )
    if tried[outside].failure is None:
        return Found(edge, inside, outside, problem=f"with {outside} nothing fails")
    if inside.isdecimal() and outside.isdecimal():

        def holds(value: int) -> bool:
            now = tried[str(value)] = attempt(str(value))
            return now.failure is None

        inside, outside = map(str, bisected(holds, int(inside), int(outside)))
    broken = next((value for value, each in tried.items() if each.within and each.failure is not None), None)
    last = tried[broken or outside]
    trace = _trace(edge, claim, last)
    if broken is not None:
        return Found(edge, inside, broken, False, last.failure, trace, f"with {broken} it fails inside the condition")
    return Found(edge, inside, outside, tried[inside].within, last.failure, trace)


def bisected(holds: Callable[[int], bool], good: int, bad: int) -> tuple[int, int]:
    """Two neighbours from a number for which something holds to one for which it does not."""
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good, bad


def changed_protocol(protocol: Protocol, edge: Edge) -> Protocol:
    """A protocol with the parameters that an edge changes.

    Refuses: a pool or market that the protocol does not have, and what then is no protocol.
    """
    if not edge.changes:
        return protocol
    data = protocol.canonical_json()
    for place, key, value in edge.changes:
        tables = [table for name, table in _tables(data) if name == place]
        if not tables:
            raise UsageError(f"{shown(place)} is no pool or market of {protocol.name}", edge.name, "correct the edge")
        tables[0][key] = value
    return read_protocol(data, edge.name)


def _tables(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The pools and markets of a protocol in JSON, by name."""
    for pool in data["pools"]:
        yield pool["id"], pool
        for market in pool["markets"]:
            yield f"{pool['id']}/{market['asset']}", market


def rehearse(protocol: Protocol, edge: Edge, value: str) -> Run:
    """Run the steps of an edge with one argument.

    Refuses: an action that the model does not have, or another number of arguments than it takes.
    """
    model, _ = registry.of(protocol)
    calls = [_call(model, step, value, f"{edge.name}: steps[{position}]") for position, step in enumerate(edge.steps)]
    return run_of(protocol, model, calls)


def run_of(protocol: Protocol, model: Model, calls: list[Call]) -> Run:
    """Carry a list of actions out, refused ones included."""
    before, after = model.build(protocol), model.build(protocol)
    steps = [_carry_out(after, *call) for call in calls]
    for call in calls[:-1]:
        _carry_out(before, *call)
    return Run(protocol, model, steps, before, after)


def _call(model: Model, step: tuple[str, ...], value: str, where: str) -> Call:
    """An action with its arguments, from the text of a step."""
    name, *texts = step
    action = next((each for each in model.actions if each.name == name), None)
    if action is None or len(texts) != len(action.domains):
        raise UsageError(f"{shown(' '.join(step))} is not an action with its arguments", where, "correct the step")
    arguments = (value if text == VARIED else text for text in texts)
    return action, tuple(
        int(text) if domain.is_number else text for text, domain in zip(arguments, action.domains.values(), strict=True)
    )


def _carry_out(state: Any, action: Action, arguments: tuple[Any, ...]) -> TracedStep:
    """Carry an action out, as a step of a trace."""
    refusal = perform(state, action, arguments)
    return traced(action, arguments, refusal.name if refusal is not None else None)


def _trace(edge: Edge, claim: str, tried: _Tried) -> Trace:
    """A run that fails a claim, as a trace that replays alone."""
    run, message = tried.run, tried.failure or "nothing failed"
    violation = Violated(0, len(run.steps) - 1, message, {"promise": edge.spares})
    config = run.protocol.canonical_json()
    return Trace(run.protocol.name, config, claim, [run.steps], violation, vary=[edge.condition])

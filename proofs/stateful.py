"""The same actions and claims as a state machine of Hypothesis: another way to explore and to shrink.

The machine is built from the declarations alone: a rule for each action, a strategy for each domain.  An
amount is either a number or a place beside a number that the state holds ("all of it, less one"), so that
shrinking keeps what makes a sequence work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from poolproof.spec.action import Action, Domain, perform
from poolproof.spec.invariant import Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .draw import AMOUNT_LIMIT
from .hunting import Finding
from .monitor import Violation, division_by_zero
from .shrink import shrink
from .situation import hints_of
from .snapshots import copy_state
from .system_monitor import monitor_of
from .traces import Call, Trace, names_of


class Violated(AssertionError):
    """A sequence of actions violates an invariant; it carries the sequence."""

    def __init__(self, violation: Violation, calls: list[Call]) -> None:
        super().__init__(f"{violation.invariant}: {violation.message}")
        self.violation, self.calls = violation, calls


@dataclass(frozen=True, slots=True)
class Beside:
    """So many eighths of a number that the state holds, and ``more`` units."""

    hint: int
    eighths: int
    more: int

    def resolve(self, hints: tuple[int, ...], domain: Domain) -> int:
        """The number, inside its domain."""
        base = hints[self.hint % len(hints)] if hints else 8
        return _inside(domain, base * self.eighths // 8 + self.more)


def _high(domain: Domain) -> int:
    return AMOUNT_LIMIT - 1 if domain.high is None else domain.high


def _inside(domain: Domain, number: int) -> int:
    return max(domain.low, min(number, _high(domain)))


def strategy_of(domain: Domain, names: dict[str, tuple[str, ...]]) -> st.SearchStrategy[Any]:
    """What an argument of a domain may be; a number may wait for the state in the form of ``Beside``."""
    if domain.kind in names:
        return st.sampled_from(names[domain.kind])
    if domain.kind == "slots":
        return st.sampled_from((0, 1, 3600, 86_400, 31_536_000))
    beside = st.builds(
        Beside,
        st.integers(0, 3),
        st.sampled_from((8, 4, 7, 1, 9, 16)),
        st.sampled_from((0, -1, 1)),
    )
    return beside | st.integers(domain.low, 20) | st.integers(domain.low, _high(domain))


def machine(
    model: Model, protocol: Protocol, invariants: Iterable[Invariant], *, only: Iterable[str] | None = None
) -> type[RuleBasedStateMachine]:
    """A state machine of Hypothesis for a protocol: it fails with ``Violated``."""
    checked = tuple(invariants)
    initial = model.build(protocol)
    names = names_of(protocol, initial)
    allowed = None if only is None else set(only)

    class ProtocolMachine(RuleBasedStateMachine):
        """Runs actions on the concrete model, and checks what each of them touched."""

        def __init__(self) -> None:
            super().__init__()
            self.state = copy_state(initial)
            self.monitor = monitor_of(model, checked, protocol.users)
            self.monitor.bind(self.state)
            self.calls: list[Call] = []
            self.raise_first(self.monitor.check_state())

        def raise_first(self, violations: list[Violation]) -> None:
            """Fail with the first violation, if there is one."""
            if violations:
                raise Violated(violations[0], self.calls)

        def carry_out(self, action: Action, drawn: dict[str, Any]) -> None:
            """Carry an action out, and check it."""
            named = {name: value for name, value in drawn.items() if not isinstance(value, Beside)}
            arguments = tuple(
                drawn[name].resolve(hints_of(self.state, protocol.users, named, domain), domain)
                if isinstance(drawn[name], Beside)
                else drawn[name]
                for name, domain in action.domains.items()
            )
            self.calls.append((action, arguments))
            try:
                refusal = perform(self.state, action, arguments)
            except ZeroDivisionError:
                self.state.journal.undo()
                raise Violated(division_by_zero(action.name), self.calls) from None
            if refusal is None:
                self.raise_first(self.monitor.check(action, arguments))

    for action in model.actions:
        if allowed is None or action.name in allowed:
            strategies = {name: strategy_of(domain, names) for name, domain in action.domains.items()}
            declare: Any = rule  # its overloads know no rule of which the arguments are computed
            setattr(ProtocolMachine, f"do_{action.name}", declare(**strategies)(_rule_of(action)))
    return ProtocolMachine


def _rule_of(action: Action) -> Callable[..., None]:
    def carry_out(self: Any, **drawn: Any) -> None:
        self.carry_out(action, drawn)

    carry_out.__name__ = carry_out.__qualname__ = f"do_{action.name}"
    carry_out.__doc__ = action.meaning
    return carry_out


def search_with_hypothesis(
    model: Model,
    protocol: Protocol,
    invariants: Iterable[Invariant],
    *,
    examples: int = 100,
    steps: int = 30,
    only: Iterable[str] | None = None,
) -> Trace | None:
    """Run the machine with fixed seeds; what it finds, in the form that every engine's traces take."""
    checked = {invariant.id: invariant for invariant in invariants}
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow,),
        print_blob=False,
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(machine(model, protocol, checked.values(), only=only), settings=chosen)
    except Violated as found:
        broken = found.violation.invariant
        return shrink(model, protocol, Finding(broken, checked.get(broken), found.calls))
    return None

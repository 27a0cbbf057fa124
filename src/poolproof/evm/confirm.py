"""A trace of the model "venus", run on the model and on the contracts side by side: all that can be observed agrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from poolproof.models.deployed.venus.build import ACTIONS as DEPLOYED
from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.registry import support_market_again
from poolproof.models.deployed.venus.rewards import REWARD_ACTIONS, RewardsDistributor
from poolproof.proofs import registry
from poolproof.proofs.monitor import DIVISION
from poolproof.proofs.replay import recorded_scenario
from poolproof.proofs.traces import Trace, Violated, calls_of, start_state
from poolproof.proofs.trial import ConcreteTrial, run_scenario
from poolproof.proofs.venus_traces import RecordedCall, deployment_of, observed, observed_of, recorded_call
from poolproof.spec.action import Action, perform
from poolproof.spec.errors import UsageError
from poolproof.spec.refusal import Refusal

from .replay import Report
from .venus import VenusOnEvm

History = list[tuple[RecordedCall, int]]
"""What was done to a copy of the contracts since the trace ended, and when."""


@dataclass(frozen=True)
class ConfirmedStep:
    """One action on both sides: how it ended on the contracts, and how many values were compared."""

    place: str
    refusal: str | None
    compared: int


@dataclass
class Confirmation:
    """What was run on both sides, and where they differ."""

    report: Report = field(default_factory=lambda: Report(expected="the model says"))
    steps: list[ConfirmedStep] = field(default_factory=list)
    left_out: str | None = None
    """What of the trace the contracts cannot do."""

    @property
    def confirmed(self) -> bool:
        """The contracts did everything that the model does."""
        return self.report.confirmed

    def to_json(self) -> dict[str, Any]:
        """As the JSON of `replay --evm` has it."""
        return {
            "confirmed": self.confirmed,
            "steps": len(self.steps),
            "values": self.report.compared,
            "left_out": self.left_out,
            "differences": self.report.differences,
        }


def confirm(trace: Trace) -> Confirmation:
    """Run a trace on the model and on the contracts, up to the first step that differs.

    Refuses: a trace of another model, of two runs or from a state of its own, and what `VenusOnEvm` refuses.
    """
    twin = _Twin(trace)
    pool = twin.pool
    twin.compare("start", pool)
    for number, (action, arguments) in enumerate(calls_of(trace, VENUS)):
        if twin.result.report.differences:
            return twin.result
        refusal = perform(pool, action, arguments)
        call = twin.recorded(action, arguments)
        twin.step(f"step {number + 1}, {action.name}", call, refusal, pool)
    recorded = trace.violation
    if recorded is not None and "scenario" in recorded.values and not twin.result.report.differences:
        _run_scenario(twin, trace, recorded)
    return twin.result


class _Twin:
    """The model and the contracts, each as it was deployed."""

    def __init__(self, trace: Trace) -> None:
        protocol = trace.parsed_protocol()
        _require_runnable(trace, protocol.model)
        self.pool: Comptroller = start_state(trace, VENUS)
        self.names = tuple(self.pool.markets)
        self._slots_per_year = [market.rate_model.slots_per_year for market in protocol.pools[0].markets]
        self.contracts = VenusOnEvm(deployment_of(protocol), 0, 0)
        self.result = Confirmation()
        self._shown = {f"m{number}": name for number, name in enumerate(self.names)}

    def recorded(self, action: Action, arguments: tuple[Any, ...]) -> RecordedCall | None:
        """An action as the contracts do it."""
        return recorded_call(action, arguments, self.names, self._slots_per_year)

    def step(self, place: str, call: RecordedCall | None, refusal: Refusal | None, pool: Comptroller) -> bool:
        """Do on the contracts what the model did, and compare how it ended and what is then; whether it completed."""
        report = self.result.report
        before = report.compared
        ended = None if call is None else self.contracts.do(*call, pool.now, pool.now)
        shown = None if ended is None else _shown_error(ended[0], [self._shown.get(each, each) for each in ended[1]])
        report.compare(f"{place}: refused with", None if refusal is None else error_of(refusal), shown)
        self.compare(place, pool)
        self.result.steps.append(ConfirmedStep(place, shown, report.compared - before))
        return ended is None

    def compare(self, place: str, pool: Comptroller) -> None:
        """Compare everything that can be observed."""
        found = observed(self.contracts.state(), self.contracts.parameters(), self.names)
        self.result.report.compare(place, observed_of(pool), found)
        for name in pool.distributors:
            self.result.report.compare(
                f"{place}.rewards", _rewards_of(pool.distributors[name]), self.contracts.rewards()
            )


def _require_runnable(trace: Trace, model: str) -> None:
    """Refuse what no contracts of ours can run."""
    if model != VENUS.name:
        rule = f'there is a bridge to contracts for the model "{VENUS.name}" alone, and this trace is of "{model}"'
        raise UsageError(rule, "--evm", "replay it without --evm")
    if len(trace.runs) != 1:
        raise UsageError("the contracts run one run, and this trace has two", "--evm", "replay it without --evm")
    if trace.start is not None:
        rule = "the contracts start as they are deployed, and this trace starts from a state of its own"
        raise UsageError(rule, "start", "replay it without --evm")


def _rewards_of(distributor: RewardsDistributor) -> dict[str, dict[str, str]]:
    """What each account was paid, and what it has accrued."""
    accounts = dict.fromkeys((*distributor.balances, *distributor.accrued))
    return {
        account: {"paid": str(distributor.balances[account]), "accrued": str(distributor.accrued[account])}
        for account in accounts
        if account != distributor.name
    }


def error_of(refusal: Refusal) -> str:
    """The error of a model's refusal, as the contracts name it."""
    name, arguments = refusal.error  # type: ignore[attr-defined]  # every refusal of this model is a Revert
    return _shown_error(name, arguments)


def _shown_error(name: str, arguments: Any) -> str:
    """An error with its arguments."""
    return f"{name}({', '.join(map(str, arguments))})"


# --- the scenario at the end of a trace ----------------------------------------------------------------------------


def _run_scenario(twin: _Twin, trace: Trace, recorded: Violated) -> None:
    """Do on the contracts each action that the scenario performs on the model, from the same state."""
    catalogue = registry.find(VENUS.name)[1]
    owners = [each for each in catalogue if trace.invariant in (each.id, DIVISION)]
    found = recorded_scenario(trace, recorded, VENUS, owners, twin.pool)
    if found is None:
        twin.result.left_out = "the scenario is not one of this invariant"
        return
    trial = _TrialOnBoth(twin)
    run_scenario(VENUS, *found[:1], twin.pool, found[1], trial)
    if not trial.done:
        twin.result.left_out = "the scenario performs no action"


class _TrialOnBoth(ConcreteTrial):
    """Runs a scenario on copies of the model, and each of its actions on the contracts too.

    A copy of the contracts is the state at the end of the trace, and what was done to the copy since.
    """

    def __init__(self, twin: _Twin) -> None:
        super().__init__(VENUS)
        self.twin = twin
        self.done = 0
        self._copies: list[tuple[Any, History]] = [(twin.pool, [])]

    def copy(self, state: Any) -> Any:
        """An independent copy of a state, with the history of the original."""
        copied = super().copy(state)
        self._copies.append((copied, list(self._history(state))))
        return copied

    def accrue(self, state: Any) -> None:
        """Bring every market to the present, one action each."""
        for name in state.markets:
            action = next(each for each in DEPLOYED if each.name == "accrue_interest")
            self.do(state, action, name)

    def do(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out on both sides; the model's refusal if it refuses."""
        return self._on_both(state, action, arguments, lambda: super(_TrialOnBoth, self).do(state, action, *arguments))

    def attempt(self, state: Any, part: Callable[..., None], *arguments: Any) -> Refusal | None:
        """Carry out what an action runs, on both sides."""
        whole = next((each for each in (*DEPLOYED, *REWARD_ACTIONS, support_market_again) if each.run is part), None)
        if whole is None:
            self.twin.result.left_out = f"the contracts cannot do a part of an action, {part.__name__}"
            return super().attempt(state, part, *arguments)
        return self._on_both(state, whole, arguments, lambda: perform(state, whole, arguments))

    def _on_both(
        self, state: Any, action: Action, arguments: tuple[Any, ...], on_model: Callable[[], Refusal | None]
    ) -> Refusal | None:
        """Act on the model, then on the contracts as the copy's history leaves them."""
        twin, history = self.twin, self._history(state)
        contracts = twin.contracts
        with contracts.undone():
            for earlier, when in history:
                contracts.do(*earlier, when, when)
            for gift in self._gifts(state):
                history.append((gift, state.now))
                contracts.do(*gift, state.now, state.now)
            self._write_listed(state)
            refusal = on_model()
            self.done += 1
            call = twin.recorded(action, arguments)
            place = f"scenario, action {self.done}, {action.name}"
            if twin.step(place, call, refusal, state) and call is not None:
                history.append((call, state.now))
        return refusal

    def _gifts(self, state: Any) -> list[RecordedCall]:
        """What the scenario wrote into the model without an action: prices, and tokens that it gave away."""
        prices = self.twin.contracts.parameters()["m"]
        holders = self.twin.contracts.state()["u"]
        found: list[RecordedCall] = []
        for number, name in enumerate(self.twin.names):
            market = state.seen(name)
            if int(prices[number]["price"]) != market.price:
                found.append(("setPrice", {"m": number, "price": str(market.price)}))
            for account, holds in holders.items():
                if (given := market.underlying[account] - int(holds["t"][number])) > 0:
                    found.append(("faucet", {"m": number, "user": account, "amount": str(given)}))
        return found

    def _write_listed(self, state: Any) -> None:
        """Which markets are listed, where the scenario wrote it into the model without a vote."""
        shown = self.twin.contracts.parameters()["m"]
        for number, name in enumerate(self.twin.names):
            if shown[number]["listed"] != state.seen(name).listed:
                self.twin.contracts.write_listed(number, listed=state.seen(name).listed)

    def _history(self, state: Any) -> History:
        """What was done to a copy."""
        return next(history for copied, history in self._copies if copied is state)

"""Attacking what is not proved: every concrete engine in turn, until one shows a trace.

The engines are tried from the fastest to the most thorough; whatever one finds goes through the shared shrinker, so
the trace does not depend on who found it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from poolproof.spec.invariant import Clause, Invariant
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

from .counterexamples import tried
from .fuzz import fuzz, hunt, initial_state
from .parts import is_system, pools_of
from .progress import Event, Listener
from .traces import Trace

FIRST_EFFORT = 100_000
"""Steps of the attack before the proofs, shared between watching the invariants and moving on."""
CAMPAIGN_STEPS = 12_000
HUNT_STEPS = 120_000
SEARCH_DEPTH = 3
EXPLORE_DEPTH = 5
EXPLORE_STATES = 40_000
FEW = 6
"""With more invariants than these open after the common campaign, each gets an eighth of the effort."""


@dataclass(slots=True)
class Found:
    """What the attack on one invariant gave."""

    engine: str
    trace: Trace | None = None
    depth: int | None = None
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)


class Attack:
    """The concrete engines on one protocol."""

    def __init__(
        self,
        model: Model,
        protocol: Protocol,
        engines: tuple[str, ...],
        seed: int,
        state: dict[str, Any] | None,
        on_event: Listener,
    ) -> None:
        self.model, self.protocol, self.seed, self.start, self.on_event = (
            model,
            protocol,
            seed,
            state,
            on_event,
        )
        self.engines = engines or ("prove", "fuzz", "search", "explore")
        self.patience = 1
        self.config = protocol.canonical_json()

    def outside_region(self) -> list[str]:
        """The conditions of the admissible region that the protocol's parameters do not meet."""
        state = initial_state(self.model, self.protocol, self.start)
        return list(dict.fromkeys(name for name, holds in self.model.admissible(state) if not holds))

    def base_case(self, lemmas: list[tuple[Invariant, Clause]], proofs: dict[str, Any]) -> None:
        """Check that the start satisfies the lemmas; note each that does not hold there."""
        state = initial_state(self.model, self.protocol, self.start)
        accounts = (*self.protocol.users, "treasury")
        for invariant, clause in lemmas:
            for pool, (name, market) in [(each, item) for each in pools_of(state) for item in each.markets.items()]:
                places = [(pool, market)] if clause.over == "market" else [(pool, market, a) for a in accounts]
                if not all(holds(clause, place) for place in places):
                    proofs[invariant.id].reason = f"{clause.name} does not hold at the start, in {name}"

    def at_first(self, invariants: list[Invariant]) -> Iterator[tuple[Invariant, Found]]:
        """Known counterexamples, and a short campaign, before anything is proved: what they refute needs no proof."""
        if "fuzz" not in self.engines:
            return
        left: list[Invariant] = []
        for invariant in invariants:
            began = time.monotonic()
            trace = tried(self.model, self.protocol, invariant, start=self.start)
            if trace is None:
                left.append(invariant)
            else:
                yield invariant, Found("fuzz", trace, seconds=time.monotonic() - began)
        if left:
            yield from self._campaign(left, FIRST_EFFORT // (8 + len(left)))

    def on(self, invariants: list[Invariant], hints: dict[str, tuple[str, ...]]) -> Iterator[tuple[Invariant, Found]]:
        """Attack each invariant; results come as they are found."""
        left = {invariant.id: invariant for invariant in invariants}
        if left and "fuzz" in self.engines:
            for invariant, found in self._campaign(invariants, CAMPAIGN_STEPS):
                del left[invariant.id]
                yield invariant, found
        self.patience = 1 if len(left) <= FEW else 8
        for invariant in list(left.values()):
            yield invariant, self._one(invariant, hints.get(invariant.id, ()))

    def _campaign(self, invariants: list[Invariant], steps: int) -> Iterator[tuple[Invariant, Found]]:
        """Random runs that watch all of the invariants."""
        by_id = {invariant.id: invariant for invariant in invariants}
        began = time.monotonic()
        self.on_event(Event("fuzz", 0, len(by_id)))
        report = fuzz(self.model, self.protocol, invariants, steps=steps, seed=self.seed, start=self.start)
        for trace in report.violations:
            if trace.invariant in by_id:
                yield by_id[trace.invariant], Found("fuzz", trace, seconds=time.monotonic() - began)

    def _one(self, invariant: Invariant, hint: tuple[str, ...]) -> Found:
        began = time.monotonic()
        found = Found("fuzz" if self.model.runs_only else "prove")
        if self.model.runs_only and (unable := [engine for engine in self.engines if engine in ("search", "explore")]):
            found.reasons.append(f"{', '.join(unable)}: the actions of a deployed contract run on integers alone")
        for engine in ("fuzz", "search", "explore"):
            if engine not in self.engines:
                continue
            self.on_event(Event(f"{engine} {invariant.id}"))
            if engine == "fuzz" or not self.model.runs_only:
                getattr(self, f"_by_{engine}")(invariant, hint, found)
            if found.trace is not None:
                found.engine = engine
                break
        found.seconds = time.monotonic() - began
        return found

    def _by_fuzz(self, invariant: Invariant, hint: tuple[str, ...], found: Found) -> None:
        found.trace = hunt(
            self.model, self.protocol, invariant,
            budget_steps=HUNT_STEPS // self.patience, seed=self.seed, hints=hint, start=self.start,
        )  # fmt: skip
        found.reasons.append(f"fuzz: nothing in {HUNT_STEPS // self.patience} steps")

    def _by_search(self, invariant: Invariant, hint: tuple[str, ...], found: Found) -> None:
        if self.start is not None or is_system(self.model):
            limit = "reads one pool" if is_system(self.model) else "starts from the initial state only"
            found.reasons.append(f"search: {limit}")
            return
        from .search import search

        depth = SEARCH_DEPTH if self.patience == 1 else 1
        report = search(self.model, self.protocol, invariant, depth=depth, seed=self.seed, actions_hint=hint)
        found.trace = report.trace
        if report.trace is None and report.complete:
            found.depth = report.depth
        found.reasons.append(f"search: nothing to depth {report.depth}{'' if report.complete else ', incomplete'}")

    def _by_explore(self, invariant: Invariant, hint: tuple[str, ...], found: Found) -> None:
        if self.start is not None or is_system(self.model):
            return
        if all(clause.form == "scenario" for clause in invariant.clauses):
            return
        from .explore import explore

        states = EXPLORE_STATES // self.patience
        report = explore(self.model, self.protocol, [invariant], depth=EXPLORE_DEPTH, max_states=states, seed=self.seed)
        found.trace = next((trace for trace in report.violations if trace.config == self.config), None)
        found.reasons.append(f"explore: nothing in {report.distinct} states of the small world")


def holds(clause: Clause, place: tuple[Any, ...]) -> bool:
    """Whether a claim holds at a place; where it asks for a price that is missing, it says nothing."""
    try:
        return bool(clause.check(*place))
    except Refusal:
        return True

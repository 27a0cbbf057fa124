"""Random sequences on the concrete model: a fast loop that finds, and one that hunts for a single invariant.

Runs are cut into episodes from the initial state, so that what is found is short.  The same seed gives the
same run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Literal

from poolproof.spec.invariant import Invariant
from poolproof.spec.loading import read_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .campaign import Campaign, FuzzReport, initial_state
from .hunting import Hunter, weights_for
from .parts import is_system
from .shrink import shrink
from .traces import Trace
from .two_runs import CLAIMS, hunt_two_runs

__all__ = ["Checks", "FuzzReport", "fuzz", "hunt", "initial_state"]

Checks = Literal["all", "none"]

LONGEST_HUNTED = 60
"""Longest episode of a hunt [actions]."""
TOLD_EVERY = 0.2
"""Shortest time between two reports of progress [s]."""


def fuzz(
    model: Model,
    protocol: Protocol,
    invariants: Iterable[Invariant],
    *,
    steps: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    checks: Checks = "all",
    start: dict[str, Any] | None = None,
    weights: dict[str, float] | None = None,
    only_actions: Iterable[str] | None = None,
    on_progress: Callable[[FuzzReport], None] | None = None,
    jobs: int = 1,
) -> FuzzReport:
    """Run random sequences for a number of steps or seconds, and check the invariants after every action.

    Of each invariant that fails the first violation is shrunk into a trace, and the invariant is not
    checked again.  With neither steps nor seconds, one episode is run.  With several jobs, each has a
    process and a seed of its own; a model or invariants that ``registry.find`` does not know are not shared
    out.
    """
    chosen = tuple(invariants) if checks == "all" else ()
    allowed = None if only_actions is None else tuple(only_actions)
    if jobs > 1 and (steps is not None or seconds is not None) and _registered(model, protocol, chosen):
        share = None if steps is None else -(-steps // jobs)
        ids = tuple(invariant.id for invariant in chosen)
        config = protocol.canonical_json()
        shares = [
            _Share(config, ids, share, seconds, seed * 1_000_003 + job, start, weights, allowed, job)
            for job in range(jobs)
        ]
        return _share_out(protocol.name, shares, on_progress)
    campaign = Campaign(model, protocol, chosen, seed, start, weights, allowed)
    began = told = time.perf_counter()
    report = campaign.report
    while True:
        campaign.episode(None if steps is None else steps - report.actions)
        now = time.perf_counter()
        report.seconds = now - began
        if on_progress is not None and now - told > TOLD_EVERY:
            told = now
            on_progress(report)
        enough = steps is not None and report.actions >= steps
        late = seconds is not None and report.seconds >= seconds
        if enough or late or (steps is None and seconds is None):
            return report


# --- several processes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Share:
    """What one process does, as plain data: the model and the invariants go by their names."""

    config: dict[str, Any]
    ids: tuple[str, ...]
    steps: int | None
    seconds: float | None
    seed: int
    start: dict[str, Any] | None
    weights: dict[str, float] | None
    only_actions: tuple[str, ...] | None
    job: int


def _registered(model: Model, protocol: Protocol, invariants: tuple[Invariant, ...]) -> bool:
    """Whether another process finds the same model and invariants by their names."""
    from poolproof.spec.errors import UsageError

    from . import registry

    try:
        found, catalogue = registry.of(protocol)
    except UsageError:
        return False
    return found is model and all(each.id in catalogue and catalogue[each.id] is each for each in invariants)


_actions_done: Any = None
"""In a worker: how many actions each job has done, shared with the parent."""


def _begin_work(actions_done: Any) -> None:
    global _actions_done  # noqa: PLW0603 - what a pool gives its workers once
    _actions_done = actions_done


def _work(share: _Share) -> FuzzReport:
    """Do a share in a worker."""
    from . import registry

    def tell(report: FuzzReport) -> None:
        _actions_done[share.job] = report.actions

    protocol = read_protocol(share.config, "the protocol of a fuzzing job")
    model, catalogue = registry.of(protocol)
    return fuzz(
        model,
        protocol,
        [catalogue[each] for each in share.ids],
        steps=share.steps,
        seconds=share.seconds,
        seed=share.seed,
        start=share.start,
        weights=share.weights,
        only_actions=share.only_actions,
        on_progress=tell,
    )


def _share_out(name: str, shares: list[_Share], on_progress: Callable[[FuzzReport], None] | None) -> FuzzReport:
    """Run the shares, tell the progress of all together, and add them up in the order of the seeds."""
    from multiprocessing import get_context

    context = get_context("spawn" if sys.platform == "win32" else "forkserver")
    actions_done = context.Array("Q", len(shares))
    began = time.perf_counter()
    with ProcessPoolExecutor(
        len(shares), mp_context=context, initializer=_begin_work, initargs=(actions_done,)
    ) as pool:
        futures = [pool.submit(_work, share) for share in shares]
        waiting = set(futures)
        while waiting:
            waiting = wait(waiting, timeout=TOLD_EVERY).not_done
            if on_progress is not None:
                elapsed = time.perf_counter() - began
                on_progress(FuzzReport(name, actions=sum(actions_done[:]), seconds=elapsed))
        total = FuzzReport(name)
        for future in futures:
            total.add(future.result())
    if on_progress is not None:
        on_progress(total)
    return total


# --- hunting ----------------------------------------------------------------------------------------------


def hunt(
    model: Model,
    protocol: Protocol,
    invariant: Invariant,
    *,
    budget_steps: int,
    seed: int = 0,
    hints: Iterable[str] = (),
    start: dict[str, Any] | None = None,
) -> Trace | None:
    """Look for a violation of one invariant with a number of steps; a shrunk trace, or None.

    ``hints`` name actions that are tried more often, and scenario clauses that alone are run.
    """
    if invariant.id in CLAIMS and is_system(model):
        trace = hunt_two_runs(model, protocol, invariant.id, steps=budget_steps, seed=seed, start=start)
        if trace is not None:
            return trace
    hints = tuple(hints)
    hunter = Hunter(
        model,
        protocol,
        invariant.id,
        invariant,
        initial_state(model, protocol, start),
        seed=seed,
        weights=weights_for(hints),
        hinted=hints,
    )
    for finding in hunter.findings(budget_steps, LONGEST_HUNTED):
        trace = shrink(model, protocol, finding, start=start)
        if trace is not None:
            return trace
    return None

"""Two runs that differ in one pool agree on everything outside it, and a bug in that is found, shrunk and replayed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from poolproof.models import core_pool, credit_line, isolated_pool, market
from poolproof.models.reference import REFERENCE, SYSTEM
from poolproof.models.refusals import ZeroAmount
from poolproof.proofs import registry
from poolproof.proofs.fuzz import hunt
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import Trace, trace_from_json
from poolproof.proofs.two_runs import CLAIMS, Pair, two_runs
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Invariant
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import require
from poolproof.timeline import timeline

FILE = Path(__file__).with_name("small-system.toml")


@pytest.fixture
def protocol() -> Protocol:
    """A core pool, two pools with lines to it, and one without."""
    return load_protocol(str(FILE))


def touch_and_read(self: Any, now: int) -> int:
    """A surcharge that accrues the core."""
    self.core.journal.save(self.core)
    market.accrue(self.core, now)
    return int(core_pool.rate_sum_at(self.core, now) - self.rate_sum_seen)


@pytest.fixture
def touching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a market with a line accrues the market that lends to it, whenever it reads its rate."""
    monkeypatch.setattr(credit_line.LinedMarket, "surcharge", touch_and_read)


@pytest.mark.parametrize("pool", ["mini", "sister", "plain"])
def test_nothing_differs_outside_an_isolated_pool(protocol: Protocol, pool: str) -> None:
    """Both runs act in the pool, each in its own way; over a line flows what the first run moves."""
    report = two_runs(SYSTEM, protocol, pool, steps=1_500, seed=1)
    assert report.difference is None
    assert min(report.steps.values()) > 100
    assert (report.flows > 0) == (pool != "plain")


def test_a_core_that_is_moved_without_a_flow_is_found(protocol: Protocol, touching: None) -> None:
    """The timing of an accrual is a channel: two steps show it, in one run alone."""
    report = two_runs(SYSTEM, protocol, "mini", steps=2_000, seed=3)
    assert report.difference is not None
    assert report.difference.path.startswith("markets.core/")
    assert report.trace is not None
    assert sorted(len(run) for run in report.trace.runs) == [1, 2]
    assert report.trace.vary == ["pools.mini"]


def test_a_pool_that_reads_a_sister_is_found(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a payment over one line is counted down on all lines; the sister's record differs."""
    collect = core_pool.collect

    def careless(core: Any, line: str, payer: str, principal: int, interest: int, now: int) -> None:
        collect(core, line, payer, principal, interest, now)
        for other, drawn in list(core.drawn.items()):
            if other != line and drawn > 0 and principal == 0:
                core.drawn[other] = drawn - 1

    settle = credit_line.LinedMarket.settle

    def settle_all(self: Any, now: int) -> None:
        settle(self, now)
        careless(self.core, self.line, self.vault, 0, 0, now)

    monkeypatch.setattr(credit_line.LinedMarket, "settle", settle_all)
    report = two_runs(SYSTEM, protocol, "mini", steps=6_000, seed=1)
    assert report.difference is not None


def test_a_refusal_that_depends_on_another_pool_is_found(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: whoever supplies one pool cannot enter a market of another; the answers differ."""
    whole: list[Any] = []
    pair = Pair.__init__

    def remembered(self: Pair, *arguments: Any) -> None:
        pair(self, *arguments)
        whole[:] = list(self.systems)

    enter = isolated_pool.enter

    def nosy(pool: Any, user: str, asset: str) -> None:
        mine = next(system for system in whole if system.pools.get(pool.id) is pool)
        for each in dict.__getitem__(mine.pools, "plain").markets.values():
            require(each.shares[user] == 0, ZeroAmount, asset)
        enter.run(pool, user, asset)

    monkeypatch.setattr(Pair, "__init__", remembered)
    nosy_enter = replace(SYSTEM.action("enter"), run=lambda s, u, a: nosy(s.pools[a.split("/")[0]], u, a.split("/")[1]))
    model = replace(SYSTEM, actions=tuple(nosy_enter if a.name == "enter" else a for a in SYSTEM.actions))
    report = two_runs(model, protocol, "plain", steps=6_000, seed=1)
    assert report.difference is not None
    assert report.difference.path == "the answer to enter"


def test_a_trace_of_two_runs_replays(protocol: Protocol, touching: None) -> None:
    """Read back from JSON, side by side, with what each step changed; told as a timeline."""
    report = two_runs(SYSTEM, protocol, "mini", steps=2_000, seed=1)
    assert report.trace is not None
    replayed = replay(read_back(report.trace), registry.find)
    assert replayed.as_recorded
    assert replayed.violation is not None
    assert report.trace.violation is not None
    assert replayed.violation.message == report.trace.violation.message
    assert timeline(replayed)


def test_a_repaired_model_does_not_replay_the_trace(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the bug nothing differs, and the replay says so."""
    with monkeypatch.context() as planted:
        planted.setattr(credit_line.LinedMarket, "surcharge", touch_and_read)
        report = two_runs(SYSTEM, protocol, "mini", steps=2_000, seed=1)
    assert report.trace is not None
    replayed = replay(read_back(report.trace), registry.find)
    assert replayed.violation is None
    assert any("nothing differs" in difference for difference in replayed.differences)


def test_a_trace_that_varies_what_cannot_vary_is_told(protocol: Protocol, touching: None) -> None:
    """Two runs cannot differ in the core pool."""
    report = two_runs(SYSTEM, protocol, "mini", steps=2_000, seed=1)
    assert report.trace is not None
    report.trace.vary = ["pools.core"]
    replayed = replay(report.trace, registry.find)
    assert not replayed.as_recorded
    assert 'cannot differ in "core"' in replayed.differences[0]


def test_the_hunt_for_isolation_lets_each_pool_differ(protocol: Protocol, touching: None) -> None:
    """What is not proved is attacked by two runs."""
    invariant = Invariant(CLAIMS[0], "two runs agree", "two-run")
    trace = hunt(SYSTEM, protocol, invariant, budget_steps=3_000, seed=1)
    assert trace is not None
    assert trace.invariant == CLAIMS[0]
    assert len(trace.runs) == 2


@pytest.mark.parametrize("pool", ["core", "moon"])
def test_only_an_isolated_pool_may_vary(protocol: Protocol, pool: str) -> None:
    """The message names those that can."""
    with pytest.raises(UsageError, match="name one of mini, sister, plain"):
        two_runs(SYSTEM, protocol, pool, steps=10)


def test_one_pool_has_nothing_outside(minimal: Protocol) -> None:
    """Two runs need a system."""
    with pytest.raises(UsageError, match="several pools"):
        two_runs(REFERENCE, minimal, "main", steps=10)


def read_back(trace: Trace) -> Trace:
    """A trace as a file would bring it."""
    data = json.loads(json.dumps(trace.to_json()))
    return trace_from_json(data, "trace", lambda name: registry.find(name)[0])

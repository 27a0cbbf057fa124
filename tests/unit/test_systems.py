"""The concrete engines on a system of pools: copies, steps of each pool, the monitor, fuzzing and replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from poolproof.cli import main
from poolproof.invariants.catalogue import SYSTEM as LINE_CATALOGUE
from poolproof.models import core_pool, credit_line, market
from poolproof.models.core_pool import line_draws, line_fails, line_pays
from poolproof.models.reference import REFERENCE, SYSTEM
from poolproof.proofs import registry
from poolproof.proofs.draw import Draw
from poolproof.proofs.explore import explore
from poolproof.proofs.fuzz import fuzz
from poolproof.proofs.monitor import Monitor
from poolproof.proofs.parts import NOTED, OWN, PoolStep, Steps, scenarios_of
from poolproof.proofs.replay import replay
from poolproof.proofs.search import search
from poolproof.proofs.snapshots import copy_state, set_state, state_to_json
from poolproof.proofs.stateful import search_with_hypothesis
from poolproof.proofs.system_monitor import ISOLATION, SystemMonitor
from poolproof.proofs.system_tactics import SystemTactics
from poolproof.proofs.traces import names_of, read_argument, trace_from_json
from poolproof.proofs.trial import run_scenario
from poolproof.spec.action import Domain, asset, perform, user
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Catalogue, Clause, Invariant, Step, Trial
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

FILE = Path(__file__).with_name("small-system.toml")


@pytest.fixture
def protocol() -> Protocol:
    """A core pool, two pools with lines to it, and one without."""
    return load_protocol(str(FILE))


@pytest.fixture
def system(protocol: Protocol) -> Any:
    """Its initial state."""
    return SYSTEM.build(protocol)


def do(state: Any, name: str, *arguments: Any) -> list[PoolStep]:
    """Carry an action out, which completes: what each pool sees of it."""
    steps, action = Steps(state), SYSTEM.action(name)
    assert perform(state, action, arguments) is None
    return steps.of(action, arguments)


def seen(steps: list[PoolStep]) -> list[tuple[Any, ...]]:
    """What each pool sees, without the journal."""
    return [(step.pool, step.action, *step.arguments) for step in steps]


def borrow_over_the_line(state: Any) -> list[PoolStep]:
    """Bob borrows 30 ETH in the pool "mini", 20 of which come from the core."""
    do(state, "deposit", "alice", "core/ETH", 1000)
    do(state, "deposit", "alice", "mini/ETH", 10)
    do(state, "deposit", "bob", "mini/X", 100_000)
    do(state, "enter", "bob", "mini/X")
    return do(state, "borrow", "bob", "mini/ETH", 30)


# --- the model --------------------------------------------------------------------------------------------


def test_a_pool_that_stands_alone_has_the_model_of_one_pool(minimal: Protocol) -> None:
    """Nothing changes for a protocol of one isolated pool."""
    model, catalogue = registry.of(minimal)
    assert model is REFERENCE
    assert "LINE-1" not in catalogue


def test_several_pools_have_the_model_of_systems_and_the_claims_about_lines(protocol: Protocol) -> None:
    """What is claimed of a pool is claimed of each; what is claimed of lines comes on top."""
    model, catalogue = registry.of(protocol)
    assert model is SYSTEM
    assert {"SOLV-1", "LINE-1"} <= {invariant.id for invariant in catalogue}
    assert registry.of(protocol)[1] is catalogue


def test_a_core_pool_alone_is_a_system(protocol: Protocol) -> None:
    """Its markets lend over lines, to nobody yet."""
    core = protocol.model_copy(update={"pools": protocol.pools[:1]})
    assert registry.of(core)[0] is SYSTEM


# --- copies and JSON --------------------------------------------------------------------------------------


def test_a_copy_shares_inside_itself_what_the_system_shares(system: Any) -> None:
    """Wallets, feeds and core markets stay one; nothing is shared with the original."""
    borrow_over_the_line(system)
    twin = copy_state(system)
    core, mini = twin.markets["core/ETH"], twin.markets["mini/ETH"]
    assert mini.tokens is core.tokens
    assert mini.core is core
    assert mini.feed is core.feed is twin.feeds["ETH"]
    assert twin.pools["mini"].markets["ETH"] is mini
    assert core.tokens is not system.markets["core/ETH"].tokens
    before = state_to_json(system)
    do(twin, "repay", "bob", "bob", "mini/ETH", 30)
    assert state_to_json(system) == before
    assert state_to_json(twin) != before


def test_json_writes_what_is_shared_once(system: Any) -> None:
    """The wallets of an asset stand in its first market, a feed in the table of feeds, a core market in its own place."""
    data = state_to_json(system)
    holders = [name for name, entry in data["markets"].items() if "tokens" in entry and name.endswith("/ETH")]
    assert holders == ["core/ETH"]
    assert set(data["feeds"]) == {"ETH", "BTC", "X", "Y"}
    assert "core" not in data["markets"]["mini/ETH"]
    assert not {"markets", "feeds"} & set(data["pools"]["mini"])


def test_a_system_is_read_back_from_json(system: Any, protocol: Protocol) -> None:
    """Writing, reading and writing again gives the same, and the pools still share what they shared."""
    borrow_over_the_line(system)
    data = json.loads(json.dumps(state_to_json(system)))
    again = SYSTEM.build(protocol)
    set_state(again, data, "start")
    assert state_to_json(again) == data
    assert again.markets["plain/ETH"].tokens["bob"] == system.markets["mini/ETH"].tokens["bob"]


# --- what each pool sees ----------------------------------------------------------------------------------


def test_a_draw_is_a_step_of_the_core_pool(system: Any) -> None:
    """The acting pool sees its own action; the core sees what it lent."""
    steps = borrow_over_the_line(system)
    assert seen(steps) == [
        ("mini", OWN["borrow"], "bob", "ETH", 30),
        ("core", line_draws, "mini", "mini:ETH", "ETH", 20),
    ]


def test_a_payment_is_a_step_of_the_core_pool(system: Any) -> None:
    """Interest first, then principal."""
    borrow_over_the_line(system)
    do(system, "pass_time", 31_536_000)
    _, core = do(system, "deposit", "carol", "mini/ETH", 5)
    assert core.action is line_pays
    assert core.arguments == ("mini", "mini:ETH", "ETH", 4, 1)
    assert [entry[2] for entry in core.entries if entry[0] is system.markets["core/ETH"].tokens] == [980, 5]


def test_a_loss_is_a_step_of_the_core_pool(system: Any) -> None:
    """The principal that was lost, and what the first-loss reserve paid of it."""
    borrow_over_the_line(system)
    do(system, "set_price", "mini/X", 1)
    steps = do(system, "write_off", "mini", "dave", "bob")
    assert seen(steps)[1:] == [("core", line_fails, "mini", "mini:ETH:first loss", "ETH", 20, 20)]


def test_a_mark_without_a_payment_is_noted(system: Any) -> None:
    """A loss that stops at the interest due moves no principal."""
    borrow_over_the_line(system)
    lined = system.markets["mini/ETH"]
    lined.principal, lined.due, lined.core.drawn["mini"], lined.core.lent = 0, 10**18, 0, 0
    lined.supply, lined.shares["alice"] = 0, 0
    lined.debt_shares, lined.debts["bob"] = 1, 1
    do(system, "set_price", "mini/X", 1)
    steps = do(system, "write_off", "mini", "dave", "bob")
    assert seen(steps)[1:] == [("core", NOTED, "mini", "ETH")]


def test_a_shared_price_is_a_step_of_every_pool_that_reads_it(system: Any) -> None:
    """ETH is priced by one feed in four pools."""
    steps = do(system, "set_price", "mini/ETH", 7)
    assert sorted(seen(steps)) == [(pool, OWN["set_price"], "ETH", 7) for pool in ("core", "mini", "plain", "sister")]


def test_time_is_a_step_of_every_pool(system: Any) -> None:
    """Time passes everywhere."""
    assert {step.pool for step in do(system, "pass_time", 5)} == set(system.pools)


def test_an_action_without_lines_concerns_one_pool(system: Any) -> None:
    """Wallets are shared, and are nobody's channel."""
    assert [step.pool for step in do(system, "deposit", "alice", "plain/ETH", 5)] == ["plain"]


def test_two_markets_of_one_action_belong_to_one_pool(system: Any) -> None:
    """Markets of two pools are refused by name."""
    liquidate = SYSTEM.action("liquidate")
    refusal = perform(system, liquidate, ("alice", "bob", "mini/ETH", "sister/Y", 1))
    assert refusal is not None
    assert refusal.name == "DifferentPools"


def moments(protocol: Protocol, seed: int, count: int) -> Iterator[tuple[Any, Any, Any, tuple[Any, ...]]]:
    """Random actions that completed: a copy of the state before, the state, the action, its arguments."""
    random = Random(seed)
    tactics = SystemTactics(SYSTEM, protocol, random)
    for episode in range(count):
        state = SYSTEM.build(protocol)
        tactics.begin(state)
        for _ in range(60 + episode % 3):
            action, arguments = tactics.next()
            before = copy_state(state)
            if perform(state, action, arguments) is None:
                yield before, state, action, arguments


def test_actions_are_drawn_where_markets_wait_for_their_listing_and_time_never_runs_backwards() -> None:
    """A market can be listed in the pools of an episode alone; beyond the horizon no time passes."""
    drawn = [
        call for call in moments(load_protocol("every-channel"), 1, 40) if call[2].name in ("add_market", "pass_time")
    ]
    assert any(action.name == "add_market" for _, _, action, _ in drawn)
    assert all(arguments[0] >= 0 for _, _, action, arguments in drawn if action.name == "pass_time")
    random = Random(0)
    assert {Draw(random).elapsed(-5) for _ in range(200)} == {0}


def test_the_past_of_a_step_is_the_state_before_it(protocol: Protocol) -> None:
    """What a step clause sees as old is what was there, on the acting side and on the lending side of a line."""
    old_seen: list[Any] = []
    invariant = Invariant("ALL-1", "every step is seen", "step")

    @invariant.step("pool")
    def seen_by_the_test(step: Step) -> bool:
        old_seen.append(step)
        return True

    monitor = SystemMonitor(SYSTEM, [invariant], protocol.users)
    flows = 0
    bound: Any = None
    for before, state, action, arguments in moments(protocol, 3, 16):
        if state is not bound:
            bound = state
            monitor.bind(state)
        old_seen.clear()
        steps = monitor.steps.of(action, arguments)
        monitor.check(action, arguments)
        assert len(old_seen) == len([step for step in steps if step.action is not None])
        if action.name in OWN:
            _same_pool(old_seen[0].old, before.pools[steps[0].pool])
        for step in steps[1:]:
            if step.action is not None and step.action.by == "line":
                flows += 1
                touched = step.arguments[2] if step.action is not NOTED else step.arguments[1]
                _same_market(old_seen[-1].old.markets[touched], before.markets[f"core/{touched}"], wallets=False)
    assert flows > 10


def _same_pool(found: Any, expected: Any) -> None:
    assert found.saved_ == expected.saved_
    for name, each in expected.markets.items():
        _same_market(found.markets[name], each)
        if hasattr(each, "core"):
            _same_market(found.markets[name].core, each.core)


def _same_market(found: Any, expected: Any, *, wallets: bool = True) -> None:
    assert found.saved_ == expected.saved_
    assert found.feed.saved_ == expected.feed.saved_
    for name in expected.ledgers:
        mine, theirs = getattr(found, name), getattr(expected, name)
        if name == "tokens" and not wallets:
            assert mine[found.vault] == theirs[expected.vault]
        else:
            assert {k: v for k, v in mine.items() if v} == {k: v for k, v in theirs.items() if v}


# --- the monitor ------------------------------------------------------------------------------------------


def isolation() -> Invariant:
    """The claim that the system's monitor decides by itself."""
    return Invariant(ISOLATION, "an action in one pool changes no state of another", "step")


def test_clauses_of_the_core_are_checked_when_a_line_moves_it(system: Any, protocol: Protocol) -> None:
    """A clause that fails of the lender is reported in the core pool's market."""
    invariant = Invariant("LEND-1", "nothing is ever lent", "state")

    @invariant.state("market")
    def nothing_is_lent(pool: Any, where: Any) -> bool:
        return bool(where.lent == 0)

    monitor = SystemMonitor(SYSTEM, [invariant], protocol.users)
    monitor.bind(system)
    borrow_over_the_line(system)
    (found,) = monitor.check(SYSTEM.action("borrow"), ("bob", "mini/ETH", 30))
    assert found.values["market"] == "core/ETH"
    assert 'market "core/ETH"' in found.message


def test_reading_a_core_rate_may_not_touch_the_core(
    system: Any, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a market with a line accrues the market that lends to it; that is a channel nobody declared."""

    def surcharge(self: Any, now: int) -> int:
        self.core.journal.save(self.core)
        market.accrue(self.core, now)
        return int(core_pool.rate_sum_at(self.core, now) - self.rate_sum_seen)

    monkeypatch.setattr(credit_line.LinedMarket, "surcharge", surcharge)
    monitor = SystemMonitor(SYSTEM, [isolation()], protocol.users)
    monitor.bind(system)
    do(system, "pass_time", 10)
    action, arguments = SYSTEM.action("accrue_interest"), ("mini/ETH",)
    assert perform(system, action, arguments) is None
    (found,) = monitor.check(action, arguments)
    assert (found.invariant, found.values["pool"]) == (ISOLATION, "core")


def test_declared_channels_are_no_violation(protocol: Protocol) -> None:
    """Random actions on the system as it is: no move of another pool that is not declared."""
    report = fuzz(SYSTEM, protocol, [isolation()], steps=3_000, seed=2)
    assert report.violations == []


def test_the_claims_about_lines_hold_in_random_runs(protocol: Protocol) -> None:
    """Draws, payments and failures happen, and no clause about lines fails."""
    registry.of(protocol)  # declares them
    checked = [invariant for invariant in LINE_CATALOGUE if invariant.id.startswith(("LINE", "CAP"))]
    assert checked
    report = fuzz(SYSTEM, protocol, checked, steps=2_000, seed=4)
    assert report.violations == []
    assert report.succeeded > 1_000


# --- fuzzing, shrinking, replaying ------------------------------------------------------------------------


def test_lines_are_drawn_paid_and_fail_in_random_runs(protocol: Protocol) -> None:
    """The tactics reach every flow of a line within a few episodes."""
    found = {
        step.action
        for _, state, action, arguments in moments(protocol, 7, 40)
        for step in Steps(state).of(action, arguments)
        if step.action is not None
    }
    assert {line_draws, line_pays, line_fails} <= found


def test_a_bug_in_a_line_is_found_shrunk_and_replayed(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the core forgets what it lent.  The trace is the shortest way to a draw, in the first pool with a line."""
    lend = core_pool.lend

    def forgetful(core: Any, line: str, receiver: str, amount: int, now: int) -> None:
        lend(core, line, receiver, amount, now)
        core.drawn[line] -= 1

    monkeypatch.setattr(credit_line, "lend", forgetful)
    _, catalogue = registry.of(protocol)
    report = fuzz(SYSTEM, protocol, [catalogue["LINE-2"]], steps=4_000, seed=1)
    (trace,) = report.violations
    calls = [(step.action, *step.args.values()) for step in trace.runs[0]]
    assert sorted(calls[:-1]) == [
        ("deposit", "alice", "core/ETH", 1),
        ("deposit", "alice", "mini/X", 34),
        ("enter", "alice", "mini/X"),
    ]
    assert calls[-1] == ("borrow", "alice", "mini/ETH", 1)
    again = trace_from_json(json.loads(json.dumps(trace.to_json())), "trace", lambda name: registry.find(name)[0])
    replayed = replay(again, registry.find)
    assert replayed.as_recorded
    assert replayed.violation is not None
    assert any(change.path[:2] == ("markets", "core/ETH") for change in replayed.runs[0][-1].changes)


def test_the_same_seed_gives_the_same_run(protocol: Protocol) -> None:
    """A campaign on a system is a function of its seed."""
    runs = [fuzz(SYSTEM, protocol, [], steps=800, seed=9).by_action for _ in range(2)]
    assert runs[0] == runs[1]


def test_several_processes_share_a_campaign_on_a_system(protocol: Protocol) -> None:
    """Each finds the model and the claims by the protocol."""
    _, catalogue = registry.of(protocol)
    report = fuzz(SYSTEM, protocol, [catalogue["LINE-2"]], steps=400, seed=1, jobs=2)
    assert report.actions >= 400
    assert report.violations == []


def test_a_trace_names_markets_and_pools_of_the_system(system: Any, protocol: Protocol) -> None:
    """A market goes by "pool/asset"; anything else is refused with the names that there are."""
    names = names_of(protocol, system)
    assert read_argument("mini/ETH", asset(), names, "args") == "mini/ETH"
    with pytest.raises(UsageError, match="not an asset of the protocol"):
        read_argument("ETH", asset(), names, "args")
    with pytest.raises(UsageError, match="not a pool of the protocol"):
        read_argument("moon", Domain("pool"), names, "args")


def test_hypothesis_runs_on_a_system(protocol: Protocol) -> None:
    """Names are drawn by the kind of the argument, pools among them; what it finds is shrunk like everything else."""
    invariant = Invariant("SUP-1", "nothing is supplied", "state")

    @invariant.state("market")
    def nothing_is_supplied(pool: Any, where: Any) -> bool:
        return bool(where.supply == 0)

    trace = search_with_hypothesis(SYSTEM, protocol, [invariant], examples=20, only=["deposit", "write_off"])
    assert trace is not None
    assert [tuple(step.args.values()) for step in trace.runs[0]] == [("alice", "core/ETH", 1)]


def test_markets_of_one_pool_may_share_a_feed(minimal: Protocol) -> None:
    """A price that two markets read is checked in both."""
    data = minimal.canonical_json()
    markets = data["pools"][0]["markets"]
    answer = {key: markets[0][key] for key in ("price", "price_bound", "max_price_age")}
    for each in markets:
        each.update(answer, oracle="shared")
    invariant = Invariant("ORC-9", "a price never falls", "step")

    @invariant.step("market")
    def the_price_never_falls(step: Step, old: Any, new: Any) -> bool:
        return bool(new.feed.price >= old.feed.price)

    shared = Protocol.model_validate_json(json.dumps(data))
    state = REFERENCE.build(shared)
    monitor = Monitor(REFERENCE, [invariant], shared.users)
    monitor.bind(state)
    action, arguments = REFERENCE.action("set_price"), (markets[1]["asset"], 1)
    assert perform(state, action, arguments) is None
    assert [found.values["market"] for found in monitor.check(action, arguments)] == [m["asset"] for m in markets]


# --- scenarios --------------------------------------------------------------------------------------------


def scenario(check: Any, **domains: Domain) -> Clause:
    """A scenario clause, as a system has it."""
    invariant = Invariant("TRY-1", "it is tried", "refusal")
    invariant.scenario(**domains)(check)  # type: ignore[arg-type]  # no argument is called instant
    (lifted,) = scenarios_of(SYSTEM, invariant)
    return lifted


def test_a_scenario_runs_in_the_pool_that_it_names(system: Any) -> None:
    """Markets are named "pool/asset", plain inside; the name of the claim stays."""

    def the_pool_is_not_mini(trial: Trial, pool: Any, user: str, asset: str) -> None:
        trial.claim(pool.id != "mini", f"{pool.id} {asset} {user}")

    clause = scenario(the_pool_is_not_mini, user=user(), asset=asset())
    assert clause.name == "the_pool_is_not_mini"
    assert run_scenario(SYSTEM, clause, system, ("bob", "mini/X")) == "mini X bob"
    assert run_scenario(SYSTEM, clause, system, ("bob", "core/ETH")) is None


def test_a_scenario_without_a_market_names_its_pool(system: Any) -> None:
    """The pool comes first."""

    def there_is_a_user(trial: Trial, pool: Any, user: str) -> None:
        trial.claim(condition=False, message=f"{pool.id} {user}")

    clause = scenario(there_is_a_user, user=user())
    assert list(clause.domains) == ["pool", "user"]
    assert run_scenario(SYSTEM, clause, system, ("sister", "bob")) == "sister bob"


def test_a_scenario_says_nothing_of_markets_of_two_pools(system: Any) -> None:
    """Two markets of one scenario belong to one pool."""

    def never(trial: Trial, pool: Any, one: str, two: str) -> None:
        trial.claim(condition=False, message="reached")

    clause = scenario(never, one=asset(), two=asset())
    assert run_scenario(SYSTEM, clause, system, ("mini/ETH", "mini/X")) == "reached"
    assert run_scenario(SYSTEM, clause, system, ("mini/ETH", "core/ETH")) is None


def test_a_scenario_that_fails_is_shrunk_and_replayed(protocol: Protocol) -> None:
    """Its arguments are named as the system names them, in the trace too."""
    catalogue = Catalogue()
    supplied = catalogue.declare("SUP-1", "nothing is supplied", "state")

    @supplied.scenario(asset=asset())
    def nothing_is_supplied(trial: Trial, pool: Any, asset: str) -> None:
        trial.claim(pool.markets[asset].supply == 0, "something is supplied")

    (trace,) = fuzz(SYSTEM, protocol, catalogue, steps=500, seed=1).violations
    assert trace.violation is not None
    assert trace.violation.values["scenario"] == {"clause": "nothing_is_supplied", "asset": "core/ETH"}
    assert replay(trace, lambda _: (REFERENCE, catalogue)).differences == []


# --- engines of one pool ----------------------------------------------------------------------------------


def test_engines_of_one_pool_refuse_a_system(protocol: Protocol) -> None:
    """They say what is wrong, where, and what to do."""
    _, catalogue = registry.of(protocol)
    with pytest.raises(UsageError, match="system of 4"):
        explore(SYSTEM, protocol, [], depth=1)
    with pytest.raises(UsageError, match="one isolated pool"):
        search(SYSTEM, protocol, catalogue["SOLV-1"], depth=1)


def test_exploring_a_system_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with 3."""
    assert main(["explore", str(FILE)]) == 3
    assert "small-system: pools: explore reads one pool" in capsys.readouterr().err


def test_fuzzing_a_system_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without checks it only counts."""
    assert main(["fuzz", str(FILE), "--steps", "500", "--checks", "none"]) == 0
    assert "set_line_limit" in capsys.readouterr().out

"""Traces of the Venus model and recordings of its contracts, each as the other; none of it needs the contracts."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poolproof.cli import main
from poolproof.models.deployed.venus import build as deployed
from poolproof.models.deployed.venus.model import VENUS
from poolproof.proofs import registry
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import read_trace, trace_from_json
from poolproof.proofs.venus_import import protocol_of, trace_of_recording
from poolproof.proofs.venus_recordings import Replay
from poolproof.proofs.venus_traces import deployment_of, observed_of, recorded_call
from poolproof.spec.action import Action, Domain, perform
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import load_protocol, read_protocol
from poolproof.spec.protocol import Protocol

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "tests" / "conformance" / "venus"
NAME = "venus-bsc-liquid-staked-bnb"

Lines = list[dict[str, Any]]


def lines_of(name: str) -> Lines:
    """The lines of a shipped recording."""
    with gzip.open(RECORDINGS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def documented() -> list[Any]:
    """The JSON that the page on traces shows: a trace, and actions to record."""
    text = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


# --- from a trace to a recording -----------------------------------------------------------------------------------


def test_a_deployment_is_the_protocols() -> None:
    """What a recording of it would start with builds the pool that the protocol file builds, users' names aside."""
    protocol = load_protocol(NAME)
    config = deployment_of(protocol)
    pool, again = VENUS.build(protocol), Replay(config).pool
    assert len(config["users"]) == len(again.users)
    for (name, market), other in zip(pool.markets.items(), again.markets.values(), strict=True):
        assert market.rate_model.curve == other.rate_model.curve
        different = {each for each in market.scalars if getattr(market, each) != getattr(other, each)}
        assert different == {"rate_model"}, name
        assert [market.underlying[user] for user in pool.users] == [other.underlying[user] for user in again.users]
    assert pool.saved_ == again.saved_


def test_a_pool_that_reads_its_balance_has_no_bytecode() -> None:
    """Contracts of 4.4.0 count their cash."""
    data = load_protocol(NAME).canonical_json()
    data["pools"][0]["venus"] = {"counts_donations": True}
    with pytest.raises(UsageError, match="counts_donations"):
        deployment_of(Protocol.model_validate(data))


VALUES: dict[str, Any] = {
    "user": "u1",
    "asset": "m1",
    "flag": True,
    "assets": ("m2", "m0"),
    "orders": (("m1", "m0", 7), ("m0", "m2", 8)),
    "pausables": (3, 4),
}


def value_of(domain: Domain) -> Any:
    """A value of a domain."""
    return VALUES.get(domain.kind, 123)


@pytest.mark.parametrize(
    "action",
    [
        each
        for each in deployed.ACTIONS
        if each.name != "pass_time" and "rate_model" not in {domain.kind for domain in each.domains.values()}
    ],
    ids=lambda action: action.name,
)
def test_an_action_written_and_read_is_itself(action: Action) -> None:
    """Every action of the contracts, in the format that `conform` reads."""
    replayed = Replay(lines_of("s_donation")[0]["config"])
    arguments = tuple(map(value_of, action.domains.values()))
    written = recorded_call(action, arguments, replayed.names)
    assert written is not None
    name, given = written
    assert replayed.action({"a": name, "args": given, "bn": "5", "ts": "5"}) == (5, action, arguments)


def test_the_engines_own_actions_are_written_as_the_contracts_have_them() -> None:
    """Entering one market, a small account's order, and time, which is no call."""
    names = ("A", "B")
    named = {action.name: action for action in VENUS.actions}
    assert recorded_call(named["enter_market"], ("u0", "B"), names) == ("enterMarkets", {"user": "u0", "ms": [1]})
    assert recorded_call(named["liquidate_small_account"], ("u0", "u1", "A", "B", 5), names) == (
        "liquidateAccount",
        {"user": "u0", "borrower": "u1", "orders": [{"mc": 1, "mb": 0, "repay": "5"}]},
    )
    assert recorded_call(named["pass_time"], (5,), names) is None
    rates = {"baseRatePerYear": "20", "multiplierPerYear": "30", "jumpMultiplierPerYear": "40", "kink": "7"}
    assert recorded_call(named["update_jump_rate"], ("B", 2, 3, 4, 7), names, (0, 10)) == (
        "updateJumpRateModel",
        {"m": 1, "rateModel": rates},
    )
    model = {"model": "JumpRateModelV2", "blocksPerYear": "10"} | rates
    assert recorded_call(named["set_jump_rate"], ("B", 2, 3, 4, 7), names, (0, 10)) == (
        "setInterestRateModel",
        {"m": 1, "rateModel": model},
    )


def test_what_is_observed_misses_no_number_of_the_state() -> None:
    """Every scalar and every ledger of a market changes what is observed, the rate model by its rate."""
    pool = VENUS.build(load_protocol(NAME))
    market = pool.seen("BNBx")
    market.total_borrows = market.borrow_index  # a rate that is not 0
    seen = observed_of(pool)
    for name in (*pool.scalars[1:], *market.scalars):
        of = market if name in market.scalars else pool
        old = getattr(of, name)
        changed = (
            pool.seen("USDT").rate_model if name == "rate_model" else not old if isinstance(old, bool) else old + 1
        )
        setattr(of, name, changed)
        assert observed_of(pool) != seen, name
        setattr(of, name, old)
    for ledger in market.ledgers:
        entries = getattr(market, ledger)
        old = entries["bob"]
        entries.restore_("bob", old + 1)
        assert observed_of(pool) != seen, ledger
        entries.restore_("bob", old)
    assert observed_of(pool) == seen
    perform(pool, VENUS.action("enter_market"), ("bob", "USDT"))
    assert observed_of(pool) != seen


# --- from a recording to a trace -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "steps", "cut"),
    [
        ("s_donation", 22, None),
        ("legacy_s_donation_collateral", 9, None),
        ("s_redeem_underlying_roundup", 30, None),
        ("r56_normal_ts", 228, "action 149, updateDelegate"),
        ("r50_hot", 124, "action 74, updateDelegate"),
        ("r46_gov", 0, "action 0, setActionsPaused"),
        ("r60_lowprice", 46, "action 32, updateDelegate"),
    ],
)
def test_a_recording_is_a_trace_as_far_as_the_engines_go(name: str, steps: int, cut: str | None) -> None:
    """It ends as recorded, in the state that is recorded there, and survives its own JSON."""
    lines = lines_of(name)
    imported = trace_of_recording(name, iter(lines))
    trace = trace_from_json(imported.trace.to_json(), name, lambda found: registry.find(found)[0])
    assert len(trace.runs[0]) == steps
    assert (imported.cut is None) if cut is None else str(imported.cut).startswith(cut)
    report = replay(trace, registry.find)
    assert report.as_recorded
    assert [step for step in report.runs[0] if not step.as_recorded] == []


def test_the_end_of_an_imported_trace_is_the_recorded_state() -> None:
    """Every number of the last state that the recording has."""
    lines = lines_of("s_donation")
    trace = trace_of_recording("s_donation", iter(lines)).trace
    replayed = Replay(lines[0]["config"])
    for step in trace.runs[0]:
        refusal = perform(replayed.pool, VENUS.action(step.action), tuple(step.args.values()))
        assert (refusal and refusal.name) == step.refusal
    last = next(line["st"] for line in reversed(lines) if line.get("ok"))
    assert replayed.start({"st": last}) == []


def test_a_model_that_ends_otherwise_cuts_the_trace() -> None:
    """A recording that differs from the model is no trace of it from there on."""
    lines = lines_of("s_donation")
    lines[4] |= {"ok": False, "err": {"name": "Error", "args": ["no"]}}
    cut = trace_of_recording("x", iter(lines)).cut
    assert cut is not None
    assert cut.startswith(f"action {lines[4]['k']}, ")
    assert "conform" in cut


def test_rates_with_two_kinks_have_no_trace() -> None:
    """No protocol file has them; the message says which market."""
    with pytest.raises(UsageError, match="TwoKinksInterestRateModel"):
        trace_of_recording("r02_normal", iter(lines_of("r02_normal")))


def test_another_first_exchange_rate_has_no_trace() -> None:
    """Markets of protocol files start at one rate."""
    config = lines_of("s_donation")[0]["config"]
    config["markets"][1]["initialExchangeRate"] = "12345"
    with pytest.raises(UsageError, match="exchange rate"):
        protocol_of("x", config, 1)


def test_a_recorded_deployment_survives_the_protocol_file() -> None:
    """From a recording to a protocol file and back: the same pool and markets, but for what users hold."""
    config = lines_of("s_donation")[0]["config"]
    again = deployment_of(read_protocol(protocol_of("x", config, int(config["blocksPerYear"])), "x"))
    assert again["pool"] == config["pool"]
    for market, other in zip(config["markets"], again["markets"], strict=True):
        kept = set(market) - {"symbol", "userBalances", "shortfallBalance", "rateModel"}
        assert {key: str(market[key]) for key in kept} == {key: str(other[key]) for key in kept}
        assert market["rateModel"].items() <= other["rateModel"].items()


# --- the commands and the page -------------------------------------------------------------------------------------


def test_conform_writes_traces_that_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file for each recording that can be a trace, and a word on the others."""
    names = ("s_donation", "r02_normal", "r56_normal_ts", "rates")
    paths = [str(RECORDINGS / f"{name}.jsonl.gz") for name in names]
    assert main(["conform", "venus", *paths, "--traces", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "r02_normal: no trace" in said
    assert "r56_normal_ts: cut before action 149" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r56-normal-ts.json", "s-donation.json"]
    assert main(["replay", str(tmp_path / "s-donation.json")]) == 0


def test_the_documented_trace_replays(tmp_path: Path) -> None:
    """The example of docs/traces.md breaks what it says."""
    file = tmp_path / "documented.json"
    file.write_text(json.dumps(documented()[0]), encoding="utf-8")
    report = replay(read_trace(file, lambda name: registry.find(name)[0]), registry.find)
    assert report.as_recorded
    assert report.violation is not None
    assert [step.refusal for step in report.runs[0]] == ["Overflow", None]


KEYS: dict[str, Callable[[Any], Any]] = {
    "a trace": lambda trace: trace,
    "a step": lambda trace: trace["runs"][0][0],
    "a violation": lambda trace: trace["violation"],
}


@pytest.mark.parametrize("of", KEYS.values(), ids=KEYS)
def test_every_key_of_the_format_is_documented(of: Callable[[Any], Any]) -> None:
    """The page names each key that a trace has."""
    text = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")
    for key in of(documented()[0]):
        assert f"`{key}`" in text, key


def test_other_traces_do_not_run_on_contracts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3 before anything is needed: another model, a state to start from, a pool that reads its balance."""
    changes: dict[str, Callable[[Any], object]] = {
        "start": lambda trace: trace.update(start=trace_of_recording("x", iter(lines_of("s_donation"))).trace.start),
        "counts_donations": lambda trace: trace["config"]["pools"][0].update(venus={"counts_donations": True}),
        "the model": lambda trace: trace.update(minimal()),
    }
    for said, change in changes.items():
        trace = documented()[0]
        change(trace)
        if said == "start":
            trace |= {"config": trace_of_recording("x", iter(lines_of("s_donation"))).trace.config, "runs": [[]]}
            trace |= {"violation": None}
        file = tmp_path / "trace.json"
        file.write_text(json.dumps(trace), encoding="utf-8")
        assert main(["replay", str(file), "--evm"]) == 3, said
        assert said in capsys.readouterr().err


def minimal() -> dict[str, Any]:
    """A trace of the reference model that does nothing."""
    return {"config": load_protocol("minimal").canonical_json(), "runs": [[]], "violation": None}

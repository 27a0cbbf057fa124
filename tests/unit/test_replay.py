"""A replay shows what each step changed, and whether the trace says the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.reference import REFERENCE
from poolproof.proofs.fuzz import hunt
from poolproof.proofs.replay import ReplayedStep, replay
from poolproof.proofs.traces import Trace, TracedStep, Violated, trace_from_json, traced
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.timeline import Units, decimal, percent, sentence, timeline

Find = Callable[[str], tuple[Model, Catalogue]]


@pytest.fixture
def broken(generous: None, minimal: Protocol, small_catalogue: Catalogue) -> Trace:
    """A trace of the planted bug, read back from JSON."""
    found = hunt(REFERENCE, minimal, small_catalogue["SOLV-3"], budget_steps=5000, seed=2)
    assert found is not None
    return trace_from_json(found.to_json(), "t", lambda _: REFERENCE)


def printed(trace: Trace, find: Find) -> str:
    """The timeline as text."""
    console = Console(width=120, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(timeline(replay(trace, find)))
    return captured.get()


def test_a_recorded_violation_happens_again(broken: Trace, find: Find) -> None:
    """Each step ends as recorded, its changes are listed, the claim breaks at the last step."""
    report = replay(broken, find)
    assert report.as_recorded
    assert report.differences == []
    assert report.violation is not None
    assert report.violation.invariant == "SOLV-3"
    ((deposit, redeem),) = report.runs
    changes = {change.path: (change.old, change.new) for change in deposit.changes}
    assert changes["markets", "ETH", "cash"] == ("0", "1")
    old, new = changes["markets", "ETH", "shares", "alice"]
    assert old == "0"
    assert int(new) > 0
    assert changes["markets", "ETH", "tokens", "main:ETH"] == ("0", "1")
    assert not deposit.violations
    assert [v.invariant for v in redeem.violations] == ["SOLV-3"]


def test_a_sound_model_does_not_do_what_the_trace_says(
    broken: Trace, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the bug is fixed the replay says that nothing breaks."""
    monkeypatch.undo()
    report = replay(broken, find)
    assert not report.as_recorded
    assert report.violation is None
    assert report.differences == ["SOLV-3 is not violated at run 0, step 1"]
    assert "nothing broke, but the trace records a violation" in printed(broken, find)


def test_a_step_that_ends_otherwise_is_a_difference(minimal: Protocol, find: Find) -> None:
    """A refusal that was not recorded, and one that does not come, are both told."""
    steps = [
        traced(REFERENCE.action("redeem"), ("alice", "ETH", 5)),
        TracedStep("deposit", {"user": "bob", "asset": "ETH", "amount": 5}, ok=False, refusal="ZeroAmount"),
    ]
    trace = Trace(minimal.name, minimal.canonical_json(), "SOLV-3", [steps])
    report = replay(trace, find)
    assert report.differences == [
        "run 0, step 0: InsufficientShares, recorded as completed",
        "run 0, step 1: completed, recorded as ZeroAmount",
    ]
    text = printed(trace, find)
    assert "refused, InsufficientShares: 5 shares exceed the 0 held" in text
    assert "recorded: ZeroAmount" in text


def test_an_unknown_invariant_is_a_difference(broken: Trace, find: Find) -> None:
    """The catalogue of the trace's model decides what an id means."""
    broken.invariant = "SOLV-99"
    assert any('"SOLV-99" is not in the catalogue' in text for text in replay(broken, find).differences)


def test_a_scenario_is_run_again(generous: None, minimal: Protocol, find: Find) -> None:
    """Its arguments stand in the violation's values; other ones are a difference."""
    found = hunt(REFERENCE, minimal, find("reference")[1]["RND-4"], budget_steps=5000, seed=2)
    assert found is not None
    report = replay(found, find)
    assert report.as_recorded
    assert report.violation is not None
    assert report.violation.message == "in and out pays nothing"
    assert "in the scenario in and out pays nothing: user alice, asset ETH, amount 1" in printed(found, find)
    assert found.violation is not None
    values: dict[str, Any] = {"scenario": {"clause": "in_and_out_pays_nothing", "user": "alice"}}
    found.violation = replace(found.violation, values=values)
    assert not replay(found, find).as_recorded


def test_a_trace_without_a_violation_replays(minimal: Protocol, find: Find) -> None:
    """A witness is a trace too."""
    trace = Trace(minimal.name, minimal.canonical_json(), "SOLV-3", [[]])
    assert replay(trace, find).as_recorded
    assert "no action is needed" in printed(trace, find)


def test_a_violation_at_another_step_is_a_difference(broken: Trace, find: Find) -> None:
    """The recorded step is the one that counts."""
    assert broken.violation is not None
    broken.violation = Violated(0, 0, broken.violation.message, broken.violation.values)
    assert replay(broken, find).differences == ["SOLV-3 is not violated at run 0, step 0"]


def test_the_timeline_is_written_for_people(broken: Trace, find: Find) -> None:
    """Who did what, in units of the asset; what changed; what broke."""
    text = printed(broken, find)
    assert "SOLV-3  the share price never falls" in text
    assert "alice deposits 1 unit of ETH" in text
    assert "alice redeems 1 share of ETH" in text
    assert "10,000 ETH" in text
    assert "9,999.999999999999999999 ETH" in text
    assert 'broken  "share price never falls" does not hold in market "ETH"' in text


def test_every_action_has_a_sentence(minimal: Protocol, find: Find) -> None:
    """Each phrase names arguments that its action has."""
    units = Units.of(minimal)
    arguments = {"user": "alice", "asset": "ETH"}
    steps = [
        TracedStep(
            action.name,
            {name: arguments.get(domain.kind, 5) for name, domain in action.domains.items()},
        )
        for action in REFERENCE.actions
    ]
    text = printed(Trace(minimal.name, minimal.canonical_json(), "SOLV-3", [steps]), find)
    for words in (
        "5 slots pass",
        "the price of ETH becomes 0.000000000000000005 USD",
        "alice borrows 5 units of ETH",
    ):
        assert words in text
    assert units.tokens(1_500_000, "USDC") == "1.5 USDC"


def test_every_action_of_a_venus_pool_has_a_sentence() -> None:
    """None is written as the name of a function; vTokens have eight decimals, bad debt is whole units."""
    protocol = load_protocol("venus-bsc-liquid-staked-bnb")
    units = Units.of(protocol)
    names = {"user": "alice", "asset": "WBNB"}
    for action in VENUS.actions:
        args = {name: names.get(domain.kind, 5) for name, domain in action.domains.items()}
        said = sentence(units, ReplayedStep(TracedStep(action.name, args), action.domains, None, None))
        assert "_" not in said, action.name
    assert units.argument("shares", 150_000_000, "WBNB") == "1.5 vWBNB"
    assert units.field(("markets", "WBNB", "tokens", "alice"), "3") == "3 units of vWBNB"
    assert units.field(("markets", "WBNB", "bad_debt"), str(2 * WAD)) == "2 WBNB"


def test_numbers_are_written_exactly() -> None:
    """No digit is lost, and none is shown that is not there."""
    assert decimal(1_234_567_000_000, 6) == "1,234,567"
    assert decimal(-1_500_000, 6) == "-1.5"
    assert decimal(3, -2) == "300"
    assert percent(WAD // 3) == "33.3333333333333333 %"
    assert percent(WAD) == "100 %"

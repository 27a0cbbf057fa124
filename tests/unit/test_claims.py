"""What protocols say of themselves: verdicts follow from decisions, computations and runs, and from nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from poolproof import claiming
from poolproof.claiming import ClaimVerdict, asked_of, judge_claims
from poolproof.cli import main
from poolproof.models import core_pool, credit_line
from poolproof.models.rates import JumpRate, utilisation
from poolproof.proofs import registry
from poolproof.proofs.boundary import Found, Run, find_edge, rehearse
from poolproof.proofs.conditions_of_venus import CONDITIONS, OUTCOMES
from poolproof.proofs.gate.breaches import SCENARIOS
from poolproof.proofs.quantities import Figures
from poolproof.proofs.replay import replay
from poolproof.proofs.structure_of_venus import COMPUTATIONS
from poolproof.proofs.traces import Trace, Violated, trace_from_json
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.arithmetic import WAD
from poolproof.spec.claim import ClaimFile, Edge, Statement, shipped_claims
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import load_protocol, read_protocol
from poolproof.spec.protocol import Protocol

IDS = [*(f"A{n}" for n in range(1, 9)), *(f"E{n}" for n in range(1, 5)), *(f"V{n}" for n in range(1, 10))]
FILES = shipped_claims()
EDGES = [(file, edge) for file in FILES for edge in file.edges]
EXACT = {
    "covered loss", "no supply of its own", "limit and core cash", "admissible factors", "first loss covers the limit",
    "ceiling at a borrow", "more is served", "own price", "no line", "reserves cover the loss", "needed collateral",
    "own rate model", "own oracle price", "worth a vToken", "no bad debt", "worth a unit of value", "needed vTokens",
    "cash that is there", "books that cover the debt",
}  # fmt: skip
"""The conditions that end at the very unit at which the claim does."""


def statement_of(file: ClaimFile, edge: Edge) -> tuple[str, str]:
    """A claim that names an edge, and the protocol that makes it."""
    return next((claim.id, on.protocol) for claim in file.claims for on in claim.on if edge.name in on.edges)


def found(file: ClaimFile, edge: Edge, **changed: Any) -> Found:
    """Look for a shipped edge, or for one that differs from it."""
    claim, protocol = statement_of(file, edge)
    looked_for = edge.model_copy(update=changed)
    return find_edge(looked_for, claim, load_protocol(edge.protocol or protocol), CONDITIONS, OUTCOMES)


def edge_of(name: str) -> tuple[ClaimFile, Edge]:
    """A shipped edge by its name."""
    return next((file, edge) for file, edge in EDGES if edge.name == name)


def changed(name: str, change: Callable[[dict[str, Any]], None]) -> Protocol:
    """A shipped protocol with other parameters."""
    data = load_protocol(name).canonical_json()
    change(data)
    return read_protocol(data, name)


# --- the files --------------------------------------------------------------------------------------------


def test_every_claim_is_made_of_the_reference_model() -> None:
    """Four claims of Elara's, eight of Astera's and nine of Venus's, each once."""
    claims = [claim for file in FILES for claim in file.claims]
    assert sorted(claim.id for claim in claims) == sorted(IDS)
    for claim in claims:
        assert [on.model for on in claim.on].count("reference") == 1


def test_everything_that_a_claim_names_is_there() -> None:
    """Conditions, promises, computations, edges and protocols; a theorem is named by an id."""
    for file in FILES:
        named = {name for claim in file.claims for on in claim.on for name in on.edges}
        assert named == {edge.name for edge in file.edges}
        for edge in file.edges:
            assert edge.within in CONDITIONS
            assert edge.spares in OUTCOMES
        for on in (on for claim in file.claims for on in claim.on):
            assert on.computation is None or on.computation in COMPUTATIONS
            assert load_protocol(on.protocol).model == on.model
            assert all(re.fullmatch(r"[A-Z]+-[1-9][0-9]?(-w)?", name) for name in on.theorems)


def test_nothing_is_filed_that_no_claim_names() -> None:
    """A condition, promise or computation that nobody asks for would be dead text."""
    edges = [edge for _, edge in EDGES]
    assert set(CONDITIONS) == {edge.within for edge in edges}
    played = {scenario.promise for scenarios in SCENARIOS.values() for scenario in scenarios}
    assert set(OUTCOMES) == {edge.spares for edge in edges} | played
    assert set(COMPUTATIONS) == {on.computation for file in FILES for c in file.claims for on in c.on} - {None}


# --- edges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "edge"), EDGES, ids=[f"{statement_of(*pair)[0]}-{pair[1].name}" for pair in EDGES])
def test_an_edge_is_found_and_its_trace_replays(file: ClaimFile, edge: Edge) -> None:
    """Two arguments that differ by one: with one the claim holds, with the other it fails, and the trace shows it."""
    result = found(file, edge)
    assert result.problem is None
    assert result.exact == (edge.name in EXACT)
    if result.inside.isdecimal():
        assert abs(int(result.inside) - int(result.outside)) == 1
    assert result.trace is not None
    data = json.loads(json.dumps(result.trace.to_json()))
    report = replay(trace_from_json(data, "trace", lambda name: registry.find(name)[0]), registry.find)
    assert report.differences == []
    assert report.violation is not None
    assert report.violation.message == result.message


def test_a_condition_that_is_too_weak_is_no_condition() -> None:
    """The claim fails although the condition holds: said, with the run."""
    result = found(*edge_of("covered loss"), within="the_debt_is_as_it_was_borrowed", steps=without_time())
    assert result.problem is not None
    assert "it fails inside the condition" in result.problem
    assert result.trace is not None


def without_time() -> tuple[tuple[str, ...], ...]:
    """The steps of the covered loss, at one instant."""
    return tuple(step for step in edge_of("covered loss")[1].steps if step[0] != "pass_time")


def test_an_edge_needs_a_run_that_fails() -> None:
    """With a first-loss reserve on both sides, nothing fails."""
    result = found(*edge_of("covered loss"), outside="999999999999999999999999")
    assert result.problem == "with 999999999999999999999999 nothing fails"


def test_an_edge_needs_a_run_that_holds() -> None:
    """Without a first-loss reserve on either side, nothing holds."""
    result = found(*edge_of("covered loss"), inside="1")
    assert result.problem is not None
    assert result.problem.startswith("with 1 it should hold: the core pool loses")


def test_a_bug_in_the_model_leaves_no_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first-loss reserve that pays nothing to the core: the claim fails inside its condition."""

    def keeps_it(core: Any, line: str, insurer: str, lost: int, _first_loss: int, now: int) -> None:
        core_pool.bear(core, line, insurer, lost, 0, now)

    monkeypatch.setattr(credit_line, "bear", keeps_it)
    result = found(*edge_of("first loss covers the limit"))
    assert result.problem is not None
    assert "it should hold: the core pool loses 2000000" in result.problem


@pytest.mark.parametrize("seed", range(40))
def test_the_core_loses_exactly_what_is_not_covered(seed: int) -> None:
    """Whatever is supplied, reserved, borrowed and funded, and however long it takes, the condition tells the loss."""
    chance = Random(seed)
    own, reserve, loan = (chance.randrange(1, 10 ** chance.randrange(6, 24)) for _ in range(3))
    _, edge = edge_of("covered loss")
    amounts = {"deposit mini-a/ETH": own, "add_reserves mini-a/ETH": reserve, "borrow mini-a/ETH": loan}
    steps = tuple(
        (*step[:-1], str(amounts.get(f"{step[0]} {step[-2]}", step[-1])))
        for step in edge.steps
        if step[0] != "pass_time" or chance.random() < 0.7
    )
    first_loss = str(max(0, loan - own - reserve + chance.choice((-1, 0, 1, chance.randrange(-loan, loan)))))
    changed_edge = edge.model_copy(update={"steps": steps})
    run = rehearse(load_protocol("astera-docs"), changed_edge, first_loss)
    assert run.last.refusal is None
    assert CONDITIONS[edge.within](run) == (OUTCOMES[edge.spares](run) is None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": (("borow", "?"),)}, "is not an action with its arguments"),
        ({"steps": (("borrow", "bob", "?"),)}, "is not an action with its arguments"),
        ({"changes": (("mini-z", "kind", "core"),)}, "is no pool or market of astera-docs"),
        ({"changes": (("core", "kind", "isolated"),)}, "draws on no core market"),
    ],
)
def test_an_ill_formed_edge_is_refused(change: dict[str, Any], message: str) -> None:
    """The place is named."""
    with pytest.raises(UsageError, match="covered loss") as caught:
        found(*edge_of("covered loss"), **change)
    assert message in str(caught.value)


def trace_of(promise: str, **other: Any) -> Trace:
    """The trace of an edge, under another promise."""
    trace = found(*edge_of("no line")).trace
    assert trace is not None
    trace.violation = Violated(0, len(trace.runs[0]) - 1, "something", {"promise": promise})
    for name, value in other.items():
        setattr(trace, name, value)
    return trace


@pytest.mark.parametrize(
    ("promise", "difference"),
    [
        ("no_such_promise", 'no claim promises "no_such_promise"'),
        ("the_loan_is_within_both_factors", '"the_loan_is_within_both_factors" says nothing of a run like this'),
        ("it_is_accepted", "E2 is not violated at run 0, step 7"),
    ],
)
def test_a_trace_that_breaks_no_promise_is_told_so(promise: str, difference: str) -> None:
    """A trace is data from strangers: another promise is judged as it is, or is no promise."""
    assert difference in replay(trace_of(promise), registry.find).differences


# --- computations -----------------------------------------------------------------------------------------

FALSE = {"the_directory_answers_what_pools_contain": ["addPool creates no pool"]}
"""What computations find false of the shipped protocols."""


@pytest.mark.parametrize("name", COMPUTATIONS)
def test_a_computation_agrees_with_its_claim(name: str) -> None:
    """On the shipped protocol, with figures."""
    protocol = next(on.protocol for file in FILES for c in file.claims for on in c.on if on.computation == name)
    figures = COMPUTATIONS[name](load_protocol(protocol))
    assert [each.split(":")[0] for each in figures.disagreements] == FALSE.get(name, [])
    assert figures.lines
    assert [each.problem for each in figures.limits] == [None] * len(figures.limits)
    assert all(each.exact and each.message and each.run for each in figures.limits)


def test_the_figures_of_sharing() -> None:
    """12M + 1M + 1M: 14M of 15M are lent instead of 12M; the grid has 112 demands."""
    lines = COMPUTATIONS["shared_liquidity"](load_protocol("astera-liquidity")).lines
    row = next(line for line in lines if line.startswith("demands of 12M + 1M + 1M"))
    assert "shared utilisation 93.33 %, rates 16.53 %" in row
    assert "separate utilisation 80.00 %, rates 23.20 %, 2.00 %, 1.33 %" in row
    assert any(line.startswith("112 demands: ") and line.endswith("more than 0 at 45") for line in lines)


@pytest.mark.parametrize("convex", [True, False])
def test_sharing_is_dearer_only_where_the_rate_gets_flatter(convex: bool) -> None:
    """At equal volume: never for a rate that rises at least as fast above the kink, and sometimes for another."""
    chance = Random(5)
    dearer = 0
    for _ in range(3000):
        slopes = sorted(chance.randrange(1, 10**11) for _ in range(2))
        multiplier, jump = slopes if convex else reversed(slopes)
        rates = JumpRate(chance.randrange(10**9), multiplier, jump, chance.randrange(WAD // 10, WAD))
        sizes = [10 * 10**24, 2 * 10**24, 3 * 10**24]
        loans = [chance.randrange(size) for size in sizes]
        alone = sum(
            loan * rates.borrow_rate(utilisation(size - loan, loan)) for loan, size in zip(loans, sizes, strict=True)
        )
        shared = sum(loans) * rates.borrow_rate(utilisation(sum(sizes) - sum(loans), sum(loans)))
        dearer += shared > alone + 3 * sum(loans)  # each of three rates is rounded down at most three times
    assert (dearer == 0) == convex


def with_premium(data: dict[str, Any]) -> None:
    """Charge ten per cent a year on top, on both lines."""
    for pool in data["pools"][1:3]:
        pool["markets"][1]["line"]["premium_per_year"] = str(10**17)


def with_low_satellites(data: dict[str, Any]) -> None:
    """Give the satellites the main pool's factor."""
    for pool in data["pools"][1:]:
        pool["markets"][0] |= {"ltv": "650000000000000000", "liquidation_threshold": "650000000000000000"}


def with_another_collateral(data: dict[str, Any]) -> None:
    """Let the core take asUSD too."""
    data["pools"][0]["markets"][4] |= {"ltv": "500000000000000000", "liquidation_threshold": "500000000000000000"}


def with_a_lower_ceiling(data: dict[str, Any]) -> None:
    """Four millions instead of five."""
    data["pools"][1]["markets"][1]["line"]["debt_ceiling"] = str(4 * 10**24)


def with_an_asset_that_backs_nothing(data: dict[str, Any]) -> None:
    """USDT in the main pool is a loan asset only."""
    data["pools"][0]["markets"][1] |= {"ltv": "0", "liquidation_threshold": "0"}


@pytest.mark.parametrize(
    ("name", "protocol", "change", "message"),
    [
        ("shared_liquidity", "astera-liquidity", with_premium, "borrowers together pay"),
        ("largest_safe_factor", "elara-docs", with_low_satellites, "is not above that of main"),
        ("core_takes_blue_chips", "astera-docs", with_another_collateral, "core takes ETH, USDC, USDT, WBTC, asUSD"),
        ("worked_example", "astera-docs", with_a_lower_ceiling, "the ceiling is 4"),
        ("two_kinds_of_pool", "elara-docs", with_an_asset_that_backs_nothing, "main has an asset that is not both"),
    ],
)
def test_a_computation_disagrees_with_another_protocol(
    name: str, protocol: str, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """A computation that could not disagree would say nothing."""
    figures = COMPUTATIONS[name](changed(protocol, change))
    assert any(message in each for each in figures.disagreements)


# --- verdicts ---------------------------------------------------------------------------------------------


@pytest.fixture
def decide(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Decide every theorem as PROVED but for what is told (ISO_1 for ISO-1); None is no decision."""

    def instruct(**verdicts: Verdict | None) -> None:
        def stand_in(
            _protocol: Protocol, wanted: Iterable[str], _jobs: int | None, **_options: Any
        ) -> tuple[dict[str, Decision], bool]:
            each = {name: verdicts.get(name.replace("-", "_"), Verdict.PROVED) for name in wanted}
            return {
                name: Decision(name, "", "state", verdict, "prove", trace={"invariant": name})
                for name, verdict in each.items()
                if verdict is not None
            }, False

        monkeypatch.setattr(claiming, "_decide", stand_in)

    return instruct


def judged(name: str, model: str = "reference") -> claiming.Judged:
    """One claim of a model."""
    asked = [each for each in asked_of(model) if each.claim.id == name]
    return judge_claims(asked).judged[0]


def test_a_claim_without_a_condition_is_proved(decide: Callable[..., None]) -> None:
    """All its theorems are."""
    decide()
    assert judged("V8").verdict is ClaimVerdict.PROVED
    assert judged("V8").to_json()["condition"] is None
    assert judged("V8").to_json()["trace"] is None


def test_a_claim_with_a_condition_is_conditional(decide: Callable[..., None]) -> None:
    """The condition is printed, and a trace just outside it."""
    decide()
    data = judged("A7").to_json()
    assert data["verdict"] == "conditional"
    assert data["condition"].startswith("on every price path: ")
    assert data["theorems"] == ["ISO-3", "ISO-4", "LINE-8"]
    assert data["trace"]["violation"]["message"] == "the core pool loses 1 unit of ETH"
    assert data["edges"][0]["exact"] is True


@pytest.mark.parametrize("verdict", [None, Verdict.UNKNOWN, Verdict.HOLDS_TO_DEPTH, Verdict.VACUOUS])
def test_a_claim_with_an_open_theorem_is_undecided(verdict: Verdict | None, decide: Callable[..., None]) -> None:
    """Nothing but a proof carries a claim; a theorem that is not in the catalogue is no proof."""
    decide(ISO_4=verdict)
    assert judged("A7").verdict is ClaimVerdict.UNDECIDED
    assert judged("A7").reasons[0].startswith("ISO-4 is ")


def test_a_claim_with_a_refuted_theorem_is_refuted(decide: Callable[..., None]) -> None:
    """Its trace is the theorem's."""
    decide(ISO_4=Verdict.REFUTED, ISO_3=None)
    assert judged("A7").verdict is ClaimVerdict.REFUTED
    assert judged("A7").to_json()["trace"] == {"invariant": "ISO-4"}


def test_a_computation_that_disagrees_refutes(decide: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures are the evidence."""
    decide()
    monkeypatch.setitem(COMPUTATIONS, "worked_example", lambda _protocol: Figures([], ["one unit more is lent"]))
    assert judged("A8").verdict is ClaimVerdict.REFUTED
    assert "one unit more is lent" in judged("A8").reasons


def test_a_condition_without_an_edge_is_undecided(decide: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace outside the condition that does no harm shows nothing."""
    decide()

    def harmless(_run: Run) -> None:
        """Nothing is ever lost."""

    monkeypatch.setitem(OUTCOMES, "the_core_loses_nothing", harmless)
    assert judged("A7").verdict is ClaimVerdict.UNDECIDED
    assert "nothing fails" in judged("A7").reasons[0]


def test_theorems_are_asked_of_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that the catalogue does not have is not decided, the others are checked with the options given."""
    seen: list[Any] = []

    def check(protocol: Protocol, *, only: list[str], **_options: Any) -> Any:
        seen.append((protocol.name, sorted(only)))
        decisions = [Decision(name, "", "state", Verdict.PROVED, "prove") for name in only]
        return type("Report", (), {"decisions": decisions, "interrupted": False})

    monkeypatch.setattr(claiming, "check", check)
    asked = [each for each in asked_of("venus-docs") if each.claim.id in {"V8", "V9"}]
    report = judge_claims(asked)
    assert seen == [("venus-docs", ["CONS-5", "LIVE-1", "RATE-3", "RND-1", "RND-4", "SOLV-2"])]
    assert [each.verdict for each in report.judged] == [ClaimVerdict.PROVED, ClaimVerdict.PROVED]
    rewards = judge_claims([each for each in asked_of("venus-bsc") if each.claim.id == "V3"])
    assert seen[1:] == [("venus-bsc-liquid-staked-bnb", ["REW-1-w", "REW-2-w", "REW-3-w"])]
    assert rewards.judged[0].asked.protocol.name == "venus-bsc"


@pytest.mark.parametrize(
    ("name", "refuted", "verdict"),
    [
        ("V1", (), ClaimVerdict.CONDITIONAL),
        ("V2", (), ClaimVerdict.CONDITIONAL),
        ("V3", (), ClaimVerdict.CONDITIONAL),
        ("V3", ("REW_3_w",), ClaimVerdict.REFUTED),
        ("V4", (), ClaimVerdict.REFUTED),
        ("V5", (), ClaimVerdict.PROVED),
        ("V6", ("RND_3",), ClaimVerdict.REFUTED),
        ("V7", ("SOLV_9",), ClaimVerdict.REFUTED),
        ("V8", (), ClaimVerdict.CONDITIONAL),
        ("V9", ("LIVE_1", "LIVE_3"), ClaimVerdict.REFUTED),
    ],
)
def test_what_is_claimed_of_the_deployed_pools(
    name: str, refuted: tuple[str, ...], verdict: ClaimVerdict, decide: Callable[..., None]
) -> None:
    """What is false of the contracts refutes; where all rows hold, the conditions have runs on both sides."""
    decide(**dict.fromkeys(refuted, Verdict.REFUTED))
    found = judged(name, "venus")
    assert found.verdict is verdict
    assert {each.invariant.replace("-", "_") for each in found.refuted} == set(refuted)
    assert all(each.problem is None for each in found.conditions)


def test_a_row_that_is_false_refutes_with_a_trace_that_replays() -> None:
    """The rows of the deployed catalogue are decided by the engines of `check`."""
    asked = next(each for each in asked_of("venus") if each.claim.id == "V7")
    row = asked.statement.model_copy(update={"theorems": ("SOLV-9",)})
    found = judge_claims([replace(asked, statement=row)], jobs=1, use_cache=False).judged[0]
    assert found.verdict is ClaimVerdict.REFUTED
    trace = trace_from_json(found.to_json()["trace"], "trace", lambda name: registry.find(name)[0])
    assert trace.invariant == "SOLV-9"
    assert replay(trace, registry.find).differences == []


def test_what_a_refuted_claim_lacks_is_told(decide: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """A condition of a claim that is false says outside of what it was seen to fail; each row says how it stands."""
    decide(SOLV_9=Verdict.REFUTED)
    code, out, _ = run(capsys, "claims", "venus-bsc-liquid-staked-bnb")
    assert code == 1
    assert "by SOLV-9 (REFUTED), SOLV-9-w (PROVED)" in out
    assert "unless the loan is worth 1e-18 of a dollar at least" in out
    assert "if the market's cash, less its reserves, covers the redemption" in out


def test_a_claim_that_rests_on_nothing_is_refused() -> None:
    """Neither a theorem nor a computation: nothing could refute it."""
    with pytest.raises(ValueError, match="rests on theorems or on a computation"):
        Statement(model="venus", protocol="venus-bsc", edges=("own rate model",))


# --- the command ------------------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a command."""
    capsys.readouterr()
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_writes_json_and_nothing_else(
    decide: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One entry for each claim, in the shape that other programs read; the traces are files for `replay`."""
    decide()
    code, out, _ = run(capsys, "claims", "elara-docs", "--json", "-", "--traces", str(tmp_path / "traces"))
    data = json.loads(out)
    assert code == 0
    assert data["schema"] == "poolproof.claims/1"
    assert [each["id"] for each in data["claims"]] == ["E1", "E2", "E3", "E4"]
    for each in data["claims"]:
        assert {"id", "claim", "model", "verdict", "condition", "theorems", "trace"} <= set(each)
    names = sorted(path.name for path in (tmp_path / "traces").iterdir())
    assert names == ["E2-2.json", "E2.json", "E3.json", "E4-2.json", "E4.json"]
    assert main(["replay", str(tmp_path / "traces" / "E2-2.json")]) == 0


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [({"ISO_1": Verdict.UNKNOWN}, 2), ({"ISO_1": None}, 2), ({"ISO_1": Verdict.UNKNOWN, "ISO_2": Verdict.REFUTED}, 1)],
)
def test_the_exit_code_says_how_the_claims_stand(
    verdicts: dict[str, Verdict | None],
    expected: int,
    decide: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """1 wins over 2."""
    decide(**verdicts)
    code, out, _ = run(capsys, "claims", "elara-docs")
    assert code == expected
    assert "but ISO-1 is" in out


def test_a_copy_of_a_protocol_is_judged_by_its_own_parameters(
    decide: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The worked example is refuted where the ceiling is another."""
    decide()
    text = (Path(__file__).parents[2] / "spec" / "protocols" / "astera-docs.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('debt_ceiling = "5000', 'debt_ceiling = "4000'), encoding="utf-8")
    code, out, _ = run(capsys, "claims", str(path), "--json", "-")
    verdicts = {each["id"]: each["verdict"] for each in json.loads(out)["claims"]}
    assert code == 1
    assert verdicts["A8"] == "refuted"
    assert verdicts["A7"] == "conditional"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("refrence", "is not the name of a shipped protocol"),
        (
            "minimal",
            'nothing is claimed of a protocol by the name "minimal"; write one of reference, venus, astera-docs',
        ),
    ],
)
def test_a_name_of_which_nothing_is_claimed_is_refused(
    name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, and what could be written."""
    code, _, err = run(capsys, "claims", name)
    assert code == 3
    assert message in err

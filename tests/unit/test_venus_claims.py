"""The claims about the Venus pools as deployed: what is false has a short trace that replays, the rest holds in runs."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.invariants.deployed.venus import VENUS as CATALOGUE
from poolproof.invariants.deployed.venus.periphery import unlisted
from poolproof.models.deployed.venus.governance import unlist_market
from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.deployed.venus.refusals import ActionPaused, InsufficientLiquidity
from poolproof.proofs import registry
from poolproof.proofs.deciding import decide
from poolproof.proofs.fuzz import fuzz
from poolproof.proofs.replay import replay
from poolproof.proofs.snapshots import set_state, state_to_json
from poolproof.proofs.traces import Trace, TracedStep, Violated, trace_from_json, traced
from poolproof.proofs.trial import ConcreteTrial, run_scenario
from poolproof.proofs.verdicts import Verdict
from poolproof.spec.action import perform
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

NAME = "venus-bsc-liquid-staked-bnb"
VTOKEN = 10**10
"""One vToken's value at the start [smallest unit]."""
TOKEN = 10**18
Step = tuple[Any, ...]
"""The name of an action, its arguments."""

BAD_DEBT: tuple[Step, ...] = (
    ("mint", "alice", "ankrBNB", VTOKEN),
    ("enter_market", "alice", "ankrBNB"),
    ("borrow", "alice", "BNBx", 1),
    ("set_price", "ankrBNB", 1),
    ("heal_account", "bob", "alice"),
)
ONE_SLOT: tuple[Step, ...] = (
    ("borrow", "seed", "ankrBNB", 1),
    ("pass_time", 1),
    ("accrue_interest", "ankrBNB"),
)
NOTHING_PLEDGED: tuple[Step, ...] = (("set_price", "ankrBNB", 1), ("borrow", "alice", "ankrBNB", 1))
DRAINED: tuple[Step, ...] = (
    ("mint", "alice", "slisBNB", 100 * TOKEN),
    ("enter_market", "alice", "slisBNB"),
    ("borrow", "alice", "ankrBNB", 40 * TOKEN),
    ("pass_time", 1_000_000),
    ("accrue_interest", "ankrBNB"),
)
LAST_BORROWER: tuple[Step, ...] = (
    ("borrow", "seed", "ankrBNB", 6_244_753),
    ("pass_time", 1004),
    ("accrue_interest", "ankrBNB"),
    ("pass_time", 6),
)
TWO_ACCRUALS: tuple[Step, ...] = (
    ("borrow", "seed", "ankrBNB", 2_000_000),
    ("pass_time", 1000),
    ("accrue_interest", "ankrBNB"),
    ("pass_time", 1000),
    ("accrue_interest", "ankrBNB"),
)
TWO_DEBTS: tuple[Step, ...] = (
    ("set_price", "ankrBNB", 1),
    ("borrow", "alice", "ankrBNB", TOKEN // 10),
    ("borrow", "carol", "ankrBNB", TOKEN // 10),
    ("set_price", "ankrBNB", 600 * TOKEN),
)
SMALL_ACCOUNT: tuple[Step, ...] = (
    ("mint", "alice", "WBNB", TOKEN // 10),
    ("enter_market", "alice", "WBNB"),
    ("borrow", "alice", "BNBx", 45 * TOKEN // 1000),
    ("mint", "bob", "USDT", 100_000 * TOKEN),
    ("enter_market", "bob", "USDT"),
)

REFUTED: dict[str, tuple[tuple[Step, ...], Step | None]] = {
    "SOLV-1": (BAD_DEBT, None),
    "SOLV-2": ((*BAD_DEBT, ("mint", "bob", "BNBx", 5 * VTOKEN), ("redeem_underlying", "bob", "BNBx", VTOKEN)), None),
    "SOLV-3": ((("mint", "seed", "ankrBNB", 1), ("redeem", "seed", "ankrBNB", 4 * 10**9)), None),
    "SOLV-6": (DRAINED, ("a_redemption_never_panics", "seed", "ankrBNB", 1)),
    "SOLV-7": ((*DRAINED, ("set_price", "slisBNB", 1), ("heal_account", "bob", "alice")), None),
    "SOLV-9": (NOTHING_PLEDGED, None),
    "CONS-3": (ONE_SLOT, None),
    "CONS-5": (ONE_SLOT, None),
    "RND-1": (ONE_SLOT, None),
    "RND-3": ((("mint", "alice", "ankrBNB", 1),), None),
    "RND-4": ((("redeem_underlying", "seed", "ankrBNB", VTOKEN + 1),), None),
    "RND-6": ((("mint", "seed", "WBNB", 1),), ("two_redemptions_pay_no_more", "seed", "WBNB", 35 * 10**8 - 1, 1)),
    "LIQ-1": (
        (
            *SMALL_ACCOUNT,
            ("borrow", "bob", "WBNB", 34 * TOKEN),
            ("set_price", "BNBx", 668 * TOKEN),
            ("pass_time", 1_000_000),
            ("liquidate_small_account", "carol", "alice", "BNBx", "WBNB", 45021648821130000),
        ),
        None,
    ),
    "LIQ-3": (
        (
            *BAD_DEBT[:2],
            ("borrow", "alice", "BNBx", 2),
            ("set_price", "ankrBNB", 132_100_000_000),
            ("liquidate_small_account", "bob", "alice", "BNBx", "ankrBNB", 2),
        ),
        None,
    ),
    "LIQ-5": (
        (*SMALL_ACCOUNT, ("borrow", "bob", "WBNB", 351 * TOKEN // 10), ("set_price", "WBNB", 100 * TOKEN)),
        ("an_unhealthy_account_can_be_liquidated", "carol", "alice"),
    ),
    "LIQ-6": (NOTHING_PLEDGED, None),
    "LIQ-8": (NOTHING_PLEDGED, ("debt_without_collateral_is_recorded", "bob", "alice")),
    "RATE-1": (DRAINED, None),
    "RATE-4": (
        (
            ("mint", "alice", "USDT", 1_619_028 * TOKEN),
            ("pass_time", 424),
            ("borrow", "alice", "USDT", 620_793_865 * TOKEN // 1000),
            ("pass_time", 1),
            ("repay_borrow", "alice", "USDT", 700_000 * TOKEN),
            ("pass_time", 3000),
            ("accrue_interest", "USDT"),
        ),
        None,
    ),
    "CAP-1": (
        (
            ("mint", "alice", "stkBNB", 438988733994774520398),
            ("mint", "alice", "stkBNB", 61011266005225479603),
        ),
        None,
    ),
    "CAP-2": (
        (
            ("enter_market", "seed", "USDT"),
            ("donate", "seed", "USDT", 18_590_000 * TOKEN + 1),
            ("sync_cash", "USDT"),
        ),
        None,
    ),
    "LIVE-1": (LAST_BORROWER, ("a_debt_can_be_repaid_whole", "seed", "ankrBNB")),
    "LIVE-3": (LAST_BORROWER, ("a_repayment_is_not_refused", "seed", "ankrBNB", 6_244_756)),
    "ORC-1": (
        (("enter_market", "alice", "ankrBNB"), ("set_price", "ankrBNB", 0)),
        ("a_missing_price_stops_only_what_needs_it", "alice", "BNBx", "ankrBNB", 0),
    ),
    "REG-1": ((), ("add_reserves_needs_a_listed_market", "alice", "WBNB", 0)),
    "REG-2": ((), ("a_market_in_use_cannot_be_unlisted", "WBNB")),
    "REG-3": (
        (("redeem", "seed", "ankrBNB", 4 * 10**9),),
        ("a_first_deposit_gets_vtokens", "alice", "ankrBNB", 1),
    ),
    "REW-1": (TWO_ACCRUALS, ("borrowers_get_at_most_what_is_emitted", "ankrBNB", TOKEN, 1)),
    "REW-2": (TWO_DEBTS, ("a_healing_leaves_others_their_rewards", "bob", "alice", "carol", "ankrBNB", TOKEN, 1)),
    "REW-3": ((), ("mint_is_unchanged_by_rewards", "alice", "ankrBNB", 1, 2**256 - 1, 2)),
}
"""What is false of the pool as deployed: a run from the fresh deployment, and the scenario at its end if there is one."""


def trace_of(name: str, steps: tuple[Step, ...], scenario: Step | None, protocol: Protocol) -> Trace:
    """A run as a trace file has it."""
    run: list[TracedStep] = [traced(VENUS.action(action), arguments) for action, *arguments in steps]
    values: dict[str, Any] = {}
    if scenario is not None:
        clause = next(clause for clause in CATALOGUE[name].clauses if clause.name == scenario[0])
        arguments = dict(zip(clause.domains, map(str, scenario[1:]), strict=True))
        values = {"scenario": {"clause": clause.name, **arguments}}
    trace = Trace(NAME, protocol.canonical_json(), name, [run], Violated(0, len(run) - 1, "false", values))
    return trace_from_json(trace.to_json(), "a trace", lambda _: VENUS)


@pytest.fixture(name="protocol", scope="module")
def shipped() -> Protocol:
    """The shipped pool."""
    return load_protocol(NAME)


@pytest.mark.parametrize("name", REFUTED)
def test_what_is_false_has_a_trace_that_replays(name: str, protocol: Protocol) -> None:
    """Each step completes, and the last one (or the scenario after it) violates the claim."""
    steps, scenario = REFUTED[name]
    report = replay(trace_of(name, steps, scenario, protocol), registry.find)
    assert report.differences == []
    assert report.violation is not None


@pytest.mark.parametrize("counts_donations", [False, True])
def test_what_is_not_refuted_holds_in_random_runs(protocol: Protocol, *, counts_donations: bool) -> None:
    """Weaker claims and those that no trace refutes hold over thousands of steps, in both ways to count cash."""
    chosen = [invariant for invariant in CATALOGUE if invariant.id not in REFUTED]
    report = fuzz(VENUS, with_cash(protocol, counts_donations=counts_donations), chosen, steps=20_000, seed=7)
    assert [trace.invariant for trace in report.violations] == []
    reached = ("mint", "redeem", "borrow", "repay_borrow", "heal_account", "liquidate_borrow", "donate")
    assert [name for name in reached if not report.by_action[name]["ok"]] == []


def with_cash(protocol: Protocol, *, counts_donations: bool) -> Protocol:
    """The pool whose cash is its token balance, or is counted."""
    data = protocol.canonical_json()
    data["pools"][0]["venus"] = {"counts_donations": counts_donations}
    return Protocol.model_validate(data)


def test_a_donation_alone_exceeds_the_cap_where_the_balance_is_cash(protocol: Protocol) -> None:
    """Before 4.4.0 what is given to a market is collateral at once."""
    steps, _ = REFUTED["CAP-2"]
    trace = trace_of("CAP-2", steps[:2], None, with_cash(protocol, counts_donations=True))
    assert replay(trace, registry.find).violation is not None


def test_the_deployed_model_is_never_proved(protocol: Protocol) -> None:
    """What runs leave open is unknown, and says why nothing was proved."""

    def unasked(*_: Any) -> Any:
        raise AssertionError

    decision = decide(protocol, only=("CONS-2",), submit=unasked)[0]
    assert decision.verdict is Verdict.UNKNOWN
    assert "runs on integers alone" in str(decision.reason)


def test_a_state_survives_json(protocol: Protocol) -> None:
    """Markets entered, delegates and rate models are written and read back."""
    pool = VENUS.build(protocol)
    pool.entered.restore_("alice", ("USDT", "WBNB"))
    pool.delegates.restore_("bob", frozenset({"alice"}))
    written = state_to_json(pool)
    again = VENUS.build(protocol)
    set_state(again, written, "state")
    assert state_to_json(again) == written
    assert again.entered["alice"] == ("USDT", "WBNB")
    assert again.seen("USDT").rate_model == pool.seen("USDT").rate_model


OTHERWISE: dict[str, tuple[tuple[Step, ...], Step]] = {
    "REG-1": ((("set_price", "WBNB", 0),), ("nobody_supplies_without_a_price", "alice", "WBNB", 1)),
    "REW-3": (
        (*[("pass_time", 2**30)] * 3, ("pass_time", 2**30 - 1)),
        ("repay_borrow_is_unchanged_by_rewards", "alice", "ankrBNB", 0, 0, 1),
    ),
}
"""Other ways in which a claim is false."""


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_is_false_in_another_way_has_a_trace_too(name: str, protocol: Protocol) -> None:
    """The price that a market need not have, and the blocks that no longer fit their 32 bits."""
    assert replay(trace_of(name, *OTHERWISE[name], protocol), registry.find).violation is not None


def test_an_unlisted_debt_lets_its_collateral_go(protocol: Protocol) -> None:
    """Once the market of a debt is unlisted, the borrower redeems all of its collateral, and nobody can repay."""
    pool = VENUS.build(protocol)
    steps = (
        ("mint", "alice", "WBNB", 100 * TOKEN),
        ("enter_market", "alice", "WBNB"),
        ("borrow", "alice", "ankrBNB", TOKEN),
    )
    for name, *arguments in steps:
        assert perform(pool, VENUS.action(name), tuple(arguments)) is None
    held = pool.seen("WBNB").tokens["alice"]
    everything = ("alice", "WBNB", held)
    assert isinstance(perform(pool, VENUS.action("redeem"), everything), InsufficientLiquidity)
    assert unlisted(ConcreteTrial(VENUS), pool, "ankrBNB") is None
    assert perform(pool, VENUS.action("redeem"), everything) is None
    assert pool.seen("ankrBNB").principal["alice"] == TOKEN
    assert isinstance(perform(pool, VENUS.action("repay_borrow"), ("alice", "ankrBNB", TOKEN)), ActionPaused)


@pytest.mark.parametrize("number", ["paused", "supply_cap", "borrow_cap", "collateral_factor"])
def test_unlisting_asks_for_every_parameter(protocol: Protocol, number: str) -> None:
    """REG-2-w runs where all but one of them allow it, and holds; where all do, its assumption fails."""
    clause = next(each for each in CATALOGUE["REG-2-w"].clauses if each.name == "what_is_open_cannot_be_unlisted")
    pool = VENUS.build(protocol)
    market = pool.seen("WBNB")
    market.paused, market.supply_cap, market.borrow_cap, market.collateral_factor = 511, 0, 0, 0
    setattr(market, number, 255)
    assert run_scenario(VENUS, clause, pool, ("WBNB",)) is None
    assert perform(pool, unlist_market, ("WBNB",)) is not None


def test_a_donation_robs_the_second_deposit_where_the_balance_is_cash(protocol: Protocol) -> None:
    """REG-3-w without its condition: one vToken is left, 1000 tokens are sent after it, and 90 more get nothing."""
    pool = VENUS.build(with_cash(protocol, counts_donations=True))
    steps: tuple[Step, ...] = (
        ("redeem", "seed", "ankrBNB", 4 * 10**9 - 1),
        ("donate", "alice", "ankrBNB", 1000 * TOKEN),
        ("mint", "bob", "ankrBNB", 90 * TOKEN),
    )
    for name, *arguments in steps:
        assert perform(pool, VENUS.action(name), tuple(arguments)) is None, name
    assert pool.seen("ankrBNB").tokens["bob"] == 0


EMPTY: tuple[Step, ...] = (("redeem", "seed", "ankrBNB", 4 * 10**9),)
ENTERED: tuple[Step, ...] = (
    ("mint", "alice", "WBNB", TOKEN),
    ("enter_market", "alice", "WBNB"),
    ("borrow", "alice", "WBNB", TOKEN // 10),
)
REACHED: dict[str, tuple[tuple[Step, ...], Step]] = {
    "REG-2-w": (ENTERED, ("a_market_counts_where_the_account_is_in_it", "alice", "WBNB")),
    "REG-3-w": (
        EMPTY,
        ("a_second_deposit_cannot_be_robbed", "alice", "bob", "ankrBNB", 5 * VTOKEN + 7, 3, TOKEN, 9 * VTOKEN - 1),
    ),
    "REW-1-w": (TWO_ACCRUALS, ("borrowers_get_more_only_as_their_debts_are", "ankrBNB", TOKEN, 1)),
    "REW-2-w": (
        ENTERED[:1],
        ("splitting_vtokens_earns_nothing_more", "alice", "bob", "WBNB", 33_333_333, TOKEN + 1, 7),
    ),
    "REW-3-w": (ENTERED, ("borrow_is_unchanged_by_rewards", "alice", "WBNB", 1, TOKEN, 1000)),
}
"""A state and arguments in which a weaker claim is put to the test, and holds."""


class Counting(ConcreteTrial):
    """Counts the claims that it comes to."""

    claims = 0

    def claim(self, condition: Any, message: str) -> None:
        """Count, then claim."""
        self.claims += 1
        super().claim(condition, message)


@pytest.mark.parametrize("name", REACHED)
def test_a_weaker_claim_is_not_vacuous(name: str, protocol: Protocol) -> None:
    """Its assumptions hold somewhere, and so do its claims."""
    steps, (clause_name, *arguments) = REACHED[name]
    pool = VENUS.build(protocol)
    for action, *values in steps:
        assert perform(pool, VENUS.action(action), tuple(values)) is None, action
    clause = next(each for each in CATALOGUE[name].clauses if each.name == clause_name)
    trial = Counting(VENUS)
    clause.check(trial, pool, *arguments)
    assert trial.claims

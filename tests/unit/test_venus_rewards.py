"""Rewards of Venus pools: indices and what they are worth to the digit, who is settled when, claims, every refusal."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from poolproof.models.deployed.venus import rewards as module
from poolproof.models.deployed.venus.build import ACTIONS, FIRST_SUPPLIER, MarketStart, PoolStart, build
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.rates import RateModel
from poolproof.models.deployed.venus.rewards import (
    MAX_UINT32,
    MAX_UINT224,
    REWARD_ACTIONS,
    RewardsDistributor,
    deploy_distributor,
)
from poolproof.models.deployed.word import MAX_UINT256, Reason, Revert
from poolproof.models.rates import JumpRate
from poolproof.proofs.snapshots import copy_state, state_to_json
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD

BY_NAME = {action.name: action for action in (*ACTIONS, *REWARD_ACTIONS)}
UNIT = 10**10
"""What one vToken costs at the start [smallest unit]."""
XVS = "XVS"
E36 = 10**36


def start(*, supply: int = 3, time_based: bool = False, held: int = 1000) -> Comptroller:
    """Two markets without interest, in which ``seed`` has 3 vTokens; XVS is deployed, has 1000 tokens and was added."""

    def market(name: str) -> MarketStart:
        return MarketStart(
            name=name,
            price=WAD * WAD,
            initial_exchange_rate=10**28,
            rate_model=RateModel("none", JumpRate(0, 0, 0, WAD)),
            collateral_factor=50 * WAD // 100,
            liquidation_threshold=50 * WAD // 100,
            reserve_factor=0,
            protocol_seize_share=5 * WAD // 100,
            sweep_interval=10**9,
            initial_supply=supply * UNIT,
            supply_cap=MAX_UINT256,
            borrow_cap=MAX_UINT256,
            wallets=dict.fromkeys(("u0", "u1", "u2"), 10**6 * UNIT),
        )

    pool = build(
        PoolStart(
            now=100,
            users=("u0", "u1", "u2"),
            close_factor=WAD // 2,
            liquidation_incentive=110 * WAD // 100,
            min_liquidatable_collateral=0,
            max_borrow_rate=5 * 10**12,
            counts_donations=False,
            markets=(market("m0"), market("m1")),
        )
    )
    deploy_distributor(pool, XVS, {XVS: held, "u0": 5}, time_based=time_based, max_loops=2)
    return done(pool, ("add_rewards_distributor", XVS))


def do(pool: Comptroller, name: str, *arguments: Any) -> tuple[str, tuple[str, ...]] | None:
    """Carry an action out; the error if it is refused, which leaves everything as it was."""
    before = nonzero(state_to_json(pool))
    refusal = perform(pool, BY_NAME[name], arguments)
    if refusal is None:
        return None
    assert isinstance(refusal, Revert), name
    assert nonzero(state_to_json(pool)) == before
    return refusal.error


def nonzero(data: Any) -> Any:
    """A state without the entries that were read and are 0."""
    if not isinstance(data, dict):
        return data
    return {key: nonzero(value) for key, value in data.items() if value != "0"}


def done(pool: Comptroller, *steps: tuple[Any, ...]) -> Comptroller:
    """Carry actions out that all complete."""
    for name, *arguments in steps:
        assert do(pool, name, *arguments) is None, name
    return pool


def distributor(pool: Comptroller) -> RewardsDistributor:
    """The pool's distributor."""
    return pool.distributors[XVS]


def speeds(supply: int, borrow: int, name: str = "m0") -> tuple[Any, ...]:
    """The action that sets a market's speeds."""
    return ("set_reward_token_speeds", XVS, name, supply, borrow)


def claims(holder: str, *names: str) -> tuple[Any, ...]:
    """The action by which u2 claims for a holder."""
    return ("claim_reward_token", "u2", XVS, holder, names or ("m0",))


# --- indices and what they are worth -------------------------------------------------------------------------------


def test_the_supply_index_and_what_it_is_worth_round_down() -> None:
    """10 tokens for 3 vTokens.

    index: 1e36 + floor(10e36 / 3) = 1e36 + 3 333...333 (37 digits) = 4 333...333; up it would end in 4.
    seed: floor(3 x 3.333...333) = floor(9.999...999) = 9; up it would be 10, as with an index rounded up.
    """
    pool = done(start(), speeds(10, 0), ("pass_time", 1), claims("seed"))
    of = distributor(pool)
    assert of.suppliers["m0"].index == int("4" + "3" * 36)
    assert (of.balances[FIRST_SUPPLIER], of.balances[XVS], of.accrued["seed"]) == (9, 991, 0)


def owing(*, total: int = 10) -> Comptroller:
    """At a borrow index of 3, u0 owes 5 and u1 what it owed as 2 at an index of 1.2; 7 tokens a slot for borrowers."""
    pool = start()
    market = pool.seen("m0")
    market.borrow_index, market.total_borrows = 3 * WAD, total
    for account, principal, index in (("u0", 5, 3 * WAD), ("u1", 2, 12 * WAD // 10)):
        market.principal.restore_(account, principal)
        market.interest_index.restore_(account, index)
    return done(pool, speeds(0, 7), ("pass_time", 1))


def test_the_borrow_index_and_what_it_is_worth_round_down() -> None:
    """7 tokens for a debt of 10 at a borrow index of 3.

    total: floor(10 / 3) = 3, up 4.  index: 1e36 + floor(7e36 / 3) = 1e36 + 2 333...333 = 3 333...333.
    u0: debt 5, floor(5 / 3) = 1 (up 2); floor(1 x 2.333) = 2 (up 3).  With a total of 4: 1.75, hence 1.
    u1: debt floor(2 x 3 / 1.2) = 5, the same.
    """
    pool = done(owing(), claims("u0"), claims("u1"))
    of = distributor(pool)
    assert of.borrowers["m0"].index == int("3" * 37)
    assert (of.balances["u0"], of.balances["u1"]) == (5 + 2, 2)


def test_borrowers_can_claim_more_than_is_emitted() -> None:
    """A market that counts a debt of 3 has two of 5: floor(3 / 3) = 1, so each of them gets all 7 of the 7 emitted."""
    pool = done(owing(total=3), claims("u0"), claims("u1"))
    assert 1000 - distributor(pool).balances[XVS] == 14


@pytest.mark.parametrize(("supply", "speed"), [(0, 10), (3, 0)], ids=["no supply", "no speed"])
def test_what_is_emitted_to_nobody_is_lost(supply: int, speed: int) -> None:
    """The slot moves and the index does not; who supplies then begins there."""
    pool = done(start(supply=supply), speeds(speed, speed), ("pass_time", 8), ("mint", "u0", "m0", UNIT))
    side = distributor(pool).suppliers["m0"]
    assert (side.index, side.slot, side.seen["u0"]) == (E36, 108, E36)
    done(pool, ("borrow", "u0", "m0", 0))
    side = distributor(pool).borrowers["m0"]
    assert (side.index, side.slot, side.seen["u0"]) == (E36, 108, E36)


def test_rewards_end_at_the_last_slot() -> None:
    """Ends are at 105 for suppliers and 103 for borrowers: at 110, 5 slots of 3 tokens for 3 vTokens are 5 each.

    index: 1e36 + 15e36 / 3 = 6e36, of slot 105; borrowers' index is of slot 103; later nothing moves.
    """
    pool = done(start(), speeds(3, 3), ("set_last_rewarding_blocks", XVS, "m0", 105, 103), ("pass_time", 10))
    done(pool, claims("seed"), ("pass_time", 10), claims("seed"))
    of = distributor(pool)
    assert (of.suppliers["m0"].index, of.suppliers["m0"].slot, of.borrowers["m0"].slot) == (6 * E36, 105, 103)
    assert of.balances["seed"] == 15


def test_a_new_speed_counts_from_its_slot() -> None:
    """2 slots at 3, then 1 at 6, for 3 vTokens: 1e36 + 2e36 + 2e36; a side whose speed stays is left alone."""
    pool = done(start(), speeds(3, 9), ("pass_time", 2), speeds(6, 9))
    of = distributor(pool)
    assert (of.suppliers["m0"].slot, of.borrowers["m0"].slot) == (102, 100)
    done(pool, ("pass_time", 1), claims("seed"))
    assert of.suppliers["m0"].index == 5 * E36
    assert of.balances["seed"] == 3 * 4


def test_who_held_before_the_distributor_is_rewarded_from_its_start() -> None:
    """An account that was never settled has seen the initial index; one that was, its own."""
    pool = done(start(), speeds(3, 0), ("pass_time", 1), ("mint", "u0", "m0", 3 * UNIT), ("pass_time", 2))
    # index 2e36 at u0's mint, then 6 tokens for 6 vTokens: 3e36.  seed: 3 x (3 - 1) = 6, u0: 3 x (3 - 2) = 3
    done(pool, claims("seed"), claims("u0"))
    of = distributor(pool)
    assert (of.balances["seed"], of.balances["u0"]) == (6, 5 + 3)


def test_an_index_fits_224_bits() -> None:
    """3 tokens for 3 vTokens add 1e36: up to 2^224 - 1 they are shared out, one more is refused, the mint with it."""
    pool = done(start(), speeds(3, 0), ("pass_time", 1))
    side = distributor(pool).suppliers["m0"]
    side.index = MAX_UINT224 - E36 + 1
    assert do(pool, "mint", "u0", "m0", UNIT) == ("Error", ("new index exceeds 224 bits",))
    side.index -= 1
    done(pool, ("mint", "u0", "m0", UNIT))
    assert side.index == MAX_UINT224


@pytest.mark.parametrize("time_based", [False, True])
def test_a_block_fits_32_bits_and_a_second_need_not(*, time_based: bool) -> None:
    """The last block of 32 bits passes; after it every deposit is refused, unless slots are seconds."""
    pool = done(start(time_based=time_based), ("pass_time", MAX_UINT32 - 100), ("mint", "u0", "m0", UNIT))
    assert distributor(pool).suppliers["m0"].slot == 4_294_967_295
    done(pool, ("pass_time", 1))
    expected = None if time_based else ("Error", ("block number exceeds 32 bits",))
    assert do(pool, "mint", "u0", "m0", UNIT) == expected
    assert do(pool, "repay_borrow", "u0", "m0", 0) == expected


# --- who is settled when -------------------------------------------------------------------------------------------


def liquidatable() -> Comptroller:
    """u0 has 1000 vTokens of m0 and owes 400 units of m1, of which m0 is worth 70 % of the start; u1 supplied m1."""
    pool = done(start(), ("mint", "u1", "m1", 10**4 * UNIT), ("mint", "u0", "m0", 1000 * UNIT))
    done(pool, ("enter_markets", "u0", ("m0",)), ("borrow", "u0", "m1", 400 * UNIT))
    done(pool, ("set_price", "m0", 7 * WAD * WAD // 10))
    return fresh(pool)


def worthless() -> Comptroller:
    """The same account with collateral worth nothing."""
    pool = done(liquidatable(), ("set_min_liquidatable_collateral", 10**60))
    pool.seen("m0").tokens.restore_("u0", 0)
    return pool


def paying() -> Comptroller:
    """The same account with its collateral at a tenth, small enough to be healed."""
    return done(liquidatable(), ("set_min_liquidatable_collateral", 10**60), ("set_price", "m0", WAD * WAD // 10))


def fresh(pool: Comptroller) -> Comptroller:
    """Forget who was settled."""
    of = distributor(pool)
    for side in (*of.suppliers.values(), *of.borrowers.values()):
        side.seen.clear()
    return done(pool, ("pass_time", 1))


HOOKS: dict[str, tuple[Callable[[], Comptroller], tuple[Any, ...], set[tuple[str, str, str]]]] = {
    "mint": (start, ("mint", "u0", "m0", UNIT), {("suppliers", "m0", "u0")}),
    "mint for another": (start, ("mint_behalf", "u0", "u1", "m0", UNIT), {("suppliers", "m0", "u1")}),
    "redeem": (liquidatable, ("redeem", "u1", "m1", 1), {("suppliers", "m1", "u1")}),
    "borrow": (liquidatable, ("borrow", "u1", "m0", 0), {("borrowers", "m0", "u1")}),
    "repay": (liquidatable, ("repay_borrow", "u0", "m1", 1), {("borrowers", "m1", "u0")}),
    "repay for another": (liquidatable, ("repay_borrow_behalf", "u2", "u0", "m1", 1), {("borrowers", "m1", "u0")}),
    "transfer": (
        liquidatable,
        ("transfer", "u1", "u2", "m1", 1),
        {("suppliers", "m1", "u1"), ("suppliers", "m1", "u2")},
    ),
    "liquidate": (
        liquidatable,
        ("liquidate_borrow", "u2", "u0", "m1", "m0", UNIT),
        {("borrowers", "m1", "u0"), ("suppliers", "m0", "u0"), ("suppliers", "m0", "u2")},
    ),
    "heal with a payment": (
        paying,
        ("heal_account", "u2", "u0"),
        {("borrowers", "m1", "u0"), ("suppliers", "m0", "u0"), ("suppliers", "m0", "u2")},
    ),
    "heal for nothing": (worthless, ("heal_account", "u2", "u0"), set()),
    "accrue": (liquidatable, ("accrue_interest", "m1"), set()),
    "enter": (start, ("enter_markets", "u0", ("m0",)), set()),
    "exit": (lambda: done(start(), ("enter_markets", "u0", ("m0",))), ("exit_market", "u0", "m0"), set()),
    "donate": (start, ("donate", "u0", "m0", 1), set()),
}


@pytest.mark.parametrize(("make", "step", "expected"), HOOKS.values(), ids=HOOKS)
def test_an_action_settles_whose_holding_it_changes(
    make: Callable[[], Comptroller], step: tuple[Any, ...], expected: set[tuple[str, str, str]]
) -> None:
    """By side, market and account; the healing of a debt for nothing settles nobody, though the debt of all falls."""
    pool = fresh(make())
    done(pool, step)
    of = distributor(pool)
    sides = {"suppliers": of.suppliers, "borrowers": of.borrowers}
    settled = {(side, name, who) for side, table in sides.items() for name in table for who in table[name].seen}
    assert settled == expected
    moved = {(side, name) for side, table in sides.items() for name in table if table[name].slot == pool.now}
    assert moved >= {(side, name) for side, name, _ in expected}


def test_a_distributor_that_was_not_added_is_not_asked() -> None:
    """Deployed alone, it sees no deposit."""
    pool = start()
    deploy_distributor(pool, "other", {})
    done(pool, ("pass_time", 1), ("mint", "u0", "m0", UNIT))
    assert pool.distributors["other"].suppliers["m0"].slot == 0
    assert distributor(pool).suppliers["m0"].slot == 101


def test_what_is_healed_for_nothing_is_shared_out_again() -> None:
    """u0 and u1 owe 400 units each at a speed of 8 for 10 slots: 40 each.  Then u0's debt is written off unsettled.

    The index is still 1e36; with a debt of 400 units left, u1's part of all 80 is floor(400e10 x (80e36 / 400e10)
    / 1e36) = 80, and u0's is 0.
    """
    pool = done(worthless(), ("set_price", "m0", WAD * WAD), ("mint", "u2", "m0", 1000 * UNIT))
    done(pool, ("enter_markets", "u2", ("m0",)), ("borrow", "u2", "m1", 400 * UNIT), speeds(0, 8, "m1"))
    done(pool, ("pass_time", 10))
    settled = copy_state(pool)
    done(settled, claims("u2", "m1"), claims("u0", "m1"))
    assert [distributor(settled).balances[who] for who in ("u2", "u0")] == [40, 5 + 40]
    done(pool, ("heal_account", "u1", "u0"), claims("u2", "m1"), claims("u0", "m1"))
    assert [distributor(pool).balances[who] for who in ("u2", "u0")] == [80, 5]


# --- claims --------------------------------------------------------------------------------------------------------


def test_a_claim_pays_all_or_nothing() -> None:
    """9 are due and 8 there: nothing is paid and 9 stay due; with 1 more, all 9 are."""
    pool = done(start(held=8), speeds(9, 0), ("pass_time", 1), claims("seed"))
    of = distributor(pool)
    assert (of.balances["seed"], of.balances[XVS], of.accrued["seed"]) == (0, 8, 9)
    done(pool, ("fund_distributor", "u0", XVS, 1), claims("seed"))
    assert (of.balances["seed"], of.balances[XVS], of.accrued["seed"], of.balances["u0"]) == (9, 0, 0, 4)


def test_a_claim_accrues_no_market() -> None:
    """The borrow index is the stored one, of a slot long gone."""
    pool = done(start(), ("pass_time", 50), ("claim_all_reward_tokens", "u2", XVS, "seed"))
    assert pool.seen("m0").accrued_at == 100
    assert distributor(pool).suppliers["m1"].slot == 150


def test_a_claim_is_for_the_markets_named() -> None:
    """3 are due in each market; both are claimed at once, or one."""
    pool = done(start(), speeds(3, 0), speeds(3, 0, "m1"), ("pass_time", 1), claims("seed", "m1"))
    assert distributor(pool).balances["seed"] == 3
    assert distributor(pool).suppliers["m0"].slot == 100
    done(pool, ("claim_all_reward_tokens", "u2", XVS, "seed"))
    assert distributor(pool).balances["seed"] == 6


def test_events_are_the_contract_s() -> None:
    """Borrowers first; a supplier's settlement is told though it is worth nothing, a borrower's is not."""
    pool = done(start(), claims("u1"))
    assert pool.events == [
        (XVS, "RewardTokenBorrowIndexUpdated", "m0", WAD),
        (XVS, "RewardTokenSupplyIndexUpdated", "m0"),
        (XVS, "DistributedSupplierRewardToken", "m0", "u1", 0, 0, E36),
    ]


# --- refusals ------------------------------------------------------------------------------------------------------


def unlisted() -> Comptroller:
    """m0 was taken off the list."""
    pool = start()
    pool.seen("m0").listed = False
    return pool


def ended() -> Comptroller:
    """The rewards of m0's suppliers end now."""
    return done(start(), ("set_last_rewarding_blocks", XVS, "m0", 101, 500), ("pass_time", 1))


def timed() -> Comptroller:
    """Slots are seconds."""
    return start(time_based=True)


BLOCKS, SECONDS = "set_last_rewarding_blocks", "set_last_rewarding_block_timestamps"
PAST = "setting last rewarding block in the past is not allowed"
CASES: dict[str, tuple[Callable[[], Comptroller], tuple[Any, ...], tuple[str, tuple[str, ...]]]] = {
    "added twice": (start, ("add_rewards_distributor", XVS), ("Error", ("already exists",))),
    "moved by an account": (
        start,
        ("update_supply_index", "u0", XVS, "m0"),
        ("Error", ("Only comptroller can call this function",)),
    ),
    "a claim in too many markets, before any is looked at": (
        unlisted,
        claims("seed", "m0", "m0", "m0"),
        ("MaxLoopsLimitExceeded", ("2", "3")),
    ),
    "a claim in a market off the list": (unlisted, claims("seed"), ("Error", ("market must be listed",))),
    "a claim in all markets with one off the list": (
        unlisted,
        ("claim_all_reward_tokens", "u2", XVS, "seed"),
        ("Error", ("market must be listed",)),
    ),
    "speeds of a market off the list": (unlisted, speeds(1, 1), ("Error", ("rewardToken market is not listed",))),
    "ends of a market off the list": (
        unlisted,
        (BLOCKS, XVS, "m0", 0, 0),
        ("Error", ("rewardToken market is not listed",)),
    ),
    "a block where slots are seconds": (
        timed,
        (BLOCKS, XVS, "m0", 500, 500),
        ("Error", ("Block-based operation only",)),
    ),
    "a second where slots are blocks": (
        start,
        (SECONDS, XVS, "m0", 500, 500),
        ("Error", ("Time-based operation only",)),
    ),
    "suppliers' end now": (start, (BLOCKS, XVS, "m0", 100, 101), ("Error", (PAST,))),
    "borrowers' end now": (start, (BLOCKS, XVS, "m0", 101, 100), ("Error", (PAST,))),
    "a past second": (
        timed,
        (SECONDS, XVS, "m0", 100, 101),
        ("Error", ("setting last rewarding timestamp in the past is not allowed",)),
    ),
    "after the end": (
        ended,
        (BLOCKS, XVS, "m0", 500, 500),
        ("Error", ("this RewardsDistributor is already locked",)),
    ),
    "a limit that stays": (
        start,
        ("set_max_loops_limit", XVS, 2),
        ("Error", ("Comptroller: Invalid maxLoopsLimit",)),
    ),
    "more funds than there are": (
        start,
        ("fund_distributor", "u0", XVS, 6),
        ("Error", ("ERC20: transfer amount exceeds balance",)),
    ),
    "a speed beyond a word, with the deposit that meets it": (
        lambda: done(start(), speeds(MAX_UINT256, 0), ("pass_time", 2)),
        ("mint", "u0", "m0", 1),
        ("Panic", ("0x11",)),
    ),
    "a block beyond 32 bits": (
        lambda: done(start(), ("pass_time", 2**32)),
        speeds(1, 0),
        ("Error", ("block number exceeds 32 bits",)),
    ),
    "an index beyond 224 bits, with the claim that meets it": (
        lambda: done(start(), speeds(10**35, 0), ("pass_time", 1)),
        claims("seed"),
        ("Error", ("new index exceeds 224 bits",)),
    ),
}


@pytest.mark.parametrize(("make", "step", "expected"), CASES.values(), ids=CASES)
def test_an_error_comes_where_the_contract_has_it(
    make: Callable[[], Comptroller], step: tuple[Any, ...], expected: tuple[str, tuple[str, ...]]
) -> None:
    """Each guard in its place; what is refused leaves nothing behind."""
    assert do(make(), *step) == expected


def test_every_refusal_is_reached() -> None:
    """No refusal of the module is without a case."""
    occurring = {arguments[0] if name == "Error" else name for *_, (name, arguments) in CASES.values()}
    classes = [each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__]
    refusals = [each for each in classes if issubclass(each, Revert)]
    assert len(refusals) == 13
    assert {each.reason if issubclass(each, Reason) else each.__name__ for each in refusals} <= occurring


def test_an_end_can_be_moved_until_it_comes() -> None:
    """Ends ahead are replaced, on seconds too; a limit on loops rises."""
    pool = done(
        timed(), (SECONDS, XVS, "m0", 101, 102), (SECONDS, XVS, "m0", 200, 102), ("set_max_loops_limit", XVS, 3)
    )
    of = distributor(pool)
    assert (of.suppliers["m0"].last_slot, of.borrowers["m0"].last_slot, of.max_loops) == (200, 102, 3)


def test_what_a_refused_action_settled_is_taken_back() -> None:
    """A transfer to oneself is refused once the index has moved, and the index is back where it was."""
    pool = liquidatable()
    assert do(pool, "transfer", "u1", "u1", "m1", 1) == ("TransferNotAllowed", ())
    assert distributor(pool).suppliers["m1"].slot < pool.now

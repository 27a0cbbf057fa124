"""Auctions of bad debt: what is sold for what to the digit, refunds and debts to bidders, every refusal in its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from poolproof.models.deployed.venus import registry as directory
from poolproof.models.deployed.venus import shortfall as module
from poolproof.models.deployed.venus.build import FIRST_SUPPLIER, MarketStart, PoolStart
from poolproof.models.deployed.venus.pool import SHORTFALL
from poolproof.models.deployed.venus.rates import RateModel
from poolproof.models.deployed.venus.registry import RegistryStart, add_market, add_pool, pass_time
from poolproof.models.deployed.venus.shortfall import (
    BASE_ASSET,
    RISK_FUND,
    SHORTFALL_ACTIONS,
    Auction,
    Kind,
    Shortfall,
    Status,
    build,
)
from poolproof.models.deployed.word import MAX_UINT256, Reason, Revert
from poolproof.models.rates import JumpRate
from poolproof.proofs.snapshots import copy_state, state_to_json
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD

BY_NAME = {action.name: action for action in SHORTFALL_ACTIONS}
PLENTY = 10**12


def start(reserves: int = 1106, base_price: int = 9 * WAD // 10, minimum: int = 1504) -> Shortfall:
    """A pool at slot 100 with 1001 of A at 1.5 and 7 of B at 0.5 as bad debt, and 1106 of the base asset at 0.9.

    A: floor(1001 x 1.5) = 1501 (of 1501.5), B: floor(7 x 0.5) = 3 (of 3.5); the debt is worth 1504.
    """

    def market(name: str, price: int) -> MarketStart:
        return MarketStart(
            name=name,
            price=price,
            initial_exchange_rate=WAD,
            rate_model=RateModel("none", JumpRate(0, 0, 0, WAD)),
            collateral_factor=0,
            liquidation_threshold=0,
            reserve_factor=0,
            protocol_seize_share=0,
            sweep_interval=10**9,
            initial_supply=5000,
            supply_cap=MAX_UINT256,
            borrow_cap=MAX_UINT256,
            wallets={},
        )

    users = ("u0", "u1", "u2")
    pool = PoolStart(
        100, users, WAD // 2, WAD, 0, 10**12, False, (market("vA", 15 * WAD // 10), market("vB", WAD // 2))
    )
    balances: dict[str, dict[str, int]] = {asset: dict.fromkeys(users, PLENTY) for asset in ("A", "B")}
    pools = {"core": pool, "other": PoolStart(100, users, WAD // 2, WAD, 0, 10**12, False, ())}
    registry = directory.build(RegistryStart(100, 5000, pools, {"vA": "A", "vB": "B"}, balances))
    add_pool.run(registry, "u0", "Core", "core", WAD // 2, WAD, 0)
    for name in ("vA", "vB"):
        add_market.run(registry, "u2", name, 0, 0, 5000, FIRST_SUPPLIER, MAX_UINT256, MAX_UINT256)
    of = build(
        registry,
        minimum,
        next_bidder_limit=10,
        wait_for_first_bidder=100,
        base_price=base_price,
        reserves={"core": reserves},
    )
    for name, debt in (("vA", 1001), ("vB", 7)):
        registry.comptrollers["core"].seen(name).bad_debt = debt
    of.begin()
    return of


def do(of: Shortfall, name: str, *arguments: Any) -> tuple[str, tuple[str, ...]] | None:
    """Carry an action out; the error if it is refused, which leaves everything as it was."""
    before = nonzero(state_to_json(of))
    refusal = perform(of, BY_NAME[name], arguments)
    if refusal is None:
        return None
    assert isinstance(refusal, Revert), name
    assert nonzero(state_to_json(of)) == before
    return refusal.error


def nonzero(data: Any) -> Any:
    """A state without the entries that were read and are 0."""
    if not isinstance(data, dict):
        return data
    return {key: nonzero(value) for key, value in data.items() if value != "0"}


def done(of: Shortfall, *steps: tuple[Any, ...]) -> Shortfall:
    """Carry actions out that all complete; ``("wait", slots)`` lets time pass."""
    for name, *arguments in steps:
        if name == "wait":
            pass_time.run(of.registry, arguments[0], 3 * arguments[0])
        else:
            assert do(of, name, *arguments) is None, name
    return of


def auction(of: Shortfall) -> Auction:
    """The auction of the pool."""
    return of.auctions["core"]


def bid(user: str, bps: int, start: int = 100) -> tuple[Any, ...]:
    """A bid."""
    return ("place_bid", user, "core", bps, start)


START, CLOSE, RESTART = (
    ("start_auction", "u0", "core"),
    ("close_auction", "u0", "core"),
    ("restart_auction", "u0", "core"),
)


def started() -> Shortfall:
    """An auction of the debt, from 6014 basis points upward."""
    return done(start(), START)


def with_bid() -> Shortfall:
    """And u0's bid of that."""
    return done(started(), bid("u0", 6014))


def of_fund() -> Shortfall:
    """An auction of the fund: 1655 of the base asset at 1, from all of 1654 downward."""
    return done(start(1655, WAD), START)


def wallets(of: Shortfall, user: str) -> tuple[int, int, int]:
    """What a user gained of A, B and the base asset."""
    gained = [of.bank("core", name)[user] - PLENTY for name in ("vA", "vB")]
    return gained[0], gained[1], of.base[user]


# --- what is sold for what -----------------------------------------------------------------------------------------


def test_an_auction_of_the_debt_starts_rounded_down() -> None:
    """The debt is worth 1501 + 3 = 1504, 1654 with the incentive of floor(150.4); the fund floor(995.4) = 995.

    floor(1e8 x 995 / (1504 x 11000)) = floor(99 500 000 000 / 16 544 000) = floor(6014.26) = 6014.
    Rounded up: A 1502 or B 4 make 99.5e9 / 16 555 000 = 6010.3; the fund 996, 6020.3; the quotient, 6015.
    """
    of = auction(started())
    assert (of.kind, of.status, of.start) == (Kind.LARGE_POOL_DEBT, Status.STARTED, 100)
    assert (of.start_bid_bps, of.seized_risk_fund) == (6014, 995)
    assert (of.market_debt["vA"], of.market_debt["vB"], of.markets) == (1001, 7, ("vA", "vB"))


@pytest.mark.parametrize(
    ("fund", "kind", "seized", "bps"),
    [(1654, Kind.LARGE_POOL_DEBT, 1654, 9997), (1655, Kind.LARGE_RISK_FUND, 1654, 10000)],
)
def test_the_incentive_rounds_down(fund: int, kind: Kind, seized: int, bps: int) -> None:
    """1504 x 10 % = 150.4 counts as 150: a fund of 1654 is sold whole, one of 1655 is the larger; up, it would not be.

    floor(1e8 x 1654 / 16 544 000) = floor(9997.58).
    """
    of = auction(done(start(fund, WAD), START))
    assert (of.kind, of.seized_risk_fund, of.start_bid_bps) == (kind, seized, bps)


def test_a_bid_for_the_debt_pays_rounded_down() -> None:
    """At 6014 basis points: floor(602.0014) = 602 of 1001 and floor(4.2098) = 4 of 7; up, 603 and 5."""
    of = with_bid()
    assert wallets(of, "u0") == (-602, -4, 0)
    assert (auction(of).bid_amount["vA"], auction(of).bid_amount["vB"]) == (602, 4)
    assert [of.bank("core", name)[SHORTFALL] for name in ("vA", "vB")] == [602, 4]


def test_an_auction_of_the_debt_leaves_what_was_not_bid() -> None:
    """u0 gets all 995 for 602 and 4; the markets keep 399 and 3 of bad debt, which their cash makes good for the rest."""
    of = done(with_bid(), ("wait", 11), CLOSE)
    core = of.registry.comptrollers["core"]
    assert [core.seen(name).bad_debt for name in ("vA", "vB")] == [399, 3]
    assert [core.seen(name).internal_cash for name in ("vA", "vB")] == [5602, 5004]
    assert [of.bank("core", name)[name] for name in ("vA", "vB")] == [5602, 5004]
    assert wallets(of, "u0") == (-602, -4, 995)
    assert (of.reserves["core"], of.base[RISK_FUND], of.base[SHORTFALL]) == (111, 111, 0)
    assert auction(of).status == Status.ENDED


def test_an_auction_of_the_fund_pays_rounded_down() -> None:
    """u1 bids 9001 after u0's 9999: it pays 1001 and 7, u0 has its own back; floor(1654 x 0.9001) = 1488, up 1489."""
    of = done(of_fund(), bid("u0", 9999), bid("u1", 9001), ("wait", 11), CLOSE)
    assert wallets(of, "u0") == (0, 0, 0)
    assert wallets(of, "u1") == (-1001, -7, 1488)
    assert (of.reserves["core"], of.base[RISK_FUND]) == (167, 167)
    assert [of.registry.comptrollers["core"].seen(name).bad_debt for name in ("vA", "vB")] == [0, 0]


def test_a_value_is_paid_as_an_amount() -> None:
    """905 of the base asset at 1.1 are worth 995: the auction sells 995 of 905, and its bidder can never close it."""
    of = done(start(905, 11 * WAD // 10), START, bid("u0", 6014), ("wait", 11))
    assert auction(of).seized_risk_fund == 995
    assert do(of, *CLOSE) == ("Error", ("Risk Fund: Insufficient pool reserve.",))


def test_debt_that_comes_later_stays() -> None:
    """What was fixed at the start is sold; 50 more of bad debt are left with what was not bid."""
    of = with_bid()
    of.registry.comptrollers["core"].seen("vA").bad_debt += 50
    done(of, ("wait", 11), CLOSE)
    assert of.registry.comptrollers["core"].seen("vA").bad_debt == 449


def test_no_fund_starts_at_nothing() -> None:
    """Without a fund any bid is enough, and pays for nothing."""
    of = done(start(0), START, bid("u0", 1), ("wait", 11), CLOSE)
    assert auction(of).start_bid_bps == 0
    assert wallets(of, "u0") == (0, 0, 0)


def test_a_market_off_the_list_is_auctioned_too() -> None:
    """Its bad debt counts, and is recovered."""
    of = start()
    of.registry.comptrollers["core"].seen("vA").listed = False
    done(of, START, bid("u0", 10000), ("wait", 11), CLOSE)
    assert of.registry.comptrollers["core"].seen("vA").bad_debt == 0


# --- bidders and time ----------------------------------------------------------------------------------------------


def test_who_is_outbid_is_paid_at_once() -> None:
    """u1's bid gives u0 everything back; the last bidder's payment alone stays."""
    of = done(with_bid(), bid("u1", 6015))
    assert wallets(of, "u0") == (0, 0, 0)
    assert wallets(of, "u1") == (-602, -4, 0)


def test_who_cannot_be_paid_is_owed() -> None:
    """A pays u0 nothing: u0 is owed 602, which it claims in parts once A pays again; B was paid at once."""
    of = done(with_bid(), ("set_refusal", "A", "u0", True), bid("u1", 10000))
    assert wallets(of, "u0") == (-602, 0, 0)
    assert (of.token_debt["A/u0"], of.total_token_debt["A"]) == (602, 602)
    assert of.bank("core", "vA")[SHORTFALL] == 602 + 1001
    done(of, ("set_refusal", "A", "u0", False), ("claim_token_debt", "u0", "core", "vA", 2))
    assert (of.token_debt["A/u0"], of.total_token_debt["A"], wallets(of, "u0")[0]) == (600, 600, -600)
    done(of, ("claim_token_debt", "u0", "core", "vA", MAX_UINT256))
    assert (of.token_debt["A/u0"], of.total_token_debt["A"], wallets(of, "u0")[0]) == (0, 0, 0)


def test_a_buyer_who_cannot_be_paid_is_owed() -> None:
    """The base asset pays u0 nothing at the close: it is owed 995."""
    of = done(with_bid(), ("set_refusal", BASE_ASSET, "u0", True), ("wait", 11), CLOSE)
    assert (of.token_debt[f"{BASE_ASSET}/u0"], of.base[SHORTFALL]) == (995, 995)
    done(of, ("set_refusal", BASE_ASSET, "u0", False), ("claim_base_asset_debt", "u0", 995))
    assert wallets(of, "u0")[2] == 995


def test_the_first_bid_comes_within_its_time() -> None:
    """Until slot 200 a bid counts and a restart does not; from 201 on it is the other way round."""
    of = done(started(), ("wait", 100))
    assert do(of, *RESTART) == ("Error", ("you need to wait for more time for first bidder",))
    done(copy_state(of), bid("u0", 6014))
    done(of, ("wait", 1))
    assert do(of, *bid("u0", 6014)) == ("Error", ("auction is stale, restart it",))
    of.registry.comptrollers["core"].seen("vA").bad_debt = 2001
    done(of, RESTART)
    assert (auction(of).start, auction(of).market_debt["vA"]) == (201, 2001)
    assert do(of, *bid("u0", 6014)) == ("Error", ("auction has been restarted",))


def test_an_auction_with_a_bidder_is_never_stale() -> None:
    """Long after, it can be outbid or closed, and not restarted."""
    of = done(with_bid(), ("wait", 1000))
    assert do(of, *RESTART) == ("Error", ("you need to wait for more time for first bidder",))
    done(of, bid("u1", 6015))


def test_an_auction_closes_when_the_next_bidder_did_not_come() -> None:
    """A bid of slot 100 stands through 110, and wins from 111 on; a bid at 105 begins anew."""
    of = done(with_bid(), ("wait", 10))
    assert do(of, *CLOSE) == ("Error", ("waiting for next bidder. cannot close auction",))
    again = done(copy_state(of), bid("u1", 6015), ("wait", 10))
    assert do(again, *CLOSE) == ("Error", ("waiting for next bidder. cannot close auction",))
    done(of, ("wait", 1), CLOSE)


def test_a_new_auction_follows_an_old_one() -> None:
    """What is left is auctioned again: 399 of A at 1.5 and 3 of B at 0.5, 598 + 1 = 599, for 111 at 0.9, 99.

    floor(1e8 x 99 / (599 x 11000)) = floor(9 900 000 000 / 6 589 000) = floor(1502.5) = 1502; the first bid pays no
    refund, and floor(399 x 0.1502) = floor(59.9298) = 59 of A.
    """
    of = done(with_bid(), ("wait", 11), CLOSE, ("update_minimum_pool_bad_debt", 599), START)
    assert (auction(of).start_bid_bps, auction(of).seized_risk_fund, auction(of).highest_bidder) == (1502, 99, "")
    done(of, bid("u1", 1502, 111))
    assert (wallets(of, "u0")[0], wallets(of, "u1")[0]) == (-602, -59)


def test_a_pause_lets_an_auction_finish() -> None:
    """Bids and the close go on; no auction starts before it is lifted."""
    of = done(started(), ("pause_auctions", "gov"), bid("u0", 6014), ("wait", 11), CLOSE)
    assert do(of, *START) == ("Error", ("Auctions are paused",))
    done(of, ("resume_auctions", "gov"), ("update_minimum_pool_bad_debt", 0), START)


def test_parameters_change_what_follows() -> None:
    """An incentive of 100 % makes 3008 of the debt; a shorter time for bidders lets the auction close sooner."""
    of = done(start(2000, WAD), ("update_incentive_bps", 10000), START)
    # floor(1e8 x 2000 / (1504 x 20000)) = floor(6648.9) = 6648
    assert (auction(of).kind, auction(of).start_bid_bps) == (Kind.LARGE_POOL_DEBT, 6648)
    done(of, ("update_next_bidder_block_limit", 1), ("update_wait_for_first_bidder", 0), bid("u0", 6648))
    done(of, ("wait", 2), ("set_base_price", 0), CLOSE)
    assert of.base["u0"] == 2000


# --- refusals ------------------------------------------------------------------------------------------------------


def drained() -> Shortfall:
    """u0 has bid, and the contract has nothing of A."""
    of = with_bid()
    of.bank("core", "vA").restore_(SHORTFALL, 0)
    return of


def owed() -> Shortfall:
    """u0 is owed 602 of A, which pays it nothing."""
    return done(with_bid(), ("set_refusal", "A", "u0", True), bid("u1", 6015))


def owed_of_nothing() -> Shortfall:
    """u0 is owed 602 of A, which pays it again, and the contract has nothing of A."""
    of = done(owed(), ("set_refusal", "A", "u0", False))
    of.bank("core", "vA").restore_(SHORTFALL, 0)
    return of


def recovered() -> Shortfall:
    """u0's bid can be closed, and the bad debt of A is 601."""
    of = done(with_bid(), ("wait", 11))
    of.registry.comptrollers["core"].seen("vA").bad_debt = 601
    return of


def nothing_at_all() -> Shortfall:
    """No bad debt, no fund, and no minimum."""
    of = start(0, WAD, 0)
    for name in ("vA", "vB"):
        of.registry.comptrollers["core"].seen(name).bad_debt = 0
    return of


def paused(make: Callable[[], Shortfall]) -> Callable[[], Shortfall]:
    """The same with auctions paused."""
    return lambda: done(make(), ("pause_auctions", "gov"))


EXCEEDS = ("Error", ("ERC20: transfer amount exceeds balance",))
NONE, NOT_BETTER = ("Error", ("no on-going auction",)), ("Error", ("your bid is not the highest",))
CASES: dict[str, tuple[Callable[[], Shortfall], tuple[Any, ...], tuple[str, tuple[str, ...]]]] = {
    "a start while paused, before the pool": (
        paused(start),
        ("start_auction", "u0", "other"),
        ("Error", ("Auctions are paused",)),
    ),
    "a start of a pool that is not in the directory": (
        start,
        ("start_auction", "u0", "other"),
        ("Error", ("comptroller doesn't exist pool registry",)),
    ),
    "a second start": (started, START, ("Error", ("auction is on-going",))),
    "a debt below the minimum": (
        lambda: start(minimum=1505),
        START,
        ("Error", ("pool bad debt is too low",)),
    ),
    "neither debt nor fund": (nothing_at_all, START, ("Panic", ("0x12",))),
    "an incentive beyond a word": (
        lambda: done(start(), ("update_incentive_bps", MAX_UINT256)),
        START,
        ("Panic", ("0x11",)),
    ),
    "a bid in another auction": (started, bid("u0", 0, 99), ("Error", ("auction has been restarted",))),
    "a bid before any auction": (start, bid("u0", 0, 0), NONE),
    "a bid after the auction": (lambda: done(with_bid(), ("wait", 11), CLOSE), bid("u1", 6015), NONE),
    "a bid that is too late, before its size": (
        lambda: done(started(), ("wait", 101)),
        bid("u0", 0),
        ("Error", ("auction is stale, restart it",)),
    ),
    "a bid of nothing": (started, bid("u0", 0), ("Error", ("basis points cannot be zero",))),
    "a bid of more than all": (
        started,
        bid("u0", 10001),
        ("Error", ("basis points cannot be more than 10000",)),
    ),
    "a first bid for the debt below the start": (started, bid("u0", 6013), NOT_BETTER),
    "a bid for the debt that is no higher": (with_bid, bid("u1", 6014), NOT_BETTER),
    "a bid for the fund that is no lower": (lambda: done(of_fund(), bid("u0", 10000)), bid("u1", 10000), NOT_BETTER),
    "a refund that the contract does not hold": (
        drained,
        bid("u1", 6015),
        ("InsufficientBalance", ("A", SHORTFALL, "602", "0")),
    ),
    "a bid beyond one's tokens, once the other was refunded": (with_bid, bid("nobody", 6015), EXCEEDS),
    "a close before any auction": (start, CLOSE, NONE),
    "a close without a bidder": (
        lambda: done(started(), ("wait", 10**6)),
        CLOSE,
        ("Error", ("waiting for next bidder. cannot close auction",)),
    ),
    "a close of more than the bad debt": (
        recovered,
        CLOSE,
        ("Error", ("more than bad debt recovered from auction",)),
    ),
    "a close that the contract does not hold": (lambda: done(drained(), ("wait", 11)), CLOSE, EXCEEDS),
    "a restart while paused": (paused(started), RESTART, ("Error", ("auctions are paused",))),
    "a restart of nothing": (start, RESTART, NONE),
    "a claim of more than is owed": (
        owed,
        ("claim_token_debt", "u0", "core", "vA", 603),
        ("InsufficientDebt", ("A", "u0", "602", "603")),
    ),
    "a claim that the token refuses": (
        owed,
        ("claim_token_debt", "u0", "core", "vA", MAX_UINT256),
        ("Error", ("SafeERC20: low-level call failed",)),
    ),
    "a claim that the contract does not hold": (
        owed_of_nothing,
        ("claim_token_debt", "u0", "core", "vA", 1),
        EXCEEDS,
    ),
    "no time for bidders": (
        start,
        ("update_next_bidder_block_limit", 0),
        ("Error", ("nextBidderBlockOrTimestampLimit_ must not be 0",)),
    ),
    "no incentive": (start, ("update_incentive_bps", 0), ("Error", ("incentiveBps must not be 0",))),
    "a second pause": (paused(start), ("pause_auctions", "gov"), ("Error", ("Auctions are already paused",))),
    "no pause to lift": (start, ("resume_auctions", "gov"), ("Error", ("Auctions are not paused",))),
    "a restart with time left": (
        started,
        RESTART,
        ("Error", ("you need to wait for more time for first bidder",)),
    ),
    "a fund that has less than it says": (
        lambda: fund_lacks(done(with_bid(), ("wait", 11))),
        CLOSE,
        EXCEEDS,
    ),
    "a fund that is worth more than it has": (
        lambda: done(start(905, 11 * WAD // 10), START, bid("u0", 6014), ("wait", 11)),
        CLOSE,
        ("Error", ("Risk Fund: Insufficient pool reserve.",)),
    ),
}


def fund_lacks(of: Shortfall) -> Shortfall:
    """The risk fund holds less than its pools' reserves."""
    of.base.restore_(RISK_FUND, 994)
    return of


@pytest.mark.parametrize(("make", "step", "expected"), CASES.values(), ids=CASES)
def test_an_error_comes_where_the_contract_has_it(
    make: Callable[[], Shortfall], step: tuple[Any, ...], expected: tuple[str, tuple[str, ...]]
) -> None:
    """Each guard in its place; what is refused leaves nothing behind, refunds that were paid neither."""
    assert do(make(), *step) == expected


def test_every_refusal_is_reached() -> None:
    """No refusal of the module is without a case."""
    occurring = {arguments[0] if name == "Error" else name for *_, (name, arguments) in CASES.values()}
    classes = [each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__]
    refusals = [each for each in classes if issubclass(each, Revert)]
    assert len(refusals) == 21
    assert {each.reason if issubclass(each, Reason) else each.__name__ for each in refusals} <= occurring

"""The Venus model by itself: every error in its place, refusals that leave nothing behind, tokens that only move."""

from __future__ import annotations

import gzip
import inspect
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poolproof.models.deployed.venus import refusals
from poolproof.models.deployed.venus.build import ACTIONS, MarketStart, PoolStart, build
from poolproof.models.deployed.venus.liquidation import before_liquidation
from poolproof.models.deployed.venus.market import SHARE_RESERVE, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.pool import Comptroller, Pausable, snapshot
from poolproof.models.deployed.venus.rates import RateModel, TwoKinksRate, curve_of
from poolproof.models.deployed.word import MAX_UINT256, Panic, Reason, Revert
from poolproof.models.rates import JumpRate, WhitePaperRate
from poolproof.spec.action import Domain, perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import Refusal

RECORDINGS = Path(__file__).parents[1] / "conformance" / "venus"
BY_NAME = {action.name: action for action in ACTIONS}
USERS = ("u0", "u1", "u2")
MARKETS = ("m0", "m1")
TOKEN = 10**18
RATE = 10**28
"""One vToken, of 8 decimals, is 1e10 units at the start."""


def start(*, counts_donations: bool = False, sweep: int = 10**9) -> Comptroller:
    """Two markets of 18 decimals at a price of 1 and 3, three users with 1000 tokens of each."""

    def market(name: str, price: int) -> MarketStart:
        return MarketStart(
            name=name,
            price=price,
            initial_exchange_rate=RATE,
            rate_model=RateModel(f"irm{name}", JumpRate(10**9, 10**10, 10**11, WAD // 2)),
            collateral_factor=70 * WAD // 100,
            liquidation_threshold=80 * WAD // 100,
            reserve_factor=WAD // 4,
            protocol_seize_share=5 * WAD // 100,
            sweep_interval=sweep,
            initial_supply=100 * TOKEN,
            supply_cap=MAX_UINT256,
            borrow_cap=MAX_UINT256,
            wallets=dict.fromkeys((*USERS, "short"), 1000 * TOKEN),
        )

    return build(
        PoolStart(
            now=100,
            users=USERS,
            close_factor=WAD // 2,
            liquidation_incentive=110 * WAD // 100,
            min_liquidatable_collateral=10 * WAD,
            max_borrow_rate=5 * 10**12,
            counts_donations=counts_donations,
            markets=(market("m0", WAD), market("m1", 3 * WAD)),
        )
    )


def do(pool: Comptroller, name: str, *arguments: Any) -> Refusal | None:
    """Carry an action out."""
    return perform(pool, BY_NAME[name], arguments)


def done(pool: Comptroller, *steps: tuple[Any, ...]) -> Comptroller:
    """Carry actions out that all complete."""
    for name, *arguments in steps:
        assert do(pool, name, *arguments) is None, name
    return pool


def error(pool: Comptroller, name: str, *arguments: Any) -> tuple[str, tuple[str, ...]]:
    """The error of an action that is refused."""
    refusal = do(pool, name, *arguments)
    assert isinstance(refusal, Revert), name
    return refusal.error


def borrower() -> Comptroller:
    """u0 has 10 tokens of m0 as collateral and owes 2 of m1, worth 6."""
    pool = start()
    enter = ("enter_markets", "u0", ("m0",))
    return done(pool, ("mint", "u0", "m0", 10 * TOKEN), enter, ("borrow", "u0", "m1", 2 * TOKEN))


def unhealthy(minimum: int = 0) -> Comptroller:
    """The same account with its collateral at 0.7 of its price."""
    return done(borrower(), ("set_min_liquidatable_collateral", minimum), ("set_price", "m0", 70 * WAD // 100))


def pause_all(pool: Comptroller, name: str = "m0", *, but: Pausable | None = None) -> Comptroller:
    """Pause every action of a market, or all but one."""
    chosen = tuple(int(each) for each in Pausable if each is not but)
    return done(pool, ("set_actions_paused", name, chosen, True))


def unlisted(name: str = "m0", pool: Comptroller | None = None) -> Comptroller:
    """A pool with a market taken off the list and its actions resumed as far as storage goes."""
    pool = pause_all(pool or start(), name)
    limits = ("set_market_borrow_caps", name, 0), ("set_market_supply_caps", name, 0)
    done(pool, *limits, ("set_collateral_factor", name, 0, 0), ("unlist_market", name))
    pool.markets[name].paused = 0
    return pool


def reopened(caps: tuple[str, ...]) -> Comptroller:
    """A market with everything paused, and the named parameters at 0."""
    pool = pause_all(start())
    for each in caps:
        setattr(pool.markets["m0"], each, 0)
    return pool


NAMES_OF_PAUSES = {
    "ENTER_MARKET": "EnterMarketActionNotPaused",
    "EXIT_MARKET": "ExitMarketActionNotPaused",
}
LISTED = ("MarketNotListed", ("m0",))
ORDER = (("m0", "m1", TOKEN),)

CASES: dict[str, tuple[Callable[[], Comptroller], tuple[Any, ...], tuple[str, tuple[str, ...]]]] = {
    "liquidating oneself, though forced": (
        lambda: done(unhealthy(), ("set_forced_liquidation", "m1", True)),
        ("liquidate_borrow", "u0", "u0", "m1", "m0", 1),
        ("LiquidateLiquidatorIsBorrower", ()),
    ),
    "a mint of an unlisted market": (unlisted, ("mint", "u0", "m0", 1), LISTED),
    "a redemption of an unlisted market": (
        lambda: unlisted(pool=borrower()),
        ("redeem", "u0", "m0", 10**8),
        LISTED,
    ),
    "a borrow of an unlisted market": (unlisted, ("borrow", "u0", "m0", 1), LISTED),
    "a repayment in an unlisted market": (unlisted, ("repay_borrow", "u0", "m0", 1), LISTED),
    "a transfer in an unlisted market": (unlisted, ("transfer", "u0", "u1", "m0", 1), LISTED),
    "entering an unlisted market": (unlisted, ("enter_markets", "u0", ("m1", "m0")), LISTED),
    "leaving an unlisted market": (unlisted, ("exit_market", "u0", "m0"), LISTED),
    "seizing in an unlisted market": (unlisted, ("seize", "u0", "u0", "u1", "m0", 1), LISTED),
    "liquidating into an unlisted market": (
        lambda: unlisted(pool=borrower()),
        ("liquidate_borrow", "u1", "u0", "m1", "m0", 1),
        LISTED,
    ),
    "liquidating a debt of an unlisted market": (
        unlisted,
        ("liquidate_borrow", "u1", "u0", "m0", "m1", 1),
        LISTED,
    ),
    "a debt in an unlisted market does not count": (
        lambda: unlisted(
            "m1",
            done(unhealthy(10**30), ("enter_markets", "u1", ("m0",)), ("mint", "u1", "m0", TOKEN)),
        ),
        ("liquidate_account", "u2", "u0", ORDER),
        ("InsufficientShortfall", ()),
    ),
    "parameters of an unlisted market": (unlisted, ("set_collateral_factor", "m0", 0, 0), LISTED),
    "forcing an unlisted market": (unlisted, ("set_forced_liquidation", "m0", True), LISTED),
    "unlisting twice": (unlisted, ("unlist_market", "m0"), LISTED),
    "pausing an unlisted market": (
        unlisted,
        ("set_actions_paused", "m0", (0,), True),
        ("Error", ("cannot pause a market that is not listed",)),
    ),
    "unlisting with a borrow cap": (
        lambda: reopened(()),
        ("unlist_market", "m0"),
        ("BorrowCapIsNotZero", ()),
    ),
    "unlisting with a supply cap": (
        lambda: reopened(("borrow_cap",)),
        ("unlist_market", "m0"),
        ("SupplyCapIsNotZero", ()),
    ),
    "unlisting with a collateral factor": (
        lambda: reopened(("borrow_cap", "supply_cap")),
        ("unlist_market", "m0"),
        ("CollateralFactorIsNotZero", ()),
    ),
    "an absurd rate": (
        lambda: done(
            borrower(), ("set_interest_rate_model", "m1", RateModel("x", JumpRate(10**13, 0, 0, 0))), ("pass_time", 1)
        ),
        ("accrue_interest", "m1"),
        ("Error", ("borrow rate is absurdly high",)),
    ),
    "healing with repayments paused": (
        lambda: done(unhealthy(10**30), ("set_price", "m0", WAD // 2), ("set_actions_paused", "m1", (3,), True)),
        ("heal_account", "u1", "u0"),
        ("ActionPaused", ("m1", "3")),
    ),
    "healing with seizures paused": (
        lambda: done(unhealthy(10**30), ("set_price", "m0", WAD // 2), ("set_actions_paused", "m0", (4,), True)),
        ("heal_account", "u1", "u0"),
        ("ActionPaused", ("m0", "4")),
    ),
    "healing oneself": (
        lambda: done(unhealthy(10**30), ("set_price", "m0", WAD // 2)),
        ("heal_account", "u0", "u0"),
        ("LiquidateSeizeLiquidatorIsBorrower", ()),
    ),
    "healing an account that can pay": (
        lambda: unhealthy(10**30),
        ("heal_account", "u1", "u0"),
        ("CollateralExceedsThreshold", ("6600000000000000000", "7000000000000000000")),
    ),
    "a redemption beyond a word": (borrower, ("redeem", "u0", "m0", MAX_UINT256), ("Panic", ("0x11",))),
    "a borrow beyond a word": (borrower, ("borrow", "u0", "m1", MAX_UINT256), ("Panic", ("0x11",))),
    "a mint beyond a word, with a cap": (
        lambda: done(start(), ("set_market_supply_caps", "m0", 10**30)),
        ("mint", "u0", "m0", MAX_UINT256),
        ("Panic", ("0x11",)),
    ),
    "a mint beyond one's tokens, without a cap": (
        start,
        ("mint", "u0", "m0", MAX_UINT256),
        ("Error", ("ERC20: transfer amount exceeds balance",)),
    ),
    "more vTokens than one has": (start, ("redeem", "u0", "m0", 10**8), ("Panic", ("0x11",))),
    "a share beyond a word": (start, ("set_protocol_seize_share", "m0", MAX_UINT256), ("Panic", ("0x11",))),
    "a delegate is asked for before the pause": (
        lambda: pause_all(start()),
        ("borrow_behalf", "u1", "u0", "m0", 1),
        ("DelegateNotApproved", ()),
    ),
    "a redemption of nothing is refused before the pause": (
        lambda: pause_all(start()),
        ("redeem", "u1", "m0", 0),
        ("Error", ("redeemAmount is zero",)),
    ),
    "the pause is asked for before the payer's tokens": (
        lambda: pause_all(start()),
        ("mint", "u0", "m0", MAX_UINT256),
        ("ActionPaused", ("m0", "0")),
    ),
} | {
    f"unlisting with {each.name} open": (
        lambda each=each: pause_all(start(), but=each),
        ("unlist_market", "m0"),
        (NAMES_OF_PAUSES.get(each.name, f"{each.name.capitalize()}ActionNotPaused"), ()),
    )
    for each in Pausable
}


@pytest.mark.parametrize(("make", "step", "expected"), CASES.values(), ids=CASES)
def test_an_error_comes_where_the_contract_has_it(
    make: Callable[[], Comptroller], step: tuple[Any, ...], expected: tuple[str, tuple[str, ...]]
) -> None:
    """Errors that few recordings show, or none, in the order of the contract's guards."""
    assert error(make(), *step) == expected


def test_a_liquidation_does_not_take_the_largest_word() -> None:
    """A debt of the largest word is not reachable; the guard is, on a debt that is set so."""
    pool = done(borrower(), ("set_forced_liquidation", "m1", True))
    market = pool.seen("m1")
    market.principal.restore_("u0", MAX_UINT256)
    market.interest_index.restore_("u0", 1)
    market.borrow_index = 1
    assert error(pool, "liquidate_borrow", "u1", "u0", "m1", "m0", MAX_UINT256) == ("LiquidateCloseAmountIsUintMax", ())


def test_an_exchange_rate_of_zero_divides_by_zero() -> None:
    """Suppliers whose assets are all reserves mint nothing to anybody."""
    pool = start()
    pool.seen("m0").total_reserves = 100 * TOKEN
    assert exchange_rate(pool.seen("m0")) == 0
    assert error(pool, "mint", "u0", "m0", 1) == ("Panic", ("0x12",))
    assert error(pool, "redeem", "u0", "m0", 0) == ("Panic", ("0x12",))
    assert error(pool, "redeem", "u0", "m0", 1) == ("Error", ("redeemAmount is zero",))


def test_healing_without_collateral_passes_a_pause_of_repayments() -> None:
    """Where nothing is paid, nothing is asked: the debt is written off."""
    pool = done(borrower(), ("set_actions_paused", "m1", (3,), True))
    pool.seen("m0").tokens.restore_("u0", 0)
    done(pool, ("heal_account", "u1", "u0"))
    assert pool.seen("m1").bad_debt == 2 * TOKEN


def test_the_value_of_a_borrow_rounds_down() -> None:
    """An account at zero liquidity borrows what is worth less than the smallest unit of value, until it adds up."""
    pool = done(start(), ("mint", "u0", "m0", TOKEN), ("enter_markets", "u0", ("m0",)), ("set_price", "m1", WAD // 2))
    done(pool, ("borrow", "u0", "m1", 140 * TOKEN // 100))
    assert snapshot(pool, "u0", at_threshold=False).liquidity == 0
    done(pool, ("borrow", "u0", "m1", 1), ("borrow", "u0", "m1", 1))
    assert error(pool, "borrow", "u0", "m1", 1) == ("InsufficientLiquidity", ())


def test_the_assets_under_a_supply_cap_round_down() -> None:
    """A cap that equals the assets, rounded down, and the amount is kept."""
    pool = start()
    market = pool.seen("m0")
    market.internal_cash += 7
    market.total_supply += 3
    assets, rest = divmod(exchange_rate(market) * market.total_supply, WAD)
    assert rest
    done(pool, ("set_market_supply_caps", "m0", assets + 5))
    assert error(pool, "mint", "u0", "m0", 6) == ("SupplyCapExceeded", ("m0", str(assets + 5)))
    assert do(pool, "mint", "u0", "m0", 5) is None


def test_what_a_liquidation_may_close_rounds_down() -> None:
    """Half of an odd debt, without the odd unit."""
    pool = unhealthy()
    done(pool, ("set_price", "m0", 60 * WAD // 100), ("repay_borrow", "u0", "m1", 1))
    market, collateral = pool.seen("m1"), pool.seen("m0")
    half, rest = divmod(borrow_balance(market, "u0"), 2)
    assert rest == 1
    before_liquidation(pool, market, collateral, "u0", half, skip_health=False)
    with pytest.raises(refusals.TooMuchRepay):
        before_liquidation(pool, market, collateral, "u0", half + 1, skip_health=False)


def test_signed_slopes_divide_toward_zero() -> None:
    """A falling slope loses less than one unit, where a floor would lose it whole; the rate is at least 0."""
    curve = curve_of(
        {
            "model": "TwoKinksInterestRateModel",
            "baseRatePerYear": "10",
            "multiplierPerYear": "-15",
            "kink1": str(WAD // 2),
            "multiplier2PerYear": "-3",
            "baseRate2PerYear": "1",
            "kink2": str(WAD * 3 // 4),
            "jumpMultiplierPerYear": "-1000",
        },
        2,
    )
    assert isinstance(curve, TwoKinksRate)
    assert (curve.multiplier, curve.multiplier2, curve.at_first_kink, curve.between_kinks) == (-7, -1, 2, 0)
    assert [curve.borrow_rate(used) for used in (WAD // 4, WAD // 2, WAD)] == [4, 2, 0]


def test_a_vote_on_parameters_in_place_applies_to_the_time_before_it() -> None:
    """The new parameters count since the last accrual."""
    pool = done(borrower(), ("pass_time", 10), ("update_jump_rate_model", "m1", RateModel("x", JumpRate(0, 0, 0, 0))))
    done(pool, ("accrue_interest", "m1"))
    assert pool.seen("m1").total_borrows == 2 * TOKEN


def test_a_vote_on_parameters_in_place_leaves_the_contract_and_asks_for_its_kind() -> None:
    """The rate model's address stays, as the next event shows; a straight line has no such function."""
    pool = borrower()
    address = pool.seen("m1").rate_model.address
    done(pool, ("update_jump_rate_model", "m1", RateModel("x", JumpRate(1, 2, 3, 4))))
    assert pool.seen("m1").rate_model == RateModel(address, JumpRate(1, 2, 3, 4))
    done(pool, ("set_interest_rate_model", "m1", RateModel("y", WhitePaperRate(1, 2))))
    assert ("m1", "NewMarketInterestRateModel", address, "y") in pool.events
    assert error(pool, "update_jump_rate_model", "m1", RateModel("x", JumpRate(0, 0, 0, 0))) == ("Unknown", ("0x",))
    assert pool.seen("m1").rate_model.curve == WhitePaperRate(1, 2)


def test_every_error_is_recorded_or_tested() -> None:
    """No error is without an occurrence: in the recordings, or in the cases here."""
    seen: set[tuple[str, tuple[str, ...]]] = {expected for *_, expected in CASES.values()} | {
        ("LiquidateCloseAmountIsUintMax", ())
    }
    for path in RECORDINGS.glob("*.jsonl.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            errors = [json.loads(line)["err"] for line in file if '"ok":false' in line]
        seen |= {(each["name"], tuple(each["args"])) for each in errors}
    occurring = {arguments[0] if name == "Error" else name for name, arguments in seen}
    occurring |= {"NoSuchFunction"} if ("Unknown", ("0x",)) in seen else set()
    classes = [
        each for _, each in inspect.getmembers(refusals, inspect.isclass) if each.__module__ == refusals.__name__
    ]
    names = {each.reason if issubclass(each, Reason) else each.__name__ for each in classes}
    assert len(classes) > 50
    assert names <= occurring, names - occurring


# --- random runs ---------------------------------------------------------------------------------------------------


def drawn(domain: Domain, chance: random.Random) -> Any:
    """A value of a domain."""
    match domain.kind:
        case "user":
            return chance.choice((*USERS, "short"))
        case "asset":
            return chance.choice(MARKETS)
        case "flag":
            return chance.random() < 0.5
        case "assets":
            return tuple(chance.sample(MARKETS, chance.randint(0, 2)))
        case "orders":
            return tuple((chance.choice(MARKETS), chance.choice(MARKETS), chance.randint(0, TOKEN)) for _ in range(2))
        case "pausables":
            return (chance.randrange(9),) if chance.random() < 0.1 else ()
        case "rate_model":
            return RateModel(f"x{chance.random()}", JumpRate(0, chance.randint(0, 10**12), 10**12, WAD // 2))
        case "shares":
            return chance.choice((0, 1, chance.randint(0, 10**12)))
        case "price":
            return chance.choice((0, WAD // 2, WAD, 3 * WAD))
        case "slots":
            return chance.randint(0, 1000)
        case "factor":
            return chance.randint(0, 12 * WAD // 10)
        case _:
            return chance.choice((0, 1, chance.randint(0, 100 * TOKEN), MAX_UINT256))


def everything(pool: Comptroller) -> Any:
    """All that a pool consists of; an account that was never written has 0."""
    ledgers = [getattr(market, name) for market in pool.markets.values() for name in market.ledgers]
    entries = [
        {key: value for key, value in each.items() if value} for each in (*ledgers, pool.entered, pool.delegates)
    ]
    return pool.saved_, [market.saved_ for market in pool.markets.values()], entries


@pytest.mark.parametrize("counts_donations", [False, True], ids=["internal cash", "balance"])
def test_random_runs_keep_the_books(counts_donations: bool) -> None:
    """A refusal leaves nothing behind, tokens only move, and vTokens sum to the supply."""
    completed: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for seed in range(40):
        chance = random.Random(seed)
        pool = start(counts_donations=counts_donations, sweep=chance.choice((1, 50, 10**9)))
        held = {name: pool.seen(name).underlying.total() for name in MARKETS}
        for _ in range(150):
            action = chance.choice(ACTIONS)
            arguments = tuple(drawn(domain, chance) for domain in action.domains.values())
            if action.name == "unlist_market":
                continue
            before = everything(pool)
            if perform(pool, action, arguments) is not None:
                refused[action.name] += 1
                assert everything(pool) == before
                continue
            completed[action.name] += 1
            for name in MARKETS:
                market = pool.seen(name)
                assert market.underlying.total() == held[name]
                assert market.tokens.total() == market.total_supply
                assert all(balance >= 0 for balance in market.underlying.values())
                assert market.underlying[SHARE_RESERVE] >= 0
    assert len(completed) >= 25
    assert {"mint", "redeem", "borrow", "repay_borrow", "transfer", "exit_market", "reduce_reserves"} <= set(completed)
    assert len(refused) >= 25


def test_a_panic_is_a_revert_with_a_code() -> None:
    """What the compiler put in reads as the contract returns it."""
    assert {each().error for each in Panic.__subclasses__()} == {("Panic", ("0x11",)), ("Panic", ("0x12",))}

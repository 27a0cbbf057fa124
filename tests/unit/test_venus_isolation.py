"""What two Venus pools share: bugs that open a channel between Comptrollers are found, and the model has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from poolproof.invariants.deployed.venus import VENUS as CATALOGUE
from poolproof.invariants.deployed.venus.isolation import beside, same
from poolproof.models.deployed.venus import users
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.deployed.venus.model import VENUS, enter_market
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.word import Reason
from poolproof.proofs.fuzz import hunt
from poolproof.proofs.hunting import Hunter
from poolproof.proofs.monitor import run_scenario
from poolproof.proofs.trial import ConcreteTrial
from poolproof.spec.action import Action, action, asset, perform, tokens, user
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

NAME = "venus-bsc-liquid-staked-bnb"
NUMBERS = ("amount", "tokens", "repay", "given", "price", "elapsed")
PAIR = {"asset": "WBNB", **dict.fromkeys(NUMBERS, 10**15)}
PEOPLE = {"user": "alice", "borrower": "bob", "minter": "bob", "to": "bob", "stranger": "carol"}


class Crowded(Reason):
    """Somebody else was there before."""

    reason = "somebody else was there before"


def with_bug(bug: Action) -> Model:
    """The model with one of its actions replaced."""
    return VENUS.variant("buggy", bug)


def pays_from_any_vault() -> Action:
    """A redemption that is paid from the fullest vault of the token, whosever it is."""

    @action(user=user(), asset=asset(), amount=tokens())
    def redeem_underlying(pool: Comptroller, user: str, asset: str, amount: int) -> None:
        """Redeem, and be paid by somebody else."""
        users.redeem_underlying.run(pool, user, asset, amount)
        underlying = pool.seen(asset).underlying
        vaults = [name for name in underlying if name not in (*pool.users, asset, "psr", "short")]
        for vault in vaults:
            underlying[vault] -= 1
            underlying[asset] += 1

    return redeem_underlying


def counts_all_mints() -> Action:
    """A deposit that a counter of the code itself refuses, whichever pool was used before."""
    count: list[int] = []

    @action(user=user(), asset=asset(), amount=tokens())
    def mint(pool: Comptroller, user: str, asset: str, amount: int) -> None:
        """Supply, as long as few have."""
        count.append(amount)
        if len(count) % 2:
            raise Crowded
        users.mint.run(pool, user, asset, amount)

    return mint


def remembers_collateral() -> Action:
    """A borrow that looks at what its user supplied anywhere."""

    @action(user=user(), asset=asset(), amount=tokens())
    def borrow(pool: Comptroller, user: str, asset: str, amount: int) -> None:
        """Borrow without a check where the user supplied to some vault of the token."""
        market: VToken = pool.accrued(asset)
        abroad = [name for name in market.underlying if name.startswith(f"{asset} of")]
        if any(market.underlying[name] > market.underlying[asset] for name in abroad):
            users.set_debt(market, user, amount, market.total_borrows + amount)
            return
        users.borrow.run(pool, user, asset, amount)

    return borrow


def finds(model: Model, name: str) -> str | None:
    """What the scenarios of an invariant find from the fresh pool and from one with a position in it."""
    protocol = load_protocol(NAME)
    for prepared in (False, True):
        state = model.build(protocol)
        if prepared:
            for what, *arguments in ((users.mint, "alice", "WBNB", 10**18), (enter_market, "alice", "WBNB")):
                perform(state, model.own(what), tuple(arguments))
        for clause in CATALOGUE[name].clauses:
            for swapped in (False, True):
                known: dict[str, Any] = PAIR | PEOPLE
                if swapped:
                    known |= {"asset": "USDT", "borrower": "seed"}
                found = run_scenario(model, clause, state, tuple(known[each] for each in clause.domains))
                if found is not None:
                    return found
    return None


@pytest.mark.parametrize("name", ["ISO-1", "ISO-2", "ISO-7"])
def test_without_a_bug_nothing_is_found(name: str) -> None:
    """The scenarios complete on the model itself."""
    assert finds(VENUS, name) is None


@pytest.mark.parametrize(
    ("bug", "name"), [(pays_from_any_vault, "ISO-1"), (counts_all_mints, "ISO-2"), (remembers_collateral, "ISO-7")]
)
def test_a_channel_is_found(bug: Callable[[], Action], name: str) -> None:
    """Each way to reach another pool breaks the claim that it stands for."""
    assert finds(with_bug(bug()), name) is not None


def test_a_failure_that_reaches_a_sister_is_found() -> None:
    """Bad debt of one pool that is taken from all vaults of the token breaks ISO-5."""
    from poolproof.models.deployed.venus import liquidation

    @action(user=user(), borrower=user())
    def heal_account(pool: Comptroller, user: str, borrower: str) -> None:
        """Heal, and let others pay."""
        liquidation.heal_account.run(pool, user, borrower)
        for market in pool.markets.values():
            for vault in [name for name in market.underlying if name.startswith(f"{market.name} of")]:
                market.underlying[vault] -= 1

    model = with_bug(heal_account)
    state = model.build(load_protocol(NAME))
    for what, *arguments in (
        (users.mint, "bob", "WBNB", 10**10),
        (enter_market, "bob", "WBNB"),
        (users.borrow, "bob", "BNBx", 1),
    ):
        assert perform(state, model.own(what), tuple(arguments)) is None
    drawn = ("alice", "bob")
    clause = CATALOGUE["ISO-5"].clauses[0]
    assert run_scenario(model, clause, state, drawn) is not None
    assert run_scenario(VENUS, clause, state, drawn) is None


def test_a_position_of_somebody_who_is_not_named_is_seen() -> None:
    """A deposit that lends the collateral of another account breaks ISO-8."""

    @action(user=user(), asset=asset(), amount=tokens())
    def mint(pool: Comptroller, user: str, asset: str, amount: int) -> None:
        """Supply, and take a vToken of the first user."""
        users.mint.run(pool, user, asset, amount)
        market = pool.markets[asset]
        for other in pool.users:
            if other != user and market.tokens[other]:
                market.tokens[other] -= 1
                market.tokens[user] += 1
                return

    found = hunt(with_bug(mint), load_protocol(NAME), CATALOGUE["ISO-8"], budget_steps=500)
    assert found is not None
    assert len(found.runs[0]) == 1


def test_what_pools_hold_in_common_is_seen() -> None:
    """A ledger that two markets share, or a market that refers to another, breaks ISO-9."""
    protocol = load_protocol(NAME)
    check = CATALOGUE["ISO-9"].clauses[0].check
    pool = VENUS.build(protocol)
    assert check(pool)
    first, second = list(pool.markets.values())[:2]
    first.tokens = second.tokens
    assert not check(pool)
    pool, other = VENUS.build(protocol), VENUS.build(protocol)
    next(iter(pool.markets.values())).principal = next(iter(other.markets.values())).principal
    assert not check(pool)


def test_a_sister_shares_wallets_alone() -> None:
    """What a sister does is seen in the wallets of the token, in neither vault nor books of the pool."""
    protocol: Protocol = load_protocol(NAME)
    pool = VENUS.build(protocol)
    sister = beside(ConcreteTrial(VENUS), pool)
    trial = ConcreteTrial(VENUS)
    before, wallet = trial.copy(pool), pool.seen("WBNB").underlying["alice"]
    assert perform(sister, users.mint, ("alice", "WBNB of the sister", 10**18)) is None
    assert same(before, pool)
    assert pool.seen("WBNB").underlying["alice"] == wallet - 10**18
    assert sister.seen("WBNB of the sister").tokens["alice"] == 10**8


def test_the_scenarios_are_drawn() -> None:
    """The fuzzer draws three different people and goes through the scenarios of isolation."""
    protocol = load_protocol(NAME)
    invariant = CATALOGUE["ISO-2"]
    hunter = Hunter(VENUS, protocol, "ISO-2", invariant, VENUS.build(protocol), seed=1, weights={})
    assert list(hunter.findings(300, 30)) == []

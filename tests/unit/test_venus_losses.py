"""Who gains and who loses by an action of the Venus model: the figures of the findings."""

from __future__ import annotations

import importlib
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from poolproof.models.deployed.venus.governance import pass_time, set_collateral_factor, set_price, sync_cash
from poolproof.models.deployed.venus.liquidation import heal_account
from poolproof.models.deployed.venus.model import VENUS, enter_market
from poolproof.models.deployed.venus.users import accrue_interest, borrow, donate, mint, redeem
from poolproof.proofs.snapshots import copy_state
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.loading import load_protocol

sys.path.append(str(Path(__file__).parents[2] / "tools"))
losses: Any = importlib.import_module("venus_losses")
findings: Any = importlib.import_module("venus_findings")

PRICE = 600
"""Of ankrBNB and BNBx in the shipped pool [dollars]."""


@pytest.fixture(name="pool")
def shipped() -> Any:
    """The pool, as deployed."""
    return VENUS.build(load_protocol("venus-bsc-liquid-staked-bnb"))


def after(pool: Any, *calls: tuple[Any, ...]) -> Any:
    """A copy of the pool after some actions, which complete."""
    copied = copy_state(pool)
    for action, *arguments in calls:
        assert perform(copied, VENUS.own(action), tuple(arguments)) is None
    return copied


POSITION: tuple[tuple[Any, ...], ...] = (
    (mint, "alice", "ankrBNB", 10 * WAD),
    (enter_market, "alice", "ankrBNB"),
    (borrow, "alice", "BNBx", 3 * WAD),
)


def test_wealth_is_tokens_and_vtokens_less_debts(pool: Any) -> None:
    """A supply and a borrow move wealth between its forms; interest and prices change it."""
    start = losses.wealth_of(pool, "alice")
    lent = after(pool, *POSITION)
    assert losses.wealth_of(lent, "alice") == start
    dearer = after(lent, (set_price, "BNBx", 700 * WAD))
    held = lent.seen("BNBx").underlying["alice"] - 3 * WAD
    assert losses.wealth_of(dearer, "alice") - start == Fraction(100 * held, WAD)
    later = after(lent, (pass_time, 1000), (accrue_interest, "BNBx"))
    market = later.seen("BNBx")
    interest = Fraction(3 * WAD * (market.borrow_index - WAD), WAD)
    assert losses.wealth_of(later, "alice") == start - interest * PRICE / WAD


def test_bad_debt_is_a_gain_of_the_borrower_and_a_claim_that_nothing_covers(pool: Any) -> None:
    """The exchange rate does not fall, so that suppliers lose nothing by it."""
    old = after(pool, *POSITION, (set_price, "ankrBNB", 1))
    new = after(old, (heal_account, "bob", "alice"))
    changed = losses.changes(old, new)
    assert changed[losses.UNCOVERED] == 3 * PRICE
    assert changed["alice"] == 3 * PRICE - Fraction(10, WAD)
    assert changed["what alice lacks to be healthy"] < -1799
    assert losses.SUPPLIERS not in changed


def test_a_counted_donation_is_the_suppliers(pool: Any) -> None:
    """By the exchange rate, on the vTokens that are there before and after; the donor paid before."""
    given = after(pool, (donate, "alice", "ankrBNB", 2 * WAD))
    assert losses.changes(pool, given) == {"alice": -2 * PRICE}
    counted = losses.changes(given, after(given, (sync_cash, "ankrBNB")))
    assert counted == {"seed": 2 * PRICE, losses.SUPPLIERS: 2 * PRICE}


def test_a_redemption_of_everything_costs_the_suppliers_nothing(pool: Any) -> None:
    """Who is paid what vTokens are worth has neither more nor less."""
    supply = pool.seen("ankrBNB").total_supply
    assert losses.changes(pool, after(pool, (redeem, "seed", "ankrBNB", supply))) == {}


def test_what_is_lacking_is_at_the_thresholds(pool: Any) -> None:
    """10 ankrBNB at 40 % against 3 BNBx; a missing price says nothing."""
    lent = after(pool, *POSITION)
    assert losses.lacking(lent, "alice") == 0
    lower = after(lent, (set_collateral_factor, "ankrBNB", 0, 25 * WAD // 100))
    assert losses.lacking(lower, "alice") == PRICE // 2
    assert losses.lacking(after(lower, (set_price, "ankrBNB", 0)), "alice") == 0


def test_the_last_step_is_compared_within_its_instant(pool: Any) -> None:
    """Interest of the time before it is not its own, unless it is what charges it."""
    late = [*POSITION, (pass_time, 10**6)]
    calls = [(VENUS.own(action), tuple(arguments)) for action, *arguments in late]
    touched = (VENUS.own(borrow), ("alice", "BNBx", 0))
    assert set(losses.by_last_step(copy_state(pool), [*calls, touched])) <= {"alice", "seed", losses.SUPPLIERS}
    assert all(abs(each) < 1e-9 for each in losses.by_last_step(copy_state(pool), [*calls, touched]).values())
    charged = losses.by_last_step(copy_state(pool), [*calls, (VENUS.own(accrue_interest), ("BNBx",))])
    assert charged["alice"] < Fraction(-1, 2)
    assert charged["seed"] > Fraction(1, 3)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Fraction(1234567, 100), "+12,345.67 USD"),
        (Fraction(-1, 100), "-0.01 USD"),
        (Fraction(-6, 10**16), "-6.00e-16 USD"),
        (Fraction(1, 10**36), "+1.00e-36 USD"),
    ],
)
def test_dollars_keep_their_size(amount: Fraction, written: str) -> None:
    """To the cent, or the first digits of what is less."""
    assert findings.dollars(amount) == written

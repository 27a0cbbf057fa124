"""The symbolic pool: what a run writes to it is what it reads afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.models.isolated_pool import Pool, enter
from poolproof.models.isolated_pool import exit as exit_market
from poolproof.models.oracle import fair_price
from poolproof.models.refusals import PriceMissing
from poolproof.proofs.paths import Path
from poolproof.proofs.terms import Formula, Space
from poolproof.proofs.world import ANYONE, ElsewhereWrittenOff, copy_pool, symbolic_pool


@pytest.fixture
def pool() -> Pool:
    """An arbitrary pool with one explicit market, on a path that takes every true branch."""
    space = Space(None)
    space.path = Path(space)
    return symbolic_pool(space, ("asset",), ("user", ANYONE), instant=True)


def space_of(pool: Pool) -> Space:
    """The space of a pool."""
    space: Space = pool.now.space
    return space


def priced(pool: Any, account: str) -> Any:
    """Whether every market that counts for an account has a price."""
    return pool.markets.priced_for(account, lambda market: fair_price(market.feed, pool.now) > 0)


def test_a_market_that_was_entered_needs_its_price(pool: Pool) -> None:
    """Entering asks for the market's price, exiting no longer does, whatever the other markets need."""
    missing: Formula = pool.markets.elsewhere._missing("user")  # type: ignore[attr-defined]
    has_price = fair_price(pool.markets["asset"].feed, pool.now) > 0
    assert priced(pool, "user").node == ((~pool.markets["asset"].entered["user"] | has_price) & ~missing).node
    enter.run(pool, "user", "asset")
    assert priced(pool, "user").node == (has_price & ~missing).node
    exit_market.run(pool, "user", "asset")
    assert priced(pool, "user").node == (~missing).node


def test_a_total_follows_each_write(pool: Pool) -> None:
    """A transfer inside a ledger leaves its total, a payment in moves it."""
    shares: Any = pool.markets["asset"].shares
    total = shares.total()
    shares["user"] = shares["user"] - 5
    shares[ANYONE] = shares[ANYONE] + 5
    assert shares.total().poly == total.poly
    shares["user"] = shares["user"] + 7
    assert shares.total().poly == (total + 7).poly


def test_a_copy_keeps_what_it_was(pool: Pool) -> None:
    """A run on a copy does not change the pool that it was copied from."""
    twin = copy_pool(pool)
    market, copied = pool.markets["asset"], twin.markets["asset"]
    copied.shares["user"] = copied.shares["user"] + 1
    copied.cash = copied.cash + 1
    copied.feed.price = copied.feed.price + 1
    assert twin.feeds["asset"] is copied.feed
    assert (market.shares["user"] + 1).poly == copied.shares["user"].poly
    assert (market.shares.total() + 1).poly == copied.shares.total().poly
    assert (market.cash + 1).poly == copied.cash.poly
    assert (market.feed.price + 1).poly == copied.feed.price.poly


def test_other_markets_may_lack_a_price(pool: Pool) -> None:
    """What depends on a price is refused on the path where one is missing; counting shares is not."""
    markets: Any = pool.markets
    elsewhere = markets.elsewhere
    space = space_of(pool)
    assert elsewhere.remainder("user", "debt_value").poly == elsewhere._value("user", "debt_value").poly
    space.path = Path(space, (False,))
    with pytest.raises(PriceMissing):
        elsewhere.remainder("user", "debt_value")
    assert elsewhere.remainder("user", "shares_of").poly
    assert space.path.decisions == [False]


def test_nothing_is_left_elsewhere_after_a_write_off(pool: Pool) -> None:
    """Of the account that was written off; another one keeps its debts."""
    markets: Any = pool.markets
    before = markets.elsewhere
    after = ElsewhereWrittenOff(before, "user")
    assert all(after._value("user", term).constant == 0 for term in ("shares_of", "debt_shares_of", "debt_value"))
    same = after._value(ANYONE, "debt_value") == before._value(ANYONE, "debt_value")
    assert same.node in {fact.node for fact in space_of(pool).facts if fact.tag == "PORTFOLIO"}

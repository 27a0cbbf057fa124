"""What an action reads behind a credit line: only the line's own methods may."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.invariants.isolation import LINE_METHODS
from poolproof.models.credit_line import LinedMarket
from poolproof.models.isolated_pool import borrow, deposit
from poolproof.models.reference import SYSTEM
from poolproof.proofs.trial import ConcreteTrial
from poolproof.spec.action import Action, action, asset, tokens, user
from poolproof.spec.loading import load_protocol
from poolproof.spec.state import Account

PROTOCOL = load_protocol("astera-docs")


@action(user=user(), asset=asset(), amount=tokens())
def look(pool: Any, user: Account, asset: str, amount: int) -> None:
    """Read the core's cash where it may not be read."""
    assert pool.markets[asset].core.cash >= amount - amount


@action(user=user(), asset=asset(), amount=tokens())
def ask(pool: Any, user: Account, asset: str, amount: int) -> None:
    """Read the limit outside a draw."""
    assert pool.markets[asset].limit >= amount - amount


@action(user=user(), asset=asset(), amount=tokens())
def raise_limit(pool: Any, user: Account, asset: str, amount: int) -> None:
    """Write the limit, which is no reading."""
    pool.markets[asset].limit = amount


def within(what: Action, hidden: tuple[str, ...], methods: tuple[str, ...]) -> bool:
    """Whether an action is confined, run in the first market that has a line."""
    system = SYSTEM.build(PROTOCOL)
    pool, name = next(
        (pool, name)
        for pool in system.pools.values()
        for name, market in pool.markets.items()
        if isinstance(market, LinedMarket)
    )
    model = SYSTEM if what in (borrow, deposit) else SYSTEM.variant("looking", what)
    pool.now += 1  # so that there is interest to charge
    before = type(pool.markets[name])
    found = ConcreteTrial(model).confined(pool, what, (PROTOCOL.users[0], name, 1), hidden=hidden, within=methods)
    assert type(pool.markets[name]) is before
    return found


@pytest.mark.parametrize("what", [borrow, deposit], ids=["borrow", "deposit"])
def test_the_actions_of_a_pool_are_confined(what: Action) -> None:
    """They reach the core over the line, and read the limit in a draw."""
    assert within(what, ("core",), LINE_METHODS)
    assert within(what, ("limit", "limit_at_draw"), ("draw",))


def test_a_reading_outside_is_seen() -> None:
    """Of the core and of the limit; a method that may not is a reading outside too."""
    assert not within(look, ("core",), LINE_METHODS)
    assert not within(ask, ("limit",), ("draw",))
    assert within(raise_limit, ("limit",), ("draw",))
    assert not within(deposit, ("core",), ())

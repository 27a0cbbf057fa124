"""Portfolios: the rare states that bugs about several markets need do occur."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from poolproof.models.liquidation import margin_to_borrow, margin_to_liquidation
from poolproof.models.reference import REFERENCE
from poolproof.proofs.draw import EDGE, SMALL_EDGE
from poolproof.proofs.hunting import Hunter, weights_for
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.tactics import Tactics
from poolproof.proofs.tactics_of_portfolios import accrued, edge
from poolproof.spec.action import asset, perform
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account


def margin(state: Any, user: Account, term: Any) -> int:
    """An account's margin over the markets that count for it."""
    return sum(term(market, user, state.now) for market in state.markets.values() if market.entered[user])


def kinds(state: Any, user: Account) -> set[str]:
    """What is rare about an account that owes something."""
    entered = [market for market in state.markets.values() if market.entered[user]]
    if not any(market.debts[user] for market in entered):
        return set()
    found: set[str] = set()
    held = [market for market in entered if market.shares[user]]
    if not held:
        found.add("no collateral")
        if any(market.debts[user] and not market.feed.price for market in entered):
            found.add("no collateral, no price")
    if not all(market.feed.price for market in entered):
        return found
    now, later = margin(state, user, margin_to_liquidation), margin(accrued(state), user, margin_to_liquidation)
    if now == 0:
        found.add("exactly at the edge")
    if now < 0 <= later or later < 0 <= now:
        found.add("the health turns with the accrual")
    return found


@pytest.mark.parametrize("protocol", ["minimal", "liquid-staked-bnb"])
def test_portfolios_of_every_kind_occur(protocol: str) -> None:
    """Plans alone lead to debts without collateral or price, and to accounts whose health turns with an accrual."""
    loaded = load_protocol(protocol)
    tactics = Tactics(REFERENCE, loaded, Random(3))
    seen: Counter[str] = Counter()
    for episode in range(300):
        state = REFERENCE.build(loaded)
        tactics.begin(state, (EDGE, SMALL_EDGE)[episode % 2])
        while tactics.queue:
            action, arguments = tactics.next()
            perform(state, action, arguments)
        seen.update(kind for user in loaded.users for kind in kinds(state, user))
    assert seen["no collateral"] >= 20
    for kind in ("no collateral, no price", "exactly at the edge", "the health turns with the accrual"):
        assert seen[kind] >= 3, (kind, seen)


def test_an_edge_is_exact(minimal: Protocol) -> None:
    """At the edge the margin has another sign than one unit of price below; what no price can turn has none."""
    state = REFERENCE.build(minimal)
    for name, *arguments in (
        ("deposit", "bob", "USDC", 10**12),
        ("deposit", "alice", "ETH", 10**18),
        ("enter", "alice", "ETH"),
        ("borrow", "alice", "USDC", 10**9),
    ):
        assert perform(state, REFERENCE.action(name), tuple(arguments)) is None
    for term in (margin_to_borrow, margin_to_liquidation):
        for named, sign in (("ETH", 1), ("USDC", -1)):
            copied = copy_state(state)
            price = edge(copied, "alice", named, term, 2**120)
            copied.markets[named].feed.price = price
            at = margin(copied, "alice", term)
            copied.markets[named].feed.price = price - 1
            below = margin(copied, "alice", term)
            assert (at >= 0) is (sign > 0)
            assert (below >= 0) is (sign < 0)
    assert edge(copy_state(state), "bob", "ETH", margin_to_borrow, 2**120) == 0


def test_a_hunt_runs_the_hinted_clauses_alone(minimal: Protocol) -> None:
    """A clause that is named is all that is run; names that are no clause change nothing."""
    invariant = Catalogue().declare("X-1", "two clauses", "refusal")
    for name in ("first", "second"):

        def check(trial: Any, pool: Any, named: str) -> None:
            """Nothing."""

        check.__name__ = name
        invariant.scenario(named=asset())(check)
    initial = REFERENCE.build(minimal)
    for hinted, run in ((("second", "scenario"), ["second"]), (("scenario",), ["first", "second"])):
        hunter = Hunter(
            REFERENCE, minimal, "X-1", invariant, initial, seed=1, weights=weights_for(hinted), hinted=hinted
        )
        assert [clause.name for clause in hunter.scenarios] == run

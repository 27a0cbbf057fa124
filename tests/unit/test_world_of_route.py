"""The symbolic route: what its pools share, and what is proved of it."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.invariants.cross_pool import CROSS
from poolproof.models.reference import REFERENCE
from poolproof.models.router import CollateralMarket
from poolproof.proofs.induction import Induction, Obligation
from poolproof.proofs.paths import Path
from poolproof.proofs.terms import Space
from poolproof.proofs.world import ANYONE
from poolproof.proofs.world_of_route import MAIN, SATELLITE, RouteInduction, copy_system, symbolic_system

PLAIN = ("CROSS-1", "CROSS-3", "CROSS-4", "CROSS-5")
"""What needs no solver: both sides are the same numbers."""


@pytest.fixture
def system() -> Any:
    """An arbitrary satellite and main pool, on a path that takes every true branch."""
    space = Space(None)
    space.path = Path(space)
    return symbolic_system(space, ("loan",), ("user", ANYONE), instant=True)


def obligations(name: str) -> list[Obligation]:
    """What has to be shown of one invariant."""
    routes = RouteInduction(Induction(REFERENCE, CATALOGUE), CROSS)
    return list(routes.obligations(lambda invariant: invariant.id == name))


def test_the_pools_share_the_bridge_and_nothing_else(system: Any) -> None:
    """One ledger of its tokens with a vault for each pool; shares, prices and the other assets are each pool's own."""
    near, far = system.markets["satellite/bridge"], system.markets["main/bridge"]
    assert near.tokens is far.tokens
    assert near.vault != far.vault
    assert near.tokens[near.vault].poly != near.tokens[far.vault].poly
    assert near.shares is not far.shares
    assert near.feed is not far.feed
    assert system.markets["satellite/collateral"].tokens is not system.markets["main/loan"].tokens
    assert type(system.markets["satellite/collateral"]) is CollateralMarket
    assert system.pools[SATELLITE].now is system.pools[MAIN].now is system.now


def test_a_copy_shares_what_the_original_shares(system: Any) -> None:
    """A payment on a copy is seen by both pools of the copy, and by neither of the original."""
    twin = copy_system(system)
    near, far = twin.markets["satellite/bridge"], twin.markets["main/bridge"]
    before = system.markets["main/bridge"].tokens["user"]
    near.tokens["user"] = near.tokens["user"] + 1
    assert far.tokens["user"].poly == (before + 1).poly
    assert system.markets["satellite/bridge"].tokens["user"].poly == before.poly
    assert twin.pools[MAIN].markets["bridge"] is far


@pytest.mark.parametrize("name", PLAIN)
def test_what_needs_no_solver(name: str) -> None:
    """Every obligation of the invariant's own holds plainly, and there are some for every action and scenario."""
    own = [each for each in obligations(name) if each.invariant == name]
    assert all(each.goal.node is True for each in own)
    clauses = {each.clause.partition("(")[0].partition(":")[0] for each in own}
    assert clauses == {clause.name for clause in CROSS[name].clauses}

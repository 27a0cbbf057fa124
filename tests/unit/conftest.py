"""What the tests of the concrete engines share: a tiny catalogue, and a bug to find with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from poolproof.models import isolated_pool, market
from poolproof.models.reference import REFERENCE
from poolproof.spec.action import asset, tokens, user
from poolproof.spec.arithmetic import WAD, div_up
from poolproof.spec.invariant import Catalogue, Step, Trial
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol


@pytest.fixture
def minimal() -> Protocol:
    """The shipped protocol with two markets."""
    return load_protocol("minimal")


@pytest.fixture
def small_catalogue() -> Catalogue:
    """One invariant of each form."""
    catalogue = Catalogue()
    price = catalogue.declare("SOLV-3", "the share price never falls", "step")
    supply = catalogue.declare("CONS-2", "the shares of all accounts sum to the supply", "state")
    paid = catalogue.declare("RND-4", "a redemption pays at most the value of what it burns", "profit")

    @price.step("market")
    def share_price_never_falls(step: Step, old: Any, new: Any) -> Any:
        top, new_top = market.priced_assets(old), market.priced_assets(new)
        risen = new_top * market.priced_shares(old) >= top * market.priced_shares(new)
        return risen | (new.bad_debt > old.bad_debt)

    @supply.state("market")
    def shares_sum_to_the_supply(pool: Any, market: Any) -> Any:
        return market.shares.total() == market.supply

    @paid.scenario(user=user(), asset=asset(), amount=tokens(), instant=True)
    def in_and_out_pays_nothing(trial: Trial, pool: Any, user: str, asset: str, amount: int) -> None:
        deposit, redeem = REFERENCE.action("deposit"), REFERENCE.action("redeem")
        before = pool.markets[asset].tokens[user]
        trial.assume(trial.do(pool, deposit, user, asset, amount) is None)
        trial.assume(trial.do(pool, redeem, user, asset, 1) is None)
        now = pool.markets[asset]
        worth = now.tokens[user] * WAD * market.priced_shares(now)
        worth += now.shares[user] * market.priced_assets(now)
        trial.claim(worth <= before * WAD * market.priced_shares(now), "in and out pays nothing")

    return catalogue


@pytest.fixture
def generous(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: a redemption pays the ceiling of the shares' value."""

    def ceiling(where: Any, shares: int) -> int:
        paid: int = div_up(shares * market.priced_assets(where), market.priced_shares(where) * WAD)
        return paid

    monkeypatch.setattr(market, "tokens_for_shares", ceiling)
    monkeypatch.setattr(isolated_pool, "tokens_for_shares", ceiling)


@pytest.fixture
def find(small_catalogue: Catalogue) -> Callable[[str], tuple[Model, Catalogue]]:
    """The registry, with the tiny catalogue."""

    def of_name(name: str) -> tuple[Model, Catalogue]:
        assert name == REFERENCE.name
        return REFERENCE, small_catalogue

    return of_name


@pytest.fixture(autouse=True)
def no_shipped_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test decides for itself: the proofs that the package ships would answer before it asks."""
    monkeypatch.setattr("poolproof.checking.shipped_evidence", lambda: None)

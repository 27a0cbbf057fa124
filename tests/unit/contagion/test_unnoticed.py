"""Losses as a function of how long a failure goes unnoticed: of runs, and of states."""

from __future__ import annotations

import importlib
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from poolproof.proofs import registry
from poolproof.proofs.contagion.choices import Case
from poolproof.proofs.contagion.network import LossKind, OverTime
from poolproof.proofs.contagion.unnoticed import delays_of, growth, losses_of_state_over_time, losses_over_time
from poolproof.proofs.contagion.witness import largest
from poolproof.spec.loading import load_protocol

sys.path.insert(0, str(Path(__file__).parent))
positions: Any = importlib.import_module("positions")
sys.path.pop(0)

YEAR = 31_536_000


def over_time(name: str, source: str, pool: str, asset: str, kind: LossKind = "principal") -> OverTime:
    """The losses over time of the largest run in a shipped protocol."""
    protocol = load_protocol(name)
    model, case = registry.of(protocol)[0], Case(source, pool, asset, kind)
    found = largest(model, protocol, case)
    assert found is not None
    return losses_over_time(model, protocol, case, found)


def table(*of: Any) -> dict[str, int | None]:
    """The same, by how long nobody noticed."""
    return {point.after: point.loss for point in over_time(*of).points}


@pytest.mark.parametrize(
    ("name", "source", "pool", "asset", "kind", "loss"),
    [
        ("astera-docs", "mini-a", "core", "ETH", "principal", 2 * 10**24),
        ("astera-docs", "mini-b", "core", "ETH", "principal", 3 * 10**24),
        ("every-channel", "mini", "core", "USD", "principal", 4950),
        ("astera-docs", "mini-a", "mini-b", "ETH", "frozen", 2 * 10**24),
    ],
)
def test_over_a_line_the_loss_does_not_grow(
    name: str, source: str, pool: str, asset: str, kind: LossKind, loss: int
) -> None:
    """From an hour to a year unnoticed, what the core loses and what a sister lacks stays (LINE-9, ISO-4)."""
    found = over_time(name, source, pool, asset, kind)
    assert [each.after for each in found.points] == list(delays_of(load_protocol(name)))
    assert {each.loss for each in found.points} == {loss}
    assert not found.grows


def test_a_pool_s_own_loss_grows() -> None:
    """Interest is charged on debt that nobody will pay, until it is recorded."""
    found = over_time("every-channel", "oracle:B", "plain", "USD")
    losses = [point.loss or 0 for point in found.points]
    assert losses == sorted(losses)
    assert found.grows


def test_the_second_round_by_hand() -> None:
    """The core's borrower of USDC owes 3,000,000,000 of 20,000,000,000: 15 % of what is supplied.

    Its rate is 15 % of 4 %, 0.6 % a year: 18,000,000 USDC after a year, and 3,000,000,000 x 0.006 x 30 / 365 =
    1,479,452.05 after 30 days.  Rates are rounded down to 10^-18 a second, which is less than 100 USDC a year.
    """
    found = table("astera-docs", "mini-a", "core", "USDC")
    assert found["at once"] == 3_000_000_000 * 10**6
    for after, interest in (("1 year", 18_000_000), ("30 days", Fraction(18_000_000 * 30, 365))):
        assert 0 <= (3_000_000_000 + interest) * 10**6 - (found[after] or 0) < 100 * 10**6


def test_bad_debt_of_a_deployed_pool_by_hand() -> None:
    """340 of 1,035 WBNB are borrowed against ankrBNB, which then is worth next to nothing, and nobody records it.

    35 WBNB are there from the listing, 1,000 were added.  The rate is 340 / 1,035 of 0.9 %, which is 0.2957 % a year;
    it is charged once, when the debt is recorded: 340 WBNB and 1.00522 after a year of 42,048,000 blocks.
    """
    protocol, state = positions.reached("venus-bsc-liquid-staked-bnb", positions.VENUS)
    rows = losses_of_state_over_time(protocol, state, {"ankrBNB": Fraction(-(10**17 - 1), 10**17)}, lambda *_: None)
    (row,) = rows
    assert (row.source, row.pool, row.asset) == ("shock", "LiquidStakedBNB", "WBNB")
    yearly = Fraction(340, 1_035) * Fraction(9, 1_000)
    for point in row.points:
        interest = 340 * yearly * point.slots / 42_048_000
        assert point.loss == pytest.approx(float(340 + interest) * 10**18, rel=1e-10)
    assert row.points[-1].slots == 42_048_000


def test_a_state_without_bad_accounts_loses_nothing() -> None:
    """At once, nothing cannot hold; and nothing in it comes to that within a year."""
    protocol, state = positions.reached("every-channel", positions.LINED)
    assert losses_of_state_over_time(protocol, state, {}, lambda *_: None) == []


def test_what_is_unhealthy_already_is_seen_without_a_price_move() -> None:
    """A mini pool's collateral has fallen and nobody has noticed: the core loses the principal of its line, no more.

    4,000 are owed and 50 of them pledged as first loss; what the mini pool itself had counted as earned is lost with it.
    """
    steps = (*positions.LINED, ("set_price", "mini/X", 1))
    protocol, state = positions.reached("every-channel", steps)
    core, mini = losses_of_state_over_time(protocol, state, {}, lambda *_: None)
    assert (core.source, core.pool, core.asset) == ("the given state", "core", "USD")
    assert core.points[0].loss == 3_949  # a liquidation repays 1 at once; later not even that is worth its price
    assert {point.loss for point in core.points[1:]} == {3_950}
    assert (mini.pool, mini.asset) == ("mini", "USD")
    assert (mini.points[0].loss, mini.grows) == (0, True)


def test_where_nothing_is_lost_there_is_no_run() -> None:
    """A sister pool loses no principal, at no time."""
    protocol = load_protocol("astera-docs")
    assert largest(registry.of(protocol)[0], protocol, Case("mini-a", "mini-b", "ETH", "principal")) is None


def test_delays_stay_inside_the_horizon() -> None:
    """No point lies beyond the time for which the protocol is analysed."""
    protocol = load_protocol("astera-docs")
    wanted = {"at once": 0, "1 hour": 3600, "1 day": 86_400, "1 week": 604_800, "30 days": 2_592_000, "1 year": YEAR}
    assert delays_of(protocol) == wanted
    short = delays_of(protocol.model_copy(update={"horizon": 100_000}))
    assert list(short) == ["at once", "1 hour", "1 day"]


@pytest.mark.parametrize(
    ("first", "later", "told"),
    [
        (100, 100, "="),
        (0, 0, "="),
        (1000, 1006, "+0.60 %"),
        (3, 4, "+33 %"),
        (4, 3, "-25 %"),
        (10**12, 10**12 + 1, "≈"),
        (10**9, 10**9 + 1, "+0.00000010 %"),
        (100, 627, "+527 %"),
        (0, 5, "more"),
        (None, 5, "more"),
        (5, None, "refused"),
    ],
)
def test_growth_says_two_digits(first: int | None, later: int | None, told: str) -> None:
    """However small the change is; what is the same is told from what is about the same."""
    assert growth(first, later) == told

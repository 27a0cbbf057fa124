"""The bounds of losses: what they are, and that no run of the model passes them."""

from __future__ import annotations

import importlib
import sys
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from poolproof.proofs import registry
from poolproof.proofs.contagion.bounds import losses_of, worst_of
from poolproof.proofs.contagion.exposure import exposures
from poolproof.proofs.contagion.network import Loss
from poolproof.proofs.contagion.shock import losses_of_shock, read_shocks, run_shock
from poolproof.spec.action import perform
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import load_protocol

sys.path.insert(0, str(Path(__file__).parent))
positions: Any = importlib.import_module("positions")
sys.path.pop(0)


def the(losses: list[Loss], source: str, market: str, kind: str = "principal") -> Loss:
    """The one loss of a market by a source; over a line, what goes over it alone."""
    found = [each for each in losses if (each.source, f"{each.pool}/{each.asset}", each.kind) == (source, market, kind)]
    return next((each for each in found if each.direct), found[0])


def unwatched(_stage: str, _done: int) -> None:
    """Nobody looks."""


def test_the_core_loses_at_most_what_a_line_can_draw() -> None:
    """ISO-3, for each line of the worked example; the asUSD line is bounded by its ceiling."""
    losses = losses_of(load_protocol("astera-docs"))
    assert the(losses, "mini-a", "core/ETH").upper == 2_000_000 * 10**18
    assert the(losses, "mini-a", "core/asUSD").upper == 5_000_000 * 10**18
    assert the(losses, "mini-b", "core/ETH").upper == 3_000_000 * 10**18
    assert "ISO-3" in the(losses, "mini-a", "core/ETH").theorem


def test_a_sister_loses_nothing_and_a_theorem_says_so() -> None:
    """ISO-5; what it may miss is credit, and only up to what the failing pool has drawn."""
    losses = losses_of(load_protocol("astera-docs"))
    none = the(losses, "mini-a", "mini-b/ETH")
    assert (none.upper, none.theorem) == (0, ("ISO-5", "ISO-1"))
    assert the(losses, "mini-a", "mini-b/ETH", "frozen").upper == 2_000_000 * 10**18
    assert the(losses, "core", "mini-a/ETH").theorem == ("ISO-1",)


def test_a_satellite_and_its_main_pool_lose_nothing_by_each_other() -> None:
    """A route carries no loss; only the feed that they share does."""
    losses = losses_of(load_protocol("elara-docs"))
    assert {each.upper for each in losses if each.source != each.pool and ":" not in each.source} == {0}
    assert the(losses, "oracle:WETH", "weETH/WETH", "value").upper == 20_000 * 10**18


@pytest.mark.parametrize("name", ["venus-docs", "venus-bsc"])
def test_venus_pools_lose_nothing_by_each_other(name: str) -> None:
    """No line, no core: a pool's failure stays in the pool."""
    losses = losses_of(load_protocol(name))
    assert {each.upper for each in losses if each.source != each.pool and ":" not in each.source} == {0}


def test_a_market_that_is_not_borrowed_loses_nothing() -> None:
    """Without debts there is no bad debt: the exotic collateral's own suppliers keep their principal."""
    loss = the(losses_of(load_protocol("astera-docs")), "mini-a", "mini-a/X")
    assert (loss.upper, loss.theorem) == (0, ("CAP-1",))


def test_a_small_loss_leaves_every_healthy_account_covered() -> None:
    """SOLV-5: 3,950 of 100,000 is less than 1 - threshold x incentive, 8.2 %; of 5,000 it is not."""
    protocol, state = positions.reached("every-channel", positions.LINED)
    assert the(losses_of(protocol, state), "mini", "core/B").theorem == ("SOLV-5",)
    less = (("deposit", "carol", "core/USD", 5_000), *positions.LINED[1:])
    more = (("deposit", "carol", "core/B", 100), ("deposit", "bob", "core/USD", 90), ("enter", "bob", "core/USD"))
    protocol, state = positions.reached("every-channel", (*less, *more, ("borrow", "bob", "core/B", 2)))
    loss = the(losses_of(protocol, state), "mini", "core/B")
    assert loss.upper == 2
    assert "SOLV-4" in loss.theorem


def test_a_crash_is_followed_to_the_core_pool() -> None:
    """X falls by 90 %: what the collateral pays, less the incentive, comes back; the first-loss reserve pays first."""
    protocol, state = positions.reached("every-channel", positions.LINED)
    outcome = run_shock(protocol, state, read_shocks(["X=-0.9"], protocol), unwatched)
    assert outcome.unhealthy == ["mini/alice"]
    assert outcome.left == []
    paid = -(-300_000 * 10**16 * 10**18 // (2 * 10**18 * 11 * 10**17))  # ceil of the collateral's value / incentive
    assert outcome.lost["core/USD"] == 4_000 - paid - 50
    assert [market for market, lost in outcome.lost.items() if lost] == ["core/USD"]
    bound = the(losses_of_shock(protocol, {"X": Fraction(-9, 10)}, state), "shock", "core/USD").upper
    assert bound is not None
    assert outcome.lost["core/USD"] <= bound


def test_a_crash_is_followed_on_venus() -> None:
    """ankrBNB falls by 80 %: 200 of collateral pay 200 / 1.1 of 340, and the rest is bad debt."""
    protocol, state = positions.reached("venus-bsc-liquid-staked-bnb", positions.VENUS)
    outcome = run_shock(protocol, state, read_shocks(["ankrBNB=-0.8"], protocol), unwatched)
    lost = outcome.lost["LiquidStakedBNB/WBNB"]
    assert abs(lost - (340 - Fraction(200) * 10 / 11) * 10**18) < 10**12
    assert outcome.left == []
    assert outcome.recorded == 1


def test_a_shock_leaves_the_state_as_it_was() -> None:
    """Prices move and accounts are liquidated on a copy."""
    protocol, state = positions.reached("every-channel", positions.LINED)
    before = exposures(protocol, state)
    run_shock(protocol, state, read_shocks(["X=-0.9"], protocol), unwatched)
    assert exposures(protocol, state) == before


def test_a_move_that_thresholds_cover_costs_nothing() -> None:
    """As long as threshold x incentive <= 1 + move nothing is lost; one step further it is."""
    protocol = load_protocol("astera-docs")  # X: 0.75 x 1.08 = 0.81
    assert the(losses_of_shock(protocol, {"X": Fraction(-19, 100)}), "shock", "core/asUSD").upper == 0
    beyond = the(losses_of_shock(protocol, {"X": Fraction(-20, 100)}), "shock", "core/asUSD").upper
    assert beyond is not None
    assert beyond > 0


@pytest.mark.parametrize("seed", range(12))
def test_no_run_passes_the_bounds(seed: int) -> None:
    """Random positions, random crashes: each market loses at most its worst loss, and at most the shock's own bound."""
    chance = Random(seed)
    protocol, state = positions.reached(
        "every-channel", (("deposit", "carol", "core/USD", chance.randrange(6_000, 20_000)),)
    )
    model, _ = registry.of(protocol)
    for pool, token in (("mini", "X"), ("sister", "Y")):
        for user in ("alice", "bob"):
            wanted = (
                ("deposit", user, f"{pool}/{token}", chance.randrange(1, 200_000)),
                ("enter", user, f"{pool}/{token}"),
                ("borrow", user, f"{pool}/USD", chance.randrange(1, 2_500)),
            )
            for name, *arguments in wanted:
                perform(state, model.action(name), tuple(arguments))
    perform(state, model.action("pass_time"), (chance.randrange(10**6),))
    texts = [f"{token}=-0.{chance.randrange(10, 99)}" for token in "XY"]
    shocks = read_shocks(texts, protocol)
    outcome = run_shock(protocol, state, shocks, unwatched)
    worst = {f"{each.pool}/{each.asset}": each.total for each in worst_of(protocol, state)}
    file = {f"{each.pool}/{each.asset}": each.total for each in worst_of(protocol)}
    bounds = {f"{each.pool}/{each.asset}": each.upper for each in losses_of_shock(protocol, shocks, state)}
    for market, lost in outcome.lost.items():
        assert lost <= worst[market]
        assert lost <= file[market]
        bound = bounds[market]
        assert bound is not None
        assert outcome.unhealthy_before or lost <= bound + len(outcome.unhealthy)  # a unit of rounding for each


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("X", "this is not ASSET=CHANGE"),
        ("X=a", "this is not ASSET=CHANGE"),
        ("X=1e5", "this is not ASSET=CHANGE"),
        ("Q=-0.1", "no market has this asset"),
        ("X=-1", "this leaves no price"),
    ],
)
def test_a_price_move_that_is_none_is_refused(text: str, told: str) -> None:
    """With what was typed, and how to write it."""
    with pytest.raises(UsageError, match=told):
        read_shocks([text], load_protocol("every-channel"))


def test_a_price_moves_once() -> None:
    """The same asset twice is refused."""
    with pytest.raises(UsageError, match="named twice"):
        read_shocks(["X=0.1", "X=0.2"], load_protocol("every-channel"))


def test_what_follows_in_the_core_has_a_row_of_its_own() -> None:
    """A line's loss lowers the share price of a core collateral, and other borrowers of the core may default."""
    losses = losses_of(load_protocol("astera-docs"), None)
    rows = [
        each
        for each in losses
        if (each.source, each.pool, each.asset, each.kind) == ("mini-a", "core", "asUSD", "principal")
    ]
    assert [each.direct for each in rows] == [True, False]
    direct, whole = (each.upper for each in rows)
    assert direct is not None
    assert whole is not None
    assert direct < whole
    assert "SOLV-4" in rows[1].theorem

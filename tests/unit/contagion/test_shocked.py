"""What a price move costs: a bound, and a run from the start that stays below it and replays."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from random import Random

import pytest

from poolproof.proofs import registry
from poolproof.proofs.contagion.network import Contagion, Loss, Network
from poolproof.proofs.contagion.shock import BY_SHARES, losses_of_shock
from poolproof.proofs.contagion.shocked import show_losses_of_shock
from poolproof.proofs.contagion.witness import is_close
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import trace_from_json
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

from .test_every_loss import varied

MOVES: dict[str, tuple[str, dict[str, Fraction]]] = {
    "X": ("astera-docs", {"X": Fraction(-7, 10)}),
    "ETH and WBTC": ("astera-docs", {"ETH": Fraction(-1, 2), "WBTC": Fraction(-1, 2)}),
    "ETH rises": ("astera-docs", {"ETH": Fraction(1, 2)}),
    "WETH": ("elara-docs", {"WETH": Fraction(-4, 10)}),
    "USDT": ("venus-docs", {"USDT": Fraction(-2, 10)}),
    "WBNB": ("venus-bsc-liquid-staked-bnb", {"WBNB": Fraction(-3, 10)}),
    "USDT, deployed": ("venus-bsc-liquid-staked-bnb", {"USDT": Fraction(-3, 10), "WBNB": Fraction(1, 2)}),
}


def shown(protocol: Protocol, moves: dict[str, Fraction]) -> Contagion:
    """What a price move costs, with its runs."""
    analysis = Contagion(Network(protocol.name, (), (), "the start"), losses=losses_of_shock(protocol, moves))
    show_losses_of_shock(protocol, moves, analysis.losses, analysis, lambda _stage, _done, _all: None)
    return analysis


@cache
def of(which: str) -> dict[str, Loss]:
    """The losses of a move, by market."""
    name, moves = MOVES[which]
    return {f"{each.pool}/{each.asset}": each for each in shown(load_protocol(name), moves).losses}


@pytest.mark.parametrize("which", MOVES)
def test_every_loss_has_a_run_or_is_nothing(which: str) -> None:
    """Nothing by a theorem; or a run below the bound, with a reason where it is more than a hundredth below."""
    for loss in of(which).values():
        assert loss.upper is not None
        assert loss.theorem
        assert loss.lower <= loss.upper
        assert (loss.witness is not None) == (loss.upper > 0)
        assert (loss.gap is None) == (loss.upper == 0 or is_close(loss.lower, loss.upper))


@pytest.mark.parametrize("which", MOVES)
def test_the_runs_replay(which: str) -> None:
    """Every step ends as recorded, and the invariant that the trace names holds."""
    runs = [loss.witness for loss in of(which).values() if loss.witness is not None]
    for witness in runs[:: -(-len(runs) // 6) or 1]:
        report = replay(trace_from_json(witness, "witness", lambda model: registry.find(model)[0]), registry.find)
        assert report.as_recorded
        assert not any(step.violations for run in report.runs for step in run)


def test_a_fall_costs_a_line_what_the_incentive_does_not_cover() -> None:
    """X by 70 %: of a debt at the threshold 0.3 / (0.75 x 1.08) is paid; asUSD all, as ETH takes its collateral."""
    found = of("X")
    unpaid = 1 - Fraction(3, 10) / (Fraction(3, 4) * Fraction(108, 100))
    ether = 2 * 10**24 * unpaid
    others = 5 * 10**6 * 10**18 * unpaid / 2000
    assert ether <= found["core/ETH"].lower <= ether + others
    assert is_close(found["mini-a/asUSD"].lower, 10**24)
    assert found["mini-a/ETH"].upper == 10**24
    assert is_close(found["mini-a/ETH"].lower, 10**24)
    assert not set(BY_SHARES) & set(found["mini-a/ETH"].theorem)


def test_a_share_price_s_fall_is_followed() -> None:
    """X is no collateral in the core: WBTC is lost against shares of ETH, at most threshold / (1 - threshold) of it."""
    loss = of("X")["core/WBTC"]
    assert set(BY_SHARES) <= set(loss.theorem)
    over = 2 * 10**6 * Fraction(17, 27) + 5 * 10**6 * Fraction(17, 27) / 2000
    assert loss.upper is not None
    assert loss.upper - 1 <= over * 4 * 2000 / 60_000 * 10**8 <= loss.upper
    assert loss.lower > 0


def test_a_deployed_pool_s_shares_do_not_fall() -> None:
    """Bad debt stays in the exchange rate: a run takes what the bound says of WBNB, and no further round follows."""
    loss = of("USDT, deployed")["LiquidStakedBNB/WBNB"]
    assert is_close(loss.lower, loss.upper)
    assert loss.theorem == ("CAP-1-w", "SOLV-5-w", "LIQ-3-w")


@pytest.mark.parametrize(
    ("which", "market", "theorem"),
    [
        ("X", "mini-a/X", ("CAP-1",)),
        ("X", "mini-b/ETH", ("SOLV-5",)),
        ("WBNB", "LiquidStakedBNB/USDT", ("SOLV-5-w",)),
        ("WBNB", "LiquidStakedBNB/asBNB", ("CAP-1-w",)),
    ],
)
def test_nothing_has_its_theorem(which: str, market: str, theorem: tuple[str, ...]) -> None:
    """Nothing is lent, or what is pledged pays its debts with the incentive."""
    loss = of(which)[market]
    assert (loss.upper, loss.lower, loss.theorem, loss.gap) == (0, 0, theorem, None)


def test_time_is_in_the_losses_of_a_move() -> None:
    """The same runs, recorded later: at once they lose what was shown."""
    analysis = shown(load_protocol("elara-docs"), {"WETH": Fraction(-4, 10)})
    lower = {(each.pool, each.asset): each.lower for each in analysis.losses}
    assert len(analysis.over_time) == 3
    for row in analysis.over_time:
        first, last = row.points[0].loss, row.points[-1].loss
        assert first == lower[row.pool, row.asset]
        assert first is not None
        assert last is not None
        assert last > first


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", ["every-channel", "elara-docs", "venus-bsc-liquid-staked-bnb", "liquid-staked-bnb"])
def test_no_variation_refutes_a_bound(name: str, seed: int) -> None:
    """Whatever the caps, lines, prices and factors, and however prices move, down or up, one or several at once."""
    chance = Random(f"shock {name} {seed}")
    protocol = varied(load_protocol(name), chance)
    feeds = {(each.oracle or each.asset): each.asset for pool in protocol.pools for each in pool.markets}
    moved = chance.sample(sorted(feeds), chance.randrange(1, min(4, len(feeds) + 1)))
    by_feed = {feed: Fraction(chance.choice((-95, -60, -30, -10, 10, 50, 300)), 100) for feed in moved}
    assets = {
        each.asset: by_feed[each.oracle or each.asset]
        for pool in protocol.pools
        for each in pool.markets
        if (each.oracle or each.asset) in by_feed
    }
    for loss in shown(protocol, assets).losses:
        assert loss.upper is not None
        assert 0 <= loss.lower <= loss.upper
        assert (loss.lower > 0) == (loss.witness is not None)
        assert loss.upper == 0 or is_close(loss.lower, loss.upper) or loss.gap

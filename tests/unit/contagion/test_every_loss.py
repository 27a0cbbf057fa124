"""Every loss of every shipped protocol, and of random variations: a bound, and a run that stays below it and replays."""

from __future__ import annotations

import re
from functools import cache
from random import Random
from typing import Any

import pytest

from poolproof.proofs import registry
from poolproof.proofs.contagion.analysis import analyse
from poolproof.proofs.contagion.bounds import losses_of
from poolproof.proofs.contagion.choices import Case
from poolproof.proofs.contagion.network import Loss
from poolproof.proofs.contagion.unwinding import Unwinding
from poolproof.proofs.contagion.witness import is_close, largest
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import trace_from_json
from poolproof.spec.arithmetic import WAD
from poolproof.spec.loading import load_protocol, shipped_protocols
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol

TOKEN = 10**18
FULLY = 20
"""Of so many runs of a protocol all are replayed with their invariant watched; of more, as many."""
BELOW = {
    *(("astera-docs", mini, "core", each) for mini in ("mini-a", "mini-b") for each in ("ETH", "WBTC", "USDC", "USDT")),
    *(("every-channel", mini, "core", each) for mini in ("mini", "sister") for each in ("USD", "B")),
}
"""What follows in the core from a loss over a line: the only rows whose runs stay more than a hundredth below."""


@cache
def losses(name: str) -> list[Loss]:
    """The losses of a shipped protocol, with their runs."""
    return analyse(load_protocol(name), witnesses=True).losses


@pytest.mark.parametrize("name", shipped_protocols())
def test_every_loss_has_a_run_or_is_nothing(name: str) -> None:
    """Nothing by a theorem; or a run that comes within a hundredth of the bound, but for the rows that are named."""
    below = set()
    for loss in losses(name):
        assert loss.upper is not None
        assert loss.theorem
        assert loss.lower <= loss.upper
        assert (loss.witness is not None) == (loss.upper > 0)
        assert (loss.gap is None) == (loss.upper == 0 or is_close(loss.lower, loss.upper))
        if loss.gap is not None:
            below.add((name, loss.source, loss.pool, loss.asset))
    assert below == {row for row in BELOW if row[0] == name}


@pytest.mark.parametrize("name", shipped_protocols())
def test_the_runs_replay(name: str) -> None:
    """As `poolproof replay` does it: every step ends as recorded, and the invariant that the trace names holds."""
    shown = [loss.witness for loss in losses(name) if loss.witness is not None]
    for witness in shown[:: -(-len(shown) // FULLY) or 1]:
        trace = trace_from_json(witness, "witness", lambda model: registry.find(model)[0])
        report = replay(trace, registry.find)
        assert report.as_recorded
        assert not any(step.violations for run in report.runs for step in run)


def test_a_reason_is_read_without_counting_digits() -> None:
    """A gap says which side is loose and what refuses to draw more, in words."""
    gaps = [loss.gap for name in ("astera-docs", "every-channel") for loss in losses(name) if loss.gap is not None]
    assert len(gaps) == len(BELOW)
    for gap in gaps:
        assert "loose side" in gap
        assert not re.search(r"\d", gap)
        assert not re.search(r"[a-z][A-Z]", gap)


# --- bounds ---------------------------------------------------------------------------------------------------------


def the(found: list[Loss], source: str, market: str, kind: str = "principal") -> Loss:
    """The last row of a market by a source: over a line, with what follows."""
    return [each for each in found if (each.source, f"{each.pool}/{each.asset}", each.kind) == (source, market, kind)][
        -1
    ]


def test_what_follows_is_bounded_by_shortfalls() -> None:
    """(1 - T) x bad debts <= T x losses over lines: 0.8 x 2,000,000 ETH at 2,000 is 0.2 x 16 thousand million."""
    found = losses_of(load_protocol("astera-docs"))
    wbtc = the(found, "mini-a", "core/WBTC")
    assert wbtc.upper == -(-16 * 10**9 * 10**8 // 60_000)
    assert {"SOLV-3", "LIQ-2"} <= set(wbtc.theorem)
    assert the(found, "mini-a", "core/ETH").upper == (2 + 8) * 10**6 * TOKEN


def test_another_debt_can_take_the_collateral() -> None:
    """ETH is no collateral in mini-a, and asUSD has another feed: who owes both loses X to who repays the ETH."""
    loss = the(losses("astera-docs"), "oracle:ETH", "mini-a/asUSD")
    assert loss.upper == 10**6 * TOKEN
    assert is_close(loss.lower, loss.upper)


def test_a_market_loses_at_most_what_its_suppliers_have() -> None:
    """Its own borrowers and its lines together: 20,000,000 ETH, not 25,000,000."""
    assert the(losses_of(load_protocol("astera-docs")), "oracle:ETH", "core/ETH").upper == 20 * 10**6 * TOKEN


def test_the_first_supply_is_above_a_cap() -> None:
    """No cap stops the supply with which a deployed market is added."""
    protocol = load_protocol("venus-bsc-liquid-staked-bnb")
    changed = with_markets(protocol, lambda _market: {"supply_cap": 10**18, "wallet": 10**24})
    for loss in analyse(changed, witnesses=True).losses:
        assert loss.upper is not None
        assert loss.lower <= loss.upper


def with_markets(protocol: Protocol, change: Any) -> Protocol:
    """A protocol with other values in its markets."""
    pools = [
        pool.model_copy(update={"markets": tuple(each.model_copy(update=change(each)) for each in pool.markets)})
        for pool in protocol.pools
    ]
    return protocol.model_copy(update={"pools": tuple(pools)})


def test_without_a_loan_to_value_nothing_is_lost() -> None:
    """SOLV-9: nothing opens a debt."""
    found = losses_of(with_markets(load_protocol("astera-docs"), lambda _market: {"ltv": 0}))
    lost = [each for each in found if each.kind != "value" and each.upper]
    assert lost == []
    assert the(found, "mini-a", "mini-a/ETH").theorem == ("SOLV-9",)


def test_one_feed_moves_no_collateral_against_a_debt() -> None:
    """SOLV-5: no principal is lost where all is valued by one feed; what is borrowed is frozen all the same."""
    one = {"oracle": "one", "price": 10**18, "decimals": 18, "ltv": WAD // 2, "liquidation_threshold": WAD // 2}
    protocol = with_markets(load_protocol("minimal"), lambda market: {**one, "borrow_cap": market.supply_cap})
    changed = analyse(protocol, witnesses=True).losses
    principal = [each for each in changed if each.kind == "principal"]
    assert {(each.upper, each.theorem) for each in principal} == {(0, ("SOLV-5",))}
    for each in changed:
        if each.kind == "frozen":
            assert "LIQ-6" in each.theorem
            assert each.upper is not None
            assert 0 < each.lower <= each.upper
    case = Case(principal[0].source, principal[0].pool, principal[0].asset, "principal")
    assert largest(registry.of(protocol)[0], protocol, case) is None


# --- variations -----------------------------------------------------------------------------------------------------


def varied(protocol: Protocol, chance: Random) -> Protocol:
    """A protocol file with other caps, lines, prices, factors, dust and users."""
    prices: dict[str, int] = {}
    for each in (market for pool in protocol.pools for market in pool.markets):
        prices.setdefault(each.oracle or each.asset, max(1, int(each.price * 10 ** chance.uniform(-3, 3))))
    pools = [_varied_pool(pool, prices, chance) for pool in protocol.pools]
    users = protocol.users[: chance.choice((2, 3, 4))]
    return protocol.model_copy(update={"pools": tuple(pools), "users": users})


def _varied_pool(pool: PoolConfig, prices: dict[str, int], chance: Random) -> PoolConfig:
    incentive = WAD * (100 + chance.choice((0, 1, 5, 10, 20, 50))) // 100
    markets = [_varied_market(pool, each, prices, WAD * WAD // incentive, chance) for each in pool.markets]
    update = {
        "markets": tuple(markets),
        "liquidation_incentive": incentive,
        "close_factor": chance.choice((WAD * 9 // 10, WAD // 2, WAD // 5)),
        "dust_value": chance.choice((0, pool.dust_value, pool.dust_value * 10)),
    }
    return pool.model_copy(update=update)


def _varied_market(
    pool: PoolConfig, market: MarketConfig, prices: dict[str, int], most: int, chance: Random
) -> MarketConfig:
    threshold = min(chance.choice((market.liquidation_threshold, 0, chance.randrange(most + 1))), most, WAD * 95 // 100)
    ltv = chance.choice((threshold, threshold * 9 // 10, 0))
    cap = max(1, int(market.supply_cap * 10 ** chance.uniform(-2, 0.5)))
    borrowed = chance.choice((0, cap, int(cap * 10 ** chance.uniform(-2, 0.5)), market.borrow_cap))
    if pool.kind == "satellite" and market.borrow_cap == 0:
        borrowed = 0
    elif pool.kind == "satellite":
        ltv, threshold, borrowed = 0, 0, max(1, borrowed)
    update: dict[str, Any] = {
        "price": prices[market.oracle or market.asset],
        "liquidation_threshold": threshold,
        "ltv": ltv,
        "supply_cap": cap,
        "borrow_cap": borrowed,
        "wallet": max(cap, borrowed),
    }
    if market.line is not None:
        limit = int(market.line.limit * 10 ** chance.uniform(-1, 1))
        update["line"] = market.line.model_copy(update={"limit": limit, "first_loss": chance.choice((0, limit // 7))})
    return market.model_copy(update=update)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["every-channel", "elara-docs", "venus-bsc-liquid-staked-bnb", "liquid-staked-bnb"])
def test_no_variation_refutes_a_bound(name: str, seed: int) -> None:
    """Whatever the caps, lines, prices and factors: what a run loses is at most the bound, and a gap has its reason."""
    for loss in analyse(varied(load_protocol(name), Random(f"{name} {seed}")), witnesses=True).losses:
        assert loss.upper is not None
        assert 0 <= loss.lower <= loss.upper
        assert (loss.lower > 0) == (loss.witness is not None)
        assert loss.upper == 0 or is_close(loss.lower, loss.upper) or loss.gap


def test_an_unwinding_is_of_a_kind_of_pool() -> None:
    """What every kind of pool has to say for itself cannot be left out."""
    with pytest.raises(TypeError, match="abstract"):
        Unwinding(None)  # type: ignore[abstract]  # what is tested

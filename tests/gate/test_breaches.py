"""A condition that fails shows a run that replays; one that just holds shows none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolproof.proofs import registry
from poolproof.proofs.conditions_of_venus import OUTCOMES
from poolproof.proofs.gate.bench import Ended
from poolproof.proofs.gate.breaches import BREAKS, EXACT, SCENARIOS, breach
from poolproof.proofs.gate.liquidations import without_remainder
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import Trace, trace_from_json
from poolproof.spec.arithmetic import WAD
from poolproof.spec.loading import load_protocol, read_protocol
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol, VTokenConfig

REFERENCE = ("minimal", "liquid-staked-bnb", "elara-docs", "astera-docs")
VENUS = ("venus-bsc-liquid-staked-bnb", "venus-bsc")
THRESHOLD_FALLS = "the liquidation threshold does not fall"
TO_VALUE = {
    "reference": "0 <= loan-to-value <= liquidation threshold",
    "venus": "collateral factor <= liquidation threshold",
}
RUNS_AWAY = "liquidation threshold x incentive <= 1"
BELOW_ONE = "liquidation threshold <= 1"
RATE = "borrow rate at full utilisation <= its maximum"
CLOSE_FACTOR = "0 < close factor <= 1"
INCENTIVE = "1 <= liquidation incentive <= 2"
RESERVES = {"reference": "0 <= reserve factor <= 1", "venus": "reserve factor <= 1"}
SEIZE_SHARE = "protocol seize share <= incentive - 1"
DISAPPEARS = "no market with positions disappears"
LINE_STAYS, LINE_LIMIT = "the line stays", "the line's limit is within the core market's supply cap"
BOUND, FEED = "the price bound does not fall", "the price feed is the same"
NO_CAP = 2**112 - 1


def changed(protocol: Protocol, pool: str, asset: str | None = None, **values: Any) -> Protocol:
    """A protocol in which values of a pool or of a market differ."""
    data = protocol.canonical_json()
    texts = {key: value if isinstance(value, dict) else str(value) for key, value in values.items()}
    for each in data["pools"]:
        if each["id"] == pool and asset is None:
            each.update(texts)
        for market in each["markets"]:
            if each["id"] == pool and market["asset"] == asset:
                market.update(texts)
    return read_protocol(data, "changed")


def places(*names: str) -> Iterator[tuple[Protocol, PoolConfig, MarketConfig]]:
    """The markets of shipped protocols."""
    for name in names:
        protocol = load_protocol(name)
        for pool in protocol.pools:
            yield from ((protocol, pool, market) for market in pool.markets)


def collaterals(*names: str) -> list[Any]:
    """The markets of shipped protocols whose shares are collateral."""
    return [
        pytest.param(*place, id=f"{place[0].name}-{place[1].id}-{place[2].asset}")
        for place in places(*names)
        if place[2].liquidation_threshold
    ]


def replays(trace: Trace | None) -> Trace:
    """A trace that is there, and that replays after it was written and read."""
    assert trace is not None
    read = trace_from_json(json.loads(json.dumps(trace.to_json())), "trace", lambda name: registry.find(name)[0])
    report = replay(read, registry.find)
    assert report.as_recorded, report.differences
    assert report.violation is not None
    assert trace.violation is not None
    assert report.violation.message == trace.violation.message
    return read


def found(
    label: str, head: Protocol, pool: PoolConfig, market: MarketConfig | None, base: Protocol | None = None
) -> bool:
    """Whether there is a run, which then replays."""
    trace = breach(label, base or head, head, pool.id, None if market is None else market.asset)
    if trace is not None:
        replays(trace)
    return trace is not None


# --- what falls, and what is too high, by one unit ---------------------------------------------------------


@pytest.mark.parametrize(("protocol", "pool", "market"), collaterals(*REFERENCE, *VENUS))
def test_a_threshold_that_falls_by_one_unit(protocol: Protocol, pool: PoolConfig, market: MarketConfig) -> None:
    """Somebody who was healthy is liquidatable after the change, and nobody where the threshold stays."""
    threshold = market.liquidation_threshold - 1
    head = changed(protocol, pool.id, market.asset, liquidation_threshold=threshold, ltv=min(market.ltv, threshold))
    trace = replays(breach(THRESHOLD_FALLS, protocol, head, pool.id, market.asset))
    assert trace.runs[0][-1].action in {"set_risk_factors", "set_collateral_factor"}
    assert not found(THRESHOLD_FALLS, protocol, pool, market)


@pytest.mark.parametrize(("protocol", "pool", "market"), collaterals(*REFERENCE, *VENUS))
def test_a_loan_to_value_one_unit_above_the_threshold(
    protocol: Protocol, pool: PoolConfig, market: MarketConfig
) -> None:
    """Who borrows all that is allowed is liquidated at once, and not where the two are equal."""
    label, threshold = TO_VALUE[protocol.model], market.liquidation_threshold
    assert found(label, changed(protocol, pool.id, market.asset, ltv=threshold + 1), pool, market)
    assert not found(label, changed(protocol, pool.id, market.asset, ltv=threshold), pool, market)


@pytest.mark.parametrize(("protocol", "pool", "market"), collaterals(*REFERENCE))
def test_a_threshold_one_unit_beyond_the_incentive(protocol: Protocol, pool: PoolConfig, market: MarketConfig) -> None:
    """A liquidation raises the shortfall one unit beyond 1, of the threshold or of the incentive, and not at 1."""
    edge = WAD * WAD // pool.liquidation_incentive
    for threshold in (edge, edge + 1):
        head = changed(protocol, pool.id, market.asset, liquidation_threshold=threshold)
        assert found(RUNS_AWAY, head, pool, market) == (threshold > edge)
    edge = WAD * WAD // market.liquidation_threshold
    for incentive in (edge, edge + 1):
        head = changed(protocol, pool.id, liquidation_incentive=incentive)
        assert found(RUNS_AWAY, head, pool, market) == (incentive > edge)


@pytest.mark.parametrize(("protocol", "pool", "market"), collaterals(*VENUS))
def test_a_threshold_beyond_the_incentive_on_venus(protocol: Protocol, pool: PoolConfig, market: MarketConfig) -> None:
    """A liquidation adds to the shortfall a millionth beyond 1, and not at 1."""
    edge = WAD * WAD // pool.liquidation_incentive
    for threshold in (edge, edge + 10**12):
        head = changed(protocol, pool.id, market.asset, liquidation_threshold=threshold)
        assert found(RUNS_AWAY, head, pool, market) == (threshold > edge)


def test_a_liquidation_that_takes_too_much_ends_in_a_debt_without_collateral() -> None:
    """The message follows the liquidations to their end."""
    minimal = load_protocol("minimal")
    head = changed(minimal, "main", "ETH", liquidation_threshold=95 * WAD // 100)
    trace = replays(breach(RUNS_AWAY, minimal, head, "main", "ETH"))
    assert trace.violation is not None
    assert "are owed on no collateral" in trace.violation.message


@pytest.mark.parametrize(
    ("protocol", "pool", "market"),
    [pytest.param(*place, id=f"{place[1].id}-{place[2].asset}") for place in places(*VENUS)],
)
def test_a_rate_one_unit_beyond_its_maximum(protocol: Protocol, pool: PoolConfig, market: MarketConfig) -> None:
    """Once all is lent at a rate of one more a slot nobody can repay, redeem or charge interest; at the edge all can."""
    most, year = pool.markets[0].max_rate, market.rate_model.slots_per_year
    for rate in (most, most + 1):
        slopes = {"kind": "white-paper", "base_rate_per_year": "0", "multiplier_per_year": str(rate * year)}
        model = slopes | {"slots_per_year": year}
        head = changed(protocol, pool.id, market.asset, rate_model=model)
        assert found(RATE, head, pool, market) == (rate > most and market.borrow_cap > 0)


# --- factors of pools and markets --------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFERENCE)
def test_a_close_factor_outside_its_range(name: str) -> None:
    """At 0 nobody can be liquidated, above 1 a liquidation leaves a debt below zero."""
    protocol = load_protocol(name)
    for pool in protocol.pools:
        for value in (0, 1, WAD, WAD + 1):
            head = changed(protocol, pool.id, close_factor=value)
            assert found(CLOSE_FACTOR, head, pool, None) == (value in (0, WAD + 1)), value


@pytest.mark.parametrize("name", REFERENCE)
def test_an_incentive_below_one(name: str) -> None:
    """Who liquidates pays more than is received, and not at 1."""
    protocol = load_protocol(name)
    for pool in protocol.pools:
        for value in (WAD - 1, WAD):
            head = changed(protocol, pool.id, liquidation_incentive=value)
            assert found(INCENTIVE, head, pool, None) == (value < WAD)


@pytest.mark.parametrize(("protocol", "pool", "market"), collaterals("minimal", "astera-docs", VENUS[0]))
def test_a_threshold_above_one(protocol: Protocol, pool: PoolConfig, market: MarketConfig) -> None:
    """A liquidation takes more than it repairs, or the contracts refuse."""
    base = changed(protocol, pool.id, liquidation_incentive=WAD)
    for threshold in (WAD, WAD + 1):
        head = changed(base, pool.id, market.asset, liquidation_threshold=threshold)
        assert found(BELOW_ONE, head, pool, market, base) == (threshold > WAD)


@pytest.mark.parametrize("name", [*REFERENCE, VENUS[0]])
def test_a_reserve_factor_above_one(name: str) -> None:
    """Interest takes from suppliers what it gives to the reserves, or the contracts refuse."""
    for protocol, pool, market in places(name):
        for value in (WAD, WAD + 1):
            head = changed(protocol, pool.id, market.asset, reserve_factor=value)
            beyond = value > WAD and (market.borrow_cap > 0 or protocol.model == "venus")
            assert found(RESERVES[protocol.model], head, pool, market, protocol) == beyond, market.asset


@pytest.mark.parametrize(
    ("label", "key", "inside", "outside"),
    [
        ("5 % <= close factor", "close_factor", 5 * WAD // 100, 5 * WAD // 100 - 1),
        ("5 % <= close factor", "close_factor", 5 * WAD // 100, 0),
        ("close factor <= 90 %", "close_factor", 90 * WAD // 100, 90 * WAD // 100 + 1),
        ("liquidation incentive >= 1", "liquidation_incentive", None, WAD - 1),
        ("liquidation incentive >= 1", "liquidation_incentive", None, 9 * WAD // 10),
    ],
)
@pytest.mark.parametrize("name", VENUS)
def test_a_factor_of_a_pool_that_the_contracts_refuse(
    name: str, label: str, key: str, inside: int | None, outside: int
) -> None:
    """There is a run, and be it the proposal's that reverts, and none at the edge."""
    protocol = load_protocol(name)
    pool = protocol.pools[0]
    assert found(label, changed(protocol, pool.id, None, **{key: outside}), pool, None, protocol)
    if inside is not None:
        assert not found(label, changed(protocol, pool.id, None, **{key: inside}), pool, None, protocol)


@pytest.mark.parametrize("name", VENUS)
def test_a_collateral_factor_that_the_contracts_refuse(name: str) -> None:
    """The proposal reverts one unit above 95 %, and not at 95 %."""
    protocol = load_protocol(name)
    pool, market = protocol.pools[0], protocol.pools[0].markets[0]
    for factor in (95 * WAD // 100, 95 * WAD // 100 + 1):
        head = changed(protocol, pool.id, market.asset, ltv=factor, liquidation_threshold=WAD)
        assert found("collateral factor <= 95 %", head, pool, market, protocol) == (factor * 100 > 95 * WAD)


@pytest.mark.parametrize(("protocol", "pool", "market"), collaterals(VENUS[0]))
def test_a_protocol_share_beyond_the_incentive(protocol: Protocol, pool: PoolConfig, market: MarketConfig) -> None:
    """Who liquidates receives less than is paid where the incentive falls below the protocol's share, and not at it."""
    share = (market.venus or VTokenConfig()).protocol_seize_share
    for incentive in (WAD + share, WAD + share - 10**12):
        head = changed(protocol, pool.id, liquidation_incentive=incentive)
        trace = breach(SEIZE_SHARE, protocol, head, pool.id, market.asset)
        assert (trace is not None) == (incentive < WAD + share)
        if trace is not None:
            assert replays(trace).runs[0][-1].action == "liquidate_borrow"


# --- prices, markets, lines --------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "pool", "market"), collaterals(*REFERENCE))
def test_a_price_that_counts_for_less(protocol: Protocol, pool: PoolConfig, market: MarketConfig) -> None:
    """A new source may leave somebody liquidatable, a lower bound does; a bound as it was does not."""
    feed = replays(breach(FEED, protocol, protocol, pool.id, market.asset))
    assert feed.violation is not None
    assert "may answer anything" in feed.violation.message
    lower = market.model_copy(update={"price_bound": (market.price_bound or market.price) * 9 // 10})
    same = market.model_copy(update={"price_bound": market.price_bound})

    def with_market(new: MarketConfig) -> Protocol:
        markets = tuple(new if each is market else each for each in pool.markets)
        pools = tuple(each.model_copy(update={"markets": markets}) if each is pool else each for each in protocol.pools)
        return protocol.model_copy(update={"pools": pools})

    assert found(BOUND, with_market(lower), pool, market, protocol)
    assert not found(BOUND, with_market(same), pool, market, protocol)


@pytest.mark.parametrize("name", [*REFERENCE, *VENUS])
def test_a_market_that_disappears(name: str) -> None:
    """What somebody supplied has no place any more."""
    for protocol, pool, market in places(name):
        assert found(DISAPPEARS, protocol, pool, market), market.asset


def test_a_line_that_goes_and_a_line_beyond_the_core() -> None:
    """Something is owed over a line that goes; one unit above the core's supply cap the line loses more than that."""
    lined = [place for place in places("astera-docs") if place[2].line is not None]
    assert lined
    core = next(pool for pool in lined[0][0].pools if pool.kind == "core")
    for protocol, pool, market in lined:
        assert found(LINE_STAYS, protocol, pool, market)
        cap = next(each.supply_cap for each in core.markets if each.asset == market.asset)
        for limit in (cap, cap + 1):
            values = {"borrow_cap": cap + 1, "line": {"limit": str(limit)}}
            head = changed(protocol, pool.id, market.asset, **values)
            assert found(LINE_LIMIT, head, pool, market) == (limit > cap), market.asset
    for protocol, pool, market in places("minimal"):
        assert not found(LINE_STAYS, protocol, pool, market)


# --- any protocol ------------------------------------------------------------------------------------------


def made_up(draw: Callable[[st.SearchStrategy[Any]], Any], model: str) -> Protocol:
    """A protocol of one pool with two markets of large caps, inside the region."""
    incentive = draw(st.integers(WAD, 15 * WAD // 10))
    markets = []
    for asset in ("A", "B"):
        most = min(WAD * WAD // incentive, 95 * WAD // 100)
        threshold = draw(st.integers(most // 4, most - 1))
        rates = {"kind": "white-paper", "base_rate_per_year": "0", "multiplier_per_year": "100000000000000000"}
        market = {
            "asset": asset,
            "decimals": 18,
            "price": str(draw(st.integers(10**14, 10**24))),
            "ltv": str(draw(st.integers(threshold // 4, threshold))),
            "liquidation_threshold": str(threshold),
            "reserve_factor": str(draw(st.integers(0, WAD))),
            "supply_cap": str(10**28),
            "borrow_cap": str(10**28),
            "rate_model": rates | {"slots_per_year": 31_536_000},
        }
        markets.append(market)
    pool = {
        "id": "pool",
        "close_factor": str(draw(st.integers(5 * WAD // 100, 90 * WAD // 100))),
        "liquidation_incentive": str(incentive),
        "dust_value": "0",
        "markets": markets,
    }
    data = {
        "schema": "poolproof.protocol/1",
        "name": "made-up",
        "title": "made up",
        "source": "made up",
        "model": model,
        "horizon": 10**8,
        "users": ["alice", "bob", "carol"],
        "pools": [pool],
    }
    return read_protocol(data, "made up")


@pytest.mark.parametrize("model", ["reference", "venus"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_one_unit_beyond_an_exact_condition_there_is_a_run(model: str, data: st.DataObject) -> None:
    """Whatever the factors and prices: a run one unit beyond the edge, and none at it."""
    base = made_up(data.draw, model)
    pool, market = base.pools[0], base.pools[0].markets[0]
    threshold = market.liquidation_threshold
    lower = changed(base, "pool", "A", liquidation_threshold=threshold - 1, ltv=min(market.ltv, threshold - 1))
    assert found(THRESHOLD_FALLS, lower, pool, market, base)
    assert not found(THRESHOLD_FALLS, base, pool, market)
    assert found(TO_VALUE[model], changed(base, "pool", "A", ltv=threshold + 1), pool, market)
    assert not found(TO_VALUE[model], changed(base, "pool", "A", ltv=threshold), pool, market)
    assert found(RESERVES[model], changed(base, "pool", "A", reserve_factor=WAD + 1), pool, market, base)
    assert not found(RESERVES[model], changed(base, "pool", "A", reserve_factor=WAD), pool, market, base)
    assert found(DISAPPEARS, base, pool, market)
    edge = WAD * WAD // pool.liquidation_incentive
    assert not found(RUNS_AWAY, changed(base, "pool", "A", liquidation_threshold=edge), pool, market)
    if model == "reference":
        assert found(RUNS_AWAY, changed(base, "pool", "A", liquidation_threshold=edge + 1), pool, market)
        for factor in (0, 1, WAD, WAD + 1):
            assert found(CLOSE_FACTOR, changed(base, "pool", close_factor=factor), pool, None) == (
                factor in (0, WAD + 1)
            )
    else:
        year = market.rate_model.slots_per_year
        for rate in (market.max_rate, market.max_rate + 1):
            slopes = {"kind": "white-paper", "base_rate_per_year": "0", "multiplier_per_year": str(rate * year)}
            head = changed(base, "pool", "A", rate_model=slopes | {"slots_per_year": year})
            assert found(RATE, head, pool, market) == (rate > market.max_rate)


ODD: dict[str, Callable[[Protocol], Protocol]] = {
    "no price": lambda protocol: changed(protocol, "main", "ETH", price=0),
    "no other price": lambda protocol: changed(protocol, "main", "USDC", price=0),
    "nothing can be supplied": lambda protocol: changed(protocol, "main", "ETH", supply_cap=0),
    "nothing can be borrowed": lambda protocol: changed(protocol, "main", "USDC", borrow_cap=0),
    "no wallets": lambda protocol: changed(changed(protocol, "main", "ETH", wallet=0), "main", "USDC", wallet=0),
    "nothing can be borrowed on it": lambda protocol: changed(protocol, "main", "ETH", ltv=0),
    "no collateral": lambda protocol: changed(protocol, "main", "ETH", ltv=0, liquidation_threshold=0),
    "one price": lambda protocol: changed(
        protocol, "main", "ETH", oracle="USDC", price=protocol.pools[0].markets[1].price
    ),
    "one user": lambda protocol: protocol.model_copy(update={"users": ("alice",)}),
    "two users": lambda protocol: protocol.model_copy(update={"users": ("alice", "bob")}),
    "one market": lambda protocol: protocol.model_copy(
        update={"pools": (protocol.pools[0].model_copy(update={"markets": protocol.pools[0].markets[:1]}),)}
    ),
    "factors of ten": lambda protocol: changed(
        protocol, "main", "ETH", ltv=10 * WAD, liquidation_threshold=10 * WAD, reserve_factor=10 * WAD
    ),
    "an incentive of ten": lambda protocol: changed(
        protocol, "main", liquidation_incentive=10 * WAD, close_factor=10 * WAD
    ),
    "caps without end": lambda protocol: changed(protocol, "main", "ETH", supply_cap=NO_CAP, borrow_cap=NO_CAP),
}


@pytest.mark.parametrize("model", ["reference", "venus"])
@pytest.mark.parametrize("odd", ODD)
def test_odd_protocols_are_no_reason_to_fail(odd: str, model: str) -> None:
    """Every condition is tried on every odd protocol: a run that replays, or none."""
    minimal = load_protocol("minimal").model_copy(update={"model": model})
    head = ODD[odd](minimal)
    for name, label in SCENARIOS:
        if name == model:
            for pool, asset in (("main", "ETH"), ("main", None), ("main", "none"), ("none", "ETH")):
                for base in (minimal, head):
                    trace = breach(label, base, head, pool, asset)
                    assert trace is None or replays(trace)


def test_a_pool_with_one_market() -> None:
    """Interest, or governance where there is none, brings the borrower to the edge."""
    minimal = load_protocol("minimal")
    base = ODD["one market"](minimal)
    for slope in (5 * WAD // 100, 0):
        rates = {"kind": "white-paper", "base_rate_per_year": "0", "multiplier_per_year": str(slope)}
        here = changed(base, "main", "ETH", rate_model=rates | {"slots_per_year": 31_536_000})
        market = here.pools[0].markets[0]
        head = changed(here, "main", "ETH", liquidation_threshold=market.liquidation_threshold - 1)
        trace = replays(breach(THRESHOLD_FALLS, here, head, "main", "ETH"))
        assert ("pass_time" in {step.action for step in trace.runs[0]}) == (slope > 0)


# --- the tables --------------------------------------------------------------------------------------------


def test_every_condition_of_a_region_has_its_invariants() -> None:
    """The tables name conditions of the models and invariants of their catalogues, and every promise that is there."""
    for name in (*REFERENCE, "every-channel", *VENUS[:1]):
        protocol = load_protocol(name)
        model, catalogue = registry.of(protocol)
        for label, _ in model.admissible(model.build(protocol)):
            assert (model.name, label) in BREAKS, label
        ids = {invariant.id for invariant in catalogue}
        if name in {"every-channel", *VENUS}:
            assert {each for (of, _), broken in BREAKS.items() if of == model.name for each in broken} <= ids
    assert set(SCENARIOS) <= set(BREAKS)
    assert set(SCENARIOS) >= EXACT
    assert all(scenario.promise in OUTCOMES for scenarios in SCENARIOS.values() for scenario in scenarios)


@pytest.mark.parametrize(
    "ratio", [WAD, 11 * WAD // 10, 1_111_111_111_111_111_112, 1_136_363_636_363_636_364, 3 * WAD // 7]
)
def test_an_amount_without_a_remainder(ratio: int) -> None:
    """No smaller amount's product exceeds an integer by less, for its size."""
    for most in (7, 100, 999):
        amount = without_remainder(ratio, most)
        assert 1 <= amount <= most
        least = min(Fraction(ratio * each % WAD, each) for each in range(1, most + 1))
        assert Fraction(ratio * amount % WAD, amount) == least
    with pytest.raises(Ended):
        without_remainder(ratio, 0)

"""The catalogue holds along random runs of the shipped protocols, and where prices age and are bounded."""

from __future__ import annotations

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.models.reference import REFERENCE
from poolproof.proofs.fuzz import fuzz
from poolproof.spec.loading import load_protocol, read_protocol
from poolproof.spec.protocol import Protocol


def with_ageing_prices() -> Protocol:
    """The minimal protocol, with prices that grow stale and that count only up to a bound."""
    config = load_protocol("minimal").canonical_json()
    for market in config["pools"][0]["markets"]:
        market["max_price_age"] = 100_000
        market["price_bound"] = str(int(market["price"]) * 5 // 4)
    return read_protocol(config, "ageing prices")


PROTOCOLS = {
    "minimal": (load_protocol("minimal"), 20_000),
    "ageing prices": (with_ageing_prices(), 20_000),
    "liquid-staked-bnb": (load_protocol("liquid-staked-bnb"), 10_000),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_invariant_fails(name: str) -> None:
    """Every clause, scenarios included, after actions that mostly succeed."""
    protocol, steps = PROTOCOLS[name]
    report = fuzz(REFERENCE, protocol, CATALOGUE, steps=steps, seed=20)
    assert not [trace.to_json() for trace in report.violations]
    assert report.succeeded > 0.7 * steps

"""Satellites and their routes: two markets with two roles, and a main pool that lists the loan asset."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolproof.spec.errors import UsageError
from poolproof.spec.loading import parse_protocol

TEXT = (Path(__file__).parents[1] / "dual_pool.toml").read_text(encoding="utf-8")
ROLES = 'give the collateral borrow_cap = "0", and the loan asset ltv and liquidation_threshold "0"'
TWO = 'list one collateral and one loan asset, or write kind = "isolated"'


def refusal_of(old: str, new: str) -> str:
    """What is said of the file with its last passage of a text changed."""
    head, found, tail = TEXT.rpartition(old)
    assert found
    with pytest.raises(UsageError) as caught:
        parse_protocol(head + new + tail, "dual.toml")
    return str(caught.value)


def test_a_satellite_says_what_it_takes_and_what_it_lends() -> None:
    """The asset with a borrow cap of 0 is the collateral, the other one the bridge."""
    satellite = parse_protocol(TEXT, "dual.toml").pools[1]
    assert (satellite.collateral, satellite.bridge, satellite.main) == ("weETH", "ETH", "main")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('borrow_cap = "0"', 'borrow_cap = "1"'),
        ('ltv = "0"\nliquidation_threshold = "0"', 'ltv = "0"\nliquidation_threshold = "1"'),
        ('ltv = "0"\nliquidation_threshold = "0"', 'ltv = "1"\nliquidation_threshold = "0"'),
        ('borrow_cap = "9000000000000000000000"', 'borrow_cap = "0"'),
    ],
)
def test_the_markets_of_a_satellite_have_one_role_each(old: str, new: str) -> None:
    """One is collateral and never lent, the other is lent and no collateral."""
    said = refusal_of(old, new)
    assert "pools[1].markets: " in said
    assert said.endswith(f"are not one collateral and one loan asset; {ROLES}")


def test_a_satellite_has_two_markets() -> None:
    """A third one needs another kind of pool."""
    market = TEXT[TEXT.index("[[pools.markets]]") : TEXT.index('[[pools]]\nid = "staked"')]
    third = market[market.index("[[pools.markets]]", 1) :]
    with pytest.raises(UsageError, match="are not the two markets without a line that a satellite has") as caught:
        parse_protocol(f"{TEXT}\n{third}", "dual.toml")
    assert str(caught.value).endswith(TWO)


def test_a_satellite_draws_on_no_line() -> None:
    """What it lends is its own suppliers'."""
    said = refusal_of('borrow_cap = "9000000000000000000000"\n', 'borrow_cap = "1"\nline = { limit = "1" }\n')
    assert said.endswith(f"are not the two markets without a line that a satellite has; {TWO}")


def test_only_a_satellite_has_a_route() -> None:
    """Another pool has no one asset that it lends."""
    said = refusal_of('kind = "satellite"\n', "")
    assert said.endswith('is a route, which only a satellite has; write kind = "satellite", or remove it')


@pytest.mark.parametrize("name", ["nowhere", "staked"])
def test_a_route_leads_to_an_isolated_pool_of_the_file(name: str) -> None:
    """Not to a satellite, and not out of the file."""
    said = refusal_of('main = "main"', f'main = "{name}"')
    assert f'pools[1].main: "{name}" is not the id of an isolated pool; ' in said


def test_a_main_pool_lists_the_bridge() -> None:
    """Otherwise what the satellite lends could not become collateral there."""
    head, tail = TEXT.split('[[pools]]\nid = "staked"')
    with pytest.raises(UsageError) as caught:
        parse_protocol(head.replace('"ETH"', '"BTC"') + '[[pools]]\nid = "staked"' + tail, "dual.toml")
    said = 'does not list the loan asset of the satellite; list "ETH" in that pool, or remove main'
    assert str(caught.value).endswith(said)


def test_a_main_pool_has_no_credit_lines() -> None:
    """The claims about routes are proved for pools that lend what they have."""
    core = TEXT[TEXT.index('[[pools]]\nid = "main"') : TEXT.index('[[pools]]\nid = "staked"')]
    core = core.replace('id = "main"', 'id = "core"\nkind = "core"')
    lined = TEXT.replace(
        'borrow_cap = "18000000000000"\n', 'borrow_cap = "18000000000000"\nline = { limit = "1" }\n', 1
    )
    with pytest.raises(UsageError, match="draws on a credit line; remove the lines of that pool, or remove main"):
        parse_protocol(f"{lined}\n{core}", "dual.toml")

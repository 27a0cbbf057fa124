"""The embedded JSON is the file in another notation: nothing moves on the way there and back."""

import json
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError
from poolproof.spec.fields import LARGEST_AMOUNT
from poolproof.spec.loading import (
    parse_protocol,
    read_protocol,
)
from poolproof.spec.protocol import Protocol

ACCEPTED = """
[[accepted]]
invariant = "LIQ-2"
reason = "the incentive is high on purpose"
weakened = "LIQ-2-w"
"""


def amounts(largest: int, least: int = 0) -> st.SearchStrategy[int]:
    """Amounts over the whole range, the bounds often."""
    return st.one_of(st.integers(least, largest), st.sampled_from([least, largest]))


NAMES = st.text("abcXYZ019._-", min_size=1, max_size=64)
LINES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(
    lambda text: text.isprintable() and bool(text.strip())
)
FACTORS = amounts(10 * WAD)
YEARLY = amounts(1000 * WAD)
STRAIGHT: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just("white-paper"),
    "jump_multiplier_per_year": st.just(0),
}
RATE_MODEL: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just("jump"),
    "base_rate_per_year": YEARLY,
    "multiplier_per_year": YEARLY,
    "jump_multiplier_per_year": YEARLY,
    "kink": FACTORS,
    "slots_per_year": st.integers(1, 2**30),
}
MARKET: dict[str, st.SearchStrategy[Any]] = {
    "asset": NAMES,
    "decimals": st.integers(0, 36),
    "price": amounts(2**128),
    "ltv": FACTORS,
    "liquidation_threshold": FACTORS,
    "reserve_factor": FACTORS,
    "supply_cap": amounts(LARGEST_AMOUNT),
    "borrow_cap": amounts(LARGEST_AMOUNT),
    "rate_model": st.one_of(st.fixed_dictionaries(RATE_MODEL), st.fixed_dictionaries(RATE_MODEL | STRAIGHT)),
}
MARKET_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "price_bound": amounts(2**128),
    "max_price_age": st.integers(0, 2**30),
    "virtual_shares": amounts(2**256 - 1, 1),
    "share_limit": amounts(2**256 - 1, 1),
    "index_ceiling": amounts(2**256 - 1, WAD),
    "max_rate": amounts(WAD),
    "wallet": amounts(LARGEST_AMOUNT),
}
POOL: dict[str, st.SearchStrategy[Any]] = {
    "id": NAMES,
    "close_factor": FACTORS,
    "liquidation_incentive": FACTORS,
    "dust_value": amounts(2**160),
    "markets": st.lists(
        st.fixed_dictionaries(MARKET, optional=MARKET_OPTIONS),
        min_size=1,
        max_size=3,
        unique_by=lambda market: market["asset"],
    ),
}
SHARED = ("decimals", "price", "price_bound", "max_price_age")
"""What the markets of one asset share."""


def agreeing(data: dict[str, Any]) -> dict[str, Any]:
    """Give an asset that several pools list the decimals and the feed of its first market."""
    first: dict[str, Any] = {}
    for market in (market for pool in data["pools"] for market in pool["markets"]):
        known = first.setdefault(market["asset"], {key: market[key] for key in SHARED if key in market})
        for key in SHARED:
            market.pop(key, None)
        market.update(known)
    return data


FINDING: dict[str, st.SearchStrategy[Any]] = {"invariant": NAMES, "reason": LINES}
FINDING_OPTIONS: dict[str, st.SearchStrategy[Any]] = {"expires": st.dates(), "owner": LINES}
PROTOCOLS = (
    st.fixed_dictionaries(
        {
            "schema": st.just("poolproof.protocol/1"),
            "name": st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,3}", fullmatch=True),
            "title": LINES,
            "source": LINES,
            "horizon": st.integers(1, 2**30),
            "pools": st.lists(st.fixed_dictionaries(POOL), min_size=1, max_size=2, unique_by=lambda pool: pool["id"]),
        },
        optional={
            "model": NAMES,
            "users": st.lists(NAMES, min_size=1, max_size=5, unique=True),
            "accepted": st.lists(
                st.one_of(
                    st.fixed_dictionaries(FINDING | {"weakened": NAMES}, optional=FINDING_OPTIONS),
                    st.fixed_dictionaries(FINDING | {"depth": st.integers(1, 10**6)}, optional=FINDING_OPTIONS),
                ),
                max_size=2,
                unique_by=lambda entry: entry["invariant"],
            ),
        },
    )
    .map(agreeing)
    .map(Protocol.model_validate)
)


def as_toml(data: dict[str, Any], header: str = "") -> str:
    """Write canonical JSON as TOML, tables last."""
    tables = {key: value for key, value in data.items() if isinstance(value, dict) or is_table_list(value)}
    text = "".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in data.items() if key not in tables
    )
    for key, value in tables.items():
        name = f"{header}.{key}" if header else key
        entries = value if isinstance(value, list) else [value]
        brackets = ("[[", "]]") if isinstance(value, list) else ("[", "]")
        text += "".join(f"\n{brackets[0]}{name}{brackets[1]}\n{as_toml(each, name)}" for each in entries)
    return text


def is_table_list(value: object) -> bool:
    """Tell a list of tables from a list of names."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


@given(PROTOCOLS)
def test_canonical_json_is_read_back_exactly(protocol: Protocol) -> None:
    """A trace embeds the whole protocol: through JSON text and back, nothing moves."""
    data = protocol.canonical_json()
    through = json.loads(json.dumps(data))
    assert Protocol.model_validate(data) == protocol
    assert read_protocol(through, "trace.json") == protocol
    assert read_protocol(through, "trace.json").canonical_json() == data
    assert Protocol.model_validate_json(json.dumps(data)) == protocol


@given(PROTOCOLS)
def test_a_protocol_written_as_toml_is_read_back_exactly(protocol: Protocol) -> None:
    """The file and the embedded JSON are one format in two notations."""
    assert parse_protocol(as_toml(protocol.canonical_json()), "written.toml") == protocol


@given(PROTOCOLS)
def test_canonical_json_has_no_number_where_an_amount_belongs(protocol: Protocol) -> None:
    """Integers in it are counts, small enough for every reader of JSON."""

    def numbers(value: object) -> list[int]:
        if isinstance(value, dict):
            return [each for entry in value.values() for each in numbers(entry)]
        if isinstance(value, list):
            return [each for entry in value for each in numbers(entry)]
        assert not isinstance(value, float)
        return [value] if isinstance(value, int) else []

    assert max(numbers(protocol.canonical_json())) <= 2**30


@given(st.data())
def test_a_damaged_file_loads_or_is_refused_in_visible_lines(data: st.DataObject) -> None:
    """Whatever a stranger changes, there is a protocol or a message, and never another exception."""
    text = (files("poolproof.spec") / "protocols" / "minimal.toml").read_text(encoding="utf-8") + ACCEPTED
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        piece = st.one_of(
            st.text(max_size=20), st.sampled_from(['"', "[", "]", "{", "=", "\n", ".", "1", "nan", "'''"])
        )
        text = text[:start] + data.draw(piece) + text[end:]
    lines: list[str] = []
    try:
        protocol = parse_protocol(text, "damaged.toml")
    except UsageError as error:
        lines = str(error).split("\n")
    else:
        assert Protocol.model_validate(protocol.canonical_json()) == protocol
    assert all(line.isprintable() and line.startswith(("damaged.toml", "and ")) for line in lines)


@given(written=st.text(max_size=90))
@example(written="0")
@example(written="\u0660")
@example(written="1\n")
def test_an_amount_loads_exactly_when_it_is_written_plainly(written: str, good: str) -> None:
    """The only text of a number is the one that Python writes."""
    data = tomllib.loads(good)
    data["pools"][0]["markets"][0]["price"] = written
    plain = written.isascii() and written.isdigit() and str(int(written)) == written and int(written) <= 2**128
    if plain:
        assert read_protocol(data, "x").pools[0].markets[0].price == int(written)
    else:
        with pytest.raises(UsageError):
            read_protocol(data, "x")


def test_a_trace_whose_amounts_are_numbers_is_refused(good: str) -> None:
    """JSON numbers above 2^53 have been rounded by some writer; no such trace is believed."""
    data = parse_protocol(good, "good.toml").canonical_json()
    data["pools"][0]["markets"][0]["price"] = 10**18
    with pytest.raises(UsageError, match="stands without quotes"):
        read_protocol(data, "trace.json")
    with pytest.raises(ValidationError):
        Protocol.model_validate_json(json.dumps(data))


@pytest.mark.parametrize("data", [[], None, "protocol", 7])
def test_json_that_is_not_an_object_is_refused(data: object) -> None:
    """A trace's configuration is an object."""
    with pytest.raises(UsageError, match=r"trace\.json: .* is not a protocol; write an object"):
        read_protocol(data, "trace.json")


def test_a_protocol_cannot_be_changed(good: str) -> None:
    """Proofs and caches rely on what they have read."""
    protocol = parse_protocol(good, "good.toml")
    with pytest.raises(ValidationError):
        protocol.name = "other"
    assert hash(protocol) == hash(parse_protocol(good, "other.toml"))

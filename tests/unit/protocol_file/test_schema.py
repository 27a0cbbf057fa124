"""The JSON Schema of protocol files accepts what loads, and refuses what a schema can refuse."""

import tomllib
from importlib.resources import files
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest

from poolproof.spec.loading import load_protocol, shipped_protocols
from poolproof.spec.schema import json_schema

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def shipped_data(name: str) -> dict[str, Any]:
    """The parsed text of a shipped file."""
    return tomllib.loads((files("poolproof.spec") / "protocols" / f"{name}.toml").read_text(encoding="utf-8"))


def test_the_schema_is_a_valid_schema() -> None:
    """It names its dialect, and follows it."""
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", shipped_protocols())
def test_shipped_files_are_valid(name: str) -> None:
    """So is the canonical JSON that a trace embeds."""
    VALIDATOR.validate(shipped_data(name))
    VALIDATOR.validate(load_protocol(name).canonical_json())


def test_every_field_is_described() -> None:
    """An editor shows the meaning, and of each decimal string the unit."""
    schema = json_schema()
    fields = {
        (name, key): field
        for name, table in (("Protocol", schema), *schema["$defs"].items())
        for key, field in table["properties"].items()
    }
    assert len(fields) > 40
    for place, field in fields.items():
        assert field.get("description"), place
        if field.get("pattern", "").startswith(("^(0|", "^[1-9]")):
            assert "[" in field["description"], f"{place} has no unit in brackets"


def test_defaults_are_written_as_a_file_writes_them() -> None:
    """Amounts are quoted, counts are not, and what is derived or absent has no default."""
    market = json_schema()["$defs"]["MarketConfig"]["properties"]
    assert market["virtual_shares"]["default"] == "1"
    assert market["max_price_age"]["default"] == 0
    assert "default" not in market["wallet"]
    assert "default" not in json_schema()["$defs"]["Accepted"]["properties"]["weakened"]


BAD_AMOUNTS = (
    "1_000",
    "+5",
    "0x10",
    "1e18",
    " 5",
    "5.0",
    "-1",
    "",
    "007",
    "\u0661",
    "9" * 81,
    1000,
    1.5,
    True,
    None,
)


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_bad_amount_is_invalid(amount: object) -> None:
    """What the loader refuses of a decimal string, an editor marks while it is typed."""
    data = shipped_data("minimal")
    data["pools"][0]["markets"][0]["supply_cap"] = amount
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "poolproof.protocol/2"),
        (("name",), "Upper Case"),
        (("title",), ""),
        (("title",), "a\nb"),
        (("horizon",), 0),
        (("horizon",), "1000"),
        (("horizon",), True),
        (("users",), []),
        (("users",), ["a b"]),
        (("pools",), []),
        (("typo",), 1),
        (("pools", 0, "markets"), []),
        (("pools", 0, "id"), "x" * 65),
        (("pools", 0, "markets", 0, "decimals"), 37),
        (("pools", 0, "markets", 0, "virtual_shares"), "0"),
        (("pools", 0, "markets", 0, "rate_model", "kind"), "two-kinks"),
        (("pools", 0, "markets", 0, "rate_model", "kind"), "white-paper"),
        (("pools", 0, "markets", 0, "rate_model"), {"kind": "jump"}),
        (("accepted",), [{"invariant": "LIQ-2", "reason": "x"}]),
        (("accepted",), [{"invariant": "LIQ-2", "reason": "x", "weakened": "LIQ-2-w", "depth": 3}]),
        (("accepted",), [{"invariant": "LIQ-2", "reason": "x", "depth": 0}]),
        (("accepted",), [{"invariant": "LIQ-2", "reason": "x", "depth": 3, "expires": "soon"}]),
    ],
)
def test_a_bad_file_is_invalid(path: tuple[str | int, ...], value: object) -> None:
    """Types, names, ranges of counts, the jump and the acceptance are all in the schema."""
    data: Any = shipped_data("minimal")
    target = data
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    assert not VALIDATOR.is_valid(data)


def test_an_acceptance_is_valid() -> None:
    """Exactly one of the weaker claim and the depth."""
    data = shipped_data("minimal")
    data["accepted"] = [
        {"invariant": "LIQ-2", "reason": "x", "weakened": "LIQ-2-w", "expires": "2027-01-31"},
        {"invariant": "LIQ-4", "reason": "x", "depth": 3, "owner": "risk team"},
    ]
    VALIDATOR.validate(data)

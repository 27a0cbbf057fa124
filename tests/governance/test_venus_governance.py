"""Each proposal of Venus governance is a pair of protocol files that differ in exactly what its rows say."""

from __future__ import annotations

import copy
import gzip
import importlib
import io
import json
import sys
import tarfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from poolproof.models.deployed.venus.pools import SEVERAL
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import parse_protocol
from poolproof.spec.protocol import Protocol

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tools"))
tool: Any = importlib.import_module("venus_governance")
reader: Any = importlib.import_module("venus_proposals")

PAIRS = HERE / "venus.tar.xz"
DOCUMENT = ROOT / "docs" / "findings" / "venus-governance.md"
KEYS = {
    "collateralFactor": "ltv",
    "liquidationThreshold": "liquidation_threshold",
    "reserveFactor": "reserve_factor",
    "supplyCap": "supply_cap",
    "borrowCap": "borrow_cap",
    "kink": "rate_model/kink",
    "baseRatePerYear": "rate_model/base_rate_per_year",
    "multiplierPerYear": "rate_model/multiplier_per_year",
    "jumpMultiplierPerYear": "rate_model/jump_multiplier_per_year",
}
"""Where a protocol file has each parameter of the rows; written down a second time, to check the tool by."""

Values = dict[str, object]


def sources() -> dict[str, Any]:
    """The deployment values of all networks, and the rows of the proposals."""
    data: dict[str, Any] = json.loads(gzip.decompress((HERE / "venus.json.gz").read_bytes()))
    return data


def shipped() -> dict[str, str]:
    """The files of the archive by their names."""
    with tarfile.open(PAIRS) as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: file.read().decode() for name, file in found.items() if file is not None}


FILES = shipped()
ROWS: list[dict[str, Any]] = sources()["changes"]["changes"]
NAMES = sorted({name.partition("/")[0] for name in FILES if "/" in name})


def loaded(name: str, side: str) -> Protocol:
    """One side of a pair."""
    return parse_protocol(FILES[f"{name}/{side}.toml"], f"{name}/{side}.toml")


def values(protocol: Protocol, *, said: bool = True) -> Values:
    """Every value of a protocol by its place, pools and markets by their names; ``said``: what the file says alone."""
    data = protocol.model_dump(mode="json", by_alias=True, exclude_unset=said)
    found: Values = {}

    def walk(place: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                walk(f"{place}/{key}" if place else key, each)
        elif isinstance(value, list):
            for number, each in enumerate(value):
                name = each.get("id") or each.get("asset") if isinstance(each, dict) else None
                walk(f"{place}/{name or number}", each)
        else:
            found[place] = value

    walk("", data)
    return found


def differences(name: str, *, said: bool = True) -> dict[str, tuple[object, object]]:
    """What differs between the two sides of a pair, by place."""
    base, head = (values(loaded(name, side), said=said) for side in ("base", "head"))
    return {key: (base.get(key), head.get(key)) for key in base | head if base.get(key) != head.get(key)}


def expected(name: str) -> dict[str, tuple[str | None, str]]:
    """What the rows say, by place: the value that they call old, if they do, and the new one; pauses aside."""
    pools = {pool["id"]: pool for pool in sources()["venus"]["networks"]["bscmainnet"]["pools"]}
    found: dict[str, tuple[str | None, str]] = {}
    for row in ROWS:
        if f"vip-{row['vip']}-{row['chain']}" != name or row["parameter"] == "actionsPaused":
            continue
        for pool in row["pool"].split(", "):
            decimals = {each["underlying"]: int(each["underlyingDecimals"]) for each in pools[pool]["markets"]}
            asset = {"HAY": "lisUSD"}.get(row["market"], row["market"])
            for each in decimals if asset == "12 markets" else (asset,):
                unit = 10 ** (18 if row["unit"] == "fraction" else decimals[each])
                old, new = (None if row[of] is None else f"{Decimal(row[of]) * unit:.0f}" for of in ("old", "new"))
                assert new is not None
                found[f"pools/{pool}/markets/{each}/{KEYS[row['parameter']]}"] = (old, new)
    return found


def deployed(place: str) -> str:
    """The deployment's value at a place."""
    _, pool, _, asset, *_ = place.split("/")
    pools = {each["id"]: each for each in sources()["venus"]["networks"]["bscmainnet"]["pools"]}
    market = next(each for each in pools[pool]["markets"] if each["underlying"] == asset)
    parameter = next(name for name, key in KEYS.items() if place.endswith(f"/{asset}/{key}"))
    return str((market["rateModel"] if "rate_model" in KEYS[parameter] else market)[parameter])


def test_the_pairs_are_what_the_tool_writes() -> None:
    """Nobody edits them by hand."""
    data = sources()
    assert tool.files_of(reader.written(data["venus"], data["changes"])) == FILES


def test_an_archive_is_the_same_for_the_same_files() -> None:
    """No times and owners in it."""
    packed = tool.archive({"a/b.toml": "x = 1\n"})
    assert packed == tool.archive({"a/b.toml": "x = 1\n"})
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert [(member.name, member.mtime) for member in tar] == [("a/b.toml", 0)]


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_differs_in_exactly_the_rows_of_its_proposal(name: str) -> None:
    """Both sides load; what differs is what the rows say, from the value that they call old, or the deployment's."""
    rows = expected(name)
    from_old = {place: (old or deployed(place), new) for place, (old, new) in rows.items()}
    assert differences(name) == {place: pair for place, pair in from_old.items() if pair[0] != pair[1]}
    untouched = values(loaded(name, "base"))
    assert {place: untouched[place] for place in rows} == {place: old for place, (old, _) in from_old.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_default_follows_a_supply_cap_and_nothing_else(name: str) -> None:
    """The wallets of concrete runs are derived from the cap: they differ too, though no proposal says so."""
    silent = differences(name, said=False).keys() - differences(name).keys()
    caps = {place for place in differences(name) if place.endswith("/supply_cap")}
    assert silent == {place.replace("/supply_cap", "/wallet") for place in caps}


def test_a_base_has_the_values_of_the_deployment_otherwise() -> None:
    """All pools of the network but what the rows touch are those of the shipped protocols."""
    for name in NAMES:
        base, rows = values(loaded(name, "base")), expected(name)
        for place, value in base.items():
            if (
                place.startswith("pools/")
                and place not in rows
                and place.split("/")[-1] in {"ltv", "supply_cap", "kink"}
            ):
                assert value == deployed(place)


def test_every_row_is_somewhere() -> None:
    """158 rows: each is expressed, already so, or not expressible, once for every market that it changes."""
    summary = json.loads(FILES["proposals.json"])
    assert len(ROWS) == 158
    assert len(NAMES) == len(summary) == 14
    seen: dict[int, int] = {}
    for proposal in summary:
        for state in ("expressed", "already_so", "not_expressible"):
            for change in proposal[state]:
                seen[change["row"]] = seen.get(change["row"], 0) + 1
    assert sorted(seen) == list(range(158))
    assert {row: count for row, count in seen.items() if count > 1} == dict.fromkeys(range(154, 158), 21)
    total = {
        state: sum(len(each[state]) for each in summary) for state in ("expressed", "already_so", "not_expressible")
    }
    assert total == {"expressed": 212, "already_so": 3, "not_expressible": 23}
    assert {ROWS[each["row"]]["parameter"] for every in summary for each in every["not_expressible"]} == {
        "actionsPaused"
    }


def test_what_the_texts_call_old_is_often_not_the_deployment() -> None:
    """12 rows do not state it; 64 of the others state something else, 2 of them of the market that was called HAY."""
    assert sum(row["old"] is None for row in ROWS) == 12
    stated = {(name, place): old for name in NAMES for place, (old, _) in expected(name).items() if old is not None}
    assert len(stated) == 146
    other = [place for (_, place), old in stated.items() if old != deployed(place)]
    renamed = [place for place in expected("vip-142-bscmainnet") if "/lisUSD/" in place]
    assert len(other) == 64
    assert len(renamed) == 6
    assert len([place for place in renamed if stated["vip-142-bscmainnet", place] != deployed(place)]) == 2


def test_five_changes_lower_a_liquidation_threshold() -> None:
    """Accounts that were healthy become liquidatable by them."""
    lowered = [
        (name, place.split("/")[1], place.split("/")[3])
        for name in NAMES
        for place, (old, new) in differences(name).items()
        if place.endswith("/liquidation_threshold") and int(str(new)) < int(str(old))
    ]
    assert sorted(lowered) == [
        ("vip-142-bscmainnet", "DeFi", "USDT"),
        ("vip-142-bscmainnet", "GameFi", "USDT"),
        ("vip-142-bscmainnet", "Stablecoins", "USDT"),
        ("vip-142-bscmainnet", "Tron", "USDT"),
        ("vip-424-bscmainnet", "DeFi", "PLANET"),
    ]


def test_one_base_is_outside_what_the_setters_allow() -> None:
    """VIP-375 calls a factor of 75 % old, which another proposal had set together with its threshold."""
    summary = json.loads(FILES["proposals.json"])
    broken = {each["name"]: each[side] for each in summary for side in ("base", "head")}
    outside = {
        (each["name"], side): each[side]["outside_the_setters_bounds"]
        for each in summary
        for side in ("base", "head")
        if each[side]["outside_the_setters_bounds"]
    }
    assert not [name for name, found in broken.items() if found["refused"]]
    assert outside == {
        ("vip-375-bscmainnet", "base"): ["LiquidStakedBNB/stkBNB: not collateral factor <= liquidation threshold"]
    }


def test_the_document_has_the_table_of_the_tool() -> None:
    """The generated part of the file in docs is the one that the tool writes."""
    data = sources()
    document = DOCUMENT.read_text(encoding="utf-8")
    assert tool.replaced(document, tool.table(reader.written(data["venus"], data["changes"]))) == document


# --- other networks ---------------------------------------------------------------------------------------


def made_up(network: str, **row: object) -> dict[str, Any]:
    """One proposal of one row."""
    about = sources()["changes"]["_about"]
    default = {"vip": "1", "title": "VIP-1 Made up", "chain": network, "old": None, "new": "0.5", "unit": "fraction"}
    return {"_about": about, "changes": [default | {"parameter": "reserveFactor"} | row]}


@pytest.mark.parametrize("network", sorted(sources()["venus"]["networks"]))
def test_every_pool_of_every_network_can_be_proposed_for(network: str) -> None:
    """All markets that a file can say are in it, with their own slots, and the model of the contracts builds them."""
    venus = sources()["venus"]
    pools = ", ".join(pool["id"] for pool in venus["networks"][network]["pools"])
    (proposal,) = reader.written(venus, made_up(network, pool=pools, market="99 markets"))
    protocol = parse_protocol(proposal.head, "head.toml")
    markets = [market for pool in protocol.pools for market in pool.markets]
    listed = [market for pool in venus["networks"][network]["pools"] for market in pool["markets"]]
    left_out = [note for note in proposal.notes if " is left out: " in note]
    assert len(markets) + len(left_out) == len(listed)
    assert len(proposal.not_expressible) == len(left_out)
    assert {market.reserve_factor for market in markets} == {5 * 10**17}
    assert SEVERAL.build(protocol).markets.keys() == {
        f"{pool.id}/{each.asset}" for pool in protocol.pools for each in pool.markets
    }
    seconds = "time-based" in venus["networks"][network]["blocksPerYear"]
    assert {market.max_rate for market in markets} == {1_666_700_000_000 if seconds else 5_000_000_000_000}
    assert {market.rate_model.slots_per_year == 31_536_000 for market in markets} == {seconds}


@pytest.mark.parametrize(
    ("network", "pool", "asset", "why"),
    [
        ("ethereum", "Core", "USDS", "in the source, initialSupply is NaN, supplyCap is NaN, borrowCap is NaN"),
        ("ethereum", "Core", "sUSDe", "in the source, initialSupply is NaN, supplyCap is NaN"),
        ("arbitrumone", "Core", "gmETH", "in the source, underlyingDecimals is None"),
        ("basemainnet", "Core", "USDC", "a protocol file has no TwoKinksInterestRateModel"),
    ],
)
def test_a_proposal_for_a_market_that_is_left_out_says_so(network: str, pool: str, asset: str, why: str) -> None:
    """In the file, in the summary and in the table."""
    (proposal,) = reader.written(sources()["venus"], made_up(network, pool=pool, market=asset))
    assert [each.why_not for each in proposal.not_expressible] == [f"the market is left out: {why}"]
    assert f"{pool}/{asset} is left out: {why}" in proposal.notes
    assert f"not in this file: reserveFactor = 0.5 of {pool}/{asset}" in " ".join(proposal.head.split("#  "))
    assert why in tool.table([proposal])
    assert tool.as_data(proposal)["expressed"] == []


def test_ten_values_of_ethereum_are_no_numbers() -> None:
    """They are of four markets; six more of other networks have a curve that no file has."""
    venus = sources()["venus"]
    left_out = {network: reader.pools_of(venus, network)[1] for network in venus["networks"]}
    assert sum(why.count("NaN") for why in left_out["ethereum"].values()) == 10
    assert sorted(place for place, why in left_out["ethereum"].items() if "NaN" in why) == [
        "Core/USDS", "Core/USDe", "Core/sUSDS", "Core/sUSDe",
    ]  # fmt: skip
    assert [place for place, why in left_out["arbitrumone"].items() if "None" in why] == ["Core/gmETH", "Core/gmBTC"]
    assert not left_out["bscmainnet"]


# --- rows that cannot be taken as they are ----------------------------------------------------------------


def test_a_parameter_that_no_file_has_is_never_dropped() -> None:
    """It is not expressible, with its reason."""
    row = {"pool": "BTC", "market": "BTCB", "parameter": "flashLoanFee", "new": "1"}
    (proposal,) = reader.written(sources()["venus"], made_up("bscmainnet", **row))
    assert [each.why_not for each in proposal.not_expressible] == ["no field of a protocol file is known for it"]


def test_a_market_that_was_never_deployed_is_named() -> None:
    """A row about it changes no other."""
    row = {"pool": "BTC", "market": "DOGE"}
    (proposal,) = reader.written(sources()["venus"], made_up("bscmainnet", **row))
    assert [each.why_not for each in proposal.not_expressible] == ["no such market was deployed"]


def test_two_rows_for_one_value_stop_the_tool() -> None:
    """Which of them is the last is not the tool's to say."""
    changes = made_up("bscmainnet", pool="BTC", market="BTCB")
    changes["changes"] *= 2
    with pytest.raises(ValueError, match="vip-1-bscmainnet: BTC/BTCB reserve_factor is changed twice"):
        reader.written(sources()["venus"], changes)


@pytest.mark.parametrize("value", ["-0.1", "0.1234567890123456789"])
def test_a_value_that_is_no_whole_number_of_units_stops_the_tool(value: str) -> None:
    """Nothing is rounded."""
    with pytest.raises(ValueError, match="is no whole number of units of 1e-18"):
        reader.written(sources()["venus"], made_up("bscmainnet", pool="BTC", market="BTCB", new=value))


def test_a_file_that_the_loader_refuses_is_kept_with_its_message() -> None:
    """A cap beyond what a file can say: the pair is written, the summary has the loader's words."""
    row = {"pool": "BTC", "market": "BTCB", "parameter": "supplyCap", "new": str(2**112), "unit": "whole tokens"}
    (proposal,) = reader.written(sources()["venus"], made_up("bscmainnet", **copy.deepcopy(row)))
    refused = tool.as_data(proposal)["head"]["refused"]
    assert "supply_cap" in refused
    assert refused in tool.table([proposal])
    with pytest.raises(UsageError, match="is above the largest allowed value"):
        parse_protocol(proposal.head, "head.toml")

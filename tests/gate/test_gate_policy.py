"""Policies: each rule kept and broken, and whose policy counts for what."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from poolproof.gate.policy import Ruling
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import parse_protocol

sys.path.append(str(Path(__file__).parent))
gates: Any = import_module("gates")
CAP = ("main/ETH", "supply_cap", "11000000000000000000000")  # from 10,000
FALL = ("main/ETH", "liquidation_threshold", "840000000000000000")  # from 0.85


def policy(*rules: str, top: str = "") -> str:
    """A policy at the end of a file."""
    return f"\n[policy]\n{top}\n" + "".join(f"\n[[policy.{rule}" for rule in rules)


def rule(parameter: str, **limits: object) -> str:
    """A rule of change."""
    lines = [
        f"{key} = {value if isinstance(value, int) else chr(34) + str(value) + chr(34)}"
        for key, value in limits.items()
    ]
    return "\n".join(("changes]]", f'parameter = "{parameter}"', *lines, ""))


def rulings(report: Any) -> list[tuple[str, bool]]:
    """What the policy says, by rule."""
    return [(each.rule, each.ok) for each in report.rulings]


@pytest.mark.parametrize(
    ("edit", "limits", "said", "ok"),
    [
        (CAP, {"most_rise": "1000000000000000000000"}, "largest rise", True),
        (CAP, {"most_rise": "999999999999999999999"}, "largest rise", False),
        (CAP, {"most_rise_share": "100000000000000000"}, "largest rise, of the value in force", True),
        (CAP, {"most_rise_share": "99999999999999999"}, "largest rise, of the value in force", False),
        ((*CAP[:2], "9000000000000000000000"), {"most_fall": "1000000000000000000000"}, "largest fall", True),
        ((*CAP[:2], "9000000000000000000000"), {"most_fall": "999999999999999999999"}, "largest fall", False),
        ((*CAP[:2], "9000000000000000000000"), {"most_fall_share": "100000000000000000"},
         "largest fall, of the value in force", True),
        ((*CAP[:2], "9000000000000000000000"), {"most_fall_share": "99999999999999999"},
         "largest fall, of the value in force", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("whose", ["both", "head"])
def test_a_change_is_as_large_as_a_rule_allows(
    edit: Any, limits: dict[str, str], said: str, ok: bool, whose: str, tmp_path: Path
) -> None:
    """Also where the proposal brings the rule itself."""
    text = policy(rule("supply_cap", **limits))
    report = gates.after(tmp_path, "minimal", edit, **({"more": text} if whose == "both" else {"much": text}))
    assert rulings(report) == [(said, ok)]
    assert report.open == ok
    each = gates.change(report, "pools[main].markets[ETH].supply_cap")
    assert each.closed == (not ok)
    assert report.rulings[0].line == each.change.line


def test_a_rule_is_of_one_direction(tmp_path: Path) -> None:
    """A limit of falls says nothing of rises."""
    report = gates.after(tmp_path, "minimal", CAP, more=policy(rule("supply_cap", most_fall="1")))
    assert report.rulings == []
    assert report.open


def test_the_proposed_policy_does_not_lift_the_one_in_force(tmp_path: Path) -> None:
    """A proposal that removes a rule, or widens it, is held to it."""
    base = gates.shipped("minimal")
    strict, wide = (policy(rule("supply_cap", most_rise=most)) for most in ("1", "9" * 30))
    for head in ("", wide):
        report = gates.judged(tmp_path, base + strict, gates.edited(base, (CAP,)) + head)
        assert ("largest rise", False) in rulings(report)
        assert not report.open


@pytest.mark.parametrize(
    ("rules", "ok"),
    [
        ((rule("supply_cap", most_rise="1"), rule("supply_cap", pool="main", most_rise="9" * 30)), True),
        ((rule("supply_cap", pool="main", most_rise="1"), rule("supply_cap", asset="ETH", most_rise="9" * 30)), True),
        ((rule("supply_cap", asset="ETH", most_rise="1"),
          rule("supply_cap", pool="main", asset="ETH", most_rise="9" * 30)), True),
        ((rule("supply_cap", most_rise="9" * 30), rule("supply_cap", pool="main", asset="ETH", most_rise="1")), False),
        ((rule("supply_cap", asset="USDC", most_rise="1"),), True),
    ],
)  # fmt: skip
def test_the_nearest_rule_counts(rules: tuple[str, ...], ok: bool, tmp_path: Path) -> None:
    """Of a market, of an asset, of a pool, of all; the order in the file does not matter."""
    for order in (rules, rules[::-1]):
        assert gates.after(tmp_path, "minimal", CAP, more=policy(*order)).open == ok


def test_a_fall_of_a_threshold_that_the_policy_in_force_allows_is_a_warning(tmp_path: Path) -> None:
    """The run is still shown; the one that only the proposal allows closes the gate."""
    text = policy(rule("liquidation_threshold", most_fall="10000000000000000"))
    report = gates.after(tmp_path, "minimal", FALL, more=text)
    assert report.open
    (closing,) = report.closings
    assert closing.lifted
    assert gates.replays(closing)
    assert report.changes[0].notes == ["allowed by the policy in force: the liquidation threshold does not fall"]
    assert not gates.after(tmp_path, "minimal", FALL, much=text).open
    assert not gates.after(tmp_path, "minimal", FALL).open


@pytest.mark.parametrize("limits", [{"most_fall": "9999999999999999"}, {"most_rise": "1"}, {"most_fall": "0"}])
def test_an_allowance_is_a_limit(limits: dict[str, str], tmp_path: Path) -> None:
    """A deeper fall than is allowed, a rule about rises, and a fall of 0 close the gate."""
    assert not gates.after(tmp_path, "minimal", FALL, more=policy(rule("liquidation_threshold", **limits))).open


def test_an_allowance_lifts_nothing_else(tmp_path: Path) -> None:
    """Below the loan-to-value no policy helps."""
    text = policy(rule("liquidation_threshold", most_fall=str(gates.WAD)))
    report = gates.after(tmp_path, "minimal", ("main/ETH", "liquidation_threshold", "750000000000000000"), more=text)
    assert gates.broken(report) == [("0 <= loan-to-value <= liquidation threshold", "main/ETH")]


@pytest.mark.parametrize(
    ("name", "edit", "parameter"),
    [
        ("minimal", ("main/USDC",), "markets"),
        ("minimal", ("main/USDC",), "pools"),
        ("minimal", ("main/ETH", "oracle", "other"), "oracle"),
        ("every-channel", ("mini",), "pools"),
    ],
)
def test_what_else_a_policy_in_force_can_allow(name: str, edit: Any, parameter: str, tmp_path: Path) -> None:
    """Markets and lines that end, and other feeds; the same rule of the proposal lifts nothing."""
    text = policy(rule(parameter))
    allowed = gates.after(tmp_path, name, edit, more=text)
    assert allowed.open, gates.broken(allowed)
    assert all(closing.lifted for closing in allowed.closings)
    assert allowed.closings
    assert not gates.after(tmp_path, name, edit, much=text).open


def test_a_line_that_ends(tmp_path: Path) -> None:
    """Only where the policy in force has a rule of lines."""
    data = gates.data_of(gates.shipped("every-channel"))
    base = gates.toml_of(data)
    del next(market for pool in data["pools"] for market in pool["markets"] if "line" in market)["line"]
    head, text = gates.toml_of(data), policy(rule("line"))
    assert gates.judged(tmp_path, base + text, head).open
    assert not gates.judged(tmp_path, base, head + text).open


def test_days_between_changes(tmp_path: Path) -> None:
    """Counted from the day on which the file in force takes effect; without one nothing is known, and it closes."""
    base = gates.shipped("minimal")
    edited = gates.edited(base, (CAP,))
    text = rule("supply_cap", days=30)
    for until, ok in (("2027-01-31", True), ("2027-01-30", False), ("2026-12-01", False)):
        head = edited + policy(text, top=f"effective = {until}")
        assert gates.judged(tmp_path, base + policy(text, top="effective = 2027-01-01"), head).open == ok
    report = gates.judged(tmp_path, base, edited + policy(text, top="effective = 2027-01-01"))
    assert report.rulings == [
        Ruling(
            "least time since the last change", "pools[main].markets[ETH].supply_cap", "30 days",
            "a file does not say when it takes effect: add policy.effective", ok=False, line=report.changes[0].change.line,
        )
    ]  # fmt: skip


def test_a_margin_of_markets_that_change(tmp_path: Path) -> None:
    """ltv 0.8 and threshold 0.85: a fall of 5.88 % is survived; of 5.882353 % not any more."""
    for margin, ok in (("58823529411764705", True), ("58823529411764706", False)):
        report = gates.after(tmp_path, "minimal", CAP, more=policy(top=f'margin = "{margin}"'))
        assert rulings(report) == [("margin to liquidation", ok)]
        assert report.open == ok
    other = ("main/USDC", "supply_cap", "20000000000001")  # its margin is 5.56 %
    assert not gates.after(tmp_path, "minimal", other, more=policy(top='margin = "58000000000000000"')).open


def test_losses_over_lines(tmp_path: Path) -> None:
    """What a core market can lose when every line fails at once."""
    loss = 'losses]]\npool = "core"\nasset = "USD"\nmost = "{}"\n'
    base = gates.shipped("every-channel")
    markets = [market for pool in gates.data_of(base)["pools"] for market in pool["markets"] if "line" in market]
    limits = [int(market["line"]["limit"]) for market in markets if market["asset"] == "USD"]
    edit = ("mini/USD", "line.limit", str(limits[0] + 7))
    for most, ok in ((sum(limits) + 7, True), (sum(limits) + 6, False)):
        report = gates.after(tmp_path, "every-channel", edit, more=policy(loss.format(most)))
        assert rulings(report) == [("largest loss over credit lines", ok)]
        assert report.open == ok


def test_a_line_that_is_new_is_a_rise_from_nothing(tmp_path: Path) -> None:
    """Its limit is held to the rule of limits."""
    base = gates.data_of(gates.shipped("every-channel"))
    market = next(m for p in base["pools"] if p["id"] == "mini" for m in p["markets"] if m["asset"] == "USD")
    head = gates.toml_of(base)
    limit = int(market.pop("line")["limit"])
    before = gates.toml_of(base)
    for most, ok in ((limit, True), (limit - 1, False)):
        text = policy(rule("line.limit", most_rise=str(most)))
        assert gates.judged(tmp_path, before + text, head + text).open == ok


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (policy(rule("supply_cap", pool="mian", most_rise="1")), '"mian" is not in this file'),
        (policy(rule("supply_cap", pool="main", asset="BTC", most_rise="1")), '"main/BTC" is not in this file'),
        (policy('losses]]\npool = "main"\nasset = "BTC"\nmost = "1"\n'), '"main/BTC" is not in this file'),
        (policy(rule("close_factor", asset="ETH", most_rise="1")), '"ETH" is an asset, and close_factor is a pool'),
        (policy(rule("supply_cap", most_rise="1"), rule("supply_cap", most_rise="2")), "has two rules"),
        (policy(rule("suply_cap", most_rise="1")), "is not a parameter"),
        (policy(rule("supply_cap", days=3)), "is missing, which the rules with days need"),
        (policy(rule("supply_cap", most_rise="1e18")), "write"),
        (policy(rule("supply_cap", most_raise="1")), "write most_rise"),
    ],
)
def test_a_rule_that_would_bind_nothing_is_ill_formed(text: str, says: str) -> None:
    """A name that is misspelt is told, with its line."""
    with pytest.raises(UsageError, match=r"x\.toml:\d+") as told:
        parse_protocol(gates.shipped("minimal") + text, "x.toml")
    assert says in str(told.value)

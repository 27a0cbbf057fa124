"""Keys, tables, lists and duplicates: each mistake is named with its place and its cure."""

from collections.abc import Callable

import pytest

from poolproof.spec.errors import UsageError
from poolproof.spec.loading import (
    parse_protocol,
)
from poolproof.spec.protocol import MOST_MARKETS, MOST_POOLS

ACCEPTED = """
[[accepted]]
invariant = "LIQ-2"
reason = "the incentive is high on purpose"
weakened = "LIQ-2-w"
"""


def test_a_wrong_schema_is_refused_before_all_else(
    changed: Callable[..., str], refusal_of: Callable[[str], UsageError]
) -> None:
    """A file of another version is not measured by the rules of this one."""
    text = changed("poolproof.protocol/1", "poolproof.protocol/2").replace("horizon", "horizons")
    error = refusal_of(text)
    assert str(error) == (
        'good.toml:1: schema: "poolproof.protocol/2" is not a format that this version reads; '
        'write "poolproof.protocol/1"'
    )


def test_a_missing_key_is_named_with_its_meaning(message_for: Callable[..., str]) -> None:
    """The cure is the description of the key, and the line is that of its table."""
    assert message_for('ltv = "800000000000000000"\n', "") == (
        "good.toml:13: pools[0].markets[0].ltv: this key is missing; add it: loan-to-value: share of the "
        "collateral's value that can be borrowed [wad]"
    )


def test_an_unknown_key_is_told_the_nearest(message_for: Callable[..., str]) -> None:
    """A misspelt key is one error, not also a missing one."""
    assert message_for("supply_cap", "suply_cap") == (
        "good.toml:20: pools[0].markets[0].suply_cap: this key is unknown here; write supply_cap"
    )


def test_an_unknown_key_in_the_wrong_table_is_told_where_it_belongs(message_for: Callable[..., str]) -> None:
    """A top-level key below a header belongs to that header's table, which surprises people."""
    message = message_for("horizon = 1000\n", "").partition("\n")[0]
    assert message.startswith("good.toml: horizon: this key is missing")
    moved = message_for('id = "main"', 'id = "main"\naccepted = []')
    assert moved.endswith("unknown here; move it to the top of the file, above every table")
    below = message_for("horizon = 1000", 'horizon = 1000\nkink = "4"')
    assert below.endswith("unknown here; move it to [pools.markets.rate_model]")


def test_an_unknown_key_like_no_other_is_told_the_keys_that_there_are(
    message_for: Callable[..., str],
) -> None:
    """Where there is nothing near, the keys are listed."""
    message = message_for("horizon = 1000", "horizon = 1000\nzzz = 1")
    assert message.endswith(
        "remove it; the keys here are schema, name, title, source, model, horizon, users, pools, accepted, policy"
    )


def test_two_pools_with_one_id_are_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """Reports and traces name pools by id."""
    second = good[good.index("[[pools]]") :]
    error = refusal_of(good + "\n" + second)
    assert error.where == "good.toml:32: pools[1].id"
    assert error.what == '"main" is the id of an earlier pool'


def test_two_markets_of_one_asset_are_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """A pool lists an asset once."""
    second = good[good.index("[[pools.markets]]") :]
    error = refusal_of(good + "\n" + second)
    assert error.where == "good.toml:32: pools[0].markets[1].asset"
    assert error.what == '"ETH" is the asset of an earlier market of this pool'


def test_a_user_named_twice_is_refused(message_for: Callable[..., str]) -> None:
    """Accounts of concrete runs are distinct."""
    message = message_for("horizon = 1000", 'horizon = 1000\nusers = ["alice", "bob", "alice"]')
    assert 'good.toml:6: users[2]: "alice" is named twice; ' in message


def test_an_acceptance_without_what_still_holds_is_refused(good: str, message_for: Callable[..., str]) -> None:
    """An acceptance is never a blank cheque."""
    message = message_for('weakened = "LIQ-2-w"\n', "", good + ACCEPTED)
    assert 'accepted[0]: "LIQ-2" says neither weakened nor depth; add weakened' in message


def test_an_acceptance_with_both_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """One of the two has to hold; which, must be clear."""
    assert '"LIQ-2" says both weakened and depth; keep the one' in str(refusal_of(good + ACCEPTED + "depth = 3\n"))


def test_an_invariant_accepted_twice_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """Two acceptances of one invariant could contradict each other."""
    error = refusal_of(good + ACCEPTED + ACCEPTED)
    assert (error.where, error.what) == ("good.toml:37: accepted[1].invariant", '"LIQ-2" is accepted twice')


def test_an_acceptance_without_a_reason_is_refused(good: str, message_for: Callable[..., str]) -> None:
    """The reason is for the reader of the report."""
    message = message_for('reason = "the incentive is high on purpose"\n', "", good + ACCEPTED)
    assert "accepted[0].reason: this key is missing; add it: why it is accepted" in message


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ('"2027-02-30"', "is not a day of the calendar"),
        ('"31.1.2027"', "is not a date"),
        ("2027-01-31T12:00:00", "is not a date"),
        ("12:00:00", "is not a date"),
        ("20270131", "is not a date"),
        ("true", "is not a date"),
    ],
)
def test_an_expiry_that_is_not_a_day_is_refused(
    written: str, rule: str, good: str, refusal_of: Callable[[str], UsageError]
) -> None:
    """Only days: an acceptance that ends at an hour depends on the reader's clock."""
    assert refusal_of(good + ACCEPTED + f"expires = {written}\n").what.endswith(rule)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[pools]]", "[pools]", "pools: a table is not a list; write a table [[pools]] for each pool"),
        ("horizon = 1000", 'horizon = 1000\nusers = "alice"', 'users: "alice" is not a list; write names'),
        ("horizon = 1000", "horizon = 1000\nusers = []", "users: a list of 0 is empty; write names"),
        (
            "horizon = 1000",
            "horizon = 1000\naccepted = [1]",
            "accepted[0]: 1 is not a table; write a table [[acc",
        ),
    ],
)
def test_another_shape_is_refused(
    old: str, new: str, message: str, changed: Callable[..., str], refusal_of: Callable[[str], UsageError]
) -> None:
    """A list, a table and a value are told apart, and the cure shows how the right one is written."""
    text = changed(old, new)
    if new == "[pools]":
        text = text.replace("[[pools.markets]]", "[pools.x]").replace("[pools.markets.", "[pools.y.")
    assert message in str(refusal_of(text))


def test_a_rate_model_that_is_not_a_table_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """The cure is the header."""
    head, _, _ = good.partition("[pools.markets.rate_model]")
    error = refusal_of(head + 'rate_model = "jump"\n')
    assert (error.what, error.cure) == ('"jump" is not a table', "write a table [pools.markets.rate_model]")


CORE = """
[[pools]]
id = "core"
kind = "core"
close_factor = "500000000000000000"
liquidation_incentive = "1100000000000000000"
dust_value = "0"
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[pools.markets.line]\nlimt = '1'", "markets[0].line.limt: this key is unknown here; write limit"),
        ("[pools.markets.line]\npremium_per_year = '1'", "markets[0].line.limit: this key is missing; add it: largest"),
        (
            "[pools.markets.line]\nlimit = '1'\nkink = '1'",
            "line.kink: this key is unknown here; move it to [pools.mark",
        ),
        ("[pools.markets.line]\nlimit = 1", "markets[0].line.limit: 1 stands without quotes"),
    ],
)
def test_an_ill_formed_line_is_refused(
    line: str, message: str, good: str, refusal_of: Callable[..., UsageError]
) -> None:
    """A credit line is a table of its market, and its errors are placed there."""
    assert message in str(refusal_of(good + line))


def test_a_line_that_is_not_a_table_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """The cure is the header."""
    error = refusal_of(good.replace("decimals = 18", "decimals = 18\nline = 1"))
    assert (error.what, error.cure) == ("1 is not a table", "write a table [pools.markets.line]")


def test_a_line_without_a_core_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """Somebody has to lend the asset."""
    error = refusal_of(good + "[pools.markets.line]\nlimit = '1'\n")
    assert "draws on no core market" in error.what


def test_a_second_core_pool_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """A line draws on the one core pool that there is."""
    markets = good[good.index("[[pools.markets]]") :]
    error = refusal_of(good + CORE + markets + CORE.replace('"core"', '"more"', 1) + markets)
    assert error.what == '"more" is a second core pool'


def test_a_line_of_the_core_itself_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """The core lends to others."""
    markets = good[good.index("[[pools.markets]]") :]
    error = refusal_of(good + CORE + markets + "[pools.markets.line]\nlimit = '1'\n")
    assert "is a line of the core pool itself" in error.what


def test_a_file_without_pools_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """An empty protocol would make every claim true."""
    head = good[: good.index("[[pools]]")]
    assert "pools: this key is missing" in str(refusal_of(head))
    assert "pools: a list of 0 is empty" in str(refusal_of(head + "pools = []\n"))


def test_too_many_pools_or_markets_are_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """Lists are bounded, and measured before their entries are read."""
    head, pool = good[: good.index("[[pools]]")], good[good.index("[[pools]]") :]
    pools = "".join(pool.replace('"main"', f'"p{number}"') for number in range(MOST_POOLS + 1))
    assert f"pools: a list of 257 has more than {MOST_POOLS} entries" in str(refusal_of(head + pools))
    assert len(parse_protocol(head + pools[: pools.index('[[pools]]\nid = "p256"')], "x").pools) == MOST_POOLS
    market = good[good.index("[[pools.markets]]") :]
    before = good[: good.index("[[pools.markets]]")]
    markets = "".join(market.replace('"ETH"', f'"A{number}"') for number in range(MOST_MARKETS + 1))
    assert f"has more than {MOST_MARKETS} entries" in str(refusal_of(before + markets))


def test_all_errors_are_listed_up_to_ten(changed: Callable[..., str], refusal_of: Callable[[str], UsageError]) -> None:
    """One run shows what there is to repair; the first error is the message's head."""
    few = refusal_of(changed("decimals = 18", "decimals = 99").replace('"4000"', '"+4000"').replace("kink", "kinc"))
    assert [line.split(": ")[1] for line in str(few).splitlines()] == [
        "pools[0].markets[0].rate_model.kinc",
        "pools[0].markets[0].decimals",
        "pools[0].markets[0].supply_cap",
    ]
    many = refusal_of("".join(f"key{number} = 1\n" for number in range(30)))
    lines = str(many).splitlines()
    assert len(lines) == 11
    assert lines[0] == many.headline
    assert lines[-1] == "and 26 more"


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ('[pools.markets.rate_model] # "x"\nkind = "jmp"', 24),
        ('[ pools . markets . rate_model ]\nkind = "jmp"', 24),
        ('  [pools.markets.rate_model]\n  kind="jmp"', 24),
        ('rate_model.kind = "jmp"', 23),
        ('rate_model = { kind = "jmp" }', 23),
        ('["pools"."markets"."rate_model"]\nkind = "jmp"', 24),
    ],
)
def test_the_line_of_a_key_is_found(table: str, line: int, good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """The line is exact, in whatever way the key is written."""
    head, _, _ = good.partition("[pools.markets.rate_model]")
    errors = str(refusal_of(head + table + "\n")).splitlines()
    place = f"good.toml:{line}: pools[0].markets[0].rate_model.kind: "
    assert any(each.startswith(place) for each in errors)


def test_lines_inside_long_strings_and_lists_are_no_keys(
    changed: Callable[..., str], refusal_of: Callable[[str], UsageError]
) -> None:
    """Text that only looks like a header or a key does not move the line of an error."""
    decoy = 'title = """\\\n  [[pools]] \\\n  ltv = 1 \\\n  end"""\nusers = [\n  "alice",\n  "bob",\n]'
    text = changed('title = "A good protocol"', decoy).replace('ltv = "8', 'ltv = "+8')
    assert refusal_of(text).where == "good.toml:24: pools[0].markets[0].ltv"

"""Amounts, counts, names and text have one notation each; any other is refused with the cure."""

from collections.abc import Callable

import pytest

from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError

# Amounts


@pytest.mark.parametrize(
    ("written", "cure"),
    [
        ('"1_000"', 'write the digits only, like "1000"'),
        ('"1,000"', 'write the digits only, like "1000"'),
        ('"1 000"', 'write the digits only, like "1000"'),
        ('"+5"', 'write the digits only, like "5"'),
        ('"0x10"', 'write the digits only, like "16"'),
        ('"1e18"', 'write the digits only, like "1000000000000000000"'),
        ('" 5"', 'write the digits only, like "5"'),
        ('"5\\n"', 'write the digits only, like "5"'),
        ('"007"', 'write the digits only, like "7"'),
        ('"00"', 'write the digits only, like "0"'),
        ('"5.0"', "write it in the smallest unit, without a decimal point"),
        ('"0,5"', "write it in the smallest unit, without a decimal point"),
        ('"-1"', 'write "0" or more, without a sign'),
        ('""', 'write the digits, or "0"'),
        ('"ten"', 'write the digits 0 to 9 only, like "1000"'),
        ('"\u0661\u0662"', 'write the digits 0 to 9 only, like "1000"'),
        ('"\u00b2"', 'write the digits 0 to 9 only, like "1000"'),
        ('"1e99"', 'write the digits 0 to 9 only, like "1000"'),
        ("true", 'write it as a string of digits, like "1000"'),
        ('["1000"]', 'write it as a string of digits, like "1000"'),
        ("{ amount = 1 }", 'write it as a string of digits, like "1000"'),
        ("2027-01-31", 'write it as a string of digits, like "1000"'),
    ],
)
def test_an_amount_that_is_not_plain_digits_is_refused(
    written: str, cure: str, changed: Callable[..., str], refusal_of: Callable[[str], UsageError]
) -> None:
    """One notation is accepted; the cure is the number that was meant, where that is clear."""
    error = refusal_of(changed('supply_cap = "4000"', f"supply_cap = {written}"))
    assert error.what.endswith(" is not a plain decimal integer")
    assert error.where == "good.toml:20: pools[0].markets[0].supply_cap"
    assert error.cure == cure
    assert error.others == ()


def test_an_amount_that_is_a_toml_integer_is_refused(message_for: Callable[..., str]) -> None:
    """Numbers without quotes are rounded by readers in other languages."""
    assert message_for('supply_cap = "4000"', "supply_cap = 1_000") == (
        'good.toml:20: pools[0].markets[0].supply_cap: 1000 stands without quotes; write it as a string, like "1000"'
    )


def test_an_amount_that_is_a_negative_toml_integer_is_refused(message_for: Callable[..., str]) -> None:
    """The cure never suggests a negative amount."""
    assert message_for('supply_cap = "4000"', "supply_cap = -5").endswith('like "1000"')


@pytest.mark.parametrize(("written", "example"), [("1e18", 10**18), ("0.5", 1000), ("inf", 1000), ("nan", 1000)])
def test_an_amount_that_is_a_float_is_refused(written: str, example: int, message_for: Callable[..., str]) -> None:
    """Floats are refused, also where they are whole; the suggestion is exact."""
    message = message_for('supply_cap = "4000"', f"supply_cap = {written}")
    assert "is a floating-point number" in message
    assert message.endswith(f'like "{example}"')


def test_an_amount_of_absurd_length_is_refused(message_for: Callable[..., str]) -> None:
    """The digits are counted before they are converted, and not repeated in full."""
    message = message_for('supply_cap = "4000"', f'supply_cap = "{"9" * 100_000}"')
    assert message.endswith("(cut) has more than 80 digits; check the number")
    assert len(message) < 300


def test_a_toml_integer_of_absurd_length_is_refused(message_for: Callable[..., str]) -> None:
    """Neither Python's limit on digits nor a huge hexadecimal number ends in a traceback."""
    decimal = message_for('supply_cap = "4000"', f"supply_cap = {'9' * 5000}")
    assert "a number of thousands of digits" in decimal
    hexadecimal = message_for('supply_cap = "4000"', f"supply_cap = 0x{'f' * 5000}")
    assert "a number of 80 digits or more stands without quotes" in hexadecimal
    assert "is not between" in message_for("horizon = 1000", f"horizon = 0x{'f' * 5000}")


def test_a_cap_beyond_the_range_is_told_how_to_say_no_cap(message_for: Callable[..., str]) -> None:
    """The usual way to write "no cap" elsewhere is 2^256 - 1."""
    message = message_for('supply_cap = "4000"', f'supply_cap = "{2**256 - 1}"')
    assert message.endswith('write "5192296858534827628530496329220095" for no cap')


@pytest.mark.parametrize(("key", "least"), [("virtual_shares", 1), ("share_limit", 1), ("index_ceiling", WAD)])
def test_a_value_below_its_least_is_refused(key: str, least: int, message_for: Callable[..., str]) -> None:
    """Without virtual shares, or with an index below one, the share price is not defined."""
    message = message_for('asset = "ETH"', f'asset = "ETH"\n{key} = "{least - 1}"')
    assert f"is below the least allowed value, {least}; " in message


# Counts


@pytest.mark.parametrize(
    ("written", "example"),
    [('"18"', 18), ("true", 0), ("18.0", 18), ("18.5", 0), ('"1_8"', 18), ("[]", 0), ('"99"', 36)],
)
def test_a_count_that_is_not_an_integer_is_refused(
    written: str, example: int, changed: Callable[..., str], refusal_of: Callable[[str], UsageError]
) -> None:
    """Counts are TOML integers: no booleans, no floats, no strings."""
    error = refusal_of(changed("decimals = 18", f"decimals = {written}"))
    assert error.what.endswith(" is not a whole number")
    assert error.cure == f"write an integer without quotes, like {example}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("decimals = 18", "decimals = 37"),
        ("decimals = 18", "decimals = -1"),
        ("horizon = 1000", "horizon = 0"),
        ("horizon = 1000", f"horizon = {2**30 + 1}"),
        ("slots_per_year = 31536000", "slots_per_year = 0"),
        ("decimals = 18", "decimals = 18\nmax_price_age = -1"),
    ],
)
def test_a_count_outside_its_range_is_refused(old: str, new: str, message_for: Callable[..., str]) -> None:
    """Decimals go to 36, because a price has 36 decimals less those; times go to 2^30 slots."""
    assert " is not between " in message_for(old, new)


# Names and text


@pytest.mark.parametrize(
    "written", ['""', '"a b"', '"a/b"', f'"{"x" * 65}"', '"\u0430lice"', '"a\\u001b"', '"a\\n"', "7"]
)
@pytest.mark.parametrize("old", ['id = "main"', 'asset = "ETH"'])
def test_a_name_with_other_characters_is_refused(
    old: str, written: str, changed: Callable[..., str], refusal_of: Callable[[str], UsageError]
) -> None:
    """Names are plain ASCII: no look-alikes of other scripts, no spaces, no separators of paths."""
    error = refusal_of(changed(old, f"{old.partition('=')[0]}= {written}"))
    assert error.what.endswith(" is not a name")
    assert error.headline.isprintable()


@pytest.mark.parametrize("written", ['"Good"', '"a--b"', '"-a"', '"a_b"', '""', f'"{"x" * 65}"'])
def test_a_protocol_name_that_is_not_a_slug_is_refused(written: str, message_for: Callable[..., str]) -> None:
    """The protocol's own name is what users type."""
    assert "is not a short lower-case name" in message_for('name = "good"', f"name = {written}")


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("7", "is not text"),
        ('"  "', "is blank"),
        (f'"{"x" * 201}"', "is longer than 200 characters"),
        ('"a\\nb"', "has line breaks or invisible characters"),
        ('"\\u001b[2J"', "has line breaks or invisible characters"),
        ('"safe\\u202Eefas"', "has line breaks or invisible characters"),
    ],
)
def test_a_title_that_is_not_a_visible_line_is_refused(
    written: str, rule: str, changed: Callable[..., str], refusal_of: Callable[[str], UsageError]
) -> None:
    """Text for people cannot steer a terminal or show something else than what it says."""
    error = refusal_of(changed('title = "A good protocol"', f"title = {written}"))
    assert error.what.endswith(rule)
    assert error.headline.isprintable()


def test_an_unknown_rate_model_is_refused(message_for: Callable[..., str]) -> None:
    """The kinds are listed."""
    assert message_for('kind = "jump"', 'kind = "kinks"') == (
        'good.toml:24: pools[0].markets[0].rate_model.kind: "kinks" is not one of the values of this key; '
        'write "jump" or "white-paper"'
    )


@pytest.mark.parametrize("key", ["jump_multiplier_per_year", "kink"])
def test_a_jump_model_without_its_jump_is_refused(key: str, good: str, message_for: Callable[..., str]) -> None:
    """The defaults of the straight line are not those of a jump."""
    line = next(line for line in good.splitlines() if line.startswith(key))
    message = message_for(line, "")
    assert f"rate_model.{key}: this key is missing for the jump rate model; add {key}, or write" in message


def test_a_white_paper_model_with_a_jump_is_refused(message_for: Callable[..., str]) -> None:
    """A jump that would be ignored is a mistake."""
    message = message_for('kind = "jump"', 'kind = "white-paper"')
    assert 'jump_multiplier_per_year: "3" is a jump, which the white-paper rate model' in message

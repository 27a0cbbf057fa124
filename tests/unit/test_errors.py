"""A message shows the value, the rule and the cure, and a stranger's text does no harm in it."""

import pickle
from datetime import date

import pytest

from poolproof.spec.errors import UsageError, shown


def test_a_usage_error_says_where_what_and_cure() -> None:
    """The parts are joined in that order; parts that are not there leave no trace."""
    assert str(UsageError("7 is odd", "x.toml: key", "write 8")) == "x.toml: key: 7 is odd; write 8"
    assert str(UsageError("7 is odd")) == "7 is odd"
    assert str(UsageError("7 is odd", others=("x: 9 is odd",))) == "7 is odd\nx: 9 is odd"


def test_a_usage_error_survives_another_process() -> None:
    """A worker's error arrives with all its parts."""
    error = UsageError("what", "where", "cure", ("other",))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - written on the same line
    assert (copy.what, copy.where, copy.cure, copy.others) == ("what", "where", "cure", ("other",))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (7, "7"),
        (2**300, "a number of 80 digits or more"),
        ("it's", '"it\'s"'),
        ("gr\u00fcn", '"gr\u00fcn"'),
        ("\x1b\u202e", '"\\u001b\\u202e"'),
        ("x" * 81, f'"{"x" * 80}" (cut)'),
        ({"a": 1}, "a table"),
        ([1, 2], "a list of 2"),
        (date(2027, 1, 31), "2027-01-31"),
        (1.5, "1.5"),
        (None, "None"),
    ],
)
def test_values_are_shown_escaped_and_cut(value: object, text: str) -> None:
    """What strangers write is shown so that it can be recognised, and does no harm."""
    assert shown(value) == text

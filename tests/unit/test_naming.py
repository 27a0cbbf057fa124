"""Names that a user types."""

import pytest

from poolproof.naming import known_name
from poolproof.spec.errors import UsageError

KNOWN = ("SOLV-1", "SOLV-3", "CONS-1", "LIQ-2")


@pytest.mark.parametrize(("typed", "known"), [("SOLV-3", "SOLV-3"), ("solv-3", "SOLV-3"), ("Cons-1", "CONS-1")])
def test_a_name_is_known_whatever_its_case(typed: str, known: str) -> None:
    """Nobody should have to hold the shift key."""
    assert known_name(typed, KNOWN, "an invariant") == known


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    """The value, the rule and the cure."""
    with pytest.raises(UsageError) as refused:
        known_name("COSN-1", KNOWN, "an invariant", "--only", "`poolproof invariants` lists them all")
    assert str(refused.value) == (
        '--only: "COSN-1" is not an invariant; did you mean CONS-1; `poolproof invariants` lists them all'
    )


def test_a_name_that_resembles_nothing_is_answered_with_a_list() -> None:
    """A few of the known ones."""
    with pytest.raises(UsageError, match=r"known: SOLV-1, SOLV-3, CONS-1 or LIQ-2$"):
        known_name("xyz", KNOWN, "an invariant")


def test_where_there_is_none_the_message_says_so() -> None:
    """An empty catalogue, for example."""
    with pytest.raises(UsageError, match=r'"SOLV-1" is not an invariant; there is none$'):
        known_name("SOLV-1", (), "an invariant")


def test_a_long_name_is_cut() -> None:
    """A message does not flood the terminal."""
    with pytest.raises(UsageError) as refused:
        known_name("SOLV-1" * 10_000, KNOWN, "an invariant")
    assert len(str(refused.value)) < 300

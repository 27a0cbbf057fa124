"""A small protocol file that is well formed, and what is said of it when one passage is changed."""

from collections.abc import Callable

import pytest

from poolproof.spec.errors import UsageError
from poolproof.spec.loading import parse_protocol

GOOD = """\
schema = "poolproof.protocol/1"
name = "good"
title = "A good protocol"
source = "this test"
horizon = 1000

[[pools]]
id = "main"
close_factor = "500000000000000000"
liquidation_incentive = "1100000000000000000"
dust_value = "0"

[[pools.markets]]
asset = "ETH"
decimals = 18
price = "2000000000000000000000"
ltv = "800000000000000000"
liquidation_threshold = "850000000000000000"
reserve_factor = "100000000000000000"
supply_cap = "4000"
borrow_cap = "3000"

[pools.markets.rate_model]
kind = "jump"
base_rate_per_year = "1"
multiplier_per_year = "2"
jump_multiplier_per_year = "3"
kink = "4"
slots_per_year = 31536000
"""


def change(old: str, new: str, text: str = GOOD) -> str:
    """Replace one passage of the good file, which must be there exactly once."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def refuse(text: str) -> UsageError:
    """Parse a text that must be refused."""
    with pytest.raises(UsageError) as caught:
        parse_protocol(text, "good.toml")
    return caught.value


@pytest.fixture(scope="session")
def good() -> str:
    """The text of a file that loads."""
    return GOOD


@pytest.fixture(scope="session")
def changed() -> Callable[..., str]:
    """`changed(old, new)`: the good file, or another text, with one passage replaced."""
    return change


@pytest.fixture(scope="session")
def refusal_of() -> Callable[[str], UsageError]:
    """`refusal_of(text)`: the error of a text that must be refused."""
    return refuse


@pytest.fixture(scope="session")
def message_for() -> Callable[..., str]:
    """`message_for(old, new)`: the whole message about the good file with one passage replaced."""

    def message(old: str, new: str, text: str = GOOD) -> str:
        return str(refuse(change(old, new, text)))

    return message

"""A well-formed file loads exactly, with its defaults, also where it is unsafe."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError
from poolproof.spec.fields import LARGEST_AMOUNT
from poolproof.spec.loading import (
    load_protocol,
    parse_protocol,
    shipped_protocols,
)

ACCEPTED = """
[[accepted]]
invariant = "LIQ-2"
reason = "the incentive is high on purpose"
weakened = "LIQ-2-w"
"""


def test_every_shipped_protocol_loads_by_its_name() -> None:
    """The shipped protocols are well formed, and their names are those of their files."""
    assert shipped_protocols() == (
        "astera-docs",
        "astera-liquidity",
        "elara-docs",
        "every-channel",
        "liquid-staked-bnb",
        "minimal",
        "venus-bsc",
        "venus-bsc-btc",
        "venus-bsc-defi",
        "venus-bsc-gamefi",
        "venus-bsc-liquid-staked-bnb",
        "venus-bsc-liquid-staked-eth",
        "venus-bsc-meme",
        "venus-bsc-stablecoins",
        "venus-bsc-tron",
        "venus-docs",
    )
    for name in shipped_protocols():
        assert load_protocol(name).name == name


def test_a_file_loads_by_its_path(tmp_path: Path, good: str) -> None:
    """A path may be text or a `Path`."""
    path = tmp_path / "mine.toml"
    path.write_text(good, encoding="utf-8")
    assert load_protocol(path) == load_protocol(str(path)) == parse_protocol(good, "good.toml")


def test_line_ends_of_windows_load(tmp_path: Path, good: str) -> None:
    """A file saved with carriage returns is the same protocol."""
    path = tmp_path / "mine.toml"
    path.write_bytes(good.replace("\n", "\r\n").encode())
    assert load_protocol(path) == parse_protocol(good, "good.toml")


def test_amounts_are_plain_integers(good: str) -> None:
    """Decimal strings become `int`, nothing else: the models compute with them directly."""
    market = parse_protocol(good, "good.toml").pools[0].markets[0]
    assert type(market.price) is int
    assert market.price == 2000 * WAD
    assert type(market.rate_model.kink) is int


def test_defaults_are_the_declared_ones(good: str) -> None:
    """A key that may be left out has the documented value."""
    protocol = parse_protocol(good, "good.toml")
    market = protocol.pools[0].markets[0]
    assert protocol.model == "reference"
    assert protocol.users == ("alice", "bob", "carol", "dave")
    assert protocol.accepted == ()
    assert (market.price_bound, market.max_price_age) == (0, 0)
    assert (market.virtual_shares, market.share_limit) == (1, 2**180)
    assert (market.index_ceiling, market.max_rate) == (2**20 * WAD, 5_000_000_000_000)


@pytest.mark.parametrize(
    ("supply_cap", "decimals", "wallet"),
    [(10**20, 18, 10**20), (0, 18, 10**18), (4000, 0, 4000), (LARGEST_AMOUNT, 18, 2**100), (0, 36, 2**100)],
)
def test_the_default_wallet_fills_the_cap(
    supply_cap: int, decimals: int, wallet: int, changed: Callable[..., str]
) -> None:
    """Users start with the supply cap, at least one whole token, at most 2^100."""
    text = changed('"4000"', f'"{supply_cap}"').replace("decimals = 18", f"decimals = {decimals}")
    assert parse_protocol(text, "good.toml").pools[0].markets[0].wallet == wallet


def test_a_given_wallet_is_kept(changed: Callable[..., str]) -> None:
    """A wallet of the file stands, zero included."""
    text = changed('borrow_cap = "3000"', 'borrow_cap = "3000"\nwallet = "0"')
    assert parse_protocol(text, "good.toml").pools[0].markets[0].wallet == 0


def test_a_white_paper_model_needs_no_kink(changed: Callable[..., str]) -> None:
    """A straight line has no jump: both keys may be left out, or say so."""
    text = changed('kind = "jump"', 'kind = "white-paper"')
    short = changed('jump_multiplier_per_year = "3"\nkink = "4"\n', "", text)
    zero = changed('jump_multiplier_per_year = "3"', 'jump_multiplier_per_year = "0"', text)
    assert parse_protocol(short, "good.toml").pools[0].markets[0].rate_model.jump_multiplier_per_year == 0
    assert parse_protocol(zero, "good.toml").pools[0].markets[0].rate_model.kink == 4


def test_an_acceptance_with_all_its_keys_loads(good: str) -> None:
    """An accepted finding says what still holds, until when, and who answers for it."""
    text = good + ACCEPTED + 'expires = 2027-01-31\nowner = "risk team"\n'
    entry = parse_protocol(text, "good.toml").accepted[0]
    assert (entry.invariant, entry.weakened, entry.depth) == ("LIQ-2", "LIQ-2-w", None)
    assert (entry.expires, entry.owner) == (date(2027, 1, 31), "risk team")


def test_an_acceptance_may_expire_on_a_quoted_day(good: str) -> None:
    """JSON has no dates: the same day as text is the same day."""
    text = good + ACCEPTED.replace('weakened = "LIQ-2-w"', "depth = 4") + 'expires = "2027-01-31"\n'
    entry = parse_protocol(text, "good.toml").accepted[0]
    assert (entry.depth, entry.expires) == (4, date(2027, 1, 31))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('ltv = "800000000000000000"', 'ltv = "900000000000000000"'),
        ('ltv = "800000000000000000"', 'ltv = "2000000000000000000"'),
        ('"1100000000000000000"', '"9000000000000000000"'),
        ('close_factor = "500000000000000000"', 'close_factor = "0"'),
        ('price = "2000000000000000000000"', 'price = "0"'),
        ('borrow_cap = "3000"', 'borrow_cap = "5000"'),
        ('reserve_factor = "100000000000000000"', 'reserve_factor = "10000000000000000000"'),
    ],
    ids=[
        "ltv above the threshold",
        "ltv above one",
        "incentive outgrows the collateral",
        "nothing can be liquidated",
        "no price",
        "borrow cap above the supply cap",
        "reserve factor of ten",
    ],
)
def test_an_unsafe_protocol_loads(old: str, new: str, changed: Callable[..., str]) -> None:
    """Safety is decided by the invariants, with a trace; a file only has to be well formed."""
    parse_protocol(changed(old, new), "good.toml")


@pytest.mark.parametrize(
    ("key", "largest"),
    [
        ("ltv", 10 * WAD),
        ("price", 2**128),
        ("supply_cap", 2**112 - 1),
        ("borrow_cap", 2**112 - 1),
        ("index_ceiling", 2**256 - 1),
        ("share_limit", 2**256 - 1),
        ("max_rate", WAD),
        ("wallet", 2**112 - 1),
    ],
)
def test_the_largest_value_loads_and_the_next_is_refused(
    key: str, largest: int, good: str, refusal_of: Callable[[str], UsageError]
) -> None:
    """Each range ends where it is documented to end."""
    lines = [line for line in good.splitlines() if not line.startswith(f"{key} =")]
    place = lines.index('asset = "ETH"')
    largest_text = "\n".join((*lines[:place], f'{key} = "{largest}"', *lines[place:]))
    market = parse_protocol(largest_text, "good.toml").pools[0].markets[0]
    assert getattr(market, key) == largest
    error = refusal_of(largest_text.replace(f'"{largest}"', f'"{largest + 1}"'))
    assert error.what == f'"{largest + 1}" is above the largest allowed value, {largest}'

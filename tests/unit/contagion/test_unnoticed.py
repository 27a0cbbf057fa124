"""Losses as a function of how long a failure goes unnoticed."""

from __future__ import annotations

import pytest

from poolproof.proofs import registry
from poolproof.proofs.contagion.network import LossKind
from poolproof.proofs.contagion.unnoticed import delays_of, losses_over_time
from poolproof.spec.loading import load_protocol

YEAR = 31_536_000


def table(
    name: str, source: str, pool: str, asset: str, kind: LossKind = "principal", delays: tuple[int, ...] | None = None
) -> list[dict[str, int]]:
    """The losses over time of a shipped protocol."""
    protocol = load_protocol(name)
    return losses_over_time(registry.of(protocol)[0], protocol, source, pool, asset, kind, delays)


@pytest.mark.parametrize(
    ("name", "source", "pool", "asset", "kind", "loss"),
    [
        ("astera-docs", "mini-a", "core", "ETH", "principal", 2 * 10**24),
        ("astera-docs", "mini-b", "core", "ETH", "principal", 3 * 10**24),
        ("every-channel", "mini", "core", "USD", "principal", 4950),
        ("astera-docs", "mini-a", "mini-b", "ETH", "frozen", 2 * 10**24),
    ],
)
def test_over_a_line_the_loss_does_not_grow(
    name: str, source: str, pool: str, asset: str, kind: LossKind, loss: int
) -> None:
    """From an hour to a year unnoticed, what the core loses and what a sister lacks stays (LINE-9, ISO-4)."""
    found = table(name, source, pool, asset, kind)
    assert [each["slots"] for each in found] == list(delays_of(load_protocol(name)))
    assert {each["loss"] for each in found} == {loss}


def test_a_pool_s_own_loss_grows() -> None:
    """Interest is charged on debt that nobody will pay, until it is recorded."""
    first, later, last = table("every-channel", "oracle:B", "plain", "USD", delays=(0, YEAR // 12, YEAR))
    assert first["loss"] < later["loss"] < last["loss"]


def test_what_the_core_lends_against_its_shares_grows() -> None:
    """The second round of a line's failure is an ordinary debt in the core, which bears interest."""
    first, last = table("astera-docs", "mini-a", "core", "USDC", delays=(0, YEAR))
    assert first["loss"] < last["loss"]


def test_where_nothing_is_lost_there_is_no_table() -> None:
    """A sister pool loses no principal, at no time."""
    assert table("astera-docs", "mini-a", "mini-b", "ETH") == []


def test_delays_stay_inside_the_horizon() -> None:
    """No point lies beyond the time for which the protocol is analysed."""
    protocol = load_protocol("astera-docs")
    assert delays_of(protocol) == (0, 3600, 86_400, 606_461, 2_628_000, YEAR)
    assert max(delays_of(protocol.model_copy(update={"horizon": 100_000}))) == 86_400

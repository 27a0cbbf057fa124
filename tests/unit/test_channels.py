"""What pools may move between them breaks no claim: runs on sound systems in which something moves over a channel."""

from __future__ import annotations

import pytest

from poolproof.proofs import registry
from poolproof.proofs.system_monitor import monitor_of
from poolproof.spec.action import perform
from poolproof.spec.loading import load_protocol

Call = tuple[str, *tuple[str | int, ...]]
RUNS: dict[str, tuple[str, list[Call]]] = {
    "CROSS-3": (  # the liquidator's tokens go on to the core pool, over the line
        "astera-docs",
        [
            ("deposit", "bob", "core/ETH", 1),
            ("deposit", "alice", "mini-a/X", 34),
            ("enter", "alice", "mini-a/X"),
            ("borrow", "alice", "mini-a/ETH", 1),
            ("set_price", "mini-a/X", 1),
            ("liquidate", "bob", "alice", "mini-a/ETH", "mini-a/X", 1),
        ],
    ),
    "RND-5": (  # a loss of the core falls on the line interest that waits, before it falls on suppliers
        "astera-docs",
        [
            ("deposit", "alice", "core/ETH", 2),
            ("deposit", "alice", "mini-b/Y", 40),
            ("deposit", "bob", "core/WBTC", 1),
            ("enter", "alice", "mini-b/Y"),
            ("enter", "bob", "core/WBTC"),
            ("borrow", "alice", "mini-b/ETH", 1),
            ("borrow", "bob", "core/ETH", 1),
            ("pass_time", 1),
            ("repay", "alice", "alice", "mini-b/ETH", 2),
            ("set_price", "core/WBTC", 1),
            ("write_off", "core", "alice", "bob"),
        ],
    ),
    "ISO-1": (  # the reward token is an asset of one other pool
        "venus-docs",
        [("fund_rewards", "alice", "LiquidStakedBNB/slisBNB", 1)],
    ),
}


@pytest.mark.parametrize("invariant", RUNS)
def test_what_moves_over_a_channel_is_allowed_for(invariant: str) -> None:
    """Every step completes, and the claim holds after each."""
    name, calls = RUNS[invariant]
    protocol = load_protocol(name)
    model, catalogue = registry.of(protocol)
    system = model.build(protocol)
    monitor = monitor_of(model, [catalogue[invariant]], protocol.users)
    monitor.bind(system)
    for called, *arguments in calls:
        action = model.action(called)
        assert perform(system, action, tuple(arguments)) is None
        assert monitor.check(action, tuple(arguments)) == []

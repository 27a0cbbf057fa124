"""What a line repays, and what waits in the core for its release, is nobody's loss: claims of other pools allow for it."""

from __future__ import annotations

import pytest

from poolproof.proofs import registry
from poolproof.proofs.system_monitor import monitor_of
from poolproof.spec.action import perform
from poolproof.spec.loading import load_protocol

Call = tuple[str, *tuple[str | int, ...]]
RUNS: dict[str, list[Call]] = {
    "CROSS-3": [  # the liquidator's tokens go on to the core pool, over the line
        ("deposit", "bob", "core/ETH", 1),
        ("deposit", "alice", "mini-a/X", 34),
        ("enter", "alice", "mini-a/X"),
        ("borrow", "alice", "mini-a/ETH", 1),
        ("set_price", "mini-a/X", 1),
        ("liquidate", "bob", "alice", "mini-a/ETH", "mini-a/X", 1),
    ],
    "RND-5": [  # a loss of the core falls on the line interest that waits, before it falls on suppliers
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
}


@pytest.mark.parametrize("invariant", RUNS)
def test_what_a_line_moves_is_allowed_for(invariant: str) -> None:
    """Every step completes, the last one moves the core's ether, and the claim holds."""
    protocol = load_protocol("astera-docs")
    model, catalogue = registry.of(protocol)
    system = model.build(protocol)
    monitor = monitor_of(model, [catalogue[invariant]], protocol.users)
    monitor.bind(system)
    before = ()
    for name, *arguments in RUNS[invariant]:
        before, action = system.markets["core/ETH"].saved_, model.action(name)
        assert perform(system, action, tuple(arguments)) is None
        assert monitor.check(action, tuple(arguments)) == []
    assert system.markets["core/ETH"].saved_ != before

"""States with positions in them, reached by the models' own actions."""

from __future__ import annotations

from typing import Any

from poolproof.proofs import registry
from poolproof.spec.action import perform
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

Step = tuple[Any, ...]

LINED: tuple[Step, ...] = (
    ("deposit", "carol", "core/USD", 100_000),
    ("deposit", "alice", "mini/X", 300_000),
    ("enter", "alice", "mini/X"),
    ("borrow", "alice", "mini/USD", 4_000),
    ("deposit", "bob", "sister/Y", 200_000),
    ("enter", "bob", "sister/Y"),
    ("borrow", "bob", "sister/USD", 1_000),
)
"""In every-channel: a core pool, and two pools that draw 4,000 and 1,000 on it against their own tokens."""
WHOLE = 10**18
VENUS: tuple[Step, ...] = (
    ("mint", "bob", "WBNB", 1_000 * WHOLE),
    ("mint", "alice", "ankrBNB", 1_000 * WHOLE),
    ("enter_market", "alice", "ankrBNB"),
    ("borrow", "alice", "WBNB", 340 * WHOLE),
)
"""In venus-bsc-liquid-staked-bnb: one borrower near the edge."""


def reached(name: str, steps: tuple[Step, ...]) -> tuple[Protocol, Any]:
    """The protocol of a name, and its state after steps that are all accepted."""
    protocol = load_protocol(name)
    model, _ = registry.of(protocol)
    state = model.build(protocol)
    for action, *arguments in steps:
        refusal = perform(state, model.action(action), tuple(arguments))
        assert refusal is None, f"{action}{arguments}: {refusal}"
    return protocol, state

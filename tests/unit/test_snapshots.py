"""Copies of a state share nothing that an action writes."""

from __future__ import annotations

from random import Random

import pytest

from poolproof.models.reference import REFERENCE
from poolproof.proofs.snapshots import copy_state, read_integer, set_state, state_to_json
from poolproof.proofs.tactics import Tactics
from poolproof.spec.action import perform
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import load_protocol


@pytest.mark.parametrize("name", ["minimal", "liquid-staked-bnb"])
def test_a_copy_goes_its_own_way(name: str) -> None:
    """The same actions lead the same way from a copy, and leave the original as it was."""
    protocol = load_protocol(name)
    original = REFERENCE.build(protocol)
    tactics = Tactics(REFERENCE, protocol, Random(3))
    tactics.begin(original)
    for _ in range(300):
        action, arguments = tactics.next()
        copied, before = copy_state(original), state_to_json(original)
        refusal = perform(copied, action, arguments)
        assert state_to_json(original) == before
        again = perform(original, action, arguments)
        assert type(again) is type(refusal)
        assert state_to_json(copied) == state_to_json(original)


def test_a_state_in_json_comes_back() -> None:
    """Every scalar, ledger, feed and rate model is written and read."""
    protocol = load_protocol("minimal")
    state = REFERENCE.build(protocol)
    tactics = Tactics(REFERENCE, protocol, Random(5))
    tactics.begin(state)
    for _ in range(200):
        perform(state, *tactics.next())
    again = REFERENCE.build(protocol)
    set_state(again, state_to_json(state), "start")
    assert state_to_json(again) == state_to_json(state)
    assert again.markets["ETH"].rates == state.markets["ETH"].rates
    assert again.markets["ETH"].feed is again.feeds["ETH"]


def test_a_negative_number_of_a_state_is_read() -> None:
    """The pre-state of a failed induction may hold one; an argument may not."""
    assert read_integer("-5", "here") == -5
    with pytest.raises(UsageError, match="not a plain decimal"):
        read_integer("-5", "here", signed=False)
    with pytest.raises(UsageError, match="not a plain decimal"):
        read_integer("-0", "here")
    with pytest.raises(UsageError, match="not a plain decimal"):
        read_integer("", "here")

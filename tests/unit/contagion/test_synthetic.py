"""Synthetic systems, what failures reach in them, and simultaneous failures of a network."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolproof.proofs.contagion.cascade import cascade
from poolproof.proofs.contagion.clearing import clear
from poolproof.proofs.contagion.network import Channel, LossKind, Network, Node
from poolproof.proofs.contagion.reach import reach
from poolproof.proofs.contagion.simultaneous import from_network, simultaneous
from poolproof.proofs.contagion.synthetic import PERIPHERY, SHAPES, Shape, synthetic
from poolproof.spec.errors import UsageError


@pytest.mark.parametrize("shape", SHAPES)
def test_a_seed_gives_one_system(shape: Shape) -> None:
    """The size is as asked, the same seed repeats, another differs, and nothing fails before a shock."""
    one = synthetic(shape, 200, 1_000, seed=5)
    assert one == synthetic(shape, 200, 1_000, seed=5)
    assert one != synthetic(shape, 200, 1_000, seed=6)
    assert len(one.lines) == 1_000
    assert len(one.equity) == 200
    assert not clear(one.obligations(frozenset())).defaults
    assert sum(cascade(one.pools, {}).bad_debt) == 0


def test_shapes_differ() -> None:
    """A scale-free system has hubs, and in a core-periphery one every channel touches the core."""

    def degrees(shape: Shape) -> list[int]:
        counts = Counter(end for ends in synthetic(shape, 400, 2_000, seed=1).lines for end in ends)
        return sorted(counts.values(), reverse=True)

    assert degrees("scale-free")[0] > 3 * degrees("random")[0]
    core = 400 // PERIPHERY
    assert all(min(ends) < core for ends in synthetic("core-periphery", 400, 2_000, seed=1).lines)


def test_sizes_that_cannot_be_are_refused() -> None:
    """More channels than half of all that there can be, fewer than none, or no such shape."""
    with pytest.raises(UsageError, match="give at most 3"):
        synthetic("random", 3, 4, seed=1)
    with pytest.raises(UsageError, match="-1 channels"):
        synthetic("random", 3, -1, seed=1)
    with pytest.raises(UsageError, match="no shape 'ring'"):
        synthetic("ring", 3, 1, seed=1)  # type: ignore[arg-type]  # on purpose


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_reach_agrees_with_all_ways(data: st.DataObject) -> None:
    """Steps and widest ways are those of all simple ways, listed."""
    edges = [(i, j) for i in range(5) for j in range(5) if i != j]
    capacity = st.one_of(st.none(), st.integers(0, 5))
    channels = data.draw(st.dictionaries(st.sampled_from(edges), capacity, max_size=10))
    found = reach(5, channels, [0])
    infinite = 10**9
    for target in range(1, 5):
        ways = [
            way
            for count in range(4)
            for way in ((0, *middle, target) for middle in permutations(sorted({1, 2, 3, 4} - {target}), count))
            if all(channels.get(step, 0) != 0 for step in pairwise(way))
        ]
        assert (target in found.steps) == bool(ways)
        if ways:
            widths = [min(infinite if (c := channels[step]) is None else c for step in pairwise(way)) for way in ways]
            assert found.steps[target] == min(len(way) - 1 for way in ways)
            assert found.widest[target] == (None if max(widths) == infinite else max(widths))
            into = [c for (by, to), c in channels.items() if to == target and by in found.steps]
            assert found.all_ways[target] == (None if None in into else sum(c for c in into if c is not None))


def test_reach_refuses_nodes_that_are_not() -> None:
    """A failing node outside the network is an error."""
    with pytest.raises(UsageError, match="node 3, of 3 nodes"):
        reach(3, {}, [3])


def network(*channels: tuple[str, str, int | None], carries: LossKind = "principal", asset: str = "usd") -> Network:
    """Pools a to e with these channels."""
    return Network(
        "five",
        tuple(Node(name, "pool", name) for name in "abcde"),
        tuple(
            Channel(source, target, "line", asset, capacity, (), "by hand", carries)
            for source, target, capacity in channels
        ),
        "by hand",
    )


def uppers(given_: Network, *failing: str, **buffers: int) -> dict[str, int | None]:
    """Node -> what it loses."""
    return {row.node: row.upper for row in simultaneous(given_, failing, buffers).losses}


def test_failures_together_lose_less_than_apart() -> None:
    """a and b have each borrowed 10 from c, which owes d 12: either failure costs d 10, both together 12."""
    given_ = network(("a", "c", 10), ("b", "c", 10), ("c", "d", 12))
    assert from_network(given_)[0].lent == {(0, 2): 10, (1, 2): 10, (2, 3): 12}
    assert uppers(given_, "a") == {"c": 10, "d": 10}
    assert uppers(given_, "a", "b") == {"c": 20, "d": 12}
    assert uppers(given_, "a", c=4) == {"c": 10, "d": 6}
    assert uppers(given_, "c") == {"d": 12}
    assert uppers(given_, "e") == {}


def test_a_failing_pool_repays_nothing_even_if_it_is_paid() -> None:
    """b fails and a pays it all the same: c gets nothing."""
    assert uppers(network(("a", "b", 5), ("b", "c", 5)), "b") == {"c": 5}


def test_who_fails_itself_loses_what_it_has_lent() -> None:
    """a owes b 5 and b owes c 5, and both fail: b loses its 5 too, as one that fails, and its whole claim is gone.

    If b alone fails, a pays, and b loses nothing of what it has lent.
    """
    given_ = network(("a", "b", 5), ("b", "c", 5))
    rows = {row.node: row for row in simultaneous(given_, ["a", "b"]).losses}
    assert {node: (row.upper, row.fails, row.distress) for node, row in rows.items()} == {
        "b": (5, True, 1.0),
        "c": (5, False, 1.0),
    }
    assert uppers(given_, "b") == {"c": 5}


def test_a_loss_is_shared_in_proportion_by_hand() -> None:
    """a fails and owes b 12, which owes c 6 and d 3, and has nothing else.

    b loses 12, more than the 9 that it owes: c loses 6 and d 3.  That b is owed 3 more than it owes is no buffer.
    With a buffer of 6, b repays 12 - 6 = 6 less, which is 3 of 9, in proportion: c loses 6 - 2 = 4 and d 3 - 1 = 2.
    """
    given_ = network(("a", "b", 12), ("b", "c", 6), ("b", "d", 3))
    assert uppers(given_, "a") == {"b": 12, "c": 6, "d": 3}
    assert uppers(given_, "a", b=6) == {"b": 12, "c": 4, "d": 2}


def test_a_loss_that_nothing_bounds() -> None:
    """c loses over an unbounded channel, and then repays d nothing; a buffer that stops the loss before stops all."""
    given_ = network(("a", "b", 5), ("b", "c", None), ("c", "d", 7))
    assert uppers(given_, "a") == {"b": 5, "c": None, "d": 7}
    assert uppers(given_, "a", b=5) == {"b": 5}


def test_only_principal_is_cleared() -> None:
    """Channels that carry no principal are no debts."""
    assert from_network(network(("a", "b", 5), carries="frozen")) == ()
    assert simultaneous(network(("a", "b", 5), carries="value"), ["a"]).losses == ()


def test_beyond_sixty_nodes_bounds_are_not_below_the_exact_ones() -> None:
    """Floats round a bound up, never down."""
    given_ = synthetic("random", 30, 90, seed=2).network()
    failing = [f"pool-{number}" for number in range(0, 30, 5)]
    exact = {row.node: row.upper for row in simultaneous(given_, failing, exact=True).losses}
    floats = {row.node: row.upper for row in simultaneous(given_, failing, exact=False).losses}
    assert exact.keys() == floats.keys()
    for node, upper in exact.items():
        assert upper is not None
        assert upper <= (floats[node] or 0) <= upper + 1


def test_unknown_names_are_refused() -> None:
    """A name that is neither a pool nor a node is an error."""
    with pytest.raises(UsageError, match="no pool or node 'z'"):
        simultaneous(network(), ["z"])

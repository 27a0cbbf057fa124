"""The parts of the search: which calls come next, which states are the same, what the solver is asked."""

from __future__ import annotations

from typing import Any

import pytest

from poolproof.models.reference import REFERENCE
from poolproof.proofs import questions as module
from poolproof.proofs.paths import Goal
from poolproof.proofs.questions import HOLDS, Claim, OutOfBudget, Questions, Values
from poolproof.proofs.search import new_path
from poolproof.proofs.sequences import Alphabet, Done, OpenCall, Sequence, arguments, first_assets, pins, with_numbers
from poolproof.proofs.shapes import Shapes
from poolproof.proofs.snapshots import copy_state
from poolproof.spec.action import asset, shares, slots, tokens, user
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

# --- sequences ----------------------------------------------------------------------------------------------------


def test_a_new_user_takes_the_next_name(minimal: Protocol) -> None:
    """Users start alike: after two of them only the third is new, and bob is nobody before alice."""
    alphabet = Alphabet(minimal, ())
    both = {"sender": user(), "receiver": user()}
    assert list(alphabet.given(both, 0)) == [("alice", "alice"), ("alice", "bob")]
    after_one = [("alice", "alice"), ("alice", "bob"), ("bob", "alice"), ("bob", "bob"), ("bob", "carol")]
    assert list(alphabet.given(both, 1)) == after_one
    assert len(list(alphabet.given({"who": user()}, 4))) == 4


def test_numbers_are_open_or_nothing(minimal: Protocol) -> None:
    """No amount is a case of its own; in a scenario it is not, and the variable may be 0."""
    alphabet = Alphabet(minimal, ())
    domains = {"amount": tokens(), "asset": asset(), "elapsed": slots()}
    assert len(list(alphabet.given(domains, 0))) == 2 * 2 * 2
    assert list(alphabet.given(domains, 0, zero=False)) == [(None, "ETH", None), (None, "USDC", None)]
    path = new_path(())
    amount, eth, elapsed = arguments(path.space, domains, (None, "ETH", 0))
    assert (eth, elapsed) == ("ETH", 0)
    (perhaps_nothing,) = arguments(path.space, {"amount": tokens()}, (None,), zero=False)
    assert path.known(amount > 0) is True
    assert path.known(amount < 2**112) is True
    assert path.known(perhaps_nothing > 0) is None


def test_what_enables_others_comes_before_parameter_changes(minimal: Protocol) -> None:
    """The cost of a sequence: one an enabling or hinted action, two another, one more a third user."""
    alphabet = Alphabet(minimal, ("repay",))
    ranked = alphabet.extensions(Sequence(), REFERENCE.actions)
    names = {rank: {call.action.name for call in calls} for rank, calls in ranked.items()}
    assert names[0] == {"repay"}
    assert names[1] == {"deposit", "enter", "borrow", "pass_time", "set_price"}
    assert "set_close_factor" in names[2]
    deposit = REFERENCE.action("deposit")
    third = alphabet.extended(Sequence(users=2), OpenCall(deposit, ("carol", "ETH", None)))
    assert (third.users, third.cost) == (3, 2)


def test_other_assets_cost_more_than_the_first_two() -> None:
    """The first collateral and the first other asset that can be borrowed; all others later."""
    protocol = load_protocol("liquid-staked-bnb")
    first = first_assets(protocol.pools[0])
    assert first == ("ankrBNB", "BNBx")
    alphabet = Alphabet(protocol, ())
    assert alphabet.assets[:2] == first
    assert sorted(alphabet.assets) == sorted(market.asset for market in protocol.pools[0].markets)
    deposit = REFERENCE.action("deposit")
    costs = {a: alphabet.extended(Sequence(), OpenCall(deposit, ("alice", a, None))).cost for a in alphabet.assets}
    assert [costs[each] for each in (*first, "USDT", "asBNB")] == [1, 1, 2, 2]


def test_a_sequence_is_told_in_words(minimal: Protocol) -> None:
    """With its open numbers as dots."""
    calls = (
        OpenCall(REFERENCE.action("deposit"), ("alice", "ETH", None)),
        OpenCall(REFERENCE.action("pass_time"), (0,)),
    )
    assert str(Sequence(calls)) == "deposit(alice, ETH, ...); pass_time(0)"
    assert str(Sequence()) == "the initial state"


# --- shapes -------------------------------------------------------------------------------------------------------


class Run:
    """Calls carried out one after another, each on the path that its conditions take first."""

    def __init__(self, protocol: Protocol, *calls: tuple[Any, ...]) -> None:
        self.path = new_path(())
        self.state = copy_state(REFERENCE.build(protocol))
        self.done: Done = ()
        for name, *given in calls:
            action = REFERENCE.action(name)
            values = arguments(self.path.space, action.domains, tuple(given))
            self.done = (*self.done, (OpenCall(action, tuple(given)), values))
            self.state.begin()
            action.run(self.state, *values)

    def is_new_to(self, shapes: Shapes, depth: int = 9) -> bool:
        """Whether no state like this one was kept."""
        return shapes.is_new(self.path, self.state, self.done, ("alice", "bob"), depth)


def kept(protocol: Protocol, *calls: tuple[Any, ...], depth: int = 0) -> Shapes:
    """Shapes that know one state."""
    shapes = Shapes()
    assert Run(protocol, *calls).is_new_to(shapes)
    shapes.keep(depth)
    return shapes


ALICE_ETH, BOB_USDC = ("deposit", "alice", "ETH", None), ("deposit", "bob", "USDC", None)
ALICE_USDC, BOB_ETH = ("deposit", "alice", "USDC", None), ("deposit", "bob", "ETH", None)


def test_independent_actions_commute(minimal: Protocol) -> None:
    """Two orders of two deposits in two markets are one state; two deposits in one market are another."""
    shapes = kept(minimal, ALICE_ETH, BOB_USDC)
    assert not Run(minimal, BOB_USDC, ALICE_ETH).is_new_to(shapes)
    assert Run(minimal, ALICE_ETH).is_new_to(shapes)
    assert Run(minimal, ALICE_ETH, ALICE_ETH).is_new_to(shapes)
    assert Run(minimal, ALICE_ETH, ("deposit", "alice", "USDC", None)).is_new_to(shapes)


def test_the_names_of_users_do_not_matter(minimal: Protocol) -> None:
    """What alice and bob did, bob and alice can do."""
    assert not Run(minimal, ALICE_USDC, BOB_ETH).is_new_to(kept(minimal, ALICE_ETH, BOB_USDC))


def test_an_action_that_changes_nothing_leads_nowhere(minimal: Protocol) -> None:
    """A redemption of no shares, and a second entering."""
    shapes = kept(minimal, ("enter", "alice", "ETH"))
    assert not Run(minimal, ("enter", "alice", "ETH"), ("redeem", "alice", "ETH", 0)).is_new_to(shapes)
    assert not Run(minimal, ("enter", "alice", "ETH"), ("enter", "alice", "ETH")).is_new_to(shapes)
    assert Run(minimal, ("enter", "alice", "USDC")).is_new_to(shapes)


def test_equal_parts_are_counted(minimal: Protocol) -> None:
    """Two donations are not one, although each of them looks like the other."""
    donate = ("donate", "alice", "ETH", None)
    shapes = kept(minimal, donate)
    assert Run(minimal, donate, donate).is_new_to(shapes)
    assert not Run(minimal, donate).is_new_to(shapes)


def test_a_state_kept_later_does_not_stand_for_an_earlier_one(minimal: Protocol) -> None:
    """From a deeper state fewer actions are left."""
    shapes = kept(minimal, ALICE_ETH, depth=3)
    assert Run(minimal, ALICE_ETH).is_new_to(shapes, depth=2)
    assert not Run(minimal, ALICE_ETH).is_new_to(shapes, depth=3)


def test_a_state_under_more_conditions_does_not_stand_for_one_under_fewer(minimal: Protocol) -> None:
    """What was kept stands for fewer amounts."""
    narrow = Run(minimal, ALICE_ETH)
    narrow.path.assume(narrow.state.markets["ETH"].cash <= 5)
    shapes = Shapes()
    assert narrow.is_new_to(shapes)
    shapes.keep(0)
    assert Run(minimal, ALICE_ETH).is_new_to(shapes)
    wide = kept(minimal, ALICE_ETH)
    assert not narrow.is_new_to(wide)


# --- questions ----------------------------------------------------------------------------------------------------


def goal_of(product: int, low: int = 2) -> tuple[Goal, list[str]]:
    """The goal that no two numbers from ``low`` on have a product."""
    path = new_path(())
    a, b = path.space.number("a", "positive"), path.space.number("b", "positive")
    path.assume(a >= low)
    path.assume(b >= a)
    path.claim(a * b != product, "no factors")
    return path.goals.pop(), ["a", "b"]


def claim_of(goal: Goal, found: list[Values], pinned: Values | None = None) -> Claim:
    """A claim that notes what breaks it."""
    return Claim(goal, ("a", "b"), pinned or {}, found.append, "nothing", 0, 0)


def test_a_claim_is_shown_or_broken() -> None:
    """13 has no factors; those of 15 are found."""
    questions = Questions(10**7)
    found: list[Values] = []
    assert any(questions.holds(claim_of(goal_of(13)[0], found), turn) for turn in range(len(HOLDS)))
    assert found == []
    assert not questions.holds(claim_of(goal_of(15)[0], found), 0)
    assert found[0] == {"a": 3, "b": 5}


def test_a_question_is_asked_once() -> None:
    """The names of variables do not make another question; its answer is not paid for twice."""
    questions = Questions(10**7)
    first = questions.witness(goal_of(15)[0])
    asked, left = questions.asked, questions.left
    again = questions.witness(goal_of(15)[0])
    assert (questions.asked, questions.left) == (asked, left)
    assert first == again


def test_a_witness_takes_a_path() -> None:
    """Numbers for a possible one, nothing for an impossible one."""
    path = new_path(())
    x, y = path.space.number("x", "positive"), path.space.number("y", "positive")
    path.assume(x >= 7)
    path.assume(y >= x)
    path.claim(condition=False, name="reached")
    numbers = Questions(10**6).witness(path.goals[-1])
    assert numbers is not None
    assert numbers["y"] >= numbers["x"] >= 7
    path.assume(y <= 6)
    path.claim(condition=False, name="reached")
    assert Questions(10**6).witness(path.goals[-1]) is None


def test_what_pins_and_caps_exclude_is_not_excluded(monkeypatch: pytest.MonkeyPatch) -> None:
    """They only help to break a claim: 11 x 13 has no factor up to 10, and none with 2."""
    found: list[Values] = []
    goal, _ = goal_of(143)
    questions = Questions(10**7)
    readings = [reading for turn in HOLDS for reading in turn if reading.pinned or reading.cap is not None]
    monkeypatch.setattr(module, "HOLDS", (tuple(readings[:2]), tuple(readings[2:])))
    assert not questions.holds(claim_of(goal, found, {"a": 2}), 0)
    assert found == []
    assert not questions.holds(claim_of(goal, found), 1)
    assert found == [{"a": 11, "b": 13}]


def test_work_beyond_the_budget_ends() -> None:
    """The question that is too much is the last."""
    questions = Questions(1000)
    questions.spend(1000)
    with pytest.raises(OutOfBudget):
        questions.witness(goal_of(15)[0])


def test_a_witness_pins_the_calls_that_it_is_of() -> None:
    """Numbers by the names of the variables; what was given stays."""
    space = new_path(()).space
    call = OpenCall(REFERENCE.action("redeem"), ("alice", "ETH", None))
    done: Done = tuple((call, arguments(space, call.action.domains, call.given)) for _ in range(2))
    numbers = {"shares": 5, "shares~1": 7}
    witness = with_numbers(done, numbers)
    assert witness == (("alice", "ETH", 5), ("alice", "ETH", 7))
    assert pins(done, witness) == numbers
    assert pins(done, witness[:1]) == {"shares": 5}
    assert shares().is_number

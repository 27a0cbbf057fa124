"""The symbolic system: what it can express is proved, what is planted in it is refuted, and it is not empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.invariants.registry import REGISTRY
from poolproof.invariants.rewards import REWARDS, rewards_of_all
from poolproof.models.reference import REFERENCE
from poolproof.proofs.deciding import LADDER
from poolproof.proofs.induction import Case, Induction, Obligation
from poolproof.proofs.paths import Goal, Path
from poolproof.proofs.smt import text_of
from poolproof.proofs.solver import decide_text
from poolproof.proofs.terms import Space
from poolproof.proofs.world_of_system import POOL, Place, SystemInduction, copy_system
from poolproof.spec.action import Action
from poolproof.spec.invariant import Catalogue, Clause, Invariant

BUDGET = 1_000_000
STEPS = ("deposit", "transfer", "create_pool", "add_market", "unlist_market", "claim_rewards")


def of(catalogue: Any) -> SystemInduction:
    """The obligations of a catalogue around a pool of plain markets."""
    return SystemInduction(Induction(REFERENCE, CATALOGUE), catalogue)


@cache
def answer(text: str, strategy: str, share: float) -> str:
    """What the solver says of a text."""
    return str(decide_text(text, int(BUDGET * share), (strategy,))["status"])


def is_proved(goal: Goal) -> bool:
    """Whether some attempt shows a goal."""
    if goal.node is True:
        return True
    attempts = ((text_of(goal, rung.rounds, linear=rung.linear)[0], rung) for rung in LADDER if rung.rounds != -1)
    return any(answer(text, rung.strategy, rung.share) == "unsat" for text, rung in attempts)


def steps_of(catalogue: Catalogue, name: str) -> Iterator[Obligation]:
    """What has to be shown of one action, scenarios aside."""
    induction = of(catalogue)
    induction.actions = tuple(action for action in induction.actions if action.name == name)
    for obligation in induction.obligations():
        if obligation.action == name:
            yield obligation


@pytest.mark.parametrize("catalogue", [REGISTRY, REWARDS], ids=["REG", "REW"])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_keeps_what_is_claimed(catalogue: Catalogue, name: str) -> None:
    """Every obligation of the action is proved."""
    obligations = list(steps_of(catalogue, name))
    assert obligations
    assert [f"{each.clause} [{each.case}]" for each in obligations if not is_proved(each.goal)] == []


@pytest.mark.parametrize("catalogue", [REGISTRY, REWARDS], ids=["REG", "REW"])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_can_happen(catalogue: Catalogue, name: str) -> None:
    """From some state that satisfies all hypotheses the action completes."""
    induction = of(catalogue)
    action = next(action for action in induction.actions if action.name == name)
    assert any(is_possible(goal) for goal in ends(induction, action))


def ends(induction: SystemInduction, action: Action) -> Iterator[Goal]:
    """The ends of an action's paths, as goals that nothing fulfils."""
    place = next(induction.places(action.domains, action))

    def run(path: Path, start: tuple[Any, list[Any]]) -> None:
        old, arguments = start
        action.run(copy_system(old), *arguments)
        path.claim(condition=False, name="the action completes")

    for path in induction.induction.explore(setup_of(induction, action.domains, place), run):
        yield from path.goals


def setup_of(induction: SystemInduction, domains: Any, place: Place) -> Callable[[Space], Any]:
    """What all paths of an action start from."""
    return lambda space: induction.world(space, domains, place, instant=False)


def is_possible(goal: Goal) -> bool:
    """Whether some state leads to a goal that nothing fulfils."""
    return str(decide_text(text_of(goal, None)[0], 3 * BUDGET, ("z3", "z3-nla"))["status"]) == "sat"


@pytest.mark.parametrize(
    ("catalogue", "name"),
    [(REGISTRY, "every_pool_has_a_number_of_its_own"), (REWARDS, "what_was_emitted_is_somebodys")],
)
def test_a_lemma_is_needed(catalogue: Catalogue, name: str) -> None:
    """Without it as a hypothesis, what rests on it is not proved: the state is really arbitrary."""
    induction = of(catalogue)
    induction.lemmas = [(i, c) for i, c in induction.lemmas if c.name != name]
    induction.actions = ()
    (owner,) = (i for i in catalogue if any(c.name == name for c in i.clauses))
    stated = [each for each in induction.obligations(lambda one: one is owner) if each.action == "any state"]
    assert any(not is_proved(each.goal) for each in stated)


def test_a_false_claim_is_refuted() -> None:
    """That nobody ever has rewards is not proved of a deposit."""
    false = Invariant("REW-9", "nobody has rewards", "state")
    false.clauses.append(Clause("state", nobody_has_rewards, "pool", lemma=True))
    induction = of([*REWARDS, false])
    induction.actions = tuple(action for action in induction.actions if action.name == "update_rewards")
    goals = [each.goal for each in induction.obligations(lambda one: one is false) if each.goal.node is not True]
    assert any(is_possible(goal) for goal in goals)


def nobody_has_rewards(system: Any) -> Any:
    """The rewards of all suppliers and borrowers are 0."""
    totals = [rewards_of_all(each, system.markets[each.market]) for each in system.rewards.values()]
    return all_zero(totals)


def all_zero(totals: list[Any]) -> Any:
    """Whether all of the numbers are 0."""
    result: Any = True
    for total in totals:
        result = (total == 0) & result
    return result


def test_a_copy_keeps_what_it_was() -> None:
    """A run on a copy changes neither ledgers nor numbers of the original, and what is shared stays shared."""
    space = Space(None)
    space.path = Path(space)
    place = Place(Case({"user": "user"}, {"asset": "asset"}), own_token=True)
    old, _ = of(REWARDS).world(space, {}, place, instant=False)
    new = copy_system(old)
    name = next(iter(new.rewards))
    programme, market = new.rewards[name], new.markets[new.rewards[name].market]
    assert programme.tokens is market.tokens
    assert market is new.pools[POOL].markets["asset"]
    programme.earned["user"] = programme.earned["user"] + 1
    programme.index = programme.index + 1
    new.registry.home[programme.market] = 0
    kept = old.rewards[name]
    assert (kept.earned["user"] + 1).poly == programme.earned["user"].poly
    assert (kept.index + 1).poly == programme.index.poly
    assert old.registry.home[programme.market].constant is None


def test_a_weighted_sum_follows_each_write() -> None:
    """Writing an entry moves the sum by the entry's difference times its weight."""
    space = Space(None)
    space.path = Path(space)
    system, _ = of(REWARDS).world(space, {}, Place(Case({"user": "user"}, {"asset": "asset"})), instant=False)
    programme = next(iter(system.rewards.values()))
    weights = programme.holdings(system.markets[programme.market])
    before = programme.seen.weighted(weights)
    seen = programme.seen["user"]
    programme.seen["user"] = seen * 3
    assert programme.seen.weighted(weights).poly == (before + weights["user"] * seen * 2).poly

"""The two readings of the model agree: what a run does on integers, its symbolic reading does on terms.

Random runs are carried out in both.  Whatever a proof takes for granted on the way (definitions, quotients, choices,
lemmas, the region, the sums over other markets, the signs) must be true of them: a false one would be a hole in every
proof that rests on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.invariants.portfolio import relations
from poolproof.models.isolated_pool import donate, redeem, set_borrow_cap, set_risk_factors
from poolproof.models.market import Market
from poolproof.models.reference import REFERENCE
from poolproof.proofs import world
from poolproof.proofs.agreement import Agreement
from poolproof.proofs.draw import PROFILES
from poolproof.proofs.paths import Path
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.tactics import Tactics
from poolproof.proofs.terms import Space, Term
from poolproof.proofs.valuation import Undetermined
from poolproof.proofs.world import SymbolicLedger
from poolproof.spec.action import Action, Domain, action, asset, perform, tokens, user
from poolproof.spec.arithmetic import Number
from poolproof.spec.loading import load_protocol

PROTOCOLS = ["minimal", "liquid-staked-bnb"]
EPISODE = 80
"""Actions of a run, before another one starts from the initial state."""
RECKLESS = 0.15
"""The part of the actions that is drawn without a look at what would be refused."""
BY_USERS = [each for each in REFERENCE.actions if each.by == "user"]
SCENARIOS = [(i, c) for i in CATALOGUE for c in i.clauses if c.form == "scenario"]


@dataclass
class Moment:
    """A state of a random run, and the action that comes next."""

    state: Any
    action: Action
    arguments: tuple[Any, ...]
    users: tuple[str, ...]
    random: Random
    tactics: Tactics

    def beside(self, domains: dict[str, Domain], arguments: tuple[Any, ...]) -> dict[str, str]:
        """A market and an account that are not named, the market one of all where every one is named."""
        named = {a for a, domain in zip(arguments, domains.values(), strict=True) if not domain.is_number}
        markets = [name for name in self.state.markets if name not in named] or list(self.state.markets)
        accounts = [name for name in (*self.users, "nobody") if name not in named]
        return {"market": self.random.choice(markets), "anyone": self.random.choice(accounts)}


def moments(name: str, steps: int, seed: int) -> Iterator[Moment]:
    """Random runs of a shipped protocol: of every style, liquidations, defaults and refusals among them."""
    protocol, random = load_protocol(name), Random(seed)
    tactics = Tactics(REFERENCE, protocol, random, {"liquidate": 25, "write_off": 40})
    initial = REFERENCE.build(protocol)
    state = initial
    for step in range(steps):
        if step % EPISODE == 0:
            state = copy_state(initial)
            tactics.begin(state, PROFILES[step // EPISODE % len(PROFILES)])
        action, arguments = tactics.next()
        if random.random() < RECKLESS:
            action = random.choice(BY_USERS)
            arguments = tactics.arguments_of(action.domains)
        yield Moment(state, action, arguments, protocol.users, random, tactics)


def compare(agreement: Agreement, moment: Moment, *, claims: bool = False) -> list[str]:
    """Compare the readings of the next action: from the state as it is, from the accrued one, or at another market."""
    action, arguments = moment.action, moment.arguments
    explicit = moment.beside(action.domains, arguments)
    options: dict[str, Any] = {**explicit, "claims": claims}
    names_a_market = any(domain.kind == "asset" for domain in action.domains.values())
    worlds = ["as it is", "instant"]
    if action.by == "user" and names_a_market and explicit["market"] not in arguments:
        worlds.append("beside")
    world = moment.random.choice(worlds)
    if world != "as it is":
        options[world] = True
    return agreement.of_action(moment.state, action, arguments, **options)


# --- random runs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "steps", "seed"), [("minimal", 2500, 1), (PROTOCOLS[1], 2000, 2)])
def test_every_state_and_refusal_is_equal(name: str, steps: int, seed: int) -> None:
    """Thousands of actions of all kinds: the same refusal, or the same scalars, ledger entries and totals."""
    agreement = Agreement(REFERENCE, CATALOGUE)
    ends: Counter[tuple[str, str | None]] = Counter()
    for moment in moments(name, steps, seed):
        call = f"{moment.action.name}{moment.arguments}"
        assert compare(agreement, moment) == [], call
        refusal = perform(moment.state, moment.action, moment.arguments)
        ends[moment.action.name, refusal.name if refusal else None] += 1
    assert {done for done, refusal in ends if refusal is None} == {each.name for each in REFERENCE.actions}
    assert len({refusal for _, refusal in ends}) > 14
    assert sum(count for (_, refusal), count in ends.items() if refusal) > steps // 20


@pytest.mark.parametrize(("name", "steps", "seed"), [("minimal", 600, 4), (PROTOCOLS[1], 300, 5)])
def test_every_claim_about_a_step_is_worth_the_same(name: str, steps: int, seed: int) -> None:
    """Each clause at each place, its cuts, and what is recorded on the way, after each action."""
    agreement = Agreement(REFERENCE, CATALOGUE)
    for moment in moments(name, steps, seed):
        assert compare(agreement, moment, claims=True) == [], f"{moment.action.name}{moment.arguments}"
        perform(moment.state, moment.action, moment.arguments)


@pytest.mark.parametrize(("name", "steps", "seed"), [("minimal", 600, 6), (PROTOCOLS[1], 400, 7)])
def test_every_claim_about_a_state_is_worth_the_same(name: str, steps: int, seed: int) -> None:
    """Each clause that is proved of any state, in states of random runs."""
    agreement = Agreement(REFERENCE, CATALOGUE)
    looked = 0
    for number, moment in enumerate(moments(name, steps, seed)):
        if number % 10 == 9:
            assert agreement.of_state(moment.state, **moment.beside({}, ())) == []
            looked += 1
        perform(moment.state, moment.action, moment.arguments)
    assert looked == steps // 10


@pytest.mark.parametrize(("name", "steps", "seed"), [("minimal", 1200, 8), (PROTOCOLS[1], 600, 9)])
def test_scenarios_say_the_same(name: str, steps: int, seed: int) -> None:
    """Each scenario assumes and claims the same things, with the same truth, and stops at the same place."""
    agreement = Agreement(REFERENCE, CATALOGUE)
    for number, moment in enumerate(moments(name, steps, seed)):
        invariant, clause = SCENARIOS[number % len(SCENARIOS)]
        arguments = moment.tactics.arguments_of(clause.domains)
        explicit = moment.beside(clause.domains, arguments)
        wrong = agreement.of_scenario(moment.state, invariant, clause, arguments, **explicit)
        assert wrong == [], f"{invariant.id}/{clause.name}{arguments}"
        perform(moment.state, moment.action, moment.arguments)
    assert steps > 5 * len(SCENARIOS)


# --- what the comparison finds --------------------------------------------------------------------------------


def differences() -> list[str]:
    """What a short comparison of claims finds."""
    agreement = Agreement(REFERENCE, CATALOGUE)
    for moment in moments("minimal", 150, 10):
        found = compare(agreement, moment, claims=True)
        if found:
            return found
        perform(moment.state, moment.action, moment.arguments)
    return []


def test_a_quotient_with_a_wrong_bound_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A definition that leaves a quotient two values, or none, does not define it."""

    def loose(space: Space, numerator: Any, divisor: Any, *, up: bool) -> Term:
        atom = space.atom("loose")
        result, n, d = Term(space, {(atom,): 1}), Term(space, numerator), Term(space, divisor)
        space.fact(result * d <= n, "quotient", of=atom)
        space.fact(result * d >= n - d, "quotient", of=atom)
        return result

    monkeypatch.setattr(Space, "_new_quotient", loose)
    with pytest.raises(Undetermined, match="its definition must leave one value"):
        differences()


def test_a_total_that_a_write_does_not_follow_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ghost total is compared with the sum over the accounts."""

    def forgetful(ledger: SymbolicLedger, account: str, value: Any) -> None:
        ledger._entries[account] = value

    monkeypatch.setattr(SymbolicLedger, "__setitem__", forgetful)
    assert any(", all: " in line for line in differences())


def test_a_false_relation_between_remainders_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken for granted of an account's other markets is held against its other markets."""

    def too_much(*terms: Number) -> list[Any]:
        *_, worth = terms
        return [*relations(*terms), worth > 0]

    monkeypatch.setattr(world, "relations", too_much)
    assert any(line.startswith("PORTFOLIO: ") for line in differences())


def test_a_lemma_that_does_not_hold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The states that proofs start from include those that random runs reach."""

    def idle(pool: Any, market: Market) -> Any:
        return market.debt_shares == 0

    catalogue = type(CATALOGUE)()
    catalogue.declare("SOLV-6", "no market has debt", "state").state(lemma=True)(idle)
    agreement = Agreement(REFERENCE, catalogue)
    found: list[str] = []
    for moment in moments("minimal", 150, 10):
        found += compare(agreement, moment)
        perform(moment.state, moment.action, moment.arguments)
    assert any(line.startswith("SOLV-6: ") and line.endswith(" is false") for line in found)


def test_a_bound_that_settles_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a path takes to be known is held against its value."""
    bounded = Path._bounded

    def generous(path: Path, node: Any) -> bool:
        weaker = tuple((m, c + 1) if not m else (m, c) for m, c in node[1])
        return bounded(path, node) or bounded(path, ("ge", weaker))

    @action(user=user(), asset=asset(), amount=tokens())
    def compares_twice(pool: Any, user: str, asset: str, amount: Number) -> None:
        market = pool.markets[asset]
        if amount <= market.cash:
            market.donated += 1
        if amount + 1 <= market.cash:
            market.donated += 1

    monkeypatch.setattr(Path, "_bounded", generous)
    agreement = Agreement(REFERENCE, CATALOGUE)
    state = REFERENCE.build(load_protocol("minimal"))
    found = agreement.of_action(state, compares_twice, ("alice", "ETH", 0), market="USDC", anyone="bob")
    assert any(line.endswith("the path takes it to be True") for line in found)


# --- actions made for the comparison --------------------------------------------------------------------------


@action(user=user(), asset=asset(), amount=tokens())
def divides_by_cash(pool: Any, user: str, asset: str, amount: Number) -> None:
    """Divides by what may be zero."""
    market = pool.markets[asset]
    market.donated += amount // market.cash


@pytest.mark.parametrize("cash", [0, 1, 7])
def test_a_division_by_zero_is_one_in_both_readings(cash: int) -> None:
    """It ends the run on integers, and the same path on terms; a divisor above zero ends neither."""
    state = REFERENCE.build(load_protocol("minimal"))
    market = state.markets["ETH"]
    market.cash = market.tokens["main:ETH"] = cash
    market.tokens["bob"] -= cash
    agreement = Agreement(REFERENCE, CATALOGUE)
    arguments = ("alice", "ETH", 40)
    assert agreement.of_action(state, divides_by_cash, arguments, market="USDC", anyone="bob") == []
    assert agreement._run is not None
    assert agreement._run.ends == agreement._run.symbolic_ends == ("division by zero" if cash == 0 else None)


def test_a_change_that_leaves_the_region_is_not_followed() -> None:
    """The engine assumes that governance stays inside the region; a refused change is a refusal all the same."""
    state = REFERENCE.build(load_protocol("minimal"))
    agreement = Agreement(REFERENCE, CATALOGUE)
    high = state.markets["ETH"].amount_limit + 1
    assert agreement.of_action(state, set_borrow_cap, ("ETH", high), market="USDC", anyone="bob") == []
    assert agreement.of_action(state, set_risk_factors, ("ETH", 2, 1), market="USDC", anyone="bob") == []


def test_a_run_that_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redemption and a donation are not the same: a line for each number that differs."""
    state = REFERENCE.build(load_protocol("minimal"))
    agreement = Agreement(REFERENCE, CATALOGUE)
    real: Callable[..., None] = donate.run

    def one_more(pool: Any, user: str, asset: str, amount: Number) -> None:
        real(pool, user, asset, amount)
        if isinstance(amount, Term):
            pool.markets[asset].donated += 1

    changed = Action("donate", one_more, donate.domains, "user", "user", donate.meaning)
    found = agreement.of_action(state, changed, ("alice", "ETH", 5), market="USDC", anyone="bob")
    assert found == ["ETH.donated: 5 on integers, 6 on terms"]
    with pytest.raises(ValueError, match='"alice" is an account that the run names'):
        agreement.of_action(state, redeem, ("alice", "ETH", 5), market="USDC", anyone="alice")

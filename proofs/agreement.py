"""Both readings of a run, side by side: the run on integers decides everything in the run on terms.

The symbolic run is the engine's own, with its worlds, its cases and its claims.  The concrete one gives each free
atom its value and each fork its branch.  Then both must end alike, in the same refusal or the same state; all that
was recorded on the way must be true; and each claim must be worth what it is worth on integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from typing import Any

from poolproof.models.isolated_pool import TREASURY
from poolproof.spec.action import Action, Domain, perform
from poolproof.spec.invariant import Catalogue, Clause, Invariant, Step
from poolproof.spec.model import Model
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .clauses import places
from .counterparts import Counterpart, accrued
from .induction import OTHER, Induction
from .paths import Path, Unreachable, explore_paths
from .snapshots import copy_state
from .terms import DivisionByZero, Formula, Space
from .trial import ConcreteTrial
from .valuation import Valuation
from .world import ANYONE, AnyRate, copy_pool

DIVISION = "division by zero"
NOTHING = "nothing, for want of a price"
"""What a claim says that asks for a price that is missing."""
STOPPED = "before its end, where an assumption does not hold"

Setup = Callable[[Space], Any]
Body = Callable[[Path, Any], None]
Claims = list[tuple[Invariant, Clause]]


class GivenRate(AnyRate):
    """Any rate model, which on this run is a certain one."""

    __slots__ = ("rates", "valuation")

    def __init__(self, space: Space, name: str, valuation: Valuation, rates: Any) -> None:
        super().__init__(space, name)
        self.valuation, self.rates = valuation, rates

    def borrow_rate(self, used: Any) -> Any:
        """The certain model's rate, as the value of some rate."""
        some = super().borrow_rate(used)
        self.valuation.assign(some, self.rates.borrow_rate(self.valuation.number(used)))
        return some


class GivenPath(Path):
    """The path that a valuation takes.

    ``said`` lists what was assumed and claimed, with its truth; ``wrong`` what should be true and is not.
    """

    def __init__(self, space: Space, valuation: Valuation) -> None:
        super().__init__(space)
        self.valuation = valuation
        self.said: list[tuple[str, bool]] = []
        self.wrong: list[str] = []

    def decide(self, condition: Formula) -> bool:
        """The branch of the condition's value, which what is known must not contradict."""
        truth = self.valuation.truth(condition)
        known = self.known(condition)
        if known is None:
            self.decisions.append(truth)
            self.learn(condition if truth else ~condition, "path")
        elif known is not truth:
            self.wrong.append(f"{condition.node} is {truth}, the path takes it to be {known}")
        return truth

    def assume(self, condition: Any, tag: str = "assume") -> None:
        """Go on only where a condition holds."""
        truth = self.valuation.truth(condition)
        self.said.append((tag, truth))
        if not truth:
            raise Unreachable
        super().assume(condition, tag)

    def claim(self, condition: Any, name: str, *, cut: bool = False) -> None:
        """Note what is claimed, with its truth; a cut has to be true."""
        truth = self.valuation.truth(condition)
        self.said.append((name, truth))
        if cut and not truth:
            self.wrong.append(f"the cut {name} is false")

    def scoped(self, evaluate: Callable[[], None]) -> None:
        """Evaluate on a scope of its own, and look at everything that is recorded in it."""
        space, mark = self.space, self.space.mark()
        facts, atoms, conditions = len(space.facts), len(space.atoms), len(self.conditions)
        kept = list(self.decisions), list(self.conditions), dict(self._bounds), set(self._nodes)
        evaluate()
        self.look(facts, atoms, conditions)
        self.decisions, self.conditions, self._bounds, self._nodes = kept
        space.reset(mark)
        self.valuation.come_back()

    def look(self, facts: int = 0, atoms: int = 0, conditions: int = 0) -> None:
        """Note, from some places on, the facts and conditions that are false and the signs that are wrong."""
        valuation = self.valuation
        recorded = [*self.space.facts[facts:], *self.conditions[conditions:]]
        false = [fact for fact in recorded if not valuation.holds(fact.node)]
        self.wrong += [f"{fact.tag}: {fact.node} is false" for fact in false]
        self.wrong += [f"{name} is not of its sign" for name in valuation.misjudged_signs(atoms)]


class Agreement(Induction):
    """Compares the readings of a model, one run at a time.

    In each comparison ``anyone`` is the account that the run does not name, and ``market`` is explicit where the run
    names none.
    """

    def __init__(self, model: Model, catalogue: Catalogue) -> None:
        super().__init__(model, catalogue)
        self.explore = self._keep
        self._kept: list[tuple[Setup, Body]] = []
        self._worlds: dict[Any, tuple[Space, Any, Any]] = {}
        self._explored: dict[Any, set[Any]] = {}
        self._run: Counterpart | None = None
        self._decided: tuple[bool, ...] | None = None

    def _keep(self, setup: Setup, run: Body) -> Iterator[Path]:
        """Keep what the engine would explore."""
        self._kept.append((setup, run))
        yield from ()

    # --- what is compared --------------------------------------------------------------------------------------

    def of_action(
        self,
        state: Any,
        action: Action,
        arguments: tuple[Any, ...],
        *,
        anyone: Account,
        market: str,
        instant: bool = False,
        beside: bool = False,
        claims: bool = False,
    ) -> list[str]:
        """How the readings of an action differ, from a state on; with what the engine claims of it, or without.

        ``instant``: the state is accrued to the present first.  ``beside``: ``market`` is explicit beside those that
        the action names.
        """
        names_none = all(domain.kind != "asset" for domain in action.domains.values())
        wrong: list[str] = []
        for explicit in (market, *(name for name in state.markets if names_none and name != market)):
            run = self._counterpart(state, action.domains, arguments, anyone, instant=instant)
            run.ends = ending(partial(perform, run.new, action, arguments))
            if names_none or beside:
                run.assets[OTHER if beside else "market"] = explicit
            wrong = self._of_run(run, action, instant=instant, beside=beside, claims=claims)
            if run.ends is None or run.symbolic_ends is not None:
                break  # else another market refuses: one of all has to
        return wrong

    def of_state(self, state: Any, *, market: str, anyone: Account) -> list[str]:
        """Which claims about any state are worth something else in the other reading."""
        chosen = [(i, c) for i in self.invariants for c in i.clauses if c.form == "state" and not c.lemma]
        self._kept.clear()
        list(self._of_states(chosen))
        wrong: list[str] = []
        for (invariant, clause), (setup, body) in zip(chosen, self._kept, strict=True):
            run = self._counterpart(state, {}, (), anyone, instant=False)
            run.assets["market"] = market
            path = self._drive(run, "any state", setup, body)
            told = dict(path.said)
            for label, place in run.places(clause, run.new).items():
                if TREASURY not in label:  # there the engine looks at one account for all
                    name = f"{invariant.id}/{clause.name}{label}"
                    wrong += differing(name, worth(clause, place), told.get(name, NOTHING))
            wrong += path.wrong
        return wrong

    def of_scenario(
        self,
        state: Any,
        invariant: Invariant,
        clause: Clause,
        arguments: tuple[Any, ...],
        *,
        market: str,
        anyone: Account,
    ) -> list[str]:
        """How the readings of a scenario differ: what it assumes and claims, in its order, and how it ends."""
        run = self._counterpart(state, clause.domains, arguments, anyone, instant=clause.instant)
        if not run.assets:
            run.assets["market"] = market
        self._kept.clear()
        list(self._of_scenario(invariant, clause, run.case))
        ((setup, body),) = self._kept
        path = self._drive(run, (invariant.id, clause.name, run.case.name), setup, body)
        trial = Listener(self.model)
        run.ends = ending(lambda: clause.check(trial, copy_state(run.old), *arguments))
        wrong = differing("the scenario ends", run.ends, run.symbolic_ends)
        wrong += differing("it says", summary(trial.said), summary(path.said))
        return wrong + path.wrong

    # --- one run -----------------------------------------------------------------------------------------------

    def _counterpart(
        self,
        state: Any,
        domains: dict[str, Domain],
        arguments: tuple[Any, ...],
        anyone: Account,
        *,
        instant: bool,
    ) -> Counterpart:
        """The concrete run before it has begun."""
        old = accrued(self.model, state) if instant else copy_state(state)
        run = Counterpart(self.model, old, copy_state(old), domains, arguments, {}, {})
        named = dict(zip(domains, arguments, strict=True))
        run.accounts = {label: named[label] for label in run.case.accounts.values()}
        if anyone in run.accounts.values():
            message = f'"{anyone}" is an account that the run names; give one that it does not name'
            raise ValueError(message)
        run.accounts |= {ANYONE: anyone, TREASURY: TREASURY}
        run.assets = {label: named[label] for label in run.case.assets.values()}
        return run

    def _of_run(self, run: Counterpart, action: Action, *, instant: bool, beside: bool, claims: bool) -> list[str]:
        """How the readings of an action differ once it has run on integers."""
        probe = Clause("step", lambda *_: True, "market" if beside else "pool", instant=instant)
        clauses: Claims = [(Invariant("READINGS", "both end in the same state", "two-run"), probe)]
        if claims:
            clauses += self._claims(action, instant=instant, beside=beside)
        self._kept.clear()
        list(self._of_case(action, clauses, run.case, instant=instant, beside="plain" if beside else None))
        ((setup, body),) = self._kept
        key = (action.name, run.case.name, instant, beside)
        self._decided = None
        path = self._drive(run, key, setup, body)
        if run.ends is None and run.symbolic_ends == STOPPED and self._leaves_region(run):
            return path.wrong
        decided = tuple(path.decisions) if self._decided is None else self._decided
        if (decided, run.symbolic_ends) not in self._paths(key, setup, action):
            path.wrong.append(f"the engine does not explore {decided}, which ends in {run.symbolic_ends}")
        return differing("the action ends", run.ends, run.symbolic_ends) + path.wrong

    def _leaves_region(self, run: Counterpart) -> bool:
        """Whether the parameters or prices after a run are none for which anything is claimed."""
        return not all(holds for _, holds in self.model.admissible(run.new))

    def _claims(self, action: Action, *, instant: bool, beside: bool) -> Claims:
        """What the engine claims of a step of the action."""
        steps: Claims = []
        for invariant in self.invariants:
            for clause in invariant.clauses:
                lemma = clause.form == "state" and clause.lemma and not instant
                step = clause.form == "step" and clause.instant == instant
                here = not beside or clause.over in ("market", "position")
                if (lemma or step) and here and (not clause.of or action.name in clause.of):
                    steps.append((invariant, clause))
        return steps

    def _paths(self, key: Any, setup: Setup, action: Action) -> set[Any]:
        """The decisions and the end of every path that the engine explores through an action."""
        found = self._explored.get(key)
        if found is None:
            found = self._explored[key] = set()
            for path in explore_paths(setup, lambda _, start: action.run(copy_pool(start[0]), *start[1])):
                ends = path.defect or (None if path.refusal is None else path.refusal.name)
                found.add((tuple(path.decisions), ends))
        return found

    def _drive(self, run: Counterpart, key: Any, setup: Setup, body: Body) -> GivenPath:
        """Carry out the engine's run on the path that the concrete run takes."""
        if key not in self._worlds:
            space = Space(None)
            space.path = Path(space)
            context = setup(space)
            self._worlds[key] = space, context, space.start()
        space, context, start = self._worlds[key]
        space.rewind(start)
        valuation = Valuation(space, run.given().get)
        path = space.path = GivenPath(space, valuation)
        pool = context[0] if isinstance(context, tuple) else context
        for label, market in pool.markets.items():
            market.rates = GivenRate(space, label, valuation, run.old.markets[run.assets[label]].rates)
        self._run = run
        run.symbolic_ends = ending(lambda: body(path, context))
        path.look()
        return path

    def _claim_group(
        self, path: Any, cuts: Any, group: Claims, step: Step, accounts: tuple[str, ...], only: str | None
    ) -> None:
        """Compare the states, then what each claim is worth."""
        run, before = self._run, len(path.said)
        assert run is not None  # noqa: S101 - claims are made on a run alone
        if self._decided is None:
            self._decided = tuple(path.decisions)
            path.wrong += differing_states(path.valuation, run, step.old, run.old)
            path.wrong += differing_states(path.valuation, run, step.new, run.new)
        super()._claim_group(path, cuts, group, step, accounts, only)
        told = dict(path.said[before:])
        for invariant, clause in group:
            where = run.step(step.action) if clause.form == "step" else run.new
            concrete = run.places(clause, where)
            for label, _ in places(clause, step, accounts, only):
                name = f"{invariant.id}/{clause.name}{label}"
                symbolic = DIVISION if f"{name}: {DIVISION} in the claim" in told else told.get(name, NOTHING)
                path.wrong += differing(name, worth(clause, concrete[label]), symbolic)


class Listener(ConcreteTrial):
    """Writes down what a scenario assumes and claims on integers."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.said: list[tuple[str, bool]] = []

    def assume(self, condition: Any) -> None:
        """Stop where an assumption does not hold."""
        self.said.append(("assume", bool(condition)))
        if not condition:
            raise Unreachable

    def claim(self, condition: Any, message: str) -> None:
        """Go on, whether the claim holds or not."""
        self.said.append((message, bool(condition)))


def differing_states(valuation: Valuation, run: Counterpart, symbolic: Any, concrete: Any) -> list[str]:
    """Every scalar, ledger entry and ghost total of a symbolic state that is not the concrete one."""
    wrong: list[str] = []

    def compare(where: str, term: Any, value: Any) -> None:
        found = valuation.truth(term) if isinstance(term, bool | Formula) else valuation.number(term)
        wrong.extend(differing(where, value, found))

    for name in concrete.scalars:
        compare(name, getattr(symbolic, name), getattr(concrete, name))
    for label, asset in run.assets.items():
        ours, theirs = symbolic.markets[label], concrete.markets[asset]
        for name in theirs.feed.scalars:
            compare(f"{asset}.{name}", getattr(ours.feed, name), getattr(theirs.feed, name))
        for name in theirs.scalars:
            if name != "rates":
                compare(f"{asset}.{name}", getattr(ours, name), getattr(theirs, name))
        if not isinstance(ours.rates, GivenRate):
            for each in fields(theirs.rates):
                compare(f"{asset}.{each.name}", getattr(ours.rates, each.name), getattr(theirs.rates, each.name))
        for name in theirs.ledgers:
            mine, other = getattr(ours, name), getattr(theirs, name)
            for who, account in run.accounts.items():
                compare(f"{asset}.{name}[{account}]", mine[who], other[account])
            if not mine.boolean:
                compare(f"{asset}.{name}, all", mine.total(), sum(other.values()))
        compare(f"{asset}.vault", ours.tokens[ours.vault], theirs.tokens[theirs.vault])
    return wrong


def ending(run: Callable[[], Any]) -> str | None:
    """How a run ends: None where it completes, else its refusal, a division by zero, a false assumption."""
    try:
        refusal = run()
    except (ZeroDivisionError, DivisionByZero):
        return DIVISION
    except Unreachable:
        return STOPPED
    except Refusal as raised:
        return raised.name
    return refusal.name if isinstance(refusal, Refusal) else None


def worth(clause: Clause, place: tuple[Any, ...]) -> bool | str:
    """What a claim is worth on integers."""
    try:
        return bool(clause.check(*place))
    except Refusal:
        return NOTHING
    except ZeroDivisionError:
        return DIVISION


def summary(said: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """What was said, each message once: in a loop over markets the explicit one stands for all."""
    return [(name, all(truth for other, truth in said if other == name)) for name in dict(said)]


def differing(what: str, concrete: Any, symbolic: Any) -> list[str]:
    """A line, where two readings differ."""
    return [] if concrete == symbolic else [f"{what}: {concrete} on integers, {symbolic} on terms"]

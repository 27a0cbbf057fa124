"""Clauses, evaluated once for each value of what they read.

A clause about a market mostly reads that market and the state's own fields: its answer is kept for them.
Whether it reads anything else is watched, not assumed: what does is evaluated again for every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.model import Model
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .components import Components, Numbers
from .monitor import DIVISION
from .traces import Call
from .views import Gate, ReadsMore, View

Question: TypeAlias = tuple[Callable[..., Any], str, Step, str | None, Account | None]
"""A clause's function, its invariant, and the step, the market and the account that it asks about."""
Questions: TypeAlias = tuple[Question, ...]


class ChecksByPart:
    """Evaluates state and step clauses on states given by numbers; ``broken`` collects what fails.

    ``calls`` are the actions with their arguments, by number.  Clauses over accounts ask about the ``users``
    and the ``strangers``, such as a treasury.
    """

    def __init__(
        self,
        model: Model,
        invariants: Iterable[Invariant],
        users: tuple[Account, ...],
        strangers: tuple[Account, ...],
        components: Components,
        calls: list[Call],
    ) -> None:
        self.model, self.components, self.calls = model, components, calls
        self.accounts, self.strangers = users + strangers, strangers
        self.broken: list[str] = []
        self.gate = Gate()
        self.old, self.new, self.instant = (View(components, self.gate) for _ in range(3))
        self.step = Step(model.actions[0], {}, self.old.state, self.new.state)
        self.step_instant = Step(model.actions[0], {}, self.old.state, self.new.state)
        clauses = [(clause, invariant.id) for invariant in invariants for clause in invariant.clauses]
        self.markets = [[name for table, name, _ in part.places if table == "markets"] for part in components.parts]
        self._of_states = self._questions([each for each in clauses if each[0].form == "state"])
        self._of_steps = {
            action.name: self._questions(
                [
                    (clause, claim)
                    for clause, claim in clauses
                    if clause.form == "step" and (not clause.of or action.name in clause.of)
                ]
            )
            for action in model.actions
        }
        self._left_of_states: dict[Any, Questions] = {}
        self._left_of_steps: dict[Any, Questions] = {}
        self._accrued: dict[Any, Any] = {}
        self._named: dict[int, dict[str, Any]] = {}

    def _questions(self, clauses: list[tuple[Clause, str]]) -> list[Questions]:
        """The questions of clauses, part by part; under part 0 those about accounts and the whole pool."""
        everyone = {"account": self.accounts, "position": self.accounts}
        return [
            tuple(
                (clause.check, claim, self.step_instant if clause.instant else self.step, market, account)
                for clause, claim in clauses
                if (clause.over in ("market", "position")) == bool(markets)
                for market in markets or (None,)
                for account in everyone.get(clause.over, (None,))
            )
            if part == 0 or markets
            else ()
            for part, markets in enumerate(self.markets)
        ]

    # --- states -------------------------------------------------------------------------------------------

    def check_state(self, numbers: Numbers) -> None:
        """Evaluate the state clauses on a state, as far as they are not known of its parts."""
        own, left, known_of = numbers[0], self._of_states[0], self._left_of_states
        for part in range(1, len(numbers)):
            known = known_of.get((own, part, numbers[part]))
            if known is None:
                self.new.show_part(own, part, numbers[part])
                known = self._ask_state(self._of_states[part], whole=False)
                known_of[own, part, numbers[part]] = known
            if known:
                left += known
        if left:
            self.new.load(numbers)
            self._ask_state(left, whole=True)

    def _ask_state(self, questions: Questions, *, whole: bool) -> Questions:
        """Ask about the state that is shown, ``whole`` or only a part of it; what the part cannot answer."""
        left: list[Question] = []
        state, markets = self.new.state, self.new.tables["markets"]
        self.gate.open = whole
        for question in questions:
            check, claim, _, market, account = question
            about = (state,) if market is None else (state, dict.__getitem__(markets, market))
            try:
                holds = check(*about) if account is None else check(*about, account)
                if not holds:
                    self.broken.append(claim)
            except ReadsMore:
                left.append(question)
            except Refusal:
                continue
            except ZeroDivisionError:
                self.broken.append(DIVISION)
        return tuple(left)

    # --- steps --------------------------------------------------------------------------------------------

    def check_step(self, call: int, touched: Iterable[int], olds: Numbers, news: Numbers) -> None:
        """Evaluate the step clauses on a step that touched some parts."""
        self.check_whole_step(call, olds, news, self.left_of_step(call, touched, olds, news))

    def left_of_step(self, call: int, touched: Iterable[int], olds: Numbers, news: Numbers) -> Questions:
        """Ask about the touched parts, all where the state's own fields changed; what they cannot answer."""
        left: Questions = ()
        for part in touched if olds[0] == news[0] else range(len(olds)):
            left += self.left_of_part(call, part, olds, news)
        return left

    def left_of_part(self, call: int, part: int, olds: Numbers, news: Numbers) -> Questions:
        """Evaluate the step clauses about one part, once; those that read more are left."""
        key = (call, part, olds[0], olds[part], news[0], news[part])
        known = self._left_of_steps.get(key)
        if known is None:
            known = self._of_steps[self.calls[call][0].name][part]
            if known:
                self.old.show_part(olds[0], part, olds[part])
                self.new.show_part(news[0], part, news[part])
                self._within_instant(olds, news, (part,) if part else ())
                known = self._ask_step(call, known, whole=False)
            self._left_of_steps[key] = known
        return known

    def check_whole_step(self, call: int, olds: Numbers, news: Numbers, left: Questions) -> None:
        """Ask what no part could answer."""
        if not left:
            return
        self.old.load(olds)
        self.new.load(news)
        self._within_instant(olds, news, range(1, len(olds)))
        self._ask_step(call, left, whole=True, absent=self._absent(call, olds, news))

    def _absent(self, call: int, olds: Numbers, news: Numbers) -> list[Account | None]:
        """The accounts that no ledger knows, before or after, and no argument names: not asked about."""
        parts, arguments = self.components.parts, self.calls[call][1]
        absent: list[Account | None] = []
        for account in self.strangers:
            for part, old, new in zip(parts, olds, news, strict=True):
                if account in part.present[old] or account in part.present[new]:
                    break
            else:
                if account not in arguments:
                    absent.append(account)
        return absent

    def _within_instant(self, olds: Numbers, news: Numbers, parts: Iterable[int]) -> None:
        """Show the state before, with each market that the step accrued accrued to the same time.

        Where neither time nor a market's last accrual moved, that is the state before.
        """
        times = self.components.times
        accrued = [part for part in parts if times(part, olds[part]) != times(part, news[part])]
        now = self.new.state.now
        if not accrued and self.old.state.now == now:
            self.step_instant.old = self.old.state
            return
        self.step_instant.old = self.instant.state
        for part in parts:
            self.instant.show_part(olds[0], part, olds[part])
        self.instant.show(0, olds[0])
        self.instant.state.now = now
        self.instant.loaded[0] = -1
        for part in accrued:
            self.instant.loaded[part] = -1
            for market in self.markets[part]:
                self._accrue(part, olds[part], market, now)

    def _accrue(self, part: int, number: int, market: str, now: int) -> None:
        """Show a market accrued, if the step accrued it."""
        before = dict.__getitem__(self.old.tables["markets"], market)
        after = dict.__getitem__(self.new.tables["markets"], market)
        if before.accrued_at == after.accrued_at:
            return
        twin = self._accrued.get((part, number, market, now))
        if twin is None:
            twin = self.components.new_twins(part, number)["markets", market]
            self.model.accrue(twin, now)
            self._accrued[part, number, market, now] = twin
        self.instant.put("markets", market, twin)

    def _ask_step(
        self, call: int, questions: Questions, *, whole: bool, absent: Sequence[Account | None] = ()
    ) -> Questions:
        """Ask about the step that is shown, ``whole`` or only a part of it; what the part cannot answer."""
        named = self._named.get(call)
        action, arguments = self.calls[call]
        if named is None:
            named = self._named[call] = dict(zip(action.domains, arguments, strict=True))
        for each in (self.step, self.step_instant):
            each.action, each.arguments = action, named
        left: list[Question] = []
        news, olds = self.new.tables["markets"], self.old.tables["markets"]
        self.gate.open = whole
        instants = olds if self.step_instant.old is self.old.state else self.instant.tables["markets"]
        for question in questions:
            check, claim, step, market, account = question
            if account in absent:
                continue
            try:
                if market is None:
                    holds = check(step) if account is None else check(step, account)
                else:
                    before = dict.__getitem__(instants if step is self.step_instant else olds, market)
                    after = dict.__getitem__(news, market)
                    holds = check(step, before, after) if account is None else check(step, before, after, account)
                if not holds:
                    self.broken.append(claim)
            except ReadsMore:
                left.append(question)
            except Refusal:
                continue
            except ZeroDivisionError:
                self.broken.append(DIVISION)
        return tuple(left)

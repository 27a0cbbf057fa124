"""The invariants, evaluated on a running model: after each action, what it touched is checked.

An action's undo journal says exactly what it touched and what was there before, so the state before the
action costs nothing that was not touched.  What an action cannot have changed is not evaluated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from poolproof.spec.action import Action
from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.logic import Condition
from poolproof.spec.model import Model
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .past import Footprint, Instant, Past
from .trial import ConcreteTrial, run_scenario

__all__ = [
    "DIVISION",
    "TREASURY",
    "ConcreteTrial",
    "Monitor",
    "Violation",
    "division_by_zero",
    "run_scenario",
]

TREASURY: Account = "treasury"
"""The one account beside the users that clauses over accounts quantify over."""
MOST_BITS = 4096
"""Longest number that is written out [bits]; Python itself refuses numbers of more than 4300 digits."""
DIVISION = "SOLV-6"
"""The invariant that a division by zero violates, wherever it happens."""


@dataclass(slots=True)
class Violation:
    """An invariant that does not hold, where, and with which numbers."""

    invariant: str
    clause: str
    message: str
    values: dict[str, Any] = field(default_factory=dict)


UNDEFINED = "division by zero in the claim"
"""What is said where a clause cannot be evaluated: it does not hold there."""


def division_by_zero(clause: str) -> Violation:
    """An action or a scenario divided by zero."""
    return Violation(DIVISION, clause, "division by zero", {"clause": clause})


Entry: TypeAlias = tuple[Callable[..., Condition], Invariant, Clause]
"""A clause to evaluate."""
Place: TypeAlias = tuple[tuple[Any, ...], str | None, Account | None]
"""The arguments of an evaluation, and the market and account that they are about."""


class _Checks:
    """Clauses of one form, by what they quantify over."""

    def __init__(self, invariants: Iterable[Invariant], form: str, action: str, *, instant: bool | None) -> None:
        by: dict[str, list[Entry]] = {"pool": [], "market": [], "account": [], "position": []}
        for invariant in invariants:
            for clause in invariant.clauses:
                named = not clause.of or action in clause.of
                if clause.form == form and named and instant in (None, clause.instant):
                    by[clause.over].append((clause.check, invariant, clause))
        self.pool, self.market = by["pool"], by["market"]
        self.account, self.position = by["account"], by["position"]
        self.any = any(by.values())
        self.of_accounts = bool(self.account or self.position)


class Monitor:
    """Evaluates state and step clauses on one state after each action that completed.

    ``bind`` names the state; after each action ``check`` gives all violations.  A clause about a market is
    evaluated where the action touched the market or its price, everywhere after a change of the pool's own
    numbers (time among them); one about an account, where the account has a stake in such a market (an
    entry besides its wallet), or was written to.  A clause that cannot be evaluated for want of a price
    does not apply.
    """

    past_of: Callable[[Any], Past] = Past

    def __init__(self, model: Model, invariants: Iterable[Invariant], users: Iterable[Account]) -> None:
        chosen = list(invariants)
        self.model = model
        self.accounts = (*users, TREASURY)
        self.state_checks = _Checks(chosen, "state", "", instant=None)
        self.step_checks = {
            action.name: (
                _Checks(chosen, "step", action.name, instant=False),
                _Checks(chosen, "step", action.name, instant=True),
            )
            for action in model.actions
        }
        self.names = {action.name: tuple(action.domains) for action in model.actions}

    def bind(self, state: Any) -> None:
        """Watch a state: the actions whose steps are checked next are performed on this one."""
        self.state = state
        self.markets = dict(state.markets)
        self.everything = tuple(state.markets)
        self.past = self.past_of(state)
        self.instant = Instant(state, self.past, self.model)
        self.sides = (
            (self.past.markets, self.markets),
            (self.instant.old_markets, self.instant.new_markets),
        )
        self.steps = (
            Step(self.model.actions[0], {}, self.past.state, state),
            Step(self.model.actions[0], {}, self.instant.old, self.instant.new),
        )
        self.stakes = {
            name: tuple(getattr(market, ledger) for ledger in market.ledgers if ledger not in market.wallets)
            for name, market in self.markets.items()
        }
        self.places: dict[Any, Place] = {}
        self.overlooked = True

    def check_state(self) -> list[Violation]:
        """The state clauses on the whole state, as before the first action."""
        found: list[Violation] = []
        accounts = {name: list(self.accounts) for name in self.everything}
        self._evaluate(self.state_checks, None, self.everything, accounts, list(self.accounts), found)
        return found

    def check(self, action: Action, arguments: tuple[Any, ...]) -> list[Violation]:
        """The clauses that the action that just completed calls for: all violations."""
        checks, checks_instant = self.step_checks[action.name]
        steps = checks.any or checks_instant.any
        if not (steps or self.state_checks.any):
            self.overlooked = True
            return []
        touch = self.past.footprint()
        self._follow(touch)
        touched = self.everything if touch.pool_moved else tuple(touch.markets)
        accounts, union = self._concerned(touched, touch, arguments)
        found: list[Violation] = []
        if steps:
            named = dict(zip(self.names[action.name], arguments, strict=True))
            self.past.set(touch)
            for view, wanted in ((0, checks), (1, checks_instant)):
                if wanted.any and (view == 0 or self._accrued()):
                    step = self.steps[view]
                    step.action, step.arguments = action, named
                    self._evaluate(wanted, view, touched, accounts, union, found)
        if self.state_checks.any:
            if not touch.pool_moved:
                touched = tuple(name for name in touched if name in touch.changed or name in touch.written)
            self._evaluate(self.state_checks, None, touched, accounts, union, found)
        return found

    def _follow(self, touch: Footprint) -> None:
        """Keep up with who has a stake in which market, and with which markets are stale."""
        if self.overlooked:
            self.overlooked = False
            self.instant.stale.update(self.everything)
            self.holders = {
                name: {a for a in self.accounts if any(ledger[a] for ledger in stakes)}
                for name, stakes in self.stakes.items()
            }
            return
        self.instant.stale.update(touch.markets)
        for name, accounts in touch.written.items():
            holders, stakes = self.holders[name], self.stakes[name]
            for account in accounts:
                if any([ledger[account] for ledger in stakes]):  # noqa: C419 - a generator costs more here
                    holders.add(account)
                else:
                    holders.discard(account)

    def _concerned(
        self, touched: tuple[str, ...], touch: Footprint, arguments: tuple[Any, ...]
    ) -> tuple[dict[str, list[Account]], list[Account]]:
        """The accounts that an action concerns, by market and altogether."""
        concerned: dict[str, list[Account]] = {}
        named = {account for account in self.accounts if account in arguments}
        union: set[Account] = set()
        written, changed = touch.written, touch.changed
        for name in touched:
            mine = named
            if name in written:
                mine = mine | written[name]
            if touch.pool_moved or name in changed:
                mine = mine | self.holders[name]
            union |= mine
            concerned[name] = [account for account in self.accounts if account in mine]
        return concerned, [account for account in self.accounts if account in union]

    def _accrued(self) -> bool:
        """Accrue both sides of the step; False where that cannot be, as the next action to accrue will show."""
        try:
            self.instant.set()
        except (Refusal, ZeroDivisionError):
            return False
        return True

    # --- evaluation ---------------------------------------------------------------------------------------

    def _evaluate(
        self,
        checks: _Checks,
        view: int | None,
        touched: tuple[str, ...],
        accounts: dict[str, list[Account]],
        union: list[Account],
        found: list[Violation],
    ) -> None:
        """Evaluate clauses of one form; ``view`` is the past of a step, None for a state."""
        if checks.market:
            self._run(checks.market, [self._place(view, name, None) for name in touched], view, found)
        if checks.position:
            places = [self._place(view, name, account) for name in touched for account in accounts[name]]
            self._run(checks.position, places, view, found)
        if checks.account:
            self._run(checks.account, [self._place(view, None, account) for account in union], view, found)
        if checks.pool:
            self._run(checks.pool, [self._place(view, None, None)], view, found)

    def _place(self, view: int | None, name: str | None, account: Account | None) -> Place:
        """The arguments of a clause's function at a market and an account."""
        market: tuple[Any, ...] = ()
        if name is not None and view is None:
            market = (self.markets[name],)
        elif name is not None and view is not None:
            before, after = self.sides[view]
            market = (dict.__getitem__(before, name), dict.__getitem__(after, name))
        key = (view, account, *map(id, market))
        place = self.places.get(key)
        if place is None:
            first = self.state if view is None else self.steps[view]
            last = () if account is None else (account,)
            place = self.places[key] = ((first, *market, *last), name, account)
        return place

    def _run(self, entries: list[Entry], places: list[Place], view: int | None, found: list[Violation]) -> None:
        for entry in entries:
            check = entry[0]
            for place in places:
                try:
                    if not check(*place[0]):
                        found.append(self._violation(entry, view, place))
                except Refusal:
                    continue
                except ZeroDivisionError:
                    found.append(replace(self._violation(entry, view, place), message=UNDEFINED))

    # --- what a violation shows ---------------------------------------------------------------------------

    def _violation(self, entry: Entry, view: int | None, place: Place) -> Violation:
        """The clause, where it fails, and the numbers there before and after."""
        _, invariant, clause = entry
        _, market, account = place
        values: dict[str, Any] = {"clause": clause.name}
        where = ""
        if market is not None:
            values["market"] = market
            where += f' in market "{market}"'
        if account is not None:
            values["account"] = account
            where += f' for account "{account}"'
        after = self._numbers(self.state if view is None else self.steps[view].new, market, account)
        if view is not None:
            before = self._numbers(self.steps[view].old, market, account)
            values["old"] = {name: value for name, value in before.items() if after[name] != value}
        values["new"] = after
        words = clause.name.replace("_", " ")
        return Violation(invariant.id, clause.name, f'"{words}" does not hold{where}', values)

    def _numbers(self, state: Any, market: str | None, account: Account | None) -> dict[str, str]:
        """The numbers of a pool, of one market or of all, and of one account there."""
        numbers = {name: written(getattr(state, name)) for name in state.scalars}
        for asset, record in state.markets.items():
            if market not in (None, asset):
                continue
            prefix = "" if market else f"{asset}."
            for name in record.scalars:
                numbers[prefix + name] = written(getattr(record, name))
            for name in record.ledgers if account is not None else ():
                numbers[f"{prefix}{name}[{account}]"] = written(getattr(record, name)[account])
            if hasattr(record, "feed"):
                numbers[f"{prefix}price"] = written(record.feed.price)
        return numbers


def written(value: Any) -> str:
    """A value as text; a number too long to be read, as the power of two that it is next to."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"about {'-' * (value < 0)}2^{value.bit_length()}"
    return str(value)

"""What a fuzzer does next: for each action, arguments that have a chance, and plans that lead to rare states.

A tactic looks at the state, and gives the arguments of its action, or None where the action has no chance
now. Tactics never decide what is allowed: they only make it likely that something happens.  Actions that no
tactic knows are drawn from their declared domains around the numbers that the state holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from random import Random
from typing import Any

from poolproof.models.credit_line import LINE_ACTIONS
from poolproof.models.isolated_pool import ACTIONS
from poolproof.spec.action import Action, Domain
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .draw import DUST, REAL, SMALL_EDGE, Profile, highest
from .situation import TABLE_BITS, Arguments, Tactic, hints_of
from .tactics_of_lines import LineTactics
from .tactics_of_portfolios import PortfolioTactics
from .traces import Call

WEIGHTS: dict[str, float] = {
    "deposit": 14,
    "redeem": 8,
    "withdraw": 7,
    "transfer": 5,
    "enter": 7,
    "exit": 3,
    "borrow": 15,
    "repay": 9,
    "liquidate": 10,
    "write_off": 12,
    "accrue_interest": 3,
    "add_reserves": 2,
    "take_reserves": 2,
    "donate": 2.5,
    "set_price": 6,
    "pass_time": 8,
    "set_risk_factors": 1.5,
    "set_supply_cap": 1.2,
    "set_borrow_cap": 1.2,
    "set_reserve_factor": 1.2,
    "set_rate_model": 1.2,
    "set_close_factor": 1.2,
    "set_liquidation_incentive": 1.2,
    "fund_first_loss": 2,
    "take_first_loss": 1.5,
    "set_line_limit": 1.5,
    "set_debt_ceiling": 1,
    "set_line_premium": 1.2,
}
"""How often each kind of action is chosen, out of about a hundred; actions not named here: 2."""

PLANNED = {
    "deposit",
    "redeem",
    "enter",
    "borrow",
    "repay",
    "liquidate",
    "write_off",
    "accrue_interest",
    "set_price",
    "pass_time",
    "set_rate_model",
}
"""Actions that plans are made of; without one of them there are no plans."""
KNOWN = {action.name: action.domains for action in (*ACTIONS, *LINE_ACTIONS)}
"""Actions that have a tactic: a model's own of the same name and arguments has the same one."""


class Tactics(PortfolioTactics, LineTactics):
    """Chooses the next action on a state.  ``begin`` binds a fresh state, ``next`` gives the next call."""

    def __init__(
        self,
        model: Model,
        protocol: Protocol,
        random: Random,
        weights: dict[str, float] | None = None,
        only: Iterable[str] | None = None,
    ) -> None:
        allowed = None if only is None else set(only)
        actions = tuple(a for a in model.actions if allowed is None or a.name in allowed)
        super().__init__(protocol, random, actions)
        self.tactics = {a.name: getattr(self, f"to_{a.name}") for a in actions if KNOWN.get(a.name) == a.domains}
        self.fits: dict[tuple[str, ...], list[Action]] = {}
        chances = WEIGHTS | (weights or {})
        self.table = self._table(actions, {a.name: chances.get(a.name, 2.0) for a in actions})
        self.plans = self.tactics.keys() >= PLANNED

    def _table(self, actions: tuple[Action, ...], chances: dict[str, float]) -> list[tuple[Action, Tactic]]:
        """A table of 2^10 places in which each action has its share, at least one place."""
        places = 1 << TABLE_BITS
        total = sum(chances.values())
        table: list[tuple[Action, Tactic]] = []
        for action in actions:
            tactic = self.tactics.get(action.name) or self._from_domains(action)
            table += [(action, tactic)] * max(1, round(places * chances[action.name] / total))
        return [table[i * len(table) // places] for i in range(places)]

    def begin(self, state: Any, profile: Profile = REAL) -> None:
        """Start an episode on a state: with some of the users and markets, so that they meet."""
        self.look_at(state, profile)
        everyone, chosen = list(self.protocol.users), list(self.every)
        self.random.shuffle(everyone)
        self.random.shuffle(chosen)
        self.users = tuple(everyone[: 2 + self.draw.below(min(len(everyone), 5) - 1)])
        if len(chosen) > 2 and self.bits(2):
            chosen = self._useful(chosen, 2 + self.draw.below(min(3, len(chosen) - 1)))
        self.markets = tuple(chosen)
        if not self.plans:
            return
        if profile in (DUST, SMALL_EDGE) and self.bits(2):
            self.plan_small_prices()
        if profile.portfolio:
            self.plan_portfolio()
            return
        if self.real() < profile.tame:
            self.plan_positions()

    def _useful(self, shuffled: list[Any], count: int) -> list[Any]:
        """So many of the markets, one to borrow from and one that is collateral among them."""
        if not self.plans:
            return shuffled[:count]
        borrowable = [m for m in shuffled if m.borrow_cap > 0][:1]
        collateral = [m for m in shuffled if m.ltv > 0 and m not in borrowable][:1]
        first = borrowable + collateral
        return (first + [m for m in shuffled if m not in first])[:count]

    def plan_positions(self) -> None:
        """Let suppliers and borrowers take positions before anything else happens."""
        for market in self.markets[:3]:
            self.plan("deposit", partial(self.deposit_into, market))
        for user in self.users[:2]:
            self.plan("enter", partial(self.enter_for, user))
            self.plan("borrow", partial(self.borrow_for, user))

    def next(self) -> Call:
        """The next action with its arguments."""
        queue = self.queue
        while queue:
            action, tactic = queue.pop(0)
            arguments = asked(tactic)
            if arguments is not None:
                return action, arguments
        table, bits = self.table, self.bits
        self.bold = not bits(4)
        if not bits(8) and self.plans:
            (self.plan_departure, self.plan_saturation)[bits(1)]()
        for _ in range(8):
            action, tactic = table[bits(TABLE_BITS)]
            arguments = asked(tactic)
            if arguments is not None:
                return action, arguments
        if queue:
            return self.next()
        for action, tactic in (table[bits(TABLE_BITS)] for _ in range(64)):
            arguments = asked(tactic)
            if arguments is not None:
                return action, arguments
        action = table[bits(TABLE_BITS)][0]
        return action, self.arguments_of(action.domains)

    def _from_domains(self, action: Action) -> Tactic:
        """Draw an action's arguments from its domains, amounts around the numbers of their market."""
        return partial(self.arguments_of, action.domains)

    def arguments_of(self, domains: dict[str, Domain]) -> tuple[Any, ...]:
        """Draw arguments of domains: of a scenario, or of an action without a tactic; at times the least numbers."""
        named = self._of_an_action(domains) if self.bits(1) else {}
        somebody = (self.a_holder() if self.bits(1) else self.a_debtor()) if self.bits(1) else None
        for name, domain in domains.items():
            if name in named:
                continue
            if domain.kind == "user":
                named[name] = somebody[0] if somebody and self.bits(2) else self.a_user()
            elif domain.kind == "asset":
                named[name] = (somebody[1] if somebody and self.bits(1) else self.a_market()).asset
        tiny = not self.bits(2)
        for name, domain in domains.items():
            if not domain.is_number or name in named:
                continue
            if tiny:
                named[name] = max(domain.low, self.bits(1))
            else:
                hints = hints_of(self.state, self.protocol.users, named, domain)
                named[name] = self.draw.number(domain, hints)
        return tuple(named[name] for name in domains)

    def _of_an_action(self, domains: dict[str, Domain]) -> dict[str, Any]:
        """Arguments that an action would take now, for a scenario with the same: of one that it can carry out."""
        names = tuple(domains)
        if names not in self.fits:
            kinds = {(name, domain.kind) for name, domain in domains.items()}
            actions = [action for action, _ in dict.fromkeys(self.table) if action.name in self.tactics]
            self.fits[names] = [a for a in actions if kinds >= {(name, each.kind) for name, each in a.domains.items()}]
        fits = self.fits[names]
        if not fits:
            return {}
        action = fits[self.draw.below(len(fits))]
        given = dict(zip(action.domains, asked(self.tactics[action.name]) or (), strict=False))
        return {
            name: max(domain.low, min(given[name], highest(domain))) if domain.is_number else given[name]
            for name, domain in domains.items()
            if name in given
        }


def asked(tactic: Tactic) -> Arguments:
    """What a tactic says; nothing where the model divides by zero in what the tactic looks at."""
    try:
        return tactic()
    except ZeroDivisionError:
        return None

"""A run on integers as the counterpart of a run on terms: which value, market and account stands for which name."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Any

from poolproof.invariants import measures
from poolproof.models import liquidation
from poolproof.models.oracle import fair_price
from poolproof.models.refusals import PriceMissing
from poolproof.spec.action import Action, Domain
from poolproof.spec.invariant import Clause, Step
from poolproof.spec.model import Model
from poolproof.spec.state import Account

from .induction import Case
from .snapshots import copy_state
from .world import DECLARED, TERMS


@dataclass(slots=True)
class Counterpart:
    """A concrete run; ``assets`` and ``accounts`` by their names in the symbolic one.

    The markets that are not among ``assets`` are the ones of which the symbolic run knows sums only.
    """

    model: Model
    old: Any
    new: Any
    domains: dict[str, Domain]
    arguments: tuple[Any, ...]
    assets: dict[str, str]
    accounts: dict[str, Account]
    ends: str | None = None
    symbolic_ends: str | None = None

    @property
    def case(self) -> Case:
        """The coincidences among the arguments: the first that is the same stands for each."""
        return Case(self._representatives("user"), self._representatives("asset"))

    def _representatives(self, kind: str) -> dict[str, str]:
        first: dict[str, str] = {}
        named = zip(self.domains.items(), self.arguments, strict=True)
        return {name: first.setdefault(argument, name) for (name, domain), argument in named if domain.kind == kind}

    def step(self, action: Action) -> Step:
        """The step from the old state to the new one."""
        return Step(action, dict(zip(self.domains, self.arguments, strict=True)), self.old, self.new)

    def places(self, clause: Clause, where: Any) -> dict[str, tuple[Any, ...]]:
        """The arguments of a clause in a state or step, by what the symbolic run calls the place."""
        if clause.over == "pool":
            return {"": (where,)}
        if clause.over == "account":
            return {f"({name})": (where, account) for name, account in self.accounts.items()}
        sides: dict[str, tuple[Any, ...]] = {}
        for name, asset in self.assets.items():
            pair = self.old.markets[asset], self.new.markets[asset]
            sides[name] = pair if clause.form == "step" else pair[1:]
        if clause.over == "market":
            return {f"({name})": (where, *side) for name, side in sides.items()}
        accounts = self.accounts.items()
        return {f"({n}, {who})": (where, *side, a) for n, side in sides.items() for who, a in accounts}

    # --- values ------------------------------------------------------------------------------------------------

    def given(self) -> dict[str, int]:
        """The values of the free atoms, by their names."""
        given: dict[str, int] = {name: getattr(self.old, name) for name in self.old.scalars}
        for label, asset in self.assets.items():
            market = self.old.markets[asset]
            stored = [name for name in (*market.scalars, *DECLARED) if name != "rates"]
            given |= {f"{label}.{name}": getattr(market, name) for name in stored}
            given |= {f"{label}.{name}": getattr(market.feed, name) for name in market.feed.scalars}
            for name in market.ledgers:
                ledger = getattr(market, name)
                given |= {f"{label}.{name}[{who}]": ledger[account] for who, account in self.accounts.items()}
                given[f"{label}.{name}.total"] = sum(ledger.values())
            given[f"{label}.tokens[pool:{label}]"] = market.tokens[market.vault]
        for (name, domain), argument in zip(self.domains.items(), self.arguments, strict=True):
            if domain.is_number:
                given[f"{name}~1" if name in given else name] = argument
        given |= {f"elsewhere.{name}": value for name, value in self.remainders(self.old).items()}
        given |= {f"elsewhere.{name}~1": value for name, value in self.remainders(self.new).items()}
        pairs = ((self.old.markets[asset], self.new.markets[asset]) for asset in self.others)
        given["elsewhere.loss beyond reserves"] = any(measures.loss_exceeds_reserves(*pair) for pair in pairs)
        return given

    @property
    def others(self) -> list[str]:
        """The assets of the markets that are not explicit."""
        return [asset for asset in self.old.markets if asset not in self.assets.values()]

    def remainders(self, state: Any) -> dict[str, int]:
        """What the accounts have in the markets that are not explicit, once those are accrued."""
        state = accrued(self.model, state)
        others = [state.markets[asset] for asset in self.others]
        found: dict[str, int] = {}
        for who, account in self.accounts.items():
            entered = [market for market in others if market.entered[account]]
            found[f"unpriced[{who}]"] = any(lacks_price(market, account, state.now) for market in entered)
            for name in TERMS:
                found[f"{name}[{who}]"] = sum(part(name, market, account, state.now) for market in entered)
        return found


def accrued(model: Model, state: Any) -> Any:
    """A copy of a state in which every market is accrued to the present."""
    copied = copy_state(state)
    for market in copied.markets.values():
        model.accrue(market, copied.now)
    return copied


def lacks_price(market: Any, account: Account, now: int) -> bool:
    """Whether an account has a position in a market that has no price."""
    holds = market.shares[account] != 0 or market.debts[account] != 0
    return holds and bool(fair_price(market.feed, now) == 0)


def part(name: str, market: Any, account: Account, now: int) -> int:
    """What a market adds to a term of an account's portfolio; nothing where its price is missing."""
    term = getattr(measures, name, None) or getattr(liquidation, name)
    try:
        value: int = term(market, account, now) if "now" in signature(term).parameters else term(market, account)
    except PriceMissing:
        return 0
    return value

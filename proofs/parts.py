"""A system's action as each of its pools sees it: a step of the pool's own, with the undo journal's share of it.

An action happens in the pool that it names.  Beyond that pool it may move three things, all of them declared: time in
all pools, the price of a feed that several pools read, and the core market that a credit line draws on.  The pools
that only see it see a step too: time that passes, a price that is set, one of the core pool's ``FLOWS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from poolproof.models.core_pool import FLOWS, CoreMarket
from poolproof.models.credit_line import LINE_ACTIONS, LinedMarket
from poolproof.models.isolated_pool import ACTIONS
from poolproof.models.oracle import Feed
from poolproof.models.system import SEPARATOR, System, place_of
from poolproof.spec.action import Action, Domain, asset, line
from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Clause, Invariant, Trial
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .past import Entry, before_of

OWN: dict[str, Action] = {action.name: action for action in (*ACTIONS, *LINE_ACTIONS)}
"""The pools' own actions by name."""
DRAWS, PAYS, FAILS = FLOWS


def _nothing(*_: Any) -> None:
    """A note is no action that anybody could carry out."""
    raise TypeError


NOTED = Action("line_noted", _nothing, {"line": line(), "asset": asset()}, "line", None, "A line's debt is noted.")
"""The step of the core pool when a line moves no principal: its mark on the line changes, or interest is cancelled."""


@dataclass(slots=True)
class PoolStep:
    """What one pool sees of an action: a step of its own; no single one for a sequence, or for a move not declared."""

    pool: str
    action: Action | None
    arguments: tuple[Any, ...]
    entries: list[Entry]
    declared: bool = True


def is_system(model: Model) -> bool:
    """Whether a model's states are systems of pools."""
    return bool(model.parts)


def require_one_pool(model: Model, protocol: Protocol, engine: str) -> None:
    """Refuse a system of pools, for an engine that reads one."""
    if is_system(model):
        rule = f"{engine} reads one pool, and this protocol is a system of {len(protocol.pools)}"
        raise UsageError(rule, f"{protocol.name}: pools", "use fuzz or check, or write a file with one isolated pool")


def pools_of(state: Any) -> tuple[Any, ...]:
    """The pools of a state: of a system all, else the state itself."""
    return tuple(state.pools.values()) if isinstance(state, System) else (state,)


def pool_named(action: Action, arguments: Iterable[Any]) -> str | None:
    """The pool in which an action of a system happens, None for what happens everywhere."""
    for domain, value in zip(action.domains.values(), arguments, strict=True):
        if domain.kind == "pool":
            return str(value)
        if domain.kind == "asset":
            return place_of(value)[0]
    return None


def plain_arguments(action: Action, arguments: Iterable[Any]) -> tuple[Any, ...]:
    """The arguments of a system's action as those of the pool's own."""
    pairs = zip(action.domains.values(), arguments, strict=True)
    kept = [(domain, value) for domain, value in pairs if domain.kind != "pool"]
    return tuple(place_of(value)[1] if domain.kind == "asset" else value for domain, value in kept)


def lifted_domains(domains: dict[str, Domain]) -> dict[str, Domain]:
    """The domains of a pool's action or scenario as those of the system's."""
    return (
        domains if any(domain.kind == "asset" for domain in domains.values()) else {"pool": Domain("pool"), **domains}
    )


def lifted_arguments(domains: dict[str, Domain], arguments: Iterable[Any], pool: str) -> tuple[Any, ...]:
    """The arguments of a pool's action or scenario as those of the system's; it names its pool if it has no market."""
    pairs = list(zip(domains.values(), arguments, strict=True))
    named = tuple(f"{pool}{SEPARATOR}{value}" if domain.kind == "asset" else value for domain, value in pairs)
    return named if any(domain.kind == "asset" for domain, _ in pairs) else (pool, *named)


def scenarios_of(model: Model, invariant: Invariant | None) -> list[Clause]:
    """An invariant's scenarios, as scenarios of the model's states: one about a pool, in the pool that it names."""
    found = [clause for clause in invariant.clauses if clause.form == "scenario"] if invariant else []
    in_pools = is_system(model) and invariant is not None and invariant.about == "pool"
    return [on_pools(clause) for clause in found] if in_pools else found


def on_pools(clause: Clause) -> Clause:
    """A scenario in a pool as a scenario in a system: markets are named "pool/asset", or the pool comes first.

    It says nothing of markets of different pools.
    """
    shape = Action(clause.name, _nothing, lifted_domains(clause.domains), "environment", None, "")

    @wraps(clause.check)
    def check(trial: Trial, system: System, *arguments: Any) -> None:
        pool = pool_named(shape, arguments)
        trial.assume(all(f"{pool}{SEPARATOR}{place_of(a)[1]}" == a for a in assets_among(shape, arguments)))
        clause.check(trial, system.pools[str(pool)], *plain_arguments(shape, arguments))

    return replace(clause, check=check, domains=shape.domains)


def assets_among(action: Action, arguments: Iterable[Any]) -> list[str]:
    """The markets among the arguments of an action."""
    return [value for domain, value in zip(action.domains.values(), arguments, strict=True) if domain.kind == "asset"]


class Steps:
    """The steps of the pools of one system, after each action on it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.pools = dict(system.pools)
        self.owners: dict[int, list[str]] = {}
        self.vaults: dict[tuple[int, Account], str] = {}
        self.wallets = {id(market.tokens) for market in system.markets.values()}
        self.lent_by: dict[int, CoreMarket] = {}
        self.lines: dict[tuple[int, Account], LinedMarket] = {}
        for name, pool in self.pools.items():
            self._own(name, pool, *pool.feeds.values(), *pool.markets.values())
            for market in pool.markets.values():
                self._own(name, *(getattr(market, ledger) for ledger in market.ledgers))
                self.vaults[id(market.tokens), market.vault] = name
                if isinstance(market, CoreMarket):
                    for thing in (market, market.drawn, market.indebted):
                        self.lent_by[id(thing)] = market
                elif isinstance(market, LinedMarket):
                    self.lines[id(market.core), market.line] = market
                    self.vaults[id(market.tokens), market.first_loss_vault] = name

    def _own(self, pool: str, *things: Any) -> None:
        for thing in things:
            owners = self.owners.setdefault(id(thing), [])
            if pool not in owners:
                owners.append(pool)

    def of(self, action: Action, arguments: tuple[Any, ...]) -> list[PoolStep]:
        """What each pool sees of the action that just completed; a pool that nothing moved sees nothing."""
        shares: dict[str, list[Entry]] = {}
        moved: dict[str, list[Entry]] = {}
        for entry in self.system.journal.entries:
            for pool in self.owners.get(id(entry[0]), ()):
                shares.setdefault(pool, []).append(entry)
                if self._moved(pool, entry):
                    moved.setdefault(pool, []).append(entry)
        own = OWN.get(action.name)
        if own is None:  # several actions of several pools in one
            named = {place_of(market)[0] for market in assets_among(action, arguments)}
            return [
                PoolStep(pool, None, (), shares[pool], declared=pool in named or self._only_wallets(pool, entries))
                for pool, entries in moved.items()
            ]
        home = pool_named(action, arguments)
        if home is None:
            return [PoolStep(pool, own, arguments, share) for pool, share in shares.items()]
        steps = [PoolStep(home, own, plain_arguments(action, arguments), shares[home])]
        for pool, entries in moved.items():
            if pool != home:
                steps += self._seen(pool, home, own, entries)
        return steps

    def _moved(self, pool: str, entry: Entry) -> bool:
        """Whether a pool is not as it was before; of the wallets that pools share, its vaults are its own."""
        thing, account, old = entry
        if account is None:
            return bool(thing.saved_ != old)
        shared = len(self.owners[id(thing)]) > 1
        return bool(thing[account] != old) and (not shared or self.vaults.get((id(thing), account)) == pool)

    def _only_wallets(self, pool: str, entries: list[Entry]) -> bool:
        """Whether nothing moved but balances that are not a pool's: its asset can be the reward of another's market."""
        return all(id(thing) in self.wallets and (id(thing), name) not in self.vaults for thing, name, _ in entries)

    def _seen(self, pool: str, home: str, own: Action, entries: list[Entry]) -> Iterator[PoolStep]:
        """What a pool sees of another's action: a price, what lines moved; what is left was not declared."""
        itself = (self.pools[pool], None, self.pools[pool].saved_)
        lent: dict[int, list[Entry]] = {}
        undeclared: list[Entry] = []
        for entry in entries:
            thing = entry[0]
            if isinstance(thing, Feed) and own is OWN["set_price"]:
                name = next(name for name, feed in self.pools[pool].feeds.items() if feed is thing)
                yield PoolStep(pool, own, (name, thing.price), [itself, entry])
            elif id(thing) in self.lent_by:
                lent.setdefault(id(self.lent_by[id(thing)]), []).append(entry)
            elif entry[1] is None or not self._is_vault_that_lends(thing, entry[1]):
                undeclared.append(entry)
        for market in self.pools[pool].markets.values():
            if id(market) in lent:
                step = self._flow(pool, home, market, [itself, *lent[id(market)]])
                if step is None:
                    undeclared += lent[id(market)]
                else:
                    yield step
        if undeclared:
            yield PoolStep(pool, None, (), undeclared, declared=False)

    def _is_vault_that_lends(self, tokens: Any, account: Account) -> bool:
        """Whether an account holds the cash of a core market."""
        lenders = self.lent_by.values()
        return any(market.tokens is tokens and market.vault == account for market in lenders)

    def _is_of_another(self, core: CoreMarket, account: Account, home: str) -> bool:
        """Whether an account holds tokens of a pool that is neither the core nor the one that acts."""
        return self.vaults.get((id(core.tokens), account), home) not in (home, self.vaults[id(core.tokens), core.vault])

    def _flow(self, pool: str, home: str, core: Any, entries: list[Entry]) -> PoolStep | None:
        """What a line of the acting pool moved in a core market, as a step of the core pool."""
        market = self.lines.get((id(core), home))
        if market is None:
            return None
        journal = self.system.journal.entries
        before, lined = before_of(journal, core), before_of(journal, market)
        drawn = core.drawn[home] - before_of(journal, core.drawn).get(home, core.drawn[home])
        interest = (core.collected - before["collected"]) // WAD
        lost, insured = market.lost - lined["lost"], lined["first_loss"] - market.first_loss
        amounts: tuple[int, ...]
        if drawn > 0:
            flow, other, amounts, received = DRAWS, market.vault, (drawn,), -drawn
        elif lost > 0:
            flow, other, amounts, received = FAILS, market.first_loss_vault, (-drawn, insured), insured
        elif drawn or interest:
            flow, other, amounts, received = PAYS, market.vault, (-drawn, interest), interest - drawn
        elif tuple(before.values()) != core.saved_:
            return None
        else:
            return PoolStep(pool, NOTED, (home, core.asset), [*entries, (core, None, tuple(before.values()))])
        held = before_of(journal, core.tokens)
        vaults: list[Entry] = [
            (core.tokens, core.vault, held.get(core.vault, core.tokens[core.vault])),
            (core.tokens, other, core.tokens[other] + received),
            *((core.tokens, account, held[account]) for account in held if self._is_of_another(core, account, home)),
        ]
        return PoolStep(
            pool, flow, (home, other, core.asset, *amounts), [(core, None, tuple(before.values())), *entries, *vaults]
        )

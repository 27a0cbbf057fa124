"""A run in which a pool fails and another one really loses, as much as the model lets it.

The runs are scripts: lenders come in, somebody borrows in the pool that is to lose, against what the failure will
reach; then the source's borrower takes all that can be taken, the price of its collateral falls to the smallest that
there is, and the failure is recorded.  An amount is the most that the model accepts in the state at hand.  What is
left open, the collateral and how much the core has to lend, is tried in turn.

Where the largest loss stays below a bound, ``gap_of`` says which limit stopped the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.system import SEPARATOR, place_of
from poolproof.proofs.monitor import DIVISION
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.traces import LARGEST_AMOUNT, Call, Trace, traced
from poolproof.spec.action import perform
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .losses import loss_between, market_of
from .network import LossKind

COLLAPSED = 1
"""A price of next to nothing: the smallest that an oracle can answer [value per smallest unit]."""
MOST_LIQUIDATIONS = 128
FEWEST_USERS = 3
CLOSE = 100
"""A loss within a hundredth of its bound is not improved on."""
DEPOSIT, ENTER, BORROW, RECORD, LIQUIDATE = "deposit", "enter", "borrow", "write_off", "liquidate"
ON_VENUS = {DEPOSIT: "mint", ENTER: "enter_market", RECORD: "heal_account", LIQUIDATE: "liquidate_borrow"}
"""What the deployed model calls what the reference calls otherwise."""
WHY: dict[LossKind, str] = {
    "principal": "the source's collateral at its loan-to-value, a cap, a ceiling or the lender's cash ends what is "
    "borrowed; the lender's reserves and the line's first-loss reserve pay first",
    "value": "only what is supplied up to the cap can lose its value, and only by the price of what the source takes as "
    "collateral; a price of nothing would be a missing one",
    "frozen": "only cash can be drawn: what is lent out already was out of reach before, and no failure of others "
    "stops a market from paying the cash that it has",
}
"""What keeps a loss below its bound, by kind, where no single limit is to be named."""


class _Ended(Exception):
    """A run cannot go on."""


@dataclass(slots=True)
class Witness:
    """The largest loss found: the run, its state before the source's borrower came, and what limited it.

    ``collapse`` is the position of the first price that falls, in ``calls``.
    """

    loss: int
    calls: list[Call]
    before: Any
    after: Any
    collapse: int
    limits: list[str] = field(default_factory=list)


class Script:
    """A run from the protocol's start, in which every action completes."""

    def __init__(self, model: Model, protocol: Protocol) -> None:
        self.actions = {action.name: action for action in model.actions}
        self.names = ON_VENUS if issubclass(model.market or object, VToken) else {}
        self.state = model.build(protocol)
        self.before: Any = None
        self.calls: list[Call] = []
        self.limits: list[str] = []
        self.collapse = 0
        self.users = protocol.users
        self.lender, self.borrower, self.defaulter = protocol.users[:FEWEST_USERS]

    def attempt(self, name: str, *arguments: Any) -> str | None:
        """Carry an action out; why not, if it is refused."""
        action = self.actions[self.names.get(name, name)]
        refusal = perform(self.state, action, arguments)
        if refusal is not None:
            return f"{refusal.name}: {refusal}"
        self.calls.append((action, arguments))
        return None

    def do(self, name: str, *arguments: Any) -> None:
        """Carry an action out, which has to complete."""
        if self.attempt(name, *arguments) is not None:
            raise _Ended

    def most(self, name: str, *arguments: Any, at_most: int) -> int:
        """Carry an action out with the largest amount that is accepted, and note what limits it; the amount."""
        action = self.actions[self.names.get(name, name)]
        accepted, refused, amount = 0, at_most + 1, at_most
        limit = ""
        while refused - accepted > 1:
            refusal = perform(self.state, action, (*arguments, amount))
            if refusal is None:
                self.state.journal.undo()
                accepted = amount
            else:
                refused, limit = amount, f"{self.names.get(name, name)} {refusal.name}: {refusal}"
            amount = (accepted + refused) // 2
        if accepted:
            self.do(name, *arguments, accepted)
        if limit and name == BORROW:
            self.limits.append(limit)
        return accepted

    def supply(self, user: Account, market: str, amount: int | None = None) -> int:
        """Supply what a user has, up to the caps, or up to an amount."""
        wallet = wallet_of(market_of(self.state, market), user)
        return self.most(DEPOSIT, user, market, at_most=wallet if amount is None else min(wallet, amount))

    def pledge(self, user: Account, market: str, amount: int | None = None) -> None:
        """Supply collateral."""
        if self.supply(user, market, amount):
            self.do(ENTER, user, market)

    def take(self, user: Account, market: str) -> int:
        """Borrow all that can be borrowed."""
        return self.most(BORROW, user, market, at_most=LARGEST_AMOUNT - 1)

    def record(self, pool: str, account: Account) -> None:
        """Record an account's bad debt, after liquidations where its collateral is more than dust."""
        others = [user for user in self.users if user != account]
        for _ in range(MOST_LIQUIDATIONS):
            if any(self.attempt(RECORD, pool, user, account) is None for user in others):
                return
            if not any(
                self.most(LIQUIDATE, user, account, debt, held, at_most=wallet_of(market, user))
                for debt, market in markets_in(self.state, pool)
                if owes(market, account)
                for held, collateral in markets_in(self.state, pool)
                if holds(collateral, account)
                for user in others
            ):
                raise _Ended
        raise _Ended


# --- what a script reads ----------------------------------------------------------------------------------------


def wallet_of(market: Any, user: Account) -> int:
    """What a user has of a market's asset [tokens]."""
    return int((market.underlying if isinstance(market, VToken) else market.tokens)[user])


def owes(market: Any, user: Account) -> bool:
    """Whether an account owes anything in a market."""
    return bool((market.principal if isinstance(market, VToken) else market.debts)[user] > 0)


def holds(market: Any, user: Account) -> bool:
    """Whether an account has shares of a market."""
    return bool((market.tokens if isinstance(market, VToken) else market.shares)[user] > 0)


def markets_in(state: Any, pool: str) -> list[tuple[str, Any]]:
    """The markets of a pool by "pool/asset"."""
    return [(name, market) for name, market in dict.items(state.markets) if place_of(name)[0] == pool]


def feed_of(state: Any, name: str) -> str:
    """The price that a market reads: its feed, or on Venus its asset."""
    market = market_of(state, name)
    return place_of(name)[1] if isinstance(market, VToken) else str(market.feed.asset)


def is_collateral(market: Any) -> bool:
    """Whether something can be borrowed against shares of a market."""
    return bool((market.collateral_factor if isinstance(market, VToken) else market.ltv) > 0)


def lenders_of(state: Any, pool: str) -> dict[str, str]:
    """The core markets on which a pool's lines draw, each with the pool's market that draws."""
    names = {id(market): name for name, market in dict.items(state.markets)}
    return {names[id(each.core)]: name for name, each in markets_in(state, pool) if isinstance(each, LinedMarket)}


# --- the runs ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked: who fails, who loses, what and how."""

    source: str
    pool: str
    asset: str
    kind: LossKind

    @property
    def market(self) -> str:
        """The market that loses."""
        return f"{self.pool}{SEPARATOR}{self.asset}"


def lost(script: Script, case: Case, pledged: tuple[str, ...], lent: dict[str, int]) -> int:
    """Play one run; what the case's pool has lost in it.

    ``pledged``: the source's collateral, whose prices fall; ``lent``: how much of a core market is supplied, where not
    all that can be.
    """
    state, lenders = script.state, lenders_of(script.state, case.source)
    feeds = {feed_of(state, name) for name in pledged}
    reached: list[str] = []
    if case.kind == "principal":
        reached = [
            name
            for name, market in markets_in(state, case.pool)
            if name != case.market and is_collateral(market) and (feed_of(state, name) in feeds or name in lenders)
        ]
    drawn_on = next(iter(_lender_of(state, case.market)), None) if case.kind == "frozen" else None
    for name in dict.fromkeys((drawn_on or case.market, *_loans(state, case, lenders, feeds, reached))):
        if not isinstance(market_of(state, name), LinedMarket):
            script.supply(script.lender, name, lent.get(name))
    for name in reached:
        script.pledge(script.borrower, name, lent.get(name))
    indebted = bool(reached) and script.take(script.borrower, case.market) > 0
    script.before = copy_state(state)
    defaults = not (indebted and case.source == case.pool)
    if defaults:
        for name in pledged:
            script.pledge(script.defaulter, name)
        taken = [script.take(script.defaulter, name) for name in _loans(state, case, lenders, feeds, reached)]
        if not any(taken):
            raise _Ended
    script.collapse = len(script.calls)
    for name in {feed_of(state, name): name for name in pledged}.values():
        script.do("set_price", name, COLLAPSED)
    if case.kind != "frozen":
        if defaults:
            script.record(case.source, script.defaulter)
        if indebted:
            script.record(case.pool, script.borrower)
    return loss_between(script.before, state, case.pool, case.asset, case.kind)


def _lender_of(state: Any, name: str) -> list[str]:
    """The core market that a market draws on, if it does."""
    return [core for core, market in lenders_of(state, place_of(name)[0]).items() if market == name]


def _loans(state: Any, case: Case, lenders: dict[str, str], feeds: set[str], reached: Iterable[str]) -> list[str]:
    """What the source's borrower borrows: what brings the loss over a line, else the asset itself, else anything."""
    wanted = [case.market, *_lender_of(state, case.market), *reached]
    over_lines = [lenders[name] for name in wanted if name in lenders]
    own = [name for name in wanted if place_of(name)[0] == case.source and feed_of(state, name) not in feeds]
    if over_lines or own:
        return list(dict.fromkeys((*over_lines, *own)))
    return [
        name
        for name, market in markets_in(state, case.source)
        if market.borrow_cap > 0 and feed_of(state, name) not in feeds and not isinstance(market, LinedMarket)
    ][:1] or [name for core, name in lenders.items() if feed_of(state, name) not in feeds][:1]


def _choices(model: Model, protocol: Protocol, case: Case) -> Iterator[tuple[tuple[str, ...], dict[str, int]]]:
    """Collaterals, one at a time and all together, each with as much in the core as there can be, or as is drawn."""
    state = model.build(protocol)
    collaterals = [name for name, market in markets_in(state, case.source) if is_collateral(market)]
    own = feed_of(state, case.market)
    if case.kind == "value":
        collaterals = [name for name in collaterals if feed_of(state, name) == own]
    sets = [(name,) for name in collaterals]
    if len(sets) > 1:
        sets.append(tuple(collaterals))
    supplies: list[dict[str, int]] = [{}]
    lenders = lenders_of(state, case.source)
    for pledged in sets:
        drawn = _rehearsed(Script(model, protocol), lenders, pledged)
        supplies += [drawn, {core: amount for core, amount in drawn.items() if core != case.market}]
    drawing = market_of(state, case.market)
    for core in _lender_of(state, case.market):
        supplies.append({core: int(drawing.limit)})
    distinct = {tuple(sorted(each.items())): each for each in supplies}
    yield from product(sets, distinct.values())


def _rehearsed(script: Script, lenders: dict[str, str], pledged: tuple[str, ...]) -> dict[str, int]:
    """How much the source's lines draw from each core market that has all it can have [tokens]."""
    for core in lenders:
        script.supply(script.lender, core)
    for name in pledged:
        script.pledge(script.defaulter, name)
    taken = {core: script.take(script.defaulter, name) for core, name in lenders.items()}
    return {core: amount for core, amount in taken.items() if amount}


def largest(model: Model, protocol: Protocol, case: Case, upper: int | None = None) -> Witness | None:
    """The run in which the pool loses most, of those that are tried; None where none loses anything."""
    best: Witness | None = None
    if len(protocol.users) < FEWEST_USERS or len(protocol.pools) == 1:
        return None
    for pledged, lent in _choices(model, protocol, case):
        script = Script(model, protocol)
        try:
            loss = lost(script, case, pledged, lent)
        except _Ended:
            continue
        if loss > (best.loss if best is not None else 0):
            best = Witness(loss, script.calls, script.before, script.state, script.collapse, script.limits)
        if best is not None and upper is not None and (upper - best.loss) * CLOSE <= upper:
            break
    return best


def as_trace(model: Model, protocol: Protocol, case: Case, calls: Iterable[Call]) -> Trace:
    """A run as a trace that violates nothing: it names the theorem under which it stays.

    That is ISO-3 for principal and ISO-1 otherwise; of a model without a catalogue, that no action divides by zero.
    """
    theorem = {"principal": "ISO-3"}.get(case.kind, "ISO-1") if model.parts else DIVISION
    steps = [traced(action, arguments) for action, arguments in calls]
    return Trace(protocol.name, protocol.canonical_json(), theorem, [steps])


def witness(
    model: Model, protocol: Protocol, source: str, pool: str, asset: str, kind: LossKind, upper: int | None
) -> tuple[int, Trace | None]:
    """What a pool really loses of an asset when a source fails, and the run from the protocol's start that shows it.

    ``upper`` ends the search early; the loss is 0, without a run, where none of the runs loses anything.
    """
    case = Case(source, pool, asset, kind)
    best = largest(model, protocol, case, upper)
    return (0, None) if best is None else (best.loss, as_trace(model, protocol, case, best.calls))


def gap_of(kind: LossKind, upper: int | None, found: Witness | None) -> str | None:
    """Why a loss stays more than a hundredth below its bound: the limits that ended the run, or those of its kind."""
    loss = 0 if found is None else found.loss
    if upper is not None and (upper - loss) * CLOSE <= upper:
        return None
    return "; ".join(dict.fromkeys(found.limits)) if found is not None and found.limits else WHY[kind]

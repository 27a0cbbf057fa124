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
from poolproof.models.system import SEPARATOR, place_of
from poolproof.proofs.monitor import DIVISION
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.traces import Call, Trace, traced
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .losses import loss_between, market_of
from .network import LossKind
from .scripts import COLLAPSED, FEWEST_USERS, Ended, Script, feed_of, is_collateral, lenders_of, markets_in

CLOSE = 100
"""A loss within a hundredth of its bound is not improved on."""
WHY: dict[LossKind, str] = {
    "principal": "the source's collateral at its loan-to-value, a cap, a ceiling or the lender's cash ends what is "
    "borrowed; the lender's reserves and the line's first-loss reserve pay first",
    "value": "only what is supplied up to the cap can lose its value, and only by the price of what the source takes as "
    "collateral; a price of nothing would be a missing one",
    "frozen": "only cash can be drawn: what is lent out already was out of reach before, and no failure of others "
    "stops a market from paying the cash that it has",
}
"""What keeps a loss below its bound, by kind, where no single limit is to be named."""


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


@dataclass(frozen=True, slots=True)
class Choice:
    """What a script leaves open.

    ``pledged``: the source's collateral, whose prices fall; ``lent``: how much of a core market is supplied, where not
    all that can be; ``indirect``: whether the pool that loses has a borrower of its own, against collateral that the
    failure reaches over a shared feed or over the core's share price.
    """

    pledged: tuple[str, ...]
    lent: dict[str, int]
    indirect: bool


def lost(script: Script, case: Case, choice: Choice) -> int:
    """Play one run; what the case's pool has lost in it."""
    state, lenders, lent = script.state, lenders_of(script.state, case.source), choice.lent
    feeds = {feed_of(state, name) for name in choice.pledged}
    reached = [
        name
        for name, market in markets_in(state, case.pool)
        if choice.indirect and name != case.market and is_collateral(market)
        if feed_of(state, name) in feeds or name in lenders
    ]
    loans = _loans(state, case, lenders, feeds, reached)
    lender = _lender_of(state, case.market) if case.kind == "frozen" else []
    cores = [core for core, name in lenders.items() if name in loans and core not in reached]
    for name in dict.fromkeys((*(lender or [case.market]), *cores, *loans)):
        own = name == case.market and case.kind != "frozen"
        if own or not isinstance(market_of(state, name), LinedMarket):
            script.supply(script.lender, name, lent.get(name))
    for name in reached:
        script.pledge(script.borrower, name, lent.get(name))
    script.before = copy_state(state)
    for name in choice.pledged:
        script.pledge(script.defaulter, name)
    if sum(script.take(script.defaulter, name) for name in loans) == 0:
        raise Ended
    indebted = bool(reached) and script.take(script.borrower, case.market) > 0
    script.collapse = len(script.calls)
    for name in {feed_of(state, name): name for name in choice.pledged}.values():
        script.do("set_price", name, COLLAPSED)
    if case.kind != "frozen":
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


def _choices(model: Model, protocol: Protocol, case: Case) -> Iterator[Choice]:
    """Direct losses first; collaterals one at a time and together; as much in the core as can be, or as is drawn."""
    state = model.build(protocol)
    own = feed_of(state, case.market)
    collaterals = [name for name, market in markets_in(state, case.source) if is_collateral(market)]
    if case.kind == "value":
        collaterals = [name for name in collaterals if feed_of(state, name) == own]
    others = [name for name in collaterals if feed_of(state, name) != own]
    sets: list[tuple[str, ...]] = [(name,) for name in collaterals]
    sets += [each for each in dict.fromkeys((tuple(collaterals), tuple(others))) if len(each) > 1]
    lenders = lenders_of(state, case.source)
    supplies: list[dict[str, int]] = [{}]
    for pledged in sets:
        drawn = _rehearsed(Script(model, protocol), lenders, pledged)
        supplies += [drawn, {core: amount for core, amount in drawn.items() if core != case.market}]
    limit = getattr(market_of(state, case.market), "limit", 0)
    supplies += [{core: int(limit)} for core in _lender_of(state, case.market)]
    distinct = {tuple(sorted(each.items())): each for each in supplies}
    ways = (False, True) if case.kind == "principal" and case.source != case.pool else (False,)
    for indirect, pledged, lent in product(ways, sets, distinct.values()):
        yield Choice(pledged, lent, indirect)


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
    for choice in _choices(model, protocol, case):
        script = Script(model, protocol)
        try:
            loss = lost(script, case, choice)
        except Ended:
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

"""A run in which a pool fails and another one really loses, as much as the model lets it.

The runs are scripts: lenders come in, somebody borrows in the pool that is to lose, against what the failure will
reach; then the source's borrower takes all that can be taken, the price of its collateral falls to the smallest that
there is, and the failure is recorded.  Where a feed fails, its price falls like that, or rises.  An amount is the most
that the model accepts in the state at hand.  What is left open, the collateral and how much the core has to lend, is
tried in turn.

Where the largest loss stays below a bound, ``gap_of`` says which limit stopped the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.system import SEPARATOR, place_of
from poolproof.proofs.monitor import DIVISION
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.traces import Call, Trace, traced
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .losses import loss_between, market_of, price_of
from .network import LossKind
from .scripts import COLLAPSED, FEWEST_USERS, SURGE, Ended, Script, feed_of, is_collateral, lenders_of, markets_in

ORACLE = "oracle:"
"""Before a feed's name, where a feed is what fails."""
CLOSE = 100
"""A loss within a hundredth of its bound is close to it."""
WHY: dict[LossKind, str] = {
    "principal": "the source's collateral at its loan-to-value, a cap, a ceiling or the lender's cash ends what is "
    "borrowed; the lender's reserves and the line's first-loss reserve pay first",
    "value": "only what is supplied up to the cap can lose its value, and only where the feed that fails values it; a "
    "price of nothing would be a missing one",
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
    """What is asked: who fails, a pool or "oracle:" and a feed, and who loses what, and how."""

    source: str
    pool: str
    asset: str
    kind: LossKind

    @property
    def market(self) -> str:
        """The market that loses."""
        return f"{self.pool}{SEPARATOR}{self.asset}"

    @property
    def feed(self) -> str | None:
        """The feed that fails, if it is one."""
        return self.source.removeprefix(ORACLE) if self.source.startswith(ORACLE) else None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a script leaves open.

    ``pledged``: the collateral of each borrower who defaults, by pool; ``loans``: what he borrows; ``reached``: the
    collateral of a borrower in the pool that loses, which the failure reaches over a feed or the core's share price;
    ``lent``: how much of a core market is supplied, where not all that can be; ``surges``: the failing price rises.
    """

    pledged: dict[str, tuple[str, ...]]
    loans: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reached: tuple[str, ...] = ()
    lent: dict[str, int] = field(default_factory=dict)
    surges: bool = False


def lost(script: Script, case: Case, choice: Choice) -> int:
    """Play one run; what the case's pool has lost in it."""
    state = script.state
    loans = [name for names in choice.loans.values() for name in names]
    cores = [core for pool in choice.pledged for core, name in lenders_of(state, pool).items() if name in loans]
    elsewhere = case.kind == "frozen" and case.source != case.pool
    lender = _lender_of(state, case.market) if elsewhere else []
    for name in dict.fromkeys((*(lender or [case.market]), *cores, *loans)):
        own = name == case.market and not elsewhere
        if name not in choice.reached and (own or not isinstance(market_of(state, name), LinedMarket)):
            script.supply(script.lender, name, choice.lent.get(name))
    for name in choice.reached:
        script.pledge(script.borrower, name, choice.lent.get(name))
    script.before = copy_state(state)
    failed = [(pool, script.defaulter) for pool in choice.pledged if _defaults(script, choice, pool)]
    if choice.reached and script.take(script.borrower, case.market):
        failed.append((case.pool, script.borrower))
    if not failed and case.kind != "value":
        raise Ended
    script.collapse = len(script.calls)
    for name in _failing(state, case, choice):
        price = price_of(market_of(state, name), state.now)
        script.do("set_price", name, script.highest_price(name, price * SURGE) if choice.surges else COLLAPSED)
    if case.kind != "frozen":
        for pool, account in failed:
            script.record(pool, account)
    return loss_between(script.before, state, case.pool, case.asset, case.kind)


def _defaults(script: Script, choice: Choice, pool: str) -> bool:
    """Let the defaulter borrow in a pool; whether he owes anything then."""
    for name in choice.pledged[pool]:
        script.pledge(script.defaulter, name)
    return sum(script.take(script.defaulter, name) for name in choice.loans.get(pool, ())) > 0


def _failing(state: Any, case: Case, choice: Choice) -> list[str]:
    """The markets whose prices fail, one for each feed."""
    names = [name for name in dict.keys(state.markets) if feed_of(state, name) == case.feed]
    if case.feed is None:
        names = [name for pledged in choice.pledged.values() for name in pledged]
    return list({feed_of(state, name): name for name in names}.values())


def _lender_of(state: Any, name: str) -> list[str]:
    """The core market that a market draws on, if it does."""
    return [core for core, market in lenders_of(state, place_of(name)[0]).items() if market == name]


def _of_feed(state: Any, case: Case) -> Iterator[Choice]:
    """What can be chosen where a feed fails: it falls, with what is pledged at it; or it rises, with what is owed."""
    if case.kind == "value" and feed_of(state, case.market) == case.feed:
        yield Choice({})
    if case.kind != "principal":
        return
    pledged, loans = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    for pool in dict.keys(state.pools):
        drawing = lenders_of(state, pool).get(case.market)
        hit = tuple(name for name in _collaterals(state, pool) if feed_of(state, name) == case.feed)
        if drawing is not None and hit:
            pledged[pool], loans[pool] = hit, (drawing,)
    own = [name for name in _collaterals(state, case.pool) if name != case.market]
    yield Choice(pledged, loans, tuple(name for name in own if feed_of(state, name) == case.feed))
    if feed_of(state, case.market) == case.feed:
        others = tuple(name for name in own if feed_of(state, name) != case.feed)
        yield from (Choice({}, {}, reached, surges=True) for reached in (*((name,) for name in others), others))


def _of_pool(model: Model, protocol: Protocol, case: Case) -> Iterator[Choice]:
    """What can be chosen where a pool fails: collaterals one by one and together, and who else borrows against what."""
    state = model.build(protocol)
    own, lenders = feed_of(state, case.market), lenders_of(state, case.source)
    collaterals = _collaterals(state, case.source)
    others = [name for name in collaterals if feed_of(state, name) != own]
    sets: list[tuple[str, ...]] = [(name,) for name in collaterals]
    sets += [each for each in dict.fromkeys((tuple(collaterals), tuple(others))) if len(each) > 1]
    supplies: list[dict[str, int]] = [{}]
    for pledged in sets:
        drawn = _rehearsed(Script(model, protocol), lenders, pledged)
        supplies += [drawn, {core: amount for core, amount in drawn.items() if core != case.market}]
    limit = getattr(market_of(state, case.market), "limit", 0)
    supplies += [{core: int(limit)} for core in _lender_of(state, case.market)]
    distinct = {tuple(sorted(each.items())): each for each in supplies}
    for pledged in sets:
        feeds = {feed_of(state, name) for name in pledged}
        shares = tuple(
            name
            for name in _collaterals(state, case.pool)
            if name in lenders and name != case.market and feed_of(state, name) not in feeds
        )
        indirect = case.kind == "principal" and case.source != case.pool and shares
        for reached in dict.fromkeys(((), shares if indirect else ())):
            wanted = (case.market, *_lender_of(state, case.market), *reached)
            lines = [lenders[name] for name in wanted if name in lenders]
            at_home = [n for n in wanted if place_of(n)[0] == case.source and feed_of(state, n) not in feeds]
            loans = {case.source: tuple(dict.fromkeys((*lines, *at_home)))}
            yield from (Choice({case.source: pledged}, loans, reached, lent) for lent in distinct.values())


def _collaterals(state: Any, pool: str) -> list[str]:
    """The markets of a pool against which something can be borrowed."""
    return [name for name, market in markets_in(state, pool) if is_collateral(market)]


def _rehearsed(script: Script, lenders: dict[str, str], pledged: tuple[str, ...]) -> dict[str, int]:
    """How much the source's lines draw from each core market that has all it can have [tokens]."""
    for core in lenders:
        script.supply(script.lender, core)
    for name in pledged:
        script.pledge(script.defaulter, name)
    taken = {core: script.take(script.defaulter, name) for core, name in lenders.items()}
    return {core: amount for core, amount in taken.items() if amount}


def largest(
    model: Model, protocol: Protocol, case: Case, upper: int | None = None, *, within: bool = False
) -> Witness | None:
    """The run in which the pool loses most, of those that are tried; None where none loses anything.

    Of the runs that come within a hundredth of a bound the first is taken, unless a later one exceeds the bound.
    ``within``: runs that lose more than the bound are passed over, because they show what it leaves out.
    """
    best: Witness | None = None
    if len(protocol.users) < FEWEST_USERS or len(protocol.pools) == 1 or (case.feed is None and case.kind == "value"):
        return None
    for choice in _of_pool(model, protocol, case) if case.feed is None else _of_feed(model.build(protocol), case):
        script = Script(model, protocol)
        try:
            loss = lost(script, case, choice)
        except Ended:
            continue
        if within and upper is not None and loss > upper:
            continue
        enough = best is not None and is_close(best.loss, upper) and loss <= (upper or 0)
        if loss > (best.loss if best is not None else 0) and not enough:
            best = Witness(loss, script.calls, script.before, script.state, script.collapse, script.limits)
    return best


def is_close(loss: int, upper: int | None) -> bool:
    """Whether a loss is within a hundredth of a bound, or above it."""
    return upper is not None and (upper - loss) * CLOSE <= upper


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

    ``source`` is a pool, or "oracle:" and a feed.  Where a run comes close to ``upper``, a larger one counts only if it
    refutes the bound.  The loss is 0, without a run, where none of the runs loses anything.
    """
    case = Case(source, pool, asset, kind)
    best = largest(model, protocol, case, upper)
    return (0, None) if best is None else (best.loss, as_trace(model, protocol, case, best.calls))


def gap_of(kind: LossKind, upper: int | None, found: Witness | None) -> str | None:
    """Why a loss stays more than a hundredth below its bound: the limits that ended the run, or those of its kind."""
    loss = 0 if found is None else found.loss
    if is_close(loss, upper):
        return None
    return "; ".join(dict.fromkeys(found.limits)) if found is not None and found.limits else WHY[kind]

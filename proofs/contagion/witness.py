"""A run in which a pool fails and another one really loses, as much as the model lets it.

The runs are scripts: lenders come in, prices move where that lets more be borrowed, a borrower takes all that can be
taken, a price fails, and the failure is recorded.  An amount is the most that the model accepts in the state at hand.
What is left open (`choices`) is tried in turn, and what is shown is replayed from its trace first.

Where the largest loss stays below a bound, ``gap_of`` says which side is believed to be loose.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.system import place_of
from poolproof.proofs.monitor import DIVISION
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.traces import Call, Trace, calls_of, start_state, trace_from_json, traced
from poolproof.spec.action import perform
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .choices import Case, Choice, at_the_edge, lender_of, lenders_of, looped, of_feed, of_own, of_pool, prepared
from .losses import loss_between
from .network import LossKind
from .scripts import COLLAPSED, Ended, Script, feed_of

CLOSE = 100
"""A loss within a hundredth of its bound is close to it."""
REFUSED = {
    "LineLimitExceeded": "the line's limit",
    "DebtCeilingExceeded": "the debt ceiling",
    "BorrowCapExceeded": "the borrow cap",
    "CoreCashExceeded": "what the core has to lend",
    "LentLimitExceeded": "what the core may lend",
    "InsufficientCash": "the market's cash",
    "BorrowCashNotAvailable": "the market's cash",
    "InsufficientCollateral": "the collateral at its loan-to-value",
    "InsufficientLiquidity": "the collateral at its loan-to-value",
}
"""What a refused draw would have exceeded, by the name of the refusal."""
IN_SHARES = (
    "the bound is believed to be the loose side: it lets shares lose all their value before those who pledged them are "
    "liquidated, where in a run liquidators pay what the shares are still worth"
)
"""Why what follows from a loss in the core stays below its bound."""
WHY: dict[LossKind, str] = {
    "principal": "the bound is believed to be the loose side: it counts all that caps allow to be owed and collateral up "
    "to its threshold, where the loan-to-value, and what else can be pledged, allow less",
    "value": "the bound is believed to be the loose side: it is all that is supplied, where a price falls to the "
    "smallest that there is and not to nothing",
    "frozen": "the bound is believed to be the loose side: it counts all that caps allow to be owed, where the "
    "loan-to-value, and what else can be pledged, allow less",
}
"""Why a loss stays below its bound, by kind."""


@dataclass(slots=True)
class Witness:
    """The largest loss found: the run, its state before the source's borrower came, and what limited it.

    ``start`` and ``collapse`` are positions in ``calls``: of what comes after ``before``, and of the first price that
    fails.
    """

    loss: int
    calls: list[Call]
    before: Any
    after: Any
    start: int
    collapse: int
    choice: Choice
    limits: list[str] = field(default_factory=list)


def lost(script: Script, case: Case, choice: Choice) -> int:
    """Play one run; what the case's pool has lost in it."""
    failed = _enter(script, case, choice)
    for pool in choice.pledged:
        if _defaults(script, choice, pool):
            failed.insert(0, (pool, script.defaulter))
    if not failed and case.kind != "value":
        raise Ended
    script.collapse = len(script.calls)
    for feed in (*choice.raised, *choice.lowered):
        if feed not in (*choice.falling, *choice.rising):
            script.answer(feed, script.prices[feed])
    for feed in choice.falling:
        script.answer(feed, COLLAPSED)
    for feed in choice.rising:
        script.answer(feed, script.highest_price(feed))
    if case.kind != "frozen":
        for pool, account in failed:
            with suppress(Ended):
                script.record(pool, account)
    return loss_between(script.before, script.state, case.pool, case.asset, case.kind)


def _enter(script: Script, case: Case, choice: Choice) -> list[tuple[str, Account]]:
    """Let everybody but the defaulter come, and the prices move under which he borrows; who else will default."""
    loans = [name for names in choice.loans.values() for name in names]
    cores = [core for pool in choice.pledged for core, name in lenders_of(script, pool).items() if name in loans]
    elsewhere = case.kind == "frozen" and case.source != case.pool
    lender = lender_of(script, case.market) if elsewhere else []
    for name in dict.fromkeys((*(lender or [case.market]), *cores, *loans)):
        own = name == case.market and not elsewhere
        if name not in {*choice.reached, *choice.pledged.get(place_of(name)[0], ())} and (
            own or not isinstance(script.markets[name], LinedMarket)
        ):
            if choice.loops and own:
                _share_out(script, name, choice)
            else:
                script.fund(name, choice.lent.get(name))
    for name in choice.reached:
        script.pledge(script.borrower, name, choice.lent.get(name))
    script.before, script.start = copy_state(script.state), len(script.calls)
    failed = _borrow_against_shares(script, case, choice) if choice.reached or choice.loops else []
    for feed in choice.raised:
        script.answer(feed, script.highest_price(feed))
    for feed in choice.lowered:
        script.answer(feed, COLLAPSED)
    return failed


def _share_out(script: Script, name: str, choice: Choice) -> None:
    """Let some pledge a part of an amount each, and the defaulter supply what nobody borrows against."""
    users = _loopers(script, choice, name)
    for user in users:
        script.pledge(user, name, choice.loops // len(users))
    if choice.loops < choice.lent[name]:
        script.supply(script.defaulter, name, choice.lent[name] - choice.loops)


def _loopers(script: Script, choice: Choice, name: str) -> list[Account]:
    """Who borrows against a supply of the same asset: everybody who has no other part."""
    passive = {script.defaulter} if choice.loops < choice.lent[name] else set()
    return [user for user in script.users if user not in {script.borrower, *passive}] or [script.lender]


def _borrow_against_shares(script: Script, case: Case, choice: Choice) -> list[tuple[str, Account]]:
    """Let the other borrower, and who loops, borrow all that they can; who owes something then.

    ``edge``: he borrows at a price of his collateral that is higher by threshold / loan-to-value, and returns.
    """
    markets = {feed_of(name, script.markets[name]): script.markets[name] for name in choice.reached}
    for feed, market in markets.items() if choice.edge else ():
        script.answer(feed, script.prices[feed] * market.liquidation_threshold // market.ltv)
    failed = [(case.pool, script.borrower)] if choice.reached and script.take(script.borrower, case.market) else []
    for feed in markets:
        script.answer(feed, script.prices[feed])
    if choice.loops:
        failed += [
            (case.pool, user) for user in _loopers(script, choice, case.market) if script.take(user, case.market)
        ]
    return failed


def _defaults(script: Script, choice: Choice, pool: str) -> bool:
    """Let the defaulter borrow in a pool, against dust where that is enough; whether he owes anything then."""
    feeds = {feed_of(name, script.markets[name]) for name in choice.loans.get(pool, ())}
    for name in choice.pledged[pool]:
        script.pledge(script.defaulter, name, script.dust_of(name) if feeds <= set(choice.lowered) else None)
    return sum([script.take(script.defaulter, name) for name in choice.loans.get(pool, ())]) > 0


def largest(
    model: Model, protocol: Protocol, case: Case, upper: int | None = None, *, within: bool = False
) -> Witness | None:
    """The run in which the pool loses most, of those that are tried; None where none loses anything.

    Of the runs that come within a hundredth of a bound the first is taken, unless a later one exceeds the bound; without
    a bound, none is looked for with prices that move before, or with further rounds, if one of the others loses anything.
    ``within``: runs that lose more than the bound are passed over, because they show what it leaves out.
    """
    if case.feed is None and case.kind == "value":
        return None
    script = Script(model, protocol)
    search = _Search(model, protocol, case, upper, within=within)
    if case.feed is not None or case.source == case.pool:
        for choice in of_own(script, case) if case.feed is None else of_feed(script, case):
            if search.enough:
                break
            search.play(choice)
        return search.best
    choices = list(of_pool(script, case))
    for choice in choices:
        search.play(choice)
    if search.enough or (upper is None and search.best is not None):
        return search.best
    for choice in choices:
        for changed in prepared(script, choice):
            search.play(changed)
    for further in (at_the_edge, looped):
        best = search.best
        for changed in further(script, case, best.choice, best.loss) if best is not None and not search.enough else ():
            search.play(changed)
    return search.best


class _Search:
    """The best of the runs that were played."""

    def __init__(self, model: Model, protocol: Protocol, case: Case, upper: int | None, *, within: bool) -> None:
        self.model, self.protocol, self.case, self.upper, self.within = model, protocol, case, upper, within
        self.best: Witness | None = None

    @property
    def enough(self) -> bool:
        """Whether a run came within a hundredth of the bound."""
        return self.best is not None and is_close(self.best.loss, self.upper)

    def play(self, choice: Choice) -> None:
        """Play one run, and keep it if it is better."""
        script = Script(self.model, self.protocol)
        try:
            loss = lost(script, self.case, choice)
        except Ended:
            return
        upper = self.upper
        if self.within and upper is not None and loss > upper:
            return
        if loss > (self.best.loss if self.best is not None else 0) and not (self.enough and loss <= (upper or 0)):
            self.best = Witness(
                loss, script.calls, script.before, script.state, script.start, script.collapse, choice, script.limits
            )


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
    return (0, None) if best is None else (best.loss, shown(model, protocol, case, best))


def shown(model: Model, protocol: Protocol, case: Case, found: Witness) -> Trace:
    """A run as a trace that was written, read and run again, and that showed the same loss then."""
    trace = trace_from_json(as_trace(model, protocol, case, found.calls).to_json(), "witness", lambda _name: model)
    state = before = start_state(trace, model)
    for position, (action, arguments) in enumerate(calls_of(trace, model)):
        before = copy_state(state) if position == found.start else before
        refusal = perform(state, action, arguments)
        assert refusal is None, f"{action.name}: {refusal}"  # noqa: S101 - a run that does not replay is no witness
    loss = loss_between(before, state, case.pool, case.asset, case.kind)
    assert loss == found.loss, f"replayed, the run loses {loss} instead of {found.loss}"  # noqa: S101 - as above
    return trace


def gap_of(kind: LossKind, upper: int | None, found: Witness | None) -> str | None:
    """Why a loss stays more than a hundredth below its bound: which side is loose, and what refused to draw more."""
    if is_close(0 if found is None else found.loss, upper):
        return None
    if found is None:
        return f"no run loses anything; {WHY[kind]}"
    limits = dict.fromkeys(REFUSED.get(each, each) for each in found.limits)
    refused = f"drawing more is refused: {', '.join(limits)}; " if limits else ""
    return refused + (IN_SHARES if found.choice.reached or found.choice.loops else WHY[kind])

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
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.system import SEPARATOR, place_of
from poolproof.proofs.monitor import DIVISION
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.traces import Call, Trace, calls_of, start_state, trace_from_json, traced
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .losses import loss_between
from .network import LossKind
from .scripts import COLLAPSED, Ended, Script, feed_of, is_collateral, lends

ORACLE = "oracle:"
"""Before a feed's name, where a feed is what fails."""
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

    ``pledged``: the collateral of the borrower who defaults, by pool; ``loans``: what he borrows, by pool; ``reached``:
    core shares that another borrower pledges in the pool that loses, and whose price the failure lowers; ``lent``: how
    much of a market is supplied, where not all that can be; ``raised``, ``lowered``: feeds that answer the highest or
    the lowest price while he borrows, and then what they answered before; ``falling``, ``rising``: feeds that fail
    after that; ``edge``: the other borrower borrows until he is liquidatable; ``loops``: how
    much of what is lent there is pledged by those who borrow it too.
    """

    pledged: dict[str, tuple[str, ...]]
    loans: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reached: tuple[str, ...] = ()
    lent: dict[str, int] = field(default_factory=dict)
    raised: tuple[str, ...] = ()
    lowered: tuple[str, ...] = ()
    falling: tuple[str, ...] = ()
    rising: tuple[str, ...] = ()
    edge: bool = False
    loops: int = 0


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
    lender = _lender_of(script, case.market) if elsewhere else []
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


# --- what is tried ------------------------------------------------------------------------------------------------


def lenders_of(script: Script, pool: str) -> dict[str, str]:
    """The core markets on which a pool's lines draw, each with the pool's market that draws."""
    named = {id(market): name for name, market in script.markets.items()}
    return {
        named[id(each.core)]: name
        for name, each in script.markets.items()
        if place_of(name)[0] == pool and isinstance(each, LinedMarket)
    }


def _feeds(script: Script, names: Iterable[str]) -> tuple[str, ...]:
    """The feeds of markets, each once."""
    return tuple(dict.fromkeys(feed_of(name, script.markets[name]) for name in names))


def _lender_of(script: Script, name: str) -> list[str]:
    """The core market that a market draws on, if it does."""
    return [core for core, market in lenders_of(script, place_of(name)[0]).items() if market == name]


def _collaterals(script: Script, pool: str) -> list[str]:
    """The markets of a pool against which something can be borrowed, without those that are not listed if others are."""
    names = [name for name, each in script.markets.items() if place_of(name)[0] == pool and is_collateral(each)]
    registry = getattr(script.state, "registry", None)
    listed = [name for name in names if registry is None or registry.lists(name)]
    return listed or names


def _sets(names: list[str]) -> list[tuple[str, ...]]:
    """Each by itself, and all together."""
    return [*((name,) for name in names), *([tuple(names)] if len(names) > 1 else [])]


def _of_feed(script: Script, case: Case) -> Iterator[Choice]:
    """What can be chosen where a feed fails."""
    feed = case.feed
    assert feed is not None  # noqa: S101 - for the type checker
    if case.kind == "value":
        yield Choice({}, falling=(feed,))
        yield Choice({}, raised=(feed,), falling=(feed,))
    if case.kind != "principal":
        return
    places = {place_of(name)[0]: name for name in script.markets if case.market in _lender_of(script, name)}
    places[case.pool] = case.market
    held = {pool: _collaterals(script, pool) for pool in places}
    hit = {pool: tuple(n for n in held[pool] if _feeds(script, [n]) == (feed,)) for pool in places}
    clear = {pool: tuple(n for n in held[pool] if _feeds(script, [n]) != (feed,)) for pool in places}
    owing = {pool: name for pool, name in places.items() if _feeds(script, [name]) == (feed,)}
    beside = {
        pool: tuple(n for n, each in script.markets.items() if place_of(n)[0] == pool and n != name and lends(each))
        for pool, name in places.items()
    }
    rising = {pool: clear[pool][:1] for pool in owing if clear[pool]}
    for pools in _some_of(rising, case.pool):
        yield Choice({p: rising[p] for p in pools}, {p: (places[p],) for p in pools}, lowered=(feed,), rising=(feed,))
    falling = [pool for pool in places if hit[pool]]
    for raised in ((), (feed,)):
        for pools in _some_of(falling, case.pool):
            apart = {p: tuple(n for n in beside[p] if _feeds(script, [n]) != (feed,)) for p in pools if p in owing}
            loans = {p: (*apart.get(p, ()), places[p]) for p in pools}
            yield Choice({p: hit[p] for p in pools}, loans, raised=raised, falling=(feed,))
    for raised in ((), *([_feeds(script, clear[case.pool])] if case.pool not in owing else ())):
        with_feed = {p: tuple(n for n in beside[p] if _feeds(script, [n]) == (feed,)) for p in places if p not in owing}
        for pools in _some_of([p for p, names in with_feed.items() if names and clear[p]], case.pool):
            loans = {p: (*with_feed[p], places[p]) for p in pools}
            pledged = {p: clear[p] for p in pools}
            yield Choice(pledged, loans, raised=raised, lowered=(feed,), rising=(feed,))


def _some_of(pools: Iterable[str], own: str) -> list[list[str]]:
    """All pools, those that draw on the one that loses first; that one alone; the others alone."""
    others = [pool for pool in pools if pool != own]
    mine = [own] if own in pools else []
    return [each for each in ([*others, *mine], mine, others) if each and (others or each is not mine)][
        : 3 if others else 1
    ]


def _of_own(script: Script, case: Case) -> Iterator[Choice]:
    """What can be chosen where a pool fails, and it is the one that loses: its collateral falls, or its debt rises."""
    pool, (debt,) = case.pool, _feeds(script, [case.market])
    held = _collaterals(script, pool)
    apart = [name for name in held if _feeds(script, [name]) != (debt,)]
    loans: dict[str, tuple[str, ...]] = {pool: (case.market,)}
    for pledged in reversed(_sets(apart)):
        yield Choice({pool: pledged}, loans, falling=_feeds(script, pledged))
    for name in apart:
        yield Choice({pool: (name,)}, loans, lowered=(debt,))
    for pledged in _sets(apart):
        feeds = _feeds(script, pledged)
        yield Choice({pool: pledged}, loans, raised=feeds, falling=feeds)
    same = tuple(name for name in held if name not in apart)
    if not same:
        return
    if case.kind == "frozen":
        yield Choice({pool: same}, loans)
        return
    beside = [n for n, each in script.markets.items() if place_of(n)[0] == pool and n != case.market and lends(each)]
    for name in beside:
        if _feeds(script, [name]) != (debt,):
            yield Choice({pool: same}, {pool: (name, case.market)}, raised=(debt,), falling=(debt,))


def _of_pool(script: Script, case: Case) -> Iterator[Choice]:
    """What can be chosen where another pool fails: collaterals one by one and together, and who borrows against what."""
    own, lenders = feed_of(case.market, script.markets[case.market]), lenders_of(script, case.source)
    collaterals = _collaterals(script, case.source)
    others = [name for name in collaterals if _feeds(script, [name]) != (own,)]
    sets = list(dict.fromkeys((*_sets(collaterals), *_sets(others))))
    supplies: list[dict[str, int]] = [{}]
    for pledged in sets:
        drawn = _rehearsed(script.again(), lenders, pledged)
        supplies += [drawn, {core: amount for core, amount in drawn.items() if core != case.market}]
    limit = getattr(script.markets[case.market], "limit", 0)
    supplies += [{core: int(limit)} for core in _lender_of(script, case.market)]
    distinct = {tuple(sorted(each.items())): each for each in supplies}
    for pledged in sets:
        feeds = _feeds(script, pledged)
        shares = tuple(
            name
            for name in _collaterals(script, case.pool)
            if name in lenders and name != case.market and _feeds(script, [name])[0] not in feeds
        )
        indirect = case.kind == "principal" and shares
        for reached in dict.fromkeys(((), shares if indirect else ())):
            wanted = (case.market, *_lender_of(script, case.market), *reached)
            lines = [lenders[name] for name in wanted if name in lenders]
            at_home = [n for n in wanted if place_of(n)[0] == case.source and _feeds(script, [n])[0] not in feeds]
            loans = {case.source: tuple(dict.fromkeys((*lines, *at_home)))}
            for lent in distinct.values():
                yield Choice({case.source: pledged}, loans, reached, lent, falling=feeds)


def _prepared(script: Script, choice: Choice) -> Iterator[Choice]:
    """The same with prices that move before the draw, and, where shares of the core are pledged, with more debt."""
    owed = _feeds(script, (name for names in choice.loans.values() for name in names))
    if not set(owed) & set(choice.falling):
        yield replace(choice, lowered=owed, falling=())
    yield replace(choice, raised=choice.falling)


def _at_the_edge(_script: Script, _case: Case, best: Witness) -> Iterator[Choice]:
    """Where shares of the core are pledged: with debts at the threshold."""
    if best.choice.reached:
        yield replace(best.choice, edge=True)


def _looped(script: Script, case: Case, best: Witness) -> Iterator[Choice]:
    """With supply that is pledged by who borrows it, as much as leaves for the others what they took."""
    market, choice = script.markets[case.market], best.choice
    lends_on = choice.reached or case.market in lenders_of(script, case.source)
    if case.kind != "principal" or not (lends_on and is_collateral(market)) or market.ltv >= WAD:
        return
    ltv = int(market.ltv)
    amount = min(best.loss * WAD // (WAD - ltv), int(market.supply_cap))
    for looped in {min(max(amount - best.loss, 0) * WAD // ltv, amount), amount}:
        yield replace(choice, loops=looped, lent={**choice.lent, case.market: amount})


def _rehearsed(script: Script, lenders: dict[str, str], pledged: tuple[str, ...]) -> dict[str, int]:
    """How much the source's lines draw from each core market that has all it can have [tokens]."""
    for core in lenders:
        script.fund(core)
    for name in pledged:
        script.pledge(script.defaulter, name)
    taken = {core: script.take(script.defaulter, name) for core, name in lenders.items()}
    return {core: amount for core, amount in taken.items() if amount}


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
        for choice in _of_own(script, case) if case.feed is None else _of_feed(script, case):
            if search.enough:
                break
            search.play(choice)
        return search.best
    choices = list(_of_pool(script, case))
    for choice in choices:
        search.play(choice)
    if search.enough or (upper is None and search.best is not None):
        return search.best
    for choice in choices:
        for changed in _prepared(script, choice):
            search.play(changed)
    for further in (_at_the_edge, _looped):
        for changed in further(script, case, search.best) if search.best is not None and not search.enough else ():
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

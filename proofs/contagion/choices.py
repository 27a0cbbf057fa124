"""What the runs that look for a loss leave open: who pledges and borrows what, and which prices move before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from poolproof.models.credit_line import LinedMarket
from poolproof.models.system import SEPARATOR, place_of
from poolproof.spec.arithmetic import WAD

from .network import LossKind
from .scripts import Script, feed_of, is_collateral, lends

ORACLE = "oracle:"
"""Before a feed's name, where a feed is what fails."""


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


def lender_of(script: Script, name: str) -> list[str]:
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


def of_feed(script: Script, case: Case) -> Iterator[Choice]:
    """What can be chosen where a feed fails."""
    feed = case.feed
    assert feed is not None  # noqa: S101 - for the type checker
    if case.kind == "value":
        yield Choice({}, falling=(feed,))
        yield Choice({}, raised=(feed,), falling=(feed,))
    if case.kind != "principal":
        return
    places = {place_of(name)[0]: name for name in script.markets if case.market in lender_of(script, name)}
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


def of_own(script: Script, case: Case) -> Iterator[Choice]:
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


def of_pool(script: Script, case: Case) -> Iterator[Choice]:
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
    supplies += [{core: int(limit)} for core in lender_of(script, case.market)]
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
            wanted = (case.market, *lender_of(script, case.market), *reached)
            lines = [lenders[name] for name in wanted if name in lenders]
            at_home = [n for n in wanted if place_of(n)[0] == case.source and _feeds(script, [n])[0] not in feeds]
            loans = {case.source: tuple(dict.fromkeys((*lines, *at_home)))}
            for lent in distinct.values():
                yield Choice({case.source: pledged}, loans, reached, lent, falling=feeds)


def prepared(script: Script, choice: Choice) -> Iterator[Choice]:
    """The same with prices that move before the draw, and, where shares of the core are pledged, with more debt."""
    owed = _feeds(script, (name for names in choice.loans.values() for name in names))
    if not set(owed) & set(choice.falling):
        yield replace(choice, lowered=owed, falling=())
    yield replace(choice, raised=choice.falling)


def at_the_edge(_script: Script, _case: Case, choice: Choice, _loss: int) -> Iterator[Choice]:
    """Where shares of the core are pledged: with debts at the threshold."""
    if choice.reached:
        yield replace(choice, edge=True)


def looped(script: Script, case: Case, choice: Choice, loss: int) -> Iterator[Choice]:
    """With supply that is pledged by who borrows it, as much as leaves for the others what they took."""
    market = script.markets[case.market]
    lends_on = choice.reached or case.market in lenders_of(script, case.source)
    if case.kind != "principal" or not (lends_on and is_collateral(market)) or market.ltv >= WAD:
        return
    ltv = int(market.ltv)
    amount = min(loss * WAD // (WAD - ltv), int(market.supply_cap))
    for pledged in {min(max(amount - loss, 0) * WAD // ltv, amount), amount}:
        yield replace(choice, loops=pledged, lent={**choice.lent, case.market: amount})


def _rehearsed(script: Script, lenders: dict[str, str], pledged: tuple[str, ...]) -> dict[str, int]:
    """How much the source's lines draw from each core market that has all it can have [tokens]."""
    for core in lenders:
        script.fund(core)
    for name in pledged:
        script.pledge(script.defaulter, name)
    taken = {core: script.take(script.defaulter, name) for core, name in lenders.items()}
    return {core: amount for core, amount in taken.items() if amount}

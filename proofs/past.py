"""The state before an action, from the undo journal: what the action did not touch costs nothing.

``Past`` is the present state with twins in place of what was touched; ``Instant`` is both sides of a step
with every market accrued to one time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeAlias

from poolproof.models.core_pool import CoreMarket
from poolproof.models.credit_line import LinedMarket
from poolproof.spec.model import Model
from poolproof.spec.state import Account, Journal, Ledger, Record, Table

from .snapshots import slots_of

Entry: TypeAlias = tuple[Any, Any, Any]
"""An entry of the undo journal: a record or ledger, the account or None, what was there before."""


class PastLedger(Ledger):
    """A ledger as it was; writing to it is logged nowhere."""

    __slots__ = ()

    def __init__(self, entries: dict[Account, Any]) -> None:
        dict.__init__(self, entries)

    def __setitem__(self, account: Account, value: Any) -> None:
        dict.__setitem__(self, account, value)

    def copy(self) -> Ledger:
        """A copy that logs nowhere either."""
        return PastLedger(self)


class PastTable(Table[Any]):
    """A table as it was; reading it saves nothing."""

    __slots__ = ()

    def __init__(self, records: dict[str, Any]) -> None:
        dict.__init__(self, records)

    def __getitem__(self, name: str) -> Any:
        return dict.__getitem__(self, name)


def _twin(record: Any) -> Any:
    """A second record with the same values, to be set to older ones."""
    twin = object.__new__(type(record))
    for name in slots_of(type(record)):
        setattr(twin, name, getattr(record, name))
    return twin


_links_of: dict[type, tuple[str, ...]] = {}


def links_of(market: Any) -> tuple[str, ...]:
    """The names under which a market reads other records: its feed, the market that lends to it."""
    kind = type(market)
    found = _links_of.get(kind)
    if found is None:
        found = tuple(name for name in slots_of(kind) if isinstance(getattr(market, name), Record))
        _links_of[kind] = found
    return found


def _set(record: Any, saved: tuple[Any, ...]) -> None:
    """Set the scalars of a record; ``setattr`` gives None, so the loop of ``any`` runs to the end."""
    any(map(setattr, repeat(record), record.scalars, saved))


@dataclass(slots=True)
class Footprint:
    """What an action touched, with what was there before.

    ``pool``, ``feeds`` and ``markets`` hold saved scalars by name, ``ledgers`` the ledgers that were
    written, as they were; ``written`` the accounts by market; ``changed`` the markets of which a number or
    the price differs now; ``pool_moved`` says that a number of the pool differs, or that a ledger of its own was written.
    """

    pool: tuple[Any, ...]
    feeds: dict[str, Any]
    markets: dict[str, Any]
    ledgers: dict[tuple[str, str], PastLedger]
    written: dict[str, set[Account]]
    changed: set[str]
    pool_moved: bool


class Past:
    """The state before an action: the present one, with twins in place of what the action touched.

    Twins are made once and set again for each action; ``put_markets`` and ``put_feeds`` name those that
    stand in the tables now.
    """

    def __init__(self, state: Any) -> None:
        self.present = state
        self.state = _twin(state)
        self.state.markets = self.markets = PastTable(state.markets)
        self.feeds = PastTable(getattr(state, "feeds", {}))
        if self.feeds:
            self.state.feeds = self.feeds
        self.market_twins: dict[str, Any] = {}
        self.feed_twins: dict[str, Any] = {}
        self.put_markets: list[str] = []
        self.put_feeds: list[str] = []
        self.now_markets, self.now_feeds = dict(state.markets), dict(self.feeds)
        self.journal = state.journal
        self.place_of: dict[int, tuple[str, str]] = {id(state): ("pool", "")}
        self.place_of |= {id(getattr(state, ledger)): ("", ledger) for ledger in state.ledgers}
        self.place_of |= {id(feed): ("feed", name) for name, feed in self.now_feeds.items()}
        for name, market in self.now_markets.items():
            self.place_of[id(market)] = ("market", name)
            self.place_of |= {id(getattr(market, ledger)): (name, ledger) for ledger in market.ledgers}

    def footprint(self) -> Footprint:
        """Read what the last action touched out of the undo journal, the first value of each thing."""
        touch = Footprint((), {}, {}, {}, {}, set(), pool_moved=False)
        feeds, markets, ledgers, written = touch.feeds, touch.markets, touch.ledgers, touch.written
        place_of = self.place_of
        for thing, key, old in reversed(self.journal.entries):
            place = place_of[id(thing)]
            if key is not None:
                ledger = ledgers.get(place)
                if ledger is None:
                    ledger = ledgers[place] = PastLedger(thing)
                dict.__setitem__(ledger, key, old)
                name = place[0]
                if not name:
                    touch.pool_moved = True
                elif name in written:
                    written[name].add(key)
                else:
                    written[name] = {key}
            elif place[0] == "market":
                markets[place[1]] = old
            elif place[0] == "feed":
                feeds |= {name: old for name, feed in self.now_feeds.items() if feed is thing}
            else:
                touch.pool = old
        touch.pool_moved |= touch.pool != self.present.saved_
        touch.changed = {name for name, old in markets.items() if old != self.now_markets[name].saved_}
        if feeds:
            for name, market in self.now_markets.items():
                if name in feeds:
                    markets.setdefault(name, market.saved_)
                    touch.changed.add(name)
        return touch

    def set(self, touch: Footprint) -> None:
        """Become the state before the action."""
        for name in self.put_markets:
            dict.__setitem__(self.markets, name, self.now_markets[name])
        for name in self.put_feeds:
            dict.__setitem__(self.feeds, name, self.now_feeds[name])
        self.put_markets, self.put_feeds = list(touch.markets), list(touch.feeds)
        _set(self.state, touch.pool)
        for name, saved in touch.feeds.items():
            feed = self.feed_twins.get(name)
            if feed is None:
                feed = self.feed_twins[name] = _twin(self.now_feeds[name])
            _set(feed, saved)
            dict.__setitem__(self.feeds, name, feed)
        for name, saved in touch.markets.items():
            present = self.now_markets[name]
            market = self.market_twins.get(name)
            if market is None:
                market = self.market_twins[name] = _twin(present)
            _set(market, saved)
            for ledger in present.ledgers:
                setattr(market, ledger, getattr(present, ledger))
            if self.feeds:
                market.feed = dict.__getitem__(self.feeds, name)
            dict.__setitem__(self.markets, name, market)
        for ledger in self.present.ledgers:
            setattr(self.state, ledger, getattr(self.present, ledger))
        for (name, ledger), past_ledger in touch.ledgers.items():
            setattr(self.market_twins[name] if name else self.state, ledger, past_ledger)


class Instant:
    """Both sides of a step, every market accrued to the time of the new state.

    What was not touched is the same on both sides, and stays accrued until time passes.
    """

    def __init__(self, state: Any, past: Past, model: Model) -> None:
        self.model, self.present, self.past = model, state, past
        self.old, self.new = _twin(state), _twin(state)
        self.old.markets = self.old_markets = PastTable(state.markets)
        self.new.markets = self.new_markets = PastTable(state.markets)
        if past.feeds:
            self.old.feeds, self.new.feeds = past.feeds, PastTable(state.feeds)
        self.old_twins: dict[str, Any] = {}
        self.new_twins: dict[str, Any] = {}
        self.stale = set(state.markets)
        self.time: Any = None

    def set(self) -> None:
        """Follow the present and the past, which were set before."""
        now = self.present.now
        if now != self.time:
            self.time = now
            self.stale.update(self.present.markets)
        _set(self.new, self.present.saved_)
        _set(self.old, self.past.state.saved_)
        for ledger in self.present.ledgers:
            setattr(self.old, ledger, getattr(self.past.state, ledger))
        self.old.now = now
        for name in self.stale:
            market = dict.__getitem__(self.present.markets, name)
            if market.accrued_at != now:
                market = self._accrued(self.new_twins, name, market)
            dict.__setitem__(self.new_markets, name, market)
            dict.__setitem__(self.old_markets, name, market)
        self.stale.clear()
        for name in self.past.put_markets:
            market = self.past.market_twins[name]
            if market.accrued_at != now:
                market = self._accrued(self.old_twins, name, market)
            dict.__setitem__(self.old_markets, name, market)
        self.stale.update(self.past.put_markets)  # the next past is another one

    def _accrued(self, twins: dict[str, Any], name: str, market: Any) -> Any:
        """A market as it is once it is accrued."""
        twin = twins.get(name)
        if twin is None:
            twin = twins[name] = _twin(market)
        _set(twin, market.saved_)
        for link in links_of(market):
            setattr(twin, link, getattr(market, link))
        for ledger in market.ledgers:
            setattr(twin, ledger, PastLedger(getattr(market, ledger)))
        self.model.accrue(twin, self.time)
        return twin


# --- one pool of a system --------------------------------------------------------------------------------


def before_of(entries: list[Entry], thing: Any) -> dict[str, Any]:
    """What was in a record before an action, by name; of a ledger what was written."""
    found: dict[str, Any] = {}
    for each, key, old in reversed(entries):
        if each is thing:
            found |= {key: old} if key is not None else dict(zip(thing.scalars, old, strict=True))
    return found or (dict(zip(thing.scalars, thing.saved_, strict=True)) if isinstance(thing, Record) else {})


class PoolPast(Past):
    """The past of one pool of a system; a market with a credit line sees the market that lends as it was."""

    def __init__(self, state: Any) -> None:
        super().__init__(state)
        self.whole, self.journal = state.journal, Journal()
        self.lenders = {n: m.core for n, m in self.now_markets.items() if isinstance(m, LinedMarket)}
        self.lender_twins: dict[str, Any] = {}

    def set(self, touch: Footprint) -> None:
        """Become the state before the action."""
        super().set(touch)
        for name in touch.markets:
            if name in self.lenders:
                market = self.market_twins[name]
                market.core = self._lender_before(name, self.lenders[name], market)

    def _lender_before(self, name: str, core: CoreMarket, market: Any) -> Any:
        """The market that lends, as it was when the market with the line was as it is in the past."""
        if name not in self.lender_twins:
            self.lender_twins[name] = _twin(core)
        twin = self.lender_twins[name]
        _set(twin, tuple(before_of(self.whole.entries, core).values()))
        twin.feed = market.feed if core.feed is self.now_markets[name].feed else core.feed
        for ledger in core.ledgers:
            present = getattr(core, ledger)
            written = before_of(self.whole.entries, present)
            setattr(twin, ledger, PastLedger(present | written) if written else present)
        return twin

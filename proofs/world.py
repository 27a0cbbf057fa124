"""A symbolic pool: the model's own records, filled with terms.

Explicit are the markets that an action touches and the accounts that it names, plus one arbitrary other account.  A
ledger's total is a ghost that each write moves by its difference.  What an account has in all
other markets is one remainder per term of its health.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar

from poolproof.invariants.portfolio import relations
from poolproof.models.core_pool import CoreMarket
from poolproof.models.credit_line import LinedMarket
from poolproof.models.isolated_pool import TREASURY, Pool
from poolproof.models.market import Market
from poolproof.models.oracle import Feed
from poolproof.models.refusals import PriceMissing
from poolproof.spec.logic import implies
from poolproof.spec.model import Kind
from poolproof.spec.refusal import require
from poolproof.spec.state import Account

from .terms import Formula, Space, Term

ANYONE: Account = "anyone"
"""The arbitrary account that an action does not name."""
ANY_LINE: Account = "any line"
"""The arbitrary line of a core market that an action does not name."""

DECLARED = ("share_limit", "index_ceiling", "max_rate", "amount_limit", "virtual_shares")
"""The numbers of a market that are declared, not stored."""
CLASSES: dict[Kind, type[Market]] = {"plain": Market, "lined": LinedMarket, "core": CoreMarket}


class SymbolicLedger:
    """A ledger over any number of accounts: an entry for each that a run can name, and a ghost total over all."""

    __slots__ = ("_entries", "_space", "_total", "boolean", "name")

    def __init__(self, space: Space, name: str, *, boolean: bool = False) -> None:
        self._space = space
        self.name = name
        self.boolean = boolean
        self._entries: dict[Account, Any] = {}
        self._total = None if boolean else space.number(f"{name}.total", "nonneg")

    def __getitem__(self, account: Account) -> Any:
        return self._entries[account]

    def declare(self, accounts: tuple[Account, ...]) -> None:
        """Read the accounts that a run can name: together they hold at most the total."""
        for account in accounts:
            name = f"{self.name}[{account}]"
            self._entries[account] = self._space.flag(name) if self.boolean else self._space.number(name, "nonneg")
        if not self.boolean:
            held = sum((self._entries[account] for account in accounts), start=self._space.lift(0))
            self._space.fact(held <= self._total, self._space.signs)

    def __setitem__(self, account: Account, value: Any) -> None:
        if not self.boolean:
            self._total = self._total + value - self[account]
        self._entries[account] = value

    def __iter__(self) -> Iterator[Account]:
        """The accounts that a run can name."""
        return iter(self._entries)

    def keep(self, account: Account, value: Any) -> None:
        """Let an account hold a value that is known, as a part of the total."""
        self._entries[account] = value

    def total(self) -> Any:
        """The ghost total: moved by each write's difference."""
        return self._total

    def copy(self) -> SymbolicLedger:
        """A copy that reads the same entries."""
        twin = object.__new__(SymbolicLedger)
        twin._space, twin.name, twin.boolean = self._space, self.name, self.boolean
        twin._entries, twin._total = dict(self._entries), self._total
        return twin


class AnyRate:
    """A rate model of which only its bounds are known: not negative; the market caps it at its maximum."""

    __slots__ = ("_space", "name")

    def __init__(self, space: Space, name: str) -> None:
        self._space = space
        self.name = name

    def borrow_rate(self, used: Any) -> Any:
        """Some rate; the same at the same utilisation."""
        return self._space.once(("rate", self.name, repr(used)), f"{self.name}.rate")


class Elsewhere:
    """What accounts have in the markets that are not explicit, as one remainder per term."""

    def __init__(self, space: Space, accounts: tuple[Account, ...]) -> None:
        self._space = space
        self.accounts = accounts
        self._known: dict[tuple[Account, str], Any] = {}
        for account in accounts:
            self._declare(account)

    def remainder(self, account: Account, term: str) -> Any:
        """The sum of a term over an account's other markets.  Refuses: PriceMissing, where one has no price."""
        if term not in ("debt_shares_of", "shares_of", "worth_to_borrow"):
            require(~self._missing(account), PriceMissing, "another market")
        return self._value(account, term) if term in TERMS else self._unknown(account, term)

    def _unknown(self, account: Account, term: str) -> Any:
        """A sum of which nothing is known: another number each time, or a refusal."""
        require(~self._space.flag(f"elsewhere.{term} refuses[{account}]"), PriceMissing, "another market")
        return self._space.number(f"elsewhere.{term}[{account}]", "any")

    def _missing(self, account: Account) -> Any:
        return self._known[account, "unpriced"]

    def _value(self, account: Account, term: str) -> Any:
        return self._known[account, term]

    def _declare(self, account: Account) -> None:
        """All remainders of an account, with what holds between them (each relation is proved per market)."""
        space = self._space
        self._known[account, "unpriced"] = unpriced = self._unpriced(account)

        def number(term: str, sign: Any) -> Term:
            made = space.number(f"elsewhere.{term}[{account}]", sign)
            self._known[account, term] = made
            return made

        shares, debts = number("shares_of", "nonneg"), number("debt_shares_of", "nonneg")
        collateral, debt = number("collateral_value_up", "nonneg"), number("debt_value", "nonneg")
        to_borrow = number("counted_to_borrow", "nonneg")
        to_liquidation = number("counted_to_liquidation", "nonneg")
        self._known[account, "margin_to_borrow"] = to_borrow - debt
        self._known[account, "margin_to_liquidation"] = to_liquidation - debt
        worth = number("worth_to_borrow", "nonneg")
        for relation in relations(shares, debts, collateral, debt, to_borrow, to_liquidation, worth):
            space.fact(relation, "PORTFOLIO")
        space.fact(unpriced | (debts <= debt), "PORTFOLIO")

    def _unpriced(self, account: Account) -> Any:
        return self._space.flag(f"elsewhere.unpriced[{account}]")


class ElsewhereWrittenOff(Elsewhere):
    """The remainders after a write-off: nothing of the account's is left, others keep theirs unless there was a loss."""

    def __init__(self, before: Elsewhere, account: Account) -> None:
        self.before = before
        self.account = account
        self.loss = before._space.flag("elsewhere.loss beyond reserves")  # noqa: SLF001 - same module
        super().__init__(before._space, before.accounts)  # noqa: SLF001 - same module

    def _unpriced(self, account: Account) -> Any:
        return self.before._missing(account)  # noqa: SLF001 - same module

    def _declare(self, account: Account) -> None:
        if account == self.account:
            self._known[account, "unpriced"] = self._unpriced(account)
            zero = self._space.lift(0)
            for term in TERMS:
                self._known[account, term] = zero
            return
        super()._declare(account)
        before, space = self.before, self._space
        for term in ("shares_of", "debt_shares_of", "debt_value"):
            if account != TREASURY or term != "shares_of":
                space.fact(self._known[account, term] == before._value(account, term), "PORTFOLIO")  # noqa: SLF001
        counted = self._known[account, "counted_to_liquidation"]
        kept = counted >= before._value(account, "counted_to_liquidation")  # noqa: SLF001 - same module
        space.fact(self.loss | kept, "PORTFOLIO")


TERMS = (
    "worth_to_borrow",
    "shares_of",
    "debt_shares_of",
    "collateral_value_up",
    "debt_value",
    "counted_to_borrow",
    "counted_to_liquidation",
    "margin_to_borrow",
    "margin_to_liquidation",
)
"""What is summed over an account's markets."""


class SymbolicMarkets(dict[str, Market]):
    """The explicit markets, and the remainder of the others."""

    def __init__(self, markets: dict[str, Market], elsewhere: Elsewhere) -> None:
        super().__init__(markets)
        self.elsewhere = elsewhere

    def entered_by(self, account: Account) -> Iterator[Market]:
        """The explicit markets that count for an account."""
        for market in self.values():
            if market.entered[account]:
                yield market

    def sum_over(self, account: Account, term: Any, *arguments: Any) -> Any:
        """The sum of a term over all markets that count for an account."""
        total = self.elsewhere.remainder(account, term.__name__)
        for market in self.values():
            if market.entered[account]:
                total = total + term(market, account, *arguments)
        return total

    def any_pair(self, old: dict[str, Market], condition: Any) -> Any:
        """Whether a condition holds of some market before and after an action; a loss elsewhere is one."""
        result: Any = False
        if isinstance(self.elsewhere, ElsewhereWrittenOff):
            result = self.elsewhere.loss | result
        for asset, market in self.items():
            result = condition(old[asset], market) | result
        return result

    def all_pairs(self, old: dict[str, Market], condition: Any) -> Any:
        """Whether a condition holds of every market before and after an action that touches only explicit ones."""
        result: Any = True
        for asset, market in self.items():
            result = condition(old[asset], market) & result
        return result

    def priced_for(self, account: Account, has_price: Any) -> Any:
        """Whether every market that counts for an account has a price."""
        result = ~self.elsewhere._missing(account)  # noqa: SLF001 - same module
        for market in self.values():
            result = implies(market.entered[account], has_price(market)) & result
        return result


class NoJournal:
    """A symbolic run is repeated, not undone: what it is told to keep is dropped."""

    entries: ClassVar[deque[Any]] = deque(maxlen=0)
    stamp = -1

    def save(self, record: Any) -> None:
        """Keep nothing."""


def symbolic_pool(
    space: Space,
    assets: tuple[str, ...],
    accounts: tuple[Account, ...],
    *,
    instant: bool,
    kinds: dict[str, Kind] | None = None,
    lines: tuple[Account, ...] = (),
    plain: type[Market] | None = None,
) -> Pool:
    """An arbitrary pool in which the named markets are explicit, with the core markets that they draw on.

    ``instant``: the markets are accrued to now, as every action leaves those that it touches.  ``kinds`` says what
    each market is, "plain" where it does not; ``lines`` are the lines that a core market's step names; ``plain`` is
    the model's own class of plain markets.
    """
    pool = Pool()
    pool.stamp_ = 0
    pool.id, pool.journal = "pool", NoJournal()  # type: ignore[assignment]  # never used symbolically
    for name in Pool.scalars:
        setattr(pool, name, space.number(name, "nonneg"))
    feeds: dict[str, Feed] = {}
    markets: dict[str, Market] = {}
    for asset in assets:
        feeds[asset] = symbolic_feed(space, asset)
        kind = (kinds or {}).get(asset, "plain")
        if kind == "lined":
            markets[asset] = symbolic_lined_market(space, asset, accounts, feeds[asset])
        else:
            own = plain if kind == "plain" else None
            markets[asset] = symbolic_market(space, asset, accounts, feeds[asset], kind=kind, lines=lines, own=own)
        if instant:
            accrue_to(markets[asset], pool.now)
    pool.feeds = feeds  # type: ignore[assignment]  # a plain dict: nothing is undone
    pool.markets = SymbolicMarkets(markets, Elsewhere(space, accounts))  # type: ignore[assignment]  # same interface
    return pool


def accrue_to(market: Market, now: Any) -> None:
    """Let a market, and the one that it draws on, be accrued to a time already."""
    market.accrued_at = now
    if isinstance(market, LinedMarket):
        market.core.accrued_at = now
        market.rate_sum_seen = market.core.rate_sum


def symbolic_feed(space: Space, asset: str) -> Feed:
    """An arbitrary answer of an oracle."""
    feed = object.__new__(Feed)
    feed.asset, feed.stamp_ = asset, 0
    for name in Feed.scalars:
        setattr(feed, name, space.number(f"{asset}.{name}", "nonneg"))
    return feed


def symbolic_market(
    space: Space,
    asset: str,
    accounts: tuple[Account, ...],
    feed: Feed,
    *,
    kind: Kind = "plain",
    lines: tuple[Account, ...] = (),
    vaults: tuple[Account, ...] = (),
    own: type[Market] | None = None,
) -> Any:
    """An arbitrary market, of a model's own class; ``vaults`` are further accounts that hold its asset."""
    market: Any = (own or CLASSES[kind])()
    market.stamp_ = 0
    market.asset, market.vault, market.feed = asset, f"pool:{asset}", feed
    added = tuple(name for name in market.constants if name not in Market.constants)
    numbers = (*market.scalars, *DECLARED, *(added if kind != "lined" else ()))
    for name in numbers:
        sign = market.signs.get(name, "nonneg")
        if sign == "flag":
            setattr(market, name, space.flag(f"{asset}.{name}"))
        elif name != "rates":
            setattr(market, name, space.number(f"{asset}.{name}", sign))
    market.rates = AnyRate(space, asset)
    if kind == "core":
        market.journal = NoJournal()
    for name in market.ledgers:
        ledger = SymbolicLedger(space, f"{asset}.{name}", boolean=name in ("entered", "indebted"))
        owners = (*accounts, market.vault, *vaults) if name == "tokens" else accounts
        ledger.declare((*lines, ANY_LINE) if name in ("drawn", "indebted") else owners)
        setattr(market, name, ledger)
    return market


def symbolic_lined_market(space: Space, asset: str, accounts: tuple[Account, ...], feed: Feed) -> LinedMarket:
    """An arbitrary market with a credit line, and the core market of the same asset on which it draws."""
    lender, line, insurer = f"core {asset}", f"line of {asset}", f"first loss of {asset}"
    vaults = (f"pool:{lender}", insurer)
    market: LinedMarket = symbolic_market(space, asset, accounts, feed, kind="lined", vaults=vaults)
    core: CoreMarket = symbolic_market(space, lender, (), symbolic_feed(space, lender), kind="core", lines=(line,))
    core.tokens, core.amount_limit = market.tokens, market.amount_limit
    market.core, market.line, market.first_loss_vault = core, line, insurer
    return market


def moved_core(space: Space, market: LinedMarket) -> CoreMarket:
    """The core market of a market with a line after others acted: arbitrary but for its constants and the clock.

    The wallets move as well, those of the market and of its first-loss reserve aside.
    """
    core = market.core
    moved: CoreMarket = symbolic_market(space, core.asset, (), core.feed, kind="core", lines=(market.line,))
    for name in core.constants:
        setattr(moved, name, getattr(core, name))
    tokens = SymbolicLedger(space, f"{market.asset}.tokens")
    own = (market.vault, market.first_loss_vault)
    tokens.declare(tuple(account for account in market.tokens if account not in own))
    for account in own:
        tokens.keep(account, market.tokens[account])
    market.tokens = moved.tokens = tokens  # type: ignore[assignment]  # same interface
    return moved


def midway(space: Space, pool: Any) -> Any:
    """A pool whose markets with lines hold any numbers, as in the middle of an action; their core markets stay."""
    for asset, market in pool.markets.items():
        if isinstance(market, LinedMarket):
            for name in market.scalars:
                sign = market.signs.get(name, "nonneg")
                if name != "rates":
                    made = f"{asset}.{name} midway"
                    setattr(market, name, space.flag(made) if sign == "flag" else space.number(made, sign))
            for account in (market.vault, market.first_loss_vault):
                market.tokens[account] = space.number(f"{asset}.tokens[{account}] midway", "nonneg")
    return pool


def core_markets(pool: Any) -> dict[str, CoreMarket]:
    """The core markets on which a pool's explicit markets draw, by the asset's name."""
    return {asset: market.core for asset, market in pool.markets.items() if isinstance(market, LinedMarket)}


def copy_pool(pool: Pool) -> Pool:
    """A copy of a symbolic pool that a run on the original does not change."""
    twin = Pool()
    twin.stamp_ = 0
    for name in (*Pool.scalars, "id", "journal"):
        setattr(twin, name, getattr(pool, name))
    feeds = {asset: feed.copy() for asset, feed in pool.feeds.items()}
    markets: dict[str, Market] = {}
    for asset, market in pool.markets.items():
        markets[asset] = twin_market = market.copy()
        twin_market.feed = feeds[asset]
        if isinstance(twin_market, LinedMarket):
            twin_market.core = twin_market.core.copy()
            twin_market.core.tokens = twin_market.tokens
    twin.feeds = feeds  # type: ignore[assignment]  # a plain dict: nothing is undone
    twin.markets = SymbolicMarkets(markets, pool.markets.elsewhere)  # type: ignore[assignment,attr-defined]
    return twin


def settled(value: Any) -> bool | None:
    """A condition's plain truth value, if it has one."""
    return None if isinstance(value, Formula) else bool(value)

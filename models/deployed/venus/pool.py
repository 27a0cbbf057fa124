"""The Comptroller: who entered which market, what an account is worth, and what each action has to pass first.

Models: Comptroller.sol; without Prime.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar, NamedTuple

from poolproof.models.deployed.word import MAX_UINT256, Revert, add, mul_wad_down
from poolproof.spec.action import Action, Domain, action, asset, user
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Journal, Ledger, Record, Table

from .market import Event, VToken, accrue, borrow_balance, exchange_rate
from .refusals import (
    ActionPaused,
    BorrowCapExceeded,
    DelegateNotApproved,
    DelegationStatusUnchanged,
    InsufficientLiquidity,
    MarketNotListed,
    NonzeroBorrowBalance,
    PriceError,
    SupplyCapExceeded,
)
from .rewards import RewardsDistributor

COMPTROLLER = "comptroller"
SHORTFALL: Account = "short"
"""The shortfall contract, which sells bad debt."""


class Pausable(IntEnum):
    """What can be paused in a market, numbered as the contract numbers it."""

    MINT = 0
    REDEEM = 1
    BORROW = 2
    REPAY = 3
    SEIZE = 4
    LIQUIDATE = 5
    TRANSFER = 6
    ENTER_MARKET = 7
    EXIT_MARKET = 8


class Comptroller(Record):
    """The state of a pool.

    Units: ``now`` [slot]; ``close_factor``, ``liquidation_incentive`` [wad]; ``min_liquidatable_collateral``
    [value x 1e18].  Ledgers: ``entered``, the names of the markets that an account entered, in the contract's order;
    ``delegates``, whom an account lets act for it.
    ``events`` are those of the current action, in order; a refused action has none.
    ``distributors`` are the rewards distributors, none unless they are deployed.
    """

    scalars: ClassVar[tuple[str, ...]] = ("now", "close_factor", "liquidation_incentive", "min_liquidatable_collateral")
    ledgers = ("entered", "delegates")
    __slots__ = (*scalars, *ledgers, "distributors", "events", "journal", "markets", "users")

    now: int
    close_factor: int
    liquidation_incentive: int
    min_liquidatable_collateral: int
    entered: Ledger
    delegates: Ledger
    markets: Table[VToken]
    distributors: Table[RewardsDistributor]
    users: tuple[Account, ...]
    events: list[Event]
    journal: Journal

    def begin(self) -> None:
        """Start an action: what the last one touched and emitted is forgotten, what this one touches will be saved."""
        self.journal.begin()
        self.journal.entries.append((self, None, self.saved_))
        self.events.clear()

    def accrued(self, name: str) -> VToken:
        """A market, ready to be written, at the present."""
        market = self.markets[name]
        accrue(market, self.now, self.events)
        return market

    def seen(self, name: str) -> VToken:
        """A market that is only read."""
        return dict.__getitem__(self.markets, name)

    def every_market(self) -> tuple[str, ...]:
        """The markets that were ever added, those taken off the list too.  Models: Comptroller.getAllMarkets."""
        return tuple(self.markets)

    def markets_of(self, account: Account) -> tuple[str, ...]:
        """The listed markets that an account entered, in order.  Models: Comptroller.getAssetsIn."""
        names: tuple[str, ...] = self.entered[account] or ()
        return tuple([name for name in names if self.seen(name).listed])

    def counted_for(self, account: Account) -> Iterable[VToken]:
        """The listed markets that an account entered, in order, to be read."""
        return map(self.seen, self.markets_of(account))

    def has_entered(self, account: Account, name: str) -> bool:
        """Whether an account entered a market.  Models: Comptroller.checkMembership."""
        return name in (self.entered[account] or ())

    def enter(self, account: Account, name: str) -> None:
        """Put a market behind those that an account entered."""
        self.entered[account] = (*(self.entered[account] or ()), name)

    def leave(self, account: Account, name: str) -> None:
        """Take a market out of those that an account entered; the last one takes its place in the order."""
        entered = list(self.entered[account])
        entered[entered.index(name)] = entered[-1]
        self.entered[account] = tuple(entered[:-1])


# --- what an account is worth --------------------------------------------------------------------------------------


class Snapshot(NamedTuple):
    """What an account has and owes [value x 1e18]; ``collateral`` is not weighted."""

    collateral: int
    borrows: int
    liquidity: int
    shortfall: int


def snapshot(
    pool: Comptroller,
    account: Account,
    *,
    at_threshold: bool,
    modified: str | None = None,
    redeemed: int = 0,
    borrowed: int = 0,
) -> Snapshot:
    """An account at stored rates and indices, as if it had redeemed or borrowed in one market.

    Collateral is weighted by the liquidation thresholds, or else by the collateral factors.  Every division rounds
    down.  Refuses: PriceError for every market that it entered, Overflow.
    Models: Comptroller._getHypotheticalLiquiditySnapshot.
    """
    weighted = collateral = owed = effects = 0  # of quotients by 1e18: no sum of them passes the largest word
    for market in pool.counted_for(account):
        weighted_price, *values = market.valued(account, at_threshold=at_threshold)
        weighted += values[0]
        collateral += values[1]
        owed += values[2]
        if market.name == modified:
            effects += mul_wad_down(weighted_price, redeemed)
            effects += mul_wad_down(market.price, borrowed)
    margin = weighted - owed - effects
    return Snapshot(collateral, owed, max(margin, 0), max(-margin, 0))


def liquidity(pool: Comptroller, account: Account, *, at_threshold: bool) -> tuple[int, int] | None:
    """An account's liquidity and shortfall, None where the view reverts.

    Models: Comptroller.getAccountLiquidity at the thresholds, getBorrowingPower at the collateral factors.
    """
    try:
        seen = snapshot(pool, account, at_threshold=at_threshold)
    except Revert:
        return None
    return seen.liquidity, seen.shortfall


# --- what actions have to pass -------------------------------------------------------------------------------------


def require_open(market: VToken, what: Pausable) -> None:
    """Refuse a paused action.  Refuses: ActionPaused.  Models: Comptroller._checkActionPauseState."""
    if market.paused >> what & 1:
        raise ActionPaused(market.name, int(what))


def require_listed(market: VToken) -> None:
    """Refuse a market that is not listed.  Refuses: MarketNotListed."""
    require(market.listed, MarketNotListed, market.name)


def require_delegate(pool: Comptroller, account: Account, sender: Account) -> None:
    """Refuse who may not act for an account.  Refuses: DelegateNotApproved.  Models: VToken._ensureSenderIsDelegateOf."""
    require(sender in (pool.delegates[account] or ()), DelegateNotApproved)


def before_mint(market: VToken, amount: int) -> None:
    """What a mint has to pass.

    Refuses: ActionPaused, MarketNotListed, SupplyCapExceeded, Overflow.  Models: Comptroller.preMintHook.
    """
    require_open(market, Pausable.MINT)
    require_listed(market)
    cap = market.supply_cap
    if cap != MAX_UINT256:
        assets = add(mul_wad_down(exchange_rate(market), market.total_supply), amount)
        require(assets <= cap, SupplyCapExceeded, market.name, cap)


def before_redeem(pool: Comptroller, market: VToken, account: Account, tokens: int) -> None:
    """What a redemption has to pass.  Refuses: ActionPaused, and as `require_redeemable`.  Models: preRedeemHook."""
    require_open(market, Pausable.REDEEM)
    require_redeemable(pool, market, account, tokens)


def require_redeemable(pool: Comptroller, market: VToken, account: Account, tokens: int) -> None:
    """Refuse to take vTokens that an account needs; an account that has not entered needs none.

    Refuses: MarketNotListed, PriceError, InsufficientLiquidity, Overflow.  Models: Comptroller._checkRedeemAllowed.
    """
    require_listed(market)
    if not pool.has_entered(account, market.name):
        return
    after = snapshot(pool, account, at_threshold=False, modified=market.name, redeemed=tokens)
    require(after.shortfall == 0, InsufficientLiquidity)


def before_borrow(pool: Comptroller, market: VToken, account: Account, amount: int) -> None:
    """What a borrow has to pass; an account that has not entered the market enters it.

    Refuses: ActionPaused, MarketNotListed, PriceError, BorrowCapExceeded, InsufficientLiquidity, Overflow.
    Models: Comptroller.preBorrowHook.
    """
    require_open(market, Pausable.BORROW)
    require_listed(market)
    if not pool.has_entered(account, market.name):
        add_to_market(pool, market, account)
    require(market.price != 0, PriceError, market.name)
    cap = market.borrow_cap
    if cap != MAX_UINT256:
        debts = add(add(market.total_borrows, amount), market.bad_debt)
        require(debts <= cap, BorrowCapExceeded, market.name, cap)
    after = snapshot(pool, account, at_threshold=False, modified=market.name, borrowed=amount)
    require(after.shortfall == 0, InsufficientLiquidity)


def before_repay(market: VToken) -> None:
    """What a repayment has to pass.  Refuses: ActionPaused, MarketNotListed.  Models: Comptroller.preRepayHook."""
    require_open(market, Pausable.REPAY)
    require_listed(market)


# --- entering and leaving ------------------------------------------------------------------------------------------


def add_to_market(pool: Comptroller, market: VToken, account: Account) -> None:
    """Let a market count for an account; nothing if it does.

    Refuses: ActionPaused, MarketNotListed.  Models: Comptroller._addToMarket.
    """
    require_open(market, Pausable.ENTER_MARKET)
    require_listed(market)
    if not pool.has_entered(account, market.name):
        pool.enter(account, market.name)
        pool.events.append((COMPTROLLER, "MarketEntered", market.name, account))


@action(user=user(), assets=Domain("assets"))
def enter_markets(pool: Comptroller, user: Account, assets: tuple[str, ...]) -> None:
    """Let markets count for the caller.  Refuses: ActionPaused, MarketNotListed.  Models: Comptroller.enterMarkets."""
    for name in assets:
        add_to_market(pool, pool.seen(name), user)


@action(user=user(), asset=asset())
def exit_market(pool: Comptroller, user: Account, asset: str) -> None:
    """Let a market no longer count for the caller; the last one that was entered takes its place in the order.

    Refuses: ActionPaused, NonzeroBorrowBalance, MarketNotListed, PriceError, InsufficientLiquidity, Overflow.
    Models: Comptroller.exitMarket.
    """
    market = pool.seen(asset)
    require_open(market, Pausable.EXIT_MARKET)
    owed = borrow_balance(market, user)
    exchange_rate(market)  # a part of the account's snapshot, which reverts with it
    require(owed == 0, NonzeroBorrowBalance)
    require_redeemable(pool, market, user, market.tokens[user])
    if not pool.has_entered(user, asset):
        return
    pool.leave(user, asset)
    pool.events.append((COMPTROLLER, "MarketExited", asset, user))


@action(user=user(), delegate=user(), approved=Domain("flag"))
def update_delegate(pool: Comptroller, user: Account, delegate: Account, approved: bool) -> None:
    """Let another act for the caller, or no longer.

    Refuses: DelegationStatusUnchanged.  Models: Comptroller.updateDelegate.
    """
    delegates = pool.delegates[user] or frozenset()
    require((delegate in delegates) != approved, DelegationStatusUnchanged)
    pool.delegates[user] = delegates ^ {delegate}
    pool.events.append((COMPTROLLER, "DelegateUpdated", user, delegate, approved))


POOL_ACTIONS: tuple[Action, ...] = (enter_markets, exit_market, update_delegate)
"""What users do with the Comptroller itself."""

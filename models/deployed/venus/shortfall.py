"""The auctions of bad debt: bids in the debts' own tokens for what the risk fund has.

Access control is left out: whoever calls may.  Models: Shortfall.sol, TokenDebtTracker.sol, and of RiskFund.sol the
reserves that auctions are paid from; the registry does not change, and the lists that events carry are left out.
"""

from __future__ import annotations

from enum import IntEnum

from poolproof.models.deployed.word import MAX_UINT256, Reason, Revert, add, div_down, mul, mul_div_down, mul_wad_down
from poolproof.spec.action import Action, Domain, action, price, slots, user
from poolproof.spec.arithmetic import BPS
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Journal, Ledger, Record, Table

from .market import Event, move_underlying
from .pool import SHORTFALL
from .refusals import TransferExceedsBalance
from .registry import NOBODY, PoolRegistry, RegisteredPool, pool_by_comptroller
from .users import bad_debt_recovered

RISK_FUND: Account = "risk fund"
BASE_ASSET = "base asset"
DEFAULT_INCENTIVE_BPS = 1000


class Kind(IntEnum):
    """What is larger: the bad debt with the incentive, or the risk fund."""

    LARGE_POOL_DEBT = 0
    LARGE_RISK_FUND = 1


class Status(IntEnum):
    """Where an auction is."""

    NOT_STARTED = 0
    STARTED = 1
    ENDED = 2


# --- why it reverts ------------------------------------------------------------------------------------------------


class AuctionsPausedAtStart(Reason):
    """An auction is started while auctions are paused."""

    reason = "Auctions are paused"


class AuctionsPausedAtRestart(Reason):
    """An auction is restarted while auctions are paused."""

    reason = "auctions are paused"


class AuctionsAlreadyPaused(Reason):
    """Auctions are paused twice."""

    reason = "Auctions are already paused"


class AuctionsNotPaused(Reason):
    """Auctions that are open are resumed."""

    reason = "Auctions are not paused"


class PoolNotInRegistry(Reason):
    """The pool is not in the directory."""

    reason = "comptroller doesn't exist pool registry"


class AuctionOngoing(Reason):
    """The pool has an auction."""

    reason = "auction is on-going"


class BadDebtTooLow(Reason):
    """The bad debt is worth less than the minimum."""

    reason = "pool bad debt is too low"


class AuctionRestarted(Reason):
    """The bid names another auction."""

    reason = "auction has been restarted"


class NoOngoingAuction(Reason):
    """The pool has no auction."""

    reason = "no on-going auction"


class AuctionStale(Reason):
    """Nobody has bid for too long."""

    reason = "auction is stale, restart it"


class AuctionNotStale(Reason):
    """There is a bidder, or still time for one."""

    reason = "you need to wait for more time for first bidder"


class BidIsZero(Reason):
    """A bid of nothing."""

    reason = "basis points cannot be zero"


class BidAboveAll(Reason):
    """A bid of more than 100 %."""

    reason = "basis points cannot be more than 10000"


class BidNotBetter(Reason):
    """The bid does not beat the last one, or the start."""

    reason = "your bid is not the highest"


class WaitingForNextBidder(Reason):
    """There is no bidder, or still time for the next one."""

    reason = "waiting for next bidder. cannot close auction"


class NextBidderLimitIsZero(Reason):
    """No time for the next bidder."""

    reason = "nextBidderBlockOrTimestampLimit_ must not be 0"


class IncentiveIsZero(Reason):
    """No incentive."""

    reason = "incentiveBps must not be 0"


class InsufficientPoolReserve(Reason):
    """The risk fund has less for the pool than the auction sells."""

    reason = "Risk Fund: Insufficient pool reserve."


class InsufficientBalance(Revert):
    """The contract does not hold what it pays."""

    fields = ("token", "recipient", "amount", "available_balance")
    text = 'the balance of {available_balance} "{token}" is less than {amount}'


class InsufficientDebt(Revert):
    """More is claimed than is owed."""

    fields = ("token", "user", "owed_amount", "amount")
    text = '"{user}" is owed {owed_amount} "{token}", less than {amount}'


class TransferFailed(Reason):
    """The token does not pay the account."""

    reason = "SafeERC20: low-level call failed"


# --- the state -----------------------------------------------------------------------------------------------------


class Auction(Record):
    """The auction of a pool, the last one if there is none.

    Units: ``start``, ``highest_bid_at`` [slot]; ``kind``, ``status`` as `Kind`, `Status`; ``seized_risk_fund``
    [value x 1e18]; ``highest_bid_bps``, ``start_bid_bps`` [basis points].  Ledgers by market, in tokens:
    ``market_debt``, the bad debt at the start; ``bid_amount``, what the highest bidder paid.
    """

    scalars = (
        "start",
        "kind",
        "status",
        "markets",
        "seized_risk_fund",
        "highest_bidder",
        "highest_bid_bps",
        "highest_bid_at",
        "start_bid_bps",
    )
    ledgers = ("market_debt", "bid_amount")
    wallets = ()
    __slots__ = (*scalars, *ledgers)

    start: int
    kind: int
    status: int
    markets: tuple[str, ...]
    seized_risk_fund: int
    highest_bidder: Account
    highest_bid_bps: int
    highest_bid_at: int
    start_bid_bps: int
    market_debt: Ledger
    bid_amount: Ledger


class Shortfall(Record):
    """The state of the auctions, with the registry of the pools and the risk fund.

    Units: ``minimum_pool_bad_debt`` [value x 1e18]; ``incentive_bps`` [basis points]; ``next_bidder_limit``,
    ``wait_for_first_bidder`` [slots]; ``base_price`` [value x 1e18 per token, x 1e18].
    Ledgers: ``reserves``, of the risk fund by Comptroller, and ``base``, balances by account [base asset];
    ``token_debt`` and ``refuses``, by token and account as `entry` has them: what is owed after a payment that failed,
    and whether the token pays the account nothing; ``total_token_debt``, by token.
    """

    scalars = (
        "minimum_pool_bad_debt",
        "incentive_bps",
        "next_bidder_limit",
        "wait_for_first_bidder",
        "auctions_paused",
        "base_price",
    )
    ledgers = ("reserves", "base", "token_debt", "total_token_debt", "refuses")
    wallets = ("base",)
    __slots__ = (*scalars, *ledgers, "auctions", "journal", "registry")

    minimum_pool_bad_debt: int
    incentive_bps: int
    next_bidder_limit: int
    wait_for_first_bidder: int
    auctions_paused: bool
    base_price: int
    reserves: Ledger
    base: Ledger
    token_debt: Ledger
    total_token_debt: Ledger
    refuses: Ledger
    auctions: Table[Auction]
    registry: PoolRegistry
    journal: Journal

    def begin(self) -> None:
        """Start an action: what the last one touched and emitted is forgotten, what this one touches will be saved."""
        self.registry.begin()
        self.journal.entries.append((self, None, self.saved_))

    @property
    def events(self) -> list[Event]:
        """Those of the current action, of all contracts."""
        return self.registry.events

    def bank(self, comptroller: str, market: str) -> Ledger:
        """The balances of a market's underlying token."""
        return self.registry.comptrollers[comptroller].seen(market).underlying


def entry(token: str, account: Account) -> str:
    """A token and an account, as a ledger has them."""
    return f"{token}/{account}"


def build(
    registry: PoolRegistry,
    minimum_pool_bad_debt: int,
    next_bidder_limit: int,
    wait_for_first_bidder: int,
    base_price: int,
    reserves: dict[str, int],
) -> Shortfall:
    """Auctions that nobody has started, and a risk fund that holds what it has for each pool.

    Models: Shortfall.initialize.
    """
    journal = registry.journal
    of = Shortfall()
    of.minimum_pool_bad_debt = minimum_pool_bad_debt
    of.incentive_bps = DEFAULT_INCENTIVE_BPS
    of.next_bidder_limit = next_bidder_limit
    of.wait_for_first_bidder = wait_for_first_bidder
    of.auctions_paused = False
    of.base_price = base_price
    of.reserves = Ledger(journal, reserves)
    of.base = Ledger(journal, {RISK_FUND: sum(reserves.values())})
    of.token_debt, of.total_token_debt, of.refuses = Ledger(journal), Ledger(journal), Ledger(journal)
    of.auctions = Table(journal, {name: _never_started(journal) for name in registry.comptrollers})
    of.registry, of.journal, of.stamp_ = registry, journal, -1
    return of


def _never_started(journal: Journal) -> Auction:
    """Storage of which nothing was written."""
    auction = Auction()
    auction.start = auction.kind = auction.status = auction.seized_risk_fund = 0
    auction.highest_bid_bps = auction.highest_bid_at = auction.start_bid_bps = 0
    auction.markets, auction.highest_bidder = (), NOBODY
    auction.market_debt, auction.bid_amount = Ledger(journal), Ledger(journal)
    return auction


# --- payments that may fail ----------------------------------------------------------------------------------------


def pay_or_owe(of: Shortfall, token: str, balances: Ledger, receiver: Account, amount: int) -> None:
    """Pay an amount, or owe it where the token does not pay the receiver.

    Refuses: InsufficientBalance, Overflow.  Models: TokenDebtTracker._transferOutOrTrackDebt.
    """
    held = balances[SHORTFALL]
    require(held >= amount, InsufficientBalance, token, SHORTFALL, amount, held)
    if not of.refuses[entry(token, receiver)]:
        balances[SHORTFALL] -= amount
        balances[receiver] += amount
        return
    owed = entry(token, receiver)
    of.token_debt[owed] = add(of.token_debt[owed], amount)
    of.total_token_debt[token] = add(of.total_token_debt[token], amount)
    of.events.append((SHORTFALL, "TokenDebtAdded", token, receiver, amount))


def claim(of: Shortfall, token: str, balances: Ledger, account: Account, amount: int) -> None:
    """Pay what is owed, all of it for the largest word.

    Refuses: InsufficientDebt, TransferFailed, TransferExceedsBalance.  Models: TokenDebtTracker.claimTokenDebt.
    """
    owed = of.token_debt[entry(token, account)]
    chosen = owed if amount == MAX_UINT256 else amount
    require(chosen <= owed, InsufficientDebt, token, account, owed, chosen)
    of.token_debt[entry(token, account)] = owed - chosen
    of.total_token_debt[token] -= chosen
    of.events.append((SHORTFALL, "TokenDebtClaimed", token, account, chosen))
    require(not of.refuses[entry(token, account)], TransferFailed)
    require(balances[SHORTFALL] >= chosen, TransferExceedsBalance)
    balances[SHORTFALL] -= chosen
    balances[account] += chosen


# --- an auction ----------------------------------------------------------------------------------------------------


def is_stale(of: Shortfall, auction: Auction) -> bool:
    """Whether nobody has bid within the time for the first bidder.  Models: Shortfall._isStale."""
    return auction.highest_bidder == NOBODY and of.registry.slot > add(auction.start, of.wait_for_first_bidder)


def begin_auction(of: Shortfall, comptroller: str) -> None:
    """Fix the debts and what is sold for them.

    Where the bad debt and the incentive are at least what the risk fund is worth, all of the fund is sold, from
    floor(fund / (debt x (1 + incentive))) of the debt upward; else their worth of the fund, from all of it downward.
    The worth of each debt and of the fund, and the incentive, are rounded down.
    Refuses: PoolNotInRegistry, AuctionOngoing, BadDebtTooLow, DivisionByZero without debt and fund, Overflow.
    Limits: a missing price counts as 0, where the resilient oracle reverts.
    Models: Shortfall._startAuction.
    """
    require(pool_by_comptroller(of.registry, comptroller).comptroller == comptroller, PoolNotInRegistry)
    pool, auction = of.registry.comptrollers[comptroller], of.auctions[comptroller]
    require(auction.status != Status.STARTED, AuctionOngoing)
    for name in auction.markets:
        auction.market_debt[name] = 0
    auction.markets = pool.every_market()
    debt = 0
    for name in auction.markets:
        market = pool.seen(name)
        debt = add(debt, mul_wad_down(market.price, market.bad_debt))
        auction.market_debt[name] = market.bad_debt
    require(debt >= of.minimum_pool_bad_debt, BadDebtTooLow)
    fund = mul_wad_down(of.base_price, of.reserves[comptroller])
    with_incentive = add(debt, mul_div_down(debt, of.incentive_bps, BPS))
    if with_incentive >= fund:
        auction.kind = Kind.LARGE_POOL_DEBT
        auction.start_bid_bps = div_down(mul(BPS * BPS, fund), mul(debt, add(BPS, of.incentive_bps)))
        auction.seized_risk_fund = fund
    else:
        auction.kind = Kind.LARGE_RISK_FUND
        auction.start_bid_bps = BPS
        auction.seized_risk_fund = with_incentive
    auction.start = of.registry.slot
    auction.status = Status.STARTED
    auction.highest_bidder = NOBODY
    auction.highest_bid_bps = auction.highest_bid_at = 0
    told = auction.start, auction.kind, auction.seized_risk_fund, auction.start_bid_bps
    of.events.append((SHORTFALL, "AuctionStarted", comptroller, *told))


def beats(auction: Auction, bps: int) -> bool:
    """Whether a bid beats the last one, or is as good as the start: upward for the debt, downward for the fund."""
    first = auction.highest_bidder == NOBODY
    if auction.kind == Kind.LARGE_POOL_DEBT:
        return bps >= auction.start_bid_bps if first else bps > auction.highest_bid_bps
    return bps <= auction.start_bid_bps if first else bps < auction.highest_bid_bps


def payment(auction: Auction, market: str, bps: int) -> int:
    """What a bid pays in a market: debt x bid, rounded down, or all of the debt [tokens].  Refuses: Overflow."""
    debt: int = auction.market_debt[market]
    return mul_div_down(debt, bps, BPS) if auction.kind == Kind.LARGE_POOL_DEBT else debt


def sold(auction: Auction) -> int:
    """What of the risk fund goes to the highest bidder: all that was seized, or seized x bid, rounded down.

    A value that is paid as an amount of the base asset.  Refuses: Overflow.
    """
    if auction.kind == Kind.LARGE_POOL_DEBT:
        return auction.seized_risk_fund
    return mul_div_down(auction.seized_risk_fund, auction.highest_bid_bps, BPS)


@action(user=user(), comptroller=Domain("name"))
def start_auction(of: Shortfall, user: Account, comptroller: str) -> None:
    """Start a pool's auction.

    Refuses: AuctionsPausedAtStart; as `begin_auction`.  Models: Shortfall.startAuction.
    """
    require(not of.auctions_paused, AuctionsPausedAtStart)
    begin_auction(of, comptroller)


@action(user=user(), comptroller=Domain("name"), bps=Domain("cap"), start=slots())
def place_bid(of: Shortfall, user: Account, comptroller: str, bps: int, start: int) -> None:
    """Bid in the auction that began at ``start``; the last bidder gets back what it paid, or is owed it.

    Refuses: AuctionRestarted, NoOngoingAuction, AuctionStale, BidIsZero, BidAboveAll, BidNotBetter; as `pay_or_owe`;
    TransferExceedsBalance, Overflow.  Models: Shortfall.placeBid.
    """
    auction = of.auctions[comptroller]
    require(auction.start == start, AuctionRestarted)
    require(auction.status == Status.STARTED, NoOngoingAuction)
    require(not is_stale(of, auction), AuctionStale)
    require(bps > 0, BidIsZero)
    require(bps <= BPS, BidAboveAll)
    require(beats(auction, bps), BidNotBetter)
    for name in auction.markets:
        market = of.registry.comptrollers[comptroller].seen(name)
        if auction.highest_bidder != NOBODY:
            asset = of.registry.assets[name]
            pay_or_owe(of, asset, market.underlying, auction.highest_bidder, auction.bid_amount[name])
        due = payment(auction, name, bps)
        move_underlying(market, user, SHORTFALL, due)
        auction.bid_amount[name] = due
    auction.highest_bidder = user
    auction.highest_bid_bps = bps
    auction.highest_bid_at = of.registry.slot
    of.events.append((SHORTFALL, "BidPlaced", comptroller, auction.start, bps, user))


@action(user=user(), comptroller=Domain("name"))
def close_auction(of: Shortfall, user: Account, comptroller: str) -> None:
    """End an auction that nobody has bid in for long enough: the markets get the bid, the bidder what was sold.

    Refuses: NoOngoingAuction, WaitingForNextBidder, TransferExceedsBalance, RecoveredTooMuch,
    InsufficientPoolReserve; as `pay_or_owe`; Overflow.  Models: Shortfall.closeAuction.
    """
    auction = of.auctions[comptroller]
    require(auction.status == Status.STARTED, NoOngoingAuction)
    waited = of.registry.slot > add(auction.highest_bid_at, of.next_bidder_limit)
    require(waited and auction.highest_bidder != NOBODY, WaitingForNextBidder)
    pool: RegisteredPool = of.registry.comptrollers[comptroller]
    auction.status = Status.ENDED
    for name in auction.markets:
        market, received = pool.seen(name), auction.bid_amount[name]
        move_underlying(market, SHORTFALL, name, received)
        bad_debt_recovered.run(pool, SHORTFALL, name, received)
    amount = sold(auction)
    transfer_reserve(of, comptroller, amount)
    pay_or_owe(of, BASE_ASSET, of.base, auction.highest_bidder, amount)
    told = auction.start, auction.highest_bidder, auction.highest_bid_bps, amount
    of.events.append((SHORTFALL, "AuctionClosed", comptroller, *told))


def transfer_reserve(of: Shortfall, comptroller: str, amount: int) -> None:
    """Give a pool's reserve to the auctions.

    Refuses: InsufficientPoolReserve, TransferExceedsBalance.  Models: RiskFund.transferReserveForAuction.
    """
    require(amount <= of.reserves[comptroller], InsufficientPoolReserve)
    of.reserves[comptroller] -= amount
    of.events.append((RISK_FUND, "TransferredReserveForAuction", comptroller, amount))
    require(amount <= of.base[RISK_FUND], TransferExceedsBalance)
    of.base[RISK_FUND] -= amount
    of.base[SHORTFALL] += amount


@action(user=user(), comptroller=Domain("name"))
def restart_auction(of: Shortfall, user: Account, comptroller: str) -> None:
    """Start an auction anew that nobody has bid in.

    Refuses: AuctionsPausedAtRestart, NoOngoingAuction, AuctionNotStale; as `begin_auction`.
    Models: Shortfall.restartAuction.
    """
    auction = of.auctions[comptroller]
    require(not of.auctions_paused, AuctionsPausedAtRestart)
    require(auction.status == Status.STARTED, NoOngoingAuction)
    require(is_stale(of, auction), AuctionNotStale)
    auction.status = Status.ENDED
    of.events.append((SHORTFALL, "AuctionRestarted", comptroller, auction.start))
    begin_auction(of, comptroller)


@action(user=user(), comptroller=Domain("name"), market=Domain("name"), amount=Domain("cap", high=MAX_UINT256))
def claim_token_debt(of: Shortfall, user: Account, comptroller: str, market: str, amount: int) -> None:
    """Take what is owed in a market's token.  Refuses: as `claim`.  Models: Shortfall.claimTokenDebt."""
    claim(of, of.registry.assets[market], of.bank(comptroller, market), user, amount)


@action(user=user(), amount=Domain("cap", high=MAX_UINT256))
def claim_base_asset_debt(of: Shortfall, user: Account, amount: int) -> None:
    """Take what is owed in the base asset.  Refuses: as `claim`.  Models: Shortfall.claimTokenDebt."""
    claim(of, BASE_ASSET, of.base, user, amount)


# --- governance and the environment --------------------------------------------------------------------------------


@action(by="governance", value=slots())
def update_next_bidder_block_limit(of: Shortfall, value: int) -> None:
    """Change how long a bid stands.

    Refuses: NextBidderLimitIsZero.  Models: Shortfall.updateNextBidderBlockLimit.
    """
    require(value != 0, NextBidderLimitIsZero)
    of.events.append((SHORTFALL, "NextBidderBlockLimitUpdated", of.next_bidder_limit, value))
    of.next_bidder_limit = value


@action(by="governance", value=Domain("cap", high=MAX_UINT256))
def update_incentive_bps(of: Shortfall, value: int) -> None:
    """Change the incentive.  Refuses: IncentiveIsZero.  Models: Shortfall.updateIncentiveBps."""
    require(value != 0, IncentiveIsZero)
    of.events.append((SHORTFALL, "IncentiveBpsUpdated", of.incentive_bps, value))
    of.incentive_bps = value


@action(by="governance", value=Domain("cap", high=MAX_UINT256))
def update_minimum_pool_bad_debt(of: Shortfall, value: int) -> None:
    """Change the least bad debt that is auctioned, to nothing too.  Models: Shortfall.updateMinimumPoolBadDebt."""
    of.events.append((SHORTFALL, "MinimumPoolBadDebtUpdated", of.minimum_pool_bad_debt, value))
    of.minimum_pool_bad_debt = value


@action(by="governance", value=slots())
def update_wait_for_first_bidder(of: Shortfall, value: int) -> None:
    """Change how long an auction waits for a bid.  Models: Shortfall.updateWaitForFirstBidder."""
    of.events.append((SHORTFALL, "WaitForFirstBidderUpdated", of.wait_for_first_bidder, value))
    of.wait_for_first_bidder = value


@action(by="governance", user=user())
def pause_auctions(of: Shortfall, user: Account) -> None:
    """Let no auction start; those that have go on.  Refuses: AuctionsAlreadyPaused.  Models: Shortfall.pauseAuctions."""
    require(not of.auctions_paused, AuctionsAlreadyPaused)
    of.auctions_paused = True
    of.events.append((SHORTFALL, "AuctionsPaused", user))


@action(by="governance", user=user())
def resume_auctions(of: Shortfall, user: Account) -> None:
    """Let auctions start again.  Refuses: AuctionsNotPaused.  Models: Shortfall.resumeAuctions."""
    require(of.auctions_paused, AuctionsNotPaused)
    of.auctions_paused = False
    of.events.append((SHORTFALL, "AuctionsResumed", user))


@action(by="environment", price=price())
def set_base_price(of: Shortfall, price: int) -> None:
    """Move the price of the base asset.  Models: the oracle's getPrice."""
    of.base_price = price


@action(by="environment", token=Domain("name"), account=user(), refuses=Domain("flag"))
def set_refusal(of: Shortfall, token: str, account: Account, refuses: bool) -> None:
    """Let a token pay an account nothing, or pay it again.  Models: a token that blocks accounts."""
    of.refuses[entry(token, account)] = refuses


SHORTFALL_ACTIONS: tuple[Action, ...] = (
    start_auction,
    place_bid,
    close_auction,
    restart_auction,
    claim_token_debt,
    claim_base_asset_debt,
    update_next_bidder_block_limit,
    update_incentive_bps,
    update_minimum_pool_bad_debt,
    update_wait_for_first_bidder,
    pause_auctions,
    resume_auctions,
    set_base_price,
    set_refusal,
)
"""What happens to auctions."""

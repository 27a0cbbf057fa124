"""Rewards for suppliers and borrowers: two indices a market, settled before a holding changes, paid on a claim.

Models: RewardsDistributor.sol, and the hooks of Comptroller.sol that move it; contributors and grants are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolproof.models.deployed.word import MAX_UINT256, Reason, Revert, add, mul, mul_div_down, sub
from poolproof.spec.action import Action, Domain, action, asset, slots, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Journal, Ledger, Record, Table

from .market import Event, VToken, borrow_balance
from .refusals import TransferExceedsBalance

if TYPE_CHECKING:
    from .pool import Comptroller

DOUBLE = 10**36
"""One, for the indices of rewards."""
INITIAL_INDEX = DOUBLE
MAX_UINT224 = 2**224 - 1
MAX_UINT32 = 2**32 - 1

# --- why it reverts ------------------------------------------------------------------------------------------------


class BlockNumberTooLarge(Reason):
    """The block number does not fit 32 bits."""

    reason = "block number exceeds 32 bits"


class IndexTooLarge(Reason):
    """An index does not fit 224 bits."""

    reason = "new index exceeds 224 bits"


class OnlyComptroller(Reason):
    """Somebody else than the Comptroller moves the indices."""

    reason = "Only comptroller can call this function"


class DistributorExists(Reason):
    """The Comptroller has the distributor already."""

    reason = "already exists"


class MarketMustBeListed(Reason):
    """A claim names a market that is not listed."""

    reason = "market must be listed"


class RewardMarketNotListed(Reason):
    """Speeds or ends are set for a market that is not listed."""

    reason = "rewardToken market is not listed"


class BlockBasedOnly(Reason):
    """A last block is set where slots are seconds."""

    reason = "Block-based operation only"


class TimeBasedOnly(Reason):
    """A last timestamp is set where slots are blocks."""

    reason = "Time-based operation only"


class LastBlockInThePast(Reason):
    """The last block has come."""

    reason = "setting last rewarding block in the past is not allowed"


class LastTimestampInThePast(Reason):
    """The last timestamp has come."""

    reason = "setting last rewarding timestamp in the past is not allowed"


class DistributorLocked(Reason):
    """The rewards of the market have ended."""

    reason = "this RewardsDistributor is already locked"


class LoopsLimitTooSmall(Reason):
    """The limit on loops does not rise."""

    reason = "Comptroller: Invalid maxLoopsLimit"


class MaxLoopsLimitExceeded(Revert):
    """A list is longer than the limit on loops."""

    fields = ("loops_limit", "required_loops")
    text = "{required_loops} rounds of a loop exceed the limit {loops_limit}"


# --- the state -----------------------------------------------------------------------------------------------------


class Side(Record):
    """The suppliers or the borrowers of a market, as a distributor rewards them.

    Units: ``index`` [reward tokens per vToken, or per token of debt at a borrow index of 1, x 1e36]; ``slot``, of the
    index, and ``last_slot``, 0 for none [slot]; ``speed`` [reward tokens per slot].
    Ledger: ``seen``, the index when an account was last settled.  Constant: ``of_borrowers``.
    """

    scalars = ("index", "slot", "last_slot", "speed")
    ledgers = ("seen",)
    wallets = ()
    __slots__ = (*scalars, *ledgers, "of_borrowers")

    index: int
    slot: int
    last_slot: int
    speed: int
    seen: Ledger
    of_borrowers: bool


class RewardsDistributor(Record):
    """The state of a distributor of one reward token.

    ``added``: its Comptroller has it; ``max_loops``: the longest list of markets.  Ledgers: ``accrued``, settled and
    not yet claimed; ``balances``, of the reward token, its own under its name [reward tokens].
    Constant: ``time_based``: slots are seconds.
    """

    scalars = ("added", "max_loops")
    ledgers = ("accrued", "balances")
    wallets = ("balances",)
    __slots__ = (*scalars, *ledgers, "borrowers", "name", "suppliers", "time_based")

    added: bool
    max_loops: int
    accrued: Ledger
    balances: Ledger
    suppliers: Table[Side]
    borrowers: Table[Side]
    name: str
    time_based: bool


def deploy_distributor(
    pool: Comptroller, name: str, balances: dict[Account, int], *, time_based: bool = False, max_loops: int = 100
) -> None:
    """Put a distributor beside a pool, whose Comptroller does not know it yet.  Models: RewardsDistributor.initialize."""
    journal = pool.journal
    distributor = RewardsDistributor()
    distributor.added = False
    distributor.max_loops = max_loops
    distributor.name = name
    distributor.time_based = time_based
    distributor.accrued = Ledger(journal)
    distributor.balances = Ledger(journal, balances)
    distributor.suppliers = _sides(pool, journal, of_borrowers=False)
    distributor.borrowers = _sides(pool, journal, of_borrowers=True)
    pool.distributors = Table(journal, {**pool.distributors, name: distributor})


def _sides(pool: Comptroller, journal: Journal, *, of_borrowers: bool) -> Table[Side]:
    """A side of every market, of which nothing was stored yet."""
    sides = {}
    for name in pool.markets:
        sides[name] = side = Side()
        side.index = side.slot = side.last_slot = side.speed = 0
        side.seen = Ledger(journal)
        side.of_borrowers = of_borrowers
    return Table(journal, sides)


# --- indices and what they are worth -------------------------------------------------------------------------------


def initialize_market(distributor: RewardsDistributor, name: str, now: int, events: list[Event]) -> None:
    """Let a market's rewards begin at the present.

    Refuses: BlockNumberTooLarge.  Models: RewardsDistributor.initializeMarket.
    """
    require_slot_fits(distributor, now)
    for side in (distributor.suppliers[name], distributor.borrowers[name]):
        side.index = side.index or INITIAL_INDEX
        side.slot = now
    events.append((distributor.name, "MarketInitialized", name))


def require_slot_fits(distributor: RewardsDistributor, now: int) -> None:
    """Refuse a block number that is stored in 32 bits and does not fit.  Refuses: BlockNumberTooLarge."""
    require(distributor.time_based or now <= MAX_UINT32, BlockNumberTooLarge)


def per_index(amount: int, borrow_index: int) -> int:
    """amount / borrow index, rounded down [tokens at a borrow index of 1].  Refuses: Overflow."""
    return mul_div_down(amount, WAD, borrow_index)


def update_index(distributor: RewardsDistributor, side: Side, market: VToken, now: int, events: list[Event]) -> None:
    """index += slots x speed / total, rounded down; what is emitted to nobody is lost, and nothing after the last slot.

    The total is the supply of vTokens, or the debt of all / borrow index, rounded down.
    Refuses: BlockNumberTooLarge, IndexTooLarge, Overflow.
    Models: RewardsDistributor._updateRewardTokenSupplyIndex, _updateRewardTokenBorrowIndex.
    """
    require_slot_fits(distributor, now)
    until = min(now, side.last_slot) if side.last_slot else now
    elapsed = sub(until, side.slot)
    if elapsed and side.speed:
        total = per_index(market.total_borrows, market.borrow_index) if side.of_borrowers else market.total_supply
        emitted = mul(elapsed, side.speed)
        index = add(side.index, mul_div_down(emitted, DOUBLE, total) if total else 0)
        require(index <= MAX_UINT224, IndexTooLarge)
        side.index = index
    if elapsed:
        side.slot = until
    if side.of_borrowers:
        events.append((distributor.name, "RewardTokenBorrowIndexUpdated", market.name, market.borrow_index))
    else:
        events.append((distributor.name, "RewardTokenSupplyIndexUpdated", market.name))


def settle(distributor: RewardsDistributor, side: Side, market: VToken, account: Account, events: list[Event]) -> None:
    """accrued += holding x (index - index seen), rounded down; an account never settled has seen the initial index.

    A holding is vTokens, or the debt / borrow index, rounded down.
    Refuses: Overflow.
    Models: RewardsDistributor._distributeSupplierRewardToken, _distributeBorrowerRewardToken.
    """
    seen = side.seen[account]
    side.seen[account] = side.index
    if seen == 0 and side.index >= INITIAL_INDEX:
        seen = INITIAL_INDEX
    gained_each = sub(side.index, seen)
    if side.of_borrowers:
        held = per_index(borrow_balance(market, account), market.borrow_index)
        if held == 0:
            return
    else:
        held = market.tokens[account]
    gained = mul_div_down(held, gained_each, DOUBLE)
    accrued = add(distributor.accrued[account], gained)
    distributor.accrued[account] = accrued
    event = "DistributedBorrowerRewardToken" if side.of_borrowers else "DistributedSupplierRewardToken"
    events.append((distributor.name, event, market.name, account, gained, accrued, side.index))


# --- what the Comptroller calls ------------------------------------------------------------------------------------


def settle_suppliers(pool: Comptroller, market: VToken, *accounts: Account) -> None:
    """Settle accounts before their vTokens change.

    Refuses: as `update_index`, `settle`.
    Models: the ends of Comptroller.preMintHook, preRedeemHook, preSeizeHook, preTransferHook.
    """
    for name in pool.distributors:
        distributor = pool.distributors[name]
        if distributor.added:
            side = distributor.suppliers[market.name]
            update_index(distributor, side, market, pool.now, pool.events)
            for account in accounts:
                settle(distributor, side, market, account, pool.events)


def settle_borrower(pool: Comptroller, market: VToken, account: Account) -> None:
    """Settle an account before its debt changes; the healing of a debt for nothing does not ask for it.

    Refuses: as `update_index`, `settle`.  Models: the ends of Comptroller.preBorrowHook, preRepayHook.
    """
    for name in pool.distributors:
        distributor = pool.distributors[name]
        if distributor.added:
            side = distributor.borrowers[market.name]
            update_index(distributor, side, market, pool.now, pool.events)
            settle(distributor, side, market, account, pool.events)


@action(by="governance", distributor=Domain("name"))
def add_rewards_distributor(pool: Comptroller, distributor: str) -> None:
    """Let a distributor's rewards begin in every market that was ever added.

    Refuses: DistributorExists, BlockNumberTooLarge.
    Limits: the limit on the number of distributors is left out.
    Models: Comptroller.addRewardsDistributor.
    """
    of = pool.distributors[distributor]
    require(not of.added, DistributorExists)
    of.added = True
    for name in pool.every_market():
        initialize_market(of, name, pool.now, pool.events)
    pool.events.append(("comptroller", "NewRewardsDistributor", distributor))


# --- users ---------------------------------------------------------------------------------------------------------


@action(user=user(), distributor=Domain("name"), holder=user(), assets=Domain("assets"))
def claim_reward_token(
    pool: Comptroller, user: Account, distributor: str, holder: Account, assets: tuple[str, ...]
) -> None:
    """Settle a holder in the markets named, which are not accrued, and pay all that it has, or nothing.

    Refuses: MaxLoopsLimitExceeded, MarketMustBeListed; as `update_index`, `settle`.
    Models: RewardsDistributor.claimRewardToken, with markets.
    """
    of, events = pool.distributors[distributor], pool.events
    require(len(assets) <= of.max_loops, MaxLoopsLimitExceeded, of.max_loops, len(assets))
    for name in assets:
        market = pool.seen(name)
        require(market.listed, MarketMustBeListed)
        for side in (of.borrowers[name], of.suppliers[name]):
            update_index(of, side, market, pool.now, events)
            settle(of, side, market, holder, events)
    of.accrued[holder] = grant(of, holder, of.accrued[holder])


def grant(distributor: RewardsDistributor, receiver: Account, amount: int) -> int:
    """Pay an amount if there is enough for all of it; what was not paid.  Models: RewardsDistributor._grantRewardToken."""
    balances = distributor.balances
    if amount == 0 or amount > balances[distributor.name]:
        return amount
    balances[distributor.name] -= amount
    balances[receiver] += amount
    return 0


@action(user=user(), distributor=Domain("name"), holder=user())
def claim_all_reward_tokens(pool: Comptroller, user: Account, distributor: str, holder: Account) -> None:
    """Claim in every market that was ever added, which one market off the list refuses.

    Refuses: as `claim_reward_token`.  Models: RewardsDistributor.claimRewardToken, without markets.
    """
    claim_reward_token.run(pool, user, distributor, holder, pool.every_market())


@action(user=user(), distributor=Domain("name"), amount=Domain("cap"))
def fund_distributor(pool: Comptroller, user: Account, distributor: str, amount: int) -> None:
    """Send reward tokens to a distributor.  Refuses: TransferExceedsBalance.  Models: ERC20.transfer."""
    balances = pool.distributors[distributor].balances
    require(amount <= balances[user], TransferExceedsBalance)
    balances[user] -= amount
    balances[distributor] += amount


@action(user=user(), distributor=Domain("name"), asset=asset())
def update_supply_index(pool: Comptroller, user: Account, distributor: str, asset: str) -> None:
    """Move an index without the Comptroller, which only it may.

    Refuses: OnlyComptroller.  Models: RewardsDistributor.updateRewardTokenSupplyIndex, called by an account; the
    other functions for the Comptroller are guarded alike.
    """
    raise OnlyComptroller


# --- governance ----------------------------------------------------------------------------------------------------


def speed() -> Domain:
    """A speed, of any size [reward tokens per slot]."""
    return Domain("cap", high=MAX_UINT256)


@action(by="governance", distributor=Domain("name"), asset=asset(), supply=speed(), borrow=speed())
def set_reward_token_speeds(pool: Comptroller, distributor: str, asset: str, supply: int, borrow: int) -> None:
    """Change a market's speeds; an index whose speed changes is brought to the present first.

    Refuses: RewardMarketNotListed; as `update_index`.  Models: RewardsDistributor.setRewardTokenSpeeds, for one market.
    """
    of, market = pool.distributors[distributor], pool.seen(asset)
    require(market.listed, RewardMarketNotListed)
    chosen = (of.suppliers[asset], supply, "Supply"), (of.borrowers[asset], borrow, "Borrow")
    for side, new, word in chosen:
        if side.speed != new:
            update_index(of, side, market, pool.now, pool.events)
            side.speed = new
            pool.events.append((distributor, f"RewardToken{word}SpeedUpdated", asset, new))


def set_last_slots(
    pool: Comptroller, of: RewardsDistributor, asset: str, lasts: tuple[int, int], past: type[Reason], event: str
) -> None:
    """Change when a market's rewards end; both ends lie ahead, the old ones too.

    Refuses: RewardMarketNotListed, ``past``, DistributorLocked.
    """
    require(pool.seen(asset).listed, RewardMarketNotListed)
    sides = of.suppliers[asset], of.borrowers[asset]
    for last in lasts:
        require(last > pool.now, past)
    for side in sides:
        require(side.last_slot == 0 or side.last_slot > pool.now, DistributorLocked)
    for side, last, word in zip(sides, lasts, ("Supply", "Borrow"), strict=True):
        if side.last_slot != last:
            side.last_slot = last
            pool.events.append((of.name, f"{word}{event}", asset, last))


@action(by="governance", distributor=Domain("name"), asset=asset(), supply=slots(), borrow=slots())
def set_last_rewarding_blocks(pool: Comptroller, distributor: str, asset: str, supply: int, borrow: int) -> None:
    """Change the last blocks for which a market's suppliers and borrowers are rewarded.

    Refuses: BlockBasedOnly; as `set_last_slots`, LastBlockInThePast.
    Models: RewardsDistributor.setLastRewardingBlocks, for one market.
    """
    of = pool.distributors[distributor]
    require(not of.time_based, BlockBasedOnly)
    set_last_slots(pool, of, asset, (supply, borrow), LastBlockInThePast, "LastRewardingBlockUpdated")


@action(by="governance", distributor=Domain("name"), asset=asset(), supply=slots(), borrow=slots())
def set_last_rewarding_block_timestamps(
    pool: Comptroller, distributor: str, asset: str, supply: int, borrow: int
) -> None:
    """Change the last seconds for which a market's suppliers and borrowers are rewarded.

    Refuses: TimeBasedOnly; as `set_last_slots`, LastTimestampInThePast.
    Models: RewardsDistributor.setLastRewardingBlockTimestamps, for one market.
    """
    of = pool.distributors[distributor]
    require(of.time_based, TimeBasedOnly)
    set_last_slots(pool, of, asset, (supply, borrow), LastTimestampInThePast, "LastRewardingBlockTimestampUpdated")


@action(by="governance", distributor=Domain("name"), limit=Domain("cap"))
def set_max_loops_limit(pool: Comptroller, distributor: str, limit: int) -> None:
    """Raise the limit on loops.  Refuses: LoopsLimitTooSmall.  Models: RewardsDistributor.setMaxLoopsLimit."""
    of = pool.distributors[distributor]
    require(limit > of.max_loops, LoopsLimitTooSmall)
    pool.events.append((distributor, "MaxLoopsLimitUpdated", of.max_loops, limit))
    of.max_loops = limit


REWARD_ACTIONS: tuple[Action, ...] = (
    add_rewards_distributor,
    claim_reward_token,
    claim_all_reward_tokens,
    fund_distributor,
    update_supply_index,
    set_reward_token_speeds,
    set_last_rewarding_blocks,
    set_last_rewarding_block_timestamps,
    set_max_loops_limit,
)
"""What happens to distributors, the Comptroller's hooks aside."""

"""What suppliers, borrowers and everybody else do with a VToken.

An action accrues its market, computes, asks the Comptroller, then moves tokens, in the contract's order.
Models: VToken.sol; the underlying tokens are plain, and everybody has allowed the VTokens to pull theirs.
"""

from __future__ import annotations

from poolproof.models.deployed.word import add, mul_div_down, mul_wad_down, sub
from poolproof.spec.action import Action, action, asset, shares, tokens, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import require
from poolproof.spec.state import Account

from .market import VToken, borrow_balance, exchange_rate, move_underlying, pay_out, take_in, take_reserves
from .pool import (
    SHORTFALL,
    Comptroller,
    Pausable,
    before_borrow,
    before_mint,
    before_redeem,
    before_repay,
    require_delegate,
    require_open,
    require_redeemable,
)
from .refusals import (
    BorrowCashNotAvailable,
    OnlyShortfall,
    RecoveredTooMuch,
    RedeemAmountIsZero,
    RedeemTransferOutNotPossible,
    TransferNotAllowed,
)
from .rewards import settle_borrower, settle_suppliers

# --- suppliers -----------------------------------------------------------------------------------------------------


def mint_fresh(pool: Comptroller, market: VToken, payer: Account, minter: Account, amount: int) -> None:
    """Supply tokens for floor(amount / exchange rate) vTokens, which may be none.

    Refuses: as `before_mint`; TransferExceedsBalance, DivisionByZero at an exchange rate of 0.
    Models: VToken._mintFresh.
    """
    before_mint(market, amount)
    settle_suppliers(pool, market, minter)
    rate = exchange_rate(market)
    take_in(market, payer, amount)
    minted = mul_div_down(amount, WAD, rate)
    market.total_supply = add(market.total_supply, minted)
    balance = add(market.tokens[minter], minted)
    market.tokens[minter] = balance
    pool.events.append((market.name, "Mint", minter, amount, minted, balance))


@action(user=user(), asset=asset(), amount=tokens())
def mint(pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """Supply tokens.  Models: VToken.mint."""
    mint_fresh(pool, pool.accrued(asset), user, user, amount)


@action(user=user(), minter=user(), asset=asset(), amount=tokens())
def mint_behalf(pool: Comptroller, user: Account, minter: Account, asset: str, amount: int) -> None:
    """Supply tokens for somebody else.  Models: VToken.mintBehalf."""
    mint_fresh(pool, pool.accrued(asset), user, minter, amount)


def tokens_for_amount(amount: int, rate: int) -> int:
    """vTokens to redeem for an amount: amount / rate rounded down, and one more where that pays something else.

    Refuses: Overflow, DivisionByZero.  Models: VToken._redeemFresh.
    """
    redeemed = mul_div_down(amount, WAD, rate)
    paid = mul_wad_down(redeemed, rate)
    return redeemed + 1 if paid not in (0, amount) else redeemed


def redeem_fresh(
    pool: Comptroller, market: VToken, owner: Account, receiver: Account, *, tokens: int, rate: int
) -> None:
    """Burn vTokens and pay floor(tokens x exchange rate), which exceeds what was asked for by less than one vToken.

    Refuses: RedeemAmountIsZero; as `before_redeem`; RedeemTransferOutNotPossible, TransferExceedsBalance, Overflow.
    Models: VToken._redeemFresh.
    """
    amount = mul_wad_down(rate, tokens)
    require(amount != 0, RedeemAmountIsZero)
    before_redeem(pool, market, owner, tokens)
    settle_suppliers(pool, market, owner)
    require(sub(market.cash, market.total_reserves) >= amount, RedeemTransferOutNotPossible)
    market.total_supply = sub(market.total_supply, tokens)
    balance = sub(market.tokens[owner], tokens)
    market.tokens[owner] = balance
    pay_out(market, receiver, amount)
    pool.events.append((market.name, "Redeem", owner, amount, tokens, balance))


def redeem_tokens(pool: Comptroller, asset: str, owner: Account, receiver: Account, tokens: int) -> None:
    """Redeem a number of vTokens."""
    market = pool.accrued(asset)
    rate = exchange_rate(market)
    chosen = tokens or tokens_for_amount(0, rate)  # no tokens means an amount of 0
    redeem_fresh(pool, market, owner, receiver, tokens=chosen, rate=rate)


def redeem_amount(pool: Comptroller, asset: str, owner: Account, receiver: Account, amount: int) -> None:
    """Redeem for at least an amount of tokens."""
    market = pool.accrued(asset)
    rate = exchange_rate(market)
    redeem_fresh(pool, market, owner, receiver, tokens=tokens_for_amount(amount, rate), rate=rate)


@action(user=user(), asset=asset(), tokens=shares())
def redeem(pool: Comptroller, user: Account, asset: str, tokens: int) -> None:
    """Redeem vTokens.  Models: VToken.redeem."""
    redeem_tokens(pool, asset, user, user, tokens)


@action(user=user(), redeemer=user(), asset=asset(), tokens=shares())
def redeem_behalf(pool: Comptroller, user: Account, redeemer: Account, asset: str, tokens: int) -> None:
    """Redeem somebody else's vTokens, as a delegate who is paid.

    Refuses: DelegateNotApproved first.  Models: VToken.redeemBehalf.
    """
    require_delegate(pool, redeemer, user)
    redeem_tokens(pool, asset, redeemer, user, tokens)


@action(user=user(), asset=asset(), amount=tokens())
def redeem_underlying(pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """Redeem for at least an amount of tokens.  Models: VToken.redeemUnderlying."""
    redeem_amount(pool, asset, user, user, amount)


@action(user=user(), redeemer=user(), asset=asset(), amount=tokens())
def redeem_underlying_behalf(pool: Comptroller, user: Account, redeemer: Account, asset: str, amount: int) -> None:
    """Redeem somebody else's vTokens for an amount, as a delegate who is paid.

    Refuses: DelegateNotApproved first.  Models: VToken.redeemUnderlyingBehalf.
    """
    require_delegate(pool, redeemer, user)
    redeem_amount(pool, asset, redeemer, user, amount)


@action(user=user(), to=user(), asset=asset(), tokens=shares())
def transfer(pool: Comptroller, user: Account, to: Account, asset: str, tokens: int) -> None:
    """Give vTokens to another account; the market is not accrued.

    Refuses: ActionPaused; as `require_redeemable`; TransferNotAllowed, Overflow.  Models: VToken.transfer.
    """
    market = pool.markets[asset]
    require_open(market, Pausable.TRANSFER)
    require_redeemable(pool, market, user, tokens)
    settle_suppliers(pool, market, user, to)
    require(user != to, TransferNotAllowed)
    market.tokens[user] = sub(market.tokens[user], tokens)
    market.tokens[to] = add(market.tokens[to], tokens)


# --- borrowers -----------------------------------------------------------------------------------------------------


def borrow_fresh(pool: Comptroller, market: VToken, borrower: Account, receiver: Account, amount: int) -> None:
    """Lend tokens; an amount of 0 only rebases the stored principal.

    Refuses: as `before_borrow`; BorrowCashNotAvailable, TransferExceedsBalance, Overflow.
    Models: VToken._borrowFresh.
    """
    before_borrow(pool, market, borrower, amount)
    settle_borrower(pool, market, borrower)
    require(sub(market.cash, market.total_reserves) >= amount, BorrowCashNotAvailable)
    owed = add(borrow_balance(market, borrower), amount)
    set_debt(market, borrower, owed, add(market.total_borrows, amount))
    pay_out(market, receiver, amount)
    pool.events.append((market.name, "Borrow", borrower, amount, owed, market.total_borrows))


def set_debt(market: VToken, borrower: Account, owed: int, total: int) -> None:
    """Store a borrower's debt at the present index, and the debt of all."""
    market.principal[borrower] = owed
    market.interest_index[borrower] = market.borrow_index
    market.total_borrows = total


@action(user=user(), asset=asset(), amount=tokens())
def borrow(pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """Borrow tokens.  Models: VToken.borrow."""
    borrow_fresh(pool, pool.accrued(asset), user, user, amount)


@action(user=user(), borrower=user(), asset=asset(), amount=tokens())
def borrow_behalf(pool: Comptroller, user: Account, borrower: Account, asset: str, amount: int) -> None:
    """Borrow against somebody else's account, as a delegate who is paid.

    Refuses: DelegateNotApproved first.  Models: VToken.borrowBehalf.
    """
    require_delegate(pool, borrower, user)
    borrow_fresh(pool, pool.accrued(asset), borrower, user, amount)


def repay_fresh(pool: Comptroller, market: VToken, payer: Account, borrower: Account, amount: int) -> int:
    """Repay at most the debt; what was paid.

    Refuses: as `before_repay`; TransferExceedsBalance; Overflow where the debts of all are less than what is paid.
    Models: VToken._repayBorrowFresh.
    """
    before_repay(market)
    settle_borrower(pool, market, borrower)
    debt = borrow_balance(market, borrower)
    paid = min(amount, debt)
    take_in(market, payer, paid)
    set_debt(market, borrower, debt - paid, sub(market.total_borrows, paid))
    pool.events.append((market.name, "RepayBorrow", payer, borrower, paid, debt - paid, market.total_borrows))
    return paid


@action(user=user(), asset=asset(), amount=tokens())
def repay_borrow(pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """Repay one's debt.  Models: VToken.repayBorrow."""
    repay_fresh(pool, pool.accrued(asset), user, user, amount)


@action(user=user(), borrower=user(), asset=asset(), amount=tokens())
def repay_borrow_behalf(pool: Comptroller, user: Account, borrower: Account, asset: str, amount: int) -> None:
    """Repay somebody else's debt.  Models: VToken.repayBorrowBehalf."""
    repay_fresh(pool, pool.accrued(asset), user, borrower, amount)


# --- anybody -------------------------------------------------------------------------------------------------------


@action(by="environment", asset=asset())
def accrue_interest(pool: Comptroller, asset: str) -> None:
    """Bring a market to the present.  Models: VToken.accrueInterest."""
    pool.accrued(asset)


@action(user=user(), asset=asset(), amount=tokens())
def donate(pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """Send underlying tokens to a market, which counts them or not.

    Refuses: TransferExceedsBalance.  Models: ERC20.transfer.
    """
    move_underlying(pool.markets[asset], user, asset, amount)


@action(user=user(), asset=asset(), amount=tokens())
def add_reserves(pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """Give tokens to the reserves.  Refuses: TransferExceedsBalance.  Models: VToken.addReserves."""
    market = pool.accrued(asset)
    take_in(market, user, amount)
    market.total_reserves = add(market.total_reserves, amount)
    pool.events.append((asset, "ReservesAdded", user, amount, market.total_reserves))


@action(user=user(), asset=asset(), amount=tokens())
def reduce_reserves(pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """Send reserves to the protocol share reserve; nothing in a slot of an automatic sweep.

    Refuses: as `take_reserves`.  Models: VToken.reduceReserves.
    """
    market = pool.accrued(asset)
    if market.swept_at != pool.now:
        take_reserves(market, amount, pool.events)


@action(user=user(), asset=asset(), amount=tokens())
def bad_debt_recovered(pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """Count bad debt as paid, trusting that the tokens arrived.

    Refuses: OnlyShortfall, RecoveredTooMuch.  Models: VToken.badDebtRecovered.
    """
    market = pool.markets[asset]
    require(user == SHORTFALL, OnlyShortfall)
    old = market.bad_debt
    require(amount <= old, RecoveredTooMuch)
    market.bad_debt = old - amount
    if not market.counts_donations:
        market.internal_cash = add(market.internal_cash, amount)
    pool.events.append((asset, "BadDebtRecovered", old, market.bad_debt))


USER_ACTIONS: tuple[Action, ...] = (
    mint,
    mint_behalf,
    redeem,
    redeem_behalf,
    redeem_underlying,
    redeem_underlying_behalf,
    transfer,
    borrow,
    borrow_behalf,
    repay_borrow,
    repay_borrow_behalf,
    accrue_interest,
    donate,
    add_reserves,
    reduce_reserves,
    bad_debt_recovered,
)
"""What anybody does with a VToken, liquidations aside."""

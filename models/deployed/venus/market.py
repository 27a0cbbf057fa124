"""One market: a VToken with what the Comptroller keeps of it, its accrual, its exchange rate and its tokens.

Models: VToken.sol, and `markets`, the caps and the pauses of ComptrollerStorage.sol.
"""

from __future__ import annotations

from poolproof.models.deployed.word import MAX_UINT256, Overflow, add, mul, mul_div_down, mul_wad_down, sub
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Ledger, Record

from . import rates
from .rates import RateModel
from .refusals import (
    BorrowRateTooHigh,
    PriceError,
    ReduceReservesCashNotAvailable,
    ReduceReservesCashValidation,
    TransferExceedsBalance,
)

SHARE_RESERVE: Account = "psr"
"""The protocol share reserve, where reserves and the protocol's part of seizures go."""

Event = tuple[str | int | bool, ...]
"""Who emitted it, its name, its arguments."""


class VToken(Record):
    """The state of a market.

    Units: ``internal_cash``, ``total_borrows``, ``total_reserves``, ``bad_debt``, ``supply_cap``, ``borrow_cap``
    [tokens]; ``total_supply`` [vTokens]; ``borrow_index``, ``reserve_factor``, ``protocol_seize_share``,
    ``collateral_factor``, ``liquidation_threshold`` [wad]; ``accrued_at``, ``swept_at``, ``sweep_interval`` [slots];
    ``price`` [value x 1e18 per token, x 1e18].  ``paused`` has a bit for each action.
    Ledgers: ``tokens`` [vTokens]; ``principal`` [tokens] at ``interest_index`` [wad]; ``underlying`` [tokens], the
    balances of the underlying token, the market's own under its name.
    Constants: ``initial_exchange_rate`` [wad tokens per vToken]; ``max_borrow_rate`` [wad per slot];
    ``counts_donations``: cash is the market's token balance, as before 4.4.0.
    """

    scalars = (
        "internal_cash",
        "total_borrows",
        "total_reserves",
        "bad_debt",
        "total_supply",
        "borrow_index",
        "accrued_at",
        "swept_at",
        "sweep_interval",
        "reserve_factor",
        "protocol_seize_share",
        "rate_model",
        "price",
        "collateral_factor",
        "liquidation_threshold",
        "supply_cap",
        "borrow_cap",
        "paused",
        "listed",
        "forced_liquidation",
    )
    ledgers = ("tokens", "principal", "interest_index", "underlying")
    wallets = ("underlying",)
    __slots__ = (*scalars, *ledgers, "counts_donations", "initial_exchange_rate", "max_borrow_rate", "name")

    internal_cash: int
    total_borrows: int
    total_reserves: int
    bad_debt: int
    total_supply: int
    borrow_index: int
    accrued_at: int
    swept_at: int
    sweep_interval: int
    reserve_factor: int
    protocol_seize_share: int
    rate_model: RateModel
    price: int
    collateral_factor: int
    liquidation_threshold: int
    supply_cap: int
    borrow_cap: int
    paused: int
    listed: bool
    forced_liquidation: bool
    tokens: Ledger
    principal: Ledger
    interest_index: Ledger
    underlying: Ledger
    counts_donations: bool
    initial_exchange_rate: int
    max_borrow_rate: int
    name: str

    @property
    def cash(self) -> int:
        """The cash that the market counts.  Models: VToken._getCashPrior."""
        if self.counts_donations:
            held: int = self.underlying[self.name]
            return held
        return self.internal_cash

    def valued(self, account: Account, *, at_threshold: bool) -> tuple[int, int, int, int]:
        """The weighted price of a vToken; an account's collateral, weighted and not, and its debt [value x 1e18].

        Refuses: PriceError, Overflow.  Models: the loop of Comptroller._getHypotheticalLiquiditySnapshot.
        """
        debt, rate, price = borrow_balance(self, account), exchange_rate(self), self.price
        if price == 0:
            raise PriceError(self.name)
        held = self.tokens[account]
        token_price = mul_wad_down(rate, price)
        weight = self.liquidation_threshold if at_threshold else self.collateral_factor
        weighted_price = mul_wad_down(weight, token_price)
        weighted, collateral = mul_wad_down(weighted_price, held), mul_wad_down(token_price, held)
        return weighted_price, weighted, collateral, mul_wad_down(price, debt)


# --- what is read off a market -------------------------------------------------------------------------------------


def exchange_rate(market: VToken) -> int:
    """(cash + borrows + bad debt - reserves) x 1e18 / supply, rounded down [wad tokens per vToken].

    The initial rate at supply 0.  Refuses: Overflow where the reserves exceed the rest.
    Models: VToken._exchangeRateStored.
    """
    supply = market.total_supply
    if supply == 0:
        return market.initial_exchange_rate
    assets = market.cash + market.total_borrows + market.bad_debt
    if assets > MAX_UINT256:
        raise Overflow
    return mul_div_down(sub(assets, market.total_reserves), WAD, supply)


def borrow_balance(market: VToken, account: Account) -> int:
    """principal x index / index at the last change, rounded down [tokens].  Models: VToken._borrowBalanceStored."""
    principal: int = market.principal[account]
    if principal == 0:
        return 0
    return mul_div_down(principal, market.borrow_index, market.interest_index[account])


def borrow_rate(market: VToken) -> int:
    """The borrow rate at the stored values [wad per slot].  Models: VToken.borrowRatePerBlock."""
    curve = market.rate_model.curve
    return rates.borrow_rate(curve, market.cash, market.total_borrows, market.total_reserves, market.bad_debt)


def supply_rate(market: VToken) -> int:
    """The supply rate at the stored values [wad per slot].  Models: VToken.supplyRatePerBlock."""
    return rates.supply_rate(
        market.rate_model.curve,
        market.cash,
        market.total_borrows,
        market.total_reserves,
        market.bad_debt,
        market.reserve_factor,
    )


# --- accrual and reserves ------------------------------------------------------------------------------------------


def accrue(market: VToken, now: int, events: list[Event]) -> None:
    """Bring the market to the present: simple interest since the last accrual, and the sweep of the reserves if due.

    Every division rounds down.  Refuses: BorrowRateTooHigh, TransferExceedsBalance, Overflow, DivisionByZero.
    Models: VToken.accrueInterest.
    """
    if market.accrued_at == now:
        return
    cash, borrows, index = market.cash, market.total_borrows, market.borrow_index
    rate = borrow_rate(market)
    require(rate <= market.max_borrow_rate, BorrowRateTooHigh)
    factor = mul(rate, now - market.accrued_at)
    interest = mul_wad_down(factor, borrows)
    new_borrows = add(interest, borrows)
    new_reserves = add(mul_wad_down(market.reserve_factor, interest), market.total_reserves)
    new_index = add(mul_wad_down(factor, index), index)
    market.accrued_at = now
    market.borrow_index = new_index
    market.total_borrows = new_borrows
    market.total_reserves = new_reserves
    if now - market.swept_at >= market.sweep_interval:
        market.swept_at = now
        take_reserves(market, min(cash, new_reserves), events)
    events.append((market.name, "AccrueInterest", cash, interest, new_index, new_borrows))


def take_reserves(market: VToken, amount: int, events: list[Event]) -> None:
    """Send reserves to the protocol share reserve; nothing at all for an amount of 0.

    Refuses: ReduceReservesCashNotAvailable, ReduceReservesCashValidation, TransferExceedsBalance.
    Models: VToken._reduceReservesFresh.
    """
    if amount == 0:
        return
    require(market.cash >= amount, ReduceReservesCashNotAvailable)
    require(amount <= market.total_reserves, ReduceReservesCashValidation)
    market.total_reserves -= amount
    pay_out(market, SHARE_RESERVE, amount)
    events.append((market.name, "SpreadReservesReduced", SHARE_RESERVE, amount, market.total_reserves))


# --- the underlying token ------------------------------------------------------------------------------------------


def move_underlying(market: VToken, sender: Account, receiver: Account, amount: int) -> None:
    """Move underlying tokens.  Refuses: TransferExceedsBalance.  Models: ERC20._transfer, without a fee."""
    underlying = market.underlying
    held = underlying[sender]
    if amount > held:
        raise TransferExceedsBalance
    underlying[sender] = held - amount
    underlying[receiver] += amount


def take_in(market: VToken, payer: Account, amount: int) -> None:
    """Pull tokens from a payer, who allowed it.  Refuses: TransferExceedsBalance.  Models: VToken._doTransferIn."""
    move_underlying(market, payer, market.name, amount)
    if not market.counts_donations:
        market.internal_cash = add(market.internal_cash, amount)


def pay_out(market: VToken, receiver: Account, amount: int) -> None:
    """Pay tokens.  Refuses: Overflow where internal cash lacks, TransferExceedsBalance.  Models: VToken._doTransferOut."""
    if not market.counts_donations:
        market.internal_cash = sub(market.internal_cash, amount)
    move_underlying(market, market.name, receiver, amount)

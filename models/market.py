"""One market: suppliers' shares, borrowers' debt shares, reserves, and the cash that it accounts for.

The whole accounting is three sentences.  A debt is debt shares x an index.  The suppliers own
``assets = cash x WAD - reserves + debt_shares x index`` exactly, in units of 1/WAD of the smallest unit, and what is
owed to them over credit lines, or less what they owe over one.  A share is worth
``(assets + 1) / (supply + virtual_shares)``.  Each conversion below rounds for the market.

A market that lends over lines (``core_pool``) or draws on one (``credit_line``) is a market with the methods of
``Market`` filled in; here they do nothing.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from poolproof.spec.arithmetic import WAD, Number, div_down, div_up
from poolproof.spec.logic import least, may_skip
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Ledger, Record

from .oracle import Feed, collateral_price, fair_price
from .rates import RateModel, utilisation
from .refusals import InsufficientTokens, PriceMissing

Sign = Literal["any", "nonneg", "positive", "flag"]
"""What is known of a stored number, or that it is no number but true or false."""


class Market(Record):
    """The state of one market.

    Units: ``cash``, ``donated`` [tokens, in the asset's smallest unit]; ``reserves``, ``bad_debt`` [tokens x WAD];
    ``supply`` [shares]; ``debt_shares`` [debt shares]; ``index`` [tokens x WAD per debt share];
    ``accrued_at`` [slot]; ``ltv``, ``liquidation_threshold``, ``reserve_factor`` [wad];
    ``supply_cap``, ``borrow_cap`` [tokens]; ``max_rate`` [wad per slot].
    ``amount_limit`` [tokens] bounds the asset's token supply and the market's caps; it is declared, not stored.
    ``bad_debt`` and ``donated`` are records: no rule reads them.
    A number is never negative, unless ``signs`` says more or less of it.
    Ledgers: ``shares``, ``debts`` (debt shares), ``entered`` (whether the market counts for the account),
    ``tokens`` (balances of the asset, the market's own ``vault`` among them).
    """

    scalars: ClassVar[tuple[str, ...]] = (
        "cash",
        "donated",
        "reserves",
        "bad_debt",
        "supply",
        "debt_shares",
        "index",
        "accrued_at",
        "ltv",
        "liquidation_threshold",
        "reserve_factor",
        "supply_cap",
        "borrow_cap",
        "rates",
    )
    ledgers: ClassVar[tuple[str, ...]] = ("shares", "debts", "entered", "tokens")
    constants: ClassVar[tuple[str, ...]] = (
        "asset",
        "vault",
        "virtual_shares",
        "share_limit",
        "index_ceiling",
        "max_rate",
        "amount_limit",
    )
    signs: ClassVar[dict[str, Sign]] = {"index": "positive", "virtual_shares": "positive"}
    __slots__ = (*scalars, *ledgers, *constants, "feed")

    cash: Number
    donated: Number
    reserves: Number
    bad_debt: Number
    supply: Number
    debt_shares: Number
    index: Number
    accrued_at: Number
    ltv: Number
    liquidation_threshold: Number
    reserve_factor: Number
    supply_cap: Number
    borrow_cap: Number
    rates: RateModel
    shares: Ledger
    debts: Ledger
    entered: Ledger
    tokens: Ledger
    asset: str
    vault: Account
    virtual_shares: Number
    share_limit: Number
    index_ceiling: Number
    max_rate: Number
    amount_limit: Number
    feed: Feed

    across_lines: Number = 0
    """What suppliers are owed over credit lines, negative where they owe [tokens x WAD]."""
    lent: Number = 0
    """Principal that is out on credit lines [tokens]."""

    def surcharge(self, now: Number) -> Number:
        """What a credit line adds to the growth of the index since the last accrual [wad]."""
        return 0

    def book(self, interest: Number, elapsed: Number, now: Number) -> None:
        """Share out the interest of an accrual [tokens x WAD]: a part to the reserves, rounded down."""
        self.reserves += div_down(interest * self.reserve_factor, WAD)

    def absorb(self, loss: Number) -> Number:
        """Let the reserves pay a loss [tokens x WAD]; what they cannot pay is left to the suppliers."""
        from_reserves = least(self.reserves, loss)
        self.reserves -= from_reserves
        return loss - from_reserves

    def draw(self, amount: Number, now: Number) -> None:
        """Bring over a credit line what the cash lacks for paying an amount out."""

    def require_ceiling(self, debt: Number) -> None:
        """Refuse a debt of all borrowers [tokens x WAD] above the debt ceiling of a credit line."""

    def settle(self, now: Number) -> None:
        """Pay what a credit line is owed, after cash came in."""

    def pass_on_loss(self, now: Number) -> None:
        """Hand over to a credit line what of a loss exceeds the suppliers' assets."""


# --- what the market owns and owes -----------------------------------------------------------------------------


def suppliers_assets(market: Market) -> Number:
    """cash x WAD - reserves + debt_shares x index + what lines owe, exact [tokens x WAD]."""
    return market.cash * WAD - market.reserves + market.debt_shares * market.index + market.across_lines


def priced_assets(market: Market) -> Number:
    """The numerator of the share price: the suppliers' assets and one virtual 1/WAD of a unit [tokens x WAD]."""
    return market.cash * WAD - market.reserves + market.debt_shares * market.index + market.across_lines + 1


def priced_shares(market: Market) -> Number:
    """The denominator of the share price: the supply and the virtual shares [shares]."""
    return market.supply + market.virtual_shares


# --- conversions, each rounding for the market -----------------------------------------------------------------


def shares_for_deposit(market: Market, amount: Number) -> Number:
    """floor(amount / share price) [shares]."""
    return div_down(amount * WAD * priced_shares(market), priced_assets(market))


def shares_for_withdrawal(market: Market, amount: Number) -> Number:
    """ceil(amount / share price) [shares]."""
    return div_up(amount * WAD * priced_shares(market), priced_assets(market))


def tokens_for_shares(market: Market, shares: Number) -> Number:
    """floor(shares x share price) [tokens]."""
    return div_down(shares * priced_assets(market), priced_shares(market) * WAD)


def debt_shares_for_borrow(market: Market, amount: Number) -> Number:
    """ceil(amount / index) [debt shares]."""
    return div_up(amount * WAD, market.index)


def debt_shares_for_repayment(market: Market, amount: Number) -> Number:
    """floor(amount / index) [debt shares]."""
    return div_down(amount * WAD, market.index)


def tokens_for_debt(market: Market, debt_shares: Number) -> Number:
    """ceil(debt_shares x index) [tokens]."""
    return div_up(debt_shares * market.index, WAD)


def owed(market: Market, account: Account) -> Number:
    """What an account owes, in whole tokens, rounded up."""
    return tokens_for_debt(market, market.debts[account])


# --- value -----------------------------------------------------------------------------------------------------


def countable_assets(market: Market) -> Number:
    """The part of the priced assets that can count as collateral: at most the supply cap [tokens x WAD]."""
    return least(priced_assets(market), market.supply_cap * WAD)


def unit_value(market: Market, weight: Number, now: Number) -> Number:
    """floor(value of one share at a weight) [value]; the only rounding in an account's health."""
    price = collateral_price(market.feed, now)
    return div_down(countable_assets(market) * (price * weight), priced_shares(market) * WAD)


def unit_value_up(market: Market, now: Number) -> Number:
    """ceil(value of one share at full weight and the fair price) [value]; what a write-off must not underrate."""
    return div_up(priced_assets(market) * fair_price(market.feed, now), priced_shares(market))


# --- interest --------------------------------------------------------------------------------------------------


def used_share(market: Market) -> Number:
    """The market's utilisation [wad]."""
    return utilisation(market.cash * WAD, market.debt_shares * market.index + market.lent * WAD)


def borrow_rate(market: Market) -> Number:
    """The rate model's rate at the present utilisation, at most the declared maximum [wad per slot]."""
    return least(market.rates.borrow_rate(used_share(market)), market.max_rate)


def index_at(market: Market, now: Number) -> Number:
    """index + floor(index x (rate x slots + what a line adds)), at most the ceiling; rounds down for borrowers."""
    growth = borrow_rate(market) * (now - market.accrued_at) + market.surcharge(now)
    return least(market.index + div_down(market.index * growth, WAD), market.index_ceiling)


def accrue(market: Market, now: Number) -> None:
    """Charge simple interest since the last accrual and share it out; never refuses."""
    elapsed = now - market.accrued_at
    if may_skip(elapsed == 0):
        return
    index = index_at(market, now)
    market.book(market.debt_shares * (index - market.index), elapsed, now)
    market.index = index
    market.accrued_at = now


# --- tokens and prices -----------------------------------------------------------------------------------------


def pay(market: Market, payer: Account, receiver: Account, amount: Number) -> None:
    """Move tokens of the market's asset.  Refuses: InsufficientTokens."""
    held = market.tokens[payer]
    require(amount <= held, InsufficientTokens, amount, held, market.asset)
    market.tokens[payer] = held - amount
    market.tokens[receiver] += amount


def require_price(market: Market, now: Number) -> Number:
    """The market's fair price.  Refuses: PriceMissing."""
    price = fair_price(market.feed, now)
    require(price > 0, PriceMissing, market.asset)
    return price

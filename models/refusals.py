"""Why the reference system says no: one class a reason."""

from __future__ import annotations

from poolproof.spec.refusal import Refusal


class ZeroAmount(Refusal):
    """Nothing was asked for."""

    fields = ("asset",)
    text = 'an amount of zero in market "{asset}"; give a positive amount'


class InsufficientTokens(Refusal):
    """The payer does not hold the tokens."""

    fields = ("amount", "held", "asset")
    text = 'payment of {amount} exceeds the {held} held of "{asset}"; lower the amount'


class InsufficientShares(Refusal):
    """The account does not hold the shares."""

    fields = ("shares", "held", "asset")
    text = '{shares} shares exceed the {held} held in market "{asset}"; lower the amount'


class InsufficientCash(Refusal):
    """The market does not have the cash."""

    fields = ("amount", "cash", "asset")
    text = 'payout of {amount} exceeds cash {cash} in market "{asset}"; lower the amount or supply first'


class InsufficientReserves(Refusal):
    """The reserves are smaller than what is taken."""

    fields = ("amount", "reserves", "asset")
    text = 'taking {amount} exceeds the reserves {reserves} (x 1e18) of market "{asset}"; lower the amount'


class SupplyCapExceeded(Refusal):
    """The deposit would take the suppliers' assets above the cap."""

    fields = ("amount", "cap", "asset")
    text = 'deposit of {amount} takes market "{asset}" above its supply cap {cap}; lower the amount'


class BorrowCapExceeded(Refusal):
    """The borrow would take the debt above the cap."""

    fields = ("amount", "cap", "asset")
    text = 'borrow of {amount} takes market "{asset}" above its borrow cap {cap}; lower the amount'


class ShareLimitExceeded(Refusal):
    """The deposit would credit less than one share, or take the supply above the declared share limit."""

    fields = ("minted", "limit", "asset")
    text = 'a deposit that credits {minted} shares in market "{asset}" is outside 1 to the share limit {limit}'


class PriceMissing(Refusal):
    """A price that the decision depends on is zero or too old."""

    fields = ("asset",)
    text = 'no valid price of "{asset}"; wait for the oracle'


class InsufficientCollateral(Refusal):
    """After the action the account's debt would exceed its collateral at the loan-to-value."""

    fields = ("account", "margin")
    text = 'account "{account}" would lack {margin} of collateral at the loan-to-value; add collateral or ask less'


class AccountHealthy(Refusal):
    """Only an unhealthy account can be liquidated."""

    fields = ("account", "margin")
    text = 'account "{account}" is healthy by {margin} at the liquidation threshold'


class NotCollateral(Refusal):
    """The account has not entered the market whose shares are to be seized."""

    fields = ("account", "asset")
    text = 'account "{account}" does not use market "{asset}" as collateral; name one that it entered'


class NothingRepaid(Refusal):
    """The repayment does not burn a single debt share."""

    fields = ("amount", "asset")
    text = 'repaying {amount} in market "{asset}" burns no debt share; offer at least one debt share\'s value'


class SelfLiquidation(Refusal):
    """The liquidator is the borrower."""

    fields = ("account",)
    text = 'account "{account}" cannot liquidate itself; repay instead'


class DebtOutstanding(Refusal):
    """A market cannot be exited while the account owes in it."""

    fields = ("account", "asset")
    text = 'account "{account}" owes in market "{asset}"; repay first'


class NoDebt(Refusal):
    """There is no debt to record as bad."""

    fields = ("account",)
    text = 'account "{account}" owes nothing'


class Collectable(Refusal):
    """The debt can still be collected by liquidation."""

    fields = ("account", "collateral", "debt")
    text = 'account "{account}" has collateral worth {collateral} against a debt of {debt}; liquidate it first'


class OutsideRegion(Refusal):
    """A parameter would leave the admissible region."""

    fields = ("parameter", "value", "asset")
    text = '{parameter} = {value} of "{asset}" is outside the admissible region'


class CapBelowCounted(Refusal):
    """The supply cap would fall below what already counts as collateral."""

    fields = ("cap", "asset")
    text = 'supply cap {cap} of market "{asset}" is below what counts as collateral; the old cap already stops deposits'


class NoLine(Refusal):
    """The market draws on no credit line."""

    fields = ("asset",)
    text = 'market "{asset}" has no credit line; name one that has'


class LineFailed(Refusal):
    """A line whose loss reached the core draws no more."""

    fields = ("asset",)
    text = 'the credit line of market "{asset}" has failed; it draws again when nothing is owed'


class LineLimitExceeded(Refusal):
    """The draw would take the line above its limit, interest included."""

    fields = ("amount", "limit", "asset")
    text = 'a draw of {amount} takes the credit line of market "{asset}" above its limit {limit}; lower the amount'


class DebtCeilingExceeded(Refusal):
    """The borrow would take the debt against the pool above its ceiling."""

    fields = ("ceiling", "asset")
    text = 'the borrow takes the debt of market "{asset}" above its debt ceiling {ceiling}; lower the amount'


class CoreCashExceeded(Refusal):
    """The core pool does not have the cash."""

    fields = ("amount", "cash", "asset")
    text = 'a draw of {amount} exceeds the cash {cash} of the core market "{asset}"; lower the amount'


class LentLimitExceeded(Refusal):
    """The principal out on all lines of a core market would pass the declared amount limit."""

    fields = ("amount", "limit", "asset")
    text = 'a draw of {amount} takes what core market "{asset}" has lent above the amount limit {limit}'


class PrincipalExceeded(Refusal):
    """A line cannot pay back, or lose, more principal than it has out."""

    fields = ("amount", "principal", "asset")
    text = 'an amount of {amount} exceeds the principal {principal} of the credit line in market "{asset}"'


class FirstLossPledged(Refusal):
    """The first-loss reserve stays while the line owes something."""

    fields = ("asset",)
    text = 'the credit line of market "{asset}" owes something; its first-loss reserve is pledged until it is repaid'


class DifferentPools(Refusal):
    """The markets named belong to different pools."""

    fields = ("first", "second")
    text = 'markets "{first}" and "{second}" belong to different pools; name two of one pool'


class NotLent(Refusal):
    """A satellite's collateral is never lent."""

    fields = ("asset",)
    text = 'market "{asset}" takes collateral and lends nothing; borrow the loan asset of its pool'


class NotListed(Refusal):
    """The registry does not list the market."""

    fields = ("market",)
    text = 'market "{market}" is not listed; name one that is, or let the registry add it'


class AlreadyListed(Refusal):
    """A market is added once."""

    fields = ("market",)
    text = 'market "{market}" is listed already'


class AlreadyCreated(Refusal):
    """A pool is created once."""

    fields = ("pool",)
    text = 'pool "{pool}" was created already; name another'


class NotCreated(Refusal):
    """The registry does not know the pool."""

    fields = ("pool",)
    text = 'pool "{pool}" is not registered; create it first'


class NotApproved(Refusal):
    """The controller of the market's pool has not approved the market."""

    fields = ("market",)
    text = 'market "{market}" lacks the approval of its pool; approve it first'


class NoRateModel(Refusal):
    """The market has no rate model."""

    fields = ("market",)
    text = 'market "{market}" has no rate model; set one first'


class MarketInUse(Refusal):
    """Somebody has shares or debts in the market, a line is drawn or listed, or more than dust is left in it."""

    fields = ("market",)
    text = 'market "{market}" has shares, debts, lines or cash; it must be empty to be added or unlisted'


class NoRewards(Refusal):
    """The market has no rewards."""

    fields = ("market",)
    text = 'market "{market}" has no rewards; name one that has'


class NoRoute(Refusal):
    """No route leads from the collateral to the loan."""

    fields = ("collateral", "loan")
    text = (
        'no route leads from "{collateral}" to "{loan}"; name the collateral of a satellite and a loan of its main pool'
    )

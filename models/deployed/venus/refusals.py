"""Why the contracts revert: one class an error, named as the contract names it, its arguments as fields."""

from __future__ import annotations

from poolproof.models.deployed.word import Reason, Revert

# --- Comptroller ---------------------------------------------------------------------------------------------------


class ActionPaused(Revert):
    """An action is paused in a market."""

    fields = ("market", "action")
    text = 'action {action} is paused in market "{market}"'


class MarketNotListed(Revert):
    """A market is not listed, or a caller is no market."""

    fields = ("market",)
    text = '"{market}" is not listed'


class PriceError(Revert):
    """A market that counts has no price."""

    fields = ("market",)
    text = 'market "{market}" has no price'


class SupplyCapExceeded(Revert):
    """A mint would take the suppliers' assets above the cap."""

    fields = ("market", "cap")
    text = 'the supply cap {cap} of market "{market}" is exceeded'


class BorrowCapExceeded(Revert):
    """A borrow would take the debt above the cap."""

    fields = ("market", "cap")
    text = 'the borrow cap {cap} of market "{market}" is exceeded'


class InsufficientLiquidity(Revert):
    """The account would be short at the collateral factors."""

    text = "the account would be short at the collateral factors"


class InsufficientShortfall(Revert):
    """The account is not short at the liquidation thresholds."""

    text = "the account is not short at the liquidation thresholds"


class TooMuchRepay(Revert):
    """A liquidator repays more than may be closed."""

    text = "more is repaid than may be closed"


class NonzeroBorrowBalance(Revert):
    """The account owes in the market that it leaves."""

    text = "the account owes in this market"


class MinimalCollateralViolated(Revert):
    """The collateral is too small for a liquidation by parts."""

    fields = ("expected_greater_than", "actual")
    text = "a collateral of {actual} is not above {expected_greater_than}"


class CollateralExceedsThreshold(Revert):
    """The collateral is too large to be healed or liquidated at once."""

    fields = ("expected_at_most", "actual")
    text = "a collateral of {actual} is above {expected_at_most}"


class InsufficientCollateral(Revert):
    """The collateral does not pay the incentive on the whole debt."""

    fields = ("to_seize", "available")
    text = "a collateral of {available} does not exceed the {to_seize} to seize"


class MarketNotCollateral(Revert):
    """The account did not enter the market."""

    fields = ("market", "account")
    text = '"{account}" has not entered market "{market}"'


class DelegationStatusUnchanged(Revert):
    """The delegate has this status already."""

    text = "the delegate has this status already"


class InvalidCollateralFactor(Revert):
    """The collateral factor is above 0.95."""

    text = "the collateral factor is above 0.95"


class InvalidLiquidationThreshold(Revert):
    """The liquidation threshold is above 1 or below the collateral factor."""

    text = "the liquidation threshold is above 1 or below the collateral factor"


class BorrowActionNotPaused(Revert):
    """A market is taken off the list with BORROW open."""

    text = "BORROW is not paused"


class MintActionNotPaused(Revert):
    """A market is taken off the list with MINT open."""

    text = "MINT is not paused"


class RedeemActionNotPaused(Revert):
    """A market is taken off the list with REDEEM open."""

    text = "REDEEM is not paused"


class RepayActionNotPaused(Revert):
    """A market is taken off the list with REPAY open."""

    text = "REPAY is not paused"


class SeizeActionNotPaused(Revert):
    """A market is taken off the list with SEIZE open."""

    text = "SEIZE is not paused"


class EnterMarketActionNotPaused(Revert):
    """A market is taken off the list with ENTER_MARKET open."""

    text = "ENTER_MARKET is not paused"


class LiquidateActionNotPaused(Revert):
    """A market is taken off the list with LIQUIDATE open."""

    text = "LIQUIDATE is not paused"


class TransferActionNotPaused(Revert):
    """A market is taken off the list with TRANSFER open."""

    text = "TRANSFER is not paused"


class ExitMarketActionNotPaused(Revert):
    """A market is taken off the list with EXIT_MARKET open."""

    text = "EXIT_MARKET is not paused"


class BorrowCapIsNotZero(Revert):
    """A market is taken off the list with a borrow cap."""

    text = "the borrow cap is not 0"


class SupplyCapIsNotZero(Revert):
    """A market is taken off the list with a supply cap."""

    text = "the supply cap is not 0"


class CollateralFactorIsNotZero(Revert):
    """A market is taken off the list with a collateral factor."""

    text = "the collateral factor is not 0"


class CloseFactorTooLarge(Reason):
    """The close factor is above 0.9."""

    reason = "Close factor greater than maximum close factor"


class CloseFactorTooSmall(Reason):
    """The close factor is below 0.05."""

    reason = "Close factor smaller than minimum close factor"


class LiquidationIncentiveTooSmall(Reason):
    """The liquidation incentive is below 1."""

    reason = "liquidation incentive should be greater than 1e18"


class CannotPauseUnlisted(Reason):
    """A pause of a market that is not listed."""

    reason = "cannot pause a market that is not listed"


class NonzeroBalanceAfterLiquidation(Reason):
    """The orders left a debt."""

    reason = "Nonzero borrow balance after liquidation"


# --- VToken --------------------------------------------------------------------------------------------------------


class DelegateNotApproved(Revert):
    """The caller is no delegate of the account."""

    text = "the caller is no delegate of the account"


class RedeemTransferOutNotPossible(Revert):
    """The cash that is not reserves does not cover a redemption."""

    text = "the cash less the reserves does not cover the redemption"


class BorrowCashNotAvailable(Revert):
    """The cash that is not reserves does not cover a borrow."""

    text = "the cash less the reserves does not cover the borrow"


class HealBorrowUnauthorized(Revert):
    """Somebody else than the Comptroller heals a debt."""

    text = "only the Comptroller heals a debt"


class LiquidateLiquidatorIsBorrower(Revert):
    """The liquidator is the borrower."""

    text = "the liquidator is the borrower"


class LiquidateCloseAmountIsZero(Revert):
    """Nothing is repaid."""

    text = "nothing is repaid"


class LiquidateCloseAmountIsUintMax(Revert):
    """All is repaid by the largest word, which a liquidation does not take."""

    text = "a liquidation names its amount"


class LiquidateSeizeLiquidatorIsBorrower(Revert):
    """The account that is seized from is the one that receives."""

    text = "the account that is seized from is the one that receives"


class TransferNotAllowed(Revert):
    """A transfer to oneself."""

    text = "a transfer to oneself"


class ProtocolSeizeShareTooBig(Revert):
    """The protocol's share is larger than the incentive's bonus."""

    text = "the protocol's share exceeds the incentive's bonus"


class SetReserveFactorBoundsCheck(Revert):
    """The reserve factor is above 1."""

    text = "the reserve factor is above 1"


class ReduceReservesCashNotAvailable(Revert):
    """The cash does not cover the reserves that are taken."""

    text = "the cash does not cover the amount"


class ReduceReservesCashValidation(Revert):
    """More is taken than there are reserves."""

    text = "the reserves are smaller than the amount"


class BorrowRateTooHigh(Reason):
    """The borrow rate is above the market's maximum."""

    reason = "borrow rate is absurdly high"


class RedeemAmountIsZero(Reason):
    """A redemption would pay nothing."""

    reason = "redeemAmount is zero"


class SeizeTooMuch(Reason):
    """The borrower does not hold the collateral to seize."""

    reason = "LIQUIDATE_SEIZE_TOO_MUCH"


class OnlyShortfall(Reason):
    """Somebody else than the shortfall contract reports a recovery."""

    reason = "only shortfall contract can update bad debt"


class RecoveredTooMuch(Reason):
    """More is recovered than there is bad debt."""

    reason = "more than bad debt recovered from auction"


class InvalidInput(Reason):
    """An interval of zero slots."""

    reason = "Invalid Input"


class NoSuchFunction(Revert):
    """A contract has no function of the name that is called, and reverts without data."""

    text = "the contract has no such function"

    @property
    def error(self) -> tuple[str, tuple[str, ...]]:
        """What cannot be decoded, as it is returned: nothing."""
        return "Unknown", ("0x",)


# --- the underlying token ------------------------------------------------------------------------------------------


class TransferExceedsBalance(Reason):
    """The payer does not hold the tokens."""

    reason = "ERC20: transfer amount exceeds balance"

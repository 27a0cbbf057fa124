"""Credit lines: a market of an isolated pool that draws what its own cash lacks from a market of the core pool.

A line is a principal in whole tokens and an unrounded interest due, charged at the sum of the core's rates; nothing
couples it to another line.  Every inflow pays it at once, interest first, so that while something is owed there is
no cash.  A line whose loss reached the core has failed: it draws no more and owes no new interest, until nothing is
owed.
"""

from __future__ import annotations

from typing import ClassVar

from poolproof.spec.action import Action, action, asset, cap, rate, tokens, user
from poolproof.spec.arithmetic import WAD, Number, div_down, div_up
from poolproof.spec.logic import counts_if, greatest, least, negation, positive_part
from poolproof.spec.refusal import require
from poolproof.spec.state import Account

from .core_pool import CoreMarket, bear, collect, lend, note_debt, rate_sum_at
from .isolated_pool import TREASURY, Pool
from .market import Market, Sign, accrue, pay, suppliers_assets
from .refusals import DebtCeilingExceeded, FirstLossPledged, LineFailed, LineLimitExceeded, NoLine


class LinedMarket(Market):
    """The state of a market that draws on a credit line.

    Units: ``limit``, ``debt_ceiling``, ``principal``, ``first_loss`` [tokens]; ``due`` [tokens x WAD], interest,
    below zero by less than one token where a payment was rounded up; ``premium`` [wad per slot]; ``rate_sum_seen``
    [wad], the core's sum of rates at the last accrual; ``failed``.
    Records, which no rule reads: ``limit_at_draw`` [tokens]; ``taken`` [tokens], net cash taken from the core;
    ``lost`` [tokens], principal lost; ``paid`` [tokens], interest paid; ``charged``, ``cancelled`` [tokens x WAD],
    interest charged and interest cancelled by a loss.
    Constants: ``core``, the market that lends; ``line``, the name under which it knows this line;
    ``first_loss_vault``, the account that holds the first-loss reserve.
    """

    scalars = (
        *Market.scalars,
        "limit",
        "debt_ceiling",
        "premium",
        "principal",
        "due",
        "rate_sum_seen",
        "first_loss",
        "failed",
        "limit_at_draw",
        "taken",
        "lost",
        "paid",
        "charged",
        "cancelled",
    )
    constants = (*Market.constants, "line", "first_loss_vault")
    signs: ClassVar[dict[str, Sign]] = {**Market.signs, "due": "any", "taken": "any", "failed": "flag"}
    __slots__ = (
        "cancelled",
        "charged",
        "core",
        "debt_ceiling",
        "due",
        "failed",
        "first_loss",
        "first_loss_vault",
        "limit",
        "limit_at_draw",
        "line",
        "lost",
        "paid",
        "premium",
        "principal",
        "rate_sum_seen",
        "taken",
    )

    limit: Number
    debt_ceiling: Number
    premium: Number
    principal: Number
    due: Number
    rate_sum_seen: Number
    first_loss: Number
    failed: bool
    limit_at_draw: Number
    taken: Number
    lost: Number
    paid: Number
    charged: Number
    cancelled: Number
    core: CoreMarket
    line: Account
    first_loss_vault: Account

    @property
    def across_lines(self) -> Number:
        """Less what is owed on the line, exactly [tokens x WAD]."""
        return -(self.principal * WAD + self.due)

    def surcharge(self, now: Number) -> Number:
        """What borrowers pay on top of the pool's own rate: the core's rate and the premium [wad]."""
        return rate_sum_at(self.core, now) - self.rate_sum_seen + self.premium * (now - self.accrued_at)

    def book(self, interest: Number, elapsed: Number, now: Number) -> None:
        """Share out interest: to the line what it charges, to the suppliers what they earn, the rest to the reserves."""
        charged, earned = self.shares_of_interest(interest, now)
        self.rate_sum_seen = rate_sum_at(self.core, now)
        self.due += charged
        self.charged += charged
        self.reserves += interest - charged - earned

    def shares_of_interest(self, interest: Number, now: Number) -> tuple[Number, Number]:
        """What the line charges and what the suppliers earn of an interest [tokens x WAD].

        The line: principal x core rate x slots, at most the interest, and nothing where it has failed.  Suppliers:
        floor(interest less the reserves' factor x debt that they fund / debt), at most what the line leaves.
        """
        rate = rate_sum_at(self.core, now) - self.rate_sum_seen
        charged = counts_if(negation(self.failed), least(self.principal * rate, interest))
        debt = self.debt_shares * self.index
        funded = positive_part(debt - self.principal * WAD)
        kept = div_down(interest * self.reserve_factor, WAD)
        earned = div_down((interest - kept) * funded, greatest(debt, 1))
        return charged, least(earned, interest - charged)

    def draw(self, amount: Number, now: Number) -> None:
        """Draw what the cash lacks.  Refuses: LineFailed, LineLimitExceeded, CoreCashExceeded, LentLimitExceeded."""
        lack = positive_part(amount - self.cash)
        if lack == 0:
            return
        require(negation(self.failed), LineFailed, self.asset)
        require(owed_on_line(self) + lack <= self.limit, LineLimitExceeded, lack, self.limit, self.asset)
        lend(self.core, self.line, self.vault, lack, now)
        self.cash += lack
        self.principal += lack
        self.limit_at_draw = self.limit
        self.taken += lack

    def require_ceiling(self, debt: Number) -> None:
        """Refuse a debt of all borrowers above the ceiling.  Refuses: DebtCeilingExceeded."""
        require(debt <= self.debt_ceiling * WAD, DebtCeilingExceeded, self.debt_ceiling, self.asset)

    def settle(self, now: Number) -> None:
        """Pay the line all that is owed, or all the cash: interest first, then principal."""
        payment = least(self.cash, owed_on_line(self))
        if payment == 0:
            return
        interest = least(payment, interest_owed(self))
        self.cash -= payment
        self.due -= interest * WAD
        self.principal -= payment - interest
        self.paid += interest
        self.taken -= payment
        collect(self.core, self.line, self.vault, payment - interest, interest, now)
        self._close_where_nothing_is_owed()

    def pass_on_loss(self, now: Number) -> None:
        """Let the line bear what exceeds the suppliers' assets: interest due is cancelled, then principal is lost."""
        gap = positive_part(-suppliers_assets(self))
        if gap == 0:
            return
        cancelled = least(gap, positive_part(self.due))
        lost = div_up(gap - cancelled, WAD)
        from_first_loss = least(lost, self.first_loss)
        self.due -= cancelled
        self.cancelled += cancelled
        self.principal -= lost
        self.lost += lost
        self.first_loss -= from_first_loss
        self.failed = True
        if lost > 0:
            bear(self.core, self.line, self.first_loss_vault, lost, from_first_loss, now)
        self._close_where_nothing_is_owed()

    def _close_where_nothing_is_owed(self) -> None:
        """A line that owes nothing is no longer listed by the core, nor failed."""
        owing = owed_on_line(self) > 0
        note_debt(self.core, self.line, owing=owing)
        self.failed = self.failed & owing


def interest_owed(market: LinedMarket) -> Number:
    """Interest due on a line in whole tokens, rounded up [tokens]."""
    return div_up(positive_part(market.due), WAD)


def owed_on_line(market: LinedMarket) -> Number:
    """Principal and interest due, in whole tokens [tokens]."""
    return market.principal + interest_owed(market)


def lined(pool: Pool, asset: str) -> LinedMarket:
    """A market that draws on a line.  Refuses: NoLine."""
    market = pool.markets[asset]
    require(isinstance(market, LinedMarket), NoLine, asset)
    assert isinstance(market, LinedMarket)  # noqa: S101 - for the type checker
    return market


# --- actions ---------------------------------------------------------------------------------------------------


@action(user=user(), asset=asset(), amount=tokens())
def fund_first_loss(pool: Pool, user: Account, asset: str, amount: Number) -> None:
    """Give tokens to the reserve that pays first when the line loses principal.  Refuses: NoLine, InsufficientTokens."""
    market = lined(pool, asset)
    pay(market, user, market.first_loss_vault, amount)
    market.first_loss += amount


@action(by="governance", asset=asset(), amount=tokens())
def take_first_loss(pool: Pool, asset: str, amount: Number) -> None:
    """Pay the first-loss reserve to the treasury, while the line owes nothing.

    Refuses: NoLine, FirstLossPledged, InsufficientTokens.
    """
    market = lined(pool, asset)
    accrue(market, pool.now)
    require(owed_on_line(market) == 0, FirstLossPledged, asset)
    pay(market, market.first_loss_vault, TREASURY, amount)
    market.first_loss -= amount


@action(by="governance", asset=asset(), limit=cap())
def set_line_limit(pool: Pool, asset: str, limit: Number) -> None:
    """Change a line's limit; below what is owed it stops draws and nothing else.  Refuses: NoLine."""
    lined(pool, asset).limit = limit


@action(by="governance", asset=asset(), debt_ceiling=cap())
def set_debt_ceiling(pool: Pool, asset: str, debt_ceiling: Number) -> None:
    """Change the debt ceiling of a market with a line.  Refuses: NoLine."""
    lined(pool, asset).debt_ceiling = debt_ceiling


@action(by="governance", asset=asset(), premium=rate())
def set_line_premium(pool: Pool, asset: str, premium: Number) -> None:
    """Change the risk premium, from now on.  Refuses: NoLine."""
    market = lined(pool, asset)
    accrue(market, pool.now)
    market.premium = premium


LINE_ACTIONS: tuple[Action, ...] = (
    fund_first_loss,
    take_first_loss,
    set_line_limit,
    set_debt_ceiling,
    set_line_premium,
)
"""What can happen to a line itself; it is drawn and paid by the actions of the pool."""

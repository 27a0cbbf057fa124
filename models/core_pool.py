"""The core pool: markets with their own suppliers and borrowers, which also lend over credit lines.

A line is one entry of the ledger ``drawn``: the principal that an isolated pool has out.  Suppliers count the
principal and nothing else: interest on a line is income when it is paid, and is then released to them over a period,
because an income that came all at once could be entered, triggered and left in one instant.

The four functions at the end are all that an isolated pool can do to the core pool.
"""

from __future__ import annotations

from poolproof.spec.arithmetic import WAD, Number, div_down
from poolproof.spec.logic import Condition, least
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Journal, Ledger

from .market import Market, accrue, borrow_rate
from .refusals import CoreCashExceeded

ACCUMULATOR_CEILING = 2**100
"""Where the sum of core rates stops growing [wad]."""


class CoreMarket(Market):
    """The state of a market of the core pool.

    Units: ``lent`` [tokens], principal that is out on all lines; ``unreleased`` [tokens x WAD], line interest that was
    paid and is not yet the suppliers'; ``rate_sum`` [wad], the sum of rate x slots since the listing.
    Records, which no rule reads: ``collected``, ``released``, ``kept`` [tokens x WAD]: line interest that was paid,
    that became the suppliers', that became reserves.
    Ledgers, by line: ``drawn`` [tokens], ``indebted`` (whether the line owes anything, interest included).
    """

    scalars = (*Market.scalars, "lent", "unreleased", "rate_sum", "collected", "released", "kept")
    ledgers = (*Market.ledgers, "drawn", "indebted")
    constants = (*Market.constants, "release_period")
    __slots__ = (
        "collected",
        "drawn",
        "indebted",
        "journal",
        "kept",
        "lent",
        "rate_sum",
        "release_period",
        "released",
        "unreleased",
    )

    lent: Number
    unreleased: Number
    rate_sum: Number
    collected: Number
    released: Number
    kept: Number
    release_period: Number
    drawn: Ledger
    indebted: Ledger
    journal: Journal

    @property
    def across_lines(self) -> Number:
        """Principal that is out, less interest not yet released [tokens x WAD]."""
        return self.lent * WAD - self.unreleased

    def book(self, interest: Number, elapsed: Number, now: Number) -> None:
        """Share out interest, remember the rate that lines are charged, and release what they paid.

        released = floor(unreleased x slots / release period), a part of it to the reserves, rounded down.
        """
        self.reserves += div_down(interest * self.reserve_factor, WAD)
        self.rate_sum = rate_sum_at(self, now)
        released = div_down(self.unreleased * least(elapsed, self.release_period), self.release_period)
        kept = div_down(released * self.reserve_factor, WAD)
        self.unreleased -= released
        self.reserves += kept
        self.released += released - kept
        self.kept += kept


def rate_sum_at(core: CoreMarket, now: Number) -> Number:
    """The sum of rate x slots at a later time, read without accruing [wad]."""
    return least(core.rate_sum + borrow_rate(core) * (now - core.accrued_at), ACCUMULATOR_CEILING)


# --- what an isolated pool can do to the core pool -------------------------------------------------------------


def lend(core: CoreMarket, line: Account, amount: Number, now: Number) -> None:
    """Let principal out over a line.  Refuses: CoreCashExceeded."""
    core.journal.save(core)
    accrue(core, now)
    require(amount <= core.cash, CoreCashExceeded, amount, core.cash, core.asset)
    core.cash -= amount
    core.lent += amount
    core.drawn[line] += amount
    note_debt(core, line, owing=True)


def collect(core: CoreMarket, line: Account, principal: Number, interest: Number, now: Number) -> None:
    """Take a payment of a line in: principal comes back, interest waits for its release."""
    core.journal.save(core)
    accrue(core, now)
    core.cash += principal + interest
    core.lent -= principal
    core.drawn[line] -= principal
    core.unreleased += interest * WAD
    core.collected += interest * WAD


def bear(core: CoreMarket, line: Account, lost: Number, first_loss: Number, now: Number) -> None:
    """Lose principal: the line's first-loss reserve pays, then the core's reserves, then its suppliers."""
    core.journal.save(core)
    accrue(core, now)
    core.cash += first_loss
    core.lent -= lost
    core.drawn[line] -= lost
    loss = (lost - first_loss) * WAD
    from_reserves = least(core.reserves, loss)
    core.reserves -= from_reserves
    core.bad_debt += loss - from_reserves


def note_debt(core: CoreMarket, line: Account, *, owing: Condition) -> None:
    """List a line as indebted, or no longer."""
    core.indebted[line] = owing

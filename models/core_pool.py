"""The core pool: markets with their own suppliers and borrowers, which also lend over credit lines.

A line is one entry of the ledger ``drawn``: the principal that an isolated pool has out.  Suppliers count the
principal and nothing else: interest on a line is income when it is paid, and is then released to them over a period,
because an income that came all at once could be entered, triggered and left in one instant.

Four functions are all that an isolated pool can do to the core pool.
"""

from __future__ import annotations

from typing import ClassVar, cast

from poolproof.spec.action import Action, action, asset, line, tokens, user
from poolproof.spec.arithmetic import WAD, Number, div_down
from poolproof.spec.logic import Condition, least
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Journal, Ledger

from .isolated_pool import Pool
from .market import Market, Sign, accrue, borrow_rate, pay
from .refusals import CoreCashExceeded, LentLimitExceeded, PrincipalExceeded

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
    signs: ClassVar[dict[str, Sign]] = {**Market.signs, "release_period": "positive"}
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

    def absorb(self, loss: Number) -> Number:
        """Let the reserves pay a loss [tokens x WAD], and then the interest that waits for its release."""
        left = super().absorb(loss)
        released = least(self.unreleased, left)
        self.unreleased -= released
        self.released += released
        return left - released


def rate_sum_at(core: CoreMarket, now: Number) -> Number:
    """The sum of rate x slots at a later time, read without accruing [wad]."""
    return least(core.rate_sum + borrow_rate(core) * (now - core.accrued_at), ACCUMULATOR_CEILING)


# --- what an isolated pool can do to the core pool -------------------------------------------------------------


def lend(core: CoreMarket, line: Account, receiver: Account, amount: Number, now: Number) -> None:
    """Let principal out over a line.  Refuses: CoreCashExceeded, LentLimitExceeded, InsufficientTokens."""
    core.journal.save(core)
    accrue(core, now)
    require(amount <= core.cash, CoreCashExceeded, amount, core.cash, core.asset)
    within_limit = core.lent + amount <= core.amount_limit
    require(within_limit, LentLimitExceeded, amount, core.amount_limit, core.asset)
    pay(core, core.vault, receiver, amount)
    core.cash -= amount
    core.lent += amount
    core.drawn[line] += amount
    note_debt(core, line, owing=True)


def collect(core: CoreMarket, line: Account, payer: Account, principal: Number, interest: Number, now: Number) -> None:
    """Take a payment of a line in: principal comes back, interest waits for its release.  Refuses: InsufficientTokens."""
    core.journal.save(core)
    accrue(core, now)
    pay(core, payer, core.vault, principal + interest)
    core.cash += principal + interest
    core.lent -= principal
    core.drawn[line] -= principal
    core.unreleased += interest * WAD
    core.collected += interest * WAD


def bear(core: CoreMarket, line: Account, insurer: Account, lost: Number, insured: Number, now: Number) -> None:
    """Lose principal: the line's first-loss reserve pays, then the core's reserves and waiting interest, then suppliers.

    ``insurer`` is the account of the first-loss reserve.  Refuses: InsufficientTokens.
    """
    core.journal.save(core)
    accrue(core, now)
    pay(core, insurer, core.vault, insured)
    core.cash += insured
    core.lent -= lost
    core.drawn[line] -= lost
    core.bad_debt += core.absorb((lost - insured) * WAD)


def note_debt(core: CoreMarket, line: Account, *, owing: Condition) -> None:
    """List a line as indebted, or no longer."""
    core.indebted[line] = owing


# --- the same as steps of the core pool's own ------------------------------------------------------------------


@action(by="line", line=line(), receiver=user(), asset=asset(), amount=tokens())
def line_draws(pool: Pool, line: Account, receiver: Account, asset: str, amount: Number) -> None:
    """An isolated pool draws.  Refuses: CoreCashExceeded, LentLimitExceeded, InsufficientTokens."""
    lend(core_market(pool, asset), line, receiver, amount, pool.now)


@action(by="line", line=line(), payer=user(), asset=asset(), principal=tokens(), interest=tokens())
def line_pays(pool: Pool, line: Account, payer: Account, asset: str, principal: Number, interest: Number) -> None:
    """An isolated pool pays, at most the principal that it has out.  Refuses: PrincipalExceeded, InsufficientTokens."""
    core = core_market(pool, asset)
    require(principal <= core.drawn[line], PrincipalExceeded, principal, core.drawn[line], asset)
    collect(core, line, payer, principal, interest, pool.now)


@action(by="line", line=line(), insurer=user(), asset=asset(), lost=tokens(), insured=tokens())
def line_fails(pool: Pool, line: Account, insurer: Account, asset: str, lost: Number, insured: Number) -> None:
    """An isolated pool loses principal, at most what it has out.  Refuses: PrincipalExceeded, InsufficientTokens."""
    core = core_market(pool, asset)
    require(lost <= core.drawn[line], PrincipalExceeded, lost, core.drawn[line], asset)
    require(insured <= lost, PrincipalExceeded, insured, lost, asset)
    bear(core, line, insurer, lost, insured, pool.now)


def core_market(pool: Pool, asset: str) -> CoreMarket:
    """A market of a core pool."""
    return cast("CoreMarket", pool.markets[asset])


FLOWS: tuple[Action, ...] = (line_draws, line_pays, line_fails)
"""What an isolated pool's actions do to the core pool, as steps of the core pool."""

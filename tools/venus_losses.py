"""Who gains and who loses by what a trace of the Venus model ends in: wealth before and after, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from poolproof.invariants.deployed.venus.measures import exact_margin
from poolproof.models.deployed.venus.build import ACTIONS as DEPLOYED
from poolproof.models.deployed.venus.governance import pass_time
from poolproof.models.deployed.venus.market import SHARE_RESERVE, VToken, exchange_rate
from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.refusals import PriceError
from poolproof.models.deployed.venus.registry import support_market_again
from poolproof.models.deployed.venus.rewards import REWARD_ACTIONS
from poolproof.models.deployed.venus.users import accrue_interest
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.traces import Call
from poolproof.proofs.trial import ConcreteTrial
from poolproof.spec.action import Action, perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

DOLLAR = WAD * WAD
"""A dollar, as a price times an amount has it."""
OF_TIME = (pass_time, accrue_interest)
"""What brings interest: compared with the state as it was stored before it."""
RESERVES, SUPPLIERS, UNCOVERED = "the reserves", "the suppliers together", "suppliers' claims that nothing covers"


def worth(market: VToken, account: Account) -> Fraction:
    """Tokens + vTokens at the exact exchange rate - the exact debt [tokens]."""
    total = Fraction(market.underlying[account])
    if market.tokens[account]:
        total += Fraction(market.tokens[account] * supplied(market), market.total_supply)
    if market.principal[account]:
        total -= Fraction(market.principal[account] * market.borrow_index, market.interest_index[account])
    return total


def supplied(market: VToken) -> int:
    """cash + debt + bad debt - reserves [tokens]: what vTokens together stand for, collectable or not."""
    return market.cash + market.total_borrows + market.bad_debt - market.total_reserves if market.total_supply else 0


def uncovered(market: VToken) -> Fraction:
    """What suppliers are shown beyond cash and good debt less reserves [tokens]."""
    good = market.cash + market.total_borrows - market.total_reserves
    return max(Fraction(exchange_rate(market) * market.total_supply, WAD) - good, Fraction(0))


def in_dollars(pool: Comptroller, amount: Callable[[VToken], Fraction | int]) -> Fraction:
    """The value of an amount in every market, at the pool's prices [dollars]."""
    return sum((Fraction(amount(market)) * market.price for market in markets(pool)), Fraction(0)) / DOLLAR


def markets(pool: Comptroller) -> Iterator[VToken]:
    """The markets of a pool."""
    yield from (pool.seen(name) for name in pool.markets)


def wealth_of(pool: Comptroller, account: Account) -> Fraction:
    """What an account has and owes in all markets [dollars]."""
    return in_dollars(pool, lambda market: worth(market, account))


def balance(pool: Comptroller) -> dict[str, Fraction]:
    """What every party has: each account, the suppliers together, the reserves; and what nothing covers [dollars]."""
    wealth = {account: wealth_of(pool, account) for account in pool.users}
    wealth["the share reserve"] = wealth_of(pool, SHARE_RESERVE)
    short = {f"what {account} lacks to be healthy": lacking(pool, account) for account in pool.users}
    together = {RESERVES: lambda market: market.total_reserves, UNCOVERED: uncovered}
    return wealth | short | {party: in_dollars(pool, amount) for party, amount in together.items()}


def lacking(pool: Comptroller, account: Account) -> Fraction:
    """What an account's collateral lacks at the thresholds, nothing rounded; 0 where a price is missing [dollars]."""
    try:
        margin = exact_margin(pool, account, at_threshold=True)
    except PriceError:
        return Fraction(0)
    return max(
        -sum((Fraction(above, below) for above, below in margin.parts), Fraction(0)) / (DOLLAR * WAD), Fraction(0)
    )


def share_price_effect(old: Comptroller, new: Comptroller) -> Fraction:
    """What the vTokens that are there before and after are worth more, at the prices after it [dollars]."""
    total = Fraction(0)
    for market in markets(new):
        before = old.seen(market.name)
        staying = min(before.total_supply, market.total_supply)
        if staying:
            rise = Fraction(supplied(market), market.total_supply) - Fraction(supplied(before), before.total_supply)
            total += rise * staying * market.price
    return total / DOLLAR


def changes(old: Comptroller, new: Comptroller) -> dict[str, Fraction]:
    """What each party has more, or less, than before; those with a change alone [dollars]."""
    before, after = balance(old), balance(new)
    found = {party: after[party] - had for party, had in before.items() if after[party] != had}
    risen = share_price_effect(old, new)
    return found | ({SUPPLIERS: risen} if risen else {})


def rewards(pool: Comptroller) -> dict[Account, int]:
    """What every account was paid and is owed of rewards [reward tokens]."""
    found: dict[Account, int] = {}
    for name in pool.distributors:
        of = pool.distributors[name]
        for account in pool.users:
            found[account] = found.get(account, 0) + of.balances[account] + of.accrued[account]
    return found


def accrued(pool: Comptroller, now: int) -> Comptroller:
    """A copy in which every market is at an instant."""
    copied: Comptroller = copy_state(pool)
    for market in markets(copied):
        VENUS.accrue(copied.markets[market.name], now)
    return copied


def by_last_step(pool: Comptroller, calls: Sequence[Call]) -> dict[str, Fraction]:
    """What the last call changed, interest up to its own instant aside unless it is what brings it [dollars]."""
    old = pool
    for action, arguments in calls:
        old = copy_state(pool)
        perform(pool, action, arguments)
    if not calls or calls[-1][0] in OF_TIME:
        return changes(old, pool)
    return changes(accrued(old, pool.now), accrued(pool, pool.now))


# --- the scenario at the end ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """An action of a scenario: on which copy of the state, how it ended, and what it changed [dollars]."""

    copy: int
    action: Action
    arguments: tuple[Any, ...]
    refusal: Refusal | None
    changed: dict[str, Fraction] = field(default_factory=dict)
    rewarded: dict[str, int] = field(default_factory=dict)
    """What accounts got of rewards [reward tokens]."""


class Noting(ConcreteTrial):
    """Runs a scenario, and keeps what it did."""

    def __init__(self) -> None:
        super().__init__(VENUS)
        self.done: list[Done] = []
        self._copies: list[Any] = []

    def copy(self, state: Any) -> Any:
        """A copy, which is counted."""
        copied = super().copy(state)
        self._copies.append(copied)
        return copied

    def do(self, state: Any, action: Action, *arguments: Any) -> Refusal | None:
        """Carry an action out."""
        return self._noted(state, action, arguments, lambda: super(Noting, self).do(state, action, *arguments))

    def attempt(self, state: Any, part: Callable[..., None], *arguments: Any) -> Refusal | None:
        """Carry out what an action runs."""
        action = next(each for each in (*DEPLOYED, *REWARD_ACTIONS, support_market_again) if each.run is part)
        return self._noted(state, action, arguments, lambda: super(Noting, self).attempt(state, part, *arguments))

    def _noted(
        self, state: Any, action: Action, arguments: tuple[Any, ...], run: Callable[[], Refusal | None]
    ) -> Refusal | None:
        """Run, and compare."""
        before = copy_state(state)
        refusal = run()
        place = next((number for number, copied in enumerate(self._copies) if copied is state), 0)
        changed = {} if refusal is not None or action in OF_TIME else self._changed(before, state)
        had = rewards(before)
        got = {account: now - had.get(account, 0) for account, now in rewards(state).items()}
        rewarded = {account: more for account, more in got.items() if more}
        self.done.append(Done(place, action, arguments, refusal, changed, rewarded))
        return refusal

    @staticmethod
    def _changed(before: Any, after: Any) -> dict[str, Fraction]:
        """What changed within the instant."""
        return changes(accrued(before, after.now), accrued(after, after.now))

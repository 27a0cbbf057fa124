"""RATE: interest is bounded, monotone, and charged exactly once."""

from __future__ import annotations

from typing import Any

from poolproof.models.isolated_pool import ACTIONS, accrue_interest
from poolproof.models.market import Market, accrue, borrow_rate, used_share
from poolproof.models.rates import JumpRate, WhitePaperRate
from poolproof.spec.action import Action, asset, factor, rate, slots, tokens
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Invariant, Step, Trial
from poolproof.spec.logic import Condition, greatest, least
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, HORIZON, REGION
from .measures import assets, debt, rate_over_line, released, same

RATE_1 = CATALOGUE.declare(
    "RATE-1",
    "utilisation stays within [0, 1]",
    "state",
    why="a utilisation above 1 is a rate beyond the model's design",
)


@RATE_1.state()
def utilisation_is_a_fraction(pool: Any, market: Market) -> Condition:
    """0 <= utilisation <= WAD."""
    used = used_share(market)
    return (used >= 0) & (used <= WAD)


@RATE_1.state()
def utilisation_is_debt_over_cash_and_debt(pool: Any, market: Market) -> Condition:
    """utilisation = floor(debt x WAD / (cash + debt)), 0 where there is neither; principal lent is debt."""
    lent = debt(market) + market.lent * WAD
    used, whole = used_share(market), market.cash * WAD + lent
    return (used * whole <= lent * WAD) & ((used + 1) * whole >= lent * WAD)


RATE_2 = CATALOGUE.declare(
    "RATE-2",
    "the borrow rate never falls as utilisation rises, and stays below its declared maximum",
    "two-run",
    why="a rate that falls when cash gets scarce invites the run that it should prevent",
    assuming=(REGION,),
)


@RATE_2.scenario(base=rate(), multiplier=rate(), jump=rate(), kink=factor(WAD), low=factor(WAD), high=factor(WAD))
def the_rate_rises_with_utilisation(
    trial: Trial,
    pool: Any,
    base: Number,
    multiplier: Number,
    jump: Number,
    kink: Number,
    low: Number,
    high: Number,
) -> None:
    """low <= high implies rate(low) <= rate(high), for both kinds of rate model."""
    trial.assume(low <= high)
    below, above = (least(low, kink), least(high, kink)), (greatest(low - kink, 0), greatest(high - kink, 0))
    for (smaller, larger), slope in ((below, multiplier), (above, jump), ((low, high), multiplier)):
        trial.claim(smaller <= larger, "each part of the utilisation rises")
        trial.claim(smaller * slope <= larger * slope, "and so does its product with the slope")
        trial.claim(smaller * slope // WAD <= larger * slope // WAD, "rounded too")
    for model in (JumpRate(base, multiplier, jump, kink), WhitePaperRate(base, multiplier)):
        trial.claim(model.borrow_rate(low) <= model.borrow_rate(high), "the rate does not fall")
        trial.claim(model.borrow_rate(low) >= base, "the rate is at least the base rate")


@RATE_2.state()
def the_rate_stays_below_its_maximum(pool: Any, market: Market) -> Condition:
    """0 <= borrow rate <= declared maximum."""
    charged = borrow_rate(market)
    return (charged >= 0) & (charged <= market.max_rate)


RATE_3 = CATALOGUE.declare(
    "RATE-3",
    "the borrow index never falls, and grows by at most rate x time",
    "step",
    why="a borrower owes what was agreed: never less than before, never more than the rate",
    assuming=(HORIZON,),
)


@RATE_3.step()
def the_index_grows_by_at_most_the_rate(step: Step, old: Market, new: Market) -> Condition:
    """0 <= (index' - index) x WAD <= index x (rate x elapsed + what a line adds), at the rate before the action."""
    elapsed = new.accrued_at - old.accrued_at
    growth = new.index - old.index
    return (growth >= 0) & (growth * WAD <= old.index * (borrow_rate(old) * elapsed + rate_over_line(old, new)))


@RATE_3.scenario(base=rate(), multiplier=rate(), jump=rate(), kink=factor(WAD), used=factor(WAD))
def the_rate_is_at_most_its_line(
    trial: Trial, pool: Any, base: Number, multiplier: Number, jump: Number, kink: Number, used: Number
) -> None:
    """rate x WAD <= base x WAD + utilisation x slope, and short of it by less than one unit for each slope."""
    white_paper = base * WAD + used * multiplier
    jumping = base * WAD + least(used, kink) * multiplier + greatest(used - kink, 0) * jump
    for model, exact, slopes in (
        (WhitePaperRate(base, multiplier), white_paper, 1),
        (JumpRate(base, multiplier, jump, kink), jumping, 2),
    ):
        charged = model.borrow_rate(used) * WAD
        trial.claim(charged <= exact, "the rate is at most what was agreed")
        trial.claim(charged + slopes * WAD > exact, "and short of it only by its roundings")


RATE_4 = CATALOGUE.declare(
    "RATE-4",
    "an accrual never credits suppliers with more than it charges borrowers plus the line interest that it releases",
    "step",
    why="suppliers' interest is borrowers' interest, less what the reserves keep",
    assuming=(HORIZON,),
)


@RATE_4.step(of=(accrue_interest,))
def suppliers_get_at_most_what_borrowers_pay(step: Step, old: Market, new: Market) -> Condition:
    """assets' - assets <= debt' - debt + released."""
    return assets(new) - assets(old) <= debt(new) - debt(old) + released(old, new)


RATE_6 = CATALOGUE.declare(
    "RATE-6",
    "splitting an interval with rate x time < 1 into n accruals leaves the index between I0 (1 + sum of rates) - n units "
    "and I0 / (1 - rate x time), or at the index ceiling",
    "state",
    why="who triggers accruals, and how often, moves a debt only between these bounds",
    assuming=(HORIZON,),
)


@RATE_6.scenario(asset=asset(), grown=tokens(), charged=factor(WAD), accruals=tokens(), elapsed=slots())
def one_accrual_more(
    trial: Trial, pool: Any, asset: str, grown: Number, charged: Number, accruals: Number, elapsed: Number
) -> None:
    """Induction over the accruals: bounds that hold after n of them hold after n + 1.

    I0 is the index less what it has ``grown``, ``charged`` the sum of rate x time so far [wad], ``accruals`` is n.
    """
    market = pool.markets[asset]
    start = market.index - grown
    trial.assume((start >= WAD) & (market.index >= start))
    trial.assume(market.index * WAD >= start * (WAD + charged) - accruals * WAD)
    trial.assume(market.index * (WAD - charged) <= start * WAD)
    now = pool.now + elapsed
    total = charged + borrow_rate(market) * (now - market.accrued_at) + market.surcharge(now)
    trial.assume(total < WAD)
    accrue(market, now)
    at_ceiling = market.index == market.index_ceiling
    low = market.index * WAD >= start * (WAD + total) - (accruals + 1) * WAD
    high = market.index * (WAD - total) <= start * WAD
    trial.claim((low & (market.index >= start)) | at_ceiling, "the index is not below the sum of the rates")
    trial.claim(high | at_ceiling, "the index is not above the compound bound")


RATE_7 = CATALOGUE.declare(
    "RATE-7",
    "accruing twice in the same instant changes nothing the second time",
    "two-run",
    why="interest is a matter of time, not of how often somebody asks; it is also why a second accrual may be skipped",
)


@RATE_7.scenario(asset=asset())
def a_second_accrual_changes_nothing(trial: Trial, pool: Any, asset: str) -> None:
    """An accrual carried out at elapsed time 0 leaves every stored value as it was."""
    market = pool.markets[asset]
    trial.assume(market.accrued_at == pool.now)
    before = trial.copy(pool).markets[asset]
    accrue(market, pool.now)
    trial.claim((market.index == before.index) & (market.reserves == before.reserves), "index and reserves stay")
    trial.claim(market.accrued_at == pool.now, "the time of accrual is now")


def agree(
    trial: Trial,
    one: Any,
    other: Any,
    accounts: tuple[Account, ...],
    *,
    of: tuple[str, ...] = ("shares", "debts", "tokens", "entered"),
) -> None:
    """Claim that two pools hold the same values, and in the ledgers named for the accounts named."""
    for name_of_market, first in one.markets.items():
        second = other.markets[name_of_market]
        for name in first.scalars:
            if first.signs.get(name) == "flag":
                trial.claim(same(getattr(first, name), getattr(second, name)), f"{name} agrees")
            elif name != "rates":
                trial.claim(getattr(first, name) == getattr(second, name), f"{name} agrees")
        for account in accounts:
            for name in of:
                entry, twin = getattr(first, name)[account], getattr(second, name)[account]
                agreed = same(entry, twin) if name == "entered" else entry == twin
                trial.claim(agreed, f"{name} agree")


def on_a_stale_state(invariant: Invariant, action: Action) -> None:
    """Add the clause that an action accrues what it reads: it does the same after an accrual as before one."""
    users = [position for position, domain in enumerate(action.domains.values()) if domain.kind == "user"]

    def check(trial: Trial, pool: Any, other_market: str, *arguments: Any) -> None:
        accrued = trial.copy(pool)
        for market in accrued.markets.values():
            accrue(market, accrued.now)
        stale, fresh = trial.do(pool, action, *arguments), trial.do(accrued, action, *arguments)
        for market in pool.markets.values():
            accrue(market, pool.now)
        trial.claim(type(stale) is type(fresh), "it is refused in both runs or in neither")
        agree(trial, pool, accrued, tuple(arguments[position] for position in users))

    check.__name__ = f"{action.name}_accrues_what_it_reads"
    check.__doc__ = f"{action.name} on a stale state, then an accrual, does what it does after an accrual."
    invariant.scenario(other_market=asset(), **action.domains)(check)  # type: ignore[arg-type]  # no argument is called instant


for _action in ACTIONS:
    if _action.name not in ("pass_time", "accrue_interest"):
        on_a_stale_state(RATE_7, _action)

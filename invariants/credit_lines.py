"""LINE: what a credit line may draw, what it owes on both sides, and who bears its loss.

A line has two ends: a market of an isolated pool that draws, and the market of the core pool that lends.  A clause
about "a market" is about either; it says nothing of a market that is neither.
"""

from __future__ import annotations

from typing import Any

from poolproof.models.core_pool import CoreMarket, rate_sum_at
from poolproof.models.credit_line import LINE_ACTIONS, LinedMarket
from poolproof.models.isolated_pool import ACTIONS, add_reserves, borrow, deposit, liquidate, repay, write_off
from poolproof.models.market import Market, borrow_rate
from poolproof.models.refusals import LineLimitExceeded
from poolproof.spec.action import Action, asset, cap, tokens
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, all_of, implies, negation

from .catalogue import HORIZON, SYSTEM
from .measures import assets, debt, same
from .rates import agree

INFLOWS = (deposit, repay, liquidate, add_reserves)
"""The actions that bring cash into a market."""


def something_owed(market: LinedMarket) -> Condition:
    """Whether a line owes principal or interest."""
    return (market.principal > 0) | (market.due > 0)


def owed_at_most(market: LinedMarket, amount: Number) -> Condition:
    """Whether principal and interest due, in whole tokens, are at most an amount [tokens]."""
    return (market.principal <= amount) & (market.principal * WAD + market.due <= amount * WAD)


LINE_1 = SYSTEM.declare(
    "LINE-1",
    "a draw never takes a line above its limit, interest included",
    "step",
    why="the limit is the most that the core pool agreed to have at risk",
)


@LINE_1.step()
def a_draw_respects_the_limit(step: Step, old: Market, new: Market) -> Condition:
    """Where the principal has grown, principal and interest due are at most the limit."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    return implies(new.principal > old.principal, owed_at_most(new, new.limit))


LINE_2 = SYSTEM.declare(
    "LINE-2",
    "the core pool's record of what each line owes equals the isolated pool's",
    "state",
    why="a debt on which the two sides differ is a debt that nobody pays",
)


@LINE_2.state(lemma=True)
def both_sides_record_the_same_principal(pool: Any, market: Market) -> Condition:
    """The line's principal is what the core market has out to it."""
    if not isinstance(market, LinedMarket):
        return True
    return market.principal == market.core.drawn[market.line]


@LINE_2.state(lemma=True)
def principal_out_is_the_sum_over_the_lines(pool: Any, market: Market) -> Condition:
    """What a core market has out on all lines together is what it has out to each."""
    if not isinstance(market, CoreMarket):
        return True
    return market.drawn.total() == market.lent


@LINE_2.state(lemma=True)
def the_rate_was_seen_up_to_the_last_accrual(pool: Any, market: Market) -> Condition:
    """A market with a line has seen no more of the core's rates than there was; all of it where it is accrued to now."""
    if not isinstance(market, LinedMarket):
        return True
    there = rate_sum_at(market.core, pool.now)
    return (market.rate_sum_seen <= there) & implies(market.accrued_at == pool.now, market.rate_sum_seen == there)


@LINE_2.step()
def nothing_but_time_moves_the_sum_of_rates(step: Step, old: Market, new: Market) -> Condition:
    """Read at the same time, the sum of a core market's rates is the same before and after an action."""
    if not isinstance(new, CoreMarket) or not isinstance(old, CoreMarket):
        return True
    return rate_sum_at(new, step.new.now) == rate_sum_at(old, step.new.now)


@LINE_2.step()
def other_lines_stay(step: Step, old: Market, new: Market) -> Condition:
    """What a core market records of a line changes only over that line."""
    if not isinstance(new, CoreMarket) or not isinstance(old, CoreMarket):
        return True
    acting = {market.line for market in step.new.markets.values() if isinstance(market, LinedMarket)}
    others = [line for line in new.drawn if line not in acting and line != step.arguments.get("line")]
    drawn = all_of(new.drawn[line] == old.drawn[line] for line in others)
    return drawn & all_of(same(new.indebted[line], old.indebted[line]) for line in others)


LINE_3 = SYSTEM.declare(
    "LINE-3",
    "what the isolated pool owns (cash, its borrowers' debt, its claim on the core) covers what it owes on the line, "
    "recorded bad debt aside",
    "state",
    why="a line that owes more than there is behind it is a loss that nobody has recorded",
)


@LINE_3.state()
def what_is_owned_covers_what_is_owed(pool: Any, market: Market) -> Condition:
    """cash x WAD + debt >= principal x WAD + interest due; a credit of the line's is the claim on the core."""
    if not isinstance(market, LinedMarket):
        return True
    return market.cash * WAD + debt(market) >= market.principal * WAD + market.due


LINE_4 = SYSTEM.declare(
    "LINE-4",
    "a line can always be repaid, in part and in full, with what its borrowers repay: no inflow is refused because of "
    "the line",
    "refusal",
    why="a repayment that the line turns away leaves both the borrower and the core pool with the debt",
)


@LINE_4.step(of=INFLOWS)
def an_inflow_pays_the_line(step: Step, old: Market, new: Market) -> Condition:
    """What came in went to the line, until nothing was owed."""
    if not isinstance(new, LinedMarket):
        return True
    return negation(something_owed(new)) | (new.cash == 0)


LINE_5 = SYSTEM.declare(
    "LINE-5",
    "the core pool lists an isolated pool as indebted exactly when it owes something",
    "state",
    why="who is not on the list is not watched",
)


@LINE_5.state(lemma=True)
def listed_exactly_when_something_is_owed(pool: Any, market: Market) -> Condition:
    """The core market's mark on the line is whether principal or interest is owed."""
    if not isinstance(market, LinedMarket):
        return True
    return same(market.core.indebted[market.line], something_owed(market))


LINE_6 = SYSTEM.declare(
    "LINE-6",
    "interest charged over a line = paid + still due + cancelled, and what is paid = released to core suppliers + "
    "reserves + not yet released",
    "state",
    why="interest on a line passes through four hands; each has to hand on what it got",
)


@LINE_6.state(lemma=True)
def charged_is_paid_due_or_cancelled(pool: Any, market: Market) -> Condition:
    """charged = paid x WAD + due + cancelled."""
    if not isinstance(market, LinedMarket):
        return True
    return market.charged == market.paid * WAD + market.due + market.cancelled


@LINE_6.state(lemma=True)
def collected_is_released_kept_or_waiting(pool: Any, market: Market) -> Condition:
    """collected = released + kept as reserves + not yet released."""
    if not isinstance(market, CoreMarket):
        return True
    return market.collected == market.released + market.kept + market.unreleased


@LINE_6.step()
def what_a_line_pays_the_core_collects(step: Step, old: Market, new: Market) -> Condition:
    """Over an action, what one side paid is what the other collected."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    return (new.paid - old.paid) * WAD == new.core.collected - old.core.collected


LINE_8 = SYSTEM.declare(
    "LINE-8",
    "while a line is drawn, the isolated pool's own cash in that asset leaves only to the line; a loss falls on the pool's "
    "reserve, own suppliers, interest due, first-loss reserve, core reserves, core suppliers, in this order",
    "step",
    why="who stands before whom is what a core supplier buys",
)


@LINE_8.state(lemma=True)
def no_cash_while_something_is_owed(pool: Any, market: Market) -> Condition:
    """While principal or interest is owed, the market has no cash; so none can leave but to the line."""
    if not isinstance(market, LinedMarket):
        return True
    return negation(something_owed(market)) | (market.cash == 0)


@LINE_8.state(lemma=True)
def the_first_loss_reserve_is_there(pool: Any, market: Market) -> Condition:
    """The account of the first-loss reserve holds it."""
    if not isinstance(market, LinedMarket):
        return True
    return market.tokens[market.first_loss_vault] == market.first_loss


@LINE_8.step(of=(write_off,))
def suppliers_lose_after_the_reserve(step: Step, old: Market, new: Market) -> Condition:
    """Bad debt is left to suppliers only where the pool's reserve is gone."""
    return negation(new.bad_debt > old.bad_debt) | (new.reserves == 0)


@LINE_8.step(of=(write_off,))
def interest_is_cancelled_after_the_suppliers(step: Step, old: Market, new: Market) -> Condition:
    """Interest due is cancelled only where reserve and suppliers have less than one unit left."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    return (new.cancelled == old.cancelled) | ((new.reserves == 0) & (assets(new) < WAD))


@LINE_8.step(of=(write_off,))
def principal_is_lost_after_the_interest(step: Step, old: Market, new: Market) -> Condition:
    """Principal is lost only where reserve and suppliers have less than one unit left, and no interest is due."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    return (new.lost == old.lost) | ((new.reserves == 0) & (assets(new) < WAD) & (new.due <= 0))


@LINE_8.step(of=(write_off,))
def the_core_loses_after_the_first_loss_reserve(step: Step, old: Market, new: Market) -> Condition:
    """The core loses only where the first-loss reserve is gone, and its suppliers only where its reserves are."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    insured = old.first_loss - new.first_loss
    reserve_gone = (new.lost - old.lost == insured) | (new.first_loss == 0)
    return reserve_gone & ((new.core.bad_debt == old.core.bad_debt) | (new.core.reserves == 0))


LINE_9 = SYSTEM.declare(
    "LINE-9",
    "the core pool counts no income from a line before it is paid",
    "step",
    why="income that was counted and never paid is a loss that comes as a surprise",
)


@LINE_9.step()
def only_what_was_paid_is_income(step: Step, old: Market, new: Market) -> Condition:
    """What lines brought in altogether grows exactly by what is paid; interest due moves nothing in the core."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    core, before = new.core, old.core
    income = core.released + core.kept + core.unreleased - (before.released + before.kept + before.unreleased)
    untouched = (core.cash == before.cash) & (core.lent == before.lent) & (core.reserves == before.reserves)
    return (income == (new.paid - old.paid) * WAD) & ((new.taken != old.taken) | (new.lost != old.lost) | untouched)


LINE_10 = SYSTEM.declare(
    "LINE-10",
    "the exact debt of a borrower over a line grows at least at core rate + pool rate + premium, less one index unit per "
    "accrual, below the index ceiling",
    "step",
    why="a borrower who pays less than the line costs is paid by the pool's suppliers",
    assuming=(HORIZON,),
)


@LINE_10.step()
def the_index_grows_by_all_three_rates(step: Step, old: Market, new: Market) -> Condition:
    """index' + 1 > index x (1 + core rate x slots + (pool rate + premium) x slots), or index' is at its ceiling."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    grown = new.rate_sum_seen - old.rate_sum_seen
    own = (borrow_rate(old) + old.premium) * (new.accrued_at - old.accrued_at)
    enough = (new.index + 1) * WAD > old.index * (WAD + grown + own)
    return enough | (new.index == new.index_ceiling)


CAP_3 = SYSTEM.declare(
    "CAP-3",
    "the debt of an asset against a pool never exceeds its debt ceiling at borrow time",
    "step",
    why="the ceiling is the most of a pool's collateral that the core pool lends against",
)


@CAP_3.step(of=(borrow,))
def the_ceiling_holds_after(step: Step, old: Market, new: Market) -> Condition:
    """After a borrow the exact debt of all borrowers is within the ceiling."""
    if not isinstance(new, LinedMarket) or new.asset != step.arguments["asset"]:
        return True
    return debt(new) <= new.debt_ceiling * WAD


LINE_7 = SYSTEM.declare(
    "LINE-7",
    "lowering a limit, below what is drawn too, stops new draws and changes no other action's outcome",
    "two-run",
    why="a limit that breaks something when it is lowered cannot be lowered when it matters",
)


def _asks_the_limit_in_a_draw(what: Action) -> None:
    """Add the clause that an action reads the limit of a line nowhere but in a draw."""

    def check(trial: Trial, pool: Any, *arguments: Any) -> None:
        within = trial.confined(pool, what, arguments, hidden=("limit", "limit_at_draw"), within=("draw",))
        trial.claim(within, "the limit is read in a draw only")

    check.__name__ = f"{what.name}_asks_the_limit_in_a_draw_only"
    check.__doc__ = f"{what.name} reads the limit of a line, and what it was, nowhere but in a draw."
    LINE_7.scenario(**what.domains)(check)  # type: ignore[arg-type]  # no argument is called instant


for _action in (*ACTIONS, *LINE_ACTIONS):
    _asks_the_limit_in_a_draw(_action)


def draw_over_line(pool: Any, asset: str, amount: Number) -> None:
    """Bring in what an amount lacks: a part of a borrow."""
    pool.markets[asset].draw(amount, pool.now)


@LINE_7.scenario(asset=asset(), limit=cap(), amount=tokens())
def a_draw_under_a_lower_limit(trial: Trial, pool: Any, asset: str, limit: Number, amount: Number) -> None:
    """In the middle of whatever action, a draw under a lower limit is stopped if it draws, or does what it did."""
    if not isinstance(pool.markets[asset], LinedMarket):
        return
    pool = trial.midway(pool)
    drawn = pool.markets[asset].taken
    trial.assume(limit <= pool.markets[asset].limit)
    lowered = trial.copy(pool)
    lowered.markets[asset].limit = limit
    as_before = trial.attempt(pool, draw_over_line, asset, amount)
    under_it = trial.attempt(lowered, draw_over_line, asset, amount)
    market, under = pool.markets[asset], lowered.markets[asset]
    if isinstance(under_it, LineLimitExceeded):
        if as_before is None:
            trial.claim(market.taken > drawn, "only a draw is stopped")
        return
    trial.claim(type(as_before) is type(under_it), "it is refused under both limits or under neither")
    under.limit, under.limit_at_draw = market.limit, market.limit_at_draw
    agree(trial, pool, lowered, (market.vault, market.first_loss_vault), of=("tokens",))

"""ISO: what one pool can do to another: nothing, but over a credit line what the line carries.

The theorems are about one pool with lines and the core markets that they draw on.  What other pools can see of it is
what the core markets show: their sum of rates, their cash, and the records of the lines.  So a sister pool is a
function of its own history, those answers and nothing else, and the core of its own history and of the line's flows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poolproof.models.core_pool import CoreMarket, rate_sum_at
from poolproof.models.credit_line import (
    LINE_ACTIONS,
    LinedMarket,
    set_debt_ceiling,
    set_line_limit,
    set_line_premium,
)
from poolproof.models.isolated_pool import (
    ACTIONS,
    TREASURY,
    accrue_interest,
    borrow,
    pass_time,
    set_borrow_cap,
    set_close_factor,
    set_liquidation_incentive,
    set_rate_model,
    set_reserve_factor,
    set_risk_factors,
    set_supply_cap,
    write_off,
)
from poolproof.models.market import Market, accrue
from poolproof.models.refusals import CoreCashExceeded, LentLimitExceeded
from poolproof.spec.action import Action, Domain, asset, slots, tokens
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Catalogue, Step, Trial
from poolproof.spec.logic import Condition, all_of, implies
from poolproof.spec.state import Account

from .catalogue import REGION, SYSTEM
from .credit_lines import draw_over_line
from .cuts import of_health_under_governance
from .measures import is_healthy, same, unchanged_position
from .rates import agree

OWN_OF_CORE = (
    "donated", "supply", "debt_shares", "ltv", "liquidation_threshold", "reserve_factor", "supply_cap", "borrow_cap",
)  # fmt: skip
"""What a core market has to itself: no line touches it."""

ISO_1 = SYSTEM.declare(
    "ISO-1",
    "an action in one pool changes no state of another, except over a declared channel",
    "step",
    why="what cannot be changed from outside cannot be broken from outside",
)


@ISO_1.step()
def the_core_keeps_what_is_its_own(step: Step, old: Market, new: Market) -> Condition:
    """Suppliers' shares, borrowers' debts and parameters of the core stay, whatever a pool with a line does."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    core, before = new.core, old.core
    kept = all_of(getattr(core, name) == getattr(before, name) for name in OWN_OF_CORE)
    return kept & (core.shares.total() == before.shares.total()) & (core.debts.total() == before.debts.total())


@ISO_1.step()
def without_a_flow_the_core_stays(step: Step, old: Market, new: Market) -> Condition:
    """Where nothing is drawn, paid or lost, not even the core's clock of interest moves."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    flow = (new.taken != old.taken) | (new.paid != old.paid) | (new.lost != old.lost) | (new.principal != old.principal)
    core, before = new.core, old.core
    names = [name for name in core.scalars if name != "rates"]
    return flow | all_of(getattr(core, name) == getattr(before, name) for name in names)


ISO_2 = SYSTEM.declare(
    "ISO-2",
    "two runs that differ only in one pool's own prices, balances, parameters and actions agree on every other pool's "
    "state, valuations and refusals (an actor's own wallet aside), except over a declared channel",
    "two-run",
    why="isolation is a statement about two worlds: whatever happens over there, over here nothing is different",
)
"""An action touches the core market only in what a credit line does; each of these, in the middle of whatever action,
does the same to the pool and refuses alike whatever others did.  So does every sequence of them: every action."""


LINE_METHODS = ("surcharge", "book", "draw", "settle", "pass_on_loss")
"""All that a market does over its line; interest is charged by the first two."""


def _reaches_others_over_its_line(what: Action) -> None:
    """Add the clause that an action of a pool reads and writes the core market only in what a credit line does."""

    def check(trial: Trial, pool: Any, *arguments: Any) -> None:
        within = trial.confined(pool, what, arguments, hidden=("core",), within=LINE_METHODS)
        trial.claim(within, "the core market is reached over the line only")

    check.__name__ = f"{what.name}_reaches_others_over_its_line"
    check.__doc__ = f"{what.name} reads and writes the core market only in what a credit line does."
    ISO_2.scenario(**what.domains)(check)  # type: ignore[arg-type]  # no argument is called instant


for _action in (*ACTIONS, *LINE_ACTIONS):
    _reaches_others_over_its_line(_action)


def accrue_over_line(pool: Any, asset: str) -> None:
    """Charge interest, over a line too."""
    accrue(pool.markets[asset], pool.now)


def settle_line(pool: Any, asset: str) -> None:
    """Pay a line with the cash there is."""
    pool.markets[asset].settle(pool.now)


def pass_loss_on(pool: Any, asset: str) -> None:
    """Let a line bear what exceeds the suppliers' assets."""
    pool.markets[asset].pass_on_loss(pool.now)


def _whatever_others_did(name: str, what: Callable[..., None], **domains: Domain) -> None:
    """Add the clause that a line does the same to a pool, in whatever state it is, whatever others did to the core."""

    def check(trial: Trial, pool: Any, asset: str, *arguments: Any) -> None:
        if not isinstance(pool.markets[asset], LinedMarket):
            return
        here = trial.midway(pool)
        there = trial.elsewhere(here)
        one = trial.attempt(here, what, asset, *arguments)
        other = trial.attempt(there, what, asset, *arguments)
        answers = (CoreCashExceeded, LentLimitExceeded)
        if isinstance(one, answers) or isinstance(other, answers):
            return  # "is there that much core cash" is a declared channel
        trial.claim(type(one) is type(other), "it is refused in both worlds or in neither")
        market = here.markets[asset]
        agree(trial, here, there, (market.vault, market.first_loss_vault), of=("tokens",))
        twin = there.markets[asset]
        same_totals = (market.shares.total() == twin.shares.total()) & (market.debts.total() == twin.debts.total())
        trial.claim(same_totals, "all shares and debts together agree")

    check.__name__ = f"{name}_whatever_others_did"
    check.__doc__ = f"A line {name.replace('_', ' ')} alike in two worlds that differ in the core, but for its answers."
    ISO_2.scenario(asset=asset(), **domains)(check)  # type: ignore[arg-type]  # no argument is called instant


_whatever_others_did("charges_interest", accrue_over_line)
_whatever_others_did("is_drawn", draw_over_line, amount=tokens())
_whatever_others_did("is_paid", settle_line)
_whatever_others_did("takes_a_loss", pass_loss_on)

ISO_3 = SYSTEM.declare(
    "ISO-3",
    "in the action that records an isolated pool's failure, the core pool loses at most the principal that its line owes, "
    "which is at most the limit in force at its last draw",
    "step",
    why="the limit of a line is what its failure can cost",
    assuming=(REGION,),
)


@ISO_3.state(lemma=True)
def principal_is_within_the_limit_of_the_last_draw(pool: Any, market: Market) -> Condition:
    """principal <= the limit that was in force at the last draw."""
    return not isinstance(market, LinedMarket) or market.principal <= market.limit_at_draw


@ISO_3.step()
def no_more_principal_is_lost_than_was_owed(step: Step, old: Market, new: Market) -> Condition:
    """The principal lost is at most the principal owed."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    return new.lost - old.lost <= old.principal


@ISO_3.step()
def the_core_loses_at_most_the_principal(step: Step, old: Market, new: Market) -> Condition:
    """What becomes bad debt of the core is at most the principal lost less what the first-loss reserve paid."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    insured = old.first_loss - new.first_loss
    core_loss = new.core.bad_debt - old.core.bad_debt
    if step.action.name in ("fund_first_loss", "take_first_loss"):
        return core_loss == 0
    return (core_loss <= (new.lost - old.lost - insured) * WAD) & (core_loss >= 0)


ISO_4 = SYSTEM.declare(
    "ISO-4",
    "the core pool's loss, interest it had counted included, does not grow with the time between failure and recognition",
    "two-run",
    why="a loss that grows while nobody looks is a reason not to look",
    assuming=(REGION,),
)


@ISO_4.scenario(asset=asset(), elapsed=slots())
def time_adds_nothing_that_can_be_lost(trial: Trial, pool: Any, asset: str, elapsed: Number) -> None:
    """Over any time, interest included, the principal stays: what a later recording can cost (ISO-3) is no more."""
    market = pool.markets[asset]
    if not isinstance(market, LinedMarket):
        return
    owed, lost, counted = market.principal, market.lost, market.core.lent
    trial.do(pool, pass_time, elapsed)
    trial.do(pool, accrue_interest, asset)
    later = pool.markets[asset]
    trial.claim((later.principal == owed) & (later.lost == lost), "the principal stays")
    trial.claim(later.core.lent == counted, "the core counts no more of it")


ISO_5 = SYSTEM.declare(
    "ISO-5",
    "the failure of one isolated pool changes no field, collateral valuation or cash of a sister pool; its rates change "
    "only through the core rate",
    "step",
    why="who lends next door must not pay for it",
)


@ISO_5.step(of=(write_off,))
def a_failure_shows_sisters_nothing(step: Step, old: Market, new: Market) -> Condition:
    """Of what a sister reads, a write-off moves nothing: prices, the sum of core rates, the records of its line."""
    same_price = (new.feed.price == old.feed.price) & (new.feed.updated_at == old.feed.updated_at)
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return same_price
    core, before, now = new.core, old.core, step.new.now
    acting = {market.line for market in step.new.markets.values() if isinstance(market, LinedMarket)}
    sisters = [line for line in core.drawn if line not in acting]
    records = all_of(core.drawn[line] == before.drawn[line] for line in sisters)
    records = records & all_of(same(core.indebted[line], before.indebted[line]) for line in sisters)
    return same_price & records & (rate_sum_at(core, now) == rate_sum_at(before, now)) & (core.cash >= before.cash)


ISO_6 = SYSTEM.declare(
    "ISO-6",
    "the net cash that a line has taken from the core = principal owed + principal lost - interest paid, and only a draw "
    "takes cash",
    "state",
    why="what left the core's vault over a line is owed, lost, or came back",
)


@ISO_6.state(lemma=True)
def net_cash_is_principal_and_loss_less_interest(pool: Any, market: Market) -> Condition:
    """taken = principal + lost - paid."""
    return not isinstance(market, LinedMarket) or market.taken == market.principal + market.lost - market.paid


@ISO_6.step()
def only_a_draw_takes_cash(step: Step, old: Market, new: Market) -> Condition:
    """The core's cash falls over an action of the pool only by a draw in a borrow."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket) or step.action == borrow:
        return True
    return new.core.cash >= old.core.cash


ISO_7 = SYSTEM.declare(
    "ISO-7",
    "no account's debt in one pool is backed by, or seized from, its position in another",
    "step",
    why="collateral that answers for two pools is the bridge over which a failure walks",
)


@ISO_7.step()
def no_position_in_the_core_moves(step: Step, old: Market, new: Market) -> Condition:
    """No action of a pool with a line, a liquidation least of all, changes a share or a debt share in the core."""
    if not isinstance(new, LinedMarket) or not isinstance(old, LinedMarket):
        return True
    core, before = new.core, old.core
    shares = all_of(core.shares[account] == before.shares[account] for account in core.shares)
    debts = all_of(core.debts[account] == before.debts[account] for account in core.debts)
    return (
        shares & debts & (core.shares.total() == before.shares.total()) & (core.debts.total() == before.debts.total())
    )


ISO_8 = SYSTEM.declare(
    "ISO-8",
    "one user's position is never used for another's: no account holds several users' collateral and debt",
    "step",
    why="in a shared account the first to fail takes the others along",
)


@ISO_8.step("position")
def only_accounts_that_are_named_move(step: Step, old: Market, new: Market, account: Account) -> Condition:
    """An action changes the positions of the accounts that it names, and what a write-off forfeits to the treasury."""
    if account == TREASURY or account in step.arguments.values():
        return True
    return (
        (new.shares[account] == old.shares[account])
        & (new.debts[account] == old.debts[account])
        & same(new.entered[account], old.entered[account])
    )


CHANNELS = Catalogue(about="system")
"""What pools share, which is seen on all of them at once."""
ISO_9 = CHANNELS.declare(
    "ISO-9",
    "every channel between two pools is declared: oracle feeds, lines, core rate and cash, router, funder, treasury, "
    "insurance, wrapper tokens",
    "state",
    why="a failure walks over the channel that nobody drew",
)


@ISO_9.state("pool")
def pools_share_only_what_is_declared(system: Any) -> Condition:
    """Two pools hold in common at most price feeds, wallets of an asset, and the core market of a credit line.

    No action puts another record into a pool, so what is shared at the start is what can ever be shared.
    """
    pools = list(system.pools.values())
    for position, pool in enumerate(pools):
        for other in pools[position + 1 :]:
            common = _held(pool).keys() & _held(other).keys()
            if any(_held(pool)[each] not in DECLARED for each in common):
                return False
    return True


DECLARED = ("feed", "tokens", "core", "journal")
"""By the names of the fields: a price feed, the wallets of an asset, the lender of a line, the log of an action."""


def _held(pool: Any) -> dict[int, str]:
    """Everything that can be written which a pool refers to, by identity, with the name of the field that holds it."""
    held = {id(pool): "pool", id(pool.markets): "markets"}
    for market in pool.markets.values():
        held[id(market)] = "core" if isinstance(market, CoreMarket) else "market"
        held[id(market.feed)] = "feed"
        for name in market.ledgers:
            held[id(getattr(market, name))] = name
        if isinstance(market, LinedMarket):
            held[id(market.core)] = "core"
    return held


AUTH_2 = SYSTEM.declare(
    "AUTH-2",
    "no parameter change inside the admissible region breaks a row that holds before it",
    "step",
    why="governance may choose numbers, not undo what was promised",
    assuming=(REGION,),
)
SETTERS = (
    set_risk_factors, set_supply_cap, set_borrow_cap, set_reserve_factor, set_rate_model, set_close_factor,
    set_liquidation_incentive, set_line_limit, set_debt_ceiling, set_line_premium,
)  # fmt: skip
"""The actions that change a parameter; that every state row survives them is shown row by row."""


@AUTH_2.step(of=SETTERS, instant=True)
def a_parameter_moves_no_balance(step: Step, old: Market, new: Market) -> Condition:
    """Within the instant of the change no claim, debt, reserve, cash or price of a share is another than before."""
    kept = all_of(
        getattr(new, name) == getattr(old, name) for name in ("cash", "reserves", "supply", "debt_shares", "index")
    )
    return kept & (new.shares.total() == old.shares.total()) & (new.debts.total() == old.debts.total())


@AUTH_2.step("position", of=SETTERS, instant=True)
def a_parameter_moves_no_position(step: Step, old: Market, new: Market, account: Account) -> Condition:
    """Nobody's shares, debts or tokens are others than before."""
    return unchanged_position(old, new, account)


@AUTH_2.step("account", of=SETTERS, instant=True, cuts=of_health_under_governance)
def a_parameter_makes_nobody_unhealthy(step: Step, account: Account) -> Condition:
    """A healthy account stays healthy, unless the threshold was lowered: then GOV-1 says whose is not."""
    if step.action == set_risk_factors:
        asset = step.arguments["asset"]
        lowered = step.new.markets[asset].liquidation_threshold < step.old.markets[asset].liquidation_threshold
        return lowered | implies(is_healthy(step.old, account), is_healthy(step.new, account))
    return implies(is_healthy(step.old, account), is_healthy(step.new, account))

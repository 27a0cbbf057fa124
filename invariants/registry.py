"""REG: a market is used only in the one pool that lists it, and listing opens and closes it safely.

These claims are about a system: a clause "about the pool" is about all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from poolproof.models.core_pool import CoreMarket
from poolproof.models.credit_line import LinedMarket
from poolproof.models.liquidation import debt_shares_of, debt_value, margin_to_borrow, margin_to_liquidation
from poolproof.models.market import Market
from poolproof.models.rates import NoRate
from poolproof.models.registry import DUST, REGISTRY_ACTIONS, add_market, approve_market, unlist_market
from poolproof.models.system import ANYWHERE, SYSTEM_ACTIONS, place_of
from poolproof.spec.action import Action, asset, shares, tokens, user
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Catalogue, Step, Trial
from poolproof.spec.logic import Condition, all_of, implies
from poolproof.spec.state import Account, Ledger

from . import rounding, solvency  # noqa: F401 - their clauses are asked below
from .catalogue import CATALOGUE, REGION
from .measures import price_bottom, price_top, valid_price

REGISTRY = Catalogue(about="system")
"""What is claimed of the registry of a system."""

STEPS = {action.name: action for action in SYSTEM_ACTIONS}
deposit, donate, redeem = STEPS["deposit"], STEPS["donate"], STEPS["redeem"]


def listed(system: Any, market: str) -> Condition:
    """Whether some pool lists a market."""
    return system.registry.home[market] > 0


def nobody_has_anything_in(market: Market) -> Condition:
    """No shares, no debts, and nothing owed over a credit line, on either side of it."""
    owes = (market.supply == 0) & (market.debt_shares == 0)
    if isinstance(market, CoreMarket):
        return owes & (market.lent == 0)
    if isinstance(market, LinedMarket):
        return owes & (market.principal == 0) & (market.due <= 0)
    return owes


def each_market(system: Any, claim: Any) -> Condition:
    """Whether ``claim(name, market)`` holds of every market of a system."""
    return all_of(claim(name, market) for name, market in system.markets.items())


def each_change(step: Step, claim: Any) -> Condition:
    """Whether ``claim(name, old_market, new_market)`` holds of every market of a system."""
    return all_of(claim(name, step.old.markets[name], market) for name, market in step.new.markets.items())


# --- REG-1 -----------------------------------------------------------------------------------------------------

REG_1 = REGISTRY.declare(
    "REG-1",
    "a market belongs to exactly one pool, with a rate model, a price and its pool's approval, before anyone can use it",
    "state",
    why="a market in two pools backs two debts; one without a price or a rate model backs them with nothing",
)


@REG_1.state("pool", lemma=True)
def every_pool_has_a_number_of_its_own(system: Any) -> Condition:
    """0 <= number <= count, and no two pools that were created have the same."""
    registry = system.registry
    pools = list(registry.number)
    ranges = all_of((registry.number[p] >= 0) & (registry.number[p] <= registry.count) for p in pools)
    pairs = [(p, q) for place, p in enumerate(pools) for q in pools[:place]]
    return ranges & all_of((registry.number[p] == 0) | (registry.number[p] != registry.number[q]) for p, q in pairs)


@REG_1.state("pool", lemma=True)
def what_is_listed_is_approved_and_has_a_rate_model(system: Any) -> Condition:
    """A market's home is its own pool, which was created and approved it; its rate model is set."""
    registry = system.registry

    def is_complete(name: str, market: Market) -> Condition:
        home = registry.home[name]
        of_its_pool = (home == registry.number[place_of(name)[0]]) & (home == registry.approved[name])
        return (home >= 0) & implies(home > 0, of_its_pool & (not isinstance(market.rates, NoRate)))

    return each_market(system, is_complete)


@REG_1.state("pool")
def no_other_pool_lists_it(system: Any) -> Condition:
    """The home of a listed market is no other pool's number."""
    registry = system.registry
    return all_of(
        (registry.home[name] == 0) | (registry.home[name] != registry.number[pool])
        for name in system.markets
        for pool in registry.number
        if pool != place_of(name)[0]
    )


@REG_1.step("pool")
def a_market_is_listed_complete(step: Step) -> Condition:
    """What becomes listed had its pool's approval, a rate model and a valid price before; only an addition lists it."""
    old, registry = step.old, step.old.registry

    def is_complete(name: str, before: Market, after: Market) -> Condition:
        number = registry.number[place_of(name)[0]]
        approved = (number > 0) & (registry.approved[name] == number) & (not isinstance(before.rates, NoRate))
        added = step.action == add_market and step.arguments["asset"] == name
        complete = approved & (valid_price(before.feed, old.now) > 0) & added
        return implies(listed(step.new, name) & (registry.home[name] == 0), complete)

    return each_change(step, is_complete)


@REG_1.step("pool")
def only_its_pool_approves_a_market(step: Step) -> Condition:
    """An approval changes to the number of the market's pool, when that approves it, or to none, when it is unlisted."""
    old, new = step.old.registry, step.new.registry

    def is_allowed(name: str) -> Condition:
        named = step.arguments.get("asset") == name
        approval = named and step.action == approve_market
        withdrawal = named and step.action == unlist_market
        to_pool = (new.approved[name] == old.number[place_of(name)[0]]) & approval
        return (new.approved[name] == old.approved[name]) | to_pool | ((new.approved[name] == 0) & withdrawal)

    return all_of(is_allowed(name) for name in step.new.markets)


def _needs_a_listed_market(action: Action) -> None:
    """Add the clause that an action of a user's is refused in a market that is not listed."""
    places = [position for position, domain in enumerate(action.domains.values()) if domain.kind == "asset"]

    def check(trial: Trial, system: Any, *arguments: Any) -> None:
        open_to_all = all_of(listed(system, arguments[position]) for position in places)
        refusal = trial.do(system, action, *arguments)
        trial.claim((refusal is not None) | open_to_all, "it is refused")

    check.__name__ = f"{action.name}_needs_a_listed_market"
    check.__doc__ = f"{action.name} is refused unless every market that it names is listed."
    REG_1.scenario(**action.domains)(check)  # type: ignore[arg-type]  # no argument is called instant


for _action in SYSTEM_ACTIONS:
    if _action.by == "user" and _action.name not in ANYWHERE and "pool" not in _action.domains:
        _needs_a_listed_market(_action)

# --- REG-2 -----------------------------------------------------------------------------------------------------

REG_2 = REGISTRY.declare(
    "REG-2",
    "a market with debts or suppliers cannot be unlisted, and a listed market counts in every check of an account that "
    "is in it",
    "state",
    why="what an account has in a market that no longer counts can neither be seized nor be asked for",
)


@REG_2.state("pool", lemma=True)
def what_is_not_listed_is_empty(system: Any) -> Condition:
    """Nobody has shares or debts in a market that is not listed, and nothing is owed over its lines."""
    return each_market(system, lambda name, market: listed(system, name) | nobody_has_anything_in(market))


@REG_2.state("pool", lemma=True)
def a_line_is_listed_on_both_sides(system: Any) -> Condition:
    """A listed market with a credit line draws on a listed core market."""
    names = {id(market): name for name, market in system.markets.items()}

    def is_listed(name: str, market: Market) -> Condition:
        if not isinstance(market, LinedMarket):
            return True
        return implies(listed(system, name), listed(system, names[id(market.core)]))

    return each_market(system, is_listed)


@REG_2.state("pool")
def no_account_has_anything_where_nothing_is_listed(system: Any) -> Condition:
    """The shares and the debts of all accounts in a market that is not listed sum to nothing."""

    def is_empty(name: str, market: Market) -> Condition:
        return listed(system, name) | ((market.shares.total() == 0) & (market.debts.total() == 0))

    return each_market(system, is_empty)


@REG_2.step("pool")
def only_an_empty_market_is_unlisted(step: Step) -> Condition:
    """What is no longer listed was empty before, and was unlisted by that action."""

    def was_empty(name: str, before: Market, after: Market) -> Condition:
        unlisted = step.action == unlist_market and step.arguments["asset"] == name
        kept = listed(step.new, name) | (step.old.registry.home[name] == 0)
        return kept | (nobody_has_anything_in(before) & unlisted)

    return each_change(step, was_empty)


@REG_2.scenario(account=user(), asset=asset())
def a_market_counts_where_the_account_is_in_it(trial: Trial, system: Any, account: Account, asset: str) -> None:
    """Health, loan-to-value and debts are the sum over the other markets and this one's own term."""
    pool, place = place_of(asset)
    trial.assume(system.markets[asset].entered[account])
    without = trial.copy(system)
    without.markets[asset].entered[account] = False
    here, there, market = system.pools[pool], without.pools[pool], system.pools[pool].markets[place]
    owes = here.markets.sum_over(account, debt_shares_of)
    trial.claim(owes == there.markets.sum_over(account, debt_shares_of) + market.debts[account], "its debt counts")
    for term in (debt_value, margin_to_borrow, margin_to_liquidation):
        whole, rest = (each.markets.sum_over(account, term, system.now) for each in (here, there))
        trial.claim(whole == rest + term(market, account, system.now), "it counts in the account's health")


# --- REG-3 -----------------------------------------------------------------------------------------------------

REG_3 = REGISTRY.declare(
    "REG-3",
    "no order of listing steps and first deposits opens a state in which a SOLV or RND row fails",
    "state",
    why="a new market is where there is nobody yet whose shares would make an attack expensive",
    assuming=(REGION,),
)


@REG_3.step("pool", of=REGISTRY_ACTIONS)
def listing_moves_nothing(step: Step) -> Condition:
    """No number of a market, a pool or a price is changed, and no token moves."""

    def same(old: Any, new: Any) -> Condition:
        return all_of(getattr(old, name) == getattr(new, name) for name in new.scalars)

    def stands_still(name: str, old: Market, new: Market) -> Condition:
        ledgers = ("shares", "debts", "tokens")
        totals = all_of(getattr(old, ledger).total() == getattr(new, ledger).total() for ledger in ledgers)
        return same(old, new) & same(old.feed, new.feed) & totals

    pools = all_of(same(step.old.pools[name], pool) for name, pool in step.new.pools.items())
    return pools & each_change(step, stands_still)


@REG_3.step("pool", of=(add_market,))
def a_market_begins_empty(step: Step) -> Condition:
    """Nobody has anything in it, and one share is worth at most ``DUST`` tokens."""
    market = step.new.markets[step.arguments["asset"]]
    return nobody_has_anything_in(market) & (price_top(market) <= DUST * WAD * price_bottom(market))


@REG_3.scenario(
    attacker=user(), victim=user(), asset=asset(), donated=tokens(), first=tokens(), burned=shares(), amount=tokens()
)
def the_first_deposits_cannot_be_robbed(
    trial: Trial,
    system: Any,
    attacker: Account,
    victim: Account,
    asset: str,
    donated: Number,
    first: Number,
    burned: Number,
    amount: Number,
) -> None:
    """List, deposit, redeem in part, donate; the next deposit loses less than one share, worth a few tokens at most."""
    trial.assume(trial.do(system, add_market, asset) is None)
    bottom = price_bottom(system.markets[asset])
    trial.assume(trial.do(system, deposit, attacker, asset, first) is None)
    market = system.markets[asset].copy()
    minted = price_bottom(market) - bottom
    trial.claim((minted + 1) * DUST > first, "the first deposit gets shares worth at most what they are worth now")
    trial.claim(price_top(market) <= 2 * DUST * WAD * price_bottom(market), "a share is worth few tokens")
    trial.assume(trial.do(system, redeem, attacker, asset, burned) is None)
    top, bottom, market = price_top(market), price_bottom(market), system.markets[asset]
    left, shares = price_top(market), price_bottom(market)
    trial.claim(left * bottom <= top * shares + WAD * bottom, "a redemption leaves less than a token too much")
    trial.claim(top * shares <= 2 * DUST * WAD * bottom * shares, "the shares that are left were worth few tokens")
    trial.claim((left - 2 * DUST * WAD * shares - WAD) * bottom <= 0, "and so they are")
    trial.claim(left <= (2 * DUST + 1) * WAD * shares, "a share is still worth few tokens")
    trial.assume(trial.do(system, donate, attacker, asset, donated) is None)
    before = system.markets[asset]
    top, bottom, held = price_top(before), price_bottom(before), before.shares[victim]
    trial.claim(top <= (2 * DUST + 1) * WAD * bottom, "a share is worth few tokens when the victim comes")
    trial.assume(trial.do(system, deposit, victim, asset, amount) is None)
    credited = system.markets[asset].shares[victim] - held
    trial.claim((credited + 1) * top > amount * WAD * bottom, "the deposit loses less than a share")


FRESH = ("cash", "reserves", "bad_debt", "supply", "debt_shares", "accrued_at")
"""What is zero in a market as it is created; tokens that were sent to its vault before count as donated."""


@REG_3.scenario(account=user(), asset=asset())
def a_market_as_created_is_sound(trial: Trial, system: Any, account: Account, asset: str) -> None:
    """Every state clause of the SOLV and RND rows about a market holds of one that nobody has used yet."""
    pool, market = system.pools[place_of(asset)[0]], system.markets[asset]
    for name in FRESH:
        setattr(market, name, 0)
    market.index, market.donated = WAD, market.tokens[market.vault]
    for name in ("shares", "debts", "entered"):
        setattr(market, name, Ledger(pool.journal))
    for name, value in unlent(market):
        setattr(market, name, value)
    for invariant in CATALOGUE:
        for clause in invariant.clauses:
            if clause.form == "state" and invariant.id.startswith(("SOLV", "RND")):
                where = {"market": (pool, market), "position": (pool, market, account)}.get(clause.over)
                if where is not None:
                    trial.claim(clause.check(*where), f"{invariant.id} {clause.name}")


def unlent(market: Market) -> Iterable[tuple[str, Any]]:
    """What is zero in a market as it is created because nothing has been lent over a line."""
    names: tuple[str, ...] = ()
    if isinstance(market, CoreMarket):
        names = ("lent", "unreleased", "rate_sum", "collected", "released", "kept")
    if isinstance(market, LinedMarket):
        names = ("principal", "due", "rate_sum_seen", "limit_at_draw", "taken", "lost", "paid", "charged", "cancelled")
    return [(name, 0) for name in names]

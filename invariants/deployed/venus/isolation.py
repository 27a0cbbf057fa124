"""ISO: what one Comptroller can do to another: nothing, but over wallets and prices.

A scenario puts a sister beside the pool: another Comptroller with markets and vaults of its own, for the same underlying
tokens; in runs it begins in the pool's state, in proofs in any.  The wallets of those tokens are one ledger; prices are
set for each pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from poolproof.models.deployed.venus.governance import pass_time, set_price
from poolproof.models.deployed.venus.liquidation import heal_account, liquidate_borrow
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.deployed.venus.model import ACTIONS
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.users import accrue_interest
from poolproof.spec.action import Action, Domain, tokens, user
from poolproof.spec.invariant import Invariant, Step, Trial
from poolproof.spec.logic import Condition, all_of
from poolproof.spec.state import Account, Ledger, Record, Table

from .accounts import LEAVING, ORDERED
from .accruals import unchanged
from .measures import changed, claimed

SISTER = "{} of the sister"
"""How a sister calls its market of an underlying token."""
POSITIONS = ("tokens", "principal", "interest_index")


def beside(trial: Trial, pool: Comptroller) -> Any:
    """A sister of a pool, on its wallets alone: in the same state, or in any."""
    return trial.sister(pool, SISTER.format, alike)


def alike(pool: Comptroller, twin: Comptroller) -> Comptroller:
    """Make a copy of a pool its sister: its markets have other names, its users the same wallets."""
    journal = twin.journal = pool.journal
    markets = {SISTER.format(name): market for name, market in twin.markets.items()}
    for (name, market), own in zip(markets.items(), pool.markets.values(), strict=True):
        own.underlying.restore_(name, own.underlying[own.name])
        market.name, market.underlying = name, own.underlying
        for ledger in POSITIONS:
            setattr(market, ledger, Ledger(journal, dict(getattr(market, ledger))))
    twin.markets = Table(journal, markets)
    entered = {account: tuple(map(SISTER.format, names)) for account, names in twin.entered.items()}
    twin.entered, twin.delegates = Ledger(journal, entered), Ledger(journal, dict(twin.delegates))
    return twin


def same(one: Comptroller, other: Comptroller, wallets: Iterable[Account] = ()) -> Condition:
    """Whether two pools store the same, and hold the same in their vaults and in the wallets named."""
    parts = [unchanged(getattr(one, name), getattr(other, name)) for name in Comptroller.scalars]
    parts.append(unchanged(getattr(one, "delegates", None), getattr(other, "delegates", None)))
    for name, market in one.markets.items():
        twin = other.seen(name)
        parts += [unchanged(getattr(market, each), getattr(twin, each)) for each in VToken.scalars]
        parts += [unchanged(one.has_entered(each, name), other.has_entered(each, name)) for each in one.users]
        parts += [unchanged(market.underlying[each], twin.underlying[each]) for each in (name, *wallets)]
        for ledger in POSITIONS:
            entries, entries_there = getattr(market, ledger), getattr(twin, ledger)
            parts += [
                unchanged(entries[each], entries_there[each]) for each in dict.fromkeys((*entries, *entries_there))
            ]
    return all_of(parts)


def of_each(of: Invariant, actions: Iterable[Action], check: Callable[..., None], **more: Domain) -> None:
    """Add a clause for each action: ``check(trial, pool, action, its arguments by name, the other arguments)``."""
    for what in actions:
        _of_one(of, what, check, more)


def _of_one(of: Invariant, what: Action, check: Callable[..., None], more: dict[str, Domain]) -> None:
    def clause(trial: Trial, pool: Comptroller, *arguments: Any) -> None:
        own, others = arguments[: len(what.domains)], arguments[len(what.domains) :]
        check(trial, pool, what, dict(zip(what.domains, own, strict=True)), *others)

    clause.__name__ = f"{what.name}_{check.__name__}"
    clause.__doc__ = check.__doc__
    instant = what not in (accrue_interest, pass_time)
    of.scenario(**what.domains, **more, instant=instant)(clause)


def of_a_liquidation(of: Invariant, check: Callable[..., None], **more: Domain) -> None:
    """Add a clause for a liquidation of a debt and collateral in one market; in two it goes the same ways."""
    domains = {name: domain for name, domain in liquidate_borrow.domains.items() if name != "collateral"}

    def clause(trial: Trial, pool: Comptroller, *arguments: Any) -> None:
        user, borrower, asset, repay, *others = arguments
        own = {"user": user, "borrower": borrower, "asset": asset, "collateral": asset, "repay": repay}
        check(trial, pool, liquidate_borrow, own, *others)

    clause.__name__ = f"{liquidate_borrow.name}_{check.__name__}"
    clause.__doc__ = check.__doc__
    of.scenario(**domains, **more, instant=True)(clause)


ISO_1 = claimed("ISO-1")


def leaves_a_sister_as_it_is(trial: Trial, pool: Comptroller, what: Action, arguments: dict[str, Any]) -> None:
    """Whatever is done in a pool, a sister stores and holds what it did."""
    sister = beside(trial, pool)
    before = trial.copy(sister)
    trial.assume(trial.do(pool, what, *arguments.values()) is None)
    trial.claim(same(before, sister), "an action in one pool changes another")


of_each(ISO_1, [each for each in ACTIONS if each not in ORDERED], leaves_a_sister_as_it_is)
of_a_liquidation(ISO_1, leaves_a_sister_as_it_is)

ISO_2 = claimed("ISO-2")


def does_not_see_a_sister(
    trial: Trial, pool: Comptroller, what: Action, arguments: dict[str, Any], stranger: Account, given: int
) -> None:
    """Beside a sister whose prices and parameters, and a stranger's wallet, are others, an action does the same."""
    trial.assume(stranger not in arguments.values())
    other = trial.copy(pool)
    beside(trial, pool)
    sister = beside(trial, other)
    for name in tuple(sister.markets):
        market = sister.seen(name)
        market.price, market.collateral_factor, market.reserve_factor = given, 0, 0
        market.underlying[stranger] = given
    one, two = (trial.do(each, what, *arguments.values()) for each in (pool, other))
    trial.claim(type(one) is type(two), "a refusal depends on another pool")
    wallets = [each for each in pool.users if each != stranger]
    trial.claim(same(pool, other, wallets), "what an action does depends on another pool")


OF_USERS = [each for each in ACTIONS if each.by == "user" and each not in ORDERED]
"""What users do, liquidations by orders aside."""

of_each(ISO_2, OF_USERS, does_not_see_a_sister, stranger=user(), given=tokens())
of_a_liquidation(ISO_2, does_not_see_a_sister, stranger=user(), given=tokens())

ISO_5 = claimed("ISO-5")


@ISO_5.scenario(instant=True, user=user(), borrower=user())
def a_failure_is_not_seen_in_a_sister(trial: Trial, pool: Comptroller, user: Account, borrower: Account) -> None:
    """A pool that records bad debt leaves a sister's fields, what they say of any account, and its cash."""
    trial.assume(user != borrower)
    sister = beside(trial, pool)
    before = trial.copy(sister)
    for name in pool.markets_of(borrower):
        if pool.seen(name).principal[borrower] == 0:
            trial.do(pool, set_price, name, 1)
    trial.assume(trial.do(pool, heal_account, user, borrower) is None)
    trial.claim(same(before, sister), "a failure changes another pool")


ISO_7 = claimed("ISO-7")


def knows_no_position_elsewhere(
    trial: Trial, pool: Comptroller, what: Action, arguments: dict[str, Any], given: int
) -> None:
    """With collateral in a sister an account borrows no more, is liquidated no less, and loses nothing of it."""
    rich = trial.copy(pool)
    beside(trial, pool)
    sister = beside(trial, rich)
    for name in tuple(sister.markets):
        give(sister, name, arguments.get("borrower", arguments["user"]), given)
    before = trial.copy(sister)
    one, two = (trial.do(each, what, *arguments.values()) for each in (pool, rich))
    trial.claim(type(one) is type(two), "a debt is backed by a position in another pool")
    trial.claim(same(pool, rich, pool.users), "what an action does depends on a position in another pool")
    trial.claim((two is not None) | same(before, sister), "a position in another pool is seized")


def give(pool: Comptroller, name: str, account: Account, amount: int) -> None:
    """Let an account have vTokens of a market that count, with tokens behind them."""
    market = pool.seen(name)
    market.tokens[account] += amount
    market.total_supply += amount
    market.underlying[name] += amount
    market.internal_cash += amount
    if pool.has_entered(account, name) is not True:
        pool.enter(account, name)


of_each(ISO_7, (*LEAVING, heal_account), knows_no_position_elsewhere, given=tokens())
of_a_liquidation(ISO_7, knows_no_position_elsewhere, given=tokens())

ISO_8 = claimed("ISO-8")


@ISO_8.step("position", of=ACTIONS)
def only_accounts_that_are_named_move(step: Step, old: Any, new: Any, account: Account) -> Condition:
    """An action changes the vTokens, debts and memberships of the accounts that it names, and of nobody else."""
    if account in step.arguments.values():
        return True
    entered = step.new.entered[account] == step.old.entered[account]
    return entered & (not any(changed(old, new, account, name) for name in POSITIONS))


ISO_9 = claimed("ISO-9")


@ISO_9.state("pool")
def a_pool_holds_only_its_own(pool: Comptroller) -> Condition:
    """Each ledger is one market's alone, on the pool's own log of changes, and no market refers to another record.

    What is left to share are the wallets of a token, and prices, which are numbers set for each pool.
    """
    records = (pool, *pool.markets.values())
    ledgers = [getattr(each, name) for each in records for name in each.ledgers if hasattr(each, name)]
    alone = len({id(ledger) for ledger in ledgers}) == len(ledgers)
    own = all(getattr(each, "journal", pool.journal) is pool.journal for each in (*ledgers, pool.markets))
    fields = [getattr(market, name) for market in pool.markets.values() for name in type(market).__slots__]
    return alone & own & (not any(isinstance(field, Record | Table) for field in fields))

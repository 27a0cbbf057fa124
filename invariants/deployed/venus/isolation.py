"""ISO: what one Comptroller can do to another: nothing, but over wallets and prices.

A scenario puts a sister beside the pool: another Comptroller in the same state, with markets and vaults of its own, for
the same underlying tokens.  The wallets of those tokens are one ledger; prices are set for each pool.
"""

from __future__ import annotations

from typing import Any

from poolproof.models.deployed.venus.governance import set_collateral_factor, set_price, set_reserve_factor
from poolproof.models.deployed.venus.liquidation import heal_account, liquidate_borrow
from poolproof.models.deployed.venus.market import SHARE_RESERVE, borrow_balance
from poolproof.models.deployed.venus.model import ACTIONS, enter_market
from poolproof.models.deployed.venus.pool import SHORTFALL, Comptroller
from poolproof.models.deployed.venus.users import (
    accrue_interest,
    borrow,
    donate,
    mint,
    redeem_underlying,
    repay_borrow,
)
from poolproof.spec.action import asset, tokens, user
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition, all_of
from poolproof.spec.state import Account, Ledger, Record, Table

from .measures import claimed

SISTER = "{} of the sister"
"""How a sister calls its market of an underlying token."""
POSITIONS = ("tokens", "principal", "interest_index")
TREASURIES = (SHARE_RESERVE, SHORTFALL)
"""What pools pay into, and never read."""


def beside(trial: Trial, pool: Comptroller) -> Comptroller:
    """A sister of a pool, in the same state: its markets have other names, its users the same wallets."""
    sister: Comptroller = trial.copy(pool)
    journal = sister.journal = pool.journal
    markets = {SISTER.format(name): market for name, market in sister.markets.items()}
    for (name, market), own in zip(markets.items(), pool.markets.values(), strict=True):
        own.underlying.restore_(name, own.underlying[own.name])
        market.name, market.underlying = name, own.underlying
        for ledger in POSITIONS:
            setattr(market, ledger, Ledger(journal, dict(getattr(market, ledger))))
    sister.markets = Table(journal, markets)
    entered = {account: tuple(map(SISTER.format, names)) for account, names in sister.entered.items()}
    sister.entered, sister.delegates = Ledger(journal, entered), Ledger(journal, dict(sister.delegates))
    return sister


def picture(pool: Comptroller, without: tuple[Account, ...] | None = None) -> Any:
    """All that a pool stores and holds; ``without`` whose wallets, None for no wallets but its own vaults."""
    seen: list[Any] = [pool.saved_, dict(pool.entered), dict(pool.delegates)]
    for market in pool.markets.values():
        wallets = [market.name] if without is None else [each for each in pool.users if each not in without]
        seen += [market.saved_, [market.underlying[each] for each in (market.name, *wallets)]]
        seen += [{account: value for account, value in getattr(market, name).items() if value} for name in POSITIONS]
    return seen


def act(trial: Trial, pool: Comptroller, user: Account, other: Account, names: tuple[str, str], amount: int) -> Any:
    """What a user can do in two markets, to itself and to another account; how each action ended."""
    first, second = names
    calls = (
        (mint, user, first, amount),
        (enter_market, user, first),
        (borrow, user, second, amount),
        (repay_borrow, user, second, amount // 2),
        (redeem_underlying, user, first, amount // 2),
        (donate, user, second, amount),
        (liquidate_borrow, user, other, second, first, max(borrow_balance(pool.seen(second), other) // 4, 1)),
        (heal_account, user, other),
        (accrue_interest, first),
    )
    return [type(trial.do(pool, what, *arguments)) for what, *arguments in calls]


ISO_1 = claimed("ISO-1")


@ISO_1.scenario(user=user(), borrower=user(), asset=asset(), collateral=asset(), amount=tokens())
def a_sister_keeps_its_state(
    trial: Trial, pool: Comptroller, user: Account, borrower: Account, asset: str, collateral: str, amount: int
) -> None:
    """Whatever a user does in a pool, a sister stores and holds what it did."""
    sister = beside(trial, pool)
    before = picture(sister)
    act(trial, pool, user, borrower, (asset, collateral), amount)
    trial.claim(picture(sister) == before, "an action in one pool changes another")


ISO_2 = claimed("ISO-2")


@ISO_2.scenario(user=user(), borrower=user(), stranger=user(), asset=asset(), collateral=asset(), amount=tokens())
def what_happens_in_a_sister_is_not_seen(
    trial: Trial,
    pool: Comptroller,
    user: Account,
    borrower: Account,
    stranger: Account,
    asset: str,
    collateral: str,
    amount: int,
) -> None:
    """Beside a sister whose prices, parameters and balances moved, the same actions end alike and leave the same."""
    trial.assume(stranger not in (user, borrower))
    other = trial.copy(pool)
    beside(trial, pool)
    sister = beside(trial, other)
    names = SISTER.format(asset), SISTER.format(collateral)
    for name in names:
        trial.do(sister, set_collateral_factor, name, 0, 0)
        trial.do(sister, set_reserve_factor, name, 0)
        trial.do(sister, set_price, name, amount)
    act(trial, sister, stranger, borrower, names, amount)
    one, two = (act(trial, each, user, borrower, (asset, collateral), amount) for each in (pool, other))
    trial.claim(one == two, "a refusal depends on another pool")
    same = picture(pool, (stranger, *TREASURIES)) == picture(other, (stranger, *TREASURIES))
    trial.claim(same, "what an action does depends on another pool")


ISO_5 = claimed("ISO-5")


@ISO_5.scenario(user=user(), borrower=user(), asset=asset(), collateral=asset(), amount=tokens())
def a_failure_is_not_seen_in_a_sister(
    trial: Trial, pool: Comptroller, user: Account, borrower: Account, asset: str, collateral: str, amount: int
) -> None:
    """A pool that records bad debt leaves a sister's fields, valuations and cash, and what is done there ends alike."""
    trial.assume(user != borrower)
    sound = trial.copy(pool)
    beside_sound, sister = beside(trial, sound), beside(trial, pool)
    before = picture(sister)
    for name in pool.markets_of(borrower):
        if pool.seen(name).principal[borrower] == 0:
            trial.do(pool, set_price, name, 1)
    trial.assume(trial.do(pool, heal_account, user, borrower) is None)
    trial.claim(picture(sister) == before, "a failure changes another pool")
    for market, whole in zip(pool.markets.values(), sound.markets.values(), strict=True):
        market.underlying[user] = whole.underlying[user]
    names = SISTER.format(asset), SISTER.format(collateral)
    one, two = (act(trial, each, user, borrower, names, amount) for each in (sister, beside_sound))
    trial.claim(one == two, "a refusal depends on another pool's failure")
    trial.claim(picture(sister) == picture(beside_sound), "what an action does depends on another pool's failure")


ISO_7 = claimed("ISO-7")


@ISO_7.scenario(user=user(), borrower=user(), asset=asset(), collateral=asset(), amount=tokens())
def a_position_elsewhere_backs_nothing(
    trial: Trial, pool: Comptroller, user: Account, borrower: Account, asset: str, collateral: str, amount: int
) -> None:
    """With collateral in a sister a borrower borrows no more, is liquidated no less, and loses nothing of it."""
    trial.assume(user != borrower)
    rich = trial.copy(pool)
    beside(trial, pool)
    sister = beside(trial, rich)
    name = SISTER.format(collateral)
    sister.seen(name).underlying[borrower] += amount
    trial.assume(trial.do(sister, mint, borrower, name, amount) is None)
    trial.do(sister, enter_market, borrower, name)
    held = picture(sister)
    answers = []
    for each in (pool, rich):
        lent = type(trial.do(each, borrow, borrower, asset, amount))
        answers.append((lent, act(trial, each, user, borrower, (collateral, asset), amount)))
    trial.claim(answers[0] == answers[1], "a debt is backed by a position in another pool")
    trial.claim(picture(sister) == held, "a position in another pool is seized")


ISO_8 = claimed("ISO-8")


@ISO_8.step("position", of=ACTIONS)
def only_accounts_that_are_named_move(step: Step, old: Any, new: Any, account: Account) -> Condition:
    """An action changes the vTokens, debts and memberships of the accounts that it names, and of nobody else."""
    if account in step.arguments.values():
        return True
    entered = step.new.has_entered(account, new.name) == step.old.has_entered(account, new.name)
    return entered & all_of(getattr(old, name)[account] == getattr(new, name)[account] for name in POSITIONS)


ISO_9 = claimed("ISO-9")


@ISO_9.state("pool")
def a_pool_holds_only_its_own(pool: Comptroller) -> Condition:
    """Each ledger is one market's alone, on the pool's own log of changes, and no market refers to another record.

    What is left to share are the wallets of a token, and prices, which are numbers set for each pool.
    """
    ledgers = [getattr(each, name) for each in (pool, *pool.markets.values()) for name in each.ledgers]
    alone = len({id(ledger) for ledger in ledgers}) == len(ledgers)
    own = all(ledger.journal is pool.journal for ledger in (*ledgers, pool.markets))
    fields = [getattr(market, name) for market in pool.markets.values() for name in type(market).__slots__]
    return alone & own & (not any(isinstance(field, Record | Table) for field in fields))

"""A symbolic Venus pool: the deployed contracts' model on terms, for proofs by induction.

Explicit are the markets that an action names and the accounts that it names, plus one arbitrary other account; what
an account has in all other markets is one arbitrary sum.  An accrual is read once, for the action that does nothing
else; everywhere else it is any change that its contract (the row ACCRUAL, proved of it) allows, or a refusal.  What
an action reads beyond that is not there, and ends the reading: nothing is assumed of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from poolproof.invariants.deployed.venus.accruals import (
    ACCRUAL,
    ACCRUED,
    PORTFOLIO,
    values_in_order,
    what_an_accrual_does,
)
from poolproof.models.deployed.venus.liquidation import heal_account
from poolproof.models.deployed.venus.market import SHARE_RESERVE, VToken, accrue
from poolproof.models.deployed.venus.pool import Comptroller
from poolproof.models.deployed.venus.rates import RateModel
from poolproof.models.deployed.venus.refusals import PriceError
from poolproof.models.deployed.venus.rewards import RewardsDistributor, Side
from poolproof.models.deployed.venus.users import accrue_interest
from poolproof.models.deployed.word import MAX_UINT256, Revert
from poolproof.spec.action import Action, Domain
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Clause, Invariant, Step
from poolproof.spec.logic import implies
from poolproof.spec.refusal import Refusal, require
from poolproof.spec.state import Account, Table

from .clauses import by_cuts, claim_clause, places
from .induction import MARKET, Case, Induction, Obligation, SymbolicTrial, Unit, cases_of, goals_of, owned
from .paths import Path, Unreachable
from .terms import Space, frozen
from .world import ANYONE, AnyRate, NoJournal, SymbolicLedger

WORDS = "WORDS"
"""The lemma that every stored number is a word: none is negative."""
PARTS = ("to borrow", "to liquidation", "collateral", "debt")
"""What is summed over an account's markets."""
SHARED = (
    "healed",
    "journal",
    "presented",
    "real_accruals",
    "space",
    "stamp_",
    "tells_present",
    "users",
)
"""What a copy of a pool has as the pool has it, besides its numbers."""
READ = (
    "internal_cash",
    "total_borrows",
    "total_reserves",
    "bad_debt",
    "borrow_index",
    "accrued_at",
    "swept_at",
    "sweep_interval",
    "reserve_factor",
)
"""The stored numbers that an accrual reads."""
UNSEEN = object()
FLAGS = ("listed", "forced_liquidation")
ABOUT_ACCRUALS = ("GOV-2-w", "LIVE-4-w", "RATE-6")
"""The rows whose scenarios read accruals themselves."""
POSITIVE = ("borrow_index", "initial_exchange_rate")
"""Numbers that are above 0 by the lemmas on indices, and by the deployment."""


class AccrualRefused(Revert):
    """An accrual that reverts, for whichever reason."""


class RisingRate(AnyRate):
    """A rate model of which is known besides that no rate exceeds the one at full utilisation."""

    __slots__ = ()

    def borrow_rate(self, used: Any) -> Any:
        """Some rate; the same at the same utilisation."""
        rate = super().borrow_rate(used)
        self._space.fact(implies(used <= WAD, rate <= super().borrow_rate(WAD)), "RATE-2")
        return rate


class AnyBits:
    """What is paused: each bit on its own, the same whenever it is asked."""

    __slots__ = ("_name", "_space", "_which")

    def __init__(self, space: Space, name: str, which: int | None = None) -> None:
        self._space, self._name, self._which = space, name, which

    def __rshift__(self, which: int) -> AnyBits:
        return AnyBits(self._space, self._name, int(which))

    def __and__(self, _: int) -> Any:
        return self._space.once_flag(f"{self._name} {self._which}")


class Elsewhere:
    """What an account has in all markets that are not explicit, as if in one."""

    __slots__ = ("_pool", "accrued_at", "name")

    def __init__(self, pool: SymbolicComptroller, account: Account) -> None:
        self._pool, self.name = pool, "elsewhere"
        self.accrued_at = pool.space.once((account, "elsewhere"), f"elsewhere.accrued_at[{account}]")

    def valued(self, account: Account, *, at_threshold: bool) -> tuple[Any, Any, Any, Any]:
        """The sums of weighted collateral, collateral and debt.  Refuses: PriceError, as a market without one."""
        space, when = self._pool.space, (self._pool.healed, self._pool.presented)
        require(~space.once_flag(f"elsewhere[{account}] is unpriced"), PriceError, "elsewhere")
        values: list[Any] = [space.once((account, when, part), f"elsewhere.{part}[{account}]") for part in PARTS]
        space.fact(values_in_order(*values), PORTFOLIO.id)
        to_borrow, to_liquidation, collateral, owed = values
        return 0, to_liquidation if at_threshold else to_borrow, collateral, owed


class SymbolicComptroller(Comptroller):
    """A pool of which some markets are explicit."""

    __slots__ = ("accounts_entered", "healed", "presented", "real_accruals", "space", "tells_present")

    space: Space
    accounts_entered: dict[tuple[Account, str], Any]
    healed: int
    presented: bool
    real_accruals: bool
    tells_present: bool

    def accrued(self, name: str) -> VToken:
        """A market at the present: by the contract of accruals, or by the accrual itself."""
        market = self.markets[name]
        if self.real_accruals:
            accrue_blindly(market, self.now)
        elif not self._is_present(market):
            accrue_by_contract(self.space, market, self.now)
        return market

    def _is_present(self, market: VToken) -> bool:
        """Whether a market is plainly accrued to now; where it is told apart, each way is a path."""
        present = market.accrued_at == self.now
        return bool(present) if self.tells_present else present is True

    def markets_of(self, account: Account) -> tuple[str, ...]:
        """The explicit markets that count for an account."""
        counts = self.accounts_entered
        return tuple([name for name, market in self.markets.items() if counts[account, name] and market.listed])

    def counted_for(self, account: Account) -> Iterator[Any]:
        """The explicit markets that count for an account, and all others as one."""
        yield from map(self.seen, self.markets_of(account))
        yield Elsewhere(self, account)

    def has_entered(self, account: Account, name: str) -> Any:
        """Whether an account entered an explicit market."""
        return self.accounts_entered[account, name]

    def enter(self, account: Account, name: str) -> None:
        """Let a market count for an account."""
        self.accounts_entered[account, name] = True

    def leave(self, account: Account, name: str) -> None:
        """Let a market no longer count for an account."""
        self.accounts_entered[account, name] = False

    def copy(self) -> SymbolicComptroller:
        """A copy that a run on this one does not change."""
        twin = SymbolicComptroller()
        for name in (*Comptroller.scalars, *SHARED):
            setattr(twin, name, getattr(self, name))
        twin.distributors = {name: copied(each) for name, each in self.distributors.items()}  # type: ignore[assignment]
        twin.markets = {name: market.copy() for name, market in self.markets.items()}  # type: ignore[assignment]
        twin.accounts_entered, twin.events = dict(self.accounts_entered), []
        return twin

    def put_back(self, before: SymbolicComptroller) -> None:
        """Be again as a copy that was taken before."""
        for name in (*Comptroller.scalars, "accounts_entered", "distributors", "events", "markets"):
            setattr(self, name, getattr(before, name))


def copied(distributor: RewardsDistributor) -> RewardsDistributor:
    """A copy of a distributor, with sides of its own."""
    twin = distributor.copy()
    for name in ("suppliers", "borrowers"):
        sides: Table[Side] = getattr(distributor, name)
        setattr(twin, name, Table(sides.journal, {market: side.copy() for market, side in sides.items()}))
    return twin


def accrue_by_contract(space: Space, market: VToken, now: Any) -> None:
    """Let an accrual do anything that its contract allows, the same whenever the market is the same.

    Refuses: AccrualRefused.
    """
    key = (market.name, id(market.rate_model), *(frozen(space.lift(number).poly) for number in (now, *read_by(market))))
    require(~space.once_flag(f"{market.name}: the accrual is refused", key), AccrualRefused)
    old, known = market.copy(), space.has((key, "swept"))
    for name in ACCRUED:
        sign: Any = "positive" if name in POSITIVE else "nonneg"
        setattr(market, name, space.once((key, name), f"{market.name}.{name} accrued", sign))
    swept = space.once((key, "swept"), f"{market.name}.swept")
    market.accrued_at = now
    cash: Any = space.once((key, "cash"), f"{market.name}.internal_cash accrued")
    market.internal_cash = cash
    for account, change in ((market.name, -swept), (SHARE_RESERVE, swept)):
        market.underlying[account] = market.underlying[account] + change
    if not known:
        space.fact(what_an_accrual_does(old, market), ACCRUAL.id)


def read_by(market: VToken) -> Iterator[Any]:
    """The numbers that an accrual reads, the rate model aside."""
    yield from (getattr(market, name) for name in READ)
    yield market.underlying[market.name]
    yield market.underlying[SHARE_RESERVE]


def accrue_blindly(market: VToken, now: Any) -> None:
    """Carry an accrual out where all that it is not said to read is out of sight: reading it ends in a TypeError."""
    hidden = [name for name in (*VToken.scalars, *VToken.ledgers) if name not in (*READ, "rate_model", "underlying")]
    kept = {name: getattr(market, name) for name in hidden}
    for name in hidden:
        setattr(market, name, UNSEEN)
    try:
        accrue(market, now, [])
    finally:
        for name, value in kept.items():
            setattr(market, name, value)


def symbolic_comptroller(
    space: Space, names: tuple[str, ...], accounts: tuple[Account, ...], *, counts_donations: bool
) -> SymbolicComptroller:
    """An arbitrary pool in which the named markets are explicit."""
    pool = SymbolicComptroller()
    pool.space, pool.stamp_, pool.healed, pool.presented, pool.real_accruals = space, 0, 0, False, False
    pool.tells_present = False
    pool.journal, pool.users, pool.events = NoJournal(), accounts, []  # type: ignore[assignment]
    pool.distributors = {}  # type: ignore[assignment]  # none are deployed
    for name in Comptroller.scalars:
        setattr(pool, name, space.number(name, "nonneg"))
    markets = {name: symbolic_vtoken(space, name, accounts, counts_donations) for name in names}
    pool.markets = markets  # type: ignore[assignment]  # a plain dict: nothing is undone
    pool.accounts_entered = {
        (account, name): space.flag(f"{name}.entered[{account}]") for account in accounts for name in names
    }
    return pool


def symbolic_vtoken(space: Space, name: str, accounts: tuple[Account, ...], counts_donations: bool) -> VToken:
    """An arbitrary market."""
    market = VToken()
    market.name, market.stamp_ = name, 0
    for scalar in (*VToken.scalars, "initial_exchange_rate", "max_borrow_rate"):
        if scalar in FLAGS:
            setattr(market, scalar, space.flag(f"{name}.{scalar}"))
        elif scalar == "rate_model":
            market.rate_model = any_rate_model(space, name)
        elif scalar == "paused":
            market.paused = AnyBits(space, f"{name}.paused")  # type: ignore[assignment]  # read bit by bit
        else:
            setattr(market, scalar, space.number(f"{name}.{scalar}", "positive" if scalar in POSITIVE else "nonneg"))
    market.counts_donations = counts_donations
    for ledger_name in VToken.ledgers:
        ledger = SymbolicLedger(space, f"{name}.{ledger_name}")
        ledger.declare((*accounts, name, SHARE_RESERVE) if ledger_name == "underlying" else accounts)
        setattr(market, ledger_name, ledger)
    return market


def any_rate_model(space: Space, name: str) -> RateModel:
    """A rate model of which only is known that no rate is below 0, or above the one at full utilisation."""
    return RateModel(f"rates of {name}", RisingRate(space, name))  # type: ignore[arg-type]  # the same interface


def accrued_to(pool: SymbolicComptroller, now: Any) -> SymbolicComptroller:
    """A copy of a pool with every market at a time; goes on only where no accrual is refused.

    What an account has elsewhere is then another sum: other markets may not have been accrued before.
    """
    twin = pool.copy()
    twin.now, twin.presented = now, True
    for name in twin.markets:
        try:
            twin.accrued(name)
        except AccrualRefused:
            raise Unreachable from None
    return twin


class VenusInduction(Induction):
    """The obligations of the catalogue of a model of the deployed Venus contracts."""

    def world(
        self, space: Space, domains: dict[str, Domain], case: Case, *, instant: bool
    ) -> tuple[SymbolicComptroller, list[Any]]:
        """An arbitrary state that satisfies the lemmas, and arbitrary arguments inside their domains."""
        space.signs = WORDS
        names = tuple(dict.fromkeys(case.assets.values())) or (MARKET,)
        accounts = tuple(dict.fromkeys((*case.accounts.values(), ANYONE)))
        pool = symbolic_comptroller(space, names, accounts, counts_donations="by balance" in case.kinds.values())
        if instant:
            for market in pool.markets.values():
                market.accrued_at = pool.now
        self.assume_environment(space, pool)
        for invariant, clause in self.lemmas:
            for _, place in places(clause, pool, accounts):
                space.fact(clause.check(*place), invariant.id)
        return pool, [self.argument(space, name, domain, case) for name, domain in domains.items()]

    def argument(self, space: Space, name: str, domain: Domain, case: Case) -> Any:
        """An arbitrary argument of a domain."""
        if domain.kind == "rate_model":
            return any_rate_model(space, name)
        if domain.kind == "flag":
            return space.flag(name)
        return super().argument(space, name, domain, case)

    def assume_environment(self, space: Space, pool: Any) -> None:
        """What is assumed of parameters, and of the tokens that there are."""
        for name, condition in self.region(pool):
            space.fact(condition, f"region: {name}")
        for market in pool.markets.values():
            space.fact(market.underlying.total() <= MAX_UINT256, "environment: a token's supply is a word")

    def region(self, pool: Any) -> list[tuple[str, Any]]:
        """The conditions on parameters, less those that are not to be relied on."""
        return [(name, condition) for name, condition in self.model.admissible(pool) if name not in self.dropped]

    def _of_states(self, clauses: list[tuple[Invariant, Clause]]) -> Iterator[Obligation]:
        """The obligations of claims about every state."""

        def run(path: Path, pool: Any) -> None:
            for invariant, clause in clauses:
                for name, place in places(clause, pool, (ANYONE,)):
                    path.scoped(partial(claim_clause, path, clause, place, f"{invariant.id}/{clause.name}{name}"))

        for case in self.cases({}):

            def setup(space: Space, case: Case = case) -> Any:
                return self.world(space, {}, case, instant=False)[0]

            for path in self.explore(setup, run):
                for goal in goals_of(path):
                    yield owned(goal, "any state", case.name)

    def cases(self, domains: dict[str, Domain]) -> Iterator[Case]:
        """The cases of an action's or a scenario's arguments, each for both ways to count cash."""
        for case in cases_of(domains):
            yield case
            yield replace(case, kinds=dict.fromkeys(case.kinds, "by balance"))

    def _of_action(self, action: Action, clauses: list[tuple[Invariant, Clause]], *, instant: bool) -> Iterator[Unit]:
        for case in self.cases(action.domains):
            yield partial(self._of_step, action, clauses, case, instant=instant)

    def _of_step(
        self, action: Action, clauses: list[tuple[Invariant, Clause]], case: Case, *, instant: bool
    ) -> Iterator[Obligation]:
        """The obligations of a step: at the markets that the action names; it can reach no other."""
        accounts = tuple(dict.fromkeys((*case.accounts.values(), ANYONE)))

        def setup(space: Space) -> tuple[Any, list[Any]]:
            return self.world(space, action.domains, case, instant=False)

        def run(path: Path, start: tuple[Any, list[Any]]) -> None:
            old, arguments = start
            pool = old.copy()
            pool.real_accruals = action == accrue_interest and not instant
            pool.tells_present = not instant and any(
                clause.over == "account" and action.name in clause.of for _, clause in clauses
            )
            pool.presented = action == heal_account  # it accrues every market that counts
            action.run(pool, *arguments)
            pool.healed += action == heal_account
            if action.by != "user":
                for name, condition in self.region(pool):
                    path.assume(condition, f"region: {name}")
            before = old
            if instant:
                before, pool = (accrued_to(each, pool.now) for each in (old, pool))
            step = Step(action, dict(zip(action.domains, arguments, strict=True)), before, pool)
            for cuts, group in by_cuts(clauses):
                self._claim_group(path, cuts, group, step, accounts, None)

        for path in self.explore(setup, run):
            for goal in goals_of(path):
                yield owned(goal, action.name, case.name)

    def trial(self, path: Path, owner: str, pool: Any) -> tuple[SymbolicTrial, Any]:
        """A scenario's hand on a path, and the copy of a pool that it may change."""
        twin = pool.copy()
        twin.real_accruals = owner in ABOUT_ACCRUALS
        return VenusTrial(path, owner, self.model), twin


class VenusTrial(SymbolicTrial):
    """A scenario's hand on a symbolic path of a Venus pool."""

    def attempt(self, state: Any, part: Callable[..., None], *arguments: Any) -> Refusal | None:
        """Carry a part of an action out on a state; a refusal leaves the state as it was."""
        before = state.copy()
        try:
            part(state, *arguments)
        except Refusal as refusal:
            state.put_back(before)
            return refusal
        return None

    def copy(self, state: Any) -> Any:
        """An independent copy of a state."""
        return state.copy()

    def sister(self, state: Any, named: Callable[[str], str], _alike: Callable[[Any, Any], Any], /) -> Any:
        """Any pool whose markets have the same underlying tokens: of theirs it has vaults of its own."""
        space, own = self._path.space, state.markets
        by_balance = any(market.counts_donations for market in own.values())
        names = tuple(map(named, own))
        sister = symbolic_comptroller(space, names, state.users, counts_donations=by_balance)
        for market, shared in zip(sister.markets.values(), own.values(), strict=True):
            market.underlying = shared.underlying
            shared.underlying.keep(market.name, space.number(f"{market.name} holds", "nonneg"))
            if shared.accrued_at is state.now:
                market.accrued_at = sister.now
        return sister

"""REG, REW: what the registry and the rewards distributors do around a pool.

The state of a pool has neither: a scenario votes, or puts a distributor beside its copy of the pool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poolproof.models.deployed.venus.build import FIRST_SUPPLIER
from poolproof.models.deployed.venus.governance import (
    pass_time,
    set_actions_paused,
    set_collateral_factor,
    set_market_borrow_caps,
    set_market_supply_caps,
    unlist_market,
)
from poolproof.models.deployed.venus.liquidation import heal_account
from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.model import ACTIONS
from poolproof.models.deployed.venus.pool import Comptroller, Pausable, snapshot
from poolproof.models.deployed.venus.rewards import (
    DOUBLE,
    INITIAL_INDEX,
    MAX_UINT32,
    Side,
    add_rewards_distributor,
    claim_reward_token,
    deploy_distributor,
    per_index,
    set_reward_token_speeds,
    settle_borrower,
    settle_suppliers,
)
from poolproof.models.deployed.venus.users import (
    add_reserves,
    borrow,
    donate,
    mint,
    mint_behalf,
    redeem,
    reduce_reserves,
    repay_borrow,
    transfer,
)
from poolproof.models.deployed.word import MAX_UINT256
from poolproof.spec.action import Action, Domain, asset, shares, slots, tokens, user
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Invariant, Step, Trial
from poolproof.spec.logic import Condition, all_of, implies, negation
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

from .accruals import unchanged
from .books import REDEMPTIONS, rounded_redemption
from .measures import VENUS, assets, claimed

EVERY_PAUSE = tuple(int(each) for each in Pausable)
GIFTS = (add_reserves, reduce_reserves)
"""What moves no stake: tokens that are given to the reserves, and reserves that are sent where they always go."""

# --- REG-1 ---------------------------------------------------------------------------------------------------------

REG_1 = claimed("REG-1")
REG_1_W = VENUS.declare(
    "REG-1-w",
    "nobody supplies, redeems, transfers, borrows, repays, liquidates, enters or leaves in a market that is not listed",
    "refusal",
    why="a market is listed by its pool's registry alone; that it has a price is asked only where it is collateral",
)


def _needs_a_listed_market(of: Invariant, action: Action) -> None:
    """Add the clauses that an action is refused where a market that it names is not listed, one for each of them."""
    places = [(position, name) for position, name in enumerate(action.domains) if action.domains[name].kind == "asset"]
    for position, name in places:

        def check(trial: Trial, pool: Comptroller, *arguments: Any, position: int = position) -> None:
            pool.markets[arguments[position]].listed = False
            trial.claim(trial.do(pool, action, *arguments) is not None, f"{action.name} in a market not listed")

        what = "a_listed_market" if len(places) == 1 else f"its_{name}_listed"
        check.__name__ = f"{action.name}_needs_{what}"
        check.__doc__ = f"{action.name} is refused unless the market that is its {name} is listed."
        of.scenario(**action.domains)(check)  # type: ignore[arg-type]  # no argument is called instant


for _action in ACTIONS:
    if _action.by == "user" and _action != donate and any(each.kind == "asset" for each in _action.domains.values()):
        _needs_a_listed_market(REG_1, _action)
        if _action not in GIFTS:
            _needs_a_listed_market(REG_1_W, _action)


@REG_1.scenario(user=user(), asset=asset(), amount=tokens())
def nobody_supplies_without_a_price(trial: Trial, pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """A deposit to a market that has no price is refused."""
    trial.assume(pool.seen(asset).price == 0)
    trial.claim(trial.do(pool, mint, user, asset, amount) is not None, "the deposit is accepted")


# --- REG-2 ---------------------------------------------------------------------------------------------------------

REG_2 = claimed("REG-2")
REG_2_W = VENUS.declare(
    "REG-2-w",
    "a market is unlisted only once every action in it is paused and its caps and collateral factor are 0, and a listed "
    "market counts in every check of an account that is in it",
    "refusal",
    why="what is asked of a market that is unlisted is its parameters, never what accounts have in it",
)


def unlisted(trial: Trial, pool: Comptroller, asset: str) -> Refusal | None:
    """One vote: pause every action of a market, set its caps and collateral factor to 0, unlist it."""
    for each, arguments in (
        (set_actions_paused, (EVERY_PAUSE, True)),
        (set_market_supply_caps, (0,)),
        (set_market_borrow_caps, (0,)),
        (set_collateral_factor, (0, pool.seen(asset).liquidation_threshold)),
        (unlist_market, ()),
    ):
        refusal = trial.attempt(pool, each.run, asset, *arguments)
        if refusal is not None:
            return refusal
    return None


@REG_2.scenario(asset=asset())
def a_market_in_use_cannot_be_unlisted(trial: Trial, pool: Comptroller, asset: str) -> None:
    """No vote takes a market with suppliers or debts off the list."""
    market = pool.seen(asset)
    trial.assume((market.total_supply > 0) | (market.total_borrows > 0))
    trial.claim(unlisted(trial, pool, asset) is not None, "the market is unlisted")


@REG_2_W.scenario(asset=asset())
def what_is_open_cannot_be_unlisted(trial: Trial, pool: Comptroller, asset: str) -> None:
    """A market of which an action is open, or a cap or the collateral factor is not 0, stays on the list."""
    market = pool.seen(asset)
    limits = (market.supply_cap == 0) & (market.borrow_cap == 0) & (market.collateral_factor == 0)
    paused = all_of(market.paused >> each & 1 for each in EVERY_PAUSE)
    trial.assume(negation(paused & limits))
    trial.claim(trial.attempt(pool, unlist_market.run, asset) is not None, "the market is unlisted")


def _counts_where_the_account_is_in_it(of: Invariant) -> None:
    """Add the clause that a listed market counts."""

    @of.scenario(account=user(), asset=asset())
    def a_market_counts_where_the_account_is_in_it(
        trial: Trial, pool: Comptroller, account: Account, asset: str
    ) -> None:
        """Whoever has vTokens or debts that are worth something in it is worth something else without it."""
        market = pool.seen(asset)
        trial.assume(market.listed & pool.has_entered(account, asset))
        trial.assume(all_of(pool.seen(name).price > 0 for name in pool.markets_of(account)))
        without = trial.copy(pool)
        without.markets[asset].listed = False
        one, other = (snapshot(each, account, at_threshold=True) for each in (pool, without))
        owed = market.price * borrow_balance(market, account)
        price = market.price * exchange_rate(market)
        counted = one.borrows - other.borrows
        trial.claim((counted * WAD <= owed) & (owed < (counted + 1) * WAD), "its debt does not count")
        held, value = market.tokens[account], one.collateral - other.collateral
        trial.claim(value * WAD * WAD <= price * held, "its collateral counts for more")
        trial.claim(price * held < (value + 1) * WAD * WAD + held * WAD, "its collateral does not count")


_counts_where_the_account_is_in_it(REG_2)
_counts_where_the_account_is_in_it(REG_2_W)

# --- REG-3 ---------------------------------------------------------------------------------------------------------

REG_3 = claimed("REG-3")
REG_3_W = VENUS.declare(
    "REG-3-w",
    "where cash is counted no donation moves what a vToken costs: the first deposit leaves it below the initial rate x "
    "(supply + 1), a redemption raises what all cost by less than one unit and one for each 1e18 vTokens burned, and a "
    "deposit loses less than one vToken at the rate before a donation",
    "profit",
    why="a donation moves the rate only where cash is a balance, or once governance counts it",
)


def assume_empty(trial: Trial, market: VToken) -> None:
    """Go on only in a market as it is before its first supply."""
    for number in (market.total_supply, market.total_borrows, market.total_reserves, market.bad_debt, market.cash):
        trial.assume(number == 0)


@REG_3.scenario(user=user(), asset=asset(), amount=tokens())
def a_first_deposit_gets_vtokens(trial: Trial, pool: Comptroller, user: Account, asset: str, amount: int) -> None:
    """As RND-3: tokens that an empty market takes give at least one vToken."""
    assume_empty(trial, pool.seen(asset))
    trial.assume(amount > 0)
    trial.assume(trial.do(pool, mint, user, asset, amount) is None)
    trial.claim(pool.seen(asset).total_supply > 0, "nothing is given for the first deposit")


@REG_3_W.scenario(instant=True, attacker=user(), victim=user(), asset=asset(), donated=tokens(), amount=tokens())
def a_deposit_after_a_donation_cannot_be_robbed(
    trial: Trial, pool: Comptroller, attacker: Account, victim: Account, asset: str, donated: int, amount: int
) -> None:
    """Who supplies after a donation has less than one vToken too few, at the rate before it."""
    market = pool.seen(asset)
    trial.assume(negation(market.counts_donations))
    rate, held = exchange_rate(market), market.tokens[victim]
    trial.assume(trial.do(pool, donate, attacker, asset, donated) is None)
    trial.assume(trial.do(pool, mint, victim, asset, amount) is None)
    credited = pool.seen(asset).tokens[victim] - held
    trial.claim((credited + 1) * rate > amount * WAD, "the deposit loses a vToken or more")


@REG_3_W.step(of=(mint, mint_behalf), instant=True)
def the_first_deposit_sets_the_initial_rate(step: Step, old: VToken, new: VToken) -> Condition:
    """assets < initial rate x (supply + 1), after a deposit to a market that had no assets."""
    fresh = (old.total_supply == 0) & (assets(old) == 0)
    return implies(fresh, assets(new) * WAD < new.initial_exchange_rate * (new.total_supply + 1))


@REG_3_W.step(of=REDEMPTIONS, instant=True, cuts=rounded_redemption)
def a_redemption_leaves_roundings(step: Step, old: VToken, new: VToken) -> Condition:
    """assets less those at the rate before < 1 + burned / 1e18."""
    burned, supply = old.total_supply - new.total_supply, old.total_supply
    left = assets(new) * supply - assets(old) * new.total_supply
    return (supply == 0) | (left * WAD < (WAD + burned) * supply)


# --- rewards beside a pool -----------------------------------------------------------------------------------------

REWARDS = "rewards"
FUNDS = 2**112
MOST_EMITTED = 2**96
"""What is emitted in a scenario whose claim is not about its size [reward tokens]."""
MOST_OWED = 2**128
"""What is owed in a market whose debts have room for the indices of rewards [tokens]."""


def speed() -> Domain:
    """A speed, of any size [reward tokens per slot]."""
    return Domain("cap", high=MAX_UINT256)


def rewarded(trial: Trial, pool: Comptroller, asset: str, supply: int, borrow: int) -> Comptroller:
    """A copy of the pool with a distributor that begins now, with speeds in one market."""
    twin: Comptroller = trial.copy(pool)
    deploy_distributor(twin, REWARDS, {REWARDS: FUNDS})
    trial.assume(trial.attempt(twin, add_rewards_distributor.run, REWARDS) is None)
    trial.assume(trial.attempt(twin, set_reward_token_speeds.run, REWARDS, asset, supply, borrow) is None)
    return twin


def claim_for(trial: Trial, pool: Comptroller, account: Account, asset: str) -> int:
    """Claim for an account in a market; what it was paid, and what it is still owed [reward tokens]."""
    trial.assume(trial.attempt(pool, claim_reward_token.run, account, REWARDS, account, (asset,)) is None)
    distributor = pool.distributors[REWARDS]
    rewards: int = distributor.balances[account] + distributor.accrued[account]
    return rewards


def claim_for_all(trial: Trial, pool: Comptroller, asset: str) -> int:
    """Claim for every account; what was paid and is still owed [reward tokens]."""
    market = pool.seen(asset)
    for account in dict.fromkeys((*market.tokens, *market.principal, FIRST_SUPPLIER)):
        claim_for(trial, pool, account, asset)
    distributor = pool.distributors[REWARDS]
    rewards: int = FUNDS - distributor.balances[REWARDS] + distributor.accrued.total()
    return rewards


def earned(trial: Trial, pool: Comptroller, account: Account, asset: str) -> int:
    """Settle what an account has as a supplier; what it is owed [reward tokens]."""
    trial.assume(trial.attempt(pool, settled, settle_suppliers, account, asset) is None)
    rewards: int = pool.distributors[REWARDS].accrued[account]
    return rewards


# --- REW-1 ---------------------------------------------------------------------------------------------------------

REW_1 = claimed("REW-1")
REW_1_W = VENUS.declare(
    "REW-1-w",
    "a supplier's rewards are at most what was emitted x its part of all vTokens; a borrower's at most what was emitted x "
    "its debt / the market's, both at a borrow index of 1",
    "two-run",
    why="the parts of suppliers sum to 1; debts are each rounded down, and so is their sum, on another way",
)


def _of_all(suppliers: int, borrowers: int, name: str) -> None:
    """Add the clause about the sum of what all accounts of one side get."""

    def check(trial: Trial, pool: Comptroller, asset: str, speed: int, elapsed: int) -> None:
        trial.assume(speed * elapsed <= MOST_EMITTED)
        twin = rewarded(trial, pool, asset, suppliers * speed, borrowers * speed)
        trial.do(twin, pass_time, elapsed)
        trial.claim(claim_for_all(trial, twin, asset) <= speed * elapsed, "more is claimed than was emitted")

    check.__name__ = name
    check.__doc__ = "Claimed and claimable <= speed x slots."
    REW_1.scenario(asset=asset(), speed=tokens(), elapsed=slots())(check)


_of_all(1, 0, "suppliers_get_at_most_what_is_emitted")
_of_all(0, 1, "borrowers_get_at_most_what_is_emitted")


@REW_1_W.scenario(account=user(), asset=asset(), speed=tokens(), elapsed=slots())
def a_supplier_gets_its_part_at_most(
    trial: Trial, pool: Comptroller, account: Account, asset: str, speed: int, elapsed: int
) -> None:
    """Claimed and claimable x supply <= speed x slots x vTokens."""
    market = pool.seen(asset)
    twin = rewarded(trial, pool, asset, speed, 0)
    trial.assume(trial.do(twin, pass_time, elapsed) is None)
    got = claim_for(trial, twin, account, asset)
    side = twin.distributors[REWARDS].suppliers[asset]
    part_at_most(trial, side, got, market.tokens[account], market.total_supply, speed * elapsed)


@REW_1_W.scenario(account=user(), asset=asset(), speed=tokens(), elapsed=slots())
def a_borrower_gets_its_part_at_most(
    trial: Trial, pool: Comptroller, account: Account, asset: str, speed: int, elapsed: int
) -> None:
    """Claimed and claimable x the market's debt / index <= speed x slots x debt / index."""
    market = pool.seen(asset)
    counted = per_index(market.total_borrows, market.borrow_index)
    owed = per_index(borrow_balance(market, account), market.borrow_index)
    twin = rewarded(trial, pool, asset, 0, speed)
    trial.assume(trial.do(twin, pass_time, elapsed) is None)
    got = claim_for(trial, twin, account, asset)
    part_at_most(trial, twin.distributors[REWARDS].borrowers[asset], got, owed, counted, speed * elapsed)


def part_at_most(trial: Trial, side: Side, got: int, held: int, total: int, emitted: int) -> None:
    """Claim that what an account got is at most its part of what was emitted, over what the index has grown."""
    grown = side.index - INITIAL_INDEX
    trial.claim(got * DOUBLE <= held * grown, "an account gets more than the index says")
    trial.claim(grown * total <= emitted * DOUBLE, "the index grows by more than is emitted")
    trial.claim(held * grown * total <= held * emitted * DOUBLE, "and so does what a part has of it")
    trial.claim(got * total * DOUBLE <= held * grown * total, "and so does what an account gets")
    trial.claim(got * total <= emitted * held, "more is claimed than a part of what was emitted")


# --- REW-2 ---------------------------------------------------------------------------------------------------------

REW_2 = claimed("REW-2")
REW_2_W = VENUS.declare(
    "REW-2-w",
    "entering a market late or splitting vTokens earns a supplier nothing more",
    "two-run",
    why="every change of vTokens settles whose they are first; the healing of a debt for nothing settles nobody",
)


@REW_2.scenario(user=user(), borrower=user(), account=user(), asset=asset(), speed=tokens(), elapsed=slots())
def a_healing_leaves_others_their_rewards(
    trial: Trial,
    pool: Comptroller,
    user: Account,
    borrower: Account,
    account: Account,
    asset: str,
    speed: int,
    elapsed: int,
) -> None:
    """A third borrower has the same rewards of the past whether they are claimed before a healing or right after it."""
    trial.assume((account != borrower) & (account != user))
    trial.assume(speed * elapsed <= MOST_EMITTED)
    before = rewarded(trial, pool, asset, 0, speed)
    trial.do(before, pass_time, elapsed)
    after = trial.copy(before)
    expected = claim_for(trial, before, account, asset)
    trial.assume(trial.do(after, heal_account, user, borrower) is None)
    trial.claim(claim_for(trial, after, account, asset) <= expected, "a healing raises the rewards of the past")


def _late_or_split(of: Invariant) -> None:
    """Add the clauses about suppliers."""

    @of.scenario(user=user(), asset=asset(), amount=tokens(), speed=tokens(), elapsed=slots())
    def who_enters_late_earns_nothing_of_the_past(
        trial: Trial, pool: Comptroller, user: Account, asset: str, amount: int, speed: int, elapsed: int
    ) -> None:
        """A first deposit has no rewards in its own slot."""
        trial.assume(pool.seen(asset).tokens[user] == 0)
        trial.assume(speed * elapsed <= MOST_EMITTED)
        twin = rewarded(trial, pool, asset, speed, 0)
        trial.do(twin, pass_time, elapsed)
        trial.assume(trial.do(twin, mint, user, asset, amount) is None)
        trial.claim(earned(trial, twin, user, asset) == 0, "a late deposit earns something of the past")

    @of.scenario(user=user(), other=user(), asset=asset(), moved=shares(), speed=tokens(), elapsed=slots())
    def splitting_vtokens_earns_nothing_more(
        trial: Trial,
        pool: Comptroller,
        user: Account,
        other: Account,
        asset: str,
        moved: int,
        speed: int,
        elapsed: int,
    ) -> None:
        """Two accounts earn together at most what one does, had it not sent vTokens to the other."""
        trial.assume(user != other)
        trial.assume(pool.seen(asset).tokens[other] == 0)
        trial.assume(speed * elapsed <= MOST_EMITTED)
        whole = rewarded(trial, pool, asset, speed, 0)
        parts = trial.copy(whole)
        trial.assume(trial.do(parts, transfer, user, other, asset, moved) is None)
        for each in (whole, parts):
            trial.do(each, pass_time, elapsed)
        both = earned(trial, parts, user, asset) + earned(trial, parts, other, asset)
        trial.claim(both <= earned(trial, whole, user, asset), "two accounts earn more than one")


_late_or_split(REW_2)
_late_or_split(REW_2_W)

# --- REW-3 ---------------------------------------------------------------------------------------------------------

REW_3 = claimed("REW-3")
REW_3_W = VENUS.declare(
    "REW-3-w",
    "settling rewards, which is all that they add to a deposit, borrow, repay or redeem, is never refused and changes no "
    "market while blocks fit 32 bits, at most 2^96 reward tokens were emitted, debts are below 2^128, and the market "
    "counts at least the user's",
    "two-run",
    why="an index that does not fit its 224 bits, or a block its 32, reverts whatever asks for it",
)


def _unchanged_by_rewards(action: Action) -> None:
    """Add the clause that an action does the same with rewards and without."""

    def check(
        trial: Trial, pool: Comptroller, user: Account, asset: str, amount: int, speed: int, elapsed: int
    ) -> None:
        twin = rewarded(trial, pool, asset, speed, speed)
        for each in (pool, twin):
            trial.do(each, pass_time, elapsed)
        claim_alike(trial, pool, twin, action, user, asset, amount)

    check.__name__ = f"{action.name}_is_unchanged_by_rewards"
    check.__doc__ = f"{action.name} does the same, or is refused alike, with a distributor and without."
    domains = action.domains | {"speed": speed(), "elapsed": slots()}
    REW_3.scenario(**domains)(check)  # type: ignore[arg-type]  # no argument is called instant


def claim_alike(trial: Trial, pool: Comptroller, twin: Comptroller, action: Action, *arguments: Any) -> None:
    """Claim that an action does the same in a pool and in its twin with rewards."""
    bare, full = (trial.do(each, action, *arguments) for each in (pool, twin))
    trial.claim(type(bare) is type(full), f"without rewards {bare or 'accepted'}, with them {full or 'accepted'}")
    claim_same_markets(trial, pool, twin)


def claim_same_markets(trial: Trial, pool: Comptroller, twin: Comptroller) -> None:
    """Claim that two pools have the same in every market."""
    for name, one in pool.markets.items():
        other = twin.seen(name)
        alike = all_of(unchanged(getattr(one, each), getattr(other, each)) for each in VToken.scalars)
        ledgers = all_of(getattr(one, each).total() == getattr(other, each).total() for each in VToken.ledgers)
        trial.claim(alike & ledgers, "rewards change the market")


@REW_3_W.scenario(instant=True, user=user(), asset=asset(), speed=tokens(), elapsed=slots())
def settling_a_supplier_is_never_refused(
    trial: Trial, pool: Comptroller, user: Account, asset: str, speed: int, elapsed: int
) -> None:
    """The stake is vTokens, of all that there are."""
    market = pool.seen(asset)
    twin = rewarded_for(trial, pool, asset, speed, elapsed)
    claim_small(trial, market.tokens[user], market.total_supply, speed * elapsed)
    refusal = trial.attempt(twin, settled, settle_suppliers, user, asset)
    trial.claim(refusal is None, f"settling is refused: {refusal}")
    claim_same_markets(trial, pool, twin)


@REW_3_W.scenario(instant=True, user=user(), asset=asset(), speed=tokens(), elapsed=slots())
def settling_a_borrower_is_never_refused(
    trial: Trial, pool: Comptroller, user: Account, asset: str, speed: int, elapsed: int
) -> None:
    """The stake is a debt, of the market's, both at a borrow index of 1."""
    market, index = pool.seen(asset), pool.seen(asset).borrow_index
    owed = borrow_balance(market, user)
    trial.assume((market.total_borrows < MOST_OWED) & (owed <= market.total_borrows))
    twin = rewarded_for(trial, pool, asset, speed, elapsed)
    claim_small(trial, per_index(owed, index), per_index(market.total_borrows, index), speed * elapsed)
    refusal = trial.attempt(twin, settled, settle_borrower, user, asset)
    trial.claim(refusal is None, f"settling is refused: {refusal}")
    claim_same_markets(trial, pool, twin)


def rewarded_for(trial: Trial, pool: Comptroller, asset: str, speed: int, elapsed: int) -> Comptroller:
    """A copy of the pool with a distributor that began some time ago, within the bounds of REW-3-w."""
    trial.assume((speed * elapsed <= MOST_EMITTED) & (pool.now <= MAX_UINT32) & (elapsed <= pool.now))
    twin = rewarded(trial, pool, asset, speed, speed)
    distributor = twin.distributors[REWARDS]
    for side in (distributor.suppliers[asset], distributor.borrowers[asset]):
        side.slot = pool.now - elapsed
    return twin


def claim_small(trial: Trial, stake: int, total: int, emitted: int) -> None:
    """Claim that what a stake gets of what was emitted fits a word."""
    trial.claim(stake <= total, "an account has more than all")
    if total > 0:
        grown = emitted * DOUBLE // total
        trial.claim(grown <= emitted * DOUBLE, "a quotient exceeds what it is of")
        trial.claim(stake * grown <= emitted * DOUBLE, "so does a part of it")


def settled(pool: Comptroller, settle: Callable[..., None], account: Account, asset: str) -> None:
    """Settle an account's rewards in a market, as every action does first.  Refuses: as ``settle``."""
    settle(pool, pool.markets[asset], account)


for _action in (mint, borrow, repay_borrow, redeem):
    _unchanged_by_rewards(_action)

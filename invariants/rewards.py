"""REW: rewards are shared out exactly, by holding and time, and stand in nobody's way.

These claims are about a system: a clause "about the pool" is about all of it.
"""

from __future__ import annotations

from typing import Any

from poolproof.models.market import Market
from poolproof.models.rewards import (
    REWARD_ACTIONS,
    SCALE,
    SUPPLIERS,
    Programme,
    claim_rewards,
    fund_rewards,
    update_rewards,
)
from poolproof.models.system import SYSTEM_ACTIONS
from poolproof.spec.action import Action, asset, shares, slots, user
from poolproof.spec.arithmetic import Number
from poolproof.spec.invariant import Catalogue, Step, Trial
from poolproof.spec.logic import Condition, all_of, implies
from poolproof.spec.state import Account, Ledger, Table

from .measures import same

REWARDS = Catalogue(about="system")
"""What is claimed of the rewards in a system."""

STEPS = {action.name: action for action in SYSTEM_ACTIONS}


# --- measures --------------------------------------------------------------------------------------------------


def holdings(programme: Programme, market: Market) -> Ledger:
    """What a programme rewards: suppliers' shares or borrowers' debt shares, by account."""
    return market.shares if programme.to == SUPPLIERS else market.debts


def rewards_of(programme: Programme, market: Market, account: Account) -> Number:
    """The exact rewards of an account, as of the programme's last update [tokens x SCALE]."""
    held = holdings(programme, market)[account]
    return programme.earned[account] + held * (programme.index - programme.seen[account])


def rewards_of_all(programme: Programme, market: Market) -> Number:
    """The sum of the exact rewards of all accounts [tokens x SCALE]."""
    ledger = holdings(programme, market)
    return programme.earned.total() + ledger.total() * programme.index - programme.seen.weighted(ledger)


def each_programme(system: Any, claim: Any) -> Condition:
    """Whether ``claim(programme, market)`` holds of every programme of a system."""
    return all_of(claim(each, system.markets[each.market]) for each in system.rewards.values())


def each_change(step: Step, claim: Any) -> Condition:
    """Whether ``claim(old, new, old_market, new_market)`` holds of every programme of a system."""
    old, new = step.old, step.new
    return all_of(
        claim(old.rewards[name], each, old.markets[each.market], new.markets[each.market])
        for name, each in new.rewards.items()
    )


# --- REW-1 -----------------------------------------------------------------------------------------------------

REW_1 = REWARDS.declare(
    "REW-1",
    "rewards claimed and claimable by all users never exceed rewards emitted",
    "state",
    why="rewards beyond what was emitted are paid to the first who claim, out of what the others were promised",
)


@REW_1.state("pool", lemma=True)
def what_was_emitted_is_somebodys(system: Any) -> Condition:
    """emitted = claimed + the rewards of all accounts + those of the virtual share + what is carried, exactly."""

    def is_exact(each: Programme, market: Market) -> Condition:
        unclaimed = rewards_of_all(each, market) + each.index + each.carry
        return each.claimed * SCALE + unclaimed == each.emitted * SCALE

    return each_programme(system, is_exact)


@REW_1.state("pool", lemma=True)
def no_reward_is_negative(system: Any) -> Condition:
    """What is carried, claimed, seen and earned is at least 0; nobody has seen a higher index than there is."""

    def is_sound(each: Programme, market: Market) -> Condition:
        numbers = all_of(number >= 0 for number in (each.emission, each.index, each.carry, each.claimed))
        seen = all_of((each.seen[a] >= 0) & (each.seen[a] <= each.index) for a in each.seen)
        return numbers & seen & all_of(each.earned[a] >= 0 for a in each.earned) & (each.updated_at <= system.now)

    return each_programme(system, is_sound)


@REW_1.state("pool")
def claimed_and_claimable_is_at_most_emitted(system: Any) -> Condition:
    """What was claimed and the exact rewards of all accounts are at most what was emitted; no account's are negative."""

    def is_covered(each: Programme, market: Market) -> Condition:
        signs = all_of(rewards_of(each, market, a) >= 0 for a in each.seen)
        return (each.claimed * SCALE + rewards_of_all(each, market) <= each.emitted * SCALE) & signs

    return each_programme(system, is_covered)


@REW_1.step("pool")
def only_a_claim_is_paid(step: Step) -> Condition:
    """What was claimed grows in a claim alone; the claimant gets it in whole tokens, out of the reward vault."""
    if step.action != claim_rewards:
        return each_change(step, lambda old, new, _, __: new.claimed == old.claimed)
    account, name = step.arguments["user"], step.arguments["asset"]
    pairs = [(step.old.rewards[key], each) for key, each in step.new.rewards.items()]
    paid = sum((new.claimed - old.claimed for old, new in pairs), start=0)
    others = all_of(new.claimed == old.claimed for old, new in pairs if new.market != name)
    old, new = next((old, new) for old, new in pairs if new.market == name)
    to_claimant = new.tokens[account] - old.tokens[account] == paid
    return others & (paid >= 0) & to_claimant & (old.tokens[old.vault] - new.tokens[new.vault] == paid)


# --- REW-2 -----------------------------------------------------------------------------------------------------

REW_2 = REWARDS.declare(
    "REW-2",
    "a user's rewards depend only on own holdings, emissions and the market's total over time: entering late or "
    "splitting accounts earns nothing more",
    "two-run",
    why="rewards that can be had without holding are taken by those who hold for a moment",
)


@REW_2.step("pool")
def an_account_earns_by_what_it_held(step: Step) -> Condition:
    """rewards' - rewards = shares held before x (index' - index), less what the account claims, exactly."""
    claimant = step.arguments["user"] if step.action == claim_rewards else None

    def earns(old: Programme, new: Programme, before: Market, after: Market) -> Condition:
        def account_earns(account: Account) -> Condition:
            gained = rewards_of(new, after, account) - rewards_of(old, before, account)
            claimed = (new.claimed - old.claimed) * SCALE if account == claimant else 0
            return gained == holdings(old, before)[account] * (new.index - old.index) - claimed

        return all_of(account_earns(account) for account in new.seen)

    return each_change(step, earns)


@REW_2.step("pool")
def the_index_follows_emission_and_total(step: Step) -> Condition:
    """(index' - index) x (all shares before + 1) + carry' - carry = emission x slots x SCALE, and nothing else moves it."""

    def follows(old: Programme, new: Programme, before: Market, after: Market) -> Condition:
        total = before.supply if old.to == SUPPLIERS else before.debt_shares
        emitted = old.emission * (new.updated_at - old.updated_at)
        shared = (new.index - old.index) * (total + 1) + new.carry - old.carry == emitted * SCALE
        return shared & (new.emitted - old.emitted == emitted)

    return each_change(step, follows)


@REW_2.step("pool")
def what_is_carried_is_dust(step: Step) -> Condition:
    """What is left for whoever is there by the next update is at most all shares / SCALE tokens."""

    def is_dust(old: Programme, new: Programme, before: Market, after: Market) -> Condition:
        total = before.supply if old.to == SUPPLIERS else before.debt_shares
        return (new.carry == old.carry) | (new.carry <= total)

    return each_change(step, is_dust)


@REW_2.step("pool")
def the_past_is_settled_before_it_changes(step: Step) -> Condition:
    """Where the emission or the total changes, what was emitted until now has been shared out at the old ones."""

    def is_settled(old: Programme, new: Programme, before: Market, after: Market) -> Condition:
        still = (holdings(new, after).total() == holdings(old, before).total()) & (new.emission == old.emission)
        return (still | (new.updated_at == step.new.now)) & (new.updated_at >= old.updated_at)

    return each_change(step, is_settled)


@REW_2.step("pool")
def who_held_nothing_earns_nothing(step: Step) -> Condition:
    """An account without shares before the action has no more rewards after it."""

    def earns_nothing(old: Programme, new: Programme, before: Market, after: Market) -> Condition:
        return all_of(
            implies(holdings(old, before)[a] == 0, rewards_of(new, after, a) <= rewards_of(old, before, a))
            for a in new.seen
        )

    return each_change(step, earns_nothing)


@REW_2.scenario(user=user(), other=user(), asset=asset(), moved=shares(), elapsed=slots())
def splitting_an_account_earns_the_same(
    trial: Trial, system: Any, user: Account, other: Account, asset: str, moved: Number, elapsed: Number
) -> None:
    """Two accounts earn together what they would have earned had one not sent shares to the other."""
    trial.assume(trial.do(system, update_rewards, asset) is None)
    split = trial.copy(system)
    trial.assume(trial.do(split, STEPS["transfer"], user, other, asset, moved) is None)
    own = tuple(dict.fromkeys((user, other)))
    for each in (system, split):
        trial.do(each, STEPS["pass_time"], elapsed)
        trial.do(each, update_rewards, asset)
    market, split_market = system.markets[asset], split.markets[asset]
    for name, whole in system.rewards.items():
        if whole.market == asset:
            part = split.rewards[name]
            trial.claim(part.index == whole.index, "the index is the same")
            earned = sum((rewards_of(whole, market, a) for a in own), start=0)
            trial.claim(sum((rewards_of(part, split_market, a) for a in own), start=0) == earned, "so are the rewards")


# --- REW-3 -----------------------------------------------------------------------------------------------------

REW_3 = REWARDS.declare(
    "REW-3",
    "reward accounting never refuses or changes a deposit, borrow, repay or redeem",
    "two-run",
    why="a reward that cannot be computed must not lock up what it rewards",
)


def agree(one: Any, other: Any, accounts: tuple[Account, ...]) -> Condition:
    """Whether two states of a market hold the same, in total and for the accounts named."""
    scalars = all_of(getattr(one, name) == getattr(other, name) for name in one.scalars)
    ledgers = [(getattr(one, name), getattr(other, name)) for name in ("shares", "debts", "tokens")]
    totals = all_of(first.total() == second.total() for first, second in ledgers)
    entries = all_of(first[account] == second[account] for first, second in ledgers for account in accounts)
    return scalars & totals & entries & all_of(same(one.entered[a], other.entered[a]) for a in accounts)


def _unchanged_by_rewards(action: Action) -> None:
    """Add the clause that an action does the same with rewards and without."""
    users = [position for position, domain in enumerate(action.domains.values()) if domain.kind == "user"]

    def check(trial: Trial, system: Any, *arguments: Any) -> None:
        bare = trial.copy(system)
        bare.rewards = Table(bare.journal, {})
        rewarded, unrewarded = trial.do(system, action, *arguments), trial.do(bare, action, *arguments)
        trial.claim(type(rewarded) is type(unrewarded), "it is refused in both or in neither")
        own = tuple(arguments[position] for position in users)
        alike = all_of(agree(market, bare.markets[name], own) for name, market in system.markets.items())
        trial.claim(alike, "the markets hold the same")

    check.__name__ = f"{action.name}_is_unchanged_by_rewards"
    check.__doc__ = (
        f"{action.name} does the same, or is refused alike, where there are rewards and where there are none."
    )
    REW_3.scenario(**action.domains)(check)  # type: ignore[arg-type]  # no argument is called instant


for _action in SYSTEM_ACTIONS:
    if _action.by == "user":
        _unchanged_by_rewards(_action)


@REW_3.step("pool", of=REWARD_ACTIONS)
def rewards_move_no_market(step: Step) -> Condition:
    """What is done with rewards changes no number of a market, and moves tokens between a wallet and the vault alone."""

    def stands_still(name: str, old: Any, new: Any) -> Condition:
        scalars = all_of(getattr(old, scalar) == getattr(new, scalar) for scalar in new.scalars)
        ledgers = ("shares", "debts", "tokens")
        totals = all_of(getattr(old, ledger).total() == getattr(new, ledger).total() for ledger in ledgers)
        return scalars & totals & (old.tokens[old.vault] == new.tokens[new.vault])

    return all_of(stands_still(name, step.old.markets[name], market) for name, market in step.new.markets.items())


@REW_3.step("pool", of=(fund_rewards,))
def funding_fills_the_vault(step: Step) -> Condition:
    """The reward vault gets what the funder pays."""
    name, funder, amount = (step.arguments[key] for key in ("asset", "user", "amount"))

    def is_filled(old: Programme, new: Programme, before: Market, after: Market) -> Condition:
        paid = old.tokens[funder] - new.tokens[funder] == amount
        return (new.market != name) | (paid & (new.tokens[new.vault] - old.tokens[old.vault] == amount))

    return each_change(step, is_filled)

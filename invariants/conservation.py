"""CONS: nothing appears and nothing vanishes: tokens, shares, debts, interest."""

from __future__ import annotations

from typing import Any

from poolproof.models.isolated_pool import ACTIONS, accrue_interest
from poolproof.models.market import Market, owed, tokens_for_debt
from poolproof.spec.action import asset, tokens
from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.invariant import Step, Trial
from poolproof.spec.logic import Condition
from poolproof.spec.state import Account

from .catalogue import CATALOGUE, HORIZON, REGION
from .measures import USER_ACTIONS, assets, debt, line_interest, price_bottom, price_top, released

CONS_1 = CATALOGUE.declare(
    "CONS-1",
    "for each asset, no action changes the sum of the balances of all accounts (users, pools, treasuries, everyone)",
    "step",
    why="a protocol moves tokens; it neither prints nor burns them",
)


@CONS_1.step()
def tokens_are_conserved(step: Step, old: Market, new: Market) -> Condition:
    """The sum of all balances is what it was."""
    return new.tokens.total() == old.tokens.total()


CONS_2 = CATALOGUE.declare(
    "CONS-2",
    "the shares of all accounts sum to the supply",
    "state",
    why="a share that the supply does not count dilutes everybody else's claim",
)


@CONS_2.state(lemma=True)
def shares_sum_to_the_supply(pool: Any, market: Market) -> Condition:
    """The sum of all accounts' shares is the supply."""
    return market.shares.total() == market.supply


CONS_3 = CATALOGUE.declare(
    "CONS-3",
    "the exact debts of all accounts sum to the market's debt; in whole tokens the sum of what is owed exceeds it by "
    "less than one unit per borrower and is never below it",
    "state",
    why="debt that nobody owes is an asset that does not exist",
)


@CONS_3.state(lemma=True)
def debts_sum_to_the_markets_debt(pool: Any, market: Market) -> Condition:
    """The sum of all accounts' debt shares is the market's debt shares; a debt is debt shares x index."""
    return market.debts.total() == market.debt_shares


@CONS_3.state("position")
def one_debt_in_whole_tokens(pool: Any, market: Market, account: Account) -> Condition:
    """exact <= owed x WAD < exact + WAD, and nothing is owed on no debt: for one borrower."""
    exact = market.debts[account] * market.index
    whole = owed(market, account) * WAD
    return (exact <= whole) & (whole < exact + WAD)


@CONS_3.scenario(asset=asset(), summed=tokens(), borrowers=tokens(), whole=tokens(), debt_shares=tokens())
def one_borrower_more(
    trial: Trial, pool: Any, asset: str, summed: Number, borrowers: Number, whole: Number, debt_shares: Number
) -> None:
    """Induction over the ledger: if the sums over some borrowers are within bounds, so are they with one more.

    ``summed`` debt shares of ``borrowers`` accounts owe ``whole`` tokens so far.
    """
    market = pool.markets[asset]
    exact = summed * market.index
    trial.assume((exact <= whole * WAD) & (whole * WAD <= exact + borrowers * WAD))
    trial.assume(debt_shares > 0)
    exact_now = (summed + debt_shares) * market.index
    whole_now = (whole + tokens_for_debt(market, debt_shares)) * WAD
    trial.claim((exact_now <= whole_now) & (whole_now < exact_now + (borrowers + 1) * WAD), "the bounds hold")


CONS_4 = CATALOGUE.declare(
    "CONS-4",
    "the cash that a market accounts for equals the tokens that it holds, donations aside",
    "state",
    why="cash that is not there cannot be paid; tokens that count without a deposit move the share price",
)


@CONS_4.state(lemma=True)
def cash_is_what_the_vault_holds(pool: Any, market: Market) -> Condition:
    """The vault's balance is cash + donations."""
    return market.tokens[market.vault] == market.cash + market.donated


CONS_5 = CATALOGUE.declare(
    "CONS-5",
    "what an accrual adds to debts, plus line interest that it releases, equals what it adds to suppliers' assets, "
    "reserves, treasuries and line interest due",
    "step",
    why="interest that is credited and not charged is printed; charged and not credited, it is lost",
    assuming=(HORIZON,),
)


@CONS_5.step(of=(accrue_interest,))
def interest_is_shared_out_exactly(step: Step, old: Market, new: Market) -> Condition:
    """debt' - debt + released = suppliers' gain + reserves' gain + line interest due, exactly; nothing else moves."""
    charged = debt(new) - debt(old) + released(old, new)
    credited = assets(new) - assets(old) + new.reserves - old.reserves + line_interest(old, new)
    still = (new.cash == old.cash) & (new.supply == old.supply) & (new.debt_shares == old.debt_shares)
    return (charged == credited) & still & (new.reserves >= old.reserves) & (charged >= 0)


CONS_6 = CATALOGUE.declare(
    "CONS-6",
    "beyond interest accrued or released, an action raises the value of the others' shares by less than the largest of "
    "one unit, one share, one debt share, and the actor pays for it",
    "step",
    why="what roundings give to the others is dust, and comes from the one who acts",
    assuming=(REGION,),
)


@CONS_6.step(instant=True)
def others_gain_only_dust(step: Step, old: Market, new: Market) -> Condition:
    """(price' - price) x shares < max(one unit, one debt share, one share), cross-multiplied by the old shares."""
    gain = price_top(new) * price_bottom(old) - price_top(old) * price_bottom(new)
    bottom = price_bottom(old)
    return (gain < WAD * bottom) | (gain < new.index * bottom) | (gain < price_top(old))


@CONS_6.step(of=[each for each in ACTIONS if each.name in USER_ACTIONS], new_by=("user",), instant=True)
def the_actor_pays_for_it(step: Step, old: Market, new: Market) -> Condition:
    """What suppliers gain together is at most what the actor paid in and the debt that was taken on."""
    actor = step.actor
    paid_in = (old.tokens[actor] - new.tokens[actor]) * WAD
    return assets(new) - assets(old) <= paid_in + debt(new) - debt(old)

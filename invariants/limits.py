"""CAP: caps hold when something enters, and bound what counts."""

from __future__ import annotations

from typing import Any

from poolproof.models.isolated_pool import borrow, deposit
from poolproof.models.market import Market, unit_value
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Step
from poolproof.spec.logic import Condition

from .catalogue import CATALOGUE, PRICES, REGION
from .measures import assets, debt, valid_price

CAP_1 = CATALOGUE.declare(
    "CAP-1",
    "after a deposit or a borrow, the supply or borrow cap holds",
    "step",
    why="a cap is the most that may be at risk in a market",
)


@CAP_1.step(of=(deposit, borrow))
def the_cap_holds_after(step: Step, old: Market, new: Market) -> Condition:
    """After a deposit suppliers' assets are within the supply cap, after a borrow debt within the borrow cap."""
    if new.asset != step.arguments["asset"]:
        return True
    if step.action == deposit:
        return assets(new) <= new.supply_cap * WAD
    return debt(new) <= new.borrow_cap * WAD


CAP_2 = CATALOGUE.declare(
    "CAP-2",
    "the amount of an asset that counts as collateral never exceeds its supply cap, however it arrived",
    "state",
    why="interest and donations must not make more of an asset count than was decided",
    assuming=(REGION, PRICES),
)


@CAP_2.state()
def counted_collateral_is_within_the_cap(pool: Any, market: Market) -> Condition:
    """All shares x unit value at full weight <= supply cap x price."""
    counted = market.supply * unit_value(market, WAD, pool.now)
    return counted <= market.supply_cap * (valid_price(market.feed, pool.now) * WAD)

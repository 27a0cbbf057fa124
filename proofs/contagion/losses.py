"""What a pool has lost between two states, measured on the states alone.

One measure for bounds, witnesses and tables; in the asset's smallest unit, rounded down, never negative:

* ``principal``: by how much the bad debt that its suppliers bear has grown;
* ``value``: what the suppliers still have, at the price before less the price after, in units at the price before;
* ``frozen``: by how much what is owed to suppliers and not in cash has grown, and what a line should bring and cannot.
"""

from __future__ import annotations

from typing import Any

from poolproof.models.credit_line import LinedMarket, owed_on_line
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.market import suppliers_assets
from poolproof.models.oracle import fair_price
from poolproof.models.system import SEPARATOR, place_of
from poolproof.spec.arithmetic import WAD

from .network import LossKind


def market_of(state: Any, name: str) -> Any:
    """A market by "pool/asset", read without a note in the undo journal; a model of one pool knows it by its asset."""
    return dict.__getitem__(state.markets, name if hasattr(state, "pools") else place_of(name)[1])


def bad_debt(market: Any) -> int:
    """Debt that was written off at the suppliers' cost, less what a line bore of it [tokens, rounded down]."""
    if isinstance(market, VToken):
        return int(market.bad_debt)
    passed_on = market.lost * WAD + market.cancelled if isinstance(market, LinedMarket) else 0
    return int((market.bad_debt - passed_on) // WAD)


def owed_to_suppliers(market: Any) -> int:
    """Cash, collectable debt and what lines owe, less reserves [tokens, rounded down]."""
    if isinstance(market, VToken):
        return int(market.cash + market.total_borrows - market.total_reserves)
    return int(suppliers_assets(market) // WAD)


def price_of(market: Any, now: int) -> int:
    """The fair price, 0 where it is missing."""
    return int(market.price if isinstance(market, VToken) else fair_price(market.feed, now))


def out_of_reach(market: Any) -> int:
    """What suppliers are owed beyond the cash, and what a line may draw beyond what the core can lend [tokens]."""
    missing = max(owed_to_suppliers(market) - int(market.cash), 0)
    if isinstance(market, LinedMarket):
        core = market.core
        room = 0 if market.failed else max(int(market.limit - owed_on_line(market)), 0)
        missing += max(room - max(min(int(core.cash), int(core.amount_limit - core.lent)), 0), 0)
    return missing


def loss_between(before: Any, after: Any, pool: str, asset: str, kind: LossKind) -> int:
    """What a pool has lost of an asset between two states of one run [smallest unit]."""
    name = f"{pool}{SEPARATOR}{asset}"
    old, new = market_of(before, name), market_of(after, name)
    if kind == "principal":
        return max(bad_debt(new) - bad_debt(old), 0)
    if kind == "frozen":
        return max(out_of_reach(new) - out_of_reach(old), 0)
    was, now = price_of(old, before.now), price_of(new, after.now)
    if was <= now:
        return 0
    return max(min(owed_to_suppliers(old), owed_to_suppliers(new)), 0) * (was - now) // was

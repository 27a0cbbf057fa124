"""Prices: the last answer of a feed, missing when zero or too old, and bounded where it values collateral."""

from __future__ import annotations

from poolproof.spec.arithmetic import Number
from poolproof.spec.logic import Condition, choose, counts_if, least
from poolproof.spec.state import Record


class Feed(Record):
    """The price of one asset.

    Units: ``price`` [value per smallest unit, scaled so that a whole token of d decimals is worth
    price x 10^d], ``updated_at`` [slot], ``max_age`` [slots, 0 = never stale], ``bound`` [as price, 0 = none].
    """

    scalars = ("price", "updated_at", "max_age", "bound")
    __slots__ = ("asset", *scalars)

    def __init__(self, asset: str, price: Number, updated_at: Number, max_age: Number, bound: Number) -> None:
        self.asset = asset
        self.price = price
        self.updated_at = updated_at
        self.max_age = max_age
        self.bound = bound


def is_fresh(feed: Feed, now: Number) -> Condition:
    """Whether the last answer is young enough to be used."""
    return (feed.max_age == 0) | (now - feed.updated_at <= feed.max_age)


def fair_price(feed: Feed, now: Number) -> Number:
    """The price at which debts are valued and collateral is seized; 0 when it is missing or stale."""
    return counts_if(is_fresh(feed, now), feed.price)


def collateral_price(feed: Feed, now: Number) -> Number:
    """The price at which collateral counts: the fair price, at most the feed's upper bound."""
    price = fair_price(feed, now)
    return choose(feed.bound == 0, price, least(price, feed.bound))

"""Drawing arguments: amounts around the limits that matter, prices that move, time that passes.

Everything here is biased on purpose: a uniform amount never hits the last unit, the full debt or one unit
too many, and those are where lending protocols break.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from poolproof.spec.action import Domain
from poolproof.spec.arithmetic import WAD

AMOUNT_LIMIT = 2**112
"""Amounts and caps stay below this, prices and factors inside their domains."""


def highest(domain: Domain) -> int:
    """The largest number of a domain."""
    return AMOUNT_LIMIT - 1 if domain.high is None else domain.high


@dataclass(frozen=True, slots=True)
class Profile:
    """A style of run: how large amounts are, how wild prices are, how an episode starts.

    ``most`` limits amounts of tokens; ``wild`` is the part of the price moves that are crashes or jumps;
    ``tame`` is the part of the episodes that begin with suppliers and borrowers in place; with ``portfolio`` they begin
    with an account in several markets, at an edge.
    """

    name: str
    most: int = AMOUNT_LIMIT
    wild: float = 0.12
    tame: float = 0.75
    portfolio: bool = False
    shortest: int = 20
    longest: int = 400


REAL = Profile("real")
DUST = Profile("dust", most=12, tame=0.6)
CRASH = Profile("crash", wild=0.5, tame=0.9)
EDGE = Profile("edge", portfolio=True)
SMALL_EDGE = Profile("small edge", most=12, portfolio=True)
PROFILES = (REAL, DUST, CRASH, EDGE, SMALL_EDGE)


class Draw:
    """Draws numbers; the same seed draws the same ones."""

    def __init__(self, random: Random, profile: Profile = REAL) -> None:
        self.bits = random.getrandbits
        self.real = random.random
        self.most = profile.most
        self.wild = profile.wild

    def below(self, count: int) -> int:
        """A whole number from 0 to ``count`` - 1."""
        return int(self.real() * count)

    def amount(self, limit: int) -> int:
        """An amount around a positive limit: often all of it, at times one unit beside, else a part."""
        if limit > self.most:
            limit = self.most
        choice = self.bits(5)
        if choice < 7:
            return limit
        if choice < 9:
            return limit - 1 or 1
        if choice == 9:
            return self.odd(limit)
        if choice < 12:
            return (limit >> 1) or 1
        if choice < 20:
            return (limit * self.bits(32) >> 32) + 1
        return self.scattered(limit)

    def odd(self, limit: int) -> int:
        """Nothing, one unit too many, or a handful of units."""
        choice = self.bits(3)
        if choice == 0:
            return 0
        if choice < 3:
            return limit + 1
        return min(limit, 1 + self.bits(3))

    def scattered(self, limit: int) -> int:
        """An amount of any order of magnitude up to a limit."""
        part = limit >> int(self.real() * limit.bit_length())
        return part - (part * self.bits(16) >> 17) or 1

    def price(self, present: int, usual: int, high: int) -> int:
        """The next price: mostly a small move, at times a crash or a jump, rarely none at all."""
        if present == 0:
            return usual
        chance = self.real()
        if chance < 0.03:
            return 0
        if chance < 0.07:
            return min(usual, high)
        if self.real() < self.wild:
            factor = (6554, 16384, 32768, 45000, 98304, 131072, 196608, 131)[self.bits(3)]  # over 65536
            moved = present * factor >> 16
        else:
            moved = present + (present * (self.bits(16) - 32768) >> 19)
        return max(1, min(moved, high))

    def elapsed(self, limit: int) -> int:
        """An interval: nothing, a slot, an hour, a day, rarely a year; nothing where the limit is passed already."""
        choice = self.bits(6)
        if choice < 4:
            interval = 0
        elif choice < 20:
            interval = 1
        elif choice < 34:
            interval = 3600 + self.bits(8)
        elif choice < 52:
            interval = 86_400 + self.bits(12)
        elif choice < 62:
            interval = 2_592_000 + self.bits(16)
        else:
            interval = 31_536_000
        return interval if interval < limit else max(limit, 0)

    def factor(self, low: int, high: int, present: int) -> int:
        """A factor in a range: mostly near the present one, at times a bound."""
        choice = self.bits(4)
        if choice == 0:
            return low
        if choice == 1:
            return high
        if choice < 6:
            return low + ((high - low) * self.bits(16) >> 16)
        moved = present + (WAD * (self.bits(8) - 128) >> 11)
        return max(low, min(moved, high))

    def cap(self, low: int, high: int, present: int) -> int:
        """A cap in a range: what is used now, a bit more, twice the present one, or a bound."""
        choice = self.bits(3)
        if choice == 0:
            return low
        if choice == 1:
            return high
        if choice < 4:
            return min(high, max(low, present << 1))
        if choice < 6:
            return min(high, low + (low >> self.bits(3)) + 1)
        return min(high, max(low, present + (present >> 3)))

    def number(self, domain: Domain, hints: tuple[int, ...] = ()) -> int:
        """A number of a domain: around hints from the state, or of any size."""
        high = highest(domain)
        kind = domain.kind
        if kind == "slots":
            return self.elapsed(high)
        limit = high
        if hints and self.bits(3):
            limit = hints[self.below(len(hints))]
            if not self.bits(2):  # what lies beyond by a little, a unit or a part
                limit += limit >> (1 + self.bits(6)) or 1
        if kind == "factor":
            drawn = self.factor(domain.low, high, limit)
        elif kind == "rate" or (kind in ("cap", "price") and self.bits(1)):
            drawn = self.scattered(limit or 1)
        else:
            drawn = self.amount(limit) if limit > 0 else self.bits(4)
        return max(domain.low, min(drawn, high))

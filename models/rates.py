"""Interest rates per slot as a function of utilisation [wad]: jump-rate (V2) and white-paper models.

A slot is a block, or a second on time-based chains; yearly parameters are divided once, rounding down.
Models: JumpRateModelV2 and WhitePaperInterestRateModel of @venusprotocol/isolated-pools 4.4.0.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolproof.spec.arithmetic import WAD, Number
from poolproof.spec.logic import greatest, least


def utilisation(cash: Number, debt: Number) -> Number:
    """debt / (cash + debt), rounded down [wad]; 0 in an empty market.

    ``cash`` and ``debt`` in the same unit.  Reserves are not subtracted: with them it could pass 1.
    """
    return debt * WAD // greatest(cash + debt, 1)


@dataclass(frozen=True, slots=True)
class JumpRate:
    """base + utilisation x multiplier, and above the kink with the jump multiplier, each product rounded down.

    Units: ``base``, ``multiplier``, ``jump`` [wad per slot], ``kink`` [wad].
    """

    base: int
    multiplier: int
    jump: int
    kink: int

    def borrow_rate(self, used: Number) -> Number:
        """The borrow rate at a utilisation [wad per slot]."""
        normal = least(used, self.kink) * self.multiplier // WAD + self.base
        return normal + greatest(used - self.kink, 0) * self.jump // WAD


@dataclass(frozen=True, slots=True)
class WhitePaperRate:
    """base + utilisation x multiplier, the product rounded down [wad per slot]."""

    base: int
    multiplier: int

    def borrow_rate(self, used: Number) -> Number:
        """The borrow rate at a utilisation [wad per slot]."""
        return used * self.multiplier // WAD + self.base


@dataclass(frozen=True, slots=True)
class NoRate:
    """What a market has before it is given a rate model; the registry lists none that has this."""

    def borrow_rate(self, used: Number) -> Number:
        """No interest [wad per slot]."""
        return 0


RateModel = JumpRate | WhitePaperRate | NoRate

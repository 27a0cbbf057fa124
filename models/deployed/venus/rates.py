"""Interest rates of Venus: utilisation with reserves and bad debt, the three curves, the supply rate.

Models: JumpRateModelV2, WhitePaperInterestRateModel and TwoKinksInterestRateModel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poolproof.models.deployed.word import add, div_down, mul, mul_div_down, mul_wad_down, sub
from poolproof.models.rates import JumpRate, WhitePaperRate
from poolproof.spec.arithmetic import WAD, div_toward_zero

SECONDS_PER_YEAR = 31_536_000
"""Slots of a year where a slot is a second."""


@dataclass(frozen=True, slots=True)
class TwoKinksRate:
    """Three slopes, of which each may fall; the parts are signed and divided toward zero, the result is at least 0.

    Units: ``base``, ``multiplier``, ``base2``, ``multiplier2``, ``jump`` [wad per slot], ``kink1``, ``kink2`` [wad].
    """

    base: int
    multiplier: int
    kink1: int
    multiplier2: int
    base2: int
    kink2: int
    jump: int

    def borrow_rate(self, used: int) -> int:
        """The borrow rate at a utilisation [wad per slot].  Models: TwoKinksInterestRateModel._getBorrowRate."""
        rate: int
        if used < self.kink1:
            rate = div_toward_zero(used * self.multiplier, WAD) + self.base
        elif used < self.kink2:
            second = div_toward_zero((used - self.kink1) * self.multiplier2, WAD) + self.base2
            rate = self.at_first_kink + second
        else:
            third = div_toward_zero((used - self.kink2) * self.jump, WAD)
            rate = self.at_first_kink + self.between_kinks + third
        return max(rate, 0)

    @property
    def at_first_kink(self) -> int:
        """RATE_1: the rate at the first kink [wad per slot]."""
        rate: int = div_toward_zero(self.kink1 * self.multiplier, WAD) + self.base
        return rate

    @property
    def between_kinks(self) -> int:
        """RATE_2: what the second slope adds up to the second kink [wad per slot]."""
        rate: int = div_toward_zero((self.kink2 - self.kink1) * self.multiplier2, WAD) + self.base2
        return rate


Curve = JumpRate | WhitePaperRate | TwoKinksRate


@dataclass(frozen=True, slots=True)
class RateModel:
    """A rate model's contract: its address, which events show, and its curve."""

    address: str
    curve: Curve


def curve_of(parameters: Mapping[str, Any], slots_per_year: int) -> Curve:
    """The curve of yearly parameters, each divided once, toward zero.  Models: the constructors of the rate models.

    Raises: KeyError, TypeError or ValueError where the parameters are something else.
    """

    def yearly(name: str) -> int:
        per_slot: int = div_toward_zero(int(parameters[name]), slots_per_year)
        return per_slot

    match parameters["model"]:
        case "WhitePaperInterestRateModel":
            return WhitePaperRate(yearly("baseRatePerYear"), yearly("multiplierPerYear"))
        case "JumpRateModelV2":
            slopes = yearly("baseRatePerYear"), yearly("multiplierPerYear"), yearly("jumpMultiplierPerYear")
            return JumpRate(*slopes, int(parameters["kink"]))
        case "TwoKinksInterestRateModel":
            return TwoKinksRate(
                yearly("baseRatePerYear"),
                yearly("multiplierPerYear"),
                int(parameters["kink1"]),
                yearly("multiplier2PerYear"),
                yearly("baseRate2PerYear"),
                int(parameters["kink2"]),
                yearly("jumpMultiplierPerYear"),
            )
    raise ValueError(f"no rate model is called {parameters['model']!r}")


def utilisation(cash: int, borrows: int, reserves: int, bad_debt: int) -> int:
    """min(1, (borrows + bad debt) / (cash + borrows + bad debt - reserves)), rounded down [wad]; 0 without debt.

    Refuses: Overflow where the reserves exceed the rest, DivisionByZero where they equal it.
    Models: utilizationRate of each rate model.
    """
    lent = add(borrows, bad_debt)
    if lent == 0:
        return 0
    used = mul_div_down(lent, WAD, sub(add(cash, lent), reserves))
    return used if used < WAD else WAD


def borrow_rate(curve: Curve, cash: int, borrows: int, reserves: int, bad_debt: int) -> int:
    """The borrow rate [wad per slot].  Refuses as `utilisation`.  Models: getBorrowRate."""
    rate: int = curve.borrow_rate(utilisation(cash, borrows, reserves, bad_debt))
    return rate


def supply_rate(curve: Curve, cash: int, borrows: int, reserves: int, bad_debt: int, reserve_factor: int) -> int:
    """borrows x (borrow rate x (1 - reserve factor)) / (cash + borrows + bad debt - reserves) [wad per slot].

    Each division rounded down.  Refuses: Overflow, DivisionByZero.  Models: getSupplyRate.
    """
    to_suppliers = sub(WAD, reserve_factor)
    rate = mul_wad_down(borrow_rate(curve, cash, borrows, reserves, bad_debt), to_suppliers)
    income = mul(borrows, rate)
    return div_down(income, sub(add(add(cash, borrows), bad_debt), reserves))

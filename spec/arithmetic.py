"""Exact fixed-point arithmetic: integers, with the rounding in the name.

Both readings use these functions: on ``int`` they are plain integer arithmetic, on solver terms ``//``
introduces a quotient.  Nothing here is ever a float.
"""

from __future__ import annotations

from typing import Any, TypeAlias

WAD = 10**18
"""One, for factors, rates and indices [1e18 = 1.0]."""
RAY = 10**27
"""One, for the protocols that scale by [1e27 = 1.0]."""
BPS = 10_000
"""One, in basis points [1e4 = 1.0]."""
WORD_LIMIT = 2**256
"""The first integer that a machine word of the EVM cannot hold."""

Number: TypeAlias = Any
"""An ``int`` in the concrete reading, a solver term in the symbolic one."""


def div_down(numerator: Number, denominator: Number) -> Number:
    """floor(numerator / denominator), the denominator being positive."""
    return numerator // denominator


def div_up(numerator: Number, denominator: Number) -> Number:
    """ceil(numerator / denominator), the denominator being positive."""
    return -((-numerator) // denominator)


def div_half_up(numerator: Number, denominator: Number) -> Number:
    """floor(numerator / denominator + 1/2), the denominator being positive."""
    return (2 * numerator + denominator) // (2 * denominator)


def mul_div_down(factor: Number, other: Number, denominator: Number) -> Number:
    """floor(factor * other / denominator), by a product of full width."""
    return factor * other // denominator


def mul_div_up(factor: Number, other: Number, denominator: Number) -> Number:
    """ceil(factor * other / denominator), by a product of full width."""
    return -((-(factor * other)) // denominator)


def mul_div_half_up(factor: Number, other: Number, denominator: Number) -> Number:
    """floor(factor * other / denominator + 1/2), by a product of full width."""
    return (2 * factor * other + denominator) // (2 * denominator)


def div_toward_zero(numerator: Number, denominator: Number) -> Number:
    """numerator / denominator truncated toward zero, as the EVM's SDIV; Python's ``//`` floors."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    if numerator >= 0:
        return numerator // denominator
    return -((-numerator) // denominator)

"""Checked arithmetic of Solidity 0.8 on uint256, with the rounding in the name: what does not fit reverts.

Runs on integers alone: a deployed model is compared with its contract, it is not proved.
"""

from __future__ import annotations

from typing import ClassVar

from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import Refusal

MAX_UINT256 = 2**256 - 1
"""The largest word; as a limit it means none."""


class Revert(Refusal):
    """A contract reverts."""

    @property
    def error(self) -> tuple[str, tuple[str, ...]]:
        """The error's name and its arguments, as they can be decoded from what the contract returns."""
        return self.name, tuple(str(value) for value in self.values)


class Reason(Revert):
    """A revert with a text, from `require(condition, text)`."""

    reason: ClassVar[str]

    @property
    def error(self) -> tuple[str, tuple[str, ...]]:
        """The built-in error with the text."""
        return "Error", (self.reason,)

    def __str__(self) -> str:
        return self.reason


class Panic(Revert):
    """A revert that the compiler put in."""

    code: ClassVar[str]

    @property
    def error(self) -> tuple[str, tuple[str, ...]]:
        """The built-in panic with its code."""
        return "Panic", (self.code,)


class Overflow(Panic):
    """A result below 0 or above the largest word."""

    code = "0x11"
    text = "the result does not fit a word of 256 bits"


class DivisionByZero(Panic):
    """A division by zero."""

    code = "0x12"
    text = "a division by zero"


def add(a: int, b: int) -> int:
    """a + b.  Refuses: Overflow."""
    total = a + b
    if total > MAX_UINT256:
        raise Overflow
    return total


def sub(a: int, b: int) -> int:
    """a - b.  Refuses: Overflow."""
    if b > a:
        raise Overflow
    return a - b


def mul(a: int, b: int) -> int:
    """a * b.  Refuses: Overflow."""
    product = a * b
    if product > MAX_UINT256:
        raise Overflow
    return product


def div_down(a: int, b: int) -> int:
    """floor(a / b).  Refuses: DivisionByZero."""
    if b == 0:
        raise DivisionByZero
    return a // b


def mul_div_down(a: int, b: int, c: int) -> int:
    """floor(a * b / c), the product a word.  Refuses: Overflow, DivisionByZero."""
    product = a * b
    if product > MAX_UINT256:
        raise Overflow
    if c == 0:
        raise DivisionByZero
    return product // c


def mul_wad_down(a: int, b: int) -> int:
    """floor(a * b / 1e18), the product a word.  Refuses: Overflow."""
    product = a * b
    if product > MAX_UINT256:
        raise Overflow
    return product // WAD

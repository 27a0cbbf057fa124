"""Whether an action reads what is behind a credit line only through the line's own methods."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.spec.refusal import Refusal


class _Reached(Exception):
    """Something hidden was read outside the methods that may."""


def confined(run: Callable[[], object], pool: Any, hidden: tuple[str, ...], within: tuple[str, ...]) -> bool:
    """Whether a run on a pool reads the ``hidden`` fields of its lined markets only within methods named.

    The run may refuse; what it has done to the pool stays.  What asks for a division by zero is asked elsewhere.
    """
    markets = [market for market in pool.markets.values() if isinstance(market, LinedMarket)]
    watched = _watched(hidden, (*within, "saved_"))
    classes = [type(market) for market in markets]
    try:
        for market in markets:
            market.__class__ = watched
        with suppress(Refusal, ArithmeticError):
            run()
    except _Reached:
        return False
    finally:
        for market, own in zip(markets, classes, strict=True):
            market.__class__ = own
    return True


def _watched(hidden: tuple[str, ...], within: tuple[str, ...]) -> type[LinedMarket]:
    """A market that counts the methods in progress, and lets what is hidden be read only while there is one."""
    inside = 0

    class Watched(LinedMarket):
        __slots__ = ()

        def __getattribute__(self, name: str) -> Any:
            nonlocal inside
            if name in hidden and not inside:
                raise _Reached
            inside += name == "saved_"
            try:
                value = super().__getattribute__(name)
            finally:
                inside -= name == "saved_"
            if name not in within or name == "saved_":
                return value

            def method(*arguments: Any) -> Any:
                nonlocal inside
                inside += 1
                try:
                    return value(*arguments)
                finally:
                    inside -= 1

            return method

    return Watched

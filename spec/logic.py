"""Choices and connectives that read the same on integers and on solver terms.

``if`` on a condition forks the path of a symbolic run, so an ordinary ``if`` is kept for refusals and for
real alternatives; ``least``, ``greatest`` and ``counts_if`` choose inside one path.  Conditions combine by
``&`` and ``|`` (on ``bool`` they are what ``and`` and ``or`` are), ``negation`` and ``implies``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, cast

from .arithmetic import Number

Condition: TypeAlias = Any
"""A ``bool`` in the concrete reading, a solver formula in the symbolic one."""


class Symbolic:
    """What a term or a formula of the symbolic reading derives from; the methods stand for the functions below."""

    __slots__ = ()

    def least_(self, other: Any) -> Any:
        """The smaller of the two, without a fork."""
        raise TypeError

    def chosen_(self, yes: Any, no: Any) -> Any:
        """``yes`` where this condition holds, else ``no``, without a fork."""
        raise TypeError

    def negated_(self) -> Any:
        """The condition that holds where this one does not."""
        raise TypeError


def least(a: Number, b: Number) -> Number:
    """The smaller of two numbers."""
    if type(a) is int and type(b) is int:  # the fuzzer's case, asked first
        return a if a < b else b
    if isinstance(a, Symbolic):
        return a.least_(b)
    if isinstance(b, Symbolic):
        return b.least_(a)
    return a if a < b else b


def greatest(a: Number, b: Number) -> Number:
    """The larger of two numbers."""
    if type(a) is int and type(b) is int:
        return a if a > b else b
    if isinstance(a, Symbolic) or isinstance(b, Symbolic):
        negative: Any = least(-cast("Any", a), -cast("Any", b))
        return -negative
    return a if a > b else b


def positive_part(a: Number) -> Number:
    """max(0, a)."""
    return greatest(a, 0)


def counts_if(condition: Condition, value: Number) -> Number:
    """``value`` where the condition holds, else 0."""
    if condition is True:
        return value
    if condition is False:
        return 0
    return choose(condition, value, 0)


def choose(condition: Condition, yes: Number, no: Number) -> Number:
    """``yes`` where the condition holds, else ``no``."""
    if condition is True:
        return yes
    if condition is False:
        return no
    if isinstance(condition, Symbolic):
        return condition.chosen_(yes, no)
    return yes if condition else no


def negation(condition: Condition) -> Condition:
    """Not."""
    return condition.negated_() if isinstance(condition, Symbolic) else not condition


def implies(premise: Condition, conclusion: Condition) -> Condition:
    """Where the premise holds, so does the conclusion."""
    if premise is False or conclusion is True:
        return True
    return negation(premise) | conclusion


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Every one of the conditions holds."""
    result: Condition = True
    for condition in conditions:
        result = condition & result
    return result


def may_skip(condition: Condition) -> bool:
    """Whether a computation that changes nothing where ``condition`` holds is left out.

    The concrete reading skips it for speed; the symbolic reading carries it out unless the condition is
    plainly true, and an obligation of its own (RATE-7 for accrual) shows that carrying it out changes nothing.
    """
    if isinstance(condition, Symbolic):
        return False
    return bool(condition)

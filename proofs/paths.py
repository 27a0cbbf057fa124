"""Paths of a symbolic run: every way in which the conditions of an action can fall.

A run is repeated with a prefix of decisions; each condition used as a ``bool`` beyond the prefix takes the true
branch and leaves the false one for a later run.  Nothing is dropped: an exploration that does not finish says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from poolproof.spec.refusal import Refusal

from .terms import Atom, DivisionByZero, Fact, Formula, Node, Space, frozen, negated, node_atoms, plus

MOST_PATHS = 32768
"""An exploration with more paths than this is refused, not cut."""


class TooManyPaths(Exception):
    """An exploration grew beyond MOST_PATHS."""


class Unreachable(Exception):
    """The path ends because what it assumes is false."""


@dataclass(slots=True)
class Goal:
    """What must hold at a point of a path, with the facts and conditions that are known there, and their atoms."""

    node: Node | bool
    name: str
    facts: tuple[Fact, ...]
    conditions: tuple[Fact, ...]
    atoms: list[Atom]
    cut: bool = False


@dataclass(slots=True)
class Path:
    """One way through a run."""

    space: Space
    prefix: tuple[bool, ...] = ()
    decisions: list[bool] = field(default_factory=list)
    conditions: list[Fact] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    refusal: Refusal | None = None
    defect: str | None = None
    excluded_by: Formula | None = None
    _known_facts: tuple[Fact, ...] | None = None
    _bounds: dict[Any, int] = field(default_factory=dict)
    _nodes: set[Node] = field(default_factory=set)

    def known(self, condition: Formula) -> bool | None:
        """The truth of a condition that this path has already settled, by itself or by a stronger bound."""
        node = condition.node
        if node in self._nodes:
            return True
        negation = negated(node)
        if negation in self._nodes:
            return False
        if node[0] == "ge":
            if self._bounded(node):
                return True
            if self._bounded(negation):
                return False
        if node[0] in ("and", "or"):
            parts = [self.known(Formula(self.space, part)) for part in node[1]]
            if node[0] == "and":
                return False if False in parts else (True if all(p is True for p in parts) else None)
            return True if True in parts else (False if all(p is False for p in parts) else None)
        return None

    def _bounded(self, node: Node) -> bool:
        variable = tuple(item for item in node[1] if item[0])
        constant = next((c for m, c in node[1] if not m), 0)
        bound = self._bounds.get(variable)
        return bound is not None and bound <= constant

    def _above_zero(self, node: Node) -> Node:
        """What is not 0 is at least 1, where it is plainly not negative."""
        for sign in (1, -1):
            poly = {monomial: sign * factor for monomial, factor in node[1]}
            if self.space.plainly_nonneg(poly):
                return ("ge", frozen(plus(poly, {(): 1}, -1)))
        return node

    def learn(self, condition: Any, tag: str) -> None:
        """Add a condition to the path."""
        if condition is True:
            return
        if condition is False:
            raise Unreachable
        node = condition.node
        self.conditions.append(Fact(node, tag, node_atoms(node)))
        for given in node[1] if node[0] == "and" else (node,):
            self._nodes.add(given)
            part = self._above_zero(given) if given[0] == "ne" else given
            if part[0] == "ge":
                variable = tuple(item for item in part[1] if item[0])
                constant = next((c for m, c in part[1] if not m), 0)
                self._bounds[variable] = min(constant, self._bounds.get(variable, constant))

    def decide(self, condition: Formula) -> bool:
        """Which branch this path takes at a condition."""
        known = self.known(condition)
        if known is not None:
            return known
        position = len(self.decisions)
        taken = self.prefix[position] if position < len(self.prefix) else True
        self.decisions.append(taken)
        self.learn(condition if taken else ~condition, "path")
        return taken

    def assume(self, condition: Any, tag: str = "assume") -> None:
        """Go on only where a condition holds."""
        if isinstance(condition, Formula):
            known = self.known(condition)
            condition = condition if known is None else known
        self.learn(bool(condition) if isinstance(condition, bool) else condition, tag)

    def claim(self, condition: Any, name: str, *, cut: bool = False) -> None:
        """Note what has to be shown here."""
        node = condition.node if isinstance(condition, Formula) else bool(condition)
        if node is True:
            self.goals.append(Goal(node, name, (), (), [], cut))
        else:
            self.goals.append(Goal(node, name, self._facts(), tuple(self.conditions), self.space.atoms, cut))

    def _facts(self) -> tuple[Fact, ...]:
        """The facts so far; the same tuple for goals between which nothing was learned."""
        if self._known_facts is None or len(self._known_facts) != len(self.space.facts):
            self._known_facts = tuple(self.space.facts)
        return self._known_facts

    def scoped(self, evaluate: Callable[[], None]) -> None:
        """Explore what follows from here on its own: its forks are taken, noted and forgotten.

        What is evaluated handles its own refusals and divisions by zero: one that left the scope would end the path,
        and whatever is claimed after the scope would be lost.
        """
        base = tuple(self.decisions)
        pending: list[tuple[bool, ...]] = [()]
        while pending:
            mark = self.space.mark()
            kept = (
                self.prefix,
                list(self.decisions),
                list(self.conditions),
                dict(self._bounds),
                set(self._nodes),
            )
            self.prefix = base + pending.pop()
            with suppress(Unreachable):
                try:
                    evaluate()
                except (Refusal, ArithmeticError) as lost:
                    raise AssertionError("a scope ends in a refusal or a division by zero, and loses claims") from lost
            decided, known = self.decisions, len(self.prefix)
            pending += [
                (*decided[len(base) : position], False) for position in range(known, len(decided)) if decided[position]
            ]
            self.prefix, self.decisions, self.conditions, self._bounds, self._nodes = kept
            self.space.reset(mark)
            self._known_facts = None


C = TypeVar("C")


def explore_paths(setup: Callable[[Space], C], run: Callable[[Path, C], None]) -> Iterator[Path]:
    """Every path of a run, in the order of its decisions.

    ``setup`` makes what all paths start from, once, without a fork; ``run`` may not change it.
    """
    space = Space(None)
    space.path = Path(space)
    context = setup(space)
    if space.path.decisions:
        message = "a setup must not fork"
        raise AssertionError(message)
    start = space.start()
    pending: list[tuple[bool, ...]] = [()]
    count = 0
    while pending:
        space.rewind(start)
        path = space.path = Path(space, pending.pop())
        count += 1
        if count > MOST_PATHS:
            message = f"more than {MOST_PATHS} paths"
            raise TooManyPaths(message)
        reachable = True
        try:
            run(path, context)
        except Refusal as refusal:
            path.refusal = refusal
        except (DivisionByZero, ZeroDivisionError) as defect:
            path.defect = "division by zero"
            path.excluded_by = getattr(defect, "positive", None)
        except Unreachable:
            reachable = False
        beyond = range(len(path.prefix), len(path.decisions))
        pending += [(*path.decisions[:position], False) for position in beyond if path.decisions[position]]
        if reachable:
            yield path

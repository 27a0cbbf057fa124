"""The moves of the shrinker: each makes a run smaller, and keeps it if it still violates the invariant."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from poolproof.models.system import SEPARATOR, place_of
from poolproof.spec.action import Action

from .candidates import Calls, Candidates
from .draw import highest
from .traces import Call

MOST_PAIRED = 10
"""Most amounts that are lowered in pairs."""
MOST_HALVINGS = 24
"""How small a part of two amounts is taken from both."""
AMOUNTS = ("tokens", "shares", "debt_shares")
"""Kinds of numbers that are amounts."""


class Moves(Candidates):
    """Moves on the best candidate so far; each gives whether it made it smaller."""

    def remove_chunks(self) -> bool:
        """Remove halves, quarters and so on, from the end."""
        moved, size = False, len(self.best) // 2
        while size > 1:
            position = len(self.best) - size
            while position >= 0:
                if self.accept(self.best[:position] + self.best[position + size :]):
                    moved = True
                position -= size
            size //= 2
        return moved

    def remove_each(self) -> bool:
        """Remove single steps, from the end."""
        moved, position = False, len(self.best) - 1
        while position >= 0:
            if self.accept(self.best[:position] + self.best[position + 1 :]):
                moved = True
                position = min(position, len(self.best))
            position -= 1
        return moved

    def remove_pairs(self) -> bool:
        """Remove two steps that only make sense together."""
        if len(self.best) > 24:
            return False
        for i, j in combinations(range(len(self.best)), 2):
            rest = tuple(call for position, call in enumerate(self.best) if position not in (i, j))
            if self.accept(rest):
                return True
        return False

    def merge_steps(self) -> bool:
        """Make one step of two that differ only in numbers: their sum, or the larger, in either place."""
        for i, j in combinations(range(len(self.best)), 2):
            (action, first), (other, second) = self.best[i], self.best[j]
            if action is not other or _names(first) != _names(second):
                continue
            added = tuple(
                a if isinstance(a, str) else min(a + b, highest(domain))
                for a, b, domain in zip(first, second, action.domains.values(), strict=True)
            )
            largest = tuple(a if isinstance(a, str) else max(a, b) for a, b in zip(first, second, strict=True))
            for merged in (added, largest):
                for kept, gone in ((i, j), (j, i)):
                    calls = list(self.best)
                    calls[kept] = (action, merged)
                    del calls[gone]
                    if self.accept(tuple(calls)):
                        return True
        return False

    def simplify_steps(self) -> bool:
        """Let an action that takes names alone do the work of one that takes numbers too."""
        moved = False
        plain = [each for each in self.model.actions if not any(d.is_number for d in each.domains.values())]
        for position, (action, arguments) in enumerate(self.best):
            if all(isinstance(value, str) for value in arguments):
                continue
            for simple in plain:
                names = _names_for(simple, action, arguments)
                if names is not None:
                    moved |= self.accept((*self.best[:position], (simple, names), *self.best[position + 1 :]))
        return moved

    def merge_names(self) -> bool:
        """Let one account or asset do the work of two, everywhere or in one step."""
        for keep, drop in combinations(self.pools_used(), 2):
            for old, new in ((drop, keep), (keep, drop)):
                if self.accept_grown(renamed(self.best, self.moved_to({old: new}))):
                    return True
        for ranks in (self.users, self.assets):
            used = [name for name in ranks if any(name in arguments for _, arguments in self.best)]
            for keep, drop in combinations(used, 2):
                for old, new in ((drop, keep), (keep, drop)):
                    if self.accept_grown(renamed(self.best, {old: new})):
                        return True
            for position, (action, arguments) in enumerate(self.best):
                for slot, value in enumerate(arguments):
                    if value not in ranks:
                        continue
                    for name in used:
                        if name != value and self.accept(_replaced(self.best, position, action, arguments, slot, name)):
                            return True
        return False

    def pools_used(self) -> list[str]:
        """The pools of a system that the best candidate names, alone or before a market's asset."""
        names = {name for _, arguments in self.best for name in _names(arguments)}
        used = {name for name in names if name in self.pools} | {place_of(name)[0] for name in names & set(self.assets)}
        return [pool for pool in self.pools if pool in used]

    def moved_to(self, pools: dict[str, str]) -> dict[str, str]:
        """The names to exchange so that what happens in a pool happens in another, where that lists the asset."""
        places = [(name, *place_of(name)) for name in self.assets]
        moved = {name: f"{pools[pool]}{SEPARATOR}{asset}" for name, pool, asset in places if pool in pools}
        return pools | {old: new for old, new in moved.items() if new in self.assets}

    def accept_grown(self, calls: Calls) -> bool:
        """Take a candidate with other names, if need be with larger amounts: those are lowered again."""
        if self.key(calls)[:3] >= self.best_key[:3]:
            return self.accept(calls)
        if self.accept(calls):
            return True
        for factor in (2, 10, 10**3, 10**6, 10**9, 10**12):
            if self.accept(_scaled(calls, factor, 1)):
                return True
        for position in range(len(calls)) if len(calls) <= 12 else ():
            for factor in (2, 10, 10**6, 10**12):
                grown = _scaled(calls[position : position + 1], factor, 1)
                if self.accept(calls[:position] + grown + calls[position + 1 :]):
                    return True
        return False

    def scale_together(self) -> bool:
        """Divide all amounts of tokens and shares by one number, those of one step by half of it."""
        moved = False
        for divisor in (10**18, 10**12, 10**9, 10**6, 1000, 100, 10, 5, 2):
            while self._scale(divisor):
                moved = True
        return moved

    def _scale(self, divisor: int) -> bool:
        scaled = _scaled(self.best, 1, divisor)
        if self.accept(scaled):
            return True
        return divisor > 2 and any(
            self.accept(scaled[:position] + _scaled((call,), 2, divisor) + scaled[position + 1 :])
            for position, call in enumerate(self.best)
        )

    def lower_numbers(self) -> bool:
        """Lower each number: to a simple one, by halves, by dropping digits, by one."""
        moved = False
        for position in range(len(self.best) - 1, -1, -1):
            if position >= len(self.best):
                continue
            for slot in range(len(self.best[position][1])):
                if position < len(self.best) and isinstance(self.best[position][1][slot], int):
                    moved |= self._lower(position, slot)
        return moved

    def _lower(self, position: int, slot: int) -> bool:
        """Lower one number as far as it goes."""
        action, arguments = self.best[position]
        present = arguments[slot]

        def attempt(value: int) -> bool:
            nonlocal present
            lowered = value >= 0 and self.accept(_replaced(self.best, position, action, arguments, slot, value))
            if lowered:
                present = value
            return lowered

        before, length = present, len(self.best)
        for value in simple_below(present):
            if attempt(value):
                break
        step = 1 << max(present.bit_length() - 1, 0)
        while step and len(self.best) == length:
            if not attempt(present - step):
                step >>= 1
        power = 10 ** (
            present.bit_length() * 301 // 1000
        )  # about its decimals; a number of any length has a length in bits
        while power > 1 and len(self.best) == length:
            if present % power:
                attempt(present - present % power)
            power //= 10
        return bool(present < before)

    def lower_pairs(self) -> bool:
        """Lower two amounts together: by the same amount, or by the same part."""
        places = [
            (position, slot)
            for position, (action, arguments) in enumerate(self.best)
            for slot, (domain, value) in enumerate(zip(action.domains.values(), arguments, strict=True))
            if domain.kind in AMOUNTS and value > 0
        ]
        if len(places) > MOST_PAIRED:
            return False
        moved, length = False, len(self.best)
        for one, two in combinations(places, 2):
            exponent = 0
            while exponent < MOST_HALVINGS and len(self.best) == length:
                a, b = self.best[one[0]][1][one[1]], self.best[two[0]][1][two[1]]
                least = min(a, b) >> exponent
                both = ((a - least, b - least), (a - (a >> exponent), b - (b >> exponent)))
                if any(self.accept(self._with(one, x, two, y)) for x, y in both):
                    moved = True
                else:
                    exponent += 1
        return moved

    def _with(self, one: tuple[int, int], x: int, two: tuple[int, int], y: int) -> Calls:
        """The best candidate with two numbers replaced."""
        calls = self.best
        for (position, slot), value in ((one, x), (two, y)):
            action, arguments = calls[position]
            calls = _replaced(calls, position, action, arguments, slot, value)
        return calls

    def reorder(self) -> bool:
        """Exchange neighbours into the order of the model's actions, as far as the violation stays."""
        moved = False
        for _ in range(len(self.best)):
            for position in range(len(self.best) - 1):
                if position + 1 < len(self.best):
                    calls = list(self.best)
                    calls[position], calls[position + 1] = calls[position + 1], calls[position]
                    moved |= self.accept(tuple(calls))
        return moved

    def rename(self) -> bool:
        """Use the protocol's first accounts and assets, in the order in which they appear."""
        moved = False
        used = self.pools_used()
        for one, two in combinations(self.pools, 2):
            if one in used or two in used:
                moved |= self.accept_grown(renamed(self.best, self.moved_to({one: two, two: one})))
        for ranks in (self.users, self.assets):
            named = (value for _, arguments in self.best for value in arguments if value in ranks)
            appearing = list(dict.fromkeys(named))
            mappings = [canonical(appearing, list(ranks))]
            mappings += [
                {one: two, two: one} for one, two in combinations(ranks, 2) if one in appearing or two in appearing
            ]
            for names in mappings:
                changed = renamed(self.best, names)
                moved |= self.accept_grown(changed) or any(map(self.accept_grown, _exchanged(changed)))
                if ranks is self.assets and len(changed) <= MOST_PAIRED:
                    for repriced in (changed, *_repriced(changed, appearing)):
                        moved |= any(map(self.accept, _simplest(repriced)))
        return moved


def _scaled(calls: Calls, factor: int, divisor: int) -> Calls:
    """Every amount of tokens and shares x factor / divisor, rounded down, inside its domain."""
    scaled: list[Call] = []
    for action, arguments in calls:
        changed: list[Any] = []
        for domain, value in zip(action.domains.values(), arguments, strict=True):
            if domain.kind in AMOUNTS:
                changed.append(min(value * factor // divisor, highest(domain)))
            else:
                changed.append(value)
        scaled.append((action, tuple(changed)))
    return tuple(scaled)


def _exchanged(calls: Calls) -> Iterator[Calls]:
    """The same steps, two of them exchanged."""
    for i, j in combinations(range(len(calls)), 2) if len(calls) <= MOST_PAIRED else ():
        exchanged = list(calls)
        exchanged[i], exchanged[j] = exchanged[j], exchanged[i]
        yield tuple(exchanged)


def _simplest(calls: Calls) -> Iterator[Calls]:
    """The same steps with the least amounts, and with those of one step large."""
    least = _amounts_at_most(calls, 1)
    yield least
    for position, (action, _) in enumerate(least):
        if any(domain.kind in AMOUNTS for domain in action.domains.values()):
            for power in range(3, 25, 3):
                grown = _scaled(least[position : position + 1], 10**power, 1)
                yield least[:position] + grown + least[position + 1 :]


def _amounts_at_most(calls: Calls, most: int) -> Calls:
    """No amount above a number."""
    return tuple(
        (
            action,
            tuple(
                min(value, most) if domain.kind in AMOUNTS else value
                for domain, value in zip(action.domains.values(), arguments, strict=True)
            ),
        )
        for action, arguments in calls
    )


def _repriced(calls: Calls, assets: list[str]) -> Iterator[Calls]:
    """The same steps, one price set for another of the assets, to the least there is."""
    for position, (action, arguments) in enumerate(calls):
        kinds = [domain.kind for domain in action.domains.values()]
        if kinds == ["asset", "price"]:
            for asset in assets:
                if asset != arguments[0]:
                    yield (*calls[:position], (action, (asset, 1)), *calls[position + 1 :])


def _names(arguments: tuple[Any, ...]) -> list[str]:
    return [value for value in arguments if isinstance(value, str)]


def _names_for(simple: Action, action: Action, arguments: tuple[Any, ...]) -> tuple[str, ...] | None:
    """The arguments of an action that takes names alone, from those of another; None where there are too few."""
    domains = action.domains.values()
    given = [(domain.kind, value) for domain, value in zip(domains, arguments, strict=True)]
    taken: list[str] = []
    for wanted in simple.domains.values():
        found = next((pair for pair in given if pair[0] == wanted.kind), None)
        if found is None:
            return None
        given.remove(found)
        taken.append(found[1])
    return tuple(taken)


def _replaced(calls: Calls, position: int, action: Action, arguments: tuple[Any, ...], slot: int, value: Any) -> Calls:
    changed = (*arguments[:slot], value, *arguments[slot + 1 :])
    return (*calls[:position], (action, changed), *calls[position + 1 :])


def renamed(calls: Calls, names: dict[str, str]) -> Calls:
    """The same steps with other names."""
    return tuple(
        (action, tuple(names.get(v, v) if isinstance(v, str) else v for v in arguments)) for action, arguments in calls
    )


def canonical(appearing: list[str], order: list[str]) -> dict[str, str]:
    """The permutation that maps names, in their order of appearance, to the first names there are."""
    rest = [name for name in order if name not in appearing]
    targets = order[: len(appearing)]
    mapping = dict(zip(appearing, targets, strict=True))
    unused = [name for name in order if name not in targets]
    return mapping | dict(zip(rest, unused, strict=True))


def simple_below(value: int) -> Iterator[int]:
    """Simple numbers below a value, the smallest first."""
    yield from (simple for simple in (0, 1, 2, 3, 5) if simple < value)
    power = 10
    while power < value:
        yield power
        power *= 10 if power < 1000 else 1000

"""SMT-LIB text of an obligation: what is known, and the negation of what is to be shown.

The text is the evidence: its digest identifies the obligation, any solver can read it.  A slice leaves out what has
no atom in common with the goal; leaving hypotheses out never proves too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .paths import Goal
from .terms import Atom, Fact, Node, negated, node_atoms

FROM_CUTS = -1
"""The slice that keeps intermediate claims and forgets how quotients are defined."""


def slice_of(goal: Goal, rounds: int | None) -> list[Fact]:
    """The facts that bear on a goal.

    Definitions of the goal's atoms are always followed.  Then, ``rounds`` times, facts that share an atom are added
    (0: only facts about atoms that are already there; None: everything).
    """
    if rounds is None:
        return [*goal.facts, *goal.conditions]
    known = _kept(goal.facts, without_quotients=rounds == FROM_CUTS)
    everything = [*known.facts, *goal.conditions]
    atoms = set(node_atoms(goal.node)) if not isinstance(goal.node, bool) else set()
    if isinstance(goal.node, bool):
        for fact in goal.conditions:
            atoms |= fact.atoms
    _close(atoms, known.definitions)
    for _ in range(1 if rounds == FROM_CUTS else rounds):
        for fact in everything:
            if fact.of is None and not fact.atoms.isdisjoint(atoms):
                atoms |= fact.atoms
        _close(atoms, known.definitions)
    return [fact for fact in everything if fact.atoms <= atoms and (fact.of is None or fact.of in atoms)]


@dataclass(slots=True)
class _Known:
    """The facts that goals of one path have in common, and the atoms in the definition of each atom."""

    whole: tuple[Fact, ...]
    facts: list[Fact]
    definitions: dict[int, set[int]]


_LAST: dict[bool, _Known] = {}
"""What goals asked for last: those of one path come one after another."""


def _kept(facts: tuple[Fact, ...], *, without_quotients: bool) -> _Known:
    """The facts of a path, those aside that define quotients where these are to be forgotten."""
    last = _LAST.get(without_quotients)
    if last is None or last.whole is not facts:
        kept = [fact for fact in facts if not (without_quotients and fact.tag == "quotient")]
        definitions: dict[int, set[int]] = {}
        for fact in kept:
            if fact.of is not None:
                definitions.setdefault(fact.of, set()).update(fact.atoms)
        last = _LAST[without_quotients] = _Known(facts, kept, definitions)
    return last


def _close(atoms: set[int], definitions: dict[int, set[int]]) -> None:
    """Add the atoms in the definitions of atoms."""
    pending = [atom for atom in atoms if atom in definitions]
    while pending:
        for atom in definitions.get(pending.pop(), ()):
            if atom not in atoms:
                atoms.add(atom)
                pending.append(atom)


def text_of(goal: Goal, rounds: int | None, *, linear: bool = False) -> tuple[str, tuple[str, ...]]:
    """The SMT-LIB text that is unsatisfiable when the goal holds, and the tags of the hypotheses in it.

    ``linear`` reads each product of atoms as a variable of its own, of which only the sign is known: what follows
    from that follows from more, and is found at once.
    """
    atoms_of = goal.atoms
    facts = slice_of(goal, rounds)
    asserted = [_asserted(atoms_of, fact, linear=linear) for fact in facts]
    atoms = set().union(*(fact.atoms for fact in facts))
    if not isinstance(goal.node, bool):
        negation = negated(goal.node)
        last = Fact(negation, "", node_atoms(negation))
        atoms |= last.atoms
        asserted.append(_asserted(atoms_of, last, linear=linear))
    lines = [
        f"(declare-const {_name(atoms_of, atom)} {'Bool' if atoms_of[atom].boolean else 'Int'})"
        for atom in sorted(atoms)
    ]
    if linear:
        products = sorted(set().union(*(products for _, products in asserted)))
        lines += [f"(declare-const {_product(atoms_of, product)} Int)" for product in products]
        lines += [
            f"(assert (>= {_product(atoms_of, product)} 0))"
            for product in products
            if all(atoms_of[atom].sign != "any" for atom in product)
        ]
    lines += dict.fromkeys(text for text, _ in asserted)
    lines.append("(check-sat)")
    return "\n".join(lines) + "\n", tuple(sorted({fact.tag for fact in facts}))


def _asserted(atoms_of: list[Atom], fact: Fact, *, linear: bool) -> tuple[str, frozenset[tuple[int, ...]]]:
    """The assertion of a fact, and the products of atoms in it, which a linear reading declares."""
    known: tuple[str, frozenset[tuple[int, ...]]] | None = fact.texts.get(linear)
    if known is None:
        text = f"(assert {_formula(atoms_of, fact.node, linear=linear)})"
        known = fact.texts[linear] = text, frozenset(_products(fact.node)) if linear else frozenset()
    return known


def _products(node: Node) -> Iterator[tuple[int, ...]]:
    """The products of two atoms or more in a formula."""
    if node[0] in ("ge", "eq", "ne"):
        yield from (monomial for monomial, _ in node[1] if len(monomial) > 1)
    elif node[0] != "var":
        for part in node[1]:
            yield from _products(part)


def _product(atoms_of: list[Atom], monomial: tuple[int, ...]) -> str:
    return f"|{' * '.join(atoms_of[atom].name for atom in monomial)}|"


def _name(atoms_of: list[Atom], atom: int) -> str:
    return f"|{atoms_of[atom].name}|"


def _formula(atoms_of: list[Atom], node: Node, *, linear: bool) -> str:
    kind = node[0]
    if kind == "var":
        name = _name(atoms_of, node[1])
        return name if node[2] else f"(not {name})"
    if kind in ("and", "or"):
        if not node[1]:
            return "true" if kind == "and" else "false"
        return f"({kind} {' '.join(_formula(atoms_of, part, linear=linear) for part in node[1])})"
    left, right = _sides(atoms_of, node[1], linear=linear)
    if kind == "ge":
        return f"(>= {left} {right})"
    return f"(= {left} {right})" if kind == "eq" else f"(not (= {left} {right}))"


def _sides(atoms_of: list[Atom], poly: tuple[tuple[tuple[int, ...], int], ...], *, linear: bool) -> tuple[str, str]:
    """The positive monomials on the left, the negative ones on the right."""
    sides: tuple[list[str], list[str]] = ([], [])
    for monomial, coefficient in poly:
        factors = [_name(atoms_of, atom) for atom in monomial]
        if linear and len(monomial) > 1:
            factors = [_product(atoms_of, monomial)]
        size = abs(coefficient)
        if size != 1 or not factors:
            factors.insert(0, str(size))
        sides[coefficient < 0].append(factors[0] if len(factors) == 1 else f"(* {' '.join(factors)})")
    left, right = ((terms[0] if len(terms) == 1 else f"(+ {' '.join(terms)})") if terms else "0" for terms in sides)
    return left, right

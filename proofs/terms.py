"""Terms of the symbolic reading: integer polynomials over named atoms, and formulas over them.

Two choices make proofs short.  A sum that becomes a factor gets a name, so a product is a single monomial; and
where the sum differs from one that has a name by little, it is written relative to that name, so that the new
share price and the old one share their monomials.  Quotients are hash-consed: the same ``n // d`` is the same atom.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import gcd
from typing import Any, Literal

from poolproof.spec.logic import Symbolic

Monomial = tuple[int, ...]
Poly = dict[Monomial, int]
Key = tuple[tuple[Monomial, int], ...]
Node = tuple[Any, ...]
Sign = Literal["any", "nonneg", "positive"]
"""A formula in negation normal form: ("ge", poly), ("eq", poly), ("ne", poly), ("var", atom, bool), ("and"|"or", ...)."""

SIGN = "SOLV-6"
"""The tag of what is known of signs: of stored values it is the lemma that none is negative."""
RELATIVE_LIMIT = 3
"""A sum is written relative to a named one when the difference has fewer monomials than this."""


class DivisionByZero(ArithmeticError):
    """A path on which a divisor is not positive; ``positive`` is the condition that would exclude it."""

    def __init__(self, positive: Formula | None = None) -> None:
        super().__init__("division by zero")
        self.positive = positive


@dataclass(slots=True)
class Atom:
    """A variable of the solver: ``sign`` is what is known of it without proof: any, not negative, positive."""

    name: str
    sign: Sign
    boolean: bool = False


@dataclass(slots=True)
class Fact:
    """A formula that holds on this path, where it comes from, and the atoms in it."""

    node: Node
    tag: str
    atoms: frozenset[int]
    of: int | None = None
    texts: dict[bool, Any] = field(default_factory=dict, compare=False, repr=False)
    """Its texts for a solver, once they were asked for: they are the same in every obligation of the path."""


def frozen(poly: Poly) -> Key:
    """A hashable form of a polynomial."""
    return tuple(sorted(poly.items()))


def node_atoms(node: Node) -> frozenset[int]:
    """The atoms of a formula."""
    if node[0] in ("ge", "eq", "ne"):
        return frozenset(atom for monomial, _ in node[1] for atom in monomial)
    if node[0] == "var":
        return frozenset((node[1],))
    return frozenset().union(*(node_atoms(part) for part in node[1]))


class Space:
    """The atoms, definitions and facts of one symbolic run."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self.signs = SIGN
        self.atoms: list[Atom] = []
        self.facts: list[Fact] = []
        self.results: list[tuple[str, Term]] = []
        self._names: dict[str, int] = {}
        self._quotients: dict[Any, Term] = {}
        self._choices: dict[Any, Term] = {}
        self._named: list[tuple[int, Poly]] = []
        self._named_by_key: dict[Key, int] = {}

    # --- atoms -------------------------------------------------------------------------------------------------

    def atom(self, name: str, sign: Sign = "any", *, boolean: bool = False) -> int:
        """A new atom; a name that is taken gets a number."""
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        self.atoms.append(Atom(name if count == 0 else f"{name}~{count}", sign, boolean))
        return len(self.atoms) - 1

    def _sign_fact(self, atom: int, sign: Sign) -> None:
        low = 1 if sign == "positive" else 0
        self.facts.append(Fact(("ge", frozen(plus({(atom,): 1}, {(): low}, -1))), self.signs, frozenset((atom,)), atom))

    def mark(self) -> tuple[Any, ...]:
        """What has to be remembered to come back to this point of a run."""
        caches = self._quotients, self._choices, self._named, self._named_by_key
        return (len(self.facts), *(cache.copy() for cache in caches))

    def reset(self, mark: tuple[Any, ...]) -> None:
        """Come back to a marked point: what was learned and named since is forgotten."""
        count, self._quotients, self._choices, self._named, self._named_by_key = mark
        del self.facts[count:]

    def rewind(self, mark: tuple[Any, ...]) -> None:
        """Come back to a mark for a new run: atoms made since are forgotten too, but not by goals that hold them."""
        count, atoms, names, quotients, choices, named, by_key = mark
        self.facts = self.facts[:count]
        self.atoms = self.atoms[:atoms]
        self._names = dict(names)
        self._quotients, self._choices = dict(quotients), dict(choices)
        self._named, self._named_by_key = list(named), dict(by_key)

    def start(self) -> tuple[Any, ...]:
        """What ``rewind`` needs to come back here."""
        caches = self._quotients, self._choices, self._named, self._named_by_key
        return (len(self.facts), len(self.atoms), dict(self._names), *(cache.copy() for cache in caches))

    def number(self, name: str, sign: Sign = "any") -> Term:
        """A new integer variable."""
        atom = self.atom(name, sign)
        if sign != "any":
            self._sign_fact(atom, sign)
        return Term(self, {(atom,): 1})

    def once(self, key: Any, name: str, sign: Sign = "nonneg") -> Term:
        """A number, by default not negative, the same for the same key."""
        found = self._choices.get(key)
        if found is None:
            found = self._choices[key] = self.number(name, sign)
        return found

    def has(self, key: Any) -> bool:
        """Whether a number was made for a key."""
        return key in self._choices

    def once_flag(self, name: str, key: Any = None) -> Formula:
        """A boolean variable, the same for the same name and key."""
        found: Any = self._choices.get(("flag", name, key))
        if found is None:
            found = self._choices["flag", name, key] = self.flag(name)  # type: ignore[assignment]  # a formula among terms
        return found  # type: ignore[no-any-return]

    def identify(self, choice: Term, known: Term) -> None:
        """From here on, write a choice that is known to be equal to another number as that number."""
        for key, found in self._choices.items():
            if isinstance(found, Term) and found.poly == choice.poly:
                self._choices[key] = known

    def flag(self, name: str) -> Formula:
        """A new boolean variable."""
        return Formula(self, ("var", self.atom(name, boolean=True), True))

    def fact(self, condition: Any, tag: str, of: int | None = None) -> None:
        """Record what holds on this path."""
        if condition is True:
            return
        node = condition.node if isinstance(condition, Formula) else ("or", ())
        self.facts.append(Fact(node, tag, node_atoms(node), of))

    # --- signs -------------------------------------------------------------------------------------------------

    def plainly_nonneg(self, poly: Poly) -> bool:
        """Whether every monomial is plainly not negative."""
        atoms = self.atoms
        for monomial, coefficient in poly.items():
            if coefficient < 0:
                return False
            for atom in monomial:
                if atoms[atom].sign == "any":
                    return False
        return True

    def plainly_positive(self, poly: Poly) -> bool:
        """Whether it is plainly not negative, and one monomial plainly positive."""
        if not self.plainly_nonneg(poly):
            return False
        atoms = self.atoms
        return any(all(atoms[a].sign == "positive" for a in m) for m in poly)

    # --- names of sums -----------------------------------------------------------------------------------------

    def factor(self, poly: Poly) -> Poly:
        """The same value with few monomials: a named sum, or a named sum and a small difference."""
        if len(poly) <= 1:
            return poly
        content = gcd(*poly.values())
        if content > 1:
            return {m: c * content for m, c in self.factor({m: c // content for m, c in poly.items()}).items()}
        if len(poly) == 2 and min(poly.values()) < 0 < max(poly.values()):
            return poly
        key = frozen(poly)
        if key in self._named_by_key:
            return {(self._named_by_key[key],): 1}
        best: Poly | None = None
        for atom, definition in self._named:
            difference = plus(poly, definition, -1)
            small = len(difference) < min(RELATIVE_LIMIT, len(poly)) and (atom,) not in difference
            if small and (best is None or len(difference) + 1 < len(best)):
                best = {(atom,): 1, **difference}
        if best is not None:
            return best
        sign: Sign = "any"
        if self.plainly_nonneg(poly):
            sign = "positive" if self.plainly_positive(poly) else "nonneg"
        atom = self.atom("sum", sign)
        self._named.append((atom, dict(poly)))
        self._named_by_key[key] = atom
        name = Term(self, {(atom,): 1})
        self.fact(name == Term(self, poly), "definition", of=atom)
        if sign != "any":
            self._sign_fact(atom, sign)
        return {(atom,): 1}

    # --- quotients and choices ---------------------------------------------------------------------------------

    def quotient(self, numerator: Poly, denominator: Poly) -> Term:
        """floor(numerator / denominator) for a divisor that this path knows to be positive."""
        constant = denominator.get((), 0) if len(denominator) == 1 else 0
        whole: Poly = {}
        if constant:
            whole = {m: c // constant for m, c in numerator.items() if c % constant == 0}
            numerator = {m: c for m, c in numerator.items() if c % constant}
        if not numerator:
            return Term(self, whole)
        negative = self.plainly_nonneg({m: -c for m, c in numerator.items()})
        if negative:
            numerator = {m: -c for m, c in numerator.items()}
        divisor = denominator if constant else self.factor(denominator)
        key = (negative, frozen(numerator), frozen(divisor))
        found = self._quotients.get(key)
        if found is None:
            found = self._new_quotient(numerator, divisor, up=negative)
            self._quotients[key] = found
        return Term(self, whole) - found if negative else Term(self, whole) + found

    def _new_quotient(self, numerator: Poly, divisor: Poly, *, up: bool) -> Term:
        known = self.plainly_nonneg(numerator)
        atom = self.atom("up" if up else "down", "nonneg" if known else "any")
        result, n, d = Term(self, {(atom,): 1}), Term(self, numerator), Term(self, divisor)
        product = result * d
        if up:
            self.fact(product >= n, "quotient", of=atom)
            self.fact(product <= n + d - 1, "quotient", of=atom)
        else:
            self.fact(product <= n, "quotient", of=atom)
            self.fact(product >= n - d + 1, "quotient", of=atom)
        if known:
            self._sign_fact(atom, "nonneg")
        else:
            self.fact((n < 0) | (result >= 0), "quotient", of=atom)
        return result

    def choice(self, condition: Any, yes: Any, no: Any) -> Any:
        """``yes`` where the condition holds, else ``no``, as one atom."""
        if condition is True or condition is False:
            return yes if condition else no
        known = self.path.known(condition)
        if known is not None:
            return yes if known else no
        yes_term, no_term = self.lift(yes), self.lift(no)
        if yes_term.poly == no_term.poly:
            return yes
        key = (condition.node, frozen(yes_term.poly), frozen(no_term.poly))
        found = self._choices.get(key)
        if found is None:
            nonneg = self.plainly_nonneg(yes_term.poly) and self.plainly_nonneg(no_term.poly)
            atom = self.atom("choice", "nonneg" if nonneg else "any")
            found = Term(self, {(atom,): 1})
            self.fact(~condition | (found == yes_term), "choice", of=atom)
            self.fact(condition | (found == no_term), "choice", of=atom)
            if nonneg:
                self._sign_fact(atom, "nonneg")
            self._choices[key] = found
        return found

    def greatest(self, a: Term, b: Term) -> Term:
        """The larger of two plainly non-negative numbers, as one atom with its bounds."""
        positive = self.plainly_positive(a.poly) or self.plainly_positive(b.poly)
        atom = self.atom("greatest", "positive" if positive else "nonneg")
        found = Term(self, {(atom,): 1})
        self.fact(found >= a, "choice", of=atom)
        self.fact(found >= b, "choice", of=atom)
        self.fact((found == a) | (found == b), "choice", of=atom)
        self._sign_fact(atom, "positive" if positive else "nonneg")
        return found

    def lift(self, value: Any) -> Term:
        """A number as a term."""
        if isinstance(value, Term):
            return value
        return Term(self, {(): int(value)} if value else {})


def plus(a: Poly, b: Poly, scale: int = 1) -> Poly:
    """a + scale x b."""
    total = a.copy()
    for monomial, coefficient in b.items():
        if monomial in total:
            value = total[monomial] + scale * coefficient
            if value:
                total[monomial] = value
            else:
                del total[monomial]
        else:
            total[monomial] = scale * coefficient
    return total


def times(a: Poly, b: Poly) -> Poly:
    """a x b, expanded."""
    total: Poly = {}
    for m, c in a.items():
        for n, d in b.items():
            monomial = tuple(sorted(m + n))
            value = total.get(monomial, 0) + c * d
            if value:
                total[monomial] = value
            else:
                total.pop(monomial, None)
    return total


class Term(Symbolic):
    """An integer of the symbolic reading."""

    __slots__ = ("poly", "space")
    __hash__ = None  # type: ignore[assignment]  # equality is a formula

    def __init__(self, space: Space, poly: Poly) -> None:
        self.space = space
        self.poly = poly

    @property
    def constant(self) -> int | None:
        """The value, where it does not depend on any atom."""
        if not self.poly:
            return 0
        return self.poly.get(()) if len(self.poly) == 1 else None

    def _poly(self, other: Any) -> Poly | None:
        if isinstance(other, Term):
            return other.poly
        if isinstance(other, int):
            return {(): int(other)} if other else {}
        return None

    def __add__(self, other: Any) -> Term:
        poly = self._poly(other)
        return NotImplemented if poly is None else Term(self.space, plus(self.poly, poly))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Term:
        poly = self._poly(other)
        return NotImplemented if poly is None else Term(self.space, plus(self.poly, poly, -1))

    def __rsub__(self, other: Any) -> Term:
        negative: Term = -self
        total: Term = negative + other
        return total

    def __neg__(self) -> Term:
        return Term(self.space, {m: -c for m, c in self.poly.items()})

    def __mul__(self, other: Any) -> Term:
        poly = self._poly(other)
        if poly is None:
            return NotImplemented
        if self.constant is not None or Term(self.space, poly).constant is not None:
            return Term(self.space, times(self.poly, poly))
        return Term(self.space, times(self.space.factor(self.poly), self.space.factor(poly)))

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Term:
        if self._poly(other) is None:
            return NotImplemented
        return self.divided_by(self.space.lift(other))

    def divided_by(self, other: Term) -> Term:
        """floor(self / other) on a path where the divisor is positive; where it is not, the path ends."""
        poly = other.poly
        divisor = Term(self.space, poly)
        positive = self.space.plainly_positive(poly) or divisor > 0
        if not positive:
            raise DivisionByZero(positive if isinstance(positive, Formula) else None)
        return self.space.quotient(self.poly, poly)

    def __rfloordiv__(self, other: Any) -> Term:
        return self.space.lift(other).divided_by(self)

    def __ge__(self, other: Any) -> Any:
        return formula_ge(self.space, (self - other).poly)

    def __le__(self, other: Any) -> Any:
        return formula_ge(self.space, (-self + other).poly)

    def __gt__(self, other: Any) -> Any:
        return formula_ge(self.space, (self - other - 1).poly)

    def __lt__(self, other: Any) -> Any:
        return formula_ge(self.space, (-self + other - 1).poly)

    def __eq__(self, other: object) -> Any:
        if self._poly(other) is None:
            return NotImplemented
        return formula_eq(self.space, (self - other).poly)

    def __ne__(self, other: object) -> Any:
        return ~(self == other) if isinstance(self == other, Formula) else not (self == other)

    def least_(self, other: Any) -> Any:
        """The smaller one, as one atom with its bounds."""
        smaller = self <= other
        if smaller is True or smaller is False:
            return self if smaller else other
        known = self.space.path.known(smaller)
        if known is not None:
            return self if known else other
        key = ("least", *sorted((frozen(self.poly), frozen(self.space.lift(other).poly))))
        found = self.space._choices.get(key)  # noqa: SLF001
        if found is None:
            other_term = self.space.lift(other)
            nonneg = self.space.plainly_nonneg(self.poly) and self.space.plainly_nonneg(other_term.poly)
            if not nonneg and self.space.plainly_nonneg((-self).poly) and self.space.plainly_nonneg((-other_term).poly):
                found = -self.space.greatest(-self, -other_term)
                self.space._choices[key] = found  # noqa: SLF001
                return found
            atom = self.space.atom("least", "nonneg" if nonneg else "any")
            found = Term(self.space, {(atom,): 1})
            self.space.fact(found <= self, "choice", of=atom)
            self.space.fact(found <= other_term, "choice", of=atom)
            self.space.fact((found == self) | (found == other_term), "choice", of=atom)
            if nonneg:
                self.space._sign_fact(atom, "nonneg")  # noqa: SLF001
            self.space._choices[key] = found  # noqa: SLF001
        return found

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __repr__(self) -> str:
        return (
            " + ".join("*".join([str(c), *(self.space.atoms[a].name for a in m)]) for m, c in sorted(self.poly.items()))
            or "0"
        )


class Formula(Symbolic):
    """A condition of the symbolic reading; using it as a ``bool`` forks the path."""

    __slots__ = ("node", "space")

    def __init__(self, space: Space, node: Node) -> None:
        self.space = space
        self.node = node

    def __bool__(self) -> bool:
        return bool(self.space.path.decide(self))

    def __and__(self, other: Any) -> Any:
        return combine(self.space, "and", (self, other))

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return combine(self.space, "or", (self, other))

    __ror__ = __or__

    def __invert__(self) -> Formula:
        return Formula(self.space, negated(self.node))

    def __eq__(self, other: object) -> Any:
        if isinstance(other, bool):
            return self if other else ~self
        if isinstance(other, Formula):
            return (self & other) | (~self & ~other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.node)

    def negated_(self) -> Formula:
        """Not."""
        return ~self

    def chosen_(self, yes: Any, no: Any) -> Any:
        """A choice without a fork."""
        return self.space.choice(self, yes, no)


def negated(node: Node) -> Node:
    """The negation, in negation normal form."""
    kind = node[0]
    if kind == "ge":
        return ("ge", frozen(plus({(): -1}, dict(node[1]), -1)))
    if kind == "eq":
        return ("ne", node[1])
    if kind == "ne":
        return ("eq", node[1])
    if kind == "var":
        return ("var", node[1], not node[2])
    return ("or" if kind == "and" else "and", tuple(negated(part) for part in node[1]))


def combine(space: Space, kind: Literal["and", "or"], parts: Iterable[Any]) -> Any:
    """Conjunction or disjunction, flattened; constants vanish."""
    absorbing = kind == "or"
    nodes: list[Node] = []
    for part in parts:
        if isinstance(part, Formula):
            nodes += part.node[1] if part.node[0] == kind else (part.node,)
        elif bool(part) is absorbing:
            return absorbing
    unique = tuple(dict.fromkeys(nodes))
    if any(negated(node) in unique for node in unique):
        return absorbing
    if not unique:
        return not absorbing
    return Formula(space, unique[0] if len(unique) == 1 else (kind, unique))


def formula_ge(space: Space, poly: Poly) -> Any:
    """The condition poly >= 0, reduced by the common divisor, or its plain truth value."""
    if space.plainly_nonneg(poly):
        return True
    if space.plainly_positive({m: -c for m, c in poly.items()}):
        return False
    divisor = gcd(*(c for m, c in poly.items() if m))
    if divisor > 1:
        poly = {m: c // divisor for m, c in poly.items()}
        poly = {m: c for m, c in poly.items() if c}
    return Formula(space, ("ge", frozen(poly)))


def formula_eq(space: Space, poly: Poly) -> Any:
    """The condition poly == 0, normalised, or its plain truth value."""
    if not poly:
        return True
    if space.plainly_positive(poly) or space.plainly_positive({m: -c for m, c in poly.items()}):
        return False
    divisor = gcd(*(c for m, c in poly.items() if m))
    if poly.get((), 0) % divisor:
        return False
    key = frozen(poly)
    sign = -1 if key[-1][1] < 0 else 1
    return Formula(space, ("eq", tuple((m, sign * c // divisor) for m, c in key)))

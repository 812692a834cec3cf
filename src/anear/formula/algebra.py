"""An expression as a sum of products, so that what depends on the query and on the point can be told apart.

    x*log(x/y) - x + y   =   x*log(x) - x*log(y) - x + y         four terms: x alone, mixed, x alone, y alone

A term is a number times powers of *atoms*: one-sided expressions (never taken apart further than into factors) and
functions of both sides that cannot be split. There are two modes. ``bilinear`` takes everything apart that algebra
can: ``(x - y)**2``, ``cos(x - y)``, ``exp(x + y)``. Without it only those rules apply after which the terms are
computed as accurately as before, up to the cancellation between terms.

A term may become NaN where the expression is a number (``log(x/y)`` of two negative numbers).

``xlogy(a, b)`` is the product of ``a`` and the atom ``xlogy(1, b)``, a logarithm of which 0 times it is always 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from anear.formula.expression import ELEMENTWISE, Expr, constant, make, number
from anear.formula.graph import BOTH, NEITHER, POINT, QUERY, Sides, walk_unknown
from anear.formula.polynomial import (
    ONE,
    Polynomial,
    add_to,
    dimension_of,
    order,
    parted,
    plain,
    scaled,
    sorted_terms,
    term_of,
    times,
    total,
    without_squared_cosines,
    written,
    written_term,
)
from anear.formula.ranges import Factors, factors, never_negative
from anear.formula.simplify import simplify

__all__ = ["Expander"]

_OF_EQUALS: Final = {"eq": 1.0, "le": 1.0, "ge": 1.0, "ne": 0.0, "lt": 0.0, "gt": 0.0}
"""What comparing equal numbers gives."""

_COMMUTATIVE: Final = frozenset({"minimum", "maximum", "eq", "ne"})
MOST_TERMS: Final = 64
"""What has more terms than this is not taken apart: large formulas must not take long."""


class Expander:
    """Turns expressions into sums of products.

    Parameters
    ----------
    bilinear : take apart everything that algebra can, not only what stays accurate.
    one_sided : take apart one-sided expressions as well, so that equal formulas come out equal.
    """

    def __init__(self, bilinear: bool, one_sided: bool = False) -> None:
        self.bilinear = bilinear
        self.one_sided = one_sided
        self.sides = Sides()
        self._known: dict[Expr, Polynomial] = {}
        self._rules: dict[str, Callable[[Expr], Polynomial | None]] = {
            "neg": lambda e: scaled(self._of(e, 0), -1.0),
            "add": lambda e: total(self._of(e, 0), self._of(e, 1)),
            "sub": lambda e: total(self._of(e, 0), scaled(self._of(e, 1), -1.0)),
            "mul": self._mul,
            "div": lambda e: self._multiplied(self._of(e, 0), self._power(self._of(e, 1), -1.0)),
            "sqrt": lambda e: self._power(self._of(e, 0), 0.5),
            "rsqrt": lambda e: self._power(self._of(e, 0), -0.5),
            "pow": self._pow,
            "log": lambda e: self._log(self._of(e, 0), lambda a: make("log", a)),
            "xlogy": self._xlogy,
            "abs": self._abs,
            "sum": self._sum,
            "matvec": self._matvec,
            "cumsum": self._cumsum,
            "max": self._largest,
            "min": self._largest,
        }
        if one_sided:
            self._rules |= {"where": self._where, **dict.fromkeys(_OF_EQUALS, self._compare)}
        if bilinear:
            self._rules |= {
                "log1p": lambda e: self._log(total(plain(1.0), self._of(e, 0)), lambda a: make("log", a)),
                "exp": lambda e: self._exp(self._of(e, 0)),
                "expm1": lambda e: total(self._exp(self._of(e, 0)), plain(-1.0)),
                "cos": lambda e: self._cos(self._of(e, 0)),
                "sin": lambda e: self._sin(self._of(e, 0)),
            }

    def __call__(self, expr: Expr) -> Polynomial:
        """``expr`` as a sum of products."""
        for node in walk_unknown(expr, self._known):
            self._known[node] = {} if node.is_matrix else self._expand(node)
        return self._known[expr]

    def _of(self, node: Expr, position: int) -> Polynomial:
        return self._known[node.args[position]]

    def _expand(self, node: Expr) -> Polynomial:
        if node.op == "number" and node.value == 0.0:
            return {}
        if not node.args or not self._opens(node):
            return self._as_factors(node)
        rule = self._rules.get(node.op)
        found = rule(node) if rule else None
        return self._opaque(node) if found is None or len(found) > MOST_TERMS else found

    def _opens(self, node: Expr) -> bool:
        """Whether the node is to be taken apart."""
        return self.one_sided or self.sides(node) == BOTH

    def _opaque(self, node: Expr) -> Polynomial:
        """A function that stays as it is, of operands written in the usual order."""
        args = [a if a.is_matrix or not self._opens(a) else written(self._known[a]) for a in node.args]
        if node.op not in ELEMENTWISE and not args[-1].is_vector:
            args = list(node.args)  # what is left is a scalar, but the operation needs a vector
        if node.op in _COMMUTATIVE:
            args.sort(key=order)
        return self._as_factors(make(node.op, *args, value=node.value))

    def _as_factors(self, expr: Expr) -> Polynomial:
        simple = simplify(expr)
        if simple.op == "number" and simple.value == 0.0:
            return {}
        found = factors(simple)
        return {found.key(): found}

    def _content(self, a: Polynomial, signed: bool) -> tuple[Factors, Expr]:
        """(front, rest) with ``a = front * rest``, so that equal sums are equal atoms.

        The front is a number, which is positive unless ``signed``, and what all terms have in common of factors that
        are never negative.
        """
        terms = sorted_terms(a)
        scale = terms[0].number if signed else abs(terms[0].number)
        common = {f: e for f, e in terms[0].powers.items() if all(t.powers.get(f) == e for t in terms)}
        common = {f: e for f, e in common.items() if f.op != "xlogy" and never_negative(f)}
        if self.one_sided:  # no negative powers of exponentials are left inside
            least = {f: min(t.powers.get(f, 0.0) for t in terms) for t in terms for f in t.powers if f.op == "exp"}
            common |= {f: e for f, e in least.items() if e < 0.0}
        rest: Polynomial = {}
        for term in terms:
            powers = {f: term.powers.get(f, 0.0) - common.get(f, 0.0) for f in (*term.powers, *common)}
            add_to(rest, Factors(term.number / scale, {f: e for f, e in powers.items() if e != 0.0}))
        return Factors(scale, common), written(rest)

    def _atom(self, a: Polynomial, exponent: float) -> Polynomial | None:
        """A sum of several terms to a power that is not multiplied out."""
        front, rest = self._content(a, signed=exponent % 2.0 in (0.0, 1.0))
        found = front.times(Factors(1.0, {rest: 1.0})).power(exponent)
        return None if found is None else {found.key(): found}

    def _power(self, a: Polynomial, exponent: float) -> Polynomial | None:
        if not a:
            return None
        if len(a) > 1:
            return self._atom(a, exponent)
        found = next(iter(a.values())).power(exponent)
        return None if found is None else {found.key(): found}

    def _pow(self, node: Expr) -> Polynomial | None:
        if node.args[1].op != "number" or node.args[1].value == 0.0:
            return None
        base, exponent = self._of(node, 0), node.args[1].value
        if self.bilinear and len(base) > 1 and exponent in (2.0, 3.0):
            square = self._multiplied(base, base)
            return square if exponent == 2.0 else self._multiplied(square, base)
        return self._power(base, exponent)

    def _mul(self, node: Expr) -> Polynomial | None:
        a, b = node.args
        if self.bilinear and a is b and a.op in ("sin", "cos"):
            # sin(a)**2 = (1 - cos(2a)) / 2, cos(a)**2 = (1 + cos(2a)) / 2
            double = self._cos(scaled(self._of(a, 0), 2.0))
            if double is not None:
                return total(plain(0.5), scaled(double, -0.5 if a.op == "sin" else 0.5))
        return self._multiplied(self._of(node, 0), self._of(node, 1))

    def _multiplied(self, a: Polynomial | None, b: Polynomial | None) -> Polynomial | None:
        """The product: multiplied out, unless that loses accuracy or is too large."""
        if a is None or b is None:
            return None
        if self.one_sided:
            a, b = self._cancelled(a, b), self._cancelled(b, a)
        if not self.bilinear and len(a) > 1 and len(b) > 1:
            left, right = self._atom(a, 1.0), self._atom(b, 1.0)
            return None if left is None or right is None else times(left, right)
        if len(a) * len(b) > MOST_TERMS:
            return None
        return without_squared_cosines(times(a, b)) if self.one_sided else times(a, b)

    def _cancelled(self, a: Polynomial, b: Polynomial) -> Polynomial:
        """``a`` as one factor if ``b`` divides by it."""
        if len(a) < 2 or len(b) != 1:
            return a
        front, rest = self._content(a, signed=True)
        if next(iter(b.values())).powers.get(rest, 0.0) >= 0.0:
            return a
        found = front.times(Factors(1.0, {rest: 1.0}))
        return {found.key(): found}

    def _log(self, a: Polynomial, log: Callable[[Expr], Expr]) -> Polynomial | None:
        """The logarithm of a product is a sum; ``log`` makes the logarithm of one atom."""
        if len(a) > 1:
            front, rest = self._content(a, signed=False)
            term = front.times(Factors(1.0, {rest: 1.0}))
        elif not a or next(iter(a.values())).number <= 0.0:
            return None
        else:
            term = next(iter(a.values()))
        result = plain(math.log(term.number))
        for atom, exponent in term.powers.items():
            base = atom if exponent % 2.0 != 0.0 or never_negative(atom) else make("abs", atom)
            part = self(base.args[0]) if base.op == "exp" else term_of(log(base))
            result = total(result, scaled(part, exponent))
        return result

    def _xlogy(self, node: Expr) -> Polynomial | None:
        factor = self._of(node, 0)
        logs = self._log(self._of(node, 1), lambda a: make("xlogy", ONE, a))
        # multiplied out always: apart from its factor the logarithm would forget that 0 times it is 0
        return None if logs is None or len(factor) * len(logs) > MOST_TERMS else times(factor, logs)

    def _compare(self, node: Expr) -> Polynomial | None:
        """A comparison of equal numbers is decided."""
        difference = total(self._of(node, 0), scaled(self._of(node, 1), -1.0))
        return None if difference else plain(_OF_EQUALS[node.op])

    def _where(self, node: Expr) -> Polynomial | None:
        """A decided choice."""
        condition = self._of(node, 0)
        if condition and set(condition) != {frozenset()}:
            return self._choice_or_zero(node)
        return self._of(node, 1 if condition else 2)

    def _choice_or_zero(self, node: Expr) -> Polynomial | None:
        """``where(c, n*a, 0)`` as ``n * where(c, a, 0)``."""
        a, b = self._of(node, 1), self._of(node, 2)
        if b or not a:
            return None
        scale = sorted_terms(a)[0].number
        chosen = make("where", written(self._of(node, 0)), written(scaled(a, 1.0 / scale)), number(0.0))
        return scaled(self._as_factors(chosen), scale) if chosen.is_vector == node.is_vector else None

    def _abs(self, node: Expr) -> Polynomial | None:
        a = self._of(node, 0)
        if len(a) <= 1:
            return self._as_factors(make("abs", written(a)))
        front, rest = self._content(a, signed=True)
        return times({front.key(): Factors(abs(front.number), front.powers)}, self._as_factors(make("abs", rest)))

    def _split(self, a: Polynomial) -> tuple[Polynomial, Polynomial, Polynomial]:
        """The terms of the query (and of neither side), of the point, of both."""
        parts: dict[int, Polynomial] = {NEITHER: {}, QUERY: {}, POINT: {}, BOTH: {}}
        for key, term in a.items():
            parts[self.side_of(term.powers)][key] = term
        return parts[NEITHER] | parts[QUERY], parts[POINT], parts[BOTH]

    def side_of(self, atoms: Iterable[Expr]) -> int:
        """The sides that a product of these atoms depends on."""
        mask = NEITHER
        for atom in atoms:
            mask |= self.sides(atom)
        return mask

    def _exp(self, a: Polynomial) -> Polynomial:
        """The exponential of a sum is a product."""
        if self.one_sided and len(a) == 1:  # exp(-x) as exp(x)**-1
            term = next(iter(a.values()))
            power = Factors(1.0, {make("exp", written_term(Factors(1.0, term.powers))): term.number})
            return {power.key(): power}
        result = plain(1.0)
        for part in self._split(a):
            if part:
                result = times(result, self._as_factors(make("exp", written(part))))
        return result

    def _turned(self, a: Polynomial) -> tuple[Expr, Expr] | None:
        query, point, both = self._split(a)
        return None if both or not query or not point else (written(query), written(point))

    def _cos(self, a: Polynomial) -> Polynomial | None:
        """cos(p + q) = cos(p) cos(q) - sin(p) sin(q)."""
        parts = self._turned(a)
        return parts and total(self._waves("cos", "cos", parts), scaled(self._waves("sin", "sin", parts), -1.0))

    def _sin(self, a: Polynomial) -> Polynomial | None:
        """sin(p + q) = sin(p) cos(q) + cos(p) sin(q)."""
        parts = self._turned(a)
        return parts and total(self._waves("sin", "cos", parts), self._waves("cos", "sin", parts))

    def _waves(self, first: str, second: str, parts: tuple[Expr, Expr]) -> Polynomial:
        return times(_wave(first, parts[0]), _wave(second, parts[1]))

    def _sum(self, node: Expr) -> Polynomial | None:
        """The sum of a sum, scalars outside."""
        result: Polynomial = {}
        for term in self._of(node, 0).values():
            scalars, vectors = parted(term)
            inside = make("sum", written_term(vectors)) if vectors.powers else dimension_of(node.args[0])
            add_to(result, scalars.times(factors(inside)))
        return result

    def _matvec(self, node: Expr) -> Polynomial | None:
        """A matrix times a sum, scalars outside."""
        matrix = node.args[0]
        result: Polynomial = {}
        for term in self._of(node, 1).values():
            scalars, vectors = parted(term)
            ones = constant(np.ones(matrix.value.shape[1]))
            vector = written_term(vectors) if vectors.powers else ones
            add_to(result, scalars.times(Factors(1.0, {make("matvec", matrix, vector): 1.0})))
        return result

    def _largest(self, node: Expr) -> Polynomial | None:
        """A maximum or minimum over coordinates, positive scalars outside."""
        a = self._of(node, 0)
        if len(a) > 1:
            front, rest = self._content(a, signed=False)
        elif not a or not all(f.is_vector or never_negative(f) for t in a.values() for f in t.powers):
            return None if a else {}
        else:
            front, vectors = parted(next(iter(a.values())))
            rest = written({vectors.key(): Factors(math.copysign(1.0, front.number), vectors.powers)})
            front = Factors(abs(front.number), front.powers)
        if not rest.is_vector or any(f.is_vector for f in front.powers):
            return None
        return times({front.key(): front}, self._as_factors(make(node.op, rest)))

    def _cumsum(self, node: Expr) -> Polynomial | None:
        """The running sums of a sum, scalars outside."""
        result: Polynomial = {}
        for term in self._of(node, 0).values():
            scalars, vectors = parted(term)
            if not vectors.powers:
                return None
            add_to(result, scalars.times(Factors(1.0, {make("cumsum", written_term(vectors)): 1.0})))
        return result


def _wave(op: str, angle: Expr) -> Polynomial:
    """sin or cos of an angle, the sign of the angle outside."""
    flip = angle.op == "neg" or (angle.op == "mul" and angle.args[0].op == "number" and angle.args[0].value < 0.0)
    wave = make(op, simplify(make("neg", angle)) if flip else angle)
    return scaled(term_of(wave), -1.0 if flip and op == "sin" else 1.0)

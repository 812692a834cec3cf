"""Proving the triangle inequality: from differences up, by rules that keep it, and a table of theorems.

A formula of vectors is called a metric here if it is one in each coordinate. "Metric" includes what may be 0 for
different points (``abs(f(x) - f(y))``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from anear.formula.algebra import Expander
from anear.formula.canonical import canonical, equal, on_diagonal, swapped
from anear.formula.convexity import jensen
from anear.formula.expression import Expr, make, number, walk, x, y
from anear.formula.graph import BOTH, NEITHER, POINT, Sides, substitute
from anear.formula.outer import split
from anear.formula.parse import parse
from anear.formula.polynomial import written
from anear.formula.ranges import Factors, factors, never_negative, product, range_of
from anear.formula.simplify import simplify

__all__ = ["POSITIVE_THEOREMS", "THEOREMS", "metric_reason"]

_GREAT_CIRCLE: Final = "sin((x[0]-y[0])/2)**2 + cos(x[0])*cos(y[0])*sin((x[1]-y[1])/2)**2"

THEOREMS: Final = {
    "abs(x - y) / (abs(x) + abs(y))": "Canberra's term is a metric of numbers",
    "arcosh(1 + sum((x - y)**2) / (2 * x[0] * y[0]))": "the geodesic distance of the hyperbolic half-space",
    "arcosh(1 + 2 * sum((x - y)**2) / ((1 - sum(x*x)) * (1 - sum(y*y))))": "the geodesic distance of the Poincare ball",
    f"arcsin(sqrt(minimum({_GREAT_CIRCLE}, 1)))": "the length of the great circle on a sphere",
    f"arcsin(sqrt({_GREAT_CIRCLE}))": "the length of the great circle on a sphere",
}
"""Metrics that no rule here derives: the formula, and what it is."""

POSITIVE_THEOREMS: Final = {
    "abs(x - y) / (x + y)": "Canberra's term is a metric of positive numbers",
    "abs(x - y) / abs(x + y)": "Canberra's term is a metric of positive numbers",
    "abs(x - y) / maximum(x, y)": "the relative difference is a metric of positive numbers",
    "sum(abs(x - y)) / sum(maximum(x, y))": "Soergel's distance is a metric for positive coordinates",
}
"""The same, for positive coordinates only."""

# concave, rising, 0 at 0: of a metric they make a metric
_CONCAVE: Final = {"log1p": "log(1 + d)", "tanh": "tanh(d)", "arctan": "arctan(d)"}


@lru_cache(maxsize=2)
def _theorems(positive: bool) -> dict[Expr, str]:
    table = THEOREMS | (POSITIVE_THEOREMS if positive else {})
    return {canonical(parse(text)): reason for text, reason in table.items()}


def metric_reason(expr: Expr, positive: bool = False) -> str | None:
    """Why the triangle inequality holds (``positive``: for positive coordinates); None if it is not proved."""
    return _Prover(positive).reason(simplify(expr))


def _addends(expr: Expr) -> list[Expr]:
    """The operands of a sum of sums."""
    found, stack = [], [expr]
    while stack:
        node = stack.pop()
        if node.op == "add":
            stack += node.args[::-1]
        else:
            found.append(node)
    return found


class _Prover:
    def __init__(self, positive: bool) -> None:
        self.positive = positive
        self.sides = Sides()

    def reason(self, expr: Expr) -> str | None:
        """Why ``expr`` is a metric."""
        found = self._power(expr)
        if found is not None:
            base, exponent = found
            if exponent == 1.0:
                inner = self._rule(base) or self._norm(base, 1.0)
                return inner or self._theorem(expr)
            if 0.0 < exponent < 1.0:
                inner = self._norm(base, exponent)
                if inner is not None:
                    return inner
                inner = self.reason(base)
                return f"{inner}; raised to a power below 1 it stays a metric" if inner else self._theorem(expr)
        return self._theorem(expr)

    def _power(self, expr: Expr) -> tuple[Expr, float] | None:
        """(base, exponent) of ``c * base**exponent`` with c made of positive numbers and captured arrays alone."""
        found = factors(expr)
        if found.number <= 0.0:
            return None
        powers: dict[Expr, float] = {}
        for atom, exponent in found.powers.items():
            if self.sides(atom) == NEITHER:
                if not never_negative(atom):
                    return None
                continue
            even = exponent % 2.0 == 0.0 and not never_negative(atom)
            base = simplify(make("abs", atom)) if even else atom
            powers[base] = powers.get(base, 0.0) + exponent
        if not powers:
            return None
        common = abs(next(iter(powers.values())))
        if any(abs(e) != common for e in powers.values()):
            common = 1.0
        base = simplify(product(Factors(1.0, {a: e / common for a, e in powers.items()})))
        return base, common

    def _rule(self, base: Expr) -> str | None:
        """Why a base is a metric."""
        if base.op == "abs" and self._is_difference(base.args[0]):
            return "absolute differences of one function of both"
        if base.op == "ne" and self._is_difference(make("sub", *base.args)):
            return "1 where two values differ is a metric"
        if base.op in ("sum", "max"):
            inner = self.reason(base.args[0])
            return (
                inner and f"{inner}; their {'sum' if base.op == 'sum' else 'maximum'} over the coordinates is one too"
            )
        if base.op in ("add", "maximum"):
            parts = [self.reason(a) for a in base.args]
            what = "sum" if base.op == "add" else "maximum"
            return f"{what} of metrics: {' + '.join(dict.fromkeys(str(p) for p in parts))}" if all(parts) else None
        if base.op in _CONCAVE:
            inner = self.reason(base.args[0])
            return inner and f"{inner}; {_CONCAVE[base.op]} keeps the inequality"
        choice = base.args[0] if base.op == "abs" else base
        if choice.op == "where" and choice.args[2] is number(0.0) and self._means_different(choice.args[0]):
            chosen = choice.args[1]
            return self.reason(chosen if choice is base else simplify(make("abs", chosen)))
        if base.op == "arccos":
            return self._angle(base)
        return self._chord(base) if base.op == "arcsin" else self._bounded(base)

    def _means_different(self, condition: Expr) -> bool:
        """``x != y``, or a metric above 0: where it fails, a metric is 0 anyway."""
        if condition.op == "gt" and condition.args[1] is number(0.0):
            return self.reason(condition.args[0]) is not None
        return condition.op == "ne" and self._rule(condition) is not None

    def _bounded(self, base: Expr) -> str | None:
        """``minimum(d, c)``, ``1 - exp(-d)`` and ``d / (1 + d)``."""
        inner: Expr | None = None
        if base.op == "minimum":
            inner = next((a for a in base.args if self.sides(a) == BOTH), None)
            other = base.args[1] if inner is base.args[0] else base.args[0]
            if self.sides(other) != NEITHER or range_of(other)[0] < 0.0:
                return None
        elif base.op == "sub" and base.args[0] is number(1.0) and base.args[1].op == "exp":
            inner = simplify(make("neg", base.args[1].args[0]))
        elif base.op == "div" and simplify(make("add", base.args[0], number(1.0))) is base.args[1]:
            inner = base.args[0]
        reason = self.reason(inner) if inner is not None else None
        return reason and f"{reason}; a concave rising function of it keeps the inequality"

    def _norm(self, base: Expr, exponent: float) -> str | None:
        """``(sum of d**p) ** (1/p)`` for metrics d, and the norm of a quadratic form."""
        if base.op == "add":
            terms = [self._power(a) for a in _addends(base)]
            metrics = [
                self.reason(t[0]) if t is not None and abs(t[1] * exponent - 1.0) < 1e-12 else None for t in terms
            ]
            return f"{metrics[0]}; combined by Minkowski's inequality" if all(metrics) and exponent <= 1.0 else None
        if base.op != "sum":
            return None
        found = self._power(base.args[0])
        if found is not None and found[1] >= 1.0 and abs(found[1] * exponent - 1.0) < 1e-12:
            inner = self.reason(found[0])
            return inner and (inner if exponent == 1.0 else f"{inner}; combined by Minkowski's inequality")
        if exponent == 0.5 and self._quadratic(base.args[0]):
            return "norm of a difference, in the geometry of a positive semi-definite matrix"
        return None

    def _quadratic(self, vector: Expr) -> bool:
        """``d * (M @ d)`` with ``M`` positive semi-definite and ``d`` a difference."""
        powers = factors(vector).powers
        products = [a for a in powers if a.op == "matvec"]
        if len(powers) != 2 or len(products) != 1 or set(powers.values()) != {1.0}:
            return False
        matrix, d = products[0].args
        if d not in powers or not self._is_difference(d):
            return False
        values = matrix.value.values
        return values.shape[0] == values.shape[1] and bool(
            np.linalg.eigvalsh(values + values.T).min() >= -1e-12 * np.abs(values).max()
        )

    def _is_difference(self, expr: Expr) -> bool:
        """Whether ``expr`` is g(x) - g(y)."""
        expand = Expander(bilinear=True)
        parts: dict[int, dict[frozenset[tuple[Expr, float]], Factors]] = {}
        for key, term in expand(simplify(expr)).items():
            parts.setdefault(expand.side_of(term.powers), {})[key] = term
        if BOTH in parts or POINT not in parts:
            return False
        point = written(parts.pop(POINT))
        query = written({key: term for part in parts.values() for key, term in part.items()})
        return equal(substitute(query, {x: y}), make("neg", point))

    def _angle(self, base: Expr) -> str | None:
        """``arccos`` of a cosine."""
        inner = base.args[0]
        while inner.op in ("minimum", "maximum"):
            inner = next((a for a in inner.args if a.op != "number"), inner.args[0])
        is_cosine = range_of(inner) == (-1.0, 1.0) and factors(inner).number == 1.0
        if is_cosine and equal(inner, swapped(inner)) and on_diagonal(inner) is number(1.0):
            return "angles between directions obey the triangle inequality"
        return None

    def _chord(self, base: Expr) -> str | None:
        """``arcsin(d / 2)`` of the distance d of two points of the unit sphere: half their angle."""
        inner = base.args[0]
        if inner.op == "minimum" and inner.args[1] is number(1.0):
            inner = inner.args[0]
        found = factors(inner)
        if found.number != 0.5 or list(found.powers.values()) != [0.5]:
            return None
        (square,) = found.powers
        if self._norm(square, 0.5) is None:
            return None
        expand = Expander(bilinear=True, one_sided=True)
        alone = {k: t for k, t in expand(simplify(square)).items() if expand.side_of(t.powers) != BOTH}
        # |p - q|**2 = |p|**2 + |q|**2 - 2*p.q: the lengths are 1
        return "angles between directions obey the triangle inequality" if written(alone) is number(2.0) else None

    def _theorem(self, expr: Expr) -> str | None:
        """Why one of the known metrics."""
        form = canonical(product(factors(expr)))
        found = factors(form)
        neutral = {a for a in found.powers if self.sides(a) == NEITHER and never_negative(a)}
        if found.number > 0.0:
            form = product(Factors(1.0, {a: e for a, e in found.powers.items() if a not in neutral}))
        known = _theorems(self.positive)
        reason = known.get(form) or known.get(canonical(form))
        return reason or self._root_of_jensen(expr)

    def _root_of_jensen(self, expr: Expr) -> str | None:
        """The square root of the Jensen-Shannon divergence (Endres and Schindelin, 2003)."""
        if expr.op not in ("sqrt", "mul") or expr.is_vector:
            return None
        rank, outer = split(expr)
        roots = [node for node in walk(outer) if node.op == "sqrt"]
        inside = {node.op for node in walk(outer)}
        if len(roots) != 1 or not inside <= {"sqrt", "mul", "div", "number", "prepared", "maximum"}:
            return None
        gap = jensen(rank)
        if gap is None:
            return None
        entropy = Expander(bilinear=True, one_sided=True)(gap.generator)
        logarithms = {frozenset(a.op for a in term.powers) for term in entropy.values()}
        if logarithms <= {frozenset({"xlogy", "y"}), frozenset({"log", "y"}), frozenset({"y"})}:
            return "the square root of the Jensen-Shannon divergence (Endres and Schindelin, 2003)"
        return None

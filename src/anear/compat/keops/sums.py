"""Sums over the points of formulas that may be vectors, in bounded memory, added up in float64.

A scalar formula is compiled and summed. Many a vector is a sum of products

    (scalar of query and point) * (vector of the query) * (vector of the point)

as in ``K_ij * (x_i - y_j)``: then only the scalar is computed for every pair, compiled, and the rest is one matrix
product. What is no such sum is interpreted by NumPy, which is slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.compat.keops.problem import Problem
from anear.formula.expression import Expr, make, number
from anear.formula.graph import BOTH, POINT, Sides

__all__ = ["Term", "WeightedSums", "terms"]

MAX_TERMS: Final = 16

Floats64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Term:
    """``pair * query * point``, a factor that is None being 1; ``pair`` is a scalar."""

    pair: Expr | None = None
    query: Expr | None = None
    point: Expr | None = None

    def times(self, other: Term) -> Term:
        """The product of two terms."""
        return Term(
            _product(self.pair, other.pair), _product(self.query, other.query), _product(self.point, other.point)
        )


def terms(expr: Expr) -> list[Term] | None:
    """The terms whose sum ``expr`` is; None where it is no such sum, or one of too many terms."""
    return _terms(expr, Sides())


def _terms(expr: Expr, sides: Sides) -> list[Term] | None:
    mask = sides(expr)
    if mask != BOTH:
        return [Term(point=expr)] if mask == POINT else [Term(query=expr)]
    if not expr.is_vector:
        return [Term(pair=expr)]
    rule = _RULES.get(expr.op)
    found = None if rule is None else rule(expr, sides)
    return None if found is None or len(found) > MAX_TERMS else found


def _sum(expr: Expr, sides: Sides) -> list[Term] | None:
    a, b = (_terms(arg, sides) for arg in expr.args)
    if a is None or b is None:
        return None
    return a + (b if expr.op == "add" else _negated(b))


def _negated(found: Iterable[Term]) -> list[Term]:
    return [replace(t, query=number(-1.0) if t.query is None else make("neg", t.query)) for t in found]


def _neg(expr: Expr, sides: Sides) -> list[Term] | None:
    found = _terms(expr.args[0], sides)
    return None if found is None else _negated(found)


def _mul(expr: Expr, sides: Sides) -> list[Term] | None:
    a, b = (_terms(arg, sides) for arg in expr.args)
    return None if a is None or b is None else [p.times(q) for p in a for q in b]


def _div(expr: Expr, sides: Sides) -> list[Term] | None:
    a, divisor = expr.args
    found, mask = _terms(a, sides), sides(divisor)
    if found is None or (mask == BOTH and divisor.is_vector):
        return None
    inverse = make("div", number(1.0), divisor)
    factor = {BOTH: Term(pair=inverse), POINT: Term(point=inverse)}.get(mask, Term(query=inverse))
    return [t.times(factor) for t in found]


_RULES: Final[dict[str, Callable[[Expr, Sides], list[Term] | None]]] = {
    "add": _sum,
    "sub": _sum,
    "neg": _neg,
    "mul": _mul,
    "div": _div,
}


def _product(a: Expr | None, b: Expr | None) -> Expr | None:
    if a is None or b is None:
        return a if b is None else b
    return make("mul", a, b)


class WeightedSums:
    """How the values of some formulas are added up over the points, each with a weight or without.

    Parameters
    ----------
    exprs : the formulas, of ``x`` and ``y``; one vector, or scalars.
    width : how many coordinates they have together.
    """

    def __init__(self, exprs: Iterable[Expr], width: int) -> None:
        # a scalar is compiled as it stands: nothing cancels that did not before
        self._parts = [(e, terms(e) if e.is_vector else None) for e in exprs]
        self.width = width

    @property
    def pair_width(self) -> int:
        """How many numbers a pair of query and point takes at most."""
        return self.width if any(e.is_vector and found is None for e, found in self._parts) else 1

    def __call__(self, block: Problem, weights: Floats64 | None) -> Floats64:
        """The sums over a block's points: (queries, width); ``weights`` is (queries, points)."""
        matrices: dict[Expr, Floats64] = {}
        columns = []
        for expr, found in self._parts:
            if not expr.is_vector:
                columns.append(_weighed(block.matrix(expr), weights))
            elif found is None:
                values = block.values(expr)
                columns.append(values.sum(axis=1) if weights is None else np.einsum("qp,qpd->qd", weights, values))
            else:
                columns.append(self._of_terms(found, block, weights, matrices))
        return np.concatenate(columns, axis=1)

    def _of_terms(
        self, found: list[Term], block: Problem, weights: Floats64 | None, matrices: dict[Expr, Floats64]
    ) -> Floats64:
        result = np.zeros((len(block.queries.rows), self.width))
        for term in found:
            if term.pair is None:
                matrix = weights
            else:
                if term.pair not in matrices:
                    computed = block.matrix(term.pair)
                    matrices = {term.pair: computed if weights is None else computed * weights}  # one at a time
                matrix = matrices[term.pair]
            summed = _against(matrix, term.point, block)
            result += summed if term.query is None else summed * block.of_queries(term.query)
        return result


def _weighed(matrix: Floats64, weights: Floats64 | None) -> Floats64:
    """The sum of each row of a matrix, under weights."""
    if weights is None:
        return _sums(matrix, axis=1)
    found: Floats64 = np.einsum("qp,qp->q", weights, matrix)[:, None]
    return found


def _against(matrix: Floats64 | None, point: Expr | None, block: Problem) -> Floats64:
    """The matrix (None: all ones) times the values of the points (None: ones)."""
    if point is None:
        if matrix is None:
            return np.full((1, 1), float(len(block.points.rows)))
        return _sums(matrix, axis=1)
    values = block.of_points(point)
    if matrix is None:
        return _sums(values, axis=0)
    product: Floats64 = matrix.astype(np.float64, copy=False) @ values
    return product


def _sums(matrix: Floats64, axis: int) -> Floats64:
    found: Floats64 = matrix.sum(axis=axis, keepdims=True, dtype=np.float64)
    return found

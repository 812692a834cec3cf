"""Sums over the points of formulas that may be vectors, in bounded memory, added up in float64.

A scalar formula is compiled and summed. A vector formula is taken apart into a sum of products

    (scalar of query and point) * (vector of the query) * (vector of the point) * (vector of both)

as in ``K_ij * (x_i - y_j)``: the scalars are computed once, whatever the number of coordinates, and where there is no
vector of both, as here, the rest is one matrix product. A vector of both is computed coordinate by coordinate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.compat.keops.columns import column_matrix
from anear.compat.keops.problem import Problem
from anear.formula.expression import Expr, make, number, walk
from anear.formula.graph import BOTH, POINT, Sides

__all__ = ["Term", "WeightedSums", "terms"]

MAX_TERMS: Final = 16

_MULTIPLIED: Final = 1024
"""Points of one matrix product: it stays in the cache, and BLAS starts no threads for so little, which would take
longer than the product where there are few columns."""

Floats64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Term:
    """``pair * query * point * each``, a factor that is None being 1; ``pair`` is a scalar, ``each`` a vector."""

    pair: Expr | None = None
    query: Expr | None = None
    point: Expr | None = None
    each: Expr | None = None

    def times(self, other: Term) -> Term:
        """The product of two terms."""
        return Term(
            _product(self.pair, other.pair),
            _product(self.query, other.query),
            _product(self.point, other.point),
            _product(self.each, other.each),
        )


_Found = Mapping[Expr, list[Term]]


def terms(expr: Expr) -> list[Term]:
    """The terms whose sum ``expr`` is."""
    sides = Sides()
    found: dict[Expr, list[Term]] = {}
    for node in walk(expr):
        mask = sides(node)
        if mask != BOTH:
            found[node] = [Term(point=node)] if mask == POINT else [Term(query=node)]
        elif not node.is_vector:
            found[node] = [Term(pair=node)]
        else:
            rule = _RULES.get(node.op)
            apart = None if rule is None else rule(node, found, sides)
            found[node] = apart if apart and len(apart) <= MAX_TERMS else [Term(each=node)]
    return found[expr]


def _sum(expr: Expr, found: _Found, sides: Sides) -> list[Term] | None:
    a, b = (found[arg] for arg in expr.args)
    if any(t.each is not None for t in a + b) and all(t.pair is None for t in a + b):
        return None  # as a whole it is computed once a coordinate, in terms more than once
    return a + (b if expr.op == "add" else _negated(b))


def _negated(found: Iterable[Term]) -> list[Term]:
    return [replace(t, query=number(-1.0) if t.query is None else make("neg", t.query)) for t in found]


def _neg(expr: Expr, found: _Found, sides: Sides) -> list[Term] | None:
    return _negated(found[expr.args[0]])


def _mul(expr: Expr, found: _Found, sides: Sides) -> list[Term] | None:
    a, b = expr.args
    if all(arg.is_vector and sides(arg) == BOTH for arg in expr.args):
        return None  # (x - y) * (x - y) must not become x * x - 2 * x * y + y * y, which cancels
    return [p.times(q) for p in found[a] for q in found[b]]


def _div(expr: Expr, found: _Found, sides: Sides) -> list[Term] | None:
    a, divisor = expr.args
    mask = sides(divisor)
    if mask == BOTH and divisor.is_vector:
        return None
    inverse = make("div", number(1.0), divisor)
    factor = {BOTH: Term(pair=inverse), POINT: Term(point=inverse)}.get(mask, Term(query=inverse))
    return [t.times(factor) for t in found[a]]


_RULES: Final[dict[str, Callable[[Expr, _Found, Sides], list[Term] | None]]] = {
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

    def __call__(self, block: Problem, weights: Floats64 | None) -> Floats64:
        """The sums over a block's points: (queries, width); ``weights`` is (queries, points)."""
        columns = []
        for expr, found in self._parts:
            if found is None:
                columns.append(_weighed(block.matrix(expr), weights))
            else:
                columns.append(self._of_terms(found, block, weights))
        return np.concatenate(columns, axis=1)

    def _of_terms(self, found: list[Term], block: Problem, weights: Floats64 | None) -> Floats64:
        result = np.zeros((len(block.queries.rows), self.width))
        pair, matrix = None, weights
        for term in found:
            if term.pair is not pair:  # terms of the same scalar often follow one another
                pair, matrix = term.pair, weights
                if pair is not None:
                    computed = block.matrix(pair)
                    matrix = computed if weights is None else computed * weights
            summed = _against(matrix, term.point, block) if term.each is None else self._each(matrix, term, block)
            result += summed if term.query is None else summed * block.of_queries(term.query)
        return result

    def _each(self, matrix: Floats64 | None, term: Term, block: Problem) -> Floats64:
        """The sums of ``matrix * term.point * term.each``, coordinate by coordinate."""
        assert term.each is not None
        values = (
            None
            if term.point is None
            else np.broadcast_to(block.of_points(term.point), (len(block.points.rows), self.width))
        )
        columns = []
        for k in range(self.width):
            column = column_matrix(term.each, k, block)
            if values is None:
                columns.append(_weighed(column, matrix))
            else:
                weighted = column if matrix is None else column * matrix
                columns.append(weighted.astype(np.float64, copy=False) @ values[:, k : k + 1])
        return np.concatenate(columns, axis=1)


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
    product = np.zeros((len(matrix), values.shape[1]))
    for p in range(0, len(values), _MULTIPLIED):
        part = slice(p, p + _MULTIPLIED)
        product += matrix[:, part].astype(np.float64, copy=False) @ values[part]
    return product


def _sums(matrix: Floats64, axis: int) -> Floats64:
    found: Floats64 = matrix.sum(axis=axis, keepdims=True, dtype=np.float64)
    return found

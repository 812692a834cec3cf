"""Functions of whole vectors: reductions to a scalar, and vectors scaled by them.

``sum``, ``prod``, ``max``, ``min`` and ``cumsum`` are operations; the others are written with them.
The ``axis`` that some take is there for habit's sake: a formula has one axis, the coordinates.
"""

from __future__ import annotations

import math

from anear.errors import FormulaError
from anear.formula.expression import Expr, Operand, as_expr, make, number, x
from anear.formula.functions import abs, exp, log, maximum, minimum, ne, sqrt, square, where

__all__ = [
    "center",
    "count_nonzero",
    "cumsum",
    "dimension",
    "dot",
    "logsumexp",
    "matvec",
    "max",
    "mean",
    "min",
    "norm",
    "normalize",
    "prod",
    "softmax",
    "std",
    "sum",
    "var",
]


def sum(a: Operand, axis: int = -1) -> Expr:
    """The sum of the coordinates.

    Examples
    --------
    >>> from anear.formula import y
    >>> sum(abs(x - y))
    sum(abs(x - y))
    """
    _last(axis)
    return make("sum", as_expr(a))


def prod(a: Operand, axis: int = -1) -> Expr:
    """The product of the coordinates."""
    _last(axis)
    return make("prod", as_expr(a))


def max(a: Operand, *others: Operand, axis: int = -1) -> Expr:
    """The largest coordinate of one vector; of several operands, the largest elementwise (:func:`maximum`)."""
    _last(axis)
    if not others:
        return make("max", as_expr(a))
    result = as_expr(a)
    for other in others:
        result = maximum(result, other)
    return result


def min(a: Operand, *others: Operand, axis: int = -1) -> Expr:
    """The smallest coordinate of one vector; of several operands, the smallest elementwise (:func:`minimum`)."""
    _last(axis)
    if not others:
        return make("min", as_expr(a))
    result = as_expr(a)
    for other in others:
        result = minimum(result, other)
    return result


def cumsum(a: Operand, axis: int = -1) -> Expr:
    """The running sums: coordinate i is the sum of coordinates 0 to i."""
    _last(axis)
    return make("cumsum", as_expr(a))


def dot(a: Operand, b: Operand) -> Expr:
    """The dot product of two vectors, also written ``a | b`` or ``a @ b``; matrix times vector as ``@`` means it."""
    return as_expr(a) @ b


def matvec(matrix: Operand, a: Operand) -> Expr:
    """A captured matrix (rows, columns) times a vector of ``columns`` coordinates, also written ``matrix @ a``."""
    return make("matvec", as_expr(matrix), as_expr(a))


def norm(a: Operand, p: float = 2, weights: Operand | None = None) -> Expr:
    """``sum(weights * abs(a) ** p) ** (1 / p)``; for ``p = inf`` the largest ``weights * abs(a)``.

    Parameters
    ----------
    a : a vector.
    p : a number above 0, inf allowed. (-1 is taken as the axis, that is, ``p = 2``, which is how KeOps writes it.)
    weights : None, a number or a vector of the same length; not negative.

    Examples
    --------
    >>> from anear.formula import y
    >>> norm(x - y), norm(x - y, 1), norm(x - y, p=float("inf"))
    (sqrt(sum((x - y) ** 2)), sum(abs(x - y)), max(abs(x - y)))
    """
    power = _order(p)
    if power == math.inf:
        return make("max", _weighted(weights, abs(a)))
    if power == 1.0:
        return make("sum", _weighted(weights, abs(a)))
    if power == 2.0:
        return sqrt(make("sum", _weighted(weights, square(a))))
    return make("sum", _weighted(weights, abs(a) ** power)) ** (1.0 / power)


def normalize(a: Operand, p: float = 2) -> Expr:
    """``a`` divided by its norm."""
    return as_expr(a) / norm(a, p)


def dimension(a: Operand) -> Expr:
    """The number of coordinates of a vector, as a formula: the data's dimension is not known when it is written."""
    vector = as_expr(a)
    if not vector.is_vector:
        raise FormulaError(f"dimension needs a vector, but {vector!r} is a scalar")
    if vector.length is not None:
        return number(vector.length)
    # a sum of ones; over the query's coordinates only, so that it is counted once a query
    return make("sum", where(_like(vector), 1.0, 1.0))


def is_dimension(expr: Expr) -> bool:
    """Whether ``expr`` is what :func:`dimension` makes of a vector whose length is not known."""
    if expr.op != "sum" or expr.args[0].op != "where" or expr.args[0].args[1:] != (number(1.0), number(1.0)):
        return False
    return expr.args[0].args[0] is _like(expr.args[0].args[0])


def mean(a: Operand, axis: int = -1) -> Expr:
    """The mean of the coordinates."""
    return sum(a, axis) / dimension(a)


def center(a: Operand) -> Expr:
    """``a`` minus its mean."""
    return as_expr(a) - mean(a)


def var(a: Operand, axis: int = -1) -> Expr:
    """The (population) variance of the coordinates."""
    return mean(square(center(a)), axis)


def std(a: Operand, axis: int = -1) -> Expr:
    """The (population) standard deviation of the coordinates."""
    return sqrt(var(a, axis))


def count_nonzero(a: Operand, axis: int = -1) -> Expr:
    """How many coordinates are not 0."""
    return sum(ne(a, 0.0), axis)


def logsumexp(a: Operand, axis: int = -1) -> Expr:
    """``log(sum(exp(a)))`` without overflow."""
    top = max(a, axis=axis)
    return top + log(sum(exp(as_expr(a) - top)))


def softmax(a: Operand, axis: int = -1) -> Expr:
    """``exp(a) / sum(exp(a))`` without overflow."""
    powers = exp(as_expr(a) - max(a, axis=axis))
    return powers / sum(powers)


def _last(axis: object) -> None:
    """Refuse an axis other than the coordinates'; KeOps counts queries and points as axes 0 and 1."""
    if axis is not None and axis not in (-1, 2):
        raise FormulaError(f"a formula has one axis, its coordinates: axis must be -1 (or 2, or None), not {axis!r}")


def _order(p: object) -> float:
    if isinstance(p, Expr) and p.op == "number":
        p = p.value
    try:
        power = float(p)  # type: ignore[arg-type]
    except (TypeError, ValueError, FormulaError):
        raise FormulaError(f"norm: p must be a number, not {p!r}") from None
    if power == -1:
        return 2.0
    if not power > 0:
        raise FormulaError(f"norm: p must be above 0 (inf allowed), not {p!r}")
    return power


def _weighted(weights: Operand | None, terms: Expr) -> Expr:
    return terms if weights is None else as_expr(weights) * terms


def _like(vector: Expr) -> Expr:
    """A vector as long as this one made of ``x`` alone where that can be, else of as little as can be."""
    while True:
        if vector.op in ("x", "y"):
            return x
        if vector.op == "slice":
            return make("slice", _like(vector.args[0]), value=vector.value)
        if not vector.args:
            return vector
        vector = next(a for a in vector.args if a.is_vector and not a.is_matrix)

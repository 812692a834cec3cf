"""KeOps' names for what this package says otherwise, so that its formulas can be read as they are.

KeOps writes distances with lazy tensors: ``((x - y) ** 2).sum(-1)``, ``(x | y)``, ``x.sqdist(y)``. The methods of
:class:`~anear.formula.Expr` include these; here are the functions behind those that have no other name.
"""

from __future__ import annotations

import operator

from anear.errors import FormulaError
from anear.formula.expression import Expr, Operand, as_expr, make
from anear.formula.functions import (
    arccos,
    arcosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    clip,
    eq,
    ge,
    sin,
    sqrt,
    square,
    where,
)

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "clampint",
    "elem",
    "extract",
    "ifelse",
    "matvecmult",
    "norm2",
    "power",
    "sinxdivx",
    "sqdist",
    "sqnorm2",
    "vecmatmult",
    "weightedsqdist",
    "weightedsqnorm",
]

acos, acosh, asin, asinh, atan, atan2, atanh = arccos, arcosh, arcsin, arcsinh, arctan, arctan2, arctanh


def power(a: Operand, b: Operand) -> Expr:
    """``a ** b``."""
    return make("pow", as_expr(a), as_expr(b))


def sinxdivx(a: Operand) -> Expr:
    """``sin(a) / a``, 1 at 0."""
    return where(eq(a, 0.0), 1.0, sin(a) / a)


def ifelse(condition: Operand, a: Operand, b: Operand) -> Expr:
    """``a`` where ``condition >= 0``, else ``b``. (``where`` asks whether it is not 0.)"""
    return where(ge(condition, 0.0), a, b)


def clampint(a: Operand, low: int, high: int) -> Expr:
    """``a`` limited to [``low``, ``high``], both integers."""
    try:
        return clip(a, operator.index(low), operator.index(high))
    except TypeError:
        raise FormulaError(f"clampint takes two integers, not {low!r} and {high!r}; clamp takes any limits") from None


def sqnorm2(a: Operand) -> Expr:
    """The squared Euclidean norm."""
    return make("sum", square(a))


def norm2(a: Operand) -> Expr:
    """The Euclidean norm."""
    return sqrt(sqnorm2(a))


def sqdist(a: Operand, b: Operand) -> Expr:
    """The squared Euclidean distance of two vectors."""
    return sqnorm2(as_expr(a) - b)


def weightedsqnorm(a: Operand, weights: Operand) -> Expr:
    """``sum(weights * a ** 2)`` for one weight or one a coordinate, ``a @ (weights @ a)`` for a matrix of weights."""
    w = as_expr(weights)
    if w.is_matrix:
        return as_expr(a) | (w @ a)
    return make("sum", w * square(a)) if w.is_vector else w * sqnorm2(a)


def weightedsqdist(a: Operand, b: Operand, weights: Operand) -> Expr:
    """:func:`weightedsqnorm` of ``a - b``."""
    return weightedsqnorm(as_expr(a) - b, weights)


def matvecmult(matrix: Operand, vector: Operand) -> Expr:
    """A captured matrix, or one flattened row by row into a vector, times a vector."""
    return _matrix(matrix, vector, rows_first=False) @ vector


def vecmatmult(vector: Operand, matrix: Operand) -> Expr:
    """A vector times a captured matrix, or one flattened row by row into a vector."""
    return as_expr(vector) @ _matrix(matrix, vector, rows_first=True)


def elem(a: Operand, position: int) -> Expr:
    """``a[position]``."""
    return as_expr(a)[position]


def extract(a: Operand, start: int, count: int) -> Expr:
    """``a[start:start + count]``: ``count`` coordinates from ``start`` on."""
    return as_expr(a)[start : start + count]


def _matrix(matrix: Operand, vector: Operand, rows_first: bool) -> Expr:
    """The captured matrix, unflattened where the vector's length says how."""
    m, length = as_expr(matrix), as_expr(vector).length
    if m.is_matrix:
        return m
    if m.op == "constant" and length is not None and m.value.shape[0] % length == 0:
        values = m.value.values
        return as_expr(values.reshape((length, -1) if rows_first else (-1, length)))
    raise FormulaError(f"matrix times vector needs a captured matrix (a 2-D array of numbers), not {m!r}")

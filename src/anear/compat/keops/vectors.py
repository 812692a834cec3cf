"""Symbolic vectors of known dimension, which is what KeOps computes with.

A formula of anear has vectors that are as long as the data, and nothing that puts vectors together. KeOps' vectors have
a fixed dimension each, one of dimension 1 being a scalar, and may be concatenated. So a vector is here either

    an expression               a scalar for dimension 1, else a vector whose length is known
    a tuple of scalars          one expression a coordinate: what became of a concatenation or a tensor product

The second form costs code for every coordinate, hence ``MAX_SPLIT``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from anear.errors import ArgumentError
from anear.formula import functions as f
from anear.formula.expression import Expr, constant, make, number

__all__ = [
    "MAX_SPLIT",
    "Vector",
    "arg_extreme",
    "coordinates",
    "dimension",
    "dot",
    "elementwise",
    "joined",
    "matrix_vector",
    "normalized",
    "one_hot",
    "part",
    "reduced",
    "rsqrt",
    "squared_norm",
    "tensor_product",
    "vector_matrix",
    "weighted_squared_norm",
]

Vector: TypeAlias = Expr | tuple[Expr, ...]

MAX_SPLIT: Final = 256
"""How many coordinates a vector may be taken apart into."""


def dimension(v: Vector) -> int:
    """The number of coordinates; 1 for a scalar."""
    if isinstance(v, tuple):
        return len(v)
    if not v.is_vector:
        return 1
    assert v.length is not None
    return v.length


def coordinates(v: Vector, what: str) -> tuple[Expr, ...]:
    """The coordinates one by one; ``what`` names the operation that needs them so."""
    if isinstance(v, tuple):
        return v
    size = _splittable(dimension(v), what)
    return tuple(_coordinate(v, k) for k in range(size))


def part(v: Vector, start: int, count: int) -> Vector:
    """``count`` coordinates from ``start`` on; both have been checked."""
    if count == dimension(v):
        return v
    if count == 1:
        return _coordinate(v, start)
    if isinstance(v, tuple):
        return v[start : start + count]
    return make("slice", v, value=(start, start + count))


def joined(items: Sequence[Expr], what: str) -> Vector:
    """The vector of these coordinates."""
    _splittable(len(items), what)
    if len(items) == 1:
        return items[0]
    if all(item.op == "number" for item in items):
        return constant([item.value for item in items])
    return tuple(items)


def elementwise(what: str, function: Callable[..., Expr], *operands: Vector) -> Vector:
    """``function`` of every coordinate; operands of dimension 1 serve all coordinates of the others."""
    sizes = {dimension(v) for v in operands} - {1}
    if len(sizes) > 1:
        given = ", ".join(str(dimension(v)) for v in operands)
        raise ArgumentError(f"{what}: the operands have dimensions {given}; allowed: the same dimension, or 1")
    if not any(isinstance(v, tuple) for v in operands):
        return function(*operands)
    return tuple(function(*(_coordinate(v, k) for v in operands)) for k in range(sizes.pop()))


def reduced(op: str, v: Vector) -> Expr:
    """``op``, one of "sum", "max" and "min", over the coordinates."""
    if isinstance(v, tuple):
        pairs = {"sum": f.add, "max": f.maximum, "min": f.minimum}
        return _folded(pairs[op], v)
    return make(op, v) if v.is_vector else v


def dot(what: str, a: Vector, b: Vector) -> Expr:
    """The dot product of two vectors of the same dimension."""
    if dimension(a) != dimension(b):
        raise ArgumentError(
            f"{what}: the vectors have dimensions {dimension(a)} and {dimension(b)}; equal ones are needed"
        )
    return reduced("sum", elementwise(what, f.mul, a, b))


def squared_norm(v: Vector) -> Expr:
    """The squared Euclidean norm."""
    return reduced("sum", elementwise("sqnorm2", f.square, v))


def rsqrt(a: Expr) -> Expr:
    """``1 / sqrt(a)``, and 0 at 0, which is KeOps' convention."""
    return f.where(f.eq(a, 0.0), 0.0, f.rsqrt(a))


def normalized(v: Vector) -> Vector:
    """``v`` divided by its norm; a vector of zeros stays one."""
    return elementwise("normalize", f.mul, v, rsqrt(squared_norm(v)))


def arg_extreme(op: str, v: Vector) -> Expr:
    """Which coordinate is the smallest ("argmin") or largest ("argmax"): the first of them, as a number."""
    better = f.lt if op == "argmin" else f.gt
    best, *others = coordinates(v, op)
    where = number(0.0)
    for k, value in enumerate(others, start=1):
        where = f.where(better(value, best), float(k), where)
        best = f.where(better(value, best), value, best)
    return where


def one_hot(a: Vector, count: int) -> Vector:
    """The vector that is 1 at coordinate ``round(a)`` and 0 elsewhere."""
    if dimension(a) != 1:
        raise ArgumentError(f"one_hot needs a scalar, not a vector of dimension {dimension(a)}")
    rounded = f.round(coordinates(a, "one_hot")[0])
    return joined([f.eq(rounded, float(k)) for k in range(_splittable(count, "one_hot"))], "one_hot")


def tensor_product(a: Vector, b: Vector) -> Vector:
    """Every coordinate of ``a`` times every one of ``b``, the latter varying fastest."""
    _splittable(dimension(a) * dimension(b), "tensorprod")
    right = coordinates(b, "tensorprod")
    return joined([p * q for p in coordinates(a, "tensorprod") for q in right], "tensorprod")


def matrix_vector(matrix: Vector, v: Vector) -> Vector:
    """A matrix, given row by row as one vector, times a vector."""
    columns = dimension(v)
    rows = _divided("matvecmult", dimension(matrix), columns)
    if isinstance(matrix, Expr) and matrix.op == "constant" and isinstance(v, Expr) and v.is_vector and rows > 1:
        return make("matvec", constant(matrix.value.values.reshape(rows, columns)), v)
    _splittable(rows, "matvecmult")
    lines = [dot("matvecmult", part(matrix, k * columns, columns), v) for k in range(rows)]
    return joined(lines, "matvecmult")


def vector_matrix(v: Vector, matrix: Vector) -> Vector:
    """A vector times a matrix that is given row by row as one vector."""
    rows = dimension(v)
    columns = _divided("vecmatmult", dimension(matrix), rows)
    if isinstance(matrix, Expr) and matrix.op == "constant" and isinstance(v, Expr) and v.is_vector and columns > 1:
        return make("matvec", constant(matrix.value.values.reshape(rows, columns).T), v)
    result: Vector | None = None
    for k, factor in enumerate(coordinates(v, "vecmatmult")):
        line = elementwise("vecmatmult", f.mul, part(matrix, k * columns, columns), factor)
        result = line if result is None else elementwise("vecmatmult", f.add, result, line)
    assert result is not None
    return result


def weighted_squared_norm(v: Vector, weights: Vector) -> Expr:
    """The squared norm under one weight, one a coordinate, or a symmetric matrix given row by row."""
    size, given = dimension(v), dimension(weights)
    if given == 1:
        return reduced("sum", elementwise("weightedsqnorm", f.mul, weights, squared_norm(v)))
    if given == size:
        squares = elementwise("weightedsqnorm", f.square, v)
        return reduced("sum", elementwise("weightedsqnorm", f.mul, weights, squares))
    if given != size * size:
        raise ArgumentError(
            f"weightedsqnorm: the weights have dimension {given}; allowed for vectors of dimension {size}: 1, {size}"
            f" (a weight for each coordinate) and {size * size} (a symmetric matrix)"
        )
    return dot("weightedsqnorm", v, matrix_vector(weights, v))


def _coordinate(v: Vector, k: int) -> Expr:
    if isinstance(v, tuple):
        return v[k]
    if v.op == "constant":
        return number(float(v.value.values[k]))
    return make("index", v, value=k) if v.is_vector else v


def _folded(function: Callable[[Expr, Expr], Expr], items: tuple[Expr, ...]) -> Expr:
    """The items combined in pairs, then the pairs in pairs: the shortest chain of operations that wait for another."""
    while len(items) > 1:
        paired = tuple(function(a, b) for a, b in zip(items[::2], items[1::2], strict=False))
        items = paired + (items[-1:] if len(items) % 2 else ())
    return items[0]


def _divided(what: str, matrix: int, vector: int) -> int:
    if matrix % vector:
        raise ArgumentError(
            f"{what}: a matrix of {matrix} entries does not fit a vector of dimension {vector}: the former must be a"
            " multiple of the latter"
        )
    return matrix // vector


def _splittable(size: int, what: str) -> int:
    if not 0 < size <= MAX_SPLIT:
        raise ArgumentError(
            f"{what} works coordinate by coordinate, on at least 1 and at most {MAX_SPLIT} coordinates; here are {size}"
        )
    return size

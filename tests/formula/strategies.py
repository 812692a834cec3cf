"""Random formulas and data for them, for every test that a pass, a kernel or a printer must hold for *any* formula.

    @given(formulas(), st.integers(0, 2**32 - 1))
    def test_my_pass(expr, seed):
        X, Y = rows(seed, DIMENSION)
        np.testing.assert_allclose(my_pass(expr).numpy(X, Y), expr.numpy(X, Y))

Two families:

    any        every operation, numbers that include 0, negative and (on request) huge ones, inf and NaN
    positive   a choice of operations under which every part stays positive and well scaled when the data are in
               [0.1, 2]: values can be compared with a tolerance, since nothing cancels, jumps or overflows
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from anear.formula import Expr, constant, number, point_field, query_field, x, y
from anear.formula.expression import BINARY, REDUCTIONS, UNARY, make

__all__ = ["DIMENSION", "formulas", "rows", "vectors"]

DIMENSION = 5
"""The dimension of the data that the formulas are made for, unless told otherwise."""

_ANY_NUMBERS = (0.0, 1.0, 2.0, -1.0, 0.5, -0.25, 3.0, 10.0, -0.0, 1e-3)
_WILD_NUMBERS = (np.inf, -np.inf, np.nan, 1e300, -1e-320, 1e16, 123456789.0, 0.1)
_POSITIVE_NUMBERS = (0.25, 0.5, 1.0, 1.5, 2.0)

_POSITIVE_UNARY = ("sqrt", "log1p", "expm1_small", "inverse", "square", "tanh", "arctan", "distance")
_POSITIVE_BINARY = ("add", "mul", "div", "minimum", "maximum", "arctan2")


@dataclass(frozen=True)
class _Kind:
    dimension: int
    positive: bool
    wild: bool
    fields: bool
    captured: bool


def formulas(
    dimension: int = DIMENSION,
    *,
    positive: bool = False,
    wild: bool = False,
    fields: bool = False,
    captured: bool = True,
    depth: int = 4,
) -> st.SearchStrategy[Expr]:
    """Scalar formulas that fit data of this dimension.

    Parameters
    ----------
    dimension : D of the data; slices and captured arrays are made to fit it.
    positive : only the operations of the positive family (see above).
    wild : numbers may be inf, NaN, huge or denormal.
    fields : point fields "s" (scalar) and "v" (dimension values), and query fields of the same names, may occur.
    captured : captured vectors and matrices may occur.
    depth : how deeply operations are nested at most.
    """
    return _formula(_Kind(dimension, positive, wild, fields, captured), depth, False)


def vectors(
    dimension: int = DIMENSION, *, positive: bool = False, wild: bool = False, fields: bool = False, depth: int = 3
) -> st.SearchStrategy[Expr]:
    """Vector formulas of ``dimension`` coordinates; the options are those of :func:`formulas`."""
    return _formula(_Kind(dimension, positive, wild, fields, True), depth, True)


def rows(
    seed: int, dimension: int = DIMENSION, queries: int = 3, points: int = 4, positive: bool = False
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Random queries and points: in [0.1, 2] where ``positive``, else normal with some zeros and equal coordinates."""
    random = np.random.default_rng(seed)
    shapes = (queries, dimension), (points, dimension)
    if positive:
        return random.uniform(0.1, 2.0, shapes[0]), random.uniform(0.1, 2.0, shapes[1])
    X, Y = random.standard_normal(shapes[0]), random.standard_normal(shapes[1])
    X[random.random(X.shape) < 0.1] = 0.0
    Y[random.random(Y.shape) < 0.1] = 0.0
    Y[0] = X[0]
    return X, Y


@st.composite
def _formula(draw: st.DrawFn, kind: _Kind, depth: int, vector: bool) -> Expr:
    builder = _Builder(draw, kind)
    return builder.vector(kind.dimension, depth) if vector else builder.scalar(depth)


class _Builder:
    """Draws one formula; remembers its vectors, so that parts are shared as they are in formulas people write."""

    def __init__(self, draw: st.DrawFn, kind: _Kind) -> None:
        self.draw = draw
        self.kind = kind
        self.made: list[Expr] = []

    def one_of(self, *choices: Callable[[], Expr]) -> Expr:
        return self.draw(st.sampled_from(choices))()

    # --- scalars

    def scalar(self, depth: int) -> Expr:
        """A scalar formula."""
        if depth <= 0:
            return self.one_of(self.number, self.coordinate, *([self.scalar_field] if self.kind.fields else []))
        return self.one_of(
            *[lambda: self.reduction(depth)] * 2,
            lambda: self.unary(self.scalar(depth - 1)),
            *[lambda: self.binary(self.scalar(depth - 1), self.scalar(depth - 1))] * 2,
            *([] if self.kind.positive else [lambda: self.where(self.scalar, depth)]),
        )

    def number(self) -> Expr:
        if self.kind.positive:
            return number(self.draw(st.sampled_from(_POSITIVE_NUMBERS)))
        return number(self.draw(st.sampled_from(_ANY_NUMBERS + (_WILD_NUMBERS if self.kind.wild else ()))))

    def coordinate(self) -> Expr:
        side = self.draw(st.sampled_from((x, y)))
        return side[self.draw(st.integers(-self.kind.dimension, self.kind.dimension - 1))]

    def scalar_field(self) -> Expr:
        return self.draw(st.sampled_from((point_field("s"), query_field("s"))))

    def reduction(self, depth: int) -> Expr:
        size = self.draw(st.integers(1, self.kind.dimension)) if self.draw(st.booleans()) else self.kind.dimension
        return make(self.draw(st.sampled_from(sorted(REDUCTIONS))), self.vector(size, depth - 1))

    # --- vectors

    def vector(self, size: int, depth: int) -> Expr:
        """A vector formula of so many coordinates."""
        if depth <= 0:
            return self.leaf(size)
        made = self.one_of(
            *[lambda: self.unary(self.vector(size, depth - 1))] * 2,
            *[lambda: self.binary(self.vector(size, depth - 1), self.vector(size, depth - 1))] * 3,
            lambda: self.binary(self.vector(size, depth - 1), self.scalar(depth - 1)),
            lambda: self.binary(self.scalar(depth - 1), self.vector(size, depth - 1)),
            lambda: self.leaf(size),
            lambda: make("cumsum", self.vector(size, depth - 1)),
            *([lambda: self.again(size)] if self.made and size == self.kind.dimension else []),
            *([lambda: self.matvec(size, depth)] if self.kind.captured else []),
            *([] if self.kind.positive else [lambda: self.where(lambda d: self.vector(size, d), depth)]),
        )
        if size == self.kind.dimension:
            self.made.append(made)
        return made

    def again(self, size: int) -> Expr:
        return self.draw(st.sampled_from(self.made))

    def leaf(self, size: int) -> Expr:
        choices: list[Callable[[], Expr]] = [lambda: self.part(x, size), lambda: self.part(y, size)] * 2
        if self.kind.captured:
            choices.append(lambda: self.array((size,)))
        if self.kind.fields:
            choices.append(lambda: self.part(point_field("v", self.kind.dimension), size))
            choices.append(lambda: self.part(query_field("v", self.kind.dimension), size))
        return self.one_of(*choices)

    def part(self, whole: Expr, size: int) -> Expr:
        if size == self.kind.dimension:
            return whole
        start = self.draw(st.integers(0, self.kind.dimension - size))
        stop = start + size
        open_end = stop == self.kind.dimension and self.draw(st.booleans())
        from_end = self.draw(st.booleans())
        first = start - self.kind.dimension if from_end else start
        return whole[first or None : None if open_end else stop]

    def array(self, shape: tuple[int, ...]) -> Expr:
        seed = self.draw(st.integers(0, 1000))
        random = np.random.default_rng(seed)
        values = random.uniform(0.1, 1.0, shape) if self.kind.positive else random.integers(-4, 5, shape) / 4.0
        return constant(values, self.draw(st.sampled_from((None, "w", "A"))))

    def matvec(self, size: int, depth: int) -> Expr:
        columns = self.draw(st.integers(1, self.kind.dimension))
        return make("matvec", self.array((size, columns)), self.vector(columns, depth - 1))

    # --- both

    def where(self, operand: Callable[[int], Expr], depth: int) -> Expr:
        return make("where", operand(depth - 1), operand(depth - 1), operand(depth - 1))

    def unary(self, a: Expr) -> Expr:
        if not self.kind.positive:
            return make(self.draw(st.sampled_from(sorted(UNARY))), a)
        op = self.draw(st.sampled_from(_POSITIVE_UNARY))
        if op == "expm1_small":
            return make("expm1", make("tanh", a))
        if op == "inverse":
            return make("rsqrt", number(0.5) + a)
        if op == "square":
            return make("pow", make("arctan", a), number(2.0))
        if op == "distance":  # a difference, kept away from 0, where relative errors have no bound
            return make("abs", a - number(1.0)) + number(0.5)
        return make(op, a)

    def binary(self, a: Expr, b: Expr) -> Expr:
        if not self.kind.positive:
            return make(self.draw(st.sampled_from(sorted(BINARY))), a, b)
        op = self.draw(st.sampled_from(_POSITIVE_BINARY))
        if op == "div":  # the divisor is kept above 0
            return a / (number(0.5) + b)
        if op == "mul":  # the factor is kept bounded, so that products of products do not overflow
            return a * make("tanh", b)
        return make(op, a, b)

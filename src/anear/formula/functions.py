"""The elementwise functions: one value a coordinate in, one value a coordinate out.

Each takes formulas, numbers or captured arrays and returns a formula. What is no operation of its own
(``clip``, ``relu``, ``log10`` ...) is written with those that are, so that no later stage needs to know it.
All of them are methods as well: ``(x - y).abs()`` is ``abs(x - y)``.
"""

from __future__ import annotations

import builtins
import math

from anear.formula.expression import Expr, Operand, as_expr, make, number

__all__ = [
    "abs",
    "add",
    "arccos",
    "arccosh",
    "arcosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "ceil",
    "clamp",
    "clip",
    "cos",
    "cosh",
    "cube",
    "degrees",
    "div",
    "eq",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "ge",
    "gt",
    "hypot",
    "index",
    "inv",
    "le",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "lt",
    "maximum",
    "minimum",
    "mod",
    "mul",
    "ne",
    "neg",
    "pow",
    "radians",
    "relu",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "slice",
    "softplus",
    "sqrt",
    "square",
    "step",
    "sub",
    "tan",
    "tanh",
    "trunc",
    "where",
    "xlogx",
    "xlogy",
]

LN2 = math.log(2.0)
LN10 = math.log(10.0)


# --- arithmetic: the operators by name -----------------------------------------------------------------------------


def add(a: Operand, b: Operand) -> Expr:
    """``a + b``."""
    return make("add", as_expr(a), as_expr(b))


def sub(a: Operand, b: Operand) -> Expr:
    """``a - b``."""
    return make("sub", as_expr(a), as_expr(b))


def mul(a: Operand, b: Operand) -> Expr:
    """``a * b``."""
    return make("mul", as_expr(a), as_expr(b))


def div(a: Operand, b: Operand) -> Expr:
    """``a / b``."""
    return make("div", as_expr(a), as_expr(b))


def mod(a: Operand, b: Operand, offset: Operand | None = None) -> Expr:
    """``a % b``: ``a - floor(a / b) * b``, which has the sign of ``b``.

    With an ``offset`` the result lies in [offset, offset + b): ``a - floor((a - offset) / b) * b``.
    """
    if offset is None:
        return make("mod", as_expr(a), as_expr(b))
    return as_expr(offset) + make("mod", as_expr(a) - offset, as_expr(b))


def pow(a: Operand, b: Operand) -> Expr:
    """``a ** b``; NaN for a negative ``a`` and a ``b`` that is no integer."""
    return make("pow", as_expr(a), as_expr(b))


def neg(a: Operand) -> Expr:
    """``-a``."""
    return make("neg", as_expr(a))


def abs(a: Operand) -> Expr:
    """The absolute value."""
    return make("abs", as_expr(a))


def inv(a: Operand) -> Expr:
    """``1 / a``."""
    return make("div", number(1.0), as_expr(a))


def square(a: Operand) -> Expr:
    """``a ** 2``."""
    return make("pow", as_expr(a), number(2.0))


def cube(a: Operand) -> Expr:
    """``a ** 3``."""
    return make("pow", as_expr(a), number(3.0))


def sign(a: Operand) -> Expr:
    """-1, 0 or 1."""
    return make("sign", as_expr(a))


def index(a: Operand, position: int) -> Expr:
    """``a[position]``: one coordinate, from the end where negative."""
    return as_expr(a)[position]


def slice(a: Operand, start: int | None, stop: int | None) -> Expr:
    """``a[start:stop]``."""
    return as_expr(a)[builtins.slice(start, stop)]


# --- roots, exponentials, logarithms -------------------------------------------------------------------------------


def sqrt(a: Operand) -> Expr:
    """The square root; NaN below 0, 0 for -0."""
    return make("sqrt", as_expr(a))


def rsqrt(a: Operand) -> Expr:
    """``1 / sqrt(a)``; inf at 0."""
    return make("rsqrt", as_expr(a))


def hypot(a: Operand, b: Operand) -> Expr:
    """``sqrt(a ** 2 + b ** 2)``."""
    return sqrt(square(a) + square(b))


def exp(a: Operand) -> Expr:
    """e to the power ``a``."""
    return make("exp", as_expr(a))


def exp2(a: Operand) -> Expr:
    """2 to the power ``a``."""
    return make("pow", number(2.0), as_expr(a))


def expm1(a: Operand) -> Expr:
    """``exp(a) - 1``, exact for small ``a``."""
    return make("expm1", as_expr(a))


def log(a: Operand) -> Expr:
    """The natural logarithm; -inf at 0, NaN below."""
    return make("log", as_expr(a))


def log2(a: Operand) -> Expr:
    """The logarithm to base 2."""
    return log(a) / LN2


def log10(a: Operand) -> Expr:
    """The logarithm to base 10."""
    return log(a) / LN10


def log1p(a: Operand) -> Expr:
    """``log(1 + a)``, exact for small ``a``."""
    return make("log1p", as_expr(a))


def xlogy(a: Operand, b: Operand) -> Expr:
    """``a * log(b)``, and 0 wherever ``a`` is 0: the convention 0 log 0 = 0 of entropies."""
    return make("xlogy", as_expr(a), as_expr(b))


def xlogx(a: Operand) -> Expr:
    """``a * log(a)``, and 0 at 0."""
    return make("xlogy", as_expr(a), as_expr(a))


def logaddexp(a: Operand, b: Operand) -> Expr:
    """``log(exp(a) + exp(b))`` without overflow."""
    return maximum(a, b) + log1p(exp(-abs(as_expr(a) - b)))


def softplus(a: Operand) -> Expr:
    """``log(1 + exp(a))`` without overflow."""
    return relu(a) + log1p(exp(-abs(a)))


def sigmoid(a: Operand) -> Expr:
    """``1 / (1 + exp(-a))``."""
    return 1.0 / (1.0 + exp(-as_expr(a)))


# --- trigonometric and hyperbolic ----------------------------------------------------------------------------------


def sin(a: Operand) -> Expr:
    """The sine of an angle in radians."""
    return make("sin", as_expr(a))


def cos(a: Operand) -> Expr:
    """The cosine of an angle in radians."""
    return make("cos", as_expr(a))


def tan(a: Operand) -> Expr:
    """The tangent of an angle in radians."""
    return make("tan", as_expr(a))


def sinc(a: Operand) -> Expr:
    """``sin(pi a) / (pi a)``, 1 at 0, as NumPy defines it."""
    scaled = math.pi * as_expr(a)
    return where(eq(scaled, 0.0), 1.0, sin(scaled) / scaled)


def arcsin(a: Operand) -> Expr:
    """The inverse sine; NaN outside of [-1, 1]."""
    return make("arcsin", as_expr(a))


def arccos(a: Operand) -> Expr:
    """The inverse cosine; NaN outside of [-1, 1]."""
    return make("arccos", as_expr(a))


def arctan(a: Operand) -> Expr:
    """The inverse tangent."""
    return make("arctan", as_expr(a))


def arctan2(a: Operand, b: Operand) -> Expr:
    """The angle of the point (``b``, ``a``), in (-pi, pi]."""
    return make("arctan2", as_expr(a), as_expr(b))


def sinh(a: Operand) -> Expr:
    """The hyperbolic sine."""
    return make("sinh", as_expr(a))


def cosh(a: Operand) -> Expr:
    """The hyperbolic cosine."""
    return make("cosh", as_expr(a))


def tanh(a: Operand) -> Expr:
    """The hyperbolic tangent."""
    return make("tanh", as_expr(a))


def arcsinh(a: Operand) -> Expr:
    """The inverse hyperbolic sine."""
    # log1p of the small quantity keeps full accuracy near 0, where log(a + sqrt(a*a + 1)) cancels
    size = abs(a)
    return sign(a) * log1p(size + square(size) / (1.0 + sqrt(square(size) + 1.0)))


def arcosh(a: Operand) -> Expr:
    """The inverse hyperbolic cosine; NaN below 1."""
    return make("arcosh", as_expr(a))


arccosh = arcosh


def arctanh(a: Operand) -> Expr:
    """The inverse hyperbolic tangent; NaN outside of [-1, 1]."""
    return 0.5 * (log1p(a) - log1p(-as_expr(a)))


def degrees(a: Operand) -> Expr:
    """Radians to degrees."""
    return as_expr(a) * (180.0 / math.pi)


def radians(a: Operand) -> Expr:
    """Degrees to radians."""
    return as_expr(a) * (math.pi / 180.0)


# --- rounding, limits, choices -------------------------------------------------------------------------------------


def floor(a: Operand) -> Expr:
    """The largest integer not above."""
    return make("floor", as_expr(a))


def ceil(a: Operand) -> Expr:
    """The smallest integer not below."""
    return -floor(-as_expr(a))


def trunc(a: Operand) -> Expr:
    """The integer part, towards 0."""
    return sign(a) * floor(abs(a))


def round(a: Operand, decimals: int = 0) -> Expr:
    """Rounded to so many ``decimals``; halves away from 0."""
    scale = 10.0**decimals
    rounded = sign(a) * floor(abs(a) * scale + 0.5)
    return rounded if decimals == 0 else rounded / scale


def minimum(a: Operand, b: Operand) -> Expr:
    """The smaller of two, elementwise; NaN where one is NaN."""
    return make("minimum", as_expr(a), as_expr(b))


def maximum(a: Operand, b: Operand) -> Expr:
    """The larger of two, elementwise; NaN where one is NaN."""
    return make("maximum", as_expr(a), as_expr(b))


def clip(a: Operand, low: Operand | None, high: Operand | None) -> Expr:
    """``a`` limited to [``low``, ``high``]; None leaves a side open."""
    limited = as_expr(a)
    if low is not None:
        limited = maximum(limited, low)
    return limited if high is None else minimum(limited, high)


clamp = clip


def relu(a: Operand) -> Expr:
    """``maximum(a, 0)``."""
    return maximum(a, 0.0)


def step(a: Operand) -> Expr:
    """1 where ``a >= 0``, else 0."""
    return ge(a, 0.0)


def where(condition: Operand, a: Operand, b: Operand) -> Expr:
    """``a`` where ``condition`` is not 0, else ``b``."""
    return make("where", as_expr(condition), as_expr(a), as_expr(b))


def lt(a: Operand, b: Operand) -> Expr:
    """1 where ``a < b``, else 0."""
    return make("lt", as_expr(a), as_expr(b))


def le(a: Operand, b: Operand) -> Expr:
    """1 where ``a <= b``, else 0."""
    return make("le", as_expr(a), as_expr(b))


def gt(a: Operand, b: Operand) -> Expr:
    """1 where ``a > b``, else 0."""
    return make("gt", as_expr(a), as_expr(b))


def ge(a: Operand, b: Operand) -> Expr:
    """1 where ``a >= b``, else 0."""
    return make("ge", as_expr(a), as_expr(b))


def eq(a: Operand, b: Operand) -> Expr:
    """1 where the two are equal, else 0. (``a == b`` asks whether the formulas are the same.)"""
    return make("eq", as_expr(a), as_expr(b))


def ne(a: Operand, b: Operand) -> Expr:
    """1 where the two differ, else 0."""
    return make("ne", as_expr(a), as_expr(b))

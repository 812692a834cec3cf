"""Every function as a method of a formula: ``(x - y).abs().sum()`` is ``sum(abs(x - y))``.

The functions stand in ``functions``, ``reductions`` and ``keops``, and say what each computes; nothing is defined here.
Written out, and not attached in a loop, so that editors and type checkers know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anear.formula.expression import Expr, Operand

__all__ = ["Methods"]


def _call(name: str, *arguments: object, **options: object) -> Expr:
    """The function of this name; looked up late, because the functions are made of expressions."""
    from anear.formula.table import FUNCTIONS

    return FUNCTIONS[name](*arguments, **options)


class Methods:
    """The methods of :class:`~anear.formula.Expr` that are functions of the same name."""

    __slots__ = ()

    # --- of one operand

    def abs(self) -> Expr:
        """The absolute value."""
        return _call("abs", self)

    def sqrt(self) -> Expr:
        """The square root."""
        return _call("sqrt", self)

    def rsqrt(self) -> Expr:
        """``1 / sqrt(self)``."""
        return _call("rsqrt", self)

    def exp(self) -> Expr:
        """e to this power."""
        return _call("exp", self)

    def exp2(self) -> Expr:
        """2 to this power."""
        return _call("exp2", self)

    def log(self) -> Expr:
        """The natural logarithm."""
        return _call("log", self)

    def log2(self) -> Expr:
        """The logarithm to base 2."""
        return _call("log2", self)

    def log10(self) -> Expr:
        """The logarithm to base 10."""
        return _call("log10", self)

    def log1p(self) -> Expr:
        """``log(1 + self)``."""
        return _call("log1p", self)

    def expm1(self) -> Expr:
        """``exp(self) - 1``."""
        return _call("expm1", self)

    def sin(self) -> Expr:
        """The sine."""
        return _call("sin", self)

    def cos(self) -> Expr:
        """The cosine."""
        return _call("cos", self)

    def tan(self) -> Expr:
        """The tangent."""
        return _call("tan", self)

    def arcsin(self) -> Expr:
        """The inverse sine."""
        return _call("arcsin", self)

    def arccos(self) -> Expr:
        """The inverse cosine."""
        return _call("arccos", self)

    def arctan(self) -> Expr:
        """The inverse tangent."""
        return _call("arctan", self)

    def sinh(self) -> Expr:
        """The hyperbolic sine."""
        return _call("sinh", self)

    def cosh(self) -> Expr:
        """The hyperbolic cosine."""
        return _call("cosh", self)

    def tanh(self) -> Expr:
        """The hyperbolic tangent."""
        return _call("tanh", self)

    def arcsinh(self) -> Expr:
        """The inverse hyperbolic sine."""
        return _call("arcsinh", self)

    def arcosh(self) -> Expr:
        """The inverse hyperbolic cosine."""
        return _call("arcosh", self)

    def arccosh(self) -> Expr:
        """The inverse hyperbolic cosine."""
        return _call("arccosh", self)

    def arctanh(self) -> Expr:
        """The inverse hyperbolic tangent."""
        return _call("arctanh", self)

    def asin(self) -> Expr:
        """The inverse sine."""
        return _call("asin", self)

    def acos(self) -> Expr:
        """The inverse cosine."""
        return _call("acos", self)

    def atan(self) -> Expr:
        """The inverse tangent."""
        return _call("atan", self)

    def asinh(self) -> Expr:
        """The inverse hyperbolic sine."""
        return _call("asinh", self)

    def acosh(self) -> Expr:
        """The inverse hyperbolic cosine."""
        return _call("acosh", self)

    def atanh(self) -> Expr:
        """The inverse hyperbolic tangent."""
        return _call("atanh", self)

    def degrees(self) -> Expr:
        """Radians to degrees."""
        return _call("degrees", self)

    def radians(self) -> Expr:
        """Degrees to radians."""
        return _call("radians", self)

    def sinc(self) -> Expr:
        """``sin(pi self) / (pi self)``."""
        return _call("sinc", self)

    def sinxdivx(self) -> Expr:
        """``sin(self) / self``, 1 at 0."""
        return _call("sinxdivx", self)

    def sign(self) -> Expr:
        """-1, 0 or 1."""
        return _call("sign", self)

    def floor(self) -> Expr:
        """The largest integer not above."""
        return _call("floor", self)

    def ceil(self) -> Expr:
        """The smallest integer not below."""
        return _call("ceil", self)

    def trunc(self) -> Expr:
        """The integer part."""
        return _call("trunc", self)

    def neg(self) -> Expr:
        """``-self``."""
        return _call("neg", self)

    def inv(self) -> Expr:
        """``1 / self``."""
        return _call("inv", self)

    def square(self) -> Expr:
        """``self ** 2``."""
        return _call("square", self)

    def cube(self) -> Expr:
        """``self ** 3``."""
        return _call("cube", self)

    def relu(self) -> Expr:
        """``maximum(self, 0)``."""
        return _call("relu", self)

    def step(self) -> Expr:
        """1 where not negative, else 0."""
        return _call("step", self)

    def xlogx(self) -> Expr:
        """``self * log(self)``, 0 at 0."""
        return _call("xlogx", self)

    def softplus(self) -> Expr:
        """``log(1 + exp(self))``."""
        return _call("softplus", self)

    def sigmoid(self) -> Expr:
        """``1 / (1 + exp(-self))``."""
        return _call("sigmoid", self)

    def center(self) -> Expr:
        """Minus its mean."""
        return _call("center", self)

    def dimension(self) -> Expr:
        """The number of coordinates, as a formula."""
        return _call("dimension", self)

    def norm2(self) -> Expr:
        """The Euclidean norm."""
        return _call("norm2", self)

    def sqnorm2(self) -> Expr:
        """The squared Euclidean norm."""
        return _call("sqnorm2", self)

    # --- of two operands

    def add(self, b: Operand) -> Expr:
        """``self + b``."""
        return _call("add", self, b)

    def sub(self, b: Operand) -> Expr:
        """``self - b``."""
        return _call("sub", self, b)

    def mul(self, b: Operand) -> Expr:
        """``self * b``."""
        return _call("mul", self, b)

    def div(self, b: Operand) -> Expr:
        """``self / b``."""
        return _call("div", self, b)

    def pow(self, b: Operand) -> Expr:
        """``self ** b``."""
        return _call("pow", self, b)

    def power(self, b: Operand) -> Expr:
        """``self ** b``."""
        return _call("power", self, b)

    def minimum(self, b: Operand) -> Expr:
        """The smaller of the two, elementwise."""
        return _call("minimum", self, b)

    def maximum(self, b: Operand) -> Expr:
        """The larger of the two, elementwise."""
        return _call("maximum", self, b)

    def arctan2(self, b: Operand) -> Expr:
        """The angle of the point (``b``, ``self``)."""
        return _call("arctan2", self, b)

    def atan2(self, b: Operand) -> Expr:
        """The angle of the point (``b``, ``self``)."""
        return _call("atan2", self, b)

    def hypot(self, b: Operand) -> Expr:
        """``sqrt(self ** 2 + b ** 2)``."""
        return _call("hypot", self, b)

    def xlogy(self, b: Operand) -> Expr:
        """``self * log(b)``, 0 where ``self`` is 0."""
        return _call("xlogy", self, b)

    def logaddexp(self, b: Operand) -> Expr:
        """``log(exp(self) + exp(b))``."""
        return _call("logaddexp", self, b)

    def lt(self, b: Operand) -> Expr:
        """1 where ``self < b``."""
        return _call("lt", self, b)

    def le(self, b: Operand) -> Expr:
        """1 where ``self <= b``."""
        return _call("le", self, b)

    def gt(self, b: Operand) -> Expr:
        """1 where ``self > b``."""
        return _call("gt", self, b)

    def ge(self, b: Operand) -> Expr:
        """1 where ``self >= b``."""
        return _call("ge", self, b)

    def eq(self, b: Operand) -> Expr:
        """1 where the values are equal."""
        return _call("eq", self, b)

    def ne(self, b: Operand) -> Expr:
        """1 where the values differ."""
        return _call("ne", self, b)

    def dot(self, b: Operand) -> Expr:
        """The dot product."""
        return _call("dot", self, b)

    def sqdist(self, b: Operand) -> Expr:
        """The squared Euclidean distance."""
        return _call("sqdist", self, b)

    # --- of the coordinates; axis is -1, or 2 as KeOps counts

    def sum(self, axis: int = -1, dim: int | None = None) -> Expr:
        """The sum of the coordinates; ``dim`` is another name of ``axis``."""
        return _call("sum", self, axis if dim is None else dim)

    def prod(self, axis: int = -1) -> Expr:
        """The product of the coordinates."""
        return _call("prod", self, axis)

    def mean(self, axis: int = -1) -> Expr:
        """The mean of the coordinates."""
        return _call("mean", self, axis)

    def var(self, axis: int = -1) -> Expr:
        """The variance of the coordinates."""
        return _call("var", self, axis)

    def std(self, axis: int = -1) -> Expr:
        """The standard deviation of the coordinates."""
        return _call("std", self, axis)

    def cumsum(self, axis: int = -1) -> Expr:
        """The running sums."""
        return _call("cumsum", self, axis)

    def count_nonzero(self, axis: int = -1) -> Expr:
        """How many coordinates are not 0."""
        return _call("count_nonzero", self, axis)

    def logsumexp(self, axis: int = -1) -> Expr:
        """``log(sum(exp(self)))``."""
        return _call("logsumexp", self, axis)

    def softmax(self, axis: int = -1) -> Expr:
        """``exp(self) / sum(exp(self))``."""
        return _call("softmax", self, axis)

    def max(self, axis: int = -1) -> Expr:
        """The largest coordinate. (The larger of two operands is ``maximum``.)"""
        return _call("max", self, axis=axis)

    def min(self, axis: int = -1) -> Expr:
        """The smallest coordinate. (The smaller of two operands is ``minimum``.)"""
        return _call("min", self, axis=axis)

    def norm(self, p: float = 2, weights: Operand | None = None) -> Expr:
        """The p-norm, ``p`` above 0 and inf allowed; -1, KeOps' axis, means the Euclidean one."""
        return _call("norm", self, p, weights)

    def normalize(self, p: float = 2) -> Expr:
        """Divided by its norm."""
        return _call("normalize", self, p)

    # --- with other arguments

    def mod(self, b: Operand, offset: Operand | None = None) -> Expr:
        """``self % b``, in [offset, offset + b)."""
        return _call("mod", self, b, offset)

    def round(self, decimals: int = 0) -> Expr:
        """Rounded to so many decimals."""
        return _call("round", self, decimals)

    def clip(self, low: Operand | None, high: Operand | None) -> Expr:
        """Limited to [``low``, ``high``]."""
        return _call("clip", self, low, high)

    def clamp(self, low: Operand | None, high: Operand | None) -> Expr:
        """Limited to [``low``, ``high``]."""
        return _call("clamp", self, low, high)

    def clampint(self, low: int, high: int) -> Expr:
        """Limited to [``low``, ``high``], both integers."""
        return _call("clampint", self, low, high)

    def where(self, a: Operand, b: Operand) -> Expr:
        """``a`` where this is not 0, else ``b``."""
        return _call("where", self, a, b)

    def ifelse(self, a: Operand, b: Operand) -> Expr:
        """``a`` where this is not negative, else ``b``."""
        return _call("ifelse", self, a, b)

    def weightedsqnorm(self, weights: Operand) -> Expr:
        """``sum(weights * self ** 2)``, or ``self @ weights @ self`` for a matrix."""
        return _call("weightedsqnorm", self, weights)

    def weightedsqdist(self, b: Operand, weights: Operand) -> Expr:
        """``weightedsqnorm`` of ``self - b``."""
        return _call("weightedsqdist", self, b, weights)

    def matvec(self, a: Operand) -> Expr:
        """This captured matrix times a vector."""
        return _call("matvec", self, a)

    def matvecmult(self, a: Operand) -> Expr:
        """This captured matrix times a vector."""
        return _call("matvecmult", self, a)

    def vecmatmult(self, matrix: Operand) -> Expr:
        """This vector times a captured matrix."""
        return _call("vecmatmult", self, matrix)

    def index(self, position: int) -> Expr:
        """``self[position]``."""
        return _call("index", self, position)

    def elem(self, position: int) -> Expr:
        """``self[position]``."""
        return _call("elem", self, position)

    def slice(self, start: int | None, stop: int | None) -> Expr:
        """``self[start:stop]``."""
        return _call("slice", self, start, stop)

    def extract(self, start: int, count: int) -> Expr:
        """``self[start:start + count]``."""
        return _call("extract", self, start, count)

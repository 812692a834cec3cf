"""Whether a scalar may move out of a sum: not where it may be infinite there, or divides by zero.

    sum([1, -1] * s)  is NaN for an infinite s, and  s * sum([1, -1])  may be a number; so may  sum([1, -2] / 0)

Data are finite, and overflow counts as rounding: what remains are the poles, which are seen in the formula.
"""

from __future__ import annotations

import math
import weakref
from typing import Final

from anear.formula.expression import ELEMENTWISE, LEAVES, REDUCTIONS, VECTOR_TO_VECTOR, Expr
from anear.formula.graph import walk_unknown
from anear.formula.ranges import range_of

__all__ = ["divides_sums", "scales_sums"]

# nothing that is infinite comes of what is finite
_ENTIRE: Final = (ELEMENTWISE | REDUCTIONS | VECTOR_TO_VECTOR | LEAVES | {"index"}) - {
    *("number", "constant", "prepared", "div", "pow", "log", "log1p", "rsqrt", "xlogy"),
}
# beyond these operands, an operation is finite
_POLES: Final = {"log": 0.0, "rsqrt": 0.0, "log1p": -1.0}
# zero only where their operand is
_ZERO_AT_ZERO: Final = frozenset({"abs", "neg", "sqrt", "sign", "expm1", "arcsin", "arctan", "sinh", "tanh", "log1p"})

_finite: weakref.WeakKeyDictionary[Expr, bool] = weakref.WeakKeyDictionary()


def scales_sums(scalar: Expr) -> bool:
    """Whether ``scalar`` is never infinite (it may be NaN): ``sum(scalar * v)`` is ``scalar * sum(v)``."""
    for node in walk_unknown(scalar, _finite):
        _finite[node] = _own_values_finite(node) and all(_finite[a] for a in node.args)
    return _finite[scalar]


def divides_sums(scalar: Expr, vector: Expr) -> bool:
    """Whether ``scalar`` is zero only where ``vector`` is: ``sum(vector / scalar)`` is ``sum(vector) / scalar``."""
    return _never_zero(scalar) or _vanishes(scalar, _zeros(vector))


def _own_values_finite(node: Expr) -> bool:
    """Whether this operation makes finite values of finite operands."""
    if node.op in ("number", "constant"):
        low, high = range_of(node)
        return math.isfinite(low) and math.isfinite(high)
    if node.op == "div":
        return _never_zero(node.args[1])
    if node.op in _POLES:
        return range_of(node.args[0], rounded=True)[0] > _POLES[node.op]
    if node.op == "pow":
        return _positive_power(node) or _never_zero(node.args[0])
    return node.op in _ENTIRE


def _never_zero(expr: Expr) -> bool:
    low, high = range_of(expr, rounded=True)
    return low > 0.0 or high < 0.0


def _positive_power(node: Expr) -> bool:
    return node.op == "pow" and node.args[1].op == "number" and node.args[1].value > 0.0


def _zeros(expr: Expr) -> set[Expr]:
    """Expressions one of which is zero where ``expr`` is: its factors."""
    if expr.op == "mul":
        return _zeros(expr.args[0]) | _zeros(expr.args[1])
    if expr.op in _ZERO_AT_ZERO or expr.op == "div" or _positive_power(expr):
        return _zeros(expr.args[0])
    return {expr}


def _vanishes(scalar: Expr, zeros: set[Expr]) -> bool:
    """Whether one of ``zeros`` is zero in every coordinate where ``scalar`` is zero."""
    if _never_zero(scalar):
        return True
    if scalar.op == "mul":
        return all(_vanishes(a, zeros) for a in scalar.args)
    if scalar.op == "add":
        return all(_never_negative(a) for a in scalar.args) and any(_vanishes(a, zeros) for a in scalar.args)
    if scalar.op in ("sum", "max"):
        (inner,) = scalar.args
        return _never_negative(inner) and scales_sums(inner) and _zeros(inner) <= zeros
    return (scalar.op in _ZERO_AT_ZERO or _positive_power(scalar)) and _vanishes(scalar.args[0], zeros)


def _never_negative(expr: Expr) -> bool:
    return range_of(expr, rounded=True)[0] >= 0.0

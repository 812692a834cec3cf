"""Which expressions are numbers whatever the data. A comparison makes a number of NaN too, which no range tells of."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from anear.formula.expression import Expr, walk
from anear.formula.ranges import never_negative, range_of

__all__ = ["always_number"]

_NEVER_NAN: Final = frozenset(
    "x y query_field point_field constant index slice neg abs sign floor exp expm1 tanh arctan sinh cosh sin cos "  # noqa: SIM905
    "add sub mul minimum maximum arctan2 lt le gt ge eq ne where sum max min prod cumsum matvec".split()
)


@lru_cache(maxsize=1024)  # asked at every count
def always_number(*exprs: Expr) -> bool:
    """Whether none of them is NaN for any finite data, but for overflow.

    Examples
    --------
    >>> from anear.formula import log, sqrt, sum, x, y
    >>> always_number(sqrt(sum((x - y)**2))), always_number(log(y)), always_number(y / y)
    (True, False, False)
    """
    return all(_is_number(node) for expr in exprs for node in walk(expr))


def _is_number(node: Expr) -> bool:
    """Whether a node is one where its operands are."""
    if node.op == "number":
        return not math.isnan(node.value)
    if node.op in ("sqrt", "log1p"):
        return never_negative(node.args[0])
    if node.op == "div":
        low, high = range_of(node.args[1])
        return low > 0.0 or high < 0.0
    if node.op == "pow" and node.args[1].op == "number":
        power = node.args[1].value
        return bool(power > 0.0 and (power % 1.0 == 0.0 or never_negative(node.args[0])))
    return node.op in _NEVER_NAN

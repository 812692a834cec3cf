"""Which expressions are numbers whatever the data. A comparison makes a number of NaN too, which no range tells of."""

from __future__ import annotations

import math
from typing import Final

from anear.formula.expression import Expr, walk

__all__ = ["always_number"]

# log, sqrt and the like are NaN outside of their domains, a quotient where 0/0 may be.
_NEVER_NAN: Final = frozenset(
    "x y query_field point_field constant index slice neg abs sign floor exp expm1 tanh arctan sinh cosh sin cos "  # noqa: SIM905
    "add sub mul minimum maximum arctan2 lt le gt ge eq ne where sum max min prod cumsum matvec".split()
)


def always_number(*exprs: Expr) -> bool:
    """Whether none of them is NaN for any finite data, but for overflow.

    Examples
    --------
    >>> from anear.formula import log, x, y
    >>> always_number(abs(x - y)), always_number(log(y))
    (True, False)
    """
    return all(
        node.op in _NEVER_NAN or (node.op == "number" and not math.isnan(node.value))
        for expr in exprs
        for node in walk(expr)
    )

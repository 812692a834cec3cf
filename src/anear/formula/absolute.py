"""Sums of absolute differences without the absolute value.

    |a - b| = 2 max(a, b) - a - b,   so   sum |a - b| = sum 2 max(a, b) - sum a - sum b

What depends on one side alone leaves the pair, and an element costs two instructions (maximum, fused multiply-add)
instead of three (subtract, clear the sign, add), on two different units of most processors. Like every expanded form it
cancels: it finds candidates with a proved bound, and the formula itself decides.
"""

from __future__ import annotations

from anear.formula.expression import Expr, make, number, prepared
from anear.formula.graph import POINT, QUERY, Sides
from anear.formula.hoist import Plan

__all__ = ["absolute_plan"]


def absolute_plan(rank: Expr) -> Plan | None:
    """The plan for ``sum(abs(a - b))`` with ``a`` of the query and ``b`` of the point alone; None for other formulas.

    The bound. ``a`` and ``b`` carry one rounding each, max adds none and doubling none. The n fused additions start at
    ``B = -sum(b)``, itself rounded once, and each adds a rounding of a partial sum, which is at most
    ``T = 2 sum|a| + 2 sum|b| + |B|``. In units of u that is ``n T + 2 (sum|a| + sum|b|) + |B|``, at most
    ``(3 n + 3) (sum|a| + sum|b|)``; five more such units cover the second order and the bound's own rounding.
    """
    if rank.op != "sum" or rank.args[0].op != "abs" or rank.args[0].args[0].op != "sub":
        return None
    a, b = rank.args[0].args[0].args
    sides = Sides()
    if sides(a) == POINT and sides(b) == QUERY:
        a, b = b, a
    if sides(a) != QUERY or sides(b) != POINT or not (a.is_vector and b.is_vector):
        return None
    query = (a, make("neg", make("sum", a)), make("sum", make("abs", a)), number(1.0))
    point = (b, make("neg", make("sum", b)))
    p, q = prepared("point", 0, True), prepared("query", 0, True)
    larger = make("where", make("gt", q, p), q, p)
    return Plan(
        query,
        point,
        make("add", prepared("point", 1, False), make("sum", make("mul", number(2.0), larger))),
        maxima=(number(1.0), make("sum", make("abs", b))),
        slack=(2, 3),
        relative=(8.0, 3.0) if a.length is None else (8.0 + 3.0 * a.length, 0.0),
        offset=1,
    )

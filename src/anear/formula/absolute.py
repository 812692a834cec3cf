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
from anear.formula.rounding import with_absolute_bound

__all__ = ["absolute_plan"]


def absolute_plan(rank: Expr) -> Plan | None:
    """The plan for ``sum(abs(a - b))``, ``a`` of the query and ``b`` of the point alone; None for other formulas."""
    if rank.op != "sum" or rank.args[0].op != "abs" or rank.args[0].args[0].op != "sub":
        return None
    a, b = rank.args[0].args[0].args
    sides = Sides()
    if sides(a) == POINT and sides(b) == QUERY:
        a, b = b, a
    if sides(a) != QUERY or sides(b) != POINT or not (a.is_vector and b.is_vector):
        return None
    query = (a, make("neg", make("sum", a)))
    point = (b, make("neg", make("sum", b)))
    p, q = prepared("point", 0, True), prepared("query", 0, True)
    larger = make("where", make("gt", q, p), q, p)
    pair = make("add", prepared("point", 1, False), make("sum", make("mul", number(2.0), larger)))
    return with_absolute_bound(Plan(query, point, pair, offset=1), a, b, rank)

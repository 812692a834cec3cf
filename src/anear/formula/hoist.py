"""Hoisting: computing once a query what depends on the query alone, and once a point what depends on the point alone.

What a search gains is decided here: how much is left to compute for each pair.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import replace

from anear.formula.bounds_error import float64_error
from anear.formula.collect import collected
from anear.formula.expression import Expr, make, number, walk
from anear.formula.graph import BOTH, NEITHER, POINT, QUERY, Sides, substitute
from anear.formula.plan import Entries, Plan, describe, exact_plan, fields, reconstruct
from anear.formula.regroup import regrouped
from anear.formula.rounding import with_bound
from anear.formula.simplify import simplify
from anear.formula.stages import trace

__all__ = [
    "DEAR",
    "Entries",
    "Plan",
    "careful_plan",
    "cost",
    "describe",
    "exact_plan",
    "fields",
    "rank_plan",
    "reconstruct",
    "unproved_plan",
    "value_plan",
]

_WEIGHTS = {
    1.0: "neg abs add sub mul minimum maximum lt le gt ge eq ne where floor sign sum max min prod index slice",
    5.0: "div sqrt rsqrt",
    10.0: "cumsum",
    12.0: "log exp xlogy log1p expm1 mod",
    25.0: "sin cos tan arcsin arccos arctan sinh cosh tanh arcosh arctan2 pow",
    100.0: "matvec",
}
_COSTS = {op: weight for weight, ops in _WEIGHTS.items() for op in ops.split()}
"""What an operation costs beside an addition, on one vector of numbers."""

DEAR = frozenset(op for op, weight in _COSTS.items() if weight > 1.0)
"""Operations worth a stored array of their results."""

_LOST = 2.0**-41
"""The part of its value that a careful plan's number may be off by."""

_SCALAR_SHARE = 0.1
"""What an operation on a scalar costs beside one on a vector: a vector is about ten numbers or more."""


def cost(pair: Expr) -> float:
    """What one pair costs, in additions a coordinate. A product that is added to something comes with the addition."""
    result = 0.0
    for node in walk(pair):
        weight = 0.3 if node.op == "prepared" else _COSTS.get(node.op, 0.0)
        if _fused(node):
            weight = 0.0
        wide = node.is_vector or any(a.is_vector for a in node.args)
        result += weight if wide else weight * _SCALAR_SHARE
    return result


def _fused(node: Expr) -> bool:
    """Whether an addition is part of fused multiply-adds."""
    if node.op == "sum":
        terms = [node.args[0]]
        while any(t.op in ("add", "sub") for t in terms):
            terms = [a for t in terms for a in (t.args if t.op in ("add", "sub") else (t,))]
        return all(t.op == "mul" for t in terms)
    return node.op in ("add", "sub") and any(a.op == "mul" for a in node.args)


_plans: weakref.WeakKeyDictionary[Expr, Plan] = weakref.WeakKeyDictionary()


def value_plan(expr: Expr) -> Plan:
    """The plan that computes ``expr`` as it is written, but what is of one side alone only once.

    Nothing is taken apart, so the value is as accurate as the formula's own; for matrices of distances.
    """
    entries = Entries()
    return Plan(pair=_placed(regrouped(simplify(expr)), entries), query=entries.of("query"), point=entries.of("point"))


def rank_plan(rank: Expr) -> Plan:
    """The plan that computes a rank term by term, with as little as possible left for the pair.

    Sums are split where terms are of one side alone (Jensen-Shannon's ``x*log(x)``), logarithms of products and
    quotients are taken apart, terms with an expensive factor in common are collected. What depends on the query alone
    becomes ``offset``. Nothing is squared out: that is :func:`~anear.formula.bilinear.bilinear_plan`'s.

    Examples
    --------
    >>> from anear.formula import log, sum, x, y
    >>> plan = rank_plan(sum(y * log(y / x)))
    >>> plan.query[0], plan.point, plan.pair
    (log(x), (y, sum(log(y) * y)), point1 - sum(query0 * point0))
    """
    known = _plans.get(rank)
    if known is None:
        known = _rank_plan(simplify(rank))
        if rank not in (*known.query, *known.point):  # a plan that holds its own key would keep it for ever
            _plans[rank] = known
        trace(2, "direct", lambda: describe(known))
    return known


def _rank_plan(rank: Expr) -> Plan:
    plan = with_bound(unproved_plan(rank), rank)
    return plan if plan.in_float64 is not None else replace(plan, in_float64=careful_plan(rank))


def careful_plan(expr: Expr) -> Plan | None:
    """The plan for float64 that computes ``expr`` as it is written, but is NaN where more than some digits may be lost.

    How many are is computed for each pair, beside its value. So no proof is needed that is good for all of them, only
    rules for all operations: None where one is missing.

    Examples
    --------
    >>> from anear.formula import sum, x, y
    >>> careful_plan(sum(abs(x - y) ** 1.5)).pair
    where(...)
    """
    error = float64_error(expr)
    if error is None:
        return None
    lost = make("mul", number(2.0 / _LOST), error)  # by the plan, and by the formula that decides
    entries = Entries()
    pair = make("where", make("le", lost, make("abs", expr)), expr, number(math.nan))
    pair = _placed(pair, entries)
    relative = 1.01 * _LOST * 2.0**53, 0.0
    return Plan(entries.of("query"), entries.of("point"), pair, relative=relative, relative_to_rank=1.0)


def unproved_plan(rank: Expr) -> Plan:
    """The plan of :func:`rank_plan` for a simplified rank, without a bound of its rounding."""
    plans = [_split_plan(*_terms_by_side(rank)), _split_plan(*collected(rank))]
    # taking apart cancels: only for a gain
    return plans[1] if cost(plans[1].pair) < 0.9 * cost(plans[0].pair) else plans[0]


def _split_plan(query: Expr, point: Expr, both: Expr) -> Plan:
    """The plan of ``query + point + both``, scalars of the sides that their names say."""
    entries = Entries()
    zero = number(0.0)
    pair = _placed(regrouped(both), entries)
    if point is not zero:
        bias = entries("point", point)
        pair = bias if both is zero else simplify(Expr("add", (bias, pair)))
    offset = None if query is zero else entries.index("query", query)
    return Plan(entries.of("query"), entries.of("point"), pair, offset=offset)


def _terms_by_side(rank: Expr) -> tuple[Expr, Expr, Expr]:
    """(terms of the query and of neither side, of the point, of both) of the sum that ``rank`` is, as it is written."""
    sides = Sides()
    parts: dict[int, Expr] = {}
    stack = [(rank, False)]
    while stack:
        node, minus = stack.pop()
        if node.op in ("add", "sub") and sides(node) == BOTH:
            stack += [(node.args[1], minus != (node.op == "sub")), (node.args[0], minus)]
        else:
            side = sides(node) or QUERY
            before = parts.get(side, number(0.0))
            parts[side] = simplify(Expr("sub" if minus else "add", (before, node)))
    zero = number(0.0)
    return parts.get(QUERY, zero), parts.get(POINT, zero), parts.get(BOTH, zero)


def _placed(expr: Expr, entries: Entries) -> Expr:
    """``expr`` with its largest one-sided parts replaced by prepared entries."""
    sides = Sides()
    whole, queue, seen = [], [expr], {expr}
    while queue:
        node = queue.pop(0)
        if sides(node) != BOTH and not _free(node, sides):
            whole.append(node)
            continue
        for a in node.args:
            if a not in seen and not a.is_matrix:
                seen.add(a)
                queue.append(a)
    leaves: dict[Expr, Expr] = {}
    points = [node for node in whole if sides(node) == POINT]
    for node in whole + _stored(points, sides):
        if sides(node) != POINT:
            leaves[node] = entries("query", node)
    for node in _stored(points, sides):
        if sides(node) == POINT:
            leaves[node] = entries("point", node)
    return substitute(expr, leaves)


def _free(node: Expr, sides: Sides) -> bool:
    """Whether a part of numbers alone, which costs nothing to leave where it is."""
    return sides(node) == NEITHER and not node.is_vector and all(n.op not in ("constant", "where") for n in walk(node))


def _stored(parts: list[Expr], sides: Sides) -> list[Expr]:
    """Which expressions of the point to store, of the largest ones that the pair needs.

    Scalars, and arrays that save an expensive operation. Cheap ones are computed anew from the coordinates, unless
    the coordinates are used in one cheap way only: then that is stored in their place. Captured vectors that cheap
    expressions contain are among the result; they are the query's.
    """
    scalars = [p for p in parts if not p.is_vector]
    dear = [p for p in parts if p.is_vector and any(n.is_vector and n.op in DEAR for n in walk(p))]
    cheap = [p for p in parts if p.is_vector and p not in dear]
    if len(cheap) > 1:
        split: list[Expr] = []
        for part in cheap:
            split += _leaves_of(part, sides)
        scalars += [p for p in split if not p.is_vector]
        cheap = [p for p in split if p.is_vector]
    return list(dict.fromkeys(dear + cheap + scalars))


def _leaves_of(part: Expr, sides: Sides) -> list[Expr]:
    """The vectors and scalars that a cheap expression is made of, but for plain numbers."""
    found, queue = [], [part]
    while queue:
        node = queue.pop(0)
        if sides(node) == POINT and node.is_vector and node.args:
            queue += node.args
        elif not _free(node, sides):
            found.append(node)
    return found

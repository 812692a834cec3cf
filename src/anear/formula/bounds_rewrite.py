"""Ranks written so that their bounds are tight: sums over the same coordinates as one sum."""

from __future__ import annotations

from anear.formula.expression import Expr, make
from anear.formula.graph import POINT, Sides
from anear.formula.polynomial import shape_of
from anear.formula.ranges import Factors, factors, product
from anear.formula.simplify import simplify

__all__ = ["merged"]


def merged(rank: Expr) -> Expr:
    """``sum(v) + c*sum(w) + ...`` as ``sum(v + c*w) + ...``: each coordinate's share is one function of it."""
    if rank.op not in ("add", "sub"):
        return rank
    sides = Sides()
    sums: dict[Expr, Expr] = {}
    rest: Expr | None = None
    stack = [(rank, False)]
    while stack:
        node, minus = stack.pop()
        if node.op in ("add", "sub") and sides(node) & POINT:
            stack += [(node.args[1], minus != (node.op == "sub")), (node.args[0], minus)]
            continue
        vector = _summand(node, sides)
        if vector is None:
            rest = _plus(rest, node, minus)
        else:
            shape = shape_of(vector)
            sums[shape] = _plus(sums.get(shape), vector, minus)
    for vector in sums.values():
        rest = _plus(rest, make("sum", vector), False)
    return rank if rest is None else simplify(rest)


def _plus(total: Expr | None, part: Expr, minus: bool) -> Expr:
    if total is None:
        return make("neg", part) if minus else part
    return make("sub" if minus else "add", total, part)


def _summand(node: Expr, sides: Sides) -> Expr | None:
    """v where ``node`` is ``sum(v)``, its other factors being of the query; None if it is not such a sum."""
    if not sides(node) & POINT:
        return None
    found = factors(node)
    sums = [a for a, e in found.powers.items() if a.op == "sum" and e == 1.0 and sides(a) & POINT]
    others = {a: e for a, e in found.powers.items() if a not in sums}
    if len(sums) != 1 or any(sides(a) & POINT for a in others):
        return None
    front = Factors(found.number, others)
    vector = sums[0].args[0]
    return vector if front == Factors(1.0, {}) else make("mul", product(front), vector)

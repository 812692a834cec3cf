"""Functions of one coordinate over a box: their values at its corners, and at the place of the box nearest to another.

The nearest place to m is ``minimum(maximum(m, low), high)``. A rising h takes it to
``minimum(maximum(h(m), h(low)), h(high))``: three values that are known before a query meets a box. So nothing dear is
left to compute for the pair:

    x * log(x/y) - x + y     at the nearest place of y to x
    =  x * (log(x) - minimum(maximum(log(x), log(low)), log(high))) - x + minimum(maximum(x, low), high)
"""

from __future__ import annotations

from anear.formula.bounds_shape import FALLING, RISING, Shapes
from anear.formula.expression import Expr, make, number, walk
from anear.formula.graph import BOTH, POINT, Sides, substitute
from anear.formula.hoist import DEAR

__all__ = ["clamped", "nearest"]


def nearest(place: Expr, low: Expr, high: Expr) -> Expr:
    """The number of [low, high] next to ``place``."""
    return make("minimum", make("maximum", place, low), high)


def clamped(expr: Expr, place: Expr, corners: tuple[Expr, Expr], shapes: Shapes) -> Expr:
    """The function at the place of the box nearest to ``place``."""
    leaf, sides = shapes.leaf, Sides()
    done: dict[Expr, Expr] = {leaf: nearest(place, *corners)}

    def value(node: Expr) -> Expr:
        if node not in done:
            lifted = _lifted(node)
            done[node] = _rebuilt(node) if lifted is None else lifted
        return done[node]

    def _rebuilt(node: Expr) -> Expr:
        if not sides(node) & POINT:
            return node
        if node.op == "xlogy" and sides(node.args[1]) != BOTH:  # its logarithm is stored, and 0 times it is 0
            some, logarithm = value(node.args[0]), value(make("log", node.args[1]))
            return make("where", some, make("mul", some, logarithm), number(0.0))
        return make(node.op, *(value(a) for a in node.args), value=node.value)

    def _lifted(node: Expr) -> Expr | None:
        if sides(node) != POINT or node.op not in DEAR or leaf not in set(walk(node)):
            return None
        shape = shapes(node)
        if shape is None or shape.kind not in (RISING, FALLING):
            return None
        ends = [substitute(node, {leaf: corner}) for corner in corners]
        if shape.kind == FALLING:
            ends.reverse()
        return nearest(substitute(node, {leaf: place}), *ends)

    return value(expr)

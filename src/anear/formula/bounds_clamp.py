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
from anear.formula.graph import BOTH, POINT, Sides, rebuild, substitute
from anear.formula.hoist import DEAR
from anear.formula.ranges import Assumed, factors

__all__ = ["apart", "clamped", "nearest"]


def apart(expr: Expr, ranges: Assumed) -> Expr:
    """``expr`` with logarithms of products as sums, so that each side's can be stored."""
    sides = Sides()

    def change(node: Expr) -> Expr:
        if node.op not in ("log", "xlogy") or sides(node.args[-1]) != BOTH:
            return node
        parts = _logarithms(node.args[-1], ranges, sides)
        if parts is None:
            return node
        if node.op == "log":
            return parts
        some = make("ne", node.args[0], number(0.0))
        return make("where", some, make("mul", node.args[0], parts), number(0.0))

    return rebuild(expr, change)


def _logarithms(inside: Expr, ranges: Assumed, sides: Sides) -> Expr | None:
    """The logarithm of a product of one-sided positive factors and at most one of both sides, as a sum."""
    found = factors(inside)
    if found.number <= 0.0 or len(found.powers) < 2 or any(ranges(atom)[0] < 0.0 for atom in found.powers):
        return None
    if sum(sides(atom) == BOTH for atom in found.powers) > 1 or any(abs(e) != 1.0 for e in found.powers.values()):
        return None
    up = [make("log", atom) for atom, e in found.powers.items() if e > 0.0]
    down = [make("log", atom) for atom, e in found.powers.items() if e < 0.0]
    if found.number != 1.0:
        up.append(make("log", number(found.number)))
    above, below = _sum(up), _sum(down)
    if below is None:
        return above
    return make("neg", below) if above is None else make("sub", above, below)


def _sum(parts: list[Expr]) -> Expr | None:
    total: Expr | None = None
    for part in parts:
        total = part if total is None else make("add", total, part)
    return total


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

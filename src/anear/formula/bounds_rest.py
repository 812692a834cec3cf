"""A sum over the coordinates, and one of them beside it: the least value over a box, found one coordinate at a time.

    sum((x - y)**2) / (x[0] * y[0])

For each y[0] the other coordinates are best where their own shares are least. What is left is a function of y[0] alone,
the sum of the others being a number R that is not negative:

    (R + (x[0] - y[0])**2) / (x[0] * y[0])        a valley with its bottom at sqrt(R + x[0]**2)

It rises with R, so its least value for the least R is the least of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from anear.formula.bounds_clamp import nearest
from anear.formula.bounds_shape import FALLING, RISING, VALLEY, Shapes
from anear.formula.canonical import canonical
from anear.formula.expression import ELEMENTWISE, Expr, make, point_field, query_field, walk, y
from anear.formula.graph import POINT, Sides, substitute
from anear.formula.simplify import simplify

if TYPE_CHECKING:
    from anear.formula.bounds_interval import Encloser
    from anear.formula.bounds_shape import Shape

__all__ = ["Profile", "profile"]

_REST: Final = query_field("rest of the sum")
_MOVING: Final = point_field("rest of the sum")
_OWN: Final = query_field("own coordinate")


class Profile(NamedTuple):
    """The least value over a box; the function of one coordinate that it is of, that coordinate, and its shape."""

    low: Expr
    function: Expr
    leaf: Expr
    shape: Shape


def profile(expr: Expr, enclose: Encloser) -> Profile | None:
    """The least value of a scalar ``expr``, where it is such a function; None where it is not, or nothing is proved."""
    parts = _parts(expr)
    if parts is None or enclose.dimension < 2:
        return None
    total, leaf = parts
    share, ranges = total.args[0], enclose.ranges
    ends = enclose(share)
    if ends.low is None or not (ends.tight and ends.apart) or ranges(share)[0] < 0.0:
        return None
    ranges.assume(_REST, (0.0, float("inf")))
    ranges.assume(_MOVING, (0.0, float("inf")))
    ranges.assume(_OWN, ranges(leaf))
    own = simplify(make("index", share, value=leaf.value))
    function = simplify(substitute(expr, {total: make("add", _REST, own)}))
    turned = substitute(function, {_REST: _MOVING, leaf: _OWN})
    if any(node is y for node in walk(turned)):
        return None
    rising = Shapes(_MOVING, None, ranges)(turned)
    shape = enclose.shapes(leaf)(function)
    if rising is None or rising.kind != RISING or shape is None:
        return None
    rest = _without(ends.low, leaf.value % enclose.dimension, enclose.dimension)
    corners = enclose.corners(leaf)
    if shape.kind in (RISING, FALLING):
        value = substitute(function, {leaf: corners[0] if shape.kind == RISING else corners[1]})
    elif shape.kind == VALLEY and shape.place is not None:
        value = _at_nearest(function, leaf, shape.place, corners, enclose)
    else:
        return None
    return Profile(simplify(substitute(value, {_REST: rest})), function, leaf, shape)


def _parts(expr: Expr) -> tuple[Expr, Expr] | None:
    """(the one sum, the one coordinate) that the point enters by; None if there is more, or less."""
    sides = Sides()
    totals: dict[Expr, None] = {}
    leaves: dict[Expr, None] = {}
    stack, seen = [expr], {expr}
    while stack:
        node = stack.pop()
        if not sides(node) & POINT:
            continue
        if node.op == "sum" and node.args[0].is_vector:
            totals[node] = None
        elif node.op == "index" and node.args[0].op == "y":
            leaves[node] = None
        elif node.op in ELEMENTWISE and not node.is_vector:
            for a in node.args:
                if a not in seen:
                    seen.add(a)
                    stack.append(a)
        else:
            return None
    return (next(iter(totals)), next(iter(leaves))) if len(totals) == len(leaves) == 1 else None


def _without(vector: Expr, at: int, dimension: int) -> Expr:
    """The sum of all coordinates but one."""
    pieces = [ends for ends in ((0, at), (at + 1, dimension)) if ends[0] < ends[1]]
    sums = [make("sum", make("slice", vector, value=ends)) for ends in pieces]
    return sums[0] if len(sums) == 1 else make("add", *sums)


def _at_nearest(function: Expr, leaf: Expr, place: Expr, corners: tuple[Expr, Expr], enclose: Encloser) -> Expr:
    """The function at the number of the box next to ``place``.

    Differences from the leaf are taken at the corners and at the place, and the nearest of these is chosen: so they
    keep their digits where the leaf comes close.
    """
    sides = Sides()
    done: dict[Expr, Expr] = {leaf: nearest(place, *corners)}
    for node in walk(function):
        if node in done:
            continue
        if not sides(node) & POINT:
            done[node] = node
        elif node.op == "sub" and leaf in node.args and not all(sides(a) & POINT for a in node.args):
            other = node.args[0] if node.args[1] is leaf else node.args[1]
            ends = (make("sub", corner, other) for corner in corners)
            moved = nearest(_difference(place, other, enclose), *ends)
            done[node] = moved if node.args[0] is leaf else make("neg", moved)
        else:
            done[node] = make(node.op, *(done[a] for a in node.args), value=node.value)
    return done[function]


def _difference(place: Expr, other: Expr, enclose: Encloser) -> Expr:
    """``place - other``; ``sqrt(a + b**2) - b`` as ``a / (sqrt(a + b**2) + b)``, which loses no digits."""
    if place.op == "sqrt" and enclose.ranges(other)[0] >= 0.0:
        left = canonical(make("sub", place.args[0], make("mul", other, other)))
        return make("div", left, make("add", place, other))
    return make("sub", place, other)

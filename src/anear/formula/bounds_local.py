"""A rank near its minimum: where equal steps cost equally much, and what a known sum of coordinates adds.

A share f(x, y) with its bottom at y = x costs about ``f_yy(y, y) * dy**2 / 2`` for a small step dy. In the coordinate
``u = integral of sqrt(f_yy(y, y) / 2)`` that is ``du**2`` everywhere: sqrt(y) for Kullback-Leibler, log(y) for
Itakura-Saito, ``y / s`` for a distance of standardised coordinates. There the spread of points is best measured. A
share with a kink at its bottom costs ``f_y(y, y) * dy``.

Where all points have the same sum of coordinates, ``c * (sum(y) - that sum)`` may be added to a rank. ``x*log(x/y)``
falls with y for ever, so its best place in a box is a corner, where no such point is; ``x*log(x/y) + y`` has its bottom
at y = x, and so a tight bound.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from anear.formula.bounds_shape import FALLING, RISING, VALLEY, Shapes
from anear.formula.canonical import canonical
from anear.formula.derivative import derivative
from anear.formula.expression import Expr, make, number, x, y
from anear.formula.graph import NEITHER, Sides, rebuild, substitute
from anear.formula.interpret import evaluate
from anear.formula.ranges import Factors, factors, product
from anear.formula.simplify import simplify

__all__ = ["even_coordinate", "even_steps", "lifted"]

LEAST: Final = 1e-30
"""Logarithms of coordinates are taken of no less."""


def even_steps(share: Expr, shapes: Shapes) -> Expr | None:
    """The coordinate in which small steps from any point cost equally much; None: the plain one, or not known."""
    leaf, centre = shapes.leaf, shapes.centre
    shape = shapes(share)
    if centre is None or shape is None or shape.kind != VALLEY or shape.place is not centre:
        return None
    smooth = rebuild(shapes.continued(share), lambda node: _above(node, shapes))
    first = derivative(smooth, leaf)
    kinked = smooth is not shapes.continued(share)
    second = first if first is None or kinked else derivative(canonical(first), leaf)
    if second is None:
        return None
    cost = factors(canonical(substitute(second, {centre: leaf})))
    found = _integral(cost if kinked else cost.power(0.5), leaf)
    return None if found is None or found is leaf else simplify(found)


def even_coordinate(share: Expr) -> Expr | None:
    """The same of a smooth share of ``x`` and ``y`` whose bottom is where they are equal, without a look at its shape.

    A slope there that is the same for all adds no more than a multiple of the coordinates' sum.

    Examples
    --------
    >>> from anear.formula import log, x, y
    >>> even_coordinate(y * log(y / x)), even_coordinate(y / x - log(y / x) - 1)
    (y ** 0.5, log(maximum(abs(y), 1e-30)))
    """
    first = derivative(share, y)
    second = None if first is None else derivative(canonical(first), y)
    if first is None or second is None or canonical(substitute(first, {x: y})).op != "number":
        return None
    cost = factors(canonical(substitute(second, {x: y})))
    return _integral(cost.power(0.5), y) if cost.number > 0.0 else None


def _above(node: Expr, shapes: Shapes) -> Expr:
    """What ``abs``, ``maximum`` and ``minimum`` of both sides are where the leaf is just above its centre."""
    leaf, centre = shapes.leaf, shapes.centre
    if node.op == "abs":
        (inner,) = node.args
        low, high = shapes.ranges(inner)
        shape = shapes(inner)
        if low >= 0.0 or (shape is not None and shape.kind == RISING and high > 0.0):
            return inner
        return make("neg", inner) if shape is not None and shape.kind == FALLING else node
    if node.op in ("maximum", "minimum") and set(node.args) == {leaf, centre}:
        return node.args[(node.args[0] is leaf) == (node.op == "minimum")]
    return node


def _integral(slope: Factors | None, leaf: Expr) -> Expr | None:
    """Of ``c * leaf**k`` and ``c * exp(a*leaf)``, c being captured numbers alone; without its number."""
    if slope is None or not slope.number > 0.0:
        return None
    sides = Sides()
    fixed = {a: e for a, e in slope.powers.items() if sides(a) == NEITHER}
    moving = {a: e for a, e in slope.powers.items() if a not in fixed}
    if len(moving) > 1 or not _is_scale(fixed):
        return None
    atom, exponent = next(iter(moving.items())) if moving else (leaf, 0.0)
    if atom.op == "exp" and atom.args[0] is leaf:
        u = make("exp", make("mul", number(exponent), leaf))
    elif atom not in (leaf, make("abs", leaf)) or exponent < -1.0:
        return None
    elif exponent == -1.0:
        u = make("log", make("maximum", make("abs", leaf), number(LEAST)))
    else:
        u = make("pow", leaf, number(exponent + 1.0)) if exponent else leaf
    return make("mul", product(Factors(1.0, fixed)), u) if fixed else u


def _is_scale(fixed: dict[Expr, float]) -> bool:
    """Whether numbers can be multiplied with: near its bottom ``abs(x - y)**3`` costs nothing, its root no end."""
    if not fixed:
        return True
    whole = product(Factors(1.0, fixed))
    origin = np.zeros((1, whole.length or 1))
    with np.errstate(all="ignore"):
        values = evaluate(whole, origin, origin)
    return bool(np.isfinite(values).all() and (values > 0.0).any())


def lifted(share: Expr, shapes: Shapes) -> tuple[Expr, float] | None:
    """(share + c*y, c) with its bottom at the centre, where the share's own is not; None if there is no such c."""
    leaf, centre = shapes.leaf, shapes.centre
    slope = None if centre is None else derivative(shapes.continued(share), leaf)
    if slope is None or centre is None:
        return None
    c = canonical(make("neg", substitute(slope, {leaf: centre})))
    if c.op != "number" or c.value == 0.0:
        return None
    found = make("add", share, make("mul", c, leaf))
    shape = shapes(found)
    return (found, c.value) if shape is not None and shape.kind == VALLEY and shape.place is centre else None

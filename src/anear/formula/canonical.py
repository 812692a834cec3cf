"""One form for formulas that are equal by algebra: what a proof of a property compares."""

from __future__ import annotations

from anear.formula.algebra import Expander
from anear.formula.expression import Expr, make, number, walk, x, y
from anear.formula.graph import is_shape_only, rebuild, substitute
from anear.formula.polynomial import shape_of, written
from anear.formula.simplify import simplify

__all__ = ["canonical", "equal", "on_diagonal", "swapped"]


def canonical(expr: Expr) -> Expr:
    """``expr`` multiplied out and put in order; equal results mean equal values wherever both are numbers."""
    simple = simplify(rebuild(simplify(expr), _shape))
    return simplify(written(Expander(bilinear=True, one_sided=True)(simple)))


def _shape(node: Expr) -> Expr:
    """What only counts coordinates, made of as little as tells how many there are."""
    if not is_shape_only(node):
        return node
    shape = shape_of(node.args[0])
    return node if shape.op == "number" else make("where", shape, *node.args[1:])


def equal(a: Expr, b: Expr) -> bool:
    """Whether algebra shows that the two are equal."""
    return canonical(make("sub", a, b)) is number(0.0) or canonical(a) is canonical(b)


def swapped(expr: Expr) -> Expr:
    """f(y, x), fields included."""
    exchange = {x: y, y: x}
    for node in walk(expr):
        if node.op in ("point_field", "query_field"):
            other = "query_field" if node.op == "point_field" else "point_field"
            exchange[node] = make(other, value=node.value)
    return substitute(expr, exchange)


def on_diagonal(expr: Expr) -> Expr:
    """f(x, x)."""
    return canonical(substitute(expr, {y: x}))

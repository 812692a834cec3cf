"""How a function of one coordinate runs: rising, falling, a valley or a peak. The proof behind tight bounds.

    sqrt, log, exp, a + b ...      composition: what keeps or turns a shape
    abs(x - y), (x - y)**2         a valley where x = y
    y*log(y/x) - y + x ...         by the sign of the derivative: :mod:`anear.formula.bounds_sign`

A shape is weak: what rises may stay level. It is about the values of the leaf for which the function is a number, with
the query's parts fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from anear.formula.bounds_number import always_number
from anear.formula.bounds_sign import by_derivative
from anear.formula.bounds_solve import solved
from anear.formula.canonical import equal
from anear.formula.expression import Expr, make, number, walk
from anear.formula.graph import POINT, Sides, rebuild, substitute, walk_unknown
from anear.formula.ranges import ANY, Assumed, Range

__all__ = ["CONSTANT", "FALLING", "PEAK", "RISING", "VALLEY", "Shape", "Shapes"]

CONSTANT: Final = "constant"
RISING: Final = "rising"
FALLING: Final = "falling"
VALLEY: Final = "valley"
PEAK: Final = "peak"

_TURNED: Final = {CONSTANT: CONSTANT, RISING: FALLING, FALLING: RISING, VALLEY: PEAK, PEAK: VALLEY}


@dataclass(frozen=True, slots=True)
class Shape:
    """``kind``, the ``place`` of a valley's bottom or a peak's top (None: somewhere), and ``reason``s for people."""

    kind: str
    place: Expr | None = None
    reason: str = "by composition"

    @property
    def turned(self) -> Shape:
        """The shape of the negative."""
        return Shape(_TURNED[self.kind], self.place, self.reason)


FLAT: Final = Shape(CONSTANT)


class Shapes:
    """The shapes of functions of one leaf.

    Parameters
    ----------
    leaf : the coordinate: ``y``, ``y[i]``, a slice of ``y`` or a point field.
    centre : what is likely to be the best place for it, of the query alone: ``x`` for ``y``, ``x[i]`` for ``y[i]``.
    ranges : of the leaves.
    """

    def __init__(self, leaf: Expr, centre: Expr | None, ranges: Assumed) -> None:
        self.leaf = leaf
        self.centre = centre
        self.ranges = ranges
        # what runs one way where the leaf can be may turn between there and a centre that lies outside
        self._inside = centre is not None and _contains(ranges(leaf), ranges(centre))
        self._sides = Sides()
        self._known: dict[Expr, Shape | None] = {}

    def __call__(self, expr: Expr) -> Shape | None:
        """The shape of an expression that is elementwise in the leaf and else of the query alone; None: not proved."""
        return self._shape(self.continued(expr))

    def _shape(self, expr: Expr) -> Shape | None:
        shape = self._composed(expr)
        if shape is not None and (shape.kind not in (VALLEY, PEAK) or shape.place is not None):
            return shape
        found = by_derivative(expr, self.leaf, self.centre, self.ranges)
        if found is not None:
            return Shape(found.kind, found.place, found.reason)
        return self._by_parts(expr) or shape

    def _by_parts(self, expr: Expr) -> Shape | None:
        """From the shapes of addends, or of what a function is taken of, each proved in its own way."""
        if expr.op in ("add", "sub"):
            found = self._by_addends(expr)
            if found is not None:
                return found
        moving = [a for a in expr.args if self._sides(a) & POINT]
        whole = expr.op in _RISING or expr.op in _FALLING or expr.op in ("add", "sub", "maximum", "minimum", "abs")
        if not whole and not (len(moving) == 1 and expr.op in ("mul", "div")):
            return None
        for a in moving:
            if self._known[a] is None:
                self._known[a] = self._shape(a)
        return self._of(expr)

    def _by_addends(self, expr: Expr) -> Shape | None:
        """Of a sum: its smooth addends together, those with a kink one by one."""
        smooth: Expr | None = None
        kinked: list[tuple[Expr, bool]] = []
        stack = [(expr, False)]
        while stack:
            node, minus = stack.pop()
            if node.op in ("add", "sub"):
                stack += [(node.args[1], minus != (node.op == "sub")), (node.args[0], minus)]
            elif any(n.op in ("abs", "maximum", "minimum") for n in walk(node)):
                kinked.append((node, minus))
            elif smooth is None:
                smooth = make("neg", node) if minus else node
            else:
                smooth = make("sub" if minus else "add", smooth, node)
        if smooth is None or not kinked:
            return None
        shapes = [self._shape(smooth)]
        for node, minus in kinked:
            shape = self._shape(node)
            shapes.append(None if shape is None else shape.turned if minus else shape)
        known = [s for s in shapes if s is not None]
        return _together(*known) if len(known) == len(shapes) else None

    def continued(self, expr: Expr) -> Expr:
        """``where(x != y, a, n)`` as ``a`` where that tends to n at y = x: one point more changes no shape."""
        if self.centre is None:
            return expr
        place = {self.leaf: self.centre}

        def change(node: Expr) -> Expr:
            if node.op != "where" or node.args[0].op != "ne" or set(node.args[0].args) != {self.leaf, self.centre}:
                return node
            _, a, n = node.args
            tends = equal(substitute(a, place), n) and not any(self._is_pole(part, place) for part in walk(a))
            return a if tends else node

        return rebuild(expr, change)

    def _is_pole(self, node: Expr, place: dict[Expr, Expr]) -> bool:
        """Whether a function has no limit at the place, as far as algebra shows."""
        if node.op in ("div", "log", "xlogy", "rsqrt", "pow", "mod", "arctan2"):
            at = node.args[0] if node.op in ("log", "rsqrt", "pow") else node.args[1]
            return bool(self._sides(at) & POINT) and equal(substitute(at, place), number(0.0))
        return node.op in ("sign", "floor", "tan", "lt", "le", "gt", "ge", "eq", "ne")

    def _composed(self, expr: Expr) -> Shape | None:
        for node in walk_unknown(expr, self._known):
            self._known[node] = self._of(node)
        return self._known[expr]

    def _of(self, node: Expr) -> Shape | None:
        if node is self.leaf:
            return Shape(RISING)
        if not self._sides(node) & POINT:
            return FLAT
        shapes = [self._known[a] for a in node.args]
        known = [s for s in shapes if s is not None]
        if node.op in _RISING or node.op in _FALLING:
            return None if not known else known[0] if node.op in _RISING else known[0].turned
        rule = _RULES.get(node.op)
        return None if rule is None or len(known) < len(shapes) else rule(self, node, *known)

    def root(self, expr: Expr, level: Expr) -> Expr | None:
        """Where a monotone ``expr`` has the value ``level``, of the query alone; None if that cannot be written."""
        if self.centre is not None and self._inside and equal(substitute(expr, {self.leaf: self.centre}), level):
            return self.centre
        return solved(expr, self.leaf, level, self.ranges)

    def within(self, a: Expr) -> Range:
        """The range of a node."""
        return self.ranges(a)


def _contains(outer: Range, inner: Range) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


# --- composition ------------------------------------------------------------------------------------------------------

_RISING: Final = frozenset(
    {"sqrt", "exp", "log", "log1p", "expm1", "sinh", "tanh", "arcosh", "arcsin", "arctan", "sign", "floor"}
)
_FALLING: Final = frozenset({"neg", "rsqrt", "arccos"})


def _together(*shapes: Shape) -> Shape | None:
    """The shape of what rises in each of several parts."""
    moving = [s for s in shapes if s.kind != CONSTANT]
    if not moving:
        return FLAT
    first = moving[0]
    same = all(s.kind == first.kind and s.place is first.place for s in moving)
    known = len(moving) == 1 or first.kind in (RISING, FALLING) or first.place is not None
    return first if same and known else None


def _add(state: Shapes, node: Expr, a: Shape, b: Shape) -> Shape | None:
    return _together(a, b)


def _sub(state: Shapes, node: Expr, a: Shape, b: Shape) -> Shape | None:
    return _together(a, b.turned)


def _folded(state: Shapes, inner: Expr, a: Shape) -> Shape | None:
    """The absolute value, or an even power, of ``inner``."""
    low, high = state.within(inner)
    if low >= 0.0:
        return a
    if high <= 0.0:
        return a.turned
    if a.kind in (RISING, FALLING):
        return Shape(VALLEY, state.root(inner, number(0.0)))
    return FLAT if a.kind == CONSTANT else None


def _abs(state: Shapes, node: Expr, a: Shape) -> Shape | None:
    return _folded(state, node.args[0], a)


def _mul(state: Shapes, node: Expr, a: Shape, b: Shape) -> Shape | None:
    if node.args[0] is node.args[1]:
        return _folded(state, node.args[0], a)
    return _product(state.within(node.args[0]), state.within(node.args[1]), a, b)


def _product(first: Range, second: Range, a: Shape, b: Shape) -> Shape | None:
    if a.kind == CONSTANT and b.kind == CONSTANT:
        return FLAT
    if a.kind == CONSTANT or b.kind == CONSTANT:
        (low, high), moving = (first, b) if a.kind == CONSTANT else (second, a)
        return moving if low >= 0.0 else moving.turned if high <= 0.0 else None
    if any(low < 0.0 < high for low, high in (first, second)):
        return None
    up, right = first[0] >= 0.0, second[0] >= 0.0  # |a * b| = |a| * |b|
    size = _together(a if up else a.turned, b if right else b.turned)
    return size if size is None or up == right else size.turned


def _div(state: Shapes, node: Expr, a: Shape, b: Shape) -> Shape | None:
    below = state.within(node.args[1])
    if b.kind != CONSTANT and below[0] < 0.0 < below[1]:
        return None
    return _product(state.within(node.args[0]), below, a, b.turned)  # 1 / b has the sign of b


def _pow(state: Shapes, node: Expr, a: Shape, b: Shape) -> Shape | None:
    base, exponent = node.args
    low, high = state.within(base)
    if a.kind == CONSTANT:
        return (b if low >= 1.0 else b.turned if low >= 0.0 and high <= 1.0 else None) if b.kind != CONSTANT else FLAT
    if exponent.op != "number":
        return None
    power = exponent.value
    odd = power % 2.0 == 1.0 and power > 0.0
    if low >= 0.0 or odd or power != math.floor(power):  # NaN below 0
        return a if power > 0.0 else a.turned if power < 0.0 else FLAT
    return _folded(state, base, a) if power > 0.0 and power % 2.0 == 0.0 else None


def _xlogy(state: Shapes, node: Expr, a: Shape, b: Shape) -> Shape | None:
    """``a * log(b)`` of a fixed ``a``."""
    return _product(state.within(node.args[0]), ANY, a, b) if a.kind == CONSTANT else None


def _compare(state: Shapes, node: Expr, a: Shape, b: Shape) -> Shape | None:
    """1 or 0, from the shape of the difference of both sides; 0 where that is NaN."""
    if not always_number(*node.args):
        return None
    return _together(a, b.turned) if node.op in ("gt", "ge") else _together(a.turned, b)


def _differ(state: Shapes, node: Expr, a: Shape, b: Shape) -> Shape | None:
    """``a != b``: 0 at one place, else 1."""
    if a.kind == CONSTANT and b.kind == CONSTANT:
        return FLAT
    # a place that was rounded on the way is no place where they are equal
    if state.centre is None or set(node.args) != {state.leaf, state.centre}:
        return None
    found = Shape(VALLEY, state.centre)
    return found if node.op == "ne" else found.turned


def _where(state: Shapes, node: Expr, c: Shape, a: Shape, b: Shape) -> Shape | None:
    """A choice by the query."""
    return _together(a, b) if c.kind == CONSTANT else None


_RULES: Final[dict[str, Callable[..., Shape | None]]] = {
    **dict.fromkeys(("minimum", "maximum"), _add),
    **dict.fromkeys(("lt", "le", "gt", "ge"), _compare),
    **dict.fromkeys(("eq", "ne"), _differ),
    "add": _add,
    "sub": _sub,
    "abs": _abs,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "xlogy": _xlogy,
    "where": _where,
}

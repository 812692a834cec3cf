"""The least and the greatest value of a formula over a box, as formulas of the query and the box.

f(x_i, y_i) of proved shape      its value at a corner, or at the nearest place to the bottom of its valley: exact
a scalar of the point alone      an extra: its extremes over the points below the node are stored
anything else                    from the ends of its operands, operation by operation
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from anear.formula.bounds_clamp import clamped
from anear.formula.bounds_rest import profile
from anear.formula.bounds_rewrite import apart
from anear.formula.bounds_rules import RULES, Ends, Operand
from anear.formula.bounds_shape import CONSTANT, FALLING, RISING, VALLEY, Shape, Shapes
from anear.formula.expression import ELEMENTWISE, Expr, make, number, point_field
from anear.formula.graph import POINT, Sides, substitute
from anear.formula.ranges import Assumed

__all__ = ["EXTRA_HIGH", "EXTRA_LOW", "Encloser"]


class Encloser:
    """Bounds expressions over a box.

    Parameters
    ----------
    dimension : D.
    ranges : of ``x``, ``y`` and the fields.
    centre : the vector of the query that ``y`` is compared with.
    scalars : point fields that stand for scalars of the point.
    """

    def __init__(
        self, dimension: int, ranges: Assumed, centre: Expr, scalars: Mapping[Expr, Expr] | None = None
    ) -> None:
        self.dimension = dimension
        self.ranges = ranges
        self.centre = centre
        self.scalars = dict(scalars or {})
        self.extras: list[Expr] = []
        self.found: dict[Expr, tuple[Expr, Shape]] = {}
        self._sides = Sides()
        self._known: dict[Expr, Ends] = {}
        self._leaves: dict[Expr, Expr | None] = {}
        self._shapes: dict[Expr, Shapes] = {}

    def __call__(self, expr: Expr) -> Ends:
        """The ends of ``expr``."""
        if expr not in self._known:
            self._known[expr] = self._ends(expr)
        return self._known[expr]

    def stands_for(self, scalar: Expr) -> Expr:
        """A point field for one more scalar of the point."""
        field = point_field(f"scalar {len(self.scalars)}")
        self.scalars[field] = scalar
        return field

    def is_exact(self, expr: Expr) -> bool:
        """Whether a part of the point alone is a function of one coordinate whose extremes over a box are known."""
        leaf = self._leaf(expr)
        if leaf is None:
            return False
        shape = self.shapes(leaf)(expr)
        return shape is not None and (shape.kind in (CONSTANT, RISING, FALLING) or shape.place is not None)

    def shapes(self, leaf: Expr) -> Shapes:
        """The shapes of functions of one leaf."""
        if leaf not in self._shapes:
            self._shapes[leaf] = Shapes(leaf, self._centre_of(leaf), self.ranges)
        return self._shapes[leaf]

    def corners(self, leaf: Expr) -> tuple[Expr, Expr]:
        """The leaf at both ends of the box."""
        if leaf.op == "y":
            return leaf, point_field("box_high", self.dimension)
        if leaf.op == "point_field":
            return self._field_corners(leaf)
        low, high = self.corners(leaf.args[0])
        return make(leaf.op, low, value=leaf.value), make(leaf.op, high, value=leaf.value)

    def _field_corners(self, leaf: Expr) -> tuple[Expr, Expr]:
        length = leaf.value[1]
        if length is None:
            return self._extra(leaf)
        positions = [self._position(make("index", leaf, value=i)) for i in range(length)]
        ends = (positions[0], positions[0] + length)
        return make("slice", EXTRA_LOW, value=ends), make("slice", EXTRA_HIGH, value=ends)

    def _position(self, expr: Expr) -> int:
        expr = self.scalars.get(expr, expr)
        if expr not in self.extras:
            self.extras.append(expr)
        return self.extras.index(expr)

    def _extra(self, expr: Expr) -> tuple[Expr, Expr]:
        at = self._position(expr)
        ends = make("index", EXTRA_LOW, value=at), make("index", EXTRA_HIGH, value=at)
        for end in ends:
            self.ranges.assume(end, self.ranges(self.scalars.get(expr, expr)))
        return ends

    def _centre_of(self, leaf: Expr) -> Expr | None:
        if leaf.op == "y":
            return self.centre
        inner = self._centre_of(leaf.args[0]) if leaf.args else None
        return None if inner is None else make(leaf.op, inner, value=leaf.value)

    def _leaf(self, expr: Expr) -> Expr | None:
        """The one leaf that ``expr`` is an elementwise function of; None if there is none such."""
        if expr not in self._leaves:
            self._leaves[expr] = self._find_leaf(expr)
        return self._leaves[expr]

    def _find_leaf(self, expr: Expr) -> Expr | None:
        if expr.op in ("y", "point_field"):
            return expr
        if expr.op in ("index", "slice"):
            return expr if _is_part(expr) else None
        if expr.op not in ELEMENTWISE:
            return None
        found = {self._leaf(a) for a in expr.args if self._sides(a) & POINT}
        return found.pop() if len(found) == 1 else None

    def _uses(self, leaf: Expr) -> frozenset[object]:
        """The coordinates behind a leaf."""
        if leaf.op == "y":
            return frozenset(range(self.dimension))
        if leaf.op == "point_field":
            return frozenset((leaf.value[0], i) for i in range(leaf.value[1] or 1))
        inner = leaf.args[0]
        field = inner.value[0] if inner.op == "point_field" else None
        length = inner.length or self.dimension
        if leaf.op == "index":
            taken = range(leaf.value % length, leaf.value % length + 1)
        else:
            taken = range(*slice(*leaf.value).indices(length))
        return frozenset(taken if field is None else ((field, i) for i in taken))

    def _ends(self, expr: Expr) -> Ends:
        side = self._sides(expr)
        if not side & POINT:
            return Ends(expr, expr, True, True, frozenset(), True)
        leaf = self._leaf(expr)
        exact = None if leaf is None else self._exact(expr, leaf)
        if exact is not None and exact.tight and exact.tight_high:
            return exact
        found = self._by_operands(expr)
        if exact is None:
            return found if found.tight or expr.is_vector else self._profiled(expr, found)
        low, tight = (exact.low, True) if exact.tight else (found.low, found.tight)
        high, tight_high = (exact.high, True) if exact.tight_high else (found.high, found.tight_high)
        return Ends(low, high, tight, tight_high, exact.uses, exact.apart)

    def _profiled(self, expr: Expr, found: Ends) -> Ends:
        """With the least value found one coordinate at a time, where it can be."""
        best = profile(expr, self)
        if best is None:
            return found
        self.found[best.function] = best.leaf, best.shape
        return Ends(best.low, found.high, True, found.tight_high, frozenset(range(self.dimension)), True)

    def _by_operands(self, expr: Expr) -> Ends:
        rule = RULES.get(expr.op)
        found = Ends(None, None)
        if rule is not None:
            found = rule(expr, *(Operand(self(a), self.ranges(a)) for a in expr.args))
        least, greatest = self.ranges(expr)
        low, high = found.low, found.high
        if math.isfinite(least) and (low is None or self.ranges(low)[0] < least):
            low = number(least) if low is None else make("maximum", low, number(least))
        if math.isfinite(greatest) and (high is None or self.ranges(high)[1] > greatest):
            high = number(greatest) if high is None else make("minimum", high, number(greatest))
        tight, tight_high = found.tight and low is found.low, found.tight_high and high is found.high
        return Ends(low, high, tight, tight_high, found.uses, found.apart)

    def _exact(self, expr: Expr, leaf: Expr) -> Ends | None:
        """By the shape of a function of one coordinate."""
        shapes = self.shapes(leaf)
        shape = shapes(expr)
        if shape is None:
            return None
        self.found[expr] = leaf, shape
        corners = self.corners(leaf)
        parted = apart(expr, self.ranges)
        first, last = (substitute(parted, {leaf: corner}) for corner in corners)
        uses, own = self._uses(leaf), leaf.is_vector or not expr.is_vector
        if shape.kind in (RISING, CONSTANT):
            return Ends(first, last, True, True, uses, own)
        if shape.kind == FALLING:
            return Ends(last, first, True, True, uses, own)
        inside = None if shape.place is None else clamped(parted, shape.place, corners, shapes)
        known = inside is not None
        if shape.kind == VALLEY:
            return Ends(inside, make("maximum", first, last), known, True, uses, own)
        return Ends(make("minimum", first, last), inside, True, known, uses, own)


EXTRA_LOW: Final = point_field("extra_low", 1 << 30)
EXTRA_HIGH: Final = point_field("extra_high", 1 << 30)
"""Stand for the fields until it is known how many extras there are."""


def _is_part(expr: Expr) -> bool:
    """Whether a coordinate or a slice of the point's raw data."""
    return expr.args[0].op in ("y", "point_field")

"""Bounds of a rank over a box of points: what lets a tree skip a whole branch under any formula.

A box is one more kind of point. In ``Bound.lower`` and ``Bound.upper``

    x                               the query, as in the rank
    y                               the box's lower corner, D numbers
    point_field("box_high", D)      its upper corner
    point_field("extra_low", E)     the least value of each of ``Bound.extras`` over the points below; only where E > 0
    point_field("extra_high", E)    the greatest

and ``lower(x, box) <= rank(x, p) <= upper(x, box)`` for every point p below the box, in exact arithmetic. The
corners are those of ``Bound.coordinates`` of the points (``y`` itself, or an image of it such as ``y / |y|``; always D
numbers). So a bound hoists, compiles and has its rounding proved like any other formula: :func:`bound_plan`.

What the caller must do:

*   Corners and extremes enclose the points: round ``low`` down and ``high`` up. Where ``coordinates`` is not ``y``, and
    for extras, the computed values may be off; ``coordinate_error`` and ``extra_errors`` bound by how much in float64.
*   A point with NaN in its coordinates or extras is left out of the corners, and measured against every query: most
    formulas give it no rank, but comparing with NaN is a number.
*   A bound that is NaN says nothing: the box is visited.
*   A bound holds for queries whose coordinates lie in ``query_range`` and points in ``point_range``.

>>> from anear.formula import sum, x, y
>>> found = bound(sum(abs(x - y)), 3)
>>> found.proof, found.lower
('clamp', sum(abs(x - minimum(maximum(x, y), point_field("box_high", 3)))))
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anear.formula.bounds_error import ZERO, float64_error
from anear.formula.bounds_image import imaged
from anear.formula.bounds_interval import EXTRA_HIGH, EXTRA_LOW, Encloser
from anear.formula.bounds_local import even_steps, lifted
from anear.formula.bounds_rewrite import linear, merged, normalised, squared, summand
from anear.formula.bounds_words import in_words
from anear.formula.expression import ELEMENTWISE, Expr, make, number, point_field, walk, x, y
from anear.formula.graph import POINT, Sides, substitute
from anear.formula.hoist import careful_plan, unproved_plan
from anear.formula.plan import Plan
from anear.formula.ranges import ANY, Assumed, Range
from anear.formula.rounding import with_bound
from anear.formula.simplify import simplify

__all__ = ["Bound", "Ends", "bound", "bound_plan", "high_corner"]

Ends = tuple[npt.ArrayLike, npt.ArrayLike]
"""The least and the greatest values, for each coordinate or for all of them."""

NEARLY_EQUAL = 1e-3
"""Of sums of coordinates, relatively."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a rank cannot be below, and above, over a box of points; see the module for the box.

    Attributes
    ----------
    lower : scalar of x and a box. Never above the rank of any point below the box.
    upper : the same, never below it; None where none was found.
    coordinates : vector of y with D numbers: what boxes are taken of and trees split.
    coordinate_error : vector of y: how far coordinates computed in float64 may be from the true ones; None: not at all.
    extras : scalars of the point, whose extremes over the points below a node enter the bound.
    extra_errors : for each extra how far it may be off when computed in float64; None: not at all.
    split : vector of y, rising in each of ``coordinates``, in which the spread of points is best measured when a tree
        chooses where to split; None: ``coordinates``.
    proof : "clamp": ``lower`` is the rank at the nearest place of the box, so that no better one is possible;
        "interval": from the ranges of the rank's parts, valid but perhaps loose.
    minimiser : for "clamp", vector of x: the coordinates of the point that is nearest of all.
    query_range, point_range : (least, greatest) coordinate for which the bound holds.
    words : lines for people: what was proved and how, and where it will pay.
    """

    lower: Expr
    upper: Expr | None
    coordinates: Expr
    coordinate_error: Expr | None
    extras: tuple[Expr, ...]
    extra_errors: tuple[Expr | None, ...]
    split: Expr | None
    proof: str
    minimiser: Expr | None
    query_range: Range
    point_range: Range
    words: tuple[str, ...]


def bound(
    rank: Expr,
    dimension: int,
    *,
    points: Ends = (-math.inf, math.inf),
    queries: Ends = (-math.inf, math.inf),
    sums: Range | None = None,
) -> Bound | None:
    """The best bound that is found for a rank; None where nothing better than -inf can be said.

    Parameters
    ----------
    rank : a scalar formula.
    dimension : D, the number of coordinates.
    points : the least and the greatest values of the points, for each coordinate or for all of them.
    queries : the same of the queries; where they are unknown, what the distance's domain allows. A formula that is
        undefined for some of these queries (``log`` of a negative number) needs no bound for them.
    sums : the least and the greatest sum of a point's coordinates, where known. Nearly equal ones (histograms) allow a
        tighter bound of formulas such as ``x * log(x / y)``.
    """
    query_range, point_range = _range(queries), _range(points)
    given = simplify(rank)
    below = squared(given)
    plain = Assumed({x: query_range, y: point_range})
    image = imaged(normalised(linear(below)), dimension, Encloser(dimension, plain, x))
    within = point_range if image.coordinates is y else plain(image.coordinates)
    fields = {field: plain(meaning) for field, meaning in image.scalars.items()}
    ranges = Assumed({x: query_range, y: within, high_corner(dimension): within, **fields})
    if image.coordinates is y:
        _assume_columns(ranges, image.rank, dimension, queries, points)
    enclose = Encloser(dimension, ranges, image.centre, image.scalars)
    shares = merged(simplify(image.rank))
    if image.coordinates is y and _nearly_equal(sums):
        shares = _with_sums(shares, enclose)
    ends = enclose(shares)
    if ends.low is None:
        return None
    names = _extra_fields(len(enclose.extras))
    share = _share(shares)
    shape = None if share is None else enclose.shapes(y)(share)
    steps = None if share is None else even_steps(share, enclose.shapes(y))
    return Bound(
        lower=simplify(substitute(ends.low, names)),
        upper=None if ends.high is None or below is not given else simplify(substitute(ends.high, names)),
        coordinates=image.coordinates,
        coordinate_error=image.error,
        extras=tuple(enclose.extras),
        extra_errors=tuple(_error(extra) for extra in enclose.extras),
        split=None if steps is None else substitute(steps, {y: image.coordinates}),
        proof="clamp" if ends.tight else "interval",
        minimiser=None if shape is None else shape.place,
        query_range=query_range,
        point_range=point_range,
        words=in_words(enclose, ends.tight, image.coordinates),
    )


def _assume_columns(ranges: Assumed, rank: Expr, dimension: int, queries: Ends, points: Ends) -> None:
    """What is known of the single coordinates that the rank takes."""
    corner = high_corner(dimension)
    for at in {node.value for node in walk(rank) if node.op == "index" and node.args[0] in (x, y)}:
        for vector, ends in ((x, queries), (y, points), (corner, points)):
            low, high = (float(np.broadcast_to(end, dimension)[at]) for end in ends)
            if low <= high:
                ranges.assume(make("index", vector, value=at), (low, high))


def _nearly_equal(sums: Range | None) -> bool:
    """Whether sums of coordinates differ so little that they are as good as equal."""
    return sums is not None and sums[1] - sums[0] <= NEARLY_EQUAL * max(abs(sums[0]), abs(sums[1]))


def _with_sums(rank: Expr, enclose: Encloser) -> Expr:
    """``sum(f(x, y))`` as ``sum(f(x, y) + c*y) - c*sum(y)``, where that moves the bottoms of the shares to y = x."""
    share = summand(rank)
    found = None if share is None or not is_share(share) else lifted(share, enclose.shapes(y))
    if found is None:
        return rank
    vector, c = found
    total = enclose.stands_for(make("sum", y))
    return make("sub", simplify(make("sum", vector)), make("mul", number(c), total))


def _share(rank: Expr) -> Expr | None:
    """f of a rank that is ordered as the sum, or maximum, of f(x_i, y_i), with the least c*sum(y) or none."""
    while rank.op in ("add", "sub") and not any(node is y for node in walk(rank.args[1])):
        rank = rank.args[0]
    vector = rank.args[0] if rank.op == "max" else summand(rank)
    return vector if vector is not None and is_share(vector) else None


def is_share(vector: Expr) -> bool:
    """Whether a vector is made of the same coordinate of ``y`` in each of its own, and else of the query."""
    sides = Sides()
    return all(node.op in ELEMENTWISE or node is y or not sides(node) & POINT for node in walk(vector))


def _error(extra: Expr) -> Expr | None:
    found = float64_error(extra)
    return None if found is ZERO else found


def _range(given: Ends) -> Range:
    """The range of all coordinates."""
    low, high = float(np.min(given[0])), float(np.max(given[1]))
    return (low, high) if low <= high else ANY


def high_corner(dimension: int) -> Expr:
    """The upper corner of a box."""
    return point_field("box_high", dimension)


def _extra_fields(count: int) -> dict[Expr, Expr]:
    """What the extras are called once their number is known."""
    if not count:
        return {}
    return {EXTRA_LOW: point_field("extra_low", count), EXTRA_HIGH: point_field("extra_high", count)}


def bound_plan(lower: Expr) -> Plan:
    """The plan that computes a bound, with a proved bound of its own rounding error where there is one.

    Parameters
    ----------
    lower : ``Bound.lower``, or ``Bound.upper``.
    """
    fields = {node.value[0]: node for node in walk(lower) if node.op == "point_field"}
    corners = {y: fields.get("box_high", y)}
    if "extra_low" in fields or "extra_high" in fields:
        count = fields.get("extra_low", fields.get("extra_high", y)).length
        corners[point_field("extra_low", count)] = point_field("extra_high", count)
    lower = simplify(lower)
    plan = with_bound(unproved_plan(lower), corners=corners)
    return plan if plan.in_float64 is not None else replace(plan, in_float64=careful_plan(lower))

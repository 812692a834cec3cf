"""Inner products of bfloat16: half the bytes, twice the products an instruction, and a bound that allows for it.

With G and H the numbers of all vectors of a query and a point, and G', H' the same rounded to bfloat16,

    |G.H - G'.H'|  <=  |G|_2 * |H - H'|_2  +  |G - G'|_2 * |H'|_2

by Cauchy-Schwarz. What rounding loses is computed for each query and each point: less than half of what 8 bits may
lose. The numbers are computed in float64 and become float32 on the way, for which there is room. What is added, the
products' own roundings and the scalars are those of float32, which the plan's bound covers.

The instruction takes numbers below 2**-126 for 0, and what it returns too. A factor's loss is below
2**-126 * sqrt(D) * |G|_2, a result's below 2**-126: adding 2**-50 to all norms covers 2 * D of them.

The less there is to round the better: H is taken from the middle of the points, and G.middle, which is the query's
alone, added to what does not change the order.

That filters: who is nearest is decided in float64 as ever. So many more points are looked at closely as lie within the
bound of the k-th nearest, which is worth it where points have many coordinates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, constant, make, number, walk
from anear.formula.plan import Entries, Plan, entry_leaves
from anear.formula.rounding import norm
from anear.formula.shapes import lengths

__all__ = ["halved_plan"]

_FEWEST: Final = 8  # coordinates; among fewer too many points are about as near as the nearest
_MOST: Final = 1 << 16
_ROOM: Final = 1.02  # for roundings of norms, and terms of second order
_TINY: Final = 2.0**-50
_ON_THE_WAY: Final = 2.0**-22  # what becoming float32 first may add to a loss, relatively to the number
_CUT: Final = number(2.0**45 + 1)  # Dekker's: a product with it holds the upper 8 of 53 bits


def halved_plan(
    plan: Plan, dimension: int, rounding: float, mean: Callable[[Expr], npt.NDArray[np.float64]]
) -> Plan | None:
    """A bilinear plan in bfloat16; None where it has vectors that are short, or other operations on vectors.

    Parameters
    ----------
    plan : the plan in float32.
    dimension : of the points.
    rounding : the factor of its bound, ``u * (a + b*D)``.
    mean : of a vector of the points, over some of them.
    """
    pairs = _products(plan)
    if rounding <= 0 or not pairs:
        return None
    leaves = entry_leaves(plan)
    sizes = [lengths(leaves[leaf], dimension)[leaves[leaf]] or 0 for pair in pairs for leaf in pair]
    if any(not _FEWEST <= size <= _MOST for size in sizes):
        return None
    plan = _moved(plan, [(leaves[g], h, leaves[h], mean(leaves[h])) for g, h in pairs])
    leaves = entry_leaves(plan)
    vectors = [[leaves[pair[side]] for pair in pairs] for side in (0, 1)]
    (g, h), (g_lost, h_lost) = ([norm(side, _TINY) for side in vectors], [_lost(side) for side in vectors])
    entries = Entries(plan)
    scale = number(_ROOM / rounding)
    slots = [entries.index("query", make("mul", scale, part)) for part in (g, g_lost)]
    return replace(
        plan,
        query=entries.of("query"),
        slack=(*plan.slack, *slots),
        maxima=(*plan.maxima, *entries.made_of_points([h_lost, make("add", h, h_lost)])),
        halved=True,
    )


def _products(plan: Plan) -> list[tuple[Expr, Expr]]:
    """The query's and the point's leaf of each product; none where vectors stand elsewhere, or in two products."""
    found: list[tuple[Expr, Expr]] = []
    for node in walk(plan.pair) if plan.bilinear else ():
        if node.op == "mul" and node.is_vector:
            g, h = sorted(node.args, key=lambda leaf: leaf.op != "prepared" or leaf.value[0] == "point")
            if g.op != "prepared" or h.op != "prepared" or g.value[0] == h.value[0]:
                return []
            found.append((g, h))
    leaves = {leaf for pair in found for leaf in pair}
    vectors = [entry for entry in (*plan.query, *plan.point) if entry.is_vector]
    return found if len(leaves) == 2 * len(found) == len(vectors) else []


def _moved(plan: Plan, products: list[tuple[Expr, Expr, Expr, npt.NDArray[np.float64]]]) -> Plan:
    """``plan`` with vectors of the points (leaf, entry) taken from their middle, where that is a finite number."""
    points, entries = list(plan.point), Entries(plan)
    added = [] if plan.offset is None else [plan.query[plan.offset]]
    for g, leaf, h, middle in products:
        if np.isfinite(middle).all() and np.any(middle):
            c = constant(middle, "middle")
            points[leaf.value[1]] = make("sub", h, c)
            added.append(make("sum", make("mul", g, c)))
    if not added:
        return plan
    total = added[0]
    for part in added[1:]:
        total = make("add", total, part)
    offset = entries.index("query", total)
    return replace(plan, point=tuple(points), query=entries.of("query"), offset=offset)


def _lost(vectors: list[Expr]) -> Expr:
    """The norm of what rounding to bfloat16 takes away."""
    lost = []
    for vector in vectors:
        wide = make("mul", vector, _CUT)
        lost.append(make("sub", vector, make("sub", wide, make("sub", wide, vector))))
    return make("add", norm(lost, _TINY), make("mul", number(_ON_THE_WAY), norm(vectors)))

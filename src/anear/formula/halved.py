"""Inner products of bfloat16: half the bytes, twice the products an instruction, and a bound that allows for it.

With G and H the numbers of all vectors of a query and a point, and G', H' the same rounded to bfloat16,

    |G.H - G'.H'|  <=  |G|_2 * |H - H'|_2  +  |G - G'|_2 * |H'|_2

by Cauchy-Schwarz. What rounding loses is computed for each query and each point: less than half of what 8 bits may
lose. The numbers are computed in float64 and become float32 on the way, for which there is room. What is added, the
products' own roundings and the scalars are those of float32, which the plan's bound covers.

The instruction takes numbers below 2**-126 for 0, and what it returns too. A factor's loss is below
2**-126 * sqrt(D) * |G|_2, a result's below 2**-126: adding 2**-50 to all norms covers 2 * D of them.

The less there is to round the better, so both are taken from where they are in the mean, g and h:

    G.H  =  (G - g).(H - h)  +  g.(H - h)  +  G.h

where g.(H - h) is a number of the point, and G.h one of the query, which does not change the order. Of the float32
parts, whose bound the plan has for G and H, the new ones are bounded by themselves.

Where no number is negative each product is off by a part of itself, and so is their sum, which is what the formula's
value is without the scalars B that are added:

    |G.H - G'.H'|  <=  2**-7 * G.H  <=  2**-7 * (|value| + |B|)

That serves where few large numbers make the norms, as in 1/x of a histogram, of which the nearest points have little.

That filters: who is nearest is decided in float64 as ever. So many more points are looked at closely as lie within the
bound of the k-th nearest, which is worth it where points have many coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, constant, make, number, prepared, walk
from anear.formula.plan import Entries, Plan, entry_leaves
from anear.formula.rounding import ONE, if_negative, magnitude, norm
from anear.formula.shapes import lengths

__all__ = ["Middle", "halved_plans"]

Middle = tuple[npt.NDArray[np.float64], float]
"""The mean of a vector, and of the square of its norm."""

_Pair = tuple[Expr, Expr]  # the query's and the point's

_FEWEST: Final = 8  # coordinates; among fewer too many points are about as near as the nearest
_MOST: Final = 1 << 16
_ROOM: Final = 1.02  # for roundings of norms, and terms of second order
_TINY: Final = 2.0**-50
_ON_THE_WAY: Final = 2.0**-22  # what becoming float32 first may add to a loss, relatively to the number
_OF_ITSELF: Final = 2.0**-7 * _ROOM  # what a product may lose: 8 bits are off by half of the last
_ALONE: Final = 2.0**-43  # as _TINY, for norms that are multiplied with a part of ``rounding`` and nothing else
_LARGE: Final = number(2.0**127)  # what is larger may not round to what is nearest, for that may be infinite
_PART: Final = 0.05  # of the square of a vector that its mean must be, for it to be moved
_CUT: Final = number(2.0**45 + 1)  # Dekker's: a product with it holds the upper 8 of 53 bits


def halved_plans(plan: Plan, dimension: int, rounding: float, mean: Callable[[Expr], Middle]) -> Iterator[Plan]:
    """A bilinear plan in bfloat16, with one bound and another; none of short vectors, or with other operations on them.

    Parameters
    ----------
    plan : the plan in float32.
    dimension : of the points.
    rounding : the factor of its bound, ``u * (a + b*D)``.
    mean : of a vector of the points, or the queries: over some of them, and the mean of its square.
    """
    pairs = _products(plan)
    if rounding <= 0 or not pairs:
        return
    leaves = entry_leaves(plan)
    sizes = [lengths(leaves[leaf], dimension)[leaves[leaf]] or 0 for pair in pairs for leaf in pair]
    if any(not _FEWEST <= size <= _MOST for size in sizes):
        return
    yield _by_norms(plan, pairs, rounding, mean)
    rest = _scalars(plan)
    if rest is not None:
        yield _by_sign(plan, pairs, rounding, rest)


def _by_norms(plan: Plan, pairs: list[_Pair], rounding: float, mean: Callable[[Expr], Middle]) -> Plan:
    """With the bound that takes vectors of any sign, moved to their middles."""
    plan, moved = _moved(plan, pairs, mean)
    leaves = entry_leaves(plan)
    vectors = [[leaves[pair[side]] for pair in pairs] for side in (0, 1)]
    g, h = (norm(side, _TINY) for side in vectors)
    g_lost, h_lost = (_lost(side, rounding) for side in vectors)
    scale = number(_ROOM / rounding)
    products = [(make("mul", scale, g), h_lost), (make("mul", scale, g_lost), make("add", h, h_lost))]
    if moved:
        products.append((number(moved), h))
    return _with(plan, products)


def _by_sign(plan: Plan, pairs: list[_Pair], rounding: float, rest: list[_Pair]) -> Plan:
    """With the bound that holds where no number is negative: infinite elsewhere."""
    leaves = entry_leaves(plan)
    vectors = [[leaves[pair[side]] for pair in pairs] for side in (0, 1)]
    part = _OF_ITSELF / rounding
    g, h = (norm(side, _ALONE) for side in vectors)
    products = [(make("mul", number(2.0**-6), g), h)]  # what rounding up adds to the float32 part
    products += [(make("mul", number(part), magnitude(q)), magnitude(p)) for q, p in rest]
    infinite = number(math.inf)
    products += [(_unless_proved(vector, infinite), ONE) for vector in vectors[0]]
    products += [(ONE, _unless_proved(vector, infinite)) for vector in vectors[1]]
    return replace(_with(plan, products), relative_to_rank=part)


def _unless_proved(vector: Expr, bound: Expr) -> Expr:
    large = make("lt", _LARGE, make("max", vector))
    return make("where", large, bound, if_negative(vector, bound))


def _with(plan: Plan, products: list[_Pair]) -> Plan:
    """The plan in bfloat16, with ``products`` of a query's number and the maximum of a point's in its bound."""
    entries = Entries(plan)
    slots = [entries.index("query", q) for q, _ in products]
    return replace(
        plan,
        query=entries.of("query"),
        slack=(*plan.slack, *slots),
        maxima=(*plan.maxima, *entries.made_of_points(p for _, p in products)),
        halved=True,
    )


def _products(plan: Plan) -> list[_Pair]:
    """The query's and the point's leaf of each product; none where vectors stand elsewhere, or in two products."""
    found: list[_Pair] = []
    for node in walk(plan.pair) if plan.bilinear else ():
        if node.op == "mul" and node.is_vector:
            g, h = sorted(node.args, key=lambda leaf: leaf.op != "prepared" or leaf.value[0] == "point")
            if g.op != "prepared" or h.op != "prepared" or g.value[0] == h.value[0]:
                return []
            found.append((g, h))
    leaves = {leaf for pair in found for leaf in pair}
    vectors = [entry for entry in (*plan.query, *plan.point) if entry.is_vector]
    return found if len(leaves) == 2 * len(found) == len(vectors) else []


def _scalars(plan: Plan) -> list[_Pair] | None:
    """What is added to the products of vectors, as products too; None where there is something else."""
    leaves = entry_leaves(plan)
    found: list[_Pair] = []
    terms = [plan.pair]
    while terms:
        term = terms.pop()
        if term.op in ("add", "sum"):
            terms += term.args
        elif not (term.op == "mul" and term.is_vector):  # which is one of the products of vectors
            factors = term.args if term.op == "mul" else (term,)
            if any(leaf.op != "prepared" or leaf.is_vector for leaf in factors):
                return None
            sides = {leaf.value[0]: leaves[leaf] for leaf in factors}
            if len(sides) < len(factors):
                return None
            found.append((sides.get("query", ONE), sides.get("point", ONE)))
    return found


def _moved(plan: Plan, pairs: list[_Pair], mean: Callable[[Expr], Middle]) -> tuple[Plan, float]:
    """``plan`` with its vectors taken from their middles, and the norm of those of the query."""
    leaves = entry_leaves(plan)
    of_query: list[Expr] = [] if plan.offset is None else [plan.query[plan.offset]]
    of_point: list[Expr] = []
    query, point, size = list(plan.query), list(plan.point), 0.0
    for first, second in pairs:
        g, h = leaves[first], leaves[second]
        middle = _worth(*mean(h))
        if middle is not None:
            of_query.append(make("sum", make("mul", g, middle)))
            h = point[second.value[1]] = make("sub", h, middle)
        middle = _worth(*mean(g))
        if middle is not None:
            of_point.append(make("sum", make("mul", middle, h)))
            query[first.value[1]] = make("sub", g, middle)
            size += float(np.sum(middle.value.values**2))
    pair, one = plan.pair, _added(plan.pair)
    if of_point and one is not None:
        point[one.value[1]] = make("add", point[one.value[1]], _total(of_point))
    elif of_point:
        pair = make("add", prepared("point", len(point), False), pair)
        point.append(_total(of_point))
    entries = Entries(replace(plan, query=tuple(query), point=tuple(point)))
    offset = entries.index("query", _total(of_query)) if of_query else None
    moved = replace(plan, query=entries.of("query"), point=entries.of("point"), pair=pair, offset=offset)
    return moved, float(np.sqrt(size))


def _added(pair: Expr) -> Expr | None:
    """The point's number that is added to the inner product and stands nowhere else."""
    one = pair.args[0] if pair.op == "add" else pair
    uses = sum(node.args.count(one) for node in walk(pair))
    return one if one.op == "prepared" and one.value[0] == "point" and not one.is_vector and uses == 1 else None


def _worth(middle: npt.NDArray[np.float64], square: float) -> Expr | None:
    """The middle as a captured vector, where it is a good part of what there is."""
    if not (np.isfinite(middle).all() and np.isfinite(square) and np.sum(middle**2) > _PART * square):
        return None
    return constant(middle, "middle")


def _total(parts: list[Expr]) -> Expr:
    total = parts[0]
    for part in parts[1:]:
        total = make("add", total, part)
    return total


def _lost(vectors: list[Expr], rounding: float) -> Expr:
    """The norm of what rounding to bfloat16 takes away, and what ``rounding`` takes of the products of the rest."""
    lost = []
    for vector in vectors:
        wide = make("mul", vector, _CUT)
        off = make("sub", vector, make("sub", wide, make("sub", wide, vector)))
        lost.append(make("where", make("lt", _LARGE, make("abs", vector)), number(math.inf), off))
    return make("add", norm(lost, _TINY), make("mul", number(_ON_THE_WAY + rounding), norm(vectors)))

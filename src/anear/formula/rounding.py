"""How far a computed rank can be from the true one: the proof behind exact answers from float32 arithmetic.

Model: u is the unit roundoff (2**-24 or 2**-53); + - * / sqrt and fused multiply-adds are rounded correctly (relative
error <= u); log, exp, pow and the like are off by at most 4 ulp (<= 8u). A prepared entry that is raw data is exact (a
query must be a number of the arithmetic type); any other is computed in float64 and rounded, taken as relative error
<= 4u, which in float64 arithmetic leaves room for the errors of its own few operations. Terms of second order are
covered by the factor 1.01 while (a + b*D) * u < 0.01. Underflow is covered for bilinear plans; the other bounds hold
while no intermediate value but 0 is below the smallest normal number. Overflow is not covered: an infinite maximum
bounds nothing.

Bilinear plans. ``sum_s g_s*h_s + B`` has n products and one addition. Each product carries its factors' errors
(4u + 4u), its own rounding if it is not fused (u), and the roundings of the additions it passes through: at most n,
whatever their order. B carries 4u and at most n. With Cauchy-Schwarz over all products together, of vectors and
of scalars,

    |computed - true|  <=  u * (n + 9) * (|G|_2 * |H|_2 + |B|).

B's maximum is taken of the sum of its terms' magnitudes, which bounds what its own cancellation leaves. Adding 2**-63
to both norms covers underflow: an underflowing operation is off by at most 2**-150 = u * 2**-126 = u * 2**-63 * 2**-63.

Relative bounds. If every term is not negative and has a small relative error, so has their sum: n terms add at most
n - 1 roundings. A difference of exact numbers is exact up to one rounding, however close they are, so L1, L2, Lp,
Canberra and maxima of them have relative bounds. Chi-square has one where no coordinate is negative: a slack that is
inf elsewhere says so; cosine too, whose slack is its majorant elsewhere. :mod:`~anear.formula.relative` goes through
the operations.

Majorants. What cancels is bounded by |pair| <= sum_j Q_j(x) * P_j(y): :mod:`~anear.formula.majorant` keeps, for each
node, such a sum M and a k with |value| <= M and |error| <= k*u*M. Two rules are not obvious:

*   ``s*log(s)`` with s = p + q, p and q not negative. From p, q <= s, and because t*log(t) is convex,
    p*log(p) + q*log(q)  <=  s*log(s)  <=  p*log(2p) + q*log(2q), hence |s*log(s)| <= S(p) + S(q) with
    S(t) = |t*log(t)| + t*log(2). An error of j*u in s moves s*log(s) by j*u*s*(1 + |log(s)|), so s itself joins:
    S(t) = |t*log(t)| + (1 + log(2))*t, and k = j + 9. Where p or q is negative S is inf, and nothing is claimed. The
    same S serves ``p*log(s)``: |p*log(s)| <= |s*log(s)| if s >= 1, else <= |p*log(p)|.
*   sums over coordinates: Cauchy-Schwarz where both Q and P are vectors.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from anear.formula.expression import Expr, make, number, walk, x, y
from anear.formula.majorant import Corners, Majorant, Product, majorant
from anear.formula.plan import Entries, Plan
from anear.formula.ranges import range_of
from anear.formula.relative import STORED, Count, RelativeError, length_of
from anear.formula.simplify import simplify

__all__ = ["magnitude", "with_bilinear_bound", "with_bound"]

SECOND_ORDER: Final = 1.01
TINY: Final = 2.0**-63
ONE: Final = number(1.0)


def with_bound(plan: Plan, corners: Corners | None = None) -> Plan:
    """``plan`` with the best bound that can be proved for it, if any; ``corners`` where its points are boxes."""
    count = RelativeError(plan).of(plan.pair)
    if count is not None:
        return replace(plan, relative=_total(count), relative_to_rank=True)
    low = (y,) if corners is None else tuple(corners)
    high = () if corners is None else tuple(corners.values())
    nonnegative = (x, *low, *high)  # what is above a number that is not negative is not either
    count = RelativeError(plan, nonnegative).of(plan.pair)
    found = majorant(plan, corners)
    if count is not None:
        guards, count = (_guards(low), count) if found is None else _instead(found, low, count)
        return replace(_bounded(plan, guards, count), relative_to_rank=True)
    if found is not None:
        return _bounded(plan, found.products, found.count)
    found = None if corners is None else majorant(plan, corners, nonnegative)
    return plan if found is None else _bounded(plan, (*_guards(low), *found.products), found.count)


def _guards(low: tuple[Expr, ...]) -> tuple[Product, ...]:
    """Infinite where a coordinate is negative: then nothing is claimed."""
    bound = number(math.inf)
    return ((_if_negative(x, bound), ONE), *((ONE, _if_negative(v, bound)) for v in low))


def _instead(found: Majorant, low: tuple[Expr, ...], count: Count) -> tuple[tuple[Product, ...], Count]:
    """What holds where a coordinate is negative, and 0 elsewhere, with the count that covers either."""
    products = []
    for q, p in found.products:
        products += [(_if_negative(x, q), p), *((q, _if_negative(v, p)) for v in low)]
    return tuple(products), (max(count[0], found.count[0]), max(count[1], found.count[1]))


def _if_negative(vector: Expr, bound: Expr) -> Expr:
    negative = make("lt", make("min", vector) if vector.is_vector else vector, number(0.0))
    return make("where", negative, bound, number(0.0))


def with_bilinear_bound(plan: Plan, products: list[tuple[Expr, Expr]], bias: Expr | None) -> Plan:
    """``plan`` with the bound of a bilinear form.

    Parameters
    ----------
    plan : the plan.
    products : each ``G_s`` with its ``H_s``.
    bias : B, or None.
    """
    fixed, per_dimension = float(bias is not None), 0.0
    for _, h in products:
        length = length_of(h)
        fixed, per_dimension = fixed + length[0], per_dimension + length[1]
    bounds = [(_norm([g for g, _ in products]), _norm([h for _, h in products]))]
    if bias is not None:
        bounds.append((ONE, magnitude(bias)))
    return _bounded(plan, tuple(bounds), (fixed + 2.0 * STORED + 1.0, per_dimension))


def _total(count: Count) -> Count:
    return SECOND_ORDER * count[0], SECOND_ORDER * count[1]


def _bounded(plan: Plan, products: tuple[Product, ...], count: Count) -> Plan:
    """The plan with the bound ``count * u * sum(Q*P)``."""
    entries = Entries(plan)
    joined: dict[Expr, Expr] = {}  # products with an equal factor are one
    alone = [q for q, p in products if p is ONE]
    pairs = [(q, p) for q, p in products if p is not ONE]
    if alone:
        pairs.append((_sum_of(alone), ONE))
    for q, p in pairs:
        q = simplify(q)
        joined[q] = make("add", joined[q], p) if q in joined else p
    slack = tuple(entries.index("query", q) for q in joined)
    maxima = entries.made_of_points(simplify(p) for p in joined.values())
    return replace(plan, query=entries.of("query"), maxima=maxima, slack=slack, relative=_total(count))


def _sum_of(parts: list[Expr]) -> Expr:
    total = parts[0]
    for part in parts[1:]:
        total = make("add", total, part)
    return total


def _norm(parts: list[Expr]) -> Expr:
    """The 2-norm over all coordinates of all vectors, and all scalars, with the room for underflow."""
    squares = [make("mul", part, part) for part in parts]
    return make("add", make("sqrt", _sum_of([make("sum", s) if s.is_vector else s for s in squares])), number(TINY))


def magnitude(expr: Expr) -> Expr:
    """An upper bound of |expr| in which nothing cancels."""
    done: dict[Expr, Expr] = {}
    for node in walk(expr):
        if node.op in ("add", "sub", "mul"):
            done[node] = make("add" if node.op == "sub" else node.op, *(done[a] for a in node.args))
        elif node.op == "neg":
            done[node] = done[node.args[0]]
        elif node.op == "sum":
            done[node] = make("sum", done[node.args[0]])
        elif node.op == "div":
            done[node] = make("div", done[node.args[0]], _size(node.args[1]))
        else:
            done[node] = node if node.is_matrix else _size(node)
    return done[expr]


def _size(expr: Expr) -> Expr:
    return expr if range_of(expr, rounded=True)[0] >= 0.0 else make("abs", expr)

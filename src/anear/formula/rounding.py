"""How far a computed rank can be from the one that decides: the proof behind exact answers.

Model: u is the unit roundoff (2**-24 or 2**-53); + - * / sqrt and fused multiply-adds are rounded correctly (relative
error <= u); log, exp, pow and the like are off by at most 4 ulp (<= 8u). A prepared entry that is raw data is exact (a
query must be a number of the arithmetic type); any other is computed in float64. In float32 arithmetic it is rounded
once more, taken as relative error <= 4u. In float64 its own operations are counted (``entry_error``): where they cancel
(``A @ y`` with a singular A, ``y - mean(y)``), its error is so many u of what it would be if they did not. Terms of
second order are covered by the factor 1.01 while (a + b*D) * u < 0.01. Underflow is covered for bilinear plans; the
other bounds hold while no intermediate value but 0 is below the smallest normal number. Overflow is not covered: an
infinite maximum bounds nothing.

What decides is the rank as it is written, itself computed in float64 and off by what a proof of its own says, which is
part of every bound: so searches of whatever kind agree to the last id. Where no such proof is found, the rank as it is
written is taken to be off by as much as its plan, which has the same terms. In float32 arithmetic the errors of float64
are drowned unless something cancels by more than 29 bits: products that the bound lacks are added to it, scaled down.

Where nothing is proved, a rank is computed in float64 and its error beside it: see ``hoist.careful_plan``.

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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from anear.formula.expression import Expr, make, number, walk, x, y
from anear.formula.graph import only_differences
from anear.formula.majorant import Corners, Majorant, Product, entry_error, majorant
from anear.formula.plan import Entries, Plan, exact_plan
from anear.formula.polynomial import dimension_of
from anear.formula.ranges import range_of
from anear.formula.relative import EXACT, STORED, Count, RelativeError, length_of
from anear.formula.simplify import simplify

__all__ = ["if_negative", "magnitude", "norm", "with_absolute_bound", "with_bilinear_bound", "with_bound"]

SECOND_ORDER: Final = 1.01
TINY: Final = 2.0**-63
ONE: Final = number(1.0)


@dataclass(frozen=True, slots=True)
class _Proof:
    """|computed - true| <= count * u * (sum(Q*P) + |true| if ``relative``)."""

    products: tuple[Product, ...]
    count: Count
    relative: bool = False


def with_bound(plan: Plan, rank: Expr | None = None, corners: Corners | None = None) -> Plan:
    """``plan`` with the best bound that can be proved for it, if any.

    Parameters
    ----------
    plan : the plan.
    rank : the formula that decides and is computed as it is written, in float64; None where nothing does.
    corners : where the plan's points are boxes.
    """
    return _with_proofs(plan, _proof(plan, corners, False), _proof(plan, corners, True), rank)


def _proof(plan: Plan, corners: Corners | None, double: bool, guarded: bool = True) -> _Proof | None:
    """What is proved of the pair in float32, or float64 (``double``); ``guarded``: or if no data are below 0."""
    count = RelativeError(plan, double=double).of(plan.pair)
    if count is not None:
        return _Proof((), count, relative=True)
    low = (y,) if corners is None else tuple(corners)
    high = () if corners is None else tuple(corners.values())
    nonnegative = (x, *low, *high)  # what is above a number that is not negative is not either
    count = RelativeError(plan, nonnegative, double).of(plan.pair) if guarded else None
    found = majorant(plan, corners, double=double)
    if count is not None:
        guards, count = (_guards(low), count) if found is None else _instead(found, low, count)
        return _Proof(guards, count, relative=True)
    if found is not None:
        return _Proof(found.products, found.count)
    found = None if corners is None else majorant(plan, corners, nonnegative, double)
    return None if found is None else _Proof((*_guards(low), *found.products), found.count)


def _guards(low: tuple[Expr, ...]) -> tuple[Product, ...]:
    """Infinite where a coordinate is negative: then nothing is claimed."""
    bound = number(math.inf)
    return ((if_negative(x, bound), ONE), *((ONE, if_negative(v, bound)) for v in low))


def _instead(found: Majorant, low: tuple[Expr, ...], count: Count) -> tuple[tuple[Product, ...], Count]:
    """What holds where a coordinate is negative, and 0 elsewhere, with the count that covers either."""
    products = []
    for q, p in found.products:
        products += [(if_negative(x, q), p), *((q, if_negative(v, p)) for v in low)]
    return tuple(products), (max(count[0], found.count[0]), max(count[1], found.count[1]))


def if_negative(vector: Expr, bound: Expr) -> Expr:
    negative = make("lt", make("min", vector) if vector.is_vector else vector, number(0.0))
    return make("where", negative, bound, number(0.0))


def with_bilinear_bound(plan: Plan, products: list[tuple[Expr, Expr]], bias: Expr | None, rank: Expr) -> Plan:
    """``plan`` with the bound of a bilinear form.

    Parameters
    ----------
    plan : the plan.
    products : each ``G_s`` with its ``H_s``.
    bias : B, or None.
    rank : the formula that decides, as it is written.
    """
    fixed, per_dimension = float(bias is not None), 0.0
    for _, h in products:
        length = length_of(h)
        fixed, per_dimension = fixed + length[0], per_dimension + length[1]
    bounds = [(norm([g for g, _ in products]), norm([h for _, h in products]))]
    if bias is not None:
        bounds.append((ONE, magnitude(bias)))
    single = _Proof(tuple(bounds), (fixed + 2.0 * STORED + 1.0, per_dimension))
    moved = only_differences(rank)
    factors = [(entry_error(g, moved=moved), entry_error(h, moved=moved)) for g, h in products]
    known = [(g, h) for g, h in factors if g is not None and h is not None]
    last = entry_error(bias, moved=moved) if bias is not None else (ONE, EXACT)
    if last is None or len(known) < len(factors):
        return _with_proofs(plan, single, None, rank)
    bounds = [(norm([g for (g, _), _ in known]), norm([h for _, (h, _) in known]))]
    if bias is not None:
        bounds.append((ONE, last[0]))
    of_products = [_sum(g, h, (1.0, 0.0)) for (_, g), (_, h) in known]
    largest = max(a for a, _ in (*of_products, last[1])), max(b for _, b in (*of_products, last[1]))
    double = _Proof(tuple(bounds), _sum((fixed, per_dimension), largest))
    return _with_proofs(plan, single, double, rank)


def with_absolute_bound(plan: Plan, a: Expr, b: Expr, rank: Expr) -> Plan:
    """``plan``, which computes ``sum(abs(a - b))`` as :mod:`~anear.formula.absolute` says, with its bound.

    ``a`` and ``b`` carry one rounding each, max adds none and doubling none. The n fused additions start at
    ``B = -sum(b)``, itself rounded once, and each adds a rounding of a partial sum, which is at most
    ``T = 2 sum|a| + 2 sum|b| + |B|``. In units of u that is ``n T + 2 (sum|a| + sum|b|) + |B|``, at most
    ``(3 n + 3) (sum|a| + sum|b|)``; five more such units cover the second order and the bound's own rounding.

    In float64 ``a`` and ``b`` are off by k units of what bounds them, and B by k + n: at most
    ``(4 n + 3 k) (sum|a| + sum|b|)``, and the same five.
    """
    n = length_of(a)
    single = _Proof(_sizes(a, b), (8.0 + 3.0 * n[0], 3.0 * n[1]))
    moved = only_differences(rank)
    errors = entry_error(a, moved=moved), entry_error(b, moved=moved)
    if errors[0] is None or errors[1] is None:
        return _with_proofs(plan, single, None, rank)
    k = max(e[1][0] for e in errors if e), max(e[1][1] for e in errors if e)
    count = 5.0 + 4.0 * n[0] + 3.0 * k[0], 4.0 * n[1] + 3.0 * k[1]
    return _with_proofs(plan, single, _Proof(_sizes(errors[0][0], errors[1][0]), count), rank)


def _sizes(a: Expr, b: Expr) -> tuple[Product, ...]:
    return (make("sum", _size(a)), ONE), (ONE, make("sum", _size(b)))


def _sum(*counts: Count) -> Count:
    return sum(a for a, _ in counts), sum(b for _, b in counts)


def _total(count: Count) -> Count:
    return SECOND_ORDER * count[0], SECOND_ORDER * count[1]


def _with_proofs(plan: Plan, single: _Proof | None, double: _Proof | None, rank: Expr | None) -> Plan:
    """``plan`` with the bounds of both arithmetics, from what is proved of its pair."""
    double = None if double is None else _against_rank(plan, double, rank)
    result = plan
    if single is not None:
        if double is not None:
            single = replace(single, products=single.products + _what_single_omits(plan, single, double))
        result = _bounded(plan, single)
    if double is None:
        return result
    return replace(result, in_float64=_bounded(plan, double))


def _against_rank(plan: Plan, pair: _Proof, rank: Expr | None) -> _Proof | None:
    """How far the plan's value may be from what float64 makes of the rank as it is written.

    Where nothing is proved of that, it is taken to be off by as much as the plan, whose terms are the same.
    """
    whole = pair
    if rank is not None:
        void = any(node.op == "number" and math.isinf(node.value) for q, p in pair.products for node in _nodes(q, p))
        written = _proof(exact_plan(rank), None, True, void) or pair
        whole = replace(pair, products=_united(pair, written), count=_sum(pair.count, written.count))
    if plan.offset is None:
        return whole
    offset = entry_error(plan.query[plan.offset], moved=rank is not None and only_differences(rank))
    if offset is None:
        return None
    alone = _Proof(((offset[0], ONE),), offset[1])
    return replace(whole, products=_united(whole, alone), count=_sum(whole.count, alone.count))


def _nodes(*parts: Expr) -> Iterator[Expr]:
    return chain.from_iterable(walk(part) for part in parts)


def _united(first: _Proof, second: _Proof) -> tuple[Product, ...]:
    """The products of both proofs, equal ones once."""
    known = {_plain(product) for product in first.products}
    return *first.products, *(product for product in second.products if _plain(product) not in known)


def _plain(product: Product) -> Product:
    """A product to be compared with others: simplified, and without the room for underflow."""
    q, p = (simplify(e.args[0] if e.op == "add" and e.args[1] is number(TINY) else e) for e in product)
    return q, p


def _what_single_omits(plan: Plan, single: _Proof, double: _Proof) -> tuple[Product, ...]:
    """The errors of float64 that float32 does not drown: those of other products than its own, in units of its bound.

    What is added after the pair has no part in these where it does not cancel: the core allows for it.
    """
    offset = () if plan.offset is None else ((_size(plan.query[plan.offset]), ONE),)
    own = replace(single, products=(*single.products, *offset))
    left = _united(own, double)[len(own.products) :]
    scale = 2.0**-29 / max(single.count[0], 1.0)
    factor = number(scale * double.count[0])
    if double.count[1]:
        factor = make("add", factor, make("mul", number(scale * double.count[1]), dimension_of(x)))
    return tuple((make("mul", factor, q), p) for q, p in left)


def _bounded(plan: Plan, proof: _Proof) -> Plan:
    """The plan with the bound of a proof, and the entries that it needs."""
    if not proof.products:
        return replace(plan, maxima=(), slack=(), relative=_total(proof.count), relative_to_rank=float(proof.relative))
    entries = Entries(plan)
    joined: dict[Expr, Expr] = {}  # products with an equal factor are one
    alone = [q for q, p in proof.products if p is ONE]
    pairs = [(q, p) for q, p in proof.products if p is not ONE]
    if alone:
        pairs.append((_sum_of(alone), ONE))
    for q, p in pairs:
        q = simplify(q)
        joined[q] = make("add", joined[q], p) if q in joined else p
    slack = tuple(entries.index("query", q) for q in joined)
    maxima = entries.made_of_points(simplify(p) for p in joined.values())
    return replace(
        plan,
        query=entries.of("query"),
        maxima=maxima,
        slack=slack,
        relative=_total(proof.count),
        relative_to_rank=float(proof.relative),
    )


def _sum_of(parts: list[Expr]) -> Expr:
    total = parts[0]
    for part in parts[1:]:
        total = make("add", total, part)
    return total


def norm(parts: list[Expr], tiny: float = TINY) -> Expr:
    """The 2-norm over all coordinates of all vectors, and all scalars, with the room for underflow."""
    squares = [make("mul", part, part) for part in parts]
    return make("add", make("sqrt", _sum_of([make("sum", s) if s.is_vector else s for s in squares])), number(tiny))


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

"""The bilinear form: a rank as one inner product of prepared vectors, plus a number a point and a number a query.

    rank  =  sum_s G_s(x) * H_s(y)  +  B(y)  +  c(x)

    sum((x - y)**2)        G = -2x            H = y             B = sum(y*y)          c = sum(x*x)
    sum(y*log(y/x))        G = -log(x)        H = y             B = sum(y*log(y))     c = 0

Every Bregman divergence has it, cosine, Mahalanobis, Hellinger, hyperbolic distances, ... It is found by multiplying
the rank out and sorting each term's factors by side. The form cancels where the rank is small beside its terms, so it
serves as a filter whose error is bounded (:mod:`anear.formula.rounding`), not as the distance itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from anear.formula.algebra import Expander
from anear.formula.expression import Expr, make
from anear.formula.graph import BOTH, POINT
from anear.formula.hoist import Entries, Plan, cost, describe, rank_plan
from anear.formula.polynomial import (
    Polynomial,
    add_to,
    order,
    scaled,
    shape_of,
    sorted_terms,
    total,
    written,
    written_term,
)
from anear.formula.ranges import Factors, factors
from anear.formula.rounding import with_bilinear_bound
from anear.formula.show import brief
from anear.formula.simplify import simplify
from anear.formula.stages import trace

__all__ = ["MOST_SCALARS", "MOST_VECTORS", "bilinear_plan"]

MOST_VECTORS = 4
"""Products a coordinate beyond which the form is not worth having."""

MOST_SCALARS = 8
"""The same for products of scalars, of which there is one a pair."""


@dataclass(slots=True)
class _Family:
    """``G(x) * H(y)``, summed over coordinates where they are vectors."""

    query: Polynomial
    point: Polynomial
    vector: bool


def bilinear_plan(rank: Expr) -> Plan | None:
    """The bilinear form of a rank; None where there is none, or where it would save nothing.

    The prepared point vectors are the raw coordinates where possible (numbers go to the query's side).

    Examples
    --------
    >>> from anear.formula import sum, x, y
    >>> plan = bilinear_plan(sum((x - y) ** 2))
    >>> plan.query[0], plan.point, plan.query[plan.offset]
    (-2 * x, (y, sum(y * y)), sum(x * x))
    >>> bilinear_plan(sum(abs(x - y))) is None
    True
    """
    expand = Expander(bilinear=True)
    terms = sorted_terms(expand(simplify(rank)))
    trace(4, "terms", lambda: "\n".join(brief(written_term(term)) for term in terms))
    query: Polynomial = {}
    point: Polynomial = {}
    families: dict[object, _Family] = {}
    for term in terms:
        side = expand.side_of(term.powers)
        if side != BOTH:
            add_to(point if side == POINT else query, term)
            continue
        found = _sides_of(term, expand)
        if found is None:
            trace(2, "bilinear", lambda: "none: a term needs both sides at once")
            return None
        g, h, vector = found
        family = families.setdefault((vector, h.key()), _Family({}, {h.key(): h}, vector))
        add_to(family.query, g)
    merged = _merged(list(families.values()))
    vectors = [f for f in merged if f.vector]
    scalars = [f for f in merged if not f.vector]
    if not merged or len(vectors) > MOST_VECTORS or len(scalars) > MOST_SCALARS:
        return None
    plan = _plan(vectors, scalars, query, point, rank)
    if cost(plan.pair) > cost(rank_plan(rank).pair):
        trace(2, "bilinear", lambda: "costs more than the direct form")
        return None
    trace(2, "bilinear", lambda: describe(plan))
    return plan


def _sides_of(term: Factors, expand: Expander) -> tuple[Factors, Factors, bool] | None:
    """(the query's factors, the point's, whether they are vectors) of a term; None if it does not separate."""
    query, point = Factors(term.number, {}), Factors(1.0, {})
    vector = False
    for atom, exponent in term.powers.items():
        side = expand.sides(atom)
        if side != BOTH:
            part = Factors(1.0, {atom: exponent})
            query, point = (query, point.times(part)) if side == POINT else (query.times(part), point)
            continue
        inside = _inside(atom, exponent, expand)
        if inside is None:
            return None
        g, h = inside
        query, point, vector = query.times(g), point.times(h), True
    return query, point, vector


def _inside(atom: Expr, exponent: float, expand: Expander) -> tuple[Factors, Factors] | None:
    """The two sides of the terms of a sum over coordinates."""
    if atom.op != "sum" or exponent != 1.0:
        return None
    terms = list(expand(atom.args[0]).values())
    if len(terms) != 1:
        return None
    query, point = Factors(terms[0].number, {}), Factors(1.0, {})
    for factor, power in terms[0].powers.items():
        side = expand.sides(factor)
        if side == BOTH:
            return None
        part = Factors(1.0, {_logarithm(factor): power})
        query, point = (query, point.times(part)) if side == POINT else (query.times(part), point)
    return _transposed(query, point)


def _logarithm(factor: Expr) -> Expr:
    """``xlogy(1, b)`` as ``log(b)``: 0 * log(0) is NaN then, which sends the pair to the formula itself."""
    return make("log", factor.args[1]) if factor.op == "xlogy" and factor.args[0].op == "number" else factor


def _transposed(query: Factors, point: Factors) -> tuple[Factors, Factors]:
    """``g . (A h)`` as ``(A' g) . h`` where that leaves the point's side as it is stored, and no longer."""
    if len(point.powers) != 1:
        return query, point
    ((atom, exponent),) = point.powers.items()
    if atom.op != "matvec" or exponent != 1.0:
        return query, point
    matrix, vector = atom.args
    rows, columns = matrix.value.shape
    if rows < columns:
        return query, point
    g = make("matvec", matrix.T, written({query.key(): query}))
    return Factors(1.0, {g: 1.0}), factors(vector)


def _merged(families: list[_Family]) -> list[_Family]:
    """Families with the same query side, up to a number, joined into one."""
    groups: dict[object, list[tuple[float, _Family]]] = {}
    for family in families:
        if family.query:
            scale = sorted_terms(family.query)[0].number
            key = order(written(scaled(family.query, 1.0 / scale)))
            groups.setdefault((family.vector, key), []).append((scale, family))
    result = []
    for group in groups.values():
        first, family = group[0]
        point = total(*(scaled(other.point, scale / first) for scale, other in group))
        result.append(_Family(family.query, point, family.vector))
    return result


def _plan(vectors: list[_Family], scalars: list[_Family], query: Polynomial, point: Polynomial, rank: Expr) -> Plan:
    """The plan of ``sum of families + point``, with ``query`` as its offset."""
    entries = Entries()
    products: dict[Expr, Expr] = {}
    for family in vectors:
        h = written(family.point)
        product = make("mul", entries("query", written(family.query)), entries("point", h))
        shape = shape_of(h)
        products[shape] = make("add", products[shape], product) if shape in products else product
    pair: Expr | None = entries("point", written(point)) if point else None
    for family in scalars:
        product = make("mul", entries("query", written(family.query)), entries("point", written(family.point)))
        pair = product if pair is None else make("add", pair, product)
    for product in products.values():
        summed = make("sum", product)
        pair = summed if pair is None else make("add", pair, summed)
    assert pair is not None  # there is at least one family
    offset = entries.index("query", written(query)) if query else None
    plan = Plan(entries.of("query"), entries.of("point"), pair, offset=offset, bilinear=True)
    sides = [(written(family.query), written(family.point)) for family in vectors + scalars]
    return with_bilinear_bound(plan, sides, written(point) if point else None, rank)

"""Bounding what cancels: a sum of products ``Q(x) * P(y)`` that no value of the pair exceeds.

See :mod:`anear.formula.rounding` for the proof of each rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from anear.formula.expression import Expr, make, number, walk
from anear.formula.plan import Plan
from anear.formula.polynomial import dimension_of
from anear.formula.ranges import range_of
from anear.formula.relative import EXACT, LIBRARY, Count, PairFacts, length_of

__all__ = ["Majorant", "Product", "majorant"]

Product = tuple[Expr, Expr]
"""(Q, P): an expression of the query and one of the point, both never negative."""

ONE: Final = number(1.0)
MOST: Final = 12
"""More products than this are not worth their memory."""


@dataclass(frozen=True, slots=True)
class Majorant:
    """|value| <= sum of the products, |error| <= count * u * sum of the products."""

    products: tuple[Product, ...]
    count: Count


def majorant(plan: Plan) -> Majorant | None:
    """The majorant of a plan's pair; None where the rules do not reach."""
    facts = PairFacts(plan)
    known: dict[Expr, Majorant | None] = {}
    for node in walk(plan.pair):
        found = _leaf(node, facts) if not node.args else _inner(node, [known.get(a) for a in node.args], facts)
        known[node] = found if found is not None and len(found.products) <= MOST else None
    return known[plan.pair]


def _leaf(node: Expr, facts: PairFacts) -> Majorant | None:
    if node.op == "number":
        return Majorant(((number(abs(node.value)), ONE),), (1.0, 0.0))
    if node.op != "prepared":
        return None
    size = _size(facts.meaning(node))
    return Majorant(((size, ONE) if node.value[0] == "query" else (ONE, size),), facts.stored_error(node))


def _inner(node: Expr, args: list[Majorant | None], facts: PairFacts) -> Majorant | None:
    special = _entropy(node, facts)
    if special is not None:
        return special
    if node.op == "where":
        return _masked(node, args, facts)
    rule = _RULES.get(node.op)
    known = [a for a in args if a is not None]
    return None if rule is None or len(known) < len(args) else rule(node, facts, *known)


def _size(expr: Expr) -> Expr:
    return expr if range_of(expr, rounded=True)[0] >= 0.0 else make("abs", expr)


def _times(p: Expr, q: Expr) -> Expr:
    return q if p is ONE else p if q is ONE else make("mul", p, q)


def _and(a: Count, b: Count, more: float = 0.0) -> Count:
    return max(a[0], b[0]) + more, max(a[1], b[1])


def _added(node: Expr, facts: PairFacts, a: Majorant, b: Majorant) -> Majorant:
    return Majorant(a.products + b.products, _and(a.count, b.count, 1.0))


def _multiplied(node: Expr, facts: PairFacts, a: Majorant, b: Majorant) -> Majorant:
    products = tuple((_times(p[0], q[0]), _times(p[1], q[1])) for p in a.products for q in b.products)
    return Majorant(products, (a.count[0] + b.count[0] + 1.0, a.count[1] + b.count[1]))


def _divided(node: Expr, facts: PairFacts, a: Majorant, b: Majorant) -> Majorant | None:
    below = node.args[1]
    if below.op != "prepared":
        return None
    inverse = make("div", ONE, _size(facts.meaning(below)))
    factor = (inverse, ONE) if below.value[0] == "query" else (ONE, inverse)
    return _multiplied(node, facts, a, Majorant((factor,), b.count))


def _summed(node: Expr, facts: PairFacts, a: Majorant) -> Majorant:
    """The sum over coordinates: Cauchy-Schwarz where both sides are vectors."""
    inside = facts.meaning(node.args[0])
    products: list[Product] = []
    for q, p in a.products:
        if q.is_vector and p.is_vector:
            products.append((_norm(q), _norm(p)))
        elif q.is_vector or p.is_vector:
            products.append((make("sum", q) if q.is_vector else q, make("sum", p) if p.is_vector else p))
        else:
            products.append((_times(dimension_of(inside), q), p))
    fixed, per_dimension = length_of(inside)
    return Majorant(tuple(products), (a.count[0] + fixed, a.count[1] + per_dimension))


def _norm(vector: Expr) -> Expr:
    return make("sqrt", make("sum", make("mul", vector, vector)))


def _largest(node: Expr, facts: PairFacts, a: Majorant) -> Majorant:
    """A maximum or minimum over coordinates is at most the product of the sides' maxima."""
    products = ((make("max", q) if q.is_vector else q, make("max", p) if p.is_vector else p) for q, p in a.products)
    return Majorant(tuple(products), a.count)


def _wave(node: Expr, facts: PairFacts, a: Majorant) -> Majorant:
    """sin, cos: at most 1, and no steeper than 1."""
    return Majorant((*a.products, (ONE, ONE)), (a.count[0] + LIBRARY, a.count[1]))


def _masked(node: Expr, args: list[Majorant | None], facts: PairFacts) -> Majorant | None:
    """A choice whose condition is exact."""
    condition, _, other = node.args
    if other.op == "number" and math.isnan(other.value):
        return args[1]  # what is not a number is left to the formula itself
    exact = condition.op == "prepared" and facts.stored_error(condition) == EXACT
    if not exact or args[1] is None or args[2] is None:
        return None
    if other.op == "number" and other.value == 0.0:
        return args[1]
    return Majorant(args[1].products + args[2].products, _and(args[1].count, args[2].count))


def _entropy(node: Expr, facts: PairFacts) -> Majorant | None:
    """``t*log(s)`` and ``xlogy(t, s)``: ``s`` a sum of one prepared entry of each side, ``t`` one of them or ``s``."""
    if node.op == "xlogy":
        t, s = node.args
    elif node.op == "mul" and any(a.op == "log" for a in node.args):
        t, s = node.args if node.args[1].op == "log" else node.args[::-1]
        s = s.args[0]
    else:
        return None
    if s.op != "add" or any(a.op != "prepared" for a in s.args) or len({a.value[0] for a in s.args}) < 2:
        return None
    if t is not s and t not in s.args:
        return None
    error = max(facts.stored_error(a)[0] for a in s.args) + 1.0
    p, q = sorted(s.args, key=lambda a: a.value[0] == "point")
    products = ((_entropy_size(facts.meaning(p)), ONE), (ONE, _entropy_size(facts.meaning(q))))
    return Majorant(products, (error + LIBRARY + 1.0, 0.0))


def _entropy_size(t: Expr) -> Expr:
    """|t*log(t)| + (1 + log 2)*t; inf where t is negative."""
    size = make("add", make("abs", make("xlogy", t, t)), make("mul", number(1.0 + math.log(2.0)), t))
    return make("where", make("ge", t, number(0.0)), size, number(math.inf))


_RULES: Final[dict[str, Callable[..., Majorant | None]]] = {
    **dict.fromkeys(("neg", "abs", "index", "slice"), lambda node, facts, a: a),
    **dict.fromkeys(("add", "sub"), _added),
    **dict.fromkeys(
        ("minimum", "maximum"), lambda node, facts, a, b: Majorant(a.products + b.products, _and(a.count, b.count))
    ),
    **dict.fromkeys(("max", "min"), _largest),
    **dict.fromkeys(("sin", "cos"), _wave),
    "mul": _multiplied,
    "div": _divided,
    "sum": _summed,
}

"""Bounding what cancels: a sum of products ``Q(x) * P(y)`` that no value of the pair exceeds.

See :mod:`anear.formula.rounding` for the proof of each rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from anear.formula.bounds_error import float64_error
from anear.formula.expression import Expr, constant, make, number, walk
from anear.formula.graph import BOTH, POINT, QUERY, Sides, substitute
from anear.formula.plan import Plan, exact_plan
from anear.formula.polynomial import dimension_of
from anear.formula.ranges import range_of
from anear.formula.relative import LIBRARY, STORED, Count, RelativeError, length_of
from anear.formula.simplify import simplify

__all__ = ["Corners", "Majorant", "Product", "entry_error", "majorant"]

Product = tuple[Expr, Expr]
"""(Q, P): an expression of the query and one of the point, both never negative."""

Corners = Mapping[Expr, Expr]
"""For points that are boxes: each lower end among the raw data with its upper end."""

ONE: Final = number(1.0)
MOST: Final = 12
"""More products than this are not worth their memory."""


@dataclass(frozen=True, slots=True)
class Majorant:
    """|value| <= sum of the products, |error| <= count * u * sum of the products."""

    products: tuple[Product, ...]
    count: Count


def majorant(
    plan: Plan,
    corners: Corners | None = None,
    nonnegative: tuple[Expr, ...] = (),
    double: bool = False,
    moved: bool = False,
) -> Majorant | None:
    """The majorant of a plan's pair; None where the rules do not reach.

    ``corners`` where the points are boxes. ``nonnegative`` is raw data to take as never negative. ``double``: the pair
    is computed in float64, as its entries are. ``moved``: coordinates were moved, and rounded.
    """
    state = _State(RelativeError(plan, nonnegative, double, moved), corners, nonnegative)
    for node in walk(plan.pair):
        found = state.leaf(node) if not node.args else _inner(node, [state.known.get(a) for a in node.args], state)
        state.known[node] = found if found is not None and len(found.products) <= MOST else None
    return state.known[plan.pair]


def entry_error(entry: Expr, nonnegative: tuple[Expr, ...] = (), moved: bool = False) -> tuple[Expr, Count] | None:
    """(M, k) such that |entry| <= M and, computed in float64, its error is at most k*u*M; None where none is known.

    ``moved``: the entry is then computed of coordinates that were moved, and rounded.

    Examples
    --------
    >>> from anear.formula import sum, y
    >>> entry_error(sum(y * y)), entry_error(sum(y))
    ((sum(y * y), (1.0, 1.0)), (sum(abs(y)), (0.0, 1.0)))
    """
    plan = exact_plan(entry)
    count = RelativeError(plan, nonnegative, True, moved).of(plan.pair)
    if count is not None:
        return _size(entry), count
    found = majorant(plan, None, nonnegative, True, moved)
    if found is not None:
        sizes = [_times(q, p) for q, p in found.products]  # a number may stand on the other side
        total = sizes[0]
        for size in sizes[1:]:
            total = make("add", total, size)
        return simplify(total), found.count
    error = None if moved else float64_error(entry)
    if error is None:
        return None
    return simplify(make("add", _size(entry), make("mul", number(2.0**53 / STORED), error))), (STORED, 0.0)


class _State:
    """What is known while a pair is gone through."""

    def __init__(self, relative: RelativeError, corners: Corners | None, nonnegative: tuple[Expr, ...]) -> None:
        self.relative = relative
        self.facts = relative.facts
        self.sides = Sides()
        self._nonnegative = nonnegative
        self.known: dict[Expr, Majorant | None] = {}
        self._corners = corners
        self._exchanged = dict(corners or {})

    def leaf(self, node: Expr) -> Majorant | None:
        """Of a number or a prepared entry."""
        if node.op == "number":
            # an infinite one is a choice that says "nothing is known": it is computed as it is
            return Majorant(((number(abs(node.value) if math.isfinite(node.value) else 0.0), ONE),), (1.0, 0.0))
        if node.op != "prepared":
            return None
        count = self.facts.stored_error(node)
        if count is not None:
            return self.one_sided(node, self.finite(_size(self.facts.meaning(node))), count)
        found = entry_error(self.facts.prepared_by(node), self._nonnegative)
        return None if found is None else self.one_sided(node, self.finite(found[0]), found[1])

    def finite(self, size: Expr) -> Expr:
        """The magnitude of a prepared entry, where corners of boxes may be infinite."""
        return size if self._corners is None or not _may_be_infinite(size) else _finite(size)

    def one_sided(self, node: Expr, size: Expr, count: Count) -> Majorant:
        """Of a node that is made of one side's data, with the magnitude ``size``."""
        return Majorant(((ONE, size) if self.sides(node) == POINT else (size, ONE),), count)

    def stored(self, *leaves: Expr) -> Count | None:
        """The largest error of prepared entries; None where one is not known to be small beside its entry."""
        errors = [self.facts.stored_error(leaf) for leaf in leaves]
        known = [e for e in errors if e is not None]
        return (max(e[0] for e in known), max(e[1] for e in known)) if len(known) == len(errors) else None

    def clamp(self, node: Expr) -> tuple[Expr, Expr, Expr] | None:
        """(place, end, other end), prepared entries, where ``node`` is the number of a box next to a place."""
        if node.op != "minimum" or node.args[0].op != "maximum" or self._corners is None:
            return None
        place, low, high = *node.args[0].args, node.args[1]
        if any(leaf.op != "prepared" for leaf in (place, low, high)) or place.value[0] != "query":
            return None
        a, b = self.facts.meaning(low), self.facts.meaning(high)
        across = substitute(a, self._exchanged) is b or substitute(b, self._exchanged) is a
        return (place, low, high) if across and a is not b else None


def _may_be_infinite(size: Expr) -> bool:
    return any(node.op in ("log", "div", "rsqrt", "log1p", "xlogy") for node in walk(size))


def _finite(size: Expr) -> Expr:
    """0 for what is infinite: of such a factor both the true and the computed value are infinite, or no number."""
    return make("where", make("lt", size, number(math.inf)), size, number(0.0))


def _inner(node: Expr, args: list[Majorant | None], state: _State) -> Majorant | None:
    for special in (_entropy, _clamped, _clamped_entropy, _of_one_side):
        found = special(node, state)
        if found is not None:
            return found
    if node.op == "matvec":
        return _transformed(node, args[1]) if state.facts.double else None
    if node.op == "where":
        return _masked(node, args, state)
    rule = _RULES.get(node.op) or (_RULES_OF_FLOAT64.get(node.op) if state.facts.double else None)
    known = [a for a in args if a is not None]
    return None if rule is None or len(known) < len(args) else rule(node, state, *known)


def _clamped(node: Expr, state: _State) -> Majorant | None:
    """The number c of [l, h] next to q: |c| <= |q| + min(|l|, |h|), whichever of the three it is."""
    found = state.clamp(node)
    if found is None:
        return None
    place, low, high = found
    count = state.stored(*found)
    if count is None:
        return None
    end = make("minimum", _size(state.facts.meaning(low)), _size(state.facts.meaning(high)))
    return Majorant(
        ((_size(state.facts.meaning(place)), ONE), (ONE, _finite(end) if _may_be_infinite(end) else end)), count
    )


def _clamped_entropy(node: Expr, state: _State) -> Majorant | None:
    """``t*log(t)`` of a clamped t: one of three such terms, known one by one."""
    if node.op != "mul":
        return None
    first, second = (state.clamp(a) for a in node.args)
    if first is None or second is None:
        return None
    for t, log in ((first, second), (second, first)):
        meanings = [(state.facts.meaning(a), state.facts.meaning(b)) for a, b in zip(t, log, strict=True)]
        if all(b is simplify(make("log", a)) for a, b in meanings):
            errors = state.stored(*t), state.stored(*log)
            if errors[0] is None or errors[1] is None:
                return None
            count = errors[0][0] + errors[1][0] + 1.0, errors[0][1] + errors[1][1]
            sizes = [_size(make("xlogy", a, a)) for a, _ in meanings]
            return Majorant(((sizes[0], ONE), (ONE, make("add", *sizes[1:]))), count)
    return None


def _of_one_side(node: Expr, state: _State) -> Majorant | None:
    """What a formula as it is written computes of one side alone, where nothing in it cancels."""
    if not state.facts.double or state.sides(node) == BOTH:
        return None
    count = state.relative.of(node)
    if count is None:
        return None
    size = _size(state.facts.meaning(node))
    if _may_be_infinite(size):  # a point of which this is no number has no distance, and must not spoil a maximum
        size = make("where", make("ge", size, number(0.0)), size, number(0.0))
    return state.one_sided(node, size, count)


def _transformed(node: Expr, a: Majorant | None) -> Majorant | None:
    """A matrix times a vector: Cauchy-Schwarz row by row where both sides are vectors."""
    if a is None:
        return None
    sizes = np.abs(node.args[0].value.values)
    matrix, each = constant(sizes), constant(sizes.sum(1))

    def times(vector: Expr) -> Expr:
        return make("matvec", matrix, vector)

    products: list[Product] = []
    for q, p in a.products:
        if q.is_vector and p.is_vector:
            products.append((make("sqrt", times(make("mul", q, q))), make("sqrt", times(make("mul", p, p)))))
        elif q.is_vector:
            products.append((times(q), p))
        else:
            products.append((q, times(p)) if p.is_vector else (_times(q, each), p))
    return Majorant(tuple(products), (a.count[0] + sizes.shape[1], a.count[1]))


def _running_sums(node: Expr, state: _State, a: Majorant) -> Majorant | None:
    """cumsum: Cauchy-Schwarz from the first coordinate on where both sides are vectors."""

    def roots(vector: Expr) -> Expr:
        return make("sqrt", make("cumsum", make("mul", vector, vector)))

    if not all(q.is_vector or p.is_vector for q, p in a.products):
        return None
    products = tuple(
        (roots(q), roots(p))
        if q.is_vector and p.is_vector
        else (make("cumsum", q) if q.is_vector else q, make("cumsum", p) if p.is_vector else p)
        for q, p in a.products
    )
    length = length_of(state.facts.meaning(node.args[0]))
    return Majorant(products, (a.count[0] + length[0], a.count[1] + length[1]))


def _exponential(node: Expr, state: _State, a: Majorant) -> Majorant | None:
    """exp(v), v not positive or a sum q + p: at most 1, or exp(q)*exp(p); k*u*M off in v are as much of it."""
    v = node.args[0]
    sides = (ONE, ONE) if state.facts.range(v)[1] <= 0.0 else _powers_of_e(v, state)
    if sides is None:
        return None
    products = tuple((_times(sides[0], q), _times(sides[1], p)) for q, p in ((ONE, ONE), *a.products))
    return Majorant(products, (max(a.count[0], LIBRARY) + LIBRARY, a.count[1]))


def _powers_of_e(v: Expr, state: _State) -> Product | None:
    """(exp(q), exp(p)) of a sum of terms of the query, q, and of the point, p; None for another."""
    sides: dict[int, Expr] = {}
    terms = [(v, False)]
    while terms:
        term, minus = terms.pop()
        if term.op in ("add", "sub"):
            terms += [(term.args[0], minus), (term.args[1], minus != (term.op == "sub"))]
        elif term.op == "neg":
            terms.append((term.args[0], not minus))
        else:
            side = state.sides(term) or QUERY
            sides[side] = make("sub" if minus else "add", sides.get(side, number(0.0)), state.facts.meaning(term))
    if BOTH in sides:
        return None
    return tuple(make("exp", simplify(sides[side])) if side in sides else ONE for side in (QUERY, POINT))  # type: ignore[return-value]


def _size(expr: Expr) -> Expr:
    return expr if range_of(expr, rounded=True)[0] >= 0.0 else make("abs", expr)


def _times(p: Expr, q: Expr) -> Expr:
    for a, b in ((p, q), (q, p)):
        if a is ONE:
            return b
        if b.op == "div" and b.args[0] is ONE and b.args[1] is a:
            return ONE  # y * (1/y): where that is undefined the formula is
    return make("mul", p, q)


def _and(a: Count, b: Count, more: float = 0.0) -> Count:
    return max(a[0], b[0]) + more, max(a[1], b[1])


def _added(node: Expr, state: _State, a: Majorant, b: Majorant) -> Majorant:
    return Majorant(a.products + b.products, _and(a.count, b.count, 1.0))


def _multiplied(node: Expr, state: _State, a: Majorant, b: Majorant) -> Majorant:
    found: dict[Product, float] = {}
    for i, p in enumerate(a.products):
        for j, q in enumerate(b.products):
            first, second = (q, p) if a.products == b.products and j < i else (p, q)  # a square's terms meet twice
            product = _times(first[0], second[0]), _times(first[1], second[1])
            found[product] = found.get(product, 0.0) + 1.0
    products = tuple((_times(number(n), q) if n != 1.0 else q, p) for (q, p), n in found.items())
    return Majorant(products, (a.count[0] + b.count[0] + 1.0, a.count[1] + b.count[1]))


def _divided(node: Expr, state: _State, a: Majorant, b: Majorant) -> Majorant | None:
    inverse, count = _inverse(node.args[1], state), state.relative.of(node.args[1])
    if inverse is None or count is None:
        return None
    return _multiplied(node, state, a, Majorant((inverse,), count))


def _inverse(below: Expr, state: _State) -> Product | None:
    """(Q, P) with 1 / |below| <= Q * P."""
    if below.op == "prepared" or (state.facts.double and state.sides(below) != BOTH):
        inverse = make("div", ONE, _size(state.facts.meaning(below)))
        return (ONE, inverse) if state.sides(below) == POINT else (inverse, ONE)
    if below.op == "mul":
        parts = [_inverse(a, state) for a in below.args]
        if parts[0] is None or parts[1] is None:
            return None
        return _times(parts[0][0], parts[1][0]), _times(parts[0][1], parts[1][1])
    if below.op in ("add", "maximum") and all(state.facts.range(a)[0] >= 0.0 for a in below.args):
        found = [_inverse(a, state) for a in below.args]  # one part alone is no larger
        return next((f for f in found if f is not None and f[1] is ONE), found[0] or found[1])
    return None


def _summed(node: Expr, state: _State, a: Majorant) -> Majorant:
    """The sum over coordinates: Cauchy-Schwarz where both sides are vectors."""
    inside = state.facts.meaning(node.args[0])
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


def _largest(node: Expr, state: _State, a: Majorant) -> Majorant:
    """A maximum or minimum over coordinates is at most the product of the sides' maxima."""
    products = ((make("max", q) if q.is_vector else q, make("max", p) if p.is_vector else p) for q, p in a.products)
    return Majorant(tuple(products), a.count)


def _gentle(node: Expr, state: _State, a: Majorant) -> Majorant | None:
    """Functions that are at most as large as their operand, and no steeper than 1, from where that starts."""
    if state.facts.range(node.args[0])[0] < _GENTLE_FROM[node.op]:
        return None
    return Majorant(a.products, (a.count[0] + LIBRARY, a.count[1]))


def _wave(node: Expr, state: _State, a: Majorant) -> Majorant:
    """sin, cos: at most 1, and no steeper than 1."""
    fixed = [q.value for q, p in a.products if p is ONE and q.op == "number"]  # of sines of sines
    products = [(q, p) for q, p in a.products if p is not ONE or q.op != "number"]
    return Majorant((*products, (number(1.0 + sum(fixed)), ONE)), (a.count[0] + LIBRARY, a.count[1]))


def _masked(node: Expr, args: list[Majorant | None], state: _State) -> Majorant | None:
    """A choice whose condition is computed as it truly is."""
    condition, _, other = node.args
    if other.op == "number" and math.isnan(other.value):
        return args[1]  # what is not a number is left to the formula itself
    if not state.relative.decides(condition) or args[1] is None or args[2] is None:
        return None
    if other.op == "number" and other.value == 0.0:
        if condition.op != "prepared" or condition.value[0] != "query":
            return args[1]
        chosen = state.facts.meaning(condition)
        return Majorant(tuple((_if(chosen, q), p) for q, p in args[1].products), args[1].count)
    return Majorant(args[1].products + args[2].products, _and(args[1].count, args[2].count))


def _if(condition: Expr, size: Expr) -> Expr:
    """``size`` where the condition holds, else 0."""
    return size if condition.is_vector and not size.is_vector else make("where", condition, size, number(0.0))


def _entropy(node: Expr, state: _State) -> Majorant | None:
    """``t*log(s)`` and ``xlogy(t, s)``: ``s`` a sum of one number of each side, ``t`` one of them or ``s``."""
    if node.op == "xlogy":
        t, s = node.args
    elif node.op == "mul" and any(a.op == "log" for a in node.args):
        t, s = node.args if node.args[1].op == "log" else node.args[::-1]
        s = s.args[0]
    else:
        return None
    if s.op != "add" or (t is not s and t not in s.args):
        return None
    leaves: list[Expr] = []
    for part in s.args:
        leaves += [part] if part.op == "prepared" else state.clamp(part) or [node]
    if any(leaf.op != "prepared" for leaf in leaves) or len({leaf.value[0] for leaf in leaves}) < 2:
        return None
    error = state.stored(*leaves)
    if error is None:
        return None
    sizes = [(leaf.value[0], _entropy_size(state.facts.meaning(leaf))) for leaf in dict.fromkeys(leaves)]
    products = tuple((size, ONE) if side == "query" else (ONE, size) for side, size in sizes)
    return Majorant(products, (error[0] + LIBRARY + 2.0, error[1]))


def _entropy_size(t: Expr) -> Expr:
    """|t*log(t)| + (1 + log 2)*t; inf where t is negative."""
    size = make("add", make("abs", make("xlogy", t, t)), make("mul", number(1.0 + math.log(2.0)), t))
    return make("where", make("ge", t, number(0.0)), size, number(math.inf))


_GENTLE_FROM: Final = {"tanh": -math.inf, "arctan": -math.inf, "log1p": 0.0, "log": 1.0, "sqrt": 1.0}

_RULES: Final[dict[str, Callable[..., Majorant | None]]] = {
    **dict.fromkeys(("neg", "abs", "index", "slice"), lambda node, state, a: a),
    **dict.fromkeys(("add", "sub"), _added),
    **dict.fromkeys(
        ("minimum", "maximum"), lambda node, state, a, b: Majorant(a.products + b.products, _and(a.count, b.count))
    ),
    **dict.fromkeys(("max", "min"), _largest),
    **dict.fromkeys(("sin", "cos"), _wave),
    "mul": _multiplied,
    "div": _divided,
    "sum": _summed,
}

# Their bounds grow with the data and not with the distances: in float32 they might exclude nothing, and a scan in
# float64 is faster than that.
_RULES_OF_FLOAT64: Final[dict[str, Callable[..., Majorant | None]]] = {
    **dict.fromkeys(_GENTLE_FROM, _gentle),
    "cumsum": _running_sums,
    "exp": _exponential,
}

"""Sums of products: numbers times powers of atoms, what the algebra of formulas works with.

An atom is an expression that is not taken apart. ``xlogy(1, b)`` is a logarithm of which 0 times it is 0: written out,
it takes the other factors as its first operand.
"""

from __future__ import annotations

import hashlib
import weakref
from typing import Final

from anear.formula.expression import Expr, make, number
from anear.formula.graph import walk_unknown
from anear.formula.ranges import Factors, product
from anear.formula.simplify import simplify

__all__ = [
    "ONE",
    "Polynomial",
    "add_to",
    "dimension_of",
    "order",
    "parted",
    "plain",
    "scaled",
    "shape_of",
    "sorted_terms",
    "term_of",
    "times",
    "total",
    "without_squared_cosines",
    "written",
    "written_term",
]

Polynomial = dict[frozenset[tuple[Expr, float]], Factors]

ONE: Final = number(1.0)
_orders: weakref.WeakKeyDictionary[Expr, str] = weakref.WeakKeyDictionary()


def order(expr: Expr) -> str:
    """A text to sort expressions by, the same in every process."""
    if expr not in _orders:
        for node in walk_unknown(expr, _orders):
            value = node.value.digest if node.op == "constant" else "" if node.value is None else repr(node.value)
            text = f"{node.op}{value}({','.join(_orders[a] for a in node.args)})"
            _orders[node] = text if len(text) <= 200 else text[:100] + _digest(text)
    return _orders[expr]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# --- sums of products -------------------------------------------------------------------------------------------------


def add_to(total: Polynomial, term: Factors) -> None:
    """Add one term, merging it with an equal product."""
    key = term.key()
    known = total.get(key)
    coefficient = term.number + (known.number if known else 0.0)
    # what is left of terms that cancel is rounding
    if coefficient == 0.0 or (known and abs(coefficient) < 1e-15 * abs(term.number)):
        total.pop(key, None)
    else:
        total[key] = Factors(coefficient, known.powers if known else term.powers)


def term_of(expr: Expr) -> Polynomial:
    """One atom as a sum of one term."""
    return {frozenset({(expr, 1.0)}): Factors(1.0, {expr: 1.0})}


def plain(value: float) -> Polynomial:
    """A number as a sum of at most one term."""
    return {frozenset(): Factors(value, {})} if value else {}


def scaled(a: Polynomial, by: float) -> Polynomial:
    """Every term times a number."""
    return {key: Factors(term.number * by, term.powers) for key, term in a.items()}


def total(*parts: Polynomial) -> Polynomial:
    """The sum."""
    result: Polynomial = {}
    for part in parts:
        for term in part.values():
            add_to(result, term)
    return result


def times(a: Polynomial, b: Polynomial) -> Polynomial:
    """The product, multiplied out."""
    result: Polynomial = {}
    for p in a.values():
        for q in b.values():
            add_to(result, p.times(q))
    return result


def shape_of(vector: Expr) -> Expr:
    """What tells the number of coordinates: a number where it is fixed, else ``x`` or slices of it.

    Vectors of equal shapes have equally many coordinates, whatever the dimension of the data.
    """
    while vector.length is None and vector.args and vector.op != "slice":
        vector = next(a for a in vector.args if a.is_vector)
    if vector.length is not None:
        return number(float(vector.length))
    return make("slice", shape_of(vector.args[0]), value=vector.value) if vector.op == "slice" else make("x")


def dimension_of(vector: Expr) -> Expr:
    """The number of coordinates of ``vector``, as a scalar that depends on no data."""
    shape = shape_of(vector)
    return shape if shape.op == "number" else make("sum", make("where", shape, ONE, ONE))


def _sorted(term: Factors) -> Factors:
    return Factors(term.number, dict(sorted(term.powers.items(), key=lambda item: (order(item[0]), item[1]))))


def written_term(term: Factors) -> Expr:
    """The product as an expression; each ``xlogy(1, b)`` takes the other factors as its first operand."""
    logs = [a for a in term.powers if a.op == "xlogy" and a.args[0] is ONE and term.powers[a] == 1.0]
    rest = {a: e for a, e in _sorted(term).powers.items() if a not in logs}
    if not logs:
        return product(Factors(term.number, rest))
    if not rest and len(logs) == 1:
        result = make("log", logs[0].args[1])
    else:
        result = product(Factors(1.0, rest))
        for log in sorted(logs, key=order):
            result = make("xlogy", result, log.args[1])
    return result if term.number == 1.0 else make("mul", number(term.number), result)


def sorted_terms(a: Polynomial) -> list[Factors]:
    """The terms in an order that does not depend on how the sum came about."""
    return sorted(a.values(), key=lambda t: tuple((order(f), e) for f, e in _sorted(t).powers.items()) or (("~", 0.0),))


def written(a: Polynomial) -> Expr:
    """The sum as an expression: additions first, then subtractions."""
    terms = sorted_terms(a)
    up = [t for t in terms if t.number > 0.0]
    down = [Factors(-t.number, t.powers) for t in terms if t.number < 0.0]
    result: Expr | None = None
    for term in up:
        result = written_term(term) if result is None else make("add", result, written_term(term))
    for term in down:
        part = written_term(term)
        result = make("neg", part) if result is None else make("sub", result, part)
    return simplify(result) if result is not None else number(0.0)


def without_squared_cosines(a: Polynomial) -> Polynomial:
    """cos(v)**2 as 1 - sin(v)**2, everywhere."""
    result: Polynomial = {}
    for term in a.values():
        cosine = next((f for f, e in term.powers.items() if f.op == "cos" and e == 2.0), None)
        if cosine is None:
            add_to(result, term)
            continue
        rest = Factors(term.number, {f: e for f, e in term.powers.items() if f is not cosine})
        square = Factors(-1.0, {make("sin", cosine.args[0]): 2.0})
        result = total(result, without_squared_cosines(total({rest.key(): rest}, {square.key(): rest.times(square)})))
    return result


def parted(term: Factors) -> tuple[Factors, Factors]:
    """(the number and the scalar atoms, the vector atoms)."""
    return (
        Factors(term.number, {a: e for a, e in term.powers.items() if not a.is_vector}),
        Factors(1.0, {a: e for a, e in term.powers.items() if a.is_vector}),
    )

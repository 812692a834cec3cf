"""Ranks written so that their bounds are tight.

sum(v) + c*sum(w)                     one sum: each coordinate's share is one function of it
A @ (x - y), cumsum(x - y)            A @ x - A @ y: a function of the point's image A @ y
sum(x*y) / (|x| * |y|)                1 - sum((x/|x| - y/|y|)**2) / 2: a function of the point's image y / |y|
log(x / y), a / h(y)                  log(x) - log(y), a * (1 / h(y)): each side's part by itself
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anear.formula.collect import gathered
from anear.formula.expression import Expr, constant, make, number, walk
from anear.formula.graph import BOTH, POINT, QUERY, Sides, rebuild
from anear.formula.polynomial import shape_of
from anear.formula.ranges import Assumed, Factors, factors, product
from anear.formula.simplify import simplify

__all__ = ["apart", "linear", "merged", "normalised", "squared", "summand"]


def merged(rank: Expr) -> Expr:
    """``sum(v) + c*sum(w) + ...`` as ``sum(v + c*w) + ...``: each coordinate's share is one function of it."""
    if rank.op not in ("add", "sub"):
        return rank
    sides = Sides()
    sums: dict[Expr, Expr] = {}
    rest: Expr | None = None
    stack = [(rank, False)]
    while stack:
        node, minus = stack.pop()
        if node.op in ("add", "sub") and sides(node) & POINT:
            stack += [(node.args[1], minus != (node.op == "sub")), (node.args[0], minus)]
            continue
        vector = summand(node, sides)
        if vector is None:
            rest = _plus(rest, node, minus)
        else:
            shape = shape_of(vector)
            sums[shape] = _plus(sums.get(shape), vector, minus)
    for vector in sums.values():
        rest = _plus(rest, make("sum", vector), False)
    return rank if rest is None else simplify(rest)


def _plus(total: Expr | None, part: Expr, minus: bool) -> Expr:
    if total is None:
        return make("neg", part) if minus else part
    return make("sub" if minus else "add", total, part)


def summand(node: Expr, sides: Sides | None = None) -> Expr | None:
    """v where ``node`` is ``sum(v)``, its other factors being of the query; None if it is not such a sum."""
    sides = sides or Sides()
    if not sides(node) & POINT:
        return None
    found = factors(node)
    sums = [a for a, e in found.powers.items() if a.op == "sum" and e == 1.0 and sides(a) & POINT]
    others = {a: e for a, e in found.powers.items() if a not in sums}
    if len(sums) != 1 or any(sides(a) & POINT for a in others):
        return None
    front = Factors(found.number, others)
    vector = sums[0].args[0]
    return vector if front == Factors(1.0, {}) else make("mul", product(front), vector)


def linear(rank: Expr) -> Expr:
    """``A @ (x - y)`` as ``A @ x - A @ y``, and the same for running sums."""
    sides = Sides()

    def spread(op: str, matrix: tuple[Expr, ...], inner: Expr) -> Expr:
        if sides(inner) == BOTH and inner.op in ("add", "sub", "neg") and all(a.is_vector for a in inner.args):
            return make(inner.op, *(spread(op, matrix, a) for a in inner.args))
        return make(op, *matrix, inner)

    def change(node: Expr) -> Expr:
        return spread(node.op, node.args[:-1], node.args[-1]) if node.op in ("matvec", "cumsum") else node

    return rebuild(rank, change)


def squared(rank: Expr) -> Expr:
    """``sum(d * (M @ d))`` with a positive semi-definite M as ``sum((A @ d)**2)``, or a little less; else the rank."""
    whole = factors(rank)
    if whole.number <= 0.0 or len(whole.powers) != 1 or next(iter(whole.powers.values())) != 1.0:
        return rank
    (total,) = whole.powers
    inside = factors(total.args[0]) if total.op == "sum" else Factors(0.0, {})
    products = [a for a in inside.powers if a.op == "matvec"]
    if inside.number <= 0.0 or len(inside.powers) != 2 or len(products) != 1 or set(inside.powers.values()) != {1.0}:
        return rank
    matrix, d = products[0].args
    factor = _root(matrix.value.values) if d in inside.powers else None
    if factor is None:
        return rank
    image = make("matvec", constant(factor), d)
    return make("mul", number(whole.number * inside.number), make("sum", make("mul", image, image)))


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """A with ``A.T @ A <= M`` (the difference is positive semi-definite, and rounding); None where M is not."""
    if matrix.shape[0] != matrix.shape[1]:
        return None
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    room = 64.0 * np.finfo(np.float64).eps * len(matrix) * float(np.abs(values).max())
    if values[0] < -room:
        return None
    scale = np.sqrt(np.maximum(values - room, 0.0))
    factor: npt.NDArray[np.float64] = scale[:, None] * vectors.T
    return factor


def normalised(rank: Expr) -> Expr:
    """Cosines as distances of rows of length 1, of which each coordinate has its own share."""
    sides = Sides()

    def change(node: Expr) -> Expr:
        if node.is_vector or node.op not in ("mul", "div") or sides(node) != BOTH:
            return node
        found = factors(node)
        above = [a for a, e in found.powers.items() if e == 1.0 and a.op == "sum" and sides(a) == BOTH]
        if len(above) != 1 or len(found.powers) != 3:
            return node
        vectors = _two_sides(above[0].args[0], sides)
        if vectors is None:
            return node
        lengths = {simplify(make("sum", make("mul", v, v))) for v in vectors}
        if {a for a, e in found.powers.items() if e == -0.5} != lengths:
            return node
        u, w = (make("div", v, make("sqrt", make("sum", make("mul", v, v)))) for v in vectors)
        chord = make("sub", u, w)
        square = make("sum", make("mul", chord, chord))
        return make("mul", number(found.number), make("sub", number(1.0), make("mul", number(0.5), square)))

    return simplify(rebuild(rank, change))


def _two_sides(vector: Expr, sides: Sides) -> tuple[Expr, Expr] | None:
    """(u, w) of a product ``u * w`` of a vector of the query and one of the point."""
    found = factors(vector)
    parts: dict[int, dict[Expr, float]] = {QUERY: {}, POINT: {}}
    for atom, exponent in found.powers.items():
        if sides(atom) not in parts:
            return None
        parts[sides(atom)][atom] = exponent
    if found.number != 1.0 or not all(any(a.is_vector for a in part) for part in parts.values()):
        return None
    u, w = (simplify(product(Factors(1.0, part))) for part in parts.values())
    return u, w


def apart(expr: Expr, ranges: Assumed) -> Expr:
    """``expr`` with what logarithms and quotients need of each side by itself, so that it can be stored."""
    sides = Sides()
    if any(node.op in ("log", "xlogy") and _parts(node.args[-1], ranges, sides) for node in walk(expr)):
        expr = gathered(expr)

    def change(node: Expr) -> Expr:
        if node.op == "div" and sides(node) == BOTH and sides(node.args[1]) == POINT:
            return make("mul", node.args[0], make("div", number(1.0), node.args[1]))
        return node

    return rebuild(expr, change)


def _parts(inside: Expr, ranges: Assumed, sides: Sides) -> bool:
    """Whether the logarithm of ``inside`` is a sum of logarithms of positive numbers."""
    found = factors(inside)
    return sides(inside) == BOTH and len(found.powers) > 1 and all(ranges(atom)[0] >= 0.0 for atom in found.powers)

"""Convexity in the point, by the rules of disciplined convex programming and by second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from anear.formula.convexity import second_derivative_sign
from anear.formula.expression import ELEMENTWISE, Expr, walk, y
from anear.formula.graph import POINT, Sides
from anear.formula.ranges import factors, never_negative, range_of
from anear.formula.simplify import simplify

__all__ = ["AFFINE", "CONCAVE", "CONSTANT", "CONVEX", "curvature"]

CONSTANT: Final = "constant"
AFFINE: Final = "affine"
CONVEX: Final = "convex"
CONCAVE: Final = "concave"

_FLAT: Final = (CONSTANT, AFFINE)
_OPPOSITE: Final = {CONSTANT: CONSTANT, AFFINE: AFFINE, CONVEX: CONCAVE, CONCAVE: CONVEX}


def curvature(expr: Expr) -> str | None:
    """How ``expr`` bends as a function of the point's coordinates; None if that is not known.

    Examples
    --------
    >>> from anear.formula import sum, x, y
    >>> curvature(sum(abs(x - y))), curvature(sum(x * y))
    ('convex', 'affine')
    """
    sides = Sides()
    simple = simplify(expr)
    whole = {a for node in walk(simple) if node.op not in ELEMENTWISE for a in node.args} | {simple}
    known: dict[Expr, str | None] = {}
    for node in walk(simple):
        if not sides(node) & POINT:
            known[node] = CONSTANT
        elif node.op in ("y", "point_field"):
            known[node] = AFFINE
        else:
            rule = _RULES.get(node.op)
            found = rule(node, *(known[a] for a in node.args)) if rule else None
            known[node] = _second(node) if found is None and node in whole else found
    return known[simple]


def _second(node: Expr) -> str | None:
    """From the second derivative, where the node is elementwise in ``y``."""
    inside = [n for n in walk(node) if n.op not in ELEMENTWISE and n.args]
    if any(y in set(walk(n)) for n in inside) or y not in set(walk(node)):
        return None
    found = second_derivative_sign(node, y)
    return CONVEX if found is not None and not found[1] else None


def _sum_of(a: str | None, b: str | None) -> str | None:
    kinds = {a, b} - {CONSTANT}
    if None in kinds:
        return None
    bent = kinds - {AFFINE}
    return CONSTANT if not kinds else AFFINE if not bent else bent.pop() if len(bent) == 1 else None


def _opposite(a: str | None) -> str | None:
    return None if a is None else _OPPOSITE[a]


def _product(node: Expr, a: str | None, b: str | None) -> str | None:
    if node.args[0] is node.args[1]:
        low = range_of(node.args[0])[0]
        return CONVEX if a == AFFINE or (a == CONVEX and low >= 0.0) else None
    if CONSTANT not in (a, b):
        return None
    factor, other = (node.args[0], b) if a == CONSTANT else (node.args[1], a)
    return _scaled(factor, other)


def _scaled(factor: Expr, other: str | None) -> str | None:
    low, high = range_of(factor)
    if other in _FLAT or other is None:
        return other
    return other if low >= 0.0 else _opposite(other) if high <= 0.0 else None


def _rising(convex: bool) -> Callable[..., str | None]:
    """A rising function that is convex, or concave, of something."""
    kind = CONVEX if convex else CONCAVE
    return lambda node, a: kind if a in (AFFINE, kind) else None


def _root(node: Expr, a: str | None) -> str | None:
    return CONVEX if _is_norm(node) else CONCAVE if a in (AFFINE, CONCAVE) else None


def _is_norm(node: Expr) -> bool:
    """Whether ``(sum(c * abs(affine)**p)) ** (1/p)`` with c >= 0 and p >= 1."""
    outside = list(factors(node).powers.items())
    if len(outside) != 1 or outside[0][0].op != "sum":
        return False
    ((total, root),) = outside
    sides = Sides()
    power, bases = 0.0, set()
    for atom, exponent in factors(total.args[0]).powers.items():
        if sides(atom) & POINT:
            bases.add(atom.args[0] if atom.op == "abs" else atom)
            power += exponent
            if atom.op != "abs" and exponent % 2.0 != 0.0:
                return False
        elif not never_negative(atom):
            return False
    return len(bases) == 1 and curvature(bases.pop()) in _FLAT and power >= 1.0 and abs(power * root - 1.0) < 1e-12


def _pow(node: Expr, a: str | None, b: str | None) -> str | None:
    if _is_norm(node):
        return CONVEX
    exponent, low = node.args[1], range_of(node.args[0])[0]
    if exponent.op != "number" or exponent.value < 1.0:
        return None
    return CONVEX if low >= 0.0 and a in (AFFINE, CONVEX) else None


def _largest(kind: str) -> Callable[..., str | None]:
    return lambda node, *args: kind if all(a in (*_FLAT, kind) for a in args) else None


def _abs(node: Expr, a: str | None) -> str | None:
    return CONVEX if a == AFFINE or (a == CONVEX and range_of(node.args[0])[0] >= 0.0) else None


_RULES: Final[dict[str, Callable[..., str | None]]] = {
    **dict.fromkeys(("sum", "index", "slice", "cumsum"), lambda node, a: a),
    **dict.fromkeys(("max", "maximum"), _largest(CONVEX)),
    **dict.fromkeys(("min", "minimum"), _largest(CONCAVE)),
    **dict.fromkeys(("exp", "expm1"), _rising(True)),
    **dict.fromkeys(("log", "log1p"), _rising(False)),
    "neg": lambda node, a: _opposite(a),
    "add": lambda node, a, b: _sum_of(a, b),
    "sub": lambda node, a, b: _sum_of(a, _opposite(b)),
    "mul": _product,
    "div": lambda node, a, b: _scaled(node.args[1], a) if b == CONSTANT else None,
    "matvec": lambda node, m, a: AFFINE if a == AFFINE else None,
    "abs": _abs,
    "sqrt": _root,
    "pow": _pow,
}

"""The rank: what orders a query's points as the formula does, without the rising functions around it.

    sqrt(sum((x - y)**2))      =  outer(rank),  rank = sum((x - y)**2),  outer = sqrt(rank)
    arccos(sum(x*y) / ...)     =  outer(rank),  rank = -sum(x*y) / ...,  outer = arccos(-rank)

The search needs ``rank`` alone; ``outer`` is applied to the few distances that are reported.
"""

from __future__ import annotations

import math
from typing import Final

from anear.formula.expression import Expr, make, number, prepared, walk
from anear.formula.graph import NEITHER, Sides, substitute
from anear.formula.interpret import evaluate
from anear.formula.ranges import Range, factors, never_negative, range_of
from anear.formula.show import brief
from anear.formula.simplify import simplify
from anear.formula.stages import trace

__all__ = ["RANK", "apply_outer", "split"]

RANK: Final = prepared("rank", 0, False)
"""The leaf of ``outer`` that stands for the rank."""

# strictly rising wherever they are a number
_RISING: Final = frozenset({"sqrt", "exp", "log", "log1p", "expm1", "sinh", "tanh", "arcosh", "arcsin", "arctan"})
_FALLING: Final = frozenset({"neg", "arccos", "rsqrt"})


ANY: Final[Range] = (-math.inf, math.inf)

# where the functions above are a number
_DOMAINS: Final[dict[str, Range]] = {
    **dict.fromkeys(("sqrt", "log", "rsqrt"), (0.0, math.inf)),
    **dict.fromkeys(("arcsin", "arccos"), (-1.0, 1.0)),
    "log1p": (-1.0, math.inf),
    "arcosh": (1.0, math.inf),
}


def split(expr: Expr, guarded: bool = False) -> tuple[Expr, Expr]:
    """``(rank, outer)`` with ``outer`` rising in its one leaf ``RANK`` and ``outer(rank) == expr``.

    ``outer`` rises wherever it is a number, strictly but for limits that the formula itself sets (``clip``). Where the
    formula's own domain ends (``arcosh`` below 1, ``sqrt`` below 0) it is NaN while the rank still is a number: a point
    whose distance turns out to be NaN says that its rank must not have been trusted to order the others. Ranks closer
    than the rounding of ``outer`` may become equal.

    Parameters
    ----------
    expr : a scalar formula.
    guarded : where it is not proved that the formula's functions stay in their domains, let the rank be NaN outside of
        them, as the formula is; otherwise data that keep to the formula's domain are expected.

    Examples
    --------
    >>> from anear.formula import sqrt, sum, x, y
    >>> rank, outer = split(sqrt(sum((x - y) ** 2)))
    >>> rank, apply_outer(outer, number(9.0))
    (sum((x - y) * (x - y)), 3)
    """
    inner, outer, rising = simplify(expr), RANK, True
    limits, conditions = ANY, []
    sides = Sides()
    while True:
        step = _peel(inner, sides)
        if step is None:
            break
        passed = _through(step[1], limits)
        if passed is None:
            conditions.append((inner, limits))
            passed = ANY
        inner, layer, up = step
        limits = _both(passed, _unproved(layer, inner))
        outer = substitute(outer, {RANK: layer})
        rising = rising == up
    if guarded:
        for value, (low, high) in [*conditions, (inner, limits)]:
            inner = _guarded(inner, value, low, high)
    if not rising:
        inner = simplify(make("neg", inner))
        outer = substitute(outer, {RANK: make("neg", RANK)})
    outer = simplify(outer)
    trace(1, "rank", lambda: brief(inner))
    trace(1, "outer", lambda: brief(outer))
    return inner, outer


def _unproved(layer: Expr, inner: Expr) -> Range:
    """The domain of a function that its operand is not proved to stay in."""
    domain = _DOMAINS.get(layer.op, ANY)
    if layer.op == "pow" and layer.args[0] is RANK and layer.args[1].value % 1.0 != 0.0:
        domain = (0.0, math.inf)
    low, high = range_of(inner)
    return ANY if domain[0] <= low and high <= domain[1] else domain


def _both(a: Range, b: Range) -> Range:
    return max(a[0], b[0]), min(a[1], b[1])


def _through(layer: Expr, limits: Range) -> Range | None:
    """The limits of a function's operand that keep its value within ``limits``; None where that is no interval."""
    if limits == ANY:
        return ANY
    low, high = limits
    fixed = next((a.value for a in layer.args if a.op == "number"), 0.0)
    first = bool(layer.args) and layer.args[0] is RANK
    if layer.op == "neg" or (layer.op == "sub" and not first):
        return fixed - high, fixed - low
    if layer.op in ("add", "sub"):
        shift = fixed if layer.op == "add" else -fixed
        return low - shift, high - shift
    if layer.op == "mul" or (layer.op == "div" and first):
        scale = fixed if layer.op == "mul" else 1.0 / fixed
        return (low / scale, high / scale) if scale > 0.0 else (high / scale, low / scale)
    if layer.op == "minimum" and fixed >= low:
        return low, math.inf if fixed <= high else high
    if layer.op == "maximum" and fixed <= high:
        return -math.inf if fixed >= low else low, high
    return None


def _guarded(rank: Expr, value: Expr, low: float, high: float) -> Expr:
    """``rank`` where ``value`` is inside of [low, high], else NaN."""
    for op, limit in (("ge", low), ("le", high)):
        if math.isfinite(limit):
            rank = make("where", make(op, value, number(limit)), rank, number(math.nan))
    return rank


def apply_outer(outer: Expr, rank: Expr) -> Expr:
    """``outer`` of an expression, simplified."""
    return simplify(substitute(outer, {RANK: rank}))


def _peel(expr: Expr, sides: Sides) -> tuple[Expr, Expr, bool] | None:
    """(operand, the outermost function with RANK for the operand, whether it rises); None if it is not monotone."""
    if expr.op in _RISING or expr.op in _FALLING:
        return expr.args[0], make(expr.op, RANK), expr.op in _RISING
    if len(expr.args) != 2:
        return _even(expr)
    if expr.op == "mul":
        powers = factors(expr).powers
        ((atom, exponent),) = powers.items() if len(powers) == 1 else ((None, 0.0),)
        if atom is not None and expr in _powers_of(atom) and never_negative(atom):
            return atom, simplify(make("pow", RANK, number(exponent))), True
    for position in (0, 1):
        other = expr.args[1 - position]
        if _is_fixed(other) and sides(expr.args[position]) != NEITHER:
            inner = expr.args[position]
            direction = _direction(expr.op, position, inner, other)
            if direction:
                fixed = _computed(other)
                args = (RANK, fixed) if position == 0 else (fixed, RANK)
                return inner, make(expr.op, *args), direction > 0
    return None


def _powers_of(atom: Expr) -> tuple[Expr, ...]:
    """The small powers as the simplifier writes them."""
    return tuple(simplify(make("pow", atom, number(float(exponent)))) for exponent in (2, 3, 4))


def _is_fixed(expr: Expr) -> bool:
    """Whether a scalar of numbers and captured arrays alone (the dimension of the data is none)."""
    return not expr.is_vector and all(node.op == "number" or node.op == "constant" or node.args for node in walk(expr))


def _computed(fixed: Expr) -> Expr:
    """A scalar of numbers and captured arrays as the number it is."""
    return fixed if fixed.op == "number" else number(float(evaluate(fixed, [[0.0]], [[0.0]])[0, 0]))


def _direction(op: str, position: int, inner: Expr, other: Expr) -> int:
    """1 if ``op`` rises strictly in the operand at ``position``, -1 if it falls, 0 if neither is sure."""
    low, high = range_of(other)
    inside = range_of(inner)
    if op == "add":
        return 1
    if op == "sub":
        return 1 if position == 0 else -1
    if op == "mul" or (op == "div" and position == 0):
        return 1 if low > 0.0 else -1 if high < 0.0 else 0
    if op == "div":
        return _reciprocal(inside, low, high)
    if op == "pow":
        return _power(position, inside, low, high)
    return 1 if op in ("minimum", "maximum") else 0


def _reciprocal(inside: Range, low: float, high: float) -> int:
    """Of ``c / a``: falls for c > 0 where ``a`` keeps one sign."""
    if inside[0] < 0.0 < inside[1]:
        return 0
    return -1 if low > 0.0 else 1 if high < 0.0 else 0


def _power(position: int, inside: Range, low: float, high: float) -> int:
    """Of ``a**c`` (position 0) and ``c**a``."""
    if position == 1:
        return 1 if low > 1.0 else -1 if low > 0.0 and high < 1.0 else 0
    if low != high:
        return 0
    odd = low % 2.0 == 1.0 and low > 0.0
    if not (inside[0] >= 0.0 or odd or low != math.floor(low)):
        return 0
    return 1 if low > 0.0 else -1 if low < 0.0 else 0


def _even(expr: Expr) -> tuple[Expr, Expr, bool] | None:
    """``abs`` and ``cosh`` of what is never negative."""
    if expr.op in ("abs", "cosh") and never_negative(expr.args[0]):
        return expr.args[0], make(expr.op, RANK), True
    return None

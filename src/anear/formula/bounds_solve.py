"""The value of a leaf for which a function of it has a given value, where functions can be turned back one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from anear.formula.expression import Expr, make, number
from anear.formula.graph import POINT, Sides
from anear.formula.ranges import Assumed
from anear.formula.simplify import simplify

__all__ = ["solved"]


def solved(expr: Expr, leaf: Expr, level: Expr, ranges: Assumed) -> Expr | None:
    """The value of ``leaf`` for which ``expr`` is ``level``, if the leaf occurs once under functions that turn back."""
    sides = Sides()
    while expr is not leaf:
        varying = list(dict.fromkeys(a for a in expr.args if sides(a) & POINT))
        if len(varying) != 1:
            return None
        inverse = _INVERSES.get(expr.op)
        other = next((a for a in expr.args if a is not varying[0]), None)
        found = None if inverse is None else inverse(level, expr, other, ranges)
        if found is None:
            return None
        expr, level = varying[0], simplify(found)
    return level


_Inverse = Callable[[Expr, Expr, "Expr | None", Assumed], "Expr | None"]
"""(level, node, the operand that does not vary, ranges) -> what the varying operand must be."""


def _undo_mul(level: Expr, node: Expr, other: Expr | None, ranges: Assumed) -> Expr | None:
    if other is None:  # a * a: of what is not negative
        onto = ranges(node.args[0])[0] >= 0.0 and ranges(level)[0] >= 0.0
        return make("sqrt", level) if onto else None
    low, high = ranges(other)
    return make("div", level, other) if low > 0.0 or high < 0.0 else None


def _undo_div(level: Expr, node: Expr, other: Expr | None, ranges: Assumed) -> Expr | None:
    if other is None:
        return None
    if node.args[1] is other:
        return make("mul", level, other)
    onto = all(ranges(part)[0] >= 0.0 for part in (other, level, node.args[1]))
    return make("div", other, level) if onto else None


def _undo_sub(level: Expr, node: Expr, other: Expr | None, ranges: Assumed) -> Expr | None:
    if other is None:
        return None
    return make("add", level, other) if node.args[1] is other else make("sub", other, level)


def _exponential(level: Expr) -> Expr:
    """``exp(level)``; of ``log(a) + n`` it is a multiple of ``a``."""
    if level.op == "log":
        return level.args[0]
    if level.op in ("add", "sub") and level.args[1].op == "number":
        shift = level.args[1].value if level.op == "add" else -level.args[1].value
        if abs(shift) < LARGEST_SHIFT:
            return make("mul", number(math.exp(shift)), _exponential(level.args[0]))
    return make("exp", level)


LARGEST_SHIFT: Final = 80.0
"""Of a logarithm: what it multiplies by stays well inside of float32's numbers."""

_INVERSES: Final[dict[str, _Inverse]] = {
    "neg": lambda level, node, other, ranges: make("neg", level),
    "add": lambda level, node, other, ranges: None if other is None else make("sub", level, other),
    "sub": _undo_sub,
    "mul": _undo_mul,
    "div": _undo_div,
    "log": lambda level, node, other, ranges: _exponential(level),
    "exp": lambda level, node, other, ranges: make("log", level) if ranges(level)[0] >= 0.0 else None,
    "sqrt": lambda level, node, other, ranges: make("mul", level, level) if ranges(level)[0] >= 0.0 else None,
}

"""How far an expression computed in float64 may be from its true value: corners of computed numbers leave room for it.

Each operation adds its own rounding to what it makes of its operands' errors, to first order; the factor 2 covers the
rest, as long as errors are small beside the values. What has no rule and no exact operands has no bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from anear.formula.derivative import derivative
from anear.formula.expression import UNARY, Expr, constant, make, number, point_field, walk, x
from anear.formula.graph import substitute
from anear.formula.plan import exact_plan
from anear.formula.polynomial import dimension_of
from anear.formula.relative import Count, RelativeError
from anear.formula.simplify import simplify

__all__ = ["float64_error"]

UNIT: Final = 2.0**-53
LIBRARY: Final = 4.0
ZERO: Final = number(0.0)
_T: Final = point_field("t")


def float64_error(expr: Expr) -> Expr | None:
    """An expression that the error of ``expr`` in float64 does not exceed; 0 for raw data; None: not bounded.

    Examples
    --------
    >>> from anear.formula import y
    >>> float64_error(y), float64_error(y + y)
    (0, 2.220446049250313e-16 * abs(y + y))
    """
    plan = exact_plan(expr)
    relative = RelativeError(plan, double=True)
    errors: dict[Expr, Expr | None] = {}
    for leafed in walk(plan.pair):
        node = relative.facts.meaning(leafed)
        if not leafed.args:
            errors[node] = ZERO
            continue
        count = relative.of(leafed)
        if count is not None:
            errors[node] = _counted(node, count)
            continue
        inner = [errors[a] for a in node.args]
        known = [e for e in inner if e is not None]
        rule = _RULES.get(node.op, _function)
        error = rule(node, *known) if len(known) == len(inner) else None
        if error is not None and error is not ZERO and node.is_vector and not error.is_vector:
            error = make("where", node, error, error)  # as many as the node has
        errors[node] = error
    found = errors[expr]
    return None if found is None else simplify(make("mul", number(2.0), found))


def _counted(node: Expr, count: Count) -> Expr:
    """Of a node whose error is so many roundings of its value."""
    fixed, per_dimension = count
    if per_dimension:
        units = make("add", number(fixed * UNIT), make("mul", number(per_dimension * UNIT), dimension_of(x)))
        return make("mul", units, _size(node))
    return _own(node, fixed) if fixed else ZERO


def _size(a: Expr) -> Expr:
    return make("abs", a)


def _own(node: Expr, units: float = 1.0) -> Expr:
    return make("mul", number(units * UNIT), _size(node))


def _plus(*parts: Expr) -> Expr:
    total: Expr = ZERO
    for part in parts:
        total = part if total is ZERO else total if part is ZERO else make("add", total, part)
    return total


def _times(a: Expr, b: Expr) -> Expr:
    return ZERO if ZERO in (a, b) else make("mul", a, b)


def _exact(node: Expr, *errors: Expr) -> Expr:
    """neg, abs, and the choice of one of several numbers."""
    return _plus(*dict.fromkeys(errors))


def _add(node: Expr, ea: Expr, eb: Expr) -> Expr:
    return _plus(ea, eb, _own(node))


def _mul(node: Expr, ea: Expr, eb: Expr) -> Expr:
    a, b = node.args
    return _plus(_times(ea, _size(b)), _times(eb, _size(a)), _own(node))


def _div(node: Expr, ea: Expr, eb: Expr) -> Expr:
    top = _plus(ea, _times(eb, _size(node)))
    return _plus(top if top is ZERO else make("div", top, _size(node.args[1])), _own(node))


def _sqrt(node: Expr, ea: Expr) -> Expr:
    return _plus(ea if ea is ZERO else make("div", ea, node), _own(node))


def _sum(node: Expr, ea: Expr) -> Expr:
    (a,) = node.args
    roundings = make("mul", make("mul", number(UNIT), dimension_of(a)), make(node.op, _size(a)))
    return roundings if ea is ZERO else _plus(make(node.op, ea), roundings)


def _matvec(node: Expr, matrix: Expr, ea: Expr) -> Expr:
    values, a = node.args[0].value.values, node.args[1]
    sizes = constant(np.abs(values))
    rounded = make("matvec", constant(np.abs(values) * (UNIT * values.shape[1])), _size(a))
    return rounded if ea is ZERO else _plus(make("matvec", sizes, ea), rounded)


def _prod(node: Expr, ea: Expr) -> Expr | None:
    (a,) = node.args
    return make("mul", make("mul", number(UNIT), dimension_of(a)), _size(node)) if ea is ZERO else None


def _comparison(node: Expr, ea: Expr, eb: Expr) -> Expr:
    """None where the operands are farther apart than they may be off, else beyond all bounds."""
    if ea is ZERO and eb is ZERO:
        return ZERO
    sure = make("lt", _plus(ea, eb), _size(make("sub", *node.args)))
    return make("where", sure, ZERO, number(math.inf))


def _where(node: Expr, condition: Expr, ea: Expr, eb: Expr) -> Expr:
    chosen = ea if ea is eb else make("where", node.args[0], ea, eb)
    return _plus(chosen, condition)


def _xlogy(node: Expr, ea: Expr, eb: Expr) -> Expr:
    a, b = node.args
    of_log = eb if eb is ZERO else make("div", _times(eb, _size(a)), _size(b))
    return _plus(_times(ea, _size(make("log", b))), of_log, _own(node, LIBRARY + 1.0))


def _part(node: Expr, ea: Expr) -> Expr:
    return ea if ea is ZERO else make(node.op, ea, value=node.value)


def _function(node: Expr, *errors: Expr) -> Expr | None:
    """A library function: its slope times its operand's error."""
    if node.op in _JUMPS:
        return ZERO if all(e is ZERO for e in errors) else None
    own = _plus(_own(node, LIBRARY), number(LIBRARY * UNIT) if node.op in ("sin", "cos", "tan") else ZERO)
    if all(e is ZERO for e in errors):
        return own
    fixed = node.args[1:]
    unary = node.op in UNARY or (node.op == "pow" and fixed[0].op == "number")
    slope = derivative(make(node.op, _T, *fixed), _T) if unary else None
    return None if slope is None else _plus(_times(errors[0], _size(substitute(slope, {_T: node.args[0]}))), own)


_JUMPS: Final = frozenset({"floor", "sign", "mod"})

_RULES: Final[dict[str, Callable[..., Expr | None]]] = {
    **dict.fromkeys(("neg", "abs", "minimum", "maximum"), _exact),
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), _comparison),
    **dict.fromkeys(("max", "min", "index", "slice"), _part),
    **dict.fromkeys(("sum", "cumsum"), _sum),
    **dict.fromkeys(("add", "sub"), _add),
    "mul": _mul,
    "div": _div,
    "sqrt": _sqrt,
    "matvec": _matvec,
    "prod": _prod,
    "where": _where,
    "xlogy": _xlogy,
}

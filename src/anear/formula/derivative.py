"""The derivative of an elementwise expression by one of its leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from anear.formula.expression import Expr, make, number, walk
from anear.formula.simplify import simplify

__all__ = ["derivative"]

ZERO: Final = number(0.0)
ONE: Final = number(1.0)
TWO: Final = number(2.0)


def derivative(expr: Expr, leaf: Expr) -> Expr | None:
    """d expr / d leaf, simplified; None where it has none everywhere (``abs``), or the rules do not know it.

    ``expr`` must be elementwise in ``leaf``: each coordinate of it depends on the same coordinate of ``leaf`` alone.

    Examples
    --------
    >>> from anear.formula import log, y
    >>> derivative(y * log(y), y)
    log(y) + y / y
    """
    found: dict[Expr, Expr | None] = {}
    depends: dict[Expr, bool] = {}
    for node in walk(expr):
        depends[node] = node is leaf or any(depends[a] for a in node.args)
        if node is leaf:
            found[node] = ONE
        elif not depends[node]:
            found[node] = ZERO
        else:
            rule = _RULES.get(node.op)
            inner = [found[a] for a in node.args]
            known = [d for d in inner if d is not None]
            usable = rule is not None and len(known) == len(inner)
            result = rule(node, *node.args, *known) if rule is not None and usable else None
            found[node] = None if result is None else simplify(result)
    return found[expr]


def _add(a: Expr, b: Expr) -> Expr:
    return b if a is ZERO else a if b is ZERO else make("add", a, b)


def _sub(a: Expr, b: Expr) -> Expr:
    return a if b is ZERO else make("neg", b) if a is ZERO else make("sub", a, b)


def _mul(a: Expr, b: Expr) -> Expr:
    if a is ZERO or b is ZERO:
        return ZERO
    return b if a is ONE else a if b is ONE else make("mul", a, b)


def _div(a: Expr, b: Expr) -> Expr:
    return ZERO if a is ZERO else make("div", a, b)


def _quotient(node: Expr, a: Expr, b: Expr, da: Expr, db: Expr) -> Expr:
    return _sub(_div(da, b), _div(_mul(a, db), make("mul", b, b)))


def _pow(node: Expr, a: Expr, b: Expr, da: Expr, db: Expr) -> Expr | None:
    if b.op == "number":
        return _mul(_mul(b, make("pow", a, number(b.value - 1.0))), da)
    if a.op == "number" and a.value > 0.0:
        return _mul(_mul(node, make("log", a)), db)
    return None


def _xlogy(node: Expr, a: Expr, b: Expr, da: Expr, db: Expr) -> Expr:
    return _add(_mul(da, make("log", b)), _div(_mul(a, db), b))


_RULES: Final[dict[str, Callable[..., Expr | None]]] = {
    "neg": lambda node, a, da: make("neg", da),
    "add": lambda node, a, b, da, db: _add(da, db),
    "sub": lambda node, a, b, da, db: _sub(da, db),
    "mul": lambda node, a, b, da, db: _add(_mul(da, b), _mul(a, db)),
    "div": _quotient,
    "pow": _pow,
    "sqrt": lambda node, a, da: _div(da, make("mul", TWO, node)),
    "exp": lambda node, a, da: _mul(node, da),
    "log": lambda node, a, da: _div(da, a),
    "log1p": lambda node, a, da: _div(da, make("add", a, ONE)),
    "expm1": lambda node, a, da: _mul(make("exp", a), da),
    "xlogy": _xlogy,
    "sin": lambda node, a, da: _mul(make("cos", a), da),
    "cos": lambda node, a, da: make("neg", _mul(make("sin", a), da)),
    "sinh": lambda node, a, da: _mul(make("cosh", a), da),
    "cosh": lambda node, a, da: _mul(make("sinh", a), da),
    "tanh": lambda node, a, da: _mul(make("sub", ONE, make("mul", node, node)), da),
    "arctan": lambda node, a, da: _div(da, make("add", make("mul", a, a), ONE)),
}

"""Two shapes of divergence that convexity makes non-negative, found in any formula.

Bregman     F(y) - F(x) - F'(x)*(y - x),  the first-order error of a convex F   (squared L2, KL, Itakura-Saito, ...)
Jensen      F(x) + F(y) - 2*F((x + y)/2),  the gap at the middle              (Jensen-Shannon, ...)

F is read off the formula, not looked up: for Bregman, the point's term of the bilinear form must be the antiderivative
of the query's factor.
"""

from __future__ import annotations

from dataclasses import dataclass

from anear.formula.bilinear import bilinear_plan
from anear.formula.canonical import canonical, equal, on_diagonal
from anear.formula.collect import collected
from anear.formula.derivative import derivative
from anear.formula.expression import Expr, make, number, walk, x, y
from anear.formula.graph import size, substitute
from anear.formula.ranges import range_of
from anear.formula.show import brief

__all__ = ["Divergence", "bregman", "jensen", "second_derivative_sign", "summand"]

MOST_NODES = 30
"""Larger expressions are not differentiated: derivatives grow fast."""

_POSITIVE_ONLY = frozenset({"log", "sqrt", "pow", "rsqrt", "xlogy"})


@dataclass(frozen=True, slots=True)
class Divergence:
    """``kind`` "Bregman" or "Jensen" with its convex ``generator`` F, written in ``y``; ``of_point`` tells the order:
    D(y, x) with the point first. ``positive`` says that F is convex for positive coordinates only.
    """

    kind: str
    generator: Expr
    of_point: bool
    positive: bool

    @property
    def reason(self) -> str:
        """In words."""
        where = ", for positive coordinates" if self.positive else ""
        return f"{self.kind} divergence of the convex F(y) = {brief(self.generator)}{where}"


def second_derivative_sign(expr: Expr, leaf: Expr) -> tuple[bool, bool] | None:
    """(convex, only for positive coordinates) of an elementwise expression; None if it is not convex, or not known."""
    first = derivative(expr, leaf) if size(expr) <= MOST_NODES else None
    second = None if first is None else derivative(canonical(first), leaf)
    if second is None or size(second) > 4 * MOST_NODES:
        return None
    second = canonical(second)
    if range_of(second)[0] >= 0.0:
        return True, any(node.op in _POSITIVE_ONLY for node in walk(expr))
    positive = substitute(second, {leaf: make("exp", leaf)})
    return (True, True) if range_of(positive)[0] >= 0.0 else None


def bregman(rank: Expr) -> Divergence | None:
    """The Bregman divergence that a rank is, if it is one."""
    if on_diagonal(rank) is not number(0.0):
        return None
    for of_point in (True, False):
        form = rank if of_point else substitute(rank, {x: y, y: x})
        found = _bregman_of_point(form)
        if found is not None:
            generator, positive = found
            return Divergence("Bregman", generator, of_point, positive)
    return None


def _bregman_of_point(rank: Expr) -> tuple[Expr, bool] | None:
    """(F, only for positive) of D(y, x) = F(y) - F(x) - F'(x)*(y - x)."""
    plan = bilinear_plan(rank)
    if plan is None or len(plan.point) > 2 or plan.point[0] is not y:
        return None
    bias = plan.point[1] if len(plan.point) == 2 else number(0.0)
    generator = summand(bias)
    if generator is None:
        return None
    slope = derivative(generator, y)
    if slope is None or not equal(substitute(slope, {y: x}), make("neg", plan.query[0])):
        return None
    sign = second_derivative_sign(generator, y)
    return None if sign is None else (generator, sign[1])


def summand(bias: Expr) -> Expr | None:
    """v of a scalar that is sum(v), for sums and differences of such sums times numbers."""
    if bias.op == "sum":
        inner = bias.args[0]
        elementwise = all(
            node.op not in ("sum", "prod", "max", "min", "cumsum", "matvec", "slice") for node in walk(inner)
        )
        return inner if elementwise else None
    if bias.op in ("add", "sub"):
        parts = [summand(a) for a in bias.args]
        return None if parts[0] is None or parts[1] is None else make(bias.op, parts[0], parts[1])
    if bias.op == "neg":
        part = summand(bias.args[0])
        return None if part is None else make("neg", part)
    if bias.op == "mul" and bias.args[0].op == "number":
        part = summand(bias.args[1])
        return None if part is None else make("mul", bias.args[0], part)
    return None


def jensen(rank: Expr) -> Divergence | None:
    """The Jensen gap that a rank is, if it is one."""
    query, point, both = collected(rank)
    generator = summand(point)
    if generator is None or not equal(substitute(query, {x: y}), point) or on_diagonal(rank) is not number(0.0):
        return None
    middle = make("mul", number(0.5), make("add", x, y))
    if not equal(substitute(both, {x: middle, y: middle}), both):
        return None
    sign = second_derivative_sign(generator, y)
    return None if sign is None else Divergence("Jensen", generator, True, sign[1])

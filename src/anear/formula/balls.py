"""Bounds of a metric's rank over a ball of points: for trees that know nothing of their points but distances.

A ball is one more kind of point: ``y`` is its centre, ``point_field("radius")`` what no point in it is farther from the
centre than. By the triangle inequality no point of it is nearer to x than ``distance(x, centre) - radius``; the rank
that belongs to that distance is the bound.

Everything is rounded, so each step is moved outwards by more than it may be off: the rank of x and the centre by the
bound that is proved for its plan, every function around it by ``_ROUNDINGS`` units. What comes out is a lower bound of
the true rank as it is computed, and needs no margin of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from anear.formula.bounds_error import float64_error
from anear.formula.expression import Expr, make, number, point_field, prepared, walk
from anear.formula.outer import RANK
from anear.formula.plan import Plan
from anear.formula.ranges import range_of
from anear.formula.simplify import simplify

__all__ = ["RADIUS", "ball_plan", "reach"]

RADIUS: Final = point_field("radius")

_ROUNDINGS: Final = 16.0  # units of roundoff that one function may be off by, twice over
_LARGEST_LOG: Final = 710.0  # of a float64: by so many roundings a rounded exponent moves a power
_MORE: Final = 1.03  # for terms of second order, and for the rounding of a rounding bound


@dataclass(frozen=True, slots=True)
class _Ends:
    """What a number is at least and at most."""

    low: Expr
    high: Expr


def ball_plan(plan: Plan, outer: Expr, factor: float, unit: float) -> Plan | None:
    """The plan that bounds a rank over balls; None where the rank that belongs to a distance cannot be computed.

    Parameters
    ----------
    plan : computes the rank.
    outer : makes the distance of the rank.
    factor : the plan's rounding bound for the dimension and the arithmetic; see ``Plan.relative``.
    unit : the unit roundoff of the arithmetic.
    """
    slots = {maximum: len(plan.point) + i for i, maximum in enumerate(dict.fromkeys((*plan.maxima, RADIUS)))}
    size: Expr = make("abs", plan.pair) if plan.relative_to_rank or plan.relative is None else number(0.0)
    for maximum, slot in zip(plan.maxima, plan.slack, strict=True):
        size = make("add", size, make("mul", prepared("query", slot, False), prepared("point", slots[maximum], False)))
    value, off = plan.pair, make("mul", number(_MORE * factor + _ROUNDINGS * unit), size)
    if plan.offset is not None:
        offset = prepared("query", plan.offset, False)
        value = make("add", value, offset)
        off = make("add", off, make("mul", number(_ROUNDINGS * unit), make("abs", offset)))
    low = _down(make("sub", value, off), unit)
    distance = _enclosed(outer, _Ends(low, make("add", value, off)), unit)
    if distance is None:
        return None
    nearest = _down(make("sub", distance.low, prepared("point", slots[RADIUS], False)), unit)
    bound = nearest
    if outer is not RANK:
        zero = number(0.0)
        rank = _inverse(outer, make("maximum", nearest, zero), unit)
        if rank is None:
            return None
        bound = make("add", rank, make("minimum", nearest, zero))  # of balls that overlap x, the deeper one comes first
    return replace(
        plan,
        point=(*plan.point, *slots),
        pair=simplify(bound),
        maxima=(),
        slack=(),
        relative=None,
        offset=None,
        in_float64=None,
    )


def reach(expr: Expr, rank: Expr, outer: Expr, plan: Plan, factor: float) -> Expr | None:
    """What the distance is at most, computed in float64: ``expr`` itself but for a relative error of 2**-40, or with
    what its rank may be off by on top; None where the functions around the rank are not known.

    ``plan`` is the direct one, ``factor`` its rounding bound in float64.
    """
    if plan.careful:
        lost = float64_error(rank)
        return None if lost is None else _highest(rank, lost, outer)
    plan = plan.computed_in("float64")
    if not plan.maxima and {node.op for node in walk(outer)} <= {"prepared", "number", "mul", "div", "sqrt", "pow"}:
        return expr
    size: Expr = make("abs", rank) if plan.relative_to_rank or plan.relative is None else number(0.0)
    for maximum, slot in zip(plan.maxima, plan.slack, strict=True):
        size = make("add", size, make("mul", plan.query[slot], maximum))
    return _highest(rank, make("mul", number(2.0 * factor), size), outer)


def _highest(rank: Expr, off: Expr, outer: Expr) -> Expr | None:
    """What ``outer`` is at most where the rank may be off by ``off``."""
    ends = _enclosed(outer, _Ends(make("sub", rank, off), make("add", rank, off)), 2.0**-53)
    return None if ends is None else ends.high


def _down(value: Expr, unit: float, roundings: float = _ROUNDINGS) -> Expr:
    """Below ``value``, whatever its last operation was off by."""
    if range_of(value)[0] >= 0.0:
        return make("mul", value, number(1.0 - roundings * unit))
    return make("sub", value, make("mul", number(roundings * unit), make("abs", value)))


def _up(value: Expr, unit: float, roundings: float = _ROUNDINGS) -> Expr:
    return make("add", value, make("mul", number(roundings * unit), make("abs", value)))


# Functions that `outer` is made of, from the inside out.


def _inner(node: Expr) -> tuple[Expr, Expr | None, bool] | None:
    """(operand, the number beside it, whether it comes first) of one function."""
    if len(node.args) == 1:
        return node.args[0], None, True
    if len(node.args) != 2:
        return None
    a, b = node.args
    if a is b:
        return (a, None, True) if node.op == "mul" else None
    if b.op == "number":
        return a, b, True
    return (b, a, False) if a.op == "number" else None


def _rising(node: Expr) -> bool | None:
    """Whether a function of ``outer`` rises; None where that is not known."""
    found = _inner(node)
    if found is None:
        return None
    _, beside, first = found
    if node.op in ("neg", "arccos", "rsqrt"):
        return False
    if beside is None:
        return True if node.op in _INVERSES or node.op == "mul" else None
    if node.op == "sub":
        return first
    if node.op in ("add", "minimum", "maximum"):
        return True
    if node.op in ("mul", "div"):
        return bool(beside.value > 0.0) == (first or node.op == "mul")
    if node.op == "pow":
        return bool(beside.value > 0.0) if first else bool(beside.value > 1.0)
    return None


def _enclosed(outer: Expr, rank: _Ends, unit: float) -> _Ends | None:
    """The ends of ``outer`` between those of the rank, its own rounding included."""
    if outer is RANK:
        return rank
    found, rising = _inner(outer), _rising(outer)
    if found is None or rising is None:
        return None
    operand, beside, first = found
    inner = _enclosed(operand, rank, unit)
    if inner is None:
        return None

    def at(end: Expr) -> Expr:
        if beside is None:
            return make(outer.op, end, end) if outer.op == "mul" else make(outer.op, end)
        return make(outer.op, end, beside) if first else make(outer.op, beside, end)

    low, high = (at(inner.low), at(inner.high)) if rising else (at(inner.high), at(inner.low))
    if outer.op in ("neg", "minimum", "maximum", "abs"):
        return _Ends(low, high)
    roundings = _roundings(outer, beside, 1.0)
    return _Ends(_down(low, unit, roundings), _up(high, unit, roundings))


def _roundings(node: Expr, beside: Expr | None, power: float) -> float:
    """Of one function, or for power -1 of its inverse."""
    if beside is None or node.op != "pow":
        return _ROUNDINGS
    return _ROUNDINGS + 2.0 * _LARGEST_LOG * float(abs(beside.value) ** power)


def _inverse(outer: Expr, least: Expr, unit: float) -> Expr | None:
    """A number that the rank is not below where ``outer`` of it is at least ``least``."""
    below = True  # whether the operand at hand is at least `value`; else it is at most that
    value = least
    while outer is not RANK:
        found, rising = _inner(outer), _rising(outer)
        if found is None or rising is None:
            return None
        operand, beside, first = found
        if not rising:
            below = not below
        made = _undone(outer, value, beside, first, below)
        if made is None:
            return None
        move = _down if below else _up
        if outer.op not in ("neg", "minimum", "maximum", "abs"):
            made = move(made, unit, _roundings(outer, beside, -1.0))
        if outer.op == "arccos":  # its zero is where a relative error says nothing
            made = make("sub" if below else "add", made, number(_ROUNDINGS * unit))
        value, outer = made, operand
    return value


def _undone(node: Expr, value: Expr, beside: Expr | None, first: bool, below: bool) -> Expr | None:
    """The operand of ``node`` that gives ``value``; beyond what it may give, what is known of the operand then."""
    if beside is None:
        if node.op == "mul":
            return make("sqrt", make("maximum", value, number(0.0)))
        return _INVERSES[node.op](value)
    if node.op in ("minimum", "maximum"):
        if (node.op == "minimum") == below:
            return value
        passes = make("lt" if node.op == "minimum" else "gt", value, beside)
        return make("where", passes, value, number(-math.inf if below else math.inf))
    if node.op == "add":
        return make("sub", value, beside)
    if node.op == "sub":
        return make("add", value, beside) if first else make("sub", beside, value)
    if node.op == "mul":
        return make("div", value, beside)
    if node.op == "div":
        return make("mul", value, beside) if first else make("div", beside, value)
    if node.op == "pow" and first and beside.value % 2.0 != 1.0:
        return make("pow", make("maximum", value, number(0.0)), number(1.0 / beside.value))
    return None


def _square(value: Expr) -> Expr:
    positive = make("maximum", value, number(0.0))
    return make("mul", positive, positive)


def _arsinh(value: Expr) -> Expr:
    square = make("mul", value, value)
    beyond = make("div", square, make("add", number(1.0), make("sqrt", make("add", square, number(1.0)))))
    return make("log1p", make("add", value, beyond))


def _artanh(value: Expr) -> Expr:
    ratio = make("div", make("mul", number(2.0), value), make("sub", number(1.0), value))
    return make("mul", number(0.5), make("log1p", ratio))


_INVERSES: Final[Mapping[str, Callable[[Expr], Expr]]] = {
    "sqrt": _square,
    "rsqrt": lambda value: make("div", number(1.0), _square(value)),
    "neg": lambda value: make("neg", value),
    "abs": lambda value: value,
    "exp": lambda value: make("log", value),
    "log": lambda value: make("exp", value),
    "log1p": lambda value: make("expm1", value),
    "expm1": lambda value: make("log1p", value),
    "sinh": _arsinh,
    "tanh": _artanh,
    "cosh": lambda value: make("arcosh", value),
    "arcosh": lambda value: make("cosh", value),
    "arcsin": lambda value: make("sin", value),
    "arccos": lambda value: make("cos", value),
    "arctan": lambda value: make("tan", value),
}

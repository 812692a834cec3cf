"""Interval arithmetic on formulas: the ends of an operation's value from the ends of its operands.

An end is None where it is not bounded. What the operands' signs decide is decided now; only what is left is computed
for each box.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from anear.formula.bounds_number import always_number
from anear.formula.expression import Expr, constant, make, number
from anear.formula.ranges import ANY, Range
from anear.formula.reductions import dimension

__all__ = ["RULES", "Ends", "Operand"]

ZERO: Final = number(0.0)
ONE: Final = number(1.0)


@dataclass(frozen=True, slots=True)
class Ends:
    """``low <= value <= high`` over a box (None: not bounded).

    ``tight`` says that low is reached in the box, ``tight_high`` that high is. ``uses`` are the coordinates of the
    point that the value depends on; ``apart`` says that a vector depends in each coordinate on that coordinate alone.
    """

    low: Expr | None
    high: Expr | None
    tight: bool = False
    tight_high: bool = False
    uses: frozenset[object] = frozenset()
    apart: bool = False

    @property
    def fixed(self) -> bool:
        """Whether the value does not depend on the box."""
        return self.low is self.high and self.low is not None


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand: its ends, and the range that these lie in anyway."""

    ends: Ends
    range: Range

    @property
    def sign(self) -> int:
        """1 if never negative, -1 if never positive, else 0."""
        return 1 if self.range[0] >= 0.0 else -1 if self.range[1] <= 0.0 else 0

    @property
    def turned(self) -> Operand:
        """The negative."""
        return Operand(_neg(self.ends), (-self.range[1], -self.range[0]))


def _on(op: str, *args: Expr | None, value: object = None) -> Expr | None:
    """The operation, where all operands are bounded."""
    known = [a for a in args if a is not None]
    return make(op, *known, value=value) if len(known) == len(args) else None


def _least(*values: Expr | None) -> Expr | None:
    return _chain("minimum", values)


def _greatest(*values: Expr | None) -> Expr | None:
    return _chain("maximum", values)


def _chain(op: str, values: tuple[Expr | None, ...]) -> Expr | None:
    result = values[0]
    for value in values[1:]:
        result = result if value is result else _on(op, result, value)
    return result


def _joined(low: Expr | None, high: Expr | None, *parts: Ends, exact: bool = True) -> Ends:
    """The ends of what rises in each part."""
    uses: frozenset[object] = frozenset().union(*(p.uses for p in parts))
    disjoint = exact and len(uses) == sum(len(p.uses) for p in parts)
    return Ends(
        low,
        high,
        disjoint and all(p.tight for p in parts),
        disjoint and all(p.tight_high for p in parts),
        uses,
        all(p.apart for p in parts),
    )


def _neg(a: Ends) -> Ends:
    return Ends(_on("neg", a.high), _on("neg", a.low), a.tight_high, a.tight, a.uses, a.apart)


def _add(node: Expr, a: Operand, b: Operand) -> Ends:
    p, q = a.ends, b.ends
    return _joined(_on("add", p.low, q.low), _on("add", p.high, q.high), p, q)


def _sub(node: Expr, a: Operand, b: Operand) -> Ends:
    p, q = a.ends, _neg(b.ends)
    return _joined(_on("sub", p.low, b.ends.high), _on("sub", p.high, b.ends.low), p, q)


def _mul(node: Expr, a: Operand, b: Operand) -> Ends:
    if node.args[0] is node.args[1]:
        return _folded(a, lambda v: _on("mul", v, v))
    if a.sign < 0:
        return _neg(_mul_signed(a.turned, b))
    if b.sign < 0:
        return _neg(_mul_signed(a, b.turned))
    return _mul_signed(a, b)


def _mul_signed(a: Operand, b: Operand) -> Ends:
    """Of two operands of which none is known to be negative."""
    if a.sign == 0 and b.sign != 0:
        a, b = b, a
    p, q = a.ends, b.ends
    if a.sign and b.sign:
        return _joined(_on("mul", p.low, q.low), _on("mul", p.high, q.high), p, q)
    if p.fixed and a.sign:
        return _joined(_on("mul", p.low, q.low), _on("mul", p.low, q.high), p, q)
    if p.fixed or q.fixed:
        (s, r) = (p, q) if p.fixed else (q, p)
        ends = _on("mul", s.low, r.low), _on("mul", s.low, r.high)
        return _joined(_least(*ends), _greatest(*ends), s, r, exact=r.tight and r.tight_high)
    products = [_on("mul", u, v) for u in (p.low, p.high) for v in (q.low, q.high)]
    return _joined(_least(*products), _greatest(*products), p, q, exact=False)


def _div(node: Expr, a: Operand, b: Operand) -> Ends:
    if b.sign < 0:
        a, b = a.turned, b.turned
    if b.sign == 0:
        return _div_if_positive(node, a, b)
    p, q = a.ends, b.ends
    tops = Ends(None, None, q.tight_high, q.tight, q.uses, q.apart)  # the reciprocal's
    if q.fixed or a.sign > 0:
        return _joined(_on("div", p.low, q.high), _on("div", p.high, q.low), p, tops)
    if a.sign < 0:
        return _joined(_on("div", p.low, q.low), _on("div", p.high, q.high), p, tops, exact=False)
    low = _least(_on("div", p.low, q.low), _on("div", p.low, q.high))
    high = _greatest(_on("div", p.high, q.low), _on("div", p.high, q.high))
    return _joined(low, high, p, q, exact=False)


def _div_if_positive(node: Expr, a: Operand, b: Operand) -> Ends:
    """Where the box shows that the divisor is positive."""
    if b.ends.low is None:
        return Ends(None, None)
    positive = make("gt", b.ends.low, ZERO)
    found = _div(node, a, Operand(b.ends, (0.0, math.inf)))
    low = None if found.low is None else make("where", positive, found.low, number(-math.inf))
    high = None if found.high is None else make("where", positive, found.high, number(math.inf))
    return Ends(low, high, False, False, found.uses, found.apart)


def _folded(a: Operand, power: Callable[[Expr | None], Expr | None]) -> Ends:
    """The absolute value or an even power."""
    p = a.ends
    if a.sign < 0:
        p = _neg(p)
    if a.sign:
        return Ends(power(p.low), power(p.high), p.tight, p.tight_high, p.uses, p.apart)
    low = None if p.low is None or p.high is None else _greatest(p.low, make("neg", p.high))
    low = _greatest(low, ZERO)
    high = _greatest(p.high, _on("neg", p.low))
    both = p.tight and p.tight_high
    return Ends(power(low), power(high), both, both, p.uses, p.apart)


def _abs(node: Expr, a: Operand) -> Ends:
    return _folded(a, lambda v: v)


def _within(a: Operand, least: float, greatest: float) -> Ends:
    """The ends of an operand of which only values in a range count: others are no number afterwards."""
    p = a.ends
    low, high, tight, tight_high = p.low, p.high, p.tight, p.tight_high
    if a.range[0] < least:
        low, tight = number(least) if low is None else make("maximum", low, number(least)), False
    if a.range[1] > greatest:
        high, tight_high = number(greatest) if high is None else make("minimum", high, number(greatest)), False
    return Ends(low, high, tight, tight_high, p.uses, p.apart)


def _same(node: Expr, a: Operand) -> Ends:
    """A rising function."""
    p = _within(a, *_DOMAINS.get(node.op, ANY))
    low, high = _on(node.op, p.low, value=node.value), _on(node.op, p.high, value=node.value)
    return Ends(low, high, p.tight, p.tight_high, p.uses, p.apart)


def _turned(node: Expr, a: Operand) -> Ends:
    """A falling function."""
    p = _within(a, *_DOMAINS[node.op])
    return Ends(_on(node.op, p.high), _on(node.op, p.low), p.tight_high, p.tight, p.uses, p.apart)


def _cosh(node: Expr, a: Operand) -> Ends:
    return _folded(a, lambda v: _on("cosh", v))


def _reduced(node: Expr, a: Operand) -> Ends:
    """A sum, a maximum, a minimum; a product of what is not negative."""
    if node.op == "prod" and a.sign <= 0:
        return Ends(None, None)
    p = a.ends
    exact = p.apart
    low, high = (_reduction(node, end) for end in (p.low, p.high))
    return Ends(low, high, p.tight and exact, p.tight_high and exact, p.uses, True)


def _reduction(node: Expr, end: Expr | None) -> Expr | None:
    """Over an end of the operand, which is one number where all its coordinates have the same."""
    if end is None or end.is_vector:
        return _on(node.op, end)
    if node.op == "sum":
        return _on("mul", end, dimension(node.args[0]))
    return None if node.op == "prod" else end


def _cumsum(node: Expr, a: Operand) -> Ends:
    p = a.ends
    return Ends(_on("cumsum", _vector(p.low)), _on("cumsum", _vector(p.high)), False, False, p.uses, False)


def _vector(end: Expr | None) -> Expr | None:
    """Not one number for all coordinates: such an end is left out."""
    return end if end is not None and end.is_vector else None


def _matvec(node: Expr, matrix: Operand, a: Operand) -> Ends:
    """The positive entries meet one end, the negative ones the other."""
    values, p = node.args[0].value.values, a.ends
    up, down = constant(np.maximum(values, 0.0)), constant(np.minimum(values, 0.0))
    least, most = _vector(p.low), _vector(p.high)
    low = _on("add", _on("matvec", up, least), _on("matvec", down, most))
    high = _on("add", _on("matvec", up, most), _on("matvec", down, least))
    return Ends(low, high, False, False, p.uses, False)


def _pow(node: Expr, a: Operand, b: Operand) -> Ends:
    exponent = node.args[1]
    p, q = a.ends, b.ends
    if exponent.op == "number":
        power = exponent.value
        if a.sign > 0 or power % 1.0 != 0.0 or (power > 0.0 and power % 2.0 == 1.0):
            p = _within(a, 0.0, math.inf) if power % 1.0 != 0.0 else p
            low, high = _on("pow", p.low, exponent), _on("pow", p.high, exponent)
            if power > 0.0:
                return Ends(low, high, p.tight, p.tight_high, p.uses, p.apart)
            return Ends(high, low, p.tight_high, p.tight, p.uses, p.apart)
        return _folded(a, lambda v: _on("pow", v, exponent)) if power > 0.0 else Ends(None, None)
    if p.fixed and a.range[0] >= 1.0:
        return Ends(_on("pow", p.low, q.low), _on("pow", p.low, q.high), q.tight, q.tight_high, q.uses, q.apart)
    if p.fixed and a.range[0] >= 0.0 and a.range[1] <= 1.0:
        return Ends(_on("pow", p.low, q.high), _on("pow", p.low, q.low), q.tight_high, q.tight, q.uses, q.apart)
    return Ends(None, None)


def _xlogy(node: Expr, a: Operand, b: Operand) -> Ends:
    if a.sign <= 0:
        return Ends(None, None)
    p, q = a.ends, _within(b, 0.0, math.inf)
    if p.fixed:
        return _joined(_on("xlogy", p.low, q.low), _on("xlogy", p.low, q.high), p, q)
    low = _least(_on("xlogy", p.low, q.low), _on("xlogy", p.high, q.low))
    high = _greatest(_on("xlogy", p.low, q.high), _on("xlogy", p.high, q.high))
    return _joined(low, high, p, q, exact=False)


def _extreme(node: Expr, a: Operand, b: Operand) -> Ends:
    """``minimum`` and ``maximum``; one bounded operand is enough for one of the ends."""
    p, q = a.ends, b.ends
    low, high = _on(node.op, p.low, q.low), _on(node.op, p.high, q.high)
    if node.op == "maximum" and low is None:
        low = q.low if p.low is None else p.low
    if node.op == "minimum" and high is None:
        high = q.high if p.high is None else p.high
    return _joined(low, high, p, q)


def _compare(node: Expr, a: Operand, b: Operand) -> Ends:
    """1 where it holds: at least where it holds for the worst ends, at most where it does for the best."""
    p, q = a.ends, b.ends
    if not always_number(*node.args):  # NaN compares as 0
        return Ends(ZERO, ONE)
    if node.op in ("lt", "le"):
        return Ends(_on(node.op, p.high, q.low), _on(node.op, p.low, q.high))
    return Ends(_on(node.op, p.low, q.high), _on(node.op, p.high, q.low))


def _equal(node: Expr, a: Operand, b: Operand) -> Ends:
    """``==`` and ``!=``, which ranges that do not meet decide."""
    if not always_number(*node.args):
        return Ends(ZERO, ONE)
    p, q = a.ends, b.ends
    beyond = _on("maximum", _on("gt", p.low, q.high), _on("gt", q.low, p.high))
    if node.op == "ne":
        return Ends(beyond, ONE)
    return Ends(ZERO, _on("sub", ONE, beyond))


def _where(node: Expr, c: Operand, a: Operand, b: Operand) -> Ends:
    """Both choices, but for a condition that the box decides."""
    p, q, chosen = a.ends, b.ends, c.ends
    certain = always_number(node.args[0])  # NaN chooses as 1, in a bound as well
    if chosen.fixed and chosen.low is not None and (certain or chosen.low.op != "number"):
        return _joined(_on("where", chosen.low, p.low, q.low), _on("where", chosen.low, p.high, q.high), p, q)
    low, high = _least(p.low, q.low), _greatest(p.high, q.high)
    if c.range[0] < 0.0 or not certain:
        return Ends(low, high)
    sure, possible = chosen.low, chosen.high
    return Ends(_decided(sure, possible, p.low, q.low, low), _decided(sure, possible, p.high, q.high, high))


def _decided(
    sure: Expr | None, possible: Expr | None, yes: Expr | None, no: Expr | None, either: Expr | None
) -> Expr | None:
    if yes is None or no is None or either is None:
        return None
    result = either if possible is None else make("where", possible, either, no)
    return result if sure is None else make("where", sure, yes, result)


def _wave(node: Expr, a: Operand) -> Ends:
    """sin and cos: -1 or 1 where the box holds a trough or a crest, else at the ends."""
    p = a.ends
    if p.low is None or p.high is None:
        return Ends(number(-1.0), ONE)
    crest, trough = (0.5, 1.5) if node.op == "sin" else (0.0, 1.0)
    at_low, at_high = make(node.op, p.low), make(node.op, p.high)
    low = make("where", _holds(p.low, p.high, trough), number(-1.0), make("minimum", at_low, at_high))
    high = make("where", _holds(p.low, p.high, crest), ONE, make("maximum", at_low, at_high))
    both = p.tight and p.tight_high
    return Ends(low, high, both, both, p.uses, p.apart)


def _holds(low: Expr, high: Expr, phase: float) -> Expr:
    """Whether [low, high] holds ``(phase + 2*k) * pi`` for a whole number k."""

    def turns(angle: Expr) -> Expr:
        return make("floor", make("mul", make("sub", angle, number(phase * math.pi)), number(0.5 / math.pi)))

    return make("ne", turns(low), turns(high))


_DOMAINS: Final[dict[str, Range]] = {
    **dict.fromkeys(("sqrt", "log", "rsqrt"), (0.0, math.inf)),
    **dict.fromkeys(("arcsin", "arccos"), (-1.0, 1.0)),
    "log1p": (-1.0, math.inf),
    "arcosh": (1.0, math.inf),
}

_RISING: Final = "sqrt exp log log1p expm1 sinh tanh arcosh arcsin arctan sign floor index slice".split()  # noqa: SIM905

RULES: Final[dict[str, Callable[..., Ends]]] = {
    **dict.fromkeys(_RISING, _same),
    **dict.fromkeys(("rsqrt", "arccos"), _turned),
    **dict.fromkeys(("sum", "max", "min", "prod"), _reduced),
    **dict.fromkeys(("minimum", "maximum"), _extreme),
    **dict.fromkeys(("lt", "le", "gt", "ge"), _compare),
    **dict.fromkeys(("eq", "ne"), _equal),
    **dict.fromkeys(("sin", "cos"), _wave),
    "neg": lambda node, a: _neg(a.ends),
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "abs": _abs,
    "cosh": _cosh,
    "cumsum": _cumsum,
    "matvec": _matvec,
    "pow": _pow,
    "xlogy": _xlogy,
    "where": _where,
}
"""(node, operands ...) -> the ends of its value."""

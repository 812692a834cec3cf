"""The shape of a function of one coordinate, from the sign of its derivative.

The function is looked at as one of two numbers: the coordinate t and its centre c, where it is expected to be best.
On either side of the centre ``t = c + s`` or ``c = t + s`` with s > 0. There |t - c|, maximum(t, c) and the like are
decided, and the derivative, multiplied out over a common denominator, often is a sum of positive terms:

    (c - t)**2 / (c + t):   f' * (c + t)**2 = t**2 + 2*c*t - 3*c**2 = 4*c*s + s**2       where t = c + s, and c, s > 0

Where it is not, the second derivative may be, and the first one 0 at the centre. Numbers of unknown sign are looked at
in both signs. Signs are written into the expressions themselves: a positive number is ``exp`` of a free one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from anear.formula.algebra import Expander
from anear.formula.bounds_solve import solved
from anear.formula.canonical import canonical
from anear.formula.derivative import derivative
from anear.formula.expression import ELEMENTWISE, Expr, make, number, point_field, query_field, walk
from anear.formula.graph import POINT, Sides, rebuild, size, substitute
from anear.formula.interpret import evaluate
from anear.formula.polynomial import Polynomial, written
from anear.formula.ranges import ANY, Assumed, Factors, Range, range_of
from anear.formula.simplify import simplify

__all__ = ["Slope", "by_derivative", "polynomial_sign"]

MOST_NODES: Final = 24
"""Larger functions are not differentiated: it would take long."""

_RATIOS: Final = (1e-9, 1e9)
_HALVINGS: Final = 64

_T: Final = point_field("t")
_C: Final = query_field("c")
_A: Final = make("exp", query_field("a"))
_B: Final = make("exp", query_field("b"))

_RANGES: Final[dict[int, Range]] = {0: ANY, 1: (0.0, math.inf), -1: (-math.inf, 0.0)}

Side = dict[Expr, Expr]
"""What t and c are on one side of the centre."""


class _VoidError(Exception):
    """The function is no number on this side."""


@dataclass(frozen=True, slots=True)
class Slope:
    """``kind`` "rising", "falling", "valley" or "peak"; the ``place`` of the last two; how it was found."""

    kind: str
    place: Expr | None
    reason: str


def by_derivative(expr: Expr, leaf: Expr, centre: Expr | None, ranges: Assumed) -> Slope | None:
    """The shape of a function that is elementwise in ``leaf``; None where nothing is proved.

    Parameters
    ----------
    expr : the function.
    leaf : its variable.
    centre : of the query: where a valley's bottom may be; None: there is no such place.
    ranges : of the leaves.
    """
    if size(expr) > MOST_NODES:
        return None
    function = _Function.of(expr, leaf, centre, ranges)
    if function is None:
        return None
    return function.convex() or function.monotone() or function.valley() or function.two_powers()


def _sign_of(found: Range) -> int:
    return 1 if found[0] >= 0.0 else -1 if found[1] <= 0.0 else 0


def _signed(positive: Expr, sign: int) -> Expr:
    return make("neg", positive) if sign < 0 else positive if sign > 0 else positive.args[0]


class _Function:
    """A function of the numbers t and c, and of fixed ones whose signs show."""

    def __init__(self, body: Expr, signs: tuple[int, int], meanings: dict[Expr, Expr]) -> None:
        self.body = body
        self.signs = signs
        self.meanings = meanings
        self.has_centre = _C in meanings

    @classmethod
    def of(cls, expr: Expr, leaf: Expr, centre: Expr | None, ranges: Assumed) -> _Function | None:
        """``expr`` over numbers; None where it is not elementwise in the leaf."""
        sides = Sides()
        names: dict[Expr, Expr] = {_T: _T}
        expr = substitute(expr, {leaf: _T})  # what lies below a leaf such as y[0] is not looked at
        if centre is not None:
            names[centre] = _C
        fixed: dict[Expr, Expr] = {}
        touching: dict[Expr, bool] = {}
        for node in walk(expr):
            touching[node] = node in names or (node.op in ELEMENTWISE and any(touching[a] for a in node.args))
            if node in names:
                continue
            if touching[node]:
                names[node] = make(node.op, *(names[a] for a in node.args), value=node.value)
            elif sides(node) & POINT:
                return None
            else:
                free = make("exp", query_field(f"fixed_{len(fixed)}"))
                names[node] = node if node.op == "number" else _signed(free, _sign_of(ranges(node)))
                fixed[names[node]] = node
        signs = _sign_of(ranges(leaf)), 0 if centre is None else _sign_of(ranges(centre))
        meanings = {name: node for name, node in fixed.items() if node.op != "number"}
        if centre is not None:
            meanings[_C] = centre
        return cls(names[expr], signs, meanings)

    def monotone(self) -> Slope | None:
        """Whether the function rises, or falls, for every t and c."""
        t, c = self.signs
        kinds = set()
        for sign in (t,) if t else (0,):
            kinds.add(self._slope({_T: _signed(_A, sign), _C: _signed(_B, c)}))
        kinds -= {0}
        if kinds <= {1}:
            return Slope("rising", None, "its derivative is never negative")
        return Slope("falling", None, "its derivative is never positive") if kinds == {-1} else None

    def valley(self) -> Slope | None:
        """Whether it falls to the centre and rises from there, or the other way round."""
        if not self.has_centre:
            return None
        for quadrants in self._quadrants():
            up = self._common(_above(t, c) for t, c in quadrants)
            if up is None:
                continue
            down = self._common(_below(t, c) for t, c in quadrants)
            if down is not None and up >= 0 >= down:
                return Slope("valley", self.meanings[_C], "its derivative has the sign of y - x")
            if down is not None and up <= 0 <= down:
                return Slope("peak", self.meanings[_C], "its derivative has the sign of x - y")
        return None

    def convex(self) -> Slope | None:
        """A convex or concave function whose derivative is 0 at the centre, or can be solved for its zero."""
        side = {_T: _signed(_A, self.signs[0]), _C: _signed(_B, self.signs[1])}
        try:
            smooth = _smoothed(self.body, side)
        except _VoidError:
            return None
        first = None if smooth is None else derivative(smooth, _T)
        if first is None:
            return None
        first = canonical(first)
        inside = self.has_centre and self.signs[0] in (0, self.signs[1])  # else no place for t
        centred = inside and polynomial_sign(substitute(first, {_T: side[_C], _C: side[_C]})) == 0
        place = _C if centred else self._stationary(first)
        second = None if place is None else derivative(first, _T)
        bend = None if second is None else polynomial_sign(substitute(second, side))
        if not bend or place is None:
            return None
        kind, reason = ("valley", "it is convex") if bend > 0 else ("peak", "it is concave")
        return Slope(kind, simplify(substitute(place, self.meanings)), reason)

    def two_powers(self) -> Slope | None:
        """A positive t's function whose derivative has the sign of ``a * t**q - b * t**p`` with positive a, b: it turns
        once, at ``(b / a) ** (1 / (q - p))``.
        """
        if self.signs[0] != 1:
            return None
        side = {_T: _A, _C: _signed(_B, self.signs[1])}
        try:
            smooth = _smoothed(self.body, side)
        except _VoidError:
            return None
        first = None if smooth is None else derivative(smooth, _T)
        terms = None if first is None else _cleared(substitute(first, side))
        powers: dict[float, list[Factors]] = {}
        for term in (terms or {}).values():
            power = term.powers.get(_A, 0.0)
            powers.setdefault(power, []).append(term.times(Factors(1.0, {_A: -power})))
        if len(powers) != 2:
            return None
        (p, low), (q, high) = sorted(powers.items())
        signs = [{_term_sign(term) for term in part} for part in (low, high)]
        if signs not in ([{-1}, {1}], [{1}, {-1}]) or len(high) != 1:
            return None
        over = high[0].power(-1.0)
        if over is None:
            return None
        parts = [term.times(over).times(Factors(-1.0, {})) for term in low]
        square = written({frozenset(part.powers.items()): part for part in parts})
        place = make("sqrt", square) if q - p == 2.0 else make("pow", square, number(1.0 / (q - p)))
        kind = "valley" if signs[1] == {1} else "peak"
        centre = {_B: make("neg", _C) if self.signs[1] < 0 else _C}
        found = simplify(substitute(substitute(place, centre), self.meanings))
        return Slope(kind, found, "its derivative changes its sign once")

    def _stationary(self, slope: Expr) -> Expr | None:
        """Where the slope is 0, if that is where t can be."""
        ranges = Assumed({name: _RANGES[sign] for name, sign in zip((_T, _C), self.signs, strict=True)})
        place = solved(slope, _T, number(0.0), ranges)
        if place is None:
            place = self._proportional(slope)
        if place is None or self.signs[0] not in (0, _sign_of(ranges(place))):
            return None
        return place

    def _proportional(self, slope: Expr) -> Expr | None:
        """Where the slope is 0, if it depends on t / c alone (Euler: t f_t + c f_c = 0): a multiple of c, by bisection.

        It is rounded, as other places are: the value at the bottom of a valley changes by the square of that.
        """
        known = all(n.args or n is _T or n is _C or n.op == "number" for n in walk(slope))
        if self.signs != (1, 1) or not known:
            return None
        changes = derivative(slope, _T), derivative(slope, _C)
        if changes[0] is None or changes[1] is None:
            return None
        both = make("add", make("mul", _T, changes[0]), make("mul", _C, changes[1]))
        if polynomial_sign(substitute(both, {_T: _A, _C: _B})) != 0:
            return None

        def at(ratio: float) -> float:
            return float(evaluate(slope, [[0.0]], [[0.0]], {"t": [ratio]}, {"c": [1.0]})[0, 0])

        low, high = _RATIOS
        rises = at(high) > 0.0
        if not (at(low) < 0.0 < at(high) or at(low) > 0.0 > at(high)):
            return None
        for _ in range(_HALVINGS):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if (at(middle) > 0.0) == rises else (middle, high)
        return make("mul", number(middle), _C)

    def _quadrants(self) -> Iterator[list[tuple[int, int]]]:
        """Ways to look at all signs of t and c."""
        yield [self.signs]
        if 0 in self.signs:
            yield [
                (t, c)
                for t in ([self.signs[0]] if self.signs[0] else [1, -1])
                for c in ([self.signs[1]] if self.signs[1] else [1, -1])
            ]

    def _common(self, sides: Iterator[Side | None]) -> int | None:
        """The slope on all sides: 1, -1, 0 (level, or no number); None where they differ or it is not known."""
        found = 0
        for side in sides:
            slope = 0 if side is None else self._slope(side)
            if slope is None or slope * found < 0:
                return None
            found = found or slope
        return found

    def _slope(self, side: Side) -> int | None:
        """The sign of the derivative on a side; None if not known."""
        try:
            smooth = _smoothed(self.body, side)
        except _VoidError:
            return 0
        first = None if smooth is None else derivative(smooth, _T)
        if first is None:
            return None
        sign = polynomial_sign(substitute(first, side))
        if sign is not None or side.get(_T) is None or not _adjacent(side):
            return sign
        first = canonical(first)
        start = polynomial_sign(substitute(first, {_T: side[_C], _C: side[_C]}))
        second = derivative(first, _T)
        bend = None if second is None or start is None else polynomial_sign(substitute(second, side))
        if bend is None or start is None:
            return None
        turn = (
            bend if _rises_from_centre(side) else -bend
        )  # which way the slope moves away from its value at the centre
        return None if start * turn < 0 else start or turn


def _adjacent(side: Side) -> bool:
    """Whether the side reaches to the centre: one of t and c is the other plus a positive number."""
    return side[_T].op in ("add", "sub") or side[_C].op in ("add", "sub")


def _rises_from_centre(side: Side) -> bool:
    """Whether t > c."""
    return polynomial_sign(make("sub", side[_T], side[_C])) == 1


def _above(t: int, c: int) -> Side | None:
    """t > c; None where their signs exclude it."""
    if t < 0 < c:
        return None
    if t < 0:
        high = make("neg", _A)
        return {_T: high, _C: make("sub", high, _B)}
    if c < 0 < t:
        return {_T: _A, _C: make("neg", _B)}
    low = _signed(_A, c)
    return {_C: low, _T: make("add", low, _B)}


def _below(t: int, c: int) -> Side | None:
    """t < c."""
    if c < 0 < t:
        return None
    if t > 0:
        return {_T: _A, _C: make("add", _A, _B)}
    if t < 0 < c:
        return {_T: make("neg", _A), _C: _B}
    high = _signed(_A, c)
    return {_C: high, _T: make("sub", high, _B)}


# --- signs of sums of products ----------------------------------------------------------------------------------------


def polynomial_sign(expr: Expr) -> int | None:
    """1, 0 or -1 where ``expr`` is never below, always, never above 0: where its sum of products shows it."""
    terms = _cleared(expr)
    if terms is None:
        return None
    signs = {_term_sign(term) for term in terms.values()}
    if None in signs or {1, -1} <= signs:
        return None
    return 1 if 1 in signs else -1 if -1 in signs else 0


def _term_sign(term: Factors) -> int | None:
    sign = 1 if term.number > 0.0 else -1
    for atom, exponent in term.powers.items():
        low, high = range_of(atom)
        if low >= 0.0 or exponent % 2.0 == 0.0:
            continue
        if high > 0.0 or exponent % 1.0 != 0.0:
            return None
        sign = -sign
    return sign


def _cleared(expr: Expr) -> Polynomial | None:
    """A sum of products with the sign of ``expr``: multiplied by its denominators; None if these have no sign."""
    for _ in range(4):
        terms = Expander(bilinear=True, one_sided=True)(expr)
        below: dict[Expr, float] = {}
        for term in terms.values():
            for atom, exponent in term.powers.items():
                if exponent < 0.0 and atom.op != "exp":
                    below[atom] = max(below.get(atom, 0.0), -exponent)
        if not below:
            return terms
        if any(_strict_sign(atom) != 1 for atom in below):
            return None
        factor = Factors(1.0, below)
        expr = written({key: term.times(factor) for key, term in terms.items()})
    return None


def _strict_sign(expr: Expr) -> int | None:
    """1 or -1 where ``expr`` never is 0 either, for finite free numbers."""
    low, high = range_of(expr)
    if low > 0.0 or high < 0.0:
        return 1 if low > 0.0 else -1
    terms = Expander(bilinear=True, one_sided=True)(expr)
    signs = {_strict_term_sign(term, expr) for term in terms.values()}
    return signs.pop() if len(signs) == 1 else None


def _strict_term_sign(term: Factors, whole: Expr) -> int | None:
    sign = 1 if term.number > 0.0 else -1
    for atom, exponent in term.powers.items():
        found = 1 if atom.op == "exp" else None if atom is whole else _strict_sign(atom)
        if found is None or (found < 0 and exponent % 1.0 != 0.0):
            return None
        sign *= found if exponent % 2.0 != 0.0 else 1
    return sign


# --- what has no derivative, decided on one side ----------------------------------------------------------------------

_LIMITED: Final = frozenset({"div", "log", "log1p", "xlogy", "sqrt", "pow"})
_SMOOTH: Final = frozenset({"neg", "exp", "expm1", "sin", "cos", "sinh", "cosh", "tanh", "arctan", "add", "sub", "mul"})


def _smoothed(body: Expr, side: Side) -> Expr | None:
    """``body`` without ``abs``, ``maximum``, ``minimum``; None if one of them is not decided, or it may jump."""

    def value(node: Expr) -> Expr:
        return substitute(node, side)

    def change(node: Expr) -> Expr:
        if node.op == "abs":
            sign = polynomial_sign(value(node.args[0]))
            return node if sign is None else node.args[0] if sign >= 0 else make("neg", node.args[0])
        if node.op in ("maximum", "minimum"):
            sign = polynomial_sign(value(make("sub", *node.args)))
            if sign is None:
                return node
            return node.args[0] if (sign >= 0) == (node.op == "maximum") else node.args[1]
        return node

    smooth = rebuild(body, change)
    if any(node.args and node.op not in _SMOOTH and node.op not in _LIMITED for node in walk(smooth)):
        return None
    return smooth if all(_continuous(node, side) for node in walk(smooth)) else None


def _continuous(node: Expr, side: Side) -> bool:
    """Whether the operation has no jump or pole inside of the side."""
    if not node.args or node.op in _SMOOTH:
        return True
    if node.op == "div":
        return _strict_sign(substitute(node.args[1], side)) is not None
    if node.op in ("log", "xlogy", "log1p"):
        inside = node.args[-1] if node.op != "log1p" else make("add", node.args[0], number(1.0))
        sign = _strict_sign(substitute(inside, side))
        if sign == -1:
            raise _VoidError
        return sign == 1
    if node.op == "sqrt":
        return polynomial_sign(substitute(node.args[0], side)) in (0, 1)
    if node.op == "pow" and node.args[1].op == "number":
        power = node.args[1].value
        if power % 1.0 == 0.0:
            return power > 0.0 or _strict_sign(substitute(node.args[0], side)) is not None
        return _strict_sign(substitute(node.args[0], side)) == 1
    return False

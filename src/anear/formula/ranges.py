"""What values an expression can take, and the factors it is a product of.

Both are facts about one expression, remembered as long as it lives. They need each other: whether ``sqrt(a*b)`` may be
taken apart depends on signs, and the Cauchy-Schwarz inequality (a cosine lies in [-1, 1]) is seen in the factors.
Ranges hold for every value that is a number; NaN is outside of their concern, as are values beyond rounding.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from anear.formula.expression import Expr, make, number
from anear.formula.graph import walk_unknown

__all__ = ["ANY", "Assumed", "Factors", "Range", "factors", "never_negative", "product", "range_of"]

Range = tuple[float, float]
ANY: Final = (-math.inf, math.inf)
POSITIVE: Final = (0.0, math.inf)

_ranges: weakref.WeakKeyDictionary[Expr, Range] = weakref.WeakKeyDictionary()
_rounded_ranges: weakref.WeakKeyDictionary[Expr, Range] = weakref.WeakKeyDictionary()
# None: the expression is an atom (a value that holds its own key would keep the key alive)
_factors: weakref.WeakKeyDictionary[Expr, Factors | None] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Factors:
    """``number * prod(atom ** exponent)``; an atom is no product, quotient, power or root itself."""

    number: float
    powers: dict[Expr, float]

    def times(self, other: Factors) -> Factors:
        """The product of the two."""
        powers = dict(self.powers)
        for atom, exponent in other.powers.items():
            before = powers.get(atom, 0.0)
            total = before + exponent
            # 0.3 + 0.7 - 1: what is left of exponents that cancel is rounding
            powers[atom] = 0.0 if abs(total) <= 1e-15 * (abs(before) + abs(exponent)) else total
        return Factors(self.number * other.number, {a: e for a, e in powers.items() if e != 0.0})

    def power(self, exponent: float) -> Factors | None:
        """Raised to a power; None where that cannot be written as a product (a negative number's root)."""
        if self.number == 0.0 or (self.number < 0.0 and exponent != math.floor(exponent)):
            return None
        try:
            scale = self.number**exponent
        except OverflowError:
            return None
        if exponent == math.floor(exponent):
            return Factors(scale, {a: e * exponent for a, e in self.powers.items()})
        powers: dict[Expr, float] = {}
        for atom, e in self.powers.items():
            # (a**2) ** 0.5 is abs(a), not a
            base = atom if e % 2.0 != 0.0 or never_negative(atom) else make("abs", atom)
            powers[base] = powers.get(base, 0.0) + e * exponent
        return Factors(scale, powers)

    def key(self) -> frozenset[tuple[Expr, float]]:
        """The atoms with their exponents, for comparing."""
        return frozenset(self.powers.items())


def never_negative(expr: Expr) -> bool:
    """Whether every value that is a number is >= 0."""
    return range_of(expr)[0] >= 0.0


def product(found: Factors) -> Expr:
    """The expression that the factors stand for."""
    result: Expr | None = None
    below: Expr | None = None
    for atom, exponent in found.powers.items():
        power = _power(atom, abs(exponent))
        if exponent > 0.0:
            result = power if result is None else make("mul", result, power)
        else:
            below = power if below is None else make("mul", below, power)
    if found.number != 1.0 or result is None:
        scale = number(found.number)
        result = scale if result is None else make("mul", scale, result)
    return result if below is None else make("div", result, below)


def _power(atom: Expr, exponent: float) -> Expr:
    if exponent == 1.0:
        return atom
    if exponent == 0.5:
        return make("sqrt", atom)
    return make("mul", atom, atom) if exponent == 2.0 else make("pow", atom, number(exponent))


# --- factors ----------------------------------------------------------------------------------------------------------


def factors(expr: Expr) -> Factors:
    """``expr`` as a product. Sums are not taken apart; numbers and scalars are moved out of ``sum``.

    The product may be NaN where ``expr`` is a number (``sqrt(a*b)`` of two negative values), and a number where it is
    NaN (``sqrt(a)**2``).
    """
    if expr not in _factors:
        for node in walk_unknown(expr, _factors):
            found = _factor(node)
            usable = found is not None and math.isfinite(found.number) and node not in found.powers
            _factors[node] = found if usable else None
    return _known_factors(expr)


def _known_factors(expr: Expr) -> Factors:
    return _factors[expr] or Factors(1.0, {expr: 1.0})


def _factor(node: Expr) -> Factors | None:
    found: Factors | None = None
    if node.op == "number" and node.value != 0.0 and math.isfinite(node.value):
        found = Factors(node.value, {})
    elif node.op == "neg":
        inner = _known_factors(node.args[0])
        found = Factors(-inner.number, inner.powers)
    elif node.op == "mul":
        found = _known_factors(node.args[0]).times(_known_factors(node.args[1]))
    elif node.op == "div":
        below = _known_factors(node.args[1]).power(-1.0)
        found = below and _known_factors(node.args[0]).times(below)
    elif node.op in ("sqrt", "rsqrt"):
        found = _known_factors(node.args[0]).power(0.5 if node.op == "sqrt" else -0.5)
    elif node.op == "pow" and node.args[1].op == "number":
        found = _known_factors(node.args[0]).power(node.args[1].value) if node.args[1].value else None
    elif node.op == "sum":
        found = _sum_factors(node)
    elif node.op == "abs":
        found = _abs_factors(node)
    return found


def _sum_factors(node: Expr) -> Factors | None:
    inner = _known_factors(node.args[0])
    vectors = {a: e for a, e in inner.powers.items() if a.is_vector}
    if not vectors:
        return None
    scalars = {a: e for a, e in inner.powers.items() if not a.is_vector}
    atom = make("sum", product(Factors(1.0, vectors)))
    return Factors(inner.number, scalars).times(Factors(1.0, {atom: 1.0}))


def _abs_factors(node: Expr) -> Factors | None:
    inner = _known_factors(node.args[0])
    if len(inner.powers) == 1 and inner.number == 1.0 and next(iter(inner.powers.values())) == 1.0:
        (atom,) = inner.powers
        return Factors(1.0, {atom: 1.0}) if never_negative(atom) else None
    powers: dict[Expr, float] = {}
    for atom, e in inner.powers.items():
        base = atom if e % 2.0 == 0.0 or never_negative(atom) else make("abs", atom)
        powers[base] = powers.get(base, 0.0) + e
    return Factors(abs(inner.number), powers)


# --- ranges -----------------------------------------------------------------------------------------------------------


def range_of(expr: Expr, *, rounded: bool = False) -> Range:
    """The least and the greatest value ``expr`` can take, as far as its form tells.

    With ``rounded`` the range holds for computed values as well; without, the Cauchy-Schwarz inequality is used too,
    which rounding may overstep.
    """
    known = _rounded_ranges if rounded else _ranges
    if expr not in known:
        for node in walk_unknown(expr, known):
            low, high = _range(node, known)
            if not rounded and node.op in ("mul", "div", "sum"):
                limit = _cauchy_schwarz(node)
                low, high = max(low, -limit), min(high, limit)
            known[node] = (low, high) if low <= high else ANY  # an empty range: never a number
    return known[expr]


class Assumed:
    """The ranges of expressions whose leaves are known to lie within given ranges.

    Examples
    --------
    >>> from anear.formula import log, x, y
    >>> Assumed({x: (1.0, 2.0), y: (0.0, 3.0)})(x - y)
    (-2.0, 2.0)
    """

    def __init__(self, leaves: Mapping[Expr, Range]) -> None:
        """``leaves`` may name any expressions; nothing below them is looked at."""
        self._known = dict(leaves)

    def assume(self, expr: Expr, found: Range) -> None:
        """One more expression whose range is known."""
        self._known[expr] = found

    def __call__(self, expr: Expr) -> Range:
        """The least and the greatest value; like :func:`range_of`."""
        for node in walk_unknown(expr, self._known):
            low, high = _range(node, self._known)
            self._known[node] = (low, high) if low <= high else ANY
        return self._known[expr]


def _range(node: Expr, known: Mapping[Expr, Range]) -> Range:
    if node.op == "number":
        return (node.value, node.value) if not math.isnan(node.value) else ANY
    if node.op == "constant":
        low, high = float(node.value.values.min()), float(node.value.values.max())
        return (low, high) if low <= high else ANY
    if node.op in _FIXED:
        return _FIXED[node.op]
    rule = _RULES.get(node.op)
    if rule is None:
        return ANY
    return rule(node, *(known.get(a, ANY) for a in node.args))


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0.0 or b == 0.0 else a * b  # the ends are limits: 0 times what grows is still 0


def _mul(node: Expr, a: Range, b: Range) -> Range:
    if node.args[0] is node.args[1]:
        return _even_power(a, 2.0)
    ends = [_times(p, q) for p in a for q in b]
    return min(ends), max(ends)


def _div(node: Expr, a: Range, b: Range) -> Range:
    if b[0] < 0.0 < b[1]:
        return ANY
    # a bound of exactly 0 is approached from one side
    inverse = (0.0 if math.isinf(b[1]) else _inverse(b[1], -1.0), 0.0 if math.isinf(b[0]) else _inverse(b[0], 1.0))
    ends = [_times(p, q) for p in a for q in inverse]
    return min(ends), max(ends)


def _inverse(value: float, side: float) -> float:
    return math.copysign(math.inf, side) if value == 0.0 else 1.0 / value


def _even_power(a: Range, exponent: float) -> Range:
    ends = sorted(_safe(math.pow, abs(end), exponent) for end in a)
    return (0.0 if a[0] <= 0.0 <= a[1] else ends[0]), ends[1]


def _pow(node: Expr, a: Range, b: Range) -> Range:
    if node.args[1].op != "number":
        return POSITIVE if a[0] >= 0.0 else ANY
    exponent = node.args[1].value
    if exponent <= 0.0:
        return POSITIVE if a[0] >= 0.0 or exponent % 2.0 == 0.0 else ANY
    if exponent % 2.0 == 0.0:
        return _even_power(a, exponent)
    if exponent % 1.0 == 0.0 and a[0] < 0.0:
        return -_safe(math.pow, -a[0], exponent), math.copysign(_safe(math.pow, abs(a[1]), exponent), a[1])
    return _safe(math.pow, max(a[0], 0.0), exponent), _safe(math.pow, max(a[1], 0.0), exponent)


def _sum(node: Expr, a: Range) -> Range:
    length = node.args[0].length
    if length is not None and node.op == "sum":
        return _times(a[0], length), _times(a[1], length)
    return (a[0] if a[0] >= 0.0 else -math.inf), (a[1] if a[1] <= 0.0 else math.inf)


def _abs(node: Expr, a: Range) -> Range:
    return _even_power(a, 1.0)


def _xlogy(node: Expr, a: Range, b: Range) -> Range:
    if node.args[0] is node.args[1]:
        return -1.0 / math.e, math.inf
    logarithm = (_safe(math.log, b[0]) if b[0] > 0.0 else -math.inf, _safe(math.log, max(b[1], 0.0)))
    ends = [_times(p, q) for p in a for q in logarithm]
    return min(0.0, *ends), max(0.0, *ends)


def _safe(function: Callable[..., float], *values: float) -> float:
    """The function's value; its limit where Python raises."""
    try:
        return function(*values)
    except OverflowError:
        return math.inf
    except ValueError:
        return -math.inf if function in (math.log, math.log1p) else math.nan


def _rising(function: Callable[[float], float], low: float = -math.inf) -> Callable[[Expr, Range], Range]:
    """The rule of a strictly rising function whose domain starts at ``low``."""

    def rule(node: Expr, a: Range) -> Range:
        return _safe(function, max(a[0], low)), _safe(function, max(a[1], low))

    return rule


def _slack(rule: Callable[..., Range]) -> Callable[..., Range]:
    """Widen a rule's result by the rounding of the library function it used; 0 and 1 are exact."""

    def wide(node: Expr, *args: Range) -> Range:
        low, high = rule(node, *args)
        return _widened(low, -1e-15), _widened(high, 1e-15)

    return wide


def _widened(end: float, by: float) -> float:
    return end + by * abs(end) if math.isfinite(end) and end not in (0.0, 1.0) else end


def _inverse_sine(node: Expr, a: Range) -> Range:
    return math.asin(min(max(a[0], -1.0), 1.0)), math.asin(min(max(a[1], -1.0), 1.0))


def _inverse_cosine(node: Expr, a: Range) -> Range:
    return math.acos(min(max(a[1], -1.0), 1.0)), math.acos(min(max(a[0], -1.0), 1.0))


_BIT: Final = (0.0, 1.0)
_UNIT: Final = (-1.0, 1.0)
_FIXED: Final[dict[str, Range]] = {
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), _BIT),
    **dict.fromkeys(("sin", "cos"), _UNIT),
    "arctan2": (-math.pi, math.pi),
    "cosh": (1.0, math.inf),
    "rsqrt": POSITIVE,
}
_RULES: Final[dict[str, Callable[..., Range]]] = {
    "neg": lambda node, a: (-a[1], -a[0]),
    "abs": _abs,
    "sqrt": _rising(math.sqrt, 0.0),
    "exp": _slack(_rising(math.exp)),
    "log": _slack(_rising(math.log, 0.0)),
    "log1p": _slack(_rising(math.log1p, -1.0)),
    "expm1": _slack(_rising(math.expm1)),
    "sinh": _slack(_rising(math.sinh)),
    "arcosh": _slack(_rising(math.acosh, 1.0)),
    "arcsin": _slack(_inverse_sine),
    "arccos": _slack(_inverse_cosine),
    "arctan": _slack(_rising(math.atan)),
    "tanh": _slack(_rising(math.tanh)),
    "sign": _rising(lambda v: float((v > 0.0) - (v < 0.0))),
    "floor": _rising(lambda v: v if math.isinf(v) else float(math.floor(v))),
    "add": lambda node, a, b: (a[0] + b[0], a[1] + b[1]),
    "sub": lambda node, a, b: (a[0] - b[1], a[1] - b[0]),
    "mul": _mul,
    "div": _div,
    "pow": _slack(_pow),
    "mod": lambda node, a, b: (min(b[0], 0.0), max(b[1], 0.0)),
    "minimum": lambda node, a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "maximum": lambda node, a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "xlogy": _slack(_xlogy),
    "where": lambda node, c, a, b: (min(a[0], b[0]), max(a[1], b[1])),
    "sum": _sum,
    "cumsum": _sum,
    "prod": lambda node, a: POSITIVE if a[0] >= 0.0 else ANY,
    "max": lambda node, a: a,
    "min": lambda node, a: a,
    "index": lambda node, a: a,
    "slice": lambda node, a: a,
}


def _cauchy_schwarz(node: Expr) -> float:
    """c for ``c * sum(u*v) / sqrt(sum(u*u) * sum(v*v))``, which lies in [-c, c]; else inf."""
    found = factors(node)
    above = [a for a, e in found.powers.items() if e == 1.0 and a.op == "sum"]
    below = [a for a, e in found.powers.items() if e == -0.5 and a.op == "sum"]
    if len(found.powers) != 3 or len(above) != 1 or len(below) != 2:
        return math.inf
    squares = [factors(a.args[0]) for a in below]
    # (sum t)**2 <= sum(v) * sum(w) where t**2 = v * w and both v and w are not negative
    twice = factors(above[0].args[0]).power(2.0)
    if twice is None or squares[0].times(squares[1]).key() != twice.key():
        return math.inf
    if not all(_square(s) for s in squares):
        return math.inf
    return abs(found.number)


def _square(found: Factors) -> bool:
    """Whether a product is never negative."""
    return found.number > 0.0 and all(e % 2.0 == 0.0 or never_negative(a) for a, e in found.powers.items())

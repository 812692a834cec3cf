"""Proving that a plan's error is small beside its value: nothing in it cancels.

See :mod:`anear.formula.rounding` for the arithmetic that is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from anear.formula.expression import Expr, make, walk
from anear.formula.graph import substitute
from anear.formula.plan import Plan, entry_leaves, exact_plan
from anear.formula.polynomial import shape_of
from anear.formula.ranges import Range, range_of

__all__ = ["EXACT", "LIBRARY", "STORED", "Count", "PairFacts", "RelativeError", "length_of"]

Count = tuple[float, float]
"""(a, b): a + b*D roundings, D being the dimension of the data."""

EXACT: Final[Count] = (0.0, 0.0)
LIBRARY: Final = 8.0
"""log, exp, pow, ...: at most 4 ulp, in units of u."""
STORED: Final = 4.0
"""A prepared value that is not raw data."""

LARGEST_LOG: Final = 104.0
"""|log| of any float32 but 0."""
LARGEST_POWER: Final = 746.0
"""|v| beyond which exp(v) is no number of float64 but 0: so many times at most a relative error of v moves it."""

_NORMAL: Final = (2.0**-126, float(np.finfo(np.float32).max))

_RAW: Final = frozenset({"x", "y", "point_field", "query_field"})
_COMPARISONS: Final = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
_JUMPS: Final = _COMPARISONS | {"floor", "sign", "mod"}


def length_of(expr: Expr) -> Count:
    """How many numbers ``expr`` holds."""
    if not expr.is_vector:
        return 1.0, 0.0
    shape = shape_of(expr)
    return (shape.value, 0.0) if shape.op == "number" else (0.0, 1.0)  # a slice has at most D


class PairFacts:
    """What is known of the nodes of a plan's pair from what their prepared leaves stand for.

    Parameters
    ----------
    plan : the plan.
    nonnegative : raw data (``x``, ``y``, fields) to take as never negative.
    double : whether pairs are computed in float64, as their entries are.
    moved : whether ``x`` and ``y`` are coordinates that were moved, and rounded.
    """

    def __init__(
        self, plan: Plan, nonnegative: tuple[Expr, ...] = (), double: bool = False, moved: bool = False
    ) -> None:
        self.double = double
        self._nonnegative, self._moved = nonnegative, moved
        self._errors: dict[Expr, Count | None] = {}
        self._entries = entry_leaves(plan)
        assumed = {v: make("abs", v) for v in nonnegative}
        self._meanings = _replaced(plan.pair, self._entries)
        self._assumed = _replaced(plan.pair, {leaf: substitute(e, assumed) for leaf, e in self._entries.items()})

    def meaning(self, node: Expr) -> Expr:
        """The node over ``x`` and ``y``."""
        return self._meanings[node]

    def range(self, node: Expr) -> Range:
        """The values it can take, rounding included."""
        return range_of(self._assumed[node], rounded=True)

    def may_jump(self, leaf: Expr) -> bool:
        """Whether a prepared entry holds what no relative error can be claimed of: comparisons of computed numbers."""
        return any(node.op in _JUMPS for node in walk(self._entries[leaf]))

    def stored_error(self, leaf: Expr) -> Count | None:
        """The relative error of a prepared entry: none for raw data; None where it may cancel in float64."""
        entry = self._entries[leaf]
        while entry.op in ("slice", "index"):
            entry = entry.args[0]
        if entry.op in _RAW or (self.double and entry.op == "constant"):
            return (1.0, 0.0) if self._moved and entry.op in ("x", "y") else EXACT
        if not self.double:
            return STORED, 0.0
        if leaf not in self._errors:
            alone = exact_plan(entry)
            self._errors[leaf] = RelativeError(alone, self._nonnegative, double=True).of(alone.pair)
        return self._errors[leaf]

    def prepared_by(self, leaf: Expr) -> Expr:
        """What a prepared leaf stands for."""
        return self._entries[leaf]


def _number_error(value: float, double: bool) -> Count | None:
    """Of a number written in the formula; beyond the normal numbers of float32 nothing is known of it there."""
    if value == 0.0 or not math.isfinite(value) or double:
        return EXACT
    if not _NORMAL[0] <= abs(value) <= _NORMAL[1]:
        return None
    return EXACT if float(np.float32(value)) == value else (1.0, 0.0)


def _replaced(pair: Expr, leaves: Mapping[Expr, Expr]) -> dict[Expr, Expr]:
    """Every node of ``pair`` with the leaves replaced."""
    done: dict[Expr, Expr] = {}
    for node in walk(pair):
        args = tuple(done[a] for a in node.args)
        done[node] = leaves.get(node, node) if not args else make(node.op, *args, value=node.value)
    return done


class RelativeError:
    """Goes through a pair's operations: each has a relative error of so many roundings, or none that is known."""

    def __init__(
        self, plan: Plan, nonnegative: tuple[Expr, ...] = (), double: bool = False, moved: bool = False
    ) -> None:
        self.facts = PairFacts(plan, nonnegative, double, moved)
        self._known: dict[Expr, Count | None] = {}

    def of(self, expr: Expr) -> Count | None:
        """The relative error of ``expr`` in units of u; None if nothing is proved."""
        for node in walk(expr):
            if node not in self._known:
                errors = [self._known[a] for a in node.args]
                if node.op in _COMPARISONS and any(_is_zero(a) for a in node.args):
                    errors = [None if e is None else EXACT for e in errors]  # no relative error changes a sign
                known = [e for e in errors if e is not None]
                rule = _RULES.get(node.op)
                if node.op == "prepared":
                    self._known[node] = self.facts.stored_error(node)
                elif node.op == "number":
                    self._known[node] = _number_error(node.value, self.facts.double)
                elif node.op == "where" and _is_nan(node.args[2]) and errors[1] is not None:
                    self._known[node] = errors[1]  # what is not a number is left to the formula itself
                elif rule is None or len(known) < len(errors):
                    self._known[node] = None
                else:
                    self._known[node] = rule(self, node, *known)
        return self._known[expr]

    def decides(self, condition: Expr) -> bool:
        """Whether a condition is computed as it truly is: no relative error makes 0 of another number."""
        found = self.of(condition)
        inexact = [n for n in walk(condition) if n.op == "prepared" and self.facts.stored_error(n) != EXACT]
        return found is not None and not any(self.facts.may_jump(leaf) for leaf in inexact)

    def one_signed(self, *nodes: Expr) -> bool:
        """Whether all are never negative, or all never positive."""
        ranges = [self.facts.range(node) for node in nodes]
        return all(r[0] >= 0.0 for r in ranges) or all(r[1] <= 0.0 for r in ranges)


def _is_zero(node: Expr) -> bool:
    return node.op == "number" and node.value == 0.0


def _is_nan(node: Expr) -> bool:
    return node.op == "number" and math.isnan(node.value)


def _plus(a: Count, *others: Count) -> Count:
    return a[0] + sum(o[0] for o in others), a[1] + sum(o[1] for o in others)


def _larger(a: Count, b: Count) -> Count:
    return max(a[0], b[0]), max(a[1], b[1])


def _add(state: RelativeError, node: Expr, a: Count, b: Count) -> Count | None:
    if a == EXACT and b == EXACT:
        return 1.0, 0.0  # exact operands: one rounding, whatever cancels
    second = node.args[1]
    return _plus(_larger(a, b), (1.0, 0.0)) if state.one_signed(node.args[0], second) else None


def _sub(state: RelativeError, node: Expr, a: Count, b: Count) -> Count | None:
    if a == EXACT and b == EXACT:
        return 1.0, 0.0
    p, q = (state.facts.range(arg) for arg in node.args)
    apart = (p[0] >= 0.0 and q[1] <= 0.0) or (p[1] <= 0.0 and q[0] >= 0.0)
    return _plus(_larger(a, b), (1.0, 0.0)) if apart else None


def _sum(state: RelativeError, node: Expr, a: Count) -> Count | None:
    if not state.one_signed(node.args[0]):
        return None
    return _plus(a, length_of(state.facts.meaning(node.args[0])))


def _prod(state: RelativeError, node: Expr, a: Count) -> Count | None:
    if a[1]:
        return None
    fixed, per_dimension = length_of(state.facts.meaning(node.args[0]))
    return (a[0] + 1.0) * fixed, (a[0] + 1.0) * per_dimension


def _root(state: RelativeError, node: Expr, a: Count) -> Count:
    return 0.5 * a[0] + (1.0 if node.op == "sqrt" else LIBRARY), 0.5 * a[1]


def _pow(state: RelativeError, node: Expr, a: Count, b: Count) -> Count | None:
    exponent = node.args[1]
    if exponent.op != "number":
        return None
    power = abs(exponent.value)
    # an exponent that float32 rounds: its error is multiplied by the logarithm of the base, which float32 limits
    rounded = 0.0 if b == EXACT else LARGEST_LOG * power
    return power * a[0] + rounded + LIBRARY, power * a[1]


def _flat(state: RelativeError, node: Expr, a: Count) -> Count | None:
    """arctan, tanh, log1p of what is not negative ...: functions that do not magnify a relative error."""
    if node.op == "log1p" and state.facts.range(node.args[0])[0] < 0.0:
        return None
    return _plus(a, (LIBRARY, 0.0))


def _power_of_e(state: RelativeError, node: Expr, a: Count) -> Count | None:
    """exp moves by an absolute error of its operand, which a relative one limits as long as the result is normal.

    In float32 too many results are not.
    """
    return (LARGEST_POWER * a[0] + LIBRARY, LARGEST_POWER * a[1]) if state.facts.double else None


def _library(state: RelativeError, node: Expr, *errors: Count) -> Count | None:
    """A function that is accurate relatively, of exact operands."""
    return (LIBRARY + 1.0, 0.0) if all(e == EXACT for e in errors) else None


def _sign(state: RelativeError, node: Expr, a: Count) -> Count:
    return EXACT  # a relative error changes no sign


def _choice(state: RelativeError, node: Expr, condition: Count, a: Count, b: Count) -> Count | None:
    return _larger(a, b) if state.decides(node.args[0]) else None


def _exact_only(state: RelativeError, node: Expr, *errors: Count) -> Count | None:
    """Comparisons and floor: right for exact operands, anything for others."""
    return EXACT if all(e == EXACT for e in errors) else None


_RULES: Final[dict[str, Callable[..., Count | None]]] = {
    **dict.fromkeys(("neg", "abs", "max", "min", "index", "slice"), lambda state, node, a: a),
    **dict.fromkeys(("minimum", "maximum"), lambda state, node, a, b: _larger(a, b)),
    **dict.fromkeys(("mul", "div"), lambda state, node, a, b: _plus(a, b, (1.0, 0.0))),
    **dict.fromkeys(("sqrt", "rsqrt"), _root),
    **dict.fromkeys(("sum", "cumsum"), _sum),
    **dict.fromkeys(("log1p", "tanh", "arctan"), _flat),
    **dict.fromkeys(("exp", "expm1"), _power_of_e),
    **dict.fromkeys(("log", "xlogy", "arctan2", "arcsin", "arccos", "arcosh", "sinh", "cosh"), _library),
    **dict.fromkeys((*_COMPARISONS, "floor"), _exact_only),
    "add": _add,
    "sub": _sub,
    "prod": _prod,
    "pow": _pow,
    "sign": _sign,
    "where": _choice,
}

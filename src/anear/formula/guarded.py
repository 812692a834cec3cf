"""The guarded form: the formula through its expanded plan, NaN wherever that may have lost too many digits.

    value  =  outer(rank + c)   where   sum_j Q_j(x) * P_j(y)  <  K * |rank + c|,   else NaN

The expanded form is the fast one, and its proved error is a multiple of ``sum_j Q_j*P_j``, point by point here rather
than with maxima over all points. So one comparison a pair says whether the value keeps the digits that the direct
form is good for. NaN says "ask the formula itself", as everywhere in plans; a matrix's few such pairs are computed one
by one. Because the comparison is strict, an infinite bound admits nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from anear.formula.expression import Expr, make, number, prepared, walk
from anear.formula.graph import substitute
from anear.formula.hoist import Entries, Plan, cost, describe
from anear.formula.outer import RANK
from anear.formula.plan import entry_leaves
from anear.formula.ranges import range_of
from anear.formula.rounding import magnitude
from anear.formula.simplify import simplify
from anear.formula.stages import trace

__all__ = ["guarded_plan", "without_bound"]

DIGITS: Final = 16.0
"""How many times the error proved for the expanded form may be that of a sum of terms that do not cancel.

The proof lets all roundings add up. What is measured is some thirty times smaller: about the last digit or two.
"""

GAIN: Final = 0.75
"""Beyond this share of the direct form's work the expanded one is not worth its guard."""

# Always a number where their operands are, so that nothing that the formula leaves undefined can be missed.
_TOTAL: Final = frozenset({"x", "y", "number", "constant", "add", "sub", "mul", "neg", "sum"})


def guarded_plan(rank: Expr, outer: Expr, expanded: Plan, direct: Plan, whole: Plan, checked: bool) -> Plan | None:
    """The plan of ``outer(rank)`` through ``expanded``, for matrices; None where it would gain nothing.

    Parameters
    ----------
    rank, outer : the formula.
    expanded, direct : plans of the rank.
    whole : the plan that computes the formula with the direct form.
    checked : whether the data are known to lie where the formula is defined.
    """
    defined = checked or all(node.op in _TOTAL for node in walk(rank))
    if not defined or expanded.relative is None or cost(expanded.pair) > GAIN * cost(whole.pair):
        return None
    entries = Entries(expanded)
    value = expanded.pair
    if expanded.offset is not None:
        value = _with_offset(value, prepared("query", expanded.offset, False))
    if _taken_apart(direct):
        scale, factor = _bound(direct, 1.0, entries), DIGITS * _ratio(direct, expanded)
    else:
        scale, factor = value if range_of(rank)[0] >= 0.0 else make("abs", value), DIGITS
    guard = make("lt", _bound(expanded, 1.0 / factor, entries), scale)
    pair = make("where", guard, substitute(outer, {RANK: value}), number(math.nan))
    whole_pair = replace(expanded, query=entries.of("query"), point=entries.of("point"), pair=pair, offset=None)
    plan = replace(without_bound(whole_pair), guarded=True)
    trace(2, "guarded", lambda: describe(plan))
    return plan


def _with_offset(pair: Expr, offset: Expr) -> Expr:
    """``pair + offset``, added to the point's own scalar: a sum then starts at both."""
    if pair.op == "add" and pair.args[0].op == "prepared":
        return make("add", make("add", pair.args[0], offset), pair.args[1])
    return make("add", offset, pair)


def _taken_apart(direct: Plan) -> bool:
    """Whether the direct form is a difference of sums too (KL's ``sum(y*log(y)) - sum(y*log(x))``).

    Then it may be off by what is proved of these, and the expanded form by some times as much.
    """
    split = direct.pair.op in ("add", "sub") and any(a.op == "prepared" for a in direct.pair.args)
    return direct.relative is not None and not direct.relative_to_rank and (split or direct.offset is not None)


def _ratio(direct: Plan, expanded: Plan) -> float:
    """The factor of one plan's bound by the other's, the least of all dimensions."""
    assert direct.relative is not None
    assert expanded.relative is not None
    return min(mine / its for mine, its in zip(direct.relative, expanded.relative, strict=True) if its > 0.0)


def _bound(plan: Plan, scale: float, entries: Entries) -> Expr:
    """``scale * (sum(Q * P) + |c|)``; what is of one side alone is one prepared number."""
    products = [(plan.query[slot], point) for slot, point in zip(plan.slack, plan.maxima, strict=True)]
    if plan.offset is not None:
        products.append((magnitude(plan.query[plan.offset]), number(1.0)))
    sides: dict[str, Expr] = {}
    fixed = number(0.0)
    pair = fixed
    for q, p in products:
        q = simplify(make("mul", number(scale), q))
        if q.op == "number" or p.op == "number":
            side = "point" if q.op == "number" else "query"
            sides[side] = make("add", sides.get(side, fixed), make("mul", q, p))
        else:
            pair = make("add", make("mul", entries("query", q), entries("point", p)), pair)
    for side, part in sides.items():
        part = simplify(part)
        pair = make("add", part if part.op == "number" else entries(side, part), pair)
    return simplify(pair)


def without_bound(plan: Plan) -> Plan:
    """``plan`` without a bound of its own, and without the entries that only the bound needed; it has no offset.

    A matrix is not filtered: what its values may be off by is not asked.
    """
    entries = Entries()
    standing = entry_leaves(plan)
    leaves = {leaf: entries(leaf.value[0], standing[leaf]) for leaf in walk(plan.pair) if leaf in standing}
    pair = substitute(plan.pair, leaves)
    query, point = entries.of("query"), entries.of("point")
    return replace(plan, query=query, point=point, pair=pair, maxima=(), slack=(), relative=None, in_float64=None)

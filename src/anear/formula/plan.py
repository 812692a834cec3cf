"""Plans: what is computed once a query, once a point, and what is left to compute for each pair.

formula ──┬─ of x alone ─────────> query entries   ──┐
          ├─ of y alone ─────────> point entries   ──┤ prepared(side, index)
          └─ what needs both ────> pair  <───────────┘
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from anear.formula.expression import Expr, point_field, prepared, query_field, walk, x, y
from anear.formula.graph import POINT, QUERY, on_side, substitute
from anear.formula.show import brief

__all__ = ["Entries", "Plan", "describe", "entry_leaves", "exact_plan", "fields", "reconstruct"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a formula is computed.

    ``pair`` may be NaN where the formula is a number (``log(x/y)`` of two negative numbers, taken apart to
    ``log(x) - log(y)``): NaN then says "ask the formula itself".

    Attributes
    ----------
    query : computed once a query; vectors or scalars made of ``x``, query fields, constants and numbers. The prepared
        query holds them in this order.
    point : computed once a point; the same of ``y`` and point fields.
    pair : the scalar to compute for each pair. Its leaves are ``prepared`` and ``number``, and captured matrices as the
        first operand of ``matvec``.
    maxima : scalar expressions of the point, not negative; their maxima over all points enter the rounding bound.
    slack : as long as ``maxima``; ``query[slack[j]]`` is the scalar that ``maxima[j]`` is multiplied with.
    relative : (a, b) such that, with D coordinates and unit roundoff u,
        ``|computed - true| <= u * (a + b*D) * (R * |true| + sum_j query[slack[j]] * maxima[j])``
        where true is the exact value of ``pair`` and R is ``relative_to_rank``. None: no bound is proved.
        The bound is that of float32 arithmetic on entries that float64 prepared, the rounding of the formula itself,
        which float64 computes as it is written, included.
    relative_to_rank : see ``relative``.
    in_float64 : the plan for float64 arithmetic, where entries are off by what their own computing loses: the same but
        for its bound, or one that is NaN wherever it would lose too many digits. None: no bound is proved.
    offset : entry of ``query``, c(x): the formula is ``pair + c(x)``. It is left out of the pair because it does not
        change the order of a query's points. None: nothing was left out.
    bilinear : ``pair`` is a sum of products of prepared entries plus one prepared point scalar.
    halved : the vectors' numbers are in bfloat16, for which the bound allows; two products are one operation.
    guarded : ``pair`` is NaN wherever it would have lost too many digits; the exact formula then has to be computed.
    """

    query: tuple[Expr, ...]
    point: tuple[Expr, ...]
    pair: Expr
    maxima: tuple[Expr, ...] = ()
    slack: tuple[int, ...] = ()
    relative: tuple[float, float] | None = None
    relative_to_rank: float = 0.0
    offset: int | None = None
    bilinear: bool = False
    guarded: bool = False
    halved: bool = False
    in_float64: Plan | None = None

    @property
    def careful(self) -> bool:
        """Whether the plan for float64 is another one, with numbers that are NaN."""
        return self.in_float64 is not None and self.in_float64.pair is not self.pair

    def computed_in(self, arithmetic: str) -> Plan:
        """The plan for "float32" or "float64" arithmetic, with the bound that is proved for it if any is."""
        if arithmetic != "float64":
            return self
        return self.in_float64 or replace(self, maxima=(), slack=(), relative=None, relative_to_rank=0.0)


def fields(expr: Expr, side: str) -> tuple[tuple[str, int | None], ...]:
    """The fields of ``side`` ("query" or "point") that ``expr`` uses, as (name, length) sorted by name."""
    found = {node.value for node in walk(expr) if node.op == f"{side}_field"}
    return tuple(sorted(found, key=lambda field: (field[0], field[1] or 0)))


def exact_plan(expr: Expr) -> Plan:
    """The plan that hoists nothing: raw rows in, the formula as it stands.

    The query entries are ``x``, the query fields, then captured vectors in the order of their first use, so that new
    weights need no new machine code; the point entries are ``y`` and the point fields.
    """
    matrices = {id(node.args[0]) for node in walk(expr) if node.op == "matvec"}
    vectors = [node for node in walk(expr) if node.op == "constant" and id(node) not in matrices]
    query = (x, *(query_field(*field) for field in fields(expr, "query")), *vectors)
    point = (y, *(point_field(*field) for field in fields(expr, "point")))
    return Plan(query, point, _with_prepared(expr, query, point))


def _with_prepared(expr: Expr, query: tuple[Expr, ...], point: tuple[Expr, ...]) -> Expr:
    """``expr`` with the entries replaced by the leaves that stand for them."""
    leaves: dict[Expr, Expr] = {}
    for side, entries in (("query", query), ("point", point)):
        for i, entry in enumerate(entries):
            leaves[entry] = prepared(side, i, entry.is_vector)
    return substitute(expr, leaves)


def entry_leaves(plan: Plan) -> dict[Expr, Expr]:
    """For each prepared leaf what it stands for."""
    return {
        prepared(side, i, entry.is_vector): entry
        for side, entries in (("query", plan.query), ("point", plan.point))
        for i, entry in enumerate(entries)
    }


def describe(plan: Plan) -> str:
    """A plan in words, a line an entry.

    Examples
    --------
    >>> from anear.formula import sum, x, y
    >>> print(describe(exact_plan(sum(abs(x - y)))))
    once a query   q0 = x
    once a point   p0 = y
    for each pair  sum(abs(q0 - p0))
    """
    lines = [f"once a query   q{i} = {brief(entry)}" for i, entry in enumerate(plan.query)]
    lines += [f"once a point   p{i} = {brief(entry)}" for i, entry in enumerate(plan.point)]
    lines.append(f"for each pair  {_short(plan.pair)}")
    if plan.offset is not None:
        lines.append(f"then           + q{plan.offset}, which does not change the order")
    if plan.relative is not None:
        a, b = plan.relative
        times = "" if plan.relative_to_rank == 1 else f"{plan.relative_to_rank:g} * "
        parts = [f"{times}|rank|"] if plan.relative_to_rank else []
        parts += [f"q{slot} * max({brief(m)})" for slot, m in zip(plan.slack, plan.maxima, strict=True)]
        lines.append(f"off by at most ({a:g} + {b:g}*D) u * ({' + '.join(parts) or '0'})")
    return "\n".join(lines)


def _short(pair: Expr) -> str:
    """The pair with its leaves written q0, p0 ..."""
    return re.sub(r"\b(q)uery(\d+)|\b(p)oint(\d+)", lambda m: f"{m[1] or m[3]}{m[2] or m[4]}", brief(pair))


def reconstruct(plan: Plan) -> Expr:
    """The formula that ``plan`` computes, over ``x`` and ``y`` again, its offset included."""
    whole = substitute(plan.pair, entry_leaves(plan))
    return whole if plan.offset is None else Expr("add", (whole, plan.query[plan.offset]))


class Entries:
    """The prepared entries of a plan under construction: equal expressions share one."""

    def __init__(self, plan: Plan | None = None) -> None:
        """Start with the entries of a plan, or with none."""
        self._entries: dict[str, dict[Expr, Expr]] = {"query": {}, "point": {}}
        for leaf, entry in entry_leaves(plan).items() if plan is not None else ():
            self._entries[leaf.value[0]][entry] = leaf

    def __call__(self, side: str, expr: Expr) -> Expr:
        """The leaf that stands for ``expr`` in the pair."""
        known = self._entries[side]
        if expr not in known:
            known[expr] = prepared(side, len(known), expr.is_vector)
        return known[expr]

    def index(self, side: str, expr: Expr) -> int:
        """The entry's number."""
        return int(self(side, expr).value[1])

    def of(self, side: str) -> tuple[Expr, ...]:
        """All entries of one side, each made of that side's data alone."""
        return tuple(on_side(e, QUERY if side == "query" else POINT) for e in self._entries[side])

    @staticmethod
    def made_of_points(expressions: Iterable[Expr]) -> tuple[Expr, ...]:
        """Expressions of the point, made of its data alone."""
        return tuple(on_side(e, POINT) for e in expressions)

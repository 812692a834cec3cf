"""The compiler's passes in a row: from a formula to the plans that a search may choose from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from anear.formula.absolute import absolute_plan
from anear.formula.bilinear import bilinear_plan
from anear.formula.centre import only_differences
from anear.formula.expression import Expr, make, prepared, x, y
from anear.formula.hoist import Plan, rank_plan
from anear.formula.outer import split
from anear.formula.simplify import simplify

__all__ = ["Stages", "stages_of"]


@dataclass(frozen=True, slots=True)
class Stages:
    """What the passes made of a formula.

    Attributes
    ----------
    simplified : the same value with fewer operations.
    rank, outer : ``outer(rank)`` is the formula, and outer is increasing.
    direct : the plan that computes the rank term by term.
    expanded : the plan that computes it with less work an element, at the price of digits that the bound accounts for:
        as one inner product, or without absolute values; None where there is none.
    movable : whether the rank depends on ``x - y`` alone.
    matrix : the plan that computes the formula itself, for matrices of distances.
    """

    simplified: Expr
    rank: Expr
    outer: Expr
    direct: Plan
    expanded: Plan | None
    movable: bool
    matrix: Plan


@lru_cache(maxsize=512)
def stages_of(expr: Expr) -> Stages:
    """Run the passes on a formula."""
    simplified = simplify(expr)
    rank, outer = split(simplified)
    expanded = bilinear_plan(rank) or absolute_plan(rank)
    return Stages(
        simplified,
        rank,
        outer,
        _filled(rank_plan(rank)),
        None if expanded is None else _filled(expanded),
        only_differences(rank),
        _filled(_whole(rank_plan(simplified))),
    )


def _whole(plan: Plan) -> Plan:
    """``plan`` with what it leaves out of the pair put back."""
    if plan.offset is None:
        return plan
    return replace(plan, pair=make("add", plan.pair, prepared("query", plan.offset, False)), offset=None)


def _filled(plan: Plan) -> Plan:
    """``plan`` with at least one entry on either side: a distance may ignore its query, its points, or both."""
    return replace(
        plan, query=plan.query or (make("index", x, value=0),), point=plan.point or (make("index", y, value=0),)
    )

"""The compiler's passes in a row: from a formula to the plans that a search may choose from."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from anear.codegen import cache
from anear.formula.absolute import absolute_plan
from anear.formula.bilinear import bilinear_plan
from anear.formula.expression import Expr, make, prepared, x, y
from anear.formula.graph import only_differences
from anear.formula.guarded import guarded_plan, without_bound
from anear.formula.hoist import Plan, rank_plan, value_plan
from anear.formula.outer import split
from anear.formula.serial import dumps, loads, storable
from anear.formula.simplify import simplify

__all__ = ["Stages", "filled", "stages_of"]


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
    guarded : the same through the expanded form, NaN where that lost too many digits; None where it gains nothing.
    """

    simplified: Expr
    rank: Expr
    outer: Expr
    direct: Plan
    expanded: Plan | None
    movable: bool
    matrix: Plan
    guarded: Plan | None


@lru_cache(maxsize=512)
def stages_of(expr: Expr, checked: bool = False) -> Stages:
    """What the passes make of a formula; kept on disk beside the kernels, for they take milliseconds.

    ``checked``: the data are known to lie in the formula's domain, so that its logarithms may be taken apart and its
    rank need not be undefined where it is.
    """
    if os.environ.get("ANEAR_DEBUG", "0") != "0" or not storable(expr):
        return _run(expr, checked)
    text = f"stages|{checked}|{cache.source_digest('formula')}|{cache.source_digest('index')}|{dumps([expr])}"
    key = hashlib.sha256(text.encode()).hexdigest()
    stored = cache.fetch(key)
    if stored is not None:
        return _from_text(stored.decode())
    stages = _run(expr, checked)
    cache.put(key, _to_text(stages).encode())
    return stages


def _run(expr: Expr, checked: bool) -> Stages:
    simplified = simplify(expr)
    rank, outer = split(simplified, guarded=not checked)
    expanded = bilinear_plan(rank) or absolute_plan(rank)
    direct = _direct(rank, checked)
    whole = _whole(rank_plan(simplified)) if checked else value_plan(simplified)
    guarded = None if expanded is None else guarded_plan(rank, outer, expanded, direct, whole, checked)
    return Stages(
        simplified,
        rank,
        outer,
        filled(direct),
        None if expanded is None else filled(expanded),
        only_differences(rank),
        filled(without_bound(whole)),
        None if guarded is None else filled(guarded),
    )


def _direct(rank: Expr, checked: bool) -> Plan:
    """The rank term by term; where all of it cancels (y/y), as written, for it may still be undefined somewhere."""
    plan = rank_plan(rank)
    return value_plan(rank) if plan.pair.op == "number" and not checked else plan


def _whole(plan: Plan) -> Plan:
    """``plan`` with what it leaves out of the pair put back."""
    if plan.offset is None:
        return plan
    return replace(plan, pair=make("add", plan.pair, prepared("query", plan.offset, False)), offset=None)


def filled(plan: Plan) -> Plan:
    """``plan`` with at least one entry on either side: a distance may ignore its query, its points, or both."""
    return replace(
        plan,
        query=plan.query or (make("index", x, value=0),),
        point=plan.point or (make("index", y, value=0),),
        in_float64=None if plan.in_float64 is None else filled(plan.in_float64),
    )


# The stored form: the expressions of all plans in one table, and the plans' other facts beside it.


def _to_text(stages: Stages) -> str:
    plans: list[Plan] = []
    for plan in (stages.direct, stages.matrix, stages.expanded, stages.guarded):
        if plan is not None:
            plans += [plan] if plan.in_float64 is None else [plan, plan.in_float64]
    expressions = [stages.simplified, stages.rank, stages.outer]
    facts = []
    for plan in plans:
        expressions += [*plan.query, *plan.point, *plan.maxima, plan.pair]
        counts = [len(plan.query), len(plan.point), len(plan.maxima)]
        known = [plan.slack, plan.relative, plan.relative_to_rank, plan.offset, plan.bilinear, plan.guarded]
        facts.append([counts, plan.in_float64 is not None, *known])
    return json.dumps([dumps(expressions), facts, stages.movable])


def _from_text(text: str) -> Stages:
    expressions, facts, movable = json.loads(text)
    rest = iter(loads(expressions))
    simplified, rank, outer = next(rest), next(rest), next(rest)
    plans: list[Plan] = []
    waiting: Plan | None = None
    for counts, waits, slack, relative, relative_to_rank, *more in facts:
        query, point, maxima = (tuple(islice(rest, n)) for n in counts)
        bound = None if relative is None else (relative[0], relative[1])
        plan = Plan(query, point, next(rest), maxima, tuple(slack), bound, relative_to_rank, *more)
        if waits:  # for its float64 form, which comes next
            waiting = plan
        else:
            plans.append(plan if waiting is None else replace(waiting, in_float64=plan))
            waiting = None
    direct, matrix, expanded, guarded = (*plans, None, None)[:4]  # nothing is guarded that is not expanded
    assert direct is not None
    assert matrix is not None
    return Stages(simplified, rank, outer, direct, expanded, movable, matrix, guarded)

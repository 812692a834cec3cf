"""What the compiler found out about a distance, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anear.formula.expression import Expr
from anear.formula.hoist import Plan, fields
from anear.formula.properties import properties
from anear.formula.show import brief
from anear.index.stages import Stages, stages_of
from anear.spaces.lookup import resolve
from anear.spaces.space import Distance

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a distance; ``str()`` gives it in words.

    Attributes
    ----------
    name : the distance's name, or None for a formula.
    formula : its text.
    properties : what was proved or refuted of it, with the reason.
    stages : what the compiler's passes made of it.
    text : all of it in words.
    """

    name: str | None
    formula: str
    properties: Any
    stages: Stages
    text: str

    def __str__(self) -> str:
        return self.text


def explain(distance: str | Expr | Distance, **params: Any) -> Explanation:
    """Tell what the compiler found out about a distance: its formula, properties, and how it will be searched.

    Examples
    --------
    >>> print(explain("sqeuclidean").text.splitlines()[0])
    sqeuclidean: sum((x - y) ** 2)
    """
    resolved = resolve(distance, **params)
    stages = stages_of(resolved.expr, resolved.distance is not None)
    found = properties(resolved.expr)
    shown = brief(resolved.expr)
    lines = [f"{resolved.label}: {shown}" if resolved.name else shown]
    if resolved.distance is not None:
        lines += _described(resolved.distance)
        lines.append(f"queries: {resolved.query_domain.allowed}; points: {resolved.point_domain.allowed}")
    lines += _fields(resolved.expr)
    lines.append("")
    lines.append("Properties")
    lines += [f"  {line}" for line in str(found).splitlines()]
    lines.append("")
    lines.append("Search")
    lines += [f"  {line}" for line in _search(stages)]
    return Explanation(resolved.name, shown, found, stages, "\n".join(lines))


def _described(distance: Distance) -> list[str]:
    lines = [distance.summary]
    if distance.aliases:
        lines.append(f"also called {', '.join(distance.aliases)}")
    if distance.reference:
        lines.append(f"source: {distance.reference}")
    if distance.notes:
        lines.append(distance.notes)
    return lines


def _fields(expr: Expr) -> list[str]:
    needs = []
    for side in ("query", "point"):
        named = [name for name, _ in fields(expr, side)]
        if named:
            needs.append(f"needs {side}_data: {', '.join(named)}")
    return needs


def _search(stages: Stages) -> list[str]:
    lines = [f"ordered by  {brief(stages.rank)}"]
    if stages.outer.op != "prepared":
        lines.append("which the distance grows with, and which is cheaper")
    if stages.expanded is not None:
        form = "as one inner product of prepared vectors (bilinear form)" if stages.expanded.bilinear else "expanded"
        lines.append(f"found {form}, then checked with the formula:")
        lines += _plan(stages.expanded)
    else:
        lines.append("found term by term, then checked with the formula:")
        lines += _plan(stages.direct)
    return lines


def _plan(plan: Plan) -> list[str]:
    lines = [f"  once a query   q{i} = {brief(e)}" for i, e in enumerate(plan.query)]
    lines += [f"  once a point   p{i} = {brief(e)}" for i, e in enumerate(plan.point)]
    lines.append(f"  for each pair  {brief(plan.pair)}")
    if plan.relative is None:
        lines.append("  no rounding bound is proved: near ties may come in another order than in float64")
    else:
        lines.append("  its rounding is bounded, so the answer is that of float64")
    return lines

"""The balls of a tree: what bound a metric has over them, compiled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from anear import _core
from anear.codegen.layout import make_layout
from anear.formula.balls import RADIUS, ball_plan, reach
from anear.formula.expression import Expr
from anear.formula.plan import Plan
from anear.index.boxes import BOUND_KERNELS
from anear.index.metrics import convex, is_positive, known, lacking
from anear.index.tables import LEAF, CompiledTable, Space, host, load
from anear.spaces.space import Resolved

__all__ = ["Balls", "balls_of"]

_UNIT: Final = {"float32": 2.0**-24, "float64": 2.0**-53}
_UNPROVED: Final = 2.0**-40  # taken for the relative error where none is proved; arithmetic is float64 then


@dataclass(frozen=True, slots=True)
class Balls:
    """What the core needs; ``arithmetic`` is what bound and search are both computed in, ``words`` say what holds."""

    arithmetic: str
    core: Any
    words: tuple[str, ...]


def balls_of(space: Space, resolved: Resolved, checked: bool) -> Balls | str:
    """The balls under a space's distance, or why there are none.

    ``checked``: the data keep to the distance's domain.
    """
    missing = lacking(resolved, checked)
    if missing is not None:
        return missing
    direct = space.stages.direct
    arithmetic = "float64" if direct.relative is None else space.arithmetic
    plan = _plan(space, arithmetic)
    within = _reach(space)
    if plan is None or within is None:
        return "no rank is known that belongs to a distance"
    table, distances = _table(plan, space, arithmetic), space.gather_table(within)
    core = _core.Balls(table.table, table.parameters, distances.table, distances.parameters, convex(resolved, checked))
    return Balls(arithmetic, core, _words(resolved, checked))


def _words(resolved: Resolved, checked: bool) -> tuple[str, ...]:
    found = known(resolved.expr, checked and is_positive(resolved)).triangle
    why = found.reason if found == "proved" else f"stated of {resolved.label}"
    return (
        "a point in a ball is at least as far as the ball's centre less its radius",
        f"the triangle inequality: {why}",
    )


@lru_cache(maxsize=256)
def _plan(space: Space, arithmetic: str) -> Plan | None:
    direct = space.stages.direct
    factor = space.rounding(direct, arithmetic) or _UNPROVED
    return ball_plan(direct.computed_in(arithmetic), space.stages.outer, factor, _UNIT[arithmetic])


@lru_cache(maxsize=256)
def _reach(space: Space) -> Expr | None:
    stages = space.stages
    factor = space.rounding(stages.direct, "float64") or _UNPROVED
    return reach(space.expr, stages.rank, stages.outer, stages.direct, factor)


@lru_cache(maxsize=256)
def _table(plan: Plan, space: Space, arithmetic: str) -> CompiledTable:
    layout = make_layout(plan, space.dimension, arithmetic, arithmetic, host(), (), (RADIUS.value,), points=LEAF)
    return load(layout, BOUND_KERNELS)

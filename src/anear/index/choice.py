"""Which of a formula's plans a search uses on given points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anear.data.types.dense import to_float
from anear.formula.centre import centred
from anear.formula.expression import walk
from anear.formula.hoist import Plan
from anear.formula.interpret import evaluate

if TYPE_CHECKING:
    from anear.formula.expression import Expr
    from anear.formula.halved import Middle
    from anear.index.tables import Space

__all__ = ["choose_plan", "moved", "point_fields", "too_bold", "walk_precision"]

_CENTRE_SAMPLE = 4096  # points that the centre is taken from
_QUERIES, _POINTS = 16, 256  # points that the rounding bound is tried on, against one another
_FEW = 4096  # so few points are searched quickly in any form
_SHARE = 0.01  # of the points may lie within the bound of one another; each costs as much as some hundred scanned ones
_MANY = 8192  # so many points are worth asking whether products of bfloat16 tell them apart:
_TRIED_QUERIES, _TRIED = 8, (256, 1024)  # on some of them,
_DOUBTFUL, _MOST = 1e-4, 0.005  # of which so many a coordinate, and no more, may lie within the bound of the nearest;
_AS_SAMPLED = 1.3  # maxima so many times the sample's change nothing


def choose_plan(space: Space, rows: npt.NDArray[Any], boldly: bool = True) -> Plan:
    """The expanded plan where it is good for these points, its origin moved into them if allowed; else the direct one.

    Points of narrow types keep their origin: their coordinates are small, and moved they would need four bytes each.
    ``boldly``: in bfloat16 where that may do; :func:`too_bold` says so once the points are prepared.
    """
    stages = space.stages
    plan = stages.expanded
    if plan is None or not space.proved(plan):
        return stages.direct
    plan = moved(space, plan, rows)
    if len(rows) < _FEW or space.fields("query"):
        return plan
    halved = _halved(space, plan, rows) if boldly else None
    return halved or (plan if _separates(space, plan, rows) else stages.direct)


def too_bold(space: Space, plan: Plan, rows: npt.NDArray[Any], maxima: npt.NDArray[np.float64]) -> bool:
    """Whether a chosen plan in bfloat16 excludes too little, now that the maxima over all points are known."""
    if not plan.halved:
        return False
    sample = _Sample(space, rows, *_tried(rows))
    return bool((maxima > _AS_SAMPLED * sample.maxima(plan)).any()) and _doubtful(sample, plan, maxima)


def moved(space: Space, plan: Plan, rows: npt.NDArray[Any]) -> Plan:
    """The plan with its origin in the middle of the points, where the rank depends on differences alone."""
    if not space.stages.movable or space.storage not in ("float32", "float64"):
        return plan
    step = max(1, len(rows) // _CENTRE_SAMPLE)
    with np.errstate(all="ignore"):
        centre = rows[::step, : space.dimension].mean(axis=0, dtype=np.float64)
    return centred(plan, centre) if np.isfinite(centre).all() else plan


def walk_precision(space: Space, plan: Plan, rows: npt.NDArray[Any]) -> str:
    """What a walk computes ``plan`` in: float64 also where float32 would not tell near points from far ones.

    Nothing sets that right afterwards, for a walk compares only a part of the points in full. Points that are equal
    differ in neither.
    """
    precision = space.precision(plan)
    if precision == "float64" or not plan.slack or space.fields("query"):
        return precision
    spread, bound = _spread(space, plan, rows)
    hidden = (spread > 0) & (spread < 2 * bound)
    return "float64" if hidden.mean() > 0.5 else precision


def _separates(space: Space, plan: Plan, rows: npt.NDArray[Any]) -> bool:
    """Whether the rounding bound is small beside the differences between the points' ranks.

    Far clusters, or one huge coordinate, make the bound of an expanded form so wide that it excludes nothing: exact
    still, but every point would be computed twice.
    """
    spread, bound = _spread(space, plan, rows)
    return bool((spread >= 2 * bound).mean() >= 0.5)


def _halved(space: Space, plan: Plan, rows: npt.NDArray[Any]) -> Plan | None:
    """The plan in bfloat16, where few enough points would have to be looked at closely; None elsewhere."""
    if len(rows) < _MANY:
        return None
    sample = _Sample(space, rows, *_tried(rows))
    for halved in space.halved(plan, sample.mean):
        if not _doubtful(sample, halved, sample.maxima(halved)):
            return halved
    return None


def _tried(rows: npt.NDArray[Any]) -> tuple[int, int]:
    """How many points, and queries, a plan in bfloat16 is tried on."""
    low, high = _TRIED
    return min(max(len(rows) // 16, low), high), _TRIED_QUERIES


def _doubtful(sample: _Sample, plan: Plan, maxima: npt.NDArray[np.float64]) -> bool:
    """Whether many points lie within the bound of the nearest."""
    ranks = sample.ranks()
    bound = sample.bound(plan, maxima, ranks)
    with np.errstate(invalid="ignore"):
        within = (ranks - bound)[:, 2:] <= (ranks + bound)[:, 1:2]  # each query is the nearest to itself
    return not (within.mean() <= min(_DOUBTFUL * sample.dimension, _MOST) and np.isfinite(bound).all())


def _spread(
    space: Space, plan: Plan, rows: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of some points as queries: how far the ranks of the nearest of a sample differ, and the rounding bound."""
    sample = _Sample(space, rows, _POINTS, _QUERIES)
    ranks = sample.ranks()
    with np.errstate(invalid="ignore"):
        spread = ranks[:, int(2 * _SHARE * ranks.shape[1])] - ranks[:, 0]
    return spread, sample.bound(plan, sample.maxima(plan), ranks)[:, 0]


class _Sample:
    """Some of the points, and some of these as queries."""

    def __init__(self, space: Space, rows: npt.NDArray[Any], points: int, queries: int) -> None:
        chosen = to_float(rows[:: max(1, len(rows) // points)][:points]).astype(np.float64)
        self._space, self.dimension = space, space.dimension
        self._points = chosen[:, : space.dimension]
        self._data = point_fields(space, chosen)
        self._queries = self._points[:: max(1, len(chosen) // queries)][:queries]

    def ranks(self) -> npt.NDArray[np.float64]:
        """Of all points for each query, sorted. NaN comes last, and is never within a bound."""
        ranks = evaluate(self._space.stages.rank, self._queries, self._points, point_data=self._data)
        ranks.sort(axis=1)
        return ranks

    def maxima(self, plan: Plan) -> npt.NDArray[np.float64]:
        """What the bound takes of the points."""
        maxima = plan.computed_in(self._space.arithmetic).maxima
        return np.array([np.max(self._of_points(maximum)) for maximum in maxima])

    def bound(
        self, plan: Plan, maxima: npt.NDArray[np.float64], ranks: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """How far the plan's values of points with these ranks may be off, for each query."""
        used = plan.computed_in(self._space.arithmetic)
        alone = np.zeros(len(self._queries))
        for slot, largest in zip(used.slack, maxima, strict=True):
            alone += self._of_queries(used, slot) * largest
        bound: npt.NDArray[np.float64] = np.broadcast_to(alone[:, None], ranks.shape)
        if used.relative_to_rank:
            offset = 0.0 if used.offset is None else self._of_queries(used, used.offset)[:, None]
            with np.errstate(invalid="ignore"):
                bound = bound + used.relative_to_rank * np.abs(ranks - offset)
        return bound * self._space.rounding(plan)

    def mean(self, vector: Expr) -> Middle:
        """Of a vector of the points, or of the points as queries; and of its square."""
        if any(node.op == "x" for node in walk(vector)):
            values = evaluate(vector, self._points, self._points[:1])[:, 0]
        else:
            values = self._of_points(vector)
        return values.mean(axis=0), float(np.mean(np.sum(values**2, axis=1)))

    def _of_queries(self, plan: Plan, slot: int) -> npt.NDArray[np.float64]:
        values: npt.NDArray[np.float64] = evaluate(plan.query[slot], self._queries, self._points[:1])[:, 0]
        return values

    def _of_points(self, expr: Expr) -> npt.NDArray[np.float64]:
        values: npt.NDArray[np.float64] = evaluate(expr, self._queries[:1], self._points, point_data=self._data)[0]
        return values


def point_fields(space: Space, points: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    """The points' fields, taken from behind their coordinates."""
    found, at = {}, space.dimension
    for name, length in space.fields("point"):
        found[name] = points[:, at] if length is None else points[:, at : at + length]
        at += length or 1
    return found

"""The compiled bound of a box, less what it may be off by, is above no rank of its points, on data made to break it."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.codegen.calling import Called
from tests.contracts.test_spaces import valid
from tests.formula.strategies import formulas
from tests.index.test_random_formulas import field_data
from tests.methods.test_tree_formulas import changes, data, seeds, separable, told_apart
from tests.reference.distances import REFERENCE

import anear
from anear.formula import Expr
from anear.formula.interpret import evaluate
from anear.index import boxes as parts
from anear.index import methods
from anear.index.boxes import Boxes
from anear.index.choice import point_fields
from anear.index.tables import Space

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
ANYWHERE: Final = (-math.inf, math.inf)


def neighbours(points: Array, rng: np.random.Generator) -> Array:
    """Some last digits away."""
    for _ in range(3):
        towards = np.where(rng.random(points.shape) < 0.5, -np.inf, np.inf).astype(points.dtype)
        points = np.where(rng.random(points.shape) < 0.5, np.nextafter(points, towards), points)
    return points


def groups(points: Array, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Boxes of one, two and six points: next to each other in the first coordinate, and anywhere."""
    order = np.argsort(points[:, 0])
    near = [np.resize(order[i : i + size], 6) for size in (1, 2, 6) for i in range(0, len(points) - 6, 5)]
    return np.array(near + [np.resize(rng.integers(0, len(points), size), 6) for size in (1, 2, 6)])


def box_rows(low: Array, high: Array, taken: npt.NDArray[np.intp], dimension: int) -> Array:
    """A row a box: lowest and greatest coordinates, then greatest and lowest extras."""
    least, most = low[taken].min(axis=1), high[taken].max(axis=1)
    return np.concatenate([least[:, :dimension], most, least[:, dimension:]], axis=1)


class Compiled(Called):
    """The kernels of a bound, as an index compiles them."""

    def __init__(self, space: Space, found: Boxes) -> None:
        self.table = parts._table(found.plan, space, found.arithmetic, len(found.bound.extras))
        self.layout, self.parameters = self.table.layout, self.table.parameters
        self.real = np.dtype(found.arithmetic).type
        self.slack = space.slack(found.plan, self.table, found.arithmetic)
        self.plan, self._wanted, self._codes = found.plan, None, []

    def least(self, queries: Array, rows: Array) -> Floats:
        """What no true rank in the boxes may be below: computed bounds, less all that they may be off by."""
        prepared, count, maxima = self.points(rows)
        each = self.queries(queries)[: len(queries)]
        values = np.concatenate([self.store(q[None], prepared, count, one=True) for q in each]).astype(np.float64)
        values = values[:, : len(rows)]
        room = self.slack.scale * (each[:, self.slack.slots].astype(np.float64) @ maxima[: len(self.slack.slots)])
        offset = self.table.offset
        added = each[:, offset].astype(np.float64) if offset >= 0 else np.zeros(len(each))
        unit = float(np.finfo(self.real).eps) * (4 + each.shape[1])
        off = room[:, None] + self.slack.relative * np.abs(values) + unit * np.abs(added)[:, None]
        return values + added[:, None] - 1.01 * off - np.finfo(self.real).tiny


def reference_room(space: Space, ranks: Floats, sides: tuple[Floats, Floats, Any, Any]) -> Floats:
    """How far ranks may be off in float64, by the proof of the plan that computes them term by term."""
    plan = space.stages.direct.computed_in("float64")
    room = np.abs(ranks)
    if plan.relative is None:
        return np.asarray(2.0**-40 * room)
    if not plan.relative_to_rank:
        room = np.zeros_like(ranks)
    for maximum, slot in zip(plan.maxima, plan.slack, strict=True):
        room = room + evaluate(plan.query[slot], *sides)[:, :1] * evaluate(maximum, *sides).max()
    if plan.offset is not None:
        room = room + np.abs(evaluate(plan.query[plan.offset], *sides)[:, :1])
    return np.asarray(space.rounding(space.stages.direct, "float64") * room + 2.0**-50 * np.abs(ranks))


def check(
    distance: Any, points: Array, queries: Array, point_data: Any = None, query_data: Any = None, **params: Any
) -> int:
    """Every query against every box; the number of bounds that say something."""
    flat = anear.Index(points, distance, point_data=point_data, **params)
    space, rows, resolved = flat._space, flat._rows, flat._resolved
    domains = resolved.point_domain, resolved.query_domain
    found = parts.boxes_of(space, rows, "auto", *(methods._numbers(d) if space.checked else ANYWHERE for d in domains))
    if found is None:
        return 0
    asked, _ = flat._queries(queries, query_data)
    asked = np.clip(asked, *found.bound.query_range).astype(asked.dtype)
    taken = groups(points, np.random.default_rng(0))
    with np.errstate(all="ignore"):
        corners = parts._corners(found.bound, space, rows, found.arithmetic)
        least = Compiled(space, found).least(asked, box_rows(*corners, taken, space.dimension))
        wide, raw = rows.astype(np.float64), asked.astype(np.float64)
        data = point_fields(space, wide), query_fields(space, raw)
        sides = raw[:, : space.dimension], wide[:, : space.dimension], *data
        ranks = evaluate(space.stages.rank, *sides)
        highest = np.where(np.isnan(ranks), np.inf, ranks + reference_room(space, ranks, sides))
        above = least > highest[:, taken].min(axis=2)
    assert not above.any(), (found.bound.lower, least[above][:3], highest[:, taken].min(axis=2)[above][:3])
    return int(np.isfinite(least).sum())


def query_fields(space: Space, queries: Floats) -> dict[str, Floats]:
    """The queries' fields, taken from behind their coordinates."""
    found, at = {}, space.dimension
    for name, length in space.fields("query"):
        found[name] = queries[:, at] if length is None else queries[:, at : at + length]
        at += length or 1
    return found


def named() -> list[tuple[str, dict[str, Any]]]:
    """Every named distance with the parameters of its twin."""
    return [
        (name, params)
        for name, twin in sorted(REFERENCE.items())
        for params in twin.cases(np.random.default_rng(5), max(twin.dimensions[0], min(3, twin.dimensions[1])))
    ]


@pytest.mark.parametrize(("name", "params"), named(), ids=lambda v: v if isinstance(v, str) else "")
def test_named_distances(name: str, params: dict[str, Any]) -> None:
    """Rows of the domain, and rows some last digits away from one another."""
    twin = REFERENCE[name]
    d = max(twin.dimensions[0], min(3, twin.dimensions[1]))
    said = 0
    for storage in ("float32", "float64"):
        rng = np.random.default_rng(1)
        queries, points = (draw(rng, 60, d).astype(storage) for draw in (twin.queries, twin.points))
        near = neighbours(points[rng.integers(0, 8, 60)], rng), neighbours(queries[rng.integers(0, 8, 60)], rng)
        if twin.points is twin.queries:
            near = near[0], near[0]
        said += check(name, points, queries, **params)
        if valid(name, near[0], "points", params) and valid(name, near[1], "queries", params):
            said += check(name, *near, **params)
    assert said > 0 or name in ("negdotprod", "tanimoto")  # of both signs: nothing is proved of their rounding


@settings(max_examples=10)
@given(separable(), seeds, changes, st.sampled_from(["float32", "float64"]))
def test_separable_formulas(expr: Expr, seed: int, change: str, storage: str) -> None:
    queries, points = data(seed, told_apart(expr, change), storage, positive=False)
    rng = np.random.default_rng(seed)
    check(expr, points, queries)
    near = neighbours(points[rng.integers(0, 5, 60)], rng)
    check(expr, near, near[:8])


@settings(max_examples=10)
@given(st.one_of(formulas(fields=True), formulas(fields=True, positive=True)), seeds, changes)
def test_any_formula(expr: Expr, seed: int, change: str) -> None:
    queries, points = data(seed, told_apart(expr, change), "float32", positive=bool(seed % 2))
    given = field_data(expr, "point", len(points), seed), field_data(expr, "query", len(queries), seed)
    check(expr, points, queries, *given)

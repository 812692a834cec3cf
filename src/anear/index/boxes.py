"""The boxes of a tree: what bound a distance has over them, compiled, and the points' coordinates that they enclose."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.codegen import cache
from anear.codegen.layout import Fields, make_layout
from anear.data.arrays import storage_name
from anear.data.types.dense import to_float
from anear.formula.bounds import Bound, Ends, bound, bound_plan
from anear.formula.bounds_stored import bound_from_text, bound_to_text
from anear.formula.expression import Expr, y
from anear.formula.hoist import Plan
from anear.formula.interpret import evaluate
from anear.formula.serial import dumps, storable
from anear.index.choice import point_fields
from anear.index.objects import viewed
from anear.index.stages import filled
from anear.index.tables import LEAF, CompiledTable, Space, host, load

__all__ = ["Boxes", "Range", "boxes_of"]

BOUND_KERNELS = ("prepare_points", "prepare_query", "look", "descend")
Range = tuple[float, float]
_SAMPLE = 1000  # points that show whether all sums are equal
_EQUAL = 1e-3
_NONE = b"none"  # what is stored of a formula without a bound
_CHUNK = 1 << 16  # points whose images are computed at a time


Columns = tuple[tuple[int, float, float], ...]
"""Columns, with the least and the greatest number that each holds."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """A bound and what the core needs of it; ``arithmetic`` is what bound and search are both computed in."""

    bound: Bound
    plan: Plan
    arithmetic: str
    core: Any


def boxes_of(
    space: Space,
    rows: npt.NDArray[Any],
    split: str,
    point_domain: Range,
    query_domain: Range,
    columns: tuple[Columns, Columns] = ((), ()),
) -> Boxes | None:
    """The boxes under a space's distance; None where no bound is known.

    Parameters
    ----------
    rows : the points' raw rows.
    split : one of ``methods.SPLITS``.
    point_domain, query_domain : the least and the greatest number that may occur; ``columns``: of points and queries,
        what single columns may hold.
    """
    found = _best_bound(space, rows, point_domain, query_domain, columns)
    if found is None:
        return None
    plan = _plan(found.lower)
    proved = plan.relative is not None and space.stages.direct.relative is not None
    arithmetic = space.arithmetic if proved else "float64"
    low, high = _corners(found, space, rows, arithmetic)
    if found.split is not None and split in ("auto", "geodesic"):
        cut: npt.NDArray[Any] = _images(found.split, space, rows)
    else:
        cut = np.ascontiguousarray(low[:, : space.dimension])
    core = _core.Boxes(
        _estimate(plan, space, arithmetic, len(found.extras)),
        _upper(found, space, arithmetic),
        viewed(low),
        viewed(high),
        storage_name(low),
        viewed(cut),
        storage_name(cut),
        len(found.extras),
    )
    return Boxes(found, plan, arithmetic, core)


def _best_bound(
    space: Space, rows: npt.NDArray[Any], point_domain: Range, query_domain: Range, columns: tuple[Columns, Columns]
) -> Bound | None:
    """A tight bound for all that the domain allows; else for these points; else for queries like them as well."""
    coordinates = rows[:, : space.dimension]
    sums = _equal_sums(coordinates)
    found = _bound(space, point_domain, query_domain, sums, columns)
    if found is not None and found.proof == "clamp":
        return found
    here = _range(coordinates, point_domain)
    near = _bound(space, here, query_domain, sums, columns) or found
    if near is not None and near.proof == "clamp":
        return near
    like = _bound(space, here, _enlarged(here, query_domain), sums, columns)
    return like if like is not None and (near is None or like.proof == "clamp") else near


def _equal_sums(coordinates: npt.NDArray[Any]) -> Range | None:
    """The least and the greatest sum of a point's coordinates where they hardly differ: histograms, distributions."""

    def ends(some: npt.NDArray[Any]) -> Range:
        with np.errstate(invalid="ignore"):  # infinities of both signs: such sums are not equal
            sums = np.sum(to_float(some), axis=1, dtype=np.float64)
        return float(sums.min()), float(sums.max())

    low, high = ends(coordinates[:: max(1, len(coordinates) // _SAMPLE)])
    if not high - low <= _EQUAL * abs(high):
        return None
    low, high = ends(coordinates)
    return (low, high) if high - low <= _EQUAL * abs(high) else None


def _range(coordinates: npt.NDArray[Any], domain: Range) -> Range:
    values = to_float(coordinates)
    with np.errstate(all="ignore"):
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low, high) if low <= high else domain


def _enlarged(here: Range, domain: Range) -> Range:
    """Where queries like the points may lie: as far out again as the points reach, on the same side of zero."""
    low, high = here
    reach = high - low
    least = max(low - reach, low / 4) if low > 0 else low - reach if low < 0 else 0.0
    most = min(high + reach, high / 4) if high < 0 else high + reach if high > 0 else 0.0
    return max(least, domain[0]), min(most, domain[1])


@lru_cache(maxsize=256)
def _bound(
    space: Space, points: Range, queries: Range, sums: Range | None, columns: tuple[Columns, Columns]
) -> Bound | None:
    """The bound, kept on disk beside the kernels, for it takes milliseconds to find."""
    rank = space.stages.rank
    ends = [_ends(*which, space.dimension) for which in zip((points, queries), columns, strict=True)]
    if os.environ.get("ANEAR_DEBUG", "0") != "0" or not storable(rank):
        return bound(rank, space.dimension, points=ends[0], queries=ends[1], sums=sums)
    facts = (
        f"bound|{cache.source_digest('formula')}|{space.dimension}|{points}|{queries}|{sums}|{columns}|{dumps([rank])}"
    )
    key = hashlib.sha256(facts.encode()).hexdigest()
    stored = cache.fetch(key)
    if stored is not None:
        return bound_from_text(stored.decode()) if stored != _NONE else None
    found = bound(rank, space.dimension, points=ends[0], queries=ends[1], sums=sums)
    cache.put(key, _NONE if found is None else bound_to_text(found).encode())
    return found


def _ends(everywhere: Range, columns: Columns, dimension: int) -> Ends:
    """The least and the greatest number of each column."""
    if not columns:
        return everywhere
    low, high = (np.full(dimension, end) for end in everywhere)
    for column, least, most in columns:
        if column < dimension:
            low[column], high[column] = max(low[column], least), min(high[column], most)
    return low, high


@lru_cache(maxsize=256)
def _plan(formula: Expr) -> Plan:
    return filled(bound_plan(formula))


def _upper(found: Bound, space: Space, arithmetic: str) -> Any:
    """What counts whole boxes; None where nothing proves that a box is within a radius."""
    if found.upper is None:
        return None
    plan = _plan(found.upper)
    return (
        None if plan.computed_in(arithmetic).relative is None else _estimate(plan, space, arithmetic, len(found.extras))
    )


def _estimate(plan: Plan, space: Space, arithmetic: str, extras: int) -> Any:
    table = _table(plan, space, arithmetic, extras)
    slack = space.slack(plan, table, arithmetic)
    return _core.Estimate(table.table, table.parameters, slack.slots, slack.scale, slack.relative, table.offset)


@lru_cache(maxsize=256)
def _table(plan: Plan, space: Space, arithmetic: str, extras: int) -> CompiledTable:
    columns: Fields = (("box_high", space.dimension),)
    if extras:
        columns += (("extra_high", extras), ("extra_low", extras))
    layout = make_layout(
        plan.computed_in(arithmetic),
        space.dimension,
        arithmetic,
        arithmetic,
        host(),
        space.fields("query"),
        columns,
        ordered=True,
        points=LEAF,
    )
    return load(layout, BOUND_KERNELS)


def _corners(
    found: Bound, space: Space, rows: npt.NDArray[Any], arithmetic: str
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """What boxes enclose, a row a point: the least and the greatest that coordinates and extras may truly be.

    Coordinates alone are as they are stored, for ``arithmetic`` holds them all: the core widens them.
    """
    plain = rows[:, : space.dimension]
    if found.coordinates is y and not found.extras:
        exact = np.ascontiguousarray(plain)
        return exact, exact
    width = space.dimension + len(found.extras)
    low, high = (np.empty((len(rows), width), arithmetic) for _ in range(2))
    wanted = list(zip(found.extras, found.extra_errors, strict=True))
    first = 0
    if found.coordinates is y:
        first = space.dimension
        low[:, :first] = high[:, :first] = to_float(plain)
    else:
        wanted.insert(0, (found.coordinates, found.coordinate_error))
    origin = np.zeros((1, space.dimension))
    for start in range(0, len(rows), _CHUNK):
        chunk = to_float(rows[start : start + _CHUNK]).astype(np.float64)
        points, data = chunk[:, : space.dimension], point_fields(space, chunk)
        at = first
        for expr, error in wanted:
            with np.errstate(all="ignore"):
                value = evaluate(expr, origin, points, point_data=data)[0].reshape(len(chunk), -1)
                off = 0.0 if error is None else evaluate(error, origin, points, point_data=data)[0].reshape(value.shape)
                least, most = value - off, value + off
            here = slice(start, start + len(chunk)), slice(at, at + value.shape[1])
            low[here] = _rounded(least, -np.inf, arithmetic)
            high[here] = _rounded(most, np.inf, arithmetic)
            at += value.shape[1]
    return low, high


def _rounded(values: npt.NDArray[np.float64], towards: float, arithmetic: str) -> npt.NDArray[Any]:
    """Rounded to the arithmetic type, never away from ``towards``."""
    if arithmetic == "float64":
        return values
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    wrong = near > values if towards < 0 else near < values
    return np.where(wrong, np.nextafter(near, np.float32(towards)), near)


def _images(expr: Expr, space: Space, rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """A vector of the point, of every point; in float32, for it only guides where cells are cut."""
    out = np.empty((len(rows), space.dimension), np.float32)
    for start in range(0, len(rows), _CHUNK):
        chunk = to_float(rows[start : start + _CHUNK, : space.dimension])
        with np.errstate(all="ignore"):
            out[start : start + _CHUNK] = evaluate(expr, np.zeros((1, space.dimension)), chunk)[0]
    return out

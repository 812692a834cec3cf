"""Checked arguments: points, queries and their fields as raw rows of one storage type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anear.codegen.layout import Fields
from anear.data.arrays import as_field, as_rows, storage_name
from anear.data.types.dense import to_float
from anear.errors import ArgumentError
from anear.index.tables import Space
from anear.spaces.domain import REAL
from anear.spaces.space import Resolved

__all__ = ["point_rows", "positive", "query_rows", "thread_count"]

Rows = npt.NDArray[Any]


def point_rows(
    points: Any,
    resolved: Resolved,
    fields: Fields,
    data: Mapping[str, Any] | None,
    *,
    check_domain: bool,
    allow_nan: bool,
    name: str = "points",
) -> tuple[Rows, int]:
    """The points' raw rows (coordinates, then fields) and the number of coordinates."""
    rows = as_rows(points, name, allow_nan)
    if check_domain:
        resolved.point_domain.check(rows, name, resolved.label)
    dimension = rows.shape[1]
    if not fields and not data:
        return rows, dimension
    return _with_fields(rows, fields, data, "point_data", allow_nan), dimension


def query_rows(
    queries: Any,
    resolved: Resolved,
    space: Space,
    data: Mapping[str, Any] | None,
    *,
    check_domain: bool,
    allow_nan: bool,
) -> tuple[Rows, bool]:
    """The queries' raw rows, and whether there was a single vector.

    Queries are taken in the precision that the points are searched in: float64 queries of float32 points are rounded.
    """
    rows, single = as_rows(queries, "queries", allow_nan, space.dimension, one_row=True)
    if check_domain and resolved.query_domain is not REAL:
        resolved.query_domain.check(rows, "queries", resolved.label)
    fields = space.fields("query")
    if rows.dtype == np.float64 and space.arithmetic == "float32":
        rows = rows.astype(np.float32)
    if fields or data:
        rows = _with_fields(rows, fields, data, "query_data", allow_nan)
    return rows, single


def _with_fields(rows: Rows, fields: Fields, data: Mapping[str, Any] | None, what: str, allow_nan: bool) -> Rows:
    """Rows with the fields' columns behind their coordinates, in a floating type that holds both."""
    given = dict(data or {})
    parts = []
    for name, length in fields:
        if name not in given:
            raise ArgumentError(f"the formula uses {what.split('_')[0]}_field({name!r}): give it as {what}={{{name!r}: ...}}")
        parts.append(as_field(given.pop(name), len(rows), f"{what}[{name!r}]", length, allow_nan).reshape(len(rows), -1))
    if given:
        used = ", ".join(repr(n) for n, _ in fields) or "none"
        raise ArgumentError(f"{what} has {', '.join(map(repr, given))}, which the formula does not use (it uses: {used})")
    wide = storage_name(rows) == "float64" or any(p.dtype == np.float64 for p in parts)
    coordinates = rows if rows.dtype in (np.float32, np.float64) else to_float(rows)
    return np.concatenate([coordinates, *parts], axis=1, dtype=np.float64 if wide else np.float32)


def positive(value: Any, name: str) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{name} is {value!r}; allowed: a whole number of at least 1")
    return int(value)


def thread_count(value: Any) -> int:
    """``num_threads``: None means as many as the process may use (0 for the core)."""
    return 0 if value is None else positive(value, "num_threads")

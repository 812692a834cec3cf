"""Points, queries and their fields as raw rows of one storage type, checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.codegen.layout import Fields
from anear.data.arrays import as_field, as_rows, storage_name
from anear.data.types.dense import bits, find_non_finite, from_bfloat16_bits, is_finite, shown, to_float
from anear.errors import ArgumentError
from anear.formula.expression import Expr
from anear.formula.shapes import lengths
from anear.index.arguments import mapping
from anear.index.tables import Space
from anear.spaces.domain import REAL, Domain
from anear.spaces.lookup import find
from anear.spaces.space import Resolved

__all__ = ["lies_in_domain", "point_rows", "query_rows", "viewed"]

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
    team: int = 1,
) -> tuple[Rows, int]:
    """The points' raw rows (coordinates, then fields) and the number of coordinates.

    Fields make the rows floating numbers: float64 if the points or a field are, else float32. ``team``: threads that
    look for NaN.
    """
    given = mapping(data, "point_data")
    rows = _finite_rows(points, name, allow_nan, team=team)[0]
    if check_domain and resolved.point_domain is not REAL:
        resolved.point_domain.check(_plain(rows), name, resolved.label)
    dimension = rows.shape[1]
    _fits(resolved.expr, dimension)
    if not fields and not given:
        return rows, dimension
    columns = _field_columns(given, fields, len(rows), "point_data", allow_nan)
    wide = rows.dtype == np.float64 or any(c.dtype == np.float64 for c in columns)
    return np.concatenate([to_float(rows), *columns], axis=1, dtype=np.float64 if wide else np.float32), dimension


def _finite_rows(
    value: Any, name: str, allow_nan: bool, dimension: int | None = None, *, one_row: bool = False, team: int = 1
) -> tuple[Rows, bool]:
    """``as_rows``, looking for NaN in the core: no pieces, no threads of BLAS."""
    quick = not allow_nan and isinstance(value, np.ndarray)
    if one_row:
        rows, single = as_rows(value, name, allow_nan or quick, dimension, one_row=True)
    else:
        rows, single = as_rows(value, name, allow_nan or quick, dimension), False
    if quick and not _core.all_finite(viewed(rows), storage_name(rows), team):
        as_rows(value, name, False, dimension, one_row=True)  # says where
    return rows, single


@lru_cache(maxsize=1024)  # asked for at every matrix
def _fits(expr: Expr, dimension: int) -> None:
    """A formula that does not fit the data is told so in its own words."""
    lengths(expr, dimension)


def query_rows(
    queries: Any,
    resolved: Resolved,
    space: Space,
    data: Mapping[str, Any] | None,
    *,
    check_domain: bool,
    allow_nan: bool,
    name: str = "queries",
) -> tuple[Rows, bool]:
    """The queries' raw rows, and whether there was a single vector.

    Queries and their fields are taken in the precision that the points are searched in: for float32 points, float64
    queries are rounded. The rounding bounds are proved for such numbers. The domain is that of the rounded numbers.
    """
    rows, single = _finite_rows(queries, name, allow_nan, space.dimension, one_row=True)
    narrow = space.arithmetic == "float32"
    if narrow and rows.dtype == np.float64:
        rows = _rounded(rows, name, allow_nan)
    if check_domain and resolved.query_domain is not REAL and not _plainly_inside(rows, resolved.query_domain):
        resolved.query_domain.check(_plain(rows), name, resolved.label)
    fields = space.fields("query")
    if fields or data:
        columns = _field_columns(mapping(data, "query_data"), fields, len(rows), "query_data", allow_nan)
        if narrow:
            columns = [_rounded(column, "query_data", allow_nan) for column in columns]
        rows = np.concatenate([to_float(rows), *columns], axis=1, dtype=np.float32 if narrow else np.float64)
    return rows, single


def _plainly_inside(rows: Rows, domain: Domain) -> bool:
    """Whether one look at the smallest number shows that all are allowed: the way of a single query, kept short."""
    glance = domain.at_a_glance()
    return glance is not None and not glance[1] and rows.dtype.kind != "V" and np.minimum.reduce(rows, None) > glance[0]


def lies_in_domain(resolved: Resolved, check_domain: bool) -> bool:
    """Whether the checked data surely lie where the formula is defined: so for anear's own distances, whose domains are
    tested. What a distance of the user's own declares need not be where its formula is a number.
    """
    if resolved.distance is None or not check_domain:
        return False
    try:
        return find(resolved.distance.name) is resolved.distance
    except ArgumentError:
        return False


def _rounded(rows: Rows, name: str, allow_nan: bool) -> Rows:
    """float64 numbers as float32; what is beyond its range is no longer finite, which must not go unnoticed."""
    with np.errstate(over="ignore"):
        narrow = rows.astype(np.float32)
    if not allow_nan and not is_finite(narrow):
        where = find_non_finite(narrow)
        if where is not None:
            raise ArgumentError(
                f"{name}[{where[0]}, {where[1]}] is {shown(rows[where])}, beyond the range of float32, in which these"
                f" points are searched; float64 points are searched in float64"
            )
    return narrow


def _plain(rows: Rows) -> Rows:
    """Rows that NumPy can compare: the bare bits of bfloat16 as numbers, without a copy where ml_dtypes is at hand."""
    if rows.dtype.fields is None:
        return rows
    known = from_bfloat16_bits(bits(rows))
    return known if known.dtype.fields is None else to_float(known)


def _field_columns(given: Mapping[str, Any], fields: Fields, n: int, what: str, allow_nan: bool) -> list[Rows]:
    """The fields in their order, each (n, length)."""
    side = what.partition("_")[0]
    columns = []
    for name, length in fields:
        if name not in given:
            raise ArgumentError(f"the formula uses {side}_field({name!r}): give it as {what}={{{name!r}: ...}}")
        column = as_field(given[name], n, f"{what}[{name!r}]", length, allow_nan)
        columns.append(column.reshape(n, -1))
    used = {name for name, _ in fields}
    unused = [name for name in given if name not in used]
    if unused:
        uses = ", ".join(map(repr, sorted(used))) or "none"
        raise ArgumentError(
            f"{what} has {', '.join(map(repr, unused))}, which the formula does not use (it uses: {uses})"
        )
    return columns


def viewed(rows: Rows) -> Rows:
    """Rows as the core takes them: the types that NumPy has no name for travel as their bits."""
    return rows if rows.dtype.kind in "fiu" else bits(rows)

"""Searching without keeping an index, and matrices of distances."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.data.arrays import storage_name
from anear.errors import ArgumentError
from anear.formula.expression import Expr
from anear.index.arguments import Progress, callback, flag, neighbour_count, shown, threads
from anear.index.ids import filtered
from anear.index.index import Index
from anear.index.objects import lies_in_domain, point_rows, query_rows, viewed
from anear.index.results import Neighbors
from anear.index.tables import Space, fields_of
from anear.spaces.lookup import resolve
from anear.spaces.space import Distance

__all__ = ["knn", "pairwise"]

# From so many rows on either side a plan and tiles made for many are worth what they prepare and compile more.
_MANY = 64


class _Checks(TypedDict):
    check_domain: bool
    allow_nan: bool


def knn(
    points: Any,
    queries: Any = None,
    k: int = 10,
    distance: str | Expr | Distance = "euclidean",
    *,
    method: str = "flat",
    options: Mapping[str, Any] | None = None,
    point_data: Mapping[str, Any] | None = None,
    query_data: Mapping[str, Any] | None = None,
    allow: Any = None,
    deny: Any = None,
    num_threads: int | None = None,
    check_domain: bool = True,
    allow_nan: bool = False,
    progress: Progress | None = None,
    **params: Any,
) -> Neighbors:
    """The k nearest points of each query: an index built, searched and dropped.

    Without ``queries`` the points themselves are the queries, and none is its own neighbour. The other parameters are
    those of ``Index`` and ``Index.search``; to search more than once, keep an ``Index``.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]])
    >>> knn(points, np.array([[0.9, 0.8]]), k=2, distance="sum(abs(x - y))").ids
    array([[1, 0]])
    """
    team, progress = threads(num_threads), callback(progress)
    index = Index.__new__(Index)
    index._take(points, distance, method, options, point_data, check_domain, allow_nan, params, team)
    neighbour_count(k, len(index))
    if queries is None:
        if query_data or allow is not None or deny is not None:
            raise ArgumentError("query_data, allow and deny need queries; without queries the points search themselves")
        rows, everyone = index._as_queries()
        index._build(team, progress)
        return index._knn(rows, neighbour_count(k, len(rows), len(rows)), team, everyone, None, progress)
    # All is checked before the points are prepared, so that a mistake costs no waiting.
    rows, single = index._queries(queries, query_data)
    k = neighbour_count(k, len(index), len(rows))
    allowed = filtered(None, len(index), allow, deny)
    index._build(team, progress)
    found = index._knn(rows, k, team, None, allowed, progress)
    return Neighbors(found.ids[0], found.distances[0]) if single else found


def pairwise(
    queries: Any,
    points: Any = None,
    distance: str | Expr | Distance = "euclidean",
    *,
    query_data: Mapping[str, Any] | None = None,
    point_data: Mapping[str, Any] | None = None,
    out: npt.NDArray[Any] | None = None,
    num_threads: int | None = None,
    check_domain: bool = True,
    allow_nan: bool = False,
    progress: Progress | None = None,
    **params: Any,
) -> npt.NDArray[Any]:
    """The matrix of distances: row i, column j holds the distance of ``queries[i]`` and ``points[j]``.

    The memory it takes is the matrix (``len(queries) * len(points)`` numbers of 4 bytes, 8 for float64 points) and less
    than 64 MB besides; pass ``out``, a memory-mapped array for instance, to choose where it goes.

    Parameters
    ----------
    queries : array (n_queries, D) or one vector (D,).
    points : array (n, D); None: the queries again.
    out : C-contiguous array (n_queries, n) of float32 (float64 for float64 points) to write to.

    The others are those of ``Index`` and ``Index.search``.

    Returns
    -------
    array (n_queries, n), or (n,) for a single query vector; ``out`` where it was given.

    Examples
    --------
    >>> import numpy as np
    >>> pairwise(np.eye(2), distance="manhattan")
    array([[0., 2.],
           [2., 0.]])
    """
    team, progress = threads(num_threads), callback(progress)
    checks: _Checks = {"check_domain": flag(check_domain, "check_domain"), "allow_nan": flag(allow_nan, "allow_nan")}
    resolved = resolve(distance, **params)
    needed = fields_of(resolved.expr, "point")
    if points is None:
        if np.ndim(queries) == 1 and isinstance(queries, np.ndarray):
            raise ArgumentError("queries is one vector; points are needed to measure its distance to")
        rows, dimension = point_rows(queries, resolved, needed, point_data, name="queries", **checks)
    else:
        rows, dimension = point_rows(points, resolved, needed, point_data, **checks)
    inside = lies_in_domain(resolved, checks["check_domain"])
    space = _space(resolved.expr, dimension, storage_name(rows), inside)
    query, single = query_rows(queries, resolved, space, query_data, **checks)
    shape = (len(query), len(rows))
    matrix = np.empty(shape, space.arithmetic) if out is None else _writable(out, shape, space.arithmetic, single)
    if out is not None and (np.may_share_memory(matrix, query) or np.may_share_memory(matrix, rows)):
        raise ArgumentError("out shares memory with the queries or the points, which it would overwrite")
    _fill(space, query, rows, matrix, team, progress)
    if out is not None:
        return out
    return matrix[0] if single else matrix


_space = lru_cache(maxsize=1024)(Space)  # asked for at every matrix


def _fill(
    space: Space,
    queries: npt.NDArray[Any],
    points: npt.NDArray[Any],
    matrix: npt.NDArray[Any],
    team: int,
    progress: Progress | None,
) -> None:
    """Write the distances, by the guarded plan where there is one and enough to do."""
    tables = space.matrix_tables(min(matrix.shape) >= _MANY)
    more: tuple[Any, ...] = ()
    if tables.guarded is not None and tables.exact is not None:
        more = (tables.guarded.table, tables.guarded.parameters, tables.exact.table, tables.exact.parameters)
    _core.pairwise(
        viewed(queries),
        storage_name(queries),
        viewed(points),
        space.storage,
        tables.whole.table,
        tables.whole.parameters,
        matrix,
        team,
        progress,
        *more,
    )


def _writable(out: Any, shape: tuple[int, int], dtype: str, single: bool) -> npt.NDArray[Any]:
    """``out`` as a matrix, if the distances can be written to it as it is."""
    if not isinstance(out, np.ndarray):
        raise ArgumentError(f"out is {shown(out)}; a NumPy array is needed to write to")
    shapes = [shape, shape[1:]] if single else [shape]
    if out.shape not in shapes or out.dtype != dtype or not out.flags.carray:
        layout = "" if out.flags.c_contiguous else " that is not C-contiguous"
        layout += "" if out.flags.writeable else " that is read-only"
        raise ArgumentError(
            f"out is a {out.dtype} array of shape {out.shape}{layout}; a writable C-contiguous {dtype} array of shape"
            f" {' or '.join(map(str, shapes))} is needed"
        )
    return out.reshape(shape)

"""Searching without keeping an index, and matrices of distances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.data.arrays import storage_name
from anear.errors import ArgumentError
from anear.formula.expression import Expr
from anear.formula.hoist import fields
from anear.index.index import Index, viewed
from anear.index.objects import point_rows, query_rows, thread_count
from anear.index.results import Neighbors
from anear.index.tables import Space
from anear.spaces.lookup import resolve
from anear.spaces.space import Distance

__all__ = ["knn", "pairwise"]

Progress = Callable[[int, int], bool | None]


def knn(
    points: Any,
    queries: Any = None,
    k: int = 10,
    distance: str | Expr | Distance = "euclidean",
    *,
    method: str = "flat",
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
    index = Index(
        points,
        distance,
        method=method,
        point_data=point_data,
        num_threads=num_threads,
        check_domain=check_domain,
        allow_nan=allow_nan,
        progress=progress,
        **params,
    )
    if queries is None:
        if query_data or allow is not None or deny is not None:
            raise ArgumentError("query_data, allow and deny need queries; without queries the points search themselves")
        return index.self_search(k, num_threads=num_threads, progress=progress)
    return index.search(
        queries, k, query_data=query_data, allow=allow, deny=deny, num_threads=num_threads, progress=progress
    )


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
    resolved = resolve(distance, **params)
    rows, dimension = point_rows(
        queries if points is None else points,
        resolved,
        fields(resolved.expr, "point"),
        point_data,
        check_domain=check_domain,
        allow_nan=allow_nan,
    )
    space = Space(resolved.expr, dimension, storage_name(rows))
    query, single = query_rows(queries, resolved, space, query_data, check_domain=check_domain, allow_nan=allow_nan)
    shape = (len(query), len(rows))
    if out is None:
        out = np.empty(shape, space.arithmetic)
    elif out.shape != shape or out.dtype != space.arithmetic or not out.flags.carray:
        raise ArgumentError(
            f"out is {out.dtype} of shape {out.shape}; a writable C-contiguous {space.arithmetic} array of shape {shape}"
            f" is needed"
        )
    compiled = space.matrix_table()
    _core.pairwise(
        viewed(query),
        storage_name(query),
        viewed(rows),
        space.storage,
        compiled.table,
        compiled.parameters,
        out,
        thread_count(num_threads),
        progress,
    )
    return out[0] if single else out

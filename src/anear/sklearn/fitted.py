"""What an estimator searches once it is fitted: an index, behind the methods of scikit-learn's trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr
from anear.spaces.space import Distance
from anear.trees.metrics import distance_of
from anear.trees.search import Compiled, Rows, split

__all__ = ["Fitted"]


class Fitted:
    """The points and how they are searched.

    float32 points are searched in float32, at half the memory and twice the speed. Queries that float32 cannot hold
    are given to an index of float64 points, made when the first of them comes: no number is rounded.
    """

    def __init__(
        self,
        points: Rows,
        metric: str | Expr | Distance,
        params: Mapping[str, Any],
        method: str,
        num_threads: int | None,
    ) -> None:
        self._points, self._metric, self._params = points, metric, dict(params)
        self._method, self._num_threads = method, num_threads
        self._indexes: dict[str, Compiled] = {}
        self._index("float32" if points.dtype == np.float32 else "float64")

    def _index(self, dtype: str) -> Compiled:
        if dtype not in self._indexes:
            spec, params = distance_of(self._metric, self._params, self._points.shape[1])
            points = np.ascontiguousarray(self._points, dtype)
            self._indexes[dtype] = Compiled(points, spec, params, self._method, self._num_threads)
        return self._indexes[dtype]

    def _prepared(self, queries: Any) -> tuple[Rows, Compiled]:
        """The queries in the precision that holds them, and the index of that precision."""
        rows = np.asarray(queries)
        if "float32" in self._indexes:
            with np.errstate(over="ignore"):
                narrow = np.ascontiguousarray(rows, np.float32)
            if rows.dtype == np.float32 or np.array_equal(narrow, rows):
                return narrow, self._index("float32")
        return np.ascontiguousarray(rows, np.float64), self._index("float64")

    def __getstate__(self) -> tuple[Any, ...]:
        """What is needed to build the same again: the points, which the estimator holds anyway, and no machine code."""
        return self._points, self._metric, self._params, self._method, self._num_threads

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def query(self, X: Any, k: int, return_distance: bool = True) -> Any:
        """(distances, ids), each (m, k), or ids alone."""
        queries, index = self._prepared(X)
        found = index.nearest(queries, k)
        ids = found.ids.astype(np.intp, copy=False)
        return (found.distances.astype(np.float64, copy=False), ids) if return_distance else ids

    def query_radius(self, X: Any, r: Any, return_distance: bool = False, sort_results: bool = False) -> Any:
        """(ids, distances) as arrays of arrays, or ids alone; sorted by distance, or else by id as in a graph."""
        queries, index = self._prepared(X)
        radius: npt.NDArray[np.float64] = np.full(len(queries), r, np.float64)
        found = index.within(queries, radius)
        order: Any = slice(None)
        if not sort_results:
            rows = np.repeat(np.arange(len(queries)), np.diff(found.offsets))
            order = np.argsort(rows * len(self._points) + found.ids)
        ids = split(found.ids[order].astype(np.intp, copy=False), found.offsets)
        if not return_distance:
            return ids
        return ids, split(found.distances[order].astype(np.float64, copy=False), found.offsets)

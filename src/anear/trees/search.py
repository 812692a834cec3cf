"""The questions that a tree's methods are made of, answered by an index or, for a Python function, by calling it.

A ``Search`` knows the ``k`` nearest points, those within a radius, how many these are, and whole rows of distances.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError
from anear.formula.expression import Expr
from anear.index.index import Index
from anear.index.methods import METHODS
from anear.index.results import Neighbors, RangeNeighbors, TreeVisits
from anear.index.search import pairwise
from anear.spaces.space import Distance

__all__ = ["CHUNK", "Called", "Compiled", "Rows", "Search", "chunks", "split"]

Rows = npt.NDArray[Any]

CHUNK: Final = 2**21
"""Distances held at a time where all are needed: 16 MB of float64."""


# For each way of searching, what is tried in turn: a method refuses a distance that it has no bound for.
_TRIED: Final[dict[str, tuple[str, ...]]] = {
    "kd_tree": ("kd_tree", "flat"),
    "ball_tree": ("ball_tree", "kd_tree", "flat"),
    "brute": ("flat",),
}
# Up to this many coordinates a tree excludes most of the points.
_LOW: Final = 12


def _tried(method: str, dimension: int) -> tuple[str, ...]:
    if method == "auto" and "auto" not in METHODS:
        return _TRIED["kd_tree" if dimension <= _LOW else "brute"]
    return tuple(one for one in _TRIED.get(method, (method,)) if one in METHODS)


def chunks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows of a matrix with at most ``CHUNK`` elements each, or of one row.

    >>> list(chunks(3, 2**20))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    step = max(1, CHUNK // max(columns, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


class Search(Protocol):
    """What a tree asks of the points it holds. Queries are matrices that have been checked."""

    prunes: bool
    """Whether a small radius costs less than a large one."""

    def nearest(self, queries: Rows, k: int) -> Neighbors: ...

    def within(self, queries: Rows, radius: Rows) -> RangeNeighbors: ...

    def count(self, queries: Rows, radius: Rows) -> npt.NDArray[np.int64]: ...

    def count_pairs(self, queries: Rows, radii: Rows) -> npt.NDArray[np.int64]: ...

    def matrix(self, queries: Rows) -> Rows: ...

    @property
    def computed(self) -> int:
        """Distances computed by searches so far, those of ``matrix`` not counted."""
        ...

    @property
    def visits(self) -> TreeVisits:
        """Where searches have come to in the tree."""
        ...


class Compiled:
    """An index of anear."""

    def __init__(
        self,
        points: Rows,
        distance: str | Expr | Distance,
        params: dict[str, Any],
        method: str,
        num_threads: int | None = None,
    ) -> None:
        self.num_threads = num_threads
        *first, last = _tried(method, points.shape[1])
        for one in first:
            try:
                self.index, self.prunes = Index(points, distance, method=one, num_threads=num_threads, **params), True
                return
            except ArgumentError:
                continue
        self.index, self.prunes = (
            Index(points, distance, method=last, num_threads=num_threads, **params),
            last != "flat",
        )

    def nearest(self, queries: Rows, k: int) -> Neighbors:
        return _filled(self.index.search(queries, k, num_threads=self.num_threads), len(self.index))

    def within(self, queries: Rows, radius: Rows) -> RangeNeighbors:
        return self.index.range_search(queries, radius, num_threads=self.num_threads)

    def count(self, queries: Rows, radius: Rows) -> npt.NDArray[np.int64]:
        return self.index.count(queries, radius, num_threads=self.num_threads)

    def count_pairs(self, queries: Rows, radii: Rows) -> npt.NDArray[np.int64]:
        return self.index.count_pairs(queries, radii, num_threads=self.num_threads)

    def matrix(self, queries: Rows) -> Rows:
        return pairwise(queries, self.index.points, self.index.formula, num_threads=self.num_threads)

    @property
    def computed(self) -> int:
        counts = self.index.distances_computed
        return counts.scanned + counts.exact

    @property
    def visits(self) -> TreeVisits:
        return self.index.tree_visits


class Called:
    """A Python function of two rows, or an object with scikit-learn's ``pairwise``.

    Every distance is asked for, and nothing is assumed of it.
    """

    prunes = False
    visits = TreeVisits(0, 0, 0)

    def __init__(self, points: Rows, function: Any, params: dict[str, Any]) -> None:
        self._points = points
        self.computed = 0
        self._rows: Callable[[Rows], Rows]
        if hasattr(function, "pairwise"):
            self._rows = lambda queries: function.pairwise(queries, points)
        else:
            self._rows = lambda queries: np.array([[_one(function, q, p, params) for p in points] for q in queries])
            _one(function, points[0], points[-1], params)

    def matrix(self, queries: Rows) -> Rows:
        return self._rows(queries).astype(self._points.dtype, copy=False)

    def nearest(self, queries: Rows, k: int) -> Neighbors:
        self.computed += len(queries) * len(self._points)
        ids = np.empty((len(queries), k), np.int64)
        distances = np.empty((len(queries), k), self._points.dtype)
        for part in chunks(len(queries), len(self._points)):
            matrix = self.matrix(queries[part])
            ids[part] = np.argsort(matrix, axis=1, kind="stable")[:, :k]
            distances[part] = np.take_along_axis(matrix, ids[part], axis=1)
        return Neighbors(ids, distances)

    def within(self, queries: Rows, radius: Rows) -> RangeNeighbors:
        self.computed += len(queries) * len(self._points)
        found: list[tuple[Rows, Rows]] = []
        for part in chunks(len(queries), len(self._points)):
            for row, limit in zip(self.matrix(queries[part]), radius[part], strict=True):
                ids = np.flatnonzero(row <= limit)
                ids = ids[np.argsort(row[ids], kind="stable")]
                found.append((ids, row[ids]))
        ids, distances = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return RangeNeighbors(ids, distances, np.cumsum([0, *(len(i) for i, _ in found)], dtype=np.int64))

    def count(self, queries: Rows, radius: Rows) -> npt.NDArray[np.int64]:
        return np.diff(self.within(queries, radius).offsets)

    def count_pairs(self, queries: Rows, radii: Rows) -> npt.NDArray[np.int64]:
        self.computed += len(queries) * len(self._points)
        counts = np.zeros(len(radii), np.int64)
        for part in chunks(len(queries), len(self._points)):
            matrix = self.matrix(queries[part])
            counts += [np.count_nonzero(matrix <= radius) for radius in radii]
        return counts


def _one(function: Callable[..., Any], query: Rows, point: Rows, params: dict[str, Any]) -> float:
    value = function(query, point, **params)
    if isinstance(value, str | bytes) or np.ndim(value):
        raise TypeError("Custom distance function must accept two vectors and return a float.")
    return float(value)


def _filled(found: Neighbors, points: int) -> Neighbors:
    """Points whose distance is no number stand last, as NumPy would sort them, where the index leaves them out."""
    for row in np.flatnonzero(found.ids[:, -1] < 0):
        missing = found.ids[row] < 0
        others = np.setdiff1d(np.arange(points), found.ids[row][~missing])
        found.ids[row, missing] = others[: missing.sum()]
        found.distances[row, missing] = np.nan
    return found


def split(values: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    """One array for each query, as an array of objects."""
    parts = np.empty(len(offsets) - 1, object)
    for i, (start, stop) in enumerate(itertools.pairwise(offsets)):
        parts[i] = values[start:stop]
    return parts

"""What a search returns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["DistanceCounts", "IdsWithin", "IndexCheck", "Neighbors", "PointPairs", "RangeNeighbors", "TreeVisits"]


class DistanceCounts(NamedTuple):
    """How many distances an index has computed.

    Attributes
    ----------
    building : while it was built.
    scanned : by all searches so far, in the fast form that only finds candidates.
    exact : by all searches so far, by the formula itself in float64: these decide the answers.
    """

    building: int
    scanned: int
    exact: int


class TreeVisits(NamedTuple):
    """Where the searches of a tree have come to; all 0 where no tree searches.

    Attributes
    ----------
    nodes : inner nodes, the bounds of whose children were computed.
    leaves : cells of one block of points, whose points were compared.
    settled : nodes and leaves of which the bound alone told enough: that they hold no answer or, where points are
        counted or added up, that all of them do.
    """

    nodes: int
    leaves: int
    settled: int


class IndexCheck(NamedTuple):
    """What a look at the whole structure of an index has found.

    Attributes
    ----------
    points : how many there are.
    reachable : how many of them a search can come to.
    faults : what is not as it should be, in words; the first few.
    """

    points: int
    reachable: int
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all is as it should be."""
        return self.points == self.reachable and not self.faults


class Neighbors(NamedTuple):
    """The k nearest points of each query, nearest first; ties are ordered by the smaller id.

    Attributes
    ----------
    ids : int64, shape (n_queries, k), or (k,) for a single query vector: row numbers of the points, or the ids they
        were given; -1 where there are fewer than k. Texts where ids are texts, and the empty one for -1.
    distances : float64 for float64 points, else float32, of the same shape: inf where there are fewer than k.
    """

    ids: npt.NDArray[np.int64]
    distances: npt.NDArray[Any]


class RangeNeighbors(NamedTuple):
    """All points within a radius of each query, nearest first, one query after the other.

    Query ``i`` has ``ids[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    ids : int64, shape (total,).
    distances : shape (total,).
    offsets : int64, shape (n_queries + 1,).
    """

    ids: npt.NDArray[np.int64]
    distances: npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]

    def of(self, query: int) -> Neighbors:
        """The neighbours of one query."""
        part = slice(int(self.offsets[query]), int(self.offsets[query + 1]))
        return Neighbors(self.ids[part], self.distances[part])


class IdsWithin(NamedTuple):
    """The points within a radius of each query, one query after the other.

    Query ``i`` has ``ids[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    ids : int64, shape (total,): of each query those of smaller row numbers first; with distances in no particular
        order.
    distances : float64, shape (total,); None where they were not asked for.
    offsets : int64, shape (n_queries + 1,).
    """

    ids: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float64] | None
    offsets: npt.NDArray[np.int64]


class PointPairs(NamedTuple):
    """Pairs of points, each once, in no particular order.

    Attributes
    ----------
    ids : int64, shape (pairs, 2): the smaller row number, or the id that belongs to it, comes first.
    distances : float64, shape (pairs,); None where they were not asked for.
    """

    ids: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float64] | None

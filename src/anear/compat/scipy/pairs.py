"""Every pair of two sets within a radius, a piece at a time, so that memory stays bounded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anear.index.index import Index
from anear.index.results import IdsWithin

__all__ = ["Pairs", "histogram", "lists", "numbered", "pairs_within"]

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.intp]

# About how many pairs a piece has: tens of megabytes.
_PIECE = 1 << 20
_FIRST = 64


class Pairs(NamedTuple):
    """Pairs: rows of the queries in order, rows of the points, their distances."""

    queries: Ids
    points: Ids
    distances: Floats


def lists(index: Index, queries: Floats, radii: Floats, team: int | None = None) -> Iterator[list[int]]:
    """For each query the points within its radius, by their numbers."""
    for _, found in _pieces(index, queries, radii, False, team):
        all_of_them = numbered(found.ids, len(index))
        for start, stop in itertools.pairwise(found.offsets.tolist()):
            yield all_of_them[start:stop]


def numbered(ids: Ids, points: int) -> list[Any]:
    """``ids.tolist()``, with one object for each of the points however often it occurs: less to make and to keep."""
    numbers: list[Any] = (ids if ids.size < points else np.arange(points).astype(object).take(ids)).tolist()
    return numbers


def pairs_within(index: Index, queries: Floats, radius: float) -> Iterator[Pairs]:
    """All pairs with distance <= radius, in the order of the queries."""
    for part, found in _pieces(index, queries, np.broadcast_to(radius, len(queries)), True, 1):
        rows = np.repeat(np.arange(part.start, part.stop), np.diff(found.offsets))
        assert found.distances is not None
        yield Pairs(rows, found.ids.astype(np.intp, copy=False), found.distances)


def _pieces(
    index: Index, queries: Floats, radii: Floats, distances: bool, team: int | None
) -> Iterator[tuple[slice, IdsWithin]]:
    """The points within each query's radius, for some of the queries at a time.

    A piece is as many queries as the last one's points suggest; it grows slowly, in case the next ones have more.
    """
    start, step = 0, _FIRST
    while start < len(queries):
        part = slice(start, min(start + step, len(queries)))
        found = index.ids_within(queries[part], radii[part], distances=distances, num_threads=team)
        yield part, found
        start = part.stop
        step = min(max(step * _PIECE // max(1, len(found.ids)), 1), 16 * step)


def histogram(
    index: Index, queries: Floats, edges: Floats, weights: tuple[Floats | None, Floats | None]
) -> npt.NDArray[Any]:
    """For ascending edges, the number or the weight of the pairs with ``edges[i - 1] < distance <= edges[i]``.

    ``weights`` are those of the queries and of the points; a pair has the product. Without any, pairs are counted.
    """
    of_query, of_point = weights
    if of_query is None and of_point is None:
        return np.diff(index.count_pairs(queries, edges), prepend=0)
    total = np.zeros(len(edges) + 1)
    for pairs in pairs_within(index, queries, float(edges[-1])):
        bins = np.searchsorted(edges, pairs.distances, side="left")
        of_pair = np.ones(len(bins))
        if of_query is not None:
            of_pair *= of_query[pairs.queries]
        if of_point is not None:
            of_pair *= of_point[pairs.points]
        total += np.bincount(bins, of_pair, minlength=len(total))
    return total[:-1]

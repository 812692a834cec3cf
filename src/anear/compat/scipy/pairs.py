"""Every pair of two sets within a radius, a piece at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anear.index.index import Index
from anear.index.results import RangeNeighbors

__all__ = ["Pairs", "balls", "histogram", "pairs_within"]

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


def balls(
    index: Index, queries: Floats, radii: Floats, team: int | None = None
) -> Iterator[tuple[slice, RangeNeighbors]]:
    """The points within each query's radius, for some of the queries at a time.

    A piece is as many queries as the last one's points suggest; it grows slowly, in case the next ones have more.
    """
    start, step = 0, _FIRST
    while start < len(queries):
        part = slice(start, min(start + step, len(queries)))
        found = index.range_search(queries[part], radii[part], num_threads=team)
        yield part, found
        start = part.stop
        step = min(max(step * _PIECE // max(1, len(found.ids)), 1), 4 * step)


def pairs_within(index: Index, queries: Floats, radius: float) -> Iterator[Pairs]:
    """All pairs with distance <= radius, in the order of the queries, then of the distance."""
    for part, found in balls(index, queries, np.broadcast_to(radius, len(queries))):
        rows = np.repeat(np.arange(part.start, part.stop), np.diff(found.offsets))
        yield Pairs(rows, found.ids.astype(np.intp, copy=False), found.distances)


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

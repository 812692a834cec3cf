"""Ties that the rank does not show.

A search compares ranks. Where the function around the rank is flat (``min(d, 1)``, ``exp`` of large numbers, ``tanh``),
points of different ranks have the same distance; of such equals the smaller ids are wanted, not the smaller ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, walk
from anear.index.radius import outer_value

__all__ = ["flat_at", "may_be_flat", "with_ties"]

Floats = npt.NDArray[np.float64]
Range = Callable[[npt.NDArray[np.intp], Floats], tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]]

_FLATTENING: Final = frozenset({"exp", "expm1", "tanh", "arctan", "sinh", "cosh"})
_STEEP: Final = frozenset({"prepared", "number", "neg", "mul", "sqrt", "log", "log1p", "arcosh", "arccos", "arcsin"})

# Ranks closer than this, relatively, are kept together by the bound of the search's rounding, or as good as equal.
_STEP: Final = 1e-9
_TOGETHER: Final = 1 << 20  # distances that a chunk of queries may have in common


@lru_cache(maxsize=1024)  # asked at every search
def may_be_flat(outer: Expr, checked: bool) -> bool:
    """Whether ranks that differ by more than rounding may get one distance.

    ``checked``: the data lie in the formula's domain, where its limits (``clip``) only take rounding away, and sums
    (the 1 of a cosine distance) lose no more than the search's rounding bound allows for.
    """
    found = {node.op for node in walk(outer)}
    return bool(found & _FLATTENING) if checked else not found <= _STEEP


def flat_at(outer: Expr, distances: Floats) -> npt.NDArray[np.bool_]:
    """Where ``outer`` is flat around the ranks that have these distances."""
    values, flat = _grid(outer)
    first = np.maximum(np.searchsorted(values, distances, "left") - 1, 0)
    last = np.minimum(np.searchsorted(values, distances, "right") + 1, len(values))
    return np.asarray(flat[last] > flat[first])


@lru_cache(maxsize=512)
def _grid(outer: Expr) -> tuple[Floats, npt.NDArray[np.int64]]:
    """``outer`` at ranks of all sizes, and up to each how many of them lie where it is flat."""
    powers = np.ldexp(1.0, np.arange(-300, 1023))
    sizes = np.sort(np.concatenate([powers, 1.5 * powers]))
    ranks = np.concatenate([-sizes[::-1], sizes])
    values = outer_value(outer, ranks)
    number = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        flat = ~(np.abs(outer_value(outer, ranks * (1 + _STEP)) - values) > 0)
    return values[number], np.concatenate([[0], np.cumsum(flat[number])])


def with_ties(ids: npt.NDArray[np.int64], distances: Floats, outer: Expr, points: int, within: Range) -> None:
    """The k nearest, where equals of the last one may have been left out.

    Parameters
    ----------
    ids, distances : what a search by rank found, (n_queries, k); written to.
    points : how many there are.
    within : ``within(queries, radii)`` gives ids, distances and offsets of all points within the radii.
    """
    last = distances[:, -1]
    doubtful = np.flatnonzero((ids[:, -1] >= 0) & flat_at(outer, last)) if points > ids.shape[1] else np.zeros(0, int)
    step = max(1, _TOGETHER // points)
    for start in range(0, len(doubtful), step):
        queries = doubtful[start : start + step]
        found, values, offsets = within(queries, last[queries])
        for query, begin, end in zip(queries.tolist(), offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            k = min(end - begin, ids.shape[1])
            ids[query, :k], distances[query, :k] = found[begin : begin + k], values[begin : begin + k]

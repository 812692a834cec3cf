"""From a radius to the rank that belongs to it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, walk
from anear.formula.interpret import OPERATIONS

__all__ = ["outer_value", "rank_of_radius", "rank_within_radius"]

Floats = npt.NDArray[np.float64]

_STEPS: Final = 64 + 2
_LAST_DIGITS: Final = 2.0**-47  # some calls of functions that are off by 4 ulp


def outer_value(outer: Expr, ranks: Floats) -> Floats:
    """outer(rank), elementwise."""
    values: dict[Expr, Floats] = {}
    with np.errstate(all="ignore"):
        for node in walk(outer):
            if node.op == "prepared":
                values[node] = ranks
            elif node.op == "number":
                values[node] = np.full_like(ranks, node.value)
            else:
                values[node] = OPERATIONS[node.op](*(values[a] for a in node.args))
    return values[outer]


def rank_of_radius(outer: Expr, radii: Floats) -> Floats:
    """A rank that no point within the radius exceeds.

    Outer rises, so the largest float with ``outer(rank) <= radius`` is found by halving the interval of all floats, in
    the order of their bits. A little is added to the radius, for the compiled outer's last digits may differ, and to
    the rank, for outer's own rounding: points are checked against the radius itself afterwards.
    """
    if outer.op == "prepared":
        return radii.copy()
    if len(radii) == 1:
        return np.array([_rank(outer, radii.item())])
    if (radii == radii[0]).all():
        return np.full_like(radii, _rank(outer, float(radii[0])))
    different, places = np.unique(radii, return_inverse=True)
    return _ranks(outer, different)[places]


def rank_within_radius(outer: Expr, radii: Floats) -> Floats:
    """A rank below which every point is within the radius: a little less than that of a slightly smaller radius."""
    if len(radii) == 1:
        return np.array([_rank_within(outer, radii.item())])
    return _ranks_within(outer, radii)


@lru_cache(maxsize=4096)
def _rank_within(outer: Expr, radius: float) -> float:
    """Of one radius; remembered, as ``_rank`` is."""
    return float(_ranks_within(outer, np.array([radius]))[0])


def _ranks_within(outer: Expr, radii: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        ranks = rank_of_radius(outer, radii - 4 * _LAST_DIGITS * np.abs(radii))
        below = ranks - 4e-12 * np.abs(ranks) - 4e-300
    return np.where(np.isfinite(below), below, -np.inf)


@lru_cache(maxsize=4096)
def _rank(outer: Expr, radius: float) -> float:
    """Of one radius; remembered, for it is often the same in a row of searches."""
    return float(_ranks(outer, np.array([radius]))[0])


def _ranks(outer: Expr, radii: Floats) -> Floats:
    start = _defined_from(outer)
    if np.isnan(start):
        return np.full_like(radii, np.inf)
    with np.errstate(over="ignore"):
        radii = radii + _LAST_DIGITS * np.minimum(np.abs(radii), np.finfo(np.float64).max)
    low = np.full(radii.shape, _order(np.array(-np.inf)), np.int64)
    high = np.full(radii.shape, _order(np.array(np.inf)), np.int64)
    for _ in range(_STEPS):
        middle = low + ((high.astype(np.uint64) - low.astype(np.uint64)) >> np.uint64(1)).astype(np.int64)
        value = outer_value(outer, _number(middle))
        above = np.where(np.isnan(value), _number(middle) > start, value > radii)
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    rank = np.where(outer_value(outer, _number(high)) <= radii, _number(high), _number(low))
    finite = np.isfinite(rank)
    rank[finite] += 1e-12 * np.abs(rank[finite]) + 1e-300
    return rank


@lru_cache(maxsize=512)
def _defined_from(outer: Expr) -> float:
    """A rank at which outer is a number; NaN below it lies left of where outer is defined (``log(rank - 5)``), NaN
    above it lies right of it (``arccos(rank)``), where no answers are. NaN if no such rank is found.
    """
    powers = np.ldexp(1.0, np.arange(-1074, 1024))
    sizes = np.concatenate([powers, 1.5 * powers])
    tried = np.sort(np.concatenate([-sizes, [0.0], sizes]))
    found = tried[~np.isnan(outer_value(outer, tried))]
    return float(found[0]) if len(found) else float("nan")


def _order(values: Floats) -> npt.NDArray[np.int64]:
    """Whole numbers in the order of the floats."""
    bits = np.asarray(values, np.float64).view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits - 1, bits)


def _number(order: npt.NDArray[np.int64]) -> Floats:
    """The floats back."""
    bits = np.where(order < 0, np.int64(-(2**63)) - order - 1, order)
    return bits.view(np.float64)

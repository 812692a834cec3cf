"""Kernel density: six kernels, normalised in any dimension, summed over the points.

Kernels that end at the bandwidth need the points within it. The Gaussian and the exponential never end: they are summed
over all points, compiled into the formula of the distance, or, where the tree prunes and the tolerances allow it, over
the points near enough to matter. Their sums are relative to the nearest point's kernel, so that nothing underflows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError
from anear.formula.expression import query_field
from anear.index.search import pairwise
from anear.trees.search import CHUNK, Compiled, Rows, Search, chunks

__all__ = ["KERNELS", "log_density", "log_norm"]

Floats = npt.NDArray[np.float64]

_ENDING: Final[dict[str, Callable[[Floats], Floats]]] = {
    "tophat": np.ones_like,
    "epanechnikov": lambda u: 1.0 - u * u,
    "linear": lambda u: 1.0 - u,
    "cosine": lambda u: np.cos(0.5 * np.pi * u),
}
# The power of u in exp(-u**power / power).
_ENDLESS: Final = {"gaussian": 2, "exponential": 1}

KERNELS: Final = ("gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine")

# Where more than this share of all pairs is near enough to matter, computing all of them in rows is faster.
_FEW: Final = 0.2


def log_norm(kernel: str, dimension: int, h: float) -> float:
    """The logarithm of what a kernel is multiplied by for its integral to be 1.

    >>> round(math.exp(log_norm("tophat", 2, 1.0)), 6) == round(1 / math.pi, 6)
    True
    """
    ball = 0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension + 1)
    if kernel == "gaussian":
        integral = 0.5 * dimension * math.log(2 * math.pi)
    elif kernel == "tophat":
        integral = ball
    elif kernel == "epanechnikov":
        integral = ball + math.log(2 / (dimension + 2))
    elif kernel == "exponential":
        integral = ball + math.log(dimension) + math.lgamma(dimension)
    elif kernel == "linear":
        integral = ball - math.log(dimension + 1)
    else:
        # The integral of cos(a r) r**(D - 1) over the radius, term by term of the cosine's series.
        powers = range(0, 40, 2)
        a = 0.5 * math.pi
        radial = math.fsum((-1) ** (n // 2) * a**n / (math.factorial(n) * (n + dimension)) for n in powers)
        integral = ball + math.log(dimension * radial)
    return -integral - dimension * math.log(h)


def log_density(
    search: Search,
    points: Rows,
    queries: Rows,
    h: float,
    kernel: str,
    atol: float,
    rtol: float,
    weights: Floats | None,
) -> Floats:
    """The logarithm of the sum over the points of weight times kernel, normalised, of each query.

    ``atol`` and ``rtol`` bound the error of the sum, normalised, as far as points are left out of it.
    """
    if kernel not in KERNELS:
        raise ArgumentError(f"kernel = {kernel!r} not recognized; allowed: {', '.join(KERNELS)}")
    if not (h > 0 and math.isfinite(h)):
        raise ArgumentError(f"h is {h!r}; allowed: a bandwidth above 0")
    norm = log_norm(kernel, points.shape[1], h)
    with np.errstate(divide="ignore"):
        if kernel in _ENDING:
            return np.asarray(np.log(_sum_ending(search, queries, h, _ENDING[kernel], weights)) + norm)
        tolerance = atol * math.exp(min(-norm, 700.0))
        return _log_endless(search, points, queries, h, _ENDLESS[kernel], (tolerance, rtol), weights) + norm


def _sum_ending(
    search: Search, queries: Rows, h: float, value: Callable[[Floats], Floats], weights: Floats | None
) -> Floats:
    """Kernels that are 0 from the bandwidth on."""

    def of(part: slice, distances: Floats, rows: npt.NDArray[np.int64]) -> Floats:
        inside = distances < h
        return np.where(inside, value(np.where(inside, distances, 0.0) / h), 0.0)

    return _sum_within(search, queries, np.full(len(queries), h), of, weights)


def _sum_within(
    search: Search,
    queries: Rows,
    radius: Floats,
    value: Callable[[slice, Floats, npt.NDArray[np.int64]], Floats],
    weights: Floats | None,
) -> Floats:
    """The sum of ``value(queries' slice, distances, row of each)`` over the points within the radius."""
    sums = np.empty(len(queries))
    for part in _groups(search, queries, radius):
        found = search.within(queries[part], radius[part])
        rows = np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets))
        values = value(part, found.distances.astype(np.float64), rows)
        if weights is not None:
            values = values * weights[found.ids]
        sums[part] = np.bincount(rows, values, minlength=part.stop - part.start)
    return sums


def _groups(search: Search, queries: Rows, radius: Floats) -> Iterator[slice]:
    """Queries in groups whose answers fit into memory."""
    ends = np.cumsum(search.count(queries, radius))
    start = 0
    while start < len(queries):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + CHUNK, "right")))
        yield slice(start, stop)
        start = stop


def _log_endless(
    search: Search,
    points: Rows,
    queries: Rows,
    h: float,
    power: int,
    tolerances: tuple[float, float],
    weights: Floats | None,
) -> Floats:
    """``log(sum(weight * exp(-u**power / power)))``, ``u = d / h``."""
    nearest = search.nearest(queries, 1)
    shift = (nearest.distances[:, 0].astype(np.float64) / h) ** power / power
    sums = None
    if search.prunes:
        least = 1.0 if weights is None else weights[nearest.ids[:, 0]]
        total = float(len(points)) if weights is None else float(weights.sum())
        allowed = tolerances[0] * np.exp(np.minimum(shift, 700.0)) + tolerances[1] * least
        radius = h * (power * (shift + np.log(total / allowed))) ** (1.0 / power)
        sums = _sum_near(search, queries, radius, h, power, shift, weights, len(points))
    if sums is None:
        sums = _sum_all(search, points, queries, h, power, shift, weights)
    return np.asarray(np.log(sums) - shift)


def _sum_near(
    search: Search,
    queries: Rows,
    radius: Floats,
    h: float,
    power: int,
    shift: Floats,
    weights: Floats | None,
    points: int,
) -> Floats | None:
    """Over the points beyond which the kernel no longer matters; None if these are too many of all."""
    sample = slice(None, None, max(1, len(queries) // 64))
    if not (radius < np.inf).all() or search.count(queries[sample], radius[sample]).mean() > _FEW * points:
        return None

    def of(part: slice, distances: Floats, rows: npt.NDArray[np.int64]) -> Floats:
        return np.asarray(np.exp(shift[part][rows] - (distances / h) ** power / power))

    return _sum_within(search, queries, radius, of, weights)


def _sum_all(
    search: Search, points: Rows, queries: Rows, h: float, power: int, shift: Floats, weights: Floats | None
) -> Floats:
    """Over all points: in float64, whatever the points are held in."""
    points, queries = points.astype(np.float64, copy=False), queries.astype(np.float64, copy=False)
    sums = np.empty(len(queries))
    for part in chunks(len(queries), len(points)):
        if isinstance(search, Compiled):
            u = search.index.formula * query_field("scale")
            exponent = query_field("shift") - u**power / power
            data = {"scale": np.full(part.stop - part.start, 1.0 / h), "shift": shift[part]}
            values = pairwise(queries[part], points, exponent.exp(), query_data=data)
        else:
            values = np.exp(shift[part][:, None] - (search.matrix(queries[part]) / h) ** power / power)
        sums[part] = values.sum(axis=1) if weights is None else values @ weights
    return sums

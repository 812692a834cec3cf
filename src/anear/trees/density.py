"""Kernel density: six kernels, normalised in any dimension, summed over the points.

A kernel is a formula around the distance, so that a sum over all points is a row of a compiled matrix. Where not too
many points are near enough to matter, which a sample of the queries tells, a tree adds up those, and takes cells at
once over which the kernel changes less than the tolerances allow. The Gaussian and the exponential never end: their
sums are relative to the nearest point's kernel, so that nothing underflows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError
from anear.formula.expression import Expr, query_field, walk
from anear.formula.functions import cos, exp, maximum, where
from anear.formula.ranges import range_of
from anear.index.search import pairwise
from anear.index.sums import DISTANCE, distance_sums
from anear.trees.search import CHUNK, Compiled, Rows, Search, chunks

__all__ = ["KERNELS", "log_density", "log_norm"]

Floats = npt.NDArray[np.float64]

# The power of u in exp(-u**power / power).
_ENDLESS: Final = {"gaussian": 2, "exponential": 1}

KERNELS: Final = ("gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine")

# Where more than this share of the points is near enough to matter, computing all of them in rows is faster: a pair
# costs about two nanoseconds there, ten where a tree adds it up, and 100 where it is found, ranked and reported.
_SOME: Final = 0.3
_FEW: Final = 0.01


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
    shift = np.zeros(len(queries))
    allowed = np.full(len(queries), atol * math.exp(min(-norm, 700.0)))
    if kernel in _ENDLESS:
        radius, shift = _reach(search, queries, h, kernel, allowed, rtol, weights, len(points))
        allowed = allowed * np.exp(np.minimum(shift, 700.0))
    else:
        radius = np.full(len(queries), np.nextafter(h, 0.0))  # a kernel is 0 at the bandwidth itself
    if kernel == "tophat" and weights is None:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(search.count(queries, radius)) + norm)
    share = _share(search, queries, radius, len(points))
    if share <= _SOME and (found := _tree_sums(search, queries, h, kernel, shift, allowed, rtol, weights)) is not None:
        sums = found
    elif share <= _FEW:
        sums = _sum_within(search, queries, radius, h, kernel, shift, weights)
    else:
        sums = _sum_all(search, points, queries, h, kernel, shift, weights)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(sums) - shift + norm)


def _reach(
    search: Search, queries: Rows, h: float, kernel: str, atol: Floats, rtol: float, weights: Floats | None, points: int
) -> tuple[Floats, Floats]:
    """The radius beyond which all points together may be left out, and the exponent of the nearest point's kernel."""
    power = _ENDLESS[kernel]
    nearest = search.nearest(queries, 1)
    shift = (nearest.distances[:, 0].astype(np.float64) / h) ** power / power
    least = 1.0 if weights is None else weights[nearest.ids[:, 0]]
    total = float(points) if weights is None else float(weights.sum())
    with np.errstate(divide="ignore"):
        allowed = atol * np.exp(np.minimum(shift, 700.0)) + rtol * least
        return h * (power * (shift + np.log(total / allowed))) ** (1.0 / power), shift


def _tree_sums(
    search: Search,
    queries: Rows,
    h: float,
    kernel: str,
    shift: Floats,
    atol: Floats,
    rtol: float,
    weights: Floats | None,
) -> Floats | None:
    """By a tree that takes cells at once over which the kernel hardly changes; None where there is none.

    A top hat falls at once: which points are within it only distances as they are reported can say. Below 0 no kernel
    falls.
    """
    if not isinstance(search, Compiled) or kernel == "tophat" or not range_of(search.index.formula)[0] >= 0:
        return None
    each = np.broadcast_to
    data = {"h": each(h, shift.shape), "scale": each(1.0 / h, shift.shape), "shift": shift}
    return distance_sums(
        search.index,
        queries,
        _formula(maximum(DISTANCE, 0.0), kernel),
        data,
        atol=atol,
        rtol=rtol,
        weights=weights,
        num_threads=search.num_threads,
    )


def _share(search: Search, queries: Rows, radius: Floats, points: int) -> float:
    """The share of the points that a tree does not leave out, from a sample of the queries."""
    if not search.prunes or not (radius < np.inf).all():
        return 1.0
    sample = slice(None, None, max(1, len(queries) // 64))
    return float(search.count(queries[sample], radius[sample]).mean()) / points


def _value(kernel: str, d: Any, h: Any, scale: Any, shift: Any, like: tuple[Any, Any, Any, Any]) -> Any:
    """The kernel at distance ``d``: ``like`` holds cos, exp, maximum and where of whatever ``d`` is."""
    cosine, power, larger, chosen = like
    u = d * scale
    if kernel == "gaussian":
        return power(shift - u * u / 2)
    if kernel == "exponential":
        return power(shift - u)
    if kernel == "linear":
        return larger(1.0 - u, 0.0)
    if kernel == "epanechnikov":
        return larger(1.0 - u * u, 0.0)
    if kernel == "cosine":
        return chosen(d < h, cosine(0.5 * math.pi * u), larger(h - d, 0.0))  # 0, and NaN where d is no number
    return chosen(d < h, 1.0, 0.0)


@lru_cache(maxsize=64)
def _formula(distance: Expr, kernel: str) -> Expr:
    """The kernel around a distance; h is the query's, so that one compilation serves every bandwidth."""
    h, scale, shift = (query_field(name) for name in ("h", "scale", "shift"))
    made: Expr = _value(kernel, distance, h, scale, shift, (cos, exp, maximum, where))
    return made


def _plain(kernel: str, d: Floats, h: float, shift: Floats) -> Floats:
    return np.asarray(_value(kernel, d, h, 1.0 / h, shift, (np.cos, np.exp, np.maximum, np.where)), np.float64)


def _sum_within(
    search: Search, queries: Rows, radius: Floats, h: float, kernel: str, shift: Floats, weights: Floats | None
) -> Floats:
    """Over the points within the radius."""
    sums = np.empty(len(queries))
    for part in _groups(search, queries, radius):
        found = search.within(queries[part], radius[part])
        rows = np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets))
        values = _plain(kernel, found.distances.astype(np.float64), h, shift[part][rows])
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


def _sum_all(
    search: Search, points: Rows, queries: Rows, h: float, kernel: str, shift: Floats, weights: Floats | None
) -> Floats:
    """Over all points: in float64, whatever the points are held in."""
    points, queries = points.astype(np.float64, copy=False), queries.astype(np.float64, copy=False)
    sums = np.empty(len(queries))
    for part in chunks(len(queries), len(points)):
        if isinstance(search, Compiled):
            formula = _formula(search.index.formula, kernel)
            size = part.stop - part.start
            data = {"h": np.full(size, h), "scale": np.full(size, 1.0 / h), "shift": shift[part]}
            used = {name: data[name] for name in data if query_field(name) in set(walk(formula))}
            values = pairwise(queries[part], points, formula, query_data=used)
        else:
            values = _plain(kernel, search.matrix(queries[part]), h, shift[part][:, None])
        sums[part] = values.sum(axis=1) if weights is None else values @ weights
    return sums

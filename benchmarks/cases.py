"""The data sets of the exact search benchmark: random points on the spaces of KeOps' K-NN benchmark, and histograms.

Each case also knows its distance in NumPy's float64, which the answers are checked with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CASES", "Case", "Data", "true_distances"]

Rows = npt.NDArray[np.float32]
_Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A space, a size, and how anear names the distance. ``dimensions`` are the columns of the rows."""

    name: str
    title: str
    metric: str
    distance: str
    points: int
    dimensions: int
    queries: int = 256

    def data(self, points: int | None = None, queries: int | None = None, seed: int = 0) -> Data:
        """Points and queries, independent samples of one distribution; other sizes than the case's on request."""
        n, q = points or self.points, queries or self.queries
        rows = _SAMPLES[self.metric](np.random.default_rng(seed), n + q, self.dimensions)
        return Data(self, rows[:n], rows[n:])


@dataclass(frozen=True, slots=True)
class Data:
    """The rows of a case."""

    case: Case
    points: Rows
    queries: Rows

    @property
    def title(self) -> str:
        """The space and the size."""
        return f"{self.case.title}, {len(self.points):,} points"

    @property
    def metric(self) -> str:
        """The key of the distance, by which contestants choose what they do."""
        return self.case.metric


def _gaussian(rng: np.random.Generator, n: int, dimensions: int) -> Rows:
    return rng.standard_normal((n, dimensions), dtype=np.float32)


def _sphere(rng: np.random.Generator, n: int, dimensions: int) -> Rows:
    rows = _gaussian(rng, n, dimensions)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _half_space(rng: np.random.Generator, n: int, dimensions: int) -> Rows:
    rows = _gaussian(rng, n, dimensions)
    rows[:, 0] = np.exp(0.5 * rows[:, 0])
    return rows


def _histograms(rng: np.random.Generator, n: int, dimensions: int) -> Rows:
    rows = rng.standard_gamma(0.5, (n, dimensions), dtype=np.float32) + np.float32(1e-4)
    rows /= rows.sum(axis=1, keepdims=True)
    return rows


_SAMPLES: dict[str, Callable[[np.random.Generator, int, int], Rows]] = {
    "l2": _gaussian,
    "l1": _gaussian,
    "cosine": _sphere,
    "half-space": _half_space,
    "kl": _histograms,
    "itakura-saito": _histograms,
    "js": _histograms,
    "dot": _histograms,
}


def _jensen_shannon(x: _Matrix, y: _Matrix) -> _Matrix:
    middle = 0.5 * (x + y)
    return 0.5 * (x * np.log(x / middle) + y * np.log(y / middle)).sum(1)


# Of one query (1, D) to rows (n, D). The divergences are NMSLIB's left queries: the data object comes first.
_TRUTH: dict[str, Callable[[_Matrix, _Matrix], _Matrix]] = {
    "l2": lambda x, y: ((x - y) ** 2).sum(1),
    "l1": lambda x, y: np.abs(x - y).sum(1),
    "cosine": lambda x, y: 1 - (y @ x[0]) / np.linalg.norm(y, axis=1) / np.linalg.norm(x),
    "half-space": lambda x, y: ((x - y) ** 2).sum(1) / (x[0, 0] * y[:, 0]),
    "kl": lambda x, y: (y * np.log(y / x)).sum(1),
    "itakura-saito": lambda x, y: (y / x - np.log(y / x) - 1).sum(1),
    "js": _jensen_shannon,
    "dot": lambda x, y: -(y @ x[0]),
}


def true_distances(metric: str, query: Rows, points: Rows) -> _Matrix:
    """The distances of one query to all points, in float64 and blocks that stay small."""
    row = query.astype(np.float64)[None]
    parts = [_TRUTH[metric](row, points[i : i + 65536].astype(np.float64)) for i in range(0, len(points), 65536)]
    return np.concatenate(parts)


_MILLION = 1_000_000
CASES = {
    case.name: case
    for case in (
        Case("r3-10k", "R^3", "l2", "sqeuclidean", 10_000, 3, 1000),
        Case("r3", "R^3", "l2", "sqeuclidean", _MILLION, 3),
        Case("r10", "R^10", "l2", "sqeuclidean", _MILLION, 10),
        Case("r100", "R^100", "l2", "sqeuclidean", _MILLION, 100),
        Case("sphere", "sphere in R^10, cosine", "cosine", "cosine", _MILLION, 10),
        Case("l1-10", "R^10, L1", "l1", "manhattan", _MILLION, 10),
        Case("l1-100", "R^100, L1", "l1", "manhattan", _MILLION, 100),
        Case(
            "half-space",
            "hyperbolic half-space, D = 10",
            "half-space",
            "sum((x - y)**2) / (x[0] * y[0])",
            _MILLION,
            10,
        ),
        Case("kl", "Kullback-Leibler, D = 128", "kl", "kldiv", 100_000, 128),
        Case("is", "Itakura-Saito, D = 128", "itakura-saito", "itakura_saito", 100_000, 128),
        Case("js", "Jensen-Shannon, D = 128", "js", "jensen_shannon", 100_000, 128),
        Case("dot", "inner product, D = 128", "dot", "negdotprod", 100_000, 128),
    )
}

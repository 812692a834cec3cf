"""The naive twin of the trees: scikit-learn's metrics from their definitions, neighbours by sorting, densities by sums.

Plain NumPy float64; nothing here imports anear or scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def _sets(of_counts: Callable[[int, int, int], float]) -> Callable[[Array, Array], float]:
    """From how many coordinates are in both sets, in one of them, and how many there are."""

    def distance(x: Array, y: Array) -> float:
        a, b = x != 0, y != 0
        return of_counts(int((a & b).sum()), int((a ^ b).sum()), len(x))

    return distance


def minkowski(x: Array, y: Array, p: float = 2, w: Array | None = None) -> float:
    powers = np.abs(x - y) ** p
    return float((powers if w is None else w * powers).sum() ** (1 / p))


def mahalanobis(x: Array, y: Array, V: Array | None = None, VI: Array | None = None) -> float:
    inverse = np.linalg.inv(V) if VI is None and V is not None else VI
    return math.sqrt((x - y) @ inverse @ (x - y))


def haversine(x: Array, y: Array) -> float:
    h = math.sin((x[0] - y[0]) / 2) ** 2 + math.cos(x[0]) * math.cos(y[0]) * math.sin((x[1] - y[1]) / 2) ** 2
    return 2 * math.asin(math.sqrt(min(h, 1.0)))


METRICS: dict[str, Callable[..., float]] = {
    "euclidean": lambda x, y: float(np.linalg.norm(x - y)),
    "l2": lambda x, y: float(np.linalg.norm(x - y)),
    "minkowski": minkowski,
    "p": minkowski,
    "manhattan": lambda x, y: float(np.abs(x - y).sum()),
    "cityblock": lambda x, y: float(np.abs(x - y).sum()),
    "l1": lambda x, y: float(np.abs(x - y).sum()),
    "chebyshev": lambda x, y: float(np.abs(x - y).max()),
    "infinity": lambda x, y: float(np.abs(x - y).max()),
    "seuclidean": lambda x, y, V: math.sqrt(((x - y) ** 2 / V).sum()),
    "mahalanobis": mahalanobis,
    "hamming": lambda x, y: float((x != y).mean()),
    "canberra": lambda x, y: float(sum(abs(a - b) / (abs(a) + abs(b)) for a, b in zip(x, y, strict=True) if a != b)),
    "braycurtis": lambda x, y: float(np.abs(x - y).sum() / (np.abs(x).sum() + np.abs(y).sum() or 1.0)),
    "jaccard": _sets(lambda both, one, n: one / (both + one or 1)),
    "dice": _sets(lambda both, one, n: one / (2 * both + one or 1)),
    "rogerstanimoto": _sets(lambda both, one, n: 2 * one / (n + one)),
    "russellrao": _sets(lambda both, one, n: (n - both) / n),
    "sokalmichener": _sets(lambda both, one, n: 2 * one / (n + one)),
    "sokalsneath": _sets(lambda both, one, n: one / (one + 0.5 * both) if one else 0.0),
    "haversine": haversine,
}


def matrix(queries: Array, points: Array, metric: Callable[..., float], **params: Any) -> Array:
    return np.array([[metric(x, y, **params) for y in points] for x in queries])


def nearest(distances: Array, k: int) -> tuple[npt.NDArray[np.intp], Array]:
    """By distance, then id."""
    ids = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(distances, ids, axis=1)


KERNELS: dict[str, Callable[[float], float]] = {
    "gaussian": lambda u: math.exp(-0.5 * u * u),
    "tophat": lambda u: float(u < 1),
    "epanechnikov": lambda u: max(1 - u * u, 0.0),
    "exponential": lambda u: math.exp(-u),
    "linear": lambda u: max(1 - u, 0.0),
    "cosine": lambda u: math.cos(0.5 * math.pi * u) if u < 1 else 0.0,
}


def kernel_integral(kernel: str, dimension: int) -> float:
    """Over the whole space, in shells: the surface of the sphere times the kernel, by the midpoint rule."""
    reach = 60.0 if kernel in ("gaussian", "exponential") else 1.0
    radii = np.linspace(0.0, reach, 200_001)[:-1] + reach / 400_000
    surface = 2 * math.pi ** (dimension / 2) / math.gamma(dimension / 2)
    values = np.array([KERNELS[kernel](u) for u in radii])
    return float((values * surface * radii ** (dimension - 1)).sum() * reach / 200_000)


def density(distances: Array, h: float, kernel: str, weights: Array | None = None) -> Array:
    """The sums of the kernels, not normalised."""
    values = np.array([[KERNELS[kernel](d / h) for d in row] for row in distances])
    return values.sum(axis=1) if weights is None else values @ weights

"""The points of the tree benchmark: uniform points, a scanned scene, histograms on the simplex, topics of real texts.

Each case knows its distance in NumPy's float64, which the answers are checked with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BUILDS", "CASES", "REAL", "TreeCase", "distances_of", "kth"]

Rows = npt.NDArray[Any]
_Matrix = npt.NDArray[np.float64]

# Data sets of others, where they lie beside the repository.
REAL = Path(__file__).parents[2] / "shared" / "data"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class TreeCase:
    """Points, how many queries, and the distance: its key, anear's name and parameters. ``k``: what is asked for."""

    name: str
    title: str
    metric: str
    distance: str
    rows: Callable[[np.random.Generator, int], Rows]
    points: int
    queries: int
    params: dict[str, float] = field(default_factory=dict)
    k: tuple[int, ...] = (1, 10)

    def data(self, points: int | None = None, queries: int | None = None) -> tuple[Rows, Rows]:
        """Points and queries, independent samples; fewer than the case's own on request."""
        n, q = min(points or self.points, self.points), min(queries or self.queries, self.queries)
        rows = self.rows(np.random.default_rng(0), n + q)
        # A real set is as long as it is: the queries come first.
        return np.ascontiguousarray(rows[q:]), np.ascontiguousarray(rows[:q])


def _uniform(dimensions: int) -> Callable[[np.random.Generator, int], Rows]:
    return lambda rng, n: rng.random((n, dimensions))


def _simplex(dimensions: int) -> Callable[[np.random.Generator, int], Rows]:
    """Dirichlet(0.3), kept away from zero, in which no divergence is a number."""

    def sample(rng: np.random.Generator, n: int) -> Rows:
        rows = rng.standard_gamma(0.3, (n, dimensions)) + 1e-6
        return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)

    return sample


def _scan(rng: np.random.Generator, n: int) -> Rows:
    rows: Rows = np.load(REAL / "points" / "region_growing_scene.npy").astype(np.float64)
    return rows[rng.permutation(len(rows))[:n]]


def _topics_8(rng: np.random.Generator, n: int) -> Rows:
    files = ("final8_query1K.txt", "final8_10K.txt")
    return np.concatenate([np.loadtxt(REAL / "nmslib" / name, dtype=np.float32) for name in files])[:n]


def _topics_128(rng: np.random.Generator, n: int) -> Rows:
    rows: Rows = np.load(REAL / "topics" / "movie_lda128_5k.npy")
    return rows[rng.permutation(len(rows))[:n]]


def _terms_js(x: _Matrix, y: _Matrix) -> _Matrix:
    middle = (x + y) / 2
    return (x * np.log(x / middle) + y * np.log(y / middle)) / 2


# What a coordinate adds, query x and point y. NMSLIB's divergences put the point first.
_TERMS: dict[str, Callable[[_Matrix, _Matrix], _Matrix]] = {
    "l2": lambda x, y: (x - y) ** 2,
    "kl": lambda x, y: y * np.log(y / x),
    "is": lambda x, y: y / x - np.log(y / x) - 1,
    "js": _terms_js,
    "chi2": lambda x, y: (x - y) ** 2 / (x + y),
    "canberra": lambda x, y: np.abs(x - y) / (x + y),
    "l0.5": lambda x, y: np.sqrt(np.abs(x - y)),
}
_OUTER: dict[str, Callable[[_Matrix], _Matrix]] = {"l2": np.sqrt, "l0.5": np.square}


def distances_of(metric: str, x: Rows, y: Rows) -> _Matrix:
    """Distances in float64; x and y of shapes (..., D) that broadcast."""
    sums = _TERMS[metric](np.asarray(x, np.float64), np.asarray(y, np.float64)).sum(axis=-1)
    return _OUTER.get(metric, lambda value: value)(sums)


def kth(metric: str, query: Rows, points: Rows, k: int) -> _Matrix:
    """The k smallest distances of one query, by brute force in blocks that stay small."""
    parts = [distances_of(metric, query[None], points[i : i + 65536]) for i in range(0, len(points), 65536)]
    return np.sort(np.partition(np.concatenate(parts), k - 1)[:k])


_DIVERGENCES: dict[str, tuple[str, str, dict[str, float]]] = {
    "kl": ("Kullback-Leibler", "kldiv", {}),
    "is": ("Itakura-Saito", "itakura_saito", {}),
    "js": ("Jensen-Shannon", "jensen_shannon", {}),
    "chi2": ("chi-square", "chi_square", {}),
    "canberra": ("Canberra", "canberra", {}),
    "l0.5": ("L0.5", "minkowski", {"p": 0.5}),
}


def _divergences() -> list[TreeCase]:
    cases = []
    for metric, (title, name, params) in _DIVERGENCES.items():
        for dimensions in (3, 4, 8):
            rows = _simplex(dimensions)
            text = f"{title} on the simplex, D = {dimensions}"
            cases.append(TreeCase(f"{metric}-{dimensions}", text, metric, name, rows, _MILLION, 1000, params, (10,)))
        text = f"{title}, LDA topics"
        cases.append(TreeCase(f"{metric}-lda8", f"{text}, D = 8", metric, name, _topics_8, 10_000, 1000, params, (10,)))
        cases.append(
            TreeCase(f"{metric}-lda128", f"{text}, D = 128", metric, name, _topics_128, 4000, 1000, params, (10,))
        )
    return cases


def _euclidean(name: str, title: str, rows: Callable[[np.random.Generator, int], Rows], n: int, q: int) -> TreeCase:
    return TreeCase(name, title, "l2", "euclidean", rows, n, q, k=(10,) if name == "r10" else (1, 10))


CASES: dict[str, TreeCase] = {
    case.name: case
    for case in (
        _euclidean("r2", "uniform in R^2", _uniform(2), _MILLION, 10_000),
        _euclidean("r3", "uniform in R^3", _uniform(3), _MILLION, 10_000),
        _euclidean("r10", "uniform in R^10", _uniform(10), _MILLION, 500),
        _euclidean("scan", "scanned scene in R^3", _scan, 45_000, 5000),
        *_divergences(),
    )
}
# Points and coordinates of what is built, uniform float64.
BUILDS = ((_MILLION, 2), (_MILLION, 3), (_MILLION, 10), (5 * _MILLION, 2), (5 * _MILLION, 3), (5 * _MILLION, 10))

"""What the demo compares with: the code a user would write in NumPy, and scikit-learn's brute force."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Peer", "Timing", "agrees", "numpy_peer", "sklearn_peer", "timed"]

_Rows = npt.NDArray[Any]
_Answers = tuple[npt.NDArray[Any], npt.NDArray[Any]]
# (queries) -> (ids, distances), nearest first
Peer = Callable[[_Rows], _Answers]

# One query to all points, as NumPy users write it.
_NUMPY: dict[str, Callable[[_Rows, _Rows], _Rows]] = {
    "euclidean": lambda q, points: np.sqrt(((points - q) ** 2).sum(axis=1)),
    "manhattan": lambda q, points: np.abs(points - q).sum(axis=1),
    "cosine": lambda q, points: 1 - points @ q / (np.sqrt((points**2).sum(axis=1)) * np.sqrt((q**2).sum())),
    "chi_square": lambda q, points: np.divide(
        (points - q) ** 2, points + q, out=np.zeros_like(points), where=points + q != 0
    ).sum(axis=1),
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Queries a second of wall clock, and CPU milliseconds a query."""

    rate: float
    cpu: float


def timed(work: Callable[[_Rows], Any], queries: _Rows, budget: float) -> tuple[Any, int, Timing]:
    """Run the work on as many queries as fit into ``budget`` seconds, judged by the first: result, how many, time."""
    work(queries[:1])
    start = time.perf_counter()
    work(queries[:1])
    first = time.perf_counter() - start
    count = int(min(len(queries), max(1, budget / max(first, 1e-9))))
    start, cpu = time.perf_counter(), time.process_time()
    result = work(queries[:count])
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    return result, count, Timing(count / wall, 1e3 * cpu / count)


def numpy_peer(name: str | None, formula: Any, points: _Rows, k: int) -> Peer:
    """A loop over the queries: all distances, then the k smallest; a formula without a name is evaluated by NumPy."""
    rows = points.astype(np.float32)
    one = _NUMPY.get(name or "")

    def search(queries: _Rows) -> _Answers:
        ids, distances = [], []
        for q in queries.astype(np.float32):
            found = one(q, rows) if one is not None else formula.numpy(q[None, :], rows)[0]
            nearest = np.argpartition(found, k - 1)[:k]
            nearest = nearest[np.argsort(found[nearest], kind="stable")]
            ids.append(nearest)
            distances.append(found[nearest])
        return np.array(ids), np.array(distances)

    return search


def sklearn_peer(name: str | None, formula: Any, points: _Rows, k: int) -> Peer | None:
    """scikit-learn's brute force, with a Python function for a distance it does not know; None where it is missing."""
    try:
        from sklearn.neighbors import NearestNeighbors
    except ModuleNotFoundError:
        return None
    metric: Any = name
    if name not in ("euclidean", "manhattan", "cosine"):
        one = _NUMPY.get(name or "")

        def metric(a: _Rows, b: _Rows) -> float:
            return float(one(a, b[None, :])[0] if one is not None else formula.numpy(a[None, :], b[None, :])[0, 0])

    model = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric)
    model.fit(points.astype(np.float32))

    def search(queries: _Rows) -> _Answers:
        distances, ids = model.kneighbors(queries.astype(np.float32))
        return ids, distances

    return search


def agrees(ours: _Answers, theirs: _Answers) -> bool:
    """Whether both found equally near neighbours: the same distances but for float32 rounding.

    Ids are not compared: where two points are equally far, each may be right. What is NaN to the peer is no neighbour.
    """
    expected = np.where(np.isnan(theirs[1]), np.inf, theirs[1])
    largest = float(np.abs(expected, where=np.isfinite(expected), out=np.zeros_like(expected)).max())
    return bool(np.allclose(ours[1][: len(expected)], expected, rtol=1e-3, atol=1e-4 * largest))

"""The libraries that exact search is compared with, each the way it is fastest.

A peer is a function ``Data, threads -> contestants``; it gives none for a distance that the library does not have. What
it must install stands in ``PEERS``. Where a library lacks a distance that is an inner product of lifted vectors, a user
who knows the algebra lifts them by hand; such contestants are called "lifted", and the lifting of the points is part
of their build.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from cases import Data, Rows

__all__ = ["PEERS", "Contestant", "Peer", "built"]

Ids = npt.NDArray[np.int64]
Search = Callable[[Rows, int], Ids]
_CHUNK = 64  # queries whose distance matrix (to a million points: 256 MB) is held by torch and JAX


@dataclass(slots=True)
class Contestant:
    """Something that searches. ``kind``: "brute" force, a "tree", or "approximate"; ``batch``: queries a call."""

    name: str
    kind: str
    search: Search
    build_cpu: float = 0.0
    batch: int = 0


Peer = Callable[[Data, int], Iterator[Contestant]]


def built(peer: Peer, data: Data, threads: int) -> list[Contestant]:
    """The contestants of a peer on these data, with the CPU seconds that each took to build."""
    found = []
    start = time.process_time()
    for contestant in peer(data, threads):
        contestant.build_cpu = time.process_time() - start
        found.append(contestant)
        start = time.process_time()
    return found


def anear_index(data: Data, threads: int) -> Iterator[Contestant]:
    """This library."""
    import anear

    index = anear.Index(data.points, data.case.distance, num_threads=threads)
    yield Contestant("anear", "brute", lambda queries, k: index.search(queries, k, num_threads=threads).ids)


# Inner products of lifted vectors: the largest product is the smallest distance.


def _ones(rows: Rows) -> Rows:
    return np.ones((len(rows), 1), np.float32)


def _sums(rows: Rows) -> Rows:
    return np.asarray(rows.sum(axis=1, dtype=np.float64)[:, None], np.float32)


_LIFT_POINTS: dict[str, Callable[[Rows], Rows]] = {
    "dot": lambda y: y,
    "cosine": lambda y: y / np.linalg.norm(y, axis=1, keepdims=True),
    "half-space": lambda y: np.hstack([y / y[:, :1], _sums(y * y) / y[:, :1], 1 / y[:, :1]]),
    "kl": lambda y: np.hstack([y, _sums(y * np.log(y))]),
    "itakura-saito": lambda y: np.hstack([y, _sums(np.log(y))]),
}
_LIFT_QUERIES: dict[str, Callable[[Rows], Rows]] = {
    "dot": lambda x: x,
    "cosine": lambda x: x,
    "half-space": lambda x: np.hstack([2 * x, -_ones(x), -_sums(x * x)]),
    "kl": lambda x: np.hstack([np.log(x), -_ones(x)]),
    "itakura-saito": lambda x: np.hstack([-1 / x, _ones(x)]),
}


def faiss_flat(data: Data, threads: int) -> Iterator[Contestant]:
    """FAISS's flat indexes: as it comes, and with its matrix product forced where its own rule takes the slow loop."""
    import faiss

    faiss.omp_set_num_threads(threads)
    own = {"l2": faiss.METRIC_L2, "l1": faiss.METRIC_L1}.get(data.metric)
    lift = _LIFT_POINTS.get(data.metric)
    if own is None and lift is None:
        return
    points = data.points if own is not None else np.ascontiguousarray(lift(data.points))  # type: ignore[misc]
    index = faiss.IndexFlat(points.shape[1], faiss.METRIC_INNER_PRODUCT if own is None else own)
    index.add(points)
    lifted = (lambda queries: queries) if own is not None else _LIFT_QUERIES[data.metric]
    usual = _usual_threshold(faiss)

    def search(threshold: int) -> Search:
        def run(queries: Rows, k: int) -> Ids:
            faiss.cvar.distance_compute_blas_threshold = threshold
            return index.search(np.ascontiguousarray(lifted(queries)), k)[1]

        return run

    by_hand = "" if own is not None or data.metric == "dot" else ", lifted"
    yield Contestant(f"faiss (default{by_hand})", "brute", search(usual))
    if data.metric != "l1":
        yield Contestant(f"faiss (BLAS forced{by_hand})", "brute", search(1))


@cache
def _usual_threshold(faiss: Any) -> int:
    """The product of sizes from which FAISS multiplies matrices, as it was before anybody here changed it."""
    return int(faiss.cvar.distance_compute_blas_threshold)


def keops(data: Data, threads: int) -> Iterator[Contestant]:
    """KeOps: a formula compiled with g++; the compilation is part of the build (the first time: KeOps keeps it)."""
    formula = _KEOPS.get(data.metric)
    if formula is None:
        return
    os.environ["OMP_NUM_THREADS"] = str(threads)
    from pykeops.numpy import LazyTensor, Vi, Vj

    y = Vj(data.points)

    def search(queries: Rows, k: int) -> Ids:
        distance: LazyTensor = formula(Vi(np.ascontiguousarray(queries)), y)
        return np.asarray(distance.argKmin(k, dim=1))

    search(data.queries[:8], 10)
    yield Contestant("keops", "brute", search)


_KEOPS: dict[str, Callable[[Any, Any], Any]] = {
    "l2": lambda x, y: x.sqdist(y),
    "l1": lambda x, y: (x - y).abs().sum(-1),
    "cosine": lambda x, y: -(x | y),
    "half-space": lambda x, y: x.sqdist(y) / (x[0] * y[0]),
}


def _chunked(queries: Rows, work: Callable[[Rows], Any]) -> Ids:
    """Ids of the queries, a chunk of distance matrix at a time."""
    parts = [np.asarray(work(queries[start : start + _CHUNK])) for start in range(0, len(queries), _CHUNK)]
    return np.concatenate(parts)


def torch_matrix(data: Data, threads: int) -> Iterator[Contestant]:
    """PyTorch: a matrix of distances (a matrix product where it can be one), then topk."""
    if data.metric not in ("l2", "l1", "cosine", "dot"):
        return
    import torch

    torch.set_num_threads(threads)
    points = torch.from_numpy(data.points)
    columns, squares = points.T, (points * points).sum(1)[None]

    def ranks(queries: Any) -> Any:
        if data.metric == "l1":
            return torch.cdist(queries, points, p=1)
        if data.metric == "l2":
            return torch.addmm(squares, queries, columns, alpha=-2)
        return -(queries @ columns)

    def search(queries: Rows, k: int) -> Ids:
        with torch.inference_mode():
            return _chunked(queries, lambda part: ranks(torch.from_numpy(part)).topk(k, largest=False).indices)

    yield Contestant("torch", "brute", search)


def jax_matrix(data: Data, threads: int) -> Iterator[Contestant]:
    """JAX: the same, compiled by XLA."""
    if data.metric not in ("l2", "cosine", "dot"):
        return
    jax = _jax_with(threads)
    jnp = jax.numpy
    points = jnp.asarray(data.points)
    half = (points * points).sum(1)[None] / 2 if data.metric == "l2" else jnp.zeros((1, 1), jnp.float32)

    def chunk(queries: Any, points: Any, half: Any, k: int) -> Any:
        return jax.lax.top_k(queries @ points.T - half, k)[1]

    compiled = jax.jit(chunk, static_argnames="k")

    def search(queries: Rows, k: int) -> Ids:
        return _chunked(queries, lambda part: compiled(jnp.asarray(part), points, half, k=k))

    yield Contestant("jax", "brute", search)


def _jax_with(threads: int) -> Any:
    """JAX, imported while the process may use ``threads`` cores only: its thread pool takes as many as it sees."""
    if not hasattr(os, "sched_setaffinity"):
        import jax

        return jax
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(usable)[-threads:]))
    try:
        import jax

        jax.numpy.zeros(1).block_until_ready()
    finally:
        os.sched_setaffinity(0, usable)
    return jax


def sklearn_neighbours(data: Data, threads: int) -> Iterator[Contestant]:
    """scikit-learn: brute force, and its trees where they can win (few dimensions)."""
    metric = {"l2": "sqeuclidean", "l1": "manhattan", "cosine": "cosine"}.get(data.metric)
    if metric is None:
        return
    from sklearn.neighbors import NearestNeighbors

    # On unit vectors the Euclidean order is the cosine's, and scikit-learn has a fused search for the Euclidean only.
    metric = "sqeuclidean" if metric == "cosine" else metric
    kinds = {"brute": metric}
    if data.case.dimensions <= 10:
        kinds |= dict.fromkeys(("kd_tree", "ball_tree"), "manhattan" if metric == "manhattan" else "euclidean")
    for algorithm, chosen in kinds.items():
        found = NearestNeighbors(algorithm=algorithm, metric=chosen, n_jobs=threads).fit(data.points)
        yield Contestant(
            f"sklearn {algorithm}",
            "brute" if algorithm == "brute" else "tree",
            lambda queries, k, found=found: found.kneighbors(queries, k, return_distance=False),  # type: ignore[misc]
        )


def scipy_tree(data: Data, threads: int) -> Iterator[Contestant]:
    """SciPy's k-d tree, in few dimensions; on unit vectors it finds the cosine's neighbours as well."""
    p = {"l2": 2, "cosine": 2, "l1": 1}.get(data.metric)
    if p is None or data.case.dimensions > 10:
        return
    from scipy.spatial import cKDTree

    tree = cKDTree(data.points, balanced_tree=False, compact_nodes=False)

    def search(queries: Rows, k: int) -> Ids:
        return np.asarray(tree.query(queries, k, p=p, workers=threads)[1]).reshape(len(queries), k)

    yield Contestant("scipy cKDTree", "tree", search)


def hnswlib_graph(data: Data, threads: int) -> Iterator[Contestant]:
    """hnswlib: its graph where it is built within seconds, else its brute force."""
    space = {"l2": "l2", "cosine": "cosine", "dot": "ip"}.get(data.metric)
    if space is None:
        return
    import hnswlib

    small = len(data.points) <= 20_000
    index = (hnswlib.Index if small else hnswlib.BFIndex)(space, data.case.dimensions)
    if small:
        index.init_index(len(data.points), M=16, ef_construction=200)
        index.add_items(data.points, num_threads=threads)
    else:
        index.init_index(len(data.points))
        index.add_items(data.points)

    def search(queries: Rows, k: int) -> Ids:
        if small:
            index.set_ef(max(64, 2 * k))
        return np.asarray(index.knn_query(queries, k, num_threads=threads)[0], np.int64)

    yield Contestant("hnswlib HNSW" if small else "hnswlib BF", "approximate" if small else "brute", search)


def nmslib_scan(data: Data, threads: int) -> Iterator[Contestant]:
    """NMSLIB's sequential search."""
    space = {"kl": "kldivfast", "itakura-saito": "itakurasaitofast", "js": "jsdivfast", "l1": "l1"}.get(data.metric)
    if space is None or len(data.points) > 200_000:
        return
    import nmslib

    index = nmslib.init(method="seq_search", space=space, data_type=nmslib.DataType.DENSE_VECTOR)
    index.addDataPointBatch(data.points)
    index.createIndex(print_progress=False)

    def search(queries: Rows, k: int) -> Ids:
        found = index.knnQueryBatch(queries, k=k, num_threads=threads)
        return np.array([ids for ids, _ in found], np.int64)

    yield Contestant("nmslib seq_search", "brute", search)


# Module to import -> contestants. The first is what all others are compared with.
PEERS: dict[str, Peer] = {
    "anear": anear_index,
    "faiss": faiss_flat,
    "pykeops": keops,
    "torch": torch_matrix,
    "jax": jax_matrix,
    "sklearn": sklearn_neighbours,
    "scipy": scipy_tree,
    "hnswlib": hnswlib_graph,
    "nmslib": nmslib_scan,
}

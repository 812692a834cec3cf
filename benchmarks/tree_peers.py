"""The libraries that have trees, each the way it is fastest, and NMSLIB's methods, which take divergences.

A peer builds something from points and answers with distances and ids. Approximate ones are first set to the least
effort that finds the recall asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tree_cases import TreeCase

__all__ = ["BUILDERS", "RECALL", "SEARCHERS", "Builder", "Searcher", "Setting", "work_and_span"]

Rows = npt.NDArray[Any]
Ids = npt.NDArray[np.int64]
RECALL = 0.97
_MANY = 40  # threads, for which work and span are counted


@dataclass(frozen=True, slots=True)
class Builder:
    """How a library makes a tree of points; ``threads`` says whether it can share the work."""

    name: str
    module: str
    build: Callable[[Rows, int], Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a searcher may want to know: threads for building, where graphs are kept (None: none are built)."""

    threads: int
    graphs: Path | None


@dataclass(slots=True)
class Searcher:
    """Something built, "exact" or "approximate". ``tune`` tries effort i, 0 the least, and is None past the last."""

    name: str
    kind: str
    search: Callable[[Rows, int], Ids]
    build_seconds: float
    tune: Callable[[int], str | None] | None = None


def _anear(points: Rows, threads: int) -> Any:
    import anear

    return anear.Index(points, "euclidean", method="kd_tree", num_threads=threads)


def _anear_in_turn(points: Rows, threads: int) -> Any:
    import anear

    return anear.Index(points, "euclidean", method="kd_tree", options={"split": "round_robin"}, num_threads=threads)


def work_and_span(build: Callable[[Rows, int], Any], points: Rows) -> tuple[float, float]:
    """CPU seconds of a build by anear, and of the longest chain of steps in it of which each waits for the last.

    All is done by one thread, cut into tasks as for ``_MANY``; what happens outside of tasks belongs to the chain. No
    number of threads takes less than the span, and p threads need not take more than work / p + span (Brent's
    bound), if memory keeps up with them.
    """
    from anear import _core

    start = time.thread_time()
    tasks, chain = _core.task_times(lambda: build(points, _MANY))
    work = time.thread_time() - start
    return work, work - tasks + chain


def _sklearn(points: Rows, threads: int) -> Any:
    from sklearn.neighbors import KDTree

    return KDTree(points)


def _scipy(points: Rows, threads: int) -> Any:
    from scipy.spatial import cKDTree

    return cKDTree(points)


def _scipy_sliding(points: Rows, threads: int) -> Any:
    from scipy.spatial import cKDTree

    return cKDTree(points, balanced_tree=False, compact_nodes=False)


def _pykdtree(points: Rows, threads: int) -> Any:
    from pykdtree.kdtree import KDTree

    return KDTree(points)


def _nanoflann(points: Rows, threads: int) -> Any:
    from pynanoflann import KDTree

    tree = KDTree(metric="L2")
    tree.fit(points)
    return tree


# The trees of Euclidean space. All but anear's are built by one thread.
BUILDERS = (
    Builder("anear", "anear", _anear),
    Builder("anear round robin", "anear", _anear_in_turn),
    Builder("sklearn", "sklearn", _sklearn),
    Builder("scipy balanced", "scipy", _scipy),
    Builder("scipy sliding", "scipy", _scipy_sliding),
    Builder("pykdtree", "pykdtree", _pykdtree),
    Builder("nanoflann", "pynanoflann", _nanoflann),
)
_TREE_IDS: dict[str, Callable[[Any, Rows, int], Any]] = {
    "anear": lambda tree, queries, k: tree.search(queries, k, num_threads=1).ids,
    "sklearn": lambda tree, queries, k: tree.query(queries, k)[1],
    "scipy": lambda tree, queries, k: tree.query(queries, k, workers=1)[1],
    "pykdtree": lambda tree, queries, k: tree.query(queries, k)[1],
    "pynanoflann": lambda tree, queries, k: tree.kneighbors(queries, k, n_jobs=1)[1],
}


def _timed(build: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = build()
    return found, time.perf_counter() - start


def euclidean_trees(case: TreeCase, points: Rows, setting: Setting) -> Iterator[Searcher]:
    """Every library's tree."""
    if case.metric != "l2":
        return
    for builder in BUILDERS:
        try:
            tree, seconds = _timed(lambda builder=builder: builder.build(points, setting.threads))  # type: ignore[misc]
        except Exception as error:  # one library's failure is not the others'
            print(f"{builder.name}: {type(error).__name__}: {error}")
            continue
        ask = _TREE_IDS[builder.module]

        def search(queries: Rows, k: int, ask: Any = ask, tree: Any = tree) -> Ids:
            return np.asarray(ask(tree, queries, k), np.int64).reshape(len(queries), k)

        yield Searcher(builder.name, "exact", search, seconds)


def anear_tree(case: TreeCase, points: Rows, setting: Setting) -> Iterator[Searcher]:
    """anear's tree under a divergence."""
    if case.metric == "l2":
        return
    yield from _anear_index("anear", "kd_tree", case, points, setting)


def anear_scan(case: TreeCase, points: Rows, setting: Setting) -> Iterator[Searcher]:
    """anear's brute force: what a tree must be worth."""
    yield from _anear_index("anear flat", "flat", case, points, setting)


def _anear_index(name: str, method: str, case: TreeCase, points: Rows, setting: Setting) -> Iterator[Searcher]:
    import anear

    def build() -> anear.Index:
        return anear.Index(points, case.distance, method=method, num_threads=setting.threads, **case.params)

    build()  # compiles the formula, which is kept on disk: no part of building
    index, seconds = _timed(build)
    yield Searcher(name, "exact", lambda queries, k: index.search(queries, k, num_threads=1).ids, seconds)


def sklearn_ball(case: TreeCase, points: Rows, setting: Setting) -> Iterator[Searcher]:
    """scikit-learn's ball tree, for the metrics among these distances."""
    if case.metric != "canberra":
        return
    from sklearn.neighbors import BallTree

    tree, seconds = _timed(lambda: BallTree(points, metric="canberra"))
    yield Searcher("sklearn BallTree", "exact", lambda queries, k: tree.query(queries, k)[1], seconds)


_NMSLIB: dict[str, dict[str, Any]] = {
    "kl": {"space": "kldivfast"},
    "is": {"space": "itakurasaitofast"},
    "js": {"space": "jsdivfast"},
    "l0.5": {"space": "lp", "space_params": ["p=0.5"]},
}
# The larger alpha, the more is pruned, rightly or wrongly.
_ALPHAS = [2 ** (3 - step / 2) for step in range(40)]
_EFFORTS = (10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57, 68, 80, 96, 114, 136, 160, 226, 320, 453, 640, 1280)


def nmslib_methods(case: TreeCase, points: Rows, setting: Setting) -> Iterator[Searcher]:
    """NMSLIB's VP-tree, and its HNSW graph where graphs are wanted: at a million points they take minutes to build."""
    space = _NMSLIB.get(case.metric)
    if space is None:
        return
    yield _vptree(space, points)
    if setting.graphs is not None:
        yield _graph(case, space, points, setting)


def _filled(space: dict[str, Any], method: str, points: Rows) -> Any:
    import nmslib

    index = nmslib.init(method=method, data_type=nmslib.DataType.DENSE_VECTOR, **space)
    index.addDataPointBatch(points)
    return index


def _searching(index: Any) -> Callable[[Rows, int], Ids]:
    def search(queries: Rows, k: int) -> Ids:
        ids = np.full((len(queries), k), -1, np.int64)
        for row, (found, _) in zip(ids, index.knnQueryBatch(queries, k=k, num_threads=1), strict=True):
            row[: len(found)] = found
        return ids

    return search


def _vptree(space: dict[str, Any], points: Rows) -> Searcher:
    index = _filled(space, "vptree", points)
    _, seconds = _timed(lambda: index.createIndex({"bucketSize": 50, "chunkBucket": 1}))

    def tune(effort: int) -> str | None:
        if effort >= len(_ALPHAS):
            return None
        alpha = _ALPHAS[effort]
        index.setQueryTimeParams({"alphaLeft": alpha, "alphaRight": alpha, "expLeft": 1, "expRight": 1})
        return f"alpha {alpha:.3g}"

    return Searcher("nmslib VP-tree", "approximate", _searching(index), seconds, tune)


def _graph(case: TreeCase, space: dict[str, Any], points: Rows, setting: Setting) -> Searcher:
    """The graph, read where an earlier run left it."""
    assert setting.graphs is not None
    setting.graphs.mkdir(parents=True, exist_ok=True)
    kept = setting.graphs / f"{case.name}-{len(points)}.hnsw"
    said = kept.with_suffix(".json")
    index = _filled(space, "hnsw", points)
    if said.exists():
        index.loadIndex(str(kept), load_data=False)
        seconds = float(json.loads(said.read_text())["build_seconds"])
    else:
        settings = {"M": 16, "efConstruction": 100, "post": 0, "indexThreadQty": setting.threads}
        _, seconds = _timed(lambda: index.createIndex(settings))
        index.saveIndex(str(kept), save_data=False)
        said.write_text(json.dumps({"build_seconds": seconds, "threads": setting.threads}))

    def tune(effort: int) -> str | None:
        if effort >= len(_EFFORTS):
            return None
        index.setQueryTimeParams({"efSearch": _EFFORTS[effort]})
        return f"ef {_EFFORTS[effort]}"

    return Searcher("nmslib HNSW", "approximate", _searching(index), seconds, tune)


# Module to import -> what it builds for a case.
SEARCHERS: tuple[tuple[str, Callable[[TreeCase, Rows, Setting], Iterator[Searcher]]], ...] = (
    ("anear", anear_tree),
    ("anear", euclidean_trees),
    ("anear", anear_scan),
    ("sklearn", sklearn_ball),
    ("nmslib", nmslib_methods),
)

"""What lies within a radius of what, as SciPy's trees answer it, beside anear's classes of the same names."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import common
import numpy as np

__all__ = ["run"]

Ask = Callable[[Any, Any, float], Any]

# What is asked of a tree, of a tree with another, or of a tree about the points of another; and as what it is compared.
_ASKED: dict[str, tuple[Ask, Callable[[Any], Any]]] = {
    "query_pairs, ndarray": (
        lambda tree, other, r: tree.query_pairs(r, output_type="ndarray"),
        lambda found: set(map(tuple, found.tolist())),
    ),
    "query_pairs, set": (lambda tree, other, r: tree.query_pairs(r), set),
    "query_ball_tree": (lambda tree, other, r: tree.query_ball_tree(other, r), lambda found: list(map(sorted, found))),
    "query_ball_point": (
        lambda tree, other, r: tree.query_ball_point(other.data, r),
        lambda found: list(map(sorted, found)),
    ),
    "query_ball_point, lengths": (
        lambda tree, other, r: tree.query_ball_point(other.data, r, return_length=True),
        lambda found: found.tolist(),
    ),
    "query_ball_point, 1000 one by one": (
        lambda tree, other, r: [tree.query_ball_point(query, r) for query in other.data[:1000]],
        lambda found: list(map(sorted, found)),
    ),
    "sparse_distance_matrix, ndarray": (
        lambda tree, other, r: tree.sparse_distance_matrix(other, r, output_type="ndarray"),
        lambda found: set(zip(found["i"].tolist(), found["j"].tolist(), strict=True)),
    ),
    "sparse_distance_matrix, coo": (
        lambda tree, other, r: tree.sparse_distance_matrix(other, r, output_type="coo_matrix"),
        lambda found: set(zip(found.row.tolist(), found.col.tolist(), strict=True)),
    ),
    "sparse_distance_matrix, dict": (
        lambda tree, other, r: tree.sparse_distance_matrix(other, r, output_type="dict"),
        set,
    ),
    "count_neighbors": (lambda tree, other, r: tree.count_neighbors(other, r), int),
}


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Uniform points in the unit cube, and radii that hold about 10 and 100 of them."""
    from scipy.spatial import cKDTree

    from anear.compat.scipy import cKDTree as OwnTree

    n = min(options.n or 100_000, 100_000)
    rng = np.random.default_rng(0)
    points, others = rng.random((n, 3)), rng.random((n, 3))
    theirs, own = ([kind(points), kind(others)] for kind in (cKDTree, OwnTree))
    records = []
    for near in (10, 100):
        radius = (near / n * 3 / (4 * math.pi)) ** (1 / 3)
        case = f"{near} of {n:,} points within the radius, D = 3"
        records += [_case(case, name, theirs, own, radius, min(options.rounds, 3)) for name in _ASKED]
    rows = [
        [r["case"], r["asked"], f"{r['scipy_ms']:,.1f}", f"{r['anear_ms']:,.1f}", f"{r['faster']:.2f}"] for r in records
    ]
    print(f"joins\n{common.render(['case', 'asked', 'SciPy ms', 'anear ms', '/ anear'], rows, left=2)}\n", flush=True)
    return records


def _case(case: str, name: str, theirs: Any, own: Any, radius: float, rounds: int) -> dict[str, Any]:
    """One question to both, whose answers are the same."""
    ask, plain = _ASKED[name]
    assert plain(ask(*theirs, radius)) == plain(ask(*own, radius)), name
    works = [lambda trees=trees: ask(*trees, radius) for trees in (theirs, own)]
    scipy, anear = (timing.us() / 1000 for timing in common.race(works, [1.0, 1.0], rounds, [1, 1]))
    return {"part": "joins", "case": case, "asked": name, "scipy_ms": scipy, "anear_ms": anear, "faster": scipy / anear}

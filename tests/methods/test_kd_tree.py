"""kd_tree: whatever the data and the distance, its answers are the scan's, to the last tie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.index.support import STORAGE, check_knn, matrix, same, stored
from tests.methods.support import DATA, agree, agree_within, check_reference

import anear

Array = npt.NDArray[Any]

FORMULAS = (
    "sqeuclidean",
    "euclidean",
    "manhattan",
    "chebyshev",
    "minkowski:p=0.5",
    "cosine",
    "kldivgen",
    "itakura_saito",
    "jensen_shannon",
    "canberra",
    "chi_square",
    "sum(abs(x - y)) + max(abs(x - y))",
)
"""With a kink, smooth, of one coordinate, not a metric, with another order of points, of two kinds of reductions."""


def both(points: Array, distance: Any, **options: Any) -> tuple[anear.Index, anear.Index]:
    """The tree and the scan."""
    return anear.Index(points, distance, method="kd_tree", **options), anear.Index(points, distance, **options)


@pytest.mark.parametrize("storage", ["float32", "float64"])
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("formula", FORMULAS)
def test_all_kinds_of_data(formula: str, data: str, storage: str) -> None:
    for d in (2, 3) if storage == "float32" else (1, 8):
        rng = np.random.default_rng(d)
        points = DATA[data](rng, 1500, d).astype(storage)
        queries = np.concatenate([points[::300], DATA[data](rng, 4, d).astype(storage)])
        tree, flat = both(points, formula)
        agree(tree, flat, queries, (1, 10, 100, 1500))
        agree_within(tree, flat, queries)


@pytest.mark.parametrize(
    ("name", "d", "seed"), [("kldiv", 2, 0), ("kldiv_rq", 2, 1), ("jensen_shannon", 1, 2), ("half_space", 1, 3)]
)
def test_a_radius_that_is_a_distance_but_for_its_rounding(name: str, d: int, seed: int) -> None:
    """The formula itself is off by its last digits; a bound without any error of its own must leave room for them."""
    rng = np.random.default_rng(seed)
    rows = rng.random((3000, d)) + 0.1
    if name.startswith("kldiv"):
        rows /= rows.sum(axis=1, keepdims=True)
    points = np.concatenate([rows[:700], rows[:100] * (1 + 1e-7 * rng.normal(size=(100, 1)))])
    if name.startswith("kldiv"):
        points /= points.sum(axis=1, keepdims=True)
    tree, flat = both(points, name)
    queries = np.concatenate([rows[:60], rows[-60:]])
    everything = flat.search(queries, len(points))
    for place in (0, 1, 2, 10):
        radius = everything.distances[:, place]
        inside = (everything.distances <= radius[:, None]).sum(axis=1)
        np.testing.assert_array_equal(np.diff(tree.range_search(queries, radius).offsets), inside)
        np.testing.assert_array_equal(tree.count(queries, radius), inside)


def test_comparisons_with_what_is_no_number() -> None:
    """NaN compares as 0: the ends of an operand say nothing about a comparison where it may be NaN."""
    rng = np.random.default_rng(0)
    points, queries = (rng.normal(size=(n, 3)).astype(np.float32) for n in (900, 9))
    for formula in (
        "sum(log(y) >= -9)",
        "max(abs(x[0] ** y) >= sum(y) - 1)",
        "sum(arccos(y) >= 1)",
        "sum(where(sqrt(y) >= 0, x - y, 5)**2)",
        "where(log(max(y)) * 0, 1, 2) + sum(abs(x - y))",
    ):
        tree, flat = both(points, formula)
        agree(tree, flat, queries, (1, 10, 100))
        agree_within(tree, flat, queries)

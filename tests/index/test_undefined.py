"""Formulas that are no number for points that their rank puts nearest: the compiler cancels, the formula does not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.index.support import check_knn, matrix, nearest, same

import anear

# the rank of each is a number for points that have a 0, the formula is not
FORMULAS = (
    "sum(abs(x*y/y - y))",
    "sum((y*y/y - x)**2)",
    "sum(abs(x*y/y - y)) / 0.5 + 1",
    "sqrt(sum((x - y*y/y)**2))",
)


def rows(n: int, undefined: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    """Points on a fine lattice without zeros; `undefined` of them, scattered, lie at the queries and have one."""
    rng = np.random.default_rng(seed)
    points = rng.integers(1, 40, (n, 3)) / 8.0 * rng.choice([-1, 1], (n, 3))
    points[rng.choice(n, undefined, replace=False)] = (0.0, 0.125, 0.125)
    return points.astype(dtype)


QUERIES = np.array([[0.0, 0.125, 0.125], [0.01, 0.1, 0.1], [3.0, 3.0, 3.0], [-0.02, 0.2, 0.1]])


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("undefined", [1, 9, 700, 2990, 3000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_answers_are_not_crowded_out(formula: str, undefined: int, dtype: str) -> None:
    index = anear.Index(rows(3000, undefined, dtype), formula)
    for k in (1, 10, 200, 2999, 3000):
        check_knn(index, QUERIES, k)
        check_knn(index, QUERIES[:1], k)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.95])
def test_with_filters(share: float) -> None:
    points = rows(6000, 900)
    index = anear.Index(points, FORMULAS[0])
    mask = np.random.default_rng(1).random(6000) < share
    exact = matrix(index, QUERIES)
    own = nearest(exact, 1)[0][:, 0].astype(np.uint32)  # the answer itself is left out
    allowed = np.where(mask, exact, np.nan)
    allowed[np.arange(4), own] = np.nan
    found = index.search(QUERIES, 12, allow=mask, exclude=own)
    assert np.array_equal(found.ids, nearest(allowed, 12)[0])
    assert np.array_equal(index.search(QUERIES, 12, deny=~mask, exclude=own).ids, found.ids)


@pytest.mark.parametrize("queries", [1, 2, 300])
def test_whatever_the_number_of_threads(queries: int) -> None:
    """Few queries: the points are split between the threads, and some parts alone may be in doubt."""
    points = rows(1_500_000 if queries < 3 else 30_000, 5)
    asked = np.tile(QUERIES, (75, 1))[:queries]
    index = anear.Index(points, FORMULAS[0])
    one = index.search(asked, 10, num_threads=1)
    assert np.array_equal(one.ids, nearest(matrix(index, asked), 10)[0])
    for threads in (2, 3):
        assert same(index.search(asked, 10, num_threads=threads), one)


def test_range_search() -> None:
    index = anear.Index(rows(3000, 900), FORMULAS[1])
    exact = matrix(index, QUERIES)
    for radius in (0.0, 0.4, 5.0, np.inf):
        found = index.range_search(QUERIES, radius)
        for q in range(len(QUERIES)):
            inside = nearest(exact[q : q + 1], int((exact[q] <= radius).sum()))[0][0]
            assert np.array_equal(found.of(q).ids, inside)


def test_only_queries_in_doubt_cost_more() -> None:
    """A query far from the points without a distance is answered by the filter alone."""
    points = rows(20_000, 5)
    index = anear.Index(points, FORMULAS[0])
    index.search(QUERIES[2], 10)
    undoubted = index.distances_computed
    assert undoubted.scanned == 20_000
    assert undoubted.exact < 1000
    index.search(QUERIES[0], 10)
    assert index.distances_computed.exact - undoubted.exact >= 20_000

"""Points of one distance come by their ids, even where the function around the rank made them equal."""

from __future__ import annotations

import numpy as np
import pytest
from tests.index.support import check_knn, matrix, nearest, same

import anear
from anear.formula import formula as parsed
from anear.index.stages import stages_of
from anear.index.ties import flat_at, may_be_flat

RNG = np.random.default_rng(3)

# each is flat somewhere on the points below
FLAT = (
    "minimum(sum(abs(x - y)), 2)",
    "maximum(sum((x - y)**2), 1.5)",
    "clip(sqrt(sum((x - y)**2)), 0.5, 1)",
    "1 - exp(-40 * sum((x - y)**2))",
    "exp(900 * sum(abs(x - y)))",
    "tanh(1e4 * sum(abs(x - y)))",
    "-exp(-1e4 * sum((x - y)**2))",
    "1e9 + 1e-7 * sum((x - y)**2)",
    "5 - 1e-17 * sum(abs(x - y))",
    "arctan(1e17 * sum((x - y)**2))",
)


def points(n: int, dtype: str = "float32") -> np.ndarray:
    """Far ones first, so that the rank's order is not that of the ids."""
    rows = RNG.random((n, 4))
    return rows[np.argsort(-np.abs(rows - 0.5).sum(1))].astype(dtype)


@pytest.mark.parametrize("formula", FLAT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["flat", "kd_tree"])
def test_equals_come_by_their_ids(formula: str, dtype: str, method: str) -> None:
    index = anear.Index(points(3000, dtype), formula, method=method)
    queries = np.concatenate([np.full((1, 4), 0.5), RNG.random((4, 4)), index.points[:2]]).astype(dtype)
    with np.errstate(over="ignore"):  # distances beyond float32
        for k in (1, 10, 400, 3000, 3005):
            check_knn(index, queries, k)
        check_knn(index, queries[:1], 10)


@pytest.mark.parametrize("formula", FLAT[:2])
def test_with_filters_and_threads(formula: str) -> None:
    index = anear.Index(points(3000), formula)
    queries = index.points[:40]
    mask = RNG.random(3000) < 0.6
    left_out = np.arange(40)
    exact = np.where(mask, matrix(index, queries), np.nan)
    exact[left_out, left_out] = np.nan
    found = index.search(queries, 25, allow=mask, exclude=left_out, num_threads=1)
    assert np.array_equal(found.ids, nearest(exact, 25)[0])
    assert same(index.search(queries, 25, allow=mask, exclude=left_out, num_threads=2), found)


def test_self_search() -> None:
    index = anear.Index(points(1000), FLAT[0])
    exact = matrix(index, index.points)
    np.fill_diagonal(exact, np.nan)
    assert np.array_equal(index.self_search(30).ids, nearest(exact, 30)[0])


@pytest.mark.parametrize("formula", ["euclidean", "cosine", "angular", "kldiv", "sum(abs(x - y)**3)**0.3"])
def test_distances_that_are_never_flat_are_searched_once(formula: str) -> None:
    rows = points(3000) + np.float32(0.01)
    rows /= rows.sum(1, keepdims=True)
    index = anear.Index(rows, formula)
    index.search(index.points[:7], 10)
    assert index.distances_computed.scanned == 7 * 3000


def test_only_where_it_is_flat_is_searched_again() -> None:
    index = anear.Index(points(3000), FLAT[0])
    index.search(np.full((5, 4), 0.5, np.float32), 10)
    assert index.distances_computed.scanned == 5 * 3000
    index.search(np.full((5, 4), 9.5, np.float32), 10)
    assert index.distances_computed.scanned == 15 * 3000


def test_where_functions_are_flat() -> None:
    assert not may_be_flat(stages_of(parsed("2 * sqrt(sum((x - y)**2))")).outer, checked=False)
    outer = stages_of(parsed("minimum(sum(abs(x - y)), 2)")).outer
    assert may_be_flat(outer, checked=False)
    assert not may_be_flat(outer, checked=True)
    assert flat_at(outer, np.array([0.0, 0.1, 1.3, 2.0])).tolist() == [False, False, False, True]
    outer = stages_of(parsed("1 - exp(-sum((x - y)**2))")).outer
    assert flat_at(outer, np.array([0.01, 0.9, 1.0])).tolist() == [False, False, True]
    outer = stages_of(parsed("exp(sum((x - y)**2))")).outer
    assert flat_at(outer, np.array([1.0, 2.0, 1e100, np.inf])).tolist() == [True, False, False, True]

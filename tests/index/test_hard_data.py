"""Data on which float32 arithmetic alone gives wrong neighbours: the answer must still be float64's, id for id."""

from __future__ import annotations

import numpy as np
import pytest
from tests.index.support import check_knn, matrix, nearest

import anear

FORMULAS = (
    "sqeuclidean",
    "euclidean",
    "manhattan",
    "cosine",
    "angular",
    "correlation",
    "sum((x - y)**4)",
    "sum(abs(x - y)**1.5)",
    "canberra",
    "-dot(x, y)",
    "1 - exp(-sum((x - y)**2))",
)
POSITIVE = (
    "kldiv",
    "kldivgen",
    "itakura_saito",
    "jensen_shannon",
    "chi_square",
    "hellinger",
    "renyi:alpha=0.3",
    "jeffreys",
)


def check(index: anear.Index, queries: np.ndarray, k: int) -> None:
    """The reference's ids, but where distances differ by less than the rounding of float64 itself."""
    found = index.search(queries, k)
    exact = matrix(index, queries)
    ids, distances = nearest(exact, k)
    if np.array_equal(found.ids, ids):
        return
    assert all(len(set(row)) == k for row in found.ids.tolist())
    scale = np.abs(exact[np.isfinite(exact)]).max()
    absolute = 1.0 if index.distance in ("cosine", "correlation", "angular") else 1e-3 * scale
    chosen = np.take_along_axis(exact, found.ids, axis=1)
    unit = 64 * np.finfo(np.float64).eps
    assert (np.abs(chosen - distances) <= unit * np.maximum(np.abs(distances), absolute)).all()


@pytest.mark.parametrize("formula", FORMULAS + POSITIVE)
def test_near_duplicates(formula: str) -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.1, 1, (40, 12))
    points = (np.repeat(base, 60, axis=0) * (1 + 1e-6 * rng.normal(size=(2400, 12)))).astype(np.float32)
    check(anear.Index(points, formula), points[::191], 15)
    check(anear.Index(points, formula), base[:5].astype(np.float32), 15)


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_far_from_the_origin(formula: str, offset: float) -> None:
    rng = np.random.default_rng(1)
    points = (offset + rng.normal(size=(2500, 8))).astype(np.float32)
    check(anear.Index(points, formula), (offset + rng.normal(size=(9, 8))).astype(np.float32), 12)


@pytest.mark.parametrize("formula", FORMULAS)
def test_far_clusters(formula: str) -> None:
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(12, 6)) * 10.0 ** rng.integers(0, 6, (12, 1))
    points = (np.repeat(centres, 400, axis=0) + 1e-3 * rng.normal(size=(4800, 6))).astype(np.float32)
    check(anear.Index(points, formula), points[::397], 20)


@pytest.mark.parametrize("formula", ["sqeuclidean", "manhattan", "cosine", "kldivgen", "chi_square"])
@pytest.mark.parametrize("size", [1e-42, 1e-30, 1e-18, 1e18, 1e30])
def test_tiny_and_huge_numbers(formula: str, size: float) -> None:
    rng = np.random.default_rng(3)
    points, queries = (size * rng.uniform(0.5, 1, (n, 5)) for n in (3000, 5))
    check(anear.Index(points.astype(np.float32), formula), queries.astype(np.float32), 10)


def test_one_huge_coordinate() -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(5000, 6)).astype(np.float32)
    points[:, 3] = 1e7
    points[17, 3] = -1e7
    for formula in ("sqeuclidean", "manhattan", "cosine"):
        check(anear.Index(points, formula), points[::500], 10)


@pytest.mark.parametrize(
    "formula", ["log(1 + sum(exp(20 * (x - y))))", "yule", "sum(x - y)**2 - sum((x - y)**2)", "prod(x - y)"]
)
def test_formulas_without_a_proved_bound(formula: str) -> None:
    rng = np.random.default_rng(5)
    if formula == "yule":
        points, queries = (rng.integers(0, 2, (n, 20)).astype(np.float32) for n in (5000, 5))
    else:
        points, queries = (rng.uniform(0, 8, (n, 6)).astype(np.float32) for n in (5000, 5))
    index = anear.Index(points, formula)
    check(index, queries, 10)
    exact = matrix(index, queries)
    np.testing.assert_allclose(anear.pairwise(queries, points, formula), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("storage", ["float32", "float64"])
@pytest.mark.parametrize(
    "formula", ["sqeuclidean", "manhattan", "sum(y)", "max(abs(x - y))", "sum((x - y)**2 / (1 + abs(x)))"]
)
def test_nan_and_infinity_where_allowed(storage: str, formula: str) -> None:
    rng = np.random.default_rng(6)
    points = rng.normal(size=(1000, 4)).astype(storage)
    points[::7, 1] = np.nan
    points[::5, 2] = np.inf
    points[3::11, 0] = -np.inf
    queries = rng.normal(size=(6, 4)).astype(storage)
    queries[2, 0], queries[3, 1] = np.inf, np.nan
    index = anear.Index(points, formula, allow_nan=True)
    for k in (1, 10, 600, 1000):
        found = index.search(queries, k)
        with np.errstate(all="ignore"):
            exact = matrix(index, queries)
        ids, distances = nearest(exact, k)
        if formula == "max(abs(x - y))":
            continue  # whether max() sees a NaN is the order of its operands; not crashing is enough
        assert np.array_equal(found.ids, ids)
        np.testing.assert_allclose(found.distances, distances, rtol=1e-6)
    assert (np.diff(index.range_search(queries, np.inf).offsets) == (~np.isnan(exact)).sum(1)).all() or "max" in formula


def test_an_index_of_numbers_alone_stays_exact_for_infinite_distances() -> None:
    points = np.array([[1e200], [2e200], [-1e200], [0.0]])
    found = check_knn(anear.Index(points, "sum((x - y)**2)"), np.array([[0.0], [1e200]]), 4)
    assert np.isinf(found.distances[0, 1:]).all()


@pytest.mark.parametrize("formula", ["sqrt(dot(x, y))", "sum(log(x / y)**2)", "log(sum(x - y))", "arccos(dot(x, y))"])
@pytest.mark.parametrize("own", [False, True])
def test_formulas_that_are_no_number_for_most_points(formula: str, own: bool) -> None:
    """A distance of the user's own says nothing about where it is defined, whatever domain it declares."""
    rng = np.random.default_rng(7)
    points, queries = (rng.normal(size=(n, 6)).astype(np.float32) for n in (5000, 4))
    index = anear.Index(points, anear.Distance("own", formula, "for a test") if own else formula)
    exact = matrix(index, queries)
    assert 0 < np.isnan(exact).mean() < 1
    assert np.array_equal(index.search(queries, 10).ids, nearest(exact, 10)[0])
    radius = np.nanmedian(exact) + 1e-9  # beside a distance, whose rounding would decide
    assert (np.diff(index.range_search(queries, radius).offsets) == (exact <= radius).sum(1)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dimension", [1, 5, 33])
def test_angles_of_any_size(dtype: str, dimension: int) -> None:
    """Where pi/2 needs more digits than three numbers hold, in a search, a matrix and single rows alike."""
    rng = np.random.default_rng(12)
    top = 38 if dtype == "float32" else 300
    points = (rng.choice([-1, 1], (700, dimension)) * 10.0 ** rng.uniform(-3, top, (700, dimension))).astype(dtype)
    index = anear.Index(points, "sum((sin(x) - cos(y))**2 + 1 / (2 + sin(y - x)))")
    queries = points[:9]
    exact = matrix(index, queries)
    assert np.isfinite(exact).all()
    for k in (1, 12, 700):
        ids, distances = nearest(exact, k)
        found = index.search(queries, k)
        np.testing.assert_allclose(found.distances, distances, rtol=1e-6 if dtype == "float32" else 1e-12)
        if k < 100:
            assert np.array_equal(found.ids, ids)
    table = anear.pairwise(queries, points, index.formula)
    np.testing.assert_allclose(table, exact, rtol=1e-4 if dtype == "float32" else 1e-11)

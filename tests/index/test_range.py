"""Everything within a radius."""

from __future__ import annotations

import numpy as np
import pytest
from tests.index.support import matrix, same

import anear

RNG = np.random.default_rng(7)
POINTS = RNG.integers(-6, 7, (3000, 3)).astype(np.float32)
QUERIES = RNG.integers(-6, 7, (13, 3)).astype(np.float32)
FORMULAS = (
    "sqeuclidean",
    "euclidean",
    "manhattan",
    "chebyshev",
    "-dot(x, y)",
    "-exp(-sum(abs(x - y)))",
    "log(1 + sum((x - y)**2))",
    "1 / (1 + sum(abs(x - y)))",
    "sum(y)",
    "sum(x) - 3",
    "floor(sum(abs(x - y)) / 4)",
)


def check(index: anear.Index, queries: np.ndarray, radii: np.ndarray, exact: np.ndarray) -> None:
    """Each query's hits are those of the reference, in its order."""
    found = index.range_search(queries, radii if np.ndim(radii) else float(radii))
    assert found.offsets[0] == 0
    assert found.offsets[-1] == len(found.ids) == len(found.distances)
    for q, radius in enumerate(np.broadcast_to(radii, len(queries))):
        order = np.argsort(exact[q], kind="stable")
        expected = order[exact[q][order] <= radius]
        one = found.of(q)
        assert np.array_equal(one.ids, expected), (q, radius)
        np.testing.assert_allclose(one.distances, exact[q][expected], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("formula", FORMULAS)
def test_radii_of_every_kind(formula: str) -> None:
    index = anear.Index(POINTS, formula)
    exact = matrix(index, QUERIES)
    low, high = exact.min(), exact.max()
    between = (np.unique(exact)[1:] + np.unique(exact)[:-1]) / 2  # no distance is one rounding away
    for radius in (low - 1, *between[:: max(1, len(between) // 5)], high + 1, np.inf, -np.inf):
        check(index, QUERIES, np.float64(radius), exact)
    check(index, QUERIES, RNG.choice(between, len(QUERIES)), exact)


@pytest.mark.parametrize("formula", ["sqeuclidean", "manhattan", "chebyshev", "euclidean", "minkowski:p=3"])
def test_radius_zero_finds_the_equal_points(formula: str) -> None:
    index = anear.Index(POINTS, formula)
    found = index.range_search(POINTS[:20], 0)
    for q in range(20):
        assert np.array_equal(found.of(q).ids, np.flatnonzero((POINTS[q] == POINTS).all(1)))
    assert len(index.range_search(QUERIES, -1e-30).ids) == 0


@pytest.mark.parametrize("formula", ["sqeuclidean", "manhattan", "-dot(x, y)", "sum(y)"])
def test_the_radius_itself_is_inside(formula: str) -> None:
    index = anear.Index(POINTS, formula)
    exact = matrix(index, QUERIES)  # whole numbers: exact
    check(index, QUERIES, exact[:, 17].copy(), exact)
    check(index, QUERIES, np.nextafter(exact[:, 17], -np.inf), exact)


@pytest.mark.parametrize("storage", ["float64", "float32"])
def test_within_the_distance_of_a_neighbour_lies_the_neighbour(storage: str) -> None:
    rng = np.random.default_rng(8)
    points, queries = rng.random((2000, 6)).astype(storage), rng.random((7, 6)).astype(storage)
    for formula in ("euclidean", "kldivgen", "cosine", "angular", "jensen_shannon", "sum(abs(x - y)**0.5)**2"):
        index = anear.Index(points.astype(np.float64) if storage == "float64" else points, formula)
        near = index.search(queries, 20)
        # In float32 a reported distance may have been rounded down, below what the search compares with.
        radii = near.distances[:, -1].astype(np.float64) * (1 + 1e-6)
        found = index.range_search(queries, radii)
        for q in range(7):
            assert np.array_equal(found.of(q).ids[:20], near.ids[q])
            assert np.array_equal(found.of(q).distances[:20], near.distances[q])


def test_a_single_query() -> None:
    index = anear.Index(POINTS, "manhattan")
    one, batch = index.range_search(QUERIES[3], 7), index.range_search(QUERIES, 7)
    assert one.offsets.tolist() == [0, len(one.ids)]
    assert same(one.of(0), batch.of(3))


def test_the_radius_in_other_numbers() -> None:
    index = anear.Index(POINTS, "manhattan")
    expected = index.range_search(QUERIES, 7.0)
    for radius in (7, np.float32(7), np.array(7), [7] * 13, np.full(13, 7, np.int8), np.full((1, 13), 7.0)[0]):
        assert same(expected, index.range_search(QUERIES, radius))
    assert len(index.range_search(QUERIES, 10**400).ids) == 13 * 3000


@pytest.mark.parametrize(
    "formula",
    [
        "log(sum((x - y)**2) - 5)",  # NaN left of its domain
        "-sqrt(30 - sum((x - y)**2))",  # NaN right of it
        "arccos(clip(dot(x, y) / 50, -1, 1))",
        "sqrt(sum((x - y)**2) - 40.5)",
        "-sqrt(-dot(x, y) - 5)",
        "arccos((sum(abs(x - y)) - 7) / 3)",  # a number for a few ranks alone
    ],
)
@pytest.mark.parametrize("radius", [-3.0, -0.3, 0.0, 0.5, 1.5, 2.5, 3.5, 100.0])
def test_formulas_that_are_no_number_everywhere(formula: str, radius: float) -> None:
    index = anear.Index(POINTS, formula)
    check(index, QUERIES, np.float64(radius), np.where(np.isnan(e := matrix(index, QUERIES)), np.inf, e))


@pytest.mark.parametrize("formula", ["sqeuclidean", "euclidean", "kldivgen", "sum(sqrt(x)) + 0 * sum(y)", "sum(x) * 3"])
def test_what_was_left_out_of_the_pair_is_rounded_too(formula: str) -> None:
    rng = np.random.default_rng(9)
    points, queries = (rng.uniform(900, 1100, (n, 5)).astype(np.float32) for n in (3000, 9))
    index = anear.Index(points, formula)
    near = index.search(queries, 30)
    exact = np.take_along_axis(matrix(index, queries), near.ids, axis=1)
    found = index.range_search(queries, exact[:, -1] * (1 + 1e-12))
    assert all(set(near.ids[q].tolist()) <= set(found.of(q).ids.tolist()) for q in range(9))

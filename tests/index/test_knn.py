"""k nearest neighbours: shapes, order, ties, and data made to break a selection of the k smallest."""

from __future__ import annotations

import numpy as np
import pytest
from tests.index.support import check_knn, matrix, nearest, same

import anear

RNG = np.random.default_rng(0)
POINTS = RNG.integers(-9, 10, (700, 5)).astype(np.float32)  # whole numbers: distances are exact, ties are many
QUERIES = RNG.integers(-9, 10, (23, 5)).astype(np.float32)
FORMULAS = ("sqeuclidean", "manhattan", "chebyshev", "sum((x - y)**2 * (x != 1))", "abs(x[0] - y[1])", "-dot(x, y)")


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("k", [1, 2, 10, 100, 699, 700])
def test_the_k_nearest(formula: str, k: int) -> None:
    check_knn(anear.Index(POINTS, formula), QUERIES, k)


@pytest.mark.parametrize("k", [701, 1000, 5000])
def test_more_than_there_are(k: int) -> None:
    result = check_knn(anear.Index(POINTS, "manhattan"), QUERIES[:3], k)
    assert (result.ids[:, 700:] == -1).all()
    assert np.isinf(result.distances[:, 700:]).all()


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 63, 64, 65, 130])
def test_every_number_of_points_is_padded_right(n: int) -> None:
    for k in (1, n, n + 1):
        check_knn(anear.Index(POINTS[:n], "sqeuclidean"), QUERIES, k)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 23])
def test_every_number_of_queries(count: int) -> None:
    check_knn(anear.Index(POINTS, "sqeuclidean"), QUERIES[:count], 10)


def test_a_single_query_is_a_row_less() -> None:
    index = anear.Index(POINTS)
    one, batch = index.search(QUERIES[4], 7), index.search(QUERIES, 7)
    assert one.ids.shape == one.distances.shape == (7,)
    assert one.ids.dtype == np.int64
    assert one.distances.dtype == np.float32
    assert same(one, (batch.ids[4], batch.distances[4]))
    assert same(index.search(QUERIES[4:5], 7), (batch.ids[4:5], batch.distances[4:5]))
    assert index.search(QUERIES[4].tolist(), 7).ids.shape == (7,)


def adversarial() -> dict[str, np.ndarray]:
    """One-dimensional points whose distances to 0 come in an order that selections dislike."""
    n = 5000
    rng = np.random.default_rng(3)
    ramp = np.arange(n, dtype=np.float32)
    return {
        "all equal": np.ones(n, np.float32),
        "ascending": ramp,
        "descending": ramp[::-1],
        "few values": rng.integers(0, 4, n).astype(np.float32),
        "organ pipe": np.concatenate([ramp[::2], ramp[1::2][::-1]]),
        "sawtooth": ramp % 17,
        "one outlier": np.where(ramp == n - 1, 0, 5).astype(np.float32),
        "median of three killer": np.concatenate([ramp[: n // 2] * 2 + 1, ramp[: n // 2] * 2]),
        "huge range": np.float32(2.0) ** rng.integers(-60, 60, n).astype(np.float32),
        "negative zero": np.where(rng.random(n) < 0.5, np.float32(-0.0), np.float32(0.0)),
    }


@pytest.mark.parametrize("name", adversarial())
@pytest.mark.parametrize("formula", ["sum(abs(x - y))", "sum((x - y)**2)", "sum(y)", "-sum(y)"])
def test_adversarial_orders(name: str, formula: str) -> None:
    index = anear.Index(adversarial()[name][:, None], formula)
    for k in (1, 10, 1000, 1249, 1251, 5000):
        check_knn(index, np.zeros((2, 1), np.float32), k)
        check_knn(index, np.zeros(1, np.float32), k)


def test_a_lattice_has_ties_everywhere() -> None:
    lattice = np.stack(np.meshgrid(*[np.arange(12.0)] * 3), -1).reshape(-1, 3).astype(np.float32)
    for formula in ("euclidean", "manhattan", "chebyshev", "minkowski:p=4"):
        index = anear.Index(lattice, formula)
        found = index.search(lattice[::100], 60)
        exact = matrix(anear.Index(lattice, "sum((x-y)**4)" if "4" in formula else formula), lattice[::100])
        assert np.array_equal(found.ids, nearest(np.round(exact, 9), 60)[0])


def test_duplicates_come_in_the_order_of_their_ids() -> None:
    points = np.repeat(POINTS[:50], 20, axis=0)
    np.random.default_rng(1).shuffle(points)
    check_knn(anear.Index(points, "sqeuclidean"), QUERIES, 75)


def test_self_search_leaves_out_the_point_alone() -> None:
    points = np.concatenate([POINTS[:200], POINTS[:40]])
    index = anear.Index(points, "sqeuclidean")
    found = index.self_search(5)
    exact = matrix(index, points)
    np.fill_diagonal(exact, np.nan)
    ids, _ = nearest(exact, 5)
    assert np.array_equal(found.ids, ids)
    assert found.ids[0, 0] == 200
    assert same(found, anear.knn(points, k=5, distance="sqeuclidean"))
    assert (anear.Index(points[:1]).self_search(2).ids == -1).all()


def test_self_search_of_an_index_with_fields() -> None:
    scale = np.random.default_rng(2).integers(1, 9, len(POINTS)).astype(np.float32)
    index = anear.Index(POINTS, "sum(abs(x - y)) * point_field('s')", point_data={"s": scale})
    exact = matrix(index, POINTS, point_data={"s": scale})
    np.fill_diagonal(exact, np.nan)
    assert np.array_equal(index.self_search(4).ids, nearest(exact, 4)[0])


@pytest.mark.parametrize(
    "formula", ["3", "sum(x)", "x[1]", "sum(y)", "y[-1]", "inf", "-inf", "0 * sum(x)", "x[0] < y[0]"]
)
def test_formulas_that_ignore_a_side(formula: str) -> None:
    index = anear.Index(POINTS, formula)
    check_knn(index, QUERIES, 5)
    check_knn(index, QUERIES[0], 5)
    np.testing.assert_array_equal(anear.pairwise(QUERIES, POINTS, formula), matrix(index, QUERIES))
    everything = index.range_search(QUERIES[:2], np.inf)
    assert len(everything.ids) == 2 * len(POINTS)


def test_a_distance_that_is_never_a_number() -> None:
    index = anear.Index(POINTS, "log(-1 - sum(abs(x - y)))")
    assert (index.search(QUERIES, 3).ids == -1).all()
    assert len(index.range_search(QUERIES, np.inf).ids) == 0


def test_knn_is_an_index_built_and_searched() -> None:
    index = anear.Index(POINTS, "canberra")
    assert same(index.search(QUERIES, 4, deny=[1, 2]), anear.knn(POINTS, QUERIES, 4, "canberra", deny=[1, 2]))


def test_what_an_index_says_of_itself() -> None:
    index = anear.Index(POINTS, "minkowski:p=3")
    assert len(index) == 700
    assert repr(index) == "Index(700 points of 5 float32, minkowski:p=3.0, method='flat')"
    assert index.dimension == 5
    assert np.array_equal(index.points, POINTS)
    assert not index.points.flags.writeable
    assert index.nbytes > 0
    assert repr(index.formula) == repr(anear.formula("sum(abs(x - y) ** 3) ** (1 / 3)"))
    assert "sum(abs(x - y))" in repr(anear.Index(POINTS, "sum(abs(x - y))"))

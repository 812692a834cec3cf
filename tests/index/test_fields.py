"""Extra data of points and queries, captured numbers, vectors and matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.index.support import STORAGE, check_knn, matrix, stored

import anear
from anear import point_field, query_field, x, y

RNG = np.random.default_rng(9)
D = 6
POINTS = RNG.random((500, D)).astype(np.float32)
QUERIES = RNG.random((8, D)).astype(np.float32)
S = RNG.uniform(1, 2, 500)
V = RNG.random((500, D))
QS = RNG.uniform(1, 2, 8).astype(np.float32)
QV = RNG.random((8, D)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fields_of_points(dtype: type) -> None:
    data = {"s": S.astype(dtype), "v": V.astype(dtype)}
    formula = (point_field("v", D) * (x - y) ** 2).sum() / point_field("s") + point_field("s").log()
    index = anear.Index(POINTS, formula, point_data=data)
    check_knn(index, QUERIES, 9, point_data=data)
    check_knn(index, QUERIES[1], 9, point_data=data)
    np.testing.assert_allclose(
        anear.pairwise(QUERIES, POINTS, formula, point_data=data), matrix(index, QUERIES, point_data=data), rtol=1e-5
    )


def test_fields_of_queries() -> None:
    data = {"s": QS, "v": QV}
    formula = (query_field("v", D) * abs(x - y)).sum() * query_field("s") - (query_field("v", D) * y).max()
    index = anear.Index(POINTS, formula)
    check_knn(index, QUERIES, 9, query_data=data)
    one = index.search(QUERIES[3], 9, query_data={"s": QS[3], "v": QV[3]})
    assert np.array_equal(one.ids, index.search(QUERIES, 9, query_data=data).ids[3])
    found = index.range_search(QUERIES, 1.5, query_data=data)
    assert np.array_equal(np.diff(found.offsets), (matrix(index, QUERIES, query_data=data) <= 1.5).sum(1))


def test_fields_of_both_sides_of_one_name() -> None:
    formula = abs(x - y).sum() + abs(point_field("s") - query_field("s"))
    index = anear.Index(POINTS, formula, point_data={"s": S})
    check_knn(index, QUERIES, 9, point_data={"s": S}, query_data={"s": QS})
    check_knn(index, QUERIES.astype(np.float64), 9, point_data={"s": S}, query_data={"s": QS.astype(np.float64)})


@pytest.mark.parametrize("storage", STORAGE)
def test_fields_beside_every_storage_type(storage: str) -> None:
    points, queries = stored(POINTS * 100, storage), stored(QUERIES * 100, storage)
    formula = "sum(abs(x - y)) * point_field('s')"
    index = anear.Index(points, formula, point_data={"s": S.astype(np.float32)})
    check_knn(index, queries, 7, point_data={"s": S.astype(np.float32)})


def test_fields_in_other_containers() -> None:
    formula = "sum(abs(x - y)) * point_field('s') + point_field('t')"
    plain = anear.Index(POINTS, formula, point_data={"s": S, "t": np.arange(500)})
    for data in ({"s": S[:, None], "t": range(500)}, {"s": S.tolist(), "t": pd.Series(np.arange(500))}):
        if isinstance(data["t"], range):
            data["t"] = list(data["t"])
        assert np.array_equal(
            plain.search(QUERIES).ids, anear.Index(POINTS, formula, point_data=data).search(QUERIES).ids
        )
    frame = pd.DataFrame({"s": S, "t": np.arange(500)})
    assert np.array_equal(plain.search(QUERIES).ids, anear.Index(POINTS, formula, point_data=frame).search(QUERIES).ids)


def test_captured_arrays() -> None:
    weights, matrix_ = RNG.random(D), RNG.random((4, D))
    for formula in (
        (weights * (x - y) ** 2).sum(),
        (weights * abs(x - y)).max() + 0.25,
        ((matrix_ @ (x - y)) ** 2).sum(),
        abs(matrix_ @ x - matrix_ @ y).sum(),
        anear.formula("sum(w * abs(x - y))", w=weights),
    ):
        check_knn(anear.Index(POINTS, formula), QUERIES, 9)


def test_new_weights_are_not_mixed_up_with_old_ones() -> None:
    for seed in range(5):
        weights = np.random.default_rng(seed).random(D)
        check_knn(anear.Index(POINTS, (weights * abs(x - y)).sum()), QUERIES, 5)


def test_named_distances_with_arrays() -> None:
    covariance = np.cov(POINTS.T)
    check_knn(anear.Index(POINTS, "mahalanobis", V=covariance), QUERIES, 5)
    check_knn(anear.Index(POINTS, "seuclidean", V=POINTS.var(0)), QUERIES, 5)
    check_knn(anear.Index(POINTS, "lp", p=3), QUERIES, 5)
    check_knn(anear.Index(POINTS, "lp:p=0.5"), QUERIES, 5)

"""Queries of the trees against the naive twin: every metric by name, formulas, functions, both precisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.reference.trees import METRICS, matrix, nearest

import anear
from anear.errors import ArgumentError

Array = npt.NDArray[Any]
TREES = (anear.KDTree, anear.BallTree)
SETS = ("jaccard", "dice", "rogerstanimoto", "russellrao", "sokalmichener", "sokalsneath")


def data(metric: str, n: int, seed: int = 0) -> Array:
    """Rows that suit the metric, with ties and duplicates."""
    rng = np.random.default_rng(seed)
    if metric == "haversine":
        return rng.uniform(-1, 1, (n, 2)) * (np.pi / 2, np.pi)
    if metric in SETS or metric == "hamming":
        return np.float64(rng.random((n, 9)) < 0.4) * rng.integers(1, 3, (n, 9))
    rows = rng.normal(size=(n, 3))
    rows[n // 2 :: 3] = rows[: len(rows[n // 2 :: 3])]
    return rows


def parameters(metric: str) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    if metric == "minkowski":
        return {"p": 3, "w": rng.random(3)}
    if metric == "p":
        return {"p": 1.5}
    if metric == "seuclidean":
        return {"V": rng.random(3) + 0.1}
    if metric == "mahalanobis":
        root = rng.random((3, 3))
        return {"V": root @ root.T + np.eye(3)}
    return {}


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("metric", METRICS)
def test_query_under_every_metric(tree: Any, metric: str) -> None:
    points, queries, params = data(metric, 300), data(metric, 20, seed=2), parameters(metric)
    distances, ids = tree(points, metric=metric, **params).query(queries, k=7)
    assert ids.dtype == np.intp
    reference = matrix(queries, points, METRICS[metric], **params)
    np.testing.assert_allclose(distances, nearest(reference, 7)[1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(reference, ids, 1), distances, rtol=1e-9, atol=1e-12)
    assert all(len(set(row)) == 7 for row in ids.tolist())


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("metric", ["euclidean", "jaccard", "braycurtis", "sum(x * log(x / y))"])
def test_query_radius_in_all_its_forms(tree: Any, metric: str) -> None:
    points, queries = np.abs(data(metric, 200)) + 0.01, np.abs(data(metric, 12, seed=3)) + 0.01
    built = tree(points, metric=metric)
    everything, all_ids = built.query(queries, k=200)
    radii = everything[:, 30] + 1e-9
    ids, distances = built.query_radius(queries, radii, return_distance=True, sort_results=True)
    counts = built.query_radius(queries, radii, count_only=True)
    assert ids.dtype == distances.dtype == object
    assert counts.dtype == np.intp
    for row in range(12):
        wanted = int((everything[row] <= radii[row]).sum())
        assert counts[row] == wanted >= 31
        np.testing.assert_array_equal(ids[row], all_ids[row, :wanted])
        np.testing.assert_array_equal(distances[row], everything[row, :wanted])
    alone = built.query_radius(queries, radii[0])
    assert [len(row) for row in alone] == [(everything[row] <= radii[0]).sum() for row in range(12)]


def test_ties_go_to_the_smaller_id() -> None:
    points = np.zeros((500, 2))
    assert anear.KDTree(points).query(points[:2], k=4, return_distance=False).tolist() == [[0, 1, 2, 3]] * 2


@pytest.mark.parametrize("name", ["KDTree", "BallTree"])
def test_precisions(name: str) -> None:
    rng = np.random.default_rng(4)
    points, queries = rng.random((400, 5)), rng.random((30, 5))
    wide, narrow = (getattr(anear, name + bits)(points, metric="l1") for bits in ("64", "32"))
    assert wide.query(queries)[0].dtype == np.float64
    assert narrow.query(queries)[0].dtype == np.float32
    assert narrow.query_radius(queries, 1.0, return_distance=True)[1][0].dtype == np.float32
    np.testing.assert_array_equal(wide.query(queries, 3)[1], narrow.query(queries, 3)[1])
    assert isinstance(getattr(anear, name)(points), type(wide))


def test_an_asymmetric_formula_takes_the_query_as_x() -> None:
    points = np.random.default_rng(5).dirichlet(np.ones(4), 300)
    queries = np.random.default_rng(6).dirichlet(np.ones(4), 10)
    reference = matrix(queries, points, lambda x, y: float((y * np.log(y / x)).sum()))
    for tree in TREES:
        distances, ids = tree(points, metric="kldiv").query(queries, k=3)
        np.testing.assert_array_equal(ids, nearest(reference, 3)[0])
        np.testing.assert_allclose(distances, nearest(reference, 3)[1], rtol=1e-9, atol=1e-12)


def test_a_function_is_called_with_its_keywords() -> None:
    points, queries = data("l1", 40), data("l1", 5, seed=7)

    def power(x: Array, y: Array, p: float) -> float:
        return float((np.abs(x - y) ** p).sum())

    expected = nearest(matrix(queries, points, power, p=0.5), 40)
    for built in (
        anear.BallTree(points, metric=power, p=0.5),
        anear.BallTree(points, metric="pyfunc", func=power, p=0.5),
        anear.KDTree(points, metric="sum(abs(x - y) ** 0.5)"),
    ):
        distances, ids = built.query(queries, k=40)
        np.testing.assert_array_equal(ids, expected[0])
        np.testing.assert_allclose(distances, expected[1], rtol=1e-12)
    found = anear.BallTree(points, metric=power, p=0.5).query_radius(queries, expected[1][:, 3], count_only=True)
    np.testing.assert_array_equal(found, (expected[1] <= expected[1][:, 3:4]).sum(axis=1))


def test_points_at_no_distance_stand_last() -> None:
    """A constant row has no correlation with anything."""
    points = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 4.0], [3.0, 1.0, 0.0]])
    distances, ids = anear.BallTree(points, metric="correlation").query([[0.0, 1.0, 3.0]], k=3)
    assert ids.tolist() == [[1, 2, 0]]
    assert np.isnan(distances[0, 2])


def test_two_point_correlation_counts_pairs_in_any_order_of_radii() -> None:
    points, queries = data("l2", 150), data("l2", 40, seed=8)
    reference = matrix(queries, points, METRICS["euclidean"])
    radii = np.array([2.0, 0.5, 9.0, 1.0])
    for tree in TREES:
        found = tree(points).two_point_correlation(queries, radii, dualtree=True)
        np.testing.assert_array_equal(found, [(reference <= r).sum() for r in radii])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((np.zeros((3, 2)),), {"leaf_size": 0}), "leaf_size must be greater than or equal to 1"),
        ((([1.0, 2.0],), {}), "2"),
        (((np.arange(3.0),), {}), "Expected 2D array, got 1D array instead"),
        (((np.zeros((0, 2)),), {}), "0"),
        (((np.array([[1.0, np.nan]]),), {}), "nan"),
        (((np.zeros((3, 2)),), {"metric": "nothing"}), "nothing"),
        (((np.zeros((3, 2)),), {"metric": "seuclidean", "V": np.ones(3)}), "the size of V must match"),
        (((np.zeros((3, 2)),), {"metric": "seuclidean"}), "V"),
        (((np.zeros((3, 3)),), {"metric": "haversine"}), "Haversine distance only valid in 2 dimensions"),
        (((np.zeros((3, 2)),), {"metric": "minkowski", "p": 0}), "p"),
        (((np.zeros((3, 2)),), {"sample_weight": [1.0, 2.0]}), "sample_weight"),
        (((np.zeros((3, 2)),), {"sample_weight": [1.0, -2.0, 1.0]}), "sample_weight"),
    ],
)
def test_mistakes_in_building(arguments: tuple[tuple[Any, ...], dict[str, Any]], message: str) -> None:
    positional, named = arguments
    with pytest.raises(ArgumentError, match=message):
        anear.BallTree(*positional, **named)


def test_mistakes_in_querying() -> None:
    tree = anear.KDTree(np.zeros((3, 2)))
    with pytest.raises(ArgumentError, match="k must be less than or equal to the number of training points: 4 and 3"):
        tree.query(np.zeros((1, 2)), k=4)
    with pytest.raises(ArgumentError, match="query data dimension must match training data dimension: 3 and 2"):
        tree.query(np.zeros((1, 3)))
    with pytest.raises(ArgumentError, match="count_only and return_distance cannot both be true"):
        tree.query_radius(np.zeros((1, 2)), 1, return_distance=True, count_only=True)
    with pytest.raises(ArgumentError, match="return_distance must be True if sort_results is True"):
        tree.query_radius(np.zeros((1, 2)), 1, sort_results=True)
    with pytest.raises(ArgumentError, match="r must be broadcastable"):
        tree.query_radius(np.zeros((1, 2)), [1, 2, 3])
    with pytest.raises(ArgumentError, match="r must be a 1-dimensional array"):
        tree.two_point_correlation(np.zeros((1, 2)), [[1.0]])
    with pytest.raises(TypeError, match="must accept two vectors and return a float"):
        anear.BallTree(np.zeros((3, 2)), metric=lambda x, y: "far")

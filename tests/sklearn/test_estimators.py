"""The estimators beside scikit-learn's own: the same answers under its metrics, its checks passed, formulas on top."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse
from sklearn import neighbors as theirs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import anear
from anear import sklearn as ours
from anear.errors import ArgumentError
from anear.sklearn import searching

Array = npt.NDArray[Any]

ESTIMATORS = (
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "KNeighborsTransformer",
    "NearestNeighbors",
    "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor",
    "RadiusNeighborsTransformer",
)
KL = "sum(x * log(x / y))"


def rows(n: int, dimension: int = 4, seed: int = 0) -> Array:
    """Positive rows without ties."""
    return np.random.default_rng(seed).random((n, dimension)) + 0.05


# What scikit-learn says where nothing lies within a radius.
@pytest.mark.filterwarnings("ignore:One or more samples have no neighbors", "ignore:invalid value encountered in cast")
@parametrize_with_checks(
    [
        *(getattr(ours, name)() for name in ESTIMATORS),
        ours.KNeighborsClassifier(distance="sum(abs(x - y) ** 3)"),
        ours.RadiusNeighborsRegressor(distance="sum(abs(x - y) ** 3)"),
    ]
)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_parameters_are_scikit_learns_and_distance(name: str) -> None:
    mine, original = getattr(ours, name)(), getattr(theirs, name)()
    assert mine.get_params() == {**original.get_params(), "distance": None}
    assert repr(mine) == repr(original)


METRICS: list[tuple[str, dict[str, Any]]] = [
    ("minkowski", {}),
    ("minkowski", {"p": 3, "w": np.array([0.5, 1.0, 2.0, 0.1])}),
    *((name, {}) for name in ("l1", "l2", "chebyshev", "cosine", "correlation", "canberra", "braycurtis")),
    ("sqeuclidean", {}),
    ("hamming", {}),
    ("seuclidean", {"V": np.array([0.5, 1.0, 2.0, 0.1])}),
    ("mahalanobis", {"VI": np.diag([0.5, 1.0, 2.0, 0.1])}),
    ("nan_euclidean", {}),
]


@pytest.mark.parametrize(("metric", "params"), METRICS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_neighbours_under_scikit_learns_metrics(metric: str, params: dict[str, Any], dtype: str) -> None:
    points, queries = rows(120).astype(dtype), rows(15, seed=1).astype(dtype)
    options = {"metric": metric, "metric_params": params or None, "p": None if "p" in params else 2}
    mine, original = (kind.NearestNeighbors(n_neighbors=6, **options).fit(points) for kind in (ours, theirs))
    assert (mine.effective_metric_, len(mine.effective_metric_params_)) == (
        original.effective_metric_,
        len(original.effective_metric_params_),
    )
    for X in (queries, None):
        distances, ids = mine.kneighbors(X)
        expected, expected_ids = original.kneighbors(X)
        assert distances.dtype == np.float64 or metric == "nan_euclidean"
        np.testing.assert_allclose(distances, expected, rtol=2e-4 if dtype == "float32" else 1e-7, atol=1e-6)
        if metric != "hamming":
            np.testing.assert_array_equal(ids, expected_ids)


@pytest.mark.parametrize("metric", ["jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath", "yule"])
def test_neighbours_of_sets(metric: str) -> None:
    points, queries = (np.random.default_rng(seed).random((n, 12)) < 0.4 for seed, n in ((0, 90), (1, 10)))
    distances = ours.NearestNeighbors(metric=metric).fit(points).kneighbors(queries)[0]
    expected = theirs.NearestNeighbors(metric=metric, algorithm="brute").fit(points).kneighbors(queries)[0]
    np.testing.assert_allclose(distances, expected, atol=1e-12)


def test_radius_neighbours_and_graphs() -> None:
    points, queries = rows(150, 2), rows(20, 2, seed=1)
    mine, original = (kind.NearestNeighbors(radius=0.2).fit(points) for kind in (ours, theirs))
    for X in (queries, None):
        distances, ids = mine.radius_neighbors(X, sort_results=True)
        expected, expected_ids = original.radius_neighbors(X, sort_results=True)
        for row in range(len(ids)):
            np.testing.assert_array_equal(ids[row], expected_ids[row])
            np.testing.assert_allclose(distances[row], expected[row])
        graph = mine.radius_neighbors_graph(X, mode="distance")
        assert graph.has_sorted_indices
        assert abs(graph - original.radius_neighbors_graph(X, mode="distance")).max() < 1e-12
        assert (mine.kneighbors_graph(X) != original.kneighbors_graph(X)).nnz == 0


@pytest.mark.parametrize("weights", ["uniform", "distance", lambda d: 1 / (1 + d)])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("KNeighborsClassifier", {"n_neighbors": 7}),
        ("KNeighborsRegressor", {"n_neighbors": 7}),
        ("RadiusNeighborsClassifier", {"radius": 0.6}),
        ("RadiusNeighborsRegressor", {"radius": 0.6}),
    ],
)
def test_predictions(name: str, parameter: dict[str, Any], weights: Any, outputs: int) -> None:
    X, queries = rows(200), rows(30, seed=1)
    y = np.random.default_rng(2).integers(3, size=(200, outputs)).squeeze()
    y = y if "Classifier" in name else y.astype(float)
    mine, original = (getattr(kind, name)(weights=weights, **parameter).fit(X, y) for kind in (ours, theirs))
    np.testing.assert_allclose(mine.predict(queries), original.predict(queries))
    if outputs == 1:
        assert mine.score(queries, y[:30]) == pytest.approx(original.score(queries, y[:30]))
    if "Classifier" in name:
        np.testing.assert_allclose(mine.predict_proba(queries), original.predict_proba(queries))


@pytest.mark.parametrize("algorithm", ["auto", "brute", "kd_tree", "ball_tree", "flat"])
def test_a_formula_as_the_distance(algorithm: str) -> None:
    X, queries = rows(200), rows(10, seed=1)
    expected = np.array([[(q * np.log(q / p)).sum() for p in X] for q in queries])
    model = ours.NearestNeighbors(n_neighbors=4, distance=KL, algorithm=algorithm).fit(X)
    distances, ids = model.kneighbors(queries)
    np.testing.assert_array_equal(ids, np.argsort(expected, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :4], rtol=1e-9)
    assert model.effective_metric_ == KL
    within = model.radius_neighbors(queries, 0.1, return_distance=False)
    assert [ids.tolist() for ids in within] == [np.flatnonzero(row <= 0.1).tolist() for row in expected]


def test_distances_are_texts_expressions_and_names_with_parameters() -> None:
    X, queries = rows(60), rows(5, seed=1)
    same = (
        ours.NearestNeighbors(distance="minkowski", metric_params={"p": 3}),
        ours.NearestNeighbors(distance="minkowski:p=3"),
        ours.NearestNeighbors(distance=((anear.x - anear.y).abs() ** 3).sum() ** (1 / 3)),
        ours.NearestNeighbors(p=3),
        clone(ours.NearestNeighbors(distance=((anear.x - anear.y).abs() ** 3).sum() ** (1 / 3))),
    )
    found = [model.fit(X).kneighbors(queries) for model in same]
    for distances, ids in found[1:]:
        np.testing.assert_array_equal(ids, found[0][1])
        np.testing.assert_allclose(distances, found[0][0], rtol=1e-12)


def test_float64_queries_of_float32_points_are_not_rounded() -> None:
    points = np.array([[1.0], [1.0 + 2**-23]], np.float32)
    between = np.array([[1.0 + 2**-24 + 2**-40]])
    model = ours.NearestNeighbors(n_neighbors=1).fit(points)
    assert model.kneighbors(points)[1].tolist() == [[0], [1]]
    assert model.kneighbors(between)[1].tolist() == [[1]]
    assert model.kneighbors(between)[0][0, 0] == 2**-24 - 2**-40


def test_pipelines_and_grid_searches() -> None:
    X, y = rows(90), np.arange(90) % 3
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ours.KNeighborsClassifier()),
        {
            "kneighborsclassifier__distance": [None, "manhattan", "sum(abs(x - y) ** 0.5)"],
            "kneighborsclassifier__n_neighbors": [1, 5],
        },
        cv=3,
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    logarithmic = "sum(abs(log(x / y)))"
    chained = make_pipeline(
        ours.KNeighborsTransformer(n_neighbors=9, distance=logarithmic),
        ours.KNeighborsClassifier(4, metric="precomputed"),
    )
    direct = ours.KNeighborsClassifier(4, distance=logarithmic)
    np.testing.assert_array_equal(chained.fit(X, y).predict(X), direct.fit(X, y).predict(X))
    assert cross_val_score(direct, X, y, cv=3).shape == (3,)


@pytest.mark.parametrize("options", [{}, {"distance": KL}, {"metric": "jaccard"}, {"distance": "kldiv", "n_jobs": 2}])
def test_pickled(options: dict[str, Any]) -> None:
    X = rows(80).astype(np.float32)
    model = ours.NearestNeighbors(**options).fit(X)
    data = pickle.dumps(model)
    assert len(data) < 2 * X.nbytes + 4096, "the points travel once"
    for mine, other in zip(model.kneighbors(X), pickle.loads(data).kneighbors(X), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_fitted_on_trees_and_estimators() -> None:
    X, queries, y = rows(100), rows(5, seed=1), np.arange(100) % 4
    expected = ours.KNeighborsClassifier().fit(X, y)
    for source in (
        anear.KDTree(X),
        anear.BallTree(X),
        theirs.KDTree(X),
        ours.NearestNeighbors().fit(X),
        theirs.NearestNeighbors().fit(X),
    ):
        model = ours.KNeighborsClassifier().fit(source, y)
        np.testing.assert_array_equal(model.predict(queries), expected.predict(queries))
        np.testing.assert_array_equal(model.kneighbors()[1], expected.kneighbors()[1])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_rows_under_a_metric_are_scikit_learns(metric: str) -> None:
    X = sparse.random(80, 20, 0.3, format="csr", random_state=0)
    mine, original = (kind.NearestNeighbors(metric=metric).fit(X) for kind in (ours, theirs))
    np.testing.assert_allclose(mine.kneighbors(X)[0], original.kneighbors(X)[0], atol=1e-7)


def test_sparse_rows_under_a_formula_become_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    X = sparse.random(80, 20, 0.3, format="csr", random_state=0)
    model = ours.NearestNeighbors(distance="sum(abs(x - y))").fit(X)
    for queries in (X, X.toarray()):
        np.testing.assert_allclose(
            model.kneighbors(queries)[0],
            theirs.NearestNeighbors(metric="l1").fit(X.toarray()).kneighbors(X.toarray())[0],
            rtol=1e-12,
            atol=1e-12,
        )
    monkeypatch.setattr(searching, "MOST_DENSE", 1000)
    with pytest.raises(ArgumentError, match=r"sparse matrix of shape \(80, 20\), .* GB as the dense rows"):
        ours.NearestNeighbors(distance="sum(abs(x - y))").fit(X)
    with pytest.raises(ArgumentError, match="sparse matrix of shape"):
        model.kneighbors(X)


def test_precomputed_distances_and_functions_are_scikit_learns() -> None:
    X = rows(40)
    matrix = np.abs(X[:, None] - X).sum(axis=2)
    for model in (
        ours.NearestNeighbors(metric="precomputed").fit(matrix),
        ours.NearestNeighbors(metric=lambda a, b: np.abs(a - b).sum()).fit(X),
    ):
        found = model.kneighbors()
        expected = ours.NearestNeighbors(metric="l1").fit(X).kneighbors()
        np.testing.assert_array_equal(found[1], expected[1])


def test_mistakes() -> None:
    X = rows(20)
    with pytest.raises(NotFittedError):
        ours.NearestNeighbors().kneighbors(X)
    with pytest.raises(ValueError, match=r"'algorithm' parameter of NearestNeighbors must be a str among .*'flat'"):
        ours.NearestNeighbors(algorithm="fast").fit(X)
    with pytest.raises(ValueError, match="'distance' parameter of NearestNeighbors must be an instance of"):
        ours.NearestNeighbors(distance=3).fit(X)
    with pytest.raises(ArgumentError, match="metric is 'l1' and distance 'l2': give one of them"):
        ours.NearestNeighbors(metric="l1", distance="l2").fit(X)
    with pytest.raises(
        ArgumentError, match="algorithm is 'flat', which needs dense rows and a metric that anear compi"
    ):
        ours.NearestNeighbors(algorithm="flat", metric="nan_euclidean").fit(X)
    with pytest.raises(ValueError, match="Metric 'cosine' not valid"):
        ours.NearestNeighbors(algorithm="kd_tree", metric="cosine").fit(X)
    with pytest.raises(ValueError, match="does not support 0 < p < 1 for the Minkowski metric"):
        ours.NearestNeighbors(algorithm="kd_tree", p=0.5).fit(X)
    with pytest.warns(UserWarning, match="Mind that for 0 < p < 1"):
        ours.NearestNeighbors(p=0.5).fit(X)
    with pytest.raises(ValueError, match="not valid for metric='minkowski' with a weight parameter 'w'"):
        ours.NearestNeighbors(algorithm="kd_tree", metric_params={"w": np.ones(4)}).fit(X)
    with pytest.raises(ValueError, match="n_neighbors <= n_samples_fit, but n_neighbors = 21"):
        ours.NearestNeighbors().fit(X).kneighbors(X, 21)
    with pytest.raises(ValueError, match="kd_tree does not work with sparse matrices"):
        ours.NearestNeighbors(algorithm="kd_tree").fit(X).kneighbors(sparse.csr_matrix(X))


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
@pytest.mark.parametrize("include_self", [True, False, "auto"])
def test_graph_functions(mode: str, include_self: Any) -> None:
    X = rows(60, 3)
    options = {"mode": mode, "include_self": include_self, "metric": "l1"}
    for name, size in (("kneighbors_graph", 5), ("radius_neighbors_graph", 0.5)):
        mine, original = (getattr(kind, name)(X, size, **options) for kind in (ours, theirs))
        assert abs(mine - original).max() < 1e-12
        fitted = ours.NearestNeighbors(metric="l1").fit(X)
        assert abs(getattr(ours, name)(fitted, size, **options) - original).max() < 1e-12

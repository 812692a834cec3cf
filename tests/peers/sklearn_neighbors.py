"""scikit-learn's tests of its estimators of neighbours, alone and in pipelines."""

from __future__ import annotations

from tests.peers import sklearn_trees

TESTS = (
    "sklearn.neighbors.tests.test_neighbors",
    "sklearn.neighbors.tests.test_neighbors_pipeline",
    "sklearn.neighbors.tests.test_graph",
)

_PRIVATE = "asserts the private _fit_method == 'brute', where anear's estimators say that a tree was fitted"
_INDEFINITE = "takes a matrix with negative eigenvalues for Mahalanobis's, which anear refuses"

KNOWN = {
    "test_neighbors_minkowski_semimetric_algo_warn": _PRIVATE,
    "test_auto_algorithm[X1-euclidean-None-brute]": _PRIVATE,
    "test_auto_algorithm[X2-euclidean-None-brute]": _PRIVATE,
    "test_auto_algorithm[X5-correlation-None-brute]": _PRIVATE,
    "test_kneighbors_brute_backend[42-float64-mahalanobis]": _INDEFINITE,
    "test_radius_neighbors_brute_backend[42-float64-mahalanobis]": _INDEFINITE,
}


def substitute() -> None:
    """Let ``sklearn.neighbors.NearestNeighbors`` and the like be anear's, and the trees as well."""
    import sklearn.neighbors

    import anear.sklearn

    for name in anear.sklearn.__all__:
        setattr(sklearn.neighbors, name, getattr(anear.sklearn, name))
    sklearn_trees.substitute()

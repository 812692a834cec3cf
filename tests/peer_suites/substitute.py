"""A pytest plugin: other libraries' own tests, run on anear's classes in the place of theirs.

Loaded before any test file is imported, it puts anear's classes where the tests look for the library's. What the
library imported for itself before that (its estimators, its reference computations) stays its own.
"""

from __future__ import annotations

import importlib

TREES = ("KDTree", "KDTree32", "KDTree64", "BallTree", "BallTree32", "BallTree64")
ESTIMATORS = (
    "NearestNeighbors",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor",
    "KNeighborsTransformer",
    "RadiusNeighborsTransformer",
    "kneighbors_graph",
    "radius_neighbors_graph",
)


def pytest_configure() -> None:
    """Before collection, so that ``from sklearn.neighbors import ...`` in a test file finds anear's."""
    sklearn_classes()


def sklearn_classes() -> None:
    """scikit-learn's trees and estimators."""
    trees, estimators = importlib.import_module("anear.trees"), importlib.import_module("anear.sklearn")
    package = importlib.import_module("sklearn.neighbors")
    for name in TREES:
        inner = "_kd_tree" if name.startswith("KD") else "_ball_tree"
        for module in (package, importlib.import_module(f"sklearn.neighbors.{inner}")):
            setattr(module, name, getattr(trees, name))
    for name in ESTIMATORS:
        setattr(package, name, getattr(estimators, name))

"""scikit-learn's estimators of neighbours, under any distance: a change of import.

    from anear.sklearn import KNeighborsClassifier
    KNeighborsClassifier(3)                                       as scikit-learn's
    KNeighborsClassifier(3, distance="sum(x * log(x / y))")       under a formula
    KNeighborsClassifier(3, algorithm="flat")                     with a method of anear

They are scikit-learn's own classes: parameters, checks, messages, voting and averaging are theirs. anear answers
``kneighbors`` and ``radius_neighbors``. What it does not compute (precomputed distances, Python functions, sparse rows
under a metric, ``nan_euclidean``) is left to scikit-learn, which this package needs.
"""

from __future__ import annotations

from anear.sklearn.estimators import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    NearestNeighbors,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)
from anear.sklearn.graphs import kneighbors_graph, radius_neighbors_graph

__all__ = [
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "KNeighborsTransformer",
    "NearestNeighbors",
    "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor",
    "RadiusNeighborsTransformer",
    "kneighbors_graph",
    "radius_neighbors_graph",
]

"""Graphs of neighbours, without keeping an estimator."""

from __future__ import annotations

from typing import Any

from sklearn.neighbors import kneighbors_graph as _k_graph
from sklearn.neighbors import radius_neighbors_graph as _radius_graph
from sklearn.neighbors._base import KNeighborsMixin, RadiusNeighborsMixin

from anear.formula.expression import Expr
from anear.sklearn.estimators import NearestNeighbors
from anear.spaces.space import Distance

__all__ = ["kneighbors_graph", "radius_neighbors_graph"]


def kneighbors_graph(
    X: Any,
    n_neighbors: int,
    *,
    mode: str = "connectivity",
    metric: Any = "minkowski",
    p: float = 2,
    metric_params: dict[str, Any] | None = None,
    include_self: bool | str = False,
    n_jobs: int | None = None,
    distance: str | Expr | Distance | None = None,
) -> Any:
    """The graph of the ``n_neighbors`` nearest points of each point: scikit-learn's, under any distance.

    ``distance``: a distance or formula of anear, in place of ``metric``. All else is scikit-learn's.

    Examples
    --------
    >>> kneighbors_graph([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3]], 1, distance="sum(x * log(x / y))").toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    shared = {"metric": metric, "p": p, "metric_params": metric_params, "n_jobs": n_jobs}
    if not isinstance(X, KNeighborsMixin):
        X = NearestNeighbors(n_neighbors=n_neighbors, distance=distance, **shared).fit(X)
    return _k_graph(X, n_neighbors, mode=mode, include_self=include_self, **shared)


def radius_neighbors_graph(
    X: Any,
    radius: float,
    *,
    mode: str = "connectivity",
    metric: Any = "minkowski",
    p: float = 2,
    metric_params: dict[str, Any] | None = None,
    include_self: bool | str = False,
    n_jobs: int | None = None,
    distance: str | Expr | Distance | None = None,
) -> Any:
    """The graph of the points within ``radius`` of each point: scikit-learn's, under any distance.

    ``distance``: a distance or formula of anear, in place of ``metric``. All else is scikit-learn's.

    Examples
    --------
    >>> radius_neighbors_graph([[0.0], [3.0], [1.0]], 1.5, distance="sum(abs(x - y))").toarray()
    array([[0., 0., 1.],
           [0., 0., 0.],
           [1., 0., 0.]])
    """
    shared = {"metric": metric, "p": p, "metric_params": metric_params, "n_jobs": n_jobs}
    if not isinstance(X, RadiusNeighborsMixin):
        X = NearestNeighbors(radius=radius, distance=distance, **shared).fit(X)
    return _radius_graph(X, radius, mode=mode, include_self=include_self, **shared)

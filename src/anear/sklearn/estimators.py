"""scikit-learn's estimators, each with the parameter ``distance`` and with anear's methods as ``algorithm``.

The signatures are scikit-learn's, for ``get_params`` and ``clone`` read them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sklearn import neighbors

from anear.formula.expression import Expr
from anear.sklearn.searching import SearchingK, SearchingRadius, constraints
from anear.spaces.space import Distance

__all__ = [
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "KNeighborsTransformer",
    "NearestNeighbors",
    "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor",
    "RadiusNeighborsTransformer",
]

Metric = str | Callable[..., Any]
Weights = str | Callable[..., Any] | None


class NearestNeighbors(SearchingK, SearchingRadius, neighbors.NearestNeighbors):  # type: ignore[misc] # scikit-learn has no types
    """Neighbours of points: ``kneighbors``, ``radius_neighbors`` and their graphs.

    Parameters are scikit-learn's, and ``distance``: a distance or formula of anear, ``x`` the query and ``y`` a
    fitted row, in place of ``metric``; its parameters are ``metric_params``. ``algorithm`` also takes methods of anear.

    Examples
    --------
    >>> model = NearestNeighbors(n_neighbors=1, distance="sum(x * log(x / y))").fit([[0.1, 0.9], [0.5, 0.5]])
    >>> model.kneighbors([[0.45, 0.55]], return_distance=False)
    array([[1]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(neighbors.NearestNeighbors._parameter_constraints)

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        radius: float = 1.0,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: Metric = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        distance: str | Expr | Distance | None = None,
    ) -> None:
        super().__init__(
            n_neighbors=n_neighbors,
            radius=radius,
            algorithm=algorithm,
            leaf_size=leaf_size,
            metric=metric,
            p=p,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.distance = distance


class KNeighborsClassifier(SearchingK, neighbors.KNeighborsClassifier):  # type: ignore[misc] # scikit-learn has no types
    """The vote of the ``n_neighbors`` nearest points.

    Parameters are scikit-learn's, and ``distance``: a distance or formula of anear, ``x`` the query and ``y`` a
    fitted row, in place of ``metric``; its parameters are ``metric_params``. ``algorithm`` also takes methods of anear.

    Examples
    --------
    >>> model = KNeighborsClassifier(1, distance="itakura_saito").fit([[1.0], [10.0]], ["low", "high"])
    >>> model.predict([[2.0], [9.0]])
    array(['low', 'high'], dtype='<U4')
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(
        neighbors.KNeighborsClassifier._parameter_constraints
    )

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Weights = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: Metric = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        distance: str | Expr | Distance | None = None,
    ) -> None:
        super().__init__(
            n_neighbors=n_neighbors,
            weights=weights,
            algorithm=algorithm,
            leaf_size=leaf_size,
            p=p,
            metric=metric,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.distance = distance


class KNeighborsRegressor(SearchingK, neighbors.KNeighborsRegressor):  # type: ignore[misc] # scikit-learn has no types
    """The mean of the ``n_neighbors`` nearest points' values.

    Parameters are scikit-learn's, and ``distance``: a distance or formula of anear, ``x`` the query and ``y`` a
    fitted row, in place of ``metric``; its parameters are ``metric_params``. ``algorithm`` also takes methods of anear.

    Examples
    --------
    >>> model = KNeighborsRegressor(2, distance="sum(abs(log(x / y)))").fit([[1.0], [2.0], [90.0]], [0.0, 1.0, 5.0])
    >>> model.predict([[1.5]])
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(neighbors.KNeighborsRegressor._parameter_constraints)

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Weights = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: Metric = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        distance: str | Expr | Distance | None = None,
    ) -> None:
        super().__init__(
            n_neighbors=n_neighbors,
            weights=weights,
            algorithm=algorithm,
            leaf_size=leaf_size,
            p=p,
            metric=metric,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.distance = distance


class RadiusNeighborsClassifier(SearchingRadius, neighbors.RadiusNeighborsClassifier):  # type: ignore[misc] # scikit-learn has no types
    """The vote of the points within ``radius``.

    Parameters are scikit-learn's, and ``distance``: a distance or formula of anear, ``x`` the query and ``y`` a
    fitted row, in place of ``metric``; its parameters are ``metric_params``. ``algorithm`` also takes methods of anear.

    Examples
    --------
    >>> model = RadiusNeighborsClassifier(0.5, distance="sum(abs(log(x / y)))").fit([[1.0], [10.0]], [0, 1])
    >>> model.predict([[1.5], [8.0]])
    array([0, 1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(
        neighbors.RadiusNeighborsClassifier._parameter_constraints
    )

    def __init__(
        self,
        radius: float = 1.0,
        *,
        weights: Weights = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: Metric = "minkowski",
        outlier_label: Any = None,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        distance: str | Expr | Distance | None = None,
    ) -> None:
        super().__init__(
            radius=radius,
            weights=weights,
            algorithm=algorithm,
            leaf_size=leaf_size,
            p=p,
            metric=metric,
            outlier_label=outlier_label,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.distance = distance


class RadiusNeighborsRegressor(SearchingRadius, neighbors.RadiusNeighborsRegressor):  # type: ignore[misc] # scikit-learn has no types
    """The mean of the values of the points within ``radius``.

    Parameters are scikit-learn's, and ``distance``: a distance or formula of anear, ``x`` the query and ``y`` a
    fitted row, in place of ``metric``; its parameters are ``metric_params``. ``algorithm`` also takes methods of anear.

    Examples
    --------
    >>> model = RadiusNeighborsRegressor(1.0, distance="sum(abs(log(x / y)))").fit([[1.0], [2.0]], [0.0, 1.0])
    >>> model.predict([[1.5]])
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(
        neighbors.RadiusNeighborsRegressor._parameter_constraints
    )

    def __init__(
        self,
        radius: float = 1.0,
        *,
        weights: Weights = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: Metric = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        distance: str | Expr | Distance | None = None,
    ) -> None:
        super().__init__(
            radius=radius,
            weights=weights,
            algorithm=algorithm,
            leaf_size=leaf_size,
            p=p,
            metric=metric,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.distance = distance


class KNeighborsTransformer(SearchingK, neighbors.KNeighborsTransformer):  # type: ignore[misc] # scikit-learn has no types
    """Rows to their graph of nearest neighbours: the first step of a pipeline whose next takes distances.

    Parameters are scikit-learn's, and ``distance``: a distance or formula of anear, ``x`` the query and ``y`` a
    fitted row, in place of ``metric``; its parameters are ``metric_params``. ``algorithm`` also takes methods of anear.

    Examples
    --------
    >>> graph = KNeighborsTransformer(n_neighbors=1, distance="canberra").fit_transform([[1.0], [2.0], [9.0]])
    >>> graph.shape, graph.nnz
    ((3, 3), 6)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(
        neighbors.KNeighborsTransformer._parameter_constraints
    )

    def __init__(
        self,
        *,
        mode: str = "distance",
        n_neighbors: int = 5,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: Metric = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        distance: str | Expr | Distance | None = None,
    ) -> None:
        super().__init__(
            mode=mode,
            n_neighbors=n_neighbors,
            algorithm=algorithm,
            leaf_size=leaf_size,
            metric=metric,
            p=p,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.distance = distance


class RadiusNeighborsTransformer(SearchingRadius, neighbors.RadiusNeighborsTransformer):  # type: ignore[misc] # scikit-learn has no types
    """Rows to their graph of neighbours within ``radius``.

    Parameters are scikit-learn's, and ``distance``: a distance or formula of anear, ``x`` the query and ``y`` a
    fitted row, in place of ``metric``; its parameters are ``metric_params``. ``algorithm`` also takes methods of anear.

    Examples
    --------
    >>> graph = RadiusNeighborsTransformer(radius=0.5, distance="canberra").fit_transform([[1.0], [2.0], [9.0]])
    >>> graph.shape, graph.nnz
    ((3, 3), 5)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(
        neighbors.RadiusNeighborsTransformer._parameter_constraints
    )

    def __init__(
        self,
        *,
        mode: str = "distance",
        radius: float = 1.0,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: Metric = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        distance: str | Expr | Distance | None = None,
    ) -> None:
        super().__init__(
            mode=mode,
            radius=radius,
            algorithm=algorithm,
            leaf_size=leaf_size,
            metric=metric,
            p=p,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.distance = distance

"""``KDTree`` and ``BallTree``: scikit-learn's interface over an index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anear.data.arrays import as_field, as_rows
from anear.data.types.dense import to_float
from anear.errors import ArgumentError
from anear.formula.expression import Expr
from anear.index.search import pairwise
from anear.trees.arrays import ball_bounds, binary_tree, box_bounds
from anear.trees.density import log_density
from anear.trees.metrics import BALL_METRICS, KD_METRICS, Metric, distance_of
from anear.trees.search import Called, Compiled, Rows, Search, split

__all__ = ["BallTree", "BallTree32", "BallTree64", "BinaryTree", "KDTree", "KDTree32", "KDTree64"]

Ids = npt.NDArray[np.intp]


class BinaryTree(ABC):
    """What the trees have in common.

    Parameters
    ----------
    data : array (n, D): the points. A C-contiguous array of the tree's type (float64, or float32 for the classes named
        so) is not copied: do not change it while the tree lives.
    leaf_size : points of a leaf of the tree that ``get_arrays`` shows; answers and their speed do not depend on it.
    metric : a name of scikit-learn (``valid_metrics``), with its meaning; or any distance or formula of anear
        (``"kldiv"``, ``"sum(abs(x - y) ** 0.5)"``), ``x`` the query; or a function of two rows (slow: called for every
        pair); or scikit-learn's ``DistanceMetric``.
    sample_weight : array (n,): the weight of each point in :meth:`kernel_density`.
    params : the metric's parameters: ``p``, ``w``, ``V``, ``VI``; for a function, its keywords.

    Attributes
    ----------
    data : the points, read-only.
    sample_weight : the weights, or None; ``sum_weight`` their sum, or the number of points.
    idx_array, node_data, node_bounds : see :meth:`get_arrays`.
    valid_metrics : scikit-learn's names.

    Raises
    ------
    ArgumentError (a ValueError), TypeError : naming the argument, what it was and what is allowed.

    Notes
    -----
    Distances are exact and ties go to the smaller id. Where scikit-learn's answer depends on its search
    (``breadth_first``, ``dualtree``), here it does not: the arguments are accepted and change nothing.
    """

    valid_metrics: ClassVar[list[str]]
    _dtype: ClassVar[type[np.floating[Any]]] = np.float64
    _method: ClassVar[str]

    def __init__(
        self, data: Any, leaf_size: int = 40, metric: Metric = "minkowski", sample_weight: Any = None, **params: Any
    ) -> None:
        if isinstance(leaf_size, bool) or not isinstance(leaf_size, int | np.integer) or leaf_size < 1:
            raise ArgumentError(f"leaf_size must be greater than or equal to 1; it is {leaf_size!r}")
        self._points = self._rows(data, "X")
        self._weights = None if sample_weight is None else self._checked_weights(sample_weight)
        self._leaf_size = int(leaf_size)
        self._metric, self._params = metric, params
        self._build()

    def _build(self) -> None:
        self._search = self._searching()
        self._before = self._search.computed
        self._visited = self._search.visits
        self._arrays: tuple[Ids, Rows, Rows] | None = None

    def _searching(self) -> Search:
        metric = self._metric
        if metric == "pyfunc" if isinstance(metric, str) else not isinstance(metric, Expr):
            function = self._params.get("func") if metric == "pyfunc" else metric
            params = {name: value for name, value in self._params.items() if name != "func" or metric != "pyfunc"}
            if callable(function) or hasattr(function, "pairwise"):
                return Called(self._points, function, params)
        spec, params = distance_of(metric, self._params, self._points.shape[1])  # type: ignore[arg-type]
        return Compiled(self._points, spec, params, self._method)

    def _rows(self, values: Any, name: str) -> Rows:
        """Rows in the tree's precision."""
        if hasattr(values, "toarray"):
            raise TypeError(
                f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()' to convert to a"
                " dense numpy array."
            )
        if isinstance(values, np.ndarray) and values.dtype == object:
            values = values.astype(self._dtype)
        if isinstance(values, np.ndarray) and values.ndim == 1:
            raise ArgumentError(
                f"Expected 2D array, got 1D array instead: {name} has shape {values.shape}. Reshape your data either"
                " using array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it contains"
                " a single sample."
            )
        rows = as_rows(values, name)
        return np.ascontiguousarray(rows if rows.dtype == self._dtype else to_float(rows), self._dtype)

    def _queries(self, values: Any) -> Rows:
        rows = self._rows(values, "X")
        if rows.shape[1] != self._points.shape[1]:
            raise ArgumentError(
                f"query data dimension must match training data dimension: {rows.shape[1]} and {self._points.shape[1]}"
            )
        return rows

    def _checked_weights(self, values: Any) -> npt.NDArray[np.float64]:
        weights = np.asarray(to_float(as_field(values, len(self._points), "sample_weight")), np.float64)
        if weights.ndim != 1 or (weights < 0).any() or not weights.any():
            raise ArgumentError("sample_weight must be one number a point, none below 0 and not all 0")
        return weights

    # what it is

    @property
    def data(self) -> Rows:
        """The points, read-only."""
        view = self._points.view()
        view.flags.writeable = False
        return view

    @property
    def sample_weight(self) -> Rows | None:
        """The weight of each point, or None."""
        return None if self._weights is None else self._weights.astype(self._dtype)

    @property
    def sum_weight(self) -> float:
        """The sum of the weights; without weights, the number of points."""
        return float(len(self._points) if self._weights is None else self._weights.sum())

    @property
    def idx_array(self) -> Ids:
        """The points' ids in the order of the leaves."""
        return self.get_arrays()[1]

    @property
    def node_data(self) -> Rows:
        """The nodes: ``idx_start``, ``idx_end``, ``is_leaf``, ``radius``."""
        return self.get_arrays()[2]

    @property
    def node_bounds(self) -> Rows:
        """The nodes' corners or centres."""
        return self.get_arrays()[3]

    def __len__(self) -> int:
        return len(self._points)

    def __repr__(self) -> str:
        shown = self._metric if isinstance(self._metric, str) else type(self._metric).__name__
        return f"{type(self).__name__}({len(self)} points of {self._points.shape[1]} coordinates, metric={shown!r})"

    def __getstate__(self) -> tuple[Any, ...]:
        """The points and what was asked for; what serves the search is made again where it arrives."""
        return self._points, self._leaf_size, self._metric, self._params, self._weights

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._points, self._leaf_size, self._metric, self._params, self._weights = state
        self._build()

    # searching

    def _asked(self) -> Search:
        """What answers a query that begins now."""
        self._visited = self._search.visits
        return self._search

    def query(
        self,
        X: Any,
        k: int = 1,
        return_distance: bool = True,
        dualtree: bool = False,
        breadth_first: bool = False,
        sort_results: bool = True,
    ) -> Ids | tuple[Rows, Ids]:
        """The k nearest points of each query.

        Parameters
        ----------
        X : array (m, D).
        k : how many, at most as many as there are points.
        return_distance : whether to return distances as well.
        dualtree, breadth_first, sort_results : accepted; the answer is the same, and sorted.

        Returns
        -------
        (distances, ids), both (m, k), nearest first; ids alone with ``return_distance=False``.

        Examples
        --------
        >>> tree = KDTree(np.array([[0.0], [1.0], [5.0]]))
        >>> tree.query([[4.0]], k=2)
        (array([[1., 3.]]), array([[2, 1]]))
        """
        if len(self._points) < k:
            raise ArgumentError(
                f"k must be less than or equal to the number of training points: {k} and {len(self._points)}"
            )
        found = self._asked().nearest(self._queries(X), k)
        ids = found.ids.astype(np.intp, copy=False)
        return (found.distances, ids) if return_distance else ids

    def query_radius(
        self, X: Any, r: Any, return_distance: bool = False, count_only: bool = False, sort_results: bool = False
    ) -> Any:
        """The points within ``r`` of each query.

        Parameters
        ----------
        X : array (m, D).
        r : one radius, or one for each query.
        return_distance, count_only : what to return; not both.
        sort_results : accepted where distances are returned; they are sorted anyway.

        Returns
        -------
        Object array (m,) of arrays of ids; with ``return_distance`` (ids, distances); with ``count_only`` an array (m,)
        of numbers.

        Examples
        --------
        >>> tree = KDTree(np.array([[0.0], [1.0], [5.0]]))
        >>> tree.query_radius([[0.4]], r=0.7)[0], tree.query_radius([[0.4], [9.0]], r=0.7, count_only=True)
        (array([0, 1]), array([2, 0]))
        """
        if count_only and return_distance:
            raise ArgumentError("count_only and return_distance cannot both be true")
        if sort_results and not return_distance:
            raise ArgumentError("return_distance must be True if sort_results is True")
        queries = self._queries(X)
        radius = np.atleast_1d(np.asarray(r, np.float64))
        if radius.shape not in ((1,), (len(queries),)):
            raise ArgumentError(f"r must be broadcastable to X.shape: it has shape {radius.shape}, X {queries.shape}")
        radius = np.ascontiguousarray(np.broadcast_to(radius, (len(queries),)))
        if count_only:
            return self._asked().count(queries, radius).astype(np.intp, copy=False)
        found = self._asked().within(queries, radius)
        ids = split(found.ids.astype(np.intp, copy=False), found.offsets)
        return (ids, split(found.distances, found.offsets)) if return_distance else ids

    def two_point_correlation(self, X: Any, r: Any, dualtree: bool = False) -> npt.NDArray[np.intp]:
        """The number of pairs of a query and a point within each distance.

        Parameters
        ----------
        X : array (m, D).
        r : array (radii,), in any order.
        dualtree : accepted; the answer is the same.

        Returns
        -------
        array (radii,): ``counts[i]`` pairs with distance <= ``r[i]``.

        Examples
        --------
        >>> KDTree(np.array([[0.0], [1.0], [5.0]])).two_point_correlation([[0.0], [1.0]], r=[0, 1, 10])
        array([2, 4, 6])
        """
        radii = np.atleast_1d(np.asarray(r, np.float64))
        if radii.ndim != 1:
            raise ArgumentError(f"r must be a 1-dimensional array; its shape is {radii.shape}")
        queries = self._queries(X)
        return self._asked().count_pairs(queries, radii).astype(np.intp, copy=False)

    def kernel_density(
        self,
        X: Any,
        h: float,
        kernel: str = "gaussian",
        atol: float = 0,
        rtol: float = 1e-8,
        breadth_first: bool = True,
        return_log: bool = False,
    ) -> Rows:
        """The kernel density of the points at each query: a sum over the points, each kernel's integral being 1.

        Parameters
        ----------
        X : array (m, D).
        h : the bandwidth, in units of the distance.
        kernel : "gaussian", "tophat", "epanechnikov", "exponential", "linear" or "cosine".
        atol, rtol : the answer may be off by ``atol + rtol * density``.
        breadth_first : accepted; the answer is the same.
        return_log : return the logarithm, which never underflows.

        Returns
        -------
        array (m,).

        Examples
        --------
        >>> KDTree(np.array([[0.0], [1.0]])).kernel_density([[0.0], [9.0]], h=0.5, kernel="tophat")
        array([1., 0.])

        Notes
        -----
        The cosine kernel's integral is 1 in every dimension; scikit-learn 1.9 has another factor in even ones.
        """
        queries = self._queries(X)
        found = log_density(self._asked(), self._points, queries, float(h), kernel, atol, rtol, self._weights)
        with np.errstate(over="ignore", under="ignore"):
            return (found if return_log else np.exp(found)).astype(self._dtype)

    # scikit-learn's view of the inside

    def get_arrays(self) -> tuple[Rows, Ids, Rows, Rows]:
        """A binary tree over the points, made when first asked for.

        Returns
        -------
        data : array (n, D).
        idx_array : array (n,): the ids, those of a node side by side.
        node_data : (nodes,) with ``idx_start``, ``idx_end``, ``is_leaf`` and ``radius``; node i has the children
            2 i + 1 and 2 i + 2.
        node_bounds : (2, nodes, D), the corners of the boxes; of a ball tree (1, nodes, D), the centres.
        """
        if self._arrays is None:
            ids, nodes = binary_tree(self._points, self._leaf_size)
            self._arrays = ids, nodes, self._bounds(ids, nodes)
        return self.data, *self._arrays

    @abstractmethod
    def _bounds(self, ids: Ids, nodes: Rows) -> Rows:
        """``node_bounds`` of :meth:`get_arrays`."""

    def _reach(self, centre: Rows, rows: Rows) -> float:
        """The largest distance from one row to some."""
        if isinstance(self._search, Compiled):
            return float(pairwise(centre, rows, self._search.index.formula).max())
        return float(type(self)(rows, metric=self._metric, **self._params)._search.matrix(centre).max())

    def get_tree_stats(self) -> tuple[int, int, int]:
        """What the last query did in the tree that is searched, which is wide: a node has as many children as a vector
        has lanes, a leaf as many points.

        Returns
        -------
        n_trims : nodes and leaves that were not looked into, for their bound told enough.
        n_leaves : leaves whose points were compared.
        n_splits : nodes whose children were looked at.

        All are 0 where no tree was needed: for functions of Python, for distances without a bound, and where nearly all
        points are answers.

        Examples
        --------
        >>> tree = KDTree(np.random.default_rng(0).random((50_000, 2)))
        >>> found = tree.query([[0.5, 0.5]])
        >>> trims, leaves, splits = tree.get_tree_stats()
        >>> 0 < leaves < 10 < trims, 0 < splits < 20
        (True, True)
        """
        now, before = self._search.visits, self._visited
        return now.settled - before.settled, now.leaves - before.leaves, now.nodes - before.nodes

    def get_n_calls(self) -> int:
        """The distances computed by searches since the last :meth:`reset_n_calls`.

        Examples
        --------
        >>> tree = BallTree(np.array([[0.0], [1.0]]), metric=lambda x, y: abs(x - y)[0])
        >>> tree.query([[0.2]], return_distance=False), tree.get_n_calls()
        (array([[0]]), 2)
        """
        return self._search.computed - self._before

    def reset_n_calls(self) -> None:
        """Count from 0 again."""
        self._before = self._search.computed


class KDTree64(BinaryTree):
    """A tree of boxes over float64 points; see :class:`BinaryTree`.

    Examples
    --------
    >>> tree = KDTree64(np.array([[0.1, 0.9], [0.5, 0.5]]), metric="sum(x * log(x / y))")
    >>> tree.query([[0.45, 0.55]])[1]
    array([[1]])
    """

    valid_metrics: ClassVar[list[str]] = list(KD_METRICS)
    _method = "kd_tree"

    def _bounds(self, ids: Ids, nodes: Rows) -> Rows:
        return box_bounds(self._points, ids, nodes, self._reach)


class KDTree32(KDTree64):
    """A tree of boxes over float32 points; see :class:`BinaryTree`."""

    _dtype = np.float32


class KDTree(KDTree64):
    """A tree of boxes over float64 points; see :class:`BinaryTree`."""


class BallTree64(BinaryTree):
    """A tree of balls over float64 points; see :class:`BinaryTree`."""

    valid_metrics: ClassVar[list[str]] = list(BALL_METRICS)
    _method = "ball_tree"

    def _bounds(self, ids: Ids, nodes: Rows) -> Rows:
        return ball_bounds(self._points, ids, nodes, self._reach, self._weights)


class BallTree32(BallTree64):
    """A tree of balls over float32 points; see :class:`BinaryTree`."""

    _dtype = np.float32


class BallTree(BallTree64):
    """A tree of balls over float64 points; see :class:`BinaryTree`."""

"""The classes: SciPy's questions as searches of an index, the answers in SciPy's shapes."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from anear.compat.scipy import nodes
from anear.compat.scipy.arguments import (
    ArgumentTypeError,
    approximation,
    box_sizes,
    leaf_size,
    neighbours,
    norm,
    numbers,
    point_matrix,
    threads_of,
    tolerance,
    within_box,
)
from anear.compat.scipy.pairs import histogram, lists, numbered, pairs_within
from anear.compat.scipy.spaces import Space
from anear.errors import ArgumentError

__all__ = ["KDTree", "cKDTree"]

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.intp]

_SPARSE = np.dtype([("i", np.intp), ("j", np.intp), ("v", np.float64)], align=True)


class cKDTree:  # noqa: N801
    """Points for nearest-neighbour searches under p-norms, on a torus if wanted: SciPy's interface.

    Parameters
    ----------
    data : array (n, m) of finite numbers; not copied where it is a contiguous array of float64, so do not change it.
    leafsize : how many points a leaf of ``tree`` has at most. The search chooses its own.
    compact_nodes : taken for the sake of programs that give it; boxes are always as small as their points allow.
    copy_data : keep a copy of ``data``.
    balanced_tree : whether ``tree`` is divided at medians.
    boxsize : one number, or one a coordinate: coordinates are periodic with it, and data in [0, boxsize); 0: not
        periodic.

    Attributes
    ----------
    data, leafsize, boxsize : as given; ``boxsize`` has one number a coordinate, or is None.
    n, m : the number of points, and of their coordinates.
    mins, maxes : the smallest and largest of each coordinate, (m,); 0 without points.

    Raises
    ------
    ArgumentError : a ValueError; for complex data and other wrong kinds, a TypeError as well.

    Examples
    --------
    >>> tree = cKDTree([[0.0, 0.0], [3.0, 4.0]])
    >>> tree.query([0.0, 1.0])
    (1.0, 0)
    """

    def __init__(
        self,
        data: Any,
        leafsize: int = 16,
        compact_nodes: bool = True,
        copy_data: bool = False,
        balanced_tree: bool = True,
        boxsize: Any = None,
    ) -> None:
        self.data = point_matrix(data, bool(copy_data))
        self.n, self.m = self.data.shape
        self.leafsize = leaf_size(leafsize)
        self.boxsize = box_sizes(boxsize, self.m)
        if self.boxsize is not None:
            within_box(self.data, self.boxsize)
        self._form = {"compact_nodes": bool(compact_nodes), "balanced_tree": bool(balanced_tree)}
        none = np.zeros((1, self.m))
        self.mins = (self.data if self.n else none).min(axis=0)
        self.maxes = (self.data if self.n else none).max(axis=0)
        self._space = Space(self.data, self.boxsize)
        if self.n and self._space.powers_are_numbers(2.0, self.data):
            self._space.index(2.0, self.data)  # the usual norm's is made now, others when they are asked for

    def __getstate__(self) -> dict[str, Any]:
        """The points and how they were taken in; what is searched is made again where it arrives."""
        return {"data": self.data, "leafsize": self.leafsize, "boxsize": self.boxsize, **self._form}

    def __setstate__(self, state: dict[str, Any]) -> None:
        cKDTree.__init__(self, **state)

    # the tree that one can walk

    @cached_property
    def _division(self) -> nodes.Division:
        return nodes.Division(self.data, self.leafsize, self._form["balanced_tree"])

    @property
    def tree(self) -> Any:
        """The root of a binary tree over the points, made when first asked for."""
        return self._division.root

    @property
    def size(self) -> int:
        """The number of nodes of ``tree``."""
        return self._division.size

    @property
    def indices(self) -> Ids:
        """The points in the order of ``tree``."""
        return self._division.indices

    # neighbours of queries

    def query(
        self,
        x: Any,
        k: Any = 1,
        eps: float = 0.0,
        p: float = 2.0,
        distance_upper_bound: float = np.inf,
        workers: int | None = 1,
    ) -> tuple[Any, Any]:
        """The k nearest points of each query.

        Parameters
        ----------
        x : array (..., m) of queries.
        k : how many, or a sequence of which ones (1 is the nearest).
        eps : answers may be off by this factor; they are exact.
        p : the norm, from 1 to infinity.
        distance_upper_bound : only points nearer than this.
        workers : threads; -1 for all.

        Returns
        -------
        d, i : distances and indices, of shape (..., k), without the last axis where k is 1. Places left over have
            distance inf and index n.

        Examples
        --------
        >>> cKDTree([[0.0], [1.0], [5.0]]).query([[0.9], [4.0]], k=[1, 3])
        (array([[0.1, 4.1],
               [1. , 4. ]]), array([[1, 2],
               [2, 0]]))
        """
        wanted, listed = neighbours(k)
        power, team = norm(p), threads_of(workers)
        approximation(eps)
        rows, shape = self._vectors(x)
        distances, ids = self._nearest(rows, int(wanted.max()) + 1, power, team)
        if listed:
            distances, ids = distances[:, wanted], ids[:, wanted]
        if distance_upper_bound != np.inf:
            out = ~(distances < distance_upper_bound)
            distances[out], ids[out] = np.inf, self.n
        if not listed and len(wanted) == 1:
            return self._one_each(distances, ids, shape)
        shape = (*shape, distances.shape[1])
        return distances.reshape(shape), ids.reshape(shape)

    def _one_each(self, distances: Floats, ids: Ids, shape: tuple[int, ...]) -> tuple[Any, Any]:
        if not shape:
            return float(distances[0, 0]), int(ids[0, 0])
        return distances.reshape(shape), ids.reshape(shape)

    def _nearest(self, rows: Floats, k: int, p: float, team: int | None) -> tuple[Floats, Ids]:
        """Distances and indices (queries, k); inf and n where there are fewer than k."""
        if self.n and len(rows) and k <= self.n:
            found = self._space.index(p, rows).search(rows, k, num_threads=team)
            return found.distances, found.ids.astype(np.intp, copy=False)
        ids, distances = np.full((len(rows), k), self.n, np.intp), np.full((len(rows), k), np.inf)
        if self.n and len(rows):
            distances[:, : self.n], ids[:, : self.n] = self._nearest(rows, self.n, p, team)
        return distances, ids

    def _vectors(self, x: Any) -> tuple[Floats, tuple[int, ...]]:
        """Queries as rows, inside the box, and the shape they came in."""
        array = np.asarray(x)
        if array.dtype.kind == "c":
            raise ArgumentTypeError("KDTree does not work with complex data")
        if array.ndim == 0 or array.shape[-1] != self.m:
            raise ArgumentError(f"x must consist of vectors of length {self.m} but has shape {np.shape(x)}")
        rows = numbers(array, "'x'").reshape(-1, self.m)
        return self._space.wrapped(rows), array.shape[:-1]

    def query_ball_point(
        self,
        x: Any,
        r: Any,
        p: float = 2.0,
        eps: float = 0.0,
        workers: int | None = 1,
        return_sorted: bool | None = None,
        return_length: bool = False,
    ) -> Any:
        """All points with distance <= r of each query.

        Parameters
        ----------
        x : array (..., m) of queries.
        r : a radius, or an array that broadcasts to (...).
        p, eps, workers : as for :meth:`query`.
        return_sorted : accepted; indices are sorted whatever it is.
        return_length : the numbers of points alone.

        Returns
        -------
        A list of indices, or an array of lists (...); with ``return_length`` an integer, or an array of integers.

        Examples
        --------
        >>> tree = cKDTree([[0.0], [1.0], [5.0]])
        >>> tree.query_ball_point([0.9], 1), tree.query_ball_point([[0.9], [4.0]], [1, 2], return_length=True)
        ([0, 1], array([2, 1]))
        """
        power, team = norm(p), threads_of(workers)
        if type(r) in (float, int) and r == r and type(x) is np.ndarray and not return_length:
            found = self._plain_ball(x, float(r) * tolerance(eps), power, team)
            if found is not None:
                return found
        rows, shape = self._vectors(x)
        if not shape and self.n and type(r) in (float, int) and r == r:  # one query must not pay for arrays of results
            return self._ball(rows, float(r) * tolerance(eps), power, team, bool(return_length))
        radii = _radii(r, shape, eps)
        if not self.n or not len(rows):
            results = np.fromiter((0 if return_length else [] for _ in rows), np.intp if return_length else object)
        elif return_length:
            results = self._space.index(power, rows).count(rows, radii, num_threads=team).astype(np.intp, copy=False)
        else:
            results = np.fromiter(lists(self._space.index(power, rows), rows, radii, team), object, len(rows))
        return results.reshape(shape) if shape else results[0]

    def _ball(self, rows: Floats, radius: float, p: float, team: int | None, length: bool) -> Any:
        """The answer to one query."""
        index = self._space.index(p, rows)
        if length:
            return np.intp(index.count(rows, radius, num_threads=team).item())
        return index.ids_within(rows, radius, num_threads=team).ids.tolist()

    def _plain_ball(self, query: Floats, radius: float, p: float, team: int | None) -> list[int] | None:
        """The same of one vector, if nothing has to be done with it."""
        index = self._space.index_near(p, query) if query.shape == (self.m,) and query.dtype == np.float64 else None
        found = None if index is None else index.plainly_within(query, radius, team)
        return None if found is None else found.tolist()

    # whole sets against each other

    def query_ball_tree(self, other: cKDTree, r: float, p: float = 2.0, eps: float = 0.0) -> list[list[int]]:
        """For each point, the points of another tree with distance <= r, sorted by index.

        Examples
        --------
        >>> cKDTree([[0.0], [1.0]]).query_ball_tree(cKDTree([[0.5], [9.0]]), 0.6)
        [[0], [0]]
        """
        partner, power, radius = self._partner(other, "query_ball_tree"), norm(p), _radius(r, eps, "r")
        if not self.n or not partner.n:
            return [[] for _ in range(self.n)]
        return list(lists(partner._space.index(power, self.data), self.data, np.broadcast_to(radius, self.n), 1))

    def query_pairs(self, r: float, p: float = 2.0, eps: float = 0.0, output_type: str = "set") -> Any:
        """All pairs (i, j), i < j, of points with distance <= r: a set, or an array (pairs, 2) for "ndarray".

        Examples
        --------
        >>> cKDTree([[0.0], [1.0], [1.5]]).query_pairs(0.6)
        {(1, 2)}
        """
        power, radius = norm(p), _radius(r, eps, "r")
        _one_of(output_type, ("set", "ndarray"))
        array = np.empty((0, 2), np.intp)
        if self.n:
            found = self._space.index(power, self.data).pairs_within(radius, num_threads=1)
            array = found.ids.astype(np.intp, copy=False)
        return array if output_type == "ndarray" else set(zip(*numbered(array.T, self.n), strict=True))

    def count_neighbors(
        self, other: cKDTree, r: Any, p: float = 2.0, weights: Any = None, cumulative: bool = True
    ) -> Any:
        """The number of pairs, a point of this tree and one of another, with distance <= r.

        Parameters
        ----------
        other : a tree, or this one.
        r : a radius, or several; ascending unless ``cumulative``.
        p : as for :meth:`query`.
        weights : a pair counts as the product of its points' weights: a tuple of those of this tree and of the other
            (None: all 1), or, of one tree with itself, one array.
        cumulative : if false, the pairs are those further than the radius before.

        Returns
        -------
        A number, or an array of one a radius: of integers without weights, else of float64.

        Examples
        --------
        >>> tree = cKDTree([[0.0], [1.0], [1.5]])
        >>> tree.count_neighbors(tree, [0.6, 1, 2]), tree.count_neighbors(tree, [0.6, 1, 2], cumulative=False)
        (array([5, 7, 9]), array([5, 2, 2]))
        """
        partner, power = self._partner(other, "count_neighbors"), norm(p)
        radii = np.asarray(r, np.float64)
        if radii.ndim > 1 or np.isnan(radii).any():
            raise ArgumentError(f"r must be either a single value or a one-dimensional array of values; it is {r!r}")
        each = np.atleast_1d(radii)
        if not cumulative and (np.diff(each) < 0).any():
            raise ArgumentError("r must be non-decreasing for non-cumulative counting.")
        own, others = self._weights(weights, other)
        edges, place = np.unique(each, return_inverse=True)
        bins = np.zeros(len(edges), np.int64 if own is None and others is None else np.float64)
        if self.n and partner.n and len(edges):
            bins = histogram(partner._space.index(power, self.data), self.data, edges, (own, others))
        counts = (np.cumsum(bins) if cumulative else bins)[place]
        if not cumulative:
            counts[1:][np.diff(each) == 0] = 0
        if radii.ndim:
            return counts
        return int(counts[0]) if bins.dtype.kind == "i" else counts[0]

    def sparse_distance_matrix(
        self, other: cKDTree, max_distance: float, p: float = 2.0, output_type: str = "dok_matrix"
    ) -> Any:
        """The distances of all pairs, a point of this tree and one of another, that are at most ``max_distance``.

        ``output_type`` is "dok_matrix" or "coo_matrix" for SciPy's sparse matrices, "dict" for {(i, j): distance},
        "ndarray" for an array with the fields i, j and v.

        Examples
        --------
        >>> cKDTree([[0.0], [1.0]]).sparse_distance_matrix(cKDTree([[0.5], [9.0]]), 1, output_type="dict")
        {(0, 0): 0.5, (1, 0): 0.5}
        """
        partner, power = self._partner(other, "sparse_distance_matrix"), norm(p)
        _one_of(output_type, ("dok_matrix", "coo_matrix", "dict", "ndarray"))
        radius = _radius(max_distance, 0.0, "max_distance")
        parts = [np.empty(0, _SPARSE)]
        if self.n and partner.n:
            for pairs in pairs_within(partner._space.index(power, self.data), self.data, radius):
                part = np.empty(len(pairs.queries), _SPARSE)
                part["i"], part["j"], part["v"] = pairs
                parts.append(part)
        return _sparse(np.concatenate(parts), (self.n, partner.n), output_type)

    def _partner(self, other: Any, asked: str) -> cKDTree:
        """The other tree of a pair; on this one's torus, which decides the distances."""
        if not isinstance(other, cKDTree):
            raise ArgumentTypeError(
                f"Argument 'other' has incorrect type (expected cKDTree, got {type(other).__name__})"
            )
        if other.m != self.m:
            raise ArgumentError(
                f"Trees passed to {asked} have different dimensionality: {self.m} and {other.m} coordinates"
            )
        if self.boxsize is None or other.boxsize is None:
            alike = self.boxsize is other.boxsize
        else:
            alike = np.array_equal(self.boxsize, other.boxsize)
        return other if alike else cKDTree(self._space.wrapped(other.data), boxsize=self.boxsize)

    def _weights(self, weights: Any, other: cKDTree) -> tuple[Floats | None, Floats | None]:
        if weights is None:
            return None, None
        if isinstance(weights, tuple):
            if len(weights) != 2:
                raise ArgumentError(f"weights is a tuple of {len(weights)}; it must have two, each an array or None")
            own, others = weights
        elif other is not self:
            raise ArgumentError("Two different trees are used. Specify weights for both in a tuple.")
        else:
            own = others = weights
        return _weights_of(own, self.n), _weights_of(others, other.n)


class KDTree(cKDTree):
    """As :class:`cKDTree`, with KDTree's default of ``leafsize`` and its own kind of nodes.

    Examples
    --------
    >>> tree = KDTree([[0.0, 0.0], [3.0, 4.0]], leafsize=1)
    >>> tree.query([0.0, 1.0], p=1)
    (1.0, np.int64(0))
    >>> tree.tree.less.idx
    array([0])
    """

    node = nodes.node
    leafnode = nodes.leafnode
    innernode = nodes.innernode

    def __init__(
        self,
        data: Any,
        leafsize: int = 10,
        compact_nodes: bool = True,
        copy_data: bool = False,
        balanced_tree: bool = True,
        boxsize: Any = None,
    ) -> None:
        super().__init__(data, leafsize, compact_nodes, copy_data, balanced_tree, boxsize)

    @cached_property
    def _root(self) -> nodes.node:
        return nodes.wrapped(self._division.root)

    @property
    def tree(self) -> nodes.node:
        """The root of a binary tree over the points, made when first asked for."""
        return self._root

    def _one_each(self, distances: Floats, ids: Ids, shape: tuple[int, ...]) -> tuple[Any, Any]:
        distance, index = super()._one_each(distances, ids, shape)
        return distance, index if shape else np.intp(index)


def _radius(r: Any, eps: float, name: str) -> float:
    array = np.asarray(r, np.float64)
    if array.ndim != 0 or np.isnan(array):
        raise ArgumentError(f"{name} is {r!r}; it must be a number")
    return float(array) * tolerance(eps)


def _radii(r: Any, shape: tuple[int, ...], eps: float) -> Floats:
    """A radius for each query."""
    array = np.asarray(r, np.float64)
    if np.isnan(array).any():
        raise ArgumentError("r must not be nan")
    try:
        each = np.broadcast_to(array, shape)
    except ValueError:
        raise ArgumentError(f"could not broadcast input array from shape {array.shape} into shape {shape}: r") from None
    return (each * tolerance(eps)).reshape(-1)


def _one_of(value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ArgumentError(f"Invalid output type {value!r}; allowed: {', '.join(allowed)}")


def _weights_of(values: Any, n: int) -> Floats | None:
    if values is None:
        return None
    array = numbers(values, "weights")
    if array.shape != (n,):
        raise ArgumentError(
            f"Number of weights differ from the number of data points: shape {array.shape} for {n} points"
        )
    return array


def _sparse(entries: npt.NDArray[Any], shape: tuple[int, int], output_type: str) -> Any:
    if output_type == "ndarray":
        return entries
    if output_type == "dict":
        rows, columns = numbered(entries["i"], shape[0]), numbered(entries["j"], shape[1])
        return {(i, j): v for i, j, v in zip(rows, columns, entries["v"].tolist(), strict=True)}
    from scipy.sparse import coo_matrix

    matrix = coo_matrix((entries["v"], (entries["i"], entries["j"])), shape=shape)
    return matrix if output_type == "coo_matrix" else matrix.todok()

"""The index: a method built over points under a distance. Its face; the searching is the core's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.data.arrays import storage_name
from anear.data.types.dense import PointIds, point_ids
from anear.errors import ArgumentError
from anear.formula.expression import Expr
from anear.formula.hoist import fields
from anear.index.arguments import Progress, callback, flag, neighbour_count, radii, threads
from anear.index.counting import Counting
from anear.index.ids import Ids, checked_ids, filtered, left_out, named
from anear.index.life import Changes, Living
from anear.index.methods import Built, Stored, build, checked_options
from anear.index.objects import lies_in_domain, point_rows, query_rows, viewed
from anear.index.promised import Promised, search_limits
from anear.index.radius import rank_of_radius
from anear.index.results import DistanceCounts, Neighbors, RangeNeighbors, TreeVisits
from anear.index.tables import Space
from anear.index.ties import may_be_flat, with_ties
from anear.index.wish import wished
from anear.spaces.lookup import resolve
from anear.spaces.space import Distance

if TYPE_CHECKING:
    from anear.index.container import Unchecked
    from anear.index.explain import Explanation
    from anear.index.promise import Promise

__all__ = ["Index"]

_ASKED = 200  # so many of the points are asked what codes cost


class Index(Living, Counting, Promised):
    """Points, ready to be searched under a distance.

    Parameters
    ----------
    points : array (n, D) of float64, float32, float16, bfloat16, int8 or uint8, or what converts to one (lists, frames,
        DLPack tensors on the CPU). Kept as it is, not copied, where it already is a C-contiguous array: do not change
        it while the index lives. Other numbers are converted.
    distance : a name (``"euclidean"``; see ``anear.distances()``), a formula as text or expression
        (``"sum(abs(x - y))"``), with ``x`` the query and ``y`` the point, or a ``Distance``.
    method : "flat": exact search by scanning all points. "kd_tree": exact search in cells that a bound on the distance
        excludes; far faster up to some 12 dimensions, for every distance whose bound can be found (:meth:`explain`).
        "ball_tree": exact search in cells enclosed by balls, for every distance that is proved or stated to be a
        metric, whatever the bound over boxes; better than boxes where many coordinates hold few dimensions.
        "auto": one of these, or two of them together, by how long each takes for some of the points.
        "hnsw", "vamana", "nn_descent", "sw_graph": approximate search by walking through a graph, for every distance;
        ``ef`` of :meth:`search` says how many of the nearest are found.
        "ivf": approximate search in the lists of points whose centres are nearest, ``ef`` of them, for every distance;
        fast where graphs are slow: in many dimensions without clusters, with heavy tails.
        None: "flat", or chosen where ``recall`` is given.
    options : the method's own parameters. kd_tree has "split", how cells are cut: "spread" (the coordinate that extends
        furthest), "round_robin", "geodesic" (spread in the distance's own local metric), "auto". Graphs have those of
        docs/graphs.md, NMSLIB's spelling welcome, such as hnsw's "m" (links of a new point, 16), and "codes": 8 or 4
        walks through codes of so many bits a coordinate, four or eight times as fast to fetch, and compares the nearest
        in full; for every formula searched in float32. "index_distance" builds by another distance.
        ivf has "lists" (some three times the root of the number of points), "probes" (the usual ``ef``, 64), "seed",
        and "codes": "auto", 4 or 8 bits a coordinate where the formula is an inner product, or 0: docs/lists.md.
    point_data : {name: array (n,) or (n, L)} for each ``point_field(name)`` of the formula. Fields of float64 make the
        index one of float64 points, which are searched at half the speed; others are float32.
    ids : a different whole number from 0, or a different text, for each point: what searches answer with. None: row
        numbers.
    recall : choose the method, its parameters and the width of its searches, so that they find this share of the true
        ``k`` neighbours (10) in the mean over queries, as fast as that can be done. Tried on some of the points by the
        clock, so another run may choose otherwise. What is proved, and of which queries, :attr:`certificate` says; a
        warning where it is less than asked for. With ``method``, that method is measured and certified.
    sample_queries : queries like those to come, better some thousand: choice and certificate are for such. None: made
        up from the points, which may be easier to answer than queries from elsewhere.
    budget_seconds, budget_bytes : at most so much time for choosing and building (600 s; one last step is finished),
        and so much memory beside the points (no limit).
    num_threads : for building; None: as many as the process may use (or ANEAR_NUM_THREADS).
    check_domain : refuse points outside the distance's domain.
    allow_nan : accept NaN and infinity; a point whose distance is NaN is never a neighbour.
    progress : called as ``progress(done, total)`` a few times a second; returning False stops the work.
    params : the distance's own parameters, such as ``p=3`` of "minkowski".

    Raises
    ------
    ArgumentError, DomainError, FormulaError : naming the argument, what it was and what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> index = Index(np.array([[0.0, 0.0], [3.0, 4.0]]), distance="euclidean")
    >>> index.search(np.array([0.0, 1.0]), k=2).distances
    array([1.        , 4.24264069])
    """

    _unchecked: tuple[Unchecked, ...] = ()
    _promise: Promise | None = None

    def __init__(
        self,
        points: Any,
        distance: str | Expr | Distance = "euclidean",
        *,
        method: str | None = None,
        options: Mapping[str, Any] | None = None,
        point_data: Mapping[str, Any] | None = None,
        ids: Any = None,
        recall: float | None = None,
        k: int | None = None,
        sample_queries: Any = None,
        budget_seconds: float | None = None,
        budget_bytes: int | None = None,
        num_threads: int | None = None,
        check_domain: bool = True,
        allow_nan: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> None:
        team, progress = threads(num_threads), callback(progress)
        wish = wished(recall, k, sample_queries, budget_seconds, budget_bytes, method, options)
        self._take(
            points, distance, "flat" if method is None else method, options, point_data, check_domain, allow_nan,
            params, team,
        )  # fmt: skip
        if ids is not None:
            self._ids = Ids(len(self._rows), checked_ids(ids, len(self._rows)))
        if wish is None:
            self._build(team, progress)
        else:
            from anear.index.tuning import choose

            choose(self, wish, method, team, progress)

    def _take(
        self,
        points: Any,
        distance: str | Expr | Distance,
        method: str,
        options: Mapping[str, Any] | None,
        point_data: Mapping[str, Any] | None,
        check_domain: bool,
        allow_nan: bool,
        params: Mapping[str, Any],
        team: int,
    ) -> None:
        """Check everything an index is made of, and keep it; cheap beside building."""
        self._options = checked_options(method, options)
        self._method = method
        self._check_domain, self._allow_nan = flag(check_domain, "check_domain"), flag(allow_nan, "allow_nan")
        self._resolved = resolve(distance, **params)
        rows, dimension = point_rows(
            points,
            self._resolved,
            fields(self._resolved.expr, "point"),
            point_data,
            check_domain=self._check_domain,
            allow_nan=self._allow_nan,
            team=team,
        )
        self._keep(rows, dimension)

    def _keep(self, rows: npt.NDArray[Any], dimension: int) -> None:
        self._rows, self._ids, self._changes = rows, None, Changes()
        checked = lies_in_domain(self._resolved, self._check_domain)
        self._space = Space(self._resolved.expr, dimension, storage_name(rows), checked)

    def _build(self, team: int, progress: Progress | None, stored: Stored | None = None) -> None:
        built = build(
            self._method, self._space, self._rows, self._resolved, self._options, team, progress, self._check_domain,
            stored,
        )  # fmt: skip
        self._use(built)

    def _use(self, built: Built) -> None:
        self._built = replace(built, ids=self._ids)
        self._scan = self._built if self._method == "flat" else None
        self._plain = self._plain_queries(built)

    def _plain_queries(self, built: Built) -> _core.PlainQueries | None:
        """What vectors need no checks but the core's own: the others cost a single query more than the search."""
        glance = self._resolved.query_domain.at_a_glance() if self._check_domain else (-math.inf, False)
        if glance is None or self._allow_nan or self._space.fields("query") or built.ranged:
            return None
        if may_be_flat(self._space.stages.outer, self._space.checked):
            return None
        return _core.PlainQueries(self._space.arithmetic, *glance, getattr(built.core, "calls", None))

    def _for(self, rows: npt.NDArray[Any]) -> Built:
        """What answers these queries: a scan where a bound was not proved for them, made when it is first needed."""
        if not self._built.outside(rows):
            return self._built
        if self._scan is None:
            self._scan = build("flat", self._space, self._rows, self._resolved, {}, 0, None)
            self._scan = replace(self._scan, ids=self._ids)
        return self._scan

    # what it is

    def __repr__(self) -> str:
        kind = f"{len(self)} points of {self.dimension} {self._space.storage}"
        return f"Index({kind}, {self.distance}, method={self._method!r})"

    @property
    def dimension(self) -> int:
        """The number of coordinates."""
        return self._space.dimension

    @property
    def distance(self) -> str:
        """The distance, as it can be written again."""
        return str(self._resolved.expr) if self._resolved.name is None else self._resolved.label

    @property
    def formula(self) -> Expr:
        """The distance's formula."""
        return self._resolved.expr

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """The points' ids in the order in which the method keeps them: cell by cell for a tree."""
        order: npt.NDArray[np.int64] = self._built.core.order
        return order

    @property
    def nbytes(self) -> int:
        """Bytes of memory beyond the points themselves: their prepared form."""
        return int(self._built.core.nbytes)

    @property
    def distances_computed(self) -> DistanceCounts:
        """How many distances were computed to build the index, and by its searches so far.

        Examples
        --------
        >>> index = Index(np.random.default_rng(0).random((5000, 8)), "kldivgen")
        >>> before = index.distances_computed
        >>> found = index.search(index.points[:2], k=10)
        >>> index.distances_computed.scanned - before.scanned
        10000
        """
        each = [self._built.core.computed]
        if self._scan is not None and self._scan is not self._built:
            each.append(self._scan.core.computed)
        return DistanceCounts(*(sum(counts) for counts in zip(*each, strict=True)))

    @property
    def tree_visits(self) -> TreeVisits:
        """Where the searches of a tree have come to so far.

        Examples
        --------
        >>> index = Index(np.random.default_rng(0).random((50_000, 2)), method="kd_tree")
        >>> found = index.search([0.5, 0.5], k=1)
        >>> index.tree_visits.leaves < 10 < index.tree_visits.settled
        True
        """
        return TreeVisits(*self._built.core.visits)

    def explain(self) -> Explanation:
        """How this index searches: what :func:`anear.explain` tells of its distance, the memory it takes, which method
        searches and why, what was proved of the bound that a tree leaves out points by, and what codes cost in recall.

        Examples
        --------
        >>> text = Index(np.ones((900, 3), np.float32), "euclidean").explain().text
        >>> [line for line in text.splitlines() if "memory" in line]
        ['  memory          ... bytes a point, beside the 12 of the point itself']
        """
        from anear.index.explain import explained

        each = self.nbytes / len(self._rows)
        row = self._rows.shape[1] * self._rows.itemsize
        text = f"{each:.0f} bytes a point, beside the {row} of the point itself"
        choice = self._built.choice or (self._method,)
        notes = [("method", line) for line in choice] + [("bound", line) for line in self._built.words]
        notes += [("recall", line) for line in (self._promise.lines(len(self)) if self._promise is not None else ())]
        if self._built.bits and not self._space.fields("query"):
            from anear.index.coded import cost_of_codes

            rows, themselves = self._as_queries(most=_ASKED)
            notes.append(("codes", cost_of_codes(lambda k, how: self._knn(rows, k, 0, themselves, None, None, how))))
        return explained(self._resolved, self._space.stages, self._built.plan, text, notes)

    # searching

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
        query_data: Mapping[str, Any] | None = None,
        allow: Any = None,
        deny: Any = None,
        exclude: Any = None,
        max_leaves: int | None = None,
        ef: int | None = None,
        rerank: int | None = None,
        min_recall: float | None = None,
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> Neighbors:
        """The k nearest points of each query, exactly unless the method is a graph or ``max_leaves`` says when to stop.

        Parameters
        ----------
        queries : array (n_queries, D), or one vector (D,). Taken in the precision of the search (float32 unless the
            points are float64).
        k : how many; more than there are points gives id -1 and distance inf in the places left over.
        query_data : {name: array} for each ``query_field(name)`` of the formula, in the precision of the search.
        allow, deny : points that may, or may not, be returned: ids, a mask with a boolean for each, or a function that
            makes one of the array of all ids.
        exclude : for each query the id of one point to leave out (-1: none).
        max_leaves : for trees: look into so many cells of a few points each, the nearest first, and no further. Fast,
            and may miss neighbours. Where "auto" has chosen to scan there is nothing to leave out.
        ef : for graphs: the width of the walk, at least k; the wider, the more of the nearest are found (64, or what
            the certificate is for). For "ivf": how many lists are scanned (its "probes", or what the certificate is
            for).
        rerank : where there are codes: how many of the nearest by their codes are compared in full (in a graph until
            2 * k in a row are not among the k nearest; of lists 2 * k + ef / 16).
        min_recall : find so large a share of the k nearest, in the mean over queries like those of the
            :attr:`certificate`: as narrow a walk as is proved to. Exact methods find all in any case.
        num_threads : None: as many as the process may use. The answer is the same for any number.
        progress : as for ``Index``.

        Returns
        -------
        Neighbors : ids and distances, sorted by distance, then id.

        Raises
        ------
        ArgumentError, DomainError : naming the argument, what it was and what is allowed.

        Examples
        --------
        >>> index = Index(np.array([[0.0], [1.0], [5.0]]), "manhattan")
        >>> index.search([[0.9], [4.0]], k=2).ids
        array([[1, 0],
               [2, 1]])
        >>> index.search([0.9], k=2, deny=[1]).ids
        array([0, 2])
        """
        if (
            self._plain is not None and query_data is None and allow is None and deny is None and exclude is None
            and max_leaves is None and (rerank is None or self._built.bits) and min_recall is None and progress is None
            and (ef is not None or self._promise is None or type(k) is int)
        ):  # fmt: skip
            built = self._built
            width = ef if ef is not None or self._promise is None else self._promise.usual_ef(k)
            found = built.core.one(queries, self._plain, k, num_threads, width, 0.0, rerank)
            if found is not None:
                return Neighbors(named(built.ids, found[0]), found[1])
        rows, single = self._queries(queries, query_data)
        built, count = self._for(rows), len(rows)
        k = neighbour_count(k, len(self), count)
        found = self._knn(
            rows,
            k,
            threads(num_threads),
            left_out(built.ids, len(self), exclude, count),
            filtered(built.ids, len(self), allow, deny),
            callback(progress),
            search_limits(self, k, max_leaves, ef, rerank, min_recall),
            built,
        )
        return Neighbors(found.ids[0], found.distances[0]) if single else found

    def _knn(
        self,
        rows: npt.NDArray[Any],
        k: int,
        team: int,
        exclude: PointIds | None,
        allow: npt.NDArray[np.uint8] | None,
        progress: Progress | None,
        limits: Mapping[str, float] | None = None,
        built: Built | None = None,
    ) -> Neighbors:
        """A search whose arguments have been checked."""
        built, storage = built or self._for(rows), storage_name(rows)
        core, arithmetic, outer = built.core, self._space.arithmetic, self._space.stages.outer
        limits = limits if limits and not built.scans else {}
        if limits or not may_be_flat(outer, self._space.checked):
            ids, distances = core.knn(viewed(rows), storage, k, team, exclude, allow, arithmetic, progress, limits)
            return Neighbors(named(built.ids, ids), distances)

        def within(some: npt.NDArray[np.intp], radius: npt.NDArray[np.float64]) -> Any:
            left_out = None if exclude is None else exclude[some]
            ranks = rank_of_radius(outer, radius)
            return core.range(viewed(rows[some]), storage, ranks, radius, left_out, allow, team, "float64", progress)

        ids, distances = core.knn(viewed(rows), storage, k, team, exclude, allow, "float64", progress)
        with_ties(ids, distances, outer, max(len(self), 1), within)
        with np.errstate(over="ignore"):
            return Neighbors(named(built.ids, ids), distances.astype(arithmetic, copy=False))

    def self_search(
        self, k: int = 10, *, num_threads: int | None = None, progress: Progress | None = None
    ) -> Neighbors:
        """The k nearest other points of every point: a point is never its own neighbour.

        Only for formulas without fields of the query.
        """
        rows, everyone = self._as_queries()
        k = neighbour_count(k, len(rows), len(rows))
        limits = search_limits(self, k, None, None, None, None)
        return self._knn(rows, k, threads(num_threads), everyone, None, callback(progress), limits)

    def _as_queries(self, most: int | None = None) -> tuple[npt.NDArray[Any], PointIds]:
        """The points, or some of them, as queries, and for each its own place."""
        if self._space.fields("query"):
            raise ArgumentError("self_search: the formula uses query_field(...), which points do not have")
        places = np.arange(len(self)) if self._ids is None else self._ids.live_places
        step = 1 if most is None else max(1, len(places) // most)
        return self._queries(self.points[::step], None)[0], point_ids(places[::step])

    def range_search(
        self,
        queries: Any,
        radius: Any,
        *,
        query_data: Mapping[str, Any] | None = None,
        allow: Any = None,
        deny: Any = None,
        exclude: Any = None,
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> RangeNeighbors:
        """All points with distance <= radius from each query.

        Parameters
        ----------
        radius : one number for all queries, or one for each; inf returns everything whose distance is not NaN.

        The others are as for :meth:`search`.

        Examples
        --------
        >>> found = Index(np.array([[0.0], [1.0], [5.0]]), "manhattan").range_search([[0.9], [4.0]], radius=1)
        >>> found.offsets, found.of(0).ids
        (array([0, 2, 3]), array([1, 0]))
        """
        rows, _ = self._queries(queries, query_data)
        built, wanted = self._for(rows), radii(radius, len(rows))
        ids, distances, offsets = built.core.range(
            viewed(rows),
            storage_name(rows),
            rank_of_radius(self._space.stages.outer, wanted),
            wanted,
            left_out(built.ids, len(self), exclude, len(rows)),
            filtered(built.ids, len(self), allow, deny),
            threads(num_threads),
            self._space.arithmetic,
            callback(progress),
        )
        return RangeNeighbors(named(built.ids, ids), distances, offsets)

    def save(self, path: Any, *, points: Any = None) -> None:
        """Write the index to one file, replacing an old one only when the new one is complete.

        ``points`` names a .npy file that holds the points already: the index's file then refers to it.
        """
        from anear.index.files import save

        save(self, path, points)

    def verify(self) -> None:
        """Compare what ``load(mmap=True)`` left on disk with its checksums; FileFormatError names what is damaged.

        Examples
        --------
        >>> Index(np.eye(3)).verify()
        """
        for array in self._unchecked:
            array.check()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied as the bytes of a saved file; what files do not hold is made again where it arrives."""
        from anear.index.files import dumps, loads

        return loads, (dumps(self),)

    def _queries(self, queries: Any, data: Mapping[str, Any] | None) -> tuple[npt.NDArray[Any], bool]:
        return query_rows(
            queries, self._resolved, self._space, data, check_domain=self._check_domain, allow_nan=self._allow_nan
        )

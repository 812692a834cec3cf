"""The life of an index: points come, go and move while other threads search it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import as_rows, storage_name
from anear.data.types.dense import MAX_ROWS, point_ids, shown, to_float
from anear.errors import ArgumentError
from anear.formula.hoist import fields
from anear.index.arguments import Progress, callback, threads
from anear.index.compact import compacted_graph
from anear.index.growing import Growing
from anear.index.ids import Ids, checked_ids
from anear.index.methods import GRAPHS, Built, build
from anear.index.objects import point_rows, viewed
from anear.index.results import IndexCheck

if TYPE_CHECKING:
    from anear.index.tables import Space
    from anear.spaces.space import Resolved

__all__ = ["Changes", "Living"]

Array = npt.NDArray[Any]

# The methods that points come into and leave.
LIVING: Final = ("flat", "ivf", *GRAPHS)

# Points that leave or move are taken a batch at a time: between two batches the index is whole, and may be left so.
_BATCH: Final = 2048
_BATCHES: Final = 16


class Changes:
    """One change of an index at a time, and the memory that its points grow in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        self.rows: Growing | None = None
        self.objects: Growing | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody else changes the index."""
        if self._thread == threading.get_ident():
            raise ArgumentError("the points of an index cannot be changed from within the progress of another change")
        with self._lock:
            self._thread = threading.get_ident()
            try:
                yield
            finally:
                self._thread = None


class Living:
    """What an index can do with its points after it was built."""

    _built: Built
    _rows: Array
    _resolved: Resolved
    _space: Space
    _method: str
    _options: Mapping[str, Any]
    _check_domain: bool
    _allow_nan: bool
    _scan: Built | None
    _changes: Changes
    _ids: Ids | None

    def __len__(self) -> int:
        return len(self._rows) if self._ids is None else len(self._ids)

    @property
    def points(self) -> Array:
        """The points' coordinates, read-only; where points were removed, those that are left."""
        rows, ids = self._rows, self._ids
        if ids is not None and len(ids) < len(rows):
            rows = rows[ids.live_places]
        view = rows[:, : self._space.dimension].view()
        view.flags.writeable = False
        return view

    @property
    def ids(self) -> Array:
        """The ids of the points there are, in the order of :attr:`points`: int64, or texts."""
        return np.arange(len(self._rows), dtype=np.int64) if self._ids is None else self._ids.live

    def add(
        self,
        points: Any,
        ids: Any = None,
        *,
        point_data: Mapping[str, Any] | None = None,
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> Array:
        """Take in more points, while other threads may search. For "flat", "ivf" and graphs.

        The same points added in the same order make the same index, on any number of threads. The array that the index
        was built with is copied once, when the first point is added.

        Parameters
        ----------
        points : array (n, D), or what converts to one; kept in the type that the index holds. float64 is rounded to
            float32, other types must hold the numbers exactly.
        ids : n different ids that no point has: whole numbers from 0, or texts where the index was built with texts.
            None: the whole numbers behind the largest there ever was.
        point_data, num_threads, progress : as for ``Index``.

        Returns
        -------
        The ids of the new points.

        Raises
        ------
        ArgumentError, DomainError : naming the argument, what it was and what is allowed; no point was added then.

        Examples
        --------
        >>> from anear import Index
        >>> index = Index(np.array([[0.0], [1.0], [5.0]]), "manhattan", method="hnsw")
        >>> index.add([[4.0], [9.0]])
        array([3, 4])
        >>> index.search([4.2], k=2).ids
        array([3, 2])
        """
        team, progress = threads(num_threads), callback(progress)
        with self._changes.alone():
            table = self._living("add")
            rows = self._new_rows(points, point_data)
            names = table.fresh(ids, len(rows))
            if table.slots + len(rows) > MAX_ROWS:
                raise ArgumentError(f"points has {len(rows)} rows more than an index holds; compact makes room")
            self._append(rows, names, team, progress)
            return names

    def remove(self, ids: Any, *, num_threads: int | None = None, progress: Progress | None = None) -> None:
        """Take points out, while other threads may search. For "flat", "ivf" and graphs.

        No search that begins after this has returned finds them. Their memory is freed by :meth:`compact`.

        Parameters
        ----------
        ids : of points of the index, each once.
        num_threads, progress : as for ``Index``. Where ``progress`` stops it some of the points are still there.

        Raises
        ------
        ArgumentError : where an id is no point's; no point was removed then.

        Examples
        --------
        >>> from anear import Index
        >>> index = Index(np.array([[0.0], [1.0], [5.0]]), "manhattan", ids=["a", "b", "c"])
        >>> index.remove(["b"])
        >>> index.search([0.9], k=3).ids
        array(['a', 'c', ''], dtype='<U1')
        """
        team, progress = threads(num_threads), callback(progress)
        with self._changes.alone():
            table = self._living("remove")
            for some in _batches(_distinct(table, ids)):
                self._drop(some, team, progress)

    def update(
        self,
        ids: Any,
        points: Any,
        *,
        point_data: Mapping[str, Any] | None = None,
        num_threads: int | None = None,
    ) -> None:
        """Move points: each id gets other coordinates. A search meanwhile may find neither the old ones nor the new.

        Parameters
        ----------
        ids : n ids of points of the index, each once.
        points, point_data, num_threads : as for :meth:`add`; one row for each id.

        Raises
        ------
        ArgumentError, DomainError : naming the argument, what it was and what is allowed; no point was moved then.

        Examples
        --------
        >>> from anear import Index
        >>> index = Index(np.array([[0.0], [1.0], [5.0]]), "manhattan")
        >>> index.update([0], [[4.5]])
        >>> index.search([5.0], k=2).ids
        array([2, 0])
        """
        team = threads(num_threads)
        with self._changes.alone():
            table = self._living("update")
            places = _distinct(table, ids)
            rows = self._new_rows(points, point_data)
            if len(rows) != len(places):
                raise ArgumentError(f"points has {len(rows)} rows for {len(places)} ids; one for each is needed")
            start = 0
            for some in _batches(places):
                names, old = table.named(some), self._rows[some]
                self._drop(some, team, None)
                try:
                    self._append(rows[start : start + len(some)], names, team, None)
                except BaseException:
                    self._append(old, names, team, None)
                    raise
                start += len(some)

    def compact(self, *, num_threads: int | None = None, progress: Progress | None = None) -> None:
        """Free the memory of points that were removed. Ids stay what they are.

        Searches meanwhile go through the index as it was. For "ivf" lists are cut anew, also where points only came:
        an index that has grown to many times its size wants more of them.

        Examples
        --------
        >>> from anear import Index
        >>> index = Index(np.array([[0.0], [1.0], [5.0]]), "manhattan")
        >>> index.remove([1])
        >>> index.compact()
        >>> index.ids
        array([0, 2])
        """
        team, progress = threads(num_threads), callback(progress)
        with self._changes.alone():
            table = self._living("compact")
            grown = self._method == "ivf" and "built" in self._built.core.parts
            if len(table) == 0 or (table.slots == len(table) and not grown):
                return
            kept = table.live_places
            rows = np.ascontiguousarray(self._rows[kept])
            built = self._compacted(rows, kept, team, progress)
            self._changes.rows = self._changes.objects = None
            self._now(rows, built, table.compacted())

    def check(self) -> IndexCheck:
        """Look at the whole structure: every link leads to a point, none twice, and every point is in reach.

        Examples
        --------
        >>> from anear import Index
        >>> index = Index(np.random.default_rng(0).random((300, 4)), method="hnsw")
        >>> index.check()
        IndexCheck(points=300, reachable=300, faults=())
        >>> index.check().ok
        True
        """
        if self._method not in LIVING:
            return IndexCheck(len(self), len(self), ())
        _, live, reachable, faults = self._built.core.check()
        return IndexCheck(live, reachable, tuple(faults))

    # how

    def _living(self, what: str) -> Ids:
        """The table of ids, made where there was none; an error where the method's points are fixed."""
        if self._method not in LIVING:
            serve = ", ".join(f"{name!r}" for name in LIVING)
            raise ArgumentError(
                f"{what}: method is {self._method!r}, whose points are fixed once it is built; methods that take "
                f"points in and out: {serve}"
            )
        if self._ids is None:
            self._now(self._rows, self._built, Ids(len(self._rows)))
        assert self._ids is not None
        return self._ids

    def _leave_out_dead(self) -> None:
        """Tell a method that was built over all rows of a file which of them were removed."""
        if self._method not in LIVING:
            return
        ids, live = self._ids, self._built.core.live
        gone = 0 if ids is None else ids.slots - len(ids)
        if ids is not None and gone and live == ids.slots:
            self._built.core.remove(point_ids(np.flatnonzero(ids.alive == 0)), self._form(self._rows), 0, None)
        elif live != len(self):
            raise ArgumentError(f"{len(self)} points are said to be alive, and the method holds {live}")

    def _now(self, rows: Array, built: Built, ids: Ids) -> None:
        """From now on this answers."""
        self._rows, self._ids, self._built = rows, ids, replace(built, ids=ids)
        if self._method == "flat":
            self._scan = self._built

    def _new_rows(self, points: Any, data: Mapping[str, Any] | None) -> Array:
        """New points as the rows of this index, checked as those that it was built with."""
        dimension = self._space.dimension
        rows, _ = point_rows(
            as_rows(points, "points", True, dimension),
            self._resolved,
            fields(self._resolved.expr, "point"),
            data,
            check_domain=self._check_domain,
            allow_nan=self._allow_nan,
        )
        return _stored_as(rows, self._rows)

    def _append(self, rows: Array, names: Array, team: int, progress: Progress | None) -> None:
        changes, table = self._changes, self._ids
        assert table is not None
        if changes.rows is None:
            changes.rows = Growing(self._rows)
        before = table.slots
        everything = changes.rows.extend(rows)
        # The new ids are known before the core can find them.
        table.extend(names, len(rows))
        core = self._built.core
        try:
            core.add(viewed(everything), storage_name(everything), self._form(everything), team, progress)
        except BaseException:
            if core.points == before:
                changes.rows.cut(before)
                table.cut(before)
            else:
                table.forget(before)
                self._rows = everything
            raise
        self._rows = everything

    def _drop(self, places: npt.NDArray[np.int64], team: int, progress: Progress | None) -> None:
        table = self._ids
        assert table is not None
        self._built.core.remove(point_ids(places), self._form(self._rows), team, progress)
        table.remove(places)

    def _form(self, rows: Array) -> Any:
        """The points as a graph and lists take them; None for a scan."""
        if self._built.row_form is None:
            return None
        changes, dimension = self._changes, self._space.dimension
        if rows.shape[1] == dimension:
            return self._built.row_form(rows, rows)
        if changes.objects is None:
            changes.objects = Growing(np.ascontiguousarray(rows[:, :dimension]))
        have = len(changes.objects)
        if have < len(rows):
            changes.objects.extend(rows[have:, :dimension])
        return self._built.row_form(rows, changes.objects.rows[: len(rows)])

    def _compacted(self, rows: Array, kept: npt.NDArray[np.int64], team: int, progress: Progress | None) -> Built:
        """The method over these rows alone: a graph keeps its links, lists are cut anew."""
        stored = None
        if self._method in GRAPHS:
            stored = self._built.stored()
            stored = replace(stored, arrays=compacted_graph(stored.arrays, kept, len(self._rows)))
        return build(
            self._method, self._space, rows, self._resolved, self._options, team, progress, self._check_domain, stored
        )


def _distinct(table: Ids, ids: Any) -> npt.NDArray[np.int64]:
    """The places of these points, each named once."""
    places = table.places(ids, "ids")
    if len(np.unique(places)) != len(places):
        checked_ids(table.named(places), len(places))
    return places


def _batches(places: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    size = max(_BATCH, -(-len(places) // _BATCHES))
    for start in range(0, len(places), size):
        yield places[start : start + size]


def _stored_as(rows: Array, like: Array) -> Array:
    """Rows in the type of others."""
    if rows.dtype == like.dtype:
        return rows
    target = storage_name(like)
    wide = to_float(rows)
    if target == "bfloat16":
        narrow = (np.ascontiguousarray(wide, np.float32).view(np.uint32) >> 16).astype(np.uint16).view(like.dtype)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = wide.astype(like.dtype)
    back = to_float(narrow)
    rounded = target == "float32" and wide.dtype == np.float64
    with np.errstate(invalid="ignore"):
        wrong = (np.isinf(back) & np.isfinite(wide)) if rounded else (back != wide) & ~(np.isnan(wide) & np.isnan(back))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ArgumentError(
            f"points[{where[0]}, {where[1]}] is {shown(wide[where])}; this index holds {target}, which has no such"
            " number"
        )
    return narrow

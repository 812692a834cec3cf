"""The points within a radius: how many there are, which, and which of them belong together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anear.data.arrays import storage_name
from anear.errors import ArgumentError
from anear.formula.bounds_number import always_number
from anear.index.arguments import Progress, callback, flag, radii, radii_for_all, shown, threads
from anear.index.ids import named
from anear.index.objects import viewed
from anear.index.radius import rank_of_radius, rank_within_radius
from anear.index.results import IdsWithin, PointPairs

if TYPE_CHECKING:
    from anear import _core
    from anear.index.methods import Built
    from anear.index.tables import Space
    from anear.spaces.space import Resolved

__all__ = ["Counting"]

_always_number = lru_cache(maxsize=256)(always_number)


class Counting:
    """An index that counts."""

    _space: Space
    _resolved: Resolved
    _allow_nan: bool
    _rows: npt.NDArray[Any]
    _plain: _core.PlainQueries | None
    _built: Built
    _last_radius = (math.nan, 0.0, 0.0)  # a radius with its ranks: most calls have that of the call before

    if TYPE_CHECKING:

        def _queries(self, queries: Any, data: Mapping[str, Any] | None) -> tuple[npt.NDArray[Any], bool]: ...
        def _for(self, rows: npt.NDArray[Any]) -> Built: ...

    def count(
        self,
        queries: Any,
        radius: Any,
        *,
        query_data: Mapping[str, Any] | None = None,
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.int64]:
        """How many points have distance <= radius from each query.

        The parameters are those of :meth:`Index.range_search`; returns an array (n_queries,).

        Examples
        --------
        >>> from anear import Index
        >>> Index(np.array([[0.0], [1.0], [5.0]]), "manhattan").count([[0.9], [4.0]], radius=1)
        array([2, 1])
        """
        rows, _ = self._queries(queries, query_data)
        wanted = radii(radius, len(rows))
        counts: npt.NDArray[np.int64] = self._for(rows).core.count(
            viewed(rows),
            storage_name(rows),
            rank_of_radius(self._space.stages.outer, wanted),
            self._sure_ranks(wanted),
            wanted,
            None,
            None,
            threads(num_threads),
            callback(progress),
        )
        return counts

    def count_pairs(
        self,
        queries: Any,
        radius: Any,
        *,
        query_data: Mapping[str, Any] | None = None,
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.int64]:
        """How many pairs of a query and a point have distance <= each of several radii.

        All radii are counted in one walk through a tree, and cells of points wholly within a radius at once.

        Parameters
        ----------
        radius : a number or an array (radii,), in any order.

        The others are as for :meth:`Index.range_search`.

        Returns
        -------
        array (radii,).

        Examples
        --------
        >>> from anear import Index
        >>> Index(np.array([[0.0], [1.0], [5.0]]), "manhattan").count_pairs([[0.9], [4.0]], radius=[10, 1, 0])
        array([6, 3, 0])
        """
        rows, _ = self._queries(queries, query_data)
        wanted, places = np.unique(radii_for_all(radius), return_inverse=True)
        if not len(wanted):
            return np.zeros(0, np.int64)
        counts: npt.NDArray[np.int64] = self._for(rows).core.pairs(
            viewed(rows),
            storage_name(rows),
            rank_of_radius(self._space.stages.outer, wanted),
            self._sure_ranks(wanted),
            wanted,
            threads(num_threads),
            callback(progress),
        )
        return counts[places]

    def ids_within(
        self,
        queries: Any,
        radius: Any,
        *,
        distances: bool = False,
        query_data: Mapping[str, Any] | None = None,
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> IdsWithin:
        """Which points have distance <= radius from each query, not put in order by it: less work than
        :meth:`Index.range_search`, for most of them need no exact distance.

        Parameters
        ----------
        distances : whether distances are wanted as well.

        The others are as for :meth:`Index.range_search`.

        Examples
        --------
        >>> from anear import Index
        >>> Index(np.array([[0.0], [1.0], [5.0]]), "manhattan").ids_within([[0.9], [4.0]], radius=1)
        IdsWithin(ids=array([0, 1, 2]), distances=None, offsets=array([0, 2, 3]))
        """
        if type(radius) is float and query_data is None and distances is False and progress is None:
            found = self.plainly_within(queries, radius, num_threads)
            if found is not None:
                return IdsWithin(found, None, np.array([0, len(found)]))
        rows, _ = self._queries(queries, query_data)
        wanted, built = radii(radius, len(rows)), self._for(rows)
        ids, lengths, offsets = built.core.listed(
            viewed(rows),
            storage_name(rows),
            rank_of_radius(self._space.stages.outer, wanted),
            self._sure_ranks(wanted),
            wanted,
            flag(distances, "distances"),
            threads(num_threads),
            callback(progress),
        )
        return IdsWithin(named(built.ids, ids), lengths, offsets)

    def plainly_within(self, query: Any, radius: float, num_threads: int | None) -> npt.NDArray[Any] | None:
        """The ids within a radius of one query, rising, if all is plain: what is checked costs more than the search."""
        if self._plain is None:
            return None
        last, built = self._last_radius, self._built
        if last[0] != radius:
            wanted = radii(radius, 1)
            rank = rank_of_radius(self._space.stages.outer, wanted).item()
            last = self._last_radius = radius, rank, self._sure_ranks(wanted).item()
        found = built.core.listed_one(query, self._plain, last[1], last[2], radius, num_threads)
        return None if found is None else named(built.ids, found)

    def pairs_within(
        self,
        radius: float,
        *,
        distances: bool = False,
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> PointPairs:
        """Every two points whose distance is at most ``radius``, each pair once, in no particular order.

        Parameters
        ----------
        radius : one number.
        distances : whether distances are wanted as well.
        num_threads, progress : as for :meth:`Index.range_search`; the answer is the same for any number of threads.

        Raises
        ------
        ArgumentError : where the formula has fields, or is not proved to be symmetric: from one point to another and
            back may then be different distances, both of which ``range_search(points)`` finds.

        Examples
        --------
        >>> from anear import Index
        >>> Index(np.array([[0.0], [1.0], [5.0]]), "manhattan").pairs_within(1, distances=True)
        PointPairs(ids=array([[0, 1]]), distances=array([1.]))
        """
        wanted = radii_for_all(radius)
        if wanted.shape != (1,):
            raise ArgumentError(f"radius is {shown(radius)}; allowed: one number")
        from anear.index.metrics import symmetric  # few want pairs

        if not symmetric(self._resolved, self._space.checked):
            raise ArgumentError(
                f"pairs_within needs a symmetric distance, and {self._resolved.label} is not proved to be one"
            )
        rows, _ = self._queries(self._rows, None)
        built = self._for(rows)
        ids, lengths = built.core.join(
            viewed(rows),
            storage_name(rows),
            rank_of_radius(self._space.stages.outer, wanted).item(),
            self._sure_ranks(wanted).item(),
            wanted.item(),
            flag(distances, "distances"),
            threads(num_threads),
            callback(progress),
        )
        return PointPairs(named(built.ids, ids), lengths)

    def _sure_ranks(self, wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Ranks that need no exact distance to be counted: none where a point may have a rank but no distance."""
        stages = self._space.stages
        defined = self._space.checked or _always_number(self._resolved.expr)
        if self._allow_nan or not defined or not self._space.proved(stages.direct):
            return np.full_like(wanted, -np.inf)
        return rank_within_radius(stages.outer, wanted)

"""Counting the points within a radius, without listing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anear.data.arrays import storage_name
from anear.formula.bounds_number import always_number
from anear.index.arguments import Progress, callback, radii, radii_for_all, threads
from anear.index.objects import viewed
from anear.index.radius import rank_of_radius, rank_within_radius

if TYPE_CHECKING:
    from anear.index.methods import Built
    from anear.index.tables import Space
    from anear.spaces.space import Resolved

__all__ = ["Counting"]


class Counting:
    """An index that counts."""

    _space: Space
    _resolved: Resolved
    _allow_nan: bool

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

    def _sure_ranks(self, wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Ranks that need no exact distance to be counted: none where a point may have a rank but no distance."""
        stages = self._space.stages
        defined = self._space.checked or always_number(self._resolved.expr)
        if self._allow_nan or not defined or stages.direct.relative is None:
            return np.full_like(wanted, -np.inf)
        return rank_within_radius(stages.outer, wanted)

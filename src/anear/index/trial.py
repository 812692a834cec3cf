"""Trying methods over points: what they answer, what they should, and how long it takes them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import storage_name
from anear.data.types.dense import PointIds, point_ids
from anear.index.asking import Asked, MadeUp
from anear.index.certify import Answers
from anear.index.methods import Built, build, checked_options
from anear.index.objects import query_rows, viewed

if TYPE_CHECKING:
    from anear.index.arguments import Progress
    from anear.index.index import Index

__all__ = ["Trial"]

_PIECE: Final = 1 << 16  # points that are scanned at a time: their prepared form is all the memory it takes
_NEIGHBOURS: Final = 10
_TIMED: Final = 32
_SLOW: Final = 5e6  # nanoseconds; of queries that take so long some are enough
_ENOUGH: Final = 3e7
_LEAST: Final = 1e7  # of quick ones so much, for a machine may be busy for as long as a few rounds take
_ROUNDS: Final = 5
_MOST_ROUNDS: Final = 1000  # of methods that take next to nothing

Rows = npt.NDArray[Any]


class Trial:
    """The points of an index, or some of them.

    Parameters
    ----------
    index : checked, not necessarily built.
    rows : what to try instead of its own rows.
    live : the rows that are points, by number; None: all.
    """

    def __init__(
        self, index: Index, team: int, rows: Rows | None = None, live: npt.NDArray[np.int64] | None = None
    ) -> None:
        self._index, self._team = index, team
        self.space, self.rows, self.live = index._space, index._rows if rows is None else rows, live

    def __len__(self) -> int:
        return len(self.rows if self.live is None else self.live)

    def some(self, count: int, seed: int) -> Trial:
        """So many points, drawn at random."""
        drawn = np.random.default_rng(seed).choice(len(self.rows), count, replace=False)
        return Trial(self._index, self._team, np.ascontiguousarray(self.rows[np.sort(drawn)]))

    def build(
        self,
        method: str,
        options: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        like: Built | None = None,
    ) -> Built:
        """A method over the points; ``like``: with the links of one that was built over them, in another form."""
        index = self._index
        return build(
            method, self.space, self.rows, index._resolved, checked_options(method, options), self._team, progress,
            index._check_domain, None if like is None else like.stored(),
        )  # fmt: skip

    def queries(self, rows: Any, name: str = "queries") -> Rows:
        """Rows as the distance's queries, checked."""
        index = self._index
        checks = {"check_domain": index._check_domain, "allow_nan": index._allow_nan}
        return query_rows(rows, index._resolved, self.space, None, name=name, **checks)[0]

    def made_up(self, built: Built, seed: int) -> MadeUp:
        """A source of queries made from the points; ``built`` finds the points near a point."""

        def near(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            points = self.queries(np.ascontiguousarray(self.rows[ids, : self.space.dimension]))
            asked = Asked(points, point_ids(ids))
            found: npt.NDArray[np.int64] = self._knn(built, asked, _NEIGHBOURS, self._team, {})[0]
            return found

        return MadeUp(self.rows[:, : self.space.dimension], self.live, near, self.queries, seed)

    def answers(self, built: Built, asked: Asked, k: int, ef: int | None = None) -> Answers:
        """What a method finds."""
        ids, distances = self._knn(built, asked, k, self._team, _limits(ef))
        return Answers(distances, ids >= 0)

    def gold(self, asked: Asked, k: int) -> Answers:
        """What a scan finds, piece by piece."""
        best, there = [], []
        for start in range(0, len(self), _PIECE):
            ids = np.arange(start, min(start + _PIECE, len(self)))
            ids = ids if self.live is None else self.live[ids]
            part = Trial(self._index, self._team, np.ascontiguousarray(self.rows[ids]))
            found = part.answers(part.build("flat"), Asked(asked.rows, _places(asked.exclude, ids)), k)
            best.append(found.distances)
            there.append(found.there)
        distances = np.where(np.concatenate(there, axis=1), np.concatenate(best, axis=1), np.nan)
        order = np.argsort(distances, axis=1)[:, :k]  # NaN, which is no distance, comes last
        distances = np.take_along_axis(distances, order, axis=1)
        return Answers(np.where(np.isnan(distances), np.inf, distances), ~np.isnan(distances))

    def nanoseconds(self, tried: Sequence[tuple[Built, int | None]], asked: Asked, k: int) -> list[float]:
        """CPU time of a query alone, in one thread, of methods at their widths: the least of rounds in which they take
        turns, so that a busy machine is as hard on one as on another. Asked as users ask, which for plain queries takes
        less than a call that checks everything; points to leave out are not left out then.
        """
        single = [asked.part(i, i + 1) for i in range(min(len(asked), _TIMED))]
        least, spent = [math.inf] * len(tried), 0.0
        for done in range(1, _MOST_ROUNDS + 1):
            took = [self._time(built, single, k, ef) for built, ef in tried]
            least = [min(pair) for pair in zip(least, took, strict=True)]
            spent += sum(took) * len(single)
            if spent > (_LEAST if done >= _ROUNDS else _ENOUGH) * len(tried):
                break
            if max(took, default=0.0) > _SLOW:
                single = single[:4]
        return least

    def _time(self, built: Built, single: Sequence[Asked], k: int, ef: int | None) -> float:
        plain, limits = self._index._plain_queries(built), _limits(ef)
        rows = [viewed(one.rows) for one in single]
        start = time.thread_time_ns()
        for one, row in zip(single, rows, strict=True):
            if plain is None or built.core.one(row, plain, k, 1, ef) is None:
                self._knn(built, one, k, 1, limits)
        return (time.thread_time_ns() - start) / max(len(single), 1)

    def _knn(self, built: Built, asked: Asked, k: int, team: int, limits: Mapping[str, float]) -> Any:
        storage = storage_name(asked.rows)
        return built.core.knn(
            viewed(asked.rows), storage, k, team, asked.exclude, None, self.space.arithmetic, None, dict(limits)
        )


def _limits(ef: int | None) -> dict[str, float]:
    return {} if ef is None else {"ef": float(ef)}


def _places(exclude: PointIds | None, ids: npt.NDArray[np.int64]) -> PointIds | None:
    """Where among ``ids``, which rise, those to leave out are; NOBODY: nowhere."""
    if exclude is None:
        return None
    at = np.minimum(np.searchsorted(ids, exclude), len(ids) - 1)
    return point_ids(np.where(ids[at] == exclude, at, -1))

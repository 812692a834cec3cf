"""Queries that recall is measured with: the user's own, or made up from the points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from anear.data.types.dense import NOBODY, PointIds, point_ids, to_float
from anear.errors import AnearError, ArgumentError
from anear.index.promise import GIVEN, ITSELF, PERTURBED

__all__ = ["Asked", "Given", "MadeUp", "Source"]

Rows = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_PILOT: Final = 4  # of the user's queries one in so many, and at most so many, are for choosing and not for proving
_MOST_PILOTS: Final = 256
_BOX: Final = 4096  # points that tell the box
_PILOTS: Final = 64  # rows that tell whether the distance takes any made-up ones
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries, and for each the id of a point that is no answer to it, where there is one."""

    rows: Rows
    exclude: PointIds | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, stop: int) -> Asked:
        """Some of them."""
        return Asked(self.rows[start:stop], None if self.exclude is None else self.exclude[start:stop])


class Source(Protocol):
    """Where queries come from. ``fresh`` ones are drawn independently of the pilots, and none is drawn twice."""

    @property
    def about(self) -> str:
        """What population they are drawn from, in words."""

    def pilot(self, count: int) -> Asked:
        """Queries to choose by, at most so many; the same ones each time."""

    def fresh(self, count: int) -> Asked:
        """Queries to prove by, at most so many."""


class Given:
    """The user's queries in random order: what is proved is proved of queries that come as these did."""

    about = GIVEN

    def __init__(self, rows: Rows, seed: int, pilots: bool = True) -> None:
        mixed = rows[np.random.default_rng(seed).permutation(len(rows))]
        count = min(-(-len(rows) // _PILOT), _MOST_PILOTS) if pilots else 0
        self._pilots, self._fresh = np.ascontiguousarray(mixed[:count]), mixed[count:]

    def pilot(self, count: int) -> Asked:
        """Queries to choose by."""
        return Asked(self._pilots[:count])

    def fresh(self, count: int) -> Asked:
        """Queries to prove by."""
        drawn, self._fresh = self._fresh[:count], self._fresh[count:]
        return Asked(np.ascontiguousarray(drawn))


class MadeUp:
    """Queries a + b - c, of a random point and two of its near neighbours, kept to the box that points fill; where no
    such row lies in the distance's domain, rows that have each coordinate of a or of b; else the points.

    They are as far from a point as its neighbours are from each other. Rows between near points lie nearer, and graphs
    find more for them than for points that they were built without. Recall@10 at ef=10 of rows between, of these, and
    of points held out, 12,000 points each: Fashion-MNIST 0.96, 0.92, 0.91; word vectors 0.91, 0.79, 0.78; 128 numbers
    made like SIFT's 0.97, 0.89, 0.91. Where points hardly have neighbours all of them are too easy: 16 uniform numbers
    0.92, 0.81, 0.70; 100 heavy-tailed ones 0.72, 0.51, 0.36.

    Parameters
    ----------
    points : coordinates.
    ids : of the points there are; None: all rows.
    neighbours : for points by their ids, ids (count, some) of points near them, -1 where there are fewer.
    checked : makes queries of rows, or raises an AnearError where the distance does not take them.
    """

    def __init__(
        self,
        points: Rows,
        ids: npt.NDArray[np.int64] | None,
        neighbours: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]],
        checked: Callable[[Rows], Rows],
        seed: int,
    ) -> None:
        self._points, self._ids, self._neighbours, self._checked = points, ids, neighbours, checked
        self._pilot_seed, fresh = np.random.SeedSequence(seed).spawn(2)
        self._rng = np.random.default_rng(fresh)
        self.about = PERTURBED
        # one box for all, lest queries depend on those that were drawn with them
        some = self._floats(self._drawn(np.random.default_rng(self._pilot_seed), _BOX))
        self._box = some.min(axis=0), some.max(axis=0)
        itself = self.pilot(_PILOTS).exclude
        if itself is not None and (itself != NOBODY).mean() > _HALF:
            self.about = ITSELF

    def pilot(self, count: int) -> Asked:
        """Queries to choose by."""
        return self._draw(np.random.default_rng(self._pilot_seed), count)

    def fresh(self, count: int) -> Asked:
        """Queries to prove by."""
        return self._draw(self._rng, count)

    def _drawn(self, rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        ids = rng.integers(0, len(self._points if self._ids is None else self._ids), count)
        return ids if self._ids is None else self._ids[ids]

    def _draw(self, rng: np.random.Generator, count: int) -> Asked:
        ids = self._drawn(rng, count)
        rows, itself = self._floats(ids), np.ones(count, np.bool_)
        if self.about == PERTURBED:
            # row by row, so that what a query is depends on no other
            for tried in self._moved(rng, ids, rows.copy()):
                rows[itself] = self._typed(tried[itself])
                itself[itself] = ~self._taken(rows[itself])
                if not itself.any():
                    return Asked(self._checked(self._typed(rows)))
            rows[itself] = self._floats(ids[itself])
        try:
            return Asked(self._checked(self._typed(rows)), point_ids(np.where(itself, ids, -1)))
        except AnearError as error:
            raise ArgumentError(f"the points are no queries of this distance: give sample_queries; {error}") from error

    def _moved(self, rng: np.random.Generator, ids: npt.NDArray[np.int64], a: Floats) -> tuple[Floats, Floats]:
        near = self._neighbours(ids)
        near = np.where(near < 0, ids[:, None], near)
        width = near.shape[1]
        first, further = rng.integers(0, width, len(ids)), rng.integers(1, width, len(ids))
        b, c = (self._floats(near[np.arange(len(ids)), place]) for place in (first, (first + further) % width))
        return np.clip(a + b - c, *self._box), np.where(rng.random(a.shape) < _HALF, b, a)

    def _taken(self, rows: Floats) -> npt.NDArray[np.bool_]:
        """Which of the rows the distance takes; few that it does not are found by halving."""
        try:
            self._checked(self._typed(rows))
        except AnearError:
            if len(rows) == 1:
                return np.zeros(1, np.bool_)
            half = len(rows) // 2
            return np.concatenate([self._taken(rows[:half]), self._taken(rows[half:])])
        return np.ones(len(rows), np.bool_)

    def _floats(self, ids: npt.NDArray[Any]) -> Floats:
        return to_float(np.ascontiguousarray(self._points[ids])).astype(np.float64)

    def _typed(self, rows: Floats) -> Rows:
        """Rows in the points' own type, which bfloat16 is not to NumPy."""
        dtype = self._points.dtype
        whole = np.rint(rows) if dtype.kind in "iu" else rows
        return np.ascontiguousarray(whole.astype(dtype if dtype.kind in "fiu" else np.float32))

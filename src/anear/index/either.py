"""A tree and a scan over the same points: each search goes to the one that is likely to answer it sooner.

How much of a tree a query must look at is known only when it has. What is known before: what a scan costs; and what
queries like this one cost so far. So

*   of a long batch some queries go first, to say what is best for all (``batches``);
*   a query that has cost more than a scan gives up, and is scanned for with all others that did;
*   short calls, and batches of a known kind that are soon over, go by what calls of as many queries took before them,
    the first ones by what was measured when the index was built. Now and then the other way is tried, and batches whose
    scan takes less are asked again.

Both give the same answers, so only the time depends on any of this.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from weakref import WeakMethod

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.data.types.dense import PointIds
from anear.index.batches import EVERYONE, STEP, Ask, Batch, Part, Places
from anear.index.costs import SURE, Costs, State

__all__ = ["Either"]

_BRIEF: Final = 1e6  # nanoseconds below which a batch goes by what those of its size took

Ids = npt.NDArray[np.int64]
_One = tuple[Ids, npt.NDArray[Any]] | None
_NEVER: Final = -1.0  # gives up
_UNLIMITED: Final = {"give_up": _NEVER}


class Either:
    """What the core's ``Index`` does, by a tree or a scan of it.

    Parameters
    ----------
    tree : the core's index.
    scan : makes the other one, when it is first needed.
    costs : what was measured.
    count : the number of points.
    """

    def __init__(self, tree: Any, scan: Callable[[], Any], costs: Costs, count: int) -> None:
        """Keep both."""
        self._tree, self._make, self._costs, self._count = tree, scan, costs, count
        self._made: Any = None
        self._states: dict[Any, State] = {}
        self._shorts: dict[Any, _core.ShortCall] = {}
        self.calls = _core.ShortCalls(WeakMethod(self._completed))
        self.one: Callable[..., _One] = tree.one  # by ``calls``; None where ``knn`` is to learn first
        self._before, self._first = tree.computed, tree.visits  # measuring is no search

    @property
    def order(self) -> Ids:
        """As the tree keeps the points."""
        order: Ids = self._tree.order
        return order

    @property
    def nbytes(self) -> int:
        """Of both, as far as they were made."""
        return int(self._tree.nbytes) + (0 if self._made is None else int(self._made.nbytes))

    @property
    def computed(self) -> tuple[int, int, int]:
        """As the core's, of both."""
        tree = self._tree.computed
        scan = (0, 0, 0) if self._made is None else self._made.computed
        return tree[0], tree[1] - self._before[1] + scan[1], tree[2] - self._before[2] + scan[2]

    @property
    def visits(self) -> tuple[int, int, int]:
        """As the core's, of the tree."""
        nodes, leaves, settled = self._tree.visits
        return nodes - self._first[0], leaves - self._first[1], settled - self._first[2]

    def _completed(self, query: Any, queries: _core.PlainQueries, k: int, num_threads: Any, found: Any) -> _One:
        """For ``one``: what is found for those that the tree has left unanswered, all if ``found`` is None."""

        def ask(core: Any, places: Ids, parameters: Mapping[str, float] = _UNLIMITED) -> Any:
            return core.one(query[places], queries, k, num_threads, None, parameters["give_up"])

        if found is None or query.ndim == 1:
            return cast("_One", self._scan().one(query, queries, k, num_threads, None, _NEVER))
        short = self._shorts.get((k, len(query), True))  # None: another thread has just found it to be over
        return cast("_One", self._filled(found, k, 0.0 if short is None else short.give_up, ask))

    def listed_one(self, *_: Any) -> None:
        """As the core's, which has nothing to learn from: nothing here is plain."""

    def knn(
        self,
        queries: npt.NDArray[Any],
        storage: str,
        k: int,
        num_threads: int = 0,
        exclude: PointIds | None = None,
        allow: npt.NDArray[np.uint8] | None = None,
        distance_type: str = "float32",
        progress: Any = None,
        parameters: Mapping[str, float] | None = None,
    ) -> tuple[Ids, npt.NDArray[Any]]:
        """As the core's; ``parameters`` are those of the tree, which then answers."""

        def ask(core: Any, places: Places, **more: Any) -> Any:
            without = None if exclude is None else exclude[places]
            return core.knn(queries[places], storage, k, num_threads, without, allow, distance_type, progress, **more)

        count = len(queries)
        short = self._short(k, count, allow is None)
        if short is not None and not parameters:
            way, timed = short.next()
            start = time.thread_time_ns() if timed else 0
            found: tuple[Ids, npt.NDArray[Any]]
            if way:
                found = ask(self._scan(), EVERYONE)
            else:
                found = ask(self._tree, EVERYONE, parameters=_limits(short))
                if _some_missing(found[0]):
                    self._filled(found, k, short.give_up, ask)
                    short.doubt()  # what takes so long is looked at
            if timed:
                short.learn(way, time.thread_time_ns() - start)
            return found

        if parameters:
            return cast("tuple[Ids, npt.NDArray[Any]]", ask(self._tree, EVERYONE, parameters=dict(parameters)))
        if 4 * k > self._count:  # nearly all are answers
            return cast("tuple[Ids, npt.NDArray[Any]]", ask(self._scan(), EVERYONE))
        state = self._states.get((k, allow is None)) or self._state(k, allow is None)
        # The long way takes a third of a millisecond of code that is in no cache.
        if count > 0 and (count < 2 * STEP or count * state.expected < _BRIEF or state.trusted(count)):
            trusted = count >= 2 * STEP and state.trusted(count)
            short = self._shorts[k, count, allow is None] = state.short(count, until_scans=trusted)
            if allow is None:
                self.calls.add(k, count, short)
            return self.knn(queries, storage, k, num_threads, exclude, allow, distance_type, progress)
        (_, (ids, distances)), *rest = Batch(ask, self._tree, self._scan, count, state).answered()
        for places, found in rest:
            ids[places], distances[places] = found
        return ids, distances

    def range(
        self,
        queries: npt.NDArray[Any],
        storage: str,
        radius_rank: npt.NDArray[np.float64],
        radius: npt.NDArray[np.float64],
        exclude: PointIds | None = None,
        allow: npt.NDArray[np.uint8] | None = None,
        num_threads: int = 0,
        distance_type: str = "float32",
        progress: Any = None,
    ) -> tuple[Ids, npt.NDArray[Any], Ids]:
        """As the core's."""

        def ask(core: Any, places: Places, **more: Any) -> Any:
            without = None if exclude is None else exclude[places]
            return core.range(
                queries[places], storage, radius_rank[places], radius[places], without, allow, num_threads,
                distance_type, progress, **more,
            )  # fmt: skip

        parts = self._by_radius(ask, len(queries), ("range", _size(radius_rank), allow is None))
        if len(parts) == 1:
            return cast("tuple[Ids, npt.NDArray[Any], Ids]", parts[0][1])
        return _joined(parts, len(queries))

    def count(
        self,
        queries: npt.NDArray[Any],
        storage: str,
        radius_rank: npt.NDArray[np.float64],
        sure_rank: npt.NDArray[np.float64],
        radius: npt.NDArray[np.float64],
        exclude: PointIds | None = None,
        allow: npt.NDArray[np.uint8] | None = None,
        num_threads: int = 0,
        progress: Any = None,
    ) -> Ids:
        """As the core's."""

        def ask(core: Any, places: Places, **more: Any) -> Any:
            without = None if exclude is None else exclude[places]
            return core.count(
                queries[places], storage, radius_rank[places], sure_rank[places], radius[places], without, allow,
                num_threads, progress, **more,
            )  # fmt: skip

        counts = np.empty(len(queries), np.int64)
        for places, found in self._by_radius(ask, len(queries), ("count", _size(radius_rank), allow is None)):
            counts[places] = found
        return counts

    def listed(
        self,
        queries: npt.NDArray[Any],
        storage: str,
        radius_rank: npt.NDArray[np.float64],
        sure_rank: npt.NDArray[np.float64],
        radius: npt.NDArray[np.float64],
        distances: bool,
        num_threads: int = 0,
        progress: Any = None,
    ) -> tuple[Ids, npt.NDArray[np.float64] | None, Ids]:
        """As the core's."""
        found: tuple[Ids, npt.NDArray[np.float64] | None, Ids] = self._by_size(radius_rank[-1:]).listed(
            queries, storage, radius_rank, sure_rank, radius, distances, num_threads, progress
        )
        return found

    def join(
        self,
        queries: npt.NDArray[Any],
        storage: str,
        radius_rank: float,
        sure_rank: float,
        radius: float,
        distances: bool,
        num_threads: int = 0,
        progress: Any = None,
    ) -> tuple[Ids, npt.NDArray[np.float64] | None]:
        """As the core's."""
        core = self._by_size(np.array([radius_rank]))
        found: tuple[Ids, npt.NDArray[np.float64] | None] = core.join(
            queries, storage, radius_rank, sure_rank, radius, distances, num_threads, progress
        )
        return found

    def pairs(
        self,
        queries: npt.NDArray[Any],
        storage: str,
        radius_rank: npt.NDArray[np.float64],
        sure_rank: npt.NDArray[np.float64],
        radius: npt.NDArray[np.float64],
        num_threads: int = 0,
        progress: Any = None,
    ) -> Ids:
        """As the core's; the largest radius tells what is the better one for all."""
        core = self._by_size(radius_rank[-1:])
        found: Ids = core.pairs(queries, storage, radius_rank, sure_rank, radius, num_threads, progress)
        return found

    def _by_size(self, radius_rank: npt.NDArray[np.float64]) -> Any:
        """What has been the better one for counting within so large a radius."""
        state = self._states.get(("count", _size(radius_rank), True))
        return self._tree if state is None or state.expected < SURE * self._costs.few.scan else self._scan()

    def _scan(self) -> Any:
        if self._made is None:
            self._made = self._make()
            self.calls.scan_by(self._made)
        return self._made

    def _filled(self, found: Any, k: int, give_up: float, ask: Ask) -> Any:
        """``found`` with the answers of those that gave up."""
        ids, distances = found
        late = np.flatnonzero(ids[:, 0] < 0)
        more = self._costs.of(k).again(len(late), give_up)
        if more:
            ids[late], distances[late] = ask(self._tree, late, parameters={"give_up": more})
            late = late[ids[late, 0] < 0]
        if len(late):
            ids[late], distances[late] = ask(self._scan(), late)
        return found

    def _short(self, k: int, count: int, everyone: bool) -> _core.ShortCall | None:
        """What calls with so many queries go by. Batches that a scan suits better by now are asked again each time."""
        short = self._shorts.get((k, count, everyone))
        if short is None or not short.over:
            return short
        state = self._states[k, everyone]
        state.expected = state.known = short.tree / count
        state.scanning = state.pace_of_scan(short.scan / count)
        self._shorts.pop((k, count, everyone), None)  # another thread may have been here
        return None

    def _state(self, k: int, everyone: bool) -> State:
        cost = self._costs.of(k)
        return self._states.setdefault((k, everyone), State(cost, cost.tree))

    def _by_radius(self, ask: Ask, count: int, kind: Any) -> list[Part]:
        state = self._states.get(kind) or self._states.setdefault(kind, State(self._costs.few, 0.0))
        if count < 2 * STEP:
            return self._few(ask, count, state, kind)
        return Batch(ask, self._tree, self._scan, count, state).answered()

    def _few(self, ask: Ask, count: int, state: State, kind: Any) -> list[Part]:
        """By what calls with as many queries took."""
        if count == 0:
            return [(EVERYONE, ask(self._tree, EVERYONE))]
        short = self._shorts.get((kind, count))
        if short is None:
            short = self._shorts[kind, count] = state.short(count)
        way, timed = short.next()
        start = time.thread_time_ns() if timed else 0
        if way:
            parts: list[Part] = [(EVERYONE, ask(self._scan(), EVERYONE))]
        else:
            effort = np.zeros(count, np.int32)
            parts = [(EVERYONE, ask(self._tree, EVERYONE, parameters=_limits(short), effort=effort))]
            if min(effort.tolist()) < 0:
                again = np.flatnonzero(effort < 0)
                parts.append((again, ask(self._scan(), again)))
        if timed:
            short.learn(way, time.thread_time_ns() - start)
        return parts


def _limits(short: _core.ShortCall) -> dict[str, float]:
    return {"give_up": short.give_up}


def _some_missing(ids: Ids) -> bool:
    """Whether a query gave up. Of a few numbers Python's own minimum is the faster one."""
    firsts = ids[:, 0]
    return min(firsts.tolist()) < 0 if len(firsts) < STEP else bool(np.minimum.reduce(firsts) < 0)


def _size(radius_rank: npt.NDArray[np.float64]) -> int | None:
    """Of what size radii are: those of one size cost about the same, and one of them stands for all."""
    size = radius_rank.item(len(radius_rank) // 2) if len(radius_rank) else 0.0
    return math.frexp(size)[1] if math.isfinite(size) else None


def _joined(parts: list[Part], count: int) -> tuple[Ids, npt.NDArray[Any], Ids]:
    """The answers of all parts in the order of the queries."""
    sizes = np.zeros(count, np.int64)
    for places, (_, _, offsets) in parts:
        sizes[places] = np.diff(offsets)
    ends = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    ids = np.empty(ends[-1], np.int64)
    distances = np.empty(ends[-1], parts[0][1][1].dtype)
    for places, (some_ids, some, offsets) in parts:
        to = np.arange(len(some_ids)) + np.repeat(ends[:-1][places] - offsets[:-1], np.diff(offsets))
        ids[to], distances[to] = some_ids, some
    return ids, distances, ends

"""A tree and a scan over the same points: each search goes to the one that is likely to answer it sooner.

How much of a tree a query must look at is known only when it has. What is known before: what a scan costs; and what
queries like this one cost so far. So

*   of a long batch some queries go down the tree first, to say what is best for all (their answers are dropped, for to
    take them apart from the others' would cost more than to find them again);
*   a query that has cost more than a scan gives up, and is scanned for with all others that did;
*   short calls go by what calls of as many queries took before them, the first ones by what was measured when the index
    was built. Now and then the other way is tried.

Both give the same answers, so only the time depends on any of this.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.data.types.dense import PointIds
from anear.index.costs import EVERY, PATIENCE, SURE, TRIES, Costs, Short, State

__all__ = ["Either"]

_STEP: Final = 32  # of a long batch one in so many is tried first,
_SAMPLED: Final = 1024  # but no more than about so many
_LONG: Final = 1e6  # nanoseconds from which a batch is long
_BRIEF: Final = 2e5  # nanoseconds below which a batch goes by what those of its size took

Ids = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64] | slice
Ask = Callable[..., Any]
Effort = npt.NDArray[np.int32]
Part = tuple[Places, Any]
_One = tuple[Ids, npt.NDArray[Any]] | Literal[False] | None
EVERYONE: Final = slice(None)


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
        self._shorts: dict[Any, Short] = {}
        self._ones: dict[int, Short] = {}  # those of single queries
        self._descend = tree.one
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

    def one(self, query: Any, queries: _core.PlainQueries, k: Any, num_threads: Any, ef: Any) -> _One:
        """As the core's; None as well for the first query of a kind, from which ``knn`` learns."""
        short = self._ones.get(k) if type(k) is int else None
        if short is None or ef is not None:
            return None
        found: _One = None
        if short.left > 0:  # most calls: what is done here is a part of so short a time
            short.left -= 1
            if not short.way:
                found = self._descend(query, queries, k, num_threads, None, short.give_up)
                if found is not False:
                    return found
                short.left = 0  # what takes so long is looked at
            scanned: _One = self._scan().one(query, queries, k, num_threads, None)
            return scanned
        (way, timed), start = short.next(), time.thread_time_ns()
        if not way:
            found = self._descend(query, queries, k, num_threads, None, short.give_up)
        if way or found is False:
            found = self._scan().one(query, queries, k, num_threads, None)
        if timed and found is not None:
            short.learn(way, time.thread_time_ns() - start)
        return found

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
        count = len(queries)
        short = self._shorts.get((k, count, allow is None))
        if short is not None and not parameters:
            way, timed = short.next() if short.left <= 0 else (short.way, False)
            short.left -= 1
            start = time.thread_time_ns() if timed else 0
            found: tuple[Ids, npt.NDArray[Any]]
            if way:
                found = self._scan().knn(queries, storage, k, num_threads, exclude, allow, distance_type, progress)
            else:
                found = self._tree.knn(
                    queries, storage, k, num_threads, exclude, allow, distance_type, progress, short.limits
                )
                if _some_missing(found[0]):
                    self._complete(found, queries, storage, k, num_threads, exclude, allow, distance_type, progress)
                    short.left = 0  # what takes so long is looked at
            if timed:
                short.learn(way, time.thread_time_ns() - start)
            return found

        def ask(core: Any, places: Places, **more: Any) -> Any:
            without = None if exclude is None else exclude[places]
            return core.knn(queries[places], storage, k, num_threads, without, allow, distance_type, progress, **more)

        if parameters:
            return cast("tuple[Ids, npt.NDArray[Any]]", ask(self._tree, EVERYONE, parameters=dict(parameters)))
        if 4 * k > self._count:  # nearly all are answers
            return cast("tuple[Ids, npt.NDArray[Any]]", ask(self._scan(), EVERYONE))
        state = self._states.get((k, allow is None)) or self._state(k, allow is None)
        if 0 < count < 2 * _STEP or 0 < count * state.expected < _BRIEF:
            short = self._shorts[k, count, allow is None] = state.short(count)
            if count == 1 and allow is None:
                self._ones[k] = short
            return self.knn(queries, storage, k, num_threads, exclude, allow, distance_type, progress)
        (_, (ids, distances)), *rest = self._shared(ask, count, state)
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
        return self._made

    def _complete(
        self, found: Any, queries: npt.NDArray[Any], storage: str, k: int, team: int, exclude: Any, *more: Any
    ) -> None:
        """Fill in the answers that are missing, by a scan."""
        ids, distances = found
        again = np.flatnonzero(ids[:, 0] < 0)
        without = None if exclude is None else exclude[again]
        ids[again], distances[again] = self._scan().knn(queries[again], storage, k, team, without, *more)

    def _state(self, k: int, everyone: bool) -> State:
        cost = self._costs.of(k)
        return self._states.setdefault((k, everyone), State(cost, cost.tree))

    def _by_radius(self, ask: Ask, count: int, kind: Any) -> list[Part]:
        state = self._states.get(kind) or self._states.setdefault(kind, State(self._costs.few, 0.0))
        return self._shared(ask, count, state) if count >= 2 * _STEP else self._few(ask, count, state, kind)

    def _shared(self, ask: Ask, count: int, state: State) -> list[Part]:
        """Who answered which queries. A later part replaces what an earlier one left empty."""
        cost = state.cost
        scan, own = cost.scan * state.scanning, cost.call / count
        tried = None
        if count * min(max(state.expected, cost.block), scan) > _LONG:
            tried = np.arange(_STEP // 2, count, max(count // _SAMPLED, _STEP))
        elif state.expected + own >= SURE * scan:
            state.turn += 1
            if state.turn % (TRIES * EVERY) == 0:
                tried = np.arange(0, count, _STEP)
        if tried is not None:
            _descended(ask, self._tree, tried, len(tried), scan, state)
        if state.expected + own >= SURE * scan:
            made, start = self._scan(), time.process_time_ns()
            parts: list[Part] = [(EVERYONE, ask(made, EVERYONE))]
            state.scanning = _between(0.5, (time.process_time_ns() - start) / count / cost.scan, 1.25)
            return parts
        found, effort = _descended(ask, self._tree, EVERYONE, count, scan, state)
        parts = [(EVERYONE, found)]
        if np.minimum.reduce(effort) < 0:
            again = np.flatnonzero(effort < 0)
            parts.append((again, ask(self._scan(), again)))
        return parts

    def _few(self, ask: Ask, count: int, state: State, kind: Any) -> list[Part]:
        """By what calls with as many queries took."""
        if count == 0:
            return [(EVERYONE, ask(self._tree, EVERYONE))]
        short = self._shorts.get((kind, count))
        if short is None:
            short = self._shorts[kind, count] = state.short(count)
        (way, timed), start = short.next(), time.thread_time_ns()
        if way:
            parts: list[Part] = [(EVERYONE, ask(self._scan(), EVERYONE))]
        else:
            effort = np.zeros(count, np.int32)
            parts = [(EVERYONE, ask(self._tree, EVERYONE, parameters=short.limits, effort=effort))]
            if min(effort.tolist()) < 0:
                again = np.flatnonzero(effort < 0)
                parts.append((again, ask(self._scan(), again)))
        if timed:
            short.learn(way, time.thread_time_ns() - start)
        return parts


def _descended(ask: Ask, tree: Any, places: Places, count: int, scan: float, state: State) -> tuple[Any, Effort]:
    """Queries down the tree: the answers, and the blocks that each looked at; less than 0 if it gave up."""
    cost, effort, start = state.cost, np.zeros(count, np.int32), time.process_time_ns()
    whole = isinstance(places, slice)
    enough = cost.limit(scan if whole else scan / PATIENCE)  # one of a few that takes a scan has said what it can
    found = ask(tree, places, parameters={"give_up": float(enough)}, effort=effort)
    spent = (time.process_time_ns() - start - cost.call) / count
    # Few and plain calls: after a search their code is in no cache.
    lost = float(np.count_nonzero(effort < 0)) / count if np.minimum.reduce(effort) < 0 else 0.0
    took = cost.start + cost.block * int(np.add.reduce(np.abs(effort) if lost else effort)) / count
    # The clock says more than the blocks, some of which take longer than others. But few queries find cold caches.
    pace = _between(0.4, spent / took, 1.6)
    if whole:
        state.pace = pace
    else:
        pace = math.sqrt(pace * state.pace)
    state.expected = took * pace + scan * lost
    return found, effort


def _between(low: float, value: float, high: float) -> float:
    return max(low, min(value, high))


def _some_missing(ids: Ids) -> bool:
    """Whether a query gave up. Of a few numbers Python's own minimum is the faster one."""
    firsts = ids[:, 0]
    return min(firsts.tolist()) < 0 if len(firsts) < _STEP else bool(np.minimum.reduce(firsts) < 0)


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

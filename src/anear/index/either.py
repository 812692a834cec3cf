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
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

__all__ = ["PATIENCE", "Cost", "Costs", "Either"]

_TOGETHER: Final = 6  # so many queries share what a scan reads
_STEP: Final = 32  # of a long batch one in so many is tried first,
_SAMPLED: Final = 1024  # but no more than about so many
PATIENCE: Final = 2.0  # scans that a query may take before it gives up
_LONG: Final = 1e6  # nanoseconds from which a batch is long
_EVERY: Final = 16  # one in so many short calls is timed
_MOST: Final = 3.0  # times what was expected: what takes longer was disturbed
_TRIES: Final = 4  # one in so many of these tries the way that has been slower
_FAR: Final = 2.5  # times as long: not worth trying again
_SURE: Final = 0.9  # of a scan's time: a tree that is expected to take more is not worth the risk
_WEIGHT: Final = 0.25  # of the latest search in the average of all

Ids = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64] | slice
Ask = Callable[..., Any]
Effort = npt.NDArray[np.int32]
Part = tuple[Places, Any]
EVERYONE: Final = slice(None)


@dataclass(frozen=True, slots=True)
class Cost:
    """Nanoseconds of one thread for one query.

    Attributes
    ----------
    tree : what the tree takes.
    start, block : what it takes before it looks at blocks, and for each of these.
    call : what a call takes the tree besides; those of a scan are in ``scan_one``.
    scan, scan_one : a scan for one query of many, and for one alone.
    """

    tree: float
    start: float
    block: float
    call: float
    scan: float
    scan_one: float

    def limit(self, scan: float) -> int:
        """The blocks with which the tree takes as long as so many scans that a query had better give up."""
        return max(int((PATIENCE * scan - self.start) / self.block), 16)

    def of(self, count: int) -> float:
        """A scan for one query of ``count``."""
        return max(self.scan, min(self.scan_one, _TOGETHER * self.scan / count))


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured for two numbers of neighbours."""

    ks: tuple[int, int]
    few: Cost
    many: Cost

    def of(self, k: int) -> Cost:
        """What k neighbours probably cost: as a power of k, no less than the smaller measured."""
        share = math.log(max(k / self.ks[0], 1.0)) / math.log(self.ks[1] / self.ks[0])

        def between(name: str) -> float:
            few, many = getattr(self.few, name), getattr(self.many, name)
            growth = min(max(math.log(many / few), 0.0), math.log(self.ks[1] / self.ks[0]))
            return float(few * math.exp(share * growth))

        tree, start, block, scan, scan_one = map(between, ("tree", "start", "block", "scan", "scan_one"))
        return Cost(tree, start, block, self.few.call, scan, scan_one)


@dataclass(slots=True)
class _Short:
    """Calls with so few queries of one kind. They take but microseconds, so most of them go ``way`` (0 the tree, 1 a
    scan) without a look at anything; one in ``_EVERY`` is timed.

    Attributes
    ----------
    tree, scan : what calls took, in nanoseconds of the caller's thread; the latest count most.
    left : calls until one is timed.
    trial : whether the last call went the way that has been slower.
    """

    limits: dict[str, float]
    tree: float
    scan: float
    way: int = 0
    left: int = 0
    turn: int = 0
    trial: bool = False

    def __post_init__(self) -> None:
        """By what is expected."""
        self.way = int(self.tree >= _SURE * self.scan)

    def next(self) -> tuple[int, bool]:
        """Which way a call goes that is not one of the many; whether it is timed. Now and then two calls go the way
        that has been slower, for it may no longer be: the first finds nothing in the caches, the second is timed.
        """
        if self.trial:
            self.trial = False
            return 1 - self.way, True
        self.turn += 1
        if self.turn % _TRIES == 0 and (self.way == 1 or self.scan < _FAR * self.tree):
            self.trial = True
            return 1 - self.way, False
        return self.way, True

    def learn(self, way: int, took: float) -> None:
        """From a call that was timed; the first ones follow each other closely."""
        before = self.scan if way else self.tree
        now = before + (0.5 if took < before else _WEIGHT) * (min(took, _MOST * before) - before)  # delays only add
        self.tree, self.scan = (self.tree, now) if way else (now, self.scan)
        self.way, self.left = int(self.tree >= _SURE * self.scan), min(self.turn, _EVERY - 1)


@dataclass(slots=True)
class _State:
    """What searches of one kind have taken so far.

    Attributes
    ----------
    expected : nanoseconds that a query probably takes in the tree, besides the call.
    pace, scanning : what the tree and scans took for whole batches, beside what was measured.
    """

    cost: Cost
    expected: float
    pace: float = 1.0
    scanning: float = 1.0
    turn: int = 0

    def short(self, count: int) -> _Short:
        """Of calls with so few queries, before the first."""
        limits = {"give_up": float(self.cost.limit(self.cost.scan_one))}
        own = self.expected * count + self.cost.call
        return _Short(limits, max(own, 1.0), self.cost.of(count) * count)


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
        self._states: dict[Any, _State] = {}
        self._shorts: dict[Any, _Short] = {}
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

    def knn(
        self,
        queries: npt.NDArray[Any],
        storage: str,
        k: int,
        num_threads: int = 0,
        exclude: npt.NDArray[np.int32] | None = None,
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
                if found[0].item(0) < 0 or (count > 1 and min(found[0][:, 0].tolist()) < 0):  # gave up
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
        if 0 < count < 2 * _STEP:
            self._shorts[k, count, allow is None] = state.short(count)
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
        exclude: npt.NDArray[np.int32] | None = None,
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
        exclude: npt.NDArray[np.int32] | None = None,
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
        return self._tree if state is None or state.expected < _SURE * self._costs.few.scan else self._scan()

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

    def _state(self, k: int, everyone: bool) -> _State:
        cost = self._costs.of(k)
        return self._states.setdefault((k, everyone), _State(cost, cost.tree))

    def _by_radius(self, ask: Ask, count: int, kind: Any) -> list[Part]:
        state = self._states.get(kind) or self._states.setdefault(kind, _State(self._costs.few, 0.0))
        return self._shared(ask, count, state) if count >= 2 * _STEP else self._few(ask, count, state, kind)

    def _shared(self, ask: Ask, count: int, state: _State) -> list[Part]:
        """Who answered which queries. A later part replaces what an earlier one left empty."""
        cost = state.cost
        scan, own = cost.scan * state.scanning, cost.call / count
        tried = None
        if count * min(max(state.expected, cost.block), scan) > _LONG:
            tried = np.arange(_STEP // 2, count, max(count // _SAMPLED, _STEP))
        elif state.expected + own >= _SURE * scan:
            state.turn += 1
            if state.turn % (_TRIES * _EVERY) == 0:
                tried = np.arange(0, count, _STEP)
        if tried is not None:
            _descended(ask, self._tree, tried, len(tried), scan, state)
        if state.expected + own >= _SURE * scan:
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

    def _few(self, ask: Ask, count: int, state: _State, kind: Any) -> list[Part]:
        """By what calls with as many queries took."""
        if count == 0:
            return [(EVERYONE, ask(self._tree, EVERYONE))]
        short = self._shorts.get((kind, count))
        if short is None:
            short = self._shorts[kind, count] = state.short(count)
        way, start = short.next()[0], time.thread_time_ns()
        if way:
            parts: list[Part] = [(EVERYONE, ask(self._scan(), EVERYONE))]
        else:
            effort = np.zeros(count, np.int32)
            parts = [(EVERYONE, ask(self._tree, EVERYONE, parameters=short.limits, effort=effort))]
            if min(effort.tolist()) < 0:
                again = np.flatnonzero(effort < 0)
                parts.append((again, ask(self._scan(), again)))
        short.learn(way, time.thread_time_ns() - start)
        return parts


def _descended(ask: Ask, tree: Any, places: Places, count: int, scan: float, state: _State) -> tuple[Any, Effort]:
    """Queries down the tree: the answers, and the blocks that each looked at; less than 0 if it gave up."""
    cost, effort, start = state.cost, np.zeros(count, np.int32), time.process_time_ns()
    found = ask(tree, places, parameters={"give_up": float(cost.limit(scan))}, effort=effort)
    spent = (time.process_time_ns() - start - cost.call) / count
    # Few and plain calls: after a search their code is in no cache.
    lost = float(np.count_nonzero(effort < 0)) / count if np.minimum.reduce(effort) < 0 else 0.0
    took = cost.start + cost.block * int(np.add.reduce(np.abs(effort) if lost else effort)) / count
    # The clock says more than the blocks, some of which take longer than others. But few queries find cold caches.
    pace = _between(0.4, spent / took, 1.6)
    if isinstance(places, slice):
        state.pace = pace
    else:
        pace = math.sqrt(pace * state.pace)
    state.expected = took * pace + scan * lost
    return found, effort


def _between(low: float, value: float, high: float) -> float:
    return max(low, min(value, high))


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

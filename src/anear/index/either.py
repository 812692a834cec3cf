"""A tree and a scan over the same points: each search goes to the one that is likely to answer it sooner.

How much of a tree a query must look at is known only when it has. What is known before: what a scan costs; and what
queries like this one cost so far. So

*   of a long batch some queries go down the tree first, and say what is best for the others;
*   a query that has cost more than a scan gives up, and is scanned for with all others that did;
*   other searches go by the average of those before them, the first ones by what was measured when the index was built.

Both give the same answers, so only the time depends on any of this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

__all__ = ["PATIENCE", "Cost", "Costs", "Either"]

_TOGETHER: Final = 8  # so many queries share what a scan reads
_STEP: Final = 32  # of a long batch one in so many is tried first,
_SAMPLED: Final = 1024  # but no more than about so many
PATIENCE: Final = 2.0  # scans that a query may take before it gives up
_LONG: Final = 1e6  # nanoseconds from which a batch is long
_TRIES: Final = 32  # one in so many single searches goes the way that has been slower, for it may no longer be
_SURE: Final = 0.9  # of a scan's time: a tree that is expected to take more is not worth the risk
_WEIGHT: Final = 0.25  # of the latest search in the average of all

Ids = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64] | slice
Ask = Callable[..., Any]
Part = tuple[Places, Any]
EVERYONE: Final = slice(None)


@dataclass(frozen=True, slots=True)
class Cost:
    """Nanoseconds of one thread for one query.

    Attributes
    ----------
    tree, block : what the tree takes, and that for each block it looks at.
    call : what a call takes the tree besides; those of a scan are in ``scan_one``.
    scan, scan_one : a scan for one query of many, and for one alone.
    """

    tree: float
    block: float
    call: float
    scan: float
    scan_one: float

    def limit(self, scan: float) -> int:
        """The blocks that take the tree as long as a scan."""
        return max(int(scan / self.block), 16)


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

        return Cost(between("tree"), between("block"), self.few.call, between("scan"), between("scan_one"))


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
        self._seen: dict[Any, float] = {}
        self._known: dict[int, tuple[Cost, dict[str, float]]] = {}
        self._turn = 0
        self._before = tree.computed  # measuring is no search

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

        def ask(core: Any, places: Places, **more: Any) -> Any:
            without = None if exclude is None else exclude[places]
            return core.knn(queries[places], storage, k, num_threads, without, allow, distance_type, progress, **more)

        if parameters:
            return cast("tuple[Ids, npt.NDArray[Any]]", ask(self._tree, EVERYONE, parameters=dict(parameters)))
        count = len(queries)
        known = self._known.get(k)
        if known is None:
            cost = self._costs.of(k)
            known = self._known[k] = cost, {"give_up": float(cost.limit(PATIENCE * cost.scan_one))}
        cost = known[0]
        if 4 * k > self._count:  # nearly all are answers
            return cast("tuple[Ids, npt.NDArray[Any]]", ask(self._scan(), EVERYONE))
        kind = (k.bit_length(), allow is None)
        if count == 1:
            return self._alone(queries, storage, k, num_threads, exclude, allow, distance_type, progress, known, kind)
        parts = self._shared(ask, count, kind, cost, cost.tree)
        if len(parts) == 1:
            return cast("tuple[Ids, npt.NDArray[Any]]", parts[0][1])
        ids, distances = np.empty((count, k), np.int64), np.empty((count, k), distance_type)
        for places, found in parts:
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

        parts = self._shared(ask, len(queries), ("range", _size(radius_rank), allow is None), self._costs.few, 0.0)
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
        kind = ("count", _size(radius_rank), allow is None)
        for places, found in self._shared(ask, len(queries), kind, self._costs.few, 0.0):
            counts[places] = found
        return counts

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
        seen = self._seen.get(("count", _size(radius_rank[-1:]), True), 0.0)
        core = self._tree if seen < _SURE * self._costs.few.scan else self._scan()
        found: Ids = core.pairs(queries, storage, radius_rank, sure_rank, radius, num_threads, progress)
        return found

    def _scan(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _alone(
        self, queries: Any, storage: str, k: int, team: int, exclude: Any, allow: Any, kept: str, progress: Any,
        known: tuple[Cost, dict[str, float]], kind: Any,
    ) -> tuple[Ids, npt.NDArray[Any]]:  # fmt: skip
        """One query: what ``_shared`` does, in two microseconds less."""
        cost, limits = known
        self._turn += 1
        found: tuple[Ids, npt.NDArray[Any]]
        before = self._seen.get(kind, cost.tree)
        if before + cost.call < _SURE * cost.scan_one or self._turn % _TRIES == 0:
            effort = np.zeros(1, np.int32)
            found = self._tree.knn(queries, storage, k, team, exclude, allow, kept, progress, limits, effort)
            looked = effort.item()
            now = cost.block * abs(looked) + (cost.scan_one if looked < 0 else 0.0)
            self._seen[kind] = before + _WEIGHT * (now - before)
            if looked >= 0:
                return found
        found = self._scan().knn(queries, storage, k, team, exclude, allow, kept, progress)
        return found

    def _shared(self, ask: Ask, count: int, kind: Any, cost: Cost, guess: float) -> list[Part]:
        """Each query to the tree or the scan; which part answered which. A later part replaces what an earlier one
        left empty.
        """
        if count == 0:
            return [(EVERYONE, ask(self._tree, EVERYONE))]
        scan = cost.scan if count >= _TOGETHER else cost.scan_one
        expected = self._seen.get(kind, guess) + cost.call / count
        parts: list[Part] = []
        places: Places = EVERYONE
        if count >= 2 * _STEP and count * min(max(expected, cost.block), scan) > _LONG:
            first = np.arange(count // _STEP // 2, count, max(count // _SAMPLED, _STEP))
            expected = self._descend(ask, parts, first, len(first), scan, cost, kind)
            places = np.delete(np.arange(count), first)
            count -= len(first)
        elif expected >= _SURE * scan:
            self._turn += 1
            if self._turn % _TRIES == 0:
                expected = 0.0
        if expected < _SURE * scan:
            self._descend(ask, parts, places, count, scan, cost, kind)
        else:
            parts.append((places, ask(self._scan(), places)))
        return parts

    def _descend(
        self, ask: Ask, parts: list[Part], places: Places, count: int, scan: float, cost: Cost, kind: Any
    ) -> float:
        """Queries down the tree, and those that give up by a scan; what one of them cost."""
        effort = np.zeros(count, np.int32)
        limit = cost.limit(PATIENCE * scan)
        parts.append((places, ask(self._tree, places, parameters={"give_up": float(limit)}, effort=effort)))
        found, again = cost.block * float(np.abs(effort).mean()), np.flatnonzero(effort < 0)
        if len(again):
            found += scan * len(again) / count
            again = again if isinstance(places, slice) else places[again]
            parts.append((again, ask(self._scan(), again)))
        before = self._seen.get(kind, found)
        self._seen[kind] = found if count >= _STEP else before + _WEIGHT * (found - before)
        return found


def _size(radius_rank: npt.NDArray[np.float64]) -> int | None:
    """Of what size radii are: those of one size cost about the same."""
    with np.errstate(all="ignore"):
        size = float(np.mean(radius_rank)) if len(radius_rank) else 0.0
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

"""method="auto": a tree, a scan, or both, by what they take for some of the points."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import storage_name
from anear.errors import ArgumentError
from anear.index.costs import Cost, Costs
from anear.index.either import Either
from anear.index.objects import viewed
from anear.index.tables import Space

if TYPE_CHECKING:
    from anear.index.methods import Built

__all__ = ["chosen"]

_FEW: Final = 256  # so few points are scanned in less than a microsecond
_SMALL: Final = 4096  # for so few points one tree is tried
_QUERIES: Final = 48
_QUICKER: Final = 3  # times as many where they are quickly answered: calls take time of their own
_ONE_BY_ONE: Final = 4
_TURNS: Final = 5
_K: Final = (10, 100)
_WHOLE: Final = 1 << 16  # so many points are scanned as a whole to see what it takes, of more a part
_PART: Final = 8
_SAMPLE: Final = 1 << 14  # points on which balls are tried
_ENOUGH: Final = 0.5  # of a scan's time: a tree that takes less is not worth comparing with another
_WORTH: Final = 0.9  # of a scan's time: a tree that takes more is not kept
_WORTH_BOTH: Final = 1.5  # where two copies are small, and calls take longer than to choose between them
_QUICK: Final = 1e6  # nanoseconds; what takes less is measured again, and the least time counts
_SLOW: Final = 3e7  # nanoseconds; what takes more is measured once, what takes less at least twice: caches are cold
_AGAIN: Final = 8
_GIVE_UP: Final = 2.0  # scans that a query may take while measuring
_BLOCK: Final = 25.0  # nanoseconds: few blocks take less
_SHORT: Final = {"max_leaves": 1.0}

Rows = npt.NDArray[Any]
Maker = Callable[[str, Rows], "Built"]


@dataclass(frozen=True, slots=True)
class _Scan:
    """For each of ``_K`` what scanning takes a query, in nanoseconds: of many queries, and of one alone."""

    together: tuple[float, ...]
    alone: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Tried:
    """A tree; for each of ``_K`` the nanoseconds of a query, those before its first block, and those of a block; and
    what a call takes besides.
    """

    built: Built
    name: str
    times: tuple[float, ...]
    starts: tuple[float, ...]
    blocks: tuple[float, ...]
    call: float


def chosen(
    space: Space, rows: Rows, make: Maker, no_metric: Callable[[], str | None]
) -> tuple[Built, Any, tuple[str, ...]]:
    """(a built method, the core's object or what stands for it, what was measured and chosen in words).

    Parameters
    ----------
    make : builds a method over rows.
    no_metric : says why the distance is no metric; None if it is one.
    """
    if len(rows) < _FEW or space.fields("query"):
        why = "queries have fields" if len(rows) >= _FEW else f"{len(rows)} points are scanned in a moment"
        built = make("flat", rows)
        return built, built.core, (f"flat: {why}",)
    probe = _Probe(space, rows)
    flat = make("flat", rows) if len(rows) <= _WHOLE else None
    scan = probe.scan(make, flat)
    tried = list(_trees(probe, make, no_metric, scan))
    best = min(tried, key=lambda t: t.times[0], default=None)
    words = tuple(_words(t, scan, probe.count, len(rows)) for t in tried)
    if best is None or not _worth_keeping(probe, best, scan, flat):
        flat = flat or make("flat", rows)
        why = "no bound is known that a tree could use" if best is None else "trees exclude too little"
        return flat, flat.core, (f"flat: {why}", *words)
    few, many = (
        Cost(best.times[i], best.starts[i], best.blocks[i], best.call, scan.together[i], scan.alone[i]) for i in (0, 1)
    )
    made = flat
    core = Either(best.built.core, lambda: (made or make("flat", rows)).core, Costs(_K, few, many), len(rows))
    if best.times[0] + best.call > scan.alone[0]:
        how = "kept for queries that it may be quicker for; those like the points are scanned for"
    elif best.times[0] > scan.together[0]:
        how = "for single queries; many at once are scanned for"
    else:
        how = f"a query that looks at more than {few.limit(few.scan)} blocks of points is scanned for"
    return best.built, core, (f"{best.name}; {how}", *words)


def _trees(probe: _Probe, make: Maker, no_metric: Callable[[], str | None], scan: _Scan) -> Iterator[_Tried]:
    """The trees worth trying, measured: boxes, then balls where boxes are not good."""
    boxes = None
    try:
        boxes = probe.tree(make, "kd_tree", scan)
        yield boxes
    except ArgumentError:
        pass  # no bound over boxes
    if boxes is not None and (len(probe.rows) < _SMALL or boxes.times[0] < _ENOUGH * scan.together[0]):
        return
    if no_metric() is not None:
        return
    if len(probe.rows) > 2 * _SAMPLE and not _promising(probe, make, boxes is not None):
        return
    yield probe.tree(make, "ball_tree", scan)


def _worth_keeping(probe: _Probe, tree: _Tried, scan: _Scan, flat: Built | None) -> bool:
    """Whether queries like the points are quicker in the tree, or others may be that cost little to find out."""
    many, one = tree.times[0] / scan.together[0], (tree.times[0] + tree.call) / scan.alone[0]
    if many <= _WORTH or (_SMALL <= len(probe.rows) <= _SAMPLE and many <= _WORTH_BOTH):
        return True
    return one <= _WORTH and (flat is None or probe.beside(tree.built, flat) <= _WORTH)


def _promising(probe: _Probe, make: Maker, boxes: bool) -> bool:
    """Whether balls look at less than boxes do, or than most, on some of the points."""
    few = _Probe(probe.space, np.ascontiguousarray(probe.rows[:: len(probe.rows) // _SAMPLE]))
    endless = _Scan((1e12, 1e12), (1e12, 1e12))
    balls = few.tree(make, "ball_tree", endless)
    other = few.tree(make, "kd_tree", endless).times[0] if boxes else few.scan(make, make("flat", few.rows)).alone[0]
    return balls.times[0] < other


class _Probe:
    """Searches for some of the points among the others."""

    def __init__(self, space: Space, rows: Rows) -> None:
        self.space, self.rows = space, rows
        self.count = _QUERIES * (_QUICKER if len(rows) <= _SAMPLE else 1)
        ids = np.linspace(0, len(rows) - 1, self.count).astype(np.uint32)
        self.queries, self.ids = np.ascontiguousarray(rows[ids, : space.dimension]), ids

    def time(self, core: Any, k: int, alone: bool = False, **more: Any) -> float:
        """Nanoseconds of this thread for a query of many; ``alone``: for one."""
        pieces = [slice(i, i + 1) for i in range(_ONE_BY_ONE)] if alone else [slice(None)]
        storage, exclude = storage_name(self.queries), self.ids if len(self.rows) == core.order.size else None
        least, spent = float("inf"), 0
        for again in range(_AGAIN):
            start = time.thread_time_ns()
            for piece in pieces:
                core.knn(
                    viewed(self.queries[piece]), storage, k, 1, None if exclude is None else exclude[piece], None,
                    self.space.arithmetic, None, **more,
                )  # fmt: skip
            took = time.thread_time_ns() - start
            least, spent = min(least, took), spent + took
            if spent > (_QUICK if again else _SLOW):
                break
        return max(least, 1.0) / (_ONE_BY_ONE if alone else self.count)

    def beside(self, tree: Built, scan: Built) -> float:
        """What single queries take in a tree beside a scan: in turns, for a machine is not as fast at all times."""
        return median(self.time(tree.core, _K[0], True) / self.time(scan.core, _K[0], True) for _ in range(_TURNS))

    def scan(self, make: Maker, flat: Built | None) -> _Scan:
        """What a scan of all points takes, from one of a part of them, and one of less."""
        tried = [(alone, k) for alone in (False, True) for k in _K]
        if flat is not None:
            times = [self.time(flat.core, k, alone) for alone, k in tried]
        else:
            few = np.ascontiguousarray(self.rows[: max(len(self.rows) // _PART, _WHOLE // 2)])
            less = few[: len(few) // 4]
            grow = (len(self.rows) - len(few)) / (len(few) - len(less))
            cores = [make("flat", part).core for part in (few, less)]
            pairs = [[self.time(core, k, alone) for core in cores] for alone, k in tried]
            times = [long + grow * max(long - short, 0.5 * long) for long, short in pairs]
            # parts fit into caches that the whole does not; one query alone reads all of it
            times[2:] = [max(took, self._reading()) for took in times[2:]]
        return _Scan(tuple(times[:2]), tuple(times[2:]))

    def _reading(self) -> float:
        """Nanoseconds of this thread to read all points from memory."""
        numbers = self.rows.reshape(-1).view(np.uint8)
        start = time.thread_time_ns()
        np.bitwise_or.reduce(numbers[: len(numbers) // 8 * 8].view(np.uint64))
        return float(time.thread_time_ns() - start)

    def tree(self, make: Maker, method: str, scan: _Scan) -> _Tried:
        """A tree over the points, and what it takes."""
        built = make(method, self.rows)
        core, effort = built.core, np.zeros(self.count, np.int32)
        times, starts, blocks = [], [], []
        for k, scanned in zip(_K, scan.together, strict=True):
            # two points of a line: queries that stop at the first leaf, and queries that need not stop
            short = self.time(core, k, parameters=_SHORT, effort=effort)
            few = float(np.abs(effort).mean())
            limit = max(int(_GIVE_UP * scanned / _BLOCK), 64)
            took = self.time(core, k, parameters={"give_up": float(limit)}, effort=effort)
            many = float(np.abs(effort).mean())
            block = max(took - short, 0.25 * took) / max(many - few, 0.25 * many, 1.0)
            times.append(took + scanned * float((effort < 0).mean()))
            starts.append(max(took - block * many, 1.0))
            blocks.append(block)
        call = self.time(core, _K[0], alone=True, parameters=_SHORT) - self.time(core, _K[0], parameters=_SHORT)
        return _Tried(built, method, tuple(times), tuple(starts), tuple(blocks), max(call, 0.0))


def _words(tried: _Tried, scan: _Scan, measured: int, count: int) -> str:
    each = [
        f"{_time(took)} for a query of {k} neighbours, scanning {_time(together)} in a batch and {_time(alone)} alone"
        for k, took, together, alone in zip(_K, tried.times, scan.together, scan.alone, strict=True)
    ]
    return f"{tried.name}: {'; '.join(each)} (one thread, measured for {measured} of the {count} points)"


def _time(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e3:.3g} us" if nanoseconds < 1e6 else f"{nanoseconds / 1e6:.3g} ms"

"""What searches take, as far as it was measured: what a choice between a tree and a scan goes by."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

__all__ = ["EVERY", "PATIENCE", "SURE", "TRIES", "Cost", "Costs", "Short", "State"]

_TOGETHER: Final = 6  # so many queries share what a scan reads
_LEAST: Final = 64  # blocks take less than a call: a query that came alone wins nothing by giving up sooner
PATIENCE: Final = 2.0  # scans that a query may take before it gives up
EVERY: Final = 32  # one in so many short calls is timed
_MOST: Final = 3.0  # times what was expected: what takes longer was disturbed
_TRIAL: Final = 4  # calls of a trial: the first ones take up to twice as long
TRIES: Final = 8  # one in so many of these tries the way that has been slower
_FAR: Final = 2.5  # times as long: not worth trying again
SURE: Final = 0.9  # of a scan's time: a tree that is expected to take more is not worth the risk
_WEIGHT: Final = 0.25  # of the latest search in the average of all


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

    def limit(self, scan: float, least: int = 16) -> int:
        """The blocks with which the tree takes as long as so many scans that a query had better give up."""
        return max(int((PATIENCE * scan - self.start) / self.block), least)

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
class Short:
    """Calls with so few queries of one kind. They take but microseconds, so most of them go ``way`` (0 the tree, 1 a
    scan) without a look at anything; one in ``EVERY`` is timed.

    Attributes
    ----------
    give_up : with how many blocks a query gives up; ``limits``: the same for the core.
    tree, scan : what calls took, in nanoseconds of the caller's thread; the latest count most.
    left : calls until one is timed.
    trial : how many more calls go the way that has been slower.
    """

    give_up: float
    tree: float
    scan: float
    way: int = 0
    left: int = 0
    turn: int = 0
    trial: int = 0
    limits: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        """By what is expected."""
        self.limits = {"give_up": self.give_up}
        self.way = int(self.tree >= SURE * self.scan)

    def next(self) -> tuple[int, bool]:
        """Which way a call goes that is not one of the many; whether it is timed. Now and then some calls go the way
        that has been slower, for it may no longer be: the first ones find nothing in the caches, the last is timed.
        """
        if self.trial:
            self.trial -= 1
            return 1 - self.way, self.trial == 0
        self.turn += 1
        if self.turn % TRIES == 0 and (self.way == 1 or self.scan < _FAR * self.tree):
            self.trial = _TRIAL - 1
            return 1 - self.way, False
        return self.way, True

    def learn(self, way: int, took: float) -> None:
        """From a call that was timed; the first ones follow each other closely."""
        before, other = (self.scan, self.tree) if way else (self.tree, self.scan)
        if took < before and way != self.way and took < other:  # a trial that won: what was expected is out of date
            now, self.turn = took, 0
        else:
            now = before + (0.5 if took < before else _WEIGHT) * (min(took, _MOST * before) - before)  # delays only add
        self.tree, self.scan = (self.tree, now) if way else (now, self.scan)
        self.way, self.left = int(self.tree >= SURE * self.scan), min(self.turn, EVERY - 1)


@dataclass(slots=True)
class State:
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

    def short(self, count: int) -> Short:
        """Of calls with so few queries, before the first."""
        give_up = float(self.cost.limit(self.cost.of(count), _LEAST))
        own = self.expected * count + self.cost.call
        return Short(give_up, max(own, 1.0), self.cost.of(count) * count)

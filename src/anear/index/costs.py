"""What searches take, as far as it was measured: what a choice between a tree and a scan goes by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from anear import _core

__all__ = ["EVERY", "PATIENCE", "SURE", "SURELY", "TRIES", "Cost", "Costs", "State"]

_TOGETHER: Final = 6  # fewer queries take a scan as long as so many
_LEAST: Final = 16  # blocks that every query may look at
_ASKING: Final = 1e4  # nanoseconds of asking again for those of a short call that gave up, besides the scan
PATIENCE: Final = 2.0  # scans that a query may take before it gives up,
_LATER, _RARE = 3.0, 1 / 16  # and times as many where no more than so many gave up
_LONG: Final = 5e4  # nanoseconds: calls that take as long may all be timed; of others, one in so many:
EVERY: Final = 32  # and batches between two looks at the way that is not taken
TRIES: Final = 8  # times as many where it takes far more
SURELY: Final = 0.65  # of a scan's time: a tree that is known to take less is the better way
_SHORT: Final = 4e6  # nanoseconds of a batch in such a tree, of which it takes too much to ask some queries first
SURE: Final = 0.9  # of a scan's time: a tree that is expected to take more is not worth the risk


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
        return max(int((PATIENCE * scan - self.start) / self.block), _LEAST)

    def again(self, count: int, before: float) -> float:
        """The same for ``count`` queries that gave up after ``before`` blocks; 0: they had better be scanned for.

        Few share what a scan of them has to read, and each may go further down for it.
        """
        more = float(self.limit(self.of(count)))
        return more if more >= PATIENCE * before else 0.0

    def of(self, count: int) -> float:
        """A scan for one query of ``count``: few share what one alone has to read."""
        return max(self.scan, min(self.scan_one, max(_TOGETHER * self.scan, self.scan_one) / count))


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
class State:
    """What searches of one kind have taken so far.

    Attributes
    ----------
    expected : nanoseconds that a query probably takes in the tree, besides the call.
    pace, scanning : what the tree and scans took for many, beside what was measured.
    lost : the share of those that went down last that gave up.
    known : what a query of the last batch took that went down as a whole; 0 if there was none.
    turn : the batches so far; ``fell``, ``scanned``: the last one that went this way.
    close : for how many batches now both ways have taken about as long.
    scans : the better way, as far as is known; after ``patience`` batches the other is tried if it is close.
    """

    cost: Cost
    expected: float
    pace: float = 1.0
    scanning: float = 1.0
    lost: float = 0.0
    known: float = 0.0
    turn: int = 0
    close: int = 0
    fell: int = -EVERY
    scanned: int = -EVERY
    scans: bool = False
    patience: int = 2

    @property
    def scan(self) -> float:
        """Nanoseconds of a scan for a query of many."""
        return self.cost.scan * self.scanning

    @property
    def sure(self) -> float:
        """Of a scan's time: a tree that probably takes more is not the better way. No risk where both were measured."""
        return 1.0 if self.turn - min(self.fell, self.scanned) <= EVERY else SURE

    def own(self, count: int) -> float:
        """Nanoseconds that a query of so many probably takes in the tree."""
        return self.expected + self.cost.call / count

    def trusted(self, count: int) -> bool:
        """Whether so many queries are best sent down the tree without asking some of them first."""
        return self.known > 0 and self.own(count) < SURELY * self.scan and count * self.expected < _SHORT

    def pace_of_scan(self, nanoseconds: float) -> float:
        """Of a scan that took so long for a query of many; what is far from what was measured was disturbed."""
        return max(0.5, min(nanoseconds / self.cost.scan, 1.25))

    def limit(self, everyone: bool = True) -> float:
        """The blocks after which a query of many gives up: later where hardly one did, for those few share no scan."""
        scan = self.scan / min(self.pace, 1.0)
        rare = everyone and self.known > 0 and self.lost < _RARE
        return float(self.cost.limit(_LATER * scan if rare else scan))

    def short(self, count: int, until_scans: bool = False) -> _core.ShortCall:
        """Of calls with so few queries, before the first; ``until_scans``: they go so while the tree is better."""
        give_up = float(self.cost.limit(self.cost.of(count) + _ASKING / count))
        if self.trusted(count):
            give_up = max(give_up, self.limit())
        own, scan = max(self.expected * count + self.cost.call, 1.0), self.cost.of(count) * self.scanning * count
        return _core.ShortCall(give_up, own, scan, EVERY if min(own, scan) < _LONG else 1, until_scans)

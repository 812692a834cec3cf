"""Many queries at once, of a tree and a scan over the same points: which of the two answers them.

What is known is what earlier batches took. A few queries go down the tree first, and say whether these are like those
before them, or else take so much less than a scan, or so much more, that there is no doubt. Where there is, some more
are timed. Where both ways take about as long, now and then a batch goes the other way, so that both are known. Where a
batch is soon over and the tree has been by far the better way, nobody is asked first: who takes as long as some scans
gives up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.index.costs import EVERY, SURELY, TRIES, State

__all__ = ["EVERYONE", "STEP", "Ask", "Batch", "Part", "Places"]

STEP: Final = 32  # no more than one query in so many goes first,
_FIRST: Final = 8  # and no more than so many
_FEWEST: Final = 2
_TIMED: Final = 24  # so many queries tell how long others take; of fewer, the calls do
_SOME: Final = 8  # no more than one in so many is timed
_CLOCK: Final = 2e5  # nanoseconds beside which calls take little
_COLD: Final = 5e5  # nanoseconds that caches may take to fill
_LONG: Final = 1e6  # nanoseconds of scanning beside which it takes little to try some queries
_HOPELESS: Final = 0.75  # of those tried: if so many give up, so do others
_HARDLY: Final = 1.6  # of a scan's time: between ``SURELY`` and this it takes much to know the better way
_CLEAR: Final = 0.5, 2.5  # the same where the clock has not been asked
_AGAIN: Final = 2  # batches after which the way not taken is tried, and twice as many each time it is still not
_FASTER, _SLOWER = 0.5, 0.25  # of what the latest batch says more or less than those before it: delays only add
_ALIKE: Final = 0.75, 1.33  # of what those before them took: as far as few queries can tell, these take the same
EVERYONE: Final = slice(None)

Ids = npt.NDArray[np.int64]
Effort = npt.NDArray[np.int32]
Places = Ids | slice
Ask = Callable[..., Any]
Part = tuple[Places, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of ``count`` queries; ``ask(core, places, ...)`` searches for some of them, ``scan()`` makes a scan.

    ``state`` is what batches of this kind have taken so far.
    """

    ask: Ask
    tree: Any
    scan: Callable[[], Any]
    count: int
    state: State

    def answered(self) -> list[Part]:
        """Who answered which queries. A later part replaces what an earlier one left empty."""
        state = self.state
        state.turn += 1
        if (
            not state.trusted(self.count)
            and self.count * min(max(state.expected, state.cost.block), state.scan) > _LONG
        ):
            self._look()
        elif state.turn % (TRIES * EVERY) == 0 and state.own(self.count) >= _HARDLY * state.scan:
            self._descended(_spread(self.count, max(self.count // STEP, _FEWEST)))
        own, scan = state.own(self.count), state.scan
        scans = own >= state.sure * scan
        if scans != state.scans:
            state.scans, state.patience = scans, _AGAIN
        state.close = state.close + 1 if SURELY * scan <= own < _HARDLY * scan else 0
        if state.close > 1 and state.turn - (state.fell if scans else state.scanned) > state.patience:
            state.patience = min(2 * state.patience, EVERY)
            scans = not scans
        return self._all_scanned() if scans else self._all_down()

    def _look(self) -> None:
        """Try some."""
        state, known = self.state, self.state.known
        self._descended(_spread(self.count, max(min(self.count // STEP, _FIRST), _FEWEST)))
        alike = _ALIKE[0] * known < state.expected < _ALIKE[1] * known
        doubtful = (state.expected < state.sure * state.scan) != (known < state.sure * state.scan)
        if alike and not (doubtful and self.count >= _SOME * _TIMED):
            state.expected = known
            return
        clear = state.lost >= _HOPELESS or not _CLEAR[0] <= state.expected / state.scan < _CLEAR[1]
        if not clear and self.count >= _SOME * _TIMED:
            self._descended(_spread(self.count, max(self.count // STEP, _TIMED)))
            state.known = state.expected

    def _all_down(self) -> list[Part]:
        state, limit = self.state, self.state.limit()
        found, effort = self._descended(EVERYONE)
        state.known, state.fell = state.expected, state.turn
        parts: list[Part] = [(EVERYONE, found)]
        if not state.lost:
            return parts
        late = np.flatnonzero(effort < 0)
        more = state.cost.again(len(late), limit)
        if more:
            again = np.zeros(len(late), np.int32)
            parts.append((late, self.ask(self.tree, late, parameters={"give_up": more}, effort=again)))
            late = np.asarray(late[again < 0])
        if len(late):
            parts.append((late, self.ask(self.scan(), late)))
        return parts

    def _all_scanned(self) -> list[Part]:
        state, made, start = self.state, self.scan(), time.process_time_ns()
        found = self.ask(made, EVERYONE)
        took = (time.process_time_ns() - start) / self.count
        state.scanning = _learnt(state.scanning, state.pace_of_scan(took))
        state.scanned = state.turn
        return [(EVERYONE, found)]

    def _descended(self, places: Places) -> tuple[Any, Effort]:
        """The answers, and the blocks that each query looked at; less than 0 if it gave up."""
        state, cost = self.state, self.state.cost
        count = self.count if isinstance(places, slice) else len(places)
        limits = {"give_up": state.limit(places is EVERYONE)}
        effort, start = np.zeros(count, np.int32), time.process_time_ns()
        found = self.ask(self.tree, places, parameters=limits, effort=effort)
        spent = time.process_time_ns() - start - cost.call
        # Few and plain calls: after a search their code is in no cache.
        state.lost = float(np.count_nonzero(effort < 0)) / count if np.minimum.reduce(effort) < 0 else 0.0
        took = cost.start + cost.block * int(np.add.reduce(np.abs(effort) if state.lost else effort)) / count
        # The clock says more than the blocks, some of which take longer than others. But a part of a batch finds cold
        # caches, which only add: beside what whole batches took, more counts only as far as these can't be the reason.
        pace = _between(0.4, spent / count / took, 1.6)
        if state.known > 0 and count < self.count:
            certain = (spent - _COLD) / count / took
            pace = min(pace, max(state.pace, certain))
        elif count < _TIMED:
            pace = math.sqrt(pace * state.pace) if spent > _CLOCK else state.pace
        if count >= _TIMED:
            state.pace = _learnt(state.pace, pace)
        if count == self.count:
            pace = state.pace
        state.expected = took * pace + state.scan * state.lost
        return found, effort


def _learnt(before: float, now: float) -> float:
    return before + (_FASTER if now < before else _SLOWER) * (now - before)


def _between(low: float, value: float, high: float) -> float:
    return max(low, min(value, high))


def _spread(count: int, size: int) -> Ids:
    """Places all over a batch, as far from each other as can be."""
    return np.arange(count // size // 2, count, max(count // size, 1))

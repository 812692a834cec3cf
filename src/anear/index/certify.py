"""Measuring what an index finds, until it is proved: recall beside an exact scan, for a ladder of widths at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.index.asking import Asked, Source
from anear.index.betting import lower_bound
from anear.index.promise import EXACT, Certificate, Promise, Step, narrowest_proved

__all__ = ["Answers", "Gold", "certified", "exact_promise", "hits", "narrowest", "widths"]

_FIRST: Final = 128  # queries of the first look; each later look asks as many as all before it
_MOST: Final = 2048
_PILOTS: Final = 96
_ABOVE: Final = 2  # steps beyond the width that the pilots needed
_WIDEST: Final = 4096
_STEP: Final = math.sqrt(2)

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answers:
    """The distances of answers, k for each query, and whether there was an answer in each place."""

    distances: npt.NDArray[Any]
    there: npt.NDArray[np.bool_]


Search = Callable[[Asked, int], Answers]
Gold = Callable[[Asked], Answers]


def hits(found: Answers, gold: Answers) -> Counts:
    """For each query how many of k it found, in k-ths where there are fewer; what is as near as the last true
    neighbour counts, since of points at equal distances any will do.
    """
    k, true = gold.there.shape[1], gold.there.sum(axis=1)
    last = np.where(gold.there, gold.distances, -np.inf).max(axis=1, initial=-np.inf)
    near = (found.there & (found.distances <= last[:, None])).sum(axis=1)
    counted: Counts = np.where(true == 0, k, np.minimum(near, true) * k // np.maximum(true, 1))
    return counted


def widths(k: int, points: int, most: int = _WIDEST) -> tuple[int, ...]:
    """The ladder for k neighbours: from k to ``most``, or to as many as there are points."""
    top, ladder = min(max(most, 8 * k), max(points, k)), [k]
    while ladder[-1] < top:
        ladder.append(min(math.ceil(_STEP * ladder[-1]), top))
    return tuple(ladder)


def narrowest(search: Search, asked: Asked, gold: Answers, ladder: Sequence[int], recall: float) -> int | None:
    """The place of the first width of the ladder with so much recall for these queries, by bisection; or None."""
    k = gold.there.shape[1]

    def enough(place: int) -> bool:
        return bool(hits(search(asked, ladder[place]), gold).mean() >= recall * k)

    low, high = 0, 0
    while not enough(high):  # from narrow to wide in leaps: the wide are dear
        if high == len(ladder) - 1:
            return None
        low, high = high + 1, min(2 * high + 2, len(ladder) - 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def exact_promise(recall: float, k: int, confidence: float, points: int, seed: int) -> Promise:
    """What a method promises that finds all."""
    return Promise(Certificate(recall, k, None, 1.0, 1.0, confidence, 0, points, EXACT, seed))


def certified(
    search: Search,
    gold: Gold,
    source: Source,
    recall: float,
    k: int,
    points: int,
    *,
    confidence: float = 0.95,
    ladder: Sequence[int] | None = None,
    most: int = _MOST,
    deadline: float = math.inf,
    seed: int = 0,
    thorough: bool = False,
) -> Promise:
    """Measure widths until one is proved to reach ``recall``, or cannot be; ``thorough``: to the end in any case.

    Pilots, which are not used again, say how wide the widest need be. Then all widths up to it answer the same fresh
    queries, some at first, then as many again, until the narrowest that seems enough is proved to be, until ``most``
    were asked, there are no more, or until ``deadline`` (of ``time.monotonic``).
    """
    if ladder is None:
        ladder = _ladder(search, gold, source, recall, widths(k, points))
    counts = np.zeros((len(ladder), k + 1), np.int64)
    bounds = np.zeros(len(ladder))
    asked = 0
    while asked < most:
        drawn = source.fresh(min(max(asked, _FIRST), most - asked))
        if not len(drawn):
            break
        true = gold(drawn)
        for place, ef in enumerate(ladder):
            counts[place] += np.bincount(hits(search(drawn, ef), true), minlength=k + 1)
        asked += len(drawn)
        bounds = np.maximum(bounds, [lower_bound(row, confidence) for row in counts])
        if (not thorough and _decided(counts, bounds, recall, asked)) or time.monotonic() > deadline:
            break
    steps = tuple(
        Step(ef, float(row @ np.arange(k + 1)) / (k * max(asked, 1)), float(bound))
        for ef, row, bound in zip(ladder[::-1], counts[::-1], bounds[::-1], strict=True)
    )
    found = narrowest_proved(steps, recall) or steps[0]
    certificate = Certificate(
        recall, k, found.ef, found.estimate, found.lower_bound, confidence, asked, points, source.about, seed
    )
    return Promise(certificate, steps)


def _ladder(search: Search, gold: Gold, source: Source, recall: float, ladder: Sequence[int]) -> tuple[int, ...]:
    pilots = source.pilot(_PILOTS)
    place = narrowest(search, pilots, gold(pilots), ladder, (1 + recall) / 2)
    return tuple(ladder if place is None else ladder[: place + 1 + _ABOVE])


def _decided(counts: Counts, bounds: npt.NDArray[np.float64], recall: float, asked: int) -> bool:
    """Whether of the widths, from the widest down, the first that is not proved does not even seem to be enough."""
    k = counts.shape[1] - 1
    for row, bound in zip(counts[::-1], bounds[::-1], strict=True):
        if bound < recall:
            return bool(row @ np.arange(k + 1) < recall * k * asked)
    return True

"""Choosing a method and its parameters for a recall: `Index(points, recall=0.95)`.

An exact method is built and timed first; it is the choice where it is the fastest, and what is left where nothing else
keeps the promise. Graphs are tried on a sample of the points: each is built, searched as wide as the recall asks for,
and timed. The fastest of those that the budgets allow is built over all points, if it may be expected to beat the exact
method there, and is certified with queries that had no part in the choice.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy.typing as npt

from anear.errors import ArgumentError
from anear.index.arguments import Progress, neighbour_count
from anear.index.asking import Asked, Given, Source
from anear.index.certify import Answers, certified, exact_promise, narrowest, widths
from anear.index.methods import APPROXIMATE, Built, checked_options
from anear.index.promise import Promise
from anear.index.trial import Trial
from anear.index.wish import Wish

if TYPE_CHECKING:
    from anear.index.index import Index

__all__ = ["choose"]

_CONFIDENCE: Final = 0.95
_SEED: Final = 1
_FEW: Final = 2048  # so few points are scanned faster than a graph is walked through
_QUICK: Final = 1e4  # nanoseconds; an exact search that takes less is good enough,
_WORTH: Final = 0.8  # and one that takes hardly longer than a graph is better
_SHARE: Final = 16  # graphs are tried on one point in so many,
_SAMPLE: Final = (4096, 16384)  # within these limits,
_FIRST: Final = 1024  # after a glance at so many, which compiles the kernels and tells how long the sample would take,
_TRYING: Final = 0.25  # for this part of the budget,
_BUILDING: Final = 0.8  # and built over all points if that may take this part of what is left
_SURELY: Final = 1.5  # times the memory allowed, by a glance
_ASKED: Final = 200
# A query through a graph over a times the points takes about a to this power times as long. A guess: it orders what is
# built and raced, and promises nothing.
_GROWTH: Final = 0.4
_LINKS: Final[tuple[Mapping[str, Any], ...]] = ({}, {"m": 32})
_CODES: Final[tuple[Mapping[str, Any], ...]] = ({}, {"codes": 8}, {"codes": 4}, {"codes": 4, "beside": 1})


def choose(index: Index, wish: Wish, method: str | None, team: int, progress: Progress | None) -> None:
    """Build the best method into an index whose points are checked, or the one that is named, and certify it."""
    neighbour_count(wish.k, len(index))
    chooser = _Chooser(Trial(index, team), wish, progress)
    found = chooser.best() if method is None else chooser.named(method, index._options)
    index._method, index._options = found.method, checked_options(found.method, found.options)
    index._use(found.built)
    index._promise = found.promise
    proved = found.promise.certificate
    if not proved.holds:
        warnings.warn(f"the index may find less than was asked for: {proved}", UserWarning, stacklevel=4)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A method that was built."""

    method: str
    options: Mapping[str, Any]
    built: Built
    promise: Promise


@dataclass(frozen=True, slots=True)
class _Tried:
    """A graph over a sample, the width that reaches the recall there, and what it may take over all points."""

    method: str
    options: Mapping[str, Any]
    built: Built
    ef: int
    seconds: float
    nbytes: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A graph that was tried, and what a query of it may be expected to take over all points."""

    method: str
    options: Mapping[str, Any]
    nanoseconds: float
    seconds: float
    nbytes: float


class _Chooser:
    def __init__(self, trial: Trial, wish: Wish, progress: Progress | None) -> None:
        self._trial, self._wish, self._progress = trial, wish, progress
        self._start = time.monotonic()
        self._given: npt.NDArray[Any] | None = None
        if wish.sample_queries is not None and not trial.space.fields("query"):
            self._given = trial.queries(wish.sample_queries, "sample_queries")
        self._ladder = widths(wish.k, len(trial))
        self._words: list[str] = []

    def named(self, method: str, options: Mapping[str, Any]) -> _Choice:
        """The user's own choice of method, certified."""
        if method in APPROXIMATE:
            return self._certified(method, options, self._trial.build(method, options, self._progress))
        return self._exactly(method, options, self._trial.build(method, options, self._progress))

    def best(self) -> _Choice:
        """The fastest method that keeps the promise."""
        trial, wish = self._trial, self._wish
        name, exact = self._exact()
        takes = math.inf
        if exact is not None:
            if wish.recall == 1 or len(trial) < _FEW or trial.space.fields("query"):
                return self._exactly(name, {}, exact)
            takes = trial.nanoseconds([(exact, None)], self._source(trial, exact).pilot(_ASKED), wish.k)[0]
            if takes < _QUICK:
                return self._exactly(name, {}, exact)
            exact = None  # its memory is the graph's now
        failed: _Choice | None = None
        for candidate in self._worth_building(takes):
            chosen = self._certified(candidate.method, candidate.options, self._build(candidate))
            taken = self._time(chosen)
            exactly = f"; exactly: {_time(takes)}" if takes < math.inf else ""
            self._words.insert(0, f"{_spelt(chosen.method, chosen.options)}: {_time(taken)} a query{exactly}")
            if not chosen.promise.certificate.holds:
                failed = failed or chosen
            elif taken < _WORTH * takes:
                return replace(chosen, built=replace(chosen.built, choice=tuple(self._words)))
            else:
                break
        if takes < math.inf:
            return self._exactly(name, {}, trial.build(name))
        if failed is None:
            raise ArgumentError(
                f"budget_bytes is {wish.nbytes:.0f}, and budget_seconds {wish.seconds:g}; no method keeps within both "
                f"for {len(trial)} points: {'; '.join(self._words)}"
            )
        return failed

    def _exact(self) -> tuple[str, Built | None]:
        """A tree, a scan or both, and its name; None where there is no memory for it."""
        trial, most = self._trial, self._wish.nbytes
        few = trial.some(min(len(trial), _FIRST), _SEED)
        each = few.build("flat").core.nbytes / len(few)
        if each * len(trial) > most:
            self._words.append(f"a scan would take {each * len(trial):.3g} bytes")
            return "flat", None
        built = trial.build("auto")
        return ("auto", built) if built.core.nbytes <= most else ("flat", trial.build("flat"))

    def _exactly(self, method: str, options: Mapping[str, Any], built: Built) -> _Choice:
        promise = exact_promise(self._wish.recall, self._wish.k, _CONFIDENCE, len(self._trial), _SEED)
        built = replace(built, choice=(*(built.choice or (method,)), *self._words))
        return _Choice(method, options, built, promise)

    def _build(self, candidate: _Candidate) -> Built:
        return self._trial.build(candidate.method, candidate.options, self._progress)

    def _certified(self, method: str, options: Mapping[str, Any], built: Built) -> _Choice:
        trial, wish = self._trial, self._wish
        promise = certified(
            partial(_found, trial, built, wish.k),
            lambda asked: trial.gold(asked, wish.k),
            self._source(trial, built),
            wish.recall,
            wish.k,
            len(trial),
            deadline=self._start + wish.seconds,
            confidence=_CONFIDENCE,
            seed=_SEED,
        )
        return _Choice(method, options, built, promise)

    def _source(self, trial: Trial, built: Built) -> Source:
        return trial.made_up(built, _SEED) if self._given is None else Given(self._given, _SEED)

    def _time(self, chosen: _Choice) -> float:
        pilots = self._source(self._trial, chosen.built).pilot(_ASKED)
        width = chosen.promise.certificate.ef
        return self._trial.nanoseconds([(chosen.built, width)], pilots, self._wish.k)[0]

    # on a sample

    def _worth_building(self, takes: float) -> Iterator[_Candidate]:
        """What may be expected to be faster than ``takes`` within the budgets, the fastest first."""
        for candidate in sorted(self._candidates(), key=lambda candidate: candidate.nanoseconds):
            left = _BUILDING * (self._start + self._wish.seconds - time.monotonic())
            if candidate.nbytes <= self._wish.nbytes and candidate.seconds <= left and candidate.nanoseconds < takes:
                yield candidate

    def _candidates(self) -> list[_Candidate]:
        """The graphs that reach the recall on a sample, timed there in turns."""
        low, high = _SAMPLE
        count = min(max(len(self._trial) // _SHARE, low), high, len(self._trial))
        glance, sample = (self._trial.some(min(size, count), _SEED) for size in (_FIRST, count))
        asked = self._source(sample, sample.build("flat")).pilot(_ASKED)
        tried = list(self._tried(glance, sample, asked, sample.gold(asked, self._wish.k)))
        times = sample.nanoseconds([(each.built, each.ef) for each in tried], asked, self._wish.k)
        grown = (len(self._trial) / count) ** _GROWTH
        for each, taken in sorted(zip(tried, times, strict=True), key=lambda pair: pair[1]):
            self._words.append(
                f"{_spelt(each.method, each.options)}: {_time(taken)} a query at ef={each.ef} among {count} points; "
                f"over all some {each.seconds:.3g} s to build and {each.nbytes:.3g} bytes"
            )
        return [
            _Candidate(each.method, each.options, taken * grown, each.seconds, each.nbytes)
            for each, taken in zip(tried, times, strict=True)
        ]

    def _tried(self, glance: Trial, sample: Trial, asked: Asked, gold: Answers) -> Iterator[_Tried]:
        wish, until = self._wish, self._start + _TRYING * self._wish.seconds
        grown = _work(len(self._trial)) / _work(len(sample))
        like: Built | None = None  # what the links are taken of, for they are what takes time: these seconds
        seconds = 0.0
        for method, links, codes in product(APPROXIMATE, _LINKS, _CODES):
            options, like = {**links, **codes}, like if codes else None
            name = _spelt(method, options)
            try:
                start = time.monotonic()
                nbytes = glance.build(method, options).core.nbytes * len(self._trial) / len(glance)
                took = time.monotonic() - start
            except ArgumentError as error:  # options that it does not have, a formula that they do not serve
                if not options:
                    self._words.append(f"{method}: {error}")
                continue
            if nbytes > _SURELY * wish.nbytes:
                self._words.append(f"{name}: would take {nbytes:.3g} bytes")
                continue
            if time.monotonic() + took * _work(len(sample)) / _work(len(glance)) > until:
                self._words.append(f"{name}: not tried, for lack of time")
                continue
            start = time.monotonic()
            built = sample.build(method, options, like=like)
            if like is None:
                like, seconds = built, (time.monotonic() - start) * grown
            search = partial(_found, sample, built, wish.k)
            place = narrowest(search, asked, gold, self._ladder, wish.recall)
            if place is None:
                self._words.append(f"{name}: does not reach the recall")
                continue
            nbytes = built.core.nbytes / len(sample) * len(self._trial)
            yield _Tried(method, options, built, self._ladder[place], seconds, nbytes)


def _found(trial: Trial, built: Built, k: int, asked: Asked, ef: int) -> Answers:
    return trial.answers(built, asked, k, ef)


def _work(points: int) -> float:
    """What building a graph grows with."""
    return points * math.log(points)


def _spelt(method: str, options: Mapping[str, Any]) -> str:
    given = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"{method} ({given})" if given else method


def _time(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e3:.3g} us" if nanoseconds < 1e6 else f"{nanoseconds / 1e6:.3g} ms"

"""How many distances and queries a second: each distance on rows it is defined on, in one thread unless told otherwise.

The rate is counted in CPU seconds, which other work on the machine disturbs least, and is the best of several
repetitions: what the code can do, not what the machine happened to be doing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anear.evaluate.samples import sample
from anear.index.index import Index
from anear.index.search import pairwise
from anear.spaces import Distance, Resolved, all_distances, resolve

__all__ = ["SearchRate", "Throughput", "best_rate", "distance_rates", "example", "search_rates"]

# A block of points that stays in the second-level cache at 128 dimensions: what is measured is arithmetic, not memory.
POINTS = 2048
QUERIES = 240

# What a number among a distance's parameters is set to, where allowed: no power with it is a product or a root.
_PLAIN = 3.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """Million distances a second of CPU time.

    Attributes
    ----------
    name : the distance, with its parameters.
    dimensions : columns of the rows.
    matrix : filling a matrix of all distances (``pairwise``).
    batch : k-NN search, k = 1, of a batch of queries.
    single : the same, one query a call.
    """

    name: str
    dimensions: int
    matrix: float
    batch: float
    single: float


@dataclass(frozen=True, slots=True)
class SearchRate:
    """Exact search of one data set: ``rate`` queries a second of wall clock, ``cpu`` microseconds of CPU a query."""

    name: str
    points: int
    dimensions: int
    k: int
    build: float
    rate: float
    cpu: float


def best_rate(work: Callable[[], Any], amount: float, seconds: float) -> float:
    """``amount`` a CPU second: the best of at least three repetitions that fill ``seconds`` of wall clock.

    A repetition runs the work as often as the clock needs to tell its time.

    >>> best_rate(lambda: sum(range(1000)), 1000, 0.01) > 0
    True
    """
    loops, best, began, rounds = 1, 0.0, time.perf_counter(), 0
    work()
    while rounds < 3 or time.perf_counter() - began < seconds:
        start = time.process_time()
        for _ in range(loops):
            work()
        took = time.process_time() - start
        if took < 2e-3:
            loops *= 4
            continue
        best = max(best, amount * loops / took)
        rounds += 1
    return best


def distance_rates(
    names: Sequence[str] | None = None,
    dimensions: int = 128,
    seconds: float = 0.2,
    num_threads: int = 1,
) -> Iterator[Throughput]:
    """Measure each named distance (or only ``names``; formulas are welcome), one after the other.

    Parameters
    ----------
    names : distances as a user writes them; None for every named distance, with made-up parameters.
    dimensions : columns of the rows, unless the distance has a fixed number.
    seconds : how long each of the three measurements of a distance lasts, at least.
    num_threads : threads of a batch; rates are by CPU time, so more threads do not raise them.

    Raises
    ------
    ArgumentError, FormulaError
        for a name or a formula that is neither, before anything is measured.
    """
    if names is None:
        chosen = [example(distance, dimensions) for distance in all_distances()]
    else:
        chosen = [resolve(name) for name in names]
    for resolved in chosen:
        yield _measured(resolved, dimensions, seconds, num_threads)


def search_rates(
    cases: Sequence[tuple[str, npt.NDArray[Any], npt.NDArray[Any]]],
    k: Sequence[int] = (1, 10, 50, 100),
    num_threads: int | None = None,
    seconds: float = 0.5,
) -> Iterator[SearchRate]:
    """Exact k-NN search of each case ``(distance, points, queries)`` for each k."""
    for distance, points, queries in cases:
        start = time.perf_counter()
        index = Index(points, distance=distance, num_threads=num_threads)
        build = time.perf_counter() - start
        for neighbours in k:
            wall, cpu = _search_seconds(index, queries, neighbours, num_threads, seconds)
            yield SearchRate(
                distance, len(points), points.shape[1], neighbours, build, len(queries) / wall, 1e6 * cpu / len(queries)
            )


def _search_seconds(
    index: Index, queries: npt.NDArray[Any], k: int, num_threads: int | None, seconds: float
) -> tuple[float, float]:
    """The shortest wall clock and the least CPU time of several searches."""
    index.search(queries[:1], k, num_threads=num_threads)
    wall, cpu, began = np.inf, np.inf, time.perf_counter()
    while time.perf_counter() - began < seconds or wall == np.inf:
        start = time.perf_counter(), time.process_time()
        index.search(queries, k, num_threads=num_threads)
        wall = min(wall, time.perf_counter() - start[0])
        cpu = min(cpu, time.process_time() - start[1])
    return wall, cpu


def example(distance: Distance, dimensions: int) -> Resolved:
    """The distance, ready for ``dimensions`` columns, with made-up values of its parameters."""
    values: dict[str, Any] = {}
    for parameter in distance.parameters:
        if parameter.kind == "number" and parameter.low < _PLAIN < parameter.high:
            values[parameter.name] = _PLAIN
        elif parameter.required and parameter.alternative not in values:
            values[parameter.name] = _made_up(parameter.kind, dimensions)
    return distance.bind(values)


def _made_up(kind: str, dimensions: int) -> Any:
    if kind == "matrix":
        return np.eye(dimensions) + 1.0 / dimensions
    return np.linspace(0.5, 1.5, dimensions) if kind == "vector" else 0.5


def _measured(resolved: Resolved, dimensions: int, seconds: float, num_threads: int) -> Throughput:
    points = sample(resolved.point_domain, POINTS, dimensions, seed=1)
    queries = sample(resolved.query_domain, QUERIES, dimensions, seed=2)
    distance: Any = resolved.expr if resolved.distance is None else resolved.distance
    params = dict(resolved.params) if resolved.distance is not None else {}
    index = Index(points, distance=distance, num_threads=num_threads, **params)
    one, count = queries[:1], len(points)
    out = np.empty((len(queries), count), dtype=np.float32)
    return Throughput(
        name=resolved.label if resolved.name is not None else str(resolved.expr),
        dimensions=points.shape[1],
        matrix=best_rate(
            lambda: pairwise(queries, points, distance=distance, out=out, num_threads=num_threads, **params),
            out.size / 1e6,
            seconds,
        ),
        batch=best_rate(lambda: index.search(queries, 1, num_threads=num_threads), out.size / 1e6, seconds),
        single=best_rate(lambda: index.search(one, 1, num_threads=1), count / 1e6, seconds),
    )

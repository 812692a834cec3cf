"""method="auto" beside a tree and a scan: is it ever slower than 1.2 times the better of the two?

Queries are unlike the points in two ways: of their kind but not among them, and anywhere in their box and around it.
The former come in one batch, five at a time, and one by one.
Everybody's answers are compared. CPU time of one thread, the contestants in turns; shown are each one's least time of
all rounds. The ratio is the median of the rounds' ratios, each of times that follow each other within a tenth of a
second: on a machine that others use, least times need not come from the same moment, and so say little beside each
other. A case that seems to be lost is raced again until it is not, or has had ``--most`` rounds: a moment in which the
machine is busy is no loss, and what remains after so many is one.

    python benchmarks/auto.py                       # the whole grid, about half an hour
    python benchmarks/auto.py --quick               # a look, a minute
    python benchmarks/auto.py --n 1000 100000 --dimensions 3 16 --distances manhattan --k 1 100
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import common
import numpy as np
import numpy.typing as npt

import anear

_ALLOWED = 1.2
_QUERIES = {300: 2000, 1_000: 2000, 10_000: 1000, 100_000: 400, 1_000_000: 100}
_ONE_BY_ONE, _FEW = 25, 5
_LARGEST = 40_000_000  # coordinates: three methods are kept beside the points
_METHODS = ("flat", "kd_tree", "auto")


@dataclass(frozen=True, slots=True)
class Case:
    """Points of one kind under one distance."""

    n: int
    dimensions: int
    distance: str
    data: str


def main() -> None:
    """Run the grid and print a line for each case."""
    options = _options()
    common.restrict_threads(1)
    described = common.machine()
    for key, value in described.items():
        print(f"{key}: {value}")
    records = []
    for case in _cases(options):
        for k in options.k:
            for record in _race(case, k, options.rounds, options.most):
                records.append(record)
                print(_line(record), flush=True)
    common.write_json(options.out, {"machine": described, "records": records})
    print(f"\n{_summary(records)}\nwritten: {options.out}")


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    for n in options.n:
        for dimensions in options.dimensions:
            if n * dimensions > _LARGEST:
                print(f"n = {n}, D = {dimensions}: left out, too large")
                continue
            for distance in options.distances:
                for data in options.data:
                    yield Case(n, dimensions, distance, data)


def _rows(case: Case, random: np.random.Generator, count: int, centres: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if case.data == "uniform":
        return random.random((count, case.dimensions), dtype=np.float32) + np.float32(1e-3)
    near = centres[random.integers(0, len(centres), count)]
    return np.abs(near + 0.02 * random.normal(size=near.shape)).astype(np.float32) + np.float32(1e-3)


def _race(case: Case, k: int, rounds: int, most: int) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(0)
    centres = random.random((max(case.n // 200, 4), case.dimensions))
    points = _rows(case, random, case.n, centres)
    count = _QUERIES.get(case.n, 200)
    like = _rows(case, random, count, centres)
    unlike = (3 * random.random((count, case.dimensions)) ** 2).astype(np.float32) + np.float32(1e-3)
    indexes, building = {}, {}
    for method in _METHODS:
        start = time.process_time()
        indexes[method] = anear.Index(points, case.distance, method=method)
        building[method] = time.process_time() - start
    choice = next(line for line in indexes["auto"].explain().text.splitlines() if line.startswith("  method"))
    for kind, queries in (
        ("like", like),
        ("unlike", unlike),
        ("few", like[:_ONE_BY_ONE]),
        ("single", like[:_ONE_BY_ONE]),
    ):

        def work(index: anear.Index, queries: npt.NDArray[Any] = queries, kind: str = kind) -> Any:
            if kind == "single":
                return [index.search(query, k).ids for query in queries]
            if kind == "few":
                return [index.search(queries[i : i + _FEW], k).ids for i in range(0, len(queries), _FEW)]
            return index.search(queries, k).ids

        answers = [np.reshape(work(index), (-1, k)) for index in indexes.values()]
        assert all((answer == answers[0]).all() for answer in answers)
        works = [lambda index=index, work=work: work(index) for index in indexes.values()]  # type: ignore[misc]
        times, ratio, raced = _timed(works, len(queries), rounds, most)
        yield {
            "n": case.n,
            "dimensions": case.dimensions,
            "distance": case.distance,
            "data": case.data,
            "k": k,
            "queries": kind,
            "us": times,
            "rounds": raced,
            "ratio": ratio,
            "build_s": building,
            "choice": choice,
        }


def _timed(
    works: Sequence[Callable[[], Any]], amount: int, rounds: int, most: int
) -> tuple[dict[str, float], float, int]:
    """Each one's least time for one of the amount, the ratio, and the rounds it took to be sure."""
    seconds: list[tuple[float, ...]] = []
    ratio = float("inf")
    while not seconds or (len(seconds) < most and ratio > _ALLOWED):
        loops = [common.loops_of(work) for work in works]  # what learns may have become quicker
        timings = common.race(works, [amount] * len(works), rounds, loops)
        seconds += zip(*(timing.cpu for timing in timings), strict=True)
        ratio = statistics.median(auto / min(flat, tree) for flat, tree, auto in seconds)
    least = map(min, zip(*seconds, strict=True))
    return {method: 1e6 * took / amount for method, took in zip(_METHODS, least, strict=True)}, ratio, len(seconds)


def _summary(records: Sequence[dict[str, Any]]) -> str:
    """How many cases of each kind are lost, and the worst of them."""
    rows = []
    for kind in dict.fromkeys(record["queries"] for record in records):
        ratios = sorted(record["ratio"] for record in records if record["queries"] == kind)
        lost = sum(ratio > _ALLOWED for ratio in ratios)
        rows.append([kind, len(ratios), lost, f"{ratios[len(ratios) // 2]:.2f}", f"{ratios[-1]:.2f}"])
    worst = sorted(records, key=lambda record: -float(record["ratio"]))[:10]
    table = common.render(["queries", "cases", f"over {_ALLOWED}", "median", "worst"], rows)
    return "\n".join([table, "", "The ten worst", *map(_line, worst)])


def _line(record: dict[str, Any]) -> str:
    times = "  ".join(f"{method} {us:9.2f}" for method, us in record["us"].items())
    flag = " <--" if record["ratio"] > _ALLOWED else ""
    return (
        f"n {record['n']:8d}  D {record['dimensions']:3d}  {record['distance']:10s} {record['data']:9s} "
        f"k {record['k']:3d}  {record['queries']:6s}  us: {times}  ratio {record['ratio']:.2f}  "
        f"build s: auto {record['build_s']['auto']:.3f} kd_tree {record['build_s']['kd_tree']:.3f}{flag}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_common_options(parser, out="auto.json")
    parser.add_argument("--n", nargs="+", type=int, default=[300, 1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--dimensions", nargs="+", type=int, default=[2, 3, 8, 16, 32, 100])
    parser.add_argument("--distances", nargs="+", default=["euclidean", "manhattan", "kldivgen"])
    parser.add_argument("--data", nargs="+", default=["uniform", "clustered"])
    parser.add_argument("--k", nargs="+", type=int, default=[10])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=int, default=25, help="rounds of a case that seems to be lost")
    options = parser.parse_args()
    if options.quick:
        options.n, options.dimensions, options.rounds = [1_000, 30_000], [3, 16], 2
    return options


if __name__ == "__main__":
    main()

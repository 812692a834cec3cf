"""The life of a graph, or of lists: points a second that come, leave and move; searches meanwhile and under filters.

Rates are points for each second of a processor (CPU time, which other work disturbs least) and by the clock on
`--threads` threads. Points lie in clusters, as descriptors of images do.

    python benchmarks/life.py                          # 100 000 points
    python benchmarks/life.py --points 1000000
    python benchmarks/life.py --method ivf             # with searches after a tenth came, beside those of a fresh index
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import anear

DIMENSION = 128
K = 10
SHARES = (0.5, 0.1, 0.01, 0.001)

Rows = npt.NDArray[np.float32]
Rates = npt.NDArray[np.float64]


def clustered(count: int, seed: int) -> Rows:
    """Clusters of some hundred points, each along directions of its own; whole numbers from 0 to 255."""
    centres = np.random.default_rng(0).gamma(1.0, 30.0, (1000, DIMENSION))
    rng = np.random.default_rng(seed)
    rows = centres[rng.integers(0, len(centres), count)] + rng.normal(0, 25, (count, DIMENSION))
    return np.clip(np.rint(rows), 0, 255).astype(np.float32)


def seconds(call: Callable[[], Any]) -> Rates:
    """How long a call takes: CPU time of all threads, and by the clock."""
    start = np.array([time.process_time(), time.perf_counter()])
    call()
    return np.array([time.process_time(), time.perf_counter()]) - start


def recall(index: anear.Index, queries: Rows, ef: int) -> float:
    """The share of the true neighbours that searches find."""
    gold = anear.Index(index.points, ids=index.ids).search(queries, K).ids
    found = index.search(queries, K, ef=ef).ids
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found, gold, strict=True)]))


def changes(index: anear.Index, fresh: Iterator[Rows], threads: int) -> Iterator[tuple[str, Rates]]:
    """Points a second of each kind of change."""
    index.add(next(fresh)[:1])  # the first change of all copies the points
    for size, times in ((10_000, 1), (1000, 5), (100, 20), (1, 100)):
        parts = [
            part for _ in range(-(-size * times // 10_000)) for part in np.split(next(fresh), max(10_000 // size, 1))
        ]
        taken = parts[:times]
        spent = seconds(lambda taken=taken: [index.add(part, num_threads=threads) for part in taken])
        yield f"added, {size} at a time", sum(map(len, taken)) / spent
    rng = np.random.default_rng(1)
    for size, times in ((10_000, 1), (1000, 1), (1, 100)):  # the first single one finds out who leads where
        gone = np.split(rng.choice(index.ids, size * times, replace=False), times)
        spent = seconds(lambda gone=gone: [index.remove(part, num_threads=threads) for part in gone])
        yield f"removed, {size} at a time", size * times / spent
    chosen, rows = rng.choice(index.ids, 1000, replace=False), next(fresh)[:1000]
    yield "moved, 1000 at a time", 1000 / seconds(lambda: index.update(chosen, rows, num_threads=threads))
    yield "compacted, of all", len(index) / seconds(index.compact)


def meanwhile(index: anear.Index, queries: Rows, rows: Rows) -> list[float]:
    """Milliseconds of the searches of one thread while another adds."""
    times: list[float] = []
    adding = threading.Thread(target=lambda: index.add(rows, num_threads=1))
    adding.start()
    while adding.is_alive():
        query = queries[len(times) % len(queries)]
        times.append(1e3 * float(seconds(lambda query=query: index.search(query, K, ef=64, num_threads=1))[1]))
    return times


def filtered(index: anear.Index, queries: Rows) -> Iterator[tuple[float, float, float]]:
    """For each share of points that are admitted: microseconds a query, and the recall."""
    rng = np.random.default_rng(2)
    scan = anear.Index(index.points)
    for share in (1.0, *SHARES):
        allowed = None if share == 1 else rng.random(len(index)) < share
        asked = {"allow": allowed, "num_threads": 1}
        spent = min(float(seconds(lambda asked=asked: index.search(queries, K, ef=64, **asked))[0]) for _ in range(3))
        gold = index.ids[scan.search(queries, K, allow=allowed).ids]
        found = index.search(queries, K, ef=64, **asked).ids
        hit = float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found, gold, strict=True)]))
        yield share, 1e6 * spent / len(queries), hit


def one_by_one(index: anear.Index, queries: Rows, ef: int) -> float:
    """Microseconds a query."""
    return 1e6 * float(seconds(lambda: [index.search(q, K, ef=ef, num_threads=1) for q in queries])[0]) / len(queries)


def grown(points: Rows, queries: Rows, rounds: int = 15) -> Iterator[tuple[int, str, float, float]]:
    """At some numbers of lists, microseconds a query and recall: of lists that a tenth came to, and of fresh ones."""
    built = len(points) * 10 // 11
    fresh, part = (anear.Index(some, method="ivf", options={"codes": 4}) for some in (points, points[:built]))
    part.add(points[built:])
    for ef in (16, 64):
        turns = [[one_by_one(index, queries, ef) for index in (part, fresh)] for _ in range(rounds)]
        for name, index, spent in zip(("a tenth came", "fresh"), (part, fresh), np.min(turns, axis=0), strict=True):
            yield ef, name, spent, recall(index, queries, ef)


def told(name: str, rates: Rates) -> str:
    """A line of the report."""
    return f"{name:28} {rates[0]:10.0f} {rates[1]:10.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--method", default="hnsw")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--m", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=100)
    args = parser.parse_args()
    points, queries = clustered(args.points, 1), clustered(500, 2)
    options = {"m": args.m, "ef_construction": args.ef_construction} if args.method == "hnsw" else {}
    made: list[anear.Index] = []
    spent = seconds(
        lambda: made.append(anear.Index(points, method=args.method, options=options, num_threads=args.threads))
    )
    index = made.pop()
    print(f"{args.points} x {DIMENSION}, {options}, {args.threads} threads: points a CPU second, and a second")
    print(told("built", args.points / spent), f"recall@{K} at ef=64 {recall(index, queries, 64):.4f}", flush=True)
    for share, spent, hit in filtered(index, queries):
        print(f"{f'searched, {share:.2%} admitted':28} {spent:10.1f} us a query, recall {hit:.4f}", flush=True)
    for ef, name, spent, hit in grown(points, queries) if args.method == "ivf" else ():
        print(f"{f'{name}, {ef} lists':28} {spent:10.1f} us a query, recall {hit:.4f}", flush=True)
    fresh = (clustered(10_000, seed) for seed in range(10, 1000))
    for name, rates in changes(index, fresh, args.threads):
        print(told(name, rates), flush=True)
    print(
        f"{'afterwards':28} {len(index):10} points; recall {recall(index, queries, 64):.4f}; {index.check()}",
        flush=True,
    )
    times = meanwhile(index, queries, next(fresh))
    middle, late, last = np.percentile(times, [50, 99, 100])
    print(
        f"searches while points come    {len(times)}: median {middle:.2f} ms, 99 % {late:.2f} ms, longest {last:.1f} ms"
    )


if __name__ == "__main__":
    main()

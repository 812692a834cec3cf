"""One query a call: microseconds from the call to the answer, and what a call costs when there is nothing to search.

python benchmarks/latency.py                   # about half a minute
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any

import common
from cases import Case, Data
from peers import PEERS, Contestant, built

_CHUNK = 50  # queries of one contestant before the next has its turn
_CASES = (
    Case("10k x 3", "R^3, 10k points", "l2", "sqeuclidean", 10_000, 3),
    Case("10k x 100", "R^100, 10k points", "l2", "sqeuclidean", 10_000, 100),
    Case("16 x 3", "R^3, 16 points: the call alone", "l2", "sqeuclidean", 16, 3),
    Case("10k x 100, L1", "R^100, L1, 10k points", "l1", "manhattan", 10_000, 100),
)


def main() -> None:
    """Measure, print, write."""
    options = _options()
    common.restrict_threads(options.threads)
    described = common.machine()
    for key, value in described.items():
        print(f"{key}: {value}")
    present = [module for module in PEERS if module not in ("pykeops", "nmslib") and _there(module)]
    found = common.versions(present)
    print("versions:", ", ".join(f"{name} {version}" for name, version in found.items()), flush=True)
    records: list[dict[str, Any]] = []
    for case in _CASES:
        measured = run_case(case, present, options)
        records += measured
        print(f"\n{case.title}, k = {options.k}: microseconds a call\n{table(measured)}", flush=True)
    common.write_json(options.out, {"machine": described, "versions": found, "records": records})
    print(f"\nwritten: {options.out}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_common_options(parser, out="latency.json")
    parser.add_argument("--k", type=int, default=10, help="neighbours (default 10)")
    parser.add_argument("--queries", type=int, help="queries of each contestant (default 1000)")
    options = parser.parse_args()
    options.queries = options.queries or (100 if options.quick else 1000)
    return options


def _there(module: str) -> bool:
    reason = common.missing(module)
    if reason is not None:
        print(f"{module}: {reason}")
    return reason is None


def run_case(case: Case, modules: Sequence[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """All contestants on one set of points."""
    data = case.data(queries=options.queries)
    contestants = []
    for module in modules:
        try:
            contestants += built(PEERS[module], data, options.threads)
        except Exception as error:  # one library's failure is not the others'
            print(f"{module} failed on {case.name}: {type(error).__name__}: {error}")
    walls: list[list[float]] = [[] for _ in contestants]
    cpus = [0.0] * len(contestants)
    for contestant in contestants:
        _calls(contestant, data, options.k, range(min(5, options.queries)))
    for start in range(0, options.queries, _CHUNK):
        chosen = range(start, min(start + _CHUNK, options.queries))
        for place, contestant in enumerate(contestants):
            began = time.process_time()
            walls[place] += _calls(contestant, data, options.k, chosen)
            cpus[place] += time.process_time() - began
    return [
        {
            "case": case.name,
            "contestant": contestant.name,
            "kind": contestant.kind,
            "median_us": 1e6 * statistics.median(wall),
            "p99_us": 1e6 * statistics.quantiles(wall, n=100)[-1],
            "cpu_us": 1e6 * cpu / len(wall),
        }
        for contestant, wall, cpu in zip(contestants, walls, cpus, strict=True)
    ]


def _calls(contestant: Contestant, data: Data, k: int, chosen: range) -> list[float]:
    """Seconds of each call."""
    seconds = []
    for place in chosen:
        query = data.queries[place : place + 1]
        start = time.perf_counter()
        contestant.search(query, k)
        seconds.append(time.perf_counter() - start)
    return seconds


def table(records: Sequence[dict[str, Any]]) -> str:
    """Fastest first."""
    own = next(record["median_us"] for record in records if record["contestant"] == "anear")
    lines = [
        [
            record["contestant"],
            record["kind"],
            f"{record['median_us']:.1f}",
            f"{record['p99_us']:.1f}",
            f"{record['cpu_us']:.1f}",
            f"{record['median_us'] / own:.2f}",
        ]
        for record in sorted(records, key=lambda record: record["median_us"])
    ]
    return common.render(["contestant", "kind", "median", "99 %", "CPU mean", "/ anear"], lines, left=2)


if __name__ == "__main__":
    main()

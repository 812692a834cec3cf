"""Exact search: queries a second against k, beside the libraries people search with today.

python benchmarks/exact.py                     # all cases, about a quarter of an hour
python benchmarks/exact.py --quick             # a look, about a minute
python benchmarks/exact.py --cases r10 l1-10 --k 10 --threads 2
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Sequence
from typing import Any

import common
import numpy as np
import plots
from cases import CASES, Case, Data, true_distances
from peak import fma_gflops
from peers import PEERS, Contestant, Ids, built

# A call takes about this long at most: slow contestants get fewer queries, but all whose batches matter get a full one.
_CALL_SECONDS = 2.0
_FEWEST = 16
_MAIN_K = 10
# Operations a coordinate that a processor with fused multiply-adds needs for a dot product.
_DOT = ("l2", "cosine", "dot", "kl", "itakura-saito", "half-space")


def main() -> None:
    """Run the cases and print, write and draw what was found."""
    options = _options()
    common.restrict_threads(options.threads)
    modules = [name for name in PEERS if not options.peers or name in options.peers or name == "anear"]
    described = common.machine() | {"FMA peak, GFLOP/s a core": round(fma_gflops(0.3), 1)}
    for key, value in described.items():
        print(f"{key}: {value}")
    present = []
    for module in modules:
        reason = common.missing(module)
        if reason is None:
            present.append(module)
        else:
            print(f"{module}: {reason}")
    found = common.versions(["numpy", *present])
    print("versions:", ", ".join(f"{name} {version}" for name, version in found.items()))
    print(f"threads: {options.threads}\n", flush=True)
    if "anear" not in present:
        sys.exit("anear itself must be installed: make build")
    records: list[dict[str, Any]] = []
    for name in options.cases:
        records += run_case(CASES[name], present, options)
        content = {"machine": described, "versions": found, "threads": options.threads, "records": records}
        common.write_json(options.out, content)
    print(summary(records))
    print(f"\nwritten: {options.out}")
    if drawn := plots.queries_against_k(records, options.out.with_suffix(".png"), f"{described['processor']}"):
        print(f"written: {drawn}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_common_options(parser, out="exact.json")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--peers", nargs="+", choices=PEERS, metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--k", nargs="+", type=int, help="numbers of neighbours (default 1 10 50 100)")
    parser.add_argument("--n", type=int, help="points, at most, instead of each case's own number")
    parser.add_argument("--queries", type=int, help="queries, instead of each case's own number")
    parser.add_argument("--rounds", type=int, help="repetitions (default 3, or 2 where k is not 10)")
    options = parser.parse_args()
    if options.quick:
        options.k, options.n = options.k or [_MAIN_K], options.n or 100_000
        options.queries, options.rounds = options.queries or 128, options.rounds or 2
    options.call_seconds = _CALL_SECONDS / 5 if options.quick else _CALL_SECONDS
    options.k = options.k or [1, _MAIN_K, 50, 100]
    return options


def run_case(case: Case, modules: Sequence[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Build everybody, check the answers, let them race for each k, print the case's table."""
    data = case.data(min(case.points, options.n or case.points), options.queries)
    contestants: list[Contestant] = []
    for module in modules:
        try:
            contestants += built(PEERS[module], data, options.threads)
        except Exception as error:  # one library's failure is not the others'
            print(f"{module} failed on {case.name}: {type(error).__name__}: {error}")
    peak = fma_gflops()
    records = []
    for k in options.k:
        rounds = options.rounds or (3 if k == _MAIN_K else 2)
        records += run_k(data, contestants, min(k, len(data.points)), rounds, options.call_seconds)
    peak = max(peak, fma_gflops())
    for record in records:
        record |= {"case": case.name, "title": data.title, "threads": options.threads, "fma_gflops": peak}
        record |= {"points": len(data.points), "dimensions": case.dimensions}
        record["fma_share"] = _fma_share(record, case)
    print(case_table(case, records, peak), "\n", flush=True)
    contestants.clear()
    gc.collect()
    return records


def run_k(
    data: Data, contestants: Sequence[Contestant], k: int, rounds: int, call_seconds: float
) -> list[dict[str, Any]]:
    """One race."""
    reference = np.asarray(contestants[0].search(data.queries, k))
    checked = check(data, reference)
    ready, works, amounts, loops, recalls = [], [], [], [], []
    for contestant in contestants:
        try:
            contestant.batch = contestant.batch or affordable(contestant, data, k, call_seconds)
            queries = data.queries[: contestant.batch]
            start = time.perf_counter()
            answer = np.asarray(contestant.search(queries, k))
            seconds = time.perf_counter() - start
        except Exception as error:  # as above
            print(f"{contestant.name} failed at k = {k}: {type(error).__name__}: {error}")
            continue
        ready.append(contestant)
        works.append(lambda run=contestant.search, queries=queries: run(queries, k))
        amounts.append(len(queries))
        loops.append(max(1, int(0.02 / seconds)))
        recalls.append(recall(answer, reference[: len(answer)]))
    timings = common.race(works, amounts, rounds, loops)
    return [
        timing.record()
        | {"contestant": contestant.name, "kind": contestant.kind, "k": k, "recall": share, "queries": amount}
        | {"build_cpu": contestant.build_cpu, "checked_queries": checked}
        for contestant, timing, share, amount in zip(ready, timings, recalls, amounts, strict=True)
    ]


def affordable(contestant: Contestant, data: Data, k: int, call_seconds: float) -> int:
    """How many queries a call of this contestant gets; the same for all that are fast enough."""
    count = min(_FEWEST, len(data.queries))
    while True:
        contestant.search(data.queries[:count], k)
        start = time.process_time()
        contestant.search(data.queries[:count], k)
        more = min(4 * count, len(data.queries))
        if more == count or (time.process_time() - start) * more / count > call_seconds:
            return count
        count = more


def check(data: Data, answer: Ids) -> int:
    """Compare some of the reference's answers with NumPy's float64; returns how many queries were compared."""
    count = int(np.clip(1e8 / data.points.size, 1, 16))
    for query, ids in zip(data.queries[:count], answer, strict=False):
        truth = true_distances(data.metric, query, data.points)
        nearest = np.partition(truth, len(ids) - 1)[: len(ids)]
        if not np.allclose(np.sort(truth[ids]), np.sort(nearest), rtol=1e-9, atol=1e-12):
            raise SystemExit(f"anear's answer on {data.case.name} is not the float64 answer: {ids}")
    return count


def recall(answer: Ids, reference: Ids) -> float:
    """The share of the reference's neighbours that were found."""
    found = [len(np.intersect1d(one, other)) for one, other in zip(answer, reference, strict=True)]
    return float(np.mean(found)) / reference.shape[1]


def _fma_share(record: dict[str, Any], case: Case) -> float | None:
    """Share of the FMA peak that the case's dot products alone would take."""
    if case.metric not in _DOT or record["kind"] != "brute":
        return None
    flops = 2.0 * case.dimensions * record["points"]
    return float(flops / record["cpu_us"] / 1e3 / record["fma_gflops"])


def case_table(case: Case, records: Sequence[dict[str, Any]], peak: float) -> str:
    """CPU time a query for each k; wall clock, recall and ratio at the main k."""
    ks = sorted({record["k"] for record in records})
    main = _MAIN_K if _MAIN_K in ks else ks[0]
    at_main = {record["contestant"]: record for record in records if record["k"] == main}
    times = {(record["contestant"], record["k"]): record["cpu_us"] for record in records}
    own = at_main["anear"]["cpu_us"]
    rows = []
    for name, record in sorted(at_main.items(), key=lambda item: item[1]["cpu_us"]):
        share = record["fma_share"]
        rows.append(
            [name, record["kind"], f"{record['build_cpu']:.2f}"]
            + [f"{times[name, k]:,.1f}" if (name, k) in times else "-" for k in ks]
            + [f"{record['wall_us']:,.1f}", f"{1e6 / record['wall_us']:,.0f}", f"{record['recall']:.3f}"]
            + [f"{record['cpu_us'] / own:.2f}", "-" if share is None else f"{share:.0%}"]
        )
    header = ["contestant", "kind", "build s", *(f"k={k}" for k in ks)]
    header += [f"wall k={main}", "queries/s", "recall", "/ anear", "of FMA"]
    first = at_main["anear"]
    title = (
        f"{case.name}: {first['title']}; CPU us a query; FMA peak {peak:.0f} GFLOP/s; "
        f"anear's answers are float64's on {first['checked_queries']} queries"
    )
    return f"{title}\n{common.render(header, rows, left=2)}"


def summary(records: Sequence[dict[str, Any]]) -> str:
    """anear beside the best of each kind, and in words where a peer wins."""
    rows, lost = [], []
    pairs = dict.fromkeys((record["case"], record["k"]) for record in records)
    for case, k in sorted(pairs, key=lambda pair: pair[1]):
        group = [record for record in records if (record["case"], record["k"]) == (case, k)]
        own = next(record for record in group if record["contestant"] == "anear")
        cells: list[str] = []
        for kind in ("brute", "tree", "approximate"):
            rivals = [record for record in group if record["kind"] == kind and record is not own]
            best = min(rivals, key=lambda record: record["cpu_us"], default=None)
            cells += _beside(own, best)
            if best is not None and best["cpu_us"] < own["cpu_us"]:
                lost.append(f"{case}, k = {k}: {best['contestant']} ({own['cpu_us'] / best['cpu_us']:.2f}x)")
        rows.append([case, k, f"{own['cpu_us']:,.1f}", *cells])
    header = ["case", "k", "anear us", "best brute force", "us", "ratio", "best tree", "us", "ratio"]
    header += ["approximate", "us", "ratio"]
    text = "CPU us a query, and how many times anear's that is\n" + common.render(header, rows)
    return text + "\n\nWhere a peer is faster: " + ("; ".join(lost) if lost else "nowhere")


def _beside(own: dict[str, Any], best: dict[str, Any] | None) -> list[str]:
    if best is None:
        return ["-", "", ""]
    name = best["contestant"] + (f" (recall {best['recall']:.2f})" if best["recall"] < 0.9995 else "")
    return [name, f"{best['cpu_us']:,.1f}", f"{best['cpu_us'] / own['cpu_us']:.2f}"]


if __name__ == "__main__":
    main()

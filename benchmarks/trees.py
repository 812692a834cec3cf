"""Exact trees: building, neighbours in few dimensions, divergences, densities, joins; beside other libraries' trees.

Building is timed by the wall clock, anear's with two threads (no other library builds with more than one); queries by
the CPU time of one thread. Everybody's answers are compared with anear's, and anear's with NumPy's float64.

    python benchmarks/trees.py                       # everything without graphs, about half an hour
    python benchmarks/trees.py --quick               # a look, two minutes
    python benchmarks/trees.py --parts queries --cases r3 kl-8 --graphs bench-results/graphs
    python benchmarks/trees.py --parts queries --cases divergences --peer-points 100000 --graphs bench-results/graphs
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
import numpy as np
import tree_joins
import tree_sums
from tree_cases import BUILDS, CASES, REAL, TreeCase, distances_of, kth
from tree_peers import BUILDERS, RECALL, SEARCHERS, Builder, Searcher, Setting, work_and_span

_PARTS = ("build", "queries", "sums", "joins")
# How many times faster than a peer anear must be, by the issue that this benchmark belongs to.
_BUILD_REACH = {"sklearn": 10.0, "scipy balanced": 6.0, "pykdtree": 1.5}
_TURN_REACH = 15.0  # than scikit-learn, where coordinates are cut in turn
_QUERY_REACH = {"scipy balanced": 3.0, "scipy sliding": 3.0, "pykdtree": 2.5, "nanoflann": 2.5, "sklearn": 2.5}
_TEN_REACH = {"scipy balanced": 3.0, "scipy sliding": 3.0}
_GRAPH_REACH = {"nmslib HNSW": 1.0}


def main() -> None:
    """Run the parts, print and write what was found."""
    options = _options()
    common.restrict_threads(1)
    described = common.machine()
    for key, value in described.items():
        print(f"{key}: {value}")
    modules = ["numpy", "anear", "sklearn", "scipy", "pykdtree", "pynanoflann", "nmslib"]
    found = common.versions(modules)
    for name in modules:
        if reason := common.missing(name):
            print(f"{name}: {reason}")
    print("versions:", ", ".join(f"{name} {version}" for name, version in found.items()))
    print(f"threads: {options.build_threads} for building with anear and NMSLIB, 1 for all else\n", flush=True)
    records: list[dict[str, Any]] = []
    if "build" in options.parts:
        for n, dimensions in dict.fromkeys((min(n, options.n or n), dimensions) for n, dimensions in BUILDS):
            records += build_case(n, dimensions, options)
    if "queries" in options.parts:
        for name in options.cases:
            records += query_case(CASES[name], options)
    if "sums" in options.parts:
        records += tree_sums.run(options)
    if "joins" in options.parts:
        records += tree_joins.run(options)
    common.write_json(options.out, {"machine": described, "versions": found, "records": records})
    print(divergences(records))
    print(verdict(records))
    print(f"\nwritten: {options.out}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_common_options(parser, out="trees.json")
    parser.add_argument("--parts", nargs="+", choices=_PARTS, default=list(_PARTS))
    parser.add_argument(
        "--cases",
        nargs="+",
        choices=[*CASES, "divergences"],
        default=list(CASES),
        metavar="CASE",
        help=", ".join(CASES),
    )
    parser.add_argument("--build-threads", type=int, default=2, help="threads that build (default 2)")
    parser.add_argument("--graphs", type=Path, help="build NMSLIB's graphs, and keep them in this folder")
    parser.add_argument("--peer-points", type=int, help="points, at most, of NMSLIB's and scikit-learn's divergences")
    parser.add_argument("--n", type=int, help="points, at most, instead of each case's own number")
    parser.add_argument("--queries", type=int, help="queries, at most")
    parser.add_argument("--rounds", type=int, help="repetitions (default 5)")
    options = parser.parse_args()
    if options.quick:
        options.n, options.queries = options.n or 50_000, options.queries or 500
        options.rounds = options.rounds or 2
        chosen = ("r2", "r3", "r10", "scan", "kl-8", "js-8", "canberra-4", "kl-lda8")
        options.cases = [name for name in options.cases if name in chosen] or options.cases
    options.rounds = options.rounds or 5
    if "divergences" in options.cases:
        options.cases = [name for name, case in CASES.items() if case.metric != "l2"]
    if not REAL.is_dir():
        print(f"no {REAL}: cases of real data are left out")
        options.cases = [name for name in options.cases if name != "scan" and "lda" not in name]
    return options


def build_case(n: int, dimensions: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Everybody builds the same tree's worth of points."""
    points = np.random.default_rng(0).random((n, dimensions))
    ready, works = [], []
    for builder in BUILDERS:
        try:
            builder.build(points[:1000], options.build_threads)
        except Exception as error:  # one library's failure is not the others'
            print(f"{builder.name}: {type(error).__name__}: {error}")
            continue
        ready.append(builder)
        works.append(lambda build=builder.build: build(points, options.build_threads))
    rounds = min(options.rounds, 3)
    timings = common.race(works, [1.0] * len(works), rounds, [1] * len(works))
    title = f"building over {n:,} points, D = {dimensions}, float64"
    records = [
        timing.record() | {"part": "build", "case": title, "contestant": builder.name, "wall": timing.us("wall") / 1e6}
        for builder, timing in zip(ready, timings, strict=True)
    ]
    own = _own(records, "wall")
    rows = [
        [r["contestant"], f"{r['wall']:.3f}", f"{r['cpu_us'] / 1e6:.3f}", _ratio(r["wall"], own)]
        for r in sorted(records, key=lambda record: record["wall"])
    ]
    print(f"{title}\n{common.render(['contestant', 'wall s', 'CPU s', '/ anear'], rows)}\n", flush=True)
    count_spans(points, [builder for builder in ready if builder.module == "anear"], records, rounds)
    _reached(records, "wall", _BUILD_REACH)
    slowest = {record["contestant"]: record for record in records}.get("sklearn")
    for record in records:
        if record["contestant"] == "anear round robin" and slowest is not None:
            said = f"{title}, round robin"
            records.append(slowest | {"case": said, "faster": slowest["wall"] / record["wall"], "reach": _TURN_REACH})
            break
    return records


def count_spans(points: Any, builders: Sequence[Builder], records: Sequence[dict[str, Any]], rounds: int) -> None:
    """Note and print work and span of anear's builds: what they would take on more cores than there are here."""
    rows = []
    for builder in builders:
        work, span = min((work_and_span(builder.build, points) for _ in range(rounds)), key=lambda found: found[1])
        next(r for r in records if r["contestant"] == builder.name).update(work_seconds=work, span_seconds=span)
        times = [f"{1000 * (work / cores + span):.1f}" for cores in (2, 8, 40)]
        rows.append([builder.name, f"{1000 * work:.1f}", f"{1000 * span:.1f}", f"{work / span:.1f}", *times])
    header = ["CPU ms", "work", "span", "work / span", "2 cores at most", "8 cores", "40 cores"]
    print(f"{common.render(header, rows)}\n", flush=True)


def query_case(case: TreeCase, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Everybody searches the same points, for each k; other libraries' methods for divergences perhaps fewer points."""
    points, queries = case.data(options.n, options.queries)
    setting = Setting(options.build_threads, options.graphs)
    fewer = options.peer_points or len(points)
    if case.metric == "l2" or len(points) <= fewer:
        return _searched(case, points, queries, setting, options, others=True)
    records = _searched(case, points, queries, setting, options, others=False)
    return records + _searched(case, points[:fewer], queries, setting, options, others=True)


def _searched(
    case: TreeCase, points: Any, queries: Any, setting: Setting, options: argparse.Namespace, others: bool
) -> list[dict[str, Any]]:
    searchers = _searchers(case, points, setting, others)
    records: list[dict[str, Any]] = []
    for k in case.k:
        records += run_k(case, points, queries, searchers, k, options.rounds)
    searchers.clear()
    gc.collect()
    return records


def _searchers(case: TreeCase, points: Any, setting: Setting, others: bool) -> list[Searcher]:
    built: list[Searcher] = []
    for module, peer in SEARCHERS:
        if common.missing(module) or (module != "anear" and not others):
            continue
        try:
            built += peer(case, points, setting)
        except Exception as error:  # as above
            print(f"{peer.__name__} on {case.name}: {type(error).__name__}: {error}")
    return built


def run_k(
    case: TreeCase, points: Any, queries: Any, searchers: Sequence[Searcher], k: int, rounds: int
) -> list[dict[str, Any]]:
    """One race, after everybody's answers were checked."""
    nearest = _true_distances(case, points, queries, searchers, k)
    settings, recalls = [], []
    for searcher in searchers:
        setting, share = _tuned(case, points, queries, searcher, nearest, k)
        if searcher.kind == "exact" and share < 1:
            raise SystemExit(f"{searcher.name}'s answers on {case.name} are not those of float64: recall {share:.5f}")
        settings.append(setting)
        recalls.append(share)
    works = [lambda search=searcher.search: search(queries, k) for searcher in searchers]
    timings = common.race(works, [len(queries)] * len(works), rounds)
    shown = f"{case.title}, {len(points):,} points, k = {k}"
    records = [
        timing.record()
        | {"part": "queries", "case": shown, "name": case.name, "contestant": searcher.name, "kind": searcher.kind}
        | {"k": k, "points": len(points), "recall": share, "setting": setting, "build_seconds": searcher.build_seconds}
        for searcher, timing, share, setting in zip(searchers, timings, recalls, settings, strict=True)
    ]
    own = _own(records, "cpu_us")
    rows = [
        [
            *(r["contestant"], f"{r['build_seconds']:.2f}", f"{r['cpu_us']:,.2f}", f"{1e6 / r['cpu_us']:,.0f}"),
            *(f"{r['recall']:.3f}", r["setting"], _ratio(r["cpu_us"], own)),
        ]
        for r in sorted(records, key=lambda record: record["cpu_us"])
    ]
    header = ["contestant", "build s", "CPU us", "queries/s", "recall", "set to", "/ anear"]
    print(f"{shown}; {len(queries):,} queries\n{common.render(header, rows)}\n", flush=True)
    graph = _GRAPH_REACH if case.name in ("kl-8", "js-8") else {}
    _reached(records, "cpu_us", graph if case.metric != "l2" else _TEN_REACH if case.name == "r10" else _QUERY_REACH)
    return records


def _true_distances(case: TreeCase, points: Any, queries: Any, searchers: Sequence[Searcher], k: int) -> Any:
    """The k-th smallest distance of each query in float64: of anear's brute force, checked against NumPy's."""
    flat = next(searcher for searcher in searchers if searcher.name == "anear flat")
    found = distances_of(case.metric, queries[:, None, :], points[flat.search(queries, k)])
    for query, mine in list(zip(queries, found, strict=True))[:: max(1, len(queries) // 8)]:
        np.testing.assert_allclose(np.sort(mine), kth(case.metric, query, points, k), rtol=1e-9, atol=1e-15)
    return found.max(axis=1)


def _tuned(case: TreeCase, points: Any, queries: Any, searcher: Searcher, nearest: Any, k: int) -> tuple[str, float]:
    """The recall, of approximate searchers at the least effort that has enough; their setting."""
    if searcher.tune is None:
        return "", _recall(case, points, queries, searcher.search(queries, k), nearest)
    effort, said, share = 0, "", 0.0
    while share < RECALL and (setting := searcher.tune(effort)) is not None:
        said, effort = setting, effort + 1
        share = _recall(case, points, queries, searcher.search(queries, k), nearest)
    return said, share


def _recall(case: TreeCase, points: Any, queries: Any, ids: Any, nearest: Any) -> float:
    """The share of answers that are as near as the k-th nearest; equally near ones count, whichever they are."""
    found = distances_of(case.metric, queries[:, None, :], points[ids])
    return float(np.mean((ids >= 0) & (found <= nearest[:, None] * (1 + 1e-9) + 1e-15)))


def _own(records: Sequence[dict[str, Any]], key: str) -> float | None:
    return next((float(record[key]) for record in records if record["contestant"] == "anear"), None)


def _ratio(value: float, own: float | None) -> str:
    return "-" if own is None else f"{value / own:.2f}"


def _reached(records: Sequence[dict[str, Any]], key: str, reach: dict[str, float]) -> None:
    """Note in the records how many times faster anear is than each peer, and should be."""
    own = _own(records, key)
    for record in records:
        if own is not None and record["contestant"] in reach:
            record |= {"faster": record[key] / own, "reach": reach[record["contestant"]]}


def divergences(records: Sequence[dict[str, Any]]) -> str:
    """A row for each divergence, dimension and number of points: building, and microseconds a query of everybody."""
    names = ("anear", "anear flat", "nmslib VP-tree", "nmslib HNSW")
    cases: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for record in records:
        if record["part"] == "queries" and CASES[record["name"]].metric != "l2":
            cases.setdefault((record["name"], record["points"]), {})[record["contestant"]] = record
    rows = []
    for (name, points), found in cases.items():
        cells = [f"{found[n]['cpu_us']:,.1f}" if n in found else "" for n in names]
        building = [f"{found[n]['build_seconds']:,.2f}" if n in found else "" for n in names if n != "anear flat"]
        shares = [f"{found[n]['recall']:.3f}" if n in found else "" for n in names[2:]]
        rows.append([name, f"{points:,}", *building, *cells, *shares])
    if not rows:
        return ""
    header = ["divergence", "points", "build s: anear", "VP-tree", "HNSW"]
    header += ["us a query: anear", "anear flat", "VP-tree", "HNSW", "recall: VP-tree", "HNSW"]
    return common.render(header, rows) + "\n"


def verdict(records: Sequence[dict[str, Any]]) -> str:
    """What was to be reached, and what was."""
    rows = [
        [
            r["case"],
            r["contestant"],
            f"{r['reach']:g}x",
            f"{r['faster']:.2f}x",
            "yes" if r["faster"] >= r["reach"] else "NO",
        ]
        for r in records
        if "reach" in r
    ]
    if not rows:
        return "no case here has a figure to reach"
    return "What was to be reached\n" + common.render(["case", "peer", "reach", "measured", "reached"], rows, left=2)


if __name__ == "__main__":
    main()

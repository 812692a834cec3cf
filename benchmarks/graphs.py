"""Approximate search, one query at a time: queries a CPU second at recall@10 of 0.90, 0.95 and 0.99.

Every library builds once with its usual parameters and is searched with a ladder of settings; of those that reach a
recall the fastest counts. Repetitions take turns. The gold standard is an exact scan.

    python benchmarks/graphs.py                        # the three main sets, about twenty minutes
    python benchmarks/graphs.py --cases words --peers anear hnswlib
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import common
import numpy as np
from graph_cases import CASES, Rows

K = 10
RECALLS = (0.90, 0.95, 0.99)
# Fine steps: a method that just misses a recall at one of them is not to pay a whole step for it.
LADDER = (10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 56, 68, 80, 96, 112, 136, 160, 200, 240, 300, 360, 440, 540, 660, 800)

# Sets how hard a search tries and returns what answers one query with ids.
Searcher = Callable[[int], Callable[[Rows], Any]]


@dataclass(slots=True)
class Contestant:
    """A built index: its ladder of settings, and what was seen."""

    name: str
    set_up: Searcher
    ladder: tuple[int, ...] = LADDER
    build: float = 0.0
    rates: dict[int, float] = field(default_factory=dict)
    recalls: dict[int, float] = field(default_factory=dict)

    def at(self, recall: float) -> float:
        """The best rate of a setting that reaches the recall; 0 if none does."""
        return max((rate for step, rate in self.rates.items() if self.recalls[step] >= recall), default=0.0)


def anear_graph(distance: str, points: Rows, method: str, **options: int) -> Searcher:
    """anear's graphs, walking through the points or through their codes."""
    import anear

    index = anear.Index(points, distance, method=method, options=options, num_threads=1)
    return lambda ef: lambda query: index.search(query, K, ef=ef, num_threads=1).ids


def anear_lists(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """anear's lists of points around centres."""
    yield "anear ivf", partial(anear_graph, distance, points, "ivf")


def anear_contestants(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """With and without codes, where there can be codes."""
    import anear

    hnsw = partial(anear_graph, distance, points, "hnsw", ef_construction=200)
    yield "anear hnsw", partial(hnsw, m=16)
    try:
        anear.Index(points[:50], distance, method="hnsw", options={"codes": 8})
    except anear.AnearError:
        return
    for m in (16, 32, 64):
        yield f"anear hnsw, codes, m={m}", partial(hnsw, m=m, codes=8)
    yield "anear hnsw, codes of 4 bits, m=32", partial(hnsw, m=32, codes=4)
    for codes in (8, 4):
        yield f"anear vamana, codes of {codes} bits", partial(anear_graph, distance, points, "vamana", codes=codes)
    yield "anear vamana, codes beside", partial(anear_graph, distance, points, "vamana", codes=4, beside=1)


def hnswlib_contestants(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """hnswlib as its documentation has it."""
    import hnswlib

    spaces = {"euclidean": "l2", "cosine": "cosine"}
    if distance not in spaces:
        return

    def make(m: int) -> Searcher:
        index = hnswlib.Index(spaces[distance], points.shape[1])
        index.init_index(len(points), ef_construction=200, M=m)
        index.set_num_threads(1)
        index.add_items(points, num_threads=1)

        def set_up(ef: int) -> Callable[[Rows], Any]:
            index.set_ef(ef)
            return lambda query: index.knn_query(query, K, num_threads=1)[0][0]

        return set_up

    for m in (16, 32):
        yield f"hnswlib, M={m}", partial(make, m)


def faiss_contestants(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """FAISS's HNSW, of 4-byte numbers and of 8-bit codes."""
    import faiss

    if distance not in ("euclidean", "cosine"):
        return
    faiss.omp_set_num_threads(1)
    unit = _units(points) if distance == "cosine" else points

    def make(index: Any) -> Searcher:
        index.hnsw.efConstruction = 200
        if not index.is_trained:
            index.train(unit)
        index.add(unit)

        def set_up(ef: int) -> Callable[[Rows], Any]:
            index.hnsw.efSearch = ef
            return lambda query: index.search(_one(query, distance), K)[1][0]

        return set_up

    d = points.shape[1]
    yield "faiss hnsw", lambda: make(faiss.IndexHNSWFlat(d, 16))
    yield "faiss hnsw sq8", lambda: make(faiss.IndexHNSWSQ(d, faiss.ScalarQuantizer.QT_8bit, 16))


def pynndescent_contestants(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """pynndescent, compiled before its clock starts."""
    import pynndescent

    if distance not in ("euclidean", "cosine"):
        return

    def make() -> Searcher:
        index = pynndescent.NNDescent(points, metric=distance, n_neighbors=30, n_jobs=1, random_state=0)
        index.prepare()

        def set_up(step: int) -> Callable[[Rows], Any]:
            return lambda query: index.query(query[None], k=K, epsilon=step / 1000)[0][0]

        return set_up

    pynndescent.NNDescent(points[:2000], metric=distance, n_jobs=1).prepare()
    yield "pynndescent", make


def svs_contestants(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """Intel's SVS: a Vamana graph, walked through the vectors and, on the processors it does so on, through codes."""
    import svs

    if distance not in ("euclidean", "cosine"):
        return
    unit = _units(points) if distance == "cosine" else points
    cosine = distance == "cosine"
    metric = svs.DistanceType.MIP if cosine else svs.DistanceType.L2

    def searched(index: Any) -> Searcher:
        def set_up(width: int) -> Callable[[Rows], Any]:
            index.search_window_size = width
            return lambda query: index.search(_one(query, distance), K)[0][0]

        return set_up

    def make(degree: int, kept: Path) -> Searcher:
        window, alpha = max(128, 2 * degree), 0.95 if cosine else 1.2
        parameters = svs.VamanaBuildParameters(graph_max_degree=degree, window_size=window, alpha=alpha)
        index = svs.Vamana.build(parameters, unit, metric, num_threads=1)
        index.save(*(str(kept / name) for name in ("config", "graph", "data")))
        return searched(index)

    def compressed(kept: Path, code: Callable[[Any], Any]) -> Searcher:
        data = svs.VectorDataLoader(str(kept / "data"), svs.DataType.float32, dims=unit.shape[1])
        graph = svs.GraphLoader(str(kept / "graph"))
        return searched(svs.Vamana(str(kept / "config"), graph, code(data), metric, num_threads=1))

    codes = _svs_codes(unit.shape[1]) if _svs_compresses() else {}
    for degree in (32, 64):
        with TemporaryDirectory() as folder:
            yield f"svs vamana, {degree}", partial(make, degree, Path(folder))
            for name, code in codes.items():
                yield f"svs vamana, {degree}, {name}", partial(compressed, Path(folder), code)


def _svs_codes(dimension: int) -> dict[str, Callable[[Any], Any]]:
    """Its codes: of one and of two levels, and of many dimensions those of fewer."""
    import svs

    codes: dict[str, Callable[[Any], Any]] = {
        f"LVQ{first}x{second}": lambda data, bits=(first, second): svs.LVQLoader(data, *bits, padding=32)
        for first, second in ((4, 4), (4, 8), (8, 0))
    }
    kind = svs.LeanVecKind
    for fewer in (dimension // 8, dimension // 5) if dimension >= 200 else ():
        for bits in (4, 8):
            first = kind.lvq4 if bits == 4 else kind.lvq8
            codes[f"LeanVec{bits}x8 of {fewer}"] = lambda data, fewer=fewer, first=first: svs.LeanVecLoader(
                data, fewer, first, kind.lvq8
            )
    return codes


def _svs_compresses() -> bool:
    """Whether this build of SVS has codes and uses them here: a process of its own is asked, for it may abort."""
    asked = """
import sys, numpy, svs
svs.write_vecs(numpy.random.default_rng(0).random((500, 32), numpy.float32), sys.argv[1])
codes = svs.LVQLoader(svs.VectorDataLoader(sys.argv[1], svs.DataType.float32), 4, 8)
parameters = svs.VamanaBuildParameters(alpha=1.2, graph_max_degree=16, window_size=32)
svs.Vamana.build(parameters, codes, svs.DistanceType.L2).search(numpy.ones((1, 32), numpy.float32), 1)
"""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", asked, str(Path(folder, "rows.fvecs"))]
        uses = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not uses:
        print("svs: no codes on this processor")
    return uses


def scann_contestants(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """ScaNN: inverted lists, products of 4-bit codes in registers, exact re-ranking."""
    import scann

    if distance not in ("euclidean", "cosine"):
        return
    unit = _units(points) if distance == "cosine" else points
    leaves = int(np.sqrt(len(points)) * 2)

    def make(many: int) -> Searcher:
        kind = "dot_product" if distance == "cosine" else "squared_l2"
        builder = scann.scann_ops_pybind.builder(unit, K, kind).tree(leaves, leaves // 10, len(points))
        builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100)
        index = builder.set_n_training_threads(1).build()

        def set_up(step: int) -> Callable[[Rows], Any]:
            return lambda query: index.search(
                _one(query, distance)[0],
                leaves_to_search=max(1, step * many // 4),
                pre_reorder_num_neighbors=max(20, step),
            )[0]

        return set_up

    for many in (1, 2, 4):  # leaves for each point that is compared in full: which is best depends on the set
        yield f"scann, {many}/4", partial(make, many)


def nmslib_contestants(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """NMSLIB's HNSW, the only peer for divergences; its queries are left ones: the point comes first."""
    import nmslib

    spaces = {
        "euclidean": "l2", "cosine": "cosinesimil", "kldiv": "kldivfast", "jensen_shannon": "jsdivfast",
        "itakura_saito": "itakurasaitofast",
    }  # fmt: skip
    if distance not in spaces:
        return

    def make() -> Searcher:
        index = nmslib.init(method="hnsw", space=spaces[distance])
        index.addDataPointBatch(points)
        index.createIndex({"M": 16, "efConstruction": 200, "indexThreadQty": 1, "post": 0})

        def set_up(ef: int) -> Callable[[Rows], Any]:
            index.setQueryTimeParams({"efSearch": ef})
            return lambda query: index.knnQuery(query, K)[0]

        return set_up

    yield "nmslib hnsw", make


def faiss_lists(distance: str, points: Rows) -> Iterator[tuple[str, Callable[[], Searcher]]]:
    """FAISS's inverted lists of products of 4-bit codes, scanned in registers, with exact re-ranking."""
    import faiss

    if distance not in ("euclidean", "cosine"):
        return
    faiss.omp_set_num_threads(1)
    unit = _units(points) if distance == "cosine" else points
    metric = faiss.METRIC_INNER_PRODUCT if distance == "cosine" else faiss.METRIC_L2

    def make() -> Searcher:
        lists, d = int(np.sqrt(len(points)) * 3), points.shape[1]
        scanned = faiss.index_factory(d, f"IVF{lists},PQ{d // 2}x4fs", metric)
        index = faiss.IndexRefineFlat(scanned)
        index.train(unit)
        index.add(unit)

        def set_up(step: int) -> Callable[[Rows], Any]:
            scanned.nprobe = max(1, step)
            index.k_factor = max(4.0, step / 8)  # two bits a coordinate: many must be compared in full
            return lambda query: index.search(_one(query, distance), K)[1][0]

        return set_up

    if points.shape[1] % 2 == 0:
        yield "faiss ivf pq fastscan", make


PEERS = {
    "ivf": anear_lists,
    "anear": anear_contestants,
    "hnswlib": hnswlib_contestants,
    "faiss": faiss_contestants,
    "faiss-ivf": faiss_lists,
    "pynndescent": pynndescent_contestants,
    "svs": svs_contestants,
    "scann": scann_contestants,
    "nmslib": nmslib_contestants,
}
MODULES = {"ivf": "anear", "faiss-ivf": "faiss"}


def _units(rows: Rows) -> Rows:
    return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _one(query: Rows, distance: str) -> Rows:
    """A query as a matrix of one row, of length 1 where the distance is the angle's."""
    row = query[None]
    return row / np.sqrt(row @ row.T) if distance == "cosine" else row


def run(name: str, options: argparse.Namespace) -> list[Contestant]:
    """All contestants on one set."""
    import anear

    case = CASES[name]
    points, queries = case.data(options.n)
    gold = anear.knn(points, queries, K, distance=case.distance).ids
    contestants: list[Contestant] = []
    for peer in options.peers:
        reason = common.missing(MODULES.get(peer, peer))
        if reason is not None:
            print(f"{peer}: {reason}")
            continue
        for title, make in PEERS[peer](case.distance, points):
            start = time.process_time()
            try:
                contestants.append(Contestant(title, make()))
            except Exception as error:  # one library's failure is not the others'
                print(f"{title} failed: {type(error).__name__}: {error}")
                continue
            contestants[-1].build = time.process_time() - start
            print(f"{title}: built in {contestants[-1].build:.1f} CPU s", flush=True)
    for _ in range(options.rounds):
        for contestant in contestants:
            measure(contestant, queries, gold)
    print(f"\n{case.title}: {len(points)} points, {len(queries)} queries, queries a CPU second, one at a time")
    print(table(contestants))
    return contestants


def measure(contestant: Contestant, queries: Rows, gold: Rows) -> None:
    """One repetition of every step of the ladder that is still needed."""
    for step in contestant.ladder:
        best_before = contestant.recalls.get(step)
        search = contestant.set_up(step)
        search(queries[0])
        start = time.process_time()
        found = [search(query) for query in queries]
        rate = len(queries) / (time.process_time() - start)
        contestant.rates[step] = max(rate, contestant.rates.get(step, 0.0))
        if best_before is None:
            hits = [len(np.intersect1d(a, b)) for a, b in zip(found, gold, strict=True)]
            contestant.recalls[step] = float(np.mean(hits)) / K
        if contestant.recalls[step] >= 0.995:
            break


def table(contestants: list[Contestant]) -> str:
    """One line a contestant; the most that was found beside it."""
    rows = []
    for c in contestants:
        rates = [f"{c.at(r):,.0f}" if c.at(r) else "-" for r in RECALLS]
        rows.append([c.name, *rates, f"{max(c.recalls.values()):.3f}", f"{c.build:.1f}"])
    return common.render(["", *(f"{r:.2f}" for r in RECALLS), "most", "build CPU s"], rows)


def main() -> None:
    """Measure the sets, print the tables, write the records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_common_options(parser, out="graphs.json")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=["fashion", "sift", "glove"], metavar="CASE")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--n", type=int, help="points, if fewer than the set has")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default 3)")
    options = parser.parse_args()
    common.restrict_threads(options.threads)
    if options.quick:
        options.n, options.rounds = options.n or 10_000, 1
    described = common.machine()
    print("; ".join(f"{key}: {value}" for key, value in described.items()))
    found = common.versions([MODULES.get(peer, peer) for peer in options.peers])
    print("versions:", ", ".join(f"{name} {version}" for name, version in found.items()), flush=True)
    records: dict[str, Any] = {}
    for name in options.cases:
        contestants = run(name, options)
        records[name] = [
            {"contestant": c.name, "build": c.build, "rates": c.rates, "recalls": c.recalls} for c in contestants
        ]
    common.write_json(options.out, {"machine": described, "versions": found, "cases": records})


if __name__ == "__main__":
    main()

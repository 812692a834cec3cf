"""Distance functions: the rows of NMSLIB's Table 3, in million distances a CPU second, pairs in cache.

Two questions, two tables. In batches: the distances of 512 queries to 512 points, written to a matrix, each library the
way it is fastest. Single pairs: one call of the compiled function a pair, in a loop of machine code, as a graph search
makes them, over 16 pairs of rows that begin at cache lines: they stay in the cache next to the core, so that it is the
functions that are measured. NMSLIB's cannot be called so; its sequential search runs over 4096 points, where what it
does once a query counts least, and with its copies of the points, which hold logarithms in its fast variants.

    python benchmarks/distances.py                 # about two minutes
    python benchmarks/distances.py --rows l2 js --dimensions 32
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import common
import numpy as np
import numpy.typing as npt
from peak import fma_gflops, pair_loop

ROWS = 512
PAIRS_IN_CACHE = 16
PAIR_ROUNDS = 512  # calls of Python's are dear: so often a call goes through the pairs
NMSLIB_POINTS = 4096
Rows = npt.NDArray[np.float32]
Works = Iterator[tuple[str, Callable[[], Any], int]]  # contestant, what it does, how many distances that is


@dataclass(frozen=True, slots=True)
class Row:
    """One distance, by the name each library has for it; "" where a library has none.

    ``scipy`` and ``torch``: a metric of cdist, "minkowski" with ``p``. ``faiss``: the end of a METRIC_ name.
    ``simd``: the name in simsimd and numkong; ``packed``: numkong's product of a packed matrix.
    ``nmslib``: spaces, of which there may be several variants.
    """

    name: str
    anear: str
    nmslib: tuple[str, ...] = ()
    faiss: str = ""
    scipy: str = ""
    simd: str = ""
    packed: str = ""
    p: float = 0.0
    product: str = ""  # what a matrix product in NumPy must be finished with
    parameters: tuple[tuple[str, float], ...] = ()

    @property
    def space_parameters(self) -> dict[str, float]:
        """NMSLIB's parameters of the space."""
        return dict(self.parameters) | ({"p": self.p} if self.nmslib == ("lp",) else {})


TABLE = {
    row.name: row
    for row in (
        Row("l1", "manhattan", ("l1",), "L1", "cityblock", p=1),
        Row("l2", "euclidean", ("l2",), "L2", "euclidean", "euclidean", "euclideans_packed", 2, product="l2"),
        Row(
            "l2-squared",
            "sqeuclidean",
            ("l2",),
            "L2",
            "sqeuclidean",
            "sqeuclidean",
            "euclideans_packed",
            product="l2-squared",
        ),
        Row("linf", "chebyshev", ("linf",), "Linf", "chebyshev", p=np.inf),
        Row("lp3", "minkowski", ("lp",), "Lp", "minkowski", p=3),
        Row("lp0.5", "minkowski", ("lp",), "Lp", "minkowski", p=0.5),
        Row("cosine", "cosine", ("cosinesimil",), "", "cosine", "cosine", "angulars_packed", product="cosine"),
        Row("angular", "angular", ("angulardist",), product="angular"),
        Row("dot", "negdotprod", ("negdotprod",), "INNER_PRODUCT", "", "dot", "dots_packed", product="dot"),
        Row("kl", "kldiv", ("kldivfast",), simd="kullbackleibler"),
        Row("kl-general", "kldivgen", ("kldivgenfast", "kldivgenslow")),
        Row("itakura-saito", "itakura_saito", ("itakurasaitofast",)),
        Row(
            "js",
            "jensen_shannon",
            ("jsdivfast", "jsdivslow", "jsdivfastapprox"),
            "JensenShannon",
            "jensenshannon",
            "jensenshannon",
        ),
        Row("js-metric", "jensen_shannon_metric", ("jsmetrfast", "jsmetrfastapprox"), simd="jensenshannon"),
        Row("renyi0.3", "renyi", ("renyidiv_fast",), parameters=(("alpha", 0.3),)),
        Row("alpha-beta", "alpha_beta", parameters=(("alpha", 0.5), ("beta", 0.7))),
        Row("canberra", "canberra", (), "Canberra", "canberra"),
        Row("bray-curtis", "bray_curtis", (), "BrayCurtis", "braycurtis"),
        Row("chi-square", "chi_square"),
        Row("hellinger", "hellinger"),
    )
}


def anear_batches(row: Row, x: Rows, y: Rows) -> Works:
    """A matrix from rows as they are, and a search (k = 1) of points that are prepared already."""
    import anear

    parameters = _anear_parameters(row)
    out = np.empty((len(x), len(y)), np.float32)
    yield (
        "anear",
        lambda: anear.pairwise(x, y, row.anear, out=out, num_threads=1, **parameters),
        out.size,
    )
    index = anear.Index(y, row.anear, num_threads=1, **parameters)
    yield "anear search", lambda: index.search(x, 1, num_threads=1), out.size


def anear_pairs(row: Row, x: Rows, y: Rows) -> Works:
    """The compiled function of two rows."""
    from anear import _core
    from anear.codegen.compiler import compile_kernels, parameters
    from anear.codegen.layout import make_layout
    from anear.formula.hoist import exact_plan
    from anear.index.tables import host
    from anear.spaces import resolve

    expr = resolve(row.anear, **_anear_parameters(row)).expr
    layout = make_layout(exact_plan(expr), x.shape[1], "float32", "float32", host(), (), ())
    code = _core.load_code(compile_kernels(layout, ("pair",)).objects["pair"])
    values = parameters(layout)
    yield _loop("anear", code.symbols["pair"], x, y, values.ctypes.data, keep=(code, values), writing=False)


def _anear_parameters(row: Row) -> dict[str, float]:
    return dict(row.parameters) | ({"p": row.p} if row.anear == "minkowski" else {})


def _loop(
    name: str, address: int, x: Rows, y: Rows, last: int, *, writing: bool, keep: object = None
) -> tuple[str, Callable[[], Any], int]:
    loop = pair_loop(writing=writing)
    left, right = aligned(x[:PAIRS_IN_CACHE]), aligned(y[:PAIRS_IN_CACHE])
    places = left.ctypes.data, right.ctypes.data, PAIRS_IN_CACHE, left.strides[0], PAIR_ROUNDS

    def run(_keep: object = (keep, left, right)) -> float:  # the code and the rows must outlive the loop
        return loop(address, *places, last)

    return name, run, PAIRS_IN_CACHE * PAIR_ROUNDS


def aligned(rows: Rows) -> Rows:
    """A copy that begins at a cache line: NumPy's own arrays seldom do, and then every load touches two."""
    room = np.empty(rows.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + rows.nbytes].view(np.float32).reshape(rows.shape)
    copy[:] = rows
    return copy


def faiss_batches(row: Row, x: Rows, y: Rows) -> Works:
    """FAISS's matrices, and with its matrix product for L2."""
    import faiss

    if not row.faiss:
        return
    faiss.omp_set_num_threads(1)
    faiss.cvar.distance_compute_blas_threshold = 1
    metric = getattr(faiss, f"METRIC_{row.faiss}")

    def matrix() -> Any:
        distances = faiss.pairwise_distances(x, y, metric, row.p)
        return np.sqrt(distances, out=distances) if row.name == "l2" else distances  # its L2 is the squared one

    yield "faiss", matrix, len(x) * len(y)


def scipy_batches(row: Row, x: Rows, y: Rows) -> Works:
    """SciPy's cdist, on float64, which it converts everything to."""
    from scipy.spatial.distance import cdist

    if not row.scipy:
        return
    left, right, out = x.astype(np.float64), y.astype(np.float64), np.empty((len(x), len(y)))
    more = {"p": row.p} if row.scipy == "minkowski" else {}
    yield "scipy", lambda: cdist(left, right, row.scipy, out=out, **more), out.size


def torch_batches(row: Row, x: Rows, y: Rows) -> Works:
    """PyTorch's cdist."""
    import torch

    if not row.p:
        return
    torch.set_num_threads(1)
    left, right = torch.from_numpy(x), torch.from_numpy(y)
    yield "torch", lambda: torch.cdist(left, right, row.p), len(x) * len(y)


def numpy_batches(row: Row, x: Rows, y: Rows) -> Works:
    """What a NumPy user does where a distance is a matrix product."""
    if not row.product:
        return
    out = np.empty((len(x), len(y)), np.float32)

    def product() -> None:
        left, right = x, y
        if row.product in ("cosine", "angular"):
            left = x / np.linalg.norm(x, axis=1, keepdims=True)
            right = y / np.linalg.norm(y, axis=1, keepdims=True)
        np.matmul(left, right.T, out=out)
        _FINISHES[row.product](x, y, out)

    yield "numpy", product, out.size


def _finish_l2_squared(x: Rows, y: Rows, out: Rows) -> None:
    out *= -2
    out += np.einsum("ij,ij->i", x, x)[:, None]
    out += np.einsum("ij,ij->i", y, y)
    np.maximum(out, 0, out=out)


def _finish_l2(x: Rows, y: Rows, out: Rows) -> None:
    _finish_l2_squared(x, y, out)
    np.sqrt(out, out=out)


def _finish_angle(x: Rows, y: Rows, out: Rows) -> None:
    np.arccos(np.clip(out, -1, 1, out=out), out=out)


_FINISHES: dict[str, Callable[[Rows, Rows, Rows], Any]] = {
    "l2": _finish_l2,
    "l2-squared": _finish_l2_squared,
    "cosine": lambda x, y, out: np.subtract(1, out, out=out),
    "angular": _finish_angle,
    "dot": lambda x, y, out: np.negative(out, out=out),
}


def simsimd_batches(row: Row, x: Rows, y: Rows) -> Works:
    """simsimd's cdist: its function of two rows, in a loop."""
    import simsimd

    if row.simd and row.simd not in ("dot", "kullbackleibler", "jensenshannon"):
        yield "simsimd", lambda: simsimd.cdist(x, y, row.simd), len(x) * len(y)


def numkong_batches(row: Row, x: Rows, y: Rows) -> Works:
    """numkong's cdist, and its products with a packed matrix (packing them is part of the work)."""
    import numkong

    if row.simd and row.simd not in ("dot", "kullbackleibler", "jensenshannon"):
        metric = "angular" if row.simd == "cosine" else row.simd
        yield "numkong", lambda: numkong.cdist(x, y, metric), len(x) * len(y)
    if row.packed:
        left = numkong.Tensor(x) if hasattr(numkong.Tensor, "from_array") else x
        packed = getattr(numkong, row.packed)
        yield "numkong packed", lambda: packed(left, numkong.dots_pack(y)), len(x) * len(y)


def nmslib_pairs(row: Row, x: Rows, y: Rows) -> Works:
    """NMSLIB's functions, through its sequential search, which calls one a pair."""
    import nmslib

    points = np.tile(y, (NMSLIB_POINTS // len(y), 1))
    for space in row.nmslib:
        index = nmslib.init(method="seq_search", space=space, space_params=row.space_parameters)
        index.addDataPointBatch(points)
        index.createIndex(print_progress=False)
        yield (
            f"nmslib {space}",
            lambda index=index: index.knnQueryBatch(x[:64], k=1, num_threads=1),  # type: ignore[misc]
            64 * len(points),
        )


def simd_pairs(library: str, row: Row, x: Rows, y: Rows) -> Works:
    """simsimd's or numkong's function of two rows, by its address."""
    module = __import__(library)
    name = "inner" if row.simd == "dot" else row.simd
    pointer = getattr(module, f"pointer_to_{name}", None)
    if not row.simd or (pointer is None and name != "cosine"):
        return
    if pointer is None:
        pointer = module.pointer_to_angular
    address = pointer("float32")
    yield _loop(library, int(address), x, y, x.shape[1], writing=True)


BATCHES = {
    "anear": anear_batches,
    "faiss": faiss_batches,
    "scipy": scipy_batches,
    "torch": torch_batches,
    "numpy": numpy_batches,
    "simsimd": simsimd_batches,
    "numkong": numkong_batches,
    "nmslib": nmslib_pairs,
}
PAIRS = {
    "anear": anear_pairs,
    "simsimd": lambda row, x, y: simd_pairs("simsimd", row, x, y),
    "numkong": lambda row, x, y: simd_pairs("numkong", row, x, y),
    "nmslib": nmslib_pairs,
}


def main() -> None:
    """Measure the rows, print both tables, write the records."""
    options = _options()
    common.restrict_threads(options.threads)
    described = common.machine() | {"FMA peak, GFLOP/s a core": round(fma_gflops(0.3), 1)}
    for key, value in described.items():
        print(f"{key}: {value}")
    present = [module for module in BATCHES if _there(module)]
    found = common.versions(present)
    print("versions:", ", ".join(f"{name} {version}" for name, version in found.items()), flush=True)
    records: list[dict[str, Any]] = []
    for name in options.rows:
        records += measured(TABLE[name], present, options)
    for mode, title in (("batch", f"matrices of {ROWS} x {ROWS}"), ("pair", "single pairs")):
        print(f"\nmillion distances a CPU second, {options.dimensions} dimensions, one thread, {title}")
        print(rates(records, mode))
    content = {"machine": described, "versions": found, "dimensions": options.dimensions, "records": records}
    common.write_json(options.out, content)
    print(f"\nwritten: {options.out}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_common_options(parser, out="distances.json")
    parser.add_argument("--rows", nargs="+", choices=TABLE, default=list(TABLE), metavar="ROW", help=", ".join(TABLE))
    parser.add_argument("--dimensions", type=int, default=128, help="columns of the rows (default 128)")
    parser.add_argument("--rounds", type=int, help="repetitions (default 40, fewer of what is slow)")
    options = parser.parse_args()
    options.rounds = options.rounds or (5 if options.quick else 40)
    return options


def _there(module: str) -> bool:
    reason = common.missing(module)
    if reason is not None:
        print(f"{module}: {reason}")
    return reason is None


def measured(row: Row, present: Sequence[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """One distance: everybody in both modes, in turns."""
    rng = np.random.default_rng(0)
    weights = rng.standard_gamma(0.5, (2 * ROWS, options.dimensions), dtype=np.float32) + np.float32(1e-3)
    weights /= weights.sum(axis=1, keepdims=True)
    x, y = np.ascontiguousarray(weights[:ROWS]), np.ascontiguousarray(weights[ROWS:])
    entries: list[tuple[str, str, Callable[[], Any], int, int]] = []
    for mode, table in (("batch", BATCHES), ("pair", PAIRS)):
        for module in present:
            if module in table:
                entries += ready(mode, module, table[module], row, x, y)
    works, amounts, loops = zip(*((entry[2], entry[3], entry[4]) for entry in entries), strict=True)
    timings = common.race(works, amounts, options.rounds, loops, enough=0.6)
    return [
        {"distance": row.name, "mode": entry[0], "contestant": entry[1], "rate": 1 / timing.us()} | timing.record()
        for entry, timing in zip(entries, timings, strict=True)
    ]


def ready(
    mode: str, module: str, make: Callable[[Row, Rows, Rows], Works], row: Row, x: Rows, y: Rows
) -> list[tuple[str, str, Callable[[], Any], int, int]]:
    """The contestants of a library that work on this distance, warm."""
    found = []
    try:
        for name, work, amount in make(row, x, y):
            with contextlib.redirect_stdout(None):
                found.append((mode, name, work, amount, common.loops_of(work)))
    except Exception as error:  # one library's failure is not the others'
        print(f"{module} failed on {row.name}: {type(error).__name__}: {error}")
    return found


def rates(records: Sequence[dict[str, Any]], mode: str) -> str:
    """One line a distance: anear, then the others, fastest first."""
    lines = []
    for name in dict.fromkeys(record["distance"] for record in records):
        group = [record for record in records if (record["distance"], record["mode"]) == (name, mode)]
        own = max((record["rate"] for record in group if record["contestant"] == "anear"), default=0.0)
        search = [record["rate"] for record in group if record["contestant"] == "anear search"]
        rivals = sorted(
            (record for record in group if not record["contestant"].startswith("anear")), key=lambda r: -r["rate"]
        )
        ratio = f"{own / rivals[0]['rate']:.2f}" if rivals else "-"
        others = "; ".join(f"{record['contestant']} {record['rate']:.3g}" for record in rivals)
        cells = [
            name,
            f"{own:.1f}",
            *([f"{search[0]:.1f}" if search else "-"] if mode == "batch" else []),
            ratio,
            others,
        ]
        lines.append(cells)
    header = ["distance", "anear", *(["anear search"] if mode == "batch" else []), "/ best", "others"]
    return common.render(header, lines)


if __name__ == "__main__":
    main()

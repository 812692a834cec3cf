"""How many of the points an exact tree search looks at: pruning alone, whatever the machine.

python benchmarks/pruning.py            # a million points, some minutes
python benchmarks/pruning.py --quick    # a hundred thousand

Beside each share stands that of a prototype with leaves of 16 points and the same bounds, on as many uniform points. A
leaf of anear is one block of the vector unit: 8 or 16 points.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from typing import Any, Final

import common
import numpy as np

import anear

_DISTANCES: Final = {
    "L2": "sqeuclidean",
    "L1": "manhattan",
    "L0.5": "minkowski:p=0.5",
    "KL": "kldivgen",
    "Itakura-Saito": "itakura_saito",
    "JS": "jensen_shannon",
    "Canberra": "canberra",
    "chi2": "chi_square",
    "half-space": "half_space",
    "Poincare ball": "poincare_ball",
}
_PROTOTYPE: Final = {
    3: (0.011, 0.014, 0.029, 0.012, 0.014, 0.012, 0.018, 0.012),
    4: (0.021, 0.033, 0.088, 0.024, 0.031, 0.024, 0.047, 0.024),
    8: (0.22, 0.64, 3.6, 0.28, 0.42, 0.28, 1.1, 0.28),
    10: (),
    12: (1.7, 7.4, 33.0, 2.3, 3.6, 2.3, 13.0, 2.3),
}
"""Per cent of a million points, 10 nearest neighbours; in the order of ``_DISTANCES``, as far as there was one."""
_K: Final = 10


def main() -> None:
    """Print a table with a row a dimension, and write its numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_common_options(parser, out="pruning.json")
    parser.add_argument("--n", type=int, help="points (default a million)")
    parser.add_argument("--queries", type=int, help="queries (default 200)")
    parser.add_argument("--dimensions", type=int, nargs="+", choices=_PROTOTYPE, default=list(_PROTOTYPE), metavar="D")
    options = parser.parse_args()
    n = options.n or (100_000 if options.quick else 1_000_000)
    queries = options.queries or (50 if options.quick else 200)
    common.restrict_threads(options.threads)
    records = [measured(n, queries, d, name) for d in options.dimensions for name in _DISTANCES]
    print(f"\n% of {n} uniform points visited, exact {_K}-NN (prototype: of a million); microseconds of CPU a query")
    print(common.render(["d", *_DISTANCES], table(records, options.dimensions)))
    common.write_json(options.out, {"machine": common.machine(), "n": n, "records": records})
    print(f"\nwritten: {options.out}")


def measured(n: int, count: int, dimension: int, name: str) -> dict[str, Any]:
    """One distance in one dimension."""
    rng = np.random.default_rng(dimension)
    points, queries = (rng.random((size, dimension), np.float32) + np.float32(1e-6) for size in (n, count))
    if name == "Poincare ball":
        points, queries = (rows / np.float32(1.001 * dimension**0.5) for rows in (points, queries))
    index = anear.Index(points, _DISTANCES[name], method="kd_tree")
    before = index.distances_computed
    start = time.thread_time()
    index.search(queries, _K, num_threads=1)
    taken = time.thread_time() - start
    after = index.distances_computed
    record = {
        "distance": name,
        "d": dimension,
        "visited": (after.scanned - before.scanned) / count / n,
        "exact": (after.exact - before.exact) / count,
        "us": 1e6 * taken / count,
    }
    print(f"d = {dimension:2}  {name:14} {100 * record['visited']:.4f} %", file=sys.stderr, flush=True)
    return record


def table(records: list[dict[str, Any]], dimensions: list[int]) -> list[list[str]]:
    """Cells such as ``0.009 (0.011) 4 us``."""
    rows = []
    for d in dimensions:
        here = [record for record in records if record["d"] == d]
        cells = itertools.zip_longest(here, (f" ({p:g})" for p in _PROTOTYPE[d]), fillvalue="")
        rows.append([str(d), *(f"{100 * r['visited']:.2g}{p} {r['us']:.0f}" for r, p in cells)])
    return rows


if __name__ == "__main__":
    main()

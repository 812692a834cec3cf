"""What must happen before the first answer: import, compilation, the cache of compiled kernels; and memory.

Each number comes from fresh processes, which this program starts: the best of several.

    python benchmarks/compile.py                   # about a minute
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common

# Formula or name, dimension. The last is long: its compilation must stay bounded.
FORMULAS: tuple[tuple[str, int], ...] = (
    ("euclidean", 3),
    ("euclidean", 100),
    ("manhattan", 100),
    ("cosine", 128),
    ("sum((x - y)**2) / (x[0] * y[0])", 10),
    ("kldiv", 128),
    ("itakura_saito", 128),
    ("jensen_shannon", 128),
    ("sum(abs(x - y)**0.7)", 64),
    ("sum(where(x > y, (x - y)**2, abs(x - y)))", 784),
    ("haversine", 2),
    ("sum(sqrt(abs(sin(x) - sin(y))) + exp(-(x - y)**2))", 4096),
)
_HEAVY = ("llvmlite", "scipy", "pandas", "rich", "h5py", "pyarrow", "typer", "sklearn")


def main() -> None:
    """Start the processes, print and write what they measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_common_options(parser, out="compile.json")
    parser.add_argument("--rounds", type=int, help="fresh processes of each kind (default 3)")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    common.restrict_threads(options.threads)
    if options.child:
        print(json.dumps(_CHILDREN[options.child[0]](*options.child[1:])))
        return
    rounds = options.rounds or (1 if options.quick else 3)
    described = common.machine()
    for key, value in described.items():
        print(f"{key}: {value}")
    found = common.versions(["anear", "llvmlite"])
    print("versions:", ", ".join(f"{name} {version}" for name, version in found.items()))
    imported = best([child("import") for _ in range(rounds + 2)])
    print(f"\nimport anear: {imported['anear_ms']:.0f} ms CPU (wall {imported['wall_ms']:.0f})", end="")
    print(f", NumPy's {imported['numpy_ms']:.0f} among them; heavy modules loaded: {imported['heavy'] or 'none'}")
    formulas = FORMULAS[::4] if options.quick else FORMULAS
    compiled = [first_use(formula, dimension, rounds) for formula, dimension in formulas]
    print(f"\nfirst use of a formula, CPU ms in a fresh process\n{table(compiled)}", flush=True)
    held = child("memory", "100000" if options.quick else "1000000", "100")
    print(f"\nmemory, {held['points']:,} x {held['dimensions']} float32, MB\n{memory_table(held)}")
    content = {"machine": described, "versions": found, "import": imported, "formulas": compiled, "memory": held}
    common.write_json(options.out, content)
    print(f"\nwritten: {options.out}")


def child(*arguments: str, cache: str | None = None) -> dict[str, Any]:
    """What a fresh process measured."""
    environment = os.environ | ({} if cache is None else {"ANEAR_CACHE": cache})
    command = [sys.executable, __file__, "--child", *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def best(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The smallest of each number over several processes; other things from the first."""
    first = results[0]
    return {
        key: min(result[key] for result in results) if isinstance(value, float) else value
        for key, value in first.items()
    }


def first_use(formula: str, dimension: int, rounds: int) -> dict[str, Any]:
    """One formula, compiled and then found in the cache."""
    cold, warm = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(child("formula", formula, str(dimension), cache=folder))
            warm.append(child("formula", formula, str(dimension), cache=folder))
            size = sum(path.stat().st_size for path in Path(folder).rglob("*.o"))
    return {
        "formula": formula,
        "dimension": dimension,
        "cold": best(cold),
        "warm": best(warm),
        "code_bytes": size,
    }


def table(compiled: list[dict[str, Any]]) -> str:
    """One line a formula."""
    parts = ("analysis_ms", "llvm_ms", "search_ms", "exact_ms", "index_ms")
    lines = []
    for entry in compiled:
        cold, warm = entry["cold"], entry["warm"]
        lines.append(
            [entry["formula"], entry["dimension"]]
            + [f"{cold[part]:.1f}" for part in parts]
            + [f"{warm[part]:.1f}" for part in parts if part != "llvm_ms"]
            + ["yes" if warm["llvmlite"] else "no", f"{entry['code_bytes'] / 1024:.0f}"]
        )
    header = ["formula", "D", "analysis", "LLVM starts", "search set", "exact set", "index"]
    header += ["cached: analysis", "search", "exact", "index", "llvmlite", "KB of code"]
    return common.render(header, lines)


def memory_table(held: dict[str, Any]) -> str:
    """Where the memory of a search goes."""
    keys = ("data", "prepared", "build_more", "search_more")
    names = ("data", "prepared form", "peak of the build beyond both", "peak of the search beyond both")
    lines = [[name, f"{held[key] / 1e6:,.1f}"] for name, key in zip(names, keys, strict=True)]
    return common.render(["what", "MB"], lines)


def _import() -> dict[str, Any]:
    start = time.process_time()
    import numpy  # noqa: F401

    numpy_ms = 1e3 * (time.process_time() - start)
    wall = time.perf_counter()
    import anear  # noqa: F401

    return {
        "numpy_ms": numpy_ms,
        "anear_ms": 1e3 * (time.process_time() - start),
        "wall_ms": 1e3 * (time.perf_counter() - wall) + numpy_ms,
        "heavy": [name for name in _HEAVY if name in sys.modules],
    }


def _formula(formula: str, dimension: str) -> dict[str, Any]:
    """The steps of a first use one by one, then an index of few points."""
    import numpy as np

    import anear
    from anear.index.choice import choose_plan
    from anear.index.tables import Space

    rng = np.random.default_rng(0)
    points = rng.random((64, int(dimension)), dtype=np.float32) + np.float32(0.1)
    cold = not any(Path(os.environ["ANEAR_CACHE"]).rglob("*.o"))  # before the analysis, which is kept there as well
    steps = [time.process_time()]

    def step() -> float:
        steps.append(time.process_time())
        return 1e3 * (steps[-1] - steps[-2])

    from anear.spaces import resolve

    space = Space(resolve(formula).expr, int(dimension), "float32")
    plan = choose_plan(space, points)
    found: dict[str, Any] = {"analysis_ms": step()}
    if cold:
        _start_llvm()
    found["llvm_ms"] = step()
    space.search_table(plan)
    found["search_ms"] = step()
    space.exact_table()
    found["exact_ms"] = step()
    anear.Index(points, formula, num_threads=1)
    found["index_ms"] = step()
    found["llvmlite"] = "llvmlite" in sys.modules
    return found


def _start_llvm() -> None:
    """What a process pays once, at its first compilation: llvmlite's import and LLVM's start."""
    from anear.codegen.jit import compile_text
    from anear.index.tables import host

    compile_text("define void @nothing() {\n ret void\n}\n", host())


def _memory(points: str, dimensions: str) -> dict[str, Any]:
    """The highest memory of a build and of a search, beyond what must be there."""
    import numpy as np

    import anear

    n, columns = int(points), int(dimensions)
    rng = np.random.default_rng(0)
    anear.knn(rng.random((64, columns), dtype=np.float32), k=1, distance="sqeuclidean", num_threads=1)
    base = _resident()
    rows = rng.random((n, columns), dtype=np.float32)
    queries = rng.random((1000, columns), dtype=np.float32)
    _forget_peak()
    index = anear.Index(rows, "sqeuclidean", num_threads=1)
    build_peak = _peak()
    _forget_peak()
    index.search(queries, 10, num_threads=1)
    must = base + rows.nbytes + queries.nbytes + index.nbytes
    return {
        "points": n,
        "dimensions": columns,
        "data": rows.nbytes,
        "prepared": index.nbytes,
        "build_more": build_peak - must,
        "search_more": _peak() - must,
    }


def _resident() -> int:
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(key: str) -> int:
    """Bytes, from Linux's account of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {key}")


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


_CHILDREN = {"import": _import, "formula": _formula, "memory": _memory}

if __name__ == "__main__":
    main()

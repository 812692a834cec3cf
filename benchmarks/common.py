"""What every benchmark here shares: one thread count for all libraries, fair clocks, a description of the machine.

Contestants take turns: round 1 of everybody, round 2 of everybody. A machine that is busier for a while, or runs at a
lower clock, is so for all. CPU time is what ratios are made of, since other work on the machine disturbs it least; wall
clock stands beside it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

__all__ = [
    "Timing",
    "add_common_options",
    "loops_of",
    "machine",
    "missing",
    "race",
    "render",
    "restrict_threads",
    "versions",
    "write_json",
]

# Read by OpenMP, OpenBLAS, MKL, BLIS, numexpr, XLA and anear when they are loaded, which is too early for a call.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "ANEAR_NUM_THREADS",
)
_XLA = "--xla_cpu_multi_thread_eigen={}"
_DISTRIBUTIONS = {
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss"),
    "nmslib": ("nmslib", "nmslib-metabrainz"),
    "sklearn": ("scikit-learn",),
    "svs": ("scalable-vs",),
    "torch": ("torch",),
}


def restrict_threads(count: int) -> None:
    """Start this program again with ``count`` threads for every library, unless that was done already."""
    wanted = {name: str(count) for name in _THREAD_VARIABLES}
    # Threads that wait must sleep: spinning ones would be counted as work.
    wanted |= {"OMP_WAIT_POLICY": "passive", "XLA_FLAGS": _XLA.format("true" if count > 1 else "false")}
    wanted |= {"JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3", "KEOPS_VERBOSE": "0"}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | wanted)


def add_common_options(parser: argparse.ArgumentParser, *, out: str) -> None:
    """Options that every benchmark has."""
    parser.add_argument("--threads", type=int, default=1, help="threads of every library (default 1)")
    parser.add_argument("--quick", action="store_true", help="smaller data and fewer repetitions: a look, no result")
    parser.add_argument(
        "--out", type=Path, default=Path("bench-results", out), help="where the records go (default %(default)s)"
    )


@dataclass(slots=True)
class Timing:
    """Seconds of each repetition of some work, by the wall clock and of CPU, for ``amount`` queries or pairs each."""

    amount: float
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def once(self, work: Callable[[], Any], loops: int = 1) -> None:
        """Time one repetition, which runs the work ``loops`` times."""
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(loops):
            work()
        self.cpu.append((time.process_time() - cpu) / loops)
        self.wall.append((time.perf_counter() - wall) / loops)

    def us(self, which: str = "cpu", how: Callable[[Iterable[float]], float] = min) -> float:
        """Microseconds for one of the amount: the best repetition's, or what ``how`` makes of all."""
        return 1e6 * how(getattr(self, which)) / self.amount

    def record(self) -> dict[str, float]:
        """The numbers that go into the results file."""
        return {
            "cpu_us": self.us(),
            "cpu_us_median": self.us(how=statistics.median),
            "wall_us": self.us("wall"),
            "wall_us_median": self.us("wall", statistics.median),
            "repetitions": len(self.cpu),
        }


def race(
    works: Sequence[Callable[[], Any]],
    amounts: Sequence[float],
    rounds: int,
    loops: Sequence[int] | None = None,
    enough: float = float("inf"),
) -> list[Timing]:
    """Time works in turns, ``rounds`` repetitions of each; ``loops`` from ``loops_of`` if they are warm already.

    A work that has had ``enough`` CPU seconds and three repetitions sits the other rounds out. Every other round goes
    backwards: whoever comes after a work that gives much memory back to the system waits for its own, and that must not
    be the same one every time.
    """
    if loops is None:
        loops = [loops_of(work) for work in works]
    timings = [Timing(amount) for amount in amounts]
    spent = [0.0] * len(timings)
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            entrants = list(enumerate(zip(works, timings, loops, strict=True)))
            for place, (work, timing, times) in entrants if turn % 2 == 0 else reversed(entrants):
                if turn < 3 or spent[place] < enough:
                    timing.once(work, times)
                    spent[place] += timing.cpu[-1] * times
    finally:
        gc.enable()
    return timings


def loops_of(work: Callable[[], Any], shortest: float = 0.02) -> int:
    """Warm up, and tell how often a repetition must run the work to fill ``shortest`` seconds: clocks are not exact."""
    work()
    start = time.perf_counter()
    work()
    return max(1, int(shortest / max(time.perf_counter() - start, 1e-9)))


def missing(module: str) -> str | None:
    """Why a library cannot take part, or None."""
    try:
        import_module(module)
    except ImportError as error:
        return f"not installed ({error})"
    except Exception as error:  # a library that fails to start must not end the benchmark
        return f"does not start ({type(error).__name__}: {error})"
    return None


def versions(modules: Iterable[str]) -> dict[str, str]:
    """The installed version of each library that is installed."""
    found = {}
    for module in modules:
        for name in _DISTRIBUTIONS.get(module, (module,)):
            try:
                found[module] = metadata.version(name)
                break
            except metadata.PackageNotFoundError:
                continue
    return found


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    described: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "usable cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
    if hasattr(os, "getloadavg"):
        described["load"] = " ".join(f"{load:.1f}" for load in os.getloadavg())
    return described


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        entries = dict(
            (part.strip() for part in line.split(":", 1))
            for line in information.read_text().splitlines()
            if ":" in line
        )
        for key in ("model name", "Processor", "CPU part"):
            if entries.get(key):
                return f"{entries[key]}, family {entries.get('cpu family', '?')} model {entries.get('model', '?')}"
    return platform.processor() or platform.machine()


def render(header: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """A table in plain text; the first ``left`` columns are aligned to the left."""
    table = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def write_json(path: Path, content: Any) -> None:
    """Write the results file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")

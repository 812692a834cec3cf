"""Long work can be stopped, and takes no more memory than it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import anear

RNG = np.random.default_rng(14)

PRELUDE = """
import sys, numpy as np, anear
rng = np.random.default_rng(0)
def go(): print("go", flush=True)
"""

LONG = {
    "search": """
points = rng.random((100_000, 32), np.float32)
index = anear.Index(points, "sum(abs(x - y)**1.3 * exp(-abs(x - y)))")
index.search(points[:1])
go()
index.search(np.tile(points, (3, 1)), 10)
""",
    "self search": """
points = rng.random((150_000, 32), np.float32)
index = anear.Index(points, "sum(abs(x - y)**1.3 * exp(-abs(x - y)))")
go()
index.self_search(5)
""",
    "range search": """
points = rng.random((100_000, 32), np.float32)
index = anear.Index(points, "sum(abs(x - y)**1.3 * exp(-abs(x - y)))")
go()
index.range_search(np.tile(points, (3, 1)), 0.5)
""",
    "exhaustive search": """
points = rng.random((60_000, 32), np.float32)
index = anear.Index(points)
go()
index.search(points[:12_000], 30_000)
""",
    "build": """
points = rng.random((30_000, 64), np.float32)
formula = "sum((x - y)**2)" + "".join(f" + sum(sin(y * {i}) ** 1.5 * cos(exp(y)) ** {i + 0.5})" for i in range(40))
anear.Index(points[:10], formula)
go()
for _ in range(50):
    anear.Index(np.tile(points, (20, 1)), formula)
""",
    "tree": """
points = rng.random((2_000_000, 3), np.float32)
anear.Index(points[:100], method="kd_tree")
go()
for _ in range(50):
    anear.Index(points, method="kd_tree")
""",
    "tree of images": """
points = rng.random((1_000_000, 8), np.float32)
anear.Index(points[:100], "cosine", method="kd_tree")
go()
for _ in range(50):
    anear.Index(points, "cosine", method="kd_tree")
""",
    "search of a tree": """
points = rng.random((200_000, 10), np.float32)
index = anear.Index(points, "manhattan", method="kd_tree")
go()
index.self_search(20)
""",
    "counts of a tree": """
points = rng.random((200_000, 6), np.float32)
index = anear.Index(points, "kldivgen", method="kd_tree")
go()
index.count(points + np.float32(0.01), 0.3)
index.range_search(points, 0.3)
""",
    "matrix": """
points = rng.random((50_000, 32), np.float32)
out = np.empty((4_000, 50_000), np.float32)
go()
for _ in range(100):
    anear.pairwise(points[:4000], points, "sum(abs(x - y)**1.3 * exp(-abs(x - y)))", out=out)
""",
}


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_is_answered_within_a_second(name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + LONG[name] + "\nprint('finished', flush=True)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background is told to ignore Ctrl-C, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "go\n", process.stderr.read()
        time.sleep(0.4)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    taken = time.monotonic() - start
    assert "KeyboardInterrupt" in err
    assert "finished" not in out
    assert taken < 5  # a second, and what a busy machine and the interpreter's end take


def test_progress_is_called_and_may_stop_the_work() -> None:
    points = RNG.random((60_000, 16)).astype(np.float32)
    index = anear.Index(points, "sum(abs(x - y)**1.3)")
    seen: list[tuple[int, int]] = []

    def count(done: int, total: int) -> bool:
        seen.append((done, total))
        return len(seen) < 3

    with pytest.raises(anear.Cancelled):
        index.search(points, progress=count)
    assert len(seen) == 3
    assert all(0 <= done <= total for done, total in seen)
    assert seen == sorted(seen)

    def fail(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        index.search(points, progress=fail)
    assert index.search(points[:2], 1).ids.tolist() == [[0], [1]]  # it still works


MEASURE = """
import gc
import os
def resident():
    with open("/proc/self/status") as file:
        return {line.split(":")[0]: line.split()[1] for line in file if line.startswith("Vm")}
def reset():  # the highest resident size so far counts from here
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return int(resident()["VmRSS"])
def peak(before):
    return (int(resident()["VmHWM"]) - before) / 1024
rng = np.random.default_rng(0)
points = rng.random((200_000, 64), np.float32)
queries = rng.random((2000, 64), np.float32)
small = anear.Index(points[:5000], FORMULA)
small.search(queries[:50], 10, num_threads=2), anear.pairwise(queries[:5], points[:1000], FORMULA, num_threads=2)
small.range_search(queries[:50], 0.0, num_threads=2)
data = points.nbytes >> 20
before = reset()
index = anear.Index(points, FORMULA, num_threads=2)
print("build", peak(before) - index.nbytes / 2**20)
before = reset()
index.search(queries, 10, num_threads=2)
print("search", peak(before))
before = reset()
index.search(queries, 1000, num_threads=2)
print("large k", peak(before) - 2000 * 1000 * 12 / 2**20)
before = reset()
index.range_search(queries, 0.0, num_threads=2)
print("range", peak(before))
out = np.ones((500, 200_000), np.float32)
before = reset()
anear.pairwise(queries[:500], points, FORMULA, out=out, num_threads=2)
print("matrix", peak(before))
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="reads Linux's account of memory")
@pytest.mark.parametrize("formula", ["euclidean", "chebyshev"])
def test_memory_is_the_data_its_prepared_form_and_a_little(formula: str) -> None:
    program = PRELUDE + f"FORMULA = {formula!r}\n" + MEASURE
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in done.stdout.splitlines())}
    assert set(found) == {"build", "search", "large k", "range", "matrix"}
    assert all(value < 64 for value in found.values()), found

"""Threads: how many, after a fork, from several callers; progress and cancellation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.core.kernels import Shape, flat, table

from anear import _core
from anear.errors import Cancelled

SHAPE = Shape(3)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((200_000, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def index(rows: np.ndarray) -> Any:
    return flat(rows, SHAPE)


def run_python(code: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return result.stdout.strip()


@pytest.mark.parametrize(("value", "threads"), [("3", "3"), ("0", None), ("many", None), ("", None), ("-2", None)])
def test_environment_sets_the_number_of_threads(value: str, threads: str | None) -> None:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    printed = run_python("from anear import _core; print(_core.num_threads())", ANEAR_NUM_THREADS=value)
    assert printed == (threads or str(allowed))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks here")
def test_affinity_mask_is_respected() -> None:
    code = """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        from anear import _core
        print(_core.num_threads())
    """
    assert run_python(code, ANEAR_NUM_THREADS="") == "1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_search_works_after_a_fork(rows: np.ndarray, index: Any) -> None:
    expected, _ = index.knn(rows[:50], "float32", 5, num_threads=3)
    child = os.fork()
    if child == 0:
        found, _ = index.knn(rows[:50], "float32", 5, num_threads=3)
        os._exit(0 if np.array_equal(found, expected) else 1)
    deadline = time.monotonic() + 30
    while (done := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(done[1]) == 0


def test_many_callers_at_once(rows: np.ndarray, index: Any) -> None:
    expected, _ = index.knn(rows[:60], "float32", 5, num_threads=1)
    with ThreadPoolExecutor(4) as pool:
        parts = [pool.submit(index.knn, rows[i : i + 20], "float32", 5, 1 + i % 3) for i in (0, 20, 40) * 4]
        for i, part in zip((0, 20, 40) * 4, parts, strict=True):
            np.testing.assert_array_equal(part.result()[0], expected[i : i + 20])


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_is_reported(rows: np.ndarray, index: Any, threads: int) -> None:
    seen: list[tuple[int, int]] = []
    queries = np.repeat(rows, 4, axis=0)[:1500]
    index.knn(queries, "float32", 5, num_threads=threads, progress=lambda *now: seen.append(now))
    assert seen, "nothing was reported in a search of more than a second"
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert all(0 <= d <= total == seen[0][1] for d, total in seen)


def test_progress_of_building_comes_with_the_gil(rows: np.ndarray) -> None:
    many = np.tile(rows, (15, 1))
    seen: list[str] = []
    flat(many, SHAPE, progress=lambda *_: seen.append(threading.current_thread().name), num_threads=1)
    assert set(seen) <= {threading.current_thread().name}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("queries", [2, 20_000])
def test_false_cancels(rows: np.ndarray, index: Any, threads: int, queries: int) -> None:
    many = np.tile(rows[:200], (100, 1))[:queries]
    large = index if queries > 2 else flat(np.tile(rows, (60, 1)), SHAPE)
    begun = time.monotonic()
    if queries == 2:  # over before anybody would ask
        large.knn(many, "float32", 5, num_threads=threads, progress=lambda *_: True)
        return
    with pytest.raises(Cancelled):
        large.knn(many, "float32", 5, num_threads=threads, progress=lambda *_: False)
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("threads", [1, 2])
def test_an_exception_of_the_callback_comes_out(rows: np.ndarray, index: Any, threads: int) -> None:
    def stop(done: int, total: int) -> bool:
        raise KeyError("mine")

    queries = np.tile(rows[:200], (100, 1))
    with pytest.raises(KeyError, match="mine"):
        index.knn(queries, "float32", 5, num_threads=threads, progress=stop)
    out = np.empty((20_000, 5000), np.float32)
    with pytest.raises(KeyError, match="mine"):
        _core.pairwise(
            queries, "float32", rows[:5000], "float32", table(SHAPE), np.array([1.0]), out, threads, progress=stop
        )


def test_a_callback_may_search(rows: np.ndarray, index: Any) -> None:
    answers: list[np.ndarray] = []
    query = rows[7:8]

    def ask(done: int, total: int) -> None:
        answers.append(index.knn(query, "float32", 3)[0])

    index.knn(np.tile(rows[:200], (10, 1)), "float32", 5, num_threads=2, progress=ask)
    assert answers
    for ids in answers:
        np.testing.assert_array_equal(ids, index.knn(query, "float32", 3)[0])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("threads", [1, 2])
def test_interrupt_stops_within_a_second(rows: np.ndarray, index: Any, threads: int) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    begun = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            index.knn(np.tile(rows[:200], (100, 1)), "float32", 5, num_threads=threads)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begun < 1.15

"""A search takes the data, its prepared form, and little more."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from tests.core.kernels import Shape, flat

import anear

RESET = Path("/proc/self/clear_refs")
MEGABYTE = 1 << 20

pytestmark = [
    pytest.mark.skipif(not RESET.exists(), reason="peaks can be reset on Linux alone"),
    pytest.mark.skipif("san" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers keep freed memory for a while"),
]


def begin() -> int:
    """Forget the peak so far and return the memory in use."""
    RESET.write_text("5")
    return peak()


def peak() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((400_000, 3)).astype(np.float32)


@pytest.mark.parametrize("shape", [Shape(3), Shape(3, bilinear=True)], ids=str)
@pytest.mark.parametrize(("queries", "k"), [(300, 10), (20, 20_000), (2, 300_000)])
def test_extra_memory_is_bounded(rows: np.ndarray, shape: Shape, queries: int, k: int) -> None:
    index = flat(rows, shape)
    index.knn(rows[:8], "float32", 1)
    answers = queries * k * 12
    before = begin()
    index.knn(rows[:queries], "float32", k, num_threads=2)
    assert peak() - before < 48 * MEGABYTE + answers


def test_points_all_alike_do_not_pile_up() -> None:
    """Every point is within the margin: candidates would be all points, were they not ranked in between."""
    shape = Shape(3, bilinear=True)
    same = np.ones((300_000, 3), np.float32)
    index = flat(same, shape)
    queries = np.zeros((64, 3), np.float32)
    index.knn(queries[:1], "float32", 1)
    before = begin()
    ids, _ = index.knn(queries, "float32", 5, num_threads=2)
    assert peak() - before < 32 * MEGABYTE
    np.testing.assert_array_equal(ids, np.tile(np.arange(5), (64, 1)))


def test_indexes_give_their_memory_back() -> None:
    rows = np.random.default_rng(1).standard_normal((500_000, 3)).astype(np.float32)
    flat(rows, Shape(3))
    before = begin()
    for _ in range(20):
        flat(rows, Shape(3))
    assert peak() - before < 30 * MEGABYTE


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_a_small_batch_in_a_tree_takes_little(dimensions: int) -> None:
    """Ordering the queries along a curve once took four gigabytes for rows of one coordinate."""
    rows = np.random.default_rng(0).standard_normal((100, dimensions))
    index = anear.Index(rows, method="kd_tree")
    index.search(rows[:1], 3)
    before = begin()
    index.range_search(rows, 1.0)
    assert peak() - before < 16 * MEGABYTE

"""What tasks take together, and in the longest chain: a tree built with measured tasks is the same tree."""

from __future__ import annotations

import time

import numpy as np
import pytest

import anear
from anear import _core


def test_work_and_span_of_a_build() -> None:
    """The chain is a part of the work, and shorter where more threads would have more to do at once."""
    points = np.random.default_rng(0).random((300_000, 3))
    built: list[anear.Index] = []
    start = time.thread_time()
    work, span = _core.task_times(
        lambda: built.append(anear.Index(points, "euclidean", method="kd_tree", num_threads=9))
    )
    assert 0 < span < work < time.thread_time() - start
    plain = anear.Index(points, "euclidean", method="kd_tree", num_threads=1)
    np.testing.assert_array_equal(built[0].order, plain.order)


def test_an_error_ends_the_measurement() -> None:
    with pytest.raises(anear.ArgumentError):
        _core.task_times(lambda: anear.Index([[1.0]], "no such distance"))
    points = np.random.default_rng(0).random((5000, 3))
    assert _core.task_times(lambda: None) == (0, 0)
    assert len(anear.Index(points, method="kd_tree", num_threads=2)) == 5000

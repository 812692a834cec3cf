"""Trees that stop early: never better than asked for, exact when they need not stop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anear

POINTS = np.random.default_rng(0).random((20_000, 4)).astype(np.float32)
QUERIES = np.random.default_rng(1).random((64, 4)).astype(np.float32)


def test_more_leaves_find_more() -> None:
    index = anear.Index(POINTS, "manhattan", method="kd_tree")
    true = index.search(QUERIES, 10).distances
    found = [index.search(QUERIES, 10, max_leaves=leaves).distances for leaves in (1, 4, 16, 64, 20_000)]
    shares = [(f <= true[:, -1:]).mean() for f in found]
    assert (np.diff(shares) >= 0).all()
    assert 0 < shares[0] < 1
    np.testing.assert_array_equal(found[-1], true)


def test_leaves_are_counted() -> None:
    index = anear.Index(POINTS, method="kd_tree")
    before = index.distances_computed.scanned
    index.search(QUERIES, 1, max_leaves=3)
    lanes = 64  # no block has more
    assert 0 < index.distances_computed.scanned - before <= 3 * lanes * len(QUERIES)


@pytest.mark.parametrize("value", [0, -1, 1.5, "all", True, 2**40])
def test_bad_numbers(value: Any) -> None:
    index = anear.Index(POINTS[:100], method="kd_tree")
    with pytest.raises(anear.ArgumentError, match="max_leaves is"):
        index.search(QUERIES, 1, max_leaves=value)


def test_a_scan_has_no_leaves() -> None:
    with pytest.raises(anear.ArgumentError, match="max_leaves is for trees; this index has method='flat'"):
        anear.Index(POINTS[:100]).search(QUERIES, 1, max_leaves=1)

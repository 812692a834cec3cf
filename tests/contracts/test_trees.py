"""Every named distance in trees: their answers are the scan's, and in the order of the naive twin's distances.

The whole matrix takes long; a sample of it that changes only with this file is run unless ANEAR_TESTS=full.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

import numpy as np
import pytest
from tests.contracts.test_spaces import QUADRATIC, close, stored, valid
from tests.index.support import same
from tests.reference.distances import REFERENCE, Twin

import anear

DIMENSIONS = (1, 2, 3, 8, 17, 100, 1001)
STORAGE = ("float64", "float32", "float16", "bfloat16", "int8", "uint8")
ONE_IN = 1 if os.environ.get("ANEAR_TESTS") == "full" else 24
ARRANGEMENTS = ("as drawn", "repeated", "sorted", "crowded", "lattice", "equal")


def matrix() -> list[Any]:
    """(name, storage, dimension, arrangement): each distance once in few dimensions, and a sample of all else."""
    found = []
    for name, twin in REFERENCE.items():
        low, high = twin.dimensions
        fitting = [d for d in DIMENSIONS if low <= d <= high]
        for dimension, storage in [(d, s) for d in fitting for s in STORAGE]:
            key = zlib.crc32(f"{name}{storage}{dimension}".encode())
            always = dimension == fitting[key % min(3, len(fitting))] and storage == STORAGE[key // 3 % 2]
            if always or key % ONE_IN == 0:
                arrangement = ARRANGEMENTS[key // 7 % len(ARRANGEMENTS)]
                case = name, storage, dimension, arrangement
                found.append(pytest.param(*case, id="-".join(map(str, case))))
    return found


def arranged(twin: Twin, rng: np.random.Generator, n: int, d: int, arrangement: str) -> np.ndarray:
    """Valid rows in an arrangement that is hard on trees."""
    rows = twin.points(rng, n, d)
    if arrangement == "repeated":
        return rows[rng.integers(0, 5, n)]
    if arrangement == "sorted":
        return rows[np.lexsort(rows.T[::-1])]
    if arrangement == "crowded":  # about some rows, as close as float32 can tell apart
        near = rows[rng.integers(0, 5, n)].astype(np.float32)
        return np.where(rng.random((n, d)) < 0.5, near, np.nextafter(near, np.float32(0.5))).astype(np.float64)
    if arrangement == "lattice":
        coarse = np.round(4 * rows) / 4
        return np.where(coarse.any(axis=1, keepdims=True), coarse, rows)
    return np.repeat(rows[:1], n, axis=0) if arrangement == "equal" else rows


@pytest.mark.parametrize(("name", "storage", "dimension", "arrangement"), matrix())
def test_trees_answer_as_the_scan_does(name: str, storage: str, dimension: int, arrangement: str) -> None:
    twin = REFERENCE[name]
    rng = np.random.default_rng(dimension)
    n = 400 if dimension <= 20 else 70
    queries = twin.queries(rng, 8, dimension)
    for params in twin.cases(rng, dimension)[: 1 if dimension > 20 else 4]:
        for kind in (arrangement, "as drawn"):
            points = stored(arranged(twin, rng, n, dimension, kind), storage)
            asked = stored(queries, storage)
            if valid(name, points, "points", params) and valid(name, asked, "queries", params):
                break
        else:
            asked = queries.astype(np.float64 if storage == "float64" else np.float32)
            points = twin.points(rng, n, dimension).astype(asked.dtype)
            if not (valid(name, points, "points", params) and valid(name, asked, "queries", params)):
                continue
        agree(name, points, asked, params)


def agree(name: str, points: np.ndarray, queries: np.ndarray, params: dict[str, Any]) -> None:
    """k-NN, range and count by tree, by scan and by the twin."""
    tree = anear.Index(points, name, method="kd_tree", **params)
    flat = anear.Index(points, name, **params)
    everything = flat.search(queries, len(points))
    for k in (1, 10, len(points)):
        assert same(tree.search(queries, k), flat.search(queries, k))
    for radius in (everything.distances[:, 0], everything.distances[:, 9], np.inf):
        radii = np.where(np.isnan(radius), 0.0, np.minimum(radius, np.finfo(np.float64).max)).astype(np.float64)
        assert same(tree.range_search(queries, radii), flat.range_search(queries, radii))
        inside = np.diff(flat.range_search(queries, radii).offsets)
        np.testing.assert_array_equal(tree.count(queries, radii), inside)
    if name in QUADRATIC and points.shape[1] > 100:
        return
    true = REFERENCE[name].matrix(queries[:2].astype(np.float64), points.astype(np.float64), params)
    found = tree.search(queries[:2], 10)
    expected = np.sort(true, axis=1)[:, :10]
    assert close(found.distances, expected, points.dtype.name)
    assert close(np.take_along_axis(true, found.ids, axis=1), expected, points.dtype.name)

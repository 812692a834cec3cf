"""Every named distance, every storage type, awkward dimensions: every way to search agrees with the naive twin.

The whole matrix takes long; a sample of it that changes only with this file is run unless ANEAR_TESTS=full.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from tests.reference.distances import REFERENCE

import anear
from anear.spaces.lookup import find

DIMENSIONS = (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 100, 785)
STORAGE = ("float64", "float32", "float16", "bfloat16", "int8", "uint8")
ONE_IN = 1 if os.environ.get("ANEAR_TESTS") == "full" else 16
QUADRATIC = ("wasserstein", "energy", "kolmogorov_smirnov")  # running sums: their twins are slow in high dimension


def matrix() -> list[Any]:
    """(name, storage, dimension): float32 in one dimension for every distance, and a sample of all else."""
    found = []
    for name, twin in REFERENCE.items():
        low, high = twin.dimensions
        fitting = [d for d in DIMENSIONS if low <= d <= high]
        for i, dimension in enumerate(fitting):
            for storage in STORAGE:
                key = zlib.crc32(f"{name}{storage}{dimension}".encode())
                always = storage == "float32" and i == key % len(fitting)
                if always or key % ONE_IN == 0:
                    found.append(pytest.param(name, storage, dimension, id=f"{name}-{storage}-{dimension}"))
    return found


def stored(rows: np.ndarray, storage: str) -> np.ndarray:
    """Rows of a storage type; whole numbers get a range of their own."""
    if storage in ("int8", "uint8"):
        return np.clip(np.round(rows * 20), 0 if rows.min() >= 0 else -100, 100).astype(storage)
    return rows.astype(ml_dtypes.bfloat16 if storage == "bfloat16" else storage)


def valid(name: str, rows: np.ndarray, side: str, params: dict[str, Any]) -> bool:
    """Whether rounding to the storage type left the rows in the distance's domain."""
    resolved = find(name).bind(params)
    domain = resolved.query_domain if side == "queries" else resolved.point_domain
    try:
        domain.check(rows, side, name)
    except anear.DomainError:
        return False
    return True


def close(got: np.ndarray, true: np.ndarray, storage: str) -> bool:
    """Equal up to the rounding of the type distances are given in; square roots of cancelled numbers get 1e-7."""
    unit = 1e-9 if storage == "float64" else 2e-6
    scale = np.nanmax(np.abs(true[np.isfinite(true)]), initial=1e-3)
    both = np.isfinite(true) & np.isfinite(got)
    same = np.array_equal(got[~both], true[~both].astype(got.dtype), equal_nan=True)
    return bool(same and (np.abs(got[both] - true[both]) <= unit * np.abs(true[both]) + 1e-7 * scale).all())


@pytest.mark.parametrize(("name", "storage", "dimension"), matrix())
def test_agrees_with_the_naive_twin(name: str, storage: str, dimension: int) -> None:
    twin = REFERENCE[name]
    rng = np.random.default_rng(dimension)
    raw = twin.points(rng, 61, dimension), twin.queries(rng, 9, dimension)
    for params in twin.cases(rng, dimension)[: 1 if dimension > 100 else 3]:
        points, queries = (stored(r, storage) for r in raw)
        if not (valid(name, points, "points", params) and valid(name, queries, "queries", params)):
            points, queries = (r.astype(np.float64 if storage == "float64" else np.float32) for r in raw)
        if not (valid(name, points, "points", params) and valid(name, queries, "queries", params)):
            continue
        agree(name, points, queries, params)


def agree(name: str, points: np.ndarray, queries: np.ndarray, params: dict[str, Any]) -> None:
    """k-NN, single queries, range search and matrices against the twin."""
    storage = points.dtype.name
    true = REFERENCE[name].matrix(queries.astype(np.float64), points.astype(np.float64), params)
    index = anear.Index(points, name, **params)
    k = 7
    result = index.search(queries, k)
    expected = np.sort(true, axis=1)[:, :k]
    assert close(result.distances, expected, storage)
    assert close(np.take_along_axis(true, result.ids, axis=1), expected, storage)
    single = index.search(queries[0], k)
    assert np.array_equal(single.ids, result.ids[0])
    assert np.array_equal(single.distances, result.distances[0])
    everything = index.search(queries[:2], len(points))
    assert close(everything.distances, np.sort(true[:2], axis=1), storage)
    check_range(index, queries, true, storage)
    matrix = anear.pairwise(queries, points, name, **params)
    unit = 1e-9 if storage == "float64" else 2e-5
    finite = np.isfinite(true)
    scale = np.abs(true[finite]).max(initial=1e-3)
    assert np.allclose(matrix[finite], true[finite], rtol=unit, atol=scale * (1e-7 if storage == "float64" else 1e-3))


def check_range(index: anear.Index, queries: np.ndarray, true: np.ndarray, storage: str) -> None:
    """Everything clearly inside the radius, nothing clearly outside."""
    if not np.isfinite(true).any():
        return
    radius = float(np.median(true[np.isfinite(true)]))
    found = index.range_search(queries, radius)
    margin = 1e-5 * (abs(radius) + np.abs(true[np.isfinite(true)]).max())
    for q in range(len(queries)):
        ids = set(found.of(q).ids.tolist())
        assert set(np.flatnonzero(true[q] < radius - margin).tolist()) <= ids
        assert ids <= set(np.flatnonzero(true[q] <= radius + margin).tolist())
        assert (np.diff(found.of(q).distances) >= 0).all()


def test_every_distance_is_here() -> None:
    assert {d.name for d in anear.distances()} == set(REFERENCE)

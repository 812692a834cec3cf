"""Exact search against NumPy in float64, with kernels of the tests' own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.kernels import Shape, exact_distances, flat, nearest

from anear import _core

FORMS = [
    Shape(3),
    Shape(3, bilinear=True),
    Shape(3, block=16, query_tile=6, point_tile=1, scan_tile=1, bilinear=True),
    Shape(3, real="float64", row="float64"),
    Shape(3, real="float64", row="float64", block=4, query_tile=1, bilinear=True),
]


def points(shape: Shape, n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, shape.dim)).astype(shape.row)


def knn(index: Any, queries: np.ndarray, k: int, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    options.setdefault("distance_type", "float64")
    ids, distances = index.knn(queries, str(queries.dtype), k, **options)
    return ids, distances


def check(shape: Shape, rows: np.ndarray, queries: np.ndarray, k: int, **options: Any) -> None:
    index = flat(rows, shape)
    ids, distances = knn(index, queries, k, **options)
    expected_ids, expected = nearest(exact_distances(queries, rows), k)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(distances, expected)


@pytest.mark.parametrize("shape", FORMS, ids=str)
@pytest.mark.parametrize("n", [1, 5, 16, 17, 33, 1000, 9001])
def test_equals_float64(shape: Shape, n: int) -> None:
    rows = points(shape, n)
    queries = points(shape, 13, seed=1)
    for k in {1, 2, 10, n, n + 3}:
        check(shape, rows, queries, k)
        check(shape, rows, queries[:1], k)


@pytest.mark.parametrize("shape", FORMS, ids=str)
@pytest.mark.parametrize("k", [1, 10, 300, 6000])
def test_adversarial_orders(shape: Shape, k: int) -> None:
    n = 6000
    ramp = np.linspace(0, 1, n)[:, None] * np.ones(shape.dim)
    queries = np.zeros((3, shape.dim), shape.row)
    for rows in (
        np.ones((n, shape.dim)),
        ramp,
        ramp[::-1],
        np.repeat(ramp[: n // 4], 4, axis=0),
        np.repeat([[0.0], [1.0]], [n - 5, 5], axis=0) * np.ones(shape.dim),
        np.repeat([[1.0], [0.0]], [n - 5, 5], axis=0) * np.ones(shape.dim),
    ):
        check(shape, np.ascontiguousarray(rows, shape.row), queries, k)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_small_case(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(FORMS))
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n, nq = data.draw(st.integers(1, 400)), data.draw(st.integers(1, 20))
    spread = data.draw(st.sampled_from([1, 3, 1000]))  # small spreads make ties
    rows = rng.integers(0, spread, (n, shape.dim)).astype(shape.row)
    queries = rng.integers(0, spread, (nq, shape.dim)).astype(shape.row)
    mask = rng.random(n) < data.draw(st.sampled_from([0.01, 0.5, 1.0]))
    excluded = rng.integers(-1, n, nq)  # -1 becomes the largest number: nobody
    exclude = excluded.astype(np.uint32)
    k = data.draw(st.integers(1, n + 2))
    allowed = np.tile(mask, (nq, 1))
    allowed[np.arange(nq)[excluded >= 0], excluded[excluded >= 0]] = False
    bits = np.packbits(mask, bitorder="little")
    ids, distances = knn(flat(rows, shape), queries, k, allow=bits, exclude=exclude)
    expected_ids, expected = nearest(exact_distances(queries, rows), k, allowed)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(distances, expected)


@pytest.mark.parametrize("shape", FORMS, ids=str)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.1, 0.9])
def test_filter_of_many_points(shape: Shape, share: float) -> None:
    rng = np.random.default_rng(2)
    n = 20_000
    rows, queries = points(shape, n), points(shape, 7, seed=1)
    mask = rng.random(n) < share
    bits = np.packbits(mask, bitorder="little")
    ids, distances = knn(flat(rows, shape), queries, 10, allow=bits)
    expected_ids, expected = nearest(exact_distances(queries, rows), 10, mask)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(distances, expected)


@pytest.mark.parametrize("shape", FORMS, ids=str)
def test_near_duplicates_far_from_the_origin(shape: Shape) -> None:
    """The bilinear form cancels here: without its slack it would return wrong neighbours."""
    rng = np.random.default_rng(3)
    rows = (100 + 1e-3 * rng.standard_normal((8000, shape.dim))).astype(shape.row)
    queries = (100 + 1e-3 * rng.standard_normal((9, shape.dim))).astype(shape.row)
    check(shape, rows, queries, 10)
    if shape.bilinear and shape.real == "float32":
        careless, _ = knn(flat(rows, shape, margin=False), queries, 10)
        assert (careless != nearest(exact_distances(queries, rows), 10)[0]).any()


@pytest.mark.parametrize("shape", [s for s in FORMS if s.real == "float32"], ids=str)
@pytest.mark.parametrize("size", [1e19, 3e19, 1e-19, 3e-22, 1e-23, 1e-40])
def test_where_float32_overflows_and_underflows(shape: Shape, size: float) -> None:
    rng = np.random.default_rng(6)
    rows = (size * rng.standard_normal((3000, shape.dim))).astype(np.float32)
    check(shape, rows, rows[:6] * np.float32(0.5), 10)


@pytest.mark.parametrize("shape", FORMS, ids=str)
def test_nan_rows_are_no_neighbours_and_infinite_distances_are(shape: Shape) -> None:
    rows = points(shape, 3000)
    rows[::7] = np.nan
    rows[1::3] = np.inf
    rows[5] = np.finfo(shape.row).max  # overflows in the arithmetic of the search
    queries = points(shape, 5, seed=1)
    for k in (5, 1000, 3000):
        ids, distances = knn(flat(rows, shape, margin=True), queries, k)
        expected_ids, expected = nearest(exact_distances(queries, rows), k)
        np.testing.assert_array_equal(ids, expected_ids)
        np.testing.assert_array_equal(distances, expected)


@pytest.mark.parametrize("shape", FORMS, ids=str)
@pytest.mark.parametrize("queries", [5, 90])
def test_threads_do_not_change_answers(shape: Shape, queries: int) -> None:
    rows = points(shape, 8_000_000 // queries // (4 if shape.real == "float64" else 1))
    asked = points(shape, queries, seed=1)
    index = flat(rows, shape)
    one = knn(index, asked, 10, num_threads=1)
    for threads in (2, 3):
        many = knn(index, asked, 10, num_threads=threads)
        np.testing.assert_array_equal(one[0], many[0])
        np.testing.assert_array_equal(one[1], many[1])


@pytest.mark.parametrize("shape", FORMS, ids=str)
@pytest.mark.parametrize("without", [("select",), ("select_one",), ("select", "select_one")])
def test_missing_kernels(shape: Shape, without: tuple[str, ...]) -> None:
    rows, queries = points(shape, 3000), points(shape, 11, seed=1)
    index = flat(rows, shape, without=without)
    ids, _ = knn(index, queries, 10)
    np.testing.assert_array_equal(ids, nearest(exact_distances(queries, rows), 10)[0])
    assert (index.nbytes == 0) == (len(without) == 2)


@pytest.mark.parametrize("storage", ["int8", "uint8"])
def test_small_integers(storage: str) -> None:
    rng = np.random.default_rng(4)
    info = np.iinfo(storage)
    rows = rng.integers(info.min, info.max, (2000, 3)).astype(storage)
    check(Shape(3, row=storage), rows, rows[:20], 10)


def test_float32_distances_are_rounded_once() -> None:
    rows, queries = points(FORMS[0], 500), points(FORMS[0], 4, seed=1)
    ids, single = knn(flat(rows, FORMS[0]), queries, 5, distance_type="float32")
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, nearest(exact_distances(queries, rows), 5)[1].astype(np.float32))
    assert ids.dtype == np.int64


def test_parameters_reach_the_kernels() -> None:
    rows, queries = points(FORMS[0], 500), points(FORMS[0], 4, seed=1)
    _, distances = knn(flat(rows, FORMS[0], scale=3.0), queries, 5)
    np.testing.assert_array_equal(distances, 3 * nearest(exact_distances(queries, rows), 5)[1])


@pytest.mark.parametrize("shape", FORMS, ids=str)
@pytest.mark.parametrize("threads", [1, 3])
def test_range(shape: Shape, threads: int) -> None:
    n = 300_000 if threads > 1 else 5000
    rows, queries = points(shape, n), points(shape, 9, seed=1)
    exact = exact_distances(queries, rows)
    radius = np.sort(exact, axis=1)[:, 40].copy()
    radius[0], radius[1], radius[2] = -1.0, np.inf, 0.0
    index = flat(rows, shape)
    ids, distances, offsets = index.range(
        queries, shape.row, radius, radius, num_threads=threads, distance_type="float64"
    )
    assert offsets[0] == 0
    assert offsets[-1] == len(ids) == len(distances)
    for q in range(len(queries)):
        found = slice(offsets[q], offsets[q + 1])
        inside = int((exact[q] <= radius[q]).sum())
        expected_ids, expected = nearest(exact[q : q + 1], inside)
        np.testing.assert_array_equal(ids[found], expected_ids[0])
        np.testing.assert_array_equal(distances[found], expected[0])


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_range_with_filter_and_exclude(share: float) -> None:
    rng = np.random.default_rng(5)
    shape = FORMS[1]
    rows = points(shape, 9000)
    mask = rng.random(9000) < share
    queries = rows[:6]
    exclude = np.arange(6, dtype=np.uint32)
    radius = np.full(6, 1.0)
    ids, _, offsets = flat(rows, shape).range(
        queries, "float32", radius, radius, exclude=exclude, allow=np.packbits(mask, bitorder="little")
    )
    exact = exact_distances(queries, rows)
    for q in range(6):
        expected = np.flatnonzero((exact[q] <= 1.0) & mask & (np.arange(9000) != q))
        np.testing.assert_array_equal(np.sort(ids[offsets[q] : offsets[q + 1]]), expected)


def test_no_queries() -> None:
    index = flat(points(FORMS[0], 10), FORMS[0])
    ids, distances = knn(index, np.empty((0, 3), np.float32), 4)
    assert ids.shape == distances.shape == (0, 4)
    _, _, offsets = index.range(np.empty((0, 3), np.float32), "float32", np.empty(0), np.empty(0))
    np.testing.assert_array_equal(offsets, [0])


def test_reports_memory_and_maxima() -> None:
    rows = points(FORMS[1], 100)
    index = flat(rows, FORMS[1])
    norms = np.sqrt((rows.astype(np.float64) ** 2).sum(1))
    np.testing.assert_allclose(index.maxima, [norms.max(), norms.max() ** 2], rtol=1e-15)
    blocks = -(-100 // 8 // 6) * 6  # whole steps of lcm(2, 3) blocks
    assert index.nbytes >= blocks * 8 * 4 * 4


def test_methods_are_listed() -> None:
    assert "flat" in _core.methods()
    assert _core.methods()["flat"]["meaning"]

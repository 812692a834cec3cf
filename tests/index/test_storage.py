"""Every storage type and every way in which an array can lie in memory, of points and of queries."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.index.support import STORAGE, check_knn, matrix, nearest, same, stored

import anear
from anear.data.types.dense import BFLOAT16_BITS

RNG = np.random.default_rng(5)
RAW = RNG.normal(0, 40, (600, 7)), RNG.normal(0, 40, (9, 7))
FORMULAS = (
    "sqeuclidean",
    "manhattan",
    "sum((x - y)**2 / (1 + abs(x) + abs(y)))",
    "sum(x * y) / (1 + norm(x) * norm(y))",
    "max(abs(x - y) / (1 + abs(y)))",
)


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("formula", FORMULAS)
def test_the_answer_is_that_of_float64(storage: str, formula: str) -> None:
    points, queries = (stored(r, storage) for r in RAW)
    index = anear.Index(points, formula)
    result = check_knn(index, queries, 12)
    assert result.distances.dtype == (np.float64 if storage == "float64" else np.float32)
    check_knn(index, queries[3], 12)


@pytest.mark.parametrize("points_type", STORAGE)
@pytest.mark.parametrize("queries_type", STORAGE)
def test_queries_of_another_type_than_the_points(points_type: str, queries_type: str) -> None:
    index = anear.Index(stored(RAW[0], points_type), "manhattan")
    check_knn(index, stored(RAW[1], queries_type), 8)
    check_knn(index, stored(RAW[1][0], queries_type), 8)


def test_bfloat16_as_bits_alone() -> None:
    points, queries = (stored(r, "bfloat16") for r in RAW)
    bits = [a.view(np.uint16).view(BFLOAT16_BITS) for a in (points, queries)]
    for name in ("manhattan", "sqeuclidean"):
        named = anear.Index(points, name).search(queries, 5)
        assert same(named, anear.Index(bits[0], name).search(bits[1], 5))
        assert same(named, anear.Index(points, name).search(bits[1], 5))
    positive = np.abs(RAW[0]).astype(ml_dtypes.bfloat16)
    by_bits = positive.view(np.uint16).view(BFLOAT16_BITS)
    assert same(anear.knn(positive, k=3, distance="chi_square"), anear.knn(by_bits, k=3, distance="chi_square"))
    assert np.array_equal(anear.pairwise(bits[1], bits[0]), anear.pairwise(queries, points))


def layouts(rows: np.ndarray) -> dict[str, Any]:
    """The same numbers in other places."""
    wide = np.repeat(np.repeat(rows, 2, axis=0), 3, axis=1)
    unaligned = np.frombuffer(b"\0" + rows.tobytes(), np.uint8)[1:].view(rows.dtype).reshape(rows.shape)
    read_only = rows.copy()
    read_only.flags.writeable = False
    return {
        "fortran": np.asfortranarray(rows),
        "strided": wide[::2, ::3],
        "reversed": rows[::-1, ::-1].copy()[::-1, ::-1],
        "read only": read_only,
        "unaligned": unaligned,
        "big endian": rows.astype(rows.dtype.newbyteorder(">")),
        "list": rows.tolist(),
        "list of arrays": list(rows),
        "objects": rows.astype(object),
        "pandas": pd.DataFrame(rows),
        "arrow": pa.table({f"c{i}": column for i, column in enumerate(rows.T)}),
        "memoryview": memoryview(rows),
        "dlpack": OnlyDLPack(rows),
        "subclass": rows.view(np.recarray) if rows.dtype.fields else np.ma.array(rows),
    }


class OnlyDLPack:
    """What a tensor of another library looks like."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("name", layouts(np.zeros((2, 2), np.float64)))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_layouts(name: str, dtype: str) -> None:
    points, queries = (r.astype(dtype) for r in RAW)
    given = [layouts(a)[name] for a in (points, queries)]
    plain, other = anear.Index(points), anear.Index(given[0])
    expected = plain.search(queries, 5)
    assert np.array_equal(expected.ids, plain.search(given[1], 5).ids)
    assert np.array_equal(expected.ids, other.search(given[1], 5).ids)
    np.testing.assert_allclose(anear.pairwise(given[1], given[0]), anear.pairwise(queries, points), rtol=1e-6)
    one = layouts(queries)[name]
    if isinstance(one, np.ndarray):
        assert np.array_equal(plain.search(one[2], 5).ids, expected.ids[2])


def test_points_that_need_nothing_done_are_not_copied() -> None:
    points = RAW[0].astype(np.float32)
    assert np.shares_memory(anear.Index(points).points, points)
    assert np.shares_memory(anear.Index(OnlyDLPack(points)).points, points)


def test_whole_numbers_and_truth_values() -> None:
    points, queries = (np.round(r).astype(np.int64) for r in RAW)
    assert np.array_equal(
        anear.Index(points).search(queries, 5).ids, check_knn(anear.Index(points), queries.astype(np.float32), 5).ids
    )
    index = anear.Index(points > 0, "sum(x != y)")
    exact = matrix(index, (queries > 0).astype(np.uint8), (points > 0).astype(np.uint8))
    assert np.array_equal(index.search(queries > 0, 5).ids, nearest(exact, 5)[0])
    large = points + 2**40
    check_knn(anear.Index(large, "manhattan"), (queries + 2**40).astype(np.float64), 5)


@pytest.mark.parametrize("dimension", [1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 64, 100, 785])
@pytest.mark.parametrize("storage", ["float32", "uint8"])
def test_awkward_dimensions(dimension: int, storage: str) -> None:
    rng = np.random.default_rng(dimension)
    points, queries = (stored(rng.uniform(0, 200, (n, dimension)), storage) for n in (150, 5))
    check_knn(anear.Index(points, "manhattan"), queries, 6)
    check_knn(anear.Index(points, "sqeuclidean"), queries, 6)

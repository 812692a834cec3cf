"""What the tests of the index share: points of every storage type, and the float64 reference's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

import anear
from anear.data.types.dense import to_float

STORAGE = ("float64", "float32", "float16", "bfloat16", "int8", "uint8")


def stored(rows: npt.NDArray[Any], storage: str) -> npt.NDArray[Any]:
    """Rows of a storage type, clipped and rounded to what it holds."""
    if storage in ("int8", "uint8"):
        limits = np.iinfo(storage)
        return np.clip(np.round(rows), limits.min, limits.max).astype(storage)
    return rows.astype(ml_dtypes.bfloat16 if storage == "bfloat16" else storage)


def matrix(
    index: anear.Index, queries: npt.NDArray[Any], points: npt.NDArray[Any] | None = None, **data: Any
) -> npt.NDArray[np.float64]:
    """The index's formula in NumPy's float64, for the queries as the search takes them."""
    points = index.points if points is None else points
    queries = np.atleast_2d(to_float(queries))
    if to_float(points).dtype == np.float32:
        queries = queries.astype(np.float32)
    return index.formula.numpy(queries.astype(np.float64), to_float(points).astype(np.float64), **data)


def nearest(distances: npt.NDArray[np.float64], k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(ids, distances) by distance, then id; NaN is never an answer; -1 and inf fill up."""
    ids = np.full((len(distances), k), -1, np.int64)
    found = np.full((len(distances), k), np.inf)
    for row, values in enumerate(distances):
        order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())][:k]
        ids[row, : len(order)], found[row, : len(order)] = order, values[order]
    return ids, found


def check_knn(
    index: anear.Index, queries: npt.NDArray[Any], k: int, point_data: Mapping[str, Any] | None = None, **options: Any
) -> anear.Neighbors:
    """A search gives the reference's ids exactly, and its distances in the index's precision."""
    result = index.search(queries, k, **options)
    data = {"point_data": point_data, "query_data": options.get("query_data")}
    ids, distances = nearest(matrix(index, queries, **data), k)
    np.testing.assert_array_equal(np.atleast_2d(result.ids), ids)
    rounded = distances.astype(result.distances.dtype)
    np.testing.assert_allclose(np.atleast_2d(result.distances), rounded, rtol=1e-6, atol=1e-30)
    return result


def same(a: tuple[npt.NDArray[Any], ...], b: tuple[npt.NDArray[Any], ...]) -> bool:
    """Whether two results are the same bit for bit."""
    return all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))

"""Matrices of distances, and the widening of every storage type on the way to the kernels."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from tests.core.kernels import Shape, exact_distances, table

from anear import _core

ONE = np.array([1.0])


def fill(
    queries: np.ndarray, points: np.ndarray, shape: Shape, out_type: str = "float64", **options: Any
) -> np.ndarray:
    out = np.full((len(queries), len(points)), np.nan, out_type)
    without = options.pop("without", ())
    _core.pairwise(
        viewed(queries),
        str(queries.dtype),
        viewed(points),
        str(points.dtype),
        table(shape, without),
        ONE,
        out,
        **options,
    )
    return out


def viewed(array: np.ndarray) -> np.ndarray:
    return array.view(np.uint16) if array.dtype == ml_dtypes.bfloat16 else array


@pytest.mark.parametrize("out_type", ["float32", "float64"])
@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize(("nq", "n"), [(1, 1), (2, 17), (7, 100), (600, 1000), (3, 70_000)])
@pytest.mark.parametrize("threads", [1, 3])
def test_matches_numpy(out_type: str, real: str, nq: int, n: int, threads: int) -> None:
    rng = np.random.default_rng(0)
    queries, points = rng.standard_normal((nq, 3)).astype(real), rng.standard_normal((n, 3)).astype(real)
    out = fill(queries, points, Shape(3, real=real, row=real), out_type, num_threads=threads)
    tolerance = 1e-6 if "float32" in (real, out_type) else 1e-14
    np.testing.assert_allclose(out, exact_distances(queries, points), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("guard", [0.001, 0.1, 100.0])  # few values, a share and all are left to the exact table
@pytest.mark.parametrize("out_type", ["float32", "float64"])
@pytest.mark.parametrize(("nq", "n"), [(1, 1), (7, 100), (600, 1000), (5, 70_000)])
def test_what_a_guarded_table_leaves_is_computed(guard: float, out_type: str, nq: int, n: int) -> None:
    """The guarded table doubles what it computes, so that the result says who computed it."""
    rng = np.random.default_rng(3)
    queries, points = rng.standard_normal((nq, 3)).astype(np.float32), rng.standard_normal((n, 3)).astype(np.float32)
    common = min(nq, n)
    queries[:common:2] = points[:common:2]
    whole, exact_shape = Shape(3, real="float64", row="float32"), Shape(3, real="float64", row="float32")
    options: dict[str, Any] = {
        "guarded": table(Shape(3, guard=guard)),
        "guarded_parameters": np.array([2.0]),
        "exact": table(exact_shape),
        "exact_parameters": ONE,
    }
    out = fill(queries, points, whole, out_type, **options)
    exact = exact_distances(queries, points)
    doubled = out > 1.5 * exact
    assert (2 * exact[doubled] >= guard * (1 - 1e-6)).all()
    np.testing.assert_allclose(np.where(doubled, out / 2, out), exact, rtol=1e-6, atol=1e-14)
    np.testing.assert_array_equal(out[:common, :common].diagonal()[::2], 0)
    if n == 70_000:
        assert doubled.mean() > 0.99 if guard == 0.001 else not doubled.any() if guard == 100.0 else True
    np.testing.assert_array_equal(fill(queries, points, whole, out_type, num_threads=3, **options), out)


@pytest.mark.parametrize("without", [("store",), ("store_one",)])
def test_either_store_kernel_suffices(without: tuple[str, ...]) -> None:
    rng = np.random.default_rng(1)
    queries, points = rng.standard_normal((9, 3)).astype(np.float32), rng.standard_normal((50, 3)).astype(np.float32)
    out = fill(queries, points, Shape(3), without=without)
    np.testing.assert_allclose(out, exact_distances(queries, points), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("block", [4, 8, 12, 16])
@pytest.mark.parametrize("storage", ["float64", "float32", "float16", "bfloat16", "int8", "uint8"])
def test_every_storage_type_is_widened_exactly(storage: str, block: int) -> None:
    """The distance to the origin along one axis is the value itself, squared."""
    if storage in ("float16", "bfloat16"):
        dtype = np.dtype(ml_dtypes.bfloat16 if storage == "bfloat16" else np.float16)
        values = np.arange(2**16, dtype=np.uint16).view(dtype)
        with np.errstate(invalid="ignore"):
            values = values[np.isfinite(values)]
    elif storage in ("int8", "uint8"):
        values = np.arange(256, dtype=np.uint8).view(storage)
    else:
        values = np.random.default_rng(2).standard_normal(1000).astype(storage)
    points = np.zeros((len(values), 2), values.dtype)
    points[:, 1] = values
    shape = Shape(2, real="float64", block=block, point_tile=1, scan_tile=1)
    out = fill(np.zeros((1, 2)), points, shape)
    np.testing.assert_array_equal(out[0], values.astype(np.float64) ** 2)
    swapped = fill(points[-300:], np.zeros((1, 2)), shape)
    np.testing.assert_array_equal(swapped[:, 0], values[-300:].astype(np.float64) ** 2)


def test_not_finite_halves_stay_so() -> None:
    for dtype in (np.float16, ml_dtypes.bfloat16):
        points = np.array([[np.inf], [-np.inf], [np.nan]], dtype)
        out = fill(np.zeros((1, 1)), points, Shape(1, real="float64"))
        np.testing.assert_array_equal(out[0], [np.inf, np.inf, np.nan])


def test_empty_sides() -> None:
    assert fill(np.zeros((0, 3)), np.zeros((4, 3)), Shape(3)).shape == (0, 4)
    assert fill(np.zeros((4, 3)), np.zeros((0, 3)), Shape(3)).shape == (4, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": np.zeros((2, 4), np.float32)}, "queries have 4 columns"),
        ({"points": np.zeros((5, 1), np.float32)}, "points have 1 columns"),
        ({"points": np.zeros((2, 3))}, "points has items of format 'd'"),
        ({"point_storage": "float80"}, "storage is 'float80'"),
        ({"out": np.zeros((2, 2))}, r"out has shape \(2, 2\), expected \(2, 5\)"),
        ({"out": np.zeros((5, 2)).T}, "out .*C-contiguous writable"),
        ({"out": np.zeros((2, 5), np.int64)}, "out has items"),
        ({"parameters": [1.0]}, "parameters is list"),
        ({"table": table(Shape(3), ("store", "store_one"))}, "lacks"),
        ({"guarded": table(Shape(3))}, "guarded and exact come together"),
        (
            {"guarded": table(Shape(3)), "guarded_parameters": ONE, "exact": table(Shape(3)), "exact_parameters": ONE},
            "needs an exact one that computes in float64",
        ),
    ],
)
def test_wrong_arguments(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "queries": np.zeros((2, 3), np.float32),
        "query_storage": "float32",
        "points": np.zeros((5, 3), np.float32),
        "point_storage": "float32",
        "table": table(Shape(3)),
        "parameters": ONE,
        "out": np.zeros((2, 5)),
    }
    with pytest.raises(ValueError, match=message):
        _core.pairwise(**arguments | changes)

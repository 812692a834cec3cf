"""The kernel of two rows: what it takes liberties with stays as accurate as float32 lets a formula be."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from tests.codegen.calling import Called, runnable
from tests.reference.distances import REFERENCE

from anear.codegen.interleave import interleaved
from anear.formula import parse
from anear.formula.interpret import evaluate
from anear.spaces import resolve

DIMENSIONS = (3, 8, 16, 17, 31, 64, 100, 128)
SUMS = ("sum(x*y)", "sum((x - y)**2)", "sum(abs(x - y))", "max(abs(x - y))", "sum(x)", "sum(y**3)")
JENSEN = "sum(xlogy(x, 2 * x / (x + y)) + xlogy(y, 2 * y / (x + y)))"


@pytest.mark.parametrize("name", REFERENCE)
def test_named_distances(name: str) -> None:
    twin = REFERENCE[name]
    low, high = twin.dimensions
    fitting = [d for d in DIMENSIONS if low <= d <= high] or [low]
    dimension = fitting[zlib.crc32(name.encode()) % len(fitting)]
    rng = np.random.default_rng(dimension)
    queries, points = (make(rng, 6, dimension).astype(np.float32) for make in (twin.queries, twin.points))
    params = twin.cases(rng, dimension)[0]
    true = twin.matrix(queries.astype(np.float64), points.astype(np.float64), params).diagonal()
    called = Called(resolve(name, **params).expr, dimension)
    got = np.array([called.pair(q, p) for q, p in zip(queries, points, strict=True)])
    scale = np.abs(true[np.isfinite(true)]).max(initial=1e-3)
    assert np.allclose(got, true, rtol=2e-5, atol=2e-5 * scale, equal_nan=True)


@pytest.mark.parametrize("target", runnable(), ids=lambda t: t.name)
@pytest.mark.parametrize("dimension", [1, 2, 5, 16, 33, 128, 500])
def test_sums_are_joined_across_the_lanes(dimension: int, target) -> None:  # type: ignore[no-untyped-def]
    x, y = np.random.default_rng(dimension).random((2, dimension), np.float32) + np.float32(0.1)
    for count in range(2, len(SUMS) + 1):
        # of different weight, so that none can stand for another
        expr = parse(" + ".join(f"{10.0**-i} * {one}" for i, one in enumerate(SUMS[:count])))
        true = evaluate(expr, x[None].astype(np.float64), y[None].astype(np.float64))[0, 0]
        assert Called(expr, dimension, target=target).pair(x, y) == pytest.approx(true, rel=3e-6)


@pytest.mark.parametrize("name", ["kldiv", "kldivgen", "itakura_saito", "jensen_shannon_metric", "angular", "topsoe"])
def test_a_row_and_itself(name: str) -> None:
    rows = np.random.default_rng(0).gamma(0.5, size=(40, 100)).astype(np.float32) + np.float32(1e-6)
    called = Called(resolve(name).expr, 100)
    assert [called.pair(row, row) for row in rows] == [0.0] * len(rows)


def test_zeros_in_either_row_or_both() -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.random((2, 20, 48), np.float32) * (rng.random((2, 20, 48)) < 0.5)).astype(np.float32)
    expr = parse(JENSEN)
    true = evaluate(expr, x.astype(np.float64), y.astype(np.float64)).diagonal()
    called = Called(expr, 48)
    assert np.allclose([called.pair(a, b) for a, b in zip(x, y, strict=True)], true, rtol=1e-5)


def test_what_is_not_a_number_is_not_hidden() -> None:
    x = np.full(32, 0.5, np.float32)
    y = x.copy()
    y[7] = np.nan
    for text in (JENSEN, "sum(xlogy(y, y / x))", "sum(log(x / y))", "maximum(sum(y), 0)", "sum(minimum(y, 3))"):
        assert np.isnan(Called(parse(text), 32).pair(x, y)), text


def test_interleaved_lines_follow_what_they_name() -> None:
    runs = [
        ["  %v1 = load a", "  %v2 = f %v1, %c", "  %v3 = g %v2"],
        ["  %v4 = h %v2", "  %v5 = g %v4", "  store %v5"],
        ["  %v6 = load b"],
    ]
    mixed = interleaved(runs)
    assert sorted(mixed) == sorted(line for run in runs for line in run)
    assert mixed[:3] == ["  %v1 = load a", "  %v6 = load b", "  %v2 = f %v1, %c"]
    assert [mixed.index(line) for run in runs[:2] for line in run] == [0, 2, 4, 3, 5, 6]


def test_lines_with_loops_stay_in_order() -> None:
    runs = [["  %v1 = load a", "loop2:", "  br label %loop2"], ["  %v3 = load b"]]
    assert interleaved(runs) == [*runs[0], *runs[1]]

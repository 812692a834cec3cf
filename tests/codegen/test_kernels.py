"""Every kernel computes what the formula says: compiled = evaluated by NumPy, for all layouts and targets."""

from __future__ import annotations

from ctypes import c_int64
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.codegen.calling import DTYPES, Called, runnable

from anear.codegen.compiler import compile_kernels
from anear.codegen.targets import Target
from anear.codegen.tile import Tile
from anear.formula import formula
from anear.formula.bilinear import bilinear_plan
from anear.formula.expression import Expr
from anear.formula.hoist import rank_plan, value_plan
from anear.formula.interpret import evaluate

AWKWARD = (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 100, 785)
MATRIX = np.random.default_rng(3).random((5, 20))
WEIGHTS = np.arange(1.0, 21.0) / 10

FORMULAS = {
    "squares": formula("sum((x - y)**2)"),
    "largest": formula("max(abs(x - y))"),
    "smallest": formula("min(abs(x - y))"),
    "two sums": formula("sum(abs(x - y)) / sum(abs(x + y))"),
    "two passes": formula("sum(abs(x - y - sum(x - y) / 20))"),
    "product": formula("prod(1 + abs(x - y) / 20)"),
    "logarithms": formula("sum(y * log(y / x) - y + x)"),
    "general power": formula("sum(abs(x - y)**0.7)"),
    "weights": formula("sum(w * (x - y)**2)", w=WEIGHTS),
    "matrix": formula("sum((A @ (x - y))**2)", A=MATRIX),
    "matrix of a matrix": formula("sum(abs(A @ (B @ (x - y))))", A=MATRIX[:, :3], B=MATRIX[:3]),
    "matrix of a running sum": formula("sum(abs(A @ cumsum(x - y)))", A=MATRIX),
    "running sum": formula("sum(abs(cumsum(x - y)))"),
    "running sum, moved": formula("sum(abs(cumsum(x - y)[1:]))"),
    "running sum, one": formula("cumsum(abs(x - y))[5]"),
    "places": formula("x[0] * y[-1] + sum(x[1:4] * y[2:5])"),
    "choice": formula("min(where(x > y, x, y)) + max(x - y)"),
}


def data(dimension: int, storage: str, n: int = 70, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.random((7, dimension)) + 0.1, rng.random((n, dimension)) + 0.1
    if storage in ("int8", "uint8"):
        x, y = np.floor(x * 50) + 1, np.floor(y * 50) + 1
    return x.astype(np.float64 if storage == "float64" else np.float32), y.astype(DTYPES[storage])


def agree(expr: Expr, x: np.ndarray, y: np.ndarray, storage: str, **options: object) -> None:
    called = Called(expr, x.shape[1], storage, **options)  # type: ignore[arg-type]
    true = evaluate(expr, x, y)
    unit = np.finfo(called.real).eps
    tolerance = unit * (20 + 2 * x.shape[1]) * np.maximum(np.abs(true), 1e-3 * np.abs(true).max())
    points, n_blocks, _ = called.points(y)
    queries = called.queries(x)
    tile = called.store(queries, points, n_blocks)
    shown = min(len(x), len(tile))
    assert (np.abs(tile[:shown, : len(y)] - true[:shown]) <= tolerance[:shown]).all()
    assert (np.abs(called.store(queries, points, n_blocks, one=True)[0, : len(y)] - true[0]) <= tolerance[0]).all()
    order = np.random.default_rng(0).permutation(len(y))
    assert (np.abs(called.gather(queries[:1].copy(), y, order) - true[0][order]) <= tolerance[0][order]).all()


@pytest.mark.parametrize("dimension", AWKWARD)
@pytest.mark.parametrize("name", ["squares", "largest", "two sums"])
def test_awkward_dimensions(name: str, dimension: int) -> None:
    for storage in ("float32", "float64"):
        agree(FORMULAS[name], *data(dimension, storage), storage)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("target", runnable(), ids=lambda t: t.name)
def test_every_target_that_runs_here(name: str, target) -> None:  # type: ignore[no-untyped-def]
    agree(FORMULAS[name], *data(20, "float32"), "float32", target=target)


@pytest.mark.parametrize("storage", DTYPES)
@pytest.mark.parametrize("target", runnable(), ids=lambda t: t.name)
@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
def test_every_storage(storage: str, target, arithmetic: str) -> None:  # type: ignore[no-untyped-def]
    if storage == "float64" and arithmetic == "float32":
        pytest.skip("float64 points are searched in float64")
    agree(FORMULAS["squares"], *data(19, storage), storage, target=target, arithmetic=arithmetic)


@pytest.mark.parametrize("tile", [Tile(1, 1, 1), Tile(3, 2, 5), Tile(8, 3, 2)])
def test_every_tile_gives_the_same(tile: Tile) -> None:
    agree(FORMULAS["squares"], *data(13, "float32"), "float32", tile=tile)


def test_pair_takes_raw_rows() -> None:
    for storage in DTYPES:
        x, y = data(21, storage)
        x = x.astype(y.dtype)
        called = Called(FORMULAS["squares"], 21, storage)
        true = evaluate(FORMULAS["squares"], x[:1], y[:1])[0, 0]
        assert called.pair(x[0], y[0]) == pytest.approx(true, rel=1e-5)


def test_bfloat16_rows() -> None:
    x, y = data(20, "float32")
    bits = np.ascontiguousarray(y.view(np.uint32) >> 16).astype(np.uint16)
    y = (bits.astype(np.uint32) << 16).view(np.float32)
    for target in runnable():
        called = Called(FORMULAS["squares"], 20, "bfloat16", "float32", target)
        true = evaluate(FORMULAS["squares"], x, y)
        points, n_blocks, _ = called.points(y)
        queries = called.queries(x)
        assert np.allclose(called.store(queries, points, n_blocks)[0, : len(y)], true[0], rtol=1e-5)
        assert np.allclose(called.gather(queries[:1].copy(), bits, np.arange(len(y))), true[0], rtol=1e-5)


def test_float16_special_values_without_hardware() -> None:
    """Targets without float16 instructions convert by hand: denormals, infinities and NaN too."""
    values = np.arange(2**16, dtype=np.uint16).view(np.float16)
    expr = formula("sum(y) + 0 * x[0]")
    for target in runnable():
        called = Called(expr, 1, "float16", "float32", target)
        got = called.gather(called.queries(np.zeros((1, 1), np.float32))[:1].copy(), values[:, None], np.arange(2**16))
        assert np.array_equal(got, values.astype(np.float32), equal_nan=True)


def test_select_appends_exactly_the_blocks_with_a_hit() -> None:
    expr = FORMULAS["squares"]
    x, y = data(5, "float32", 300)
    y[17] = np.nan
    called = Called(expr, 5)
    points, n_blocks, _ = called.points(y)
    queries = called.queries(x)
    values = called.store(queries, points, n_blocks)
    tile = len(values)
    lanes = called.layout.lanes
    limits = np.nanquantile(values, 0.02, axis=1).astype(np.float32)
    limits[0] = np.nan  # lets everything pass
    got = np.zeros((tile, n_blocks + 3, lanes), np.float32)
    blocks = np.zeros((tile, n_blocks + 3), np.int32)
    counts = np.full(tile, 2, np.int32)  # appends behind what is there
    called.call(
        "select", np.resize(queries, (tile, 5)), points, n_blocks, 1000, called.parameters, limits, got, blocks, counts,
        n_blocks + 3,
    )  # fmt: skip
    for q in range(tile):
        rows = values[q].reshape(n_blocks, lanes)
        expected = [b for b in range(n_blocks) if (~(rows[b] >= limits[q])).any()]
        assert list(blocks[q, 2 : counts[q]] - 1000) == expected
        assert np.array_equal(got[q, 2 : counts[q]], rows[expected], equal_nan=True)


@pytest.mark.parametrize("target", runnable(), ids=lambda target: target.name)
@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
def test_look_and_descend(arithmetic: str, target: Target) -> None:
    """One block: the values of `store`, which of them are below a limit, and which is the smallest."""
    x, y = data(3, arithmetic, 170)
    y[50], y[70:90] = y[49], y[70]
    called = Called(FORMULAS["squares"], 3, arithmetic, target=target)
    points, n_blocks, _ = called.points(y)
    queries, lanes = called.queries(x), called.layout.lanes
    values = np.concatenate([called.store(q[None], points, n_blocks, one=True) for q in queries[: len(x)]])
    out = np.zeros(lanes, called.real)
    for b in range(n_blocks):
        block = np.ascontiguousarray(points[b * called.layout.block_bytes :])
        here = values[0, b * lanes : (b + 1) * lanes]
        for limit in (np.median(values), here.min(), -np.inf, np.nan):
            found = called.call(
                "look", queries[0].copy(), block, called.parameters, np.array([limit], called.real), out, result=c_int64
            )
            np.testing.assert_array_equal(out, here)
            assert found == sum(1 << i for i in range(lanes) if not here[i] >= called.real(limit))
    places = np.arange(len(x), dtype=np.int32) * 3 % n_blocks
    expected = values.reshape(len(x), n_blocks, lanes)[np.arange(len(x)), places]
    nearest = places * lanes + expected.argmin(axis=1)
    wide = np.full((len(x), lanes + 5), 7, called.real)
    called.call("descend", queries, len(x), points, called.parameters, places, wide, lanes + 5)
    np.testing.assert_array_equal(wide[:, :lanes], expected)
    assert (wide[:-1, lanes:] == 7).all()
    np.testing.assert_array_equal(places, nearest)


def test_descend_among_values_that_are_no_numbers() -> None:
    """Some lane of the block is named all the same."""
    y = np.random.default_rng(0).random((64, 2))
    y[:8], y[9], y[12:14] = np.nan, np.nan, np.inf
    called = Called(FORMULAS["squares"], 2, "float64")
    points, n_blocks, _ = called.points(y)
    queries, lanes = called.queries(y[40:41]), called.layout.lanes
    out = np.zeros((1, lanes))
    for b in range(n_blocks):
        places = np.array([b], np.int32)
        called.call("descend", queries, 1, points, called.parameters, places, out, lanes)
        assert b * lanes <= places[0] < (b + 1) * lanes


def test_select_of_nothing_touches_nothing() -> None:
    called = Called(FORMULAS["squares"], 4)
    counts = np.zeros(8, np.int32)
    called.call("select", counts, counts, 0, 0, called.parameters, counts, counts, counts, counts, 0)
    assert not counts.any()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 40), st.integers(1, 90), st.integers(0, 2**31))
def test_any_shape(dimension: int, n: int, seed: int) -> None:
    agree(FORMULAS["two sums"], *data(dimension, "float32", n, seed), "float32")


def test_select_of_a_bounded_plan_lets_everything_pass_where_the_limit_is_nan() -> None:
    """Such plans compare the smallest of several blocks; NaN values are theirs only where the limit is NaN as well."""
    expr = FORMULAS["squares"]
    plan = bilinear_plan(expr)
    assert plan is not None
    x, y = data(6, "float32", 500)
    called = Called(expr, 6, plan=plan)
    points, n_blocks, maxima = called.points(y)
    assert np.isfinite(maxima).all()
    queries = called.queries(x)
    values = called.store(queries, points, n_blocks)
    limits = np.quantile(values, 0.01, axis=1).astype(np.float32)
    limits[0] = np.nan
    tile, lanes = len(values), called.layout.lanes
    got, blocks = np.zeros((tile, n_blocks, lanes), np.float32), np.zeros((tile, n_blocks), np.int32)
    counts = np.zeros(tile, np.int32)
    group = np.resize(queries, (tile, queries.shape[1]))
    called.call("select", group, points, n_blocks, 0, called.parameters, limits, got, blocks, counts, n_blocks)
    for q in range(tile):
        rows = values[q].reshape(n_blocks, lanes)
        assert list(blocks[q, : counts[q]]) == [b for b in range(n_blocks) if (~(rows[b] >= limits[q])).any()]
    assert counts[0] == n_blocks


def test_a_nan_among_the_maxima_stays() -> None:
    """A row that is NaN voids the bound, wherever it stands."""
    expr = FORMULAS["squares"]
    for place in (0, 100, 199):
        _, y = data(6, "float32", 200)
        y[place, 3] = np.nan
        _, _, maxima = Called(expr, 6, plan=bilinear_plan(expr)).points(y)
        assert np.isnan(maxima).all()


def test_one_captured_array_used_twice_is_not_two() -> None:
    """Machine code is shared by formulas that differ in captured numbers, but not in how often each array occurs."""
    a, b = np.linspace(0.5, 1.5, 6), np.linspace(2.0, 3.0, 6)
    text = "sum(sqrt(x * p) * y + exp(-x * q) * y * y)"
    for p, q in ((a, b), (a, a), (b, a)):
        agree(formula(text, p=p, q=q), *data(6, "float32"), "float32", plan=value_plan(formula(text, p=p, q=q)))


def test_numbers_of_boxes() -> None:
    """Where a point's numbers are never NaN, fewer instructions find the same, and a query's NaN stays."""
    place = "minimum(maximum(x, y), point_field('box_high', 3))"
    called = Called(formula(f"sum((x - {place})**2) + sum(maximum(x - {place}, 0 * y))"), 3, "float64")
    rng = np.random.default_rng(0)
    low = rng.random((40, 3))
    points, n_blocks, _ = called.points(np.hstack([low, low + rng.random((40, 3))]))
    queries = called.queries(np.vstack([2 * rng.random((6, 3)), [[0.5, np.nan, 0.5]]]))
    found = []
    for ordered in (False, True):
        called.layout = replace(called.layout, ordered=ordered)
        for query in queries[:7]:
            out = np.zeros((n_blocks, called.layout.lanes))
            for b in range(n_blocks):
                block, limit = np.ascontiguousarray(points[b * called.layout.block_bytes :]), np.array([0.5])
                called.call("look", query.copy(), block, called.parameters, limit, out[b], result=c_int64)
            found.append(out)
    np.testing.assert_array_equal(found[:7], found[7:])
    assert np.isnan(found[6]).all()
    assert not np.isnan(found[:6]).any()
    code = [compile_kernels(replace(called.layout, ordered=o), ["look"]).objects["look"] for o in (False, True)]
    assert len(code[1]) < len(code[0])


def test_plain_queries() -> None:
    """A layout says whether its prepared queries are the raw ones."""
    x, _ = data(3, "float64")
    for text, plain in (("squares", True), ("logarithms", False)):
        called = Called(FORMULAS[text], 3, "float64", plan=rank_plan(FORMULAS[text]))
        assert called.layout.plain_query == plain
        assert np.array_equal(called.queries(x)[: len(x)], x) == plain
    assert not Called(formula("sum(abs(x - y)) * query_field('q')"), 3).layout.plain_query

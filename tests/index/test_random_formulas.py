"""Formulas nobody thought of: the search, the range search and the matrix give what NumPy gives in float64."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.formula.strategies import DIMENSION, formulas, rows
from tests.index.support import stored

import anear
from anear.formula import Expr, parse
from anear.formula.plan import fields

seeds = st.integers(0, 2**32 - 1)


def field_data(expr: Expr, side: str, n: int, seed: int) -> dict[str, np.ndarray]:
    """Numbers for the fields that a formula uses."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.uniform(0.1, 2, n if length is None else (n, length)).astype(np.float32)
        for name, length in fields(expr, side)
    }


def agrees(got: np.ndarray, exact: np.ndarray, unit: float) -> None:
    """Equal up to ``unit`` of the value and of the largest one around."""
    scale = np.abs(exact).max(initial=1e-30)
    assert (np.abs(got - exact) <= unit * (np.abs(exact) + 1e-3 * scale)).all()


@settings(max_examples=60)
@given(formulas(positive=True, fields=True), seeds, st.sampled_from(["float64", "float32", "float16"]))
def test_searches_agree_with_the_reference(expr: Expr, seed: int, storage: str) -> None:
    queries, points = (stored(r, storage) for r in rows(seed, queries=4, points=70, positive=True))
    point_data, query_data = field_data(expr, "point", 70, seed), field_data(expr, "query", 4, seed)
    index = anear.Index(points, expr, point_data=point_data)
    found = index.search(queries, 9, query_data=query_data)
    exact = expr.numpy(queries.astype(float), points.astype(float), point_data=point_data, query_data=query_data)
    ordered = np.sort(exact, axis=1)[:, :9]
    agrees(np.take_along_axis(exact, found.ids, axis=1), ordered, 1e-11)  # what was found is the nearest
    agrees(found.distances.astype(float), ordered, 1e-9 if found.distances.dtype == np.float64 else 1e-6)
    assert all(len(set(ids)) == 9 for ids in found.ids.tolist())
    table = anear.pairwise(queries, points, expr, point_data=point_data, query_data=query_data)
    agrees(table.astype(float), exact, 1e-9 if table.dtype == np.float64 else 1e-3)
    radii = ordered[:, 4] * (1 + 1e-9) + 1e-300
    inside = index.range_search(queries, radii, query_data=query_data)
    for q in range(4):
        reached = exact[q, inside.of(q).ids]
        assert (reached <= radii[q] * (1 + 1e-9)).all()
        assert len(reached) >= (exact[q] <= ordered[q, 4]).sum()
        assert np.isin(found.ids[q, :5], inside.of(q).ids).all()


@example(parse("rsqrt(prod(y))"), 0, "float64")  # products that are -0
@settings(max_examples=80)
@given(formulas(fields=True), seeds, st.sampled_from(["float64", "float32", "int8"]))
def test_the_filter_loses_nothing(expr: Expr, seed: int, storage: str) -> None:
    """Few of many neighbours are found by the compiled filter, all of them by the formula itself, on any formula."""
    queries, points = (stored(3 * r, storage) for r in rows(seed, queries=3, points=300))
    point_data, query_data = field_data(expr, "point", 300, seed), field_data(expr, "query", 3, seed)
    index = anear.Index(points, expr, point_data=point_data)
    everything = index.search(queries, 300, query_data=query_data)
    for k in (1, 7, 60):
        few = index.search(queries, k, query_data=query_data)
        assert few.distances.tobytes() == everything.distances[:, :k].tobytes()
        assert np.array_equal(few.ids, everything.ids[:, :k])
    radii = everything.distances[:, 20].astype(np.float64)
    found = index.range_search(queries, radii, query_data=query_data)
    for q in range(3):
        inside = everything.ids[q][everything.distances[q] < radii[q]]  # reported distances are rounded
        assert np.isin(inside[inside >= 0], found.of(q).ids).all()


@settings(max_examples=60)
@given(formulas(fields=True), seeds)
def test_any_formula_at_all_is_searched_without_a_crash(expr: Expr, seed: int) -> None:
    queries, points = (r.astype(np.float32) for r in rows(seed, queries=3, points=40))
    point_data, query_data = field_data(expr, "point", 40, seed), field_data(expr, "query", 3, seed)
    index = anear.Index(points, expr, point_data=point_data)
    found = index.search(queries, 45, query_data=query_data)
    exact = expr.numpy(queries.astype(float), points.astype(float), point_data=point_data, query_data=query_data)
    for q in range(3):
        ids = found.ids[q][found.ids[q] >= 0]
        assert len(set(ids.tolist())) == len(ids)
        reported = found.distances[q]
        assert (reported[1:] >= reported[:-1]).all()
        assert (found.ids[q][len(ids) :] == -1).all()
    assert anear.pairwise(queries, points, expr, point_data=point_data, query_data=query_data).shape == exact.shape
    assert points.shape[1] == DIMENSION

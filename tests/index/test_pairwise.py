"""Matrices of distances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.index.support import STORAGE, stored

import anear

RNG = np.random.default_rng(11)
POINTS = RNG.uniform(1, 100, (333, 9))
QUERIES = RNG.uniform(1, 100, (21, 9))


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("formula", ["euclidean", "manhattan", "kldivgen", "sum(abs(x - y)**0.7)", "max(x / y)"])
def test_the_matrix_is_the_formula(storage: str, formula: str) -> None:
    points, queries = stored(POINTS, storage), stored(QUERIES, storage)
    exact = anear.Index(points, formula).formula.numpy(queries.astype(np.float64), points.astype(np.float64))
    table = anear.pairwise(queries, points, formula)
    assert table.dtype == (np.float64 if storage == "float64" else np.float32)
    unit = 1e-12 if storage == "float64" else 3e-6
    assert (np.abs(table - exact) <= unit * (np.abs(exact) + np.abs(exact).max())).all()
    np.testing.assert_allclose(
        anear.pairwise(queries[3], points, formula), table[3], rtol=1e-14 if unit < 1e-9 else 1e-5
    )
    out = np.full(table.shape, np.nan, table.dtype)
    assert anear.pairwise(queries, points, formula, out=out) is out
    np.testing.assert_array_equal(out, table)


@pytest.mark.parametrize(("nq", "n"), [(1, 1), (1, 333), (2, 7), (6, 64), (7, 65), (21, 1)])
def test_every_shape(nq: int, n: int) -> None:
    exact = np.abs(QUERIES[:nq, None] - POINTS[None, :n]).sum(-1)
    np.testing.assert_allclose(anear.pairwise(QUERIES[:nq], POINTS[:n], "manhattan"), exact, rtol=1e-12)


def test_one_set_against_itself() -> None:
    table = anear.pairwise(QUERIES, distance="manhattan")
    np.testing.assert_array_equal(table, anear.pairwise(QUERIES, QUERIES, "manhattan"))
    np.testing.assert_array_equal(np.diag(table), 0)


def test_into_a_file(tmp_path: Path) -> None:
    out = np.memmap(tmp_path / "table", np.float64, "w+", shape=(21, 333))
    assert anear.pairwise(QUERIES, POINTS, out=out) is out
    np.testing.assert_array_equal(out, anear.pairwise(QUERIES, POINTS))


def test_into_a_vector() -> None:
    out = np.empty(333)
    assert anear.pairwise(QUERIES[0], POINTS, out=out) is out
    np.testing.assert_array_equal(out, anear.pairwise(QUERIES[0], POINTS))


def test_fields_of_both_sides() -> None:
    rng = np.random.default_rng(1)
    s, q = rng.random(333), rng.random(21)
    formula = anear.formula("sum(abs(x - y)) * point_field('s') + query_field('q')")
    table = anear.pairwise(QUERIES, POINTS, formula, point_data={"s": s}, query_data={"q": q})
    exact = formula.numpy(QUERIES, POINTS, point_data={"s": s}, query_data={"q": q})
    np.testing.assert_allclose(table, exact, rtol=1e-12)
    both = anear.pairwise(QUERIES, None, formula, point_data={"s": s[:21]}, query_data={"q": q})
    np.testing.assert_allclose(both, formula.numpy(QUERIES, QUERIES, {"s": s[:21]}, {"q": q}), rtol=1e-12)

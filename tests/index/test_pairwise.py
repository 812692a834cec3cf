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


GUARDED = ["euclidean", "sqeuclidean", "angular", "hellinger", "kldivgen", "itakura_saito", "sqrt(sum((x - y)**2)) + 1"]


def clustered(storage: str, spread: float, rows: int = 300, columns: int = 20) -> np.ndarray:
    """Rows about a few centres: most distances are large, those within a cluster small."""
    rng = np.random.default_rng(5)
    centres = rng.uniform(1, 100, (60, columns))
    return stored(centres[rng.integers(60, size=rows)] + rng.uniform(0, spread, (rows, columns)), storage)


@pytest.mark.parametrize("storage", ["float32", "float64", "uint8", "bfloat16"])
@pytest.mark.parametrize("spread", [0.0, 1e-3, 1.0, 30.0])
@pytest.mark.parametrize("formula", GUARDED)
def test_an_expanded_form_keeps_the_digits_of_small_distances(storage: str, spread: float, formula: str) -> None:
    points = clustered(storage, spread)
    index = anear.Index(points, formula)
    plain = points.astype(np.float64)
    exact = index.formula.numpy(plain, plain)
    table = anear.pairwise(points, points, formula)
    unit = 1e-14 if storage == "float64" else 4e-6
    # What the direct forms lose: those of divergences are differences of sums, those two round what they prepare.
    size = {"kldivgen": plain.max() * 20, "itakura_saito": 20, "angular": 0.05, "hellinger": np.sqrt(plain.max())}
    assert (np.abs(table - exact) <= unit * (np.abs(exact) + size.get(formula, 0.0))).all()


@pytest.mark.parametrize("storage", ["float32", "float64"])
@pytest.mark.parametrize("formula", ["euclidean", "sqeuclidean", "hellinger", "manhattan"])
def test_equal_rows_are_at_distance_zero(storage: str, formula: str) -> None:
    points = clustered(storage, 1e-6)
    np.testing.assert_array_equal(np.diag(anear.pairwise(points, points.copy(), formula)), 0)
    same = np.repeat(points[:1], 100, axis=0)  # every value has to be computed by itself
    np.testing.assert_array_equal(anear.pairwise(same, same, formula), 0)


@pytest.mark.parametrize("offset", [1e3, 1e6])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_far_from_the_origin(offset: float, share: float) -> None:
    """There an expanded form has no digits left, for all points or some."""
    rng = np.random.default_rng(6)
    points = rng.standard_normal((700, 12)).astype(np.float32)
    points[rng.random(700) < share] += np.float32(offset)
    plain = points.astype(np.float64)
    exact = np.sqrt(((plain[:600, None] - plain[None]) ** 2).sum(-1))
    np.testing.assert_allclose(anear.pairwise(points[:600], points), exact, rtol=4e-6)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_give_the_same_bits_where_forms_change(threads: int) -> None:
    rng = np.random.default_rng(7)
    points = np.sort(rng.uniform(0, 1, (3000, 3)).astype(np.float32) ** 8, axis=0) + 3
    expected = anear.pairwise(points[:1200], points, num_threads=1)
    np.testing.assert_array_equal(anear.pairwise(points[:1200], points, num_threads=threads), expected)


@pytest.mark.parametrize("formula", ["euclidean", "sqeuclidean", "sum((x - y)**2)"])
def test_what_is_not_finite_stays_so_in_large_matrices(formula: str) -> None:
    rng = np.random.default_rng(8)
    points = rng.standard_normal((400, 5)).astype(np.float32)
    points[::9, 1], points[::50, 3], points[7, 0], points[8] = np.nan, np.inf, -np.inf, 1e15
    plain = points.astype(np.float64)
    with np.errstate(all="ignore"):
        exact = ((plain[:, None] - plain[None]) ** 2).sum(-1)
        exact = (np.sqrt(exact) if formula == "euclidean" else exact).astype(np.float32)
    table = anear.pairwise(points, points, formula, allow_nan=True)
    np.testing.assert_allclose(table, exact, rtol=4e-6)


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

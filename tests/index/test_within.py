"""``ids_within`` and ``pairs_within``: the points of ``range_search``, and every two of them once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import anear

Rows = npt.NDArray[Any]
METHODS = ("flat", "kd_tree", "ball_tree", "auto")


def lattice(n: int, dimension: int, storage: Any = np.float64) -> Rows:
    """Points with many duplicates and many equal distances, none of them 0 in a coordinate."""
    return (np.random.default_rng(n).integers(0, 5, (n, dimension)) / 4 + 0.25).astype(storage)


def distances(queries: Rows, points: Rows, formula: Any) -> Rows:
    """Exact distances, (queries, points); infinite where there is none."""
    wide = points.astype(np.float64)
    found = anear.Index(wide, formula).range_search(queries.astype(np.float64), np.inf)
    matrix = np.full((len(queries), len(points)), np.inf)
    matrix[np.repeat(np.arange(len(queries)), np.diff(found.offsets)), found.ids] = found.distances
    return matrix


def check(index: anear.Index, queries: Rows, radius: Any) -> None:
    found = index.range_search(queries, radius)
    plain = index.ids_within(queries, radius)
    measured = index.ids_within(queries, radius, distances=True, num_threads=3)
    assert plain.distances is None
    assert measured.distances is not None
    rows = np.repeat(np.arange(len(queries)), np.diff(found.offsets))
    expected, order = np.lexsort((found.ids, rows)), np.lexsort((measured.ids, rows))
    for one in (plain, measured):
        np.testing.assert_array_equal(one.offsets, found.offsets)
    np.testing.assert_array_equal(plain.ids, found.ids[expected])
    np.testing.assert_array_equal(measured.ids[order], found.ids[expected])
    np.testing.assert_array_equal(measured.distances[order].astype(found.distances.dtype), found.distances[expected])
    if np.ndim(radius) == 0:
        for i, query in enumerate(queries[:4]):
            here = slice(*plain.offsets[i : i + 2])
            for asked in (query, query[::-1][::-1], query.tolist()):  # plain, perhaps askew in memory, not an array
                alone = index.ids_within(asked, float(radius))
                np.testing.assert_array_equal(alone.ids, plain.ids[here])
                np.testing.assert_array_equal(alone.offsets, [0, len(alone.ids)])


def check_pairs(index: anear.Index, radius: float, matrix: Rows) -> None:
    near = np.argwhere(np.triu((matrix <= radius) & (matrix < np.inf), 1))
    for team in (1, 3):
        plain, measured = (index.pairs_within(radius, distances=d, num_threads=team) for d in (False, True))
        assert plain.distances is None
        assert measured.distances is not None
        for found in (plain, measured):
            np.testing.assert_array_equal(found.ids[np.lexsort(found.ids.T[::-1])], near)
        np.testing.assert_array_equal(measured.distances, matrix[measured.ids[:, 0], measured.ids[:, 1]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("storage", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("distance", ["euclidean", "manhattan", "chebyshev"])
def test_equal_distances_and_duplicates(method: str, storage: Any, distance: str) -> None:
    index = anear.Index(lattice(300, 3, storage), distance, method=method)
    matrix = distances(index.points, index.points, index.formula)
    for radius in (0.0, 0.25, 0.5, 0.75, 1.0, 100.0, -1.0, np.inf):
        check(index, lattice(40, 3, storage), radius)
        check_pairs(index, radius, matrix)


@pytest.mark.parametrize("method", ["flat", "kd_tree", "auto"])
@pytest.mark.parametrize("distance", ["kldivgen", "itakura_saito", "canberra", "sum(abs(x - y) ** 0.5)", "cosine"])
def test_any_formula(method: str, distance: str) -> None:
    points = np.random.default_rng(1).random((900, 4)) + 1e-3
    index = anear.Index(points, distance, method=method)
    radii = np.quantile(distances(points[:50], points, index.formula), [0.01, 0.3], axis=1)
    for radius in radii:
        check(index, points[:50] * 1.01, radius)
    if distance in ("canberra", "sum(abs(x - y) ** 0.5)"):
        check_pairs(index, float(radii.min()), distances(points, points, index.formula))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.sampled_from([1, 2, 5]), st.floats(0, 3), st.integers(0, 10**6))
def test_every_size(n: int, dimension: int, radius: float, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n, dimension)).round(1)
    for method in ("flat", "kd_tree"):
        index = anear.Index(points, "euclidean", method=method)
        check(index, points[:20], radius)
        check_pairs(index, radius, distances(points, points, "euclidean"))


def test_pairs_need_no_exact_distance() -> None:
    index = anear.Index(np.random.default_rng(2).random((5000, 2)), method="kd_tree")
    before = index.distances_computed
    pairs = index.pairs_within(0.05)
    now = index.distances_computed
    assert len(pairs.ids) > 50_000
    assert now.exact - before.exact < 50
    assert now.scanned - before.scanned < 5000 * 5000 / 20


def test_points_that_were_removed_or_have_names() -> None:
    points = lattice(60, 2)
    index = anear.Index(points, "manhattan", ids=np.arange(100, 160))
    index.remove([103, 110, 159])
    left = np.setdiff1d(np.arange(60), [3, 10, 59])
    matrix = distances(points[left], points[left], "manhattan")
    expected = {(int(left[i]) + 100, int(left[j]) + 100) for i, j in np.argwhere(np.triu(matrix <= 0.5, 1))}
    assert set(map(tuple, index.pairs_within(0.5).ids.tolist())) == expected
    assert set(index.ids_within(points[:1], np.inf).ids.tolist()) == set((left + 100).tolist())


def test_a_point_without_distances() -> None:
    points = np.array([[0.0, 1.0], [np.nan, 1.0], [0.5, 1.0], [np.inf, 1.0]])
    for method in ("flat", "kd_tree"):
        index = anear.Index(points, "manhattan", method=method, allow_nan=True)
        assert index.pairs_within(1.0).ids.tolist() == [[0, 2]]
        assert index.ids_within(points[:1], np.inf).ids.tolist() == [0, 2, 3]


def test_what_is_refused() -> None:
    points = lattice(9, 2)
    with pytest.raises(anear.ArgumentError, match="symmetric"):
        anear.Index(points, "kldivgen").pairs_within(1.0)
    index = anear.Index(points)
    with pytest.raises(anear.ArgumentError, match="one number"):
        index.pairs_within([1.0, 2.0])  # type: ignore[arg-type]
    with pytest.raises(anear.ArgumentError, match="nan"):
        index.pairs_within(float("nan"))
    with pytest.raises(anear.ArgumentError, match="radius has shape"):
        index.ids_within(points, [1.0])

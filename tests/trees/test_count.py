"""Counts within a radius are those of the points found, on the radius itself, on ties and without a bound."""

from __future__ import annotations

import numpy as np
import pytest

import anear

DISTANCES = ("euclidean", "l1", "kldiv", "sum(abs(x - y) ** 0.5)", "cosine", "hamming", "canberra", "-dot(x, y)")


@pytest.mark.parametrize("method", ["flat", "kd_tree"])
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counts(method: str, distance: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    points = np.round(rng.dirichlet(np.ones(4), 1500), 2) + 0.01
    points = (points / points.sum(axis=1, keepdims=True)).astype(dtype)
    index = anear.Index(points, distance, method=method, check_domain=False)
    queries = np.concatenate([points[:20], rng.dirichlet(np.ones(4), 20).astype(dtype)])
    # the distance of a point itself, one float to either side of it, and far away
    exact = np.sort(index.formula.numpy(queries.astype(np.float64), points.astype(np.float64)), axis=1)[:, 70]
    for radius in (exact, np.nextafter(exact, -np.inf), np.nextafter(exact, np.inf), exact + 10, exact - 10):
        found = index.range_search(queries, radius)
        np.testing.assert_array_equal(index.count(queries, radius), np.diff(found.offsets))
    everything = index.count(queries, np.inf)
    np.testing.assert_array_equal(everything, 1500)


@pytest.mark.parametrize("method", ["flat", "kd_tree", "ball_tree", "auto"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("distance", ["euclidean", "l1"])
def test_pairs(method: str, dtype: str, distance: str) -> None:
    """Of many radii at once, in any order and on distances themselves: what single counts add up to."""
    rng = np.random.default_rng(2)
    points = np.round(rng.normal(size=(3001, 3)), 1).astype(dtype)
    index = anear.Index(points, distance, method=method)
    queries = np.concatenate([points[:80], rng.normal(size=(40, 3)).astype(dtype)])
    exact = index.formula.numpy(queries.astype(np.float64), points.astype(np.float64))
    some = rng.choice(exact.ravel(), 6)
    radii = np.concatenate([some, np.nextafter(some, -np.inf), np.nextafter(some, np.inf), [0.0, -1, 0.3, 9, np.inf]])
    expected = [np.count_nonzero(exact <= radius) for radius in radii]
    np.testing.assert_array_equal(index.count_pairs(queries, radii), expected)
    np.testing.assert_array_equal(index.count_pairs(queries, radii[0]), expected[:1])
    assert index.count_pairs(queries, []).shape == (0,)
    with pytest.raises(anear.ArgumentError, match="radius"):
        index.count_pairs(queries, [0.1, np.nan])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("distance", ["euclidean", "l1", "kldiv", "canberra"])
def test_whole_cells_count_at_once(dtype: str, distance: str) -> None:
    points = np.random.default_rng(3).dirichlet(np.ones(3), 40_000).astype(dtype)
    index = anear.Index(points, distance, method="kd_tree")
    queries = points[:10]
    radius = np.median(index.formula.numpy(queries.astype(np.float64), points.astype(np.float64)), axis=1)
    before = index.distances_computed.scanned
    found = index.count(queries, radius)
    assert index.distances_computed.scanned - before < found.sum() / 4
    np.testing.assert_array_equal(found, np.diff(index.range_search(queries, radius).offsets))


def test_few_exact_distances_are_computed() -> None:
    """Only where the computed value does not decide."""
    points = np.random.default_rng(1).random((20_000, 2))
    index = anear.Index(points, method="kd_tree")
    assert index.count(points[:50], 0.2).sum() > 100_000
    assert index.distances_computed.exact < 100

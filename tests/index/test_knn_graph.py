"""knn_graph: nearly every point's nearest, with true distances, the recall it says, on any number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anear
from anear.errors import ArgumentError

RNG = np.random.default_rng(5)
POINTS = RNG.standard_normal((4000, 10)).astype(np.float32)
HISTOGRAMS = RNG.dirichlet([0.5] * 12, 3000) + 1e-4


@pytest.mark.parametrize(
    ("distance", "points"),
    [
        ("euclidean", POINTS),
        ("negdotprod", POINTS[:3000]),
        ("kldiv", HISTOGRAMS),
        ("itakura_saito", HISTOGRAMS),
        ("jensen_shannon", HISTOGRAMS.astype(np.float32)),
        ("manhattan", (40 * POINTS[:2000]).astype(np.int8)),
    ],
)
def test_nearly_all_neighbours_with_true_distances(distance: str, points: Any) -> None:
    gold = anear.knn(points, k=8, distance=distance, check_domain=False)
    found = anear.knn_graph(points, k=8, distance=distance, check_domain=False, sample=len(points))
    ids, distances = found
    assert np.all(ids != np.arange(len(points))[:, None])
    assert np.all(np.diff(distances, axis=1) >= 0)
    assert all(len(set(row)) == 8 for row in ids.tolist())
    same = distances <= gold.distances[:, -1:]
    assert same.mean() > 0.97
    assert found.recall == pytest.approx(same.mean(), abs=1e-12)
    assert found.recall - 0.03 < found.recall_low <= found.recall
    hit = ids == gold.ids
    np.testing.assert_array_equal(distances[hit], gold.distances[hit])


def test_the_same_on_any_number_of_threads() -> None:
    one, two, three = (anear.knn_graph(POINTS, k=6, num_threads=n) for n in (1, 2, 3))
    for other in (two, three):
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_array_equal(one.distances, other.distances)
        assert (one.recall, one.recall_low, one.sampled) == (other.recall, other.recall_low, other.sampled)


@pytest.mark.parametrize("count", [1, 2, 9, 60])
def test_few_points_are_searched_exactly(count: int) -> None:
    gold = anear.knn(POINTS[:count], k=12)
    found = anear.knn_graph(POINTS[:count], k=12)
    np.testing.assert_array_equal(found.ids, gold.ids)
    np.testing.assert_array_equal(found.distances, gold.distances)
    assert found.recall == 1
    assert found.sampled == count


def test_worse_options_are_seen_in_the_recall() -> None:
    poor = anear.knn_graph(POINTS, k=10, options={"NN": 10, "trees": 1, "rho": 0.1, "delta": 0.5}, sample=4000)
    good = anear.knn_graph(POINTS, k=10, sample=4000)
    assert poor.recall < 0.8 < 0.95 < good.recall
    assert np.isnan(anear.knn_graph(POINTS, k=10, sample=0).recall)


def test_points_without_distances() -> None:
    points = POINTS[:500].copy()
    points[7] = np.nan
    found = anear.knn_graph(points, k=4, allow_nan=True, sample=500)
    assert np.all(found.ids[7] == -1)
    assert not np.any(found.ids == 7)
    assert found.recall > 0.97


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"k": 0}, "k is 0"),
        ({"sample": -1}, "sample is -1; allowed: a whole number from 0 to"),
        ({"options": {"nn": 5}}, r"options\['nn'\] is 5; allowed: a whole number from k = 10 on"),
        ({"options": {"m": 5}}, "nn_descent has nn, rho, delta, trees"),
        ({"distance": "sum(abs(x - y)) * query_field('w')"}, "query_field"),
    ],
)
def test_wrong_arguments(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        anear.knn_graph(POINTS[:50], **more)

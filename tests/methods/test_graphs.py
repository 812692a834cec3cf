"""Every method that walks through a graph, present and to come: what it finds beside a scan, the same on any number of
threads, under filters, for few and equal points, and what it says to wrong parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import anear
from anear.errors import ArgumentError
from anear.index.methods import GRAPHS, checked_options

Array = npt.NDArray[Any]
RNG = np.random.default_rng(11)


def clusters(n: int, d: int) -> Array:
    """Clusters apart from each other, one of them of a handful of points."""
    centres = RNG.random((20, d))
    points = centres[RNG.integers(0, 20, n)] + 0.06 * RNG.standard_normal((n, d))
    points[:5] = 5.0 + 0.01 * RNG.standard_normal((5, d))
    return points[RNG.permutation(n)].astype(np.float32)


CLUSTERED = clusters(2700, 20)
HISTOGRAMS = RNG.dirichlet([0.4] * 16, 2700).astype(np.float32) + np.float32(1e-4)
HISTOGRAMS /= HISTOGRAMS.sum(axis=1, keepdims=True)
DIRECTIONS = RNG.standard_normal((2700, 12)).astype(np.float32)
CASES = [
    ("euclidean", CLUSTERED),
    ("manhattan", CLUSTERED),
    ("cosine", DIRECTIONS),
    ("negdotprod", DIRECTIONS),
    ("kldiv", HISTOGRAMS),
    ("itakura_saito", HISTOGRAMS),
    ("jensen_shannon", HISTOGRAMS),
    ("sum(x * log(x / y))", HISTOGRAMS),
]


def recall(found: anear.Neighbors, gold: anear.Neighbors) -> float:
    """The share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.ids, gold.ids, strict=True)]))


@pytest.mark.parametrize(("distance", "points"), CASES, ids=[name for name, _ in CASES])
@pytest.mark.parametrize("method", GRAPHS)
def test_finds_nearly_all(method: str, distance: str, points: Array) -> None:
    gold = anear.knn(points[:2500], points[2500:], distance=distance)
    index = anear.Index(points[:2500], distance, method=method)
    assert recall(index.search(points[2500:], ef=150), gold) > 0.95
    assert recall(index.search(points[2500:], ef=10), gold) < recall(index.search(points[2500:], ef=150), gold)


@pytest.mark.parametrize("method", GRAPHS)
def test_every_point_is_reached(method: str) -> None:
    index = anear.Index(CLUSTERED, method=method)
    found = index.search(CLUSTERED, k=1, ef=len(CLUSTERED))
    np.testing.assert_array_equal(found.ids[:, 0], np.arange(len(CLUSTERED)))


@pytest.mark.parametrize("method", GRAPHS)
def test_the_same_on_any_number_of_threads(method: str) -> None:
    points = HISTOGRAMS[:2000]
    answers = [anear.Index(points, "kldiv", method=method, num_threads=n).search(points, k=5, ef=5) for n in (1, 2, 3)]
    np.testing.assert_array_equal(answers[0].ids, answers[1].ids)
    np.testing.assert_array_equal(answers[0].ids, answers[2].ids)
    other = anear.Index(points, "kldiv", method=method, options={"seed": 5}).search(points, k=5, ef=5)
    assert not np.array_equal(answers[0].ids, other.ids)


@pytest.mark.parametrize("method", GRAPHS)
@pytest.mark.parametrize("count", [1, 2, 3, 20, 300])
def test_few_and_equal_points(method: str, count: int) -> None:
    index = anear.Index(np.ones((count, 3)), method=method)
    found = index.search(np.zeros(3), k=count + 1, ef=count)
    assert sorted(found.ids) == [-1, *range(count)]
    spread = RNG.random((count, 3))
    gold = anear.knn(spread, spread, k=min(count, 4))
    found = anear.Index(spread, method=method).search(spread, k=min(count, 4), ef=max(count, 4))
    np.testing.assert_array_equal(found.ids, gold.ids)


@pytest.mark.parametrize("life", [False, True])
@pytest.mark.parametrize("method", GRAPHS)
def test_copies_are_no_island(method: str, life: bool) -> None:
    """A twentieth of the points is 0, which lies between all others: walks come through there."""
    points = np.random.default_rng(14).normal(size=(6000, 16)).astype(np.float32)
    points[::20] = 0
    queries = points[1::61]
    if life:
        index = anear.Index(points[:3000], method=method)
        index.add(points[3000:])
        index.remove(np.arange(0, 400))
    else:
        index = anear.Index(points, method=method)
    gold = anear.Index(index.points).search(queries, 10).distances
    found = index.search(queries, 10, ef=100).distances
    assert (found <= gold + 1e-6).mean() > 0.85
    assert index.check().ok


@pytest.mark.parametrize("method", GRAPHS)
def test_points_without_a_distance_are_left_alone(method: str) -> None:
    points = CLUSTERED[:600].copy()
    points[::7, 3] = np.nan
    index = anear.Index(points, method=method, allow_nan=True)
    gold = anear.Index(points, allow_nan=True).search(points[1::7], k=5)
    assert recall(index.search(points[1::7], k=5, ef=200), gold) > 0.9


@pytest.mark.parametrize("method", GRAPHS)
def test_filters_leave_only_what_is_allowed(method: str) -> None:
    allowed = np.flatnonzero(np.arange(len(CLUSTERED)) % 4 == 0)
    found = anear.Index(CLUSTERED, method=method).search(CLUSTERED[:100], k=5, ef=300, allow=allowed)
    assert set(found.ids.ravel()) <= set(allowed)
    assert recall(found, anear.Index(CLUSTERED).search(CLUSTERED[:100], k=5, allow=allowed)) > 0.9


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("nn_descent", {"rho": 0}, r"options\['rho'\] is 0; allowed: a number from 0.01 to 1"),
        ("nn_descent", {"NN": 1}, r"options\['nn'\] is 1; allowed: a whole number from 2 to 512"),
        ("nn_descent", {"detla": 0.1}, "did you mean 'delta'"),
        ("sw_graph", {"NN": 0}, r"options\['nn'\] is 0; allowed: a whole number from 1 to 512"),
        ("sw_graph", {"initIndexAttempt": 0}, "did you mean 'init_index_attempts'"),
        ("vamana", {"alpha": 0.9}, r"options\['alpha'\] is 0.9; allowed: a number from 1 to 4"),
        ("vamana", {"R": True}, r"options\['r'\] is True; allowed: a whole number"),
    ],
)
def test_wrong_options(method: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        anear.Index(CLUSTERED, method=method, options=options)


def test_nmslib_spellings_of_the_small_world() -> None:
    names = {"NN": 6, "efConstruction": 20, "initIndexAttempts": 1, "initSearchAttempts": 1, "efSearch": 12}
    index = anear.Index(CLUSTERED, method="sw_graph", options=names)
    np.testing.assert_array_equal(index.search(CLUSTERED[:50]).ids, index.search(CLUSTERED[:50], ef=12).ids)
    more = anear.Index(CLUSTERED, method="sw_graph", options=names | {"initIndexAttempts": 30})
    assert not np.array_equal(index.search(CLUSTERED[:500]).ids, more.search(CLUSTERED[:500]).ids)
    wide = anear.Index(CLUSTERED, method="sw_graph", options=names | {"initSearchAttempts": 500})
    assert wide.distances_computed.building == index.distances_computed.building
    before = index.distances_computed.scanned
    for one in (index, wide):
        one.search(CLUSTERED[:20])
    assert wide.distances_computed.scanned > index.distances_computed.scanned - before + 20 * 400


def test_alpha_keeps_more_links_where_ranks_have_ratios() -> None:
    """And is 1 where they have none: the same graph."""

    def computed(distance: str, points: Array, alpha: float) -> int:
        index = anear.Index(points, distance, method="vamana", options={"alpha": alpha, "R": 64})
        index.search(points[:300], ef=20)
        return index.distances_computed.scanned

    assert computed("euclidean", CLUSTERED, 1.5) > 1.1 * computed("euclidean", CLUSTERED, 1.0)
    assert computed("negdotprod", DIRECTIONS, 1.5) == computed("negdotprod", DIRECTIONS, 1.0)


@pytest.mark.parametrize("method", GRAPHS)
def test_every_option_and_its_default_is_documented(method: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "graphs.md").read_text()
    section = text.split(f"## {method}\n")[1].split("\n## ")[0]
    for name, value in checked_options(method, None).items():
        if name in ("seed", "codes"):
            assert f"`{name}` (0" in text
        elif name == "index_distance":
            assert f"`{name}`" in text
        else:
            line = next(line for line in section.splitlines() if line.startswith("| ") and f"`{name}`" in line)
            assert line.split("|")[2].strip() == f"{value:g}"

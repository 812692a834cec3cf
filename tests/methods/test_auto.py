"""method="auto": the answers of a scan whatever it chooses, and a choice that fits the data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.index.support import same

import anear
from anear.errors import ArgumentError
from anear.index.costs import Cost, Costs
from anear.index.either import Either

RNG = np.random.default_rng(6)
DISTANCES = ("euclidean", "kldivgen", "cosine", "x[0] * y[1] + sum(x*y)")


def check(points: npt.NDArray[Any], queries: npt.NDArray[Any], distance: str, k: int = 10) -> anear.Index:
    """Every search of auto gives what a scan gives."""
    flat, auto = anear.Index(points, distance), anear.Index(points, distance, method="auto")
    found = flat.search(queries, k)
    assert same(auto.search(queries, k), found)
    assert same(auto.search(queries[0], k), flat.search(queries[0], k))
    radii = np.nan_to_num(found.distances[:, k // 2].astype(np.float64), posinf=1.0)
    assert same(auto.range_search(queries, radii), flat.range_search(queries, radii))
    assert (auto.count(queries, radii) == np.diff(flat.range_search(queries, radii).offsets)).all()
    return auto


def rows(n: int, d: int) -> npt.NDArray[np.float32]:
    return (RNG.random((n, d)) + 0.01).astype(np.float32)


SCANNED = "\n  method          flat: trees exclude too little"


def in_many_dimensions() -> tuple[npt.NDArray[np.float32], anear.Index]:
    """Points, and what is chosen for them. Of one query alone a tree takes but half as long again as a scan, so that a
    busy moment may hide it: the first choice of five that is a scan, or the last."""
    points = rows(20_000, 80)
    for _ in range(5):
        index = anear.Index(points, method="auto")
        if SCANNED in index.explain().text:
            break
    return points, index


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize(("n", "d"), [(3, 2), (3000, 3), (3000, 40)])
def test_the_answers_are_those_of_a_scan(distance: str, n: int, d: int) -> None:
    check(rows(n, d), rows(70, d), distance)


def test_many_dimensions_are_scanned_and_few_are_not() -> None:
    assert "\n  method          kd_tree" in anear.Index(rows(20_000, 2), method="auto").explain().text
    assert SCANNED in in_many_dimensions()[1].explain().text
    assert "a scan" not in anear.Index(rows(50, 2), method="auto").explain().text


def test_what_was_measured_and_proved_is_explained() -> None:
    text = anear.Index(rows(5000, 2), method="auto").explain().text
    assert "neighbours, scanning" in text
    assert "of the 5000 points" in text
    balls = anear.Index(rows(5000, 2), method="ball_tree").explain().text
    assert "a point in a ball is at least as far as the ball's centre less its radius" in balls
    assert "the triangle inequality: absolute differences" in balls


def test_queries_with_fields_are_scanned_for() -> None:
    points, queries = rows(2000, 3), rows(9, 3)
    weights = np.arange(1.0, 10.0, dtype=np.float32)
    index = anear.Index(points, "query_field('w') * sum(abs(x - y))", method="auto")
    flat = anear.Index(points, "query_field('w') * sum(abs(x - y))")
    assert same(index.search(queries, 4, query_data={"w": weights}), flat.search(queries, 4, query_data={"w": weights}))
    assert "queries have fields" in index.explain().text


def test_filters_exclusions_and_large_k() -> None:
    points = rows(20_000, 3)
    flat, auto = (anear.Index(points, method=method) for method in ("flat", "auto"))
    allow = np.flatnonzero(RNG.random(20_000) < 0.002)
    assert same(auto.search(points[:300], 5, allow=allow), flat.search(points[:300], 5, allow=allow))
    assert same(auto.self_search(3), flat.self_search(3))
    assert same(auto.search(points[:3], 7000), flat.search(points[:3], 7000))


def test_it_has_no_options() -> None:
    with pytest.raises(ArgumentError, match="auto has none"):
        anear.Index(rows(9, 2), method="auto", options={"split": "spread"})


def test_a_saved_index_answers_alike(tmp_path: Any) -> None:
    index = anear.Index(rows(3000, 3), method="auto")
    index.save(tmp_path / "index")
    assert same(anear.load(tmp_path / "index").search(index.points[:9], 4), index.search(index.points[:9], 4))


def made(points: npt.NDArray[Any], block: float, scan: float, alone: float = 0.0) -> tuple[anear.Index, Either]:
    """An index whose costs are made up, so that what it does is certain; ``alone``: a scan for one query, if dearer."""
    index = anear.Index(points, method="kd_tree")
    cost = Cost(20 * block, 1.0, block, 0.0, scan, max(scan, alone))
    core = Either(index._built.core, lambda: anear.Index(points)._built.core, Costs((10, 100), cost, cost), len(points))
    index._use(replace(index._built, core=core))
    return index, core


@pytest.mark.parametrize("scan", [1.0, 200.0, 1e4, 1e9])
@pytest.mark.parametrize("count", [1, 5, 33, 500])
def test_queries_that_give_up_are_answered(scan: float, count: int) -> None:
    points = rows(4000, 8)
    flat, (index, _) = anear.Index(points), made(points, 100.0, scan)
    queries = np.concatenate([rows(count, 8)[: count // 2], 10 * rows(count, 8)[count // 2 :]])
    for _ in range(3):
        for k in (1, 10, 100):
            assert same(index.search(queries, k), flat.search(queries, k))
    for radius in (0.1, 0.5, 8.0):
        assert same(index.range_search(queries, radius), flat.range_search(queries, radius))
        assert (index.count(queries, radius) == flat.count(queries, radius)).all()


def test_the_few_that_give_up_go_down_again_and_are_answered() -> None:
    points = RNG.normal(size=(20_000, 4)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    queries = points[:500] + np.float32(1e-3)
    queries[[7, 400]] = 0  # the middle of a sphere on which all points lie: every leaf is looked at
    flat, (index, core) = anear.Index(points), made(points, 200.0, 20_000.0, 5e6)
    for k in (1, 10):
        for _ in range(3):
            assert same(index.search(queries, k), flat.search(queries, k))
    assert core._made is None  # nobody was scanned for
    for radius in (0.05, 1.0):
        assert same(index.range_search(queries, radius), flat.range_search(queries, radius))
        assert (index.count(queries, radius) == flat.count(queries, radius)).all()
    index, core = made(points, 200.0, 20_000.0, 60_000.0)
    for _ in range(3):
        assert same(index.search(queries, 10), flat.search(queries, 10))
    assert core._made is not None  # they gave up again


def test_a_long_batch_unlike_the_points_is_scanned_for_but_for_a_sample() -> None:
    points = rows(30_000, 16)
    index, core = made(points, 100.0, 20_000.0)  # a scan costs as much as 200 of some 1900 blocks
    index.search(5 * rows(2000, 16), 5)
    assert core._made.computed[1] == 30_000 * 2000  # every query was scanned for
    assert core._tree.computed[1] < 0.05 * 30_000 * 2000  # few were tried before


def test_single_queries_learn_from_those_before_them() -> None:
    points = rows(30_000, 16)
    index, core = made(points, 100.0, 20_000.0)
    for query in 5 * rows(200, 16):
        index.search(query, 5)
    before = core._tree.computed[1]
    for query in 5 * rows(20, 16):
        index.search(query, 5)
    assert core._tree.computed[1] - before <= 4 * 601 * 16  # four after each other are tried


def test_small_batches_learn_from_those_before_them() -> None:
    points = rows(30_000, 16)
    index, core = made(points, 100.0, 20_000.0)
    for _ in range(200):
        index.search(5 * rows(4, 16), 5)
    before = core._tree.computed[1]
    for _ in range(20):
        index.search(5 * rows(4, 16), 5)
    assert core._tree.computed[1] - before <= 4 * 4 * 451 * 16  # four calls after each other are tried


def test_limits_are_those_of_the_tree() -> None:
    points, (many, scan) = rows(5000, 3), in_many_dimensions()
    tree, (auto, _) = anear.Index(points, method="kd_tree"), made(points, 100.0, 1.0)
    assert same(auto.search(points[:50], 9, max_leaves=2), tree.search(points[:50], 9, max_leaves=2))
    assert same(scan.search(many[:50], 9, max_leaves=2), anear.Index(many).search(many[:50], 9))


@pytest.mark.parametrize("scan", [1.0, 1e4, 1e9])
def test_one_vector_at_a_time(scan: float) -> None:
    points = rows(4000, 8)
    flat, (index, core) = anear.Index(points), made(points, 100.0, scan)
    queries = np.concatenate([rows(150, 8), 10 * rows(150, 8)])
    for _ in range(2):
        for k in (1, 10, 3000):
            for query in queries:
                found, expected = index.search(query, k), flat.search(query, k)
                np.testing.assert_array_equal(found.ids, expected.ids)
                np.testing.assert_array_equal(found.distances, expected.distances)
    assert core._shorts.keys() == {(1, 1, True), (10, 1, True)}  # nearly all points are always scanned for
    with pytest.raises(ArgumentError, match="k is 0"):
        index.search(queries[0], 0)
    with pytest.raises(ArgumentError, match="k is"):
        index.search(queries[0], [1])  # type: ignore[arg-type]

"""How many distances an index says it has computed."""

from __future__ import annotations

import numpy as np
import pytest

import anear

N = 5003


@pytest.fixture
def index() -> anear.Index:
    return anear.Index(np.random.default_rng(0).random((N, 6), np.float32), "manhattan")


def spent(index: anear.Index, queries: int, k: int, **options: object) -> tuple[int, int]:
    before = index.distances_computed
    index.search(index.points[:queries], k, **options)
    after = index.distances_computed
    assert after.building == before.building == 0
    return after.scanned - before.scanned, after.exact - before.exact


@pytest.mark.parametrize("queries", [1, 2, 7, 500])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_point_is_scanned_once_a_query(index: anear.Index, queries: int, threads: int) -> None:
    scanned, exact = spent(index, queries, 10, num_threads=threads)
    assert scanned == queries * N  # padding is not counted
    assert 10 * queries <= exact < 200 * queries


def test_where_most_points_are_answers_all_distances_are_exact(index: anear.Index) -> None:
    assert spent(index, 3, N) == (0, 3 * N)


def test_a_filter_of_few_points_computes_no_others(index: anear.Index) -> None:
    assert spent(index, 3, 10, allow=np.arange(100)) == (0, 300)


@pytest.mark.parametrize("threads", [1, 2])
def test_points_split_between_threads_are_counted_once(threads: int) -> None:
    points = np.random.default_rng(1).random((1_200_000, 4), np.float32)
    index = anear.Index(points, "manhattan")
    scanned, exact = spent(index, 1, 10, num_threads=threads)
    assert scanned == len(points)
    assert 10 <= exact < 1000


def test_range_searches_count_as_well(index: anear.Index) -> None:
    found = index.range_search(index.points[:4], 0.7)
    counts = index.distances_computed
    assert counts.scanned == 4 * N
    assert len(found.ids) <= counts.exact < 2 * len(found.ids) + 100


def test_searches_from_many_threads_add_up(index: anear.Index) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: index.search(index.points[i], 5), range(200)))
    assert index.distances_computed.scanned == 200 * N

"""A few queries at once, the short way: the same answers, the same errors, whatever they come as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.index.support import same

import anear
from anear import _core
from anear.errors import AnearError

RNG = np.random.default_rng(8)
POINTS = RNG.random((400, 6), dtype=np.float32)
QUERIES = RNG.random((40, 6), dtype=np.float32)
METHODS = ["flat", "kd_tree", "ball_tree", "auto", "hnsw", "ivf"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_answer_as_each_alone_does(method: str, dtype: type) -> None:
    index = anear.Index(POINTS.astype(dtype), "manhattan", method=method)
    for count in (1, 2, 5, 33, 40):
        queries = QUERIES[:count].astype(dtype)
        for k, team in ((1, None), (7, 1), (150, 2), (450, None)):
            found = index.search(queries, k, num_threads=team)
            assert found.ids.shape == found.distances.shape == (count, k)
            assert same(found, index.search(queries.tolist(), k, num_threads=team))  # the long way
            for i, query in enumerate(queries[:3]):
                one = index.search(query, k)
                np.testing.assert_array_equal(found.ids[i], one.ids)
                np.testing.assert_array_equal(found.distances[i], one.distances)


@pytest.mark.parametrize("method", ["flat", "kd_tree"])
def test_a_search_leaves_nothing_behind_for_the_next(method: str) -> None:
    # scratch stays with the thread: of other points, dimensions, types and numbers of queries
    indexes = [
        anear.Index(POINTS[:, :d].astype(dtype), method=method) for d in (6, 2, 4) for dtype in (np.float32, np.float64)
    ]
    for count in (33, 5, 32, 1, 12):
        for index in indexes:
            queries = QUERIES[:count, : index.points.shape[1]].astype(index.points.dtype)
            for k in (3, 60):
                assert same(index.search(queries, k), index.search(queries.tolist(), k))


def error(index: anear.Index, queries: Any, **arguments: Any) -> str:
    with pytest.raises(AnearError) as caught:
        index.search(queries, **arguments)
    return str(caught.value)


@pytest.mark.parametrize("place", [(0, 3), (4, 0)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused_wherever_it_is(place: tuple[int, int], bad: float) -> None:
    queries = QUERIES[:5].copy()
    queries[place] = bad
    assert f"queries[{place[0]}, {place[1]}] is {bad}" in error(anear.Index(POINTS), queries)


def test_what_lies_outside_a_domain_is_refused_wherever_it_is() -> None:
    for distance, row in (("cosine", np.zeros(6)), ("kldiv", np.full(6, -1.0))):
        index = anear.Index(POINTS, distance)
        for i in (0, 2, 4):
            queries = QUERIES[:5].copy()
            queries[i] = row
            assert f"queries[{i}" in error(index, queries)
    queries[1:] = 0.5
    queries[0] = [0, 0, 1, 0, 0, 0]  # zeros, but not all of them
    assert (anear.Index(POINTS, "cosine").search(queries, 2).ids >= 0).all()


@pytest.mark.parametrize(
    "queries",
    [QUERIES[:5, :5], np.zeros((2, 3, 6), np.float32), np.zeros((0, 6), np.float32)],
    ids=lambda queries: str(queries.shape),
)
def test_other_shapes_get_the_errors_of_the_long_way(queries: Any) -> None:
    index = anear.Index(POINTS)
    assert error(index, queries) == error(index, queries.astype(np.float64))


def test_other_layouts_go_the_long_way() -> None:
    index = anear.Index(POINTS, method="kd_tree")
    found = index.search(QUERIES[::2], 5)
    for asked in (np.asfortranarray(QUERIES)[::2], QUERIES[::2].copy(), QUERIES[::2].astype(">f4")):
        assert same(index.search(asked, 5), found)


def test_so_many_that_their_checks_want_threads_go_the_long_way() -> None:
    index = anear.Index(POINTS)
    few, many = np.zeros((10_000, 6), np.float32), np.zeros((11_000, 6), np.float32)
    assert index._built.core.one(few, index._plain, 1, None, None) is not None
    assert index._built.core.one(many, index._plain, 1, None, None) is None
    assert index._built.core.one(few, index._plain, 1000, None, None) is None  # nor so many answers
    assert same(index.search(many, 1), index.search(many.astype(np.float64), 1))


def test_the_width_is_that_of_the_walk() -> None:
    index = anear.Index(POINTS, method="hnsw")
    before = index.distances_computed.scanned
    index.search(QUERIES, 1, ef=50)
    few = index.distances_computed.scanned - before
    index.search(QUERIES.tolist(), 1, ef=50)
    assert few == index.distances_computed.scanned - before - few
    assert "ef" in error(anear.Index(POINTS), QUERIES, ef=3)


def ways(call: _core.ShortCall, count: int, tree: float, scan: float) -> list[bool]:
    """Which way so many calls go, if they take so long."""
    gone = []
    for _ in range(count):
        scans, timed = call.next()
        gone.append(scans)
        if timed:
            call.learn(scans, scan if scans else tree)
    return gone


def test_short_calls_go_the_way_that_takes_less() -> None:
    assert ways(_core.ShortCall(10.0, 5.0, 100.0), 500, 5.0, 100.0) == [False] * 500  # a scan is not worth trying
    assert sum(ways(_core.ShortCall(10.0, 5.0, 8.0), 2000, 5.0, 8.0)) < 60  # but now and then where it may be
    assert ways(_core.ShortCall(10.0, 5.0, 8.0), 2000, 9.0, 6.0)[100:].count(False) < 80


def test_long_calls_soon_try_what_may_take_less() -> None:
    assert not ways(_core.ShortCall(1e7, 8e6, 7e6, every=1), 12, 5e6, 7e6)[-1]  # a tree that was said to take too long
    assert True in ways(_core.ShortCall(1e7, 8e6, 12e6, every=1), 12, 8e6, 12e6)
    assert ways(_core.ShortCall(1e7, 8e7, 7e6, every=1), 200, 8e7, 7e6) == [True] * 200  # not what would take far more


def test_long_calls_that_differ_find_the_way_that_takes_less_in_the_mean() -> None:
    """A tree that takes three quarters of a scan's time in the mean, and was said to take as long."""
    shares = []
    for seed in range(40):
        took = np.random.default_rng(seed).gamma(4.0, 1.5e6, 400)
        call, gone = _core.ShortCall(1e8, 8e6, 8e6, every=1), []
        for one in took:
            scans, timed = call.next()
            gone.append(scans)
            if timed:
                call.learn(scans, 8e6 if scans else one)
        shares.append(gone[100:].count(False) / 300)
    assert np.mean(shares) > 0.75
    assert np.mean(np.array(shares) > 0.5) > 0.75


def test_a_scan_is_judged_by_the_last_call_of_its_trial() -> None:
    """The others bring the points into the caches."""
    call, row = _core.ShortCall(1e8, 8e6, 9.5e6, every=1), 0
    for _ in range(30):
        scans, timed = call.next()
        row = row + 1 if scans else 0
        if timed:
            call.learn(scans, (12e6 if row < 4 else 5e6) if scans else 8e6)
    assert call.scans


def test_long_calls_of_another_kind_try_the_other_way() -> None:
    call = _core.ShortCall(1e7, 4e5, 1e7, every=1)
    assert True not in ways(call, 30, 4e5, 4e6)
    assert ways(call, 30, 6e6, 4e6).count(True) > 12  # a scan takes less than was expected of it
    assert call.scans


def test_short_calls_learn_what_has_changed() -> None:
    call = _core.ShortCall(10.0, 5.0, 8.0)
    ways(call, 300, 5.0, 8.0)
    assert not call.scans
    ways(call, 300, 20.0, 8.0)
    assert call.scans
    ways(call, 300, 5.0, 8.0)
    assert not call.scans


def test_who_gave_up_is_answered_though_nothing_is_known_of_such_calls() -> None:
    index = anear.Index(POINTS, "manhattan", method="auto")
    index._built.core.calls.add(7, 5, _core.ShortCall(1.0, 1.0, 1e12))  # as if another thread had just dropped it
    assert same(index.search(QUERIES[:5], 7), anear.Index(POINTS, "manhattan", method="flat").search(QUERIES[:5], 7))


def test_one_disturbed_call_changes_nothing() -> None:
    call = _core.ShortCall(10.0, 5.0, 8.0)
    call.learn(False, 1e9)
    assert call.tree < 8.0


def test_doubts_are_looked_at() -> None:
    call = _core.ShortCall(10.0, 5.0, 100.0)
    ways(call, 300, 5.0, 100.0)
    call.next()
    assert not call.next()[1]
    call.doubt()
    assert call.next()[1]

"""The number of threads, and of callers, changes nothing."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.index.support import same

import anear

RNG = np.random.default_rng(10)
POINTS = RNG.normal(size=(60_000, 24)).astype(np.float32)
QUERIES = RNG.normal(size=(90, 24)).astype(np.float32)


@pytest.mark.parametrize("formula", ["euclidean", "manhattan", "sum(abs(x - y)**1.5)"])
@pytest.mark.parametrize("k", [1, 10, 300])
def test_answers_are_the_same_bit_for_bit(formula: str, k: int) -> None:
    indexes = [anear.Index(POINTS, formula, num_threads=threads) for threads in (1, 3)]
    expected = indexes[0].search(QUERIES, k, num_threads=1)
    single = indexes[0].search(QUERIES[5], k, num_threads=1)
    assert same(single, (expected.ids[5], expected.distances[5]))
    for index in indexes:
        for threads in (2, 3):
            assert same(expected, index.search(QUERIES, k, num_threads=threads))
            assert same(single, index.search(QUERIES[5], k, num_threads=threads))
            few = index.search(QUERIES[:4], k, num_threads=threads)
            assert same(few, (expected.ids[:4], expected.distances[:4]))


def test_ranges_and_matrices() -> None:
    index = anear.Index(POINTS, "euclidean")
    expected = index.range_search(QUERIES[:9], 5.0, num_threads=1)
    assert len(expected.ids) > 100
    table = anear.pairwise(QUERIES[:9], POINTS, num_threads=1)
    for threads in (2, 3):
        assert same(expected, index.range_search(QUERIES[:9], 5.0, num_threads=threads))
        assert same((table,), (anear.pairwise(QUERIES[:9], POINTS, num_threads=threads),))


def test_many_callers_of_one_index() -> None:
    index = anear.Index(POINTS[:5000], "euclidean")
    expected = index.search(QUERIES, 5)
    wrong = []

    def call(q: int) -> None:
        for _ in range(20):
            found = index.search(QUERIES[q], 5, num_threads=1 + q % 2)
            if not same(found, (expected.ids[q], expected.distances[q])):
                wrong.append(q)

    callers = [threading.Thread(target=call, args=(q,)) for q in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_a_search_within_a_progress_callback() -> None:
    index = anear.Index(POINTS, "sum(abs(x - y)**1.5)")
    inner = []

    def look(done: int, total: int) -> None:
        assert 0 <= done <= total
        inner.append(index.search(QUERIES[0], 3))

    times = 8
    while not inner:  # a quick search never calls
        outer = index.search(np.repeat(QUERIES, times := 2 * times, axis=0), 3, progress=look)
    assert all(same(found, (outer.ids[0], outer.distances[0])) for found in inner)

"""Searches while points come and go in another thread."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import anear
from anear.index.life import LIVING
from anear.index.methods import GRAPHS

METHODS = ("hnsw", *(name for name in LIVING if name not in GRAPHS))  # one graph for all
RNG = np.random.default_rng(12)
POINTS = RNG.random((3000, 8)).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_searches_meanwhile(method: str) -> None:
    """Nobody finds what was gone before the search began, and what has always been there is always found."""
    options: dict[str, Any] = {"m": 6, "ef_construction": 30} if method == "hnsw" else {}
    all_there_is: dict[str, Any] = {"ef": len(POINTS)} if method == "hnsw" else {}
    index = anear.Index(POINTS[:600], method=method, options=options)
    gone: set[int] = set()
    wrong: list[Any] = []
    done = threading.Event()

    def search(seed: int) -> None:
        rng = np.random.default_rng(seed)
        while not done.is_set():
            before = set(gone)
            stays = rng.integers(0, 200, 5)
            allow = rng.random() < 0.3
            only = np.arange(150) if allow else None
            found = index.search(POINTS[stays], k=10, num_threads=1 + seed % 2, allow=only, **all_there_is)
            if before & set(found.ids.ravel().tolist()):
                wrong.append(("removed", before & set(found.ids.ravel().tolist())))
            if not allow and (found.distances[:, 0] > 0).any():
                wrong.append(("lost", stays, found))

    def change() -> None:
        for step in range(12):
            index.add(POINTS[600 + 100 * step : 700 + 100 * step], num_threads=2)
            old = [200 + 20 * step + i for i in range(20)]
            index.remove(old)
            gone.update(old)
            index.update([500 + step], POINTS[2000 + step : 2001 + step])
            if step % 5 == 4:
                index.compact()

    searchers = [threading.Thread(target=search, args=(seed,)) for seed in range(3)]
    for searcher in searchers:
        searcher.start()
    try:
        change()
    finally:
        done.set()
        for searcher in searchers:
            searcher.join()
    assert not wrong
    assert index.check().ok
    assert len(index) == 600 + 12 * 80


def test_two_that_change() -> None:
    index = anear.Index(POINTS[:100], method="hnsw", options={"m": 4, "ef_construction": 20})
    names: list[Any] = [None, None]

    def add(which: int) -> None:
        part = POINTS[1000 * which + 200 : 1000 * which + 500]
        names[which] = np.concatenate([index.add(part[i : i + 30]) for i in range(0, 300, 30)])

    both = [threading.Thread(target=add, args=(which,)) for which in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(set(names[0]) | set(names[1])) == 600
    for which in range(2):
        part = POINTS[1000 * which + 200 : 1000 * which + 500]
        found = index.search(part, k=1, ef=len(index))  # all that can be reached: which graph it is, the threads decide
        np.testing.assert_array_equal(found.ids[:, 0], names[which])
    assert index.check().ok


def test_a_change_from_within_a_search_is_refused() -> None:
    index = anear.Index(POINTS)
    refused = []

    def change(done: int, total: int) -> None:
        try:
            index.remove([0])
        except anear.ArgumentError as error:
            refused.append(str(error))

    times = 8
    while not refused:
        index.search(np.repeat(POINTS, times := 2 * times, axis=0), k=3, progress=change)
    assert "from within one of its searches" in refused[0]
    assert len(index) == 3000

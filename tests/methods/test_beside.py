"""Codes of the neighbours beside each point: another way to the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anear
from anear.errors import ArgumentError

RNG = np.random.default_rng(21)
FOUR: dict[str, Any] = {"codes": 4}


def pair(distance: str, d: int, **options: Any) -> tuple[anear.Index, anear.Index, Any]:
    """Two indexes of the same points, one with codes beside, and queries."""
    points = (RNG.random((2600, d)) + 1e-3).astype(np.float32)
    made = (
        anear.Index(points[:2500], distance, method="vamana", options=FOUR | options | {"beside": beside})
        for beside in (0, 1)
    )
    return (*made, points[2500:])


def same(one: anear.Neighbors, other: anear.Neighbors) -> bool:
    return np.array_equal(one.ids, other.ids) and np.array_equal(one.distances, other.distances)


@pytest.mark.parametrize("degree", [5, 16, 32, 40])
@pytest.mark.parametrize(("distance", "d"), [("euclidean", 30), ("cosine", 7), ("kldivgen", 64), ("euclidean", 129)])
def test_the_same_answers(distance: str, d: int, degree: int) -> None:
    plain, beside, queries = pair(distance, d, r=degree)
    for ef in (10, 40, 300):
        assert same(plain.search(queries, 10, ef=ef), beside.search(queries, 10, ef=ef))
    assert same(plain.search(queries, 5, allow=np.arange(900)), beside.search(queries, 5, allow=np.arange(900)))
    assert same(plain.self_search(3), beside.self_search(3))


def test_a_loaded_index_has_them_again(tmp_path: Path) -> None:
    plain, beside, queries = pair("euclidean", 40)
    beside.save(tmp_path / "a")
    for mmap in (False, True):
        loaded = anear.load(tmp_path / "a", mmap=mmap)
        assert loaded.nbytes == beside.nbytes
        assert same(loaded.search(queries, 10), plain.search(queries, 10))


def test_they_are_given_up_when_points_come_or_go() -> None:
    plain, beside, queries = pair("euclidean", 24)
    kept = beside.nbytes > plain.nbytes  # where the processor compares with them
    for change in (lambda index: index.add(queries), lambda index: index.remove(np.arange(0, 2500, 9))):
        for index in (plain, beside):
            change(index)
        assert same(plain.search(queries, 10, ef=50), beside.search(queries, 10, ef=50))
        assert beside.check().ok
        assert beside.nbytes == plain.nbytes
    for index in (plain, beside):
        index.compact()
    assert (beside.nbytes > plain.nbytes) == kept
    assert same(plain.search(queries, 10, ef=50), beside.search(queries, 10, ef=50))


def test_what_they_are_refused_for() -> None:
    points = RNG.random((50, 4)).astype(np.float32)
    for distance, codes in (("euclidean", 8), ("euclidean", 0), ("manhattan", 4)):
        with pytest.raises(ArgumentError, match=r"options\['beside'\] is 1, which needs options="):
            anear.Index(points, distance, method="vamana", options={"codes": codes, "beside": 1})

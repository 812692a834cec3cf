"""Which points may be answers: allow, deny, exclude."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.index.support import matrix, nearest, same

import anear
from anear.errors import ArgumentError

RNG = np.random.default_rng(6)
POINTS = RNG.integers(-20, 21, (9000, 4)).astype(np.float32)
QUERIES = RNG.integers(-20, 21, (11, 4)).astype(np.float32)
INDEX = anear.Index(POINTS, "manhattan")
EXACT = matrix(INDEX, QUERIES)


def masks() -> dict[str, np.ndarray]:
    """Filters from wide to narrow: all the ways a search may take."""
    n = len(POINTS)
    one = np.zeros(n, bool)
    one[4711] = True
    return {
        "all": np.ones(n, bool),
        "half": RNG.random(n) < 0.5,
        "a third in a row": np.arange(n) // 3000 == 1,
        "few": RNG.random(n) < 0.01,
        "one": one,
        "last": np.arange(n) == n - 1,
        "none": np.zeros(n, bool),
    }


@pytest.mark.parametrize("name", masks())
@pytest.mark.parametrize("k", [1, 10, 3000])
def test_allow_and_deny(name: str, k: int) -> None:
    mask = masks()[name]
    ids, distances = nearest(np.where(mask, EXACT, np.nan), k)
    for queries, rows in ((QUERIES, slice(None)), (QUERIES[2], 2)):
        found = INDEX.search(queries, k, allow=mask)
        assert np.array_equal(found.ids, ids[rows])
        assert np.array_equal(found.distances, distances[rows])
        for other in (
            {"deny": ~mask},
            {"allow": np.flatnonzero(mask)},
            {"deny": np.flatnonzero(~mask).astype(np.uint16)},
        ):
            assert same(found, INDEX.search(queries, k, **other))
    everything = INDEX.range_search(QUERIES, 12, allow=mask)
    assert np.array_equal(np.diff(everything.offsets), ((mask & (EXACT <= 12)).sum(1)))
    assert mask[everything.ids].all()


def test_both_filters_and_one_point_left_out() -> None:
    allow, deny = masks()["half"], masks()["a third in a row"]
    nearest_of_all = INDEX.search(QUERIES, 1, allow=allow, deny=deny).ids[:, 0]
    left = np.where(allow & ~deny, EXACT, np.nan)
    left[np.arange(11), nearest_of_all] = np.nan
    found = INDEX.search(QUERIES, 5, allow=allow, deny=deny, exclude=nearest_of_all)
    assert np.array_equal(found.ids, nearest(left, 5)[0])
    inside = INDEX.range_search(QUERIES, 9, allow=allow, deny=deny, exclude=nearest_of_all)
    assert np.array_equal(np.diff(inside.offsets), (left <= 9).sum(1))


@pytest.mark.parametrize("given", [[0, 5], (0, 5), {0, 5}, range(0, 6, 5), np.array([5, 0, 5]), 5])
def test_ids_in_any_form(given: Any) -> None:
    wanted = {5} if isinstance(given, int) else {0, 5}
    assert set(INDEX.search(QUERIES[0], 2, allow=given).ids.tolist()) - {-1} == wanted
    assert not wanted & set(INDEX.search(QUERIES[0], 9000, deny=given).ids.tolist())


def test_a_function_of_the_ids() -> None:
    even = np.arange(9000) % 2 == 0
    found = INDEX.search(QUERIES, 4, allow=lambda ids: ids % 2 == 0, deny=lambda ids: ids < 100)
    assert same(found, INDEX.search(QUERIES, 4, allow=even, deny=np.arange(100)))
    assert same(found, anear.knn(POINTS, QUERIES, 4, "manhattan", allow=lambda ids: (ids >= 100) & (ids % 2 == 0)))
    inside = INDEX.range_search(QUERIES, 9, allow=lambda ids: ids % 2 == 0)
    assert same(inside, INDEX.range_search(QUERIES, 9, allow=even))
    named = anear.Index(POINTS[:200], "manhattan", ids=[f"{i % 2}-{i}" for i in range(200)])
    named.remove(["0-0", "1-1"])
    answers = named.search(QUERIES, 50, allow=lambda ids: np.char.startswith(ids, "1")).ids
    assert np.char.startswith(answers, "1-").all()


@pytest.mark.parametrize("wrong", [lambda ids: True, lambda ids: ids, lambda ids: ids[1:] > 3, lambda ids: None])
def test_a_function_says_yes_or_no_to_each(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="one boolean an id is needed"):
        INDEX.search(QUERIES, 3, deny=wrong)


def test_nothing_allowed_is_no_answer() -> None:
    for nothing in ([], np.zeros(9000, bool), np.array([], int), set()):
        assert (INDEX.search(QUERIES, 3, allow=nothing).ids == -1).all()
        assert len(INDEX.range_search(QUERIES, np.inf, allow=nothing).ids) == 0
    assert same(INDEX.search(QUERIES, 3), INDEX.search(QUERIES, 3, deny=[]))


def test_exclude() -> None:
    plain = INDEX.search(QUERIES, 4)
    assert same(plain, INDEX.search(QUERIES, 4, exclude=np.full(11, -1)))
    exclude = np.where(np.arange(11) % 2 == 0, plain.ids[:, 0], -1)
    found = INDEX.search(QUERIES, 3, exclude=exclude)
    for q in range(11):
        assert np.array_equal(found.ids[q], plain.ids[q, 1:] if q % 2 == 0 else plain.ids[q, :3])
    assert np.array_equal(INDEX.search(QUERIES[0], 3, exclude=[plain.ids[0, 0]]).ids, plain.ids[0, 1:])

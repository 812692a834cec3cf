"""One query, the short way: the same answers, the same errors, whatever it comes as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anear
from anear.errors import AnearError

RNG = np.random.default_rng(5)
POINTS = RNG.random((300, 6), dtype=np.float32)
QUERY = RNG.random(6, dtype=np.float32)
METHODS = ["flat", "kd_tree", "ball_tree", "auto", "hnsw", "vamana"]


def build(method: str = "hnsw", distance: str = "euclidean", **more: Any) -> anear.Index:
    return anear.Index(POINTS.astype(more.pop("dtype", np.float32)), distance, method=method, **more)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("distance", ["euclidean", "cosine", "kldiv", "haversine", "sum(exp(abs(x - y)))"])
def test_it_answers_as_a_batch_does(method: str, dtype: type, distance: str) -> None:
    if distance == "haversine":
        index, query = anear.Index(POINTS[:, :2].astype(dtype), distance, method=method), QUERY[:2]
    elif method == "ball_tree" and distance != "euclidean":
        pytest.skip("no metric")
    else:
        index, query = build(method, distance, dtype=dtype), QUERY
    for asked in (query, query.astype(np.float64), query.astype(np.float32)):
        for k in (1, 7, 300, 400):
            for team in (None, 1, 2):
                one = index.search(asked, k, num_threads=team)
                many = index.search(np.stack([asked, asked]), k, num_threads=team)
                assert one.ids.dtype == many.ids.dtype
                assert one.distances.dtype == many.distances.dtype
                np.testing.assert_array_equal(one.ids, many.ids[0])
                np.testing.assert_array_equal(one.distances, many.distances[0])


@pytest.mark.parametrize(
    "asked",
    [
        QUERY.tolist(),
        tuple(QUERY.tolist()),
        np.repeat(QUERY, 2)[::2],
        QUERY.astype(np.float16),
        QUERY.astype(">f4"),
        np.ma.masked_array(QUERY),
        np.asfortranarray(QUERY[None])[0],
        np.frombuffer(b"?" + QUERY.tobytes(), np.uint8)[1:].view(np.float32),
        memoryview(QUERY),
    ],
    ids=lambda asked: type(asked).__name__,
)
def test_whatever_it_comes_as(asked: Any) -> None:
    index = build()
    plain = np.asarray(asked).astype(np.float32)
    np.testing.assert_array_equal(index.search(asked, 5).ids, index.search(plain, 5).ids)


@pytest.mark.parametrize("ef", [None, 1, 17, np.int64(40)])
def test_the_width_is_that_of_the_walk(ef: Any) -> None:
    index = build()
    before = index.distances_computed.scanned
    index.search(QUERY, 1, ef=ef)
    one = index.distances_computed.scanned - before
    index.search(QUERY[None], 1, ef=ef)
    assert one == index.distances_computed.scanned - before - one


def error(index: anear.Index, query: Any, **arguments: Any) -> str:
    with pytest.raises(AnearError) as caught:
        index.search(query, **arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"k": 0}, {"k": -1}, {"k": 2.0}, {"k": True}, {"k": "3"}, {"k": 2**40}, {"k": None}, {"num_threads": 0},
        {"num_threads": 10**6}, {"num_threads": True}, {"ef": 0}, {"ef": -5}, {"ef": 2.5}, {"ef": 2**40},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_numbers_get_the_errors_of_a_batch(arguments: dict[str, Any]) -> None:
    index = build()
    assert error(index, QUERY, **arguments) == error(index, QUERY[None], **arguments)


@pytest.mark.parametrize("method", ["flat", "kd_tree", "hnsw"])
@pytest.mark.parametrize("bad", ["nan", "inf", "short", "long"])
def test_wrong_queries_get_the_errors_of_a_batch(method: str, bad: str) -> None:
    index = build(method)
    query = {"short": QUERY[:5], "long": np.append(QUERY, QUERY[:1])}.get(bad, QUERY.copy())
    if bad in ("nan", "inf"):
        query[3] = float(bad)
    assert error(index, query) == error(index, query[None]).replace("[0, 3]", "[3]")


def test_what_a_method_has_not_is_refused() -> None:
    assert error(build("flat"), QUERY, ef=3) == error(build("flat"), QUERY[None], ef=3)


def test_where_nan_is_allowed_it_is_no_error() -> None:
    index = build(allow_nan=True)
    assert (index.search(np.full(6, np.nan, np.float32), 3).ids == -1).all()


def test_queries_outside_the_domain_are_refused() -> None:
    for query in (QUERY, QUERY[None]):
        with pytest.raises(AnearError, match=r"queries\[0, 2\] is -1"):
            build("flat", "kldiv").search(np.where(np.arange(6) == 2, np.float32(-1), query))


@pytest.mark.parametrize(
    ("distance", "query", "message"),
    [
        ("cosine", np.zeros(6), "queries[0] has the largest magnitude 0.0"),
        ("kldiv", np.where(np.arange(6) == 4, 0, 1), "queries[0, 4] is 0.0"),
        ("chi_square", np.where(np.arange(6) == 4, -1, 1), "queries[0, 4] is -1.0"),
    ],
)
def test_what_lies_outside_a_distance_is_refused(distance: str, query: Any, message: str) -> None:
    index = build("flat", distance)
    for asked in (query.astype(np.float32), query.astype(np.float64)):
        assert message in error(index, asked)
    inside = np.where(np.arange(6) == 4, -0.0, 1).astype(np.float32)  # a zero, whatever its sign
    if distance != "kldiv":
        np.testing.assert_array_equal(index.search(inside, 3).ids, index.search(inside[None], 3).ids[0])


def test_names_and_removed_points() -> None:
    index = build(ids=[f"p{i}" for i in range(300)])
    first = index.search(QUERY, 2).ids.tolist()
    index.remove(first[:1])
    assert index.search(QUERY, 1).ids.tolist() == first[1:]


def test_a_promise_is_kept() -> None:
    index = build(recall=0.9, k=5)
    np.testing.assert_array_equal(index.search(QUERY, 5).ids, index.search(QUERY[None], 5).ids[0])

"""Proximity graphs: what they find beside a scan, on any number of threads, under filters and for odd data."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import anear
from anear.errors import ArgumentError

RNG = np.random.default_rng(7)
CLUSTERED = (RNG.random((12, 24))[RNG.integers(0, 12, 3000)] + 0.08 * RNG.standard_normal((3000, 24))).astype(
    np.float32
)
POSITIVE = np.abs(CLUSTERED) + np.float32(0.01)
POSITIVE /= POSITIVE.sum(axis=1, keepdims=True)

DISTANCES = ["euclidean", "manhattan", "cosine", "kldiv", "jensen_shannon", "itakura_saito", "chi_square", "canberra"]


def recall(found: anear.Neighbors, gold: anear.Neighbors) -> float:
    """The share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.ids, gold.ids, strict=True)]))


@pytest.mark.parametrize("distance", DISTANCES)
def test_finds_most_and_reports_true_distances(distance: str) -> None:
    points, queries = POSITIVE[:2800], POSITIVE[2800:]
    gold = anear.knn(points, queries, k=10, distance=distance)
    index = anear.Index(points, distance, method="hnsw", options={"m": 12, "ef_construction": 100})
    found = index.search(queries, k=10, ef=100)
    assert recall(found, gold) > 0.95
    everything = anear.pairwise(queries, points, distance)
    np.testing.assert_allclose(found.distances, np.take_along_axis(everything, found.ids, axis=1), rtol=1e-4, atol=1e-6)
    assert np.all(np.diff(found.distances, axis=1) >= 0)


@pytest.mark.parametrize("storage", ["float64", "float32", "float16", "uint8"])
def test_a_walk_as_wide_as_the_set_is_exact(storage: str) -> None:
    points = (POSITIVE[:400] * 255 * 12).astype(storage)
    index = anear.Index(points, "manhattan", method="hnsw")
    queries = points[:50].astype(np.float64) + 0.25
    gold = anear.knn(points, queries, k=7, distance="manhattan")
    found = index.search(queries, k=7, ef=400)
    np.testing.assert_array_equal(found.ids, gold.ids)
    np.testing.assert_array_equal(found.distances, gold.distances)


INNER_PRODUCTS = ["euclidean", "sqeuclidean", "cosine", "negdotprod", "kldiv", "kldivgen", "itakura_saito", "hellinger"]


@pytest.mark.parametrize("codes", [8, 4])
@pytest.mark.parametrize("distance", INNER_PRODUCTS)
def test_codes_lose_little(distance: str, codes: int) -> None:
    points, queries = POSITIVE[:2800], POSITIVE[2800:]
    gold = anear.knn(points, queries, k=10, distance=distance)
    index = anear.Index(points, distance, method="hnsw", options={"codes": codes})
    coarse = index.search(queries, k=10, ef=100)
    assert recall(coarse, gold) > 0.93
    plain = anear.Index(points, distance, method="hnsw")
    whole, same = (
        i.search(queries[:40], k=10, ef=2800, **more) for i, more in ((index, {"rerank": 2800}), (plain, {}))
    )
    np.testing.assert_array_equal(whole.ids, same.ids)
    np.testing.assert_array_equal(whole.distances, same.distances)


@pytest.mark.parametrize("codes", [8, 4])
def test_codes_of_equal_and_of_far_coordinates(codes: int) -> None:
    points = np.zeros((300, 70), np.float32)
    points[:, 1] = np.arange(300)
    points[:, 2] = 1e30 * (np.arange(300) % 2)
    index = anear.Index(points, "manhattan", method="hnsw")
    assert index.search(points[5], k=1, ef=300).ids[0] == 5
    coded = anear.Index(points[:, :2], method="hnsw", options={"codes": codes})
    np.testing.assert_array_equal(coded.search(points[:50, :2], k=1, ef=300, rerank=50).ids[:, 0], np.arange(50))


@pytest.mark.parametrize(
    "distance", ["manhattan", "jensen_shannon", "chi_square", "canberra", "sum(abs(x - y) ** 1.5)"]
)
@pytest.mark.parametrize("codes", [8, 4])
def test_codes_of_any_formula(distance: str, codes: int) -> None:
    points, queries = POSITIVE[:2800], POSITIVE[2800:]
    gold = anear.knn(points, queries, k=10, distance=distance)
    index = anear.Index(points, distance, method="hnsw", options={"codes": codes})
    assert recall(index.search(queries, k=10, ef=100), gold) > 0.9
    whole = index.search(queries[:40], k=10, ef=2800, rerank=2800)
    np.testing.assert_array_equal(whole.ids, gold.ids[:40])
    again = pickle.loads(pickle.dumps(index)).search(queries, k=10, ef=50)
    np.testing.assert_array_equal(again.ids, index.search(queries, k=10, ef=50).ids)


@pytest.mark.parametrize("codes", [8, 4])
@pytest.mark.parametrize("storage", ["float16", "uint8", "int8"])
def test_codes_of_narrow_points(storage: str, codes: int) -> None:
    points = (POSITIVE * 1500).clip(0, 120).astype(storage)
    for distance in ("euclidean", "manhattan"):
        gold = anear.knn(points, points[:50], k=10, distance=distance)
        index = anear.Index(points, distance, method="hnsw", options={"codes": codes})
        found = index.search(points[:50], k=10, ef=100)
        assert np.mean(found.distances[:, -1] == gold.distances[:, -1]) > 0.9


def test_what_codes_are_refused_for() -> None:
    with pytest.raises(ArgumentError, match=r"options\['codes'\] is 8, but these points are searched in float64"):
        anear.Index(POSITIVE.astype(np.float64), method="hnsw", options={"codes": 8})
    with pytest.raises(ArgumentError, match=r"options\['codes'\] is 2; allowed: 0, 4, 8"):
        anear.Index(POSITIVE, method="hnsw", options={"codes": 2})
    with pytest.raises(ArgumentError, match="rerank is for indexes with codes"):
        anear.Index(POSITIVE, method="hnsw").search(POSITIVE[0], rerank=10)


def test_the_same_on_any_number_of_threads() -> None:
    answers = []
    for team in (1, 2, 3):
        index = anear.Index(CLUSTERED, method="hnsw", num_threads=team)
        answers.append(index.search(CLUSTERED[:200], k=5, ef=5, num_threads=team).ids)
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])
    other = anear.Index(CLUSTERED, method="hnsw", options={"seed": 1}).search(CLUSTERED[:200], k=5, ef=5).ids
    assert not np.array_equal(answers[0], other)


@pytest.mark.parametrize("codes", [0, 4, 8])
@pytest.mark.parametrize("share", [0.5, 0.2, 0.05, 0.01, 0.001, 0.0])
def test_filters_keep_what_is_found(share: float, codes: int) -> None:
    index = anear.Index(CLUSTERED, method="hnsw", options={"codes": codes})
    allowed = RNG.random(len(CLUSTERED)) < share
    gold = anear.Index(CLUSTERED).search(CLUSTERED[:100], k=5, allow=allowed)
    found = index.search(CLUSTERED[:100], k=5, allow=allowed, ef=40)
    assert set(found.ids.ravel()) - {-1} <= set(np.flatnonzero(allowed))
    assert np.mean(np.sort(found.ids) == np.sort(gold.ids)) > 0.9
    np.testing.assert_array_equal(found.ids == -1, gold.ids == -1)


@pytest.mark.parametrize("distance", ["euclidean", "cosine", "kldiv", "manhattan"])
def test_what_is_left_out_of_few_is_exact(distance: str) -> None:
    index = anear.Index(POSITIVE, distance, method="hnsw")
    allowed = np.arange(0, len(POSITIVE), 40)
    gold = anear.Index(POSITIVE, distance).search(POSITIVE[:80], k=5, allow=allowed, exclude=np.arange(80))
    found = index.search(POSITIVE[:80], k=5, allow=allowed, exclude=np.arange(80))
    np.testing.assert_array_equal(found.ids, gold.ids)
    np.testing.assert_array_equal(found.distances, gold.distances)


def test_a_search_of_the_points_leaves_out_each_itself() -> None:
    index = anear.Index(CLUSTERED, method="hnsw")
    found, gold = index.self_search(5), anear.Index(CLUSTERED).self_search(5)
    assert not np.any(found.ids == np.arange(len(CLUSTERED))[:, None])
    assert recall(found, gold) > 0.95


@pytest.mark.parametrize("distance", ["euclidean", "cosine", "kldiv", "jensen_shannon"])
def test_ranges_hold_what_lies_within(distance: str) -> None:
    points, queries = POSITIVE[:2900], POSITIVE[2900:]
    flat, index = anear.Index(points, distance), anear.Index(points, distance, method="hnsw")
    for k in (1, 20, 1500):
        radius = flat.search(queries, k=k).distances[:, -1]  # at the very edge of an answer
        gold, found = flat.range_search(queries, radius), index.range_search(queries, radius)
        pairs = [{(q, i) for q in range(len(queries)) for i in answer.of(q).ids.tolist()} for answer in (gold, found)]
        assert pairs[1] <= pairs[0]
        assert len(pairs[1]) > 0.97 * len(pairs[0])
        assert np.all(found.distances <= np.repeat(radius, np.diff(found.offsets)))


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.01])
def test_a_filter_that_leaves_out_all_that_is_near(share: float) -> None:
    flat, index = anear.Index(CLUSTERED), anear.Index(CLUSTERED, method="hnsw")
    for query in CLUSTERED[:20]:
        order = np.argsort(((CLUSTERED - query) ** 2).sum(axis=1))
        allow = order[-int(share * len(order)) :]
        gold, found = flat.search(query, k=10, allow=allow), index.search(query, k=10, allow=allow)
        assert len(np.intersect1d(gold.ids, found.ids)) >= 9


@pytest.mark.parametrize("ef", [1, 2, 3])
def test_ranges_of_an_index_whose_searches_are_narrow(ef: int) -> None:
    flat, index = anear.Index(CLUSTERED), anear.Index(CLUSTERED, method="hnsw", options={"ef_search": ef})
    radius = flat.search(CLUSTERED[:50], k=5).distances[:, -1]
    gold, found = flat.range_search(CLUSTERED[:50], radius), index.range_search(CLUSTERED[:50], radius)
    assert set(found.ids) <= set(gold.ids)
    assert len(found.ids) > 0.8 * len(gold.ids)


@pytest.mark.parametrize("count", [1, 2, 3, 17, 40])
def test_small_and_equal_points(count: int) -> None:
    index = anear.Index(np.ones((count, 3)), method="hnsw", options={"m": 2})
    found = index.search(np.zeros(3), k=count + 2, ef=count + 2)
    assert found.ids[0] == 0
    assert found.ids[-1] == -1
    assert found.distances[-1] == np.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ef_constructoin": 16}, r"options holds 'ef_constructoin'; did you mean 'ef_construction'\?"),
        ({"alpha": 16}, r"options holds 'alpha'; hnsw has m, ef_construction, max_m, max_m0, delaunay_type"),
        ({"m": 1}, r"options\['m'\] is 1; allowed: a whole number from 2 to 512"),
        ({"m": 2.5}, r"options\['m'\] is 2.5; allowed: a whole number"),
    ],
)
def test_wrong_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        anear.Index(CLUSTERED, method="hnsw", options=options)


def test_options_may_be_spelt_as_nmslib_does() -> None:
    ours = anear.Index(CLUSTERED, method="hnsw", options={"m": 4, "ef_construction": 20})
    its = anear.Index(CLUSTERED, method="hnsw", options={"M": 4, "efConstruction": 20})
    assert ours.nbytes == its.nbytes
    np.testing.assert_array_equal(ours.search(CLUSTERED[:50]).ids, its.search(CLUSTERED[:50]).ids)


def test_ef_is_for_graphs() -> None:
    with pytest.raises(ArgumentError, match="ef is for approximate methods; this index has method='flat'"):
        anear.Index(CLUSTERED).search(CLUSTERED[0], ef=10)
    with pytest.raises(ArgumentError, match="ef is 0; allowed"):
        anear.Index(CLUSTERED, method="hnsw").search(CLUSTERED[0], ef=0)


@pytest.mark.parametrize("delaunay_type", [0, 1, 2, 3])
@pytest.mark.parametrize("post", [0, 1, 2])
def test_every_way_to_choose_neighbours(delaunay_type: int, post: int) -> None:
    points, queries = POSITIVE[:1400], POSITIVE[2800:]
    options = {"M": 8, "efConstruction": 60, "delaunay_type": delaunay_type, "post": post}
    gold = anear.knn(points, queries, k=10, distance="itakura_saito")
    found = anear.Index(points, "itakura_saito", method="hnsw", options=options).search(queries, ef=120)
    # the nearest alone leave clusters apart
    assert recall(found, gold) > (0.9 if delaunay_type else 0.6)


def test_the_shape_of_the_hierarchy_is_as_told() -> None:
    def size(**options: float) -> int:
        return anear.Index(CLUSTERED, method="hnsw", options={"M": 8, "efConstruction": 20, **options}).nbytes

    assert size(maxM0=32) - size() >= len(CLUSTERED) * 16 * 4
    assert size() < size(maxM=32) < size(maxM=32, mult=2.0)
    assert size(post=1) - size() >= len(CLUSTERED) * 16 * 4
    assert size(post=2) == size()
    assert size(searchMethod=4) == size()


def test_ef_search_is_the_default_of_ef() -> None:
    options = {"M": 4, "efConstruction": 20}
    index = anear.Index(CLUSTERED, method="hnsw", options=options)
    narrow = anear.Index(CLUSTERED, method="hnsw", options=options | {"efSearch": 5})
    asked = CLUSTERED[:200]
    np.testing.assert_array_equal(narrow.search(asked, k=3).ids, index.search(asked, k=3, ef=5).ids)
    assert not np.array_equal(narrow.search(asked, k=3).ids, index.search(asked, k=3).ids)


@pytest.mark.parametrize(
    "options", [{"max_m": 2, "max_m0": 4}, {"max_m": 3, "delaunay_type": 0}, {"max_m0": 2, "m": 64}]
)
def test_rows_may_be_shorter_than_what_a_newcomer_links_to(options: dict[str, int]) -> None:
    index = anear.Index(CLUSTERED[:1500], method="hnsw", options=options)
    index.add(CLUSTERED[1500:])
    assert index.check().ok

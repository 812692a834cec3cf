"""Graphs that are built by another distance than they are searched with: left and right queries, inner products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import anear
from anear.errors import ArgumentError, DomainError

RNG = np.random.default_rng(11)
TOPICS = RNG.dirichlet(np.full(16, 0.2), 2400).astype(np.float32) + np.float32(1e-5)
TOPICS /= TOPICS.sum(axis=1, keepdims=True)
POINTS, QUERIES = TOPICS[:2300], TOPICS[2300:]
VARYING = (RNG.standard_normal((2400, 16)) * RNG.lognormal(0.0, 0.7, (2400, 1))).astype(np.float32)
WORDS = ["auto", "same", "reverse", "min", "average", "geodesic", "bilinear"]


def recall(answers: anear.Neighbors, gold: anear.Neighbors) -> float:
    """The share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(answers.ids, gold.ids, strict=True)]))


def answers_of(distance: str, word: str, points: npt.NDArray[np.float32] = POINTS, **options: float) -> anear.Neighbors:
    index = anear.Index(points, distance, method="hnsw", options={"index_distance": word, **options})
    return index.search(QUERIES, k=10, ef=100)


@pytest.mark.parametrize("distance", ["kldiv", "kldiv_rq", "itakura_saito", "itakura_saito_rq"])
@pytest.mark.parametrize("word", WORDS)
def test_every_way_to_build_finds_most_and_reports_the_searchs_distances(distance: str, word: str) -> None:
    answers = answers_of(distance, word)
    least = {"bilinear": 0.2, "reverse": 0.5}.get(word, 0.8)  # these are other distances altogether
    assert recall(answers, anear.knn(POINTS, QUERIES, k=10, distance=distance)) > least
    everything = anear.pairwise(QUERIES, POINTS, distance)
    expected = np.take_along_axis(everything, answers.ids, axis=1)
    np.testing.assert_allclose(answers.distances, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("word", ["reverse", "min", "average"])
def test_what_is_symmetric_is_built_by_itself(word: str) -> None:
    same = answers_of("jensen_shannon", "same", m=4, ef_construction=10)
    np.testing.assert_array_equal(answers_of("jensen_shannon", word, m=4, ef_construction=10).ids, same.ids)


def test_each_word_builds_a_graph_of_its_own() -> None:
    links = []
    for word in WORDS[1:]:
        options = {"index_distance": word, "m": 4, "ef_construction": 10}
        index = anear.Index(POINTS, "kldiv", method="hnsw", options=options)
        links.append(index.search(QUERIES, k=5, ef=5).ids.tobytes())
    assert len(set(links)) == len(links)


def test_the_reverse_of_a_left_query_is_the_right_one() -> None:
    """Built by the same distance two graphs are the same, whatever searches them."""
    index = [
        anear.Index(POINTS, distance, method="hnsw", options={"index_distance": word, "m": 4})
        for distance, word in (("kldiv", "reverse"), ("kldiv_rq", "same"))
    ]
    parts = [one._built.stored().arrays for one in index]
    for name in parts[0].keys() - {"rows", "maxima"}:
        np.testing.assert_array_equal(parts[0][name], parts[1][name], err_msg=name)


def test_any_distance_may_build() -> None:
    gold = anear.knn(POINTS, QUERIES, k=10, distance="kldiv")
    for other in ("hellinger", "sum(abs(x - y))", "kldiv_rq"):
        assert recall(answers_of("kldiv", other), gold) > 0.85


def test_points_with_zeros_that_queries_must_not_have() -> None:
    points = np.where(POINTS < 0.01, 0, POINTS).astype(np.float32)
    gold = anear.knn(points, QUERIES, k=10, distance="kldiv")
    for word in ("auto", "same", "min", "average", "reverse"):
        assert recall(answers_of("kldiv", word, points), gold) > 0.9


@pytest.mark.parametrize("word", ["auto", "bilinear"])
def test_inner_products_of_points_of_any_length(word: str) -> None:
    points, queries = VARYING[:2300], VARYING[2300:]
    gold = anear.knn(points, queries, k=10, distance="negdotprod")
    index = anear.Index(points, "negdotprod", method="hnsw", options={"index_distance": word})
    found = recall(index.search(queries, k=10, ef=100), gold)
    assert found > (0.95 if word == "auto" else 0.3)


@pytest.mark.parametrize("distance", ["cosine", "negdotprod", "tanimoto"])
def test_few_are_compared_in_full_where_products_cancel(distance: str) -> None:
    index = anear.Index(VARYING, distance, method="hnsw")
    index.search(VARYING[:100], k=10, ef=64)
    assert index.distances_computed.exact < 1100


def test_a_file_keeps_the_word(tmp_path: Path) -> None:
    options = {"index_distance": "min", "m": 4, "ef_construction": 10}
    index = anear.Index(POINTS, "kldiv", method="hnsw", options=options)
    index.save(tmp_path / "points.anear")
    again = anear.load(tmp_path / "points.anear")
    np.testing.assert_array_equal(index.search(QUERIES, ef=10).ids, again.search(QUERIES, ef=10).ids)


def test_the_same_on_any_number_of_threads() -> None:
    answers = [
        anear.Index(POINTS, "kldiv", method="hnsw", options={"index_distance": "min"}, num_threads=team)
        .search(QUERIES, k=5, ef=5)
        .ids
        for team in (1, 3)
    ]
    np.testing.assert_array_equal(*answers)


def test_what_is_refused() -> None:
    def build(word: object, distance: str = "kldiv", **data: object) -> None:
        anear.Index(POINTS, distance, method="hnsw", options={"index_distance": word}, **data)  # type: ignore[arg-type]

    with pytest.raises(ArgumentError, match=r"index_distance'\] is 'symmetric'; allowed: auto, same, reverse, min"):
        build("symmetric")
    with pytest.raises(ArgumentError, match=r"index_distance'\] is 3; allowed: auto"):
        build(3)
    with pytest.raises(ArgumentError, match="'bilinear', which is for formulas that are an inner product"):
        build("bilinear", "jensen_shannon")
    with pytest.raises(ArgumentError, match="'min', which puts points in the place of queries, but the formula uses"):
        build("min", "sum(abs(x - y)) + point_field('w')", point_data={"w": np.ones(len(POINTS))})
    with pytest.raises(ArgumentError, match="which uses fields"):
        build("sum(abs(x - y)) + point_field('w')")
    with pytest.raises(DomainError, match="points"):
        anear.Index(VARYING, "manhattan", method="hnsw", options={"index_distance": "kldiv"})

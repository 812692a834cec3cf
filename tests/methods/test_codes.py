"""Walks through codes: what codes stand for, and that the values compared are those of what they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import anear
from anear.formula.interpret import evaluate
from anear.index.methods import GRAPHS

Array = npt.NDArray[Any]
RNG = np.random.default_rng(8)
K = 12


def recall(found: anear.Neighbors, gold: anear.Neighbors) -> float:
    """The share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.ids, gold.ids, strict=True)]))


def decoded(parts: dict[str, Array], length: int, bits: int, packed: bool) -> Array:
    """What the codes of the core stand for. ``packed``: as integers are compared, 64 halves of bytes by 64."""
    codes = parts["codes"]
    levels = codes
    if bits == 4:
        halves = np.stack([codes & 15, codes >> 4], axis=-1)
        if packed:
            halves = halves.reshape(len(codes), -1, 64, 2).swapaxes(2, 3)
        levels = parts["code_levels"][halves.reshape(len(codes), -1)]
    return parts["code_low"].astype(float) + parts["code_step"].astype(float) * levels[:, :length]


def agree(index: anear.Index, queries: Array, values: Array) -> None:
    """The nearest by their codes are those of the smallest values, as far as float32 can tell."""
    found = index.search(queries, K, ef=len(index), rerank=K)
    for ids, row in zip(found.ids, values, strict=True):
        last = np.sort(row)[K - 1]
        assert np.all(row[ids] <= last + 2e-3 * (last - row.min() + 1e-6))


FORMULAS = [
    "sum(abs(x - y))",
    "max(abs(x - y))",
    "sum(x * log(2 * x / (x + y)) + y * log(2 * y / (x + y)))",
    "sum(abs(x - y)[1:]) + max(abs(x - y)[:-1])",
    "sum(abs(x - y)[3:]) + max(abs(x - y))",
    "max(cumsum(abs(x - y)))",
]


@pytest.mark.parametrize("d", [6, 7, 16, 33, 70])
@pytest.mark.parametrize("codes", [4, 8])
@pytest.mark.parametrize("distance", FORMULAS)
def test_kernels_compare_what_codes_stand_for(distance: str, codes: int, d: int) -> None:
    points = (RNG.random((420, d)) ** 3 + 1e-3).astype(np.float32)
    points, queries = points[:400], points[400:]
    index = anear.Index(points, distance, method="hnsw", options={"codes": codes})
    stand_for = decoded(index._built.core.parts, d, codes, False)
    assert np.abs(stand_for - points).max() < 0.2
    agree(index, queries, evaluate(anear.formula(distance), queries.astype(float), stand_for))


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize("d", [1, 2, 63, 64, 65, 128, 129, 300])
@pytest.mark.parametrize("codes", [4, 8])
def test_inner_products_are_those_of_what_codes_stand_for(codes: int, d: int) -> None:
    points = (3.0 + RNG.standard_normal((420, d))).astype(np.float32)
    points, queries = points[:400], points[400:]
    index = anear.Index(points, "euclidean", method="hnsw", options={"codes": codes})
    parts = index._built.core.parts
    stand_for = decoded(parts, d, codes, True)
    assert np.abs(stand_for - points).max() < (2.5 if codes == 4 else 0.1)
    middle, share, shift = parts["code_common"][:-2], *parts["code_common"][-2:]
    weights = -2.0 * points
    np.testing.assert_array_equal(middle, np.sort(weights, axis=0)[len(points) // 2])
    assert 0 <= share <= 1
    own = (points.astype(float) ** 2).sum(1) + points @ middle - shift
    own += share * ((weights - middle) * (points - stand_for)).sum(1)
    np.testing.assert_allclose(parts["code_scalars"], own, atol=1e-4 * d)
    asked = -2.0 * queries - middle
    if codes == 4:  # beside which weights have eight bits as well
        scale = np.abs(asked * parts["code_step"]).max(axis=1, keepdims=True) / 127
        asked = np.rint(asked * parts["code_step"] / scale) * scale / parts["code_step"]
    agree(index, queries, own + asked @ stand_for.T)


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize("d", [16, 100, 700, 4096, 4100])
@pytest.mark.parametrize("codes", [4, 8])
def test_the_largest_codes_and_weights(codes: int, d: int) -> None:
    """All at the ends of their ranges: what sums to most, in registers of whatever kind."""
    points = RNG.choice(np.array([-1, 1], np.float32), (300, d))
    points[:2] = [[1], [-1]]
    points = np.array(list(dict.fromkeys(map(tuple, points))), np.float32)  # of copies any may come first
    queries = points[:4]
    index = anear.Index(points, "negdotprod", method="hnsw", options={"codes": codes})
    found = index.search(queries, 1, ef=300, rerank=1)
    np.testing.assert_array_equal(found.ids[:, 0], np.arange(4))


@pytest.mark.parametrize("codes", [4, 8])
@pytest.mark.parametrize("distance", ["euclidean", "sum((x - y) ** 2 * (1 + (x - y) ** 2))", "jensen_shannon"])
def test_codes_of_points_far_from_the_origin(distance: str, codes: int) -> None:
    far = 10.0 if distance == "jensen_shannon" else 1e4
    points = (far + RNG.random((1100, 20))).astype(np.float32)
    points, queries = points[:1000], points[1000:]
    index = anear.Index(points, distance, method="hnsw", options={"codes": codes})
    assert recall(index.search(queries, ef=200), anear.knn(points, queries, distance=distance)) > 0.97


@pytest.mark.parametrize("method", GRAPHS)
def test_sixteen_levels_serve_heavy_tails(method: str) -> None:
    points = RNG.standard_t(4, size=(2200, 90)).astype(np.float32)
    points, queries = points[:2000], points[2000:]
    gold = anear.knn(points, queries, distance="cosine")
    index = anear.Index(points, "cosine", method=method, options={"codes": 4})
    assert recall(index.search(queries, ef=400), gold) > 0.95
    assert index.nbytes < anear.Index(points, "cosine", method=method, options={"codes": 8}).nbytes


def test_as_many_are_compared_as_are_of_use() -> None:
    points = RNG.standard_t(3, size=(2100, 60)).astype(np.float32)
    points, queries = points[:2000], points[2000:]
    gold = anear.knn(points, queries, 5, distance="manhattan")
    index = anear.Index(points, "manhattan", method="hnsw", options={"codes": 4})
    few, usual = (recall(index.search(queries, 5, ef=800, **more), gold) for more in ({"rerank": 15}, {}))
    assert few < usual - 0.02
    before = index.distances_computed.exact
    index.search(queries, 5, ef=800)
    assert 15 * len(queries) < index.distances_computed.exact - before < 100 * len(queries)


@pytest.mark.parametrize("method", ["vamana", "ivf"])
def test_rerank_of_one_query_and_of_many(method: str) -> None:
    """Plain queries take a way of their own; it hears of ``rerank`` as well, and leaves what is wrong to others."""
    points = RNG.standard_t(3, size=(900, 40)).astype(np.float32)
    index, plain = (anear.Index(points, method=method, options={"codes": codes}) for codes in (4, 0))
    queries = points[:30] + np.float32(0.01)
    for rerank in (1, 6, 15):
        before = index.distances_computed.exact
        one = [index.search(query, 5, ef=20, rerank=rerank) for query in queries]
        assert index.distances_computed.exact - before == len(queries) * max(rerank, 5)
        listed = index.search(queries.tolist(), 5, ef=20, rerank=rerank)  # not plain
        assert np.array_equal(index.search(queries, 5, ef=20, rerank=rerank).ids, listed.ids)
        assert np.array_equal([found.ids for found in one], listed.ids)
        assert np.array_equal([found.distances for found in one], listed.distances)
    for wrong in (0, 1.5, "a"):
        with pytest.raises(anear.ArgumentError, match="rerank is "):
            index.search(queries[0], 5, rerank=wrong)
    with pytest.raises(anear.ArgumentError, match="this one has none"):
        plain.search(queries[0], 5, rerank=6)


@pytest.mark.parametrize("codes", [4, 8])
def test_points_that_come_later_may_lie_outside(codes: int) -> None:
    points = RNG.standard_normal((900, 10)).astype(np.float32)
    index = anear.Index(points[:800], "manhattan", method="vamana", options={"codes": codes})
    index.add(points[800:] * 4)
    found = index.search(points[800:] * 4, 1, ef=400, rerank=60)
    assert np.mean(found.ids[:, 0] == np.arange(800, 900)) > 0.95


@pytest.mark.parametrize("codes", [4, 8])
def test_numbers_that_are_none(codes: int) -> None:
    points = RNG.standard_normal((300, 12)).astype(np.float32)
    points[::7, 3] = np.nan
    points[::11, 5] = np.inf
    for distance in ("euclidean", "manhattan"):
        index = anear.Index(points, distance, method="hnsw", options={"codes": codes}, allow_nan=True)
        plain = np.flatnonzero(np.isfinite(points).all(axis=1))
        found = index.search(points[plain[:40]], 1, ef=300, rerank=60)
        assert np.mean(found.ids[:, 0] == plain[:40]) > 0.9


@pytest.mark.parametrize("distance", ["kldiv", "sum(x * log(x / y)) + abs(x[0] - y[1])"])
def test_points_that_are_no_queries(distance: str) -> None:
    """As queries the points have infinite weights: what their codes are off by is then left as it is."""
    points = RNG.dirichlet([0.5] * 12, 800).astype(np.float32)
    points[::5, 3] = 0
    queries = RNG.dirichlet([0.5] * 12, 40).astype(np.float32) + np.float32(1e-4)
    if distance != "kldiv":
        points += np.float32(1e-6)
    index = anear.Index(points, distance, method="hnsw", options={"codes": 4}, check_domain=False)
    gold = anear.knn(points, queries, distance=distance, check_domain=False)
    assert recall(index.search(queries, ef=800, rerank=100), gold) > 0.9

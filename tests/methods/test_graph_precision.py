"""Walks of formulas that lose digits as they are written: float32 would not tell near points from far ones."""

from __future__ import annotations

import numpy as np
import pytest

import anear
from anear.errors import ArgumentError
from anear.index.methods import GRAPHS

CANCELLING = "sqrt(sum(x**2) + sum(y**2) - 2 * sum(x * y))"
RNG = np.random.default_rng(3)
FAR = (1e4 + RNG.standard_normal((1300, 16))).astype(np.float32)
POINTS, QUERIES = FAR[:1200], FAR[1200:]


def recall(found: anear.Neighbors, gold: anear.Neighbors) -> float:
    """The share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.ids, gold.ids, strict=True)]))


@pytest.mark.parametrize("method", GRAPHS)
def test_a_formula_that_cancels_finds_its_neighbours(method: str) -> None:
    index = anear.Index(POINTS, CANCELLING, method=method)
    assert recall(index.search(QUERIES, 10, ef=200), anear.knn(POINTS, QUERIES, 10, distance=CANCELLING)) > 0.97


def test_so_does_a_graph_that_is_built_by_one() -> None:
    index = anear.Index(POINTS, "euclidean", method="hnsw", options={"index_distance": CANCELLING})
    assert recall(index.search(QUERIES, 10, ef=200), anear.knn(POINTS, QUERIES, 10)) > 0.97


def test_and_the_graph_of_the_neighbours() -> None:
    assert anear.knn_graph(POINTS, 10, distance=CANCELLING).recall > 0.97


def test_equal_points_are_not_what_float64_would_tell_apart() -> None:
    points = np.repeat(POINTS[:12] - np.float32(1e4), 100, axis=0)
    anear.Index(points, CANCELLING, method="hnsw", options={"codes": 8})  # which are refused where float64 is needed


def test_codes_are_refused_where_float32_is_too_coarse() -> None:
    with pytest.raises(ArgumentError, match="whose rounding is not bounded, or is too large beside the distances"):
        anear.Index(POINTS, CANCELLING, method="hnsw", options={"codes": 8})

"""kd_tree: queries that are answered side by side, each of which goes its own way, get what the scan gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.methods.support import agree, lattice, uniform

import anear

Array = Any

SIZES = (7, 300, 5_000, 70_000)
"""Of one to five levels of cells: in float32 more than two, and in float64 more than four, take a second word."""


def huge(rng: np.random.Generator, n: int, d: int) -> Array:
    """Some points so far out that their squares are infinite: such values nobody can list."""
    points = rng.random((n, d))
    points[:: n // 7] *= 1e30
    return points


@pytest.mark.parametrize("storage", ["float32", "float64"])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("data", [uniform, lattice, huge])
def test_answers(data: Any, n: int, storage: str) -> None:
    rng = np.random.default_rng(n)
    points, queries = data(rng, n, 3).astype(storage), data(rng, 150, 3).astype(storage)
    tree, scan = anear.Index(points, method="kd_tree"), anear.Index(points)
    agree(tree, scan, queries, (1, 2, 10, 15, 16))


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0005])
@pytest.mark.parametrize("data", [uniform, lattice])
def test_some_points_are_allowed(data: Any, share: float) -> None:
    rng = np.random.default_rng(3)
    points, queries = data(rng, 5_000, 3), data(rng, 100, 3)
    tree, scan = anear.Index(points, method="kd_tree"), anear.Index(points)
    allow = rng.random(len(points)) < share
    agree(tree, scan, queries, (1, 10), allow=allow)


@pytest.mark.parametrize("data", [uniform, lattice])
def test_each_query_excludes_a_point(data: Any) -> None:
    points = data(np.random.default_rng(5), 5_000, 3)
    tree, scan = anear.Index(points, method="kd_tree"), anear.Index(points)
    itself = np.arange(len(points))
    agree(tree, scan, points, (1, 10), exclude=itself)


def test_company_changes_nothing() -> None:
    rng = np.random.default_rng(7)
    points, queries = rng.random((5_000, 4)), rng.random((50, 4))
    tree = anear.Index(points, method="kd_tree")
    for options in ({}, {"max_leaves": 1}, {"max_leaves": 3}):
        for k in (1, 10):
            whole = tree.search(queries, k, **options)
            for i, query in enumerate(queries):
                alone = tree.search(query, k, **options)
                np.testing.assert_array_equal(alone.ids, whole.ids[i])
                np.testing.assert_array_equal(alone.distances, whole.distances[i])


def test_visits_are_those_of_queries_alone() -> None:
    rng = np.random.default_rng(9)
    points, queries = rng.random((5_000, 3)), rng.random((40, 3))
    tree = anear.Index(points, method="kd_tree")
    before = tree.distances_computed
    tree.search(queries, 10)
    together = tree.distances_computed
    for query in queries:
        tree.search(query, 10)
    alone = tree.distances_computed
    assert together.scanned - before.scanned == alone.scanned - together.scanned > 0
    assert together.exact - before.exact == alone.exact - together.exact > 0

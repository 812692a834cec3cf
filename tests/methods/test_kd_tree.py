"""kd_tree: whatever the data and the distance, its answers are the scan's, to the last tie."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.index.support import STORAGE, check_knn, matrix, same, stored
from tests.methods.support import DATA, agree, agree_within

import anear

Array = npt.NDArray[Any]

FORMULAS = (
    "sqeuclidean",
    "euclidean",
    "manhattan",
    "chebyshev",
    "minkowski:p=0.5",
    "cosine",
    "kldivgen",
    "itakura_saito",
    "jensen_shannon",
    "canberra",
    "chi_square",
    "sum(abs(x - y)) + max(abs(x - y))",
)
"""With a kink, smooth, of one coordinate, not a metric, with another order of points, of two kinds of reductions."""


def both(points: Array, distance: Any, **options: Any) -> tuple[anear.Index, anear.Index]:
    """The tree and the scan."""
    return anear.Index(points, distance, method="kd_tree", **options), anear.Index(points, distance, **options)


def cases() -> list[Any]:
    """Every formula on every kind of data, in one storage type and dimension each; in all of them for the whole matrix.

    In 20 dimensions every leaf is visited, and nothing may be lost on the way.
    """
    whole = [(f, data, d, s) for f in FORMULAS for data in DATA for d in (1, 2, 3, 8, 20) for s in STORAGE[:2]]
    if os.environ.get("ANEAR_TESTS") == "full":
        return whole
    return [
        (f, data, (2, 8, 3, 1)[(i + j) % 4], STORAGE[(i + j // 2) % 2])
        for i, f in enumerate(FORMULAS)
        for j, data in enumerate(DATA)
    ]


@pytest.mark.parametrize(("formula", "data", "d", "storage"), cases())
def test_all_kinds_of_data(formula: str, data: str, d: int, storage: str) -> None:
    rng = np.random.default_rng(d)
    points = DATA[data](rng, 900, d).astype(storage)
    queries = np.concatenate([points[::300], DATA[data](rng, 4, d).astype(storage)])
    tree, flat = both(points, formula)
    agree(tree, flat, queries, (1, 10, 100, 900))
    agree_within(tree, flat, queries)


@pytest.mark.parametrize("formula", ["sum(abs(x - y)) + 1e9 * sum(x)", "sum((x - y)**2) - 1e12 * sum(x**2)"])
def test_what_queries_add_to_all_distances_makes_ties(formula: str) -> None:
    """Beside a large number the last digits of a distance are gone: the ties go to the smaller id."""
    rng = np.random.default_rng(1)
    for storage in ("float32", "float64"):
        points = (1e3 + rng.random((2000, 3))).astype(storage)
        tree, flat = both(points, formula)
        everything = flat.search(points[:20], 2000)
        for k in (1, 10, 50):
            for index in (tree, flat):
                np.testing.assert_array_equal(index.search(points[:20], k).ids, everything.ids[:, :k])


def test_a_radius_that_is_a_distance_but_for_its_rounding() -> None:
    """The formula itself is off by its last digits; a bound without any error of its own must leave room for them."""
    rng = np.random.default_rng(0)
    for name in ("half_space", "poincare_ball", "hyperboloid", "sqrt(sum(x * x) - 2 * sum(x * y) + sum(y * y) + 1)"):
        points = np.concatenate([np.ones((1, 2)), 1 + 1e-4 * rng.random((700, 2))]) * (0.2, 0.1)
        if name == "hyperboloid":
            points[:, 0] = np.sqrt(1 + points[:, 1] ** 2)
        tree, flat = both(points, name)
        everything = flat.search(points[:40], len(points))
        for place in (1, 2, 10):
            radius = everything.distances[:, place]
            inside = (everything.distances <= radius[:, None]).sum(axis=1)
            for index in (tree, flat):
                np.testing.assert_array_equal(index.count(points[:40], radius), inside)


def test_comparisons_with_what_is_no_number() -> None:
    """NaN compares as 0: the ends of an operand say nothing about a comparison where it may be NaN."""
    rng = np.random.default_rng(0)
    points, queries = (rng.normal(size=(n, 3)).astype(np.float32) for n in (900, 9))
    for formula in (
        "sum(log(y) >= -9)",
        "max(abs(x[0] ** y) >= sum(y) - 1)",
        "sum(arccos(y) >= 1)",
        "sum(where(sqrt(y) >= 0, x - y, 5)**2)",
        "where(log(max(y)) * 0, 1, 2) + sum(abs(x - y))",
        "where(where(max(x) + y[0], max(x == y), max(arccos(3 * x))), max(abs(x)), max(abs(y)))",
    ):
        tree, flat = both(points, formula)
        agree(tree, flat, queries, (1, 10, 100))
        agree_within(tree, flat, queries)


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("d", [1, 2, 3, 8, 17, 100, 1001])
def test_storage_types_and_dimensions(storage: str, d: int) -> None:
    rng = np.random.default_rng(d)
    points, queries = (stored(30 * rng.normal(size=(n, d)), storage) for n in (700, 9))
    tree, flat = both(points, "manhattan")
    agree(tree, flat, queries)
    agree_within(tree, flat, queries)
    check_knn(tree, queries, 3)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 257, 511, 513, 4095, 4097])
def test_any_number_of_points(n: int) -> None:
    """Around a block, a block of blocks, and a block of these."""
    rng = np.random.default_rng(n)
    points = rng.random((n, 2)).astype(np.float32)
    tree, flat = both(points, "sum(abs(x - y)**3)")
    agree(tree, flat, rng.random((5, 2)), (1, 3, n, n + 5))
    agree_within(tree, flat, rng.random((3, 2)))
    assert sorted(tree.order.tolist()) == list(range(n))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_answers_among_many_that_are_alike(dtype: type) -> None:
    """More equally near points than the list of the few nearest has places for, and values that are not finite."""
    lattice = np.stack(np.meshgrid(*[np.arange(12.0)] * 3), -1).reshape(-1, 3).astype(dtype)
    tree, flat = both(lattice, "sum((x - y)**2)")
    queries = np.concatenate([lattice[::97], lattice[::101] + dtype(0.5)])
    agree(tree, flat, queries, (*range(1, 18), 48, 49))
    positive = np.concatenate([lattice[:300], np.zeros((20, 3), dtype)])
    tree, flat = both(positive, "sum(log(abs(x - y)))")  # minus infinity at every shared coordinate
    agree(tree, flat, lattice[::211], (1, 2, 7, 15, 16))
    far = (lattice[:200] * dtype(1e160 if dtype is np.float64 else 1e20)).astype(dtype)
    tree, flat = both(far, "sum((x - y)**2)")  # which overflows
    agree(tree, flat, far[::17], (1, 3, 10, 15))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches(dtype: type) -> None:
    """Queries that go down together, in trees whose last nodes lack children and leaves."""
    rng = np.random.default_rng(4)
    queries = rng.random((150, 2)).astype(dtype)
    for n in (1, 2, 8, 9, 16, 17, 64, 65, 130, 513, 4097):
        tree, flat = both(rng.random((n, 2)).astype(dtype), "euclidean")
        agree(tree, flat, queries, (1, 2, 3, 9, 10, 15, 16))
        agree(tree, flat, queries, (1, 10), deny=rng.random(n) < 0.3)
        seen = [visited(tree, tree.search, queries, k) for k in (1, 2, 10) if 4 * k <= n]
        assert all(leaves >= len(queries) and settled >= 0 for _, leaves, settled in seen)
        if all(nodes == len(queries) for nodes, _, _ in seen):  # one node: its leaves are scanned or settled
            _, leaves, settled = visited(tree, tree.range_search, queries, 0.1)  # which nothing starts side by side
            assert {leaves + settled for _, leaves, settled in seen} <= {leaves + settled}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_near_ties_in_a_leaf_and_nowhere_else(dtype: type) -> None:
    """The smallest of the values that a search computes need not be the nearest, nor the first that is alike."""
    rng = np.random.default_rng(5)
    centres = 100 * rng.random((600, 3))
    axes = np.linalg.qr(rng.normal(size=(600, 3, 3)))[0]
    points = (centres[:, None] + np.concatenate([axes, -axes], axis=1)).reshape(-1, 3).astype(dtype)
    tree, flat = both(rng.permutation(points), "euclidean")
    agree(tree, flat, centres.astype(dtype), (1, 2, 3, 6))


@pytest.mark.parametrize("d", [1, 2, 3, 4, 7, 10, 12])
@pytest.mark.parametrize("count", [63, 64, 4095, 4096, 70_000])
def test_each_query_of_a_batch_gets_its_own_answer(count: int, d: int) -> None:
    """Large batches are put in order, of more queries by finer places and of more columns by other digits."""
    rng = np.random.default_rng(d)
    points, queries = rng.random((200, d)).astype(np.float32), rng.random((count, d)).astype(np.float32)
    queries[::9] = queries[3]
    tree, flat = both(points, "euclidean")
    assert same(tree.search(queries, 1), flat.search(queries, 1))


def visited(tree: anear.Index, search: Callable[..., object], *asked: Any) -> tuple[int, ...]:
    """Nodes, leaves and what was settled of a search."""
    before = tree.tree_visits
    search(*asked)
    return tuple(now - then for now, then in zip(tree.tree_visits, before, strict=True))


def test_filters() -> None:
    """Including those that leave nothing, or one point."""
    rng = np.random.default_rng(2)
    points, queries = (rng.random((n, 3)).astype(np.float32) for n in (3000, 20))
    tree, flat = both(points, "jensen_shannon")
    some = rng.random(3000) < 0.3
    for options in (
        {"allow": some},
        {"deny": some},
        {"allow": [7]},
        {"allow": np.zeros(3000, bool)},
        {"deny": np.ones(3000, bool)},
        {"exclude": rng.integers(-1, 3000, 20)},
        {"exclude": flat.search(queries, 1).ids[:, 0], "allow": some, "deny": np.arange(0, 3000, 7)},
    ):
        agree(tree, flat, queries, (1, 10, 500, 2999, 4000), **options)
        agree_within(tree, flat, queries, **options)
    for k in (1, 10, 800):
        assert same(tree.self_search(k), flat.self_search(k))
    for radius in (-1.0, 0.0, 1e-3, 0.05, np.inf):
        np.testing.assert_array_equal(tree.count(queries, radius), flat.count(queries, radius))


FIELDS = (
    "sum(abs(x - y)) + point_field('s')",
    "sum(abs(x - y)) * exp(point_field('s'))",
    "sqrt(sum((x - y)**2 * point_field('v', 3)))",
    "sum(query_field('w', 3) * abs(x - y)**1.5) + query_field('b')",
    "sum(abs(x - y)) + 0.2 * sum(abs(query_field('w', 3) - point_field('v', 3)))",
    "max(abs(x - y)) - query_field('b') * point_field('s')",
)


@pytest.mark.parametrize("formula", FIELDS)
@pytest.mark.parametrize("storage", ["float32", "float64", "float16"])
def test_fields(formula: str, storage: str) -> None:
    rng = np.random.default_rng(3)
    points, queries = (rng.random((n, 3)).astype(storage) for n in (2000, 12))
    fields = {"s": rng.normal(size=2000).astype(np.float32), "v": rng.random((2000, 3)).astype(np.float32)}
    given = {"w": rng.random((12, 3)), "b": rng.normal(size=12)}
    point_data = {name: value for name, value in fields.items() if f"point_field('{name}'" in formula}
    query_data = {name: value for name, value in given.items() if f"query_field('{name}'" in formula}
    tree, flat = both(points, formula, point_data=point_data)
    agree(tree, flat, queries, (1, 10, 400), query_data=query_data)
    agree_within(tree, flat, queries, query_data=query_data)


@pytest.mark.parametrize("storage", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("formula", ["sqeuclidean", "manhattan", "max(abs(x - y))", "sum(y)", "hamming", "canberra"])
def test_nan_and_infinity_where_allowed(formula: str, storage: str) -> None:
    rng = np.random.default_rng(6)
    rows = rng.normal(size=(1500, 3))
    rows[::7, 1] = np.nan
    rows[::5, 2] = np.inf
    rows[3::11, 0] = -np.inf
    rows[1000:] = np.where(rng.random((500, 3)) < 0.3, rng.choice([np.nan, np.inf, -np.inf], (500, 3)), rows[1000:])
    queries = rng.normal(size=(9, 3))
    queries[2, 0], queries[3, 1], queries[4], queries[5, 2] = np.inf, np.nan, np.nan, -np.inf
    points, queries = stored(rows, storage), stored(queries, storage)
    tree, flat = both(points, formula, allow_nan=True, check_domain=False)
    if formula == "max(abs(x - y))":
        queries = queries[[0, 1, 6, 7, 8]]  # whether max() sees a NaN is the order of its operands
    agree(tree, flat, queries, (1, 10, 300, 700, 1500))
    agree_within(tree, flat, queries[[0, 1, -1]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3e38])
def test_all_coordinates_the_same_odd_number(value: float) -> None:
    points = np.full((300, 2), value, np.float32)
    queries = np.array([[0, 1], [value, value], [np.inf, 0]], np.float32)
    tree, flat = both(points, "euclidean", allow_nan=True)
    agree(tree, flat, queries, (1, 10, 300))
    agree_within(tree, flat, queries)


def test_simplex_points_with_zeros() -> None:
    """0 log 0 is 0, and a query's 0 where a point has none is an infinite distance."""
    rng = np.random.default_rng(7)
    rows = rng.gamma(0.3, size=(3000, 4)) * (rng.random((3000, 4)) < 0.6)
    rows[rows.sum(axis=1) == 0, 0] = 1.0
    rows[::50] = np.eye(4)[rng.integers(0, 4, 60)]
    points = rows / rows.sum(axis=1, keepdims=True)
    full = rng.dirichlet(np.ones(4), 20)
    for storage in ("float32", "float64"):
        for name in ("kldiv", "kldivgen", "jensen_shannon", "hellinger", "chi_square", "topsoe", "bhattacharyya"):
            tree, flat = both(points.astype(storage), name)
            queries = (full if name.startswith("kldiv") else np.concatenate([full, points[:60:3]])).astype(storage)
            agree(tree, flat, queries, (1, 10, 1000))
            agree_within(tree, flat, queries)
        queries = points[:60].astype(storage)
        tree, flat = both(points.astype(storage), "kldiv", check_domain=False)
        agree(tree, flat, queries, (1, 10, 1000))
        agree_within(tree, flat, queries)


@pytest.mark.parametrize("name", ["kldiv", "kldivgen", "itakura_saito", "jensen_shannon", "chi_square", "hellinger"])
def test_outside_the_domain(name: str) -> None:
    """A query where the formula is no number has no neighbours, and its bounds exclude nothing."""
    rng = np.random.default_rng(8)
    points, queries = rng.random((2000, 3)), rng.normal(0.5, 1, (25, 3))
    for storage in ("float32", "float64"):
        tree, flat = both(points.astype(storage), name, check_domain=False)
        agree(tree, flat, queries.astype(storage), (1, 10, 300))
        agree_within(tree, flat, queries.astype(storage))


@pytest.mark.parametrize(
    "formula", ["sum(x * log(x / y) + (x - y)**2 / y)", "sum((x - y)**2 / sqrt(y))", "sum(y * exp(x) * (x - y)**2)"]
)
def test_queries_unlike_the_points(formula: str) -> None:
    """A bound that was proved for queries like the points is not used for others, whatever stands beside them."""
    rng = np.random.default_rng(9)
    points = rng.uniform(0.1, 1, (2000, 3)).astype(np.float32)
    tree, flat = both(points, formula, allow_nan=True)
    queries = np.concatenate([rng.uniform(0.1, 1, (5, 3)), rng.uniform(-50, 50, (9, 3)), [[np.nan, 1, 1]]])
    agree(tree, flat, queries, (1, 10, 300))
    agree_within(tree, flat, queries)
    for query in queries:
        agree(tree, flat, query[None], (10,))


def test_a_million_duplicates() -> None:
    rng = np.random.default_rng(10)
    points = np.repeat(rng.random((4, 2)), 250_000, axis=0).astype(np.float32)
    points[::100_000] += 1e-3
    tree, flat = both(points, "manhattan")
    agree(tree, flat, np.concatenate([points[:2], rng.random((1, 2))]), (1, 10, 3000))
    np.testing.assert_array_equal(tree.count(points[:1], 0.0), flat.count(points[:1], 0.0))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("split", ["spread", "round_robin"])
def test_the_same_tree_and_answers_for_any_number_of_threads(data: str, split: str) -> None:
    rng = np.random.default_rng(11)
    points = DATA[data](rng, 40_000, 2)
    queries = np.concatenate([points[::4000], points[:60] + 0.01])
    indexes = [
        anear.Index(points, "sqeuclidean", method="kd_tree", options={"split": split}, num_threads=team)
        for team in (1, 2, 3)
    ]
    found, inside = indexes[0].search(queries, 5, num_threads=1), indexes[0].count(queries, 1e-6, num_threads=1)
    for team, index in enumerate(indexes, 1):
        np.testing.assert_array_equal(index.order, indexes[0].order)
        assert same(index.search(queries, 5, num_threads=team), found)
        np.testing.assert_array_equal(index.count(queries, 1e-6, num_threads=team), inside)


@pytest.mark.parametrize(
    "formula", ["sum(y * y / y - x)", "sum(abs(x - y))**2 / sum(abs(x - y))", "sum(abs(x - y)) + 0 * log(sum(y))"]
)
def test_points_without_a_distance_are_not_counted(formula: str) -> None:
    """Simplified they would have one."""
    rng = np.random.default_rng(12)
    points = np.where(rng.random((900, 3)) < 0.3, 0, rng.normal(size=(900, 3)))
    tree, flat = both(points, formula)
    exact = matrix(flat, points[:9])
    for radius in (-1.0, 0.0, 1.003, 3.001, 1e9):
        inside = (exact <= radius).sum(axis=1)
        for index in (tree, flat):
            np.testing.assert_array_equal(index.count(points[:9], radius), inside)


@pytest.mark.parametrize("split", ["auto", "spread", "round_robin", "geodesic"])
@pytest.mark.parametrize("formula", [*FORMULAS, "minkowski:p=3", "lorentzian", "sum(cosh(x - y))", "seuclidean"])
def test_most_points_are_left_out(formula: str, split: str) -> None:
    """A bound that excludes nothing, or cells without shape, would be exact as well."""
    rng = np.random.default_rng(13)
    points = rng.random((20_000, 3)).astype(np.float32) + np.float32(0.01)
    params = {"V": np.array([1.0, 4.0, 0.5])} if formula == "seuclidean" else {}
    tree = anear.Index(points, formula, method="kd_tree", options={"split": split}, **params)
    before = tree.distances_computed.scanned
    tree.search(points[:20] + np.float32(0.003), 10)
    assert tree.distances_computed.scanned - before < 0.1 * 20 * 20_000


@pytest.mark.parametrize("formula", ["sum(x * log(x / y))", "sum(y * log(y / x))"])
def test_a_formula_of_ones_own_is_bounded_as_tightly_as_a_named_one(formula: str) -> None:
    """Histograms have equal sums whoever writes the formula; without them a third of the points would be looked at."""
    points = np.random.default_rng(0).dirichlet(np.ones(6), 20_000).astype(np.float32)
    index, scan = anear.Index(points, formula, method="kd_tree"), anear.Index(points, formula)
    found, true = index.search(points[:50], 10), scan.search(points[:50], 10)
    np.testing.assert_array_equal(found.ids, true.ids)
    assert index.distances_computed.scanned < 0.08 * 50 * len(points)

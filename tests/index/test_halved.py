"""Searches that filter by products of bfloat16: the answers are those of float64, to the last id."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import numpy.typing as npt
import pytest
from tests.index.support import check_knn, matrix, same

import anear
from anear.formula.halved import halved_plans
from anear.index import choice, tables
from anear.index.tables import host

Floats = npt.NDArray[np.floating]

pytestmark = pytest.mark.skipif(not host().pairs, reason="this machine does not multiply pairs of bfloat16")

DISTANCES = [
    "euclidean", "sqeuclidean", "cosine", "negdotprod", "kldiv", "itakura_saito", "hellinger", "correlation",
    "sum(y * log(y / x) - y + x)", "sum((x - y)**2) / (1 + sum(x))", "sum(x**2 * y) + sum(x * y**2)",
]  # fmt: skip


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few points are enough, and any bound."""
    for name in ("_FEW", "_MANY"):
        monkeypatch.setattr(choice, name, 0)
    for name in ("_DOUBTFUL", "_MOST"):
        monkeypatch.setattr(choice, name, 1.0)


@pytest.fixture
def by_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the bound that holds where no number is negative."""
    monkeypatch.setattr(tables, "halved_plans", lambda *args: islice(halved_plans(*args), 1, None))


def index_of(points: Floats, distance: anear.Expr | str, **options: object) -> anear.Index:
    index = anear.Index(points, distance, **options)  # type: ignore[arg-type]
    assert index._built.plan.halved
    return index


@pytest.mark.parametrize("dimension", [8, 9, 16, 31, 33, 100, 785])
@pytest.mark.parametrize("distance", DISTANCES)
def test_nearest(distance: str, dimension: int) -> None:
    rng = np.random.default_rng(dimension)
    points = (rng.dirichlet(np.full(dimension, 0.5), 500) + 1e-4).astype(np.float32)
    index = index_of(points, distance)
    queries = (rng.dirichlet(np.full(dimension, 0.5), 13) + 1e-4).astype(np.float32)
    for k in (1, 10, 120):
        check_knn(index, queries, k)
    check_knn(index, queries[0], 10)


DATA: dict[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "lattice": lambda rng, shape: rng.integers(0, 2, shape),
    "copies": lambda rng, shape: np.repeat(rng.normal(size=(1, shape[1])), shape[0], axis=0),
    "close": lambda rng, shape: 1 + 1e-6 * rng.normal(size=shape),
    "far": lambda rng, shape: 1e5 + rng.normal(size=shape),
    "tiny": lambda rng, shape: 1e-20 * rng.normal(size=shape),
    "below the normal": lambda rng, shape: 1e-40 * rng.normal(size=shape),
    "huge": lambda rng, shape: 1e18 * rng.normal(size=shape),
    "at the limit": lambda rng, shape: np.where(rng.random(shape) < 0.05, 8e37, rng.normal(size=shape)),
    "of all sizes": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-30, 15, shape),
    "nothing": lambda rng, shape: np.zeros(shape),
}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("distance", ["sqeuclidean", "negdotprod"])
def test_hard_data(distance: str, data: str) -> None:
    rng = np.random.default_rng(7)
    points = DATA[data](rng, (800, 24)).astype(np.float32)
    queries = np.concatenate([points[:5], DATA[data](rng, (5, 24)).astype(np.float32)])
    with np.errstate(over="ignore", invalid="ignore"):
        check_knn(index_of(points, distance), queries, 10)


def test_numbers_so_large_that_they_may_round_to_infinity() -> None:
    """They are cut off, which loses more than rounding: points that tell so little are looked at themselves."""
    rng = np.random.default_rng(12)
    points = (rng.integers(-8, 9, (900, 16)) / 2.0**10).astype(np.float32)
    queries = rng.normal(size=(6, 16)).astype(np.float32)
    queries[:, 3] = np.linspace(1.6e38, 3.4e38, 6)
    queries[:, 4] = -queries[::-1, 3] / 3
    check_knn(index_of(points, "dot(x, y)"), queries, 10)
    points[7, 2] = 3.4e38
    assert not anear.Index(points, "dot(x, y)")._built.plan.halved


@pytest.mark.usefixtures("by_sign")
@pytest.mark.parametrize("dimension", [8, 31, 100, 785])
@pytest.mark.parametrize("distance", ["itakura_saito", "dot(x, y)", "sum(y / x) - 3 * sum(y)", "kldiv"])
def test_nearest_where_no_number_is_negative(distance: str, dimension: int) -> None:
    rng = np.random.default_rng(dimension)
    points = (rng.dirichlet(np.full(dimension, 0.3), 900) + 1e-6).astype(np.float32)
    index = index_of(points, distance)
    assert index._built.plan.relative_to_rank
    queries = (rng.dirichlet(np.full(dimension, 0.3), 13) + 1e-6).astype(np.float32)
    for k in (1, 10, 120):
        check_knn(index, queries, k)
    check_knn(index, queries[0], 10)


@pytest.mark.usefixtures("by_sign")
@pytest.mark.parametrize("data", DATA)
def test_hard_data_where_no_number_is_negative(data: str) -> None:
    rng = np.random.default_rng(7)
    points = np.abs(DATA[data](rng, (800, 24))).astype(np.float32)
    index = index_of(points, "dot(x, y)")
    queries = np.concatenate([points[:5], np.abs(DATA[data](rng, (5, 24))).astype(np.float32)])
    with np.errstate(over="ignore", invalid="ignore"):
        check_knn(index, queries, 10)
        check_knn(index, -queries, 10)  # of which nothing is claimed
        index.add(-points[:3])  # nor of these
        check_knn(index, queries, 10)


def test_nan() -> None:
    rng = np.random.default_rng(8)
    points = rng.normal(size=(700, 16)).astype(np.float32)
    index = index_of(points[:100], "sqeuclidean", allow_nan=True)
    points[100:][rng.random(600) < 0.3, 5] = np.nan
    points[100:][rng.random(600) < 0.1, 7] = np.inf
    index.add(points[100:])
    with np.errstate(invalid="ignore"):
        check_knn(index, points[90:110], 10)
        check_knn(index, rng.normal(size=(9, 16)).astype(np.float32), 500)


def test_ranges_filters_and_the_points_themselves() -> None:
    rng = np.random.default_rng(9)
    points = rng.normal(size=(3000, 32)).astype(np.float32)
    queries = rng.normal(size=(7, 32)).astype(np.float32)
    index = index_of(points, "euclidean")
    exact = matrix(index, queries)
    radius = float(np.quantile(exact, 0.02))
    found = index.range_search(queries, radius)
    for q in range(7):
        assert set(found.of(q).ids) == set(np.flatnonzero(exact[q] <= radius))
    allowed = rng.permutation(3000)[:1500]
    some = index.search(queries, 5, allow=allowed)
    assert np.array_equal(some.ids, allowed[np.argsort(exact[:, allowed], kind="stable")[:, :5]])
    assert not (index.self_search(3).ids == np.arange(3000)[:, None]).any()


def test_any_number_of_threads_and_batches() -> None:
    rng = np.random.default_rng(10)
    index = index_of(rng.normal(size=(20_000, 64)).astype(np.float32), "cosine")
    queries = rng.normal(size=(300, 64)).astype(np.float32)
    whole = index.search(queries, 10, num_threads=1)
    assert same(whole, index.search(queries, 10, num_threads=3))
    for q in range(0, 300, 50):
        assert np.array_equal(index.search(queries[q], 10, num_threads=2).ids, whole.ids[q])


def test_points_that_come_later() -> None:
    """They may be larger than any that the middle and the bound were taken of."""
    rng = np.random.default_rng(11)
    points = rng.normal(size=(600, 16)).astype(np.float32)
    index = index_of(points[:300], "sqeuclidean")
    index.add(50 * points[300:])
    index.remove(np.arange(0, 300, 7))
    expected = anear.Index(index.points, "sqeuclidean", method="kd_tree")
    for queries in (points[:30], 50 * points[300:330]):
        assert np.array_equal(index.search(queries, 8).ids, index.ids[expected.search(queries, 8).ids])


def test_a_point_far_from_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sample has it, and the bound is as wide as it is far: then float32 is better."""
    monkeypatch.undo()
    rng = np.random.default_rng(13)
    points = rng.normal(size=(10_000, 16)).astype(np.float32)
    assert anear.Index(points, "euclidean")._built.plan.halved
    points[4321] = 1e4
    index = anear.Index(points, "euclidean")
    assert not index._built.plan.halved
    check_knn(index, points[:10], 10)


def test_it_is_said() -> None:
    points = np.random.default_rng(12).normal(size=(100, 16)).astype(np.float32)
    assert "an inner product of bfloat16" in str(index_of(points, "euclidean").explain())

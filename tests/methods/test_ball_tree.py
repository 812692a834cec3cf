"""ball_tree: the answers of a scan, for every metric and hard data; a refusal for everything else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.index.support import check_knn, same, stored
from tests.reference.distances import REFERENCE

import anear
from anear.errors import ArgumentError

RNG = np.random.default_rng(5)
METRICS = (
    "angular", "canberra", "chebyshev", "clark", "energy", "euclidean", "half_space", "hamming", "haversine",
    "hellinger", "hyperboloid", "jaccard", "jensen_shannon_metric", "kolmogorov_smirnov", "lorentzian", "manhattan",
    "matusita", "poincare_ball", "rogers_tanimoto", "soergel", "sokal_sneath", "wasserstein", "wave_hedges",
)  # fmt: skip
ROOT = "sum((x - y)**2) ** 0.5"


def answers_alike(points: npt.NDArray[np.generic], queries: npt.NDArray[np.generic], distance: str, k: int = 10) -> int:
    """Whether tree and scan agree to the last tie, in k-NN and range search; how many points the tree looked at."""
    flat, tree = anear.Index(points, distance), anear.Index(points, distance, method="ball_tree")
    assert sorted(tree.order) == list(range(len(points)))
    found = flat.search(queries, k)
    assert same(tree.search(queries, k), found)
    radii = found.distances[:, -1].astype(np.float64)
    radii[~np.isfinite(radii)] = 1.0
    wanted, given_ = flat.range_search(queries, radii), tree.range_search(queries, radii)
    assert same((given_.ids, given_.distances, given_.offsets), (wanted.ids, wanted.distances, wanted.offsets))
    return tree.distances_computed.scanned


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("storage", ["float64", "float32"])
def test_every_metric_gives_the_answers_of_a_scan(name: str, storage: str) -> None:
    twin = REFERENCE[name]
    d = int(np.clip(5, *twin.dimensions))
    points, queries = (stored(twin.either(RNG, n, d), storage) for n in (700, 9))
    answers_alike(points, queries, name)


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 7.0])
def test_powers_of_norms(p: float) -> None:
    points = RNG.normal(size=(600, 4)).astype(np.float32)
    answers_alike(points, points[:9] + np.float32(0.01), f"lp:p={p}")


@pytest.mark.parametrize("storage", ["float16", "bfloat16", "int8", "uint8"])
def test_every_storage_type(storage: str) -> None:
    points, queries = (stored(30 * RNG.random((n, 6)), storage) for n in (500, 7))
    tree = anear.Index(points, "manhattan", method="ball_tree")
    check_knn(tree, queries, 12)


def chained(n: int) -> npt.NDArray[np.float32]:
    """A curve in 24 dimensions: few dimensions of its own, which no box shows."""
    t = np.sort(RNG.random(n))[:, None] * 40
    return np.concatenate([np.sin(t * (1 + i / 7)) for i in range(24)], axis=1).astype(np.float32)


HARD: dict[str, Callable[[], npt.NDArray[np.float32]]] = {
    "one point": lambda: np.ones((1, 3), np.float32),
    "all equal": lambda: np.full((900, 3), 0.1, np.float32),
    "few different": lambda: RNG.integers(0, 2, (900, 3)).astype(np.float32),
    "lattice": lambda: RNG.integers(-4, 5, (900, 3)).astype(np.float32),
    "far clusters": lambda: (RNG.normal(size=(900, 3)) + 1e4 * RNG.integers(0, 3, (900, 1))).astype(np.float32),
    "huge and tiny": lambda: (RNG.normal(size=(900, 3)) * 10.0 ** RNG.integers(-18, 18, (900, 1))).astype(np.float32),
    "outliers": lambda: np.concatenate([RNG.normal(size=(890, 3)), 1e9 * RNG.normal(size=(10, 3))]).astype(np.float32),
    "beyond squares": lambda: (1e30 * RNG.normal(size=(900, 3))).astype(np.float32),
    "subnormal": lambda: (1e-42 * RNG.normal(size=(900, 3))).astype(np.float32),
    "one line": lambda: np.outer(np.arange(900), [1, 0, 0]).astype(np.float32),
    "a curve": lambda: chained(900),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("distance", ["euclidean", "manhattan", "chebyshev", "sum(abs(x - y)) / (1 + sum(abs(x - y)))"])
def test_hard_data(name: str, distance: str) -> None:
    points = HARD[name]()
    queries = np.concatenate([points[::200], points[::200] * np.float32(1.001) + np.float32(0.01)])
    for k in (1, 20):
        answers_alike(points, queries, distance, k)


@pytest.mark.parametrize("n", [2, 7, 8, 16, 17, 63, 64, 65, 255, 256, 257, 4096, 4097, 5000])
def test_every_number_of_points(n: int) -> None:
    points = RNG.random((n, 2)).astype(np.float32)
    answers_alike(points, points[:5], "euclidean", 3)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 6), st.sampled_from([1e-3, 1.0, 1e5]))
@settings(max_examples=40)
def test_random_data(seed: int, n: int, d: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    points = (np.round(random.normal(size=(n, d)) * 3) * scale).astype(np.float32)
    queries = (np.round(random.normal(size=(4, d)) * 3) * scale).astype(np.float32)
    answers_alike(points, queries, "manhattan", int(random.integers(1, 12)))


def test_filters_and_exclusions() -> None:
    points = RNG.random((3000, 5)).astype(np.float32)
    flat, tree = (anear.Index(points, "euclidean", method=method) for method in ("flat", "ball_tree"))
    allow = RNG.random(3000) < 0.03
    assert same(tree.search(points[:40], 6, allow=allow), flat.search(points[:40], 6, allow=allow))
    assert same(tree.self_search(4), flat.self_search(4))


def test_points_that_are_no_numbers() -> None:
    points = RNG.normal(size=(2000, 3)).astype(np.float32)
    points[::50, 1], points[7::90, 0] = np.nan, np.inf
    flat, tree = (anear.Index(points, "manhattan", method=m, allow_nan=True) for m in ("flat", "ball_tree"))
    queries = points[1:30]
    assert same(tree.search(queries, 15), flat.search(queries, 15))
    assert same(tree.search(queries, 1990), flat.search(queries, 1990))


def test_the_tree_leaves_out_nearly_all_of_a_curve() -> None:
    points = chained(60_000)
    tree = anear.Index(points, "euclidean", method="ball_tree")
    before = tree.distances_computed.scanned
    tree.search(points[:1000:20], 5)
    assert tree.distances_computed.scanned - before < 0.02 * 50 * len(points)


def test_any_number_of_threads_builds_the_same_tree() -> None:
    points = RNG.random((40_000, 3)).astype(np.float32)
    orders = [anear.Index(points, "euclidean", method="ball_tree", num_threads=t).order for t in (1, 2, 3)]
    assert (orders[0] == orders[1]).all()
    assert (orders[0] == orders[2]).all()


def test_a_saved_tree_answers_alike(tmp_path: object) -> None:
    points = RNG.random((500, 3))
    tree = anear.Index(points, "euclidean", method="ball_tree")
    tree.save(f"{tmp_path}/tree")
    assert same(anear.load(f"{tmp_path}/tree").search(points[:5], 3), tree.search(points[:5], 3))


@pytest.mark.parametrize(
    ("distance", "what"),
    [
        ("sqeuclidean", "the triangle inequality fails: for example"),
        ("kldivgen", "symmetry fails: for example"),
        ("sum(abs(x - y)) + 1", "being 0 from an object to itself fails"),
        ("sum(x - y)", "symmetry fails"),
        ("-sum(abs(x - y))", "being never negative fails"),
        ("sum(abs(x - y)) * (1 + sum(abs(x - y)) / 50)", "the triangle inequality"),
    ],
)
def test_what_is_no_metric_is_refused(distance: str, what: str) -> None:
    points = RNG.random((50, 3)) + 0.1
    with pytest.raises(ArgumentError, match=what) as caught:
        anear.Index(points, distance, method="ball_tree")
    assert "method='flat' serves" in str(caught.value)


def test_fields_are_refused() -> None:
    with pytest.raises(ArgumentError, match="it depends on fields"):
        anear.Index(
            np.ones((5, 2)), "sum(abs(x - y)) * point_field('w')", method="ball_tree", point_data={"w": np.ones(5)}
        )


def test_claims_hold_where_the_domain_is_checked() -> None:
    points = np.abs(RNG.normal(size=(200, 3)))
    anear.Index(points, "soergel", method="ball_tree")
    with pytest.raises(ArgumentError, match="is not known to be one"):
        anear.Index(points, "hyperboloid", method="ball_tree", check_domain=False)

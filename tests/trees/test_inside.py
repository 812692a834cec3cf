"""What the trees show of themselves: arrays, counts, state; and that they need no scikit-learn."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.reference.trees import METRICS, matrix

import anear

TREES = (anear.KDTree, anear.BallTree)


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize(("n", "leaf_size"), [(1, 40), (2, 1), (37, 3), (256, 8), (300, 1000)])
def test_arrays_are_a_binary_tree(tree: Any, n: int, leaf_size: int) -> None:
    points = np.random.default_rng(0).normal(size=(n, 3))
    built = tree(points, leaf_size=leaf_size, metric="l1")
    shown, ids, nodes, bounds = built.get_arrays()
    np.testing.assert_array_equal(shown, points)
    assert sorted(ids.tolist()) == list(range(n))
    assert (nodes["idx_start"][0], nodes["idx_end"][0]) == (0, n)
    for node, (start, stop, is_leaf, radius) in enumerate(nodes.tolist()):
        inside = points[ids[start:stop]]
        if is_leaf:
            assert 2 * node + 1 >= len(nodes)
            assert stop - start <= 2 * leaf_size
        else:
            left, right = nodes[2 * node + 1], nodes[2 * node + 2]
            assert (left["idx_start"], left["idx_end"], right["idx_end"]) == (start, right["idx_start"], stop)
        if tree is anear.KDTree:
            np.testing.assert_array_equal(bounds[:, node], [inside.min(axis=0), inside.max(axis=0)])
            centre = bounds[:, node].mean(axis=0)
            assert radius == pytest.approx(np.abs(bounds[1, node] - centre).sum())
        else:
            np.testing.assert_allclose(bounds[0, node], inside.mean(axis=0))
            assert radius == pytest.approx(matrix(bounds[:, node], inside, METRICS["l1"]).max())


def test_attributes() -> None:
    points = np.random.default_rng(1).random((50, 2))
    tree = anear.BallTree(points, leaf_size=5, sample_weight=np.arange(50.0))
    assert tree.data.base is points or np.shares_memory(tree.data, points)
    assert not tree.data.flags.writeable
    assert tree.sum_weight == np.arange(50.0).sum()
    np.testing.assert_array_equal(tree.sample_weight, np.arange(50.0))
    assert anear.KDTree(points).sum_weight == 50
    assert anear.KDTree(points).sample_weight is None
    np.testing.assert_array_equal(tree.idx_array, tree.get_arrays()[1])
    np.testing.assert_array_equal(tree.node_data, tree.get_arrays()[2])
    np.testing.assert_array_equal(tree.node_bounds, tree.get_arrays()[3])
    assert "haversine" in anear.BallTree.valid_metrics
    assert "haversine" not in anear.KDTree.valid_metrics


def test_fewer_distances_than_pairs_are_computed() -> None:
    points = np.random.default_rng(2).random((20_000, 2))
    tree = anear.KDTree(points)
    tree.query(points[:100], k=2)
    assert 100 < tree.get_n_calls() < 100 * 20_000 / 10
    tree.reset_n_calls()
    assert tree.get_n_calls() == 0


@pytest.mark.parametrize("tree", [anear.KDTree, anear.KDTree32, anear.BallTree])
def test_stats_are_those_of_the_last_query(tree: Any) -> None:
    points = np.random.default_rng(6).random((4096, 3))  # a full tree whatever the number of lanes, which divides 4096
    built = tree(points)
    assert built.get_tree_stats() == (0, 0, 0)
    built.query_radius([[100.0] * 3], r=0.1)
    lanes, leaves, splits = built.get_tree_stats()
    assert (lanes & (lanes - 1), leaves, splits) == (0, 0, 1)
    built.query_radius([[0.5] * 3], r=100.0)
    inner = (4096 // lanes - 1) // (lanes - 1)
    assert built.get_tree_stats() == (0, 4096 // lanes, inner)
    before = built.get_n_calls()
    built.query(points[:50] + 0.01, k=3)
    trims, leaves, splits = built.get_tree_stats()
    assert trims + leaves + splits - 50 == lanes * splits
    assert 50 <= leaves <= (built.get_n_calls() - before) / lanes
    assert 0 < leaves < 50 * 4096 / lanes / 4
    built.reset_n_calls()
    assert built.get_tree_stats() == (trims, leaves, splits)
    assert sum(pickle.loads(pickle.dumps(built)).get_tree_stats()) == 0


def test_stats_of_what_is_settled_at_once() -> None:
    points = np.random.default_rng(7).random((4096, 2))
    tree = anear.KDTree(points)
    tree.query_radius([[0.5, 0.5]], r=100.0, count_only=True)  # whole cells are within
    trims, leaves, splits = tree.get_tree_stats()
    assert (leaves, splits) == (0, 1)
    assert trims > 1
    tree.two_point_correlation(points[:5], [1e-3, 100.0])
    trims, leaves, splits = tree.get_tree_stats()
    assert splits >= 5
    assert trims > leaves > 0
    tree.kernel_density(points[:5], h=1e-2, kernel="linear")
    assert min(tree.get_tree_stats()) > 0
    tree.query(points[:5], k=4000)  # nearly all are answers
    assert tree.get_tree_stats() == (0, 0, 0)


def test_stats_without_a_tree() -> None:
    tree = anear.BallTree(np.eye(3), metric=lambda x, y: abs(x - y).sum())
    tree.query(np.eye(3))
    assert tree.get_tree_stats() == (0, 0, 0)
    assert anear.Index(np.eye(3)).tree_visits == (0, 0, 0)


@pytest.mark.parametrize("tree", [anear.KDTree32, anear.BallTree])
@pytest.mark.parametrize("metric", ["minkowski", "sum(abs(x - y) ** 3)", METRICS["l1"]])
def test_pickled_and_copied(tree: Any, metric: Any) -> None:
    points = np.random.default_rng(3).random((60, 3))
    metric = METRICS["hamming"] if callable(metric) else metric
    built = tree(points, leaf_size=7, metric="l1" if callable(metric) else metric, sample_weight=np.ones(60))
    for other in (pickle.loads(pickle.dumps(built)), copy.copy(built), copy.deepcopy(built)):
        assert type(other) is tree
        for mine, theirs in zip(built.query(points[:9], 4), other.query(points[:9], 4), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert len(other.node_data) == len(built.node_data)
        np.testing.assert_array_equal(other.sample_weight, built.sample_weight)


def test_a_memory_map_is_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", np.random.default_rng(4).random((80, 3)))
    mapped = np.load(tmp_path / "points.npy", mmap_mode="r")
    tree = anear.KDTree(mapped)
    assert np.shares_memory(tree.data, mapped)
    np.testing.assert_array_equal(tree.query(mapped[:5], return_distance=False)[:, 0], range(5))


def test_queries_in_joblibs_processes_see_memory_maps() -> None:
    joblib = pytest.importorskip("joblib")
    points = np.random.default_rng(5).random((40, 3))
    tree = anear.BallTree(points)
    found = joblib.Parallel(n_jobs=2, max_nbytes=1)(joblib.delayed(tree.query)(part) for part in (points, points[:3]))
    np.testing.assert_array_equal(found[0][1][:, 0], range(40))
    np.testing.assert_array_equal(found[1][1][:, 0], range(3))


def test_no_scikit_learn_is_needed() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = sys.modules['scipy'] = None; import numpy as np, anear;"
        "t = anear.BallTree(np.eye(3), metric='jaccard'); t.get_arrays(); t.kernel_density(np.eye(3), 0.5);"
        "print(t.query(np.eye(3))[1].ravel().tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[0, 1, 2]"

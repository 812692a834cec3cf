"""SciPy's trees: every method against NumPy's float64, and against SciPy itself where shapes and kinds matter."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import scipy.spatial
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import anear.compat.scipy.pairs as pieces
from anear.compat.scipy import KDTree, cKDTree, cKDTreeNode
from anear.errors import ArgumentError

Array = Any
POWERS = (1.0, 1.5, 2.0, 3.0, np.inf)
# No box, one for all coordinates, one for some.
BOXES: tuple[Any, ...] = (None, 1.0, [0.0, 1.25, 1.0])


def distances(x: Array, y: Array, p: float = 2.0, boxsize: Any = None) -> Array:
    """All distances (len(x), len(y)) from the definition: on a torus, the nearest of the images of y."""
    gaps = np.abs(x[:, None, :] - y[None, :, :])
    if boxsize is not None:
        boxes = np.broadcast_to(np.asarray(boxsize, float), gaps.shape)
        turns = np.where(boxes > 0, gaps / np.where(boxes > 0, boxes, 1), 0)
        gaps = np.abs(gaps - np.round(turns) * boxes)
    if np.isinf(p):
        return gaps.max(-1)
    return (gaps**p).sum(-1) ** (1 / p)


def cloud(n: int, seed: int = 0, dimensions: int = 3) -> Array:
    return np.random.default_rng(seed).random((n, dimensions))


# --- neighbours of queries -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boxsize", BOXES, ids=str)
@pytest.mark.parametrize("p", POWERS)
def test_nearest(p: float, boxsize: Any) -> None:
    points, queries = cloud(300), 6 * cloud(40, seed=1) - 3
    true = distances(queries, points, p, boxsize)
    order = np.argsort(true, axis=1)[:, :7]
    found, ids = KDTree(points, boxsize=boxsize).query(queries, 7, p=p)
    np.testing.assert_array_equal(ids, order)
    np.testing.assert_allclose(found, np.take_along_axis(true, order, 1), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("boxsize", BOXES, ids=str)
@pytest.mark.parametrize("p", POWERS)
def test_ball(p: float, boxsize: Any) -> None:
    points, queries = cloud(300), 6 * cloud(40, seed=1) - 3
    radii = np.random.default_rng(2).uniform(0, 2, 40)
    true = distances(queries, points, p, boxsize) <= radii[:, None]
    tree = KDTree(points, boxsize=boxsize)
    found = tree.query_ball_point(queries, radii, p=p)
    for ids, row, query, radius in zip(found, true, queries, radii, strict=True):
        assert ids == np.flatnonzero(row).tolist()
        assert ids == tree.query_ball_point(query, float(radius), p=p) == tree.query_ball_point(query, radius, p=p)
    np.testing.assert_array_equal(tree.query_ball_point(queries, radii, p=p, return_length=True), true.sum(1))


@settings(max_examples=60, deadline=None)
@given(
    points=arrays(np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.integers(0, 4)),
    query=arrays(np.float64, (2,), elements=st.integers(-6, 10)),
    k=st.integers(1, 40),
    p=st.sampled_from((1.0, np.inf)),
    boxsize=st.sampled_from((None, 5.0, [0.0, 8.0])),
)
def test_ties_and_places_left_over(points: Array, query: Array, k: int, p: float, boxsize: Any) -> None:
    """On a grid distances are exact: ties go to the smaller index, as do those across the edge of the box."""
    true = distances(query[None], points, p, boxsize)[0]
    order = np.argsort(true, kind="stable")[:k]
    found, ids = cKDTree(points, boxsize=boxsize).query(query, [*range(1, k + 1)], p=p)
    left = k - len(order)
    np.testing.assert_array_equal(ids, [*order, *[len(points)] * left])
    np.testing.assert_array_equal(found, [*true[order], *[np.inf] * left])


def test_upper_bound_is_strict() -> None:
    tree = KDTree([[0.0], [1.0], [2.0]])
    found, ids = tree.query([0.0], k=3, distance_upper_bound=1.0)
    assert found.tolist() == [0, np.inf, np.inf]
    assert ids.tolist() == [0, 3, 3]
    assert tree.query_ball_point([0.0], 1.0) == [0, 1]


def test_eps_allows_for_rounding_and_no_more() -> None:
    spacing = np.sqrt(2)
    tree = KDTree(np.arange(4)[:, None] * spacing)
    assert len(tree.query_pairs(spacing, eps=0.1)) == 3
    assert tree.query_pairs(spacing * (1 - 1e-6), eps=0.1) == set()


def test_order_of_a_ball() -> None:
    tree = KDTree([[3.0], [0.0], [1.0], [9.0]])
    for ordered in (None, True, False):
        assert tree.query_ball_point([0.0], 5, return_sorted=ordered) == [0, 1, 2]
        assert tree.query_ball_point([[0.0]], 5, return_sorted=ordered).tolist() == [[0, 1, 2]]


# --- what comes out is what SciPy gives ------------------------------------------------------------------------------

CALLS: dict[str, Any] = {
    "one": lambda t, q: t.query(q[0]),
    "one of many": lambda t, q: t.query(q[0], 3),
    "listed": lambda t, q: t.query(q[0], [2]),
    "out of order": lambda t, q: t.query(q, [3, 1, 1]),
    "shaped": lambda t, q: t.query(q.reshape(2, 3, 3), 2),
    "shaped one": lambda t, q: t.query(q.reshape(2, 3, 3)),
    "none asked": lambda t, q: t.query(q[:0], 2),
    "more than there are": lambda t, q: t.query(q, t.n + 2),
    "bound": lambda t, q: t.query(q, 3, distance_upper_bound=0.2),
    "numpy's numbers": lambda t, q: t.query(q, np.int64(2), p=np.float32(1), workers=np.int8(1)),
    "float32": lambda t, q: t.query(q.astype(np.float32), 2),
    "lists": lambda t, q: t.query(q.tolist(), 2),
    "ball": lambda t, q: t.query_ball_point(q, 0.3),
    "ball of one": lambda t, q: t.query_ball_point(q[0], 0.3, return_sorted=True),
    "ball of none": lambda t, q: t.query_ball_point(q[:0], 0.3),
    "length": lambda t, q: t.query_ball_point(q.reshape(2, 3, 3), 0.3, return_length=True),
    "length of one": lambda t, q: t.query_ball_point(q[0], 0.3, return_length=True),
    "radii": lambda t, q: t.query_ball_point(q.reshape(2, 3, 3), [[0.1], [0.5]]),
    "pairs": lambda t, q: t.query_pairs(0.2),
    "tree": lambda t, q: [sorted(ids) for ids in t.query_ball_tree(type(t)(q), 0.4, p=1)],
    "counts": lambda t, q: t.count_neighbors(type(t)(q), [0.3, 0.1, 0.3, np.inf, 0]),
    "count": lambda t, q: t.count_neighbors(t, 0.3, p=1),
    "counts between": lambda t, q: t.count_neighbors(type(t)(q), [0, 0.1, 0.1, 0.5], cumulative=False),
    "no counts": lambda t, q: t.count_neighbors(t, []),
    "no weights": lambda t, q: t.count_neighbors(t, 0.3, weights=(None, None)),
    "weights": lambda t, q: t.count_neighbors(type(t)(q), [0.1, 0.3], weights=(t.data[:, 0], q[:, 1])),
    "weight": lambda t, q: t.count_neighbors(t, 0.3, weights=t.data[:, 0]),
    "half the weights": lambda t, q: t.count_neighbors(type(t)(q), [0.3, 2], weights=(None, q[:, 1]), cumulative=False),
    "dict": lambda t, q: t.sparse_distance_matrix(type(t)(q), 0.4, output_type="dict"),
    "dok": lambda t, q: t.sparse_distance_matrix(t, 0.2),
    "coo": lambda t, q: t.sparse_distance_matrix(type(t)(q), 0.4, 1.0, "coo_matrix").toarray(),
    "ndarray": lambda t, q: np.sort(t.sparse_distance_matrix(t, 0.2, output_type="ndarray"), order=("i", "j")),
    "attributes": lambda t, q: (t.n, t.m, t.leafsize, t.boxsize, t.mins, t.maxes, t.data),
}


def alike(mine: Any, theirs: Any) -> None:
    """The same kinds, shapes and values; distances to within rounding."""
    if isinstance(theirs, tuple):
        assert len(mine) == len(theirs)
        for one, other in zip(mine, theirs, strict=True):
            alike(one, other)
        return
    assert type(mine) is type(theirs)
    if isinstance(theirs, np.ndarray) and theirs.dtype.names:
        assert mine.dtype == theirs.dtype
        for field in theirs.dtype.names:
            alike(mine[field], theirs[field])
    elif isinstance(theirs, np.ndarray) and theirs.dtype != object:
        assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    elif scipy.sparse.issparse(theirs):
        assert (mine.shape, mine.nnz) == (theirs.shape, theirs.nnz)
        alike(mine.toarray(), theirs.toarray())
    elif isinstance(theirs, dict):
        assert mine.keys() == theirs.keys()
        np.testing.assert_allclose([mine[key] for key in theirs], list(theirs.values()), rtol=1e-12)
    elif isinstance(theirs, np.ndarray):
        assert mine.shape == theirs.shape
        assert mine.tolist() == theirs.tolist()
    elif isinstance(theirs, float):
        assert mine == pytest.approx(theirs, rel=1e-12)
    else:
        assert mine == theirs


@pytest.mark.parametrize("kind", ["KDTree", "cKDTree"])
@pytest.mark.parametrize("call", CALLS)
def test_as_scipy(call: str, kind: str) -> None:
    points, queries = cloud(60), cloud(6, seed=1)
    mine = KDTree if kind == "KDTree" else cKDTree
    theirs = getattr(scipy.spatial, kind)
    alike(CALLS[call](mine(points), queries), CALLS[call](theirs(points), queries))


@pytest.mark.parametrize(
    "call", [name for name in CALLS if name not in ("weights", "half the weights", "numpy's numbers")]
)
def test_as_scipy_on_a_torus(call: str) -> None:
    points, queries = cloud(60), cloud(6, seed=1)

    def boxed(tree: Any) -> Any:
        return type("Boxed", (tree,), {"__init__": lambda self, data: tree.__init__(self, data, boxsize=[1, 1.5, 0])})

    mine, theirs = boxed(KDTree)(points), boxed(scipy.spatial.KDTree)(points)
    alike(CALLS[call](mine, queries), CALLS[call](theirs, queries))


@pytest.mark.parametrize("call", [name for name in CALLS if name not in ("one of many", "weight", "weights")])
def test_as_scipy_without_points(call: str) -> None:
    queries = cloud(6, seed=1)
    empty = np.empty((0, 3))
    alike(CALLS[call](KDTree(empty), queries), CALLS[call](scipy.spatial.KDTree(empty), queries))


def test_a_tree_beside_one_on_a_torus() -> None:
    """The first tree's box decides, wherever the other's points are."""
    points, others = cloud(50), 4 * cloud(30, seed=1) - 2
    true = distances(points, others, 2, 1.0)
    tree, other = KDTree(points, boxsize=1.0), KDTree(others)
    assert tree.query_ball_tree(other, 0.3) == [np.flatnonzero(row).tolist() for row in true <= 0.3]
    assert tree.count_neighbors(other, 0.3) == np.count_nonzero(true <= 0.3)
    weights = np.arange(30.0)
    found = tree.count_neighbors(other, 0.3, weights=(None, weights))
    assert found == pytest.approx(((true <= 0.3) * weights).sum())


def test_pairs_in_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a few pairs each, some queries having more than a piece and some none, are the whole."""
    points = np.concatenate([cloud(120), 1e-3 * cloud(80, seed=1), 9 + 9 * cloud(60, seed=2)])
    tree, asked = KDTree(points), {"r": 0.2}
    whole = tree.query_ball_tree(tree, **asked), tree.query_pairs(**asked), tree.count_neighbors(tree, [0.1, 0.2])
    monkeypatch.setattr(pieces, "_PIECE", 40)
    monkeypatch.setattr(pieces, "_FIRST", 2)
    sizes = [len(part.queries) for part in pieces.pairs_within(tree._space.index(2.0, points), points, 0.2)]
    assert len(sizes) > 50
    assert sum(sizes) == whole[2][1]
    again = tree.query_ball_tree(tree, **asked), tree.query_pairs(**asked), tree.count_neighbors(tree, [0.1, 0.2])
    assert again[:2] == whole[:2]
    np.testing.assert_array_equal(again[2], whole[2])


@pytest.mark.parametrize("edges", [1, 3, 60])
@pytest.mark.parametrize("reach", [0.05, 1.0])
def test_few_and_many_radii(edges: int, reach: float) -> None:
    """Counted a radius at a time or pair by pair, whichever costs less."""
    points, others = cloud(150), cloud(90, seed=1)
    true, radii = distances(points, others), np.linspace(reach / edges, reach, edges)
    tree, other = KDTree(points), KDTree(others)
    counts = [np.count_nonzero(true <= radius) for radius in radii]
    np.testing.assert_array_equal(tree.count_neighbors(other, radii), counts)
    np.testing.assert_array_equal(tree.count_neighbors(other, radii, cumulative=False), np.diff(counts, prepend=0))


def test_a_call_that_names_its_arguments() -> None:
    points = cloud(20)
    tree = cKDTree(data=points, leafsize=4, compact_nodes=False, copy_data=True, balanced_tree=False, boxsize=None)
    assert tree.data is not points
    assert tree.query(x=points[3], k=1, eps=0.1, p=1, distance_upper_bound=1, workers=-1) == (0.0, 3)
    assert tree.query_ball_point(x=points[3], r=0, p=2.0, eps=0, workers=2, return_sorted=None) == [3]


# --- the tree one can walk -------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    points=arrays(np.float64, st.tuples(st.integers(0, 40), st.integers(1, 3)), elements=st.integers(-3, 3)),
    leafsize=st.integers(1, 8),
    balanced=st.booleans(),
)
def test_nodes(points: Array, leafsize: int, balanced: bool) -> None:
    tree = cKDTree(points, leafsize=leafsize, balanced_tree=balanced)
    todo, walked = [tree.tree], []
    while todo:
        node = todo.pop()
        assert isinstance(node, cKDTreeNode)
        walked.append(node)
        np.testing.assert_array_equal(node.indices, tree.indices[node.start_idx : node.end_idx])
        np.testing.assert_array_equal(node.data_points, points[node.indices])
        assert node.children == len(node.indices)
        if node.split_dim < 0:
            assert node.lesser is None
            assert node.greater is None
            assert node.children <= leafsize or len(np.unique(node.data_points, axis=0)) == 1
            continue
        lesser, greater = node.lesser, node.greater
        assert lesser.level == greater.level == node.level + 1
        assert (lesser.start_idx, lesser.end_idx, greater.end_idx) == (node.start_idx, greater.start_idx, node.end_idx)
        assert lesser.data_points[:, node.split_dim].max() < node.split
        assert greater.data_points[:, node.split_dim].min() >= node.split
        todo += [greater, lesser]
    assert len(walked) == tree.size
    np.testing.assert_array_equal(np.sort(tree.indices), np.arange(len(points)))


def test_balanced_and_halved_nodes() -> None:
    points = np.array([[0.0], [1.0], [2.0], [100.0]])
    assert KDTree(points, leafsize=1).tree.split == 2.0
    assert KDTree(points, leafsize=1, balanced_tree=False).tree.split == 50.0
    huge = KDTree([[-1.7e308], [1.7e308]], leafsize=1, balanced_tree=False)
    assert (huge.tree.split, huge.size) == (0.0, 3)
    assert huge.query([1e308], p=np.inf) == (1.7e308 - 1e308, 1)


# --- keeping, sharing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KDTree, cKDTree])
def test_pickled_and_copied(kind: type[cKDTree]) -> None:
    points = cloud(100)
    tree = kind(points, leafsize=3, balanced_tree=False, boxsize=[1, 2, 0])
    for other in (pickle.loads(pickle.dumps(tree)), copy.deepcopy(tree), copy.copy(tree)):
        assert type(other) is kind
        assert (other.leafsize, other.size) == (tree.leafsize, tree.size)
        np.testing.assert_array_equal(other.query(points, 3)[1], tree.query(points, 3)[1])


def test_a_copy_does_not_follow_its_data() -> None:
    points = cloud(50)
    tree = KDTree(points, copy_data=True)
    before = tree.query(cloud(5), p=1)
    points[:] = 0
    np.testing.assert_array_equal(tree.query(cloud(5), p=1), before)


def test_threads_that_ask_for_new_norms() -> None:
    points = cloud(200)
    tree = KDTree(points)

    def ask(turn: int) -> Array:
        return tree.query(points, 4, p=1 + turn % 5, workers=2)[1]

    with ThreadPoolExecutor(4) as pool:
        for turn, found in enumerate(pool.map(ask, range(20))):
            np.testing.assert_array_equal(found, np.argsort(distances(points, points, 1 + turn % 5), axis=1)[:, :4])


def test_scipy_is_needed_for_its_own_matrices_only() -> None:
    program = """
import sys
sys.modules["scipy"] = None
from anear.compat.scipy import KDTree
tree = KDTree([[0.0, 1.0], [1.0, 1.0]])
tree.query([[0, 0]]), tree.query_pairs(1), tree.count_neighbors(tree, [1, 2]), tree.size
assert tree.sparse_distance_matrix(tree, 1, output_type="dict") == {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# --- what is refused --------------------------------------------------------------------------------------------------

POINTS = cloud(6)
TREE = KDTree(POINTS)
REFUSED: dict[str, tuple[type[Exception], str, Any]] = {
    "flat data": (ValueError, r"data must be of shape \(n, m\)", lambda: KDTree(POINTS[0])),
    "no coordinates": (ValueError, r"data must be of shape", lambda: KDTree(np.empty((3, 0)))),
    "words": (ValueError, "data must hold numbers", lambda: KDTree([["a"]])),
    "nan": (ValueError, "data must be finite", lambda: KDTree([[np.nan]])),
    "infinity": (ValueError, "data must be finite", lambda: cKDTree([[np.inf]])),
    "complex data": (TypeError, "complex data", lambda: cKDTree(POINTS + 1j)),
    "leafsize": (ValueError, "leafsize must be at least 1", lambda: KDTree(POINTS, leafsize=0)),
    "half a leaf": (TypeError, "leafsize is 2.5", lambda: KDTree(POINTS, leafsize=2.5)),
    "outside the box": (ValueError, "greater than the size", lambda: KDTree(POINTS, boxsize=0.5)),
    "below the box": (ValueError, "Negative input data", lambda: KDTree(-POINTS, boxsize=2)),
    "boxes": (ValueError, "broadcast", lambda: KDTree(POINTS, boxsize=[1, 2])),
    "negative box": (ValueError, "boxsize must be non-negative", lambda: KDTree(POINTS, boxsize=-1)),
    "nan box": (ValueError, "boxsize must be non-negative", lambda: KDTree(POINTS, boxsize=[1, np.nan, 1])),
    "k none": (ValueError, "k must be an integer or", lambda: TREE.query(POINTS, k=None)),
    "k zero": (ValueError, "k must be", lambda: TREE.query(POINTS, k=0)),
    "k with zero": (ValueError, "k must be", lambda: TREE.query(POINTS, k=[1, 0])),
    "k empty": (ValueError, "k must be", lambda: TREE.query(POINTS, k=[])),
    "k fraction": (ValueError, "k must be", lambda: TREE.query(POINTS, k=1.5)),
    "k nested": (ValueError, "k must be", lambda: TREE.query(POINTS, k=[[1]])),
    "p": (ValueError, "Only p-norms with 1<=p<=infinity permitted", lambda: TREE.query(POINTS, p=0.5)),
    "p nan": (ValueError, "Only p-norms", lambda: TREE.query_ball_point(POINTS, 1, p=np.nan)),
    "p a word": (TypeError, "p is 'a'", lambda: TREE.query_pairs(1, p="a")),
    "p overflows": (ValueError, "p is too large for these", lambda: KDTree(POINTS * 1e9).query(POINTS, p=100)),
    "squares overflow": (ValueError, "too large for these", lambda: KDTree(POINTS * 1e200).query(POINTS)),
    "eps": (ValueError, "eps must be non-negative", lambda: TREE.query(POINTS, eps=-1)),
    "length": (ValueError, r"vectors of length 3 but has shape \(2,\)", lambda: TREE.query([1, 2])),
    "number": (ValueError, "vectors of length 3", lambda: TREE.query(1.0)),
    "query nan": (ValueError, "'x' must be finite", lambda: TREE.query([0, np.nan, 0])),
    "query complex": (TypeError, "complex data", lambda: TREE.query_ball_point(POINTS * 1j, 1)),
    "no workers": (ValueError, "Invalid number of workers 0", lambda: TREE.query(POINTS, workers=0)),
    "half a worker": (TypeError, "workers is 1.5", lambda: TREE.query(POINTS, workers=1.5)),
    "radii": (ValueError, "broadcast", lambda: TREE.query_ball_point(POINTS, [1, 2])),
    "radius nan": (ValueError, "r must not be nan", lambda: TREE.query_ball_point(POINTS, np.nan)),
    "pairs nan": (ValueError, "r is nan", lambda: TREE.query_pairs(np.nan)),
    "no tree": (TypeError, "incorrect type", lambda: TREE.count_neighbors(POINTS, 1)),
    "another dimension": (
        ValueError,
        "query_ball_tree have different dimensionality",
        lambda: TREE.query_ball_tree(KDTree(POINTS[:, :2]), 1),
    ),
    "radii nested": (ValueError, "one-dimensional", lambda: TREE.count_neighbors(TREE, [[1]])),
    "falling radii": (ValueError, "non-decreasing", lambda: TREE.count_neighbors(TREE, [1, 0], cumulative=False)),
    "weights of two": (ValueError, "Two different trees", lambda: TREE.count_neighbors(KDTree(POINTS), 1, weights=[1])),
    "too few weights": (ValueError, "Number of weights", lambda: TREE.count_neighbors(TREE, 1, weights=([1], None))),
    "three weights": (ValueError, "tuple of 3", lambda: TREE.count_neighbors(TREE, 1, weights=(None, None, None))),
    "output of pairs": (ValueError, "Invalid output type", lambda: TREE.query_pairs(1, output_type="dict")),
    "output": (ValueError, "Invalid output type", lambda: TREE.sparse_distance_matrix(TREE, 1, output_type="csr")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    error, message, call = REFUSED[case]
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, ArgumentError)


def test_one_query_is_looked_at_as_many_are() -> None:
    """Vectors that need nothing done with them go a short way; all others, and those that nobody may ask, do not."""
    tree = KDTree(cloud(100) * 1e150)
    assert tree.query_ball_point(tree.data[3], 1e140) == [3]
    assert tree.query_ball_point(np.zeros(3, np.float32), 1) == []
    for query, message in ((np.full(3, 1e200), "too large"), (np.array([0, np.nan, 0]), "finite")):
        for _ in range(2):
            with pytest.raises(ArgumentError, match=message):
                tree.query_ball_point(query, 1.0)
    with pytest.raises(ArgumentError, match="vectors of length 3"):
        tree.query_ball_point(np.zeros(2), 1.0)
    assert KDTree(np.empty((0, 3))).query_ball_point(np.zeros(3), 1.0) == []
    assert type(tree.query_ball_point(tree.data[3], 1e140)[0]) is int


def test_a_negative_radius_finds_nothing() -> None:
    """SciPy squares it."""
    assert TREE.query_ball_point(POINTS[0], -1) == []
    assert TREE.query_pairs(-1) == set()
    assert TREE.count_neighbors(TREE, [-1, 0]).tolist() == [0, 6]

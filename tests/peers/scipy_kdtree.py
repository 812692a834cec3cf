"""SciPy's tests of its k-d trees."""

from __future__ import annotations

from typing import Any

TESTS = ("scipy.spatial.tests.test_kdtree",)

KNOWN: dict[str, str] = {}


def substitute() -> None:
    """Let ``from scipy.spatial import KDTree, cKDTree`` find anear's."""
    import scipy.spatial
    import scipy.spatial._ckdtree

    from anear.compat.scipy import KDTree, cKDTree, cKDTreeNode

    scipy.spatial.KDTree, scipy.spatial.cKDTree = KDTree, cKDTree
    scipy.spatial._ckdtree.cKDTreeNode = cKDTreeNode
    # A private method of SciPy's is asked by a test that else is about count_neighbors: what it tells, from the nodes.
    cKDTree._build_weights = _weights_of_nodes


def _weights_of_nodes(tree: Any, weights: Any) -> list[float]:
    """The sum of each node's weights, in the order of a walk."""
    if len(weights) != tree.n:
        raise ValueError(f"{len(weights)} weights for {tree.n} points")
    root = getattr(tree.tree, "_node", tree.tree)
    todo, sums = [root], []
    while todo:
        node = todo.pop()
        sums.append(float(weights[node.indices].sum()))
        todo += [] if node.lesser is None else [node.greater, node.lesser]
    return sums

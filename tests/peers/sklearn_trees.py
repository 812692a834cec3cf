"""scikit-learn's tests of its trees, and of the kernel densities that are made with them."""

from __future__ import annotations

TESTS = (
    "sklearn.neighbors.tests.test_kd_tree",
    "sklearn.neighbors.tests.test_ball_tree",
    "sklearn.neighbors.tests.test_neighbors_tree",
    "sklearn.neighbors.tests.test_kde",
)

KNOWN: dict[str, str] = {}


def substitute() -> None:
    """Let ``from sklearn.neighbors import KDTree`` and the like find anear's, and ``KernelDensity`` use them."""
    import sklearn.neighbors
    import sklearn.neighbors._ball_tree
    import sklearn.neighbors._kd_tree
    import sklearn.neighbors._kde

    from anear import trees

    for name in trees.__all__:
        for module in (sklearn.neighbors, sklearn.neighbors._kd_tree, sklearn.neighbors._ball_tree):
            if hasattr(module, name):
                setattr(module, name, getattr(trees, name))
    sklearn.neighbors._kde.TREE_DICT = {"ball_tree": trees.BallTree, "kd_tree": trees.KDTree}

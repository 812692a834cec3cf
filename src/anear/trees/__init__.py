"""Binary trees with scikit-learn's interface, under its metrics and under any formula.

    KDTree(X, leaf_size=40, metric="minkowski", **params)      query, query_radius, two_point_correlation,
    BallTree(...)                                              kernel_density, get_arrays, ...

``metrics`` turns scikit-learn's names into formulas, ``search`` answers the four questions everything else is made of,
``density`` and ``arrays`` hold what only these trees have. scikit-learn itself is not needed.
"""

from __future__ import annotations

from anear.trees.binary import BallTree, BallTree32, BallTree64, BinaryTree, KDTree, KDTree32, KDTree64

__all__ = ["BallTree", "BallTree32", "BallTree64", "BinaryTree", "KDTree", "KDTree32", "KDTree64"]

"""SciPy's k-d trees: a program that uses them runs after a change of import.

    from scipy.spatial import KDTree, cKDTree         # becomes
    from anear.compat.scipy import KDTree, cKDTree

Parameters, results, shapes and errors are those of SciPy 1.17; the searching is anear's, and exact.

    tree.py         the classes: what is asked for, in SciPy's shapes
    spaces.py       p and boxsize as a formula; an index for each p that is used
    pairs.py        whole sets against each other, a bounded piece at a time
    nodes.py        a binary tree to walk, made when it is asked for
    arguments.py    what may be given

What is different from SciPy: answers are exact whatever ``eps`` is; ties are ordered by the smaller index; a negative
radius finds nothing; numbers whose power overflows are refused rather than lost; negative ``eps`` and box sizes are
refused; the nodes that one can walk are a picture of the points for programs that want one, and not what is searched.

>>> import numpy as np
>>> tree = KDTree(np.random.default_rng(0).random((1000, 3)))
>>> distances, indices = tree.query(tree.data[:4], k=2)
>>> indices[:, 0]
array([0, 1, 2, 3])
"""

from __future__ import annotations

from anear.compat.scipy.nodes import cKDTreeNode
from anear.compat.scipy.tree import KDTree, cKDTree

__all__ = ["KDTree", "cKDTree", "cKDTreeNode"]

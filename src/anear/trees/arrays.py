"""The tree that ``get_arrays`` shows: scikit-learn's, halved at the median of the widest coordinate.

anear's own trees are wide, not binary, and laid out for vector instructions. Whoever walks a tree of scikit-learn by
its arrays (hierarchical clustering does) gets one here, made when it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["NODE", "ball_bounds", "binary_tree", "box_bounds"]

NODE: Final = np.dtype([("idx_start", np.intp), ("idx_end", np.intp), ("is_leaf", np.intp), ("radius", np.float64)])

Rows = npt.NDArray[Any]

Reach = Callable[[Rows, Rows], float]
"""The largest distance from one row to some."""


def binary_tree(points: Rows, leaf_size: int) -> tuple[npt.NDArray[np.intp], Rows]:
    """The order of the points, and the nodes (without their radius): node i has the children 2 i + 1 and 2 i + 2.

    >>> ids, nodes = binary_tree(np.array([[4.0], [1.0], [3.0], [2.0]]), leaf_size=1)
    >>> ids, nodes["is_leaf"]
    (array([1, 3, 2, 0]), array([0, 1, 1]))
    """
    n = len(points)
    levels = int(math.log2(max(1.0, (n - 1) / leaf_size)) + 1)
    nodes = np.zeros(2**levels - 1, NODE)
    ids = np.arange(n, dtype=np.intp)
    nodes[0]["idx_end"] = n
    inner = 2 ** (levels - 1) - 1
    nodes["is_leaf"][inner:] = 1
    for node in range(inner):
        start, stop = int(nodes[node]["idx_start"]), int(nodes[node]["idx_end"])
        middle = start + (stop - start) // 2
        own = points[ids[start:stop]]
        widest = int(np.argmax(np.ptp(own, axis=0)))
        ids[start:stop] = ids[start:stop][np.argpartition(own[:, widest], middle - start)]
        for child, begin, end in ((2 * node + 1, start, middle), (2 * node + 2, middle, stop)):
            nodes[child]["idx_start"], nodes[child]["idx_end"] = begin, end
    return ids, nodes


def box_bounds(points: Rows, ids: npt.NDArray[np.intp], nodes: Rows, reach: Reach) -> Rows:
    """The lower and the upper corner of each node, (2, nodes, D); its radius is that of the box."""
    bounds = np.empty((2, len(nodes), points.shape[1]), points.dtype)
    for node, (start, stop) in enumerate(zip(nodes["idx_start"], nodes["idx_end"], strict=True)):
        own = points[ids[start:stop]]
        bounds[0, node], bounds[1, node] = own.min(axis=0), own.max(axis=0)
        corners = np.ascontiguousarray(bounds[:, node])
        nodes["radius"][node] = reach(corners.mean(axis=0, keepdims=True), corners)
    return bounds


def ball_bounds(
    points: Rows, ids: npt.NDArray[np.intp], nodes: Rows, reach: Reach, weights: npt.NDArray[np.float64] | None
) -> Rows:
    """The mean of the points of each node, (1, nodes, D); its radius reaches the farthest of them."""
    bounds = np.empty((1, len(nodes), points.shape[1]), points.dtype)
    for node, (start, stop) in enumerate(zip(nodes["idx_start"], nodes["idx_end"], strict=True)):
        own = ids[start:stop]
        bounds[0, node] = np.average(points[own], axis=0, weights=None if weights is None else weights[own])
        nodes["radius"][node] = reach(bounds[:, node], points[own])
    return bounds

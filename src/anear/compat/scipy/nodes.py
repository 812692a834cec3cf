"""A binary tree over the points, for programs that walk one. It is made when asked for, and is not what is searched."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Division", "cKDTreeNode", "innernode", "leafnode", "node", "wrapped"]

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.intp]


class Division:
    """All nodes of a tree, in the order of a walk that visits the lesser side first; the points in their order.

    A node is divided across its widest coordinate: at the median, or in the middle of its extent where ``balanced`` is
    false. What is equal in all coordinates is not divided.
    """

    def __init__(self, data: Floats, leafsize: int, balanced: bool) -> None:
        self.data = data
        self.indices: Ids = np.arange(len(data))
        self.bounds: list[tuple[int, int, int]] = []  # start, end, level of each node
        self.splits: list[tuple[int, float]] = []
        self.greater: list[int] = []
        todo = [(0, len(data), 0, -1)]
        while todo:
            start, end, level, parent = todo.pop()
            number = len(self.bounds)
            if parent >= 0:
                self.greater[parent] = number
            dimension, split, middle = self._divided(start, end, leafsize, balanced)
            self.bounds.append((start, end, level))
            self.splits.append((dimension, split))
            self.greater.append(-1)
            if dimension >= 0:
                todo.append((middle, end, level + 1, number))
                todo.append((start, middle, level + 1, -1))

    def _divided(self, start: int, end: int, leafsize: int, balanced: bool) -> tuple[int, float, int]:
        """Order the points of a node by the side they are on: the coordinate, where it is cut, the first greater."""
        if end - start <= leafsize:
            return -1, 0.0, end
        own = self.indices[start:end]
        rows = self.data[own]
        low, high = rows.min(axis=0), rows.max(axis=0)
        with np.errstate(over="ignore"):  # infinite is wide enough
            dimension = int(np.argmax(high - low))
        if low[dimension] == high[dimension]:
            return -1, 0.0, end
        values = rows[:, dimension]
        half = len(values) // 2
        # Halves first: the sum of two large numbers would be infinite.
        split = np.partition(values, half)[half] if balanced else low[dimension] / 2 + high[dimension] / 2
        if split <= low[dimension]:
            split = values[values > low[dimension]].min()
        lesser = values < split
        middle = start + int(np.count_nonzero(lesser))
        self.indices[start:end] = np.concatenate([own[lesser], own[~lesser]])
        return dimension, float(split), middle

    @property
    def size(self) -> int:
        """The number of nodes."""
        return len(self.bounds)

    @property
    def root(self) -> cKDTreeNode:
        """Where a walk begins."""
        return cKDTreeNode(self, 0)


class cKDTreeNode:  # noqa: N801
    """A node as ``cKDTree.tree`` shows it.

    Attributes
    ----------
    level : its depth, 0 for the root.
    split_dim : the coordinate that it is divided by, -1 for a leaf.
    split : points less than this are on the lesser side.
    children : the number of its points.
    start_idx, end_idx : where they stand in ``cKDTree.indices``.
    indices, data_points : which they are, and their coordinates.
    lesser, greater : its two sides, None for a leaf.
    """

    def __init__(self, division: Division | None = None, number: int = 0) -> None:
        self._division = Division(np.empty((0, 1)), 1, True) if division is None else division
        self._number = number
        self.start_idx, self.end_idx, self.level = self._division.bounds[number]
        self.split_dim, self.split = self._division.splits[number]
        self.children = self.end_idx - self.start_idx

    @property
    def indices(self) -> Ids:
        """The node's points."""
        return self._division.indices[self.start_idx : self.end_idx]

    @property
    def data_points(self) -> Floats:
        """Their coordinates, (children, m)."""
        return self._division.data[self.indices]

    @cached_property
    def lesser(self) -> cKDTreeNode | None:
        """The side below ``split``."""
        return None if self.split_dim < 0 else cKDTreeNode(self._division, self._number + 1)

    @cached_property
    def greater(self) -> cKDTreeNode | None:
        """The other side."""
        return None if self.split_dim < 0 else cKDTreeNode(self._division, self._division.greater[self._number])


class node:  # noqa: N801
    """A node as ``KDTree.tree`` shows it; ordered by identity, as SciPy's are."""

    def __init__(self, ckdtree_node: cKDTreeNode | None = None) -> None:
        self._node = cKDTreeNode() if ckdtree_node is None else ckdtree_node

    def __lt__(self, other: object) -> bool:
        return id(self) < id(other)

    def __gt__(self, other: object) -> bool:
        return id(self) > id(other)

    def __le__(self, other: object) -> bool:
        return id(self) <= id(other)

    def __ge__(self, other: object) -> bool:
        return id(self) >= id(other)

    @property
    def children(self) -> int:
        """The number of its points."""
        return self._node.children


class leafnode(node):  # noqa: N801
    """A node that is not divided."""

    @property
    def idx(self) -> Ids:
        """Its points."""
        return self._node.indices


class innernode(node):  # noqa: N801
    """A node of two sides."""

    @property
    def split_dim(self) -> int:
        """The coordinate that it is divided by."""
        return self._node.split_dim

    @property
    def split(self) -> float:
        """Points less than this are on the lesser side."""
        return self._node.split

    @cached_property
    def less(self) -> node:
        """The side below ``split``."""
        return wrapped(self._node.lesser)

    @cached_property
    def greater(self) -> node:
        """The other side."""
        return wrapped(self._node.greater)


def wrapped(found: cKDTreeNode | None) -> node:
    """A node as KDTree shows it."""
    return node(found) if found is None else leafnode(found) if found.split_dim < 0 else innernode(found)

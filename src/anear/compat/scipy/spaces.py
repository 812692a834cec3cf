"""The distances of SciPy's trees as formulas, and an index for each that is asked for."""

from __future__ import annotations

import math
import threading

import numpy as np
import numpy.typing as npt

from anear.compat.scipy.arguments import extent
from anear.errors import ArgumentError
from anear.formula import x, y
from anear.formula.expression import Expr, constant
from anear.index.index import Index
from anear.spaces.lookup import resolve

__all__ = ["Space", "minkowski"]

Floats = npt.NDArray[np.float64]

# An index takes the memory of the points again. Programs use one norm, few use two.
_KEPT = 3
_FEW = 10
_FAR = 1e3  # how many times as far as the points reach


def minkowski(p: float, boxes: Floats | None) -> Expr:
    """The p-norm of the difference; on a torus, of the shorter way round.

    The way round of a coordinate that is not periodic (size 0) is as long as the straight one, so that all coordinates
    have one formula.

    >>> minkowski(1, np.array([10.0, 0.0])).numpy(np.array([1.0, 1.0]), np.array([9.0, 9.0])).item()
    10.0
    """
    if boxes is None:
        return resolve("minkowski", p=p).expr
    straight = abs(x - y)
    gaps = straight.minimum(abs(constant(boxes, "box") - straight))
    if math.isinf(p):
        return gaps.max()
    if p == 1:
        return gaps.sum()
    return (gaps**p).sum().sqrt() if p == 2 else (gaps**p).sum() ** (1.0 / p)


def _method(points: Floats) -> str:
    """The method that searches these points: in more dimensions than a few, boxes exclude too little."""
    return "kd_tree" if points.shape[1] <= _FEW else "flat"


class Space:
    """Points of a torus, or of the plain space, under every p-norm."""

    def __init__(self, data: Floats, boxes: Floats | None) -> None:
        self._data = data
        # A box without an end is no box.
        self.boxes = None if boxes is None else np.where(np.isfinite(boxes), boxes, 0.0)
        self._low, self._high = data.min(axis=0, initial=np.inf), data.max(axis=0, initial=-np.inf)
        self._least, self._most = extent(data)
        self._lock = threading.Lock()
        self._indexes: dict[float, Index] = {}
        self._near: dict[float, float] = {}  # queries of no larger numbers need no look at their powers

    def index(self, p: float, queries: Floats) -> Index:
        """The index for a norm, made when it is first asked for. There are queries, whose powers must be numbers."""
        if not self.powers_are_numbers(p, queries):
            raise ArgumentError(
                f"floating point overflow: the value of p is too large for these numbers; p is {p:g}."
                f" For such large p, consider using the special case p=np.inf"
            )
        with self._lock:
            index = self._indexes.get(p)
            if index is None:
                while len(self._indexes) >= _KEPT:
                    del self._indexes[next(iter(self._indexes))]
                index = Index(self._data, minkowski(p, self.boxes), method=_method(self._data))
                far = _FAR * max(abs(self._least), abs(self._most), 1.0)
                corner = np.full((1, self._data.shape[1]), far)
                self._near[p] = far if self.powers_are_numbers(p, np.vstack([-corner, corner])) else -1.0
                self._indexes[p] = index
        return index

    def index_near(self, p: float, query: Floats) -> Index | None:
        """The index for a norm, if it was made, for a query of a plain space that is not far away from all points."""
        index = self._indexes.get(p) if self.boxes is None else None
        if index is None:
            return None
        values, near = query.tolist(), self._near[p]
        return index if -near <= min(values) and max(values) <= near else None

    def powers_are_numbers(self, p: float, queries: Floats) -> bool:
        """Whether no sum of the powers of differences is beyond the numbers there are."""
        if p == 1 or math.isinf(p):
            return True
        low, high = extent(queries)
        try:
            if math.isfinite(2 * queries.shape[1] * (max(high, self._most) - min(low, self._least)) ** p):
                return True
        except OverflowError:
            pass
        with np.errstate(over="ignore"):
            gaps = np.maximum(self._high, queries.max(axis=0)) - np.minimum(self._low, queries.min(axis=0))
            return bool(np.isfinite(2 * queries.shape[1] * gaps.max() ** p))

    def wrapped(self, queries: Floats) -> Floats:
        """Queries moved into the box by whole box sizes."""
        if self.boxes is None:
            return queries
        periodic = self.boxes > 0
        moved = queries.copy()
        size = self.boxes[periodic]
        part = np.mod(queries[..., periodic], size)
        moved[..., periodic] = np.where(part < size, part, 0.0)  # -1e-300 modulo 1 rounds to 1
        return moved

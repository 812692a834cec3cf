"""From a radius to the rank that belongs to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, walk
from anear.formula.interpret import OPERATIONS

__all__ = ["outer_value", "rank_of_radius"]

_STEPS = 64 + 2


def outer_value(outer: Expr, ranks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """outer(rank), elementwise."""
    values: dict[Expr, npt.NDArray[np.float64]] = {}
    with np.errstate(all="ignore"):
        for node in walk(outer):
            if node.op == "prepared":
                values[node] = ranks
            elif node.op == "number":
                values[node] = np.full_like(ranks, node.value)
            else:
                values[node] = OPERATIONS[node.op](*(values[a] for a in node.args))
    return values[outer]


def rank_of_radius(outer: Expr, radii: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A rank that no point within the radius exceeds.

    Outer is increasing, so the largest float with ``outer(rank) <= radius`` is found by halving the interval of all
    floats, in the order of their bits. A little is added for outer's own rounding: points are checked against the
    radius itself afterwards.
    """
    if outer.op == "prepared":
        return radii.copy()
    low = np.full(radii.shape, _order(np.array(-np.inf)), np.int64)
    high = np.full(radii.shape, _order(np.array(np.inf)), np.int64)
    for _ in range(_STEPS):
        middle = low + ((high.astype(np.uint64) - low.astype(np.uint64)) >> np.uint64(1)).astype(np.int64)
        value = outer_value(outer, _number(middle))
        above = value > radii
        # NaN: below outer's domain on the left, beyond it on the right
        undefined = np.isnan(value)
        above = np.where(undefined, _number(middle) > 0, above)
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    rank = np.where(outer_value(outer, _number(high)) <= radii, _number(high), _number(low))
    return np.where(np.isfinite(rank), rank + 1e-12 * np.abs(rank) + 1e-300, rank)


def _order(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Whole numbers in the order of the floats."""
    bits = np.asarray(values, np.float64).view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits - 1, bits)


def _number(order: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The floats back."""
    bits = np.where(order < 0, np.int64(-(2**63)) - order - 1, order)
    return bits.view(np.float64)

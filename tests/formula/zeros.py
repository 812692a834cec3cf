"""What hangs on the sign of a zero, which no number has here: `1 / -0.0`, where the zero came out of a maximum."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pytest

from anear.formula import Expr, interpret
from anear.formula.interpret import evaluate

__all__ = ["determined", "is_determined"]

Array = npt.NDArray[np.float64]
Fields = Mapping[str, npt.NDArray[np.float64]]


def determined(
    expr: Expr, queries: Array, points: Array, point_data: Fields | None, query_data: Fields | None
) -> Array:
    """The value for every pair; NaN where it hangs on the sign of a zero, which no number has (``1 / -0.0``)."""
    values = evaluate(expr, queries, points, point_data, query_data)
    for zero in (0.0, -0.0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(interpret, "OPERATIONS", {op: _all_zeros(f, zero) for op, f in interpret.OPERATIONS.items()})
            patch.setattr(interpret, "_leaves", _all_zeros_of_leaves(interpret._leaves, zero))
            others = evaluate(expr, queries, points, point_data, query_data)
        values = np.where(values == others, values, np.nan)
    return values


def _all_zeros(f: Callable[..., Array], zero: float) -> Callable[..., Array]:
    def changed(*args: Array) -> Array:
        value = f(*args)
        return np.where(value == 0.0, zero, value)

    return changed


def _all_zeros_of_leaves(f: Callable[..., dict[Expr, Array]], zero: float) -> Callable[..., dict[Expr, Array]]:
    return lambda *args: {leaf: np.where(value == 0.0, zero, value) for leaf, value in f(*args).items()}


def is_determined(
    expr: Expr, queries: Array, points: Array, point_data: Fields | None, query_data: Fields | None
) -> bool:
    """Whether no value hangs on the sign of a zero."""
    values = evaluate(expr, queries, points, point_data, query_data)
    known = determined(expr, queries, points, point_data, query_data)
    return bool((np.isnan(known) <= np.isnan(values)).all())

"""What SciPy's trees may be given, checked; messages are SciPy's where it has one."""

from __future__ import annotations

import math
import operator
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError

__all__ = [
    "ArgumentTypeError",
    "approximation",
    "box_sizes",
    "extent",
    "leaf_size",
    "neighbours",
    "norm",
    "numbers",
    "point_matrix",
    "threads_of",
    "tolerance",
    "within_box",
]

Floats = npt.NDArray[np.float64]

_FEW = 16  # numbers that Python is faster with than NumPy


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument of the wrong kind, for which SciPy raises TypeError."""


def numbers(values: Any, name: str) -> Floats:
    """Finite real numbers as a contiguous array of float64: the same array where it is one already."""
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise ArgumentTypeError(f"KDTree does not work with complex data ({name})")
    try:
        array = np.asarray(array, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} must hold numbers: {error}") from None
    low, high = extent(array)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ArgumentError(f"{name} must be finite, check for nan or inf values")
    return array


def extent(array: Floats) -> tuple[float, float]:
    """The smallest and the largest number; NaN if there is one among them, 0 if there are none."""
    if array.size == 0:
        return 0.0, 0.0
    if array.size <= _FEW:
        values: list[float] = array.ravel().tolist()
        if math.isfinite(sum(values)):  # so there is no NaN
            return min(values), max(values)
    return float(np.minimum.reduce(array, None)), float(np.maximum.reduce(array, None))


def point_matrix(data: Any, copy: bool) -> Floats:
    """The points (n, m), m at least 1; n may be 0."""
    array = numbers(data, "data")
    if array.ndim != 2 or array.shape[1] == 0:
        raise ArgumentError(
            f"data must be of shape (n, m), where there are n points of dimension m; it has shape {array.shape}"
        )
    return array.copy() if copy else array


def _integer(value: Any, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"{name} is {value!r}; it must be an integer") from None


def leaf_size(value: Any) -> int:
    """``leafsize``: at least 1."""
    size = _integer(value, "leafsize")
    if size < 1:
        raise ArgumentError(f"leafsize must be at least 1; it is {size}")
    return size


def neighbours(k: Any) -> tuple[npt.NDArray[np.intp], bool]:
    """Which neighbours are wanted, counted from 0, and whether ``k`` was a sequence.

    >>> neighbours(3), neighbours([2])
    ((array([0, 1, 2]), False), (array([1]), True))
    """
    try:
        return np.arange(_at_least_one(operator.index(k))), False
    except TypeError:
        pass
    wanted = None if k is None or isinstance(k, str | bytes) else np.asarray(k)
    if wanted is None or wanted.ndim != 1 or wanted.dtype.kind not in "iu" or len(wanted) == 0:
        raise ArgumentError(f"k must be an integer or a sequence of integers; it is {k!r}")
    _at_least_one(int(wanted.min()))
    return wanted.astype(np.intp) - 1, True


def _at_least_one(k: int) -> int:
    if k < 1:
        raise ArgumentError(f"k must be an integer or a sequence of integers from 1 on; it has {k}")
    return k


def norm(p: Any) -> float:
    """``p``: from 1 to infinity."""
    try:
        power = float(p)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"p is {p!r}; it must be a number from 1 to infinity") from None
    if not power >= 1:
        raise ArgumentError(f"Only p-norms with 1<=p<=infinity permitted; p is {p!r}")
    return power


def approximation(eps: Any) -> float:
    """``eps``: any number from 0 on."""
    try:
        allowed = float(eps)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"eps is {eps!r}; it must be a number from 0 on") from None
    if not allowed >= 0:
        raise ArgumentError(f"eps must be non-negative; it is {eps!r}")
    return allowed


def tolerance(eps: Any) -> float:
    """What radii are multiplied by in a search that may be off by a factor of 1 + eps: a few ulps of it are taken.

    So points whose distance is the radius but for its rounding, as on a grid, are found where rounding is allowed for.
    """
    return 1.0 + min(approximation(eps), 2.0**-40)


def threads_of(workers: Any) -> int | None:
    """``workers`` as a number of threads; None, as many as the process may use, for -1."""
    if workers is None:
        return 1
    count = _integer(workers, "workers")
    if count == -1:
        if os.cpu_count() is None:
            raise NotImplementedError("Cannot determine the number of cpus using os.cpu_count(), cannot use -1")
        return None
    if count < 1:
        raise ArgumentError(f"Invalid number of workers {count}, must be -1 or > 0")
    return count


def box_sizes(boxsize: Any, dimension: int) -> Floats | None:
    """``boxsize``: one number for each coordinate, 0 for one that is not periodic."""
    if boxsize is None:
        return None
    given = np.asarray(boxsize, np.float64)
    if given.shape not in ((), (1,), (dimension,)):
        raise ArgumentError(
            f"could not broadcast input array from shape {given.shape} into shape ({dimension},): boxsize"
        )
    if not (given >= 0).all():
        raise ArgumentError(f"boxsize must be non-negative; it is {boxsize!r}")
    return np.broadcast_to(given, (dimension,)).copy()


def within_box(data: Floats, boxes: Floats) -> None:
    """Points of periodic coordinates must lie in the box."""
    periodic = boxes > 0
    if (data[:, periodic] >= boxes[periodic]).any():
        raise ArgumentError("Some input data are greater than the size of the periodic box.")
    if (data[:, periodic] < 0).any():
        raise ArgumentError("Negative input data are outside of the periodic box.")

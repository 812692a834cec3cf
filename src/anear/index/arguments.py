"""Checked arguments that are no data: numbers, flags, callbacks, paths. Errors name the argument and its value."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.types.dense import MAX_ROWS
from anear.errors import ArgumentError

__all__ = [
    "MAX_THREADS",
    "Progress",
    "callback",
    "file_path",
    "flag",
    "mapping",
    "neighbour_count",
    "radii",
    "radii_for_all",
    "real_number",
    "shown",
    "threads",
    "whole_number",
]

Progress = Callable[[int, int], bool | None]

MAX_THREADS: Final = 4096  # what ANEAR_NUM_THREADS is held to as well

# An answer of which most is filling may have so many places (1.5 GB): a mistyped k must not take a machine's memory.
_MOST_FILLED: Final = 2**27


def whole_number(value: Any, name: str, most: int, least: int = 1) -> int:
    """A whole number from ``least`` to ``most``."""
    if type(value) is int and least <= value <= most:
        return value
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise ArgumentError(f"{name} is {shown(value)}; allowed: a whole number from {least} to {most}")
    return int(value)


def real_number(value: Any, name: str, above: float, most: float) -> float:
    """A number above ``above`` and up to ``most``."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not above < value <= most:
        raise ArgumentError(f"{name} is {shown(value)}; allowed: a number above {above:g}, up to {most:g}")
    return float(value)


def neighbour_count(value: Any, points: int, queries: int = 1) -> int:
    """``k``: at least 1. More than there are points is legal, within reason.

    >>> neighbour_count(0, 100)
    Traceback (most recent call last):
    ...
    anear.errors.ArgumentError: k is 0; allowed: a whole number from 1 to 4293918720
    """
    k = whole_number(value, "k", MAX_ROWS)
    if k > points and k * queries > max(_MOST_FILLED, points * queries):
        raise ArgumentError(
            f"k is {k} for {queries} queries of {points} points: most of the answer's {k * queries * 16 >> 30} GB would"
            f" be empty; allowed: up to {points}, or more while k times the queries is at most {_MOST_FILLED}"
        )
    return k


def threads(value: Any) -> int:
    """``num_threads``: None means as many as the process may use (0 for the core)."""
    return 0 if value is None else whole_number(value, "num_threads", MAX_THREADS)


def flag(value: Any, name: str) -> bool:
    """True or False, nothing that merely counts as one: ``check_domain="no"`` would be true."""
    if value is True or value is False:
        return bool(value)
    if not isinstance(value, np.bool):
        raise ArgumentError(f"{name} is {shown(value)}; allowed: True or False")
    return bool(value)


def callback(value: Any) -> Progress | None:
    """``progress``: something to call, or None."""
    if value is not None and not callable(value):
        raise ArgumentError(f"progress is {shown(value)}; allowed: a function of (done, total), or None")
    checked: Progress | None = value
    return checked


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """``point_data`` or ``query_data``: names and arrays; None is an empty one.

    Anything with keys will do, such as a data frame's columns.
    """
    if value is None:
        return {}
    if not (hasattr(value, "keys") and hasattr(value, "__getitem__")):
        raise ArgumentError(f"{name} is {shown(value)}; allowed: a dict of names and arrays, such as {{'s': s}}")
    return {key: value[key] for key in value.keys()}  # noqa: SIM118


def radii(value: Any, queries: int) -> npt.NDArray[np.float64]:
    """``radius``: a number, or one for each query; float64, one for each query.

    >>> radii(0.5, 2)
    array([0.5, 0.5])
    """
    if type(value) is float and value == value:  # the way of a single query, kept short
        return np.full(queries, value)
    array = _radii(value)
    if array.shape not in ((), (queries,)):
        raise ArgumentError(
            f"radius has shape {array.shape}; allowed: a number, or one for each of the {queries} queries"
        )
    return np.ascontiguousarray(np.broadcast_to(array, (queries,)), np.float64)


def radii_for_all(value: Any) -> npt.NDArray[np.float64]:
    """``radius`` where it is a number, or several, for all queries.

    >>> radii_for_all([2, 1])
    array([2., 1.])
    """
    array = _radii(value)
    if array.ndim > 1:
        raise ArgumentError(f"radius has shape {array.shape}; allowed: a number, or a list of them")
    return np.atleast_1d(array)


def _radii(value: Any) -> npt.NDArray[np.float64]:
    array = np.asarray(_float(value) if type(value) in (int, float) else _numbers(value))
    if np.isnan(array).any():
        place = "" if array.ndim == 0 else f"[{int(np.isnan(array).argmax())}]"
        raise ArgumentError(f"radius{place} is nan; allowed: a number, or one for each query")
    return array


def _float(value: float) -> float:
    """A number as a float; whole ones beyond its range as infinity of their sign."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, 1 if value > 0 else -1)


def _numbers(value: Any) -> npt.NDArray[np.float64]:
    array = None
    if not isinstance(value, str | bytes | bytearray):
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError, BufferError):
            array = None
    if array is None or array.dtype.kind not in "iuf":
        raise ArgumentError(f"radius is {shown(value)}; allowed: a number, or one for each query")
    return array.astype(np.float64)


def file_path(value: Any, name: str = "path") -> str:
    """The argument ``name`` as text, links followed, so that saving replaces what a link points at and not the link."""
    try:
        path = os.fsdecode(value)
    except TypeError:
        raise ArgumentError(f"{name} is {shown(value)}; allowed: the name of a file") from None
    if not path or "\0" in path:
        raise ArgumentError(f"{name} is {path!r}; allowed: the name of a file")
    return os.path.realpath(path)


def shown(value: Any) -> str:
    """A value for an error message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

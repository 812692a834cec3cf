"""What the command line gives as text, turned into arrays and numbers."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import anear
from anear.cli.progress import Bars
from anear.errors import ArgumentError

if TYPE_CHECKING:
    from anear.data.dataset import Dataset

__all__ = ["assignments", "fields", "read", "value"]


def read(path: Path, option: str, bars: Bars, limit: int | None = None) -> Dataset:
    """Read a data file, or with ``file:key`` one array of it, at most ``limit`` rows.

    Raises ArgumentError, naming the ``option`` that named the file, when there is no such file or key.
    """
    try:
        return anear.read(path, limit=limit, progress=bars.task(f"reading {path.name}"))
    except ArgumentError as error:
        raise ArgumentError(f"{option}: {error}") from None


def assignments(option: str, entries: Sequence[str]) -> dict[str, str]:
    """``["p=3", "w=@w.npy"]`` as a dictionary of texts.

    >>> assignments("--param", ["p=3"])
    {'p': '3'}
    """
    found: dict[str, str] = {}
    for entry in entries:
        name, sign, text = entry.partition("=")
        name = name.strip()
        if not sign or not name.isidentifier() or not text.strip():
            raise ArgumentError(f"{option} {entry!r}: write it as name=value, for example {option} p=3")
        if name in found:
            raise ArgumentError(f"{option}: {name!r} is given twice")
        found[name] = text.strip()
    return found


def value(option: str, name: str, text: str, bars: Bars) -> float | npt.NDArray[Any]:
    """A parameter's value: a number, a list such as ``[1, 2, 3]``, or ``@file`` for the rows of a data file.

    >>> value("--param", "p", "0.5", Bars())
    0.5
    >>> value("--param", "w", "[1, 2, 3]", Bars())
    array([1., 2., 3.])
    """
    if text.startswith("@"):
        rows = np.asarray(read(Path(text[1:]), f"{option} {name}", bars).rows)
        return rows[0] if len(rows) == 1 else rows
    try:
        number = ast.literal_eval(text)
        if isinstance(number, list):
            return np.array(number, dtype=np.float64)
        return float(number)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise ArgumentError(
            f"{option} {name}={text}: give a number, a list like [1, 2, 3], or @file for the rows of a data file"
        ) from None


def fields(option: str, entries: Sequence[str], bars: Bars) -> dict[str, npt.NDArray[Any]] | None:
    """``["s=@s.npy"]`` as arrays with one row (or one number) an object; None when nothing is given."""
    found: dict[str, npt.NDArray[Any]] = {}
    for name, text in assignments(option, entries).items():
        array = np.asarray(value(option, name, text, bars))
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        found[name] = array
    return found or None

"""What reading a file gives, and what a format's reader is asked for."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from anear.data.types.dense import Array
from anear.errors import ArgumentError

__all__ = ["Dataset", "Progress", "Request"]

# Called with (bytes done, bytes in all) now and then; returning False cancels the work, returning None does not.
Progress: TypeAlias = Callable[[int, int], bool | None]


@dataclass(frozen=True)
class Dataset:
    """Objects read from a file.

    :ivar rows: one object a row, shape ``(n, d)``, in the file's own type of number, not checked for NaN; a file of
        plain numbers (labels, ids, weights) gives shape ``(n,)``. May be read-only memory mapped from the file.
    :ivar labels: the class of each object, shape ``(n,)``, of whole numbers (-1: none) or text; None if there are none.
    :ivar names: what the file calls each object (a word, an identifier); None if it does not.
    :ivar source: the file, and the part of it, that the objects are from.
    """

    rows: Array
    labels: Array | None = None
    names: list[str] | None = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.rows.shape))
        labels = "" if self.labels is None else ", labels"
        names = "" if self.names is None else ", names"
        return f"Dataset({shape} {self.rows.dtype}{labels}{names}, from {self.source!r})"


@dataclass(frozen=True)
class Request:
    """What a format is asked to read.

    :ivar path: the file.
    :ivar key: which of the arrays or columns in it; None for the obvious one.
    :ivar rows: which of its rows; start and stop only.
    :ivar progress: see :data:`Progress`.
    :ivar label: the column that holds the labels, by name or number, for tables.
    :ivar name: the column that holds the objects' names, for tables.
    :ivar unpacked_limit: the most bytes a compressed file may unpack to.
    """

    path: Path
    key: str | None = None
    rows: slice = field(default_factory=lambda: slice(None))
    progress: Progress | None = None
    label: str | int | None = None
    name: str | int | None = None
    unpacked_limit: int = 1 << 36

    @property
    def source(self) -> str:
        """The file and the key as they are written on the command line."""
        return str(self.path) if self.key is None else f"{self.path}:{self.key}"

    def span(self, count: int) -> tuple[int, int]:
        """The (first, one past the last) of the rows asked for, out of ``count``."""
        start, stop, _ = self.rows.indices(count)
        return start, max(start, stop)

    @property
    def stop(self) -> int | None:
        """The row to stop before, where that is known without the number of rows; else None."""
        start, stop = self.rows.start or 0, self.rows.stop
        return stop if stop is not None and stop >= 0 and start >= 0 else None


def checked_slice(rows: slice | int | None, limit: int | None) -> slice:
    """The rows asked for as a slice; a number is how many, from the first on."""
    if rows is not None and limit is not None:
        raise ArgumentError("give either rows or limit, not both")
    if limit is not None or not isinstance(rows, slice):
        count = rows if limit is None else limit
        if count is not None and _index(count, "limit") < 1:
            raise ArgumentError(f"{'rows' if limit is None else 'limit'} is {count}; at least 1 is needed")
        return slice(None, None if count is None else _index(count, "limit"))
    if rows.step not in (None, 1):
        raise ArgumentError(f"rows has step {rows.step}; only start and stop are allowed: slice the result instead")
    start = 0 if rows.start is None else _index(rows.start, "rows")
    stop = None if rows.stop is None else _index(rows.stop, "rows")
    if stop is not None and (start < 0) == (stop < 0) and stop <= start:
        raise ArgumentError(f"rows is {rows}, which is no row at all")
    return slice(start, stop)


def _index(value: object, name: str) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]  # that it may be anything is the point
    except TypeError:
        raise ArgumentError(f"{name} has {value!r}; a whole number is needed") from None

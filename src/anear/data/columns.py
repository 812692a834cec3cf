"""Tables of an Arrow library (Parquet, Arrow files, CSV with text in it) as rows, labels and names, batch by batch.

The objects are either all the columns of numbers, or one column of vectors (embeddings are kept that way).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from anear.data.dataset import Dataset, Request
from anear.data.types.dense import Array
from anear.errors import ArgumentError, FileFormatError

__all__ = ["Columns", "Gathered", "choose", "need"]


def need(package: str, what: str) -> Any:
    """The package, or an error that says how to get it."""
    try:
        return importlib.import_module(package)
    except ImportError:
        name = package.partition(".")[0]
        raise ArgumentError(f"{what} needs {name}, which is not installed: pip install anear[data]") from None


@dataclass(frozen=True)
class Columns:
    """Which columns hold what, by number.

    :ivar vectors: whether ``numbers`` is one column whose entries are vectors.
    """

    names: list[str]
    numbers: list[int]
    vectors: bool
    label: int | None
    name: int | None

    @property
    def used(self) -> list[int]:
        """The numbers of all columns that are read, in ascending order."""
        return sorted({*self.numbers, *(index for index in (self.label, self.name) if index is not None)})


def choose(schema: Any, request: Request) -> Columns:
    """Find the objects, labels and names in an Arrow schema."""
    types = need("pyarrow", "this file").types
    names = [str(name) for name in schema.names]
    label = column_number(names, request.label, "label", request)
    name = column_number(names, request.name, "name", request)
    kinds = [_kind(types, field.type) for field in schema]
    key = column_number(names, request.key, "key", request)
    left = [index for index in range(len(names)) if index not in (label, name)]
    vectors = [index for index in left if kinds[index] == "vector"] if key is None else [key]
    if key is not None and kinds[key] != "vector":
        raise ArgumentError(f"{request.path}: column {names[key]!r} is of type {schema.types[key]}, not vectors")
    if len(vectors) > 1:
        listed = ", ".join(repr(names[index]) for index in vectors)
        raise ArgumentError(f"{request.path} has several columns of vectors ({listed}); name one as in FILE:COLUMN")
    if vectors:
        return Columns(names, vectors, True, label, name)
    for index in left:
        if kinds[index] != "number":
            raise ArgumentError(
                f"{request.path}: column {names[index]!r} is of type {schema.types[index]}, not numbers; "
                "if it holds the labels or the names, say so (label=, name=)"
            )
    if not left:
        raise FileFormatError(f"{request.path}: has no columns of numbers")
    return Columns(names, left, False, label, name)


def column_number(names: list[str], wanted: str | int | None, option: str, request: Request) -> int | None:
    """A column given by its name or by its number as the number."""
    if wanted is None:
        return None
    if isinstance(wanted, str) and names.count(wanted) == 1:
        return names.index(wanted)
    if isinstance(wanted, str) and wanted not in names and wanted.removeprefix("-").isdigit():
        wanted = int(wanted)
    if isinstance(wanted, int) and -len(names) <= wanted < len(names):
        return wanted % len(names)
    listed = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
    raise ArgumentError(f"{request.path} has no column {option}={wanted!r}; it has {listed}")


def _kind(types: Any, kind: Any) -> str:
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return "number"
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "vector" if _kind(types, kind.value_type) == "number" else "other"
    return "other"


class Gathered:
    """Collects batches of a table."""

    def __init__(self, columns: Columns, request: Request) -> None:
        self._columns = columns
        self._request = request
        self._rows: list[Array] = []
        self._labels: list[Any] = []
        self._names: list[str] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether all rows that were asked for are here."""
        return self._request.stop is not None and self._count >= self._request.stop

    def add(self, batch: Any) -> None:
        """One record batch that has the used columns only."""
        chosen = self._columns
        place = {index: number for number, index in enumerate(chosen.used)}
        for index in chosen.used:
            if batch.column(place[index]).null_count:
                row = self._count + int(np.asarray(batch.column(place[index]).is_null()).argmax())
                self._fail(row, index, "is missing (null)")
        if chosen.vectors:
            self._rows.append(self._vectors(batch.column(place[chosen.numbers[0]])))
        else:
            parts = [_numbers(batch.column(place[index])) for index in chosen.numbers]
            self._rows.append(np.column_stack(parts))
        if chosen.label is not None:
            self._labels += batch.column(place[chosen.label]).to_pylist()
        if chosen.name is not None:
            self._names += map(str, batch.column(place[chosen.name]).to_pylist())
        self._count += batch.num_rows

    def _vectors(self, column: Any) -> Array:
        """A column of lists as a matrix; they must be of one length."""
        values = column.flatten()
        if values.null_count:
            self._fail(self._count, self._columns.numbers[0], "or a later one has a missing value (null) in its vector")
        flat = _numbers(values)
        lengths = np.asarray(column.value_lengths()) if hasattr(column, "value_lengths") else None
        if lengths is None or not len(lengths):
            return flat.reshape(len(column), -1) if len(column) else flat.reshape(0, column.type.list_size)
        width = self._rows[0].shape[1] if self._rows else int(lengths[0])
        if (lengths != width).any():
            row = int((lengths != width).argmax())
            self._fail(self._count + row, self._columns.numbers[0], f"has {lengths[row]} values; {width} are needed")
        return flat.reshape(len(column), width)

    def _fail(self, row: int, column: int, what: str) -> NoReturn:
        raise FileFormatError(f"{self._request.path}: row {row}, column {self._columns.names[column]!r} {what}")

    def dataset(self) -> Dataset:
        """All that was gathered, cut to the rows asked for."""
        if not self._count or not self._rows[0].shape[1]:
            raise FileFormatError(f"{self._request.path}: holds no rows")
        start, stop = self._request.span(self._count)
        rows = self._rows[0] if len(self._rows) == 1 else np.concatenate(self._rows)
        labels = None if self._columns.label is None else np.array(self._labels[start:stop])
        if labels is not None and labels.dtype.kind == "U":
            labels = _whole_labels(labels)
        names = None if self._columns.name is None else self._names[start:stop]
        return Dataset(rows[start:stop], labels, names, self._request.source)


def _numbers(column: Any) -> Array:
    """A column without nulls; booleans are bits in Arrow and become uint8."""
    values: Array = column.to_numpy(zero_copy_only=False)
    return values.view(np.uint8) if values.dtype == np.bool_ else values


def _whole_labels(labels: Array) -> Array:
    """Text that is whole numbers throughout (CSV does not tell) as such."""
    try:
        return labels.astype(np.int64)
    except (ValueError, OverflowError):
        return labels

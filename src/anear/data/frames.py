"""Tables of numbers (pandas, polars, pyarrow, ...) as matrices. None of these packages is imported for the purpose."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from anear.data.types.dense import Array
from anear.errors import ArgumentError

__all__ = ["frame_matrix", "is_frame"]


_PROTOCOLS = ("__dataframe__", "__arrow_c_stream__", "__narwhals_dataframe__", "collect", "compute")


def is_frame(value: Any) -> bool:
    """Whether ``value`` is a table with named columns in one of the protocols that Python's data frames share.

    The type is asked and not the object: for lazy frames its columns can be a query.
    """
    kind = type(value)
    named = hasattr(kind, "columns") or hasattr(kind, "column_names")
    return named and any(hasattr(kind, protocol) for protocol in _PROTOCOLS)


def frame_matrix(frame: Any, name: str) -> tuple[Array, list[str] | None]:
    """The numbers of ``frame`` as a matrix (of NumPy's common type of the columns), and the columns' names.

    A frame of a single column of vectors gives these, as a matrix or as an array of objects, and None.

    narwhals reads any kind of frame; without it (it comes with scikit-learn, plotly, altair and others) the frame's own
    ``__array__`` has to do, which names a column that is not numeric less exactly.
    """
    if hasattr(type(frame), "collect") or hasattr(type(frame), "compute"):
        raise ArgumentError(f"{name} is a {_kind(frame)}, which holds no numbers yet; collect() or compute() it first")
    try:
        import narwhals
    except ImportError:
        return _plain_matrix(frame, name)
    columns, numbered = _numbered(frame)
    try:
        table: Any = narwhals.from_native(numbered, eager_only=True)
    except TypeError:
        return _plain_matrix(frame, name)
    if not columns:
        return np.empty((len(table), 0), np.float32), columns
    ((first, kind), *more) = table.schema.items()
    if not more and kind in (narwhals.List, narwhals.Array, narwhals.Object):
        return table[first].to_numpy(), None
    parts = [
        _column(table[key], column, dtype, name, narwhals)
        for column, (key, dtype) in zip(columns, table.schema.items(), strict=True)
    ]
    if len({part.dtype for part in parts}) > 1:
        for column, part in zip(columns, parts, strict=True):
            _check_whole(part, column, name)
    whole = _without_copy(frame, parts)
    return (np.column_stack(parts) if whole is None else whole), columns


def _numbered(frame: Any) -> tuple[list[str], Any]:
    """The names of the columns, and the frame with columns named "0", "1", ...

    narwhals finds columns by name, but pandas and Arrow let names repeat, and pandas' need not be strings.
    """
    columns = [str(column) for column in getattr(frame, "column_names", None) or getattr(frame, "columns", [])]
    names = [str(number) for number in range(len(columns))]
    if hasattr(frame, "set_axis"):
        return columns, frame.set_axis(names, axis=1)
    if type(frame).__name__ == "RecordBatch" and "pyarrow" in sys.modules:  # narwhals knows tables only
        frame = sys.modules["pyarrow"].Table.from_batches([frame])
    if hasattr(frame, "rename_columns"):
        return columns, frame.rename_columns(names)
    return columns, frame


def _column(series: Any, column: str, dtype: Any, name: str, narwhals: Any) -> Array:
    """One column as a 1-D array of numbers; an error names the column, and the row of a missing value."""
    if not (dtype.is_numeric() or dtype == narwhals.Boolean):
        raise ArgumentError(
            f"{name}: column {column!r} is of type {dtype}, not numbers; drop it or select the others first"
        )
    if series.null_count():
        values = series.to_numpy()
        # pandas calls NaN missing; a NaN among floats is for the check of finite values to judge.
        if values.dtype.kind != "f" or not _nan_is_null(series, narwhals):
            row = int(np.asarray(series.is_null().to_numpy(), bool).argmax())
            raise ArgumentError(f"{name}: row {row}, column {column!r} is missing (null); fill or drop it first")
        return np.asarray(values)
    values = np.asarray(series.to_numpy())
    return values.astype(np.float64) if values.dtype.kind == "O" else values


def _check_whole(part: Array, column: str, name: str) -> None:
    """Columns of several types become float64 at most, which not every whole number of 64 bits is in."""
    if part.dtype.kind in "iu" and part.dtype.itemsize == 8 and part.size:
        largest = max(int(part.max()), -int(part.min()))
        if largest > 2**53:
            raise ArgumentError(
                f"{name}: column {column!r} holds whole numbers up to {largest}, beyond 2**53: identifiers?"
            )


def _nan_is_null(series: Any, narwhals: Any) -> bool:
    """Whether the series is one of pandas' own floats, which have no missing value but NaN."""
    native = series.to_native()
    return isinstance(getattr(native, "dtype", None), np.dtype) and series.dtype in (
        narwhals.Float32,
        narwhals.Float64,
    )


def _without_copy(frame: Any, parts: list[Array]) -> Array | None:
    """pandas keeps columns of one type as one matrix; take that when every column is of the same NumPy type."""
    if len({part.dtype for part in parts}) > 1 or not hasattr(frame, "to_numpy"):
        return None
    whole = frame.to_numpy()
    same = isinstance(whole, np.ndarray) and whole.ndim == 2 and whole.dtype == parts[0].dtype
    return whole if same else None


def _plain_matrix(frame: Any, name: str) -> tuple[Array, list[str] | None]:
    """What the frame's own conversion gives; columns that are not numbers make it give objects."""
    columns, _ = _numbered(frame)
    if not hasattr(frame, "__array__"):
        raise ArgumentError(f"{name} is a {_kind(frame)}, which offers no numbers; turn it into a NumPy array first")
    whole = np.asarray(frame)
    vectors = whole.dtype == object and whole.shape[1:] == (1,) and hasattr(whole[:1].item(), "__len__")
    return (whole[:, 0], None) if vectors and not isinstance(whole[0, 0], str) else (whole, columns)


def _kind(value: Any) -> str:
    return f"{type(value).__module__.partition('.')[0]} {type(value).__name__}"
